//! A condition: a sample, how it is compared, and with what (manual 7.1).

use super::memo::{self, Memo, Place, Rests};
use super::together::Work;
use crate::pattern::{Kind, List, METHODS, Method, Regex, Set, Value};
use crate::sample::{Compiler, Expr, FETCHES, Fetch, Got, Scene, Tools, Walk, call, find_fetch, needs, unknown_fetch};
use crate::util::scratch::Scratch;
use crate::util::words::{Args, Fault, Pos, Word, nearest};
use std::sync::Arc;

/// What a condition says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Truth {
    Yes,
    No,
    /// Not known before more data came.
    Later,
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Truth {
        if holds { Truth::Yes } else { Truth::No }
    }
}

/// A criterion: one line of a condition.
pub struct Part {
    pub expr: Expr,
    /// Where its answer stands.
    pub place: Place,
    /// The number of its sample among those that several criteria look at ([`Memo`]).
    pub sample: Option<u8>,
    /// Its value grows with the bytes that come: what does not hold yet may hold later.
    grows: bool,
    /// Those without and those with `-i`, where there are both; none when it is asked together with others.
    pub sets: Vec<Set>,
    /// Those from files.
    lists: Vec<Arc<List>>,
}

impl Part {
    pub fn holds<'a>(&self, value: Value<'a>, tools: &mut Tools<'a, '_>) -> bool {
        let Tools { scratch, regexes } = tools;
        self.sets.iter().any(|s| s.holds(value, scratch, regexes))
            || self.lists.iter().any(|l| l.matches(value, scratch, regexes))
    }

    /// One search can answer both: the same sample is compared in the same way with texts.
    pub fn is_asked_with(&self, other: &Part) -> bool {
        match (&self.sets[..], &other.sets[..]) {
            ([a], [b]) => {
                let alike = (a.method(), a.fold()) == (b.method(), b.fold()) && a.has_texts();
                alike && self.lists.is_empty() && other.lists.is_empty() && self.expr.is_same(&other.expr)
            }
            _ => false,
        }
    }

    /// Shows each of the values until `fits` says that one does, and remembers a single one.
    pub fn each_value(
        &self,
        scene: &Scene,
        work: &mut Work,
        mut fits: impl for<'a> FnMut(Value<'a>, &mut Tools<'a, '_>, &mut Memo) -> bool,
    ) -> Truth {
        let Work { space, regexes, memo } = work;
        if let Some(text) = self.sample.and_then(|n| memo.sample(n, self.place.rests, scene)) {
            let mut tools = Tools { scratch: Scratch::new(space), regexes };
            return text.is_some_and(|text| fits(Value::Str(text), &mut tools, memo)).into();
        }
        let mut later = self.grows && !scene.stream.complete;
        let mut walk = Walk { each: true, ..Walk::default() };
        let mut seen = memo::Found::Nothing;
        loop {
            (walk.more, walk.unsure) = (false, false);
            let mut tools = Tools { scratch: Scratch::new(space), regexes };
            match self.expr.next(scene, &mut walk, &mut tools) {
                Got::Value(v) => {
                    if self.sample.is_some() {
                        seen = seen.and(scene, v);
                    }
                    if fits(v, &mut tools, memo) {
                        return Truth::Yes;
                    }
                    later |= walk.unsure;
                }
                Got::Nothing => {}
                Got::Later => later = true,
            }
            if !walk.more {
                break;
            }
        }
        if later {
            return Truth::Later;
        }
        if let Some(n) = self.sample {
            memo.set_sample(n, seen);
        }
        Truth::No
    }
}

/// A condition by name: true when any of its lines is.
pub struct Acl {
    /// Empty: written in braces.
    pub name: String,
    pub parts: Vec<Part>,
    /// What its samples look at.
    pub needs: u32,
}

impl Acl {
    /// A condition without lines: never true.
    pub fn new(name: &str) -> Acl {
        Acl { name: name.to_owned(), parts: Vec::new(), needs: 0 }
    }

    /// Adds a line: `criterion [flags] [operator] values...`.
    pub fn add(&mut self, cc: &mut Compiler, args: &mut Args) -> Result<(), Fault> {
        // Where it will be used is not known yet, or no reason to refuse it.
        let place = std::mem::replace(&mut cc.place, needs::ANYWHERE);
        let (part, needs) = cc.needing(|cc| part(cc, args));
        cc.place = place;
        self.needs |= needs;
        self.parts.push(part?);
        Ok(())
    }

    /// What is wrong with using it in this place (manual 7.1): some or all of what it looks at is not there.
    pub fn complaint(&self, place: u32) -> Option<String> {
        let misplaced = |p: &&Part| p.expr.fetch().needs & place == 0;
        let fetch = self.parts.iter().find(misplaced)?.expr.fetch();
        let (what, place_name) = (needs::what(fetch.needs), needs::place(place));
        let never = if self.parts.iter().all(|p| misplaced(&p)) { "is never true" } else { "is not true by that" };
        let name = if self.name.is_empty() { "this condition".into() } else { format!("acl '{}'", self.name) };
        Some(format!("'{}' looks at {what}, which is not there in {place_name}: {name} {never}", fetch.name))
    }

