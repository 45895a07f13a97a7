//! From lines to programs: which directive is what kind of rule, and the order in which all of them are compiled.

use super::condition::Conditions;
use super::{ACTIONS, ActionRow, Family, ProxyRules, Rulebook};
use crate::format::{CLF_LOG, CONNECT_LOG, Format, HTTP_LOG, HTTPS_LOG, Lines, TCP_LOG, Use};
use crate::model::{Config, LogShape, Mode};
use crate::sample::{Compiler, Expr, Outside, ProcessNotes, UNIQUE_ID, needs};
use crate::util::words::{Args, Fault, Pos, Word, nearest};

/// A directive of a proxy that makes a rule.
pub struct Directive {
    /// Its words.
    pub name: &'static str,
    pub family: Family,
    /// The action, where the directive is one itself; else its next word names it.
    pub action: Option<&'static str>,
}

/// All of them but `acl`, sorted by name.
pub static DIRECTIVES: &[Directive] = &[
    Directive { name: "block", family: Family::Block, action: Some("deny") },
    Directive { name: "force-persist", family: Family::Persist, action: Some("force-persist") },
    Directive { name: "http-after-response", family: Family::AfterResponse, action: None },
    Directive { name: "http-request", family: Family::HttpRequest, action: None },
    Directive { name: "http-response", family: Family::HttpResponse, action: None },
    Directive { name: "ignore-persist", family: Family::Persist, action: Some("ignore-persist") },
    Directive { name: "monitor fail", family: Family::Monitor, action: Some("fail") },
    Directive { name: "redirect", family: Family::Redirect, action: Some("redirect") },
    Directive { name: "reqadd", family: Family::RequestAdd, action: Some("reqadd") },
    Directive { name: "reqallow", family: Family::RequestLines, action: Some("reqallow") },
    Directive { name: "reqdel", family: Family::RequestLines, action: Some("reqdel") },
    Directive { name: "reqdeny", family: Family::RequestLines, action: Some("reqdeny") },
    Directive { name: "reqiallow", family: Family::RequestLines, action: Some("reqiallow") },
    Directive { name: "reqidel", family: Family::RequestLines, action: Some("reqidel") },
    Directive { name: "reqideny", family: Family::RequestLines, action: Some("reqideny") },
    Directive { name: "reqipass", family: Family::RequestLines, action: Some("reqipass") },
    Directive { name: "reqirep", family: Family::RequestLines, action: Some("reqirep") },
    Directive { name: "reqisetbe", family: Family::RequestLines, action: Some("reqisetbe") },
    Directive { name: "reqitarpit", family: Family::RequestLines, action: Some("reqitarpit") },
    Directive { name: "reqpass", family: Family::RequestLines, action: Some("reqpass") },
    Directive { name: "reqrep", family: Family::RequestLines, action: Some("reqrep") },
    Directive { name: "reqsetbe", family: Family::RequestLines, action: Some("reqsetbe") },
    Directive { name: "reqtarpit", family: Family::RequestLines, action: Some("reqtarpit") },
    Directive { name: "rspadd", family: Family::ResponseAdd, action: Some("rspadd") },
    Directive { name: "rspdel", family: Family::ResponseLines, action: Some("rspdel") },
    Directive { name: "rspdeny", family: Family::ResponseLines, action: Some("rspdeny") },
    Directive { name: "rspidel", family: Family::ResponseLines, action: Some("rspidel") },
    Directive { name: "rspideny", family: Family::ResponseLines, action: Some("rspideny") },
    Directive { name: "rspirep", family: Family::ResponseLines, action: Some("rspirep") },
    Directive { name: "rsprep", family: Family::ResponseLines, action: Some("rsprep") },
    Directive { name: "stats http-request", family: Family::Statistics, action: None },
    Directive { name: "tcp-request connection", family: Family::TcpConnection, action: None },
    Directive { name: "tcp-request content", family: Family::TcpRequest, action: None },
    Directive { name: "tcp-request session", family: Family::TcpSession, action: None },
    Directive { name: "tcp-response content", family: Family::TcpResponse, action: None },
    Directive { name: "use-server", family: Family::UseServer, action: Some("use-server") },
    Directive { name: "use_backend", family: Family::UseBackend, action: Some("use_backend") },
];

