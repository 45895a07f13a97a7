//! What is looked at and compared: a value with its type, borrowed from where it stands.

use crate::util::fmt::Out;
use crate::util::scratch::Scratch;
use std::net::{IpAddr, Ipv4Addr};

/// The type of a value (manual 7.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Known only when it is there (variables).
    Any,
    Bool,
    Int,
    Ip,
    Str,
    Bin,
    Method,
}

impl Kind {
    /// HAProxy's name.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Any => "any",
            Kind::Bool => "boolean",
            Kind::Int => "integer",
            Kind::Ip => "ip",
            Kind::Str => "string",
            Kind::Bin => "binary",
            Kind::Method => "method",
        }
    }

    /// True when a value of this type can be made one of type `to` (it may still fail: a text that is no number).
    pub fn casts_to(self, to: Kind) -> bool {
        use Kind::{Any, Bin, Bool, Int, Ip, Method, Str};
        match (self, to) {
            (Any, _) | (_, Any) => true,
            (a, b) if a == b => true,
            (Bool, Int) | (Int, Bool) | (Ip, Int) | (Int, Ip) | (Str, _) | (_, Str) => true,
            (Bin, Method) | (Method | Ip | Int | Bool, Bin) => true,
            _ => false,
        }
    }
}

/// A value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Value<'a> {
    Bool(bool),
    Int(i64),
    Ip(IpAddr),
    Str(&'a [u8]),
    Bin(&'a [u8]),
    Method(&'a [u8]),
}

impl<'a> Value<'a> {
    /// Its type.
    pub fn kind(&self) -> Kind {
        match self {
            Value::Bool(_) => Kind::Bool,
            Value::Int(_) => Kind::Int,
            Value::Ip(_) => Kind::Ip,
            Value::Str(_) => Kind::Str,
            Value::Bin(_) => Kind::Bin,
            Value::Method(_) => Kind::Method,
        }
    }

    /// Bytes as a text, a method or what they are.
    pub fn of_bytes(kind: Kind, bytes: &'a [u8]) -> Value<'a> {
        match kind {
            Kind::Bin => Value::Bin(bytes),
            Kind::Method => Value::Method(bytes),
            _ => Value::Str(bytes),
        }
    }

    /// The same, if it borrows nothing.
    pub fn detached(&self) -> Option<Value<'static>> {
        match *self {
            Value::Bool(b) => Some(Value::Bool(b)),
            Value::Int(n) => Some(Value::Int(n)),
            Value::Ip(ip) => Some(Value::Ip(ip)),
            Value::Str(_) | Value::Bin(_) | Value::Method(_) => None,
        }
    }

    /// The same in the scratch room; none when there is no space for it.
    pub fn copied<'b>(&self, scratch: &mut Scratch<'b>) -> Option<Value<'b>> {
        match *self {
            Value::Str(s) | Value::Bin(s) | Value::Method(s) => Some(Value::of_bytes(self.kind(), scratch.copy(s)?)),
            _ => self.detached(),
        }
    }

    /// As a truth value: a number other than 0.
    pub fn truth(&self) -> bool {
        match self {
            Value::Bool(b) => *b,
            Value::Int(n) => *n != 0,
            Value::Str(s) => number(s).is_some_and(|n| n != 0),
            Value::Ip(_) | Value::Bin(_) | Value::Method(_) => true,
        }
    }

    /// As a number.
    pub fn int(&self) -> Option<i64> {
        match self {
            Value::Bool(b) => Some((*b).into()),
            Value::Int(n) => Some(*n),
            Value::Ip(IpAddr::V4(ip)) => Some(u32::from(*ip).into()),
            Value::Ip(IpAddr::V6(_)) | Value::Bin(_) | Value::Method(_) => None,
            Value::Str(s) => number(s),
        }
    }

    /// As an address.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Value::Ip(ip) => Some(*ip),
            Value::Int(n) => Some(IpAddr::V4(Ipv4Addr::from(*n as u32))),
            Value::Str(s) => address(s),
            Value::Bool(_) | Value::Bin(_) | Value::Method(_) => None,
        }
    }

    /// As text: numbers in decimal, bytes as they are. None when there is no room.
    pub fn text(&self, scratch: &mut Scratch<'a>) -> Option<&'a [u8]> {
        match self {
            Value::Str(s) | Value::Method(s) | Value::Bin(s) => Some(s),
            other => scratch.write(|out| other.write(out)),
        }
    }

    /// As bytes. None when there is no room.
    pub fn bytes(&self, scratch: &mut Scratch<'a>) -> Option<&'a [u8]> {
        match self {
            Value::Bin(b) => Some(b),
            Value::Ip(IpAddr::V4(ip)) => scratch.write(|out| out.put(&ip.octets())),
            Value::Ip(IpAddr::V6(ip)) => scratch.write(|out| out.put(&ip.octets())),
            Value::Int(n) => scratch.write(|out| out.put(&n.to_be_bytes())),
            Value::Bool(b) => scratch.write(|out| out.put(&i64::from(*b).to_be_bytes())),
            other => other.text(scratch),
        }
    }

    /// Made one of type `to`. None when that is not possible.
    pub fn cast(self, to: Kind, scratch: &mut Scratch<'a>) -> Option<Value<'a>> {
        Some(match to {
            Kind::Any => self,
            k if k == self.kind() => self,
            Kind::Bool => Value::Bool(if let Value::Str(s) = self { number(s)? != 0 } else { self.truth() }),
            Kind::Int => Value::Int(self.int()?),
            Kind::Ip => Value::Ip(self.ip()?),
            Kind::Str => Value::Str(self.text(scratch)?),
            Kind::Bin => Value::Bin(self.bytes(scratch)?),
            Kind::Method => Value::Method(self.text(scratch)?),
        })
    }

    /// Appends it as text.
    pub fn write(&self, out: &mut Out) {
        match self {
            Value::Str(s) | Value::Method(s) | Value::Bin(s) => out.put(s),
            Value::Bool(b) => out.byte(b'0' + u8::from(*b)),
            Value::Int(n) => out.int(*n),
            Value::Ip(ip) => out.ip(*ip),
        }
    }
}

/// The address that a text is: IPv6, or IPv4 with decimal groups and perhaps a port behind it.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    let (v4, port) = text.split_once(':').map_or((text, None), |(v4, port)| (v4, Some(port)));
    if !v4.contains('.') {
        return text.parse().ok().filter(IpAddr::is_ipv6);
    }
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let mut groups = v4.split('.').map(|g| g.parse::<u8>().ok().filter(|_| digits(g) && g.len() <= 3));
    let mut next = || groups.next().flatten();
    let octets = [next()?, next()?, next()?, next()?];
    let whole = groups.next().is_none() && port.is_none_or(|p| digits(p) && p.parse::<u16>().is_ok());
    whole.then(|| IpAddr::from(octets))
}

/// The number that a text begins with: 0 when there is none, nothing when there is no text.
fn number(text: &[u8]) -> Option<i64> {
    if text.is_empty() {
        return None;
    }
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let count = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    let step = |n: i64, d: &u8| n.saturating_mul(10).saturating_sub(i64::from(d - b'0'));
    let n = digits[..count].iter().fold(0, step);
    Some(if negative { n } else { n.checked_neg().unwrap_or(i64::MAX) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_others() {
        let mut space = [0; 256];
        let mut s = Scratch::new(&mut space);
        let ip: IpAddr = "10.0.0.1".parse().unwrap();
        for (from, to, want) in [
            (Value::Str(b"12x"), Kind::Int, Some(Value::Int(12))),
            (Value::Str(b"x"), Kind::Int, Some(Value::Int(0))),
            (Value::Str(b""), Kind::Int, None),
            (Value::Str(b"-9223372036854775809"), Kind::Int, Some(Value::Int(i64::MIN))),
            (Value::Str(b"9223372036854775808"), Kind::Int, Some(Value::Int(i64::MAX))),
            (Value::Str(b"10.0.0.1"), Kind::Ip, Some(Value::Ip(ip))),
            (Value::Ip(ip), Kind::Int, Some(Value::Int(0x0a00_0001))),
            (Value::Ip(ip), Kind::Str, Some(Value::Str(b"10.0.0.1"))),
            (Value::Ip(ip), Kind::Bin, Some(Value::Bin(&[10, 0, 0, 1]))),
            (Value::Bin(&[1, 0xab]), Kind::Str, Some(Value::Str(&[1, 0xab]))),
            (Value::Bool(true), Kind::Bin, Some(Value::Bin(&[0, 0, 0, 0, 0, 0, 0, 1]))),
            (Value::Str(b""), Kind::Bool, None),
            (Value::Bool(true), Kind::Str, Some(Value::Str(b"1"))),
            (Value::Int(0), Kind::Bool, Some(Value::Bool(false))),
            (Value::Method(b"GET"), Kind::Str, Some(Value::Str(b"GET"))),
        ] {
            assert!(from.kind().casts_to(to));
            assert_eq!(from.cast(to, &mut s), want, "{from:?} to {to:?}");
        }
    }
}
