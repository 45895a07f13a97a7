//! Scripted servers: threads that record what they receive and answer as told, and addresses that refuse or swallow.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, listen, socket_with};

use super::http::{Kind, Message, ReadError, Wire};

/// `200` with this body.
pub fn ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    reply("200 OK", "", body)
}

/// Any status line, more header lines (each with its CR LF), and a body with its length.
pub fn reply(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut out = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    out.extend_from_slice(body);
    out
}

/// What a scripted server does with a connection, in order. The connection closes after the last step.
#[derive(Clone, Debug)]
pub enum Step {
    /// Reads to the end of a request's head.
    ReadHead,
    /// Reads a whole request with its body.
    ReadRequest,
    Read(usize),
    /// Reads until the proxy's FIN.
    ReadToEnd,
    Write(Vec<u8>),
    WaitMs(u64),
    /// FIN; the connection stays.
    HalfClose,
    /// RST, at once.
    Reset,
    /// Keeps the connection open, reading, until the proxy closes it.
    Hold,
}

/// One accepted connection, as a server's closure sees it.
pub struct Conn {
    pub wire: Wire,
    /// 0 for the first connection.
    pub index: usize,
}

impl Deref for Conn {
    type Target = Wire;
    fn deref(&self) -> &Wire {
        &self.wire
    }
}

impl DerefMut for Conn {
    fn deref_mut(&mut self) -> &mut Wire {
        &mut self.wire
    }
}

impl Conn {
    /// The next whole request; `None` when the proxy closed instead.
    pub fn request(&mut self) -> Option<Message> {
        self.wire.read_message(Kind::Request).ok()
    }

    fn run(mut self, steps: &[Step]) {
        for step in steps {
            let done = match step {
                Step::ReadHead => self.read_head(Kind::Request).is_ok(),
                Step::ReadRequest => self.request().is_some(),
                Step::Read(n) => self.read_n(*n).is_ok(),
                Step::ReadToEnd | Step::Hold => self.read_to_end().is_ok(),
                Step::Write(bytes) => self.send(bytes).is_ok(),
                Step::WaitMs(ms) => {
                    std::thread::sleep(Duration::from_millis(*ms));
                    true
                }
                Step::HalfClose => {
                    self.half_close();
                    true
                }
                Step::Reset => return self.wire.reset(),
            };
            if !done {
                return;
            }
        }
    }
}

#[derive(Default)]
struct Shared {
    /// What each connection sent, in the order of their acceptance.
    received: Mutex<Vec<Arc<Mutex<Vec<u8>>>>>,
    /// Whole requests, of servers that parse them.
    requests: Mutex<Vec<Message>>,
    /// What a strict reader refused.
    complaints: Mutex<Vec<String>>,
    streams: Mutex<Vec<Weak<TcpStream>>>,
    stop: AtomicBool,
}

/// A server on 127.0.0.1 or a unix socket; stops listening and closes its connections when dropped.
pub struct Server {
    addr: Option<SocketAddr>,
    shared: Arc<Shared>,
    acceptor: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    /// Calls `serve` for each connection, in a thread of its own.
    pub fn start(serve: impl Fn(Conn) + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        Server::on(listener.into(), Some(addr), Arc::default(), serve)
    }

    /// The same on a unix socket that listens already.
    pub fn on_unix(listener: UnixListener, serve: impl Fn(Conn) + Send + Sync + 'static) -> Server {
        Server::on(listener.into(), None, Arc::default(), serve)
    }

    fn on(
        listener: OwnedFd,
        addr: Option<SocketAddr>,
        shared: Arc<Shared>,
        serve: impl Fn(Conn) + Send + Sync + 'static,
    ) -> Server {
        let (state, serve) = (shared.clone(), Arc::new(serve));
        let acceptor = std::thread::spawn(move || {
            let tick = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
            while !state.stop.load(Ordering::Relaxed) {
                let mut wait = [PollFd::from_borrowed_fd(listener.as_fd(), PollFlags::IN)];
                if !matches!(poll(&mut wait, Some(&tick)), Ok(1)) {
                    continue;
                }
                let Ok(fd) = rustix::net::accept_with(&listener, SocketFlags::CLOEXEC) else { continue };
                // Any stream socket will do: only reads, writes, shutdowns and timeouts are used.
                let stream = Arc::new(TcpStream::from(fd));
                let record = Arc::new(Mutex::new(Vec::new()));
                let index = {
                    let mut received = state.received.lock().unwrap();
                    received.push(record.clone());
                    received.len() - 1
                };
                state.streams.lock().unwrap().push(Arc::downgrade(&stream));
                let (serve, state) = (serve.clone(), state.clone());
                std::thread::spawn(move || {
                    serve(Conn { wire: Wire::new(stream, Some(record)), index });
                    drop(state);
                });
            }
        });
        Server { addr, shared, acceptor: Some(acceptor) }
    }

