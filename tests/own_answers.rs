//! What the proxy answers itself, and what becomes of the client's connection after it: no byte of a request may be taken for
//! the next one, and no client may keep the proxy to itself.

mod common;

use common::*;
use rustix::process::Signal;

fn listen(lines: &str) -> String {
    format!("{HTTP}\nlisten l\n bind {{bind:l}}\n {lines}\n")
}

const AFTER: &str = "GET /after HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn a_body_that_came_along_is_left_behind() {
    let proxy = Proxy::start(&listen("monitor-uri /up"));
    let mut client = Client::connect(proxy.addr("l"));
    let n = AFTER.len();
    for body in [
        format!("Content-Length: {n}\r\n\r\n{AFTER}"),
        format!("Transfer-Encoding: chunked\r\n\r\n{n:x}\r\n{AFTER}\r\n0\r\n\r\n"),
    ] {
        client.send(format!("POST /up HTTP/1.1\r\nHost: a\r\n{body}{AFTER}"));
        assert_eq!((client.response().status(), client.response().status()), (200, 503));
        assert!(client.is_quiet(), "the body was answered too");
    }
    client.send("POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
    assert_eq!(client.response().status(), 400);
    client.expect_close();
}

#[test]
fn a_body_that_comes_later_ends_the_connection() {
    let proxy = Proxy::start(&listen("monitor-uri /up\n stats uri /st"));
    for path in ["/up", "/st", "/no-server"] {
        let mut client = Client::connect(proxy.addr("l"));
        let answer = client.ask(format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", AFTER.len()));
        assert!(answer.lists("connection", "close"), "{path}");
        client.send(AFTER);
        client.expect_close();
    }
}

#[test]
fn statistics_in_chunks_leave_the_connection_open() {
    let proxy = Proxy::start(&listen("stats uri /st"));
    let mut client = Client::connect(proxy.addr("l"));
    for path in ["/st", "/st;csv"] {
        let page = client.get(path);
        assert_eq!((page.status(), page.header("transfer-encoding")), (200, Some("chunked")));
        assert!(page.text().contains("BACKEND") || page.text().contains("</html>"), "{}", page.text());
    }
    let head = client.ask("HEAD /st HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((head.status(), head.body.len()), (200, 0));
    let old = client.ask("GET /st;csv HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert!(old.header("transfer-encoding").is_none() && old.text().contains("BACKEND"));
}

#[test]
fn a_client_that_is_told_of_a_tunnel_sees_it_end() {
    let proxy = Proxy::start(&listen("http-request return status 200 content-type text/plain string x"));
    let mut client = Client::connect(proxy.addr("l"));
    client.send(format!("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n{AFTER}"));
    assert!(client.response_to("GET").lists("connection", "close"));
    client.expect_close();
}

#[test]
fn a_refused_page_has_no_body_for_head() {
    let proxy = Proxy::start(&listen("stats uri /st\n stats auth a:b"));
    let answer = roundtrip(proxy.addr("l"), "HEAD /st HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(answer.starts_with(b"HTTP/1.1 401 ") && answer.ends_with(b"\r\n\r\n"), "{}", show(&answer));
}

#[test]
fn bodies_of_http10_where_servers_may_not_expect_them() {
    let server = Server::named("a");
    let ask = |global: &str, method: &str| {
        let config = format!("{HTTP}\nlisten l\n bind {{bind:l}}\n server a {{server:a}}\n").replace("global", global);
        let proxy = Proxy::in_front_of(&server, &config);
        let mut client = Client::connect(proxy.addr("l"));
        let status = client.ask(format!("{method} / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx")).status();
        client.expect_close();
        status
    };
    for method in ["GET", "HEAD", "DELETE"] {
        assert_eq!(ask("global", method), 413, "{method}");
        assert_eq!(ask("global\n h1-accept-payload-with-any-method", method), 200, "{method}");
    }
    assert_eq!(ask("global", "POST"), 200);
}

/// The server closes a connection that was kept, in the moment of a request that must not be sent twice: the client sees the
/// close, as it would have without a proxy.
#[test]
fn a_closed_server_connection_is_the_clients_to_know() {
    let server = Server::script(vec![Step::ReadRequest, Step::Write(ok("first")), Step::ReadRequest]);
    let proxy = Proxy::in_front_of(&server, &listen("server a {server:a}"));
    let mut client = Client::connect(proxy.addr("l"));
    assert_eq!(client.get("/").text(), "first");
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
    client.expect_close();
    assert_eq!((server.connections(), server.requests().len()), (1, 0), "sent once, and to nobody else");
}

/// What the system says about a process.
fn stat(pid: u32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap()
}

/// Requests that need no server are answered in one go: others must have their turn all the same. The counter in the log tells
/// how many were answered before.
#[test]
fn a_flood_on_one_connection_holds_nobody_up() {
    // Lines of a flood are lost when nobody has time for them.
    if skip_when_slow() {
        return;
    }
    let logs = LogSink::start();
    let config = listen("log {log} local0\n log-format \"%HP line %lc.\"");
    let proxy = Proxy::with().set("log", logs.addr()).start(&config);
    let mut other = Client::connect(proxy.addr("l"));
    let line_of = |path: &str| {
        let mark = format!("{path} line ");
        logs.find("a line", |line| line.split_once(&mark)?.1.split('.').next()?.parse::<u32>().ok())
    };
    let many = "GET /flood HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1000);
    // Which of the two comes first is the poller's choice.
    for round in 0..12 {
        let mut flood = Client::connect(proxy.addr("l"));
        assert_eq!(flood.get(&format!("/begin{round}")).status(), 503);
        proxy.signal(Signal::STOP);
        eventually("the proxy stands still", || stat(proxy.pid()).contains(") T ").then_some(()));
        flood.stream.set_nonblocking(true).unwrap();
        while flood.0.send(&many).is_ok() {}
        other.send(format!("GET /other{round} HTTP/1.1\r\nHost: a\r\n\r\n"));
        proxy.signal(Signal::CONT);
        assert_eq!(other.response().status(), 503);
        let before = line_of(&format!("/other{round}")) - line_of(&format!("/begin{round}"));
        assert!(before < 100, "{before} requests of the flood came first");
    }
}

#[test]
fn a_client_that_is_denied_may_ask_again() {
    let proxy = Proxy::start(&listen("http-request deny if { path /no }\n monitor-uri /up"));
    let mut client = Client::connect(proxy.addr("l"));
    for path in ["/no", "/up", "/no"] {
        assert_eq!(client.get(path).status(), if path == "/up" { 200 } else { 403 });
    }
}

#[test]
fn a_tarpit_ends_with_its_client() {
    let logs = LogSink::start();
    let config = listen("log {log} local0\n option httplog\n timeout tarpit 15s\n http-request tarpit");
    let proxy = Proxy::with().set("log", logs.addr()).start(&config);
    let mut client = Client::connect(proxy.addr("l"));
    client.send("GET /stuck HTTP/1.1\r\nHost: a\r\n\r\n");
    std::thread::sleep(ms(100));
    client.half_close();
    assert_eq!(client.response().status(), 500);
    let log = logs.http("/stuck");
    assert_eq!((log.termination.as_str(), log.status), ("PT--", 500), "{log:?}");
    // As long as it was held: a slow machine takes the request up late.
    assert!((0..10_000).contains(&log.timers[1]), "{log:?}");
}

#[test]
fn files_as_answers() {
    let folder = Folder::new("answers");
    let sorry = "HTTP/1.1 404 Not Here\nX-File: yes\nContent-Length: 6\n\nsorry\n";
    let (lines, known) = (folder.file("lines", sorry), folder.file("known", &sorry.replace("404", "403")));
    let (open, empty) = (folder.file("open", "HTTP/1.1 410 Gone\n\ngone\n"), folder.file("empty", ""));
    let config = format!(
        "{HTTP}\nlisten l\n bind {{bind:l}}\n errorfile 403 {known}\n http-after-response set-header X-After %[status]\n \
         http-request return status 404 errorfile {lines} if {{ path /lines }}\n \
         http-request return errorfile {open} if {{ path /open }}\n \
         http-request return errorfile {empty} if {{ path /empty }}\n \
         http-request deny\n"
    );
    let proxy = Proxy::start(&config);
    let mut client = Client::connect(proxy.addr("l"));
    for (path, status) in [("/lines", 404), ("/denied", 403)] {
        for method in ["GET", "HEAD"] {
            client.send(format!("{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
            let answer = client.response_to(method);
            assert_eq!(
                (answer.status(), answer.text().as_str()),
                (status, if method == "GET" { "sorry\n" } else { "" })
            );
            assert_eq!((answer.header("x-file"), answer.header("content-length")), (Some("yes"), Some("6")));
            assert_eq!(answer.header("x-after"), Some(status.to_string().as_str()));
        }
    }
    assert!(client.is_quiet(), "HEAD had a body");
    let answer = get(proxy.addr("l"), "/open");
    assert_eq!((answer.status(), answer.text().as_str(), answer.header("x-after")), (410, "gone\n", Some("410")));
    assert!(answer.lists("connection", "close"));
    let head = roundtrip(proxy.addr("l"), "HEAD /open HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(head.starts_with(b"HTTP/1.1 410 ") && head.ends_with(b"\r\n\r\n"), "{}", show(&head));
    assert_eq!(roundtrip(proxy.addr("l"), "GET /empty HTTP/1.1\r\nHost: a\r\n\r\n"), b"");
}

#[test]
fn files_that_are_no_answers() {
    let folder = Folder::new("no-answers");
    for (text, why) in [
        ("just text\n", "begins with HTTP/1.0 or HTTP/1.1"),
        ("HTTP/1.1 403 X\r\nFoo: bar\r\n", "no end"),
        ("HTTP/1.1 403 X\nFoo bar\n\nhello", "no header field"),
        ("HTTP/1.1 403 X\nContent-Length: 100\n\nhello", "is 100, but 5 bytes follow"),
        ("HTTP/1.1 403 X\nTransfer-Encoding: chunked\n\n5\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding"),
        ("HTTP/1.1 204 X\n\nhello", "has no body"),
        ("HTTP/1.1 100 X\n\n", "from 200 to 599"),
    ] {
        let file = folder.file("file", text);
        for line in ["errorfile 403", "http-request return errorfile", "http-request deny errorfile"] {
            let done = Proxy::with().run(&["-c"], &listen(&format!("{line} {file}")));
            let said = String::from_utf8_lossy(&done.stderr);
            assert!(!done.status.success() && said.contains(&file), "{line} {text}: {said}");
            assert!(
                is_oracle() || said.contains(why) && said.contains("help: such a file is"),
                "{line} {text}: {said}"
            );
        }
    }
}

#[test]
fn a_rule_ends_the_clients_connection() {
    let server = Server::named("a");
    let proxy = Proxy::in_front_of(
        &server,
        &listen(
            "http-response set-header Connection close\n \
             http-after-response add-header Connection close if { status 403 }\n \
             http-request deny if { path /denied }\n server a {server:a}",
        ),
    );
    for (path, status) in [("/", 200), ("/denied", 403)] {
        let mut client = Client::connect(proxy.addr("l"));
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let answer = client.response();
        assert_eq!((answer.status(), answer.all("connection")), (status, vec!["close"]), "{path}");
        client.expect_close();
    }
    if !is_oracle() {
        let config = listen("http-request set-header Connection close\n http-response del-header Content-Length");
        let said = Proxy::with().run(&["-c"], &config).stderr;
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains("set-header Connection' has no effect"), "{said}");
        assert!(said.contains("del-header Content-Length' has no effect"), "{said}");
    }
}

#[test]
fn what_is_known_in_frontends_or_in_http_only() {
    for (lines, ours) in [
        ("backend b\n http-request capture path len 10", "with 'len' is for frontends"),
        ("listen l\n bind {bind:l}\n http-response capture status len 10", "knows only 'id'"),
        ("listen l\n mode tcp\n bind {bind:l}\n log-format %HP", "'%HP' is known in mode http only"),
        ("listen l\n mode tcp\n bind {bind:l}\n error-log-format %{+Q}r", "'%r' is known in mode http only"),
    ] {
        let done = Proxy::with().run(&["-c"], &format!("{HTTP}\n{lines}\n"));
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(!done.status.success() && (is_oracle() || said.contains(ours)), "{lines}: {said}");
    }
}

#[test]
fn a_tcp_session_has_its_id_in_the_log() {
    let (log, server) = (LogSink::start(), Server::echo());
    let config = format!(
        "{HTTP}\nlisten l\n mode tcp\n bind {{bind:l}}\n log {} local0\n unique-id-format %ci_%fi\n \
         log-format \"id %ID %ts\"\n server a {{server:a}}\n",
        log.addr()
    );
    let proxy = Proxy::in_front_of(&server, &config);
    drop(Client::connect(proxy.addr("l")));
    let line = log.find("the line", |m| m.contains("id 127.").then(|| m.to_owned()));
    assert!(line.contains("id 127.0.0.1_127.0.0.1 "), "{line}");
}
