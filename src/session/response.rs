//! Sends the request and receives the head of the response, both at once.

use super::channel::{Fill, Trouble, pump};
use super::context::Ctx;
use super::request::replace_head;
use super::{Session, Step, answer, connect, rules};
use crate::http::{Body, Fault, HeadEnd, Keep, Version, head_end, write_response};
use crate::mem::Handle;
use crate::model::{CloseMode, opt, retry};
use crate::sys::Kernel;
use crate::util::fmt::Out;
use crate::util::tick::Tick;

/// Interim responses of one server that are passed on before the others have their turn.
const INTERIMS: u32 = 16;

/// What there is of the response.
enum Seen {
    /// No whole head.
    Part,
    /// An interim one, which went on to the client.
    Interim,
    /// The final one, or something wrong: where the session goes.
    Final(Step),
}

/// Moves the request on and looks for the response.
pub fn exchange<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    if let Some(step) = send_request(cx, s) {
        return step;
    }
    let headroom = cx.config.global.tune.maxrewrite;
    s.res.reserve = headroom;
    let mut left = INTERIMS;
    loop {
        match look(cx, s) {
            Seen::Part => {}
            Seen::Interim if left == 0 => {
                cx.wake(s.me);
                return Step::Wait;
            }
            Seen::Interim => {
                left -= 1;
                continue;
            }
            Seen::Final(step) => return step,
        }
        match s.res.fill(cx, s.server_conn, headroom) {
            Fill::Got(_) => {
                refresh_server(cx, s);
                let t = s.timeouts(cx.config).server;
                s.server_at = cx.now.after_opt(t);
            }
            Fill::Wait => return forward_interim(cx, s),
            Fill::NoBuffer => {
                let task = cx.session_task(s.me);
                cx.timers.set(task, cx.now.after(10));
                return Step::Wait;
            }
            Fill::Full => return bad_response(cx, s, Fault::TooLarge),
            Fill::Eof | Fill::Error(_) => return server_left(cx, s),
        }
    }
}

/// The server showed life: a held request that it began to answer is not needed again.
fn refresh_server<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) {
    // What depends on the response's head needs the request until that is there.
    let retry_on = cx.config.proxies[s.be()].retry_on;
    let keeps = retry_on >> retry::STATUS_SHIFT != 0 || retry_on & retry::JUNK_RESPONSE != 0;
    if !keeps && s.req.held {
        s.req.held = false;
        if s.req.is_drained() && !s.req.has_leftover() {
            s.req.release_if_empty(cx);
        }
    }
}

/// Moves what there is of the request. Some = the session takes another way.
pub fn send_request<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Option<Step> {
    if s.request_broken || (s.req.is_drained() && s.req.body.is_done()) {
        return None;
    }
    let was_done = s.req.body.is_done();
    match pump(cx, s.client, &mut s.req, s.server_conn) {
        Ok(done) => {
            let timeouts = s.timeouts(cx.config);
            if done.read || done.wrote {
                s.server_at = cx.now.after_opt(timeouts.server);
            }
            // The client is waited for only while it has something to say.
            let waits = !s.req.body.is_done() && !s.req.eof && s.req.is_drained();
            if done.read || !waits || !s.client_at.is_set() {
                s.client_at = if waits { cx.now.after_opt(timeouts.client) } else { Tick::NEVER };
            }
            if done.more {
                cx.wake(s.me);
            }
            if s.req.eof && !s.req.body.is_done() {
                return Some(client_left(cx, s));
            }
        }
        Err(Trouble::Source(_)) => return Some(client_left(cx, s)),
        // The server may have answered before it closed: its answer is what the client gets.
        Err(Trouble::Destination(_)) => {
            s.request_broken = true;
            s.keep_server = false;
            if !was_done {
                s.keep_client = false;
            }
            if let Some(c) = cx.conns.get_mut(s.server_conn) {
                c.can_read = true;
            }
        }
        Err(Trouble::Body(_)) => {
            cx.tally(cx.shared.fe_slot(s.fe())).request_errors.inc();
            if s.status != 0 {
                s.keep_client = false; // the response is on its way already
                return Some(s.end(b'P', b'D'));
            }
            return Some(answer::error(cx, s, 400, b'P', b'H'));
        }
    }
    None
}

