//! Which server gets a request: algorithms, weights, backups, limits, queues, retries.

mod common;

use std::collections::BTreeMap;

use common::*;

/// A `listen` section `l` with three servers a, b, c, whose names are their answers.
struct Farm {
    proxy: Proxy,
    servers: Vec<Server>,
}

/// `{server:a}` to `{server:c}` in the lines are the servers' addresses.
fn farm(lines: &str) -> Farm {
    let servers: Vec<Server> = ["a", "b", "c"].into_iter().map(Server::named).collect();
    let mut builder = Proxy::with();
    for (name, server) in ["a", "b", "c"].iter().zip(&servers) {
        builder = builder.server(name, server.addr());
    }
    let proxy = builder.start(&format!("{HTTP}\nlisten l\n    bind {{bind:l}}\n    {lines}\n"));
    Farm { proxy, servers }
}

const THREE: &str = "server a {server:a}\n server b {server:b}\n server c {server:c}";

impl Farm {
    /// The names that answer `count` requests for this path, each on a connection of its own.
    fn ask(&self, path: &str, count: usize) -> String {
        (0..count).map(|_| get(self.proxy.addr("l"), path).text()).collect()
    }
}

fn tally(names: &str) -> BTreeMap<char, usize> {
    let mut out = BTreeMap::new();
    for name in names.chars() {
        *out.entry(name).or_default() += 1;
    }
    out
}

#[test]
fn roundrobin_takes_turns() {
    let farm = farm(&format!("balance roundrobin\n {THREE}"));
    assert_eq!(farm.ask("/", 9), "abcabcabc");
}

#[test]
fn roundrobin_is_the_default_and_goes_on_inside_keep_alive() {
    let farm = farm(THREE);
    let mut client = Client::connect(farm.proxy.addr("l"));
    let names: String = (0..6).map(|_| client.get("/").text()).collect();
    assert_eq!(names, "abcabc");
}

#[test]
fn roundrobin_weights_are_exact_and_smooth() {
    let farm = farm(
        "balance roundrobin\n server a {server:a} weight 1\n server b {server:b} weight 2\n server c {server:c} weight 3",
    );
    let names = farm.ask("/", 60);
    assert_eq!(tally(&names), BTreeMap::from([('a', 10), ('b', 20), ('c', 30)]));
    assert!(!names.contains("ccc"), "not smooth: {names}");
}

#[test]
fn weight_zero_gets_nothing() {
    let farm = farm("balance roundrobin\n server a {server:a} weight 0\n server b {server:b}");
    assert_eq!(farm.ask("/", 4), "bbbb");
}

#[test]
fn static_rr_weights() {
    let farm = farm("balance static-rr\n server a {server:a} weight 1\n server b {server:b} weight 3");
    assert_eq!(tally(&farm.ask("/", 20)), BTreeMap::from([('a', 5), ('b', 15)]));
}

#[test]
fn leastconn_prefers_the_idle_one() {
    let slow = Server::script(vec![Step::ReadRequest, Step::Hold]);
    let fast = Server::named("f");
    let config = format!(
        "{HTTP}\nlisten l\n bind {{bind:l}}\n balance leastconn\n server s {{server:s}}\n server f {{server:f}}\n"
    );
    let proxy = Proxy::with().server("s", slow.addr()).server("f", fast.addr()).start(&config);
    let mut stuck = Client::connect(proxy.addr("l"));
    stuck.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    eventually("the stuck request", || (!slow.received(0).is_empty()).then_some(()));
    for _ in 0..5 {
        assert_eq!(get(proxy.addr("l"), "/").text(), "f");
    }
}

#[test]
fn first_fills_the_first_one() {
    let farm = farm("balance first\n server a {server:a} maxconn 10\n server b {server:b} maxconn 10");
    assert_eq!(farm.ask("/", 5), "aaaaa");
}

#[test]
fn source_is_sticky() {
    let farm = farm(&format!("balance source\n {THREE}"));
    let names = farm.ask("/", 6);
    assert_eq!(tally(&names).len(), 1, "{names}");
}

#[test]
fn uri_sticks_to_the_path_and_spreads() {
    let farm = farm(&format!("balance uri\n {THREE}"));
    let mut all = String::new();
    for i in 0..30 {
        let path = format!("/page/{i}");
        let one = farm.ask(&path, 1);
        assert_eq!(farm.ask(&format!("{path}?query"), 1), one, "{path}");
        all += &one;
    }
    assert_eq!(tally(&all).len(), 3, "{all}");
}

