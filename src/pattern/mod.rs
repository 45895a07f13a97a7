//! Patterns: what values are compared with in conditions and maps (manual 7.1).
//!
//! A [`Set`] holds all patterns of one condition, made at start-up and never changed; looking a value up allocates nothing.
//!
//! | method | storage | cost of a look-up among n patterns |
//! | --- | --- | --- |
//! | str, bin, beg, end, up to 16 patterns | list | O(n): quicker than a search |
//! | str, bin | sorted texts | O(log n) |
//! | beg, end | sorted texts, each with the longest of its own beginnings | O(log n) + the length of that chain |
//! | ip | sorted networks, each with the smallest one around it | O(log n) + the depth of nesting |
//! | int, len | ranges, sorted where they do not overlap | O(log n), else O(n) |
//! | sub, dir, dom, reg | list | O(n) |

mod few;
mod list;
mod nets;
mod ranges;
#[cfg(feature = "regex")]
mod regex;
#[cfg(not(feature = "regex"))]
#[path = "no_regex.rs"]
mod regex;
mod texts;
mod value;

pub use list::{ADDED, ADDED_BYTES, List, Source};
pub use regex::{Captures, Regex, RegexCache};
pub use value::{Kind, Value};

use crate::util::fmt::Out;
use crate::util::scratch::Scratch;
use few::Few;
use nets::Nets;
use ranges::Ranges;
use std::fmt::{self, Display, Formatter};
use texts::{Order, Texts};

/// How a value is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// It is there at all.
    Found,
    Bool,
    Int,
    Ip,
    Bin,
    Str,
    Beg,
    End,
    Sub,
    Dir,
    Dom,
    Len,
    Reg,
}

/// The methods by HAProxy's names (`-m`, suffixes of fetches and maps), sorted.
pub const METHODS: [(&str, Method); 13] = [
    ("beg", Method::Beg),
    ("bin", Method::Bin),
    ("bool", Method::Bool),
    ("dir", Method::Dir),
    ("dom", Method::Dom),
    ("end", Method::End),
    ("found", Method::Found),
    ("int", Method::Int),
    ("ip", Method::Ip),
    ("len", Method::Len),
    ("reg", Method::Reg),
    ("str", Method::Str),
    ("sub", Method::Sub),
];

impl Method {
    /// The method of a name.
    pub fn named(name: &str) -> Option<Method> {
        METHODS.iter().find(|m| m.0 == name).map(|m| m.1)
    }

    /// The type that a value is made before it is compared; none = as it is.
    pub fn input(self) -> Kind {
        match self {
            Method::Found => Kind::Any,
            Method::Bool => Kind::Bool,
            Method::Int => Kind::Int,
            Method::Ip => Kind::Ip,
            Method::Bin => Kind::Bin,
            Method::Str | Method::Beg | Method::End | Method::Sub | Method::Dir | Method::Dom => Kind::Str,
            Method::Len | Method::Reg => Kind::Str,
        }
    }

    /// The method that a condition without one uses for values of a type; none = it has to be named.
    pub fn usual(kind: Kind) -> Option<Method> {
        match kind {
            Kind::Bool => Some(Method::Bool),
            Kind::Int => Some(Method::Int),
            Kind::Ip => Some(Method::Ip),
            Kind::Str | Kind::Method => Some(Method::Str),
            Kind::Any | Kind::Bin => None,
        }
    }
}

enum Store {
    /// Found, bool: no patterns.
    Nothing,
    Ranges(Ranges),
    Nets(Nets),
    Few(Few),
    Texts(Texts),
    List(Vec<Box<[u8]>>),
    Regexes(Vec<Regex>),
}

/// Patterns that are compared one by one rather than searched for.
const FEW: usize = 16;

impl Store {
    fn of_texts(texts: Vec<Box<[u8]>>, method: Method, fold: bool) -> Store {
        match method {
            Method::Sub | Method::Dir | Method::Dom => Store::List(texts),
            _ if texts.len() <= FEW => Store::Few(Few::new(texts, method, fold)),
            Method::End => Store::Texts(Texts::new(texts, fold, Order::Backward)),
            _ => Store::Texts(Texts::new(texts, fold, Order::Forward)),
        }
    }
}

/// The first pattern that cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    pub number: usize,
    /// Which byte of it is wrong, where that can be said.
    pub at: Option<usize>,
    pub why: String,
}

/// A pattern that a value matches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Hit {
    number: usize,
    /// Bytes or bits that it says of the value: of several patterns for beg and ip, the one with most of them is found.
    weight: usize,
}

impl Hit {
    /// Found by its number alone.
    fn of(number: u32) -> Hit {
        Hit { number: number as usize, weight: 0 }
    }
}

/// The patterns of a condition.
pub struct Set {
    method: Method,
    /// `-i`: ASCII letters are the same in both cases.
    fold: bool,
    store: Store,
}

