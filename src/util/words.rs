//! The words of a configuration line, with their places, as a row's function reads them; why it may refuse them; and what a
//! word that is not known was meant to be. Below all tables, so that each family of keywords keeps its parsing beside its code.

use std::ops::Deref;

/// Longest distance at which [`nearest`] still suggests.
const MAX_DISTANCE: usize = 3;

/// A place in a configuration file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pos {
    /// Number of the file, as [`Diags::add_file`] gave it.
    pub file: u16,
    /// 1-based; 0 = no place.
    pub line: u32,
    /// 1-based, in bytes of the line as written; 0 = the whole line.
    pub column: u32,
    /// Bytes to underline; 0 and 1 show a lone caret.
    pub len: u32,
}

impl Pos {
    /// The place of a byte of the word `text` that stands here; of the word where escapes or variables came between.
    #[must_use]
    pub fn within(self, text: &str, at: usize) -> Pos {
        let quotes = self.len.wrapping_sub(text.len() as u32);
        if quotes != 0 && quotes != 2 {
            return self;
        }
        Pos { column: self.column + quotes / 2 + at as u32, len: 1, ..self }
    }
}

/// One word of a line, quotes and escapes resolved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Word {
    pub text: String,
    /// Where it stands as written, quotes included. A word that `${NAME[*]}` split off stands at the `$`.
    pub pos: Pos,
    /// Whether any part was quoted or escaped.
    pub quoted: bool,
}

/// Why a line was not taken. A pointer, as hundreds of functions hand it on.
#[derive(Debug)]
pub struct Fault(Box<Reason>);

/// What a [`Fault`] says.
#[derive(Debug)]
pub struct Reason {
    pub pos: Pos,
    pub message: String,
    pub hint: Option<String>,
}

impl Fault {
    pub fn new(pos: Pos, message: impl Into<String>) -> Fault {
        Fault::of(pos, message.into())
    }

    // Once in the program, not at each of its calls.
    #[inline(never)]
    fn of(pos: Pos, message: String) -> Fault {
        Fault(Box::new(Reason { pos, message, hint: None }))
    }

    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Fault {
        self.with(hint.into())
    }

    #[inline(never)]
    fn with(mut self, hint: String) -> Fault {
        self.0.hint = Some(hint);
        self
    }

    pub fn into_reason(self) -> Reason {
        *self.0
    }
}

impl Deref for Fault {
    type Target = Reason;

    fn deref(&self) -> &Reason {
        &self.0
    }
}

/// The words of a line, read from left to right.
pub struct Args<'a> {
    words: &'a [Word],
    at: usize,
    /// Where the line begins, when that is before the words.
    before: Option<Pos>,
    /// The keyword as it is named in messages.
    pub name: String,
    /// The line begins with `no` (or `default`).
    pub no: bool,
}

impl<'a> Args<'a> {
    pub fn new(words: &'a [Word], at: usize, name: impl Into<String>) -> Args<'a> {
        Args { words, at, before: None, name: name.into(), no: false }
    }

    /// All the words of a list, which follow what stands at `before`.
    pub fn after(words: &'a [Word], before: Pos, name: impl Into<String>) -> Args<'a> {
        Args { words, at: 0, before: Some(before), name: name.into(), no: false }
    }

    /// The text of the next word, left in place.
    pub fn peek(&self) -> Option<&'a str> {
        self.words.get(self.at).map(|w| w.text.as_str())
    }

    /// Takes the next word if it is `text`.
    pub fn accept(&mut self, text: &str) -> bool {
        let found = self.peek() == Some(text);
        self.at += usize::from(found);
        found
    }

    /// The next word, or an error that says what is missing.
    pub fn need(&mut self, what: &str) -> Result<&'a Word, Fault> {
        match self.next() {
            Some(word) if !word.text.is_empty() => Ok(word),
            empty => {
                let pos = empty.map_or_else(|| self.end(), |word| word.pos);
                Err(Fault::new(pos, format!("'{}' expects {what}", self.name)))
            }
        }
    }

    /// All words that are left.
    pub fn rest(&mut self) -> &'a [Word] {
        let rest = self.words.get(self.at..).unwrap_or(&[]);
        self.at = self.words.len();
        rest
    }

    /// Leaves `count` words out.
    pub fn skip(&mut self, count: usize) {
        self.at = (self.at + count).min(self.words.len());
    }

    /// The first word of the line.
    pub fn first(&self) -> &'a Word {
        &self.words[0]
    }

    /// Place of the keyword.
    pub fn pos(&self) -> Pos {
        let first = self.before.unwrap_or_else(|| self.words[0].pos);
        span(first, self.last_pos())
    }

    /// Place of the word taken last.
    pub fn last_pos(&self) -> Pos {
        match (self.at.checked_sub(1), self.before) {
            (Some(last), _) => self.words[last.min(self.words.len() - 1)].pos,
            (None, Some(before)) => before,
            (None, None) => self.words[0].pos,
        }
    }

    /// The place behind the last word, where something is missing.
    fn end(&self) -> Pos {
        if let Some(word) = self.words.get(self.at) {
            return word.pos;
        }
        let last = self.words.last().map(|w| w.pos).or(self.before).unwrap_or_default();
        Pos { column: last.column.saturating_add(last.len), len: 1, ..last }
    }

    /// An error when a word is left.
    pub fn finish(&mut self) -> Result<(), Fault> {
        match self.next() {
            None => Ok(()),
            Some(word) => Err(Fault::new(
                word.pos,
                format!("'{}' cannot handle the unexpected argument '{}'", self.name, word.text),
            )),
        }
    }
}

