//! From a configuration to running workers, and to their end: sizes, sockets, privileges, threads, signals.

use crate::auth::Verifier;
use crate::log::Logs;
use crate::model::{Audience, Config, SinkPlace, opt};
use crate::rules::Rulebook;
use crate::server::{Shared, Sizes};
use crate::session::context::{Parts, PoolSizes};
use crate::session::endpoint::key;
use crate::sys::real::Real;
use crate::sys::zone::Zone;
use crate::sys::{Backend, Fd, Kernel, NO_FD, process, signal};
use crate::worker::{SIGNALS, Worker};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Descriptors beside connections: standard streams, poller, mailboxes, logs, files.
const FD_OVERHEAD: u64 = 32;
/// The program, its libraries and stacks, as far as they become resident, with some slack for the allocator.
const PROGRAM_BYTES: u64 = 5 << 20;
/// Default `maxconn` where nothing limits it.
const MAXCONN_CEILING: u32 = 100_000;

/// Numbers derived from the configuration and the limits, and what to tell the user about them.
pub struct Plan {
    pub sizes: Sizes,
    pub pools: PoolSizes,
    pub warnings: Vec<String>,
}

/// Bytes that one client connection can come to need: both its sockets, its session, two buffers, its log line.
fn bytes_per_connection(config: &Config, rules: &Rulebook, workers: u64) -> u64 {
    use crate::session::{Session, endpoint::Conn};
    let t = &config.global.tune;
    let logged = rules.keeps_line || config.proxies.iter().any(|p| !p.loggers.is_empty());
    let records = 2 * (size_of::<Conn>() + 8) + size_of::<Session>() + 8 + 3 * 24 + 40;
    // A place in a queue, and one in every worker's mailbox.
    let shared = 64 + 32 * workers;
    let checked = Verifier::bytes(&config.userlists).0 as u64;
    let notes = checked + (rules.layout.session_bytes() + rules.layout.transaction_bytes()) as u64;
    records as u64 + shared + 2 * u64::from(t.bufsize) + notes + if logged { u64::from(t.logurilen) } else { 0 }
}

/// Bytes of the balancing order of a backend: maps and rings grow with the weights.
fn balance_bytes(config: &Config, p: &crate::model::Proxy) -> u64 {
    let heaviest = config.servers[p.servers()].iter().map(|s| u64::from(s.weight)).max().unwrap_or(0);
    let servers = p.server_count as u64;
    match p.balance.algorithm {
        "random" => servers * heaviest * 128,
        "hash" if p.balance.consistent => servers * heaviest * 128,
        "hash" | "static-rr" => servers * heaviest * 8,
        _ => servers * 64,
    }
}

/// Bytes that do not depend on the number of connections.
fn fixed_bytes(config: &Config, rules: &Rulebook, workers: u64) -> u64 {
    let bufsize = u64::from(config.global.tune.bufsize);
    let room = if rules.any { (7 + u64::from(rules.hints)) * bufsize + 64 * 1024 } else { bufsize };
    let regexes = rules.regex_cache().memory_bytes() as u64;
    let passwords = Verifier::bytes(&config.userlists).1 as u64;
    let drafts = if rules.layout.drafts { rules.layout.session_bytes() + rules.layout.transaction_bytes() } else { 0 };
    let per_worker =
        bufsize + room + (drafts + rules.memo_bytes()) as u64 + passwords + regexes + 64 * 1024 + 140 * 1024;
    let counters = (config.proxies.len() * 2 + config.servers.len()) as u64 * 320;
    let balancing: u64 = config.proxies.iter().map(|p| balance_bytes(config, p)).sum();
    PROGRAM_BYTES
        + rules.memory_bytes() as u64
        + workers * (per_worker + counters)
        + config.servers.len() as u64 * 5120
        + balancing
}

