//! HTTP mode when something goes wrong: timeouts, aborts, refusals; the status that the client gets, and the line that
//! the log gets. The four letters of a termination state: who, when, and two about cookies.

mod common;

use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use common::*;

struct Bench {
    proxy: Proxy,
    logs: LogSink,
}

/// One `listen` section `l` with httplog, short timeouts, these lines, and a server at this address.
fn bench(server: impl ToString, lines: &str) -> Bench {
    let logs = LogSink::start();
    let config = format!(
        "{HTTP}
listen l
    bind {{bind:l}}
    log {{log}} local0
    option httplog
    retries 0
    timeout http-request 5s
    server a {{server:a}}
    {lines}
"
    );
    let proxy = Proxy::with().server("a", server.to_string()).set("log", logs.addr()).start(&config);
    Bench { proxy, logs }
}

impl Bench {
    fn client(&self) -> Client {
        Client::connect(self.proxy.addr("l"))
    }

    /// Checks the termination state and the status of the log line of the request that contains `part`.
    #[track_caller]
    fn logged(&self, part: &str, termination: &str, status: i32) -> HttpLog {
        let log = self.logs.http(part);
        assert_eq!((log.termination.as_str(), log.status), (termination, status), "{log:?}");
        log
    }
}

#[test]
fn a_good_request_and_all_fields_of_its_line() {
    let server = Server::http(|_| {
        std::thread::sleep(ms(60));
        ok("hello")
    });
    // Captures come with the rules.
    let captures = "capture request header Host len 10\n capture response header X-None len 10";
    let bench = bench(server.addr(), if is_oracle() { captures } else { "" });
    let mut client = bench.client();
    let response = client.get("/path?q");
    assert_eq!(response.text(), "hello");
    let log = bench.logged("/path", "----", 200);
    assert_eq!(log.client, client.local_addr().to_string());
    assert_eq!((log.frontend.as_str(), log.backend.as_str(), log.server.as_str()), ("l", "l", "a"));
    assert_eq!(log.request, "GET /path?q HTTP/1.1");
    // HAProxy 2.6 counts bytes of its internal representation; 1.5 and evenkeel count what was sent.
    if !is_oracle() {
        assert_eq!(log.bytes, response.head.len() as u64 + 5);
    }
    assert_eq!((log.request_cookie.as_str(), log.response_cookie.as_str()), ("-", "-"));
    assert_eq!((log.retries, log.redispatched, log.queues), (0, false, [0, 0]));
    assert_eq!(log.captures, if is_oracle() { vec!["{test}", "{}"] } else { vec![] });
    let [_, queue, connect, reply, total] = log.timers;
    assert!(queue >= 0 && connect >= 0 && reply >= 50 && total >= reply, "{log:?}");
    // 06/Feb/2009:12:14:14.655
    let bytes = log.date.as_bytes();
    assert_eq!((bytes.len(), bytes[2], bytes[6], bytes[11], bytes[20]), (24, b'/', b'/', b':', b'.'));
}

// ---- the client's fault

#[test]
fn unfinished_head_times_out_408() {
    let bench = bench("127.0.0.1:1", "timeout http-request 200ms");
    let mut client = bench.client();
    client.send("GET /slow HTTP/1.1\r\n");
    let response = client.response();
    assert_eq!(response.status(), 408);
    assert!(response.lists("connection", "close"));
    client.expect_close();
    let log = bench.logged("BADREQ", "cR--", 408);
    assert_eq!(log.server, "<NOSRV>");
    assert_eq!(log.timers[0], -1);
}

#[test]
fn a_trickling_head_times_out_all_the_same() {
    let bench = bench("127.0.0.1:1", "timeout http-request 300ms");
    let mut client = bench.client();
    let start = Instant::now();
    client.send_slowly(b"GET /slow HTTP/1.1\r\nHost: a\r\nX: yyyyyyyyyyyyyy", ms(30));
    assert_eq!(client.response().status(), 408);
    assert!(start.elapsed() < ms(3000));
}

