//! What is known while the files are read: the sections as drafts, with the places of their words, before names become
//! indices (`resolve`).

use super::address::{Family, HostPort};
use super::diag::{Diag, Diags, Level};
use super::lexer::Env;
use super::row;
use crate::model::{Audience, CheckSettings, CloseMode, Global, Listener, LogSink, Logger, Mode, Proxy, Server, retry};
use crate::rules::LogTexts;
use crate::util::map::Map;
use crate::util::words::{Fault, Pos, Reason, Word};
use std::net::IpAddr;

/// Turns a host name into an address.
pub type Resolver = fn(&str, Family) -> Option<IpAddr>;

/// The environment as the configuration sees it: `setenv` and the like change it for the lines that follow.
#[derive(Default)]
pub struct Variables(pub Map<String, String>);

impl Env for Variables {
    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
}

/// The section that is being read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Current {
    /// Before the first section.
    None,
    Global,
    /// `State::drafts` or, for a `defaults`, `State::defaults`.
    Proxy(usize),
    Defaults(usize),
    Userlist,
    Resolvers,
    /// A section that is refused or was broken in its first line: its lines are not looked at.
    Skipped,
}

/// All that was read so far.
pub struct State {
    pub diags: Diags,
    pub vars: Variables,
    pub resolver: Resolver,
    pub current: Current,
    pub global: Global,
    /// Places of global keywords that may be given once.
    pub seen: Map<&'static str, Pos>,
    pub defaults: Vec<Draft>,
    pub drafts: Vec<Draft>,
    /// `set-var` and `set-var-fmt` of the process.
    pub variables: Vec<crate::rules::Line>,
    pub userlists: Vec<super::accounts::ListDraft>,
    /// Command sockets.
    pub sockets: Vec<Listener>,
    pub sinks: Vec<LogSink>,
    /// For each sink, whether its format is the default.
    pub sink_defaulted: Vec<bool>,
    /// The file whose TLS settings were warned about last.
    pub tls_warned: Option<u16>,
    pub bind: BindDraft,
    pub server: ServerDraft,
    /// A `server` line is being read, not a `bind` line.
    pub on_server: bool,
    /// Host names that were looked up (with the family asked for).
    pub names: Map<(String, u8), Option<IpAddr>>,
}

impl State {
    pub fn new(resolver: Resolver, vars: Map<String, String>) -> State {
        State {
            diags: Diags::new(),
            vars: Variables(vars),
            resolver,
            current: Current::None,
            global: Global::default(),
            seen: Map::new(),
            defaults: Vec::new(),
            drafts: Vec::new(),
            variables: Vec::new(),
            userlists: Vec::new(),
            sockets: Vec::new(),
            sinks: Vec::new(),
            sink_defaulted: Vec::new(),
            tls_warned: None,
            bind: BindDraft::default(),
            server: ServerDraft::default(),
            on_server: false,
            names: Map::new(),
        }
    }

    /// Records an error.
    pub fn fault(&mut self, fault: Fault) {
        let Reason { pos, message, hint } = fault.into_reason();
        self.diags.push(Diag { level: Level::Alert, pos, message, hint });
    }

    /// Records the error of a result, if it is one.
    pub fn take(&mut self, result: Result<(), Fault>) {
        if let Err(fault) = result {
            self.fault(fault);
        }
    }

    /// Remembers a TLS option of the `bind` or `server` line being read.
    pub fn tls_option(&mut self, name: &str, pos: Pos) {
        let (tls, ssl) = if self.on_server {
            (&mut self.server.tls, &mut self.server.ssl)
        } else {
            (&mut self.bind.tls, &mut self.bind.ssl)
        };
        let place = if matches!(name, "ssl" | "check-ssl") { ssl } else { tls };
        place.get_or_insert(pos);
    }

    /// Remembers an option of the `server` line being read that only matters with `check`.
    pub fn note_option(&mut self, name: &str, pos: Pos) {
        const CHECKS: [&str; 8] =
            ["addr", "check-send-proxy", "downinter", "fall", "fastinter", "inter", "port", "rise"];
        if self.on_server && !self.server.is_default && CHECKS.contains(&name) {
            self.server.check_option.get_or_insert(pos);
        }
    }

