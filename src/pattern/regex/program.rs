//! What an expression is compiled to, and how the pieces of it are put together.
//!
//! Jumps are relative, so that a piece can be copied and moved: that is all that `{n,m}` needs.

use super::set::{ByteSet, is_word};

/// Instructions of the largest program.
pub const MAX_PROGRAM: usize = 16_384;

/// A condition on a place between two bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    TextStart,
    TextEnd,
    /// At the end, or before a line feed that is the last byte.
    LastLineEnd,
    LineStart,
    LineEnd,
    WordEdge,
    NotWordEdge,
}

impl Look {
    /// True when it holds before `text[at]`.
    pub fn holds(self, text: &[u8], at: usize) -> bool {
        let rest = &text[at..];
        let before = at.checked_sub(1).map(|n| text[n]);
        self == Look::LastLineEnd && rest == b"\n" || self.holds_between(before, rest.first().copied())
    }

    /// The same for those that look no further than one byte.
    pub fn holds_between(self, before: Option<u8>, after: Option<u8>) -> bool {
        let edge = before.is_some_and(is_word) != after.is_some_and(is_word);
        match self {
            Look::TextStart => before.is_none(),
            Look::TextEnd | Look::LastLineEnd => after.is_none(),
            Look::LineStart => before.is_none_or(|b| b == b'\n'),
            Look::LineEnd => after.is_none_or(|b| b == b'\n'),
            Look::WordEdge => edge,
            Look::NotWordEdge => !edge,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Inst {
    /// A byte of [`Program::sets`].
    Set(u16),
    Look(Look),
    /// Both ways: the next instruction and the one that far off, the first of them preferred or the other one.
    Split(i16, bool),
    Jump(i16),
    /// The place goes into this slot.
    Save(u8),
    Match,
}

/// A part of a program: entered at its beginning, left at its end.
#[derive(Clone, Default)]
pub struct Piece {
    pub code: Vec<Inst>,
    /// It can match more than the empty text, and less.
    pub some: bool,
    pub none: bool,
}

/// The program would be larger than [`MAX_PROGRAM`].
pub struct TooLarge;

impl Piece {
    /// Matches the empty text.
    pub fn empty() -> Piece {
        Piece { none: true, ..Piece::default() }
    }

    pub fn set(number: u16) -> Piece {
        Piece { code: vec![Inst::Set(number)], some: true, none: false }
    }

    pub fn look(look: Look) -> Piece {
        Piece { code: vec![Inst::Look(look)], some: false, none: true }
    }

    /// This and then `next`.
    pub fn then(&mut self, next: &Piece) -> Result<(), TooLarge> {
        self.code.extend_from_slice(&next.code);
        self.some |= next.some;
        self.none &= next.none;
        fits(self.code.len())
    }

    /// One of several, earlier ones preferred.
    pub fn one_of(pieces: Vec<Piece>) -> Result<Piece, TooLarge> {
        let len: usize = pieces.iter().map(|p| p.code.len() + 2).sum::<usize>() - 2;
        fits(len)?;
        let mut all = Piece { code: Vec::with_capacity(len), some: false, none: false };
        let last = pieces.len() - 1;
        for (n, piece) in pieces.iter().enumerate() {
            all.some |= piece.some;
            all.none |= piece.none;
            if n < last {
                all.code.push(Inst::Split(offset(piece.code.len() + 2), true));
            }
            all.code.extend_from_slice(&piece.code);
            if n < last {
                all.code.push(Inst::Jump(offset(len - all.code.len())));
            }
        }
        Ok(all)
    }

    /// `min` to `max` times, as often as possible when it is `greedy`.
    pub fn repeated(&self, min: usize, max: Option<usize>, greedy: bool) -> Result<Piece, TooLarge> {
        // More of nothing is nothing.
        let (min, max) = if self.some { (min, max) } else { (min.min(1), Some(max.unwrap_or(1).min(1))) };
        fits(self.code.len().saturating_add(1).saturating_mul(max.unwrap_or(min).max(1)))?;
        let mut made = Piece::empty();
        let one = self.code.len() + 1;
        match max {
            None if min == 0 && self.none => return self.repeated(1, None, greedy)?.repeated(0, Some(1), greedy),
            None if min == 0 => {
                made.code.push(Inst::Split(offset(one + 1), greedy));
                made.code.extend_from_slice(&self.code);
                made.code.push(Inst::Jump(-offset(one)));
            }
            None => {
                (0..min).for_each(|_| made.code.extend_from_slice(&self.code));
                made.code.push(Inst::Split(-offset(one - 1), !greedy));
            }
            Some(max) => {
                (0..min).for_each(|_| made.code.extend_from_slice(&self.code));
                for left in (1..=max - min).rev() {
                    made.code.push(Inst::Split(offset(left * one), greedy));
                    made.code.extend_from_slice(&self.code);
                }
            }
        }
        made.some = self.some && max != Some(0);
        made.none = self.none || min == 0;
        Ok(made)
    }

    /// The same, its begin and end written to slots.
    pub fn saved(self, slot: u8) -> Piece {
        let mut code = Vec::with_capacity(self.code.len() + 2);
        code.push(Inst::Save(slot));
        code.extend(self.code);
        code.push(Inst::Save(slot + 1));
        Piece { code, ..self }
    }
}

fn fits(len: usize) -> Result<(), TooLarge> {
    if len > MAX_PROGRAM { Err(TooLarge) } else { Ok(()) }
}

/// The length of a jump within a program, which [`fits`] has seen.
fn offset(len: usize) -> i16 {
    i16::try_from(len).expect("within a program")
}

/// A compiled expression.
pub struct Program {
    pub code: Box<[Inst]>,
    pub sets: Box<[ByteSet]>,
    /// Twice the groups that are kept, 0 when none is.
    pub slots: usize,
    /// It can match at the beginning of the text only.
    pub anchored: bool,
    /// What a match begins with; none when it can be empty.
    pub first: Option<ByteSet>,
}

impl Program {
    pub fn new(piece: Piece, sets: Vec<ByteSet>, slots: usize) -> Program {
        let mut code = piece.code;
        code.push(Inst::Match);
        let mut made = Program { code: code.into(), sets: sets.into(), slots, anchored: false, first: None };
        let begins = |anchor: bool| {
            let passes = |l: Look| !(anchor && l == Look::TextStart);
            let mut first = Some(ByteSet::default());
            Closure::new(&made).add(&made, 0, &passes, &mut |pc| match made.code[pc] {
                Inst::Set(s) => first.iter_mut().for_each(|f| f.add(&made.sets[usize::from(s)])),
                Inst::Match => first = None,
                _ => {}
            });
            first
        };
        let anchored = begins(true) == Some(ByteSet::default());
        let first = begins(false);
        (made.anchored, made.first) = (anchored, first);
        made
    }

    pub fn memory_bytes(&self) -> usize {
        size_of_val(&*self.code) + size_of_val(&*self.sets)
    }
}

/// The instructions that a split leads to, the preferred one first.
pub fn ways(pc: usize, by: i16, next_first: bool) -> (usize, usize) {
    let (next, other) = (pc + 1, jump(pc, by));
    if next_first { (next, other) } else { (other, next) }
}

/// Where a jump leads.
pub fn jump(pc: usize, by: i16) -> usize {
    pc.wrapping_add_signed(by.into())
}

/// What can be reached without consuming a byte: for what is worked out at start-up.
pub struct Closure {
    /// When each instruction was seen last.
    seen: Vec<u32>,
    now: u32,
    stack: Vec<usize>,
    /// Instructions looked at, ever.
    pub work: usize,
}

impl Closure {
    pub fn new(program: &Program) -> Closure {
        Closure { seen: vec![0; program.code.len()], now: 1, stack: Vec::new(), work: 0 }
    }

    /// Nothing was seen.
    pub fn clear(&mut self) {
        self.now += 1;
    }

    /// Follows the ways from `pc`, in their order, past the conditions that `passes` says: gives each instruction at which one ends
    /// (a set, a match, another condition), unless an earlier one came there.
    pub fn add(&mut self, program: &Program, pc: usize, passes: &dyn Fn(Look) -> bool, ends: &mut dyn FnMut(usize)) {
        self.stack.push(pc);
        while let Some(pc) = self.stack.pop() {
            self.work += 1;
            if std::mem::replace(&mut self.seen[pc], self.now) == self.now {
                continue;
            }
            match program.code[pc] {
                Inst::Set(_) | Inst::Match => ends(pc),
                Inst::Look(look) if !passes(look) => ends(pc),
                Inst::Look(_) | Inst::Save(_) => self.stack.push(pc + 1),
                Inst::Jump(by) => self.stack.push(jump(pc, by)),
                Inst::Split(by, next_first) => {
                    let (first, second) = ways(pc, by, next_first);
                    self.stack.extend([second, first]);
                }
            }
        }
    }
}
