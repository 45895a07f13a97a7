//! The head of a message: finding its end without reading anything twice, and the index of what it says.

use super::body::Body;
use super::{is_token, members};
use std::mem::MaybeUninit;

/// Highest `tune.http.maxhdr`.
pub const MAX_HEADERS: usize = 256;
/// Longest head, bytes: offsets are 16 bits.
const MAX_HEAD: usize = 65_535;

/// Where a head ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeadEnd {
    /// Not seen yet; go on from this offset.
    NotYet(usize),
    /// The head has this length, the empty line included.
    At(usize),
    /// A line feed without a carriage return before it, or a null byte, at this offset.
    Bad(usize),
}

/// Looks for the empty line that ends a head. `from` is the offset where an earlier call stopped; the first line must not be
/// empty (skip leading CRLFs before).
pub fn head_end(buf: &[u8], from: usize) -> HeadEnd {
    let mut at = from;
    while let Some(i) = find_lf(&buf[at..]) {
        let lf = at + i;
        if lf == 0 || buf[lf - 1] != b'\r' {
            return HeadEnd::Bad(lf);
        }
        if lf >= 2 && buf[lf - 2] == b'\n' || lf == 1 {
            return HeadEnd::At(lf + 1);
        }
        at = lf + 1;
    }
    HeadEnd::NotYet(buf.len())
}

/// The first line feed, eight bytes at a time.
fn find_lf(buf: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let (words, _) = buf.as_chunks::<8>();
    for (i, w) in words.iter().enumerate() {
        let x = u64::from_le_bytes(*w) ^ (ONES * b'\n' as u64);
        let hit = x.wrapping_sub(ONES) & !x & (ONES << 7);
        if hit != 0 {
            return Some(i * 8 + hit.trailing_zeros() as usize / 8);
        }
    }
    let tail = words.len() * 8;
    buf[tail..].iter().position(|b| *b == b'\n').map(|i| tail + i)
}

/// A part of the head, by offset from its first byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub at: u16,
    pub len: u16,
}

impl Span {
    /// The bytes within the head.
    #[inline]
    pub fn of(self, head: &[u8]) -> &[u8] {
        &head[self.at as usize..self.at as usize + self.len as usize]
    }

    /// Where a part of it stands in a head.
    pub fn new(base: &[u8], part: &[u8]) -> Span {
        Span { at: (part.as_ptr() as usize - base.as_ptr() as usize) as u16, len: part.len() as u16 }
    }
}

/// Methods that the proxy treats differently.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Delete,
    Options,
    Trace,
    Connect,
    #[default]
    Other,
}

impl Method {
    /// The method of a name.
    pub fn named(name: &[u8]) -> Method {
        match name {
            b"GET" => Method::Get,
            b"HEAD" => Method::Head,
            b"POST" => Method::Post,
            b"PUT" => Method::Put,
            b"DELETE" => Method::Delete,
            b"OPTIONS" => Method::Options,
            b"TRACE" => Method::Trace,
            b"CONNECT" => Method::Connect,
            _ => Method::Other,
        }
    }

    /// RFC 9110 section 9.2.2: sending it twice is the same as sending it once.
    pub fn is_idempotent(self) -> bool {
        !matches!(self, Method::Post | Method::Connect | Method::Other)
    }
}

/// HTTP/1.0 or HTTP/1.1.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Version {
    V10,
    #[default]
    V11,
}

/// Why a message is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// 400 for a request, 502 for a response.
    Syntax,
    /// The request line does not fit: 414.
    UriTooLong,
    /// Too many or too large header fields: 431, 502 for a response.
    TooLarge,
    /// A version other than 1.0 and 1.1.
    Version,
    /// Content-Length and Transfer-Encoding contradict each other or themselves.
    Framing,
    /// HTTP/1.1 without Host, several, or an invalid one.
    Host,
    /// A body that not every server would read: 413.
    Payload,
}

/// What `Connection` (and `Proxy-Connection`) said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    pub close: bool,
    pub keep_alive: bool,
    pub upgrade: bool,
}

