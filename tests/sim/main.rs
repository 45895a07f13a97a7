//! The whole proxy, unchanged, in one thread against a simulated network and clock, from a seed.
//!
//! ```text
//! SIM_SEED=42 cargo test --test sim              one seed with everything that happens
//! SIM_SEEDS=100000 SIM_START=5000 cargo test --test sim
//! ```
//! A seed chooses the configuration, what clients and servers do, how long everything takes, and which calls fail. A third of
//! the seeds are calm: nothing goes wrong that a client could notice, and then all must arrive. See `inspect` for what is
//! checked after every round, `client` and `origin` for what the two ends check.

mod actor;
mod client;
mod inspect;
mod kernel;
mod message;
mod origin;
mod rng;
mod rules;
mod setup;

use actor::Seen;
use evenkeel::log::Logs;
use evenkeel::server::Shared;
use evenkeel::session::context::Parts;
use evenkeel::start::plan;
use evenkeel::sys::process::Limits;
use evenkeel::worker::Worker;
use kernel::{Ev, LOG_FD, Sim, TRACE, TRACE_ON, Tallies};
use setup::{Setup, setup};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Seeds of an ordinary run.
const SEEDS: u64 = 2000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|v| v.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[derive(Default)]
struct Total {
    seen: Seen,
    tallies: Tallies,
    twice: u64,
}

/// One seed from start to end; panics when something does not hold.
fn run(seed: u64, total: &mut Total) {
    let Setup { config, net, world, actors, stop_at, horizon } = setup(seed);
    let limits = Limits { descriptors: None, descriptors_hard: None, address_space: None, memory: None };
    let rules = Arc::new(rules::rulebook(seed, &config));
    let plan = plan(&config, &rules, None, &limits);
    let config = Arc::new(config);
    let mut sim = Sim::new(net, world);
    for l in &config.listeners {
        let backlog = if sim.net.rng.percent(20) { 1 } else { 100 };
        let evenkeel::sys::listen::Place::At(to) = &l.place else { panic!("an address") };
        let frontend = matches!(l.audience, evenkeel::model::Audience::Frontend(_));
        sim.net.listen(to.addr(), backlog, frontend);
    }
    for (at, actor) in actors {
        sim.net.at(at, Ev::Actor(sim.actors.len()));
        sim.actors.push(actor);
    }
    let epoch = sim.net.epoch;
    let shared = Arc::new(
        Shared::new(Arc::clone(&config), Arc::clone(&rules), plan.sizes, epoch, 1_700_000_000)
            .expect("a socket pair for the mailbox"),
    );
    let host: Arc<str> = "sim".into();
    let logs =
        Logs::new(Arc::clone(&config), rules, vec![LOG_FD; config.sinks.len()], Arc::default(), Arc::clone(&host), 1);
    let parts = Parts { sys: sim, worker: 0, shared: &shared, logs, sizes: plan.pools };
    let mut w = Worker::new(parts, host).unwrap_or_else(|e| panic!("no worker: {}", e.text()));
    for n in 0..config.listeners.len() {
        let fd = w.cx.sys.net.listeners[n].fd;
        while w.listeners.open(&mut w.cx, n, fd).is_err() {}
    }
    let mut stop_at = stop_at.map(|t| epoch + t);
    loop {
        let round = catch_unwind(AssertUnwindSafe(|| {
            w.round(Some(5000));
            inspect::after_round(&mut w);
            w.mail();
            inspect::after_mail(&w);
        }));
        if let Err(e) = round {
            report(&mut w);
            std::panic::resume_unwind(e);
        }
        let now = w.cx.sys.net.now;
        if stop_at.is_some_and(|t| now >= t) {
            stop_at = None;
            trace!(w.cx.sys.net, "STOPPING");
            w.cx.shared.process.stopping.store(true, Ordering::Relaxed);
            w.listeners.close_all(&mut w.cx);
            for n in 0..config.listeners.len() {
                w.cx.sys.net.close_listener(n);
            }
        }
        if w.cx.sys.world.clients_left == 0 && w.clients() == 0 && w.sessions.used() == 0 {
            break;
        }
        if now > epoch + horizon {
            report(&mut w);
            panic!(
                "not over after {} s: {} clients left, {} connections of theirs, {} sessions",
                horizon / 1000,
                w.cx.sys.world.clients_left,
                w.clients(),
                w.sessions.used()
            );
        }
    }
    // Idle connections are purged in time.
    let until = w.cx.sys.net.now + 6000;
    while w.cx.sys.net.now < until {
        w.round(Some(1000));
        inspect::after_round(&mut w);
        w.mail();
    }
    inspect::at_end(&mut w);
    let net = &w.cx.sys.net;
    let spent = net.now - epoch;
    let t = net.tallies;
    let fair = 2000 + spent / 5;
    assert!(net.idle_rounds < fair, "{} rounds for nothing in {spent} ms", net.idle_rounds);
    assert!(
        t.rounds < 5000 + spent / 5 + 40 * (t.events + t.calls),
        "{} rounds for {} events and {} calls",
        t.rounds,
        t.events,
        t.calls
    );
    total.add(&w.cx.sys.world.seen, &t);
    total.twice += w.cx.sys.world.seen.delivered_twice;
}

