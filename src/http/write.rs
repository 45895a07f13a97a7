//! Writes the head that is sent on, from the parse.

use super::head::{Field, Head, Kind, Version};
use crate::util::fmt::Out;
use std::ops::Range;

/// What the new head says about the connection that it is sent over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keep {
    /// It stays open: said only where it is not the default (HTTP/1.0).
    Alive,
    /// It stays open, and that is said: the other end speaks HTTP/1.0.
    SayAlive,
    /// It is closed after this message: said only where it is not the default (HTTP/1.1).
    Close,
    /// The protocol is about to change: `Upgrade` is passed on and named.
    Upgrade,
    /// Nothing is said (tunnels, interim responses).
    Silent,
}

/// Writes the request head for the server. `head` is what was parsed; `add`: names and values of fields to add at the end.
pub fn write_request(out: &mut Out, index: &Head, head: &[u8], keep: Keep, add: &[(&[u8], &[u8])]) {
    request_line(out, index, head);
    out.put(b"\r\n");
    fields(out, index, head, keep, index.chunked);
    finish(out, index, keep, add);
}

/// Writes the first line of a head as it is, without its end.
pub fn first_line(out: &mut Out, index: &Head, head: &[u8], response: bool) {
    if response { status_line(out, index, head) } else { request_line(out, index, head) }
}

/// Writes a head as it is, to be parsed again; `drop_expect`: what `Expect` asks for was done.
pub fn write_again(out: &mut Out, index: &Head, head: &[u8], response: bool, drop_expect: bool) {
    first_line(out, index, head, response);
    out.put(b"\r\n");
    for f in &index.fields {
        if !(drop_expect && f.name.of(head).eq_ignore_ascii_case(b"expect")) {
            put(out, f.name.of(head), f.value.of(head));
        }
    }
    out.put(b"\r\n");
}

fn request_line(out: &mut Out, index: &Head, head: &[u8]) {
    out.put(index.method_name.of(head));
    out.byte(b' ');
    out.put(index.uri.of(head));
    out.put(match index.version {
        Version::V10 => b" HTTP/1.0",
        Version::V11 => b" HTTP/1.1",
    });
}

fn status_line(out: &mut Out, index: &Head, head: &[u8]) {
    out.put(match index.version {
        Version::V10 => b"HTTP/1.0 ",
        Version::V11 => b"HTTP/1.1 ",
    });
    out.zero_padded(index.status.into(), 3);
    out.byte(b' ');
    out.put(index.reason.of(head));
}

/// Writes the response head for the client. `head` is what was parsed; `drop_coding` leaves `Transfer-Encoding` out (the chunks are
/// taken off).
pub fn write_response(out: &mut Out, index: &Head, head: &[u8], keep: Keep, drop_coding: bool) {
    status_line(out, index, head);
    out.put(b"\r\n");
    fields(out, index, head, keep, index.chunked && !drop_coding);
    finish(out, index, keep, &[]);
}

fn fields(out: &mut Out, index: &Head, head: &[u8], keep: Keep, chunked: bool) {
    let mut length_written = false;
    // Lines that stand one behind the other as they are to be written.
    let mut block = 0..0;
    for f in &index.fields {
        let (write, number) = match f.kind {
            Kind::Plain => (true, None),
            Kind::HopByHop => (false, None),
            Kind::Upgrade => (keep == Keep::Upgrade || keep == Keep::Silent, None),
            Kind::TransferEncoding => (chunked, None),
            // One number, whatever the form in which it came (RFC 9110 section 8.6).
            Kind::ContentLength => {
                let wanted = index.content_length.is_some() && !std::mem::replace(&mut length_written, true);
                (wanted, index.content_length.filter(|_| !is_plain_number(f.value.of(head))))
            }
        };
        if !write {
            continue;
        }
        match line(f, head).filter(|_| number.is_none()) {
            Some(line) if line.start == block.end => block.end = line.end,
            Some(line) => out.put(&head[std::mem::replace(&mut block, line)]),
            None => {
                out.put(&head[std::mem::take(&mut block)]);
                out.put(f.name.of(head));
                out.put(b": ");
                match number {
                    Some(n) => out.num(n),
                    None => out.put(f.value.of(head)),
                }
                out.put(b"\r\n");
            }
        }
    }
    out.put(&head[block]);
}

