//! What a session remembers from one rule to the next and for its log line: captures (manual, `capture`) and variables (`set-var`).
//!
//! Their places are laid out at start-up, so that a session needs one slab of a fixed size, taken from a pool when the first of them is
//! stored.
//!
//! ```text
//! slab:   where texts begin (4), bytes of texts (4) | places | texts of variables, one behind the other
//! place:  type (1), length (2), the value or where it stands among the texts
//! text:   its place (4), length (2), bytes
//! ```
//!
//! Texts that are no longer true stay until there is no room: then the others move together.

use super::drafts::Drafts;
use super::process::ProcessNotes;
use crate::pattern::{Kind, Value};
use std::net::IpAddr;

/// Bytes that a variable has in its place: numbers, addresses and short texts. Longer texts stand behind all places.
const VAR_BYTES: u16 = 16;
/// Longest unique id, bytes.
const UNIQUE_ID_BYTES: u16 = 256;
/// Bytes of a slab before the places.
const BEGIN: usize = 8;
/// Bytes of a place before its value, and of a text before its bytes.
const HEADER: usize = 3;
const TEXT_HEADER: usize = 6;
/// Added to the type of a text that does not stand in its place.
const ELSEWHERE: u8 = 8;
/// The type of what was unset.
const UNSET: u8 = u8::MAX;

/// Where a variable lives, and how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// All sessions of all workers.
    Process,
    /// The client's connection.
    Session,
    /// A request and its response.
    Transaction,
    /// A request, until its response begins.
    Request,
    Response,
}

impl Scope {
    /// The scope of a variable's name: `txn.name`.
    pub fn of(name: &str) -> Option<Scope> {
        let known = [
            ("proc.", Scope::Process),
            ("sess.", Scope::Session),
            ("txn.", Scope::Transaction),
            ("req.", Scope::Request),
            ("res.", Scope::Response),
        ];
        known.iter().find(|k| name.len() > k.0.len() && name.starts_with(k.0)).map(|k| k.1)
    }
}

/// A place in a slab.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Note {
    pub scope: Scope,
    at: u32,
    /// Bytes that fit.
    len: u16,
    /// Longer texts stand elsewhere.
    grows: bool,
}

/// Bytes of places and of texts.
#[derive(Clone, Copy, Default, Debug)]
struct Bytes {
    places: u32,
    /// Room for the texts of variables, if there are any.
    texts: u32,
    grows: bool,
}

impl Bytes {
    fn all(self) -> usize {
        match self.places {
            0 => 0,
            places => BEGIN + places as usize + if self.grows { self.texts as usize } else { 0 },
        }
    }

    fn begin(self, slab: &mut [u8]) {
        let begin = (BEGIN + self.places as usize).min(slab.len());
        slab[..begin].fill(0);
        if let Some(at) = slab.first_chunk_mut() {
            *at = (begin as u32).to_le_bytes();
        }
    }
}

/// All places, found at start-up.
#[derive(Default, Debug)]
pub struct Layout {
    vars: Vec<(String, Note)>,
    process: Bytes,
    session: Bytes,
    transaction: Bytes,
    /// Captures of each proxy, request and response, in the order in which the log shows them.
    pub captures: Vec<[Vec<Note>; 2]>,
    /// Converters write to places.
    pub drafts: bool,
    /// Of each proxy, the places of the cookies that it captures of requests and of responses.
    pub cookies: Vec<[Option<Note>; 2]>,
}

/// The variable that holds what `unique-id-format` made.
pub const UNIQUE_ID: &str = "txn._unique_id";

impl Layout {
    /// A layout for so many proxies, with room for texts of variables: of the process, of sessions and of transactions, in bytes.
    pub fn new(proxies: usize, texts: [u32; 3]) -> Layout {
        let captures = (0..proxies).map(|_| Default::default()).collect();
        let [process, session, transaction] = texts.map(|texts| Bytes { texts, ..Bytes::default() });
        let cookies = vec![[None; 2]; proxies];
        Layout { captures, cookies, process, session, transaction, ..Layout::default() }
    }

    fn place(&mut self, scope: Scope, len: u16, grows: bool) -> Note {
        let bytes = match scope {
            Scope::Process => &mut self.process,
            Scope::Session => &mut self.session,
            _ => &mut self.transaction,
        };
        let at = BEGIN as u32 + bytes.places;
        bytes.places += HEADER as u32 + u32::from(len);
        bytes.grows |= grows;
        Note { scope, at, len, grows }
    }

