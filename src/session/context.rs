//! What a worker lends to everything that runs in it: the kernel, the clock, pools, timers, configuration, shared state.

use super::Session;
use super::endpoint::{Conn, Owner, key};
use crate::auth::{KEY_BYTES, Verifier};
use crate::format::Record;
use crate::http::Head;
use crate::log::Logs;
use crate::mem::{Buffers, Handle, Pool, Usage};
use crate::model::{Config, opt};
use crate::pattern::RegexCache;
use crate::rules::{Memo, Rulebook};
use crate::sample::Drafts;
use crate::sched::{RunQueue, Wheel};
use crate::server::{Counters, POOLS, Shared};
use crate::sys::{Kernel, Pipe};
use crate::util::tick::Tick;
use std::cell::RefCell;
use std::sync::atomic::Ordering::Relaxed;

/// Idle connections to one server, most recent first.
#[derive(Clone, Copy, Default)]
pub struct IdleList {
    pub newest: Handle<Conn>,
    pub oldest: Handle<Conn>,
    pub len: u32,
}

/// Numbers of slots of a worker's pools.
#[derive(Clone, Copy, Debug)]
pub struct PoolSizes {
    pub conns: usize,
    /// For clients and operators.
    pub sessions: usize,
    /// Of these, kept for operators.
    pub operators: usize,
    pub buffers: usize,
    pub pipes: usize,
    pub checks: usize,
}

/// The worker's belongings, without its sessions.
pub struct Ctx<'a, K: Kernel> {
    pub sys: K,
    pub worker: usize,
    pub config: &'a Config,
    pub shared: &'a Shared,
    /// The clock of this round.
    pub now: Tick,
    pub now_ms: u64,
    pub conns: Pool<Conn>,
    pub bufs: Buffers,
    /// Request lines kept for the log.
    pub lines: Buffers,
    /// What sessions and connections remember for their rules and logs.
    pub notes: Buffers,
    pub session_notes: Buffers,
    /// Where rules work.
    pub room: Room,
    pub verifier: RefCell<Verifier>,
    pub pipes: Vec<Pipe>,
    pipes_max: usize,
    pipes_open: usize,
    pub timers: Wheel,
    pub runq: RunQueue,
    pub head: Head,
    pub scratch: Box<[u8]>,
    pub logs: Logs,
    pub idle: Vec<IdleList>,
    pub sizes: PoolSizes,
    /// Blanks, as many as the longest name of a server has bytes (`http-send-name-header`).
    pub name_room: Box<[u8]>,
    /// Standard answers, written once.
    pub replies: Vec<(u16, Vec<u8>)>,
    /// A client connection was closed: a listener that was full may accept again.
    pub freed_client: bool,
    pub clients: u32,
    /// Of these, operators.
    pub operators: u32,
}

/// The space in which rules work.
pub struct Room {
    /// The head that is looked at, and what is written in place of its parts.
    pub text: Box<[u8]>,
    /// For values.
    pub space: Box<[u8]>,
    /// For texts that rules make.
    pub out: Box<[u8]>,
    /// Fields of a response 103.
    pub hints: Box<[u8]>,
    /// A body whose chunks are put together.
    pub body: Box<[u8]>,
    pub drafts: Drafts,
    pub regexes: RegexCache,
    /// What conditions found of the message that is looked at.
    pub memo: Memo,
    /// What formats without variables of the log are shown.
    pub blank: Record<'static>,
}

impl Room {
    /// Room for messages of up to `bufsize` bytes; without rules only for the samples of log lines.
    fn new(rules: &Rulebook, bufsize: usize) -> Room {
        let bytes = |n: usize| vec![0; n * bufsize].into();
        let any = usize::from(rules.any);
        let (text, out, body, space) = (bytes(2 * any), bytes(2 * any), bytes(any), bytes(1 + any));
        let hints = bytes(usize::from(rules.hints));
        Room {
            text,
            out,
            hints,
            body,
            space,
            drafts: Drafts::new(&rules.layout),
            regexes: rules.regex_cache(),
            memo: rules.memo(),
            blank: Record::default(),
        }
    }
}

