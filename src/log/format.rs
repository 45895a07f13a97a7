//! `log-format`: a line compiled to a list of texts and variables, and the variables themselves, one row each.

use crate::sys::Addr;
use crate::util::date;
use crate::util::fmt::Out;
use std::fmt::Write;

/// `option tcplog`
pub const TCP_LOG: &str = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq";
/// `option httplog`
pub const HTTP_LOG: &str =
    "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r";
/// `option httplog clf`
pub const CLF_LOG: &str = "%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc %ac %fc \
                           %bc %sc %rc %sq %bq %CC %CS %hrl %hsl";
/// Without any log option.
pub const CONNECT_LOG: &str = "Connect from %ci:%cp to %fi:%fp (%f/%mode)";

/// What a line can say of a session.
#[derive(Debug, Default)]
pub struct Record<'a> {
    pub client: Addr,
    /// Where the client connected to.
    pub frontend_addr: Addr,
    /// Our end of the connection to the server, and the server's.
    pub source: Addr,
    pub server_addr: Addr,
    /// Wall clock (seconds, microseconds) of the accept and of the first byte of the request.
    pub accept: (i64, u32),
    pub request: (i64, u32),
    pub end: (i64, u32),
    /// Seconds east of UTC.
    pub zone: i32,
    pub frontend: &'a str,
    pub backend: &'a str,
    pub server: &'a str,
    pub host_name: &'a str,
    pub http: bool,
    /// Milliseconds, -1 = not reached.
    pub t_handshake: i32,
    pub t_idle: i32,
    pub t_request: i32,
    pub t_queue: i32,
    pub t_connect: i32,
    pub t_response: i32,
    pub t_active: i32,
    pub t_total: i32,
    pub status: i32,
    pub bytes_out: u64,
    pub bytes_in: u64,
    /// Who, stage, and the two cookie flags.
    pub termination: [u8; 4],
    pub actconn: u32,
    pub feconn: u32,
    pub beconn: u32,
    pub srvconn: u32,
    pub retries: u32,
    pub redispatched: bool,
    pub srv_queue: u32,
    pub backend_queue: u32,
    pub counter: u32,
    /// Lines that the frontend has logged before.
    pub line_number: u32,
    pub pid: u32,
    /// The request line as it came, without CRLF; empty = `<BADREQ>`.
    pub request_line: &'a [u8],
    /// `option logasap`: totals are marked with `+`.
    pub asap: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Flags {
    quote: bool,
    hex: bool,
    /// `\` before what ends a value of RFC 5424.
    escape: bool,
}

type Show = fn(&Record, &mut Out);

/// What a variable is, and with it what the flags do to it: `Q` quotes texts, `X` is for addresses, ports and identifiers.
#[derive(Clone, Copy)]
enum Kind {
    /// A name that the configuration gave.
    Text(for<'a> fn(&Record<'a>) -> &'a str),
    /// A part of the request line, with bytes that would break a line as `#XX`; none = there was no request.
    Request(for<'a> fn(&Record<'a>) -> Option<&'a [u8]>),
    Address(fn(&Record) -> Addr),
    Port(fn(&Record) -> Addr),
    /// An identifier, with the digits that it has at least, decimal and hexadecimal.
    Id(fn(&Record) -> u64, usize, usize),
    /// Counts, times, dates, states: never changed.
    Plain(Show),
    /// Always absent in this version (cookies, TLS).
    Absent,
    /// Always empty in this version (captures).
    Nothing,
}

/// A row of the table of log variables.
pub struct Variable {
    pub name: &'static str,
    kind: Kind,
    pub doc: &'static str,
}

const fn row(name: &'static str, doc: &'static str, kind: Kind) -> Variable {
    Variable { name, kind, doc }
}
const fn plain(name: &'static str, doc: &'static str, show: Show) -> Variable {
    row(name, doc, Kind::Plain(show))
}

/// The word of the request line with this number.
fn part<'a>(r: &Record<'a>, n: usize) -> Option<&'a [u8]> {
    (!r.request_line.is_empty()).then(|| r.request_line.split(|b| *b == b' ').nth(n).unwrap_or(b""))
}

