//! Finds the server: by persistence, by balancing, or by waiting for one.

use super::context::Ctx;
use super::endpoint::NO_INDEX;
use super::request::backend_of;
use super::{Session, Step, answer};
use crate::balance::key;
use crate::http::Body;
use crate::model::{KeySource, opt};
use crate::server::{Pick, Waiting, count_up, hash_options};
use crate::sys::Kernel;
use crate::util::tick::Tick;
use std::sync::atomic::Ordering::Relaxed;

/// Chooses a server and takes a slot of it, or waits in a queue.
pub fn assign<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    if !s.be_counted && !enter_backend(cx, s) {
        return answer::error(cx, s, 503, b'S', b'C');
    }
    if s.slot {
        return assigned(cx, s);
    }
    let be = s.be();
    if let Some(step) = gone_client(cx, s) {
        return step;
    }
    if s.ticket.is_some() {
        return Step::Wait;
    }
    if cx.config.proxies[be].dispatch.is_some() || cx.config.proxies[be].has(opt::TRANSPARENT | opt::HTTP_PROXY) {
        s.times.queue = cx.now;
        return Step::Next;
    }
    if waits_for_rdp_cookie(cx, s) {
        return Step::Wait;
    }
    let avoid = if s.redispatched { s.server() } else { None };
    match choose(cx, s, avoid) {
        Pick::Server(server) => {
            s.server = server as u32;
            s.slot = true;
            assigned(cx, s)
        }
        Pick::QueueServer(server) => enqueue(cx, s, Some(server)),
        Pick::QueueBackend => enqueue(cx, s, None),
        Pick::Full(server) => {
            s.server = server as u32;
            s.times.queue = cx.now;
            cx.tally(cx.shared.be_slot(be)).connect_errors.inc();
            answer::error(cx, s, 503, b'S', b'Q')
        }
        Pick::None => {
            cx.tally(cx.shared.be_slot(be)).connect_errors.inc();
            s.server = NO_INDEX;
            answer::error(cx, s, 503, b'S', b'C')
        }
    }
}

/// Counts the session in its backend, once. False when there is none.
fn enter_backend<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> bool {
    if !s.http {
        let Some(be) = backend_of(cx.config, s) else { return false };
        s.be = be as u16;
        s.times.request = cx.now;
    }
    s.be_counted = true;
    let state = &cx.shared.proxies[s.be()];
    count_up(&state.be_connections, &state.be_connections_max);
    state.be_session_rate.tick(cx.now_ms);
    cx.tally(cx.shared.be_slot(s.be())).sessions.inc();
    super::finish::log_at_start(cx, s);
    true
}

/// A client that left while it waited (`option abortonclose`).
fn gone_client<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Option<Step> {
    if !cx.either(s.fe(), s.be(), opt::ABORTONCLOSE) || !cx.client_left(s.client) {
        return None;
    }
    cx.tally(cx.shared.be_slot(s.be())).client_aborts.inc();
    if s.ticket.is_none() {
        return Some(answer::error(cx, s, 503, b'C', b'C'));
    }
    // Nobody is there to be answered.
    leave_queue(cx, s);
    s.times.queue = cx.now;
    s.keep_client = false;
    Some(s.end(b'C', b'Q'))
}

fn choose<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, avoid: Option<usize>) -> Pick {
    let config = cx.config;
    let be = &config.proxies[s.be()];
    let (last, stay) = cx.conns.get(s.client).map_or((NO_INDEX, false), |c| (c.last_server, c.stay));
    if last != NO_INDEX && avoid.is_none() && (stay || be.has(opt::PREFER_LAST_SERVER)) {
        let last = last as usize;
        if config.servers[last].proxy == s.be() && cx.shared.servers[last].is_usable() && cx.shared.has_room(last) {
            s.persistent = stay;
            return cx.shared.pick_this(last);
        }
    }
    // `use-server`: as long as it has room, like the last server.
    let usable = |w: usize| s.is_forced(be) || cx.shared.servers[w].is_usable();
    if let Some(wanted) = s.effects.server.filter(|w| Some(*w) != avoid && usable(*w)) {
        s.persistent = true;
        return cx.shared.pick_this(wanted);
    }
    if !s.http {
        s.key = tcp_key(cx, s);
    }
    let random = cx.sys.random();
    let pick = cx.shared.pick(s.be(), s.key, avoid, random);
    if let Pick::Server(server) = pick {
        cx.tally(cx.shared.srv_slot(server)).balanced.inc();
        cx.tally(cx.shared.be_slot(s.be())).balanced.inc();
    }
    pick
}

