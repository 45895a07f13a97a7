//! Networks by prefix, IPv4 and IPv6: nested or apart, never across each other, so that one binary search finds the smallest.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// No network around this one.
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Net {
    /// First address; IPv4 as `::ffff:a.b.c.d`.
    first: u128,
    /// Bits of the prefix, of 128.
    bits: u8,
    v4: bool,
    number: u32,
    /// The smallest network around it.
    around: u32,
}

impl Net {
    fn holds(&self, ip: u128) -> bool {
        self.bits == 0 || (self.first ^ ip) >> (128 - u32::from(self.bits)) == 0
    }
}

/// A set of networks.
pub struct Nets {
    /// By first address, larger networks first.
    list: Vec<Net>,
}

/// `10.12` is 10.0.0.12: groups that are left out are 0, and stand before the last one (manual 7.1.6).
fn abbreviated(text: &str) -> Option<IpAddr> {
    let groups: Option<Vec<u8>> = text.split('.').map(|g| g.parse().ok()).collect();
    match *groups?.as_slice() {
        [a] => Some(Ipv4Addr::new(a, 0, 0, 0).into()),
        [a, d] => Some(Ipv4Addr::new(a, 0, 0, d).into()),
        [a, b, d] => Some(Ipv4Addr::new(a, b, 0, d).into()),
        _ => None,
    }
}

/// Reads `address`, `address/bits` or `address/mask`.
pub fn parse(text: &str) -> Result<(IpAddr, u8), String> {
    let (address, mask) = text.split_once('/').map_or((text, None), |(a, m)| (a, Some(m)));
    let ip: Option<IpAddr> = address.parse().ok().or_else(|| abbreviated(address));
    let ip = ip.ok_or_else(|| format!("'{address}' is not an IP address"))?;
    let widest = if ip.is_ipv4() { 32 } else { 128 };
    let Some(mask) = mask else { return Ok((ip, widest)) };
    if let Ok(bits) = mask.parse::<u8>() {
        return if bits <= widest { Ok((ip, bits)) } else { Err(format!("a prefix has at most {widest} bits")) };
    }
    let wide = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)) << 96,
        IpAddr::V6(ip) => u128::from(ip),
    };
    let mask = mask.parse::<IpAddr>().ok().filter(|m| m.is_ipv4() == ip.is_ipv4()).map(wide);
    match mask {
        Some(m) if m.leading_ones() + m.trailing_zeros() >= 128 => Ok((ip, m.leading_ones() as u8)),
        _ => Err(format!("'{text}' has no valid mask")),
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
        let mut list: Vec<Net> = Vec::with_capacity(nets.len());
        for (at, (ip, bits)) in nets.into_iter().enumerate() {
            let v4 = ip.is_ipv4();
            let (ip, bits) = match ip {
                IpAddr::V4(v4) => (u128::from(v4.to_ipv6_mapped()), bits + 96),
                IpAddr::V6(v6) => (u128::from(v6), bits),
            };
            let mask = if bits == 0 { 0 } else { u128::MAX << (128 - u32::from(bits)) };
            list.push(Net { first: ip & mask, bits, v4, number: at as u32, around: NONE });
        }
        // Of equal ones the first is the last here: it is what is found.
        list.sort_by_key(|n| (n.first, n.bits, n.v4, std::cmp::Reverse(n.number)));
        let mut open: Vec<u32> = Vec::new();
        for i in 0..list.len() {
            while let Some(top) = open.last()
                && !list[*top as usize].holds(list[i].first)
            {
                open.pop();
            }
            list[i].around = open.last().copied().unwrap_or(NONE);
            open.push(i as u32);
        }
        Nets { list }
    }

    /// The number of the smallest network that holds `ip`, of those that count; one of IPv6 is also looked for among those of IPv4 when
    /// it stands for one.
    pub fn find(&self, ip: IpAddr, counts: &dyn Fn(usize) -> bool) -> Option<usize> {
        match ip {
            IpAddr::V4(v4) => self.smallest(v4.to_ipv6_mapped(), false, counts),
            IpAddr::V6(v6) => self
                .smallest(v6, false, counts)
                .or_else(|| embedded(v6).and_then(|v4| self.smallest(v4.to_ipv6_mapped(), true, counts))),
        }
    }

    fn smallest(&self, ip: Ipv6Addr, v4_only: bool, counts: &dyn Fn(usize) -> bool) -> Option<usize> {
        let ip = u128::from(ip);
        let mut at = self.list.partition_point(|n| n.first <= ip).checked_sub(1)? as u32;
        while at != NONE {
            let net = &self.list[at as usize];
            if net.holds(ip) && (net.v4 || !v4_only) && counts(net.number as usize) {
                return Some(net.number as usize);
            }
            at = net.around;
        }
        None
    }

    pub fn memory_bytes(&self) -> usize {
        self.list.capacity() * size_of::<Net>()
    }
}
