//! Whole configurations: six as they are found in the world, every diagnostic with its place, and junk.

use super::*;
use crate::model::*;
use crate::sys::listen::Place;
use crate::sys::{Addr, Target};
use crate::util::Release;
use proptest::prelude::*;
use std::net::IpAddr;

struct Level;

impl Facts for Level {
    fn version(&self) -> &str {
        "2.6.0"
    }
    fn feature(&self, _: &str) -> bool {
        false
    }
    fn enabled(&self, _: &str) -> bool {
        false
    }
}

/// Knows `localhost`, so that tests ask no name server.
fn hosts(name: &str, _: address::Family) -> Option<IpAddr> {
    (name == "localhost").then(|| [127, 0, 0, 1].into())
}

fn read(text: &str) -> Loaded {
    read_bytes(text.as_bytes())
}

fn read_bytes(bytes: &[u8]) -> Loaded {
    let mut sources = Sources::default();
    sources.add("t.cfg", bytes);
    load_using(&sources, &Level, &Overrides::default(), hosts)
}

/// Level letter, line, column and text of each diagnostic.
fn told(loaded: &Loaded) -> Vec<String> {
    let letter = |l| match l {
        diag::Level::Alert => 'E',
        diag::Level::Warning => 'W',
        diag::Level::Notice => 'N',
        diag::Level::Diag => 'D',
    };
    loaded
        .diags
        .list()
        .iter()
        .map(|d| format!("{}{}:{} {}", letter(d.level), d.pos.line, d.pos.column, d.message))
        .collect()
}

fn good(text: &str) -> Config {
    let loaded = read(text);
    assert_eq!(loaded.diags.errors(), 0, "{:#?}\n{text}", told(&loaded));
    loaded.config
}

#[test]
fn formats_and_rules_are_compiled_with_their_places() {
    let logged = |line: &str| told(&read(&listen("http", &format!(" log 127.0.0.1 local0\n {line}"))));
    assert!(logged("log-format %ci\\ %zz")[0].starts_with("E8:18 'log-format': unknown variable '%zz'"));
    assert!(logged("log-format \"%ci %[srd]\"")[0].starts_with("E8:18 'log-format': unknown sample fetch 'srd'"));
    assert!(logged("http-request deny if NOPE")[0].starts_with("E8:23 there is no acl 'NOPE' before this line"));
    let tcp = told(&read(&listen("tcp", " http-request deny")));
    assert!(tcp[0].starts_with("W7:2 'http-request' is ignored in proxy 'l': it needs 'mode http'"), "{tcp:?}");
}

/// A proxy with timeouts that the lines are put into.
fn listen(mode: &str, lines: &str) -> String {
    format!("listen l\n mode {mode}\n bind :1\n timeout connect 1s\n timeout client 1s\n timeout server 1s\n{lines}\n")
}

#[test]
fn real_configurations_load() {
    for (name, text, warnings) in [
        ("old", include_str!("tests/old.cfg"), 8),
        ("debian", include_str!("tests/debian.cfg"), 1),
        ("openwrt", include_str!("tests/openwrt.cfg"), 0),
        ("tcp", include_str!("tests/tcp.cfg"), 0),
        ("farm", include_str!("tests/farm.cfg"), 0),
        ("many", include_str!("tests/many.cfg"), 0),
    ] {
        let loaded = read(text);
        assert_eq!((loaded.diags.errors(), loaded.diags.warnings()), (0, warnings), "{name}: {:#?}", told(&loaded));
    }
}

#[test]
fn old_file_in_the_model() {
    let c = good(include_str!("tests/old.cfg"));
    assert_eq!((c.global.maxconn, c.global.nbthread, c.global.daemon, c.global.uid), (4096, 1, true, Some(0)));
    let farm = &c.proxies[0];
    assert_eq!((farm.timeouts.connect, farm.timeouts.client, farm.timeouts.server), (5000, 50_000, 50_000));
    assert_eq!((farm.redispatch, farm.retries, farm.loggers.len()), (-1, 3, 2));
    assert_eq!(farm.stats.as_ref().unwrap().auth, ["someuser:somepassword"]);
    assert_eq!(farm.check.request, b"HEAD /check.txt HTTP/1.0\r\n\r\n");
    assert_eq!(farm.close_mode, CloseMode::Close);
    assert!(farm.is_frontend && farm.is_backend);
    assert_eq!(c.listeners[0].place, Place::At(Target::Inet(Addr::V4([127, 0, 0, 1], 18080))));
    assert_eq!(c.listeners[0].origin, "t.cfg:23");
    assert_eq!((farm.id, c.proxies[1].id), (2, 3));
    let servers: Vec<_> =
        c.servers.iter().map(|s| (s.name.as_str(), s.id, s.port_offset, s.weight, s.backup)).collect();
    assert_eq!(
        servers,
        [
            ("webA", 1, None, 1, false),
            ("webB", 2, None, 1, false),
            ("a", 1, Some(0), 3, false),
            ("b", 2, Some(10), 1, true)
        ]
    );
    let check = c.servers[1].check.as_ref().unwrap();
    assert_eq!((check.inter_ms, check.rise, check.fall), (2000, 2, 5));
    assert_eq!(c.proxies[1].servers(), 2..4);
}

