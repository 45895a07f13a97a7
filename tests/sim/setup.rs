//! What a seed stands for: a configuration, servers, clients and their scripts.

use crate::actor::{Actor, Pace, Seen, ServerSpec, TcpEnd, World};
use crate::client::{AtEnd, Client, Leave, Operator, TcpClient, When};
use crate::kernel::{Faults, Net, Style};
use crate::message::{Ending, Framing, MAX_BODY, Plan, Req, Wrong};
use crate::origin::{GARBAGE, pace};
use crate::rng::Rng;
use evenkeel::model::*;
use evenkeel::sys::listen::{ListenOptions, Place};
use evenkeel::sys::{Addr, Target};
use std::collections::BTreeMap;

/// Everything that a run needs.
pub struct Setup {
    pub config: Config,
    pub net: Net,
    pub world: World,
    /// Actors with the time of their first step.
    pub actors: Vec<(u64, Actor)>,
    /// The process is asked to stop then.
    pub stop_at: Option<u64>,
    /// Everything must be over by then, ms.
    pub horizon: u64,
}

/// A run of a seed is calm (nothing goes wrong: everything must arrive) or not.
pub fn setup(seed: u64) -> Setup {
    let mut r = Rng::new(seed);
    let calm = r.percent(35);
    let faults = faults(&mut r, calm);
    let style = r.pick(&[Style::Epoll, Style::Epoll, Style::Kqueue, Style::Poll]);
    let mut net = Net::new(r.clone(), style, faults);
    r.next();
    let mut config = Config::default();
    global(&mut r, &mut config);
    let batch = config.global.tune.maxpollevents as usize;
    let frontends = if r.percent(25) { 2 } else { 1 };
    let mut servers = Vec::new();
    for n in 0..frontends {
        proxies(&mut r, &mut config, &mut servers, n, calm);
    }
    let operators = config.global.tune.bufsize >= 4096 && r.percent(10);
    if operators {
        config.listeners.push(listener(Audience::Cli(CliLevel::Admin), 0, false));
    }
    let retries = config.proxies.iter().map(|p| p.retries).max().unwrap_or(0);
    let world = World {
        calm,
        reqs: Vec::new(),
        servers,
        tcp_clients: Vec::new(),
        tcp_servers: BTreeMap::new(),
        seen: Seen::default(),
        clients_left: 0,
        max_deliveries: retries + 2,
    };
    let stop_at = (!calm && r.percent(10)).then(|| r.below(4000) as u64);
    let horizon = if calm { 5_000_000 } else { 1_000_000 };
    net.batch = batch;
    let mut s = Setup { config, net, world, actors: Vec::new(), stop_at, horizon };
    clients(&mut r, &mut s, operators);
    s
}

fn faults(r: &mut Rng, calm: bool) -> Faults {
    let some = |r: &mut Rng, max: usize| if r.percent(50) { r.size(max) as u32 } else { 0 };
    let mut f = Faults {
        short: some(r, 300),
        again: some(r, 200),
        accept: some(r, 200),
        pipe: some(r, 300),
        splice_other: some(r, 500),
        spurious: some(r, 200),
        ..Faults::default()
    };
    if !calm {
        f.connect = some(r, 300);
        f.watch = some(r, 50);
        f.reset = some(r, 15);
    }
    f
}

fn global(r: &mut Rng, c: &mut Config) {
    let g = &mut c.global;
    g.maxconn = r.pick(&[1, 2, 3, 5, 10, 30]);
    g.nbthread = 1;
    g.tune.bufsize = r.pick(&[1024, 1500, 4096, 16_384]);
    g.tune.maxrewrite = r.pick(&[256, 300]).min(g.tune.bufsize / 4);
    g.tune.maxaccept = r.pick(&[1, 4, 64]);
    g.tune.maxpollevents = r.pick(&[1, 3, 200]);
    g.tune.runqueue_depth = r.pick(&[1, 3, 200]);
    g.tune.splice_threshold = r.pick(&[0, 100, 4096]);
    g.maxpipes = r.pick(&[0, 0, 1, 2]);
    g.spread_checks = r.pick(&[0, 20]);
    if r.percent(25) {
        c.sinks.push(LogSink { place: SinkPlace::Fd(1), format: SinkFormat::Rfc3164, max_len: 1024 });
    }
}

fn listener(audience: Audience, n: usize, accept_proxy: bool) -> Listener {
    Listener {
        audience,
        name: String::new(),
        id: 1,
        place: Place::At(Target::Inet(listen_addr(n))),
        shown: String::new(),
        options: ListenOptions::default(),
        accept_proxy,
        maxconn: 0,
        origin: String::new(),
    }
}

