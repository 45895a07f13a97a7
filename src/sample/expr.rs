//! A compiled expression: a fetch and the converters after it.

use super::convert::{names, refusal};
use super::{Arg, Compiler, Converter, Fetch, Got, Scene, Tools, Walk, args::parse_args, find_converter, find_fetch};
use super::{FETCHES, UNIQUE_ID, needs};
use crate::model::Mode;
use crate::pattern::{Kind, Regex, Value};
use crate::util::words::{Fault, closing, nearest};

/// A fetch with its arguments, and the converters that its value goes through.
pub struct Expr {
    fetch: &'static Fetch,
    args: Vec<Arg>,
    converters: Vec<(&'static Converter, Vec<Arg>)>,
}

/// The name of a fetch or a converter, the text between its brackets if there are any, and the rest.
pub fn call(text: &str) -> Result<(&str, Option<&str>, &str), String> {
    let end = text.find(['(', ',']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let Some(inner) = rest.strip_prefix('(') else { return Ok((name, None, rest)) };
    match closing(inner, ')') {
        Some(at) => Ok((name, Some(&inner[..at]), &inner[at + 1..])),
        None => Err(format!("the bracket after '{name}' is not closed")),
    }
}

impl Expr {
    /// Compiles `fetch(args),converter(args)...` as a whole.
    pub fn compile(cc: &mut Compiler, text: &str) -> Result<Expr, Fault> {
        let (name, given, rest) = call(text).map_err(|e| cc.fault(e))?;
        let Some(fetch) = find_fetch(name) else { return Err(unknown_fetch(cc, name, &[])) };
        let mut expr = Expr::of(cc, fetch, given)?;
        expr.convert(cc, rest)?;
        Ok(expr)
    }

    /// A fetch with the text between its brackets.
    pub fn of(cc: &mut Compiler, fetch: &'static Fetch, given: Option<&str>) -> Result<Expr, Fault> {
        let given = if fetch.name == "unique-id" { Some(UNIQUE_ID) } else { given };
        let args = parse_args(cc, fetch.name, fetch.args, given)?;
        if fetch.needs & cc.place == 0 {
            let (what, place) = (needs::what(fetch.needs), needs::place(cc.place));
            return Err(cc.fault(format!("'{}' looks at {what}, which is not there in {place}", fetch.name)));
        }
        if fetch.needs & needs::BYTES != 0 && cc.place != needs::ANYWHERE && cc.own().mode == Mode::Http {
            let message = match fetch.counts_bytes() {
                true => format!("'{}': in mode http this counts what was read of the message", fetch.name),
                false => format!("'{}': in mode http there are no plain bytes to look at", fetch.name),
            };
            cc.warnings.push((cc.pos, message));
        }
        cc.needs |= fetch.needs & !needs::ANYWHERE;
        Ok(Expr { fetch, args, converters: Vec::new() })
    }

    /// Adds the converters of `,name(args),name...`.
    pub fn convert(&mut self, cc: &mut Compiler, mut rest: &str) -> Result<(), Fault> {
        while !rest.is_empty() {
            let Some(next) = rest.strip_prefix(',') else {
                return Err(cc.fault(format!("a ',' is missing before '{rest}'")));
            };
            let (name, given, left) = call(next).map_err(|e| cc.fault(e))?;
            let Some(converter) = find_converter(name) else {
                return Err(match refusal(name) {
                    Some(why) => cc.fault(format!("the converter '{name}' is not built: {why}")),
                    None => unknown(cc, "converter", name, names().collect()),
                });
            };
            if !self.kind().casts_to(converter.input) {
                let message =
                    format!("'{name}' needs a value of type {}, not {}", converter.input.name(), self.kind().name());
                return Err(cc.fault(message));
            }
            let mut args = parse_args(cc, name, converter.args, given)?;
            (converter.prepare)(&mut args).map_err(|why| cc.fault(format!("'{name}': {why}")))?;
            if converter.writes {
                cc.needs |= needs::NOTES;
                cc.layout.drafts = true;
            }
            self.converters.push((converter, args));
            rest = left;
        }
        Ok(())
    }

    /// The type of its values.
    pub fn kind(&self) -> Kind {
        self.converters.last().map_or(self.fetch.kind, |c| c.0.output)
    }

    /// The userlist whose groups it is compared with, in a condition that does not say how.
    pub fn grouping(&self) -> Option<usize> {
        let plain = self.fetch.name == "http_auth_group" && self.converters.is_empty();
        if plain { self.args[0].index() } else { None }
    }

    /// What its values are fetched by.
    pub fn fetch(&self) -> &'static Fetch {
        self.fetch
    }

    /// What of [`needs::CHANGES`] its values rest on; 0: on more than that.
    pub fn rests_on(&self) -> u32 {
        if self.converters.is_empty() { self.fetch.needs & needs::CHANGES } else { 0 }
    }

    /// Its values are texts of the head.
    pub fn is_in_head(&self) -> bool {
        self.rests_on() & (needs::IN_LINE | needs::IN_FIELDS) != 0 && matches!(self.kind(), Kind::Str | Kind::Method)
    }

    /// True when both show the same part of a message.
    pub fn is_same(&self, other: &Expr) -> bool {
        let same = |(a, b): (&Arg, &Arg)| match (a, b) {
            (Arg::None, Arg::None) => true,
            (Arg::Str(a), Arg::Str(b)) => a == b,
            (Arg::Int(a), Arg::Int(b)) | (Arg::Relative(a), Arg::Relative(b)) => a == b,
            _ => false,
        };
        self.is_in_head()
            && other.is_in_head()
            && std::ptr::eq(self.fetch, other.fetch)
            && self.args.len() == other.args.len()
            && self.args.iter().zip(&other.args).all(same)
    }

    /// Adds the regular expressions in it.
    pub fn regexes<'a>(&'a self, all: &mut Vec<&'a Regex>) {
        for args in std::iter::once(&self.args).chain(self.converters.iter().map(|c| &c.1)) {
            for arg in args {
                match arg {
                    Arg::Regex(regex) => all.push(regex),
                    Arg::List(list) => all.extend(list.regexes()),
                    _ => {}
                }
            }
        }
    }

