//! `balance leastconn`: the lowest load for its weight; among equals the one whose load changed longest ago.
//!
//! The load compared is haproxy's: 0 for an idle server whatever its weight, else (sessions + 1) * 4096 / weight, rounded
//! down. O(n) a pick: loads are read when needed, nothing is kept sorted.

use super::{Algorithm, Farm, Policy, usable_weight};
use crate::util::ManualText;

pub const ROW: Algorithm = Algorithm {
    name: "leastconn",
    doc: ManualText::new("the server with the fewest sessions for its weight, round robin among equals"),
    since: ManualText::new("1.2"),
    dynamic_weights: true,
    make: |servers, _| Box::new(LeastConn { servers: vec![Server::default(); servers], clock: 0 }),
};

#[derive(Clone, Copy, Default)]
struct Server {
    /// Effective weight, 0 when not usable.
    weight: u32,
    /// When its load last changed, in the clock below.
    changed: u64,
}

struct LeastConn {
    servers: Vec<Server>,
    /// Counts changes of load.
    clock: u64,
}

impl Policy for LeastConn {
    fn rebuild(&mut self, farm: &dyn Farm) {
        let joining = self.clock > 0;
        for (index, server) in self.servers.iter_mut().enumerate().take(farm.len()) {
            let weight = usable_weight(farm, index);
            if joining && server.weight == 0 && weight > 0 {
                self.clock += 1;
                server.changed = self.clock;
            }
            server.weight = weight;
        }
    }

    fn pick(&mut self, farm: &dyn Farm, _key: Option<u32>, avoid: Option<usize>, _random: u32) -> Option<usize> {
        let mut best: Option<(bool, u64, u64, usize)> = None;
        for (index, server) in self.servers.iter().enumerate().take(farm.len()) {
            if server.weight == 0 || !farm.has_room(index) {
                continue;
            }
            let load = match u64::from(farm.load(index)) {
                0 => 0,
                sessions => (sessions + 1) * 4096 / u64::from(server.weight),
            };
            let rank = (avoid == Some(index), load, server.changed, index);
            if best.is_none_or(|best| rank < best) {
                best = Some(rank);
            }
        }
        let (.., picked) = best?;
        self.load_changed(picked);
        Some(picked)
    }

    fn follows_load(&self) -> bool {
        true
    }

    fn load_changed(&mut self, server: usize) {
        self.clock += 1;
        self.servers[server].changed = self.clock;
    }
}
