//! The loop: one screen that shows the whole life of an event.
//!
//! ```text
//! clock -> timers that came -> run queue -> wait for events -> clock ...
//!                                  |             |
//!                 sessions, idle connections,    +-> ready bits, run queue, accept, mail, signals
//!                 lingering ones, checks
//! ```
//! Each worker is one thread with its own poller, pools, timers and sessions; what workers share is in `server::Shared`.

mod answers;

use crate::check::{Change, Runner, describe};
use crate::listener::Listeners;
use crate::log;
use crate::mem::{Handle, Pool};
use crate::model::{Audience, Mode};
use crate::pattern::{ADDED, ADDED_BYTES};
use crate::rules::Family;
use crate::server::{Health, Mail};
use crate::session::context::{Ctx, Parts};
use crate::session::endpoint::{Conn, Owner, key};
use crate::session::{AfterEnd, Outcome, Phase, Session, admits, finish, finish_linger, first_phase, run};
use crate::sys::{Event, IoError, Kernel};
use crate::util::fmt::Out;
use crate::util::tick::Tick;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Key of the mailbox.
pub const MAILBOX: usize = 0;
/// Key of the signal pipe.
pub const SIGNALS: usize = 1;

/// Requests of one client that are answered before the others have their turn.
const PIPELINED: u32 = 16;
/// Tasks that run for each step of checking passwords.
const TASKS_A_STEP: usize = 8;
/// Milliseconds between two looks for memory that has become cold.
const TRIM_MS: u32 = 2000;

/// One event loop with all that it owns.
pub struct Worker<'a, K: Kernel> {
    pub cx: Ctx<'a, K>,
    pub sessions: Pool<Session>,
    pub listeners: Listeners,
    checks: Runner<'a>,
    events: Vec<Event>,
    depth: usize,
    /// The signal pipe became readable.
    pub signalled: bool,
    trim_at: Tick,
    idle_ms: u64,
    idle_since_ms: u64,
    host: Arc<str>,
}

