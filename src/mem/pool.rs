//! A pool of equal slots: the one freed last is used next, and a handle to a slot that was freed since finds nothing.
//!
//! ```text
//! never touched --alloc--> used --free--> free (stack) --alloc--> used
//!       ^                                   |
//!       +------------- trim ----------------+   (from the end of the touched slots)
//! ```

use std::fmt;
use std::marker::PhantomData;
use std::mem::{MaybeUninit, needs_drop, size_of};

use super::{Region, Usage};

/// Names a slot and the use of it: after the slot is freed, the handle finds nothing.
pub struct Handle<T> {
    index: u32,
    generation: u32,
    kind: PhantomData<fn() -> T>,
}

impl<T> Handle<T> {
    /// A handle that never finds anything.
    pub const NONE: Handle<T> = Handle { index: u32::MAX, generation: 0, kind: PhantomData };

    /// The slot's number, below the pool's capacity.
    #[inline]
    pub fn index(self) -> usize {
        self.index as usize
    }

    /// The number of this use of the slot, never 0.
    pub fn generation(self) -> u32 {
        self.generation
    }

    /// Rebuilds a handle from its two numbers (for poller keys).
    pub fn from_parts(index: usize, generation: u32) -> Handle<T> {
        Handle { index: index as u32, generation, kind: PhantomData }
    }

    /// True for [`Handle::NONE`].
    pub fn is_none(self) -> bool {
        self.generation == 0
    }

    /// False for [`Handle::NONE`].
    pub fn is_some(self) -> bool {
        self.generation != 0
    }
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Handle<T> {}
impl<T> PartialEq for Handle<T> {
    fn eq(&self, o: &Self) -> bool {
        self.index == o.index && self.generation == o.generation
    }
}
impl<T> Eq for Handle<T> {}
impl<T> Default for Handle<T> {
    fn default() -> Self {
        Handle::NONE
    }
}
impl<T> fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.is_none() { write!(f, "none") } else { write!(f, "{}#{}", self.index, self.generation) }
    }
}

struct Slot<T> {
    /// 0 = free; pages given back to the system read as 0 too.
    generation: u32,
    value: MaybeUninit<T>,
}

/// A fixed number of slots for values of one type.
pub struct Pool<T> {
    memory: Region,
    capacity: usize,
    free: Vec<u32>,
    touched: usize,
    peak: usize,
    failed: u64,
    last_generation: u32,
    kind: PhantomData<T>,
}

#[allow(unsafe_code)]
impl<T> Pool<T> {
    /// Room for `capacity` values; address space only, until used.
    pub fn new(capacity: usize) -> Pool<T> {
        Pool {
            memory: Region::new(capacity * size_of::<Slot<T>>()),
            capacity,
            free: Vec::with_capacity(capacity),
            touched: 0,
            peak: 0,
            failed: 0,
            last_generation: 0,
            kind: PhantomData,
        }
    }

    fn slot(&self, index: usize) -> *mut Slot<T> {
        assert!(index < self.touched, "slot within the pool");
        // SAFETY: within the region, which is page-aligned, so slots are aligned.
        unsafe { self.memory.start().cast::<Slot<T>>().add(index) }
    }

    /// Stores a value in the most recently freed slot, or none (counted) when all are used.
    pub fn alloc(&mut self, value: T) -> Option<Handle<T>> {
        let index = match self.free.pop() {
            Some(i) => i as usize,
            None if self.touched < self.capacity => {
                self.touched += 1;
                self.touched - 1
            }
            None => {
                self.failed += 1;
                return None;
            }
        };
        self.last_generation = self.last_generation.wrapping_add(1).max(1);
        let slot = self.slot(index);
        // SAFETY: a free slot of our region; writing its parts drops nothing.
        unsafe {
            debug_assert!((*slot).generation == 0);
            (*slot).generation = self.last_generation;
            (*slot).value.write(value);
        }
        self.peak = self.peak.max(self.used());
        Some(Handle { index: index as u32, generation: self.last_generation, kind: PhantomData })
    }

    /// Empties a slot; none if the handle is stale.
    pub fn free(&mut self, h: Handle<T>) -> Option<T> {
        if h.index() >= self.touched {
            return None;
        }
        let slot = self.slot(h.index());
        // SAFETY: the slot is within the touched part; its value is initialised while its generation is not 0.
        let value = unsafe {
            if (*slot).generation != h.generation || h.generation == 0 {
                return None;
            }
            (*slot).generation = 0;
            (*slot).value.assume_init_read()
        };
        self.free.push(h.index);
        Some(value)
    }

    /// The value of a handle that is not stale.
    #[inline]
    pub fn get(&self, h: Handle<T>) -> Option<&T> {
        if h.index() >= self.touched || h.generation == 0 {
            return None;
        }
        let slot = self.slot(h.index());
        // SAFETY: initialised as long as the generations agree; `&self` excludes writers.
        unsafe { if (*slot).generation == h.generation { Some((*slot).value.assume_init_ref()) } else { None } }
    }

