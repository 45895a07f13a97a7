//! The other ends of the connections in a whole-system test: servers and clients that run beside the proxy in the guest.
//!
//! ```text
//! peer serve ADDR NAME             HTTP server: answers with NAME; /bytes/N answers with N bytes of a known pattern
//! peer echo ADDR                   TCP server: sends back what it reads
//! peer get ADDR CLIENTS REQUESTS   so many clients at once, each so many requests on one connection; prints what came
//! peer get ADDR CLIENTS FILE LOST  the same as long as the file exists; so many requests may be lost
//! peer tcp ADDR CLIENTS BYTES      so many connections at once, each sends so many bytes and must read the same
//! peer hold ADDR CLIENTS FILE      clients that keep what they got as long as the file exists: half of them send most of a
//!                                  head, the others send and ask for much, and read nothing
//! peer line PATH LINE              sends a line to a unix socket and prints the answer
//! ```
//!
//! A client's exit code is 0 when everything that it expected came. Small on purpose (std only): a 48 MiB board has room for
//! hundreds of connections.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, ErrorKind, Read, Result, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// More than fits in all buffers on the way.
const MUCH: usize = 100_000_000;
/// Servers are told names that begin so.
const SERVER: &str = "server";
const REOPENED: &str = "reopened";
const STACK_BYTES: usize = 64 * 1024;
/// Nothing that passes comes near it, even under emulation.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let ok = match args[..] {
        ["serve", addr, name] => {
            let name = name.to_string();
            serve(addr, move |stream| http_server(stream, &name))
        }
        ["echo", addr] => serve(addr, echo_server),
        ["get", addr, clients, requests] => get(addr, number(clients), Until::Done(number(requests)), 0),
        ["get", addr, clients, file, lost] => get(addr, number(clients), Until::Gone(file.into()), number(lost)),
        ["tcp", addr, clients, bytes] => tcp(addr, number(clients), number(bytes)),
        ["hold", addr, clients, file] => hold(addr, number(clients), &Until::Gone(file.into())),
        ["line", path, line] => line_to(path, line).is_ok(),
        _ => panic!("see the first lines of qemu-tests/peer.rs"),
    };
    std::process::exit(i32::from(!ok));
}

/// When a client has had enough.
#[derive(Clone)]
enum Until {
    Done(usize),
    Gone(PathBuf),
}

impl Until {
    fn is_over(&self, done: usize) -> bool {
        match self {
            Until::Done(all) => done == *all,
            Until::Gone(file) => !file.exists(),
        }
    }
}

fn number(word: &str) -> usize {
    word.parse().expect("a number")
}

/// The byte at place `n` of every body: a block that was lost, doubled or moved shows.
fn pattern(n: usize) -> u8 {
    (n ^ n >> 8 ^ n >> 16) as u8
}

fn spawn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> std::thread::JoinHandle<T> {
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work).expect("a thread")
}

fn serve(addr: &str, each: impl Fn(TcpStream) -> Result<()> + Clone + Send + 'static) -> bool {
    let listener = TcpListener::bind(addr).expect("a free address");
    for stream in listener.incoming().flatten() {
        let each = each.clone();
        spawn(move || drop(each(stream)));
    }
    true
}

fn http_server(mut stream: TcpStream, name: &str) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::with_capacity(2048, stream.try_clone()?);
    loop {
        let (mut path, mut line) = (String::new(), String::new());
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if path.is_empty() {
                path = line.split(' ').nth(1).unwrap_or("/").to_string();
            }
            if line.trim_end().is_empty() {
                break;
            }
        }
        let bytes: Option<usize> = path.strip_prefix("/bytes/").and_then(|n| n.parse().ok());
        let length = bytes.unwrap_or(name.len());
        write!(stream, "HTTP/1.1 200 OK\r\nServed-By: {name}\r\nContent-Length: {length}\r\n\r\n")?;
        match bytes {
            Some(n) => send_pattern(&mut stream, n)?,
            None => stream.write_all(name.as_bytes())?,
        }
    }
}

/// Block by block: a board has no room for whole bodies.
fn send_pattern(stream: &mut TcpStream, bytes: usize) -> Result<()> {
    let mut block = [0; 4096];
    for at in (0..bytes).step_by(block.len()) {
        let part = block.len().min(bytes - at);
        (at..).zip(&mut block[..part]).for_each(|(n, byte)| *byte = pattern(n));
        stream.write_all(&block[..part])?;
    }
    Ok(())
}

fn echo_server(mut stream: TcpStream) -> Result<()> {
    let mut buf = [0; 2048];
    loop {
        let n = stream.read(&mut buf)?;
        if n == 0 {
            return stream.shutdown(Shutdown::Write);
        }
        stream.write_all(&buf[..n])?;
    }
}

