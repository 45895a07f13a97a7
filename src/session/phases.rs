//! The order of a session's life, and its driver: one screen that shows how a session moves, waits and ends.
//!
//! ```text
//! TCP:   (ProxyHeader) -> Inspect -> Assign -> Connect -> Transfer -> end
//! HTTP:  (ProxyHeader) -> Request -> (Rules) -> Assign -> Connect -> Response -> Transfer -> end
//!                            |          |         |         |           |
//!                            +----------+---------+---------+-----------+--> (Tarpit) -> Answer (errors, redirects) -> end
//!                            +--> Applet (statistics) -> end
//! ```

use super::context::Ctx;
use super::{Phase, Session, Step, answer, assign, body, connect, inspect, proxy_header, request, response, transfer};
use crate::mem::Handle;
use crate::sys::Kernel;
use crate::util::tick::Tick;

/// What became of a session when it ran.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    Waiting,
    /// It wants the worker to produce more of its answer.
    Applet,
    Ended,
}

type Run<K> = fn(&mut Ctx<K>, &mut Session) -> Step;

/// What runs in a phase, and what a timer that came means there. In the order of [`Phase`].
fn table<K: Kernel>() -> [(Run<K>, Run<K>); 12] {
    [
        (proxy_header::receive, proxy_header::timeout),
        (inspect::inspect, inspect::inspect),
        (request::receive, request::timeout),
        (request::resume, body::timed_out),
        (assign::assign, assign::timeout),
        (connect::connect, connect::timeout),
        (response::exchange, response::timeout),
        (transfer::transfer, transfer::timeout),
        (answer::hold, answer::release),
        (answer::send, answer::timeout),
        (answer::send_applet, answer::timeout),
        (answer::command, answer::timeout),
    ]
}

const ORDER: [Phase; 12] = [
    Phase::ProxyHeader,
    Phase::Inspect,
    Phase::Request,
    Phase::Rules,
    Phase::Assign,
    Phase::Connect,
    Phase::Response,
    Phase::Transfer,
    Phase::Tarpit,
    Phase::Answer,
    Phase::Applet,
    Phase::Cli,
];

/// Lets a session do what it can without waiting.
pub fn run<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Outcome {
    let due = s.client_at.is_due(cx.now) || s.server_at.is_due(cx.now) || s.phase_at.is_due(cx.now);
    let mut step = table::<K>()[s.phase as usize].0(cx, s);
    if due && step == Step::Wait {
        // Nothing came in the same instant: the timer counts.
        if s.client_at.is_due(cx.now) || s.server_at.is_due(cx.now) || s.phase_at.is_due(cx.now) {
            step = table::<K>()[s.phase as usize].1(cx, s);
        }
    }
    loop {
        match step {
            Step::Next => s.phase = next(s),
            Step::Goto(phase) => s.phase = phase,
            Step::Wait => break,
            Step::End => return Outcome::Ended,
        }
        step = table::<K>()[s.phase as usize].0(cx, s);
    }
    if matches!(s.phase, Phase::Applet | Phase::Cli) && s.applet.wants_fill {
        return Outcome::Applet;
    }
    wait(cx, s);
    Outcome::Waiting
}

fn next(s: &Session) -> Phase {
    match s.phase {
        Phase::ProxyHeader if s.http => Phase::Request,
        Phase::Inspect | Phase::Request => Phase::Assign,
        Phase::Connect if !s.http => Phase::Transfer,
        phase => ORDER[phase as usize + 1],
    }
}

/// Files the session's nearest deadline and arms what it waits for: the one place where both are computed.
fn wait<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) {
    let due: Tick = s.client_at.sooner(s.server_at).sooner(s.phase_at);
    let task = cx.session_task(s.me);
    cx.timers.set(task, due);
    if cx.sys.edge() {
        return;
    }
    let reads_client = match s.phase {
        Phase::ProxyHeader | Phase::Inspect | Phase::Request | Phase::Cli => true,
        Phase::Rules => !s.req.eof && s.req.end < s.req.limit(cx),
        // Also when nothing more is to be read: that the client left must be seen.
        _ => !s.req.eof,
    };
    let client_out = !s.res.is_drained();
    cx.arm(s.client, reads_client, client_out);
    if s.server_conn != Handle::NONE {
        let connecting = s.phase == Phase::Connect;
        let reads_server = !connecting && !s.res.eof;
        let server_out = connecting || !s.req.is_drained();
        cx.arm(s.server_conn, reads_server, server_out);
    }
}
