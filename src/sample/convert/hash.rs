//! The hashes that balancing knows.

use super::{Arg, Converter, converter};
use super::{BIN_INT, bytes, number};
use crate::pattern::Value;
use crate::util::hash;

pub const AVALANCHE: &str = "avalanche:int?";

pub fn hashed<'a>(value: Value<'a>, args: &[Arg], function: fn(&[u8]) -> u32) -> Option<Value<'a>> {
    let hash = function(bytes(value));
    number(if args[0].int_or(0) == 0 { hash } else { hash::avalanche(hash) }.into())
}

/// Sorted by name.
pub static TABLE: &[Converter] = &[
    converter("crc32", AVALANCHE, BIN_INT, "1.6", "CRC-32.", |v, a, _, _| hashed(v, a, hash::crc32)),
    converter("djb2", AVALANCHE, BIN_INT, "1.6", "The hash DJB2.", |v, a, _, _| hashed(v, a, hash::djb2)),
    converter("sdbm", AVALANCHE, BIN_INT, "1.6", "The hash SDBM.", |v, a, _, _| hashed(v, a, hash::sdbm)),
    converter("wt6", AVALANCHE, BIN_INT, "1.6", "The hash WT6.", |v, a, _, _| hashed(v, a, hash::wt6)),
];
