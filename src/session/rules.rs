//! Where a session meets its rules: builds the stage that they run on, and does what they decide.

use super::channel::pump;
use super::context::Ctx;
use super::endpoint::Conn;
use super::look::{Look, Seen, see};
use super::request::{self, backend_of};
use super::view::{View, flow, line, record};
use super::{Phase, Session, Step, answer, body};
use crate::format::Record;
use crate::http::{self, Fault, Keep, write_again, write_response};
use crate::log;
use crate::mem::{Buffers, Handle};
use crate::model::opt;
use crate::rules::{Family, Program, ProxyRules, Reply, Rulebook, Stage, Verdict};
use crate::sample::{Beside, Scope, Setting, needs};
use crate::sys::Kernel;
use crate::util::fmt::Out;
use crate::util::tick::Tick;
use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

/// A slab of notes, taken when there is none yet; empty when there are none at all, or none is left.
fn slab<'a>(
    pool: &'a mut Buffers,
    handle: &mut Handle<()>,
    wanted: bool,
    begin: impl FnOnce(&mut [u8]),
) -> &'a mut [u8] {
    if handle.is_none() && wanted && pool.size() > 0 {
        *handle = pool.alloc().unwrap_or(Handle::NONE);
        if handle.is_some() {
            begin(pool.get_mut(*handle));
        }
    }
    if handle.is_some() { pool.get_mut(*handle) } else { &mut [] }
}

/// What the log would say, as rules see it: the request ends with its rules, and the status is that of the head that is looked at.
fn in_rules<'a>(mut record: Record<'a>, look: Look, seen: &Seen) -> Record<'a> {
    match (look, &seen.head) {
        (Look::Response { .. }, Some(edit)) => record.status = edit.index.status.into(),
        (Look::Response { .. } | Look::ResponseBytes { .. }, _) => {}
        _ => record.t_request = -1,
    }
    record
}

/// Runs programs of the rulebook, one after the other, the first from an operation on. Gives what ended them, in which program, and the
/// operation where to go on.
pub fn run<K: Kernel>(
    cx: &mut Ctx<K>,
    s: &mut Session,
    (rules, programs): (&Rulebook, &[&Program]),
    look: Look,
    from: usize,
) -> (Verdict, usize, usize) {
    let wants = programs.iter().fold(0, |needs, p| needs | p.needs);
    let stores = programs.iter().any(|p| p.stores);
    let Some(mut flow) = flow(cx, s, wants) else { return (Verdict::Reject, 0, from) };
    let wall = if wants & needs::CLOCK != 0 { cx.sys.wall() } else { s.times.start_at };
    let seed = (cx.sys.random(), cx.sys.random());
    let arrived = match look {
        Look::Request { at, len } if wants & needs::BODY != 0 => body::arrived(cx, s, at + len),
        _ => true,
    };
    let Ctx {
        config, shared, conns, bufs, lines, notes, session_notes, room, head, now, now_ms, logs, verifier, ..
    } = cx;
    let Some(client) = conns.get_mut(s.client) else { return (Verdict::Reject, 0, from) };
    let session_slab = slab(session_notes, &mut client.notes, stores, |slab| rules.layout.begin_session(slab));
    let slab = slab(notes, &mut s.notes, stores, |slab| rules.layout.begin_transaction(slab));
    let who = s.me.index();
    let verifier = matches!(look, Look::Request { .. }).then_some((&*verifier, who));
    let mut view = View::new(shared, wall, seed, *now_ms);
    view.verifier = verifier;
    let is_response = matches!(look, Look::Response { .. } | Look::ResponseBytes { .. });
    let channel = if is_response { &s.res } else { &s.req };
    let used = usize::from(s.edited);
    let seen = see(look, wants, (bufs, channel), used, head, (&mut room.text, &mut room.body));
    let (host, pid) = logs.identity();
    let mut made;
    let mut shown = &room.blank;
    if programs.iter().any(|p| p.records) {
        made = in_rules(record(s, client, shared, &flow, *now, (host, pid)), look, &seen);
        made.zone = logs.zone_offset(made.accept.0);
        made.counter = *s.number.get_or_insert_with(|| shared.process.next_unique.fetch_add(1, Relaxed));
        made.request_line = match look {
            Look::Request { at, len } => {
                bufs.get(channel.buf)[at..at + len].split(|b| matches!(b, b'\r' | b'\n')).next().unwrap_or(&[])
            }
            _ => line(lines, s),
        };
        shown = &made;
    }
    room.memo.begin();
    let setting = Setting { config, live: &view, host, line: line(lines, s), is_response, stream: seen.stream };
    let captures = rules.captures(flow.frontend);
    let beside = Beside { captures, drafts: Some(&room.drafts), process: Some(&rules.process) };
    let mut stage = Stage {
        book: rules,
        setting: &setting,
        flow: &mut flow,
        head: seen.head,
        body: seen.body,
        arrived,
        session_notes: session_slab,
        transaction_notes: slab,
        beside: &beside,
        space: &mut room.space,
        out: &mut room.out,
        hints: Out::new(&mut room.hints),
        regexes: &mut room.regexes,
        memo: &mut room.memo,
        record: shown,
        effects: &mut s.effects,
    };
    let result = run_on(programs, &mut stage, from);
    let hints = stage.hints.len();
    if let (Some(edit), false) = (stage.head, matches!(look, Look::Bytes { .. })) {
        s.edited = edit.used as u16;
    }
    mark_packets(cx, s);
    send_hints(cx, s, hints);
    result
}

