//! The variables of `log-format`, one row each, and the record of a session that they show.

use crate::pattern::Value;
use crate::sample::{Note, Notes};
use crate::sys::Addr;
use crate::util::ManualText;
use crate::util::date;
use crate::util::fmt::Out;
use std::fmt::Write;

/// What a line can say of a session.
#[derive(Clone, Debug, Default)]
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
    /// The connection ended before there was a request.
    pub failed: bool,
    /// `option logasap`: totals are marked with `+`.
    pub asap: bool,
    /// Places of the frontend's captures, of requests and of responses, and what is in them.
    pub captures: [&'a [Note]; 2],
    /// Where the unique id is, and the cookies of request and response.
    pub unique_id: Option<Note>,
    pub cookies: [Option<Note>; 2],
    pub notes: Notes<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags {
    pub quote: bool,
    pub hex: bool,
    /// `\` before what ends a value of RFC 5424.
    pub escape: bool,
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
    /// Always absent in this version (TLS).
    Absent,
    /// A text in a place of the notes.
    Noted(fn(&Record) -> Option<Note>),
    /// Captures of requests (0) or responses (1), as `{a|b}` or, as a list, `"a" "b"`.
    Captured(usize, bool),
}

/// A row of the table of log variables.
pub struct Variable {
    pub name: &'static str,
    kind: Kind,
    pub doc: ManualText,
}

const fn row(name: &'static str, doc: &'static str, kind: Kind) -> Variable {
    Variable { name, kind, doc: ManualText::new(doc) }
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

/// Writes bytes of a request: `#XX` for those that would break a line or its quotes, and for those in `more`.
pub fn encoded(bytes: &[u8], more: &[u8], escape: bool, o: &mut Out) {
    for &b in bytes {
        match b {
            _ if more.contains(&b) => drop(write!(o, "#{b:02X}")),
            b'#' | b'"' => drop(write!(o, "#{b:02X}")),
            b']' | b'\\' if escape => o.put(&[b'\\', b]),
            b' '..0x7f => o.byte(b),
            _ => drop(write!(o, "#{b:02X}")),
        }
    }
}

impl Variable {
    /// Those that a session in mode tcp has nothing for.
    pub fn http_only(&self) -> bool {
        const HTTP: [&str; 17] =
            ["CC", "CS", "HM", "HP", "HPO", "HQ", "HU", "HV", "TR", "Ta", "Ti", "Tq", "Tr", "r", "tr", "trg", "trl"];
        HTTP.contains(&self.name)
    }

    /// Writes what a record has of it; `log`: what is not there is `-`.
    pub fn show(&self, r: &Record, flags: Flags, log: bool, o: &mut Out) {
        let quote = if flags.quote { &b"\""[..] } else { b"" };
        let absent: &[u8] = match (flags.quote, log) {
            (true, _) => b"\"\"",
            (false, true) => b"-",
            (false, false) => b"",
        };
        match self.kind {
            Kind::Text(get) => {
                o.put(quote);
                o.put(get(r).as_bytes());
                o.put(quote);
            }
            Kind::Request(get) => {
                o.put(quote);
                match get(r) {
                    Some(bytes) => encoded(bytes, b"", flags.escape, o),
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
            Kind::Noted(place) => match place(r).and_then(|n| r.notes.get(n)) {
                Some(Value::Str(text)) => {
                    o.put(quote);
                    encoded(text, b"", flags.escape, o);
                    o.put(quote);
                }
                _ => o.put(absent),
            },
            Kind::Captured(side, list) => captured(r, side, list, flags, o),
        }
    }
}

fn captured(r: &Record, side: usize, list: bool, flags: Flags, o: &mut Out) {
    let places = r.captures[side];
    if places.is_empty() {
        return;
    }
    if !list {
        o.put(if flags.quote { b"\"{" } else { b"{" });
    }
    let quote = if list && flags.quote { &b"\""[..] } else { b"" };
    for (n, place) in places.iter().enumerate() {
        o.put(match (n, list) {
            (0, _) => b"",
            (_, false) => b"|",
            (_, true) => b" ",
        });
        o.put(quote);
        match r.notes.get(*place) {
            Some(Value::Str(text)) => encoded(text, b"{|}", flags.escape, o),
            _ if list && !flags.quote => o.byte(b'-'),
            _ => {}
        }
        o.put(quote);
    }
    if !list {
        o.put(if flags.quote { b"}\"" } else { b"}" });
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
    row("CC", "captured request cookie", Kind::Noted(|r| r.cookies[0])),
    row("CS", "captured response cookie", Kind::Noted(|r| r.cookies[1])),
    row("H", "host name of this machine", Kind::Text(|r| r.host_name)),
    row("HM", "method", Kind::Request(|r| part(r, 0))),
    row("HP", "target without query", Kind::Request(path)),
    row("HPO", "path without scheme, host and query", Kind::Request(path_only)),
    row("HQ", "query with its question mark", Kind::Request(query)),
    row("HU", "target of the request", Kind::Request(|r| part(r, 1))),
    row("HV", "version", Kind::Request(version)),
    row("ID", "unique id", Kind::Noted(|r| r.unique_id)),
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
    row("hr", "captured request headers", Kind::Captured(0, false)),
    row("hrl", "captured request headers as a list", Kind::Captured(0, true)),
    row("hs", "captured response headers", Kind::Captured(1, false)),
    row("hsl", "captured response headers as a list", Kind::Captured(1, true)),
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
