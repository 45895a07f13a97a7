//! Converters of texts.

use super::{Arg, Converter, Tools, converter};
use super::{STR, STR_INT, bytes, given, number, truth, written};
use crate::pattern::{Kind, Value, expand};
use crate::sys::process::{write_stderr, write_stdout};
use crate::util::fmt::Out;

/// Field or word `n` (from 1; from the end when negative), and `count` of them with what stands between: as far as the
/// text goes when that is 0, or more than there are. `merge`: delimiters in a row count as one (words).
fn piece<'a>(text: &'a [u8], args: &[Arg], merge: bool) -> Option<&'a [u8]> {
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
    let span = |index: i64| spans().nth(usize::try_from(index).ok()?);
    let found = span(index).filter(|_| index < total)?;
    // Counted in the direction in which it was found.
    let others = if count > 0 { count - 1 } else { total };
    Some(match n > 0 {
        true => &text[found.0..span(index.saturating_add(others)).map_or(text.len(), |s| s.1)],
        false => &text[span(index - others).map_or(0, |s| s.0)..found.1],
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

/// In other letters.
fn recased<'a>(value: Value<'a>, t: &mut Tools<'a, '_>, recase: fn(&mut [u8])) -> Option<Value<'a>> {
    let copy = t.scratch.copy(bytes(value))?;
    recase(copy);
    Some(Value::Str(copy))
}

/// As strcmp(3): the difference of the first bytes that differ, or which one is longer.
fn compared(text: &[u8], other: &[u8]) -> i64 {
    match text.iter().zip(other).find(|(a, b)| a != b) {
        Some((a, b)) => i64::from(*a) - i64::from(*b),
        None => text.len().cmp(&other.len()) as i64,
    }
}

/// True for the same bytes, in a time that does not say where the first difference is.
fn same(bytes: &[u8], other: &[u8]) -> bool {
    bytes.len() == other.len() && std::hint::black_box(bytes.iter().zip(other).fold(0, |d, (a, b)| d | (a ^ b))) == 0
}

/// The value of `name=value`; of a name alone it is empty.
fn named<'a>(parameter: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    match parameter.strip_prefix(name)? {
        [b'=', value @ ..] => Some(value),
        [] => Some(b""),
        _ => None,
    }
}

/// Says what it is, and leaves it as it is.
fn debug<'a>(value: Value<'a>, args: &[Arg]) -> Option<Value<'a>> {
    let mut line = [0; 512];
    let mut out = Out::new(&mut line);
    out.put(b"[debug] ");
    out.put(args[0].text());
    out.put(b": type=");
    out.put(value.kind().name().as_bytes());
    out.put(b" <");
    value.write(&mut out);
    out.byte(b'>');
    if args[1].text() == b"stdout" {
        write_stdout(out.bytes())
    } else {
        write_stderr(out.bytes())
    }
    Some(value)
}

fn pieces(args: &mut [Arg]) -> Result<(), String> {
    match (args[0].int_or(0), args[1].text()) {
        (0, _) => Err("the index counts from 1, or from -1 at the end".into()),
        (_, []) => Err("the delimiters are missing".into()),
        _ => Ok(()),
    }
}

fn item(args: &mut [Arg]) -> Result<(), String> {
    match &args[1..] {
        [Arg::None, last] if last.text().is_empty() => {
            Err("a variable or a text is missing behind the delimiter".into())
        }
        _ => Ok(()),
    }
}

fn substitution(args: &mut [Arg]) -> Result<(), String> {
    match args[2].text().iter().find(|f| !matches!(f, b'g' | b'i')) {
        Some(flag) => Err(format!("the flags are 'g' and 'i', not '{}'", char::from(*flag))),
        None => Ok(()),
    }
}

fn destination(args: &mut [Arg]) -> Result<(), String> {
    match args[1].text() {
        b"" | b"buf0" | b"stderr" | b"stdout" => Ok(()),
        other => Err(format!("there is no sink '{}' but stdout, stderr and buf0", String::from_utf8_lossy(other))),
    }
}

