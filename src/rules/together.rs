//! All conditions, and those of their criteria that are asked together: the ones of a proxy that compare the same sample in the same way
//! with texts, as the `path_beg` of its `use_backend` rules do. One search tells which of them hold.

use super::acl::{Acl, Part, Truth};
use super::memo::{Memo, Place, SAMPLES};
use crate::pattern::{Regex, RegexCache, Set};
use crate::sample::{Expr, Scene};
use std::ops::Range;

/// What conditions are asked with, beside what they look at.
pub struct Work<'w> {
    /// For values.
    pub space: &'w mut [u8],
    pub regexes: &'w mut RegexCache,
    pub memo: &'w mut Memo,
}

/// Criteria that are asked together.
struct Group {
    /// The texts of all of them.
    set: Set,
    /// The criterion of each text.
    owners: Vec<u32>,
}

/// All conditions.
#[derive(Default)]
pub struct Acls {
    list: Vec<Acl>,
    groups: Vec<Group>,
    /// The number of criteria.
    criteria: usize,
}

impl Acls {
    /// Those of all proxies, each of which has a range of them.
    pub fn new(mut list: Vec<Acl>, proxies: &[Range<usize>]) -> Acls {
        for (part, n) in list.iter_mut().flat_map(|a| &mut a.parts).zip(0..) {
            (part.place.number, part.place.question) = (n, n);
        }
        let criteria = list.iter().map(|a| a.parts.len()).sum();
        let mut acls = Acls { list, groups: Vec::new(), criteria };
        for range in proxies {
            let mut parts: Vec<&mut Part> = acls.list[range.clone()].iter_mut().flat_map(|a| &mut a.parts).collect();
            share(&mut parts);
            group(&mut parts, criteria, &mut acls.groups);
        }
        acls
    }

    /// What is remembered of them.
    pub fn memo(&self) -> Memo {
        Memo::new(self.criteria, self.criteria + self.groups.len())
    }

    /// Looks at a scene.
    #[inline]
    pub fn check(&self, n: usize, scene: &Scene, work: &mut Work) -> Truth {
        let mut later = false;
        for part in &self.list[n].parts {
            let known = work.memo.answer(part.place).map(Truth::from);
            match known.unwrap_or_else(|| self.ask(part, scene, work)) {
                Truth::Yes => return Truth::Yes,
                Truth::No => {}
                Truth::Later => later = true,
            }
        }
        if later { Truth::Later } else { Truth::No }
    }

    #[inline(never)]
    fn ask(&self, part: &Part, scene: &Scene, work: &mut Work) -> Truth {
        let place = part.place;
        let truth = match (place.question as usize).checked_sub(self.criteria) {
            Some(at) => {
                let Group { set, owners } = &self.groups[at];
                part.each_value(scene, work, |value, tools, memo| {
                    set.each(value, &mut tools.scratch, &mut |n| memo.hold(owners[n]));
                    false
                })
            }
            None => part.each_value(scene, work, |value, tools, memo| {
                let holds = part.holds(value, tools);
                if holds {
                    memo.hold(place.number);
                }
                holds
            }),
        };
        match truth {
            Truth::Later if work.memo.holds_now(place) => Truth::Yes,
            Truth::Later => Truth::Later,
            Truth::Yes | Truth::No => work.memo.answered(place).into(),
        }
    }

    /// Adds the regular expressions in them.
    pub fn regexes<'a>(&'a self, all: &mut Vec<&'a Regex>) {
        self.list.iter().for_each(|a| a.regexes(all));
    }

    /// Bytes of memory that their patterns hold, without those of regular expressions.
    pub fn memory_bytes(&self) -> usize {
        let groups = self.groups.iter().map(|g| g.set.memory_bytes() + g.owners.len() * size_of::<u32>());
        self.list.iter().map(Acl::memory_bytes).chain(groups).sum()
    }

    /// Bytes that each worker remembers of them.
    pub fn memo_bytes(&self) -> usize {
        Memo::bytes(self.criteria, self.criteria + self.groups.len())
    }
}

/// Numbers the samples that several criteria of a proxy look at.
fn share(parts: &mut [&mut Part]) {
    let mut samples: Vec<(&Expr, usize)> = Vec::new();
    for part in parts.iter().filter(|p| p.expr.is_in_head()) {
        match samples.iter_mut().find(|s| s.0.is_same(&part.expr)) {
            Some((_, count)) => *count += 1,
            None => samples.push((&part.expr, 1)),
        }
    }
    samples.retain(|s| s.1 > 1);
    samples.truncate(SAMPLES);
    let number = |p: &&mut Part| samples.iter().position(|s| s.0.is_same(&p.expr)).map(|n| n as u8);
    let numbers: Vec<_> = parts.iter().map(number).collect();
    for (part, number) in parts.iter_mut().zip(numbers) {
        part.sample = number;
    }
}

/// Puts those together that one search can answer; their texts move into its set.
fn group(parts: &mut [&mut Part], criteria: usize, groups: &mut Vec<Group>) {
    for first in 0..parts.len() {
        let is_own = |p: &Part| p.place.question == p.place.number;
        let like = |p: &Part| is_own(p) && parts[first].is_asked_with(p);
        let others = if is_own(parts[first]) { first..parts.len() } else { 0..0 };
        let members: Vec<usize> = others.filter(|n| like(parts[*n])).collect();
        if members.len() < 2 {
            continue;
        }
        let (mut texts, mut owners, question) = (Vec::new(), Vec::new(), (criteria + groups.len()) as u32);
        let (method, fold) = (parts[first].sets[0].method(), parts[first].sets[0].fold());
        for n in members {
            let part = &mut *parts[n];
            for text in part.sets.drain(..).flat_map(Set::into_texts) {
                texts.push(text);
                owners.push(part.place.number);
            }
            part.place = Place { question, ..part.place };
        }
        groups.push(Group { set: Set::of_texts(texts, method, fold), owners });
    }
}
