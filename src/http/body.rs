//! How a body is framed, and how much of what arrived may be sent on.
//!
//! ```text
//! Size -> (Extension ->) SizeLf -> Data -> DataCr -> DataLf -> Size ...
//!                          | size 0
//!                          v
//!                       LineStart -> Name -> Value -> ValueLf -> LineStart ... -> EndLf -> done
//! ```
//! Chunk lines and trailers are checked byte by byte and sent on as they came: with CRLF as the only line end, hexadecimal
//! digits as the only size and no control bytes, they have one reading (RFC 9112 section 7.1).

use super::head::Fault;
use super::is_token;

/// Longest chunk extension, bytes.
pub const MAX_CHUNK_EXTENSION: u16 = 1024;
/// All trailers together, bytes.
pub const MAX_TRAILERS: u16 = 8192;

/// What is left of a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Body {
    /// There is none, or it has ended.
    #[default]
    None,
    /// Bytes to come.
    Length(u64),
    Chunked(Chunk),
    /// A response that ends with its connection.
    UntilClose,
    /// No longer HTTP: both directions until closed.
    Tunnel,
}

/// Within a chunked body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Chunk {
    stage: Stage,
    /// Digits of the size, or bytes of the extension or of the trailers, so far.
    count: u16,
    /// Of the present chunk.
    left: u64,
    /// FNV-1a of the lower-cased trailer name.
    name: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Size,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    LineStart,
    Name,
    Value,
    ValueLf,
    EndLf,
}

const FNV_START: u32 = 0x811c_9dc5;

const fn fnv(hash: u32, byte: u8) -> u32 {
    (hash ^ byte.to_ascii_lowercase() as u32).wrapping_mul(0x0100_0193)
}

const fn fnv_of(name: &[u8]) -> u32 {
    let (mut h, mut i) = (FNV_START, 0);
    while i < name.len() {
        h = fnv(h, name[i]);
        i += 1;
    }
    h
}

/// Fields that would change how the message is read have no place in a trailer (RFC 9110 section 6.5.1).
const FORBIDDEN_TRAILERS: [u32; 5] = [
    fnv_of(b"content-length"),
    fnv_of(b"transfer-encoding"),
    fnv_of(b"host"),
    fnv_of(b"connection"),
    fnv_of(b"trailer"),
];

impl Body {
    /// The start of a chunked body.
    pub fn chunked() -> Body {
        Body::Chunked(Chunk { stage: Stage::Size, count: 0, left: 0, name: FNV_START })
    }

    /// True when nothing more belongs to the message.
    pub fn is_done(&self) -> bool {
        matches!(self, Body::None)
    }

    /// True when the end of the connection is an end of the message, not a loss.
    pub fn may_end_by_close(&self) -> bool {
        matches!(self, Body::None | Body::UntilClose | Body::Tunnel)
    }

    /// Bytes that are certain to be body data whatever they are (for splicing).
    pub fn plain_bytes(&self) -> u64 {
        match self {
            Body::None => 0,
            Body::Length(n) => *n,
            Body::Chunked(c) if c.stage == Stage::Data => c.left,
            Body::Chunked(_) => 0,
            Body::UntilClose | Body::Tunnel => u64::MAX,
        }
    }

    /// Counts `n` bytes that were moved without being looked at (at most `plain_bytes`).
    pub fn moved(&mut self, n: u64) {
        match self {
            Body::Length(left) => {
                *left -= n;
                if *left == 0 {
                    *self = Body::None;
                }
            }
            Body::Chunked(c) => {
                c.left -= n;
                if c.left == 0 {
                    c.stage = Stage::DataCr;
                }
            }
            Body::None | Body::UntilClose | Body::Tunnel => {}
        }
    }

    /// Looks at newly arrived bytes: how many of them belong to this message and may be sent on.
    pub fn advance(&mut self, data: &[u8]) -> Result<usize, Fault> {
        match self {
            Body::None => Ok(0),
            Body::UntilClose | Body::Tunnel => Ok(data.len()),
            Body::Length(left) => {
                let n = data.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                self.moved(n as u64);
                Ok(n)
            }
            Body::Chunked(chunk) => {
                let mut at = 0;
                while at < data.len() {
                    if chunk.stage == Stage::Data {
                        let n = (data.len() - at).min(usize::try_from(chunk.left).unwrap_or(usize::MAX));
                        chunk.left -= n as u64;
                        at += n;
                        if chunk.left == 0 {
                            chunk.stage = Stage::DataCr;
                        }
                        continue;
                    }
                    let done = chunk.step(data[at])?;
                    at += 1;
                    if done {
                        *self = Body::None;
                        break;
                    }
                }
                Ok(at)
            }
        }
    }
}

impl Body {
    /// As [`Body::advance`], and takes the chunk lines and trailers out: returns how many bytes were looked at, and how many of them
    /// are data, moved to the front.
    pub fn strip(&mut self, data: &mut [u8]) -> Result<(usize, usize), Fault> {
        let (mut at, mut kept) = (0, 0);
        while at < data.len() {
            let Body::Chunked(chunk) = self else { break };
            if chunk.stage == Stage::Data {
                let n = (data.len() - at).min(usize::try_from(chunk.left).unwrap_or(usize::MAX));
                data.copy_within(at..at + n, kept);
                (at, kept) = (at + n, kept + n);
                self.moved(n as u64);
            } else {
                at += 1;
                if chunk.step(data[at - 1])? {
                    *self = Body::None;
                }
            }
        }
        Ok((at, kept))
    }
}

