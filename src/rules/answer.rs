//! Actions that answer the client themselves: deny, tarpit, auth, redirect, return.
//!
//! The answer is written as for a connection that is closed after it, like a file of `errorfile`: whoever sends it takes that out when
//! the connection stays.

use super::flow::format;
use super::message::field_name;
use super::{Action, ActionRow, Family, Parts, Reply, Stage, Verdict, row};
use crate::format::{Format, Use};
use crate::http::{FILE_HINT, STATUSES, from_file, is_ours, standard_page};
use crate::sample::Compiler;
use crate::util::ManualText;
use crate::util::fmt::Out;
use crate::util::words::{Args, Fault, Word};
use std::fmt::Write;

const REQUEST: u32 = Family::HttpRequest.bit();
/// Those that refuse, also the statistics page.
const REFUSE: u32 = REQUEST | Family::Statistics.bit();
const ANY: u32 = REQUEST | Family::Block.bit() | Family::HttpResponse.bit();

enum Content {
    /// The usual page for the status.
    Usual,
    Nothing,
    /// A whole answer as it is in a file (`errorfile`).
    Whole(Box<[u8]>),
    Text(Box<[u8]>),
    Format(Format),
}

/// A field, by name and value.
type Field = (Box<[u8]>, Format);

/// What is answered.
struct Answer {
    status: u16,
    content: Content,
    content_type: Option<Box<[u8]>>,
    fields: Vec<Field>,
    denies: bool,
    tarpit: bool,
}

impl Action for Answer {
    fn run(&self, stage: &mut Stage) -> Verdict {
        let usual = matches!(self.content, Content::Usual) && self.fields.is_empty();
        let reply = if usual {
            Reply { status: self.status, len: None, denies: self.denies }
        } else {
            let len = self.write(stage);
            reply(stage, self.status, len, self.denies)
        };
        if self.tarpit { Verdict::Tarpit(reply) } else { Verdict::Reply(reply) }
    }

    fn parts(&self) -> Parts<'_> {
        let mut formats: Vec<&Format> = self.fields.iter().map(|f| &f.1).collect();
        if let Content::Format(f) = &self.content {
            formats.push(f);
        }
        Parts { formats, ..Parts::default() }
    }
}

/// An answer of this length; one that does not fit a buffer becomes an error of ours, which is prepared.
fn reply(stage: &Stage, status: u16, len: Option<usize>, denies: bool) -> Reply {
    match len.filter(|n| *n <= stage.setting.config.global.tune.bufsize as usize) {
        Some(len) => Reply { status, len: Some(len), denies },
        None => Reply { status: 500, len: None, denies },
    }
}

/// Statuses of responses without a body (RFC 9110 section 6.4.1).
fn is_bodiless(status: u16) -> bool {
    matches!(status, 204 | 304)
}

impl Answer {
    fn write(&self, stage: &mut Stage) -> Option<usize> {
        if let Content::Whole(bytes) = &self.content {
            stage.out.get_mut(..bytes.len())?.copy_from_slice(bytes);
            return Some(bytes.len());
        }
        let put = |stage: &mut Stage, at: usize, write: &dyn Fn(&mut Out)| {
            let mut out = Out::new(&mut stage.out[at..]);
            write(&mut out);
            (!out.overflow()).then(|| at + out.len())
        };
        let mut at = put(stage, 0, &|o| {
            let _ = write!(o, "HTTP/1.1 {} {}\r\n", self.status, crate::http::reason(self.status));
        })?;
        for (name, value) in &self.fields {
            let value_at = put(stage, at, &|o| {
                o.put(name);
                o.put(b": ");
            })?;
            let end = stage.format(value_at, value)?;
            // Without a value there is no field.
            if end > value_at {
                at = put(stage, end, &|o| o.put(b"\r\n"))?;
            }
        }
        // The length stands before the body and is known after it: room for the largest one, which is closed up.
        const DIGITS: usize = "4294967295".len();
        let length_at = at + "content-length: ".len();
        if is_bodiless(self.status) {
            return put(stage, at, &|o| o.put(b"connection: close\r\n\r\n"));
        }
        at = put(stage, at, &|o| {
            let _ = write!(o, "content-length: {:DIGITS$}\r\n", 0);
            if !matches!(self.content, Content::Nothing) {
                o.put(b"content-type: ");
                o.put(self.content_type.as_deref().unwrap_or(b"text/html"));
                o.put(b"\r\n");
            }
            o.put(if matches!(self.content, Content::Usual) { b"cache-control: no-cache\r\n" } else { b"" });
            o.put(b"connection: close\r\n\r\n");
        })?;
        let body = at;
        at = match &self.content {
            Content::Format(f) => stage.format(at, f)?,
            Content::Text(text) => put(stage, at, &|o| o.put(text))?,
            Content::Nothing => at,
            _ => put(stage, at, &|o| standard_page(o, self.status))?,
        };
        let rest = put(stage, length_at, &|o| o.num((at - body) as u64))?;
        stage.out.copy_within(length_at + DIGITS..at, rest);
        Some(at + rest - length_at - DIGITS)
    }
}

