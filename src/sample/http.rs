//! Fetches of HTTP messages (manual 7.3.6).

use super::needs::{BODY, MESSAGE, REQUEST, RESPONSE};
use super::{Arg, Fetch, Got, Message, Scene, Tools, Walk, fetch};
use crate::http::{parameter, pieces, trim};
use crate::pattern::{Kind, Value};

fn request<'a>(s: &Scene<'a>) -> Result<Message<'a>, Got<'static>> {
    s.request.ok_or(if s.stream.complete { Got::Nothing } else { Got::Later })
}

/// A part of the request that is there as soon as the head is.
fn of_request<'a>(s: &Scene<'a>, part: impl FnOnce(Message<'a>) -> Option<&'a [u8]>) -> Got<'a> {
    match request(s) {
        Ok(m) => part(m).map(Value::Str).into(),
        Err(got) => got,
    }
}

fn uri<'a>(m: &Message<'a>) -> &'a [u8] {
    m.index.uri.of(m.text)
}

/// The target from its path on.
fn path_and_query<'a>(m: &Message<'a>) -> Option<&'a [u8]> {
    Some(m.index.path_and_query(m.text)).filter(|p| p.first() == Some(&b'/'))
}

fn path<'a>(m: &Message<'a>) -> Option<&'a [u8]> {
    path_and_query(m).map(|p| &p[..p.iter().position(|b| *b == b'?').unwrap_or(p.len())])
}

fn query<'a>(m: &Message<'a>) -> Option<&'a [u8]> {
    let uri = uri(m);
    uri.iter().position(|b| *b == b'?').map(|at| &uri[at + 1..])
}

/// The value of an occurrence of a field: `item` counts fields, `offset` goes on inside of one. `list`: fields are lists whose members
/// are values of their own.
fn occurrence<'a>(m: &Message<'a>, args: &[Arg], walk: &mut Walk, list: bool) -> Got<'a> {
    let name = args[0].text();
    let all = || {
        let fields = m.index.fields_named(m.text, name);
        fields.flat_map(move |value| values(value, list))
    };
    let value = match args.get(1).unwrap_or(&Arg::None).int_or(0) {
        0 if walk.each => {
            let mut left = all().skip(walk.item as usize);
            walk.item += 1;
            let value = left.next();
            walk.more = left.next().is_some();
            value
        }
        0 | -1 => all().last(),
        n if n > 0 => all().nth(n as usize - 1),
        n => {
            let count = all().count() as i64;
            if count + n < 0 { None } else { all().nth((count + n) as usize) }
        }
    };
    value.map(Value::Str).into()
}

/// The members of a list, or the whole.
fn values(value: &[u8], list: bool) -> impl Iterator<Item = &[u8]> {
    let members = if list { Some(pieces(value).map(trim)) } else { None };
    let whole = if list { None } else { Some(value) };
    members.into_iter().flatten().chain(whole)
}

fn of_message<'a>(s: &Scene<'a>, response: bool) -> Result<Message<'a>, Got<'static>> {
    if response { s.response.ok_or(Got::Nothing) } else { request(s) }
}

fn header<'a>(s: &Scene<'a>, a: &[Arg], w: &mut Walk, response: bool, list: bool) -> Got<'a> {
    match of_message(s, response) {
        Ok(m) => occurrence(&m, a, w, list),
        Err(got) => got,
    }
}

fn header_count<'a>(s: &Scene<'a>, a: &[Arg], response: bool, list: bool) -> Got<'a> {
    match of_message(s, response) {
        Ok(m) => {
            let fields = m.index.fields_named(m.text, a[0].text());
            Got::int(fields.flat_map(|value| values(value, list)).count() as i64)
        }
        Err(got) => got,
    }
}

/// A value that is not empty.
fn filled(got: Got) -> Got {
    if matches!(got, Got::Value(Value::Str(b""))) { Got::Nothing } else { got }
}

