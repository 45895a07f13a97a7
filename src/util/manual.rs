//! What the rows of tables say for the manual and for `-dK` only, in little room: there are more than a thousand of them.

use std::fmt;
use std::ops::Deref;

/// A text of the manual. Without the feature `manual` it is no part of the program: empty, and without a size.
#[derive(Clone, Copy)]
pub struct ManualText {
    #[cfg(any(test, feature = "manual"))]
    text: &'static str,
}

impl ManualText {
    #[cfg(any(test, feature = "manual"))]
    pub const fn new(text: &'static str) -> ManualText {
        ManualText { text }
    }

    #[cfg(not(any(test, feature = "manual")))]
    pub const fn new(_text: &'static str) -> ManualText {
        ManualText {}
    }
}

impl Deref for ManualText {
    type Target = str;

    #[cfg(any(test, feature = "manual"))]
    fn deref(&self) -> &str {
        self.text
    }

    #[cfg(not(any(test, feature = "manual")))]
    fn deref(&self) -> &str {
        ""
    }
}

impl fmt::Display for ManualText {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self)
    }
}

/// A release of HAProxy, such as 2.4; 0.0 where none is told, which shows as nothing.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    major: u8,
    minor: u8,
}

impl Release {
    /// From `major.minor`, or from nothing. Made for constants: panics on what is neither.
    pub const fn of(text: &str) -> Release {
        let (text, mut numbers, mut at, mut dots) = (text.as_bytes(), [0, 0], 0, 0);
        while at < text.len() {
            match text[at] {
                b'.' => dots += 1,
                digit @ b'0'..=b'9' => numbers[dots] = numbers[dots] * 10 + (digit - b'0'),
                _ => panic!("not a release"),
            }
            at += 1;
        }
        Release { major: numbers[0], minor: numbers[1] }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if *self == Release::default() { Ok(()) } else { write!(f, "{}.{}", self.major, self.minor) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_show_as_they_are_written() {
        for text in ["", "1.4", "2.0", "3.12"] {
            assert_eq!(Release::of(text).to_string(), text);
        }
    }
}
