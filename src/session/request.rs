//! Receives the head of a request, looks at it once, and writes the head that will be sent on.

use super::channel::{Fill, pump};
use super::context::Ctx;
use super::context::Room;
use super::look::Look;
use super::{Phase, Session, Step, answer, body, connect, rules};
use crate::balance::key;
use crate::http::{Body, Fault, Head, HeadEnd, Keep, Method, Version, head_end, write_again, write_request};
use crate::mem::{Buffers, Handle};
use crate::model::{CloseMode, ForwardFor, KeySource, Mode, Proxy, opt};
use crate::pattern::Value;
use crate::sample::Notes;
use crate::server::{Shared, hash_options};
use crate::sys::{Addr, Kernel};
use crate::util::fmt::Out;
use crate::util::tick::Tick;
use std::fmt::Write;

/// Reads until the head is complete, then processes it.
pub fn receive<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    let headroom = cx.config.global.tune.maxrewrite;
    // Also while its body is moved: the next request may come along.
    s.req.reserve = headroom;
    loop {
        match complete(cx, s) {
            None | Some(Step::Wait) => {}
            Some(step) => return step,
        }
        match s.req.fill(cx, s.client, headroom) {
            Fill::Got(_) => {}
            Fill::Wait => return Step::Wait,
            Fill::NoBuffer => return wait_for_memory(cx, s),
            Fill::Full => return too_large(cx, s),
            Fill::Eof => return aborted(cx, s),
            Fill::Error(_) => return aborted(cx, s),
        }
    }
}

/// Pools are sized so that this does not happen with the default settings: try again in a moment.
fn wait_for_memory<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    let task = cx.session_task(s.me);
    cx.timers.set(task, cx.now.after(10));
    Step::Wait
}

fn too_large<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    let head = s.req.bytes(cx);
    let fault = match (head.contains(&b'\n'), head.contains(&b' ')) {
        (true, _) => Fault::TooLarge,
        (false, true) => Fault::UriTooLong,
        (false, false) => Fault::Syntax,
    };
    refuse(cx, s, fault)
}

/// The client left before its request was complete.
fn aborted<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    let p = &cx.config.proxies[s.fe()];
    let nothing = s.req.received == 0;
    if nothing && (cx.conns[s.client].requests > 0 || p.has(opt::IGNORE_PROBES)) {
        s.logged = true; // the end of a keep-alive connection, or a probe
        return s.end(b'C', b'R');
    }
    if nothing && p.has(opt::DONTLOGNULL) {
        s.logged = true;
    }
    if !s.logged {
        cx.tally(cx.shared.fe_slot(s.fe())).request_errors.inc();
    }
    answer::error(cx, s, 400, b'C', b'R')
}

/// `timeout http-request` (or `client`) passed.
pub fn timeout<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    let p = &cx.config.proxies[s.fe()];
    let nothing = s.req.received == 0;
    if nothing && (cx.conns[s.client].requests > 0 || p.has(opt::IGNORE_PROBES)) {
        s.logged = true;
        return s.end(b'c', b'R');
    }
    if nothing && p.has(opt::DONTLOGNULL) {
        s.logged = true;
    }
    cx.tally(cx.shared.fe_slot(s.fe())).request_errors.inc();
    answer::error(cx, s, 408, b'c', b'R')
}

/// Looks for the end of the head in what is there.
fn complete<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Option<Step> {
    if s.req.buf.is_none() || s.req.start == s.req.end {
        return None;
    }
    if s.scanned == 0 {
        // Empty lines before a request are to be ignored (RFC 9112 section 2.2).
        while s.req.bytes(cx).starts_with(b"\r\n") {
            s.req.start += 2;
            s.req.cleared = s.req.start;
        }
        if matches!(s.req.bytes(cx), [] | [b'\r']) {
            return None;
        }
        if !s.times.start.is_set() {
            begin(cx, s);
        }
    }
    match head_end(s.req.bytes(cx), s.scanned as usize) {
        HeadEnd::NotYet(n) => {
            s.scanned = n as u32;
            if is_no_http(s.req.bytes(cx)) {
                return Some(refuse(cx, s, Fault::Syntax));
            }
            let room = cx.bufs.size() - cx.config.global.tune.maxrewrite as usize;
            if s.req.bytes(cx).len() >= room { Some(too_large(cx, s)) } else { None }
        }
        HeadEnd::Bad(_) => Some(refuse(cx, s, Fault::Syntax)),
        HeadEnd::At(len) => Some(process(cx, s, len)),
    }
}

