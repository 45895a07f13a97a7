//! Origin servers, one actor a connection: HTTP with a planned answer for each request, or a TCP stream.

use crate::actor::{Pace, TcpEnd, World};
use crate::kernel::{Ev, Got, LinkState, Net, TO_PEER};
use crate::message::{Decoder, Ending, Framing, HeadIn, Part, Plan, Req, Wrong, pattern, put_body};
use crate::trace;
use evenkeel::model::ProxyHeader;

struct Serving {
    id: usize,
    plan: Plan,
    request: Decoder,
    out: Vec<u8>,
    off: usize,
    go_at: u64,
    after: Ending,
    /// The request expects a 100 that must go first.
    pace: Pace,
}

/// A connection as its server sees it.
pub struct Origin {
    server: usize,
    link: usize,
    inb: Vec<u8>,
    header_due: bool,
    cur: Option<Serving>,
    echo: bool,
    eof: bool,
    close_at: Option<u64>,
    stalled: bool,
    /// A health check: answered and closed.
    tcp: Option<Stream>,
    pub over: bool,
}

struct Stream {
    total: usize,
    sent: usize,
    banner: Vec<u8>,
    client: Option<usize>,
    pace: Pace,
    cut: Option<(usize, Ending)>,
    shut: bool,
    waits_for_client: bool,
}

impl Origin {
    pub fn new(net: &mut Net, world: &World, server: usize, link: usize) -> Origin {
        let spec = &world.servers[server];
        let r = &mut net.rng;
        let tcp = (!spec.http).then(|| {
            let total = r.size(150_000);
            let wrong = !world.calm && r.percent(20);
            let ending = r.pick(&[Ending::Reset, Ending::Close, Ending::Stall]);
            Stream {
                total,
                sent: 0,
                banner: format!("{link:08}").into_bytes(),
                client: None,
                pace: pace(r, total),
                cut: wrong.then(|| (r.below(total + 1), ending)),
                shut: false,
                waits_for_client: r.percent(50),
            }
        });
        Origin {
            server,
            link,
            inb: Vec::new(),
            header_due: spec.header != ProxyHeader::None,
            cur: None,
            echo: false,
            eof: false,
            close_at: None,
            stalled: false,
            tcp,
            over: false,
        }
    }

    pub fn describe(&self) -> String {
        let cur = self.cur.as_ref().map(|c| {
            format!(
                "request {} body {}/{} sent {}/{} {:?}",
                c.id,
                c.request.got,
                c.request.done,
                c.off,
                c.out.len(),
                c.plan
            )
        });
        format!("origin {} link {} eof {} stalled {} {:?}", self.server, self.link, self.eof, self.stalled, cur)
    }

    pub fn run(&mut self, me: usize, net: &mut Net, world: &mut World) {
        if self.over || net.links[self.link].state == LinkState::Opening {
            if net.links[self.link].state == LinkState::Opening && net.links[self.link].ways[TO_PEER].is_reset() {
                self.over = true; // given up by the proxy before it was there
            }
            return;
        }
        loop {
            let mut moved = self.read(me, net, world);
            if self.over {
                return;
            }
            moved |= self.write(me, net, world);
            if self.over || !moved {
                return;
            }
        }
    }

    fn finish(&mut self, net: &mut Net, reset: bool) {
        if !self.over {
            self.over = true;
            if reset { net.peer_abort(self.link) } else { net.peer_close(self.link) }
        }
    }

