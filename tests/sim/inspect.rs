//! What must hold after every round, and what must be left at the end.

use crate::kernel::Sim;
use evenkeel::mem::Handle;
use evenkeel::model::Audience;
use evenkeel::server::sum;
use evenkeel::session::Phase;
use evenkeel::session::endpoint::Owner;
use evenkeel::worker::Worker;
use std::sync::atomic::Ordering::Relaxed;

/// Looks at every session and connection: each thing is held by exactly one, and counted once.
pub fn after_round(w: &mut Worker<Sim>) {
    let (mut bufs, mut lines, mut pipes, mut of_sessions) = (0, 0, 0, 0);
    let servers = w.cx.config.servers.len();
    let mut slots = vec![0u32; servers];
    let mut in_backend = vec![0u32; w.cx.config.proxies.len()];
    let mut tickets = 0;
    let quiet = w.cx.runq.is_empty();
    for i in 0..w.sessions.touched() {
        let Some(h) = w.sessions.handle_at(i) else { continue };
        let s = &w.sessions[h];
        assert!(s.me == h, "session {h:?} has another's handle");
        for ch in [&s.req, &s.res] {
            bufs += usize::from(ch.buf.is_some());
            pipes += u32::from(ch.pipe.is_some());
            assert!(
                ch.start <= ch.cleared && ch.cleared <= ch.end,
                "session {h:?}: offsets {} {} {}",
                ch.start,
                ch.cleared,
                ch.end
            );
            assert!(ch.pipe_bytes == 0 || ch.pipe.is_some(), "session {h:?}: bytes in no pipe");
        }
        lines += usize::from(s.line.is_some());
        if s.slot {
            slots[s.server as usize] += 1;
            assert!(s.ticket.is_none(), "session {h:?} waits for what it has");
        }
        tickets += u32::from(s.ticket.is_some());
        if s.be_counted {
            in_backend[s.be()] += 1;
        }
        let c = w.cx.conns.get(s.client);
        assert!(
            c.is_some_and(|c| c.is_client && c.owner == Owner::Session(h)),
            "session {h:?}: its client is {:?}",
            c.map(|c| c.owner)
        );
        of_sessions += 1;
        if s.server_conn != Handle::NONE {
            let c = w.cx.conns.get(s.server_conn);
            assert!(
                c.is_some_and(|c| !c.is_client && c.owner == Owner::Session(h)),
                "session {h:?}: its server connection is {:?}",
                c.map(|c| c.owner)
            );
            assert!(s.phase == Phase::Connect || s.connected, "session {h:?} {:?}: not connected", s.phase);
            of_sessions += 1;
        }
        if quiet {
            let due = s.client_at.sooner(s.server_at).sooner(s.phase_at);
            assert!(
                due.is_set(),
                "session {h:?} waits in {:?} (tunnel {}) without a timer: {}",
                s.phase,
                s.tunnel,
                describe(s)
            );
            assert!(
                due.until(w.cx.now) > -200,
                "session {h:?} in {:?}: its timer passed {} ms ago: {}",
                s.phase,
                -due.until(w.cx.now),
                describe(s)
            );
        }
    }
    assert_eq!(bufs, w.cx.bufs.usage().used, "buffers held by sessions");
    assert_eq!(lines, w.cx.lines.usage().used, "request lines held by sessions");
    let shared = w.cx.shared;
    assert_eq!(pipes, shared.process.pipes_used.load(Relaxed), "pipes held by sessions");
    let (mut clients, mut pooled, mut mates, mut nobody, mut lingering, mut owned) =
        (0u32, vec![0u32; servers], 0, 0, 0, 0);
    let mut by_listener = vec![0u32; w.cx.config.listeners.len()];
    for i in 0..w.cx.conns.touched() {
        let Some(h) = w.cx.conns.handle_at(i) else { continue };
        let c = &w.cx.conns[h];
        clients += u32::from(c.is_client);
        if c.is_client {
            by_listener[c.origin as usize] += 1;
            if let Some(m) = w.cx.conns.get(c.mate) {
                assert!(m.owner == Owner::Nobody && !m.is_client, "a mate that is {:?}", m.owner);
                mates += 1;
            }
        }
        match c.owner {
            Owner::Session(s) => {
                owned += 1;
                let s =
                    w.sessions.get(s).unwrap_or_else(|| panic!("connection {h:?} belongs to a session that is gone"));
                assert!(
                    s.client == h || s.server_conn == h,
                    "connection {h:?} belongs to a session that does not know it"
                );
            }
            Owner::Pooled => {
                pooled[c.origin as usize] += 1;
                assert!(!c.is_client, "a client in a pool");
            }
            Owner::Nobody => {
                nobody += 1;
                assert!(!c.is_client, "a client that belongs to nobody");
            }
            Owner::IdleClient => assert!(c.is_client, "a server connection waits for a request"),
            Owner::Lingering => {
                lingering += 1;
                assert!(c.is_client && c.deadline.is_set(), "a connection that lingers");
            }
        }
        if quiet && c.deadline.is_set() {
            assert!(
                c.deadline.until(w.cx.now) > -200,
                "connection {h:?} ({:?}): its deadline passed {} ms ago",
                c.owner,
                -c.deadline.until(w.cx.now)
            );
        }
    }
    let _ = lingering;
    assert_eq!(owned, of_sessions, "connections of sessions");
    assert_eq!(nobody, mates, "server connections that belong to nobody");
    assert_eq!(clients, w.clients(), "client connections");
    for (n, count) in pooled.iter().enumerate() {
        assert_eq!(*count, w.cx.idle[n].len, "idle connections of server {n}");
        assert_eq!(*count, shared.servers[n].idle.load(Relaxed), "idle connections of server {n}");
        let (mut h, mut len, mut last) = (w.cx.idle[n].newest, 0, Handle::NONE);
        while h.is_some() {
            let c = &w.cx.conns[h];
            assert!(c.newer == last && c.owner == Owner::Pooled, "list of idle connections");
            (last, h, len) = (h, c.older, len + 1);
        }
        assert!(len == *count && w.cx.idle[n].oldest == last, "list of idle connections of server {n}");
    }
    for (n, count) in in_backend.iter().enumerate() {
        assert_eq!(*count, shared.proxies[n].be_connections.load(Relaxed), "sessions of backend {n}");
    }
    let mut of_process = 0;
    for (n, count) in by_listener.iter().enumerate() {
        assert_eq!(*count, shared.listeners[n].connections.load(Relaxed), "connections of listener {n}");
        if let Audience::Frontend(fe) = w.cx.config.listeners[n].audience {
            assert_eq!(*count, shared.proxies[fe].fe_connections.load(Relaxed), "connections of frontend {fe}");
            let limit = w.cx.config.proxies[fe].maxconn;
            assert!(limit == 0 || *count <= limit, "frontend {fe}: {count} connections, maxconn {limit}");
            of_process += count;
        }
    }
    assert_eq!(of_process, shared.process.connections.load(Relaxed), "connections of the process");
    // What was granted is on its way in the mailbox until the next round reads it.
    for (n, held) in slots.iter().enumerate() {
        let served = shared.servers[n].served.load(Relaxed);
        assert!(*held <= served, "server {n}: {held} sessions hold a slot, {served} are counted");
        let limit = w.cx.config.servers[n].maxconn;
        assert!(limit == 0 || served <= limit, "server {n}: {served} sessions, maxconn {limit}");
    }
    let waiting = shared.waiting.load(Relaxed);
    assert!(waiting <= tickets, "{waiting} wait in queues, {tickets} sessions know of it");
    let (conns, checks, pipe_ends, others) = w.cx.sys.net.census();
    assert_eq!(conns, w.cx.conns.used(), "descriptors of connections");
    assert!(checks <= servers && others == 0, "descriptors: {checks} checks, {others} unknown");
    assert_eq!(pipe_ends, 2 * (w.cx.pipes.len() + pipes as usize), "descriptors of pipes");
}

