//! The immutable configuration as compiled: what the workers read and nobody changes after start-up.
//!
//! Proxies, servers and listeners are flat arrays; they refer to each other by index. Times are milliseconds, 0 = not set.

mod global;

pub use global::{Global, Tune, UnixBind};

use crate::sys::Target;
use crate::sys::listen::{ListenOptions, Place};
use std::net::IpAddr;

/// Everything that one process runs.
#[derive(Debug, Default)]
pub struct Config {
    pub global: Global,
    pub proxies: Vec<Proxy>,
    pub servers: Vec<Server>,
    pub listeners: Vec<Listener>,
    /// Sinks named by `log` lines; equal ones are shared.
    pub sinks: Vec<LogSink>,
    pub userlists: Vec<crate::auth::Userlist>,
}

/// How a proxy treats what it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    #[default]
    Tcp,
    Http,
    /// `mode health` of 1.5: answer "OK" and close.
    Health,
}

/// When connections are closed in HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum CloseMode {
    #[default]
    KeepAlive,
    /// `option http-tunnel` of 1.5: only the first request and response are looked at.
    Tunnel,
    ServerClose,
    Close,
}

/// `http-reuse`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reuse {
    Never,
    #[default]
    Safe,
    Aggressive,
    Always,
}

/// Options that are on or off, one bit each (`Proxy::options`).
#[allow(missing_docs)]
pub mod opt {
    pub const ABORTONCLOSE: u64 = 1;
    pub const ACCEPT_INVALID_REQUEST: u64 = 1 << 1;
    pub const ACCEPT_INVALID_RESPONSE: u64 = 1 << 2;
    pub const ALLBACKUPS: u64 = 1 << 3;
    pub const CLITCPKA: u64 = 1 << 4;
    pub const CONTSTATS: u64 = 1 << 5;
    pub const DONTLOG_NORMAL: u64 = 1 << 6;
    pub const DONTLOGNULL: u64 = 1 << 7;
    pub const NO_DELAY: u64 = 1 << 8;
    pub const PRETEND_KEEPALIVE: u64 = 1 << 9;
    pub const HTTP_BUFFER_REQUEST: u64 = 1 << 10;
    pub const INDEPENDENT_STREAMS: u64 = 1 << 11;
    pub const LOG_HEALTH_CHECKS: u64 = 1 << 12;
    pub const LOG_SEPARATE_ERRORS: u64 = 1 << 13;
    pub const LOGASAP: u64 = 1 << 14;
    pub const NOLINGER: u64 = 1 << 15;
    pub const PREFER_LAST_SERVER: u64 = 1 << 17;
    pub const SOCKET_STATS: u64 = 1 << 18;
    pub const SPLICE_AUTO: u64 = 1 << 19;
    pub const SPLICE_REQUEST: u64 = 1 << 20;
    pub const SPLICE_RESPONSE: u64 = 1 << 21;
    pub const SRVTCPKA: u64 = 1 << 22;
    pub const SMART_ACCEPT: u64 = 1 << 23;
    pub const SMART_CONNECT: u64 = 1 << 24;
    pub const TRANSPARENT: u64 = 1 << 25;
    pub const IGNORE_PROBES: u64 = 1 << 26;
    pub const CHECKCACHE: u64 = 1 << 27;
    pub const PERSIST: u64 = 1 << 29;
    pub const HTTP_PROXY: u64 = 1 << 30;
    pub const DISABLE_ON_404: u64 = 1 << 28;
    /// Any of the three options that can make a connection spliced.
    pub const SPLICE_ANY: u64 = SPLICE_AUTO | SPLICE_REQUEST | SPLICE_RESPONSE;
}

/// `retry-on` conditions, one bit each.
#[allow(missing_docs)]
pub mod retry {
    pub const CONN_FAILURE: u32 = 1;
    pub const EMPTY_RESPONSE: u32 = 1 << 1;
    pub const JUNK_RESPONSE: u32 = 1 << 2;
    pub const RESPONSE_TIMEOUT: u32 = 1 << 3;
    pub const ZERO_RTT_REJECTED: u32 = 1 << 4;
    /// `retry-on` status codes, in the order of [`STATUS_CODES`].
    pub const STATUS_SHIFT: u32 = 8;
    pub const STATUS_CODES: [u16; 10] = [401, 403, 404, 408, 425, 500, 501, 502, 503, 504];

