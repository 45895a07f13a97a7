//! The xxHash family (Yann Collet; its specification is `doc/xxhash_spec.md` there): XXH32, XXH64 and the 64 bits of
//! XXH3. All read little-endian words from any address.

const P32: [u32; 5] = [0x9e37_79b1, 0x85eb_ca77, 0xc2b2_ae3d, 0x27d4_eb2f, 0x1656_67b1];
const P64: [u64; 5] =
    [0x9e37_79b1_85eb_ca87, 0xc2b2_ae3d_27d4_eb4f, 0x1656_67b1_9e37_79f9, 0x85eb_ca77_c2b2_ae63, 0x27d4_eb2f_1656_67c5];

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([0, 1, 2, 3].map(|i| bytes[at + i]))
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from(word(bytes, at)) | u64::from(word(bytes, at + 4)) << 32
}

/// `xxh32`
pub fn xxh32(key: &[u8], seed: u32) -> u32 {
    let [p1, p2, p3, p4, p5] = P32;
    let stripes = key.chunks_exact(16);
    let mut rest = stripes.remainder();
    let mut hash = seed.wrapping_add(p5);
    if key.len() >= 16 {
        let mut lanes = [p1.wrapping_add(p2), p2, 0, p1.wrapping_neg()].map(|n| seed.wrapping_add(n));
        for stripe in stripes {
            for (i, lane) in lanes.iter_mut().enumerate() {
                *lane = lane.wrapping_add(word(stripe, 4 * i).wrapping_mul(p2)).rotate_left(13).wrapping_mul(p1);
            }
        }
        let turned = lanes.iter().zip([1, 7, 12, 18]).map(|(lane, by)| lane.rotate_left(by));
        hash = turned.fold(0, u32::wrapping_add);
    }
    hash = hash.wrapping_add(key.len() as u32);
    while rest.len() >= 4 {
        hash = hash.wrapping_add(word(rest, 0).wrapping_mul(p3)).rotate_left(17).wrapping_mul(p4);
        rest = &rest[4..];
    }
    for &byte in rest {
        hash = hash.wrapping_add(u32::from(byte).wrapping_mul(p5)).rotate_left(11).wrapping_mul(p1);
    }
    hash = (hash ^ hash >> 15).wrapping_mul(p2);
    hash = (hash ^ hash >> 13).wrapping_mul(p3);
    hash ^ hash >> 16
}

/// `xxh64`
pub fn xxh64(key: &[u8], seed: u64) -> u64 {
    let [p1, p2, p3, p4, p5] = P64;
    let round = |lane: u64, n: u64| lane.wrapping_add(n.wrapping_mul(p2)).rotate_left(31).wrapping_mul(p1);
    let stripes = key.chunks_exact(32);
    let mut rest = stripes.remainder();
    let mut hash = seed.wrapping_add(p5);
    if key.len() >= 32 {
        let mut lanes = [p1.wrapping_add(p2), p2, 0, p1.wrapping_neg()].map(|n| seed.wrapping_add(n));
        for stripe in stripes {
            lanes.iter_mut().enumerate().for_each(|(i, lane)| *lane = round(*lane, long(stripe, 8 * i)));
        }
        let turned = lanes.iter().zip([1, 7, 12, 18]).map(|(lane, by)| lane.rotate_left(by));
        hash = turned.fold(0, u64::wrapping_add);
        for lane in lanes {
            hash = (hash ^ round(0, lane)).wrapping_mul(p1).wrapping_add(p4);
        }
    }
    hash = hash.wrapping_add(key.len() as u64);
    while rest.len() >= 8 {
        hash = (hash ^ round(0, long(rest, 0))).rotate_left(27).wrapping_mul(p1).wrapping_add(p4);
        rest = &rest[8..];
    }
    if rest.len() >= 4 {
        hash = (hash ^ u64::from(word(rest, 0)).wrapping_mul(p1)).rotate_left(23).wrapping_mul(p2).wrapping_add(p3);
        rest = &rest[4..];
    }
    for &byte in rest {
        hash = (hash ^ u64::from(byte).wrapping_mul(p5)).rotate_left(11).wrapping_mul(p1);
    }
    avalanche_64(hash)
}

