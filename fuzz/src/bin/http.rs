//! Bytes of a connection: a request, a response, a body in chunks, a PROXY header.
#![no_main]

use evenkeel::http::{
    Body, Fault, Head, HeadEnd, Keep, MAX_HEADERS, Method, Version, basic_credentials, head_end, write_again,
    write_request, write_response,
};
use evenkeel::session::{ProxyParsed, parse_proxy_header};
use evenkeel::util::fmt::Out;
use evenkeel_fuzz::{naive, seeds};

/// Fields that the proxy writes anew, or only where the connection changes its protocol.
const OURS: [&str; 7] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "http2-settings",
    "upgrade",
    "content-length",
    "transfer-encoding",
];

const KEEPS: [Keep; 5] = [Keep::Alive, Keep::SayAlive, Keep::Close, Keep::Upgrade, Keep::Silent];

/// What must survive being written and read again.
#[derive(PartialEq, Debug)]
struct Said {
    version: Version,
    first: [Vec<u8>; 2],
    status: u16,
    body: Body,
    host: Option<Vec<u8>>,
    expects_continue: bool,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
}

fn said(index: &Head, text: &[u8], response: bool) -> Said {
    let ours = |name: &[u8]| OURS.iter().any(|o| name.eq_ignore_ascii_case(o.as_bytes()));
    let first = if response { [index.reason, index.reason] } else { [index.method_name, index.uri] };
    Said {
        version: index.version,
        first: first.map(|span| span.of(text).to_vec()),
        status: if response { index.status } else { 0 },
        body: index.body,
        host: index.host.map(|h| h.of(text).to_vec()),
        expects_continue: index.expects_continue,
        fields: index.all_fields(text).filter(|f| !ours(f.0)).map(|f| (f.0.to_vec(), f.1.to_vec())).collect(),
    }
}

/// Reads a head of so many fields; `method`: of the request that it answers, if it is a response's.
fn parse(text: &[u8], limit: usize, method: Option<Method>, lax: bool) -> Result<Head, Fault> {
    let mut index = Head::new(limit);
    match method {
        None => index.parse_request(text, lax)?,
        Some(method) => index.parse_response(text, method, lax)?,
    }
    Ok(index)
}

/// What is written of a head that was read is one head, and says the same, to the program and to a plain reader.
fn check_written(index: &Head, text: &[u8], method: Option<Method>, lax: bool) {
    let response = method.is_some();
    for keep in KEEPS {
        let mut space = vec![0; 2 * text.len() + 256];
        let mut out = Out::new(&mut space);
        match response {
            true => write_response(&mut out, index, text, keep, false),
            false => write_request(&mut out, index, text, keep, &[]),
        }
        assert!(!out.overflow());
        let new = out.bytes();
        let show = || format!("{keep:?} {}", new.escape_ascii());
        assert_eq!(head_end(new, 0), HeadEnd::At(new.len()), "{}", show());
        // A target is passed on as it came; the rest of what is only let through comes out clean.
        let again = parse(new, MAX_HEADERS, method, lax && !response).unwrap_or_else(|e| panic!("{e:?} {}", show()));
        assert_eq!(said(&again, new, response), said(index, text, response), "{}", show());
        match naive::framing(new).unwrap_or_else(|e| panic!("{e} {}", show())) {
            _ if response => {}
            naive::Framing::Nothing | naive::Framing::Length(0) => assert_eq!(again.body, Body::None, "{}", show()),
            naive::Framing::Length(n) => assert_eq!(again.body, Body::Length(n), "{}", show()),
            naive::Framing::Chunked => assert_eq!(again.body, Body::chunked(), "{}", show()),
        }
        let c = again.connection;
        assert_eq!(c.close, keep == Keep::Close && index.version == Version::V11, "{}", show());
        assert_eq!(c.upgrade, keep == Keep::Upgrade, "{}", show());
    }
    let mut space = vec![0; 2 * text.len() + 256];
    let mut out = Out::new(&mut space);
    write_again(&mut out, index, text, response, false);
    let again = parse(out.bytes(), MAX_HEADERS, method, lax && !response).expect("what was read before");
    assert_eq!(said(&again, out.bytes(), response), said(index, text, response));
    assert_eq!(again.connection, index.connection);
}

