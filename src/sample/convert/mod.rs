//! Converters (manual 7.3.1), a file a family.
//!
//! A converter gets its value as the type that its row says, and answers with a part of it or with what it wrote into
//! the scratch room; what does not fit there is no value. What can be checked or made of its arguments at start-up is
//! ([`Converter::prepared`]).

mod date;
mod encode;
mod hash;
mod map;
mod net;
mod numbers;
#[cfg(feature = "converters")]
mod rare;
#[cfg(not(feature = "converters"))]
#[path = "no_rare.rs"]
mod rare;
mod refused;
mod remember;
mod text;

pub use refused::{REFUSED, names, refusal};
pub use remember::{CONDITIONS, may_store};

use super::{Arg, Converter, Scene, Tools, converter};
use crate::pattern::{Kind, Value};
use crate::util::fmt::Out;

/// The tables of what ordinary rules use.
static TABLES: [&[Converter]; 8] =
    [date::TABLE, encode::TABLE, hash::TABLE, map::TABLE, net::TABLE, numbers::TABLE, remember::TABLE, text::TABLE];

/// All tables, each sorted by name.
pub fn tables() -> impl Iterator<Item = &'static [Converter]> {
    TABLES.iter().chain(rare::TABLES).copied()
}

const STR: (Kind, Kind) = (Kind::Str, Kind::Str);
const BIN: (Kind, Kind) = (Kind::Bin, Kind::Bin);
const STR_BIN: (Kind, Kind) = (Kind::Str, Kind::Bin);
const BIN_STR: (Kind, Kind) = (Kind::Bin, Kind::Str);
const STR_INT: (Kind, Kind) = (Kind::Str, Kind::Int);
const BIN_INT: (Kind, Kind) = (Kind::Bin, Kind::Int);
const INT: (Kind, Kind) = (Kind::Int, Kind::Int);
const INT_STR: (Kind, Kind) = (Kind::Int, Kind::Str);

/// The bytes of a text or of bytes.
fn bytes<'a>(value: Value<'a>) -> &'a [u8] {
    if let Value::Str(b) | Value::Bin(b) | Value::Method(b) = value { b } else { b"" }
}

fn int(value: Value) -> i64 {
    value.int().unwrap_or(0)
}

fn number<'a>(n: i64) -> Option<Value<'a>> {
    Some(Value::Int(n))
}

fn truth<'a>(b: bool) -> Option<Value<'a>> {
    Some(Value::Bool(b))
}

/// What is written.
fn written<'a>(t: &mut Tools<'a, '_>, write: impl FnOnce(&mut Out)) -> Option<&'a [u8]> {
    t.scratch.write(write)
}

/// What is written, unless it turns out on the way that there is no value.
fn tried<'a>(t: &mut Tools<'a, '_>, write: impl FnOnce(&mut Out) -> Option<()>) -> Option<&'a [u8]> {
    let mut done = false;
    let text = t.scratch.write(|out| done = write(out).is_some());
    text.filter(|_| done)
}

/// What is in a variable, or the constant in its place.
fn given<'a>(arg: &Arg, scene: &Scene<'a>, t: &mut Tools<'a, '_>) -> Option<Value<'a>> {
    if let Arg::Note(note) = arg { scene.notes.latest(*note, &mut t.scratch) } else { None }
}

#[cfg(test)]
mod tests;
