//! The formats of the traffic lines of a proxy.

use super::Format;
use crate::pattern::Regex;

/// How the lines of a proxy look.
#[derive(Default)]
pub struct Lines {
    pub line: Format,
    /// Of connections that ended before there was a request (`error-log-format`).
    pub failed: Option<Format>,
    /// The structured data of RFC 5424 (`log-format-sd`).
    pub data: Option<Format>,
}

impl Lines {
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Format> {
        std::iter::once(&self.line).chain(&self.failed).chain(&self.data)
    }

    /// What they look at ([`crate::sample::needs`]).
    pub fn needs(&self) -> u32 {
        self.all().fold(0, |needs, f| needs | f.needs)
    }

    /// True when one of these variables occurs.
    pub fn shows(&self, names: &[&str]) -> bool {
        self.all().any(|f| f.shows(names))
    }

    /// True when the line of a session need not wait for its end.
    pub fn known_at_start(&self) -> bool {
        self.line.known_at_start() && self.data.as_ref().is_none_or(Format::known_at_start)
    }

    /// Adds the regular expressions in their samples.
    pub fn regexes<'a>(&'a self, regexes: &mut Vec<&'a Regex>) {
        self.all().for_each(|f| f.regexes(regexes));
    }
}
