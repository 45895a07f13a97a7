//! Health checks as servers and operators see them: the PROXY header, results and what they say, the first states.

mod common;

use common::*;

const CHECKED: &str = "
global
    nbthread 2
    stats socket {dir}/sock mode 600 level admin
defaults
    mode http
    timeout connect 4s
    timeout client 20s
    timeout server 20s
    timeout check 300ms
";

/// What came on the first connection of a check, up to where a request ends.
fn first(server: &Server) -> String {
    eventually("a check", || {
        let came = server.received(0);
        (came.len() > 15).then(|| String::from_utf8_lossy(&came).into_owned())
    })
}

#[test]
fn checks_say_who_they_are() {
    let servers: Vec<_> = (0..6).map(|_| Server::named("a")).collect();
    let config = format!(
        "{CHECKED}
listen l
    bind {{bind:l}}
    option httpchk GET /c
    server v1 {{server:0}} check inter 100ms send-proxy
    server v2 {{server:1}} check inter 100ms send-proxy-v2 check-send-proxy
    server checks-only {{server:2}} check inter 100ms check-send-proxy
    server traffic-only {{server:4}} check inter 100ms send-proxy port {{port}}
    server none {{server:5}} check inter 100ms
"
    );
    let mut builder = Proxy::with().set("port", servers[3].addr().port());
    for (n, s) in servers.iter().enumerate() {
        builder = builder.server(&n.to_string(), s.addr());
    }
    let proxy = builder.start(&config);
    let request = "GET /c HTTP/1.0\r\n";
    for n in [0, 2] {
        let text = first(&servers[n]);
        let (header, rest) = text.split_once("\r\n").unwrap();
        let words: Vec<_> = header.split(' ').collect();
        assert_eq!(words[..4], ["PROXY", "TCP4", "127.0.0.1", "127.0.0.1"], "{text}");
        assert_eq!(words[5], servers[n].addr().port().to_string(), "{text}");
        assert!(words[4].parse::<u16>().unwrap() > 0 && rest.starts_with(request), "{text}");
    }
    // Version 2: a connection of our own, without addresses.
    assert!(first(&servers[1]).starts_with(&format!("\r\n\r\n\0\r\nQUIT\n \0\0\0{request}")));
    for n in [3, 5] {
        assert!(first(&servers[n]).starts_with(request), "a port of its own, or none wanted");
    }
    drop(proxy);
}

#[test]
fn results_say_what_happened() {
    let answer = |text: &'static str| Server::http(move |_| text.into());
    let unwell = answer("HTTP/1.1 500 Very \"ill\", really\r\nContent-Length: 0\r\n\r\n");
    let (garbage, well) =
        (answer("SSH-2.0-OpenSSH_9.2\r\n"), answer("HTTP/1.1 200 Fine\r\nContent-Length: 5\r\n\r\nhello"));
    let mute = Server::start(|mut conn| {
        conn.request();
        std::thread::sleep(ms(2000));
    });
    let (refusing, logs) = (Refusing::start(), LogSink::start());
    let config = format!(
        "{CHECKED}
listen l
    bind {{bind:l}}
    log {{log}} local0
    option httpchk GET /c
    server refused {{server:refused}} check inter 100ms
    server unwell {{server:unwell}} check inter 100ms
    server garbage {{server:garbage}} check inter 100ms
    server mute {{server:mute}} check inter 100ms
    server well {{server:well}} check inter 100ms
    server late {{server:refused}} disabled check
listen m
    bind {{bind:m}}
    option httpchk GET /c
    http-check expect string bye
    server missing {{server:well}} check inter 100ms
listen n
    bind {{bind:n}}
    option httpchk GET /c
    http-check expect ! string hello
    server unwanted {{server:well}} check inter 100ms
"
    );
    let proxy = Proxy::with()
        .set("log", logs.addr())
        .server("refused", refusing.addr())
        .server("unwell", unwell.addr())
        .server("garbage", garbage.addr())
        .server("mute", mute.addr())
        .server("well", well.addr())
        .start(&config);
    let sock = proxy.dir().join("sock");
    let cli = Cli(&sock);
    // By hand: a reason may hold a comma.
    let line = |name: &str| cli.ask("show stat").lines().find(|l| l.contains(name)).unwrap_or_default().to_owned();
    let field = |p: &str, s: &str, f: &str| cli.stat(p, s, f).trim_start_matches("* ").to_owned();
    for (proxy, server, status, code, desc, said) in [
        ("l", "refused", "L4CON", "", "Layer4 connection problem", "Connection refused"),
        ("l", "garbage", "L7RSP", "", "Layer7 invalid response", ""),
        ("l", "mute", "L7TOUT", "", "Layer7 timeout", ""),
        ("l", "well", "L7OK", "200", "Layer7 check passed", ""),
        ("m", "missing", "L7RSP", "", "Layer7 invalid response", "HTTP content check did not match"),
        ("n", "unwanted", "L7RSP", "", "Layer7 invalid response", "HTTP check matched unwanted content"),
    ] {
        eventually(server, || (field(proxy, server, "check_status") == status).then_some(()));
        assert_eq!(field(proxy, server, "check_code"), code, "{server}");
        assert_eq!(field(proxy, server, "check_desc"), desc, "{server}");
        assert_eq!(field(proxy, server, "last_chk"), said, "{server}");
        assert!(field(proxy, server, "check_duration").parse::<u32>().is_ok(), "{server}");
        // Only failures of a server that was up are counted: the first one takes it down that was never seen working.
        let failures = if server == "well" { "0" } else { "1" };
        assert_eq!(field(proxy, server, "chkfail"), failures, "{server}");
    }
    eventually("what the server said", || line("l,unwell,").contains(",\"Very \"\"ill\"\", really\",").then_some(()));
    for text in [
        "Server l/refused is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", check duration: ",
        "Server l/unwell is DOWN, reason: Layer7 wrong status, code: 500, info: \"Very <22>ill<22>, really\", check duration: ",
        "Server l/mute is DOWN, reason: Layer7 timeout, check duration: ",
    ] {
        logs.find(text, |m| m.starts_with(text).then_some(()));
    }
    let line = "Server l/refused is DOWN, reason: Layer4 connection problem";
    let said = |line: &str| proxy.stderr().lines().any(|l| l.starts_with("[WARNING]  (") && l.contains(line));
    eventually("the same in the foreground", || said(line).then_some(()));
    eventually("a backend without servers", || {
        let line = "backend m has no server available!";
        proxy.stderr().lines().any(|l| l.starts_with("[ALERT]    (") && l.ends_with(line)).then_some(())
    });
}

#[test]
fn a_server_is_half_up_until_its_first_check() {
    let blackhole = Blackhole::start();
    let config =
        format!("{CHECKED}\nlisten l\n bind {{bind:l}}\n server a {{server:a}} check inter 60s rise 2 fall 3\n");
    let proxy = Proxy::with().server("a", blackhole.addr()).start(&config);
    let sock = proxy.dir().join("sock");
    let cli = Cli(&sock);
    let shown =
        ["status", "check_status", "check_health", "check_duration", "check_code"].map(|f| cli.stat("l", "a", f));
    assert_eq!(shown.each_ref().map(|s| s.trim_start_matches("* ")), ["UP 1/3", "INI", "2", "", ""]);
}
