//! Actions that say who the client is and where it connected to: what samples, logs, `forwardfor`, `balance source`, PROXY headers and
//! servers at `0.0.0.0` see from then on.

use super::flow::castable;
use super::{Action, ActionRow, Family, Parts, Stage, Verdict, row};
use crate::pattern::{Kind, Value};
use crate::sample::{Compiler, Expr, needs};
use crate::sys::Addr;
use crate::util::words::{Args, Fault};
use std::net::SocketAddr;

const WHERE: u32 =
    Family::TcpConnection.bit() | Family::TcpSession.bit() | Family::TcpRequest.bit() | Family::HttpRequest.bit();

/// The address that is changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Source,
    Destination,
}

/// `set-src`, `set-dst`: the port stays. Without a value nothing is changed.
struct SetAddress(End, Expr);

/// `set-src-port`, `set-dst-port`: the address stays; one that has no port becomes 0.0.0.0.
struct SetPort(End, Expr);

impl End {
    fn get(self, stage: &Stage) -> Addr {
        if self == End::Source { stage.flow.client } else { stage.flow.destination }
    }

    fn set(self, stage: &mut Stage, addr: Addr) {
        if self == End::Source { stage.set_client(addr) } else { stage.set_destination(addr) }
    }
}

impl Action for SetAddress {
    fn run(&self, stage: &mut Stage) -> Verdict {
        if let Some(Value::Ip(ip)) = stage.value(&self.1, Kind::Ip) {
            let port = self.0.get(stage).port();
            self.0.set(stage, SocketAddr::new(ip, port).into());
        }
        Verdict::Continue
    }

    fn parts(&self) -> Parts<'_> {
        Parts { exprs: vec![&self.1], ..Parts::default() }
    }
}

impl Action for SetPort {
    fn run(&self, stage: &mut Stage) -> Verdict {
        if let Some(Value::Int(port)) = stage.value(&self.1, Kind::Int) {
            let port = port as u16;
            let addr = match self.0.get(stage) {
                Addr::None | Addr::Unix => Addr::V4([0; 4], port),
                addr => addr.with_port(port),
            };
            self.0.set(stage, addr);
        }
        Verdict::Continue
    }

    fn parts(&self) -> Parts<'_> {
        Parts { exprs: vec![&self.1], ..Parts::default() }
    }
}

fn part(cc: &mut Compiler, args: &mut Args, end: End, kind: Kind) -> Result<Expr, Fault> {
    if end == End::Destination {
        cc.needs |= needs::DESTINATION; // the other part of it stays
    }
    castable(cc, args, kind)
}

fn address(cc: &mut Compiler, args: &mut Args, end: End) -> Result<Box<dyn Action>, Fault> {
    Ok(Box::new(SetAddress(end, part(cc, args, end, Kind::Ip)?)))
}

fn port(cc: &mut Compiler, args: &mut Args, end: End) -> Result<Box<dyn Action>, Fault> {
    Ok(Box::new(SetPort(end, part(cc, args, end, Kind::Int)?)))
}

/// Sorted by name.
pub static TABLE: &[ActionRow] = &[
    row(
        "set-dst",
        "<expression>",
        WHERE,
        "1.6",
        "The address that the client is taken to have connected to.",
        |cc, a| address(cc, a, End::Destination),
    ),
    row("set-dst-port", "<expression>", WHERE, "1.6", "The port of that address.", |cc, a| {
        port(cc, a, End::Destination)
    }),
    row("set-src", "<expression>", WHERE, "1.6", "The address that the client is taken to have.", |cc, a| {
        address(cc, a, End::Source)
    }),
    row("set-src-port", "<expression>", WHERE, "1.6", "The port of that address.", |cc, a| port(cc, a, End::Source)),
];
