//! Converters of texts and bytes (manual 7.3.1).

use super::{Arg, Converter, Tools, converter};
use crate::pattern::{Kind, Value, expand};
use crate::util::fmt::Out;
use std::fmt::Write;

const STR: (Kind, Kind) = (Kind::Str, Kind::Str);
const BIN_STR: (Kind, Kind) = (Kind::Bin, Kind::Str);

fn bytes<'a>(value: Value<'a>) -> &'a [u8] {
    match value {
        Value::Str(b) | Value::Bin(b) | Value::Method(b) => b,
        _ => b"",
    }
}

fn written<'a>(t: &mut Tools<'a, '_>, write: impl FnOnce(&mut Out)) -> Option<Value<'a>> {
    t.scratch.write(write).map(Value::Str)
}

/// Field or word `n` (from 1; from the end when negative), and `count` of them with what stands between (0 = all that follow).
/// `merge`: delimiters in a row count as one (words).
fn piece<'a>(text: &'a [u8], args: &[Arg], merge: bool) -> Option<Value<'a>> {
    let (n, delimiters, count) = (args[0].int_or(1), args[1].text(), args[2].int_or(1));
    let is = |b: &u8| delimiters.contains(b);
    let spans = || {
        let mut at = 0;
        text.split(is)
            .map(move |part| {
                let span = (at, at + part.len());
                at = span.1 + 1;
                span
            })
            .filter(move |s| !merge || s.0 < s.1)
    };
    let total = spans().count() as i64;
    let index = if n > 0 { n - 1 } else { total + n };
    if !(0..total).contains(&index) {
        return Some(Value::Str(b""));
    }
    // Counted in the direction in which the first one was found.
    let (first, last) = match count {
        0 if n > 0 => (index, total - 1),
        0 => (0, index),
        c if n > 0 => (index, (index + c - 1).min(total - 1)),
        c => ((index - c + 1).max(0), index),
    };
    let (begin, end) = (spans().nth(first as usize)?.0, spans().nth(last as usize)?.1);
    Some(Value::Str(&text[begin..end]))
}

/// Percent-decoding; `form`: '+' is a space.
fn url_dec<'a>(text: &[u8], form: bool, t: &mut Tools<'a, '_>) -> Option<Value<'a>> {
    let mut valid = true;
    let digit = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16));
    let write = |o: &mut Out| {
        let (mut at, mut query) = (0, form);
        while at < text.len() {
            match text[at] {
                b'%' => match (digit(text.get(at + 1)), digit(text.get(at + 2))) {
                    (Some(high), Some(low)) => {
                        o.byte((high * 16 + low) as u8);
                        at += 2;
                    }
                    _ => {
                        valid = false;
                        return;
                    }
                },
                b'+' if query => o.byte(b' '),
                b'?' => {
                    query = true;
                    o.byte(b'?');
                }
                b => o.byte(b),
            }
            at += 1;
        }
    };
    let value = written(t, write);
    value.filter(|_| valid)
}

fn base64<'a>(bytes: &[u8], t: &mut Tools<'a, '_>) -> Option<Value<'a>> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    written(t, |o| {
        for c in bytes.chunks(3) {
            let n = c.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - c.len()));
            for i in 0..4 {
                let digit = DIGITS[(n >> (18 - 6 * i) & 63) as usize];
                o.byte(if i <= c.len() { digit } else { b'=' });
            }
        }
    })
}

fn substitute<'a>(text: &'a [u8], args: &[Arg], t: &mut Tools<'a, '_>) -> Option<Value<'a>> {
    let Arg::Regex(regex) = &args[0] else { return None };
    let (replacement, all) = (args[1].text(), args[2].text().contains(&b'g'));
    let regexes = &mut *t.regexes;
    let write = |o: &mut Out| {
        let mut from = 0;
        while let Some(found) = regex.captures(regexes, text, from) {
            let (begin, end) = found.get(0).unwrap_or((from, from));
            o.put(&text[from..begin]);
            expand(o, replacement, text, &found);
            from = end;
            if begin == end {
                o.put(text.get(end..end + 1).unwrap_or(b""));
                from += 1;
            }
            if !all || from > text.len() {
                break;
            }
        }
        o.put(text.get(from..).unwrap_or(b""));
    };
    t.scratch.write(write).map(Value::Str)
}

