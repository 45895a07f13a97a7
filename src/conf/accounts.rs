//! Sections that are read and checked, and not used yet: `userlist` and `resolvers`.

use super::row::{Parse, RESOLVERS, Row, USERLIST};
use super::state::{Current, State};
use super::values::{count, time_ms};
use crate::util::words::{Args, Fault};

const fn u(name: &'static str, args: &'static str, doc: &'static str, parse: Parse) -> Row {
    Row::built("userlist", USERLIST, name, args, "1.4", doc, parse)
}

const fn r(name: &'static str, args: &'static str, since: &'static str, doc: &'static str, parse: Parse) -> Row {
    Row::built("resolvers", RESOLVERS, name, args, since, doc, parse)
}

/// Sorted by name.
pub static USERLIST_TABLE: &[Row] = &[
    u("group", "<name> [users <user>,...]", "A group of users.", |_, a| {
        a.need("a name")?;
        pairs(a, &["users"])
    }),
    u(
        "user",
        "<name> [password|insecure-password <password>] [groups <group>,...]",
        "A user with an encrypted or a plain password.",
        |_, a| {
            a.need("a name")?;
            pairs(a, &["password", "insecure-password", "groups"])
        },
    ),
];

/// Sorted by name.
pub static RESOLVERS_TABLE: &[Row] = &[
    r("accepted_payload_size", "<bytes>", "1.8", "Largest answer over UDP.", |_, a| count(a).map(|_| ()))
        .or("512")
        .unit("bytes"),
    r("hold", "<status> <time>", "1.6", "How long an answer of this kind is kept.", |_, a| {
        super::values::one_of(a, &["nx", "obsolete", "other", "refused", "timeout", "valid"].map(|n| (n, ())))?;
        time_ms(a).map(|_| ())
    })
    .unit("ms"),
    r("nameserver", "<name> <address>:<port>", "1.6", "A name server.", |_, a| {
        a.need("a name and an address")?;
        a.need("a name and an address")?;
        a.rest();
        Ok(())
    }),
    r("parse-resolv-conf", "", "1.9", "Takes the name servers of /etc/resolv.conf.", |_, _| Ok(())),
    r("resolve_retries", "<number>", "1.6", "Queries before a name counts as unknown.", |_, a| count(a).map(|_| ()))
        .or("3"),
    r("timeout", "<event> <time>", "1.6", "Time between two queries (resolve) or two tries (retry).", |_, a| {
        super::values::one_of(a, &[("resolve", ()), ("retry", ())])?;
        time_ms(a).map(|_| ())
    })
    .unit("ms"),
];

fn pairs(a: &mut Args, known: &[&str]) -> Result<(), Fault> {
    while let Some(word) = a.next() {
        if !known.contains(&word.text.as_str()) {
            return Err(super::global::unknown_option(word.pos, &a.name, &word.text, &known.join(", ")));
        }
        a.need("a value")?;
    }
    Ok(())
}

pub fn userlist(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    a.need("a name")?;
    s.current = Current::Userlist;
    Ok(())
}

pub fn resolvers(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let name = a.need("a name")?;
    s.current = Current::Resolvers;
    let message = "run-time resolution is not built yet in this version: this section is read and not used";
    s.diags.notice(name.pos, message);
    Ok(())
}
