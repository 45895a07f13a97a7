//! The one way in and out of the kernel: sockets, events, pipes, signals, privileges, the clock, randomness.
//!
//! A worker does everything through [`Kernel`]; [`real::Real`] is the operating system, the simulation in `tests/sim` is
//! another implementation. What happens once at start-up (binding, privileges, processes) is in the other files here and
//! is not simulated. Errors of the operating system become [`IoError`] and stay here.

mod addr;
pub mod listen;
mod poller;
pub mod process;
pub mod program;
pub mod real;
pub mod signal;
mod sockopt;
pub mod text;
pub mod zone;

pub use addr::{Addr, Target};
pub use poller::Backend;

/// A descriptor: a number that the kernel gave.
pub type Fd = i32;

/// No descriptor.
pub const NO_FD: Fd = -1;

/// What can go wrong with a descriptor, as far as a proxy treats it differently.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IoError {
    /// Nothing to read, or no room to write: wait for an event.
    Again,
    /// Reset or closed by the peer (ECONNRESET, EPIPE, ENOTCONN ...).
    Closed,
    Refused,
    TimedOut,
    Unreachable,
    /// The process or the system has no descriptor left.
    NoDescriptor,
    NoMemory,
    /// Address or port in use, or no source port left.
    InUse,
    Denied,
    Other,
}

impl IoError {
    /// The words for logs and for the stats page.
    pub fn text(self) -> &'static str {
        match self {
            IoError::Again => "try again",
            IoError::Closed => "Connection reset by peer",
            IoError::Refused => "Connection refused",
            IoError::TimedOut => "Connection timed out",
            IoError::Unreachable => "No route to host",
            IoError::NoDescriptor => "no descriptor left",
            IoError::NoMemory => "no memory left",
            IoError::InUse => "no source port or address left",
            IoError::Denied => "permission denied",
            IoError::Other => "input/output error",
        }
    }
}

/// Something happened on a descriptor that is watched.
#[derive(Clone, Copy, Debug, Default)]
pub struct Event {
    /// The number given to [`Kernel::watch`].
    pub key: usize,
    pub readable: bool,
    pub writable: bool,
    /// The peer closed its direction, or the connection failed: reading to the end will say which.
    pub hangup: bool,
}

/// How to make an outgoing connection.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    /// `source` of a server or backend; port 0 = the kernel chooses.
    pub source: Option<Addr>,
    /// `interface`: SO_BINDTODEVICE (Linux).
    pub interface: Option<String>,
    /// `option srvtcpka`
    pub keepalive: bool,
    /// `option nolinger` has no part in connecting; `tcp-ut` in ms, 0 = none.
    pub user_timeout_ms: u32,
    /// `tune.rcvbuf.server`, bytes, 0 = the system's.
    pub rcvbuf: u32,
    /// `tune.sndbuf.server`, bytes, 0 = the system's.
    pub sndbuf: u32,
}

/// What the kernel measured of a TCP connection: times in microseconds, the rest in segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpInfo {
    pub rtt_us: u32,
    pub rttvar_us: u32,
    pub unacked: u32,
    pub sacked: u32,
    pub lost: u32,
    pub retrans: u32,
    pub fackets: u32,
    pub reordering: u32,
}

/// Pipe ends for splicing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pipe {
    pub read: Fd,
    pub write: Fd,
}

/// The kernel as a worker sees it.
///
/// Sockets are non-blocking. Watching is done once for each descriptor; where [`Kernel::edge`] is false an event disarms the
/// descriptor and [`Kernel::arm`] must be called with what is still wanted.
pub trait Kernel {
    /// Monotonic milliseconds; read once a round of the loop.
    fn now_ms(&mut self) -> u64;
    /// Wall clock: seconds and microseconds since 1970.
    fn wall(&mut self) -> (i64, u32);
    fn random(&mut self) -> u32;
    /// Random bytes that nobody can foresee.
    fn secret(&mut self, out: &mut [u8]) {
        out.chunks_mut(4).for_each(|c| c.copy_from_slice(&self.random().to_ne_bytes()[..c.len()]));
    }

