//! What converters make of constants. How that compares with haproxy is asked by
//! tests/differential/converters_oracle.py.

use super::*;
use crate::model::Config;
use crate::pattern::RegexCache;
use crate::sample::{Compiler, Expr, Flow, Got, Notes, Outside, Scope, quiet};
use crate::util::scratch::Scratch;

/// The value of an expression, with `txn.text` = "hello", `txn.seven` = 7 and `txn.key` = base64 of "key" set.
fn evaluate(text: &str, room: usize) -> Result<Option<String>, String> {
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
fn check(cases: &[(&str, Option<&str>)]) {
    for (text, expected) in cases {
        assert_eq!(evaluate(text, 4096), Ok(expected.map(String::from)), "{text}");
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
        ("bin(01020304050607),be2dec(:,2)", Some("258:772:1286:7")),
        ("bin(01020304050607),be2dec(-,2,1)", Some("258-772-1286")),
        ("bin(01020304050607),be2hex(--,2,1)", Some("0102--0304--0506")),
        ("bin(0102),le2dec(,2)", Some("513")),
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
        ("str(\"fr;q=0.5, en-GB;q=0.75\"),language(fr;en)", Some("en")),
        ("str(de),language(fr;en)", None),
        ("str(de),language(fr;en,en)", Some("en")),
        ("str(\"fr;q=0\"),language(fr)", None),
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
    check(&[
        ("str(abc),crc32", Some("891568578")),
        ("str(abc),crc32(1)", Some("930845320")),
        ("str(123456789),crc32c", Some("3808858755")),
        ("str(),xxh32", Some("46947589")),
        ("str(),xxh64", Some("-1205034819632174695")),
        ("str(),xxh3", Some("3244421341483603138")),
        ("str(abc),sha1", Some("a9993e364706816aba3e25717850c26c9cd0d89d")),
        ("str(abc),digest(MD5)", Some("900150983cd24fb0d6963f7d28e17f72")),
        ("str(abc),sha2(224)", Some("23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7")),
        ("str(a),hmac(md5,a2V5)", Some("80ea44ccea14cc2263889567cfacccd7")),
        ("str(a),hmac(md5,txn.key)", Some("80ea44ccea14cc2263889567cfacccd7")),
        ("str(a),hmac(md5,txn.text)", None),
    ]);
}

#[test]
fn json() {
    check(&[
        ("str('\"/é'),json", Some("\\\"\\/\\u00c3\\u00a9")),
        ("str('é€'),json(utf8)", Some("\\u00e9\\u20ac")),
        ("str(a%80b%F0%9F%98%80),url_dec,json(utf8)", None),
        ("str(a%80b%F0%9F%98%80),url_dec,json(utf8s)", Some("ab")),
        ("str(%C0%AF),url_dec,json(utf8p)", Some("\\/")),
        ("str('{\"a\": {\"b.c\" : [1, \"t\\u00e9\\n\", {\"d\":-5}]}}'),json_query('$.a.b\\.c[1]')", Some("té\n")),
        ("str('{\"a\":{\"b\":[1,2,{\"d\":-5.5}]}}'),json_query('$.a.b[2].d',int)", Some("-5")),
        ("str('{\"a\":{\"b\":[1,2,{\"d\":-5.5}]}}'),json_query('$.a.b')", Some("[1,2,{\"d\":-5.5}]")),
        ("str('{\"a\":true}'),json_query('$.a')", Some("1")),
        ("str('{\"a\":null}'),json_query('$.a')", None),
        ("str('{\"b\":{\"a\":1},\"a\":\"\\ud83d\\ude00\"}'),json_query('$.a')", Some("😀")),
        ("str('{\"a\":\"\\ud83d\"}'),json_query('$.a')", None),
        ("str('{\"a\":\"open'),json_query('$.a')", None),
        ("str('{\"a\"'),json_query('$.a')", None),
        ("str(eyJhbGciOiJIUzI1NiJ9.eyJuIjo1fQ.x),jwt_header_query('$.alg')", Some("HS256")),
        ("str(eyJhbGciOiJIUzI1NiJ9.eyJuIjo1fQ.x),jwt_payload_query", Some("{\"n\":5}")),
    ]);
}

#[test]
fn dates() {
    check(&[
        ("int(784111777),http_date", Some("Sun, 06 Nov 1994 08:49:37 GMT")),
        ("int(784111777),http_date(-3600)", Some("Sun, 06 Nov 1994 07:49:37 GMT")),
        ("int(784111777030),http_date(0,ms)", Some("Sun, 06 Nov 1994 08:49:37.030 GMT")),
        (
            "int(784111777),utime(\"%a %d.%m.%y %j %U %W %V %G %u %w %I %p %s %z %%\")",
            Some("Sun 06.11.94 310 45 44 44 1994 7 0 08 AM 784111777 +0000 %"),
        ),
        ("int(1735603200),utime(%G-%V)", Some("2025-01")),
        ("int(784111777),utime(%-d/%_e/%^B/%k)", Some("6/ 6/NOVEMBER/ 8")),
        ("int(784111777030),ms_utime(%S.%N)", Some("37.030")),
        ("int(784111777000030),us_utime(%S.%N)", Some("37.000030")),
        ("int(-1),utime(%F)", Some("1969-12-31")),
        ("int(9223372036854775807),utime(%F,1)", None),
    ]);
}

#[test]
fn messages() {
    let fix = "8=FIX.4.4%019=18%0135=A%0149=me%0156=you%01";
    check(&[
        (&format!("str({fix}10=107%01),url_dec,fix_is_valid"), Some("1")),
        (&format!("str({fix}10=108%01),url_dec,fix_is_valid"), Some("0")),
        (&format!("str({fix}10=1),url_dec,fix_is_valid"), None),
        (&format!("str({fix}),url_dec,fix_tag_value(SenderCompID)"), Some("6d65")),
        (&format!("str({fix}),url_dec,fix_tag_value(50)"), None),
        ("bin(820309da0306080510f9ff01),protobuf(48.59.2,int32)", Some("32761")),
        ("bin(820309da0306080510f9ff01),protobuf(48.59.1)", Some("05")),
        ("bin(08ff),protobuf(1)", None),
        ("bin(0d0000c03f),protobuf(1,float)", Some("1")),
        ("bin(0000000002080510),ungrpc(1,sint32)", Some("-3")),
    ]);
}

#[test]
fn what_does_not_fit_is_no_value() {
    assert_eq!(evaluate("str(abcdef),hex", 18), Ok(Some("616263646566".into())));
    for text in [
        "int(784111777030),http_date(0,ms)",
        "str(abcdef),hex",
        "str(abcdef),hex,lower",
        "str(abcdef),url_dec,sha1",
        "str(abcdef),concat(abcdef)",
    ] {
        assert_eq!(evaluate(text, 17), Ok(None), "{text}");
    }
}

#[test]
fn refused_at_start_up() {
    for (text, expected) in [
        ("str(a),sha2(100)", "'sha2': there is no SHA-2 of 100 bits"),
        ("str(a),digest(nope)", "'digest': 'nope' is not a digest"),
        ("str(a),hmac(md5,!)", "'hmac': the key must be written in base64"),
        ("str(a),be2dec(:,9)", "'be2dec': a number has 1 to 8 bytes, not 9"),
        ("str(a),be2hex(:)", "'be2hex': a part has 1 byte or more, not 0"),
        ("str(a),be2hex(:,1,2)", "'be2hex': whether a shorter part"),
        ("str(a),field(0,_)", "'field': the index counts from 1"),
        ("str(a),word(1,)", "'word': the delimiters are missing"),
        ("str(a),add_item(-,)", "'add_item': a variable or a text is missing"),
        ("str(a),regsub(a,b,x)", "'regsub': the flags are 'g' and 'i', not 'x'"),
        ("str(a),url_enc(path)", "'url_enc': there is no encoding 'path'"),
        ("str(a),json(utf7)", "'json': the input code is one of"),
        ("str(a),json_query('a.b')", "'json_query': 'a.b' is not a path"),
        ("str(a),json_query('$.a',bool)", "'json_query': the type is 'int'"),
        ("int(1),http_date(0,min)", "'http_date': the unit is"),
        ("int(1),utime(%Q)", "'utime': the format has no conversion '%Q'"),
        ("int(1),utime(%N)", "'utime': the format has no conversion '%N'"),
        ("int(1),utime(%)", "'utime': the format ends"),
        ("int(1),ltime(%Z)", "'ltime': '%Z' is not built"),
        ("str(a),fix_tag_value(Nope)", "'fix_tag_value': the tag 'Nope'"),
        ("str(a),protobuf(1.)", "'protobuf': '1.' is not a number"),
        ("str(a),protobuf(1,int8)", "'protobuf': the type 'int8' is not known"),
        ("str(a),debug(x,nope)", "'debug': there is no sink 'nope'"),
        ("str(a),ipmask(33)", "'ipmask': '33' is not an IPv4 network mask (mask)"),
        ("str(a),add(1x)", "'add': '1x' is not a number or a variable (value)"),
        ("str(a),table_gpc0(t)", "the converter 'table_gpc0' is not built: stick tables come later"),
        ("str(a),jwt_verify(a,b)", "the converter 'jwt_verify' is not built: certificates come with TLS"),
        ("str(a),b64dec,add(1)", "'add' needs a value of type integer, not binary"),
    ] {
        let why = evaluate(text, 64).unwrap_err();
        assert!(why.starts_with(expected), "{text}: {why}");
    }
}

#[test]
fn what_is_refused_is_not_built() {
    for name in REFUSED.iter().flat_map(|r| r.0) {
        assert!(TABLES.iter().flat_map(|t| t.iter()).all(|c| refusal(c.name).is_none()), "{name}");
    }
    assert!(REFUSED.windows(2).all(|w| w[0].0[0] < w[1].0[0]));
}
