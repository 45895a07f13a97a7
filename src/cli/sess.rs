//! `show sess`: the sessions, a line each or in detail. Each worker shows its own in its turn.
//!
//! HAProxy names a session by its address in memory; here it is its worker, generation and slot, in the same shape.

use crate::applet::{Cursor, Progress, Value, View, unit};
use crate::mem::Handle;
use crate::model::{Audience, Mode, Proxy};
use crate::session::channel::Channel;
use crate::session::endpoint::Conn;
use crate::session::{Phase, Session};
use crate::sys::Addr;
use crate::util::date::civil;
use crate::util::fmt::Out;
use crate::util::tick::Tick;
use std::fmt::Write;

/// `show sess [all|<id>]`
pub fn show_sess(view: &View, args: &[&str], cur: &mut Cursor, out: &mut Out) -> Progress {
    // As in HAProxy: what is neither `all` nor a number is passed over.
    let wanted = args.first().and_then(|a| u64::from_str_radix(a.strip_prefix("0x")?, 16).ok());
    let all = args.first() == Some(&"all");
    if let Some(id) = wanted {
        // One worker knows it; of an identifier that is nobody's, the first one says so.
        let home = (id >> (32 + INDEX_BITS)) as usize;
        let of_nobody = home == 0 || home > view.shared.limits.workers;
        if !(home == view.worker + 1 || of_nobody && view.worker == 0) {
            return Progress::Done;
        }
        let written = match from_id(view, id) {
            Some(s) => unit(out, |o| detail(view, s, o)),
            None => unit(out, |o| o.put(b"Session not found.\n")),
        };
        return if written { Progress::Done } else { Progress::More };
    }
    while (cur.a as usize) < view.sessions.touched() {
        if let Some(s) = view.sessions.handle_at(cur.a as usize) {
            let written = unit(out, |o| if all { detail(view, s, o) } else { summary(view, s, o) });
            if !written {
                return Progress::More;
            }
        }
        cur.a += 1;
    }
    Progress::Done
}

const INDEX_BITS: u32 = 24;

/// The name of a session: worker + 1, generation and index.
pub(super) fn id(worker: usize, h: Handle<Session>) -> u64 {
    (worker as u64 + 1) << (32 + INDEX_BITS) | u64::from(h.generation()) << INDEX_BITS | h.index() as u64
}

fn from_id(view: &View, wanted: u64) -> Option<Handle<Session>> {
    let h = view.sessions.handle_at((wanted & ((1 << INDEX_BITS) - 1)) as usize)?;
    (id(view.worker, h) == wanted).then_some(h)
}

/// Everything about a session that both forms show.
struct Facts<'a> {
    session: &'a Session,
    client: Option<&'a Conn>,
    server: Option<&'a Conn>,
    now: Tick,
    fe: Option<&'a Proxy>,
    be: Option<&'a Proxy>,
    server_name: &'a str,
    age_s: u32,
    expires: Tick,
}

fn facts<'a>(view: &View<'a>, h: Handle<Session>) -> Option<Facts<'a>> {
    let session = view.sessions.get(h)?;
    let config = &view.shared.config;
    let client = view.conns.get(session.client);
    let now = Tick::from_ms(view.now_ms);
    let listener = client.and_then(|c| config.listeners.get(c.origin as usize));
    let cli = listener.is_some_and(|l| matches!(l.audience, Audience::Cli(_)));
    let start = if session.times.start.is_set() { session.times.start } else { client.map_or(now, |c| c.accepted) };
    Some(Facts {
        session,
        client,
        server: view.conns.get(session.server_conn),
        now,
        fe: config.proxies.get(session.fe()).filter(|_| !cli),
        be: config.proxies.get(session.be()).filter(|p| !cli && p.is_backend),
        server_name: session.server().and_then(|s| config.servers.get(s)).map_or("<none>", |s| &s.name),
        age_s: if start.is_set() { now.since(start) / 1000 } else { 0 },
        expires: session.client_at.sooner(session.server_at).sooner(session.phase_at),
    })
}

fn protocol(conn: Option<&Conn>) -> &'static str {
    match conn.map(|c| c.peer) {
        Some(Addr::V4(..)) => "tcpv4",
        Some(Addr::V6(..)) => "tcpv6",
        Some(Addr::Unix) => "unix_stream",
        _ => "?",
    }
}

