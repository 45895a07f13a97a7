//! A receiver of UDP logs, and readers of HAProxy's two log lines.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::eventually;

/// Collects log datagrams; `addr()` goes into a `log` line.
pub struct LogSink {
    addr: SocketAddr,
    lines: Arc<Mutex<Vec<String>>>,
    /// Tells the thread to end.
    stop: Arc<()>,
}

impl LogSink {
    pub fn start() -> LogSink {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = socket.local_addr().unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(());
        let (keep, alive) = (lines.clone(), Arc::downgrade(&stop));
        std::thread::spawn(move || {
            let mut datagram = [0; 65536];
            while alive.strong_count() > 0 {
                if let Ok(n) = socket.recv(&mut datagram) {
                    keep.lock().unwrap().push(String::from_utf8_lossy(&datagram[..n]).into_owned());
                }
            }
        });
        LogSink { addr, lines, stop }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Whole datagrams so far, priorities and headers included.
    pub fn raw(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// The messages so far, without their syslog headers (up to `]: `) and final newlines.
    pub fn messages(&self) -> Vec<String> {
        let strip = |line: &String| line.split_once("]: ").map_or(line.as_str(), |(_, m)| m).trim_end().to_owned();
        self.raw().iter().map(strip).collect()
    }

    /// The first message that `wanted` turns into a value; waits for it.
    #[track_caller]
    pub fn find<T>(&self, what: &str, wanted: impl Fn(&str) -> Option<T>) -> T {
        let mut seen = Vec::new();
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually(what, || {
                seen = self.messages();
                seen.iter().find_map(|message| wanted(message))
            })
        }));
        found.unwrap_or_else(|_| panic!("no log line for: {what}; seen: {:#?}", self.messages()))
    }

    /// The first `option httplog` line whose request contains `part`.
    #[track_caller]
    pub fn http(&self, part: &str) -> HttpLog {
        self.find(part, |message| HttpLog::parse(message).filter(|log| log.request.contains(part)))
    }

    /// The first `option tcplog` line of `frontend`.
    #[track_caller]
    pub fn tcp(&self, frontend: &str) -> TcpLog {
        self.find(frontend, |message| TcpLog::parse(message).filter(|log| log.frontend == frontend))
    }
}

/// `option httplog`: `1.2.3.4:5 [date] fe be/srv Tq/Tw/Tc/Tr/Tt status bytes cc sc tsc a/f/b/s/r sq/bq {req} {res} "request"`.
#[derive(Debug, Clone)]
pub struct HttpLog {
    pub client: String,
    pub date: String,
    pub frontend: String,
    pub backend: String,
    pub server: String,
    /// Request, queue, connect, response, total; -1 where not reached. Milliseconds.
    pub timers: [i64; 5],
    /// The total is marked `+`: logged before the end.
    pub early: bool,
    pub status: i32,
    pub bytes: u64,
    pub request_cookie: String,
    pub response_cookie: String,
    /// Four letters.
    pub termination: String,
    /// actconn, feconn, beconn, srv_conn.
    pub counts: [u32; 4],
    pub retries: u32,
    pub redispatched: bool,
    /// Server queue, backend queue.
    pub queues: [u32; 2],
    pub captures: Vec<String>,
    pub request: String,
}

impl HttpLog {
    pub fn parse(message: &str) -> Option<HttpLog> {
        let (head, request) = message.split_once(" \"")?;
        let mut words = head.split(' ');
        let client = words.next()?.to_owned();
        let date = words.next()?.strip_prefix('[')?.strip_suffix(']')?.to_owned();
        let frontend = words.next()?.to_owned();
        let (backend, server) = words.next()?.split_once('/')?;
        let times: Vec<&str> = words.next()?.split('/').collect();
        let early = times.last()?.starts_with('+');
        let timers: Vec<i64> = times.iter().map(|t| t.trim_start_matches('+').parse().ok()).collect::<Option<_>>()?;
        let status = words.next()?.parse().ok()?;
        let bytes = words.next()?.trim_start_matches('+').parse().ok()?;
        let (request_cookie, response_cookie) = (words.next()?.to_owned(), words.next()?.to_owned());
        let termination = words.next()?.to_owned();
        let (counts, retries, redispatched) = counts(words.next()?)?;
        let queues = pair(words.next()?)?;
        Some(HttpLog {
            client,
            date,
            frontend,
            backend: backend.into(),
            server: server.into(),
            timers: timers.try_into().ok()?,
            early,
            status,
            bytes,
            request_cookie,
            response_cookie,
            termination,
            counts,
            retries,
            redispatched,
            queues,
            captures: words.map(str::to_owned).collect(),
            request: request.trim_end().trim_end_matches('"').into(),
        })
    }
}

/// `option tcplog`: `1.2.3.4:5 [date] fe be/srv Tw/Tc/Tt bytes ts a/f/b/s/r sq/bq`.
#[derive(Debug, Clone)]
pub struct TcpLog {
    pub client: String,
    pub date: String,
    pub frontend: String,
    pub backend: String,
    pub server: String,
    /// Queue, connect, total.
    pub timers: [i64; 3],
    pub bytes: u64,
    /// Two letters.
    pub termination: String,
    pub counts: [u32; 4],
    pub retries: u32,
    pub redispatched: bool,
    pub queues: [u32; 2],
}

impl TcpLog {
    pub fn parse(message: &str) -> Option<TcpLog> {
        let mut words = message.split(' ');
        let client = words.next()?.to_owned();
        let date = words.next()?.strip_prefix('[')?.strip_suffix(']')?.to_owned();
        let frontend = words.next()?.to_owned();
        let (backend, server) = words.next()?.split_once('/')?;
        let timers: Vec<i64> =
            words.next()?.split('/').map(|t| t.trim_start_matches('+').parse().ok()).collect::<Option<_>>()?;
        let bytes = words.next()?.trim_start_matches('+').parse().ok()?;
        let termination = words.next()?.to_owned();
        let (counts, retries, redispatched) = counts(words.next()?)?;
        Some(TcpLog {
            client,
            date,
            frontend,
            backend: backend.into(),
            server: server.into(),
            timers: timers.try_into().ok()?,
            bytes,
            termination,
            counts,
            retries,
            redispatched,
            queues: pair(words.next()?)?,
        })
    }
}

fn counts(word: &str) -> Option<([u32; 4], u32, bool)> {
    let parts: Vec<&str> = word.split('/').collect();
    let (retries, numbers) = parts.split_last()?;
    let numbers: Vec<u32> = numbers.iter().map(|n| n.parse().ok()).collect::<Option<_>>()?;
    Some((numbers.try_into().ok()?, retries.trim_start_matches('+').parse().ok()?, retries.starts_with('+')))
}

fn pair(word: &str) -> Option<[u32; 2]> {
    let (a, b) = word.split_once('/')?;
    Some([a.parse().ok()?, b.parse().ok()?])
}
