//! Lines to sections: which table a line belongs to, and what happens to a word that none of them knows.

use super::bind;
use super::lexer::Line;
use super::row::{DEFAULTS, LENIENT, NEGATABLE, NO_SECTION, Parse, Row, STRICT, Status, find, named, suggest};
use super::state::{Current, Draft, Kind, State};
use super::values::check_name;
use super::{accounts, balance, checks, global, logs, options, proxy, reserved, rules, stats, timeouts, tune};
use crate::util::words::{Args, Fault, Pos, Word, nearest};

const fn section(name: &'static str, args: &'static str, since: &'static str, doc: &'static str, parse: Parse) -> Row {
    Row::built("section", NO_SECTION, name, args, since, doc, parse)
}

const fn refused(name: &'static str, args: &'static str, since: &'static str, reason: &'static str) -> Row {
    section(name, args, since, "Recognised, and refused until it is built.", |_, _| Ok(())).not_built(reason)
}

/// The words that begin a section, sorted by name.
pub static SECTIONS: &[Row] = &[
    refused("acme", "<name>", "3.2", "certificates come with TLS"),
    section("backend", "<name> [from <defaults>]", "1.3", "Servers, and how they are chosen.", |s, a| {
        open(s, a, Kind::Backend)
    }),
    refused("cache", "<name>", "1.8", "the cache comes later"),
    refused("crt-store", "[<name>]", "3.0", "certificates come with TLS"),
    section(
        "defaults",
        "[<name>] [from <defaults>]",
        "1.0",
        "Settings that the proxies after it begin with.",
        |s, a| open(s, a, Kind::Defaults),
    ),
    refused("fcgi-app", "<name>", "2.1", "FastCGI is not built"),
    section(
        "frontend",
        "<name> [from <defaults>]",
        "1.3",
        "Listening sockets, and what becomes of their clients.",
        |s, a| open(s, a, Kind::Frontend),
    ),
    section("global", "", "1.0", "Settings of the whole process.", |s, _| {
        s.current = Current::Global;
        Ok(())
    }),
    refused("http-errors", "<name>", "2.2", "named sets of errors come later; 'errorfile' is built"),
    section("listen", "<name> [from <defaults>]", "1.0", "A frontend and a backend in one.", |s, a| {
        open(s, a, Kind::Listen)
    }),
    refused("log-forward", "<name>", "2.3", "log forwarding is not built"),
    refused("log-profile", "<name>", "3.1", "log profiles are not built"),
    refused("mailers", "<name>", "1.6", "mail alerts come later"),
    refused("peers", "<name>", "1.5", "peers come with stick tables"),
    refused("program", "<name>", "2.0", "it starts no programs: use the service manager"),
    section(
        "resolvers",
        "<name>",
        "1.6",
        "Name servers for run-time resolution. Read and not used: names are resolved at start.",
        accounts::resolvers,
    ),
    refused("ring", "<name>", "2.2", "rings come later; 'log stdout' is built"),
    refused("traces", "", "3.1", "traces are not built"),
    section("userlist", "<name>", "1.4", "Users and groups for rules that ask for a password.", accounts::userlist),
];

/// Tables of the section `global`.
pub static GLOBAL_TABLES: &[&[Row]] = &[global::TABLE, tune::TABLE, logs::GLOBAL_TABLE, reserved::GLOBAL_TABLE];

/// Tables of proxies.
pub static PROXY_TABLES: &[&[Row]] = &[
    proxy::TABLE,
    options::TABLE,
    timeouts::TABLE,
    stats::TABLE,
    logs::PROXY_TABLE,
    balance::TABLE,
    checks::TABLE,
    rules::TABLE,
    reserved::PROXY_TABLE,
];

/// Tables of the small sections.
pub static USERLIST_TABLES: &[&[Row]] = &[accounts::USERLIST_TABLE];
pub static RESOLVERS_TABLES: &[&[Row]] = &[accounts::RESOLVERS_TABLE];

