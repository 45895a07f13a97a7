//! Event counters with one writing worker and any number of readers, also where there are no 64-bit atomics.
//!
//! A [`Count`] costs its writer a plain load and store. On targets without 64-bit atomics (MIPS32, ARMv5TE, PowerPC) it is
//! two 32-bit halves and the reader retries while the upper half moves: the writer stores `high`, `low` and `high_after` in this
//! order, the reader loads them in the other one.

#[cfg(not(target_has_atomic = "64"))]
use std::sync::atomic::AtomicU32;
#[cfg(target_has_atomic = "64")]
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// A 64-bit event counter: written by one thread, read by all.
#[derive(Default, Debug)]
pub struct Count {
    #[cfg(target_has_atomic = "64")]
    value: AtomicU64,
    #[cfg(not(target_has_atomic = "64"))]
    high: AtomicU32,
    #[cfg(not(target_has_atomic = "64"))]
    low: AtomicU32,
    /// Copy of `high`, written after `low`: equal halves tell a reader that it saw no carry.
    #[cfg(not(target_has_atomic = "64"))]
    high_after: AtomicU32,
}

impl Count {
    /// Adds `n`. Only the owning worker calls it.
    #[inline]
    pub fn add(&self, n: u64) {
        self.set(self.own().wrapping_add(n));
    }

    /// Adds one.
    #[inline]
    pub fn inc(&self) {
        self.add(1);
    }

    /// Raises the counter to `n` if it is lower.
    #[inline]
    pub fn raise(&self, n: u64) {
        if n > self.own() {
            self.set(n);
        }
    }

    /// The present value, for the owning worker, in whose way nobody writes.
    #[cfg(target_has_atomic = "64")]
    #[inline]
    fn own(&self) -> u64 {
        self.get()
    }

    /// The present value.
    #[cfg(target_has_atomic = "64")]
    #[inline]
    pub fn get(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }

    /// Overwrites the value. Only the owning worker calls it.
    #[cfg(target_has_atomic = "64")]
    #[inline]
    pub fn set(&self, n: u64) {
        self.value.store(n, Ordering::Relaxed);
    }

    /// The present value, for the owning worker, in whose way nobody writes.
    #[cfg(not(target_has_atomic = "64"))]
    #[inline]
    fn own(&self) -> u64 {
        u64::from(self.high.load(Ordering::Relaxed)) << 32 | u64::from(self.low.load(Ordering::Relaxed))
    }

    /// The present value.
    // Not at each of its calls: only statistics read.
    #[cfg(not(target_has_atomic = "64"))]
    #[inline(never)]
    pub fn get(&self) -> u64 {
        loop {
            let after = self.high_after.load(Ordering::Acquire);
            let low = self.low.load(Ordering::Acquire);
            let high = self.high.load(Ordering::Relaxed);
            if high == after {
                return u64::from(high) << 32 | u64::from(low);
            }
        }
    }

    /// Overwrites the value. Only the owning worker calls it.
    #[cfg(not(target_has_atomic = "64"))]
    pub fn set(&self, n: u64) {
        self.high.store((n >> 32) as u32, Ordering::Relaxed);
        self.low.store(n as u32, Ordering::Release);
        self.high_after.store((n >> 32) as u32, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_over_32_bits() {
        let c = Count::default();
        c.set(u64::from(u32::MAX));
        c.inc();
        assert_eq!(c.get(), 1 << 32);
        c.raise(7);
        assert_eq!(c.get(), 1 << 32);
        c.raise(1 << 40);
        assert_eq!(c.get(), 1 << 40);
    }
}