/// After the mail was read: nothing is on its way.
pub fn after_mail(w: &Worker<Sim>) {
    let shared = &w.cx.shared;
    let mut slots = vec![0u32; w.cx.config.servers.len()];
    let mut tickets = 0;
    for i in 0..w.sessions.touched() {
        let Some(h) = w.sessions.handle_at(i) else { continue };
        let s = &w.sessions[h];
        if s.slot {
            slots[s.server as usize] += 1;
        }
        tickets += u32::from(s.ticket.is_some());
    }
    for (n, held) in slots.iter().enumerate() {
        assert_eq!(*held, shared.servers[n].served.load(Relaxed), "slots of server {n}");
    }
    assert_eq!(tickets, shared.waiting.load(Relaxed), "sessions in queues");
}

pub fn describe(s: &evenkeel::session::Session) -> String {
    let ch = |c: &evenkeel::session::channel::Channel| {
        format!(
            "[{} {} {} body {:?} eof {} shut {} held {} pipe {} received {} sent {}]",
            c.start, c.cleared, c.end, c.body, c.eof, c.shut, c.held, c.pipe_bytes, c.received, c.sent
        )
    };
    format!(
        "session {:?} {:?} req {} res {} status {} server {:?} conn {:?} ticket {:?} stays {} broken {} timers {:?} {:?} {:?}",
        s.me,
        s.phase,
        ch(&s.req),
        ch(&s.res),
        s.status,
        s.server(),
        s.server_conn,
        s.ticket,
        s.server_stays,
        s.request_broken,
        s.client_at,
        s.server_at,
        s.phase_at
    )
}

