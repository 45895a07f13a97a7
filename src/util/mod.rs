//! Small things without an owner elsewhere: time in wrapping ticks, hashes, counters, number formatting, words with places and
//! what they say, and saying it.
//!
//! Nothing here knows a socket, a buffer or a configuration.

pub mod count;
pub mod date;
pub mod fmt;
pub mod freq;
pub mod hash;
mod manual;
pub mod map;
pub mod say;
pub mod scratch;
pub mod tick;
pub mod units;
pub mod words;

pub use manual::{ListText, ManualText, Release};
