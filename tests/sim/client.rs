//! Clients: HTTP ones with a list of requests for one connection, TCP ones with a stream, and operators.

use crate::actor::{Pace, World};
use crate::kernel::{Ev, Got, Net};
use crate::message::{Decoder, Framing, HeadIn, MAX_BODY, Part, pattern};
use crate::trace;
use evenkeel::sys::Addr;
use std::fmt::Write;

/// How a client leaves before its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Leave {
    Reset,
    Close,
    /// Closes its own direction and waits for what comes.
    Half,
}

/// When.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    Sent(usize),
    Got(usize),
    At(u64),
}

/// What a client does when it has all its answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AtEnd {
    Close,
    HalfClose,
    /// Leaves the connection to the proxy.
    Idle,
}

struct Receiving {
    id: usize,
    body: Decoder,
    until_close: bool,
    close: bool,
    by_proxy: bool,
    status: u16,
}

struct Tunnel {
    id: usize,
    total: usize,
    sent: usize,
    got: usize,
    shut: bool,
}

/// An HTTP client with one connection.
pub struct Client {
    pub listener: usize,
    pub addr: Addr,
    pub preamble: Vec<u8>,
    pub ids: Vec<usize>,
    /// Requests sent ahead of the answers.
    pub depth: usize,
    pub send: Pace,
    pub recv: Pace,
    pub think: u64,
    pub leave: Option<(Leave, When)>,
    pub patience: Option<u64>,
    pub at_end: AtEnd,
    pub page: bool,
    /// It sends what must be refused.
    pub nonsense: bool,

    pub link: Option<usize>,
    out: Vec<u8>,
    off: usize,
    head: usize,
    next: usize,
    /// What is being sent is the request `next`, not the PROXY header before the first.
    is_request: bool,
    answered: usize,
    inb: Vec<u8>,
    cur: Option<Receiving>,
    tunnel: Option<Tunnel>,
    continued: bool,
    hold_until: u64,
    think_until: u64,
    closing: bool,
    shut: bool,
    sent: usize,
    got: usize,
    pub over: bool,
    /// It was cut off or left by itself: incomplete answers are no fault.
    pub excused: bool,
    begun_at: u64,
}

impl Client {
    pub fn new(listener: usize, addr: Addr, ids: Vec<usize>) -> Client {
        let pace = Pace { piece: 0, gap: 0, next: 0 };
        Client {
            listener,
            addr,
            preamble: Vec::new(),
            ids,
            depth: 1,
            send: pace,
            recv: pace,
            think: 0,
            leave: None,
            patience: None,
            at_end: AtEnd::Close,
            page: false,
            nonsense: false,
            link: None,
            out: Vec::new(),
            off: 0,
            head: 0,
            next: 0,
            is_request: false,
            answered: 0,
            inb: Vec::new(),
            cur: None,
            tunnel: None,
            continued: false,
            hold_until: 0,
            think_until: 0,
            closing: false,
            shut: false,
            sent: 0,
            got: 0,
            over: false,
            excused: false,
            begun_at: 0,
        }
    }

    pub fn describe(&self) -> String {
        let cur = self.cur.as_ref().map(|c| {
            format!(
                "in response {} status {} body {} by proxy {} close {}",
                c.id, c.status, c.body.got, c.by_proxy, c.close
            )
        });
        format!(
            "client link {:?} requests {:?} sending #{} {}/{} answered {} tunnel {} closing {} shut {} {:?}",
            self.link,
            self.ids,
            self.next,
            self.off,
            self.out.len(),
            self.answered,
            self.tunnel.is_some(),
            self.closing,
            self.shut,
            cur
        )
    }

    pub fn run(&mut self, me: usize, net: &mut Net, world: &mut World) {
        if self.over {
            return;
        }
        let Some(link) = self.link else {
            self.link = Some(net.call(self.listener, me, self.addr));
            self.begun_at = net.now;
            trace!(
                net,
                "client {me} calls: link {} requests {:?} {:?} {:?}",
                self.link.unwrap_or(0),
                self.ids,
                self.leave,
                self.at_end
            );
            self.out = std::mem::take(&mut self.preamble);
            if let Some(ms) = self.patience {
                net.at(ms, Ev::Actor(me));
            }
            if let Some((_, When::At(ms))) = self.leave {
                net.at(ms, Ev::Actor(me));
            }
            return;
        };
        loop {
            let moved = self.read(me, link, net, world);
            if self.over || self.leaves(link, net, world) {
                return;
            }
            let wrote = self.write(me, link, net, world);
            if self.over || self.leaves(link, net, world) {
                return;
            }
            if !moved && !wrote {
                return;
            }
        }
    }

