//! HTTP mode: connections on both sides, framing, tunnels, forwarded addresses.

mod common;

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener};

use common::*;

/// One `listen` section `l` in front of `{server:a}`, with these lines.
fn listen(lines: &str) -> String {
    format!("{HTTP}\nlisten l\n    bind {{bind:l}}\n    server a {{server:a}}\n    {lines}\n")
}

fn proxy(server: &Server, lines: &str) -> Proxy {
    Proxy::in_front_of(server, &listen(lines))
}

// ---- connections

#[test]
fn keep_alive_on_both_sides_is_the_default() {
    let server = Server::named("a");
    let proxy = proxy(&server, "");
    let mut client = Client::connect(proxy.addr("l"));
    for _ in 0..5 {
        assert_eq!(client.get("/").text(), "a");
    }
    assert_eq!(server.connections(), 1);
    let request = server.last();
    assert!(!request.lists("connection", "close"), "{request:?}");
}

#[test]
fn http_server_close_keeps_only_the_client_side() {
    let server = Server::named("a");
    let proxy = proxy(&server, "option http-server-close");
    let mut client = Client::connect(proxy.addr("l"));
    for _ in 0..3 {
        assert_eq!(client.get("/").text(), "a");
    }
    assert_eq!(server.connections(), 3);
    assert!(server.last().lists("connection", "close"));
}

#[test]
fn httpclose_closes_both_sides() {
    let server = Server::named("a");
    let proxy = proxy(&server, "option httpclose");
    let mut client = Client::connect(proxy.addr("l"));
    let response = client.get("/");
    assert!(response.lists("connection", "close"), "{response:?}");
    client.expect_close();
    assert!(server.last().lists("connection", "close"));
}

#[test]
fn client_asks_for_close() {
    let server = Server::named("a");
    let proxy = proxy(&server, "");
    let mut client = Client::connect(proxy.addr("l"));
    let response = client.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(response.lists("connection", "close"), "{response:?}");
    client.expect_close();
}

#[test]
fn http10_clients() {
    let server = Server::named("a");
    let proxy = proxy(&server, "");
    let mut client = Client::connect(proxy.addr("l"));
    assert_eq!(client.ask("GET / HTTP/1.0\r\n\r\n").text(), "a");
    client.expect_close();

    let mut client = Client::connect(proxy.addr("l"));
    for _ in 0..3 {
        let response = client.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        assert!(response.lists("connection", "keep-alive"), "{response:?}");
    }
}

#[test]
fn http10_server_without_length() {
    let body = noise(100_000, 1);
    let mut answer = b"HTTP/1.0 200 OK\r\n\r\n".to_vec();
    answer.extend_from_slice(&body);
    let server = Server::script(vec![Step::ReadRequest, Step::Write(answer)]);
    let proxy = proxy(&server, "");
    assert!(get(proxy.addr("l"), "/").body == body);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = Server::http(|request| ok(request.target()));
    let proxy = proxy(&server, "");
    let mut client = Client::connect(proxy.addr("l"));
    let all: String = (0..50).map(|i| format!("GET /{i} HTTP/1.1\r\nHost: a\r\n\r\n")).collect();
    client.send(all);
    for i in 0..50 {
        assert_eq!(client.response().text(), format!("/{i}"));
    }
    assert_eq!(server.requests().len(), 50);
}

#[test]
fn pipelined_after_a_body() {
    let server = Server::http(|request| ok(&request.body));
    let proxy = proxy(&server, "");
    let mut client = Client::connect(proxy.addr("l"));
    client.send(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\noneGET / HTTP/1.1\r\nHost: a\r\n\r\n\
         POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nthree\r\n0\r\n\r\n",
    );
    let bodies: Vec<String> = (0..3).map(|_| client.response().text()).collect();
    assert_eq!(bodies, ["one", "", "three"]);
}

/// How many server connections two clients need, one after the other, each with two requests.
fn connections_with(reuse: &str) -> usize {
    let server = Server::named("a");
    let proxy = proxy(&server, &format!("http-reuse {reuse}"));
    for _ in 0..2 {
        let mut client = Client::connect(proxy.addr("l"));
        for _ in 0..2 {
            assert_eq!(client.get("/").text(), "a");
        }
        drop(client);
        std::thread::sleep(ms(50));
    }
    server.connections()
}

