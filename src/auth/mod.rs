//! Users, groups and passwords (manual 3.4: userlist), and how passwords are checked without keeping others waiting.
//!
//! ```text
//! conf --> Userlist { users, groups }        a rule asks --> Verifier --known--> yes / no
//!                 Secret (hash as stored)                        | new
//!                                                                v
//!                                      Hashing, one step a turn of the loop --> known, session woken
//! ```
//!
//! Hashes are slow by design: 5,000 rounds of SHA-512 take a tenth of a second on a slow device, bcrypt of cost 12 ten
//! times that. So each algorithm is a machine of fixed size that stops after a bounded number of rounds
//! ([`Hashing::step`]) and goes on when the others had their turn. Nothing here allocates once a [`Verifier`] was made.
//!
//! Limits: a hashed password has up to [`LONGEST`] bytes; a longer one is wrong.

mod bcrypt;
mod blowfish;
mod des;
mod hashing;
mod list;
mod md5;
mod secret;
mod sha;
mod siphash;
mod verifier;

pub use hashing::{Hashing, LONGEST};
pub use list::{User, Userlist};
pub use secret::{Secret, Unusable};
pub use verifier::{KEY_BYTES, Question, Verifier};

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

/// Compares without saying by time where texts differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

#[cfg(test)]
mod tests;
