//! What those have in common who answer a client themselves, the statistics and the command socket: what a worker lends them, and how
//! they write.

use crate::mem::{Handle, Pool, Usage};
use crate::model::CliLevel;
use crate::server::{LastCheck, Shared};
use crate::session::Session;
use crate::session::endpoint::Conn;
use crate::sys::Target;
use crate::util::fmt::Out;
pub use crate::util::fmt::{Cursor, Progress};
use std::fmt::Write;
use std::sync::Mutex;

/// What a worker lends to those who answer.
pub struct View<'a> {
    pub shared: &'a Shared,
    pub now_ms: u64,
    pub wall: (i64, u32),
    pub worker: usize,
    /// The pools of all workers together.
    pub pools: &'a [(&'static str, Usage)],
    pub sessions: &'a Pool<Session>,
    pub conns: &'a Pool<Conn>,
    /// What the user of the command socket may do; the page takes no notice of it.
    pub level: CliLevel,
    pub host: &'a str,
    pub version: &'a str,
    /// The session that is answered, for what other workers are asked in its name.
    pub asker: Handle<Session>,
}

/// Writes one unit as a whole: false when it does not fit, and then nothing of it was written. A unit that would not fit
/// into an empty buffer either is cut, so that nobody waits for it for ever.
pub fn unit(out: &mut Out, write: impl FnOnce(&mut Out)) -> bool {
    let before = out.len();
    write(out);
    if !out.overflow() {
        return true;
    }
    let kept = if before == 0 { out.len() } else { before };
    out.truncate(kept);
    before == 0
}

/// What a column holds.
#[derive(Clone, Copy, Default, Debug)]
pub enum Value<'a> {
    /// Does not apply.
    #[default]
    Empty,
    Num(u64),
    Int(i64),
    Text(&'a str),
    /// A text and how far the checks are on the way to the next state: `UP 1/3`.
    Status(&'static str, Option<(u32, u32)>),
    Address(&'a Target),
    /// The status of a server's last check, with a star while another runs; and what was said about a failure.
    CheckStatus(&'static str, bool),
    CheckInfo(&'a Mutex<LastCheck>),
    /// Seconds, as `0d 0h00m06s`.
    Uptime(u64),
}

impl Value<'_> {
    /// Writes the value as it is.
    pub fn put(&self, out: &mut Out) {
        match *self {
            Value::Empty => {}
            Value::Num(n) => out.num(n),
            Value::Int(n) => out.int(n),
            Value::Text(t) => out.put(t.as_bytes()),
            Value::Status(t, None) => out.put(t.as_bytes()),
            Value::Status(t, Some((n, of))) => {
                let _ = write!(out, "{t} {n}/{of}");
            }
            Value::CheckStatus(t, running) => {
                out.put(if running { b"* " } else { b"" });
                out.put(t.as_bytes());
            }
            Value::CheckInfo(check) => out.put(check.lock().unwrap_or_else(|e| e.into_inner()).info.text().as_bytes()),
            Value::Address(Target::Inet(a)) => {
                if let Some(a) = a.socket_addr() {
                    let _ = write!(out, "{a}");
                }
            }
            Value::Address(_) => out.put(b"unix"),
            Value::Uptime(s) => {
                let _ = write!(out, "{}d {}h{:02}m{:02}s", s / 86_400, s / 3600 % 24, s / 60 % 60, s % 60);
            }
        }
    }

    /// Writes the value as a field of a CSV line: quoted when it holds a comma, a quote or a line's end.
    pub fn put_csv(&self, out: &mut Out) {
        match *self {
            Value::Text(t) => quoted(t, out),
            Value::CheckInfo(check) => quoted(check.lock().unwrap_or_else(|e| e.into_inner()).info.text(), out),
            _ => self.put(out),
        }
    }
}

fn quoted(text: &str, out: &mut Out) {
    if !text.contains([',', '"', '\r', '\n']) {
        return out.put(text.as_bytes());
    }
    out.byte(b'"');
    for b in text.bytes() {
        if b == b'"' {
            out.byte(b);
        }
        out.byte(b);
    }
    out.byte(b'"');
}
