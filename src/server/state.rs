//! States of backends and servers, and the choice of a server.

use super::{Mail, Shared, Ticket, Waiting};
use crate::balance::{self, Farm, Policy};
use crate::model::{Config, Proxy, Server, opt};
use crate::util::freq::Freq;
use crate::util::hash;
use crate::util::tick::Tick;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicUsize, Ordering::Relaxed};

/// What the operator wants of a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Admin {
    Ready = 0,
    /// No new sessions but persistent ones; checks go on.
    Drain = 1,
    /// Nothing at all.
    Maint = 2,
}

/// What the checks found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Health {
    Down = 0,
    Up = 1,
    /// `http-check disable-on-404`: alive, takes no new sessions.
    Stopping = 2,
}

/// A backend (and frontend) while the process runs.
pub struct ProxyState {
    /// `fullconn`, or a tenth of what the frontends can bring.
    pub fullconn: u32,
    pub fe_connections: AtomicU32,
    pub fe_connections_max: AtomicU32,
    pub be_connections: AtomicU32,
    pub be_connections_max: AtomicU32,
    /// Sessions waiting in the backend's queue and in its servers' queues together.
    pub queued: AtomicU32,
    pub queued_max: AtomicU32,
    pub fe_session_rate: Freq,
    pub fe_request_rate: Freq,
    pub fe_connection_rate: Freq,
    pub be_session_rate: Freq,
    /// Usable servers, active and backup, and their weights in units of the user.
    pub active: AtomicU32,
    pub backup: AtomicU32,
    pub weight: AtomicU32,
    /// Monotonic milliseconds / 1000 of the last change between up and down.
    pub changed_s: AtomicU32,
    pub downtime_s: AtomicU32,
    pub downs: AtomicU32,
    pub last_session_s: AtomicU32,
    /// Traffic lines that the frontend has logged (`%lc`).
    pub log_lines: AtomicU32,
    policy: Mutex<Box<dyn Policy>>,
    /// The policy is told when a session leaves a server.
    follows_load: bool,
    /// Which servers traffic may go to: 0 = active ones, 1 = all backups, 2 + n = only the n-th (relative) server, a backup.
    set: AtomicUsize,
}

/// A server while the process runs.
pub struct ServerState {
    admin: AtomicU8,
    health: AtomicU8,
    /// 0..=256, `weight` of the configuration at first.
    pub weight: AtomicU32,
    /// Sessions that hold a slot now.
    pub served: AtomicU32,
    pub served_max: AtomicU32,
    pub queued: AtomicU32,
    pub queued_max: AtomicU32,
    pub session_rate: Freq,
    /// `slowstart`: 1..=1000, the part of the weight that counts; and since when it grows (a tick; 0 = it does not).
    pub warmth: AtomicU32,
    warm_since: AtomicU32,
    /// Idle connections kept by all workers.
    pub idle: AtomicU32,
    /// The most sessions at once of late: so many connections are worth having; and the tick when that is looked at anew.
    need: AtomicU32,
    need_until: AtomicU32,
    /// Successes or failures in a row, towards `rise` or `fall`.
    pub streak: AtomicU32,
    pub changed_s: AtomicU32,
    pub downtime_s: AtomicU32,
    pub downs: AtomicU32,
    pub last_session_s: AtomicU32,
    pub check: Mutex<LastCheck>,
}

/// The outcome of the last health check, for the page.
#[derive(Clone, Copy, Debug, Default)]
pub struct LastCheck {
    /// HAProxy's short name: `L4OK`, `L7STS` ...
    pub status: &'static str,
    pub code: u16,
    pub duration_ms: u32,
    pub done: bool,
    /// Another one is running.
    pub running: bool,
    /// What the server or the system said about a failure.
    pub info: Note,
}

/// A short text, cut at HAProxy's length.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Note {
    bytes: [u8; 127],
    len: u8,
}

impl Note {
    /// No text.
    pub const NONE: Note = Note { bytes: [0; 127], len: 0 };

    /// The beginning of a text; what is not printable becomes dots.
    pub fn of(text: &[u8]) -> Note {
        let mut note = Note::NONE;
        for (to, from) in note.bytes.iter_mut().zip(text) {
            *to = if matches!(from, b' '..=b'~') { *from } else { b'.' };
            note.len += 1;
        }
        note
    }

    /// The text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len.into()]).unwrap_or_default()
    }
}

impl Default for Note {
    fn default() -> Note {
        Note::NONE
    }
}

impl std::fmt::Debug for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{:?}", self.text())
    }
}

