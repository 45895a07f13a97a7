//! Readiness: epoll used directly on Linux, the `polling` crate (epoll, kqueue, event ports), or poll(2).
//!
//! The direct epoll path exists because `polling` waits through a timerfd and a notifier (two to three more system calls a
//! round, measured by `strace -c`), and because it cannot ask for EPOLLRDHUP and EPOLLEXCLUSIVE. poll(2) is what `-de` /
//! `noepoll` leave, and what keeps the one-shot path tested on Linux.

use super::sockopt::borrow;
use super::{Event, Fd, IoError};
use rustix::event::{PollFd, PollFlags, Timespec};
use std::time::Duration;

/// Which mechanism reports readiness.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Backend {
    /// epoll, edge-triggered, without a crate between (Linux).
    Epoll,
    /// What the `polling` crate chooses for this system.
    Polling,
    /// poll(2).
    Poll,
}

impl Backend {
    /// The name that `-vv` and `show info` print.
    pub fn name(self) -> &'static str {
        match self {
            Backend::Epoll => "epoll",
            Backend::Polling => "polling",
            Backend::Poll => "poll",
        }
    }
}

/// Events fetched in one call (`tune.maxpollevents` is capped here).
const MAX_EVENTS: usize = 256;

/// A poller of one worker.
pub enum Poller {
    #[cfg(target_os = "linux")]
    Epoll(Epoll),
    Polling(Crate),
    Poll(Plain),
}

fn timespec(ms: u32) -> Timespec {
    Timespec { tv_sec: (ms / 1000).into(), tv_nsec: (i64::from(ms % 1000) * 1_000_000) as _ }
}

impl Poller {
    /// Opens a poller of the kind asked for, or the nearest that this system has.
    pub fn new(backend: Backend, batch: usize) -> std::io::Result<Poller> {
        let batch = batch.clamp(1, MAX_EVENTS);
        match backend {
            #[cfg(target_os = "linux")]
            Backend::Epoll => Ok(Poller::Epoll(Epoll::new(batch)?)),
            #[cfg(not(target_os = "linux"))]
            Backend::Epoll => Self::new(Backend::Polling, batch),
            Backend::Polling => Ok(Poller::Polling(Crate::new(batch)?)),
            Backend::Poll => Ok(Poller::Poll(Plain::default())),
        }
    }

    /// True when descriptors stay armed.
    pub fn edge(&self) -> bool {
        #[cfg(target_os = "linux")]
        if let Poller::Epoll(_) = self {
            return true;
        }
        false
    }

    /// Watches both directions of a connection.
    pub fn watch(&mut self, fd: Fd, key: usize) -> Result<(), IoError> {
        match self {
            #[cfg(target_os = "linux")]
            Poller::Epoll(p) => p.add(fd, key, false),
            Poller::Polling(p) => p.add(fd, key),
            Poller::Poll(p) => p.set(fd, key, true, true),
        }
    }

    /// Watches a listening socket.
    pub fn watch_listener(&mut self, fd: Fd, key: usize) -> Result<(), IoError> {
        match self {
            #[cfg(target_os = "linux")]
            Poller::Epoll(p) => p.add(fd, key, true),
            Poller::Polling(p) => p.add_listener(fd, key),
            Poller::Poll(p) => p.set(fd, key, true, false),
        }
    }

    /// Tells what is wanted next (one-shot pollers only).
    pub fn arm(&mut self, fd: Fd, key: usize, read: bool, write: bool) {
        match self {
            #[cfg(target_os = "linux")]
            Poller::Epoll(_) => {}
            Poller::Polling(p) => p.arm(fd, key, read, write),
            Poller::Poll(p) => drop(p.set(fd, key, read, write)),
        }
    }

    /// Stops watching.
    pub fn unwatch(&mut self, fd: Fd) {
        match self {
            #[cfg(target_os = "linux")]
            Poller::Epoll(p) => drop(rustix::event::epoll::delete(&p.fd, borrow(fd))),
            Poller::Polling(p) => drop(p.poller.delete(borrow(fd))),
            Poller::Poll(p) => p.remove(fd),
        }
    }

    /// False when a descriptor must be taken out before it is closed.
    pub fn forgets_on_close(&self) -> bool {
        self.edge()
    }

