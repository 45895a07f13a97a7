//! The black-box harness: starts the real binary on real sockets, with scripted clients, servers and log receivers.
//!
//! `EVENKEEL_BIN` names another binary to test; `EVENKEEL_BIN=/usr/sbin/haproxy` runs the suite against the oracle, which
//! proves the tests themselves. Two more variables bend every proxy that is started:
//! `EVENKEEL_TEST_GLOBAL="nbthread 2;noepoll"` (lines of a `global` section put in front of each configuration) and
//! `EVENKEEL_TEST_ARGS="-de"` (arguments put before `-f`).
//!
//! `EVENKEEL_RUNNER` is put before the binary (an emulator and its options), and `EVENKEEL_SLOW` multiplies every time limit
//! (see `ci/cross`).
//!
//! Nothing here sleeps to make a race unlikely: helpers wait for a condition with a bound ([`eventually`]), and every read
//! has a timeout ([`patience`]).

#![allow(dead_code, unused_imports)] // each test crate uses its own part

mod client;
mod http;
mod logs;
mod proxy;
mod server;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub use client::{Cli, Client, get, roundtrip, statuses_on_one_connection};
pub use http::{Kind, Message, ReadError, Wire, parse_head};
pub use logs::{HttpLog, LogSink, TcpLog};
pub use proxy::{Builder, Proxy, binary};
pub use server::{Blackhole, Conn, Refusing, Server, Step, ok, reply};

/// The longest that any single wait of a helper lasts. Nothing that passes comes near it.
pub fn patience() -> Duration {
    static SLOW: OnceLock<u32> = OnceLock::new();
    let slow =
        SLOW.get_or_init(|| std::env::var("EVENKEEL_SLOW").ok().and_then(|n| n.parse().ok()).unwrap_or(1).max(1));
    Duration::from_secs(8) * *slow
}

/// A `defaults` section for HTTP tests: timeouts long enough never to fire in a test that does not shorten them.
pub const HTTP: &str = "
global
    nbthread 1
    maxconn 400
defaults
    mode http
    timeout connect 4s
    timeout client 20s
    timeout server 20s
";

/// The same for TCP tests.
pub const TCP: &str = "
global
    nbthread 1
    maxconn 400
defaults
    mode tcp
    timeout connect 4s
    timeout client 20s
    timeout server 20s
";

/// Whether the suite runs against HAProxy (the oracle) instead of evenkeel.
pub fn is_oracle() -> bool {
    proxy::binary().file_name().is_some_and(|name| name.to_string_lossy().contains("haproxy"))
}

/// Whether the program runs under an emulator, too slow for what a test measures; says so, for a test to be skipped.
pub fn skip_when_slow() -> bool {
    let emulated = is_emulated();
    if emulated {
        eprintln!("SKIPPED: an emulated program is too slow for this test (EVENKEEL_RUNNER is set)");
    }
    emulated
}

/// Whether the program runs under an emulator.
pub fn is_emulated() -> bool {
    !proxy::runner().is_empty()
}

/// Whether the program runs under an emulator, whose processes cannot start each other; says so, for a test to be skipped.
pub fn skip_under_emulation() -> bool {
    let emulated = is_emulated();
    if emulated {
        eprintln!("SKIPPED: an emulated program cannot start another process of itself (EVENKEEL_RUNNER is set)");
    }
    emulated
}

/// A folder of files for one test, removed with it.
pub struct Folder(std::path::PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("evenkeel-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    /// Writes a file; its path.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Polls `condition` until it yields a value; panics with `what` after [`patience`].
#[track_caller]
pub fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < patience(), "waited {:?} in vain for: {what}", patience());
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// `len` bytes that differ everywhere, so that a lost, doubled or swapped block shows (xorshift from `seed`).
pub fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut out = Vec::with_capacity(len + 8);
    while out.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
    }
    out.truncate(len);
    out
}

/// Bytes as readable text for failure messages: escapes, and the middle of long ones left out.
pub fn show(bytes: &[u8]) -> String {
    let escape = |b: &[u8]| b.escape_ascii().to_string();
    if bytes.len() <= 600 {
        return escape(bytes);
    }
    format!("{} [.. {} bytes ..] {}", escape(&bytes[..400]), bytes.len() - 500, escape(&bytes[bytes.len() - 100..]))
}
