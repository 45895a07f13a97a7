//! What the first message of TLS says before anything is encrypted (manual 7.3.5): a client hello, or a server's.

use super::needs::{REQUEST_BYTES, RESPONSE_BYTES};
use super::{Arg, Fetch, Got, Scene, Tools, Walk, fetch};
use crate::pattern::{Kind, Value};

/// Record type of handshakes, and the types of their messages (RFC 8446, 4 and 5.1).
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
/// Extensions (RFC 6066, 8422, 7301, 5077).
const SERVER_NAME: u16 = 0;
const GROUPS: u16 = 10;
const ALPN: u16 = 16;
const TICKET: u16 = 35;

/// Takes `n` bytes from the front.
fn take<'a>(b: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (head, rest) = b.split_at_checked(n)?;
    *b = rest;
    Some(head)
}

fn number(b: &[u8]) -> usize {
    b.iter().fold(0, |n, x| n << 8 | usize::from(*x))
}

/// Takes bytes whose length stands before them in `width` bytes.
fn vector<'a>(b: &mut &'a [u8], width: usize) -> Option<&'a [u8]> {
    let len = number(take(b, width)?);
    take(b, len)
}

/// What to say of bytes that are not there.
fn missing(s: &Scene) -> Got<'static> {
    if s.stream.complete || !s.stream.raw { Got::Nothing } else { Got::Later }
}

/// What has come of the first record without its head, and whether all of it has. `types`: of the record.
fn record<'a>(s: &Scene<'a>, types: std::ops::RangeInclusive<u8>) -> Result<(&'a [u8], bool), Got<'static>> {
    let Some((kind, rest)) = s.stream.bytes.split_first().filter(|_| s.stream.raw) else { return Err(missing(s)) };
    if !types.contains(kind) {
        return Err(Got::Nothing);
    }
    let Some((head, rest)) = rest.split_at_checked(4) else { return Err(missing(s)) };
    let len = number(&head[2..]);
    if head[0] < 3 || len < 4 {
        return Err(Got::Nothing);
    }
    Ok((&rest[..rest.len().min(len)], rest.len() >= len))
}

/// The content of an extension of a client hello; the first value: there are extensions at all.
fn extension(record: &[u8], wanted: u16) -> Option<(bool, Option<&[u8]>)> {
    let mut b = record;
    let head = take(&mut b, 4 + 2 + 32)?; // type, length, version, random
    if head[0] != CLIENT_HELLO || head[4] < 3 {
        return None;
    }
    vector(&mut b, 1)?; // session
    vector(&mut b, 2)?; // cipher suites
    vector(&mut b, 1)?; // compression
    // As much of them as has come.
    let len = number(take(&mut b, 2)?).min(b.len());
    let mut extensions = &b[..len];
    while !extensions.is_empty() {
        let kind = number(take(&mut extensions, 2)?);
        let content = vector(&mut extensions, 2)?;
        if kind == usize::from(wanted) {
            return Some((true, Some(content)));
        }
    }
    Some((len > 0, None))
}

/// Looks for an extension; what comes first is looked at before the rest has come.
fn of_hello<'a>(s: &Scene<'a>, wanted: u16, find: impl FnOnce(bool, Option<&'a [u8]>) -> Option<Value<'a>>) -> Got<'a> {
    let (record, whole) = match record(s, HANDSHAKE..=HANDSHAKE) {
        // A message is as long as its record at most.
        Ok(([_, a, b, c, rest @ ..], true)) if number(&[*a, *b, *c]) > rest.len() => return Got::Nothing,
        Ok(found) => found,
        Err(got) => return got,
    };
    match extension(record, wanted) {
        Some((_, None)) | None if !whole && record.first().is_none_or(|kind| *kind == CLIENT_HELLO) => missing(s),
        Some((any, content)) => find(any, content).into(),
        None => Got::Nothing,
    }
}

fn server_name<'a>(s: &Scene<'a>, _: &[Arg], _: &mut Walk, _: &mut Tools<'a, '_>) -> Got<'a> {
    of_hello(s, SERVER_NAME, |_, content| {
        let mut content = content?;
        let mut names = vector(&mut content, 2)?;
        let host_name = take(&mut names, 1)? == [0];
        let name = vector(&mut names, 2)?;
        (host_name && !name.is_empty()).then_some(Value::Str(name))
    })
}