/// A line that makes a condition or a rule, as it was read: with the words of its directive.
#[derive(Clone, Debug)]
pub struct Line {
    /// The name of a directive, `acl`, or one of the captures.
    pub directive: &'static str,
    /// The words after the directive.
    pub words: Vec<Word>,
    pub pos: Pos,
}

/// The arguments of `log-format`, `error-log-format` and `log-format-sd`.
#[derive(Clone, Debug, Default)]
pub struct LogTexts {
    pub line: Option<Word>,
    pub failed: Option<Word>,
    pub data: Option<Word>,
}

/// What compiling found beside the rules.
pub struct Compiled {
    pub book: Rulebook,
    pub errors: Vec<Fault>,
    pub warnings: Vec<(Pos, String)>,
}

/// Compiles the lines of all proxies (in the order of the configuration's), and the formats of their logs (with their places).
pub fn compile(config: &Config, outside: Outside, lines: &[Vec<Line>], texts: &[LogTexts]) -> Compiled {
    let mut cc = Compiler::new(config, outside);
    let (mut conditions, mut errors) = (Conditions::default(), Vec::new());
    let mut book = Rulebook::default();
    for (n, lines) in lines.iter().enumerate() {
        cc.proxy = n;
        conditions.begin(lines);
        let mut rules = ProxyRules::default();
        for line in lines {
            if let Err(fault) = one(&mut cc, &mut conditions, &mut rules, line) {
                errors.push(fault);
            }
        }
        conditions.end();
        rules.complete(&config.proxies[n]);
        book.hints |= rules.programs.iter().any(|p| p.hints);
        book.any |= rules.kinds != 0;
        book.proxies.push(rules);
    }
    for (n, proxy) in config.proxies.iter().enumerate() {
        (cc.proxy, cc.place) = (n, needs::AT_LOG);
        let own = LogTexts::default();
        let lines = log_lines(&mut cc, &proxy.log_shape, texts.get(n).unwrap_or(&own), &mut errors);
        book.logs.push(lines);
    }
    errors.extend(cc.check_changes());
    book.files_bytes = cc.files_bytes();
    book.changed = cc.changed_files();
    let programs = book.proxies.iter().flat_map(|p| &p.programs).map(|p| p.needs);
    book.keeps_line = programs.chain(book.logs.iter().map(Lines::needs)).any(|n| n & needs::LINE != 0);
    book.acls = conditions.finish();
    book.process = ProcessNotes::new(&cc.layout);
    book.layout = cc.layout;
    Compiled { book, errors, warnings: cc.warnings }
}

/// The formats of a proxy's lines; those that are wrong are empty.
fn log_lines(cc: &mut Compiler, shape: &LogShape, texts: &LogTexts, errors: &mut Vec<Fault>) -> Lines {
    let text = match shape {
        LogShape::Connect => CONNECT_LOG,
        LogShape::Tcp => TCP_LOG,
        LogShape::Http => HTTP_LOG,
        LogShape::Https => HTTPS_LOG,
        LogShape::Clf => CLF_LOG,
        LogShape::Custom(text) => text,
    };
    let mut format = |name, text: &str, word: Option<&Word>| {
        log_format(cc, name, text, word).map_err(|fault| errors.push(fault)).unwrap_or_default()
    };
    Lines {
        line: format("log-format", text, texts.line.as_ref()),
        failed: texts.failed.as_ref().map(|w| format("error-log-format", &w.text, Some(w))),
        data: texts.data.as_ref().map(|w| format("log-format-sd", &w.text, Some(w))),
    }
}

fn log_format(cc: &mut Compiler, name: &str, text: &str, word: Option<&Word>) -> Result<Format, Fault> {
    let compiled = Format::compile(cc, text, Use::Log).map_err(|t| {
        let (pos, quoted) = word.map_or((Pos::default(), false), |w| (w.pos, w.quoted));
        // The offset is that of the text without its quotes: right when nothing is escaped.
        let pos = Pos { column: pos.column + t.at as u32 + u32::from(quoted), len: 1, ..pos };
        let fault = Fault::new(pos, format!("'{name}': {}", t.message));
        if let Some(hint) = t.hint { fault.hint(hint) } else { fault }
    })?;
    let tcp = cc.own().mode == Mode::Tcp && cc.own().is_frontend;
    let http = compiled.variables().find(|v| v.http_only());
    match (word, http) {
        (Some(word), Some(v)) if tcp => {
            Err(Fault::new(word.pos, format!("'{name}': '%{}' is known in mode http only", v.name)))
        }
        _ => Ok(compiled),
    }
}

