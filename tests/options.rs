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

#[test]
fn lines_of_failed_connections_and_structured_data() {
    let (server, logs) = (Server::named("a"), LogSink::start());
    let config = format!(
        "{HTTP}
defaults
    mode http
    timeout connect 4s
    timeout client 300ms
    timeout server 20s
    log {{log}} format rfc5424 local0
    log {{log}} format raw local0
    error-log-format \"failed %ci %ST %ts %{{+Q}}r %[src] %b/%s\"
    log-format-sd \"[id@1 status=\\\"%ST\\\" path=\\\"%HP\\\"]\"
    log-format \"fine %HP %ST\"
frontend f
    bind {{bind:f}}
    http-request deny if {{ path /denied }}
    default_backend b
frontend p
    bind {{bind:p}} accept-proxy
    default_backend b
backend b
    server a {{server:a}}
"
    );
    let proxy = Proxy::with().set("log", logs.addr()).server("a", server.addr()).start(&config);
    let find = |what: &str| logs.find(what, |m| m.starts_with(what).then(|| m.to_owned()));
    get(proxy.addr("f"), "/good");
    get(proxy.addr("f"), "/denied");
    assert_eq!((find("fine /good"), find("fine /denied")), ("fine /good 200".into(), "fine /denied 403".into()));
    logs.find("the data", |m| m.contains(" - [id@1 status=\"200\" path=\"/good\"] fine /good 200").then_some(()));
    roundtrip(proxy.addr("f"), "GARBAGE\r\n\r\n");
    assert_eq!(find("failed 127.0.0.1 400 PR"), "failed 127.0.0.1 400 PR \"<BADREQ>\" 127.0.0.1 f/<NOSRV>");
    Client::connect(proxy.addr("f")).rest();
    find("failed 127.0.0.1 408 cR");
    roundtrip(proxy.addr("p"), "GARBAGE\r\n\r\n");
    assert_eq!(find("failed 127.0.0.1 0"), "failed 127.0.0.1 0 PR \"<BADREQ>\" 127.0.0.1 p/<NOSRV>");
}

#[test]
fn lines_with_what_tls_has_to_say() {
    let (server, logs) = (Server::named("a"), LogSink::start());
    let proxy = Proxy::logging(&server, &logs, "    option httpslog");
    get(proxy.addr("l"), "/x");
    let line = logs.find("the line", |m| m.contains("/x").then(|| m.to_owned()));
    assert!(line.ends_with(" 0/0 \"GET /x HTTP/1.1\" 0/-/-/-/0 -/-/-"), "{line}");
}

#[test]
fn rules_say_who_sees_the_statistics() {
    let (server, logs) = (Server::named("a"), LogSink::start());
    let config = format!(
        "{HTTP}
userlist people
    user joe insecure-password secret
    user ann password $1$saltsalt$qjXMvbEw8oaL.CzflDtaK/
listen l
    bind {{bind:l}}
    log {{log}} local0
    option httplog
    stats uri /stats
    stats http-request deny if {{ hdr(x-bad) -m found }}
    stats http-request allow if {{ http_auth(people) }}
    stats http-request auth realm Ours
    http-request set-header x-bad 1 if {{ path /stats/bad }}
    redirect location /elsewhere if {{ hdr(x-away) -m found }}
    server a {{server:a}}
listen m
    bind {{bind:m}}
    stats http-request auth unless {{ http_auth(people) }}
    server a {{server:a}}
"
    );
    let proxy = Proxy::with().set("log", logs.addr()).server("a", server.addr()).start(&config);
    let ask = |to: &str, path: &str, more: &str| {
        Client::connect(proxy.addr(to)).ask(format!("GET {path} HTTP/1.1\r\nHost: h\r\n{more}\r\n"))
    };
    const JOE: &str = "Authorization: Basic am9lOnNlY3JldA==\r\n";
    const ANN: &str = "Authorization: Basic YW5uOnBhc3N3b3Jk\r\n";
    let asked = ask("l", "/stats", "");
    assert_eq!((asked.status(), asked.header("www-authenticate")), (401, Some("Basic realm=\"Ours\"")));
    assert_eq!((ask("l", "/stats", JOE).status(), ask("l", "/stats", ANN).status()), (200, 200));
    assert_eq!(ask("l", "/stats", "Authorization: Basic am9lOndyb25n\r\n").status(), 401);
    assert_eq!(ask("l", "/stats/bad", JOE).status(), 403);
    // The page comes before redirections, and its rules are for nothing else.
    assert_eq!(ask("l", "/stats", "X-Away: 1\r\n").status(), 401);
    assert_eq!((ask("l", "/", "X-Away: 1\r\n").status(), ask("l", "/", "").status()), (302, 200));
    let usual = ask("m", "/haproxy?stats", "");
    assert_eq!((usual.status(), usual.header("www-authenticate")), (401, Some("Basic realm=\"HAProxy Statistics\"")));
    assert_eq!(ask("m", "/haproxy?stats", JOE).status(), 200);
    let line = logs.http("/stats/bad");
    assert_eq!((line.server.as_str(), line.termination.as_str()), ("<STATS>", "PR--"));
}