/// True when these first bytes cannot become a request: a TLS greeting, another protocol, a request line without a version.
fn is_no_http(bytes: &[u8]) -> bool {
    let line_end = bytes.iter().position(|b| *b == b'\n');
    let versionless = line_end.is_some_and(|n| !bytes[..n].windows(6).any(|w| w == b" HTTP/"));
    versionless || bytes.first().is_some_and(|b| !crate::http::is_token(*b))
}

/// The first byte of a request is there.
fn begin<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) {
    let c = &mut cx.conns[s.client];
    if c.requests > 0 {
        // On a connection that was kept alive the time for the whole request starts with its first byte.
        let t = &cx.config.proxies[s.fe as usize].timeouts;
        s.phase_at = cx.now.after_opt(t.request());
    }
    c.requests += 1;
    s.times.start = cx.now;
    s.times.start_at = cx.sys.wall();
    s.times.idle_ms = cx.now.since(cx.conns[s.client].accepted);
}

/// Answers a request that is malformed.
pub fn refuse<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, fault: Fault) -> Step {
    let status = match fault {
        Fault::UriTooLong => 414,
        Fault::TooLarge => 431,
        Fault::Payload => 413,
        Fault::Syntax | Fault::Version | Fault::Framing | Fault::Host => 400,
    };
    cx.tally(cx.shared.fe_slot(s.fe())).request_errors.inc();
    answer::error(cx, s, status, b'P', b'R')
}

/// Keeps the request line for the log and for rules.
fn capture_line<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) {
    if !cx.logs.wanted(s.fe()) && !cx.shared.rules.keeps_line || s.line.is_some() || s.req.buf.is_none() {
        return;
    }
    let Some(slot) = cx.lines.alloc() else { return };
    s.line = slot;
    let head = &cx.bufs.get(s.req.buf)[s.req.start as usize..s.req.end as usize];
    let line = &head[..head.iter().position(|b| *b == b'\r' || *b == b'\n').unwrap_or(0)];
    // One less than configured: HAProxy's setting counts an end mark.
    let n = line.len().min(cx.lines.size().saturating_sub(1));
    cx.lines.get_mut(slot)[..n].copy_from_slice(&line[..n]);
    s.line_len = n as u16;
}

/// The whole head is there.
fn process<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, len: usize) -> Step {
    let config = cx.config;
    let fe = &config.proxies[s.fe()];
    let start = s.req.start as usize;
    let head = &cx.bufs.get(s.req.buf)[start..start + len];
    if let Err(fault) = cx.head.parse_request(head, fe.has(opt::ACCEPT_INVALID_REQUEST)) {
        return refuse(cx, s, fault);
    }
    s.method = cx.head.method;
    if cx.head.has_doubtful_body() && !config.global.payload_with_any_method {
        return refuse(cx, s, Fault::Payload);
    }
    s.scanned = 0;
    s.times.request = cx.now;
    s.http11 = cx.head.version == Version::V11;
    s.expects_continue = cx.head.expects_continue && s.http11;
    s.keep_client = wants_keep(&cx.head) && fe.close_mode != CloseMode::Close;
    s.req.body = cx.head.body;
    s.phase_at = Tick::NEVER;
    capture_line(cx, s);
    cx.tally(cx.shared.fe_slot(s.fe())).requests.inc();
    cx.shared.proxies[s.fe()].fe_request_rate.tick(cx.now_ms);

    if let Some(step) = monitored(cx, s, start, len) {
        return step;
    }
    s.rule = (0, 0);
    dispatch(cx, s, start, len)
}

