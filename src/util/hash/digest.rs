//! Message digests: MD5 (RFC 1321), SHA-1 and SHA-2 (FIPS 180-4), and keyed ones (RFC 2104), for converters. MD5 and
//! SHA-1 are there because their users are, not to prove anything.
//!
//! Written here because the crates with them are twelve, with what they need, for what fits on three pages.

use Algorithm::{Md5, Sha1, Sha224, Sha256, Sha384, Sha512};
use std::ops::Deref;

/// A digest function.
#[allow(missing_docs)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// The names that OpenSSL knows them by, in any case.
pub const NAMES: [(&str, Algorithm); 10] = [
    ("md5", Md5),
    ("sha1", Sha1),
    ("sha224", Sha224),
    ("sha256", Sha256),
    ("sha384", Sha384),
    ("sha512", Sha512),
    ("sha2-224", Sha224),
    ("sha2-256", Sha256),
    ("sha2-384", Sha384),
    ("sha2-512", Sha512),
];

impl Algorithm {
    /// The one of a name.
    pub fn named(name: &str) -> Option<Algorithm> {
        NAMES.iter().find(|a| a.0.eq_ignore_ascii_case(name)).map(|a| a.1)
    }

    /// Bytes of a digest.
    fn digest_len(self) -> usize {
        match self {
            Md5 => 16,
            Sha1 => 20,
            Sha224 => 28,
            Sha256 => 32,
            Sha384 => 48,
            Sha512 => 64,
        }
    }

    /// Bytes that are digested at a time.
    fn block_len(self) -> usize {
        if matches!(self, Sha384 | Sha512) { 128 } else { 64 }
    }

    /// The words before the first byte; those of the narrow SHA-2 are halves of those of the wide.
    fn start(self) -> [u64; 8] {
        match self {
            Md5 | Sha1 => [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0, 0, 0, 0],
            Sha224 => START_384.map(|n| n & 0xffff_ffff),
            Sha256 => START_512.map(|n| n >> 32),
            Sha384 => START_384,
            Sha512 => START_512,
        }
    }
}

/// The result.
#[derive(Clone, Copy)]
pub struct Digest {
    bytes: [u8; 64],
    len: usize,
}

impl Deref for Digest {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Digests bytes piece by piece.
pub struct Hasher {
    algorithm: Algorithm,
    /// Eight words; of 32 bits for all but the two widest algorithms.
    words: [u64; 8],
    /// What did not fill a block yet.
    rest: [u8; 128],
    total_len: u64,
}

impl Hasher {
    /// Has digested nothing.
    pub fn new(algorithm: Algorithm) -> Hasher {
        Hasher { algorithm, words: algorithm.start(), rest: [0; 128], total_len: 0 }
    }

    fn rest_len(&self) -> usize {
        (self.total_len % self.algorithm.block_len() as u64) as usize
    }

