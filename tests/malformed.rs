//! The corpus of malformed and ambiguous messages (tests/corpus/*.txt, format in tests/corpus/README.md), run over real
//! sockets against the binary. Every failure is listed, not the first.
//!
//! Whatever a case expects, four things hold for all: the servers get only what a strict reader accepts, so do the
//! clients, nobody waits longer than the timeouts, and the proxy answers a plain request on a new connection afterwards.
//!
//! `CORPUS=part-of-a-name` runs the cases of that name only; `CORPUS_SHOW=1` prints what came of each.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::{Client, Conn, Kind, Message, Proxy, ReadError, Server, is_oracle, ms, ok, reply, show};

/// Cases run at the same time; most of their time is waiting.
const WORKERS: usize = 8;

/// The proxy that stands before both corpora. Short timeouts decide the cases that never complete.
const CONFIG: &str = "
global
    nbthread 1
    maxconn 200
    tune.bufsize 16384
    tune.maxrewrite 1024
    tune.http.maxhdr 101
defaults
    mode http
    timeout connect 2s
    timeout client 1s
    timeout http-request 600ms
    timeout http-keep-alive 4s
    timeout server 1800ms
    retries 0
listen requests
    bind {bind:requests}
    http-reuse never
    server a {server:requests}
listen responses
    bind {bind:responses}
    http-reuse always
    server a {server:responses}
";

#[derive(Clone, Default, Debug)]
struct Case {
    name: String,
    why: String,
    /// What the client (or, in responses.txt, the server) sends: pieces with pauses in milliseconds before them.
    send: Vec<(u64, Vec<u8>)>,
    one_byte_at_a_time: bool,
    /// What the sender does afterwards: stay, or `half-close`, `close`, `reset`.
    after: String,
    /// In responses.txt: the request, GET by default.
    request: Vec<u8>,
    /// What the server answers in requests.txt.
    reply: Option<Vec<u8>>,
    expect: String,
    haproxy: Option<String>,
    haproxy_why: String,
    checks: Vec<(String, String)>,
    line: usize,
}

fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        if bytes[i] != b'\\' {
            out.push(bytes[i]);
            i += 1;
            continue;
        }
        i += 2;
        match bytes[i - 1] {
            b'r' => out.push(b'\r'),
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'0' => out.push(0),
            b'\\' => out.push(b'\\'),
            b'x' => {
                out.push(u8::from_str_radix(&text[i..i + 2], 16).expect("two hexadecimal digits after \\x"));
                i += 2;
            }
            // \{12*abc}: abc, twelve times. They nest; a plain brace inside is not possible.
            b'{' => {
                let mut depth = 1;
                let is_end = |c: char| {
                    depth += i32::from(c == '{') - i32::from(c == '}');
                    depth == 0
                };
                let end = i + text[i..].find(is_end).expect("an unclosed \\{");
                let (count, what) = text[i..end].split_once('*').expect("\\{COUNT*TEXT}");
                for _ in 0..count.parse().expect("a count") {
                    out.extend(unescape(what));
                }
                i = end + 1;
            }
            other => panic!("an unknown escape: \\{}", char::from(other)),
        }
    }
    out
}

fn read_corpus(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut pause = 0;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line.split_once(':').unwrap_or_else(|| panic!("line {}: no colon", number + 1));
        let value = value.strip_prefix(' ').unwrap_or(value);
        if key == "case" {
            assert!(cases.iter().all(|case| case.name != value), "two cases {value}");
            cases.push(Case { name: value.into(), line: number + 1, ..Case::default() });
            pause = 0;
            continue;
        }
        let case = cases.last_mut().expect("a case before its lines");
        match key {
            "why" => case.why = value.into(),
            "send" if pause == 0 && !case.send.is_empty() => case.send.last_mut().unwrap().1.extend(unescape(value)),
            "send" => case.send.push((std::mem::take(&mut pause), unescape(value))),
            "pause" => pause = value.parse().expect("milliseconds"),
            "mode" if value == "one-byte" => case.one_byte_at_a_time = true,
            "then" => case.after = value.into(),
            "request" => case.request.extend(unescape(value)),
            "reply" => case.reply.get_or_insert_default().extend(unescape(value)),
            "expect" => case.expect = value.into(),
            "haproxy" => {
                let (outcome, why) = value.split_once(" | ").unwrap_or((value, ""));
                case.haproxy = Some(outcome.into());
                case.haproxy_why = why.into();
            }
            "sees"
            | "server-line"
            | "server-has"
            | "server-lacks"
            | "server-body"
            | "server-trailer"
            | "server-lacks-trailer"
            | "client-has"
            | "client-lacks"
            | "client-body"
            | "client-line" => {
                case.checks.push((key.into(), value.into()));
            }
            _ => panic!("line {}: unknown key {key}", number + 1),
        }
    }
    for case in &cases {
        assert!(!case.why.is_empty() && !case.expect.is_empty(), "{}: incomplete", case.name);
        assert!(!case.send.is_empty(), "{}: nothing is sent", case.name);
    }
    cases
}

