//! SipHash-2-4 (Aumasson, Bernstein): a hash that only who has its key can foresee.

fn round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[2] = v[2].rotate_left(32);
}

/// The hash of the bytes that some parts have together.
pub fn hash(key: [u64; 2], parts: &[&[u8]]) -> u64 {
    let mut v = [
        key[0] ^ 0x736f_6d65_7073_6575,
        key[1] ^ 0x646f_7261_6e64_6f6d,
        key[0] ^ 0x6c79_6765_6e65_7261,
        key[1] ^ 0x7465_6462_7974_6573,
    ];
    let (mut word, mut len) = (0u64, 0u64);
    let take = |v: &mut [u64; 4], word: u64| {
        v[3] ^= word;
        round(v);
        round(v);
        v[0] ^= word;
    };
    for byte in parts.iter().flat_map(|p| p.iter()) {
        word |= u64::from(*byte) << (8 * (len % 8));
        len += 1;
        if len.is_multiple_of(8) {
            take(&mut v, word);
            word = 0;
        }
    }
    take(&mut v, word | len << 56);
    v[2] ^= 0xff;
    (0..4).for_each(|_| round(&mut v));
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

#[cfg(test)]
mod tests {
    use super::hash;

    /// Vectors of the reference implementation: key 00..0f, messages of 0, 1, 8 and 15 bytes 00, 01, 02 ...
    #[test]
    fn vectors() {
        let key = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
        let text: Vec<u8> = (0..15).collect();
        for (len, want) in [
            (0, 0x726f_db47_dd0e_0e31),
            (1, 0x74f8_39c5_93dc_67fd),
            (8, 0x93f5_f579_9a93_2462),
            (15, 0xa129_ca61_49be_45e5u64),
        ] {
            assert_eq!(hash(key, &[&text[..len]]), want, "{len}");
            assert_eq!(hash(key, &[&text[..len / 3], &text[len / 3..len]]), want, "{len}");
        }
    }
}