    /// The place of a variable, `scope.name`; the same for the same name.
    pub fn variable(&mut self, name: &str) -> Option<Note> {
        if let Some(known) = self.find(name) {
            return Some(known);
        }
        let (scope, is_id) = (Scope::of(name)?, name == UNIQUE_ID);
        let note = self.place(scope, if is_id { UNIQUE_ID_BYTES } else { VAR_BYTES }, !is_id);
        self.vars.push((name.to_owned(), note));
        Some(note)
    }

    /// The place of the unique id, if there is one.
    pub fn unique_id(&self) -> Option<Note> {
        self.find(UNIQUE_ID)
    }

    /// The places of the cookie that a proxy captures.
    pub fn capture_cookie(&mut self, proxy: usize, len: u16) -> [Note; 2] {
        let notes = [(); 2].map(|()| self.place(Scope::Transaction, len, false));
        self.cookies[proxy] = notes.map(Some);
        notes
    }

    /// A new place for a capture of a proxy, up to `len` bytes; its number.
    pub fn capture(&mut self, proxy: usize, response: bool, len: u16) -> usize {
        let note = self.place(Scope::Transaction, len, false);
        let list = &mut self.captures[proxy][usize::from(response)];
        list.push(note);
        list.len() - 1
    }

    /// Number of places, those of cookies not counted.
    pub fn count(&self) -> usize {
        self.vars.len() + self.captures.iter().flatten().map(Vec::len).sum::<usize>()
    }

    /// The place of a variable that something uses.
    pub fn find(&self, name: &str) -> Option<Note> {
        self.vars.iter().find(|v| v.0 == name).map(|v| v.1)
    }

    /// Bytes of the slab for the variables of the process.
    pub fn process_bytes(&self) -> usize {
        self.process.all()
    }

    /// Bytes of a slab for the session's variables.
    pub fn session_bytes(&self) -> usize {
        self.session.all()
    }

    /// Bytes of a slab for everything else.
    pub fn transaction_bytes(&self) -> usize {
        self.transaction.all()
    }

    /// Makes a slab one in which nothing is stored, of the process, of a session or of a transaction.
    pub fn begin_process(&self, slab: &mut [u8]) {
        self.process.begin(slab);
    }

    pub fn begin_session(&self, slab: &mut [u8]) {
        self.session.begin(slab);
    }

    pub fn begin_transaction(&self, slab: &mut [u8]) {
        self.transaction.begin(slab);
    }

    /// Forgets the variables of a scope that ends.
    pub fn clear(&self, slab: &mut [u8], scope: Scope) {
        for (_, note) in self.vars.iter().filter(|v| v.1.scope == scope) {
            if let Some(tag) = slab.get_mut(note.at as usize) {
                *tag = 0;
            }
        }
    }
}

/// What there is beside the slabs of a session.
#[derive(Clone, Copy, Default, Debug)]
pub struct Beside<'a> {
    /// Places of the frontend's captures, of requests and of responses.
    pub captures: [&'a [Note]; 2],
    /// Where converters write.
    pub drafts: Option<&'a Drafts>,
    pub process: Option<&'a ProcessNotes>,
}

/// The slabs of a session; an empty one holds nothing.
#[derive(Clone, Copy, Debug)]
pub struct Notes<'a> {
    pub session: &'a [u8],
    pub transaction: &'a [u8],
    pub beside: &'a Beside<'a>,
}

impl Default for Notes<'_> {
    fn default() -> Self {
        const NOTHING: &Beside = &Beside { captures: [&[], &[]], drafts: None, process: None };
        Notes { session: &[], transaction: &[], beside: NOTHING }
    }
}

impl<'a> Notes<'a> {
    fn slab(&self, note: Note) -> &'a [u8] {
        match note.scope {
            Scope::Process => &[],
            Scope::Session => self.session,
            _ => self.transaction,
        }
    }

    /// The type of what is stored in a place; 0 = nothing ever was.
    pub fn tag(&self, note: Note) -> Option<u8> {
        self.slab(note).get(note.at as usize).copied()
    }

    /// What is stored in a place of the session.
    pub fn get(&self, note: Note) -> Option<Value<'a>> {
        note.read(self.slab(note))
    }
}

/// The types of texts in a place.
const STR: u8 = 5;
const BIN: u8 = 6;
const METHOD: u8 = 7;
const STR_ELSEWHERE: u8 = STR + ELSEWHERE;
const BIN_ELSEWHERE: u8 = BIN + ELSEWHERE;
const METHOD_ELSEWHERE: u8 = METHOD + ELSEWHERE;

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b) as usize)
}