    fn end(&mut self, net: &mut Net, world: &mut World, how: Leave) {
        if self.over {
            return;
        }
        self.over = true;
        world.clients_left -= 1;
        let link = self.link.expect("a link");
        trace!(net, "client link {link} ends ({how:?}) answered {}/{}", self.answered, self.ids.len());
        match how {
            Leave::Reset => net.peer_abort(link),
            _ => net.peer_close(link),
        }
    }

    fn leaves(&mut self, link: usize, net: &mut Net, world: &mut World) -> bool {
        let age = net.now - self.begun_at;
        if self.patience.is_some_and(|p| age >= p) {
            self.excused = true;
            world.seen.client_aborts += 1;
            self.end(net, world, Leave::Close);
            return true;
        }
        let Some((how, when)) = self.leave else { return false };
        let now = match when {
            When::Sent(n) => self.sent >= n,
            When::Got(n) => self.got >= n,
            When::At(ms) => age >= ms,
        };
        if !now {
            return false;
        }
        self.leave = None;
        self.excused = true;
        world.seen.client_aborts += 1;
        trace!(net, "client link {link} leaves: {how:?}");
        if how == Leave::Half {
            self.shut = true;
            net.peer_shutdown(link);
            return false;
        }
        self.end(net, world, how);
        true
    }

    fn read(&mut self, me: usize, link: usize, net: &mut Net, world: &mut World) -> bool {
        if self.recv.waits(net) {
            return false;
        }
        let before = self.inb.len();
        let max = if self.recv.gap > 0 { self.recv.piece } else { 50_000 };
        match net.peer_recv(link, max, &mut self.inb) {
            Got::Data(n) => {
                self.got += n;
                if self.recv.gap > 0 {
                    self.recv.next = net.now + self.recv.gap;
                    net.at(self.recv.gap, Ev::Actor(me));
                }
                trace!(net, "  client link {link} reads {n}");
                self.process(me, link, net, world);
                let _ = before;
                true
            }
            Got::Nothing => false,
            Got::Eof => {
                trace!(net, "  client link {link}: end of input");
                self.ended(net, world, false);
                false
            }
            Got::Reset => {
                trace!(net, "  client link {link}: reset");
                self.ended(net, world, true);
                false
            }
        }
    }

    /// The proxy closed.
    fn ended(&mut self, net: &mut Net, world: &mut World, reset: bool) {
        let calm = world.calm && !self.excused;
        if let Some(mut c) = self.cur.take() {
            if c.until_close && !reset {
                c.body.done = true;
                self.complete(c, net, world);
            } else {
                world.seen.cut += 1;
                assert!(!calm, "request {}: response cut after {} bytes of its body (reset {reset})", c.id, c.body.got);
            }
        } else if !self.inb.is_empty() {
            assert!(!calm, "a response head is cut: {:?}", String::from_utf8_lossy(&self.inb));
        }
        if let Some(t) = &self.tunnel {
            if t.got == t.total && !reset {
                world.seen.tunnels += 1;
            }
            assert!(
                !calm || (t.got == t.total && !reset),
                "request {}: tunnel ended after {}/{} bytes, reset {reset}",
                t.id,
                t.got,
                t.total
            );
        }
        let waiting = self.answered < self.ids.len() && !self.closing && self.tunnel.is_none() && !self.page;
        if calm && (waiting || reset && !self.closing) {
            panic!("the proxy closed (reset {reset}) with {} of {} requests answered", self.answered, self.ids.len());
        }
        self.end(net, world, Leave::Close);
    }

