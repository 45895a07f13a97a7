//! A session: one TCP connection, or one HTTP request and its response, between a client and a server.
//!
//! It joins two endpoints by two channels and walks through the phases of [`phases`]. Between two requests of a keep-alive
//! client there is no session. It ends in one place ([`finish`]), whatever ended it.

mod answer;
mod assign;
mod body;
pub mod channel;
mod connect;
pub mod context;
pub mod endpoint;
mod finish;
mod inspect;
mod look;
mod phases;
mod proxy_header;
mod request;
mod response;
mod rules;
mod transfer;
mod view;

pub use answer::{AppletKind, AppletState};
pub use finish::{AfterEnd, finish, linger as finish_linger};
pub use phases::{Outcome, run};
pub use proxy_header::{Parsed as ProxyParsed, parse as parse_proxy_header, write_header as write_proxy_header};
pub use request::first_phase;
pub use rules::admits;

use crate::http::{Method, Version};
use crate::mem::Handle;
use crate::model::{Config, Proxy, opt};
use crate::rules::Effects;
use crate::sample::OwnTimeouts;
use crate::server::Ticket;
use crate::sys::Addr;
use crate::util::tick::Tick;
use channel::Channel;
use endpoint::{Conn, NO_INDEX};

/// Where a session is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Phase {
    /// Waits for the PROXY header (`accept-proxy`).
    ProxyHeader,
    /// Looks at the first bytes of a TCP session (`tcp-request content`).
    Inspect,
    /// Waits for the head of the request.
    Request,
    /// Its rules wait: for the body, for a password that is being checked.
    Rules,
    /// Waits for a server's slot.
    Assign,
    /// Waits for the connection to the server.
    Connect,
    /// Sends the request, waits for the head of the response.
    Response,
    /// Moves data in both directions.
    Transfer,
    /// Holds an answer of our own back (`http-request tarpit`).
    Tarpit,
    /// Sends an answer of our own.
    Answer,
    /// Produces an answer of our own piece by piece (statistics page).
    Applet,
    /// Commands of an operator.
    Cli,
}

/// What a phase says to the driver.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    Next,
    Goto(Phase),
    Wait,
    /// The session is over; its `cause` says why.
    End,
}

/// Who ended a session and in which stage: HAProxy's termination state (manual 8.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EndCause {
    pub who: u8,
    pub stage: u8,
}

impl EndCause {
    /// It ended well.
    pub const NORMAL: EndCause = EndCause { who: b'-', stage: b'-' };

    /// A cause by its two letters.
    pub const fn new(who: u8, stage: u8) -> EndCause {
        EndCause { who, stage }
    }
}

/// When things happened; never = not reached.
#[derive(Clone, Copy, Default, Debug)]
pub struct Times {
    /// First byte of the request (HTTP) or accept (TCP).
    pub start: Tick,
    /// Wall clock of `start`.
    pub start_at: (i64, u32),
    pub request: Tick,
    pub queue: Tick,
    pub connect: Tick,
    pub response: Tick,
    /// The last attempt to connect began.
    pub attempt: Tick,
    /// Milliseconds that the client's connection was idle before.
    pub idle_ms: u32,
}

