//! An expression (`fetch(args),converter(args)...`), a line feed, and the message that it is evaluated on; without one, a usual request.
#![no_main]

use evenkeel::http::{Head, HeadEnd, Method, head_end};
use evenkeel::model::Config;
use evenkeel::pattern::{RegexCache, Value};
use evenkeel::sample::{Compiler, Expr, Flow, Got, Message, Notes, Outside, Scene, Setting, Stream, Tools, Walk};
use evenkeel::sys::Addr;
use evenkeel::util::scratch::Scratch;
use evenkeel_fuzz::{Still, files, load_good, seeds};
use std::sync::LazyLock;

const CONFIG: &str = "
userlist u
    user a insecure-password b
frontend f
    mode http
    bind :1
    timeout client 1s
    default_backend b
backend b
    mode http
    timeout connect 1s
    timeout server 1s
    server s 127.0.0.1:1
";

const REQUEST: &[u8] = b"POST http://h.example/a/b.png?x=1&y=%20z HTTP/1.1\r\nHost: h.example\r\nX-A: 1, \"2,3\", 4\r\nX-A: 5\r\n\
    Cookie: a=b; c=d\r\nAuthorization: Basic YTpi\r\nContent-Length: 11\r\nX-Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n{\"a\":[1,2]}";

/// What is in each file that an expression names.
const FILE: &[u8] = b"a b\n/a/b.png path\n10.0.0.0/8 ten\n1:5 few\n";

static BASE: LazyLock<Config> = LazyLock::new(|| load_good(CONFIG).config);

/// Space of an evaluation, bytes.
const SPACE: usize = 16_384;

/// Values of one expression that are walked through at most.
const MOST: usize = 10_000;

/// All values of an expression, with this much space for each.
fn values(expr: &Expr, scene: &Scene, space: usize, regexes: &mut RegexCache) -> Vec<Option<String>> {
    let mut space = vec![0; space];
    let (mut walk, mut all) = (Walk { each: true, ..Walk::default() }, Vec::new());
    loop {
        walk.more = false;
        let mut tools = Tools { scratch: Scratch::new(&mut space), regexes };
        all.push(match expr.next(scene, &mut walk, &mut tools) {
            Got::Value(value) => Some(format!("{value:?}")),
            Got::Nothing | Got::Later => None,
        });
        if !walk.more {
            return all;
        }
        assert!(all.len() < MOST, "no end of values");
    }
}

fn check(expr: &Expr, scene: &Scene) {
    let mut list = Vec::new();
    expr.regexes(&mut list);
    let mut regexes = RegexCache::new(list.into_iter());
    let first = values(expr, scene, SPACE, &mut regexes);
    assert_eq!(values(expr, scene, SPACE, &mut regexes), first, "another value the second time");
    let mut space = vec![0; SPACE];
    let mut tools = Tools { scratch: Scratch::new(&mut space), regexes: &mut regexes };
    if let Some(value) = expr.now(scene, &mut tools) {
        let (text, bytes) = (value.text(&mut tools.scratch), value.bytes(&mut tools.scratch));
        if let Value::Int(n) = value {
            assert!(text.is_none_or(|t| t == n.to_string().as_bytes()));
        }
        assert!(bytes.is_none_or(|b| b.len() <= SPACE.max(65_536)));
    }
    // With less space there may be another value (a default), but an end.
    for space in [0, 3, 40, 300] {
        values(expr, scene, space, &mut regexes);
    }
}

fn setting(stream: &[u8], raw: bool, is_response: bool) -> Setting<'_> {
    let line = stream.split(|b| *b == b'\r').next().unwrap_or(b"");
    let stream = Stream { bytes: stream, complete: true, raw, no_http: false };
    Setting { host: "here", line, is_response, stream, ..Setting::of_session(&BASE, &Still) }
}

