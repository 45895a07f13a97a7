//! What the proxy answers itself: errors, redirects, the statistics page, and the dialogue on the command socket.

use super::channel::{Fill, pump};
use super::context::Ctx;
use super::look::Look;
use super::request::head_of;
use super::{Phase, Session, Step, connect, request, rules};
use crate::http::{Body, Fault, Method, basic_credentials, without_connection};
use crate::mem::Handle;
use crate::model::ErrorReply;
use crate::rules::Family;
use crate::sys::Kernel;
use crate::util::fmt::{Cursor, Out};
use crate::util::tick::Tick;
use std::fmt::Write;

/// Who fills the response buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AppletKind {
    #[default]
    None,
    StatsPage,
    StatsCsv,
    /// The command at the start of the request buffer.
    Command,
}

/// An answer in the making.
#[derive(Clone, Copy, Debug, Default)]
pub struct AppletState {
    pub kind: AppletKind,
    pub cursor: Cursor,
    /// The proxy whose page it is.
    pub proxy: u16,
    /// There is room and more to say.
    pub wants_fill: bool,
    pub done: bool,
    /// The answer goes out in chunks: each piece is one.
    pub chunked: bool,
    /// Command socket: a prompt is shown and the connection stays.
    pub interactive: bool,
    pub timeout_ms: u32,
}

/// Answers with an error (or 200 for monitors) and ends the session for a cause; the status is logged and counted.
pub fn error<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, status: u16, who: u8, stage: u8) -> Step {
    // The connection may stay as it would have after a response, except a client's that is not understood, or too slow.
    s.keep_client &= !matches!(status, 400 | 408 | 414 | 431);
    let Some(before) = begin(cx, s, status, (who, stage)) else { return Step::End };
    let config = cx.config;
    let errors = |p: usize| config.proxies[p].errors.iter().find(|e| e.0 == status).map(|e| &e.1);
    let standard = cx.replies.iter().find(|r| r.0 == status).map_or(&[][..], |r| &r.1);
    let mut out = Out::new(&mut cx.bufs.get_mut(s.res.buf)[before..]);
    match errors(s.be()).or_else(|| errors(s.fe())) {
        Some(ErrorReply::File(bytes)) => put_reply(&mut out, bytes, &mut s.keep_client, s.http11),
        Some(ErrorReply::Redirect(code, location)) => {
            let _ = write!(
                out,
                "HTTP/1.1 {code} {}\r\nCache-Control: no-cache\r\nContent-Length: 0\r\nLocation: {location}\r\n{}\r\n",
                crate::http::reason(*code),
                connection_field(s.keep_client, s.http11)
            );
        }
        None => put_reply(&mut out, standard, &mut s.keep_client, s.http11),
    }
    let len = (!out.overflow()).then(|| visible(out.bytes(), s.method));
    complete(cx, s, before, len)
}

/// Answers with what a rule wrote at the start of the room's `out`, and ends the session for a cause.
pub fn ruled<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, status: u16, len: usize, cause: (u8, u8)) -> Step {
    let Some(before) = begin(cx, s, status, cause) else { return Step::End };
    let mut out = Out::new(&mut cx.bufs.get_mut(s.res.buf)[before..]);
    put_reply(&mut out, &cx.room.out[..len], &mut s.keep_client, s.http11);
    let len = (!out.overflow()).then(|| visible(out.bytes(), s.method));
    complete(cx, s, before, len)
}

/// Gives up what the session was about and counts the answer; how many bytes of an interim response go out before it. None: nothing
/// can be answered.
fn begin<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, status: u16, cause: (u8, u8)) -> Option<usize> {
    s.cause = super::EndCause::new(cause.0, cause.1);
    connect::drop_connection(cx, s);
    connect::release_server(cx, s);
    (s.client_at, s.server_at, s.phase_at) = (Tick::NEVER, Tick::NEVER, Tick::NEVER);
    // A client takes all that follows 2xx to CONNECT for what comes through its tunnel (RFC 9110 section 9.3.6): there is none.
    s.keep_client &= s.method != Method::Connect || status / 100 != 2;
    drop_request(cx, s);
    if !s.http {
        return None;
    }
    s.status = status;
    cx.tally(cx.shared.fe_slot(s.fe())).response(status);
    if s.be_counted {
        cx.tally(cx.shared.be_slot(s.be())).response(status);
    }
    let before = interim_unsent(cx, s);
    if !s.res.need_buffer(cx, 0) {
        s.keep_client = false;
        return None;
    }
    Some(before)
}