    fn read(&mut self, me: usize, net: &mut Net, world: &mut World) -> bool {
        let deaf = self.stalled || self.cur.as_ref().is_some_and(|c| c.plan.deaf && c.go_at <= net.now);
        let mut moved = false;
        if !self.eof {
            // One that does not read still learns of a reset.
            let max = if deaf { 0 } else { 30_000 };
            match net.peer_recv(self.link, max, &mut self.inb) {
                Got::Data(n) => moved = n > 0,
                Got::Nothing => {}
                Got::Eof => {
                    (self.eof, moved) = (true, true);
                    trace!(net, "  origin {} link {}: end of input", self.server, self.link);
                    if self.stalled {
                        self.finish(net, false);
                        return false;
                    }
                }
                Got::Reset => {
                    trace!(net, "  origin {} link {}: reset", self.server, self.link);
                    self.finish(net, true);
                    return false;
                }
            }
        } else if net.links[self.link].ways[TO_PEER].is_reset() {
            self.finish(net, true);
            return false;
        }
        if self.stalled {
            self.inb.clear();
            return false;
        }
        if self.header_due && !self.take_header(world) {
            if self.eof {
                self.finish(net, false);
            }
            return false;
        }
        if self.tcp.is_some() {
            self.read_stream(me, net, world);
        } else if !self.echo {
            self.read_http(me, net, world);
        }
        moved
    }

    /// The PROXY header that the proxy puts first.
    fn take_header(&mut self, world: &World) -> bool {
        if self.inb.starts_with(b"GET /health") {
            self.header_due = false; // checks come without one
            return true;
        }
        let v2 = world.servers[self.server].header == ProxyHeader::V2;
        let n = if v2 {
            if self.inb.len() < 16 {
                return false;
            }
            assert_eq!(&self.inb[..12], b"\r\n\r\n\0\r\nQUIT\n", "signature of a PROXY header");
            16 + usize::from(u16::from_be_bytes([self.inb[14], self.inb[15]]))
        } else {
            match self.inb.windows(2).position(|w| w == b"\r\n") {
                Some(at) => {
                    assert!(
                        self.inb.starts_with(b"PROXY TCP4 "),
                        "PROXY header {:?}",
                        String::from_utf8_lossy(&self.inb[..at])
                    );
                    at + 2
                }
                None => return false,
            }
        };
        if self.inb.len() < n {
            return false;
        }
        self.inb.drain(..n);
        self.header_due = false;
        true
    }

    fn read_http(&mut self, me: usize, net: &mut Net, world: &mut World) {
        loop {
            if let Some(c) = &mut self.cur {
                let n = c.request.feed(&self.inb);
                self.inb.drain(..n);
                if c.request.done && c.off == c.out.len() && c.go_at <= net.now {
                    self.served(me, net, world);
                    if self.over || self.echo || self.stalled || self.close_at.is_some() {
                        return;
                    }
                    continue;
                }
                if c.plan.wrong == Wrong::Extra && c.request.done && !self.inb.is_empty() {
                    self.finish(net, true); // the proxy saw the end of the answer, not what comes after it
                    return;
                }
                if c.request.done && !self.inb.is_empty() && !c.plan.upgrade {
                    panic!(
                        "server {}: bytes after request {} before its response: {:?}",
                        self.server,
                        c.id,
                        String::from_utf8_lossy(&self.inb)
                    );
                }
                if self.eof && !c.request.done {
                    self.finish(net, false); // the request is cut short
                }
                return;
            }
            let Some(head) = HeadIn::parse(&self.inb) else {
                if self.eof {
                    self.finish(net, false);
                }
                return;
            };
            self.begin(&head, me, net, world);
            if self.over {
                return;
            }
        }
    }

