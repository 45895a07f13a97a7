//! Memory taken once: pools of fixed-size slots, most recently used first, and the buffers that traffic flows through.
//!
//! Everything that grows with traffic lives in one of these, sized at start-up. The address space is reserved then;
//! a page is backed by memory when it is first used and can be given back when load falls ([`Pool::trim`]).

pub mod guard;
mod pool;
mod region;

pub use pool::{Handle, Pool};
pub use region::Region;

/// What a pool tells `show pools` and the memory bound.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub capacity: usize,
    /// Bytes of one slot, its bookkeeping included.
    pub slot_bytes: usize,
    pub used: usize,
    /// Highest `used` so far.
    pub peak: usize,
    /// Slots that have memory behind them.
    pub touched: usize,
    /// Requests refused because the pool was full.
    pub failed: u64,
}

/// Buffers of one size: a pool of byte blocks, addressed by handle.
pub struct Buffers {
    pool: Pool<()>,
    memory: Region,
    size: usize,
}

impl Buffers {
    /// `count` buffers of `size` bytes.
    pub fn new(count: usize, size: usize) -> Buffers {
        Buffers { pool: Pool::new(count), memory: Region::new(count * size), size }
    }

    /// Bytes of each buffer.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Takes the most recently used free buffer, or none when all are in use.
    pub fn alloc(&mut self) -> Option<Handle<()>> {
        self.pool.alloc(())
    }

    /// Gives a buffer back.
    pub fn free(&mut self, h: Handle<()>) {
        self.pool.free(h);
    }

    /// The bytes of a buffer that is in use.
    #[inline]
    pub fn get(&self, h: Handle<()>) -> &[u8] {
        debug_assert!(self.pool.get(h).is_some());
        let at = h.index() * self.size;
        &self.memory.bytes()[at..at + self.size]
    }

    /// The bytes of a buffer that is in use, to be written.
    #[inline]
    pub fn get_mut(&mut self, h: Handle<()>) -> &mut [u8] {
        debug_assert!(self.pool.get(h).is_some());
        let at = h.index() * self.size;
        &mut self.memory.bytes_mut()[at..at + self.size]
    }

    /// Usage, the buffers' own bytes included.
    pub fn usage(&self) -> Usage {
        let mut u = self.pool.usage();
        u.slot_bytes += self.size;
        u
    }

    /// Gives cold memory back to the system.
    pub fn trim(&mut self) {
        let before = self.pool.usage().touched;
        self.pool.trim();
        let after = self.pool.usage().touched;
        if after < before {
            self.memory.release(after * self.size..before * self.size);
        }
    }
}
