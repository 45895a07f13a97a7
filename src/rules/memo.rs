//! What conditions found already, for as long as no rule changes what they rest on: of the samples that several of them look at each is
//! found once, and each criterion is answered once.
//!
//! Time is counted in changes. An answer of the count 7 is good while all that it rests on was changed at 7 at the latest.

use crate::http::Span;
use crate::pattern::Value;
use crate::sample::{Scene, needs};

/// Samples of a proxy that are remembered: the first that several conditions look at.
pub const SAMPLES: usize = 8;

/// The bits of [`needs::CHANGES`] stand here in [`Rests`].
const SHIFT: u32 = needs::CHANGES.trailing_zeros();
const SETS: usize = 1 << needs::CHANGES.count_ones();

/// What an answer rests on: bits of [`needs::CHANGES`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rests(u8);

impl Rests {
    /// None of the bits: on more than is known here, so that nothing is remembered.
    pub const UNKNOWN: Rests = Rests(0);

    pub const fn on(needs: u32) -> Rests {
        Rests(((needs & needs::CHANGES) >> SHIFT) as u8)
    }
}

/// Where the answer of a criterion stands.
#[derive(Clone, Copy)]
pub struct Place {
    pub rests: Rests,
    /// The number of the criterion.
    pub number: u32,
    /// The question whose answer says whether it holds: of itself, or of all that are asked together with it.
    pub question: u32,
}

/// What a sample is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Found {
    #[default]
    Unknown,
    Nothing,
    /// One value, which stands in the head.
    At(Span),
}

impl Found {
    /// With a further value.
    #[inline]
    pub fn and(self, scene: &Scene, value: Value) -> Found {
        let (Found::Nothing, Value::Str(part) | Value::Method(part)) = (self, value) else { return Found::Unknown };
        let (whole, part_at) = (head(scene), part.as_ptr_range());
        let inside = whole.as_ptr_range().start <= part_at.start && part_at.end <= whole.as_ptr_range().end;
        if inside { Found::At(Span::new(whole, part)) } else { Found::Unknown }
    }
}

/// The text of the head that is looked at.
fn head<'a>(scene: &Scene<'a>) -> &'a [u8] {
    scene.message.map_or(&[], |m| m.text)
}

/// The answers.
pub struct Memo {
    now: u32,
    /// What was changed since.
    stale: u8,
    /// The last change of any of what the index stands for ([`Rests`]); never for the index 0.
    changed: [u32; SETS],
    /// When each question was answered.
    asked: Box<[u32]>,
    /// When each criterion was last found to hold.
    held: Box<[u32]>,
    samples: [(u32, Found); SAMPLES],
}

impl Memo {
    /// For so many criteria, and questions.
    pub fn new(criteria: usize, questions: usize) -> Memo {
        let (asked, held) = (vec![0; questions].into(), vec![0; criteria].into());
        Memo {
            now: 0,
            stale: Rests::on(needs::CHANGES).0,
            changed: [u32::MAX; SETS],
            asked,
            held,
            samples: Default::default(),
        }
    }

    /// Forgets everything: another message is looked at, or the same one later.
    pub fn begin(&mut self) {
        self.change(needs::CHANGES);
    }

    /// A rule changed something ([`needs::CHANGES`]).
    #[inline]
    pub fn change(&mut self, what: u32) {
        self.stale |= Rests::on(what).0;
    }

    /// Forgets what rests on what was changed, before conditions are looked at.
    #[inline]
    pub fn refresh(&mut self) {
        if self.stale != 0 {
            self.forget();
        }
    }

    #[inline(never)]
    fn forget(&mut self) {
        if self.now == u32::MAX - 1 {
            *self = Memo::new(self.held.len(), self.asked.len());
        }
        self.now += 1;
        let stale = usize::from(std::mem::take(&mut self.stale));
        let concerned = self.changed.iter_mut().enumerate().filter(|(set, _)| set & stale != 0);
        concerned.for_each(|(_, at)| *at = self.now);
    }

    fn is_good(&self, since: u32, rests: Rests) -> bool {
        since >= self.changed[usize::from(rests.0) % SETS]
    }

    /// Whether a criterion holds; None: it must be asked.
    #[inline]
    pub fn answer(&self, place: Place) -> Option<bool> {
        let asked = self.asked[place.question as usize];
        self.is_good(asked, place.rests).then(|| self.held[place.number as usize] == asked)
    }

    /// A criterion holds.
    pub fn hold(&mut self, number: u32) {
        self.held[number as usize] = self.now;
    }

    /// All that hold by the answer to its question were noted; says whether it does itself.
    pub fn answered(&mut self, place: Place) -> bool {
        self.asked[place.question as usize] = self.now;
        self.holds_now(place)
    }

    /// It was found to hold since the last change.
    pub fn holds_now(&self, place: Place) -> bool {
        self.held[place.number as usize] == self.now
    }

    /// Remembers a sample.
    pub fn set_sample(&mut self, sample: u8, found: Found) {
        self.samples[usize::from(sample)] = (self.now, found);
    }

    /// The value of a sample; Some(None) = it has none. None: not known.
    #[inline]
    pub fn sample<'a>(&self, sample: u8, rests: Rests, scene: &Scene<'a>) -> Option<Option<&'a [u8]>> {
        let (since, found) = self.samples[usize::from(sample)];
        match found {
            _ if !self.is_good(since, rests) => None,
            Found::Unknown => None,
            Found::Nothing => Some(None),
            Found::At(span) => Some(Some(span.of(head(scene)))),
        }
    }

    /// Bytes of memory for so many criteria and questions.
    pub fn bytes(criteria: usize, questions: usize) -> usize {
        size_of::<u32>() * (criteria + questions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_good_until_what_they_rest_on_changes() {
        let place = |needs, number, question| Place { rests: Rests::on(needs), number, question };
        let (line, both) = (place(needs::IN_LINE, 0, 0), place(needs::IN_LINE | needs::ADDRESSES, 1, 1));
        let (together, unknown) =
            (place(needs::IN_LINE, 2, 0), Place { rests: Rests::UNKNOWN, number: 3, question: 2 });
        let mut memo = Memo::new(4, 3);
        let now = |memo: &mut Memo| {
            memo.refresh();
            [line, both, together, unknown].map(|p| memo.answer(p))
        };
        // Once when the count is about to end.
        for begin in [0, 7, u32::MAX - 4] {
            memo.now = begin;
            memo.begin();
            assert_eq!(now(&mut memo), [None; 4]);
            memo.hold(2);
            assert_eq!([memo.answered(line), memo.answered(both), memo.answered(unknown)], [false; 3]);
            assert_eq!(now(&mut memo), [Some(false), Some(false), Some(true), None]);
            memo.change(needs::IN_FIELDS);
            memo.change(needs::HEAD);
            assert_eq!(now(&mut memo), [Some(false), Some(false), Some(true), None]);
            memo.change(needs::ADDRESSES);
            assert_eq!(now(&mut memo), [Some(false), None, Some(true), None]);
            memo.change(needs::IN_LINE);
            assert_eq!(now(&mut memo), [None; 4]);
        }
        assert_eq!(memo.now, 1);
    }
}
