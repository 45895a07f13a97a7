//! From the counters to a line of the statistics. Which columns are empty for which kind of line follows HAProxy 2.6; a test
//! compares with its output.

use super::row::Field as F;
use super::{Item, Row, Value, View, state};
use crate::model::{KeySource, Mode, Proxy};
use crate::server::{Counters, sum};
use crate::sys::listen::Place;
use crate::util::count::Count;
use crate::util::freq::Freq;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The line of a frontend, listener, server or backend, with addresses and the like if `legends`.
pub fn fill<'a>(view: &View<'a>, item: Item, legends: bool) -> Row<'a> {
    let mut row = Row::new();
    match item {
        Item::Frontend(p) => frontend(view, p, &mut row),
        Item::Listener(l) => listener(view, l, legends, &mut row),
        Item::Server(s) => server(view, s, legends, &mut row),
        Item::Backend(p) => backend(view, p, legends, &mut row),
    }
    row
}

fn load(n: &AtomicU32) -> u64 {
    n.load(Relaxed).into()
}

fn rate(view: &View, freq: &Freq) -> u64 {
    freq.rate(view.now_ms).into()
}

/// Seconds since a moment of the monotonic clock, at most since the start.
fn since(view: &View, second: &AtomicU32) -> u64 {
    let started = view.shared.process.started_ms / 1000;
    (view.now_ms / 1000).saturating_sub(load(second).max(started))
}

/// Seconds since the last session, -1 = there was none.
fn last_session(view: &View, second: &AtomicU32) -> Value<'static> {
    match second.load(Relaxed) {
        u32::MAX => Value::Int(-1),
        _ => Value::Num(since(view, second)),
    }
}

fn head<'a>(row: &mut Row<'a>, p: &'a Proxy, name: &'a str, kind: u64, sid: u32) {
    row.set(F::Pxname, Value::Text(&p.name));
    row.set(F::Svname, Value::Text(name));
    row.nums(&[(F::Pid, 1), (F::Iid, p.id.into()), (F::Sid, sid.into()), (F::Type, kind)]);
    let mode = match p.mode {
        Mode::Tcp => "tcp",
        Mode::Http => "http",
        Mode::Health => "health",
    };
    row.set(F::Mode, Value::Text(mode));
    row.set(F::Separator, Value::Text("-"));
    row.zero(F::SslSess, F::SslFailedHandshake);
    row.nums(&[(F::Eint, 0)]);
}

fn responses(row: &mut Row, c: &Counters) {
    row.nums(&[
        (F::Hrsp1xx, c.responses_1xx.get()),
        (F::Hrsp2xx, c.responses_2xx.get()),
        (F::Hrsp3xx, c.responses_3xx.get()),
        (F::Hrsp4xx, c.responses_4xx.get()),
        (F::Hrsp5xx, c.responses_5xx.get()),
        (F::HrspOther, c.responses_other.get()),
    ]);
}