/// What the writer of the new head must know of a field without comparing its name again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Plain,
    /// Connection, Keep-Alive, Proxy-Connection: written anew.
    HopByHop,
    ContentLength,
    TransferEncoding,
    Upgrade,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub name: Span,
    pub value: Span,
    pub kind: Kind,
}

/// The index of one head: offsets into the bytes it was parsed from. A worker has one and fills it anew for each head.
pub struct Head {
    pub(super) fields: Vec<Field>,
    pub(super) limit: usize,
    /// Length of the head in bytes, the empty line included.
    pub len: usize,
    pub version: Version,
    /// Requests: the method.
    pub method: Method,
    pub method_name: Span,
    /// Requests: the target as it came.
    pub uri: Span,
    /// Responses: the status code, and the reason phrase.
    pub status: u16,
    pub reason: Span,
    pub connection: Connection,
    pub body: Body,
    pub(super) content_length: Option<u64>,
    pub(super) chunked: bool,
    /// A transfer coding beside `chunked`: nobody undoes it in a request.
    other_coding: bool,
    h2c: bool,
    /// `Expect: 100-continue`
    pub expects_continue: bool,
    /// The Host field, if there is exactly one.
    pub host: Option<Span>,
}

impl Head {
    /// An index for up to `limit` fields (1..=256).
    pub fn new(limit: usize) -> Head {
        let limit = limit.clamp(1, MAX_HEADERS);
        Head {
            fields: Vec::with_capacity(limit),
            limit,
            len: 0,
            version: Version::V11,
            method: Method::Other,
            method_name: Span::default(),
            uri: Span::default(),
            status: 0,
            reason: Span::default(),
            connection: Connection::default(),
            body: Body::None,
            content_length: None,
            chunked: false,
            other_coding: false,
            h2c: false,
            expects_continue: false,
            host: None,
        }
    }

    /// Parses a request head (`head` ends with the empty line). `lax`: `option accept-invalid-http-request`.
    pub fn parse_request(&mut self, head: &[u8], lax: bool) -> Result<(), Fault> {
        self.parse_parts(head)?;
        let uri = self.uri.of(head);
        if !lax && uri.iter().any(|b| !b.is_ascii_graphic() || *b == b'#') {
            return Err(Fault::Syntax);
        }
        self.check_target(uri)?;
        self.check_host(head, uri)?;
        self.frame_request()
    }

    fn parse_parts(&mut self, head: &[u8]) -> Result<(), Fault> {
        self.start(head)?;
        let mut space = [const { MaybeUninit::<httparse::Header>::uninit() }; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut []);
        let config = httparse::ParserConfig::default();
        let done = config.parse_request_with_uninit_headers(&mut request, head, &mut space[..self.limit]);
        check(done, head.len())?;
        let (method, uri) = (request.method.unwrap_or("").as_bytes(), request.path.unwrap_or("").as_bytes());
        self.version = if request.version == Some(0) { Version::V10 } else { Version::V11 };
        self.method = Method::named(method);
        self.method_name = Span::new(head, method);
        self.uri = Span::new(head, uri);
        for h in request.headers.iter() {
            self.add(head, h.name.as_bytes(), h.value)?;
        }
        Ok(())
    }

    /// Leaves all fields of a name out.
    pub fn remove(&mut self, head: &[u8], name: &[u8]) {
        self.fields.retain(|f| f.kind != Kind::Plain || !f.name.of(head).eq_ignore_ascii_case(name));
    }