#[test]
fn farm_in_the_model() {
    let c = good(include_str!("tests/farm.cfg"));
    let sockets: Vec<_> = c.listeners.iter().map(|l| (l.shown.as_str(), l.id, l.name.as_str())).collect();
    assert_eq!(
        sockets,
        [
            ("127.0.0.1:19999", 0, ""),
            ("/tmp/evenkeel-farm.sock", 0, ""),
            ("*:18080", 1, "sock-1"),
            ("*:18081", 2, "sock-2"),
            ("*:18082", 3, "sock-3"),
            ("/tmp/in.sock", 4, "sock-4"),
        ]
    );
    assert_eq!(c.listeners[0].audience, Audience::Cli(CliLevel::Operator));
    assert_eq!(c.listeners[1].audience, Audience::Cli(CliLevel::Admin));
    assert_eq!((c.listeners[1].options.mode, c.listeners[1].options.uid), (Some(0o600), Some(0)));
    assert_eq!((c.listeners[5].options.mode, c.listeners[5].audience), (Some(0o770), Audience::Frontend(0)));
    assert!(c.listeners[2].options.tfo && c.listeners[2].options.defer_accept);
    let (front, back) = (&c.proxies[0], &c.proxies[1]);
    assert_eq!((front.default_backend, front.rate_limit, front.timeouts.tunnel), (Some(1), 500, 3_600_000));
    let sent = front.forward_for.as_ref().unwrap();
    assert_eq!((sent.header.as_str(), sent.if_none, sent.except.map(|n| n.bits)), ("X-Client", true, Some(8)));
    assert_eq!(back.balance.algorithm, "hash");
    assert_eq!(back.balance.key, KeySource::Uri { len: 0, depth: 3, whole: true, path_only: false });
    assert_eq!((back.balance.consistent, back.balance.function, back.balance.avalanche), (true, "djb2", Some(true)));
    assert_eq!(back.retry_on, retry::CONN_FAILURE | retry::EMPTY_RESPONSE | retry::status_bit(503));
    let s = &c.servers[0];
    assert_eq!((s.id, s.pool_max_conn, s.pool_purge_delay_ms, s.max_reuse), (7, Some(20), 60_000, 101));
    assert_eq!(
        c.sinks,
        [LogSink {
            place: SinkPlace::Udp("127.0.0.1:514".parse().unwrap()),
            format: SinkFormat::Rfc5424,
            max_len: 2048
        }]
    );
    let logger = &front.loggers[0];
    assert_eq!((logger.facility, logger.level, logger.min_level), (18, 6, 3));
    assert_eq!(logger.sample, Some((vec![(1, 2), (5, 5)], 10)));
    assert!(matches!(&front.log_shape, LogShape::Custom(t) if t.starts_with("%ci:%cp")));
}

#[test]
fn inheritance_and_numbers() {
    let c = good(include_str!("tests/many.cfg"));
    let proxies: Vec<_> = c.proxies.iter().map(|p| (p.name.as_str(), p.mode, p.timeouts.server, p.disabled)).collect();
    assert_eq!(
        proxies,
        [
            ("a", Mode::Http, 10_000, false),
            ("b", Mode::Http, 300_000, false),
            ("c", Mode::Tcp, 10_000, false),
            ("d", Mode::Tcp, 10_000, true),
            ("e", Mode::Http, 10_000, false),
        ]
    );
    assert_eq!(c.proxies[0].use_backends, [1]);
    assert_eq!(c.servers[0].target, Target::Inet(Addr::V4([127, 0, 0, 1], 8000)));
    let request =
        "GET /health HTTP/1.1\r\nhost: a.example\r\nx-probe: 1\r\ncontent-length: 4\r\nconnection: close\r\n\r\nping";
    assert_eq!(String::from_utf8_lossy(&c.proxies[4].check.request), request);
    assert!(c.proxies[4].check.expect.as_ref().unwrap().negate && c.proxies[4].check.kind == "httpchk");
    assert!(c.global.zero_warning && c.global.quiet);
    // HAProxy's numbering: each proxy counts on, also those that have a number.
    let text = "frontend f1\n bind :1\nbackend b1\n server a :1\n server b :1 id 1\n server c :1\nlisten l\n id 2\n bind :2\nbackend b2\nbackend b3\n";
    let c = good(text);
    assert_eq!(c.proxies.iter().map(|p| p.id).collect::<Vec<_>>(), [3, 4, 2, 6, 7]);
    assert_eq!(c.servers.iter().map(|s| s.id).collect::<Vec<_>>(), [2, 1, 4]);
}