impl<'a> Iterator for Args<'a> {
    type Item = &'a Word;

    /// The next word, taken.
    fn next(&mut self) -> Option<&'a Word> {
        let word = self.words.get(self.at)?;
        self.at += 1;
        Some(word)
    }
}

fn span(first: Pos, last: Pos) -> Pos {
    if first.line != last.line || last.column < first.column {
        return first;
    }
    Pos { len: last.column - first.column + last.len, ..first }
}

/// Where what was opened before `text` is closed by `end`: not within quotes, after a backslash or within parentheses.
pub fn closing(text: &str, end: char) -> Option<usize> {
    // HAProxy knows no brackets in brackets: the first one that closes does.
    let find = |nested: bool| {
        let (mut depth, mut quote, mut escaped) = (0usize, None, false);
        for (at, c) in text.char_indices() {
            match (c, quote) {
                _ if escaped => escaped = false,
                ('\\', None | Some('"')) => escaped = text[at + 1..].starts_with(is_escaped),
                ('\'' | '"', None) => quote = Some(c),
                (c, Some(q)) if c == q => quote = None,
                (_, Some(_)) => {}
                (c, None) if c == end && depth == 0 => return Some(at),
                ('(', None) if nested => depth += 1,
                (')', None) if nested => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        None
    };
    find(true).or_else(|| find(false))
}

/// True for what a backslash in an argument of a sample stands before; before anything else it stands for itself.
pub fn is_escaped(c: char) -> bool {
    matches!(c, '\\' | '\'' | '"' | ' ' | 'n' | 'r' | 't')
}

/// The candidate that `word` was most likely meant to be, if any is close: up to a third of the letters mistyped,
/// dropped, added or swapped (never more than [`MAX_DISTANCE`]), or a candidate that `word` begins. Case and `_`
/// instead of `-` do not count.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = fold(word);
    let limit = match word.len() {
        0 => return None,
        1 | 2 => 0,
        len => (len / 3).clamp(1, MAX_DISTANCE),
    };
    let mut best: Option<(usize, usize, &str)> = None;
    for candidate in candidates {
        let folded = fold(candidate);
        let gap = folded.len().abs_diff(word.len());
        let close = if gap > limit { None } else { Some(distance(&word, &folded)).filter(|d| *d <= limit) };
        // A mere beginning is worth less than any close word.
        let begins = (word.len() >= 3 && folded.starts_with(&word)).then_some(limit + 1);
        let Some(score) = close.or(begins) else { continue };
        if best.is_none_or(|(known, known_gap, _)| (score, gap) < (known, known_gap)) {
            best = Some((score, gap, candidate));
        }
    }
    best.map(|(_, _, candidate)| candidate)
}

fn fold(word: &str) -> Vec<u8> {
    word.bytes().map(|b| if b == b'_' { b'-' } else { b.to_ascii_lowercase() }).collect()
}

/// Damerau-Levenshtein distance (optimal string alignment) in bytes.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut older: Vec<usize> = vec![0; b.len() + 1];
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    let mut current = older.clone();
    for i in 1..=a.len() {
        current[0] = i;
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut least = (previous[j] + 1).min(current[j - 1] + 1).min(previous[j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(older[j - 2] + 1);
            }
            current[j] = least;
        }
        std::mem::swap(&mut older, &mut previous);
        std::mem::swap(&mut previous, &mut current);
    }
    previous[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_opened_is_closed() {
        for (text, end, want) in [
            ("a)b", ')', Some(1)),
            ("a(b)c)", ')', Some(5)),
            ("a(]b)]", ']', Some(5)),
            ("')'\\'\"\\\")\")", ')', Some(10)),
            ("a\\)b)", ')', Some(2)),
            ("a(b", ')', None),
            ("a(b),c", ')', Some(3)),
            ("'a)", ')', None),
            ("(", ']', None),
        ] {
            assert_eq!(closing(text, end), want, "{text}");
        }
    }

    #[test]
    fn suggestions() {
        let words = ["server", "bind", "balance", "timeout", "frontend", "default_backend", "mode", "maxconn", "acl"];
        let near = |word| nearest(word, words.iter().copied());
        for (word, want) in [
            ("sever", Some("server")),
            ("sevrer", Some("server")),
            ("bnid", Some("bind")),
            ("BIND", Some("bind")),
            ("default-backend", Some("default_backend")),
            ("max_conn", Some("maxconn")),
            ("front", Some("frontend")),
            ("timeouts", Some("timeout")),
            ("ac", None),
            ("", None),
            ("xyzzy", None),
            ("zzz", None),
            ("rediscover", None),
        ] {
            assert_eq!(near(word), want, "{word}");
        }
    }

    #[test]
    fn distances() {
        for (a, b, want) in [("", "", 0), ("", "ab", 2), ("ab", "ba", 1), ("kitten", "sitting", 3), ("abc", "abc", 0)] {
            assert_eq!(distance(a.as_bytes(), b.as_bytes()), want, "{a} {b}");
            assert_eq!(distance(b.as_bytes(), a.as_bytes()), want, "{b} {a}");
        }
    }
}
