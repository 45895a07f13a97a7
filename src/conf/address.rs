//! Addresses as `bind`, `server`, `source`, `log` and the like write them (HAProxy's manual, section 11 and `bind`).

use super::state::Resolver;
use crate::sys::{Addr, Target};
use crate::util::words::{Fault, Pos};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

/// Which addresses a name may stand for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Family {
    #[default]
    Any,
    V4,
    V6,
}

/// The port part of an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Port {
    Absent,
    /// First and last, the same for a single port.
    Range(u16, u16),
    /// `+N` or `-N`
    Offset(i32),
}

/// Host and port as written, the host not yet resolved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostPort {
    pub host: String,
    pub family: Family,
    pub port: Port,
}

/// An address by its form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Written {
    Inet(HostPort),
    Unix(String),
    Abstract(String),
    Fd(i32),
}

/// Prefixes that are HAProxy's but of things not built.
const FOREIGN: &[&str] =
    &["quic4@", "quic6@", "sockpair@", "ring@", "rhttp@", "mptcp@", "mptcp4@", "mptcp6@", "abnsz@", "uxdg@", "uxst@"];

/// How the error of a name that does not resolve reads.
pub const UNKNOWN_HOST: &str = "unknown host";

/// Takes an address apart. `name` is the keyword, for messages.
pub fn parse(text: &str, pos: Pos, name: &str) -> Result<Written, Fault> {
    let fail = |message: String| Fault::new(pos, format!("'{name}': {message}"));
    let mut rest = text;
    if name != "log" && ["dgram+", "udp@", "udp4@", "udp6@"].iter().any(|p| text.starts_with(p)) {
        return Err(fail(format!("datagram addresses are not possible here ('{text}')")));
    }
    for kind in ["stream+", "dgram+", "tcp@", "udp@"] {
        rest = rest.strip_prefix(kind).unwrap_or(rest);
    }
    if let Some(prefix) = FOREIGN.iter().find(|p| rest.starts_with(**p)) {
        return Err(fail(format!("addresses of type '{prefix}' are not built yet in this version")));
    }
    let mut family = Family::Any;
    for (prefix, wanted) in [
        ("ipv4@", Family::V4),
        ("ipv6@", Family::V6),
        ("tcp4@", Family::V4),
        ("tcp6@", Family::V6),
        ("udp4@", Family::V4),
        ("udp6@", Family::V6),
        ("ip@", Family::Any),
    ] {
        if let Some(after) = rest.strip_prefix(prefix) {
            (rest, family) = (after, wanted);
            return host_port(rest, family, text, &fail).map(Written::Inet);
        }
    }
    if let Some(path) = rest.strip_prefix("unix@").or_else(|| rest.starts_with('/').then_some(rest)) {
        return if path.is_empty() {
            Err(fail("the path is missing after 'unix@'".into()))
        } else {
            Ok(Written::Unix(path.into()))
        };
    }
    if let Some(abstract_name) = rest.strip_prefix("abns@") {
        return Ok(Written::Abstract(abstract_name.into()));
    }
    if let Some(number) = rest.strip_prefix("fd@") {
        return match number.parse::<i32>() {
            Ok(fd) if fd >= 0 => Ok(Written::Fd(fd)),
            _ => Err(fail(format!("'{number}' is not a file descriptor"))),
        };
    }
    host_port(rest, family, text, &fail).map(Written::Inet)
}

fn host_port(rest: &str, family: Family, text: &str, fail: &dyn Fn(String) -> Fault) -> Result<HostPort, Fault> {
    if text.is_empty() {
        return Err(fail("the address is empty (is an environment variable missing?)".into()));
    }
    let (host, port) = match rest.rfind(':') {
        Some(at) if !(rest.starts_with('[') && rest[at..].contains(']')) => (&rest[..at], &rest[at + 1..]),
        _ => (rest, ""),
    };
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    if rest.starts_with("[]") {
        return Err(fail(format!("invalid address '[]' in '{text}'")));
    }
    Ok(HostPort { host: host.into(), family, port: port_of(port, text, fail)? })
}

fn port_of(port: &str, text: &str, fail: &dyn Fn(String) -> Fault) -> Result<Port, Fault> {
    let one = |digits: &str| -> Result<u16, Fault> {
        if let Some(bad) = digits.chars().find(|c| !c.is_ascii_digit()) {
            return Err(fail(format!("invalid character '{bad}' in port number '{port}' in '{text}'")));
        }
        digits.parse::<u16>().map_err(|_| fail(format!("invalid port '{port}' in '{text}'")))
    };
    if port.is_empty() {
        return Ok(Port::Absent);
    }
    if let Some(offset) = port.strip_prefix('+') {
        return one(offset).map(|n| Port::Offset(n.into()));
    }
    if let Some(offset) = port.strip_prefix('-') {
        return one(offset).map(|n| Port::Offset(-i32::from(n)));
    }
    let (first, last) = port.split_once('-').unwrap_or((port, port));
    let (first, last) = (one(first)?, one(last)?);
    if first > last {
        return Err(fail(format!("invalid port range '{port}' in '{text}'")));
    }
    Ok(Port::Range(first, last))
}

impl HostPort {
    /// True for an address that stands for any.
    pub fn is_wildcard(&self) -> bool {
        matches!(self.host.as_str(), "" | "*" | "0.0.0.0" | "::")
    }

    /// True when the host has to be looked up.
    pub fn is_name(&self) -> bool {
        !self.is_wildcard() && self.host.parse::<IpAddr>().is_err()
    }