/// Sorted by name.
pub static TABLE: &[Converter] = &[
    converter(
        "add_item",
        "delimiter:text,variable:var?,after?",
        STR,
        "2.4",
        "A delimiter where one is needed, a variable and a text behind.",
        |v, a, s, t| {
            let (text, stored) = (bytes(v), given(&a[1], s, t));
            let write = |o: &mut Out| {
                o.put(text);
                let before = o.len();
                o.put(if text.is_empty() { b"" } else { a[0].text() });
                let empty = o.len();
                if let Some(value) = stored {
                    value.write(o);
                }
                o.put(a[2].text());
                if o.len() == empty {
                    o.truncate(before);
                }
            };
            written(t, write).map(Value::Str)
        },
    )
    .prepared(item),
    converter(
        "concat",
        "before?,variable:var?,after?",
        STR,
        "1.9",
        "A text, a variable and a text behind.",
        |v, a, s, t| {
            let stored = given(&a[1], s, t);
            let write = |o: &mut Out| {
                o.put(bytes(v));
                o.put(a[0].text());
                if let Some(value) = stored {
                    value.write(o);
                }
                o.put(a[2].text());
            };
            written(t, write).map(Value::Str)
        },
    ),
    converter("cut_crlf", "", STR, "2.1", "Up to the first end of a line.", |v, _, _, _| {
        let line = bytes(v).split(|b| matches!(b, b'\r' | b'\n')).next();
        line.map(Value::Str)
    }),
    converter(
        "debug",
        "prefix?,destination?",
        (Kind::Any, Kind::Any),
        "1.6",
        "Writes the value to standard error, or to stdout; buf0 is standard error.",
        |v, a, _, _| debug(v, a),
    )
    .prepared(destination),
    converter(
        "field",
        "index:int,delimiters:text,count:int?",
        STR,
        "1.6",
        "A field between delimiters.",
        |v, a, _, _| piece(bytes(v), a, false).map(Value::Str),
    )
    .prepared(pieces),
    converter("length", "", STR_INT, "1.8", "Number of bytes.", |v, _, _, _| number(bytes(v).len() as i64)),
    converter("lower", "", STR, "1.5", "Small letters.", |v, _, _, t| recased(v, t, <[u8]>::make_ascii_lowercase)),
    converter("ltrim", "bytes", STR, "2.0", "Without these bytes at its beginning.", |v, a, _, _| {
        let b = bytes(v);
        Some(Value::Str(&b[b.iter().take_while(|x| a[0].text().contains(x)).count()..]))
    }),
    converter(
        "param",
        "name,delimiter?",
        STR,
        "2.7",
        "The value of a name in a list `name=value` separated by '&' or another delimiter.",
        |v, a, _, _| {
            let delimiter = a[1].text().first().copied().unwrap_or(b'&');
            bytes(v).split(|b| *b == delimiter).find_map(|p| named(p, a[0].text())).map(Value::Str)
        },
    ),
    converter(
        "regsub",
        "pattern:regex,replacement:text,flags:flags?",
        STR,
        "1.6",
        "Replaces what a pattern matches; the flag g: each time, i: letters of either case.",
        |v, a, _, t| substitute(bytes(v), a, t),
    )
    .prepared(substitution),
    converter("rtrim", "bytes", STR, "2.0", "Without these bytes at its end.", |v, a, _, _| {
        let b = bytes(v);
        Some(Value::Str(&b[..b.len() - b.iter().rev().take_while(|x| a[0].text().contains(x)).count()]))
    }),
    converter(
        "secure_memcmp",
        "variable:var",
        (Kind::Bin, Kind::Bool),
        "2.2",
        "The same bytes as in a variable, compared in constant time.",
        |v, a, s, t| truth(same(bytes(v), given(&a[0], s, t)?.bytes(&mut t.scratch)?)),
    ),
    converter(
        "strcmp",
        "variable:var",
        STR_INT,
        "1.8",
        "0 when it equals a variable, less when it is smaller.",
        |v, a, s, t| number(compared(bytes(v), given(&a[0], s, t)?.text(&mut t.scratch)?)),
    ),
    converter("upper", "", STR, "1.5", "Capital letters.", |v, _, _, t| recased(v, t, <[u8]>::make_ascii_uppercase)),
    converter(
        "word",
        "index:int,delimiters:text,count:int?",
        STR,
        "1.6",
        "A word between delimiters.",
        |v, a, _, _| Some(Value::Str(piece(bytes(v), a, true).unwrap_or(b""))),
    )
    .prepared(pieces),
];