    fn process(&mut self, me: usize, link: usize, net: &mut Net, world: &mut World) {
        loop {
            if let Some(t) = &mut self.tunnel {
                let n = self.inb.len();
                assert!(t.got + n <= t.sent, "tunnel {}: more comes back than was sent", t.id);
                assert!(self.inb == pattern(t.id, Part::Tunnel, t.got, n), "tunnel {}: wrong bytes at {}", t.id, t.got);
                t.got += n;
                self.inb.clear();
                return;
            }
            if let Some(c) = &mut self.cur {
                let n = c.body.feed(&self.inb);
                self.inb.drain(..n);
                if !c.body.done {
                    return;
                }
                if let Some(c) = self.cur.take() {
                    self.complete(c, net, world);
                }
                if self.think > 0 {
                    self.think_until = net.now + self.think;
                    net.at(self.think, Ev::Actor(me));
                }
                continue;
            }
            if self.inb.is_empty() {
                return;
            }
            if self.closing {
                panic!("bytes after the last response: {:?}", String::from_utf8_lossy(&self.inb));
            }
            let start = &self.inb[..self.inb.len().min(7)];
            assert!(b"HTTP/1.".starts_with(start), "no response: {:?}", String::from_utf8_lossy(&self.inb));
            let Some(head) = HeadIn::parse(&self.inb) else { return };
            self.inb.drain(..head.len);
            self.response(&head, link, net, world);
            if self.over {
                return;
            }
        }
    }

    fn response(&mut self, head: &HeadIn, link: usize, net: &mut Net, world: &mut World) {
        let status: u16 = head
            .first
            .get(9..12)
            .and_then(|t| t.parse().ok())
            .unwrap_or_else(|| panic!("status line {:?}", head.first));
        trace!(net, "  client link {link}: response {} id {:?}", head.first, head.get("x-id"));
        if head.get("x-evil").is_some() {
            // Bytes that a server sent unasked may be taken for the next response when they arrive after the next request
            // was sent: nobody can tell. Counted; the rest of this connection proves nothing.
            world.seen.evil += 1;
            assert!(!world.calm, "an unasked response reached the client");
            self.excused = true;
            self.end(net, world, Leave::Reset);
            return;
        }
        let begun = if self.page {
            usize::from(self.off > 0)
        } else {
            self.next + usize::from(self.is_request && self.off > 0)
        };
        let Some(id) = head.number("x-id") else { return self.own_answer(head, status, begun, link, net, world) };
        assert!(self.answered < begun, "response {id} to nothing: {} answered, {begun} begun", self.answered);
        let expected = self.ids[self.answered];
        assert_eq!(id, expected, "the response of another request");
        let r = &world.reqs[id];
        if status < 200 && status != 101 {
            assert!(!r.http10, "an interim response to HTTP/1.0");
            world.seen.interim += 1;
            self.continued |= status == 100;
            return;
        }
        assert!(head.count("content-length") + head.count("transfer-encoding") <= 1, "framing of response {id}");
        if status == 101 {
            assert!(r.upgrade && r.plan.upgrade && head.get("upgrade") == Some("sim"), "101 to request {id}");
            world.reqs[id].answers += 1;
            self.answered += 1;
            assert_eq!(world.reqs[id].answers, 1, "request {id} answered twice");
            let total = (id * 131) % 30_000;
            self.tunnel = Some(Tunnel { id, total, sent: 0, got: 0, shut: false });
            return;
        }
        assert!(
            !matches!(r.plan.wrong, crate::message::Wrong::Garbage(_) | crate::message::Wrong::Switch)
                || r.delivered > r.plan.times,
            "garbage for request {id} reached the client"
        );
        assert_eq!(status, r.plan.status, "status of response {id}");
        let server: Option<usize> = head.number("x-server");
        assert!(server.is_some_and(|s| s < world.servers.len()), "fields of response {id}");
        let close = head.says("close") || r.http10 && !head.says("keep-alive");
        let (framing, until_close) = if r.bodiless(status) {
            (Framing::None, false)
        } else if head.count("transfer-encoding") > 0 {
            assert!(!r.http10, "chunks to HTTP/1.0");
            (Framing::Chunked(MAX_BODY), false)
        } else if let Some(n) = head.number("content-length") {
            assert_eq!(n, r.plan.framing.len(), "length of response {id}");
            (Framing::Length(n), false)
        } else {
            assert!(close, "response {id} ends with the connection, which is said to stay");
            (Framing::UntilClose(MAX_BODY), true)
        };
        let body = Decoder::new(id, Part::Response, framing);
        self.cur = Some(Receiving { id, body, until_close, close, by_proxy: false, status });
    }