/// What the choice of a server came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pick {
    /// A slot of this server is ours (counted).
    Server(usize),
    /// Wait for this server: it is full, and the choice is not ours.
    QueueServer(usize),
    /// Wait for any server of the backend.
    QueueBackend,
    /// The choice is not ours, and the server's queue is full (`maxqueue`).
    Full(usize),
    /// No server can take it, now or later.
    None,
}

impl ProxyState {
    /// The state at start-up; servers are looked at by [`Shared::rebuild`].
    pub fn new(config: &Config, at: usize, maxconn: u32, now_ms: u64) -> ProxyState {
        let p = &config.proxies[at];
        let name = if p.balance.algorithm.is_empty() { "roundrobin" } else { p.balance.algorithm };
        let row = balance::algorithm(name).expect("the configuration names a known algorithm");
        let mut options = hash_options(p);
        options.max_weight = config.servers[p.servers()].iter().map(|s| s.weight).max().unwrap_or(1).max(1);
        let policy = (row.make)(p.server_count, &options);
        ProxyState {
            fullconn: if p.fullconn > 0 { p.fullconn } else { tenth_of_frontends(config, at, maxconn) },
            fe_connections: AtomicU32::new(0),
            fe_connections_max: AtomicU32::new(0),
            be_connections: AtomicU32::new(0),
            be_connections_max: AtomicU32::new(0),
            queued: AtomicU32::new(0),
            queued_max: AtomicU32::new(0),
            fe_session_rate: Freq::default(),
            fe_request_rate: Freq::default(),
            fe_connection_rate: Freq::default(),
            be_session_rate: Freq::default(),
            active: AtomicU32::new(0),
            backup: AtomicU32::new(0),
            weight: AtomicU32::new(0),
            changed_s: AtomicU32::new((now_ms / 1000) as u32),
            downtime_s: AtomicU32::new(0),
            downs: AtomicU32::new(0),
            last_session_s: AtomicU32::new(u32::MAX),
            log_lines: AtomicU32::new(0),
            follows_load: policy.follows_load(),
            policy: Mutex::new(policy),
            set: AtomicUsize::new(0),
        }
    }
}

/// The frontends that lead to a backend.
pub fn frontends_of(config: &Config, backend: usize) -> impl Iterator<Item = &Proxy> {
    let leads = move |(i, p): &(usize, &Proxy)| {
        p.is_frontend && (*i == backend || (p.default_backend == Some(backend) || p.use_backends.contains(&backend)))
    };
    config.proxies.iter().enumerate().filter(leads).map(|(_, p)| p)
}

/// A tenth of what the frontends of a backend can bring, `maxconn` each if they have no limit of their own.
pub fn tenth_of_frontends(config: &Config, backend: usize, maxconn: u32) -> u32 {
    let limit = |p: &Proxy| u64::from(if p.maxconn > 0 { p.maxconn } else { maxconn });
    u32::try_from(frontends_of(config, backend).map(limit).sum::<u64>().div_ceil(10)).unwrap_or(u32::MAX)
}

/// The options of the hash, from `hash-type` and `balance`.
pub fn hash_options(p: &Proxy) -> balance::Options {
    let b = &p.balance;
    let function: Option<fn(&[u8]) -> u32> = match b.function {
        "djb2" => Some(hash::djb2),
        "wt6" => Some(hash::wt6),
        "crc32" => Some(hash::crc32),
        "sdbm" => Some(hash::sdbm),
        _ => None,
    };
    let method = if b.consistent { balance::Method::Consistent } else { balance::Method::MapBased };
    let mut options = balance::Options::new(method, function, b.avalanche.unwrap_or(false));
    if b.draws > 0 {
        options.random_draws = b.draws;
    }
    options.hash_balance_factor = b.factor;
    options
}

impl ServerState {
    /// The state at start-up: up, or in maintenance if `disabled`.
    pub fn new(s: &Server, now_ms: u64) -> ServerState {
        ServerState {
            admin: AtomicU8::new(if s.disabled { Admin::Maint } else { Admin::Ready } as u8),
            health: AtomicU8::new(Health::Up as u8),
            weight: AtomicU32::new(s.weight),
            served: AtomicU32::new(0),
            served_max: AtomicU32::new(0),
            queued: AtomicU32::new(0),
            queued_max: AtomicU32::new(0),
            session_rate: Freq::default(),
            warmth: AtomicU32::new(1000),
            warm_since: AtomicU32::new(0),
            idle: AtomicU32::new(0),
            need: AtomicU32::new(0),
            need_until: AtomicU32::new(0),
            // The first failure takes a server down that was never seen working.
            streak: AtomicU32::new(s.check.as_ref().map_or(0, |c| c.fall.saturating_sub(1))),
            changed_s: AtomicU32::new((now_ms / 1000) as u32),
            downtime_s: AtomicU32::new(0),
            downs: AtomicU32::new(0),
            last_session_s: AtomicU32::new(u32::MAX),
            check: Mutex::new(LastCheck::default()),
        }
    }

