//! The arguments of fetches, converters and actions: read by the shape that their row gives.

use super::needs;
use super::notes::{Layout, Note, Scope};
use crate::model::{Config, Mode, Proxy};
use crate::pattern::{List, Method, Regex, Source};
use crate::sys::zone::Zone;
use crate::util::hash::digest::Algorithm;
use crate::util::words::{Fault, Pos, is_escaped, nearest};
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// A file of patterns: whether it is a map, and its patterns.
struct KnownSource {
    map: bool,
    source: Arc<Source>,
    keys: Vec<String>,
}

/// Path, whether it is a map, method, whatever the case, with groups.
type Key = (String, bool, Method, bool, bool);

/// An argument.
pub enum Arg {
    /// An optional one that was not given.
    None,
    Str(Box<[u8]>),
    Int(i64),
    /// A number with its sign, where one without means something else.
    Relative(i64),
    /// An address, or a mask.
    Ip(IpAddr),
    /// Index of a proxy.
    Proxy(usize),
    /// Index of a server.
    Server(usize),
    /// Index of a userlist.
    Userlist(usize),
    Note(Note),
    Regex(Box<Regex>),
    List(Arc<List>),
    Digest(Algorithm),
    /// A time zone, and how far dates are shifted first, in their unit.
    Zone(Box<Zone>, i64),
}

impl Arg {
    /// A text; empty when it was not given.
    pub fn text(&self) -> &[u8] {
        if let Arg::Str(s) = self { s } else { &[] }
    }

    /// A number, or `default` when it was not given.
    pub fn int_or(&self, default: i64) -> i64 {
        if let Arg::Int(n) = self { *n } else { default }
    }

    /// The index of a proxy, a server or a userlist.
    pub fn index(&self) -> Option<usize> {
        if let Arg::Proxy(n) | Arg::Server(n) | Arg::Userlist(n) = self { Some(*n) } else { None }
    }
}

/// What expressions ask for of the world outside, at start-up.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    /// A variable of the environment, as the configuration left it.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// The address of a host.
    pub host: &'a dyn Fn(&str) -> Option<IpAddr>,
}

impl Outside<'_> {
    /// A network that is written with the name of a host, with its address (manual 7.1.6).
    pub fn with_address(&self, text: &str) -> Option<String> {
        let (host, mask) = text.split_at(text.find('/').unwrap_or(text.len()));
        let ip = (self.host)(Some(host).filter(|h| is_host(h))?)?;
        Some(format!("{ip}{mask}"))
    }
}

impl Outside<'static> {
    pub const NOTHING: Outside<'static> = Outside { variable: &|_| None, host: &|_| None };
}

/// What is known while expressions, conditions and rules are compiled: after all sections were read.
pub struct Compiler<'a> {
    pub config: &'a Config,
    pub outside: Outside<'a>,
    /// The proxy whose rules are compiled.
    pub proxy: usize,
    /// Rules of responses are compiled.
    pub response: bool,
    /// Where what is compiled will be used ([`super::needs`]).
    pub place: u32,
    pub layout: Layout,
    /// What all that was compiled since this was last cleared looks at ([`super::needs`]).
    pub needs: u32,
    /// The userlists that are asked by what was compiled since this was last taken.
    pub userlists: Vec<usize>,
    pub warnings: Vec<(Pos, String)>,
    /// Files of patterns, and what they are compared by.
    sources: Vec<KnownSource>,
    lists: Vec<(Key, Arc<List>)>,
    /// Files that rules change, and where they say so.
    changed: Vec<(Arc<Source>, Pos)>,
    /// Texts and places of what was compiled, for messages: the word being read.
    pub pos: Pos,
}

