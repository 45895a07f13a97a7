//! Files of patterns, with values where they are maps (manual 7.1, `-f`; 7.3.1, `map`): read once, shared by all that name them, and
//! changed by rules while the process runs (`add-acl`, `del-acl`, `set-map`, `del-map`).
//!
//! ```text
//! Source (a file) : texts, values, what was changed since      List (a source under one method) : the set of its patterns
//! ```
//!
//! What is added at run time goes into places that were taken at start-up, and only where a rule changes the file.

use super::nets::{self, Net, Wide};
use super::{Hit, Method, Regex, RegexCache, Set, Unreadable, Value, equal, fits, hex_bytes, ranges};
use crate::util::scratch::Scratch;
use std::cmp::Reverse;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Patterns that can be added to a file at run time; further ones are left out.
pub const ADDED: usize = 1000;
/// Longest pattern and longest value that can be added, bytes.
pub const ADDED_BYTES: usize = 127;

/// A text of bounded length, in place.
#[derive(Clone, Copy)]
struct Short {
    bytes: [u8; ADDED_BYTES],
    len: u8,
}

impl Short {
    fn new(text: &[u8]) -> Option<Short> {
        let mut bytes = [0; ADDED_BYTES];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        Some(Short { bytes, len: text.len() as u8 })
    }

    fn text(&self) -> &[u8] {
        &self.bytes[..self.len.into()]
    }
}

/// What was added, in the order in which it was; what replaces a pattern of the file stands in its place. Each method looks through one list, in which nothing is left to
/// be read.
struct Added {
    texts: Vec<(Short, Short)>,
    /// The number of the file's pattern in whose place each stands; [`BEHIND`] for those that stand in none.
    places: Vec<u32>,
    /// Of the keys in small letters: only where it is the same, texts need to be compared.
    hashes: Vec<u32>,
    /// The keys as ranges of numbers, and as networks; one that is none holds nothing.
    ranges: Vec<(i64, i64)>,
    nets: Vec<Option<Net>>,
}

/// Behind all patterns of the file.
const BEHIND: u32 = u32::MAX;

/// A range without a number.
const NOTHING: (i64, i64) = (0, -1);

/// FNV-1a.
fn folded_hash(text: &[u8]) -> u32 {
    text.iter().fold(0x811c_9dc5, |hash, b| (hash ^ u32::from(b.to_ascii_lowercase())).wrapping_mul(0x0100_0193))
}

impl Added {
    fn new() -> Added {
        let (texts, hashes) = (Vec::with_capacity(ADDED), Vec::with_capacity(ADDED));
        let (places, ranges, nets) = (Vec::with_capacity(ADDED), Vec::with_capacity(ADDED), Vec::with_capacity(ADDED));
        Added { texts, places, hashes, ranges, nets }
    }

    fn memory_bytes(&self) -> usize {
        self.texts.capacity() * size_of::<(Short, Short)>()
            + (self.places.capacity() + self.hashes.capacity()) * size_of::<u32>()
            + self.ranges.capacity() * size_of::<(i64, i64)>()
            + self.nets.capacity() * size_of::<Option<Net>>()
    }

    fn len(&self) -> usize {
        self.texts.len()
    }

    /// The key that is equal to a text.
    fn equal(&self, fold: bool, text: &[u8]) -> Option<usize> {
        let hash = folded_hash(text);
        (0..self.len()).find(|n| self.hashes[*n] == hash && equal(fold, self.texts[*n].0.text(), text))
    }

    fn push(&mut self, key: Short, value: Short, place: u32) {
        self.places.push(place);
        let text = std::str::from_utf8(key.text()).unwrap_or_default();
        self.hashes.push(folded_hash(key.text()));
        self.ranges.push(ranges::parse(text).unwrap_or(NOTHING));
        self.nets.push(nets::parse(text).ok().map(Net::new));
        self.texts.push((key, value));
    }