fn read(cc: &mut Compiler, word: &Word) -> Result<Vec<u8>, Fault> {
    cc.pos = word.pos;
    std::fs::read(&word.text).map_err(|e| cc.fault(format!("cannot read '{}': {e}", word.text)))
}

/// Reads a file that is an answer's body.
fn read_body(cc: &mut Compiler, word: &Word) -> Result<Vec<u8>, Fault> {
    let bytes = read(cc, word)?;
    check_size(cc, word, &bytes)?;
    Ok(bytes)
}

/// Reads a file that is a whole answer.
fn read_whole(cc: &mut Compiler, word: &Word) -> Result<Vec<u8>, Fault> {
    let bytes = from_file(&read(cc, word)?, cc.config.global.tune.maxhdr as usize)
        .map_err(|(line, why)| cc.fault(format!("'{}', line {line}: {why}", word.text)).hint(FILE_HINT))?;
    check_size(cc, word, &bytes)?;
    Ok(bytes)
}

/// An answer has to fit a buffer.
fn check_size(cc: &mut Compiler, word: &Word, bytes: &[u8]) -> Result<(), Fault> {
    let tune = &cc.config.global.tune;
    let (len, size) = (bytes.len(), tune.bufsize as usize);
    if len > size {
        let fault = cc.fault(format!("'{}' does not fit a buffer: it has {len} bytes of {size}", word.text));
        return Err(fault.hint("'tune.bufsize' makes buffers larger"));
    }
    if len > size - tune.maxrewrite as usize {
        let message =
            format!("'{}' leaves little room for header fields: without enough the answer is a 500", word.text);
        cc.warnings.push((word.pos, message));
    }
    Ok(())
}

/// `hdr`: none for a field that is written by us, or by `content-type`.
fn own_field(cc: &mut Compiler, args: &mut Args) -> Result<Option<Field>, Fault> {
    let pos = args.pos();
    let name = field_name(args)?;
    let value = format(cc, args, "a format")?;
    if is_ours(name.as_bytes()) || name.eq_ignore_ascii_case("content-type") {
        cc.warnings
            .push((pos, format!("'hdr {name}' has no effect: the answer has a field of this name, or needs none")));
        return Ok(None);
    }
    Ok(Some((name.into_bytes().into(), value)))
}

