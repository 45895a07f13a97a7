//! Converters between bytes and ways to write them.

use super::{Arg, Converter, Tools, converter};
use super::{BIN, BIN_STR, STR, STR_BIN, STR_INT, bytes, number, tried, written};
use crate::pattern::{Kind, Value};
use crate::util::fmt::Out;
use std::fmt::Write;

/// Of base64 (RFC 4648): its last two digits, and whether it is filled up with '='.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Alphabet {
    Standard,
    /// For URLs, not filled up.
    Url,
}

impl Alphabet {
    fn digits(self) -> &'static [u8; 64] {
        match self {
            Alphabet::Standard => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
            Alphabet::Url => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
        }
    }

    fn value(self, digit: u8) -> Option<u32> {
        Some(
            match digit {
                b'A'..=b'Z' => digit - b'A',
                b'a'..=b'z' => digit - b'a' + 26,
                b'0'..=b'9' => digit - b'0' + 52,
                d if d == self.digits()[62] => 62,
                d if d == self.digits()[63] => 63,
                _ => return None,
            }
            .into(),
        )
    }
}

fn encode<'a>(bytes: &[u8], alphabet: Alphabet, t: &mut Tools<'a, '_>) -> Option<Value<'a>> {
    let write = |o: &mut Out| {
        for c in bytes.chunks(3) {
            let n = c.iter().fold(0, |n, b| n << 8 | usize::from(*b)) << (8 * (3 - c.len()));
            for i in 0..4 {
                match i <= c.len() {
                    true => o.byte(alphabet.digits()[n >> (18 - 6 * i) & 63]),
                    false if alphabet == Alphabet::Standard => o.byte(b'='),
                    false => {}
                }
            }
        }
    };
    written(t, write).map(Value::Str)
}

/// Decodes base64; none when it is not. Blocks that are filled up may stand one behind the other.
pub fn decode(text: &[u8], alphabet: Alphabet, out: &mut Out) -> Option<()> {
    for block in text.chunks(4) {
        let fill = block.iter().rev().take_while(|b| **b == b'=').count();
        let used = block.len() - fill;
        if block.len() < 4 && (alphabet == Alphabet::Standard || used < 2) || used == 0 {
            return None;
        }
        let digits = block[..used].iter().try_fold(0, |n, d| Some(n << 6 | alphabet.value(*d)?))?;
        let all = digits << (6 * (4 - used));
        out.put(&all.to_be_bytes()[1..used]);
    }
    Some(())
}

/// Percent-decoding; `form`: '+' is a space.
fn url_dec(text: &[u8], form: bool, out: &mut Out) -> Option<()> {
    let digit = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16));
    let (mut at, mut query) = (0, form);
    while at < text.len() {
        match text[at] {
            b'%' => {
                out.byte((digit(text.get(at + 1))? * 16 + digit(text.get(at + 2))?) as u8);
                at += 2;
            }
            b'+' if query => out.byte(b' '),
            b => {
                query |= b == b'?';
                out.byte(b);
            }
        }
        at += 1;
    }
    Some(())
}

fn url_enc(text: &[u8], out: &mut Out) {
    for &b in text {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.byte(b),
            _ => _ = write!(out, "%{b:02X}"),
        }
    }
}

pub fn hex(bytes: &[u8], out: &mut Out) {
    bytes.iter().for_each(|b| _ = write!(out, "{b:02X}"));
}

fn of_query(args: &mut [Arg]) -> Result<(), String> {
    match args[0].text() {
        b"" | b"query" => Ok(()),
        other => Err(format!("there is no encoding '{}' but 'query'", String::from_utf8_lossy(other))),
    }
}

/// Sorted by name.
pub static TABLE: &[Converter] = &[
    converter("b64dec", "", STR_BIN, "1.7", "Decodes base64.", |v, _, _, t| {
        tried(t, |o| decode(bytes(v), Alphabet::Standard, o)).map(Value::Bin)
    }),
    converter("base64", "", BIN_STR, "1.5", "Base64.", |v, _, _, t| encode(bytes(v), Alphabet::Standard, t)),
    converter("bytes", "offset:int,length:int?", BIN, "1.6", "A part of the bytes.", |v, a, _, _| {
        let from = bytes(v).get(usize::try_from(a[0].int_or(0)).unwrap_or(usize::MAX)..).unwrap_or(b"");
        let len = usize::try_from(a[1].int_or(-1)).unwrap_or(usize::MAX).min(from.len());
        Some(Value::Bin(&from[..len]))
    }),
    converter("hex", "", BIN_STR, "1.5", "Hexadecimal digits.", |v, _, _, t| {
        written(t, |o| hex(bytes(v), o)).map(Value::Str)
    }),
    converter("hex2i", "", STR_INT, "1.8", "The number that hexadecimal digits write.", |v, _, _, _| {
        let digit = |b: &u8| char::from(*b).to_digit(16).map(i64::from);
        number(bytes(v).iter().try_fold(0, |n: i64, b| Some(n << 4 | digit(b)?))?)
    }),
    converter("htonl", "", (Kind::Int, Kind::Bin), "2.1", "Its lowest four bytes, big-endian.", |v, _, _, t| {
        written(t, |o| o.put(&(super::int(v) as u32).to_be_bytes())).map(Value::Bin)
    }),
    converter("ub64dec", "", STR_BIN, "2.4", "Decodes base64 for URLs.", |v, _, _, t| {
        tried(t, |o| decode(bytes(v), Alphabet::Url, o)).map(Value::Bin)
    }),
    converter("ub64enc", "", BIN_STR, "2.4", "Base64 for URLs.", |v, _, _, t| encode(bytes(v), Alphabet::Url, t)),
    converter("url_dec", "form:int?", STR, "1.6", "Percent-decoded.", |v, a, _, t| {
        tried(t, |o| url_dec(bytes(v), a[0].int_or(0) != 0, o)).map(Value::Str)
    }),
    converter("url_enc", "type?", STR, "2.4", "Percent-encoded.", |v, _, _, t| {
        written(t, |o| url_enc(bytes(v), o)).map(Value::Str)
    })
    .prepared(of_query),
];
