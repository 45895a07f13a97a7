//! Fetches of bytes that have not been sent on yet (manual 7.3.5).

use super::needs::{MESSAGE, REQUEST_BYTES};
use super::{Arg, Fetch, Got, Scene, Tools, Walk, fetch};
use crate::pattern::{Kind, Value};

fn slice<'a>(scene: &Scene<'a>, at: usize, len: usize) -> Got<'a> {
    let stream = scene.stream;
    match stream.bytes.get(at..at.saturating_add(len)) {
        Some(part) => Got::Value(Value::Bin(part)),
        None if stream.complete => Got::Nothing,
        None => Got::Later,
    }
}

/// Sorted by name.
pub static TABLE: &[Fetch] = &[
    fetch(
        "payload",
        "offset:int,length:int",
        Kind::Bin,
        REQUEST_BYTES | MESSAGE,
        "1.4",
        "Bytes of the buffer; length 0 = all there are.",
        payload,
    ),
    fetch(
        "payload_lv",
        "offset:int,width:int,value:int?",
        Kind::Bin,
        REQUEST_BYTES | MESSAGE,
        "1.4",
        "Bytes whose length stands before them.",
        |s, a, _, _| {
            let (offset, width) = (a[0].int_or(0).max(0) as usize, a[1].int_or(0).clamp(0, 4) as usize);
            let len = match slice(s, offset, width) {
                Got::Value(Value::Bin(b)) => b.iter().fold(0usize, |n, b| n << 8 | usize::from(*b)),
                other => return other,
            };
            slice(s, a[2].int_or((offset + width) as i64).max(0) as usize, len)
        },
    ),
    fetch("req.len", "", Kind::Int, REQUEST_BYTES, "1.5", "Number of bytes in the buffer.", length),
    fetch("req.payload", "offset:int,length:int", Kind::Bin, REQUEST_BYTES, "1.5", "As payload.", payload),
    fetch("req.ssl_hello_type", "", Kind::Int, REQUEST_BYTES, "1.5", "1 = TLS client hello.", hello_type),
    fetch("req.ssl_sni", "", Kind::Str, REQUEST_BYTES, "1.5", "The name that a TLS client asks for.", server_name),
    fetch("req.ssl_ver", "", Kind::Int, REQUEST_BYTES, "1.5", "Version of TLS that a client offers.", |s, _, _, _| {
        match hello(s) {
            Ok([_, _, _, _, major, minor, ..]) => Got::int(u32::from(*major) << 16 | u32::from(*minor)),
            Ok(_) => Got::Nothing,
            Err(got) => got,
        }
    }),
    fetch("req_len", "", Kind::Int, REQUEST_BYTES, "1.3", "As req.len.", length),
    fetch("req_ssl_hello_type", "", Kind::Int, REQUEST_BYTES, "1.4", "As req.ssl_hello_type.", hello_type),
    fetch("req_ssl_sni", "", Kind::Str, REQUEST_BYTES, "1.4", "As req.ssl_sni.", server_name),
    fetch("wait_end", "", Kind::Bool, REQUEST_BYTES, "1.3", "True once no more data is waited for.", |s, _, _, _| {
        if s.stream.complete { Got::bool(true) } else { Got::Later }
    }),
];

fn payload<'a>(s: &Scene<'a>, a: &[Arg], _: &mut Walk, _: &mut Tools<'a, '_>) -> Got<'a> {
    let (offset, len) = (a[0].int_or(0).max(0) as usize, a[1].int_or(0).max(0) as usize);
    match len {
        0 if !s.stream.complete => Got::Later,
        0 => s.stream.bytes.get(offset..).filter(|b| !b.is_empty()).map(Value::Bin).into(),
        len => slice(s, offset, len),
    }
}

fn length<'a>(s: &Scene<'a>, _: &[Arg], _: &mut Walk, _: &mut Tools<'a, '_>) -> Got<'a> {
    Got::int(s.stream.bytes.len() as i64)
}

fn hello_type<'a>(s: &Scene<'a>, _: &[Arg], _: &mut Walk, _: &mut Tools<'a, '_>) -> Got<'a> {
    hello(s).map_or_else(|got| got, |hello| Got::int(hello[0]))
}

fn server_name<'a>(s: &Scene<'a>, _: &[Arg], _: &mut Walk, _: &mut Tools<'a, '_>) -> Got<'a> {
    hello(s).map_or_else(|got| got, |hello| sni(hello).map(Value::Str).into())
}

/// The handshake message of a TLS client hello (RFC 8446, 4), from its type on.
fn hello<'a>(s: &Scene<'a>) -> Result<&'a [u8], Got<'a>> {
    let bytes = s.stream.bytes;
    let more = if s.stream.complete { Got::Nothing } else { Got::Later };
    match bytes {
        [22, 3, _, high, low, rest @ ..] => {
            let len = usize::from(*high) << 8 | usize::from(*low);
            if !(4..=16_384).contains(&len) {
                return Err(Got::Nothing);
            }
            match rest.get(..len) {
                Some(record) if record[0] == 1 => Ok(record),
                Some(_) => Err(Got::Nothing),
                None if rest.first().is_some_and(|b| *b != 1) => Err(Got::Nothing),
                None => Err(more),
            }
        }
        [] | [22] | [22, 3, ..] => Err(more),
        _ => Err(Got::Nothing),
    }
}

/// The host name of the extension server_name (RFC 6066, 3).
fn sni(hello: &[u8]) -> Option<&[u8]> {
    fn take<'a>(b: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
        let (head, rest) = b.split_at_checked(n)?;
        *b = rest;
        Some(head)
    }
    fn vector<'a>(b: &mut &'a [u8], width: usize) -> Option<&'a [u8]> {
        let len = take(b, width)?.iter().fold(0usize, |n, x| n << 8 | usize::from(*x));
        take(b, len)
    }
    let mut b = hello;
    take(&mut b, 4 + 2 + 32)?; // type, length, version, random
    vector(&mut b, 1)?; // session
    vector(&mut b, 2)?; // cipher suites
    vector(&mut b, 1)?; // compression
    let mut extensions = vector(&mut b, 2)?;
    while !extensions.is_empty() {
        let kind = take(&mut extensions, 2)?;
        let mut body = vector(&mut extensions, 2)?;
        if kind == [0, 0] {
            let mut names = vector(&mut body, 2)?;
            let kind = take(&mut names, 1)?;
            let name = vector(&mut names, 2)?;
            return (kind == [0]).then_some(name);
        }
    }
    None
}
