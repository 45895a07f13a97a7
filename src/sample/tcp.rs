//! Fetches of the client's connection itself: what the kernel measured, what a PROXY header told (manual 7.3.3).

use super::needs::{CLIENT, SERVER, SOURCE, TCP_INFO};
use super::{Arg, Fetch, Got, Scene, fetch, l4};
use crate::pattern::{Kind, Value};
use crate::sys::TcpInfo;

/// One of the kernel's numbers.
fn measured(s: &Scene, part: fn(&TcpInfo) -> u32) -> Got<'static> {
    s.flow.tcp.as_ref().map(|info| Value::Int(part(info).into())).into()
}

/// A time, which the kernel gives in microseconds, in milliseconds unless `us` is said.
fn time(s: &Scene, a: &[Arg], part: fn(&TcpInfo) -> u32) -> Got<'static> {
    let divisor = if a[0].text() == b"us" { 1 } else { 1000 };
    s.flow.tcp.as_ref().map(|info| Value::Int((part(info) / divisor).into())).into()
}

const INFO: u32 = CLIENT | TCP_INFO;
const UNIT: &str = "unit:us|ms?";

/// Sorted by name.
pub static TABLE: &[Fetch] = &[
    fetch("bc_http_major", "", Kind::Int, SERVER, "2.1", "1: HTTP/1 is spoken to servers.", |s, _, _, _| {
        if s.flow.server.is_some() { Got::int(1) } else { Got::Nothing }
    }),
    fetch("bc_src", "", Kind::Ip, SERVER | SOURCE, "2.6", "Our address towards the server.", |s, _, _, _| {
        l4::ip(s.flow.source)
    }),
    fetch("bc_src_port", "", Kind::Int, SERVER | SOURCE, "2.6", "Our port towards the server.", |s, _, _, _| {
        l4::port(s.flow.source)
    }),
    fetch("fc_fackets", "", Kind::Int, INFO, "1.7", "Segments forward of the last acknowledged one.", |s, _, _, _| {
        measured(s, |i| i.fackets)
    }),
    fetch("fc_http_major", "", Kind::Int, CLIENT, "1.9", "1: HTTP/1 is spoken with clients.", |_, _, _, _| Got::int(1)),
    fetch("fc_lost", "", Kind::Int, INFO, "1.7", "Segments that are taken for lost.", |s, _, _, _| {
        measured(s, |i| i.lost)
    }),
    fetch("fc_rcvd_proxy", "", Kind::Bool, CLIENT, "1.8", "The connection began with a PROXY header.", |s, _, _, _| {
        Got::bool(s.flow.proxied)
    }),
    fetch("fc_reordering", "", Kind::Int, INFO, "1.7", "How much segments change places.", |s, _, _, _| {
        measured(s, |i| i.reordering)
    }),
    fetch("fc_retrans", "", Kind::Int, INFO, "1.7", "Segments sent again and not acknowledged.", |s, _, _, _| {
        measured(s, |i| i.retrans)
    }),
    fetch("fc_rtt", UNIT, Kind::Int, INFO, "1.7", "Round-trip time, ms.", |s, a, _, _| time(s, a, |i| i.rtt_us)),
    fetch("fc_rttvar", UNIT, Kind::Int, INFO, "1.7", "How much it varies, ms.", |s, a, _, _| {
        time(s, a, |i| i.rttvar_us)
    }),
    fetch("fc_sacked", "", Kind::Int, INFO, "1.7", "Segments acknowledged out of order.", |s, _, _, _| {
        measured(s, |i| i.sacked)
    }),
    fetch("fc_unacked", "", Kind::Int, INFO, "1.7", "Segments that were not acknowledged.", |s, _, _, _| {
        measured(s, |i| i.unacked)
    }),
];