    /// Waits and hands over what happened.
    pub fn wait(&mut self, timeout_ms: Option<u32>, each: &mut dyn FnMut(Event)) {
        match self {
            #[cfg(target_os = "linux")]
            Poller::Epoll(p) => p.wait(timeout_ms, each),
            Poller::Polling(p) => p.wait(timeout_ms, each),
            Poller::Poll(p) => p.wait(timeout_ms, each),
        }
    }
}

/// epoll, edge-triggered.
#[cfg(target_os = "linux")]
pub struct Epoll {
    fd: rustix::fd::OwnedFd,
    events: Vec<rustix::event::epoll::Event>,
    batch: usize,
}

#[cfg(target_os = "linux")]
impl Epoll {
    fn new(batch: usize) -> std::io::Result<Epoll> {
        use rustix::event::epoll;
        let fd = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Epoll { fd, events: Vec::with_capacity(batch), batch })
    }

    fn add(&self, fd: Fd, key: usize, listener: bool) -> Result<(), IoError> {
        use rustix::event::epoll::{EventData, EventFlags, add};
        let flags = if listener {
            EventFlags::IN | EventFlags::EXCLUSIVE
        } else {
            EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET
        };
        add(&self.fd, borrow(fd), EventData::new_u64(key as u64), flags).map_err(super::sockopt::error)
    }

    fn wait(&mut self, timeout_ms: Option<u32>, each: &mut dyn FnMut(Event)) {
        use rustix::event::epoll::{EventFlags, wait};
        let timeout = timeout_ms.map(timespec);
        self.events.clear();
        debug_assert!(self.events.capacity() >= self.batch);
        if wait(&self.fd, rustix::buffer::spare_capacity(&mut self.events), timeout.as_ref()).is_err() {
            return; // EINTR: a signal, whose pipe will be readable
        }
        for e in &self.events {
            let (flags, data) = (e.flags, e.data);
            let hangup = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
            each(Event {
                key: data.u64() as usize,
                readable: hangup || flags.contains(EventFlags::IN),
                writable: flags.intersects(EventFlags::OUT | EventFlags::HUP | EventFlags::ERR),
                hangup,
            });
        }
    }
}

/// The `polling` crate, one-shot on every system: its edge mode does not say whether a direction was closed, and a data path that
/// must not read more than needed depends on that.
pub struct Crate {
    poller: polling::Poller,
    events: polling::Events,
}

#[allow(unsafe_code)]
impl Crate {
    fn new(batch: usize) -> std::io::Result<Crate> {
        let poller = polling::Poller::new()?;
        let capacity = std::num::NonZeroUsize::new(batch).expect("batch is at least 1");
        Ok(Crate { poller, events: polling::Events::with_capacity(capacity) })
    }

    fn add(&mut self, fd: Fd, key: usize) -> Result<(), IoError> {
        let mode = polling::PollMode::Oneshot;
        // SAFETY: the descriptor is deleted from the poller before it is closed (`forgets_on_close` is false).
        unsafe { self.poller.add_with_mode(fd, polling::Event::all(key), mode) }.map_err(|_| IoError::NoMemory)
    }

    fn add_listener(&mut self, fd: Fd, key: usize) -> Result<(), IoError> {
        let level = self.poller.supports_level();
        let mode = if level { polling::PollMode::Level } else { polling::PollMode::Oneshot };
        // SAFETY: as above; listeners are unwatched before they are closed.
        unsafe { self.poller.add_with_mode(fd, polling::Event::readable(key), mode) }.map_err(|_| IoError::NoMemory)
    }

    fn arm(&mut self, fd: Fd, key: usize, read: bool, write: bool) {
        let _ = self.poller.modify(borrow(fd), polling::Event::new(key, read, write));
    }

    fn wait(&mut self, timeout_ms: Option<u32>, each: &mut dyn FnMut(Event)) {
        self.events.clear();
        let timeout = timeout_ms.map(|ms| Duration::from_millis(ms.into()));
        if self.poller.wait(&mut self.events, timeout).is_err() {
            return;
        }
        for e in self.events.iter() {
            let hangup = e.is_interrupt() || e.is_err() == Some(true);
            each(Event { key: e.key, readable: e.readable || hangup, writable: e.writable || hangup, hangup });
        }
    }
}

