//! Networks by prefix, IPv4 and IPv6: nested or apart, never across each other, so that one binary search finds the smallest.

use std::net::{IpAddr, Ipv6Addr};

/// No network around this one.
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Net {
    /// First address; IPv4 as `::ffff:a.b.c.d`.
    first: u128,
    /// Bits of the prefix, of 128.
    bits: u8,
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

/// Reads `address`, `address/bits` or `address/mask`.
pub fn parse(text: &str) -> Result<(IpAddr, u8), String> {
    let (address, mask) = text.split_once('/').map_or((text, None), |(a, m)| (a, Some(m)));
    let ip: IpAddr = address.parse().map_err(|_| format!("'{address}' is not an IP address"))?;
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

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(ip.to_ipv6_mapped()),
        IpAddr::V6(ip) => u128::from(six_to_four(ip)),
    }
}

/// 2002:a.b.c.d::/48 stands for the IPv4 address in it (RFC 3056), as in HAProxy.
fn six_to_four(ip: Ipv6Addr) -> Ipv6Addr {
    let s = ip.segments();
    if s[0] == 0x2002 { Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, s[1], s[2]) } else { ip }
}

impl Nets {
    pub fn new(nets: Vec<(IpAddr, u8)>) -> Nets {
        let mut list: Vec<Net> = Vec::with_capacity(nets.len());
        for (at, (ip, bits)) in nets.into_iter().enumerate() {
            let (ip, bits) = match ip {
                IpAddr::V4(v4) => (u128::from(v4.to_ipv6_mapped()), bits + 96),
                IpAddr::V6(v6) => (u128::from(v6), bits),
            };
            let mask = if bits == 0 { 0 } else { u128::MAX << (128 - u32::from(bits)) };
            list.push(Net { first: ip & mask, bits, number: at as u32, around: NONE });
        }
        list.sort_by_key(|n| (n.first, n.bits, n.number));
        list.dedup_by_key(|n| (n.first, n.bits));
        list.shrink_to_fit();
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

    /// The number of the smallest network that holds `ip`.
    pub fn find(&self, ip: IpAddr) -> Option<usize> {
        let ip = number(ip);
        let mut at = self.list.partition_point(|n| n.first <= ip).checked_sub(1)? as u32;
        while at != NONE {
            let net = &self.list[at as usize];
            if net.holds(ip) {
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