    /// What the operator wants.
    pub fn admin(&self) -> Admin {
        match self.admin.load(Relaxed) {
            0 => Admin::Ready,
            1 => Admin::Drain,
            _ => Admin::Maint,
        }
    }

    /// What the checks found.
    pub fn health(&self) -> Health {
        match self.health.load(Relaxed) {
            0 => Health::Down,
            1 => Health::Up,
            _ => Health::Stopping,
        }
    }

    /// Stores what the operator wants; follow with [`Shared::rebuild`].
    pub fn set_admin(&self, a: Admin) {
        self.admin.store(a as u8, Relaxed);
    }

    /// Stores what the checks found; follow with [`Shared::rebuild`].
    pub fn set_health(&self, h: Health) {
        self.health.store(h as u8, Relaxed);
    }

    /// When its slow start began; never when it has none behind it.
    pub fn warm_since(&self) -> Tick {
        Tick::from_ms_opt(self.warm_since.load(Relaxed))
    }

    /// A slow start begins now.
    pub fn begin_slow_start(&self, now: Tick) {
        self.warm_since.store(now.raw(), Relaxed);
        self.warmth.store(1, Relaxed);
    }

    /// True when one more idle connection is worth keeping in a worker that has `idle` of them: these and those in use are no more
    /// than the most that were in use at once of late. What was needed once is forgotten by half every `period_ms`.
    pub fn wants_idle(&self, idle: u32, now: Tick, period_ms: u32) -> bool {
        let (used, need) = (self.served.load(Relaxed), self.need.load(Relaxed));
        let until = Tick::from_ms_opt(self.need_until.load(Relaxed));
        if !until.is_set() || until.is_due(now) {
            self.need.store(used + need.saturating_sub(used) / 2, Relaxed);
            self.need_until.store(now.after(period_ms).raw(), Relaxed);
        }
        idle + used <= need
    }

    /// True when it may be given sessions at all (also persistent ones only).
    pub fn is_alive(&self) -> bool {
        self.admin() != Admin::Maint && self.health() != Health::Down
    }

    /// True when balancing may choose it.
    pub fn is_usable(&self) -> bool {
        self.admin() == Admin::Ready && self.health() == Health::Up
    }
}

struct View<'a> {
    shared: &'a Shared,
    proxy: &'a Proxy,
    set: usize,
}

impl Farm for View<'_> {
    fn len(&self) -> usize {
        self.proxy.server_count
    }
    fn weight(&self, i: usize) -> u32 {
        let s = &self.shared.servers[self.proxy.first_server + i];
        let full = s.weight.load(Relaxed) * balance::WEIGHT_SCALE;
        match s.warmth.load(Relaxed) {
            1000 => full,
            part => (full * part / 1000).max(u32::from(full > 0)),
        }
    }
    fn eligible(&self, i: usize) -> bool {
        let at = self.proxy.first_server + i;
        let backup = self.shared.config.servers[at].backup;
        let in_set = match self.set {
            0 => !backup,
            1 => backup,
            n => n == i + 2,
        };
        in_set && self.shared.servers[at].is_usable()
    }
    fn load(&self, i: usize) -> u32 {
        let s = &self.shared.servers[self.proxy.first_server + i];
        s.served.load(Relaxed) + s.queued.load(Relaxed)
    }
    fn has_room(&self, i: usize) -> bool {
        self.shared.has_room(self.proxy.first_server + i)
    }
    fn id(&self, i: usize) -> u32 {
        self.shared.config.servers[self.proxy.first_server + i].id
    }
}