/// What a client saw: one word a response (`200`, `200-truncated`), then `keep` or `close`.
struct Seen {
    words: Vec<String>,
    responses: Vec<Message>,
    /// What was wrong whatever the case expects.
    faults: Vec<String>,
}

fn method_of(request: &[u8]) -> String {
    let start = request.iter().position(|&b| b != b'\r' && b != b'\n').unwrap_or(0);
    String::from_utf8_lossy(request[start..].split(|&b| b == b' ').next().unwrap()).into_owned()
}

/// Reads responses until the connection closes, or is silent once `wanted` responses came, which a probe then proves to
/// be a connection still usable and in step.
fn observe(client: &mut Client, method: &str, expected: &str) -> Seen {
    let wanted = responses_in(expected);
    let closes = expected.split(" or ").all(|one| one.ends_with("close"));
    let mut seen = Seen { words: Vec::new(), responses: Vec::new(), faults: Vec::new() };
    client.set_timeout(ms(3500));
    loop {
        let probing = seen.responses.len() >= wanted && !closes;
        if probing {
            // Something unasked for, or the close, comes at once on this machine.
            client.set_timeout(ms(120));
        }
        match client.try_response(method) {
            Ok(response) => {
                let status = response.status();
                for interim in &response.interim {
                    seen.words.push(interim.status().to_string());
                }
                seen.words.push(status.to_string());
                let until_close = response.until_close;
                let tunnel = status == 101 || (method == "CONNECT" && status == 200);
                seen.responses.push(response);
                if until_close {
                    seen.words.push("close".into());
                    return seen;
                }
                if tunnel {
                    return seen;
                }
                if seen.responses.len() > wanted + 3 {
                    seen.faults.push("responses without end".into());
                    return seen;
                }
            }
            Err(ReadError::Closed | ReadError::Reset) => {
                seen.words.push("close".into());
                return seen;
            }
            Err(ReadError::Truncated(partial)) => {
                if partial.line.is_empty() {
                    seen.faults.push(format!("the client got {}", show(&partial.body)));
                } else {
                    seen.words.push(format!("{}-truncated", partial.status()));
                    seen.responses.push(*partial);
                }
                seen.words.push("close".into());
                return seen;
            }
            Err(ReadError::Malformed(why)) => {
                seen.faults.push(format!("the client got a malformed response: {why}"));
                return seen;
            }
            Err(ReadError::Timeout(partial)) if probing && partial.is_empty() => break,
            Err(ReadError::Timeout(partial)) => {
                seen.faults.push(format!("the client waited in vain, with {:?}", show(&partial)));
                return seen;
            }
        }
    }
    client.set_timeout(ms(3500));
    client.send("GET /probe HTTP/1.1\r\nHost: probe\r\n\r\n");
    match client.try_response("GET") {
        Ok(response) if response.text() == "probe" => seen.words.push("keep".into()),
        Ok(response) => seen.faults.push(format!("the probe got {} {:?}", response.line, response.text())),
        Err(ReadError::Closed | ReadError::Reset) => seen.words.push("close".into()),
        Err(e) => seen.faults.push(format!("the probe got {e:?}")),
    }
    seen
}

