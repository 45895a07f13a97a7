//! Bytes written part by part, as numbers or digits.

use super::encode::hex;
use super::{Arg, Converter, Tools, converter};
use super::{BIN_STR, bytes, written};
use crate::pattern::Value;
use crate::util::fmt::Out;

/// Writes the parts of a size with a separator between; a last one that is shorter only when the row's third argument
/// is not 1.
fn parts<'a>(value: Value, args: &[Arg], t: &mut Tools<'a, '_>, put: fn(&[u8], &mut Out)) -> Option<Value<'a>> {
    let bytes = bytes(value);
    let size = usize::try_from(args[1].int_or(0)).ok().filter(|n| *n > 0).unwrap_or(usize::MAX);
    let whole = if args[2].int_or(0) == 1 { bytes.len() - bytes.len() % size } else { bytes.len() };
    let write = |o: &mut Out| {
        for (i, part) in bytes[..whole].chunks(size).enumerate() {
            o.put(if i > 0 { args[0].text() } else { b"" });
            put(part, o);
        }
    };
    written(t, write).map(Value::Str)
}

fn big_endian(bytes: &[u8], out: &mut Out) {
    out.num(bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b)));
}

fn little_endian(bytes: &[u8], out: &mut Out) {
    out.num(bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b)));
}

fn cut_flag(flag: &Arg) -> Result<(), String> {
    match flag.int_or(0) {
        0 | 1 => Ok(()),
        n => Err(format!("whether a shorter part is left out is 0 or 1, not {n}")),
    }
}

fn numbers(args: &mut [Arg]) -> Result<(), String> {
    match args[1].int_or(0) {
        1..=8 => cut_flag(&args[2]),
        n => Err(format!("a number has 1 to 8 bytes, not {n}")),
    }
}

fn dumps(args: &mut [Arg]) -> Result<(), String> {
    match (args[1].int_or(0), args[0].text()) {
        (n, []) if n >= 0 => cut_flag(&args[2]),
        (1.., _) => cut_flag(&args[2]),
        (n, _) => Err(format!("a part has 1 byte or more, not {n}")),
    }
}

/// Sorted by name.
pub static TABLE: &[Converter] = &[
    converter(
        "be2dec",
        "separator?,size:int,cut:int?",
        BIN_STR,
        "2.5",
        "Big-endian numbers of a size in bytes, in decimal.",
        |v, a, _, t| parts(v, a, t, big_endian),
    )
    .prepared(numbers),
    converter(
        "be2hex",
        "separator?,size:int?,cut:int?",
        BIN_STR,
        "2.5",
        "Hexadecimal digits with a separator between parts of a size in bytes.",
        |v, a, _, t| parts(v, a, t, hex),
    )
    .prepared(dumps),
    converter(
        "le2dec",
        "separator?,size:int,cut:int?",
        BIN_STR,
        "3.0",
        "Little-endian numbers of a size in bytes, in decimal.",
        |v, a, _, t| parts(v, a, t, little_endian),
    )
    .prepared(numbers),
];