/// Takes one line. True when a section began, whose name the lexer wants to know.
pub fn line(s: &mut State, line: &Line) -> Option<String> {
    let words = line.words.as_slice();
    if let Some(row) = named(SECTIONS, &words[0].text) {
        begin(s, row, words);
        return Some(words.get(1).map_or_else(|| words[0].text.clone(), |w| w.text.clone()));
    }
    let tables = match s.current {
        Current::None => {
            out_of_section(s, words);
            return None;
        }
        Current::Skipped => return None,
        Current::Global => GLOBAL_TABLES,
        Current::Proxy(_) | Current::Defaults(_) => PROXY_TABLES,
        Current::Userlist => USERLIST_TABLES,
        Current::Resolvers => RESOLVERS_TABLES,
    };
    let no = match words[0].text.as_str() {
        "no" => true,
        "default" => words.get(1).is_some_and(|w| w.text == "option"),
        _ => false,
    };
    let words = if no { &words[1..] } else { words };
    if words.is_empty() {
        s.fault(Fault::new(line.pos, "'no' expects the keyword to take back"));
        return None;
    }
    match find(tables, words) {
        Some((row, count)) => keyword(s, row, words, count, no),
        None => {
            let section = section_meant(words).filter(|_| !no && nearest_keyword(tables, words).is_none());
            let fault = match section {
                Some(name) => unknown_section(s, words, name),
                None => unknown(s, tables, words),
            };
            s.fault(fault);
        }
    }
    None
}

/// The section that a line at the margin was perhaps meant to begin.
fn section_meant(words: &[Word]) -> Option<&'static str> {
    let begins = words[0].pos.column == 1 && known_elsewhere(words).is_none();
    nearest(&words[0].text, SECTIONS.iter().map(|r| r.name)).filter(|_| begins)
}

/// The row of a keyword of any section.
fn known_elsewhere(words: &[Word]) -> Option<&'static Row> {
    let all = [GLOBAL_TABLES, PROXY_TABLES, USERLIST_TABLES, RESOLVERS_TABLES];
    all.iter().find_map(|tables| find(tables, words)).map(|(row, _)| row)
}

fn nearest_keyword<'a>(tables: &[&'a [Row]], words: &[Word]) -> Option<&'a str> {
    nearest(&words[0].text, tables.iter().flat_map(|t| t.iter()).map(|row| row.name))
}

/// The error for a misspelt section; its lines are left out.
fn unknown_section(s: &mut State, words: &[Word], meant: &str) -> Fault {
    s.current = Current::Skipped;
    let message = format!("unknown section '{}': its lines are not read", words[0].text);
    Fault::new(words[0].pos, message).hint(format!("did you mean '{meant}'?"))
}

fn begin(s: &mut State, row: &'static Row, words: &[Word]) {
    s.current = Current::Skipped;
    let mut args = Args::new(words, 1, row.name);
    match row.status {
        Status::Built(parse) => {
            let result = parse(s, &mut args).and_then(|()| args.finish());
            s.take(result);
        }
        Status::NotBuilt(reason) => {
            let message = format!("section '{}' is not built yet in this version", row.name);
            s.fault(Fault::new(words[0].pos, message).hint(reason));
        }
        _ => {}
    }
}

/// Runs the function of a row, after what the table says of the section.
fn keyword(s: &mut State, row: &'static Row, words: &[Word], count: usize, no: bool) {
    let pos = Args::new(words, count, "").pos();
    let section = s.section();
    if no && row.sections & NEGATABLE == 0 {
        let message = format!("'no' cannot take '{}' back", row.name);
        s.fault(Fault::new(pos, message).hint("it stands before options that are on or off, and before 'log'"));
        return;
    }
    if row.sections & section == 0 {
        misplaced(s, row, section, pos);
        return;
    }
    if let Some(fault) = row.refusal(pos) {
        return s.fault(fault);
    }
    let mut args = Args::new(words, count, row.name);
    args.no = no;
    let parse = match row.status {
        Status::Built(parse) => parse,
        Status::Removed { today, parse } => {
            let message = format!("'{}' is gone from today's HAProxy and works here", row.name);
            s.diags.warning_hint(pos, message, format!("today's spelling: {today}"));
            parse
        }
        _ => return,
    };
    let result = parse(s, &mut args).and_then(|()| match row.sections & LENIENT {
        0 => args.finish(),
        _ => stats::extra(s, &mut args),
    });
    s.take(result);
}