    /// The cookies of a request, or those that a response sets: `name=value`.
    pub fn cookies<'a, 'n>(&'n self, head: &'a [u8], response: bool) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let field: &[u8] = if response { b"set-cookie" } else { b"cookie" };
        self.fields_named(head, field).flat_map(move |value| super::cookies(value, response)).map(super::trim)
    }

    /// Parses a head again that was checked, and written by us since.
    pub fn parse_again(&mut self, head: &[u8]) -> Result<(), Fault> {
        self.parse_parts(head)?;
        self.frame_request()
    }

    /// Parses a response head to a request with `method`. `lax`: `option accept-invalid-http-response`.
    pub fn parse_response(&mut self, head: &[u8], method: Method, lax: bool) -> Result<(), Fault> {
        self.start(head)?;
        let mut space = [const { MaybeUninit::<httparse::Header>::uninit() }; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut []);
        let mut config = httparse::ParserConfig::default();
        config.allow_spaces_after_header_name_in_responses(lax);
        let done = config.parse_response_with_uninit_headers(&mut response, head, &mut space[..self.limit]);
        check(done, head.len())?;
        self.version = if response.version == Some(0) { Version::V10 } else { Version::V11 };
        self.status = response.code.unwrap_or(0);
        if !(100..=599).contains(&self.status) {
            return Err(Fault::Syntax);
        }
        // httparse gives an empty phrase also for one with non-ASCII bytes: what we send on is then the empty one.
        self.reason = Span::new(head, response.reason.filter(|r| !r.is_empty()).map_or(&head[..0], str::as_bytes));
        for h in response.headers.iter() {
            self.add(head, h.name.as_bytes(), h.value)?;
        }
        self.frame_response(method)
    }

    fn start(&mut self, head: &[u8]) -> Result<(), Fault> {
        if head.len() > MAX_HEAD {
            return Err(Fault::TooLarge);
        }
        self.fields.clear();
        self.len = head.len();
        self.method = Method::Other;
        self.connection = Connection::default();
        self.body = Body::None;
        self.content_length = None;
        self.chunked = false;
        self.other_coding = false;
        self.h2c = false;
        self.expects_continue = false;
        self.host = None;
        Ok(())
    }

    fn add(&mut self, head: &[u8], name: &[u8], value: &[u8]) -> Result<(), Fault> {
        let mut kind = Kind::Plain;
        // Sorted out by length first: most names are compared with nothing.
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") && self.host.replace(Span::new(head, value)).is_some() => {
                return Err(Fault::Host);
            }
            6 if name.eq_ignore_ascii_case(b"expect") => {
                self.expects_continue |= value.eq_ignore_ascii_case(b"100-continue");
            }
            7 if name.eq_ignore_ascii_case(b"upgrade") => {
                kind = Kind::Upgrade;
                self.h2c |= members(value).any(|m| m.eq_ignore_ascii_case(b"h2c"));
            }
            14 if name.eq_ignore_ascii_case(b"http2-settings") => kind = Kind::HopByHop,
            10 if name.eq_ignore_ascii_case(b"connection") => {
                kind = Kind::HopByHop;
                self.connection_says(value);
            }
            10 if name.eq_ignore_ascii_case(b"keep-alive") => kind = Kind::HopByHop,
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                kind = Kind::ContentLength;
                self.length_says(value)?;
            }
            16 if name.eq_ignore_ascii_case(b"proxy-connection") => kind = Kind::HopByHop,
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                kind = Kind::TransferEncoding;
                self.coding_says(value)?;
            }
            _ => {}
        }
        self.fields.push(Field { name: Span::new(head, name), value: Span::new(head, value), kind });
        Ok(())
    }

    fn connection_says(&mut self, value: &[u8]) {
        for m in members(value) {
            self.connection.close |= m.eq_ignore_ascii_case(b"close");
            self.connection.keep_alive |= m.eq_ignore_ascii_case(b"keep-alive");
            self.connection.upgrade |= m.eq_ignore_ascii_case(b"upgrade");
        }
    }

    /// RFC 9110 section 8.6: one decimal number, or the same one several times.
    fn length_says(&mut self, value: &[u8]) -> Result<(), Fault> {
        let mut any = false;
        for m in value.split(|b| *b == b',') {
            let m = super::trim(m);
            if m.is_empty() || m.len() > 19 || !m.iter().all(u8::is_ascii_digit) {
                return Err(Fault::Framing);
            }
            let n = m.iter().fold(0u64, |n, d| n * 10 + u64::from(d - b'0'));
            if self.content_length.is_some_and(|c| c != n) {
                return Err(Fault::Framing);
            }
            self.content_length = Some(n);
            any = true;
        }
        if any { Ok(()) } else { Err(Fault::Framing) }
    }

    /// RFC 9112 section 6.1: `chunked` once and last; other codings before it are the end points' business.
    fn coding_says(&mut self, value: &[u8]) -> Result<(), Fault> {
        let mut any = false;
        for m in value.split(|b| *b == b',') {
            let m = super::trim(m);
            if self.chunked || m.is_empty() || !m.iter().all(|b| is_token(*b)) || m.eq_ignore_ascii_case(b"identity") {
                return Err(Fault::Framing);
            }
            self.chunked = m.eq_ignore_ascii_case(b"chunked");
            self.other_coding |= !self.chunked;
            any = true;
        }
        if any { Ok(()) } else { Err(Fault::Framing) }
    }

    fn has_coding(&self) -> bool {
        self.fields.iter().any(|f| f.kind == Kind::TransferEncoding)
    }

    fn frame_request(&mut self) -> Result<(), Fault> {
        let coding = self.has_coding();
        if coding
            && (!self.chunked || self.content_length.is_some() || self.version == Version::V10 || self.other_coding)
        {
            return Err(Fault::Framing);
        }
        self.body = match self.content_length {
            _ if self.chunked => Body::chunked(),
            Some(n) if n > 0 => Body::Length(n),
            _ => Body::None,
        };
        if self.method == Method::Connect && self.body != Body::None {
            return Err(Fault::Framing);
        }
        Ok(())
    }

    fn frame_response(&mut self, method: Method) -> Result<(), Fault> {
        let coding = self.has_coding();
        if coding && (!self.chunked || self.content_length.is_some() || self.version == Version::V10) {
            return Err(Fault::Framing);
        }
        let bodiless = method == Method::Head || self.status < 200 || matches!(self.status, 204 | 304);
        if self.status < 200 || self.status == 204 {
            // RFC 9110 sections 8.6 and 15: neither field has a place here, and a client that believed one would wait.
            self.content_length = None;
            self.chunked = false;
        }
        self.body = match self.content_length {
            _ if self.status == 101 || method == Method::Connect && (200..300).contains(&self.status) => Body::Tunnel,
            _ if bodiless => Body::None,
            _ if self.chunked => Body::chunked(),
            Some(0) => Body::None,
            Some(n) => Body::Length(n),
            None => Body::UntilClose,
        };
        Ok(())
    }

    /// RFC 9112 section 3.2: origin, absolute, authority (CONNECT) or asterisk form.
    fn check_target(&self, uri: &[u8]) -> Result<(), Fault> {
        if is_target(self.method, uri) { Ok(()) } else { Err(Fault::Syntax) }
    }

    fn check_host(&self, head: &[u8], uri: &[u8]) -> Result<(), Fault> {
        let Some(host) = self.host else {
            return if self.version == Version::V11 { Err(Fault::Host) } else { Ok(()) };
        };
        let host = host.of(head);
        if !valid_host(host) {
            return Err(Fault::Host);
        }
        // An absolute target names the host too: the two must not differ (a server may believe either).
        match if self.method == Method::Connect { Some(uri) } else { authority(uri) } {
            Some(a) if !same_host(a, host) => Err(Fault::Host),
            _ => Ok(()),
        }
    }

    /// The body has a transfer coding beside `chunked`, which only HTTP/1.1 can name.
    pub fn is_coded(&self) -> bool {
        self.other_coding
    }

    /// A body in HTTP/1.0 with a method that has none by custom: a server that does not read it takes it for the next request.
    pub fn has_doubtful_body(&self) -> bool {
        self.version == Version::V10
            && self.body != Body::None
            && matches!(self.method, Method::Get | Method::Head | Method::Delete)
    }

    /// The request wants to go on in HTTP/2 (RFC 7540 section 3.2, withdrawn by RFC 9113).
    pub fn upgrades_to_h2(&self) -> bool {
        self.h2c
    }

    /// Number of fields.
    pub fn count(&self) -> usize {
        self.fields.len()
    }

    /// True when the `n`-th field has this name.
    pub fn is_named(&self, n: usize, head: &[u8], name: &[u8]) -> bool {
        let own = self.fields[n].name;
        usize::from(own.len) == name.len() && own.of(head).eq_ignore_ascii_case(name)
    }

    /// The value of the `n`-th field.
    pub fn value<'a>(&self, n: usize, head: &'a [u8]) -> &'a [u8] {
        self.fields[n].value.of(head)
    }

    /// The values of all fields with a name, in order.
    pub fn values<'a>(&'a self, head: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let same = move |f: &&Field| name.is_empty() || f.name.of(head).eq_ignore_ascii_case(name);
        self.fields.iter().filter(same).map(move |f| f.value.of(head))
    }

    /// The same, where neither the index nor the name is kept; of all fields when the name is empty.
    pub fn fields_named<'a, 'n>(
        &'n self,
        head: &'a [u8],
        name: &'n [u8],
    ) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let same = move |f: &&Field| name.is_empty() || f.name.of(head).eq_ignore_ascii_case(name);
        self.fields.iter().filter(same).map(move |f| f.value.of(head))
    }

    /// Names and values of all fields.
    pub fn all_fields<'a, 'n>(&'n self, head: &'a [u8]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a, 'n> {
        self.fields.iter().map(move |f| (f.name.of(head), f.value.of(head)))
    }

    /// The path of the target with its query: the target without scheme and authority.
    pub fn path_and_query<'a>(&self, head: &'a [u8]) -> &'a [u8] {
        path_and_query(self.uri.of(head))
    }
}