fn frontend<'a>(view: &View<'a>, proxy: usize, row: &mut Row<'a>) {
    let shared = view.shared;
    let (p, now) = (&shared.config.proxies[proxy], &shared.proxies[proxy]);
    let c = sum(&shared.tallies, shared.fe_slot(proxy));
    let http = p.mode == Mode::Http;
    head(row, p, "FRONTEND", 0, 0);
    let limit = if p.maxconn > 0 { p.maxconn } else { shared.limits.maxconn };
    row.nums(&[
        (F::Scur, load(&now.fe_connections)),
        (F::Smax, load(&now.fe_connections_max)),
        (F::Slim, limit.into()),
        (F::Stot, c.sessions.get()),
        (F::Bin, c.bytes_in.get()),
        (F::Bout, c.bytes_out.get()),
        (F::Dreq, c.denied_requests.get()),
        (F::Dresp, c.denied_responses.get()),
        (F::Ereq, c.request_errors.get()),
        (F::Rate, rate(view, &now.fe_session_rate)),
        (F::RateLim, p.rate_limit.into()),
        (F::RateMax, now.fe_session_rate.max().into()),
        (F::ReqRate, rate(view, &now.fe_request_rate)),
        (F::ReqRateMax, now.fe_request_rate.max().into()),
        (F::ReqTot, c.requests.get()),
        (F::ConnRate, rate(view, &now.fe_connection_rate)),
        (F::ConnRateMax, now.fe_connection_rate.max().into()),
        (F::ConnTot, c.connections.get()),
    ]);
    row.set(F::Status, Value::Text(if shared.stopping() { "STOP" } else { "OPEN" }));
    row.zero(F::CompIn, F::CompRsp);
    row.nums(&[(F::Dcon, c.denied_connections.get()), (F::Dses, c.denied_sessions.get())]);
    row.zero(F::Wrew, F::Wrew);
    if http {
        responses(row, &c);
        row.nums(&[(F::Intercepted, c.intercepted.get())]);
        row.zero(F::CacheLookups, F::CacheHits);
    }
    // HTTP/2 is not spoken, HTTP/1 is all there is.
    row.zero(F::H2HeadersRcvd, F::H1SplicedBytesOut);
    if http {
        row.nums(&[
            (F::H1OpenConnections, load(&now.fe_connections)),
            (F::H1TotalConnections, c.connections.get()),
            (F::H1TotalStreams, c.requests.get()),
            (F::H1BytesIn, c.bytes_in.get()),
            (F::H1BytesOut, c.bytes_out.get()),
        ]);
    }
}

/// `option socket-stats`. Only connections are counted for each listener; the rest stays empty.
fn listener<'a>(view: &View<'a>, index: usize, legends: bool, row: &mut Row<'a>) {
    let shared = view.shared;
    let l = &shared.config.listeners[index];
    let crate::model::Audience::Frontend(proxy) = l.audience else { return };
    let p = &shared.config.proxies[proxy];
    head(row, p, if l.name.is_empty() { &l.shown } else { &l.name }, 3, l.id);
    let now = &shared.listeners[index];
    row.nums(&[
        (F::Scur, load(&now.connections)),
        (F::Smax, load(&now.connections_max)),
        (F::Slim, l.maxconn.into()),
        (F::Stot, load(&now.total)),
    ]);
    row.set(F::Status, Value::Text(if shared.stopping() { "STOP" } else { "OPEN" }));
    row.zero(F::Dcon, F::Wrew);
    if legends {
        row.set(
            F::Addr,
            match &l.place {
                Place::At(target) => Value::Address(target),
                Place::Inherited(_) => Value::Text(&l.shown),
            },
        );
    }
}

/// The columns that servers and backends share.
fn behind(row: &mut Row, c: &Counters, http: bool) {
    // Averages over all sessions that got through (HAProxy's forget: they weigh the last 1024 most).
    let average = |total: u64| total / c.sessions.get().max(1);
    row.nums(&[
        (F::Stot, c.sessions.get()),
        (F::Bin, c.bytes_in.get()),
        (F::Bout, c.bytes_out.get()),
        (F::Dresp, c.denied_responses.get()),
        (F::Econ, c.connect_errors.get()),
        (F::Eresp, c.response_errors.get()),
        (F::Wretr, c.retries.get()),
        (F::Wredis, c.redispatches.get()),
        (F::Lbtot, c.balanced.get()),
        (F::CliAbrt, c.client_aborts.get()),
        (F::SrvAbrt, c.server_aborts.get()),
        (F::Qtime, average(c.queue_ms.get())),
        (F::Ctime, average(c.connect_ms.get())),
        (F::Rtime, average(c.response_ms.get())),
        (F::Ttime, average(c.total_ms.get())),
        (F::QtimeMax, c.queue_max_ms.get()),
        (F::CtimeMax, c.connect_max_ms.get()),
        (F::RtimeMax, c.response_max_ms.get()),
        (F::TtimeMax, c.total_max_ms.get()),
        (F::Wrew, 0),
        (F::Connect, c.connects.get()),
        (F::Reuse, c.reuses.get()),
    ]);
    if http {
        responses(row, c);
    }
}

