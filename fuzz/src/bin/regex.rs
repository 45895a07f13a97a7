//! A regular expression, a line feed, and a text; the first byte has the options. Our engine against the crate `regex`.
#![no_main]

use evenkeel::pattern::{Captures, Regex, RegexCache};
use evenkeel_fuzz::seeds;
use regex::bytes::RegexBuilder;
use std::collections::BTreeSet;

/// True for expressions that mean the same to both: what PCRE has and `regex` reads otherwise is left out.
fn is_common(pattern: &str) -> bool {
    let other = [r"\v", r"\V", r"\b{", r"\<", r"\>", "(?x", "(?R", "(?u", "&&", "--", "~~"];
    if !pattern.is_ascii() || other.iter().any(|o| pattern.contains(o)) {
        return false;
    }
    let flags = |part: &&str| part.split([':', ')']).next().is_some_and(|f| f.contains(['x', 'R', 'u']));
    let (mut in_class, mut escaped) = (false, false);
    for (at, byte) in pattern.bytes().enumerate() {
        let rest = &pattern[at + 1..];
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'[' if in_class => return false,
            b'[' => in_class = true,
            b']' => in_class = false,
            // A brace is a repetition to both only in its plain form.
            b'{' if !in_class => {
                let (low, high) = rest.split_once('}').map_or(("", ""), |(r, _)| r.split_once(',').unwrap_or((r, "")));
                let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
                if low.is_empty() || !digits(low) || !digits(high) {
                    return false;
                }
            }
            _ => {}
        }
    }
    !pattern.split("(?").skip(1).any(|p| flags(&p))
}

fn places(count: usize, get: impl Fn(usize) -> Option<(usize, usize)>) -> Vec<Option<(usize, usize)>> {
    (0..count).map(get).collect()
}

fn check(pattern: &str, fold: bool, text: &[u8]) {
    let (full, matcher) = (Regex::new(pattern, fold), Regex::matcher(pattern, fold));
    let (full, matcher) = match (full, matcher) {
        (Ok(full), Ok(matcher)) => (full, matcher),
        (Err(e), _) => return assert!(e.at <= pattern.len(), "{}", e.about(pattern)),
        (_, Err(e)) => panic!("only one of the two is taken: {}", e.about(pattern)),
    };
    let mut cache = RegexCache::new([&full, &matcher].into_iter());
    let memory = cache.memory_bytes();
    assert!(memory + full.memory_bytes() + matcher.memory_bytes() < 4 << 20, "'{pattern}' takes too much memory");
    let found = full.captures(&mut cache, text, 0);
    let show = || format!("'{pattern}' {fold} in '{}'", text.escape_ascii());
    assert_eq!(full.is_match(&mut cache, text), found.is_some(), "{}", show());
    assert_eq!(matcher.is_match(&mut cache, text), found.is_some(), "{}", show());
    let valid = |f: &Captures| places(10, |n| f.get(n)).iter().flatten().all(|p| p.0 <= p.1 && p.1 <= text.len());
    assert!(found.as_ref().is_none_or(valid), "{}", show());
    assert_eq!(cache.memory_bytes(), memory, "matching allocates nothing");
    if !is_common(pattern) {
        return;
    }
    let Ok(theirs) = RegexBuilder::new(pattern).unicode(false).case_insensitive(fold).build() else { return };
    for from in [0, text.len() / 2, text.len()] {
        let ours = full.captures(&mut cache, text, from);
        let count = theirs.captures_len().min(10);
        let ours = ours.map(|f| places(count, |n| f.get(n)));
        let theirs = theirs.captures_at(text, from);
        let theirs = theirs.map(|f| places(count, |n| f.get(n).map(|m| (m.start(), m.end()))));
        assert_eq!(ours, theirs, "{} from {from}", show());
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let source = seeds::repository("src/pattern/regex/tests.rs");
    let strings = source.split('"').skip(1).step_by(2).filter(|s| s.len() < 80);
    strings.map(|s| format!("\0{s}\n/api/a.b.example.com/x1aab?id=7&aaab=Bot/1.0").into_bytes()).collect()
}

fn words() -> BTreeSet<String> {
    let words = r"(?: (?i) (?s: (?m) (?U) [^ [[:alpha:]] \d \w \b \B \A \z {2,3} {0,2}? *? +? ?? .* (a|b) \x41 \Q \E (?P<n> $) ^( )*";
    words.split(' ').map(str::to_owned).collect()
}

libfuzzer_sys::fuzz_target!(init: seeds::write(seeds, words), |data: &[u8]| {
    let Some((options, rest)) = data.split_first() else { return };
    let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
    let Ok(pattern) = std::str::from_utf8(&rest[..end]) else { return };
    check(pattern, options & 1 == 1, rest.get(end + 1..).unwrap_or(&[]));
});
