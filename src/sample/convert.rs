//! Converters of numbers, addresses and types (manual 7.3.1).

use super::{Arg, Converter, converter};
use crate::pattern::{Kind, Value};
use crate::util::hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const INT: (Kind, Kind) = (Kind::Int, Kind::Int);
const VALUE: &str = "value:number";

/// The operand: a number, or what is in a variable.
fn operand(arg: &Arg, scene: &super::Scene) -> i64 {
    match arg {
        Arg::Note(note) => scene.notes.get(*note).and_then(|v| v.int()).unwrap_or(0),
        other => other.int_or(0),
    }
}

fn int<'a>(value: Value<'a>) -> i64 {
    value.int().unwrap_or(0)
}

fn number<'a>(n: i64) -> Option<Value<'a>> {
    Some(Value::Int(n))
}

fn truth<'a>(b: bool) -> Option<Value<'a>> {
    Some(Value::Bool(b))
}

fn hashed(value: Value, args: &[Arg], function: fn(&[u8]) -> u32) -> Option<Value<'static>> {
    let Value::Bin(bytes) = value else { return None };
    let hash = function(bytes);
    number(if args[0].int_or(0) == 0 { hash } else { hash::avalanche(hash) }.into())
}

/// Sorted by name.
pub static TABLE: &[Converter] = &[
    converter("add", VALUE, INT, "1.6", "Plus a number.", |v, a, s, _| {
        number(int(v).saturating_add(operand(&a[0], s)))
    }),
    converter("and", VALUE, INT, "1.6", "Bit by bit and.", |v, a, s, _| number(int(v) & operand(&a[0], s))),
    converter("bool", "", (Kind::Int, Kind::Bool), "1.6", "Other than 0.", |v, _, _, _| truth(int(v) != 0)),
    converter("cpl", "", INT, "1.6", "All bits turned.", |v, _, _, _| number(!int(v))),
    converter("crc32", "avalanche:int?", (Kind::Bin, Kind::Int), "1.6", "CRC-32.", |v, a, _, _| {
        hashed(v, a, hash::crc32)
    }),
    converter("div", VALUE, INT, "1.6", "Divided by a number; by 0 it is the largest one.", |v, a, s, _| {
        number(match operand(&a[0], s) {
            0 => i64::MAX,
            n => int(v).checked_div(n).unwrap_or(i64::MAX),
        })
    }),
    converter("djb2", "avalanche:int?", (Kind::Bin, Kind::Int), "1.6", "The hash DJB2.", |v, a, _, _| {
        hashed(v, a, hash::djb2)
    }),
    converter("even", "", (Kind::Int, Kind::Bool), "1.6", "It is even.", |v, _, _, _| truth(int(v) & 1 == 0)),
    converter(
        "ipmask",
        "mask:mask,mask6:mask6?",
        (Kind::Ip, Kind::Ip),
        "1.5",
        "The network of an address.",
        |v, a, _, _| {
            let Arg::Bits(bits) = a[0] else { return None };
            // An IPv4 address in IPv6 (::ffff:a.b.c.d) has the mask of IPv4.
            Some(Value::Ip(match v.ip()?.to_canonical() {
                IpAddr::V4(ip) => {
                    IpAddr::V4(Ipv4Addr::from(u32::from(ip) & u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0)))
                }
                IpAddr::V6(ip) => {
                    let Arg::Bits(bits) = a[1] else { return Some(v) };
                    IpAddr::V6(Ipv6Addr::from(
                        u128::from(ip) & u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0),
                    ))
                }
            }))
        },
    ),
    converter("mod", VALUE, INT, "1.6", "The rest of a division.", |v, a, s, _| {
        number(match operand(&a[0], s) {
            0 => 0,
            n => int(v).checked_rem(n).unwrap_or(0),
        })
    }),
    converter("mul", VALUE, INT, "1.6", "Times a number.", |v, a, s, _| {
        number(int(v).saturating_mul(operand(&a[0], s)))
    }),
    converter("neg", "", INT, "1.6", "With the other sign.", |v, _, _, _| number(int(v).saturating_neg())),
    converter("not", "", (Kind::Bool, Kind::Bool), "1.6", "The contrary.", |v, _, _, _| truth(!v.truth())),
    converter("odd", "", (Kind::Int, Kind::Bool), "1.6", "It is odd.", |v, _, _, _| truth(int(v) & 1 == 1)),
    converter("or", VALUE, INT, "1.6", "Bit by bit or.", |v, a, s, _| number(int(v) | operand(&a[0], s))),
    converter("sdbm", "avalanche:int?", (Kind::Bin, Kind::Int), "1.6", "The hash SDBM.", |v, a, _, _| {
        hashed(v, a, hash::sdbm)
    }),
    converter("sub", VALUE, INT, "1.6", "Less a number.", |v, a, s, _| {
        number(int(v).saturating_sub(operand(&a[0], s)))
    }),
    converter("wt6", "avalanche:int?", (Kind::Bin, Kind::Int), "1.6", "The hash WT6.", |v, a, _, _| {
        hashed(v, a, hash::wt6)
    }),
    converter("xor", VALUE, INT, "1.6", "Bit by bit either.", |v, a, s, _| number(int(v) ^ operand(&a[0], s))),
];
