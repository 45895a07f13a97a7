//! Answers that somebody wrote into a file.

use super::{Head, Method, is_ours, line_parts};

/// What to do about it.
pub const FILE_HINT: &str =
    "such a file is a whole response: status line, fields, an empty line, body; 'file' takes one that is only a body";

/// An answer from a file, as it is prepared to be sent: with CRLF at the end of each line of its head, and with `Connection: close`
/// as its only word on the connection, which whoever sends it takes out when the connection stays. An empty file is an answer of
/// nothing. Else the line, from 1, where it cannot be used, and why.
pub fn from_file(file: &[u8], max_fields: usize) -> Result<Vec<u8>, (usize, String)> {
    let (mut answer, mut at, mut number, mut began) = (Vec::new(), 0, 0, false);
    let mut length_line = 1;
    let body = loop {
        number += 1;
        let Some(len) = file[at..].iter().position(|b| *b == b'\n') else {
            let none = file.is_empty().then(Vec::new);
            return none.ok_or((number, "the head has no end: an empty line has to follow its fields".into()));
        };
        let line = &file[at..at + len];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        at += len + 1;
        match (began, line.is_empty()) {
            (false, true) => continue,
            (true, true) => break &file[at..],
            (false, false) => check_status(line).map_err(|why| (number, why))?,
            (true, false) => {
                let name = field_name(line).map_err(|why| (number, why))?;
                if name.eq_ignore_ascii_case(b"content-length") {
                    length_line = number;
                } else if is_ours(name) {
                    continue;
                }
            }
        }
        began = true;
        answer.extend_from_slice(line);
        answer.extend_from_slice(b"\r\n");
    };
    answer.extend_from_slice(b"Connection: close\r\n\r\n");
    let mut index = Head::new(max_fields);
    if index.parse_response(&answer, Method::Get, false).is_err() {
        return Err((1, "this is no valid head of a response".into()));
    }
    if matches!(index.status, 204 | 304) {
        if !body.is_empty() {
            return Err((number + 1, format!("a response with status {} has no body", index.status)));
        }
    } else if let Some(length) = index.content_length.filter(|n| *n != body.len() as u64) {
        return Err((length_line, format!("Content-Length is {length}, but {} bytes follow the head", body.len())));
    }
    answer.extend_from_slice(body);
    Ok(answer)
}

fn check_status(line: &[u8]) -> Result<(), String> {
    let status = line.strip_prefix(b"HTTP/1.0 ").or(line.strip_prefix(b"HTTP/1.1 "));
    let status = status.map(|s| s.split(|b| *b == b' ').next().unwrap_or(s)).and_then(|s| std::str::from_utf8(s).ok());
    match status.map(|s| (s.len(), s.parse())) {
        Some((3, Ok(200..=599))) => Ok(()),
        _ => Err("a response begins with HTTP/1.0 or HTTP/1.1 and a status from 200 to 599".into()),
    }
}

fn field_name(line: &[u8]) -> Result<&[u8], String> {
    let (name, _) = line_parts(line).ok_or("this is no header field, as in 'Name: value'")?;
    if name.eq_ignore_ascii_case(b"transfer-encoding") {
        return Err("Transfer-Encoding cannot be used: the body stands in the file as it is".into());
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_becomes_what_is_sent() {
        for (file, sent) in [
            ("", ""),
            ("HTTP/1.0 404 X\nA: b\n\nbody\n", "HTTP/1.0 404 X\r\nA: b\r\nConnection: close\r\n\r\nbody\n"),
            ("\r\nHTTP/1.1 404\r\n\n", "HTTP/1.1 404\r\nConnection: close\r\n\r\n"),
            (
                "HTTP/1.1 503 X\nconnection: keep-alive\nContent-Length: 2\nKeep-Alive: x\n\na\n",
                "HTTP/1.1 503 X\r\nContent-Length: 2\r\nConnection: close\r\n\r\na\n",
            ),
            (
                "HTTP/1.1 304 X\nContent-Length: 2\n\n",
                "HTTP/1.1 304 X\r\nContent-Length: 2\r\nConnection: close\r\n\r\n",
            ),
        ] {
            assert_eq!(String::from_utf8(from_file(file.as_bytes(), 20).unwrap()).unwrap(), sent, "{file}");
        }
    }

    // HAProxy 2.6 refuses these too, except HTTP/0.9, status 600 and a field in two lines.
    #[test]
    fn a_file_that_cannot_be_sent() {
        for (file, line, why) in [
            ("just text\n", 1, "begins with"),
            ("just text", 1, "no end"),
            ("HTTP/0.9 404 X\n\n", 1, "begins with"),
            ("\nHTTP/1.1 100 X\n\n", 2, "begins with"),
            ("HTTP/1.1 600 X\n\n", 1, "begins with"),
            ("HTTP/1.1 404 X\r\nFoo: bar\r\n", 3, "no end"),
            ("HTTP/1.1 404 X\nFoo bar\n\n", 2, "no header field"),
            ("HTTP/1.1 404 X\nFoo: a\n b\n\n", 3, "no header field"),
            ("HTTP/1.1 404 X\nFoo: a\0\n\n", 1, "no valid head"),
            ("HTTP/1.1 404 X\nTransfer-Encoding: chunked\n\n0\r\n\r\n", 2, "Transfer-Encoding"),
            ("HTTP/1.1 404 X\nA: b\nContent-Length: 100\n\nhello", 3, "is 100, but 5 bytes"),
            ("HTTP/1.1 404 X\nContent-Length: 3\n\nhello", 2, "is 3, but 5 bytes"),
            ("HTTP/1.1 404 X\nContent-Length: 3\n\n", 2, "is 3, but 0 bytes"),
            ("HTTP/1.1 204 X\n\nhello", 3, "status 204 has no body"),
            ("HTTP/1.1 304 X\nContent-Length: 5\n\nhello", 4, "status 304 has no body"),
        ] {
            let (at, message) = from_file(file.as_bytes(), 20).expect_err(file);
            assert!(at == line && message.contains(why), "{file:?}: {at} {message}");
        }
    }
}