#[test]
fn small_meanings() {
    let server = |line: &str| good(&listen("http", &format!(" {line}"))).servers;
    let s = server("server x 10.0.0.1:80 send-proxy check");
    assert!(s[0].check.as_ref().unwrap().send_proxy && s[0].send_proxy == ProxyHeader::V1);
    let s = server("server x 10.0.0.1:80 send-proxy check port 81");
    assert_eq!(s[0].check.as_ref().map(|c| (c.send_proxy, c.port)), Some((false, 81)));
    let s = server("server x 10.0.0.1:80 check addr 10.9.9.9");
    assert_eq!(s[0].check.as_ref().unwrap().addr, Some(Target::Inet(Addr::V4([10, 9, 9, 9], 80))));
    let s = server("server x no.such.host:80");
    assert!(s[0].disabled);
    let s = server("server x no.such.host:80 init-addr libc,none");
    assert!(s[0].disabled);
    let s = server("server x no.such.host:80 init-addr last,1.2.3.4");
    assert_eq!((s[0].disabled, &s[0].target), (false, &Target::Inet(Addr::V4([1, 2, 3, 4], 80))));
    let s = server("server x localhost:80");
    assert_eq!(s[0].target, Target::Inet(Addr::V4([127, 0, 0, 1], 80)));
    let s = server("server-template w 2-4 10.0.0.1:80 weight 5");
    assert_eq!(s.iter().map(|s| (s.name.as_str(), s.weight)).collect::<Vec<_>>(), [("w2", 5), ("w3", 5), ("w4", 5)]);
    let proxy = |lines: &str| good(&listen("http", lines)).proxies.remove(0);
    assert_eq!(
        proxy(" option http-server-close\n option httpclose\n no option http-server-close").close_mode,
        CloseMode::Close
    );
    assert_eq!(proxy(" option httpclose\n no option httpclose").close_mode, CloseMode::KeepAlive);
    assert_eq!(proxy(" option redispatch 3").redispatch, 3);
    assert_eq!(proxy(" option redispatch\n no option redispatch").redispatch, 0);
    assert_eq!(proxy(" timeout tunnel 1500us").timeouts.tunnel, 2);
    assert_eq!(proxy(" balance random(3)").balance.draws, 3);
    assert_eq!(proxy(" maxconn 500").fullconn, 50);
    assert!(proxy(" option splice-auto\n no option splice-auto").options & opt::SPLICE_AUTO == 0);
    let stats = "defaults\n stats auth a:b\n stats refresh 5\nlisten l\n bind :1\n mode http\n stats uri /x\n";
    let page = good(stats).proxies[0].stats.clone().unwrap();
    assert_eq!(
        (page.uri.as_str(), page.auth.len(), page.refresh_s, page.realm.as_str()),
        ("/x", 0, 0, "HAProxy Statistics")
    );
    let hidden = "listen l\n bind :1\n mode http\n option httpchk HEAD / \"HTTP/1.1\\r\\nHost: a\\r\\nX-B: c\"\n server s :1 check\n";
    let text = String::from_utf8(good(&hidden.replace(":1 check", "1.1.1.1:1 check")).proxies[0].check.request.clone())
        .unwrap();
    assert_eq!(text, "HEAD / HTTP/1.1\r\nhost: a\r\nx-b: c\r\nconnection: close\r\n\r\n");
    let log = "global\n log-send-hostname\n log 127.0.0.1 local0\n log 127.0.0.1 format local local1\n log 127.0.0.1 local2\n";
    assert_eq!(good(log).sinks.iter().map(|s| s.format).collect::<Vec<_>>(), [SinkFormat::Rfc3164, SinkFormat::Local]);
}

/// Each line in a `listen` of mode http, and the help that comes with the first thing said.
#[test]
fn help_of_rules() {
    for (line, want) in [
        ("http-request deny iff TRUE", "conditions begin with 'if' or 'unless'"),
        ("redirect location / iff TRUE", "conditions begin with 'if' or 'unless'"),
        ("http-request set-header X y iff TRUE", "conditions begin with 'if' or 'unless'"),
        ("acl a path_bge /x", "did you mean 'path_beg'?"),
        ("acl a hdr_sbu(host) x", "did you mean 'hdr_sub'?"),
        ("http-request deny if a\n acl a path /x", "it is declared in line 8"),
        ("http-request set-query %foo", "a text after '%f' begins with neither letter nor digit"),
        ("http-request set-query %zz", "'%%' is the character '%'"),
    ] {
        let loaded = read(&listen("http", &format!(" {line}")));
        let first = &loaded.diags.list()[0];
        assert!(first.hint.as_deref().is_some_and(|hint| hint.contains(want)), "{line}: {first:?}");
    }
    let loaded = read(&listen("http", " log 127.0.0.1 local0\n log-format \"%{+Q\""));
    assert_eq!(loaded.diags.list()[0].hint, None);
}

#[test]
fn bytes_that_are_not_utf8() {
    let loaded = read_bytes(b"global # f\xfcr alle\n  description \"caf\xe9 #\"\n log '#' # ok \xe9\n");
    let said = told(&loaded);
    assert_eq!(said[0], "W1:11 this character is not UTF-8");
    assert_eq!(said[1], "E2:19 this character is not UTF-8");
    assert_eq!(said[2], "W3:15 this character is not UTF-8");
    let hint = loaded.diags.list()[1].hint.as_deref();
    assert_eq!(hint, Some("convert the file: iconv -f latin1 -t utf8"));
}

