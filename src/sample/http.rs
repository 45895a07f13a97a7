//! Fetches of HTTP messages: start lines, targets, bodies (manual 7.3.6). Fields and cookies are in [`super::fields`].

use super::fields::{credentials, number};
use super::needs::{ADDRESSES, BODY, HEAD, IN_FIELDS, IN_LINE, LINE, REQUEST, REQUEST_KEPT, RESPONSE, RESPONSE_KEPT};
use super::{Arg, Fetch, Got, Message, Scene, Tools, Walk, fetch};
use crate::http::{Body, Version, path_and_query};
use crate::pattern::{Kind, Value};
use crate::util::fmt::Out;
use crate::util::hash;
use std::net::IpAddr;

const LINE_AND_FIELDS: u32 = REQUEST | IN_LINE | IN_FIELDS;

/// The request, if one is there to be looked at.
pub fn request<'a>(s: &Scene<'a>) -> Result<Message<'a>, Got<'static>> {
    s.request().ok_or(if s.stream.complete || s.stream.no_http { Got::Nothing } else { Got::Later })
}

/// One of the two messages.
pub fn of_message<'a>(s: &Scene<'a>, response: bool) -> Result<Message<'a>, Got<'static>> {
    if response { s.response().ok_or(Got::Nothing) } else { request(s) }
}

/// What is found in a message that is there.
pub fn known<'a>(
    message: Result<Message<'a>, Got<'static>>,
    find: impl FnOnce(Message<'a>) -> Option<Value<'a>>,
) -> Got<'a> {
    message.map_or_else(|got| got, |m| find(m).into())
}

/// A part of the request that is there as soon as the head is.
fn of_request<'a>(s: &Scene<'a>, part: impl FnOnce(Message<'a>) -> Option<&'a [u8]>) -> Got<'a> {
    known(request(s), |m| part(m).map(Value::Str))
}

fn uri<'a>(m: &Message<'a>) -> &'a [u8] {
    m.index.uri.of(m.text)
}

/// A target from its path on; none for targets without a path.
fn from_path(uri: &[u8]) -> Option<&[u8]> {
    Some(path_and_query(uri)).filter(|p| p.first() == Some(&b'/'))
}

fn until(text: &[u8], end: u8) -> &[u8] {
    &text[..text.iter().position(|b| *b == end).unwrap_or(text.len())]
}

fn path<'a>(m: &Message<'a>) -> Option<&'a [u8]> {
    from_path(uri(m)).map(|p| until(p, b'?'))
}

fn query<'a>(m: &Message<'a>) -> Option<&'a [u8]> {
    after(uri(m), b'?')
}

/// What stands behind the first of these bytes.
fn after(text: &[u8], mark: u8) -> Option<&[u8]> {
    text.iter().position(|b| *b == mark).map(|at| &text[at + 1..])
}

fn host<'a>(m: &Message<'a>) -> &'a [u8] {
    m.index.fields_named(m.text, b"host").next().unwrap_or(b"")
}

/// The value of a parameter of a name, of any without one: each in its turn if the caller wants that.
fn parameter<'a>(text: &'a [u8], name: &[u8], ends: &[u8], w: &mut Walk) -> Option<&'a [u8]> {
    let value = |pair: &'a [u8]| match name {
        b"" => after(pair, b'='),
        name => pair.strip_prefix(name)?.strip_prefix(b"="),
    };
    let mut rest = text.get(w.place.1 as usize..);
    while let Some(pairs) = rest {
        let end = pairs.iter().position(|b| ends.contains(b));
        rest = end.map(|end| &pairs[end + 1..]);
        if let Some(value) = value(&pairs[..end.unwrap_or(pairs.len())]) {
            // Behind the text: there is no more.
            w.place.1 = rest.map_or(text.len() + 1, |rest| text.len() - rest.len()) as u32;
            w.more = w.each;
            return Some(value);
        }
    }
    w.more = false;
    None
}

/// A parameter of the query.
fn url_param<'a>(s: &Scene<'a>, a: &[Arg], w: &mut Walk, _: &mut Tools<'a, '_>) -> Got<'a> {
    of_request(s, |m| {
        let delimiter = a[1].text().first().copied().unwrap_or(b'?');
        parameter(after(uri(&m), delimiter)?, a[0].text(), &[b'&', b';', delimiter], w)
    })
}