impl<'a> Compiler<'a> {
    /// Nothing is compiled yet.
    pub fn new(config: &'a Config, outside: Outside<'a>) -> Compiler<'a> {
        let (layout, warnings, pos) =
            (Layout::new(config.proxies.len(), config.global.tune.variables()), Vec::new(), Pos::default());
        let (sources, lists, changed) = (Vec::new(), Vec::new(), Vec::new());
        let userlists = Vec::new();
        Compiler {
            config,
            outside,
            proxy: 0,
            response: false,
            place: needs::ANYWHERE,
            layout,
            needs: 0,
            userlists,
            warnings,
            sources,
            lists,
            changed,
            pos,
        }
    }

    /// A file of patterns, or a map.
    fn source(&mut self, path: &str, map: bool) -> Result<&KnownSource, Fault> {
        let known = self.sources.iter().position(|s| s.map == map && s.source.path == path);
        if known.is_none() {
            let (source, keys) = Source::read(path, map).map_err(|e| self.fault(e))?;
            self.sources.push(KnownSource { map, source: Arc::new(source), keys });
        }
        Ok(&self.sources[known.unwrap_or(self.sources.len() - 1)])
    }

    /// A file of patterns under a method; `groups`: its values refer to groups of its expressions.
    pub fn list(
        &mut self,
        path: &str,
        map: bool,
        method: Method,
        fold: bool,
        groups: bool,
    ) -> Result<Arc<List>, Fault> {
        let key = (path.to_owned(), map, method, fold, groups);
        if let Some((_, known)) = self.lists.iter().find(|l| l.0 == key) {
            return Ok(Arc::clone(known));
        }
        let outside = self.outside;
        let known = self.source(path, map)?;
        let mut keys = Cow::Borrowed(&known.keys[..]);
        if method == Method::Ip && keys.iter().any(|k| is_host(k)) {
            keys = keys.iter().map(|k| outside.with_address(k).unwrap_or_else(|| k.clone())).collect();
        }
        let list = List::new((Arc::clone(&known.source), &keys), method, fold, groups)
            .map_err(|e| format!("line {} of '{path}' cannot be used: {}", known.source.line(e.number), e.why))
            .map_err(|message| self.fault(message))?;
        let list = Arc::new(list);
        self.lists.push((key, Arc::clone(&list)));
        Ok(list)
    }

    /// A file that a rule changes.
    pub fn changed(&mut self, path: &str, map: bool) -> Result<Arc<Source>, Fault> {
        let known = self.source(path, map)?;
        known.source.make_changeable(&known.keys);
        let source = Arc::clone(&known.source);
        self.changed.push((Arc::clone(&source), self.pos));
        Ok(source)
    }

    /// What is wrong with files that rules change, once all are known.
    pub fn check_changes(&mut self) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (source, pos) in &self.changed {
            let mut users = self.lists.iter().filter(|l| Arc::ptr_eq(&l.1.source, source)).peekable();
            if users.peek().is_none() {
                self.warnings.push((*pos, format!("nothing looks into '{}', which this rule changes", source.path)));
            }
            if users.any(|l| !l.1.can_change()) {
                let message = format!("'{}' cannot be changed: its patterns are regular expressions", source.path);
                faults.push(Fault::new(*pos, message).hint("they are compiled at start-up only"));
            }
        }
        faults
    }

    /// The files that rules change, each once.
    pub fn changed_files(&self) -> Vec<Arc<Source>> {
        let mut files: Vec<Arc<Source>> = Vec::new();
        for (source, _) in &self.changed {
            if !files.iter().any(|f| Arc::ptr_eq(f, source)) {
                files.push(Arc::clone(source));
            }
        }
        files
    }

    /// Bytes of memory that files of patterns hold.
    pub fn files_bytes(&self) -> usize {
        let sources: usize = self.sources.iter().map(|s| s.source.memory_bytes()).sum();
        sources + self.lists.iter().map(|l| l.1.memory_bytes()).sum::<usize>()
    }

    /// Compiles something and says what it looks at ([`super::needs`]); what is compiled around it looks at that too.
    pub fn needing<T>(&mut self, compile: impl FnOnce(&mut Self) -> T) -> (T, u32) {
        let before = std::mem::take(&mut self.needs);
        let made = compile(self);
        let needs = self.needs;
        self.needs |= before;
        (made, needs)
    }

    /// An error at the word being read.
    pub fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::new(self.pos, message)
    }

    /// The proxy whose rules are compiled.
    pub fn own(&self) -> &Proxy {
        &self.config.proxies[self.proxy]
    }

    fn proxy_named(&self, name: &str, side: fn(&Proxy) -> bool, what: &str) -> Result<usize, Fault> {
        let all = &self.config.proxies;
        if let Some(found) = all.iter().position(|p| side(p) && p.name == name) {
            return Ok(found);
        }
        let fault = self.fault(format!("there is no {what} '{name}'"));
        let near = nearest(name, all.iter().filter(|p| side(p)).map(|p| p.name.as_str()));
        Err(if let Some(near) = near { fault.hint(format!("did you mean '{near}'?")) } else { fault })
    }

    /// The backend of a name.
    pub fn backend(&self, name: &str) -> Result<usize, Fault> {
        self.proxy_named(name, |p| p.is_backend, "backend")
    }

    /// The server of a name, `backend/server` or of the proxy whose rules are compiled.
    pub fn server(&self, name: &str) -> Result<usize, Fault> {
        let (proxy, server) = match name.split_once('/') {
            Some((proxy, server)) => (self.backend(proxy)?, server),
            None => (self.proxy, name),
        };
        let p = &self.config.proxies[proxy];
        let servers = || p.servers().map(|s| &self.config.servers[s]);
        if let Some(found) = p.servers().find(|s| self.config.servers[*s].name == server) {
            return Ok(found);
        }
        let fault = self.fault(format!("there is no server '{server}' in '{}'", p.name));
        let near = nearest(server, servers().map(|s| s.name.as_str()));
        Err(if let Some(near) = near { fault.hint(format!("did you mean '{near}'?")) } else { fault })
    }

    /// The userlist of a name.
    fn userlist(&mut self, name: &str) -> Result<usize, Fault> {
        if self.own().mode != Mode::Http {
            // A session in TCP mode does not wait for a password to be hashed.
            let fault = self.fault("passwords are checked in 'mode http' only");
            return Err(fault.hint("give the proxy 'mode http'"));
        }
        let all = &self.config.userlists;
        if let Some(found) = all.iter().position(|l| l.name == name) {
            self.userlists.push(found);
            return Ok(found);
        }
        let fault = self.fault(format!("unable to find userlist '{name}'"));
        let near = nearest(name, all.iter().map(|l| l.name.as_str()));
        Err(if let Some(near) = near { fault.hint(format!("did you mean '{near}'?")) } else { fault })
    }

    /// The place of a variable.
    pub fn variable(&mut self, name: &str) -> Result<Note, Fault> {
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        if Scope::of(name).is_none() {
            let fault = self.fault(format!("the variable '{name}' has no scope"));
            return Err(fault.hint("names of variables begin with 'proc.', 'sess.', 'txn.', 'req.' or 'res.'"));
        }
        if !name.chars().all(valid) {
            return Err(self.fault(format!("the variable '{name}' may only have letters, digits, '_' and '.'")));
        }
        Ok(self.layout.variable(name).expect("the scope was checked"))
    }
}

