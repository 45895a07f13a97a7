//! HAProxy's names that are not keywords of the file, for `-dK`, where no table of ours has them: `listed.tsv`.
//!
//! A line is a family and a colon, or a name of that family, its arguments and its first release, with tabs between them. Text, not
//! rows: it is read for `-dK` only, and a row takes five times the room. Made once from shared/compat; a name goes away when its
//! function comes.

use super::row::{NO_SECTION, Row, Status};
use crate::util::{ManualText, Release};

const NAMES: &str = include_str!("listed.tsv");

/// The names, in the form of the keywords' rows.
pub fn rows() -> impl Iterator<Item = Row> {
    let mut family = "";
    NAMES.lines().filter_map(move |line| {
        let mut fields = line.split('\t');
        let name = fields.next()?;
        let Some(args) = fields.next() else {
            family = name.trim_end_matches(':');
            return None;
        };
        let (since, doc) = (Release::of(fields.next()?), ManualText::new(doc(family)));
        Some(Row::new(family, NO_SECTION, name, args, since, doc, Status::Listed(false)))
    })
}

fn doc(family: &str) -> &'static str {
    match family {
        "ACL derivative" => "A sample with its way of matching, for acl.",
        "ACL flag" => "A flag of acl.",
        "ACL operator" => "Compares numbers in acl.",
        "CSV field" => "A column of the statistics.",
        "command-line option" => "An option of the command line.",
        "converter" => "Changes a sample.",
        "http-request action" => "An action of http-request.",
        "log-format flag" => "A flag of log variables.",
        "match method" => "How acl compares.",
        "peers" => "A line of the section peers, which is not built yet.",
        "predefined ACL" => "A condition that is always there.",
        "redirect option" => "An option of redirect.",
        "sample fetch" => "A value of the connection or the message, for rules.",
        _ => "Belongs to a rule or keyword that is not built yet.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_families_and_names_in_order() {
        let mut last = ("", "");
        for (number, line) in NAMES.lines().enumerate() {
            let fields: Vec<&str> = line.split('\t').collect();
            match fields[..] {
                [family] => last = (family.strip_suffix(':').expect(line), ""),
                [name, _, since] => {
                    assert!(last.1 < name && !last.0.is_empty() && !since.is_empty(), "line {}: {line}", number + 1);
                    last.1 = name;
                }
                _ => panic!("line {}: {line}", number + 1),
            }
        }
        assert!(rows().all(|r| doc(r.family).ends_with('.')));
    }
}
