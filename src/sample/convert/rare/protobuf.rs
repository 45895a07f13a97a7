//! Converters of protocol buffers, alone or as gRPC wraps them.

use super::{Arg, Converter, converter};
use super::{bytes, number};
use crate::pattern::{Kind, Value};

/// How a field is written (the wire types of the encoding).
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;
const FIXED32: u64 = 5;

/// The types of fields that are numbers, and how they are written. Those of a type that is not given are bytes.
const TYPES: [(&str, u64); 14] = [
    ("bool", VARINT),
    ("double", FIXED64),
    ("enum", VARINT),
    ("fixed32", FIXED32),
    ("fixed64", FIXED64),
    ("float", FIXED32),
    ("int32", VARINT),
    ("int64", VARINT),
    ("sfixed32", FIXED32),
    ("sfixed64", FIXED64),
    ("sint32", VARINT),
    ("sint64", VARINT),
    ("uint32", VARINT),
    ("uint64", VARINT),
];

/// Splits a number off that is written in groups of seven bits, the lowest first.
fn varint(text: &[u8]) -> Option<(u64, &[u8])> {
    let end = text.iter().take(10).position(|b| b & 0x80 == 0)?;
    let n = text[..=end].iter().rev().fold(0, |n, b| n << 7 | u64::from(b & 0x7f));
    Some((n, &text[end + 1..]))
}

/// Splits a field off: its number, how it is written, its bytes.
fn field(text: &[u8]) -> Option<(u64, u64, &[u8], &[u8])> {
    let (key, rest) = varint(text)?;
    let (wire, (len, rest)) = match key & 7 {
        VARINT => (VARINT, (rest.len() - varint(rest)?.1.len(), rest)),
        FIXED64 => (FIXED64, (8, rest)),
        FIXED32 => (FIXED32, (4, rest)),
        BYTES => {
            let (len, rest) = varint(rest)?;
            (BYTES, (usize::try_from(len).ok()?, rest))
        }
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(len)?;
    Some((key >> 3, wire, value, rest))
}

/// The field that a path of numbers with dots leads to.
fn find<'a>(text: &'a [u8], path: &[u8]) -> Option<(u64, &'a [u8])> {
    path.split(|b| *b == b'.').try_fold((BYTES, text), |(wire, mut text), step| {
        let wanted = step.iter().fold(0, |n, d| n * 10 + u64::from(d - b'0'));
        loop {
            let (number, found, value, rest) = field(text).filter(|_| wire == BYTES)?;
            if number == wanted {
                return Some((found, value));
            }
            text = rest;
        }
    })
}

fn value<'a>(text: &'a [u8], args: &[Arg]) -> Option<Value<'a>> {
    let (wire, bytes) = find(text, args[0].text())?;
    let kind = args[1].text();
    if kind.is_empty() {
        return Some(Value::Bin(bytes));
    }
    let (name, expected) = TYPES.iter().find(|t| t.0.as_bytes() == kind)?;
    if *expected != wire {
        return None;
    }
    let little = bytes.iter().take(8).rev().fold(0, |n, b| n << 8 | u64::from(*b));
    number(match *name {
        "double" => f64::from_bits(little) as i64,
        "float" => f32::from_bits(little as u32) as i64,
        "sfixed32" => i64::from(little as i32),
        "fixed32" | "fixed64" | "sfixed64" => little as i64,
        "sint32" | "sint64" => {
            let n = varint(bytes)?.0;
            (n >> 1) as i64 ^ -((n & 1) as i64)
        }
        _ => varint(bytes)?.0 as i64,
    })
}

/// The message behind a byte that says whether it is compressed and four with its length; as far as it is there.
fn unwrapped(text: &[u8]) -> Option<&[u8]> {
    let (head, message) = text.split_first_chunk::<5>()?;
    let len = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    Some(&message[..len.min(message.len())])
}

fn known(args: &mut [Arg]) -> Result<(), String> {
    let [path, kind] = [&args[0], &args[1]].map(|a| String::from_utf8_lossy(a.text()).into_owned());
    if !path.split('.').all(|n| n.parse::<u32>().is_ok() && !n.starts_with('+')) {
        return Err(format!("'{path}' is not a number of a field, nor several with dots between"));
    }
    if !kind.is_empty() && !TYPES.iter().any(|t| t.0 == kind) {
        let known = TYPES.map(|t| t.0).join(", ");
        return Err(format!("the type '{kind}' is not known: {known}"));
    }
    Ok(())
}

/// Sorted by name.
pub static TABLE: &[Converter] = &[
    converter(
        "protobuf",
        "field,type?",
        (Kind::Bin, Kind::Any),
        "2.0",
        "A field of a protocol buffers message, by its number; of a message in it with a dot.",
        |v, a, _, _| value(bytes(v), a),
    )
    .prepared(known),
    converter(
        "ungrpc",
        "field,type?",
        (Kind::Bin, Kind::Any),
        "2.0",
        "The same of a message as gRPC sends it.",
        |v, a, _, _| value(unwrapped(bytes(v))?, a),
    )
    .prepared(known),
];
