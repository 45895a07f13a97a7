//! Options and keywords of proxies beside their rules, on real traffic. With EVENKEEL_BIN=/usr/sbin/haproxy they ask haproxy.

mod common;

use common::*;

#[test]
fn cookies_for_everybody_are_blocked() {
    if is_oracle() {
        return; // 2.6 answers with its page for the server's status (docs/migrating.md, "Headers and connections")
    }
    let control = |r: &Message| r.header("x-control").map(|v| format!("Cache-Control: {v}\r\n")).unwrap_or_default();
    let server = Server::http(move |r| reply("200 OK", &format!("Set-Cookie: id=1\r\n{}", control(r)), ""));
    let logs = LogSink::start();
    let config = format!(
        "{HTTP}
frontend f
    bind {{bind:f}}
    log {{log}} local0
    option httplog
    default_backend b
backend b
    log {{log}} local1
    option checkcache
    stats uri /stats
    http-response set-header Cache-Control private if {{ capture.req.uri /mended }}
    http-after-response set-header X-After %[status]
    server a {{server:a}}
"
    );
    let proxy = Proxy::with().set("log", logs.addr()).server("a", server.addr()).start(&config);
    let ask = |path: &str, control: &str| {
        let mut client = Client::connect(proxy.addr("f"));
        client.ask(format!("GET {path} HTTP/1.1\r\nHost: h\r\n{control}\r\n"))
    };
    let blocked = ask("/shared", "");
    assert_eq!((blocked.status(), blocked.header("set-cookie"), blocked.header("x-after")), (502, None, Some("502")));
    assert_eq!(ask("/own", "X-Control: private\r\n").header("set-cookie"), Some("id=1"));
    assert_eq!(ask("/mended", "").status(), 200);
    let line = logs.http("/shared");
    assert_eq!((line.status, line.termination.as_str()), (502, "PH--"));
    logs.find("the alert", |m| (m.contains("b/a") && m.contains("cookie")).then_some(()));
    let csv = get(proxy.addr("f"), "/stats;csv").text();
    for row in ["f,FRONTEND,", "b,BACKEND,"] {
        let line = csv.lines().find(|l| l.starts_with(row)).unwrap();
        assert_eq!(line.split(',').nth(11), Some("1"), "denied responses in {line}");
    }
}
