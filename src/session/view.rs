//! The process and a session, as samples and formats see them.

use super::context::Ctx;
use super::endpoint::Conn;
use super::{AppletKind, Session, Times, connect};
use crate::auth::{Question, Verifier};
use crate::format::Record;
use crate::http::Version;
use crate::mem::Buffers;
use crate::sample::{Count, Flow, Live, needs};
use crate::server::Shared;
use crate::sys::{Addr, Kernel};
use crate::util::tick::Tick;
use std::cell::{Cell, RefCell};
use std::sync::atomic::Ordering::Relaxed;

/// The state of the process, as samples see it.
pub struct View<'a> {
    pub shared: &'a Shared,
    pub wall: (i64, u32),
    /// The state of its random numbers.
    random: Cell<u64>,
    pub now_ms: u64,
    /// Who checks passwords, and for which session.
    pub verifier: Option<(&'a RefCell<Verifier>, usize)>,
}

impl<'a> View<'a> {
    /// The state as it is now; `seed`: for its random numbers.
    pub fn new(shared: &'a Shared, wall: (i64, u32), seed: (u32, u32), now_ms: u64) -> View<'a> {
        let random = Cell::new(u64::from(seed.0) << 32 | u64::from(seed.1));
        View { shared, wall, random, now_ms, verifier: None }
    }
}

/// Places that are left of so many; none without a limit.
fn left(limit: u32, used: u32) -> Option<i64> {
    (limit > 0).then(|| limit.saturating_sub(used).into())
}

impl Live for View<'_> {
    fn count(&self, what: Count, at: usize) -> i64 {
        let shared = self.shared;
        let proxy = || &shared.proxies[at];
        let server = || &shared.servers[at];
        let servers = || shared.config.proxies[at].servers();
        let usable = || servers().filter(|s| shared.servers[*s].is_usable());
        let free = |s: usize| left(shared.config.servers[s].maxconn, shared.servers[s].served.load(Relaxed));
        match what {
            Count::FrontConnections => proxy().fe_connections.load(Relaxed).into(),
            Count::BackConnections => proxy().be_connections.load(Relaxed).into(),
            Count::FrontSessionRate => proxy().fe_session_rate.rate(self.now_ms).into(),
            Count::FrontRequestRate => proxy().fe_request_rate.rate(self.now_ms).into(),
            Count::BackSessionRate => proxy().be_session_rate.rate(self.now_ms).into(),
            Count::Queued => proxy().queued.load(Relaxed).into(),
            Count::UsableServers => usable().count() as i64,
            Count::FreeSlots => usable().map(free).sum::<Option<i64>>().unwrap_or(-1),
            Count::FreePlaces => {
                let queue = |s: usize| left(shared.config.servers[s].maxqueue, shared.servers[s].queued.load(Relaxed));
                usable().map(|s| Some(free(s)? + queue(s)?)).sum::<Option<i64>>().unwrap_or(-1)
            }
            Count::ServerConnections => server().served.load(Relaxed).into(),
            Count::ServerSessionRate => server().session_rate.rate(self.now_ms).into(),
            Count::ServerQueued => server().queued.load(Relaxed).into(),
            Count::ServerIsUp => server().is_usable().into(),
            Count::ServerFreeSlots => free(at).unwrap_or(-1),
            Count::ServerWeight => server().weight.load(Relaxed).into(),
            Count::ServerWeightNow => {
                let (full, part) = (server().weight.load(Relaxed), server().warmth.load(Relaxed));
                (full * part).div_ceil(1000).into()
            }
            Count::Connections => shared.process.connections.load(Relaxed).into(),
            Count::Workers => shared.limits.workers as i64,
        }
    }

    fn wall(&self) -> (i64, u32) {
        self.wall
    }

    fn random(&self) -> u32 {
        // splitmix64: for spreading load and for names, not for secrets.
        let state = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(state);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) >> 32) as u32
    }

    fn stopping(&self) -> bool {
        self.shared.stopping()
    }

    fn lets_in(&self, question: Question) -> Option<bool> {
        let Some((verifier, who)) = self.verifier else { return Some(false) };
        verifier.borrow_mut().ask(&self.shared.config.userlists, question, Some(who))
    }
}

