//! Where a session meets its rules: builds the stage that they run on, and does what they decide.

use super::channel::Fill;
use super::context::Ctx;
use super::endpoint::Conn;
use super::request::{self, backend_of};
use super::{AppletKind, EndCause, Phase, Session, Step, answer, connect};
use crate::auth::{Question, Verifier};
use crate::format::Record;
use crate::http::{Body, Edit, Fault, Head, HeadEnd, Version, head_end, write_again};
use crate::mem::{Buffers, Handle};
use crate::model::{Config, opt};
use crate::rules::{Family, Program, Reply, Rulebook, Stage, Verdict};
use crate::sample::{Count, Flow, Live, Scope, Stream, needs};
use crate::server::Shared;
use crate::sys::{Addr, Kernel};
use crate::util::fmt::Out;
use crate::util::tick::Tick;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// The state of the process, as samples see it.
pub struct View<'a> {
    pub shared: &'a Shared,
    pub wall: (i64, u32),
    /// The state of its random numbers.
    random: Cell<u64>,
    pub now_ms: u64,
    /// Who checks passwords, and for which session.
    pub verifier: Option<(&'a RefCell<Verifier>, usize)>,
}

impl<'a> View<'a> {
    /// The state as it is now; `seed`: for its random numbers.
    pub fn new(shared: &'a Shared, wall: (i64, u32), seed: (u32, u32), now_ms: u64) -> View<'a> {
        let random = Cell::new(u64::from(seed.0) << 32 | u64::from(seed.1));
        View { shared, wall, random, now_ms, verifier: None }
    }
}

/// Places that are left of so many; none without a limit.
fn left(limit: u32, used: u32) -> Option<i64> {
    (limit > 0).then(|| limit.saturating_sub(used).into())
}

impl Live for View<'_> {
    fn count(&self, what: Count, at: usize) -> i64 {
        let shared = self.shared;
        let proxy = || &shared.proxies[at];
        let server = || &shared.servers[at];
        let servers = || shared.config.proxies[at].servers();
        let usable = || servers().filter(|s| shared.servers[*s].is_usable());
        let free = |s: usize| left(shared.config.servers[s].maxconn, shared.servers[s].served.load(Relaxed));
        match what {
            Count::FrontConnections => proxy().fe_connections.load(Relaxed).into(),
            Count::BackConnections => proxy().be_connections.load(Relaxed).into(),
            Count::FrontSessionRate => proxy().fe_session_rate.rate(self.now_ms).into(),
            Count::FrontRequestRate => proxy().fe_request_rate.rate(self.now_ms).into(),
            Count::BackSessionRate => proxy().be_session_rate.rate(self.now_ms).into(),
            Count::Queued => proxy().queued.load(Relaxed).into(),
            Count::UsableServers => usable().count() as i64,
            Count::FreeSlots => usable().map(free).sum::<Option<i64>>().unwrap_or(-1),
            Count::FreePlaces => {
                let queue = |s: usize| left(shared.config.servers[s].maxqueue, shared.servers[s].queued.load(Relaxed));
                usable().map(|s| Some(free(s)? + queue(s)?)).sum::<Option<i64>>().unwrap_or(-1)
            }
            Count::ServerConnections => server().served.load(Relaxed).into(),
            Count::ServerSessionRate => server().session_rate.rate(self.now_ms).into(),
            Count::ServerQueued => server().queued.load(Relaxed).into(),
            Count::ServerIsUp => server().is_usable().into(),
            Count::ServerFreeSlots => free(at).unwrap_or(-1),
            Count::ServerWeight => server().weight.load(Relaxed).into(),
            Count::ServerWeightNow => {
                let (full, part) = (server().weight.load(Relaxed), server().warmth.load(Relaxed));
                (full * part).div_ceil(1000).into()
            }
            Count::Connections => shared.process.connections.load(Relaxed).into(),
            Count::Workers => shared.limits.workers as i64,
        }
    }

    fn wall(&self) -> (i64, u32) {
        self.wall
    }

