//! Lines that make conditions and rules: kept as they are read, and compiled when all sections are known.

use super::row::{BACK, BACKEND, DEFAULTS, FRONT, FRONTEND, LISTEN, OWN, PROXY, Parse, Row};
use super::state::{Draft, Kind, State};
use super::stats;
use super::values::time_ms;
use crate::model::{Config, Mode};
use crate::rules::{DIRECTIVES, Family, Line, LogTexts, Rulebook, compile, field_name, set_at_start};
use crate::sample::Outside;
use crate::util::words::{Args, Fault, Pos};

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
pub fn keep(s: &mut State, a: &mut Args, directive: &'static str) -> Result<(), Fault> {
    let pos = a.pos();
    if s.draft().kind == Kind::Defaults && s.draft().proxy.name.is_empty() && directive != "unique-id-format" {
        let fault = Fault::new(a.first().pos, format!("'{directive}' is allowed only in 'defaults' with a name"));
        return Err(fault.hint("give the section a name, and the sections that use it 'from' and this name"));
    }
    warn_of_order(s, directive, a.first().pos);
    let words = a.rest().to_vec();
    s.draft().rules.push(Line { directive, words, pos });
    Ok(())
}

/// Rules of one kind run before those of another, in whatever order they are written.
fn warn_of_order(s: &mut State, directive: &str, pos: Pos) {
    let find = |name: &str| {
        DIRECTIVES.iter().find(|d| d.name == name && !matches!(d.family, Family::Monitor | Family::Statistics))
    };
    let Some(own) = find(directive) else { return };
    let draft = s.draft();
    let lines = &draft.rules[draft.inherited_rules..];
    let mut later = lines
        .iter()
        .filter_map(|l| find(l.directive))
        .filter(|d| d.family > own.family && d.family.is_response() == own.family.is_response());
    if let Some(other) = later.next_back() {
        let message = format!("a '{directive}' rule placed after a '{}' rule is still processed before it", other.name);
        s.diags.warning(pos, message);
    }
}

const CONDITION: &str = "[{ if | unless } <condition>]";
const ACTION: &str = "<action> [{ if | unless } <condition>]";
const SEARCH: &str = "<regex> [{ if | unless } <condition>]";
const REPLACE: &str = "<regex> <text> [{ if | unless } <condition>]";
const ADD: &str = "<name>:<value> [{ if | unless } <condition>]";
const SWITCH: &str = "<regex> <backend> [{ if | unless } <condition>]";
const LINES: &str = "Regular expressions on whole lines of a head.";
const FRONTS: u16 = FRONTEND | LISTEN;

/// A row whose lines are kept.
macro_rules! kept {
    ($name:literal, $sections:expr, $args:expr, $since:literal, $doc:expr) => {
        r($name, $sections, $args, $since, $doc, |s, a| keep(s, a, $name))
    };
    ($name:literal, $args:expr, $today:literal) => {
        kept!($name, OWN, $args, "1.0", LINES).removed($today)
    };
}

