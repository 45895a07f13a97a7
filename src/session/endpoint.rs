//! One socket of the proxy, towards a client or a server, from accept or connect to close.
//!
//! It outlives sessions: between two requests it is all that a keep-alive connection costs, and it holds no buffer.

use super::Session;
use crate::mem::Handle;
use crate::sys::{Addr, Fd};
use crate::util::tick::Tick;

/// Who is told when something happens on the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// A client that has not begun its (next) request.
    IdleClient,
    Session(Handle<Session>),
    /// An idle connection to a server, in that server's pool.
    Pooled,
    /// Attached to an idle client (`http-reuse never`), or to be closed: nobody.
    Nobody,
    /// Closed by us in one direction; what the client still sends is thrown away so that it reads our answer.
    Lingering,
}

/// A socket.
pub struct Conn {
    pub fd: Fd,
    /// Something may be read or written without waiting.
    pub can_read: bool,
    pub can_write: bool,
    /// The peer closed its direction or the connection failed; reading to the end says which.
    pub hangup: bool,
    /// One-shot pollers only: the descriptor is armed (read, write).
    pub armed: (bool, bool),
    pub owner: Owner,
    /// Index of the listener (clients) or of the server (servers).
    pub origin: u32,
    pub is_client: bool,
    pub peer: Addr,
    pub local: Addr,
    /// When an idle connection is closed, or a lingering one given up.
    pub deadline: Tick,
    pub accepted: Tick,
    pub accepted_at: (i64, u32),
    /// Requests begun on it.
    pub requests: u32,
    /// Milliseconds that the PROXY header took, -1 = none is expected.
    pub handshake_ms: i32,
    /// Clients: it began with a PROXY header.
    pub proxied: bool,
    /// Clients: the server connection kept for them alone.
    pub mate: Handle<Conn>,
    /// Clients: the server of the last request, to stay on it (`prefer-last-server`, 401, 407).
    pub last_server: u32,
    pub stay: bool,
    /// Neighbours in the pool of idle connections (most recent first).
    pub newer: Handle<Conn>,
    pub older: Handle<Conn>,
    /// Bytes thrown away while lingering.
    pub discarded: u32,
    /// Clients: the variables of the connection (`sess.`).
    pub notes: Handle<()>,
}

/// No server or listener.
pub const NO_INDEX: u32 = u32::MAX;

impl Conn {
    /// A connection as accepted or opened.
    pub fn new(fd: Fd, is_client: bool, origin: u32, owner: Owner) -> Conn {
        Conn {
            fd,
            can_read: is_client,
            can_write: is_client,
            hangup: false,
            armed: (false, false),
            owner,
            origin,
            is_client,
            peer: Addr::None,
            local: Addr::None,
            deadline: Tick::NEVER,
            accepted: Tick::NEVER,
            accepted_at: (0, 0),
            requests: 0,
            handshake_ms: 0,
            proxied: false,
            mate: Handle::NONE,
            last_server: NO_INDEX,
            stay: false,
            newer: Handle::NONE,
            older: Handle::NONE,
            discarded: 0,
            notes: Handle::NONE,
        }
    }
}

/// Poller keys: two bits of kind, then the index, then as much of the generation as fits.
pub mod key {
    use super::Conn;
    use crate::mem::{Handle, Pool};

    const INDEX_BITS: u32 = if usize::BITS == 64 { 32 } else { 20 };

    /// What a key names.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Key {
        Conn(usize),
        Listener(usize),
        /// The mailbox (0) or the signal pipe (1).
        Special(usize),
        Check(usize),
    }

    /// The key of a connection.
    pub fn conn(h: Handle<Conn>) -> usize {
        (h.generation() as usize) << (INDEX_BITS + 2) | h.index() << 2
    }

    /// The key of a listener.
    pub fn listener(n: usize) -> usize {
        n << 2 | 1
    }

    /// The key of the mailbox or the signal pipe.
    pub fn special(n: usize) -> usize {
        n << 2 | 2
    }

    /// The key of a health check.
    pub fn check(n: usize) -> usize {
        n << 2 | 3
    }

    /// What a key names.
    pub fn parse(key: usize) -> Key {
        match key & 3 {
            0 => Key::Conn(key),
            1 => Key::Listener(key >> 2),
            2 => Key::Special(key >> 2),
            _ => Key::Check(key >> 2),
        }
    }

    /// The connection that a key names, if it still is the same one.
    pub fn find(conns: &Pool<Conn>, k: usize) -> Option<Handle<Conn>> {
        let h = conns.handle_at(k >> 2 & ((1 << INDEX_BITS) - 1))?;
        (conn(h) == k).then_some(h)
    }
}