impl Shared {
    /// Looks at a backend's servers anew: after a change of state or weight.
    pub fn rebuild(&self, proxy: usize) {
        let (p, state) = (&self.config.proxies[proxy], &self.proxies[proxy]);
        let (mut active, mut backup, mut weights, mut backup_weights, mut first) = (0, 0, 0, 0, None);
        for (i, at) in p.servers().enumerate() {
            let s = &self.servers[at];
            if !s.is_usable() || s.weight.load(Relaxed) == 0 {
                continue;
            }
            if self.config.servers[at].backup {
                backup += 1;
                backup_weights += s.weight.load(Relaxed);
                first = first.or(Some((i, s.weight.load(Relaxed))));
            } else {
                active += 1;
                weights += s.weight.load(Relaxed);
            }
        }
        let (set, weight) = match first {
            Some((i, w)) if active == 0 && !p.has(opt::ALLBACKUPS) => (2 + i, w),
            Some(_) if active == 0 => (1, backup_weights),
            _ => (0, weights),
        };
        let mut policy = state.policy.lock().unwrap_or_else(|e| e.into_inner());
        state.set.store(set, Relaxed);
        state.active.store(active, Relaxed);
        state.backup.store(backup, Relaxed);
        state.weight.store(weight, Relaxed);
        policy.rebuild(&View { shared: self, proxy: p, set });
    }

    /// The sessions that a server may have at once now; 0 = no limit. With `minconn` it grows with the backend's load.
    pub fn session_limit(&self, server: usize) -> u32 {
        let c = &self.config.servers[server];
        if c.maxconn == 0 || c.minconn == 0 || c.minconn >= c.maxconn {
            return c.maxconn;
        }
        let full = self.proxies[c.proxy].fullconn.max(1);
        let now = self.proxies[c.proxy].be_connections.load(Relaxed);
        if now >= full {
            c.maxconn
        } else {
            ((u64::from(c.maxconn) * u64::from(now) / u64::from(full)) as u32).max(c.minconn)
        }
    }

    /// True when a session given to the server now would not wait.
    pub fn has_room(&self, server: usize) -> bool {
        let limit = self.session_limit(server);
        limit == 0 || self.servers[server].served.load(Relaxed) < limit
    }

    /// Takes a slot of a server if there is one.
    pub fn take_slot(&self, server: usize) -> bool {
        let s = &self.servers[server];
        let limit = self.session_limit(server);
        let n = if limit == 0 {
            s.served.fetch_add(1, Relaxed) + 1
        } else {
            let mut n = s.served.load(Relaxed);
            loop {
                if n >= limit {
                    return false;
                }
                match s.served.compare_exchange_weak(n, n + 1, Relaxed, Relaxed) {
                    Ok(_) => break n + 1,
                    Err(now) => n = now,
                }
            }
        };
        for most in [&s.served_max, &s.need] {
            if n > most.load(Relaxed) {
                most.store(n, Relaxed);
            }
        }
        true
    }

    /// Gives a slot back; whoever waits for it gets it.
    pub fn release_slot(&self, server: usize) {
        self.servers[server].served.fetch_sub(1, Relaxed);
        let proxy = self.config.servers[server].proxy;
        let state = &self.proxies[proxy];
        if state.follows_load {
            let place = server - self.config.proxies[proxy].first_server;
            state.policy.lock().unwrap_or_else(|e| e.into_inner()).load_changed(place);
        }
        if self.waiting.load(Relaxed) > 0 {
            self.serve_waiting(server);
        }
    }

    /// Chooses a server of a backend and takes a slot of it.
    pub fn pick(&self, proxy: usize, key: Option<u32>, avoid: Option<usize>, random: u32) -> Pick {
        let (p, state) = (&self.config.proxies[proxy], &self.proxies[proxy]);
        let avoid = avoid.map(|s| s - p.first_server);
        // A few rounds: between the choice and the slot another worker may have been faster.
        for _ in 0..4 {
            let view = View { shared: self, proxy: p, set: state.set.load(Relaxed) };
            let chosen = state.policy.lock().unwrap_or_else(|e| e.into_inner()).pick(&view, key, avoid, random);
            let Some(i) = chosen else { break };
            let server = p.first_server + i;
            // Somebody waits for this server already: no overtaking.
            let queue_first = self.servers[server].queued.load(Relaxed) > 0 && self.config.servers[server].maxconn > 0;
            if !queue_first && self.take_slot(server) {
                return Pick::Server(server);
            }
            if key.is_some() {
                return self.queue_on(server);
            }
        }
        let any = state.active.load(Relaxed) + state.backup.load(Relaxed) > 0;
        if any { Pick::QueueBackend } else { Pick::None }
    }

    /// Takes a slot of a given server (persistence), or says to wait for it.
    pub fn pick_this(&self, server: usize) -> Pick {
        if self.take_slot(server) { Pick::Server(server) } else { self.queue_on(server) }
    }