/// `address:port`, `unix:<listener>`.
fn source(conn: Option<&Conn>, o: &mut Out) {
    let Some(c) = conn else { return o.byte(b'?') };
    let _ = match c.peer {
        Addr::Unix => write!(o, "unix:{}", c.origin + 1),
        other => write!(o, "{other}:{}", other.port()),
    };
}

/// The time that is left: `47s`, nothing for never.
fn left(at: Tick, now: Tick, o: &mut Out) {
    if !at.is_set() {
        return;
    }
    let s = at.until(now).max(0) as u32 / 1000;
    let _ = match s {
        0..60 => write!(o, "{s}s"),
        60..3600 => write!(o, "{}m{}s", s / 60, s % 60),
        3600..86_400 => write!(o, "{}h{}m", s / 3600, s / 60 % 60),
        _ => write!(o, "{}d{}h", s / 86_400, s / 3600 % 24),
    };
}

fn left_or_never(at: Tick, now: Tick, o: &mut Out) {
    if at.is_set() { left(at, now, o) } else { o.put(b"<NEVER>") }
}

/// Our bits of a channel: 1 = the source closed, 2 = we closed towards the destination, 4 = kept to be sent again,
/// 8 = may be spliced, 10h = a pipe is held.
fn flags(ch: &Channel) -> u32 {
    [ch.eof, ch.shut, ch.held, ch.splice, ch.pipe.is_some()].iter().rev().fold(0, |all, bit| all << 1 | u32::from(*bit))
}

/// HAProxy's states of one side: 2 = queued, 5 = connecting, 8 = established, 10 = closed, 0 = not begun.
fn side(s: &Session, conn: Option<&Conn>, client: bool) -> u32 {
    match (conn, s.phase) {
        (Some(_), Phase::Connect) if !client => 5,
        (Some(_), _) => 8,
        (None, Phase::Assign) if s.ticket.is_some() => 2,
        (None, Phase::Applet | Phase::Cli) => 8,
        (None, Phase::Answer) => 10,
        (None, _) => 0,
    }
}

fn channel(name: &str, ch: &Channel, f: &Facts, ends: [Tick; 3], o: &mut Out) {
    let _ = write!(o, " {name}[f={:x}h,i={},an={:02x}h", flags(ch), ch.end - ch.cleared, 1 << f.session.phase as u32);
    for (name, at) in [("rx", ends[0]), ("wx", ends[1]), ("ax", ends[2])] {
        let _ = write!(o, ",{name}=");
        left(at, f.now, o);
    }
    o.byte(b']');
}

fn summary(view: &View, h: Handle<Session>, o: &mut Out) {
    let Some(f) = facts(view, h) else { return };
    let s = f.session;
    let _ = write!(o, "{:#x}: proto={} src=", id(view.worker, h), protocol(f.client));
    source(f.client, o);
    let _ = write!(o, " fe={} be={}", f.fe.map_or("GLOBAL", |p| &p.name), f.be.map_or("<NONE>", |p| &p.name));
    let _ = write!(o, " srv={} ts=00 epoch=0 age=", f.server_name);
    left(f.now.after(f.age_s.saturating_mul(1000)), f.now, o);
    o.put(b" calls=0 rate=0 cpu=0 lat=0");
    channel("rq", &s.req, &f, [s.client_at, Tick::NEVER, s.phase_at], o);
    channel("rp", &s.res, &f, [s.server_at, Tick::NEVER, Tick::NEVER], o);
    let closed = |ch: &Channel| u32::from(ch.eof) | u32::from(ch.shut) << 1;
    let _ = write!(o, " scf=[{},{:x}h,fd={}]", side(s, f.client, true), closed(&s.req), f.client.map_or(-1, |c| c.fd));
    let _ = write!(o, " scb=[{},{:x}h,fd={}]", side(s, f.server, false), closed(&s.res), f.server.map_or(-1, |c| c.fd));
    o.put(b" exp=");
    left(f.expires, f.now, o);
    let _ = write!(o, " rc={} c_exp=", s.retries);
    if matches!(s.phase, Phase::Assign | Phase::Connect) {
        left(s.phase_at, f.now, o);
    }
    o.byte(b'\n');
}

fn mode(p: &Proxy) -> &'static str {
    match p.mode {
        Mode::Tcp => "tcp",
        Mode::Http => "http",
        Mode::Health => "health",
    }
}

fn address(a: Addr, o: &mut Out) {
    let _ = match a {
        Addr::V4(..) | Addr::V6(..) => write!(o, " addr={a}:{}", a.port()),
        Addr::Unix => write!(o, " addr=unix"),
        Addr::None => Ok(()),
    };
}