    fn random(&self) -> u32 {
        // splitmix64: for spreading load and for names, not for secrets.
        let state = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(state);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) >> 32) as u32
    }

    fn stopping(&self) -> bool {
        self.shared.stopping()
    }

    fn lets_in(&self, question: Question) -> Option<bool> {
        let Some((verifier, who)) = self.verifier else { return Some(false) };
        verifier.borrow_mut().ask(&self.shared.config.userlists, question, Some(who))
    }
}

/// What a program looks at.
#[derive(Clone, Copy)]
enum Look {
    /// Neither message nor bytes.
    Nothing,
    /// The first bytes of the request; `complete`: no more will come or be waited for.
    Bytes {
        complete: bool,
    },
    /// The first bytes of the response.
    ResponseBytes {
        complete: bool,
    },
    /// A head in its buffer, and what follows it; rules look at its copy in the room's text.
    Request {
        at: usize,
        len: usize,
    },
    Response {
        at: usize,
        len: usize,
    },
}

/// A slab of notes, taken when there is none yet; empty when there are none at all, or none is left.
fn slab<'a>(pool: &'a mut Buffers, handle: &mut Handle<()>, wanted: bool) -> &'a mut [u8] {
    if handle.is_none() && wanted && pool.size() > 0 {
        *handle = pool.alloc().unwrap_or(Handle::NONE);
        if handle.is_some() {
            pool.get_mut(*handle).fill(0);
        }
    }
    if handle.is_some() { pool.get_mut(*handle) } else { &mut [] }
}

/// The session, as samples see it, with what `wants` asks the kernel for ([`needs`]). None: the client is gone.
pub fn flow<K: Kernel>(cx: &mut Ctx<K>, s: &Session, wants: u16) -> Option<Flow> {
    let destination = if wants & needs::DESTINATION != 0 { connect::local_addr(cx, s.client) } else { Addr::None };
    let client = cx.conns.get(s.client)?;
    let tcp = if wants & needs::TCP_INFO != 0 { cx.sys.tcp_info(client.fd) } else { None };
    let source = match cx.conns.get(s.server_conn) {
        Some(server) if wants & needs::SOURCE != 0 => cx.sys.local_addr(server.fd),
        _ => s.source,
    };
    let config = &cx.config;
    Some(Flow {
        client: client.peer,
        destination,
        source,
        tcp,
        proxied: client.proxied,
        server_addr: s.server().map_or(Addr::None, |i| config.servers[i].target.addr()),
        frontend: s.fe(),
        backend: s.be(),
        server: s.server(),
        listener: client.origin as usize,
        first_request: client.requests <= 1,
        worker: cx.worker,
        status: s.status,
        versions: [
            (s.http && s.times.request.is_set()).then_some(if s.http11 { Version::V11 } else { Version::V10 }),
            s.response_version.or((s.status > 0).then_some(Version::V11)),
        ],
    })
}

/// The request line that a session kept.
pub fn line<'a>(lines: &'a Buffers, s: &Session) -> &'a [u8] {
    if s.line.is_some() { &lines.get(s.line)[..usize::from(s.line_len).min(lines.size())] } else { &[] }
}

/// Looks for an HTTP request in what a proxy in TCP mode passes on.
fn find_http(index: &mut Head, text: &mut [u8], stream: &mut Stream) -> Option<usize> {
    let bytes = stream.bytes;
    // What begins with another byte is no request, and need not be waited for.
    let begins = bytes.first().is_none_or(|b| crate::http::is_token(*b));
    match head_end(bytes, 0) {
        HeadEnd::At(len) if begins && index.parse_request(&bytes[..len], true).is_ok() => {
            text[..len].copy_from_slice(&bytes[..len]);
            return Some(len);
        }
        HeadEnd::NotYet(_) if begins => {}
        _ => stream.no_http = true,
    }
    None
}

