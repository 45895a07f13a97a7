//! Diagnostics of a configuration: where, how bad, what, and what to do about it.
//!
//! Every part that reads configuration adds to one [`Diags`] and goes on, so that one run shows all errors of all
//! files. The texts of the files are kept to show the line with a caret under the place. Messages are shaped like
//! HAProxy's (`[ALERT]    (pid) : config : parsing [file:line:col] : message`), because tools grep for them.
//!
//! Limits: 65535 files (later ones share the last number); a shown line is cut to [`WINDOW`] columns around the caret;
//! each character counts as one column, so wide scripts shift the caret; a tab is shown as [`TAB`] spaces.

use crate::util::words::Pos;
use std::fmt::Write as _;
use std::sync::Arc;

/// Columns of a source line that are shown.
const WINDOW: usize = 100;
/// Spaces shown for a tab.
const TAB: usize = 4;

/// How bad a diagnostic is; alerts prevent the start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// Shown only in diagnostic mode (`-dD`).
    Diag,
    Notice,
    Warning,
    Alert,
}

impl Level {
    /// The tag as HAProxy prints it, padded to a common width.
    fn tag(self) -> &'static str {
        match self {
            Level::Diag => "[DIAG]     ",
            Level::Notice => "[NOTICE]   ",
            Level::Warning => "[WARNING]  ",
            Level::Alert => "[ALERT]    ",
        }
    }
}

/// One thing to tell the user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diag {
    pub level: Level,
    pub pos: Pos,
    pub message: String,
    pub hint: Option<String>,
}

struct Source {
    name: String,
    text: Arc<str>,
    /// Byte offset of the start of each line.
    starts: Vec<usize>,
}

impl Source {
    /// Line `number` (1-based) without its end-of-line bytes.
    fn line(&self, number: u32) -> Option<&str> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        let start = *self.starts.get(index)?;
        let end = self.starts.get(index + 1).map_or(self.text.len(), |next| next - 1);
        let line = self.text.get(start..end)?;
        Some(line.strip_suffix('\r').unwrap_or(line))
    }
}

/// The source files and the diagnostics about them, in the order in which they were found.
#[derive(Default)]
pub struct Diags {
    files: Vec<Source>,
    list: Vec<Diag>,
    errors: usize,
    warnings: usize,
    diagnostic: bool,
}

impl Diags {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a file and returns the number that [`Pos::file`] refers to.
    pub fn add_file(&mut self, name: &str, text: String) -> u16 {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let name = name.to_owned();
        if self.files.len() <= usize::from(u16::MAX) {
            self.files.push(Source { name, text: text.into(), starts });
        }
        u16::try_from(self.files.len() - 1).unwrap_or(u16::MAX)
    }

    /// Name of a file as given to [`Diags::add_file`]; empty when there is no such file.
    #[must_use]
    pub fn file_name(&self, file: u16) -> &str {
        self.files.get(usize::from(file)).map_or("", |source| &source.name)
    }

    /// Text of a file, shared so that a lexer can read it while diagnostics are added; empty for an unknown file.
    #[must_use]
    pub fn text(&self, file: u16) -> Arc<str> {
        self.files.get(usize::from(file)).map_or_else(|| Arc::from(""), |source| Arc::clone(&source.text))
    }

    /// Diagnostic mode (`-dD`): whether [`Diags::diagnostic`] records anything. Off at first.
    pub fn set_diagnostic_mode(&mut self, on: bool) {
        self.diagnostic = on;
    }

    /// Adds a diagnostic as it is.
    pub fn push(&mut self, diag: Diag) {
        match diag.level {
            Level::Alert => self.errors += 1,
            Level::Warning => self.warnings += 1,
            Level::Notice | Level::Diag => {}
        }
        self.list.push(diag);
    }

    #[inline(never)]
    fn add(&mut self, level: Level, pos: Pos, message: String, hint: Option<String>) {
        self.push(Diag { level, pos, message, hint });
    }

    pub fn error(&mut self, pos: Pos, message: impl Into<String>) {
        self.add(Level::Alert, pos, message.into(), None);
    }

    pub fn error_hint(&mut self, pos: Pos, message: impl Into<String>, hint: impl Into<String>) {
        self.add(Level::Alert, pos, message.into(), Some(hint.into()));
    }

    pub fn warning(&mut self, pos: Pos, message: impl Into<String>) {
        self.add(Level::Warning, pos, message.into(), None);
    }