    /// Digests more.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let at = self.rest_len();
            let (now, later) = bytes.split_at(bytes.len().min(self.algorithm.block_len() - at));
            self.rest[at..at + now.len()].copy_from_slice(now);
            self.total_len += now.len() as u64;
            if self.rest_len() == 0 {
                match self.algorithm {
                    Md5 => self.mix_md5(),
                    Sha1 => self.mix_sha1(),
                    Sha224 | Sha256 => self.mix_narrow(),
                    Sha384 | Sha512 => self.mix_wide(),
                }
            }
            bytes = later;
        }
    }

    /// The digest of all of it.
    pub fn finish(mut self) -> Digest {
        let (block, bits) = (self.algorithm.block_len(), self.total_len.wrapping_mul(8));
        // A one, zeros, and the length in the last eight bytes of a block (in the wide ones of 16, the first of which
        // are zero).
        self.update(&[0x80]);
        let zeros = (2 * block - block / 8 - self.rest_len()) % block + block / 8 - 8;
        self.update(&[0; 136][..zeros]);
        let little = self.algorithm == Md5;
        self.update(&if little { bits.to_le_bytes() } else { bits.to_be_bytes() });
        let mut bytes = [0; 64];
        let width = block / 16;
        for (to, word) in bytes.chunks_exact_mut(width).zip(self.words) {
            match (width, little) {
                (8, _) => to.copy_from_slice(&word.to_be_bytes()),
                (_, false) => to.copy_from_slice(&(word as u32).to_be_bytes()),
                (_, true) => to.copy_from_slice(&(word as u32).to_le_bytes()),
            }
        }
        Digest { bytes, len: self.algorithm.digest_len() }
    }

    fn narrow(&self) -> [u32; 8] {
        self.words.map(|n| n as u32)
    }

    fn add(&mut self, words: &[u32]) {
        self.words.iter_mut().zip(words).for_each(|(n, w)| *n = u64::from((*n as u32).wrapping_add(*w)));
    }

    fn mix_md5(&mut self) {
        const TURNS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
        let word = |i: usize| u32::from_le_bytes([0, 1, 2, 3].map(|n| self.rest[4 * i + n]));
        let [mut a, mut b, mut c, mut d, ..] = self.narrow();
        for i in 0..64 {
            let (mixed, at) = match i / 16 {
                0 => (b & c | !b & d, i),
                1 => (d & b | !d & c, 5 * i + 1),
                2 => (b ^ c ^ d, 3 * i + 5),
                _ => (c ^ (b | !d), 7 * i),
            };
            let sum = a.wrapping_add(mixed).wrapping_add(SINES[i]).wrapping_add(word(at % 16));
            (a, b, c, d) = (d, b.wrapping_add(sum.rotate_left(TURNS[i / 16][i % 4])), b, c);
        }
        self.add(&[a, b, c, d]);
    }

    fn mix_sha1(&mut self) {
        let mut w = [0u32; 80];
        for i in 0..80 {
            w[i] = match i {
                0..16 => u32::from_be_bytes([0, 1, 2, 3].map(|n| self.rest[4 * i + n])),
                _ => (w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16]).rotate_left(1),
            };
        }
        let [mut a, mut b, mut c, mut d, mut e, ..] = self.narrow();
        for (i, word) in w.into_iter().enumerate() {
            let (mixed, constant) = match i / 20 {
                0 => (b & c | !b & d, 0x5a82_7999),
                1 => (b ^ c ^ d, 0x6ed9_eba1),
                2 => (b & c | b & d | c & d, 0x8f1b_bcdc_u32),
                _ => (b ^ c ^ d, 0xca62_c1d6),
            };
            let sum = a.rotate_left(5).wrapping_add(mixed).wrapping_add(e).wrapping_add(constant).wrapping_add(word);
            (a, b, c, d, e) = (sum, a, b.rotate_left(30), c, d);
        }
        self.add(&[a, b, c, d, e]);
    }
}

/// SHA-2 with words of one size: how far its functions turn, two of the message (whose last shifts) and two of the
/// state.
macro_rules! sha2 {
    ($name:ident, $word:ty, $rounds:literal, $constant:expr, $message:expr, $state:expr) => {
        impl Hasher {
            fn $name(&mut self) {
                let shifted = |n: $word, [a, b, c]: [u32; 3]| n.rotate_right(a) ^ n.rotate_right(b) ^ (n >> c);
                let turned = |n: $word, [a, b, c]: [u32; 3]| n.rotate_right(a) ^ n.rotate_right(b) ^ n.rotate_right(c);
                let mut w: [$word; $rounds] = [0; $rounds];
                for (to, from) in w.iter_mut().zip(self.rest.chunks_exact(size_of::<$word>())).take(16) {
                    *to = from.iter().fold(0, |n, b| n << 8 | <$word>::from(*b));
                }
                for i in 16..$rounds {
                    let (far, near) = (shifted(w[i - 15], $message[0]), shifted(w[i - 2], $message[1]));
                    w[i] = w[i - 16].wrapping_add(far).wrapping_add(w[i - 7]).wrapping_add(near);
                }
                let mut s = self.words.map(|n| n as $word);
                for i in 0..$rounds {
                    let [a, b, c, d, e, f, g, h] = s;
                    let one = h.wrapping_add(turned(e, $state[1])).wrapping_add(e & f ^ !e & g);
                    let one = one.wrapping_add($constant(CONSTANTS[i])).wrapping_add(w[i]);
                    let two = turned(a, $state[0]).wrapping_add(a & b ^ a & c ^ b & c);
                    s = [one.wrapping_add(two), a, b, c, d.wrapping_add(one), e, f, g];
                }
                self.words.iter_mut().zip(s).for_each(|(n, w)| *n = u64::from((*n as $word).wrapping_add(w)));
            }
        }
    };
}

sha2!(mix_narrow, u32, 64, |k: u64| (k >> 32) as u32, [[7, 18, 3], [17, 19, 10]], [[2, 13, 22], [6, 11, 25]]);
sha2!(mix_wide, u64, 80, |k: u64| k, [[1, 8, 7], [19, 61, 6]], [[28, 34, 39], [14, 18, 41]]);

/// The digest of bytes.
pub fn digest(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish()
}