/// `expected` is a list of alternatives separated by ` or `; each one the words in order, where a final `keep` or `close`
/// may be left out when it does not matter.
fn matches(words: &[String], expected: &str) -> bool {
    expected.split(" or ").any(|one| {
        // `none` stands for no response at all.
        let want: Vec<&str> = one.split_whitespace().filter(|word| *word != "none").collect();
        let open = !matches!(want.last(), Some(&("keep" | "close")));
        let mut have: Vec<&str> = words.iter().map(String::as_str).collect();
        if open && matches!(have.last(), Some(&("keep" | "close"))) {
            have.pop();
        }
        have == want
    })
}

/// How many final responses the shortest alternative waits for.
fn responses_in(expected: &str) -> usize {
    let count = |one: &str| {
        one.split_whitespace()
            .filter(|w| w.len() >= 3 && w.as_bytes()[0] >= b'2' && w.as_bytes()[0].is_ascii_digit() || *w == "101")
            .count()
    };
    expected.split(" or ").map(count).min().unwrap()
}

fn send_case(case: &Case, mut send: impl FnMut(&[u8]) -> bool) {
    for (pause, bytes) in &case.send {
        std::thread::sleep(ms(*pause));
        if case.one_byte_at_a_time {
            for byte in bytes.chunks(1) {
                if !send(byte) {
                    return;
                }
            }
        } else if !send(bytes) {
            return;
        }
    }
}

/// The server of requests.txt: strict, it keeps what a case's requests were, and complains.
#[derive(Default)]
struct RequestServer {
    requests: Mutex<Vec<Message>>,
    /// Requests whose head came, complete or not.
    heads: AtomicUsize,
    faults: Mutex<Vec<String>>,
    reply: Mutex<Option<Vec<u8>>>,
}

impl RequestServer {
    fn serve(&self, mut conn: Conn) {
        conn.set_timeout(ms(4000));
        loop {
            let mut request = match conn.read_head(Kind::Request) {
                Ok(request) => request,
                Err(ReadError::Malformed(why)) => return self.faults.lock().unwrap().push(why),
                Err(ReadError::Truncated(partial)) => {
                    return self.faults.lock().unwrap().push(format!("half a head: {}", show(&partial.body)));
                }
                Err(_) => return,
            };
            if request.target() == "/probe" {
                let _ = conn.send(ok("probe"));
                continue;
            }
            self.heads.fetch_add(1, Ordering::Relaxed);
            match conn.read_body(&mut request, Kind::Request) {
                Ok(()) => {}
                Err(ReadError::Malformed(why)) => return self.faults.lock().unwrap().push(why),
                Err(_) => return,
            }
            let answer = match (self.reply.lock().unwrap().clone(), request.method()) {
                (Some(reply), _) => reply,
                (None, "HEAD") => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n".to_vec(),
                (None, "CONNECT") => b"HTTP/1.1 200 OK\r\n\r\n".to_vec(),
                (None, _) => ok("ok"),
            };
            let tunnel = request.method() == "CONNECT" || answer.starts_with(b"HTTP/1.1 101");
            self.requests.lock().unwrap().push(request);
            if conn.send(answer).is_err() || tunnel {
                let _ = conn.read_to_end();
                return;
            }
        }
    }
}

/// The server of responses.txt: sends the current case's bytes to its request, and answers probes.
#[derive(Default)]
struct ResponseServer {
    case: Mutex<Case>,
}

impl ResponseServer {
    fn serve(&self, mut conn: Conn) {
        conn.set_timeout(ms(4000));
        while let Ok(request) = conn.read_head(Kind::Request) {
            if request.target() == "/probe" {
                if conn.send(ok("probe")).is_err() {
                    return;
                }
                continue;
            }
            let case = self.case.lock().unwrap().clone();
            send_case(&case, |bytes| conn.send(bytes).is_ok());
            match case.after.as_str() {
                "close" => return,
                "reset" => return conn.wire.reset(),
                "half-close" => conn.half_close(),
                _ => {}
            }
        }
    }
}

/// What one worker has running: it is started anew when a case kills it.
struct Bench {
    proxy: Proxy,
    request_server: Arc<RequestServer>,
    response_server: Arc<ResponseServer>,
    _servers: [Server; 2],
}

