//! What samples can look at, at one moment of a session.

use super::notes::Notes;
use crate::auth::Question;
use crate::http::{Head, Version};
use crate::model::Config;
use crate::sys::{Addr, TcpInfo};
use std::ops::Deref;

/// Numbers that change while the process runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Count {
    /// Of a proxy: connections of its frontend, sessions of its backend.
    FrontConnections,
    BackConnections,
    FrontSessionRate,
    FrontRequestRate,
    BackSessionRate,
    /// Sessions in all queues of a backend.
    Queued,
    /// Servers of a backend that take sessions.
    UsableServers,
    /// Room for sessions on the servers of a backend, and that with their queues; -1 = no limit.
    FreeSlots,
    FreePlaces,
    /// Of a server.
    ServerConnections,
    ServerSessionRate,
    ServerQueued,
    ServerIsUp,
    ServerFreeSlots,
    /// As the operator sees it, and what of it counts while the server starts slowly.
    ServerWeight,
    ServerWeightNow,
    /// Of the process.
    Connections,
    Workers,
}

/// The state of the process, as far as samples see it.
pub trait Live {
    /// A number of the proxy or server `at`, or of the process.
    fn count(&self, what: Count, at: usize) -> i64;
    /// Seconds and microseconds since 1970.
    fn wall(&self) -> (i64, u32);
    /// A random number, another one each time.
    fn random(&self) -> u32;
    fn stopping(&self) -> bool;
    /// Whether a user may in. None: the password is being checked; the session is woken when that is known. Without a place for
    /// sessions to wait in, nobody may.
    fn lets_in(&self, _: Question) -> Option<bool> {
        Some(false)
    }
}

/// Timeouts that rules set for a session alone, ms; 0 = those of its proxies hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnTimeouts {
    pub client: u32,
    pub server: u32,
    pub tunnel: u32,
}

/// The session itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flow {
    /// The client, as rules left it (`set-src`), and where it connected to (`set-dst`); the latter is known only to programs that need
    /// it ([`super::needs::DESTINATION`]).
    pub client: Addr,
    pub destination: Addr,
    /// Both ends of the client's connection.
    pub peer: Addr,
    pub local: Addr,
    pub server_addr: Addr,
    /// Our end of the connection to the server; only with [`super::needs::SOURCE`].
    pub source: Addr,
    /// What the kernel says of the client's connection; only with [`super::needs::TCP_INFO`].
    pub tcp: Option<TcpInfo>,
    /// The client's connection began with a PROXY header.
    pub proxied: bool,
    pub frontend: usize,
    pub backend: usize,
    pub server: Option<usize>,
    /// Index of the listener.
    pub listener: usize,
    pub timeouts: OwnTimeouts,
    /// The first request of its connection.
    pub first_request: bool,
    pub worker: usize,
    pub status: u16,
    /// Versions of the request and of the response, once they are known.
    pub versions: [Option<Version>; 2],
}

/// A head with what is there of its body.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    pub index: &'a Head,
    /// What the index's offsets refer to.
    pub text: &'a [u8],
    /// What came of the body with the head; of chunks the first one.
    pub body: &'a [u8],
}

/// Bytes that came and were not sent on yet.
#[derive(Clone, Copy, Default)]
pub struct Stream<'a> {
    pub bytes: &'a [u8],
    /// No more will come, or fit, or be waited for.
    pub complete: bool,
    /// They are looked at as they came; not in HTTP proxies.
    pub raw: bool,
    /// They are known not to be an HTTP request.
    pub no_http: bool,
}

impl Stream<'_> {
    /// Nothing that could be looked at, and nothing that could come.
    pub const NONE: Stream<'static> = Stream { bytes: &[], complete: true, raw: false, no_http: false };
}

/// What rules do not change.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    pub config: &'a Config,
    pub live: &'a dyn Live,
    /// Name of this machine.
    pub host: &'a str,
    /// The request line as it came, where something needs it.
    pub line: &'a [u8],
    /// The direction that is looked at.
    pub is_response: bool,
    pub stream: Stream<'a>,
}

impl<'a> Setting<'a> {
    /// Around a session without messages.
    pub fn of_session(config: &'a Config, live: &'a dyn Live) -> Setting<'a> {
        Setting { config, live, host: "", line: b"", is_response: false, stream: Stream::NONE }
    }
}

/// All of it. Short, as one is made for each look.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub setting: &'a Setting<'a>,
    pub flow: &'a Flow,
    /// The request, or the response.
    pub message: Option<Message<'a>>,
    /// What was captured and set so far.
    pub notes: Notes<'a>,
}

impl<'a> Deref for Scene<'a> {
    type Target = Setting<'a>;

    fn deref(&self) -> &Setting<'a> {
        self.setting
    }
}

impl<'a> Scene<'a> {
    /// The message, when it is a request.
    pub fn request(&self) -> Option<Message<'a>> {
        if self.is_response { None } else { self.message }
    }

    /// The message, when it is a response.
    pub fn response(&self) -> Option<Message<'a>> {
        if self.is_response { self.message } else { None }
    }
}

/// A process without anything in it, for tests.
#[cfg(test)]
pub mod quiet {
    use super::*;

    pub struct Quiet;

    impl Live for Quiet {
        fn count(&self, _: Count, _: usize) -> i64 {
            3
        }
        fn wall(&self) -> (i64, u32) {
            (784_111_777, 5)
        }
        fn random(&self) -> u32 {
            0
        }
        fn stopping(&self) -> bool {
            false
        }
    }

    /// Around a session without messages.
    pub fn setting(config: &Config) -> Setting<'_> {
        Setting::of_session(config, &Quiet)
    }

    /// A scene that shows only the session.
    pub fn scene<'a>(setting: &'a Setting<'a>, flow: &'a Flow) -> Scene<'a> {
        Scene { setting, flow, message: None, notes: Notes::default() }
    }
}