#[test]
fn a_section_that_is_misspelt_is_left_out_whole() {
    let said =
        told(&read("global\n maxconn 5\nfrontnd web\n bind :1\n nonsense 1\nbackend b\n server s 127.0.0.1:1\n"));
    assert_eq!(said[0], "E3:1 unknown section 'frontnd': its lines are not read");
    assert!(!said.iter().any(|s| s.starts_with("E4") || s.starts_with("E5")), "{said:?}");
    let first = told(&read("globl\n maxconn 5\n"));
    assert!(first.len() == 1 && first[0].starts_with("E1:1 unknown section 'globl'"), "{first:?}");
    let astray = told(&read("defaults\nuser nobody\nmode http\n"));
    assert!(astray[0].starts_with("E2:1 unknown keyword 'user' in section 'defaults'"), "{astray:?}");
    let inside = told(&read("global\nmaxcon 5\n"));
    assert!(inside[0].starts_with("E2:1 unknown keyword 'maxcon'"), "{inside:?}");
}

#[test]
fn texts_and_variables_that_are_missing() {
    for text in ["global\n description\n", "listen l\n description\n"] {
        assert_eq!(told(&read(text))[0], "E2:13 'description' expects a text");
    }
    let loaded = read("global\n maxconn \"$NO_SUCH_THING_HERE\"\n");
    let hint = loaded.diags.list()[0].hint.clone().unwrap_or_default();
    assert!(hint.ends_with("the variable 'NO_SUCH_THING_HERE' is not set"), "{hint}");
    let loaded = read("listen l\n bind :1\n timeout client 1s\n timeout connect 1s\n server s 127.0.0.1:1\n");
    let hint = loaded.diags.list()[0].hint.clone().unwrap_or_default();
    assert!(hint.ends_with("'timeout server 30s'"), "{hint}");
}

/// A stick table is refused wherever it may stand, not ignored.
#[test]
fn what_is_not_built_is_refused_in_its_sections() {
    let table = told(&read("frontend f\n bind :1\n stick-table type ip size 10k\n"));
    assert!(table[0].starts_with("E3:2 'stick-table' is not built yet"), "{table:?}");
    let app = told(&read("frontend f\n bind :1\n use-fcgi-app a\n"));
    assert!(app[0].starts_with("E3:2 'use-fcgi-app' is not allowed in frontend 'f'"), "{app:?}");
}