/// `[status <code>] [content-type <type>] [errorfile|file|lf-file|string|lf-string ...] [hdr <name> <format>]*`
fn answer(cc: &mut Compiler, args: &mut Args, usual: u16, denies: bool) -> Result<Answer, Fault> {
    let mut a = Answer {
        status: usual,
        content: if denies { Content::Usual } else { Content::Nothing },
        content_type: None,
        fields: Vec::new(),
        denies,
        tarpit: false,
    };
    let mut status_at = args.pos();
    while let Some(option) = args.peek().filter(|t| !matches!(*t, "if" | "unless")) {
        let pos = args.next().map(|w| w.pos).unwrap_or_default();
        match option {
            "status" | "deny_status" => {
                let word = args.need("a status")?;
                let code = word.text.parse().ok().filter(|n| (200..=599).contains(n));
                let wrong = || Fault::new(word.pos, format!("'{}' is not a status from 200 to 599", word.text));
                (a.status, status_at) = (code.ok_or_else(wrong)?, word.pos);
            }
            "content-type" => {
                let word = args.need("a type")?;
                if word.text.contains(|c: char| c.is_ascii_control()) {
                    return Err(Fault::new(word.pos, "a type has no control characters"));
                }
                a.content_type = Some(word.text.as_bytes().into());
            }
            "default-errorfiles" => a.content = Content::Usual,
            "errorfile" => a.content = Content::Whole(read_whole(cc, args.need("a file")?)?.into()),
            "file" => a.content = Content::Text(read_body(cc, args.need("a file")?)?.into()),
            "string" => a.content = Content::Text(args.need("a text")?.text.as_bytes().into()),
            "lf-string" => a.content = Content::Format(format(cc, args, "a format")?),
            "lf-file" => {
                let word = args.need("a file")?;
                let text = String::from_utf8_lossy(&read_body(cc, word)?).into_owned();
                let compiled = Format::compile(cc, &text, Use::Message);
                a.content = Content::Format(compiled.map_err(|t| cc.fault(format!("'{}': {}", word.text, t.message)))?);
            }
            "hdr" => a.fields.extend(own_field(cc, args)?),
            other => {
                let fault = Fault::new(pos, format!("'{}' does not know '{other}'", args.name));
                return Err(fault.hint(
                    "status, content-type, errorfile, file, lf-file, string, lf-string, hdr and default-errorfiles are known; \
                     conditions begin with 'if' or 'unless'",
                ));
            }
        }
    }
    // Fields alone have no page, nor have statuses without one.
    let page = STATUSES.iter().any(|s| s.0 == a.status) && a.fields.is_empty();
    if matches!(a.content, Content::Usual) && !page {
        a.content = Content::Nothing;
    }
    let body = matches!(a.content, Content::Text(_) | Content::Format(_));
    if body && is_bodiless(a.status) {
        let fault = Fault::new(status_at, format!("a response with status {} has no body", a.status));
        return Err(fault.hint("leave the content out, or choose another status"));
    }
    if body && a.content_type.is_none() && !denies {
        return Err(cc.fault("an answer with a body needs a 'content-type'"));
    }
    Ok(a)
}

/// `auth`: asks for a name and a password.
fn auth(cc: &mut Compiler, args: &mut Args) -> Result<Box<dyn Action>, Fault> {
    let usual = if args.name.starts_with("stats ") { "HAProxy Statistics" } else { &cc.own().name };
    let realm = if args.accept("realm") { args.need("a text")?.text.clone() } else { usual.to_owned() };
    let text = format!("Basic realm=\"{}\"", realm.replace('%', "%%"));
    let value = Format::compile(cc, &text, Use::Message).map_err(|t| cc.fault(t.message))?;
    let fields = vec![(b"WWW-Authenticate"[..].into(), value)];
    Ok(Box::new(Answer {
        status: 401,
        content: Content::Usual,
        content_type: None,
        fields,
        denies: false,
        tarpit: false,
    }))
}

/// `early-hint`: a field of the response 103 that goes out at once.
struct EarlyHint(Box<[u8]>, Format);

impl Action for EarlyHint {
    fn run(&self, stage: &mut Stage) -> Verdict {
        let len = stage.format(0, &self.1);
        let before = stage.hints.len();
        let (hints, value) = (&mut stage.hints, &stage.out[..len.unwrap_or(0)]);
        hints.put(&self.0);
        hints.put(b": ");
        // Nothing may end a field but its end.
        value.iter().for_each(|b| hints.byte(if matches!(b, b'\r' | b'\n' | 0) { b' ' } else { *b }));
        hints.put(b"\r\n");
        if len.is_some() && !hints.overflow() {
            return Verdict::Continue;
        }
        hints.truncate(before);
        stage.verdict(false)
    }

