//! Texts in one block of memory, sorted: equality, and the longest one that a text begins (or ends) with.

use super::Hit;
use std::cmp::Ordering;

/// No text that this one begins with.
const NONE: u32 = u32::MAX;

/// From which end texts are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    Forward,
    Backward,
}

struct Text {
    /// Where it ends in the block; it begins where the one before it ends.
    end: u32,
    number: u32,
    /// The longest other text that it begins with.
    beginning: u32,
}

/// A set of texts.
pub struct Texts {
    /// All of them in order; backwards when they are compared so, in small letters when the case does not count.
    block: Box<[u8]>,
    list: Box<[Text]>,
    fold: bool,
    order: Order,
}

impl Texts {
    pub fn new(texts: Vec<Box<[u8]>>, fold: bool, order: Order) -> Texts {
        let mut texts: Vec<(Box<[u8]>, u32)> = texts.into_iter().zip(0..).collect();
        for (text, _) in &mut texts {
            if fold {
                text.make_ascii_lowercase();
            }
            if order == Order::Backward {
                text.reverse();
            }
        }
        // Of equal ones the first is the last here: it is what is found.
        texts.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        let mut block = Vec::with_capacity(texts.iter().map(|t| t.0.len()).sum());
        let mut list: Vec<Text> = Vec::with_capacity(texts.len());
        let mut open: Vec<u32> = Vec::new();
        for (i, (text, number)) in texts.iter().enumerate() {
            while let Some(top) = open.last()
                && !text.starts_with(&texts[*top as usize].0)
            {
                open.pop();
            }
            block.extend_from_slice(text);
            let beginning = open.last().copied().unwrap_or(NONE);
            list.push(Text { end: block.len() as u32, number: *number, beginning });
            open.push(i as u32);
        }
        Texts { block: block.into(), list: list.into(), fold, order }
    }

    fn text(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.list[at - 1].end };
        &self.block[start as usize..self.list[at].end as usize]
    }

    /// The byte of `text` that is compared with the `i`-th of a stored one.
    #[inline]
    fn byte(&self, text: &[u8], i: usize) -> u8 {
        let b = if self.order == Order::Forward { text[i] } else { text[text.len() - 1 - i] };
        if self.fold { b.to_ascii_lowercase() } else { b }
    }

    fn compare(&self, stored: &[u8], text: &[u8]) -> Ordering {
        for (i, b) in stored.iter().enumerate().take(text.len()) {
            match b.cmp(&self.byte(text, i)) {
                Ordering::Equal => {}
                other => return other,
            }
        }
        stored.len().cmp(&text.len())
    }

    /// The last text that is not behind `text`.
    fn floor(&self, text: &[u8]) -> Option<usize> {
        let (mut low, mut high) = (0, self.list.len());
        while low < high {
            let middle = (low + high) / 2;
            if self.compare(self.text(middle), text) == Ordering::Greater {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low.checked_sub(1)
    }

    /// The texts that equal this one.
    pub fn equals(&self, text: &[u8]) -> impl Iterator<Item = Hit> {
        let last = self.floor(text).filter(|at| self.compare(self.text(*at), text) == Ordering::Equal);
        // Others that equal it begin with it, and come first among those.
        let equal = |at: &u32| self.text(*at as usize).len() == text.len();
        let chain = last.into_iter().flat_map(|at| self.chain(at as u32));
        chain.take_while(equal).map(|at| self.hit(at))
    }

    /// The texts that this one begins with (ends with, when compared backwards), the longest first.
    pub fn beginnings(&self, text: &[u8]) -> impl Iterator<Item = Hit> {
        let begins = |at: &u32| {
            let stored = self.text(*at as usize);
            stored.len() <= text.len() && stored.iter().enumerate().all(|(i, b)| *b == self.byte(text, i))
        };
        let longest = self.floor(text).map(|at| at as u32);
        longest.into_iter().flat_map(|at| self.chain(at)).filter(begins).map(|at| self.hit(at))
    }

    /// A text and all that it begins with, the longest first.
    fn chain(&self, at: u32) -> impl Iterator<Item = u32> {
        std::iter::successors(Some(at), |at| Some(self.list[*at as usize].beginning).filter(|at| *at != NONE))
    }

    fn hit(&self, at: u32) -> Hit {
        Hit { number: self.list[at as usize].number as usize, weight: self.text(at as usize).len() }
    }

    /// The texts in the order in which they were given; in small letters when the case does not count.
    pub fn into_texts(self) -> Vec<Box<[u8]>> {
        let numbered = |at: usize| {
            let mut text = self.text(at).to_vec();
            if self.order == Order::Backward {
                text.reverse();
            }
            (self.list[at].number, text.into())
        };
        let mut texts: Vec<(u32, Box<[u8]>)> = (0..self.list.len()).map(numbered).collect();
        texts.sort_by_key(|t| t.0);
        texts.into_iter().map(|t| t.1).collect()
    }

    pub fn memory_bytes(&self) -> usize {
        self.block.len() + self.list.len() * size_of::<Text>()
    }
}
