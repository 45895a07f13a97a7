//! What changes while the process runs and is shared by all workers: states of servers, counts, queues, mail.
//!
//! Counts that limits depend on are atomics; the order of balancing is under one short mutex a backend, the waiting sessions
//! under one mutex for all queues (entered only when something waits). Statistics are counted by each worker for itself
//! ([`Counters`]) and added up when shown.

mod counters;
mod desk;
mod figures;
mod mail;
mod queue;
mod state;

pub use counters::{Counters, Tally, sum};
pub use desk::{Asker, Desk, Question, Reply};
pub use figures::{Figures, POOLS, logs_dropped, pools_of_all};
pub use mail::{Mail, Mailbox};
pub use queue::{Queues, Ticket, Waiting};
pub use state::{
    Admin, Health, LastCheck, Note, Pick, ProxyState, ServerState, count_up, frontends_of, hash_options,
    tenth_of_frontends,
};

use crate::model::{CliLevel, Config};
use crate::rules::Rulebook;
use crate::util::fmt::{Cursor, Out, Progress};
use crate::util::freq::Freq;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// The state of the process, shared by its workers.
pub struct Shared {
    pub config: Arc<Config>,
    pub rules: Arc<Rulebook>,
    pub proxies: Vec<ProxyState>,
    pub servers: Vec<ServerState>,
    pub listeners: Vec<ListenerState>,
    pub queues: Mutex<Queues>,
    /// True while any session waits in a queue: the common case looks no further.
    pub waiting: AtomicU32,
    pub mail: Vec<Mailbox>,
    pub tallies: Vec<Tally>,
    /// What each worker tells of its pools.
    pub figures: Vec<Figures>,
    pub desk: Desk,
    pub process: ProcessState,
    pub limits: Sizes,
}

/// The sizes that were derived at start-up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sizes {
    pub maxconn: u32,
    pub maxsock: u32,
    pub maxpipes: u32,
    pub ulimit_n: u64,
    pub workers: usize,
    /// Worst case of all pools of all workers, bytes.
    pub memory_bound: u64,
    /// `-m`, MiB; 0 = none.
    pub memory_limit_mib: u32,
}

/// Numbers of the whole process.
#[derive(Default)]
pub struct ProcessState {
    /// Client connections now, those of operators not counted.
    pub connections: AtomicU32,
    pub connections_max: AtomicU32,
    pub conn_rate: Freq,
    pub sess_rate: Freq,
    /// Set when no new connection is to be accepted (SIGUSR1).
    pub stopping: AtomicBool,
    /// Set while no new connection is to be accepted for a time (SIGTTOU, until SIGTTIN).
    pub paused: AtomicBool,
    /// Set when nobody is waited for (SIGTERM, `hard-stop-after`).
    pub killed: AtomicBool,
    /// Monotonic and wall time of the start.
    pub started_ms: u64,
    pub started_unix: i64,
    pub pipes_used: AtomicU32,
    pub pipes_free: AtomicU32,
    pub log_drops: AtomicU32,
    pub idle_percent: AtomicU32,
    pub out: Mutex<OutRate>,
    pub next_unique: AtomicU32,
    /// Connections to command sockets now, and since the start.
    pub cli_connections: AtomicU32,
    pub cli_total: AtomicU32,
}

/// How fast bytes go to clients: between two looks that are a second or more apart.
#[derive(Clone, Copy, Default, Debug)]
pub struct OutRate {
    seen_ms: u64,
    seen_bytes: u64,
    /// Bytes a second.
    rate: u64,
}

impl OutRate {
    /// Looks at the count of all bytes so far.
    fn look(&mut self, now_ms: u64, bytes: u64) -> u64 {
        let passed = now_ms.saturating_sub(self.seen_ms);
        if passed >= 1000 {
            // The count may have been cleared meanwhile.
            self.rate = bytes.saturating_sub(self.seen_bytes) * 1000 / passed;
            (self.seen_ms, self.seen_bytes) = (now_ms, bytes);
        }
        self.rate
    }
}

/// A listening socket while the process runs.
#[derive(Default)]
pub struct ListenerState {
    pub connections: AtomicU32,
    pub connections_max: AtomicU32,
    /// Accepted since the start.
    pub total: AtomicU32,
    pub fd: std::sync::atomic::AtomicI32,
}

