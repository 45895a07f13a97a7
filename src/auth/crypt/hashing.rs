//! A password on its way through the hash that it is compared with.

use super::bcrypt::Bcrypt;
use super::md5::Md5Crypt;
use super::sha::ShaCrypt;
use super::{LONGEST, Stored, des};

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
    /// None: no hash is needed to know that the password is wrong.
    pub fn begin(stored: &Stored, password: &[u8]) -> Option<Hashing> {
        let mut kept = [0; LONGEST];
        kept.get_mut(..password.len())?.copy_from_slice(password);
        let state = match stored {
            Stored::Des(_) => State::Des,
            Stored::Md5 { salt, .. } => State::Md5(Md5Crypt::begin(password, salt)),
            Stored::Sha { width, .. } => State::Sha(ShaCrypt::begin(*width)),
            Stored::Bcrypt { salt, cost, .. } => State::Bcrypt(Bcrypt::begin(password, salt, *cost)),
        };
        Some(Hashing { password: kept, len: password.len(), state })
    }

    /// Works for about 100 us of a slow device; `stored`: the one that it began with. The result, once it is known.
    pub fn step(&mut self, stored: &Stored) -> Option<bool> {
        let password = &self.password[..self.len];
        match (&mut self.state, stored) {
            (State::Des, Stored::Des(digits)) => Some(des::matches(password, digits)),
            (State::Md5(state), Stored::Md5 { salt, digits }) => state.step(password, salt, digits),
            (State::Sha(state), Stored::Sha { width, rounds, salt, digits }) => {
                state.step(*width, (password, salt), *rounds, digits)
            }
            (State::Bcrypt(state), Stored::Bcrypt { salt, digits, .. }) => state.step(salt, digits),
            _ => unreachable!("a hash is that of the state"),
        }
    }
}
