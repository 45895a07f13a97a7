//! Fetches of header fields and cookies, of requests and of responses (manual 7.3.6).

use super::http::{known, of_message, request};
use super::{Arg, Fetch, Got, Message, Scene, Tools, Walk, fetch, needs};
use crate::http::{first_cookie, first_piece, trim};
use crate::pattern::{Kind, Value};
use crate::util::fmt::Out;

/// All of this file rests on the fields alone.
const REQUEST: u32 = needs::REQUEST | needs::IN_FIELDS;
const RESPONSE: u32 = needs::RESPONSE | needs::IN_FIELDS;
const MESSAGE: u32 = needs::MESSAGE | needs::IN_FIELDS;

/// The next piece of the fields of a name, of all fields without one, from where the walk is; `cut`: the first piece of a value, and what is
/// left of it.
fn next_piece<'a>(
    m: &Message<'a>,
    name: &[u8],
    cut: impl Fn(&'a [u8]) -> (&'a [u8], Option<&'a [u8]>),
    walk: &mut Walk,
) -> Option<&'a [u8]> {
    let (first, mut at) = walk.place;
    for n in first as usize..m.index.count() {
        if name.is_empty() || m.index.is_named(n, m.text, name) {
            let value = m.index.value(n, m.text);
            let (piece, rest) = cut(&value[at as usize..]);
            walk.place = rest.map_or((n as u32 + 1, 0), |rest| (n as u32, (value.len() - rest.len()) as u32));
            walk.more = rest.is_some() || n + 1 < m.index.count();
            return Some(piece);
        }
        at = 0;
    }
    walk.more = false;
    None
}

/// The next value of the fields of a name; of all fields without one. `list`: fields are lists whose members are values of their own.
fn next_value<'a>(m: &Message<'a>, name: &[u8], list: bool, walk: &mut Walk) -> Option<&'a [u8]> {
    if !list {
        return next_piece(m, name, |value| (value, None), walk);
    }
    next_piece(m, name, first_piece, walk).map(trim)
}

fn values<'a, 'n>(m: &'n Message<'a>, name: &'n [u8], list: bool) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
    let mut walk = Walk::default();
    std::iter::from_fn(move || next_value(m, name, list, &mut walk))
}

fn occurrence<'a>(m: &Message<'a>, args: &[Arg], walk: &mut Walk, list: bool) -> Option<&'a [u8]> {
    let name = args[0].text();
    let all = || values(m, name, list);
    match args.get(1).map_or(0, |a| a.int_or(0)) {
        0 if walk.each => next_value(m, name, list, walk),
        0 => all().last(),
        n if n > 0 => all().nth(n as usize - 1),
        n => usize::try_from(all().count() as i64 + n).ok().and_then(|at| all().nth(at)),
    }
}

fn header<'a>(s: &Scene<'a>, a: &[Arg], w: &mut Walk, response: bool, list: bool) -> Got<'a> {
    known(of_message(s, response), |m| occurrence(&m, a, w, list).map(Value::Str))
}

fn count<'a>(s: &Scene<'a>, a: &[Arg], response: bool, list: bool) -> Got<'a> {
    known(of_message(s, response), |m| Some(Value::Int(values(&m, a[0].text(), list).count() as i64)))
}

/// A cookie's number; an empty one has none.
fn cookie_number<'a>(s: &Scene<'a>, a: &[Arg], w: &mut Walk, response: bool) -> Got<'a> {
    match cookie(s, a, w, response) {
        Got::Value(Value::Str(b"")) => Got::Nothing,
        got => number(got),
    }
}

/// The number that a text begins with; 0 when it begins with none.
pub fn number(got: Got<'_>) -> Got<'_> {
    match got {
        Got::Value(v) => Got::int(v.int().unwrap_or(0)),
        other => other,
    }
}

fn header_ip<'a>(s: &Scene<'a>, a: &[Arg], w: &mut Walk, response: bool) -> Got<'a> {
    known(of_message(s, response), |m| Value::Str(occurrence(&m, a, w, true)?).ip().map(Value::Ip))
}

/// The next value of the cookies of a name; of all without one. Names with a '$' are attributes of RFC 2965.
fn next_cookie<'a>(m: &Message<'a>, name: &[u8], response: bool, walk: &mut Walk) -> Option<&'a [u8]> {
    let field: &[u8] = if response { b"set-cookie" } else { b"cookie" };
    loop {
        let pair = next_piece(m, field, |value| first_cookie(value, response), walk)?;
        let Some(at) = pair.iter().position(|b| *b == b'=') else { continue };
        let given = trim(&pair[..at]);
        if if name.is_empty() { !given.starts_with(b"$") } else { given == name } {
            return Some(trim(&pair[at + 1..]));
        }
    }
}