fn connect(addr: &str) -> Result<TcpStream> {
    let stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// One response: its status, who served it, and whether the body is what it should be.
fn response(reader: &mut BufReader<TcpStream>, bytes: usize) -> Result<(u16, String)> {
    let (mut status, mut length, mut by, mut line) = (0, 0, String::from("nobody"), String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let text = line.trim_end();
        if text.is_empty() {
            break;
        }
        let (name, value) = text.split_once(": ").unwrap_or(("", ""));
        match name.to_ascii_lowercase().as_str() {
            "" => status = text.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0),
            "content-length" => length = value.parse().unwrap_or(0),
            "served-by" => by = value.to_string(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    if bytes > 0 && status == 200 && (length != bytes || body.iter().enumerate().any(|(n, b)| *b != pattern(n))) {
        return Err(ErrorKind::InvalidData.into());
    }
    Ok((status, by))
}

/// Asks on a connection. None: it was closed before anything of an answer came.
fn ask(reader: &mut BufReader<TcpStream>, bytes: usize) -> Result<Option<(u16, String)>> {
    let path = if bytes > 0 { format!("/bytes/{bytes}") } else { "/".into() };
    let head = format!("GET {path} HTTP/1.1\r\nHost: board\r\n\r\n");
    let sent = reader.get_mut().write_all(head.as_bytes());
    match sent.and_then(|()| reader.fill_buf().map(<[u8]>::is_empty)) {
        Ok(false) => response(reader, bytes).map(Some),
        Err(e) if e.kind() == ErrorKind::WouldBlock => Err(e),
        _ => Ok(None),
    }
}

/// Asks on the connection that is open, or on a new one. Counts how often it had to be opened again: an idle connection may
/// be closed at any time, and every client then sends its request again (RFC 9112, 9.3.1).
fn ask_again(
    addr: &str,
    open: &mut Option<BufReader<TcpStream>>,
    bytes: usize,
    reopened: &mut usize,
) -> Result<(u16, String)> {
    if let Some(reader) = open {
        if let Some(seen) = ask(reader, bytes)? {
            return Ok(seen);
        }
        *reopened += 1;
    }
    let reader = open.insert(BufReader::with_capacity(2048, connect(addr)?));
    ask(reader, bytes)?.ok_or(ErrorKind::UnexpectedEof.into())
}

/// What one client saw: how often each status and server, and how many requests got no answer.
fn one_client(addr: &str, until: &Until) -> BTreeMap<String, usize> {
    let (mut seen, mut open, mut reopened, mut done) = (BTreeMap::new(), None, 0, 0);
    while !until.is_over(done) {
        // Every fifth answer is larger than a buffer.
        let bytes = if done % 5 == 4 { 40_000 } else { 0 };
        let what = match ask_again(addr, &mut open, bytes, &mut reopened) {
            Ok((200, by)) => by,
            Ok((status, _)) => status.to_string(),
            Err(e) => format!("no answer ({:?})", e.kind()),
        };
        if !what.starts_with(SERVER) {
            open = None;
        }
        *seen.entry(what).or_default() += 1;
        done += 1;
    }
    if reopened > 0 {
        seen.insert(REOPENED.into(), reopened);
    }
    seen
}

fn get(addr: &str, clients: usize, until: Until, may_lose: usize) -> bool {
    let begun = Instant::now();
    let threads: Vec<_> = (0..clients)
        .map(|_| {
            let (addr, until) = (addr.to_string(), until.clone());
            spawn(move || one_client(&addr, &until))
        })
        .collect();
    let mut all: BTreeMap<String, usize> = BTreeMap::new();
    for thread in threads {
        for (what, n) in thread.join().expect("no panic") {
            *all.entry(what).or_default() += n;
        }
    }
    let took = begun.elapsed();
    let asked: usize = all.iter().filter(|(what, _)| *what != REOPENED).map(|(_, n)| n).sum();
    let good: usize = all.iter().filter(|(what, _)| what.starts_with(SERVER)).map(|(_, n)| n).sum();
    let seen: Vec<String> = all.iter().map(|(what, n)| format!("{what} {n}")).collect();
    let rate = asked as u128 * 1000 / took.as_millis().max(1);
    println!("{clients} clients, {asked} requests: {}; {rate} requests a second", seen.join(", "));
    good > 0 && asked - good <= may_lose
}

fn tcp(addr: &str, clients: usize, bytes: usize) -> bool {
    let one = move |addr: String| -> Result<bool> {
        let mut stream = connect(&addr)?;
        let mut back = stream.try_clone()?;
        let writer = spawn(move || -> Result<()> {
            send_pattern(&mut stream, bytes)?;
            stream.shutdown(Shutdown::Write)
        });
        let mut read = Vec::with_capacity(bytes);
        back.read_to_end(&mut read)?;
        writer.join().expect("no panic")?;
        Ok(read.len() == bytes && read.iter().enumerate().all(|(n, b)| *b == pattern(n)))
    };
    let begun = Instant::now();
    let threads: Vec<_> = (0..clients)
        .map(|_| {
            let addr = addr.to_string();
            spawn(move || one(addr))
        })
        .collect();
    let good = threads.into_iter().filter_map(|t| t.join().ok()?.ok()).filter(|whole| *whole).count();
    let rate = (clients * bytes) as u128 * 1000 / begun.elapsed().as_millis().max(1) / 1024;
    println!("{clients} connections, {bytes} bytes each way: {good} whole; {rate} KiB a second");
    good == clients
}

fn hold(addr: &str, clients: usize, until: &Until) -> bool {
    let open: Vec<_> = (0..clients).filter_map(|n| held(addr, n).ok()).collect();
    println!("{} connections are held", open.len());
    while !until.is_over(0) {
        sleep(Duration::from_millis(100));
    }
    open.len() == clients
}

/// A connection that makes the proxy fill one buffer, or two.
fn held(addr: &str, n: usize) -> Result<TcpStream> {
    let mut stream = connect(addr)?;
    if n.is_multiple_of(2) {
        write!(stream, "GET / HTTP/1.1\r\nHost: board\r\nX-Slow: {}", "a".repeat(6000))?;
    } else {
        write!(stream, "POST /bytes/{MUCH} HTTP/1.1\r\nHost: board\r\nContent-Length: {MUCH}\r\n\r\n")?;
        // As much as is taken: it waits in the buffers of the proxy and of the kernel.
        stream.set_nonblocking(true)?;
        while matches!(stream.write(&[b'a'; 4096]), Ok(1..)) {}
    }
    Ok(stream)
}

fn line_to(path: &str, line: &str) -> Result<()> {
    let mut stream = std::os::unix::net::UnixStream::connect(path)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(format!("{line}\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    print!("{answer}");
    Ok(())
}
