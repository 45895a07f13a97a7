//! The list of keywords (`-dK`) and the reference manual (`docs/reference`), both from the rows that the parser uses.

use super::row::{Row, Status};
use std::collections::BTreeMap;
use std::fmt::Write;

fn status(r: &Row) -> &'static str {
    match r.status {
        Status::Built(_) | Status::Listed(true) => "built",
        Status::NotBuilt(_) | Status::Listed(false) => "not built",
        Status::Removed { .. } => "built, old spelling",
    }
}

/// All rows of a kind as tab-separated lines: family, name, arguments, since, status. Kinds: `all`, `cfg`, or the beginning of a
/// family's name.
pub fn keyword_list(kind: &str) -> String {
    let mut rows: Vec<&Row> = super::all_keywords().filter(|r| wanted(r, kind)).collect();
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
    let mut families: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for r in super::all_keywords() {
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
            Status::Listed(false) => drop(writeln!(text, "- not built yet")),
            Status::Built(_) | Status::Listed(true) => {}
        }
    }
    text
}

fn code(name: &str, args: &str) -> String {
    if args.is_empty() { format!("`{name}`") } else { format!("`{name} {args}`") }
}
