//! Lines that make conditions and rules: kept as they are read, and compiled when all sections are known.

use super::row::{BACK, BACKEND, FRONT, FRONTEND, LISTEN, Parse, Row};
use super::state::{Draft, State};
use super::values::time_ms;
use crate::model::{Config, Mode};
use crate::rules::{Line, Rulebook, compile};
use crate::util::words::{Args, Fault, Word};

const OWN: u16 = FRONTEND | LISTEN | BACKEND;

const fn r(
    name: &'static str,
    sections: u16,
    args: &'static str,
    since: &'static str,
    doc: &'static str,
    parse: Parse,
) -> Row {
    Row::built("proxy", sections, name, args, since, doc, parse)
}

/// Keeps the line.
fn keep(s: &mut State, a: &mut Args, directive: &'static str) -> Result<(), Fault> {
    let pos = a.pos();
    let words = a.rest().to_vec();
    s.draft().rules.push(Line { directive, words, pos });
    Ok(())
}

const CONDITION: &str = "[{ if | unless } <condition>]";

/// Sorted by name.
pub static TABLE: &[Row] = &[
    r("acl", OWN, "<name> <criterion> [flags] [operator] <value>...", "1.3", "Names a condition.", |s, a| {
        keep(s, a, "acl")
    }),
    r("block", OWN, CONDITION, "1.3", "Refuses requests.", |s, a| keep(s, a, "block")).removed("http-request deny"),
    r(
        "capture request header",
        FRONTEND | LISTEN,
        "<name> len <length>",
        "1.0",
        "Keeps a field of requests for the log.",
        |s, a| keep(s, a, "capture request header"),
    ),
    r(
        "capture response header",
        FRONTEND | LISTEN,
        "<name> len <length>",
        "1.0",
        "Keeps a field of responses for the log.",
        |s, a| keep(s, a, "capture response header"),
    ),
    r(
        "declare capture request",
        FRONTEND | LISTEN,
        "len <length>",
        "1.6",
        "A place that rules may capture to.",
        |s, a| keep(s, a, "declare capture request"),
    ),
    r(
        "declare capture response",
        FRONTEND | LISTEN,
        "len <length>",
        "1.6",
        "A place that rules may capture to.",
        |s, a| keep(s, a, "declare capture response"),
    ),
    r("http-request", OWN, "<action> [<condition>]", "1.4", "Rules on requests.", |s, a| keep(s, a, "http-request")),
    r("http-response", OWN, "<action> [<condition>]", "1.5", "Rules on responses.", |s, a| keep(s, a, "http-response")),
    r(
        "monitor fail",
        FRONTEND | LISTEN,
        CONDITION,
        "1.3",
        "When monitors are told that the service is down.",
        |s, a| keep(s, a, "monitor fail"),
    ),
    r(
        "redirect",
        OWN,
        "{ location | prefix | scheme } <to> [<option>]... [<condition>]",
        "1.3",
        "Sends clients elsewhere.",
        |s, a| keep(s, a, "redirect"),
    ),
    r(
        "tcp-request connection",
        FRONTEND | LISTEN,
        "<action> [<condition>]",
        "1.4",
        "Rules on connections, before anything is read.",
        |s, a| keep(s, a, "tcp-request connection"),
    ),
    r("tcp-request content", OWN, "<action> [<condition>]", "1.4", "Rules on the first bytes of requests.", |s, a| {
        keep(s, a, "tcp-request content")
    }),
    r(
        "tcp-request inspect-delay",
        FRONT | BACK,
        "<time>",
        "1.4",
        "How long rules wait for bytes of a request.",
        |s, a| Ok(s.draft().inspect_ms = time_ms(a)?),
    )
    .unit("ms"),
    r(
        "tcp-request session",
        FRONTEND | LISTEN,
        "<action> [<condition>]",
        "1.6",
        "Rules on connections, after their handshakes.",
        |s, a| keep(s, a, "tcp-request session"),
    ),
    r("use-server", LISTEN | BACKEND, "<server> [<condition>]", "1.4", "Chooses a server.", |s, a| {
        keep(s, a, "use-server")
    }),
    r(
        "use_backend",
        FRONTEND | LISTEN,
        "<backend> [<condition>]",
        "1.3",
        "Chooses a backend; the first that fits.",
        |s, a| keep(s, a, "use_backend"),
    ),
];

/// What is kept of the drafts for [`rulebook`], in the order of the configuration's proxies.
#[derive(Default)]
pub struct Kept {
    pub lines: Vec<Vec<Line>>,
    pub formats: Vec<Option<Word>>,
    pub inspect_ms: Vec<u32>,
}

impl Kept {
    /// Takes the lines of a draft.
    pub fn take(&mut self, s: &mut State, draft: &mut Draft) {
        let mut lines = std::mem::take(&mut draft.rules);
        if draft.proxy.mode != Mode::Http {
            let (title, diags) = (draft.title(), &mut s.diags);
            lines.retain(|l| {
                let http = l.directive.starts_with("http-") || matches!(l.directive, "block" | "redirect");
                if http {
                    diags.warning(l.pos, format!("'{}' is ignored in {title}: it needs 'mode http'", l.directive));
                }
                !http
            });
        }
        self.lines.push(lines);
        self.formats.push(draft.log_format.take());
        self.inspect_ms.push(draft.inspect_ms);
    }
}

/// Compiles all rules.
pub fn rulebook(s: &mut State, config: &Config, kept: &Kept) -> Rulebook {
    let done = compile(config, &kept.lines, &kept.formats);
    for fault in done.errors {
        s.fault(fault);
    }
    for (pos, message) in done.warnings {
        s.diags.warning(pos, message);
    }
    let mut book = done.book;
    for (rules, ms) in book.proxies.iter_mut().zip(&kept.inspect_ms) {
        rules.inspect_delay_ms = *ms;
    }
    book
}