/// A target without scheme and authority.
pub fn path_and_query(uri: &[u8]) -> &[u8] {
    if uri.first() == Some(&b'/') {
        return uri;
    }
    match authority(uri) {
        Some(a) => {
            let after = a.as_ptr() as usize - uri.as_ptr() as usize + a.len();
            &uri[after..]
        }
        None => uri,
    }
}

/// The authority of an absolute URI; its scheme is one of RFC 3986 section 3.1.
pub fn authority(uri: &[u8]) -> Option<&[u8]> {
    let end = uri.iter().position(|b| !b.is_ascii_alphanumeric() && !b"+-.".contains(b))?;
    let rest = uri[end..].strip_prefix(b"://").filter(|_| uri[0].is_ascii_alphabetic())?;
    Some(&rest[..rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len())])
}

/// True for a target that a request of this method may have (RFC 9112 section 3.2): a path or a whole URI, or what CONNECT and OPTIONS
/// have.
pub fn is_target(method: Method, uri: &[u8]) -> bool {
    match method {
        Method::Connect => !uri.contains(&b'/') && uri.contains(&b':'),
        Method::Options if uri == b"*" => true,
        _ => uri.first() == Some(&b'/') || authority(uri).is_some(),
    }
}

/// RFC 3986 sections 3.2.2 and 3.2.3: a name, or an IPv6 address in brackets, and perhaps a port.
fn valid_host(host: &[u8]) -> bool {
    let (name, port) = match host {
        [b'[', rest @ ..] => {
            let Some(end) = rest.iter().position(|b| *b == b']') else { return false };
            if end == 0 || !rest[..end].iter().all(|b| b.is_ascii_hexdigit() || b".:vV%".contains(b)) {
                return false;
            }
            (&b"x"[..], &rest[end + 1..])
        }
        _ => host.split_at(host.iter().position(|b| *b == b':').unwrap_or(host.len())),
    };
    let digits = match port {
        [] => return name.iter().all(valid_in_name),
        [b':', digits @ ..] => digits,
        _ => return false,
    };
    name.iter().all(valid_in_name) && digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit)
}