/// The length of an answer as a client sees it: a HEAD has no body.
fn visible(answer: &[u8], method: Method) -> usize {
    let body = if method == Method::Head { answer.windows(4).position(|w| w == b"\r\n\r\n") } else { None };
    body.map_or(answer.len(), |at| at + 4)
}

/// The answer is written (none: it did not fit): what is left are the rules on all answers.
fn complete<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, before: usize, len: Option<usize>) -> Step {
    let Some(len) = len else { return ready(cx, s, before, None) };
    s.res.end = (before + len) as u32;
    if cx.shared.rules.any {
        rules::on_answer(cx, s, before);
    }
    ready(cx, s, before, Some(s.res.end as usize - before))
}

/// The answer is in the buffer (none: it did not fit).
fn ready<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, before: usize, len: Option<usize>) -> Step {
    s.keep_client &= len.is_some();
    let end = (before + len.unwrap_or(0)) as u32;
    (s.res.end, s.res.cleared) = (end, end);
    s.client_at = cx.now.after_opt(s.timeouts(cx.config).client);
    Step::Goto(Phase::Answer)
}

/// Holds an answer that is complete in the buffer back for `timeout tarpit`, unless nobody waits for it any more.
pub fn hold<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    if cx.client_left(s.client) {
        return release(cx, s);
    }
    s.res.cleared = s.res.start;
    Step::Wait
}

/// `timeout tarpit` passed: now the client may have it.
pub fn release<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    s.phase_at = Tick::NEVER;
    s.times.queue = cx.now; // for the log, this was a wait in a queue
    ready(cx, s, 0, Some(s.res.end as usize))
}

/// What came of the request is dropped. Unless that was all of it, the connection will be closed: the rest must not be taken for the
/// next request.
fn drop_request<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) {
    s.keep_client &= s.req.body.is_done() && !cx.shared.stopping();
    if s.keep_client {
        (s.req.start, s.req.held) = (s.req.cleared, false);
        s.req.release_if_empty(cx);
    } else {
        s.req.release(cx);
    }
}

fn connection_field(keep: bool, http11: bool) -> &'static str {
    match (keep, http11) {
        (false, _) => "Connection: close\r\n",
        (true, true) => "",
        (true, false) => "Connection: keep-alive\r\n",
    }
}

/// Writes a prepared reply; `keep` becomes false when the connection has to be closed after it.
fn put_reply(out: &mut Out, reply: &[u8], keep: &mut bool, http11: bool) {
    match without_connection(reply).filter(|_| *keep) {
        Some((head, rest)) => {
            out.put(head);
            out.put(connection_field(true, http11).as_bytes());
            out.put(rest);
        }
        None => {
            *keep = false;
            out.put(reply);
        }
    }
}

/// An interim response of which the client may have a part already goes out whole before the answer: puts what is left of it
/// at the front of the buffer and says how long it is.
fn interim_unsent<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> usize {
    if s.res.buf.is_none() || s.res.start == s.res.cleared {
        s.res.release(cx);
        return 0;
    }
    let (from, to) = (s.res.start as usize, s.res.cleared as usize);
    cx.bufs.get_mut(s.res.buf).copy_within(from..to, 0);
    s.res.start = 0;
    to - from
}

/// Sends an answer that is complete in the buffer.
pub fn send<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    s.res.body = Body::None;
    match pump(cx, Handle::NONE, &mut s.res, s.client) {
        Ok(_) if s.res.is_drained() => Step::End,
        Ok(_) => Step::Wait,
        Err(_) => {
            s.keep_client = false;
            Step::End
        }
    }
}

