//! Events per second over a sliding second, as HAProxy's rate columns and limits count them.
//!
//! The present second and the one before are kept; the rate is the present count plus the part of the last second that
//! still lies within the window. Shared by all workers: a race at the turn of a second may misplace single events.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// A rate over one second.
#[derive(Default, Debug)]
pub struct Freq {
    second: AtomicU32,
    now: AtomicU32,
    before: AtomicU32,
    max: AtomicU32,
}

impl Freq {
    fn turn(&self, now_ms: u64) {
        let second = (now_ms / 1000) as u32;
        let seen = self.second.load(Relaxed);
        if seen != second && self.second.compare_exchange(seen, second, Relaxed, Relaxed).is_ok() {
            let last = self.now.swap(0, Relaxed);
            self.before.store(if second.wrapping_sub(seen) == 1 { last } else { 0 }, Relaxed);
        }
    }

    /// Counts one event and returns the present second's count.
    pub fn tick(&self, now_ms: u64) -> u32 {
        self.turn(now_ms);
        let n = self.now.fetch_add(1, Relaxed) + 1;
        if n > self.max.load(Relaxed) {
            self.max.store(n, Relaxed);
        }
        n
    }

    /// Events in the last 1000 ms.
    pub fn rate(&self, now_ms: u64) -> u32 {
        self.turn(now_ms);
        let left = 1000 - (now_ms % 1000) as u32;
        let (now, before) = (self.now.load(Relaxed), self.before.load(Relaxed));
        if now == 0 && before <= 1 {
            return before; // one event a second must not flicker
        }
        now + (u64::from(before) * u64::from(left) / 1000) as u32
    }

    /// How many further events a limit of `limit` a second (over 0) admits now.
    pub fn room(&self, now_ms: u64, limit: u32) -> u32 {
        limit.saturating_sub(self.rate(now_ms))
    }

    /// Milliseconds until a limit of `limit` a second admits another event; 0 when it does now.
    pub fn wait_ms(&self, now_ms: u64, limit: u32) -> u32 {
        if self.room(now_ms, limit) > 0 { 0 } else { (1000 / limit.max(1)).max(1) }
    }

    /// The highest count of a whole second so far.
    pub fn max(&self) -> u32 {
        self.max.load(Relaxed)
    }

    /// Forgets the maximum (`clear counters`).
    pub fn clear_max(&self) {
        self.max.store(0, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slides_over_a_second() {
        let f = Freq::default();
        for _ in 0..10 {
            f.tick(5_500);
        }
        assert_eq!(f.rate(5_900), 10);
        assert_eq!(f.rate(6_500), 5);
        assert_eq!(f.rate(7_000), 0);
        assert_eq!((f.max(), f.room(5_000_000, 3), f.wait_ms(5_000_000, 3)), (10, 3, 0));
    }
}
