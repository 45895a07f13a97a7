//! What samples look at on real traffic. With EVENKEEL_BIN=/usr/sbin/haproxy the same tests ask haproxy; many more questions are in
//! tests/differential/fetches_oracle.py.

mod common;

use common::*;
use std::io::{Read, Write};
use std::net::TcpStream;

/// Whether a configuration with these lines in its frontend is accepted, and what is said of it.
fn checked(lines: &str) -> (bool, String) {
    let config = format!(
        "{HTTP}\nfrontend f\n    bind {{bind:f}}\n    {lines}\n    default_backend b\nbackend b\n    server s 127.0.0.1:1\n"
    );
    let done = Proxy::with().run(&["-c"], &config);
    (done.status.success(), String::from_utf8_lossy(&done.stderr).into_owned())
}

/// A TLS client hello that asks for a name.
fn hello(name: &str) -> Vec<u8> {
    fn vector(width: usize, content: &[u8]) -> Vec<u8> {
        [&content.len().to_be_bytes()[8 - width..], content].concat()
    }
    let names = vector(2, &[&[0][..], &vector(2, name.as_bytes())].concat());
    let extensions = vector(2, &[&[0, 0][..], &vector(2, &names)].concat());
    let body = [&[3, 3][..], &[7; 32], &[0], &[0, 2, 0x13, 1], &[1, 0], &extensions].concat();
    let message = [&[1][..], &vector(3, &body)].concat();
    [&[22, 3, 1][..], &vector(2, &message)].concat()
}

#[test]
fn what_is_not_there_yet_is_refused_in_values_and_warned_of_in_conditions() {
    if skip_under_emulation() {
        return;
    }
    for (lines, accepted, warned) in [
        ("http-request set-header a %[status]", false, false),
        ("http-request set-header a %[srv_id]", false, false),
        ("http-request set-header a %[be_name]", false, false),
        ("http-request set-var(txn.a) res.hdr(b)", false, false),
        ("http-response set-header a %[req.hdr(b)]", false, false),
        ("http-response set-var(txn.a) path", false, false),
        ("tcp-request connection set-var(sess.a) url", false, false),
        ("use_backend %[status]", false, false),
        ("log-format %[req.hdr(a)]", false, false),
        ("http-request set-header a %[capture.res.hdr(0)]", false, false),
        ("http-request set-header a %[method]%[fe_name]%[src]", true, false),
        ("http-response set-header a %[method]%[srv_id]%[be_name]%[status]", true, false),
        ("http-request deny if { status 200 }", true, true),
        ("http-request deny if { res.hdr(a) -m found }", true, true),
        ("acl a status 200\n    http-request deny if a", true, true),
        ("acl a status 200\n    acl a path /\n    http-request deny if a", true, true),
        ("acl a status 200\n    http-response deny if a", true, false),
        ("acl a status 200", true, false),
        ("http-response deny if { path / }", true, true),
        ("tcp-request connection reject if { req.hdr(a) b }", true, true),
        ("http-request deny if { req.len gt 1 }", true, true),
        ("http-request deny if { be_id 1 }", true, true),
    ] {
        let (ok, said) = checked(lines);
        let warns = said.lines().any(|l| l.contains("WARNING"));
        assert_eq!(ok, accepted, "{lines}: {said}");
        if accepted {
            assert_eq!(warns, warned, "{lines}: {said}");
        }
    }
}

#[test]
fn arguments_are_checked() {
    if skip_under_emulation() {
        return;
    }
    for wrong in [
        "bool(x)",
        "bin(0x1)",
        "bin(123)",
        "date(1,x)",
        "uuid(3)",
        "fc_rtt(x)",
        "payload_lv(1,0)",
        "payload_lv(1,2,x)",
        "req.hdr(a,-11)",
        "srv_conn(nope)",
        "nbsrv(nope)",
        "capture.req.hdr(x)",
        "int(x)",
        "ipv4(::1)",
        "path(x)",
    ] {
        let (ok, said) = checked(&format!("http-request set-header a %[{wrong}]"));
        assert!(!ok, "{wrong}: {said}");
    }
}

