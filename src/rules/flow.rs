//! Actions on the way that a session takes: let it go on, close it, send it elsewhere.

use super::{Action, ActionRow, Effects, Family, Parts, Stage, Verdict, row};
use crate::format::{Format, Use};
use crate::model::{Mode, Proxy, opt};
use crate::pattern::{Kind, Value};
use crate::sample::{Compiler, Expr, OwnTimeouts, needs};
use crate::util::units;
use crate::util::words::{Args, Fault};

/// All rules of HTTP messages.
pub const HTTP: u32 = Family::HttpRequest.bit() | Family::HttpResponse.bit();
/// Those that change messages.
pub const MESSAGE: u32 = HTTP | Family::AfterResponse.bit();
const PERSIST: u32 = Family::Persist.bit();
/// All rules of connections and bytes.
pub const TCP: u32 =
    Family::TcpConnection.bit() | Family::TcpSession.bit() | Family::TcpRequest.bit() | Family::TcpResponse.bit();

/// Ends the rules of its kind with a verdict.
struct End(Verdict);

impl Action for End {
    fn run(&self, _: &mut Stage) -> Verdict {
        self.0
    }
}

fn end(verdict: Verdict) -> Result<Box<dyn Action>, Fault> {
    Ok(Box::new(End(verdict)))
}

/// Changes something of the session beside its messages.
struct Set<F>(F);

impl<F: Fn(&mut Effects) + Send + Sync> Action for Set<F> {
    fn run(&self, stage: &mut Stage) -> Verdict {
        (self.0)(stage.effects);
        Verdict::Continue
    }
}

fn set<F: Fn(&mut Effects) + Send + Sync + 'static>(change: F) -> Result<Box<dyn Action>, Fault> {
    Ok(Box::new(Set(change)))
}

/// What was read as HTTP stays HTTP.
fn leads_to(own: &Proxy, backend: &Proxy) -> bool {
    own.mode != Mode::Http || backend.mode == Mode::Http
}

/// `use_backend`: one that is known, or the one whose name a format gives (if there is none of that name and mode, the default one).
enum UseBackend {
    Known(usize),
    Named(Format),
}

impl Action for UseBackend {
    fn run(&self, stage: &mut Stage) -> Verdict {
        let backend = match self {
            UseBackend::Known(n) => Some(*n),
            UseBackend::Named(format) => {
                let len = stage.format(0, format);
                let name = len.map(|n| &stage.out[..n]);
                let own = &stage.setting.config.proxies[stage.flow.frontend];
                let mut all = stage.setting.config.proxies.iter();
                name.and_then(|name| all.position(|p| p.is_backend && leads_to(own, p) && p.name.as_bytes() == name))
            }
        };
        stage.effects.backend = backend;
        Verdict::Stop
    }

    fn parts(&self) -> Parts<'_> {
        let formats = if let UseBackend::Named(f) = self { vec![f] } else { Vec::new() };
        Parts { formats, ..Parts::default() }
    }
}

/// `force-persist` (true), `ignore-persist`: the first that applies decides.
struct Persist(bool);

impl Action for Persist {
    fn run(&self, stage: &mut Stage) -> Verdict {
        stage.effects.force_persist = self.0;
        Verdict::Stop
    }
}

fn persist(args: &Args, force: bool) -> Result<Box<dyn Action>, Fault> {
    needs_condition(args)?;
    Ok(Box::new(Persist(force)))
}

/// What always holds is a mistake.
fn needs_condition(args: &Args) -> Result<(), Fault> {
    match args.peek() {
        Some("if" | "unless") => Ok(()),
        _ => Err(Fault::new(args.pos(), format!("'{}' needs a condition: 'if' or 'unless'", args.name))),
    }
}

/// `use-server`: one that is known, or the one of the backend whose name a format gives. It has to take sessions, unless persistence is
/// forced; where there is none of that name, no further rule chooses one.
enum UseServer {
    Known(usize),
    Named(Format),
}

impl UseServer {
    fn server(&self, stage: &mut Stage) -> Option<usize> {
        let format = match self {
            UseServer::Known(server) => return Some(*server),
            UseServer::Named(format) => format,
        };
        let name = stage.format(0, format).map(|n| &stage.out[..n])?;
        let config = stage.setting.config;
        config.proxies[stage.flow.backend].servers().find(|s| config.servers[*s].name.as_bytes() == name)
    }
}

