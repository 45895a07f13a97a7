//! Actions that change a message: its first line and its fields.

use super::flow::{MESSAGE, format};
use super::{Action, ActionRow, Family, Parts, Stage, Verdict, row};
use crate::format::Format;
use crate::http::{Refused, is_ours, members};
use crate::pattern::{Method, Regex, RegexCache, Set, Value, expand};
use crate::sample::Compiler;
use crate::util::fmt::Out;
use crate::util::scratch::Scratch;
use crate::util::words::{Args, Fault, Pos};

const REQUEST: u32 = Family::HttpRequest.bit();
const RESPONSE: u32 = Family::HttpResponse.bit() | Family::AfterResponse.bit();

/// What a format's text is written to.
type Put = fn(&mut Stage, usize) -> Result<(), Refused>;

/// Changes a part of the message to what a format gives.
struct Change {
    format: Format,
    put: Put,
}

impl Action for Change {
    fn run(&self, stage: &mut Stage) -> Verdict {
        let done = stage.format(0, &self.format).is_some_and(|len| (self.put)(stage, len).is_ok());
        stage.verdict(done)
    }

    fn parts(&self) -> Parts<'_> {
        Parts { formats: vec![&self.format], ..Parts::default() }
    }
}

fn change(cc: &mut Compiler, args: &mut Args, put: Put) -> Result<Box<dyn Action>, Fault> {
    Ok(Box::new(Change { format: format(cc, args, "a format")?, put }))
}

/// The name of a field, checked.
pub fn field_name(args: &mut Args) -> Result<String, Fault> {
    let word = args.need("the name of a header field")?;
    if !word.text.bytes().all(crate::http::is_token) {
        return Err(Fault::new(word.pos, format!("'{}' cannot be the name of a header field", word.text)));
    }
    Ok(word.text.clone())
}

/// `add-header`, `set-header`
struct AddField {
    /// The name, a colon and a space.
    begin: Box<[u8]>,
    format: Format,
    /// Fields of that name stay.
    others: bool,
}

impl Action for AddField {
    fn run(&self, stage: &mut Stage) -> Verdict {
        let done = stage.add_field(&self.begin, &self.format, self.others).is_ok();
        stage.verdict(done)
    }

    fn parts(&self) -> Parts<'_> {
        Parts { formats: vec![&self.format], ..Parts::default() }
    }
}

/// `Connection: close` in a response.
struct EndClient;

impl Action for EndClient {
    fn run(&self, stage: &mut Stage) -> Verdict {
        stage.effects.ends_client = true;
        Verdict::Continue
    }
}

/// Says that a field of ours stays as it is.
fn warn_of_ours(cc: &mut Compiler, pos: Pos, action: &str, name: &str) {
    let message =
        format!("'{action} {name}' has no effect: what frames a message or ends its connection is written anew");
    cc.warnings.push((pos, message));
}

fn add_field(cc: &mut Compiler, args: &mut Args, others: bool) -> Result<Box<dyn Action>, Fault> {
    let pos = args.pos();
    let name = field_name(args)?;
    let mut format = format(cc, args, "a format")?;
    if is_ours(name.as_bytes()) {
        let closes = |value: &[u8]| members(value).any(|m| m.eq_ignore_ascii_case(b"close"));
        if cc.response && name.eq_ignore_ascii_case("connection") && format.constant().is_some_and(closes) {
            return Ok(Box::new(EndClient));
        }
        warn_of_ours(cc, pos, &args.name, &name);
        return Ok(Box::new(Change { format, put: |_, _| Ok(()) }));
    }
    format.join_lines();
    Ok(Box::new(AddField { begin: format!("{name}: ").into_bytes().into(), format, others }))
}

/// `del-header`
enum Delete {
    Named(Box<[u8]>),
    Matching(Set),
}

impl Action for Delete {
    fn run(&self, stage: &mut Stage) -> Verdict {
        let Stage { head: Some(head), space, regexes, .. } = stage else { return Verdict::Continue };
        match self {
            Delete::Named(name) => head.remove(|n| n.eq_ignore_ascii_case(name)),
            Delete::Matching(set) => head.remove(|n| {
                let mut scratch = Scratch::new(space);
                set.holds(Value::Str(n), &mut scratch, regexes)
            }),
        }
        Verdict::Continue
    }

    fn parts(&self) -> Parts<'_> {
        let regexes = if let Delete::Matching(set) = self { set.regexes().iter().collect() } else { Vec::new() };
        Parts { regexes, ..Parts::default() }
    }
}

