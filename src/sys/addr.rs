//! Addresses in a fixed, small form, and what a server's address line can name.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The address of one end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum Addr {
    #[default]
    None,
    V4([u8; 4], u16),
    V6([u8; 16], u16),
    /// A unix socket (its path is known to the listener or server).
    Unix,
}

impl Addr {
    /// The port; 0 for unix sockets.
    pub fn port(self) -> u16 {
        match self {
            Addr::V4(_, p) | Addr::V6(_, p) => p,
            _ => 0,
        }
    }

    /// The same host with another port.
    #[must_use]
    pub fn with_port(self, port: u16) -> Addr {
        match self {
            Addr::V4(a, _) => Addr::V4(a, port),
            Addr::V6(a, _) => Addr::V6(a, port),
            other => other,
        }
    }

    /// The same in IPv6; an IPv4 address is mapped.
    #[must_use]
    pub fn as_v6(self) -> Addr {
        match self {
            Addr::V4(a, p) => Addr::V6(Ipv4Addr::from(a).to_ipv6_mapped().octets(), p),
            other => other,
        }
    }

    /// The IP address, if it has one.
    pub fn ip(self) -> Option<IpAddr> {
        match self {
            Addr::V4(a, _) => Some(IpAddr::V4(Ipv4Addr::from(a))),
            Addr::V6(a, _) => Some(IpAddr::V6(Ipv6Addr::from(a))),
            _ => None,
        }
    }

    /// The standard library's form, if it is an IP address.
    pub fn socket_addr(self) -> Option<SocketAddr> {
        self.ip().map(|ip| SocketAddr::new(ip, self.port()))
    }
}

impl From<SocketAddr> for Addr {
    fn from(a: SocketAddr) -> Addr {
        match a.ip() {
            IpAddr::V4(ip) => Addr::V4(ip.octets(), a.port()),
            IpAddr::V6(ip) => Addr::V6(ip.octets(), a.port()),
        }
    }
}

/// The host without the port, as logs and headers show it; "unix" for unix sockets.
impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Addr::None => write!(f, "-"),
            Addr::Unix => write!(f, "unix"),
            Addr::V4(a, _) => write!(f, "{}", Ipv4Addr::from(*a)),
            Addr::V6(a, _) => write!(f, "{}", Ipv6Addr::from(*a)),
        }
    }
}

/// What one can connect to or listen on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// An IP address and port.
    Inet(Addr),
    /// A unix socket by path.
    Unix(String),
    /// A unix socket in Linux' abstract name space.
    Abstract(String),
}

impl Target {
    /// The address to show.
    pub fn addr(&self) -> Addr {
        match self {
            Target::Inet(a) => *a,
            _ => Addr::Unix,
        }
    }
}

/// `127.0.0.1:80`, `[::1]:80`, `unix@/run/x`, `abns@name`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Target::Inet(a) => match a.socket_addr() {
                Some(s) => write!(f, "{s}"),
                None => write!(f, "-"),
            },
            Target::Unix(p) => write!(f, "unix@{p}"),
            Target::Abstract(n) => write!(f, "abns@{n}"),
        }
    }
}
