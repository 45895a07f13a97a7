//! Gets a connection to the chosen server: an idle one, or a new one, with retries and redispatch.

use super::context::Ctx;
use super::endpoint::{Conn, NO_INDEX, Owner};
use super::{Phase, Session, Step, answer, proxy_header, request};
use crate::mem::Handle;
use crate::model::{CloseMode, ProxyHeader, Reuse, Server, opt};
use crate::sys::{Addr, ConnectOptions, IoError, Kernel, Target};
use crate::util::tick::Tick;
use std::net::{SocketAddr, SocketAddrV4};

/// Wait before another attempt at the same server, ms (HAProxy's turn-around).
const TURN_AROUND: u32 = 1000;

/// Opens the connection, or sees it established.
pub fn connect<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    if s.server_conn.is_some() {
        return progress(cx, s);
    }
    if s.turnaround {
        return Step::Wait;
    }
    if reuse(cx, s) {
        return established(cx, s);
    }
    open(cx, s)
}

/// Takes an idle connection, as far as `http-reuse` allows.
fn reuse<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> bool {
    let Some(server) = s.server().filter(|_| s.http) else { return false };
    let mate = cx.conns.get(s.client).map_or(Handle::NONE, |c| c.mate);
    if mate.is_some() {
        cx.conns[s.client].mate = Handle::NONE;
        if let Some(m) = cx.conns.get(mate) {
            if m.origin as usize == server && s.retries == 0 && !is_single(cx, s, server) && !cx.is_spoilt(mate) {
                take(cx, s, mate);
                return true;
            }
            cx.close(mate);
        }
    }
    let be = &cx.config.proxies[s.be()];
    let first = cx.conns.get(s.client).is_none_or(|c| c.requests <= 1);
    let allowed = match be.reuse {
        Reuse::Never => false,
        // The first request of a client must not be the one that finds a connection dead: it could not be sent again.
        Reuse::Safe => !first,
        Reuse::Aggressive => !first || s.method.is_idempotent(),
        Reuse::Always => true,
    };
    if !allowed || s.retries > 0 || is_personal(&cx.config.servers[server]) {
        return false;
    }
    loop {
        let h = cx.idle[server].newest;
        if h.is_none() {
            return false;
        }
        cx.take_idle(h);
        // What came since the last response must not be taken for the next one.
        if !cx.is_spoilt(h) {
            take(cx, s, h);
            return true;
        }
        cx.close(h);
    }
}

/// Connections to this server depend on the client's addresses.
fn is_personal(server: &Server) -> bool {
    server.send_proxy != ProxyHeader::None || server.port_offset.is_some()
}

/// They do, and rules have set the addresses for this session alone.
fn is_single<K: Kernel>(cx: &Ctx<K>, s: &Session, server: usize) -> bool {
    let changed = s.effects.client.is_some() || s.effects.destination.is_some();
    changed && is_personal(&cx.config.servers[server])
}

fn take<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, h: Handle<Conn>) {
    let c = &mut cx.conns[h];
    c.owner = Owner::Session(s.me);
    c.deadline = Tick::NEVER;
    c.requests += 1;
    s.server_conn = h;
    s.reused = true;
    cx.tally(cx.shared.srv_slot(s.server as usize)).reuses.inc();
}

/// `option http_proxy`: the session goes to the address in its target, of which the server gets the path. False: there is none.
pub fn takes_destination<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, start: usize, len: usize) -> bool {
    let head = request::head_of(&cx.bufs, &cx.room, s, start, len);
    let (target, path) = (cx.head.uri.of(head), cx.head.path_and_query(head));
    let before = target.len() - path.len();
    let (scheme, address) = target.split_at(before.min("http://".len()));
    let address = std::str::from_utf8(&address[..before - scheme.len()]).unwrap_or_default();
    let with_port = address.parse::<SocketAddrV4>();
    let Ok(to) = with_port.or_else(|_| address.parse().map(|ip| SocketAddrV4::new(ip, 80))) else { return false };
    if !scheme.eq_ignore_ascii_case(b"http://") {
        return false;
    }
    s.effects.destination = Some(SocketAddr::V4(to).into());
    if path.first() == Some(&b'/') {
        (cx.head.uri.at, cx.head.uri.len) = (cx.head.uri.at + before as u16, path.len() as u16);
    }
    true
}