pub fn listen_addr(n: usize) -> Addr {
    Addr::V4([10, 0, 0, 1], 80 + n as u16)
}

fn timeouts(r: &mut Rng, calm: bool) -> Timeouts {
    if calm {
        let long = 20_000_000;
        return Timeouts {
            client: long,
            server: long,
            connect: long,
            queue: long,
            http_request: r.pick(&[0, long]),
            http_keep_alive: 20_000,
            tunnel: r.pick(&[0, long]),
            ..Timeouts::default()
        };
    }
    let mut t = |chance, max: usize| if r.percent(chance) { r.range(50, max) as u32 } else { 0 };
    Timeouts {
        client: t(100, 6000),
        server: t(100, 6000),
        connect: t(100, 4000),
        queue: t(60, 5000),
        http_request: t(50, 5000),
        http_keep_alive: t(50, 4000),
        tunnel: t(40, 8000),
        client_fin: t(30, 2000),
        server_fin: t(30, 2000),
        tarpit: 0,
        check: t(30, 1000),
    }
}

fn proxies(r: &mut Rng, c: &mut Config, specs: &mut Vec<ServerSpec>, n: usize, calm: bool) {
    let mode = if r.percent(75) { Mode::Http } else { Mode::Tcp };
    let http = mode == Mode::Http;
    let one_section = r.percent(40);
    let header = if r.percent(10) { r.pick(&[ProxyHeader::V1, ProxyHeader::V2]) } else { ProxyHeader::None };
    let mut fe = Proxy {
        name: format!("fe{n}"),
        id: 2 + 2 * n as u32,
        is_frontend: true,
        is_backend: one_section,
        mode,
        timeouts: timeouts(r, calm),
        maxconn: r.pick(&[0, 0, 0, 1, 2, 6]),
        retries: 3,
        log_shape: if http { LogShape::Http } else { LogShape::Tcp },
        ..Proxy::default()
    };
    fe.close_mode = r.pick(&[
        CloseMode::KeepAlive,
        CloseMode::KeepAlive,
        CloseMode::KeepAlive,
        CloseMode::Tunnel,
        CloseMode::ServerClose,
        CloseMode::Close,
    ]);
    if !c.sinks.is_empty() {
        fe.loggers.push(Logger { sink: 0, facility: 16, level: 7, min_level: 0, sample: None });
    }
    let mut be = if one_section {
        fe
    } else {
        c.proxies.push(fe);
        Proxy {
            name: format!("be{n}"),
            id: 3 + 2 * n as u32,
            is_backend: true,
            mode,
            timeouts: timeouts(r, calm),
            ..Proxy::default()
        }
    };
    let chance = |r: &mut Rng, p: u32, o: u64| if r.percent(p) { o } else { 0 };
    be.options |= chance(r, 20, opt::SPLICE_AUTO)
        | chance(r, 20, opt::SPLICE_REQUEST)
        | chance(r, 25, opt::SPLICE_RESPONSE)
        | chance(r, 20, opt::PREFER_LAST_SERVER)
        | chance(r, 20, opt::PRETEND_KEEPALIVE)
        | chance(r, 10, opt::DONTLOGNULL)
        | chance(r, 10, opt::INDEPENDENT_STREAMS)
        | chance(r, 10, opt::NO_DELAY)
        | chance(r, 10, opt::CONTSTATS)
        | chance(r, 10, opt::SMART_ACCEPT | opt::SMART_CONNECT)
        | chance(r, 10, opt::CLITCPKA | opt::SRVTCPKA)
        | chance(r, 10, opt::ALLBACKUPS);
    be.rate_limit = if r.percent(5) { 5 } else { 0 };
    if !calm {
        be.options |=
            chance(r, 20, opt::ABORTONCLOSE) | chance(r, 10, opt::NOLINGER) | chance(r, 20, opt::IGNORE_PROBES);
    }
    be.reuse = r.pick(&[Reuse::Never, Reuse::Safe, Reuse::Safe, Reuse::Aggressive, Reuse::Always]);
    be.retries = r.pick(&[0, 1, 2, 3]);
    be.redispatch = r.pick(&[0, 0, -1, 1, 2]);
    if !one_section {
        be.close_mode = r.pick(&[
            CloseMode::KeepAlive,
            CloseMode::KeepAlive,
            CloseMode::KeepAlive,
            CloseMode::ServerClose,
            CloseMode::Close,
        ]);
    }
    if r.percent(30) {
        be.forward_for = Some(ForwardFor { header: "X-Forwarded-For".into(), except: None, if_none: false });
    }
    if !calm && r.percent(25) {
        be.retry_on = r.pick(&[
            retry::CONN_FAILURE,
            retry::CONN_FAILURE | retry::EMPTY_RESPONSE,
            retry::EMPTY_RESPONSE | retry::JUNK_RESPONSE | retry::RESPONSE_TIMEOUT,
            retry::CONN_FAILURE | retry::status_bit(404) | retry::status_bit(500),
        ]);
    }
    be.balance.algorithm = r.pick(&["", "roundrobin", "static-rr", "leastconn", "first", "random"]);
    if evenkeel::balance::algorithm(be.balance.algorithm).is_none() {
        be.balance.algorithm = "";
    }
    // Requests carry bodies with any method; without this, some of HTTP/1.0 are refused.
    c.global.payload_with_any_method = true;
    if http && c.global.tune.bufsize >= 4096 && r.percent(10) {
        be.stats = Some(StatsPage { uri: "/stats".into(), ..StatsPage::default() });
    }
    be.fullconn = r.pick(&[1, 5, 10]);
    let p = c.proxies.len();
    be.first_server = c.servers.len();
    be.server_count = r.pick(&[1, 1, 2, 3]);
    let limited = r.percent(40);
    let checked = r.percent(20);
    if checked && http && r.percent(60) {
        be.check.kind = "httpchk";
        be.check.request = b"GET /health HTTP/1.0\r\n\r\n".to_vec();
    }
    for i in 0..be.server_count {
        let addr = Addr::V4([10, 0, 1 + n as u8, 1 + i as u8], 8000);
        let check = checked.then(|| CheckSettings {
            inter_ms: if calm { 3000 } else { r.range(100, 2000) as u32 },
            fastinter_ms: r.pick(&[0, 300]).max(if calm { 2000 } else { 0 }),
            rise: r.range(1, 3) as u32,
            fall: if calm { 3 } else { r.range(1, 3) as u32 },
            ..CheckSettings::default()
        });
        c.servers.push(Server {
            proxy: p,
            name: format!("s{n}{i}"),
            id: 1 + i as u32,
            target: Target::Inet(addr),
            weight: r.pick(&[1, 1, 10, 100]),
            backup: i > 0 && r.percent(20),
            maxconn: if limited { r.pick(&[1, 2, 3]) } else { 0 },
            minconn: if limited && r.percent(30) { 1 } else { 0 },
            maxqueue: if limited && r.percent(30) { 1 } else { 0 },
            send_proxy: header,
            pool_max_conn: r.pick(&[None, None, Some(0), Some(1)]),
            pool_purge_delay_ms: r.pick(&[100, 5000]),
            max_reuse: r.pick(&[0, 0, 1, 3]),
            check,
            on_marked_down_shutdown: r.percent(30),
            slowstart_ms: if r.percent(10) { 3000 } else { 0 },
            ..Server::default()
        });
        let mut down = Vec::new();
        if !calm && checked && r.percent(60) {
            let from = r.below(3000) as u64;
            down.push((from, from + r.range(100, 6000) as u64));
        }
        let idle_ms = if calm { None } else { r.pick(&[None, None, Some(5), Some(300)]) };
        specs.push(ServerSpec { addr, http, header, down, idle_ms });
    }
    c.proxies.push(be);
    let fe = if one_section { p } else { p - 1 };
    if !one_section {
        c.proxies[fe].default_backend = Some(p);
    }
    let mut l = listener(Audience::Frontend(fe), n, r.percent(8));
    l.maxconn = r.pick(&[0, 0, 0, 2]);
    c.listeners.push(l);
}

