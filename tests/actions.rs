//! Actions on real traffic that change neither a message nor an answer, but what is known of a session. With
//! EVENKEEL_BIN=/usr/sbin/haproxy the same tests ask haproxy.

mod common;

use common::*;

/// A `listen` section `l` with these lines before its server, whose line ends with `options`.
fn proxy(server: &Server, lines: &str, options: &str) -> Proxy {
    let config =
        format!("{HTTP}\nlisten l\n    bind {{bind:l}}\n    {}\n    server a {{server:a}} {options}\n", lines.trim());
    Proxy::in_front_of(server, &config)
}

#[test]
fn rules_say_who_the_client_is() {
    let (server, logs) = (Server::named("a"), LogSink::start());
    let lines = "
    log-format {%ci:%cp/%fi:%fp/%[src]}
    option forwardfor
    http-request set-src req.hdr(x-real)
    http-request set-src-port int(4321)
    http-request set-dst str(2001:db8::9)
    http-request set-dst-port req.hdr(x-port)
    http-request set-header X-Seen %[src]|%[src_port]|%[dst]|%[dst_port]|%ci|%[fc_src]";
    let proxy = Proxy::logging(&server, &logs, lines);
    let mut client = Client::connect(proxy.addr("l"));
    client.ask("GET /a HTTP/1.1\r\nHost: h\r\nX-Real: 192.0.2.7\r\nX-Port: 99\r\n\r\n");
    let request = server.last();
    assert_eq!(request.header("x-seen"), Some("192.0.2.7|4321|2001:db8::9|99|192.0.2.7|127.0.0.1"));
    assert_eq!(request.header("x-forwarded-for"), Some("192.0.2.7"));
    logs.find("its line", |m| m.contains("{192.0.2.7:4321/2001:db8::9:99/192.0.2.7}").then_some(()));
    // Without a value nothing is changed, and the next request is nobody else's.
    client.ask("GET /b HTTP/1.1\r\nHost: h\r\n\r\n");
    let seen = server.last().header("x-seen").unwrap().to_owned();
    assert!(seen.starts_with("127.0.0.1|4321|2001:db8::9|") && !seen.contains("|99|"), "{seen}");
}

#[test]
fn what_a_connection_is_told_of_a_client_is_true() {
    let server = Server::start(|mut conn| {
        let mut head = Vec::new();
        while let Ok(byte) = conn.read_n(1) {
            head.extend(byte);
            if head.ends_with(b"\r\n\r\n") && conn.send(ok("a")).is_err() {
                return;
            }
        }
    });
    let proxy = proxy(&server, "http-request set-src req.hdr(x-real)", "send-proxy");
    let mut client = Client::connect(proxy.addr("l"));
    for real in ["192.0.2.7", "192.0.2.8"] {
        client.send(format!("GET / HTTP/1.1\r\nHost: h\r\nX-Real: {real}\r\n\r\n"));
        assert_eq!(client.response().status(), 200);
    }
    let told = [0, 1].map(|n| String::from_utf8_lossy(&server.received(n)).into_owned());
    assert!(told[0].starts_with("PROXY TCP4 192.0.2.7 127.0.0.1 "), "{told:?}");
    assert!(told[1].starts_with("PROXY TCP4 192.0.2.8 127.0.0.1 "), "{told:?}");
}

#[test]
fn a_session_has_timeouts_of_its_own() {
    let (server, logs) = (Server::script(vec![Step::ReadHead, Step::Hold]), LogSink::start());
    let lines = "
    log-format {%[cur_server_timeout]}
    http-request set-timeout server 50ms if { path /fixed }
    http-request set-timeout server req.hdr(x-ms)";
    let proxy = Proxy::logging(&server, &logs, lines);
    assert_eq!(get(proxy.addr("l"), "/fixed").status(), 504);
    logs.find("its line", |m| m.contains("{50}").then_some(()));
    let mut client = Client::connect(proxy.addr("l"));
    assert_eq!(client.ask("GET / HTTP/1.1\r\nHost: h\r\nX-Ms: 60\r\n\r\n").status(), 504);
    logs.find("its line", |m| m.contains("{60}").then_some(()));
}