impl Action for UseServer {
    fn run(&self, stage: &mut Stage) -> Verdict {
        let Some(server) = self.server(stage) else { return Verdict::Stop };
        let forced = stage.effects.force_persist || stage.setting.config.proxies[stage.flow.backend].has(opt::PERSIST);
        if !forced && stage.setting.live.count(crate::sample::Count::ServerIsUp, server) == 0 {
            return Verdict::Continue;
        }
        stage.effects.server = Some(server);
        Verdict::Stop
    }

    fn parts(&self) -> Parts<'_> {
        let formats = if let UseServer::Named(f) = self { vec![f] } else { Vec::new() };
        Parts { formats, ..Parts::default() }
    }
}

/// `wait-for-body`: until all of it, or this much, has come, or the time is over.
struct WaitForBody {
    time_ms: u32,
    bytes: usize,
}

impl Action for WaitForBody {
    fn run(&self, stage: &mut Stage) -> Verdict {
        if stage.arrived || self.bytes > 0 && stage.body.len() >= self.bytes {
            return Verdict::Continue;
        }
        stage.effects.await_body_ms = Some(self.time_ms);
        Verdict::Later
    }
}

fn wait_for_body(cc: &mut Compiler, args: &mut Args) -> Result<Box<dyn Action>, Fault> {
    cc.needs |= needs::BODY;
    let (mut time_ms, mut bytes) = (None, 0);
    loop {
        match args.peek() {
            Some("time") => {
                args.next();
                time_ms = Some(units::time_ms(args)?);
            }
            Some("at-least") => {
                args.next();
                bytes = units::size(args, 0, u64::from(u32::MAX))? as usize;
            }
            _ => break,
        }
    }
    let missing = || Fault::new(args.pos(), format!("'{}' expects 'time' and how long to wait", args.name));
    Ok(Box::new(WaitForBody { time_ms: time_ms.ok_or_else(missing)?, bytes }))
}

/// Compiles a format for a message, with its error where it is.
pub fn format(cc: &mut Compiler, args: &mut Args, what: &str) -> Result<Format, Fault> {
    format_of(cc, args, what, Use::Message)
}

/// The same for what it is to be used for.
pub fn format_of(cc: &mut Compiler, args: &mut Args, what: &str, of: Use) -> Result<Format, Fault> {
    let word = args.need(what)?;
    cc.pos = word.pos;
    Format::compile(cc, &word.text, of).map_err(|t| {
        cc.pos = word.pos.within(&word.text, t.at);
        let fault = cc.fault(format!("'{}': {}", args.name, t.message));
        if let Some(hint) = t.hint { fault.hint(hint) } else { fault }
    })
}

/// One of the timeouts.
type Which = fn(&mut OwnTimeouts) -> &mut u32;

/// `set-timeout`: a time, or a sample that says it in milliseconds. Without one, or with none above 0, nothing is changed.
struct SetTimeout {
    which: Which,
    time: Time,
}

enum Time {
    Fixed(u32),
    Sample(Expr),
}

impl Action for SetTimeout {
    fn run(&self, stage: &mut Stage) -> Verdict {
        let ms = match &self.time {
            Time::Fixed(ms) => Some(*ms),
            Time::Sample(expr) => match stage.value(expr, Kind::Int) {
                Some(Value::Int(ms)) => u32::try_from(ms).ok().filter(|ms| u64::from(*ms) <= units::MAX_MS),
                _ => None,
            },
        };
        if let Some(ms) = ms.filter(|ms| *ms > 0) {
            *(self.which)(&mut stage.effects.timeouts) = ms;
            stage.flow.timeouts = stage.effects.timeouts;
        }
        Verdict::Continue
    }

    fn parts(&self) -> Parts<'_> {
        let exprs = if let Time::Sample(expr) = &self.time { vec![expr] } else { Vec::new() };
        Parts { exprs, ..Parts::default() }
    }
}

