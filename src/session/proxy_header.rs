//! The PROXY protocol, versions 1 and 2: received on listeners with `accept-proxy`, sent to servers with `send-proxy`.
//!
//! Source: the specification of the protocol (proxy-protocol.txt, revision of 2020). A header that is malformed, too long or late
//! closes the connection; `LOCAL` and `UNKNOWN` keep the connection's own addresses.

use super::channel::Fill;
use super::context::Ctx;
use super::{Session, Step, connect, rules};
use crate::log;
use crate::model::{ProxyHeader, opt};
use crate::rules::Family;
use crate::sys::{Addr, Kernel};
use crate::util::date;
use crate::util::fmt::Out;
use crate::util::tick::Tick;
use std::fmt::Write;
use std::net::IpAddr;

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Longest version 1 header, bytes, CRLF included.
const MAX_V1: usize = 107;
/// Longest version 2 header that we accept, bytes.
const MAX_V2: usize = 1024;

/// What the first bytes of a connection are.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    NeedMore,
    Bad,
    /// Source and destination (none: keep the connection's), and the header's length.
    Done(Option<(Addr, Addr)>, usize),
}

/// Parses a header of either version.
pub fn parse(data: &[u8]) -> Parsed {
    let n = data.len().min(SIGNATURE.len());
    if data[..n] == SIGNATURE[..n] {
        return if data.len() < 16 { Parsed::NeedMore } else { parse_v2(data) };
    }
    let n = data.len().min(6);
    if data[..n] != b"PROXY "[..n] {
        return Parsed::Bad;
    }
    match data.iter().take(MAX_V1).position(|b| *b == b'\n') {
        Some(lf) if lf > 0 && data[lf - 1] == b'\r' => match parse_v1(&data[6..lf - 1]) {
            Some(addresses) => Parsed::Done(addresses, lf + 1),
            None => Parsed::Bad,
        },
        None if data.len() < MAX_V1 => Parsed::NeedMore,
        _ => Parsed::Bad,
    }
}

fn parse_v1(line: &[u8]) -> Option<Option<(Addr, Addr)>> {
    let line = std::str::from_utf8(line).ok()?;
    if line == "UNKNOWN" || line.starts_with("UNKNOWN ") {
        return Some(None);
    }
    let mut words = line.split(' ');
    let v6 = match words.next()? {
        "TCP4" => false,
        "TCP6" => true,
        _ => return None,
    };
    let (from, to): (IpAddr, IpAddr) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let port = |w: Option<&str>| w.filter(|w| !w.starts_with('+'))?.parse::<u16>().ok();
    let (from_port, to_port) = (port(words.next())?, port(words.next())?);
    if words.next().is_some() || from.is_ipv6() != v6 || to.is_ipv6() != v6 {
        return None;
    }
    Some(Some((std::net::SocketAddr::new(from, from_port).into(), std::net::SocketAddr::new(to, to_port).into())))
}

fn parse_v2(data: &[u8]) -> Parsed {
    let len = 16 + usize::from(u16::from_be_bytes([data[14], data[15]]));
    if data[12] >> 4 != 2 || data[12] & 15 > 1 || len > MAX_V2 {
        return Parsed::Bad;
    }
    if data.len() < len {
        return Parsed::NeedMore;
    }
    let body = &data[16..len];
    let port = |at: usize| u16::from_be_bytes([body[at], body[at + 1]]);
    let v6 = |at: usize| <[u8; 16]>::try_from(&body[at..at + 16]).unwrap_or_default();
    let addresses = match (data[12] & 15, data[13]) {
        (0, _) => None,
        (_, 0x11) if body.len() >= 12 => {
            let v4 = |at: usize| [body[at], body[at + 1], body[at + 2], body[at + 3]];
            Some((Addr::V4(v4(0), port(8)), Addr::V4(v4(4), port(10))))
        }
        (_, 0x21) if body.len() >= 36 => Some((Addr::V6(v6(0), port(32)), Addr::V6(v6(16), port(34)))),
        (_, 0x11 | 0x21) => return Parsed::Bad,
        // UNSPEC, datagrams, unix sockets: nothing to learn.
        _ => None,
    };
    Parsed::Done(addresses, len)
}