fn run_on(programs: &[&Program], stage: &mut Stage, mut from: usize) -> (Verdict, usize, usize) {
    for (n, program) in programs.iter().enumerate() {
        let (verdict, at) = program.run(stage, from);
        stage.settle();
        if !matches!(verdict, Verdict::Continue | Verdict::Stop) {
            return (verdict, n, at);
        }
        from = 0;
    }
    (Verdict::Continue, programs.len(), 0)
}

/// `early-hint`: sends a response 103 with so many bytes of fields. What cannot be sent now goes before the final response; a client that
/// is gone is found out then.
fn send_hints<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, len: usize) {
    if len == 0 || !s.http11 || !s.res.need_buffer(cx, 0) {
        return;
    }
    let mut out = Out::new(&mut cx.bufs.get_mut(s.res.buf)[s.res.end as usize..]);
    out.put(b"HTTP/1.1 103 Early Hints\r\n");
    out.put(&cx.room.hints[..len]);
    out.put(b"\r\n");
    if !out.overflow() {
        s.res.end += out.len() as u32;
        s.res.cleared = s.res.end;
    }
    let _ = pump(cx, Handle::NONE, &mut s.res, s.client);
}

/// `set-tos` and `set-mark`, where a rule wanted them.
fn mark_packets<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) {
    if s.effects.tos.is_none() && s.effects.mark.is_none() {
        return;
    }
    let Some(client) = cx.conns.get(s.client) else { return };
    if let Some(tos) = s.effects.tos.take() {
        cx.sys.set_tos(client.fd, tos);
    }
    if let Some(mark) = s.effects.mark.take() {
        cx.sys.set_mark(client.fd, mark);
    }
}

/// Does what a verdict says; `response`: the stage that the log shows, for rules on responses. None: the session goes on.
pub fn obey<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, verdict: Verdict, response: Option<u8>) -> Option<Step> {
    let (stage, response) = (response.unwrap_or(b'R'), response.is_some());
    match verdict {
        Verdict::Continue | Verdict::Stop | Verdict::Later => None,
        Verdict::Reject | Verdict::Drop => {
            if let (Verdict::Drop, Some(client)) = (verdict, cx.conns.get(s.client)) {
                cx.sys.set_silent_close(client.fd);
            }
            s.keep_client = false;
            count_denied(cx, s, response);
            Some(s.end(b'P', stage))
        }
        Verdict::Fail => Some(answer::error(cx, s, 500, b'P', stage)),
        Verdict::Reply(reply) => Some(reply_now(cx, s, reply, response, b'R')),
        Verdict::Tarpit(reply) => {
            let step = reply_now(cx, s, reply, response, b'T');
            if step != Step::Goto(Phase::Answer) {
                return Some(step);
            }
            let t = &cx.config.proxies[s.fe()].timeouts;
            s.phase_at = cx.now.after_opt(if t.tarpit > 0 { t.tarpit } else { t.connect });
            s.client_at = Tick::NEVER;
            Some(Step::Goto(if s.phase_at.is_set() { Phase::Tarpit } else { Phase::Answer }))
        }
    }
}

fn count_denied<K: Kernel>(cx: &mut Ctx<K>, s: &Session, response: bool) {
    let count = |slot: usize| {
        let t = cx.tally(slot);
        if response { t.denied_responses.inc() } else { t.denied_requests.inc() }
    };
    count(cx.shared.fe_slot(s.fe()));
    if s.be_counted {
        count(cx.shared.be_slot(s.be()));
    }
}

