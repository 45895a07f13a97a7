//! `hash-type consistent`: each server stands on a ring of 2^32 places as often as its effective weight says (16 for a
//! weight of 1), at `avalanche(id * 4096 + n)`; a key goes to the nearest place, the one before it when both are as far.
//! The places depend on nothing but the server's id and weight: another server's coming or going moves only its own keys.
//!
//! With `hash-balance-factor`, servers that already have their share of the load are passed over, walking up the ring.
//! Loads include queued sessions here; haproxy counts served ones only, so it can queue where this walks on.

use super::{Farm, Options, Policy, WEIGHT_SCALE, usable_weight};
use crate::util::hash::avalanche;

/// Places a server id owns: `id * PLACES` to the next. Equal to the greatest effective weight.
const PLACES: u32 = 4096;

pub struct Ring {
    /// (place, server), ascending. `avalanche` is a bijection, so places differ while ids do and are below 2^20.
    nodes: Vec<(u32, u32)>,
    /// The place after which round robin goes on.
    next: u32,
    /// Effective weight of the usable servers configured before each.
    weight_before: Vec<u64>,
    max_nodes: u32,
    balance_factor: u32,
}

impl Ring {
    pub fn new(servers: usize, options: &Options) -> Ring {
        let max_nodes = (options.max_weight * WEIGHT_SCALE).min(PLACES);
        Ring {
            nodes: Vec::with_capacity(servers * max_nodes as usize),
            next: 0,
            weight_before: vec![0; servers],
            max_nodes,
            balance_factor: options.hash_balance_factor,
        }
    }

    pub fn rebuild(&mut self, farm: &dyn Farm) {
        self.nodes.clear();
        let mut weights = 0;
        for server in 0..farm.len() {
            let first = farm.id(server).wrapping_mul(PLACES);
            let nodes = usable_weight(farm, server).min(self.max_nodes);
            self.weight_before[server] = weights;
            weights += u64::from(usable_weight(farm, server));
            self.nodes.extend((0..nodes).map(|n| (avalanche(first.wrapping_add(n)), server as u32)));
        }
        self.nodes.sort_unstable();
    }

    /// The position of the node nearest to `hash`.
    fn nearest(&self, hash: u32) -> Option<usize> {
        let last = self.nodes.len().checked_sub(1)?;
        let after = match self.nodes.partition_point(|&(place, _)| place < hash) {
            past if past > last => 0,
            position => position,
        };
        let before = if after == 0 { last } else { after - 1 };
        let up = self.nodes[after].0.wrapping_sub(hash);
        let down = hash.wrapping_sub(self.nodes[before].0);
        Some(if up != 0 && down <= up { before } else { after })
    }

    /// Walks up the ring from `position`, once round, to the first server that `fits`.
    fn walk(&self, position: usize, mut fits: impl FnMut(usize) -> bool) -> Option<usize> {
        let (low, high) = self.nodes.split_at(position);
        high.iter().chain(low).map(|&(_, server)| server as usize).find(|&server| fits(server))
    }

    /// The server of a hash, full or not.
    pub fn at(&self, farm: &dyn Farm, hash: u32, avoid: Option<usize>) -> Option<usize> {
        let position = self.nearest(hash)?;
        let nearest = self.nodes[position].1 as usize;
        if self.balance_factor == 0 && Some(nearest) != avoid {
            return Some(nearest);
        }
        let share = Share::of(farm, self.balance_factor);
        let other = self.has_other(farm, avoid);
        self.walk(position, |server| {
            (!other || Some(server) != avoid) && share.allows(farm, server, self.weight_before[server])
        })
        .or_else(|| self.walk(position, |server| !other || Some(server) != avoid))
    }

    fn has_other(&self, farm: &dyn Farm, avoid: Option<usize>) -> bool {
        avoid.is_some() && (0..farm.len()).any(|server| Some(server) != avoid && usable_weight(farm, server) > 0)
    }

    /// Like [`Ring::at`], but walks on to a server with room; `None` if there is none.
    pub fn at_with_room(&self, farm: &dyn Farm, hash: u32, avoid: Option<usize>) -> Option<usize> {
        let (any, other) = room(farm, avoid);
        if !any {
            return None;
        }
        self.walk(self.nearest(hash)?, |server| farm.has_room(server) && (!other || Some(server) != avoid))
    }

    /// Round robin for requests without a key: up the ring, one node a pick, servers without room passed over.
    pub fn next(&mut self, farm: &dyn Farm, avoid: Option<usize>) -> Option<usize> {
        let (any, other) = room(farm, avoid);
        if !any {
            return None;
        }
        let start = self.nodes.partition_point(|&(place, _)| place < self.next);
        let (low, high) = self.nodes.split_at(start);
        let (place, server) = *high.iter().chain(low).find(|&&(_, server)| {
            let server = server as usize;
            farm.has_room(server) && (!other || Some(server) != avoid)
        })?;
        self.next = place.wrapping_add(1);
        Some(server as usize)
    }
}

/// Whether a usable server has room, and whether one other than `avoid` has.
fn room(farm: &dyn Farm, avoid: Option<usize>) -> (bool, bool) {
    let mut any = false;
    for server in 0..farm.len() {
        if usable_weight(farm, server) > 0 && farm.has_room(server) {
            any = true;
            if Some(server) != avoid {
                return (true, true);
            }
        }
    }
    (any, false)
}

/// What `hash-balance-factor` leaves: the load with this session, times the factor, rounded up, is dealt out to the usable
/// servers by weight. Going through them in configuration order each gets the whole part of what is dealt so far less what
/// the ones before got, and one place at least. The shares add up to more than the load, so some server has one left.
struct Share {
    places: u64,
    weights: u64,
}

impl Share {
    fn of(farm: &dyn Farm, factor: u32) -> Share {
        if factor == 0 {
            return Share { places: 0, weights: 0 };
        }
        let (mut load, mut weights) = (0, 0);
        for server in 0..farm.len() {
            let weight = usable_weight(farm, server);
            if weight > 0 {
                load += u64::from(farm.load(server));
                weights += u64::from(weight);
            }
        }
        Share { places: ((load + 1) * u64::from(factor)).div_ceil(100), weights }
    }

    /// Whether `server`, whose usable predecessors weigh `before` together, has a place left.
    fn allows(&self, farm: &dyn Farm, server: usize, before: u64) -> bool {
        if self.weights == 0 {
            return true;
        }
        let dealt = |weight: u64| weight * self.places / self.weights;
        let share = dealt(before + u64::from(usable_weight(farm, server))) - dealt(before);
        u64::from(farm.load(server)) < share.max(1)
    }
}

pub struct Consistent(Ring);

impl Consistent {
    pub fn new(servers: usize, options: &Options) -> Consistent {
        Consistent(Ring::new(servers, options))
    }
}

impl Policy for Consistent {
    fn rebuild(&mut self, farm: &dyn Farm) {
        self.0.rebuild(farm);
    }

    fn pick(&mut self, farm: &dyn Farm, key: Option<u32>, avoid: Option<usize>, _random: u32) -> Option<usize> {
        match key {
            Some(hash) => self.0.at(farm, hash, avoid),
            None => self.0.next(farm, avoid),
        }
    }
}