fn server<'a>(view: &View<'a>, index: usize, legends: bool, row: &mut Row<'a>) {
    let shared = view.shared;
    let (conf, now) = (&shared.config.servers[index], &shared.servers[index]);
    let p = &shared.config.proxies[conf.proxy];
    let c = sum(&shared.tallies, shared.srv_slot(index));
    head(row, p, &conf.name, 2, conf.id);
    behind(row, &c, p.mode == Mode::Http);
    if p.mode == Mode::Http {
        // As HAProxy: those that it answered.
        let classes = [F::Hrsp1xx, F::Hrsp2xx, F::Hrsp3xx, F::Hrsp4xx, F::Hrsp5xx, F::HrspOther];
        let answered = classes.iter().filter_map(|f| row.num(*f)).sum();
        row.nums(&[(F::ReqTot, answered)]);
    }
    let weight: u64 = load(&now.weight);
    row.nums(&[
        (F::Qcur, load(&now.queued)),
        (F::Qmax, load(&now.queued_max)),
        (F::Scur, load(&now.served)),
        (F::Smax, load(&now.served_max)),
        (F::Weight, weight),
        (F::Uweight, weight),
        (F::Act, (!conf.backup).into()),
        (F::Bck, conf.backup.into()),
        (F::Lastchg, since(view, &now.changed_s)),
        (F::Rate, rate(view, &now.session_rate)),
        (F::RateMax, now.session_rate.max().into()),
        (F::SrvIcur, load(&now.idle)),
        (F::IdleConnCur, load(&now.idle)),
        (F::SafeConnCur, 0),
        (F::UsedConnCur, load(&now.served)),
        (F::NeedConnEst, load(&now.served_max)),
    ]);
    for (field, limit) in
        [(F::Slim, conf.maxconn), (F::Qlimit, conf.maxqueue), (F::SrcIlim, conf.pool_max_conn.unwrap_or(0))]
    {
        if limit > 0 || field == F::SrcIlim && conf.pool_max_conn.is_some() {
            row.nums(&[(field, limit.into())]);
        }
    }
    row.set(F::Lastsess, last_session(view, &now.last_session_s));
    row.set(F::Status, state::server(shared, index).value());
    if conf.check.is_some() {
        check(view, index, &c, row);
    }
    if legends {
        row.set(F::Addr, Value::Address(&conf.target));
        if let Some(cookie) = &conf.cookie {
            row.set(F::Cookie, Value::Text(cookie));
        }
    }
}

/// The columns of a server that is checked; in maintenance it is not, and the last result says nothing.
fn check<'a>(view: &View<'a>, index: usize, c: &Counters, row: &mut Row<'a>) {
    let (conf, now) = (&view.shared.config.servers[index], &view.shared.servers[index]);
    let Some(settings) = &conf.check else { return };
    let state = state::server(view.shared, index);
    let away = if state.is_up() { 0 } else { since(view, &now.changed_s) };
    row.nums(&[
        (F::Chkfail, c.checks_failed.get()),
        (F::Chkdown, load(&now.downs)),
        (F::Downtime, load(&now.downtime_s) + away),
    ]);
    if state.is_maintained() {
        return;
    }
    let last = *now.check.lock().unwrap_or_else(|e| e.into_inner());
    let status = if last.status.is_empty() { "INI" } else { last.status };
    let (meaning, has_code) = state::meaning(status);
    row.set(F::CheckStatus, Value::CheckStatus(status, last.running));
    row.set(F::CheckDesc, Value::Text(meaning));
    row.set(F::LastChk, Value::CheckInfo(&now.check));
    if has_code {
        row.nums(&[(F::CheckCode, last.code.into())]);
    }
    if last.done {
        row.nums(&[(F::CheckDuration, last.duration_ms.into())]);
    }
    row.nums(&[
        (F::CheckRise, settings.rise.into()),
        (F::CheckFall, settings.fall.into()),
        (F::CheckHealth, state::health(conf, now).into()),
    ]);
}

