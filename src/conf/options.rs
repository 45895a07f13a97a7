//! The family `option` of proxies. `no option X` turns off what a `defaults` section turned on.

use super::checks;
use super::row::{BACK, FRONT, NEGATABLE, PROXY, Parse, Row};
use super::state::{Kind, State};
use super::values::{self, number_of};
use crate::model::{CloseMode, ForwardFor, LogShape, opt};
use crate::util::words::{Args, Fault};

/// An option with arguments or an effect of its own.
const fn o(
    name: &'static str,
    sections: u16,
    args: &'static str,
    since: &'static str,
    doc: &'static str,
    parse: Parse,
) -> Row {
    Row::built("option", sections, name, args, since, doc, parse)
}

/// An option that is on or off.
const fn bit(name: &'static str, sections: u16, since: &'static str, doc: &'static str, parse: Parse) -> Row {
    Row::built("option", sections | NEGATABLE, name, "", since, doc, parse).or("off")
}

const fn refused(name: &'static str, sections: u16, since: &'static str, reason: &'static str) -> Row {
    o(name, sections, "", since, "Recognised, and refused until it is built.", |_, _| Ok(())).not_built(reason)
}

/// Sorted by name.
pub static TABLE: &[Row] = &[
    bit(
        "option abortonclose",
        BACK,
        "1.1",
        "A request still in the queue is given up when its client closes.",
        |s, a| flip(s, a, opt::ABORTONCLOSE),
    ),
    bit(
        "option accept-invalid-http-request",
        FRONT,
        "1.4",
        "Accepts some malformed requests that are refused by default.",
        |s, a| flip(s, a, opt::ACCEPT_INVALID_REQUEST),
    ),
    bit(
        "option accept-invalid-http-response",
        BACK,
        "1.4",
        "Accepts some malformed responses that are refused by default.",
        |s, a| flip(s, a, opt::ACCEPT_INVALID_RESPONSE),
    ),
    bit(
        "option allbackups",
        BACK,
        "1.1",
        "All backup servers share the traffic once no other is up, not just the first.",
        |s, a| flip(s, a, opt::ALLBACKUPS),
    ),
    bit(
        "option checkcache",
        BACK,
        "1.1",
        "Responses with a cookie that a shared cache may store are blocked: 502, and an alert in the log.",
        |s, a| flip(s, a, opt::CHECKCACHE),
    ),
    bit("option clitcpka", FRONT, "1.3", "TCP keep-alive probes to clients.", |s, a| flip(s, a, opt::CLITCPKA)),
    bit("option contstats", FRONT, "1.3", "Counts bytes while they flow, not at the end of a session.", |s, a| {
        flip(s, a, opt::CONTSTATS)
    }),
    bit("option disable-h2-upgrade", FRONT, "2.2", "Never changes to HTTP/2, which is so here anyway.", |_, _| Ok(())),
    bit("option dontlog-normal", FRONT, "1.3", "Only sessions with an error are logged.", |s, a| {
        flip(s, a, opt::DONTLOG_NORMAL)
    }),
    bit("option dontlognull", FRONT, "1.1", "Connections without any data are not logged.", |s, a| {
        flip(s, a, opt::DONTLOGNULL)
    }),
    refused("option external-check", BACK, "1.6", "checks by a program come later; use TCP or HTTP checks"),
    bit("option forceclose", PROXY, "1.3", "Closes both sides after each response.", |s, a| {
        close(s, a, CloseMode::Close)
    })
    .removed("option httpclose"),
    refused("option forwarded", BACK, "2.8", "use 'option forwardfor'"),
    o(
        "option forwardfor",
        PROXY,
        "[except <network>] [header <name>] [if-none]",
        "1.1",
        "Adds a header X-Forwarded-For with the client's address to requests.",
        |s, a| {
            let sent = forward(s, a, "X-Forwarded-For", true)?;
            Ok(s.proxy().forward_for = Some(sent))
        },
    ),
    refused("option h1-case-adjust-bogus-client", FRONT, "2.1", "header names are sent as they came"),
    refused("option h1-case-adjust-bogus-server", BACK, "2.1", "header names are sent as they came"),
    bit(
        "option http-buffer-request",
        PROXY,
        "1.6",
        "Waits for the body, as far as it fits the buffer, before rules look at the request; at most timeout http-request.",
        |s, a| flip(s, a, opt::HTTP_BUFFER_REQUEST),
    ),
    bit(
        "option http-ignore-probes",
        FRONT,
        "1.5",
        "Connections that time out or close without a request are neither answered nor counted as errors.",
        |s, a| flip(s, a, opt::IGNORE_PROBES),
    ),
    bit(
        "option http-keep-alive",
        PROXY,
        "1.5",
        "Keeps connections of both sides for more requests; the default.",
        |s, a| close(s, a, CloseMode::KeepAlive),
    ),
    bit("option http-no-delay", PROXY, "1.4", "Sends each piece of a message at once.", |s, a| {
        flip(s, a, opt::NO_DELAY)
    }),
    bit(
        "option http-pretend-keepalive",
        PROXY,
        "1.4",
        "Does not tell the server that the connection will be closed.",
        |s, a| flip(s, a, opt::PRETEND_KEEPALIVE),
    ),
    refused("option http-restrict-req-hdr-names", PROXY, "2.6", "it is not built; rules can ask for req.hdr_names"),
    bit(
        "option http-server-close",
        PROXY,
        "1.4",
        "Closes the server's side after each response and keeps the client's.",
        |s, a| close(s, a, CloseMode::ServerClose),
    ),
    bit(
        "option http-tunnel",
        PROXY,
        "1.5",
        "Only the first request and response of a connection are looked at.",
        |s, a| close(s, a, CloseMode::Tunnel),
    )
    .removed("none: keep-alive is the default"),
    bit(
        "option http-use-htx",
        PROXY,
        "1.9",
        "Chose an internal format of old releases. Accepted without effect.",
        |_, _| Ok(()),
    ),
    refused("option http-use-proxy-header", FRONT, "1.4", "Proxy-Connection is removed, never obeyed"),
    bit("option http_proxy", PROXY, "1.1", "Connects to the IPv4 address in the target of each request.", |s, a| {
        flip(s, a, opt::HTTP_PROXY)
    })
    .removed("http-request set-dst url_ip, set-dst-port url_port, and a server 0.0.0.0:0"),
    o(
        "option httpchk",
        BACK,
        "[<method>] <uri> [<version>]",
        "1.1",
        "Checks send an HTTP request; a status from 200 to 399 means up.",
        checks::httpchk,
    ),
    bit("option httpclose", PROXY, "1.1", "Closes both sides after each response.", |s, a| {
        close(s, a, CloseMode::Close)
    }),
    o(
        "option httplog",
        PROXY,
        "[clf]",
        "1.1",
        "Traffic lines describe HTTP requests, with 'clf' in the common log format.",
        httplog,
    ),
    o(
        "option httpslog",
        PROXY,
        "",
        "2.5",
        "Traffic lines describe HTTP requests and their TLS connections, which there are none of yet.",
        |s, a| http_shape(s, a, LogShape::Https),
    ),
    bit(
        "option idle-close-on-response",
        FRONT,
        "2.6",
        "On a graceful stop idle connections stay until their next response.",
        |_, _| Ok(()), // always so
    ),
    bit("option independant-streams", PROXY, "1.4", "Old spelling of 'option independent-streams'.", |s, a| {
        flip(s, a, opt::INDEPENDENT_STREAMS)
    })
    .removed("option independent-streams"),
    bit(
        "option independent-streams",
        PROXY,
        "1.4",
        "What one side sends does not refresh the timeout of the other.",
        |s, a| flip(s, a, opt::INDEPENDENT_STREAMS),
    ),
    refused("option ldap-check", BACK, "1.4", "checks by LDAP come later; use 'option tcp-check'"),
    bit("option log-health-checks", BACK, "1.4", "Logs every change of a check's result.", |s, a| {
        flip(s, a, opt::LOG_HEALTH_CHECKS)
    }),
    bit("option log-separate-errors", FRONT, "1.3", "Sessions with an error are logged at level err.", |s, a| {
        flip(s, a, opt::LOG_SEPARATE_ERRORS)
    }),
    bit("option logasap", FRONT, "1.1", "Logs when the response's head came, not at the end.", |s, a| {
        flip(s, a, opt::LOGASAP)
    }),
    refused("option mysql-check", BACK, "1.4", "checks by MySQL come later; use 'option tcp-check'"),
    bit(
        "option nolinger",
        PROXY,
        "1.2",
        "Sockets are reset on close and leave nothing behind in the system.",
        |s, a| flip(s, a, opt::NOLINGER),
    ),
    o(
        "option originalto",
        PROXY,
        "[except <network>] [header <name>]",
        "1.3",
        "Adds a header X-Original-To with the address that the client connected to.",
        |s, a| {
            let sent = forward(s, a, "X-Original-To", false)?;
            Ok(s.proxy().original_to = Some(sent))
        },
    ),
    bit("option persist", BACK, "1.1", "A server that a rule chose is tried also while it is down.", |s, a| {
        flip(s, a, opt::PERSIST)
    }),
    refused("option pgsql-check", BACK, "1.5", "checks by PostgreSQL come later; use 'option tcp-check'"),
    bit("option prefer-last-server", BACK, "1.5", "Requests of one client connection stay on a server.", |s, a| {
        flip(s, a, opt::PREFER_LAST_SERVER)
    }),
    o("option redis-check", BACK, "", "1.5", "Checks by Redis' PING.", |_, _| Ok(()))
        .not_built("checks by Redis come later; use 'option tcp-check'"),
    Row {
        sections: BACK | NEGATABLE,
        ..o(
            "option redispatch",
            BACK,
            "[<interval>]",
            "1.1",
            "A retry may go to another server: the last one, or with an interval every n-th (negative: counted from the last).",
            redispatch,
        )
    },
    refused("option smtpchk", BACK, "1.1", "checks by SMTP come later; use 'option tcp-check'"),
    bit("option socket-stats", FRONT, "1.4", "Statistics of each listening socket.", |s, a| {
        flip(s, a, opt::SOCKET_STATS)
    }),
    bit("option splice-auto", PROXY, "1.3", "Forwards inside the kernel where it looks worth it (Linux).", |s, a| {
        flip(s, a, opt::SPLICE_AUTO)
    }),
    bit("option splice-request", PROXY, "1.3", "Forwards requests inside the kernel (Linux).", |s, a| {
        flip(s, a, opt::SPLICE_REQUEST)
    }),
    bit("option splice-response", PROXY, "1.3", "Forwards responses inside the kernel (Linux).", |s, a| {
        flip(s, a, opt::SPLICE_RESPONSE)
    }),
    refused("option spop-check", BACK, "1.7", "SPOE is not built"),
    bit("option srvtcpka", BACK, "1.3", "TCP keep-alive probes to servers.", |s, a| flip(s, a, opt::SRVTCPKA)),
    refused("option ssl-hello-chk", BACK, "1.2", "checks by a TLS hello come later; use 'option tcp-check'"),
    o("option tcp-check", BACK, "", "1.5", "Checks open a TCP connection; the default.", checks::tcp_check),
    bit(
        "option tcp-smart-accept",
        FRONT,
        "1.4",
        "Delays the first acknowledgement until data goes with it. Accepted: the system does.",
        |s, a| flip(s, a, opt::SMART_ACCEPT),
    ),
    bit("option tcp-smart-connect", BACK, "1.4", "Sends the request with the last packet of the handshake.", |s, a| {
        flip(s, a, opt::SMART_CONNECT)
    }),
    o("option tcpka", PROXY, "", "1.1", "TCP keep-alive probes on both sides.", |s, _| {
        Ok(s.proxy().options |= opt::CLITCPKA | opt::SRVTCPKA)
    }),
    o("option tcplog", PROXY, "", "1.1", "Traffic lines describe TCP sessions.", tcplog),
    bit("option transparent", BACK, "1.1", "Without a server, connects to where the client wanted to.", |s, a| {
        flip(s, a, opt::TRANSPARENT)
    }),
];