impl Bench {
    fn start() -> Bench {
        let request_server = Arc::<RequestServer>::default();
        let response_server = Arc::<ResponseServer>::default();
        let (a, b) = (request_server.clone(), response_server.clone());
        let servers = [Server::start(move |conn| a.serve(conn)), Server::start(move |conn| b.serve(conn))];
        let builder = Proxy::with().server("requests", servers[0].addr()).server("responses", servers[1].addr());
        Bench { proxy: builder.start(CONFIG), request_server, response_server, _servers: servers }
    }

    fn run_request(&self, case: &Case, expected: &str, deviates: bool) -> (Seen, Vec<String>) {
        let server = &self.request_server;
        server.requests.lock().unwrap().clear();
        server.faults.lock().unwrap().clear();
        server.heads.store(0, Ordering::Relaxed);
        server.reply.lock().unwrap().clone_from(&case.reply);
        let mut client = Client::connect(self.proxy.addr("requests"));
        let whole: Vec<u8> = case.send.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
        let mut seen = if matches!(case.after.as_str(), "close" | "reset") {
            send_case(case, |bytes| client.0.send(bytes).is_ok());
            std::thread::sleep(ms(60));
            if case.after == "reset" {
                client.reset();
            } else {
                drop(client);
            }
            std::thread::sleep(ms(60));
            Seen { words: Vec::new(), responses: Vec::new(), faults: Vec::new() }
        } else {
            send_case(case, |bytes| client.0.send(bytes).is_ok());
            if case.after == "half-close" {
                client.half_close();
            }
            observe(&mut client, &method_of(&whole), expected)
        };
        let mut problems = Vec::new();
        // What the server sees, it has seen before it answers; a request that was not answered gets no more time.
        let requests = server.requests.lock().unwrap().clone();
        seen.faults.extend(server.faults.lock().unwrap().iter().map(|why| format!("the server got {why}")));
        if !deviates {
            // By default, each 200 or 101 that came is one request that the server has seen.
            let default = seen.words.iter().filter(|w| matches!(w.as_str(), "200" | "101")).count().to_string();
            let sees = case.checks.iter().find(|(key, _)| key == "sees").map_or(default.as_str(), |(_, v)| v.as_str());
            if sees.parse() != Ok(requests.len()) {
                problems.push(format!("the server saw {} requests, not {sees}", requests.len()));
            }
            check_request(case, &requests, &mut problems);
        }
        (seen, problems)
    }