    /// The bit of a status code that may be retried.
    pub fn status_bit(code: u16) -> u32 {
        STATUS_CODES.iter().position(|c| *c == code).map_or(0, |i| 1 << (STATUS_SHIFT + i as u32))
    }
}

/// The family `timeout`, milliseconds, 0 = not set (infinite).
#[derive(Debug, Clone, Copy, Default)]
pub struct Timeouts {
    pub client: u32,
    pub server: u32,
    pub connect: u32,
    pub queue: u32,
    pub http_request: u32,
    pub http_keep_alive: u32,
    pub tunnel: u32,
    pub client_fin: u32,
    pub server_fin: u32,
    pub tarpit: u32,
    pub check: u32,
}

impl Timeouts {
    /// How long the head of a request may take.
    pub fn request(&self) -> u32 {
        if self.http_request > 0 { self.http_request } else { self.client }
    }
}

/// A network for `except` and the like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Net {
    pub addr: IpAddr,
    /// Length of the prefix in bits.
    pub bits: u8,
}

impl Net {
    /// True when `ip` lies within.
    pub fn contains(&self, ip: IpAddr) -> bool {
        fn same(a: &[u8], b: &[u8], bits: usize) -> bool {
            let (whole, rest) = (bits / 8, bits % 8);
            a[..whole] == b[..whole] && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0)
        }
        match (self.addr, ip) {
            (IpAddr::V4(a), IpAddr::V4(b)) => same(&a.octets(), &b.octets(), self.bits.into()),
            (IpAddr::V6(a), IpAddr::V6(b)) => same(&a.octets(), &b.octets(), self.bits.into()),
            _ => false,
        }
    }
}

/// `option forwardfor` or `option originalto`.
#[derive(Debug, Clone)]
pub struct ForwardFor {
    pub header: String,
    pub except: Option<Net>,
    pub if_none: bool,
}

/// Where the hash of a request comes from, for `balance`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum KeySource {
    #[default]
    None,
    Source,
    Uri {
        len: u32,
        depth: u32,
        whole: bool,
        path_only: bool,
    },
    UrlParam {
        name: String,
        check_post: Option<u32>,
    },
    Hdr {
        name: String,
        domain_only: bool,
    },
    RdpCookie {
        name: String,
    },
}

/// `balance` and `hash-type`.
#[derive(Debug, Clone, Default)]
pub struct Balance {
    /// Name of the algorithm in `balance::ALGORITHMS`; empty = roundrobin.
    pub algorithm: &'static str,
    pub key: KeySource,
    pub consistent: bool,
    /// Name of the hash function; empty = the default of the method.
    pub function: &'static str,
    /// `avalanche`: none = the default of the method and function.
    pub avalanche: Option<bool>,
    pub draws: u32,
    pub factor: u32,
}

/// What a client gets for an error of ours, or a redirect instead.
#[derive(Debug, Clone)]
pub enum ErrorReply {
    /// `errorfile`: the bytes of the file.
    File(Vec<u8>),
    /// `errorloc*`: status code and location.
    Redirect(u16, String),
}

/// `stats ...` of a proxy.
#[derive(Debug, Clone, Default)]
pub struct StatsPage {
    pub uri: String,
    pub realm: String,
    /// `user:password` pairs of `stats auth`.
    pub auth: Vec<String>,
    pub refresh_s: u32,
    pub hide_version: bool,
    pub show_node: Option<String>,
    pub show_desc: Option<String>,
    pub show_legends: bool,
    pub scopes: Vec<String>,
}

/// A log destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSink {
    pub place: SinkPlace,
    pub format: SinkFormat,
    /// Longest line, bytes.
    pub max_len: u32,
}

