//! The syntax: PCRE's, as far as it can be matched in linear time. Bytes, not characters.

use super::program::{Look, Piece, Program, TooLarge};
use super::set::{self, ByteSet};
use super::{GROUPS, Refused};

/// Parentheses within each other.
const MAX_DEPTH: usize = 100;

/// Options that an expression can set for its own parts.
#[derive(Clone, Copy, Default)]
struct Flags {
    /// `i`: letters are the same in both cases.
    fold: bool,
    /// `m`: `^` and `$` match at each line.
    lines: bool,
    /// `s`: `.` matches a line feed.
    dot_all: bool,
    /// `x`: spaces and comments do not count.
    spaced: bool,
    /// `U`: repetitions are lazy, with `?` greedy.
    lazy: bool,
}

/// What a `\` and what follows it mean.
enum Escape {
    Byte(u8),
    Set(ByteSet),
    Look(Look),
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    flags: Flags,
    /// Between `\Q` and `\E`.
    quoted: bool,
    depth: usize,
    /// Groups are remembered by the program.
    keep: bool,
    groups: usize,
    names: Vec<&'a [u8]>,
    sets: Vec<ByteSet>,
}

/// Compiles an expression; `fold`: letters are the same in both cases; `keep`: places are found, else only whether it matches.
pub fn parse(text: &[u8], fold: bool, keep: bool) -> Result<Program, Refused> {
    let flags = Flags { fold, ..Flags::default() };
    let mut p =
        Parser { text, at: 0, flags, quoted: false, depth: 0, keep, groups: 1, names: Vec::new(), sets: Vec::new() };
    let mut piece = p.alternatives()?;
    if p.at < text.len() {
        return Err(wrong(p.at, "')' without '('"));
    }
    if keep {
        piece = piece.saved(0);
    }
    let slots = if keep { p.groups.min(GROUPS) * 2 } else { 0 };
    Ok(Program::new(piece, p.sets, slots))
}

