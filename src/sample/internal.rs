//! Fetches that look at nothing of the session: constants, the process, states and counts of proxies (manual 7.3.2).

use super::needs::{BACKEND, CLIENT, CLOCK, INTERNAL, SERVER};
use super::{Arg, Count, Fetch, Got, Scene, Tools, Walk, fetch};
use crate::model::Timeouts;
use crate::pattern::{Kind, Value};
use crate::util::fmt::Out;
use std::fmt::Write;

/// The proxy that an optional argument names, or the backend of the session.
fn backend(scene: &Scene, args: &[Arg]) -> usize {
    args.first().and_then(Arg::index).unwrap_or(scene.flow.backend)
}

fn frontend(scene: &Scene, args: &[Arg]) -> usize {
    args.first().and_then(Arg::index).unwrap_or(scene.flow.frontend)
}

fn count(scene: &Scene, what: Count, at: usize) -> Got<'static> {
    Got::int(scene.live.count(what, at))
}

fn of_server(scene: &Scene, args: &[Arg], what: Count) -> Got<'static> {
    args.first().and_then(Arg::index).map_or(Got::Nothing, |s| count(scene, what, s))
}

/// Sessions in the queues of a backend for each server that takes sessions; without one, twice their number.
fn average_queue(scene: &Scene, at: usize) -> Got<'static> {
    let (sum, n) = (scene.live.count(Count::Queued, at), scene.live.count(Count::UsableServers, at));
    Got::int(if n == 0 { 2 * sum } else { (sum + n - 1) / n })
}

/// A timeout of the backend, ms.
fn timeout(s: &Scene, which: fn(&Timeouts) -> u32) -> u32 {
    which(&s.config.proxies[s.flow.backend].timeouts)
}

/// The same as it is for this session, `own` if rules set it; else nothing before it has a server.
fn timeout_now(s: &Scene, own: u32, which: fn(&Timeouts) -> u32) -> Got<'static> {
    Got::int(if own == 0 && s.flow.server.is_some() { timeout(s, which) } else { own })
}

/// A random UUID (RFC 9562, 5.4).
fn uuid<'a>(s: &Scene<'a>, _: &[Arg], _: &mut Walk, t: &mut Tools<'a, '_>) -> Got<'a> {
    let word = || u64::from(s.live.random()) << 32 | u64::from(s.live.random());
    let (high, low) = (word() & !0xf000 | 0x4000, word() >> 2 | 1 << 63);
    let write = |o: &mut Out| {
        let _ = write!(o, "{:08x}-{:04x}-{:04x}-", high >> 32, high >> 16 & 0xffff, high & 0xffff);
        let _ = write!(o, "{:04x}-{:012x}", low >> 48, low & 0xffff_ffff_ffff);
    };
    t.scratch.write(write).map(Value::Str).into()
}

