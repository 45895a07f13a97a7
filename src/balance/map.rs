//! `hash-type map-based`: an array in which each usable server appears as often as its weight says, indexed by the hash
//! modulo its length. Also what `static-rr` walks.
//!
//! Every slot goes to the server whose credit, raised by its weight at each slot and lowered by the total weight when it
//! gets one, has the greatest whole number of totals (rounded down, from one total up); the first of equals. That
//! rounding is part of the interface: it decides which key meets which server (checked against haproxy).
//!
//! Weights are those first seen: later ones count only as zero or not (haproxy: "weight changes are ignored").

use super::{Farm, Options, Policy, WEIGHT_SCALE, usable_weight};

pub struct Map {
    /// The user's weight at start, 0 until a weight was seen.
    weights: Vec<u32>,
    credits: Vec<i64>,
    slots: Vec<u32>,
    /// The slot at which round robin goes on.
    next: usize,
    max_weight: u32,
}

impl Map {
    pub fn new(servers: usize, options: &Options) -> Map {
        Map {
            weights: vec![0; servers],
            credits: vec![0; servers],
            slots: Vec::with_capacity(servers * options.max_weight as usize),
            next: 0,
            max_weight: options.max_weight,
        }
    }

    pub fn rebuild(&mut self, farm: &dyn Farm) {
        self.slots.clear();
        self.next = 0;
        let (mut total, mut divisor) = (0_i64, 0_i64);
        for server in 0..farm.len() {
            if self.weights[server] == 0 {
                self.weights[server] = farm.weight(server).div_ceil(WEIGHT_SCALE).min(self.max_weight);
            }
            self.credits[server] = 0;
            if usable_weight(farm, server) > 0 {
                total += i64::from(self.weights[server]);
                divisor = gcd(divisor, i64::from(self.weights[server]));
            }
        }
        if total == 0 {
            return;
        }
        total /= divisor;
        for _ in 0..total {
            let mut best: Option<(i64, usize)> = None;
            for server in 0..farm.len() {
                if usable_weight(farm, server) == 0 {
                    continue;
                }
                self.credits[server] += i64::from(self.weights[server]) / divisor;
                let rank = (self.credits[server] + total).div_euclid(total);
                if best.is_none_or(|(highest, _)| rank > highest) {
                    best = Some((rank, server));
                }
            }
            if let Some((_, server)) = best {
                self.credits[server] -= total;
                self.slots.push(server as u32);
            }
        }
    }

    /// The server of a hash.
    pub fn at(&self, hash: u32) -> Option<usize> {
        self.slots.get((hash as usize).checked_rem(self.slots.len())?).map(|&server| server as usize)
    }

    /// Round robin: the next server with room; `avoid` only if it is the only one.
    pub fn next(&mut self, farm: &dyn Farm, avoid: Option<usize>) -> Option<usize> {
        let mut avoided = None;
        let mut at = self.next;
        for _ in 0..self.slots.len() {
            let server = self.slots[at] as usize;
            at = if at + 1 == self.slots.len() { 0 } else { at + 1 };
            if !farm.has_room(server) {
                continue;
            }
            if Some(server) != avoid {
                self.next = at;
                return Some(server);
            }
            avoided.get_or_insert(at);
        }
        self.next = avoided?;
        avoid
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

pub struct MapHash(Map);

impl MapHash {
    pub fn new(servers: usize, options: &Options) -> MapHash {
        MapHash(Map::new(servers, options))
    }
}

impl Policy for MapHash {
    fn rebuild(&mut self, farm: &dyn Farm) {
        self.0.rebuild(farm);
    }

    fn pick(&mut self, farm: &dyn Farm, key: Option<u32>, avoid: Option<usize>, _random: u32) -> Option<usize> {
        match key {
            Some(hash) => self.0.at(hash),
            None => self.0.next(farm, avoid),
        }
    }
}
