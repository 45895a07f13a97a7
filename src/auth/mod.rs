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
//! (`crypt::Hashing::step`) and goes on when the others had their turn. Nothing here allocates once a [`Verifier`] was made.
//!
//! Limits: a hashed password has up to [`LONGEST`] bytes; a longer one is wrong.

#[cfg(feature = "crypt")]
mod crypt;
#[cfg(not(feature = "crypt"))]
#[path = "no_crypt.rs"]
mod crypt;
mod list;
mod secret;
mod siphash;
mod verifier;

pub use list::{User, Userlist};
pub use secret::{Secret, Unusable};
pub use verifier::{KEY_BYTES, Question, Verifier};

/// Most bytes of a password: as much as fits into an `Authorization` field that samples decode.
pub const LONGEST: usize = 256;

/// Compares without saying by time where texts differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

#[cfg(all(test, feature = "crypt"))]
mod tests;
