//! Clients: HTTP over one connection, and the command socket.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::{Deref, DerefMut};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::http::{Kind, Message, ReadError, Wire};
use super::{eventually, patience, show};

/// A client's connection. What [`Wire`] offers, and shorthands that panic with what came instead.
pub struct Client(pub Wire);

impl Deref for Client {
    type Target = Wire;
    fn deref(&self) -> &Wire {
        &self.0
    }
}

impl DerefMut for Client {
    fn deref_mut(&mut self) -> &mut Wire {
        &mut self.0
    }
}

impl Client {
    #[track_caller]
    pub fn connect(addr: SocketAddr) -> Client {
        let stream = TcpStream::connect_timeout(&addr, patience()).unwrap_or_else(|e| panic!("connect to {addr}: {e}"));
        Client(Wire::new(stream, None))
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.stream.local_addr().unwrap()
    }

    /// Sends, whatever becomes of it: a proxy may answer and close before it has read all.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.0.send(bytes);
    }

    /// Sends each byte in a segment of its own.
    pub fn send_slowly(&mut self, bytes: &[u8], pause: Duration) {
        for byte in bytes.chunks(1) {
            if self.0.send(byte).is_err() {
                return;
            }
            std::thread::sleep(pause);
        }
    }

    /// The response to a request of `method`, or what went wrong.
    pub fn try_response(&mut self, method: &str) -> Result<Message, ReadError> {
        self.0.read_message(Kind::ResponseTo(method))
    }

    /// The response to a request other than HEAD or CONNECT.
    #[track_caller]
    pub fn response(&mut self) -> Message {
        self.response_to("GET")
    }

    #[track_caller]
    pub fn response_to(&mut self, method: &str) -> Message {
        self.try_response(method).unwrap_or_else(|e| panic!("no response: {e:?}"))
    }

    /// Sends a whole request and returns its response.
    #[track_caller]
    pub fn ask(&mut self, request: impl AsRef<[u8]>) -> Message {
        let method = request.as_ref().split(|&b| b == b' ').next().unwrap();
        let method = String::from_utf8_lossy(method).into_owned();
        self.send(request);
        self.response_to(&method)
    }

    /// `GET path` and its response.
    #[track_caller]
    pub fn get(&mut self, path: &str) -> Message {
        self.ask(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n"))
    }

    /// Asserts that the proxy closes, with nothing more sent.
    #[track_caller]
    pub fn expect_close(&mut self) {
        match self.0.read_to_end() {
            Ok(rest) => assert!(rest.is_empty(), "more came before the close: {}", show(&rest)),
            Err(ReadError::Reset) => {}
            Err(e) => panic!("no close: {e:?}"),
        }
    }

    /// All that comes until the close, a reset counting as one.
    #[track_caller]
    pub fn rest(&mut self) -> Vec<u8> {
        match self.0.read_to_end() {
            Ok(rest) => rest,
            Err(ReadError::Reset) => Vec::new(),
            Err(e) => panic!("no close: {e:?}"),
        }
    }

    /// Closes with RST.
    pub fn reset(self) {
        self.0.reset();
    }
}

/// One GET on a connection of its own.
#[track_caller]
pub fn get(addr: SocketAddr, path: &str) -> Message {
    Client::connect(addr).ask(format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"))
}

/// Sends raw bytes on a connection of its own and returns all that comes until the close.
#[track_caller]
pub fn roundtrip(addr: SocketAddr, raw: impl AsRef<[u8]>) -> Vec<u8> {
    let mut client = Client::connect(addr);
    client.send(raw);
    client.rest()
}

/// Sends raw bytes on a connection of its own and returns the statuses that come until the close.
#[track_caller]
pub fn statuses_on_one_connection(addr: SocketAddr, raw: impl AsRef<[u8]>) -> Vec<u16> {
    let mut client = Client::connect(addr);
    client.send(raw);
    let mut statuses = Vec::new();
    while let Ok(response) = client.try_response("GET") {
        statuses.push(response.status());
    }
    statuses
}

/// A client of the command socket (`stats socket PATH`).
pub struct Cli<'a>(pub &'a Path);

impl Cli<'_> {
    /// One command, on a connection of its own; waits for the socket to appear.
    #[track_caller]
    pub fn ask(&self, command: &str) -> String {
        let mut stream = eventually("the command socket", || UnixStream::connect(self.0).ok());
        stream.set_read_timeout(Some(patience())).unwrap();
        stream.write_all(format!("{command}\n").as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap_or_else(|e| panic!("{command}: {e}"));
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// `show info` as (name, value).
    #[track_caller]
    pub fn info(&self, name: &str) -> String {
        let all = self.ask("show info");
        let found = all.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        found.unwrap_or_else(|| panic!("no {name} in show info:\n{all}")).to_owned()
    }

    /// One field of one line of `show stat`, found by its names: `stat("be", "s1", "status")`.
    #[track_caller]
    pub fn stat(&self, proxy: &str, server: &str, field: &str) -> String {
        csv_field(&self.ask("show stat"), proxy, server, field)
    }
}

/// One field of a statistics CSV.
#[track_caller]
pub fn csv_field(csv: &str, proxy: &str, server: &str, field: &str) -> String {
    let header = csv.lines().next().unwrap_or_default();
    assert!(header.starts_with("# pxname,svname,"), "not a statistics CSV: {csv}");
    let column = header[2..].split(',').position(|name| name == field);
    let column = column.unwrap_or_else(|| panic!("no field {field} in {header}"));
    let line = csv.lines().find(|line| line.starts_with(&format!("{proxy},{server},")));
    let line = line.unwrap_or_else(|| panic!("no line {proxy},{server} in\n{csv}"));
    line.split(',').nth(column).unwrap_or_default().to_owned()
}
