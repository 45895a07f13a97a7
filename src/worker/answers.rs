//! What a worker answers itself: pages, commands, and the questions of other workers' operators.

use super::Worker;
use crate::applet::View;
use crate::mem::{Handle, Usage};
use crate::model::{Audience, CliLevel};
use crate::server::{POOLS, pools_of_all};
use crate::session::context::Ctx;
use crate::session::{AppletKind, Session};
use crate::sys::Kernel;
use crate::util::fmt::{Out, Progress};
use std::fmt::Write;

impl<K: Kernel> Worker<'_, K> {
    /// Produces the next piece of an answer of our own.
    pub(super) fn fill(&mut self, h: Handle<Session>) {
        let mut scratch = std::mem::take(&mut self.cx.scratch);
        let s = &self.sessions[h];
        let mut applet = s.applet;
        let (lead, limit) = if applet.chunked { (CHUNK_LEAD, scratch.len() - CHUNK_TAIL) } else { (0, scratch.len()) };
        let mut taken = 0;
        let (len, progress) = {
            let (wall, pools) = (self.cx.sys.wall(), self.pools_of_all());
            let view = self.view(wall, &pools, level_of(&self.cx, &self.sessions[h]), h);
            let mut out = Out::new(&mut scratch[lead..limit]);
            let progress = match applet.kind {
                AppletKind::None => Progress::Done,
                AppletKind::StatsPage => crate::stats::page(&view, applet.proxy.into(), &mut applet.cursor, &mut out),
                AppletKind::StatsCsv => {
                    let scope = crate::stats::Scope::of_page(self.cx.config, applet.proxy.into());
                    crate::stats::csv(&view, &scope, &mut applet.cursor, &mut out)
                }
                AppletKind::Command => {
                    crate::cli::converse(&view, s.req.bytes(&self.cx), &mut applet, &mut taken, &mut out)
                }
            };
            (out.len(), progress)
        };
        applet.done = progress == Progress::Done;
        let len = if applet.chunked { as_chunk(&mut scratch, len, applet.done) } else { len };
        applet.wants_fill = false;
        let s = &mut self.sessions[h];
        s.applet = applet;
        s.req.start += taken as u32;
        s.req.cleared = s.req.start;
        if len > 0 && s.res.need_buffer(&mut self.cx, 0) {
            self.cx.bufs.get_mut(s.res.buf)[..len].copy_from_slice(&scratch[..len]);
            (s.res.start, s.res.cleared, s.res.end) = (0, len as u32, len as u32);
        }
        self.cx.scratch = scratch;
        // Sent in its turn: a client that reads fast must not hold up the others.
        if progress != Progress::Elsewhere {
            self.cx.wake(h);
        }
    }

    /// What is lent to those who answer.
    fn view<'a>(
        &'a self,
        wall: (i64, u32),
        pools: &'a [(&'static str, Usage)],
        level: CliLevel,
        asker: Handle<Session>,
    ) -> View<'a> {
        View {
            shared: self.cx.shared,
            now_ms: self.cx.now_ms,
            wall,
            worker: self.cx.worker,
            pools,
            sessions: &self.sessions,
            conns: &self.cx.conns,
            level,
            host: &self.host,
            version: env!("CARGO_PKG_VERSION"),
            asker,
        }
    }

    /// Tells the others how this worker's pools are: before each wait, so that it holds while this worker sleeps.
    pub(super) fn publish(&self) {
        let own = self.cx.usage(self.sessions.usage());
        self.cx.shared.figures[self.cx.worker].publish(&own, self.cx.logs.dropped);
    }

    fn pools_of_all(&self) -> [(&'static str, Usage); POOLS] {
        self.publish();
        pools_of_all(&self.cx.shared.figures, &self.cx.usage(self.sessions.usage()))
    }

    /// Answers what an operator's worker asks, and goes on with operators whose answer from another worker is there.
    pub(super) fn look_at_desk(&mut self) {
        let (shared, me) = (self.cx.shared, self.cx.worker);
        if let Some(q) = shared.desk.question(me) {
            let mut scratch = std::mem::take(&mut self.cx.scratch);
            let (wall, pools) = (self.cx.sys.wall(), self.pools_of_all());
            let view = self.view(wall, &pools, q.level, Handle::NONE);
            let limit = q.room.min(scratch.len());
            let (mut out, mut cursor) = (Out::new(&mut scratch[..limit]), q.cursor);
            let progress = crate::cli::answer(&view, q.line(), &mut cursor, &mut out);
            shared.reply(me, cursor, progress, out.bytes());
            self.cx.scratch = scratch;
        }
        while let Some(asker) = shared.desk.call(me) {
            let h: Handle<Session> = Handle::from_parts(asker.session.0, asker.session.1);
            if self.sessions.get(h).is_some_and(|s| s.applet.kind == AppletKind::Command) {
                self.fill(h);
            }
            shared.desk.abandon(asker); // an answer that was not taken
        }
    }
}

/// Before each chunk: its size in eight digits, and a line end.
const CHUNK_LEAD: usize = 10;
/// After it: a line end, and after the last one the chunk that ends the body.
const CHUNK_TAIL: usize = 7;

/// Makes the `len` bytes behind `CHUNK_LEAD` a chunk, and the end of the body if it is the `last`; says how long all of it is.
fn as_chunk(space: &mut [u8], len: usize, last: bool) -> usize {
    let mut out = Out::new(&mut space[..CHUNK_LEAD]);
    if len > 0 {
        let _ = write!(out, "{len:08x}\r\n");
        let end = CHUNK_LEAD + len;
        out = Out::new(&mut space[end..]);
        out.put(b"\r\n");
        out.put(if last { b"0\r\n\r\n" } else { b"" });
        return end + out.len();
    }
    out.put(if last { b"0\r\n\r\n" } else { b"" });
    out.len()
}

/// What the user of a command socket's session may do.
fn level_of<K: Kernel>(cx: &Ctx<K>, s: &Session) -> CliLevel {
    let listener = cx.conns.get(s.client).map(|c| c.origin as usize);
    match listener.map(|l| cx.config.listeners[l].audience) {
        Some(Audience::Cli(level)) => level,
        _ => CliLevel::User,
    }
}