    /// Adds the regular expressions in it.
    pub fn regexes<'a>(&'a self, all: &mut Vec<&'a Regex>) {
        for part in &self.parts {
            part.expr.regexes(all);
            all.extend(part.sets.iter().flat_map(Set::regexes));
            all.extend(part.lists.iter().flat_map(|l| l.regexes()));
        }
    }

    /// Bytes of memory that its patterns hold, without those of regular expressions.
    pub fn memory_bytes(&self) -> usize {
        self.parts.iter().flat_map(|p| &p.sets).map(Set::memory_bytes).sum()
    }
}

/// The expression of a criterion, and the method that its name asks for (`path_beg`, `hdr_dom(host)`).
fn criterion(cc: &mut Compiler, word: &Word) -> Result<(Expr, Option<Method>), Fault> {
    let (name, given, rest) = call(&word.text).map_err(|e| cc.fault(e))?;
    if find_fetch(name).is_none()
        && let Some((stem, suffix)) = name.rsplit_once('_')
        && let (Some(method), Some(fetch)) = (Method::named(suffix), find_fetch(stem))
    {
        let mut expr = Expr::of(cc, fetch, given)?;
        expr.convert(cc, rest)?;
        return Ok((expr, Some(method)));
    }
    if find_fetch(name).is_none() {
        return Err(unknown_fetch(cc, name, &derivatives()));
    }
    Ok((Expr::compile(cc, &word.text)?, None))
}

/// The names that say how texts are compared: `path_beg`.
fn derivatives() -> Vec<String> {
    let texts = FETCHES.iter().flat_map(|t| t.iter()).filter(|f| f.kind == Kind::Str);
    let of = |f: &Fetch| ["beg", "dir", "dom", "end", "len", "reg", "sub"].map(|m| format!("{}_{m}", f.name));
    texts.flat_map(of).collect()
}

/// The flags of a condition, and the patterns so far.
#[derive(Default)]
struct Flags {
    /// `-i` was seen: it is for the patterns that follow.
    fold: bool,
    /// `-n`: names of hosts are not looked up.
    numeric: bool,
    method: Option<Method>,
    patterns: Vec<(String, Pos, bool)>,
    /// Files: path, whether they are maps, whatever the case.
    files: Vec<(Word, bool, bool)>,
}

fn flags(cc: &mut Compiler, args: &mut Args) -> Result<Flags, Fault> {
    let (mut flags, mut keys) = (Flags::default(), false);
    while let Some(text) = args.peek() {
        if !text.starts_with('-') || text.len() != 2 || text.as_bytes()[1].is_ascii_digit() {
            break;
        }
        cc.pos = args.next().map_or(cc.pos, |w| w.pos);
        match text {
            "--" => break,
            "-i" => flags.fold = true,
            "-n" => flags.numeric = true,
            "-u" => _ = args.need("a number")?,
            "-m" => {
                let word = args.need("a method of comparison")?;
                cc.pos = word.pos;
                let names: Vec<&str> = METHODS.iter().map(|m| m.0).collect();
                let unknown = || {
                    cc.fault(format!("'{}' is no method", word.text)).hint(format!("known are {}", names.join(", ")))
                };
                flags.method = Some(Method::named(&word.text).ok_or_else(unknown)?);
            }
            "-M" => keys = true,
            "-f" => {
                let path = args.need("a file")?;
                cc.pos = path.pos;
                flags.files.push((path.clone(), keys, flags.fold));
            }
            _ => {
                return Err(cc.fault(format!("unknown flag '{text}'")).hint("-i, -f, -m, -n, -u, -M and -- are known"));
            }
        }
    }
    Ok(flags)
}

