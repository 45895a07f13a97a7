//! `balance first`: the lowest id with room, so that the servers at the end can be switched off. Weights only say
//! whether a server takes traffic at all.

use super::{Algorithm, Farm, Policy, usable_weight};
use crate::util::ManualText;

pub const ROW: Algorithm = Algorithm {
    name: "first",
    doc: ManualText::new("the server with the lowest id that is below its maxconn"),
    since: ManualText::new("1.5"),
    dynamic_weights: true,
    make: |servers, _| Box::new(First { by_id: Vec::with_capacity(servers) }),
};

struct First {
    /// Usable servers by ascending id.
    by_id: Vec<u32>,
}

impl Policy for First {
    fn rebuild(&mut self, farm: &dyn Farm) {
        self.by_id.clear();
        self.by_id
            .extend((0..farm.len()).filter(|&server| usable_weight(farm, server) > 0).map(|server| server as u32));
        self.by_id.sort_unstable_by_key(|&server| (farm.id(server as usize), server));
    }

    fn pick(&mut self, farm: &dyn Farm, _key: Option<u32>, avoid: Option<usize>, _random: u32) -> Option<usize> {
        let mut with_room = self.by_id.iter().map(|&server| server as usize).filter(|&server| farm.has_room(server));
        let first = with_room.next()?;
        if Some(first) == avoid { with_room.next().or(avoid) } else { Some(first) }
    }
}