/// The client closed in the middle of its request.
fn client_left<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    count_client_abort(cx, s);
    let stage = if s.status == 0 { b'H' } else { b'D' };
    if s.status == 0 { answer::error(cx, s, 400, b'C', stage) } else { s.end(b'C', stage) }
}

/// Counts an abort by the client at backend and server.
pub fn count_client_abort<K: Kernel>(cx: &mut Ctx<K>, s: &Session) {
    cx.tally(cx.shared.be_slot(s.be())).client_aborts.inc();
    if let Some(server) = s.server() {
        cx.tally(cx.shared.srv_slot(server)).client_aborts.inc();
    }
}

/// Interim responses go to the client while the final one is awaited; a client that is gone ends the wait.
fn forward_interim<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    if !s.res.is_drained() && pump(cx, Handle::NONE, &mut s.res, s.client).is_err() {
        count_client_abort(cx, s);
        return s.end(b'C', b'H');
    }
    if cx.either(s.fe(), s.be(), opt::ABORTONCLOSE) && cx.client_left(s.client) {
        count_client_abort(cx, s);
        return answer::error(cx, s, 400, b'C', b'H');
    }
    Step::Wait
}

/// The connection ended before a response: try again where that is safe, else 502 or no answer.
fn server_left<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    let be = &cx.config.proxies[s.be()];
    let nothing = s.res.received == 0;
    let wanted = be.retry_on & if nothing { retry::EMPTY_RESPONSE } else { retry::JUNK_RESPONSE } != 0;
    if s.req.held && ((nothing && s.reused) || (wanted && u32::from(s.retries) < be.retries)) {
        return connect::again(cx, s);
    }
    count_response_error(cx, s);
    if let Some(server) = s.server() {
        cx.tally(cx.shared.srv_slot(server)).server_aborts.inc();
    }
    cx.tally(cx.shared.be_slot(s.be())).server_aborts.inc();
    // A connection that the server may close at any time was closed, and to send the request again is not for us to decide. The client
    // sees what it would have seen without us: on a connection that was kept, it knows how to go on (RFC 9112 section 9.3.1).
    if nothing && s.reused && cx.conns.get(s.client).is_some_and(|c| c.requests > 1) {
        s.logged = true;
        s.keep_client = false;
        return s.end(b'S', b'H');
    }
    answer::error(cx, s, 502, b'S', b'H')
}

fn count_response_error<K: Kernel>(cx: &mut Ctx<K>, s: &Session) {
    cx.tally(cx.shared.be_slot(s.be())).response_errors.inc();
    if let Some(server) = s.server() {
        cx.tally(cx.shared.srv_slot(server)).response_errors.inc();
    }
}

fn bad_response<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, _fault: Fault) -> Step {
    let be = &cx.config.proxies[s.be()];
    if s.req.held && be.retry_on & retry::JUNK_RESPONSE != 0 && u32::from(s.retries) < be.retries {
        return connect::again(cx, s);
    }
    count_response_error(cx, s);
    s.times.response = Tick::NEVER; // what came was none
    answer::error(cx, s, 502, b'P', b'H')
}