#[test]
fn idle_keep_alive_closes_silently() {
    let server = Server::named("a");
    let bench = bench(server.addr(), "timeout http-keep-alive 200ms");
    let mut client = bench.client();
    assert_eq!(client.get("/").status(), 200);
    client.expect_close();
    std::thread::sleep(ms(50));
    assert_eq!(bench.logs.messages().len(), 1, "{:?}", bench.logs.messages());
}

#[test]
fn client_leaves_in_the_head() {
    let bench = bench("127.0.0.1:1", "");
    let mut client = bench.client();
    client.send("GET /gone HTTP/1.1\r\n");
    std::thread::sleep(ms(50));
    client.reset();
    bench.logged("BADREQ", "CR--", 400);
}

#[test]
fn bad_request_400() {
    let bench = bench("127.0.0.1:1", "");
    let mut client = bench.client();
    client.send("GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n");
    let response = client.response();
    assert_eq!(response.status(), 400);
    assert!(response.header("content-type").unwrap().starts_with("text/html"));
    client.expect_close();
    bench.logged("BADREQ", "PR--", 400);
}

#[test]
fn client_aborts_the_response() {
    // Enough to fill every buffer between.
    let server = Server::http(|_| ok(noise(30_000_000, 1)));
    let bench = bench(server.addr(), "");
    let mut client = bench.client();
    client.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    client.read_n(1000).unwrap();
    client.reset();
    bench.logged("/big", "CD--", 200);
}

#[test]
fn client_does_not_read() {
    let server = Server::http(|_| ok(noise(30_000_000, 1)));
    let bench = bench(server.addr(), "timeout client 300ms");
    let mut client = bench.client();
    client.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    client.read_n(1000).unwrap();
    bench.logged("/big", "cD--", 200);
}

#[test]
fn client_leaves_before_the_response_with_abortonclose() {
    let server = Server::script(vec![Step::ReadRequest, Step::Hold]);
    let bench = bench(server.addr(), "option abortonclose");
    let mut client = bench.client();
    client.send("GET /left HTTP/1.1\r\nHost: a\r\n\r\n");
    eventually("the server's request", || (!server.received(0).is_empty()).then_some(()));
    client.half_close();
    let log = bench.logs.http("/left");
    assert_eq!((log.termination.as_str(), log.server.as_str()), ("CH--", "a"), "{log:?}");
}

// ---- the server's fault

#[test]
fn connection_refused_503() {
    let refusing = Refusing::start();
    let bench = bench(refusing.addr(), "");
    let mut client = bench.client();
    assert_eq!(client.get("/refused").status(), 503);
    let log = bench.logged("/refused", "SC--", 503);
    assert_eq!((log.server.as_str(), log.timers[2], log.timers[3]), ("a", -1, -1));
}

#[test]
fn connect_timeout_503() {
    let hole = Blackhole::start();
    let bench = bench(hole.addr(), "timeout connect 200ms");
    let start = Instant::now();
    assert_eq!(bench.client().get("/hole").status(), 503);
    assert!(start.elapsed() >= ms(190));
    bench.logged("/hole", "sC--", 503);
}

#[test]
fn server_silent_504() {
    let server = Server::script(vec![Step::ReadRequest, Step::Hold]);
    let bench = bench(server.addr(), "timeout server 200ms");
    let mut client = bench.client();
    assert_eq!(client.get("/silent").status(), 504);
    let log = bench.logged("/silent", "sH--", 504);
    assert!(log.timers[2] >= 0 && log.timers[3] == -1, "{log:?}");
}