    /// One value: of several, the one that the fetch takes by default.
    pub fn value<'a>(&self, scene: &Scene<'a>, tools: &mut Tools<'a, '_>) -> Got<'a> {
        self.next(scene, &mut Walk::default(), tools)
    }

    /// The next of several values (`walk.each`), or the only one.
    pub fn next<'a>(&self, scene: &Scene<'a>, walk: &mut Walk, tools: &mut Tools<'a, '_>) -> Got<'a> {
        let mut value = match (self.fetch.run)(scene, &self.args, walk, tools) {
            Got::Value(value) => value,
            other => return other,
        };
        for (converter, args) in &self.converters {
            let changed = value.cast(converter.input, &mut tools.scratch);
            let Some(changed) = changed.and_then(|v| (converter.run)(v, args, scene, tools)) else {
                return Got::Nothing;
            };
            value = changed;
        }
        Got::Value(value)
    }

    /// Its value as text.
    pub fn text<'a>(&self, scene: &Scene<'a>, tools: &mut Tools<'a, '_>) -> Option<&'a [u8]> {
        match self.value(scene, tools) {
            Got::Value(v) => v.text(&mut tools.scratch),
            Got::Nothing | Got::Later => None,
        }
    }

    /// Its value, when it can be had now.
    pub fn now<'a>(&self, scene: &Scene<'a>, tools: &mut Tools<'a, '_>) -> Option<Value<'a>> {
        if let Got::Value(v) = self.value(scene, tools) { Some(v) } else { None }
    }
}

fn fetch_names() -> Vec<&'static str> {
    FETCHES.iter().flat_map(|t| t.iter()).map(|f| f.name).collect()
}

/// The error for a name that is no fetch here; `more`: what else it may have been meant to be.
pub fn unknown_fetch(cc: &Compiler, name: &str, more: &[String]) -> Fault {
    match super::absent::reason(name) {
        Some(reason) => cc.fault(format!("the sample fetch '{name}' cannot be used: {reason}")),
        None => {
            let known = fetch_names().into_iter().chain(more.iter().map(String::as_str));
            unknown(cc, "sample fetch", name, known.collect())
        }
    }
}

fn unknown(cc: &Compiler, what: &str, name: &str, known: Vec<&str>) -> Fault {
    let fault = cc.fault(format!("unknown {what} '{name}'"));
    match nearest(name, known.into_iter()) {
        Some(near) => fault.hint(format!("did you mean '{near}'?")),
        None => fault,
    }
}
