//! A map for the configuration: a sorted list.
//!
//! Inserting moves what stands behind, which for the names of a configuration costs nothing that can be seen. The standard library's
//! trees are made anew for each pair of types, 3 to 5 kB each; this one takes a few hundred bytes.

use std::borrow::Borrow;

/// Keys, sorted, with their values.
#[derive(Clone, Debug)]
pub struct Map<K, V>(Vec<(K, V)>);

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Map(Vec::new())
    }
}

impl<K: Ord, V> Map<K, V> {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where a key is, or belongs.
    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.0.binary_search_by(|pair| pair.0.borrow().cmp(key))
    }

    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.place(key).ok().map(|at| &self.0[at].1)
    }

    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.place(key).is_ok()
    }

    /// Sets a value; returns the one before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.place(&key) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    /// Takes a key out, if it is there.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        if let Ok(at) = self.place(key) {
            self.0.remove(at);
        }
    }

    /// Keeps the keys for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&K) -> bool) {
        self.0.retain(|pair| keep(&pair.0));
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Map<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut map = Map::new();
        pairs.into_iter().for_each(|(key, value)| _ = map.insert(key, value));
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn as_the_standard_librarys(steps in prop::collection::vec((0..3u8, 0..20u8, any::<u8>()), 0..60)) {
            let (mut map, mut want) = (Map::new(), BTreeMap::new());
            for (what, key, value) in steps {
                match what {
                    0 => prop_assert_eq!(map.insert(key, value), want.insert(key, value)),
                    1 => {
                        map.remove(&key);
                        want.remove(&key);
                    }
                    _ => {
                        map.retain(|k| k % 7 != value % 7);
                        want.retain(|k, _| k % 7 != value % 7);
                    }
                }
                prop_assert_eq!(map.get(&key), want.get(&key));
                prop_assert_eq!(map.contains_key(&key), want.contains_key(&key));
            }
            prop_assert!(map.0.iter().map(|pair| (&pair.0, &pair.1)).eq(&want));
        }
    }
}