#[test]
fn http_reuse_never() {
    assert_eq!(connections_with("never"), 2);
}

#[test]
fn http_reuse_safe() {
    // A client's first request does not go over a used connection.
    assert_eq!(connections_with("safe"), 2);
}

#[test]
fn http_reuse_aggressive() {
    // The connection has been reused once, so a first request may use it too.
    assert_eq!(connections_with("aggressive"), 1);
}

#[test]
fn http_reuse_always() {
    assert_eq!(connections_with("always"), 1);
}

#[test]
fn a_reused_connection_that_the_server_closed_is_replaced() {
    let server = Server::named("a");
    let proxy = proxy(&server, "http-reuse always");
    assert_eq!(get(proxy.addr("l"), "/").text(), "a");
    server.close_connections();
    std::thread::sleep(ms(50));
    assert_eq!(get(proxy.addr("l"), "/").text(), "a");
    assert_eq!(server.connections(), 2);
}

#[test]
fn idle_connections_are_no_more_than_were_in_use_at_once() {
    let server = Server::named("a");
    let config =
        format!("{HTTP}\nlisten l\n bind {{bind:l}}\n http-reuse safe\n server a {{server:a}} pool-purge-delay 1h\n");
    let proxy = Proxy::in_front_of(&server, &config);
    // Each first request opens a connection; without need for more than one, the others are closed after it.
    for _ in 0..20 {
        assert_eq!(get(proxy.addr("l"), "/").text(), "a");
    }
    eventually("the surplus is closed", || (server.open_connections() <= 1).then_some(()));
    assert_eq!(server.connections(), 20);
}

#[test]
fn pool_max_conn_zero_keeps_nothing() {
    let server = Server::named("a");
    let config =
        format!("{HTTP}\nlisten l\n bind {{bind:l}}\n http-reuse always\n server a {{server:a}} pool-max-conn 0\n");
    let proxy = Proxy::in_front_of(&server, &config);
    for _ in 0..3 {
        assert_eq!(get(proxy.addr("l"), "/").text(), "a");
        std::thread::sleep(ms(30));
    }
    assert_eq!(server.connections(), 3);
}

// ---- bodies

#[test]
fn chunks_both_ways_with_trailers_and_extensions() {
    let server = Server::http(|request| {
        // HAProxy writes names in lower case, evenkeel as they came.
        let (name, value) = &request.trailers[0];
        assert_eq!((name.to_ascii_lowercase().as_str(), value.as_str(), request.trailers.len()), ("x-sum", "9", 1));
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Out\r\n\r\n4;e=1\r\npong\r\n0\r\nX-Out: 8\r\n\r\n"
            .to_vec()
    });
    let proxy = proxy(&server, "");
    let mut client = Client::connect(proxy.addr("l"));
    for _ in 0..2 {
        let response = client.ask(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\npi\r\n2\r\nng\r\n0;z\r\nX-Sum: 9\r\n\r\n",
        );
        assert_eq!(response.text(), "pong");
        assert_eq!(response.trailers.len(), 1);
        assert_eq!(server.last().text(), "ping");
    }
}

#[test]
fn large_chunked_bodies_both_ways() {
    let server = Server::http(|request| {
        let mut out = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for part in request.body.chunks(70_001) {
            out.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
            out.extend_from_slice(part);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"0\r\n\r\n");
        out
    });
    let proxy = proxy(&server, "");
    let body = noise(3_000_000, 2);
    let mut client = Client::connect(proxy.addr("l"));
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for part in body.chunks(9_973) {
        client.send(format!("{:X}\r\n", part.len()));
        client.send(part);
        client.send("\r\n");
    }
    client.send("0\r\n\r\n");
    assert!(client.response().body == body, "the body changed on its way");
    assert!(server.last().body == body, "the body changed on its way to the server");
}