/// Each line in a `listen` of mode http, and how the first thing said begins; line 7.
#[test]
fn diagnostics_of_proxies() {
    for (line, want) in [
        ("xyzzy 1", "E7:2 unknown keyword 'xyzzy' in section 'listen'"),
        ("balnce roundrobin", "E7:2 unknown keyword 'balnce'"),
        ("chroot /x", "E7:2 unknown keyword 'chroot'"),
        ("timeout clent 5s", "E7:10 'timeout' does not know 'clent'"),
        ("timeout", "E7:2 'timeout' expects one of: check, client"),
        ("timeout client", "E7:16 'timeout client' expects a time"),
        ("timeout client 5x", "E7:17 unknown unit 'x'"),
        ("timeout client x", "E7:17 'timeout client' expects a time"),
        ("timeout client 25d", "E7:17 '25d' for 'timeout client' is too long"),
        ("timeout client 5s x", "E7:20 'timeout client' cannot handle the unexpected argument 'x'"),
        ("option httplg", "E7:9 'option' does not know 'httplg'"),
        ("no option forwardfor", "E7:5 'no' cannot take 'option forwardfor' back"),
        ("no maxconn", "E7:5 'no' cannot take 'maxconn' back"),
        ("no", "E7:2 'no' expects"),
        ("http-after-response deny", "E7:22 'http-after-response' has no action 'deny'"),
        ("http-request dny if TRUE", "E7:15 'http-request' has no action 'dny'"),
        ("http-request track-sc0 src", "E7:15 the action 'track-sc0' of 'http-request' is not built in this version"),
        ("redirect scheme https if !{ ssl_fc }", "W7:30 there is no TLS in this version: 'ssl_fc' is always false"),
        ("reqadd X\\ y", "W7:2 'reqadd' is gone from today's HAProxy and works here"),
        ("use_backend l if TRUE", "E7:14 'use_backend' leads to itself"),
        ("use_backend l if NOPE", "E7:14 'use_backend' leads to itself"),
        ("default_backend nope", "E7:18 proxy 'l': unable to find the required default_backend 'nope'"),
        ("default_backend l", "E7:18 proxy 'l': 'default_backend' leads to itself"),
        ("mode htp", "E7:7 'mode' only supports 'tcp', 'http', got 'htp'"),
        ("bind :80 ssl crt /x", "E7:11 TLS is not built yet"),
        ("bind :80 crt /x", "W7:11 TLS options have no effect without 'ssl'"),
        ("bind :80 namo x", "E7:11 'bind :80': unknown keyword 'namo'"),
        ("bind :80,:99999", "E7:7 'bind': invalid port '99999'"),
        ("bind 1.2.3.4", "E7:7 'bind': missing port specification"),
        ("bind :80-81 id 5", "E7:17 'id': a number cannot be given to several sockets"),
        ("bind :80 namespace x", "E7:11 'namespace' is not built yet"),
        ("bind :80 process 1", "W7:11 'process' is an old option"),
        ("server s", "E7:10 'server' expects a name and an address"),
        ("server s! 1.2.3.4:5", "E7:9 character '!' is not permitted in the server name"),
        ("server s 1.2.3.4:5 chek", "E7:21 'server s': unknown keyword 'chek'"),
        ("server s 1.2.3.4:5 weight 300", "E7:28 'weight' must be from 0 to 256, got 300"),
        ("server s 1.2.3.4:5 ssl verify none", "E7:21 TLS is not built yet"),
        ("server s 1.2.3.4:5 track x/y", "E7:21 'track' is not built yet"),
        ("server s 1.2.3.4 check", "E7:19 server 's' has neither a service port nor a check port"),
        ("server s 1.2.3.4:5 inter 5s", "W7:21 server 's' has check settings and is not checked"),
        ("server s 1.2.3.4:5-6", "E7:11 'server': port range not permitted"),
        ("server s no.host:5", "W7:11 could not resolve the address 'no.host'"),
        ("server s 1.2.3.4:5 resolvers r", "W7:31 run-time resolution is not built yet"),
        ("server s 1.2.3.4:5 usesrc x", "E7:21 'usesrc' is not built yet"),
        ("server-template w 3-1 1.2.3.4:5", "E7:20 'server-template': '3-1' is not a number or a range"),
        ("default-server id 5", "W7:20 'id' is ignored in default-server"),
        ("balance hdr(host", "E7:10 'balance' does not know the algorithm 'hdr(host'"),
        ("balance leastcon", "E7:10 'balance' does not know the algorithm 'leastcon'"),
        ("balance uri len x", "E7:18 'balance uri len' expects a whole number"),
        ("balance roundrobin x", "W7:21 'balance roundrobin' ignores the argument 'x'"),
        ("hash-type consistent md5", "E7:23 'hash-type' only supports"),
        ("hash-balance-factor 50", "E7:22 'hash-balance-factor' must be 0 or greater than 100"),
        ("errorfile 999 /dev/null", "E7:12 'errorfile': status code '999' is not handled"),
        ("errorfile 503 /no/such", "E7:16 'errorfile': No such file"),
        ("log global x", "E7:13 'log' cannot handle"),
        ("log 127.0.0.1 locl0", "E7:16 'log': unknown facility 'locl0'"),
        ("log-format %ci %cp", "E7:13 'log-format' expects only one argument"),
        ("stats admin if TRUE", "E7:2 'stats admin' is not built yet"),
        ("stats enable x", "W7:15 'stats enable' ignores the argument 'x'"),
        ("stats uro /x", "E7:8 'stats' does not know 'uro'"),
        ("retry-on foo", "E7:11 'retry-on' does not know 'foo'"),
        ("option httpchk GET / FOO", "E7:23 'FOO' is not HTTP/1.0 or HTTP/1.1"),
        ("http-check send uri / hdr x %[date]", "E7:30 formats ('%') in headers of checks are not built yet"),
        ("http-check expect rstatus 2..", "E7:20 'http-check expect rstatus' is not built yet"),
        ("http-check expect status x", "E7:27 'http-check expect status' expects codes"),
        ("http-check expect status 200", "W7:2 'http-check expect' has no effect without 'option httpchk'"),
        ("clitimeout 5000", "W7:2 'clitimeout' is gone from today's HAProxy and works here"),
        ("mode health", "W7:2 'mode health' is gone"),
        ("option httplog", "W7:2 the log format of proxy 'l' has no effect"),
    ] {
        let loaded = read(&listen("http", &format!(" {line}")));
        let told = told(&loaded);
        assert!(told.first().is_some_and(|t| t.starts_with(want)), "{line}: {told:#?}");
    }
}

