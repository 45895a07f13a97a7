//! Text of a configuration file to lines of words (HAProxy's manual, sections 2.2 to 2.4).
//!
//! ```text
//!            space, comment            "                 '
//! between words ◄────────► word ◄────────► weak quotes │ strong quotes
//! ```
//!
//! - Outside quotes and in weak quotes, `\n \r \t \xHH \\ \" \' \#` and `\ ` are escapes; `\$` only in weak quotes. Any
//!   other backslash stands for itself, also the last byte of a line: there are no continuation lines.
//! - Variables (`$NAME`, `${NAME}`, `${NAME-default}`, `${NAME[*]}`) are replaced in weak quotes only. `[*]` splits at
//!   white space. `.FILE`, `.LINE` and `.SECTION` are known here, the rest comes from [`Env`].
//! - `.if .elif .else .endif .diag .notice .warning .alert` are executed here. Lines in a branch
//!   that is not taken are still split, so a quote that is not closed is an error there too.
//! - HAProxy cannot tell an empty word at the end of a line from none, so it is dropped, and a line that begins with an
//!   empty word is skipped.
//!
//! A line with an error is reported and left out; the next line goes on. Behaviour was compared with HAProxy 2.6. On
//! purpose different: a missing last newline is accepted, NUL bytes, `\x00` and escapes that do not make UTF-8 are not.
//!
//! Limits: [`MAX_WORDS`] words a line, [`MAX_NESTING`] open `.if`.

use super::cond::{CondError, Facts, evaluate_resolved};
use super::diag::{Diag, Diags, Level};
use crate::util::words::{Pos, Word, nearest};
use scan::{Context, Fault, RawWord, Scanner};

mod scan;

/// Words in a line; HAProxy's limit, so that what loads here loads there.
pub const MAX_WORDS: usize = 64;
/// Conditional blocks open at once, HAProxy's limit too.
pub const MAX_NESTING: usize = 99;

const DIRECTIVES: [&str; 8] = [".alert", ".diag", ".elif", ".else", ".endif", ".if", ".notice", ".warning"];

/// Where variables come from: the environment of the process and what `setenv`, `presetenv`, `unsetenv` did so far.
pub trait Env {
    fn get(&self, name: &str) -> Option<String>;
}

/// A line with at least one word, the first of which is not empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    pub words: Vec<Word>,
    /// From the first word to the end of the last.
    pub pos: Pos,
}

/// The state of a conditional block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Branch {
    /// The lines count.
    Taken,
    /// No condition was true so far.
    Waiting,
    /// A branch was taken (or its condition is an error): the rest is skipped.
    Over,
    /// The block around is skipped.
    Dead,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    pos: Pos,
    branch: Branch,
    has_else: bool,
}

/// Reads a file line by line.
pub struct Lexer<'a> {
    file: u16,
    text: &'a str,
    /// Offset of the next line.
    at: usize,
    /// Number of the line last read.
    number: u32,
    section: String,
    blocks: Vec<Block>,
    /// Blocks opened beyond [`MAX_NESTING`], which are only counted.
    excess: usize,
    /// Of the line last read: a variable in it that is not set.
    unset: Option<String>,
}

impl<'a> Lexer<'a> {
    #[must_use]
    pub fn new(file: u16, text: &'a str) -> Self {
        let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Lexer { file, text, at, number: 0, section: String::new(), blocks: Vec::new(), excess: 0, unset: None }
    }

    /// What `.SECTION` stands for from now on: the name of the section, or its type when it has no name.
    pub fn set_section(&mut self, name: &str) {
        name.clone_into(&mut self.section);
    }

    /// A variable in the line last read that is not set and has no default.
    #[must_use]
    pub fn unset(&self) -> Option<&str> {
        self.unset.as_deref()
    }

    /// The next line that has words, after the directives before it were executed; `None` at the end.
    pub fn next_line(&mut self, env: &dyn Env, facts: &dyn Facts, diags: &mut Diags) -> Option<Line> {
        while let Some(raw) = self.next_raw() {
            let Some(raw) = self.trim(raw, diags) else { continue };
            let mut scanner = Scanner::new(raw, env);
            let file_name = diags.file_name(self.file);
            scanner.context = Some(Context { file_name, number: self.number, section: &self.section });
            let result = scanner.run();
            let words = scanner.words;
            self.unset = scanner.unset;
            if let Err(error) = result {
                let pos = self.pos(error.at, error.len);
                diags.push(error.into_diag(pos));
                self.after_error(&words);
                continue;
            }
            let Some(first) = words.first() else { continue };
            if first.bytes.first() == Some(&b'.') {
                self.directive(&words, env, facts, diags);
            } else if self.active()
                && let Some(line) = self.line(words, diags)
            {
                return Some(line);
            }
        }
        for block in self.blocks.drain(..) {
            diags.error_hint(block.pos, "non-terminated '.if' block", "each '.if' needs an '.endif'");
        }
        None
    }

