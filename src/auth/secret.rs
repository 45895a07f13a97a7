//! What a userlist knows of a password: read at start-up, so that a hash that can never match is told there.

use super::crypt::Stored;

/// The password of a user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Secret {
    /// No password is right: the user has none, or the field is locked as in shadow(5).
    Locked,
    Plain(Box<[u8]>),
    /// Its hash is worked on step by step.
    Hashed(Stored),
}

/// Why a hash is of no use here.
#[derive(PartialEq, Eq, Debug)]
pub enum Unusable {
    /// crypt(3) of some system checks it: what is wrong, and what to do.
    NotBuilt(String, &'static str),
    /// No password matches it, here or elsewhere.
    Broken(String, &'static str),
}

impl Secret {
    /// Reads a hash as crypt(3) writes it.
    pub fn parse(text: &str) -> Result<Secret, Unusable> {
        if text.starts_with(['*', '!']) { Ok(Secret::Locked) } else { Stored::parse(text).map(Secret::Hashed) }
    }

    /// A plain password.
    pub fn plain(text: &str) -> Secret {
        Secret::Plain(text.as_bytes().into())
    }
}
