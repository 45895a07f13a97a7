//! Accepting connections: limits are reserved before the accept, so that they hold exactly over all workers.
//!
//! ```text
//! watched --limit reached, no descriptor--> paused --a client left, a moment passed--> watched
//! ```
//! SIGTTOU pauses all listeners of frontends until SIGTTIN, in the same way.
//!
//! Full is no error: what is not accepted waits in the kernel's queue (`backlog`).

use crate::mem::Handle;
use crate::model::{Audience, Config, opt};
use crate::server::{ListenerState, Shared};
use crate::session::context::Ctx;
use crate::session::endpoint::{Conn, Owner, key};
use crate::sys::{Fd, IoError, Kernel, NO_FD};
use crate::util::tick::Tick;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// A listener that is out of descriptors or memory tries again after this, ms.
const RETRY_MS: u32 = 100;
/// A listener at a limit that other workers share looks again after this, ms.
const LOOK_MS: u32 = 20;

#[derive(Clone, Copy)]
struct Slot {
    fd: Fd,
    paused: bool,
}

/// The listening sockets of one worker.
pub struct Listeners {
    slots: Vec<Slot>,
    resume_at: Tick,
    paused: usize,
    /// All frontends pause until they are told to go on.
    held: bool,
}

impl Listeners {
    /// None open yet.
    pub fn new(n: usize) -> Listeners {
        Listeners { slots: vec![Slot { fd: NO_FD, paused: false }; n], resume_at: Tick::NEVER, paused: 0, held: false }
    }

    /// Starts to accept on a socket.
    pub fn open<K: Kernel>(&mut self, cx: &mut Ctx<K>, n: usize, fd: Fd) -> Result<(), IoError> {
        self.slots[n].fd = fd;
        cx.sys.watch_listener(fd, key::listener(n))
    }

    /// Stops accepting for good. The sockets are closed by whoever opened them.
    pub fn close_all<K: Kernel>(&mut self, cx: &mut Ctx<K>) {
        for s in &mut self.slots {
            if s.fd != NO_FD && !s.paused {
                cx.sys.unwatch(s.fd);
            }
            *s = Slot { fd: NO_FD, paused: false };
        }
        self.paused = 0;
    }

    /// True when no socket is open here.
    pub fn is_closed(&self) -> bool {
        self.slots.iter().all(|s| s.fd == NO_FD)
    }

    /// When paused listeners look again; never when none is paused.
    pub fn resume_at(&self) -> Tick {
        if self.paused > 0 && !self.held { self.resume_at } else { Tick::NEVER }
    }

    /// Lets paused listeners accept again when something became free or the pause is over.
    pub fn resume<K: Kernel>(&mut self, cx: &mut Ctx<K>) {
        let freed = std::mem::take(&mut cx.freed_client);
        let hold = cx.shared.process.paused.load(Relaxed);
        if hold && !self.held {
            self.hold(cx);
        }
        let freed = freed || self.held && !hold;
        self.held = hold;
        if hold || self.paused == 0 || !(freed || self.resume_at.is_due(cx.now)) {
            return;
        }
        for n in 0..self.slots.len() {
            if self.slots[n].paused && cx.sys.watch_listener(self.slots[n].fd, key::listener(n)).is_ok() {
                self.slots[n].paused = false;
                self.paused -= 1;
            }
        }
        self.resume_at = cx.now.after(RETRY_MS);
    }

    /// One-shot pollers forget a listener with each event.
    pub fn rearm<K: Kernel>(&mut self, cx: &mut Ctx<K>, n: usize) {
        let s = self.slots[n];
        if !s.paused && s.fd != NO_FD {
            cx.sys.arm(s.fd, key::listener(n), true, false);
        }
    }

    /// Pauses the listeners of frontends; operators still get in.
    fn hold<K: Kernel>(&mut self, cx: &mut Ctx<K>) {
        for n in 0..self.slots.len() {
            if self.slots[n].fd != NO_FD && matches!(cx.config.listeners[n].audience, Audience::Frontend(_)) {
                self.pause(cx, n, RETRY_MS);
            }
        }
    }

    fn pause<K: Kernel>(&mut self, cx: &mut Ctx<K>, n: usize, ms: u32) {
        let s = &mut self.slots[n];
        if !s.paused {
            s.paused = true;
            self.paused += 1;
            cx.sys.unwatch(s.fd);
        }
        self.resume_at =
            cx.now.after(ms).sooner(if self.resume_at.is_due(cx.now) { Tick::NEVER } else { self.resume_at });
    }