fn reply_now<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, reply: Reply, response: bool, stage: u8) -> Step {
    let who = if reply.denies { b'P' } else { b'L' };
    let stage = if response { b'H' } else { stage };
    if reply.denies {
        count_denied(cx, s, response);
    } else {
        cx.tally(cx.shared.fe_slot(s.fe())).intercepted.inc();
    }
    match reply.len {
        None => answer::error(cx, s, reply.status, who, stage),
        Some(len) => answer::ruled(cx, s, reply.status, len, (who, stage)),
    }
}

/// Rules on a client's connection before anything of it is read (`tcp-request connection`), or after its handshakes (`session`).
/// False: it is to be closed.
pub fn admits<K: Kernel>(cx: &mut Ctx<K>, client: Handle<Conn>, fe: usize, family: Family) -> bool {
    if cx.shared.rules.program(fe, family).is_empty() {
        return true;
    }
    let rules = &cx.shared.rules;
    let program = rules.program(fe, family);
    // No session has begun: this one only lends its place.
    let mut s = Session::new(client, fe, false, Phase::Inspect);
    s.times.start_at = cx.conns[client].accepted_at;
    let (verdict, ..) = run(cx, &mut s, (rules, &[program]), Look::Nothing, 0);
    if s.notes.is_some() {
        cx.notes.free(s.notes);
    }
    if verdict == Verdict::Drop {
        cx.sys.set_silent_close(cx.conns[client].fd);
    }
    // What these rules say of the addresses holds for all sessions of the connection.
    let c = &mut cx.conns[client];
    c.peer = s.effects.client.unwrap_or(c.peer);
    c.local = s.effects.destination.unwrap_or(c.local);
    let refused = matches!(verdict, Verdict::Reject | Verdict::Drop);
    if refused {
        let t = cx.tally(cx.shared.fe_slot(fe));
        if family == Family::TcpConnection { t.denied_connections.inc() } else { t.denied_sessions.inc() }
    }
    !refused
}

/// The rules of a request in order: the frontend's (false), where it goes, then the backend's (true).
const ORDER: [(bool, Family); 18] = [
    (false, Family::TcpRequest),
    (false, Family::CaptureRequest),
    (false, Family::Block),
    (false, Family::HttpRequest),
    (false, Family::RequestLines),
    (false, Family::RequestAdd),
    (false, Family::Statistics),
    (false, Family::Redirect),
    (false, Family::UseBackend),
    (true, Family::Persist),
    (true, Family::TcpRequest),
    (true, Family::Block),
    (true, Family::HttpRequest),
    (true, Family::RequestLines),
    (true, Family::RequestAdd),
    (true, Family::Statistics),
    (true, Family::Redirect),
    (true, Family::UseServer),
];

/// Rules on a request whose head was parsed, from where they stopped. None: the session goes on to the backend that was chosen.
pub fn request<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, start: usize, len: usize) -> Option<Step> {
    let rules = &cx.shared.rules;
    let look = Look::Request { at: start, len };
    while let Some((of_backend, family)) = ORDER.get(usize::from(s.rule.0)) {
        if *family == Family::Persist {
            s.be = backend_of(cx.config, s)? as u16;
        }
        let proxy = if *of_backend { s.be() } else { s.fe() };
        // A section that is both has its rules run once.
        let once = !of_backend || proxy != s.fe() || matches!(family, Family::Persist | Family::UseServer);
        // `reqsetbe` comes before `use_backend`.
        let decided = *family == Family::UseBackend && s.effects.backend.is_some();
        if !once || decided || rules.proxies[proxy].kinds & family.bit() == 0 {
            s.rule = (s.rule.0 + 1, 0);
            continue;
        }
        if *family == Family::Block && buffers(cx, s, proxy, start + len) {
            body::wait(cx, s, body::deadline(cx, s));
            return Some(request::suspend(cx, s, start, len));
        }
        let step = match family {
            Family::Statistics => answer::statistics(cx, s, proxy, look),
            _ => {
                let both = *of_backend && proxy == s.fe();
                let group = Group::of_request(&rules.proxies[proxy], s.rule.0, !both);
                if group.len > 0 { decide(cx, s, (rules, &group), true, look) } else { None }
            }
        };
        if step.is_some() {
            return step;
        }
        s.rule = (s.rule.0 + 1, 0);
    }
    s.method = cx.head.method;
    None
}