/// Sorted by name.
pub static TABLE: &[Row] = &[
    kept!("acl", PROXY, "<name> <criterion> [flags] [operator] <value>...", "1.3", "Names a condition."),
    kept!("block", OWN, CONDITION, "1.3", "Refuses requests, before http-request rules.").removed("http-request deny"),
    kept!("capture cookie", FRONTS, "<name> len <length>", "1.2", "Keeps a cookie of both directions for the log."),
    kept!("capture request header", FRONTS, "<name> len <length>", "1.0", "Keeps a field of requests for the log."),
    kept!("capture response header", FRONTS, "<name> len <length>", "1.0", "Keeps a field of responses for the log."),
    kept!("declare capture request", FRONTS, "len <length>", "1.6", "A place that rules may capture to."),
    kept!("declare capture response", FRONTS, "len <length>", "1.6", "A place that rules may capture to."),
    kept!(
        "force-persist",
        LISTEN | BACKEND,
        "{ if | unless } <condition>",
        "1.4",
        "Requests whose server a rule chose go there also while it is down."
    ),
    kept!("http-after-response", PROXY, ACTION, "2.2", "Rules on all responses, our own answers too."),
    kept!("http-request", PROXY, ACTION, "1.4", "Rules on requests."),
    kept!("http-response", PROXY, ACTION, "1.5", "Rules on responses."),
    r(
        "http-send-name-header",
        LISTEN | BACKEND | DEFAULTS,
        "<header>",
        "1.4",
        "Tells the server its name, in this field.",
        |s, a| Ok(s.proxy().name_header = Some(field_name(a)?)),
    ),
    kept!(
        "ignore-persist",
        LISTEN | BACKEND,
        "{ if | unless } <condition>",
        "1.4",
        "Requests that are balanced whatever cookies and stick tables say."
    ),
    kept!("monitor fail", FRONTS, CONDITION, "1.3", "When monitors are told that the service is down."),
    kept!(
        "redirect",
        OWN,
        "{ location | prefix | scheme } <to> [<option>]... [<condition>]",
        "1.3",
        "Sends clients elsewhere."
    ),
    kept!("reqadd", ADD, "http-request add-header"),
    kept!("reqallow", SEARCH, "http-request allow"),
    kept!("reqdel", SEARCH, "http-request del-header"),
    kept!("reqdeny", SEARCH, "http-request deny"),
    kept!("reqiallow", SEARCH, "http-request allow"),
    kept!("reqidel", SEARCH, "http-request del-header"),
    kept!("reqideny", SEARCH, "http-request deny"),
    kept!("reqipass", SEARCH, "http-request allow"),
    kept!("reqirep", REPLACE, "http-request replace-uri or replace-header"),
    kept!("reqisetbe", SWITCH, "use_backend"),
    kept!("reqitarpit", SEARCH, "http-request tarpit"),
    kept!("reqpass", SEARCH, "http-request allow"),
    kept!("reqrep", REPLACE, "http-request replace-uri or replace-header"),
    kept!("reqsetbe", SWITCH, "use_backend"),
    kept!("reqtarpit", SEARCH, "http-request tarpit"),
    kept!("rspadd", ADD, "http-response add-header"),
    kept!("rspdel", SEARCH, "http-response del-header"),
    kept!("rspdeny", SEARCH, "http-response deny"),
    kept!("rspidel", SEARCH, "http-response del-header"),
    kept!("rspideny", SEARCH, "http-response deny"),
    kept!("rspirep", REPLACE, "http-response set-status or replace-header"),
    kept!("rsprep", REPLACE, "http-response set-status or replace-header"),
    kept!("tcp-request connection", FRONT, ACTION, "1.4", "Rules on connections, before anything is read."),
    kept!("tcp-request content", PROXY, ACTION, "1.4", "Rules on the first bytes of requests."),
    r(
        "tcp-request inspect-delay",
        FRONT | BACK,
        "<time>",
        "1.4",
        "How long rules wait for bytes of a request.",
        |s, a| Ok(s.draft().inspect_ms[0] = time_ms(a)?),
    )
    .unit("ms"),
    kept!("tcp-request session", FRONT, ACTION, "1.6", "Rules on connections, after their handshakes."),
    kept!("tcp-response content", BACK, ACTION, "1.5", "Rules on the first bytes of responses."),
    r("tcp-response inspect-delay", BACK, "<time>", "1.5", "How long rules wait for bytes of a response.", |s, a| {
        Ok(s.draft().inspect_ms[1] = time_ms(a)?)
    })
    .unit("ms"),
    kept!("unique-id-format", FRONT, "<format>", "1.5", "A text for each request, for logs and servers."),
    r("unique-id-header", FRONT, "<name>", "1.5", "Sends the unique id to the server in this field.", |s, a| {
        Ok(s.proxy().unique_id_header = Some(field_name(a)?))
    }),
    kept!("use-server", LISTEN | BACKEND, "<server> [<condition>]", "1.4", "Chooses a server."),
    kept!("use_backend", FRONTS, "<backend> [<condition>]", "1.3", "Chooses a backend; the first that fits."),
];

/// What is kept of the drafts for [`rulebook`], in the order of the configuration's proxies.
#[derive(Default)]
pub struct Kept {
    pub lines: Vec<Vec<Line>>,
    pub log_texts: Vec<LogTexts>,
    pub inspect_ms: Vec<[u32; 2]>,
}

impl Kept {
    /// Takes the lines of a draft.
    pub fn take(&mut self, s: &mut State, draft: &mut Draft) {
        let mut lines = std::mem::take(&mut draft.rules);
        // From `defaults`: what the section could not have itself.
        let side = match draft.kind {
            Kind::Frontend => FRONTEND,
            Kind::Backend => BACKEND,
            _ => LISTEN,
        };
        lines.retain(|l| TABLE.iter().chain(stats::TABLE).any(|r| r.name == l.directive && r.sections & side != 0));
        if draft.proxy.mode != Mode::Http {
            let (title, diags) = (draft.title(), &mut s.diags);
            lines.retain(|l| {
                let http =
                    ["http-", "capture cookie", "req", "rsp", "stats"].iter().any(|p| l.directive.starts_with(p))
                        || matches!(l.directive, "block" | "redirect");
                if http {
                    diags.warning(l.pos, format!("'{}' is ignored in {title}: it needs 'mode http'", l.directive));
                }
                !http
            });
        }
        self.lines.push(lines);
        self.log_texts.push(std::mem::take(&mut draft.log_texts));
        self.inspect_ms.push(draft.inspect_ms);
    }
}

/// Compiles all rules.
pub fn rulebook(s: &mut State, config: &Config, kept: &Kept) -> Rulebook {
    let variables = std::mem::take(&mut s.variables);
    let outside = Outside {
        variable: &|name| s.vars.0.get(name).cloned(),
        host: &|name| (s.resolver)(name, super::address::Family::Any),
    };
    let mut done = compile(config, outside, &kept.lines, &kept.log_texts);
    let faults = set_at_start(config, outside, &mut done.book, &variables);
    for fault in done.errors {
        s.fault(fault);
    }
    for (pos, message) in done.warnings {
        s.diags.warning(pos, message);
    }
    let mut book = done.book;
    for fault in faults {
        s.fault(fault);
    }
    for (rules, ms) in book.proxies.iter_mut().zip(&kept.inspect_ms) {
        rules.inspect_delay_ms = *ms;
    }
    book
}