    pub fn warning_hint(&mut self, pos: Pos, message: impl Into<String>, hint: impl Into<String>) {
        self.add(Level::Warning, pos, message.into(), Some(hint.into()));
    }

    /// Adds to the help of the last diagnostic.
    pub fn explain(&mut self, what: &str) {
        if let Some(last) = self.list.last_mut() {
            let known = last.hint.take().map_or(String::new(), |hint| hint + "; ");
            last.hint = Some(known + what);
        }
    }

    pub fn notice(&mut self, pos: Pos, message: impl Into<String>) {
        self.add(Level::Notice, pos, message.into(), None);
    }

    /// Adds a [`Level::Diag`] message, only in diagnostic mode.
    pub fn diagnostic(&mut self, pos: Pos, message: impl Into<String>) {
        if self.diagnostic {
            self.add(Level::Diag, pos, message.into(), None);
        }
    }

    /// Number of alerts so far.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// Number of warnings so far.
    #[must_use]
    pub fn warnings(&self) -> usize {
        self.warnings
    }

    #[must_use]
    pub fn list(&self) -> &[Diag] {
        &self.list
    }

    /// Appends the text of a diagnostic to `out`: the message, the source line with a caret, the hint.
    pub fn render(&self, diag: &Diag, out: &mut String) {
        let pos = diag.pos;
        let _ = write!(out, "{}({}) : config : ", diag.level.tag(), std::process::id());
        let source = self.files.get(usize::from(pos.file)).filter(|_| pos.line > 0);
        if let Some(source) = source {
            let _ = write!(out, "parsing [{}:{}", source.name, pos.line);
            if pos.column > 0 {
                let _ = write!(out, ":{}", pos.column);
            }
            out.push_str("] : ");
        }
        out.push_str(&without_codes(&diag.message));
        out.push('\n');
        if let Some(line) = source.and_then(|source| source.line(pos.line)) {
            render_line(line, pos, out);
        }
        if let Some(hint) = &diag.hint {
            let _ = writeln!(out, "  help: {hint}");
        }
    }
}

