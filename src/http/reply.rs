//! The answers that the proxy gives itself.

use crate::util::fmt::Out;
use std::fmt::Write;

/// Status codes with an answer of our own, their reason phrases (RFC 9110 section 15) and the sentence for a person.
pub const STATUSES: &[(u16, &str, &str)] = &[
    (200, "OK", "Service ready."),
    (400, "Bad Request", "The request could not be understood."),
    (401, "Unauthorized", "This page needs a user name and a password."),
    (403, "Forbidden", "This request is not allowed here."),
    (404, "Not Found", "There is nothing at this address."),
    (405, "Method Not Allowed", "This method is not allowed here."),
    (407, "Proxy Authentication Required", "The proxy needs a user name and a password."),
    (408, "Request Timeout", "The request did not arrive completely in time."),
    (410, "Gone", "What was at this address has been removed."),
    (413, "Content Too Large", "The request has a body that is too large."),
    (414, "URI Too Long", "The address in the request is too long."),
    (421, "Misdirected Request", "The request reached a server that cannot answer it."),
    (422, "Unprocessable Content", "The request cannot be processed."),
    (425, "Too Early", "The request came too early."),
    (429, "Too Many Requests", "Too many requests came from your address lately."),
    (431, "Request Header Fields Too Large", "The header of the request is too large."),
    (500, "Internal Server Error", "The proxy failed to process the request."),
    (501, "Not Implemented", "The proxy does not support what the request asks for."),
    (502, "Bad Gateway", "The server gave an invalid or incomplete answer."),
    (503, "Service Unavailable", "No server is available to handle this request."),
    (504, "Gateway Timeout", "The server did not answer in time."),
];

/// Reason phrases of status codes without an answer of our own: those that IANA has registered, and two that HAProxy has.
const PHRASES: &[(u16, &str)] = &[
    (100, "Continue"),
    (101, "Switching Protocols"),
    (102, "Processing"),
    (103, "Early Hints"),
    (201, "Created"),
    (202, "Accepted"),
    (203, "Non-Authoritative Information"),
    (204, "No Content"),
    (205, "Reset Content"),
    (206, "Partial Content"),
    (207, "Multi-Status"),
    (208, "Already Reported"),
    (210, "Content Different"),
    (226, "IM Used"),
    (300, "Multiple Choices"),
    (301, "Moved Permanently"),
    (302, "Found"),
    (303, "See Other"),
    (304, "Not Modified"),
    (305, "Use Proxy"),
    (307, "Temporary Redirect"),
    (308, "Permanent Redirect"),
    (402, "Payment Required"),
    (406, "Not Acceptable"),
    (409, "Conflict"),
    (411, "Length Required"),
    (412, "Precondition Failed"),
    (415, "Unsupported Media Type"),
    (416, "Range Not Satisfiable"),
    (417, "Expectation Failed"),
    (418, "I'm a teapot"),
    (423, "Locked"),
    (424, "Failed Dependency"),
    (426, "Upgrade Required"),
    (428, "Precondition Required"),
    (451, "Unavailable For Legal Reasons"),
    (505, "HTTP Version Not Supported"),
    (506, "Variant Also Negotiates"),
    (507, "Insufficient Storage"),
    (508, "Loop Detected"),
    (510, "Not Extended"),
    (511, "Network Authentication Required"),
];

/// The reason phrase of a status code.
pub fn reason(status: u16) -> &'static str {
    let own = STATUSES.iter().find(|s| s.0 == status).map(|s| s.1);
    own.or_else(|| PHRASES.iter().find(|p| p.0 == status).map(|p| p.1)).unwrap_or(match status / 100 {
        1 => "Informational",
        2 => "Success",
        3 => "Redirection",
        4 => "Client Error",
        5 => "Server Error",
        _ => "Other",
    })
}

/// The small page of a standard answer.
pub fn standard_page(out: &mut Out, status: u16) {
    let (_, phrase, sentence) = STATUSES.iter().find(|s| s.0 == status).unwrap_or(&STATUSES[16]);
    let _ = write!(out, "<html><body><h1>{status:03} {phrase}</h1>\n{sentence}\n</body></html>\n");
}