/// Waits for the header and takes the addresses from it.
pub fn receive<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    let headroom = cx.config.global.tune.maxrewrite;
    loop {
        if s.req.end > s.req.start {
            match parse(s.req.bytes(cx)) {
                Parsed::NeedMore => {}
                Parsed::Bad => return refuse(cx, s, b'P', "malformed PROXY protocol header"),
                Parsed::Done(addresses, len) => return received(cx, s, addresses, len),
            }
        }
        match s.req.fill(cx, s.client, headroom) {
            Fill::Got(_) => {}
            Fill::Wait | Fill::NoBuffer => return Step::Wait,
            Fill::Full | Fill::Eof | Fill::Error(_) => {
                return refuse(cx, s, b'C', "closed before the end of the PROXY protocol header");
            }
        }
    }
}

fn received<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, addresses: Option<(Addr, Addr)>, len: usize) -> Step {
    let now = cx.now;
    if let Some(c) = cx.conns.get_mut(s.client) {
        if let Some((from, to)) = addresses {
            (c.peer, c.local) = (from, to);
        }
        c.proxied = true;
        c.handshake_ms = now.since(c.accepted) as i32;
        c.accepted = now;
    }
    s.req.start += len as u32;
    s.req.cleared = s.req.start;
    s.req.received -= len as u64;
    if !rules::admits(cx, s.client, s.fe(), Family::TcpSession) {
        s.logged = true;
        return Step::End;
    }
    if s.http {
        s.times.start = Tick::NEVER; // a request starts with its first byte
        return Step::Next;
    }
    let _ = s.req.clear(cx);
    s.req.release_if_empty(cx);
    Step::Next
}

/// The header did not come in time.
pub fn timeout<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session) -> Step {
    refuse(cx, s, b'c', "no PROXY protocol header in time")
}

/// Ends a connection that never became a session: its line says why in words, in the shape that HAProxy's has (manual 8.2.6).
fn refuse<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, who: u8, why: &str) -> Step {
    let config = cx.config;
    let fe = &config.proxies[s.fe()];
    let silent = s.req.received == 0 && fe.has(opt::DONTLOGNULL);
    if cx.shared.rules.logs[s.fe()].failed.is_some() {
        s.logged |= silent;
        return s.end(who, b'R');
    }
    if let Some(c) = cx.conns.get(s.client).filter(|_| !s.logged && !silent && cx.logs.wanted(s.fe())) {
        let mut space = [0; 512];
        let mut out = Out::new(&mut space);
        let _ = write!(out, "{}:{} [", c.peer, c.peer.port());
        date::civil(c.accepted_at.0 + i64::from(cx.logs.zone_offset(c.accepted_at.0))).put_log(&mut out);
        out.byte(b'.');
        out.zero_padded((c.accepted_at.1 / 1000).into(), 3);
        let listener = &config.listeners[c.origin as usize];
        let _ = write!(out, "] {}/", fe.name);
        let _ = if listener.name.is_empty() { write!(out, "{}", listener.id) } else { out.write_str(&listener.name) };
        let _ = write!(out, ": {why}");
        let len = out.len();
        let level = if fe.has(opt::LOG_SEPARATE_ERRORS) { log::ERR } else { log::INFO };
        cx.logs.message(&mut cx.sys, Some(s.fe()), level, &space[..len]);
    }
    s.logged = true;
    s.end(who, b'R')
}

/// The header for the server of a session.
fn header_of<'a, K: Kernel>(
    cx: &mut Ctx<K>,
    s: &Session,
    version: ProxyHeader,
    space: &'a mut [u8; MAX_V1],
) -> &'a [u8] {
    let (from, to) = connect::client_ends(cx, s);
    let len = {
        let mut out = Out::new(space);
        write_header(&mut out, version, from, to);
        out.len()
    };
    &space[..len]
}

/// Sends the header over a connection that is just established. False when it did not take all of it.
pub fn send_alone<K: Kernel>(cx: &mut Ctx<K>, s: &Session, version: ProxyHeader) -> bool {
    let mut space = [0u8; MAX_V1];
    let header = header_of(cx, s, version, &mut space);
    let fd = cx.conns[s.server_conn].fd;
    cx.sys.send(fd, header, true) == Ok(header.len())
}