/// Lets the rules say what becomes of a request, and makes it ready for the server.
fn dispatch<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, start: usize, len: usize) -> Step {
    let config = cx.config;
    let answered = match cx.shared.rules.any {
        true => rules::request(cx, s, start, len),
        // Without rules, what is between them is left.
        false => [Some(s.fe()), backend_of(config, s)]
            .into_iter()
            .flatten()
            .find_map(|proxy| answer::statistics(cx, s, proxy, Look::Request { at: start, len })),
    };
    if let Some(step) = answered {
        return step;
    }
    let Some(be) = backend_of(config, s) else {
        if skip(cx, s, start + len).is_err() {
            return refuse(cx, s, Fault::Framing);
        }
        return answer::error(cx, s, 503, b'S', b'C');
    };
    s.be = be as u16;
    let be = &config.proxies[be];
    if waits_for_post(cx, s, start, len, be) {
        body::wait(cx, s, body::deadline(cx, s));
        return suspend(cx, s, start, len);
    }
    if be.has(opt::HTTP_PROXY) && !connect::takes_destination(cx, s, start, len) {
        return refuse(cx, s, Fault::Syntax);
    }
    s.key = balance_key(cx, s, start, len, be);
    match rewrite(cx, s, start, len, &config.proxies[s.fe()], be) {
        Ok(()) => {
            if s.req.clear(cx).is_err() {
                return refuse(cx, s, Fault::Framing);
            }
            Step::Goto(Phase::Assign)
        }
        Err(fault) => refuse(cx, s, fault),
    }
}

/// Stops in the middle of [`dispatch`], until more came or whoever holds it up wakes the session: the head is put back into the buffer
/// as it is now.
pub fn suspend<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, start: usize, len: usize) -> Step {
    s.scanned = len as u32;
    let answered = s.continued && cx.head.expects_continue;
    if s.edited > 0 || answered {
        let mut out = Out::new(&mut cx.scratch);
        write_again(&mut out, &cx.head, head_of(&cx.bufs, &cx.room, s, start, len), false, answered);
        let (new_len, cut) = (out.len(), out.overflow());
        if cut || replace_head(cx, s.req.buf, &mut s.req, start, len, new_len).is_none() {
            return refuse(cx, s, Fault::TooLarge);
        }
        s.req.cleared = s.req.start;
        (s.edited, s.scanned) = (0, new_len as u32);
    }
    Step::Goto(Phase::Rules)
}

/// What the rules wait for may have come.
pub fn resume<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    while let Fill::Got(_) = s.req.fill(cx, s.client, 0) {}
    if pump(cx, Handle::NONE, &mut s.res, s.client).is_err() {
        s.keep_client = false;
        return s.end(b'C', b'R');
    }
    let (start, len) = (s.req.start as usize, s.scanned as usize);
    if let Err(fault) = cx.head.parse_again(&cx.bufs.get(s.req.buf)[start..start + len]) {
        return refuse(cx, s, fault);
    }
    // A deadline is one rule's: the next one that waits has its own.
    let (rule, until) = (s.rule, std::mem::replace(&mut s.phase_at, Tick::NEVER));
    if until.is_set() && s.req.eof && !body::is_whole(cx, s, start + len) {
        return body::abandoned(cx, s);
    }
    match dispatch(cx, s, start, len) {
        Step::Goto(Phase::Rules) => {
            if s.rule == rule && s.phase_at.is_set() {
                s.phase_at = until;
            }
            Step::Wait
        }
        step => {
            s.scanned = 0;
            step
        }
    }
}

/// The backend that a session goes to: the one that its rules chose, else the frontend's own.
pub fn backend_of(config: &crate::model::Config, s: &Session) -> Option<usize> {
    let p = &config.proxies[s.fe()];
    s.effects.backend.or(p.default_backend).or(p.is_backend.then_some(s.fe()))
}

fn wants_keep(head: &Head) -> bool {
    !head.connection.close && (head.version == Version::V11 || head.connection.keep_alive)
}