/// The keyed digest of bytes (HMAC).
pub fn hmac(algorithm: Algorithm, key: &[u8], bytes: &[u8]) -> Digest {
    let mut block = [0; 128];
    if key.len() > algorithm.block_len() {
        block[..algorithm.digest_len()].copy_from_slice(&digest(algorithm, key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let keyed = |pad: u8, bytes: &[u8]| {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(&block.map(|b| b ^ pad)[..algorithm.block_len()]);
        hasher.update(bytes);
        hasher.finish()
    };
    keyed(0x5c, &keyed(0x36, bytes))
}

/// Fractions of the square roots of the primes from 2 to 19.
#[rustfmt::skip]
const START_512: [u64; 8] = [
    0x6a09_e667_f3bc_c908, 0xbb67_ae85_84ca_a73b, 0x3c6e_f372_fe94_f82b, 0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1, 0x9b05_688c_2b3e_6c1f, 0x1f83_d9ab_fb41_bd6b, 0x5be0_cd19_137e_2179,
];

/// Of those from 23 to 53.
#[rustfmt::skip]
const START_384: [u64; 8] = [
    0xcbbb_9d5d_c105_9ed8, 0x629a_292a_367c_d507, 0x9159_015a_3070_dd17, 0x152f_ecd8_f70e_5939,
    0x6733_2667_ffc0_0b31, 0x8eb4_4a87_6858_1511, 0xdb0c_2e0d_64f9_8fa7, 0x47b5_481d_befa_4fa4,
];

/// Fractions of the cube roots of the first 80 primes; the narrow SHA-2 takes the upper halves of the first 64.
#[rustfmt::skip]
static CONSTANTS: [u64; 80] = [
    0x428a_2f98_d728_ae22, 0x7137_4491_23ef_65cd, 0xb5c0_fbcf_ec4d_3b2f, 0xe9b5_dba5_8189_dbbc,
    0x3956_c25b_f348_b538, 0x59f1_11f1_b605_d019, 0x923f_82a4_af19_4f9b, 0xab1c_5ed5_da6d_8118,
    0xd807_aa98_a303_0242, 0x1283_5b01_4570_6fbe, 0x2431_85be_4ee4_b28c, 0x550c_7dc3_d5ff_b4e2,
    0x72be_5d74_f27b_896f, 0x80de_b1fe_3b16_96b1, 0x9bdc_06a7_25c7_1235, 0xc19b_f174_cf69_2694,
    0xe49b_69c1_9ef1_4ad2, 0xefbe_4786_384f_25e3, 0x0fc1_9dc6_8b8c_d5b5, 0x240c_a1cc_77ac_9c65,
    0x2de9_2c6f_592b_0275, 0x4a74_84aa_6ea6_e483, 0x5cb0_a9dc_bd41_fbd4, 0x76f9_88da_8311_53b5,
    0x983e_5152_ee66_dfab, 0xa831_c66d_2db4_3210, 0xb003_27c8_98fb_213f, 0xbf59_7fc7_beef_0ee4,
    0xc6e0_0bf3_3da8_8fc2, 0xd5a7_9147_930a_a725, 0x06ca_6351_e003_826f, 0x1429_2967_0a0e_6e70,
    0x27b7_0a85_46d2_2ffc, 0x2e1b_2138_5c26_c926, 0x4d2c_6dfc_5ac4_2aed, 0x5338_0d13_9d95_b3df,
    0x650a_7354_8baf_63de, 0x766a_0abb_3c77_b2a8, 0x81c2_c92e_47ed_aee6, 0x9272_2c85_1482_353b,
    0xa2bf_e8a1_4cf1_0364, 0xa81a_664b_bc42_3001, 0xc24b_8b70_d0f8_9791, 0xc76c_51a3_0654_be30,
    0xd192_e819_d6ef_5218, 0xd699_0624_5565_a910, 0xf40e_3585_5771_202a, 0x106a_a070_32bb_d1b8,
    0x19a4_c116_b8d2_d0c8, 0x1e37_6c08_5141_ab53, 0x2748_774c_df8e_eb99, 0x34b0_bcb5_e19b_48a8,
    0x391c_0cb3_c5c9_5a63, 0x4ed8_aa4a_e341_8acb, 0x5b9c_ca4f_7763_e373, 0x682e_6ff3_d6b2_b8a3,
    0x748f_82ee_5def_b2fc, 0x78a5_636f_4317_2f60, 0x84c8_7814_a1f0_ab72, 0x8cc7_0208_1a64_39ec,
    0x90be_fffa_2363_1e28, 0xa450_6ceb_de82_bde9, 0xbef9_a3f7_b2c6_7915, 0xc671_78f2_e372_532b,
    0xca27_3ece_ea26_619c, 0xd186_b8c7_21c0_c207, 0xeada_7dd6_cde0_eb1e, 0xf57d_4f7f_ee6e_d178,
    0x06f0_67aa_7217_6fba, 0x0a63_7dc5_a2c8_98a6, 0x113f_9804_bef9_0dae, 0x1b71_0b35_131c_471b,
    0x28db_77f5_2304_7d84, 0x32ca_ab7b_40c7_2493, 0x3c9e_be0a_15c9_bebc, 0x431d_67c4_9c10_0d4c,
    0x4cc5_d4be_cb3e_42b6, 0x597f_299c_fc65_7e2a, 0x5fcb_6fab_3ad6_faec, 0x6c44_198c_4a47_5817,
];

/// 2^32 times the sines of 1 to 64, without signs.
#[rustfmt::skip]
static SINES: [u32; 64] = [
    0xd76a_a478, 0xe8c7_b756, 0x2420_70db, 0xc1bd_ceee, 0xf57c_0faf, 0x4787_c62a, 0xa830_4613, 0xfd46_9501,
    0x6980_98d8, 0x8b44_f7af, 0xffff_5bb1, 0x895c_d7be, 0x6b90_1122, 0xfd98_7193, 0xa679_438e, 0x49b4_0821,
    0xf61e_2562, 0xc040_b340, 0x265e_5a51, 0xe9b6_c7aa, 0xd62f_105d, 0x0244_1453, 0xd8a1_e681, 0xe7d3_fbc8,
    0x21e1_cde6, 0xc337_07d6, 0xf4d5_0d87, 0x455a_14ed, 0xa9e3_e905, 0xfcef_a3f8, 0x676f_02d9, 0x8d2a_4c8a,
    0xfffa_3942, 0x8771_f681, 0x6d9d_6122, 0xfde5_380c, 0xa4be_ea44, 0x4bde_cfa9, 0xf6bb_4b60, 0xbebf_bc70,
    0x289b_7ec6, 0xeaa1_27fa, 0xd4ef_3085, 0x0488_1d05, 0xd9d4_d039, 0xe6db_99e5, 0x1fa2_7cf8, 0xc4ac_5665,
    0xf429_2244, 0x432a_ff97, 0xab94_23a7, 0xfc93_a039, 0x655b_59c3, 0x8f0c_cc92, 0xffef_f47d, 0x8584_5dd1,
    0x6fa8_7e4f, 0xfe2c_e6e0, 0xa301_4314, 0x4e08_11a1, 0xf753_7e82, 0xbd3a_f235, 0x2ad7_d2bb, 0xeb86_d391,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// RFC 1321 appendix A.5 and the examples of NIST for FIPS 180-4.
    #[test]
    fn published_digests() {
        let two_blocks = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        for (algorithm, text, expected) in [
            (Md5, &b""[..], "d41d8cd98f00b204e9800998ecf8427e"),
            (Md5, b"abc", "900150983cd24fb0d6963f7d28e17f72"),
            (Sha1, b"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (Sha1, two_blocks, "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
            (Sha224, b"abc", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
            (Sha256, b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (Sha256, two_blocks, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
            (
                Sha384,
                b"abc",
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
                 8086072ba1e7cc2358baeca134c825a7",
            ),
            (
                Sha512,
                b"abc",
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                 2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
        ] {
            assert_eq!(hex(&digest(algorithm, text)), expected, "{algorithm:?}");
        }
    }

    /// Case 2 of RFC 2202 and of RFC 4231, and its case 6, whose key is longer than a block.
    #[test]
    fn published_keyed_digests() {
        let (key, text) = (b"Jefe", b"what do ya want for nothing?");
        assert_eq!(hex(&hmac(Md5, key, text)), "750c783e6ab0b503eaa86e310a5db738");
        assert_eq!(hex(&hmac(Sha1, key, text)), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex(&hmac(Sha256, key, text)), expected);
        let long = hmac(Sha256, &[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(hex(&long), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    }

    #[test]
    fn pieces_of_any_size_make_the_same() {
        let text: Vec<u8> = (0..600u32).map(|n| (n * 7) as u8).collect();
        for (_, algorithm) in NAMES {
            for len in [0, 1, 55, 56, 63, 64, 65, 111, 112, 119, 120, 127, 128, 129, 600] {
                let mut pieces = Hasher::new(algorithm);
                text[..len].chunks(13).for_each(|piece| pieces.update(piece));
                assert_eq!(*pieces.finish(), *digest(algorithm, &text[..len]), "{algorithm:?} {len}");
            }
        }
    }
}