/// What there is of a body in the bytes after its head; one in chunks is put together in `spare`.
fn body_in<'a>(bytes: &'a [u8], spare: &'a mut [u8], mut framing: Body) -> &'a [u8] {
    match framing {
        Body::Chunked(_) => {
            let copy = &mut spare[..bytes.len()];
            copy.copy_from_slice(bytes);
            framing.strip(copy).map_or(&[], |(_, len)| &copy[..len])
        }
        Body::Length(n) => &bytes[..bytes.len().min(usize::try_from(n).unwrap_or(usize::MAX))],
        Body::UntilClose => bytes,
        Body::None | Body::Tunnel => &[],
    }
}

/// Runs a program of the rulebook from an operation on.
fn run<K: Kernel>(
    cx: &mut Ctx<K>,
    s: &mut Session,
    (rules, program): (&Rulebook, &Program),
    look: Look,
    from: usize,
) -> (Verdict, usize) {
    let Some(flow) = flow(cx, s, program.needs) else { return (Verdict::Reject, from) };
    let wall = if program.needs & needs::CLOCK != 0 { cx.sys.wall() } else { s.times.start_at };
    let seed = (cx.sys.random(), cx.sys.random());
    let arrived = if let Look::Request { at, len } = look { request::arrived(cx, s, at + len) } else { (0, true) };
    let Ctx { config, shared, conns, bufs, lines, notes, session_notes, room, head, now_ms, logs, verifier, .. } = cx;
    let Some(client) = conns.get_mut(s.client) else { return (Verdict::Reject, from) };
    let session_slab = slab(session_notes, &mut client.notes, program.stores);
    let slab = slab(notes, &mut s.notes, program.stores);
    let who = s.me.index();
    let verifier = matches!(look, Look::Request { .. }).then_some((&*verifier, who));
    let view = View { verifier, ..View::new(shared, wall, seed, *now_ms) };
    let is_response = matches!(look, Look::Response { .. } | Look::ResponseBytes { .. });
    let channel = if is_response { &s.res } else { &s.req };
    let bytes = if channel.buf.is_some() { &bufs.get(channel.buf)[..channel.end as usize] } else { &[] };
    let mut used = usize::from(s.edited);
    let (mut body, mut stream) = (&[][..], Stream::NONE);
    let mut edit = None;
    match look {
        Look::Nothing => {}
        Look::Bytes { complete } | Look::ResponseBytes { complete } => {
            let bytes = bytes.get(channel.start as usize..).unwrap_or(&[]);
            stream = Stream { bytes, complete, raw: true, no_http: false };
            if program.needs & needs::HEAD != 0
                && !is_response
                && let Some(len) = find_http(head, &mut room.text, &mut stream)
            {
                edit = Some(Edit { index: head, text: &mut room.text, used: len });
            }
        }
        Look::Request { at, len } | Look::Response { at, len } => {
            if used == 0 {
                room.text[..len].copy_from_slice(&bytes[at..at + len]);
                used = len;
            }
            if program.needs & needs::BODY != 0 {
                body = body_in(&bytes[at + len..], &mut room.body, head.body);
            }
            stream = Stream { bytes: &bytes[at..], ..Stream::NONE };
            edit = Some(Edit { index: head, text: &mut room.text, used });
        }
    }
    let (host, pid) = logs.identity();
    let mut record = if program.records { record(s, config, &flow, (host, pid)) } else { Record::default() };
    if program.records {
        record.counter = *s.number.get_or_insert_with(|| shared.process.next_unique.fetch_add(1, Relaxed));
        record.request_line = match look {
            Look::Request { at, len } => {
                bytes[at..at + len].split(|b| matches!(b, b'\r' | b'\n')).next().unwrap_or(&[])
            }
            _ if s.line.is_some() => lines.get(s.line).get(..s.line_len.into()).unwrap_or(&[]),
            _ => &[],
        };
    }
    let mut stage = Stage {
        book: rules,
        config,
        live: &view,
        flow: &flow,
        host,
        line: line(lines, s),
        head: edit,
        is_response,
        body,
        arrived,
        stream,
        session_notes: session_slab,
        transaction_notes: slab,
        space: &mut room.space,
        out: &mut room.out,
        regexes: &mut room.regexes,
        record: &record,
        effects: &mut s.effects,
    };
    let result = program.run(&mut stage, from);
    if let (Some(edit), false) = (stage.head, matches!(look, Look::Bytes { .. })) {
        used = edit.used;
    }
    s.edited = used as u16;
    mark_packets(cx, s);
    result
}

