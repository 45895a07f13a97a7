//! A number of a configuration (one byte), and a request or a response that its rules run on.
#![no_main]

use evenkeel::conf::Loaded;
use evenkeel::format::Record;
use evenkeel::http::{
    Body, Edit, Fault, Head, HeadEnd, Keep, Method, head_end, write_again, write_request, write_response,
};
use evenkeel::rules::{Effects, Family, Reply, Stage, Verdict};
use evenkeel::sample::{Beside, Drafts, Flow, Setting};
use evenkeel::sys::Addr;
use evenkeel::util::fmt::Out;
use evenkeel_fuzz::{Still, load_good, naive, seeds};
use std::sync::LazyLock;

/// Rules that change what they can, with as much of the message in it as possible.
const RULES: [&str; 5] = [
    // Fields.
    "http-request set-header X-Path \"%[path] of %[src] %[req.hdr(host)]\"
     http-request add-header X-All %[req.hdrs,lower]
     http-request del-header Cookie
     http-request del-header x- -m beg
     http-request replace-header User-Agent ^(.*)/(.*)$ \\2\\1
     http-request replace-value X-Forwarded-For ([0-9]+)$ \\1\\1%[method]
     http-request set-header Host %[req.hdr(x-host)] if { req.hdr(x-host) -m found }
     http-request set-header Connection %[req.hdr(x-c)]
     http-request set-header Transfer-Encoding %[req.hdr(x-c)]
     http-request add-header Content-Length 5
     http-request set-header Upgrade %[url_param(u)]
     http-response set-header X-Seen %[res.hdr(server),upper]
     http-response replace-header Set-Cookie (.*)=(.*) \\1=%[res.hdr(x-a)]
     http-response del-header Server
     http-after-response set-header Via %[status]",
    // Targets and methods.
    "http-request set-method %[req.hdr(x-method)] if { req.hdr(x-method) -m found }
     http-request set-path %[path,regsub(/+,/,g)]
     http-request set-query %[query,url_dec]
     http-request replace-path /a(.*) /b%[path]\\1
     http-request replace-pathq ^([^?]*)\\?(.*)$ \\2\\1
     http-request set-uri %[req.hdr(x-uri)] if { req.hdr(x-uri) -m found }
     http-request replace-uri ^http://([^/]*)/(.*) http://x\\1/\\2
     http-request early-hint Link \"<%[path]>;%[req.hdr(x-uri)]\"
     http-request normalize-uri path-merge-slashes
     http-request normalize-uri path-strip-dotdot full
     http-request normalize-uri path-strip-dot
     http-request normalize-uri percent-decode-unreserved
     http-request normalize-uri percent-to-uppercase
     http-request normalize-uri query-sort-by-name
     http-request normalize-uri fragment-strip
     http-request set-pathq /%[req.body] if { req.body -m found }
     http-response set-status 204 if { res.hdr(x-s) 204 }
     http-response set-status 304 reason %[src] if { res.hdr(x-s) 304 }
     http-response set-status 200 reason \"a b\" if { status 304 }",
    // Lines as they are written (1.5).
    "reqrep ^([^\\ ]*)\\ /a(.*) \\1\\ /\\2
     reqirep ^host:\\ (.*) Host:\\ x\\1
     reqidel ^x-del
     reqadd X-Added:\\ yes
     reqdeny ^x-deny
     reqitarpit ^x-tarpit
     rsprep ^HTTP/1.1\\ 200(.*) HTTP/1.1\\ 201\\1
     rspirep ^location:\\ (.*) Location:\\ /\\1
     rspidel ^server
     rspadd X-Added:\\ yes
     rspideny ^x-deny",
    // Answers.
    "http-request redirect prefix http://%[req.hdr(host)] if { path_beg /p }
     http-request redirect location %[url_param(to)] code 303 if { path_beg /l }
     http-request redirect scheme https set-cookie a=b if { path_beg /s }
     http-request return status 200 content-type text/plain lf-string \"%[path] %[req.hdr(x-a)]\" hdr X-A %[req.hdr(x-a)] if { path_beg /r }
     http-request deny deny_status 429 hdr X-B %[path] content-type text/plain string no if { path_beg /d }
     http-request auth realm x\\ y if { path_beg /a }
     http-request tarpit if { path_beg /t }
     http-response return status 503 content-type text/plain lf-string %[res.hdr(x-a)] if { res.hdr(x-a) -m found }
     redirect prefix /x drop-query append-slash if { path_sub x }",
    // Notes and conditions.
    "capture request header Host len 20
     capture response header Server len 20
     capture cookie a len 30
     http-request set-var(txn.path) path,lower
     http-request set-var(req.all) req.hdrs
     http-request set-var(sess.n) req.hdr_cnt,add(1)
     http-request capture req.hdr(user-agent) len 64
     http-request set-header X-Var \"%[var(txn.path)] %[var(req.all),length] %[var(sess.n)]\" if { hdr_dom(host) example.com } or { path_reg ^/[a-z]+$ }
     http-request set-header X-Draft %[path,set-var(txn.draft),length]%[var(txn.draft)]
     http-request set-header X-Cap %[capture.req.hdr(0)]%[capture.req.hdr(1)]
     http-request unset-var(txn.path) if { cook(a) b } !{ url_param(x) 1:5 }
     http-request set-log-level silent if { hdr_ip(x-forwarded-for) 10.0.0.0/8 }
     http-request strict-mode off
     http-request set-path %[var(txn.path)]%[req.body_param(a)]
     http-response set-header X-Var %[var(txn.path)]%[capture.res.hdr(0)]
     use_backend other if { path_end .png } { req.cook_cnt gt 1 }",
];