fn clients(r: &mut Rng, s: &mut Setup, operators: bool) {
    let fronts = s.config.listeners.iter().filter(|l| matches!(l.audience, Audience::Frontend(_))).count();
    let n = 1 + r.size(14);
    let span = r.pick(&[0, 50, 1000, 4000]);
    let most = [s.net.caps.0, s.net.caps.1].into_iter().min().unwrap_or(0);
    let max_body = if most < 1000 {
        6000
    } else if most < 10_000 {
        40_000
    } else {
        MAX_BODY
    };
    for k in 0..n {
        let l = r.below(fronts);
        let Audience::Frontend(fe) = s.config.listeners[l].audience else { continue };
        let addr = Addr::V4([10, 9, r.below(256) as u8, k as u8], 1024 + k as u16);
        let preamble = if s.config.listeners[l].accept_proxy {
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1111 80\r\n".to_vec()
        } else {
            Vec::new()
        };
        let start = r.below(span + 1) as u64;
        let actor = if s.config.proxies[fe].mode == Mode::Http {
            http_client(r, s, l, fe, addr, preamble, max_body)
        } else {
            tcp_client(r, s, l, addr, preamble, max_body)
        };
        s.world.clients_left += 1;
        s.actors.push((start, actor));
    }
    if operators {
        for _ in 0..r.range(1, 3) {
            let commands = r.pick(&[
                "show info\n",
                "show stat\n",
                "show sess\n",
                "show sess all\n",
                "show pools;show info\n",
                "help\n",
            ]);
            let o = Operator {
                listener: fronts,
                commands: commands.into(),
                link: None,
                sent: 0,
                answer: Vec::new(),
                over: false,
            };
            s.world.clients_left += 1;
            s.actors.push((r.below(3000) as u64, Actor::Operator(o)));
        }
    }
}

