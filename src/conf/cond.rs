//! Conditions of `.if`, `.elif` and `-cc` (HAProxy's manual, section 2.4).
//!
//! ```text
//! or   = and { "||" and }          term = { "!" } ( integer | "(" or ")" | name [ "(" arg { "," arg } ")" ] )
//! and  = term { "&&" term }
//! ```
//!
//! Text is resolved twice, as in HAProxy: first like any line of the configuration (quotes, escapes, variables), then
//! the arguments of a predicate have a level of quotes and escapes of their own, without variables, `\x`, `\#`, `\$`.
//! The whole expression is parsed before it counts, so an error in an operand that could be skipped is still one.
//!
//! Limits: [`MAX_DEPTH`] nested parentheses. `strstr` and `enabled`, which came after 2.6, are accepted.

use super::lexer::{self, Env};
use crate::util::words::nearest;
use std::cmp::Ordering;

/// Nesting of parentheses accepted in an expression.
const MAX_DEPTH: usize = 100;

/// What conditions may ask about this program.
pub trait Facts {
    /// The language level, such as `2.6.0`.
    fn version(&self) -> &str;
    /// Whether a feature is built in (`OPENSSL`, `EPOLL` ...); the names are upper case.
    fn feature(&self, name: &str) -> bool;
    /// Whether an option is in use at run time (`POLL`, `EPOLL`, `KQUEUE`, `SPLICE` ...).
    fn enabled(&self, option: &str) -> bool;
}

/// Why a condition has no value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CondError {
    pub message: String,
    /// Byte offset of the place in the text given.
    pub offset: usize,
    pub hint: Option<String>,
}

impl CondError {
    fn new(offset: usize, message: impl Into<String>) -> Self {
        CondError { message: message.into(), offset, hint: None }
    }
}

/// Evaluates an expression as written, with its quotes and variables: the argument of `-cc`.
pub fn evaluate(expr: &str, env: &dyn Env, facts: &dyn Facts) -> Result<bool, CondError> {
    let (text, places) = lexer::resolve(expr, env)?;
    if text.is_empty() && !expr.is_empty() && expr.trim().is_empty() {
        return Err(CondError::new(0, "a condition is missing here"));
    }
    evaluate_resolved(&text, env, facts).map_err(|mut error| {
        error.offset = places.get(error.offset).copied().unwrap_or(expr.len());
        error
    })
}

/// Evaluates an expression whose quotes and variables are already resolved. An empty one is false.
pub fn evaluate_resolved(text: &str, env: &dyn Env, facts: &dyn Facts) -> Result<bool, CondError> {
    if text.is_empty() {
        return Ok(false);
    }
    let mut parser = Parser { text, at: 0, env, facts };
    let value = parser.or(0)?;
    parser.spaces();
    match parser.rest().chars().next() {
        None => Ok(value),
        Some(ch) => {
            Err(CondError::new(parser.at, format!("unexpected character '{ch}' at the end of the condition '{text}'")))
        }
    }
}

/// What a predicate computes from its arguments.
type Test = fn(&[String], &dyn Env, &dyn Facts) -> bool;

struct Predicate {
    name: &'static str,
    /// How many arguments it takes; a single one may be left out and is then empty.
    args: usize,
    test: Test,
}

/// All predicates, sorted by name.
const PREDICATES: &[Predicate] = &[
    Predicate { name: "defined", args: 1, test: |a, env, _| env.get(&a[0]).is_some() },
    Predicate { name: "enabled", args: 1, test: |a, _, facts| facts.enabled(&a[0]) },
    Predicate { name: "feature", args: 1, test: |a, _, facts| facts.feature(&a[0]) },
    // There is no OpenSSL here, of any version.
    Predicate { name: "openssl_version_atleast", args: 1, test: |_, _, _| false },
    Predicate { name: "openssl_version_before", args: 1, test: |_, _, _| false },
    Predicate { name: "ssllib_name_startswith", args: 1, test: |_, _, _| false },
    Predicate { name: "streq", args: 2, test: |a, _, _| a[0] == a[1] },
    Predicate { name: "strneq", args: 2, test: |a, _, _| a[0] != a[1] },
    Predicate { name: "strstr", args: 2, test: |a, _, _| a[0].contains(&a[1]) },
    Predicate { name: "version_atleast", args: 1, test: |a, _, facts| compare(facts.version(), &a[0]).is_ge() },
    Predicate { name: "version_before", args: 1, test: |a, _, facts| compare(facts.version(), &a[0]).is_lt() },
];

