//! Sessions that wait for a server: one list for each backend and one for each server, over one fixed array.
//!
//! First come, first served; a server that becomes free takes the older of the first in its own list and the first in its
//! backend's. Full: cannot be, there is an entry for each connection of `maxconn`.

const NIL: u32 = u32::MAX;

/// A session in a queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waiting {
    pub worker: usize,
    /// Index and generation of the session's handle.
    pub session: (usize, u32),
}

/// A place in a queue, never given again: a session that waits a second time has another one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket {
    at: u32,
    order: u64,
}

#[derive(Clone, Copy)]
struct Entry {
    who: Waiting,
    order: u64,
    list: u32,
    next: u32,
    prev: u32,
}

#[derive(Clone, Copy)]
struct List {
    first: u32,
    last: u32,
    len: u32,
}

/// All queues.
pub struct Queues {
    entries: Vec<Entry>,
    free: Vec<u32>,
    lists: Vec<List>,
    order: u64,
    capacity: usize,
}

impl Queues {
    /// Room for `capacity` waiting sessions in `lists` lists.
    pub fn new(capacity: usize, lists: usize) -> Queues {
        Queues {
            entries: Vec::with_capacity(capacity),
            free: Vec::with_capacity(capacity),
            lists: vec![List { first: NIL, last: NIL, len: 0 }; lists],
            order: 0,
            capacity,
        }
    }

    /// Puts a session at the end of a list; the ticket takes it out again. None when full.
    pub fn push(&mut self, list: usize, who: Waiting) -> Option<Ticket> {
        self.order += 1;
        let l = &mut self.lists[list];
        let entry = Entry { who, order: self.order, list: list as u32, next: NIL, prev: l.last };
        let at = match self.free.pop() {
            Some(at) => {
                self.entries[at as usize] = entry;
                at
            }
            None if self.entries.len() < self.capacity => {
                self.entries.push(entry);
                self.entries.len() as u32 - 1
            }
            None => return None,
        };
        match l.last {
            NIL => l.first = at,
            last => self.entries[last as usize].next = at,
        }
        l.last = at;
        l.len += 1;
        Some(Ticket { at, order: self.order })
    }

    /// Takes an entry out, if it is still there: false when it was served meanwhile.
    pub fn remove(&mut self, ticket: Ticket) -> bool {
        let Some(e) = self.entries.get(ticket.at as usize).copied() else { return false };
        if e.list == NIL || e.order != ticket.order {
            return false;
        }
        let l = &mut self.lists[e.list as usize];
        match e.prev {
            NIL => l.first = e.next,
            p => self.entries[p as usize].next = e.next,
        }
        match e.next {
            NIL => l.last = e.prev,
            n => self.entries[n as usize].prev = e.prev,
        }
        l.len -= 1;
        self.entries[ticket.at as usize].list = NIL;
        self.free.push(ticket.at);
        true
    }

    /// The older of the first of two lists, taken out; says from which list (false = the first).
    pub fn pop_older(&mut self, a: usize, b: usize) -> Option<(Waiting, Ticket, bool)> {
        let first = |l: usize| self.lists[l].first;
        let order = |t: u32| if t == NIL { u64::MAX } else { self.entries[t as usize].order };
        let (ta, tb) = (first(a), first(b));
        let (at, from_b) = if order(tb) < order(ta) { (tb, true) } else { (ta, false) };
        let Entry { who, order, .. } = *self.entries.get(at as usize)?;
        let ticket = Ticket { at, order };
        self.remove(ticket);
        Some((who, ticket, from_b))
    }

    /// Sessions in a list.
    pub fn len(&self, list: usize) -> u32 {
        self.lists[list].len
    }

    /// True when nothing waits in a list.
    pub fn is_empty(&self, list: usize) -> bool {
        self.lists[list].len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(n: usize) -> Waiting {
        Waiting { worker: 0, session: (n, 1) }
    }

    #[test]
    fn oldest_first_over_two_lists() {
        let mut q = Queues::new(4, 2);
        q.push(0, who(1)).unwrap();
        let t = q.push(1, who(2)).unwrap();
        q.push(1, who(3)).unwrap();
        q.push(0, who(4)).unwrap();
        assert!(q.push(0, who(5)).is_none(), "full");
        assert!(q.remove(t) && !q.remove(t));
        let again = q.push(1, who(2)).unwrap();
        assert!(again != t && !q.remove(t) && q.remove(again), "an old ticket takes nothing out");
        let mut next = || q.pop_older(0, 1).map(|(who, _, from_b)| (who, from_b));
        assert_eq!(next(), Some((who(1), false)));
        assert_eq!(next(), Some((who(3), true)));
        assert_eq!(next(), Some((who(4), false)));
        assert_eq!(next(), None);
        assert!(q.is_empty(0) && q.is_empty(1));
    }
}
