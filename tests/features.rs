//! What a program may be built without (Cargo.toml, `[features]`): it says so where a configuration asks for it.

mod common;
use common::*;
use std::process::Output;

/// A feature's name for `-vv` and conditions, and lines that ask for it.
const ASKING: [(&str, &str); 12] = [
    ("REGEX", "listen l\n bind 127.0.0.1:1\n http-request deny if { path_reg ^/a }"),
    ("REGEX", "listen l\n bind 127.0.0.1:1\n http-request set-header x %[path,regsub(a,b)]"),
    ("REGEX", "listen l\n bind 127.0.0.1:1\n reqirep ^X-A: X-B:"),
    ("STATS", "listen l\n bind 127.0.0.1:1\n stats enable"),
    ("STATS", "listen l\n bind 127.0.0.1:1\n stats uri /s"),
    ("CLI", "global\n stats socket 127.0.0.1:1"),
    ("CRYPT", "userlist u\n user a password '$1$abcdefgh$9qMkHazuSy1Q8myEum7yb/' groups g\n group g\n group h users a"),
    ("CONVERTERS", "listen l\n bind 127.0.0.1:1\n http-request set-header x %[path,json]"),
    ("CONVERTERS", "listen l\n bind 127.0.0.1:1\n log-format %[src,xxh32]"),
    ("CONVERTERS", "listen l\n bind 127.0.0.1:1\n acl a path,sha1,hex 5\n http-request deny if a"),
    ("CONVERTERS", "listen l\n bind 127.0.0.1:1\n use_backend %[req.hdr(x),language(de;en)]"),
    ("CONVERTERS", "listen l\n bind 127.0.0.1:1\n http-request deny if { date,utime(%H) 05 }"),
];

fn checked(lines: &str) -> Output {
    checked_with("-c", lines)
}

fn checked_with(option: &str, lines: &str) -> Output {
    Proxy::with().run(&["-c", option], &format!("{HTTP}listen other\n bind 127.0.0.1:1\n{lines}\n"))
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
            assert!(!said.contains("no such user"), "nothing else is wrong\n{said}");
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

/// In each build, `insecure-password` works and a hash that matches nothing is taken.
#[test]
fn plain_passwords_need_no_feature() {
    let server = Server::named("a");
    let proxy = Proxy::in_front_of(
        &server,
        &format!(
            "{HTTP}userlist u\n user a insecure-password b\n user locked password *\n\
             listen l\n bind {{bind:l}}\n http-request auth unless {{ http_auth(u) }}\n server a {{server:a}}\n"
        ),
    );
    for (credentials, status) in [("YTpi", 200), ("YTpj", 401), ("bG9ja2VkOio=", 401), ("bm9ib2R5OmI=", 401)] {
        let request = format!("GET / HTTP/1.1\r\nHost: h\r\nAuthorization: Basic {credentials}\r\n\r\n");
        assert_eq!(Client::connect(proxy.addr("l")).ask(request).status(), status, "{credentials}");
    }
}

#[test]
fn the_list_of_keywords_is_shown_or_refused() {
    if is_oracle() {
        return;
    }
    let done = checked_with("-dKall", "");
    let (said, refused) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    if is_built_with("KEYWORDS") {
        assert!(done.status.code() == Some(0) && said.contains("\nglobal\tmaxconn\t<number>\t1.1\tbuilt\n"), "{said}");
        let unknown = checked_with("-dKnone", "");
        assert!(unknown.status.code() == Some(1) && unknown.stdout.is_empty(), "no such kind");
    } else {
        assert!(done.status.code() == Some(1) && said.is_empty(), "{said}");
        assert!(refused.contains("(feature 'keywords')"), "{refused}");
    }
}

/// The right spelling is then built, or refused by its feature's name.
#[test]
fn a_misspelt_converter_is_known_in_each_build() {
    if is_oracle() {
        return;
    }
    let said = checked("listen l\n bind 127.0.0.1:1\n http-request set-header x %[path,jsn]").stderr;
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("did you mean 'json'?"), "{said}");
}

#[test]
fn help_shows_what_is_there() {
    if is_oracle() {
        return;
    }
    let help = String::from_utf8(Proxy::with().run(&["-h"], "").stdout).unwrap();
    assert_eq!(help.contains("evenkeel demo"), is_built_with("DEMO"), "{help}");
    assert_eq!(help.contains("-dK<kind>"), is_built_with("KEYWORDS"), "{help}");
    assert!(help.contains("-f <file>"), "{help}");
}
