//! Small sections: `userlist`, and `resolvers`, which is read and checked, and not used yet.

use super::row::{Parse, RESOLVERS, Row, USERLIST};
use super::state::{Current, State};
use super::values::{check_name, count, time_ms};
use crate::auth::{Secret, Unusable, User, Userlist};
use crate::util::words::{Args, Fault, Pos, Word, nearest};

const fn u(name: &'static str, args: &'static str, doc: &'static str, parse: Parse) -> Row {
    Row::built("userlist", USERLIST, name, args, "1.4", doc, parse)
}

const fn r(name: &'static str, args: &'static str, since: &'static str, doc: &'static str, parse: Parse) -> Row {
    Row::built("resolvers", RESOLVERS, name, args, since, doc, parse)
}

/// Sorted by name.
pub static USERLIST_TABLE: &[Row] = &[
    u("group", "<name> [users <user>,...]", "A group of users.", group),
    u(
        "user",
        "<name> [password|insecure-password <password>] [groups <group>,...]",
        "A user with an encrypted or a plain password; without one nobody is let in by this name.",
        user,
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

/// A name in a list, with its place.
type Named = (String, Pos);

/// A `userlist` as read: each user and group with the names that its line puts it together with.
#[derive(Default)]
pub struct ListDraft {
    name: String,
    users: Vec<(User, Vec<Named>)>,
    groups: Vec<(String, Vec<Named>)>,
}

/// The names of a word, separated by commas.
fn names(word: &Word) -> Vec<Named> {
    let mut at = u32::from(word.quoted);
    let mut names = Vec::new();
    for name in word.text.split(',') {
        let len = name.len() as u32;
        names.push((name.to_owned(), Pos { column: word.pos.column + at, len, ..word.pos }));
        at += len + 1;
    }
    names.retain(|n| !n.0.is_empty());
    names
}

fn group(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let name = a.need("<name> as arguments")?;
    let mut users = Vec::new();
    while let Some(word) = a.next() {
        if word.text != "users" {
            return Err(Fault::new(word.pos, "'group' only supports 'users' option"));
        }
        users = names(a.need("the names of users after 'users'")?);
    }
    let Some(list) = s.userlists.last_mut() else { return Ok(()) };
    if list.groups.iter().any(|g| g.0 == name.text) {
        let message = format!("ignoring duplicated group '{}' in userlist '{}'", name.text, list.name);
        s.diags.warning(name.pos, message);
        return Ok(());
    }
    list.groups.push((name.text.clone(), users));
    Ok(())
}

fn user(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let name = a.need("<name> as arguments")?;
    let (mut secret, mut groups) = (Secret::Locked, Vec::new());
    while let Some(word) = a.next() {
        match word.text.as_str() {
            "password" => {
                let word = a.need("an encrypted password")?;
                secret = encrypted(s, &name.text, word);
            }
            "insecure-password" => {
                // The lexer drops an empty word at the end of a line: nothing there means the empty password, as in HAProxy.
                let text = a.next().map_or("", |w| w.text.as_str());
                if text.is_empty() {
                    s.diags.warning(word.pos, format!("the password of user '{}' is empty", name.text));
                }
                secret = Secret::plain(text);
            }
            "groups" => groups = names(a.need("the names of groups after 'groups'")?),
            _ => {
                let message = "'user' only supports 'password', 'insecure-password' and 'groups' options";
                return Err(Fault::new(word.pos, message));
            }
        }
    }
    let Some(list) = s.userlists.last_mut() else { return Ok(()) };
    if list.users.iter().any(|u| u.0.name == name.text) {
        let message = format!("ignoring duplicated user '{}' in userlist '{}'", name.text, list.name);
        s.diags.warning(name.pos, message);
        return Ok(());
    }
    list.users.push((User { name: name.text.clone(), secret, groups: Vec::new() }, groups));
    Ok(())
}

/// A hash. One that matches no password in HAProxy either is only warned about.
fn encrypted(s: &mut State, user: &str, word: &Word) -> Secret {
    match Secret::parse(&word.text) {
        Ok(secret) => return secret,
        Err(Unusable::NotBuilt(why, hint)) => {
            // The user is there, whatever becomes of the password: groups may name it.
            s.fault(Fault::new(word.pos, format!("'password' of user '{user}': {why}")).hint(hint));
        }
        Err(Unusable::Broken(why, hint)) => {
            s.diags.warning_hint(word.pos, format!("user '{user}' is never let in: {why}"), hint);
        }
    }
    Secret::Locked
}

pub fn userlist(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let name = a.need("<name> as arguments")?;
    check_name(name, "name of the userlist")?;
    if s.userlists.iter().any(|l| l.name == name.text) {
        s.diags.warning(name.pos, format!("ignoring duplicated userlist '{}'", name.text));
        return Ok(());
    }
    s.userlists.push(ListDraft { name: name.text.clone(), ..ListDraft::default() });
    s.current = Current::Userlist;
    Ok(())
}

/// Puts users and groups together. A name that is not there is an error.
pub fn userlists(s: &mut State) -> Vec<Userlist> {
    let mut lists: Vec<Userlist> = Vec::new();
    for draft in std::mem::take(&mut s.userlists) {
        let ListDraft { name, mut users, groups } = draft;
        for (group, members) in &groups {
            for (member, pos) in members {
                match users.iter_mut().find(|u| u.0.name == *member) {
                    Some((user, _)) => user.groups.push(group.clone()),
                    None => {
                        let message =
                            format!("userlist '{name}': no such user '{member}' specified in group '{group}'");
                        s.fault(missing(message, *pos, member, users.iter().map(|u| u.0.name.as_str())));
                    }
                }
            }
        }
        for (user, of) in &mut users {
            for (group, pos) in of.iter() {
                if !groups.iter().any(|g| g.0 == *group) {
                    let message =
                        format!("userlist '{name}': no such group '{group}' specified in user '{}'", user.name);
                    s.fault(missing(message, *pos, group, groups.iter().map(|g| g.0.as_str())));
                }
                user.groups.push(group.clone());
            }
        }
        let mut users: Vec<User> = users.into_iter().map(|u| u.0).collect();
        users.sort_by(|a, b| a.name.cmp(&b.name));
        let first = lists.last().map_or(0, |l| l.first + l.users.len());
        lists.push(Userlist { name, users, groups: groups.into_iter().map(|g| g.0).collect(), first });
    }
    lists
}

fn missing<'a>(message: String, pos: Pos, name: &str, known: impl Iterator<Item = &'a str>) -> Fault {
    let fault = Fault::new(pos, message);
    match nearest(name, known) {
        Some(near) => fault.hint(format!("did you mean '{near}'?")),
        None => fault,
    }
}

pub fn resolvers(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let name = a.need("a name")?;
    s.current = Current::Resolvers;
    let message = "run-time resolution is not built yet in this version: this section is read and not used";
    s.diags.notice(name.pos, message);
    Ok(())
}