/// Programs that run one after the other on the same look at a message.
struct Group<'r> {
    programs: [&'r Program; Group::MOST],
    /// The turn of each in [`ORDER`], for requests.
    turns: [u8; Group::MOST],
    len: usize,
}

impl<'r> Group<'r> {
    const MOST: usize = ORDER.len() / 2;

    fn new() -> Group<'r> {
        static NONE: Program = Program::new();
        Group { programs: [&NONE; Group::MOST], turns: [0; Group::MOST], len: 0 }
    }

    fn push(&mut self, program: &'r Program, turn: u8) {
        if !program.is_empty() {
            (self.programs[self.len], self.turns[self.len]) = (program, turn);
            self.len += 1;
        }
    }

    /// A program alone.
    fn of(program: &'r Program, turn: u8) -> Group<'r> {
        let mut group = Group::new();
        group.push(program, turn);
        group
    }

    /// From a turn on, up to the next one that is not only a program; `rest`: not this turn alone.
    fn of_request(rules: &'r ProxyRules, turn: u8, rest: bool) -> Group<'r> {
        let (side, first) = ORDER[usize::from(turn)];
        let mut group = Group::of(rules.of(first), turn);
        let others = ORDER.iter().enumerate().skip(usize::from(turn) + 1);
        for (n, (_, family)) in others.take_while(|(_, t)| rest && t.0 == side && !rules.has_more(t.1)) {
            group.push(rules.of(*family), n as u8);
        }
        group
    }

    fn programs(&self) -> &[&'r Program] {
        &self.programs[..self.len]
    }
}

/// `option http-buffer-request`: true while the rules wait for the body.
fn buffers<K: Kernel>(cx: &Ctx<K>, s: &Session, proxy: usize, body_at: usize) -> bool {
    let wanted = s.rule.1 == 0 && cx.config.proxies[proxy].has(opt::HTTP_BUFFER_REQUEST);
    wanted && !s.req.body.is_done() && !body::arrived(cx, s, body_at)
}

/// The turn of rules on a response that know nothing of heads: what they refuse is refused among its data.
const AS_DATA: u8 = 1;

/// Rules on a response whose head was parsed: the backend's, then the frontend's.
pub fn response<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, at: usize, len: usize) -> Option<Step> {
    let rules = &cx.shared.rules;
    let status = cx.head.status;
    let look = Look::Response { at, len };
    if s.notes.is_some() {
        rules.layout.clear(cx.notes.get_mut(s.notes), Scope::Request);
    }
    s.effects.lax = false;
    let mut group = Group::new();
    group.push(rules.program(s.fe(), Family::CaptureResponse), 0);
    group.push(rules.program(s.be(), Family::TcpResponse), AS_DATA);
    for proxy in sides(s) {
        for family in [Family::HttpResponse, Family::ResponseLines, Family::ResponseAdd] {
            group.push(rules.program(proxy, family), 0);
        }
    }
    if group.len > 0
        && let Some(step) = decide(cx, s, (rules, &group), true, look)
    {
        return Some(step);
    }
    if cx.config.proxies[s.be()].has(opt::CHECKCACHE) && shares_cookie(cx, s, (at, len), status) {
        return Some(block_cookie(cx, s));
    }
    (!after(cx, s, rules, look)).then(|| answer::error(cx, s, 502, b'I', b'H'))
}

/// `option checkcache` on a response as the rules left it.
fn shares_cookie<K: Kernel>(cx: &Ctx<K>, s: &Session, (at, len): (usize, usize), status: u16) -> bool {
    let text = match s.edited {
        0 => &cx.bufs.get(s.res.buf)[at..at + len],
        n => &cx.room.text[..n.into()],
    };
    http::shares_cookie(&cx.head, text, s.method, status)
}

fn block_cookie<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    let mut space = [0; 256];
    let mut message = Out::new(&mut space);
    let server = s.server().map_or("", |i| &cx.config.servers[i].name);
    let be = &cx.config.proxies[s.be()].name;
    let _ = write!(message, "Response with a cacheable cookie from {be}/{server} is blocked (option checkcache).");
    cx.logs.message(&mut cx.sys, Some(s.be()), log::ALERT, message.bytes());
    reply_now(cx, s, Reply { status: 502, len: None, denies: true }, true, b'H')
}

