//! What samples can look at, at one moment of a session.

use super::notes::Notes;
use crate::auth::Question;
use crate::http::Head;
use crate::model::Config;
use crate::sys::Addr;

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
    /// Room for sessions on the servers of a backend; -1 = no limit.
    FreeSlots,
    /// Of a server.
    ServerConnections,
    ServerSessionRate,
    ServerQueued,
    ServerIsUp,
    ServerWeight,
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
    /// A random number.
    fn random(&self) -> u32;
    fn stopping(&self) -> bool;
    /// Whether a user may in. None: the password is being checked; the session is woken when that is known. Without a place for
    /// sessions to wait in, nobody may.
    fn lets_in(&self, _: Question) -> Option<bool> {
        Some(false)
    }
}

/// The session itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flow {
    pub client: Addr,
    /// Where the client connected to; known only to programs that need it ([`super::needs::DESTINATION`]).
    pub destination: Addr,
    pub server_addr: Addr,
    pub frontend: usize,
    pub backend: usize,
    pub server: Option<usize>,
    /// Index of the listener.
    pub listener: usize,
    /// The first request of its connection.
    pub first_request: bool,
    pub worker: usize,
    pub status: u16,
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
}

/// All of it.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub config: &'a Config,
    pub live: &'a dyn Live,
    pub flow: &'a Flow,
    pub request: Option<Message<'a>>,
    pub response: Option<Message<'a>>,
    /// The direction that is looked at.
    pub stream: Stream<'a>,
    /// What was captured and set so far.
    pub notes: Notes<'a>,
}

impl<'a> Scene<'a> {
    /// The session alone, without its messages.
    pub fn of_session(config: &'a Config, live: &'a dyn Live, flow: &'a Flow, notes: Notes<'a>) -> Scene<'a> {
        let stream = Stream { bytes: &[], complete: true };
        Scene { config, live, flow, request: None, response: None, stream, notes }
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

    /// A scene that shows only the session.
    pub fn scene<'a>(config: &'a Config, flow: &'a Flow) -> Scene<'a> {
        Scene::of_session(config, &Quiet, flow, Notes::default())
    }
}
