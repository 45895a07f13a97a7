//! What conditions that follow one another found already: each of the samples that several of them look at is found once.

use crate::http::Span;
use crate::pattern::Value;
use crate::sample::Scene;

/// Samples of a proxy that are remembered: the first that several conditions look at.
pub const SHARED: usize = 8;

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

/// What was found; nothing may be changed in the head meanwhile.
#[derive(Default)]
pub struct Memo {
    found: [Found; SHARED],
}

impl Memo {
    pub fn set(&mut self, sample: u8, found: Found) {
        self.found[usize::from(sample)] = found;
    }

    /// The value of a sample; Some(None) = it has none. None: not known.
    #[inline]
    pub fn get<'a>(&self, sample: u8, scene: &Scene<'a>) -> Option<Option<&'a [u8]>> {
        match self.found[usize::from(sample)] {
            Found::Unknown => None,
            Found::Nothing => Some(None),
            Found::At(span) => Some(Some(span.of(head(scene)))),
        }
    }
}

/// The text of the head that is looked at.
fn head<'a>(scene: &Scene<'a>) -> &'a [u8] {
    scene.request.or(scene.response).map_or(&[], |m| m.text)
}
