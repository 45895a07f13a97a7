//! A method of comparison and options (two bytes), lines of patterns, and in the last line the value that is looked up. Then the same as
//! a file of patterns that rules change: lines that begin with `+` or `-` add a pattern or take one out.
#![no_main]

use evenkeel::pattern::{List, Method, RegexCache, Set, Source, Value};
use evenkeel::util::scratch::Scratch;
use evenkeel_fuzz::{files, seeds};
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

const METHODS: [Method; 9] = [
    Method::Str,
    Method::Beg,
    Method::End,
    Method::Sub,
    Method::Dir,
    Method::Dom,
    Method::Len,
    Method::Int,
    Method::Ip,
];

/// How well a pattern fits a value; none: it does not. The highest wins, then the first.
fn fits(method: Method, fold: bool, pattern: &str, value: &str) -> Option<usize> {
    let case = |s: &str| if fold { s.to_ascii_lowercase() } else { s.to_owned() };
    let (p, v) = (case(pattern), case(value));
    let between = |delimiters: &[char]| {
        let p = p.trim_matches(delimiters);
        // Every place where it stands, also where two overlap.
        let mut places = (0..=v.len()).filter(|at| v.as_bytes()[*at..].starts_with(p.as_bytes()));
        let is = |b: u8| delimiters.contains(&char::from(b));
        let bytes = v.as_bytes();
        !p.is_empty()
            && places.any(|at| (at == 0 || is(bytes[at - 1])) && (at + p.len() == v.len() || is(bytes[at + p.len()])))
    };
    match method {
        Method::Str => (p == v).then_some(0),
        Method::Beg => v.starts_with(&p).then_some(p.len()),
        Method::End => v.ends_with(&p).then_some(0),
        Method::Sub => v.contains(&p).then_some(0),
        Method::Dir => between(&['/', '?']).then_some(0),
        Method::Dom => between(&['.', '/', '?', ':']).then_some(0),
        Method::Len => in_range(pattern, value.len() as i64).then_some(0),
        Method::Int => in_range(pattern, value.parse().ok()?).then_some(0),
        Method::Ip => in_network(pattern, value.parse().ok()?),
        _ => None,
    }
}

fn in_range(pattern: &str, n: i64) -> bool {
    if let Some((operator, m)) = pattern.split_once(' ') {
        let m: i64 = m.parse().unwrap();
        return match operator {
            "eq" => n == m,
            "le" => n <= m,
            "lt" => n < m,
            "ge" => n >= m,
            _ => n > m,
        };
    }
    match pattern.split_once(':') {
        None => pattern.parse() == Ok(n),
        Some((low, high)) => {
            (low.is_empty() || low.parse::<i64>().unwrap() <= n) && (high.is_empty() || n <= high.parse().unwrap())
        }
    }
}

/// Only networks with the number of their bits, and whole addresses. Those of the other family count when nothing else does.
fn in_network(pattern: &str, ip: IpAddr) -> Option<usize> {
    let wide = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => u128::from(ip.to_ipv6_mapped()),
        IpAddr::V6(ip) => u128::from(ip),
    };
    let (address, bits) = pattern.split_once('/').map_or((pattern, None), |(a, b)| (a, Some(b)));
    let network: IpAddr = address.parse().ok()?;
    let least = if network.is_ipv4() { 96 } else { 0 };
    let bits: usize = bits.map_or(Ok(128), |b| b.parse().map(|b: usize| b + least)).ok()?;
    let holds = |ip: u128| bits == 0 || (wide(network) ^ ip) >> (128 - bits) == 0;
    let embedded = match wide(ip) {
        ip if ip >> 112 == 0x2002 => Some(ip >> 80 & 0xffff_ffff),
        ip if matches!(ip >> 32, 0 | 0xffff) => Some(ip & 0xffff_ffff),
        _ => None,
    };
    match (ip.is_ipv4(), network.is_ipv4()) {
        (true, true) | (false, false) => holds(wide(ip)).then_some(1000 + bits),
        (true, false) => holds(wide(ip)).then_some(bits),
        (false, true) => embedded.filter(|v4| holds(v4 | 0xffff << 32)).map(|_| bits),
    }
}

/// The number of the pattern that a value matches.
fn find(method: Method, fold: bool, patterns: &[&str], value: &str) -> Option<usize> {
    let fitting = patterns.iter().enumerate().filter_map(|(n, p)| Some((fits(method, fold, p, value)?, n)));
    fitting.max_by_key(|(how, n)| (*how, Reverse(*n))).map(|(_, n)| n)
}

fn value(method: Method, text: &str) -> Option<Value<'_>> {
    Some(match method {
        Method::Int => Value::Int(text.parse().ok()?),
        Method::Ip => Value::Ip(text.parse().ok()?),
        _ => Value::Str(text.as_bytes()),
    })
}

/// Networks written in other ways than [`in_network`] reads.
fn is_unusual(method: Method, pattern: &str) -> bool {
    let (address, bits) = pattern.split_once('/').unwrap_or((pattern, "0"));
    method == Method::Ip && (address.parse::<IpAddr>().is_err() || bits.parse::<u8>().is_err())
}