    fn may_be_name(&self) -> bool {
        self.host.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c))
    }

    /// The address of the host, none if the name is not known.
    pub fn ip(&self, resolver: Resolver) -> Option<IpAddr> {
        let any_v6 = self.family == Family::V6 || self.host == "::";
        if self.is_wildcard() {
            return Some(if any_v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() });
        }
        match self.host.parse::<IpAddr>() {
            Ok(ip) if ip.is_ipv4() && self.family == Family::V6 => None,
            Ok(ip) if ip.is_ipv6() && self.family == Family::V4 => None,
            Ok(ip) => Some(ip),
            // A host name has no bytes that an address has; asking for one is slow and pointless.
            Err(_) if !self.may_be_name() => None,
            Err(_) => resolver(&self.host, self.family),
        }
    }

    /// The address with its (first) port, or an error for an unknown name.
    pub fn socket(&self, resolver: Resolver, pos: Pos, name: &str) -> Result<SocketAddr, Fault> {
        let port = if let Port::Range(first, _) = self.port { first } else { 0 };
        match self.ip(resolver) {
            Some(ip) => Ok(SocketAddr::new(ip, port)),
            None => {
                let what = if self.is_name() && self.may_be_name() { UNKNOWN_HOST } else { "invalid address" };
                Err(Fault::new(pos, format!("'{name}': {what} '{}'", self.host)))
            }
        }
    }
}

/// Asks the system's resolver.
pub fn system_resolver(name: &str, family: Family) -> Option<IpAddr> {
    let fits = |a: &SocketAddr| match family {
        Family::Any => true,
        Family::V4 => a.is_ipv4(),
        Family::V6 => a.is_ipv6(),
    };
    (name, 0).to_socket_addrs().ok()?.find(fits).map(|a| a.ip())
}

/// An address to connect to that needs a fixed port or a path: `dispatch`, `addr`.
pub fn target(text: &str, pos: Pos, name: &str, resolver: Resolver) -> Result<Target, Fault> {
    match parse(text, pos, name)? {
        Written::Inet(at) => match at.port {
            Port::Range(first, last) if first == last && first > 0 => {
                at.socket(resolver, pos, name).map(|a| Target::Inet(Addr::from(a)))
            }
            Port::Absent => Err(Fault::new(pos, format!("'{name}': missing port specification in '{text}'"))),
            _ => Err(Fault::new(pos, format!("'{name}': a single port from 1 to 65535 is needed in '{text}'"))),
        },
        Written::Unix(path) => Ok(Target::Unix(path)),
        Written::Abstract(abstract_name) => Ok(Target::Abstract(abstract_name)),
        Written::Fd(_) => Err(Fault::new(pos, format!("'{name}': a descriptor is not permitted here"))),
    }
}

/// `source`: an IP address with an optional single port.
pub fn source(text: &str, pos: Pos, name: &str, resolver: Resolver) -> Result<Addr, Fault> {
    let Written::Inet(at) = parse(text, pos, name)? else {
        return Err(Fault::new(pos, format!("'{name}' expects an IP address, got '{text}'")));
    };
    match at.port {
        Port::Range(first, last) if first != last => {
            Err(Fault::new(pos, format!("'{name}': port ranges are not built yet in this version ('{text}')")))
        }
        Port::Offset(_) => Err(Fault::new(pos, format!("'{name}': port offset not permitted here in '{text}'"))),
        _ => at.socket(resolver, pos, name).map(Addr::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inet(text: &str) -> (String, Family, Port) {
        match parse(text, Pos::default(), "bind") {
            Ok(Written::Inet(h)) => (h.host, h.family, h.port),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn forms() {
        let any = Family::Any;
        for (text, want) in [
            (":80", ("", any, Port::Range(80, 80))),
            ("*:80", ("*", any, Port::Range(80, 80))),
            ("*", ("*", any, Port::Absent)),
            ("1.2.3.4", ("1.2.3.4", any, Port::Absent)),
            ("1.2.3.4:8000-8010", ("1.2.3.4", any, Port::Range(8000, 8010))),
            ("[::1]:80", ("::1", any, Port::Range(80, 80))),
            ("[::1]", ("::1", any, Port::Absent)),
            ("::1:80", ("::1", any, Port::Range(80, 80))),
            (":::80", ("::", any, Port::Range(80, 80))),
            ("ipv6@:80", ("", Family::V6, Port::Range(80, 80))),
            ("ipv4@a.b:+80", ("a.b", Family::V4, Port::Offset(80))),
            ("a.b:-80", ("a.b", any, Port::Offset(-80))),
        ] {
            let (host, family, port) = inet(text);
            assert_eq!((host.as_str(), family, port), want, "{text}");
        }
        let parsed = |t| parse(t, Pos::default(), "bind");
        assert_eq!(parsed("/run/x").unwrap(), Written::Unix("/run/x".into()));
        assert_eq!(parsed("unix@run/x").unwrap(), Written::Unix("run/x".into()));
        assert_eq!(parsed("abns@x").unwrap(), Written::Abstract("x".into()));
        assert_eq!(parsed("fd@7").unwrap(), Written::Fd(7));
        for bad in ["", ":x", ":70000", ":80-70", "fd@x", "fd@-1", "quic4@:443", "unix@", "[]:80", ":+x"] {
            assert!(parsed(bad).is_err(), "{bad}");
        }
    }
}