/// The whole standard answer to an error: head and page.
pub fn standard_reply(out: &mut Out, status: u16) {
    let mut space = [0; 512];
    let mut page = Out::new(&mut space);
    standard_page(&mut page, status);
    let (phrase, len) = (reason(status), page.len());
    let _ = write!(
        out,
        "HTTP/1.1 {status:03} {phrase}\r\nContent-Length: {len}\r\nCache-Control: no-cache\r\nConnection: close\r\n"
    );
    out.put(b"Content-Type: text/html\r\n");
    if status == 401 {
        out.put(b"WWW-Authenticate: Basic realm=\"evenkeel\"\r\n");
    }
    out.put(b"\r\n");
    out.put(page.bytes());
}

/// The two parts of a reply before and after its `Connection` field, if a client can tell its end without the connection's: it is one
/// of HTTP/1.1 and has its length, or a status that has no body. None: the connection has to be closed after it.
pub fn without_connection(reply: &[u8]) -> Option<(&[u8], &[u8])> {
    let head_len = reply.windows(4).position(|w| w == b"\r\n\r\n")? + 2;
    if !reply.starts_with(b"HTTP/1.1 ") {
        return None;
    }
    let (mut at, mut field, mut length) = (0, (head_len, head_len), None);
    for line in reply[..head_len].split_inclusive(|b| *b == b'\n') {
        let colon = line.iter().position(|b| *b == b':').unwrap_or(0);
        let (name, value) = (&line[..colon], line[colon..].trim_ascii());
        if name.eq_ignore_ascii_case(b"connection") {
            field = (at, at + line.len());
        } else if name.eq_ignore_ascii_case(b"content-length") {
            length = std::str::from_utf8(&value[1..]).ok().and_then(|v| v.trim().parse().ok());
        }
        at += line.len();
    }
    let bodiless = matches!(&reply[9.min(head_len)..12.min(head_len)], b"204" | b"304");
    let known = length.or(bodiless.then_some(0));
    (known == Some(reply.len() - head_len - 2)).then(|| (&reply[..field.0], &reply[field.1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_without_its_connection_field() {
        let text =
            |r: &str| without_connection(r.as_bytes()).map(|(a, b)| String::from_utf8([a, b"|", b].concat()).unwrap());
        assert_eq!(
            text("HTTP/1.1 503 x\r\nA: b\r\nconnection: close\r\nContent-Length: 2\r\n\r\nok").unwrap(),
            "HTTP/1.1 503 x\r\nA: b\r\n|Content-Length: 2\r\n\r\nok"
        );
        assert_eq!(text("HTTP/1.1 204 x\r\nconnection: close\r\n\r\n").unwrap(), "HTTP/1.1 204 x\r\n|\r\n");
        let none = "HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(text(none).unwrap(), "HTTP/1.1 503 x\r\nContent-Length: 0\r\n|\r\n");
        for other in [
            "HTTP/1.0 503 x\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 503 x\r\nContent-Length: 3\r\n\r\nok",
            "HTTP/1.1 503 x\r\n\r\nok",
            "ok",
        ] {
            assert_eq!(text(other), None, "{other}");
        }
    }

    #[test]
    fn registered_statuses_have_their_phrase() {
        for (status, phrase) in [
            (103, "Early Hints"),
            (226, "IM Used"),
            (404, "Not Found"),
            (424, "Failed Dependency"),
            (451, "Unavailable For Legal Reasons"),
            (508, "Loop Detected"),
            (499, "Client Error"),
        ] {
            assert_eq!(reason(status), phrase, "{status}");
        }
    }

    #[test]
    fn lengths_are_right() {
        for (status, ..) in STATUSES {
            let mut b = [0; 1024];
            let mut o = Out::new(&mut b);
            standard_reply(&mut o, *status);
            let text = std::str::from_utf8(o.bytes()).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            let length = head.split_once("Content-Length: ").unwrap().1.split("\r\n").next().unwrap();
            assert_eq!(length.parse::<usize>().unwrap(), body.len(), "{status}");
        }
    }
}