fn delete(cc: &mut Compiler, args: &mut Args) -> Result<Box<dyn Action>, Fault> {
    let name = args.need("the name of a header field")?.clone();
    if !args.accept("-m") {
        if is_ours(name.text.as_bytes()) {
            warn_of_ours(cc, name.pos, &args.name, &name.text);
        }
        return Ok(Box::new(Delete::Named(name.text.as_bytes().into())));
    }
    let word = args.need("a method of comparison")?;
    cc.pos = word.pos;
    let methods = ["beg", "end", "reg", "str", "sub"];
    let Some(method) = Method::named(&word.text).filter(|_| methods.contains(&&*word.text)) else {
        return Err(cc.fault(format!("'{}' is no method here", word.text)).hint("str, beg, end, sub and reg are"));
    };
    cc.pos = name.pos;
    let set = Set::new(method, true, std::iter::once(&*name.text)).map_err(|e| {
        cc.pos = e.at.map_or(name.pos, |at| name.pos.within(&name.text, at));
        cc.fault(e.why)
    })?;
    Ok(Box::new(Delete::Matching(set)))
}

/// What of the message a regular expression is held against.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// A whole field.
    Field,
    /// Each member of a field that is a list.
    Member,
    Path,
    PathAndQuery,
    Uri,
}

/// `replace-*`: a part that matches becomes what a format gives, with `\1` for the groups.
struct Replace {
    part: Part,
    name: Box<[u8]>,
    regex: Regex,
    format: Format,
}

impl Replace {
    /// Writes what `text` becomes when it matches: all of it, as the format says. False: it stays.
    fn one(regex: &Regex, regexes: &mut RegexCache, text: &[u8], format: &[u8], out: &mut Out) -> bool {
        match regex.captures(regexes, text, 0) {
            Some(found) => {
                expand(out, format, text, &found);
                true
            }
            None => false,
        }
    }

    fn fields(&self, stage: &mut Stage, len: usize) -> Result<(), Refused> {
        let Stage { head: Some(head), out, regexes, .. } = stage else { return Ok(()) };
        let (format, space) = out.split_at_mut(len);
        for n in 0..head.count() {
            let Some(value) = head.value(n, &self.name) else { continue };
            let mut out = Out::new(space);
            let mut changed = false;
            if self.part == Part::Field {
                changed = Self::one(&self.regex, regexes, value, format, &mut out);
            } else {
                for (i, given) in crate::http::pieces(value).enumerate() {
                    out.put(if i == 0 { b"" } else { b"," });
                    // What stays, stays with the blanks around it.
                    if Self::one(&self.regex, regexes, crate::http::trim(given), format, &mut out) {
                        changed = true;
                    } else {
                        out.put(given);
                    }
                }
            }
            if out.overflow() {
                return Err(Refused);
            }
            if changed {
                head.replace(n, out.bytes())?;
            }
        }
        Ok(())
    }

    fn target(&self, stage: &mut Stage, len: usize) -> Result<(), Refused> {
        let Stage { head: Some(head), out, regexes, .. } = stage else { return Ok(()) };
        let (format, space) = out.split_at_mut(len);
        let (before, path, query) = head.target();
        if self.part != Part::Uri && !path.starts_with(b"/") {
            return Ok(());
        }
        let tail = head.index.path_and_query(head.text);
        let uri = head.index.uri.of(head.text);
        let (front, text, back) = match self.part {
            Part::Path => (before, path, query),
            Part::PathAndQuery => (before, tail, &b""[..]),
            _ => (&b""[..], uri, &b""[..]),
        };
        let mut out = Out::new(space);
        out.put(front);
        let changed = Self::one(&self.regex, regexes, text, format, &mut out);
        out.put(back);
        match changed {
            true if out.overflow() || !stays_a_path(front, out.bytes()) => Err(Refused),
            true => head.set_uri(&[out.bytes()]),
            false => Ok(()),
        }
    }
}

impl Action for Replace {
    fn run(&self, stage: &mut Stage) -> Verdict {
        let done = stage.format(0, &self.format).ok_or(Refused).and_then(|len| match self.part {
            Part::Field | Part::Member => self.fields(stage, len),
            Part::Path | Part::PathAndQuery | Part::Uri => self.target(stage, len),
        });
        stage.verdict(done.is_ok())
    }

    fn parts(&self) -> Parts<'_> {
        Parts { formats: vec![&self.format], regexes: vec![&self.regex], ..Parts::default() }
    }
}

/// A regular expression, with its error at its place.
pub fn regex(cc: &mut Compiler, args: &mut Args, fold: bool) -> Result<Regex, Fault> {
    let word = args.need("a regular expression")?;
    Regex::new(&word.text, fold).map_err(|e| {
        cc.pos = word.pos.within(&word.text, e.at);
        cc.fault(e.about(&word.text))
    })
}

fn replace(cc: &mut Compiler, args: &mut Args, part: Part) -> Result<Box<dyn Action>, Fault> {
    let pos = args.pos();
    let name = if matches!(part, Part::Field | Part::Member) { field_name(args)? } else { String::new() };
    if is_ours(name.as_bytes()) {
        warn_of_ours(cc, pos, &args.name, &name);
    }
    let name = name.into_bytes().into();
    let regex = regex(cc, args, false)?;
    Ok(Box::new(Replace { part, name, regex, format: format(cc, args, "a format")? }))
}

