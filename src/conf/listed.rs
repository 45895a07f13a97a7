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
        let (since, doc) = (Release::of(fields.next()?), ManualText::new(doc(family, name)));
        Some(Row::new(family, NO_SECTION, name, args, since, doc, Status::Listed(false)))
    })
}

/// What the manual says of a name, or of all names of its family.
fn doc(family: &str, name: &str) -> &'static str {
    match family {
        "log-format flag" => flag(name),
        "match method" => method(name),
        "redirect option" => redirect(name),
        "ACL derivative" => "A sample with its way of matching, for acl.",
        "ACL flag" => "A flag of acl.",
        "ACL operator" => "Compares numbers in acl.",
        "CSV field" => "A column of the statistics.",
        "command-line option" => "An option of the command line.",
        "converter" => "Changes a sample.",
        "http-request action" => "An action of http-request.",
        "peers" => "A line of the section peers, which is not built yet.",
        "sample fetch" => "A value of the connection or the message, for rules.",
        _ => "Belongs to a rule or keyword that is not built yet.",
    }
}

fn flag(name: &str) -> &'static str {
    match name {
        "E" => {
            "`%{+E}name`: a backslash stands before each `\"`, `\\` and `]` (as in structured data of RFC 5424); `-E` ends it."
        }
        "Q" => "`%{+Q}name`: the text stands between double quotes; `-Q` ends it.",
        _ => "`%{+X}name`: numbers and addresses are shown in hexadecimal digits; `-X` ends it.",
    }
}

fn method(name: &str) -> &'static str {
    match name {
        "beg" => "The text begins with one of the patterns.",
        "bin" => "The bytes are those of one of the patterns, which are written in hexadecimal digits.",
        "bool" => "The value is true; what is no number and no truth value is neither. It takes no pattern.",
        "dir" => "One of the patterns stands in the text between slashes or `?`, or at an end of it.",
        "dom" => "One of the patterns stands in the text between dots, slashes, colons or `?`, or at an end of it.",
        "end" => "The text ends with one of the patterns.",
        "found" => "There is a value, whatever it is. It takes no pattern.",
        "int" => {
            "The number is one of the patterns, or within one (`1024:65535`), or as `eq`, `ge`, `gt`, `le`, `lt` say."
        }
        "ip" => "The address is one of the patterns, or in one of them (`10.0.0.0/8`).",
        "len" => "The length of the text in bytes is one of the patterns, which are written as those of `int`.",
        "reg" => "One of the patterns, regular expressions, is found in the text.",
        "str" => "The text is one of the patterns.",
        _ => "One of the patterns stands anywhere in the text.",
    }
}

fn redirect(name: &str) -> &'static str {
    match name.split(' ').next().unwrap_or(name) {
        "append-slash" => "With `drop-query`: a path that does not end with a slash gets one.",
        "clear-cookie" => "The answer tells the client to forget the cookie.",
        "code" => "The status; 302 if it is not given.",
        "drop-query" => "With `prefix` and `scheme`: without the query of the request.",
        "ignore-empty" => "If the format gives nothing, the rule is passed over.",
        "location" => "`Location` is what the format gives.",
        "prefix" => "`Location` is what the format gives and the path and query of the request behind it.",
        "scheme" => "`Location` is what the format gives, `://`, and the host, path and query of the request.",
        _ => "The answer sets the cookie, for all paths.",
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
        assert!(rows().all(|r| r.doc.ends_with('.')));
    }
}