/// Where a field stands, when that is a line as it is to be written.
fn line(f: &Field, head: &[u8]) -> Option<Range<usize>> {
    let (start, colon) = (usize::from(f.name.at), usize::from(f.name.at) + usize::from(f.name.len));
    let (value, end) = (usize::from(f.value.at), usize::from(f.value.at) + usize::from(f.value.len));
    let is = value == colon + 2 && head.get(colon..value) == Some(b": ") && head.get(end..end + 2) == Some(b"\r\n");
    is.then_some(start..end + 2)
}

/// A number as we would write it.
fn is_plain_number(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_digit) && (text.len() == 1 || text.first() != Some(&b'0'))
}

#[inline]
fn put(out: &mut Out, name: &[u8], value: &[u8]) {
    out.put(name);
    out.put(b": ");
    out.put(value);
    out.put(b"\r\n");
}

fn finish(out: &mut Out, index: &Head, keep: Keep, add: &[(&[u8], &[u8])]) {
    for (name, value) in add {
        put(out, name, value);
    }
    match (keep, index.version) {
        (Keep::Alive, Version::V10) | (Keep::SayAlive, _) => out.put(b"Connection: keep-alive\r\n"),
        (Keep::Close, Version::V11) => out.put(b"Connection: close\r\n"),
        (Keep::Upgrade, _) => out.put(b"Connection: Upgrade\r\n"),
        (Keep::Alive, Version::V11) | (Keep::Close, Version::V10) | (Keep::Silent, _) => {}
    }
    out.put(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_anew() {
        let head = b"POST /x HTTP/1.1\r\nHost: a\r\nConnection: close, Foo\r\nContent-Length: 05, 5\r\nX:  y \r\nKeep-Alive: 3\r\n\r\n";
        let mut h = Head::new(20);
        h.parse_request(head, false).unwrap();
        let mut buf = [0; 300];
        let mut out = Out::new(&mut buf);
        let add: [(&[u8], &[u8]); 1] = [(b"X-Forwarded-For", b"1.2.3.4")];
        write_request(&mut out, &h, head, Keep::Alive, &add);
        let expected = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX: y\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n";
        assert_eq!(std::str::from_utf8(out.bytes()).unwrap(), expected);
    }

    /// What becomes of the head of a response.
    fn response(head: &str, lax: bool, keep: Keep) -> String {
        let mut h = Head::new(20);
        h.parse_response(head.as_bytes(), super::super::Method::Get, lax).unwrap();
        let mut buf = [0; 300];
        let mut out = Out::new(&mut buf);
        write_response(&mut out, &h, head.as_bytes(), keep, false);
        String::from_utf8(out.bytes().to_vec()).unwrap()
    }

    /// Lines are copied as they stand only where that is how they are written.
    #[test]
    fn blocks_of_lines() {
        let head = "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nC:3\r\nD :4\r\nE: 5\r\nContent-Length: 07\r\nF: 6 \r\nG:\t7\r\nH: \r\nI: 8\r\n\
                    Keep-Alive: 1\r\nJ: 9\r\nK: 10\r\n\r\n";
        let expected = "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\nContent-Length: 7\r\nF: 6\r\nG: 7\r\nH: \r\nI: 8\r\n\
                        J: 9\r\nK: 10\r\n\r\n";
        assert_eq!(response(head, true, Keep::Alive), expected);
    }

    #[test]
    fn one_length() {
        for (lengths, want) in [("5", "5"), ("5\r\nContent-Length: 5", "5"), ("5, 5", "5"), ("0", "0"), ("00", "0")] {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {lengths}\r\n\r\n");
            let expected = format!("HTTP/1.1 200 OK\r\nContent-Length: {want}\r\n\r\n");
            assert_eq!(response(&head, false, Keep::Alive), expected, "{lengths}");
        }
    }

    #[test]
    fn no_length_on_204() {
        assert_eq!(
            response("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\nTE: x\r\n\r\n", false, Keep::Close),
            "HTTP/1.1 204 No Content\r\nTE: x\r\nConnection: close\r\n\r\n"
        );
    }
}