fn avalanche_64(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 33).wrapping_mul(P64[1]);
    let hash = (hash ^ hash >> 29).wrapping_mul(P64[2]);
    hash ^ hash >> 32
}

fn avalanche_3(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 37).wrapping_mul(0x1656_6791_9e37_79f9);
    hash ^ hash >> 32
}

/// The halves of a product of 128 bits, one over the other.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// `xxh3`: its 64 bits
pub fn xxh3(key: &[u8], seed: u64) -> u64 {
    match key.len() {
        0..=16 => xxh3_short(key, seed),
        17..=240 => xxh3_middle(key, seed),
        _ => xxh3_long(key, seed),
    }
}

fn xxh3_short(key: &[u8], seed: u64) -> u64 {
    let len = key.len();
    let flip = |at: usize| long(&SECRET, at) ^ long(&SECRET, at + 8);
    match len {
        0 => avalanche_64(seed ^ flip(56)),
        1..=3 => {
            let [first, middle, last] = [0, len >> 1, len - 1].map(|at| u32::from(key[at]));
            let all = first << 16 | middle << 24 | last | (len as u32) << 8;
            let flip = u64::from(word(&SECRET, 0) ^ word(&SECRET, 4)).wrapping_add(seed);
            avalanche_64(u64::from(all) ^ flip)
        }
        4..=8 => {
            let seed = seed ^ u64::from((seed as u32).swap_bytes()) << 32;
            let all = u64::from(word(key, len - 4)) | u64::from(word(key, 0)) << 32;
            let mut hash = all ^ flip(8).wrapping_sub(seed);
            hash ^= hash.rotate_left(49) ^ hash.rotate_left(24);
            hash = hash.wrapping_mul(0x9fb2_1c65_1e98_df25);
            hash = (hash ^ (hash >> 35).wrapping_add(len as u64)).wrapping_mul(0x9fb2_1c65_1e98_df25);
            hash ^ hash >> 28
        }
        _ => {
            let low = long(key, 0) ^ flip(24).wrapping_add(seed);
            let high = long(key, len - 8) ^ flip(40).wrapping_sub(seed);
            let sum = (len as u64).wrapping_add(low.swap_bytes()).wrapping_add(high).wrapping_add(fold(low, high));
            avalanche_3(sum)
        }
    }
}

fn xxh3_middle(key: &[u8], seed: u64) -> u64 {
    let len = key.len();
    let mix = |at: usize, secret: usize| {
        let low = long(key, at) ^ long(&SECRET, secret).wrapping_add(seed);
        fold(low, long(key, at + 8) ^ long(&SECRET, secret + 8).wrapping_sub(seed))
    };
    let mut sum = (len as u64).wrapping_mul(P64[0]);
    if len <= 128 {
        // Pairs from both ends, as many as it takes to meet.
        for i in 0..=(len - 1) / 32 {
            sum = sum.wrapping_add(mix(16 * i, 32 * i)).wrapping_add(mix(len - 16 * (i + 1), 32 * i + 16));
        }
        return avalanche_3(sum);
    }
    for i in 0..8 {
        sum = sum.wrapping_add(mix(16 * i, 16 * i));
    }
    sum = avalanche_3(sum);
    for i in 8..len / 16 {
        sum = sum.wrapping_add(mix(16 * i, 16 * (i - 8) + 3));
    }
    avalanche_3(sum.wrapping_add(mix(len - 16, 136 - 17)))
}

