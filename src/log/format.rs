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
}

type Show = fn(&Record, &mut Out);

/// A row of the table of log variables.
pub struct Variable {
    pub name: &'static str,
    show: Show,
    pub doc: &'static str,
    /// A text that is quoted under `{+Q}`.
    text: bool,
    /// Always empty in this version (captures come with the rules).
    empty: bool,
    /// A number that is hexadecimal under `{+X}`.
    number: bool,
}

const fn text(name: &'static str, doc: &'static str, show: Show) -> Variable {
    Variable { name, show, doc, text: true, empty: false, number: false }
}
const fn empty(name: &'static str, doc: &'static str, show: Show) -> Variable {
    Variable { name, show, doc, text: true, empty: true, number: false }
}
const fn number(name: &'static str, doc: &'static str, show: Show) -> Variable {
    Variable { name, show, doc, text: false, empty: false, number: true }
}
const fn time(name: &'static str, doc: &'static str, show: Show) -> Variable {
    Variable { name, show, doc, text: false, empty: false, number: false }
}

/// Nothing was captured: a dash, or empty quotes.
fn dash(_: &Record, o: &mut Out) {
    o.byte(b'-');
}
fn nothing(_: &Record, _: &mut Out) {}

fn addr(a: Addr, o: &mut Out) {
    let _ = write!(o, "{a}");
}

fn part<'a>(r: &Record<'a>, n: usize) -> Option<&'a [u8]> {
    if r.request_line.is_empty() {
        return None;
    }
    r.request_line.split(|b| *b == b' ').nth(n)
}

fn line_part(r: &Record, o: &mut Out, n: usize) {
    escaped(part(r, n).unwrap_or(b"<BADREQ>"), o);
}

