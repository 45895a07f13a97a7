//! `log-format` and the formats of rules: a text compiled to a list of texts, variables and samples (manual 8.2.4).

mod lines;
mod variables;

pub use lines::Lines;
pub use variables::{Record, VARIABLES, Variable};

use crate::pattern::{Regex, RegexCache, Value};
use crate::sample::{Compiler, Expr, Scene, Tools, needs};
use crate::util::fmt::Out;
use crate::util::scratch::Scratch;
use crate::util::words::{Reason, closing};
use std::fmt::Write;
use variables::Flags;

/// `option tcplog`
pub const TCP_LOG: &str = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq";
/// `option httplog`
pub const HTTP_LOG: &str =
    "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r";
/// `option httplog clf`
pub const CLF_LOG: &str = "%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc %ac %fc \
                           %bc %sc %rc %sq %bq %CC %CS %hrl %hsl";
/// `option httpslog`: that of `option httplog`, and what TLS has to say. There is none yet, so that this is the line of a plain
/// connection in HAProxy: no error of the connection, no handshake, no certificate, nothing resumed.
pub const HTTPS_LOG: &str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs \
                             %{+Q}r 0/-/-/-/0 -/%sslv/%sslc";
/// Without any log option.
pub const CONNECT_LOG: &str = "Connect from %ci:%cp to %fi:%fp (%f/%mode)";

enum Item {
    Text(String),
    /// In a line of a log, where what shows nothing leaves no double space.
    Space,
    Variable(usize, Flags),
    Sample(Box<Expr>, Flags),
}

/// What a format is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Use {
    /// A line of a log: what would break it is encoded, what is not there is `-`.
    #[default]
    Log,
    /// A part of a message: bytes as they are, what is not there is nothing.
    Message,
    /// The same, but blanks are as in a log: none at the beginning, and several are one.
    Id,
}

/// With the longest name that it begins with, after which a text cannot follow at once, or that '%' itself was meant.
fn unknown_variable(name: &str) -> Trouble {
    let known = (1..name.len()).rev().map(|n| &name[..n]).find(|n| VARIABLES.iter().any(|v| v.name == *n));
    let hint = match known {
        Some(known) => {
            format!("a text after '%{known}' begins with neither letter nor digit; '%%' is the character '%'")
        }
        None => "'%%' is the character '%'".into(),
    };
    Trouble { at: 0, message: format!("unknown variable '%{name}'"), hint: Some(hint) }
}

/// A compiled format.
#[derive(Default)]
pub struct Format {
    items: Vec<Item>,
    of: Use,
    /// What it looks at ([`crate::sample::needs`]).
    pub needs: u32,
}

/// Why a format cannot be compiled: where, what, and perhaps what was meant.
#[derive(Debug)]
pub struct Trouble {
    /// Bytes before it.
    pub at: usize,
    pub message: String,
    pub hint: Option<String>,
}

impl Format {
    /// Compiles a format.
    pub fn compile(cc: &mut Compiler, format: &str, of: Use) -> Result<Format, Trouble> {
        let (items, needs) = cc.needing(|cc| Self::items(cc, format, of));
        Ok(Format { items: items?, of, needs })
    }

