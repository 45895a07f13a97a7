//! The list of keywords (`-dK`) and the reference manual (`docs/reference`), both from the rows that the parser uses: those of the
//! sections, and those of samples and actions in their own tables. HAProxy's names that are in none of these are listed as not built.

use super::row::{Row, Status};
use crate::pattern::Method;
use crate::rules::{ACTIONS, Family, PREDEFINED};
use crate::sample::{CONVERTERS, FETCHES, REFUSED, find_converter, find_fetch};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

fn status(r: &Row) -> &'static str {
    match r.status {
        Status::Built(_) => "built",
        Status::Listed(flag) if flag || known(r) => "built",
        Status::NotBuilt(_) | Status::Listed(_) => "not built",
        Status::Removed { .. } => "built, old spelling",
    }
}

/// The families of actions: the one in the list of HAProxy's names, and the kind of rule.
const ACTION_FAMILIES: [(&str, Family); 7] = [
    ("http-after-response action", Family::AfterResponse),
    ("http-request action", Family::HttpRequest),
    ("http-response action", Family::HttpResponse),
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
    match r.family {
        "sample fetch" => find_fetch(r.name).is_some(),
        "converter" => find_converter(r.name).is_some(),
        "ACL derivative" => {
            let derived = r
                .name
                .rsplit_once('_')
                .is_some_and(|(stem, method)| Method::named(method).is_some() && find_fetch(stem).is_some());
            derived || find_fetch(r.name).is_some()
        }
        "ACL flag" | "ACL operator" | "redirect option" => true,
        "match method" => Method::named(r.name).is_some(),
        "predefined ACL" => PREDEFINED.iter().any(|p| p.0 == r.name),
        family => ACTION_FAMILIES.iter().any(|f| f.0 == family && action(f.1)),
    }
}

/// The rows of samples and actions, in the form of the others.
fn own_rows() -> Vec<Row> {
    let row = |family, name, args, since, doc| Row {
        name,
        family,
        sections: super::row::NO_SECTION,
        args,
        default: "",
        unit: "",
        since,
        doc,
        status: Status::Listed(true),
    };
    let mut rows = Vec::new();
    rows.extend(FETCHES.iter().flat_map(|t| t.iter()).map(|f| row("sample fetch", f.name, f.args, f.since, f.doc)));
    rows.extend(CONVERTERS.iter().flat_map(|t| t.iter()).map(|c| row("converter", c.name, c.args, c.since, c.doc)));
    for (names, why) in REFUSED {
        let refused =
            |name: &&'static str| Row { status: Status::Listed(false), ..row("converter", name, "", "", why) };
        rows.extend(names.iter().map(refused));
    }
    for (name, family) in ACTION_FAMILIES {
        let of = ACTIONS.iter().flat_map(|t| t.iter()).filter(|a| a.families & family.bit() != 0);
        rows.extend(of.map(|a| row(name, a.name, a.args, a.since, a.doc)));
    }
    rows
}

/// All rows: HAProxy's list does not repeat what a table of ours has.
fn all_rows() -> Vec<Row> {
    let mut rows = own_rows();
    let own: BTreeSet<(&str, &str)> = rows.iter().map(|r| (r.family, r.name)).collect();
    rows.extend(super::all_keywords().filter(|r| !own.contains(&(r.family, r.name))).copied());
    rows
}

/// All rows of a kind as tab-separated lines: family, name, arguments, since, status. Kinds: `all`, `cfg`, or the beginning of a
/// family's name.
pub fn keyword_list(kind: &str) -> String {
    let all = all_rows();
    let mut rows: Vec<&Row> = all.iter().filter(|r| wanted(r, kind)).collect();
    rows.sort_by_key(|r| (r.family, r.name));
    let mut text = String::from("# family\tkeyword\targuments\tsince\tstatus\n");
    for r in rows {
        let _ = writeln!(text, "{}\t{}\t{}\t{}\t{}", r.family, r.name, r.args, r.since, status(r));
    }
    text
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
        families.entry(r.family).or_default().push(r);
    }
    let mut pages = Vec::new();
    let mut index = String::from(
        "# Reference\n\nMade from the keyword tables by `ci/docs --update`; do not edit. \"not built\" words are recognised and refused \
         with the reason.\n\n| family | built | old spellings | not built |\n|---|---|---|---|\n",
    );
    for (family, mut rows) in families {
        rows.sort_by_key(|r| r.name);
        let count = |s: &str| rows.iter().filter(|r| status(r) == s).count();
        let file = format!("{}.md", family.replace([' ', '/', '(', ')'], "-").to_lowercase());
        let counts = (count("built"), count("built, old spelling"), count("not built"));
        let _ = writeln!(index, "| [{family}]({file}) | {} | {} | {} |", counts.0, counts.1, counts.2);
        pages.push((file, page(family, &rows)));
    }
    pages.push(("README.md".into(), index));
    pages
}

fn page(family: &str, rows: &[&Row]) -> String {
    let mut text = format!("# {family}\n\nMade from the keyword tables by `ci/docs --update`; do not edit.\n");
    for r in rows {
        let _ = write!(text, "\n## {}\n\n", code(r.name, r.args));
        let _ = writeln!(text, "{}\n", r.doc);
        let places = r.section_names().collect::<Vec<_>>().join(", ");
        if !places.is_empty() {
            let _ = writeln!(text, "- valid in: {places}");
        }
        for (label, value) in [("default", r.default), ("unit without a suffix", r.unit), ("since", r.since)] {
            if !value.is_empty() {
                let _ = writeln!(text, "- {label}: {value}");
            }
        }
        match r.status {
            Status::NotBuilt(why) => drop(writeln!(text, "- not built: {why}")),
            Status::Removed { today, .. } => drop(writeln!(text, "- old spelling, today: `{today}`")),
            Status::Listed(_) if status(r) == "not built" => drop(writeln!(text, "- not built yet")),
            Status::Built(_) | Status::Listed(_) => {}
        }
    }
    text
}

fn code(name: &str, args: &str) -> String {
    if args.is_empty() { format!("`{name}`") } else { format!("`{name} {args}`") }
}