    /// An answer of the proxy itself.
    fn own_answer(&mut self, head: &HeadIn, status: u16, begun: usize, link: usize, net: &mut Net, world: &mut World) {
        let nothing_asked = self.answered >= begun;
        assert!(!nothing_asked || matches!(status, 408 | 400), "{} without a request", head.first);
        let _ = link;
        if status == 100 {
            panic!("100 without a number: the proxy does not say that itself");
        }
        world.seen.by_proxy[status as usize / 100] += 1;
        // Only an answer to a whole request leaves the connection open, and only one whose end can be told.
        let close = head.says("close");
        let chunked = head.count("transfer-encoding") > 0;
        let stays = matches!(status, 200 | 502 | 503 | 504) && (chunked || head.get("content-length").is_some());
        assert!(close || stays, "an answer of the proxy that leaves the connection open: {}", head.first);
        assert!(
            !world.calm || self.page || self.excused,
            "request {:?}: the proxy answered {}",
            self.ids.get(self.answered),
            head.first
        );
        let allowed: &[u16] = if self.nonsense {
            &[400, 408, 414, 431]
        } else if self.page {
            &[200, 400, 408]
        } else {
            &[400, 408, 414, 431, 502, 503, 504]
        };
        assert!(allowed.contains(&status), "an answer of the proxy: {}", head.first);
        let id = self.ids.get(self.answered).copied().unwrap_or(usize::MAX);
        if let Some(r) = world.reqs.get_mut(id) {
            r.refused = status;
        }
        let mut length = head.number("content-length");
        if world.reqs.get(id).is_some_and(|r| r.method == "HEAD") && !nothing_asked {
            // The proxy may not know that it is a HEAD when it refuses a request that it has not understood.
            length = if matches!(status, 400 | 408 | 414 | 431) { None } else { Some(0) };
        }
        let until_close = length.is_none() && !chunked;
        let framing = match length {
            Some(n) => Framing::Length(n),
            None if chunked => Framing::Chunked(MAX_BODY),
            None => Framing::UntilClose(MAX_BODY),
        };
        let body = Decoder::new(id, Part::FromProxy, framing);
        self.cur = Some(Receiving { id, body, until_close, close, by_proxy: true, status });
        let _ = net;
    }

    fn complete(&mut self, c: Receiving, net: &mut Net, world: &mut World) {
        trace!(
            net,
            "  client: response {} complete, {} bytes{}",
            c.id,
            c.body.got,
            if c.close { ", closing" } else { "" }
        );
        self.closing |= c.close || c.until_close;
        self.answered += 1;
        if c.by_proxy {
            world.seen.refused += 1;
            if self.page && c.status == 200 {
                world.seen.pages += 1;
            }
            return;
        }
        let r = &mut world.reqs[c.id];
        r.answers += 1;
        assert_eq!(r.answers, 1, "request {} answered twice", c.id);
        let wanted = if r.bodiless(c.status) { 0 } else { r.plan.framing.len() };
        let whole = c.body.got == wanted;
        // Only what ends with the connection can be short without showing it.
        assert!(whole || c.until_close && !world.calm, "response {}: {} of {wanted} bytes", c.id, c.body.got);
        r.complete = whole;
        world.seen.complete += u64::from(whole);
        world.seen.by_class[c.status as usize / 100] += 1;
    }

    fn write(&mut self, me: usize, link: usize, net: &mut Net, world: &mut World) -> bool {
        if self.shut {
            return false;
        }
        if let Some(t) = &mut self.tunnel {
            if t.sent < t.total {
                let most = self.send.allow(net, me).min(t.total - t.sent);
                let n = if most == 0 { 0 } else { net.peer_send(link, pattern(t.id, Part::Tunnel, t.sent, most)) };
                t.sent += n;
                self.sent += n;
                return n > 0;
            }
            // Half-close at once, or when everything is back.
            if !t.shut && (t.id % 2 == 0 || t.got == t.total) {
                t.shut = true;
                self.shut = true;
                net.peer_shutdown(link);
            }
            return false;
        }
        if self.off == self.out.len() {
            if self.closing {
                return false;
            }
            if self.next < self.ids.len() && self.off > 0 {
                self.off = 0;
                self.out.clear();
                self.next += usize::from(self.is_request);
                self.is_request = false;
            }
            if self.out.is_empty() && self.next < self.ids.len() {
                if !self.may_begin(net, world) {
                    return false;
                }
                let (bytes, head) = world.reqs[self.ids[self.next]].bytes(self.ids[self.next]);
                (self.out, self.head, self.continued, self.is_request) = (bytes, head, false, true);
                world.seen.requests += 1;
                if world.reqs[self.ids[self.next]].expect {
                    self.hold_until = net.now + 300;
                    net.at(300, Ev::Actor(me));
                }
            }
            if self.next >= self.ids.len() {
                self.script_done(link, net, world);
                return false;
            }
        }
        if self.closing && self.answered > self.next {
            // Answered before it was sent, and the connection is to close: some send the rest all the same, some leave.
            if self.ids.get(self.answered - 1).is_some_and(|i| i % 2 == 0) {
                self.excused = true;
                self.end(net, world, Leave::Close);
                return false;
            }
        }
        let holds = self.is_request
            && world.reqs[self.ids[self.next]].expect
            && !self.continued
            && net.now < self.hold_until
            && self.answered <= self.next;
        let limit = if holds { self.head } else { self.out.len() };
        if self.off >= limit {
            return false;
        }
        let most = self.send.allow(net, me).min(limit - self.off);
        let n = if most == 0 { 0 } else { net.peer_send(link, &self.out[self.off..self.off + most]) };
        self.off += n;
        self.sent += n;
        n > 0
    }

