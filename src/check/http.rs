//! `option httpchk`: a request, and a status (or a text) that must come back.

use super::{Kind, Verdict, Why};
use crate::model::{CheckKind, ExpectWhat};
use crate::util::ManualText;

pub(super) const ROW: Kind = Kind {
    name: "httpchk",
    doc: ManualText::new("sends an HTTP request; 2xx and 3xx pass unless http-check expect says otherwise"),
    connect_only: false,
    request: |c| &c.request,
    judge,
    timed_out: "L7TOUT",
};

/// The request of `option httpchk <method> <uri> <version>`; `version` may carry header lines after CRLF.
pub fn http_request(method: &str, uri: &str, version: &str, headers: &[(String, String)], body: &str) -> Vec<u8> {
    let mut text = format!("{method} {uri} {version}\r\n");
    if !text.to_ascii_lowercase().contains("\r\nconnection:") {
        text += "Connection: close\r\n";
    }
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    (text + "\r\n" + body).into_bytes()
}

fn judge(c: &CheckKind, data: &[u8], eof: bool) -> Verdict {
    let Some(status) = status(data) else {
        return if data.len() >= 13 || eof { Verdict::Fail("L7RSP", 0, Why::Unknown) } else { Verdict::More };
    };
    let (from, to) = reason(data);
    let pass = |ok: bool| match ok {
        true => Verdict::Pass("L7OK", status),
        // The words after the status may still be on their way.
        false if to == data.len() && !eof => Verdict::More,
        false => Verdict::Fail("L7STS", status, if from < to { Why::Answer(from, to) } else { Why::Unknown }),
    };
    const MISSING: &str = "HTTP content check did not match";
    const UNWANTED: &str = "HTTP check matched unwanted content";
    match &c.expect {
        None => pass((200..400).contains(&status)),
        Some(e) => match &e.what {
            ExpectWhat::Status(ranges) => pass(ranges.iter().any(|r| (r.0..=r.1).contains(&status)) != e.negate),
            ExpectWhat::String(text) => {
                let body = data.windows(4).position(|w| w == b"\r\n\r\n").map(|i| &data[i + 4..]);
                let found = body.is_some_and(|b| b.windows(text.len().max(1)).any(|w| w == &text[..]));
                match (found, eof) {
                    (true, _) if !e.negate => Verdict::Pass("L7OK", status),
                    (true, _) => Verdict::Fail("L7RSP", status, Why::Text(UNWANTED)),
                    // Absence is certain at the end only.
                    (false, false) => Verdict::More,
                    (false, true) if e.negate => Verdict::Pass("L7OK", status),
                    (false, true) => Verdict::Fail("L7RSP", status, Why::Text(MISSING)),
                }
            }
        },
    }
}

/// Where the words after the status are.
fn reason(data: &[u8]) -> (usize, usize) {
    let from = data.len().min(13);
    let end = data.iter().position(|b| matches!(b, b'\r' | b'\n')).unwrap_or(data.len());
    (from.min(end), end)
}

fn status(data: &[u8]) -> Option<u16> {
    let rest = data.strip_prefix(b"HTTP/1.")?;
    let digits = rest.get(2..5)?;
    if rest[1] != b' ' || !digits.iter().all(u8::is_ascii_digit) || !matches!(rest.get(5), Some(b' ' | b'\r')) {
        return None;
    }
    Some(digits.iter().fold(0, |n, d| n * 10 + u16::from(d - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Expect;

    #[test]
    fn verdicts() {
        let plain = CheckKind::default();
        assert_eq!(judge(&plain, b"HTTP/1.1 20", false), Verdict::More);
        assert_eq!(judge(&plain, b"HTTP/1.1 204 x\r\n", false), Verdict::Pass("L7OK", 204));
        assert_eq!(judge(&plain, b"HTTP/1.0 500 x\r\n", false), Verdict::Fail("L7STS", 500, Why::Answer(13, 14)));
        assert_eq!(judge(&plain, b"HTTP/1.0 500 not all of", false), Verdict::More);
        assert_eq!(judge(&plain, b"HTTP/1.0 500\r\n", false), Verdict::Fail("L7STS", 500, Why::Unknown));
        assert_eq!(judge(&plain, b"SSH-2.0-OpenSSH", false), Verdict::Fail("L7RSP", 0, Why::Unknown));
        assert_eq!(judge(&plain, b"", true), Verdict::Fail("L7RSP", 0, Why::Unknown));
        let expect = |negate, what| CheckKind { expect: Some(Expect { negate, what }), ..CheckKind::default() };
        let s = expect(true, ExpectWhat::Status(vec![(500, 599)]));
        assert_eq!(judge(&s, b"HTTP/1.1 404 x\r\n", false), Verdict::Pass("L7OK", 404));
        let t = expect(false, ExpectWhat::String(b"alive".to_vec()));
        assert_eq!(judge(&t, b"HTTP/1.1 200 OK\r\n\r\nI am al", false), Verdict::More);
        assert_eq!(judge(&t, b"HTTP/1.1 200 OK\r\n\r\nI am alive", false), Verdict::Pass("L7OK", 200));
        assert_eq!(
            judge(&t, b"HTTP/1.1 200 OK\r\n\r\nI am not", true),
            Verdict::Fail("L7RSP", 200, Why::Text("HTTP content check did not match"))
        );
    }
}
