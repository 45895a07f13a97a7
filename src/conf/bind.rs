//! `bind` and `stats socket`: addresses and their options.

use super::address::{self, HostPort, Port, Written};
use super::row::{FRONTEND, LISTEN, Parse, Row, Status, find, suggest};
use super::state::{BindDraft, State};
use super::values::{self, number, one_of};
use crate::model::{Audience, CliLevel, Listener};
use crate::sys::listen::Place;
use crate::sys::{Addr, Target};
use crate::util::words::{Args, Fault, Pos};

/// The reason of every TLS option.
pub const TLS: &str = "TLS is not built yet in this version";

const fn b(name: &'static str, args: &'static str, since: &'static str, doc: &'static str, parse: Parse) -> Row {
    Row::built("bind option", FRONTEND | LISTEN, name, args, since, doc, parse)
}

const fn refused(name: &'static str, args: &'static str, since: &'static str, reason: &'static str) -> Row {
    b(name, args, since, "Recognised, and refused until it is built.", ignored).not_built(reason)
}

const fn tls(name: &'static str, args: &'static str, since: &'static str) -> Row {
    b(name, args, since, "An option of TLS, which is not built yet.", ignored).not_built(TLS)
}

/// Sorted by name.
pub static TABLE: &[Row] = &[
    refused(
        "accept-netscaler-cip",
        "<magic>",
        "1.7",
        "the NetScaler client IP protocol is not built yet in this version",
    ),
    b(
        "accept-proxy",
        "",
        "1.5",
        "Every connection begins with a PROXY header (version 1 or 2) that tells the client's address.",
        |s, _| flag(&mut s.bind.listener.accept_proxy),
    ),
    tls("allow-0rtt", "", "1.8"),
    tls("alpn", "<protocols>", "1.5"),
    b("backlog", "<number>", "1.5", "Connections that the kernel holds until they are accepted.", |s, a| {
        Ok(s.bind.listener.options.backlog = number(a, 0, i64::from(i32::MAX))? as u32)
    })
    .or("that of the frontend"),
    tls("ca-file", "<file>", "1.5"),
    tls("ca-ignore-err", "<errors>", "1.5"),
    tls("ca-sign-file", "<file>", "1.6"),
    tls("ca-sign-pass", "<text>", "1.6"),
    tls("ca-verify-file", "<file>", "2.2"),
    tls("ciphers", "<ciphers>", "1.5"),
    tls("ciphersuites", "<suites>", "1.9"),
    tls("crl-file", "<file>", "1.5"),
    tls("crt", "<file>", "1.5"),
    tls("crt-ignore-err", "<errors>", "1.5"),
    tls("crt-list", "<file>", "1.5"),
    tls("curves", "<names>", "1.8"),
    b("defer-accept", "", "1.3", "The kernel reports a connection when its first data came (Linux).", |s, _| {
        flag(&mut s.bind.listener.options.defer_accept)
    }),
    tls("ecdhe", "<curve>", "1.5"),
    b(
        "expose-fd",
        "<listeners>",
        "1.8",
        "The command socket hands its listening sockets to a new process; always so here.",
        |_, a| one_of(a, &[("listeners", ())]).map(|_| ()),
    ),
    tls("force-sslv3", "", "1.5"),
    tls("force-tlsv10", "", "1.5"),
    tls("force-tlsv11", "", "1.5"),
    tls("force-tlsv12", "", "1.5"),
    tls("force-tlsv13", "", "1.8"),
    tls("generate-certificates", "", "1.6"),
    b("gid", "<number>", "1.3", "Group number of a unix socket.", |s, a| {
        Ok(s.bind.listener.options.gid = Some(values::owner_id(a)?))
    }),
    b("group", "<name>", "1.3", "Group of a unix socket.", |s, a| {
        Ok(s.bind.listener.options.gid = Some(values::group(a)?))
    }),
    b("id", "<number>", "1.4", "Number of the socket in the statistics.", id).or("the next free one"),
    b("interface", "<name>", "1.3", "Only connections over this network interface (Linux).", |s, a| {
        Ok(s.bind.listener.options.interface = Some(a.need("an interface")?.text.clone()))
    }),
    b("level", "<level>", "1.5", "What the users of a command socket may do: user, operator or admin.", |s, a| {
        let levels = [("user", CliLevel::User), ("operator", CliLevel::Operator), ("admin", CliLevel::Admin)];
        Ok(s.bind.level = Some(one_of(a, &levels)?.0))
    })
    .or("operator"),
    b("maxconn", "<number>", "1.5", "Connections at once on each of these sockets.", |s, a| {
        Ok(s.bind.listener.maxconn = number(a, 0, i64::from(i32::MAX))? as u32)
    }),
    b("mode", "<mode>", "1.3", "File mode of a unix socket, octal.", |s, a| {
        Ok(s.bind.listener.options.mode = Some(values::file_mode(a)?))
    }),
    b("mss", "<bytes>", "1.3", "Largest TCP segment; a negative number is subtracted from the one negotiated.", mss),
    b("name", "<name>", "1.4", "Name of the sockets in the statistics.", |s, a| {
        Ok(s.bind.listener.name = a.need("a name")?.text.clone())
    }),
    refused("namespace", "<name>", "1.6", "network namespaces are not built yet in this version"),
    refused("nice", "<number>", "1.4", "all sessions have the same priority in this version"),
    tls("no-alpn", "", "2.6"),
    tls("no-ca-names", "", "1.8"),
    tls("no-sslv3", "", "1.5"),
    tls("no-tls-tickets", "", "1.5"),
    tls("no-tlsv10", "", "1.5"),
    tls("no-tlsv11", "", "1.5"),
    tls("no-tlsv12", "", "1.5"),
    tls("no-tlsv13", "", "1.8"),
    tls("npn", "<protocols>", "1.5"),
    tls("ocsp-update", "<mode>", "2.8"),
    tls("prefer-client-ciphers", "", "1.8"),
    b(
        "process",
        "<set>",
        "1.5",
        "Processes and threads that accept. Accepted without effect: all threads do.",
        ignored,
    )
    .removed("thread"),
    b("proto", "<name>", "1.8", "The protocol of connections; only h1 is built.", proto),
    b(
        "severity-output",
        "<format>",
        "1.8",
        "How answers of the command socket begin; only 'none' is built.",
        |_, a| one_of(a, &[("none", ())]).map(|_| ()),
    ),
    b("shards", "<number>", "2.5", "Sockets a port. Accepted without effect: the threads share one.", ignored),
    b("ssl", "", "1.5", "Connections are encrypted by TLS, which is not built yet.", |_, _| Ok(())).not_built(TLS),
    tls("ssl-max-ver", "<version>", "1.8"),
    tls("ssl-min-ver", "<version>", "1.8"),
    tls("strict-sni", "", "1.5"),
    b(
        "tcp-ut",
        "<time>",
        "1.5",
        "Time without an acknowledgement after which the kernel gives a connection up. Accepted without effect.",
        |s, a| {
            values::time_ms(a)?;
            Ok(s.diags.warning(a.last_pos(), "'tcp-ut' is not built yet on bind lines: it is ignored"))
        },
    )
    .unit("ms"),
    b("tfo", "", "1.5", "TCP fast open (Linux).", |s, _| flag(&mut s.bind.listener.options.tfo)),
    b("thread", "<set>", "2.5", "Threads that accept. Accepted without effect: all do.", ignored),
    tls("tls-ticket-keys", "<file>", "1.6"),
    b("transparent", "", "1.3", "Foreign addresses may be bound (Linux); needs root.", |s, _| {
        flag(&mut s.bind.listener.options.transparent)
    }),
    b("uid", "<number>", "1.3", "User number of a unix socket.", |s, a| {
        Ok(s.bind.listener.options.uid = Some(values::owner_id(a)?))
    }),
    b("user", "<name>", "1.3", "User of a unix socket.", |s, a| {
        Ok(s.bind.listener.options.uid = Some(values::user(a)?))
    }),
    b("v4v6", "", "1.5", "The IPv6 socket takes IPv4 connections too.", |s, _| {
        Ok(s.bind.listener.options.v6only = Some(false))
    }),
    b("v6only", "", "1.5", "The IPv6 socket takes no IPv4 connections.", |s, _| {
        Ok(s.bind.listener.options.v6only = Some(true))
    }),
    tls("verify", "<mode>", "1.5"),
];