/// Looks for the end of the head at `cleared` (interim responses may wait to be sent before it).
fn look<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Seen {
    if s.res.buf.is_none() || s.res.cleared == s.res.end {
        return Seen::Part;
    }
    let (at, end) = (s.res.cleared as usize, s.res.end as usize);
    let bytes = &cx.bufs.get(s.res.buf)[at..end];
    match head_end(bytes, s.scanned as usize) {
        HeadEnd::NotYet(n) => {
            s.scanned = n as u32;
            let room = cx.bufs.size() - cx.config.global.tune.maxrewrite as usize;
            // Not HTTP at all: no need to wait for more of it.
            let junk = !b"HTTP/1.".starts_with(&bytes[..bytes.len().min(7)]);
            if junk || bytes.len() >= room { Seen::Final(bad_response(cx, s, Fault::TooLarge)) } else { Seen::Part }
        }
        HeadEnd::Bad(_) => Seen::Final(bad_response(cx, s, Fault::Syntax)),
        HeadEnd::At(len) => {
            s.scanned = 0;
            process(cx, s, at, len)
        }
    }
}

/// A whole head is there.
fn process<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, at: usize, len: usize) -> Seen {
    let config = cx.config;
    let (fe, be) = (&config.proxies[s.fe()], &config.proxies[s.be()]);
    let head = &cx.bufs.get(s.res.buf)[at..at + len];
    if let Err(fault) = cx.head.parse_response(head, s.method, be.has(opt::ACCEPT_INVALID_RESPONSE)) {
        return Seen::Final(bad_response(cx, s, fault));
    }
    let status = cx.head.status;
    if status == 101 && !s.asked_upgrade {
        return Seen::Final(bad_response(cx, s, Fault::Syntax));
    }
    if status < 200 && status != 101 {
        return interim(cx, s, at, len);
    }
    if retries_status(cx, s, status) {
        return Seen::Final(connect::again(cx, s));
    }
    s.edited = 0;
    s.response_version = Some(cx.head.version);
    if (cx.shared.rules.any || be.has(opt::CHECKCACHE))
        && let Some(step) = rules::response(cx, s, at, len)
    {
        return Seen::Final(step);
    }
    let status = cx.head.status;
    s.status = status;
    s.times.response = cx.now;
    s.req.held = false;
    s.res.body = cx.head.body;
    settle(cx, s, fe.close_mode.max(be.close_mode));
    let keep = if cx.head.body == Body::Tunnel {
        if status == 101 { Keep::Upgrade } else { Keep::Silent }
    } else if s.keep_client {
        if s.http11 { Keep::Alive } else { Keep::SayAlive }
    } else {
        Keep::Close
    };
    // A client of HTTP/1.0 knows no chunks: it gets the bytes, and the end of the connection as their end.
    s.res.strip = !s.http11 && matches!(s.res.body, Body::Chunked(_));
    if s.res.strip && cx.head.is_coded() {
        return Seen::Final(bad_response(cx, s, Fault::Framing));
    }
    let head = match s.edited {
        0 => &cx.bufs.get(s.res.buf)[at..at + len],
        n => &cx.room.text[..n.into()],
    };
    let mut out = Out::new(&mut cx.scratch);
    write_response(&mut out, &cx.head, head, keep, s.res.strip);
    let (new_len, overflow) = (out.len(), out.overflow());
    let buf = s.res.buf;
    if overflow || replace_head(cx, buf, &mut s.res, at, len, new_len).is_none() {
        return Seen::Final(bad_response(cx, s, Fault::TooLarge));
    }
    if s.res.clear(cx).is_err() {
        // Nothing of this response may go out: only an interim one that waits before it.
        s.res.cleared -= new_len as u32;
        return Seen::Final(bad_response(cx, s, Fault::Framing));
    }
    s.res.reserve = 0;
    s.res.splice = cx.splices(s.fe(), s.be(), opt::SPLICE_RESPONSE);
    count_response(cx, s);
    super::finish::log_early(cx, s);
    if cx.head.body == Body::Tunnel {
        become_tunnel(cx, s);
    }
    Seen::Final(Step::Next)
}