/// Derives everything from the configuration, the command line (`-m`) and the limits of process and machine.
pub fn plan(config: &Config, rules: &Rulebook, memory_mib: Option<u32>, limits: &process::Limits) -> Plan {
    let mut warnings = Vec::new();
    let workers = match config.global.nbthread {
        0 => process::cpus().min(64),
        n => n as usize,
    };
    let splices = config.proxies.iter().any(|p| p.has(opt::SPLICE_ANY)) && !config.global.nosplice;
    let checks = config.servers.iter().filter(|s| s.check.is_some()).count();
    let fixed_fds =
        FD_OVERHEAD + (config.listeners.len() + checks + 3 * workers) as u64 + u64::from(config.global.stats_maxconn);
    let pipes_for = |maxconn: u32| match (splices, config.global.maxpipes) {
        (false, _) => 0,
        (true, 0) => maxconn / 4 + 1,
        (true, n) => n,
    };
    let fds_for = |maxconn: u32| u64::from(maxconn) * 2 + u64::from(pipes_for(maxconn)) * 2 + fixed_fds;

    let per = bytes_per_connection(config, rules, workers as u64);
    let fixed = fixed_bytes(config, rules, workers as u64);
    let bound = |maxconn: u32| u64::from(maxconn) * per + fixed;
    let fits = |bytes: u64| (bytes.saturating_sub(fixed) / per).min(u64::from(u32::MAX)) as u32;

    let fd_limit = descriptor_limit(config, limits);
    let (mut most_by_fds, mut too_many) = (1, MAXCONN_CEILING.max(config.global.maxconn) + 1);
    while too_many - most_by_fds > 1 {
        let middle = most_by_fds + (too_many - most_by_fds) / 2;
        if fds_for(middle) <= fd_limit { most_by_fds = middle } else { too_many = middle }
    }
    let wanted = config.global.maxconn;
    let mut maxconn = if wanted == 0 { most_by_fds.min(MAXCONN_CEILING) } else { wanted };
    if maxconn > most_by_fds {
        warnings.push(format!(
            "maxconn {maxconn} needs {} descriptors, but only {fd_limit} are allowed (ulimit -n): maxconn is {most_by_fds}.",
            fds_for(maxconn)
        ));
        maxconn = most_by_fds;
    }
    // What was asked for is granted up to the hard limits; what was not asked for takes at most half of the machine.
    let memory = [
        memory_mib.map(|m| (u64::from(m) << 20, "-m")),
        limits.address_space.map(|b| (b / 2, "the address space limit (ulimit -v)")),
        limits.memory.filter(|_| wanted == 0).map(|b| (b / 2, "half of the memory")),
        limits.memory.map(|b| (b, "the memory of this machine")),
    ];
    for (bytes, what) in memory.into_iter().flatten() {
        if bound(maxconn) > bytes {
            let fewer = fits(bytes).max(1);
            if wanted > 0 || what == "-m" {
                warnings.push(format!(
                    "maxconn {maxconn} could need {} MiB, more than {what} ({} MiB): maxconn is {fewer}.",
                    bound(maxconn) >> 20,
                    bytes >> 20
                ));
            }
            maxconn = fewer;
        }
    }
    let share = (maxconn as usize).div_ceil(workers);
    let operators = config.global.stats_maxconn as usize;
    let pools = PoolSizes {
        conns: share * 2 + operators + 8,
        sessions: share + operators,
        operators,
        buffers: (share + operators) * 2,
        pipes: (pipes_for(maxconn) as usize).div_ceil(workers),
        checks,
    };
    let sizes = Sizes {
        maxconn,
        maxsock: fds_for(maxconn).min(u64::from(u32::MAX)) as u32,
        maxpipes: pipes_for(maxconn),
        ulimit_n: fds_for(maxconn).max(config.global.ulimit_n.into()),
        workers,
        memory_bound: bound(maxconn),
        memory_limit_mib: memory_mib.unwrap_or(0),
    };
    Plan { sizes, pools, warnings }
}

/// Descriptors that the process may have.
fn descriptor_limit(config: &Config, limits: &process::Limits) -> u64 {
    let hard = config.global.fd_hard_limit;
    let limit = [limits.descriptors_hard.or(limits.descriptors), (hard > 0).then_some(u64::from(hard))]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(1 << 20);
    if process::is_root() { limit.max(config.global.ulimit_n.into()) } else { limit }
}

/// Which poller to use, by what the configuration and the command line leave.
pub fn backend(config: &Config) -> Backend {
    // For the test suite: every path of the poller on one machine.
    match std::env::var("EVENKEEL_POLLER").as_deref() {
        Ok("poll") => return Backend::Poll,
        Ok("polling") => return Backend::Polling,
        _ => {}
    }
    if cfg!(target_os = "linux") && !config.global.noepoll {
        Backend::Epoll
    } else if cfg!(target_os = "linux") || config.global.nokqueue {
        Backend::Poll
    } else {
        Backend::Polling
    }
}

/// Everything that must be there before privileges are dropped.
pub struct Opened {
    pub listeners: Vec<Fd>,
    pub sinks: Vec<Fd>,
    /// Read before a chroot hides it.
    pub zone: Arc<Zone>,
    /// SIGHUP ends the process, as it does by default, instead of showing the states of servers.
    pub ends_on_hangup: bool,
}

