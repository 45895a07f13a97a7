//! Groups at one look-up a byte, for expressions that begin with `^` and in which each next byte leaves one way only, such as
//! `^/([^/]+)/(.*)$`: an automaton whose steps write down places.

use super::SLOTS;
use super::program::{Inst, Look, Program, jump, ways};
use super::set::Classes;

/// Bytes of the largest table; beyond it the program is simulated.
const TABLE_LIMIT: usize = 1 << 14;

/// There is no way on.
const NONE: u16 = u16::MAX;

/// What a byte does.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Step {
    next: u16,
    /// The slots, a bit each, into which the place before the byte goes.
    saves: u32,
}

/// What it means that the text, or what of it matches, ends in a state: the slots to be written.
#[derive(Clone, Copy, Default)]
struct Ends {
    anywhere: Option<u32>,
    /// Preferred at the end of the text.
    at_end: Option<u32>,
}

pub struct OnePass {
    classes: Classes,
    /// For each state and class.
    table: Box<[Step]>,
    ends: Box<[Ends]>,
}

impl OnePass {
    /// None when it is no such expression, or too large.
    pub fn new(program: &Program) -> Option<OnePass> {
        let classes = Classes::new(&program.sets);
        let mut made = Builder { program, classes: &classes, roots: vec![0], table: Vec::new(), ends: Vec::new() };
        let mut state = 0;
        while program.anchored && state < made.roots.len() {
            made.row(state)?;
            state += 1;
        }
        let (table, ends) = (made.table.into(), made.ends.into());
        program.anchored.then_some(OnePass { classes, table, ends })
    }

    /// Writes the places of the match at the beginning of the text, if there is one.
    pub fn search(&self, text: &[u8], found: &mut [u32; SLOTS]) -> bool {
        let mut slots = *found;
        let (mut state, mut matched) = (0, false);
        for at in 0..=text.len() {
            let ends = self.ends[state];
            let end = ends.at_end.filter(|_| at == text.len()).or(ends.anywhere);
            if let Some(saves) = end {
                matched = true;
                *found = slots;
                save(found, saves, at);
            }
            let Some(byte) = text.get(at) else { break };
            let step = self.table[state * self.classes.samples.len() + self.classes.of(*byte)];
            if step.next == NONE {
                break;
            }
            save(&mut slots, step.saves, at);
            state = step.next.into();
        }
        matched
    }

    pub fn memory_bytes(&self) -> usize {
        size_of_val(&*self.table) + size_of_val(&*self.ends) + self.classes.memory_bytes()
    }
}

fn save(slots: &mut [u32], mut saves: u32, at: usize) {
    while saves != 0 {
        slots[saves.trailing_zeros() as usize] = at as u32;
        saves &= saves - 1;
    }
}

struct Builder<'p> {
    program: &'p Program,
    classes: &'p Classes,
    /// The instruction at which each state begins.
    roots: Vec<usize>,
    table: Vec<Step>,
    ends: Vec<Ends>,
}

impl Builder<'_> {
    /// Fills in a state: follows all ways from its instruction, the preferred ones first.
    fn row(&mut self, state: usize) -> Option<()> {
        let (program, width) = (self.program, self.classes.samples.len());
        if (self.table.len() + width) * size_of::<Step>() > TABLE_LIMIT {
            return None;
        }
        let row = self.table.len();
        self.table.resize(row + width, Step { next: NONE, saves: 0 });
        let mut ends = Ends::default();
        // Seen on a way that any byte can follow, and on one for the end of the text.
        let mut seen = vec![[false; 2]; program.code.len()];
        let mut stack = vec![(self.roots[state], 0, false)];
        while let Some((pc, saves, at_end)) = stack.pop() {
            if std::mem::replace(&mut seen[pc][usize::from(at_end)], true) {
                continue;
            }
            match program.code[pc] {
                Inst::Jump(by) => stack.push((jump(pc, by), saves, at_end)),
                Inst::Save(slot) => stack.push((pc + 1, saves | 1 << slot, at_end)),
                Inst::Split(by, next_first) => {
                    let (first, second) = ways(pc, by, next_first);
                    stack.extend([(second, saves, at_end), (first, saves, at_end)]);
                }
                Inst::Look(Look::TextStart) if state > 0 => {}
                Inst::Look(Look::TextStart) => stack.push((pc + 1, saves, at_end)),
                Inst::Look(Look::TextEnd) => stack.push((pc + 1, saves, true)),
                Inst::Look(_) => return None,
                Inst::Match if at_end => ends.at_end = ends.at_end.or(Some(saves)),
                Inst::Match => {
                    // What follows is never preferred to it.
                    ends.anywhere = Some(saves);
                    break;
                }
                Inst::Set(_) if at_end => {}
                Inst::Set(set) => self.steps(row, set, pc + 1, saves)?,
            }
        }
        self.ends.push(ends);
        Some(())
    }

    /// The bytes of a set lead to an instruction. None when one of them leads elsewhere already.
    fn steps(&mut self, row: usize, set: u16, to: usize, saves: u32) -> Option<()> {
        let next = self.roots.iter().position(|r| *r == to).unwrap_or_else(|| {
            self.roots.push(to);
            self.roots.len() - 1
        });
        let step = Step { next: next as u16, saves };
        for (class, sample) in self.classes.samples.iter().enumerate() {
            let place = &mut self.table[row + class];
            if self.program.sets[usize::from(set)].contains(*sample) {
                if place.next != NONE && *place != step {
                    return None;
                }
                *place = step;
            }
        }
        Some(())
    }
}