fn flip(s: &mut State, a: &Args, bit: u64) -> Result<(), Fault> {
    let options = &mut s.proxy().options;
    match a.no {
        true => *options &= !bit,
        false => *options |= bit,
    }
    Ok(())
}

/// The last of these options counts; `no` takes back the one that is in force.
fn close(s: &mut State, a: &Args, mode: CloseMode) -> Result<(), Fault> {
    let pos = a.pos();
    let draft = s.draft();
    match a.no {
        false => draft.proxy.close_mode = mode,
        true if draft.proxy.close_mode == mode => draft.proxy.close_mode = CloseMode::KeepAlive,
        true => {}
    }
    draft.places.insert("close", pos);
    Ok(())
}

fn forward(s: &mut State, a: &mut Args, header: &str, if_none_too: bool) -> Result<ForwardFor, Fault> {
    let mut sent = ForwardFor { header: header.into(), except: None, if_none: false };
    let (option, pos) = (a.name.clone(), a.pos());
    let key = if if_none_too { "option forwardfor" } else { "option originalto" };
    s.draft().places.insert(key, pos);
    while let Some(word) = a.next() {
        a.name = format!("{option} {}", word.text);
        match word.text.as_str() {
            "except" => {
                let net = a.need("an address with an optional mask")?;
                sent.except = Some(values::net(net, &a.name)?);
            }
            "header" => {
                let name = a.need("a header name")?;
                if !name.text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)) {
                    return Err(Fault::new(name.pos, format!("'{}' is not a header name", name.text)));
                }
                sent.header = name.text.clone();
            }
            "if-none" if if_none_too => sent.if_none = true,
            other => {
                let known = if if_none_too { "except, header and if-none" } else { "except and header" };
                return Err(super::global::unknown_option(word.pos, &option, other, known));
            }
        }
    }
    Ok(sent)
}