/// The backend and the frontend; one of them if they are the same.
fn sides(s: &Session) -> impl Iterator<Item = usize> + use<> {
    let (be, fe) = (s.be(), s.fe());
    std::iter::once(be).chain((be != fe).then_some(fe))
}

/// `http-after-response`; false when a change was not possible: what becomes of that is the caller's, for the error is an answer too.
fn after<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, rules: &Rulebook, look: Look) -> bool {
    sides(s).all(|proxy| {
        let program = rules.program(proxy, Family::AfterResponse);
        program.is_empty() || run(cx, s, (rules, &[program]), look, 0).0 != Verdict::Fail
    })
}

/// `http-after-response` on an answer of ours, which stands from `at` on in the response buffer. It stays as it is when they fail.
pub fn on_answer<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, at: usize) {
    let rules = &cx.shared.rules;
    if sides(s).all(|p| rules.program(p, Family::AfterResponse).is_empty()) {
        return;
    }
    (s.edited, s.effects.lax) = (0, false);
    let answer = &cx.bufs.get(s.res.buf)[at..s.res.end as usize];
    // An empty `errorfile` is no answer.
    let Some(len) = answer.windows(4).position(|w| w == b"\r\n\r\n").map(|end| end + 4) else { return };
    if cx.head.parse_response(&answer[..len], s.method, true).is_err() {
        return;
    }
    if !after(cx, s, rules, Look::Response { at, len }) {
        s.edited = 0;
        return;
    }
    let mut out = Out::new(&mut cx.scratch);
    let text = &cx.room.text[..s.edited.into()];
    if s.keep_client && s.effects.ends_client {
        s.keep_client = false;
        write_response(&mut out, &cx.head, text, Keep::Close, false);
    } else {
        write_again(&mut out, &cx.head, text, true, false);
    }
    s.edited = 0;
    let (new_len, cut) = (out.len(), out.overflow());
    let buffer = cx.bufs.get_mut(s.res.buf);
    let end = s.res.end as usize;
    if cut || end + new_len > buffer.len() + len {
        return;
    }
    buffer.copy_within(at + len..end, at + new_len);
    buffer[at..at + new_len].copy_from_slice(&cx.scratch[..new_len]);
    s.res.end = (end + new_len - len) as u32;
    s.status = cx.head.status;
}

/// `monitor fail`: true when monitors are to be told that the service is down.
pub fn monitor_fails<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, start: usize, len: usize) -> bool {
    let rules = &cx.shared.rules;
    one(cx, s, rules, s.fe(), Family::Monitor, Look::Request { at: start, len });
    s.effects.monitor_fails
}

/// Runs the rules of a kind of a proxy, if there are any, and does what they decide.
pub fn one<K: Kernel>(
    cx: &mut Ctx<K>,
    s: &mut Session,
    rules: &Rulebook,
    proxy: usize,
    family: Family,
    look: Look,
) -> Option<Step> {
    let program = rules.program(proxy, family);
    if program.is_empty() {
        return None;
    }
    decide(cx, s, (rules, &Group::of(program, s.rule.0)), family != Family::Monitor, look)
}

/// Runs programs and does what they decide; `waits`: for a request that is not complete.
fn decide<K: Kernel>(
    cx: &mut Ctx<K>,
    s: &mut Session,
    (rules, group): (&Rulebook, &Group),
    waits: bool,
    look: Look,
) -> Option<Step> {
    let Look::Request { at, len } = look else {
        let (verdict, n, _) = run(cx, s, (rules, group.programs()), look, 0);
        let stage = if group.turns.get(n) == Some(&AS_DATA) { b'D' } else { b'H' };
        return obey(cx, s, verdict, matches!(look, Look::Response { .. }).then_some(stage));
    };
    let (verdict, n, op) = run(cx, s, (rules, group.programs()), look, s.rule.1 as usize);
    match verdict {
        Verdict::Reply(_) | Verdict::Tarpit(_) | Verdict::Fail if request::skip(cx, s, at + len).is_err() => {
            return Some(request::refuse(cx, s, Fault::Framing));
        }
        Verdict::Later if waits => {
            s.rule = (group.turns[n], op as u32);
            if let Some(ms) = s.effects.await_body_ms.take() {
                body::wait(cx, s, cx.now.after(ms));
            }
            return Some(request::suspend(cx, s, at, len));
        }
        // All of them had their turn: `request` goes on behind the last.
        _ => s.rule.0 = group.turns[group.len - 1],
    }
    obey(cx, s, verdict, None)
}