/// Splits the text between brackets at commas; quotes and backslashes keep them together.
fn split(text: &str) -> Vec<String> {
    let (mut parts, mut quote, mut chars) = (vec![String::new()], None, text.chars().peekable());
    while let Some(c) = chars.next() {
        let last = parts.last_mut().expect("there is one");
        match (c, quote) {
            ('\\', None | Some('"')) => last.push(match chars.next_if(|c| is_escaped(*c)) {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some(other) => other,
                None => '\\',
            }),
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(q)) if c == q => quote = None,
            (',', None) => parts.push(String::new()),
            (c, _) => last.push(c),
        }
    }
    parts
}

/// Reads `given` (the text between the brackets, if there were any) by `shape`: `name:type` with `?` behind optional ones, separated by
/// commas. A type is one of those in `one`, or a choice of words, `a|b`.
pub fn parse_args(cc: &mut Compiler, owner: &str, shape: &str, given: Option<&str>) -> Result<Vec<Arg>, Fault> {
    let shapes: Vec<&str> = shape.split(',').filter(|s| !s.is_empty()).collect();
    // A single text is taken as it is, commas included.
    let mut given = match given {
        None | Some("") => Vec::new(),
        Some(text) => split(text),
    };
    let most = shapes.len();
    if given.len() > most {
        let takes = match most {
            0 => "no arguments".to_owned(),
            1 => "one argument".to_owned(),
            n => format!("at most {n} arguments"),
        };
        return Err(cc.fault(format!("'{owner}' takes {takes}, not {}", given.len())));
    }
    let count = given.len();
    given.resize(most, String::new());
    let mut args = Vec::with_capacity(most);
    for (at, (shape, text)) in shapes.iter().zip(&given).enumerate() {
        let (shape, optional) = shape.strip_suffix('?').map_or((*shape, false), |s| (s, true));
        let (name, kind) = shape.split_once(':').unwrap_or((shape, "str"));
        if text.is_empty() && !(at < count && kind.starts_with("text")) {
            if !optional {
                return Err(cc.fault(format!("'{owner}' needs an argument: {name}")));
            }
            args.push(Arg::None);
            continue;
        }
        // The flags of a regular expression stand behind it.
        let fold = kind == "regex" && given[most - 1].contains('i') && shapes[most - 1].ends_with("flags?");
        args.push(if fold { regex(cc, text, true)? } else { one(cc, owner, name, kind, text)? });
    }
    Ok(args)
}