struct Parser<'a> {
    text: &'a str,
    at: usize,
    env: &'a dyn Env,
    facts: &'a dyn Facts,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn spaces(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t']).len();
    }

    fn accept(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn or(&mut self, depth: usize) -> Result<bool, CondError> {
        let mut value = self.and(depth)?;
        loop {
            self.spaces();
            if !self.accept("||") {
                return Ok(value);
            }
            value |= self.and(depth)?;
        }
    }

    fn and(&mut self, depth: usize) -> Result<bool, CondError> {
        let mut value = self.term(depth)?;
        loop {
            self.spaces();
            if !self.accept("&&") {
                return Ok(value);
            }
            value &= self.term(depth)?;
        }
    }

    fn term(&mut self, depth: usize) -> Result<bool, CondError> {
        let mut negate = false;
        self.spaces();
        while self.accept("!") {
            negate = !negate;
            self.spaces();
        }
        let start = self.at;
        let value = if self.accept("(") {
            if depth >= MAX_DEPTH {
                return Err(CondError::new(start, "too many nested parentheses in the condition"));
            }
            let value = self.or(depth + 1)?;
            self.spaces();
            if !self.accept(")") {
                return Err(CondError::new(self.at, "expected ')' here in the condition"));
            }
            value
        } else if let Some(value) = self.integer() {
            value
        } else {
            self.predicate()?
        };
        Ok(value != negate)
    }

    /// A number as C's `strtol` with base 0 reads it; only whether it is zero matters.
    fn integer(&mut self) -> Option<bool> {
        let bytes = self.rest().as_bytes();
        let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
        let digits = &bytes[sign..];
        let (skip, base) = match digits {
            [b'0', b'x' | b'X', digit, ..] if digit.is_ascii_hexdigit() => (2, 16),
            [b'0', ..] => (0, 8),
            _ => (0, 10),
        };
        let len = digits[skip..].iter().take_while(|b| char::from(**b).is_digit(base)).count();
        if len == 0 {
            return None;
        }
        let end = skip + len;
        self.at += sign + end;
        Some(digits[skip..end].iter().any(|b| *b != b'0'))
    }

    fn predicate(&mut self) -> Result<bool, CondError> {
        let start = self.at;
        let rest = self.rest();
        let len = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        let name = &rest[..len];
        let Some(predicate) = PREDICATES.iter().find(|p| p.name == name) else {
            return Err(unknown(start, name, rest));
        };
        self.at += len;
        let mut args = Vec::new();
        if self.accept("(") {
            loop {
                args.push(self.argument()?);
                let missing = predicate.args - args.len();
                if self.accept(")") {
                    break;
                }
                if missing == 0 {
                    return Err(CondError::new(self.at, format!("expected ')' after the arguments of '{name}'")));
                }
                if !self.accept(",") {
                    break;
                }
            }
        } else if predicate.args == 1 {
            args.push(String::new());
        }
        if args.len() < predicate.args {
            let (got, all) = (args.len(), predicate.args);
            return Err(CondError::new(self.at, format!("missing arguments of '{name}' (got {got} of {all})")));
        }
        Ok((predicate.test)(&args, self.env, self.facts))
    }

    /// One argument, up to an unquoted `,` or `)` or the end.
    fn argument(&mut self) -> Result<String, CondError> {
        let mut arg = String::new();
        // The quote that is open and where.
        let mut open: Option<(char, usize)> = None;
        let mut chars = self.rest().char_indices().peekable();
        let mut len = self.rest().len();
        while let Some((at, ch)) = chars.next() {
            match (ch, open) {
                (',' | ')', None) => {
                    len = at;
                    break;
                }
                ('"' | '\'', None) => open = Some((ch, at)),
                (_, Some((quote, _))) if ch == quote => open = None,
                ('\\', None | Some(('"', _))) => {
                    let escaped = match chars.peek() {
                        Some((_, 'n')) => Some('\n'),
                        Some((_, 'r')) => Some('\r'),
                        Some((_, 't')) => Some('\t'),
                        Some((_, c @ ('\\' | '"' | '\'' | ' '))) => Some(*c),
                        _ => None,
                    };
                    if escaped.is_some() {
                        chars.next();
                    }
                    arg.push(escaped.unwrap_or('\\'));
                }
                _ => arg.push(ch),
            }
        }
        if let Some((_, at)) = open {
            return Err(CondError::new(self.at + at, "unmatched quote in the argument of a condition"));
        }
        self.at += len;
        Ok(arg)
    }
}

fn unknown(start: usize, name: &str, rest: &str) -> CondError {
    let message = match (name, rest) {
        ("", "") => "a condition is missing here".to_owned(),
        ("", _) => format!("unparsable condition '{rest}'"),
        _ => format!("unknown predicate '{name}' in the condition"),
    };
    let hint = match name {
        "true" => Some("write 1 for true".to_owned()),
        "false" => Some("write 0 for false".to_owned()),
        _ => nearest(name, PREDICATES.iter().map(|p| p.name)).map(|near| format!("did you mean '{near}'?")),
    };
    CondError { message, offset: start, hint }
}

/// A version in the order of releases: `2.6-dev3` < `2.6-rc1` < `2.6.0` < `2.6.0-5` (five commits later) < `2.6.1`.
/// Missing parts are zero and what cannot be read ends the version, as in HAProxy.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Version {
    numbers: [u32; 3],
    stage: Stage,
    step: u32,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Stage {
    Dev,
    Candidate,
    Release,
}

impl Version {
    fn parse(text: &str) -> Version {
        let (mut numbers, mut rest) = ([0; 3], text);
        for (index, number) in numbers.iter_mut().enumerate() {
            if index > 0 {
                match rest.strip_prefix('.') {
                    Some(after) => rest = after,
                    None => break,
                }
            }
            (*number, rest) = leading_number(rest);
        }
        let suffix = rest.strip_prefix('-').unwrap_or("");
        let (stage, step) = if let Some(after) = suffix.strip_prefix("dev") {
            (Stage::Dev, leading_number(after).0)
        } else if let Some(after) = suffix.strip_prefix("rc") {
            (Stage::Candidate, leading_number(after).0)
        } else {
            match leading_number(suffix) {
                (step, "") => (Stage::Release, step),
                (step, after) if after.starts_with('-') => (Stage::Release, step),
                _ => (Stage::Release, 0),
            }
        };
        Version { numbers, stage, step }
    }
}

fn leading_number(text: &str) -> (u32, &str) {
    let len = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(len);
    let number = digits.bytes().fold(0u32, |n, b| n.saturating_mul(10).saturating_add(u32::from(b - b'0')));
    (number, rest)
}

fn compare(ours: &str, other: &str) -> Ordering {
    Version::parse(ours).cmp(&Version::parse(other))
}

#[cfg(test)]
mod tests;