    /// The value of a handle that is not stale, to be changed.
    #[inline]
    pub fn get_mut(&mut self, h: Handle<T>) -> Option<&mut T> {
        if h.index() >= self.touched || h.generation == 0 {
            return None;
        }
        let slot = self.slot(h.index());
        // SAFETY: as `get`; `&mut self` excludes every other access.
        unsafe { if (*slot).generation == h.generation { Some((*slot).value.assume_init_mut()) } else { None } }
    }

    /// The handle of a slot if it is in use: for walking over all values.
    pub fn handle_at(&self, index: usize) -> Option<Handle<T>> {
        if index >= self.touched {
            return None;
        }
        // SAFETY: a touched slot's generation is initialised (zero or a use).
        let generation = unsafe { (*self.slot(index)).generation };
        (generation != 0).then_some(Handle { index: index as u32, generation, kind: PhantomData })
    }

    /// Slots in use.
    pub fn used(&self) -> usize {
        self.touched - self.free.len()
    }

    /// All slots.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Slots ever touched since the last trim: indices are below this.
    pub fn touched(&self) -> usize {
        self.touched
    }

    /// True when no slot is left.
    pub fn is_full(&self) -> bool {
        self.free.is_empty() && self.touched == self.capacity
    }

    /// Gives the memory of the free slots at the end back to the system, and lets the lowest free slots be used next so
    /// that the end can become free. O(n log n) in the number of free slots: for quiet moments.
    pub fn trim(&mut self) {
        self.free.sort_unstable_by(|a, b| b.cmp(a));
        let before = self.touched;
        let mut cut = 0;
        while cut < self.free.len() && self.free[cut] as usize + 1 == self.touched {
            self.touched -= 1;
            cut += 1;
        }
        self.free.copy_within(cut.., 0);
        self.free.truncate(self.free.len() - cut);
        let slot = size_of::<Slot<T>>();
        self.memory.release(self.touched * slot..before * slot);
    }

    /// Numbers for `show pools`.
    pub fn usage(&self) -> Usage {
        Usage {
            capacity: self.capacity,
            slot_bytes: size_of::<Slot<T>>() + size_of::<u32>(),
            used: self.used(),
            peak: self.peak,
            touched: self.touched,
            failed: self.failed,
        }
    }
}

impl<T> Drop for Pool<T> {
    fn drop(&mut self) {
        if needs_drop::<T>() {
            for i in 0..self.touched {
                if let Some(h) = self.handle_at(i) {
                    self.free(h);
                }
            }
        }
    }
}

impl<T> std::ops::Index<Handle<T>> for Pool<T> {
    type Output = T;
    #[inline]
    fn index(&self, h: Handle<T>) -> &T {
        self.get(h).expect("live handle")
    }
}

impl<T> std::ops::IndexMut<Handle<T>> for Pool<T> {
    #[inline]
    fn index_mut(&mut self, h: Handle<T>) -> &mut T {
        self.get_mut(h).expect("live handle")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_in_first_out_and_stale_handles() {
        let mut p: Pool<u64> = Pool::new(3);
        let a = p.alloc(1).unwrap();
        let b = p.alloc(2).unwrap();
        assert_eq!((p[a], p[b], p.used()), (1, 2, 2));
        assert_eq!(p.free(a), Some(1));
        assert!(p.get(a).is_none() && p.free(a).is_none());
        let c = p.alloc(3).unwrap();
        assert_eq!(c.index(), a.index());
        assert!(p.get(a).is_none() && p[c] == 3);
        p.alloc(4).unwrap();
        assert!(p.is_full() && p.alloc(5).is_none());
        assert_eq!((p.usage().failed, p.usage().peak), (1, 3));
    }

    #[test]
    fn trim_gives_the_end_back_and_fills_from_the_start() {
        let mut p: Pool<[u8; 4096]> = Pool::new(1000);
        let all: Vec<_> = (0..1000).map(|i| p.alloc([i as u8; 4096]).unwrap()).collect();
        for h in &all[3..] {
            p.free(*h);
        }
        p.free(all[1]);
        p.trim();
        assert_eq!((p.usage().touched, p.used()), (3, 2));
        assert_eq!(p.alloc([9; 4096]).unwrap().index(), 1, "the lowest free slot is next");
        let h = p.alloc([8; 4096]).unwrap();
        assert_eq!((h.index(), p[h][0], p[all[0]][5]), (3, 8, 0));
        assert!(p.get(all[3]).is_none(), "a handle from before the trim stays stale");
    }

    #[test]
    fn values_are_dropped_once() {
        use std::rc::Rc;
        let r = Rc::new(());
        let mut p = Pool::new(4);
        let h = p.alloc(r.clone()).unwrap();
        p.alloc(r.clone()).unwrap();
        p.free(h);
        assert_eq!(Rc::strong_count(&r), 2);
        drop(p);
        assert_eq!(Rc::strong_count(&r), 1);
    }
}
