//! Moves data in both directions until the exchange is complete (HTTP) or both sides have closed (TCP, tunnels).

use super::channel::{Pumped, Trouble, pump};
use super::context::Ctx;
use super::finish::count_bytes;
use super::inspect::{Held, inspect_response};
use super::response::{count_client_abort, send_request};
use super::{Session, Step, connect};
use crate::http::Body;
use crate::model::opt;
use crate::sys::Kernel;
use crate::util::tick::Tick;

/// Both directions, as far as they go without waiting.
pub fn transfer<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    let step = if s.tunnel { tunnel(cx, s) } else { http(cx, s) };
    if step == Step::Wait && cx.config.proxies[s.fe()].has(opt::CONTSTATS) {
        count_bytes(cx, s);
    }
    step
}

fn http<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    if s.server_conn.is_some()
        && let Some(step) = send_request(cx, s)
    {
        return step;
    }
    let source = s.server_conn;
    match pump(cx, source, &mut s.res, s.client) {
        Ok(done) => {
            if done.more {
                cx.wake(s.me);
            }
            http_timers(cx, s, done);
        }
        Err(Trouble::Destination(_)) => {
            count_client_abort(cx, s);
            s.keep_client = false;
            return s.end(b'C', b'D');
        }
        Err(Trouble::Source(_)) => {
            s.res.eof = true;
            if s.res.body == Body::UntilClose {
                // A reset is no end of a body that ends with its connection: at least a byte is missing.
                s.res.body = Body::Length(1);
            }
            http_timers(cx, s, Pumped::default());
        }
        Err(Trouble::Body(_)) => {
            count_server_abort(cx, s);
            s.keep_client = false;
            return s.end(b'P', b'D');
        }
    }
    if s.res.eof && !s.res.body.is_done() {
        if !s.res.body.may_end_by_close() {
            return truncated(cx, s);
        }
        s.res.body = Body::None;
    }
    if !s.res.body.is_done() || still_uploading(s) {
        return Step::Wait;
    }
    if s.server_conn.is_some() {
        answered(cx, s);
    }
    if s.res.is_drained() {
        s.keep_client &= s.req.body.is_done();
        return Step::End;
    }
    Step::Wait
}

/// The response came before the request's end, and the server goes on reading: so do we.
fn still_uploading(s: &Session) -> bool {
    let uploading = !s.req.body.is_done() || !s.req.is_drained();
    uploading && s.server_conn.is_some() && s.server_stays && !s.res.eof && !s.request_broken
}

/// The response is complete: the server is done with us, however slowly the client reads.
fn answered<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) {
    let complete = s.req.body.is_done() && s.req.is_drained() && !s.request_broken;
    // Bytes after the response belong to nothing that was asked for: such a connection is not to be trusted.
    s.keep_server &= complete && !s.res.has_leftover() && !s.res.eof;
    s.res.end = s.res.cleared;
    if !complete {
        s.keep_client = false;
        s.req.release(cx);
    }
    s.server_at = Tick::NEVER;
    connect::part(cx, s);
}

/// The server left in the middle of its response: the client gets what there is, then the end of its connection.
fn truncated<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    s.keep_client = false;
    if s.server_conn.is_some() {
        count_server_abort(cx, s);
        s.keep_server = false;
        connect::part(cx, s);
    }
    s.server_at = Tick::NEVER;
    if s.res.is_drained() { s.end(b'S', b'D') } else { Step::Wait }
}

fn count_server_abort<K: Kernel>(cx: &mut Ctx<K>, s: &Session) {
    cx.tally(cx.shared.be_slot(s.be())).server_aborts.inc();
    if let Some(server) = s.server() {
        cx.tally(cx.shared.srv_slot(server)).server_aborts.inc();
    }
}