fn flag(flag: &mut bool) -> Result<(), Fault> {
    *flag = true;
    Ok(())
}

fn ignored(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let word = a.need("a value")?;
    s.diags.notice(word.pos, format!("'{}' is accepted without effect", a.name));
    Ok(())
}

fn id(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    s.bind.listener.id = number(a, 1, i64::from(i32::MAX))? as u32;
    s.bind.id_pos = a.last_pos();
    Ok(())
}

fn mss(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    match number(a, -65_535, 65_535)? {
        0 => Err(Fault::new(a.last_pos(), "'mss' expects a segment size with an absolute value from 1 to 65535")),
        n => Ok(s.bind.listener.options.mss = n as i32),
    }
}

/// `proto h1` is what there is; anything else is refused.
pub fn proto(_: &mut State, a: &mut Args) -> Result<(), Fault> {
    let word = a.need("a protocol")?;
    match word.text.as_str() {
        "h1" | "none" => Ok(()),
        other => Err(Fault::new(word.pos, format!("protocol '{other}' is not built yet in this version"))),
    }
}

/// Reads the options of a line, going on after an error; `line` names it in messages.
pub fn options(s: &mut State, a: &mut Args, table: &'static [Row], line: &str) {
    while let Some(word) = a.next() {
        let Some((row, _)) = find(&[table], std::slice::from_ref(word)) else {
            let fault = Fault::new(word.pos, format!("'{line}': unknown keyword '{}'", word.text));
            s.fault(match suggest(&[table], &word.text) {
                Some(hint) => fault.hint(hint),
                None => fault,
            });
            // What follows may be its arguments: nothing can be said of them.
            a.rest();
            return;
        };
        a.name = row.name.to_owned();
        match row.status {
            Status::Built(parse) => {
                s.note_option(row.name, word.pos);
                let result = parse(s, a);
                s.take(result);
            }
            Status::Removed { today, parse } => {
                s.diags
                    .warning(word.pos, format!("'{}' is an old option that works here; today's is {today}", row.name));
                let result = parse(s, a);
                s.take(result);
            }
            Status::NotBuilt(reason) if reason == TLS => {
                a.skip(row.arg_count.into());
                s.tls_option(row.name, word.pos);
            }
            Status::NotBuilt(_) | Status::LeftOut(_) => {
                a.skip(row.arg_count.into());
                if let Some(fault) = row.refusal(word.pos) {
                    s.fault(fault);
                }
            }
            Status::Listed(_) => {}
        }
    }
}

