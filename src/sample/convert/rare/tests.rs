//! What they make of constants, and that the stand-in knows their names.

use super::super::refusal;
use super::super::tests::{check, check_refused, evaluate};
use super::*;

#[path = "../no_rare.rs"]
mod no_rare;

#[test]
fn the_stand_in_has_their_names() {
    let mut names: Vec<&str> = TABLES.iter().copied().flatten().map(|c| c.name).collect();
    names.sort_unstable();
    assert_eq!(names, no_rare::LEFT_OUT);
    assert!(no_rare::TABLES.is_empty() && names.iter().all(|n| refusal(n).is_none()));
}

#[test]
fn parts() {
    check(&[
        ("bin(01020304050607),be2dec(:,2)", Some("258:772:1286:7")),
        ("bin(01020304050607),be2dec(-,2,1)", Some("258-772-1286")),
        ("bin(01020304050607),be2hex(--,2,1)", Some("0102--0304--0506")),
        ("bin(0102),le2dec(,2)", Some("513")),
    ]);
}

#[test]
fn languages() {
    check(&[
        ("str(\"fr;q=0.5, en-GB;q=0.75\"),language(fr;en)", Some("en")),
        ("str(de),language(fr;en)", None),
        ("str(de),language(fr;en,en)", Some("en")),
        ("str(\"fr;q=0\"),language(fr)", None),
    ]);
}

#[test]
fn digests_and_hashes() {
    check(&[
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
    assert_eq!(evaluate("str(abcdef),url_dec,sha1", 17), Ok(None));
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
fn refused_at_start_up() {
    check_refused(&[
        ("str(a),sha2(100)", "'sha2': there is no SHA-2 of 100 bits"),
        ("str(a),digest(nope)", "'digest': 'nope' is not a digest"),
        ("str(a),hmac(md5,!)", "'hmac': the key must be written in base64"),
        ("str(a),be2dec(:,9)", "'be2dec': a number has 1 to 8 bytes, not 9"),
        ("str(a),be2hex(:)", "'be2hex': a part has 1 byte or more, not 0"),
        ("str(a),be2hex(:,1,2)", "'be2hex': whether a shorter part"),
        ("str(a),json(utf7)", "'json': the input code is one of"),
        ("str(a),json_query('a.b')", "'json_query': 'a.b' is not a path"),
        ("str(a),json_query('$.a',bool)", "'json_query': the type is 'int'"),
        ("int(1),utime(%Q)", "'utime': the format has no conversion '%Q'"),
        ("int(1),utime(%N)", "'utime': the format has no conversion '%N'"),
        ("int(1),utime(%)", "'utime': the format ends"),
        ("int(1),ltime(%Z)", "'ltime': '%Z' is not built"),
        ("str(a),fix_tag_value(Nope)", "'fix_tag_value': the tag 'Nope'"),
        ("str(a),protobuf(1.)", "'protobuf': '1.' is not a number"),
        ("str(a),protobuf(1,int8)", "'protobuf': the type 'int8' is not known"),
    ]);
}
