//! What few rules use and takes much room: a program may be built without it (feature `converters`).

mod digest;
mod fix;
mod json;
mod language;
mod parts;
mod protobuf;
mod time;

use super::{Arg, Converter, Tools, converter, date, encode, hash};
use super::{BIN, BIN_INT, BIN_STR, INT_STR, STR, bytes, given, int, number, tried, truth, written};

/// The tables, each sorted by name.
pub static TABLES: &[&[Converter]] =
    &[digest::TABLE, fix::TABLE, json::TABLE, language::TABLE, parts::TABLE, protobuf::TABLE, time::TABLE];

/// None of them is left out.
pub const LEFT_OUT: &[&str] = &[];

#[cfg(test)]
mod tests;
