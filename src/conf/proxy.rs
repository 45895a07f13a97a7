//! Keywords of proxies that belong to no family.

use super::address;
use super::bind;
use super::global::{no_effect, not_yet};
use super::logs::rate;
use super::options::redispatch;
use super::row::{BACK, BACKEND, FRONT, FRONTEND, LISTEN, OWN, PROXY, Parse, Row, STRICT};
use super::server;
use super::state::State;
use super::values::{self, count, net, number, one_of};
use crate::model::{ErrorReply, Mode, Reuse, opt, retry};
use crate::util::words::{Args, Fault};
use std::io::Read;

const fn p(
    name: &'static str,
    sections: u16,
    args: &'static str,
    since: &'static str,
    doc: &'static str,
    parse: Parse,
) -> Row {
    Row::built("proxy", sections, name, args, since, doc, parse)
}

/// Statuses that can have a reply of one's own.
pub const ERROR_CODES: [u16; 17] =
    [200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 425, 429, 500, 501, 502, 503, 504];

/// Sorted by name.
pub static TABLE: &[Row] = &[
    p("backlog", FRONT, "<number>", "1.3", "Connections that the kernel holds until they are accepted.", |s, a| {
        Ok(s.proxy().backlog = count(a)?)
    })
    .or("maxconn"),
    p(
        "bind",
        FRONTEND | LISTEN,
        "<address>[,<address>]... [option]...",
        "1.3",
        "Listens on addresses and ports, or unix sockets.",
        bind::bind,
    ),
    p("bind-process", PROXY, "<set>", "1.3", "Processes of a proxy; there is one process now.", |s, a| {
        a.rest();
        s.diags.warning(a.pos(), "'bind-process' has no effect: there is one process");
        Ok(())
    }),
    p("clitcpka-cnt", FRONT, "<number>", "2.2", "Number of keep-alive probes. Accepted without effect.", no_effect),
    p("clitcpka-idle", FRONT, "<time>", "2.2", "Time before keep-alive probes. Accepted without effect.", no_effect),
    p("clitcpka-intvl", FRONT, "<time>", "2.2", "Time between keep-alive probes. Accepted without effect.", no_effect),
    p(
        "default-server",
        BACK | STRICT,
        "[option]...",
        "1.3",
        "Options of the servers that follow.",
        server::default_server,
    ),
    p("default_backend", FRONT, "<name>", "1.3", "The backend of requests that no rule sends elsewhere.", |s, a| {
        let word = a.need("the name of a backend")?.clone();
        Ok(s.draft().default_backend = Some(word))
    }),
    p("description", OWN, "<text>", "1.4", "A text about the proxy, for the statistics page.", |s, a| {
        Ok(s.proxy().description = Some(values::text(a)?))
    }),
    p("disabled", PROXY, "", "1.1", "The proxy does not start.", |s, _| Ok(s.proxy().disabled = true)),
    p(
        "dispatch",
        LISTEN | BACKEND,
        "<address>:<port>",
        "1.0",
        "Where everything goes when there are no servers.",
        dispatch,
    ),
    p("enabled", PROXY, "", "1.1", "Takes 'disabled' of the defaults back.", |s, _| Ok(s.proxy().disabled = false)),
    p("errorfile", PROXY, "<code> <file>", "1.0", "The bytes sent for an error of the proxy itself.", errorfile),
    p("errorloc", PROXY, "<code> <url>", "1.0", "Redirects (302) for an error of the proxy itself.", |s, a| {
        errorloc(s, a, 302)
    }),
    p("errorloc302", PROXY, "<code> <url>", "1.0", "Redirects (302) for an error of the proxy itself.", |s, a| {
        errorloc(s, a, 302)
    }),
    p("errorloc303", PROXY, "<code> <url>", "1.0", "Redirects (303) for an error of the proxy itself.", |s, a| {
        errorloc(s, a, 303)
    }),
    p(
        "fullconn",
        BACK,
        "<number>",
        "1.1",
        "The number of sessions at which servers with minconn reach their maxconn.",
        |s, a| Ok(s.proxy().fullconn = count(a)?),
    )
    .or("a tenth of the maxconn of the frontends that lead here"),
    p(
        "grace",
        PROXY,
        "<time>",
        "1.0",
        "Time between a graceful stop and the closing of this proxy's sockets.",
        |s, a| Ok(s.proxy().grace_ms = values::time_ms(a)?),
    )
    .unit("ms")
    .removed("grace in the section global"),
    p(
        "http-reuse",
        BACK,
        "<mode>",
        "1.6",
        "Whether idle server connections serve other clients: never, safe, aggressive, always.",
        |s, a| {
            let modes = [
                ("never", Reuse::Never),
                ("safe", Reuse::Safe),
                ("aggressive", Reuse::Aggressive),
                ("always", Reuse::Always),
            ];
            Ok(s.proxy().reuse = one_of(a, &modes)?.0)
        },
    )
    .or("safe"),
    p("id", OWN, "<number>", "1.3", "Number of the proxy in the statistics.", |s, a| {
        s.proxy().id = number(a, 1, i64::from(i32::MAX))? as u32;
        Ok(s.draft().id_pos = a.last_pos())
    })
    .or("the next free one"),
    p(
        "load-server-state-from-file",
        BACK,
        "<mode>",
        "1.6",
        "Takes server states from a file. It is not built yet: servers start as configured.",
        |s, a| match a.peek() {
            Some("none") => a.need("a mode").map(|_| ()),
            _ => not_yet(s, a),
        },
    ),
    p(
        "max-keep-alive-queue",
        BACK,
        "<number>",
        "1.5",
        "Queue length from which keep-alive is given up for another server. Accepted without effect.",
        no_effect,
    ),
    p(
        "maxconn",
        FRONT,
        "<number>",
        "1.0",
        "The most connections at once in this frontend; more wait in the kernel.",
        |s, a| Ok(s.proxy().maxconn = count(a)?),
    )
    .or("that of the process"),
    p(
        "mode",
        PROXY,
        "<mode>",
        "1.0",
        "tcp carries bytes, http understands them; health of 1.5 answers OK and closes.",
        mode,
    )
    .or("tcp"),
    p(
        "monitor-net",
        FRONT,
        "<network>",
        "1.0",
        "Connections from here are monitors: they get an answer (http) or are closed, and not logged.",
        |s, a| {
            let word = a.need("an address with an optional mask")?;
            Ok(s.proxy().monitor_net = Some(net(word, "monitor-net")?))
        },
    )
    .removed("http-request return status 200 if { src <network> }"),
    p("monitor-uri", FRONT, "<uri>", "1.0", "Requests for this URI get 200 at once and are not logged.", |s, a| {
        let word = a.need("a URI")?;
        s.proxy().monitor_uri = Some(word.text.clone());
        s.draft().places.insert("monitor-uri", word.pos);
        Ok(())
    }),
    p(
        "rate-limit sessions",
        FRONT,
        "<number>",
        "1.4",
        "The most new sessions a second; more wait in the kernel.",
        |s, a| Ok(s.proxy().rate_limit = rate(a)?),
    ),
    p("redisp", BACK, "", "1.0", "Old spelling of 'option redispatch'.", redispatch).removed("option redispatch"),
    p("redispatch", BACK, "", "1.0", "Old spelling of 'option redispatch'.", redispatch).removed("option redispatch"),
    p("retries", BACK, "<number>", "1.0", "Connection attempts after the first one failed.", |s, a| {
        Ok(s.proxy().retries = number(a, 0, 100)? as u32)
    })
    .or("3"),
    p("retry-on", BACK | STRICT, "<condition>...", "2.0", "What failures a request is tried again after.", retry_on)
        .or("conn-failure"),
    p(
        "server",
        LISTEN | BACKEND | STRICT,
        "<name> <address>[:<port>] [option]...",
        "1.0",
        "A server of the proxy.",
        server::server,
    ),
    p(
        "server-state-file-name",
        BACK,
        "[<file>]",
        "1.6",
        "Name of a state file. It is not built yet: servers start as configured.",
        not_yet,
    ),
    p(
        "server-template",
        LISTEN | BACKEND | STRICT,
        "<prefix> <count> <address>[:<port>] [option]...",
        "1.8",
        "Several servers that differ in their number only.",
        server::template,
    ),
    p(
        "source",
        BACK,
        "<address>[:<port>] [interface <name>]",
        "1.1",
        "The address from which servers are connected to.",
        source,
    ),
    p("srvtcpka-cnt", BACK, "<number>", "2.2", "Number of keep-alive probes. Accepted without effect.", no_effect),
    p("srvtcpka-idle", BACK, "<time>", "2.2", "Time before keep-alive probes. Accepted without effect.", no_effect),
    p("srvtcpka-intvl", BACK, "<time>", "2.2", "Time between keep-alive probes. Accepted without effect.", no_effect),
    p("transparent", BACK, "", "1.0", "Old spelling of 'option transparent'.", |s, _| {
        Ok(s.proxy().options |= opt::TRANSPARENT)
    })
    .removed("option transparent"),
];

