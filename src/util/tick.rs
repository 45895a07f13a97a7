//! Time as the event loop sees it: milliseconds in a `u32` that wraps every 49.7 days.
//!
//! `Tick(0)` means "never". A tick is compared with another by the sign of their distance, so both must lie within
//! 24.8 days of each other; that is also the longest timeout that the configuration accepts (as in HAProxy).

/// A point in time in milliseconds modulo 2^32, or never.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tick(u32);

/// The longest delay that a tick can express, in milliseconds.
pub const MAX_DELAY_MS: u32 = i32::MAX as u32;

impl Tick {
    /// The tick that never comes.
    pub const NEVER: Tick = Tick(0);

    /// The tick of a monotonic clock's millisecond count. The one value that would read as "never" is moved by 1 ms.
    pub fn from_ms(ms: u64) -> Tick {
        Tick((ms as u32).max(u32::from(ms as u32 == 0)))
    }

    /// The tick of a raw value, 0 = never.
    pub fn from_ms_opt(raw: u32) -> Tick {
        Tick(raw)
    }

    /// The raw value, for the timer wheel.
    pub fn raw(self) -> u32 {
        self.0
    }

    /// True unless this tick is "never".
    pub fn is_set(self) -> bool {
        self.0 != 0
    }

    /// `ms` milliseconds after this tick.
    #[must_use]
    pub fn after(self, ms: u32) -> Tick {
        let t = self.0.wrapping_add(ms.min(MAX_DELAY_MS));
        Tick(t.max(u32::from(t == 0)))
    }

    /// `ms` milliseconds after this tick, or never for a timeout that is not configured (0).
    #[must_use]
    pub fn after_opt(self, ms: u32) -> Tick {
        if ms == 0 { Tick::NEVER } else { self.after(ms) }
    }

    /// Milliseconds from `earlier` to this tick (wrapping; meaningful when both are set).
    pub fn since(self, earlier: Tick) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }

    /// Signed milliseconds from now until this tick; negative when it is past.
    pub fn until(self, now: Tick) -> i32 {
        self.0.wrapping_sub(now.0) as i32
    }

    /// True when this tick is set and not after `now`.
    pub fn is_due(self, now: Tick) -> bool {
        self.is_set() && self.until(now) <= 0
    }

    /// The sooner of two ticks, where "never" is later than all.
    #[must_use]
    pub fn sooner(self, other: Tick) -> Tick {
        if !self.is_set() {
            other
        } else if !other.is_set() || other.until(self) > 0 {
            self
        } else {
            other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_is_later_than_all() {
        let t = Tick::from_ms(5);
        assert_eq!(Tick::NEVER.sooner(t), t);
        assert_eq!(t.sooner(Tick::NEVER), t);
        assert!(!Tick::NEVER.is_due(t));
    }

    #[test]
    fn the_wrap_keeps_order() {
        let before = Tick::from_ms((1 << 32) - 10);
        let after = before.after(30);
        assert!(after.until(before) == 30 && before.sooner(after) == before);
        assert!(before.is_due(after) && !after.is_due(before));
        assert!(before.after(10).is_set(), "the value that means never is skipped");
    }
}
