//! Regular expressions: time linear in the input whatever the pattern, and no allocation while matching.
//!
//! The syntax is that of the crate `regex-automata` without Unicode classes: nearly all of PCRE's but look-around and back-references,
//! which cannot be matched in linear time and are refused at start-up. Expressions that begin with `^` and never have to try two
//! ways run as a one-pass automaton, the others as a simulation of the NFA. Both work in a cache that each worker has once, made large
//! enough for all expressions before traffic comes.

use regex_automata::nfa::thompson::{NFA, State, WhichCaptures, pikevm::PikeVM};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, dfa::onepass, nfa::thompson, util::primitives::NonMaxUsize};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Groups that can be referred to: the whole match and `\1` to `\9`.
pub const GROUPS: usize = 10;
/// Largest automaton of one expression, bytes.
const NFA_LIMIT: usize = 1 << 20;
/// Largest one-pass automaton, bytes; beyond it the NFA is simulated.
const ONE_PASS_LIMIT: usize = 1 << 16;

/// Where the groups of a match are.
#[derive(Clone, Copy, Debug)]
pub struct Captures {
    slots: [Option<NonMaxUsize>; GROUPS * 2],
}

impl Captures {
    /// Begin and end of group `n`; none when it took no part.
    pub fn get(&self, n: usize) -> Option<(usize, usize)> {
        let at = |i: usize| self.slots.get(i).copied().flatten().map(NonMaxUsize::get);
        Some((at(n * 2)?, at(n * 2 + 1)?))
    }
}

/// A compiled expression.
pub struct Regex {
    vm: PikeVM,
    one_pass: Option<onepass::DFA>,
    /// Tells the cache for whom it was made ready last.
    id: u32,
}

impl Regex {
    /// Compiles an expression; `fold`: letters are the same in both cases.
    pub fn new(pattern: &str, fold: bool) -> Result<Regex, String> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let syntax = syntax::Config::new().unicode(false).utf8(false).case_insensitive(fold);
        let config =
            thompson::Config::new().utf8(false).nfa_size_limit(Some(NFA_LIMIT)).which_captures(WhichCaptures::All);
        let built = thompson::Compiler::new().syntax(syntax).configure(config).build(pattern);
        let nfa = built.map_err(|e| explain(pattern, &e))?;
        let one_pass = if nfa.is_always_start_anchored() {
            let config = onepass::Config::new().size_limit(Some(ONE_PASS_LIMIT));
            onepass::Builder::new().configure(config).build_from_nfa(nfa.clone()).ok()
        } else {
            None
        };
        let vm = PikeVM::new_from_nfa(nfa).map_err(|e| e.to_string())?;
        Ok(Regex { vm, one_pass, id: NEXT.fetch_add(1, Relaxed) })
    }

    /// True when it matches anywhere in `text`.
    pub fn is_match(&self, cache: &mut RegexCache, text: &[u8]) -> bool {
        self.search(cache, Input::new(text).earliest(true), &mut [])
    }

    /// The first match at or after `from`, with its groups.
    pub fn captures(&self, cache: &mut RegexCache, text: &[u8], from: usize) -> Option<Captures> {
        let mut found = Captures { slots: [None; GROUPS * 2] };
        let slots = self.vm.get_nfa().group_info().slot_len().min(GROUPS * 2);
        self.search(cache, Input::new(text).range(from..), &mut found.slots[..slots]).then_some(found)
    }

    fn search(&self, cache: &mut RegexCache, input: Input, slots: &mut [Option<NonMaxUsize>]) -> bool {
        match &self.one_pass {
            Some(one_pass) if input.start() == 0 => {
                cache.one_pass.reset(one_pass);
                let found = one_pass.try_search_slots(&mut cache.one_pass, &input.anchored(Anchored::Yes), slots);
                found.is_ok_and(|pattern| pattern.is_some())
            }
            _ => {
                if cache.ready_for != self.id {
                    cache.vm.reset(&self.vm);
                    cache.ready_for = self.id;
                }
                self.vm.search_slots(&mut cache.vm, &input, slots).is_some()
            }
        }
    }

    /// Bytes of memory that it holds.
    pub fn memory_bytes(&self) -> usize {
        self.vm.get_nfa().memory_usage() + self.one_pass.as_ref().map_or(0, onepass::DFA::memory_usage)
    }

    /// The most that its simulation can have on its stack: every way out of every state, and every group to be restored.
    fn stack(&self) -> usize {
        let ways = |s: &State| match s {
            State::Union { alternates } => alternates.len(),
            State::BinaryUnion { .. } | State::Capture { .. } => 2,
            _ => 1,
        };
        self.vm.get_nfa().states().iter().map(ways).sum()
    }
}

/// What is wrong with an expression, in our users' terms.
fn explain(pattern: &str, error: &thompson::BuildError) -> String {
    if error.size_limit().is_some() {
        return format!("the regular expression '{pattern}' is too large");
    }
    let mut text = String::new();
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(e) = source {
        text = e.to_string();
        source = e.source();
    }
    // The last line says what is wrong; those before show the place.
    let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
    if reason.contains("look-around") || reason.contains("backreference") {
        return format!("the regular expression '{pattern}' cannot be matched in linear time: {reason}");
    }
    format!("the regular expression '{pattern}' is not valid: {reason}")
}

/// What matching works in: one a worker.
pub struct RegexCache {
    vm: thompson::pikevm::Cache,
    one_pass: onepass::Cache,
    ready_for: u32,
}

impl RegexCache {
    /// A cache that never grows when only these expressions are matched.
    pub fn new<'a>(regexes: impl Iterator<Item = &'a Regex>) -> RegexCache {
        let least = PikeVM::new_from_nfa(NFA::always_match()).expect("the empty expression is valid");
        let empty = onepass::DFA::always_match().expect("the empty expression is valid");
        let mut cache = RegexCache { vm: least.create_cache(), one_pass: empty.create_cache(), ready_for: 0 };
        let mut stack = 0;
        for r in regexes {
            cache.vm.reset(&r.vm);
            if let Some(one_pass) = &r.one_pass {
                cache.one_pass.reset(one_pass);
            }
            stack = stack.max(r.stack());
        }
        if stack > 0 {
            // The stack grows when it is used: an expression with that many ways at its beginning makes it.
            let ways: Vec<String> = (0..=stack).map(|n| format!("x{n:x}")).collect();
            let limit = thompson::Config::new().utf8(false).which_captures(WhichCaptures::None);
            let wide = thompson::Compiler::new().configure(limit).build(&ways.join("|"));
            if let Some(vm) = wide.ok().and_then(|nfa| PikeVM::new_from_nfa(nfa).ok()) {
                cache.vm.reset(&vm);
                vm.search_slots(&mut cache.vm, &Input::new(b"x"), &mut []);
            }
        }
        cache
    }
}