fn set_timeout(cc: &mut Compiler, args: &mut Args) -> Result<Box<dyn Action>, Fault> {
    let word = args.need("client, server or tunnel")?;
    let known: [(_, _, Which); 3] = [
        ("client", cc.own().is_frontend, |t| &mut t.client),
        ("server", cc.own().is_backend, |t| &mut t.server),
        ("tunnel", cc.own().is_backend, |t| &mut t.tunnel),
    ];
    let Some((name, here, which)) = known.into_iter().find(|k| k.0 == word.text) else {
        return Err(Fault::new(word.pos, format!("'{}' is none of client, server and tunnel", word.text)));
    };
    if !here {
        let side = if name == "client" { "frontend" } else { "backend" };
        return Err(Fault::new(
            word.pos,
            format!("'timeout {name}' belongs to a {side}, which '{}' is not", cc.own().name),
        ));
    }
    let fixed = args.peek().is_some_and(|t| t.starts_with(|c: char| c.is_ascii_digit()));
    let pos = args.pos();
    let time = if fixed { Time::Fixed(units::time_ms(args)?) } else { Time::Sample(castable(cc, args, Kind::Int)?) };
    if matches!(time, Time::Fixed(0)) {
        return Err(Fault::new(pos, "a timeout of 0 cannot be set"));
    }
    Ok(Box::new(SetTimeout { which, time }))
}

/// Compiles an expression whose values can be read as those of a type.
pub fn castable(cc: &mut Compiler, args: &mut Args, kind: Kind) -> Result<Expr, Fault> {
    let expr = expression(cc, args)?;
    if expr.kind().casts_to(kind) {
        return Ok(expr);
    }
    Err(cc.fault(format!("'{}' needs a value of type {}, not {}", args.name, kind.name(), expr.kind().name())))
}

/// Compiles an expression.
pub fn expression(cc: &mut Compiler, args: &mut Args) -> Result<Expr, Fault> {
    let word = args.need("an expression")?;
    cc.pos = word.pos;
    Expr::compile(cc, &word.text)
}

fn log_level(cc: &mut Compiler, args: &mut Args) -> Result<Box<dyn Action>, Fault> {
    const NAMES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
    let word = args.need("a level")?;
    cc.pos = word.pos;
    let level = match NAMES.iter().position(|n| *n == word.text) {
        Some(n) => n as u8,
        None if word.text == "silent" => Effects::SILENT,
        None => {
            let known = format!("known are {} and silent", NAMES.join(", "));
            return Err(cc.fault(format!("'{}' is no level", word.text)).hint(known));
        }
    };
    set(move |e| e.log_level = Some(level))
}

/// A number for packets, decimal or hexadecimal.
fn packet_number(cc: &mut Compiler, args: &mut Args, most: u32) -> Result<u32, Fault> {
    let word = args.need("a number")?;
    cc.pos = word.pos;
    let hex = word.text.strip_prefix("0x").or_else(|| word.text.strip_prefix("0X"));
    let number = hex.map_or_else(|| word.text.parse(), |digits| u32::from_str_radix(digits, 16));
    number.ok().filter(|n| *n <= most).ok_or_else(|| cc.fault(format!("'{}' is not a number up to {most}", word.text)))
}

fn use_backend(cc: &mut Compiler, args: &mut Args) -> Result<Box<dyn Action>, Fault> {
    if args.peek().is_some_and(|t| t.contains('%')) {
        return Ok(Box::new(UseBackend::Named(format(cc, args, "the name of a backend")?)));
    }
    let word = args.need("the name of a backend")?;
    cc.pos = word.pos;
    let backend = cc.backend(&word.text)?;
    let (own, other) = (cc.own(), &cc.config.proxies[backend]);
    if backend == cc.proxy {
        return Err(cc.fault("'use_backend' leads to itself"));
    }
    if !leads_to(own, other) {
        let message = format!("'{}' is in mode http and cannot lead to '{}', which is not", own.name, other.name);
        return Err(cc.fault(message).hint("give both the same mode"));
    }
    Ok(Box::new(UseBackend::Known(backend)))
}

fn use_server(cc: &mut Compiler, args: &mut Args) -> Result<Box<dyn Action>, Fault> {
    if args.peek().is_some_and(|t| t.contains('%')) {
        return Ok(Box::new(UseServer::Named(format(cc, args, "the name of a server")?)));
    }
    let word = args.need("the name of a server")?;
    cc.pos = word.pos;
    Ok(Box::new(UseServer::Known(cc.server(&word.text)?)))
}

