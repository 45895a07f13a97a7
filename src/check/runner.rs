//! Runs the checks of all servers, on one worker: a descriptor and a small buffer for each, all allocated at start.

use super::{Verdict, Why, kind};
use crate::model::{CheckSettings, Config, ProxyHeader, opt};
use crate::server::{Admin, Health, LastCheck, Note, Shared};
use crate::sys::{Addr, ConnectOptions, Fd, IoError, Kernel, NO_FD, Target};
use crate::util::fmt::Out;
use crate::util::tick::Tick;
use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

/// Bytes of a server's answer that are looked at.
const ANSWER: usize = 4096;

/// What a check found that is worth telling.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    pub server: usize,
    /// The server's state before and now; equal: only the result is new (`option log-health-checks`).
    pub before: Health,
    pub now: Health,
    pub passed: bool,
    /// Results in a row towards a change, and how many it takes.
    pub streak: (u32, u32),
    pub result: &'static str,
    pub code: u16,
    pub duration_ms: u32,
    /// What is known about a failure beside its result.
    pub info: Note,
}

struct Check {
    server: usize,
    fd: Fd,
    connected: bool,
    can_write: bool,
    can_read: bool,
    hangup: bool,
    /// The PROXY header was sent, if there is to be one.
    greeted: bool,
    sent: usize,
    answer: Box<[u8]>,
    got: usize,
    started: Tick,
    /// When the next check starts, or when this one is given up.
    at: Tick,
    target: Target,
    options: ConnectOptions,
}

/// All checks of the process.
pub struct Runner<'a> {
    config: &'a Config,
    checks: Vec<Check>,
}

