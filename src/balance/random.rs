//! `balance random(draws)`: a few random keys on the consistent ring, the least loaded (for its weight) of the servers
//! they meet ("the power of two choices").
//!
//! Where all draws meet full servers, the last one walks on to a server with room; haproxy makes the session wait then.

use super::chash::Ring;
use super::{Algorithm, Farm, Policy};
use crate::util::ManualText;
use crate::util::hash::avalanche;

pub const ROW: Algorithm = Algorithm {
    name: "random",
    doc: ManualText::new("the least loaded of a few servers drawn at random by weight"),
    since: ManualText::new("1.9"),
    dynamic_weights: true,
    make: |servers, options| Box::new(Random { ring: Ring::new(servers, options), draws: options.random_draws.max(1) }),
};

struct Random {
    ring: Ring,
    draws: u32,
}

impl Policy for Random {
    fn rebuild(&mut self, farm: &dyn Farm) {
        self.ring.rebuild(farm);
    }

    fn pick(&mut self, farm: &dyn Farm, _key: Option<u32>, avoid: Option<usize>, random: u32) -> Option<usize> {
        let mut hash = random;
        let mut best: Option<usize> = None;
        for _ in 0..self.draws {
            hash = avalanche(hash.wrapping_add(0x9e37_79b9));
            let drawn = self.ring.at(farm, hash, avoid)?;
            if best.is_none_or(|best| less_loaded(farm, drawn, best)) {
                best = Some(drawn);
            }
        }
        best.filter(|&server| farm.has_room(server)).or_else(|| self.ring.at_with_room(farm, hash, avoid))
    }
}

/// A server with room before one without, then the lower load for its weight.
fn less_loaded(farm: &dyn Farm, a: usize, b: usize) -> bool {
    let per_weight = |server: usize, other: usize| u64::from(farm.load(server)) * u64::from(farm.weight(other));
    (!farm.has_room(a), per_weight(a, b)) < (!farm.has_room(b), per_weight(b, a))
}