impl Shared {
    /// The state at start-up: everything allocated, servers in their configured states.
    pub fn new(
        config: Arc<Config>,
        rules: Arc<Rulebook>,
        limits: Sizes,
        now_ms: u64,
        unix_s: i64,
    ) -> std::io::Result<Shared> {
        let operators = config.global.stats_maxconn as usize;
        let slots = config.proxies.len() * 2 + config.servers.len();
        let proxies: Vec<_> =
            (0..config.proxies.len()).map(|p| ProxyState::new(&config, p, limits.maxconn, now_ms)).collect();
        let servers: Vec<_> = config.servers.iter().map(|s| ServerState::new(s, now_ms)).collect();
        let process = ProcessState { started_ms: now_ms, started_unix: unix_s, ..ProcessState::default() };
        let shared = Shared {
            proxies,
            servers,
            listeners: config.listeners.iter().map(|_| ListenerState::default()).collect(),
            queues: Mutex::new(Queues::new(limits.maxconn as usize, config.proxies.len() + config.servers.len())),
            waiting: AtomicU32::new(0),
            mail: (0..limits.workers).map(|_| Mailbox::new(limits.maxconn as usize + 64)).collect::<Result<_, _>>()?,
            tallies: (0..limits.workers).map(|_| Tally::new(slots)).collect(),
            figures: (0..limits.workers).map(|_| Figures::default()).collect(),
            desk: Desk::new(limits.workers, operators, config.global.tune.bufsize as usize),
            process,
            limits,
            config,
            rules,
        };
        for p in 0..shared.proxies.len() {
            shared.rebuild(p);
        }
        Ok(shared)
    }

    /// Index of a frontend's counters.
    pub fn fe_slot(&self, proxy: usize) -> usize {
        proxy * 2
    }

    /// Index of a backend's counters.
    pub fn be_slot(&self, proxy: usize) -> usize {
        proxy * 2 + 1
    }

    /// Index of a server's counters.
    pub fn srv_slot(&self, server: usize) -> usize {
        self.config.proxies.len() * 2 + server
    }

    /// Bytes that went to clients since the start, and how many a second of late (`show info`).
    pub fn bytes_out(&self, now_ms: u64) -> (u64, u64) {
        let of = |p| self.tallies.iter().map(|t| t.slot(self.fe_slot(p)).bytes_out.get()).sum::<u64>();
        let bytes = (0..self.config.proxies.len()).map(of).sum();
        (bytes, self.process.out.lock().unwrap_or_else(|e| e.into_inner()).look(now_ms, bytes))
    }

    /// True once the process accepts nothing any more.
    pub fn stopping(&self) -> bool {
        self.process.stopping.load(Relaxed)
    }

    /// Asks another worker for its part of an answer, see [`Desk::ask`].
    pub fn ask(&self, who: Asker, worker: usize, what: (&str, CliLevel), cur: &mut Cursor, out: &mut Out) -> Reply {
        let (reply, wake) = self.desk.ask(who, worker, what, cur, out);
        if wake {
            self.mail[worker].ring();
        }
        reply
    }

    /// Answers the question on the desk.
    pub fn reply(&self, worker: usize, cursor: Cursor, progress: Progress, answer: &[u8]) {
        if let Some(asker) = self.desk.reply(worker, cursor, progress, answer) {
            self.mail[asker].ring();
        }
    }

    /// A worker ends and is asked no more.
    pub fn leave(&self, worker: usize) {
        if let Some(asker) = self.desk.leave(worker) {
            self.mail[asker].ring();
        }
    }

    /// Wakes every worker (after `stopping` was set, or a limit changed).
    pub fn wake_all(&self) {
        for m in &self.mail {
            m.ring();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_of_bytes_out() {
        let mut r = OutRate { seen_ms: 10_000, ..OutRate::default() };
        assert_eq!([r.look(10_500, 700), r.look(12_000, 8000), r.look(12_900, 9000)], [0, 4000, 4000]);
        assert_eq!([r.look(14_000, 8000), r.look(15_000, 10), r.look(16_000, 1010)], [0, 0, 1000]);
    }
}
