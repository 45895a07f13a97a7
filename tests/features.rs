//! What a program may be built without (Cargo.toml, `[features]`): it says so where a configuration asks for it.

mod common;
use common::*;
use std::process::Output;

/// A feature's name for `-vv` and conditions, and lines that ask for it.
const ASKING: [(&str, &str); 6] = [
    ("REGEX", "listen l\n bind 127.0.0.1:1\n http-request deny if { path_reg ^/a }"),
    ("REGEX", "listen l\n bind 127.0.0.1:1\n http-request set-header x %[path,regsub(a,b)]"),
    ("REGEX", "listen l\n bind 127.0.0.1:1\n reqirep ^X-A: X-B:"),
    ("STATS", "listen l\n bind 127.0.0.1:1\n stats enable"),
    ("STATS", "listen l\n bind 127.0.0.1:1\n stats uri /s"),
    ("CLI", "global\n stats socket 127.0.0.1:1"),
];

fn checked(lines: &str) -> Output {
    Proxy::with().run(&["-c"], &format!("{HTTP}listen other\n bind 127.0.0.1:1\n{lines}\n"))
}

/// Whether the program is built with a feature.
fn is_built_with(feature: &str) -> bool {
    let said = String::from_utf8(Proxy::with().run(&["-vv"], "").stdout).unwrap();
    let list: Vec<&str> = said.lines().find_map(|l| l.strip_prefix("Feature list : ")).unwrap().split(' ').collect();
    let (with, without) = (format!("+{feature}"), format!("-{feature}"));
    assert!(list.contains(&with.as_str()) != list.contains(&without.as_str()), "{said}");
    list.contains(&with.as_str())
}

#[test]
fn what_is_left_out_is_refused_by_name() {
    if is_oracle() {
        return;
    }
    for (feature, lines) in ASKING {
        let done = checked(lines);
        let said = String::from_utf8_lossy(&done.stderr);
        if is_built_with(feature) {
            assert_eq!(done.status.code(), Some(0), "{lines}\n{said}");
        } else {
            assert_eq!(done.status.code(), Some(1), "{lines}\n{said}");
            assert!(said.contains(&format!("(feature '{}')", feature.to_lowercase())), "{lines}\n{said}");
            assert!(said.contains("evenkeel.cfg:") && said.contains('^'), "{lines}\n{said}");
        }
    }
}

#[test]
fn one_file_serves_for_all_builds() {
    if is_oracle() {
        return;
    }
    for (feature, lines) in ASKING {
        let done = checked(&format!(".if feature({feature})\n{lines}\n.endif"));
        assert_eq!(done.status.code(), Some(0), "{lines}\n{}", String::from_utf8_lossy(&done.stderr));
    }
}