/// poll(2) over a table of descriptors; one-shot: an event disarms what it reported.
#[derive(Default)]
pub struct Plain {
    watched: Vec<Watched>,
    /// Place in `watched` + 1 for each descriptor number, 0 = none.
    places: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Watched {
    fd: Fd,
    key: usize,
    read: bool,
    write: bool,
}

/// The peer closed its direction (Linux; elsewhere it shows by reading).
#[cfg(target_os = "linux")]
const RDHUP: PollFlags = PollFlags::from_bits_retain(libc::POLLRDHUP as _); // rustix does not name SPARC's
#[cfg(not(target_os = "linux"))]
const RDHUP: PollFlags = PollFlags::empty();

/// Descriptors asked about in one poll(2) call; more are served by further calls without waiting.
const POLL_CHUNK: usize = 64;

impl Plain {
    /// Makes room for the descriptors below `limit`, so that nothing is allocated later.
    pub fn reserve(&mut self, limit: usize) {
        self.places.resize(limit, 0);
        self.watched.reserve(limit);
    }

    fn set(&mut self, fd: Fd, key: usize, read: bool, write: bool) -> Result<(), IoError> {
        let n = fd as usize;
        if n >= self.places.len() {
            self.places.resize(n + 1, 0);
        }
        let w = Watched { fd, key, read, write };
        match self.places[n] {
            0 => {
                self.watched.push(w);
                self.places[n] = self.watched.len() as u32;
            }
            place => self.watched[place as usize - 1] = w,
        }
        Ok(())
    }

    fn remove(&mut self, fd: Fd) {
        let Some(place) = self.places.get_mut(fd as usize) else { return };
        let at = std::mem::take(place) as usize;
        if at > 0 {
            self.watched.swap_remove(at - 1);
            if let Some(moved) = self.watched.get(at - 1) {
                self.places[moved.fd as usize] = at as u32;
            }
        }
    }

    fn wait(&mut self, timeout_ms: Option<u32>, each: &mut dyn FnMut(Event)) {
        if self.watched.len() <= POLL_CHUNK {
            self.wait_chunk(0, self.watched.len(), timeout_ms, each);
            return;
        }
        // Beyond one chunk: look at all without waiting; nap a little when none had anything (poll is the last resort).
        let mut found = false;
        let mut at = 0;
        while at < self.watched.len() {
            let end = (at + POLL_CHUNK).min(self.watched.len());
            found |= self.wait_chunk(at, end, Some(0), each);
            at = end;
        }
        if !found && timeout_ms != Some(0) {
            let nap = timeout_ms.unwrap_or(2).min(2);
            self.wait_chunk(0, POLL_CHUNK, Some(nap), each);
        }
    }

    fn wait_chunk(&mut self, from: usize, to: usize, timeout_ms: Option<u32>, each: &mut dyn FnMut(Event)) -> bool {
        let mut fds: [PollFd; POLL_CHUNK] = std::array::from_fn(|i| {
            let w = self.watched.get(from + i).filter(|_| from + i < to).copied();
            let (fd, mut flags) = (w.map_or(0, |w| w.fd), PollFlags::empty());
            flags.set(PollFlags::IN | RDHUP, w.is_some_and(|w| w.read));
            flags.set(PollFlags::OUT, w.is_some_and(|w| w.write));
            PollFd::from_borrowed_fd(borrow(fd), flags)
        });
        let timeout = timeout_ms.map(timespec);
        let n = to - from;
        if !matches!(rustix::event::poll(&mut fds[..n], timeout.as_ref()), Ok(1..)) {
            return false;
        }
        for (i, p) in fds[..n].iter().enumerate() {
            let got = p.revents();
            let w = &mut self.watched[from + i];
            let bad = got.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL);
            // A hang-up is reported even when nothing is armed: one report, then silence until armed again.
            if got.is_empty() || !(w.read || w.write) {
                continue;
            }
            let hangup = bad || got.intersects(RDHUP);
            let (key, readable, writable) =
                (w.key, hangup || got.contains(PollFlags::IN), bad || got.contains(PollFlags::OUT));
            (w.read, w.write) = (false, false);
            each(Event { key, readable, writable, hangup });
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    /// With a C library whose time structures are not those that the crates were built for, a wait returns at once.
    #[test]
    fn a_wait_without_events_lasts_as_long_as_asked() {
        for backend in [Backend::Epoll, Backend::Polling, Backend::Poll] {
            let mut poller = Poller::new(backend, 8).expect("a poller");
            let begun = Instant::now();
            poller.wait(Some(30), &mut |_| panic!("nothing is watched"));
            assert!(begun.elapsed() >= Duration::from_millis(30), "{}: {:?}", backend.name(), begun.elapsed());
        }
    }
}