/// What the worker is made of.
pub struct Parts<'a, K> {
    pub sys: K,
    pub worker: usize,
    pub shared: &'a Shared,
    pub logs: Logs,
    pub sizes: PoolSizes,
}

impl<'a, K: Kernel> Ctx<'a, K> {
    /// Takes all memory.
    pub fn new(mut parts: Parts<'a, K>) -> Ctx<'a, K> {
        let config: &Config = &parts.shared.config;
        let now_ms = parts.sys.now_ms();
        let mut secret = [0; KEY_BYTES];
        parts.sys.secret(&mut secret);
        let now = Tick::from_ms(now_ms);
        let (sizes, tune) = (parts.sizes, &config.global.tune);
        let tasks = sizes.conns + sizes.sessions + sizes.checks;
        let logged = parts.shared.rules.keeps_line || config.proxies.iter().any(|p| !p.loggers.is_empty());
        let lines = if logged { sizes.sessions } else { 0 };
        let layout = &parts.shared.rules.layout;
        let replies = crate::http::STATUSES.iter().map(|s| {
            let mut page = [0u8; 1024];
            let mut out = crate::util::fmt::Out::new(&mut page);
            crate::http::standard_reply(&mut out, s.0);
            (s.0, out.bytes().to_vec())
        });
        Ctx {
            worker: parts.worker,
            now,
            now_ms,
            conns: Pool::new(sizes.conns),
            bufs: Buffers::new(sizes.buffers, tune.bufsize as usize),
            lines: Buffers::new(lines, tune.logurilen as usize),
            notes: Buffers::new(
                if layout.transaction_bytes() > 0 { sizes.sessions } else { 0 },
                layout.transaction_bytes(),
            ),
            session_notes: Buffers::new(
                if layout.session_bytes() > 0 { sizes.sessions } else { 0 },
                layout.session_bytes(),
            ),
            verifier: RefCell::new(Verifier::new(&config.userlists, sizes.sessions, secret)),
            room: Room::new(&parts.shared.rules, tune.bufsize as usize),
            pipes: Vec::with_capacity(sizes.pipes),
            pipes_max: sizes.pipes,
            pipes_open: 0,
            timers: Wheel::new(tasks, now),
            runq: RunQueue::new(tasks),
            head: Head::new(tune.maxhdr as usize),
            scratch: vec![0; tune.bufsize as usize].into(),
            logs: parts.logs,
            idle: vec![IdleList::default(); config.servers.len()],
            sizes,
            name_room: vec![b' '; config.servers.iter().map(|s| s.name.len()).max().unwrap_or(0)].into(),
            replies: replies.collect(),
            freed_client: false,
            clients: 0,
            operators: 0,
            sys: parts.sys,
            config,
            shared: parts.shared,
        }
    }

    /// Task number of a connection.
    pub fn conn_task(&self, h: Handle<Conn>) -> u32 {
        h.index() as u32
    }

    /// Task number of a session.
    pub fn session_task(&self, h: Handle<Session>) -> u32 {
        (self.sizes.conns + h.index()) as u32
    }

    /// Task number of a check.
    pub fn check_task(&self, n: u32) -> u32 {
        (self.sizes.conns + self.sizes.sessions) as u32 + n
    }

    /// Lets a session run in this round.
    pub fn wake(&mut self, h: Handle<Session>) {
        let task = self.session_task(h);
        self.runq.wake(task);
    }

    /// Lets passwords that are being checked go on by so many steps; sessions whose wait ends run in this round or the next.
    pub fn check_passwords(&mut self, steps: usize) {
        let (verifier, runq, conns) = (self.verifier.get_mut(), &mut self.runq, self.sizes.conns);
        for _ in 0..steps {
            if !verifier.is_busy() {
                return;
            }
            verifier.step(&self.config.userlists, |who| runq.wake((conns + who) as u32));
        }
    }

    /// No password is checked for this session any more.
    pub fn stop_checking(&mut self, h: Handle<Session>) {
        let (runq, conns) = (&mut self.runq, self.sizes.conns);
        self.verifier.get_mut().forget(h.index(), |who| runq.wake((conns + who) as u32));
    }

    /// The counters of a frontend, backend or server that this worker writes.
    pub fn tally(&self, slot: usize) -> &Counters {
        self.shared.tallies[self.worker].slot(slot)
    }

    /// Stores a new connection and watches its descriptor; on failure the descriptor is closed.
    pub fn adopt(&mut self, conn: Conn) -> Option<Handle<Conn>> {
        let (fd, is_client) = (conn.fd, conn.is_client);
        if self.conns.is_full() {
            self.make_room(); // idle server connections give way
        }
        let Some(h) = self.conns.alloc(conn) else {
            self.sys.close(fd);
            return None;
        };
        if self.sys.watch(fd, key::conn(h)).is_err() {
            self.conns.free(h);
            self.sys.close(fd);
            return None;
        }
        if !self.sys.edge() {
            self.conns[h].armed = (true, true);
        }
        if is_client {
            self.clients += 1;
        }
        Some(h)
    }

    /// Closes the oldest idle connection of the fullest server's pool; false when there is none.
    pub fn make_room(&mut self) -> bool {
        let fullest = (0..self.idle.len()).max_by_key(|s| self.idle[*s].len);
        let Some(h) = fullest.map(|s| self.idle[s].oldest).filter(|h| h.is_some()) else { return false };
        self.take_idle(h);
        self.close(h);
        true
    }

    /// Closes a connection and forgets it.
    pub fn close(&mut self, h: Handle<Conn>) {
        let Some(conn) = self.conns.free(h) else { return };
        let task = self.conn_task(h);
        self.timers.cancel(task);
        self.sys.close(conn.fd);
        if !conn.is_client {
            return;
        }
        self.freed_client = true;
        self.clients -= 1;
        if conn.mate.is_some() {
            self.close(conn.mate);
        }
        if conn.notes.is_some() {
            self.session_notes.free(conn.notes);
        }
        let listener = conn.origin as usize;
        self.shared.listeners[listener].connections.fetch_sub(1, Relaxed);
        match self.config.listeners[listener].audience {
            crate::model::Audience::Frontend(fe) => {
                self.shared.process.connections.fetch_sub(1, Relaxed);
                self.shared.proxies[fe].fe_connections.fetch_sub(1, Relaxed);
            }
            crate::model::Audience::Cli(_) => {
                self.operators -= 1;
                self.shared.process.cli_connections.fetch_sub(1, Relaxed);
            }
        }
    }

    /// Tells a one-shot poller what a connection waits for now.
    pub fn arm(&mut self, h: Handle<Conn>, read: bool, write: bool) {
        if self.sys.edge() {
            return;
        }
        let Some(c) = self.conns.get_mut(h) else { return };
        let want = (read && !c.can_read, write && !c.can_write);
        if c.armed != want {
            c.armed = want;
            self.sys.arm(c.fd, key::conn(h), want.0, want.1);
        }
    }

    /// Puts a connection into the pool of its server. It must be watched and owe nothing.
    pub fn put_idle(&mut self, h: Handle<Conn>) {
        let server = self.conns[h].origin as usize;
        let newest = self.idle[server].newest;
        let delay = self.config.servers[server].pool_purge_delay_ms;
        let deadline = self.now.after_opt(delay);
        let c = &mut self.conns[h];
        (c.owner, c.newer, c.older, c.deadline) = (Owner::Pooled, Handle::NONE, newest, deadline);
        let list = &mut self.idle[server];
        list.newest = h;
        list.len += 1;
        if newest.is_some() {
            self.conns[newest].newer = h;
        } else {
            list.oldest = h;
        }
        self.shared.servers[server].idle.fetch_add(1, Relaxed);
        let task = self.conn_task(h);
        self.timers.set(task, deadline);
        self.arm(h, true, false);
    }

    /// True when an idle server connection is of no use any more: the server closed it, or said something that nobody asked for.
    pub fn is_spoilt(&mut self, h: Handle<Conn>) -> bool {
        let c = &self.conns[h];
        if !c.can_read {
            return c.hangup;
        }
        let fd = c.fd;
        let quiet = self.sys.recv(fd, &mut self.scratch[..1]) == Err(crate::sys::IoError::Again);
        let c = &mut self.conns[h];
        (c.can_read, c.hangup) = (false, !quiet);
        !quiet
    }

    /// True when the client is known to have closed its direction. A poller that tells only "readable" leaves it to be looked at.
    pub fn client_left(&mut self, h: Handle<Conn>) -> bool {
        let Some(c) = self.conns.get(h) else { return false };
        if c.hangup || !c.can_read || self.sys.edge() {
            return c.hangup;
        }
        let fd = c.fd;
        let left = self.sys.peek(fd, &mut self.scratch[..1]) == Ok(0);
        self.conns[h].hangup = left;
        left
    }

    /// Takes a connection out of its pool.
    pub fn take_idle(&mut self, h: Handle<Conn>) {
        let c = &self.conns[h];
        let (server, newer, older) = (c.origin as usize, c.newer, c.older);
        if newer.is_some() {
            self.conns[newer].older = older
        } else {
            self.idle[server].newest = older
        }
        if older.is_some() {
            self.conns[older].newer = newer
        } else {
            self.idle[server].oldest = newer
        }
        self.idle[server].len -= 1;
        self.shared.servers[server].idle.fetch_sub(1, Relaxed);
        let c = &mut self.conns[h];
        (c.owner, c.newer, c.older, c.deadline) = (Owner::Nobody, Handle::NONE, Handle::NONE, Tick::NEVER);
    }

    /// A pipe from the pool, opened if there is none and the limit allows.
    pub fn take_pipe(&mut self) -> Option<Pipe> {
        if let Some(p) = self.pipes.pop() {
            self.shared.process.pipes_free.fetch_sub(1, Relaxed);
            self.shared.process.pipes_used.fetch_add(1, Relaxed);
            return Some(p);
        }
        if self.pipes_open == self.pipes_max {
            return None;
        }
        let p = self.sys.pipe(self.config.global.tune.pipesize).ok()?;
        self.pipes_open += 1;
        self.shared.process.pipes_used.fetch_add(1, Relaxed);
        Some(p)
    }

    /// Gives a pipe back; one that still has bytes is closed.
    pub fn give_pipe(&mut self, p: Pipe, empty: bool) {
        self.shared.process.pipes_used.fetch_sub(1, Relaxed);
        if empty {
            self.pipes.push(p);
            self.shared.process.pipes_free.fetch_add(1, Relaxed);
        } else {
            self.sys.close(p.read);
            self.sys.close(p.write);
            self.pipes_open -= 1;
        }
    }

    /// Pools for `show pools` and the memory bound, with their names.
    pub fn usage(&self, sessions: Usage) -> [(&'static str, Usage); POOLS] {
        [
            ("session", sessions),
            ("connection", self.conns.usage()),
            ("buffer", self.bufs.usage()),
            ("requri", self.lines.usage()),
            ("notes", self.notes.usage()),
            ("session_notes", self.session_notes.usage()),
        ]
    }

    /// True when the option is on in the frontend or in the backend of a session.
    pub fn either(&self, fe: usize, be: usize, option: u64) -> bool {
        (self.config.proxies[fe].options | self.config.proxies[be].options) & option != 0
    }

    /// True when either side of a session wants the response spliced (or the request).
    pub fn splices(&self, fe: usize, be: usize, direction: u64) -> bool {
        !self.config.global.nosplice && self.either(fe, be, direction | opt::SPLICE_AUTO)
    }
}
