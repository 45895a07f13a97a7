//! The words and errors below were compared with HAProxy 2.6.

use super::super::diag::Level;
use super::*;
use proptest::prelude::*;
use std::collections::HashMap;

struct Vars(HashMap<&'static str, &'static str>);

impl Env for Vars {
    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|value| (*value).to_owned())
    }
}

struct Built;

impl Facts for Built {
    fn version(&self) -> &'static str {
        "2.6.0"
    }
    fn feature(&self, name: &str) -> bool {
        name == "EPOLL"
    }
    fn enabled(&self, option: &str) -> bool {
        option == "POLL"
    }
}

fn vars() -> Vars {
    Vars(HashMap::from([("V", "x y"), ("E", ""), ("S", " x  y "), ("T", "a "), ("Q", "x \"y z\""), ("W", "  ")]))
}

fn lex(text: &str) -> (Vec<Line>, Diags) {
    let mut diags = Diags::new();
    diags.set_diagnostic_mode(true);
    let file = diags.add_file("t.cfg", text.to_owned());
    let text = diags.text(file);
    let mut lexer = Lexer::new(file, &text);
    let mut lines = Vec::new();
    while let Some(line) = lexer.next_line(&vars(), &Built, &mut diags) {
        lexer.set_section(&line.words[0].text);
        lines.push(line);
    }
    (lines, diags)
}

fn texts(line: &Line) -> Vec<&str> {
    line.words.iter().map(|word| word.text.as_str()).collect()
}

/// Words of a text of one line without errors.
fn words(text: &str) -> Vec<String> {
    let (lines, diags) = lex(text);
    assert_eq!(diags.list(), [], "{text}");
    assert!(lines.len() <= 1, "{text}");
    lines.iter().flat_map(texts).map(str::to_owned).collect()
}

/// `line:column: message` of all alerts.
fn alerts(text: &str) -> Vec<String> {
    let (_, diags) = lex(text);
    let list = diags.list().iter().filter(|diag| diag.level == Level::Alert);
    list.map(|diag| format!("{}:{}: {}", diag.pos.line, diag.pos.column, diag.message)).collect()
}