fn dispatch(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let word = a.need("an address and a port")?;
    let target = address::target(&word.text, word.pos, "dispatch", s.resolver)?;
    s.proxy().dispatch = Some(target);
    s.draft().places.insert("dispatch", word.pos);
    Ok(())
}

fn status_code(a: &mut Args) -> Result<u16, Fault> {
    let word = a.need("a status code and what to send")?;
    let known = word.text.parse::<u16>().ok().filter(|c| ERROR_CODES.contains(c));
    known.ok_or_else(|| {
        let list: Vec<String> = ERROR_CODES.iter().map(u16::to_string).collect();
        Fault::new(word.pos, format!("'{}': status code '{}' is not handled", a.name, word.text))
            .hint(format!("the codes are {}", list.join(", ")))
    })
}

fn set_error(s: &mut State, code: u16, reply: ErrorReply) {
    let errors = &mut s.proxy().errors;
    errors.retain(|e| e.0 != code);
    errors.push((code, reply));
}

fn errorfile(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let code = status_code(a)?;
    let word = a.need("a status code and a file name")?;
    let limit = s.global.tune.bufsize as usize;
    let fail = |what: String| Fault::new(word.pos, format!("'errorfile': {what} '{}'", word.text));
    // No more than needed: the name may be that of a device without an end.
    let mut bytes = Vec::new();
    std::fs::File::open(&word.text)
        .and_then(|file| file.take(limit as u64 + 1).read_to_end(&mut bytes))
        .map_err(|e| fail(format!("{e}: cannot read the file")))?;
    let large =
        |len| if len > limit { Err(fail(format!("more than tune.bufsize ({limit} bytes) in"))) } else { Ok(()) };
    large(bytes.len())?;
    let bytes = crate::http::from_file(&bytes, s.global.tune.maxhdr as usize)
        .map_err(|(line, why)| fail(format!("{why}, in line {line} of")).hint(crate::http::FILE_HINT))?;
    large(bytes.len())?;
    set_error(s, code, ErrorReply::File(bytes));
    Ok(())
}