/// A value made a number (an empty one is 0) or an address.
fn as_kind<'a>(got: Got<'a>, kind: Kind, t: &mut Tools<'a, '_>) -> Got<'a> {
    match got {
        Got::Value(Value::Str(b"")) if kind == Kind::Int => Got::int(0),
        Got::Value(v) => v.cast(kind, &mut t.scratch).into(),
        other => other,
    }
}

fn cookie<'a>(s: &Scene<'a>, a: &[Arg], w: &mut Walk, response: bool) -> Got<'a> {
    let m = match of_message(s, response) {
        Ok(m) => m,
        Err(got) => return got,
    };
    let name = a[0].text();
    let all = || {
        m.index.cookies(m.text, response).filter_map(move |pair| {
            let at = pair.iter().position(|b| *b == b'=')?;
            (name.is_empty() || trim(&pair[..at]) == name).then(|| trim(&pair[at + 1..]))
        })
    };
    if !w.each {
        return all().next().map(Value::Str).into();
    }
    let mut left = all().skip(w.item as usize);
    w.item += 1;
    let value = left.next();
    w.more = left.next().is_some();
    value.map(Value::Str).into()
}

fn cookie_count<'a>(s: &Scene<'a>, a: &[Arg], response: bool) -> Got<'a> {
    let (mut walk, mut n) = (Walk { each: true, ..Walk::default() }, 0);
    loop {
        match cookie(s, a, &mut walk, response) {
            Got::Value(_) => n += 1,
            Got::Nothing => return Got::int(n),
            Got::Later => return Got::Later,
        }
        if !walk.more {
            return Got::int(n);
        }
    }
}

/// A parameter of the query, or of a posted form.
fn url_param<'a>(s: &Scene<'a>, a: &[Arg], _: &mut Walk, _: &mut Tools<'a, '_>) -> Got<'a> {
    of_request(s, |m| {
        let separator = a.get(1).map_or(&b""[..], Arg::text).first().copied().unwrap_or(b'?');
        let uri = uri(&m);
        let at = uri.iter().position(|b| *b == separator)?;
        parameter(&uri[at + 1..], a[0].text())
    })
}

fn body_param<'a>(s: &Scene<'a>, a: &[Arg], _: &mut Walk, _: &mut Tools<'a, '_>) -> Got<'a> {
    of_request(s, |m| parameter(m.body, a[0].text()))
}

/// Host and path, as `base` has them.
fn base<'a>(s: &Scene<'a>, t: &mut Tools<'a, '_>) -> Got<'a> {
    match request(s) {
        Ok(m) => {
            let host = m.index.fields_named(m.text, b"host").next().unwrap_or(b"");
            let write = |o: &mut crate::util::fmt::Out| {
                o.put(host);
                o.put(path(&m).unwrap_or(b""));
            };
            t.scratch.write(write).map(Value::Str).into()
        }
        Err(got) => got,
    }
}

fn version<'a>(m: &Message<'a>) -> &'static [u8] {
    if m.index.version == crate::http::Version::V10 { b"1.0" } else { b"1.1" }
}

/// Name and password of `Authorization: Basic`.
pub fn credentials<'a>(s: &Scene<'a>, t: &mut Tools<'a, '_>) -> Option<(&'a [u8], &'a [u8])> {
    let m = s.request?;
    let given = m.index.fields_named(m.text, b"authorization").next()?;
    let mut space = [0; 256];
    let pair = crate::http::basic_credentials(given, &mut space)?;
    let pair = t.scratch.write(|o| o.put(pair))?;
    let at = pair.iter().position(|b| *b == b':')?;
    Some((&pair[..at], &pair[at + 1..]))
}

// Without a name: any of them.
const HDR: &str = "name:str?,occurrence:int?";
const NAME: &str = "name:str?";

