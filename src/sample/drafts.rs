//! What converters write to the notes (`set-var`, `unset-var`, `capture-req`, `capture-res`): kept apart while something is evaluated, as
//! values borrow from the notes, and settled before the next rule.

use super::notes::{Layout, Note, Notes, Scope};
use crate::pattern::Value;
use crate::util::scratch::Scratch;
use std::cell::RefCell;

#[derive(Debug, Default)]
struct Slabs {
    session: Box<[u8]>,
    transaction: Box<[u8]>,
    /// The places that were written.
    changed: Vec<Note>,
}

/// Slabs like those of a session, in which places are written first. Empty unless a converter writes.
#[derive(Debug, Default)]
pub struct Drafts(RefCell<Slabs>);

impl Drafts {
    /// With room for every place of a layout.
    pub fn new(layout: &Layout) -> Drafts {
        let bytes = |n: usize| -> Box<[u8]> { vec![0; if layout.drafts { n } else { 0 }].into() };
        let (mut session, mut transaction) = (bytes(layout.session_bytes()), bytes(layout.transaction_bytes()));
        layout.begin_session(&mut session);
        layout.begin_transaction(&mut transaction);
        Drafts(RefCell::new(Slabs { session, transaction, changed: Vec::with_capacity(layout.count()) }))
    }

    /// Lets `write` change a place.
    pub fn write<T>(&self, note: Note, write: impl FnOnce(&mut [u8]) -> T) -> T {
        let slabs = &mut *self.0.borrow_mut();
        let slab = if note.scope == Scope::Session { &mut slabs.session } else { &mut slabs.transaction };
        let done = write(slab);
        if !slabs.changed.contains(&note) {
            slabs.changed.push(note);
        }
        done
    }

    /// True when nothing waits to be settled.
    pub fn is_empty(&self) -> bool {
        self.0.borrow().changed.is_empty()
    }

    /// Writes all that was drafted to the session's notes.
    pub fn settle(&self, session: &mut [u8], transaction: &mut [u8]) {
        let Slabs { session: from_session, transaction: from, changed } = &mut *self.0.borrow_mut();
        for note in changed.drain(..) {
            if note.scope == Scope::Session {
                note.copy(from_session, session);
                note.unset(from_session);
            } else {
                note.copy(from, transaction);
                note.unset(from);
            }
        }
    }
}

impl<'a> Notes<'a> {
    /// What a place will hold once drafts are settled; what is drafted is copied.
    pub fn latest(&self, note: Note, scratch: &mut Scratch<'a>) -> Option<Value<'a>> {
        if note.scope == Scope::Process {
            return self.beside.process?.get(note, scratch);
        }
        let Some(drafts) = self.beside.drafts.filter(|d| !d.is_empty()) else { return self.get(note) };
        let slabs = drafts.0.borrow();
        if !slabs.changed.contains(&note) {
            return self.get(note);
        }
        let slab = if note.scope == Scope::Session { &slabs.session } else { &slabs.transaction };
        note.read(slab)?.copied(scratch)
    }

    /// Lets `write` change a place. None: nothing is remembered here.
    pub fn write<T>(&self, note: Note, write: impl FnOnce(&mut [u8]) -> T) -> Option<T> {
        match note.scope {
            Scope::Process => self.beside.process.map(|p| p.change(write)),
            _ => self.beside.drafts.map(|d| d.write(note, write)),
        }
    }

    /// True when a variable was set before, though it may have been unset since; those of the process are there from the start.
    pub fn exists(&self, note: Note) -> bool {
        let drafted =
            note.scope == Scope::Process || self.beside.drafts.is_some_and(|d| d.0.borrow().changed.contains(&note));
        drafted || self.tag(note).is_some_and(|tag| tag > 0)
    }
}