/// The client does not read our answer.
pub fn timeout<K: Kernel>(_cx: &mut Ctx<K>, s: &mut Session) -> Step {
    s.keep_client = false;
    Step::End
}

/// The statistics page of a proxy, if that is what is asked for and its rules allow it.
pub fn statistics<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, proxy: usize, look: Look) -> Option<Step> {
    let Look::Request { at, len } = look else { return None };
    let page = cx.config.proxies[proxy].stats.as_ref()?;
    let uri = cx.head.uri.of(head_of(&cx.bufs, &cx.room, s, at, len));
    if !uri.starts_with(page.uri.as_bytes()) || !matches!(cx.head.method, Method::Get | Method::Head | Method::Post) {
        return None;
    }
    (s.be, s.method) = (proxy as u16, cx.head.method);
    let rules = &cx.shared.rules;
    let refused = rules::one(cx, s, rules, proxy, Family::Statistics, look);
    if let Some(step) = refused {
        if step != Step::Goto(Phase::Rules) {
            // For the log, it was the page that answered.
            s.applet.kind = AppletKind::StatsPage;
            (s.times.queue, s.times.connect) = (cx.now, cx.now);
        }
        return Some(step);
    }
    if request::skip(cx, s, at + len).is_err() {
        return Some(request::refuse(cx, s, Fault::Framing));
    }
    Some(stats_page(cx, s, proxy, at, len))
}

/// A request for the statistics of `proxy`; its head is at `start..start + len` of the request buffer, and left behind already.
fn stats_page<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, proxy: usize, start: usize, len: usize) -> Step {
    let config = cx.config;
    let Some(page) = &config.proxies[proxy].stats else { return error(cx, s, 404, b'L', b'R') };
    let head = head_of(&cx.bufs, &cx.room, s, start, len);
    if !page.auth.is_empty() && !authorized(cx, head, &page.auth) {
        return unauthorized(cx, s, &page.realm);
    }
    let csv = cx.head.uri.of(head)[page.uri.len()..].starts_with(b";csv");
    // The page's length is not known before: only chunks leave the connection usable after it.
    s.keep_client &= s.http11;
    drop_request(cx, s);
    s.status = 200;
    s.cause = super::EndCause::new(b'L', b'R');
    // For the log, the page is a server that answers at once.
    (s.times.queue, s.times.connect, s.times.response) = (cx.now, cx.now, cx.now);
    cx.tally(cx.shared.fe_slot(s.fe())).response(200);
    cx.tally(cx.shared.fe_slot(s.fe())).intercepted.inc();
    if !s.res.need_buffer(cx, 0) {
        return Step::End;
    }
    let mut out = Out::new(cx.bufs.get_mut(s.res.buf));
    out.put(b"HTTP/1.1 200 OK\r\nCache-Control: no-cache\r\n");
    out.put(connection_field(s.keep_client, s.http11).as_bytes());
    out.put(if s.http11 { b"Transfer-Encoding: chunked\r\n" } else { b"" });
    out.put(b"Content-Type: ");
    out.put(if csv { b"text/plain" } else { b"text/html; charset=utf-8" });
    out.put(b"\r\n\r\n");
    s.res.end = out.len() as u32;
    if cx.shared.rules.any {
        rules::on_answer(cx, s, 0);
    }
    s.res.cleared = s.res.end;
    s.applet = AppletState {
        kind: if csv { AppletKind::StatsCsv } else { AppletKind::StatsPage },
        proxy: proxy as u16,
        done: s.method == Method::Head,
        chunked: s.http11,
        ..AppletState::default()
    };
    s.client_at = cx.now.after_opt(s.timeouts(config).client);
    Step::Goto(Phase::Applet)
}