fn path<'a>(r: &Record<'a>) -> Option<&'a [u8]> {
    part(r, 1).map(|uri| uri.split(|b| *b == b'?').next().unwrap_or(uri))
}

/// The path without scheme and authority; empty for targets that are no path.
fn path_only<'a>(r: &Record<'a>) -> Option<&'a [u8]> {
    let path = path(r)?;
    let authority = path.windows(3).position(|w| w == b"://").map_or(0, |at| at + 3);
    let rest = if path.first() == Some(&b'/') { path } else { &path[authority..] };
    Some(rest.iter().position(|b| *b == b'/').map_or(b"", |i| &rest[i..]))
}

fn query<'a>(r: &Record<'a>) -> Option<&'a [u8]> {
    part(r, 1).map(|uri| uri.iter().position(|b| *b == b'?').map_or(&b""[..], |i| &uri[i..]))
}

/// The version; a line that was cut, or never had one, counts as one of HTTP/0.9.
fn version<'a>(r: &Record<'a>) -> Option<&'a [u8]> {
    part(r, 2).map(|v| if v.is_empty() { b"HTTP/0.9" } else { v })
}

/// Writes bytes of a request: `#XX` for those that would break a line or its quotes.
fn encoded(bytes: &[u8], escape: bool, o: &mut Out) {
    for &b in bytes {
        match b {
            b'#' | b'"' => drop(write!(o, "#{b:02X}")),
            b']' | b'\\' if escape => o.put(&[b'\\', b]),
            b' '..0x7f => o.byte(b),
            _ => drop(write!(o, "#{b:02X}")),
        }
    }
}

impl Variable {
    fn show(&self, r: &Record, flags: Flags, o: &mut Out) {
        let quote = if flags.quote { &b"\""[..] } else { b"" };
        let absent: &[u8] = if flags.quote { b"\"\"" } else { b"-" };
        match self.kind {
            Kind::Text(get) => {
                o.put(quote);
                o.put(get(r).as_bytes());
                o.put(quote);
            }
            Kind::Request(get) => {
                o.put(quote);
                match get(r) {
                    Some(bytes) => encoded(bytes, flags.escape, o),
                    None => o.put(b"<BADREQ>"),
                }
                o.put(quote);
            }
            Kind::Address(get) | Kind::Port(get) if get(r) == Addr::None => o.put(absent),
            Kind::Address(get) => address(get(r), flags, quote, o),
            Kind::Port(get) if flags.hex => drop(write!(o, "{:04X}", get(r).port())),
            Kind::Port(get) => o.num(get(r).port().into()),
            Kind::Id(get, _, digits) if flags.hex => drop(write!(o, "{:0digits$X}", get(r))),
            Kind::Id(get, digits, _) => o.zero_padded(get(r), digits),
            Kind::Plain(show) => show(r, o),
            Kind::Absent => o.put(absent),
            Kind::Nothing => {}
        }
    }
}

fn address(a: Addr, flags: Flags, quote: &[u8], o: &mut Out) {
    let bytes: &[u8] = match &a {
        Addr::V4(b, _) if flags.hex => b,
        Addr::V6(b, _) if flags.hex => b,
        _ => {
            o.put(quote);
            let _ = write!(o, "{a}");
            return o.put(quote);
        }
    };
    for b in bytes {
        let _ = write!(o, "{b:02X}");
    }
}

fn log_date(r: &Record, at: (i64, u32), o: &mut Out, ms: bool) {
    date::civil(at.0 + i64::from(r.zone)).put_log(o);
    if ms {
        o.byte(b'.');
        o.zero_padded((at.1 / 1000).into(), 3);
    }
}

fn total(r: &Record, o: &mut Out, n: i64) {
    if r.asap {
        o.byte(b'+');
    }
    o.int(n);
}

