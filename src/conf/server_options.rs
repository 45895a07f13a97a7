//! Options of `server`, `default-server` and `server-template`, one row each.

use super::address::{self, Written};
use super::bind::{TLS, proto};
use super::row::{BACK, Parse, Row};
use super::server::source_options;
use super::state::{InitAddr, State};
use super::values::{count, number, one_of, time_ms};
use crate::model::ProxyHeader;
use crate::util::words::{Args, Fault};

const fn o(name: &'static str, args: &'static str, since: &'static str, doc: &'static str, parse: Parse) -> Row {
    Row::built("server option", BACK, name, args, since, doc, parse)
}

const fn refused(name: &'static str, args: &'static str, since: &'static str, reason: &'static str) -> Row {
    o(name, args, since, "Recognised, and refused until it is built.", swallow).not_built(reason)
}

const fn tls(name: &'static str, args: &'static str, since: &'static str) -> Row {
    o(name, args, since, "An option of TLS, which is not built yet.", swallow).not_built(TLS)
}

const AGENT: &str = "agent checks come later";
const OBSERVE: &str = "judging servers by live traffic comes later";
const RUN_TIME: &str = "What run-time resolution prefers. Accepted: the address is resolved at start only.";

/// Sorted by name.
pub static TABLE: &[Row] = &[
    o("addr", "<address>[:<port>]", "1.4", "Where checks go instead of the server's address.", check_addr),
    refused("agent-addr", "<address>", "1.8", AGENT),
    refused("agent-check", "", "1.5", AGENT),
    refused("agent-inter", "<time>", "1.5", AGENT),
    refused("agent-port", "<port>", "1.5", AGENT),
    refused("agent-send", "<text>", "1.7", AGENT),
    tls("allow-0rtt", "", "1.8"),
    tls("alpn", "<protocols>", "1.8"),
    o("backup", "", "1.0", "Takes traffic only when no other server is up.", |s, _| {
        set(&mut s.server.server.backup, true)
    }),
    tls("ca-file", "<file>", "1.5"),
    o("check", "", "1.0", "The server is checked, and taken out while it is down.", |s, a| {
        s.server.check_pos = a.last_pos();
        set(&mut s.server.check, true)
    }),
    tls("check-alpn", "<protocols>", "1.9"),
    o("check-proto", "<name>", "2.2", "The protocol of checks; only h1 is built.", proto),
    o("check-send-proxy", "", "1.5", "Checks begin with a PROXY header too.", |s, _| {
        set(&mut s.server.check_send_proxy, true)
    }),
    tls("check-sni", "<name>", "1.8"),
    tls("check-ssl", "", "1.5"),
    refused("check-via-socks4", "", "2.0", "SOCKS4 is not built"),
    tls("ciphers", "<ciphers>", "1.5"),
    tls("ciphersuites", "<suites>", "1.9"),
    o(
        "cookie",
        "<value>",
        "1.0",
        "The value that stands for the server in a persistence cookie. Stored until cookies are built.",
        |s, a| Ok(s.server.server.cookie = Some(a.need("a value")?.text.clone())),
    ),
    tls("crl-file", "<file>", "1.5"),
    tls("crt", "<file>", "1.5"),
    tls("curves", "<names>", "2.9"),
    o("disabled", "", "1.4", "Starts in maintenance.", |s, _| set(&mut s.server.server.disabled, true)),
    o("downinter", "<time>", "1.3", "Between two checks while the server is down.", |s, a| {
        Ok(s.server.settings.downinter_ms = interval(a)?)
    })
    .or("inter")
    .unit("ms"),
    o("enabled", "", "1.8", "Takes 'disabled' of default-server back.", |s, _| {
        set(&mut s.server.server.disabled, false)
    }),
    refused("error-limit", "<count>", "1.4", OBSERVE),
    o("fall", "<count>", "1.0", "Failed checks after which the server is down.", |s, a| {
        Ok(s.server.settings.fall = number(a, 1, 10_000)? as u32)
    })
    .or("3"),
    o("fastinter", "<time>", "1.3", "Between two checks while the state changes.", |s, a| {
        Ok(s.server.settings.fastinter_ms = interval(a)?)
    })
    .or("inter")
    .unit("ms"),
    tls("force-sslv3", "", "1.5"),
    tls("force-tlsv10", "", "1.5"),
    tls("force-tlsv11", "", "1.5"),
    tls("force-tlsv12", "", "1.5"),
    tls("force-tlsv13", "", "1.8"),
    o("id", "<number>", "1.4", "Number of the server: what hashes and the statistics go by.", id)
        .or("the next free one"),
    o(
        "init-addr",
        "<methods>",
        "1.7",
        "How the address is found at start: last, libc, none or an address, in this order.",
        init_addr,
    )
    .or("last,libc"),
    refused("init-state", "<state>", "3.1", "servers start up, and go down by their first failed checks"),
    o("inter", "<time>", "1.0", "Between two checks.", |s, a| Ok(s.server.settings.inter_ms = interval(a)?))
        .or("2000")
        .unit("ms"),
    refused("log-proto", "<name>", "2.3", "log forwarding is not built"),
    o("max-reuse", "<number>", "2.0", "How often a connection is reused; -1 = always.", |s, a| {
        // One request is the first use, not a reuse.
        Ok(s.server.server.max_reuse = (number(a, -1, 1_000_000_000)? + 1) as u32)
    })
    .or("-1"),
    o("maxconn", "<number>", "1.1", "The most connections at once; more requests wait in the queue.", |s, a| {
        Ok(s.server.server.maxconn = count(a)?)
    })
    .or("none"),
    o("maxqueue", "<number>", "1.3", "The most requests in this server's queue; more go to another server.", |s, a| {
        Ok(s.server.server.maxqueue = count(a)?)
    })
    .or("none"),
    o(
        "minconn",
        "<number>",
        "1.1",
        "The limit of connections while the backend is idle; it grows to maxconn with the load.",
        |s, a| Ok(s.server.server.minconn = count(a)?),
    ),
    refused("namespace", "<name>", "1.6", "network namespaces are not built"),
    refused("no-agent-check", "", "1.8", AGENT),
    o("no-backup", "", "1.8", "Takes 'backup' of default-server back.", |s, _| set(&mut s.server.server.backup, false)),
    o("no-check", "", "1.8", "Takes 'check' of default-server back.", |s, _| set(&mut s.server.check, false)),
    o("no-check-send-proxy", "", "1.8", "Takes 'check-send-proxy' of default-server back.", |s, _| {
        set(&mut s.server.check_send_proxy, false)
    }),
    tls("no-check-ssl", "", "1.8"),
    o("no-send-proxy", "", "1.8", "Takes 'send-proxy' of default-server back.", |s, _| {
        send_proxy(s, ProxyHeader::None)
    }),
    o("no-send-proxy-v2", "", "1.8", "Takes 'send-proxy-v2' of default-server back.", |s, _| {
        send_proxy(s, ProxyHeader::None)
    }),
    tls("no-send-proxy-v2-ssl", "", "1.8"),
    tls("no-send-proxy-v2-ssl-cn", "", "1.8"),
    o("no-ssl", "", "1.8", "Takes 'ssl' of default-server back.", |s, _| Ok(s.server.ssl = None)),
    tls("no-ssl-reuse", "", "1.7"),
    tls("no-sslv3", "", "1.5"),
    tls("no-tls-tickets", "", "1.5"),
    tls("no-tlsv10", "", "1.5"),
    tls("no-tlsv11", "", "1.5"),
    tls("no-tlsv12", "", "1.5"),
    tls("no-tlsv13", "", "1.8"),
    tls("no-verifyhost", "", "1.8"),
    o("non-stick", "", "1.5", "The server is not entered into stick tables. Accepted until they are built.", |_, _| {
        Ok(())
    }),
    tls("npn", "<protocols>", "1.8"),
    refused("observe", "<mode>", "1.4", OBSERVE),
    refused("on-error", "<mode>", "1.4", OBSERVE),
    o("on-marked-down", "<action>", "1.5", "When the server goes down: shutdown-sessions.", |s, a| {
        one_of(a, &[("shutdown-sessions", ())])?;
        set(&mut s.server.server.on_marked_down_shutdown, true)
    }),
    refused("on-marked-up", "<action>", "1.5", "closing the sessions of backup servers comes later"),
    o(
        "pool-low-conn",
        "<number>",
        "2.2",
        "Idle connections that a thread leaves to the others. Accepted without effect.",
        |s, a| {
            number(a, -1, i64::from(i32::MAX))?;
            Ok(s.diags.notice(
                a.last_pos(),
                "'pool-low-conn' is accepted without effect: each worker has its own idle connections",
            ))
        },
    ),
    o("pool-max-conn", "<number>", "1.9", "The most idle connections kept; -1 = no limit, 0 = none.", |s, a| {
        Ok(s.server.server.pool_max_conn = u32::try_from(number(a, -1, i64::from(i32::MAX))?).ok())
    })
    .or("-1"),
    o(
        "pool-purge-delay",
        "<time>",
        "1.9",
        "How long an idle connection is kept, and how often the number of those worth keeping is estimated anew.",
        |s, a| Ok(s.server.server.pool_purge_delay_ms = time_ms(a)?),
    )
    .or("5s")
    .unit("ms"),
    o("port", "<port>", "1.0", "The port of checks.", |s, a| Ok(s.server.settings.port = number(a, 0, 65_535)? as u16))
        .or("the server's"),
    o("proto", "<name>", "1.8", "The protocol spoken with the server; only h1 is built.", proto),
    refused("proxy-v2-options", "<options>", "1.9", "additional fields of the PROXY header come later"),
    refused("redir", "<prefix>", "1.4", "servers that redirect are not built; 'http-request redirect' is"),
    o("resolve-net", "<networks>", "1.6", RUN_TIME, swallow),
    o("resolve-opts", "<options>", "1.8", RUN_TIME, swallow),
    o("resolve-prefer", "<family>", "1.6", RUN_TIME, swallow),
    o(
        "resolvers",
        "<name>",
        "1.6",
        "The section of name servers. Accepted: the address is resolved at start only.",
        |s, a| {
            a.need("the name of a section")?;
            Ok(s.server.resolvers = Some(a.last_pos()))
        },
    ),
    o("rise", "<count>", "1.0", "Good checks after which the server is up.", |s, a| {
        Ok(s.server.settings.rise = number(a, 1, 10_000)? as u32)
    })
    .or("2"),
    o("send-proxy", "", "1.5", "Connections begin with a PROXY header, version 1.", |s, _| {
        send_proxy(s, ProxyHeader::V1)
    }),
    o("send-proxy-v2", "", "1.5", "Connections begin with a PROXY header, version 2.", |s, _| {
        send_proxy(s, ProxyHeader::V2)
    }),
    tls("send-proxy-v2-ssl", "", "1.5"),
    tls("send-proxy-v2-ssl-cn", "", "1.5"),
    refused("shard", "<number>", "2.5", "peers come later"),
    o("slowstart", "<time>", "1.3", "How long the weight grows after the server came up.", |s, a| {
        Ok(s.server.server.slowstart_ms = time_ms(a)?)
    })
    .unit("ms"),
    tls("sni", "<expression>", "1.6"),
    refused("socks4", "<address>", "2.0", "SOCKS4 is not built"),
    o(
        "source",
        "<address>[:<port>] [interface <name>]",
        "1.1",
        "The address from which the server is connected to.",
        source,
    ),
    tls("ssl", "", "1.5"),
    tls("ssl-max-ver", "<version>", "1.8"),
    tls("ssl-min-ver", "<version>", "1.8"),
    tls("ssl-reuse", "", "1.8"),
    o("stick", "", "1.8", "Takes 'non-stick' of default-server back.", |_, _| Ok(())),
    o(
        "tcp-ut",
        "<time>",
        "1.6",
        "Time without an acknowledgement after which the kernel gives the connection up (Linux).",
        |s, a| Ok(s.server.server.user_timeout_ms = time_ms(a)?),
    )
    .unit("ms"),
    o("tfo", "", "1.9", "TCP fast open towards the server. Ignored with a warning.", |s, a| {
        Ok(s.diags.warning(a.last_pos(), "'tfo' is not built yet on server lines: it is ignored"))
    }),
    tls("tls-tickets", "", "1.8"),
    refused("track", "[<proxy>/]<server>", "1.3", "following another server's state comes later"),
    refused("usesrc", "<address>", "1.1", "foreign source addresses come later"),
    tls("verify", "<mode>", "1.5"),
    tls("verifyhost", "<name>", "1.5"),
    o("weight", "<number>", "1.0", "Share of the traffic, 0 to 256.", |s, a| {
        Ok(s.server.server.weight = number(a, 0, 256)? as u32)
    })
    .or("1"),
    o("ws", "<mode>", "2.5", "The protocol of WebSocket: auto or h1.", |_, a| {
        one_of(a, &[("auto", ()), ("h1", ())]).map(|_| ())
    })
    .or("auto"),
];