fn valid_in_name(b: &u8) -> bool {
    b.is_ascii_alphanumeric() || b"-._~!$&'()*+;=%".contains(b)
}

fn same_host(a: &[u8], b: &[u8]) -> bool {
    fn bare(h: &[u8]) -> &[u8] {
        h.strip_suffix(b":80").or(h.strip_suffix(b":443")).or(h.strip_suffix(b":")).unwrap_or(h)
    }
    bare(a).eq_ignore_ascii_case(bare(b))
}

fn check(done: httparse::Result<usize>, len: usize) -> Result<(), Fault> {
    match done {
        Ok(httparse::Status::Complete(n)) if n == len => Ok(()),
        Ok(_) => Err(Fault::Syntax),
        Err(httparse::Error::TooManyHeaders) => Err(Fault::TooLarge),
        Err(httparse::Error::Version) => Err(Fault::Version),
        Err(_) => Err(Fault::Syntax),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> Result<Head, Fault> {
        let mut h = Head::new(10);
        h.parse_request(text.as_bytes(), false).map(|()| h)
    }

    #[test]
    fn the_end_is_found_in_pieces() {
        let text = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
        for cut in 0..text.len() {
            let from = match head_end(&text[..cut], 0) {
                HeadEnd::NotYet(n) => n,
                HeadEnd::At(n) => {
                    assert!(cut >= n);
                    continue;
                }
                HeadEnd::Bad(_) => panic!("cut at {cut}"),
            };
            assert_eq!(head_end(text, from), HeadEnd::At(text.len() - 4), "cut at {cut}");
        }
        assert_eq!(head_end(b"GET / HTTP/1.1\nHost: a\r\n\r\n", 0), HeadEnd::Bad(14));
    }

    #[test]
    fn framing_has_one_reading() {
        let with = |h: &str| request(&format!("POST / HTTP/1.1\r\nHost: a\r\n{h}\r\n")).map(|h| h.body);
        assert_eq!(with("Content-Length: 5\r\n"), Ok(Body::Length(5)));
        assert_eq!(with("Content-Length: 5\r\nContent-Length: 5\r\n"), Ok(Body::Length(5)));
        assert_eq!(with("Content-Length: 5, 5\r\n"), Ok(Body::Length(5)));
        assert_eq!(with("Transfer-Encoding: Chunked\r\n"), Ok(Body::chunked()));
        for bad in [
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "Content-Length: +5\r\n",
            "Content-Length: 5x\r\n",
            "Content-Length: \r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            "Transfer-Encoding: chunked, gzip\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: identity\r\n",
            "Transfer-Encoding: xchunked\r\n",
        ] {
            assert_eq!(with(bad), Err(Fault::Framing), "{bad:?}");
        }
    }

    #[test]
    fn targets_and_hosts() {
        assert!(request("GET http://a/x HTTP/1.1\r\nHost: A:80\r\n\r\n").is_ok());
        assert!(request("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").is_ok());
        assert!(request("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n").is_ok());
        assert_eq!(request("GET http://a/x HTTP/1.1\r\nHost: b\r\n\r\n").err(), Some(Fault::Host));
        assert_eq!(request("GET / HTTP/1.1\r\n\r\n").err(), Some(Fault::Host));
        assert!(request("GET / HTTP/1.0\r\n\r\n").is_ok());
        assert_eq!(request("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n").err(), Some(Fault::Host));
        for bad in ["x", "?://a/admin", "a/b://a/admin", "1a://a/", "://a/", "a_b://a/"] {
            let refused = request(&format!("GET {bad} HTTP/1.1\r\nHost: a\r\n\r\n")).err();
            assert_eq!(refused, Some(Fault::Syntax), "{bad}");
        }
        assert!(request("GET a+b-c.1://a/x HTTP/1.1\r\nHost: a\r\n\r\n").is_ok());
        assert_eq!(request("GET / HTTP/1.1\r\nHost : a\r\n\r\n").err(), Some(Fault::Syntax));
        assert_eq!(request("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n").err(), Some(Fault::Syntax));
        assert_eq!(request("GET / HTTP/2.0\r\nHost: a\r\n\r\n").err(), Some(Fault::Version));
        let h = request("GET http://a/x?y HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert_eq!(h.path_and_query(b"GET http://a/x?y HTTP/1.1\r\nHost: a\r\n\r\n"), b"/x?y");
    }
}