impl Chunk {
    /// One byte outside of chunk data; true at the end of the body.
    fn step(&mut self, b: u8) -> Result<bool, Fault> {
        self.stage = match (self.stage, b) {
            (Stage::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                // 16 digits would be 64 bits; sizes stay below 2^60.
                if self.count == 15 {
                    return Err(Fault::Framing);
                }
                self.count += 1;
                self.left = self.left << 4 | u64::from((b as char).to_digit(16).unwrap_or(0));
                Stage::Size
            }
            (Stage::Size, b';') if self.count > 0 => {
                self.count = 0;
                Stage::Extension
            }
            (Stage::Size, b'\r') if self.count > 0 => Stage::SizeLf,
            (Stage::Extension, b'\r') => Stage::SizeLf,
            (Stage::Extension, b'\t' | b' '..=b'~' | 0x80..) => self.limited(MAX_CHUNK_EXTENSION, Stage::Extension)?,
            (Stage::SizeLf, b'\n') => {
                self.count = 0;
                if self.left == 0 { Stage::LineStart } else { Stage::Data }
            }
            (Stage::DataCr, b'\r') => Stage::DataLf,
            (Stage::DataLf, b'\n') => {
                self.count = 0;
                Stage::Size
            }
            (Stage::LineStart, b'\r') => Stage::EndLf,
            (Stage::LineStart, b) if is_token(b) => {
                self.name = fnv(FNV_START, b);
                self.limited(MAX_TRAILERS, Stage::Name)?
            }
            (Stage::Name, b':') => {
                if FORBIDDEN_TRAILERS.contains(&self.name) {
                    return Err(Fault::Framing);
                }
                self.limited(MAX_TRAILERS, Stage::Value)?
            }
            (Stage::Name, b) if is_token(b) => {
                self.name = fnv(self.name, b);
                self.limited(MAX_TRAILERS, Stage::Name)?
            }
            (Stage::Value, b'\r') => Stage::ValueLf,
            (Stage::Value, b'\t' | b' '..=b'~' | 0x80..) => self.limited(MAX_TRAILERS, Stage::Value)?,
            (Stage::ValueLf, b'\n') => Stage::LineStart,
            (Stage::EndLf, b'\n') => return Ok(true),
            _ => return Err(Fault::Framing),
        };
        Ok(false)
    }

    fn limited(&mut self, limit: u16, next: Stage) -> Result<Stage, Fault> {
        self.count += 1;
        if self.count > limit { Err(Fault::TooLarge) } else { Ok(next) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(text: &[u8]) -> Result<(usize, bool), Fault> {
        let mut b = Body::chunked();
        b.advance(text).map(|n| (n, b.is_done()))
    }

    #[test]
    fn chunks_and_trailers() {
        assert_eq!(run(b"5\r\nhello\r\n0\r\n\r\nGET"), Ok((15, true)));
        assert_eq!(run(b"A;x=\"y\"\r\n0123456789\r\n00\r\nX-T: v\r\n\r\n"), Ok((35, true)));
        for bad in [
            &b"\r\n"[..],
            b"g\r\n",
            b"5 \r\nhello",
            b"5\nhello",
            b"0x5\r\n",
            b"-1\r\n",
            b"5\r\nhelloX",
            b"5\r\nhello\n",
            b"1000000000000000\r\n",
            b"5;a\nb\r\n",
            b"5;\x01\r\n",
            b"0\r\nHost: a\r\n\r\n",
            b"0\r\ncontent-LENGTH: 1\r\n",
            b"0\r\n a: b\r\n",
            b"0\r\na b: c\r\n",
            b"0\r\n: c\r\n",
            b"0\r\na: \x00\r\n",
            b"0\r\na\r\n",
            b"0\r\n\n",
        ] {
            assert!(run(bad).is_err(), "{:?}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn chunks_are_taken_off() {
        let mut text = b"5\r\nhello\r\n3;x\r\n wo\r\n0\r\nA: b\r\n\r\nnext".to_vec();
        let mut b = Body::chunked();
        let (seen, kept) = b.strip(&mut text[..14]).unwrap();
        assert_eq!((seen, &text[..kept]), (14, &b"hello"[..]));
        let (seen, kept) = b.strip(&mut text[14..]).unwrap();
        assert_eq!((seen, b.is_done()), (17, true));
        assert_eq!(&text[14..14 + kept], b" wo");
    }

    proptest! {
        /// Any way of cutting a body into pieces gives the same end.
        #[test]
        fn cuts_do_not_matter(sizes in proptest::collection::vec(1usize..300, 0..6), cut in 1usize..40) {
            let mut text = vec![];
            for s in sizes {
                text.extend(format!("{s:x};e=1\r\n").bytes());
                text.extend(std::iter::repeat_n(b'd', s));
                text.extend(b"\r\n");
            }
            text.extend(b"0\r\nX: y\r\n\r\n");
            let whole = text.len();
            text.extend(b"next");
            let mut b = Body::chunked();
            let mut at = 0;
            while !b.is_done() {
                let end = (at + cut).min(text.len());
                at += b.advance(&text[at..end]).unwrap();
            }
            prop_assert_eq!(at, whole);
        }

        #[test]
        fn never_takes_more_than_there_is(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok((n, _)) = run(&data) {
                prop_assert!(n <= data.len());
            }
        }
    }
}