fn evaluate(text: &str, message: &[u8]) {
    let mut cc = Compiler::new(&BASE, Outside::NOTHING);
    let Ok(expr) = Expr::compile(&mut cc, text) else { return };
    let client = Addr::V4([10, 0, 0, 7], 5000);
    let flow =
        Flow { client, destination: Addr::V4([127, 0, 0, 1], 80), backend: 1, server: Some(0), ..Flow::default() };
    let show = |setting: Setting, message: Option<Message>| {
        check(&expr, &Scene { setting: &setting, flow: &flow, message, notes: Notes::default() });
    };
    show(setting(message, true, false), None);
    let HeadEnd::At(len) = head_end(message, 0) else { return };
    let (head, body) = message.split_at(len);
    let mut index = Head::new(100);
    if index.parse_request(head, true).is_ok() {
        show(setting(message, false, false), Some(Message { index: &index, text: head, body }));
    } else if index.parse_response(head, Method::Get, true).is_ok() {
        show(setting(message, false, true), Some(Message { index: &index, text: head, body }));
    }
}

/// Every fetch alone, every converter behind a text and a number, and what the tests have.
fn seeds() -> Vec<Vec<u8>> {
    let mut all: Vec<String> = Vec::new();
    for fetch in evenkeel::sample::FETCHES.iter().flat_map(|t| t.iter()) {
        let (few, more) = (fetch.name.to_owned(), format!("{}(x-a)", fetch.name));
        all.extend([few, more, format!("{}(0,4)", fetch.name), format!("{}(b)", fetch.name)]);
    }
    for converter in evenkeel::sample::converter_tables().flatten() {
        let (most, least) = (i64::MAX, i64::MIN);
        let numbers = [format!("({most})"), format!("({least})"), "(1)".into(), "(2,3)".into(), "(-1)".into()];
        let texts = ["", "(a,b)", "(f)", "(%Y,1)", "($.a)", "(x,y,g)"].map(str::to_owned);
        for args in numbers.iter().chain(&texts) {
            let fetches = ["path", "req.body", "src"].map(str::to_owned).into_iter();
            let fetches = fetches.chain([5, most, least].map(|n| format!("int({n})")));
            all.extend(fetches.map(|f| format!("{f},{}{args}", converter.name)));
        }
    }
    let source = seeds::repository("src/sample/convert/tests.rs");
    all.extend(source.split('"').skip(1).step_by(2).filter(|s| s.contains('(') && s.len() < 200).map(str::to_owned));
    let mut seeds: Vec<Vec<u8>> = all.into_iter().map(String::into_bytes).collect();
    seeds.extend(seeds::messages().iter().map(|m| [b"req.hdrs,length\n", &m[..]].concat()));
    // A TLS client hello, with the extensions server_name (a.b), ALPN (h2), and supported versions (1.3).
    let extensions = b"\0\0\0\x08\0\x06\0\0\x03a.b\0\x10\0\x05\0\x03\x02h2\0\x2b\0\x03\x02\x03\x04";
    let body =
        [b"\x03\x03", &[7; 32][..], b"\0\0\x02\x13\x01\x01\0", &[0, extensions.len() as u8], extensions].concat();
    let handshake = [&[1, 0, 0, body.len() as u8], &body[..]].concat();
    let hello = [&[22, 3, 1, 0, handshake.len() as u8], &handshake[..]].concat();
    let fetches = ["req.ssl_sni", "req.ssl_alpn", "req.ssl_ver", "req.ssl_hello_type", "req.payload(0,10)"];
    seeds.extend(fetches.iter().map(|f| [f.as_bytes(), b"\n", &hello].concat()));
    seeds
}

libfuzzer_sys::fuzz_target!(init: seeds::write(seeds, seeds::sample_words), |data: &[u8]| {
    let end = data.iter().position(|b| *b == b'\n').unwrap_or(data.len());
    let Ok(text) = std::str::from_utf8(&data[..end]) else { return };
    LazyLock::force(&BASE);
    files::with(FILE, || evaluate(text, data.get(end + 1..).filter(|m| !m.is_empty()).unwrap_or(REQUEST)));
});
