//! Converters that let a value pass and remember it: variables and captures.

use super::{Arg, Converter, Scene, Tools, bytes, converter};
use super::{STR, Value};
use crate::pattern::Kind;
use crate::sample::{Note, Notes, Scope};
use crate::util::scratch::Scratch;

const ANY: (Kind, Kind) = (Kind::Any, Kind::Any);

/// The conditions of `set-var`.
pub const CONDITIONS: [&str; 8] =
    ["ifempty", "ifexists", "ifgt", "iflt", "ifnotempty", "ifnotexists", "ifnotset", "ifset"];

/// True when a condition of `set-var` holds for a value and what the variable holds.
fn holds(condition: &[u8], value: Value, stored: Option<Value>, exists: bool) -> bool {
    let empty = matches!(value, Value::Str(b"") | Value::Bin(b"") | Value::Method(b""));
    match condition {
        b"ifexists" => exists,
        b"ifnotexists" => !exists,
        b"ifempty" => empty,
        b"ifnotempty" => !empty,
        b"ifset" => stored.is_some(),
        b"ifnotset" => stored.is_none(),
        _ => match (stored, value) {
            (Some(Value::Int(stored)), Value::Int(n)) if condition == b"ifgt" => stored > n,
            (Some(Value::Int(stored)), Value::Int(n)) => stored < n,
            _ => true,
        },
    }
}

/// True when all conditions of a `set-var` hold for a value that is to be stored in a variable.
pub fn may_store<'a, 'c>(
    conditions: impl IntoIterator<Item = &'c [u8]>,
    value: Value,
    note: Note,
    notes: &Notes<'a>,
    scratch: &mut Scratch<'a>,
) -> bool {
    let mut conditions = conditions.into_iter().peekable();
    conditions.peek().is_none() || {
        let (stored, exists) = (notes.latest(note, scratch), notes.exists(note));
        conditions.all(|c| holds(c, value, stored, exists))
    }
}

/// A variable that lives now.
fn variable(arg: &Arg, scene: &Scene) -> Option<Note> {
    let Arg::Note(note) = arg else { return None };
    let over = if scene.is_response { Scope::Request } else { Scope::Response };
    (note.scope != over).then_some(*note)
}

fn set_var<'a>(value: Value<'a>, args: &[Arg], scene: &Scene<'a>, t: &mut Tools<'a, '_>) -> Option<Value<'a>> {
    let note = variable(&args[0], scene)?;
    let conditions = args[1..].iter().map(Arg::text).filter(|c| !c.is_empty());
    if !may_store(conditions, value, note, &scene.notes, &mut t.scratch) {
        return None;
    }
    // A log line is the end of a session: nothing of it is remembered.
    scene.notes.write(note, |slab| note.set(slab, value)).unwrap_or(true).then_some(value)
}

fn capture<'a>(value: Value<'a>, args: &[Arg], scene: &Scene<'a>, response: bool) -> Option<Value<'a>> {
    let place = usize::try_from(args[0].int_or(0)).ok()?;
    let note = *scene.notes.beside.captures[usize::from(response)].get(place)?;
    scene.notes.write(note, |slab| note.capture(slab, bytes(value)));
    Some(value)
}

/// Sorted by name.
pub static TABLE: &[Converter] = &[
    converter(
        "capture-req",
        "place:int",
        STR,
        "1.6",
        "Keeps it in a place of `declare capture request`.",
        |v, a, s, _| capture(v, a, s, false),
    )
    .writing(),
    converter(
        "capture-res",
        "place:int",
        STR,
        "1.6",
        "Keeps it in a place of `declare capture response`.",
        |v, a, s, _| capture(v, a, s, true),
    )
    .writing(),
    converter(
        "set-var",
        "name:var,if:ifempty|ifexists|ifgt|iflt|ifnotempty|ifnotexists|ifnotset|ifset?,\
         if:ifempty|ifexists|ifgt|iflt|ifnotempty|ifnotexists|ifnotset|ifset?,\
         if:ifempty|ifexists|ifgt|iflt|ifnotempty|ifnotexists|ifnotset|ifset?,\
         if:ifempty|ifexists|ifgt|iflt|ifnotempty|ifnotexists|ifnotset|ifset?",
        ANY,
        "1.6",
        "Sets a variable to it; if a condition does not hold, there is no value. `ifexists`: it was set before; `ifset`: and has a value; \
         `ifempty`: the new value is empty; `ifgt`, `iflt`: it holds a number above or below the new one.",
        set_var,
    )
    .writing(),
    converter("unset-var", "name:var", ANY, "1.6", "Forgets a variable.", |v, a, s, _| {
        let note = variable(&a[0], s)?;
        s.notes.write(note, |slab| note.unset(slab));
        Some(v)
    })
    .writing(),
];