/// A keyword of proxies in a proxy of the other side is ignored with a warning, as in HAProxy, or is an error.
fn misplaced(s: &mut State, row: &Row, section: u16, pos: Pos) {
    let places: Vec<&str> = row.section_names().collect();
    let hint = format!("it belongs into {}", places.join(", "));
    if section & DEFAULTS != 0 {
        let message = format!("'{}' is not allowed in a 'defaults' section", row.name);
        s.fault(Fault::new(pos, message).hint(hint));
        return;
    }
    let title = s.draft().title();
    let side = if section & super::row::BACKEND != 0 { "frontend" } else { "backend" };
    if row.sections & STRICT != 0 {
        let message = format!("'{}' is not allowed in {title}, which has no {side} side", row.name);
        s.fault(Fault::new(pos, message).hint(hint));
        return;
    }
    let hint = match row.name {
        "maxconn" => "maybe 'fullconn' is meant".to_owned(),
        "fullconn" => "maybe 'maxconn' is meant".to_owned(),
        _ => hint,
    };
    s.diags.warning_hint(pos, format!("'{}' is ignored: {title} has no {side} side", row.name), hint);
}

fn out_of_section(s: &mut State, words: &[Word]) {
    let word = &words[0];
    let fault = match section_meant(words) {
        Some(name) => unknown_section(s, words, name),
        None => {
            let fault = Fault::new(word.pos, format!("unknown keyword '{}' out of section", word.text));
            match suggest(&[SECTIONS], &word.text) {
                Some(hint) => fault.hint(hint),
                None => {
                    fault.hint("a file begins with a section such as global, defaults, frontend, backend or listen")
                }
            }
        }
    };
    s.fault(fault);
}

/// The error for a line that begins with no known name: the nearest names, or the section where it is known.
fn unknown(s: &State, tables: &[&'static [Row]], words: &[Word]) -> Fault {
    let first = words[0].text.as_str();
    let section = match s.current {
        Current::Global => "global",
        Current::Userlist => "userlist",
        Current::Resolvers => "resolvers",
        Current::Proxy(at) => s.drafts[at].kind.name(),
        _ => "defaults",
    };
    let all = || tables.iter().flat_map(|t| t.iter());
    // A family such as `timeout`, whose second word is the unknown one.
    let family: Vec<&str> = all().filter_map(|row| row.name.strip_prefix(first)?.strip_prefix(' ')).collect();
    if !family.is_empty() {
        let Some(second) = words.get(1) else {
            return Fault::new(words[0].pos, format!("'{first}' expects one of: {}", family.join(", ")));
        };
        let fault = Fault::new(second.pos, format!("'{first}' does not know '{}'", second.text));
        return match nearest(&second.text, family.iter().copied()) {
            Some(near) => fault.hint(format!("did you mean '{first} {near}'?")),
            None if family.len() < 20 => fault.hint(format!("it knows {}", family.join(", "))),
            None if cfg!(feature = "keywords") => fault.hint("the list of all keywords is shown by -dK"),
            None => fault,
        };
    }
    let fault = Fault::new(words[0].pos, format!("unknown keyword '{first}' in section '{section}'"));
    if let Some(row) = known_elsewhere(words) {
        let places: Vec<&str> = row.section_names().collect();
        return fault.hint(format!("it belongs into {}", places.join(", ")));
    }
    let second = words.get(1).map(|w| w.text.as_str());
    let slip = slip_of_family(tables, first, second);
    let certain = slip.filter(|(_, member)| member.is_some() && *member == second);
    let hint = certain
        .map(|(family, member)| family_hint(family, member))
        .or_else(|| suggest(tables, first))
        .or_else(|| slip.map(|(family, member)| family_hint(family, member)))
        .or_else(|| suggest(&[options::TABLE], &format!("option {first}")));
    match hint {
        Some(hint) => fault.hint(hint),
        None => fault,
    }
}

/// The family, such as `timeout`, that a first word nearly names, and its member that the second word names, or nearly does.
fn slip_of_family<'a>(tables: &[&'a [Row]], first: &str, second: Option<&str>) -> Option<(&'a str, Option<&'a str>)> {
    let pairs = || tables.iter().flat_map(|t| t.iter()).filter_map(|row| row.name.split_once(' '));
    let family = nearest(first, pairs().map(|(family, _)| family))?;
    let members = pairs().filter(|(f, _)| *f == family).map(|(_, member)| member);
    Some((family, second.and_then(|s| nearest(s, members))))
}

