//! A zeroed stretch of address space that becomes memory page by page, when first used, and can be made cold again.

use std::ops::Range;

/// An anonymous mapping of a fixed length, zero-filled.
pub struct Region {
    start: *mut u8,
    len: usize,
}

// SAFETY: the mapping is owned by this value alone and has no thread affinity.
#[allow(unsafe_code)]
unsafe impl Send for Region {}

/// Granularity at which memory is given back; a multiple of the page size of all our targets.
const PAGE: usize = 65_536;

#[allow(unsafe_code)]
impl Region {
    /// Reserves `len` bytes. Panics at start-up when the address space does not suffice: the memory bound is checked before.
    pub fn new(len: usize) -> Region {
        if len == 0 {
            return Region { start: std::ptr::dangling_mut::<u64>().cast(), len };
        }
        use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
        // SAFETY: a new private mapping at an address of the kernel's choice aliases nothing.
        let start =
            unsafe { mmap_anonymous(std::ptr::null_mut(), len, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE) };
        match start {
            Ok(p) => Region { start: p.cast(), len },
            Err(e) => panic!("cannot reserve {len} bytes of address space: {e}"),
        }
    }

    /// The first byte; aligned to a page.
    pub(super) fn start(&self) -> *mut u8 {
        self.start
    }

    /// All bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: start..start+len is one live mapping that was zero-filled; `&self` excludes writers.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }

    /// All bytes, to be written.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above; `&mut self` excludes every other access.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.len) }
    }

    /// Gives the whole pages within `range` back to the system; they read as zeros afterwards.
    pub fn release(&mut self, range: Range<usize>) {
        let (from, to) = (range.start.next_multiple_of(PAGE), range.end.min(self.len) / PAGE * PAGE);
        if from >= to {
            return;
        }
        #[cfg(target_os = "linux")]
        {
            use rustix::mm::{Advice, madvise};
            // SAFETY: whole pages of our own mapping, borrowed by nobody (`&mut self`).
            let _ = unsafe { madvise(self.start.add(from).cast(), to - from, Advice::LinuxDontNeed) };
        }
        #[cfg(not(target_os = "linux"))]
        {
            use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};
            let flags = MapFlags::PRIVATE | MapFlags::FIXED;
            // SAFETY: replaces whole pages of our own mapping, borrowed by nobody (`&mut self`), by fresh zero pages.
            let _ = unsafe {
                mmap_anonymous(self.start.add(from).cast(), to - from, ProtFlags::READ | ProtFlags::WRITE, flags)
            };
        }
    }
}

#[allow(unsafe_code)]
impl Drop for Region {
    fn drop(&mut self) {
        if self.len > 0 {
            // SAFETY: the mapping made in `new`, which nothing can refer to any more.
            let _ = unsafe { rustix::mm::munmap(self.start.cast(), self.len) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeroed_again_after_release() {
        let mut r = Region::new(4 * PAGE);
        assert!(r.bytes().iter().all(|b| *b == 0));
        r.bytes_mut().fill(7);
        r.release(PAGE + 1..4 * PAGE);
        assert!(r.bytes()[..2 * PAGE].iter().all(|b| *b == 7), "only whole pages within the range go");
        assert!(r.bytes()[2 * PAGE..].iter().all(|b| *b == 0));
        Region::new(0).release(0..0);
    }
}