    /// The proxy (or `defaults`) being read. Only functions of proxy tables call it, in such a section.
    pub fn draft(&mut self) -> &mut Draft {
        match self.current {
            Current::Defaults(at) => &mut self.defaults[at],
            Current::Proxy(at) => &mut self.drafts[at],
            _ => unreachable!("a proxy keyword outside a proxy"),
        }
    }

    /// The settings of the proxy being read.
    pub fn proxy(&mut self) -> &mut Proxy {
        &mut self.draft().proxy
    }

    /// The bit of the current section.
    pub fn section(&self) -> u16 {
        match self.current {
            Current::Global => row::GLOBAL,
            Current::Defaults(_) => row::DEFAULTS,
            Current::Proxy(at) => match self.drafts[at].kind {
                Kind::Defaults => row::DEFAULTS,
                Kind::Frontend => row::FRONTEND,
                Kind::Backend => row::BACKEND,
                Kind::Listen => row::LISTEN,
            },
            Current::Userlist => row::USERLIST,
            Current::Resolvers => row::RESOLVERS,
            Current::None | Current::Skipped => 0,
        }
    }

    /// "file:line" of a place.
    pub fn origin(&self, pos: Pos) -> String {
        format!("{}:{}", self.diags.file_name(pos.file), pos.line)
    }

    /// The index of a log sink, shared with equal ones.
    pub fn sink(&mut self, sink: LogSink, defaulted: bool) -> usize {
        let known = self.sinks.iter().zip(&self.sink_defaulted).position(|(s, d)| *s == sink && *d == defaulted);
        known.unwrap_or_else(|| {
            self.sinks.push(sink);
            self.sink_defaulted.push(defaulted);
            self.sinks.len() - 1
        })
    }

    /// Whether a keyword that may be given once is new; warns when it is not.
    pub fn once(&mut self, name: &'static str, pos: Pos) -> bool {
        if let Some(first) = self.seen.get(name) {
            let message = format!("'{name}' was already given in line {}: the first value stays", first.line);
            self.diags.warning(pos, message);
            return false;
        }
        self.seen.insert(name, pos);
        true
    }
}

/// The type of a proxy section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Defaults,
    Frontend,
    Backend,
    Listen,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Defaults => "defaults",
            Kind::Frontend => "frontend",
            Kind::Backend => "backend",
            Kind::Listen => "listen",
        }
    }
}

/// One `log` line of a proxy.
#[derive(Clone, Debug)]
pub enum LogEntry {
    /// `log global`
    Global,
    Own(Logger),
}

/// The request of `option httpchk` and `http-check send`.
#[derive(Clone, Debug)]
pub struct HttpCheck {
    pub method: String,
    pub uri: String,
    pub version: String,
    /// Name (lower case) and value.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Default for HttpCheck {
    fn default() -> HttpCheck {
        HttpCheck {
            method: "OPTIONS".into(),
            uri: "/".into(),
            version: "HTTP/1.0".into(),
            headers: Vec::new(),
            body: String::new(),
        }
    }
}

/// A proxy as read.
#[derive(Clone, Debug)]
pub struct Draft {
    pub kind: Kind,
    pub proxy: Proxy,
    /// Place of the section's name, or of its first word.
    pub pos: Pos,
    pub id_pos: Pos,
    pub default_backend: Option<Word>,
    /// Conditions and rules, and how many of them come from the defaults.
    pub rules: Vec<crate::rules::Line>,
    pub inherited_rules: usize,
    /// `tcp-request inspect-delay`
    pub inspect_ms: [u32; 2],
    pub log_texts: LogTexts,
    pub logs: Vec<LogEntry>,
    pub binds: Vec<(Listener, Pos)>,
    pub servers: Vec<ServerDraft>,
    pub default_server: ServerDraft,
    pub http_check: HttpCheck,
    /// The statistics page comes from the defaults: the first `stats` line of the proxy itself begins anew.
    pub stats_inherited: bool,
    /// Where settings that later checks speak about were made.
    pub places: Map<&'static str, Pos>,
    /// A proxy took this `defaults` by name / for being the last.
    pub used_by_name: bool,
    pub used_as_last: bool,
}

