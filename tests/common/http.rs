//! A strict reader of HTTP/1 messages: what a careful peer accepts, and nothing more. A proxy whose output it refuses
//! has a bug, whatever came in.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

use super::{patience, show};

/// What is read: a request, or the response to a request of this method.
#[derive(Clone, Copy)]
pub enum Kind<'a> {
    Request,
    ResponseTo(&'a str),
}

/// One message, complete or (inside [`ReadError::Truncated`]) as far as it came.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// The request or status line.
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub trailers: Vec<(String, String)>,
    /// Extensions of its chunks, each with its `;`.
    pub extensions: Vec<String>,
    /// Sizes of its chunks.
    pub chunks: Vec<usize>,
    /// The head as it came, with its empty line.
    pub head: Vec<u8>,
    /// The 1xx responses that came before a response.
    pub interim: Vec<Message>,
    /// Whether the body ended with the connection.
    pub until_close: bool,
}

#[derive(Debug)]
pub enum ReadError {
    /// Closed before the first byte of a message.
    Closed,
    /// Closed inside a message (the head too, when `line` is empty).
    Truncated(Box<Message>),
    Reset,
    /// Nothing came for the time allowed; what had come so far.
    Timeout(Vec<u8>),
    /// Not a well-formed message.
    Malformed(String),
}

impl Message {
    /// The request's method.
    pub fn method(&self) -> &str {
        self.line.split(' ').next().unwrap()
    }