    fn parts(&self) -> Parts<'_> {
        Parts { formats: vec![&self.1], hints: true, ..Parts::default() }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    Location,
    Prefix,
    Scheme,
}

/// `redirect`
struct Redirect {
    to: To,
    format: Format,
    code: u16,
    drop_query: bool,
    append_slash: bool,
    ignore_empty: bool,
    /// The value of `Set-Cookie`.
    cookie: Option<Box<[u8]>>,
}

impl Action for Redirect {
    fn run(&self, stage: &mut Stage) -> Verdict {
        let Some(len) = stage.format(0, &self.format) else {
            return Verdict::Reply(reply(stage, self.code, None, false));
        };
        if len == 0 && self.ignore_empty {
            return Verdict::Continue;
        }
        let len = self.write(stage, len);
        Verdict::Reply(reply(stage, self.code, len, false))
    }

    fn parts(&self) -> Parts<'_> {
        Parts { formats: vec![&self.format], ..Parts::default() }
    }
}

impl Redirect {
    /// Writes the answer behind the text of the format, then moves it to the front.
    fn write(&self, stage: &mut Stage, given: usize) -> Option<usize> {
        let (text, space) = stage.out.split_at_mut(given);
        let mut out = Out::new(space);
        let _ = write!(out, "HTTP/1.1 {} {}\r\n", self.code, crate::http::reason(self.code));
        out.put(b"connection: close\r\ncontent-length: 0\r\nlocation: ");
        if self.to == To::Scheme {
            out.put(text);
            out.put(b"://");
            let host = stage.head.as_ref().and_then(|h| h.index.fields_named(h.text, b"host").next());
            out.put(host.unwrap_or_default());
        } else {
            out.put(text);
        }
        if self.to != To::Location
            && let Some(head) = &stage.head
        {
            let (_, path, query) = head.target();
            let path = if path.starts_with(b"/") { path } else { b"/" };
            // "/" as a prefix means: the path itself.
            let path =
                if text == b"/" && self.to == To::Prefix { path.strip_prefix(b"/").unwrap_or(path) } else { path };
            out.put(path);
            if self.append_slash && (self.drop_query || query.is_empty()) && !out.bytes().ends_with(b"/") {
                out.byte(b'/');
            }
            if !self.drop_query {
                out.put(query);
            }
        }
        out.put(b"\r\n");
        if matches!(self.code, 302 | 303 | 307) {
            out.put(b"cache-control: no-cache\r\n");
        }
        if let Some(cookie) = &self.cookie {
            out.put(b"set-cookie: ");
            out.put(cookie);
            out.put(b"\r\n");
        }
        out.put(b"\r\n");
        let (len, cut) = (out.len(), out.overflow());
        stage.out.copy_within(given..given + len, 0);
        (!cut).then_some(len)
    }
}

/// Where a redirect leads: the directive `redirect` takes it as it is written, a rule as a format.
fn place(cc: &mut Compiler, args: &mut Args, what: &str) -> Result<Format, Fault> {
    if args.name != "redirect" {
        return format(cc, args, what);
    }
    let word = args.need(what)?;
    Format::compile(cc, &word.text.replace('%', "%%"), Use::Message).map_err(|t| Fault::new(word.pos, t.message))
}

