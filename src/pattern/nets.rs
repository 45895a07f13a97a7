//! Networks by prefix, IPv4 and IPv6: nested or apart, never across each other, so that one binary search finds the smallest.

use super::{Hit, Wrong};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// No network around this one.
const NONE: u32 = u32::MAX;

/// What the weight of a network is above that of all networks of the other family.
const OWN_FAMILY: usize = 256;

/// Networks that are looked at one by one rather than searched for.
const FEW: usize = 8;

/// A network.
#[derive(Clone, Copy)]
pub struct Net {
    /// First address; IPv4 as `::ffff:a.b.c.d`.
    first: u128,
    /// Bits of the prefix, of 128.
    bits: u8,
    v4: bool,
}

impl Net {
    pub fn new((ip, bits): (IpAddr, u8)) -> Net {
        let v4 = ip.is_ipv4();
        let (ip, bits) = match ip {
            IpAddr::V4(v4) => (u128::from(v4.to_ipv6_mapped()), bits + 96),
            IpAddr::V6(v6) => (u128::from(v6), bits),
        };
        let mask = if bits == 0 { 0 } else { u128::MAX << (128 - u32::from(bits)) };
        Net { first: ip & mask, bits, v4 }
    }

    fn holds(&self, ip: u128) -> bool {
        self.bits == 0 || (self.first ^ ip) >> (128 - u32::from(self.bits)) == 0
    }

    /// How specific it is for an address in it: networks of the address' own family before those of the other one.
    pub fn weight(&self, ip: &Wide) -> Option<usize> {
        let held = self.holds(ip.seen_by(self.v4)?);
        held.then(|| usize::from(self.bits) + if self.v4 == ip.is_v4 { OWN_FAMILY } else { 0 })
    }
}

/// An address as networks hold it.
pub struct Wide {
    is_v4: bool,
    ip: u128,
    /// It, or the one of IPv4 that it stands for.
    v4: Option<u128>,
}

impl Wide {
    pub fn new(ip: IpAddr) -> Wide {
        let mapped = |ip: Ipv4Addr| u128::from(ip.to_ipv6_mapped());
        match ip {
            IpAddr::V4(ip) => Wide { is_v4: true, ip: mapped(ip), v4: Some(mapped(ip)) },
            IpAddr::V6(ip) => Wide { is_v4: false, ip: u128::from(ip), v4: embedded(ip).map(mapped) },
        }
    }

    /// As networks of a family see it.
    fn seen_by(&self, v4: bool) -> Option<u128> {
        if v4 { self.v4 } else { Some(self.ip) }
    }
}

/// A network among others.
#[derive(Clone, Copy)]
struct Member {
    net: Net,
    number: u32,
    /// The smallest network around it.
    around: u32,
}

/// A set of networks.
pub struct Nets {
    /// By first address, larger networks first.
    list: Vec<Member>,
}

/// `10.12` is 10.0.0.12: groups that are left out are 0, and stand before the last one (manual 7.1.6).
fn abbreviated(text: &str) -> Option<IpAddr> {
    let mut groups = text.split('.');
    let (front, last) = ([groups.next(), groups.next()], groups.next());
    let number = |group: &str| group.parse::<u8>().ok();
    let [a, b, d] = match (front, last) {
        ([Some(a), None], _) => [a, "0", "0"],
        ([Some(a), Some(d)], None) => [a, "0", d],
        ([Some(a), Some(b)], Some(d)) if groups.next().is_none() => [a, b, d],
        _ => return None,
    };
    Some(Ipv4Addr::new(number(a)?, number(b)?, 0, number(d)?).into())
}

/// Reads `address`, `address/bits` or `address/mask`.
pub fn parse(text: &str) -> Result<(IpAddr, u8), Wrong<'_>> {
    let (address, mask) = text.split_once('/').map_or((text, None), |(a, m)| (a, Some(m)));
    let ip: Option<IpAddr> = address.parse().ok().or_else(|| abbreviated(address));
    let ip = ip.ok_or(Wrong(address, "is neither an IP address nor the name of a host that is known"))?;
    let widest = if ip.is_ipv4() { 32 } else { 128 };
    let Some(mask) = mask else { return Ok((ip, widest)) };
    if let Ok(bits) = mask.parse::<u8>() {
        return if bits <= widest { Ok((ip, bits)) } else { Err(Wrong(mask, "is longer than the address")) };
    }
    let wide = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)) << 96,
        IpAddr::V6(ip) => u128::from(ip),
    };
    let mask = mask.parse::<IpAddr>().ok().filter(|m| m.is_ipv4() == ip.is_ipv4()).map(wide);
    match mask {
        Some(m) if m.leading_ones() + m.trailing_zeros() >= 128 => Ok((ip, m.leading_ones() as u8)),
        _ => Err(Wrong(text, "has no valid mask")),
    }
}

/// The IPv4 address that one of IPv6 stands for, as HAProxy knows them: ::a.b.c.d, ::ffff:a.b.c.d, 2002:a.b.c.d::/48.
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = ip.segments();
    let [high, low] = match s {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x2002, high, low, ..] => [high, low],
        _ => return None,
    };
    Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
}

impl Nets {
    pub fn new(nets: Vec<(IpAddr, u8)>) -> Nets {
        let member = |(net, number)| Member { net: Net::new(net), number, around: NONE };
        let mut list: Vec<Member> = nets.into_iter().zip(0..).map(member).collect();
        // Of equal ones the first is the last here: it is what is found.
        list.sort_by_key(|m| (m.net.first, m.net.bits, m.net.v4, std::cmp::Reverse(m.number)));
        let mut open: Vec<u32> = Vec::new();
        for i in 0..list.len() {
            while let Some(top) = open.last()
                && !list[*top as usize].net.holds(list[i].net.first)
            {
                open.pop();
            }
            list[i].around = open.last().copied().unwrap_or(NONE);
            open.push(i as u32);
        }
        Nets { list }
    }

    /// True when one of the networks holds `ip`.
    pub fn holds(&self, ip: IpAddr) -> bool {
        if self.list.len() > FEW {
            return self.find(ip, &|_| true).is_some();
        }
        let wide = Wide::new(ip);
        self.list.iter().any(|m| wide.seen_by(m.net.v4).is_some_and(|ip| m.net.holds(ip)))
    }

    /// The smallest network that holds `ip`, of those that count, first of its own family, then of the other one.
    pub fn find(&self, ip: IpAddr, counts: &dyn Fn(usize) -> bool) -> Option<Hit> {
        let wide = Wide::new(ip);
        let of = |v4| self.smallest(wide.seen_by(v4)?, v4, counts);
        let member = of(wide.is_v4).or_else(|| of(!wide.is_v4))?;
        Some(Hit { number: member.number as usize, weight: member.net.weight(&wide)? })
    }

    fn smallest(&self, ip: u128, v4: bool, counts: &dyn Fn(usize) -> bool) -> Option<Member> {
        let mut at = self.list.partition_point(|m| m.net.first <= ip).checked_sub(1)? as u32;
        while at != NONE {
            let member = self.list[at as usize];
            if member.net.holds(ip) && member.net.v4 == v4 && counts(member.number as usize) {
                return Some(member);
            }
            at = member.around;
        }
        None
    }

    pub fn memory_bytes(&self) -> usize {
        self.list.capacity() * size_of::<Member>()
    }
}
