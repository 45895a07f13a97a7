//! The values and errors below were compared with `haproxy -cc` 2.6, but for `strstr` and `enabled`.

use super::*;
use proptest::prelude::*;

struct Home;

impl Env for Home {
    fn get(&self, name: &str) -> Option<String> {
        (name == "HOME").then(|| "/root".to_owned())
    }
}

struct Built(&'static str);

impl Facts for Built {
    fn version(&self) -> &str {
        self.0
    }
    fn feature(&self, name: &str) -> bool {
        name == "EPOLL"
    }
    fn enabled(&self, option: &str) -> bool {
        option == "POLL"
    }
}

fn value(expr: &str) -> Result<bool, CondError> {
    evaluate(expr, &Home, &Built("2.6.0"))
}

#[test]
fn true_conditions() {
    for expr in [
        "1",
        "2",
        "-1",
        "+1",
        "0x1",
        "010",
        "1 ",
        "  1",
        "99999999999999999999",
        "18446744073709551616",
        "(1)",
        "( 1 )",
        "((1))",
        "!0",
        "! 0",
        "!!1",
        "!(0)",
        "1|| 0",
        "0||1",
        "1&&1||0&&0",
        "0&&1||1",
        "1||1&&0",
        "0||0&&1||1",
        "!1||1",
        "(0)||(1)",
        "1\t&&\t1",
        "1 &&1",
        "defined(HOME)",
        "!defined(NOPE)",
        "feature(EPOLL)",
        "streq(a,a)",
        "streq(,)",
        "strneq(a,b)",
        "streq(a b,\"a b\")",
        "streq(a  b,\"a b\")",
        "streq(a\\ b,\"a b\")",
        "streq(\"$HOME\",/root)",
        "streq(\"\\x41\",A)",
        "streq(\\x41,A)",
        "streq(\"\",)",
        "streq(a\"b\",ab)",
        "streq(\"a b,a b\")",
        "streq(a#,a#)",
        "streq(\\\"a,b\\\",'\"a,b\"')",
        "streq(a,\\\"a\\\")",
        "streq('\"a,b\"',\"'a,b'\")",
        "streq('\"a\"b',ab)",
        "streq('\"(a)\"','\"(a)\"')",
        "streq('\\t',\"\t\")",
        "streq('\"\\t\"',\"\t\")",
        "streq(\\\\,\\\\)",
        "version_atleast(2.4)",
        "version_atleast(2.6)",
        "version_atleast()",
        "version_atleast(x)",
        "version_before(2.7)",
        "version_before(2.7-dev1)",
        "version_atleast(2.6-dev5)",
        "version_atleast(2.6-rc1)",
        "enabled(POLL)",
        "strstr(abc,b)",
        "strstr(abc,)",
        "'streq(a,a)'",
        "'1'",
    ] {
        assert_eq!(value(expr), Ok(true), "{expr}");
    }
}

#[test]
fn false_conditions() {
    for expr in [
        "",
        "\"\"",
        "0",
        "-0",
        "00",
        "!1",
        "! 1",
        "!!0",
        "!(1)",
        "1&&0",
        "1 && 0",
        "0||0",
        "!(1||1)",
        "!0&&0",
        "(0||1)&&0",
        "defined",
        "defined()",
        "defined(NOPE)",
        "defined( HOME)",
        "defined(HOME )",
        "feature(epoll)",
        "feature(EPOL)",
        "streq(a,b)",
        "streq(a,)",
        "streq(a, a)",
        "strneq(a,a)",
        "streq($HOME,/root)",
        "streq('$HOME',/root)",
        "streq('\\x41',A)",
        "streq('\"$HOME\"',/root)",
        "strstr(b,abc)",
        "version_atleast(2.6.1)",
        "version_atleast(3)",
        "version_atleast(2.7-dev0)",
        "version_before(2.6)",
        "version_before(2.6.0)",
        "version_before(2.6-dev1)",
        "version_atleast(2.6-1)",
        "openssl_version_atleast(1.0.0)",
        "openssl_version_before(9.0)",
        "enabled(poll)",
        "ssllib_name_startswith(OpenSSL)",
    ] {
        assert_eq!(value(expr), Ok(false), "{expr}");
    }
}

#[test]
fn errors_with_their_place() {
    for (expr, offset) in [
        ("0x", 1),
        ("1a", 1),
        ("08", 1),
        ("0xg", 1),
        ("1)", 1),
        ("(1", 2),
        ("()", 1),
        ("!", 1),
        ("!()", 2),
        ("1&0", 1),
        ("1&&", 3),
        ("&&1", 0),
        ("1|1", 1),
        ("(1)(1)", 3),
        ("1  0", 3),
        ("0&&(1||1", 8),
        ("0&&bogus", 3),
        ("1||bogus", 3),
        ("bogus", 0),
        ("bogus||1", 0),
        ("1||bogus(", 3),
        ("defined(HOME,x)", 12),
        ("defined HOME", 8),
        ("defined (HOME)", 8),
        ("streq(a)", 8),
        ("streq()", 7),
        ("streq(a,a,a)", 9),
        ("streq(\"a,b\",\"a,b\")", 11),
        ("streq(a\\,b,a\\,b)", 10),
        ("streq('a)','a)')", 10),
        ("streq(\"a\",\"a\"", 13),
        ("streq(\"a,a)", 6),
        ("streq(a,a", 9),
        ("streq(a,a) x", 11),
        ("streq", 5),
        ("streq,", 5),
        (" ", 0),
        ("streq('\"a,a)',a)", 7),
        ("1 # 0", 2),
        ("true", 0),
        ("Defined(HOME)", 0),
        ("1.5", 1),
        ("-", 0),
        ("- 1", 0),
        ("\" \"", 3),
        ("\"$1\"", 2),
        ("\\xe9", 0),
        ("a\0", 1),
        ("\"é\" x", 1),
    ] {
        let error = value(expr).expect_err(expr);
        assert_eq!(error.offset, offset, "{expr}: {}", error.message);
    }
}

#[test]
fn hints() {
    for (expr, hint) in [
        ("true", Some("write 1 for true")),
        ("define(X)", Some("did you mean 'defined'?")),
        ("version_at_least(2)", Some("did you mean 'version_atleast'?")),
        ("xyzzy", None),
    ] {
        assert_eq!(value(expr).expect_err(expr).hint.as_deref(), hint, "{expr}");
    }
}

#[test]
fn depth_is_limited() {
    let nested = |depth: usize| value(&format!("{}1{}", "(".repeat(depth), ")".repeat(depth)));
    assert_eq!(nested(MAX_DEPTH), Ok(true));
    assert_eq!(nested(MAX_DEPTH + 1).expect_err("too deep").offset, MAX_DEPTH);
    assert!(nested(100_000).is_err());
    assert_eq!(value(&format!("{}1", "!".repeat(100_001))), Ok(false));
}

#[test]
fn versions_are_in_the_order_of_releases() {
    let order = [
        "1.5-dev3",
        "1.5-dev26",
        "1.5-rc1",
        "1.5",
        "1.5.1",
        "2.4",
        "2.6.12",
        "2.6.12-1",
        "2.6.12-2-abc-5",
        "2.7-dev0",
        "3",
    ];
    for (i, a) in order.iter().enumerate() {
        for (j, b) in order.iter().enumerate() {
            assert_eq!(compare(a, b), i.cmp(&j), "{a} {b}");
        }
    }
    for (a, b) in [("2.6", "2.6.0"), ("2.6.12-1+deb12u4", "2.6.12"), ("2.x", "2"), ("", "0.0.0"), ("2.6.12x", "2.6.12")]
    {
        assert!(compare(a, b).is_eq(), "{a} {b}");
    }
    assert!(evaluate("version_atleast(2.6.13)", &Home, &Built("2.6.12-1")) == Ok(false));
}

#[test]
fn predicates_are_sorted() {
    assert!(PREDICATES.windows(2).all(|pair| pair[0].name < pair[1].name));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Nothing panics and errors point into the expression.
    #[test]
    fn any_expression(expr in "(streq|defined|version_atleast|[01!&|()a,\"'\\\\ $.#-]|\\PC){0,40}") {
        for error in [value(&expr).err(), evaluate_resolved(&expr, &Home, &Built("2.6.0")).err()].into_iter().flatten() {
            prop_assert!(error.offset <= expr.len());
        }
    }

    /// Sums of products against a direct computation.
    #[test]
    fn precedence(terms in prop::collection::vec(prop::collection::vec((any::<bool>(), any::<bool>()), 1..4), 1..4)) {
        let product = |term: &Vec<(bool, bool)>| {
            let factors: Vec<String> = term.iter().map(|(not, v)| format!("{}{}", if *not { "!" } else { "" }, u8::from(*v))).collect();
            factors.join(" && ")
        };
        let expr: Vec<String> = terms.iter().map(product).collect();
        let want = terms.iter().any(|term| term.iter().all(|(not, v)| not != v));
        prop_assert_eq!(value(&expr.join("||")), Ok(want));
    }
}