/// Sorted by name.
pub static TABLE: &[ActionRow] = &[
    row("accept", "", TCP, "1.4", "Ends these rules; the session goes on.", |_, _| end(Verdict::Stop)),
    row("allow", "", MESSAGE | Family::Statistics.bit(), "1.4", "Ends these rules; the message goes on.", |_, _| {
        end(Verdict::Stop)
    }),
    row("close", "", Family::TcpResponse.bit(), "1.5", "Closes the connections to server and client.", |_, _| {
        end(Verdict::Reject)
    }),
    row("fail", "", Family::Monitor.bit(), "1.3", "Monitors are told that the service is down.", |_, a| {
        needs_condition(a)?;
        set(|e| e.monitor_fails = true)
    }),
    row("force-persist", "", PERSIST, "1.4", "Sessions stay on a server that is down, too.", |_, a| persist(a, true)),
    row("ignore-persist", "", PERSIST, "1.4", "Sessions stay nowhere.", |cc, a| {
        cc.warnings
            .push((a.pos(), "'ignore-persist' has little to ignore: cookies and stick tables come later".into()));
        persist(a, false)
    }),
    row("reject", "", TCP | Family::HttpRequest.bit(), "1.4", "Closes the connection without an answer.", |_, _| {
        end(Verdict::Reject)
    }),
    row("set-log-level", "<level>", MESSAGE | TCP, "1.5", "The level of the session's log line, or silent.", log_level),
    row("set-mark", "<mark>", HTTP | TCP, "1.5", "The mark of packets to the client (Linux, a privilege).", |cc, a| {
        let mark = packet_number(cc, a, u32::MAX)?;
        set(move |e| e.mark = Some(mark))
    }),
    row("set-nice", "<number>", HTTP | TCP, "1.5", "No effect: all sessions have their turn alike.", |cc, a| {
        let word = a.need("a number from -1024 to 1024")?;
        let valid = word.text.parse().is_ok_and(|n: i32| (-1024..=1024).contains(&n));
        if !valid {
            return Err(Fault::new(word.pos, format!("'{}' is not a number from -1024 to 1024", word.text)));
        }
        cc.warnings.push((word.pos, "'set-nice' has no effect: all sessions have their turn alike".into()));
        set(|_| ())
    }),
    row(
        "set-timeout",
        "{ client | server | tunnel } { <time> | <expression> }",
        Family::HttpRequest.bit(),
        "2.4",
        "A timeout for this session alone; a number is in ms.",
        set_timeout,
    ),
    row("set-tos", "<tos>", HTTP | TCP, "1.5", "The type of service of packets to the client.", |cc, a| {
        let tos = packet_number(cc, a, 255)? as u8;
        set(move |e| e.tos = Some(tos))
    }),
    row(
        "silent-drop",
        "",
        TCP | Family::HttpRequest.bit(),
        "1.6",
        "Closes the connection without telling the client. Without the privilege for that (Linux, CAP_NET_ADMIN) a reset is sent that \
         routers drop and clients of the same network get.",
        |_, _| end(Verdict::Drop),
    ),
    row("strict-mode", "{ on | off }", MESSAGE, "2.2", "Whether a change that is not possible is an error.", |_, a| {
        let word = a.need("on or off")?;
        match word.text.as_str() {
            "on" => set(|e| e.lax = false),
            "off" => set(|e| e.lax = true),
            other => Err(Fault::new(word.pos, format!("'{other}' is neither on nor off"))),
        }
    }),
    row(
        "use-server",
        "{ <server> | <format> }",
        Family::UseServer.bit(),
        "1.4",
        "Chooses a server, if it is up; a format (2.4) gives its name, and if there is none of that name, the algorithm chooses.",
        use_server,
    ),
    row("use_backend", "<backend>", Family::UseBackend.bit(), "1.3", "Chooses a backend.", use_backend),
    row(
        "wait-for-body",
        "time <time> [at-least <bytes>]",
        Family::HttpRequest.bit(),
        "2.4",
        "Waits for the body as far as it fits the buffer; 408 when it does not come in time.",
        wait_for_body,
    ),
    row("wait-for-handshake", "", Family::HttpRequest.bit(), "1.8", "Handshakes are over before requests.", |_, _| {
        set(|_| ())
    }),
];
