//! `evenkeel demo`: two small sample servers and a load balancer before them, in one process, with nothing else installed.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

/// The configuration of the demonstration.
pub fn configuration(ports: [u16; 2], front: &str) -> String {
    format!(
        "\
global
    maxconn 500
    nbthread 1

defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
    option forwardfor

frontend demo
    bind {front}
    default_backend samples

backend samples
    balance roundrobin
    option httpchk GET /health
    default-server check inter 1s fall 2 rise 1
    server apple 127.0.0.1:{}
    server banana 127.0.0.1:{}
    stats enable
    stats uri /stats
    stats refresh 5s
",
        ports[0], ports[1]
    )
}

/// Starts the sample servers and returns their ports.
pub fn start_servers() -> std::io::Result<[u16; 2]> {
    let mut ports = [0; 2];
    for (port, (name, colour)) in ports.iter_mut().zip([("apple", "#c33"), ("banana", "#c90")]) {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        *port = listener.local_addr()?.port();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // One thread a connection, and no more than a browser opens.
                std::thread::spawn(move || drop(serve(stream, name, colour)));
            }
        });
    }
    Ok(ports)
}

/// Answers requests on one connection until it ends.
fn serve(mut stream: TcpStream, name: &str, colour: &str) -> std::io::Result<()> {
    stream.set_read_timeout(Some(std::time::Duration::from_secs(60)))?;
    let mut seen = Vec::new();
    let mut buf = [0; 2048];
    loop {
        let n = stream.read(&mut buf)?;
        if n == 0 || seen.len() > 65_536 {
            return Ok(());
        }
        seen.extend_from_slice(&buf[..n]);
        while let Some(end) = seen.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&seen[..end]).into_owned();
            seen.drain(..end + 4);
            let line = head.lines().next().unwrap_or("").to_string();
            let from = head.lines().find(|l| l.to_ascii_lowercase().starts_with("x-forwarded-for")).unwrap_or("");
            let body = page(name, colour, &line, from);
            let close = head.to_ascii_lowercase().contains("connection: close");
            let connection = if close { "Connection: close\r\n" } else { "" };
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n{connection}\r\n",
                body.len()
            )?;
            if !line.starts_with("HEAD") {
                stream.write_all(body.as_bytes())?;
            }
            if close {
                return Ok(());
            }
        }
    }
}

fn page(name: &str, colour: &str, line: &str, from: &str) -> String {
    let escape = |t: &str| t.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<!DOCTYPE html><html lang=\"en\"><title>{name}</title><body style=\"font:16px sans-serif;margin:3em\">\
         <h1 style=\"color:{colour}\">Hello from {name}</h1><p>You asked: <code>{}</code></p><p><code>{}</code></p>\
         <p>Reload to meet the other server. <a href=\"/stats\">Statistics</a></p></body></html>\n",
        escape(line),
        escape(from)
    )
}
