//! `server`, `default-server` and `server-template`: addresses and the life of the line. Their options are in
//! `server_options`.

use super::address::{self, Family, HostPort, Port, Written};
use super::bind::{self, TLS};
use super::server_options::TABLE;
use super::state::{InitAddr, State};
use super::values::check_name;
use crate::model::ProxyHeader;
use crate::sys::{Addr, Target};
use crate::util::words::{Args, Fault, Pos};
use std::net::{IpAddr, Ipv4Addr};

/// Servers that one `server-template` may make.
const MAX_TEMPLATE: u32 = 10_000;

/// `default-server [option]...`
pub fn default_server(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    s.server = s.draft().default_server.clone();
    s.server.is_default = true;
    read_options(s, a, "default-server");
    s.server.is_default = false;
    if let Some(ssl) = s.server.ssl.take() {
        s.fault(Fault::new(ssl, TLS).hint("put a TLS client in front of the servers, or remove 'ssl' from this line"));
    }
    let read = s.server.clone();
    s.draft().default_server = read;
    Ok(())
}

/// `server <name> <address>[:<port>] [option]...`
pub fn server(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let what = "a name and an address";
    let name = a.need(what)?;
    check_name(name, "server name")?;
    let address = a.need(what)?;
    begin(s, a, &address.text, address.pos, name.pos)?;
    s.server.server.name = name.text.clone();
    let line = format!("server {}", name.text);
    read_options(s, a, &line);
    finish(s);
    let read = s.server.clone();
    s.draft().servers.push(read);
    Ok(())
}

/// `server-template <prefix> <n>[-<m>] <address>[:<port>] [option]...`
pub fn template(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let what = "a prefix, a number or range, and an address";
    let prefix = a.need(what)?;
    check_name(prefix, "server name")?;
    let range = a.need(what)?;
    let (first, last) = match range.text.split_once('-') {
        None => (Some(1), range.text.parse::<u32>().ok()),
        Some((low, high)) => (low.parse::<u32>().ok(), high.parse::<u32>().ok()),
    };
    let (first, last) = match (first, last) {
        (Some(first), Some(last)) if last > 0 && first <= last && last - first < MAX_TEMPLATE => (first, last),
        _ => {
            let message = format!("'server-template': '{}' is not a number or a range such as 3 or 1-3", range.text);
            return Err(Fault::new(range.pos, message));
        }
    };
    let address = a.need(what)?;
    begin(s, a, &address.text, address.pos, prefix.pos)?;
    read_options(s, a, &format!("server-template {}", prefix.text));
    finish(s);
    for number in first..=last {
        let mut one = s.server.clone();
        one.server.name = format!("{}{number}", prefix.text);
        if number > first {
            one.server.id = 0;
        }
        s.draft().servers.push(one);
    }
    Ok(())
}

fn begin(s: &mut State, a: &Args, text: &str, pos: Pos, name_pos: Pos) -> Result<(), Fault> {
    let mut draft = s.draft().default_server.clone();
    (draft.pos, draft.addr_pos, draft.name_pos) = (a.first().pos, pos, name_pos);
    draft.server.place = s.origin(a.first().pos);
    match address::parse(text, pos, "server")? {
        Written::Unix(path) => draft.server.target = Target::Unix(path),
        Written::Abstract(name) => draft.server.target = Target::Abstract(name),
        Written::Fd(_) => return Err(Fault::new(pos, "'server': a descriptor is not permitted here")),
        Written::Inet(at) => {
            draft.server.port_offset = match at.port {
                Port::Absent | Port::Range(0, 0) => Some(0),
                Port::Offset(n) => Some(n),
                Port::Range(first, last) if first == last => None,
                Port::Range(..) => {
                    return Err(Fault::new(pos, format!("'server': port range not permitted here in '{text}'")));
                }
            };
            draft.host = Some(at);
        }
    }
    s.server = draft;
    Ok(())
}

fn read_options(s: &mut State, a: &mut Args, line: &str) {
    s.on_server = true;
    bind::options(s, a, TABLE, line);
    s.on_server = false;
}

/// What needs the whole line: TLS, the address, the check.
fn finish(s: &mut State) {
    if let Some(ssl) = s.server.ssl {
        s.fault(Fault::new(ssl, TLS).hint("put a TLS client in front of the server, or remove 'ssl' from this line"));
        return;
    }
    if let Some(tls) = s.server.tls.filter(|t| t.line == s.server.pos.line) {
        s.diags.warning(tls, "TLS options have no effect without 'ssl'");
    }
    if let Some(pos) = s.server.resolvers {
        s.diags.warning(
            pos,
            "run-time resolution is not built yet in this version: the address is resolved at start only",
        );
    }
    if let Some(host) = s.server.host.clone() {
        locate(s, &host);
    }
    if let Err(fault) = check_settings(s) {
        s.fault(fault);
    }
    let draft = &mut s.server;
    if draft.server.minconn > 0 && draft.server.maxconn == 0 {
        // HAProxy takes minconn for a fixed limit then.
        draft.server.maxconn = draft.server.minconn;
    }
    if draft.server.minconn > draft.server.maxconn && draft.server.maxconn > 0 {
        draft.server.maxconn = draft.server.minconn;
        s.diags.warning(s.server.pos, "'maxconn' is below 'minconn': it is raised to it");
    }
}