    fn may_begin(&self, net: &Net, world: &World) -> bool {
        let special = |i: usize| world.reqs[self.ids[i]].upgrade || world.reqs[self.ids[i]].expect;
        let ahead = self.next - self.answered.min(self.next);
        let depth = if self.next > 0 && special(self.next - 1) { 1 } else { self.depth };
        ahead < depth && net.now >= self.think_until
    }

    fn script_done(&mut self, link: usize, net: &mut Net, world: &mut World) {
        let all = self.answered >= self.ids.len() + usize::from(self.page);
        match self.at_end {
            AtEnd::Close if all => self.end(net, world, Leave::Close),
            AtEnd::HalfClose if !self.shut && (all || !self.ids.last().is_some_and(|i| world.reqs[*i].upgrade)) => {
                self.shut = true;
                net.peer_shutdown(link);
            }
            _ => {}
        }
    }
}

/// A client of a TCP proxy: says its number, sends a stream, takes one.
pub struct TcpClient {
    pub id: usize,
    pub listener: usize,
    pub addr: Addr,
    pub out: Vec<u8>,
    pub send: Pace,
    pub recv: Pace,
    pub leave: Option<(Leave, When)>,
    pub link: Option<usize>,
    sent: usize,
    off: usize,
    inb: Vec<u8>,
    got: usize,
    shut: bool,
    eof: bool,
    pub over: bool,
    begun_at: u64,
}

impl TcpClient {
    pub fn new(id: usize, listener: usize, addr: Addr, preamble: Vec<u8>, send: Pace, recv: Pace) -> TcpClient {
        let mut out = preamble;
        out.extend_from_slice(format!("{id:08}").as_bytes());
        TcpClient {
            id,
            listener,
            addr,
            out,
            send,
            recv,
            leave: None,
            link: None,
            sent: 0,
            off: 0,
            inb: Vec::new(),
            got: 0,
            shut: false,
            eof: false,
            over: false,
            begun_at: 0,
        }
    }

    pub fn describe(&self) -> String {
        format!(
            "tcp client {} link {:?} sent {} got {} shut {} eof {}",
            self.id, self.link, self.sent, self.got, self.shut, self.eof
        )
    }

    pub fn run(&mut self, me: usize, net: &mut Net, world: &mut World) {
        if self.over {
            return;
        }
        let Some(link) = self.link else {
            self.link = Some(net.call(self.listener, me, self.addr));
            self.begun_at = net.now;
            trace!(net, "tcp client {} calls: link {:?} {:?}", self.id, self.link, self.leave);
            if let Some((_, When::At(ms))) = self.leave {
                net.at(ms, Ev::Actor(me));
            }
            return;
        };
        loop {
            let moved = self.read(me, link, net, world) | self.write(me, link, net, world);
            if self.over || self.leaves(link, net, world) || !moved {
                break;
            }
        }
    }

    fn end(&mut self, link: usize, net: &mut Net, world: &mut World, reset: bool) {
        if !self.over {
            self.over = true;
            world.clients_left -= 1;
            trace!(net, "tcp client {} ends (reset {reset}): {}", self.id, self.describe());
            if reset { net.peer_abort(link) } else { net.peer_close(link) }
        }
    }

