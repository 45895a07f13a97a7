//! What clients and origins say to each other, and how they make sure that it is what was said: bodies are stretches of one
//! random table, found by the number of the message, so a byte from elsewhere is noticed.

use crate::rng::Rng;
use std::sync::OnceLock;

/// Longest body, bytes.
pub const MAX_BODY: usize = 200_000;
const SPREAD: usize = 65_521;

/// Whose bytes they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    Request = 0,
    Response = 1,
    Tunnel = 2,
    FromServer = 3,
    /// The proxy's own words: not compared.
    FromProxy = 4,
}

/// `len` bytes of message `id` from `at` on.
pub fn pattern(id: usize, part: Part, at: usize, len: usize) -> &'static [u8] {
    static TABLE: OnceLock<Vec<u8>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let mut r = Rng::new(42);
        (0..(SPREAD + MAX_BODY + 8) / 8).flat_map(|_| r.next().to_le_bytes()).collect()
    });
    let from = (id * 7919 + part as usize * 15_013) % SPREAD + at;
    &table[from..from + len]
}

/// How a body is framed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    None,
    Length(usize),
    Chunked(usize),
    UntilClose(usize),
}

impl Framing {
    pub fn len(self) -> usize {
        match self {
            Framing::None => 0,
            Framing::Length(n) | Framing::Chunked(n) | Framing::UntilClose(n) => n,
        }
    }
}

/// Appends a body as it goes over the wire.
pub fn put_body(out: &mut Vec<u8>, id: usize, part: Part, framing: Framing) {
    match framing {
        Framing::None => {}
        Framing::Length(n) | Framing::UntilClose(n) => out.extend_from_slice(pattern(id, part, 0, n)),
        Framing::Chunked(n) => {
            let mut r = Rng::new(id as u64 ^ 77);
            let mut at = 0;
            while at < n {
                let size = (1 + r.size(20_000)).min(n - at);
                let extension = if r.percent(10) { ";x=\"y\"" } else { "" };
                let text = if r.percent(50) {
                    format!("{size:x}{extension}\r\n")
                } else {
                    format!("0{size:X}{extension}\r\n")
                };
                out.extend_from_slice(text.as_bytes());
                out.extend_from_slice(pattern(id, part, at, size));
                out.extend_from_slice(b"\r\n");
                at += size;
            }
            let trailer: &[u8] = if r.percent(20) { b"X-Trailer: 1\r\n" } else { b"" };
            out.extend_from_slice(b"0\r\n");
            out.extend_from_slice(trailer);
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// Reads a body and compares it with what it must be.
pub struct Decoder {
    id: usize,
    part: Part,
    framing: Framing,
    pub got: usize,
    pub done: bool,
    /// Of the present chunk; none between two.
    chunk: Option<usize>,
    trailers: bool,
}

impl Decoder {
    /// `framing` as the head said; the length of an unframed one is the most that may come.
    pub fn new(id: usize, part: Part, framing: Framing) -> Decoder {
        let done = matches!(framing, Framing::None | Framing::Length(0));
        Decoder { id, part, framing, got: 0, done, chunk: None, trailers: false }
    }

    fn data(&mut self, d: &[u8]) {
        if self.part == Part::FromProxy {
            self.got += d.len();
            return;
        }
        let wanted = if self.got + d.len() <= MAX_BODY { pattern(self.id, self.part, self.got, d.len()) } else { &[] };
        if wanted != d {
            let at = d.iter().zip(wanted).position(|(a, b)| a != b).unwrap_or(0);
            panic!("message {} {:?}: wrong byte at {} of the body", self.id, self.part, self.got + at);
        }
        self.got += d.len();
    }

    /// Takes what belongs to the body; returns how many bytes that are.
    pub fn feed(&mut self, data: &[u8]) -> usize {
        let mut at = 0;
        while !self.done && at < data.len() {
            let rest = &data[at..];
            match self.framing {
                Framing::None => break,
                Framing::Length(n) => {
                    let k = rest.len().min(n - self.got);
                    self.data(&rest[..k]);
                    at += k;
                    self.done = self.got == n;
                }
                Framing::UntilClose(_) => {
                    self.data(rest);
                    at += rest.len();
                }
                Framing::Chunked(_) => match self.chunk {
                    Some(0) => {
                        if rest.len() < 2 {
                            break;
                        }
                        assert_eq!(&rest[..2], b"\r\n", "message {}: end of a chunk", self.id);
                        at += 2;
                        self.chunk = None;
                    }
                    Some(n) => {
                        let k = rest.len().min(n);
                        self.data(&rest[..k]);
                        at += k;
                        self.chunk = Some(n - k);
                    }
                    None => {
                        let Some(end) = rest.windows(2).position(|w| w == b"\r\n") else { break };
                        let line = std::str::from_utf8(&rest[..end]).expect("a chunk line is text");
                        at += end + 2;
                        if self.trailers {
                            self.done = line.is_empty();
                            continue;
                        }
                        let digits = line.split(';').next().expect("a size");
                        let size = usize::from_str_radix(digits, 16)
                            .unwrap_or_else(|_| panic!("message {}: chunk size {line:?}", self.id));
                        if size == 0 {
                            self.trailers = true;
                        } else {
                            self.chunk = Some(size);
                        }
                    }
                },
            }
        }
        at
    }
}

/// A head as a peer reads it.
pub struct HeadIn {
    pub len: usize,
    pub first: String,
    pub fields: Vec<(String, String)>,
}

impl HeadIn {
    /// The head at the front of `data`, when its end is there.
    pub fn parse(data: &[u8]) -> Option<HeadIn> {
        let end = data.windows(4).position(|w| w == b"\r\n\r\n")?;
        let text = std::str::from_utf8(&data[..end])
            .unwrap_or_else(|_| panic!("a head that is no text: {:?}", String::from_utf8_lossy(&data[..end])));
        let mut lines = text.split("\r\n");
        let first = lines.next().unwrap_or("").to_string();
        let field = |l: &str| {
            let (n, v) = l.split_once(':').unwrap_or_else(|| panic!("a field without a colon: {l:?}"));
            (n.to_ascii_lowercase(), v.trim().to_string())
        };
        Some(HeadIn { len: end + 4, first, fields: lines.map(field).collect() })
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|f| f.0 == name).map(|f| f.1.as_str())
    }

    pub fn count(&self, name: &str) -> usize {
        self.fields.iter().filter(|f| f.0 == name).count()
    }

    pub fn says(&self, word: &str) -> bool {
        self.fields.iter().any(|f| f.0 == "connection" && f.1.split(',').any(|m| m.trim().eq_ignore_ascii_case(word)))
    }

    pub fn number(&self, name: &str) -> Option<usize> {
        self.get(name).map(|v| v.parse().unwrap_or_else(|_| panic!("{name}: {v:?}")))
    }
}

/// What an origin does wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrong {
    Nothing,
    /// Ends after so many thousandths of its answer, in a way.
    Cut(usize, Ending),
    /// Not HTTP, or not well-formed: which kind.
    Garbage(u8),
    /// More bytes than were asked for.
    Extra,
    /// 101 although nobody asked.
    Switch,
}

/// How an origin's connection goes on after an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    Keep,
    /// Says that it closes, and does.
    Announced,
    /// Says nothing and closes a moment later.
    Silent,
    Stall,
    Reset,
    Close,
}