#[test]
fn quotes_and_escapes() {
    for (text, want) in [
        (r"a b  c", &["a", "b", "c"][..]),
        ("\ta\tb\u{b}c\u{c}d ", &["a", "b", "c", "d"]),
        (r#""a b"'c d'e"#, &["a bc de"]),
        (r#"x "" y"#, &["x", "", "y"]),
        (r#"a""b"#, &["ab"]),
        (r"a\ b\#c\\d\'e\", &[r"a b#c\d'e\"]),
        (r#"a\"b"#, &["a\"b"]),
        (r#""a\"b\'c\#d\ e\\f\$g""#, &["a\"b'c#d e\\f$g"]),
        (r"a\$b \q '\q'", &[r"a\$b", r"\q", r"\q"]),
        ("a\\\tb", &["a\\", "b"]),
        ("\"a\\\tb\"", &["a\\\tb"]),
        (r"a\n\r\t\v", &["a\n\r\t\\v"]),
        (r#""\n\r\t\x41\xc3\xa9"\x7a\X41"#, &["\n\r\tAéz\\X41"]),
        (r#"a$b ${V} '$V'"#, &["a$b", "${V}", "$V"]),
        ("a#b", &["a"]),
        ("a \"#\"'#' # \"", &["a", "##"]),
        ("# \" \\x", &[]),
        ("é\u{a0}ß x", &["é\u{a0}ß", "x"]),
        ("a\r\n", &["a"]),
        ("a\\\r\n", &["a\\"]),
        ("\u{feff}global\n", &["global"]),
        ("a", &["a"]),
        ("", &[]),
        ("\n \n\r\n\t\n", &[]),
    ] {
        assert_eq!(words(text), want, "{text:?}");
    }
}

#[test]
fn variables() {
    for (text, want) in [
        (r#""$V" "${V}z" "$V-z" "$V[*]""#, &["x y", "x yz", "x y-z", "x y[*]"][..]),
        (r#""a$NO" "${NO}b" "${NO-d e}" "${NO-}f""#, &["a", "b", "d e", "f"]),
        (r#""${V-no}" "a${E-no}b""#, &["x y", "ab"]),
        (r#""${NO-a"b}" "${NO-a\qb\x}" "${NO-$V}" "${NO-a-b}" "${NO-[*]}""#, &["a\"b", "a\\qb\\x", "$V", "a-b", "[*]"]),
        (r#""${NO-${V}}""#, &["${V}"]),
        (r#"a "${V[*]}" b"#, &["a", "x", "y", "b"]),
        (r#""a${V[*]}b""#, &["ax", "yb"]),
        (r#""a ${V[*]} b" c"#, &["a x", "y b", "c"]),
        (r#"k "${S[*]}" b"#, &["k", "", "x", "y", "", "b"]),
        (r#"k "${Q[*]}""#, &["k", "x", "\"y", "z\""]),
        (r#""a${W[*]}b""#, &["a", "b"]),
        (r#""a${E[*]}b" "${NO[*]-c d}""#, &["ab", "c", "d"]),
        // Nothing follows the empty words.
        (r#"k "${T[*]}""#, &["k", "a"]),
        (r#"k "${NO[*]}" "$E" "" '' # x"#, &["k"]),
        (r#""$NO""#, &[]),
        (r#""$.FILE" "${.LINE}" "a${.LINE-x}${.SECTION}""#, &["t.cfg", "1", "a1"]),
    ] {
        assert_eq!(words(text), want, "{text}");
    }
    let (lines, _) = lex("global\nbackend \"$.SECTION\"\n\n x \"$.LINE\" \"$.SECTION\"");
    assert_eq!(texts(&lines[1]), ["backend", "global"]);
    assert_eq!(texts(&lines[2]), ["x", "4", "backend"]);
}

#[test]
fn errors_are_placed_and_all_reported() {
    for (text, want) in [
        ("a 'b\nc \"d\ne", &["1:3: unmatched quote at position 3", "2:3: unmatched quote at position 3"][..]),
        ("a'b'c'", &["1:6: unmatched quote at position 6"]),
        ("\"a\\\"", &["1:1: unmatched quote at position 1"]),
        ("a\\x4", &["1:2: truncated or invalid hexadecimal sequence at position 2"]),
        ("\"\\x4\"", &["1:2: truncated or invalid hexadecimal sequence at position 2"]),
        ("\\x4é", &["1:1: truncated or invalid hexadecimal sequence at position 1"]),
        ("a \\x00", &["1:3: NUL character written as an escape at position 3"]),
        ("a b\\xe9", &["1:3: the \\x escapes in this word do not make valid UTF-8"]),
        ("\"1$\"", &["1:4: forbidden first char in environment variable name at position 4"]),
        ("\"$", &["1:3: forbidden first char in environment variable name at position 3"]),
        ("\"${1}\"", &["1:4: forbidden first char in environment variable name at position 4"]),
        ("\"$é\"", &["1:3: forbidden first char in environment variable name at position 3"]),
        ("\"${V\"", &["1:3: unmatched brace in environment variable name at position 3"]),
        ("\"${V:-a}\"", &["1:3: unmatched brace in environment variable name at position 3"]),
        ("\"${V-a", &["1:3: unmatched brace in environment variable name at position 3"]),
        ("\"${V[*]x}\"", &["1:3: unmatched brace in environment variable name at position 3"]),
        ("\"${V[x]}\"", &["1:5: truncated or invalid word expansion sequence at position 5"]),
        ("\"$.LIN\"", &["1:3: unknown pseudo-variable '.LIN' at position 3"]),
        ("\"$.\"", &["1:3: unknown pseudo-variable '.' at position 3"]),
        ("ok\n# \0\nok", &["2:3: stray NUL character at position 3"]),
    ] {
        assert_eq!(alerts(text), want, "{text:?}");
    }
    let (lines, diags) = lex("\"\" foo\n\"\"\na");
    assert_eq!((lines.len(), diags.warnings()), (1, 1));
    let (lines, diags) = lex("a\rb\n# a\rb\n");
    assert_eq!((texts(&lines[0]), lines.len(), diags.warnings()), (vec!["a"], 1, 1));
}

#[test]
fn too_many_words() {
    assert_eq!(lex(&"a ".repeat(64)).0[0].words.len(), 64);
    let text = "a ".repeat(70);
    assert_eq!(lex(&text).0[0].words.len(), 64);
    assert_eq!(alerts(&text), ["1:129: too many words, the line is truncated after word 64"]);
}

#[test]
fn places_refer_to_the_text_as_written() {
    let (lines, _) = lex("\u{feff}a\n\n  é \"b c\"\\ d\t'e' \"x${V[*]}z\" # c\r\n");
    let first = lines[0].words[0].pos;
    assert_eq!((first.line, first.column, first.len), (1, 4, 1));
    let line = &lines[1];
    let places: Vec<_> = line.words.iter().map(|w| (w.text.as_str(), w.pos.column, w.pos.len, w.quoted)).collect();
    assert_eq!(
        places,
        [("é", 3, 2, false), ("b c d", 6, 8, true), ("e", 15, 3, true), ("xx", 19, 9, true), ("yz", 21, 9, true)]
    );
    assert_eq!((line.pos.line, line.pos.column, line.pos.len), (3, 3, 27));
}

/// The first words of the lines that are left, with `!` before those of alerts.
fn outline(text: &str) -> String {
    let (lines, diags) = lex(text);
    let mut out: Vec<String> = lines.iter().map(|line| line.words[0].text.clone()).collect();
    out.extend(alerts(text).iter().map(|alert| format!("!{alert}")));
    assert_eq!(diags.errors(), alerts(text).len());
    out.join(" ")
}

#[test]
fn conditional_blocks() {
    for (text, want) in [
        (".if 1;a;.else;b;.endif;c", "a c"),
        (".if 0;a;.else # x;b;.endif # y;c", "b c"),
        (".if;a;.elif 0;b;.elif 1;c;.elif 1;d;.else;e;.endif", "c"),
        (".if 0;.if 1;a;.else;b;.endif;.elif 1;c;.endif", "c"),
        (".if 1;.elif nonsense;a;.endif;b", "b"),
        (".if 0;.if nonsense;.foo;.alert x;.notice a b;.endif;.else;b;.endif", "b"),
        (" \".if\" 1;a;  .endif", "a"),
        (".if streq(\"$V\",x y);a;.endif", "a"),
        (".if streq(x    y,\"$V\");a;.endif", "a"),
        (".if \"$E\";a;.endif", ""),
        (".if defined(V) && !defined(NO) && feature(EPOLL) && enabled(POLL);a;.endif", "a"),
        (".if 1", "!1:1: non-terminated '.if' block"),
        (".if 1;.if 0;.endif;a", "a !1:1: non-terminated '.if' block"),
        (".elif 1;a", "a !1:1: lone '.elif' with no matching '.if'"),
        (".else;a", "a !1:1: lone '.else' with no matching '.if'"),
        (".endif;a", "a !1:1: lone '.endif' with no matching '.if'"),
        (".if 1;a;.else;b;.else;c;.endif", "a !5:1: '.else' after '.else' is not permitted"),
        (".if 0;.else;a;.elif 1;b;.endif", "a !4:1: '.elif' after '.else' is not permitted"),
        (
            ".if 0;.else x;a;.endif y",
            "a !2:7: unexpected argument 'x' for '.else' !4:8: unexpected argument 'y' for '.endif'",
        ),
        (".if bogus;a;.elif 1;b;.else;c;.endif;d", "d !1:5: unknown predicate 'bogus' in the condition"),
        (".if 0;.elif  1 || \"bo\"gus;a;.else;c;.endif;d", "d !2:14: unknown predicate 'bogus' in the condition"),
        (".if streq(a;b;.endif", "!1:12: missing arguments of 'streq' (got 1 of 2)"),
        (".if \"1;a;.else;b;.endif;c", "c !1:5: unmatched quote at position 5"),
        (".if 0;.elif \"1;b;.endif;c", "c !2:7: unmatched quote at position 7"),
        (".if 0;a \"x;.endif;c", "c !2:3: unmatched quote at position 3"),
        (".foo", "!1:1: unknown directive '.foo'"),
        (".", "!1:1: unknown directive '.'"),
        ("\\.if 0;a", "\\.if a"),
    ] {
        assert_eq!(outline(&text.replace(';', "\n")), want, "{text}");
    }
    let (_, diags) = lex(".endfi");
    assert_eq!(diags.list()[0].hint.as_deref(), Some("did you mean '.endif'?"));
}

#[test]
fn nesting_is_limited() {
    let nested = |levels: usize, condition: &str| {
        outline(&format!("{}a\n{}b", format!(".if {condition}\n").repeat(levels), ".else\n.endif\n".repeat(levels)))
    };
    assert_eq!(nested(99, "1"), "a b");
    assert_eq!(nested(99, "0"), "b");
    assert_eq!(nested(102, "1"), "b !100:1: too many nested '.if', max is 99");
}

#[test]
fn messages() {
    let (lines, diags) = lex(".diag d\n.notice \"n $V\"\n.warning 'w'\n.alert a # b\n.notice\n.notice a b\nx");
    let list: Vec<_> = diags.list().iter().map(|diag| (diag.level, diag.message.as_str())).collect();
    assert_eq!(
        list,
        [
            (Level::Diag, "'d'."),
            (Level::Notice, "'n x y'."),
            (Level::Warning, "'w'."),
            (Level::Alert, "'a'."),
            (Level::Notice, "''."),
            (Level::Alert, "unexpected argument 'b' for '.notice'"),
        ]
    );
    assert_eq!(lines.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Nothing panics, every place lies in the text, every diagnostic can be shown.
    #[test]
    fn any_text(text in "(\\.if |\\.elif |\\.else|\\.endif|\\.al|[ab\"'\\\\#${}\\[*\\]xXé0V \t\r\n.!&|(),-]|\\PC|\\x00){0,60}") {
        let (lines, diags) = lex(&text);
        let source: Vec<&str> = text.split('\n').collect();
        for line in &lines {
            prop_assert!(!line.words.is_empty() && line.words.len() <= MAX_WORDS);
            prop_assert!(!line.words[0].text.is_empty());
            for word in &line.words {
                let end = (word.pos.column + word.pos.len) as usize - 1;
                prop_assert!(word.pos.len > 0 && source[word.pos.line as usize - 1].get(word.pos.column as usize - 1..end).is_some());
            }
        }
        let mut out = String::new();
        for diag in diags.list() {
            prop_assert!(diag.pos.line > 0 && diag.pos.column > 0);
            diags.render(diag, &mut out);
        }
    }

    /// Text without quotes, backslashes and comments splits at white space.
    #[test]
    fn plain_words(text in "[a-z$%{}é ]{0,40}") {
        let want: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
        prop_assert_eq!(words(&text), want);
    }

    /// Whatever is written in strong quotes comes out as it is.
    #[test]
    fn strong_quotes(text in "[^'\\x00\r\n]{1,20}") {
        prop_assert_eq!(words(&format!("a '{text}'")), ["a".to_owned(), text]);
    }
}
