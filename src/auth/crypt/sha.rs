//! SHA-crypt, `$5$` and `$6$` (Drepper, "Unix crypt using SHA-256 and SHA-512").

use super::{LONGEST, put_digits, same};
use crate::util::hash::digest::{Algorithm, Digest, Hasher};

pub const SALT_MAX: usize = 16;
pub const USUAL_ROUNDS: u32 = 5000;

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Width {
    Sha256,
    Sha512,
}

impl Width {
    fn hasher(self) -> Hasher {
        Hasher::new(if self == Width::Sha512 { Algorithm::Sha512 } else { Algorithm::Sha256 })
    }

    /// Bytes of the digest; a block has twice as many.
    fn len(self) -> usize {
        if self == Width::Sha512 { 64 } else { 32 }
    }

    /// Digits of a hash.
    pub fn digits(self) -> usize {
        if self == Width::Sha512 { 86 } else { 43 }
    }

    /// Bytes that a step hashes, in whole blocks: 8 or 32 of them take 100 us on a Dockstar (1.2 GHz, 32 bits).
    fn step_bytes(self) -> usize {
        if self == Width::Sha512 { 8 * 128 } else { 32 * 64 }
    }

    /// How often a text of this length is hashed in a step.
    fn times(self, len: usize) -> usize {
        (self.step_bytes() / len.max(1)).max(1)
    }

    /// The digest of some parts together.
    fn digest(self, parts: &[&[u8]]) -> Digest {
        let mut hasher = self.hasher();
        parts.iter().for_each(|part| hasher.update(part));
        hasher.finish()
    }

    /// The digest that the rounds begin with.
    fn first(self, password: &[u8], salt: &[u8]) -> Digest {
        let other = self.digest(&[password, salt, password]);
        let mut hasher = self.hasher();
        hasher.update(password);
        hasher.update(salt);
        for n in (0..password.len()).step_by(self.len()) {
            hasher.update(&other[..(password.len() - n).min(self.len())]);
        }
        let mut bits = password.len();
        while bits > 0 {
            hasher.update(if bits & 1 == 1 { &other } else { password });
            bits >>= 1;
        }
        hasher.finish()
    }

    /// The digits of a digest: three bytes are four digits, in an order that goes round.
    fn text(self, digest: &[u8]) -> [u8; 86] {
        let (mut text, third) = ([0; 86], self.len() / 3);
        let (mut at, mut out) = ([0, third, 2 * third], &mut text[..]);
        for _ in 0..third {
            let [a, b, c] = at.map(|n| u32::from(digest[n]));
            out = put_digits(out, a << 16 | b << 8 | c, 4);
            at = at.map(|n| n + 1);
            match self {
                Width::Sha256 => at.rotate_right(1),
                Width::Sha512 => at.rotate_left(1),
            }
        }
        match self {
            Width::Sha256 => put_digits(out, u32::from(digest[31]) << 8 | u32::from(digest[30]), 3),
            Width::Sha512 => put_digits(out, digest[63].into(), 2),
        };
        text
    }
}

enum Stage {
    First,
    /// Hashes the password as often as it has bytes: how often is left.
    Password(Hasher, usize),
    /// Hashes the salt.
    Salt(Hasher, usize),
    Rounds(u32),
}

pub struct ShaCrypt {
    digest: Digest,
    /// What stands for the password and for the salt in the rounds.
    p: [u8; LONGEST],
    s: [u8; SALT_MAX],
    stage: Stage,
}

/// Hashes a text up to so many times; the digest, when none is left.
fn spread(hasher: &mut Hasher, text: &[u8], times: usize, left: &mut usize, width: Width) -> Option<Digest> {
    let now = times.min(*left);
    (0..now).for_each(|_| hasher.update(text));
    *left -= now;
    (*left == 0).then(|| std::mem::replace(hasher, width.hasher()).finish())
}

/// Fills `to` with the digest, over and over.
fn repeat(to: &mut [u8], digest: &[u8]) {
    to.iter_mut().zip(digest.iter().cycle()).for_each(|(to, from)| *to = *from);
}

impl ShaCrypt {
    /// Before the first step.
    pub fn begin(width: Width) -> ShaCrypt {
        ShaCrypt { digest: width.digest(&[]), p: [0; LONGEST], s: [0; SALT_MAX], stage: Stage::First }
    }

    /// Goes on; says whether the password is right once that is known.
    pub fn step(&mut self, width: Width, (password, salt): (&[u8], &[u8]), rounds: u32, wanted: &[u8]) -> Option<bool> {
        match &mut self.stage {
            Stage::First => {
                self.digest = width.first(password, salt);
                self.stage = Stage::Password(width.hasher(), password.len());
            }
            Stage::Password(hasher, left) => {
                if let Some(digest) = spread(hasher, password, width.times(password.len()), left, width) {
                    repeat(&mut self.p[..password.len()], &digest);
                    self.stage = Stage::Salt(width.hasher(), 16 + usize::from(self.digest[0]));
                }
            }
            Stage::Salt(hasher, left) => {
                if let Some(digest) = spread(hasher, salt, width.times(salt.len()), left, width) {
                    repeat(&mut self.s[..salt.len()], &digest);
                    self.stage = Stage::Rounds(0);
                }
            }
            Stage::Rounds(done) => {
                let (p, s) = (&self.p[..password.len()], &self.s[..salt.len()]);
                // What is hashed in the longest round, with the end that the last block gets.
                let blocks = (width.len() + 2 * p.len() + s.len() + 17).div_ceil(2 * width.len());
                for _ in 0..width.times(blocks * 2 * width.len()) {
                    if *done == rounds {
                        return Some(same(&width.text(&self.digest)[..width.digits()], wanted));
                    }
                    let (n, digest) = (*done, &self.digest[..]);
                    let (before, after) = if n & 1 == 1 { (p, digest) } else { (digest, p) };
                    let s = if n.is_multiple_of(3) { &[] } else { s };
                    let again = if n.is_multiple_of(7) { &[] } else { p };
                    self.digest = width.digest(&[before, s, again, after]);
                    *done += 1;
                }
            }
        }
        None
    }
}
