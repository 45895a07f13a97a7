//! The states of proxies and servers in the words of HAProxy, and the words for check results.

use super::Value;
use crate::model::Server;
use crate::server::{Admin, Health, ServerState, Shared};
use std::sync::atomic::Ordering::Relaxed;

/// What a server is doing, from what the operator wants and what the checks found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    Up,
    /// Up, so many failures from going down.
    GoingDown(u32, u32),
    Down,
    /// Down, so many successes on the way to up.
    GoingUp(u32, u32),
    /// Takes only persistent sessions, by the operator; the fraction as for `GoingDown`.
    Drain(Option<(u32, u32)>),
    /// Takes only persistent sessions, because the check said so.
    NoLb(Option<(u32, u32)>),
    Maint,
    NoCheck,
}

impl State {
    /// The text of the CSV's column `status`.
    pub fn value(self) -> Value<'static> {
        match self {
            State::Up => Value::Status("UP", None),
            State::GoingDown(n, of) => Value::Status("UP", Some((n, of))),
            State::Down => Value::Status("DOWN", None),
            State::GoingUp(n, of) => Value::Status("DOWN", Some((n, of))),
            State::Drain(part) => Value::Status("DRAIN", part),
            State::NoLb(part) => Value::Status("NOLB", part),
            State::Maint => Value::Status("MAINT", None),
            State::NoCheck => Value::Status("no check", None),
        }
    }

    /// The class of a row of the page.
    pub fn class(self, backup: bool) -> &'static str {
        match self {
            State::Up if backup => "bk",
            State::Up => "up",
            State::GoingDown(..) => "falling",
            State::Down => "down",
            State::GoingUp(..) => "rising",
            State::Drain(_) | State::NoLb(_) => "drain",
            State::Maint => "maint",
            State::NoCheck if backup => "bk",
            State::NoCheck => "nocheck",
        }
    }

    /// True for a server in maintenance.
    pub fn is_maintained(self) -> bool {
        self == State::Maint
    }

    /// True for a server that traffic can reach.
    pub fn is_up(self) -> bool {
        !matches!(self, State::Down | State::GoingUp(..) | State::Maint)
    }
}

/// The state of a server.
pub fn server(shared: &Shared, index: usize) -> State {
    let (conf, now) = (&shared.config.servers[index], &shared.servers[index]);
    let Some(check) = &conf.check else {
        return match (now.admin(), now.health()) {
            (Admin::Maint, _) => State::Maint,
            (_, Health::Down) => State::Down,
            (Admin::Drain, _) => State::Drain(None),
            (Admin::Ready, Health::Stopping) => State::NoLb(None),
            (Admin::Ready, Health::Up) => State::NoCheck,
        };
    };
    let streak = now.streak.load(Relaxed);
    let left = check.fall.saturating_sub(streak);
    let part = (streak > 0 && left > 0).then_some((left, check.fall));
    match (now.admin(), now.health()) {
        (Admin::Maint, _) => State::Maint,
        (_, Health::Down) if streak > 0 => State::GoingUp(streak.min(check.rise), check.rise),
        (_, Health::Down) => State::Down,
        (Admin::Drain, _) => State::Drain(part),
        (Admin::Ready, Health::Stopping) => State::NoLb(part),
        (Admin::Ready, Health::Up) => part.map_or(State::Up, |(n, of)| State::GoingDown(n, of)),
    }
}

/// HAProxy's health of a checked server: 0 is down, `rise` barely up, `rise + fall - 1` up and well.
pub fn health(conf: &Server, now: &ServerState) -> u32 {
    let Some(check) = &conf.check else { return 0 };
    let streak = now.streak.load(Relaxed);
    match now.health() {
        Health::Down => streak.min(check.rise.saturating_sub(1)),
        _ => check.rise + check.fall.saturating_sub(1 + streak),
    }
}

/// Check results by their short names, sorted: what they mean, and whether they come with a status code.
static RESULTS: &[(&str, &str, bool)] = &[
    ("INI", "Initializing", false),
    ("L4CON", "Layer4 connection problem", false),
    ("L4OK", "Layer4 check passed", false),
    ("L4TOUT", "Layer4 timeout", false),
    ("L6OK", "Layer6 check passed", false),
    ("L6RSP", "Layer6 invalid response", false),
    ("L6TOUT", "Layer6 timeout", false),
    ("L7OK", "Layer7 check passed", true),
    ("L7OKC", "Layer7 check conditionally passed", true),
    ("L7RSP", "Layer7 invalid response", false),
    ("L7STS", "Layer7 wrong status", true),
    ("L7TOUT", "Layer7 timeout", false),
    ("PROCERR", "External check error", false),
    ("PROCOK", "External check passed", false),
    ("PROCTOUT", "External check timeout", false),
    ("SOCKERR", "Socket error", false),
    ("UNK", "Unknown", false),
];

/// The meaning of a check result, and whether it has a code.
pub fn meaning(status: &str) -> (&'static str, bool) {
    match RESULTS.binary_search_by_key(&status, |r| r.0) {
        Ok(at) => (RESULTS[at].1, RESULTS[at].2),
        Err(_) => ("", false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_sorted() {
        assert!(RESULTS.windows(2).all(|w| w[0].0 < w[1].0));
        assert_eq!(meaning("L7STS"), ("Layer7 wrong status", true));
        assert_eq!(meaning("?"), ("", false));
    }
}
