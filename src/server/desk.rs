//! Where the worker that serves operators asks another one for its part of an answer (`show sess`): one question at a time, in fixed
//! space, under a short mutex.
//!
//! ```text
//!          ask                     reply, leave                 ask (of the same session)
//! Free ----------> Asked(worker) ---------------> Answered -------------------------------> Free
//!                                                    +--- abandon (its session is gone) ------^
//! ```
//! Nobody waits in a call: [`Desk::ask`] says `Wait`, the mailbox of the asker rings when the answer is there, and the session asks
//! again. A session that finds the desk occupied is told to try again when it is free.

use crate::model::CliLevel;
use crate::util::fmt::{Cursor, Out, Progress};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard};

/// Longest question, bytes: longer command lines are cut.
pub const MAX_QUESTION: usize = 4096;

/// The session of an operator.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Asker {
    pub worker: usize,
    /// Index and generation of its handle.
    pub session: (usize, u32),
}

/// What a worker is asked.
pub struct Question {
    line: [u8; MAX_QUESTION],
    len: usize,
    pub level: CliLevel,
    pub cursor: Cursor,
    /// Most bytes of the answer.
    pub room: usize,
}

impl Question {
    /// The command line.
    pub fn line(&self) -> &str {
        std::str::from_utf8(&self.line[..self.len]).unwrap_or_default()
    }
}

/// What became of a question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reply {
    /// Not yet: the asker's mailbox will ring.
    Wait,
    /// A part of the answer was written, the whole or some.
    Part(Progress),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Free,
    Asked(usize),
    Answered(Progress),
}

struct State {
    stage: Stage,
    asker: Asker,
    level: CliLevel,
    cursor: Cursor,
    room: usize,
    /// The question, then the answer.
    text: Box<[u8]>,
    len: usize,
    /// Sessions that found the desk occupied.
    waiting: Vec<Asker>,
    /// Workers that have ended.
    gone: Vec<bool>,
}

/// The desk of the process.
pub struct Desk {
    state: Mutex<State>,
    /// The worker that is asked, and the one whose session has an answer or may try again; plus one, 0 = nobody. What [`Desk::calls`]
    /// reads without the mutex.
    asked: AtomicUsize,
    called: AtomicUsize,
}

