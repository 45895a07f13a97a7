//! The choice of a language.

use super::{Arg, Converter, Tools, converter};
use super::{STR, bytes, written};
use crate::pattern::Value;

/// The thousandths of a quality (RFC 9110 section 12.4.2); without one, or with a broken one, 1000.
fn quality(parameters: &[u8]) -> u32 {
    let Some(below_one) = parameters.trim_ascii().strip_prefix(b"q=0") else { return 1000 };
    let digits = below_one.strip_prefix(b".").unwrap_or(b"").iter().take_while(|d| d.is_ascii_digit());
    digits.zip([100, 10, 1]).map(|(d, place)| u32::from(d - b'0') * place).sum()
}

/// The language of a list that a client likes best.
fn language<'a>(accepted: &[u8], args: &[Arg], t: &mut Tools<'a, '_>) -> Option<Value<'a>> {
    let offered = || args[0].text().split(|b| *b == b';').filter(|o| !o.is_empty());
    let (mut best, mut best_quality) = (None, 0);
    for item in accepted.split(|b| *b == b',') {
        let (name, parameters) = match item.iter().position(|b| *b == b';') {
            Some(at) => (&item[..at], &item[at + 1..]),
            None => (item, &b""[..]),
        };
        let name = name.trim_ascii();
        let base = &name[..name.iter().position(|b| *b == b'-').unwrap_or(name.len())];
        let quality = quality(parameters);
        if quality > best_quality
            && let Some(found) = offered().find(|o| *o == name || *o == base)
        {
            (best, best_quality) = (Some(found), quality);
        }
    }
    let found = best.or(Some(args[1].text()).filter(|d| !d.is_empty()))?;
    written(t, |o| o.put(found)).map(Value::Str)
}

/// Sorted by name.
pub static TABLE: &[Converter] = &[converter(
    "language",
    "languages,default?",
    STR,
    "1.5",
    "The language of a list, separated by ';', that a client likes best.",
    |v, a, _, t| language(bytes(v), a, t),
)];
