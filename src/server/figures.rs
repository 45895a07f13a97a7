//! What each worker tells of itself, so that the one who is asked can answer for all: figures that the worker stores before it waits,
//! and that are therefore exact as long as it sleeps.

use crate::mem::Usage;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Pools of a worker.
pub const POOLS: usize = 6;

#[derive(Default, Debug)]
struct Pool {
    capacity: AtomicUsize,
    used: AtomicUsize,
    peak: AtomicUsize,
    touched: AtomicUsize,
    failed: AtomicUsize,
}

/// The figures of one worker.
#[derive(Default, Debug)]
pub struct Figures {
    pools: [Pool; POOLS],
    logs_dropped: AtomicUsize,
}

impl Figures {
    /// Stores the present figures; the owner alone does.
    pub fn publish(&self, pools: &[(&'static str, Usage); POOLS], logs_dropped: u64) {
        for (p, (_, now)) in self.pools.iter().zip(pools) {
            p.capacity.store(now.capacity, Relaxed);
            p.used.store(now.used, Relaxed);
            p.peak.store(now.peak, Relaxed);
            p.touched.store(now.touched, Relaxed);
            p.failed.store(now.failed as usize, Relaxed);
        }
        self.logs_dropped.store(logs_dropped as usize, Relaxed);
    }
}

/// The pools of all workers together; names and slot sizes are those of one's own. The sum of the peaks is an upper bound: they need
/// not have been at the same time.
pub fn pools_of_all(all: &[Figures], own: &[(&'static str, Usage); POOLS]) -> [(&'static str, Usage); POOLS] {
    let mut total = *own;
    for (i, (_, u)) in total.iter_mut().enumerate() {
        let sum = |figure: fn(&Pool) -> &AtomicUsize| all.iter().map(|f| figure(&f.pools[i]).load(Relaxed)).sum();
        u.capacity = sum(|p| &p.capacity);
        u.used = sum(|p| &p.used);
        u.peak = sum(|p| &p.peak);
        u.touched = sum(|p| &p.touched);
        u.failed = all.iter().map(|f| f.pools[i].failed.load(Relaxed) as u64).sum();
    }
    total
}

/// Log lines that no sink took, of all workers.
pub fn logs_dropped(all: &[Figures]) -> u64 {
    all.iter().map(|f| f.logs_dropped.load(Relaxed) as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_workers_are_added_up() {
        let usage = |n| Usage { capacity: 10, slot_bytes: 100, used: n, peak: n + 1, touched: n + 2, failed: n as u64 };
        let own =
            [("a", usage(1)), ("b", usage(2)), ("c", usage(0)), ("d", usage(0)), ("e", usage(0)), ("f", usage(0))];
        let other =
            [("a", usage(5)), ("b", usage(0)), ("c", usage(0)), ("d", usage(0)), ("e", usage(0)), ("f", usage(0))];
        let all = [Figures::default(), Figures::default()];
        all[0].publish(&own, 3);
        all[1].publish(&other, 4);
        let total = pools_of_all(&all, &own);
        let (name, u) = total[0];
        assert_eq!((name, u.capacity, u.slot_bytes, u.used, u.peak, u.touched, u.failed), ("a", 20, 100, 6, 8, 10, 6));
        assert_eq!((total[1].1.used, logs_dropped(&all)), (2, 7));
    }
}