    fn items(cc: &mut Compiler, format: &str, of: Use) -> Result<Vec<Item>, Trouble> {
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
                ' ' if of == Use::Message => literal.push(c),
                ' ' | '%' => {
                    if !literal.is_empty() {
                        items.push(Item::Text(std::mem::take(&mut literal)));
                    }
                    if c == ' ' {
                        items.push(Item::Space);
                    } else if let Some(item) = Self::item(cc, &mut rest, &mut base).map_err(|t| Trouble { at, ..t })? {
                        // A log asks at the end, when the connection may be gone.
                        if of != Use::Log
                            && matches!(item, Item::Variable(v, _) if matches!(VARIABLES[v].name, "bi" | "bp"))
                        {
                            cc.needs |= needs::SOURCE;
                        }
                        items.push(item);
                    }
                }
                c => literal.push(c),
            }
        }
        if !literal.is_empty() {
            items.push(Item::Text(literal));
        }
        Ok(items)
    }

    fn item(cc: &mut Compiler, rest: &mut &str, base: &mut Flags) -> Result<Option<Item>, Trouble> {
        let wrong = |message: String| Trouble { at: 0, message, hint: None };
        let mut flags = *base;
        if let Some(inner) = rest.strip_prefix('{') {
            let (spec, after) = inner.split_once('}').ok_or_else(|| wrong("'{' without '}'".into()))?;
            let mut on = true;
            for c in spec.chars() {
                match c {
                    '+' => on = true,
                    '-' => on = false,
                    'Q' => flags.quote = on,
                    'X' => flags.hex = on,
                    'E' => flags.escape = on,
                    ',' | ' ' => {}
                    c => return Err(wrong(format!("unknown flag '{c}' (Q, X and E are known)"))),
                }
            }
            *rest = after;
        }
        if let Some(inner) = rest.strip_prefix('[') {
            let end = closing(inner, ']').ok_or_else(|| wrong("'[' without ']'".into()))?;
            let (text, after) = (&inner[..end], &inner[end + 1..]);
            *rest = after;
            let compiled = Expr::compile(cc, text.trim());
            let expr = compiled.map_err(|fault| {
                let Reason { message, hint, .. } = fault.into_reason();
                Trouble { at: 0, message, hint }
            })?;
            return Ok(Some(Item::Sample(Box::new(expr), flags)));
        }
        // A name ends where letters and digits end.
        let len = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (name, after) = rest.split_at(len);
        *rest = after;
        if name == "o" {
            *base = flags;
            return Ok(None);
        }
        if matches!(name, "fi" | "fp") {
            cc.needs |= needs::DESTINATION;
        }
        match VARIABLES.binary_search_by(|v| v.name.cmp(name)) {
            Ok(v) => Ok(Some(Item::Variable(v, flags))),
            Err(_) => Err(unknown_variable(name)),
        }
    }

    /// Its variables.
    pub fn variables(&self) -> impl Iterator<Item = &'static Variable> {
        self.items.iter().filter_map(|i| if let Item::Variable(v, _) = i { Some(&VARIABLES[*v]) } else { None })
    }

    /// Its samples.
    pub fn exprs(&self) -> impl Iterator<Item = &Expr> {
        self.items.iter().filter_map(|i| if let Item::Sample(expr, _) = i { Some(&**expr) } else { None })
    }

    /// Adds the regular expressions in its samples.
    pub fn regexes<'a>(&'a self, all: &mut Vec<&'a Regex>) {
        for item in &self.items {
            if let Item::Sample(expr, _) = item {
                expr.regexes(all);
            }
        }
    }

    /// All that it shows, when that is always the same.
    #[inline]
    pub fn constant(&self) -> Option<&[u8]> {
        match &self.items[..] {
            [] => Some(b""),
            [Item::Text(text)] => Some(text.as_bytes()),
            _ => None,
        }
    }

    /// Makes blanks of what would end a line in its texts; what samples give never does.
    pub fn join_lines(&mut self) {
        for item in &mut self.items {
            if let Item::Text(text) = item {
                *text = text.replace(['\r', '\n', '\0'], " ");
            }
        }
    }

    /// True when there is no variable in it: a record is not needed.
    pub fn is_plain(&self) -> bool {
        !self.items.iter().any(|i| matches!(i, Item::Variable(..)))
    }

    /// True when all that it shows is known once it is known where the session goes: its line need not wait for the end.
    pub fn known_at_start(&self) -> bool {
        const KNOWN: [&str; 19] = [
            "H", "T", "Tl", "Ts", "ci", "cp", "f", "fi", "fp", "ft", "lc", "mode", "ms", "pid", "rt", "t", "tr", "trg",
            "trl",
        ];
        self.items.iter().all(|i| match i {
            Item::Variable(v, _) => KNOWN.contains(&VARIABLES[*v].name),
            Item::Text(_) | Item::Space => true,
            Item::Sample(..) => false,
        })
    }

    /// True when one of these variables occurs.
    pub fn shows(&self, names: &[&str]) -> bool {
        self.items.iter().any(|i| matches!(i, Item::Variable(v, _) if names.contains(&VARIABLES[*v].name)))
    }

    /// Writes a line; `space` is for the samples in it.
    pub fn write(&self, record: &Record, scene: &Scene, space: &mut [u8], regexes: &mut RegexCache, out: &mut Out) {
        let mut after_space = true;
        for item in &self.items {
            let before = out.len();
            match item {
                Item::Text(t) => out.put(t.as_bytes()),
                Item::Space if after_space => continue,
                Item::Space => out.byte(b' '),
                Item::Variable(v, flags) => VARIABLES[*v].show(record, *flags, self.of == Use::Log, out),
                Item::Sample(expr, flags) => {
                    let mut tools = Tools { scratch: Scratch::new(space), regexes };
                    self.sample(expr.now(scene, &mut tools), *flags, &mut tools, out);
                    after_space = false;
                }
            }
            if out.len() > before {
                after_space = matches!(item, Item::Space);
            }
        }
    }

    fn sample<'a>(&self, value: Option<Value<'a>>, flags: Flags, tools: &mut Tools<'a, '_>, out: &mut Out) {
        let text = value.and_then(|v| v.text(&mut tools.scratch)).unwrap_or_default();
        if text.is_empty() && self.of == Use::Log && !flags.quote {
            return out.byte(b'-');
        }
        let quote = if flags.quote && self.of == Use::Log { &b"\""[..] } else { b"" };
        out.put(quote);
        match self.of {
            Use::Log => sampled(text, flags.escape, out),
            // No value ends a field.
            Use::Message | Use::Id => {
                let mut rest = text;
                while let Some(at) = rest.iter().position(ends_line) {
                    out.put(&rest[..at]);
                    let _ = write!(out, "%{:02X}", rest[at]);
                    rest = &rest[at + 1..];
                }
                out.put(rest);
            }
        }
        out.put(quote);
    }
}

