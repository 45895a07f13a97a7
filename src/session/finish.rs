//! The one exit of a session: it counts, logs, and gives back whatever it holds, whatever ended it.

use super::context::Ctx;
use super::endpoint::Owner;
use super::view::{self, View};
use super::{Phase, Session, assign, connect};
use crate::format::Record;
use crate::log::{self, Sampled};
use crate::mem::{Buffers, Handle};
use crate::model::opt;
use crate::rules::Effects;
use crate::sample::{Beside, Notes, Scene, Setting, needs};
use crate::sys::Kernel;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// What happens with the client's connection next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AfterEnd {
    /// Closed, or lingering: the session's slot is free.
    Gone,
    /// It waits for the next request without a session.
    Idle,
    /// The next request is in the buffer already: the session begins anew.
    Again,
}

/// Ends a session. After [`AfterEnd::Again`] the session is a fresh one.
pub fn finish<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> AfterEnd {
    assign::leave_queue(cx, s);
    if s.phase != Phase::Cli {
        count(cx, s);
    }
    connect::drop_connection(cx, s);
    connect::release_server(cx, s);
    if s.be_counted {
        cx.shared.proxies[s.be()].be_connections.fetch_sub(1, Relaxed);
    }
    let silent = !s.http && s.req.received == 0 && cx.config.proxies[s.fe()].has(opt::DONTLOGNULL);
    // The line shows the counts of those that remain, as HAProxy's does.
    if s.phase != Phase::Cli && !s.logged && !silent {
        write_line(cx, s, Moment::End);
    }
    if s.line.is_some() {
        cx.lines.free(s.line);
        s.line = Handle::NONE;
    }
    if s.notes.is_some() {
        cx.notes.free(s.notes);
        s.notes = Handle::NONE;
    }
    cx.stop_checking(s.me);
    let task = cx.session_task(s.me);
    cx.timers.cancel(task);
    let task = cx.conn_task(s.client);
    cx.timers.cancel(task);
    after(cx, s)
}

/// Asks for our end of the connection to the server before that is closed or becomes another session's, if the log shows it.
pub fn remember_source<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) {
    if s.logged || !cx.logs.shows(s.fe(), &["bi", "bp"]) && cx.shared.rules.logs[s.fe()].needs() & needs::SOURCE == 0 {
        return;
    }
    if let Some(fd) = cx.conns.get(s.server_conn).map(|c| c.fd) {
        s.source = cx.sys.local_addr(fd);
    }
}

fn after<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> AfterEnd {
    // Without the whole response the next one would be taken for it.
    let whole = s.cause.who == b'-' || matches!(s.phase, Phase::Answer | Phase::Applet) && s.res.is_drained();
    let usable = cx.conns.get(s.client).is_some() && s.keep_client && whole && !s.req.eof;
    s.res.release(cx);
    if !usable {
        close_client(cx, s);
        s.req.release(cx);
        return AfterEnd::Gone;
    }
    let fe = &cx.config.proxies[s.fe()];
    let keep_alive = [fe.timeouts.http_keep_alive, fe.timeouts.http_request, fe.timeouts.client];
    let wait_ms = keep_alive.into_iter().find(|t| *t > 0).unwrap_or(0);
    // For the log, the next request's connection begins where this one ends.
    let past_us = u64::from(s.times.start_at.1) + u64::from(cx.now.since(s.times.start)) * 1000;
    let c = &mut cx.conns[s.client];
    c.accepted = cx.now;
    c.accepted_at = (s.times.start_at.0 + (past_us / 1_000_000) as i64, (past_us % 1_000_000) as u32);
    c.handshake_ms = 0;
    if s.req.buf.is_some() && s.req.end > s.req.cleared {
        begin_again(cx, s);
        return AfterEnd::Again;
    }
    s.req.held = false;
    s.req.start = s.req.end;
    s.req.release(cx);
    // Also while the process stops: a client that was not told otherwise may have sent its next request already.
    if c_hangup_without_data(cx, s) {
        cx.close(s.client);
        return AfterEnd::Gone;
    }
    let c = &mut cx.conns[s.client];
    c.owner = Owner::IdleClient;
    c.deadline = cx.now.after_opt(wait_ms);
    let deadline = c.deadline;
    let task = cx.conn_task(s.client);
    cx.timers.set(task, deadline);
    if cx.conns[s.client].can_read {
        cx.runq.wake(task);
    }
    cx.arm(s.client, true, false);
    AfterEnd::Idle
}