/// Whole texts and what the first thing said about them is.
#[test]
fn diagnostics_of_files() {
    for (text, want) in [
        ("mode http\n", "E1:1 unknown keyword 'mode' out of section"),
        ("fronted f\n", "E1:1 unknown section 'fronted': its lines are not read"),
        ("global x\n", "E1:8 'global' cannot handle"),
        ("global\n maxcon 5\n", "E2:2 unknown keyword 'maxcon' in section 'global'"),
        ("global\n tune.bufsze 5\n", "E2:2 unknown keyword 'tune.bufsze'"),
        ("global\n lua-load /x\n", "E2:2 'lua-load' is not built yet"),
        ("global\n nbthread 0\n", "E2:11 'nbthread' must be from 1 to 256"),
        ("global\n spread-checks 60\n", "E2:16 'spread-checks' must be from 0 to 50"),
        ("global\n user nosuchuser\n", "E2:7 unknown user name 'nosuchuser'"),
        (
            "global\n tune.rcvbuf.client 1\n tune.rcvbuf.client 2\n",
            "W3:2 'tune.rcvbuf.client' was already given in line 2",
        ),
        ("global\n setenv X\n", "E2:2 'setenv' expects a name and a value"),
        ("global\n stats socket /x levl admin\n", "E2:18 'stats socket': unknown keyword 'levl'"),
        ("global\n ca-base /x\n crt-base /y\n", "W2:2 TLS is not built yet"),
        ("global\n cpu-map 1 0\n", "N2:2 'cpu-map' is accepted without effect"),
        ("global\n log nohost local0\n", "W2:6 'log': unknown host 'nohost'"),
        ("peers p\n peer a 1.2.3.4:5\n", "E1:1 section 'peers' is not built yet"),
        ("defaults\n bind :1\n", "E2:2 'bind' is not allowed in a 'defaults' section"),
        ("frontend f from zz\n", "E1:17 there is no 'defaults' section 'zz'"),
        ("frontend a!b\n", "E1:10 character '!' is not permitted"),
        ("frontend\n", "E1:9 'frontend' expects a name"),
        ("backend b\n bind :1\n", "W2:2 'bind' is ignored: backend 'b' has no frontend side"),
        ("frontend f\n balance source\n", "W2:2 'balance' is ignored: frontend 'f' has no backend side"),
        ("frontend f\n server s 1.2.3.4:5\n", "E2:2 'server' is not allowed in frontend 'f'"),
        ("frontend f\n retry-on none\n", "E2:2 'retry-on' is not allowed in frontend 'f'"),
        ("backend b\nbackend b\n", "E2:9 backend 'b' has the same name as backend 'b' declared at t.cfg:1"),
        ("frontend a\n bind :1\n id 5\nbackend b\n id 5\n", "E5:5 backend 'b' reuses the id"),
        (
            "backend b\n server s :1\n server s :2\n",
            "E3:9 backend 'b': another server named 's' was already defined in line 2",
        ),
        ("backend b\n server s :1 id 3\n server t :2 id 3\n", "E3:17 backend 'b': another server has the id 3"),
        (
            "frontend f\n bind :1\n mode http\n default_backend b\nbackend b\n",
            "E4:18 frontend 'f' is in mode http and cannot lead to",
        ),
        ("frontend f\n default_backend b\nbackend b\n", "W1:10 missing timeouts for frontend 'f': client"),
        ("frontend f\n timeout client 1s\n default_backend b\nbackend b\n", "W1:10 frontend 'f' has no 'bind' line"),
        ("frontend f\n timeout client 1s\n bind :1\n", "W1:10 frontend 'f' has no 'default_backend'"),
        ("backend b\n", "W1:9 backend 'b' is never reached"),
        ("backend b\n option forwardfor\n", "W2:2 'option forwardfor' is ignored in backend 'b'"),
        ("backend b\n balance hdr(a)\n", "W2:10 hashes of a request are not possible"),
        (
            "listen l\n timeout client 1s\n bind :1\n log stdout local0\n option httplog\n",
            "W5:2 'option httplog' is not usable in proxy 'l'",
        ),
        ("backend b\n option httplog\n", "W2:2 'option httplog' is ignored in backend 'b'"),
        ("userlist u\n usr x\n", "E2:2 unknown keyword 'usr' in section 'userlist'"),
        ("userlist\n", "E1:9 'userlist' expects <name> as arguments"),
        ("userlist u/v\n", "E1:10 character '/' is not permitted in the name of the userlist 'u/v'"),
        ("userlist u v\n", "E1:12 'userlist' cannot handle the unexpected argument 'v'"),
        ("userlist u\nuserlist u\n user a b c\n", "W2:10 ignoring duplicated userlist 'u'"),
        ("userlist u\n group\n", "E2:7 'group' expects <name> as arguments"),
        ("userlist u\n group g members a\n", "E2:10 'group' only supports 'users' option"),
        ("userlist u\n user\n", "E2:6 'user' expects <name> as arguments"),
        (
            "userlist u\n user a pasword x\n",
            "E2:9 'user' only supports 'password', 'insecure-password' and 'groups' options",
        ),
        ("userlist u\n user a insecure-password\n", "W2:9 the password of user 'a' is empty"),
        ("userlist u\n user a\n user a\n", "W3:7 ignoring duplicated user 'a' in userlist 'u'"),
        ("userlist u\n group g\n group g\n", "W3:8 ignoring duplicated group 'g' in userlist 'u'"),
        (
            "userlist u\n user ada\n group g users ada,adb\n",
            "E3:20 userlist 'u': no such user 'adb' specified in group 'g'",
        ),
        (
            "userlist u\n user a groups \"g,h\"\n group g\n",
            "E2:19 userlist 'u': no such group 'h' specified in user 'a'",
        ),
        (
            "userlist u\n user a password $6$abc$def\n",
            "W2:18 user 'a' is never let in: the hash should end with 86 of the characters",
        ),
        ("userlist u\n user a password $y$j9T$abc$def\n", "E2:18 'password' of user 'a': yescrypt ($y$) is not built"),
        (
            "userlist us\nfrontend f\n timeout client 1s\n bind :1\n mode http\n http-request deny if { http_auth(usr) }\n",
            "E6:25 unable to find userlist 'usr'",
        ),
        (
            "userlist u\n user a insecure-password b\nlisten f\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n bind :1\n server s :2\n tcp-request content reject unless { http_auth(u) }\n",
            "E9:38 passwords are checked in 'mode http' only",
        ),
        (
            "userlist u\n group g\nfrontend f\n timeout client 1s\n bind :1\n mode http\n http-request deny if { http_auth_group(u) h }\n",
            "E7:44 userlist 'u' has no group 'h'",
        ),
        (
            "userlist u\n group g\nfrontend f\n timeout client 1s\n bind :1\n mode http\n http-request deny if { http_auth_group(u) -f /dev/null }\n",
            "E7:47 names of groups in a file are not built yet",
        ),
        ("resolvers r\n hold foo 1s\n", "N1:11 run-time resolution is not built yet"),
    ] {
        let loaded = read(text);
        let told = told(&loaded);
        assert!(told.first().is_some_and(|t| t.starts_with(want)), "{text}: {told:#?}");
    }
}