/// Leaves a request behind that nobody is sent: its head, which ends at `end`, and what came along of its body.
pub fn skip<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, end: usize) -> Result<(), Fault> {
    s.req.cleared = end as u32;
    s.req.clear(cx)?;
    s.req.start = s.req.cleared;
    Ok(())
}

/// What the index of the request's head refers to: the head as rules left it, or as it came.
pub fn head_of<'a>(bufs: &'a Buffers, room: &'a Room, s: &Session, start: usize, len: usize) -> &'a [u8] {
    match s.edited {
        0 => &bufs.get(s.req.buf)[start..start + len],
        n => &room.text[..n.into()],
    }
}

/// `monitor-uri` and `monitor-net`: answered here.
fn monitored<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, start: usize, len: usize) -> Option<Step> {
    let fe = &cx.config.proxies[s.fe()];
    let head = &cx.bufs.get(s.req.buf)[start..start + len];
    let peer = cx.conns[s.client].peer.ip();
    let targets = [cx.head.uri.of(head), cx.head.path_and_query(head)];
    let monitored = fe.monitor_uri.as_ref().is_some_and(|u| targets.contains(&u.as_bytes()))
        || fe.monitor_net.is_some_and(|n| peer.is_some_and(|ip| n.contains(ip)));
    if !monitored {
        return None;
    }
    let status = if rules::monitor_fails(cx, s, start, len) { 503 } else { 200 };
    if skip(cx, s, start + len).is_err() {
        return Some(refuse(cx, s, Fault::Framing));
    }
    s.logged = true; // monitors are not logged
    Some(answer::error(cx, s, status, b'L', b'R'))
}

/// The hash that `balance` needs, taken while the head is at hand.
fn balance_key<K: Kernel>(cx: &Ctx<K>, s: &Session, start: usize, len: usize, be: &Proxy) -> Option<u32> {
    if be.balance.key == KeySource::None {
        return None;
    }
    let buffer = cx.bufs.get(s.req.buf);
    let head = head_of(&cx.bufs, &cx.room, s, start, len);
    let options = hash_options(be);
    match &be.balance.key {
        KeySource::None => None,
        KeySource::Source => {
            s.effects.client.unwrap_or(cx.conns[s.client].peer).ip().map(|ip| key::source(&options, ip))
        }
        KeySource::Uri { len, depth, whole, path_only } => {
            let args =
                key::UriArgs { len_bytes: *len as usize, depth: *depth as usize, whole: *whole, path_only: *path_only };
            Some(key::uri(&options, cx.head.uri.of(head), &args))
        }
        KeySource::UrlParam { name, check_post } => {
            let found = key::url_param(&options, cx.head.uri.of(head), name.as_bytes());
            if found.is_some() || check_post.is_none() || s.method != Method::Post {
                return found;
            }
            key::body_param(&options, posted(&buffer[start + len..s.req.end as usize], &cx.head.body)?, name.as_bytes())
        }
        KeySource::Hdr { name, domain_only } => {
            let value = cx.head.values(head, name.as_bytes()).next()?;
            key::hdr(&options, value, *domain_only)
        }
        KeySource::RdpCookie { .. } => None,
    }
}

/// What has come of a posted form: the body itself, or its first chunk. None while the first chunk's size is not there.
pub fn posted<'a>(bytes: &'a [u8], body: &Body) -> Option<&'a [u8]> {
    match body {
        Body::Chunked(_) => {
            let line = bytes.windows(2).position(|w| w == b"\r\n")?;
            let digits = bytes[..line].split(|b| *b == b';').next()?;
            let size = usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
            Some(&bytes[line + 2..][..size.min(bytes.len() - line - 2)])
        }
        Body::Length(n) => Some(&bytes[..bytes.len().min(usize::try_from(*n).unwrap_or(usize::MAX))]),
        _ => Some(&[]),
    }
}

/// Bytes of a posted form that `check_post` waits for when it says no number.
const CHECK_POST: usize = 48;