    fn begin(&mut self, head: &HeadIn, me: usize, net: &mut Net, world: &mut World) {
        self.inb.drain(..head.len);
        let mut words = head.first.split(' ');
        let (method, uri, version) =
            (words.next().unwrap_or(""), words.next().unwrap_or(""), words.next().unwrap_or(""));
        if uri == "/health" {
            let sick = world.origin_down(self.server, net.now - net.epoch);
            let text: &[u8] = if sick { b"HTTP/1.0 500 No\r\n\r\n" } else { b"HTTP/1.0 200 OK\r\n\r\nhealthy" };
            net.peer_send(self.link, text);
            self.finish(net, false);
            return;
        }
        assert!(!uri.ends_with('u'), "a request that should have been refused: {}", head.first);
        let id: usize = head.number("x-id").unwrap_or_else(|| panic!("a request without a number: {}", head.first));
        assert_eq!(uri, format!("/r{id}?q=1"), "target of request {id}");
        let r = &mut world.reqs[id];
        assert_eq!(method, r.method, "method of request {id}");
        assert!(version == if r.http10 { "HTTP/1.0" } else { "HTTP/1.1" }, "version of request {id}: {version}");
        assert!(head.count("host") == 1 && head.count("x-id") == 1, "fields of request {id}");
        match r.framing {
            Framing::Length(n) => assert_eq!(
                (head.number("content-length"), head.count("transfer-encoding")),
                (Some(n), 0),
                "request {id}"
            ),
            Framing::Chunked(_) => assert_eq!(
                (head.count("content-length"), head.get("transfer-encoding")),
                (0, Some("chunked")),
                "request {id}"
            ),
            _ => assert!(
                head.count("content-length") + head.count("transfer-encoding") == 0,
                "request {id} has a body now"
            ),
        }
        assert_eq!(head.get("x-pad").map_or(0, str::len), r.pad, "request {id}: a field changed");
        r.delivered += 1;
        if r.delivered > 1 {
            world.seen.delivered_twice += 1;
            assert!(r.is_idempotent(), "request {id} ({}) was delivered twice", r.method);
            assert!(r.delivered <= world.max_deliveries, "request {id} was delivered {} times", r.delivered);
        }
        let r = &world.reqs[id];
        let mut plan = r.plan;
        if r.delivered > plan.times {
            plan.wrong = Wrong::Nothing;
        }
        plan.upgrade &= head.get("upgrade") == Some("sim") && head.says("upgrade");
        let (out, after) = answer(r, id, self.server, &plan);
        trace!(
            net,
            "  origin {} link {}: request {id} {} -> {} bytes, {plan:?}",
            self.server,
            self.link,
            r.method,
            out.len()
        );
        let go_at = net.now + plan.delay;
        if plan.delay > 0 {
            net.at(plan.delay, Ev::Actor(me));
        }
        let request = Decoder::new(id, Part::Request, r.framing);
        if r.expect && plan.interim > 0 {
            net.peer_send(self.link, format!("HTTP/1.1 100 Continue\r\nX-Id: {id}\r\n\r\n").as_bytes());
        }
        let pace = Pace { piece: plan.piece, gap: plan.gap, next: 0 };
        self.cur = Some(Serving { id, plan, request, out, off: 0, go_at, after, pace });
    }

    /// The answer is sent and the request read.
    fn served(&mut self, me: usize, net: &mut Net, world: &mut World) {
        let Some(c) = self.cur.take() else { return };
        if c.plan.upgrade {
            self.echo = true;
            return;
        }
        match c.after {
            // The rest of the request would be taken for the next.
            Ending::Keep if !c.request.done => self.stalled = true,
            Ending::Keep => {
                if let Some(ms) = world.servers[self.server].idle_ms {
                    let at = net.now + ms;
                    let _ = at;
                    if net.rng.percent(50) {
                        self.close_at = Some(at);
                        net.at(ms, Ev::Actor(me));
                    }
                }
            }
            Ending::Announced | Ending::Close => self.finish(net, false),
            Ending::Silent => {
                let d = net.rng.below(60) as u64;
                self.close_at = Some(net.now + d);
                net.at(d, Ev::Actor(me));
            }
            Ending::Stall => self.stalled = true,
            Ending::Reset => self.finish(net, true),
        }
    }

