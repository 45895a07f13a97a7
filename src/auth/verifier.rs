//! Answers whether a password is right, for the sessions of one worker: from what it knows, or after hashing it step by step.
//!
//! - **Seats.** [`SEATS`] passwords are hashed at a time, a step of one after a step of the other, so that a cheap hash does not wait
//!   for an expensive one. Whoever finds no seat, or finds the same password being hashed, waits and is woken.
//! - **Known.** Per user the password that was right last, and the last [`WRONG`] wrong ones, as keyed hashes: a client that sends its
//!   name with each request costs one hash as long as the process runs, and so does one that repeats a wrong password. Right ones are
//!   found by the number of the user: nothing that comes from clients drives them out. The configuration does not change while the
//!   process runs, so nothing becomes stale.
//! - **Unknown users** are compared with the secret of one that exists, chosen by a keyed hash of the name, and are refused whatever
//!   comes out: how long it takes does not say which names exist.

use super::crypt::Hashing;
use super::{LONGEST, Secret, Userlist, same, siphash};

/// Passwords that are hashed at a time by a worker.
const SEATS: usize = 8;
/// Wrong passwords that are remembered.
const WRONG: usize = 256;
/// Bytes of the secret that keys are made with.
pub const KEY_BYTES: usize = 32;

/// What is asked: may this user of this list in?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Question<'a> {
    /// Index of the list.
    pub list: usize,
    pub user: &'a [u8],
    pub password: &'a [u8],
}

/// A question, or a password that was right, as a keyed hash.
type Key = u128;
const NONE: Key = 0;

struct Seat {
    /// The session that asked.
    who: usize,
    key: Key,
    list: usize,
    /// Whose secret it is compared with, and whether that is the one who was named.
    user: usize,
    named: bool,
    hashing: Hashing,
}

/// The checks of a worker.
pub struct Verifier {
    secret: [u64; 4],
    seats: Box<[Option<Seat>]>,
    /// The seat whose turn is next.
    turn: usize,
    busy: usize,
    /// By the user's number over all lists.
    right: Box<[Key]>,
    wrong: Box<[Key]>,
    next_wrong: usize,
    /// By session: what it waits for.
    waiting: Box<[Key]>,
    waiters: usize,
    /// A seat may be free for one that waits.
    spare: bool,
    /// Where the search for the next one that waits begins.
    next_waiter: usize,
    /// Passwords that were hashed to the end.
    pub hashed: u64,
}

fn hashes(lists: &[Userlist]) -> bool {
    lists.iter().flat_map(|l| &l.users).any(|u| matches!(u.secret, Secret::Hashed(_)))
}

impl Verifier {
    /// Takes all memory; `secret`: random bytes that nobody else knows.
    pub fn new(lists: &[Userlist], sessions: usize, secret: [u8; KEY_BYTES]) -> Verifier {
        let hashes = hashes(lists);
        let users = lists.iter().map(|l| l.users.len()).sum();
        let keys = |n: usize| vec![NONE; if hashes { n } else { 0 }].into_boxed_slice();
        let word = |n: usize| u64::from_ne_bytes(std::array::from_fn(|at| secret[8 * n + at]));
        Verifier {
            secret: std::array::from_fn(word),
            seats: (0..if hashes { SEATS } else { 0 }).map(|_| None).collect(),
            turn: 0,
            busy: 0,
            right: keys(users),
            wrong: keys(WRONG),
            next_wrong: 0,
            waiting: keys(sessions),
            waiters: 0,
            spare: false,
            next_waiter: 0,
            hashed: 0,
        }
    }

    /// Bytes that [`Verifier::new`] takes: for each session, and beside that.
    pub fn bytes(lists: &[Userlist]) -> (usize, usize) {
        if !hashes(lists) {
            return (0, 0);
        }
        let users: usize = lists.iter().map(|l| l.users.len()).sum();
        (size_of::<Key>(), SEATS * size_of::<Option<Seat>>() + (users + WRONG) * size_of::<Key>())
    }

    /// [`Verifier::step`] has something to do.
    pub fn is_busy(&self) -> bool {
        self.busy > 0 || self.spare
    }

    fn key(&self, q: &Question) -> Key {
        let list = (q.list as u32).to_le_bytes();
        // The length keeps name and password apart.
        let len = (q.user.len() as u32).to_le_bytes();
        let parts: [&[u8]; 4] = [&list, &len, q.user, q.password];
        let [a, b, c, d] = self.secret;
        let half = |key| u128::from(siphash::hash(key, &parts));
        (half([a, b]) << 64 | half([c, d])).max(NONE + 1)
    }

