//! The simulation of a program: all ways at once, in the order in which Perl would try them, one step a byte.

use super::SLOTS;
use super::program::{Inst, Program, jump, ways};

/// No place.
pub const NOWHERE: u32 = u32::MAX;

/// The ways that are still open, the preferred ones first: where each is, and the places that it came by.
#[derive(Default)]
struct Threads {
    list: Vec<u16>,
    /// For each instruction, as many as are asked for.
    slots: Vec<u32>,
}

/// What remains to be done while ways are followed up to the next byte.
enum Job {
    Follow(u16),
    Restore(u8, u32),
}

/// The memory that a simulation works in.
#[derive(Default)]
pub struct Space {
    now: Threads,
    next: Threads,
    stack: Vec<Job>,
    /// The round in which each instruction was reached last.
    reached: Vec<u32>,
    round: u32,
    /// The places of the way being followed.
    slots: [u32; SLOTS],
    /// Instructions looked at, ever.
    #[cfg(test)]
    pub steps: usize,
}

impl Space {
    /// Makes it large enough for a program.
    pub fn grow(&mut self, program: &Program) {
        let len = program.code.len().max(self.reached.len());
        let slots = program.code.len() * program.slots;
        self.reached.resize(len, 0);
        // An instruction leaves one job at most.
        self.stack.reserve(len + 1);
        for threads in [&mut self.now, &mut self.next] {
            threads.list.reserve(len);
            threads.slots.resize(slots.max(threads.slots.len()), NOWHERE);
        }
    }

    pub fn memory_bytes(&self) -> usize {
        let threads = |t: &Threads| t.list.capacity() * size_of::<u16>() + t.slots.len() * size_of::<u32>();
        let stack = self.stack.capacity() * size_of::<Job>();
        threads(&self.now) + threads(&self.next) + stack + self.reached.len() * size_of::<u32>()
    }

    fn begin_round(&mut self) {
        self.round = self.round.wrapping_add(1);
        if self.round == 0 {
            self.reached.fill(0);
            self.round = 1;
        }
    }

    /// Follows all ways from `pc` up to the next byte and adds them to `next`.
    fn follow(&mut self, program: &Program, pc: usize, text: &[u8], at: usize, width: usize) {
        self.stack.push(Job::Follow(pc as u16));
        while let Some(job) = self.stack.pop() {
            let mut pc = match job {
                Job::Follow(pc) => usize::from(pc),
                Job::Restore(slot, place) => {
                    self.slots[usize::from(slot)] = place;
                    continue;
                }
            };
            while std::mem::replace(&mut self.reached[pc], self.round) != self.round {
                #[cfg(test)]
                (self.steps += 1);
                match program.code[pc] {
                    Inst::Jump(by) => pc = jump(pc, by),
                    Inst::Split(by, next_first) => {
                        let (first, second) = ways(pc, by, next_first);
                        self.stack.push(Job::Follow(second as u16));
                        pc = first;
                    }
                    Inst::Save(slot) => {
                        let place = &mut self.slots[usize::from(slot)];
                        self.stack.push(Job::Restore(slot, std::mem::replace(place, at as u32)));
                        pc += 1;
                    }
                    Inst::Look(look) if look.holds(text, at) => pc += 1,
                    Inst::Look(_) => break,
                    Inst::Set(_) | Inst::Match => {
                        self.next.list.push(pc as u16);
                        self.next.slots[pc * width..][..width].copy_from_slice(&self.slots[..width]);
                        break;
                    }
                }
            }
        }
    }

    /// Writes the places of the first match at or after `from` into `found`, as many as it has room for; with no room it is enough that
    /// there is one.
    pub fn search(&mut self, program: &Program, text: &[u8], from: usize, found: &mut [u32]) -> bool {
        let (width, mut at, mut matched) = (found.len(), from, false);
        self.next.list.clear();
        self.begin_round();
        loop {
            if self.next.list.is_empty() {
                if matched || program.anchored && at > 0 {
                    return matched;
                }
                let may_begin = |first: &super::set::ByteSet| text[at..].iter().position(|b| first.contains(*b));
                match program.first.as_ref().map_or(Some(0), may_begin) {
                    Some(0) => {}
                    Some(skipped) => {
                        at += skipped;
                        // What was reached on the way to the former place says nothing of this one.
                        self.begin_round();
                    }
                    None => return false,
                }
            }
            if !matched && (at == 0 || !program.anchored) {
                self.slots[..width].fill(NOWHERE);
                self.follow(program, 0, text, at, width);
            }
            std::mem::swap(&mut self.now, &mut self.next);
            self.next.list.clear();
            self.begin_round();
            for n in 0..self.now.list.len() {
                let pc = usize::from(self.now.list[n]);
                match program.code[pc] {
                    Inst::Set(set) if text.get(at).is_some_and(|b| program.sets[usize::from(set)].contains(*b)) => {
                        self.slots[..width].copy_from_slice(&self.now.slots[pc * width..][..width]);
                        self.follow(program, pc + 1, text, at + 1, width);
                    }
                    Inst::Match => {
                        matched = true;
                        found.copy_from_slice(&self.now.slots[pc * width..][..width]);
                        break;
                    }
                    _ => {}
                }
            }
            if at == text.len() || matched && width == 0 {
                return matched;
            }
            at += 1;
        }
    }
}
