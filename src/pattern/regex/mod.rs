//! Regular expressions: PCRE's syntax and meaning, time linear in the input whatever the expression, and no allocation while matching.
//!
//! What cannot be matched in linear time (back-references, look-around, atomic groups) is refused at start-up. An expression is parsed
//! into a program (`parse`, `program`). Whether it matches is told by an automaton (`dfa`) where that is small; groups are found by
//! another one (`onepass`) where there is never a choice. All else is a simulation of the program (`vm`), in space that each worker has
//! once, made large enough for all expressions before traffic comes.

mod dfa;
mod onepass;
mod parse;
mod program;
mod set;
mod vm;

use dfa::Dfa;
use onepass::OnePass;
use program::Program;
use vm::{NOWHERE, Space};

/// Groups that can be referred to: the whole match and `\1` to `\9`.
pub const GROUPS: usize = 10;
/// Two for each: where it begins and where it ends.
const SLOTS: usize = GROUPS * 2;

/// Why an expression is not taken.
#[derive(Debug)]
pub struct Refused {
    /// Where in it, in bytes.
    pub at: usize,
    pub reason: &'static str,
}

impl Refused {
    /// A sentence about it.
    pub fn about(&self, pattern: &str) -> String {
        format!("the regular expression '{pattern}', byte {}: {}", self.at + 1, self.reason)
    }
}

/// Where the groups of a match are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Captures {
    slots: [u32; SLOTS],
}

impl Captures {
    /// Begin and end of group `n`; none when it took no part.
    pub fn get(&self, n: usize) -> Option<(usize, usize)> {
        let at = |i: usize| self.slots.get(i).filter(|at| **at != NOWHERE).map(|at| *at as usize);
        Some((at(n * 2)?, at(n * 2 + 1)?))
    }
}

enum Engine {
    Dfa(Dfa),
    OnePass(OnePass),
    /// With an automaton that tells whether it is worth while.
    Vm(Program, Option<Dfa>),
}

/// A compiled expression.
pub struct Regex(Engine);

impl Regex {
    /// Compiles an expression; `fold`: letters are the same in both cases.
    pub fn new(pattern: &str, fold: bool) -> Result<Regex, Refused> {
        let program = parse::parse(pattern.as_bytes(), fold, true)?;
        Ok(Regex(match OnePass::new(&program) {
            Some(one_pass) => Engine::OnePass(one_pass),
            None => {
                let dfa = Dfa::new(&program);
                Engine::Vm(program, dfa)
            }
        }))
    }

    /// The same when only [`Regex::is_match`] is asked.
    pub fn matcher(pattern: &str, fold: bool) -> Result<Regex, Refused> {
        let program = parse::parse(pattern.as_bytes(), fold, false)?;
        Ok(Regex(Dfa::new(&program).map_or_else(|| Engine::Vm(program, None), Engine::Dfa)))
    }

    /// True when it matches anywhere in `text`.
    pub fn is_match(&self, cache: &mut RegexCache, text: &[u8]) -> bool {
        match &self.0 {
            Engine::Dfa(dfa) | Engine::Vm(_, Some(dfa)) => dfa.is_match(text),
            Engine::OnePass(one_pass) => one_pass.search(text, &mut [NOWHERE; SLOTS]),
            Engine::Vm(program, None) => cache.0.search(program, text, 0, &mut []),
        }
    }

    /// The first match at or after `from`, with its groups; never one of a [`Regex::matcher`].
    pub fn captures(&self, cache: &mut RegexCache, text: &[u8], from: usize) -> Option<Captures> {
        let mut found = Captures { slots: [NOWHERE; SLOTS] };
        let matched = match &self.0 {
            Engine::Dfa(_) => false,
            Engine::OnePass(one_pass) => from == 0 && one_pass.search(text, &mut found.slots),
            Engine::Vm(_, Some(dfa)) if from == 0 && !dfa.is_match(text) => false,
            Engine::Vm(program, _) => cache.0.search(program, text, from, &mut found.slots[..program.slots]),
        };
        matched.then_some(found)
    }

    /// Bytes of memory that it holds.
    pub fn memory_bytes(&self) -> usize {
        match &self.0 {
            Engine::Dfa(dfa) => dfa.memory_bytes(),
            Engine::OnePass(one_pass) => one_pass.memory_bytes(),
            Engine::Vm(program, dfa) => program.memory_bytes() + dfa.as_ref().map_or(0, Dfa::memory_bytes),
        }
    }
}

/// What matching works in: one a worker.
#[derive(Default)]
pub struct RegexCache(Space);

impl RegexCache {
    /// A cache that never grows when only these expressions are matched.
    pub fn new<'a>(regexes: impl Iterator<Item = &'a Regex>) -> RegexCache {
        let mut space = Space::default();
        for regex in regexes {
            if let Engine::Vm(program, _) = &regex.0 {
                space.grow(program);
            }
        }
        RegexCache(space)
    }

    /// Bytes of memory that it takes.
    pub fn memory_bytes(&self) -> usize {
        self.0.memory_bytes()
    }
}

#[cfg(test)]
mod tests;