fn cookies<'a, 'n>(m: &'n Message<'a>, name: &'n [u8], response: bool) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
    let mut walk = Walk::default();
    std::iter::from_fn(move || next_cookie(m, name, response, &mut walk))
}

fn cookie<'a>(s: &Scene<'a>, a: &[Arg], w: &mut Walk, response: bool) -> Got<'a> {
    let name = a[0].text();
    known(of_message(s, response), |m| {
        let value = match (w.each, name.is_empty()) {
            (true, _) => next_cookie(&m, name, response, w),
            (false, true) => cookies(&m, name, response).next(),
            (false, false) => cookies(&m, name, response).last(),
        };
        value.map(Value::Str)
    })
}

fn cookie_count<'a>(s: &Scene<'a>, a: &[Arg], response: bool) -> Got<'a> {
    known(of_message(s, response), |m| Some(Value::Int(cookies(&m, a[0].text(), response).count() as i64)))
}

fn cookie_either<'a>(s: &Scene<'a>, a: &[Arg], w: &mut Walk, _: &mut Tools<'a, '_>) -> Got<'a> {
    cookie(s, a, w, s.response().is_some())
}

/// What `write` makes of the fields of a message.
fn written<'a>(
    s: &Scene<'a>,
    t: &mut Tools<'a, '_>,
    response: bool,
    kind: Kind,
    write: impl Fn(&Message, &mut Out),
) -> Got<'a> {
    known(of_message(s, response), |m| t.scratch.write(|o| write(&m, o)).map(|b| Value::of_bytes(kind, b)))
}

fn names<'a>(s: &Scene<'a>, a: &[Arg], t: &mut Tools<'a, '_>, response: bool) -> Got<'a> {
    let delimiter = a[0].text().first().copied().unwrap_or(b',');
    written(s, t, response, Kind::Str, |m, o| {
        for (n, (name, _)) in m.index.all_fields(m.text).enumerate() {
            if n > 0 {
                o.byte(delimiter);
            }
            lower(name, o);
        }
    })
}

/// Names have no case; ours are written as HAProxy's are: small.
fn lower(name: &[u8], o: &mut Out) {
    name.iter().for_each(|b| o.byte(b.to_ascii_lowercase()));
}

fn head<'a>(s: &Scene<'a>, t: &mut Tools<'a, '_>, response: bool) -> Got<'a> {
    written(s, t, response, Kind::Str, |m, o| {
        for (name, value) in m.index.all_fields(m.text) {
            lower(name, o);
            o.put(b": ");
            o.put(value);
            o.put(b"\r\n");
        }
        o.put(b"\r\n");
    })
}

/// A length as the protocol SPOP writes it.
fn length(mut n: usize, o: &mut Out) {
    if n < 240 {
        return o.byte(n as u8);
    }
    o.byte(n as u8 | 240);
    n = (n - 240) >> 4;
    while n >= 128 {
        o.byte(n as u8 | 128);
        n = (n - 128) >> 7;
    }
    o.byte(n as u8);
}

fn head_bin<'a>(s: &Scene<'a>, t: &mut Tools<'a, '_>, response: bool) -> Got<'a> {
    written(s, t, response, Kind::Bin, |m, o| {
        for (name, value) in m.index.all_fields(m.text) {
            length(name.len(), o);
            lower(name, o);
            length(value.len(), o);
            o.put(value);
        }
        o.put(&[0, 0]);
    })
}

const HDR: &str = "name:str?,occurrence:occurrence?";
const NAME: &str = "name:str?";
const DELIMITER: &str = "delimiter:str?";