/// Finds the address as `init-addr` says. A name that is not known keeps the server in maintenance.
fn locate(s: &mut State, host: &HostPort) {
    let port = match host.port {
        Port::Range(first, _) => first,
        _ => 0,
    };
    let set = |s: &mut State, ip: IpAddr| {
        s.server.server.target = Target::Inet(Addr::from(std::net::SocketAddr::new(ip, port)))
    };
    if !host.is_name() {
        match host.ip(s.resolver) {
            Some(ip) => set(s, ip),
            None => s.fault(Fault::new(
                s.server.addr_pos,
                format!("'server': '{}' is not of the family asked for", host.host),
            )),
        }
        return;
    }
    let methods = match s.server.init_addr.is_empty() {
        true => vec![InitAddr::Last, InitAddr::Libc],
        false => s.server.init_addr.clone(),
    };
    for method in methods {
        match method {
            InitAddr::Last => {}
            InitAddr::Ip(ip) => return set(s, ip),
            InitAddr::Libc => {
                if let Some(ip) = look_up(s, host) {
                    return set(s, ip);
                }
                let message =
                    format!("could not resolve the address '{}': the server starts in maintenance", host.host);
                s.diags.warning(s.server.addr_pos, message);
                break;
            }
            InitAddr::None => break,
        }
    }
    set(s, Ipv4Addr::UNSPECIFIED.into());
    s.server.server.disabled = true;
}

/// Each name is asked for once.
fn look_up(s: &mut State, host: &HostPort) -> Option<IpAddr> {
    let family = match host.family {
        Family::Any => 0,
        Family::V4 => 4,
        Family::V6 => 6,
    };
    let key = (host.host.clone(), family);
    if let Some(known) = s.names.get(&key) {
        return *known;
    }
    let found = host.ip(s.resolver);
    s.names.insert(key, found);
    found
}

fn check_settings(s: &mut State) -> Result<(), Fault> {
    let draft = &mut s.server;
    let own_place = draft.settings.port != 0 || draft.check_addr.is_some();
    draft.settings.send_proxy = draft.check_send_proxy || (draft.server.send_proxy != ProxyHeader::None && !own_place);
    let resolver = s.resolver;
    if let Some((at, pos)) = s.server.check_addr.clone() {
        let ip = at
            .ip(resolver)
            .ok_or_else(|| Fault::new(pos, format!("'addr': invalid address or unknown host '{}'", at.host)))?;
        if let (Port::Range(port, _), 0) = (at.port, s.server.settings.port) {
            s.server.settings.port = port;
        }
        s.server.settings.addr = Some(Target::Inet(Addr::from(std::net::SocketAddr::new(ip, s.server.settings.port))));
    }
    let draft = &mut s.server;
    let service = match (&draft.server.target, draft.server.port_offset) {
        (Target::Inet(addr), None) => addr.port(),
        (Target::Inet(_), Some(_)) => 0,
        _ => 1,
    };
    if !draft.check {
        return Ok(());
    }
    if draft.settings.port == 0
        && service == 0
        && !matches!(draft.settings.addr, Some(Target::Unix(_) | Target::Abstract(_)))
    {
        let fault = Fault::new(
            draft.check_pos,
            format!("server '{}' has neither a service port nor a check port", draft.server.name),
        );
        return Err(fault.hint("give the address a port, or add 'port <number>' for the check"));
    }
    if let Some(Target::Inet(addr)) = &mut draft.settings.addr
        && addr.port() == 0
    {
        *addr = addr.with_port(service);
    }
    Ok(())
}

/// What may follow the address of `source`: the interface, if any.
pub fn source_options(a: &mut Args) -> Result<Option<String>, Fault> {
    let mut interface = None;
    loop {
        match a.peek() {
            Some("interface") => {
                a.next();
                interface = Some(a.need("the name of an interface")?.text.clone());
            }
            Some("usesrc") => {
                a.next();
                let pos = a.last_pos();
                a.skip(1);
                return Err(Fault::new(pos, "'usesrc' is not built yet in this version"));
            }
            _ => return Ok(interface),
        }
    }
}