    /// The request's target.
    pub fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap()
    }

    /// The response's status.
    pub fn status(&self) -> u16 {
        self.line.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("not a response")
    }

    /// The only header of this name, if it is there; panics when there are several.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{} headers {name}: {all:?}", all.len());
        all.first().copied()
    }

    /// All values of the headers of this name.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect()
    }

    /// Whether a header of this name lists `token`.
    pub fn lists(&self, name: &str, token: &str) -> bool {
        self.all(name).iter().any(|v| v.split(',').any(|t| t.trim().eq_ignore_ascii_case(token)))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// One end of a connection: reads messages, writes bytes. Everything read is also kept in `record`, if there is one.
pub struct Wire {
    pub stream: Arc<TcpStream>,
    buf: Vec<u8>,
    pos: usize,
    record: Option<Arc<Mutex<Vec<u8>>>>,
}

enum Fill {
    Some,
    End,
}

impl Wire {
    pub fn new(stream: impl Into<Arc<TcpStream>>, record: Option<Arc<Mutex<Vec<u8>>>>) -> Wire {
        let stream = stream.into();
        let _ = stream.set_nodelay(true); // a unix socket refuses it
        stream.set_read_timeout(Some(patience())).unwrap();
        stream.set_write_timeout(Some(patience())).unwrap();
        Wire { stream, buf: Vec::new(), pos: 0, record }
    }

    pub fn set_timeout(&self, timeout: Duration) {
        self.stream.set_read_timeout(Some(timeout)).unwrap();
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        (&*self.stream).write_all(bytes.as_ref())
    }

    /// Sends FIN; reading goes on.
    pub fn half_close(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Closes with RST.
    pub fn reset(self) {
        let _ = set_socket_linger(&*self.stream, Some(Duration::ZERO));
    }

    fn fill(&mut self) -> Result<Fill, ReadError> {
        let mut chunk = [0; 65536];
        if self.pos > 1 << 20 {
            self.buf.drain(..self.pos);
            self.pos = 0;
        }
        match (&*self.stream).read(&mut chunk) {
            Ok(0) => Ok(Fill::End),
            Ok(n) => {
                self.buf.extend_from_slice(&chunk[..n]);
                if let Some(record) = &self.record {
                    record.lock().unwrap().extend_from_slice(&chunk[..n]);
                }
                Ok(Fill::Some)
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Err(ReadError::Timeout(self.buf[self.pos..].to_vec()))
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => Ok(Fill::Some),
            Err(_) => Err(ReadError::Reset),
        }
    }

    /// Exactly `n` bytes.
    pub fn read_n(&mut self, n: usize) -> Result<Vec<u8>, ReadError> {
        while self.buf.len() - self.pos < n {
            if let Fill::End = self.fill()? {
                return Err(ReadError::Truncated(Box::new(Message { body: self.rest(), ..Message::default() })));
            }
        }
        let out = self.buf[self.pos..self.pos + n].to_vec();
        self.pos += n;
        Ok(out)
    }

    /// All bytes until the peer's FIN.
    pub fn read_to_end(&mut self) -> Result<Vec<u8>, ReadError> {
        while let Fill::Some = self.fill()? {}
        Ok(self.rest())
    }

    /// Bytes that were read but not yet used.
    fn rest(&mut self) -> Vec<u8> {
        let out = self.buf[self.pos..].to_vec();
        self.pos = self.buf.len();
        out
    }

    /// Whether nothing more is there now (does not wait).
    pub fn is_quiet(&mut self) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        let quiet = self.pos == self.buf.len() && matches!(self.fill(), Err(ReadError::Timeout(_)));
        self.stream.set_nonblocking(false).unwrap();
        quiet
    }

    /// A head with its empty line, as it came.
    fn read_raw_head(&mut self) -> Result<Vec<u8>, ReadError> {
        let mut scanned = 0;
        loop {
            let have = &self.buf[self.pos..];
            if let Some(at) = have[scanned..].windows(4).position(|w| w == b"\r\n\r\n") {
                return self.read_n(scanned + at + 4);
            }
            scanned = have.len().saturating_sub(3);
            if let Fill::End = self.fill()? {
                let body = self.rest();
                if body.is_empty() {
                    return Err(ReadError::Closed);
                }
                // A head that can not be one any more is a worse finding than one cut short.
                check_bytes(&body)?;
                return Err(ReadError::Truncated(Box::new(Message { body, ..Message::default() })));
            }
        }
    }

    /// The next message's head; its body stays unread.
    pub fn read_head(&mut self, kind: Kind) -> Result<Message, ReadError> {
        let head = self.read_raw_head()?;
        parse_head(&head, kind).map_err(ReadError::Malformed)
    }

    /// The next message with its body; 1xx before a response (but not 101) are collected.
    pub fn read_message(&mut self, kind: Kind) -> Result<Message, ReadError> {
        let mut interim = Vec::new();
        let mut message = loop {
            let message = self.read_head(kind)?;
            if matches!(kind, Kind::ResponseTo(_)) && message.status() / 100 == 1 && message.status() != 101 {
                interim.push(message);
            } else {
                break message;
            }
        };
        message.interim = interim;
        self.read_body(&mut message, kind)?;
        Ok(message)
    }

    pub fn read_body(&mut self, message: &mut Message, kind: Kind) -> Result<(), ReadError> {
        let bodiless = match kind {
            Kind::Request => false,
            Kind::ResponseTo(method) => {
                let status = message.status();
                method == "HEAD"
                    || status / 100 == 1
                    || status == 204
                    || status == 304
                    || (method == "CONNECT" && status / 100 == 2)
            }
        };
        if bodiless {
            return Ok(());
        }
        let truncated = |message: &Message| ReadError::Truncated(Box::new(message.clone()));
        if message.header("transfer-encoding").is_some() {
            return match self.read_chunks(message) {
                Err(ReadError::Truncated(_)) | Err(ReadError::Closed) => Err(truncated(message)),
                other => other,
            };
        }
        if let Some(length) = message.header("content-length") {
            let length: usize = length.parse().unwrap();
            while self.buf.len() - self.pos < length - message.body.len() {
                message.body.append(&mut self.rest());
                if let Fill::End = self.fill()? {
                    return Err(truncated(message));
                }
            }
            let left = length - message.body.len();
            let bytes = self.read_n(left)?;
            message.body.extend_from_slice(&bytes);
        } else if let Kind::ResponseTo(_) = kind {
            message.until_close = true;
            message.body = self.read_to_end()?;
        }
        Ok(())
    }

    fn read_line(&mut self) -> Result<String, ReadError> {
        let mut line = Vec::new();
        loop {
            line.push(self.read_n(1)?[0]);
            if line.ends_with(b"\r\n") {
                line.truncate(line.len() - 2);
                return String::from_utf8(line).map_err(|_| ReadError::Malformed("a line that is not text".into()));
            }
            if line.ends_with(b"\n") || line.len() > 100_000 {
                return Err(ReadError::Malformed(format!("line {}", show(&line))));
            }
        }
    }

    fn read_chunks(&mut self, message: &mut Message) -> Result<(), ReadError> {
        loop {
            let line = self.read_line()?;
            let (size, extension) = line.split_at(line.find(';').unwrap_or(line.len()));
            let fine = !size.is_empty() && size.len() <= 16 && size.bytes().all(|b| b.is_ascii_hexdigit());
            if !fine || extension.bytes().any(|b| b.is_ascii_control() && b != b'\t') {
                return Err(ReadError::Malformed(format!("chunk size line {line:?}")));
            }
            let size = usize::from_str_radix(size, 16).map_err(|e| ReadError::Malformed(e.to_string()))?;
            if !extension.is_empty() {
                message.extensions.push(extension.into());
            }
            if size == 0 {
                break;
            }
            while self.buf.len() - self.pos < size {
                if let Fill::End = self.fill()? {
                    let rest = self.rest();
                    message.body.extend_from_slice(&rest);
                    return Err(ReadError::Closed);
                }
            }
            message.chunks.push(size);
            message.body.extend_from_slice(&self.buf[self.pos..self.pos + size]);
            self.pos += size;
            if self.read_n(2)? != b"\r\n" {
                return Err(ReadError::Malformed("a chunk without its CR LF".into()));
            }
        }
        loop {
            let line = self.read_line()?;
            if line.is_empty() {
                return Ok(());
            }
            let trailer = parse_field(&line).map_err(ReadError::Malformed)?;
            message.trailers.push(trailer);
        }
    }
}

/// CR and LF only in pairs, no other control bytes but HTAB.
fn check_bytes(head: &[u8]) -> Result<(), ReadError> {
    for (i, &b) in head.iter().enumerate() {
        let fine = match b {
            b'\r' => head.get(i + 1).is_none_or(|&next| next == b'\n'),
            b'\n' => i > 0 && head[i - 1] == b'\r',
            b'\t' => true,
            _ => b >= b' ' && b != 127,
        };
        if !fine {
            return Err(ReadError::Malformed(format!("byte {b:#04x} at {i} of head {}", show(head))));
        }
    }
    Ok(())
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

fn parse_field(line: &str) -> Result<(String, String), String> {
    let (name, value) = line.split_once(':').ok_or_else(|| format!("a field without a colon: {line:?}"))?;
    if !is_token(name) {
        return Err(format!("field name {name:?}"));
    }
    Ok((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()))
}

/// Parses one head with its empty line, strictly (RFC 9112, without what it lets a lenient reader accept).
pub fn parse_head(head: &[u8], kind: Kind) -> Result<Message, String> {
    if let Err(ReadError::Malformed(why)) = check_bytes(head) {
        return Err(why);
    }
    // Bytes above 127 are opaque: each becomes one character.
    let text: String = head.iter().map(|&b| char::from(b)).collect();
    let mut lines = text.strip_suffix("\r\n\r\n").ok_or("no empty line")?.split("\r\n");
    let line = lines.next().unwrap().to_owned();
    let parts: Vec<&str> = line.splitn(3, ' ').collect();
    let fine = match (kind, parts.as_slice()) {
        (Kind::Request, [method, target, version]) => {
            is_token(method) && !target.is_empty() && matches!(*version, "HTTP/1.0" | "HTTP/1.1")
        }
        (Kind::ResponseTo(_), [version, status, ..]) => {
            matches!(*version, "HTTP/1.0" | "HTTP/1.1")
                && status.len() == 3
                && status.bytes().all(|b| b.is_ascii_digit())
                && status.as_bytes()[0] >= b'1'
        }
        _ => false,
    };
    if !fine {
        return Err(format!("start line {line:?}"));
    }
    let mut message = Message { line, head: head.to_vec(), ..Message::default() };
    for field in lines {
        message.headers.push(parse_field(field)?);
    }
    let (lengths, codings) = (message.all("content-length"), message.all("transfer-encoding"));
    if lengths.len() > 1 || lengths.iter().any(|v| v.is_empty() || !v.bytes().all(|b| b.is_ascii_digit())) {
        return Err(format!("Content-Length {lengths:?}"));
    }
    if lengths.iter().any(|v| v.len() > 19) {
        return Err(format!("Content-Length {lengths:?} is too large"));
    }
    if codings.len() > 1 || codings.iter().any(|v| !v.eq_ignore_ascii_case("chunked")) {
        return Err(format!("Transfer-Encoding {codings:?}"));
    }
    if !lengths.is_empty() && !codings.is_empty() {
        return Err("both Content-Length and Transfer-Encoding".into());
    }
    if matches!(kind, Kind::Request) && message.all("host").len() > 1 {
        return Err(format!("Host {:?}", message.all("host")));
    }
    Ok(message)
}
