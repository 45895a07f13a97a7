//! The other ends of the connections in a whole-system test: servers and clients that run beside the proxy in the guest.
//!
//! ```text
//! peer serve ADDR NAME             HTTP server: answers with NAME; /bytes/N answers with N bytes of a known pattern
//! peer echo ADDR                   TCP server: sends back what it reads
//! peer get ADDR CLIENTS REQUESTS   so many clients at once, each so many requests on one connection; prints what came
//! peer tcp ADDR CLIENTS BYTES      so many connections at once, each sends so many bytes and must read the same
//! peer hold ADDR CLIENTS SECONDS   opens connections that send most of a request and stay
//! peer line PATH LINE              sends a line to a unix socket and prints the answer
//! ```
//!
//! A client's exit code is 0 when everything that it expected came. Small on purpose (std only): a 48 MiB board has room for
//! hundreds of them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Result, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

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
        ["get", addr, clients, requests] => get(addr, number(clients), number(requests)),
        ["tcp", addr, clients, bytes] => tcp(addr, number(clients), number(bytes)),
        ["hold", addr, clients, seconds] => hold(addr, number(clients), number(seconds)),
        ["line", path, line] => line_to(path, line).is_ok(),
        _ => panic!("see the first lines of qemu-tests/peer.rs"),
    };
    std::process::exit(i32::from(!ok));
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
        let body = match path.strip_prefix("/bytes/") {
            Some(n) => (0..n.parse().unwrap_or(0)).map(pattern).collect(),
            None => name.as_bytes().to_vec(),
        };
        let mut reply =
            format!("HTTP/1.1 200 OK\r\nServed-By: {name}\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
        reply.extend_from_slice(&body);
        stream.write_all(&reply)?;
    }
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
            return Err(std::io::ErrorKind::UnexpectedEof.into());
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
        return Err(std::io::ErrorKind::InvalidData.into());
    }
    Ok((status, by))
}

/// What one client saw: how often each status and server, and how many requests got no answer.
fn one_client(addr: &str, requests: usize) -> BTreeMap<String, usize> {
    let mut seen = BTreeMap::new();
    let mut open: Option<BufReader<TcpStream>> = None;
    for n in 0..requests {
        // Every fifth answer is larger than a buffer.
        let bytes = if n % 5 == 4 { 40_000 } else { 0 };
        let path = if bytes > 0 { format!("/bytes/{bytes}") } else { "/".into() };
        let head = format!("GET {path} HTTP/1.1\r\nHost: board\r\n\r\n");
        let ask = |open: Option<BufReader<TcpStream>>| -> Result<(BufReader<TcpStream>, (u16, String))> {
            let mut reader = match open {
                Some(reader) => reader,
                None => BufReader::with_capacity(2048, connect(addr)?),
            };
            reader.get_mut().write_all(head.as_bytes())?;
            let seen = response(&mut reader, bytes)?;
            Ok((reader, seen))
        };
        let reused = open.is_some();
        let mut result = ask(open.take());
        if reused && result.is_err() {
            // An idle connection may be closed at any time (RFC 9112, 9.5): every client asks again on a new one.
            *seen.entry("reopened".into()).or_default() += 1;
            result = ask(None);
        }
        let what = match result {
            Ok((reader, (status, by))) => {
                // A proxy that is told to finish says "Connection: close"; the next request finds that out.
                open = (status == 200).then_some(reader);
                if status == 200 { by } else { status.to_string() }
            }
            Err(e) => format!("failed ({:?})", e.kind()),
        };
        *seen.entry(what).or_default() += 1;
    }
    seen
}

fn get(addr: &str, clients: usize, requests: usize) -> bool {
    let begun = Instant::now();
    let threads: Vec<_> = (0..clients)
        .map(|_| {
            let addr = addr.to_string();
            spawn(move || one_client(&addr, requests))
        })
        .collect();
    let mut all: BTreeMap<String, usize> = BTreeMap::new();
    for thread in threads {
        for (what, n) in thread.join().expect("no panic") {
            *all.entry(what).or_default() += n;
        }
    }
    let took = begun.elapsed();
    let good: usize = all.iter().filter(|(k, _)| k.starts_with("server")).map(|(_, n)| n).sum();
    let seen: Vec<String> = all.iter().map(|(k, n)| format!("{k} {n}")).collect();
    let rate = (clients * requests) as u128 * 1000 / took.as_millis().max(1);
    println!("{clients} clients, {} requests: {}; {rate} requests a second", clients * requests, seen.join(", "));
    good == clients * requests
}

fn tcp(addr: &str, clients: usize, bytes: usize) -> bool {
    let one = move |addr: String| -> Result<bool> {
        let mut stream = connect(&addr)?;
        let mut back = stream.try_clone()?;
        let writer = spawn(move || -> Result<()> {
            let block: Vec<u8> = (0..bytes).map(pattern).collect();
            stream.write_all(&block)?;
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

fn hold(addr: &str, clients: usize, seconds: usize) -> bool {
    let open: Vec<_> = (0..clients)
        .filter_map(|_| {
            let mut stream = connect(addr).ok()?;
            // Most of a buffer: the memory that it is made of is really used.
            let head = format!("GET / HTTP/1.1\r\nHost: board\r\nX-Slow: {}", "a".repeat(6000));
            stream.write_all(head.as_bytes()).ok()?;
            Some(stream)
        })
        .collect();
    println!("{} connections are held", open.len());
    std::thread::sleep(Duration::from_secs(seconds as u64));
    open.len() == clients
}

fn line_to(path: &str, line: &str) -> Result<()> {
    let mut stream = std::os::unix::net::UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{line}\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    print!("{answer}");
    Ok(())
}