/// Where a session's connection goes.
pub fn destination<K: Kernel>(cx: &mut Ctx<K>, s: &Session) -> Target {
    let config = cx.config;
    let (target, offset) = match s.server() {
        Some(server) => (config.servers[server].target.clone(), config.servers[server].port_offset),
        None => match &config.proxies[s.be()].dispatch {
            Some(t) => (t.clone(), None),
            None => (Target::Inet(Addr::V4([0; 4], 0)), Some(0)),
        },
    };
    let (Target::Inet(addr), Some(offset)) = (&target, offset) else { return target };
    // Relative to where the client connected to.
    let local = client_ends(cx, s).1;
    let port = (i32::from(local.port()) + offset) as u16;
    let any = matches!(addr, Addr::V4([0, 0, 0, 0], _)) || matches!(addr, Addr::V6(a, _) if *a == [0; 16]);
    Target::Inet(if any { local.with_port(port) } else { addr.with_port(port) })
}

/// The client and where it connected to, as rules see them.
pub fn client_ends<K: Kernel>(cx: &mut Ctx<K>, s: &Session) -> (Addr, Addr) {
    let from = s.effects.client.or(cx.conns.get(s.client).map(|c| c.peer)).unwrap_or(Addr::None);
    (from, s.effects.destination.unwrap_or_else(|| local_addr(cx, s.client)))
}

/// The address that the client connected to, asked for once.
pub fn local_addr<K: Kernel>(cx: &mut Ctx<K>, client: Handle<Conn>) -> Addr {
    let Some(c) = cx.conns.get(client) else { return Addr::None };
    if c.local == Addr::None {
        let fd = c.fd;
        let local = cx.sys.local_addr(fd);
        cx.conns[client].local = local;
    }
    cx.conns[client].local
}

fn open<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    let config = cx.config;
    let be = &config.proxies[s.be()];
    let server = s.server().map(|i| &config.servers[i]);
    if s.prefix == 0 && server.is_some_and(|x| x.send_proxy != ProxyHeader::None) {
        proxy_header::prepend(cx, s, server.map_or(ProxyHeader::None, |x| x.send_proxy));
    }
    s.times.attempt = cx.now;
    let interface = server.and_then(|x| x.interface.clone()).or_else(|| be.source_interface.clone());
    let options = ConnectOptions {
        source: server.and_then(|x| x.source).or(be.source),
        interface,
        keepalive: be.has(opt::SRVTCPKA),
        user_timeout_ms: server.map_or(0, |x| x.user_timeout_ms),
        rcvbuf: config.global.tune.rcvbuf_server,
        sndbuf: config.global.tune.sndbuf_server,
    };
    // No clone for the common case of a fixed address.
    let opened = match server.filter(|x| x.port_offset.is_none()) {
        Some(x) => cx.sys.connect(&x.target, &options),
        None => {
            let target = destination(cx, s);
            cx.sys.connect(&target, &options)
        }
    };
    if let Some(i) = s.server() {
        cx.tally(cx.shared.srv_slot(i)).connects.inc();
    }
    match opened {
        Ok((fd, done)) => {
            let mut conn = Conn::new(fd, false, s.server, Owner::Session(s.me));
            conn.requests = 1;
            conn.can_write = done;
            conn.accepted = cx.now;
            let Some(h) = cx.adopt(conn) else { return failed(cx, s, IoError::NoDescriptor) };
            s.server_conn = h;
            s.reused = false;
            if be.has(opt::SMART_CONNECT) {
                cx.sys.delay_ack(fd);
            }
            if done {
                return established(cx, s);
            }
            s.phase_at = cx.now.after_opt(be.timeouts.connect);
            Step::Wait
        }
        Err(e) => failed(cx, s, e),
    }
}

/// An event came for a connection in progress.
fn progress<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    let c = &cx.conns[s.server_conn];
    if !c.can_write && !c.hangup {
        return client_left(cx, s).unwrap_or(Step::Wait);
    }
    let fd = c.fd;
    match if c.hangup { cx.sys.connected(fd) } else { Ok(()) } {
        Ok(()) => established(cx, s),
        Err(IoError::Again) => {
            let c = &mut cx.conns[s.server_conn];
            (c.can_write, c.hangup) = (false, false);
            Step::Wait
        }
        Err(e) => failed(cx, s, e),
    }
}

/// With `abortonclose` a client that left makes the attempt pointless.
fn client_left<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Option<Step> {
    if !cx.either(s.fe(), s.be(), opt::ABORTONCLOSE) || !cx.client_left(s.client) {
        return None;
    }
    cx.tally(cx.shared.be_slot(s.be())).client_aborts.inc();
    Some(answer::error(cx, s, 503, b'C', b'C'))
}