/// `bind <address>[,<address>]... [option]...` in a frontend.
pub fn bind(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let word = a.need("an address and a port, or a path")?;
    let (text, pos) = (word.text.clone(), word.pos);
    read(s, a, &text, pos, true);
    Ok(())
}

/// The address list and the options of one line; the sockets go to the current frontend.
pub fn read(s: &mut State, a: &mut Args, text: &str, pos: Pos, unix_defaults: bool) {
    s.bind = BindDraft::default();
    if unix_defaults {
        let unix = &s.global.unix_bind;
        let options = &mut s.bind.listener.options;
        (options.mode, options.uid, options.gid) = (unix.mode, unix.uid, unix.gid);
    }
    let places = match places(s, text, pos, "bind", unix_defaults) {
        Ok(places) => places,
        Err(fault) => {
            s.fault(fault);
            Vec::new()
        }
    };
    s.bind.sockets = places.len();
    options(s, a, TABLE, &format!("bind {text}"));
    if let Some(listeners) = finish(s, places, pos) {
        s.draft().binds.extend(listeners);
    }
}

/// `stats socket <address> [option]...` in `global`.
pub fn stats_socket(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let word = a.need("an address or the path of a unix socket")?;
    s.bind = BindDraft::default();
    let places = match places(s, &word.text, word.pos, "stats socket", false) {
        Ok(places) => places,
        Err(fault) => {
            s.fault(fault);
            Vec::new()
        }
    };
    s.bind.sockets = places.len();
    options(s, a, TABLE, "stats socket");
    let level = s.bind.level.unwrap_or(CliLevel::Operator);
    if let Some(listeners) = finish(s, places, word.pos) {
        s.sockets.extend(listeners.into_iter().map(|(l, _)| Listener { audience: Audience::Cli(level), ..l }));
    }
    Ok(())
}