/// `set-tos` and `set-mark`, where a rule wanted them.
fn mark_packets<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) {
    let Some(client) = cx.conns.get(s.client) else { return };
    if let Some(tos) = s.effects.tos.take() {
        cx.sys.set_tos(client.fd, client.peer, tos);
    }
    if let Some(mark) = s.effects.mark.take() {
        cx.sys.set_mark(client.fd, mark);
    }
}

/// What a format can show of a session at any time; `process`: the host's name, and the process id.
pub fn record<'a>(s: &Session, config: &'a Config, flow: &Flow, process: (&'a str, u32)) -> Record<'a> {
    Record {
        client: flow.client,
        frontend_addr: flow.destination,
        server_addr: flow.server_addr,
        accept: s.times.start_at,
        request: s.times.start_at,
        end: s.times.start_at,
        frontend: &config.proxies[flow.frontend].name,
        backend: &config.proxies[flow.backend].name,
        server: match flow.server {
            Some(i) => config.servers[i].name.as_str(),
            None if s.applet.kind != AppletKind::None => "<STATS>",
            None => "<NOSRV>",
        },
        http: s.http,
        status: s.status.into(),
        host_name: process.0,
        pid: process.1,
        ..Record::default()
    }
}

/// Does what a verdict says. None: the session goes on.
fn obey<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, verdict: Verdict, response: bool) -> Option<Step> {
    match verdict {
        Verdict::Continue | Verdict::Stop | Verdict::Later => None,
        Verdict::Reject | Verdict::Drop => {
            if let (Verdict::Drop, Some(client)) = (verdict, cx.conns.get(s.client)) {
                cx.sys.set_silent_close(client.fd, client.peer);
            }
            s.keep_client = false;
            count_denied(cx, s, response);
            Some(s.end(b'P', if response { b'H' } else { b'R' }))
        }
        Verdict::Fail => Some(answer::error(cx, s, 500, b'I', if response { b'H' } else { b'R' })),
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
    if reply.len == 0 {
        return answer::error(cx, s, reply.status, who, stage);
    }
    answer::ruled(cx, s, reply.status, reply.len, (who, stage))
}

/// Rules on a client's connection before anything of it is read (`tcp-request connection`), or after its handshakes (`session`).
/// False: it is to be closed.
pub fn admits<K: Kernel>(cx: &mut Ctx<K>, client: Handle<Conn>, fe: usize, family: Family) -> bool {
    if cx.shared.rules.program(fe, family).is_empty() {
        return true;
    }
    let rules = Arc::clone(&cx.shared.rules);
    let program = rules.program(fe, family);
    // No session has begun: this one only lends its place.
    let mut s = Session::new(client, fe, false, Phase::Inspect);
    s.times.start_at = cx.conns[client].accepted_at;
    let (verdict, _) = run(cx, &mut s, (&rules, program), Look::Nothing, 0);
    if s.notes.is_some() {
        cx.notes.free(s.notes);
    }
    if verdict == Verdict::Drop {
        let c = &cx.conns[client];
        cx.sys.set_silent_close(c.fd, c.peer);
    }
    let refused = matches!(verdict, Verdict::Reject | Verdict::Drop);
    if refused {
        let t = cx.tally(cx.shared.fe_slot(fe));
        if family == Family::TcpConnection { t.denied_connections.inc() } else { t.denied_sessions.inc() }
    }
    !refused
}

/// The rules of a TCP session: on its first bytes, then where it goes, then those of its backend.
pub fn inspect<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    if !cx.shared.rules.any {
        return Step::Next;
    }
    let rules = Arc::clone(&cx.shared.rules);
    let looks = [rules.program(s.fe(), Family::TcpRequest), rules.program(s.fe(), Family::UseBackend)];
    if looks.iter().any(|p| p.needs & (needs::BYTES | needs::HEAD) != 0) && s.req.received == 0 {
        // What has come already is looked at at once: "less than 3 bytes" is not true because we were faster.
        let _ = s.req.fill(cx, s.client, cx.config.global.tune.maxrewrite);
    }
    loop {
        let full = s.req.buf.is_some() && s.req.end >= s.req.limit(cx);
        let complete = s.req.eof || full || s.phase_at.is_set() && s.phase_at.is_due(cx.now);
        match next_program(cx, s, &rules, complete) {
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
        if let Some(step) = bytes_program(cx, s, rules, s.fe(), complete)? {
            return Ok(step);
        }
        one(cx, s, rules, s.fe(), Family::UseBackend, Look::Bytes { complete: true });
        s.rule = (1, 0);
    }
    let Some(be) = backend_of(&cx.config, s) else { return Ok(Step::Next) };
    s.be = be as u16;
    if s.rule.0 == 1 {
        if be != s.fe()
            && let Some(step) = bytes_program(cx, s, rules, be, complete)?
        {
            return Ok(step);
        }
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
    let (verdict, _) = run(cx, s, (rules, program), Look::Bytes { complete }, 0);
    if verdict == Verdict::Later && !complete {
        return Err(delay_ms);
    }
    Ok(obey(cx, s, verdict, false))
}

/// The rules of a request in order: the frontend's (false), where it goes, then the backend's (true).
const ORDER: [(bool, Family); 15] = [
    (false, Family::TcpRequest),
    (false, Family::CaptureRequest),
    (false, Family::Block),
    (false, Family::HttpRequest),
    (false, Family::RequestLines),
    (false, Family::RequestAdd),
    (false, Family::Redirect),
    (false, Family::UseBackend),
    (true, Family::TcpRequest),
    (true, Family::Block),
    (true, Family::HttpRequest),
    (true, Family::RequestLines),
    (true, Family::RequestAdd),
    (true, Family::Redirect),
    (true, Family::UseServer),
];

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
    let rules = Arc::clone(&cx.shared.rules);
    let program = rules.program(s.be(), Family::TcpResponse);
    let delay_ms = rules.proxies[s.be()].inspect_delay_ms[1];
    if !program.is_empty() {
        let mut more = true;
        while more {
            more = matches!(s.res.fill(cx, s.server_conn, 0), Fill::Got(_));
            let full = s.res.buf.is_some() && s.res.end >= s.res.limit(cx);
            if s.res.buf.is_none() && !s.res.eof {
                return Held::Waits;
            }
            let complete = s.res.eof || full || delay_ms == 0 || s.phase_at.is_set() && s.phase_at.is_due(cx.now);
            let (verdict, at) = run(cx, s, (&rules, program), Look::ResponseBytes { complete }, s.rule.1 as usize);
            if verdict == Verdict::Later && !complete {
                s.rule.1 = at as u32;
                if !s.phase_at.is_set() {
                    s.phase_at = cx.now.after(delay_ms);
                }
                if more {
                    continue;
                }
                return Held::Waits;
            }
            if let Some(step) = obey(cx, s, verdict, true) {
                return Held::Ends(step);
            }
            break;
        }
        let _ = s.res.clear(cx); // a tunnel: whatever came may go on
    }
    (s.rule, s.phase_at) = ((RESPONSE_PASSED, 0), Tick::NEVER);
    Held::Passed
}

/// Rules on a request whose head was parsed, from where they stopped. None: the session goes on to the backend that was chosen.
pub fn request<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, start: usize, len: usize) -> Option<Step> {
    let rules = Arc::clone(&cx.shared.rules);
    let look = Look::Request { at: start, len };
    while let Some((of_backend, family)) = ORDER.get(usize::from(s.rule.0)) {
        let mut proxy = s.fe();
        if *of_backend {
            proxy = backend_of(&cx.config, s)?;
            s.be = proxy as u16;
        }
        // A section that is both has its rules run once.
        let once = !of_backend || proxy != s.fe() || *family == Family::UseServer;
        // `reqsetbe` comes before `use_backend`.
        let decided = *family == Family::UseBackend && s.effects.backend.is_some();
        if once && !decided {
            if *family == Family::Block && buffers(cx, s, proxy, start + len) {
                request::await_body(cx, s, request::deadline(cx, s));
                return Some(request::suspend(cx, s, start, len));
            }
            if let Some(step) = one(cx, s, &rules, proxy, *family, look) {
                return Some(step);
            }
        }
        s.rule = (s.rule.0 + 1, 0);
    }
    s.method = cx.head.method;
    None
}

