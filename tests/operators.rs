//! What operators are told of a process with several workers: everything, whichever worker answers; and that they are not counted
//! among the clients.

mod common;

use common::*;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

/// Three workers with room for 10 clients each, so that 30 clients need all of them.
fn three_workers() -> (Proxy, Vec<Client>, Server) {
    let config = "
global
    nbthread 3
    maxconn 30
    stats socket {dir}/sock mode 600 level admin
    stats maxconn 1
defaults
    mode tcp
    timeout connect 4s
    timeout client 20s
    timeout server 20s
listen l
    bind {bind:l}
    server a {server:a}
";
    let server = Server::echo();
    let proxy = Proxy::in_front_of(&server, config);
    let clients: Vec<_> = (0..30).map(|_| Client::connect(proxy.addr("l"))).collect();
    (proxy, clients, server)
}

#[test]
fn sessions_of_all_workers_are_shown() {
    let (proxy, clients, _server) = three_workers();
    let path = proxy.dir().join("sock");
    let cli = Cli(&path);
    let ids = eventually("30 sessions and the operator's own", || {
        let shown = cli.ask("show sess");
        let ids: Vec<u64> = shown
            .lines()
            .filter_map(|l| u64::from_str_radix(l.strip_prefix("0x")?.split(':').next()?, 16).ok())
            .collect();
        (ids.len() == 31).then_some(ids)
    });
    let workers: BTreeSet<u64> = ids.iter().map(|id| id >> 56).collect();
    assert_eq!(workers, BTreeSet::from([1, 2, 3]));
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 31, "none twice");
    // In detail: more than one buffer of each worker.
    assert_eq!(cli.ask("show sess all").matches("\n  frontend=").count(), 31);
    for id in ids.iter().filter(|id| **id >> 56 > 1).take(8) {
        let one = cli.ask(&format!("show sess {id:#x}"));
        assert!(one.starts_with(&format!("{id:#x}: [")) && one.contains("frontend=l "), "{one}");
    }
    for nobody in ["0x123", "0x200000001000001f", "0x63000001000001"] {
        assert_eq!(cli.ask(&format!("show sess {nobody}")), "Session not found.\n\n", "{nobody}");
    }
    // Further commands of the line have their turn after the last worker.
    let both = cli.ask("show sess; show version");
    assert!(
        both.matches("proto=").count() == 31 && both.trim_end().lines().last().is_some_and(|l| !l.contains(' ')),
        "{both}"
    );
    drop(clients);
}

#[test]
fn a_reader_that_is_slow_or_leaves_holds_up_nobody() {
    let (proxy, clients, _server) = three_workers();
    let path = proxy.dir().join("sock");
    for _ in 0..20 {
        // It leaves in the middle of an answer.
        let mut s = eventually("the command socket", || UnixStream::connect(&path).ok());
        s.write_all(b"show sess all\n").unwrap();
        let mut first = [0; 64];
        let _ = s.read(&mut first);
    }
    eventually("a whole answer", || (Cli(&path).ask("show sess").matches("proto=").count() == 31).then_some(()));
    drop(clients);
}

#[test]
fn pools_are_those_of_all_workers() {
    let (proxy, clients, _server) = three_workers();
    let path = proxy.dir().join("sock");
    let cli = Cli(&path);
    let pool = |column: usize| -> Option<u64> {
        let all = cli.ask("show pools");
        let line = all.lines().find(|l| l.trim_start().starts_with("session "))?;
        line.split_whitespace().nth(column)?.parse().ok()
    };
    eventually("all sessions in the pool", || (pool(3) == Some(31)).then_some(()));
    assert_eq!(pool(2), Some(33), "10 for each worker, and an operator's");
    let figure = |name: &str| cli.info(name).parse::<u64>().unwrap();
    assert!(figure("Tasks") >= 61, "30 sessions, and 30 connections of clients at least");
    let slot: u64 = pool(1).unwrap();
    assert!(figure("PoolUsed_bytes") >= 31 * slot, "{} for slots of {slot}", figure("PoolUsed_bytes"));
    drop(clients);
    eventually("empty pools", || (pool(3) == Some(1)).then_some(()));
}

#[test]
fn operators_are_no_clients() {
    let config = "
global
    nbthread 1
    maxconn 2
    stats socket {dir}/sock mode 600 level admin
defaults
    mode tcp
    timeout connect 4s
    timeout client 20s
    timeout server 20s
listen l
    bind {bind:l}
    server a {server:a}
";
    let server = Server::echo();
    let proxy = Proxy::in_front_of(&server, config);
    let path = proxy.dir().join("sock");
    let cli = Cli(&path);
    assert_eq!((cli.info("CurrConns").as_str(), cli.info("CumConns").as_str()), ("0", "2"), "as HAProxy counts");
    let quiet: Vec<_> = (0..3).map(|_| UnixStream::connect(&path).unwrap()).collect();
    let clients: Vec<_> = (0..2).map(|_| Client::connect(proxy.addr("l"))).collect();
    // Operators take no place of clients.
    eventually("both clients", || (cli.info("CurrConns") == "2").then_some(()));
    let number = |name: &str| cli.info(name).parse::<u32>().unwrap();
    let (connections, requests) = (number("CumConns"), number("CumReq"));
    assert_eq!(requests, connections + 1, "each operator and each client, and one more to ask");
    assert!(number("MaxConnRate") <= 2 && number("MaxSessRate") <= 2, "operators do not raise rates");
    // Listening sockets (2), clients, operators.
    assert_eq!(cli.info("Jobs"), "8");
    assert_eq!(cli.info("Listeners"), "2");
    drop((quiet, clients));
    eventually("nobody", || (cli.info("CurrConns") == "0").then_some(()));
}