/// Sorted by name.
pub static TABLE: &[Fetch] = &[
    fetch("cook", NAME, Kind::Str, REQUEST, "1.5", "A cookie of a request.", |s, a, w, _| cookie(s, a, w, false)),
    fetch("cook_cnt", NAME, Kind::Int, REQUEST, "1.5", "How often it is there.", |s, a, _, _| {
        cookie_count(s, a, false)
    }),
    fetch("cook_val", NAME, Kind::Int, REQUEST, "1.5", "The number in a cookie.", |s, a, w, _| {
        cookie_number(s, a, w, false)
    }),
    fetch("cookie", NAME, Kind::Str, MESSAGE, "1.4", "As req.cook or res.cook.", cookie_either),
    fetch("hdr", HDR, Kind::Str, MESSAGE, "1.3", "A field of the message, member by member.", |s, a, w, _| {
        header(s, a, w, s.response().is_some(), true)
    }),
    fetch("hdr_cnt", NAME, Kind::Int, REQUEST, "1.3", "As req.hdr_cnt.", |s, a, _, _| count(s, a, false, true)),
    fetch("hdr_ip", HDR, Kind::Ip, REQUEST, "1.3", "As req.hdr_ip.", |s, a, w, _| header_ip(s, a, w, false)),
    fetch("hdr_val", HDR, Kind::Int, REQUEST, "1.3", "As req.hdr_val.", |s, a, w, _| {
        number(header(s, a, w, false, true))
    }),
    fetch("req.cook", NAME, Kind::Str, REQUEST, "1.5", "A cookie of a request.", |s, a, w, _| cookie(s, a, w, false)),
    fetch("req.cook_cnt", NAME, Kind::Int, REQUEST, "1.5", "How often it is there.", |s, a, _, _| {
        cookie_count(s, a, false)
    }),
    fetch("req.cook_val", NAME, Kind::Int, REQUEST, "1.5", "The number in a cookie.", |s, a, w, _| {
        cookie_number(s, a, w, false)
    }),
    fetch("req.fhdr", HDR, Kind::Str, REQUEST, "1.5", "A whole field of a request.", |s, a, w, _| {
        header(s, a, w, false, false)
    }),
    fetch("req.fhdr_cnt", NAME, Kind::Int, REQUEST, "1.5", "How often a field is there.", |s, a, _, _| {
        count(s, a, false, false)
    }),
    fetch("req.hdr", HDR, Kind::Str, REQUEST, "1.5", "A field of a request, member by member.", |s, a, w, _| {
        header(s, a, w, false, true)
    }),
    fetch("req.hdr_cnt", NAME, Kind::Int, REQUEST, "1.5", "How many members a field has.", |s, a, _, _| {
        count(s, a, false, true)
    }),
    fetch("req.hdr_ip", HDR, Kind::Ip, REQUEST, "1.5", "The address in a field.", |s, a, w, _| {
        header_ip(s, a, w, false)
    }),
    fetch("req.hdr_names", DELIMITER, Kind::Str, REQUEST, "2.3", "Names of the fields.", |s, a, _, t| {
        names(s, a, t, false)
    }),
    fetch("req.hdr_val", HDR, Kind::Int, REQUEST, "1.5", "The number in a field.", |s, a, w, _| {
        number(header(s, a, w, false, true))
    }),
    fetch("req.hdrs", "", Kind::Str, REQUEST, "1.8", "All fields, and the empty line.", |s, _, _, t| head(s, t, false)),
    fetch("req.hdrs_bin", "", Kind::Bin, REQUEST, "1.8", "All fields, each with its length.", |s, _, _, t| {
        head_bin(s, t, false)
    }),
    fetch("res.cook", NAME, Kind::Str, RESPONSE, "1.5", "A cookie that is set.", |s, a, w, _| cookie(s, a, w, true)),
    fetch("res.cook_cnt", NAME, Kind::Int, RESPONSE, "1.5", "How often it is set.", |s, a, _, _| {
        cookie_count(s, a, true)
    }),
    fetch("res.cook_val", NAME, Kind::Int, RESPONSE, "1.5", "The number in it.", |s, a, w, _| {
        cookie_number(s, a, w, true)
    }),
    fetch("res.fhdr", HDR, Kind::Str, RESPONSE, "1.5", "A whole field of a response.", |s, a, w, _| {
        header(s, a, w, true, false)
    }),
    fetch("res.fhdr_cnt", NAME, Kind::Int, RESPONSE, "1.5", "How often a field is there.", |s, a, _, _| {
        count(s, a, true, false)
    }),
    fetch("res.hdr", HDR, Kind::Str, RESPONSE, "1.5", "A field of a response, member by member.", |s, a, w, _| {
        header(s, a, w, true, true)
    }),
    fetch("res.hdr_cnt", NAME, Kind::Int, RESPONSE, "1.5", "How many members a field has.", |s, a, _, _| {
        count(s, a, true, true)
    }),
    fetch("res.hdr_ip", HDR, Kind::Ip, RESPONSE, "1.5", "The address in a field.", |s, a, w, _| {
        header_ip(s, a, w, true)
    }),
    fetch("res.hdr_names", DELIMITER, Kind::Str, RESPONSE, "2.3", "Names of the fields.", |s, a, _, t| {
        names(s, a, t, true)
    }),
    fetch("res.hdr_val", HDR, Kind::Int, RESPONSE, "1.5", "The number in a field.", |s, a, w, _| {
        number(header(s, a, w, true, true))
    }),
    fetch("res.hdrs", "", Kind::Str, RESPONSE, "2.3", "All fields, and the empty line.", |s, _, _, t| head(s, t, true)),
    fetch("res.hdrs_bin", "", Kind::Bin, RESPONSE, "2.3", "All fields, each with its length.", |s, _, _, t| {
        head_bin(s, t, true)
    }),
    fetch("scook", NAME, Kind::Str, RESPONSE, "1.5", "As res.cook.", |s, a, w, _| cookie(s, a, w, true)),
    fetch("scook_cnt", NAME, Kind::Int, RESPONSE, "1.5", "As res.cook_cnt.", |s, a, _, _| cookie_count(s, a, true)),
    fetch("scook_val", NAME, Kind::Int, RESPONSE, "1.5", "As res.cook_val.", |s, a, w, _| cookie_number(s, a, w, true)),
    fetch("set-cookie", NAME, Kind::Str, RESPONSE, "1.4", "As res.cook.", |s, a, w, _| cookie(s, a, w, true)),
    fetch("shdr", HDR, Kind::Str, RESPONSE, "1.3", "As res.hdr.", |s, a, w, _| header(s, a, w, true, true)),
    fetch("shdr_cnt", NAME, Kind::Int, RESPONSE, "1.3", "As res.hdr_cnt.", |s, a, _, _| count(s, a, true, true)),
    fetch("shdr_ip", HDR, Kind::Ip, RESPONSE, "1.3", "As res.hdr_ip.", |s, a, w, _| header_ip(s, a, w, true)),
    fetch("shdr_val", HDR, Kind::Int, RESPONSE, "1.3", "As res.hdr_val.", |s, a, w, _| {
        number(header(s, a, w, true, true))
    }),
];