impl Set {
    /// Reads the patterns.
    pub fn new<'a>(method: Method, fold: bool, patterns: impl Iterator<Item = &'a str>) -> Result<Set, Unreadable> {
        let numbered = patterns.enumerate();
        let store = match method {
            Method::Found | Method::Bool => Store::Nothing,
            Method::Int | Method::Len => Store::Ranges(Ranges::new(each(numbered, ranges::parse)?)),
            Method::Ip => Store::Nets(Nets::new(each(numbered, nets::parse)?)),
            Method::Reg => Store::Regexes(numbered.map(|(n, p)| matcher(n, p, fold)).collect::<Result<_, _>>()?),
            Method::Bin => Store::of_texts(each(numbered, hex)?, method, false),
            _ => Store::of_texts(each(numbered, bytes)?, method, fold),
        };
        Ok(Set { method, fold, store })
    }

    /// Texts for str, beg and end.
    pub fn of_texts(texts: Vec<Box<[u8]>>, method: Method, fold: bool) -> Set {
        Set { method, fold, store: Store::of_texts(texts, method, fold) }
    }

    /// It could be made so.
    pub fn has_texts(&self) -> bool {
        matches!(self.method, Method::Str | Method::Beg | Method::End)
    }

    /// Its texts, those of str, beg and end.
    pub fn into_texts(self) -> Vec<Box<[u8]>> {
        match self.store {
            Store::Few(few) => few.into_texts(),
            Store::Texts(texts) => texts.into_texts(),
            _ => Vec::new(),
        }
    }

    pub fn method(&self) -> Method {
        self.method
    }

    pub fn fold(&self) -> bool {
        self.fold
    }

    /// Bytes of memory that it holds, without those of regular expressions.
    pub fn memory_bytes(&self) -> usize {
        match &self.store {
            Store::Nothing | Store::Regexes(_) => 0,
            Store::Ranges(r) => r.memory_bytes(),
            Store::Nets(n) => n.memory_bytes(),
            Store::Texts(t) => t.memory_bytes(),
            Store::Few(f) => f.memory_bytes(),
            Store::List(l) => l.iter().map(|p| p.len() + size_of::<Box<[u8]>>()).sum(),
        }
    }

    /// The regular expressions, so that their caches can be made.
    pub fn regexes(&self) -> &[Regex] {
        if let Store::Regexes(r) = &self.store { r } else { &[] }
    }

    /// True when a value matches one of the patterns.
    #[inline]
    pub fn holds<'a>(&self, value: Value<'a>, scratch: &mut Scratch<'a>, cache: &mut RegexCache) -> bool {
        // Most conditions are of these kinds: without the rest around it.
        match (&self.store, value) {
            (Store::Few(few), Value::Str(text) | Value::Method(text)) => few.holds(text),
            (Store::Nets(nets), Value::Ip(ip)) => nets.holds(ip),
            (Store::List(list), Value::Str(text)) => list.iter().any(|p| fits(self.method, self.fold, text, p)),
            (Store::Regexes(list), Value::Str(text)) => list.iter().any(|r| r.is_match(cache, text)),
            _ => self.find(value, scratch, cache).is_some(),
        }
    }

    /// The number of the pattern that a value matches, in the order in which they were given: the most specific one for beg and ip, else
    /// the first one.
    #[inline(never)]
    pub fn find<'a>(&self, value: Value<'a>, scratch: &mut Scratch<'a>, cache: &mut RegexCache) -> Option<usize> {
        self.find_of(value, &|_| true, scratch, cache).map(|hit| hit.number)
    }

    /// Shows the numbers of all texts that a value matches.
    pub fn each<'a>(&self, value: Value<'a>, scratch: &mut Scratch<'a>, found: &mut dyn FnMut(usize)) {
        let Some(text) = value.text(scratch) else { return };
        match (&self.store, self.method) {
            (Store::Few(few), _) => few.find(text).for_each(|h| found(h.number)),
            (Store::Texts(t), Method::Str) => t.equals(text).for_each(|h| found(h.number)),
            (Store::Texts(t), _) => t.beginnings(text).for_each(|h| found(h.number)),
            _ => {}
        }
    }

    /// The same of those patterns whose numbers `counts` wants, with its weight.
    fn find_of<'a>(
        &self,
        value: Value<'a>,
        counts: &dyn Fn(usize) -> bool,
        scratch: &mut Scratch<'a>,
        cache: &mut RegexCache,
    ) -> Option<Hit> {
        let hit = |matches: bool| matches.then_some(Hit::of(0));
        match (&self.store, self.method) {
            (_, Method::Found) => Some(Hit::of(0)),
            (_, Method::Bool) => hit(value.truth()),
            (Store::Ranges(r), Method::Len) => r.find(value.text(scratch)?.len() as i64, counts),
            (Store::Ranges(r), _) => r.find(value.int()?, counts),
            (Store::Nets(n), _) => n.find(value.ip()?, counts),
            (Store::Texts(t), Method::Bin) => t.equals(value.bytes(scratch)?).find(|h| counts(h.number)),
            (Store::Texts(t), Method::Str) => t.equals(value.text(scratch)?).find(|h| counts(h.number)),
            (Store::Texts(t), Method::End) => {
                t.beginnings(value.text(scratch)?).filter(|h| counts(h.number)).min_by_key(|h| h.number)
            }
            (Store::Texts(t), _) => t.beginnings(value.text(scratch)?).find(|h| counts(h.number)),
            (Store::Few(few), method) => {
                let text = if method == Method::Bin { value.bytes(scratch)? } else { value.text(scratch)? };
                few.find(text).find(|h| counts(h.number))
            }
            (Store::List(list), method) => {
                let text = value.text(scratch)?;
                let mut fitting = (0..list.len()).filter(|n| fits(method, self.fold, text, &list[*n]));
                fitting.find(|n| counts(*n)).map(|n| Hit::of(n as u32))
            }
            (Store::Regexes(list), _) => {
                let text = value.text(scratch)?;
                list.iter().position(|r| r.is_match(cache, text)).map(|n| Hit::of(n as u32))
            }
            (Store::Nothing, _) => None,
        }
    }
}

