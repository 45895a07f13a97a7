//! The list of keywords (`-dK`) and the reference manual (`docs/reference`), both from the rows that the parser uses: those of the
//! sections, and those of samples and actions in their own tables. HAProxy's names that are in none of these are listed as not built.

use super::row::{NO_SECTION, Row, Status};
use super::{listed, tables};
use crate::args::Args;
use crate::cli::{COMMANDS, NOT_BUILT as NO_COMMANDS};
use crate::format::VARIABLES;
use crate::pattern::Method;
use crate::rules::{ACTIONS, ANSWER, Family, PREDEFINED};
use crate::sample::{FETCHES, REFUSED, converter_tables, find_converter, find_fetch, needs};
use crate::stats::NAMES;
use crate::util::{ManualText, Release};
use std::collections::BTreeMap;
use std::fmt::Write;

/// What a row's keyword is worth here.
const BUILT: &str = "built";
const OLD: &str = "built, old spelling";
const NO_EFFECT: &str = "accepted without effect";
const NOT_BUILT: &str = "not built";

fn status(r: &Row) -> &'static str {
    match r.status {
        Status::Built(_) | Status::Removed { .. } if r.without_effect => NO_EFFECT,
        Status::Built(_) => BUILT,
        Status::Removed { .. } => OLD,
        Status::NotBuilt(_) | Status::LeftOut(_) => NOT_BUILT,
        Status::Listed(true) => BUILT,
        Status::Listed(false) if &*r.family == "command-line option" => option_status(r.name),
        Status::Listed(false) if known(r) => BUILT,
        Status::Listed(false) => NOT_BUILT,
    }
}

/// What the parser of the command line makes of an option, with or without a value.
fn option_status(name: &str) -> &'static str {
    let read = |words: &[&str]| crate::args::parse(&words.iter().map(|w| w.to_string()).collect::<Vec<_>>());
    match read(&[name]).or_else(|_| read(&[name, "1"])) {
        Err(_) => NOT_BUILT,
        Ok(args) if (Args { without_effect: Vec::new(), ..args.clone() }) == Args::default() => match name {
            "-sf" | "-st" => BUILT, // of no process: nothing to do
            _ => NO_EFFECT,
        },
        Ok(_) => BUILT,
    }
}

/// The families of actions: the one in the list of HAProxy's names, and the kind of rule.
const ACTION_FAMILIES: [(&str, Family); 8] = [
    ("http-after-response action", Family::AfterResponse),
    ("http-request action", Family::HttpRequest),
    ("http-response action", Family::HttpResponse),
    ("stats http-request action", Family::Statistics),
    ("tcp-request connection action", Family::TcpConnection),
    ("tcp-request content action", Family::TcpRequest),
    ("tcp-request session action", Family::TcpSession),
    ("tcp-response content action", Family::TcpResponse),
];

/// True when a name of HAProxy's list is in a table of its family.
fn known(r: &Row) -> bool {
    let action = |family: Family| {
        ACTIONS.iter().flat_map(|t| t.iter()).any(|a| a.name == r.name && a.families & family.bit() != 0)
    };
    match r.family.get() {
        "sample fetch" => find_fetch(r.name).is_some(),
        "converter" => find_converter(r.name).is_some(),
        "ACL derivative" => {
            let derived = r
                .name
                .rsplit_once('_')
                .is_some_and(|(stem, method)| Method::named(method).is_some() && find_fetch(stem).is_some());
            derived || find_fetch(r.name).is_some()
        }
        "ACL flag" | "ACL operator" | "log-format flag" | "redirect option" => true,
        "CSV field" => NAMES.contains(&r.name),
        "match method" => Method::named(r.name).is_some(),
        family => ACTION_FAMILIES.iter().any(|f| f.0 == family && action(f.1)),
    }
}

/// The rows of samples and actions, in the form of the others.
fn own_rows() -> Vec<Row> {
    let row =
        |family, name, args, since, doc| Row::new(family, NO_SECTION, name, args, since, doc, Status::Listed(true));
    let (unknown, o) = (Release::of(""), ManualText::new("Shows nothing: its flags hold for all that follow."));
    let mut rows = Vec::new();
    rows.extend(FETCHES.iter().flat_map(|t| t.iter()).map(|f| row("sample fetch", f.name, f.args, f.since, f.doc)));
    rows.extend(converter_tables().flatten().map(|c| row("converter", c.name, c.args, c.since, c.doc)));
    for (names, why) in REFUSED {
        let why = ManualText::new(why);
        let refused =
            |name: &&'static str| Row { status: Status::Listed(false), ..row("converter", name, "", unknown, why) };
        rows.extend(names.iter().map(refused));
    }
    let variables = VARIABLES.iter().map(|v| (v.name, v.doc)).chain([("o", o)]);
    rows.extend(
        variables.map(|(name, doc)| row("log-format variable", format!("%{name}").leak(), "", Release::of("1.5"), doc)),
    );
    let always = ManualText::new("A condition that needs no line `acl`: it stands for what is behind its name.");
    rows.extend(PREDEFINED.iter().map(|p| row("predefined ACL", p.0, p.1, unknown, always)));
    rows.extend(COMMANDS.iter().map(|c| row("CLI command", c.name, c.args, unknown, ManualText::new(c.doc))));
    let missing = |c: &(&'static str, &'static str, &'static str)| {
        let doc = ManualText::new("A command of the command socket that is refused.");
        Row { status: Status::Listed(false), ..row("CLI command", c.0, c.1, Release::of(c.2), doc) }
    };
    rows.extend(NO_COMMANDS.iter().map(missing));
    for (name, family) in ACTION_FAMILIES {
        let of = ACTIONS.iter().flat_map(|t| t.iter()).filter(|a| a.families & family.bit() != 0);
        rows.extend(of.map(|a| row(name, a.name, a.args.get(), a.since, a.doc)));
    }
    rows
}

