//! One line to words: quotes, escapes and variables. See the parent module for the rules.
//!
//! Words are bytes here, because `\xHH` may write a character byte by byte.

use super::super::diag::{Diag, Level};
use super::Env;
use crate::util::words::{Pos, nearest};

const PSEUDO_VARIABLES: [&str; 3] = [".FILE", ".LINE", ".SECTION"];

/// An error within a line, `at` and `len` in bytes, 0-based.
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) len: usize,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Fault {
    pub(super) fn new(at: usize, len: usize, message: impl Into<String>) -> Self {
        Fault { at, len, message: message.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn into_diag(self, pos: Pos) -> Diag {
        Diag { level: Level::Alert, pos, message: self.message, hint: self.hint }
    }
}

/// A word before it is known to be UTF-8.
#[derive(Default)]
pub(super) struct RawWord {
    pub(super) bytes: Vec<u8>,
    /// Offset in the line that each byte comes from.
    pub(super) places: Vec<usize>,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) quoted: bool,
}

impl RawWord {
    fn push(&mut self, byte: u8, place: usize) {
        self.bytes.push(byte);
        self.places.push(place);
    }
}

/// What the pseudo-variables stand for.
pub(super) struct Context<'a> {
    pub(super) file_name: &'a str,
    pub(super) number: u32,
    pub(super) section: &'a str,
}