    /// A keep-alive HTTP server: `answer` turns each request into the bytes to send (none: it closes instead). It closes
    /// after a request that said `Connection: close`, or was HTTP/1.0.
    pub fn http(answer: impl Fn(&Message) -> Vec<u8> + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = Arc::<Shared>::default();
        let serve = Server::http_loop(shared.clone(), answer);
        Server::on(listener.into(), Some(addr), shared, serve)
    }

    /// The same on a unix socket that listens already.
    pub fn http_on_unix(
        listener: UnixListener,
        answer: impl Fn(&Message) -> Vec<u8> + Send + Sync + 'static,
    ) -> Server {
        let shared = Arc::<Shared>::default();
        let serve = Server::http_loop(shared.clone(), answer);
        Server::on(listener.into(), None, shared, serve)
    }

    fn http_loop(
        shared: Arc<Shared>,
        answer: impl Fn(&Message) -> Vec<u8> + Send + Sync + 'static,
    ) -> impl Fn(Conn) + Send + Sync + 'static {
        move |mut conn| {
            loop {
                let request = match conn.wire.read_message(Kind::Request) {
                    Ok(request) => request,
                    Err(ReadError::Malformed(why)) => {
                        shared.complaints.lock().unwrap().push(why);
                        return;
                    }
                    Err(_) => return,
                };
                shared.requests.lock().unwrap().push(request.clone());
                let bytes = answer(&request);
                let last = request.lists("connection", "close") || request.line.ends_with("HTTP/1.0");
                if bytes.is_empty() || conn.send(bytes).is_err() || last {
                    return;
                }
            }
        }
    }

    /// Answers every request with 200, its name as the body and in `X-Server`; keeps connections.
    pub fn named(name: &str) -> Server {
        let full = reply("200 OK", &format!("X-Server: {name}\r\n"), name);
        let bodiless = full[..full.len() - name.len()].to_vec();
        Server::http(move |request| if request.method() == "HEAD" { bodiless.clone() } else { full.clone() })
    }

    /// Runs the same steps on every connection.
    pub fn script(steps: Vec<Step>) -> Server {
        Server::start(move |conn| conn.run(&steps))
    }

    /// Sends back what it receives, until the FIN, which it returns.
    pub fn echo() -> Server {
        Server::start(|mut conn| {
            use std::io::Read;
            let mut buf = [0; 65536];
            while let Ok(n) = (&*conn.stream).read(&mut buf) {
                if n == 0 || conn.send(&buf[..n]).is_err() {
                    return;
                }
            }
        })
    }

    /// The address for a `server` line.
    #[track_caller]
    pub fn addr(&self) -> SocketAddr {
        self.addr.expect("a unix server has no address")
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.received.lock().unwrap().len()
    }

    /// Connections that are still open.
    pub fn open_connections(&self) -> usize {
        self.shared.streams.lock().unwrap().iter().filter(|s| s.strong_count() > 0).count()
    }

    /// What connection `index` received so far.
    pub fn received(&self, index: usize) -> Vec<u8> {
        self.shared.received.lock().unwrap().get(index).map(|r| r.lock().unwrap().clone()).unwrap_or_default()
    }

    /// Whole requests that an HTTP server has got so far.
    pub fn requests(&self) -> Vec<Message> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// The last of them.
    #[track_caller]
    pub fn last(&self) -> Message {
        self.requests().pop().expect("the server got no request")
    }

    /// What its strict reader refused, in words.
    pub fn complaints(&self) -> Vec<String> {
        self.shared.complaints.lock().unwrap().clone()
    }

    /// Closes every connection, and goes on accepting new ones.
    pub fn close_connections(&self) {
        for stream in self.shared.streams.lock().unwrap().drain(..).filter_map(|s| s.upgrade()) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
        self.close_connections();
    }
}

fn bound() -> (OwnedFd, SocketAddr) {
    let fd = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    bind(&fd, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let addr = SocketAddr::try_from(getsockname(&fd).unwrap()).unwrap();
    (fd, addr)
}

/// An address where connections are refused: a port that is held but not listened on.
pub struct Refusing(OwnedFd, SocketAddr);

impl Refusing {
    pub fn start() -> Refusing {
        let (fd, addr) = bound();
        Refusing(fd, addr)
    }

    pub fn addr(&self) -> SocketAddr {
        self.1
    }
}

/// An address where connections are neither accepted nor refused: its backlog is full, and Linux drops the SYN.
pub struct Blackhole {
    _fd: OwnedFd,
    addr: SocketAddr,
    _fillers: Vec<TcpStream>,
}

impl Blackhole {
    pub fn start() -> Blackhole {
        let (fd, addr) = bound();
        listen(&fd, 0).unwrap();
        let mut fillers = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&addr, Duration::from_millis(80)) {
            fillers.push(stream);
        }
        Blackhole { _fd: fd, addr, _fillers: fillers }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}