#[test]
fn all_errors_of_all_files_come_in_one_run() {
    let files = vec![
        ("a.cfg".into(), "global\n maxcon 1\n nbthread 0\nfrontend f\n bnd :1\n".into()),
        ("b.cfg".into(), "maxconn 5\nbackend b\n server s\n timeout server x\n".into()),
    ];
    let loaded = load_using(&Sources { files, ..Sources::default() }, &Level, &Overrides::default(), hosts);
    let places: Vec<_> = loaded.diags.list().iter().map(|d| (d.pos.file, d.pos.line)).collect();
    assert_eq!(places, [(0, 2), (0, 3), (0, 5), (1, 1), (1, 3), (1, 4)]);
    let hints: Vec<_> = loaded.diags.list().iter().map(|d| d.hint.as_deref().unwrap_or("")).collect();
    assert_eq!((hints[0], hints[2]), ("did you mean 'maxconn'?", "did you mean 'bind'?"));
}

#[test]
fn slips_in_the_first_of_two_words() {
    for (line, hint) in [
        ("tmeout client 5s", "did you mean 'timeout client'?"),
        ("timout clint 5s", "did you mean 'timeout client'?"),
        ("timeout clinet 5s", "did you mean 'timeout client'?"),
        ("optoin httplog", "did you mean 'option httplog'?"),
        ("tiemout", "did you mean 'timeout'?"),
        ("tmeout xyzzyx", "did you mean 'timeout'?"),
        ("stast uri /x", "did you mean 'stats uri'?"),
        ("balnce roundrobin", "did you mean 'balance'?"),
    ] {
        let loaded = read(&format!("defaults\n {line}\n"));
        let hints: Vec<_> = loaded.diags.list().iter().filter_map(|d| d.hint.as_deref()).collect();
        assert!(hints.first() == Some(&hint), "{line}: {hints:?}");
    }
}

#[test]
fn the_command_line_counts_more() {
    let mut sources = Sources::default();
    sources.add("t", b"global\n daemon\n maxconn 5\nfrontend f\n bind :1\nfrontend g\n maxconn 3\n");
    let overrides = Overrides { maxconn: Some(9), proxy_maxconn: Some(7), foreground: true, ..Overrides::default() };
    let c = load_using(&sources, &Level, &overrides, hosts).config;
    assert_eq!((c.global.maxconn, c.global.daemon, c.proxies[0].maxconn, c.proxies[1].maxconn), (9, false, 7, 3));
}

