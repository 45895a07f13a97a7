//! The family `tune.*` of the section `global`.

use super::global::{no_effect, tls};
use super::row::{GLOBAL, Parse, Row};
use super::state::State;
use super::values::{number, size};
use crate::util::words::{Args, Fault};

const fn t(name: &'static str, args: &'static str, since: &'static str, doc: &'static str, parse: Parse) -> Row {
    Row::built("tune", GLOBAL, name, args, since, doc, parse)
}

/// Of a mechanism that does not exist here.
const fn foreign(name: &'static str, since: &'static str) -> Row {
    t(
        name,
        "<value>",
        since,
        "Tunes a mechanism that is built otherwise here, or not yet. Accepted without effect.",
        no_effect,
    )
}

/// Room for texts of variables.
const fn variables(name: &'static str, since: &'static str, doc: &'static str, parse: Parse) -> Row {
    t(name, "<size>", since, doc, parse).or("a quarter of tune.bufsize, at least 1024").unit("bytes")
}

fn room(s: &mut State, a: &mut Args, which: usize) -> Result<(), Fault> {
    Ok(s.global.tune.vars[which] = Some(size(a, 0, 1 << 20)?))
}

/// Sorted by name.
pub static TABLE: &[Row] = &[
    foreign("tune.buffers.limit", "1.6"),
    foreign("tune.buffers.reserve", "1.6"),
    t("tune.bufsize", "<size>", "1.3", "Bytes of a buffer: the longest head of a request or response.", |s, a| {
        Ok(s.global.tune.bufsize = size(a, 1024, 64 << 20)?)
    })
    .or("16384")
    .unit("bytes"),
    t(
        "tune.chksize",
        "<size>",
        "1.4",
        "Bytes of a buffer for checks. Accepted without effect: tune.bufsize is used.",
        |_, a| size(a, 0, u32::MAX.into()).map(|_| ()),
    )
    .removed("tune.bufsize"),
    foreign("tune.comp.maxlevel", "1.5"),
    foreign("tune.fail-alloc", "2.0"),
    foreign("tune.fd.edge-triggered", "2.2"),
    foreign("tune.h2.header-table-size", "1.8"),
    foreign("tune.h2.initial-window-size", "1.8"),
    foreign("tune.h2.max-concurrent-streams", "1.8"),
    foreign("tune.h2.max-frame-size", "2.0"),
    foreign("tune.http.cookielen", "1.5"),
    t("tune.http.logurilen", "<number>", "1.9", "Bytes of the request line that logs keep.", |s, a| {
        Ok(s.global.tune.logurilen = number(a, 0, 65_535)? as u32)
    })
    .or("1024")
    .unit("bytes"),
    t(
        "tune.http.maxhdr",
        "<number>",
        "1.5",
        "The most header fields of a request or response, at most 256.",
        |s, a| Ok(s.global.tune.maxhdr = number(a, 1, 256)? as u32),
    )
    .or("101"),
    foreign("tune.idle-pool.shared", "1.9"),
    foreign("tune.idletimer", "1.5"),
    foreign("tune.listener.multi-queue", "2.2"),
    foreign("tune.lua.forced-yield", "1.6"),
    foreign("tune.lua.maxmem", "1.6"),
    foreign("tune.lua.service-timeout", "1.6"),
    foreign("tune.lua.session-timeout", "1.6"),
    foreign("tune.lua.task-timeout", "1.6"),
    foreign("tune.max-checks-per-thread", "3.0"),
    t(
        "tune.maxaccept",
        "<number>",
        "1.1",
        "Connections accepted at once from a listener before other work; -1 = no limit.",
        |s, a| Ok(s.global.tune.maxaccept = number(a, -1, 1_000_000)?.try_into().unwrap_or(u32::MAX)),
    )
    .or("64"),
    t("tune.maxpollevents", "<number>", "1.1", "Events taken from the system at once.", |s, a| {
        Ok(s.global.tune.maxpollevents = number(a, 1, 1_000_000)? as u32)
    })
    .or("200"),
    t(
        "tune.maxrewrite",
        "<size>",
        "1.3",
        "Bytes of a buffer kept for headers that grow; at most half of the buffer.",
        |s, a| Ok(s.global.tune.maxrewrite = size(a, 0, 64 << 20)?),
    )
    .or("1024")
    .unit("bytes"),
    foreign("tune.memory.hot-size", "2.6"),
    foreign("tune.pattern.cache-size", "1.6"),
    foreign("tune.peers.max-updates-at-once", "2.6"),
    t("tune.pipesize", "<size>", "1.5", "Bytes of a pipe for splicing.", |s, a| {
        Ok(s.global.tune.pipesize = size(a, 0, 1 << 30)?)
    })
    .or("the system's")
    .unit("bytes"),
    foreign("tune.pool-high-fd-ratio", "2.0"),
    foreign("tune.pool-low-fd-ratio", "2.0"),
    foreign("tune.quic.frontend.conn-tx-buffers.limit", "2.6"),
    foreign("tune.quic.frontend.max-idle-timeout", "2.6"),
    foreign("tune.quic.frontend.max-streams-bidi", "2.6"),
    foreign("tune.quic.max-frame-loss", "2.6"),
    foreign("tune.quic.retry-threshold", "2.6"),
    foreign("tune.quic.socket-owner", "2.7"),
    t("tune.rcvbuf.client", "<size>", "1.3", "Receive buffer of client sockets in the kernel.", |s, a| {
        buffer(s, a, "tune.rcvbuf.client", |t| &mut t.rcvbuf_client)
    })
    .or("the system's")
    .unit("bytes"),
    t("tune.rcvbuf.server", "<size>", "1.3", "Receive buffer of server sockets in the kernel.", |s, a| {
        buffer(s, a, "tune.rcvbuf.server", |t| &mut t.rcvbuf_server)
    })
    .or("the system's")
    .unit("bytes"),
    foreign("tune.recv_enough", "1.5"),
    t(
        "tune.runqueue-depth",
        "<number>",
        "1.9",
        "Sessions handled at once before new events are looked for.",
        |s, a| Ok(s.global.tune.runqueue_depth = number(a, 1, 1_000_000)? as u32),
    )
    .or("200"),
    foreign("tune.sched.low-latency", "2.4"),
    t("tune.sndbuf.client", "<size>", "1.3", "Send buffer of client sockets in the kernel.", |s, a| {
        buffer(s, a, "tune.sndbuf.client", |t| &mut t.sndbuf_client)
    })
    .or("the system's")
    .unit("bytes"),
    t("tune.sndbuf.server", "<size>", "1.3", "Send buffer of server sockets in the kernel.", |s, a| {
        buffer(s, a, "tune.sndbuf.server", |t| &mut t.sndbuf_server)
    })
    .or("the system's")
    .unit("bytes"),
    tls("tune.ssl.cachesize", "<number>", "1.5"),
    tls("tune.ssl.capture-buffer-size", "<number>", "2.6"),
    tls("tune.ssl.capture-cipherlist-size", "<number>", "1.8"),
    tls("tune.ssl.default-dh-param", "<number>", "1.5"),
    tls("tune.ssl.force-private-cache", "", "1.6"),
    tls("tune.ssl.hard-maxrecord", "<number>", "2.6"),
    tls("tune.ssl.keylog", "<on|off>", "2.2"),
    tls("tune.ssl.lifetime", "<time>", "1.5"),
    tls("tune.ssl.maxrecord", "<number>", "1.5"),
    tls("tune.ssl.ssl-ctx-cache-size", "<number>", "1.6"),
    foreign("tune.stick-counters", "2.9"),
    foreign("tune.vars.global-max-size", "1.6"),
    variables(
        "tune.vars.proc-max-size",
        "2.4",
        "Room for texts of more than 16 bytes in the variables of the process (`proc.`); 6 bytes for each text are taken of it.",
        |s, a| room(s, a, 0),
    ),
    variables(
        "tune.vars.reqres-max-size",
        "1.6",
        "Room for texts of more than 16 bytes in the variables of a request and its response (`req.`, `res.`), added to those of the transaction; 6 bytes for each text are taken of it.",
        |s, a| room(s, a, 3),
    ),
    variables(
        "tune.vars.sess-max-size",
        "1.6",
        "Room for texts of more than 16 bytes in the variables of a client's connection (`sess.`); 6 bytes for each text are taken of it.",
        |s, a| room(s, a, 1),
    ),
    variables(
        "tune.vars.txn-max-size",
        "1.6",
        "Room for texts of more than 16 bytes in the variables of a transaction (`txn.`); 6 bytes for each text are taken of it.",
        |s, a| room(s, a, 2),
    ),
    foreign("tune.zlib.memlevel", "1.5"),
    foreign("tune.zlib.windowsize", "1.5"),
];

type Field = fn(&mut crate::model::Tune) -> &mut u32;

fn buffer(s: &mut State, a: &mut Args, name: &'static str, field: Field) -> Result<(), Fault> {
    let value = size(a, 0, 1 << 30)?;
    if s.once(name, a.pos()) {
        *field(&mut s.global.tune) = value;
    }
    Ok(())
}

/// Settings that limit each other.
pub fn check(s: &mut State) {
    let tune = &mut s.global.tune;
    if tune.maxrewrite > tune.bufsize / 2 {
        tune.maxrewrite = tune.bufsize / 2;
    }
}
