//! What converters make of constants. How that compares with haproxy is asked by
//! tests/differential/converters_oracle.py.

use super::*;
use crate::model::Config;
use crate::pattern::RegexCache;
use crate::sample::{Compiler, Expr, Flow, Got, Notes, Outside, Scope, quiet};
use crate::util::scratch::Scratch;

/// The value of an expression, with `txn.text` = "hello", `txn.seven` = 7 and `txn.key` = base64 of "key" set.
pub fn evaluate(text: &str, room: usize) -> Result<Option<String>, String> {
    let config = Config::default();
    let mut cc = Compiler::new(&config, Outside::NOTHING);
    let expr = Expr::compile(&mut cc, text).map_err(|fault| fault.into_reason().message)?;
    let set = [("txn.text", Value::Str(b"hello")), ("txn.seven", Value::Int(7)), ("txn.key", Value::Str(b"a2V5"))];
    let notes: Vec<_> = set.map(|(name, value)| (cc.variable(name).unwrap(), value)).into();
    let mut slab = vec![0; cc.layout.transaction_bytes()];
    cc.layout.begin_transaction(&mut slab);
    for (note, value) in notes {
        assert!(note.scope == Scope::Transaction && note.set(&mut slab, value));
    }
    let flow = Flow::default();
    let setting = quiet::setting(&config);
    let mut scene = quiet::scene(&setting, &flow);
    scene.notes = Notes { transaction: &slab, ..Notes::default() };
    let mut all = Vec::new();
    expr.regexes(&mut all);
    let mut regexes = RegexCache::new(all.into_iter());
    let mut space = vec![0; room];
    let mut tools = Tools { scratch: Scratch::new(&mut space), regexes: &mut regexes };
    Ok(match expr.value(&scene, &mut tools) {
        Got::Value(Value::Bin(b)) => Some(b.iter().map(|b| format!("{b:02x}")).collect()),
        Got::Value(v) => v.text(&mut tools.scratch).map(|t| String::from_utf8_lossy(t).into_owned()),
        Got::Nothing | Got::Later => None,
    })
}

#[track_caller]
pub fn check(cases: &[(&str, Option<&str>)]) {
    for (text, expected) in cases {
        assert_eq!(evaluate(text, 4096), Ok(expected.map(String::from)), "{text}");
    }
}

#[track_caller]
pub fn check_refused(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let why = evaluate(text, 64).unwrap_err();
        assert!(why.starts_with(expected), "{text}: {why}");
    }
}

#[test]
fn numbers_and_truth() {
    check(&[
        ("int(5),add(txn.seven),mul(-2)", Some("-24")),
        ("int(-1),sub(7)", Some("-8")),
        ("int(9223372036854775807),add(1)", Some("9223372036854775807")),
        ("int(1),add(txn.none)", None),
        ("int(7),div(0)", Some("9223372036854775807")),
        ("int(7),mod(0)", Some("0")),
        ("int(-9223372036854775808),div(-1)", Some("9223372036854775807")),
        ("int(-9223372036854775808),mod(-1)", Some("0")),
        ("int(6),and(3),xor(1),or(8),cpl,neg", Some("12")),
        ("int(3),odd,iif(yes,)", Some("yes")),
        ("int(3),even,iif(yes,)", Some("")),
        ("int(3),not", Some("0")),
        ("str(x),bool", Some("0")),
        ("str(),bool", None),
        ("int(-2),htonl", Some("fffffffe")),
    ]);
}

#[test]
fn encodings() {
    check(&[
        ("str(ab),base64", Some("YWI=")),
        ("str(ab),ub64enc", Some("YWI")),
        ("str(YWI=YWJj),b64dec", Some("6162616263")),
        ("str(YWI),b64dec", None),
        ("str(YWI),ub64dec", Some("6162")),
        ("str(Y),ub64dec", None),
        ("str(A===),b64dec", Some("")),
        ("str(====),b64dec", None),
        ("str(Y=Jj),b64dec", None),
        ("str(-_-_),ub64dec", Some("fbffbf")),
        ("str(0aF),hex2i", Some("175")),
        ("str(0x1),hex2i", None),
        ("bin(00ff),hex", Some("00FF")),
        ("str(a%20b+c?d+e),url_dec", Some("a b+c?d e")),
        ("str(a+b),url_dec(1)", Some("a b")),
        ("str(a%2),url_dec", None),
        ("str(a b/~),url_enc", Some("a%20b%2F~")),
        ("str(abcdef),bytes(2,3)", Some("636465")),
        ("str(abc),bytes(9)", Some("")),
    ]);
}

