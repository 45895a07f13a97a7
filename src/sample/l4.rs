//! Fetches of the connections (manual 7.3.3).

use super::needs::{ADDRESSES, CLIENT, DESTINATION, SERVER};
use super::{Fetch, Got, fetch};
use crate::pattern::{Kind, Value};
use crate::sys::Addr;
use std::net::IpAddr;

/// Both ends of the client's connection.
const ENDS: u32 = CLIENT | ADDRESSES;

/// The address itself.
pub fn ip(addr: Addr) -> Got<'static> {
    // An IPv4 client of an IPv6 socket is an IPv4 client.
    addr.ip().map(|ip| Value::Ip(ip.to_canonical())).into()
}

/// Its port, if it has one.
pub fn port(addr: Addr) -> Got<'static> {
    if addr.port() > 0 { Got::int(addr.port()) } else { Got::Nothing }
}

fn is_local(addr: Addr) -> Got<'static> {
    match addr.ip().map(|ip| ip.to_canonical()) {
        Some(IpAddr::V4(ip)) => Got::bool(ip.is_loopback()),
        Some(IpAddr::V6(ip)) => Got::bool(ip.is_loopback()),
        None => Got::Nothing,
    }
}

/// Sorted by name.
pub static TABLE: &[Fetch] = &[
    fetch("bc_dst", "", Kind::Ip, SERVER, "2.6", "Address of the server.", |s, _, _, _| ip(s.flow.server_addr)),
    fetch("bc_dst_port", "", Kind::Int, SERVER, "2.6", "Port of the server.", |s, _, _, _| port(s.flow.server_addr)),
    fetch("dst", "", Kind::Ip, ENDS | DESTINATION, "1.3", "Address that the client connected to.", |s, _, _, _| {
        ip(s.flow.destination)
    }),
    fetch("dst_conn", "", Kind::Int, CLIENT, "1.3", "Connections of the listener's frontend now.", |s, _, _, _| {
        Got::int(s.live.count(super::Count::FrontConnections, s.flow.frontend))
    }),
    fetch("dst_is_local", "", Kind::Bool, ENDS | DESTINATION, "1.6", "That address is this host's.", |s, _, _, _| {
        is_local(s.flow.destination)
    }),
    fetch("dst_port", "", Kind::Int, ENDS | DESTINATION, "1.3", "Port that the client connected to.", |s, _, _, _| {
        port(s.flow.destination)
    }),
    fetch(
        "fc_dst",
        "",
        Kind::Ip,
        ENDS | DESTINATION,
        "2.6",
        "As dst, before set-dst of messages and bytes.",
        |s, _, _, _| ip(s.flow.local),
    ),
    fetch("fc_dst_is_local", "", Kind::Bool, ENDS | DESTINATION, "2.6", "As dst_is_local, of fc_dst.", |s, _, _, _| {
        is_local(s.flow.local)
    }),
    fetch("fc_dst_port", "", Kind::Int, ENDS | DESTINATION, "2.6", "As dst_port, of fc_dst.", |s, _, _, _| {
        port(s.flow.local)
    }),
    fetch("fc_src", "", Kind::Ip, ENDS, "2.6", "As src, before set-src of messages and bytes.", |s, _, _, _| {
        ip(s.flow.peer)
    }),
    fetch("fc_src_is_local", "", Kind::Bool, ENDS, "2.6", "As src_is_local, of fc_src.", |s, _, _, _| {
        is_local(s.flow.peer)
    }),
    fetch("fc_src_port", "", Kind::Int, ENDS, "2.6", "As src_port, of fc_src.", |s, _, _, _| port(s.flow.peer)),
    fetch("so_id", "", Kind::Int, ENDS, "1.3", "Number of the listening socket.", |s, _, _, _| {
        Got::int(s.config.listeners[s.flow.listener].id)
    }),
    fetch("so_name", "", Kind::Str, ENDS, "2.2", "Name of the listening socket.", |s, _, _, _| {
        Got::Value(Value::Str(s.config.listeners[s.flow.listener].name.as_bytes()))
    }),
    fetch("src", "", Kind::Ip, ENDS, "1.3", "Address of the client.", |s, _, _, _| ip(s.flow.client)),
    fetch("src_is_local", "", Kind::Bool, ENDS, "1.6", "The client is on this host.", |s, _, _, _| {
        is_local(s.flow.client)
    }),
    fetch("src_port", "", Kind::Int, ENDS, "1.3", "Port of the client.", |s, _, _, _| port(s.flow.client)),
    fetch(
        "ssl_fc",
        "",
        Kind::Bool,
        CLIENT,
        "1.5",
        "The client's connection is encrypted: never here.",
        |_, _, _, _| Got::bool(false),
    ),
];