/// HAProxy's encoding of bytes that would break a log line: `#XX`.
fn escaped(bytes: &[u8], o: &mut Out) {
    for &b in bytes {
        if !(b' '..0x7f).contains(&b) || b"#\"{|}".contains(&b) {
            let _ = write!(o, "#{b:02X}");
        } else {
            o.byte(b);
        }
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
    number("B", "bytes from server to client", |r, o| total(r, o, r.bytes_out as i64)),
    empty("CC", "captured request cookie", dash),
    empty("CS", "captured response cookie", dash),
    text("H", "host name of this machine", |r, o| o.put(r.host_name.as_bytes())),
    text("HM", "method", |r, o| line_part(r, o, 0)),
    text("HP", "path without query", |r, o| {
        let uri = part(r, 1).unwrap_or(b"<BADREQ>");
        escaped(uri.split(|b| *b == b'?').next().unwrap_or(uri), o);
    }),
    text("HQ", "query with its question mark", |r, o| {
        let uri = part(r, 1).unwrap_or(b"");
        escaped(uri.iter().position(|b| *b == b'?').map_or(b"", |i| &uri[i..]), o);
    }),
    text("HU", "target of the request", |r, o| line_part(r, o, 1)),
    text("HV", "version", |r, o| line_part(r, o, 2)),
    empty("ID", "unique id", dash),
    number("ST", "status code", |r, o| o.int(r.status.into())),
    time("T", "date in UTC", |r, o| {
        date::civil(r.accept.0).put_log(o);
        o.put(b" +0000");
    }),
    time("TR", "time to receive the request, ms", |r, o| o.int(r.t_request.into())),
    time("Ta", "active time of the request, ms", |r, o| total(r, o, r.t_active.into())),
    time("Tc", "time to connect, ms", |r, o| o.int(r.t_connect.into())),
    time("Td", "time of data transfer, ms", |r, o| {
        let before = [r.t_request, r.t_queue, r.t_connect, r.t_response].iter().map(|t| (*t).max(0)).sum::<i32>();
        o.int((r.t_active - before).max(0).into());
    }),
    time("Th", "time of handshakes, ms", |r, o| o.int(r.t_handshake.into())),
    time("Ti", "idle time before the request, ms", |r, o| o.int(r.t_idle.into())),
    time("Tl", "date in the local zone", |r, o| {
        log_date(r, r.accept, o, false);
        o.byte(b' ');
        date::put_zone(o, r.zone, false);
    }),
    time("Tq", "Th + Ti + TR, ms", |r, o| {
        o.int(if r.t_request < 0 { -1 } else { (r.t_handshake + r.t_idle + r.t_request).into() });
    }),
    time("Tr", "time to the response's header, ms", |r, o| o.int(r.t_response.into())),
    time("Ts", "seconds since 1970", |r, o| o.int(r.accept.0)),
    time("Tt", "total time, ms", |r, o| total(r, o, r.t_total.into())),
    time("Tu", "total time as the user sees it, ms", |r, o| total(r, o, (r.t_total - r.t_idle.max(0)).max(0).into())),
    time("Tw", "time in queues, ms", |r, o| o.int(r.t_queue.into())),
    number("U", "bytes from client to server", |r, o| total(r, o, r.bytes_in as i64)),
    number("ac", "connections of the process", |r, o| o.num(r.actconn.into())),
    text("b", "backend", |r, o| o.put(r.backend.as_bytes())),
    number("bc", "connections of the backend", |r, o| o.num(r.beconn.into())),
    text("bi", "source address towards the server", |r, o| addr(r.source, o)),
    number("bp", "source port towards the server", |r, o| o.num(r.source.port().into())),
    number("bq", "sessions before this one in the backend's queue", |r, o| o.num(r.backend_queue.into())),
    text("ci", "client address", |r, o| addr(r.client, o)),
    number("cp", "client port", |r, o| o.num(r.client.port().into())),
    text("f", "frontend", |r, o| o.put(r.frontend.as_bytes())),
    number("fc", "connections of the frontend", |r, o| o.num(r.feconn.into())),
    text("fi", "address that the client connected to", |r, o| addr(r.frontend_addr, o)),
    number("fp", "port that the client connected to", |r, o| o.num(r.frontend_addr.port().into())),
    text("ft", "frontend, ~ appended for TLS", |r, o| o.put(r.frontend.as_bytes())),
    empty("hr", "captured request headers", nothing),
    empty("hrl", "captured request headers as a list", nothing),
    empty("hs", "captured response headers", nothing),
    empty("hsl", "captured response headers as a list", nothing),
    text("mode", "TCP or HTTP", |r, o| o.put(if r.http { b"HTTP" } else { b"TCP" })),
    time("ms", "milliseconds of the accept date", |r, o| o.zero_padded((r.accept.1 / 1000).into(), 3)),
    number("pid", "process id", |r, o| o.num(r.pid.into())),
    text("r", "request line", |r, o| {
        if r.request_line.is_empty() {
            o.put(b"<BADREQ>");
        } else {
            escaped(r.request_line, o);
        }
    }),
    number("rc", "retries, + when redispatched", |r, o| {
        if r.redispatched {
            o.byte(b'+');
        }
        o.num(r.retries.into());
    }),
    number("rt", "number of the request", |r, o| o.num(r.counter.into())),
    text("s", "server", |r, o| o.put(r.server.as_bytes())),
    number("sc", "connections of the server", |r, o| o.num(r.srvconn.into())),
    text("si", "server address", |r, o| addr(r.server_addr, o)),
    number("sp", "server port", |r, o| o.num(r.server_addr.port().into())),
    number("sq", "sessions before this one in the server's queue", |r, o| o.num(r.srv_queue.into())),
    text("sslc", "TLS cipher", dash),
    text("sslv", "TLS version", dash),
    time("t", "accept date with milliseconds", |r, o| log_date(r, r.accept, o, true)),
    time("tr", "date of the request with milliseconds", |r, o| log_date(r, r.request, o, true)),
    time("trg", "date of the request in UTC", |r, o| {
        date::civil(r.request.0).put_log(o);
        o.put(b" +0000");
    }),
    time("trl", "date of the request in the local zone", |r, o| {
        log_date(r, r.request, o, false);
        o.byte(b' ');
        date::put_zone(o, r.zone, false);
    }),
    time("ts", "termination state", |r, o| o.put(&r.termination[..2])),
    time("tsc", "termination state with cookie state", |r, o| o.put(&r.termination)),
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
                    'E' | ',' | ' ' => {}
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
                Item::Variable(v, flags) => {
                    let v = &VARIABLES[*v];
                    if v.empty && flags.quote {
                        out.put(if v.name.starts_with('C') || v.name == "ID" { b"\"\"" } else { b"" });
                    } else if v.text && flags.quote {
                        out.byte(b'"');
                        (v.show)(record, out);
                        out.byte(b'"');
                    } else if v.number && flags.hex {
                        hex(v, record, out);
                    } else {
                        (v.show)(record, out);
                    }
                }
            }
            if out.len() > before {
                after_space = matches!(item, Item::Space);
            }
        }
    }
}

fn hex(v: &Variable, record: &Record, out: &mut Out) {
    let mut digits = [0u8; 24];
    let mut d = Out::new(&mut digits);
    (v.show)(record, &mut d);
    match std::str::from_utf8(d.bytes()).ok().and_then(|s| s.trim_start_matches('+').parse::<u64>().ok()) {
        Some(n) => drop(write!(out, "{n:02X}")),
        None => out.put(d.bytes()),
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
        assert_eq!(show("%{+X}ac %{+X,+Q}s %% %HP|%HQ", &r), "1A \"s1\" % /a#22b|");
        assert_eq!(Format::compile("a %zz").err().map(|e| e.0), Some(2));
        assert!(Format::compile("%{+Z}s").is_err() && Format::compile("%[src]").is_err());
    }

    #[test]
    fn the_table_is_sorted_and_documented() {
        assert!(VARIABLES.iter().all(|v| !v.doc.is_empty()));
        assert!(VARIABLES.windows(2).all(|w| w[0].name < w[1].name));
    }
}
