//! What a session remembers from one rule to the next and for its log line: captures (manual, `capture`) and variables (`set-var`).
//!
//! Their places are laid out at start-up, so that a session needs one slab of a fixed size, taken from a pool when the first of them is
//! stored. A place begins with a byte for the type and two for the length.

use super::drafts::Drafts;
use super::process::ProcessNotes;
use crate::pattern::Value;
use std::net::IpAddr;

/// Longest text of a variable, bytes; with a longer value it is unset.
pub const VAR_BYTES: u16 = 256;
/// Bytes of a place before its value.
const HEADER: usize = 3;
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
}

/// All places, found at start-up.
#[derive(Default, Debug)]
pub struct Layout {
    vars: Vec<(String, Note)>,
    process_bytes: u32,
    session_bytes: u32,
    transaction_bytes: u32,
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
    /// A layout for so many proxies.
    pub fn new(proxies: usize) -> Layout {
        let captures = (0..proxies).map(|_| Default::default()).collect();
        Layout { captures, cookies: vec![[None; 2]; proxies], ..Layout::default() }
    }

    fn place(&mut self, scope: Scope, len: u16) -> Note {
        let bytes = match scope {
            Scope::Process => &mut self.process_bytes,
            Scope::Session => &mut self.session_bytes,
            _ => &mut self.transaction_bytes,
        };
        let at = *bytes;
        *bytes += HEADER as u32 + u32::from(len);
        Note { scope, at, len }
    }

    /// The place of a variable, `scope.name`; the same for the same name.
    pub fn variable(&mut self, name: &str) -> Option<Note> {
        if let Some(known) = self.find(name) {
            return Some(known);
        }
        let note = self.place(Scope::of(name)?, VAR_BYTES);
        self.vars.push((name.to_owned(), note));
        Some(note)
    }

    /// The place of the unique id, if there is one.
    pub fn unique_id(&self) -> Option<Note> {
        self.find(UNIQUE_ID)
    }

    /// The places of the cookie that a proxy captures.
    pub fn capture_cookie(&mut self, proxy: usize, len: u16) -> [Note; 2] {
        let notes = [(); 2].map(|()| self.place(Scope::Transaction, len));
        self.cookies[proxy] = notes.map(Some);
        notes
    }

    /// A new place for a capture of a proxy, up to `len` bytes; its number.
    pub fn capture(&mut self, proxy: usize, response: bool, len: u16) -> usize {
        let note = self.place(Scope::Transaction, len);
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
        self.process_bytes as usize
    }

    /// Bytes of a slab for the session's variables.
    pub fn session_bytes(&self) -> usize {
        self.session_bytes as usize
    }

    /// Bytes of a slab for everything else.
    pub fn transaction_bytes(&self) -> usize {
        self.transaction_bytes as usize
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

impl Note {
    /// What is stored in its place in a slab.
    pub fn read(self, slab: &[u8]) -> Option<Value<'_>> {
        let place = slab.get(self.at as usize..self.at as usize + HEADER + usize::from(self.len))?;
        let len = usize::from(u16::from_le_bytes([place[1], place[2]]));
        let bytes = &place[HEADER..HEADER + len];
        Some(match place[0] {
            1 => Value::Bool(bytes[0] != 0),
            2 => Value::Int(i64::from_le_bytes(bytes.try_into().ok()?)),
            3 => Value::Ip(IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?)),
            4 => Value::Ip(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?)),
            5 => Value::Str(bytes),
            6 => Value::Bin(bytes),
            7 => Value::Method(bytes),
            _ => return None,
        })
    }

    /// Stores a value in the slab; false when it is too long: what was stored before is forgotten, as it is no longer true.
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
            Value::Str(s) => (5, s),
            Value::Bin(b) => (6, b),
            Value::Method(m) => (7, m),
        };
        let fits = bytes.len() <= usize::from(self.len);
        if fits {
            self.write(slab, tag, bytes)
        } else {
            self.unset(slab)
        }
        fits
    }

    /// Stores a text, cut to what fits (captures).
    pub fn capture(self, slab: &mut [u8], text: &[u8]) {
        self.write(slab, 5, &text[..text.len().min(self.len.into())]);
    }

    /// Forgets what is stored.
    pub fn unset(self, slab: &mut [u8]) {
        self.write(slab, UNSET, &[]);
    }

    /// Takes a place over from a slab to another one.
    pub fn copy(self, from: &[u8], to: &mut [u8]) {
        let at = self.at as usize..self.at as usize + HEADER + usize::from(self.len);
        if let (Some(from), Some(to)) = (from.get(at.clone()), to.get_mut(at)) {
            to.copy_from_slice(from);
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

    #[test]
    fn what_is_stored_comes_back() {
        let mut layout = Layout::new(1);
        let a = layout.variable("txn.a").unwrap();
        let b = layout.variable("sess.b").unwrap();
        let c = layout.variable("req.c").unwrap();
        assert_eq!(
            (layout.variable("txn.a"), layout.variable("proc."), layout.variable("txn.")),
            (Some(a), None, None)
        );
        assert_eq!(layout.capture(0, false, 4), 0);
        let capture = layout.captures[0][0][0];
        let (mut txn, mut sess) = (vec![0; layout.transaction_bytes()], vec![0; layout.session_bytes()]);
        let v6: IpAddr = "2001:db8::1".parse().unwrap();
        for value in [Value::Bool(true), Value::Int(-5), Value::Ip(v6), Value::Str(b"text"), Value::Bin(&[0; 256])] {
            assert!(a.set(&mut txn, value) && b.set(&mut sess, value) && c.set(&mut txn, value));
            let notes = Notes { session: &sess, transaction: &txn, ..Notes::default() };
            assert_eq!([a, b, c].map(|n| notes.get(n)), [Some(value); 3]);
        }
        assert!(!c.set(&mut txn, Value::Str(&[b'x'; 257])));
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
