//! Converters of addresses, and of names of hosts, backends and servers.

use super::{Arg, Converter, Scene, Tools, converter};
use super::{STR, STR_INT, bytes, number};
use crate::model::Proxy;
use crate::pattern::{Kind, Value};
use crate::sample::Count;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Splits `host`, `host:port`, `[address]` or `[address]:port` (RFC 9110 section 7.2); the port is empty when there is
/// none.
fn split_port(text: &[u8]) -> (&[u8], &[u8]) {
    match text.iter().rposition(|b| matches!(b, b':' | b']')) {
        Some(at) if text[at] == b':' => (&text[..at], &text[at + 1..]),
        _ => (text, b""),
    }
}

fn host<'a>(value: Value<'a>, t: &mut Tools<'a, '_>) -> Option<Value<'a>> {
    let copy = t.scratch.copy(split_port(bytes(value)).0)?;
    copy.make_ascii_lowercase();
    Some(Value::Str(copy))
}

fn masked(ip: IpAddr, args: &[Arg]) -> Option<IpAddr> {
    Some(match (ip.to_canonical(), &args[0], &args[1]) {
        (IpAddr::V4(ip), Arg::Ip(IpAddr::V4(mask)), _) => Ipv4Addr::from(u32::from(ip) & u32::from(*mask)).into(),
        (IpAddr::V6(ip), _, Arg::Ip(IpAddr::V6(mask))) => Ipv6Addr::from(u128::from(ip) & u128::from(*mask)).into(),
        _ => return None,
    })
}

fn backend(scene: &Scene, name: &[u8]) -> Option<usize> {
    scene.config.proxies.iter().position(|p: &Proxy| p.is_backend && p.name.as_bytes() == name)
}

/// A server of a backend, or of the one that the session is in.
fn server(scene: &Scene, name: &[u8]) -> Option<usize> {
    let (proxy, name) = match name.iter().position(|b| *b == b'/') {
        Some(at) => (backend(scene, &name[..at])?, &name[at + 1..]),
        None => (scene.flow.backend, name),
    };
    scene.config.proxies[proxy].servers().find(|s| scene.config.servers[*s].name.as_bytes() == name)
}

/// Sorted by name.
pub static TABLE: &[Converter] = &[
    converter("host_only", "", STR, "2.6", "A host without its port, in small letters.", |v, _, _, t| host(v, t)),
    converter(
        "ipmask",
        "mask:mask,mask6:mask6?",
        (Kind::Ip, Kind::Ip),
        "1.4",
        "The network of an address; of IPv6 only with a mask for it.",
        |v, a, _, _| masked(v.ip()?, a).map(Value::Ip),
    ),
    converter("nbsrv", "", STR_INT, "2.3", "Usable servers of the backend of this name.", |v, _, s, _| {
        number(s.live.count(Count::UsableServers, backend(s, bytes(v))?))
    }),
    converter("port_only", "", STR_INT, "2.6", "The port behind a host; 0 = none.", |v, _, _, _| {
        let port = std::str::from_utf8(split_port(bytes(v)).1).ok().and_then(|p| p.parse::<u16>().ok());
        number(port.unwrap_or(0).into())
    }),
    converter(
        "srv_queue",
        "",
        STR_INT,
        "2.4",
        "Sessions in the queue of the server of this name, `backend/server` or of this backend.",
        |v, _, s, _| number(s.live.count(Count::ServerQueued, server(s, bytes(v))?)),
    ),
];