    fn write(&mut self, me: usize, net: &mut Net, world: &mut World) -> bool {
        if self.tcp.is_some() {
            return self.write_stream(me, net, world);
        }
        if self.echo {
            let n = if self.inb.is_empty() { 0 } else { net.peer_send(self.link, &self.inb) };
            self.inb.drain(..n);
            if self.eof && self.inb.is_empty() {
                self.finish(net, false);
            }
            return n > 0;
        }
        let Some(c) = &mut self.cur else {
            if self.close_at.is_some_and(|t| t <= net.now) {
                if self.inb.is_empty() {
                    trace!(net, "  origin {} link {}: closes while idle", self.server, self.link);
                    self.finish(net, false);
                } else {
                    self.finish(net, true);
                }
            }
            return false;
        };
        let ready = c.request.done || c.plan.early;
        if net.now < c.go_at || !ready {
            return false;
        }
        let mut moved = false;
        while c.off < c.out.len() {
            let most = c.pace.allow(net, me).min(c.out.len() - c.off);
            let n = if most == 0 { 0 } else { net.peer_send(self.link, &c.out[c.off..c.off + most]) };
            c.off += n;
            moved |= n > 0;
            if n == 0 || n < most || c.pace.gap > 0 {
                break;
            }
        }
        if c.off == c.out.len() {
            // Cut answers, and those of one that does not listen, end without regard to the request.
            let regardless = c.plan.deaf || matches!(c.plan.wrong, Wrong::Cut(..));
            if regardless || c.request.done {
                self.served(me, net, world);
                return !self.over;
            }
        }
        moved
    }

    // ---- TCP ---------------------------------------------------------------------------------------------------------

    fn read_stream(&mut self, me: usize, net: &mut Net, world: &mut World) {
        let Some(t) = &mut self.tcp else { return };
        if t.client.is_none() && self.inb.len() >= 8 {
            let id: usize = std::str::from_utf8(&self.inb[..8]).expect("text").parse().expect("the client's number");
            self.inb.drain(..8);
            t.client = Some(id);
            world.tcp_servers.insert(self.link, TcpEnd { total: t.total, other: Some(id), ..TcpEnd::default() });
            net.at(0, Ev::Actor(me));
        }
        if let Some(id) = t.client {
            let end = world.tcp_servers.get_mut(&self.link).expect("known");
            assert!(
                end.got + self.inb.len() <= world.tcp_clients[id].total,
                "client {id} is said to have sent too much"
            );
            assert!(
                self.inb == pattern(id, Part::Request, end.got, self.inb.len()),
                "client {id}: wrong bytes at {}",
                end.got
            );
            end.got += self.inb.len();
            self.inb.clear();
            end.eof |= self.eof;
        }
    }

    fn write_stream(&mut self, me: usize, net: &mut Net, _world: &mut World) -> bool {
        let Some(t) = &mut self.tcp else { return false };
        if t.waits_for_client && t.client.is_none() && !self.eof {
            return false;
        }
        let mut moved = false;
        if !t.banner.is_empty() {
            let n = net.peer_send(self.link, &t.banner);
            t.banner.drain(..n);
            moved |= n > 0;
        }
        let goal = t.cut.map_or(t.total, |c| c.0);
        if t.banner.is_empty() && t.sent < goal {
            let most = t.pace.allow(net, me).min(goal - t.sent);
            let n = if most == 0 {
                0
            } else {
                net.peer_send(self.link, pattern(self.link, Part::FromServer, t.sent, most))
            };
            t.sent += n;
            moved |= n > 0;
        }
        if t.banner.is_empty() && t.sent == goal {
            match t.cut.map(|c| c.1) {
                None if !t.shut => {
                    t.shut = true;
                    net.peer_shutdown(self.link);
                }
                None => {}
                Some(Ending::Stall) => self.stalled = true,
                Some(how) => {
                    self.finish(net, how == Ending::Reset);
                    return false;
                }
            }
        }
        if self.eof && self.tcp.as_ref().is_some_and(|t| t.shut) {
            self.finish(net, false);
        }
        moved && !self.over && !self.stalled
    }
}

/// Small messages a few bytes at a time, large ones in large pieces: bounded work for every seed.
pub fn pace(r: &mut crate::rng::Rng, total: usize) -> Pace {
    let gap = if r.percent(60) { 0 } else { r.range(1, 40) as u64 };
    Pace { piece: (total / 20).max(1) + r.size(2000), gap, next: 0 }
}