/// The answer that an origin has in mind.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub status: u16,
    pub framing: Framing,
    pub interim: usize,
    /// Before the first byte, ms.
    pub delay: u64,
    /// It answers before it has read the request's body.
    pub early: bool,
    /// And never reads the rest.
    pub deaf: bool,
    pub piece: usize,
    pub gap: u64,
    pub ending: Ending,
    pub wrong: Wrong,
    /// The wrong is done the first n times only.
    pub times: u32,
    pub upgrade: bool,
}

/// A request, what becomes of it, and what was seen of it.
#[derive(Clone, Debug)]
pub struct Req {
    pub method: &'static str,
    pub http10: bool,
    pub connection: &'static str,
    pub framing: Framing,
    pub expect: bool,
    pub upgrade: bool,
    pub pad: usize,
    /// Its last chunk is followed by what is no chunk.
    pub spoilt: bool,
    pub plan: Plan,
    /// Heads of it that servers saw.
    pub delivered: u32,
    pub answers: u32,
    pub complete: bool,
    pub refused: u16,
}

impl Req {
    pub fn is_idempotent(&self) -> bool {
        self.method != "POST"
    }

    /// The bytes of the request, and how many of them are the head.
    pub fn bytes(&self, id: usize) -> (Vec<u8>, usize) {
        let version = if self.http10 { "1.0" } else { "1.1" };
        let mut t = format!("{} /r{id}?q=1 HTTP/{version}\r\nHost: sim\r\nX-Id: {id}\r\n", self.method);
        if !self.connection.is_empty() {
            t += &format!("Connection: {}\r\n", self.connection);
        }
        match self.framing {
            Framing::Length(n) => t += &format!("Content-Length: {n}\r\n"),
            Framing::Chunked(_) => t += "Transfer-Encoding: chunked\r\n",
            _ => {}
        }
        if self.expect {
            t += "Expect: 100-continue\r\n";
        }
        if self.upgrade {
            t += "Upgrade: sim\r\n";
        }
        if self.pad > 0 {
            t += &format!("X-Pad: {}\r\n", "p".repeat(self.pad));
        }
        t += "\r\n";
        let head = t.len();
        let mut out = t.into_bytes();
        put_body(&mut out, id, Part::Request, self.framing);
        if self.spoilt {
            let end = out.windows(5).rposition(|w| w == b"\r\n0\r\n").expect("the last chunk") + 2;
            out.truncate(end);
            out.extend_from_slice(b"nonsense\r\n\r\n");
        }
        (out, head)
    }

    /// No body follows the response's head, whatever it says.
    pub fn bodiless(&self, status: u16) -> bool {
        self.method == "HEAD" || status < 200 || matches!(status, 204 | 304)
    }
}