static BOOKS: LazyLock<Vec<Loaded>> = LazyLock::new(|| {
    let config = |rules: &&str| {
        format!(
            "listen l\n mode http\n bind :1\n timeout connect 1s\n timeout client 1s\n timeout server 1s\n \
             {rules}\nbackend other\n mode http\n timeout connect 1s\n timeout server 1s\n"
        )
    };
    RULES.iter().map(|rules| load_good(&config(rules))).collect()
});

const REQUEST: [Family; 9] = [
    Family::TcpRequest,
    Family::CaptureRequest,
    Family::Block,
    Family::HttpRequest,
    Family::RequestLines,
    Family::RequestAdd,
    Family::Redirect,
    Family::UseBackend,
    Family::UseServer,
];
const RESPONSE: [Family; 6] = [
    Family::CaptureResponse,
    Family::TcpResponse,
    Family::HttpResponse,
    Family::ResponseLines,
    Family::ResponseAdd,
    Family::AfterResponse,
];

/// Room for a head and for what rules write, bytes; as much as a session has with the usual buffers.
const ROOM: usize = 16_384;

/// What came of a message: the verdict, an answer of ours or the text that the index refers to, and how long it is.
struct Done {
    verdict: Verdict,
    text: Vec<u8>,
    answer: Vec<u8>,
}

fn run(loaded: &Loaded, index: &mut Head, head: &[u8], body: &[u8], response: bool) -> Done {
    let (book, config) = (&loaded.rules, &loaded.config);
    let mut text = vec![0; ROOM];
    text[..head.len()].copy_from_slice(head);
    let (mut space, mut out) = (vec![0; ROOM], vec![0; ROOM]);
    let mut session = vec![0; book.layout.session_bytes()];
    let mut transaction = vec![0; book.layout.transaction_bytes()];
    book.layout.begin_session(&mut session);
    book.layout.begin_transaction(&mut transaction);
    let mut flow = Flow { client: Addr::V4([10, 0, 0, 7], 5000), status: index.status, ..Flow::default() };
    let mut hints = vec![0; ROOM];
    let drafts = Drafts::new(&book.layout);
    let (record, mut effects, mut regexes) = (Record::default(), Effects::default(), book.regex_cache());
    let mut memo = book.memo();
    memo.begin();
    let line = head.split(|b| *b == b'\r').next().unwrap_or(b"");
    let setting = Setting { host: "here", line, is_response: response, ..Setting::of_session(config, &Still) };
    let beside = Beside { captures: book.captures(0), drafts: Some(&drafts), process: Some(&book.process) };
    let mut stage = Stage {
        book,
        setting: &setting,
        flow: &mut flow,
        head: Some(Edit::new(index, &mut text, head.len())),
        body,
        arrived: true,
        session_notes: &mut session,
        transaction_notes: &mut transaction,
        space: &mut space,
        out: &mut out,
        hints: Out::new(&mut hints),
        beside: &beside,
        regexes: &mut regexes,
        memo: &mut memo,
        record: &record,
        effects: &mut effects,
    };
    let mut verdict = Verdict::Continue;
    for family in if response { &RESPONSE[..] } else { &REQUEST[..] } {
        verdict = book.program(0, *family).run(&mut stage, 0).0;
        if !matches!(verdict, Verdict::Continue | Verdict::Stop) {
            break;
        }
    }
    let answer = match verdict {
        Verdict::Reply(Reply { len, .. }) | Verdict::Tarpit(Reply { len, .. }) => stage.out[..len.unwrap_or(0)].to_vec(),
        _ => Vec::new(),
    };
    let hints = [b"HTTP/1.1 103 Early Hints\r\n", stage.hints.bytes(), b"\r\n"].concat();
    naive::fields(&hints).unwrap_or_else(|e| panic!("{e}: {}", hints.escape_ascii()));
    let used = stage.head.as_ref().map_or(0, |h| h.used);
    text.truncate(used);
    Done { verdict, text, answer }
}