fn c_hangup_without_data<K: Kernel>(cx: &Ctx<K>, s: &Session) -> bool {
    cx.conns[s.client].hangup && !cx.conns[s.client].can_read
}

/// Moves a pipelined request to where requests begin.
fn begin_again<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) {
    let headroom = cx.config.global.tune.maxrewrite as usize;
    let (from, to) = (s.req.cleared as usize, s.req.end as usize);
    let bytes = cx.bufs.get_mut(s.req.buf);
    let at = if headroom + (to - from) <= bytes.len() { headroom } else { 0 };
    bytes.copy_within(from..to, at);
    let buf = std::mem::take(&mut s.req.buf);
    let (client, fe, me) = (s.client, s.fe(), s.me);
    *s = Session::new(client, fe, true, Phase::Request);
    s.me = me;
    s.req.buf = buf;
    (s.req.start, s.req.cleared, s.req.end) = (at as u32, at as u32, (at + to - from) as u32);
    s.req.received = (to - from) as u64;
    let fe = &cx.config.proxies[s.fe()];
    let wait = fe.timeouts.request();
    s.phase_at = cx.now.after_opt(wait);
}

/// Closes the client's connection so that it can read all that we sent: with input left unread a close would reset it.
fn close_client<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) {
    let Some(c) = cx.conns.get(s.client) else { return };
    let fd = c.fd;
    if cx.config.proxies[s.fe()].has(opt::NOLINGER) {
        cx.sys.set_reset_on_close(fd);
    }
    // An answer of ours, or a response that came before the request's end: something may still be on its way to us.
    let complete = s.req.body.is_done() && s.times.request.is_set() && !s.req.has_leftover() && !c.can_read;
    let unread = s.http && s.status != 0 && !s.tunnel && !s.req.eof && s.cause.who != b'C';
    if !unread || complete {
        cx.close(s.client);
        return;
    }
    cx.sys.shutdown_write(fd);
    let deadline = cx.now.after(LINGER_MS);
    let c = &mut cx.conns[s.client];
    (c.owner, c.deadline, c.discarded) = (Owner::Lingering, deadline, 0);
    let task = cx.conn_task(s.client);
    cx.timers.set(task, deadline);
    if cx.conns[s.client].can_read {
        cx.runq.wake(task);
    }
    cx.arm(s.client, true, false);
}

/// How long we throw away what a client still sends after our last word, ms.
const LINGER_MS: u32 = 2000;
/// And how much, bytes.
const LINGER_BYTES: u32 = 1 << 20;

/// Throws away what a client sends after our last word. True when its connection is gone.
pub fn linger<K: Kernel>(cx: &mut Ctx<K>, h: Handle<super::endpoint::Conn>) -> bool {
    for _ in 0..8 {
        let c = &cx.conns[h];
        if c.deadline.is_due(cx.now) || c.discarded > LINGER_BYTES {
            cx.close(h);
            return true;
        }
        if !c.can_read {
            cx.arm(h, true, false);
            return false;
        }
        let fd = c.fd;
        match cx.sys.recv(fd, &mut cx.scratch) {
            Ok(n) if n > 0 => cx.conns[h].discarded += n as u32,
            Err(crate::sys::IoError::Again) => cx.conns[h].can_read = false,
            _ => {
                cx.close(h);
                return true;
            }
        }
    }
    let task = cx.conn_task(h);
    cx.runq.wake(task);
    false
}

/// The counters that a session belongs to: frontend, backend, server.
fn slots<K: Kernel>(cx: &Ctx<K>, s: &Session) -> [Option<usize>; 3] {
    [
        Some(cx.shared.fe_slot(s.fe())),
        s.be_counted.then(|| cx.shared.be_slot(s.be())),
        s.server().filter(|_| s.be_counted).map(|x| cx.shared.srv_slot(x)),
    ]
}

/// Adds the bytes that were moved since the last time (at the end of a session; with `option contstats` as they come).
pub fn count_bytes<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) {
    let (now_in, now_out) = (s.req.taken(), s.res.sent);
    for slot in slots(cx, s).into_iter().flatten() {
        let t = cx.tally(slot);
        t.bytes_in.add(now_in.saturating_sub(s.counted.0));
        t.bytes_out.add(now_out.saturating_sub(s.counted.1));
    }
    s.counted = (now_in, now_out);
}