fn report(w: &mut Worker<Sim>) {
    if !TRACE_ON.get() {
        return;
    }
    for i in 0..w.sessions.touched() {
        if let Some(h) = w.sessions.handle_at(i) {
            println!("  {}", inspect::describe(&w.sessions[h]));
            let fds = [w.sessions[h].client, w.sessions[h].server_conn]
                .map(|c| w.cx.conns.get(c).map(|c| (c.fd, c.can_read, c.can_write, c.hangup)));
            for (fd, r, wr, hup) in fds.into_iter().flatten() {
                println!("    fd {fd} can_read {r} can_write {wr} hangup {hup}: {}", w.cx.sys.net.show(fd));
            }
        }
    }
    for i in 0..w.cx.conns.touched() {
        if let Some(h) = w.cx.conns.handle_at(i) {
            let c = &w.cx.conns[h];
            let (fd, owner, is_client, deadline, r) = (c.fd, c.owner, c.is_client, c.deadline, c.can_read);
            println!(
                "  conn {h:?} fd {fd} {owner:?} client {is_client} deadline {deadline:?} can_read {r}: {}",
                w.cx.sys.net.show(fd)
            );
        }
    }
    for a in &w.cx.sys.actors {
        if let Some(text) = a.describe() {
            println!("  {text}");
        }
    }
}

impl Total {
    fn add(&mut self, s: &Seen, t: &Tallies) {
        let a = &mut self.seen;
        for (x, y) in [
            (&mut a.requests, s.requests),
            (&mut a.complete, s.complete),
            (&mut a.cut, s.cut),
            (&mut a.refused, s.refused),
            (&mut a.interim, s.interim),
            (&mut a.tunnels, s.tunnels),
            (&mut a.delivered_twice, s.delivered_twice),
            (&mut a.tcp_complete, s.tcp_complete),
            (&mut a.evil, s.evil),
            (&mut a.client_aborts, s.client_aborts),
            (&mut a.pages, s.pages),
        ] {
            *x += y;
        }
        for i in 0..6 {
            a.by_class[i] += s.by_class[i];
            a.by_proxy[i] += s.by_proxy[i];
        }
        let b = &mut self.tallies;
        for (x, y) in [
            (&mut b.rounds, t.rounds),
            (&mut b.events, t.events),
            (&mut b.calls, t.calls),
            (&mut b.injected, t.injected),
            (&mut b.spliced, t.spliced),
            (&mut b.accepted, t.accepted),
            (&mut b.connects, t.connects),
            (&mut b.log_lines, t.log_lines),
            (&mut b.sent_to_clients, t.sent_to_clients),
            (&mut b.read_from_clients, t.read_from_clients),
        ] {
            *x += y;
        }
    }
}

/// Runs a seed again with its trace, and says what it was.
fn explain(seed: u64) {
    TRACE_ON.set(true);
    TRACE.with(|t| t.borrow_mut().clear());
    println!("\n==== seed {seed} ====");
    let s = setup(seed);
    println!(
        "calm {} style {:?} faults {:?} caps {:?} latency {} stop {:?}",
        s.world.calm, s.net.style, s.net.faults, s.net.caps, s.net.latency, s.stop_at
    );
    let g = &s.config.global;
    println!("maxconn {} maxpipes {} {:?}", g.maxconn, g.maxpipes, g.tune);
    for p in &s.config.proxies {
        println!(
            "proxy {} {:?} options {:#x} close {:?} reuse {:?} maxconn {} retries {} redispatch {} retry-on {:#x} balance {:?} {:?}",
            p.name,
            p.mode,
            p.options,
            p.close_mode,
            p.reuse,
            p.maxconn,
            p.retries,
            p.redispatch,
            p.retry_on,
            p.balance.algorithm,
            p.timeouts
        );
    }
    for (x, spec) in s.config.servers.iter().zip(&s.world.servers) {
        println!(
            "server {} maxconn {}/{} maxqueue {} header {:?} pool {:?}/{} reuse {} check {:?} down {:?} idle {:?} backup {}",
            x.name,
            x.maxconn,
            x.minconn,
            x.maxqueue,
            x.send_proxy,
            x.pool_max_conn,
            x.pool_purge_delay_ms,
            x.max_reuse,
            x.check,
            spec.down,
            spec.idle_ms,
            x.backup
        );
    }
    drop(s);
    let result = catch_unwind(AssertUnwindSafe(|| run(seed, &mut Total::default())));
    if std::env::var_os("SIM_SEED").is_none() {
        TRACE.with(|t| t.borrow().iter().for_each(|l| println!("{l}")));
    }
    TRACE_ON.set(false);
    println!("==== seed {seed}: {} ====\n", if result.is_ok() { "passes" } else { "fails" });
}

#[test]
fn simulation() {
    if let Some(seed) = number("SIM_SEED") {
        explain(seed);
        run(seed, &mut Total::default());
        return;
    }
    let (start, count) = (number("SIM_START").unwrap_or(0), number("SIM_SEEDS").unwrap_or(SEEDS));
    let keep_going = std::env::var_os("SIM_KEEP_GOING").is_some();
    let mut total = Total::default();
    let mut failed = Vec::new();
    for seed in start..start + count {
        if catch_unwind(AssertUnwindSafe(|| run(seed, &mut total))).is_err() {
            failed.push(seed);
            if !keep_going {
                explain(seed);
                break;
            }
        }
    }
    println!("seeds {start}..{}: {:?} {:?}", start + count, total.seen, total.tallies);
    assert!(failed.is_empty(), "seeds that failed: {failed:?} (SIM_SEED=n shows one)");
}