    fn remove(&mut self, n: usize) {
        self.texts.remove(n);
        self.places.remove(n);
        self.hashes.remove(n);
        self.ranges.remove(n);
        self.nets.remove(n);
    }

    /// The one that a value matches, and its place: the most specific one for beg and ip, else the first. None: there is none, or neither
    /// this nor a pattern of the file can match, for want of room.
    fn find<'a>(&self, method: Method, fold: bool, value: Value<'a>, scratch: &mut Scratch<'a>) -> Option<(Hit, u32)> {
        let key = |n: usize| self.texts[n].0.text();
        let best = |weight: &dyn Fn(usize) -> Option<usize>| {
            let hits = (0..self.len()).filter_map(|number| Some(Hit { number, weight: weight(number)? }));
            let hits = hits.map(|hit| (hit, self.places[hit.number]));
            hits.min_by_key(|(hit, place)| (Reverse(hit.weight), *place, hit.number))
        };
        let first = |fits: &dyn Fn(usize) -> bool| best(&|n| fits(n).then_some(0));
        let in_range = |number: i64| first(&|n| (self.ranges[n].0..=self.ranges[n].1).contains(&number));
        match method {
            Method::Int => in_range(value.int()?),
            Method::Len => in_range(value.text(scratch)?.len() as i64),
            Method::Ip => {
                let ip = Wide::new(value.ip()?);
                best(&|n| self.nets[n].and_then(|net| net.weight(&ip)))
            }
            Method::Bin => {
                let bytes = value.bytes(scratch)?;
                first(&|n| hex_bytes(key(n)).is_some_and(|k| k.eq(bytes.iter().map(|b| Some(*b)))))
            }
            Method::Str => {
                let number = self.equal(fold, value.text(scratch)?)?;
                Some((Hit { number, weight: 0 }, self.places[number]))
            }
            Method::Beg => {
                let text = value.text(scratch)?;
                best(&|n| fits(method, fold, text, key(n)).then_some(key(n).len()))
            }
            Method::End | Method::Sub | Method::Dir | Method::Dom => {
                let text = value.text(scratch)?;
                first(&|n| fits(method, fold, text, key(n)))
            }
            Method::Found | Method::Bool | Method::Reg => None,
        }
    }
}

/// What was changed since the file was read.
struct Changes {
    /// The file's own patterns by their text.
    by_text: Set,
    /// Held by who looks until it has looked at both: a pattern that is set anew is always in one of them.
    changed: RwLock<Changed>,
}

struct Changed {
    /// A bit for each of the file's own patterns that is gone.
    gone: Box<[u32]>,
    added: Added,
}

impl Changed {
    /// Whether one of the file's own patterns is still there.
    fn is_there(&self, n: usize) -> bool {
        self.gone[n / 32] & 1 << (n % 32) == 0
    }
}

impl Changes {
    fn read(&self) -> RwLockReadGuard<'_, Changed> {
        self.changed.read().unwrap_or_else(|e| e.into_inner())
    }

    fn write(&self) -> RwLockWriteGuard<'_, Changed> {
        self.changed.write().unwrap_or_else(|e| e.into_inner())
    }

    /// Takes one of the file's own patterns out. A file may have it more than once.
    fn remove<'a>(&self, changed: &mut Changed, key: &'a [u8], scratch: &mut Scratch<'a>, regexes: &mut RegexCache) {
        while let Some(hit) = self.by_text.find_of(Value::Str(key), &|n| changed.is_there(n), scratch, regexes) {
            let n = hit.number;
            changed.gone[n / 32] |= 1 << (n % 32);
        }
    }
}

const BLANKS: [char; 2] = [' ', '\t'];

/// The lines that are patterns, each with its number.
fn pattern_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = (1..).zip(text.lines()).filter(|l| !l.1.starts_with('#'));
    lines.map(|(n, l)| (n, l.trim_start_matches(BLANKS))).filter(|l| !l.1.is_empty())
}