/// An answer of ours is one whole response.
fn check_answer(answer: &[u8]) {
    let show = || answer.escape_ascii();
    let HeadEnd::At(len) = head_end(answer, 0) else { panic!("no head: {}", show()) };
    let mut index = Head::new(100);
    index.parse_response(&answer[..len], Method::Get, false).unwrap_or_else(|e| panic!("{e:?}: {}", show()));
    naive::framing(&answer[..len]).unwrap_or_else(|e| panic!("{e}: {}", show()));
    match index.body {
        Body::None => assert_eq!(len, answer.len(), "{}", show()),
        Body::Length(n) => assert_eq!(n as usize, answer.len() - len, "{}", show()),
        other => panic!("{other:?}: {}", show()),
    }
}

/// The head that is sent on is one head, framed as it was.
fn check_head(index: &Head, text: &[u8], response: bool, before: Body) {
    let mut space = vec![0; 4 * ROOM];
    let mut out = Out::new(&mut space);
    match response {
        true => write_response(&mut out, index, text, Keep::Close, false),
        false => write_request(&mut out, index, text, Keep::Close, &[]),
    }
    assert!(!out.overflow());
    let new = out.bytes();
    let show = || new.escape_ascii();
    assert_eq!(head_end(new, 0), HeadEnd::At(new.len()), "{}", show());
    naive::framing(new).unwrap_or_else(|e| panic!("{e}: {}", show()));
    let mut again = Head::new(256);
    if response {
        again.parse_response(new, Method::Get, false).unwrap_or_else(|e| panic!("{e:?}: {}", show()));
        assert_eq!((again.status, again.count()), (index.status, naive::fields(new).unwrap().len()), "{}", show());
        // A status without a body becomes one with a body only as an empty one.
        assert!(again.body == before || (before, again.body) == (Body::None, Body::None), "{before:?}: {}", show());
        return;
    }
    match again.parse_request(new, true) {
        // Rules may give `Host` any value, or take it away.
        Ok(()) | Err(Fault::Host) => {}
        Err(e) => panic!("{e:?}: {}", show()),
    }
    again.parse_again(new).unwrap_or_else(|e| panic!("{e:?}: {}", show()));
    assert_eq!((again.body, again.method), (before, index.method), "{}", show());
    // Rules that wait put the head back as it is.
    let mut space = vec![0; 4 * ROOM];
    let mut out = Out::new(&mut space);
    write_again(&mut out, index, text, false, false);
    again.parse_again(out.bytes()).unwrap_or_else(|e| panic!("{e:?}: {}", out.bytes().escape_ascii()));
    assert_eq!((again.body, again.connection, again.count()), (before, index.connection, index.count()));
}

fn check(number: u8, message: &[u8]) {
    let HeadEnd::At(len) = head_end(message, 0) else { return };
    let (head, body) = message.split_at(len);
    let loaded = &BOOKS[usize::from(number) % BOOKS.len()];
    let response = message.starts_with(b"HTTP/");
    let mut index = Head::new(101);
    let read = |index: &mut Head| match response {
        true => index.parse_response(head, Method::Get, false),
        false => index.parse_request(head, false),
    };
    if read(&mut index).is_err() {
        return;
    }
    let before = index.body;
    let done = run(loaded, &mut index, head, body, response);
    match done.verdict {
        Verdict::Reply(_) | Verdict::Tarpit(_) if !done.answer.is_empty() => check_answer(&done.answer),
        Verdict::Continue | Verdict::Stop => check_head(&index, &done.text, response, before),
        Verdict::Later => panic!("there is nothing to wait for"),
        _ => {}
    }
    let _ = read(&mut index);
    let again = run(loaded, &mut index, head, body, response);
    assert_eq!((again.verdict, again.text, again.answer), (done.verdict, done.text, done.answer));
}

fn seeds() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for message in seeds::messages() {
        all.extend((0..RULES.len() as u8).map(|n| [&[n], &message[..]].concat()));
    }
    for (n, path) in [(3, "/p"), (3, "/l?to=/x"), (3, "/s"), (3, "/r"), (3, "/d"), (3, "/a"), (3, "/t"), (4, "/x.png")]
    {
        let fields = "Host: www.example.com\r\nX-A: a\r\nX-Host: b\r\nX-Uri: /u\r\nX-Method: PUT\r\nCookie: a=b; a=c";
        all.push([&[n], format!("GET {path} HTTP/1.1\r\n{fields}\r\n\r\n").as_bytes()].concat());
    }
    all
}

libfuzzer_sys::fuzz_target!(init: seeds::write(seeds, seeds::message_words), |data: &[u8]| {
    if let Some((number, message)) = data.split_first() {
        check(*number, message);
    }
});