/// A request for `target` again and again, until its line comes to the log.
#[track_caller]
fn logged(proxy: &Proxy, target: &str, logs: impl Fn() -> Option<String>) {
    eventually(target, || {
        get(proxy.addr("l"), target);
        std::thread::sleep(ms(30));
        std::iter::from_fn(&logs).any(|line| line.contains(target)).then_some(())
    });
}

const LOGGED: &str = "listen l\n bind {bind:l}\n log {log} local0\n option httplog\n server a {server:a}\n";

#[test]
fn a_syslog_that_is_restarted_is_found_again() {
    use std::os::unix::net::UnixDatagram;
    let server = Server::named("a");
    let config = format!("global\n stats socket {{dir}}/sock level admin\n{HTTP}\n{LOGGED}");
    let proxy = Proxy::with().server("a", server.addr()).set("log", "{dir}/log").start(&config);
    let (path, sock) = (proxy.dir().join("log"), proxy.dir().join("sock"));
    let cli = Cli(&sock);
    // It is not there yet, which costs its lines only.
    assert_eq!(get(proxy.addr("l"), "/zero").status(), 200);
    eventually("a dropped line", || (cli.info("DroppedLogs") != "0").then_some(()));
    for round in ["/one", "/two", "/three"] {
        let syslog = UnixDatagram::bind(&path).unwrap();
        syslog.set_nonblocking(true).unwrap();
        let line = || {
            let mut datagram = [0; 2048];
            syslog.recv(&mut datagram).ok().map(|n| String::from_utf8_lossy(&datagram[..n]).into_owned())
        };
        logged(&proxy, round, line);
        drop(syslog);
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_udp_syslog_that_is_restarted_loses_only_what_came_meanwhile() {
    use std::net::UdpSocket;
    let server = Server::named("a");
    let bind = |addr: &str| {
        let s = UdpSocket::bind(addr).unwrap();
        s.set_nonblocking(true).unwrap();
        s
    };
    let syslog = bind("127.0.0.1:0");
    let addr = syslog.local_addr().unwrap().to_string();
    let proxy = Proxy::with().server("a", server.addr()).set("log", &addr).start(&format!("{HTTP}\n{LOGGED}"));
    let take = |s: &UdpSocket| {
        let mut datagram = [0; 2048];
        s.recv(&mut datagram).ok().map(|n| String::from_utf8_lossy(&datagram[..n]).into_owned())
    };
    logged(&proxy, "/one", || take(&syslog));
    drop(syslog);
    // The refusal of this line is what the system reports with the next one.
    get(proxy.addr("l"), "/lost");
    std::thread::sleep(ms(30));
    let syslog = bind(&addr);
    get(proxy.addr("l"), "/kept");
    eventually("the first line after the restart", || take(&syslog).filter(|l| l.contains("/kept")));
}

#[test]
fn figures_that_haproxy_has() {
    let server = Server::named("a");
    let config = format!(
        "global
    stats socket {{dir}}/sock level admin
{HTTP}
listen l
    bind {{bind:l}}
    option socket-stats
    stats uri /stats
    server a {{server:a}}
    server b {{server:a}}
backend elsewhere
    server x {{server:a}}
frontend f
    bind {{bind:f}}
    maxconn 50
    default_backend elsewhere
"
    );
    let proxy = Proxy::in_front_of(&server, &config);
    let sock = proxy.dir().join("sock");
    let cli = Cli(&sock);
    for _ in 0..4 {
        get(proxy.addr("l"), "/");
    }
    get(proxy.addr("l"), "/stats;csv");
    eventually("the end of sessions", || (cli.stat("l", "FRONTEND", "scur") == "0").then_some(()));
    let number = |server: &str, field: &str| cli.stat("l", server, field).parse::<u64>().unwrap();
    let of_servers = |field: &str| number("a", field) + number("b", field);
    assert_eq!(
        (number("BACKEND", "connect"), number("BACKEND", "reuse")),
        (of_servers("connect"), of_servers("reuse"))
    );
    assert_eq!((number("BACKEND", "connect") + number("BACKEND", "reuse"), number("BACKEND", "req_tot")), (4, 4));
    assert_eq!((of_servers("req_tot"), number("FRONTEND", "intercepted")), (4, 1));
    assert_eq!((number("sock-1", "stot"), number("sock-1", "smax") >= 1), (5, true));
    // A tenth of what frontends bring: the process' limit (400), or their own.
    assert_eq!((cli.stat("l", "BACKEND", "slim"), cli.stat("elsewhere", "BACKEND", "slim")), ("40".into(), "5".into()));
    assert!(number("BACKEND", "lastchg") < 60, "since the start, not since the machine's");
    eventually("a rate", || {
        get(proxy.addr("l"), "/");
        (cli.info("BytesOutRate") != "0").then_some(())
    });
}
