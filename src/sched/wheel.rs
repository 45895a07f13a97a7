//! A hierarchical timer wheel over task numbers: O(1) to set, to cancel and to expire, memory fixed at start.
//!
//! Six levels of 64 slots; level `l` holds delays below 64^(l+1) ms. A slot is a doubly linked list through arrays indexed by
//! task. When the clock enters a slot of a higher level, its tasks fall to lower levels. Timers are lazy: a task whose
//! deadline moves later stays where it is and is put again when its old slot is reached, so traffic seldom touches the wheel.

use crate::util::tick::Tick;

const LEVELS: usize = 6;
const SLOTS: usize = 64;
const NIL: u32 = u32::MAX;
const IDLE: u16 = u16::MAX;

#[derive(Clone, Copy)]
struct Entry {
    next: u32,
    prev: u32,
    /// The tick at which it is filed.
    at: u32,
    /// level * 64 + slot, or `IDLE`.
    slot: u16,
}

/// Deadlines of the tasks 0..n.
pub struct Wheel {
    entries: Vec<Entry>,
    heads: [u32; LEVELS * SLOTS],
    used: [u64; LEVELS],
    now: u32,
}

impl Wheel {
    /// A wheel for the tasks 0..`tasks`, starting at `now`.
    pub fn new(tasks: usize, now: Tick) -> Wheel {
        let idle = Entry { next: NIL, prev: NIL, at: 0, slot: IDLE };
        Wheel { entries: vec![idle; tasks], heads: [NIL; LEVELS * SLOTS], used: [0; LEVELS], now: now.raw() }
    }

    /// Makes sure that the task comes up at `at` or before (a task that is filed sooner stays there: it asks again when it
    /// comes up). "Never" files nothing and leaves what is filed.
    #[inline]
    pub fn set(&mut self, task: u32, at: Tick) {
        if !at.is_set() {
            return;
        }
        let e = &self.entries[task as usize];
        if e.slot != IDLE {
            if e.at.wrapping_sub(at.raw()) as i32 <= 0 {
                return;
            }
            self.unlink(task);
        }
        self.file(task, at.raw());
    }

    /// Forgets the task's deadline.
    pub fn cancel(&mut self, task: u32) {
        if self.entries[task as usize].slot != IDLE {
            self.unlink(task);
        }
    }

    fn file(&mut self, task: u32, at: u32) {
        let delay = (at.wrapping_sub(self.now) as i32).max(1) as u32;
        let level = ((31 - delay.leading_zeros()) / 6).min(LEVELS as u32 - 1) as usize;
        // What is past or due now goes into the next millisecond's slot.
        let filed = self.now.wrapping_add(delay);
        let slot = (filed >> (6 * level)) as usize % SLOTS;
        let place = level * SLOTS + slot;
        let head = self.heads[place];
        self.entries[task as usize] = Entry { next: head, prev: NIL, at, slot: place as u16 };
        if head != NIL {
            self.entries[head as usize].prev = task;
        }
        self.heads[place] = task;
        self.used[level] |= 1 << slot;
    }

    fn unlink(&mut self, task: u32) {
        let e = self.entries[task as usize];
        let place = e.slot as usize;
        if e.prev == NIL {
            self.heads[place] = e.next;
            if e.next == NIL {
                self.used[place / SLOTS] &= !(1 << (place % SLOTS));
            }
        } else {
            self.entries[e.prev as usize].next = e.next;
        }
        if e.next != NIL {
            self.entries[e.next as usize].prev = e.prev;
        }
        self.entries[task as usize].slot = IDLE;
    }

    /// Milliseconds until something may be due (never later than the first deadline), or none when nothing is filed.
    pub fn wait_ms(&self) -> Option<u32> {
        let mut best: Option<u32> = None;
        for level in 0..LEVELS {
            if self.used[level] == 0 {
                continue;
            }
            let shift = 6 * level as u32;
            let here = (self.now >> shift) as usize % SLOTS;
            // Slots ahead of the present one, in order; the present one itself is a whole turn ahead (level 0: it is empty).
            let ahead = self.used[level].rotate_right(here as u32 + 1).trailing_zeros() + 1;
            let start = ((self.now >> shift).wrapping_add(ahead)) << shift;
            let wait = start.wrapping_sub(self.now);
            best = Some(best.map_or(wait, |b| b.min(wait)));
        }
        best
    }