/// Log options in a backend say nothing: the frontend's line is the one that is sent.
fn in_backend(s: &mut State, a: &Args) -> bool {
    let ignored = s.draft().kind == Kind::Backend;
    if ignored {
        let message = format!("'{}' is ignored in {}: the frontend says how lines look", a.name, s.draft().title());
        s.diags.warning(a.pos(), message);
    }
    ignored
}

fn httplog(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let shape = if a.accept("clf") { LogShape::Clf } else { LogShape::Http };
    http_shape(s, a, shape)
}

fn http_shape(s: &mut State, a: &Args, shape: LogShape) -> Result<(), Fault> {
    if !in_backend(s, a) {
        let pos = a.pos();
        s.proxy().log_shape = shape;
        s.draft().places.insert("option httplog", pos);
    }
    Ok(())
}

fn tcplog(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    if !in_backend(s, a) {
        s.proxy().log_shape = LogShape::Tcp;
        s.draft().places.remove("option httplog");
    }
    Ok(())
}

/// `option redispatch [<interval>]`, also as the old keyword.
pub fn redispatch(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    s.proxy().redispatch = match a.next() {
        _ if a.no => 0,
        None => -1,
        Some(word) => number_of(word, &a.name, -1_000_000, 1_000_000)? as i32,
    };
    Ok(())
}