/// All variables, sorted by name.
pub static VARIABLES: &[Variable] = &[
    plain("B", "bytes from server to client", |r, o| total(r, o, r.bytes_out as i64)),
    row("CC", "captured request cookie", Kind::Absent),
    row("CS", "captured response cookie", Kind::Absent),
    row("H", "host name of this machine", Kind::Text(|r| r.host_name)),
    row("HM", "method", Kind::Request(|r| part(r, 0))),
    row("HP", "target without query", Kind::Request(path)),
    row("HPO", "path without scheme, host and query", Kind::Request(path_only)),
    row("HQ", "query with its question mark", Kind::Request(query)),
    row("HU", "target of the request", Kind::Request(|r| part(r, 1))),
    row("HV", "version", Kind::Request(version)),
    row("ID", "unique id", Kind::Absent),
    plain("ST", "status code", |r, o| o.int(r.status.into())),
    plain("T", "date in UTC", |r, o| {
        date::civil(r.accept.0).put_log(o);
        o.put(b" +0000");
    }),
    plain("TR", "time to receive the request, ms", |r, o| o.int(r.t_request.into())),
    plain("Ta", "active time of the request, ms", |r, o| total(r, o, r.t_active.into())),
    plain("Tc", "time to connect, ms", |r, o| o.int(r.t_connect.into())),
    plain("Td", "time of data transfer, ms", |r, o| {
        let before = [r.t_request, r.t_queue, r.t_connect, r.t_response].iter().map(|t| (*t).max(0)).sum::<i32>();
        let begun = if r.http { r.t_response } else { r.t_connect };
        o.int(if begun < 0 { -1 } else { (r.t_active - before).max(0).into() });
    }),
    plain("Th", "time of handshakes, ms", |r, o| o.int(r.t_handshake.into())),
    plain("Ti", "idle time before the request, ms", |r, o| o.int(r.t_idle.into())),
    plain("Tl", "date in the local zone", |r, o| {
        log_date(r, r.accept, o, false);
        o.byte(b' ');
        date::put_zone(o, r.zone, false);
    }),
    plain("Tq", "Th + Ti + TR, ms", |r, o| {
        o.int(if r.t_request < 0 { -1 } else { (r.t_handshake + r.t_idle + r.t_request).into() });
    }),
    plain("Tr", "time to the response's header, ms", |r, o| o.int(r.t_response.into())),
    row("Ts", "seconds since 1970", Kind::Id(|r| r.accept.0 as u64, 1, 4)),
    plain("Tt", "total time, ms", |r, o| total(r, o, r.t_total.into())),
    plain("Tu", "total time as the user sees it, ms", |r, o| total(r, o, (r.t_total - r.t_idle.max(0)).max(0).into())),
    plain("Tw", "time in queues, ms", |r, o| o.int(r.t_queue.into())),
    plain("U", "bytes from client to server", |r, o| total(r, o, r.bytes_in as i64)),
    plain("ac", "connections of the process", |r, o| o.num(r.actconn.into())),
    row("b", "backend", Kind::Text(|r| r.backend)),
    plain("bc", "connections of the backend", |r, o| o.num(r.beconn.into())),
    row("bi", "source address towards the server", Kind::Address(|r| r.source)),
    row("bp", "source port towards the server", Kind::Port(|r| r.source)),
    plain("bq", "sessions before this one in the backend's queue", |r, o| o.num(r.backend_queue.into())),
    row("ci", "client address", Kind::Address(|r| r.client)),
    row("cp", "client port", Kind::Port(|r| r.client)),
    row("f", "frontend", Kind::Text(|r| r.frontend)),
    plain("fc", "connections of the frontend", |r, o| o.num(r.feconn.into())),
    row("fi", "address that the client connected to", Kind::Address(|r| r.frontend_addr)),
    row("fp", "port that the client connected to", Kind::Port(|r| r.frontend_addr)),
    row("ft", "frontend, ~ appended for TLS", Kind::Text(|r| r.frontend)),
    row("hr", "captured request headers", Kind::Nothing),
    row("hrl", "captured request headers as a list", Kind::Nothing),
    row("hs", "captured response headers", Kind::Nothing),
    row("hsl", "captured response headers as a list", Kind::Nothing),
    row("lc", "number of the line, counted for each frontend", Kind::Id(|r| r.line_number.into(), 1, 4)),
    row("mode", "TCP or HTTP", Kind::Text(|r| if r.http { "HTTP" } else { "TCP" })),
    row("ms", "milliseconds of the accept date", Kind::Id(|r| (r.accept.1 / 1000).into(), 3, 2)),
    row("pid", "process id", Kind::Id(|r| r.pid.into(), 1, 4)),
    row("r", "request line", Kind::Request(|r| (!r.request_line.is_empty()).then_some(r.request_line))),
    plain("rc", "retries, + when redispatched", |r, o| {
        if r.redispatched {
            o.byte(b'+');
        }
        o.num(r.retries.into());
    }),
    row("rt", "number of the request", Kind::Id(|r| r.counter.into(), 1, 4)),
    row("s", "server", Kind::Text(|r| r.server)),
    plain("sc", "connections of the server", |r, o| o.num(r.srvconn.into())),
    row("si", "server address", Kind::Address(|r| r.server_addr)),
    row("sp", "server port", Kind::Port(|r| r.server_addr)),
    plain("sq", "sessions before this one in the server's queue", |r, o| o.num(r.srv_queue.into())),
    row("sslc", "TLS cipher", Kind::Absent),
    row("sslv", "TLS version", Kind::Absent),
    plain("t", "accept date with milliseconds", |r, o| log_date(r, r.accept, o, true)),
    plain("tr", "date of the request with milliseconds", |r, o| log_date(r, r.request, o, true)),
    plain("trg", "date of the request in UTC", |r, o| {
        date::civil(r.request.0).put_log(o);
        o.put(b" +0000");
    }),
    plain("trl", "date of the request in the local zone", |r, o| {
        log_date(r, r.request, o, false);
        o.byte(b' ');
        date::put_zone(o, r.zone, false);
    }),
    plain("ts", "termination state", |r, o| o.put(&r.termination[..2])),
    plain("tsc", "termination state with cookie state", |r, o| o.put(&r.termination)),
];

