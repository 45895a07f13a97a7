//! Waiting for a request's body before its rules go on (`option http-buffer-request`, `wait-for-body`, `url_param check_post`).

use super::answer;
use super::context::Ctx;
use super::{Session, Step};
use crate::sys::Kernel;
use crate::util::tick::Tick;

/// Sets the time that a body is waited for, and asks for it where the client waits for that.
pub fn wait<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, until: Tick) {
    s.phase_at = until;
    if s.expects_continue && s.res.need_buffer(cx, 0) {
        const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
        cx.bufs.get_mut(s.res.buf)[..CONTINUE.len()].copy_from_slice(CONTINUE);
        (s.res.end, s.res.cleared) = (CONTINUE.len() as u32, CONTINUE.len() as u32);
        (s.expects_continue, s.continued) = (false, true);
    }
}

/// Until when a request that is to be buffered may take (`timeout http-request`).
pub fn deadline<K: Kernel>(cx: &Ctx<K>, s: &Session) -> Tick {
    s.times.start.after_opt(cx.config.proxies[s.fe()].timeouts.request())
}

/// True when no more of the request's body is to be waited for: it is complete or malformed, or the buffer is full, or the client closed.
pub fn arrived<K: Kernel>(cx: &Ctx<K>, s: &Session, body_at: usize) -> bool {
    is_whole(cx, s, body_at) || s.req.eof || s.req.end >= s.req.limit(cx)
}

/// The whole body of a request is in the buffer.
pub fn is_whole<K: Kernel>(cx: &Ctx<K>, s: &Session, body_at: usize) -> bool {
    let mut body = s.req.body;
    let came = body.advance(&cx.bufs.get(s.req.buf)[body_at..s.req.end as usize]);
    came.is_err() || body.is_done()
}

/// The client left while its body was waited for: no server gets a part of a request.
pub fn abandoned<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    give_up(s);
    let t = cx.tally(cx.shared.fe_slot(s.fe()));
    t.request_errors.inc();
    t.client_aborts.inc();
    s.keep_client = false;
    s.end(b'C', b'R')
}

/// A body that rules wait for did not come in time.
pub fn timed_out<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    give_up(s);
    cx.tally(cx.shared.fe_slot(s.fe())).request_errors.inc();
    answer::error(cx, s, 408, b'c', b'R')
}

/// Whatever came is this request's, and for the log it was not complete.
fn give_up(s: &mut Session) {
    s.req.cleared = s.req.end;
    s.times.request = Tick::NEVER;
}
