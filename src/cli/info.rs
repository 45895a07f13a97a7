//! `show info` and `show version`: the process as a whole. One row of [`LINES`] and one closure for each line, in the order of
//! HAProxy 2.6; what is not built is 0. Our own lines come last.

use crate::applet::{Cursor, Progress, Value, View, unit};
use crate::mem::Usage;
use crate::model::Mode;
use crate::server::{Counters, Shared, logs_dropped};
use crate::util::count::Count;
use crate::util::fmt::Out;
use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

/// A line of `show info`.
struct Line {
    name: &'static str,
    /// For `show info desc`.
    doc: &'static str,
    get: for<'a> fn(&View<'a>) -> Value<'a>,
}

const MIB: u64 = 1 << 20;
/// The date of this version, year/month/day.
const RELEASE_DATE: &str = "2026/11/21";

const fn line(name: &'static str, doc: &'static str, get: for<'a> fn(&View<'a>) -> Value<'a>) -> Line {
    Line { name, doc, get }
}

/// A line about something that is not built: always 0.
const fn zero(name: &'static str) -> Line {
    line(name, "not built, always 0", |_| Value::Num(0))
}

static LINES: &[Line] = &[
    line("Name", "the product", |_| Value::Text("evenkeel")),
    line("Version", "its version", |v| Value::Text(v.version)),
    line("Release_date", "date of the version", |_| Value::Text(RELEASE_DATE)),
    line("Nbthread", "workers", |v| Value::Num(v.shared.limits.workers as u64)),
    line("Nbproc", "processes, always 1", |_| Value::Num(1)),
    line("Process_num", "number of this process, always 1", |_| Value::Num(1)),
    line("Pid", "process identifier", |_| Value::Num(std::process::id().into())),
    line("Uptime", "time since the start", |v| Value::Uptime(uptime_s(v))),
    line("Uptime_sec", "seconds since the start", |v| Value::Num(uptime_s(v))),
    line("Memmax_MB", "limit of memory (-m), MiB, 0 = none", |v| Value::Num(v.shared.limits.memory_limit_mib.into())),
    line("PoolAlloc_MB", "memory behind the pools, MiB", |v| Value::Num(pools(v, |u| u.touched) / MIB)),
    line("PoolUsed_MB", "of it in use, MiB", |v| Value::Num(pools(v, |u| u.used) / MIB)),
    line("PoolFailed", "requests to full pools", |v| Value::Num(v.pools.iter().map(|p| p.1.failed).sum())),
    line("Ulimit-n", "limit of descriptors", |v| Value::Num(v.shared.limits.ulimit_n)),
    line("Maxsock", "descriptors needed at most", |v| Value::Num(v.shared.limits.maxsock.into())),
    line("Maxconn", "client connections at most", |v| Value::Num(v.shared.limits.maxconn.into())),
    line("Hard_maxconn", "the same", |v| Value::Num(v.shared.limits.maxconn.into())),
    line("CurrConns", "client connections now", |v| Value::Num(v.shared.process.connections.load(Relaxed).into())),
    line("CumConns", "connections since the start, those of operators too", |v| {
        Value::Num(frontends(v.shared, |c| &c.connections) + operators(v.shared))
    }),
    line("CumReq", "requests, TCP sessions and operators since the start", |v| {
        Value::Num(requests(v.shared) + operators(v.shared))
    }),
    zero("MaxSslConns"),
    zero("CurrSslConns"),
    zero("CumSslConns"),
    line("Maxpipes", "pipes for splicing at most", |v| Value::Num(v.shared.limits.maxpipes.into())),
    line("PipesUsed", "pipes in use", |v| Value::Num(v.shared.process.pipes_used.load(Relaxed).into())),
    line("PipesFree", "pipes open and free", |v| Value::Num(v.shared.process.pipes_free.load(Relaxed).into())),
    line("ConnRate", "connections in the last second", |v| {
        Value::Num(v.shared.process.conn_rate.rate(v.now_ms).into())
    }),
    line("ConnRateLimit", "maxconnrate", |v| Value::Num(v.shared.config.global.maxconnrate.into())),
    line("MaxConnRate", "highest ConnRate", |v| Value::Num(v.shared.process.conn_rate.max().into())),
    line("SessRate", "sessions in the last second", |v| Value::Num(v.shared.process.sess_rate.rate(v.now_ms).into())),
    line("SessRateLimit", "maxsessrate", |v| Value::Num(v.shared.config.global.maxsessrate.into())),
    line("MaxSessRate", "highest SessRate", |v| Value::Num(v.shared.process.sess_rate.max().into())),
    zero("SslRate"),
    zero("SslRateLimit"),
    zero("MaxSslRate"),
    zero("SslFrontendKeyRate"),
    zero("SslFrontendMaxKeyRate"),
    zero("SslFrontendSessionReuse_pct"),
    zero("SslBackendKeyRate"),
    zero("SslBackendMaxKeyRate"),
    zero("SslCacheLookups"),
    zero("SslCacheMisses"),
    zero("CompressBpsIn"),
    zero("CompressBpsOut"),
    zero("CompressBpsRateLim"),
    line("Tasks", "sessions and connections", |v| Value::Num(v.pools.iter().take(2).map(|(_, u)| u.used as u64).sum())),
    line("Run_queue", "not counted, always 0", |_| Value::Num(0)),
    line("Idle_pct", "share of time spent waiting, percent", |v| {
        Value::Num(v.shared.process.idle_percent.load(Relaxed).into())
    }),
    line("node", "name of this node", |v| Value::Text(v.shared.config.global.node.as_deref().unwrap_or(v.host))),
    line("description", "its description", |v| match v.shared.config.global.description.as_deref() {
        Some(text) => Value::Text(text),
        None => Value::Empty,
    }),
    line("Stopping", "1 while it stops", |v| Value::Num(v.shared.stopping().into())),
    line("Jobs", "connections, those of operators too, and listeners", |v| Value::Num(jobs(v))),
    line("Unstoppable Jobs", "always 0", |_| Value::Num(0)),
    line("Listeners", "listening sockets", |v| Value::Num(listeners(v))),
    zero("ActivePeers"),
    zero("ConnectedPeers"),
    line("DroppedLogs", "log lines that no sink took", |v| Value::Num(logs_dropped(&v.shared.figures))),
    zero("BusyPolling"),
    zero("FailedResolutions"),
    line("TotalBytesOut", "bytes sent to clients", |v| Value::Num(v.shared.bytes_out(v.now_ms).0)),
    line("TotalSplicdedBytesOut", "not counted, always 0 (the name is HAProxy's)", |_| Value::Num(0)),
    line("BytesOutRate", "bytes sent to clients a second of late", |v| Value::Num(v.shared.bytes_out(v.now_ms).1)),
    zero("DebugCommandsIssued"),
    zero("CumRecvLogs"),
    line("Build info", "the version again", |v| Value::Text(v.version)),
    line("Memmax_bytes", "limit of memory (-m), 0 = none", |v| {
        Value::Num(u64::from(v.shared.limits.memory_limit_mib) * MIB)
    }),
    line("PoolAlloc_bytes", "memory behind the pools", |v| Value::Num(pools(v, |u| u.touched))),
    line("PoolUsed_bytes", "of it in use", |v| Value::Num(pools(v, |u| u.used))),
    line("Start_time_sec", "when it started, seconds since 1970", |v| Value::Int(v.shared.process.started_unix)),
    zero("Tainted"),
    line("MemoryBound_bytes", "worst case of all pools of all workers", |v| Value::Num(v.shared.limits.memory_bound)),
    line("MaxCurrConns", "most client connections at once", |v| {
        Value::Num(v.shared.process.connections_max.load(Relaxed).into())
    }),
    line("QueuedSessions", "sessions waiting for a server", |v| Value::Num(v.shared.waiting.load(Relaxed).into())),
    line("CliConns", "connections to command sockets", |v| {
        Value::Num(v.shared.process.cli_connections.load(Relaxed).into())
    }),
];