/// True for bytes that no value may bring into a line. A tab belongs to what a field may say (RFC 9110 section 5.5).
fn ends_line(b: &u8) -> bool {
    b.is_ascii_control() && *b != b'\t'
}

/// Writes a sample's value into a line: `#XX` for what would end the line, all else as the expression made it (JSON, for one).
fn sampled(text: &[u8], escape: bool, out: &mut Out) {
    for b in text {
        match b {
            b'"' | b']' | b'\\' if escape => out.put(&[b'\\', *b]),
            b if ends_line(b) => drop(write!(out, "#{b:02X}")),
            _ => out.byte(*b),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Config;
    use crate::sample::{Flow, Outside, quiet};
    use crate::sys::Addr;

    fn compile(format: &str) -> Result<Format, Trouble> {
        Format::compile(&mut Compiler::new(&Config::default(), Outside::NOTHING), format, Use::Log)
    }

    fn show(format: &str, r: &Record) -> String {
        let mut b = [0; 1024];
        let mut o = Out::new(&mut b);
        let (config, flow, mut space) = (Config::default(), Flow::default(), [0; 256]);
        let format = compile(format).unwrap();
        let mut all = Vec::new();
        format.regexes(&mut all);
        let mut regexes = RegexCache::new(all.into_iter());
        format.write(r, &quiet::scene(&quiet::setting(&config), &flow), &mut space, &mut regexes, &mut o);
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
        assert_eq!(compile("a %zz").err().map(|e| e.at), Some(2));
        assert!(["%foo", "%Tqms", "%b1", "%{+Q}bb", "%oo"].iter().all(|f| compile(f).is_err()));
        assert_eq!(show("%b_x%s-%Tr.5", &r), "be_xs1-3.5");
        assert!(compile("%{+Z}s").is_err() && compile("%[srx]").is_err() && compile("%[src").is_err());
    }

    #[test]
    fn samples() {
        let r = record();
        assert_eq!(
            show("%[str(a\\\"b)] %{+Q}[str(x]y),upper] %{+X}[int(255)] %[src]|%{+Q}[src]|%[int(1),add(2)]", &r),
            "a\"b \"X]Y\" 255 -|\"\"|3"
        );
    }

    #[test]
    fn the_table_is_sorted_and_documented() {
        assert!(VARIABLES.iter().all(|v| !v.doc.is_empty()));
        assert!(VARIABLES.windows(2).all(|w| w[0].name < w[1].name));
    }
}
