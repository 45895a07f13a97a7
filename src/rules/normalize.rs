//! `http-request normalize-uri`: other spellings of a target become one (RFC 3986 section 6.2.2, manual 4.2).

use super::{Action, ActionRow, Family, Reply, Stage, Verdict, row};
use crate::sample::Compiler;
use crate::util::fmt::Out;
use crate::util::words::{Args, Fault, nearest};

/// The text has no other spelling: it is malformed, or there is no space to find it in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Failure {
    Malformed,
    TooLarge,
}

/// Writes another spelling of a text. `option`: the word behind the name was given; `space`: to work in.
type Spell = fn(text: &[u8], option: bool, out: &mut Out, space: &mut [u8]) -> Result<(), Failure>;

struct Normalizer {
    name: &'static str,
    /// The word that may follow.
    option: &'static str,
    /// It is given path and query, not the path alone.
    query: bool,
    spell: Spell,
}

const fn normalizer(name: &'static str, option: &'static str, query: bool, spell: Spell) -> Normalizer {
    Normalizer { name, option, query, spell }
}

static NORMALIZERS: &[Normalizer] = &[
    normalizer("fragment-encode", "", true, |text, _, out, _| {
        text.iter().for_each(|b| if *b == b'#' { out.put(b"%23") } else { out.byte(*b) });
        Ok(())
    }),
    normalizer("fragment-strip", "", true, |text, _, out, _| {
        out.put(text.split(|b| *b == b'#').next().unwrap_or(text));
        Ok(())
    }),
    normalizer("path-merge-slashes", "", false, |path, _, out, _| {
        for (n, b) in path.iter().enumerate() {
            if *b != b'/' || n == 0 || path[n - 1] != b'/' {
                out.byte(*b);
            }
        }
        Ok(())
    }),
    normalizer("path-strip-dot", "", false, strip_dot),
    normalizer("path-strip-dotdot", "full", false, strip_dotdot),
    normalizer("percent-decode-unreserved", "strict", true, |text, strict, out, _| {
        percent(text, strict, out, |out, byte, digits| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) { out.byte(byte) } else { out.put(digits) }
        })
    }),
    normalizer("percent-to-uppercase", "strict", true, |text, strict, out, _| {
        percent(text, strict, out, |out, _, digits| digits.iter().for_each(|b| out.byte(b.to_ascii_uppercase())))
    }),
    normalizer("query-sort-by-name", "", true, sort_query),
];

/// The segments of a path, and whether they are its last.
fn segments(path: &[u8]) -> impl Iterator<Item = (&[u8], bool)> {
    let last = path.iter().filter(|b| **b == b'/').count();
    path.split(|b| *b == b'/').enumerate().skip(1).map(move |(n, segment)| (segment, n == last))
}

fn strip_dot(path: &[u8], _: bool, out: &mut Out, _: &mut [u8]) -> Result<(), Failure> {
    for (segment, last) in segments(path) {
        if segment != b"." {
            out.byte(b'/');
            out.put(segment);
        } else if last {
            out.byte(b'/');
        }
    }
    Ok(())
}

/// `full`: what would lead above the root is left out.
fn strip_dotdot(path: &[u8], full: bool, out: &mut Out, _: &mut [u8]) -> Result<(), Failure> {
    let mut kept = 0;
    for (segment, last) in segments(path) {
        if segment != b".." {
            out.byte(b'/');
            out.put(segment);
            continue;
        }
        match out.bytes()[kept..].iter().rposition(|b| *b == b'/') {
            Some(at) => out.truncate(kept + at),
            None if full => {}
            None => {
                out.put(b"/..");
                kept = out.len();
            }
        }
        if last {
            out.byte(b'/');
        }
    }
    Ok(())
}

/// Lets `put` write what each `%XX` becomes, given its byte and itself.
fn percent(text: &[u8], strict: bool, out: &mut Out, put: fn(&mut Out, u8, &[u8])) -> Result<(), Failure> {
    let digit = |b: &u8| char::from(*b).to_digit(16).map(|d| d as u8);
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        at += 1;
        if *byte != b'%' {
            out.byte(*byte);
            continue;
        }
        match (text.get(at).and_then(digit), text.get(at + 1).and_then(digit)) {
            (Some(high), Some(low)) => {
                put(out, high << 4 | low, &text[at - 1..at + 2]);
                at += 2;
            }
            _ if strict => return Err(Failure::Malformed),
            _ => out.byte(b'%'),
        }
    }
    Ok(())
}

/// Parameters of the same name stay in their order.
fn sort_query(text: &[u8], _: bool, out: &mut Out, space: &mut [u8]) -> Result<(), Failure> {
    let Some(at) = text.iter().position(|b| *b == b'?') else {
        out.put(text);
        return Ok(());
    };
    let (path, query) = text.split_at(at + 1);
    out.put(path);
    // Nothing behind the last '&' is no parameter.
    let query = query.strip_suffix(b"&").unwrap_or(query);
    // Where each parameter begins, and where it ends: sorted in the space, so that nothing is allocated.
    let (places, _) = space.as_chunks_mut::<4>();
    let (mut count, mut from) = (0, 0);
    for parameter in query.split(|b| *b == b'&') {
        let to = from + parameter.len();
        let place = places.get_mut(count).ok_or(Failure::TooLarge)?;
        *place = (u32::from(from as u16) << 16 | u32::from(to as u16)).to_be_bytes();
        (count, from) = (count + 1, to + 1);
    }
    let span = |place: &[u8; 4]| {
        let place = u32::from_be_bytes(*place);
        &query[(place >> 16) as usize..(place & 0xffff) as usize]
    };
    let name = |place: &[u8; 4]| span(place).split(|b| *b == b'=').next().unwrap_or_default();
    places[..count].sort_unstable_by(|a, b| name(a).cmp(name(b)).then(a.cmp(b)));
    for (n, place) in places[..count].iter().enumerate() {
        out.put(if n == 0 { b"" } else { b"&" });
        out.put(span(place));
    }
    Ok(())
}