/// True for what may be the name of a host, and is no address.
fn is_host(text: &str) -> bool {
    let host = text.split('/').next().unwrap_or_default();
    let valid = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    host.contains(|c: char| c.is_ascii_alphabetic()) && host.chars().all(valid)
}

fn one(cc: &mut Compiler, owner: &str, name: &str, kind: &str, text: &str) -> Result<Arg, Fault> {
    let wrong = |cc: &Compiler, what: &str| cc.fault(format!("'{owner}': '{text}' is not {what} ({name})"));
    Ok(match kind {
        "textvar" if Scope::of(text).is_some() => Arg::Note(cc.variable(text)?),
        "str" | "text" | "textvar" => Arg::Str(text.as_bytes().into()),
        // Its value, as it is now.
        "env" => (cc.outside.variable)(text).map_or(Arg::None, |v| Arg::Str(v.into_bytes().into())),
        "int" => Arg::Int(text.parse().map_err(|_| wrong(cc, "a number"))?),
        "number" => match text.parse() {
            Ok(n) => Arg::Int(n),
            Err(_) if Scope::of(text).is_none() => return Err(wrong(cc, "a number or a variable")),
            Err(_) => Arg::Note(cc.variable(text)?),
        },
        "positive" => Arg::Int(text.parse().ok().filter(|n| *n > 0).ok_or_else(|| wrong(cc, "a number above 0"))?),
        "occurrence" => {
            let counts = |n: &i64| *n >= -10;
            Arg::Int(text.parse().ok().filter(counts).ok_or_else(|| wrong(cc, "a number from -10 on"))?)
        }
        "offset" => {
            let n = text.parse().map_err(|_| wrong(cc, "a number"))?;
            if text.starts_with(['+', '-']) { Arg::Relative(n) } else { Arg::Int(n) }
        }
        "bool" => Arg::Int(match text {
            "true" | "1" => 1,
            "false" | "0" => 0,
            _ => return Err(wrong(cc, "true, false, 1 or 0")),
        }),
        "hex" => Arg::Str(hexadecimal(text).ok_or_else(|| wrong(cc, "an even number of hexadecimal digits"))?),
        "char" if text.len() == 1 => Arg::Str(text.as_bytes().into()),
        "char" => return Err(wrong(cc, "a single character")),
        "uuid" if text == "4" => Arg::Int(4),
        "uuid" => return Err(wrong(cc, "a version of UUIDs that is built: 4 is")),
        choice if choice.contains('|') => {
            let known = choice.split('|').any(|word| word == text);
            if !known {
                return Err(wrong(cc, &format!("one of {}", choice.replace('|', ", "))));
            }
            Arg::Str(text.as_bytes().into())
        }
        "flags" => Arg::Str(text.as_bytes().into()),
        "ipv4" => Arg::Ip(text.parse::<Ipv4Addr>().map_err(|_| wrong(cc, "an IPv4 address"))?.into()),
        "ipv6" => Arg::Ip(text.parse::<Ipv6Addr>().map_err(|_| wrong(cc, "an IPv6 address"))?.into()),
        "mask" => Arg::Ip(mask(text, 32).filter(IpAddr::is_ipv4).ok_or_else(|| wrong(cc, "an IPv4 network mask"))?),
        "mask6" => Arg::Ip(mask(text, 128).filter(IpAddr::is_ipv6).ok_or_else(|| wrong(cc, "an IPv6 network mask"))?),
        "backend" => Arg::Proxy(cc.backend(text)?),
        "frontend" => Arg::Proxy(cc.proxy_named(text, |p| p.is_frontend, "frontend")?),
        "server" => Arg::Server(cc.server(text)?),
        // list-<method>-<type of the values>
        kind if kind.starts_with("list-") => {
            let (method, output) = kind[5..].split_once('-').unwrap_or((&kind[5..], "str"));
            let groups = method == "regm";
            let method = if groups { Method::Reg } else { Method::named(method).expect("the rows name methods") };
            let list = cc.list(text, true, method, false, groups)?;
            if let Some((n, value)) = list.source.values().iter().enumerate().find(|v| !is_of(output, v.1)) {
                let (value, line) = (String::from_utf8_lossy(value), list.source.line(n));
                let message = format!("'{value}' in line {line} of '{text}' cannot be the value of a map '{owner}'");
                return Err(cc.fault(message));
            }
            Arg::List(list)
        }
        "userlist" => Arg::Userlist(cc.userlist(text)?),
        "var" => Arg::Note(cc.variable(text)?),
        "regex" => regex(cc, text, false)?,
        other => unreachable!("a row says {owner}({other})"),
    })
}

/// True when a value of a map can be read as one of a type.
fn is_of(output: &str, value: &[u8]) -> bool {
    let text = std::str::from_utf8(value).unwrap_or_default();
    match output {
        "int" => text.parse::<i64>().is_ok(),
        "ip" => text.parse::<IpAddr>().is_ok(),
        _ => true,
    }
}

fn hexadecimal(text: &str) -> Option<Box<[u8]>> {
    let digit = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    rest.is_empty().then_some(())?;
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

fn regex(cc: &Compiler, text: &str, fold: bool) -> Result<Arg, Fault> {
    Ok(Arg::Regex(Box::new(Regex::new(text, fold).map_err(|e| cc.fault(e.about(text)))?)))
}

/// A mask: written as an address, or as the number of its leading ones.
fn mask(text: &str, width: u32) -> Option<IpAddr> {
    let Ok(ones) = text.parse::<u32>() else { return text.parse().ok() };
    let zeros = width.checked_sub(ones)?;
    Some(match width {
        32 => IpAddr::V4(u32::MAX.checked_shl(zeros).unwrap_or(0).into()),
        _ => IpAddr::V6(u128::MAX.checked_shl(zeros).unwrap_or(0).into()),
    })
}