/// A file of patterns.
pub struct Source {
    pub path: String,
    values: Vec<Box<[u8]>>,
    changes: OnceLock<Changes>,
    /// Additions for which there was no room, since that was last told.
    left_out: AtomicU32,
}

impl Source {
    /// Reads a file, and gives its patterns, too, which are needed until all is compiled; `map`: lines are a key and a value.
    pub fn read(path: &str, map: bool) -> Result<(Source, Vec<String>), String> {
        let bytes = std::fs::read(path).map_err(|e| format!("cannot read the patterns of '{path}': {e}"))?;
        let text = String::from_utf8_lossy(&bytes);
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        for (_, line) in pattern_lines(&text) {
            let (key, value) = if map { line.split_once(BLANKS).unwrap_or((line, "")) } else { (line, "") };
            keys.push(key.to_owned());
            if map {
                values.push(value.trim_matches(BLANKS).as_bytes().into());
            }
        }
        Ok((Source::new(path, values), keys))
    }

    /// The number of the line in the file that a pattern stands in, for messages; 0 when the file is another one by now.
    pub fn line(&self, number: usize) -> usize {
        let bytes = std::fs::read(&self.path).unwrap_or_default();
        pattern_lines(&String::from_utf8_lossy(&bytes)).nth(number).map_or(0, |l| l.0)
    }

    fn new(path: &str, values: Vec<Box<[u8]>>) -> Source {
        Source { path: path.to_owned(), values, changes: OnceLock::new(), left_out: AtomicU32::new(0) }
    }

    /// Its values; none where it is no map.
    pub fn values(&self) -> &[Box<[u8]>] {
        &self.values
    }

    /// Takes the room for changes of these patterns.
    pub fn make_changeable(&self, keys: &[String]) {
        self.changes.get_or_init(|| Changes {
            by_text: Set::new(Method::Str, false, keys.iter().map(String::as_str)).expect("any text is one"),
            changed: RwLock::new(Changed { gone: vec![0; keys.len().div_ceil(32)].into(), added: Added::new() }),
        });
    }

    /// Takes a pattern out.
    pub fn remove<'a>(&self, key: &'a [u8], scratch: &mut Scratch<'a>, regexes: &mut RegexCache) {
        let Some(changes) = self.changes.get() else { return };
        let mut changed = changes.write();
        changes.remove(&mut changed, key, scratch, regexes);
        if let Some(n) = changed.added.equal(false, key) {
            changed.added.remove(n);
        }
    }

    /// How many additions were left out since this was last asked.
    pub fn take_left_out(&self) -> u32 {
        if self.left_out.load(Relaxed) > 0 { self.left_out.swap(0, Relaxed) } else { 0 }
    }

    /// Adds a pattern, or gives it another value. False, and all is as it was: it is too long, or there is no room.
    pub fn set<'a>(&self, key: &'a [u8], value: &[u8], scratch: &mut Scratch<'a>, regexes: &mut RegexCache) -> bool {
        let done = self.try_set(key, value, scratch, regexes);
        if !done {
            self.leave_out();
        }
        done
    }

    /// Counts an addition for which there was no room.
    pub fn leave_out(&self) {
        self.left_out.fetch_add(1, Relaxed);
    }

    fn try_set<'a>(&self, key: &'a [u8], value: &[u8], scratch: &mut Scratch<'a>, regexes: &mut RegexCache) -> bool {
        let Some(changes) = self.changes.get() else { return false };
        let mut changed = changes.write();
        let known = changes.by_text.find_of(Value::Str(key), &|n| changed.is_there(n), scratch, regexes);
        if known.is_some() && self.values.is_empty() {
            return true;
        }
        let Some((short, value)) = Short::new(key).zip(Short::new(value)) else { return false };
        match changed.added.equal(false, key) {
            Some(n) => changed.added.texts[n].1 = value,
            None if changed.added.len() < ADDED => {
                changed.added.push(short, value, known.map_or(BEHIND, |hit| hit.number as u32));
            }
            None => return false,
        }
        changes.remove(&mut changed, key, scratch, regexes);
        true
    }

    /// Bytes of memory that it holds.
    pub fn memory_bytes(&self) -> usize {
        let values: usize = self.values.iter().map(|v| v.len() + size_of::<Box<[u8]>>()).sum();
        let changes = self.changes.get().map_or(0, |c| {
            let changed = c.read();
            c.by_text.memory_bytes() + size_of_val(&*changed.gone) + changed.added.memory_bytes()
        });
        values + changes
    }
}