    /// Moves the clock to `now` and calls `due` for every task whose deadline has come; each is then no longer filed.
    pub fn advance(&mut self, now: Tick, mut due: impl FnMut(u32)) {
        let target = now.raw();
        while let Some(wait) = self.wait_ms() {
            let next = self.now.wrapping_add(wait);
            if (target.wrapping_sub(next) as i32) < 0 {
                break;
            }
            self.now = next;
            for level in (0..LEVELS).rev() {
                if level > 0 && next & ((1 << (6 * level)) - 1) != 0 {
                    continue;
                }
                self.empty_slot(level, (next >> (6 * level)) as usize % SLOTS, &mut due);
            }
        }
        if (target.wrapping_sub(self.now) as i32) > 0 {
            self.now = target;
        }
    }

    fn empty_slot(&mut self, level: usize, slot: usize, due: &mut impl FnMut(u32)) {
        let place = level * SLOTS + slot;
        let mut task = std::mem::replace(&mut self.heads[place], NIL);
        self.used[level] &= !(1 << slot);
        while task != NIL {
            let e = &mut self.entries[task as usize];
            let (next, at) = (e.next, e.at);
            e.slot = IDLE;
            if at.wrapping_sub(self.now) as i32 <= 0 {
                due(task);
            } else {
                self.file(task, at);
            }
            task = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fires_over_the_wrap() {
        let start = Tick::from_ms((1 << 32) - 100);
        let mut w = Wheel::new(3, start);
        w.set(0, start.after(50));
        w.set(1, start.after(150));
        w.set(2, start.after(5_000_000));
        let mut fired = vec![];
        w.advance(start.after(60), |t| fired.push(t));
        w.advance(start.after(149), |t| fired.push(t));
        assert_eq!(fired, [0]);
        w.advance(start.after(151), |t| fired.push(t));
        w.advance(start.after(4_999_999), |t| fired.push(t));
        assert_eq!(fired, [0, 1]);
        w.advance(start.after(5_000_000), |t| fired.push(t));
        assert_eq!((fired, w.wait_ms()), (vec![0, 1, 2], None));
    }

    proptest! {
        /// Against a plain list: no task fires early, none is late by more than the step, cancelled ones never fire.
        #[test]
        fn agrees_with_a_list(origin in any::<u32>(), ops in proptest::collection::vec((0u32..20, 0u32..400_000, 0u32..3), 1..80)) {
            let start = Tick::from_ms(u64::from(origin) | 1);
            let mut now = start;
            let mut w = Wheel::new(20, start);
            let mut oracle: [Option<Tick>; 20] = [None; 20];
            for (task, ms, op) in ops {
                match op {
                    0 => {
                        let at = now.after(ms);
                        w.set(task, at);
                        let o = &mut oracle[task as usize];
                        *o = Some(o.map_or(at, |x| x.sooner(at)));
                    }
                    1 => {
                        w.cancel(task);
                        oracle[task as usize] = None;
                    }
                    _ => {
                        let wait = w.wait_ms();
                        if let Some(first) = oracle.iter().flatten().map(|t| t.until(now).max(0) as u32).min() {
                            prop_assert!(wait.unwrap() <= first.max(1), "would sleep over a deadline");
                        }
                        now = now.after(ms % 70_000);
                        let mut fired = vec![];
                        w.advance(now, |t| fired.push(t));
                        for t in fired {
                            let at = oracle[t as usize].take();
                            prop_assert!(at.is_some_and(|a| a.is_due(now)), "fired early or cancelled");
                        }
                        for at in oracle.iter().flatten() {
                            prop_assert!(at.until(now) >= 0, "late by {}", -at.until(now));
                        }
                    }
                }
            }
        }
    }
}