fn set(flag: &mut bool, value: bool) -> Result<(), Fault> {
    *flag = value;
    Ok(())
}

fn swallow(_: &mut State, a: &mut Args) -> Result<(), Fault> {
    a.need("a value").map(|_| ())
}

fn interval(a: &mut Args) -> Result<u32, Fault> {
    match time_ms(a)? {
        0 => Err(Fault::new(a.last_pos(), format!("'{}' must be greater than 0", a.name))),
        ms => Ok(ms),
    }
}

fn id(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let id = number(a, 1, i64::from(i32::MAX))? as u32;
    if s.server.is_default {
        s.diags.warning(a.last_pos(), "'id' is ignored in default-server: each server needs its own");
        return Ok(());
    }
    s.server.server.id = id;
    s.server.id_pos = a.last_pos();
    Ok(())
}

fn send_proxy(s: &mut State, header: ProxyHeader) -> Result<(), Fault> {
    s.server.server.send_proxy = header;
    Ok(())
}

fn check_addr(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let word = a.need("an address")?;
    match address::parse(&word.text, word.pos, "addr")? {
        Written::Inet(at) => s.server.check_addr = Some((at, word.pos)),
        Written::Unix(path) => s.server.settings.addr = Some(crate::sys::Target::Unix(path)),
        Written::Abstract(name) => s.server.settings.addr = Some(crate::sys::Target::Abstract(name)),
        Written::Fd(_) => return Err(Fault::new(word.pos, "'addr': a descriptor is not permitted here")),
    }
    Ok(())
}

fn source(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let word = a.need("an address")?;
    let addr = address::source(&word.text, word.pos, "source", s.resolver);
    let interface = source_options(a)?;
    (s.server.server.source, s.server.server.interface) = (Some(addr?), interface);
    Ok(())
}

fn init_addr(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let word = a.need("methods such as last,libc,none")?;
    let mut methods = Vec::new();
    for part in word.text.split(',') {
        methods.push(match part {
            "last" => InitAddr::Last,
            "libc" => InitAddr::Libc,
            "none" => InitAddr::None,
            text => InitAddr::Ip(text.parse().map_err(|_| {
                Fault::new(word.pos, format!("'init-addr': unknown method '{text}'"))
                    .hint("it knows last, libc, none and an address")
            })?),
        });
    }
    s.server.init_addr = methods;
    Ok(())
}