fn check_head(text: &[u8]) {
    let methods = [None, Some(Method::Get), Some(Method::Head), Some(Method::Connect)];
    for method in methods {
        // Less than fit: further ones may be written.
        let [strict, lax] = [false, true].map(|lax| parse(text, MAX_HEADERS - 2, method, lax));
        if let Ok(strict) = &strict {
            let lax = lax.as_ref().expect("what is valid is let through");
            assert_eq!(said(strict, text, method.is_some()), said(lax, text, method.is_some()));
            check_written(strict, text, method, false);
            strict.cookies(text, method.is_some()).for_each(|c| assert!(c.len() <= text.len()));
            let mut space = [0; 256];
            strict.values(text, b"authorization").for_each(|v| _ = basic_credentials(v, &mut space));
        }
        if let Ok(lax) = &lax {
            check_written(lax, text, method, true);
        }
    }
}

/// The end of a head is the same when it comes in pieces.
fn check_end(data: &[u8], piece: usize) -> HeadEnd {
    let at_once = head_end(data, 0);
    let (mut from, mut seen) = (0, 0);
    let in_pieces = loop {
        seen = (seen + piece).min(data.len());
        match head_end(&data[..seen], from) {
            HeadEnd::NotYet(next) if seen < data.len() => from = next,
            end => break end,
        }
    };
    assert_eq!(in_pieces, at_once);
    at_once
}

/// Chunks are the same in pieces and at once, to the program and to a plain reader, with and without what is around their data.
fn check_chunks(data: &[u8], piece: usize) {
    let mut whole = Body::chunked();
    let at_once = whole.advance(data);
    let mut body = Body::chunked();
    let mut in_pieces = Ok(0);
    for part in data.chunks(piece) {
        match (body.is_done(), body.advance(part)) {
            (true, n) => assert_eq!(n, Ok(0)),
            (false, Ok(n)) => in_pieces = in_pieces.map(|all| all + n),
            (false, Err(e)) => {
                in_pieces = Err(e);
                break;
            }
        }
    }
    assert_eq!(in_pieces, at_once);
    let mut copy = data.to_vec();
    let mut stripped = Body::chunked();
    let kept = stripped.strip(&mut copy);
    assert_eq!(kept.map(|k| k.0), at_once);
    let show = || data.escape_ascii();
    match (naive::unchunk(data), at_once) {
        (Ok((len, want)), Ok(seen)) => {
            let kept = kept.unwrap_or_default().1;
            assert_eq!((seen, &copy[..kept]), (len, &want[..]), "{}", show());
            assert!(whole.is_done() && stripped.is_done(), "{}", show());
        }
        (Ok(_), Err(e)) => panic!("{e:?}: {}", show()),
        // What is wrong may be seen before its line is complete.
        (Err(naive::Unread::Incomplete), seen) => assert!(seen.is_err() || !whole.is_done(), "{}", show()),
        (Err(naive::Unread::Invalid), seen) => assert!(seen.is_err(), "{}", show()),
    }
}

/// A PROXY header is the same when more comes behind it, and undecided only before its end.
fn check_proxy_header(data: &[u8]) {
    let whole = parse_proxy_header(data);
    if let ProxyParsed::Done(_, len) = whole {
        assert!(len <= data.len());
        assert_eq!(parse_proxy_header(&data[..len]), whole);
        assert_eq!(parse_proxy_header(&data[..len - 1]), ProxyParsed::NeedMore);
    }
    if whole == ProxyParsed::NeedMore {
        assert!(data.len() < 1024 + 16);
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let mut all = seeds::messages();
    all.push(b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\nGET".to_vec());
    all.push(b"PROXY TCP6 ::1 2001:db8::1 1 65535\r\n".to_vec());
    all.push(b"PROXY UNKNOWN x\r\n".to_vec());
    let signature = b"\r\n\r\n\0\r\nQUIT\n";
    all.push([&signature[..], b"\x21\x11\0\x0c\x0a\0\0\x01\x0a\0\0\x02\x12\x34\0\x50GET"].concat());
    all.push([&signature[..], b"\x20\0\0\0"].concat());
    all.push([&signature[..], b"\x21\x21\0\x24", &[1; 36]].concat());
    all
}

libfuzzer_sys::fuzz_target!(
    init: seeds::write(seeds, seeds::message_words),
    |data: &[u8]| {
        let piece = data.len() % 7 + 1;
        if let HeadEnd::At(len) = check_end(data, piece) {
            check_head(&data[..len]);
            check_chunks(&data[len..], piece);
        }
        check_chunks(data, piece);
        check_proxy_header(data);
    }
);