/// The text that a place refers to.
fn text_at<'a>(slab: &'a [u8], place: &[u8]) -> Option<&'a [u8]> {
    let at = number(place, HEADER)?;
    let len = slab.get(at.checked_sub(2)?..at)?.first_chunk().map(|b| u16::from_le_bytes(*b))?;
    slab.get(at..at + usize::from(len))
}

/// Adds a text of a place; where its bytes stand. None: there is no room.
fn add_text(slab: &mut [u8], owner: u32, bytes: &[u8]) -> Option<u32> {
    let (begin, needed) = (number(slab, 0)?, TEXT_HEADER + bytes.len());
    let len = u16::try_from(bytes.len()).ok()?;
    let mut end = begin + number(slab, 4)?;
    if needed > slab.len() - end {
        end = move_together(slab, begin, end);
    }
    let text = slab.get_mut(end..end + needed)?;
    text[..4].copy_from_slice(&owner.to_le_bytes());
    text[4..TEXT_HEADER].copy_from_slice(&len.to_le_bytes());
    text[TEXT_HEADER..].copy_from_slice(bytes);
    set_used(slab, end + needed - begin);
    Some((end + TEXT_HEADER) as u32)
}

/// Drops the texts that no place refers to; gives the end of the others.
fn move_together(slab: &mut [u8], begin: usize, end: usize) -> usize {
    let (mut from, mut to) = (begin, begin);
    while let (true, Some(owner)) = (from < end, number(slab, from)) {
        let len = TEXT_HEADER + usize::from(u16::from_le_bytes([slab[from + 4], slab[from + 5]]));
        let refers = slab[owner] >= STR_ELSEWHERE && slab[owner] <= METHOD_ELSEWHERE;
        if refers && number(slab, owner + HEADER) == Some(from + TEXT_HEADER) {
            slab.copy_within(from..from + len, to);
            let at = (to + TEXT_HEADER) as u32;
            slab[owner + HEADER..owner + HEADER + 4].copy_from_slice(&at.to_le_bytes());
            to += len;
        }
        from += len;
    }
    set_used(slab, to - begin);
    to
}

fn set_used(slab: &mut [u8], bytes: usize) {
    slab[4..BEGIN].copy_from_slice(&(bytes as u32).to_le_bytes());
}