fn xxh3_long(key: &[u8], seed: u64) -> u64 {
    const STRIPE: usize = 64;
    const BLOCK: usize = 1024;
    let mut secret: [u8; 192] = SECRET;
    for (i, part) in secret.chunks_exact_mut(8).enumerate() {
        let n = long(part, 0);
        part.copy_from_slice(&if i % 2 == 0 { n.wrapping_add(seed) } else { n.wrapping_sub(seed) }.to_le_bytes());
    }
    let [p1, p2, p3, p4, p5] = P64;
    let mut lanes = [P32[2].into(), p1, p2, p3, p4, P32[1].into(), p5, P32[0].into()];
    let take = |lanes: &mut [u64; 8], at: usize, secret_at: usize| {
        for i in 0..8 {
            let n = long(key, at + 8 * i);
            let keyed = n ^ long(&secret, secret_at + 8 * i);
            lanes[i ^ 1] = lanes[i ^ 1].wrapping_add(n);
            lanes[i] = lanes[i].wrapping_add((keyed & 0xffff_ffff).wrapping_mul(keyed >> 32));
        }
    };
    for at in (0..key.len() - STRIPE).step_by(STRIPE) {
        take(&mut lanes, at, at % BLOCK / 8);
        if at % BLOCK == BLOCK - STRIPE {
            for (i, lane) in lanes.iter_mut().enumerate() {
                *lane = (*lane ^ *lane >> 47 ^ long(&secret, 128 + 8 * i)).wrapping_mul(P32[0].into());
            }
        }
    }
    // The last stripe ends where the key ends, and overlaps the one before.
    take(&mut lanes, key.len() - STRIPE, 121);
    let pair =
        |i: usize| fold(lanes[2 * i] ^ long(&secret, 11 + 16 * i), lanes[2 * i + 1] ^ long(&secret, 19 + 16 * i));
    avalanche_3((0..4).map(pair).fold((key.len() as u64).wrapping_mul(p1), u64::wrapping_add))
}