/// Splits one line into words.
pub(super) struct Scanner<'a> {
    line: &'a str,
    at: usize,
    env: &'a dyn Env,
    pub(super) context: Option<Context<'a>>,
    /// Whether `#` begins a comment.
    pub(super) comments: bool,
    pub(super) words: Vec<RawWord>,
    /// The word being read.
    word: Option<RawWord>,
    /// The first variable that is not set and has no default.
    pub(super) unset: Option<String>,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(line: &'a str, env: &'a dyn Env) -> Self {
        Scanner { line, at: 0, env, context: None, comments: true, words: Vec::new(), word: None, unset: None }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.line.as_bytes().get(self.at + ahead).copied()
    }

    fn word(&mut self) -> &mut RawWord {
        let start = self.at;
        self.word.get_or_insert_with(|| RawWord { start, ..RawWord::default() })
    }

    fn finish(&mut self, end: usize) {
        if let Some(mut word) = self.word.take() {
            word.end = end;
            self.words.push(word);
        }
    }

    /// Takes the next byte as it is.
    fn take(&mut self, byte: u8) {
        let at = self.at;
        self.word().push(byte, at);
        self.at += 1;
    }

    pub(super) fn run(&mut self) -> Result<(), Fault> {
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\t'..=b'\r' => {
                    self.finish(self.at);
                    self.at += 1;
                }
                b'#' if self.comments => break,
                b'\'' => self.strong()?,
                b'"' => self.weak()?,
                b'\\' => self.escape(false)?,
                _ => self.take(byte),
            }
        }
        self.finish(self.at);
        Ok(())
    }

    fn strong(&mut self) -> Result<(), Fault> {
        let open = self.at;
        self.word().quoted = true;
        self.at += 1;
        while let Some(byte) = self.peek(0) {
            if byte == b'\'' {
                self.at += 1;
                return Ok(());
            }
            self.take(byte);
        }
        Err(self.unmatched(open))
    }

    fn weak(&mut self) -> Result<(), Fault> {
        let open = self.at;
        self.word().quoted = true;
        self.at += 1;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => self.escape(true)?,
                b'$' => self.variable()?,
                _ => self.take(byte),
            }
        }
        Err(self.unmatched(open))
    }

    fn unmatched(&self, open: usize) -> Fault {
        let fault = Fault::new(open, self.line.len() - open, format!("unmatched quote at position {}", open + 1));
        fault.hint("close the quote on the same line, or write a backslash before it if it is meant as a character")
    }

    fn escape(&mut self, weak: bool) -> Result<(), Fault> {
        let value = match self.peek(1) {
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(byte @ (b'\\' | b'"' | b'\'' | b'#' | b' ')) => byte,
            Some(b'$') if weak => b'$',
            Some(b'x') => return self.hexadecimal(),
            // Not an escape: the backslash is a character like any other.
            _ => {
                self.take(b'\\');
                return Ok(());
            }
        };
        self.escaped(value, 2);
        Ok(())
    }

    /// Adds the byte that the next `len` bytes stand for.
    fn escaped(&mut self, value: u8, len: usize) {
        let at = self.at;
        let word = self.word();
        word.push(value, at);
        word.quoted = true;
        self.at += len;
    }

    fn hexadecimal(&mut self) -> Result<(), Fault> {
        let digit = |ahead| self.peek(ahead).and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(2), digit(3)) else {
            let message = format!("truncated or invalid hexadecimal sequence at position {}", self.at + 1);
            return Err(Fault::new(self.at, 2, message).hint("\\x takes two hexadecimal digits"));
        };
        let value = u8::try_from(high * 16 + low).expect("two digits make a byte");
        if value == 0 {
            let message = format!("NUL character written as an escape at position {}", self.at + 1);
            return Err(Fault::new(self.at, 4, message).hint("a word cannot contain \\x00"));
        }
        self.escaped(value, 4);
        Ok(())
    }

    /// A variable, from its `$` on.
    fn variable(&mut self) -> Result<(), Fault> {
        let (line, dollar) = (self.line, self.at);
        let bytes = line.as_bytes();
        let braced = bytes.get(dollar + 1) == Some(&b'{');
        let start = dollar + 1 + usize::from(braced);
        let name_len =
            |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        let mut end = match bytes.get(start) {
            Some(b'.') => start + 1 + name_len(start + 1),
            Some(b'A'..=b'Z' | b'a'..=b'z' | b'_') => start + name_len(start),
            _ => {
                let message = format!("forbidden first char in environment variable name at position {}", start + 1);
                return Err(Fault::new(start, 1, message).hint("write \\$ for a dollar sign inside double quotes"));
            }
        };
        let name = &line[start..end];
        let mut value = self.lookup(name, start)?;
        let (mut split, mut default) = (false, None);
        if braced {
            if bytes.get(end) == Some(&b'[') {
                if !line[end..].starts_with("[*]") {
                    let message = format!("truncated or invalid word expansion sequence at position {}", end + 1);
                    return Err(Fault::new(end, 1, message).hint(format!("write ${{{name}[*]}} to split into words")));
                }
                split = true;
                end += 3;
            }
            if bytes.get(end) == Some(&b'-') {
                let len = line[end..].find('}').unwrap_or(line.len() - end);
                default = Some(&line[end + 1..end + len]);
                end += len;
            }
            if bytes.get(end) != Some(&b'}') {
                let message = format!("unmatched brace in environment variable name at position {}", dollar + 2);
                let hint = format!("write ${{{name}}}, or ${{{name}-default}}");
                return Err(Fault::new(dollar + 1, end.min(line.len()) - dollar - 1, message).hint(hint));
            }
            end += 1;
        }
        if value.is_none() {
            value = default.map(str::to_owned);
        }
        if value.is_none() {
            self.unset.get_or_insert_with(|| name.to_owned());
        }
        self.expand(&value.unwrap_or_default(), split, dollar, end);
        self.at = end;
        Ok(())
    }

    fn lookup(&self, name: &str, at: usize) -> Result<Option<String>, Fault> {
        match (name, &self.context) {
            (".FILE", Some(context)) => Ok(Some(context.file_name.to_owned())),
            (".LINE", Some(context)) => Ok(Some(context.number.to_string())),
            (".SECTION", Some(context)) => Ok(Some(context.section.to_owned())),
            _ if name.starts_with('.') => {
                let fault =
                    Fault::new(at, name.len(), format!("unknown pseudo-variable '{name}' at position {}", at + 1));
                Err(match nearest(name, PSEUDO_VARIABLES.into_iter()) {
                    Some(near) => fault.hint(format!("did you mean '{near}'?")),
                    None => fault.hint(format!("there are {}", PSEUDO_VARIABLES.join(", "))),
                })
            }
            _ => Ok(self.env.get(name)),
        }
    }

    /// Adds the value of the variable at `dollar..end`; with `split`, each run of white space in it ends a word.
    fn expand(&mut self, value: &str, split: bool, dollar: usize, end: usize) {
        let mut in_space = false;
        for byte in value.bytes() {
            if split && matches!(byte, b' ' | b'\t'..=b'\r') {
                if !in_space {
                    self.word();
                    self.finish(end);
                    self.word = Some(RawWord { start: dollar, quoted: true, ..RawWord::default() });
                }
                in_space = true;
                continue;
            }
            in_space = false;
            self.word().push(byte, dollar);
        }
    }
}
