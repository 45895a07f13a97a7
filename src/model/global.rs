//! The section `global`.

use super::Logger;

/// The section `global`.
#[derive(Debug, Clone)]
pub struct Global {
    pub daemon: bool,
    pub master_worker: bool,
    /// `maxconn` as configured; 0 = derived from the limits.
    pub maxconn: u32,
    pub maxconnrate: u32,
    pub maxsessrate: u32,
    /// 0 = a quarter of maxconn, when something splices.
    pub maxpipes: u32,
    pub ulimit_n: u32,
    pub fd_hard_limit: u32,
    pub nbthread: u32,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub chroot: Option<String>,
    pub pidfile: Option<String>,
    pub node: Option<String>,
    pub description: Option<String>,
    pub noepoll: bool,
    pub nokqueue: bool,
    pub nosplice: bool,
    /// `h1-accept-payload-with-any-method`.
    pub payload_with_any_method: bool,
    pub quiet: bool,
    /// `zero-warning`: a warning prevents the start.
    pub zero_warning: bool,
    pub spread_checks: u32,
    pub hard_stop_after_ms: u32,
    pub grace_ms: u32,
    pub log_tag: String,
    pub log_send_hostname: Option<String>,
    pub loggers: Vec<Logger>,
    pub stats_maxconn: u32,
    pub stats_timeout_ms: u32,
    pub unix_bind: UnixBind,
    pub tune: Tune,
}

/// `unix-bind` defaults for the unix sockets of all bind lines.
#[derive(Debug, Clone, Default)]
pub struct UnixBind {
    pub prefix: String,
    pub mode: Option<u32>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
}

/// The `tune.*` family.
#[derive(Debug, Clone)]
pub struct Tune {
    /// Bytes of a buffer.
    pub bufsize: u32,
    /// Bytes at the front of a buffer kept for headers that grow.
    pub maxrewrite: u32,
    pub maxhdr: u32,
    /// Bytes of the request line kept for the log.
    pub logurilen: u32,
    pub maxaccept: u32,
    pub maxpollevents: u32,
    pub runqueue_depth: u32,
    pub pipesize: u32,
    pub rcvbuf_client: u32,
    pub rcvbuf_server: u32,
    pub sndbuf_client: u32,
    pub sndbuf_server: u32,
    /// Bytes below which data is copied rather than spliced.
    pub splice_threshold: u32,
    /// Room for the long texts of variables, bytes: of the process, of a session, of a transaction, of a request and its response.
    pub vars: [Option<u32>; 4],
}

impl Tune {
    /// Room for long texts of variables: of the process, of sessions, of transactions with their requests and responses.
    pub fn variables(&self) -> [u32; 3] {
        let usual = (self.bufsize / 4).max(1024);
        let [process, session, transaction, message] = self.vars;
        let both = transaction.into_iter().chain(message).reduce(u32::saturating_add);
        [process, session, both].map(|n| n.unwrap_or(usual))
    }
}

impl Default for Tune {
    fn default() -> Tune {
        Tune {
            bufsize: 16_384,
            maxrewrite: 1024,
            maxhdr: 101,
            logurilen: 1024,
            maxaccept: 64,
            maxpollevents: 200,
            runqueue_depth: 200,
            pipesize: 0,
            rcvbuf_client: 0,
            rcvbuf_server: 0,
            sndbuf_client: 0,
            sndbuf_server: 0,
            splice_threshold: 4096,
            vars: [None; 4],
        }
    }
}

impl Default for Global {
    fn default() -> Global {
        Global {
            daemon: false,
            master_worker: false,
            maxconn: 0,
            maxconnrate: 0,
            maxsessrate: 0,
            maxpipes: 0,
            ulimit_n: 0,
            fd_hard_limit: 0,
            nbthread: 0,
            uid: None,
            gid: None,
            chroot: None,
            pidfile: None,
            node: None,
            description: None,
            noepoll: false,
            nokqueue: false,
            nosplice: false,
            payload_with_any_method: false,
            quiet: false,
            zero_warning: false,
            spread_checks: 0,
            hard_stop_after_ms: 0,
            grace_ms: 0,
            log_tag: "evenkeel".into(),
            log_send_hostname: None,
            loggers: Vec::new(),
            stats_maxconn: 10,
            stats_timeout_ms: 10_000,
            unix_bind: UnixBind::default(),
            tune: Tune::default(),
        }
    }
}
