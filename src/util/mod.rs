//! Small things without an owner elsewhere: time in wrapping ticks, hashes, counters, number formatting, words with places and
//! what they say.
//!
//! Nothing here knows a socket, a buffer or a configuration.

pub mod count;
pub mod date;
pub mod fmt;
pub mod freq;
pub mod hash;
pub mod scratch;
pub mod tick;
pub mod units;
pub mod words;

/// A text for the manual, where there is one: without the feature `manual` the texts are no part of the program.
pub const fn manual_text(text: &'static str) -> &'static str {
    if cfg!(any(test, feature = "manual")) { text } else { "" }
}