impl<'a> Runner<'a> {
    /// One check for each server that asks for it, spread over their first interval.
    pub fn new(config: &'a Config, now: Tick) -> Runner<'a> {
        let with: Vec<_> =
            config.servers.iter().enumerate().filter_map(|(i, s)| Some((i, s.check.as_ref()?))).collect();
        let n = with.len().max(1) as u32;
        let checks = with.iter().enumerate().map(|(k, (i, c))| {
            let s = &config.servers[*i];
            let p = &config.proxies[s.proxy];
            Check {
                server: *i,
                fd: NO_FD,
                connected: false,
                can_write: false,
                can_read: false,
                hangup: false,
                greeted: false,
                sent: 0,
                answer: vec![0; if kind(p.check.kind).connect_only { 16 } else { ANSWER }].into(),
                got: 0,
                started: now,
                at: now.after(c.inter_ms.min(1000) / n * k as u32 + 1),
                target: target(&s.target, c),
                options: ConnectOptions {
                    source: s.source.or(p.source).map(|a| a.with_port(0)),
                    interface: s.interface.clone(),
                    ..ConnectOptions::default()
                },
            }
        });
        Runner { checks: checks.collect(), config }
    }

    /// Number of checks.
    pub fn len(&self) -> usize {
        self.checks.len()
    }

    /// True when no server is checked.
    pub fn is_empty(&self) -> bool {
        self.checks.is_empty()
    }

    /// When check `n` wants to run next.
    pub fn due(&self, n: usize) -> Tick {
        self.checks[n].at
    }

    /// Something happened on the descriptor of check `n`.
    pub fn event(&mut self, n: usize, readable: bool, writable: bool, hangup: bool) {
        let c = &mut self.checks[n];
        c.can_read |= readable;
        c.can_write |= writable;
        c.hangup |= hangup;
    }

    /// Lets check `n` go on; tells when that changed the state of its server.
    pub fn run<K: Kernel>(&mut self, n: usize, sys: &mut K, key: usize, shared: &Shared, now: Tick) -> Option<Change> {
        if self.checks[n].fd == NO_FD {
            if !self.checks[n].at.is_due(now) {
                return None;
            }
            if shared.servers[self.checks[n].server].admin() == Admin::Maint {
                self.schedule(n, sys, shared, now);
                return None;
            }
            if let Err(e) = self.start(n, sys, key, now) {
                return self.done(n, sys, shared, now, not_connected(e));
            }
            let state = &shared.servers[self.checks[n].server];
            state.check.lock().unwrap_or_else(|e| e.into_inner()).running = true;
        }
        let connecting = !self.checks[n].connected;
        let verdict = self.step(n, sys);
        let c = &mut self.checks[n];
        let answer_ms = self.config.proxies[self.config.servers[c.server].proxy].timeouts.check;
        if connecting && c.connected && answer_ms > 0 {
            c.at = now.after(answer_ms);
        }
        match verdict {
            Verdict::More if c.at.is_due(now) => {
                let name = self.config.proxies[self.config.servers[c.server].proxy].check.kind;
                let status = if c.connected { kind(name).timed_out } else { "L4TOUT" };
                self.done(n, sys, shared, now, Verdict::Fail(status, 0, Why::Unknown))
            }
            Verdict::More => {
                if !sys.edge() {
                    sys.arm(c.fd, key, c.connected && !c.can_read, !c.can_write);
                }
                None
            }
            v => self.done(n, sys, shared, now, v),
        }
    }

    fn start<K: Kernel>(&mut self, n: usize, sys: &mut K, key: usize, now: Tick) -> Result<(), IoError> {
        let c = &mut self.checks[n];
        c.started = now;
        let (fd, connected) = sys.connect(&c.target, &c.options)?;
        if let Err(e) = sys.watch(fd, key) {
            sys.close(fd);
            return Err(e);
        }
        (c.fd, c.connected, c.can_write, c.can_read, c.hangup) = (fd, connected, connected, false, false);
        (c.greeted, c.sent, c.got) = (false, 0, 0);
        let s = &self.config.servers[c.server];
        let t = &self.config.proxies[s.proxy].timeouts;
        let inter = s.check.as_ref().map_or(2000, |x| x.inter_ms);
        // `timeout check` is for the answer, once connected; connecting is given the shorter of `timeout connect` and the interval.
        // Without it all must be done within the interval.
        let limit = if t.check > 0 && t.connect > 0 { t.connect.min(inter) } else { inter };
        c.at = now.after(limit.max(1));
        Ok(())
    }

    fn step<K: Kernel>(&mut self, n: usize, sys: &mut K) -> Verdict {
        let c = &mut self.checks[n];
        let s = &self.config.servers[c.server];
        let conf = &self.config.proxies[s.proxy].check;
        let kind = kind(conf.kind);
        if !c.connected {
            if !c.can_write && !c.hangup {
                return Verdict::More;
            }
            match sys.connected(c.fd) {
                Ok(()) => c.connected = true,
                Err(IoError::Again) => {
                    (c.can_write, c.hangup) = (false, false);
                    return Verdict::More;
                }
                Err(e) => return not_connected(e),
            }
        }
        if !c.greeted && s.check.as_ref().is_some_and(|x| x.send_proxy) {
            let mut header = [0u8; 128];
            let mut out = Out::new(&mut header);
            proxy_header(&mut out, s.send_proxy, sys.local_addr(c.fd), c.target.addr());
            if let Err(e) = sys.send(c.fd, out.bytes(), !kind.connect_only) {
                return broken(e);
            }
        }
        c.greeted = true;
        if kind.connect_only {
            return (kind.judge)(conf, &[], false);
        }
        let request = (kind.request)(conf);
        while c.sent < request.len() && c.can_write {
            match sys.send(c.fd, &request[c.sent..], false) {
                Ok(k) => c.sent += k,
                Err(IoError::Again) => c.can_write = false,
                Err(e) => return broken(e),
            }
        }
        while c.can_read {
            if c.got == c.answer.len() {
                return at_end((kind.judge)(conf, &c.answer, true));
            }
            match sys.recv(c.fd, &mut c.answer[c.got..]) {
                Ok(0) => return at_end((kind.judge)(conf, &c.answer[..c.got], true)),
                // What came before a reset may be all that was wanted.
                Err(IoError::Closed) if c.got > 0 => return at_end((kind.judge)(conf, &c.answer[..c.got], true)),
                Ok(k) => {
                    c.got += k;
                    match (kind.judge)(conf, &c.answer[..c.got], false) {
                        Verdict::More => {}
                        v => return v,
                    }
                }
                Err(IoError::Again) => (c.can_read, c.hangup) = (false, false),
                Err(e) => return broken(e),
            }
        }
        Verdict::More
    }

    fn done<K: Kernel>(&mut self, n: usize, sys: &mut K, shared: &Shared, now: Tick, v: Verdict) -> Option<Change> {
        let c = &mut self.checks[n];
        if c.fd != NO_FD {
            // A reset spares the server the TIME_WAIT of our checks.
            sys.set_reset_on_close(c.fd);
            sys.close(c.fd);
            c.fd = NO_FD;
        }
        let duration_ms = now.since(c.started);
        let server = c.server;
        let disables = self.config.proxies[self.config.servers[server].proxy].has(opt::DISABLE_ON_404);
        let verdict_is_404 = disables && matches!(v, Verdict::Fail(_, 404, _));
        let (pass, result, code, why) = match v {
            Verdict::Fail(_, 404, _) if disables => (true, "L7OKC", 404, Why::Unknown),
            Verdict::Pass(r, code) => (true, r, code, Why::Unknown),
            Verdict::Fail(r, code, why) => (false, r, code, why),
            Verdict::More => (false, "L7RSP", 0, Why::Unknown),
        };
        let info = match why {
            Why::Unknown => Note::NONE,
            Why::Text(text) => Note::of(text.as_bytes()),
            Why::Answer(from, to) => Note::of(c.answer.get(from..to).unwrap_or_default()),
        };
        let state = &shared.servers[server];
        let last = {
            let mut check = state.check.lock().unwrap_or_else(|e| e.into_inner());
            let last = check.status;
            *check = LastCheck { status: result, code, duration_ms, done: true, running: false, info };
            last
        };
        let before = state.health();
        // As HAProxy counts: what is down already fails no more.
        if !pass && before != Health::Down {
            shared.tallies[0].slot(shared.srv_slot(server)).checks_failed.inc();
        }
        let up = before != Health::Down;
        let settings = self.config.servers[server].check.as_ref()?;
        let needed = if up { settings.fall } else { settings.rise };
        let streak = if pass == up { 0 } else { state.streak.load(Relaxed) + 1 };
        let changes = pass != up && streak >= needed;
        state.streak.store(if changes { 0 } else { streak }, Relaxed);
        let health = match (changes, pass) {
            (true, false) => Health::Down,
            (false, _) if !up => Health::Down,
            // `http-check disable-on-404`: it lives, and wants no new work.
            _ if verdict_is_404 => Health::Stopping,
            (false, false) => before,
            (_, true) => Health::Up,
        };
        state.set_health(health);
        self.warm_up(server, shared, now);
        self.schedule(n, sys, shared, now);
        let told = self.config.proxies[self.config.servers[server].proxy].has(opt::LOG_HEALTH_CHECKS) && result != last;
        let streak = (streak, needed);
        let change = Change { server, before, now: health, passed: pass, streak, result, code, duration_ms, info };
        (health != before || told).then_some(change)
    }

    /// `slowstart`: the weight of a server that came back grows with each check until its time is over.
    fn warm_up(&self, server: usize, shared: &Shared, now: Tick) {
        let (s, state) = (&self.config.servers[server], &shared.servers[server]);
        if s.slowstart_ms == 0 || state.health() != Health::Up {
            return;
        }
        let since = state.warm_since();
        let permille = if since.is_set() {
            (u64::from(now.since(since)) * 1000 / u64::from(s.slowstart_ms)).min(1000) as u32
        } else {
            1000
        };
        if state.warmth.swap(permille.max(1), Relaxed) != permille.max(1) {
            shared.rebuild(s.proxy);
        }
    }

    /// The next check: `fastinter` while the state is about to change, `downinter` while down, `inter` else, spread.
    fn schedule<K: Kernel>(&mut self, n: usize, sys: &mut K, shared: &Shared, now: Tick) {
        let c = &mut self.checks[n];
        let Some(s) = self.config.servers[c.server].check.as_ref() else { return };
        let state = &shared.servers[c.server];
        let down = state.health() == Health::Down;
        let interval = match (state.streak.load(Relaxed) > 0, down) {
            (true, _) if s.fastinter_ms > 0 => s.fastinter_ms,
            (false, true) if s.downinter_ms > 0 => s.downinter_ms,
            _ => s.inter_ms,
        };
        let spread = interval / 100 * self.config.global.spread_checks;
        let jitter = if spread > 0 { sys.random() % (spread + 1) } else { 0 };
        c.at = now.after((interval - spread / 2 + jitter).max(1));
    }
}

/// No connection came about.
fn not_connected(e: IoError) -> Verdict {
    match e {
        IoError::TimedOut => Verdict::Fail("L4TOUT", 0, Why::Unknown),
        _ => Verdict::Fail("L4CON", 0, Why::Text(e.text())),
    }
}

/// An established connection failed.
fn broken(e: IoError) -> Verdict {
    Verdict::Fail("SOCKERR", 0, Why::Text(e.text()))
}

/// A verdict when nothing more comes.
fn at_end(v: Verdict) -> Verdict {
    if v == Verdict::More { Verdict::Fail("L7RSP", 0, Why::Unknown) } else { v }
}

/// What a check sends first, with `send-proxy`: who we are, in version 1; in version 2 that the connection is our own.
fn proxy_header(out: &mut Out, version: ProxyHeader, from: Addr, to: Addr) {
    let family = match (version, from, to) {
        (ProxyHeader::V2, ..) => return out.put(b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"),
        (_, Addr::V4(..), Addr::V4(..)) => "TCP4",
        (_, Addr::V6(..), Addr::V6(..)) => "TCP6",
        _ => return out.put(b"PROXY UNKNOWN\r\n"),
    };
    let _ = write!(out, "PROXY {family} {from} {to} {} {}\r\n", from.port(), to.port());
}

fn target(server: &Target, c: &CheckSettings) -> Target {
    let base = c.addr.as_ref().unwrap_or(server);
    match (base, c.port) {
        (Target::Inet(a), port) if port != 0 => Target::Inet(a.with_port(port)),
        (Target::Inet(a), _) if a.port() == 0 => {
            let port = match server {
                Target::Inet(Addr::V4(_, p) | Addr::V6(_, p)) => *p,
                _ => 0,
            };
            Target::Inet(a.with_port(port))
        }
        _ => base.clone(),
    }
}
