//! Fetches of bytes that have not been sent on yet (manual 7.3.5). HTTP proxies have none: their messages are looked at by [`super::http`].

use super::needs::{AT_RESPONSE, BYTES, INTERNAL, REQUEST_BYTES, RESPONSE_BYTES};
use super::{Arg, Fetch, Got, Scene, Tools, Walk, fetch};
use crate::pattern::{Kind, Value};

/// What to say of bytes that are not there.
fn missing(s: &Scene) -> Got<'static> {
    if s.stream.complete || !s.stream.raw { Got::Nothing } else { Got::Later }
}

fn slice<'a>(s: &Scene<'a>, at: usize, len: usize) -> Option<&'a [u8]> {
    s.stream.bytes.get(at..at.checked_add(len)?).filter(|_| s.stream.raw)
}

fn payload<'a>(s: &Scene<'a>, a: &[Arg], w: &mut Walk, _: &mut Tools<'a, '_>) -> Got<'a> {
    let at = |n: usize| usize::try_from(a[n].int_or(0)).ok();
    let (Some(offset), Some(len)) = (at(0), at(1)) else { return Got::Nothing };
    let rest = s.stream.bytes.len().saturating_sub(offset);
    // All that is there grows while more comes.
    w.unsure = len == 0 && !s.stream.complete;
    match slice(s, offset, if len == 0 { rest } else { len }) {
        _ if s.stream.bytes.is_empty() => missing(s),
        Some(bytes) => Got::Value(Value::Bin(bytes)),
        None => missing(s),
    }
}

/// Bytes whose length stands before them.
fn payload_lv<'a>(s: &Scene<'a>, a: &[Arg], _: &mut Walk, _: &mut Tools<'a, '_>) -> Got<'a> {
    let at = |n: usize| usize::try_from(a[n].int_or(0)).ok();
    let (Some(offset), Some(width)) = (at(0), at(1)) else { return Got::Nothing };
    let Some(digits) = slice(s, offset, width) else { return missing(s) };
    let len = digits.iter().fold(0usize, |n, b| n << 8 | usize::from(*b));
    let from = match a[2] {
        Arg::Int(n) => usize::try_from(n).ok(),
        Arg::Relative(n) => (offset + width).checked_add_signed(n as isize),
        _ => Some(offset + width),
    };
    match from.and_then(|from| slice(s, from, len)) {
        _ if len == 0 => Got::Nothing,
        Some(bytes) => Got::Value(Value::Bin(bytes)),
        None => missing(s),
    }
}

fn length<'a>(s: &Scene<'a>, _: &[Arg], w: &mut Walk, _: &mut Tools<'a, '_>) -> Got<'a> {
    w.unsure = !s.stream.complete;
    Got::int(s.stream.bytes.len() as i64)
}

/// The value of the cookie in the first packet of an RDP client, by its name or whatever it is called.
fn rdp<'a>(s: &Scene<'a>, a: &[Arg]) -> Result<Option<&'a [u8]>, Got<'static>> {
    /// Bytes of the packet before the cookie.
    const HEAD: usize = 11;
    const MARK: &[u8] = b"Cookie: ";
    if !s.stream.raw {
        return Ok(None);
    }
    let Some((mark, cookie)) = s.stream.bytes.get(HEAD..).and_then(|b| b.split_at_checked(MARK.len())) else {
        return Err(missing(s));
    };
    if !mark.eq_ignore_ascii_case(MARK) {
        return Ok(None);
    }
    let end = cookie.windows(2).position(|w| w == b"\r\n");
    let line = &cookie[..end.unwrap_or(cookie.len())];
    let wanted = a[0].text();
    match line.iter().position(|b| *b == b'=').map(|at| (&line[..at], &line[at + 1..])) {
        Some((name, _)) if !wanted.is_empty() && !name.eq_ignore_ascii_case(wanted) => Ok(None),
        Some((_, value)) if end.is_some() => Ok(Some(value)),
        None if end.is_some() => Ok(None),
        _ => Err(missing(s)),
    }
}

fn rdp_cookie<'a>(s: &Scene<'a>, a: &[Arg], _: &mut Walk, _: &mut Tools<'a, '_>) -> Got<'a> {
    rdp(s, a).map_or_else(|got| got, |value| value.map(Value::Str).into())
}

fn rdp_cookie_count<'a>(s: &Scene<'a>, a: &[Arg], _: &mut Walk, _: &mut Tools<'a, '_>) -> Got<'a> {
    rdp(s, a).map_or_else(|got| got, |value| Got::int(i64::from(value.is_some())))
}

const PART: &str = "offset:int,length:int";
const COUNTED: &str = "offset:int,width:positive,value:offset?";
const NAME: &str = "name:str?";
const EITHER: u32 = REQUEST_BYTES | AT_RESPONSE | BYTES;

/// Sorted by name.
pub static TABLE: &[Fetch] = &[
    fetch("payload", PART, Kind::Bin, EITHER, "1.4", "As req.payload or res.payload.", payload),
    fetch("payload_lv", COUNTED, Kind::Bin, EITHER, "1.4", "As req.payload_lv or res.payload_lv.", payload_lv),
    fetch("rdp_cookie", NAME, Kind::Str, REQUEST_BYTES, "1.5", "As req.rdp_cookie.", rdp_cookie),
    fetch("rdp_cookie_cnt", NAME, Kind::Int, REQUEST_BYTES, "1.5", "As req.rdp_cookie_cnt.", rdp_cookie_count),
    fetch("req.len", "", Kind::Int, REQUEST_BYTES, "1.5", "Number of bytes in the buffer.", length),
    fetch(
        "req.payload",
        PART,
        Kind::Bin,
        REQUEST_BYTES,
        "1.5",
        "Bytes of the buffer; length 0 = all there are.",
        payload,
    ),
    fetch(
        "req.payload_lv",
        COUNTED,
        Kind::Bin,
        REQUEST_BYTES,
        "1.5",
        "Bytes whose length stands before them.",
        payload_lv,
    ),
    fetch("req.rdp_cookie", NAME, Kind::Str, REQUEST_BYTES, "1.5", "The cookie of an RDP client.", rdp_cookie),
    fetch("req.rdp_cookie_cnt", NAME, Kind::Int, REQUEST_BYTES, "1.5", "How many there are.", rdp_cookie_count),
    fetch("req_len", "", Kind::Int, REQUEST_BYTES, "1.3", "As req.len.", length),
    fetch("req_rdp_cookie", NAME, Kind::Str, REQUEST_BYTES, "1.4", "As req.rdp_cookie.", rdp_cookie),
    fetch("req_rdp_cookie_cnt", NAME, Kind::Int, REQUEST_BYTES, "1.4", "As req.rdp_cookie_cnt.", rdp_cookie_count),
    fetch("res.len", "", Kind::Int, RESPONSE_BYTES, "1.5", "Number of bytes in the buffer.", length),
    fetch(
        "res.payload",
        PART,
        Kind::Bin,
        RESPONSE_BYTES,
        "1.5",
        "Bytes of the buffer; length 0 = all there are.",
        payload,
    ),
    fetch(
        "res.payload_lv",
        COUNTED,
        Kind::Bin,
        RESPONSE_BYTES,
        "1.5",
        "Bytes whose length stands before them.",
        payload_lv,
    ),
    fetch("wait_end", "", Kind::Bool, INTERNAL, "1.3", "True once no more data is waited for.", |s, _, _, _| {
        if s.stream.complete { Got::bool(true) } else { Got::Later }
    }),
];
