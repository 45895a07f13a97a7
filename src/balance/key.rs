//! What a request is hashed on, one function a form of `balance`. `None`: the request has no key and goes round robin.
//! A key may be empty where the manual's "value" may be (a parameter `id=`): that is a key like any other.
//!
//! All behaviour here is haproxy 2.6's, found by asking it (see oracle.tsv).

use std::net::IpAddr;

use super::Options;

/// Hashes a key as `hash-type` says. `balance hash <expression>` is this over the sample cast to binary (a string's
/// bytes, an address in network order, an integer as 8 bytes, most significant first, a boolean as such an integer).
pub fn of_bytes(options: &Options, key: &[u8]) -> u32 {
    finish(options, (options.function)(key))
}

fn finish(options: &Options, hash: u32) -> u32 {
    if options.avalanche { crate::util::hash::avalanche(hash) } else { hash }
}

/// `balance source`: the address as big-endian words, xored. The hash function plays no part, `avalanche` does.
pub fn source(options: &Options, address: IpAddr) -> u32 {
    let word = |bytes: &[u8]| bytes.iter().fold(0, |word, &byte| (word << 8) | u32::from(byte));
    let folded = match address {
        IpAddr::V4(v4) => word(&v4.octets()),
        IpAddr::V6(v6) => v6.octets().chunks_exact(4).fold(0, |folded, chunk| folded ^ word(chunk)),
    };
    finish(options, folded)
}

/// Arguments of `balance uri`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct UriArgs {
    /// Bytes looked at; 0: all.
    pub len_bytes: usize,
    /// The slash after this many ends the key; 0: none does.
    pub depth: usize,
    /// The query belongs to the key.
    pub whole: bool,
    /// The key begins at the first `/` after the authority.
    pub path_only: bool,
}

/// `balance uri`: `uri` is the request target as received.
pub fn uri(options: &Options, uri: &[u8], args: &UriArgs) -> u32 {
    let mut key = if args.path_only { from_path(uri) } else { uri };
    if args.len_bytes > 0 {
        key = &key[..key.len().min(args.len_bytes)];
    }
    let mut slashes = 0;
    let end = key.iter().position(|&byte| {
        slashes += usize::from(byte == b'/');
        (byte == b'?' && !args.whole) || (args.depth > 0 && slashes > args.depth)
    });
    of_bytes(options, &key[..end.unwrap_or(key.len())])
}

/// The target from its path on: empty for `*`.
fn from_path(uri: &[u8]) -> &[u8] {
    let authority = if uri.first() == Some(&b'/') { 0 } else { find(uri, b"://").map_or(0, |at| at + 3) };
    let path = uri[authority..].iter().position(|&byte| byte == b'/');
    path.map_or(&[], |path| &uri[authority + path..])
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// `balance url_param`: `uri` is the request target; only `&` separates.
pub fn url_param(options: &Options, uri: &[u8], name: &[u8]) -> Option<u32> {
    let query = uri.iter().position(|&byte| byte == b'?')?;
    body_param(options, &uri[query + 1..], name)
}

/// `balance url_param .. check_post`: the same in what has come of a POST's body (of its first chunk), for the caller to
/// try after [`url_param`]. Nothing is decoded or trimmed.
pub fn body_param(options: &Options, form: &[u8], name: &[u8]) -> Option<u32> {
    let value = form.split(|&byte| byte == b'&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix(b"="))?;
    Some(of_bytes(options, value))
}

/// `balance hdr(name)`: `field` is the value of the first header line of that name. Its first element counts (commas in
/// double quotes do not separate); with an empty one there is no key.
pub fn hdr(options: &Options, field: &[u8], use_domain_only: bool) -> Option<u32> {
    let value = first_element(field);
    if value.is_empty() {
        return None;
    }
    Some(of_bytes(options, if use_domain_only { domain(value) } else { value }))
}

fn first_element(field: &[u8]) -> &[u8] {
    let (mut quoted, mut escaped) = (false, false);
    let end = field.iter().position(|&byte| {
        if escaped {
            escaped = false;
        } else {
            escaped = quoted && byte == b'\\';
            quoted ^= byte == b'"';
        }
        byte == b',' && !quoted
    });
    field[..end.unwrap_or(field.len())].trim_ascii()
}

/// `use_domain_only`: what stands before the last dot, from the dot before it on. A dot at the very start, or next to the
/// last one, does not count; without a last dot it is the whole. Ports are not known here ("a.b:1.2" has the dot of "1.2").
fn domain(host: &[u8]) -> &[u8] {
    let last_dot = |bytes: &[u8]| bytes.iter().rposition(|&byte| byte == b'.');
    match last_dot(host) {
        None | Some(0) => host,
        Some(end) => &host[last_dot(&host[..end - 1]).map_or(0, |dot| dot + 1)..end],
    }
}

/// `balance rdp-cookie`: `value` is the cookie's value, without its line end.
pub fn rdp_cookie(options: &Options, value: &[u8]) -> Option<u32> {
    (!value.is_empty()).then(|| of_bytes(options, value))
}
