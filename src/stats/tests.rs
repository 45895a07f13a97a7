use super::*;
use crate::mem::{Handle, Pool, Usage};
use crate::model::{CheckSettings, CliLevel, KeySource, Listener, Mode, Proxy, Server, StatsPage};
use crate::server::{Admin, Health, LastCheck, Shared, Sizes};
use crate::session::endpoint::{Conn, Owner};
use crate::session::{Phase, Session};
use crate::sys::listen::Place;
use crate::sys::{Addr, Target};
use crate::util::tick::Tick;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// What HAProxy 2.6 says with the configuration that [`config`] repeats.
const ORACLE: &str = include_str!("oracle.csv");

pub(crate) const NOW_MS: u64 = 5_000_000;

fn target(port: u16) -> Target {
    Target::Inet(Addr::V4([127, 0, 0, 1], port))
}

fn proxy(name: &str, id: u32, mode: Mode) -> Proxy {
    Proxy { name: name.into(), id, mode, fullconn: 10, ..Proxy::default() }
}

fn frontend(name: &str, id: u32, mode: Mode) -> Proxy {
    Proxy { is_frontend: true, ..proxy(name, id, mode) }
}

fn backend(name: &str, id: u32, mode: Mode) -> Proxy {
    Proxy { is_backend: true, ..proxy(name, id, mode) }
}

fn listener(proxy: usize, id: u32, name: &str, port: u16) -> Listener {
    Listener {
        audience: Audience::Frontend(proxy),
        name: name.into(),
        id,
        place: Place::At(target(port)),
        shown: format!("127.0.0.1:{port}"),
        options: Default::default(),
        accept_proxy: false,
        maxconn: 0,
        origin: String::new(),
    }
}

fn add(config: &mut Config, name: &str, port: u16, with: impl FnOnce(&mut Server)) {
    let proxy = config.proxies.len() - 1;
    let p = &mut config.proxies[proxy];
    if p.server_count == 0 {
        p.first_server = config.servers.len();
    }
    p.server_count += 1;
    let mut server =
        Server { proxy, name: name.into(), id: p.server_count as u32, target: target(port), ..Server::default() };
    with(&mut server);
    config.servers.push(server);
}

fn checked(rise: u32, fall: u32) -> Option<CheckSettings> {
    Some(CheckSettings { rise, fall, ..CheckSettings::default() })
}

/// The configuration of the oracle, less agents, tracking and cookie insertion.
fn config() -> Config {
    let mut c = Config::default();
    c.global.node = Some("mynode".into());
    c.global.description = Some("hello desc".into());
    let fe1 = frontend("fe1", 2, Mode::Http);
    c.proxies.push(Proxy { maxconn: 100, rate_limit: 50, options: opt::SOCKET_STATS, ..fe1 });
    c.proxies.push(frontend("fetcp", 3, Mode::Tcp));
    c.listeners = vec![listener(0, 1, "sock-1", 17001), listener(0, 2, "second", 17002), listener(1, 1, "", 17003)];
    c.proxies.push(backend("be1", 4, Mode::Http));
    add(&mut c, "s1", 17101, |s| {
        (s.cookie, s.check, s.weight) = (Some("c1".into()), checked(2, 3), 5);
        (s.maxconn, s.maxqueue) = (30, 7);
    });
    add(&mut c, "s2", 17102, |s| (s.check, s.backup) = (checked(2, 3), true));
    add(&mut c, "s3", 17103, |_| {});
    add(&mut c, "s4", 17104, |s| s.disabled = true);
    add(&mut c, "s5", 17101, |s| (s.check, s.weight) = (checked(2, 3), 0));
    add(&mut c, "s6", 17101, |_| {});
    add(&mut c, "s7", 17101, |s| s.backup = true);
    c.proxies.push(backend("betcp", 5, Mode::Tcp));
    (c.proxies[3].balance.algorithm, c.proxies[3].balance.key) = ("hash", KeySource::Source);
    add(&mut c, "a", 17101, |s| s.target = Target::Inet(Addr::V6(std::net::Ipv6Addr::LOCALHOST.octets(), 17101)));
    add(&mut c, "b", 0, |s| s.target = Target::Unix("/x.sock".into()));
    c.proxies.push(backend("emptybe", 6, Mode::Http));
    c.proxies.push(Proxy { disabled: true, ..frontend("fdis", 7, Mode::Http) });
    let mut l1 = Proxy { is_frontend: true, ..backend("l1", 8, Mode::Http) };
    l1.balance.algorithm = "leastconn";
    l1.stats = Some(StatsPage {
        uri: "/stats".into(),
        show_node: Some(String::new()),
        show_desc: Some(String::new()),
        show_legends: true,
        ..StatsPage::default()
    });
    c.proxies.push(l1);
    add(&mut c, "s1", 17101, |s| s.check = checked(3, 4));
    add(&mut c, "s2", 17199, |s| s.check = checked(2, 3));
    c
}