fn established<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    if s.prefix == 0 && !s.reused {
        let version = s.server().map_or(ProxyHeader::None, |i| cx.config.servers[i].send_proxy);
        // Its place in the buffer is taken: it goes alone, and never a connection without the header that the server trusts.
        if version != ProxyHeader::None && !proxy_header::send_alone(cx, s, version) {
            return failed(cx, s, IoError::NoMemory);
        }
    }
    s.connected = true;
    s.phase_at = Tick::NEVER;
    s.times.connect = cx.now;
    let timeouts = s.timeouts(cx.config);
    s.server_at = cx.now.after_opt(timeouts.server);
    s.req.splice = !s.http && cx.splices(s.fe(), s.be(), opt::SPLICE_REQUEST);
    s.res.splice = !s.http && cx.splices(s.fe(), s.be(), opt::SPLICE_RESPONSE);
    let no_delay = s.http && cx.either(s.fe(), s.be(), opt::NO_DELAY);
    (s.req.no_delay, s.res.no_delay) = (no_delay, no_delay);
    if s.http {
        s.req.held = may_be_sent_again(cx, s);
        s.req.held_from = s.req.start;
        request::write_name(cx, s);
        s.req.splice = cx.splices(s.fe(), s.be(), opt::SPLICE_REQUEST);
    } else {
        super::finish::log_early(cx, s);
        s.client_at = cx.now.after_opt(timeouts.client);
        if timeouts.tunnel > 0 {
            (s.client_at, s.server_at) = (Tick::NEVER, cx.now.after(timeouts.tunnel));
        }
    }
    Step::Next
}

/// True when the request is kept to be sent a second time: it is complete, and either `retry-on` asks for it, or it goes over a
/// connection that the server may be closing right now and does no harm when processed twice (RFC 9110 section 9.2.2).
fn may_be_sent_again<K: Kernel>(cx: &Ctx<K>, s: &Session) -> bool {
    let asked = cx.config.proxies[s.be()].retry_on & !crate::model::retry::CONN_FAILURE != 0;
    s.req.body.is_done() && s.method.is_idempotent() && (s.reused || asked)
}

/// The connection could not be made.
fn failed<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, error: IoError) -> Step {
    drop_connection(cx, s);
    s.phase_at = Tick::NEVER;
    let config = cx.config;
    let be = &config.proxies[s.be()];
    let Some(server) = s.server() else { return give_up(cx, s, error) };
    if u32::from(s.retries) >= be.retries || be.retry_on & crate::model::retry::CONN_FAILURE == 0 && be.retry_on != 0 {
        return give_up(cx, s, error);
    }
    s.retries += 1;
    let active = cx.shared.proxies[s.be()].active.load(std::sync::atomic::Ordering::Relaxed);
    let several = config.servers.len() > 1 && active > u32::from(cx.shared.servers[server].is_usable());
    let immediate = be.redispatch != 0 && s.key.is_none() && !s.persistent && several;
    let dead = !(cx.shared.servers[server].is_alive() || s.persistent && s.is_forced(be));
    let chooses_anew = redispatches(be.redispatch, s.retries, be.retries) && !(s.persistent && s.effects.force_persist);
    if dead || immediate || chooses_anew && several {
        return redispatch(cx, s, server);
    }
    if chooses_anew {
        s.times.queue = Tick::NEVER; // the only server there is gets its pause all the same, as part of the wait for a server
    }
    cx.tally(cx.shared.srv_slot(server)).retries.inc();
    cx.tally(cx.shared.be_slot(s.be())).retries.inc();
    s.turnaround = true;
    let pause = if be.timeouts.connect > 0 { be.timeouts.connect.min(TURN_AROUND) } else { TURN_AROUND };
    s.phase_at = cx.now.after(pause);
    Step::Wait
}

/// `option redispatch <interval>`: n > 0 on every n-th retry, n < 0 counted from the last one.
fn redispatches(interval: i32, retry: u16, retries: u32) -> bool {
    let (retry, retries) = (i32::from(retry), retries as i32);
    match interval {
        0 => false,
        n if n > 0 => retry % n == 0,
        n => (retries - retry + 1 + n) >= 0 && (retries - retry + 1) % n == 0,
    }
}

fn redispatch<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, server: usize) -> Step {
    cx.tally(cx.shared.srv_slot(server)).redispatches.inc();
    cx.tally(cx.shared.be_slot(s.be())).redispatches.inc();
    release_server(cx, s);
    s.redispatched = true;
    s.times.queue = Tick::NEVER; // the wait for a server includes the attempts at the former one
    s.persistent = false;
    remove_prefix(s);
    if let Some(c) = cx.conns.get_mut(s.client) {
        (c.last_server, c.stay) = (NO_INDEX, false);
    }
    Step::Goto(Phase::Assign)
}