    fn next_raw(&mut self) -> Option<&'a str> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let len = rest.find('\n').unwrap_or(rest.len());
        self.at += len + 1;
        self.number = self.number.saturating_add(1);
        Some(&rest[..len])
    }

    /// Ends a line at a carriage return and refuses NUL bytes.
    fn trim(&self, raw: &'a str, diags: &mut Diags) -> Option<&'a str> {
        if let Some(at) = raw.find('\0') {
            diags.error(self.pos(at, 1), format!("stray NUL character at position {}", at + 1));
            return None;
        }
        let Some((line, after)) = raw.split_once('\r') else { return Some(raw) };
        if !after.trim().is_empty() && !line.trim_start().starts_with('#') {
            let message = "carriage return in the middle of a line: what follows it is ignored";
            diags.warning_hint(self.pos(line.len(), 1), message, "write \\r for a carriage return in a word");
        }
        Some(line)
    }

    /// Position of `len` bytes at byte `at` (0-based) of the current line.
    fn pos(&self, at: usize, len: usize) -> Pos {
        // The first line of a file may have lost its byte order mark.
        let bom = if self.number == 1 && self.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Pos { file: self.file, line: self.number, column: number(at + bom + 1), len: number(len) }
    }

    fn active(&self) -> bool {
        self.excess == 0 && self.blocks.last().is_none_or(|block| block.branch == Branch::Taken)
    }

    fn line(&self, mut raw: Vec<RawWord>, diags: &mut Diags) -> Option<Line> {
        let start = raw.first()?.start;
        if raw.first()?.bytes.is_empty() {
            if raw.iter().any(|word| !word.bytes.is_empty()) {
                diags.warning(self.pos(start, raw[0].end - start), "the line begins with an empty word and is ignored");
            }
            return None;
        }
        while raw.last().is_some_and(|word| word.bytes.is_empty()) {
            raw.pop();
        }
        if let Some(word) = raw.get(MAX_WORDS) {
            let message = format!("too many words, the line is truncated after word {MAX_WORDS}");
            let hint = "spread the words over several lines, or put patterns into a file (-f)";
            diags.error_hint(self.pos(word.start, word.end - word.start), message, hint);
            raw.truncate(MAX_WORDS);
        }
        let end = raw.last()?.end;
        let mut words = Vec::with_capacity(raw.len());
        for word in raw {
            let pos = self.pos(word.start, word.end - word.start);
            let Ok(text) = String::from_utf8(word.bytes) else {
                diags.error_hint(pos, "the \\x escapes in this word do not make valid UTF-8", "é is \\xc3\\xa9");
                return None;
            };
            words.push(Word { text, pos, quoted: word.quoted });
        }
        Some(Line { words, pos: self.pos(start, end - start) })
    }

    /// Keeps the blocks balanced when the line of a directive could not be read: its branch is not taken.
    fn after_error(&mut self, words: &[RawWord]) {
        let Some(first) = words.first() else { return };
        match first.bytes.as_slice() {
            b".if" => self.open(self.pos(first.start, first.end - first.start), Branch::Over),
            b".elif" => self.switch(Branch::Over),
            b".else" => self.switch(Branch::Taken),
            b".endif" => self.close(),
            _ => {}
        }
    }

    fn directive(&mut self, words: &[RawWord], env: &dyn Env, facts: &dyn Facts, diags: &mut Diags) {
        let name = String::from_utf8_lossy(&words[0].bytes);
        let pos = self.pos(words[0].start, words[0].end - words[0].start);
        match &*name {
            ".if" => {
                if self.blocks.len() >= MAX_NESTING {
                    if self.excess == 0 {
                        diags.error(pos, format!("too many nested '.if', max is {MAX_NESTING}"));
                    }
                    self.excess += 1;
                    return;
                }
                let branch = if self.active() { self.condition(words, env, facts, diags) } else { Branch::Dead };
                self.open(pos, branch);
            }
            ".elif" | ".else" => {
                let Some(block) = self.blocks.last().copied() else {
                    diags.error(pos, format!("lone '{name}' with no matching '.if'"));
                    return;
                };
                if self.excess > 0 {
                    return;
                }
                if name == ".else" {
                    self.no_argument(words, 1, diags);
                }
                if block.has_else {
                    diags.error(pos, format!("'{name}' after '.else' is not permitted"));
                    self.switch(Branch::Over);
                } else if name == ".else" {
                    self.switch(Branch::Taken);
                    self.blocks.last_mut().expect("a block is open").has_else = true;
                } else if block.branch == Branch::Waiting {
                    let branch = self.condition(words, env, facts, diags);
                    self.switch(branch);
                } else {
                    self.switch(Branch::Over);
                }
            }
            ".endif" => {
                self.no_argument(words, 1, diags);
                if self.blocks.is_empty() {
                    diags.error(pos, "lone '.endif' with no matching '.if'");
                }
                self.close();
            }
            _ if self.active() => self.message(&name, words, pos, diags),
            _ => {}
        }
    }

    /// `.diag`, `.notice`, `.warning`, `.alert`, or what is none of them.
    fn message(&self, name: &str, words: &[RawWord], pos: Pos, diags: &mut Diags) {
        if !DIRECTIVES.contains(&name) {
            let message = format!("unknown directive '{name}'");
            match nearest(name, DIRECTIVES.into_iter()) {
                Some(near) => diags.error_hint(pos, message, format!("did you mean '{near}'?")),
                None => diags.error(pos, message),
            }
            return;
        }
        if !self.no_argument(words, 2, diags) {
            return;
        }
        let text = words.get(1).map(|word| String::from_utf8_lossy(&word.bytes)).unwrap_or_default();
        let text = format!("'{text}'.");
        match name {
            ".diag" => diags.diagnostic(pos, text),
            ".notice" => diags.notice(pos, text),
            ".warning" => diags.warning(pos, text),
            _ => diags.error(pos, text),
        }
    }

    /// Reports a word at `index`, where there should be none; true if there is none.
    fn no_argument(&self, words: &[RawWord], index: usize, diags: &mut Diags) -> bool {
        let Some(extra) = words.get(index).filter(|word| !word.bytes.is_empty()) else { return true };
        let (name, text) = (String::from_utf8_lossy(&words[0].bytes), String::from_utf8_lossy(&extra.bytes));
        let pos = self.pos(extra.start, extra.end - extra.start);
        let message = format!("unexpected argument '{text}' for '{name}'");
        if index > 1 {
            diags.error_hint(pos, message, "use quotes if the message should contain spaces");
        } else {
            diags.error(pos, message);
        }
        false
    }

    /// Evaluates the words after `.if` or `.elif`; an error skips the whole block.
    fn condition(&self, words: &[RawWord], env: &dyn Env, facts: &dyn Facts, diags: &mut Diags) -> Branch {
        let (bytes, places) = join(&words[1..]);
        let end = words.last().map_or(0, |word| word.end);
        let text = String::from_utf8_lossy(&bytes);
        match evaluate_resolved(&text, env, facts) {
            Ok(true) => Branch::Taken,
            Ok(false) => Branch::Waiting,
            Err(error) => {
                let pos = self.pos(places.get(error.offset).copied().unwrap_or(end), 1);
                diags.push(Diag { level: Level::Alert, pos, message: error.message, hint: error.hint });
                Branch::Over
            }
        }
    }

    fn open(&mut self, pos: Pos, branch: Branch) {
        if self.blocks.len() >= MAX_NESTING {
            self.excess += 1;
            return;
        }
        let branch = if self.active() { branch } else { Branch::Dead };
        self.blocks.push(Block { pos, branch, has_else: false });
    }

    /// Goes to the next branch of the innermost block, which is `wanted` if none was taken so far.
    fn switch(&mut self, wanted: Branch) {
        if let Some(block) = self.blocks.last_mut().filter(|_| self.excess == 0) {
            block.branch = match block.branch {
                Branch::Dead => Branch::Dead,
                Branch::Waiting => wanted,
                Branch::Taken | Branch::Over => Branch::Over,
            };
        }
    }

    fn close(&mut self) {
        if self.excess > 0 {
            self.excess -= 1;
        } else {
            self.blocks.pop();
        }
    }
}