/// A source, compared by one method.
pub struct List {
    pub source: Arc<Source>,
    method: Method,
    fold: bool,
    set: Set,
    /// Expressions whose groups stand in the values (`map_regm`).
    regexes: Vec<Regex>,
}

impl List {
    /// Compiles the patterns of a source. The error is of one of them.
    pub fn new(
        (source, keys): (Arc<Source>, &[String]),
        method: Method,
        fold: bool,
        groups: bool,
    ) -> Result<List, Unreadable> {
        let mut regexes = Vec::new();
        if groups {
            for (number, key) in keys.iter().enumerate() {
                let regex = Regex::new(key, fold);
                regexes.push(regex.map_err(|e| Unreadable { number, at: Some(e.at), why: e.about(key) })?);
            }
        }
        let patterns = if groups { &[] } else { keys };
        let set = Set::new(method, fold, patterns.iter().map(String::as_str))?;
        Ok(List { source, method, fold, set, regexes })
    }

    /// True when rules may change what it looks through: a regular expression would have to be compiled.
    pub fn can_change(&self) -> bool {
        self.method != Method::Reg
    }

    /// True when the value matches one of the patterns.
    pub fn matches<'a>(&self, value: Value<'a>, scratch: &mut Scratch<'a>, cache: &mut RegexCache) -> bool {
        self.value(value, scratch, cache).is_some()
    }

    /// The value of the pattern that matches; empty where there are none.
    pub fn value<'a>(&self, value: Value<'a>, scratch: &mut Scratch<'a>, cache: &mut RegexCache) -> Option<&'a [u8]> {
        if !self.regexes.is_empty() {
            return self.groups(value.text(scratch)?, scratch, cache);
        }
        let changed = self.source.changes.get().map(Changes::read);
        let counts = |n| changed.as_ref().is_none_or(|c| c.is_there(n));
        let own = self.set.find_of(value, &counts, scratch, cache);
        let weight = |hit: Hit| if matches!(self.method, Method::Beg | Method::Ip) { hit.weight } else { 0 };
        if let Some(Changed { added, .. }) = changed.as_deref()
            && let Some((hit, place)) = added.find(self.method, self.fold, value, scratch)
            && own.is_none_or(|own| (weight(own), place) < (weight(hit), own.number as u32))
        {
            return scratch.copy(added.texts[hit.number].1.text()).map(|b| &*b);
        }
        let n = own?.number;
        let text = self.source.values.get(n).map_or(&b""[..], |v| v);
        scratch.copy(text).map(|b| &*b)
    }

    fn groups<'a>(&self, text: &[u8], scratch: &mut Scratch<'a>, cache: &mut RegexCache) -> Option<&'a [u8]> {
        for (regex, value) in self.regexes.iter().zip(&self.source.values) {
            if let Some(found) = regex.captures(cache, text, 0) {
                return scratch.write(|out| super::expand(out, value, text, &found));
            }
        }
        None
    }

    /// The regular expressions, so that their caches can be made.
    pub fn regexes(&self) -> impl Iterator<Item = &Regex> {
        self.set.regexes().iter().chain(&self.regexes)
    }

    /// Bytes of memory that it holds, without those of its source and of regular expressions.
    pub fn memory_bytes(&self) -> usize {
        self.set.memory_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    /// A map from texts to their numbers, after changes: `-key` takes one out, `+key` adds it (with the value `new`).
    fn look_up(method: Method, fold: bool, keys: &[&str], changes: &[&str], value: &str) -> Option<String> {
        let keys: Vec<String> = keys.iter().map(|k| (*k).to_owned()).collect();
        let values = (0..keys.len()).map(|n| n.to_string().into_bytes().into()).collect();
        let source = Arc::new(Source::new("", values));
        source.make_changeable(&keys);
        let list = List::new((Arc::clone(&source), &keys), method, fold, false).unwrap();
        let (mut space, mut regexes) = ([0; 256], RegexCache::default());
        for change in changes {
            let (sign, key) = change.split_at(1);
            let mut scratch = Scratch::new(&mut space);
            match sign {
                "-" => source.remove(key.as_bytes(), &mut scratch, &mut regexes),
                _ => assert!(source.set(key.as_bytes(), b"new", &mut scratch, &mut regexes)),
            }
        }
        let found = list.value(Value::Str(value.as_bytes()), &mut Scratch::new(&mut space), &mut regexes);
        found.map(|v| String::from_utf8(v.to_vec()).unwrap())
    }

    #[test]
    fn what_is_left_is_found() {
        for (method, fold, keys, changes, value, want) in [
            (Method::Beg, false, &["/a", "/a/b"][..], &["-/a/b"][..], "/a/b/c", Some("0")),
            (Method::End, false, &["c", "bc", "abc"], &["-abc"], "abc", Some("0")),
            (Method::Beg, false, &["/a/b"], &["+/a"], "/a/b/c", Some("0")),
            (Method::Beg, false, &["/a"], &["+/a/b"], "/a/b/c", Some("new")),
            (Method::Ip, false, &["10.1.0.0/16"], &["+10.0.0.0/8"], "10.1.1.1", Some("0")),
            (Method::Ip, false, &["10.0.0.0/8"], &["+10.1.0.0/16"], "10.1.1.1", Some("new")),
            (Method::End, false, &["b"], &["+ab"], "ab", Some("0")),
            (Method::Sub, false, &["a"], &["+ab"], "ab", Some("0")),
            (Method::Sub, false, &["a", "ab"], &["+a"], "ab", Some("new")),
            (Method::Sub, false, &["a", "ab"], &["-a", "+a"], "ab", Some("1")),
            (Method::End, false, &["b", "ab"], &["+b"], "ab", Some("new")),
            (Method::Int, false, &["1:5", "3"], &["+1:5"], "3", Some("new")),
            (Method::Ip, false, &["10.0.0.0/8", "10.0.0.1/8"], &["+10.0.0.0/8"], "10.1.1.1", Some("new")),
            (Method::Int, false, &["1:5"], &["+3"], "3", Some("0")),
            (Method::Ip, false, &["10.0.0.0/8", "10.1.0.0/16"], &["-10.1.0.0/16"], "10.1.1.1", Some("0")),
            (Method::Ip, false, &["10.1.0.0/8", "10.0.0.0/8"], &["-10.1.0.0/8"], "10.1.1.1", Some("1")),
            (Method::Int, false, &["1:5", "1:9"], &["-1:5"], "3", Some("1")),
            (Method::Sub, false, &["a", "b"], &["-a"], "ab", Some("1")),
            (Method::Str, true, &["A", "a"], &["-A"], "a", Some("1")),
            (Method::Str, false, &["a", "a"], &["-a"], "a", None),
            (Method::Str, false, &["a"], &["-a", "+a"], "a", Some("new")),
            (Method::Dir, true, &[], &["+IMG"], "/img/", Some("new")),
            (Method::Dom, true, &[], &["+Example"], "www.example.com", Some("new")),
            (Method::Len, false, &[], &["+2:3"], "abc", Some("new")),
            (Method::Bin, false, &[], &["+6162"], "ab", Some("new")),
            (Method::Bin, false, &[], &["+616", "+61zz"], "ab", None),
            (Method::Beg, true, &[], &["+/A"], "/ab", Some("new")),
            (Method::End, false, &[], &["+abc", "+.x"], "a.x", Some("new")),
            (Method::End, false, &[], &["+abc"], "bc", None),
            (Method::Str, true, &[], &["+A.Example", "-a.example"], "a.EXAMPLE", Some("new")),
            (Method::Str, false, &[], &["+A.Example"], "a.example", None),
            (Method::Int, false, &[], &["+lt 5", "+x"], "4", Some("new")),
            (Method::Int, false, &[], &["+lt 5", "+x"], "5", None),
            (Method::Int, false, &[], &["+1", "+2", "-1"], "2", Some("new")),
            (Method::Int, false, &[], &["+1", "+2", "-1"], "1", None),
            (Method::Ip, false, &[], &["+10.1", "+x", "+10.2.0.0/16"], "10.0.0.1", Some("new")),
            (Method::Ip, false, &[], &["+10.2.0.0/16"], "10.3.0.1", None),
            (Method::Ip, false, &[], &["+10.2.0.0/16"], "::ffff:10.2.0.1", Some("new")),
            (Method::Ip, false, &[], &["+10.2.0.0/16"], "2002:a02:1::1", Some("new")),
        ] {
            let found = look_up(method, fold, keys, changes, value);
            assert_eq!(found.as_deref(), want, "{method:?} {keys:?} {changes:?} {value}");
        }
    }

    fn list(method: Method, keys: &[&str], map: bool) -> List {
        let keys: Vec<String> = keys.iter().map(|k| (*k).to_owned()).collect();
        let values = if map { keys.iter().map(|_| b"old"[..].into()).collect() } else { Vec::new() };
        let source = Arc::new(Source::new("", values));
        source.make_changeable(&keys);
        List::new((source, &keys), method, false, false).unwrap()
    }

    fn set(list: &List, key: &str, value: &[u8]) -> bool {
        list.source.set(key.as_bytes(), value, &mut Scratch::new(&mut [0; 256]), &mut RegexCache::default())
    }

    fn get(list: &List, key: &str) -> Option<Vec<u8>> {
        let mut space = [0; 256];
        let found = list.value(Value::Str(key.as_bytes()), &mut Scratch::new(&mut space), &mut RegexCache::default());
        found.map(<[u8]>::to_vec)
    }

    #[test]
    fn what_cannot_be_set_stays_as_it_was() {
        let (map, acl) = (list(Method::Str, &["k"], true), list(Method::Str, &["k"], false));
        assert!(!set(&map, "k", &[b'v'; ADDED_BYTES + 1]));
        assert_eq!(get(&map, "k").as_deref(), Some(&b"old"[..]));
        for list in [&map, &acl] {
            for n in 0..ADDED {
                assert!(set(list, &format!("key {n}"), b"v"));
            }
            assert!(!set(list, "one more", b"v"));
            assert!(set(list, "key 0", b"other"), "it has its place already");
            assert_eq!(get(list, "key 0").as_deref(), Some(&b"other"[..]));
        }
        assert!(!set(&map, "k", b"v") && set(&acl, "k", b""));
        assert_eq!([map.source.take_left_out(), map.source.take_left_out(), acl.source.take_left_out()], [3, 0, 1]);
        assert!(get(&map, "k").is_some() && get(&acl, "k").is_some());
    }

    #[test]
    fn a_key_that_is_set_is_never_missing() {
        let keys: Vec<String> = (0..100).map(|n| format!("key {n:02}")).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        for _ in 0..10 {
            // Looking through all texts takes long enough for a change to happen meanwhile.
            let (list, now) = (list(Method::Sub, &keys, true), AtomicUsize::new(0));
            std::thread::scope(|scope| {
                // First the file's own keys, then those that were added.
                let writer = scope.spawn(|| {
                    (0..1000).for_each(|n| {
                        now.store(n % keys.len(), Relaxed);
                        assert!(set(&list, keys[n % keys.len()], b"new"));
                    });
                });
                while !writer.is_finished() {
                    assert!(get(&list, keys[now.load(Relaxed)]).is_some());
                }
            });
        }
    }
}