struct Normalize(&'static Normalizer, bool);

impl Normalize {
    fn change(&self, stage: &mut Stage) -> Result<(), Failure> {
        let Stage { head: Some(head), out, space, .. } = stage else { return Ok(()) };
        let (before, path, query) = head.target();
        if !path.starts_with(b"/") {
            return Ok(());
        }
        let (text, rest) = if self.0.query { (head.index.path_and_query(head.text), &b""[..]) } else { (path, query) };
        let mut uri = Out::new(out);
        uri.put(before);
        uri.within(0, |out| (self.0.spell)(text, self.1, out, space))?;
        uri.put(rest);
        // A part that did not fit is missing.
        if uri.room() == 0 || uri.overflow() {
            return Err(Failure::TooLarge);
        }
        head.set_uri(&[uri.bytes()]).map_err(|_| Failure::TooLarge)
    }
}

impl Action for Normalize {
    fn run(&self, stage: &mut Stage) -> Verdict {
        match self.change(stage) {
            Ok(()) => Verdict::Continue,
            Err(Failure::Malformed) => Verdict::Reply(Reply { status: 400, len: None, denies: true }),
            Err(Failure::TooLarge) => stage.verdict(false),
        }
    }
}

fn normalize(_: &mut Compiler, args: &mut Args) -> Result<Box<dyn Action>, Fault> {
    let word = args.need("a normalizer")?;
    let Some(found) = NORMALIZERS.iter().find(|n| n.name == word.text) else {
        let fault = Fault::new(word.pos, format!("'{}' is not a normalizer", word.text));
        let near = nearest(&word.text, NORMALIZERS.iter().map(|n| n.name));
        return Err(if let Some(near) = near { fault.hint(format!("did you mean '{near}'?")) } else { fault });
    };
    let option = !found.option.is_empty() && args.accept(found.option);
    Ok(Box::new(Normalize(found, option)))
}

/// Sorted by name.
pub static TABLE: &[ActionRow] = &[row(
    "normalize-uri",
    "<normalizer> [ full | strict ]",
    Family::HttpRequest.bit(),
    "2.4",
    "Rewrites the target to the one spelling of what it means. Normalizers: fragment-encode, fragment-strip, path-merge-slashes, \
     path-strip-dot, path-strip-dotdot [full], percent-decode-unreserved [strict], percent-to-uppercase [strict], query-sort-by-name.",
    normalize,
)];

#[cfg(test)]
mod tests {
    use super::*;

    fn spelt(name: &str, option: bool, text: &str) -> Result<String, Failure> {
        let (mut text_space, mut space) = ([0; 64], [0; 64]);
        let mut out = Out::new(&mut text_space);
        let normalizer = NORMALIZERS.iter().find(|n| n.name == name).unwrap();
        (normalizer.spell)(text.as_bytes(), option, &mut out, &mut space)?;
        Ok(String::from_utf8_lossy(out.bytes()).into_owned())
    }

    #[test]
    fn spellings_as_the_manual_has_them() {
        for (name, option, from, to) in [
            ("fragment-encode", false, "/#foo", "/%23foo"),
            ("fragment-strip", false, "/a#foo", "/a"),
            ("path-merge-slashes", false, "//foo///bar", "/foo/bar"),
            ("path-strip-dot", false, "/.", "/"),
            ("path-strip-dot", false, "/./bar/", "/bar/"),
            ("path-strip-dot", false, "/a/./a", "/a/a"),
            ("path-strip-dot", false, "/.well-known/", "/.well-known/"),
            ("path-strip-dotdot", false, "/foo/../", "/"),
            ("path-strip-dotdot", false, "/foo/../bar/", "/bar/"),
            ("path-strip-dotdot", false, "/foo/bar/..", "/foo/"),
            ("path-strip-dotdot", false, "/../bar/", "/../bar/"),
            ("path-strip-dotdot", false, "/bar/../../", "/../"),
            ("path-strip-dotdot", false, "/a/../..", "/../"),
            ("path-strip-dotdot", false, "/foo//../", "/foo/"),
            ("path-strip-dotdot", true, "/../bar/", "/bar/"),
            ("path-strip-dotdot", true, "/bar/../..", "/"),
            ("percent-decode-unreserved", false, "/%61dmin%3F%7e", "/admin%3F~"),
            ("percent-decode-unreserved", false, "/%%36%36%ZZ%", "/%66%ZZ%"),
            ("percent-to-uppercase", false, "/%6f%zz", "/%6F%zz"),
            ("query-sort-by-name", false, "/?c=3&a=1&b=2", "/?a=1&b=2&c=3"),
            ("query-sort-by-name", false, "/?b&&a&", "/?&a&b"),
            ("query-sort-by-name", false, "/?aaa=3&a=1&aa=2", "/?a=1&aa=2&aaa=3"),
            ("query-sort-by-name", false, "/?a=3&b=4&a=1&b=5&a=2", "/?a=3&a=1&a=2&b=4&b=5"),
        ] {
            assert_eq!(spelt(name, option, from).as_deref(), Ok(to), "{name} {from}");
        }
        assert_eq!(spelt("percent-decode-unreserved", true, "/%%36%36"), Err(Failure::Malformed));
        assert_eq!(spelt("percent-to-uppercase", true, "/%zz"), Err(Failure::Malformed));
        assert_eq!(spelt("query-sort-by-name", false, &format!("/?{}", "&".repeat(20))), Err(Failure::TooLarge));
    }
}