/// The protocol that the client likes best.
fn protocol<'a>(s: &Scene<'a>, _: &[Arg], _: &mut Walk, _: &mut Tools<'a, '_>) -> Got<'a> {
    of_hello(s, ALPN, |_, content| {
        let mut content = content?;
        let mut list = vector(&mut content, 2)?;
        vector(&mut list, 1).map(Value::Str)
    })
}

fn ticket<'a>(s: &Scene<'a>, _: &[Arg], _: &mut Walk, _: &mut Tools<'a, '_>) -> Got<'a> {
    of_hello(s, TICKET, |any, content| {
        let state = content.map_or(0, |ticket| if ticket.is_empty() { 1 } else { 2 });
        any.then_some(Value::Int(state))
    })
}

/// Type of a hello, of a client or of a server.
fn hello_type<'a>(s: &Scene<'a>, _: &[Arg], _: &mut Walk, _: &mut Tools<'a, '_>) -> Got<'a> {
    match record(s, 20..=23) {
        Ok(([kind @ (CLIENT_HELLO | SERVER_HELLO), a, b, c, rest @ ..], true))
            if rest.len() >= number(&[*a, *b, *c]) =>
        {
            Got::int(*kind)
        }
        Ok((_, true)) => Got::Nothing,
        Ok(([kind, ..], false)) if !matches!(*kind, CLIENT_HELLO | SERVER_HELLO) => Got::Nothing,
        Ok(_) => missing(s),
        Err(got) => got,
    }
}

/// The version of a hello, also of one of SSLv2: the major number times 65536, and the minor one.
fn version<'a>(s: &Scene<'a>, _: &[Arg], _: &mut Walk, _: &mut Tools<'a, '_>) -> Got<'a> {
    let of = |major: u8, minor: u8| Got::int(u32::from(major) << 16 | u32::from(minor));
    match s.stream.bytes {
        [20..=23, ..] => match record(s, 20..=23) {
            Ok(([_, _, _, _, major, minor, ..], true)) => of(*major, *minor),
            Ok((_, true)) => Got::Nothing,
            Ok((_, false)) => missing(s),
            Err(got) => got,
        },
        [high @ 128..=255, low, CLIENT_HELLO, major, minor, rest @ ..] if s.stream.raw => {
            let len = usize::from(high & 127) << 8 | usize::from(*low);
            if rest.len() + 3 < len { missing(s) } else { of(*major, *minor) }
        }
        bytes if bytes.len() < 5 => missing(s),
        _ => Got::Nothing,
    }
}

/// Sorted by name.
pub static TABLE: &[Fetch] = &[
    fetch("rep_ssl_hello_type", "", Kind::Int, RESPONSE_BYTES, "1.5", "As res.ssl_hello_type.", hello_type),
    fetch(
        "req.ssl_alpn",
        "",
        Kind::Str,
        REQUEST_BYTES,
        "1.8",
        "The first protocol that a TLS client offers.",
        protocol,
    ),
    fetch("req.ssl_ec_ext", "", Kind::Bool, REQUEST_BYTES, "1.7", "It names elliptic curves.", |s, _, _, _| {
        of_hello(s, GROUPS, |_, content| content.map(|_| Value::Bool(true)))
    }),
    fetch("req.ssl_hello_type", "", Kind::Int, REQUEST_BYTES, "1.5", "1 = TLS client hello.", hello_type),
    fetch("req.ssl_sni", "", Kind::Str, REQUEST_BYTES, "1.5", "The name that a TLS client asks for.", server_name),
    fetch(
        "req.ssl_st_ext",
        "",
        Kind::Int,
        REQUEST_BYTES,
        "1.6",
        "Session tickets: 0 = not known to the client, 1 = it has none, 2 = it sent one.",
        ticket,
    ),
    fetch("req.ssl_ver", "", Kind::Int, REQUEST_BYTES, "1.5", "Version of TLS that a client offers.", version),
    fetch("req_ssl_hello_type", "", Kind::Int, REQUEST_BYTES, "1.4", "As req.ssl_hello_type.", hello_type),
    fetch("req_ssl_sni", "", Kind::Str, REQUEST_BYTES, "1.4", "As req.ssl_sni.", server_name),
    fetch("req_ssl_ver", "", Kind::Int, REQUEST_BYTES, "1.3", "As req.ssl_ver.", version),
    fetch("res.ssl_hello_type", "", Kind::Int, RESPONSE_BYTES, "1.5", "2 = TLS server hello.", hello_type),
];