/// A process to look at.
pub(crate) struct Sample {
    pub shared: Shared,
    pub sessions: Pool<Session>,
    pub conns: Pool<Conn>,
    pub pools: Vec<(&'static str, Usage)>,
}

impl Sample {
    fn of(config: Config) -> Sample {
        let limits = Sizes {
            maxconn: 500,
            maxsock: 1039,
            maxpipes: 125,
            ulimit_n: 1039,
            workers: 2,
            memory_bound: 11_953_766,
            memory_limit_mib: 0,
        };
        let shared = Shared::new(Arc::new(config), Arc::default(), limits, 1000, 1_795_256_152).unwrap();
        let (mut sessions, mut conns) = (Pool::new(16), Pool::new(16));
        let mut conn = Conn::new(7, true, 0, Owner::IdleClient);
        (conn.peer, conn.accepted) = (Addr::V4([192, 0, 2, 1], 40_000), Tick::from_ms(NOW_MS - 75_000));
        conn.accepted_at = (1_795_256_150, 42);
        let client = conns.alloc(conn).unwrap();
        for n in 0..3 {
            let mut s = Session::new(client, 0, true, if n == 2 { Phase::Connect } else { Phase::Request });
            s.client_at = Tick::from_ms(NOW_MS + 47_000);
            if n > 0 {
                (s.be, s.server) = (2, 0);
            }
            let h = sessions.alloc(s).unwrap();
            sessions[h].me = h;
        }
        let pools = vec![("session", sessions.usage()), ("connection", conns.usage())];
        Sample { shared, sessions, conns, pools }
    }

    pub(crate) fn new() -> Sample {
        let sample = Sample::of(config());
        for s in [0, 4, 9] {
            sample.check(s, Health::Up, 0, "L4OK");
        }
        for s in [1, 10] {
            sample.check(s, Health::Down, 0, "L4CON");
        }
        for p in 0..sample.shared.proxies.len() {
            sample.shared.rebuild(p);
        }
        sample
    }

    fn check(&self, server: usize, health: Health, streak: u32, status: &'static str) {
        let s = &self.shared.servers[server];
        s.set_health(health);
        s.streak.store(streak, Relaxed);
        *s.check.lock().unwrap() = LastCheck { status, done: true, ..LastCheck::default() };
    }

    pub(crate) fn view(&self) -> View<'_> {
        View {
            shared: &self.shared,
            now_ms: NOW_MS,
            wall: (1_795_256_158, 0),
            worker: 0,
            pools: &self.pools,
            sessions: &self.sessions,
            conns: &self.conns,
            level: CliLevel::Admin,
            host: "router<1>",
            version: "0.1.0",
            asker: Handle::NONE,
        }
    }
}

/// Everything that a producer writes through a buffer of a size.
pub(crate) fn stream(size: usize, mut produce: impl FnMut(&mut Cursor, &mut Out) -> Progress) -> String {
    let (mut all, mut buf, mut cur) = (Vec::new(), vec![0; size], Cursor::default());
    loop {
        let mut out = Out::new(&mut buf);
        let progress = produce(&mut cur, &mut out);
        assert!(!out.overflow(), "whole units only");
        all.extend_from_slice(out.bytes());
        if progress == Progress::Done {
            return String::from_utf8(all).unwrap();
        }
        assert!(!out.is_empty(), "it moves on");
    }
}

fn operator() -> Scope<'static> {
    Scope { legends: true, ..Scope::default() }
}

fn csv_text(sample: &Sample, scope: &Scope, size: usize) -> String {
    stream(size, |cur, out| csv(&sample.view(), scope, cur, out))
}

#[test]
fn same_lines_and_columns_as_haproxy() {
    let sample = Sample::new();
    let ours = csv_text(&sample, &operator(), 1 << 16);
    assert_eq!(ours.lines().next(), ORACLE.lines().next());
    assert_eq!(ours.lines().count(), ORACLE.lines().count());
    let static_columns =
        ["pxname", "svname", "slim", "status", "weight", "act", "bck", "qlimit", "pid", "iid", "sid", "type"];
    for (ours, theirs) in ours.lines().zip(ORACLE.lines()).skip(1) {
        let (o, t): (Vec<_>, Vec<_>) = (ours.split(',').collect(), theirs.split(',').collect());
        assert_eq!(o.len(), FIELDS + 1, "{ours}");
        assert_eq!(t.len(), FIELDS + 1, "{theirs}");
        for (i, name) in NAMES.iter().enumerate() {
            let known = match *name {
                // Not in our model or not counted.
                "tracked" | "last_chk" => true,
                "status" | "act" | "bck" | "weight" if t[0] == "be1" && matches!(t[1], "s6" | "BACKEND") => true,
                _ if name.contains("agent") || *name == "last_agt" => true,
                "slim" => t[1] == "BACKEND" || t[8..14].contains(&""),
                "cookie" => t[1] == "BACKEND",
                _ => t[32] == "3" && o[i].is_empty(),
            };
            assert!(known || o[i].is_empty() == t[i].is_empty(), "{}/{} {name}: {} for {}", t[0], t[1], o[i], t[i]);
            if !known && (static_columns.contains(name) || name.starts_with("check_") && i > 60 || i == 73 || i == 76) {
                assert_eq!(o[i], t[i], "{}/{} {name}", t[0], t[1]);
            }
        }
    }
}