/// Opens the descriptors of the log sinks. A syslog that is not there yet is no reason not to start: it is tried again, with the lines.
pub fn open_sinks(config: &Config, warn: &mut dyn FnMut(String)) -> Vec<Fd> {
    use std::net::UdpSocket;
    use std::os::fd::IntoRawFd;
    use std::os::unix::net::UnixDatagram;
    type Opened = std::io::Result<(Fd, std::io::Result<()>)>;
    let open = |place: &SinkPlace| -> Opened {
        match place {
            SinkPlace::Udp(to) => {
                let s = UdpSocket::bind(if to.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" })?;
                let connected = s.connect(to);
                s.set_nonblocking(true)?;
                Ok((s.into_raw_fd(), connected))
            }
            SinkPlace::Unix(path) => {
                let s = UnixDatagram::unbound()?;
                let connected = s.connect(path);
                s.set_nonblocking(true)?;
                Ok((s.into_raw_fd(), connected))
            }
            SinkPlace::Fd(fd) => process::set_nonblocking(*fd).map(|()| (*fd, Ok(()))),
        }
    };
    let mut fds = Vec::new();
    for sink in &config.sinks {
        let place = match &sink.place {
            SinkPlace::Udp(to) => to.to_string(),
            SinkPlace::Unix(path) => path.clone(),
            SinkPlace::Fd(fd) => format!("fd@{fd}"),
        };
        fds.push(match open(&sink.place) {
            Ok((fd, connected)) => {
                if let Err(e) = connected {
                    warn(format!("cannot reach the log {place}: {e}; its lines are lost until it is there"));
                }
                fd
            }
            Err(e) => {
                warn(format!("cannot open the log {place}: {e}; its lines are lost until a restart"));
                NO_FD
            }
        });
    }
    fds
}

/// Runs the workers until they end; returns the exit code. `ready` is called once all of them serve.
pub fn serve(
    loaded: (Arc<Config>, Arc<Rulebook>),
    plan: &Plan,
    opened: Opened,
    ready: impl FnOnce(),
) -> Result<i32, String> {
    let (config, rules) = loaded;
    let signals = signal::catch(&[
        signal::SIGTERM,
        signal::SIGINT,
        signal::SIGUSR1,
        signal::SIGUSR2,
        signal::SIGHUP,
        signal::SIGQUIT,
        signal::SIGTTOU,
        signal::SIGTTIN,
    ])
    .map_err(|e| format!("cannot catch signals: {e}"))?;
    let mut clock = Real::new(Backend::Poll, 1, 0).map_err(|e| e.to_string())?;
    let (now_ms, unix) = (clock.now_ms(), clock.wall().0);
    let shared =
        Shared::new(Arc::clone(&config), rules, plan.sizes, now_ms, unix).map_err(|e| format!("cannot start: {e}"))?;
    let shared = Arc::new(shared);
    let (zone, host): (Arc<Zone>, Arc<str>) = (Arc::clone(&opened.zone), process::host_name().into());
    let started = Arc::new(AtomicUsize::new(0));
    let crew = Crew {
        config,
        shared,
        zone,
        host,
        pools: plan.pools,
        opened: Arc::new(opened),
        started,
        let_go: Arc::default(),
    };
    let mut threads = Vec::new();
    for n in 1..plan.sizes.workers {
        let crew = crew.clone();
        let builder = std::thread::Builder::new().name(format!("worker-{n}")).stack_size(256 * 1024);
        let thread = builder.spawn(move || match crew.worker(n) {
            Ok(mut w) => {
                crew.started.fetch_add(1, Ordering::SeqCst);
                let mut listening = true;
                while !crew.is_over(&w) {
                    w.round(None);
                    if listening && crew.shared.stopping() {
                        listening = false;
                        crew.stop_listening(&mut w);
                        crew.let_go.fetch_add(1, Ordering::SeqCst);
                    }
                }
                crew.shared.leave(n);
            }
            Err(e) => {
                crate::util::say::err(format_args!("worker {n} cannot start: {e}\n"));
                std::process::exit(1);
            }
        });
        threads.push(thread.map_err(|e| format!("cannot start worker {n}: {e}"))?);
    }
    let mut first = crew.worker(0)?;
    let fd = signal::number(&signals);
    first.cx.sys.watch(fd, key::special(SIGNALS)).map_err(|e| e.text().to_string())?;
    while crew.started.load(Ordering::SeqCst) + 1 < plan.sizes.workers {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    ready();
    crate::sys::text::forget_startup_code();
    crate::mem::guard::close_heap();
    let code = crew.lead(&mut first, fd);
    crate::mem::guard::open_heap();
    crew.shared.wake_all();
    for t in threads {
        let _ = t.join();
    }
    Ok(code)
}

/// What all workers of the process start from.
#[derive(Clone)]
struct Crew {
    config: Arc<Config>,
    shared: Arc<Shared>,
    zone: Arc<Zone>,
    host: Arc<str>,
    pools: PoolSizes,
    opened: Arc<Opened>,
    started: Arc<AtomicUsize>,
    /// Workers (but the first) that watch the listening sockets no more.
    let_go: Arc<AtomicUsize>,
}

/// How far a graceful end is: times in monotonic milliseconds.
#[derive(Default)]
struct Ending {
    /// When accepting ends.
    stop_at: Option<u64>,
    /// When nobody is waited for any more.
    hard_at: Option<u64>,
    closed: bool,
}

impl Ending {
    /// How long the loop may sleep: for ever until an end was asked for; then it looks now and then how the other workers do.
    fn nap_ms(&self, now_ms: u64) -> Option<u32> {
        let left = |at: u64| at.saturating_sub(now_ms).clamp(1, 100) as u32;
        let stop_at = self.stop_at?;
        Some(if self.closed { self.hard_at.map_or(100, left) } else { left(stop_at) })
    }
}

impl Crew {
    fn worker(&self, n: usize) -> Result<Worker<'_, Real>, String> {
        let batch = self.config.global.tune.maxpollevents as usize;
        let fd_limit = self.shared.limits.maxsock as usize + 64;
        let sys =
            Real::new(backend(&self.config), batch, fd_limit).map_err(|e| format!("cannot open a poller: {e}"))?;
        let mut logs = Logs::new(
            Arc::clone(&self.config),
            Arc::clone(&self.shared.rules),
            self.opened.sinks.clone(),
            Arc::clone(&self.zone),
            Arc::clone(&self.host),
            std::process::id(),
        );
        let g = &self.config.global;
        logs.aloud = (!g.daemon && !g.quiet).then_some(process::say as fn(&[u8]));
        let parts = Parts { sys, worker: n, shared: &self.shared, logs, sizes: self.pools };
        let mut w = Worker::new(parts, Arc::clone(&self.host)).map_err(|e| e.text().to_string())?;
        for (i, fd) in self.opened.listeners.iter().enumerate() {
            // Operators talk to the first worker.
            let mine = n == 0 || matches!(self.config.listeners[i].audience, Audience::Frontend(_));
            if mine && !self.idle_listener(i) {
                w.listeners.open(&mut w.cx, i, *fd).map_err(|e| format!("cannot watch listener {i}: {}", e.text()))?;
            }
        }
        Ok(w)
    }

    /// A frontend that is `disabled` is bound, but does not accept.
    fn idle_listener(&self, i: usize) -> bool {
        matches!(self.config.listeners[i].audience, Audience::Frontend(fe) if self.config.proxies[fe].disabled)
    }

    fn is_over(&self, w: &Worker<Real>) -> bool {
        self.killed() || self.shared.stopping() && w.clients() == 0 && w.listeners.is_closed()
    }

    fn killed(&self) -> bool {
        self.shared.process.killed.load(Ordering::SeqCst)
    }

    /// Lets go of the listeners, after a last look at who waits there: what nobody accepts is reset when they are closed.
    fn stop_listening(&self, w: &mut Worker<Real>) {
        (0..self.config.listeners.len()).for_each(|n| w.accept(n));
        w.listeners.close_all(&mut w.cx);
    }

    /// The first worker also receives the signals. Returns the exit code: above 128 for a signal that ended the process.
    fn lead(&self, w: &mut Worker<Real>, signals: Fd) -> i32 {
        let mut end = Ending::default();
        loop {
            w.round(end.nap_ms(w.cx.now_ms));
            if std::mem::take(&mut w.signalled) {
                let mut stop = None;
                signal::take(signals, |s| match s {
                    signal::SIGTERM | signal::SIGINT => stop = Some(128 + s),
                    signal::SIGHUP if self.opened.ends_on_hangup => stop = Some(128 + s),
                    signal::SIGUSR1 => stop = stop.or(Some(0)),
                    signal::SIGTTOU => self.pause(true),
                    signal::SIGTTIN => self.pause(false),
                    signal::SIGHUP => self.dump_servers(w),
                    signal::SIGQUIT => self.dump_pools(w),
                    _ => {}
                });
                w.cx.sys.arm(signals, key::special(SIGNALS), true, false);
                match stop {
                    Some(0) => _ = end.stop_at.get_or_insert(w.cx.now_ms + u64::from(self.grace_ms())),
                    Some(code) => {
                        self.kill();
                        return code;
                    }
                    None => {}
                }
            }
            if end.stop_at.is_some_and(|at| w.cx.now_ms >= at) && self.finish(w, &mut end) {
                self.kill();
                return 0;
            }
        }
    }

    /// `grace`: how long a process that was told to finish goes on accepting.
    fn grace_ms(&self) -> u32 {
        let of_proxies = self.config.proxies.iter().map(|p| p.grace_ms).max().unwrap_or(0);
        self.config.global.grace_ms.max(of_proxies)
    }

    fn kill(&self) {
        self.shared.process.killed.store(true, Ordering::SeqCst);
        self.shared.wake_all();
    }

    /// SIGTTOU and SIGTTIN: no frontend accepts until it is told to go on. The sockets stay open, and who connects waits there; HAProxy
    /// stops to listen, so that another process can bind: here that one takes the sockets over.
    fn pause(&self, on: bool) {
        self.shared.process.paused.store(on, Ordering::SeqCst);
        self.shared.wake_all();
    }

    /// A graceful end, step by step; true when it is complete or its time (`hard-stop-after`) is over.
    fn finish(&self, w: &mut Worker<Real>, end: &mut Ending) -> bool {
        if !self.shared.process.stopping.swap(true, Ordering::SeqCst) {
            self.say_stopping(w);
            let after = self.config.global.hard_stop_after_ms;
            end.hard_at = (after > 0).then(|| w.cx.now_ms + u64::from(after));
            self.shared.wake_all();
        }
        // The sockets are closed when no other worker watches them any more: their numbers may be used again then. Until then this
        // one accepts, so that nobody waits at a socket that is about to close.
        if !end.closed && self.let_go.load(Ordering::SeqCst) + 1 == self.shared.limits.workers {
            end.closed = true;
            self.stop_listening(w);
            self.opened.listeners.iter().for_each(|fd| process::close(*fd));
        }
        let late = end.hard_at.is_some_and(|at| w.cx.now_ms >= at);
        let open = &self.shared.process;
        let left = open.connections.load(Ordering::SeqCst) + open.cli_connections.load(Ordering::SeqCst);
        late || end.closed && left == 0
    }

    fn say_stopping(&self, w: &mut Worker<Real>) {
        for (i, p) in self.config.proxies.iter().enumerate() {
            let mut text = [0u8; 256];
            let mut out = crate::util::fmt::Out::new(&mut text);
            out.put(b"Proxy ");
            out.put(p.name.as_bytes());
            out.put(b" stopped.");
            let end = out.len();
            w.cx.logs.message(&mut w.cx.sys, Some(i), crate::log::WARNING, &text[..end]);
        }
    }

    /// SIGHUP: the state of all servers to the logs and to stderr.
    fn dump_servers(&self, w: &mut Worker<Real>) {
        use std::fmt::Write;
        for (i, s) in self.config.servers.iter().enumerate() {
            let state = &self.shared.servers[i];
            let mut text = [0u8; 256];
            let mut out = crate::util::fmt::Out::new(&mut text);
            let p = &self.config.proxies[s.proxy];
            let word = if state.is_alive() { "UP" } else { "DOWN" };
            let (now, waiting) = (state.served.load(Ordering::Relaxed), state.queued.load(Ordering::Relaxed));
            let _ = write!(out, "SIGHUP: Server {}/{} is {word}. Conn: {now} act, {waiting} pend", p.name, s.name);
            let end = out.len();
            w.cx.logs.message(&mut w.cx.sys, Some(s.proxy), crate::log::WARNING, &text[..end]);
            process::write_stderr(&text[..end]);
        }
    }

    /// SIGQUIT: the pools to stderr.
    fn dump_pools(&self, w: &Worker<Real>) {
        use std::fmt::Write;
        let sessions = w.sessions.usage();
        for (name, u) in w.cx.usage(sessions) {
            let mut text = [0u8; 200];
            let mut out = crate::util::fmt::Out::new(&mut text);
            let _ = write!(
                out,
                "SIGQUIT: pool {name}: {} of {} used ({} bytes each), peak {}, failed {}",
                u.used, u.capacity, u.slot_bytes, u.peak, u.failed
            );
            let end = out.len();
            process::write_stderr(&text[..end]);
        }
    }
}