/// All keywords, built or not, with those that are not of the file.
pub fn all_keywords() -> impl Iterator<Item = Row> {
    tables().flatten().copied().chain(listed::rows())
}

fn all_rows() -> Vec<Row> {
    own_rows().into_iter().chain(all_keywords()).collect()
}

/// All rows of a kind as tab-separated lines: family, name, arguments, since, status. Kinds: `all`, `cfg`, or the beginning of a
/// family's name; none where nothing is of that kind.
pub fn keyword_list(kind: &str) -> Option<String> {
    let all = all_rows();
    let mut rows: Vec<&Row> = all.iter().filter(|r| wanted(r, kind)).collect();
    if rows.is_empty() {
        return None;
    }
    rows.sort_by_key(|r| (r.family.get(), r.name));
    let mut text = String::from("# family\tkeyword\targuments\tsince\tstatus\n");
    for r in rows {
        let _ = writeln!(text, "{}\t{}\t{}\t{}\t{}", r.family, r.name, arguments(r), r.since, status(r));
    }
    Some(text)
}

fn wanted(r: &Row, kind: &str) -> bool {
    let short = match kind {
        "" | "all" | "ALL" => return true,
        "cfg" => return !matches!(r.status, Status::Listed(_)),
        "smp" => "sample fetch",
        "cnv" => "converter",
        "acl" => "ACL",
        "log" => "log-format",
        "cli" => "CLI",
        other => other,
    };
    r.family.starts_with(short)
}

/// The pages of the manual: file name and text. One page a family.
pub fn pages() -> Vec<(String, String)> {
    let all = all_rows();
    let mut families: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for r in &all {
        families.entry(r.family.get()).or_default().push(r);
    }
    let mut pages = Vec::new();
    let mut index = String::from(
        "# Reference\n\nMade from the keyword tables by `ci/docs --update`; do not edit. \"not built\" words are recognised and refused \
         with the reason.\n\n| family | built | old spellings | accepted without effect | not built |\n|---|---|---|---|---|\n",
    );
    for (family, mut rows) in families {
        rows.sort_by_key(|r| r.name);
        let count = |s: &str| rows.iter().filter(|r| status(r) == s).count();
        let file = format!("{}.md", family.replace([' ', '/', '(', ')'], "-").to_lowercase());
        let counts = [BUILT, OLD, NO_EFFECT, NOT_BUILT].map(|s| count(s).to_string());
        let _ = writeln!(index, "| [{family}]({file}) | {} |", counts.join(" | "));
        pages.push((file, page(family, &rows)));
    }
    pages.push(("README.md".into(), index));
    pages
}

fn page(family: &str, rows: &[&Row]) -> String {
    let mut text = format!("# {family}\n\nMade from the keyword tables by `ci/docs --update`; do not edit.\n");
    if rows.iter().any(|r| r.args.contains("<answer>")) {
        let _ = writeln!(text, "\n{ANSWER}");
    }
    for r in rows {
        let _ = write!(text, "\n## {}\n\n", heading(r));
        let _ = writeln!(text, "{}\n", r.doc);
        let places = r.section_names().collect::<Vec<_>>().join(", ");
        if !places.is_empty() {
            let _ = writeln!(text, "- valid in: {places}");
        }
        for (label, value) in of_samples(r) {
            let _ = writeln!(text, "- {label}: {value}");
        }
        let since = r.since.to_string();
        for (label, value) in [("default", &*r.default), ("unit without a suffix", &r.unit), ("since", &since)] {
            if !value.is_empty() {
                let _ = writeln!(text, "- {label}: {value}");
            }
        }
        match r.status {
            Status::NotBuilt(why) | Status::LeftOut(why) => drop(writeln!(text, "- not built: {why}")),
            Status::Removed { today, .. } => drop(writeln!(text, "- old spelling, today: `{today}`")),
            Status::Listed(_) if status(r) == NOT_BUILT => drop(writeln!(text, "- not built yet")),
            Status::Listed(_) if status(r) == NO_EFFECT => drop(writeln!(text, "- accepted without effect")),
            Status::Built(_) | Status::Listed(_) => {}
        }
    }
    text
}