#[test]
fn folders_stand_for_their_files() {
    let folder = std::env::temp_dir().join(format!("evenkeel-conf-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["b.cfg", "a.cfg", ".hidden.cfg", "c.txt"] {
        std::fs::write(folder.join(name), "").unwrap();
    }
    let path = folder.to_str().unwrap().to_owned();
    let found = expand_paths(&[format!("{path}/"), format!("{path}/c.txt")]).unwrap();
    assert_eq!(found, ["a.cfg", "b.cfg", "c.txt"].map(|n| format!("{path}/{n}")));
    assert!(expand_paths(&["/no/such/file".into()]).is_err());
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn tables_are_sorted_unique_and_documented() {
    for table in tables() {
        for pair in table.windows(2) {
            assert!(pair[0].name < pair[1].name, "{} before {}", pair[0].name, pair[1].name);
        }
        for row in table {
            assert!(!row.name.is_empty() && !row.family.is_empty(), "{}", row.name);
            assert!(
                row.doc.len() > 10 && row.doc.ends_with('.') || &*row.family == "balance",
                "{}: {}",
                row.name,
                row.doc
            );
            assert!(row.since != Release::default(), "{}", row.name);
            assert!(
                row.sections & (row::STRICT | row::NEGATABLE) == 0 || row.section_names().next().is_some(),
                "{}",
                row.name
            );
            if let Status::NotBuilt(reason) = row.status {
                assert!(!reason.is_empty(), "{}", row.name);
            }
        }
    }
    for set in [sections::GLOBAL_TABLES, sections::PROXY_TABLES] {
        let mut names: Vec<&str> = set.iter().flat_map(|t| t.iter()).map(|r| r.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "a keyword stands in two tables of a section");
    }
    for row in crate::balance::ALGORITHMS {
        assert!(row::named(balance::ALGORITHMS, row.name).is_some(), "{}", row.name);
    }
}

/// Words of keyword-frequency.tsv that occur in most files, without TLS, cookies, rules and stick tables.
const FREQUENT: &str = "bind mode server timeout\\ client timeout\\ connect timeout\\ server log maxconn default_backend balance \
    option\\ httplog stats\\ uri option\\ dontlognull retries option\\ forwardfor stats\\ enable option\\ redispatch \
    option\\ http-server-close option\\ httpchk stats\\ refresh timeout\\ http-request timeout\\ check timeout\\ queue \
    timeout\\ http-keep-alive option\\ httpclose errorfile stats\\ auth option\\ tcplog stats\\ realm timeout\\ tunnel \
    http-check\\ expect monitor-uri use_backend clitimeout srvtimeout contimeout default-server timeout\\ client-fin \
    timeout\\ server-fin description stats\\ hide-version option\\ http-pretend-keepalive log-format option\\ abortonclose \
    enabled stats\\ show-node fullconn option\\ tcp-check timeout\\ tarpit option\\ log-health-checks stats\\ show-legends \
    option\\ http-keep-alive option\\ logasap redispatch option\\ allbackups http-check\\ disable-on-404 http-check\\ send source \
    option\\ contstats backlog hash-type http-reuse disabled";

#[test]
fn frequent_words_are_built() {
    let built = |tables: &[&'static [Row]], name: &str| {
        let row = tables.iter().find_map(|t| row::named(t, name));
        assert!(row.is_some_and(|r| matches!(r.status, Status::Built(_) | Status::Removed { .. })), "{name}");
    };
    for name in FREQUENT.replace("\\ ", "~").split_whitespace() {
        built(sections::PROXY_TABLES, &name.replace('~', " "));
    }
    for name in [
        "daemon",
        "user",
        "group",
        "chroot",
        "pidfile",
        "nbthread",
        "uid",
        "gid",
        "stats socket",
        "stats timeout",
        "stats maxconn",
        "hard-stop-after",
        "master-worker",
        "spread-checks",
        "nbproc",
        "ulimit-n",
        "tune.bufsize",
        "tune.maxrewrite",
        "maxconn",
        "log",
        "tune.ssl.default-dh-param",
        "ssl-default-bind-ciphers",
        "ssl-default-bind-options",
        "quiet",
        "debug",
        "log-send-hostname",
        "setenv",
    ] {
        built(sections::GLOBAL_TABLES, name);
    }
    for name in [
        "check",
        "inter",
        "maxconn",
        "fall",
        "port",
        "weight",
        "rise",
        "backup",
        "send-proxy-v2",
        "send-proxy",
        "fastinter",
        "downinter",
        "init-addr",
        "minconn",
        "source",
        "cookie",
        "maxqueue",
        "slowstart",
        "disabled",
        "addr",
        "on-marked-down",
        "resolvers",
    ] {
        built(&[server_options::TABLE], name);
    }
    for name in [
        "level",
        "mode",
        "accept-proxy",
        "name",
        "expose-fd",
        "user",
        "group",
        "v4v6",
        "backlog",
        "defer-accept",
        "mss",
        "tfo",
    ] {
        built(&[bind::TABLE], name);
    }
    for name in ["global", "defaults", "frontend", "backend", "listen", "userlist", "resolvers"] {
        built(&[sections::SECTIONS], name);
    }
    for name in
        ["roundrobin", "leastconn", "source", "random", "first", "url_param", "uri", "hdr", "static-rr", "rdp-cookie"]
    {
        built(&[balance::ALGORITHMS], name);
    }
}

fn words() -> Vec<&'static str> {
    let mut words: Vec<&'static str> = manual::all_keywords().flat_map(|row| row.name.split(' ')).collect();
    words.extend([
        "no",
        "from",
        "default",
        "if",
        "{",
        "}",
        "1",
        "0",
        "-1",
        "99999999999",
        "5s",
        "10k",
        "x",
        "/dev/null",
        ":80",
        "*",
        "[::1]:1",
        "1.2.3.4:5",
        ":1-3",
        "a@b",
        "fd@3",
        "unix@/x",
        "global",
        "!",
        "\"",
        "'",
        "\\",
        "${X}",
        "hdr(a)",
        "random(2)",
        "%ci",
        "%[",
        "é",
        ",",
        "a,b",
    ]);
    words
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn junk_never_panics(lines in prop::collection::vec(prop::collection::vec(prop::sample::select(words()), 1..7), 1..25), head in 0..5usize) {
        let head = ["global\n", "defaults\n", "frontend f\n", "backend b\n", "listen l\n"][head];
        let lines: Vec<String> = lines.iter().map(|l| l.join(" ")).collect();
        let loaded = read(&format!("{head}{}", lines.join("\n")));
        let mut out = String::new();
        for diag in loaded.diags.list() {
            loaded.diags.render(diag, &mut out);
        }
    }

    #[test]
    fn any_text_never_panics(text in "(global|listen l)\n(\\PC|\n| |:|-){0,200}") {
        read(&text);
    }
}

#[test]
fn users_and_groups_are_put_together_from_either_side() {
    let text = "userlist one\n group G1 users tiger,scott\n group G2 users xdb,scott\n user tiger password *\n \
                user scott insecure-password elgato\n user xdb insecure-password hello\nuserlist two\n group G1\n group G2\n \
                user tiger password * groups G1\n user scott insecure-password elgato groups G1,G2\n \
                user xdb insecure-password hello groups G2\n";
    let config = read(text).config;
    let [one, two] = &config.userlists[..] else { panic!("{:?}", config.userlists) };
    assert_eq!((one.first, two.first), (0, 3));
    assert_eq!(one.users, two.users);
    assert_eq!(one.members("G2").collect::<Vec<_>>(), ["scott", "xdb"]);
    assert_eq!(one.find(b"tiger"), Some(1));
    assert_eq!(one.find(b"G1"), None);
}