/// The bytes that an origin sends in answer, and how it goes on.
fn answer(r: &Req, id: usize, server: usize, plan: &Plan) -> (Vec<u8>, Ending) {
    let mut out = Vec::new();
    let version = if r.http10 && id.is_multiple_of(2) { "1.0" } else { "1.1" };
    if !r.expect && !r.http10 {
        for i in 0..plan.interim {
            let (code, word) = if i % 2 == 0 { (103, "Early Hints") } else { (100, "Continue") };
            out.extend_from_slice(format!("HTTP/1.1 {code} {word}\r\nX-Id: {id}\r\n\r\n").as_bytes());
        }
    }
    if plan.upgrade || plan.wrong == Wrong::Switch {
        out.extend_from_slice(
            format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: sim\r\nConnection: upgrade\r\nX-Id: {id}\r\n\r\n")
                .as_bytes(),
        );
        return (out, Ending::Keep);
    }
    if let Wrong::Garbage(kind) = plan.wrong {
        out.extend_from_slice(&garbage(kind, id));
        return (out, if id.is_multiple_of(3) { Ending::Keep } else { Ending::Close });
    }
    let mut head = format!("HTTP/{version} {} Reason Phrase\r\nX-Id: {id}\r\nX-Server: {server}\r\n", plan.status);
    let mut framing = plan.framing;
    if version == "1.0"
        && let Framing::Chunked(n) = framing
    {
        framing = Framing::Length(n);
    }
    let bodiless = r.bodiless(plan.status);
    match framing {
        Framing::Length(n) if plan.status != 204 => head += &format!("Content-Length: {n}\r\n"),
        Framing::Chunked(_) if !matches!(plan.status, 204 | 304) => head += "Transfer-Encoding: chunked\r\n",
        _ => {}
    }
    let mut ending = plan.ending;
    if matches!(framing, Framing::UntilClose(_)) && !bodiless {
        ending = Ending::Announced;
    }
    if ending == Ending::Announced && id.is_multiple_of(2) || plan.deaf {
        head += "Connection: close\r\n";
    } else if version == "1.0" && ending != Ending::Announced {
        head += "Connection: keep-alive\r\n";
    } else if ending == Ending::Announced && (bodiless || !matches!(framing, Framing::UntilClose(_))) {
        head += "Connection: close\r\n";
    }
    head += "\r\n";
    out.extend_from_slice(head.as_bytes());
    if !bodiless {
        put_body(&mut out, id, Part::Response, framing);
    }
    match plan.wrong {
        Wrong::Cut(at, how) => {
            let n = out.len() * at / 1000;
            out.truncate(n);
            (out, how)
        }
        Wrong::Extra => {
            out.extend_from_slice(b"HTTP/1.1 200 OK\r\nX-Evil: 1\r\nContent-Length: 4\r\n\r\nevil");
            (out, ending)
        }
        _ => (out, ending),
    }
}

/// Kinds of answers that must never reach a client.
pub const GARBAGE: u8 = 8;

fn garbage(kind: u8, id: usize) -> Vec<u8> {
    let text = match kind {
        0 => return pattern(id, Part::Tunnel, 0, 300).to_vec(),
        1 => format!("HTTP/1.1 99 X\r\nX-Id: {id}\r\nContent-Length: 0\r\n\r\n"),
        2 => {
            format!("HTTP/1.1 200 OK\r\nX-Id: {id}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        }
        3 => format!("HTTP/1.1 200 OK\nX-Id: {id}\nContent-Length: 0\n\n"),
        4 => format!("HTTP/1.1 200 OK\r\nX-Id: {id}\r\nX-Big: {}\r\n\r\n", "b".repeat(20_000)),
        5 => format!("HTTP/1.1 200 OK\r\nX-Id: {id}\r\nX-Control: \x01\r\nContent-Length: 0\r\n\r\n"),
        6 => format!("HTTP/1.1 200 OK\r\nX-Id: {id}\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nfour5"),
        _ => format!("SSH-2.0-OpenSSH_9.6 {id}\r\n"),
    };
    text.into_bytes()
}
