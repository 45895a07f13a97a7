//! HTTP/1: where a head ends, what it says, how the body is framed, and the head that is sent on.
//!
//! Strict, because two parsers that disagree are a vulnerability: a message has exactly one reading or is refused, and what is
//! sent on is written anew from the parse (RFC 9112; RFC 9110 for the semantics). Nothing here does I/O or allocates.

mod auth;
mod body;
mod cache;
mod edit;
mod file;
mod head;
mod reply;
mod write;

pub use auth::basic_credentials;
pub use body::{Body, MAX_CHUNK_EXTENSION, MAX_TRAILERS};
pub use cache::shares_cookie;
pub use edit::{Changed, Edit, Refused, is_ours, line_parts};
pub use file::{FILE_HINT, from_file};
pub use head::{Connection, Fault, Head, HeadEnd, MAX_HEADERS, Method, Span, Version, head_end, path_and_query};
pub use reply::{STATUSES, reason, standard_page, standard_reply, without_connection};
pub use write::{Keep, write_again, write_request, write_response};

/// True for the characters of a token (RFC 9110 section 5.6.2).
pub fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

/// The comma-separated members of a field value, white space around them removed, empty ones skipped.
pub fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|b| *b == b',').map(trim).filter(|m| !m.is_empty())
}

/// The first of these bytes that does not stand in a quoted string.
fn find_outside_quotes(text: &[u8], is: impl Fn(u8) -> bool) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.iter().position(|b| {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b if !quoted => return is(*b),
            _ => {}
        }
        false
    })
}

/// What stands before the first comma of a field value, as it is, and what behind it; a comma in a quoted string separates nothing.
pub fn first_piece(value: &[u8]) -> (&[u8], Option<&[u8]>) {
    let comma = if value.contains(&b',') { find_outside_quotes(value, |b| b == b',') } else { None };
    match comma {
        Some(at) => (&value[..at], Some(&value[at + 1..])),
        None => (value, None),
    }
}

/// What stands between the commas of a field value.
pub fn pieces(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let (piece, left) = first_piece(rest?);
        rest = left;
        Some(piece)
    })
}

/// The cookies in a field value, `name=value`, separated by ';' or ',' outside of quotes. A response sets one before the first ';': then
/// attributes follow, up to a ','.
fn cookies(value: &[u8], response: bool) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let (cookie, left) = first_cookie(rest?, response);
        rest = left;
        Some(cookie)
    })
}

/// The first of them, and what stands behind it.
pub fn first_cookie(value: &[u8], response: bool) -> (&[u8], Option<&[u8]>) {
    let end = find_outside_quotes(value, |b| matches!(b, b';' | b','));
    let next = match end {
        Some(at) if response && value[at] == b';' => {
            find_outside_quotes(&value[at..], |b| b == b',').map(|comma| at + comma)
        }
        other => other,
    };
    (&value[..end.unwrap_or(value.len())], next.map(|at| &value[at + 1..]))
}

/// Without the white space (space, tab) at both ends.
pub fn trim(mut s: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = s {
        s = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = s {
        s = rest;
    }
    s
}