/// Where log lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SinkPlace {
    Udp(std::net::SocketAddr),
    Unix(String),
    Fd(i32),
}

/// The head of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SinkFormat {
    #[default]
    Rfc3164,
    /// RFC 3164 without the host name (what unix sockets and `local` get).
    Local,
    Rfc5424,
    Priority,
    Short,
    Timed,
    Iso,
    Raw,
}

/// One `log` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logger {
    /// Index into `Config::sinks`.
    pub sink: usize,
    /// Syslog facility 0..=23.
    pub facility: u8,
    /// Only lines at least as severe as this (a lower number) are sent.
    pub level: u8,
    /// Lines more severe than this are sent as this.
    pub min_level: u8,
    /// `sample ranges:size`: which of every `size` lines go here (bit i = line i+1); 0 size = all.
    pub sample: Option<(Vec<(u32, u32)>, u32)>,
}

/// The shape of the traffic log of a frontend.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LogShape {
    /// One line at the start: "Connect from ...".
    #[default]
    Connect,
    Tcp,
    Http,
    Https,
    Clf,
    Custom(String),
}

/// A health check as configured for a backend.
#[derive(Debug, Clone, Default)]
pub struct CheckKind {
    /// Name of the type in `check::KINDS`; empty = TCP connect.
    pub kind: &'static str,
    /// The bytes that it sends, for `option httpchk`.
    pub request: Vec<u8>,
    pub expect: Option<Expect>,
}

/// `http-check expect`
#[derive(Debug, Clone)]
pub struct Expect {
    pub negate: bool,
    pub what: ExpectWhat,
}

/// What `http-check expect` looks at.
#[derive(Debug, Clone)]
pub enum ExpectWhat {
    /// Ranges of status codes.
    Status(Vec<(u16, u16)>),
    String(Vec<u8>),
}

/// A `defaults`, `frontend`, `backend` or `listen` section.
#[derive(Debug, Clone, Default)]
pub struct Proxy {
    pub name: String,
    /// `id` or the next free number.
    pub id: u32,
    pub is_frontend: bool,
    pub is_backend: bool,
    pub disabled: bool,
    pub description: Option<String>,
    pub mode: Mode,
    pub options: u64,
    pub timeouts: Timeouts,
    /// Frontend: connections at once; 0 = the global limit.
    pub maxconn: u32,
    pub fullconn: u32,
    pub backlog: u32,
    pub rate_limit: u32,
    pub close_mode: CloseMode,
    pub reuse: Reuse,
    pub default_backend: Option<usize>,
    /// Backends that its rules `use_backend` name, beside those whose names are found at run time.
    pub use_backends: Vec<usize>,
    pub balance: Balance,
    /// Connection attempts after the first one fails.
    pub retries: u32,
    /// `option redispatch`: 0 = never, -1 = on the last retry, n > 0 = on every n-th, n < 0 = counted from the last.
    pub redispatch: i32,
    pub retry_on: u32,
    pub forward_for: Option<ForwardFor>,
    pub original_to: Option<ForwardFor>,
    pub stats: Option<StatsPage>,
    pub monitor_uri: Option<String>,
    /// `http-send-name-header`, `unique-id-header`
    pub name_header: Option<String>,
    pub unique_id_header: Option<String>,
    pub monitor_net: Option<Net>,
    pub errors: Vec<(u16, ErrorReply)>,
    pub loggers: Vec<Logger>,
    pub log_shape: LogShape,
    pub log_tag: Option<String>,
    pub check: CheckKind,
    pub dispatch: Option<Target>,
    pub source: Option<crate::sys::Addr>,
    pub source_interface: Option<String>,
    pub grace_ms: u32,
    /// The proxy's servers, `Config::servers[first_server..first_server + server_count]`.
    pub first_server: usize,
    pub server_count: usize,
    /// File and line of the section, for messages.
    pub place: String,
}

impl Proxy {
    /// True when the option (a constant of [`opt`]) is on.
    #[inline]
    pub fn has(&self, option: u64) -> bool {
        self.options & option != 0
    }

