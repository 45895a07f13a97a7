//! In place of `regex`, where the program is built without the feature of that name: every expression is refused at start-up, so that
//! there is nothing to match with.

/// Why an expression is not taken.
#[derive(Debug)]
pub struct Refused {
    /// Where in it, in bytes.
    pub at: usize,
}

impl Refused {
    /// A sentence about it.
    pub fn about(&self, pattern: &str) -> String {
        format!("the regular expression '{pattern}': this program is built without them (feature 'regex')")
    }
}

/// Where the groups of a match are: there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Captures {}

impl Captures {
    pub fn get(&self, _: usize) -> Option<(usize, usize)> {
        match *self {}
    }
}

/// A compiled expression: there is none.
pub enum Regex {}

impl Regex {
    pub fn new(_: &str, _: bool) -> Result<Regex, Refused> {
        Err(Refused { at: 0 })
    }

    pub fn matcher(_: &str, _: bool) -> Result<Regex, Refused> {
        Err(Refused { at: 0 })
    }

    pub fn is_match(&self, _: &mut RegexCache, _: &[u8]) -> bool {
        match *self {}
    }

    pub fn captures(&self, _: &mut RegexCache, _: &[u8], _: usize) -> Option<Captures> {
        match *self {}
    }

    pub fn memory_bytes(&self) -> usize {
        match *self {}
    }
}

/// What matching would work in.
#[derive(Default)]
pub struct RegexCache {}

impl RegexCache {
    pub fn new<'a>(_: impl Iterator<Item = &'a Regex>) -> RegexCache {
        RegexCache {}
    }

    pub fn memory_bytes(&self) -> usize {
        0
    }
}
