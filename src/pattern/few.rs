//! A few texts, looked at one by one: each by its first or last eight bytes in one comparison, and by the rest only where those match.

use super::{Hit, Method};

/// Bytes that are compared at once.
const WORD: usize = 8;

struct Pattern {
    /// The first bytes (the last ones for `end`), filled up with zeros; in small letters when the case does not count.
    word: u64,
    /// Which of its bytes count.
    mask: u64,
    number: u32,
    text: Box<[u8]>,
}

/// Texts for str, bin, beg and end.
pub struct Few {
    list: Box<[Pattern]>,
    method: Method,
    fold: bool,
}

/// Eight bytes of one end of a text, the outermost one in the lowest place.
#[inline]
fn word(text: &[u8], from_end: bool) -> u64 {
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        return if from_end { u64::from_be_bytes(*last) } else { u64::from_le_bytes(*first) };
    }
    // Bytes that are read twice are the same ones.
    let word = match (text.first_chunk(), text.last_chunk(), text) {
        (Some(first), Some(last), _) => {
            u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << (8 * (text.len() - 4))
        }
        (.., [first, middle @ .., last]) => {
            let middle = middle.first().map_or(0, |b| u64::from(*b) << 8);
            u64::from(*first) | middle | u64::from(*last) << (8 * (text.len() - 1))
        }
        (.., [only]) => u64::from(*only),
        (.., []) => return 0,
    };
    if from_end { word.swap_bytes() >> (8 * (WORD - text.len())) } else { word }
}

/// Capital letters made small, all bytes at once.
#[inline]
fn small(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; WORD]);
    // The highest bit of each byte: set when the rest of it is 'A' or more, and 'Z' + 1 or more.
    let rest = word & (ONES * 0x7f);
    let (from_a, past_z) = (rest + ONES * (0x80 - b'A' as u64), rest + ONES * (0x7f - b'Z' as u64));
    let capital = from_a & !past_z & !word & (ONES * 0x80);
    word | capital >> 2
}

impl Few {
    pub fn new(texts: Vec<Box<[u8]>>, method: Method, fold: bool) -> Few {
        let pattern = |(text, number): (Box<[u8]>, u32)| {
            let word = word(&text, method == Method::End);
            let mask = u64::MAX.checked_shr(8 * WORD.saturating_sub(text.len()) as u32).unwrap_or(0);
            Pattern { word: if fold { small(word) } else { word }, mask, number, text }
        };
        let mut list: Vec<Pattern> = texts.into_iter().zip(0..).map(pattern).collect();
        if method == Method::Beg {
            list.sort_by_key(|p| std::cmp::Reverse(p.text.len()));
        }
        Few { list: list.into(), method, fold }
    }

    /// True when a text matches one of the patterns.
    #[inline(never)]
    pub fn holds(&self, text: &[u8]) -> bool {
        self.find(text).next().is_some()
    }

    /// The patterns that a text matches, the most specific one first for `beg`, else in the order in which they were given.
    #[inline]
    pub fn find(&self, text: &[u8]) -> impl Iterator<Item = Hit> {
        let end = self.method == Method::End;
        let whole = !end && self.method != Method::Beg;
        let word = word(text, end);
        let word = if self.fold { small(word) } else { word };
        let fits = move |p: &&Pattern| {
            let len = p.text.len();
            if word & p.mask != p.word || len > text.len() || whole && len != text.len() {
                return false;
            }
            len <= WORD || {
                let part = if end { &text[text.len() - len..] } else { &text[..len] };
                super::equal(self.fold, part, &p.text)
            }
        };
        self.list.iter().filter(fits).map(|p| Hit { number: p.number as usize, weight: p.text.len() })
    }

    /// The texts in the order in which they were given.
    pub fn into_texts(self) -> Vec<Box<[u8]>> {
        let mut list = Vec::from(self.list);
        list.sort_by_key(|p| p.number);
        list.into_iter().map(|p| p.text).collect()
    }

    pub fn memory_bytes(&self) -> usize {
        self.list.iter().map(|p| size_of::<Pattern>() + p.text.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_letters() {
        for b in 0..=u8::MAX {
            let (word, want) = ([b, b'A', b, b'z', b, b'@', b, b], [b, b'A', b, b'z', b, b'@', b, b]);
            assert_eq!(small(u64::from_le_bytes(word)).to_le_bytes(), want.map(|b| b.to_ascii_lowercase()), "{b}");
        }
    }

    #[test]
    fn words_of_texts() {
        for len in 0..12 {
            let text: Vec<u8> = (1..=len).collect();
            let (mut front, mut back) = (text.clone(), text.clone());
            back.reverse();
            front.resize(8, 0);
            back.resize(8, 0);
            assert_eq!(word(&text, false).to_le_bytes()[..], front[..8]);
            assert_eq!(word(&text, true).to_le_bytes()[..], back[..8]);
        }
    }

    #[test]
    fn long_short_and_zeros() {
        let find = |method, fold, texts: &[&[u8]], value: &[u8]| {
            let few = Few::new(texts.iter().map(|t| (*t).into()).collect(), method, fold);
            few.find(value).map(|hit| hit.number).collect::<Vec<_>>()
        };
        let texts: [&[u8]; 5] = [b"", b"ab", b"ab\0", b"ABCDEFGH", b"abcdefghi"];
        assert_eq!(find(Method::Str, false, &texts, b"ab"), [1]);
        assert_eq!(find(Method::Bin, false, &texts, b"ab\0"), [2]);
        assert_eq!(find(Method::Str, true, &texts, b"AbcdefghI"), [4]);
        assert_eq!(find(Method::Str, false, &texts, b""), [0]);
        assert_eq!(find(Method::Beg, true, &texts, b"abcdefghij"), [4, 3, 1, 0]);
        assert_eq!(find(Method::Beg, false, &texts, b"abcdefghxj"), [1, 0]);
        let texts: [&[u8]; 5] = [b"", b"hi", b"\0hi", b"ABCDEFGHI", b"bcdefghi"];
        assert_eq!(find(Method::End, true, &texts, b"xabcdefghi"), [0, 1, 3, 4]);
        assert_eq!(find(Method::End, false, &texts, b"hi"), [0, 1]);
        assert_eq!(find(Method::End, false, &texts, b"\0hi"), [0, 1, 2]);
    }
}