#[derive(Debug)]
enum Item {
    Text(String),
    Space,
    Variable(usize, Flags),
}

/// A compiled format.
#[derive(Debug, Default)]
pub struct Format {
    items: Vec<Item>,
}

impl Format {
    /// Compiles a format; the error names the offset.
    pub fn compile(format: &str) -> Result<Format, (usize, String)> {
        let mut items = Vec::new();
        let mut base = Flags::default();
        let mut literal = String::new();
        let mut rest = format;
        let offset = |rest: &str| format.len() - rest.len();
        while let Some(c) = rest.chars().next() {
            let at = offset(rest);
            rest = &rest[c.len_utf8()..];
            match c {
                '%' if rest.starts_with('%') => {
                    literal.push('%');
                    rest = &rest[1..];
                }
                ' ' | '%' => {
                    if !literal.is_empty() {
                        items.push(Item::Text(std::mem::take(&mut literal)));
                    }
                    if c == ' ' {
                        items.push(Item::Space);
                    } else if let Some(item) = Self::variable(&mut rest, &mut base).map_err(|m| (at, m))? {
                        items.push(item);
                    }
                }
                c => literal.push(c),
            }
        }
        if !literal.is_empty() {
            items.push(Item::Text(literal));
        }
        Ok(Format { items })
    }

    fn variable(rest: &mut &str, base: &mut Flags) -> Result<Option<Item>, String> {
        let mut flags = *base;
        if let Some(inner) = rest.strip_prefix('{') {
            let (spec, after) = inner.split_once('}').ok_or("'{' without '}'")?;
            let mut on = true;
            for c in spec.chars() {
                match c {
                    '+' => on = true,
                    '-' => on = false,
                    'Q' => flags.quote = on,
                    'X' => flags.hex = on,
                    'E' => flags.escape = on,
                    ',' | ' ' => {}
                    c => return Err(format!("unknown flag '{c}' (Q, X and E are known)")),
                }
            }
            *rest = after;
        }
        if rest.starts_with('[') {
            return Err("sample expressions in log formats are not built yet".into());
        }
        let len = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        if len > 0 && &rest[..len] == "o" {
            *base = flags;
            *rest = &rest[1..];
            return Ok(None);
        }
        // The longest name that fits: "%ci:%cp" but also "%Tqms".
        for n in (1..=len.min(4)).rev() {
            if let Some(v) = VARIABLES.iter().position(|v| v.name == &rest[..n]) {
                *rest = &rest[n..];
                return Ok(Some(Item::Variable(v, flags)));
            }
        }
        Err(format!("unknown variable '%{}'", &rest[..len]))
    }