/// Takes the PROXY header of the former server away again.
fn remove_prefix(s: &mut Session) {
    s.req.start += u32::from(s.prefix);
    s.prefix = 0;
}

fn give_up<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, error: IoError) -> Step {
    if let Some(server) = s.server() {
        cx.tally(cx.shared.srv_slot(server)).connect_errors.inc();
    }
    cx.tally(cx.shared.be_slot(s.be())).connect_errors.inc();
    let who = match error {
        IoError::TimedOut => b's',
        IoError::NoDescriptor | IoError::NoMemory | IoError::InUse => b'R',
        _ => b'S',
    };
    answer::error(cx, s, 503, who, b'C')
}

/// `timeout connect` passed, or the pause between two attempts.
pub fn timeout<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    if !s.phase_at.is_due(cx.now) {
        return s.end(b'c', b'C');
    }
    s.phase_at = Tick::NEVER;
    if s.turnaround {
        s.turnaround = false;
        if !s.times.queue.is_set() {
            s.times.queue = cx.now;
        }
        return Step::Goto(Phase::Connect);
    }
    failed(cx, s, IoError::TimedOut)
}

/// Sends a request again over a new connection, after the one it went over turned out to be closed.
pub fn again<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    drop_connection(cx, s);
    s.res.restart(cx);
    s.scanned = 0;
    s.req.start = s.req.held_from;
    s.req.shut = false;
    s.server_at = Tick::NEVER; // there is no server to wait for until it is connected
    s.retries += 1;
    s.request_broken = false;
    if let Some(server) = s.server() {
        cx.tally(cx.shared.srv_slot(server)).retries.inc();
    }
    cx.tally(cx.shared.be_slot(s.be())).retries.inc();
    Step::Goto(Phase::Connect)
}

/// Closes the connection to the server.
pub fn drop_connection<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) {
    if s.server_conn.is_some() {
        super::finish::remember_source(cx, s);
        close(cx, s, s.server_conn);
        s.server_conn = Handle::NONE;
    }
}

/// Closes a connection to the server; at once, with `option nolinger`.
fn close<K: Kernel>(cx: &mut Ctx<K>, s: &Session, h: Handle<Conn>) {
    let fd = cx.conns.get(h).map(|c| c.fd);
    if let Some(fd) = fd.filter(|_| cx.config.proxies[s.be()].has(opt::NOLINGER)) {
        cx.sys.set_reset_on_close(fd);
    }
    cx.close(h);
}

/// Gives the slot of the server back.
pub fn release_server<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) {
    if s.slot {
        s.slot = false;
        cx.shared.release_slot(s.server as usize);
    }
}

/// Parts from the server's connection after a complete exchange: it becomes idle when it may be used again.
pub fn part<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) {
    let h = s.server_conn;
    if cx.conns.get(h).is_none() {
        release_server(cx, s);
        return;
    }
    super::finish::remember_source(cx, s);
    s.server_conn = Handle::NONE;
    let server = s.server as usize;
    let usable = s.keep_server && !s.tunnel && s.server != NO_INDEX && !cx.shared.stopping();
    if usable && !cx.is_spoilt(h) {
        keep(cx, s, h, server);
    } else {
        close(cx, s, h);
    }
    release_server(cx, s);
}

fn keep<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, h: Handle<Conn>, server: usize) {
    let (settings, be) = (&cx.config.servers[server], &cx.config.proxies[s.be()]);
    let worn = settings.max_reuse > 0 && cx.conns[h].requests >= settings.max_reuse;
    let private = be.reuse == Reuse::Never || is_personal(settings) || cx.conns.get(s.client).is_some_and(|c| c.stay);
    if worn || be.close_mode == CloseMode::ServerClose || is_single(cx, s, server) {
        cx.close(h);
    } else if private {
        if s.keep_client && cx.conns.get(s.client).is_some() {
            cx.conns[h].owner = Owner::Nobody;
            let old = std::mem::replace(&mut cx.conns[s.client].mate, h);
            if old.is_some() {
                cx.close(old);
            }
            cx.arm(h, true, false);
        } else {
            cx.close(h);
        }
    } else {
        let share = |n: u32| n.div_ceil(cx.shared.limits.workers as u32);
        let idle = cx.idle[server].len;
        let none = settings.pool_purge_delay_ms == 0;
        let full = none || settings.pool_max_conn.is_some_and(|n| idle >= share(n));
        let wanted = cx.shared.servers[server].wants_idle(idle, cx.now, settings.pool_purge_delay_ms);
        if full || !wanted { cx.close(h) } else { cx.put_idle(h) }
    }
}