fn tcp_key<K: Kernel>(cx: &Ctx<K>, s: &Session) -> Option<u32> {
    let be = &cx.config.proxies[s.be()];
    let options = hash_options(be);
    match &be.balance.key {
        KeySource::Source => {
            s.effects.client.unwrap_or(cx.conns.get(s.client)?.peer).ip().map(|ip| key::source(&options, ip))
        }
        KeySource::RdpCookie { name } => key::rdp_cookie(&options, rdp_cookie(s.req.bytes(cx), name)?),
        _ => None,
    }
}

/// The value of an RDP cookie: within the first packet, "Cookie: name=value" up to the line end.
fn rdp_cookie<'a>(data: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let at = data.windows(7).position(|w| w.eq_ignore_ascii_case(b"cookie:"))?;
    let cookie = crate::http::trim(&data[at + 7..]);
    let (given, value) = cookie.split_at(cookie.iter().position(|b| *b == b'=')?);
    let end = value.iter().position(|b| matches!(b, b'\r' | b'\n' | b';')).unwrap_or(value.len());
    given.eq_ignore_ascii_case(name.as_bytes()).then(|| &value[1..end])
}

/// `balance rdp-cookie` needs the client's first packet, and RDP clients speak first.
fn waits_for_rdp_cookie<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> bool {
    let needed = matches!(cx.config.proxies[s.be()].balance.key, KeySource::RdpCookie { .. });
    if s.http || !needed || s.req.eof || s.req.end > s.req.start {
        return false;
    }
    s.req.body = Body::Tunnel;
    let headroom = cx.config.global.tune.maxrewrite;
    let got = s.req.fill(cx, s.client, headroom);
    let _ = s.req.clear(cx);
    if matches!(got, super::channel::Fill::Wait) {
        let client = s.timeouts(cx.config).client;
        s.client_at = s.client_at.sooner(cx.now.after_opt(client));
        return true;
    }
    false
}

/// A server's slot is ours.
fn assigned<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    let server = s.server as usize;
    s.phase_at = Tick::NEVER;
    if !s.times.queue.is_set() {
        s.times.queue = cx.now;
    }
    cx.tally(cx.shared.srv_slot(server)).sessions.inc();
    cx.shared.servers[server].session_rate.tick(cx.now_ms);
    let uptime = (cx.now_ms / 1000) as u32;
    cx.shared.servers[server].last_session_s.store(uptime, Relaxed);
    cx.shared.proxies[s.be()].last_session_s.store(uptime, Relaxed);
    Step::Next
}

fn me<K: Kernel>(cx: &Ctx<K>, s: &Session) -> Waiting {
    Waiting { worker: cx.worker, session: (s.me.index(), s.me.generation()) }
}

fn enqueue<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, server: Option<usize>) -> Step {
    let t = &cx.config.proxies[s.be()].timeouts;
    s.phase_at = cx.now.after_opt(if t.queue > 0 { t.queue } else { t.connect });
    s.queued_on = server.map_or(NO_INDEX, |x| x as u32);
    s.queue_pos = places(cx, s.be(), server);
    s.ticket = cx.shared.enqueue(s.be(), server, me(cx, s));
    if s.ticket.is_none() {
        return answer::error(cx, s, 503, b'R', b'Q');
    }
    Step::Wait
}

/// The place that the next session gets in a server's queue, or in the backend's own: the first one's is 1, as in HAProxy's logs.
fn places<K: Kernel>(cx: &Ctx<K>, be: usize, server: Option<usize>) -> (u32, u32) {
    let queued = |x: usize| cx.shared.servers[x].queued.load(Relaxed);
    match server {
        Some(x) => (queued(x) + 1, 0),
        None => {
            let elsewhere = cx.config.proxies[be].servers().map(queued).sum();
            (0, cx.shared.proxies[be].queued.load(Relaxed).saturating_sub(elsewhere) + 1)
        }
    }
}

/// Leaves the queue, if in one. A slot that is granted meanwhile comes by mail with a ticket that nobody has any more.
pub fn leave_queue<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) {
    if let Some(ticket) = s.ticket.take() {
        let server = (s.queued_on != NO_INDEX).then_some(s.queued_on as usize);
        cx.shared.dequeue(s.be(), server, ticket);
    }
}

/// `timeout queue` passed, or the client's while it was to speak.
pub fn timeout<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    if s.ticket.is_none() {
        return s.end(b'c', b'D');
    }
    leave_queue(cx, s);
    s.times.queue = cx.now;
    if s.queued_on != NO_INDEX {
        s.server = s.queued_on;
        cx.tally(cx.shared.srv_slot(s.queued_on as usize)).connect_errors.inc();
    }
    cx.tally(cx.shared.be_slot(s.be())).connect_errors.inc();
    answer::error(cx, s, 503, b's', b'Q')
}