/// Sorted by name.
pub static TABLE: &[Fetch] = &[
    fetch("act_conn", "", Kind::Int, INTERNAL, "2.4", "Connections of the process now.", |s, _, _, _| {
        count(s, Count::Connections, 0)
    }),
    fetch("always_false", "", Kind::Bool, INTERNAL, "1.3", "False.", |_, _, _, _| Got::bool(false)),
    fetch("always_true", "", Kind::Bool, INTERNAL, "1.3", "True.", |_, _, _, _| Got::bool(true)),
    fetch(
        "avg_queue",
        "backend:backend?",
        Kind::Int,
        INTERNAL,
        "1.3",
        "Sessions in the queues of a backend for each usable server.",
        |s, a, _, _| average_queue(s, backend(s, a)),
    ),
    fetch("be_conn", "backend:backend?", Kind::Int, INTERNAL, "1.3", "Sessions of a backend now.", |s, a, _, _| {
        count(s, Count::BackConnections, backend(s, a))
    }),
    fetch(
        "be_conn_free",
        "backend:backend?",
        Kind::Int,
        INTERNAL,
        "2.2",
        "Sessions that the servers of a backend still take; -1 without a limit.",
        |s, a, _, _| count(s, Count::FreeSlots, backend(s, a)),
    ),
    fetch("be_id", "", Kind::Int, BACKEND, "1.5", "Number of the backend.", |s, _, _, _| {
        Got::int(s.config.proxies[s.flow.backend].id)
    }),
    fetch("be_name", "", Kind::Str, BACKEND, "1.7", "Name of the backend.", |s, _, _, _| {
        Got::Value(Value::Str(s.config.proxies[s.flow.backend].name.as_bytes()))
    }),
    fetch("be_server_timeout", "", Kind::Int, BACKEND, "2.5", "The backend's timeout server, ms.", |s, _, _, _| {
        Got::int(timeout(s, |t| t.server))
    }),
    fetch(
        "be_sess_rate",
        "backend:backend?",
        Kind::Int,
        INTERNAL,
        "1.3",
        "Sessions of a backend in the last second.",
        |s, a, _, _| count(s, Count::BackSessionRate, backend(s, a)),
    ),
    fetch("be_tunnel_timeout", "", Kind::Int, BACKEND, "2.5", "The backend's timeout tunnel, ms.", |s, _, _, _| {
        Got::int(timeout(s, |t| t.tunnel))
    }),
    fetch("bin", "value:hex", Kind::Bin, INTERNAL, "1.6", "Bytes written in hexadecimal digits.", |_, a, _, t| {
        t.scratch.write(|o| o.put(a[0].text())).map(Value::Bin).into()
    }),
    fetch("bool", "value:bool", Kind::Bool, INTERNAL, "1.6", "A truth value: true, false, 1 or 0.", |_, a, _, _| {
        Got::bool(a[0].int_or(0) != 0)
    }),
    fetch(
        "connslots",
        "backend:backend?",
        Kind::Int,
        INTERNAL,
        "1.3",
        "Room for sessions on the servers of a backend; -1 without a limit.",
        |s, a, _, _| count(s, Count::FreePlaces, backend(s, a)),
    ),
    fetch("cur_server_timeout", "", Kind::Int, BACKEND, "2.5", "That of this session.", |s, _, _, _| {
        timeout_now(s, s.flow.timeouts.server, |t| t.server)
    }),
    fetch("cur_tunnel_timeout", "", Kind::Int, BACKEND, "2.5", "That of this session.", |s, _, _, _| {
        timeout_now(s, s.flow.timeouts.tunnel, |t| t.tunnel)
    }),
    fetch(
        "date",
        "offset:int?,unit:s|ms|us?",
        Kind::Int,
        INTERNAL | CLOCK,
        "1.6",
        "Seconds since 1970.",
        |s, a, _, _| {
            let ((seconds, micros), offset) = (s.live.wall(), a[0].int_or(0));
            Got::int(match a[1].text() {
                b"ms" => seconds * 1000 + i64::from(micros / 1000) + offset,
                b"us" => seconds * 1_000_000 + i64::from(micros) + offset,
                _ => seconds + offset,
            })
        },
    ),
    fetch("date_us", "", Kind::Int, INTERNAL | CLOCK, "1.8", "Microseconds of the present second.", |s, _, _, _| {
        Got::int(s.live.wall().1)
    }),
    fetch(
        "env",
        "value:env",
        Kind::Str,
        INTERNAL,
        "1.5",
        "A variable of the environment at start-up.",
        |_, a, _, t| match &a[0] {
            Arg::Str(text) => t.scratch.write(|o| o.put(text)).map(Value::Str).into(),
            _ => Got::Nothing,
        },
    ),
    fetch("fe_client_timeout", "", Kind::Int, CLIENT, "2.7", "The frontend's timeout client, ms.", |s, _, _, _| {
        Got::int(s.config.proxies[s.flow.frontend].timeouts.client)
    }),
    fetch("fe_conn", "frontend:frontend?", Kind::Int, INTERNAL, "1.3", "Connections of a frontend.", |s, a, _, _| {
        count(s, Count::FrontConnections, frontend(s, a))
    }),
    fetch("fe_defbe", "", Kind::Str, CLIENT, "2.2", "Name of the frontend's default backend.", |s, _, _, _| {
        let default = s.config.proxies[s.flow.frontend].default_backend;
        default.map(|be| Value::Str(s.config.proxies[be].name.as_bytes())).into()
    }),
    fetch("fe_id", "", Kind::Int, CLIENT, "1.5", "Number of the frontend.", |s, _, _, _| {
        Got::int(s.config.proxies[s.flow.frontend].id)
    }),
    fetch("fe_name", "", Kind::Str, CLIENT, "1.7", "Name of the frontend.", |s, _, _, _| {
        Got::Value(Value::Str(s.config.proxies[s.flow.frontend].name.as_bytes()))
    }),
    fetch(
        "fe_req_rate",
        "frontend:frontend?",
        Kind::Int,
        INTERNAL,
        "1.6",
        "Requests of a frontend in the last second.",
        |s, a, _, _| count(s, Count::FrontRequestRate, frontend(s, a)),
    ),
    fetch(
        "fe_sess_rate",
        "frontend:frontend?",
        Kind::Int,
        INTERNAL,
        "1.3",
        "Sessions of a frontend in the last second.",
        |s, a, _, _| count(s, Count::FrontSessionRate, frontend(s, a)),
    ),
    fetch("hostname", "", Kind::Str, INTERNAL, "1.7", "Name of this machine.", |s, _, _, _| {
        Got::Value(Value::Str(s.host.as_bytes()))
    }),
    fetch("int", "value:int", Kind::Int, INTERNAL, "1.6", "A number.", |_, a, _, _| Got::int(a[0].int_or(0))),
    fetch("ipv4", "address:ipv4", Kind::Ip, INTERNAL, "1.6", "An IPv4 address.", |_, a, _, _| address(&a[0])),
    fetch("ipv6", "address:ipv6", Kind::Ip, INTERNAL, "1.6", "An IPv6 address.", |_, a, _, _| address(&a[0])),
    fetch("meth", "name:str", Kind::Method, INTERNAL, "1.6", "A method.", |_, a, _, t| {
        t.scratch.write(|o| o.put(a[0].text())).map(Value::Method).into()
    }),
    fetch("nbproc", "", Kind::Int, INTERNAL, "1.7", "Number of processes: 1.", |_, _, _, _| Got::int(1)),
    fetch("nbsrv", "backend:backend?", Kind::Int, INTERNAL, "1.3", "Usable servers of a backend.", |s, a, _, _| {
        count(s, Count::UsableServers, backend(s, a))
    }),
    fetch("nbthread", "", Kind::Int, INTERNAL, "2.0", "Number of workers.", |s, _, _, _| count(s, Count::Workers, 0)),
    fetch("prio_class", "", Kind::Int, INTERNAL, "1.9", "Priority class of the session: none here.", |_, _, _, _| {
        Got::int(0)
    }),
    fetch("prio_offset", "", Kind::Int, INTERNAL, "1.9", "Priority offset of the session: none here.", |_, _, _, _| {
        Got::int(0)
    }),
    fetch("proc", "", Kind::Int, INTERNAL, "1.5", "Number of the process: 1.", |_, _, _, _| Got::int(1)),
    fetch("queue", "backend:backend?", Kind::Int, INTERNAL, "1.3", "Sessions that wait.", |s, a, _, _| {
        count(s, Count::Queued, backend(s, a))
    }),
    fetch("rand", "range:int?", Kind::Int, INTERNAL, "1.6", "A random number below the range (2^32).", |s, a, _, _| {
        let range = a[0].int_or(1 << 32).clamp(1, 1 << 32) as u64;
        Got::int(((u64::from(s.live.random()) * range) >> 32) as i64)
    }),
    fetch("srv_conn", "server:server", Kind::Int, INTERNAL, "1.5", "Sessions of a server now.", |s, a, _, _| {
        of_server(s, a, Count::ServerConnections)
    }),
    fetch(
        "srv_conn_free",
        "server:server",
        Kind::Int,
        INTERNAL,
        "2.2",
        "Sessions that a server still takes; -1 without a limit.",
        |s, a, _, _| of_server(s, a, Count::ServerFreeSlots),
    ),
    fetch("srv_id", "", Kind::Int, SERVER, "1.5", "Number of the server.", |s, _, _, _| match s.flow.server {
        Some(server) => Got::int(s.config.servers[server].id),
        None => Got::Nothing,
    }),
    fetch("srv_is_up", "server:server", Kind::Bool, INTERNAL, "1.3", "The server takes sessions.", |s, a, _, _| {
        a[0].index().map_or(Got::Nothing, |at| Got::bool(s.live.count(Count::ServerIsUp, at) != 0))
    }),
    fetch(
        "srv_iweight",
        "server:server",
        Kind::Int,
        INTERNAL,
        "2.6",
        "Its weight in the configuration.",
        |s, a, _, _| a[0].index().map(|at| Value::Int(s.config.servers[at].weight.into())).into(),
    ),
    fetch("srv_name", "", Kind::Str, SERVER, "2.0", "Name of the server.", |s, _, _, _| {
        s.flow.server.map(|at| Value::Str(s.config.servers[at].name.as_bytes())).into()
    }),
    fetch(
        "srv_queue",
        "server:server",
        Kind::Int,
        INTERNAL,
        "2.0",
        "Sessions that wait for a server.",
        |s, a, _, _| of_server(s, a, Count::ServerQueued),
    ),
    fetch("srv_sess_rate", "server:server", Kind::Int, INTERNAL, "1.5", "Its sessions a second.", |s, a, _, _| {
        of_server(s, a, Count::ServerSessionRate)
    }),
    fetch("srv_uweight", "server:server", Kind::Int, INTERNAL, "2.6", "Its weight as last set.", |s, a, _, _| {
        of_server(s, a, Count::ServerWeight)
    }),
    fetch("srv_weight", "server:server", Kind::Int, INTERNAL, "2.6", "Its weight as it counts now.", |s, a, _, _| {
        of_server(s, a, Count::ServerWeightNow)
    }),
    fetch("stopping", "", Kind::Bool, INTERNAL, "1.9", "The process is stopping.", |s, _, _, _| {
        Got::bool(s.live.stopping())
    }),
    fetch("str", "text:str?", Kind::Str, INTERNAL, "1.6", "A text.", |_, a, _, t| {
        t.scratch.write(|o| o.put(a[0].text())).map(Value::Str).into()
    }),
    fetch("thread", "", Kind::Int, INTERNAL, "1.9", "Number of the worker, from 0.", |s, _, _, _| {
        Got::int(s.flow.worker as i64)
    }),
    fetch("unique-id", "name:var", Kind::Str, INTERNAL, "1.5", "What unique-id-format made.", |s, a, _, _| {
        if let Arg::Note(note) = a[0] { s.notes.get(note).into() } else { Got::Nothing }
    }),
    fetch("uuid", "version:uuid?", Kind::Str, INTERNAL, "2.1", "A random UUID.", uuid),
    fetch("var", "name:var,default:str?", Kind::Any, INTERNAL, "1.6", "A variable, or else a text.", |s, a, _, t| {
        let stored = if let Arg::Note(note) = a[0] { s.notes.latest(note, &mut t.scratch) } else { None };
        match (stored, &a[1]) {
            (None, Arg::Str(text)) => t.scratch.write(|o| o.put(text)).map(Value::Str).into(),
            (stored, _) => stored.into(),
        }
    }),
];

fn address(arg: &Arg) -> Got<'static> {
    if let Arg::Ip(ip) = arg { Got::Value(Value::Ip(*ip)) } else { Got::Nothing }
}