#[test]
fn states_as_haproxy_names_them() {
    let sample = Sample::new();
    let status = |server: usize| {
        let (mut b, state) = ([0; 32], state::server(&sample.shared, server));
        let mut o = Out::new(&mut b);
        state.value().put(&mut o);
        String::from_utf8(o.bytes().to_vec()).unwrap()
    };
    let health = |s: usize| state::health(&sample.shared.config.servers[s], &sample.shared.servers[s]);
    // Server 9: rise 3, fall 4.
    for (up, streak, text, points) in [
        (Health::Up, 0, "UP", 6),
        (Health::Up, 1, "UP 3/4", 5),
        (Health::Up, 3, "UP 1/4", 3),
        (Health::Down, 0, "DOWN", 0),
        (Health::Down, 2, "DOWN 2/3", 2),
        (Health::Stopping, 0, "NOLB", 6),
        (Health::Stopping, 2, "NOLB 2/4", 4),
    ] {
        sample.check(9, up, streak, "L4OK");
        assert_eq!((status(9).as_str(), health(9)), (text, points));
    }
    sample.check(9, Health::Up, 0, "L4OK");
    sample.shared.servers[9].set_admin(Admin::Drain);
    sample.shared.servers[2].set_admin(Admin::Drain);
    assert_eq!((status(9), status(2), status(5)), ("DRAIN".into(), "DRAIN".into(), "no check".into()));
    sample.check(9, Health::Down, 0, "L4CON");
    assert_eq!(status(9), "DOWN");
}

#[test]
fn scopes_choose_lines() {
    let sample = Sample::new();
    let names = |scope: Scope| -> Vec<String> {
        let text = csv_text(&sample, &scope, 1 << 16);
        text.lines().skip(1).map(|l| l.split(',').take(2).collect::<Vec<_>>().join("/")).collect()
    };
    assert_eq!(names(Scope { iid: Some(4), kinds: 4, sid: Some(1), ..Scope::default() }), ["be1/s1"]);
    assert_eq!(names(Scope { iid: Some(2), kinds: 1, ..Scope::default() }), ["fe1/FRONTEND"]);
    assert_eq!(names(Scope { name: Some("betcp"), ..Scope::default() }), ["betcp/a", "betcp/b", "betcp/BACKEND"]);
    let scoped = ["betcp".to_string(), ".".to_string()];
    assert_eq!(
        names(Scope { names: &scoped, own: Some(1), kinds: 3, ..Scope::default() }),
        ["fetcp/FRONTEND", "betcp/BACKEND"]
    );
    assert_eq!(names(Scope { iid: Some(8), kinds: 4, only_up: true, ..Scope::default() }), ["l1/s1"]);
    assert_eq!(names(Scope { iid: Some(4), kinds: 4, no_maint: true, ..Scope::default() }).len(), 6);
    assert!(names(Scope { iid: Some(7), ..Scope::default() }).is_empty(), "disabled");
    let public = csv_text(&sample, &Scope::default(), 1 << 16);
    assert!(!public.contains("17101") && !public.contains("roundrobin"), "addresses are for operators");
}

#[test]
fn csv_quotes_what_would_break_a_line() {
    let mut b = [0; 64];
    let mut o = Out::new(&mut b);
    Value::Text("a,\"b\"").put_csv(&mut o);
    Value::Text(" plain").put_csv(&mut o);
    assert_eq!(o.bytes(), b"\"a,\"\"b\"\"\" plain");
}

#[test]
fn small_buffers_give_the_same_bytes() {
    let sample = Sample::new();
    let big = csv_text(&sample, &operator(), 1 << 16);
    assert_eq!(csv_text(&sample, &operator(), 1500), big);
    assert_eq!(csv_text(&sample, &operator(), 2048), big);
    let html = |size: usize| stream(size, |cur, out| page(&sample.view(), 6, cur, out));
    let big = html(1 << 16);
    for size in [2500, 4096, 15_000] {
        assert!(html(size) == big, "{size}");
    }
}