fn wrong(at: usize, reason: &'static str) -> Refused {
    Refused { at, reason }
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    /// Takes `word` if it comes next.
    fn accept(&mut self, word: &[u8]) -> bool {
        let is = self.rest().starts_with(word);
        self.at += if is { word.len() } else { 0 };
        is
    }

    /// Takes all bytes for which `is` holds.
    fn take_while(&mut self, is: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let len = rest.iter().position(|b| !is(*b)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    fn sized<T>(&self, made: Result<T, TooLarge>) -> Result<T, Refused> {
        made.map_err(|TooLarge| wrong(self.at.saturating_sub(1), "up to here it is too large: more than 16384 steps"))
    }

    fn set(&mut self, set: ByteSet) -> Piece {
        let known = self.sets.iter().position(|s| *s == set);
        let number = known.unwrap_or_else(|| {
            self.sets.push(set);
            self.sets.len() - 1
        });
        Piece::set(number as u16)
    }

    fn byte(&mut self, byte: u8) -> Piece {
        let one = ByteSet::of(|b| b == byte);
        self.set(if self.flags.fold { one.folded() } else { one })
    }

    /// Up to the `)` that ends the group, or the end.
    fn alternatives(&mut self) -> Result<Piece, Refused> {
        let mut all = vec![self.sequence()?];
        while self.accept(b"|") {
            all.push(self.sequence()?);
        }
        self.sized(Piece::one_of(all))
    }

    fn sequence(&mut self) -> Result<Piece, Refused> {
        let mut done = Piece::empty();
        // What a quantifier would be about.
        let mut last: Option<Piece> = None;
        while let Some(byte) = self.peek() {
            let begin = self.at;
            if self.skip()? {
                continue;
            }
            if !self.quoted && matches!(byte, b'|' | b')') {
                break;
            }
            if !self.quoted
                && let Some((min, max)) = self.quantifier()?
            {
                let Some(piece) = last.take() else { return Err(wrong(begin, "there is nothing to repeat")) };
                let lazy = self.accept(b"?");
                if self.peek() == Some(b'+') {
                    return Err(wrong(self.at, "possessive quantifiers cannot be matched in linear time"));
                }
                let repeated = self.sized(piece.repeated(min, max, lazy == self.flags.lazy))?;
                self.sized(done.then(&repeated))?;
                continue;
            }
            if let Some(piece) = last.take() {
                self.sized(done.then(&piece))?;
            }
            last = self.atom()?;
        }
        if let Some(piece) = last {
            self.sized(done.then(&piece))?;
        }
        Ok(done)
    }

    /// Skips what stands for nothing: true when there was something.
    fn skip(&mut self) -> Result<bool, Refused> {
        let begin = self.at;
        if self.quoted {
            self.quoted = !self.accept(b"\\E");
        } else if self.accept(b"\\Q") {
            self.quoted = true;
        } else if self.accept(b"(?#") {
            self.take_while(|b| b != b')');
            if !self.accept(b")") {
                return Err(wrong(begin, "a comment without ')'"));
            }
        } else if self.flags.spaced && self.peek().is_some_and(|b| b.is_ascii_whitespace()) {
            self.at += 1;
        } else if self.flags.spaced && self.accept(b"#") {
            self.take_while(|b| b != b'\n');
        } else {
            self.accept(b"\\E");
        }
        Ok(self.at > begin)
    }

    /// `*`, `+`, `?`, `{n}`, `{n,}`, `{n,m}`; any other `{` is itself.
    fn quantifier(&mut self) -> Result<Option<(usize, Option<usize>)>, Refused> {
        let begin = self.at;
        if self.accept(b"*") {
            return Ok(Some((0, None)));
        }
        if self.accept(b"+") {
            return Ok(Some((1, None)));
        }
        if self.accept(b"?") {
            return Ok(Some((0, Some(1))));
        }
        if !self.accept(b"{") {
            return Ok(None);
        }
        let min = self.take_while(|b| b.is_ascii_digit());
        let max = if self.accept(b",") { Some(self.take_while(|b| b.is_ascii_digit())) } else { None };
        if min.is_empty() || !self.accept(b"}") {
            self.at = begin;
            return Ok(None);
        }
        // Larger than any program.
        let number = |digits: &[u8]| digits.iter().fold(0, |n: usize, b| (n * 10 + usize::from(b - b'0')).min(1 << 20));
        let min = number(min);
        let max = match max {
            None => Some(min),
            Some([]) => None,
            Some(digits) => Some(number(digits)),
        };
        if max.is_some_and(|m| m < min) {
            return Err(wrong(begin, "the numbers are out of order"));
        }
        Ok(Some((min, max)))
    }

    /// What a quantifier can be about; none for options, which are nothing.
    fn atom(&mut self) -> Result<Option<Piece>, Refused> {
        let begin = self.at;
        let byte = self.text[self.at];
        self.at += 1;
        if self.quoted {
            return Ok(Some(self.byte(byte)));
        }
        let line = |inside, outside| Piece::look(if self.flags.lines { inside } else { outside });
        Ok(Some(match byte {
            b'(' => return self.group(begin),
            b'[' => {
                let set = self.class(begin)?;
                self.set(set)
            }
            b'^' => line(Look::LineStart, Look::TextStart),
            b'$' => line(Look::LineEnd, Look::TextEnd),
            b'.' => {
                let dot_all = self.flags.dot_all;
                self.set(ByteSet::of(|b| dot_all || b != b'\n'))
            }
            b'\\' => match self.escape(begin, false)? {
                Escape::Byte(byte) => self.byte(byte),
                Escape::Set(set) => self.set(set),
                Escape::Look(look) => Piece::look(look),
            },
            byte => self.byte(byte),
        }))
    }

    /// Behind a `(`.
    fn group(&mut self, begin: usize) -> Result<Option<Piece>, Refused> {
        let outside = self.flags;
        if self.accept(b"*") {
            return Err(wrong(begin, "verbs are not supported"));
        }
        let number = (!self.accept(b"?") || self.named(begin)?).then_some(self.groups);
        if number.is_none() && self.options(begin)? {
            return Ok(None);
        }
        self.groups += usize::from(number.is_some());
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(wrong(begin, "more than 100 parentheses within each other"));
        }
        let piece = self.alternatives()?;
        self.depth -= 1;
        if !self.accept(b")") {
            return Err(wrong(begin, "'(' without ')'"));
        }
        self.flags = outside;
        Ok(Some(match number {
            Some(n) if self.keep && n < GROUPS => piece.saved(n as u8 * 2),
            _ => piece,
        }))
    }

    /// `<name>`, `P<name>` and `'name'` behind `(?`.
    fn named(&mut self, begin: usize) -> Result<bool, Refused> {
        if [b"<=", b"<!"].iter().any(|w| self.rest().starts_with(*w)) {
            return Err(wrong(begin, "look-behind cannot be matched in linear time"));
        }
        let end = if self.accept(b"<") || self.accept(b"P<") {
            b">"
        } else if self.accept(b"'") {
            b"'"
        } else {
            return Ok(false);
        };
        let at = self.at;
        let name = self.take_while(set::is_word);
        if name.first().is_none_or(u8::is_ascii_digit) || !self.accept(end) {
            return Err(wrong(at, "this is no name of a group"));
        }
        if self.names.contains(&name) {
            return Err(wrong(at, "another group has this name"));
        }
        self.names.push(name);
        Ok(true)
    }

    /// `i-m` behind `(?`, with `:` for a group or `)` for what follows it: true.
    fn options(&mut self, begin: usize) -> Result<bool, Refused> {
        let mut on = true;
        loop {
            let at = self.at;
            self.at += 1;
            let flags = &mut self.flags;
            match self.text.get(at) {
                Some(b'i') => flags.fold = on,
                Some(b'm') => flags.lines = on,
                Some(b's') => flags.dot_all = on,
                Some(b'x') => flags.spaced = on,
                Some(b'U') => flags.lazy = on,
                Some(b'-') if on && !self.text.get(at + 1).is_some_and(|b| b.is_ascii_digit()) => on = false,
                Some(b':') => return Ok(false),
                Some(b')') => return Ok(true),
                found => return Err(not_an_option(begin, at, found.copied())),
            }
        }
    }

    /// Behind a `\`.
    fn escape(&mut self, begin: usize, in_class: bool) -> Result<Escape, Refused> {
        let Some(byte) = self.peek() else { return Err(wrong(begin, "nothing follows the '\\'")) };
        self.at += 1;
        if let Some(set) = set::escaped(byte) {
            return Ok(Escape::Set(set));
        }
        Ok(Escape::Byte(match byte {
            b'b' if in_class => 8,
            b'b' => return Ok(Escape::Look(Look::WordEdge)),
            b'B' if !in_class => return Ok(Escape::Look(Look::NotWordEdge)),
            b'A' if !in_class => return Ok(Escape::Look(Look::TextStart)),
            b'z' if !in_class => return Ok(Escape::Look(Look::TextEnd)),
            b'Z' if !in_class => return Ok(Escape::Look(Look::LastLineEnd)),
            b'a' => 7,
            b'e' => 27,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'0' => self.digits(8, 2),
            b'x' => self.hexadecimal(begin)?,
            b'1'..=b'9' | b'g' | b'k' if !in_class => {
                return Err(wrong(begin, "back-references cannot be matched in linear time"));
            }
            b'p' | b'P' | b'X' => return Err(wrong(begin, "there are no Unicode classes: patterns match bytes")),
            b if b.is_ascii_alphanumeric() => return Err(wrong(begin, "there is no such escape")),
            b => b,
        }))
    }

    /// The number of at most `most` digits.
    fn digits(&mut self, base: u32, most: usize) -> u8 {
        let digits = self.rest().iter().take(most).map_while(|b| char::from(*b).to_digit(base));
        let (len, value) = digits.fold((0, 0), |(len, value), digit| (len + 1, value * base + digit));
        self.at += len;
        value as u8
    }

    /// Behind `\x`: one or two digits, or any number of them in braces.
    fn hexadecimal(&mut self, begin: usize) -> Result<u8, Refused> {
        let braces = self.accept(b"{");
        if braces {
            while self.rest().starts_with(b"0") {
                self.at += 1;
            }
        }
        let at = self.at;
        let value = self.digits(16, 2);
        let some = self.at > at || braces && self.text[at - 1] == b'0';
        if !some || braces && !self.accept(b"}") {
            return Err(wrong(begin, "'\\x' is followed by two hexadecimal digits, with or without braces"));
        }
        Ok(value)
    }

    /// Behind a `[`.
    fn class(&mut self, begin: usize) -> Result<ByteSet, Refused> {
        let inverted = self.accept(b"^");
        let mut set = ByteSet::default();
        let first = self.at;
        while self.quoted || self.at == first || !self.accept(b"]") {
            let at = self.at;
            let low = match self.member(begin)? {
                Some(Escape::Byte(byte)) => byte,
                Some(Escape::Set(other)) => {
                    set.add(&other);
                    continue;
                }
                _ => continue,
            };
            set.insert(low);
            if self.quoted || self.peek() != Some(b'-') || self.text.get(self.at + 1) == Some(&b']') {
                continue;
            }
            self.at += 1;
            match self.member(begin)? {
                Some(Escape::Byte(high)) if high < low => return Err(wrong(at, "the range is out of order")),
                Some(Escape::Byte(high)) => (low..=high).for_each(|b| set.insert(b)),
                other => {
                    // No range: `-` is itself.
                    set.insert(b'-');
                    if let Some(Escape::Set(other)) = other {
                        set.add(&other);
                    }
                }
            }
        }
        let set = if self.flags.fold { set.folded() } else { set };
        Ok(if inverted { set.inverted() } else { set })
    }

    /// One member of a class; none for what stands for nothing.
    fn member(&mut self, begin: usize) -> Result<Option<Escape>, Refused> {
        let at = self.at;
        if self.quoted || self.rest().starts_with(b"\\Q") || self.rest().starts_with(b"\\E") {
            let was = std::mem::replace(&mut self.quoted, true);
            if self.accept(b"\\E") {
                self.quoted = false;
                return Ok(None);
            }
            if !was {
                self.at += 2;
                return Ok(None);
            }
        }
        let Some(byte) = self.peek() else { return Err(wrong(begin, "'[' without ']'")) };
        self.at += 1;
        match byte {
            b'\\' if !self.quoted => self.escape(at, true).map(Some),
            b'[' if !self.quoted => self.posix(at).map(Some),
            byte => Ok(Some(Escape::Byte(byte))),
        }
    }

    /// Behind a `[` in a class: `:alpha:]`, or nothing special.
    fn posix(&mut self, begin: usize) -> Result<Escape, Refused> {
        let kind = self.peek().filter(|b| matches!(b, b':' | b'.' | b'='));
        let behind = self.at + 1;
        let Some(kind) = kind else { return Ok(Escape::Byte(b'[')) };
        self.at = behind;
        let inverted = self.accept(b"^");
        let name = self.take_while(|b| b.is_ascii_alphanumeric());
        if !self.accept(&[kind, b']']) {
            self.at = behind - 1;
            return Ok(Escape::Byte(b'['));
        }
        let Some(set) = set::posix(name).filter(|_| kind == b':') else {
            return Err(wrong(begin, "there is no class of this name"));
        };
        Ok(Escape::Set(if inverted { set.inverted() } else { set }))
    }
}

/// Why what follows `(?` is no option.
fn not_an_option(begin: usize, at: usize, found: Option<u8>) -> Refused {
    let first = at == begin + 2;
    match found {
        Some(b'=' | b'!') if first => wrong(begin, "look-ahead cannot be matched in linear time"),
        Some(b'>') if first => wrong(begin, "atomic groups cannot be matched in linear time"),
        Some(b'(') if first => wrong(begin, "conditions cannot be matched in linear time"),
        Some(b'|') if first => wrong(begin, "groups of the same number are not supported"),
        Some(b'R' | b'&' | b'+' | b'-' | b'0'..=b'9') if first => {
            wrong(begin, "recursion cannot be matched in linear time")
        }
        Some(b'P') if first => wrong(begin, "back-references and recursion cannot be matched in linear time"),
        Some(b'C') if first => wrong(begin, "callouts are not supported"),
        _ => wrong(at, "there is no such option: i, m, s, x and U are"),
    }
}
