//! MD5-crypt, `$1$` (Kamp, FreeBSD 1994).

use super::{put_digits, same};
use crate::util::hash::digest::{Algorithm, Hasher};

const ROUNDS: u32 = 1000;
/// Rounds a step: of two blocks at most for a password of usual length, 100 us on a Dockstar.
const STEP: u32 = 80;

pub const SALT_MAX: usize = 8;
pub const DIGITS: usize = 22;

fn sixteen(hasher: Hasher) -> [u8; 16] {
    let digest = hasher.finish();
    std::array::from_fn(|n| digest[n])
}

fn md5(parts: &[&[u8]]) -> [u8; 16] {
    let mut hasher = Hasher::new(Algorithm::Md5);
    parts.iter().for_each(|part| hasher.update(part));
    sixteen(hasher)
}

pub struct Md5Crypt {
    digest: [u8; 16],
    done: u32,
}

impl Md5Crypt {
    /// Before the first round.
    pub fn begin(password: &[u8], salt: &[u8]) -> Md5Crypt {
        let other = md5(&[password, salt, password]);
        let mut first = Hasher::new(Algorithm::Md5);
        [password, b"$1$", salt].iter().for_each(|part| first.update(part));
        for n in (0..password.len()).step_by(16) {
            first.update(&other[..(password.len() - n).min(16)]);
        }
        let mut bits = password.len();
        while bits > 0 {
            first.update(if bits & 1 == 1 { &[0] } else { &password[..1] });
            bits >>= 1;
        }
        Md5Crypt { digest: sixteen(first), done: 0 }
    }

    /// Goes on; says whether the password is right once that is known.
    pub fn step(&mut self, password: &[u8], salt: &[u8], wanted: &[u8]) -> Option<bool> {
        for _ in 0..STEP {
            if self.done == ROUNDS {
                return Some(self.matches(wanted));
            }
            let (n, digest) = (self.done, &self.digest[..]);
            let (before, after) = if n & 1 == 1 { (password, digest) } else { (digest, password) };
            let salt = if n.is_multiple_of(3) { &[] } else { salt };
            let again = if n.is_multiple_of(7) { &[] } else { password };
            self.digest = md5(&[before, salt, again, after]);
            self.done += 1;
        }
        None
    }

    fn matches(&self, wanted: &[u8]) -> bool {
        let (d, mut text) = (self.digest.map(u32::from), [0; DIGITS]);
        let mut out = &mut text[..];
        for (a, b, c) in [(0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5)] {
            out = put_digits(out, d[a] << 16 | d[b] << 8 | d[c], 4);
        }
        put_digits(out, d[11], 2);
        same(&text, wanted)
    }
}
