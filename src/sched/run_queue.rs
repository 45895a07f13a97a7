//! First in, first out, each task at most once.

/// Tasks that have something to do, in the order in which they were woken.
pub struct RunQueue {
    ring: Vec<u32>,
    head: usize,
    len: usize,
    queued: Vec<u64>,
}

impl RunQueue {
    /// A queue for the tasks 0..`tasks`.
    pub fn new(tasks: usize) -> RunQueue {
        RunQueue { ring: vec![0; tasks.max(1)], head: 0, len: 0, queued: vec![0; tasks.div_ceil(64)] }
    }

    /// Puts a task at the end unless it is queued already.
    #[inline]
    pub fn wake(&mut self, task: u32) {
        let (word, bit) = (task as usize / 64, 1u64 << (task % 64));
        if self.queued[word] & bit == 0 {
            self.queued[word] |= bit;
            let mut at = self.head + self.len;
            if at >= self.ring.len() {
                at -= self.ring.len();
            }
            self.ring[at] = task;
            self.len += 1;
        }
    }

    /// Takes the first task.
    #[inline]
    pub fn pop(&mut self) -> Option<u32> {
        if self.len == 0 {
            return None;
        }
        let task = self.ring[self.head];
        self.head = if self.head + 1 == self.ring.len() { 0 } else { self.head + 1 };
        self.len -= 1;
        self.queued[task as usize / 64] &= !(1 << (task % 64));
        Some(task)
    }

    /// Tasks waiting.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True when nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_once_in_order() {
        let mut q = RunQueue::new(70);
        for round in 0..3 {
            for t in [3, 69, 3, 0] {
                q.wake(t);
            }
            assert_eq!(q.len(), 3, "round {round}");
            assert_eq!((q.pop(), q.pop(), q.pop(), q.pop()), (Some(3), Some(69), Some(0), None));
        }
    }
}