/// Sorted by name.
pub static TABLE: &[Converter] = &[
    converter("base64", "", BIN_STR, "1.5", "Base64.", |v, _, _, t| base64(bytes(v), t)),
    converter(
        "bytes",
        "offset:int,length:int?",
        (Kind::Bin, Kind::Bin),
        "1.6",
        "A part of the bytes.",
        |v, a, _, _| {
            let b = bytes(v);
            let from = b.get(usize::try_from(a[0].int_or(0)).ok()?..)?;
            let len = a[1].int_or(i64::MAX).clamp(0, from.len() as i64) as usize;
            Some(Value::Bin(&from[..len]))
        },
    ),
    converter(
        "concat",
        "before:str?,variable:var?,after:str?",
        STR,
        "1.9",
        "A text, a variable and a text behind.",
        |v, a, s, t| {
            let stored = if let Arg::Note(note) = a[1] { s.notes.get(note) } else { None };
            written(t, |o| {
                o.put(bytes(v));
                o.put(a[0].text());
                if let Some(value) = stored {
                    value.write(o);
                }
                o.put(a[2].text());
            })
        },
    ),
    converter(
        "field",
        "index:int,delimiters:str,count:int?",
        STR,
        "1.6",
        "A field between delimiters.",
        |v, a, _, _| piece(bytes(v), a, false),
    ),
    converter("hex", "", BIN_STR, "1.6", "Hexadecimal digits.", |v, _, _, t| {
        written(t, |o| bytes(v).iter().for_each(|b| _ = write!(o, "{b:02X}")))
    }),
    converter("iif", "true:str?,false:str?", (Kind::Bool, Kind::Str), "2.3", "One text or another.", |v, a, _, t| {
        written(t, |o| o.put(a[usize::from(!v.truth())].text()))
    }),
    converter("length", "", (Kind::Str, Kind::Int), "1.8", "Number of bytes.", |v, _, _, _| {
        Some(Value::Int(bytes(v).len() as i64))
    }),
    converter("lower", "", STR, "1.5", "Small letters.", |v, _, _, t| {
        let copy = t.scratch.copy(bytes(v))?;
        copy.make_ascii_lowercase();
        Some(Value::Str(copy))
    }),
    converter("ltrim", "bytes:str", STR, "2.0", "Without these bytes at its beginning.", |v, a, _, _| {
        let b = bytes(v);
        Some(Value::Str(&b[b.iter().take_while(|x| a[0].text().contains(x)).count()..]))
    }),
    converter(
        "regsub",
        "pattern:regex,replacement:str?,flags:flags?",
        STR,
        "1.6",
        "Replaces what a pattern matches.",
        |v, a, _, t| substitute(bytes(v), a, t),
    ),
    converter("rtrim", "bytes:str", STR, "2.0", "Without these bytes at its end.", |v, a, _, _| {
        let b = bytes(v);
        Some(Value::Str(&b[..b.len() - b.iter().rev().take_while(|x| a[0].text().contains(x)).count()]))
    }),
    converter("str", "", STR, "1.6", "As text.", |v, _, _, _| Some(v)),
    converter("strcmp", "variable:var", (Kind::Str, Kind::Int), "1.8", "0 when it equals a variable.", |v, a, s, t| {
        let Arg::Note(note) = a[0] else { return None };
        let other = s.notes.get(note)?.text(&mut t.scratch)?;
        Some(Value::Int(match bytes(v).cmp(other) {
            std::cmp::Ordering::Less => -1,
            std::cmp::Ordering::Equal => 0,
            std::cmp::Ordering::Greater => 1,
        }))
    }),
    converter("upper", "", STR, "1.5", "Capital letters.", |v, _, _, t| {
        let copy = t.scratch.copy(bytes(v))?;
        copy.make_ascii_uppercase();
        Some(Value::Str(copy))
    }),
    converter("url_dec", "form:int?", STR, "1.6", "Percent-decoded.", |v, a, _, t| {
        url_dec(bytes(v), a[0].int_or(0) != 0, t)
    }),
    converter("word", "index:int,delimiters:str,count:int?", STR, "1.6", "A word between delimiters.", |v, a, _, _| {
        piece(bytes(v), a, true)
    }),
];