fn count<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) {
    count_bytes(cx, s);
    let slots = slots(cx, s);
    if s.be_counted && s.times.connect.is_set() {
        let d = view::durations(cx.now, cx.now, &s.times);
        for slot in slots.into_iter().flatten().skip(1) {
            let t = cx.tally(slot);
            t.queue_ms.add(d.queue.max(0) as u64);
            t.connect_ms.add(d.connect.max(0) as u64);
            t.response_ms.add(d.response.max(0) as u64);
            t.total_ms.add(d.active.max(0) as u64);
            t.queue_max_ms.raise(d.queue.max(0) as u64);
            t.connect_max_ms.raise(d.connect.max(0) as u64);
            t.response_max_ms.raise(d.response.max(0) as u64);
            t.total_max_ms.raise(d.active.max(0) as u64);
        }
    }
}

/// When a session's line is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    Start,
    /// The response has begun (`option logasap`).
    Early,
    End,
}

/// `option logasap`: the line is written now; its totals are marked as what they are so far.
pub fn log_early<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) {
    if !s.logged && cx.config.proxies[s.fe()].has(opt::LOGASAP) {
        remember_source(cx, s);
        write_line(cx, s, Moment::Early);
    }
}

/// Writes the line that a session's end would add nothing to.
pub fn log_at_start<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) {
    if !s.logged && cx.logs.is_early(s.fe()) {
        write_line(cx, s, Moment::Start);
    }
}

/// What is in a slab; nothing when there is none.
fn held(pool: &Buffers, slab: Handle<()>) -> &[u8] {
    if slab.is_some() { pool.get(slab) } else { &[] }
}

/// Writes the session's line, if its frontend logs and the options want it.
fn write_line<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, moment: Moment) {
    s.logged = true;
    if !cx.logs.wanted(s.fe()) {
        return;
    }
    let config = cx.config;
    let fe = &config.proxies[s.fe()];
    let good = s.cause.who == b'-' && s.retries == 0 && s.status < 500;
    // What becomes of a session is not known at its start.
    if good && fe.has(opt::DONTLOG_NORMAL) && moment != Moment::Start {
        return;
    }
    let separate = !good && fe.has(opt::LOG_SEPARATE_ERRORS) && s.cause.who != b'L';
    let level = s.effects.log_level.unwrap_or(if separate { log::ERR } else { log::INFO });
    if level == Effects::SILENT {
        return;
    }
    let shared = cx.shared;
    let end = cx.sys.wall();
    let zone = cx.logs.zone_offset(end.0);
    let (host, pid) = cx.logs.identity();
    let host = Arc::clone(host);
    let Some(flow) = view::flow(cx, s, shared.rules.logs[s.fe()].needs()) else { return };
    let seed = (cx.sys.random(), cx.sys.random());
    let Some(c) = cx.conns.get(s.client) else { return };
    let line = view::line(&cx.lines, s);
    let failed = s.phase == Phase::ProxyHeader || s.http && !s.times.request.is_set() && line.is_empty();
    let number = s.number.unwrap_or_else(|| shared.process.next_unique.fetch_add(1, Relaxed));
    let captures = shared.rules.captures(s.fe());
    let known = view::record(s, c, shared, &flow, cx.now, (&host, pid));
    let beside = Beside { captures, drafts: None, process: Some(&shared.rules.process) };
    let record = Record {
        source: s.source,
        end,
        zone,
        status: if s.status == 0 && failed { 0 } else { known.status },
        // So far: what came from the server, though none of it may have been sent yet.
        bytes_out: if moment == Moment::Early { s.res.received } else { s.res.sent },
        counter: number,
        line_number: shared.proxies[s.fe()].log_lines.fetch_add(1, Relaxed),
        request_line: line,
        failed,
        asap: fe.has(opt::LOGASAP),
        notes: Notes {
            session: held(&cx.session_notes, c.notes),
            transaction: held(&cx.notes, s.notes),
            beside: &beside,
        },
        ..known
    };
    let live = View::new(shared, end, seed, cx.now_ms);
    let setting = Setting { host: &host, line, ..Setting::of_session(config, &live) };
    let scene = Scene { setting: &setting, flow: &flow, message: None, notes: record.notes };
    let sampled = Sampled { scene: &scene, space: &mut cx.room.space, regexes: &mut cx.room.regexes };
    cx.logs.traffic(&mut cx.sys, s.fe(), level, &record, sampled);
}