fn check_set(method: Method, fold: bool, patterns: &[&str], text: &str) {
    let mut cache = RegexCache::default();
    let mut space = [0; 8192];
    let set = match Set::new(method, fold, patterns.iter().copied()) {
        Ok(set) => set,
        Err(e) => return assert!(e.number < patterns.len()),
    };
    let Some(value) = value(method, text) else { return };
    let found = set.find(value, &mut Scratch::new(&mut space), &mut cache);
    assert_eq!(found, find(method, fold, patterns, text), "{method:?} {fold} {patterns:?} {text:?}");
}

/// A map of the patterns to their numbers, under changes.
fn check_list(method: Method, fold: bool, lines: &[&str], text: &str) {
    let changes: Vec<&str> = lines.iter().copied().filter(|l| l.starts_with(['+', '-'])).collect();
    let is_key = |l: &&str| !l.is_empty() && !l.contains([' ', '\t', '\r', '#']) && !l.starts_with(['+', '-']);
    let keys: Vec<&str> = lines.iter().copied().filter(is_key).collect();
    let file: String = keys.iter().enumerate().map(|(n, k)| format!("{k} {n}\n")).collect();
    let Ok((source, read)) = files::with(file.as_bytes(), || Source::read("file", true)) else { panic!("{file}") };
    assert_eq!(read, keys);
    source.make_changeable(&read);
    let Ok(list) = List::new((Arc::new(source), &read), method, fold, false) else { return };
    let mut cache = RegexCache::default();
    // What there is: the file's patterns, then those that were added.
    let own = |(n, key): (usize, &&str)| (key.to_string(), n);
    let mut known: Vec<(String, usize)> = keys.iter().enumerate().map(own).collect();
    let mut added: Vec<(String, usize)> = Vec::new();
    for (n, change) in changes.iter().enumerate() {
        let (sign, key) = change.split_at(1);
        let mut space = [0; 256];
        let mut scratch = Scratch::new(&mut space);
        if sign == "-" {
            list.source.remove(key.as_bytes(), &mut scratch, &mut cache);
            known.retain(|k| k.0 != key);
            added.retain(|k| k.0 != key);
        } else if list.source.set(key.as_bytes(), format!("{}", 1000 + n).as_bytes(), &mut scratch, &mut cache) {
            // One that is there keeps its place, and is there once.
            match known.iter_mut().chain(&mut added).find(|k| k.0 == key) {
                Some(known) => known.1 = 1000 + n,
                None => added.push((key.to_owned(), 1000 + n)),
            }
            let mut times = 0;
            known.retain(|k| {
                k.0 != key || {
                    times += 1;
                    times == 1
                }
            });
        }
    }
    let Some(value) = value(method, text) else { return };
    known.extend(added.into_iter().filter(|k| Set::new(method, fold, std::iter::once(&*k.0)).is_ok()));
    let patterns: Vec<&str> = known.iter().map(|k| &*k.0).collect();
    let want = find(method, fold, &patterns, text).map(|n| known[n].1);
    let mut space = [0; 8192];
    let found = list.value(value, &mut Scratch::new(&mut space), &mut cache);
    let found = found.map(|v| std::str::from_utf8(v).unwrap().parse().unwrap());
    assert_eq!(found, want, "{method:?} {fold} {keys:?} {changes:?} {text:?}");
}

fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        "a\nab\nabc\nb\n+ab\n-abc\nabcd",
        "/a\n/a/b\nimg\n-/a/b\n/a/b/img",
        "example.com\n.a\nwww\nwww.example.com:80",
    ];
    let numbers = ["1:5\n7\nlt 3\nge 9\n:2\n5", "10.0.0.0/8\n10.1.0.0/16\n::/0\n2001:db8::/32\n10.1.2.3"];
    let mut all = Vec::new();
    for method in 0..METHODS.len() as u8 {
        for (fold, text) in [0, 1].into_iter().flat_map(|f| texts.iter().chain(&numbers).map(move |t| (f, t))) {
            all.push([&[method, fold], text.as_bytes()].concat());
        }
    }
    all
}

fn words() -> BTreeSet<String> {
    let words = ["10.0.0.0/8", "::ffff:10.0.0.1", "/24", "gt 5", "1:", ":1", "www.", ".com", "/img/", "\n+", "\n-"];
    words.map(str::to_owned).into()
}

libfuzzer_sys::fuzz_target!(init: seeds::write(seeds, words), |data: &[u8]| {
    let [method, options, rest @ ..] = data else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let mut lines: Vec<&str> = text.split('\n').collect();
    let value = lines.pop().unwrap_or("");
    let (method, fold) = (METHODS[usize::from(*method) % METHODS.len()], options & 1 == 1);
    if lines.iter().any(|l| is_unusual(method, l.trim_start_matches(['+', '-']))) {
        return;
    }
    check_set(method, fold, &lines, value);
    check_list(method, fold, &lines, value);
});