fn detail(view: &View, h: Handle<Session>, o: &mut Out) {
    let Some(f) = facts(view, h) else { return };
    let (s, config) = (f.session, &view.shared.config);
    let _ = write!(o, "{:#x}: [", id(view.worker, h));
    let at = f.client.map_or((0, 0), |c| c.accepted_at);
    civil(at.0).put_log(o);
    let _ = write!(o, ".{:06}] id={} proto={} source=", at.1, h.generation(), protocol(f.client));
    source(f.client, o);
    let _ = write!(o, "\n  phase={:?}, worker={}, conn_retries={}, conn_exp=", s.phase, view.worker + 1, s.retries);
    left_or_never(if s.phase == Phase::Connect { s.phase_at } else { Tick::NEVER }, f.now, o);
    let waits = if s.ticket.is_some() { "yes" } else { "no" };
    let _ = write!(o, ", in_queue={waits}, reused={}, exp=", u8::from(s.reused));
    left_or_never(f.expires, f.now, o);
    o.put(b", age=");
    left(f.now.after(f.age_s.saturating_mul(1000)), f.now, o);
    match f.fe {
        Some(p) => {
            let _ = write!(o, "\n  frontend={} (id={} mode={})", p.name, p.id, mode(p));
        }
        None => o.put(b"\n  frontend=GLOBAL (id=0 mode=tcp)"),
    }
    if let Some(l) = f.client.and_then(|c| config.listeners.get(c.origin as usize)) {
        let _ = write!(o, ", listener={} (id={})", if l.name.is_empty() { "?" } else { &l.name }, l.id);
    }
    address(f.client.map_or(Addr::None, |c| c.local), o);
    match f.be {
        Some(p) => {
            let _ = write!(o, "\n  backend={} (id={} mode={})", p.name, p.id, mode(p));
        }
        None => o.put(b"\n  backend=<NONE> (id=-1 mode=-)"),
    }
    address(f.server.map_or(Addr::None, |c| c.local), o);
    match s.server().and_then(|i| config.servers.get(i)) {
        Some(server) => {
            let _ = write!(o, "\n  server={} (id={}) addr=", server.name, server.id);
            Value::Address(&server.target).put(o);
        }
        None => o.put(b"\n  server=<none> (id=-1)"),
    }
    if s.http && f.fe.is_some() {
        let _ = write!(o, "\n  txn meth={:?} status={} http11={} tunnel={}", s.method, s.status, s.http11, s.tunnel);
    }
    endpoint("scf", s, f.client, true, o);
    endpoint("scb", s, f.server, false, o);
    full_channel("req", &s.req, [s.client_at, s.phase_at], &f, o);
    full_channel("res", &s.res, [s.server_at, Tick::NEVER], &f, o);
    o.byte(b'\n');
}

fn endpoint(name: &str, s: &Session, conn: Option<&Conn>, client: bool, o: &mut Out) {
    let state = match side(s, conn, client) {
        2 => "QUE",
        5 => "CON",
        8 => "EST",
        10 => "CLO",
        _ => "INI",
    };
    let _ = write!(o, "\n  {name} state={state}");
    match conn {
        Some(c) => {
            let bits = |b: bool| u8::from(b);
            let (read, write, hangup) = (bits(c.can_read), bits(c.can_write), bits(c.hangup));
            let _ = write!(o, " fd={} can_read={read} can_write={write} hangup={hangup} requests={}", c.fd, c.requests);
        }
        None => o.put(b" fd=-1"),
    }
}

fn full_channel(name: &str, ch: &Channel, [read, analyse]: [Tick; 2], f: &Facts, o: &mut Out) {
    let _ = write!(o, "\n  {name} (f=0x{:x} an=0x{:x} pipe={}", flags(ch), 1 << f.session.phase as u32, ch.pipe_bytes);
    let _ = write!(o, " total={} sent={})\n      an_exp=", ch.received, ch.sent);
    left_or_never(analyse, f.now, o);
    o.put(b" rex=");
    left_or_never(read, f.now, o);
    let held = if ch.buf.is_some() { "yes" } else { "no" };
    let (out_bytes, in_bytes) = (ch.cleared - ch.start, ch.end - ch.cleared);
    let _ = write!(o, "\n      buf={held} o={out_bytes} i={in_bytes} body={:?}", ch.body);
}