fn authorized<K: Kernel>(cx: &Ctx<K>, head: &[u8], accounts: &[String]) -> bool {
    let mut space = [0u8; 256];
    let Some(given) = cx.head.values(head, b"authorization").next() else { return false };
    let Some(given) = basic_credentials(given, &mut space) else { return false };
    // Every account is compared in full: the time taken says nothing about how much of a password was right.
    let equal = |a: &str| {
        let mut diff = a.len() ^ given.len();
        for (i, b) in given.iter().enumerate() {
            diff |= usize::from(b ^ a.as_bytes().get(i).copied().unwrap_or(0));
        }
        diff == 0
    };
    accounts.iter().fold(false, |found, a| found | equal(a))
}

fn unauthorized<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, realm: &str) -> Step {
    s.keep_client = false;
    drop_request(cx, s);
    s.status = 401;
    s.cause = super::EndCause::new(b'L', b'R');
    s.applet.kind = AppletKind::StatsPage;
    (s.times.queue, s.times.connect) = (cx.now, cx.now);
    cx.tally(cx.shared.fe_slot(s.fe())).response(401);
    if !s.res.need_buffer(cx, 0) {
        return Step::End;
    }
    let mut out = Out::new(cx.bufs.get_mut(s.res.buf));
    let body = "<html><body><h1>401 Unauthorized</h1>\nYou need a valid user and password to access this content.\n</body></html>\n";
    let _ = write!(
        out,
        "HTTP/1.1 401 Unauthorized\r\nContent-Length: {}\r\nCache-Control: no-cache\r\nConnection: close\r\n\
         Content-Type: text/html\r\nWWW-Authenticate: Basic realm=\"{realm}\"\r\n\r\n{}",
        body.len(),
        if s.method == Method::Head { "" } else { body }
    );
    let len = out.len() as u32;
    (s.res.end, s.res.cleared) = (len, len);
    s.client_at = cx.now.after_opt(s.timeouts(cx.config).client);
    Step::Goto(Phase::Answer)
}

/// Sends what an applet produced, and asks for more when there is room.
pub fn send_applet<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    s.applet.wants_fill = false;
    s.res.body = Body::None;
    match pump(cx, Handle::NONE, &mut s.res, s.client) {
        Ok(done) if done.wrote => s.client_at = cx.now.after_opt(s.timeouts(cx.config).client),
        Ok(_) => {}
        Err(_) => {
            s.keep_client = false;
            return Step::End;
        }
    }
    if !s.res.is_drained() {
        return Step::Wait;
    }
    if s.applet.done {
        return Step::End;
    }
    s.applet.wants_fill = true;
    Step::Wait
}

/// Longest command line, bytes.
const MAX_COMMAND: usize = 4096;

/// The command socket: reads a line, lets the worker produce the answer, sends it; one line a connection unless `prompt`.
pub fn command<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    s.applet.wants_fill = false;
    let idle = s.applet.timeout_ms;
    s.res.body = Body::None;
    match pump(cx, Handle::NONE, &mut s.res, s.client) {
        Ok(done) if done.wrote => s.client_at = cx.now.after_opt(idle),
        Ok(_) => {}
        Err(_) => return Step::End,
    }
    if !s.res.is_drained() {
        return Step::Wait;
    }
    if s.applet.kind != AppletKind::None {
        if !s.applet.done {
            s.applet.wants_fill = true;
            return Step::Wait;
        }
        s.applet.kind = AppletKind::None;
        if !s.applet.interactive {
            return Step::End;
        }
    }
    loop {
        if s.req.bytes(cx).contains(&b'\n') {
            s.applet.kind = AppletKind::Command;
            s.applet.cursor = Cursor::default();
            s.applet.done = false;
            s.applet.wants_fill = true;
            return Step::Wait;
        }
        if s.req.bytes(cx).len() > MAX_COMMAND {
            return Step::End;
        }
        match s.req.fill(cx, s.client, 0) {
            Fill::Got(_) => s.client_at = cx.now.after_opt(idle),
            Fill::Wait | Fill::NoBuffer => {
                if s.req.start == s.req.end {
                    s.req.release_if_empty(cx);
                }
                return Step::Wait;
            }
            Fill::Eof | Fill::Error(_) | Fill::Full => return Step::End,
        }
    }
}
