//! `balance roundrobin`: exact and evenly spread weighted round robin.
//!
//! Time is counted in picks. With a total weight W, a server of weight w is due once every W/w picks: its k-th turn may be
//! taken from pick k*W/w on (it is *due*) and should be before (k+1)*W/w (its *deadline*). Each pick takes, of the due
//! servers, the one with the earliest deadline; the heavier of equals, then configuration order. As the turns fill the
//! time exactly, this keeps every deadline (earliest deadline first is optimal), so that at any time a server is less
//! than one turn away from its exact share, and any W/gcd picks in a row contain exactly that share.
//!
//! A server without room when its turn comes loses the turn. A change of weight or state keeps how far each server is
//! from its next turn, in turns. O(log n) a pick; a pick that meets k full servers costs O(k log n).
//!
//! haproxy gives the same shares in another order of the turns when weights differ by uneven ratios.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::{Algorithm, Farm, Policy, usable_weight};
use crate::util::ManualText;

pub const ROW: Algorithm = Algorithm {
    name: "roundrobin",
    doc: ManualText::new("each server in turns, by weights that may change at run time; the default"),
    since: ManualText::new("1.1"),
    dynamic_weights: true,
    make: |servers, _| {
        Box::new(RoundRobin {
            servers: vec![Server::default(); servers],
            due: BinaryHeap::with_capacity(servers),
            waiting: BinaryHeap::with_capacity(servers),
            passed: Vec::with_capacity(servers),
            total: 0,
            now: START,
        })
    },
};

/// The first pick's time, far enough from 0 for what is before it. 2^64 is never reached.
const START: u64 = 1 << 40;

/// The next turn of a server begins at `pick + part / weight`.
#[derive(Clone, Copy, Default)]
struct Server {
    weight: u32,
    pick: u64,
    part: u32,
}

impl Server {
    /// The turn after, which is also the deadline of this one.
    fn following(mut self, total: u32) -> Server {
        self.pick += u64::from(total / self.weight);
        self.part += total % self.weight;
        if self.part >= self.weight {
            self.part -= self.weight;
            self.pick += 1;
        }
        self
    }
}

/// A heap's entry; the greatest is the earliest time, then the heaviest, then the first configured.
#[derive(Clone, Copy)]
struct Entry {
    time: Server,
    index: u32,
}

impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> Ordering {
        let (mine, theirs) = (&self.time, &other.time);
        (theirs.pick.cmp(&mine.pick))
            .then_with(|| {
                let mine_scaled = u64::from(mine.part) * u64::from(theirs.weight);
                (u64::from(theirs.part) * u64::from(mine.weight)).cmp(&mine_scaled)
            })
            .then_with(|| mine.weight.cmp(&theirs.weight))
            .then_with(|| other.index.cmp(&self.index))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

struct RoundRobin {
    servers: Vec<Server>,
    /// Servers whose turn has begun, by deadline.
    due: BinaryHeap<Entry>,
    /// The other ones, by the begin of their turn.
    waiting: BinaryHeap<Entry>,
    /// Within a pick: servers looked at and not taken.
    passed: Vec<u32>,
    total: u32,
    /// Turns taken or lost so far.
    now: u64,
}

impl RoundRobin {
    fn wait(&mut self, index: u32) {
        self.waiting.push(Entry { time: self.servers[index as usize], index });
    }

    /// Takes the server whose turn it is out of the heaps; one that waits, if none is due.
    fn take(&mut self) -> Option<u32> {
        while let Some(entry) = self.waiting.peek().filter(|entry| entry.time.pick <= self.now).copied() {
            self.waiting.pop();
            self.due.push(Entry { time: entry.time.following(self.total), index: entry.index });
        }
        self.due.pop().or_else(|| self.waiting.pop()).map(|entry| entry.index)
    }

    fn spend_turn(&mut self, index: u32) {
        let server = &mut self.servers[index as usize];
        *server = server.following(self.total);
    }
}

impl Policy for RoundRobin {
    fn rebuild(&mut self, farm: &dyn Farm) {
        let old_total = i64::from(self.total);
        self.total = (0..farm.len()).map(|server| usable_weight(farm, server)).sum();
        self.due.clear();
        self.waiting.clear();
        for index in 0..farm.len() {
            let weight = usable_weight(farm, index);
            let server = &mut self.servers[index];
            if weight > 0 && server.weight > 0 {
                // Turns to go, times the total weight: its scale is the total, whatever the server's own weight.
                let ahead =
                    server.pick.wrapping_sub(self.now) as i64 * i64::from(server.weight) + i64::from(server.part);
                let ahead = ahead * i64::from(self.total) / old_total;
                server.pick = self.now.wrapping_add(ahead.div_euclid(i64::from(weight)) as u64);
                server.part = ahead.rem_euclid(i64::from(weight)) as u32;
            } else {
                (server.pick, server.part) = (self.now, 0);
            }
            server.weight = weight;
            if weight > 0 {
                self.wait(index as u32);
            }
        }
    }

    fn pick(&mut self, farm: &dyn Farm, _key: Option<u32>, avoid: Option<usize>, _random: u32) -> Option<usize> {
        self.passed.clear();
        let mut avoided = None;
        let picked = loop {
            let Some(index) = self.take() else { break avoided };
            if farm.has_room(index as usize) {
                if Some(index as usize) != avoid {
                    break Some(index);
                }
                avoided = Some(index);
            } else {
                self.passed.push(index);
            }
        };
        let turn = self.now;
        if let Some(index) = picked {
            self.spend_turn(index);
            self.now += 1;
            self.wait(index);
        }
        if let Some(index) = avoided.filter(|_| picked != avoided) {
            self.passed.push(index);
        }
        while let Some(index) = self.passed.pop() {
            if picked.is_some() && self.servers[index as usize].pick <= turn {
                self.spend_turn(index);
                self.now += 1;
            }
            self.wait(index);
        }
        picked.map(|index| index as usize)
    }
}