/// Sorted by name.
pub static TABLE: &[Fetch] = &[
    fetch("base", "", Kind::Str, REQUEST, "1.5", "Host and path of a request.", |s, _, _, t| base(s, t)),
    fetch("cook", NAME, Kind::Str, REQUEST, "1.5", "A cookie of a request.", |s, a, w, _| cookie(s, a, w, false)),
    fetch("cook_cnt", NAME, Kind::Int, REQUEST, "1.5", "How often it is there.", |s, a, _, _| {
        cookie_count(s, a, false)
    }),
    fetch("cook_val", NAME, Kind::Int, REQUEST, "1.5", "The number in a cookie.", |s, a, w, t| {
        as_kind(filled(cookie(s, a, w, false)), Kind::Int, t)
    }),
    fetch("cookie", NAME, Kind::Str, REQUEST, "1.4", "As cook.", |s, a, w, _| cookie(s, a, w, false)),
    fetch("hdr", HDR, Kind::Str, MESSAGE, "1.3", "A field of the message, member by member.", |s, a, w, _| {
        header(s, a, w, s.response.is_some(), true)
    }),
    fetch("hdr_cnt", NAME, Kind::Int, MESSAGE, "1.3", "How many members a field has.", |s, a, _, _| {
        header_count(s, a, s.response.is_some(), true)
    }),
    fetch("hdr_ip", HDR, Kind::Ip, MESSAGE, "1.3", "The address in a field.", |s, a, w, t| {
        as_kind(header(s, a, w, s.response.is_some(), true), Kind::Ip, t)
    }),
    fetch("hdr_val", HDR, Kind::Int, MESSAGE, "1.3", "The number in a field.", |s, a, w, t| {
        as_kind(header(s, a, w, s.response.is_some(), true), Kind::Int, t)
    }),
    fetch("http_auth_pass", "", Kind::Str, REQUEST, "2.5", "The password of basic authentication.", |s, _, _, t| {
        credentials(s, t).map(|c| Value::Str(c.1)).into()
    }),
    fetch("http_auth_type", "", Kind::Str, REQUEST, "2.5", "The scheme of authentication.", |s, _, _, _| {
        of_request(s, |m| {
            let value = m.index.fields_named(m.text, b"authorization").next()?;
            Some(&value[..value.iter().position(|b| *b == b' ').unwrap_or(value.len())])
        })
    }),
    fetch("http_auth_user", "", Kind::Str, REQUEST, "2.5", "The user of basic authentication.", |s, _, _, t| {
        credentials(s, t).map(|c| Value::Str(c.0)).into()
    }),
    fetch("http_first_req", "", Kind::Bool, REQUEST, "1.3", "The first request of its connection.", |s, _, _, _| {
        Got::bool(s.flow.first_request)
    }),
    fetch("method", "", Kind::Method, REQUEST, "1.3", "The method.", |s, _, _, _| match request(s) {
        Ok(m) => Got::Value(Value::Method(m.index.method_name.of(m.text))),
        Err(got) => got,
    }),
    fetch("path", "", Kind::Str, REQUEST, "1.3", "The path of a request.", |s, _, _, _| of_request(s, |m| path(&m))),
    fetch("pathq", "", Kind::Str, REQUEST, "2.2", "Path and query of a request.", |s, _, _, _| {
        of_request(s, |m| path_and_query(&m))
    }),
    fetch("query", "", Kind::Str, REQUEST, "1.6", "The query of a request, without '?'.", |s, _, _, _| {
        of_request(s, |m| query(&m))
    }),
    fetch("req.body", "", Kind::Bin, REQUEST | BODY, "1.6", "What is there of the body.", |s, _, _, _| {
        match request(s) {
            Ok(m) => Got::Value(Value::Bin(m.body)),
            Err(got) => got,
        }
    }),
    fetch("req.body_len", "", Kind::Int, REQUEST | BODY, "1.6", "Its length.", |s, _, _, _| match request(s) {
        Ok(m) => Got::int(m.body.len() as i64),
        Err(got) => got,
    }),
    fetch("req.body_param", "name:str", Kind::Str, REQUEST | BODY, "1.6", "A parameter of a form.", body_param),
    fetch(
        "req.body_size",
        "",
        Kind::Int,
        REQUEST,
        "1.6",
        "The length that was announced.",
        |s, _, _, _| match request(s) {
            Ok(m) => Got::int(match m.index.body {
                crate::http::Body::Length(n) => n as i64,
                _ => m.body.len() as i64,
            }),
            Err(got) => got,
        },
    ),
    fetch("req.cook", NAME, Kind::Str, REQUEST, "1.5", "A cookie of a request.", |s, a, w, _| cookie(s, a, w, false)),
    fetch("req.cook_cnt", NAME, Kind::Int, REQUEST, "1.5", "How often it is there.", |s, a, _, _| {
        cookie_count(s, a, false)
    }),
    fetch("req.cook_val", NAME, Kind::Int, REQUEST, "1.5", "The number in a cookie.", |s, a, w, t| {
        as_kind(filled(cookie(s, a, w, false)), Kind::Int, t)
    }),
    fetch("req.fhdr", HDR, Kind::Str, REQUEST, "1.5", "A whole field of a request.", |s, a, w, _| {
        header(s, a, w, false, false)
    }),
    fetch("req.fhdr_cnt", NAME, Kind::Int, REQUEST, "1.5", "How often a field is there.", |s, a, _, _| {
        header_count(s, a, false, false)
    }),
    fetch("req.hdr", HDR, Kind::Str, REQUEST, "1.5", "A field of a request, member by member.", |s, a, w, _| {
        header(s, a, w, false, true)
    }),
    fetch("req.hdr_cnt", NAME, Kind::Int, REQUEST, "1.5", "How many members a field has.", |s, a, _, _| {
        header_count(s, a, false, true)
    }),
    fetch("req.hdr_ip", HDR, Kind::Ip, REQUEST, "1.5", "The address in a field.", |s, a, w, t| {
        as_kind(header(s, a, w, false, true), Kind::Ip, t)
    }),
    fetch("req.hdr_val", HDR, Kind::Int, REQUEST, "1.5", "The number in a field.", |s, a, w, t| {
        as_kind(header(s, a, w, false, true), Kind::Int, t)
    }),
    fetch("req.proto_http", "", Kind::Bool, REQUEST, "1.5", "The request is HTTP.", is_http),
    fetch("req.ver", "", Kind::Str, REQUEST, "1.5", "The version of HTTP.", |s, _, _, _| {
        of_request(s, |m| Some(version(&m)))
    }),
    fetch("req_proto_http", "", Kind::Bool, REQUEST, "1.4", "The request is HTTP.", is_http),
    fetch("req_ver", "", Kind::Str, REQUEST, "1.3", "The version of HTTP.", |s, _, _, _| {
        of_request(s, |m| Some(version(&m)))
    }),
    fetch("res.cook", NAME, Kind::Str, RESPONSE, "1.5", "A cookie that is set.", |s, a, w, _| cookie(s, a, w, true)),
    fetch("res.cook_cnt", NAME, Kind::Int, RESPONSE, "1.5", "How often it is set.", |s, a, _, _| {
        cookie_count(s, a, true)
    }),
    fetch("res.cook_val", NAME, Kind::Int, RESPONSE, "1.5", "The number in it.", |s, a, w, t| {
        as_kind(filled(cookie(s, a, w, true)), Kind::Int, t)
    }),
    fetch("res.fhdr", HDR, Kind::Str, RESPONSE, "1.5", "A whole field of a response.", |s, a, w, _| {
        header(s, a, w, true, false)
    }),
    fetch("res.fhdr_cnt", NAME, Kind::Int, RESPONSE, "1.5", "How often a field is there.", |s, a, _, _| {
        header_count(s, a, true, false)
    }),
    fetch("res.hdr", HDR, Kind::Str, RESPONSE, "1.5", "A field of a response, member by member.", |s, a, w, _| {
        header(s, a, w, true, true)
    }),
    fetch("res.hdr_cnt", NAME, Kind::Int, RESPONSE, "1.5", "How many members a field has.", |s, a, _, _| {
        header_count(s, a, true, true)
    }),
    fetch("res.hdr_ip", HDR, Kind::Ip, RESPONSE, "1.5", "The address in a field.", |s, a, w, t| {
        as_kind(header(s, a, w, true, true), Kind::Ip, t)
    }),
    fetch("res.hdr_val", HDR, Kind::Int, RESPONSE, "1.5", "The number in a field.", |s, a, w, t| {
        as_kind(header(s, a, w, true, true), Kind::Int, t)
    }),
    fetch("res.ver", "", Kind::Str, RESPONSE, "1.5", "The version of HTTP.", response_version),
    fetch("resp_ver", "", Kind::Str, RESPONSE, "1.3", "The version of HTTP.", response_version),
    fetch("scook", NAME, Kind::Str, RESPONSE, "1.5", "A cookie that is set.", |s, a, w, _| cookie(s, a, w, true)),
    fetch("scook_cnt", NAME, Kind::Int, RESPONSE, "1.5", "How often it is set.", |s, a, _, _| cookie_count(s, a, true)),
    fetch("scook_val", NAME, Kind::Int, RESPONSE, "1.5", "The number in it.", |s, a, w, t| {
        as_kind(filled(cookie(s, a, w, true)), Kind::Int, t)
    }),
    fetch("set-cookie", NAME, Kind::Str, RESPONSE, "1.4", "As scook.", |s, a, w, _| cookie(s, a, w, true)),
    fetch("shdr", HDR, Kind::Str, RESPONSE, "1.3", "As res.hdr.", |s, a, w, _| header(s, a, w, true, true)),
    fetch("shdr_cnt", NAME, Kind::Int, RESPONSE, "1.3", "As res.hdr_cnt.", |s, a, _, _| header_count(s, a, true, true)),
    fetch("shdr_ip", HDR, Kind::Ip, RESPONSE, "1.3", "As res.hdr_ip.", |s, a, w, t| {
        as_kind(header(s, a, w, true, true), Kind::Ip, t)
    }),
    fetch("shdr_val", HDR, Kind::Int, RESPONSE, "1.3", "As res.hdr_val.", |s, a, w, t| {
        as_kind(header(s, a, w, true, true), Kind::Int, t)
    }),
    fetch("status", "", Kind::Int, RESPONSE, "1.3", "The status of a response.", |s, _, _, _| {
        // A line of a log is written when the response has gone.
        let logged = (s.flow.status != 0).then(|| s.flow.status.into());
        s.response.map(|m| m.index.status.into()).or(logged).map(Value::Int).into()
    }),
    fetch("url", "", Kind::Str, REQUEST, "1.3", "The target of a request as it came.", |s, _, _, _| {
        of_request(s, |m| Some(uri(&m)))
    }),
    fetch("url_ip", "", Kind::Ip, REQUEST, "1.3", "The address in an absolute target.", |s, _, _, t| {
        let host = of_request(s, |m| authority(uri(&m)));
        as_kind(host, Kind::Ip, t)
    }),
    fetch("url_param", "name:str,delimiter:str?", Kind::Str, REQUEST, "1.4", "A parameter of the query.", url_param),
    fetch("urlp", "name:str,delimiter:str?", Kind::Str, REQUEST, "1.5", "As url_param.", url_param),
    fetch("urlp_val", "name:str,delimiter:str?", Kind::Int, REQUEST, "1.5", "The number in it.", |s, a, w, t| {
        as_kind(url_param(s, a, w, t), Kind::Int, t)
    }),
];

/// The host of an absolute target.
fn authority(uri: &[u8]) -> Option<&[u8]> {
    let at = uri.windows(3).position(|w| w == b"://")? + 3;
    let rest = &uri[at..];
    let host = &rest[..rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len())];
    Some(host.strip_prefix(b"[").map_or_else(
        || &host[..host.iter().position(|b| *b == b':').unwrap_or(host.len())],
        |v6| &v6[..v6.iter().position(|b| *b == b']').unwrap_or(v6.len())],
    ))
}

fn is_http<'a>(s: &Scene<'a>, _: &[Arg], _: &mut Walk, _: &mut Tools<'a, '_>) -> Got<'a> {
    request(s).map_or_else(|got| got, |_| Got::bool(true))
}

fn response_version<'a>(s: &Scene<'a>, _: &[Arg], _: &mut Walk, _: &mut Tools<'a, '_>) -> Got<'a> {
    s.response.map(|m| Value::Str(version(&m))).into()
}
