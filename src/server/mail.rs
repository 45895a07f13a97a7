//! Messages between workers: a fixed ring under a short mutex, and a socket pair that wakes the receiver's poller.

use super::Ticket;
use crate::sys::Fd;
use rustix::fd::{AsRawFd, OwnedFd};
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// What one worker tells another. Sessions are named by the index and generation of their handle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mail {
    /// A waiting session has got a slot of a server (already counted there).
    Slot { session: (usize, u32), ticket: Ticket, server: usize },
    /// The server that a session waited for is gone: it has left that queue and must choose anew.
    Choose { session: (usize, u32), ticket: Ticket },
    /// `on-marked-down shutdown-sessions`: end all sessions of a server.
    ShutdownServer { server: usize },
}

/// What other workers have for one.
pub struct Mailbox {
    ring: Mutex<VecDeque<Mail>>,
    full: AtomicBool,
    rung: AtomicBool,
    read: OwnedFd,
    write: OwnedFd,
}

impl Mailbox {
    /// Room for `capacity` messages: one for each session that can wait, and some.
    pub fn new(capacity: usize) -> std::io::Result<Mailbox> {
        let (read, write) = std::os::unix::net::UnixStream::pair()?;
        read.set_nonblocking(true)?;
        write.set_nonblocking(true)?;
        Ok(Mailbox {
            ring: Mutex::new(VecDeque::with_capacity(capacity)),
            full: AtomicBool::new(false),
            rung: AtomicBool::new(false),
            read: read.into(),
            write: write.into(),
        })
    }

    /// Leaves a message and wakes the owner. False when the box is full: impossible while each waiting session has at most
    /// one slot granted, and then the sender takes the slot back.
    pub fn send(&self, mail: Mail) -> bool {
        {
            let mut ring = self.ring.lock().unwrap_or_else(|e| e.into_inner());
            if ring.len() == ring.capacity() {
                return false;
            }
            ring.push_back(mail);
            self.full.store(true, Ordering::SeqCst);
        }
        self.ring();
        true
    }

    /// Wakes the owner, without a message for something it finds elsewhere: the end of the process, a question on the desk.
    pub fn ring(&self) {
        if !self.rung.swap(true, Ordering::SeqCst) {
            let _ = rustix::net::send(&self.write, b"m", rustix::net::SendFlags::DONTWAIT);
        }
    }

    /// The descriptor that becomes readable.
    pub fn fd(&self) -> Fd {
        self.read.as_raw_fd()
    }

    /// Takes the ring's bytes out of the socket (after it was reported readable). Whoever rings after this is heard again, whoever rang
    /// before has left what it rang for where it is seen now: hence the strict order of this swap before all that is looked at.
    pub fn answer(&self) {
        self.rung.swap(false, Ordering::SeqCst);
        let mut sink = [0u8; 16];
        while let Ok((1.., _)) = rustix::net::recv(&self.read, &mut sink, rustix::net::RecvFlags::empty()) {}
    }

    /// The next message.
    pub fn take(&self) -> Option<Mail> {
        if !self.full.load(Ordering::SeqCst) {
            return None;
        }
        let mut ring = self.ring.lock().unwrap_or_else(|e| e.into_inner());
        let mail = ring.pop_front();
        if ring.is_empty() {
            self.full.store(false, Ordering::Release);
        }
        mail
    }
}
