//! Converters of FIX (Financial Information eXchange): a message is `tag=value` again and again, each ended by a byte
//! 1.

use super::{Arg, Converter, converter};
use super::{BIN, bytes, truth};
use crate::pattern::{Kind, Value};

const END: u8 = 1;
const NAMES: [(&str, &str); 6] = [
    ("BeginString", "8"),
    ("BodyLength", "9"),
    ("CheckSum", "10"),
    ("MsgType", "35"),
    ("SenderCompID", "49"),
    ("TargetCompID", "56"),
];
const VERSIONS: [&[u8]; 7] = [b"FIX.4.0", b"FIX.4.1", b"FIX.4.2", b"FIX.4.3", b"FIX.4.4", b"FIX.5.0", b"FIXT.1.1"];
/// Bytes of the shortest message.
const SHORTEST: usize = 26;
/// Those of the field at its end, `10=nnn`.
const CHECKSUM: usize = 7;

/// The fields up to the first one that is none, or is cut.
fn fields(mut text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    std::iter::from_fn(move || {
        let end = text.iter().position(|b| *b == END)?;
        let equals = text[..end].iter().position(|b| *b == b'=')?;
        let (tag, value) = (&text[..equals], &text[equals + 1..end]);
        text = &text[end + 1..];
        (!tag.is_empty() && tag.iter().all(u8::is_ascii_digit)).then_some((tag, value))
    })
}

fn len_of((tag, value): (&[u8], &[u8])) -> usize {
    tag.len() + value.len() + 2
}

fn decimal(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Whether a message is valid; none while it is not all there.
fn valid(text: &[u8]) -> Option<bool> {
    if text.len() < SHORTEST {
        return None;
    }
    let mut head = fields(text);
    let (Some(begin), Some(length), Some(kind)) = (head.next(), head.next(), head.next()) else { return Some(false) };
    let expected = begin.0 == b"8" && VERSIONS.contains(&begin.1) && length.0 == b"9" && kind.0 == b"35";
    let (true, Some(body)) = (expected, decimal(length.1)) else { return Some(false) };
    let summed = len_of(begin).saturating_add(len_of(length)).saturating_add(body);
    let message = text.get(..summed.saturating_add(CHECKSUM))?;
    let mut len = 0;
    let mut last = (&b""[..], &b""[..]);
    for field in fields(message) {
        if field.1.is_empty() {
            return Some(false);
        }
        len += len_of(field);
        last = field;
    }
    let sum = message[..summed].iter().fold(0u8, |sum, b| sum.wrapping_add(*b));
    let ends = len == message.len() && last.0 == b"10" && last.1.len() == 3;
    Some(ends && decimal(last.1) == Some(sum.into()))
}

fn tag(args: &mut [Arg]) -> Result<(), String> {
    let name = String::from_utf8_lossy(args[0].text()).into_owned();
    let number = NAMES.iter().find(|n| n.0.eq_ignore_ascii_case(&name)).map_or(name.as_str(), |n| n.1);
    if !number.bytes().all(|b| b.is_ascii_digit()) {
        let known = NAMES.map(|n| n.0).join(", ");
        return Err(format!("the tag '{name}' is neither a number nor one of {known}"));
    }
    args[0] = Arg::Str(number.as_bytes().into());
    Ok(())
}

/// Sorted by name.
pub static TABLE: &[Converter] = &[
    converter(
        "fix_is_valid",
        "",
        (Kind::Bin, Kind::Bool),
        "2.4",
        "Begins with a valid FIX message; no value while it is not complete.",
        |v, _, _, _| truth(valid(bytes(v))?),
    ),
    converter("fix_tag_value", "tag", BIN, "2.4", "The value of a tag in a FIX message.", |v, a, _, _| {
        let found = fields(bytes(v)).find(|f| f.0 == a[0].text())?;
        Some(Value::Bin(found.1)).filter(|_| !found.1.is_empty())
    })
    .prepared(tag),
];