#[test]
fn a_unit_larger_than_the_buffer_does_not_stop_the_stream() {
    let sample = Sample::new();
    assert!(csv_text(&sample, &operator(), 300).len() > 2000);
}

/// Names of elements that were opened and not closed, in an HTML text of our making.
fn check_tags(html: &str) {
    let mut open: Vec<&str> = Vec::new();
    for part in html.split('<').skip(1) {
        let (tag, rest) = part.split_once('>').expect("a tag ends");
        assert!(!tag.contains('<') && tag.matches('"').count() % 2 == 0, "{tag}");
        assert!(!rest.replace("&amp;", "").replace("&lt;", "").contains("& "), "{rest}");
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "</{name}>");
        } else if !matches!(name, "!DOCTYPE" | "meta") {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn the_page_is_well_formed_and_escapes_names() {
    let mut config = config();
    config.proxies[2].name = "be<1>&\"x\"".into();
    config.proxies[2].description = Some("a <b>bold</b> one".into());
    config.proxies[6].stats.as_mut().unwrap().refresh_s = 10;
    let sample = Sample::of(config);
    let html = stream(8192, |cur, out| page(&sample.view(), 6, cur, out));
    check_tags(&html);
    assert!(html.starts_with("<!DOCTYPE html>\n<html lang=\"en\">") && html.ends_with("</html>\n"));
    for part in [
        "be&lt;1&gt;&amp;&quot;x&quot;",
        "a &lt;b&gt;bold",
        "http-equiv=\"refresh\" content=\"10\"",
        "href=\"/stats;csv\"",
        "<b>mynode</b>",
        "hello desc",
        "11.3 MiB",
        "cookie c1",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("<script") && !html.contains("fdis"));
    // As many cells in each row as the heading announces.
    let columns = html.split("<tbody>").next().unwrap().rsplit("<tr>").next().unwrap().matches("<th").count();
    for row in html.split("<tr class=").skip(1) {
        assert_eq!(row.split("</tr>").next().unwrap().matches("<td").count(), columns, "{row}");
    }
}

#[test]
fn hide_version_and_plain_settings() {
    let mut config = config();
    config.proxies[6].stats = Some(StatsPage { uri: "/s".into(), hide_version: true, ..StatsPage::default() });
    let sample = Sample::of(config);
    let html = stream(8192, |cur, out| page(&sample.view(), 6, cur, out));
    assert!(
        !html.contains("0.1.0") && !html.contains("mynode") && !html.contains("hello") && !html.contains(" title=\"id")
    );
    let sample = Sample::of({
        let mut c = self::config();
        c.global.node = None;
        c
    });
    let html = stream(8192, |cur, out| page(&sample.view(), 6, cur, out));
    assert!(html.contains("<b>router&lt;1&gt;</b>"));
}

/// Writes the page with lively numbers to the file named by `EVENKEEL_PAGE`, to be looked at in a browser.
#[test]
fn page_to_look_at() {
    let Ok(path) = std::env::var("EVENKEEL_PAGE") else { return };
    let sample = Sample::new();
    let shared = &sample.shared;
    for slot in 0..shared.config.proxies.len() * 2 + shared.config.servers.len() {
        let c = shared.tallies[1].slot(slot);
        let n = 1000 + slot as u64 * 7919;
        for (counter, value) in
            [(&c.sessions, n * 13), (&c.requests, n * 13), (&c.bytes_in, n * 7000), (&c.bytes_out, n * 900_000)]
        {
            counter.set(value);
        }
        c.balanced.set(n * 12);
        c.total_ms.set(n * 13 * 48);
        c.response_ms.set(n * 13 * 30);
        c.connect_ms.set(n * 13);
        c.client_aborts.set(n / 900);
        c.retries.set(n % 5);
        c.response_errors.set(n % 3);
    }
    for (i, s) in shared.servers.iter().enumerate().step_by(2) {
        s.last_session_s.store(4990 - i as u32 * 37, Relaxed);
        s.changed_s.store(4000 - i as u32 * 137, Relaxed);
    }
    sample.check(9, Health::Up, 2, "L7STS");
    sample.check(10, Health::Down, 1, "L4OK");
    shared.servers[5].set_admin(Admin::Drain);
    shared.process.connections.store(137, Relaxed);
    shared.process.connections_max.store(402, Relaxed);
    shared.process.idle_percent.store(93, Relaxed);
    for n in 0..55 {
        shared.process.conn_rate.tick(NOW_MS - 300 + n);
        shared.proxies[0].fe_session_rate.tick(NOW_MS - 300 + n);
    }
    std::fs::write(path, stream(15_000, |cur, out| page(&sample.view(), 6, cur, out))).unwrap();
}