/// One line.
fn one(cc: &mut Compiler, known: &mut Conditions, rules: &mut ProxyRules, line: &Line) -> Result<(), Fault> {
    let mut args = Args::after(&line.words, line.pos, line.directive);
    cc.pos = line.pos;
    cc.place = needs::ANYWHERE;
    if line.directive == "acl" {
        let name = args.need("the name of the condition")?;
        let valid = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        if !name.text.chars().all(valid) || matches!(&*name.text, "or" | "if" | "unless") {
            return Err(Fault::new(name.pos, format!("'{}' cannot be the name of a condition", name.text)));
        }
        return known.named(&name.text).add(cc, &mut args);
    }
    if let Some(directive) = DIRECTIVES.iter().find(|d| d.name == line.directive) {
        return rule(cc, known, rules, directive, &mut args);
    }
    match line.directive {
        "unique-id-format" => unique_id(cc, rules, &mut args),
        "capture cookie" => capture_cookie(cc, rules, &mut args),
        directive => capture(cc, rules, directive, &mut args),
    }
}

/// A rule: its action, then its condition.
fn rule(
    cc: &mut Compiler,
    known: &mut Conditions,
    rules: &mut ProxyRules,
    directive: &Directive,
    args: &mut Args,
) -> Result<(), Fault> {
    cc.response = directive.family.is_response();
    cc.place = directive.family.place(cc.own());
    if let Some(name) = directive.action {
        let row = action(name, directive.family).expect("the directives' actions are in the tables");
        return finish(cc, known, rules, directive, row, args);
    }
    let word = args.need("an action")?;
    // The name of a variable stands in brackets behind the action: a word of its own for what reads it.
    let (name, variable) = match word.text.split_once('(') {
        Some((name, rest)) => (name, Some(rest.trim_end_matches(')'))),
        None => (word.text.as_str(), None),
    };
    let Some(row) = action(name, directive.family) else { return Err(unknown(directive, name, word.pos)) };
    let variable = variable.map(|text| Word { text: text.into(), pos: word.pos, quoted: false });
    let words: Vec<Word> = variable.into_iter().chain(args.rest().iter().cloned()).collect();
    let mut args = Args::after(&words, word.pos, format!("{} {name}", directive.name));
    finish(cc, known, rules, directive, row, &mut args)
}

fn finish(
    cc: &mut Compiler,
    known: &mut Conditions,
    rules: &mut ProxyRules,
    directive: &Directive,
    row: &'static ActionRow,
    args: &mut Args,
) -> Result<(), Fault> {
    cc.userlists.clear();
    let (action, needs) = cc.needing(|cc| (row.parse)(cc, args));
    let (action, asked) = (action?, std::mem::take(&mut cc.userlists));
    let program = &mut rules.programs[directive.family as usize];
    known.compile(cc, args, program)?;
    args.finish()?;
    program.push_asking(action, needs, asked);
    Ok(())
}

/// `unique-id-format`
fn unique_id(cc: &mut Compiler, rules: &mut ProxyRules, args: &mut Args) -> Result<(), Fault> {
    cc.response = false;
    let (format, needs) = cc.needing(|cc| super::flow::format_of(cc, args, "a format", Use::Id));
    let note = cc.variable(UNIQUE_ID)?;
    args.finish()?;
    rules.programs[Family::CaptureRequest as usize].push(Box::new(super::vars::UniqueId(note, format?)), needs);
    Ok(())
}

/// `capture cookie <name> len <length>`
fn capture_cookie(cc: &mut Compiler, rules: &mut ProxyRules, args: &mut Args) -> Result<(), Fault> {
    let name = args.need("the beginning of a cookie's name")?;
    let len = length(args)?;
    args.finish()?;
    let notes = cc.layout.capture_cookie(cc.proxy, len);
    for (family, note) in [Family::CaptureRequest, Family::CaptureResponse].into_iter().zip(notes) {
        let action = super::vars::CaptureCookie(note, name.text.as_bytes().into());
        rules.programs[family as usize].push(Box::new(action), 0);
    }
    Ok(())
}