fn leave(r: &mut Rng, bytes: usize, half: bool) -> (Leave, When) {
    let how = r.pick(if half {
        &[Leave::Reset, Leave::Close, Leave::Half]
    } else {
        &[Leave::Reset, Leave::Close, Leave::Close]
    });
    let when = match r.below(3) {
        0 => When::Sent(r.size(bytes)),
        1 => When::Got(1 + r.size(bytes)),
        _ => When::At(r.below(5000) as u64),
    };
    (how, when)
}

fn tcp_client(r: &mut Rng, s: &mut Setup, l: usize, addr: Addr, preamble: Vec<u8>, max: usize) -> Actor {
    let id = s.world.tcp_clients.len();
    let total = r.size(max);
    s.world.tcp_clients.push(TcpEnd { total, ..TcpEnd::default() });
    let (send, recv) = (pace(r, total), pace(r, max));
    let mut c = TcpClient::new(id, l, addr, preamble, send, recv);
    if !s.world.calm && r.percent(25) {
        c.leave = Some(leave(r, total, false));
    }
    Actor::Tcp(Box::new(c))
}

fn http_client(
    r: &mut Rng,
    s: &mut Setup,
    l: usize,
    fe: usize,
    addr: Addr,
    mut preamble: Vec<u8>,
    max: usize,
) -> Actor {
    let calm = s.world.calm;
    let be = s.config.proxies[fe].default_backend.unwrap_or(fe);
    let room = (s.config.global.tune.bufsize - s.config.global.tune.maxrewrite) as usize;
    if s.config.proxies[be].stats.is_some() && r.percent(15) {
        preamble.extend_from_slice(r.pick(&[
            &b"GET /stats HTTP/1.1\r\nHost: x\r\n\r\n"[..],
            b"GET /stats;csv HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /stats;csv HTTP/1.0\r\n\r\n",
        ]));
        let mut c = Client::new(l, addr, Vec::new());
        (c.preamble, c.page, c.recv) = (preamble, true, pace(r, 5000));
        return Actor::Client(Box::new(c));
    }
    if !calm && r.percent(6) {
        let mut c = Client::new(l, addr, Vec::new());
        preamble.extend_from_slice(&nonsense(r, room));
        (c.preamble, c.page, c.nonsense, c.send) = (preamble, true, true, pace(r, 200));
        return Actor::Client(Box::new(c));
    }
    let http10 = r.percent(12);
    let count = 1 + r.size(7);
    let mut ids = Vec::new();
    let mut bytes = 0;
    for i in 0..count {
        let req = request(r, calm, http10, i + 1 == count, max, room);
        bytes += req.framing.len() + 150;
        ids.push(s.world.reqs.len());
        s.world.reqs.push(req);
    }
    let tiny = bytes < 1500 && r.percent(30);
    let mut c = Client::new(l, addr, ids);
    c.preamble = preamble;
    c.depth = r.pick(&[1, 1, 2, 8]);
    c.send = if tiny { Pace { piece: 1, gap: r.range(1, 4) as u64, next: 0 } } else { pace(r, bytes) };
    c.recv = pace(r, max * 2);
    c.think = r.pick(&[0, 0, 1, 20, 500]);
    c.at_end = r.pick(&[AtEnd::Close, AtEnd::Close, AtEnd::HalfClose, AtEnd::Idle]);
    let closes = [fe, be].iter().any(|p| s.config.proxies[*p].close_mode == CloseMode::Close)
        || c.ids
            .iter()
            .map(|i| &s.world.reqs[*i])
            .any(|q| http10 && q.connection.is_empty() || matches!(q.plan.framing, Framing::UntilClose(_)));
    if calm && (closes || http10) {
        c.depth = 1; // what is sent ahead of a close can cost the answer
    }
    if !calm && r.percent(30) {
        c.leave = Some(leave(r, bytes * 2, true));
    }
    if !calm && r.percent(15) {
        c.patience = Some(r.range(10, 9000) as u64);
    }
    Actor::Client(Box::new(c))
}