impl Note {
    /// What is stored in its place in a slab.
    pub fn read(self, slab: &[u8]) -> Option<Value<'_>> {
        let place = slab.get(self.at as usize..self.at as usize + HEADER + usize::from(self.len))?;
        let len = usize::from(u16::from_le_bytes([place[1], place[2]]));
        let text = |kind| Some(Value::of_bytes(kind, text_at(slab, place)?));
        let bytes = &place[HEADER..HEADER + len.min(usize::from(self.len))];
        Some(match place[0] {
            1 => Value::Bool(bytes[0] != 0),
            2 => Value::Int(i64::from_le_bytes(bytes.try_into().ok()?)),
            3 => Value::Ip(IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?)),
            4 => Value::Ip(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?)),
            STR => Value::Str(bytes),
            BIN => Value::Bin(bytes),
            METHOD => Value::Method(bytes),
            STR_ELSEWHERE => text(Kind::Str)?,
            BIN_ELSEWHERE => text(Kind::Bin)?,
            METHOD_ELSEWHERE => text(Kind::Method)?,
            _ => return None,
        })
    }

    /// Stores a value in the slab; false when there is no room: what was stored before is forgotten, as it is no longer true.
    pub fn set(self, slab: &mut [u8], value: Value) -> bool {
        let number;
        let (v4, v6);
        let (tag, bytes): (u8, &[u8]) = match value {
            Value::Bool(b) => (1, if b { &[1] } else { &[0] }),
            Value::Int(n) => {
                number = n.to_le_bytes();
                (2, &number)
            }
            Value::Ip(IpAddr::V4(ip)) => {
                v4 = ip.octets();
                (3, &v4)
            }
            Value::Ip(IpAddr::V6(ip)) => {
                v6 = ip.octets();
                (4, &v6)
            }
            Value::Str(s) => (STR, s),
            Value::Bin(b) => (BIN, b),
            Value::Method(m) => (METHOD, m),
        };
        if bytes.len() <= usize::from(self.len) {
            self.write(slab, tag, bytes);
            return true;
        }
        // Its old text must not move with the others.
        self.unset(slab);
        let at = if self.grows { add_text(slab, self.at, bytes) } else { None };
        let Some(at) = at else { return false };
        self.write(slab, tag + ELSEWHERE, &at.to_le_bytes());
        true
    }

    /// Stores a text, cut to what fits (captures).
    pub fn capture(self, slab: &mut [u8], text: &[u8]) {
        self.write(slab, STR, &text[..text.len().min(self.len.into())]);
    }

    /// Forgets what is stored.
    pub fn unset(self, slab: &mut [u8]) {
        self.write(slab, UNSET, &[]);
    }

    /// Takes a place over from a slab to another one.
    pub fn copy(self, from: &[u8], to: &mut [u8]) {
        match self.read(from) {
            Some(value) => _ = self.set(to, value),
            None => self.unset(to),
        }
    }

    fn write(self, slab: &mut [u8], tag: u8, bytes: &[u8]) {
        let at = self.at as usize;
        let Some(place) = slab.get_mut(at..at + HEADER + bytes.len()) else { return };
        let [low, high] = (bytes.len() as u16).to_le_bytes();
        place[..HEADER].copy_from_slice(&[tag, low, high]);
        place[HEADER..].copy_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn texts_share_the_room_that_there_is(ops in prop::collection::vec((0usize..4, 0usize..260, any::<u8>()), 1..60)) {
            const ROOM: usize = 600;
            let mut layout = Layout::new(1, [0, 0, ROOM as u32]);
            let vars = ["a", "b", "c", "d"].map(|n| layout.variable(&format!("txn.{n}")).unwrap());
            let mut slab = vec![1; layout.transaction_bytes()];
            layout.begin_transaction(&mut slab);
            let mut want: [Option<Vec<u8>>; 4] = Default::default();
            for (var, len, byte) in ops {
                let text = vec![byte; len];
                want[var] = None;
                let long = |t: &Vec<u8>| if t.len() > usize::from(VAR_BYTES) { TEXT_HEADER + t.len() } else { 0 };
                let fits = long(&text) + want.iter().flatten().map(long).sum::<usize>() <= ROOM;
                prop_assert_eq!(vars[var].set(&mut slab, Value::Str(&text)), fits);
                want[var] = fits.then_some(text);
                for (var, want) in vars.iter().zip(&want) {
                    prop_assert_eq!(var.read(&slab), want.as_deref().map(Value::Str));
                }
            }
        }
    }

    #[test]
    fn what_is_stored_comes_back() {
        let mut layout = Layout::new(1, [300, 300, 300]);
        let a = layout.variable("txn.a").unwrap();
        let b = layout.variable("sess.b").unwrap();
        let c = layout.variable("req.c").unwrap();
        assert_eq!(
            (layout.variable("txn.a"), layout.variable("proc."), layout.variable("txn.")),
            (Some(a), None, None)
        );
        assert_eq!(layout.capture(0, false, 4), 0);
        let capture = layout.captures[0][0][0];
        let (mut txn, mut sess) = (vec![1; layout.transaction_bytes()], vec![1; layout.session_bytes()]);
        layout.begin_transaction(&mut txn);
        layout.begin_session(&mut sess);
        let v6: IpAddr = "2001:db8::1".parse().unwrap();
        for value in [
            Value::Bool(true),
            Value::Int(-5),
            Value::Ip(v6),
            Value::Str(b"text"),
            Value::Bin(&[0; 120]),
            Value::Str(&[b'x'; 144]),
        ] {
            assert!(a.set(&mut txn, value) && b.set(&mut sess, value) && c.set(&mut txn, value));
            let notes = Notes { session: &sess, transaction: &txn, ..Notes::default() };
            assert_eq!([a, b, c].map(|n| notes.get(n)), [Some(value); 3]);
        }
        assert!(!c.set(&mut txn, Value::Str(&[b'x'; 151])));
        assert_eq!(Notes { transaction: &txn, ..Notes::default() }.get(c), None, "a former value is not this one");
        assert!(c.set(&mut txn, Value::Int(1)));
        capture.capture(&mut txn, b"longer");
        layout.clear(&mut txn, Scope::Request);
        a.unset(&mut txn);
        let notes = Notes { session: &sess, transaction: &txn, ..Notes::default() };
        assert_eq!([a, c, capture].map(|n| notes.get(n)), [None, None, Some(Value::Str(b"long"))]);
        assert_eq!(Notes::default().get(a), None);
    }
}