#[test]
fn url_param_and_hdr() {
    let config = "balance url_param id\n server a {server:a}\n server b {server:b}\n server c {server:c}";
    let by_param = farm(config);
    let names: Vec<String> = (0..20).map(|i| by_param.ask(&format!("/?x=1&id={i}"), 1)).collect();
    for (i, name) in names.iter().enumerate() {
        assert_eq!(by_param.ask(&format!("/other/?id={i}&y"), 1), *name);
    }
    assert_eq!(tally(&names.concat()).len(), 3);

    let by_header = farm(&config.replace("url_param id", "hdr(X-Key)"));
    let ask = |key: usize| {
        Client::connect(by_header.proxy.addr("l"))
            .ask(format!("GET / HTTP/1.1\r\nHost: a\r\nX-Key: k{key}\r\n\r\n"))
            .text()
    };
    for i in 0..10 {
        assert_eq!(ask(i), ask(i));
    }
}

#[test]
fn random_reaches_all() {
    let farm = farm(&format!("balance random\n {THREE}"));
    assert_eq!(tally(&farm.ask("/", 60)).len(), 3);
}

#[test]
fn backup_serves_only_when_the_others_are_gone() {
    let both = farm("server a {server:a}\n server b {server:b} backup");
    assert_eq!(both.ask("/", 3), "aaa");
    let gone = farm("server a {server:a} disabled\n server b {server:b} backup\n server c {server:c} backup");
    assert_eq!(gone.ask("/", 4), "bbbb");
    let all = farm(
        "option allbackups\n server a {server:a} disabled\n server b {server:b} backup\n server c {server:c} backup",
    );
    assert_eq!(tally(&all.ask("/", 4)), BTreeMap::from([('b', 2), ('c', 2)]));
}

#[test]
fn all_disabled_503() {
    let farm = farm("server a {server:a} disabled");
    assert_eq!(get(farm.proxy.addr("l"), "/").status(), 503);
}

#[test]
fn default_server_applies_to_what_follows() {
    let farm = farm("server a {server:a}\n default-server disabled\n server b {server:b}\n server c {server:c}");
    assert_eq!(farm.ask("/", 4), "aaaa");
}

#[test]
fn prefer_last_server() {
    // HAProxy 2.6 knows a session's last server only where its connection stays private.
    let farm = farm(&format!("option prefer-last-server\n http-reuse never\n {THREE}"));
    let mut client = Client::connect(farm.proxy.addr("l"));
    let names: String = (0..4).map(|_| client.get("/").text()).collect();
    assert_eq!(tally(&names).len(), 1, "{names}");
    assert_eq!(farm.servers.iter().map(Server::connections).sum::<usize>(), 1);
}

#[test]
fn authentication_stays_on_its_connection() {
    // NTLM and its like authenticate a connection: after a 401 the next request goes to the same one.
    let servers: Vec<Server> = ["a", "b"]
        .into_iter()
        .map(|name| Server::http(move |_| reply("401 No", "WWW-Authenticate: NTLM\r\n", name)))
        .collect();
    let config = format!("{HTTP}\nlisten l\n bind {{bind:l}}\n server a {{server:a}}\n server b {{server:b}}\n");
    let proxy = Proxy::with().server("a", servers[0].addr()).server("b", servers[1].addr()).start(&config);
    let mut client = Client::connect(proxy.addr("l"));
    let names: String = (0..4).map(|_| client.get("/").text()).collect();
    assert_eq!(names, "aaaa");
}

// ---- retries

#[test]
fn redispatch_goes_to_another_server() {
    let (refusing, server, logs) = (Refusing::start(), Server::named("b"), LogSink::start());
    let config = format!(
        "{HTTP}\nlisten l\n bind {{bind:l}}\n log {{log}} local0\n option httplog\n option redispatch\n retries 2\n \
         balance roundrobin\n server a {{server:a}}\n server b {{server:b}}\n"
    );
    let proxy =
        Proxy::with().server("a", refusing.addr()).server("b", server.addr()).set("log", logs.addr()).start(&config);
    assert_eq!(get(proxy.addr("l"), "/again").text(), "b");
    let log = logs.http("/again");
    assert_eq!(log.server, "b");
    assert!(log.redispatched && log.retries >= 1, "{log:?}");
}

#[test]
fn retries_are_counted() {
    let (refusing, logs) = (Refusing::start(), LogSink::start());
    let config = format!(
        "{HTTP}\nlisten l\n bind {{bind:l}}\n log {{log}} local0\n option httplog\n no option redispatch\n retries 2\n \
         timeout connect 100ms\n server a {{server:a}}\n"
    );
    let proxy = Proxy::with().server("a", refusing.addr()).set("log", logs.addr()).start(&config);
    assert_eq!(get(proxy.addr("l"), "/never").status(), 503);
    let log = logs.http("/never");
    assert_eq!((log.retries, log.redispatched, log.termination.as_str()), (2, false, "SC--"), "{log:?}");
}