/// The session, as samples see it, with what `wants` asks the kernel for ([`needs`]). None: the client is gone.
pub fn flow<K: Kernel>(cx: &mut Ctx<K>, s: &Session, wants: u32) -> Option<Flow> {
    let local = if wants & needs::DESTINATION != 0 { connect::local_addr(cx, s.client) } else { Addr::None };
    let relative = s.server().filter(|i| cx.config.servers[*i].port_offset.is_some());
    let target = relative.map(|_| connect::destination(cx, s).addr());
    let client = cx.conns.get(s.client)?;
    let tcp = if wants & needs::TCP_INFO != 0 { cx.sys.tcp_info(client.fd) } else { None };
    let source = match cx.conns.get(s.server_conn) {
        Some(server) if wants & needs::SOURCE != 0 => cx.sys.local_addr(server.fd),
        _ => s.source,
    };
    let config = &cx.config;
    Some(Flow {
        client: s.effects.client.unwrap_or(client.peer),
        destination: s.effects.destination.unwrap_or(local),
        peer: client.peer,
        local,
        source,
        tcp,
        proxied: client.proxied,
        server_addr: target.or(s.server().map(|i| config.servers[i].target.addr())).unwrap_or(Addr::None),
        frontend: s.fe(),
        backend: s.be(),
        server: s.server(),
        listener: client.origin as usize,
        timeouts: s.effects.timeouts,
        first_request: client.requests <= 1,
        worker: cx.worker,
        status: s.status,
        versions: [
            (s.http && s.times.request.is_set()).then_some(if s.http11 { Version::V11 } else { Version::V10 }),
            s.response_version.or((s.status > 0).then_some(Version::V11)),
        ],
    })
}

/// The request line that a session kept.
pub fn line<'a>(lines: &'a Buffers, s: &Session) -> &'a [u8] {
    if s.line.is_some() { &lines.get(s.line)[..usize::from(s.line_len).min(lines.size())] } else { &[] }
}

/// The log's timers.
pub struct Durations {
    pub request: i32,
    pub queue: i32,
    pub connect: i32,
    pub response: i32,
    pub active: i32,
}

/// The log's timers: each stage from the end of the one before, -1 where it was not reached. A session that never got the first byte
/// of a request was active since the accept.
pub fn durations(now: Tick, accepted: Tick, t: &Times) -> Durations {
    let span = |from: Tick, to: Tick| if from.is_set() && to.is_set() { to.since(from) as i32 } else { -1 };
    Durations {
        request: span(t.start, t.request),
        queue: span(t.request, t.queue),
        connect: span(t.queue, t.connect),
        response: span(t.connect, t.response),
        active: now.since(if t.start.is_set() { t.start } else { accepted }) as i32,
    }
}

/// What a format can show of a session at any time, but for what is in its notes; `process`: the host's name, and the process id.
pub fn record<'a>(
    s: &Session,
    client: &Conn,
    shared: &'a Shared,
    flow: &Flow,
    now: Tick,
    process: (&'a str, u32),
) -> Record<'a> {
    let (config, rules) = (&shared.config, &shared.rules);
    let d = durations(now, client.accepted, &s.times);
    let idle_ms = s.times.idle_ms as i32;
    Record {
        client: flow.client,
        frontend_addr: flow.destination,
        source: flow.source,
        server_addr: flow.server_addr,
        accept: client.accepted_at,
        request: if s.times.start_at.0 > 0 { s.times.start_at } else { client.accepted_at },
        end: s.times.start_at,
        frontend: &config.proxies[flow.frontend].name,
        backend: &config.proxies[flow.backend].name,
        server: match flow.server {
            Some(i) => config.servers[i].name.as_str(),
            None if s.applet.kind != AppletKind::None => "<STATS>",
            None => "<NOSRV>",
        },
        http: s.http,
        t_handshake: client.handshake_ms,
        t_idle: if s.http { idle_ms } else { 0 },
        t_request: d.request,
        t_queue: d.queue,
        t_connect: d.connect,
        t_response: d.response,
        t_active: d.active,
        t_total: d.active + idle_ms + client.handshake_ms.max(0),
        status: if s.status == 0 { -1 } else { s.status.into() },
        bytes_in: s.req.taken(),
        bytes_out: s.res.sent,
        termination: [s.cause.who, s.cause.stage, b'-', b'-'],
        actconn: shared.process.connections.load(Relaxed),
        feconn: shared.proxies[flow.frontend].fe_connections.load(Relaxed),
        beconn: shared.proxies[flow.backend].be_connections.load(Relaxed),
        srvconn: flow.server.map_or(0, |i| shared.servers[i].served.load(Relaxed)),
        retries: s.retries.into(),
        redispatched: s.redispatched,
        srv_queue: s.queue_pos.0,
        backend_queue: s.queue_pos.1,
        line_number: shared.proxies[flow.frontend].log_lines.load(Relaxed),
        captures: rules.captures(flow.frontend),
        unique_id: rules.layout.unique_id(),
        cookies: rules.layout.cookies.get(flow.frontend).copied().unwrap_or_default(),
        host_name: process.0,
        pid: process.1,
        ..Record::default()
    }
}