impl Draft {
    /// A section without any setting.
    pub fn new(kind: Kind, name: &str, pos: Pos) -> Draft {
        let proxy = Proxy {
            name: name.to_owned(),
            retries: 3,
            retry_on: retry::CONN_FAILURE,
            close_mode: CloseMode::KeepAlive,
            mode: Mode::Tcp,
            ..Proxy::default()
        };
        Draft {
            kind,
            proxy,
            pos,
            id_pos: Pos::default(),
            default_backend: None,
            rules: Vec::new(),
            inherited_rules: 0,
            inspect_ms: [0; 2],
            log_texts: LogTexts::default(),
            logs: Vec::new(),
            binds: Vec::new(),
            servers: Vec::new(),
            default_server: ServerDraft::default(),
            http_check: HttpCheck::default(),
            stats_inherited: false,
            places: Map::new(),
            used_by_name: false,
            used_as_last: false,
        }
    }

    /// A section that begins with the settings of this one.
    pub fn heir(&self, kind: Kind, name: &str, pos: Pos) -> Draft {
        let mut heir = self.clone();
        heir.kind = kind;
        heir.inherited_rules = heir.rules.len();
        heir.pos = pos;
        heir.proxy.name = name.to_owned();
        heir.stats_inherited = heir.proxy.stats.is_some();
        // The section's own rules replace those of its defaults, they do not add to them.
        heir.places.remove("http-check expect");
        heir.places.remove("http-check send");
        (heir.used_by_name, heir.used_as_last) = (false, false);
        heir
    }

    /// "frontend 'name'", as messages say it.
    pub fn title(&self) -> String {
        let kind = if self.kind == Kind::Listen { "proxy" } else { self.kind.name() };
        format!("{kind} '{}'", self.proxy.name)
    }

    /// Place of a setting, or of the section.
    pub fn place(&self, of: &str) -> Pos {
        self.places.get(of).copied().unwrap_or(self.pos)
    }
}

/// A `bind` or `stats socket` line as read.
#[derive(Clone, Debug)]
pub struct BindDraft {
    /// What all its sockets have in common; `place` and `shown` are those of each.
    pub listener: Listener,
    pub level: Option<crate::model::CliLevel>,
    /// How many sockets the line opens.
    pub sockets: usize,
    pub id_pos: Pos,
    /// The first TLS option, and `ssl`.
    pub tls: Option<Pos>,
    pub ssl: Option<Pos>,
}

impl Default for BindDraft {
    fn default() -> BindDraft {
        BindDraft {
            listener: Listener {
                audience: Audience::Frontend(0),
                name: String::new(),
                id: 0,
                place: crate::sys::listen::Place::Inherited(-1),
                shown: String::new(),
                options: crate::sys::listen::ListenOptions::default(),
                accept_proxy: false,
                maxconn: 0,
                origin: String::new(),
            },
            level: None,
            sockets: 0,
            id_pos: Pos::default(),
            tls: None,
            ssl: None,
        }
    }
}

/// One way to find a server's address at start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InitAddr {
    Last,
    Libc,
    None,
    Ip(IpAddr),
}

/// A `server`, `default-server` or `server-template` line as read.
#[derive(Clone, Debug, Default)]
pub struct ServerDraft {
    pub server: Server,
    pub check: bool,
    pub settings: CheckSettings,
    pub check_send_proxy: bool,
    /// `addr` as written, to be resolved.
    pub check_addr: Option<(HostPort, Pos)>,
    pub host: Option<HostPort>,
    pub init_addr: Vec<InitAddr>,
    pub resolvers: Option<Pos>,
    pub pos: Pos,
    pub name_pos: Pos,
    pub addr_pos: Pos,
    pub id_pos: Pos,
    pub check_pos: Pos,
    /// The first option of the line that only matters with `check`.
    pub check_option: Option<Pos>,
    pub tls: Option<Pos>,
    pub ssl: Option<Pos>,
    /// This is a `default-server` line.
    pub is_default: bool,
}