/// `set-status`
struct Status(u16, Option<Box<[u8]>>);

impl Action for Status {
    fn run(&self, stage: &mut Stage) -> Verdict {
        if let Some(head) = &mut stage.head {
            let reason = self.1.as_deref().unwrap_or_else(|| crate::http::reason(self.0).as_bytes());
            let _ = head.set_status(self.0, reason);
        }
        Verdict::Continue
    }
}

fn status(_: &mut Compiler, args: &mut Args) -> Result<Box<dyn Action>, Fault> {
    let word = args.need("a status")?;
    let code = word.text.parse().ok().filter(|n| (200..=599).contains(n));
    let code = code.ok_or_else(|| Fault::new(word.pos, format!("'{}' is not a status from 200 to 599", word.text)))?;
    let reason = if args.accept("reason") { Some(args.need("a text")?.text.as_bytes().into()) } else { None };
    Ok(Box::new(Status(code, reason)))
}

/// False when what follows an authority in a target would become a part of it.
fn stays_a_path(authority: &[u8], target: &[u8]) -> bool {
    authority.is_empty() || matches!(target.get(authority.len()), None | Some(b'/' | b'?'))
}

/// Sets the target to what stands before the path, and two texts.
fn put_target(s: &mut Stage, parts: impl Fn(&[u8], &[u8], &[u8], &mut Out), len: usize) -> Result<(), Refused> {
    let Some(head) = &mut s.head else { return Ok(()) };
    let (text, space) = s.out.split_at_mut(len);
    let (before, path, query) = head.target();
    let mut out = Out::new(space);
    out.put(before);
    parts(text, path, query, &mut out);
    if out.overflow() || !stays_a_path(before, out.bytes()) {
        return Err(Refused);
    }
    head.set_uri(&[out.bytes()])
}

/// Sorted by name.
pub static TABLE: &[ActionRow] = &[
    row("add-header", "<name> <format>", MESSAGE, "1.5", "Adds a field.", |cc, a| add_field(cc, a, true)),
    row("del-header", "<name> [-m <method>]", MESSAGE, "1.5", "Removes all fields of a name.", delete),
    row("replace-header", "<name> <regex> <format>", MESSAGE, "1.5", "Replaces what matches in a field.", |cc, a| {
        replace(cc, a, Part::Field)
    }),
    row("replace-path", "<regex> <format>", REQUEST, "2.2", "Replaces what matches in the path.", |cc, a| {
        replace(cc, a, Part::Path)
    }),
    row("replace-pathq", "<regex> <format>", REQUEST, "2.2", "The same with the query.", |cc, a| {
        replace(cc, a, Part::PathAndQuery)
    }),
    row("replace-uri", "<regex> <format>", REQUEST, "2.2", "Replaces what matches in the target.", |cc, a| {
        replace(cc, a, Part::Uri)
    }),
    row(
        "replace-value",
        "<name> <regex> <format>",
        MESSAGE,
        "1.5",
        "Replaces what matches in members of a list.",
        |cc, a| replace(cc, a, Part::Member),
    ),
    row("set-header", "<name> <format>", MESSAGE, "1.5", "Sets a field.", |cc, a| add_field(cc, a, false)),
    row("set-method", "<format>", REQUEST, "1.6", "Sets the method.", |cc, a| {
        change(cc, a, |s, len| s.head.as_mut().map_or(Ok(()), |h| h.set_method(&s.out[..len])))
    }),
    row("set-path", "<format>", REQUEST, "1.6", "Sets the path; the query stays.", |cc, a| {
        change(cc, a, |s, len| {
            put_target(
                s,
                |text, _, query, o| {
                    o.put(text);
                    o.put(query);
                },
                len,
            )
        })
    }),
    row("set-pathq", "<format>", REQUEST, "2.2", "Sets path and query.", |cc, a| {
        change(cc, a, |s, len| put_target(s, |text, _, _, o| o.put(text), len))
    }),
    row("set-query", "<format>", REQUEST, "1.6", "Sets the query.", |cc, a| {
        change(cc, a, |s, len| {
            put_target(
                s,
                |text, path, _, o| {
                    o.put(path);
                    o.byte(b'?');
                    o.put(text);
                },
                len,
            )
        })
    }),
    row("set-status", "<status> [reason <text>]", RESPONSE, "1.6", "Sets the status.", status),
    row("set-uri", "<format>", REQUEST, "1.6", "Sets the target.", |cc, a| {
        change(cc, a, |s, len| s.head.as_mut().map_or(Ok(()), |h| h.set_uri(&[&s.out[..len]])))
    }),
];