fn family_hint(family: &str, member: Option<&str>) -> String {
    match member {
        Some(member) => format!("did you mean '{family} {member}'?"),
        None => format!("did you mean '{family}'?"),
    }
}

/// `defaults`, `frontend`, `backend`, `listen`.
fn open(s: &mut State, a: &mut Args, kind: Kind) -> Result<(), Fault> {
    let mut name = ("", a.first().pos);
    if kind != Kind::Defaults {
        let word = a.need("a name")?;
        check_name(word, &format!("name of the {}", kind.name()))?;
        name = (&word.text, word.pos);
    } else if a.peek().is_some_and(|w| w != "from") {
        let word = a.need("a name")?;
        name = (&word.text, word.pos);
    }
    // Up to 1.5 the addresses could stand here.
    let mut address = None;
    if matches!(kind, Kind::Frontend | Kind::Listen) && a.peek().is_some_and(|w| w != "from") {
        let word = a.need("an address")?;
        address = Some(word);
        let message = format!("an address in the line '{}' is an old spelling that works here", kind.name());
        s.diags.warning_hint(word.pos, message, format!("today's spelling: bind {}", word.text));
    }
    let mut from = None;
    if address.is_none() && a.accept("from") {
        from = Some(a.need("the name of a 'defaults' section after 'from'")?);
    }
    let draft = match from {
        Some(word) => inherit(s, word, kind, name)?,
        None if kind == Kind::Defaults => Draft::new(kind, name.0, name.1),
        None => match s.defaults.last_mut() {
            Some(last) => {
                last.used_as_last = true;
                last.heir(kind, name.0, name.1)
            }
            None => Draft::new(kind, name.0, name.1),
        },
    };
    s.current = match kind {
        Kind::Defaults => {
            s.defaults.push(draft);
            Current::Defaults(s.defaults.len() - 1)
        }
        _ => {
            s.drafts.push(draft);
            Current::Proxy(s.drafts.len() - 1)
        }
    };
    let origin = s.origin(name.1);
    let proxy = s.proxy();
    proxy.place = origin;
    (proxy.is_frontend, proxy.is_backend) =
        (matches!(kind, Kind::Frontend | Kind::Listen), matches!(kind, Kind::Backend | Kind::Listen));
    if let Some(word) = address {
        bind::read(s, a, &word.text, word.pos, true);
    }
    Ok(())
}

fn inherit(s: &mut State, word: &Word, kind: Kind, name: (&str, Pos)) -> Result<Draft, Fault> {
    let mut known: Vec<&mut Draft> = s.defaults.iter_mut().filter(|d| d.proxy.name == word.text).collect();
    match known.as_mut_slice() {
        [] => {
            let fault =
                Fault::new(word.pos, format!("there is no 'defaults' section '{}' before this line", word.text));
            let names: Vec<&str> = s.defaults.iter().map(|d| d.proxy.name.as_str()).collect();
            Err(match nearest(&word.text, names.into_iter()) {
                Some(near) => fault.hint(format!("did you mean '{near}'?")),
                None => fault,
            })
        }
        [only] => {
            only.used_by_name = true;
            Ok(only.heir(kind, name.0, name.1))
        }
        _ => Err(Fault::new(word.pos, format!("several 'defaults' sections are named '{}'", word.text))),
    }
}
