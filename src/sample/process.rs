//! Variables of the process (`proc.`): one slab that all workers share, taken at start-up.

use super::notes::{Layout, Note};
use crate::pattern::Value;
use crate::util::scratch::Scratch;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The slab. Its lock is held for as long as a value is copied.
#[derive(Debug, Default)]
pub struct ProcessNotes(Mutex<Box<[u8]>>);

impl ProcessNotes {
    /// With room for the variables of a layout.
    pub fn new(layout: &Layout) -> ProcessNotes {
        let mut slab: Box<[u8]> = vec![0; layout.process_bytes()].into();
        layout.begin_process(&mut slab);
        let notes = ProcessNotes(Mutex::new(slab));
        drop(notes.lock()); // some systems allocate when a lock is taken for the first time
        notes
    }

    fn lock(&self) -> MutexGuard<'_, Box<[u8]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `write` change a place.
    pub fn change<T>(&self, write: impl FnOnce(&mut [u8]) -> T) -> T {
        write(&mut self.lock())
    }

    /// A copy of what a variable holds.
    pub fn get<'a>(&self, note: Note, scratch: &mut Scratch<'a>) -> Option<Value<'a>> {
        note.read(&self.lock())?.copied(scratch)
    }

    /// Bytes of memory that it holds.
    pub fn memory_bytes(&self) -> usize {
        self.lock().len()
    }
}