/// The token of `Authorization: Bearer`, or of another field.
pub fn bearer<'a>(s: &Scene<'a>, name: &[u8]) -> Got<'a> {
    let m = match request(s) {
        Ok(m) => m,
        Err(got) => return got,
    };
    let name = if name.is_empty() { b"authorization" } else { name };
    let token = |given: &'a [u8]| {
        let (scheme, token) = given.split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then(|| Value::Str(crate::http::trim(token)))
    };
    m.index.fields_named(m.text, name).next().and_then(token).into()
}

/// Name and password of `Authorization: Basic`, and its scheme.
pub fn credentials<'a>(s: &Scene<'a>, t: &mut Tools<'a, '_>) -> Option<(&'a [u8], &'a [u8])> {
    let m = request(s).ok()?;
    let given = m.index.fields_named(m.text, b"authorization").next()?;
    let mut space = [0; 256];
    let pair = crate::http::basic_credentials(given, &mut space)?;
    let pair = t.scratch.write(|o| o.put(pair))?;
    let at = pair.iter().position(|b| *b == b':')?;
    Some((&pair[..at], &pair[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Head;

    #[test]
    fn addresses_may_have_ports() {
        let is = |text: &str, want: Option<&str>| {
            assert_eq!(Value::Str(text.as_bytes()).ip(), want.map(|w| w.parse().unwrap()), "{text}");
        };
        for (text, want) in [("1.2.3.4", "1.2.3.4"), ("1.2.3.4:80", "1.2.3.4"), ("::1", "::1")] {
            is(text, Some(want));
        }
        for text in ["", "1.2.3", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:x", "1.2.3.4 ", "[::1]", "a"] {
            is(text, None);
        }
    }

    #[test]
    fn lengths_as_in_spop() {
        for (n, want) in [(0, &[0][..]), (239, &[239]), (240, &[240, 0]), (2287, &[255, 127]), (2288, &[240, 128, 0])] {
            let mut space = [0; 8];
            let mut out = Out::new(&mut space);
            length(n, &mut out);
            assert_eq!(out.bytes(), want, "{n}");
        }
    }

    #[test]
    fn a_walk_goes_on_where_it_was() {
        let head = b"GET / HTTP/1.1\r\nHost: h\r\nX: a, \"b,c\" ,,\r\nCookie: k=1; j=2\r\nX:\r\nCookie: $v=0,k=3\r\nX: d\r\n\r\n";
        let mut index = Head::new(20);
        index.parse_request(head, false).unwrap();
        let m = Message { index: &index, text: head, body: b"" };
        let all = |name: &'static [u8], list| values(&m, name, list).collect::<Vec<_>>();
        assert_eq!(all(b"x", true), [&b"a"[..], b"\"b,c\"", b"", b"", b"", b"d"]);
        assert_eq!(all(b"x", false), [&b"a, \"b,c\" ,,"[..], b"", b"d"]);
        assert_eq!(all(b"", false).len(), 6);
        assert_eq!(cookies(&m, b"k", false).collect::<Vec<_>>(), [b"1", b"3"]);
        assert_eq!(cookies(&m, b"", false).collect::<Vec<_>>(), [b"1", b"2", b"3"]);
        // From its place alone, at each step: nothing before it is looked at again.
        let mut walk = Walk { place: (1, 2), ..Walk::default() };
        assert_eq!(next_value(&m, b"x", true, &mut walk), Some(&b"\"b,c\""[..]));
    }
}