    fn run_response(&self, case: &Case, expected: &str, deviates: bool) -> (Seen, Vec<String>) {
        *self.response_server.case.lock().unwrap() = case.clone();
        let request = if case.request.is_empty() { b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" } else { &case.request[..] };
        let mut client = Client::connect(self.proxy.addr("responses"));
        client.send(request);
        let seen = observe(&mut client, &method_of(request), expected);
        let mut problems = Vec::new();
        if !deviates {
            check_response(case, &seen, &mut problems);
        }
        (seen, problems)
    }

    fn run(&self, case: &Case, is_request: bool) -> Result<String, String> {
        let deviation = case.haproxy.as_deref().filter(|_| is_oracle());
        let expected = deviation.unwrap_or(&case.expect);
        let start = Instant::now();
        let (seen, mut problems) = if is_request {
            self.run_request(case, expected, deviation.is_some())
        } else {
            self.run_response(case, expected, deviation.is_some())
        };
        if !matches(&seen.words, expected) {
            problems.push(format!("expected {expected:?}"));
        }
        // A lenient proxy may also pass on what a strict reader refuses: the corpus says so with the word "forwards".
        if !(deviation.is_some() && case.haproxy_why.starts_with("forwards")) {
            problems.extend(seen.faults.iter().cloned());
        }
        let port = if is_request { "requests" } else { "responses" };
        let after = Client::connect(self.proxy.addr(port)).ask("GET /probe HTTP/1.1\r\nHost: probe\r\n\r\n").text();
        if after != "probe" {
            problems.push(format!("a probe on a new connection got {after:?}"));
        }
        if start.elapsed() > Duration::from_secs(6) {
            problems.push(format!("took {:?}", start.elapsed()));
        }
        let came = format!("{} {}", seen.words.join(" "), seen.faults.join("; "));
        if problems.is_empty() { Ok(came) } else { Err(format!("{}; got {came:?}", problems.join("; "))) }
    }
}

fn check_request(case: &Case, requests: &[Message], problems: &mut Vec<String>) {
    let Some(first) = requests.first() else {
        return; // the statuses and `sees` have said whether that is right
    };
    for (key, value) in &case.checks {
        let (name, wanted) = value.split_once(':').map_or((value.as_str(), ""), |(n, v)| (n, v.trim()));
        let fine = match key.as_str() {
            "server-line" => first.line == *value,
            "server-has" => first.all(name).contains(&wanted),
            "server-lacks" => first.all(value).is_empty(),
            "server-body" => first.body == unescape(value),
            "server-lacks-trailer" => first.trailers.iter().all(|(n, _)| !n.eq_ignore_ascii_case(value)),
            "server-trailer" => first.trailers.iter().any(|(n, v)| n.eq_ignore_ascii_case(name) && v == wanted),
            _ => true,
        };
        if !fine {
            let head = show(&first.head);
            problems.push(format!("not {key}: {value}; it got {head} {} {:?}", show(&first.body), first.trailers));
        }
    }
}

fn check_response(case: &Case, seen: &Seen, problems: &mut Vec<String>) {
    for (key, value) in &case.checks {
        let Some(first) = seen.responses.first() else {
            return problems.push("no response".into());
        };
        let (name, wanted) = value.split_once(':').map_or((value.as_str(), ""), |(n, v)| (n, v.trim()));
        let fine = match key.as_str() {
            "client-line" => first.line == *value,
            "client-has" => first.all(name).contains(&wanted),
            "client-lacks" => first.all(value).is_empty(),
            "client-body" => first.body == unescape(value),
            _ => true,
        };
        if !fine {
            problems.push(format!("not {key}: {value}; it got {} {}", show(&first.head), show(&first.body)));
        }
    }
}

fn run_corpus(text: &str, is_request: bool) {
    let only = std::env::var("CORPUS").unwrap_or_default();
    let cases: Vec<Case> = read_corpus(text).into_iter().filter(|case| case.name.contains(&only)).collect();
    let verbose = std::env::var("CORPUS_SHOW").is_ok();
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS.min(cases.len()) {
            scope.spawn(|| {
                let mut bench = Bench::start();
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let run = std::panic::AssertUnwindSafe(|| bench.run(case, is_request));
                    let mut outcome = std::panic::catch_unwind(run).unwrap_or_else(|_| Err("the run panicked".into()));
                    if let Some(status) = bench.proxy.exited() {
                        outcome = Err(format!("the proxy died: {status}: {}", bench.proxy.stderr()));
                        bench = Bench::start();
                    }
                    if verbose {
                        println!("{}: {outcome:?}", case.name);
                    }
                    if let Err(what) = outcome {
                        failures.lock().unwrap().push((case.line, format!("{}: {what} ({})", case.name, case.why)));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    let list: Vec<String> = failures.iter().map(|(line, what)| format!("  line {line}: {what}")).collect();
    assert!(list.is_empty(), "{} of {} cases failed:\n{}", list.len(), cases.len(), list.join("\n"));
    println!("{} cases", cases.len());
}

#[test]
fn requests() {
    run_corpus(include_str!("corpus/requests.txt"), true);
}

#[test]
fn responses() {
    run_corpus(include_str!("corpus/responses.txt"), false);
}

#[test]
fn the_corpus_is_large_enough() {
    let requests = read_corpus(include_str!("corpus/requests.txt")).len();
    let responses = read_corpus(include_str!("corpus/responses.txt")).len();
    assert!(requests + responses >= 150, "{requests} requests and {responses} responses");
}

#[test]
fn escapes_and_outcomes() {
    assert_eq!(unescape(r"a\r\n\t\0\\\x7f\{3*b\n}c"), b"a\r\n\t\0\\\x7fb\nb\nb\nc");
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert!(matches(&words("200 close"), "200"));
    assert!(matches(&words("200 close"), "400 or 200 close"));
    assert!(!matches(&words("200 keep"), "200 close"));
    assert!(matches(&words("close"), "none close"));
    assert_eq!(reply("200 OK", "", "x"), ok("x"));
}