/// A second attempt that is not connected at once: what the first one waited for is over.
#[test]
fn server_silent_and_then_slow_to_connect() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let addr = listener.local_addr().unwrap();
    let bench = bench(addr, "timeout server 1s\n retries 1\n retry-on response-timeout");
    let server = std::thread::spawn(move || {
        let (silent, _) = listener.accept().unwrap();
        // The backlog is full, and Linux drops the SYN, until a moment after the second attempt.
        let fillers: Vec<_> = std::iter::from_fn(|| TcpStream::connect_timeout(&addr, ms(80)).ok()).collect();
        std::thread::sleep(ms(1500));
        drop(fillers);
        for stream in listener.incoming() {
            let mut wire = Wire::new(stream.unwrap(), None);
            if wire.read_message(Kind::Request).is_ok() {
                wire.send(ok("at last")).unwrap();
                break;
            }
        }
        drop(silent);
    });
    assert_eq!(bench.client().get("/slow").text(), "at last");
    let log = bench.logged("/slow", "----", 200);
    assert_eq!(log.retries, 1);
    server.join().unwrap();
}

#[test]
fn server_closes_without_a_word_502() {
    let server = Server::script(vec![Step::ReadRequest]);
    let bench = bench(server.addr(), "");
    assert_eq!(bench.client().get("/mute").status(), 502);
    bench.logged("/mute", "SH--", 502);
}

#[test]
fn server_resets_in_the_head_502() {
    let head = b"HTTP/1.1 200 OK\r\nContent".to_vec();
    let server = Server::script(vec![Step::ReadRequest, Step::Write(head), Step::WaitMs(50), Step::Reset]);
    let bench = bench(server.addr(), "");
    assert_eq!(bench.client().get("/reset").status(), 502);
    bench.logged("/reset", "SH--", 502);
}

#[test]
fn server_sends_garbage_502() {
    let server = Server::script(vec![Step::ReadRequest, Step::Write(b"garbage\r\n\r\n".to_vec()), Step::Hold]);
    let bench = bench(server.addr(), "");
    assert_eq!(bench.client().get("/garbage").status(), 502);
    bench.logged("/garbage", "PH--", 502);
}