#[test]
fn names_of_haproxy_say_why_they_are_not_built() {
    if is_oracle() || skip_under_emulation() {
        return;
    }
    for (name, why) in [
        ("sc0_conn_cnt", "stick tables"),
        ("src_get_gpc0", "stick tables"),
        ("ssl_fc_sni", "TLS"),
        ("res.comp", "compression"),
    ] {
        let (ok, said) = checked(&format!("http-request set-header a %[{name}]"));
        assert!(!ok && said.contains(why), "{name}: {said}");
    }
}

#[test]
fn tcp_proxies_look_at_http_and_tls_that_pass_through() {
    let (web, tls, other) = (Server::named("web"), Server::echo(), Server::echo());
    let config = format!(
        "{TCP}
frontend f
    bind {{bind:f}}
    tcp-request inspect-delay 300ms
    tcp-request content accept if HTTP
    tcp-request content accept if {{ req.ssl_hello_type 1 }}
    tcp-request content accept if WAIT_END
    use_backend web if HTTP {{ path_beg /w }} {{ req.hdr(host) h }}
    use_backend tls if {{ req.ssl_sni a.example }}
    default_backend other
backend web
    server s {{server:web}}
backend tls
    server s {{server:tls}}
backend other
    server s {{server:other}}
"
    );
    let proxy =
        Proxy::with().server("web", web.addr()).server("tls", tls.addr()).server("other", other.addr()).start(&config);
    let answer = Client::connect(proxy.addr("f")).ask("GET /w HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!((answer.status(), answer.text().as_str()), (200, "web"));
    for (said, counts) in
        [(hello("a.example"), (1, 0)), (hello("b.example"), (1, 1)), (b"SSH-2.0-x\r\n".to_vec(), (1, 2))]
    {
        let mut stream = TcpStream::connect(proxy.addr("f")).unwrap();
        stream.set_read_timeout(Some(patience())).unwrap();
        // In two pieces: what decides is in the second one.
        stream.write_all(&said[..4]).unwrap();
        std::thread::sleep(ms(30));
        stream.write_all(&said[4..]).unwrap();
        let mut back = vec![0; said.len()];
        stream.read_exact(&mut back).unwrap();
        assert_eq!((back == said, (tls.connections(), other.connections())), (true, counts));
    }
}

#[test]
fn what_a_proxy_header_told_and_what_the_kernel_measured() {
    let server = Server::named("a");
    let config = format!(
        "{HTTP}
listen l
    bind {{bind:l}} accept-proxy
    http-request set-header X-Seen \"%[fc_rcvd_proxy] %[src] %[dst_port]\"
    http-request set-header X-Rtt %[fc_rtt(us)] if {{ fc_rtt -m found }}
    http-response set-header X-Line \"%[capture.req.method] %[capture.req.uri] %[capture.req.ver]\"
    http-response set-header X-Back \"%[bc_dst]:%[bc_dst_port] %[srv_name]\"
    server a {{server:a}}
"
    );
    let proxy = Proxy::in_front_of(&server, &config);
    let mut client = Client::connect(proxy.addr("l"));
    client.send("PROXY TCP4 192.0.2.7 192.0.2.8 1000 8443\r\n");
    let answer = client.ask("GET http://h/a?b HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(server.last().header("x-seen"), Some("1 192.0.2.7 8443"));
    // qemu-user does not hand TCP_INFO on.
    if cfg!(target_os = "linux") && !is_emulated() {
        assert!(server.last().header("x-rtt").is_some_and(|n| n.parse::<u32>().is_ok()));
    }
    assert_eq!(answer.header("x-line"), Some("GET /a?b HTTP/1.1"));
    assert_eq!(answer.header("x-back"), Some(format!("{} a", server.addr()).as_str()));
}