/// Decides what becomes of both connections.
fn settle<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, mode: CloseMode) {
    let head = &cx.head;
    let server_keeps = match head.version {
        Version::V11 => !head.connection.close,
        Version::V10 => head.connection.keep_alive,
    };
    let delimited = !matches!(head.body, Body::UntilClose | Body::Tunnel);
    s.keep_server &= server_keeps && delimited && mode < CloseMode::ServerClose;
    let chunks_to_http10 = matches!(head.body, Body::Chunked(_)) && !s.http11;
    // What becomes of the client's connection is the frontend's affair alone (manual, `option httpclose`).
    let closes = cx.config.proxies[s.fe()].close_mode == CloseMode::Close;
    s.keep_client &= delimited && !chunks_to_http10 && !closes && !s.effects.ends_client && !cx.shared.stopping();
    s.server_stays = server_keeps;
    // A server that leaves before it has read the whole request takes the rest of it with it: the client is told at once.
    s.keep_client &= server_keeps || s.req.body.is_done() && s.req.is_drained();
}

/// A final response begins: counted, and the client's connection remembers where it came from.
fn count_response<K: Kernel>(cx: &mut Ctx<K>, s: &Session) {
    cx.tally(cx.shared.fe_slot(s.fe())).response(s.status);
    cx.tally(cx.shared.be_slot(s.be())).response(s.status);
    if let Some(server) = s.server() {
        cx.tally(cx.shared.srv_slot(server)).response(s.status);
        if let Some(c) = cx.conns.get_mut(s.client) {
            c.last_server = s.server;
            // NTLM and its kin authenticate connections: the next request must take the same one.
            c.stay = matches!(s.status, 401 | 407);
        }
    }
}

fn become_tunnel<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) {
    s.tunnel = true;
    (s.keep_client, s.keep_server) = (false, false);
    (s.req.body, s.req.reserve) = (Body::Tunnel, 0);
    let _ = s.req.clear(cx);
    let t = s.timeouts(cx.config).tunnel;
    if t > 0 {
        (s.client_at, s.server_at) = (Tick::NEVER, cx.now.after(t));
    } else {
        s.client_at = cx.now.after_opt(s.timeouts(cx.config).client);
    }
}

fn retries_status<K: Kernel>(cx: &Ctx<K>, s: &Session, status: u16) -> bool {
    let be = &cx.config.proxies[s.be()];
    s.req.held && u32::from(s.retries) < be.retries && be.retry_on & retry::status_bit(status) != 0
}

/// A 1xx response: to the client if it speaks HTTP/1.1.
fn interim<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, at: usize, len: usize) -> Seen {
    cx.tally(cx.shared.fe_slot(s.fe())).response(cx.head.status);
    let head = &cx.bufs.get(s.res.buf)[at..at + len];
    let mut out = Out::new(&mut cx.scratch);
    if s.http11 {
        write_response(&mut out, &cx.head, head, Keep::Silent, false);
    }
    let new_len = out.len();
    let buf = s.res.buf;
    if replace_head(cx, buf, &mut s.res, at, len, new_len).is_none() {
        return Seen::Final(bad_response(cx, s, Fault::TooLarge));
    }
    // At most what one buffer holds waits for a client that does not read.
    if pump(cx, Handle::NONE, &mut s.res, s.client).is_err() {
        count_client_abort(cx, s);
        return Seen::Final(s.end(b'C', b'H'));
    }
    Seen::Interim
}

/// `timeout server` (or the client's, while it was to send its body) passed.
pub fn timeout<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    if s.client_at.is_due(cx.now) && !s.server_at.is_due(cx.now) {
        count_client_abort(cx, s);
        return answer::error(cx, s, 408, b'c', b'H');
    }
    let be = &cx.config.proxies[s.be()];
    if s.req.held && be.retry_on & retry::RESPONSE_TIMEOUT != 0 && u32::from(s.retries) < be.retries {
        return connect::again(cx, s);
    }
    count_response_error(cx, s);
    answer::error(cx, s, 504, b's', b'H')
}