/// A message without the numbers that the standard library puts behind the texts of the system's errors.
#[must_use]
pub fn without_codes(message: &str) -> String {
    let mut parts = message.split(" (os error ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once(')').map_or("", |(_, rest)| rest))
}

/// Appends the source line and, if `pos` has a column, the caret line under it.
fn render_line(line: &str, pos: Pos, out: &mut String) {
    let from = (pos.column as usize).saturating_sub(1);
    let to = from.saturating_add(pos.len.max(1) as usize);
    // What is shown, one element a column, and the columns under which the caret and its tail go.
    let mut shown: Vec<char> = Vec::with_capacity(line.len());
    let (mut first, mut last) = (None, None);
    for (at, ch) in line.char_indices() {
        let (begin, end) = (at, at + ch.len_utf8());
        if first.is_none() && end > from {
            first = Some(shown.len());
        }
        match ch {
            '\t' => shown.extend([' '; TAB]),
            _ if ch.is_control() => shown.push('?'),
            _ => shown.push(ch),
        }
        if begin < to {
            last = Some(shown.len());
        }
    }
    while shown.last() == Some(&' ') {
        shown.pop();
    }
    // A place past the end of the line shows as just after it.
    let first = first.unwrap_or(shown.len());
    let last = last.unwrap_or(first).max(first + 1);
    let (start, end) = window(shown.len(), first, last);
    out.push_str("  ");
    let lead = if start > 0 { "..." } else { "" };
    out.push_str(lead);
    out.extend(&shown[start..end]);
    if end < shown.len() {
        out.push_str("...");
    }
    out.push('\n');
    if pos.column > 0 {
        let indent = 2 + lead.len() + (first - start);
        let tail = last.min(end.max(first + 1)) - first - 1;
        let _ = writeln!(out, "{:indent$}^{:~<tail$}", "", "");
    }
}

/// The part of a line of `len` columns to show so that `first..last` is seen, or at least begins.
fn window(len: usize, first: usize, last: usize) -> (usize, usize) {
    if len <= WINDOW {
        return (0, len);
    }
    let wanted = (last - first).min(WINDOW / 2);
    let start = first.saturating_sub((WINDOW - wanted) / 2).min(len - WINDOW);
    (start, start + WINDOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str, pos: Pos) -> Vec<String> {
        let mut diags = Diags::new();
        let file = diags.add_file("a.cfg", text.to_owned());
        diags.error_hint(Pos { file, ..pos }, "bad", "do better");
        let mut out = String::new();
        diags.render(&diags.list()[0], &mut out);
        out.lines().map(str::to_owned).collect()
    }

    fn at(line: u32, column: u32, len: u32) -> Pos {
        Pos { file: 0, line, column, len }
    }

    #[test]
    fn codes_of_errors_are_left_out() {
        let message = format!("cannot read 'x': {}; and so on", std::io::Error::from_raw_os_error(2));
        assert_eq!(without_codes(&message), "cannot read 'x': No such file or directory; and so on");
        assert_eq!(without_codes("plain"), "plain");
    }

    #[test]
    fn message_line_caret_and_hint() {
        let lines = show("global\r\n\tmaxcon 5\r\n", at(2, 2, 6));
        let pid = std::process::id();
        assert_eq!(
            lines,
            [
                format!("[ALERT]    ({pid}) : config : parsing [a.cfg:2:2] : bad"),
                "      maxcon 5".to_owned(),
                "      ^~~~~~".to_owned(),
                "  help: do better".to_owned(),
            ]
        );
    }

    #[test]
    fn carets_stay_under_their_place() {
        // (line, column, len) => the caret line
        for (text, column, len, caret) in [
            ("abc", 1, 0, "  ^"),
            ("abc", 2, 2, "   ^~"),
            ("abc", 4, 1, "     ^"),
            ("abc", 99, 9, "     ^"),
            ("a\tb\tc", 3, 1, "       ^"),
            ("a\tb\tc", 3, 3, "       ^~~~~~"),
            ("é b", 4, 1, "    ^"),
            ("é b", 2, 1, "  ^"),
            ("\u{1b}[31m x", 7, 1, "        ^"),
            ("", 1, 1, "  ^"),
        ] {
            let lines = show(text, at(1, column, len));
            assert_eq!(lines[2], caret, "{text:?} {column} {len}");
        }
        assert!(!show("\u{1b}[31m", at(1, 1, 1))[1].contains('\u{1b}'));
    }

    #[test]
    fn long_lines_are_cut_around_the_caret() {
        for (column, len) in [(1, 3), (150, 1), (500, 20), (998, 3), (1001, 1), (300, 5000)] {
            let text: String = (0..1000u32).map(|i| char::from(b'a' + (i % 26) as u8)).collect();
            let lines = show(&text, at(1, column, len));
            assert!(lines[1].len() <= 2 + WINDOW + 6, "{}", lines[1]);
            let under = lines[2].find('^').unwrap();
            match text.as_bytes().get(column as usize - 1) {
                Some(byte) => assert_eq!(lines[1].as_bytes()[under], *byte),
                None => assert_eq!(under, lines[1].len()),
            }
            assert!(lines[2].len() <= lines[1].len().max(under + 1));
        }
    }

    #[test]
    fn no_place_no_line() {
        let lines = show("global\n", Pos::default());
        assert_eq!(lines.len(), 2);
        assert!(lines[0].ends_with(") : config : bad"));
        let lines = show("global\n", at(1, 0, 0));
        assert!(lines[0].ends_with("parsing [a.cfg:1] : bad"));
        assert_eq!(lines[1], "  global");
        assert_eq!(lines.len(), 3);
        assert_eq!(show("global\n", at(77, 1, 1)).len(), 2);
    }

    #[test]
    fn counts_and_levels() {
        let mut diags = Diags::new();
        diags.error(Pos::default(), "e");
        diags.warning(Pos::default(), "w");
        diags.warning_hint(Pos::default(), "w", "h");
        diags.notice(Pos::default(), "n");
        diags.diagnostic(Pos::default(), "d");
        assert_eq!((diags.errors(), diags.warnings(), diags.list().len()), (1, 2, 4));
        diags.set_diagnostic_mode(true);
        diags.diagnostic(Pos::default(), "d");
        let mut out = String::new();
        for diag in diags.list() {
            diags.render(diag, &mut out);
        }
        let tags: Vec<&str> = out.lines().filter_map(|l| l.split('(').next()).filter(|t| t.starts_with('[')).collect();
        assert_eq!(tags, ["[ALERT]    ", "[WARNING]  ", "[WARNING]  ", "[NOTICE]   ", "[DIAG]     "]);
    }
}