/// `option http-buffer-request`: true while the rules wait for the body.
fn buffers<K: Kernel>(cx: &Ctx<K>, s: &Session, proxy: usize, body_at: usize) -> bool {
    let wanted = s.rule.1 == 0 && cx.config.proxies[proxy].has(opt::HTTP_BUFFER_REQUEST);
    wanted && !s.req.body.is_done() && !request::arrived(cx, s, body_at).1
}

/// Rules on a response whose head was parsed: the backend's, then the frontend's.
pub fn response<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, at: usize, len: usize) -> Option<Step> {
    let rules = Arc::clone(&cx.shared.rules);
    let look = Look::Response { at, len };
    if s.notes.is_some() {
        rules.layout.clear(cx.notes.get_mut(s.notes), Scope::Request);
    }
    one(cx, s, &rules, s.fe(), Family::CaptureResponse, look);
    if let Some(step) = one(cx, s, &rules, s.be(), Family::TcpResponse, look) {
        return Some(step);
    }
    for proxy in sides(s) {
        for family in [Family::HttpResponse, Family::ResponseLines, Family::ResponseAdd] {
            if let Some(step) = one(cx, s, &rules, proxy, family, look) {
                return Some(step);
            }
        }
    }
    after(cx, s, &rules, look);
    None
}