/// What no proxy should take for a request.
fn nonsense(r: &mut Rng, room: usize) -> Vec<u8> {
    let text = match r.below(7) {
        0 => return crate::message::pattern(r.below(1000), crate::message::Part::Tunnel, 0, 1 + r.size(2000)).to_vec(),
        1 => format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "u".repeat(room + 500)),
        2 => "GET / HTTP/1.1\nHost: x\n\n".into(),
        3 => "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into(),
        4 => "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n".into(),
        5 => "GET / HTTP/3.0\r\n\r\n".into(),
        _ => "GET / HTTP/1.1\r\nHost: x\r\nX: \0\r\n\r\n".into(),
    };
    text.into_bytes()
}

fn request(r: &mut Rng, calm: bool, http10: bool, last: bool, max: usize, room: usize) -> Req {
    let method = r.pick(&["GET", "GET", "GET", "HEAD", "POST", "POST", "PUT", "DELETE"]);
    let has_body = matches!(method, "POST" | "PUT") || r.percent(5);
    let n = r.size(max);
    let framing = match (has_body, http10 || r.percent(60)) {
        (false, _) => Framing::None,
        (_, true) => Framing::Length(n),
        _ => Framing::Chunked(n),
    };
    let upgrade = !http10 && last && !has_body && method == "GET" && r.percent(25);
    let connection = if upgrade {
        "upgrade"
    } else if http10 {
        r.pick(&["keep-alive", "keep-alive", ""])
    } else if last && r.percent(30) {
        "close"
    } else {
        ""
    };
    let pad = match r.below(10) {
        0..6 => 0,
        6..9 => r.below(room.saturating_sub(300)),
        _ if calm => 0,
        _ => room - 200 + r.below(700),
    };
    let plan = plan(r, calm, upgrade, max);
    Req {
        method,
        http10,
        connection,
        framing,
        expect: !http10 && has_body && r.percent(15),
        upgrade,
        pad,
        spoilt: !calm && r.percent(4) && matches!(framing, Framing::Chunked(n) if n > 0),
        plan,
        delivered: 0,
        answers: 0,
        complete: false,
        refused: 0,
    }
}

fn plan(r: &mut Rng, calm: bool, upgrade: bool, max: usize) -> Plan {
    let n = r.size(max);
    let status = r.pick(&[200, 200, 200, 200, 204, 301, 304, 401, 404, 500]);
    let framing = match r.below(10) {
        0..5 => Framing::Length(n),
        5..9 => Framing::Chunked(n),
        _ => Framing::UntilClose(n),
    };
    let mut p = Plan {
        status,
        framing,
        interim: if r.percent(85) { 0 } else { r.range(1, 3) },
        delay: if r.percent(60) { 0 } else { r.size(500) as u64 },
        early: r.percent(10),
        deaf: false,
        piece: 0,
        gap: 0,
        ending: if r.percent(75) { Ending::Keep } else { Ending::Announced },
        wrong: Wrong::Nothing,
        times: r.pick(&[1, 1, 100]),
        upgrade: upgrade && r.percent(70),
    };
    let pace = pace(r, n);
    (p.piece, p.gap) = (pace.piece, pace.gap);
    if calm {
        return p;
    }
    if r.percent(8) {
        p.ending = Ending::Silent;
    }
    if r.percent(3) {
        (p.early, p.deaf, p.ending) = (true, true, r.pick(&[Ending::Close, Ending::Reset, Ending::Stall]));
    }
    if r.percent(3) {
        p.delay = r.range(1000, 20_000) as u64;
    }
    if r.percent(20) {
        let how = r.pick(&[Ending::Reset, Ending::Close, Ending::Stall]);
        p.wrong = match r.below(10) {
            0..2 => Wrong::Cut(0, how),
            2..6 => Wrong::Cut(r.below(1001), how),
            6..8 => Wrong::Garbage(r.below(GARBAGE as usize) as u8),
            8 if !matches!(p.framing, Framing::UntilClose(_)) => Wrong::Extra,
            _ if !upgrade => Wrong::Switch,
            _ => Wrong::Nothing,
        };
        if matches!(p.wrong, Wrong::Garbage(_) | Wrong::Switch) {
            p.upgrade = false;
        }
    }
    p
}