fn body_param<'a>(s: &Scene<'a>, a: &[Arg], w: &mut Walk, _: &mut Tools<'a, '_>) -> Got<'a> {
    of_request(s, |m| parameter(m.body, a[0].text(), b"&", w))
}

/// Host and path, with the query or without.
fn base<'a>(s: &Scene<'a>, t: &mut Tools<'a, '_>, with_query: bool) -> Got<'a> {
    known(request(s), |m| {
        let write = |o: &mut Out| {
            o.put(host(&m));
            o.put(if with_query { from_path(uri(&m)) } else { path(&m) }.unwrap_or(b""));
        };
        t.scratch.write(write).map(Value::Str)
    })
}

/// The hash of host and path, or of these and the query.
fn hashed(m: &Message, whole: bool) -> u32 {
    let tail = if whole { from_path(uri(m)) } else { path(m) };
    let step = |hash: u32, b: &u8| hash.wrapping_mul(65599).wrapping_add(u32::from(*b));
    hash::avalanche(host(m).iter().chain(tail.unwrap_or(b"")).fold(0, step))
}

fn hash_number<'a>(s: &Scene<'a>, whole: bool) -> Got<'a> {
    known(request(s), |m| Some(Value::Int(hashed(&m, whole).into())))
}

/// The hash, and the client's address behind it.
fn hash_and_client<'a>(s: &Scene<'a>, t: &mut Tools<'a, '_>, whole: bool) -> Got<'a> {
    known(request(s), |m| {
        let client = s.flow.client.ip()?.to_canonical();
        let write = |o: &mut Out| {
            o.put(&hashed(&m, whole).to_be_bytes());
            match client {
                IpAddr::V4(ip) => o.put(&ip.octets()),
                IpAddr::V6(ip) => o.put(&ip.octets()),
            }
        };
        t.scratch.write(write).map(Value::Bin)
    })
}

/// The IPv4 address and the port in an absolute target.
fn target_address(uri: &[u8]) -> Option<(IpAddr, u16)> {
    let at = uri.windows(3).position(|w| w == b"://")? + 3;
    let rest = &uri[at..];
    let authority = &rest[..rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len())];
    let (host, port) = match authority.iter().position(|b| *b == b':') {
        Some(at) => (&authority[..at], std::str::from_utf8(&authority[at + 1..]).ok()?.parse().ok()?),
        None => (authority, 80),
    };
    let ip: std::net::Ipv4Addr = std::str::from_utf8(host).ok()?.parse().ok()?;
    Some((ip.into(), port))
}

fn version(version: Version) -> &'static [u8] {
    if version == Version::V10 { b"HTTP/1.0" } else { b"HTTP/1.1" }
}

fn request_version<'a>(s: &Scene<'a>, _: &[Arg], _: &mut Walk, _: &mut Tools<'a, '_>) -> Got<'a> {
    of_request(s, |m| Some(&version(m.index.version)[5..]))
}

fn response_version<'a>(s: &Scene<'a>, _: &[Arg], _: &mut Walk, _: &mut Tools<'a, '_>) -> Got<'a> {
    s.response().map(|m| Value::Str(&version(m.index.version)[5..])).into()
}

fn is_http<'a>(s: &Scene<'a>, _: &[Arg], _: &mut Walk, _: &mut Tools<'a, '_>) -> Got<'a> {
    known(request(s), |_| Some(Value::Bool(true)))
}

fn body<'a>(message: Result<Message<'a>, Got<'static>>) -> Got<'a> {
    known(message, |m| Some(Value::Bin(m.body)))
}

fn body_len<'a>(message: Result<Message<'a>, Got<'static>>) -> Got<'a> {
    known(message, |m| Some(Value::Int(m.body.len() as i64)))
}

fn body_size<'a>(message: Result<Message<'a>, Got<'static>>) -> Got<'a> {
    known(message, |m| {
        Some(Value::Int(match m.index.body {
            Body::Length(n) => n as i64,
            _ => m.body.len() as i64,
        }))
    })
}

/// A word of the request line as it came; the session keeps it.
fn line_word<'a>(s: &Scene<'a>, n: usize) -> Option<&'a [u8]> {
    s.line.split(|b| *b == b' ').nth(n).filter(|w| !w.is_empty())
}

fn captured<'a>(s: &Scene<'a>, a: &[Arg], t: &mut Tools<'a, '_>, response: bool) -> Got<'a> {
    let place =
        usize::try_from(a[0].int_or(0)).ok().and_then(|n| s.notes.beside.captures[usize::from(response)].get(n));
    place.and_then(|note| s.notes.latest(*note, &mut t.scratch)).into()
}