fn redirect(cc: &mut Compiler, args: &mut Args) -> Result<Box<dyn Action>, Fault> {
    let (mut to, mut code, mut drop_query, mut append_slash) = (None, 302, false, false);
    let (mut ignore_empty, mut cookie) = (false, None);
    let start = args.pos();
    while let Some(option) = args.peek().filter(|t| !matches!(*t, "if" | "unless")) {
        let pos = args.next().map(|w| w.pos).unwrap_or_default();
        match option {
            "location" => to = Some((To::Location, place(cc, args, "a location")?)),
            "prefix" => to = Some((To::Prefix, place(cc, args, "a prefix")?)),
            "scheme" => to = Some((To::Scheme, place(cc, args, "a scheme")?)),
            "code" => {
                let word = args.need("a code")?;
                let known = [301, 302, 303, 307, 308];
                let found = word.text.parse().ok().filter(|n| known.contains(n));
                let wrong = || Fault::new(word.pos, format!("'{}' is none of 301, 302, 303, 307, 308", word.text));
                code = found.ok_or_else(wrong)?;
            }
            "drop-query" => drop_query = true,
            "append-slash" => append_slash = true,
            "ignore-empty" => ignore_empty = true,
            "set-cookie" => {
                let text = &args.need("a cookie")?.text;
                cookie = Some(format!("{text}; path=/;").into_bytes().into());
            }
            "clear-cookie" => {
                let text = &args.need("a cookie")?.text;
                cookie = Some(format!("{text}; path=/; Max-Age=0;").into_bytes().into());
            }
            other => {
                let fault = Fault::new(pos, format!("'{}' does not know '{other}'", args.name));
                return Err(fault.hint(
                    "location, prefix, scheme, code, drop-query, append-slash, ignore-empty, set-cookie and clear-cookie are known; \
                     conditions begin with 'if' or 'unless'",
                ));
            }
        }
    }
    let Some((to, format)) = to else {
        return Err(Fault::new(start, "a redirect needs a 'location', a 'prefix' or a 'scheme'"));
    };
    if cc.response && to != To::Location {
        return Err(Fault::new(start, "a response has no path: its redirect needs a 'location'"));
    }
    Ok(Box::new(Redirect { to, format, code, drop_query, append_slash, ignore_empty, cookie }))
}

/// What `<answer>` stands for, for the manual.
pub const ANSWER: ManualText = ManualText::new(
    "`<answer>` is `[content-type <type>] [<content>] [hdr <name> <format>]...`, and `<content>` one of these; of several the last one \
     holds:\n\n\
     - `string <text>`, `file <file>`: the body, as it is\n\
     - `lf-string <format>`, `lf-file <file>`: the body, a format\n\
     - `errorfile <file>`: the whole answer, with its head, which no `hdr` changes\n\
     - `default-errorfiles`: the usual answer for the status (`errorfile` of the proxy, or a page of our own); what `deny` and \
     `tarpit` do by themselves where there is no `hdr`\n\n\
     Without content the body is empty. `content-type` is needed for the body of `return`; elsewhere it is `text/html`. `hdr` adds a \
     field. `errorfiles <section>` is not built.",
);

/// Sorted by name.
pub static TABLE: &[ActionRow] = &[
    row("auth", "[realm <text>]", REFUSE, "1.4", "Asks for a name and a password.", auth),
    row(
        "deny",
        "[status <code>] [<answer>]",
        ANY | REFUSE,
        "1.3",
        "Refuses the message; status 403, or 502 for a response.",
        |cc, a| {
            let status = if cc.response { 502 } else { 403 };
            Ok(Box::new(answer(cc, a, status, true)?))
        },
    ),
    row(
        "early-hint",
        "<name> <format>",
        REQUEST,
        "1.9",
        "A field of a response 103 that goes before the final one; not to clients of HTTP/1.0.",
        |cc, a| Ok(Box::new(EarlyHint(field_name(a)?.into_bytes().into(), format(cc, a, "a format")?))),
    ),
    row(
        "redirect",
        "{ location | prefix | scheme } <format> [code <code>] [<option>]...",
        ANY | Family::Redirect.bit(),
        "1.3",
        "Sends the client elsewhere; status 302 if no code is given. Its options are those of `redirect option`.",
        redirect,
    ),
    row("return", "[status <code>] [<answer>]", ANY, "2.2", "Answers the request; status 200.", |cc, a| {
        Ok(Box::new(answer(cc, a, 200, false)?))
    }),
    row(
        "tarpit",
        "[status <code>] [<answer>]",
        REQUEST,
        "1.3",
        "Refuses the request after `timeout tarpit`; status 500.",
        |cc, a| Ok(Box::new(Answer { tarpit: true, ..answer(cc, a, 500, true)? })),
    ),
];