/// What there is to say of samples beside what all rows have: types, and where they may be used.
fn of_samples(r: &Row) -> Vec<(&'static str, String)> {
    match (r.family.get(), find_fetch(r.name), find_converter(r.name)) {
        ("sample fetch", Some(fetch), _) => {
            let mut says = vec![("type", fetch.kind.name().to_owned()), ("valid in", needs::places(fetch.needs))];
            for (bit, what) in
                [(needs::HEAD, "the head of a request"), (needs::BYTES, "bytes that no proxy in mode http has read")]
            {
                if fetch.needs & bit != 0 {
                    says.push(("needs", what.to_owned()));
                }
            }
            says
        }
        ("converter", _, Some(c)) => vec![("type", format!("{}, gives {}", c.input.name(), c.output.name()))],
        ("ACL derivative", None, _) => {
            let same = r.name.rsplit_once('_').filter(|(stem, _)| find_fetch(stem).is_some());
            same.map(|(stem, method)| ("the same as", format!("`{stem} -m {method}`"))).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

fn heading(r: &Row) -> String {
    let args = arguments(r);
    let space = if args.is_empty() || args.starts_with('(') { "" } else { " " };
    format!("`{}{space}{args}`", r.name)
}

/// The arguments as they are written: those of samples and converters are kept with their types (`file:list,default:str?`).
fn arguments(r: &Row) -> String {
    let written = r.args.is_empty() || r.args.contains(['<', '(']);
    if written || !matches!(r.family.get(), "sample fetch" | "converter") {
        return r.args.get().to_owned();
    }
    let (mut text, mut open) = (String::from("("), 0);
    for (n, arg) in r.args.split(',').enumerate() {
        let comma = if n > 0 { "," } else { "" };
        let name = arg.split(':').next().unwrap_or(arg).trim_end_matches('?');
        if arg.ends_with('?') {
            text.push('[');
            open += 1;
        }
        let _ = write!(text, "{comma}<{name}>");
    }
    text + &"]".repeat(open) + ")"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kind: &str, name: &str) -> String {
        let list = keyword_list(kind).unwrap();
        let found = list.lines().find(|l| l.split('\t').nth(1) == Some(name));
        found.unwrap_or_else(|| panic!("{name} is not listed")).to_owned()
    }

    #[test]
    fn what_has_a_table_is_not_listed_beside_it() {
        let own = own_rows();
        let twice: Vec<_> = listed::rows()
            .filter(|l| own.iter().any(|r| (r.family.get(), r.name) == (l.family.get(), l.name)))
            .map(|l| l.name)
            .collect();
        assert!(twice.is_empty(), "{twice:?}");
    }

    #[test]
    fn what_is_built_is_told_by_the_tables_themselves() {
        for (kind, name, want) in [
            ("cli", "show stat", "built"),
            ("cli", "show table", "not built"),
            ("CSV", "pxname", "built"),
            ("command-line", "-f", "built"),
            ("command-line", "-c", "built"),
            ("command-line", "-d", "built"),
            ("command-line", "-sf", "built"),
            ("command-line", "-L", "accepted without effect"),
            ("command-line", "-dV", "accepted without effect"),
            ("log", "%ci", "built"),
            ("global", "cpu-map", "accepted without effect"),
            ("global", "maxconn", "built"),
        ] {
            let line = line(kind, name);
            assert_eq!(line.rsplit('\t').next(), Some(want), "{line}");
        }
    }

    #[test]
    fn arguments_as_they_are_written() {
        assert_eq!(line("cnv", "map").split('\t').nth(2), Some("(<file>[,<default>])"));
        let page = pages().into_iter().find(|p| p.0 == "converter.md").unwrap().1;
        assert!(page.contains("\n## `map(<file>[,<default>])`\n") && page.contains("\n## `upper`\n"));
    }

    #[test]
    fn entries_say_what_sets_them_apart() {
        let pages = pages();
        let page = |name: &str| &pages.iter().find(|p| p.0 == name).unwrap().1;
        for (name, want) in [
            ("predefined-acl.md", "\n## `HTTP_URL_STAR url *`\n"),
            ("converter.md", "compared as `-m beg` compares patterns.\n\n- type: string, gives integer\n"),
            ("sample-fetch.md", "- type: integer\n- valid in: rules on responses, log lines\n"),
            ("acl-derivative.md", "- the same as: `path -m beg`\n"),
            ("http-request-action.md", "\n`<answer>` is "),
            ("log-format-flag.md", "\n## `E escape`\n"),
        ] {
            assert!(page(name).contains(want), "{name}: {want}");
        }
        // No two methods, flags or options of redirect are told alike.
        for name in ["match-method.md", "log-format-flag.md", "redirect-option.md"] {
            let mut said: Vec<&str> = page(name).split("\n## ").skip(1).filter_map(|s| s.lines().nth(2)).collect();
            let all = said.len();
            said.sort_unstable();
            said.dedup();
            assert_eq!((said.len(), said.len() > 2), (all, true), "{name}");
        }
    }
}
