//! What rules run on: what the session shows them, what they may change, and what they decide.

use super::acl::Truth;
use super::memo::Memo;
use super::together::Work;
use super::vars::Target;
use super::{Op, Rulebook};
use crate::format::{Format, Record};
use crate::http::{Changed, Edit, Refused};
use crate::pattern::{Kind, RegexCache, Value};
use crate::sample::{
    Beside, Expr, Flow, Message, Note, Notes, OwnTimeouts, ProcessNotes, Scene, Scope, Setting, Tools, is_settled,
    needs,
};
use crate::sys::Addr;
use crate::util::fmt::Out;
use crate::util::scratch::Scratch;

/// What a rule, and with it its program, comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The next rule.
    Continue,
    /// No further rule of this kind: the session goes on.
    Stop,
    /// A rule needs data that may still come.
    Later,
    /// The client gets an answer of ours.
    Reply(Reply),
    /// It gets it after `timeout tarpit`.
    Tarpit(Reply),
    /// The connection is closed without a word.
    Reject,
    /// The same, and nobody at the other end is told (`silent-drop`).
    Drop,
    /// A change was not possible: an error of ours (`strict-mode`).
    Fail,
}

/// An answer of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reply {
    pub status: u16,
    /// Length of the answer at the start of [`Stage::out`]; none: the usual page for the status.
    pub len: Option<usize>,
    /// It refuses the request (and is counted so), else it serves it.
    pub denies: bool,
}

/// What rules want of the session beside its messages.
#[derive(Clone, Copy, Debug, Default)]
pub struct Effects {
    /// `use_backend`
    pub backend: Option<usize>,
    /// `force-persist`: also while that server is down.
    pub force_persist: bool,
    /// `use-server`
    pub server: Option<usize>,
    /// `set-log-level`: a syslog level, or [`Effects::SILENT`].
    pub log_level: Option<u8>,
    /// `wait-for-body`: how long, while its rule waits.
    pub await_body_ms: Option<u32>,
    /// `strict-mode off`: a change that is not possible is left out.
    pub lax: bool,
    /// `set-tos`, `set-mark`: of the client's connection.
    pub tos: Option<u8>,
    pub mark: Option<u32>,
    /// `set-src`, `set-dst` and their ports.
    pub client: Option<Addr>,
    pub destination: Option<Addr>,
    /// `set-timeout`
    pub timeouts: OwnTimeouts,
    /// `reqallow`
    pub allowed: bool,
    /// `set-header Connection close` of a response.
    pub ends_client: bool,
    /// `monitor fail`
    pub monitor_fails: bool,
}

impl Effects {
    /// The log level that means no line at all.
    pub const SILENT: u8 = u8::MAX;
}

/// Where rules run.
pub struct Stage<'s> {
    pub book: &'s Rulebook,
    pub setting: &'s Setting<'s>,
    pub flow: &'s mut Flow,
    /// The head that the rules look at and change.
    pub head: Option<Edit<'s>>,
    /// The body as far as it is there.
    pub body: &'s [u8],
    /// No more of the request's body is to be waited for.
    pub arrived: bool,
    pub session_notes: &'s mut [u8],
    pub transaction_notes: &'s mut [u8],
    pub beside: &'s Beside<'s>,
    /// For values while an expression is evaluated.
    pub space: &'s mut [u8],
    /// For texts that a rule makes: formats, answers.
    pub out: &'s mut [u8],
    /// Fields of a response 103.
    pub hints: Out<'s>,
    pub regexes: &'s mut RegexCache,
    /// What was found of this message already ([`Memo::begin`]).
    pub memo: &'s mut Memo,
    pub record: &'s Record<'s>,
    pub effects: &'s mut Effects,
}

/// The parts of a stage, borrowed one by one: what is looked at, and what is worked with.
struct Borrowed<'a> {
    scene: Scene<'a>,
    space: &'a mut [u8],
    out: &'a mut [u8],
    /// The room behind the head's texts.
    room: &'a mut [u8],
    regexes: &'a mut RegexCache,
    memo: &'a mut Memo,
    record: &'a Record<'a>,
}

/// Lets `write` change a place in the slab that it is in: of the process, of the client's connection, of the request.
fn put<T>(
    note: Note,
    process: &ProcessNotes,
    (session, transaction): (&mut [u8], &mut [u8]),
    write: impl FnOnce(&mut [u8]) -> T,
) -> T {
    match note.scope {
        Scope::Process => process.change(write),
        Scope::Session => write(session),
        _ => write(transaction),
    }
}