/// When everybody has gone.
pub fn at_end(w: &mut Worker<Sim>) {
    assert_eq!(w.sessions.used(), 0, "sessions");
    assert_eq!(w.cx.conns.used(), 0, "connections");
    assert_eq!(w.cx.bufs.usage().used, 0, "buffers");
    let shared = w.cx.shared;
    let config = w.cx.config;
    for (n, s) in shared.servers.iter().enumerate() {
        assert_eq!(
            (s.served.load(Relaxed), s.queued.load(Relaxed), s.idle.load(Relaxed)),
            (0, 0, 0),
            "server {n}: served, queued, idle"
        );
    }
    for (n, p) in shared.proxies.iter().enumerate() {
        let left = (p.fe_connections.load(Relaxed), p.be_connections.load(Relaxed), p.queued.load(Relaxed));
        assert_eq!(left, (0, 0, 0), "proxy {n}: frontend, backend, queued");
    }
    assert_eq!((shared.process.connections.load(Relaxed), shared.waiting.load(Relaxed)), (0, 0), "process");
    assert_eq!(shared.process.pipes_used.load(Relaxed), 0, "pipes in use");
    let queues = shared.queues.lock().unwrap();
    assert!((0..config.proxies.len() + config.servers.len()).all(|l| queues.is_empty(l)), "queues");

    let fronts =
        config.listeners.iter().filter_map(|l| if let Audience::Frontend(fe) = l.audience { Some(fe) } else { None });
    let (mut bytes_in, mut bytes_out, mut requests) = (0, 0, 0);
    let mut by_class = [0; 6];
    for fe in fronts {
        let t = sum(&shared.tallies, shared.fe_slot(fe));
        bytes_in += t.bytes_in.get();
        bytes_out += t.bytes_out.get();
        requests += t.requests.get();
        let classes = [&t.responses_1xx, &t.responses_2xx, &t.responses_3xx, &t.responses_4xx, &t.responses_5xx];
        for (i, c) in classes.into_iter().enumerate() {
            by_class[i + 1] += c.get();
        }
    }
    let sim = &w.cx.sys;
    let seen = &sim.world.seen;
    assert_eq!(bytes_out, sim.net.tallies.sent_to_clients, "bytes counted as sent to clients");
    assert!(
        bytes_in <= sim.net.tallies.read_from_clients,
        "bytes counted as read from clients: {bytes_in} of {}",
        sim.net.tallies.read_from_clients
    );
    let delivered: u32 = sim.world.reqs.iter().map(|r| r.delivered.min(1)).sum();
    assert!(requests >= u64::from(delivered), "{requests} requests counted, {delivered} delivered");
    for (class, counted) in by_class.iter().enumerate().take(6).skip(2) {
        let mine = seen.by_class[class] + seen.by_proxy[class];
        assert!(*counted >= mine, "responses {class}xx: {counted} counted, {mine} seen by clients");
        assert!(!sim.world.calm || *counted == mine, "responses {class}xx: {counted} counted, {mine} seen by clients");
    }
    if sim.world.calm {
        assert_eq!(
            requests,
            u64::from(delivered) + seen.pages.min(requests - u64::from(delivered)),
            "requests counted and delivered"
        );
        for (id, c) in sim.world.tcp_clients.iter().enumerate() {
            let server = c.other.unwrap_or_else(|| panic!("tcp client {id} got nothing"));
            let s = &sim.world.tcp_servers[&server];
            assert!(s.got == c.total && s.eof && s.other == Some(id), "tcp client {id}: the server got {s:?} of {c:?}");
            assert_eq!(c.got, s.total, "tcp client {id}");
        }
    }
}
