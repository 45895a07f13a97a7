//! Converters of JSON and of tokens made of it.

use super::encode::{Alphabet, decode};
use super::{Arg, Converter, Tools, converter};
use super::{STR, bytes, number, tried, truth};
use crate::pattern::{Kind, Value};
use crate::util::fmt::Out;
use std::fmt::Write;

/// What an input code asks for: to be read as UTF-8, to leave out what is wrong in it, to take what is written too
/// long.
const UTF8: i64 = 1;
const SILENT: i64 = 2;
const PERMISSIVE: i64 = 4;

fn code(args: &mut [Arg]) -> Result<(), String> {
    args[0] = Arg::Int(match args[0].text() {
        b"" | b"ascii" => 0,
        b"utf8" => UTF8,
        b"utf8s" => UTF8 | SILENT,
        b"utf8p" => UTF8 | PERMISSIVE,
        b"utf8ps" => UTF8 | PERMISSIVE | SILENT,
        other => {
            let other = String::from_utf8_lossy(other);
            return Err(format!("the input code is one of ascii, utf8, utf8s, utf8p and utf8ps, not '{other}'"));
        }
    });
    Ok(())
}

/// A character of what should be UTF-8, and the bytes that it takes; none where they write none, or one that JSON has
/// no escape for.
fn character(text: &[u8], permissive: bool) -> (Option<u32>, usize) {
    let (more, bits, least) = match text[0] {
        0..0x80 => return (Some(text[0].into()), 1),
        0xc0..0xe0 => (1, text[0] & 0x1f, 0x80),
        0xe0..0xf0 => (2, text[0] & 0x0f, 0x800),
        0xf0..0xf8 => (3, text[0] & 7, 0x1_0000),
        0xf8..0xfc => (4, text[0] & 3, 0x20_0000),
        0xfc..0xfe => (5, text[0] & 1, 0x400_0000),
        _ => return (None, 1),
    };
    let following = text[1..].iter().take(more).take_while(|b| **b & 0xc0 == 0x80);
    let (n, count) = following.fold((u32::from(bits), 0), |(n, count), b| (n << 6 | u32::from(b & 0x3f), count + 1));
    let valid = count == more && (n >= least || permissive) && !matches!(n, 0xd800..0xe000 | 0xfffe..);
    (valid.then_some(n), 1 + count)
}

fn escape(mut text: &[u8], code: i64, out: &mut Out) -> Option<()> {
    while let [first, ..] = text {
        let (found, len) =
            if code & UTF8 == 0 { (Some(u32::from(*first)), 1) } else { character(text, code & PERMISSIVE != 0) };
        text = &text[len..];
        let Some(n) = found else {
            if code & SILENT == 0 {
                return None;
            }
            continue;
        };
        match char::from_u32(n)? {
            c @ ('"' | '\\' | '/') => out.put(&[b'\\', c as u8]),
            '\x08' => out.put(b"\\b"),
            '\x0c' => out.put(b"\\f"),
            '\n' => out.put(b"\\n"),
            '\r' => out.put(b"\\r"),
            '\t' => out.put(b"\\t"),
            c @ ' '..='~' => out.byte(c as u8),
            _ => _ = write!(out, "\\u{n:04x}"),
        }
    }
    Some(())
}

/// A step of a path: into an object, its dots escaped, or into an array.
enum Step<'a> {
    Key(&'a [u8]),
    Index(usize),
}

/// The steps of `$.key[0]`; an item of none: it is none.
fn steps(path: &[u8]) -> impl Iterator<Item = Option<Step<'_>>> {
    let mut rest = path.strip_prefix(b"$");
    std::iter::from_fn(move || {
        let text = match rest.take() {
            Some([]) => return None,
            text => text,
        };
        let step = match text {
            Some([b'.', key @ ..]) => {
                let mut escaped = false;
                let ends = |b: &u8| {
                    let end = !escaped && matches!(b, b'.' | b'[');
                    escaped = !escaped && *b == b'\\';
                    end
                };
                let end = key.iter().position(ends).unwrap_or(key.len());
                rest = Some(&key[end..]);
                (end > 0).then(|| Step::Key(&key[..end]))
            }
            Some([b'[', index @ ..]) => {
                let end = index.iter().position(|b| *b == b']');
                rest = end.map(|end| &index[end + 1..]);
                let n = end.and_then(|end| std::str::from_utf8(&index[..end]).ok()?.parse().ok());
                n.map(Step::Index)
            }
            _ => None,
        };
        if step.is_none() {
            rest = Some(b"");
        }
        Some(step)
    })
}

fn query_path(args: &mut [Arg]) -> Result<(), String> {
    let path = args[0].text();
    if !matches!(args[0], Arg::None) && steps(path).any(|s| s.is_none()) {
        let path = String::from_utf8_lossy(path);
        return Err(format!("'{path}' is not a path: it begins with '$', steps are '.key' and '[0]'"));
    }
    match args[1].text() {
        b"" | b"int" => Ok(()),
        other => Err(format!("the type is 'int' or not given, not '{}'", String::from_utf8_lossy(other))),
    }
}

fn is_key(raw: &[u8], mut key: &[u8]) -> bool {
    let mut plain = std::iter::from_fn(|| {
        let ([b'\\', first, rest @ ..] | [first, rest @ ..]) = key else { return None };
        key = rest;
        Some(first)
    });
    raw.iter().all(|b| plain.next() == Some(b)) && plain.next().is_none()
}

