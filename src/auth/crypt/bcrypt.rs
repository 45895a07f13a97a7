//! bcrypt, `$2a$`, `$2b$`, `$2y$` (Provos, Mazieres 1999).

use super::blowfish::Blowfish;
use super::same;

pub const SALT_DIGITS: usize = 22;
pub const DIGITS: usize = 31;
/// More bytes of a password count for nothing.
const KEY_MAX: usize = 72;
const ALPHABET: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The sixteen bytes of a salt.
pub fn salt(digits: &[u8]) -> Option<[u8; 16]> {
    let (mut bytes, mut bits, mut have, mut len) = ([0; 16], 0u32, 0, 0);
    for digit in digits {
        bits = bits << 6 | ALPHABET.iter().position(|d| d == digit)? as u32;
        have += 6;
        if have >= 8 && len < 16 {
            have -= 8;
            bytes[len] = (bits >> have) as u8;
            len += 1;
        }
    }
    (len == 16).then_some(bytes)
}

pub struct Bcrypt {
    /// The password with a zero behind it.
    key: ([u8; KEY_MAX], usize),
    state: Blowfish,
    /// Expansions of the state that are left: two a round.
    left: u64,
}

impl Bcrypt {
    pub fn begin(password: &[u8], salt: &[u8; 16], cost: u32) -> Bcrypt {
        let (mut key, len) = ([0; KEY_MAX], password.len().min(KEY_MAX));
        key[..len].copy_from_slice(&password[..len]);
        let len = (len + 1).min(KEY_MAX);
        let mut state = Blowfish::new();
        state.expand(&key[..len], salt);
        Bcrypt { key: (key, len), state, left: 2 << cost }
    }

    /// Goes on; says whether the password is right once that is known. A step is one expansion: 521 encryptions, about
    /// 100 us on a Dockstar.
    pub fn step(&mut self, salt: &[u8; 16], wanted: &[u8]) -> Option<bool> {
        if self.left == 0 {
            return Some(self.matches(wanted));
        }
        let (key, len) = &self.key;
        self.state.expand(if self.left.is_multiple_of(2) { &key[..*len] } else { salt }, &[]);
        self.left -= 1;
        None
    }

    fn matches(&self, wanted: &[u8]) -> bool {
        let mut bytes = [0u8; 24];
        for (n, text) in b"OrpheanBeholderScryDoubt".chunks_exact(8).enumerate() {
            let word = |at: usize| u32::from_be_bytes([text[at], text[at + 1], text[at + 2], text[at + 3]]);
            let mut pair = [word(0), word(4)];
            for _ in 0..64 {
                pair = self.state.encrypt(pair);
            }
            bytes[n * 8..n * 8 + 4].copy_from_slice(&pair[0].to_be_bytes());
            bytes[n * 8 + 4..n * 8 + 8].copy_from_slice(&pair[1].to_be_bytes());
        }
        // Of the last byte nothing is written: 23 bytes are 31 digits.
        bytes[23] = 0;
        let mut text = [0; 32];
        for (three, out) in bytes.chunks_exact(3).zip(text.chunks_exact_mut(4)) {
            let bits = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
            for (n, digit) in out.iter_mut().enumerate() {
                *digit = ALPHABET[(bits >> (18 - 6 * n)) as usize & 63];
            }
        }
        same(&text[..DIGITS], wanted)
    }
}
