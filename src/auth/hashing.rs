//! A password on its way through the hash that it is compared with.

use super::bcrypt::Bcrypt;
use super::md5::Md5Crypt;
use super::sha::ShaCrypt;
use super::{Secret, des};

/// Most bytes of a password: as much as fits into an `Authorization` field that samples decode.
pub const LONGEST: usize = 256;

/// A field in its state keeps the size of all: bcrypt's 4 kB.
#[allow(clippy::large_enum_variant)]
enum State {
    Des,
    Md5(Md5Crypt),
    Sha(ShaCrypt),
    Bcrypt(Bcrypt),
}

/// A check under way. Its size is fixed, and it refers to nothing.
pub struct Hashing {
    password: [u8; LONGEST],
    len: usize,
    state: State,
}

impl Hashing {
    /// None: no hash is needed to know that the password is wrong, or the secret is none.
    pub fn begin(secret: &Secret, password: &[u8]) -> Option<Hashing> {
        let mut kept = [0; LONGEST];
        kept.get_mut(..password.len())?.copy_from_slice(password);
        let state = match secret {
            Secret::Locked | Secret::Plain(_) => return None,
            Secret::Des(_) => State::Des,
            Secret::Md5 { salt, .. } => State::Md5(Md5Crypt::begin(password, salt)),
            Secret::Sha { width, .. } => State::Sha(ShaCrypt::begin(*width)),
            Secret::Bcrypt { salt, cost, .. } => State::Bcrypt(Bcrypt::begin(password, salt, *cost)),
        };
        Some(Hashing { password: kept, len: password.len(), state })
    }

    /// Works for about 100 us of a slow device; `secret`: the one that it began with. The result, once it is known.
    pub fn step(&mut self, secret: &Secret) -> Option<bool> {
        let password = &self.password[..self.len];
        match (&mut self.state, secret) {
            (State::Des, Secret::Des(stored)) => Some(des::matches(password, stored)),
            (State::Md5(state), Secret::Md5 { salt, digits }) => state.step(password, salt, digits),
            (State::Sha(state), Secret::Sha { width, rounds, salt, digits }) => {
                state.step(*width, (password, salt), *rounds, digits)
            }
            (State::Bcrypt(state), Secret::Bcrypt { salt, digits, .. }) => state.step(salt, digits),
            _ => unreachable!("a secret is that of the state"),
        }
    }
}