/// One listener for each place, when the options allow it.
fn finish(s: &mut State, places: Vec<(Place, String)>, pos: Pos) -> Option<Vec<(Listener, Pos)>> {
    if let Some(ssl) = s.bind.ssl {
        s.fault(Fault::new(ssl, TLS).hint("put a TLS terminator in front, or remove 'ssl' from this line"));
        return None;
    }
    if let Some(tls) = s.bind.tls {
        s.diags.warning(tls, "TLS options have no effect without 'ssl'");
    }
    if s.bind.listener.id != 0 && places.len() > 1 {
        s.fault(Fault::new(s.bind.id_pos, "'id': a number cannot be given to several sockets at once"));
        return None;
    }
    let origin = s.origin(pos);
    let draft = &s.bind.listener;
    let make =
        |(place, shown): (Place, String)| (Listener { place, shown, origin: origin.clone(), ..draft.clone() }, pos);
    Some(places.into_iter().map(make).collect())
}

/// Where to listen, and each place as it is shown.
fn places(s: &State, text: &str, pos: Pos, name: &str, prefixed: bool) -> Result<Vec<(Place, String)>, Fault> {
    let mut out = Vec::new();
    for part in text.split(',') {
        if part.is_empty() && text.len() > 1 {
            continue;
        }
        match address::parse(part, pos, name)? {
            Written::Inet(at) => inet(s, &at, part, pos, name, &mut out)?,
            Written::Unix(path) => {
                let path = if prefixed { format!("{}{path}", s.global.unix_bind.prefix) } else { path };
                let limit = 100;
                if path.len() > limit {
                    return Err(Fault::new(pos, format!("'{name}': the path '{path}' is longer than {limit} bytes")));
                }
                out.push((Place::At(Target::Unix(path.clone())), path));
            }
            Written::Abstract(n) => out.push((Place::At(Target::Abstract(n)), part.to_owned())),
            Written::Fd(fd) => out.push((Place::Inherited(fd), part.to_owned())),
        }
    }
    Ok(out)
}

fn inet(
    s: &State,
    at: &HostPort,
    part: &str,
    pos: Pos,
    name: &str,
    out: &mut Vec<(Place, String)>,
) -> Result<(), Fault> {
    let (first, last) = match at.port {
        Port::Range(first, last) if first > 0 => (first, last),
        Port::Range(..) => return Err(Fault::new(pos, format!("'{name}': invalid port 0 in '{part}'"))),
        Port::Absent => return Err(Fault::new(pos, format!("'{name}': missing port specification in '{part}'"))),
        Port::Offset(_) => {
            return Err(Fault::new(pos, format!("'{name}': port offset not permitted here in '{part}'")));
        }
    };
    let addr = Addr::from(at.socket(s.resolver, pos, name)?);
    for port in first..=last {
        let addr = addr.with_port(port);
        let shown = match at.host.as_str() {
            "" | "*" => format!("*:{port}"),
            _ => Target::Inet(addr).to_string(),
        };
        out.push((Place::At(Target::Inet(addr)), shown));
    }
    Ok(())
}