    /// The proxy's servers as indices into `Config::servers`.
    pub fn servers(&self) -> std::ops::Range<usize> {
        self.first_server..self.first_server + self.server_count
    }
}

/// Which PROXY protocol header is sent or expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProxyHeader {
    #[default]
    None,
    V1,
    V2,
}

/// A `server` line.
#[derive(Debug, Clone)]
pub struct Server {
    pub proxy: usize,
    pub name: String,
    /// `id` or the next free number; what hashes and the statistics use.
    pub id: u32,
    pub target: Target,
    /// Port relative to the port that the client connected to (`addr:+80`, `addr:-1`) or the same (`addr`).
    pub port_offset: Option<i32>,
    /// 0..=256
    pub weight: u32,
    pub backup: bool,
    /// Starts in maintenance.
    pub disabled: bool,
    /// 0 = no limit.
    pub maxconn: u32,
    pub minconn: u32,
    /// 0 = no limit.
    pub maxqueue: u32,
    pub send_proxy: ProxyHeader,
    pub source: Option<crate::sys::Addr>,
    pub interface: Option<String>,
    pub user_timeout_ms: u32,
    /// Idle connections kept; none = no limit of its own.
    pub pool_max_conn: Option<u32>,
    pub pool_purge_delay_ms: u32,
    /// Requests over one connection, 0 = no limit.
    pub max_reuse: u32,
    pub cookie: Option<String>,
    pub check: Option<CheckSettings>,
    pub on_marked_down_shutdown: bool,
    pub slowstart_ms: u32,
    /// The line, for messages.
    pub place: String,
}

impl Default for Server {
    fn default() -> Server {
        Server {
            proxy: 0,
            name: String::new(),
            id: 0,
            target: Target::Inet(crate::sys::Addr::None),
            port_offset: None,
            weight: 1,
            backup: false,
            disabled: false,
            maxconn: 0,
            minconn: 0,
            maxqueue: 0,
            send_proxy: ProxyHeader::None,
            source: None,
            interface: None,
            user_timeout_ms: 0,
            pool_max_conn: None,
            pool_purge_delay_ms: 5000,
            max_reuse: 0,
            cookie: None,
            check: None,
            on_marked_down_shutdown: false,
            slowstart_ms: 0,
            place: String::new(),
        }
    }
}

/// `check` and its companions on a server line.
#[derive(Debug, Clone)]
pub struct CheckSettings {
    /// Between two checks, ms.
    pub inter_ms: u32,
    /// In transition states, ms; 0 = `inter`.
    pub fastinter_ms: u32,
    /// While down, ms; 0 = `inter`.
    pub downinter_ms: u32,
    pub rise: u32,
    pub fall: u32,
    /// 0 = the server's port.
    pub port: u16,
    pub addr: Option<Target>,
    /// `send-proxy` on the server line applies to checks too, unless check addresses differ.
    pub send_proxy: bool,
}

impl Default for CheckSettings {
    fn default() -> CheckSettings {
        CheckSettings {
            inter_ms: 2000,
            fastinter_ms: 0,
            downinter_ms: 0,
            rise: 2,
            fall: 3,
            port: 0,
            addr: None,
            send_proxy: false,
        }
    }
}

/// What connects to a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Clients of a frontend (its index).
    Frontend(usize),
    /// Operators: the command socket.
    Cli(CliLevel),
}

/// What the user of a command socket may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CliLevel {
    User,
    Operator,
    Admin,
}

/// One listening socket.
#[derive(Debug, Clone)]
pub struct Listener {
    pub audience: Audience,
    pub name: String,
    /// `id` or the next free number of the frontend.
    pub id: u32,
    pub place: Place,
    /// As written, for messages and the page.
    pub shown: String,
    pub options: ListenOptions,
    /// `accept-proxy`
    pub accept_proxy: bool,
    /// 0 = no limit of its own.
    pub maxconn: u32,
    /// `level`, for the line of messages.
    pub origin: String,
}