impl Desk {
    /// For so many workers and operators, and answers of up to `size` bytes at a time.
    pub fn new(workers: usize, operators: usize, size: usize) -> Desk {
        Desk {
            state: Mutex::new(State {
                stage: Stage::Free,
                asker: Asker::default(),
                level: CliLevel::User,
                cursor: Cursor::default(),
                room: 0,
                text: vec![0; size.max(MAX_QUESTION)].into(),
                len: 0,
                waiting: Vec::with_capacity(operators),
                gone: vec![false; workers],
            }),
            asked: AtomicUsize::new(0),
            called: AtomicUsize::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Asks a worker, or takes its answer. True with `Wait` when the worker must be woken.
    pub fn ask(
        &self,
        who: Asker,
        worker: usize,
        (line, level): (&str, CliLevel),
        cur: &mut Cursor,
        out: &mut Out,
    ) -> (Reply, bool) {
        let mut s = self.lock();
        match s.stage {
            Stage::Answered(progress) if s.asker == who => {
                out.put(&s.text[..s.len]);
                *cur = s.cursor;
                self.free(&mut s);
                (Reply::Part(progress), false)
            }
            Stage::Asked(_) if s.asker == who => (Reply::Wait, false),
            Stage::Free if s.gone.get(worker).is_none_or(|gone| *gone) => (Reply::Part(Progress::Done), false),
            Stage::Free => {
                let len = line.len().min(MAX_QUESTION);
                s.text[..len].copy_from_slice(&line.as_bytes()[..len]);
                (s.stage, s.asker, s.level, s.cursor) = (Stage::Asked(worker), who, level, *cur);
                (s.len, s.room) = (len, out.room());
                self.asked.store(worker + 1, SeqCst);
                (Reply::Wait, true)
            }
            _ => {
                // A place for each operator: a session is on the list once.
                if s.waiting.len() < s.waiting.capacity() && !s.waiting.contains(&who) {
                    s.waiting.push(who);
                }
                (Reply::Wait, false)
            }
        }
    }

    fn free(&self, s: &mut State) {
        s.stage = Stage::Free;
        let next = s.waiting.first().map_or(0, |a| a.worker + 1);
        self.called.store(next, SeqCst);
    }

    /// What a worker is asked, if it is.
    pub fn question(&self, worker: usize) -> Option<Question> {
        if self.asked.load(SeqCst) != worker + 1 {
            return None;
        }
        let s = self.lock();
        if s.stage != Stage::Asked(worker) {
            return None;
        }
        let mut q = Question { line: [0; MAX_QUESTION], len: s.len, level: s.level, cursor: s.cursor, room: s.room };
        q.line[..s.len].copy_from_slice(&s.text[..s.len]);
        Some(q)
    }

    /// A worker answers; says which worker must be woken.
    pub fn reply(&self, worker: usize, cursor: Cursor, progress: Progress, answer: &[u8]) -> Option<usize> {
        let mut s = self.lock();
        if s.stage != Stage::Asked(worker) {
            return None;
        }
        let len = answer.len().min(s.text.len());
        s.text[..len].copy_from_slice(&answer[..len]);
        (s.stage, s.cursor, s.len) = (Stage::Answered(progress), cursor, len);
        self.asked.store(0, SeqCst);
        self.called.store(s.asker.worker + 1, SeqCst);
        Some(s.asker.worker)
    }

    /// A worker ends: it is asked no more, and what it was asked has an empty answer. Says which worker must be woken.
    pub fn leave(&self, worker: usize) -> Option<usize> {
        self.lock().gone[worker] = true;
        self.reply(worker, Cursor::default(), Progress::Done, &[])
    }

    /// A session of this worker that is to ask again.
    pub fn call(&self, worker: usize) -> Option<Asker> {
        if self.called.load(SeqCst) != worker + 1 {
            return None;
        }
        let mut s = self.lock();
        let called = match s.stage {
            Stage::Answered(_) => Some(s.asker),
            Stage::Free => s.waiting.pop(),
            Stage::Asked(_) => None,
        };
        if called.is_none() {
            self.called.store(0, SeqCst);
        }
        called
    }

    /// The session that was called is gone, or wants the answer no more.
    pub fn abandon(&self, who: Asker) {
        let mut s = self.lock();
        if s.asker == who && matches!(s.stage, Stage::Answered(_)) {
            self.free(&mut s);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Asker = Asker { worker: 0, session: (1, 1) };
    const B: Asker = Asker { worker: 0, session: (2, 1) };

    fn ask(desk: &Desk, who: Asker, worker: usize) -> (Reply, bool, String) {
        let mut buf = [0; 100];
        let (mut out, mut cur) = (Out::new(&mut buf), Cursor::default());
        let (reply, wake) = desk.ask(who, worker, ("show sess", CliLevel::Admin), &mut cur, &mut out);
        (reply, wake, String::from_utf8(out.bytes().to_vec()).unwrap())
    }

    #[test]
    fn one_after_the_other() {
        let desk = Desk::new(3, 2, 100);
        assert_eq!(ask(&desk, A, 1), (Reply::Wait, true, String::new()));
        assert_eq!(ask(&desk, A, 1), (Reply::Wait, false, String::new()), "asked already");
        assert_eq!(ask(&desk, B, 2), (Reply::Wait, false, String::new()), "occupied");
        assert!(desk.question(2).is_none() && desk.call(0).is_none());
        let q = desk.question(1).unwrap();
        assert_eq!((q.line(), q.room, q.level), ("show sess", 100, CliLevel::Admin));
        assert_eq!(desk.reply(2, Cursor::default(), Progress::Done, b"no"), None, "was not asked");
        assert_eq!(desk.reply(1, Cursor::default(), Progress::More, b"line"), Some(0));
        assert!(desk.question(1).is_none());
        assert_eq!(desk.call(0), Some(A));
        assert_eq!(ask(&desk, A, 1), (Reply::Part(Progress::More), false, "line".into()));
        assert_eq!(desk.call(0), Some(B), "who waited may ask now");
        assert_eq!(desk.call(0), None);
        assert_eq!(ask(&desk, B, 2).0, Reply::Wait);
    }

    #[test]
    fn nobody_waits_for_those_who_are_gone() {
        let desk = Desk::new(2, 2, 100);
        assert_eq!(ask(&desk, A, 1).0, Reply::Wait);
        assert_eq!(ask(&desk, B, 1).0, Reply::Wait);
        assert_eq!(desk.leave(1), Some(0), "a worker");
        assert_eq!(desk.call(0), Some(A));
        desk.abandon(A);
        assert_eq!(desk.call(0), Some(B), "a session");
        assert_eq!(ask(&desk, B, 1), (Reply::Part(Progress::Done), false, String::new()));
    }
}