/// Splits and resolves text that is not a line of a file: the words joined by a space, and for each byte of the result
/// the offset in `text` that it comes from. There are no comments.
pub(super) fn resolve(text: &str, env: &dyn Env) -> Result<(String, Vec<usize>), CondError> {
    let fail = |fault: Fault| CondError { message: fault.message, offset: fault.at, hint: fault.hint };
    if let Some(at) = text.find('\0') {
        return Err(fail(Fault::new(at, 1, "stray NUL character")));
    }
    let mut scanner = Scanner::new(text, env);
    scanner.comments = false;
    scanner.run().map_err(fail)?;
    let (bytes, places) = join(&scanner.words);
    match String::from_utf8(bytes) {
        Ok(joined) => Ok((joined, places)),
        Err(error) => {
            let at = places.get(error.utf8_error().valid_up_to()).copied().unwrap_or(0);
            Err(fail(Fault::new(at, 1, "the \\x escapes do not make valid UTF-8")))
        }
    }
}

/// Joins words by a space, with the place that each byte comes from.
fn join(words: &[RawWord]) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut places) = (Vec::new(), Vec::new());
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            bytes.push(b' ');
            places.push(words[index - 1].end);
        }
        bytes.extend_from_slice(&word.bytes);
        places.extend_from_slice(&word.places);
    }
    (bytes, places)
}

/// Saturating; a line of 4 GB has an imprecise caret.
fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