#[test]
fn retry_on_empty_response() {
    // The first connection closes without an answer.
    let server = Server::start(|mut conn| {
        if conn.request().is_some() && conn.index > 0 {
            conn.send(reply("200 OK", "Connection: close\r\n", "second")).unwrap();
        }
    });
    let proxy = Proxy::in_front_of(
        &server,
        &format!("{HTTP}\nlisten l\n bind {{bind:l}}\n retry-on empty-response\n retries 3\n server a {{server:a}}\n"),
    );
    assert_eq!(get(proxy.addr("l"), "/").text(), "second");
}

// ---- limits and queues

#[test]
fn server_maxconn_queues_the_rest() {
    let server = Server::http(|_| {
        std::thread::sleep(ms(100));
        ok("x")
    });
    let logs = LogSink::start();
    let config = format!(
        "{HTTP}\nlisten l\n bind {{bind:l}}\n log {{log}} local0\n option httplog\n timeout queue 5s\n \
         option http-server-close\n server a {{server:a}} maxconn 1\n"
    );
    let proxy = Proxy::with().server("a", server.addr()).set("log", logs.addr()).start(&config);
    let addr = proxy.addr("l");
    std::thread::scope(|scope| {
        for i in 0..3 {
            scope.spawn(move || assert_eq!(get(addr, &format!("/number{i}")).text(), "x"));
        }
    });
    let mut waits: Vec<i64> = (0..3).map(|i| logs.http(&format!("/number{i}")).timers[1]).collect();
    waits.sort();
    assert!(waits[0] < 80 && waits[1] >= 60 && waits[2] >= 150, "{waits:?}");
}

#[test]
fn a_full_queue_is_503() {
    // With one connection and one place in its queue, `a` has room for two. A hash has no second choice.
    let logs = LogSink::start();
    let (stuck, free) = (Server::script(vec![Step::ReadRequest, Step::Hold]), Server::named("b"));
    let config = format!(
        "{HTTP}\nlisten l\n bind {{bind:l}}\n balance url_param id\n timeout queue 5s\n log {{log}} local0\n option httplog\n \
         server a {{server:a}} maxconn 1 maxqueue 1\n server b {{server:b}}\n"
    );
    let proxy = Proxy::with().server("a", stuck.addr()).server("b", free.addr()).set("log", logs.addr()).start(&config);
    // A key that hashes to `a`: the first whose request gets no answer.
    let mut waiting = Vec::new();
    let key = (0..).find(|id| {
        let mut client = Client::connect(proxy.addr("l"));
        client.send(format!("GET /?id={id} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
        client.set_timeout(ms(150));
        let stuck = client.try_response("GET").is_err();
        waiting.push(client);
        stuck
    });
    let mut queued = Client::connect(proxy.addr("l"));
    queued.send(format!("GET /?id={} HTTP/1.1\r\nHost: a\r\n\r\n", key.unwrap()));
    queued.set_timeout(ms(150));
    assert!(matches!(queued.try_response("GET"), Err(ReadError::Timeout(_))));
    assert_eq!(get(proxy.addr("l"), &format!("/?full&id={}", key.unwrap())).status(), 503);
    let log = logs.http("/?full");
    assert_eq!((log.termination.as_str(), log.server.as_str()), ("SQ--", "a"), "{log:?}");
}

#[test]
fn frontend_maxconn_makes_the_others_wait() {
    let server = Server::named("a");
    let proxy = Proxy::in_front_of(
        &server,
        &format!("{HTTP}\nlisten l\n bind {{bind:l}}\n maxconn 1\n server a {{server:a}}\n"),
    );
    let mut first = Client::connect(proxy.addr("l"));
    assert_eq!(first.get("/").text(), "a");
    let mut second = Client::connect(proxy.addr("l"));
    second.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    second.set_timeout(ms(200));
    assert!(matches!(second.try_response("GET"), Err(ReadError::Timeout(_))));
    drop(first);
    second.set_timeout(patience());
    assert_eq!(second.response().text(), "a");
}

// ---- checks

#[test]
fn a_dead_server_leaves_and_returns() {
    let (server, other) = (Server::named("a"), Server::named("b"));
    let config = format!(
        "{HTTP}\nlisten l\n bind {{bind:l}}\n option httpchk GET /health\n http-check expect status 200\n \
         default-server check inter 50ms fall 2 rise 2\n server a {{server:a}}\n server b {{server:b}} backup\n"
    );
    // The check of a server that only refuses fails at once.
    let refusing = Refusing::start();
    let down = Proxy::with().server("a", refusing.addr()).server("b", other.addr()).start(&config);
    eventually("the backup's turn", || (get(down.addr("l"), "/").text() == "b").then_some(()));
    let up = Proxy::with().server("a", server.addr()).server("b", other.addr()).start(&config);
    assert_eq!(get(up.addr("l"), "/").text(), "a");
    eventually("a check", || server.requests().iter().any(|r| r.line.starts_with("GET /health ")).then_some(()));
}