/// Writes a format, with the addresses as rules left them and what they stored.
fn write(format: &Format, scene: &Scene, record: &Record, space: &mut [u8], regexes: &mut RegexCache, out: &mut Out) {
    if format.is_plain() {
        return format.write(record, scene, space, regexes, out);
    }
    let (client, frontend_addr, notes) = (scene.flow.client, scene.flow.destination, scene.notes);
    let record = Record { client, frontend_addr, notes, ..record.clone() };
    format.write(&record, scene, space, regexes, out);
}

impl Stage<'_> {
    fn borrow(&mut self) -> Borrowed<'_> {
        let body = self.body;
        let (message, room) = match &mut self.head {
            Some(head) => {
                let len = head.room();
                let (text, room) = head.text.split_at_mut(head.used);
                (Some(Message { index: &*head.index, text, body }), &mut room[..len])
            }
            None => (None, &mut [][..]),
        };
        let notes = Notes { session: self.session_notes, transaction: self.transaction_notes, beside: self.beside };
        let scene = Scene { setting: self.setting, flow: self.flow, message, notes };
        Borrowed {
            scene,
            space: self.space,
            out: self.out,
            room,
            regexes: self.regexes,
            memo: self.memo,
            record: self.record,
        }
    }

    /// Follows the conditions from an operation on, up to the next that is none. Err: the one that cannot be answered yet.
    pub(super) fn follow(&mut self, ops: &[Op], mut at: usize) -> Result<usize, usize> {
        let book = self.book;
        let b = self.borrow();
        b.memo.refresh();
        let mut work = Work { space: b.space, regexes: b.regexes, memo: b.memo };
        while let Some(Op::Test { acl, yes, no }) = ops.get(at) {
            at = match book.acls.check(*acl as usize, &b.scene, &mut work) {
                Truth::Yes => *yes as usize,
                Truth::No => *no as usize,
                Truth::Later => return Err(at),
            };
        }
        Ok(at)
    }

    /// What a change comes to: one that was not possible leaves a valid message as it was, which `strict-mode` makes an error.
    pub fn verdict(&self, done: bool) -> Verdict {
        if done || self.effects.lax { Verdict::Continue } else { Verdict::Fail }
    }

    /// An action was done: what it changed is to be found anew.
    pub(super) fn note_changes(&mut self) {
        if let Some(head) = &mut self.head {
            let Changed { line, fields } = std::mem::take(&mut head.changed);
            self.memo.change(u32::from(line) * needs::IN_LINE + u32::from(fields) * needs::IN_FIELDS);
        }
    }

    /// False while a password that the samples of an action need is being checked.
    pub fn is_settled(&mut self, lists: &[usize]) -> bool {
        lists.iter().all(|list| {
            let b = self.borrow();
            let mut tools = Tools { scratch: Scratch::new(b.space), regexes: b.regexes };
            is_settled(&b.scene, *list, &mut tools)
        })
    }

    /// Writes a format into `out`, behind what is there up to `at`; the new length. None: it does not fit.
    pub fn format(&mut self, at: usize, format: &Format) -> Option<usize> {
        if let Some(text) = format.constant() {
            self.out.get_mut(at..at + text.len())?.copy_from_slice(text);
            return Some(at + text.len());
        }
        let b = self.borrow();
        let mut out = Out::new(&mut b.out[at..]);
        write(format, &b.scene, b.record, b.space, b.regexes, &mut out);
        (!out.overflow()).then(|| at + out.len())
    }

    /// Adds a field to the head: a line that begins with its name and ": ", and what a format gives, in which nothing may end a line.
    /// `others`: whether fields of that name stay.
    pub fn add_field(&mut self, begin: &[u8], format: &Format, others: bool) -> Result<(), Refused> {
        let b = self.borrow();
        let mut out = Out::new(b.room);
        out.put(begin);
        match format.constant() {
            Some(text) => out.put(text),
            None => write(format, &b.scene, b.record, b.space, b.regexes, &mut out),
        }
        out.put(b"\r\n");
        let (len, fits) = (out.len(), !out.overflow());
        match &mut self.head {
            Some(head) if fits => head.add_line(&begin[..begin.len() - 2], len, others),
            Some(_) => Err(Refused),
            None => Ok(()),
        }
    }

    /// Writes the value of an expression as text at the start of `out`; its length. None: there is no value, or it does not fit.
    pub fn text(&mut self, expr: &Expr) -> Option<usize> {
        let b = self.borrow();
        let mut tools = Tools { scratch: Scratch::new(b.space), regexes: b.regexes };
        let text = expr.text(&b.scene, &mut tools)?;
        b.out.get_mut(..text.len())?.copy_from_slice(text);
        Some(text.len())
    }

    /// The value of an expression as a number or an address.
    pub fn value(&mut self, expr: &Expr, kind: Kind) -> Option<Value<'static>> {
        let b = self.borrow();
        let mut tools = Tools { scratch: Scratch::new(b.space), regexes: b.regexes };
        expr.now(&b.scene, &mut tools)?.cast(kind, &mut tools.scratch)?.detached()
    }

    /// The client has this address from now on.
    pub fn set_client(&mut self, addr: Addr) {
        (self.flow.client, self.effects.client) = (addr, Some(addr));
        self.memo.change(needs::ADDRESSES);
    }

    /// It connected to this address.
    pub fn set_destination(&mut self, addr: Addr) {
        (self.flow.destination, self.effects.destination) = (addr, Some(addr));
        self.memo.change(needs::ADDRESSES);
    }

    /// Writes what converters drafted to the notes: before a rule writes there, and at the end.
    pub fn settle(&mut self) {
        if let Some(drafts) = self.beside.drafts.filter(|d| !d.is_empty()) {
            drafts.settle(self.session_notes, self.transaction_notes);
        }
    }

    /// False when a variable's time is over, or has not come.
    fn lives(&self, note: Note) -> bool {
        note.scope != if self.setting.is_response { Scope::Request } else { Scope::Response }
    }

    /// Stores the value of an expression in a variable that lives now; without a value, or if a condition does not hold, it is left as it
    /// was. False: there is no room for it, and the variable is unset.
    pub fn store(&mut self, target: &Target, expr: &Expr) -> bool {
        let note = target.note;
        if !self.lives(note) {
            return true;
        }
        let b = self.borrow();
        let mut tools = Tools { scratch: Scratch::new(b.space), regexes: b.regexes };
        let Some(value) = expr.now(&b.scene, &mut tools) else { return true };
        if !target.takes(value, &b.scene.notes, &mut tools.scratch) {
            return true;
        }
        // By way of `out`: the value may stand in the notes themselves.
        let (Value::Str(s) | Value::Bin(s) | Value::Method(s)) = value else {
            let value = value.detached();
            self.settle();
            let slabs = (&mut *self.session_notes, &mut *self.transaction_notes);
            return value.is_none_or(|value| put(note, &self.book.process, slabs, |slab| note.set(slab, value)));
        };
        let Some(copy) = b.out.get_mut(..s.len()) else {
            self.unset(note);
            return false;
        };
        copy.copy_from_slice(s);
        let (len, kind) = (s.len(), value.kind());
        self.settle();
        let slabs = (&mut *self.session_notes, &mut *self.transaction_notes);
        let value = Value::of_bytes(kind, &self.out[..len]);
        put(note, &self.book.process, slabs, |slab| note.set(slab, value))
    }

    /// Stores what a format gives in a variable that lives now, if its conditions hold. False: there is no room for it, and the variable is
    /// unset.
    pub fn store_text(&mut self, target: &Target, format: &Format) -> bool {
        let note = target.note;
        if !self.lives(note) {
            return true;
        }
        let Some(len) = self.format(0, format) else {
            self.unset(note);
            return false;
        };
        let b = self.borrow();
        if !target.takes(Value::Str(&b.out[..len]), &b.scene.notes, &mut Scratch::new(b.space)) {
            return true;
        }
        self.settle();
        let slabs = (&mut *self.session_notes, &mut *self.transaction_notes);
        put(note, &self.book.process, slabs, |slab| note.set(slab, Value::Str(&self.out[..len])))
    }

    /// Stores the text at the start of `out` in a place for captures.
    pub fn capture(&mut self, note: Note, len: usize) {
        self.settle();
        note.capture(self.transaction_notes, &self.out[..len]);
    }

    /// Forgets a variable.
    pub fn unset(&mut self, note: Note) {
        self.settle();
        let slabs = (&mut *self.session_notes, &mut *self.transaction_notes);
        put(note, &self.book.process, slabs, |slab| note.unset(slab));
    }
}
