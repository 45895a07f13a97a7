//! Whether an expression matches at all: one look-up a byte, by a deterministic automaton that is made at start-up when it is small.
//!
//! A state is what a simulation of the program would have at hand: the instructions that wait for a byte, and the conditions whose
//! outcome depends on the next one, with as much of the byte before as they ask for.

use super::program::{Closure, Inst, Look, Program};
use super::set::{ByteSet, Classes, is_word};

/// Bytes of the largest table; beyond it the program is simulated.
const TABLE_LIMIT: usize = 1 << 16;
const STATE_LIMIT: usize = 2048;
/// What making one may cost: instructions looked at.
const WORK_LIMIT: usize = 1 << 21;

/// The state that nothing leads out of, and the one that has matched.
const DEAD: u16 = 0;
const MATCH: u16 = 1;

pub struct Dfa {
    classes: Classes,
    /// The next state for each class, the end of the text being the last one, state by state. A state is called by where its row
    /// begins.
    table: Box<[u16]>,
    start: u16,
    matched: u16,
}

impl Dfa {
    /// None when it would be too large.
    pub fn new(program: &Program) -> Option<Dfa> {
        let looks = Looks::of(program);
        let mut sets = program.sets.to_vec();
        if looks.lines {
            sets.push(ByteSet::of(|b| b == b'\n'));
        }
        if looks.words {
            sets.push(ByteSet::of(is_word));
        }
        let classes = Classes::new(&sets);
        let width = classes.samples.len() + 1;
        let mut b = Builder::new(program, looks)?;
        let start = b.state(None, &[])?;
        let mut table = Vec::new();
        let mut row = 0;
        while row < b.states.len() {
            if (table.len() + width) * size_of::<u16>() > TABLE_LIMIT {
                return None;
            }
            for class in 0..width {
                let next = b.next(row, classes.samples.get(class).copied())?;
                table.push(next.checked_mul(width as u16)?);
            }
            row += 1;
        }
        let width = width as u16;
        Some(Dfa { classes, table: table.into(), start: start * width, matched: MATCH * width })
    }

    pub fn is_match(&self, text: &[u8]) -> bool {
        let mut state = self.start;
        for byte in text {
            if state <= self.matched {
                break;
            }
            state = self.table[usize::from(state) + self.classes.of(*byte)];
        }
        self.table[usize::from(state) + self.classes.samples.len()] == self.matched
    }

    pub fn memory_bytes(&self) -> usize {
        size_of_val(&*self.table) + self.classes.memory_bytes()
    }
}

/// The kinds of conditions in a program.
struct Looks {
    any: bool,
    lines: bool,
    words: bool,
}

impl Looks {
    fn of(program: &Program) -> Looks {
        let has = |kinds: &[Look]| program.code.iter().any(|i| matches!(i, Inst::Look(l) if kinds.contains(l)));
        Looks {
            any: program.code.iter().any(|i| matches!(i, Inst::Look(_))),
            lines: has(&[Look::LineStart, Look::LineEnd]),
            words: has(&[Look::WordEdge, Look::NotWordEdge]),
        }
    }

    /// A byte that no condition can tell from this one.
    fn like(&self, byte: u8) -> u8 {
        match byte {
            b'\n' if self.lines => b'\n',
            b if self.words && is_word(b) => b'a',
            _ => b' ',
        }
    }
}

/// What a simulation has at hand behind a byte.
#[derive(PartialEq, Eq)]
struct State {
    /// The byte before, as far as it matters; none at the beginning.
    before: Option<u8>,
    /// The instructions, sorted.
    at: Box<[u16]>,
}

impl State {
    fn hash(&self) -> usize {
        let first = self.before.map_or(0, usize::from);
        self.at.iter().fold(first, |h, pc| (h ^ usize::from(*pc)).wrapping_mul(0x0100_0193))
    }
}

struct Builder<'p> {
    program: &'p Program,
    looks: Looks,
    closure: Closure,
    states: Vec<State>,
    /// Numbers of states by their hash, in the next free place; 0 = free.
    index: Vec<u16>,
}

impl<'p> Builder<'p> {
    /// None when a condition looks further than one byte.
    fn new(program: &'p Program, looks: Looks) -> Option<Builder<'p>> {
        let far = program.code.contains(&Inst::Look(Look::LastLineEnd));
        // DEAD, and MATCH: what leads to a match at once.
        let states = [&[][..], &[program.code.len() as u16 - 1]].map(|at| State { before: None, at: at.into() });
        let (closure, index) = (Closure::new(program), vec![0; STATE_LIMIT * 2]);
        (!far).then(|| Builder { program, looks, closure, states: states.into(), index })
    }

    /// The state behind `before`, with the program at these instructions, and at its own first one where a match may begin.
    fn state(&mut self, before: Option<u8>, from: &[usize]) -> Option<u16> {
        let program = self.program;
        self.closure.clear();
        let mut at = Vec::new();
        let begin = (before.is_none() || !program.anchored).then_some(0);
        for pc in from.iter().copied().chain(begin) {
            self.closure.add(program, pc, &|_| false, &mut |pc| at.push(pc as u16));
        }
        if at.iter().any(|pc| program.code[usize::from(*pc)] == Inst::Match) {
            return Some(MATCH);
        }
        at.sort_unstable();
        let before = before.filter(|_| self.looks.any).map(|b| self.looks.like(b));
        if at.is_empty() { Some(DEAD) } else { self.number(State { before, at: at.into() }) }
    }

    /// The number of a state, which is a new one if it was not there.
    fn number(&mut self, state: State) -> Option<u16> {
        let mut place = state.hash();
        loop {
            place %= self.index.len();
            match self.index[place] {
                0 if self.states.len() == STATE_LIMIT => return None,
                0 => {
                    self.index[place] = self.states.len() as u16;
                    self.states.push(state);
                    return Some(self.index[place]);
                }
                known if self.states[usize::from(known)] == state => return Some(known),
                _ => place += 1,
            }
        }
    }

    /// The state that follows one at a byte, or at the end.
    fn next(&mut self, row: usize, byte: Option<u8>) -> Option<u16> {
        let (program, state) = (self.program, &self.states[row]);
        self.closure.clear();
        let (mut matched, mut from) = (false, Vec::new());
        for pc in &state.at {
            let passes = |look: Look| look.holds_between(state.before, byte);
            self.closure.add(program, usize::from(*pc), &passes, &mut |pc| match program.code[pc] {
                Inst::Match => matched = true,
                Inst::Set(s) if byte.is_some_and(|b| program.sets[usize::from(s)].contains(b)) => from.push(pc + 1),
                _ => {}
            });
        }
        if self.closure.work > WORK_LIMIT {
            return None;
        }
        match byte {
            _ if matched => Some(MATCH),
            None => Some(DEAD),
            byte => self.state(byte, &from),
        }
    }
}