fn uptime_s(v: &View) -> u64 {
    v.now_ms.saturating_sub(v.shared.process.started_ms) / 1000
}

fn pools(v: &View, slots: fn(&Usage) -> usize) -> u64 {
    v.pools.iter().map(|(_, u)| (slots(u) * u.slot_bytes) as u64).sum()
}

fn frontends(shared: &Shared, counter: fn(&Counters) -> &Count) -> u64 {
    let of = |p: usize| shared.tallies.iter().map(move |t| counter(t.slot(shared.fe_slot(p))).get()).sum::<u64>();
    (0..shared.config.proxies.len()).map(of).sum()
}

/// Connections of operators since the start.
fn operators(shared: &Shared) -> u64 {
    shared.process.cli_total.load(Relaxed).into()
}

/// What HAProxy counts as a request: one of HTTP, or a TCP session.
fn requests(shared: &Shared) -> u64 {
    let of = |(p, c): (usize, &crate::model::Proxy)| {
        let counter: fn(&Counters) -> &Count = if c.mode == Mode::Http { |c| &c.requests } else { |c| &c.sessions };
        shared.tallies.iter().map(|t| counter(t.slot(shared.fe_slot(p))).get()).sum::<u64>()
    };
    shared.config.proxies.iter().enumerate().map(of).sum()
}

fn listeners(v: &View) -> u64 {
    if v.shared.stopping() { 0 } else { v.shared.config.listeners.len() as u64 }
}

fn jobs(v: &View) -> u64 {
    let p = &v.shared.process;
    u64::from(p.connections.load(Relaxed)) + u64::from(p.cli_connections.load(Relaxed)) + listeners(v)
}

/// `show info [desc]`
pub fn show_info(view: &View, args: &[&str], cur: &mut Cursor, out: &mut Out) -> Progress {
    if args.iter().any(|a| matches!(*a, "typed" | "json")) {
        let written = unit(out, |o| o.put(b"'show info typed' and 'show info json' are not built yet.\n"));
        return if written { Progress::Done } else { Progress::More };
    }
    let described = args.contains(&"desc");
    while let Some(line) = LINES.get(cur.a as usize) {
        let written = unit(out, |o| {
            let _ = write!(o, "{}: ", line.name);
            (line.get)(view).put(o);
            if described {
                let _ = write!(o, ":\"{}\"", line.doc);
            }
            o.byte(b'\n');
        });
        if !written {
            return Progress::More;
        }
        cur.a += 1;
    }
    Progress::Done
}

/// `show version`
pub fn show_version(view: &View, _: &[&str], _: &mut Cursor, out: &mut Out) -> Progress {
    let written = unit(out, |o| {
        o.put(view.version.as_bytes());
        o.byte(b'\n');
    });
    if written { Progress::Done } else { Progress::More }
}