#[test]
fn server_closes_in_the_body() {
    let part = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart".to_vec();
    let server = Server::script(vec![Step::ReadRequest, Step::Write(part)]);
    let bench = bench(server.addr(), "");
    let mut client = bench.client();
    client.send("GET /part HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(matches!(client.try_response("GET"), Err(ReadError::Truncated(m)) if m.body == b"part"));
    bench.logged("/part", "SD--", 200);
}

#[test]
fn server_stops_in_the_body() {
    let part = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart".to_vec();
    let server = Server::script(vec![Step::ReadRequest, Step::Write(part), Step::Hold]);
    let bench = bench(server.addr(), "timeout server 200ms");
    let mut client = bench.client();
    client.send("GET /part HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(matches!(client.try_response("GET"), Err(ReadError::Truncated(m)) if m.body == b"part"));
    bench.logged("/part", "sD--", 200);
}

#[test]
fn a_tunnel_has_its_own_timeout() {
    let switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n".to_vec();
    let server = Server::script(vec![Step::ReadRequest, Step::Write(switch), Step::Hold]);
    let bench = bench(server.addr(), "timeout tunnel 500ms\n timeout client 100ms\n timeout server 100ms");
    let mut client = bench.client();
    client.send("GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    assert_eq!(client.response().status(), 101);
    let start = Instant::now();
    client.expect_close();
    assert!(start.elapsed() >= ms(400), "{:?}", start.elapsed());
}

// ---- the queue

#[test]
fn queue_timeout_503() {
    let server = Server::script(vec![Step::ReadRequest, Step::Hold]);
    let logs = LogSink::start();
    let config = format!(
        "{HTTP}\nlisten l\n bind {{bind:l}}\n log {{log}} local0\n option httplog\n retries 0\n timeout queue 200ms\n \
         server a {{server:a}} maxconn 1\n"
    );
    let proxy = Proxy::with().server("a", server.addr()).set("log", logs.addr()).start(&config);
    let mut first = Client::connect(proxy.addr("l"));
    first.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n");
    eventually("the first request", || (!server.received(0).is_empty()).then_some(()));
    assert_eq!(get(proxy.addr("l"), "/second").status(), 503);
    let log = logs.http("/second");
    assert_eq!((log.termination.as_str(), log.status), ("sQ--", 503), "{log:?}");
    assert!(log.timers[1] >= 190 && log.timers[2] == -1, "{log:?}");
}

// ---- logs

#[test]
fn dontlognull_hides_empty_connections() {
    let server = Server::named("a");
    let bench = bench(server.addr(), "option dontlognull");
    for _ in 0..3 {
        drop(bench.client());
    }
    bench.client().get("/seen");
    bench.logged("/seen", "----", 200);
    assert_eq!(bench.logs.messages().len(), 1, "{:?}", bench.logs.messages());
}

#[test]
fn dontlog_normal_hides_good_requests() {
    let server = Server::http(|request| if request.target() == "/ok" { ok("x") } else { Vec::new() });
    let bench = bench(server.addr(), "option dontlog-normal");
    assert_eq!(get(bench.proxy.addr("l"), "/ok").status(), 200);
    assert_eq!(get(bench.proxy.addr("l"), "/bad").status(), 502);
    bench.logged("/bad", "SH--", 502);
    assert_eq!(bench.logs.messages().len(), 1, "{:?}", bench.logs.messages());
}

#[test]
fn httplog_clf() {
    let server = Server::named("a");
    let bench = bench(server.addr(), "option httplog clf");
    get(bench.proxy.addr("l"), "/clf");
    let line = bench.logs.find("a CLF line", |m| m.contains("/clf").then(|| m.to_owned()));
    assert!(line.starts_with("127.0.0.1 - - ["), "{line}");
    assert!(line.contains("\"GET /clf HTTP/1.1\" 200 "), "{line}");
}

#[test]
fn log_format_and_tag_and_priority() {
    let server = Server::named("a");
    let logs = LogSink::start();
    let config = format!(
        "global\n log-tag mytag\n{HTTP}\nlisten l\n bind {{bind:l}}\n log {{log}} local3 info\n \
         log-format \"%ci|%ft|%b|%s|%ST|%HM|%HP|%{{+Q}}r|%ts\"\n server a {{server:a}}\n"
    );
    let proxy = Proxy::with().server("a", server.addr()).set("log", logs.addr()).start(&config);
    get(proxy.addr("l"), "/f?x");
    let message = logs.find("the line", |m| m.contains("/f").then(|| m.to_owned()));
    assert_eq!(message, "127.0.0.1|l|l|a|200|GET|/f|\"GET /f?x HTTP/1.1\"|--");
    let raw = logs.raw().into_iter().find(|line| line.contains("/f?x")).unwrap();
    // local3 (19) * 8 + info (6)
    assert!(raw.starts_with("<158>"), "{raw}");
    assert!(raw.contains(&format!(" mytag[{}]: ", proxy.pid())), "{raw}");
}

#[test]
fn logasap_logs_before_the_end() {
    let start = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart".to_vec();
    let server = Server::script(vec![Step::ReadRequest, Step::Write(start), Step::Hold]);
    let bench = bench(server.addr(), "option logasap");
    let mut client = bench.client();
    client.send("GET /asap HTTP/1.1\r\nHost: a\r\n\r\n");
    let log = bench.logs.http("/asap");
    assert!(log.early, "{log:?}");
    assert_eq!(log.status, 200);
}

#[test]
fn log_to_stdout() {
    let server = Server::named("a");
    let config = format!(
        "{HTTP}\nlisten l\n bind {{bind:l}}\n log stdout format raw local0\n option httplog\n server a {{server:a}}\n"
    );
    let proxy = Proxy::in_front_of(&server, &config);
    get(proxy.addr("l"), "/out");
    eventually("a line on stdout", || {
        let line = proxy.stdout().lines().find(|line| line.contains("/out"))?.to_owned();
        let log = HttpLog::parse(&line).unwrap_or_else(|| panic!("not a raw line: {line}"));
        assert_eq!(log.termination, "----");
        Some(())
    });
}