/// True while `balance url_param .. check_post` should wait for more of the body.
fn waits_for_post<K: Kernel>(cx: &Ctx<K>, s: &Session, start: usize, len: usize, be: &Proxy) -> bool {
    let KeySource::UrlParam { name, check_post: Some(wanted) } = &be.balance.key else { return false };
    if s.method != Method::Post || s.req.body.is_done() || s.expects_continue {
        return false;
    }
    let head = head_of(&cx.bufs, &cx.room, s, start, len);
    if key::url_param(&hash_options(be), cx.head.uri.of(head), name.as_bytes()).is_some() {
        return false;
    }
    let wanted = if *wanted == 0 { CHECK_POST } else { *wanted as usize };
    let have = posted(&cx.bufs.get(s.req.buf)[start + len..s.req.end as usize], &s.req.body);
    have.is_none_or(|h| h.len() < wanted) && !body::arrived(cx, s, start + len)
}

/// Writes the head for the server in place of the one that came: so that it ends where the body begins.
fn rewrite<K: Kernel>(
    cx: &mut Ctx<K>,
    s: &mut Session,
    start: usize,
    len: usize,
    fe: &Proxy,
    be: &Proxy,
) -> Result<(), Fault> {
    let mode = fe.close_mode.max(be.close_mode);
    // HTTP/2 in clear text is not spoken here, so nobody may switch to it behind our back.
    let upgrade = cx.head.connection.upgrade && s.http11 && !cx.head.upgrades_to_h2();
    s.asked_upgrade = upgrade;
    let private = mode == CloseMode::ServerClose || mode == CloseMode::Close;
    s.keep_server = !private;
    let keep = match mode {
        CloseMode::Tunnel => Keep::Silent,
        _ if upgrade => Keep::Upgrade,
        _ if private && (fe.options | be.options) & opt::PRETEND_KEEPALIVE != 0 => Keep::Alive,
        _ if private => Keep::Close,
        _ => Keep::Alive,
    };
    let (mut for_text, mut to_text) = ([0u8; 48], [0u8; 48]);
    let peer = s.effects.client.unwrap_or(cx.conns[s.client].peer);
    let original = be.original_to.is_some() || fe.original_to.is_some();
    let local = if original { connect::client_ends(cx, s).1 } else { Addr::None };
    let head = head_of(&cx.bufs, &cx.room, s, start, len);
    let mut add: [(&[u8], &[u8]); 4] = [(b"", b""); 4];
    let mut n = 0;
    if let Some(name) = &fe.unique_id_header
        && let Some(id) = unique_id(cx.shared, &cx.notes, s)
    {
        add[n] = (name.as_bytes(), id);
        n += 1;
    }
    if let Some(name) = &be.name_header {
        cx.head.remove(head, name.as_bytes());
        add[n] = (name.as_bytes(), &cx.name_room);
        n += 1;
    }
    let settings = [
        ([&be.forward_for, &fe.forward_for], peer, &mut for_text),
        ([&be.original_to, &fe.original_to], local, &mut to_text),
    ];
    for (settings, addr, space) in settings {
        if let Some((name, value)) = address_header(&cx.head, head, settings, addr, space) {
            add[n] = (name.as_bytes(), value);
            n += 1;
        }
    }
    let mut out = Out::new(&mut cx.scratch);
    write_request(&mut out, &cx.head, head, keep, &add[..n]);
    if out.overflow() {
        return Err(Fault::TooLarge);
    }
    let new_len = out.len();
    s.name_at = be.name_header.as_ref().and_then(|name| place_of_name(out.bytes(), name));
    replace_head(cx, s.req.buf, &mut s.req, start, len, new_len).ok_or(Fault::TooLarge)
}

/// What `unique-id-format` made.
fn unique_id<'a>(shared: &Shared, notes: &'a Buffers, s: &Session) -> Option<&'a [u8]> {
    let note = shared.rules.layout.unique_id()?;
    let transaction = if s.notes.is_some() { notes.get(s.notes) } else { return None };
    match (Notes { transaction, ..Notes::default() }).get(note) {
        Some(Value::Str(text)) => Some(text),
        _ => None,
    }
}