#[test]
fn fifty_megabytes_both_ways_at_once() {
    const LEN: usize = 50_000_000;
    let server = Server::start(|mut conn| {
        let mut request = conn.read_head(Kind::Request).unwrap();
        let mut other = Wire::new(conn.stream.clone(), None);
        let writer = std::thread::spawn(move || {
            other.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LEN}\r\n\r\n")).unwrap();
            other.send(noise(LEN, 3)).unwrap();
        });
        conn.read_body(&mut request, Kind::Request).unwrap();
        assert!(request.body == noise(LEN, 4), "the request's body changed on its way");
        writer.join().unwrap();
    });
    let proxy = proxy(&server, "");
    let mut client = Client::connect(proxy.addr("l"));
    let mut other = Wire::new(client.stream.clone(), None);
    let writer = std::thread::spawn(move || {
        other.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {LEN}\r\n\r\n")).unwrap();
        other.send(noise(LEN, 4)).unwrap();
    });
    let response = client.response();
    assert!(response.body == noise(LEN, 3), "the response's body changed on its way");
    writer.join().unwrap();
}

#[test]
fn a_slow_reader_gets_everything() {
    let body = noise(4_000_000, 5);
    let answer = ok(&body);
    let server = Server::http(move |_| answer.clone());
    let proxy = proxy(&server, "");
    let mut client = Client::connect(proxy.addr("l"));
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut got = Vec::new();
    let head = client.read_head(Kind::ResponseTo("GET")).unwrap();
    assert_eq!(head.status(), 200);
    while got.len() < body.len() {
        got.extend(client.read_n((body.len() - got.len()).min(200_000)).unwrap());
        std::thread::sleep(ms(5));
    }
    assert!(got == body);
}

