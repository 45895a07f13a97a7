//! One direction of a session: a buffer (held only while it has bytes), what of it may be sent, and how its body is framed.
//!
//! ```text
//! buffer:  [ free | start .. cleared | cleared .. end | free ]
//!                   may be sent         not yet looked at (next chunk line, pipelined request)
//! ```

use super::context::Ctx;
use super::endpoint::Conn;
use crate::http::{Body, Fault};
use crate::mem::Handle;
use crate::sys::{IoError, Kernel, NO_FD, Pipe};

/// One direction.
#[derive(Default)]
pub struct Channel {
    pub buf: Handle<()>,
    pub start: u32,
    pub cleared: u32,
    pub end: u32,
    pub body: Body,
    /// The source closed.
    pub eof: bool,
    /// We closed towards the destination.
    pub shut: bool,
    /// What was sent stays in the buffer from `held_from` on, to be sent again should the server turn out to be gone.
    pub held: bool,
    pub held_from: u32,
    /// Chunk lines are taken off on the way.
    pub strip: bool,
    /// Splicing is allowed by the configuration.
    pub splice: bool,
    pub pipe: Option<Pipe>,
    pub pipe_bytes: u32,
    /// Bytes sent to the destination.
    pub sent: u64,
    /// Bytes read from the source.
    pub received: u64,
    /// `option http-no-delay`: no segment waits for a fuller one.
    pub no_delay: bool,
    /// Full reads in a row: a stream worth splicing.
    pub streak: u8,
    /// Bytes kept free, before `start` or after `end`, for a head that grows when it is written anew.
    pub reserve: u32,
}

/// What became of an attempt to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fill {
    Got(usize),
    /// Nothing there now.
    Wait,
    /// The buffer is full.
    Full,
    /// No buffer is left in the pool: try later.
    NoBuffer,
    Eof,
    Error(IoError),
}

/// Why moving data came to an end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// The source failed (reset).
    Source(IoError),
    /// The destination failed.
    Destination(IoError),
    /// The body is malformed.
    Body(Fault),
}

/// What a pump did.
#[derive(Clone, Copy, Default, Debug)]
pub struct Pumped {
    pub read: bool,
    pub wrote: bool,
    /// It stopped for the sake of the others, not for lack of work.
    pub more: bool,
}

/// Rounds of reading and writing before the others have their turn.
const ROUNDS: u32 = 8;
/// Reads that filled the buffer before a stream is spliced (`splice-auto`).
const STREAK: u8 = 2;

impl Channel {
    /// True when nothing waits to be sent.
    pub fn is_drained(&self) -> bool {
        self.start == self.cleared && self.pipe_bytes == 0
    }

    /// Bytes that were read but do not belong to this message.
    pub fn has_leftover(&self) -> bool {
        self.end > self.cleared
    }

    /// Bytes read for this message: what was read ahead of the next one belongs to that.
    pub fn taken(&self) -> u64 {
        let ahead = if self.buf.is_some() { self.end - self.cleared } else { 0 };
        self.received - u64::from(ahead)
    }

