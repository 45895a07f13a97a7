//! Clients and origins: small state machines that follow a script and check all that they are told.

use crate::client::{Client, Operator, TcpClient};
use crate::kernel::{Ev, Net};
use crate::message::Req;
use crate::origin::Origin;
use evenkeel::model::ProxyHeader;
use evenkeel::sys::Addr;
use std::collections::BTreeMap;

/// A peer.
pub enum Actor {
    /// Its place while it runs.
    Running,
    Client(Box<Client>),
    Tcp(Box<TcpClient>),
    Operator(Operator),
    Origin(Box<Origin>),
}

/// A server as the simulation sees it.
pub struct ServerSpec {
    pub addr: Addr,
    pub http: bool,
    pub header: ProxyHeader,
    /// Times (ms from the start) between which it refuses connections and fails its checks.
    pub down: Vec<(u64, u64)>,
    /// An idle connection is closed by the server after this, ms.
    pub idle_ms: Option<u64>,
}

/// One end of a TCP exchange.
#[derive(Default, Debug, Clone)]
pub struct TcpEnd {
    pub total: usize,
    pub got: usize,
    pub eof: bool,
    pub other: Option<usize>,
}

/// What was seen, for the report.
#[derive(Default, Debug, Clone, Copy)]
pub struct Seen {
    pub requests: u64,
    pub complete: u64,
    pub cut: u64,
    pub refused: u64,
    pub interim: u64,
    pub tunnels: u64,
    pub delivered_twice: u64,
    pub tcp_complete: u64,
    pub evil: u64,
    pub client_aborts: u64,
    pub by_class: [u64; 6],
    pub by_proxy: [u64; 6],
    pub pages: u64,
}

/// What the actors share.
pub struct World {
    pub calm: bool,
    pub reqs: Vec<Req>,
    pub servers: Vec<ServerSpec>,
    pub tcp_clients: Vec<TcpEnd>,
    pub tcp_servers: BTreeMap<usize, TcpEnd>,
    pub seen: Seen,
    /// Clients whose script is not over.
    pub clients_left: usize,
    pub max_deliveries: u32,
}

impl World {
    pub fn origin_at(&self, addr: Addr) -> Option<usize> {
        self.servers.iter().position(|s| s.addr == addr)
    }

    pub fn origin_down(&self, server: usize, at: u64) -> bool {
        self.servers[server].down.iter().any(|d| (d.0..d.1).contains(&at))
    }
}

impl Actor {
    pub fn origin(net: &mut Net, world: &World, server: usize, link: usize) -> Actor {
        Actor::Origin(Box::new(Origin::new(net, world, server, link)))
    }

    /// Something happened to it.
    pub fn run(&mut self, me: usize, net: &mut Net, world: &mut World) {
        match self {
            Actor::Running => {}
            Actor::Client(c) => c.run(me, net, world),
            Actor::Tcp(c) => c.run(me, net, world),
            Actor::Operator(o) => o.run(me, net, world),
            Actor::Origin(o) => o.run(me, net, world),
        }
    }

    /// For a report.
    pub fn describe(&self) -> Option<String> {
        match self {
            Actor::Client(c) if !c.over => Some(c.describe()),
            Actor::Tcp(c) if !c.over => Some(c.describe()),
            Actor::Operator(o) if !o.over => Some("operator".into()),
            Actor::Origin(o) if !o.over => Some(o.describe()),
            _ => None,
        }
    }
}

/// Sends in pieces with pauses.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub piece: usize,
    pub gap: u64,
    pub next: u64,
}

impl Pace {
    /// How much may go now; 0 = later (an event is filed).
    pub fn allow(&mut self, net: &mut Net, me: usize) -> usize {
        if self.gap == 0 {
            return usize::MAX;
        }
        if net.now < self.next {
            return 0;
        }
        self.next = net.now + self.gap;
        net.at(self.gap, Ev::Actor(me));
        self.piece
    }

    /// True when it has to wait.
    pub fn waits(&self, net: &Net) -> bool {
        self.gap > 0 && net.now < self.next
    }
}