const NAME: &str = "name:str?";
const PARAMETER: &str = "name:str?,delimiter:char?";

/// Sorted by name.
pub static TABLE: &[Fetch] = &[
    fetch("base", "", Kind::Str, LINE_AND_FIELDS, "1.5", "Host and path of a request.", |s, _, _, t| base(s, t, false)),
    fetch("base32", "", Kind::Int, LINE_AND_FIELDS, "1.5", "A hash of base.", |s, _, _, _| hash_number(s, false)),
    fetch(
        "base32+src",
        "",
        Kind::Bin,
        LINE_AND_FIELDS | ADDRESSES,
        "1.5",
        "A hash of base, and the client's address.",
        |s, _, _, t| hash_and_client(s, t, false),
    ),
    fetch("baseq", "", Kind::Str, LINE_AND_FIELDS, "2.3", "Host, path and query of a request.", |s, _, _, t| {
        base(s, t, true)
    }),
    fetch("capture.req.hdr", "place:int", Kind::Str, REQUEST_KEPT, "1.5", "A captured field.", |s, a, _, t| {
        captured(s, a, t, false)
    }),
    fetch("capture.req.method", "", Kind::Str, REQUEST_KEPT | LINE, "1.5", "The method as it came.", |s, _, _, _| {
        line_word(s, 0).map(Value::Str).into()
    }),
    fetch(
        "capture.req.uri",
        "",
        Kind::Str,
        REQUEST_KEPT | LINE,
        "1.5",
        "Path and query as they came.",
        |s, _, _, _| line_word(s, 1).and_then(from_path).map(Value::Str).into(),
    ),
    fetch("capture.req.ver", "", Kind::Str, REQUEST_KEPT, "1.6", "The version of the request.", |s, _, _, _| {
        s.flow.versions[0].map(|v| Value::Str(version(v))).into()
    }),
    fetch("capture.res.hdr", "place:int", Kind::Str, RESPONSE_KEPT, "1.5", "A captured field.", |s, a, _, t| {
        captured(s, a, t, true)
    }),
    fetch("capture.res.ver", "", Kind::Str, REQUEST_KEPT, "1.6", "The version of the response.", |s, _, _, _| {
        s.flow.versions[1].map(|v| Value::Str(version(v))).into()
    }),
    fetch(
        "http_auth_pass",
        "",
        Kind::Str,
        REQUEST | IN_FIELDS,
        "2.5",
        "The password of basic authentication.",
        |s, _, _, t| credentials(s, t).map(|c| Value::Str(c.1)).into(),
    ),
    fetch(
        "http_auth_type",
        "",
        Kind::Str,
        REQUEST | IN_FIELDS,
        "2.5",
        "The scheme of authentication.",
        |s, _, _, t| {
            let basic = credentials(s, t).is_some();
            of_request(s, |m| {
                let (scheme, token) = m.index.fields_named(m.text, b"authorization").next()?.split_at_checked(7)?;
                let bearer = scheme.eq_ignore_ascii_case(b"bearer ") && !token.is_empty();
                if basic { Some(b"Basic") } else { bearer.then_some(&b"Bearer"[..]) }
            })
        },
    ),
    fetch(
        "http_auth_user",
        "",
        Kind::Str,
        REQUEST | IN_FIELDS,
        "2.5",
        "The user of basic authentication.",
        |s, _, _, t| credentials(s, t).map(|c| Value::Str(c.0)).into(),
    ),
    fetch(
        "http_first_req",
        "",
        Kind::Bool,
        REQUEST_KEPT,
        "1.3",
        "The first request of its connection.",
        |s, _, _, _| Got::bool(s.flow.first_request),
    ),
    fetch("method", "", Kind::Method, REQUEST_KEPT | HEAD | LINE | IN_LINE, "1.3", "The method.", |s, _, _, _| {
        match request(s) {
            Ok(m) => Got::Value(Value::Method(m.index.method_name.of(m.text))),
            Err(Got::Later) => Got::Later,
            Err(_) => line_word(s, 0).map(Value::Method).into(),
        }
    }),
    fetch("path", "", Kind::Str, REQUEST | IN_LINE, "1.3", "The path of a request.", |s, _, _, _| {
        of_request(s, |m| path(&m))
    }),
    fetch("pathq", "", Kind::Str, REQUEST | IN_LINE, "2.2", "Path and query of a request.", |s, _, _, _| {
        of_request(s, |m| from_path(uri(&m)))
    }),
    fetch("query", "", Kind::Str, REQUEST | IN_LINE, "1.6", "The query of a request, without '?'.", |s, _, _, _| {
        of_request(s, |m| query(&m))
    }),
    fetch("req.body", "", Kind::Bin, REQUEST | BODY, "1.6", "What is there of the body.", |s, _, _, _| {
        body(request(s))
    }),
    fetch("req.body_len", "", Kind::Int, REQUEST | BODY, "1.6", "Its length.", |s, _, _, _| body_len(request(s))),
    fetch("req.body_param", NAME, Kind::Str, REQUEST | BODY, "1.6", "A parameter of a form.", body_param),
    fetch("req.body_size", "", Kind::Int, REQUEST | BODY, "1.6", "The length that was announced.", |s, _, _, _| {
        body_size(request(s))
    }),
    fetch("req.proto_http", "", Kind::Bool, REQUEST_KEPT | HEAD, "1.5", "The request is HTTP.", is_http),
    fetch("req.ver", "", Kind::Str, REQUEST | IN_LINE, "1.5", "The version of HTTP.", request_version),
    fetch("req_proto_http", "", Kind::Bool, REQUEST_KEPT | HEAD, "1.4", "The request is HTTP.", is_http),
    fetch("req_ver", "", Kind::Str, REQUEST | IN_LINE, "1.3", "The version of HTTP.", request_version),
    fetch("res.body", "", Kind::Bin, RESPONSE | BODY, "2.3", "What is there of the body.", |s, _, _, _| {
        body(of_message(s, true))
    }),
    fetch("res.body_len", "", Kind::Int, RESPONSE | BODY, "2.3", "Its length.", |s, _, _, _| {
        body_len(of_message(s, true))
    }),
    fetch("res.body_size", "", Kind::Int, RESPONSE | BODY, "2.3", "The length that was announced.", |s, _, _, _| {
        body_size(of_message(s, true))
    }),
    fetch("res.ver", "", Kind::Str, RESPONSE | IN_LINE, "1.5", "The version of HTTP.", response_version),
    fetch("resp_ver", "", Kind::Str, RESPONSE | IN_LINE, "1.3", "The version of HTTP.", response_version),
    fetch("status", "", Kind::Int, RESPONSE_KEPT | IN_LINE, "1.3", "The status of a response.", |s, _, _, _| {
        match s.response() {
            Some(m) => Got::int(m.index.status),
            None => Some(s.flow.status).filter(|n| *n > 0).map(|n| Value::Int(n.into())).into(),
        }
    }),
    fetch("url", "", Kind::Str, REQUEST | IN_LINE, "1.3", "The target of a request as it came.", |s, _, _, _| {
        of_request(s, |m| Some(uri(&m)))
    }),
    fetch("url32", "", Kind::Int, LINE_AND_FIELDS, "1.5", "A hash of baseq.", |s, _, _, _| hash_number(s, true)),
    fetch(
        "url32+src",
        "",
        Kind::Bin,
        LINE_AND_FIELDS | ADDRESSES,
        "1.5",
        "A hash of baseq, and the client's address.",
        |s, _, _, t| hash_and_client(s, t, true),
    ),
    fetch("url_ip", "", Kind::Ip, REQUEST | IN_LINE, "1.3", "The IPv4 address in an absolute target.", |s, _, _, _| {
        known(request(s), |m| target_address(uri(&m)).map(|a| Value::Ip(a.0)))
    }),
    fetch("url_param", PARAMETER, Kind::Str, REQUEST | IN_LINE, "1.4", "A parameter of the query.", url_param),
    fetch(
        "url_port",
        "",
        Kind::Int,
        REQUEST | IN_LINE,
        "1.3",
        "The port beside that address, 80 without.",
        |s, _, _, _| known(request(s), |m| target_address(uri(&m)).map(|a| Value::Int(a.1.into()))),
    ),
    fetch("urlp", PARAMETER, Kind::Str, REQUEST | IN_LINE, "1.5", "As url_param.", url_param),
    fetch("urlp_val", PARAMETER, Kind::Int, REQUEST | IN_LINE, "1.5", "The number in it.", |s, a, w, t| {
        number(url_param(s, a, w, t))
    }),
];