    /// Whether the password is right. None: not known before it was hashed. `who`, the index of the session that asks, is woken by
    /// [`Verifier::step`] and asks again; without it only what is known is said.
    pub fn ask(&mut self, lists: &[Userlist], q: Question, who: Option<usize>) -> Option<bool> {
        let list = lists.get(q.list).filter(|l| !l.users.is_empty());
        let Some(list) = list else { return Some(false) };
        let found = list.find(q.user);
        let user = found.unwrap_or_else(|| self.stand_in(list, &q));
        let stored = match &list.users[user].secret {
            Secret::Locked => return Some(false),
            Secret::Plain(text) => return Some(self.is_same(text, q.password) && found.is_some()),
            Secret::Hashed(stored) => stored,
        };
        let key = self.key(&q);
        let right = found.is_some() && self.right[list.first + user] == key;
        if right || q.password.len() > LONGEST || self.wrong.contains(&key) {
            self.answered(who, key);
            return Some(right);
        }
        let who = who?;
        let seated = self.seats.iter().flatten().find(|s| s.who == who).map(|s| s.key);
        let shared = self.seats.iter().flatten().any(|s| s.key == key);
        self.wait(who, seated.unwrap_or(key));
        if seated.is_none() && !shared && self.busy < self.seats.len() {
            let hashing = Hashing::begin(stored, q.password)?;
            let free = self.seats.iter_mut().find(|s| s.is_none())?;
            *free = Some(Seat { who, key, list: q.list, user, named: found.is_some(), hashing });
            self.busy += 1;
            self.spare = self.waiters > self.busy;
        }
        None
    }

    /// A session that waited for an answer has it.
    fn answered(&mut self, who: Option<usize>, key: Key) {
        if let Some(who) = who
            && self.waiting[who] == key
        {
            self.wait(who, NONE);
        }
    }

    /// The user whose secret a password is compared with when the one named does not exist: the same one for the same name.
    fn stand_in(&self, list: &Userlist, q: &Question) -> usize {
        let number = (q.list as u32).to_le_bytes();
        let hash = siphash::hash([self.secret[1], self.secret[2]], &[&number, q.user]);
        (hash % list.users.len() as u64) as usize
    }

    /// Compares texts of any lengths: the time depends on the lengths alone.
    fn is_same(&self, a: &[u8], b: &[u8]) -> bool {
        let hash = |text| siphash::hash([self.secret[2], self.secret[3]], &[text]);
        same(a, b) & (hash(a) == hash(b))
    }

    /// A session waits for this, or for nothing any more.
    fn wait(&mut self, who: usize, key: Key) {
        let before = std::mem::replace(&mut self.waiting[who], key);
        self.waiters = self.waiters + usize::from(key != NONE) - usize::from(before != NONE);
        self.spare |= key == NONE && self.waiters > 0;
    }

    /// Lets one password go on by a step, and wakes those whose wait it ends.
    pub fn step(&mut self, lists: &[Userlist], mut wake: impl FnMut(usize)) {
        if std::mem::take(&mut self.spare) {
            self.invite(&mut wake);
        }
        let seats = self.seats.len();
        let Some(at) = (0..seats).map(|n| (self.turn + n) % seats).find(|n| self.seats[*n].is_some()) else { return };
        self.turn = (at + 1) % seats;
        let Some(seat) = &mut self.seats[at] else { return };
        let list = &lists[seat.list];
        let Secret::Hashed(stored) = &list.users[seat.user].secret else { return };
        let Some(matches) = seat.hashing.step(stored) else { return };
        if matches && seat.named {
            self.right[list.first + seat.user] = seat.key;
        } else {
            self.wrong[self.next_wrong] = seat.key;
            self.next_wrong = (self.next_wrong + 1) % WRONG;
        }
        self.hashed += 1;
        self.leave(at, wake);
    }

    /// A session or its request ended: nothing is hashed for it any more.
    pub fn forget(&mut self, who: usize, wake: impl FnMut(usize)) {
        if !self.is_busy() {
            return;
        }
        self.wait(who, NONE);
        if let Some(at) = self.seats.iter().position(|s| s.as_ref().is_some_and(|s| s.who == who)) {
            self.leave(at, wake);
        }
    }

    /// Frees a seat, and wakes all that wait for its password.
    fn leave(&mut self, at: usize, mut wake: impl FnMut(usize)) {
        let Some(seat) = self.seats[at].take() else { return };
        self.busy -= 1;
        for who in 0..self.waiting.len() {
            if self.waiters == 0 {
                break;
            }
            if self.waiting[who] == seat.key {
                self.wait(who, NONE);
                wake(who);
            }
        }
        self.spare = self.waiters > 0;
    }

    /// Wakes one that waits for a seat, if there is one: those that wait come round in turn.
    fn invite(&mut self, wake: &mut impl FnMut(usize)) {
        if self.busy == self.seats.len() {
            return;
        }
        let sessions = self.waiting.len();
        let waits = |who: &usize| {
            let key = self.waiting[*who];
            key != NONE && !self.seats.iter().flatten().any(|s| s.key == key)
        };
        if let Some(who) = (0..sessions).map(|n| (self.next_waiter + n) % sessions).find(waits) {
            self.next_waiter = (who + 1) % sessions;
            wake(who);
        }
    }
}
