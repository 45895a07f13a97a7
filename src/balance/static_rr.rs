//! `balance static-rr`: round robin over the same map as the map-based hash; weights are those of the start.

use super::map::Map;
use super::{Algorithm, Farm, Policy};
use crate::util::ManualText;

pub const ROW: Algorithm = Algorithm {
    name: "static-rr",
    doc: ManualText::new("each server in turns, by weights that cannot change at run time"),
    since: ManualText::new("1.3.15"),
    dynamic_weights: false,
    make: |servers, options| Box::new(StaticRr(Map::new(servers, options))),
};

struct StaticRr(Map);

impl Policy for StaticRr {
    fn rebuild(&mut self, farm: &dyn Farm) {
        self.0.rebuild(farm);
    }

    fn pick(&mut self, farm: &dyn Farm, _key: Option<u32>, avoid: Option<usize>, _random: u32) -> Option<usize> {
        self.0.next(farm, avoid)
    }
}