fn part(cc: &mut Compiler, args: &mut Args) -> Result<Part, Fault> {
    let word = args.need("a criterion")?;
    cc.pos = word.pos;
    let (expr, by_name) = criterion(cc, word)?;
    if expr.fetch().name == "ssl_fc" {
        let message = "there is no TLS in this version: 'ssl_fc' is always false";
        cc.warnings.push((word.pos, message.into()));
    }
    let mut flags = flags(cc, args)?;
    let kind = expr.kind();
    let Some(method) = flags.method.or(by_name).or_else(|| Method::usual(kind)) else {
        cc.pos = word.pos;
        let fault = cc.fault(format!("'{}' has values of type {}", word.text, kind.name()));
        return Err(fault.hint("say how they are to be compared: -m found, -m str, -m bin ..."));
    };
    if !kind.casts_to(method.input()) {
        cc.pos = word.pos;
        return Err(cc.fault(format!("'{}' cannot be compared so: it is of type {}", word.text, kind.name())));
    }
    let mut operator = "";
    let versions = matches!(expr.fetch().name, "req.ssl_ver" | "req_ssl_ver") && method == Method::Int;
    for word in args.rest() {
        if matches!(method, Method::Int | Method::Len) && matches!(&*word.text, "eq" | "ge" | "gt" | "le" | "lt") {
            operator = &word.text;
            continue;
        }
        let number = if versions { dotted(&word.text) } else { word.text.clone() };
        let text = if operator.is_empty() { number } else { format!("{operator} {number}") };
        let named = method == Method::Ip && !flags.numeric;
        let text = if named { cc.outside.with_address(&text).unwrap_or(text) } else { text };
        flags.patterns.push((text, word.pos, flags.fold));
    }
    if !matches!(method, Method::Found | Method::Bool) && flags.patterns.is_empty() && flags.files.is_empty() {
        cc.warnings.push((word.pos, format!("'{}' is compared with nothing, so it is never true", word.text)));
    }
    if let (Some(list), None) = (expr.grouping(), flags.method) {
        if let Some((path, ..)) = flags.files.first() {
            return Err(Fault::new(path.pos, "names of groups in a file are not built yet in this version"));
        }
        flags.patterns = members(cc, list, &flags.patterns)?;
    }
    let (folded, exact): (Vec<_>, Vec<_>) = flags.patterns.into_iter().partition(|p| p.2);
    let mut sets = Vec::new();
    let all = match (exact.is_empty(), folded.is_empty()) {
        (_, true) => vec![(false, exact)],
        (true, false) => vec![(true, folded)],
        (false, false) => vec![(false, exact), (true, folded)],
    };
    for (fold, patterns) in all {
        let set = Set::new(method, fold, patterns.iter().map(|p| p.0.as_str())).map_err(|e| {
            let (text, pos, _) = &patterns[e.number];
            cc.pos = e.at.map_or(*pos, |at| pos.within(text, at));
            cc.fault(e.why)
        })?;
        sets.push(set);
    }
    let mut lists = Vec::new();
    for (path, keys, fold) in flags.files {
        cc.pos = path.pos;
        lists.push(cc.list(&path.text, keys, method, fold, false)?);
    }
    let grows = call(&word.text).is_ok_and(|(name, ..)| matches!(name, "req.len" | "req_len"));
    let rests = match expr.rests_on() {
        0 => Rests::UNKNOWN,
        on => Rests::on(on | if lists.is_empty() { 0 } else { needs::FILES }),
    };
    Ok(Part { expr, place: Place { rests, number: 0, question: 0 }, sample: None, grows, sets, lists })
}

/// The users in groups: whoever is one of them is in one of the groups.
fn members(cc: &mut Compiler, list: usize, groups: &[(String, Pos, bool)]) -> Result<Vec<(String, Pos, bool)>, Fault> {
    let list = &cc.config.userlists[list];
    let mut members = Vec::new();
    for (group, pos, _) in groups {
        if !list.groups.contains(group) {
            let fault = Fault::new(*pos, format!("userlist '{}' has no group '{group}'", list.name));
            let near = nearest(group, list.groups.iter().map(String::as_str));
            return Err(if let Some(near) = near { fault.hint(format!("did you mean '{near}'?")) } else { fault });
        }
        members.extend(list.members(group).map(|user| (user.to_owned(), *pos, false)));
    }
    Ok(members)
}

/// Versions of TLS, `3.1` or `3.0:3.3`, as the numbers that `req.ssl_ver` gives.
fn dotted(text: &str) -> String {
    let number = |part: &str| match part.split_once('.').map(|(a, b)| (a.parse::<u32>(), b.parse::<u32>())) {
        Some((Ok(major), Ok(minor))) => (major << 16 | minor).to_string(),
        _ => part.to_owned(),
    };
    text.split(':').map(number).collect::<Vec<_>>().join(":")
}

/// The conditions that every proxy knows (manual 7.4), sorted by name.
pub const PREDEFINED: [(&str, &str); 22] = [
    ("FALSE", "always_false"),
    ("HTTP", "req_proto_http"),
    ("HTTP_1.0", "req_ver 1.0"),
    ("HTTP_1.1", "req_ver 1.1"),
    ("HTTP_2.0", "req_ver 2.0"),
    ("HTTP_CONTENT", "hdr_val(content-length) gt 0"),
    ("HTTP_URL_ABS", "url_reg ^[^/:]*://"),
    ("HTTP_URL_SLASH", "url_beg /"),
    ("HTTP_URL_STAR", "url *"),
    ("LOCALHOST", "src 127.0.0.1/8 ::1"),
    ("METH_CONNECT", "method CONNECT"),
    ("METH_DELETE", "method DELETE"),
    ("METH_GET", "method GET HEAD"),
    ("METH_HEAD", "method HEAD"),
    ("METH_OPTIONS", "method OPTIONS"),
    ("METH_POST", "method POST"),
    ("METH_PUT", "method PUT"),
    ("METH_TRACE", "method TRACE"),
    ("RDP_COOKIE", "req.rdp_cookie_cnt gt 0"),
    ("REQ_CONTENT", "req_len gt 0"),
    ("TRUE", "always_true"),
    ("WAIT_END", "wait_end"),
];
