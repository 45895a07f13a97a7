//! Passwords as crypt(3) stores them: what is read at start-up, and the way of a password through the hash.

mod bcrypt;
mod blowfish;
mod des;
mod hashing;
mod md5;
mod sha;
mod stored;

pub use hashing::Hashing;
pub use stored::Stored;

use super::{LONGEST, Unusable, same};

/// The digits of crypt(3) in their usual order.
const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Six bits of a digit of crypt(3).
fn digit_value(digit: u8) -> Option<u32> {
    DIGITS.iter().position(|d| *d == digit).map(|at| at as u32)
}

/// Writes `n` digits of a number, the lowest six bits first, and gives what is left of `out`.
fn put_digits(out: &mut [u8], mut bits: u32, n: usize) -> &mut [u8] {
    let (now, rest) = out.split_at_mut(n);
    for digit in now {
        *digit = DIGITS[bits as usize & 63];
        bits >>= 6;
    }
    rest
}