    /// Accepts one connection, if there is one and all limits allow it.
    pub fn accept<K: Kernel>(&mut self, cx: &mut Ctx<K>, n: usize) -> Option<Handle<Conn>> {
        let (fd, shared, config) = (self.slots[n].fd, cx.shared, cx.config);
        if fd == NO_FD || self.slots[n].paused {
            return None;
        }
        let l = &config.listeners[n];
        if let Some(ms) = rate_wait(cx, n) {
            self.pause(cx, n, ms);
            return None;
        }
        // A worker that is full: another one may have room. The places of operators are not for clients.
        let (clients, places) = ((cx.clients - cx.operators) as usize, cx.sizes.sessions - cx.sizes.operators);
        let full = matches!(l.audience, Audience::Frontend(_)) && clients >= places;
        let (limits, used) = limits(shared, config, n);
        let limits = &limits[..used];
        if full || !take_all(limits) {
            self.pause(cx, n, LOOK_MS);
            return None;
        }
        match cx.sys.accept(fd) {
            Ok((conn, peer)) => {
                let h = welcome(cx, n, conn, peer);
                match l.audience {
                    _ if h.is_none() => {
                        give_all(limits);
                        self.pause(cx, n, RETRY_MS);
                    }
                    Audience::Frontend(fe) => count_frontend(cx, fe, &shared.listeners[n]),
                    Audience::Cli(_) => {
                        cx.operators += 1;
                        shared.process.cli_total.fetch_add(1, Relaxed);
                    }
                }
                h
            }
            Err(e) => {
                give_all(limits);
                if matches!(e, IoError::NoDescriptor | IoError::NoMemory) {
                    cx.make_room();
                    self.pause(cx, n, RETRY_MS);
                }
                None
            }
        }
    }
}

/// Milliseconds to wait because of a rate limit.
fn rate_wait<K: Kernel>(cx: &Ctx<K>, n: usize) -> Option<u32> {
    let Audience::Frontend(fe) = cx.config.listeners[n].audience else { return None };
    let (g, p) = (&cx.config.global, &cx.config.proxies[fe]);
    let rates = [
        (g.maxconnrate, &cx.shared.process.conn_rate),
        (g.maxsessrate, &cx.shared.process.sess_rate),
        (p.rate_limit, &cx.shared.proxies[fe].fe_session_rate),
    ];
    let waits = rates.into_iter().filter(|r| r.0 > 0).map(|(limit, freq)| freq.wait_ms(cx.now_ms, limit));
    waits.max().filter(|ms| *ms > 0)
}

type Limit<'a> = (&'a AtomicU32, u32);

/// The counts that a connection of this listener belongs to, with their limits (0 = none), and how many they are. Operators are not
/// counted among the clients, so that a full process can still be asked, and they take no client's place.
fn limits<'a>(shared: &'a Shared, config: &Config, n: usize) -> ([Limit<'a>; 3], usize) {
    let l = &config.listeners[n];
    let of_listener = (&shared.listeners[n].connections, l.maxconn);
    match l.audience {
        Audience::Frontend(fe) => {
            let of_process = (&shared.process.connections, shared.limits.maxconn);
            ([of_listener, (&shared.proxies[fe].fe_connections, config.proxies[fe].maxconn), of_process], 3)
        }
        Audience::Cli(_) => {
            let of_operators = (&shared.process.cli_connections, config.global.stats_maxconn);
            ([of_listener, of_operators, of_operators], 2)
        }
    }
}

fn take_all(limits: &[Limit]) -> bool {
    for (i, (count, limit)) in limits.iter().enumerate() {
        if count.fetch_add(1, Relaxed) >= *limit && *limit > 0 {
            give_all(&limits[..=i]);
            return false;
        }
    }
    true
}

fn give_all(limits: &[Limit]) {
    for (count, _) in limits {
        count.fetch_sub(1, Relaxed);
    }
}

fn raise(max: &AtomicU32, n: u32) {
    if n > max.load(Relaxed) {
        max.store(n, Relaxed);
    }
}

fn welcome<K: Kernel>(cx: &mut Ctx<K>, n: usize, fd: Fd, peer: crate::sys::Addr) -> Option<Handle<Conn>> {
    let mut conn = Conn::new(fd, true, n as u32, Owner::IdleClient);
    conn.peer = peer;
    conn.accepted = cx.now;
    conn.accepted_at = cx.sys.wall();
    if let Audience::Frontend(fe) = cx.config.listeners[n].audience
        && cx.config.proxies[fe].has(opt::CLITCPKA)
    {
        cx.sys.set_keepalive(fd);
    }
    if let Audience::Frontend(fe) = cx.config.listeners[n].audience
        && cx.config.proxies[fe].has(opt::SMART_ACCEPT)
    {
        cx.sys.delay_ack(fd);
    }
    cx.adopt(conn)
}

fn count_frontend<K: Kernel>(cx: &mut Ctx<K>, fe: usize, listener: &ListenerState) {
    listener.total.fetch_add(1, Relaxed);
    raise(&listener.connections_max, listener.connections.load(Relaxed));
    let state = &cx.shared.proxies[fe];
    raise(&state.fe_connections_max, state.fe_connections.load(Relaxed));
    raise(&cx.shared.process.connections_max, cx.shared.process.connections.load(Relaxed));
    state.fe_connection_rate.tick(cx.now_ms);
    state.fe_session_rate.tick(cx.now_ms);
    cx.shared.process.conn_rate.tick(cx.now_ms);
    cx.shared.process.sess_rate.tick(cx.now_ms);
    let t = cx.tally(cx.shared.fe_slot(fe));
    t.connections.inc();
    t.sessions.inc();
}