/// Puts a header before what is to be sent to the server, if there is room for it: `prefix` says so.
pub fn prepend<K: Kernel>(cx: &mut Ctx<K>, s: &mut Session, version: ProxyHeader) {
    let mut space = [0u8; MAX_V1];
    let header = header_of(cx, s, version, &mut space);
    let headroom = cx.config.global.tune.maxrewrite;
    if !s.req.need_buffer(cx, headroom) {
        return;
    }
    let (start, end) = (s.req.start as usize, s.req.end as usize);
    let buffer = cx.bufs.get_mut(s.req.buf);
    let more = header.len().saturating_sub(start);
    if end + more > buffer.len() {
        return;
    }
    if more > 0 {
        // A pipelined request begins at the front of the buffer.
        buffer.copy_within(start..end, start + more);
        (s.req.start, s.req.cleared, s.req.end) =
            (s.req.start + more as u32, s.req.cleared + more as u32, s.req.end + more as u32);
    }
    let start = start + more;
    buffer[start - header.len()..start].copy_from_slice(header);
    s.req.start -= header.len() as u32;
    s.prefix = header.len() as u16;
}

/// The header that tells of a connection from `from` to `to`.
pub fn write_header(out: &mut Out, version: ProxyHeader, from: Addr, to: Addr) {
    // Of different families (rules can do that), both are written as IPv6.
    let (from, to) = match (from, to) {
        (Addr::V4(..), Addr::V4(..)) | (Addr::V6(..), Addr::V6(..)) => (from, Some(to)),
        (Addr::V4(..) | Addr::V6(..), Addr::V4(..) | Addr::V6(..)) => (from.as_v6(), Some(to.as_v6())),
        _ => (from, None),
    };
    match (version, from, to) {
        (ProxyHeader::None, ..) => {}
        (ProxyHeader::V1, _, None) => out.put(b"PROXY UNKNOWN\r\n"),
        (ProxyHeader::V1, from, Some(to)) => {
            let family = if matches!(from, Addr::V4(..)) { "TCP4" } else { "TCP6" };
            let _ = write!(out, "PROXY {family} {from} {to} {} {}\r\n", from.port(), to.port());
        }
        (ProxyHeader::V2, from, to) => {
            out.put(SIGNATURE);
            match (from, to) {
                (Addr::V4(a, p), Some(Addr::V4(b, q))) => {
                    out.put(&[0x21, 0x11, 0, 12]);
                    out.put(&a);
                    out.put(&b);
                    out.put(&p.to_be_bytes());
                    out.put(&q.to_be_bytes());
                }
                (Addr::V6(a, p), Some(Addr::V6(b, q))) => {
                    out.put(&[0x21, 0x21, 0, 36]);
                    out.put(&a);
                    out.put(&b);
                    out.put(&p.to_be_bytes());
                    out.put(&q.to_be_bytes());
                }
                _ => out.put(&[0x21, 0x00, 0, 0]),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_there_and_back() {
        let pairs = [
            (Addr::V4([1, 2, 3, 4], 56), Addr::V4([5, 6, 7, 8], 443)),
            (Addr::V6([1; 16], 56), Addr::V6([2; 16], 443)),
        ];
        for version in [ProxyHeader::V1, ProxyHeader::V2] {
            for (from, to) in pairs {
                let mut space = [0; 107];
                let mut out = Out::new(&mut space);
                write_header(&mut out, version, from, to);
                let bytes = out.bytes();
                for cut in 0..bytes.len() {
                    assert_eq!(parse(&bytes[..cut]), Parsed::NeedMore, "{version:?} {cut}");
                }
                assert_eq!(parse(bytes), Parsed::Done(Some((from, to)), bytes.len()));
            }
            let mut space = [0; 107];
            let mut out = Out::new(&mut space);
            write_header(&mut out, version, pairs[0].0, pairs[1].1);
            assert_eq!(parse(out.bytes()), Parsed::Done(Some((pairs[0].0.as_v6(), pairs[1].1)), out.len()));
            let mut out = Out::new(&mut space);
            write_header(&mut out, version, Addr::Unix, Addr::Unix);
            assert_eq!(parse(out.bytes()), Parsed::Done(None, out.len()));
        }
    }

    #[test]
    fn malformed_ones() {
        let bad = [
            "GET / HTTP/1.1\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
            "PROXY TCP4 1.2.3.4 ::1 1 2\r\n",
            "PROXY TCP5 1 2\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 1 70000\r\n",
            "PROXY UNKNOWN\n",
        ];
        for b in bad {
            assert_eq!(parse(b.as_bytes()), Parsed::Bad, "{b}");
        }
        assert_eq!(parse(&[b"PROXY ".as_slice(), &[b'x'; 120]].concat()), Parsed::Bad);
        assert_eq!(parse(b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0"), Parsed::Bad);
    }
}
