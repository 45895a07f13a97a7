//! `show pools`: a line for each kind of pool, all workers together, and the bound of the process.

use crate::applet::{Cursor, Progress, View, unit};
use crate::mem::Usage;
use crate::util::fmt::Out;
use std::fmt::Write;

/// `show pools`
pub fn show_pools(view: &View, _: &[&str], cur: &mut Cursor, out: &mut Out) -> Progress {
    if cur.a == 0 {
        let written = unit(out, |o| {
            let _ = writeln!(o, "Pools of {} worker(s):", view.shared.limits.workers);
            let _ = writeln!(
                o,
                "  {:<13} {:>10} {:>10} {:>10} {:>10} {:>14} {:>14} {:>10}",
                "name", "slot_bytes", "capacity", "used", "peak", "touched_bytes", "bound_bytes", "failed"
            );
        });
        if !written {
            return Progress::More;
        }
        cur.a = 1;
    }
    while let Some((name, usage)) = view.pools.get(cur.a as usize - 1) {
        if !unit(out, |o| pool(name, usage, o)) {
            return Progress::More;
        }
        cur.a += 1;
    }
    let total =
        |slots: fn(&Usage) -> usize| view.pools.iter().map(|(_, u)| (slots(u) * u.slot_bytes) as u64).sum::<u64>();
    let written = unit(out, |o| {
        let (touched, used, bound) = (total(|u| u.touched), total(|u| u.used), total(|u| u.capacity));
        let n = view.pools.len();
        let _ = writeln!(o, "Total: {n} pools, {touched} bytes allocated, {used} used, at most {bound}.");
        let _ = writeln!(o, "Memory bound of the process: {} bytes.", view.shared.limits.memory_bound);
    });
    if written { Progress::Done } else { Progress::More }
}

fn pool(name: &str, u: &Usage, o: &mut Out) {
    let (touched, bound) = (u.touched * u.slot_bytes, u.capacity * u.slot_bytes);
    let _ = writeln!(
        o,
        "  {name:<13} {:>10} {:>10} {:>10} {:>10} {touched:>14} {bound:>14} {:>10}",
        u.slot_bytes, u.capacity, u.used, u.peak, u.failed
    );
}