/// Where a string ends whose quote is at `at`: behind its other one.
fn string_end(text: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Where a value that begins at `at` ends; what is inside of brackets is not looked at closely.
fn value_end(text: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0usize;
    loop {
        match text.get(at)? {
            b'"' => at = string_end(text, at)?,
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' if depth == 0 => return None,
            b'}' | b']' => {
                depth -= 1;
                at += 1;
            }
            _ if depth > 0 => at += 1,
            b'-' | b'0'..=b'9' | b'a'..=b'z' => {
                let ends = |b: &u8| !matches!(b, b'-' | b'+' | b'.' | b'E' | b'0'..=b'9' | b'a'..=b'z');
                at += text[at..].iter().position(ends).unwrap_or(text.len() - at);
            }
            _ => return None,
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

fn skip_space(text: &[u8], at: usize) -> usize {
    at + text.get(at..).unwrap_or(b"").iter().take_while(|b| b.is_ascii_whitespace()).count()
}

/// Behind a byte that must stand at `at`, and the space after it.
fn past(text: &[u8], at: usize, byte: u8) -> Option<usize> {
    (*text.get(at)? == byte).then(|| skip_space(text, at + 1))
}

/// Where the value of a member of the object at `at`, or of an element of the array there, begins.
fn enter(text: &[u8], at: usize, step: &Step) -> Option<usize> {
    let (open, mut left) = match step {
        Step::Key(_) => (b'{', 0),
        Step::Index(n) => (b'[', *n),
    };
    let mut at = past(text, at, open)?;
    loop {
        let mut wanted = left == 0;
        if let Step::Key(key) = step {
            past(text, at, b'"')?;
            let end = string_end(text, at)?;
            wanted = is_key(&text[at + 1..end - 1], key);
            at = past(text, skip_space(text, end), b':')?;
        }
        if wanted {
            return Some(at);
        }
        left = left.saturating_sub(1);
        at = past(text, skip_space(text, value_end(text, at)?), b',')?;
    }
}

fn hex4(text: &[u8]) -> Option<u32> {
    text.get(..4)?.iter().try_fold(0, |n, b| Some(n << 4 | char::from(*b).to_digit(16)?))
}

/// Writes what is between the quotes of a string.
fn unescape(mut raw: &[u8], out: &mut Out) -> Option<()> {
    while let [first, rest @ ..] = raw {
        raw = rest;
        if *first != b'\\' {
            out.byte(*first);
            continue;
        }
        let [kind, rest @ ..] = raw else { return None };
        raw = rest;
        let plain = match kind {
            b'"' | b'\\' | b'/' => *kind,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let mut n = hex4(raw)?;
                raw = &raw[4..];
                if let (0xd800..0xdc00, Some(low @ 0xdc00..0xe000)) = (n, raw.strip_prefix(b"\\u").and_then(hex4)) {
                    n = 0x1_0000 + ((n & 0x3ff) << 10 | low & 0x3ff);
                    raw = &raw[6..];
                }
                out.put(char::from_u32(n)?.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            _ => return None,
        };
        out.byte(plain);
    }
    Some(())
}

/// What stands at a path: texts without their quotes, numbers as they are written (or up to where they are no integer
/// any more), arrays as they are written.
fn query<'a>(text: &'a [u8], args: &[Arg], t: &mut Tools<'a, '_>) -> Option<Value<'a>> {
    let begin = steps(args[0].text()).try_fold(skip_space(text, 0), |at, step| enter(text, at, &step?))?;
    let value = &text[begin..value_end(text, begin)?];
    match value {
        [b'"', raw @ .., b'"'] => tried(t, |o| unescape(raw, o)).map(Value::Str),
        [b'0'..=b'9', ..] | [b'-', b'0'..=b'9', ..] if args[1].text() == b"int" => {
            // A number that does not fit is none.
            number(Value::Str(value).int().filter(|n| !matches!(*n, i64::MIN | i64::MAX))?)
        }
        [b'0'..=b'9' | b'[', ..] | [b'-', b'0'..=b'9', ..] => Some(Value::Str(value)),
        b"true" => truth(true),
        b"false" => truth(false),
        _ => None,
    }
}

/// A part of a token, decoded; of that what a path leads to, if one is given.
fn of_token<'a>(value: Value<'a>, part: usize, args: &[Arg], t: &mut Tools<'a, '_>) -> Option<Value<'a>> {
    let encoded = bytes(value).split(|b| *b == b'.').nth(part).filter(|e| !e.is_empty())?;
    let text = tried(t, |o| decode(encoded, Alphabet::Url, o))?;
    if matches!(args[0], Arg::None) { Some(Value::Str(text)) } else { query(text, args, t) }
}

/// Sorted by name.
pub static TABLE: &[Converter] = &[
    converter("json", "code?", STR, "1.6", "Escaped for a JSON string.", |v, a, _, t| {
        tried(t, |o| escape(bytes(v), a[0].int_or(0), o)).map(Value::Str)
    })
    .prepared(code),
    converter(
        "json_query",
        "path,type?",
        (Kind::Str, Kind::Any),
        "2.4",
        "The value at a path in JSON.",
        |v, a, _, t| query(bytes(v), a, t),
    )
    .prepared(query_path),
    converter(
        "jwt_header_query",
        "path?,type?",
        (Kind::Bin, Kind::Any),
        "2.5",
        "The header of a token (RFC 7519), or the value at a path in it.",
        |v, a, _, t| of_token(v, 0, a, t),
    )
    .prepared(query_path),
    converter(
        "jwt_payload_query",
        "path?,type?",
        (Kind::Bin, Kind::Any),
        "2.5",
        "The payload of a token (RFC 7519), or the value at a path in it. Its signature is not checked.",
        |v, a, _, t| of_token(v, 1, a, t),
    )
    .prepared(query_path),
];