#[test]
fn texts() {
    check(&[
        ("str(f1_f2_f3__f5),field(-2,_,3)", Some("f2_f3_")),
        ("str(f1_f2),field(3,_)", None),
        ("str(f1_f2_f3__f5),word(-2,_,3)", Some("f1_f2_f3")),
        ("str(_a_),word(1,_,0)", Some("a_")),
        ("str(_a_),word(2,_)", Some("")),
        ("str(a),concat(<,txn.text,>)", Some("a<hello>")),
        ("str(a),add_item(-,txn.text)", Some("a-hello")),
        ("str(),add_item(-,txn.text,!)", Some("hello!")),
        ("str(a),add_item(-,txn.none)", Some("a")),
        ("str(hello),strcmp(txn.text)", Some("0")),
        ("str(helix),strcmp(txn.text)", Some("-3")),
        ("str(hell),strcmp(txn.text)", Some("-1")),
        ("str(hello),secure_memcmp(txn.text)", Some("1")),
        ("str(hellO),secure_memcmp(txn.text)", Some("0")),
        ("str(AbC),lower", Some("abc")),
        ("str(AbC),upper", Some("ABC")),
        ("str(xxabx),ltrim(x),rtrim(bx)", Some("a")),
        ("str(banana),regsub(A,o,gi)", Some("bonono")),
        // A backslash before what it does not change stands for itself, unlike those before quotes, blanks, n, r, t and itself.
        (r#"str("a\b\c\n\\d\"\'\ "),url_enc"#, Some("a%5Cb%5Cc%0A%5Cd%22%27%20")),
        (r"str(a\b\.\\n),url_enc", Some("a%5Cb%5C.%5Cn")),
        (r#"str(foo12),regsub("(foo|bar)([0-9]+)?","\2\1",i)"#, Some("12foo")),
        (r"str(foo12),regsub(\d+,N)", Some("fooN")),
        ("str(a b),length", Some("3")),
        ("str(a=1&bc=2&b=3&d),param(b)", Some("3")),
        ("str(a=1&d),param(d)", Some("")),
        ("str(a=1;b=2),param(b,;)", Some("2")),
        ("str(a=1),param(b)", None),
        ("str(Example.COM:80),host_only", Some("example.com")),
        ("str([::1]:443),port_only", Some("443")),
        ("str([::1]),port_only", Some("0")),
        ("str(10.1.2.3),ipmask(255.255.0.255)", Some("10.1.0.3")),
        ("str(2001:db8::1),ipmask(24)", None),
        ("str(2001:db8::1),ipmask(24,16)", Some("2001::")),
    ]);
}

#[test]
fn hashes() {
    check(&[("str(abc),crc32", Some("891568578")), ("str(abc),crc32(1)", Some("930845320"))]);
}

#[test]
fn dates() {
    check(&[
        ("int(784111777),http_date", Some("Sun, 06 Nov 1994 08:49:37 GMT")),
        ("int(784111777),http_date(-3600)", Some("Sun, 06 Nov 1994 07:49:37 GMT")),
        ("int(784111777030),http_date(0,ms)", Some("Sun, 06 Nov 1994 08:49:37.030 GMT")),
    ]);
}

#[test]
fn what_does_not_fit_is_no_value() {
    assert_eq!(evaluate("str(abcdef),hex", 18), Ok(Some("616263646566".into())));
    for text in
        ["int(784111777030),http_date(0,ms)", "str(abcdef),hex", "str(abcdef),hex,lower", "str(abcdef),concat(abcdef)"]
    {
        assert_eq!(evaluate(text, 17), Ok(None), "{text}");
    }
}

#[test]
fn refused_at_start_up() {
    check_refused(&[
        ("str(a),field(0,_)", "'field': the index counts from 1"),
        ("str(a),word(1,)", "'word': the delimiters are missing"),
        ("str(a),add_item(-,)", "'add_item': a variable or a text is missing"),
        ("str(a),regsub(a,b,x)", "'regsub': the flags are 'g' and 'i', not 'x'"),
        ("str(a),url_enc(path)", "'url_enc': there is no encoding 'path'"),
        ("int(1),http_date(0,min)", "'http_date': the unit is"),
        ("str(a),debug(x,nope)", "'debug': there is no sink 'nope'"),
        ("str(a),ipmask(33)", "'ipmask': '33' is not an IPv4 network mask (mask)"),
        ("str(a),add(1x)", "'add': '1x' is not a number or a variable (value)"),
        ("str(a),table_gpc0(t)", "the converter 'table_gpc0' is not built: stick tables come later"),
        ("str(a),jwt_verify(a,b)", "the converter 'jwt_verify' is not built: certificates come with TLS"),
        ("str(a),b64dec,add(1)", "'add' needs a value of type integer, not binary"),
    ]);
}

#[test]
fn what_is_refused_is_not_built() {
    for name in REFUSED.iter().flat_map(|r| r.0) {
        assert!(tables().flatten().all(|c| refusal(c.name).is_none()), "{name}");
    }
    let always = &REFUSED[..REFUSED.len() - 1];
    assert!(always.windows(2).all(|w| w[0].0[0] < w[1].0[0]));
}
