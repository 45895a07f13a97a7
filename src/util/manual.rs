//! What the rows of tables say for the manual and for `-dK` only, in little room: there are more than a thousand of them.

use std::fmt;
use std::ops::Deref;

/// 1 in programs that show the manual, else 0.
const MANUAL: usize = cfg!(any(test, feature = "manual")) as usize;
/// 1 in programs that know `-dK`, else 0.
const LIST: usize = cfg!(any(test, feature = "keywords")) as usize;

/// A text that is part of the program (`N` is 1), or empty and without a size (0).
#[derive(Clone, Copy)]
pub struct Text<const N: usize>([&'static str; N]);

/// A text of the manual alone.
pub type ManualText = Text<MANUAL>;
/// A text of `-dK` and the manual.
pub type ListText = Text<LIST>;

impl<const N: usize> Text<N> {
    pub const fn new(text: &'static str) -> Text<N> {
        Text([text; N])
    }

    pub fn get(self) -> &'static str {
        self.0.first().copied().unwrap_or("")
    }
}

impl<const N: usize> Deref for Text<N> {
    type Target = str;

    fn deref(&self) -> &str {
        self.get()
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self)
    }
}

/// A release of HAProxy, such as 2.4; 0.0 where none is told, which shows as nothing. Without a size where nobody asks for it.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release([(u8, u8); LIST]);

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
        Release([(numbers[0], numbers[1]); LIST])
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.0.first() {
            Some((major, minor)) if *self != Release::default() => write!(f, "{major}.{minor}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_kept_takes_no_room() {
        let (kept, gone) = (Text::<1>::new("a text"), Text::<0>::new("a text"));
        assert_eq!((&*kept, &*gone, gone.to_string()), ("a text", "", String::new()));
        assert_eq!((size_of_val(&kept), size_of_val(&gone)), (size_of::<&str>(), 0));
    }

    #[test]
    fn releases_show_as_they_are_written() {
        for text in ["", "1.4", "2.0", "3.12"] {
            assert_eq!(Release::of(text).to_string(), text);
        }
    }
}