    fn queue_on(&self, server: usize) -> Pick {
        let max = self.config.servers[server].maxqueue;
        if max > 0 && self.servers[server].queued.load(Relaxed) >= max {
            Pick::Full(server)
        } else {
            Pick::QueueServer(server)
        }
    }

    fn list_of_server(&self, server: usize) -> usize {
        self.config.proxies.len() + server
    }

    /// Puts a session into the queue of a server (or of the backend); the ticket takes it out again.
    pub fn enqueue(&self, proxy: usize, server: Option<usize>, who: Waiting) -> Option<Ticket> {
        let list = server.map_or(proxy, |s| self.list_of_server(s));
        let ticket = {
            let mut q = self.queues.lock().unwrap_or_else(|e| e.into_inner());
            let ticket = q.push(list, who)?;
            self.waiting.fetch_add(1, Relaxed);
            if let Some(s) = server {
                count_up(&self.servers[s].queued, &self.servers[s].queued_max);
            }
            count_up(&self.proxies[proxy].queued, &self.proxies[proxy].queued_max);
            ticket
        };
        // A slot may have become free before we stood in the queue.
        match server {
            Some(s) => self.serve_waiting(s),
            None => self.config.proxies[proxy].servers().for_each(|s| self.serve_waiting(s)),
        }
        Some(ticket)
    }

    /// Takes a session out of its queue; false when it has been granted a slot meanwhile (the mail is on its way).
    pub fn dequeue(&self, proxy: usize, server: Option<usize>, ticket: Ticket) -> bool {
        let mut q = self.queues.lock().unwrap_or_else(|e| e.into_inner());
        let removed = q.remove(ticket);
        if removed {
            self.left_queue(proxy, server);
        }
        removed
    }

    fn left_queue(&self, proxy: usize, server: Option<usize>) {
        self.waiting.fetch_sub(1, Relaxed);
        if let Some(s) = server {
            self.servers[s].queued.fetch_sub(1, Relaxed);
        }
        self.proxies[proxy].queued.fetch_sub(1, Relaxed);
    }

    /// Gives free slots of a server to those who wait for it or for any server of its backend.
    pub fn serve_waiting(&self, server: usize) {
        let (proxy, own) = (self.config.servers[server].proxy, self.list_of_server(server));
        let mut q = self.queues.lock().unwrap_or_else(|e| e.into_inner());
        loop {
            let usable = self.servers[server].is_usable() && self.in_use(server);
            let backend = if usable { proxy } else { own };
            if !self.servers[server].is_alive() || (q.is_empty(own) && q.is_empty(backend)) || !self.take_slot(server) {
                return;
            }
            let Some((who, ticket, from_backend)) = q.pop_older(own, backend) else {
                self.servers[server].served.fetch_sub(1, Relaxed);
                return;
            };
            self.left_queue(proxy, if from_backend { None } else { Some(server) });
            if !self.mail[who.worker].send(Mail::Slot { session: who.session, ticket, server }) {
                self.servers[server].served.fetch_sub(1, Relaxed);
                return;
            }
        }
    }

    /// Sends those who wait for a server that is gone back to choose another.
    pub fn scatter_waiting(&self, server: usize) -> u32 {
        let (proxy, own) = (self.config.servers[server].proxy, self.list_of_server(server));
        let mut sent = 0;
        let mut q = self.queues.lock().unwrap_or_else(|e| e.into_inner());
        while let Some((who, ticket, _)) = q.pop_older(own, own) {
            self.left_queue(proxy, Some(server));
            self.mail[who.worker].send(Mail::Choose { session: who.session, ticket });
            sent += 1;
        }
        sent
    }

    /// True when balancing may choose this server now (an active one, or a backup in use).
    fn in_use(&self, server: usize) -> bool {
        let proxy = self.config.servers[server].proxy;
        let set = self.proxies[proxy].set.load(Relaxed);
        let view = View { shared: self, proxy: &self.config.proxies[proxy], set };
        view.eligible(server - view.proxy.first_server) && view.weight(server - view.proxy.first_server) > 0
    }

    /// True while some server of the backend can take sessions.
    pub fn is_backend_up(&self, proxy: usize) -> bool {
        self.proxies[proxy].active.load(Relaxed) + self.proxies[proxy].backup.load(Relaxed) > 0
    }
}

/// Raises a gauge and its maximum.
pub fn count_up(gauge: &AtomicU32, max: &AtomicU32) -> u32 {
    let n = gauge.fetch_add(1, Relaxed) + 1;
    if n > max.load(Relaxed) {
        max.store(n, Relaxed);
    }
    n
}