/// Writes a replacement: `\1` is a group of the match.
pub fn expand(out: &mut Out, replacement: &[u8], text: &[u8], found: &Captures) {
    let mut rest = replacement;
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'\\', [digit @ b'0'..=b'9', tail @ ..]) => {
                if let Some((begin, end)) = found.get(usize::from(digit - b'0')) {
                    out.put(&text[begin..end]);
                }
                tail
            }
            (b'\\', [other, tail @ ..]) => {
                out.byte(*other);
                tail
            }
            _ => {
                out.byte(*first);
                tail
            }
        };
    }
}

/// What is wrong with (a part of) a pattern.
#[derive(Debug)]
struct Wrong<'a>(&'a str, &'static str);

impl Display for Wrong<'_> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(f, "'{}' {}", self.0, self.1)
    }
}

fn each<'a, T>(
    patterns: impl Iterator<Item = (usize, &'a str)>,
    parse: impl Fn(&'a str) -> Result<T, Wrong<'a>>,
) -> Result<Vec<T>, Unreadable> {
    let unreadable = |number, wrong: Wrong| Unreadable { number, at: None, why: wrong.to_string() };
    patterns.map(|(number, p)| parse(p).map_err(|wrong| unreadable(number, wrong))).collect()
}

fn matcher(number: usize, pattern: &str, fold: bool) -> Result<Regex, Unreadable> {
    Regex::matcher(pattern, fold).map_err(|e| Unreadable { number, at: Some(e.at), why: e.about(pattern) })
}

fn bytes(pattern: &str) -> Result<Box<[u8]>, Wrong<'_>> {
    Ok(pattern.as_bytes().into())
}

fn hex(pattern: &str) -> Result<Box<[u8]>, Wrong<'_>> {
    let bytes = hex_bytes(pattern.as_bytes()).ok_or(Wrong(pattern, "is no sequence of bytes in hexadecimal digits"))?;
    bytes.collect::<Option<_>>().ok_or(Wrong(pattern, "is no sequence of bytes in hexadecimal digits"))
}

/// The bytes that pairs of digits are; none for a pair that is no byte.
fn hex_bytes(digits: &[u8]) -> Option<impl Iterator<Item = Option<u8>>> {
    let digit = |b: u8| char::from(b).to_digit(16);
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(move |[a, b]| Some((digit(*a)? * 16 + digit(*b)?) as u8)))
}

fn equal(fold: bool, a: &[u8], b: &[u8]) -> bool {
    if fold { a.eq_ignore_ascii_case(b) } else { a == b }
}

/// True when `part` stands in `text` as the method (beg, end, sub, dir, dom) wants it.
fn fits(method: Method, fold: bool, text: &[u8], part: &[u8]) -> bool {
    match method {
        Method::Beg => text.get(..part.len()).is_some_and(|t| equal(fold, t, part)),
        Method::End => text.len().checked_sub(part.len()).is_some_and(|at| equal(fold, &text[at..], part)),
        Method::Sub => part.is_empty() || text.windows(part.len()).any(|w| equal(fold, w, part)),
        Method::Dir => between(fold, text, part, b"/?"),
        _ => between(fold, text, part, b"./?:"),
    }
}

/// True when `part` stands in `text` between delimiters (or at an end of it); delimiters around `part` itself do not count.
fn between(fold: bool, text: &[u8], mut part: &[u8], delimiters: &[u8]) -> bool {
    let is = |b: &u8| delimiters.contains(b);
    while let [first, rest @ ..] = part
        && is(first)
    {
        part = rest;
    }
    while let [rest @ .., last] = part
        && is(last)
    {
        part = rest;
    }
    if part.is_empty() || part.len() > text.len() {
        return false;
    }
    (0..=text.len() - part.len()).any(|at| {
        let end = at + part.len();
        equal(fold, &text[at..end], part) && (at == 0 || is(&text[at - 1])) && (end == text.len() || is(&text[end]))
    })
}

#[cfg(test)]
mod tests;
