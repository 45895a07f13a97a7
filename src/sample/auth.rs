//! Fetches that check a name and a password (manual 7.3.6: http_auth). A check takes time: until it is over they say that their value
//! comes later.

use super::needs::REQUEST;
use super::{Arg, Fetch, Got, Scene, Tools, fetch, fields};
use crate::auth::Question;
use crate::pattern::{Kind, Value};

/// The user who sent the request, when name and password are right; false when they are wrong.
fn authenticated<'a>(s: &Scene<'a>, list: usize, t: &mut Tools<'a, '_>) -> Result<Value<'a>, Got<'a>> {
    if s.request().is_none() {
        return Err(if s.stream.complete { Got::Nothing } else { Got::Later });
    }
    let Some((user, password)) = fields::credentials(s, t) else { return Err(Got::Nothing) };
    match s.live.lets_in(Question { list, user, password }) {
        Some(true) => Ok(Value::Str(user)),
        Some(false) => Err(Got::bool(false)),
        None => Err(Got::Later),
    }
}

/// False while a check is under way whose result is needed.
pub fn is_settled<'a>(s: &Scene<'a>, list: usize, t: &mut Tools<'a, '_>) -> bool {
    authenticated(s, list, t) != Err(Got::Later)
}

fn list(args: &[Arg]) -> usize {
    args.first().and_then(Arg::index).unwrap_or(usize::MAX)
}

/// Sorted by name.
pub static TABLE: &[Fetch] = &[
    fetch(
        "http_auth",
        "userlist:userlist",
        Kind::Bool,
        REQUEST,
        "1.4",
        "Name and password of basic authentication are right.",
        |s, a, _, t| authenticated(s, list(a), t).map_or_else(|got| got, |_| Got::bool(true)),
    ),
    fetch(
        "http_auth_bearer",
        "name:str?",
        Kind::Str,
        REQUEST,
        "2.5",
        "The token of a Bearer authorization, in the field Authorization or in another one. Nothing is checked.",
        |s, a, _, _| fields::bearer(s, a[0].text()),
    ),
    fetch(
        "http_auth_group",
        "userlist:userlist",
        Kind::Str,
        REQUEST,
        "1.4",
        "The user, when name and password are right; in a condition, compared with the names of groups.",
        |s, a, _, t| match authenticated(s, list(a), t) {
            Ok(user) => Got::Value(user),
            Err(Got::Later) => Got::Later,
            Err(_) => Got::Nothing,
        },
    ),
];