fn backend<'a>(view: &View<'a>, proxy: usize, legends: bool, row: &mut Row<'a>) {
    let shared = view.shared;
    let (p, now) = (&shared.config.proxies[proxy], &shared.proxies[proxy]);
    let c = sum(&shared.tallies, shared.be_slot(proxy));
    let http = p.mode == Mode::Http;
    head(row, p, "BACKEND", 1, 0);
    behind(row, &c, http);
    // Without servers there is nothing to be down (a page of statistics, a redirect).
    let up = p.server_count == 0 || shared.is_backend_up(proxy);
    let away = if up { 0 } else { since(view, &now.changed_s) };
    row.nums(&[
        (F::Qcur, load(&now.queued)),
        (F::Qmax, load(&now.queued_max)),
        (F::Scur, load(&now.be_connections)),
        (F::Smax, load(&now.be_connections_max)),
        (F::Slim, now.fullconn.into()),
        (F::Dreq, c.denied_requests.get()),
        (F::Weight, load(&now.weight)),
        (F::Uweight, load(&now.weight)),
        (F::Act, load(&now.active)),
        (F::Bck, load(&now.backup)),
        (F::Chkdown, load(&now.downs)),
        (F::Lastchg, since(view, &now.changed_s)),
        (F::Rate, rate(view, &now.be_session_rate)),
        (F::RateMax, now.be_session_rate.max().into()),
    ]);
    if p.server_count > 0 {
        row.nums(&[(F::Downtime, load(&now.downtime_s) + away)]);
    }
    row.set(F::Status, Value::Status(if up { "UP" } else { "DOWN" }, None));
    row.set(F::Lastsess, last_session(view, &now.last_session_s));
    row.zero(F::CompIn, F::CompRsp);
    row.zero(F::AggServerStatus, F::AggCheckStatus);
    if http {
        row.zero(F::CacheLookups, F::CacheHits);
    }
    if legends {
        row.set(F::Algo, Value::Text(algorithm(p)));
    }
    // Connections are opened and kept by servers.
    let of_servers = |counter: fn(&Counters) -> &Count| -> u64 {
        let of = |s| shared.tallies.iter().map(|t| counter(t.slot(shared.srv_slot(s))).get()).sum::<u64>();
        p.servers().map(of).sum()
    };
    let (connects, reuses) = (of_servers(|c| &c.connects), of_servers(|c| &c.reuses));
    row.nums(&[(F::Connect, connects), (F::Reuse, reuses)]);
    row.zero(F::H2HeadersRcvd, F::H1SplicedBytesOut);
    if http {
        let servers = &shared.servers[p.servers()];
        row.nums(&[
            (F::ReqTot, c.sessions.get()),
            (F::H1OpenConnections, servers.iter().map(|s| load(&s.served) + load(&s.idle)).sum()),
            (F::H1TotalConnections, connects),
            (F::H1TotalStreams, connects + reuses),
            (F::H1BytesIn, of_servers(|c| &c.bytes_out)),
            (F::H1BytesOut, of_servers(|c| &c.bytes_in)),
        ]);
    }
}

/// The name of a backend's algorithm as the keyword `balance` has it.
pub fn algorithm(p: &Proxy) -> &'static str {
    match (p.balance.algorithm, &p.balance.key) {
        ("", _) => "roundrobin",
        ("hash", KeySource::Source) => "source",
        ("hash", KeySource::Uri { .. }) => "uri",
        ("hash", KeySource::UrlParam { .. }) => "url_param",
        ("hash", KeySource::Hdr { .. }) => "hdr",
        ("hash", KeySource::RdpCookie { .. }) => "rdp-cookie",
        (name, _) => name,
    }
}