    fn leaves(&mut self, link: usize, net: &mut Net, world: &mut World) -> bool {
        let Some((how, when)) = self.leave else { return false };
        let now = match when {
            When::Sent(n) => self.sent >= n,
            When::Got(n) => self.got >= n,
            When::At(ms) => net.now - self.begun_at >= ms,
        };
        if now {
            world.seen.client_aborts += 1;
            self.end(link, net, world, how == Leave::Reset);
        }
        now
    }

    fn read(&mut self, me: usize, link: usize, net: &mut Net, world: &mut World) -> bool {
        if self.recv.waits(net) || self.eof {
            return false;
        }
        let max = if self.recv.gap > 0 { self.recv.piece } else { 50_000 };
        match net.peer_recv(link, max, &mut self.inb) {
            Got::Data(_) => {
                if self.recv.gap > 0 {
                    self.recv.next = net.now + self.recv.gap;
                    net.at(self.recv.gap, Ev::Actor(me));
                }
                let end = &mut world.tcp_clients[self.id];
                if end.other.is_none() && self.inb.len() >= 8 {
                    let server =
                        std::str::from_utf8(&self.inb[..8]).expect("text").parse().expect("the server's number");
                    end.other = Some(server);
                    self.inb.drain(..8);
                }
                if let Some(server) = end.other {
                    assert!(
                        self.inb == pattern(server, Part::FromServer, self.got, self.inb.len()),
                        "tcp client {}: wrong bytes at {}",
                        self.id,
                        self.got
                    );
                    self.got += self.inb.len();
                    end.got = self.got;
                    self.inb.clear();
                }
                true
            }
            Got::Nothing => false,
            Got::Eof => {
                trace!(net, "  tcp client {} link {link}: end of input", self.id);
                self.eof = true;
                world.tcp_clients[self.id].eof = true;
                if world.calm {
                    let server = world.tcp_clients[self.id].other.expect("calm: a server answered");
                    if let Some(t) = world.tcp_servers.get(&server) {
                        assert_eq!(self.got, t.total, "tcp client {}: bytes from the server", self.id);
                    }
                } else {
                    // It knows no better than that the other side has finished, or the proxy gave up.
                    self.end(link, net, world, false);
                }
                true
            }
            Got::Reset => {
                trace!(net, "  tcp client {} link {link}: reset", self.id);
                assert!(!world.calm, "tcp client {} is reset", self.id);
                self.end(link, net, world, true);
                false
            }
        }
    }

    fn write(&mut self, me: usize, link: usize, net: &mut Net, world: &mut World) -> bool {
        if self.over {
            return false;
        }
        if self.off < self.out.len() {
            let n = net.peer_send(link, &self.out[self.off..]);
            self.off += n;
            return n > 0;
        }
        let total = world.tcp_clients[self.id].total;
        if self.sent < total {
            let most = self.send.allow(net, me).min(total - self.sent);
            let n = if most == 0 { 0 } else { net.peer_send(link, pattern(self.id, Part::Request, self.sent, most)) };
            self.sent += n;
            return n > 0;
        }
        if !self.shut {
            self.shut = true;
            net.peer_shutdown(link);
        }
        if self.eof {
            world.seen.tcp_complete += 1;
            self.end(link, net, world, false);
        }
        false
    }
}

/// Somebody at the command socket.
pub struct Operator {
    pub listener: usize,
    pub commands: String,
    pub link: Option<usize>,
    pub sent: usize,
    pub answer: Vec<u8>,
    pub over: bool,
}

impl Operator {
    pub fn run(&mut self, me: usize, net: &mut Net, world: &mut World) {
        if self.over {
            return;
        }
        let Some(link) = self.link else {
            self.link = Some(net.call(self.listener, me, Addr::Unix));
            return;
        };
        loop {
            match net.peer_recv(link, 10_000, &mut self.answer) {
                Got::Data(_) => continue,
                Got::Nothing => break,
                Got::Eof | Got::Reset => {
                    let mut text = String::new();
                    let _ = write!(text, "{:?} -> {} bytes", self.commands, self.answer.len());
                    trace!(net, "operator: {text}");
                    world.seen.pages += 1;
                    self.over = true;
                    world.clients_left -= 1;
                    assert!(!world.calm || !self.answer.is_empty(), "operator: no answer to {:?}", self.commands);
                    net.peer_close(link);
                    return;
                }
            }
        }
        if self.sent < self.commands.len() {
            self.sent += net.peer_send(link, &self.commands.as_bytes()[self.sent..]);
        }
    }
}