/// `len <length>`
fn length(args: &mut Args) -> Result<u16, Fault> {
    if !args.accept("len") {
        return Err(Fault::new(args.pos(), format!("'{}' expects 'len' and a length", args.name)));
    }
    let word = args.need("a length in bytes")?;
    let wrong = || Fault::new(word.pos, format!("'{}' is not a length from 1 to 8192", word.text));
    word.text.parse().ok().filter(|n| (1..=8192).contains(n)).ok_or_else(wrong)
}

/// `capture request header <name> len <length>` and its kin: rules of their own.
fn capture(cc: &mut Compiler, rules: &mut ProxyRules, directive: &str, args: &mut Args) -> Result<(), Fault> {
    let response = directive.ends_with("response header") || directive == "declare capture response";
    cc.response = response;
    let name = if directive.starts_with("capture") { Some(args.need("the name of a field")?) } else { None };
    let len = length(args)?;
    args.finish()?;
    let at = cc.layout.capture(cc.proxy, response, len);
    if let Some(name) = name {
        cc.pos = name.pos;
        let side = if response { "res" } else { "req" };
        let (expr, needs) = cc.needing(|cc| Expr::compile(cc, &format!("{side}.fhdr({})", name.text)));
        let family = if response { Family::CaptureResponse } else { Family::CaptureRequest };
        let note = cc.layout.captures[cc.proxy][usize::from(response)][at];
        rules.programs[family as usize].push(Box::new(super::vars::Capture(note, expr?)), needs);
    }
    Ok(())
}

fn action(name: &str, family: Family) -> Option<&'static ActionRow> {
    let mut all = ACTIONS.iter().flat_map(|t| t.iter());
    all.find(|a| a.name == name && a.families & family.bit() != 0)
}

/// HAProxy's actions that are not in the tables, and why; names that are prefixes end with `*`, and those that one kind of rules does not
/// have stand behind its name.
const NOT_BUILT: &[(&[&str], &str)] = &[
    (&["attach-srv", "set-bc-mark", "set-bc-tos", "set-fc-mark", "set-fc-tos"], "it came after HAProxy 2.6"),
    (&["cache-store", "cache-use"], "the cache comes later"),
    (&["do-log", "pause", "set-retries", "set-bandwidth-limit"], "it came after HAProxy 2.6"),
    (&["disable-l7-retry"], "'retry-on' of the backend says which requests are tried again"),
    (&["do-resolve"], "names are resolved at start"),
    (&["expect-netscaler-cip", "expect-proxy"], "'accept-proxy' on the bind line is built"),
    (&["lua.*"], "there is no Lua"),
    (&["sc-*", "track-sc*"], "stick tables come later"),
    (&["send-spoe-group"], "filters are not built"),
    (&["set-priority-class", "set-priority-offset"], "queues are served in order of arrival"),
    (&["switch-mode"], "the mode of a connection is that of its frontend"),
    (&["use-service"], "there are no services"),
    (&["http-response wait-for-body"], "the rules look at the head; 'http-request wait-for-body' is built"),
];

fn not_built(directive: &Directive, name: &str) -> Option<&'static str> {
    let full = format!("{} {name}", directive.name);
    let is = |known: &&str| match known.strip_suffix('*') {
        Some(begin) => name.starts_with(begin),
        None => name == *known || full == *known,
    };
    NOT_BUILT.iter().find(|r| r.0.iter().any(is)).map(|r| r.1)
}

fn unknown(directive: &Directive, name: &str, pos: Pos) -> Fault {
    let names = || ACTIONS.iter().flat_map(|t| t.iter()).filter(|a| a.families & directive.family.bit() != 0);
    if let Some(reason) = not_built(directive, name) {
        let message = format!("the action '{name}' of '{}' is not built in this version", directive.name);
        return Fault::new(pos, message).hint(reason);
    }
    let fault = Fault::new(pos, format!("'{}' has no action '{name}'", directive.name));
    match nearest(name, names().map(|a| a.name)) {
        Some(near) => fault.hint(format!("did you mean '{near}'?")),
        None => {
            let mut known: Vec<&str> = names().map(|a| a.name).collect();
            known.sort_unstable();
            fault.hint(format!("known are {}", known.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_has_no_reason_not_to_be() {
        assert!(ACTIONS.iter().flat_map(|t| t.iter()).all(|a| not_built(&DIRECTIVES[0], a.name).is_none()));
        assert_eq!(not_built(&DIRECTIVES[0], "track-sc2"), Some("stick tables come later"));
        assert_eq!(not_built(&DIRECTIVES[0], "deny"), None);
    }
}