impl<'a, K: Kernel> Worker<'a, K> {
    /// A worker ready to run: all memory taken, mailbox watched. The first worker runs the health checks.
    pub fn new(parts: Parts<'a, K>, host: Arc<str>) -> Result<Worker<'a, K>, IoError> {
        let (sessions, worker) = (parts.sizes.sessions, parts.worker);
        let (batch, depth) =
            (parts.shared.config.global.tune.maxpollevents, parts.shared.config.global.tune.runqueue_depth);
        let mut cx = Ctx::new(parts);
        // poll(2) hands over all that is ready at once, and forgets what it has told.
        let all = cx.sizes.conns + cx.sizes.checks + cx.config.listeners.len();
        let batch = if cx.sys.edge() { (batch as usize).clamp(1, 1024) } else { all };
        let mailbox = cx.shared.mail[worker].fd();
        cx.sys.watch(mailbox, key::special(MAILBOX))?;
        let checks = Runner::new(cx.config, cx.now);
        let mut w = Worker {
            sessions: Pool::new(sessions),
            listeners: Listeners::new(cx.config.listeners.len()),
            events: Vec::with_capacity(batch + 8),
            depth: (depth as usize).max(1),
            checks,
            signalled: false,
            trim_at: Tick::NEVER,
            idle_ms: 0,
            idle_since_ms: cx.now_ms,
            host,
            cx,
        };
        if worker == 0 {
            for n in 0..w.checks.len() {
                let task = w.cx.check_task(n as u32);
                w.cx.timers.set(task, w.checks.due(n));
            }
        }
        w.publish();
        Ok(w)
    }

    /// One round; returns after at most `limit_ms` without anything to do.
    pub fn round(&mut self, limit_ms: Option<u32>) {
        let runq = &mut self.cx.runq;
        self.cx.timers.advance(self.cx.now, |task| runq.wake(task));
        let mut ran = 0;
        while ran < self.depth {
            let Some(task) = self.cx.runq.pop() else { break };
            ran += 1;
            self.task(task as usize);
            // Looked at now and then while anything happens, not only when all is quiet: checks alone never let it be.
            if !self.trim_at.is_set() {
                self.trim_at = self.cx.now.after(TRIM_MS);
            }
        }
        // A share of the round that grows with it, so that passwords are checked under load too.
        self.cx.check_passwords(1 + ran / TASKS_A_STEP);
        self.listeners.resume(&mut self.cx);
        self.wait(limit_ms);
    }

    /// Reads the clock, the only time in a round: right after the wait.
    fn clock(&mut self) {
        let before = self.cx.now_ms;
        self.cx.now_ms = self.cx.sys.now_ms();
        self.cx.now = Tick::from_ms(self.cx.now_ms);
        self.count_idle(self.cx.now_ms - before);
        if self.trim_at.is_due(self.cx.now) {
            self.trim_at = Tick::NEVER;
            self.trim();
            self.report_left_out();
        }
    }

    /// Idle_pct of `show info`: how much of the last half second or more was spent waiting. Steps of a millisecond count as work: the
    /// clock is not read before the wait.
    fn count_idle(&mut self, passed_ms: u64) {
        if passed_ms > 1 {
            self.idle_ms += passed_ms;
        }
        let window = self.cx.now_ms - self.idle_since_ms;
        if window >= 500 {
            if self.cx.worker == 0 {
                let percent = (self.idle_ms.min(window) * 100 / window) as u32;
                self.cx.shared.process.idle_percent.store(percent, Relaxed);
                self.cx.shared.bytes_out(self.cx.now_ms);
            }
            (self.idle_ms, self.idle_since_ms) = (0, self.cx.now_ms);
        }
    }

    /// Memory that a burst touched and that is in use no more goes back to the system.
    fn trim(&mut self) {
        let cold = |u: crate::mem::Usage| u.touched > 2 * u.used + 16;
        let cx = &mut self.cx;
        if cold(cx.bufs.usage()) {
            cx.bufs.trim();
        }
        if cold(cx.lines.usage()) {
            cx.lines.trim();
        }
        if cold(cx.conns.usage()) {
            cx.conns.trim();
        }
        if cold(self.sessions.usage()) {
            self.sessions.trim();
        }
    }

    /// Says which files took no more of what rules added to them.
    fn report_left_out(&mut self) {
        use std::fmt::Write;
        for file in &self.cx.shared.rules.changed {
            let count = file.take_left_out();
            if count > 0 {
                let mut text = [0u8; 512];
                let mut out = Out::new(&mut text);
                let s = if count == 1 { "" } else { "s" };
                let _ = write!(out, "{count} change{s} of '{}' left out: it takes {ADDED} additions", file.path);
                let _ = write!(out, " of up to {ADDED_BYTES} bytes.");
                self.cx.logs.message(&mut self.cx.sys, None, log::WARNING, out.bytes());
            }
        }
    }

    fn wait(&mut self, limit_ms: Option<u32>) {
        let mut timeout = limit_ms;
        let mut sooner = |ms: u32| timeout = Some(timeout.map_or(ms, |t: u32| t.min(ms)));
        if self.cx.runq.is_empty() && !self.cx.verifier.get_mut().is_busy() {
            if let Some(ms) = self.cx.timers.wait_ms() {
                sooner(ms);
            }
            for at in [self.listeners.resume_at(), self.trim_at] {
                if at.is_set() {
                    sooner(at.until(self.cx.now).max(0) as u32);
                }
            }
        } else {
            sooner(0);
        }
        self.publish();
        let mut events = std::mem::take(&mut self.events);
        self.cx.sys.wait(timeout, &mut |e| {
            if events.len() < events.capacity() {
                events.push(e);
            }
        });
        self.clock();
        for e in events.drain(..) {
            self.event(e);
        }
        self.events = events;
    }

    /// Something happened on a descriptor.
    fn event(&mut self, e: Event) {
        match key::parse(e.key) {
            key::Key::Conn(k) => {
                let Some(h) = key::find(&self.cx.conns, k) else { return };
                let edge = self.cx.sys.edge();
                let c = &mut self.cx.conns[h];
                c.can_read |= e.readable;
                c.can_write |= e.writable;
                c.hangup |= e.hangup;
                if !edge {
                    c.armed = (false, false);
                }
                let task = match c.owner {
                    Owner::Session(s) => self.cx.session_task(s),
                    _ => self.cx.conn_task(h),
                };
                self.cx.runq.wake(task);
            }
            key::Key::Listener(n) => self.accept(n),
            key::Key::Special(SIGNALS) => self.signalled = true,
            key::Key::Special(_) => self.mail(),
            key::Key::Check(n) => {
                self.checks.event(n, e.readable, e.writable, e.hangup);
                let task = self.cx.check_task(n as u32);
                self.cx.runq.wake(task);
            }
        }
    }

    /// Accepts who waits at a listener, up to `tune.maxaccept`.
    pub fn accept(&mut self, n: usize) {
        for _ in 0..self.cx.config.global.tune.maxaccept.max(1) {
            match self.listeners.accept(&mut self.cx, n) {
                Some(h) => self.greet(h, n),
                None => break,
            }
        }
        self.listeners.rearm(&mut self.cx, n);
    }

    /// A new connection: TCP begins its session at once, HTTP when the first byte is there.
    fn greet(&mut self, h: Handle<Conn>, n: usize) {
        let config = self.cx.config;
        let l = &config.listeners[n];
        let (fe, phase, timeout) = match l.audience {
            Audience::Frontend(fe) => {
                let p = &config.proxies[fe];
                // With a handshake to come, a session begins after it.
                let families = [Family::TcpConnection, Family::TcpSession];
                let now = if l.accept_proxy { &families[..1] } else { &families[..] };
                if !now.iter().all(|f| admits(&mut self.cx, h, fe, *f)) {
                    self.cx.close(h);
                    return;
                }
                if p.mode == Mode::Health {
                    let fd = self.cx.conns[h].fd;
                    let _ = self.cx.sys.send(fd, b"OK\n", false);
                    self.cx.close(h);
                    return;
                }
                let t = &p.timeouts;
                (fe, first_phase(p.mode, l.accept_proxy), t.request())
            }
            Audience::Cli(_) => (0, Phase::Cli, config.global.stats_timeout_ms),
        };
        if phase != Phase::Request {
            self.begin(h, fe, phase, timeout);
            return;
        }
        // The request often comes with the handshake: look now.
        let c = &mut self.cx.conns[h];
        c.owner = Owner::IdleClient;
        c.deadline = self.cx.now.after_opt(timeout);
        let deadline = c.deadline;
        let task = self.cx.conn_task(h);
        self.cx.timers.set(task, deadline);
        self.cx.runq.wake(task);
    }

    /// Starts a session on a client's connection.
    fn begin(&mut self, h: Handle<Conn>, fe: usize, phase: Phase, timeout_ms: u32) {
        let http = self.cx.config.proxies.get(fe).is_some_and(|p| p.mode == Mode::Http);
        let mut s = Session::new(h, fe, http, phase);
        let c = &self.cx.conns[h];
        match phase {
            Phase::Request => s.phase_at = c.deadline,
            Phase::Cli => {
                s.applet.timeout_ms = timeout_ms;
                s.client_at = self.cx.now.after_opt(timeout_ms);
            }
            _ => {
                s.times.start = c.accepted;
                s.times.start_at = c.accepted_at;
                if phase == Phase::ProxyHeader {
                    s.phase_at = self.cx.now.after_opt(timeout_ms);
                }
                s.req.body = if http { crate::http::Body::None } else { crate::http::Body::Tunnel };
                s.res.body = s.req.body;
            }
        }
        let Some(me) = self.sessions.alloc(s) else {
            self.cx.close(h); // one session for each client: cannot be
            return;
        };
        self.sessions[me].me = me;
        self.cx.conns[h].owner = Owner::Session(me);
        self.cx.conns[h].deadline = Tick::NEVER;
        self.session(me);
    }

    fn task(&mut self, task: usize) {
        let sizes = self.cx.sizes;
        if task < sizes.conns {
            if let Some(h) = self.cx.conns.handle_at(task) {
                self.conn(h);
            }
        } else if task < sizes.conns + sizes.sessions {
            if let Some(h) = self.sessions.handle_at(task - sizes.conns) {
                self.session(h);
            }
        } else {
            self.check(task - sizes.conns - sizes.sessions);
        }
    }

    /// A connection without a session: an event or its deadline.
    fn conn(&mut self, h: Handle<Conn>) {
        let now = self.cx.now;
        let c = &self.cx.conns[h];
        let (owner, deadline, can_read, is_client) = (c.owner, c.deadline, c.can_read, c.is_client);
        match owner {
            Owner::Session(s) => self.session(s),
            Owner::IdleClient if can_read || deadline.is_due(now) => self.wake_client(h),
            Owner::Pooled if deadline.is_due(now) || self.cx.is_spoilt(h) => {
                self.cx.take_idle(h);
                self.cx.close(h);
            }
            Owner::Nobody if !is_client && self.cx.is_spoilt(h) => self.cx.close(h),
            Owner::Lingering => drop(finish_linger(&mut self.cx, h)),
            Owner::IdleClient | Owner::Pooled => {
                let task = self.cx.conn_task(h);
                self.cx.timers.set(task, deadline);
                self.cx.arm(h, true, false);
            }
            Owner::Nobody => self.cx.arm(h, true, false),
        }
    }

    fn wake_client(&mut self, h: Handle<Conn>) {
        let c = &self.cx.conns[h];
        let (listener, first) = (c.origin as usize, c.requests == 0);
        let Audience::Frontend(fe) = self.cx.config.listeners[listener].audience else { return };
        if !first && !c.can_read {
            self.cx.close(h); // keep-alive timeout: nothing to say
            return;
        }
        self.begin(h, fe, Phase::Request, 0);
    }

    fn session(&mut self, h: Handle<Session>) {
        let Some(s) = self.sessions.get_mut(h) else { return };
        let mut left = PIPELINED;
        loop {
            match run(&mut self.cx, s) {
                Outcome::Waiting => {
                    // A client that said nothing yet waits without a session and without a buffer.
                    if s.phase == Phase::Request
                        && s.req.received == 0
                        && s.req.buf.is_none()
                        && !s.phase_at.is_due(self.cx.now)
                    {
                        let (client, deadline) = (s.client, s.phase_at);
                        self.cx.conns[client].owner = Owner::IdleClient;
                        self.cx.conns[client].deadline = deadline;
                        self.sessions.free(h);
                        let task = self.cx.conn_task(client);
                        self.cx.timers.set(task, deadline);
                        self.cx.arm(client, true, false);
                    }
                    return;
                }
                Outcome::Applet => break,
                Outcome::Ended => match finish(&mut self.cx, s) {
                    AfterEnd::Again => {
                        left -= 1;
                        if left == 0 {
                            self.cx.wake(h);
                            return;
                        }
                    }
                    AfterEnd::Gone | AfterEnd::Idle => {
                        self.sessions.free(h);
                        return;
                    }
                },
            }
        }
        self.fill(h);
    }

    /// Reads what other workers (or this one) left.
    pub fn mail(&mut self) {
        let shared = self.cx.shared;
        let mailbox = &shared.mail[self.cx.worker];
        mailbox.answer();
        while let Some(mail) = mailbox.take() {
            match mail {
                Mail::Slot { session: (index, generation), ticket, server } => {
                    let h: Handle<Session> = Handle::from_parts(index, generation);
                    match self.sessions.get_mut(h) {
                        Some(s) if s.ticket == Some(ticket) => {
                            s.ticket = None;
                            s.server = server as u32;
                            s.slot = true;
                            self.cx.wake(h);
                        }
                        _ => shared.release_slot(server),
                    }
                }
                Mail::Choose { session: (index, generation), ticket } => {
                    let h: Handle<Session> = Handle::from_parts(index, generation);
                    if let Some(s) = self.sessions.get_mut(h).filter(|s| s.ticket == Some(ticket)) {
                        s.ticket = None;
                        self.cx.wake(h);
                    }
                }
                Mail::ShutdownServer { server } => self.shutdown_server(server),
            }
        }
        self.look_at_desk();
        self.cx.sys.arm(mailbox.fd(), key::special(MAILBOX), true, false);
    }

    fn shutdown_server(&mut self, server: usize) {
        for i in 0..self.sessions.touched() {
            let Some(h) = self.sessions.handle_at(i) else { continue };
            let s = &mut self.sessions[h];
            if s.server() == Some(server) && s.slot {
                s.end(b'D', if s.status == 0 { b'H' } else { b'D' });
                s.keep_client = false;
                finish(&mut self.cx, s);
                self.sessions.free(h);
            }
        }
    }

    fn check(&mut self, n: usize) {
        let shared = self.cx.shared;
        let change = self.checks.run(n, &mut self.cx.sys, key::check(n), shared, self.cx.now);
        let task = self.cx.check_task(n as u32);
        self.cx.timers.set(task, self.checks.due(n));
        if let Some(change) = change {
            self.server_changed(&change);
        }
    }

    /// A check found something: balancing, queues, logs.
    fn server_changed(&mut self, change: &Change) {
        if change.before == change.now {
            self.report_result(change);
            return;
        }
        let (shared, config) = (self.cx.shared, self.cx.config);
        let server = &config.servers[change.server];
        let (state, be) = (&shared.servers[change.server], &shared.proxies[server.proxy]);
        let was_up = shared.is_backend_up(server.proxy);
        if change.before == Health::Down && server.slowstart_ms > 0 {
            state.begin_slow_start(self.cx.now);
        }
        shared.rebuild(server.proxy);
        let now_s = (self.cx.now_ms / 1000) as u32;
        let mut requeued = 0;
        if change.now == Health::Down {
            state.changed_s.store(now_s, Relaxed);
            state.downs.fetch_add(1, Relaxed);
            self.cx.tally(shared.srv_slot(change.server)).checks_down.inc();
            requeued = shared.scatter_waiting(change.server);
            if server.on_marked_down_shutdown {
                for m in &shared.mail {
                    m.send(Mail::ShutdownServer { server: change.server });
                }
            }
        } else {
            if change.before == Health::Down {
                let before = state.changed_s.swap(now_s, Relaxed);
                state.downtime_s.fetch_add(now_s.saturating_sub(before), Relaxed);
            }
            shared.serve_waiting(change.server);
        }
        let is_up = shared.is_backend_up(server.proxy);
        if was_up != is_up {
            let before = be.changed_s.swap(now_s, Relaxed);
            if is_up {
                be.downtime_s.fetch_add(now_s.saturating_sub(before), Relaxed);
            } else {
                be.downs.fetch_add(1, Relaxed);
            }
        }
        self.report_change(change, requeued, was_up && !is_up);
    }

    /// `option log-health-checks`: a result that differs from the one before.
    fn report_result(&mut self, change: &Change) {
        use std::fmt::Write;
        let config = self.cx.config;
        let server = &config.servers[change.server];
        let mut text = [0u8; 512];
        let mut out = Out::new(&mut text);
        let word = if change.passed { "succeeded" } else { "failed" };
        let (p, result) = (&config.proxies[server.proxy].name, describe(change.result));
        let _ = write!(out, "Health check for server {p}/{} {word}, reason: {result}", server.name);
        details(change, &mut out);
        let state = if change.now == Health::Down { "DOWN" } else { "UP" };
        let (n, of) = change.streak;
        let n = if change.now == Health::Down { n } else { of.saturating_sub(n) };
        let _ = write!(out, ", check duration: {}ms, status: {n}/{of} {state}.", change.duration_ms);
        self.cx.logs.message(&mut self.cx.sys, Some(server.proxy), log::NOTICE, out.bytes());
    }

    fn report_change(&mut self, change: &Change, requeued: u32, backend_lost: bool) {
        use std::fmt::Write;
        let (shared, config) = (self.cx.shared, self.cx.config);
        let server = &config.servers[change.server];
        let p = &config.proxies[server.proxy];
        let (state, be) = (&shared.servers[change.server], &shared.proxies[server.proxy]);
        let mut text = [0u8; 512];
        let mut out = Out::new(&mut text);
        let kind = if server.backup { "Backup Server" } else { "Server" };
        let word = match change.now {
            Health::Up => "UP",
            Health::Down => "DOWN",
            Health::Stopping => "stopping",
        };
        let _ = write!(out, "{kind} {}/{} is {word}, reason: {}", p.name, server.name, describe(change.result));
        details(change, &mut out);
        let (active, backup) = (be.active.load(Relaxed), be.backup.load(Relaxed));
        let _ = write!(out, ", check duration: {}ms. {active} active and {backup} backup servers", change.duration_ms);
        let (now, waiting) = (state.served.load(Relaxed), state.queued.load(Relaxed));
        if change.now == Health::Down {
            let backup_only = if active == 0 && backup > 0 { " Running on backup." } else { "" };
            let _ = write!(
                out,
                " left.{backup_only} {now} sessions active, {requeued} requeued, {waiting} remaining in queue."
            );
        } else {
            let _ = write!(out, " online. {requeued} sessions requeued, {waiting} total in queue.");
        }
        let level = if change.now == Health::Down { log::ALERT } else { log::NOTICE };
        self.cx.logs.announce(&mut self.cx.sys, server.proxy, level, out.bytes());
        if backend_lost {
            let mut text = [0u8; 256];
            let mut out = Out::new(&mut text);
            let _ = write!(out, "backend {} has no server available!", p.name);
            self.cx.logs.announce(&mut self.cx.sys, server.proxy, 0, out.bytes());
        }
    }

    /// Client connections and sessions of operators that are still open.
    pub fn clients(&self) -> u32 {
        self.cx.clients
    }
}

/// The code of a check's result and what was said about it; a quote is written so that it does not end the text.
fn details(change: &Change, out: &mut Out) {
    use std::fmt::Write;
    if change.code > 0 {
        let _ = write!(out, ", code: {}", change.code);
    }
    if change.info.text().is_empty() {
        return;
    }
    out.put(b", info: \"");
    for b in change.info.text().bytes() {
        if b == b'"' { out.put(b"<22>") } else { out.byte(b) }
    }
    out.byte(b'"');
}
