//! Rules on the first bytes of TCP sessions: the client's, before a server is chosen, and the server's, before the client gets them.

use super::channel::Fill;
use super::context::Ctx;
use super::look::Look;
use super::request::backend_of;
use super::rules::{obey, one, run};
use super::{EndCause, Session, Step};
use crate::rules::{Family, Rulebook, Verdict};
use crate::sample::needs;
use crate::sys::Kernel;
use crate::util::tick::Tick;

/// The rules of a TCP session: on its first bytes, then where it goes, then those of its backend.
pub fn inspect<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    if !cx.shared.rules.any {
        return Step::Next;
    }
    let rules = &cx.shared.rules;
    let looks = [rules.program(s.fe(), Family::TcpRequest), rules.program(s.fe(), Family::UseBackend)];
    if looks.iter().any(|p| p.needs & (needs::BYTES | needs::HEAD) != 0) && s.req.received == 0 {
        // What has come already is looked at at once: "less than 3 bytes" is not true because we were faster.
        let _ = s.req.fill(cx, s.client, cx.config.global.tune.maxrewrite);
    }
    loop {
        let full = s.req.buf.is_some() && s.req.end >= s.req.limit(cx);
        let complete = s.req.eof || full || s.phase_at.is_set() && s.phase_at.is_due(cx.now);
        match next_program(cx, s, rules, complete) {
            Ok(step) => {
                s.phase_at = Tick::NEVER;
                let _ = s.req.clear(cx); // a tunnel: whatever came may go on
                return step;
            }
            Err(delay_ms) => {
                if !s.phase_at.is_set() {
                    s.phase_at = cx.now.after(delay_ms);
                }
            }
        }
        let offset = cx.config.global.tune.maxrewrite;
        match s.req.fill(cx, s.client, offset) {
            Fill::Got(_) | Fill::Eof => {}
            Fill::Wait if s.phase_at.is_due(cx.now) => {}
            Fill::Wait | Fill::NoBuffer => return Step::Wait,
            Fill::Full => {}
            Fill::Error(_) => {
                s.cause = EndCause::new(b'C', b'D');
                return Step::End;
            }
        }
    }
}

/// Runs what is left of a TCP session's rules. The error: a rule waits for more, at most so many milliseconds.
fn next_program<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, rules: &Rulebook, complete: bool) -> Result<Step, u32> {
    if s.rule.0 == 0 {
        // `unique-id-format`
        one(cx, s, rules, s.fe(), Family::CaptureRequest, Look::Bytes { complete: true });
        if let Some(step) = bytes_program(cx, s, rules, s.fe(), complete)? {
            return Ok(step);
        }
        one(cx, s, rules, s.fe(), Family::UseBackend, Look::Bytes { complete: true });
        s.rule = (1, 0);
    }
    let Some(be) = backend_of(cx.config, s) else { return Ok(Step::Next) };
    s.be = be as u16;
    if s.rule.0 == 1 {
        if be != s.fe()
            && let Some(step) = bytes_program(cx, s, rules, be, complete)?
        {
            return Ok(step);
        }
        one(cx, s, rules, be, Family::Persist, Look::Bytes { complete: true });
        one(cx, s, rules, be, Family::UseServer, Look::Bytes { complete: true });
        s.rule = (2, 0);
    }
    Ok(Step::Next)
}

fn bytes_program<K: Kernel>(
    cx: &mut Ctx<K>,
    s: &mut Session,
    rules: &Rulebook,
    proxy: usize,
    complete: bool,
) -> Result<Option<Step>, u32> {
    let (program, delay_ms) = (rules.program(proxy, Family::TcpRequest), rules.proxies[proxy].inspect_delay_ms[0]);
    if program.is_empty() {
        return Ok(None);
    }
    // Without a delay nothing is waited for. With more bytes all rules are looked at anew: a length is known at any time.
    let complete = complete || delay_ms == 0;
    let (verdict, ..) = run(cx, s, (rules, &[program]), Look::Bytes { complete }, 0);
    if verdict == Verdict::Later && !complete {
        return Err(delay_ms);
    }
    Ok(obey(cx, s, verdict, None))
}

/// What the rules on a server's first bytes say in TCP mode.
pub enum Held {
    /// The bytes may go on.
    Passed,
    /// More must come before that is known.
    Waits,
    Ends(Step),
}

/// Stage of a TCP session's rules after which its response may pass.
const RESPONSE_PASSED: u8 = 3;

/// `tcp-response content` in TCP mode: holds the response back until its rules are done.
pub fn inspect_response<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Held {
    if s.http || s.rule.0 >= RESPONSE_PASSED || !cx.shared.rules.any {
        return Held::Passed;
    }
    let rules = &cx.shared.rules;
    let program = rules.program(s.be(), Family::TcpResponse);
    let delay_ms = rules.proxies[s.be()].inspect_delay_ms[1];
    while !program.is_empty() {
        let more = matches!(s.res.fill(cx, s.server_conn, 0), Fill::Got(_));
        let full = s.res.buf.is_some() && s.res.end >= s.res.limit(cx);
        if s.res.buf.is_none() && !s.res.eof {
            return Held::Waits;
        }
        let complete = s.res.eof || full || delay_ms == 0 || s.phase_at.is_set() && s.phase_at.is_due(cx.now);
        let (verdict, _, at) = run(cx, s, (rules, &[program]), Look::ResponseBytes { complete }, s.rule.1 as usize);
        if verdict != Verdict::Later || complete {
            if let Some(step) = obey(cx, s, verdict, Some(b'D')) {
                return Held::Ends(step);
            }
            let _ = s.res.clear(cx); // a tunnel: whatever came may go on
            break;
        }
        s.rule.1 = at as u32;
        if !s.phase_at.is_set() {
            s.phase_at = cx.now.after(delay_ms);
        }
        if !more {
            return Held::Waits;
        }
    }
    (s.rule, s.phase_at) = ((RESPONSE_PASSED, 0), Tick::NEVER);
    Held::Passed
}