    /// True when descriptors stay armed and report changes only (epoll, kqueue).
    fn edge(&self) -> bool;
    /// Starts to watch both directions of a connection.
    fn watch(&mut self, fd: Fd, key: usize) -> Result<(), IoError>;
    /// Starts to watch a listening socket (level, shared with other workers).
    fn watch_listener(&mut self, fd: Fd, key: usize) -> Result<(), IoError>;
    /// Tells what is wanted next; only where `edge` is false.
    fn arm(&mut self, fd: Fd, key: usize, read: bool, write: bool);
    /// Stops watching (closing does so too).
    fn unwatch(&mut self, fd: Fd);
    /// Waits for events, at most `timeout_ms` (none: for ever), and hands each to `each`.
    fn wait(&mut self, timeout_ms: Option<u32>, each: &mut dyn FnMut(Event));

    fn accept(&mut self, listener: Fd) -> Result<(Fd, Addr), IoError>;
    /// The address at our end.
    fn local_addr(&mut self, fd: Fd) -> Addr;
    /// What was measured of a connection; none where that is not known.
    fn tcp_info(&mut self, _fd: Fd) -> Option<TcpInfo> {
        None
    }
    /// Opens a connection; `true` when it is established at once.
    fn connect(&mut self, to: &Target, with: &ConnectOptions) -> Result<(Fd, bool), IoError>;
    /// What became of a connection in progress, after it was reported writable: `Again` while it still is.
    fn connected(&mut self, fd: Fd) -> Result<(), IoError>;
    /// Reads into `buf`; 0 = the peer closed its direction.
    fn recv(&mut self, fd: Fd, buf: &mut [u8]) -> Result<usize, IoError>;
    /// Looks at what is there without taking it.
    fn peek(&mut self, fd: Fd, buf: &mut [u8]) -> Result<usize, IoError>;
    /// Writes; `more` = the last segment may wait for what follows.
    fn send(&mut self, fd: Fd, buf: &[u8], more: bool) -> Result<usize, IoError>;
    fn shutdown_write(&mut self, fd: Fd);
    /// Makes the close that follows send a reset and keep no state (SO_LINGER 0).
    fn set_reset_on_close(&mut self, fd: Fd);
    fn set_nodelay(&mut self, fd: Fd);
    /// `silent-drop`: the close that follows tells the peer nothing, as far as the system can do that.
    fn set_silent_close(&mut self, fd: Fd) {
        self.set_reset_on_close(fd);
    }
    /// `set-tos`: the type of service, or traffic class, of packets to the peer.
    fn set_tos(&mut self, _fd: Fd, _tos: u8) {}
    /// `set-mark`: the mark of packets to the peer (Linux).
    fn set_mark(&mut self, _fd: Fd, _mark: u32) {}
    /// `option tcp-smart-accept`, `tcp-smart-connect`: the next acknowledgement goes with our data (Linux).
    fn delay_ack(&mut self, fd: Fd);
    /// `option clitcpka`
    fn set_keepalive(&mut self, fd: Fd);
    fn close(&mut self, fd: Fd);

    /// Opens a pipe; `size` bytes of room, 0 = the system's default.
    fn pipe(&mut self, size: u32) -> Result<Pipe, IoError>;
    /// Moves up to `max` bytes from a socket into a pipe; 0 = the peer closed.
    fn splice_in(&mut self, from: Fd, pipe: Pipe, max: usize) -> Result<usize, IoError>;
    /// Moves up to `max` bytes from a pipe to a socket.
    fn splice_out(&mut self, pipe: Pipe, to: Fd, max: usize, more: bool) -> Result<usize, IoError>;

    /// Sends one log datagram or line, never waiting.
    fn log_send(&mut self, sink: Fd, line: &[u8]) -> Result<(), IoError>;
    /// Points the socket of a sink at its address again: who listened there may be another one now.
    fn log_connect(&mut self, _sink: Fd, _to: &Target) -> Result<(), IoError> {
        Err(IoError::Other)
    }
}