    /// All bytes of the buffer from `start`.
    pub fn bytes<'a, K: Kernel>(&self, cx: &'a Ctx<K>) -> &'a [u8] {
        if self.buf.is_none() { &[] } else { &cx.bufs.get(self.buf)[self.start as usize..self.end as usize] }
    }

    /// Takes a buffer, if none is held, to be filled from `offset` on.
    pub fn need_buffer<K: Kernel>(&mut self, cx: &mut Ctx<K>, offset: u32) -> bool {
        if self.buf.is_some() {
            return true;
        }
        match cx.bufs.alloc() {
            Some(h) => {
                self.buf = h;
                (self.start, self.cleared, self.end) = (offset, offset, offset);
                true
            }
            None => false,
        }
    }

    /// Gives the buffer back when it is empty.
    pub fn release_if_empty<K: Kernel>(&mut self, cx: &mut Ctx<K>) {
        if self.buf.is_some() && self.start == self.end && !self.held {
            cx.bufs.free(self.buf);
            self.buf = Handle::NONE;
            (self.start, self.cleared, self.end) = (0, 0, 0);
        }
    }

    /// Gives buffer and pipe back, whatever they hold.
    pub fn release<K: Kernel>(&mut self, cx: &mut Ctx<K>) {
        if self.buf.is_some() {
            cx.bufs.free(self.buf);
            self.buf = Handle::NONE;
        }
        if let Some(pipe) = self.pipe.take() {
            cx.give_pipe(pipe, self.pipe_bytes == 0);
            self.pipe_bytes = 0;
        }
    }

    /// Forgets what the source sent and was not cleared, for another source; what is on its way to the destination stays.
    pub fn restart<K: Kernel>(&mut self, cx: &mut Ctx<K>) {
        self.end = self.cleared;
        self.release_if_empty(cx);
        (self.body, self.eof, self.received, self.streak) = (Body::None, false, 0, 0);
    }

    /// Makes everything that arrived (as far as the body goes) ready to be sent.
    pub fn clear<K: Kernel>(&mut self, cx: &mut Ctx<K>) -> Result<(), Fault> {
        if self.cleared < self.end && self.strip {
            let new = &mut cx.bufs.get_mut(self.buf)[self.cleared as usize..self.end as usize];
            let (seen, kept) = self.body.strip(new)?;
            new.copy_within(seen.., kept);
            self.cleared += kept as u32;
            self.end -= (seen - kept) as u32;
        } else if self.cleared < self.end {
            let new = &cx.bufs.get(self.buf)[self.cleared as usize..self.end as usize];
            self.cleared += self.body.advance(new)? as u32;
        }
        Ok(())
    }

    /// Where reading into the buffer stops.
    pub fn limit<K: Kernel>(&self, cx: &Ctx<K>) -> u32 {
        cx.bufs.size() as u32 - self.reserve.saturating_sub(self.start)
    }

    /// Reads once from the source into the buffer.
    pub fn fill<K: Kernel>(&mut self, cx: &mut Ctx<K>, source: Handle<Conn>, offset: u32) -> Fill {
        let conn = &cx.conns[source];
        if !conn.can_read {
            return Fill::Wait;
        }
        let fd = conn.fd;
        let fresh = self.buf.is_none();
        if !self.need_buffer(cx, offset) {
            return Fill::NoBuffer;
        }
        if self.end >= self.limit(cx) && !(self.make_room(cx) && self.end < self.limit(cx)) {
            return Fill::Full;
        }
        let room = (self.limit(cx) - self.end) as usize;
        let space = &mut cx.bufs.get_mut(self.buf)[self.end as usize..self.end as usize + room];
        let got = cx.sys.recv(fd, space);
        let conn = &mut cx.conns[source];
        match got {
            Ok(0) => {
                conn.can_read = false;
                self.eof = true;
                self.release_if_empty(cx);
                Fill::Eof
            }
            Ok(n) => {
                // Less than asked for: the socket is empty, unless its end is known to be near.
                conn.can_read = n == room || conn.hangup;
                self.end += n as u32;
                self.received += n as u64;
                self.streak = if n == room { self.streak.saturating_add(1) } else { 0 };
                Fill::Got(n)
            }
            Err(IoError::Again) => {
                conn.can_read = false;
                conn.hangup = false;
                if fresh {
                    self.release_if_empty(cx);
                }
                Fill::Wait
            }
            Err(e) => {
                conn.can_read = false;
                self.eof = true;
                Fill::Error(e)
            }
        }
    }

    fn make_room<K: Kernel>(&mut self, cx: &mut Ctx<K>) -> bool {
        // Bytes kept for a second try give way to the stream.
        self.held = false;
        if self.start == 0 {
            return false;
        }
        // Worth it only when little is moved for much room.
        let len = self.end - self.start;
        if self.start < len {
            return false;
        }
        cx.bufs.get_mut(self.buf).copy_within(self.start as usize..self.end as usize, 0);
        self.cleared -= self.start;
        (self.start, self.end) = (0, len);
        true
    }

    /// Sends once what may be sent. `more`: further data follows at once.
    fn drain<K: Kernel>(&mut self, cx: &mut Ctx<K>, to: Handle<Conn>, more: bool) -> Result<bool, IoError> {
        let conn = &cx.conns[to];
        if self.start == self.cleared || !conn.can_write {
            return Ok(false);
        }
        let data = &cx.bufs.get(self.buf)[self.start as usize..self.cleared as usize];
        match cx.sys.send(conn.fd, data, more) {
            Ok(n) => {
                if n < data.len() {
                    cx.conns[to].can_write = false;
                }
                self.start += n as u32;
                self.sent += n as u64;
                if self.start == self.end && !self.held {
                    (self.start, self.cleared, self.end) = (0, 0, 0);
                }
                Ok(n > 0)
            }
            Err(IoError::Again) => {
                cx.conns[to].can_write = false;
                Ok(false)
            }
            Err(e) => Err(e),
        }
    }
}

