//! The hash functions of `hash-type` and of the converters of the same names: over bytes, the same result on every
//! architecture. They decide which server a key reaches, so their results are an interface: a change moves every
//! user's sessions. None of those in this file and in [`xxh`] resists an attacker who chooses the keys; message digests
//! are in [`digest`].

pub mod digest;
pub mod xxh;

/// `sdbm` (the public-domain ndbm replacement), the default of `hash-type`. The empty key gives 0.
pub fn sdbm(key: &[u8]) -> u32 {
    key.iter().fold(0, |hash: u32, &byte| hash.wrapping_mul(65599).wrapping_add(u32::from(byte)))
}

/// `djb2` (Daniel J. Bernstein): times 33, from 5381.
pub fn djb2(key: &[u8]) -> u32 {
    key.iter().fold(5381, |hash: u32, &byte| hash.wrapping_mul(33).wrapping_add(u32::from(byte)))
}

/// `wt6` (Willy Tarreau): two lanes that change places after each byte, each turned by an amount taken from the state.
pub fn wt6(key: &[u8]) -> u32 {
    let (mut left, mut right) = (0xa53c_965a_u32, 0x5ca6_953a_u32);
    let (mut turn_left, mut turn_right) = (18, 6);
    for &byte in key {
        let byte = u32::from(byte);
        let crossed = (!(left ^ byte)).rotate_left(turn_left);
        left = (!right.wrapping_add(byte)).rotate_left(turn_right);
        right = crossed;
        let mixed = (left >> 16) ^ (right & 0xffff);
        (turn_right, turn_left) = (mixed & 31, mixed >> 11);
    }
    left ^ right
}

/// `crc32`: the reflected CRC-32 of Ethernet, gzip and PNG (ISO 3309).
pub fn crc32(key: &[u8]) -> u32 {
    static TABLE: [u32; 256] = crc_table(0xedb8_8320);
    crc(key, &TABLE)
}

/// `crc32c`: the one of SCTP and iSCSI (Castagnoli; RFC 4960 appendix B).
pub fn crc32c(key: &[u8]) -> u32 {
    static TABLE: [u32; 256] = crc_table(0x82f6_3b78);
    crc(key, &TABLE)
}

fn crc(key: &[u8], table: &[u32; 256]) -> u32 {
    !key.iter().fold(!0, |crc: u32, &byte| (crc >> 8) ^ table[usize::from(crc as u8 ^ byte)])
}

/// The remainders of all bytes by a polynomial, written with its lowest power first.
const fn crc_table(polynomial: u32) -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let (mut value, mut bit) = (index as u32, 0);
        while bit < 8 {
            value = (value >> 1) ^ if value & 1 == 1 { polynomial } else { 0 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

/// The `avalanche` modifier, also what places servers on the consistent ring: Bob Jenkins' 32-bit integer hash
/// (burtleburtle.net/bob/hash/integer.html), times a number near three quarters of the range. A bijection.
pub fn avalanche(hash: u32) -> u32 {
    let hash = hash.wrapping_add(0x7ed5_5d16).wrapping_add(hash << 12);
    let hash = hash ^ 0xc761_c23c ^ (hash >> 19);
    let hash = hash.wrapping_add(0x1656_67b1).wrapping_add(hash << 5);
    let hash = hash.wrapping_add(0xd3a2_646c) ^ (hash << 9);
    let hash = hash.wrapping_add(0xfd70_46c5).wrapping_add(hash << 3);
    let hash = hash ^ 0xb55a_4f09 ^ (hash >> 16);
    hash.wrapping_mul(0xc000_0001)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Printed by haproxy 2.6's converters: key, then each function without and with `avalanche`.
    const KNOWN: [(&[u8], [u32; 8]); 7] = [
        (b"a", [97, 1830748055, 177670, 3548763807, 1900802597, 1986649387, 3904355907, 1288200982]),
        (b"abc", [807794786, 659243622, 193485963, 2235766107, 2483038440, 266135527, 891568578, 930845320]),
        (b"hello", [684824882, 2061535398, 261238937, 1119739105, 3538347703, 140457739, 907060870, 3902247103]),
        (b"1", [49, 1382405980, 177622, 1538909498, 1879821861, 128503514, 2212294583, 2475912430]),
        (b"123456", [3780441283, 4106334239, 2110877786, 4123791732, 2133271205, 3466091022, 158520161, 1295346984]),
        (b"abcdefgh", [1869873412, 1612265973, 1722392489, 2124322011, 3741049586, 62348922, 2934909520, 1338786854]),
        (
            b"userid-0042",
            [3077891941, 3517736830, 1495363588, 3841592619, 2040538394, 778686980, 313144137, 3840325298],
        ),
    ];

    #[test]
    fn same_as_haproxy() {
        for (key, expected) in KNOWN {
            let plain = [sdbm, djb2, wt6, crc32].map(|function| function(key));
            let got: Vec<u32> = plain.iter().flat_map(|&hash| [hash, avalanche(hash)]).collect();
            assert_eq!(got, expected, "{}", String::from_utf8_lossy(key));
        }
    }

    #[test]
    fn empty_keys() {
        assert_eq!([sdbm(b""), djb2(b""), crc32(b""), crc32c(b"")], [0, 5381, 0, 0]);
    }

    /// RFC 3720 appendix B.4, and the check value of the catalogue of CRCs.
    #[test]
    fn castagnoli() {
        let ascending: Vec<u8> = (0..32).collect();
        let got = [crc32c(&[0; 32]), crc32c(&[0xff; 32]), crc32c(&ascending), crc32c(b"123456789")];
        assert_eq!(got, [0x8a91_36aa, 0x62a8_ab43, 0x46dd_794e, 0xe306_9283]);
    }
}