    /// True when all that it shows is known once it is known where the session goes: its line need not wait for the end.
    pub fn known_at_start(&self) -> bool {
        const KNOWN: [&str; 19] = [
            "H", "T", "Tl", "Ts", "ci", "cp", "f", "fi", "fp", "ft", "lc", "mode", "ms", "pid", "rt", "t", "tr", "trg",
            "trl",
        ];
        self.items.iter().all(|i| !matches!(i, Item::Variable(v, _) if !KNOWN.contains(&VARIABLES[*v].name)))
    }

    /// True when one of these variables occurs.
    pub fn shows(&self, names: &[&str]) -> bool {
        self.items.iter().any(|i| matches!(i, Item::Variable(v, _) if names.contains(&VARIABLES[*v].name)))
    }

    /// Writes a line.
    pub fn write(&self, record: &Record, out: &mut Out) {
        let mut after_space = true;
        for item in &self.items {
            let before = out.len();
            match item {
                Item::Text(t) => out.put(t.as_bytes()),
                // What shows nothing leaves no double space.
                Item::Space if after_space => continue,
                Item::Space => out.byte(b' '),
                Item::Variable(v, flags) => VARIABLES[*v].show(record, *flags, out),
            }
            if out.len() > before {
                after_space = matches!(item, Item::Space);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(format: &str, r: &Record) -> String {
        let mut b = [0; 1024];
        let mut o = Out::new(&mut b);
        Format::compile(format).unwrap().write(r, &mut o);
        String::from_utf8(o.bytes().to_vec()).unwrap()
    }

    fn record() -> Record<'static> {
        Record {
            client: Addr::V4([10, 0, 0, 1], 1234),
            accept: (784_111_777, 123_456),
            request: (784_111_777, 200_000),
            frontend: "fe",
            backend: "be",
            server: "s1",
            t_request: 1,
            t_queue: 0,
            t_connect: 2,
            t_response: 3,
            t_active: 10,
            t_total: 11,
            status: 200,
            bytes_out: 500,
            termination: *b"----",
            request_line: b"GET /a\"b HTTP/1.1",
            actconn: 26,
            ..Record::default()
        }
    }

    #[test]
    fn the_standard_lines() {
        let r = record();
        assert_eq!(
            show(HTTP_LOG, &r),
            "10.0.0.1:1234 [06/Nov/1994:08:49:37.200] fe be/s1 1/0/2/3/10 200 500 - - ---- 26/0/0/0/0 0/0 \"GET /a#22b HTTP/1.1\""
        );
        assert_eq!(show(TCP_LOG, &r), "10.0.0.1:1234 [06/Nov/1994:08:49:37.123] fe be/s1 0/2/11 500 -- 26/0/0/0/0 0/0");
        assert!(
            show(CLF_LOG, &r).starts_with(
                "10.0.0.1 - - [06/Nov/1994:08:49:37 +0000] \"GET /a#22b HTTP/1.1\" 200 500 \"\" \"\" 1234"
            )
        );
    }

    #[test]
    fn flags_and_errors() {
        let r = record();
        assert_eq!(
            show("%{+X}ci:%{+X}cp %{+X}ac %{+X,+Q}s %{+Q}bi %bp %% %HP|%HQ", &r),
            "0A000001:04D2 26 \"s1\" \"\" - % /a#22b|"
        );
        let r = Record { request_line: b"GET http://h/{|}\\]?q HTTP/1.1", ..record() };
        assert_eq!(show("%HU %{+E}HP %HPO", &r), "http://h/{|}\\]?q http://h/{|}\\\\\\] /{|}\\]");
        assert_eq!(show("%HV %{+Q}HQ", &Record { request_line: b"", ..r }), "<BADREQ> \"<BADREQ>\"");
        assert_eq!(Format::compile("a %zz").err().map(|e| e.0), Some(2));
        assert!(Format::compile("%{+Z}s").is_err() && Format::compile("%[src]").is_err());
    }

    #[test]
    fn the_table_is_sorted_and_documented() {
        assert!(VARIABLES.iter().all(|v| !v.doc.is_empty()));
        assert!(VARIABLES.windows(2).all(|w| w[0].name < w[1].name));
    }
}