#[test]
fn hints_go_before_the_answer() {
    let server = Server::named("a");
    let lines = "
    http-request early-hint Link </a.css>
    http-request early-hint Link %[path,url_dec] if { path_beg /b }
    http-request deny if { path /deny }";
    let proxy = proxy(&server, lines, "");
    let mut client = Client::connect(proxy.addr("l"));
    for (path, links) in [("/a", "</a.css>"), ("/b%0d%0ax", "</a.css>|/b%0D%0Ax"), ("/deny", "</a.css>")] {
        client.send(format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"));
        let answer = client.response();
        assert_eq!(answer.status(), if path == "/deny" { 403 } else { 200 });
        let hints: Vec<(u16, String)> = answer.interim.iter().map(|i| (i.status(), i.all("link").join("|"))).collect();
        assert_eq!(hints, [(103, links.to_owned())]);
    }
    // Who speaks HTTP/1.0 does not know them.
    let mut client = Client::connect(proxy.addr("l"));
    let answer = client.ask("GET / HTTP/1.0\r\n\r\n");
    assert_eq!((answer.status(), answer.interim.len()), (200, 0));
}

#[test]
fn converters_remember_on_the_way() {
    let (server, logs) = (Server::named("a"), LogSink::start());
    let lines = "
    log-format {%hr|%[var(sess.n)]}
    declare capture request len 4
    http-request set-header X-A %[path,set-var(txn.p),capture-req(0),length,set-var(sess.n,ifnotset)]-%[var(txn.p)]
    http-request set-header X-B %[var(txn.p)] if { str(x),set-var(txn.q),concat(y,txn.q,z) xyxz }
    http-request set-header X-C <%[src,unset-var(txn.p)]|%[var(txn.p)]>
    http-request set-header X-D %[var(txn.q)]|%[var(txn.p)]|";
    let proxy = Proxy::logging(&server, &logs, lines);
    let mut client = Client::connect(proxy.addr("l"));
    for (path, length) in [("/abcdef", "7"), ("/b", "")] {
        client.ask(format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"));
        let request = server.last();
        let seen = ["x-a", "x-b", "x-c", "x-d"].map(|name| request.header(name).unwrap_or_default().to_owned());
        assert_eq!(seen, [format!("{length}-{path}"), path.into(), "<127.0.0.1|>".into(), "x||".into()]);
        logs.find("its line", |m| m.contains(&format!("{{{}}}|7", &path[..path.len().min(4)])).then_some(()));
    }
}

#[test]
fn variables_of_the_process_are_everybodys() {
    let server = Server::named("a");
    let config = "
global
    nbthread 2
    stats socket {dir}/sock
    set-var proc.state str(primary)
    set-var proc.number int(40)
    set-var proc.sum int(2),add(proc.number)
    set-var-fmt proc.text \"%[var(proc.state),upper] %[var(proc.sum)]\"
defaults
    mode http
    timeout connect 4s
    timeout client 20s
    timeout server 20s
frontend f
    bind {bind:f}
    http-request set-var(proc.state) path if { path_beg /set }
    default_backend b
backend b
    http-request set-header X-All %[var(proc.state)]|%[var(proc.number)]|%[var(proc.text)]
    server a {server:a}
";
    let proxy = Proxy::in_front_of(&server, config);
    let ask = |path: &str| {
        assert_eq!(get(proxy.addr("f"), path).status(), 200);
        server.last().header("x-all").unwrap_or_default().to_owned()
    };
    assert_eq!(ask("/a"), "primary|40|PRIMARY 42");
    assert_eq!(ask("/set"), "/set|40|PRIMARY 42");
    let held = |name: &str| Cli(&proxy.dir().join("sock")).ask(&format!("get var {name}")).trim_end().to_owned();
    assert_eq!(held("proc.state"), "proc.state: type=str value=</set>");
    assert_eq!(held("proc.sum"), "proc.sum: type=sint value=<42>");
    assert_eq!(held("proc.none"), "Variable not found.");
    // Whichever worker it is.
    for _ in 0..8 {
        assert_eq!(ask("/a"), "/set|40|PRIMARY 42");
    }
}