/// The server is waited for while the response is incomplete and there is room for it; the client while it has to read.
fn http_timers<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, done: Pumped) {
    let timeouts = s.timeouts(cx.config);
    let blocked = !s.res.is_drained();
    // After an early response the server still has to take the rest of the request.
    let takes = s.res.body.is_done() && !s.req.is_drained() && still_uploading(s);
    if blocked || s.res.body.is_done() && !takes {
        s.server_at = Tick::NEVER;
    } else if done.read || !s.server_at.is_set() {
        s.server_at = cx.now.after_opt(timeouts.server);
    }
    if blocked && (done.wrote || !s.client_at.is_set()) {
        s.client_at = cx.now.after_opt(timeouts.client);
    } else if !blocked && (s.req.body.is_done() || s.server_conn.is_none()) {
        s.client_at = Tick::NEVER;
    }
}

fn tunnel<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    let (client, server) = (s.client, s.server_conn);
    let held = inspect_response(cx, s);
    if let Held::Ends(step) = held {
        return step;
    }
    let there = pump(cx, client, &mut s.req, server);
    let back = match held {
        Held::Waits => Ok(Pumped::default()),
        _ => pump(cx, server, &mut s.res, client),
    };
    let (there, back) = match (there, back) {
        (Ok(t), Ok(b)) => (t, b),
        (Err(Trouble::Source(_)), _) | (_, Err(Trouble::Destination(_))) => {
            count_client_abort(cx, s);
            return s.end(b'C', b'D');
        }
        _ => {
            count_server_abort(cx, s);
            return s.end(b'S', b'D');
        }
    };
    if there.more || back.more {
        cx.wake(s.me);
    }
    for (ch, to, timer) in [(&mut s.req, server, &mut s.server_at), (&mut s.res, client, &mut s.client_at)] {
        if ch.eof && ch.is_drained() && !ch.shut {
            ch.shut = true;
            *timer = Tick::NEVER; // set anew, to the -fin timeout
            let fd = cx.conns[to].fd;
            cx.sys.shutdown_write(fd);
        }
    }
    if s.req.shut && s.res.shut {
        return Step::End;
    }
    tunnel_timers(cx, s, there, back);
    Step::Wait
}

fn tunnel_timers<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, there: Pumped, back: Pumped) {
    let t = s.timeouts(cx.config);
    let (fe, be) = (&cx.config.proxies[s.fe()].timeouts, &cx.config.proxies[s.be()].timeouts);
    let active = |p: Pumped| p.read || p.wrote;
    if t.tunnel > 0 && !s.req.shut && !s.res.shut {
        if active(there) || active(back) {
            (s.client_at, s.server_at) = (Tick::NEVER, cx.now.after(t.tunnel));
        }
        return;
    }
    // A side to which we have closed is given its -fin timeout to close too.
    let client_ms = if s.res.shut && fe.client_fin > 0 { fe.client_fin } else { t.client };
    let server_ms = if s.req.shut && be.server_fin > 0 { be.server_fin } else { t.server };
    // What is written to a side counts as its activity too, unless it is to be held to speak itself.
    let independent = cx.either(s.fe(), s.be(), opt::INDEPENDENT_STREAMS);
    if there.read || back.wrote && !independent || !s.client_at.is_set() {
        s.client_at = cx.now.after_opt(client_ms);
    }
    if back.read || there.wrote && !independent || !s.server_at.is_set() {
        s.server_at = cx.now.after_opt(server_ms);
    }
    // Nothing is expected of a side that has closed and has taken everything.
    if s.req.eof && s.res.is_drained() {
        s.client_at = Tick::NEVER;
    }
    if s.res.eof && s.req.is_drained() {
        s.server_at = Tick::NEVER;
    }
}

/// An inactivity timeout passed while data was moved.
pub fn timeout<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    s.keep_client = false;
    // `timeout tunnel` holds for both sides at once: the client's comes first then.
    let both = s.tunnel && s.timeouts(cx.config).tunnel > 0 && !s.client_at.is_set();
    if s.server_at.is_due(cx.now) && !both {
        count_server_abort(cx, s);
        return s.end(b's', b'D');
    }
    count_client_abort(cx, s);
    s.end(b'c', b'D')
}