#[test]
fn servers_that_are_down_are_tried_where_persistence_is_forced() {
    let (down, up) = (Server::named("down"), Server::named("up"));
    let gone = Refusing::start();
    let backend = |name: &str, lines: &str| {
        format!(
            "backend {name}\n    {lines}\n    use-server down if {{ hdr(x-to) down }}\n    use-server gone if {{ hdr(x-to) gone }}
    server down {{server:down}} disabled\n    server gone {{server:gone}} disabled\n    server up {{server:up}}\n"
        )
    };
    let config = format!(
        "{HTTP}    retries 1\n    option redispatch
frontend f
    bind {{bind:f}}
    use_backend %[path,word(1,/)]
{}{}{}{}
listen t
    bind {{bind:t}}
    mode tcp
    force-persist if {{ src 127.0.0.0/8 }}
    use-server down if TRUE
    server down {{server:down}} disabled
    server up {{server:up}}
",
        backend("plain", "timeout queue 1s"),
        backend("forced", "force-persist if { hdr(x-test) 1 }"),
        backend("ignored", "ignore-persist if { path_end .png }\n    force-persist unless { hdr(x-test) 0 }"),
        backend("optional", "option persist"),
    );
    let proxy =
        Proxy::with().server("down", down.addr()).server("up", up.addr()).server("gone", gone.addr()).start(&config);
    for (path, to, test, want) in [
        ("/plain", "down", "1", "up"),
        ("/forced", "down", "1", "down"),
        ("/forced", "down", "2", "up"),
        ("/forced", "gone", "1", ""),
        ("/forced", "gone", "2", "up"),
        ("/ignored", "down", "1", "down"),
        ("/ignored/a.png", "down", "1", "up"),
        ("/optional", "down", "1", "down"),
        ("/optional", "gone", "1", "up"),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nX-To: {to}\r\nX-Test: {test}\r\n\r\n");
        let answer = Client::connect(proxy.addr("f")).ask(request);
        assert_eq!(answer.status(), if want.is_empty() { 503 } else { 200 }, "{path} {to} {test}");
        assert!(want.is_empty() || answer.text() == want, "{path} {to} {test}: {}", answer.text());
    }
    assert_eq!(get(proxy.addr("t"), "/").text(), "down");
}

#[test]
fn lines_that_are_not_written_are_not_counted() {
    let (server, logs) = (Server::named("a"), LogSink::start());
    let lines = r#"
    log-format "line %lc of %HP %ST"
    http-request set-log-level silent if { path /quiet }"#;
    let proxy = Proxy::logging(&server, &logs, lines);
    for path in ["/first", "/quiet", "/second"] {
        get(proxy.addr("l"), path);
    }
    logs.find("the second line", |m| (m == "line 1 of /second 200").then_some(()));
}

/// HAProxy has not had it since 1.9.
#[test]
fn a_proxy_for_addresses_that_clients_name() {
    if is_oracle() {
        return;
    }
    let (one, two) = (Server::named("one"), Server::named("two"));
    let config = format!(
        "{HTTP}\nlisten l\n    bind {{bind:l}}\n    option http_proxy\n    http-request deny if {{ url_port {} }} {{ path /no }}\n",
        two.addr().port()
    );
    let proxy = Proxy::start(&config);
    let mut client = Client::connect(proxy.addr("l"));
    let mut ask =
        |host: &str, path: &str| client.ask(format!("GET http://{host}{path} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    assert_eq!(ask(&one.addr().to_string(), "/x?y").text(), "one");
    assert_eq!(ask(&two.addr().to_string(), "/z").text(), "two");
    assert_eq!((one.last().target(), two.last().target()), ("/x?y", "/z"));
    assert_eq!(ask(&two.addr().to_string(), "/no").status(), 403);
    for target in ["/x", "http://localhost/x", "http://127.0.0.1:99999/", "https://127.0.0.1/"] {
        let host = target.split('/').nth(2).unwrap_or("h");
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(Client::connect(proxy.addr("l")).ask(request).status(), 400, "{target}");
    }
}