fn errorloc(s: &mut State, a: &mut Args, redirect: u16) -> Result<(), Fault> {
    let code = status_code(a)?;
    let url = a.need("a status code and a URL")?;
    if url.text.bytes().any(|b| b < b' ' || b == 0x7f) {
        return Err(Fault::new(url.pos, format!("'{}': control characters in the URL", a.name)));
    }
    set_error(s, code, ErrorReply::Redirect(redirect, url.text.clone()));
    super::stats::extra(s, a)
}

fn mode(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    if a.peek() == Some("health") {
        a.next();
        let message = "'mode health' is gone from today's HAProxy and works here";
        s.diags.warning_hint(a.pos(), message, "today's spelling: http-request return status 200");
        s.proxy().mode = Mode::Health;
        return Ok(());
    }
    s.proxy().mode = one_of(a, &[("tcp", Mode::Tcp), ("http", Mode::Http)])?.0;
    Ok(())
}

fn retry_on(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let mut words = vec![a.need("at least one condition")?];
    words.extend(a.rest());
    let mut bits = 0;
    for word in &words {
        bits |= match word.text.as_str() {
            "none" if words.len() == 1 => 0,
            "none" => return Err(Fault::new(word.pos, "'retry-on none' must stand alone")),
            "conn-failure" => retry::CONN_FAILURE,
            "empty-response" => retry::EMPTY_RESPONSE,
            "junk-response" => retry::JUNK_RESPONSE,
            "response-timeout" => retry::RESPONSE_TIMEOUT,
            "0rtt-rejected" => retry::ZERO_RTT_REJECTED,
            "all-retryable-errors" => {
                let basic =
                    retry::CONN_FAILURE | retry::EMPTY_RESPONSE | retry::JUNK_RESPONSE | retry::RESPONSE_TIMEOUT;
                let codes = [500, 502, 503, 504].into_iter().fold(0, |bits, code| bits | retry::status_bit(code));
                basic | codes | retry::ZERO_RTT_REJECTED
            }
            code => match code.parse::<u16>().ok().map(retry::status_bit) {
                Some(bit) if bit != 0 => bit,
                _ => {
                    let known = "none, conn-failure, empty-response, junk-response, response-timeout, 0rtt-rejected, \
                                 all-retryable-errors and the codes 401, 403, 404, 408, 425, 500, 501, 502, 503 and 504";
                    return Err(super::global::unknown_option(word.pos, "retry-on", code, known));
                }
            },
        };
    }
    s.proxy().retry_on = bits;
    Ok(())
}

fn source(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let word = a.need("an address")?;
    let addr = address::source(&word.text, word.pos, "source", s.resolver)?;
    let interface = server::source_options(a)?;
    let proxy = s.proxy();
    (proxy.source, proxy.source_interface) = (Some(addr), interface);
    Ok(())
}
