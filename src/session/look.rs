//! What rules look at: a head in its buffer, or the first bytes of a connection.

use super::channel::Channel;
use crate::http::{Body, Edit, Head, HeadEnd, head_end};
use crate::mem::Buffers;
use crate::sample::{Stream, needs};

/// What a program looks at.
#[derive(Clone, Copy)]
pub enum Look {
    /// Neither message nor bytes.
    Nothing,
    /// The first bytes of the request; `complete`: no more will come or be waited for.
    Bytes {
        complete: bool,
    },
    /// The first bytes of the response.
    ResponseBytes {
        complete: bool,
    },
    /// A head in its buffer, and what follows it; rules look at its copy in the room's text.
    Request {
        at: usize,
        len: usize,
    },
    Response {
        at: usize,
        len: usize,
    },
}

/// Looks for an HTTP request in what a proxy in TCP mode passes on.
fn find_http(index: &mut Head, text: &mut [u8], stream: &mut Stream) -> Option<usize> {
    let bytes = stream.bytes;
    // What begins with another byte is no request, and need not be waited for.
    let begins = bytes.first().is_none_or(|b| crate::http::is_token(*b));
    match head_end(bytes, 0) {
        HeadEnd::At(len) if begins && index.parse_request(&bytes[..len], true).is_ok() => {
            text[..len].copy_from_slice(&bytes[..len]);
            return Some(len);
        }
        HeadEnd::NotYet(_) if begins => {}
        _ => stream.no_http = true,
    }
    None
}

/// What there is of a body in the bytes after its head; one in chunks is put together in `spare`.
fn body_in<'a>(bytes: &'a [u8], spare: &'a mut [u8], mut framing: Body) -> &'a [u8] {
    match framing {
        Body::Chunked(_) => {
            let copy = &mut spare[..bytes.len()];
            copy.copy_from_slice(bytes);
            framing.strip(copy).map_or(&[], |(_, len)| &copy[..len])
        }
        Body::Length(n) => &bytes[..bytes.len().min(usize::try_from(n).unwrap_or(usize::MAX))],
        Body::UntilClose => bytes,
        Body::None | Body::Tunnel => &[],
    }
}

/// What a look shows.
pub struct Seen<'a> {
    pub head: Option<Edit<'a>>,
    pub body: &'a [u8],
    pub stream: Stream<'a>,
}

/// Looks. `used`: bytes of the room's text that are the head already; `wants`: what the program needs ([`needs`]).
pub fn see<'a>(
    look: Look,
    wants: u32,
    (bufs, channel): (&'a Buffers, &Channel),
    used: usize,
    index: &'a mut Head,
    (text, spare): (&'a mut [u8], &'a mut [u8]),
) -> Seen<'a> {
    let mut seen = Seen { head: None, body: &[], stream: Stream::NONE };
    let bytes = if channel.buf.is_some() { &bufs.get(channel.buf)[..channel.end as usize] } else { &[] };
    match look {
        Look::Nothing => {}
        Look::Bytes { complete } | Look::ResponseBytes { complete } => {
            let bytes = bytes.get(channel.start as usize..).unwrap_or(&[]);
            seen.stream = Stream { bytes, complete, raw: true, no_http: false };
            if wants & needs::HEAD != 0
                && matches!(look, Look::Bytes { .. })
                && let Some(used) = find_http(index, text, &mut seen.stream)
            {
                seen.head = Some(Edit::new(index, text, used));
            }
        }
        Look::Request { at, len } | Look::Response { at, len } => {
            let fresh = used == 0;
            if fresh {
                text[..len].copy_from_slice(&bytes[at..at + len]);
            }
            if wants & needs::BODY != 0 {
                seen.body = body_in(&bytes[at + len..], spare, index.body);
            }
            seen.stream = Stream { bytes: &bytes[at..], ..Stream::NONE };
            seen.head = Some(Edit::new(index, text, if fresh { len } else { used }));
        }
    }
    seen
}
