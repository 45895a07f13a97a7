//! Users and groups.

use super::Secret;

/// A user of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    pub name: String,
    pub secret: Secret,
    /// Names of the groups that the user is in.
    pub groups: Vec<String>,
}

/// A `userlist` section.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Userlist {
    pub name: String,
    /// Sorted by name.
    pub users: Vec<User>,
    pub groups: Vec<String>,
    /// Number of the first user over all lists.
    pub first: usize,
}

impl Userlist {
    /// The index of a user.
    pub fn find(&self, name: &[u8]) -> Option<usize> {
        self.users.binary_search_by(|u| u.name.as_bytes().cmp(name)).ok()
    }

    /// The names of the users in a group.
    pub fn members(&self, group: &str) -> impl Iterator<Item = &str> {
        self.users.iter().filter(move |u| u.groups.iter().any(|g| g == group)).map(|u| u.name.as_str())
    }
}