#[test]
fn head_204_and_304_on_one_connection() {
    let server = Server::http(|request| match request.target() {
        "/204" => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        "/304" => b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n".to_vec(),
        _ if request.method() == "HEAD" => b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".to_vec(),
        _ => ok("body"),
    });
    let proxy = proxy(&server, "");
    let mut client = Client::connect(proxy.addr("l"));
    for _ in 0..2 {
        let head = client.ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(head.header("content-length"), Some("1000"));
        assert_eq!(client.get("/204").status(), 204);
        assert_eq!(client.get("/304").status(), 304);
        assert_eq!(client.get("/").text(), "body");
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn expect_100_continue_waits_for_the_server() {
    let server = Server::start(|mut conn| {
        let mut request = conn.read_head(Kind::Request).unwrap();
        assert!(request.lists("expect", "100-continue"));
        conn.send("HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        conn.read_body(&mut request, Kind::Request).unwrap();
        conn.send(ok(request.body)).unwrap();
        let _ = conn.read_to_end();
    });
    let proxy = proxy(&server, "");
    let mut client = Client::connect(proxy.addr("l"));
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    let interim = client.read_head(Kind::ResponseTo("POST")).unwrap();
    assert_eq!(interim.status(), 100);
    client.send("data");
    assert_eq!(client.response().text(), "data");
}

#[test]
fn expect_100_continue_refused() {
    let server = Server::start(|mut conn| {
        conn.read_head(Kind::Request).unwrap();
        conn.send(reply("417 Expectation Failed", "Connection: close\r\n", "no")).unwrap();
    });
    let proxy = proxy(&server, "");
    let mut client = Client::connect(proxy.addr("l"));
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.response().status(), 417);
}

#[test]
fn interim_responses_are_passed_on() {
    let server = Server::http(|_| {
        let mut out = b"HTTP/1.1 103 Early Hints\r\nLink: </s.css>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n".to_vec();
        out.extend(ok("done"));
        out
    });
    let proxy = proxy(&server, "");
    let response = Client::connect(proxy.addr("l")).get("/");
    assert_eq!(response.text(), "done");
    let interim: Vec<u16> = response.interim.iter().map(Message::status).collect();
    assert_eq!(interim, [103, 102]);
    assert_eq!(response.interim[0].header("link"), Some("</s.css>"));
}

/// However many there are: each is one more turn, not one more frame on the stack.
#[test]
fn a_stream_of_interim_responses() {
    const MANY: usize = 100_000;
    let answer = ["HTTP/1.1 100 \r\n\r\n".repeat(MANY).as_bytes(), &ok("done")].concat();
    let server = Server::script(vec![Step::ReadRequest, Step::Write(answer), Step::Hold]);
    let config = listen("").replace("nbthread 1", "nbthread 1\n tune.bufsize 1000000");
    let proxy = Proxy::in_front_of(&server, &config);
    let mut client = Client::connect(proxy.addr("l"));
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    for _ in 0..MANY {
        assert_eq!(client.read_head(Kind::ResponseTo("GET")).unwrap().status(), 100);
    }
    assert_eq!(client.response().text(), "done");
}

#[test]
fn response_before_the_request_ends() {
    let server = Server::start(|mut conn| {
        conn.read_head(Kind::Request).unwrap();
        conn.send(reply("413 Too Large", "Connection: close\r\n", "stop")).unwrap();
        let _ = conn.read_to_end();
    });
    let proxy = proxy(&server, "");
    let mut client = Client::connect(proxy.addr("l"));
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nbeginning");
    let response = client.response();
    assert_eq!((response.status(), response.text().as_str()), (413, "stop"));
}

// ---- tunnels

// HAProxy answers 400 to a WebSocket upgrade without its key.
const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

#[test]
fn upgrade_becomes_a_tunnel() {
    let server = Server::start(|mut conn| {
        let request = conn.read_head(Kind::Request).unwrap();
        assert!(request.lists("connection", "upgrade") && request.lists("upgrade", "websocket"));
        conn.send(format!("{SWITCHING}hello")).unwrap();
        assert_eq!(conn.read_n(4).unwrap(), b"\0\r\n\xff");
        conn.send(b"\xff\0bye").unwrap();
    });
    let proxy = proxy(&server, "timeout tunnel 10s");
    let mut client = Client::connect(proxy.addr("l"));
    let response = client.ask(UPGRADE);
    assert_eq!(response.status(), 101);
    assert!(response.lists("upgrade", "websocket"));
    assert_eq!(client.read_n(5).unwrap(), b"hello");
    client.send(b"\0\r\n\xff");
    assert_eq!(client.rest(), b"\xff\0bye");
}

#[test]
fn upgrade_declined_stays_http() {
    let server = Server::named("a");
    let proxy = proxy(&server, "");
    let mut client = Client::connect(proxy.addr("l"));
    for _ in 0..2 {
        let response = client.ask(UPGRADE);
        assert_eq!(response.text(), "a");
    }
}

#[test]
fn connect_becomes_a_tunnel() {
    let server = Server::start(|mut conn| {
        assert_eq!(conn.read_head(Kind::Request).unwrap().line, "CONNECT a:443 HTTP/1.1");
        conn.send("HTTP/1.1 200 Connected\r\n\r\n").unwrap();
        let got = conn.read_n(3).unwrap();
        conn.send(got).unwrap();
    });
    let proxy = proxy(&server, "");
    let mut client = Client::connect(proxy.addr("l"));
    assert_eq!(client.ask("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n").status(), 200);
    client.send("abc");
    assert_eq!(client.rest(), b"abc");
}

#[test]
fn connect_refused_stays_http() {
    let server = Server::http(|_| reply("403 Forbidden", "", "no"));
    let proxy = proxy(&server, "");
    let mut client = Client::connect(proxy.addr("l"));
    client.send("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n");
    let response = client.response_to("CONNECT");
    assert_eq!((response.status(), response.text().as_str()), (403, "no"));
}

// ---- addresses passed on

#[test]
fn forwardfor() {
    let server = Server::named("a");
    let proxy = proxy(&server, "option forwardfor");
    get(proxy.addr("l"), "/");
    assert_eq!(server.last().header("x-forwarded-for"), Some("127.0.0.1"));
    Client::connect(proxy.addr("l")).ask("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n");
    assert_eq!(server.last().all("x-forwarded-for"), ["192.0.2.1", "127.0.0.1"]);
}

#[test]
fn forwardfor_if_none() {
    let server = Server::named("a");
    let proxy = proxy(&server, "option forwardfor if-none");
    Client::connect(proxy.addr("l")).ask("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n");
    assert_eq!(server.last().all("x-forwarded-for"), ["192.0.2.1"]);
    get(proxy.addr("l"), "/");
    assert_eq!(server.last().all("x-forwarded-for"), ["127.0.0.1"]);
}

#[test]
fn forwardfor_except_and_header() {
    let server = Server::named("a");
    let first = proxy(&server, "option forwardfor except 127.0.0.0/8");
    get(first.addr("l"), "/");
    assert_eq!(server.last().header("x-forwarded-for"), None);
    let second = proxy(&server, "option forwardfor header X-Client");
    get(second.addr("l"), "/");
    assert_eq!(server.last().header("x-client"), Some("127.0.0.1"));
}

#[test]
fn originalto() {
    let server = Server::named("a");
    let first = proxy(&server, "option originalto");
    get(first.addr("l"), "/");
    assert_eq!(server.last().header("x-original-to"), Some("127.0.0.1"));
    let second = proxy(&server, "option originalto except 127.0.0.1");
    get(second.addr("l"), "/");
    assert_eq!(server.last().header("x-original-to"), None);
}

fn accept_proxy(config: &str, header: &[u8], expected: Option<&str>) {
    let server = Server::named("a");
    let config = format!(
        "{HTTP}\nlisten l\n bind {{bind:l}} accept-proxy\n option forwardfor\n server a {{server:a}}\n {config}\n"
    );
    let proxy = Proxy::in_front_of(&server, &config);
    let mut client = Client::connect(proxy.addr("l"));
    client.send(header);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    match expected {
        Some(address) => {
            assert_eq!(client.response().text(), "a");
            assert_eq!(server.last().header("x-forwarded-for"), Some(address));
        }
        None => {
            client.expect_close();
            assert_eq!(server.requests().len(), 0);
        }
    }
}

const PROXY_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

#[test]
fn accept_proxy_v1() {
    accept_proxy("", b"PROXY TCP4 192.0.2.7 192.0.2.8 1234 80\r\n", Some("192.0.2.7"));
    accept_proxy("", b"PROXY TCP6 2001:db8::7 2001:db8::8 1234 80\r\n", Some("2001:db8::7"));
    accept_proxy("", b"PROXY UNKNOWN\r\n", Some("127.0.0.1"));
    accept_proxy("", b"PROXY TCP4 192.0.2.7 192.0.2.8 123x 80\r\n", None);
}

#[test]
fn accept_proxy_v2() {
    let v4 = [PROXY_V2, b"\x21\x11\0\x0c\xc0\0\x02\x07\xc0\0\x02\x08\x04\xd2\0\x50"].concat();
    accept_proxy("", &v4, Some("192.0.2.7"));
    // LOCAL: the connection's own address counts.
    accept_proxy("", &[PROXY_V2, b"\x20\0\0\0"].concat(), Some("127.0.0.1"));
    // With a TLV after the addresses.
    let tlv = [PROXY_V2, b"\x21\x11\0\x10\xc0\0\x02\x07\xc0\0\x02\x08\x04\xd2\0\x50\x04\0\x01\0"].concat();
    accept_proxy("", &tlv, Some("192.0.2.7"));
    accept_proxy("", &[PROXY_V2, b"\x31\x11\0\x0c\xc0\0\x02\x07\xc0\0\x02\x08\x04\xd2\0\x50"].concat(), None);
}

#[test]
fn accept_proxy_without_a_header_is_refused() {
    accept_proxy("", b"", None);
}

#[test]
fn send_proxy_v1_and_v2() {
    for (option, v2) in [("send-proxy", false), ("send-proxy-v2", true)] {
        let server = Server::start(|mut conn| {
            let first = conn.read_n(12).unwrap();
            if first == PROXY_V2 {
                conn.read_n(4 + 12).unwrap();
            } else {
                while conn.read_n(1).unwrap() != b"\n" {}
            }
            conn.request().unwrap();
            conn.send(ok("x")).unwrap();
        });
        let config = format!("{HTTP}\nlisten l\n bind {{bind:l}}\n server a {{server:a}} {option}\n");
        let proxy = Proxy::in_front_of(&server, &config);
        let mut client = Client::connect(proxy.addr("l"));
        let (me, it) = (client.local_addr().port(), proxy.addr("l").port());
        assert_eq!(client.get("/").text(), "x");
        let got = server.received(0);
        let expected = if v2 {
            let ports = [me.to_be_bytes(), it.to_be_bytes()].concat();
            [PROXY_V2, b"\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01", &ports].concat()
        } else {
            format!("PROXY TCP4 127.0.0.1 127.0.0.1 {me} {it}\r\n").into_bytes()
        };
        assert!(got.starts_with(&expected), "{option}: {}", show(&got));
    }
}

// ---- unix sockets

#[test]
fn unix_socket_server_and_listener() {
    let path = std::env::temp_dir().join(format!("evenkeel-unix-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let server = Server::http_on_unix(UnixListener::bind(&path).unwrap(), |_| ok("unix"));
    let config = format!(
        "{HTTP}\nlisten l\n bind {{bind:l}}\n bind unix@{{dir}}/front.sock mode 600\n server a unix@{}\n server b {}\n",
        path.display(),
        path.display(),
    );
    let proxy = Proxy::start(&config);
    for _ in 0..2 {
        assert_eq!(get(proxy.addr("l"), "/").text(), "unix");
    }
    let socket = proxy.dir().join("front.sock");
    let answer = Cli(&socket).ask("GET / HTTP/1.0\r\n\r");
    assert!(answer.ends_with("unix"), "{answer}");
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    drop(server);
    let _ = std::fs::remove_file(&path);
}

#[test]
fn abstract_socket_server() {
    // HAProxy pads the name with zeroes to the whole length of sun_path.
    let name = format!("evenkeel-test-{}", std::process::id());
    let mut padded = name.clone().into_bytes();
    padded.resize(107, 0);
    let listener = UnixListener::bind_addr(&UnixAddr::from_abstract_name(padded).unwrap()).unwrap();
    let _server = Server::http_on_unix(listener, |_| ok("abstract"));
    let proxy = Proxy::start(&format!("{HTTP}\nlisten l\n bind {{bind:l}}\n server a abns@{name}\n"));
    assert_eq!(get(proxy.addr("l"), "/").text(), "abstract");
}

// ---- headers

#[test]
fn headers_pass_unchanged_and_in_order() {
    let server = Server::http(|_| reply("200 OK", "X-B: 2\r\nX-A: 1\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n", "x"));
    let proxy = proxy(&server, "");
    let response = Client::connect(proxy.addr("l"))
        .ask("GET /p?q=%20 HTTP/1.1\r\nHost: a\r\nX-Two: 2\r\nX-One:  1 \r\nCookie: k=v\r\nX-Two: 3\r\n\r\n");
    let request = server.last();
    assert_eq!(request.line, "GET /p?q=%20 HTTP/1.1");
    let of = |message: &Message, prefix: &str| -> Vec<(String, String)> {
        let lower = message.headers.iter().map(|(n, v)| (n.to_ascii_lowercase(), v.clone()));
        lower.filter(|(n, _)| n.starts_with(prefix)).collect()
    };
    let pair = |n: &str, v: &str| (n.to_owned(), v.to_owned());
    assert_eq!(of(&request, "x-"), [pair("x-two", "2"), pair("x-one", "1"), pair("x-two", "3")]);
    assert_eq!(request.header("cookie"), Some("k=v"));
    assert_eq!(of(&response, "x-"), [pair("x-b", "2"), pair("x-a", "1")]);
    assert_eq!(response.all("set-cookie"), ["a=b", "c=d"]);
}

#[test]
fn errorfile_and_errorloc() {
    let folder = Folder::new("errors");
    let sorry = "HTTP/1.1 503 Nobody Home\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nsorry";
    let file = folder.file("503.http", sorry);
    let refusing = Refusing::start();
    let config = format!(
        "{HTTP}\nlisten f\n bind {{bind:f}}\n errorfile 503 {}\n server a {{server:a}}\n\
         listen g\n bind {{bind:g}}\n errorloc302 503 http://sorry.example/\n server a {{server:a}}\n",
        file
    );
    let proxy = Proxy::with().server("a", refusing.addr()).start(&format!("{config}\n"));
    let response = get(proxy.addr("f"), "/");
    assert_eq!((response.line.as_str(), response.text().as_str()), ("HTTP/1.1 503 Nobody Home", "sorry"));
    let response = get(proxy.addr("g"), "/");
    assert_eq!((response.status(), response.header("location")), (302, Some("http://sorry.example/")));
}