#[rustfmt::skip]
const SECRET: [u8; 192] = [
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
    0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
    0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
    0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
    0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
    0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
    0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
    0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
    0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
    0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e,
    0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce,
    0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the bytes 0, 7, 14 ... of a length, without and with a seed: printed by haproxy 2.6's converters. Those of no
    /// bytes are the published ones of xxHash.
    const KNOWN: [(usize, [u32; 2], [u64; 4]); 19] = [
        (
            0,
            [0x02cc_5d05, 0x36b7_8ae7],
            [0xef46_db37_51d8_e999, 0xac75_fda2_929b_17ef, 0x2d06_8005_38d3_94c2, 0xf702_ca38_14de_2125],
        ),
        (
            1,
            [0xcf65_b03e, 0xb454_5aa4],
            [0xe934_a84a_db05_2768, 0x5014_6076_43a9_b4c3, 0xc44b_dff4_074e_ecdb, 0xb53d_5557_e7f7_6f8d],
        ),
        (
            3,
            [0x1474_4175, 0x08bf_1ab1],
            [0x9ff7_0a63_5a62_09ab, 0xecf3_373c_29e4_97d4, 0xc348_9259_e968_ad9e, 0xb892_61e9_1870_6680],
        ),
        (
            4,
            [0xc8f6_0fc5, 0x372c_1e48],
            [0xae5a_cdc0_0a55_ac41, 0xba4a_2450_c7e2_c0a9, 0xd3d6_0c15_1901_4e89, 0x0161_f2af_e5e5_6c23],
        ),
        (
            8,
            [0x6ede_eb34, 0x62d5_1bbd],
            [0x8711_6b33_65b9_24eb, 0x22e3_31c0_0917_1f74, 0xb88d_ee77_f6bf_6980, 0xc353_b458_f23a_f176],
        ),
        (
            9,
            [0xf382_0f1f, 0xb69b_71e1],
            [0x3406_67a9_2c43_24ff, 0x7fd6_f0f6_055f_001d, 0x0368_8dca_d730_d826, 0x48ee_ce89_e935_7f35],
        ),
        (
            16,
            [0xb59b_7e13, 0xd4e2_0520],
            [0xed1d_d2fa_c0a3_1fbc, 0x5c35_571b_a8e1_5df8, 0x9da2_3836_adf2_be1e, 0x6d8d_641b_649d_a9b4],
        ),
        (
            17,
            [0x20dd_4529, 0xa83e_cf00],
            [0x7584_09c5_7cd5_d0a2, 0xb6be_d953_e332_df3a, 0xf34c_3c9c_f5a1_12d1, 0x4b65_447e_37b4_8d32],
        ),
        (
            31,
            [0xdc5b_7443, 0x61ac_8a29],
            [0x0f18_7c62_b1e7_22b7, 0xa2ba_2580_312f_0f94, 0x1c67_7662_71b9_5c64, 0x48bd_6a38_2a7e_6630],
        ),
        (
            32,
            [0xd7f7_0f45, 0x0369_5891],
            [0x91b0_cb09_31a8_c629, 0xba49_4510_1354_e701, 0x99cb_9ad0_f1a1_1fbe, 0x75f8_2d5e_f5a6_de89],
        ),
        (
            64,
            [0xb925_8763, 0x4953_2af5],
            [0xbf30_52e3_4457_75d0, 0x7a36_8c1f_823d_fc0e, 0x6efb_76ff_16f3_7561, 0xb6ed_f186_4c1c_4bb7],
        ),
        (
            65,
            [0xe96c_3b91, 0x424a_0209],
            [0xed65_e351_0df3_611d, 0x1891_34f6_375d_2629, 0x2640_848e_9137_156b, 0x0754_a5cd_d6ee_5025],
        ),
        (
            128,
            [0x188c_98a1, 0x1597_c981],
            [0x6bd6_6a75_7cf2_0d64, 0xff6b_4066_2f0e_dadb, 0x65f3_c2c0_0fa9_3185, 0x5058_9d92_7a59_7412],
        ),
        (
            129,
            [0x1dfd_53c7, 0xb63a_f672],
            [0x3fbc_5a01_62d8_0206, 0x71d3_c2e6_28b5_d916, 0x2806_5c6e_c25f_5b25, 0x1e33_603f_471b_377e],
        ),
        (
            240,
            [0xbc7b_6b02, 0x8647_ed3f],
            [0x9f17_f1fc_bcbf_b88e, 0xb874_59d7_c16c_70ba, 0x4917_a75c_0ef8_eed7, 0x3312_0826_3ec4_1d88],
        ),
        (
            241,
            [0xd72c_0b1a, 0x6dbb_d7ba],
            [0x06f9_e01b_26bb_1786, 0x8b4f_a6cb_bdf4_65bc, 0x541b_1922_6f00_52e8, 0x57c6_5bcb_87d2_2124],
        ),
        (
            1024,
            [0x604f_4542, 0x7cd0_4a26],
            [0xf065_d3da_7e82_ebf1, 0x3149_42c5_c3cf_69b6, 0xdc5a_cf0b_043c_445b, 0x2afa_b949_854b_8e5c],
        ),
        (
            1025,
            [0x5956_a79f, 0x606f_bbc7],
            [0xcfdf_5a5a_2648_73e8, 0x482a_8480_b083_86a1, 0xe1d9_cd94_6277_ae26, 0xf303_86b6_5b55_c0cd],
        ),
        (
            2050,
            [0x8276_5303, 0xcf9a_e0ca],
            [0xcdcb_774f_f8d1_0347, 0xa511_df99_ba07_971b, 0x628b_b594_53b2_2e07, 0x3f30_5217_be04_2e6c],
        ),
    ];

    #[test]
    fn same_as_haproxy() {
        let seed = 2_654_435_761;
        for (len, narrow, wide) in KNOWN {
            let key: Vec<u8> = (0..len).map(|i| (i * 7) as u8).collect();
            assert_eq!([xxh32(&key, 0), xxh32(&key, seed)], narrow, "{len}");
            let seed = seed.into();
            assert_eq!([xxh64(&key, 0), xxh64(&key, seed), xxh3(&key, 0), xxh3(&key, seed)], wide, "{len}");
        }
    }
}