/// A session.
pub struct Session {
    pub client: Handle<Conn>,
    pub server_conn: Handle<Conn>,
    pub me: Handle<Session>,
    pub phase: Phase,
    pub http: bool,
    pub fe: u16,
    pub be: u16,
    /// The chosen server, or `NO_INDEX`.
    pub server: u32,
    /// We hold one of its slots.
    pub slot: bool,
    /// Counted in the backend's connections.
    pub be_counted: bool,
    /// The choice came from the client's last server.
    pub persistent: bool,
    /// Place in a queue, and of which server (`NO_INDEX`: the backend's).
    pub ticket: Option<Ticket>,
    pub queued_on: u32,
    /// Sessions before this one when it was queued.
    pub queue_pos: (u32, u32),
    pub key: Option<u32>,
    pub retries: u16,
    pub redispatched: bool,
    /// The server connection was idle before this request.
    pub reused: bool,
    pub connected: bool,
    /// The next attempt to connect waits for this (turn-around).
    pub turnaround: bool,
    /// Bytes of a PROXY header before the request in its buffer.
    pub prefix: u16,
    pub req: Channel,
    pub res: Channel,
    /// Offset from the message's start up to which its head was searched for the end.
    pub scanned: u32,
    pub method: Method,
    /// The request was HTTP/1.1.
    pub http11: bool,
    /// Of the server's response.
    pub response_version: Option<Version>,
    pub status: u16,
    /// The client's connection stays open after this.
    pub keep_client: bool,
    pub keep_server: bool,
    /// The server did not announce to close: it still reads a request that is longer than its patience for an answer.
    pub server_stays: bool,
    /// The client waits for `100 Continue`; it got ours.
    pub expects_continue: bool,
    pub continued: bool,
    pub tunnel: bool,
    /// The request asked for another protocol: only then may the server switch.
    pub asked_upgrade: bool,
    /// Nothing may be sent to the server any more (it failed), its answer is still read.
    pub request_broken: bool,
    pub client_at: Tick,
    pub server_at: Tick,
    pub phase_at: Tick,
    pub times: Times,
    /// The request line for the log.
    pub line: Handle<()>,
    pub line_len: u16,
    /// Our end of the connection to the server, kept for the log when that connection is given up (only if the log shows it).
    pub source: Addr,
    pub cause: EndCause,
    pub logged: bool,
    /// Bytes in and out that the counters have already.
    pub counted: (u64, u64),
    pub applet: AppletState,
    /// What its rules want beside changing messages.
    pub effects: Effects,
    /// Where its rules go on: the stage and the operation.
    pub rule: (u8, u32),
    /// The number of the request, once something shows it.
    pub number: Option<u32>,
    /// Where the server's name is to be put: offset from the head's start (`http-send-name-header`).
    pub name_at: Option<u16>,
    /// Captures and variables.
    pub notes: Handle<()>,
    /// Bytes of the room's `text` that are the head that rules changed; 0 = the head is the one that came.
    pub edited: u16,
}

impl Session {
    /// A session that begins now on a client's connection.
    pub fn new(client: Handle<Conn>, fe: usize, http: bool, phase: Phase) -> Session {
        Session {
            client,
            server_conn: Handle::NONE,
            me: Handle::NONE,
            phase,
            http,
            fe: fe as u16,
            be: fe as u16,
            server: NO_INDEX,
            slot: false,
            be_counted: false,
            persistent: false,
            ticket: None,
            queued_on: NO_INDEX,
            queue_pos: (0, 0),
            key: None,
            retries: 0,
            redispatched: false,
            reused: false,
            connected: false,
            turnaround: false,
            prefix: 0,
            req: Channel::default(),
            res: Channel::default(),
            scanned: 0,
            method: Method::Other,
            http11: true,
            response_version: None,
            status: 0,
            keep_client: false,
            keep_server: false,
            server_stays: false,
            expects_continue: false,
            continued: false,
            tunnel: !http,
            asked_upgrade: false,
            request_broken: false,
            client_at: Tick::NEVER,
            server_at: Tick::NEVER,
            phase_at: Tick::NEVER,
            times: Times::default(),
            line: Handle::NONE,
            line_len: 0,
            source: Addr::None,
            cause: EndCause::NORMAL,
            logged: false,
            counted: (0, 0),
            applet: AppletState::default(),
            effects: Effects::default(),
            rule: (0, 0),
            number: None,
            name_at: None,
            notes: Handle::NONE,
            edited: 0,
        }
    }

    /// The frontend's index.
    pub fn fe(&self) -> usize {
        self.fe as usize
    }

    /// The backend's index (the frontend's until one is chosen).
    pub fn be(&self) -> usize {
        self.be as usize
    }

    /// The server's index, if one is chosen.
    pub fn server(&self) -> Option<usize> {
        (self.server != NO_INDEX).then_some(self.server as usize)
    }

    /// Its timeouts, ms: those that rules set for it, else its proxies'.
    pub fn timeouts(&self, config: &Config) -> OwnTimeouts {
        let (own, be) = (self.effects.timeouts, &config.proxies[self.be()].timeouts);
        let or = |own: u32, general: u32| if own > 0 { own } else { general };
        OwnTimeouts {
            client: or(own.client, config.proxies[self.fe()].timeouts.client),
            server: or(own.server, be.server),
            tunnel: or(own.tunnel, be.tunnel),
        }
    }

    /// Ends the session for a reason.
    pub fn end(&mut self, who: u8, stage: u8) -> Step {
        self.cause = EndCause::new(who, stage);
        Step::End
    }

    /// It goes where a rule sends it, whatever the state of that server.
    pub fn is_forced(&self, be: &Proxy) -> bool {
        self.effects.force_persist || be.has(opt::PERSIST)
    }
}