/// The backend and the frontend; one of them if they are the same.
fn sides(s: &Session) -> impl Iterator<Item = usize> + use<> {
    let (be, fe) = (s.be(), s.fe());
    std::iter::once(be).chain((be != fe).then_some(fe))
}

fn after<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, rules: &Rulebook, look: Look) {
    for proxy in sides(s) {
        one(cx, s, rules, proxy, Family::AfterResponse, look);
    }
}

/// `http-after-response` on an answer of ours: its head is at `at..at + len` of the response buffer.
pub fn on_answer<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, at: usize, len: usize) {
    let rules = Arc::clone(&cx.shared.rules);
    if sides(s).all(|p| rules.program(p, Family::AfterResponse).is_empty()) {
        return;
    }
    s.edited = 0;
    let head = &cx.bufs.get(s.res.buf)[at..at + len];
    if cx.head.parse_response(head, s.method, true).is_err() {
        return; // an `errorfile` may be anything
    }
    after(cx, s, &rules, Look::Response { at, len });
    let mut out = Out::new(&mut cx.scratch);
    write_again(&mut out, &cx.head, &cx.room.text[..s.edited.into()], true, false);
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
}

/// `monitor fail`: true when monitors are to be told that the service is down.
pub fn monitor_fails<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, start: usize, len: usize) -> bool {
    let rules = Arc::clone(&cx.shared.rules);
    one(cx, s, &rules, s.fe(), Family::Monitor, Look::Request { at: start, len });
    s.effects.monitor_fails
}

fn one<K: Kernel>(
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
    let from = if matches!(look, Look::Request { .. }) { s.rule.1 as usize } else { 0 };
    let (verdict, op) = run(cx, s, (rules, program), look, from);
    match (look, verdict) {
        (Look::Request { at, len }, Verdict::Reply(_) | Verdict::Tarpit(_) | Verdict::Fail)
            if request::skip(cx, s, at + len).is_err() =>
        {
            return Some(request::refuse(cx, s, Fault::Framing));
        }
        (Look::Request { at, len }, Verdict::Later) if family != Family::Monitor => {
            s.rule.1 = op as u32;
            if let Some(ms) = s.effects.await_body_ms.take() {
                request::await_body(cx, s, cx.now.after(ms));
            }
            return Some(request::suspend(cx, s, at, len));
        }
        _ => {}
    }
    obey(cx, s, verdict, matches!(look, Look::Response { .. }))
}