/// Moves data from one connection to the other as far as possible without waiting: the same for both directions.
///
/// `last`: the message ends with this body, so nothing needs to be held back for a fuller segment.
pub fn pump<K: Kernel>(
    cx: &mut Ctx<K>,
    source: Handle<Conn>,
    ch: &mut Channel,
    destination: Handle<Conn>,
) -> Result<Pumped, Trouble> {
    let mut done = Pumped::default();
    for round in 0.. {
        let mut moved = false;
        if round == ROUNDS {
            done.more = true;
            break;
        }
        if wants_splice(cx, ch, source, destination) {
            // A pipe a turn, then others have theirs: a client that is sent the next one at once acknowledges the last one while we hold
            // its socket, and that work becomes ours (a quarter of the CPU time of objects of 1 MB).
            if round == 1 {
                done.more = true;
                break;
            }
            moved |= splice(cx, source, ch, destination, &mut done)?;
        } else if !ch.eof && !ch.body.is_done() && source.is_some() && ch.pipe_bytes == 0 {
            match ch.fill(cx, source, 0) {
                Fill::Got(_) => {
                    (moved, done.read) = (true, true);
                    ch.clear(cx).map_err(Trouble::Body)?;
                }
                Fill::Error(e) => {
                    // What came before the reset still counts when it completes the message.
                    if !ch.body.is_done() {
                        return Err(Trouble::Source(e));
                    }
                }
                Fill::NoBuffer => done.more = true,
                Fill::Eof | Fill::Wait | Fill::Full => {}
            }
        }
        if destination.is_some() {
            let more =
                !ch.no_delay && !ch.body.is_done() && !ch.eof && cx.conns.get(source).is_some_and(|c| c.can_read);
            if ch.drain(cx, destination, more).map_err(Trouble::Destination)? {
                (moved, done.wrote) = (true, true);
            }
        }
        if !moved {
            break;
        }
    }
    ch.release_if_empty(cx);
    Ok(done)
}

fn wants_splice<K: Kernel>(cx: &Ctx<K>, ch: &Channel, source: Handle<Conn>, destination: Handle<Conn>) -> bool {
    if ch.pipe_bytes > 0 {
        return true;
    }
    ch.splice
        && !ch.strip
        && ch.start == ch.end
        && !ch.held
        && !ch.eof
        && source.is_some()
        && destination.is_some()
        && match ch.body {
            // A stream of unknown length must have shown that it is one.
            Body::UntilClose | Body::Tunnel => ch.streak >= STREAK,
            _ => ch.body.plain_bytes() > u64::from(cx.config.global.tune.splice_threshold),
        }
}

/// Moves data through a pipe, inside the kernel.
fn splice<K: Kernel>(
    cx: &mut Ctx<K>,
    source: Handle<Conn>,
    ch: &mut Channel,
    destination: Handle<Conn>,
    done: &mut Pumped,
) -> Result<bool, Trouble> {
    let Some(pipe) = ch.pipe.or_else(|| cx.take_pipe()) else {
        ch.splice = false; // none left: copy the rest
        return Ok(true);
    };
    ch.pipe = Some(pipe);
    let mut moved = false;
    // The source may be gone already: a response is complete once it is in the pipe.
    let (from_fd, can_read) = cx.conns.get(source).map_or((NO_FD, false), |c| (c.fd, c.can_read));
    let (to_fd, can_write) = (cx.conns[destination].fd, cx.conns[destination].can_write);
    let plain = ch.body.plain_bytes();
    if can_read && ch.pipe_bytes == 0 && plain > 0 && !ch.eof {
        let max = plain.min(1 << 30) as usize;
        match cx.sys.splice_in(from_fd, pipe, max) {
            Ok(0) => {
                cx.conns[source].can_read = false;
                ch.eof = true;
            }
            Ok(n) => {
                (moved, done.read) = (true, true);
                ch.body.moved(n as u64);
                ch.pipe_bytes = n as u32;
                ch.received += n as u64;
                if n < cx.config.global.tune.splice_threshold as usize {
                    ch.streak = 0; // no stream any more: copying is cheaper
                }
            }
            Err(IoError::Again) => {
                cx.conns[source].can_read = false;
                cx.conns[source].hangup = false;
            }
            Err(IoError::Other) => {
                ch.splice = false; // this kind of socket cannot: copy
                moved = true;
            }
            Err(e) => {
                ch.eof = true;
                return Err(Trouble::Source(e));
            }
        }
    }
    if ch.pipe_bytes > 0 && can_write {
        // Never "more to come": what is in the pipe is what there is, and a held-back end would wait for a timer.
        match cx.sys.splice_out(pipe, to_fd, ch.pipe_bytes as usize, false) {
            Ok(n) => {
                (moved, done.wrote) = (moved | (n > 0), done.wrote | (n > 0));
                ch.pipe_bytes -= n as u32;
                ch.sent += n as u64; // a short count does not mean that the socket is full: only EAGAIN does
            }
            Err(IoError::Again) => cx.conns[destination].can_write = false,
            Err(e) => return Err(Trouble::Destination(e)),
        }
    }
    if ch.pipe_bytes == 0 {
        ch.pipe = None;
        cx.give_pipe(pipe, true);
    }
    Ok(moved)
}