/// Where the value of `http-send-name-header` begins in a head that was just written: its name stands in no other field.
fn place_of_name(head: &[u8], name: &str) -> Option<u16> {
    let line = |w: &[u8]| w.starts_with(b"\r\n") && w.ends_with(b": ") && w[2..].starts_with(name.as_bytes());
    head.windows(name.len() + 4).position(line).map(|at| (at + name.len() + 4) as u16)
}

/// Tells the server its name, in the place that was kept for it: blanks behind a value are no part of it.
pub fn write_name<K: Kernel>(cx: &mut Ctx<K>, s: &Session) {
    let (Some(at), Some(server)) = (s.name_at, s.server()) else { return };
    let from = s.req.start as usize + usize::from(s.prefix) + usize::from(at);
    let name = cx.config.servers[server].name.as_bytes();
    let place = &mut cx.bufs.get_mut(s.req.buf)[from..from + cx.name_room.len()];
    place.fill(b' ');
    place[..name.len()].copy_from_slice(name);
}

/// The field that tells an address, by the settings of backend and frontend: the backend's name for it counts, each one's exceptions
/// do, and who does not say `if-none` wants it in any case (manual, `option forwardfor`).
fn address_header<'a, 'b>(
    index: &Head,
    head: &[u8],
    settings: [&'b Option<ForwardFor>; 2],
    addr: Addr,
    space: &'a mut [u8; 48],
) -> Option<(&'b str, &'a [u8])> {
    let ip = addr.ip()?;
    let mut both = settings.into_iter().flatten();
    if both.clone().any(|f| f.except.is_some_and(|net| net.contains(ip))) {
        return None;
    }
    let if_none = both.clone().all(|f| f.if_none);
    let name = both.next()?.header.as_str();
    if if_none && index.values(head, name.as_bytes()).next().is_some() {
        return None;
    }
    let len = {
        let mut out = Out::new(space);
        let _ = write!(out, "{ip}");
        out.len()
    };
    Some((name, &space[..len]))
}

/// Puts the first `new_len` bytes of the scratch buffer in place of the `old_len` bytes at `at`, and clears them to be sent. The head
/// grows towards the front when nothing unsent is there; else what follows is moved. None when it does not fit.
pub fn replace_head<K: Kernel>(
    cx: &mut Ctx<K>,
    buf: Handle<()>,
    ch: &mut super::channel::Channel,
    at: usize,
    old_len: usize,
    new_len: usize,
) -> Option<()> {
    let end_of_head = at + old_len;
    let bytes = cx.bufs.get_mut(buf);
    let size = bytes.len();
    if ch.start as usize == at && new_len <= end_of_head {
        let new_start = end_of_head - new_len;
        bytes[new_start..end_of_head].copy_from_slice(&cx.scratch[..new_len]);
        ch.start = new_start as u32;
        ch.cleared = end_of_head as u32;
        return Some(());
    }
    let rest = ch.end as usize - end_of_head;
    // What is unsent before the head gives way towards the front.
    let missing = (at + new_len + rest).saturating_sub(size);
    if missing > ch.start as usize {
        return None;
    }
    bytes.copy_within(ch.start as usize..at, ch.start as usize - missing);
    ch.start -= missing as u32;
    let at = at - missing;
    let new_end = at + new_len + rest;
    bytes.copy_within(end_of_head..end_of_head + rest, at + new_len);
    bytes[at..at + new_len].copy_from_slice(&cx.scratch[..new_len]);
    ch.cleared = (at + new_len) as u32;
    ch.end = new_end as u32;
    Some(())
}

/// The phase in which a listener's sessions begin.
pub fn first_phase(mode: Mode, accept_proxy: bool) -> Phase {
    match mode {
        _ if accept_proxy => Phase::ProxyHeader,
        Mode::Http => Phase::Request,
        Mode::Tcp | Mode::Health => Phase::Inspect,
    }
}
