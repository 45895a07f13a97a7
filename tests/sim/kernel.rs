//! A kernel and a network that exist only in memory: descriptors, accept queues, byte streams with latency and bounded
//! capacity, half-closes, resets, readiness in three styles, pipes, a clock. Every call can fail as the seed decides.
//!
//! ```text
//! peer (client or origin) --send--> in flight --latency--> ready to read --recv--> proxy      (direction TO_PROXY)
//!                         <-recv--  ready     <--latency-- in flight     <--send--            (direction TO_PEER)
//! ```
//! The two ends of a `Link` are a descriptor of the proxy and an actor. Actors run inside `wait`, when an event of theirs is due.

use crate::actor::{Actor, World};
use crate::rng::Rng;
use evenkeel::session::endpoint::key;
use evenkeel::sys::{Addr, ConnectOptions, Event, Fd, IoError, Kernel, Pipe, Target};
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

pub const TO_PROXY: usize = 0;
pub const TO_PEER: usize = 1;
/// Simulated descriptors start here, so that they are never taken for real ones.
const FD_BASE: Fd = 1_000_000;
pub const LOG_FD: Fd = 999_999;
/// Lines kept for the report of a failure.
const TRACE_LINES: usize = 150;

thread_local! {
    pub static TRACE_ON: Cell<bool> = const { Cell::new(false) };
    pub static TRACE: RefCell<VecDeque<String>> = const { RefCell::new(VecDeque::new()) };
}

/// Keeps a line (and prints it when one seed is looked at); free when tracing is off.
#[macro_export]
macro_rules! trace {
    ($net:expr, $($arg:tt)*) => {
        if $crate::kernel::TRACE_ON.with(|t| t.get()) {
            $crate::kernel::keep_trace(format!("{:>8} {}", $net.now - $net.epoch, format!($($arg)*)));
        }
    };
}

pub fn keep_trace(line: String) {
    if std::env::var_os("SIM_SEED").is_some() {
        println!("{line}");
    }
    TRACE.with(|t| {
        let mut t = t.borrow_mut();
        if t.len() == TRACE_LINES {
            t.pop_front();
        }
        t.push_back(line);
    });
}

/// How readiness is reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// Edge-triggered, each event tells the whole present state.
    Epoll,
    /// Edge-triggered, an event tells one direction, and any readable one may be a hang-up.
    Kqueue,
    /// One-shot: an event disarms, nothing is told until armed again.
    Poll,
}

/// How often calls go wrong, in 1000.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    pub short: u32,
    pub again: u32,
    pub accept: u32,
    pub connect: u32,
    pub watch: u32,
    pub pipe: u32,
    pub reset: u32,
    pub splice_other: u32,
    pub spurious: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Ev {
    Deliver { link: usize, dir: usize, n: usize },
    Fin { link: usize, dir: usize },
    Rst { link: usize, dir: usize },
    Actor(usize),
    Arrive(usize),
    Established(usize),
    ConnectFails(usize, u8),
    Kick { fd: Fd, epoch: u64, read: bool },
}

/// Bytes in order, taken from the front.
#[derive(Default)]
pub struct Fifo {
    data: Vec<u8>,
    head: usize,
}

impl Fifo {
    pub fn len(&self) -> usize {
        self.data.len() - self.head
    }
    fn put(&mut self, b: &[u8]) {
        if self.head > 65_536 && self.head * 2 > self.data.len() {
            self.data.drain(..self.head);
            self.head = 0;
        }
        self.data.extend_from_slice(b);
    }
    fn front(&self, n: usize) -> &[u8] {
        &self.data[self.head..self.head + n]
    }
    fn skip(&mut self, n: usize) {
        self.head += n;
        if self.head == self.data.len() {
            self.data.clear();
            self.head = 0;
        }
    }
    fn clear(&mut self) {
        self.data.clear();
        self.head = 0;
    }
}

/// One direction of a link.
#[derive(Default)]
pub struct Way {
    bytes: Fifo,
    /// Of `bytes`, those that arrived.
    avail: usize,
    cap: usize,
    last_at: u64,
    /// The sender closed its direction; the receiver knows.
    fin_sent: bool,
    fin_here: bool,
    /// The receiver got a reset; it has been told.
    reset: bool,
    reset_told: bool,
    /// The other direction was reset: what was on its way is lost.
    dead: bool,
    /// The sender was told that there is no room: it is told when there is.
    blocked: bool,
}

impl Way {
    /// The receiver was reset.
    pub fn is_reset(&self) -> bool {
        self.reset
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkState {
    /// On its way to a listener, or in its accept queue; or being connected by the proxy.
    Opening,
    Open,
    Failed(IoError),
}

pub struct Link {
    pub ways: [Way; 2],
    pub state: LinkState,
    pub actor: usize,
    pub listener: Option<usize>,
    pub fd: Option<Fd>,
    peer_closed: bool,
    proxy_closed: bool,
    latency: (u32, u32),
    addr: Addr,
    linger0: bool,
    no_splice: bool,
}

/// What a peer gets when it reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Got {
    Data(usize),
    Nothing,
    Eof,
    Reset,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Listener(usize),
    Sock(usize),
    PipeRead(usize),
    PipeWrite(usize),
}

struct Desc {
    kind: Kind,
    epoch: u64,
    watch: Option<Watch>,
}

#[derive(Clone, Copy)]
struct Watch {
    key: usize,
    read: bool,
    write: bool,
    /// Edge styles: something changed since the last report.
    changed: (bool, bool),
}

struct PipeBuf {
    bytes: Fifo,
    ends: u8,
}

pub struct Listening {
    pub addr: Addr,
    queue: VecDeque<usize>,
    backlog: usize,
    pub fd: Fd,
    /// Clients of a frontend, whose bytes are counted; not operators.
    counted: bool,
}

/// What was counted over a run.
#[derive(Default, Debug, Clone, Copy)]
pub struct Tallies {
    pub rounds: u64,
    pub events: u64,
    pub calls: u64,
    pub injected: u64,
    pub sent_to_clients: u64,
    pub read_from_clients: u64,
    pub spliced: u64,
    pub accepted: u64,
    pub connects: u64,
    pub log_lines: u64,
}

/// The network and the descriptors: everything but the actors.
pub struct Net {
    pub now: u64,
    pub epoch: u64,
    pub rng: Rng,
    pub style: Style,
    pub faults: Faults,
    pub links: Vec<Link>,
    pub listeners: Vec<Listening>,
    pub tallies: Tallies,
    heap: BinaryHeap<Reverse<(u64, u64, Ev)>>,
    descs: Vec<Option<Desc>>,
    reuse_numbers: bool,
    next_epoch: u64,
    pipes: Vec<PipeBuf>,
    pipe_cap: usize,
    mailbox: Option<(Fd, usize)>,
    ready: Vec<Fd>,
    stale_keys: Vec<usize>,
    pub discards_on_reset: bool,
    pub caps: (usize, usize),
    pub latency: u32,
    /// Events handed over at once (edge styles).
    pub batch: usize,
    /// Rounds in a row in which nothing happened at all.
    idle_streak: u32,
    pub idle_rounds: u64,
    acted: bool,
    pub out_of_events: bool,
    oversleeps: bool,
    pub errors_at_will: bool,
}

/// The kernel that a worker owns.
pub struct Sim {
    pub net: Net,
    pub actors: Vec<Actor>,
    pub world: World,
    batch: Vec<Event>,
}

fn reason(n: u8) -> IoError {
    [IoError::Refused, IoError::TimedOut, IoError::Unreachable][n as usize % 3]
}

impl Net {
    pub fn new(mut rng: Rng, style: Style, faults: Faults) -> Net {
        let now = match rng.below(4) {
            0 => 1 + (rng.next() >> 24),
            1 => (1 << 32) - rng.range(1, 200) as u64,
            _ => (rng.range(1, 3) as u64) << 32,
        };
        let now = if now % (1 << 32) == 0 { now - rng.range(1, 20_000) as u64 } else { now };
        Net {
            now,
            epoch: now,
            style,
            faults,
            links: Vec::new(),
            listeners: Vec::new(),
            tallies: Tallies::default(),
            heap: BinaryHeap::new(),
            descs: Vec::new(),
            reuse_numbers: rng.percent(50),
            next_epoch: 0,
            pipes: Vec::new(),
            pipe_cap: rng.pick(&[4096, 65_536]),
            mailbox: None,
            ready: Vec::new(),
            stale_keys: Vec::new(),
            discards_on_reset: rng.percent(50),
            caps: (rng.pick(&[300, 2000, 16_000, 90_000]), rng.pick(&[300, 2000, 16_000, 90_000])),
            latency: rng.pick(&[0, 1, 5, 30]),
            batch: 200,
            idle_streak: 0,
            idle_rounds: 0,
            acted: false,
            out_of_events: false,
            oversleeps: rng.percent(30),
            errors_at_will: true,
            rng,
        }
    }

    pub fn at(&mut self, delay: u64, ev: Ev) {
        self.at_time(self.now + delay, ev);
    }

    fn at_time(&mut self, time: u64, ev: Ev) {
        // Same instant: any order.
        let order = self.rng.next() >> 1;
        self.heap.push(Reverse((time, order, ev)));
    }

    fn delay(&mut self, link: usize) -> u64 {
        let (a, b) = self.links[link].latency;
        self.rng.range(a as usize, b as usize) as u64
    }

    // ---- descriptors -------------------------------------------------------------------------------------------------

    fn open(&mut self, kind: Kind) -> Fd {
        self.next_epoch += 1;
        let desc = Desc { kind, epoch: self.next_epoch, watch: None };
        let free = if self.reuse_numbers { self.descs.iter().position(Option::is_none) } else { None };
        let at = free.unwrap_or_else(|| {
            self.descs.push(None);
            self.descs.len() - 1
        });
        self.descs[at] = Some(desc);
        FD_BASE + at as Fd
    }

    fn desc(&mut self, fd: Fd) -> &mut Desc {
        match self.descs.get_mut((fd - FD_BASE) as usize) {
            Some(Some(d)) => d,
            _ => panic!("use of descriptor {fd}, which is not open"),
        }
    }

    fn link_of(&mut self, fd: Fd) -> usize {
        match self.desc(fd).kind {
            Kind::Sock(l) => l,
            k => panic!("descriptor {fd} is no connection but {k:?}"),
        }
    }

    /// Open descriptors by what they are watched as: connections, checks, pipe ends, and unwatched ones.
    pub fn census(&self) -> (usize, usize, usize, usize) {
        let (mut conns, mut checks, mut pipes, mut others) = (0, 0, 0, 0);
        for d in self.descs.iter().flatten() {
            match (d.kind, d.watch.map(|w| key::parse(w.key))) {
                (Kind::Listener(_), _) => {}
                (Kind::PipeRead(_) | Kind::PipeWrite(_), _) => pipes += 1,
                (_, Some(key::Key::Conn(_))) => conns += 1,
                (_, Some(key::Key::Check(_))) => checks += 1,
                _ => others += 1,
            }
        }
        (conns, checks, pipes, others)
    }

    /// One-shot: what a descriptor is armed for.
    pub fn armed(&mut self, fd: Fd) -> (bool, bool) {
        self.desc(fd).watch.map_or((false, false), |w| (w.read, w.write))
    }

    /// For a report: what the network knows of a descriptor.
    pub fn show(&mut self, fd: Fd) -> String {
        let l = self.link_of(fd);
        let a = self.armed(fd);
        let link = &self.links[l];
        let w = |w: &Way| {
            format!(
                "[{} avail {} cap {} fin {}/{} rst {} blocked {}]",
                w.bytes.len(),
                w.avail,
                w.cap,
                w.fin_sent,
                w.fin_here,
                w.reset,
                w.blocked
            )
        };
        format!(
            "link {l} {:?} peer_closed {} in {} out {} armed {a:?}",
            link.state,
            link.peer_closed,
            w(&link.ways[0]),
            w(&link.ways[1])
        )
    }

    pub fn listen(&mut self, addr: Addr, backlog: usize, counted: bool) -> Fd {
        let fd = self.open(Kind::Listener(self.listeners.len()));
        self.listeners.push(Listening { addr, queue: VecDeque::new(), backlog, fd, counted });
        fd
    }

    /// The process no longer listens: whoever waits in the queue is reset.
    pub fn close_listener(&mut self, n: usize) {
        let fd = self.listeners[n].fd;
        self.descs[(fd - FD_BASE) as usize] = None;
        self.listeners[n].fd = -1;
        for l in std::mem::take(&mut self.listeners[n].queue) {
            self.links[l].state = LinkState::Failed(IoError::Refused);
            self.links[l].proxy_closed = true;
            let d = self.delay(l);
            self.at(d, Ev::Rst { link: l, dir: TO_PEER });
        }
    }

    fn changed(&mut self, fd: Fd, read: bool, write: bool) {
        let edge = self.style != Style::Poll;
        let Some(w) = self.desc(fd).watch.as_mut() else { return };
        if edge {
            let fresh = w.changed == (false, false);
            w.changed.0 |= read;
            w.changed.1 |= write;
            if fresh {
                self.ready.push(fd);
            }
        }
    }

    fn link_changed(&mut self, link: usize, read: bool, write: bool) {
        if let Some(fd) = self.links[link].fd {
            self.changed(fd, read, write);
        }
    }

    /// Something was withheld although it was there: it is reported again soon.
    fn kick(&mut self, fd: Fd, read: bool) {
        self.tallies.injected += 1;
        let epoch = self.desc(fd).epoch;
        let d = self.rng.below(4) as u64;
        self.at(d, Ev::Kick { fd, epoch, read });
    }

    /// Readable, writable, hang-up.
    fn state(&mut self, fd: Fd) -> (bool, bool, bool) {
        match self.desc(fd).kind {
            Kind::Listener(n) => (!self.listeners[n].queue.is_empty(), false, false),
            Kind::Sock(l) => {
                let link = &self.links[l];
                let (input, output) = (&link.ways[TO_PROXY], &link.ways[TO_PEER]);
                match link.state {
                    LinkState::Opening if link.listener.is_none() => (false, false, false),
                    LinkState::Failed(_) => (true, true, true),
                    _ => {
                        let hangup = input.fin_here || input.reset;
                        (input.avail > 0 || hangup, input.reset || output.bytes.len() < output.cap, hangup)
                    }
                }
            }
            Kind::PipeRead(_) | Kind::PipeWrite(_) => (false, false, false),
        }
    }

    // ---- the peers' side ---------------------------------------------------------------------------------------------

    /// A client calls; the connection reaches the listener after a while.
    pub fn call(&mut self, listener: usize, actor: usize, addr: Addr) -> usize {
        let link = self.new_link(actor, addr, Some(listener));
        let d = self.delay(link);
        self.at(d, Ev::Arrive(link));
        link
    }

    fn new_link(&mut self, actor: usize, addr: Addr, listener: Option<usize>) -> usize {
        let low = self.rng.below(self.latency as usize + 1) as u32;
        let high = low + self.rng.below(self.latency as usize + 1) as u32;
        let cap = |rng: &mut Rng, c: usize| rng.range(c / 2, c).max(1);
        let (a, b) = self.caps;
        let ways = [
            Way { cap: cap(&mut self.rng, a), ..Way::default() },
            Way { cap: cap(&mut self.rng, b), ..Way::default() },
        ];
        let no_splice = self.rng.permille(self.faults.splice_other);
        self.links.push(Link {
            ways,
            state: LinkState::Opening,
            actor,
            listener,
            fd: None,
            peer_closed: false,
            proxy_closed: false,
            latency: (low, high),
            addr,
            linger0: false,
            no_splice,
        });
        self.links.len() - 1
    }

    pub fn peer_recv(&mut self, link: usize, max: usize, into: &mut Vec<u8>) -> Got {
        let way = &mut self.links[link].ways[TO_PEER];
        if way.avail > 0 {
            let n = way.avail.min(max);
            into.extend_from_slice(way.bytes.front(n));
            way.bytes.skip(n);
            way.avail -= n;
            if std::mem::take(&mut way.blocked) {
                self.link_changed(link, false, true);
            }
            return Got::Data(n);
        }
        match (way.reset, way.fin_here) {
            (true, _) => Got::Reset,
            (_, true) => Got::Eof,
            _ => Got::Nothing,
        }
    }

    /// Takes what there is room for; 0 = wait.
    pub fn peer_send(&mut self, link: usize, data: &[u8]) -> usize {
        let l = &mut self.links[link];
        if l.ways[TO_PEER].reset || l.peer_closed {
            return data.len();
        }
        if l.proxy_closed {
            // Nobody is there any more: the answer is a reset.
            let d = self.delay(link) * 2;
            self.at(d, Ev::Rst { link, dir: TO_PEER });
            return data.len();
        }
        let way = &mut l.ways[TO_PROXY];
        let n = data.len().min(way.cap.saturating_sub(way.bytes.len()));
        if n < data.len() {
            way.blocked = true;
        }
        if n > 0 {
            way.bytes.put(&data[..n]);
            self.fly(link, TO_PROXY, n);
        }
        n
    }

    fn fly(&mut self, link: usize, dir: usize, n: usize) {
        let arrives = (self.now + self.delay(link)).max(self.links[link].ways[dir].last_at);
        self.links[link].ways[dir].last_at = arrives;
        // One write can arrive as several segments.
        if n > 1 && self.rng.percent(15) {
            let first = self.rng.range(1, n - 1);
            self.at_time(arrives, Ev::Deliver { link, dir, n: first });
            let later = arrives + self.rng.below(3) as u64;
            self.links[link].ways[dir].last_at = later;
            self.at_time(later, Ev::Deliver { link, dir, n: n - first });
        } else {
            self.at_time(arrives, Ev::Deliver { link, dir, n });
        }
    }

    fn fin(&mut self, link: usize, dir: usize) {
        let way = &mut self.links[link].ways[dir];
        if !std::mem::replace(&mut way.fin_sent, true) {
            let at = (self.now + self.delay(link)).max(self.links[link].ways[dir].last_at);
            self.at_time(at, Ev::Fin { link, dir });
        }
    }

    fn rst(&mut self, link: usize, dir: usize) {
        let d = self.delay(link);
        self.at(d, Ev::Rst { link, dir });
    }

    pub fn peer_shutdown(&mut self, link: usize) {
        self.fin(link, TO_PROXY);
    }

    /// Closes; unread input makes it a reset.
    pub fn peer_close(&mut self, link: usize) {
        if std::mem::replace(&mut self.links[link].peer_closed, true) {
            return;
        }
        if self.links[link].ways[TO_PEER].bytes.len() > 0 {
            self.rst(link, TO_PROXY);
        } else {
            self.fin(link, TO_PROXY);
        }
        self.unblock(link);
    }

    pub fn peer_abort(&mut self, link: usize) {
        if !std::mem::replace(&mut self.links[link].peer_closed, true) {
            self.rst(link, TO_PROXY);
            self.unblock(link);
        }
    }

    /// What is sent to a peer that is gone goes nowhere.
    fn unblock(&mut self, link: usize) {
        let way = &mut self.links[link].ways[TO_PEER];
        way.bytes.clear();
        way.avail = 0;
        if std::mem::take(&mut way.blocked) {
            self.link_changed(link, false, true);
        }
    }

    // ---- events ------------------------------------------------------------------------------------------------------

    /// Carries out one network event; returns the actor to run, if any.
    fn happen(&mut self, ev: Ev) -> Option<usize> {
        match ev {
            Ev::Actor(a) => return Some(a),
            Ev::Deliver { link, dir, n } => {
                let l = &mut self.links[link];
                let gone = if dir == TO_PROXY { l.proxy_closed } else { l.peer_closed };
                let way = &mut l.ways[dir];
                if way.reset || way.dead {
                    return None;
                }
                if gone {
                    way.bytes.clear();
                    way.avail = 0;
                    self.rst(link, 1 - dir);
                    return None;
                }
                way.avail += n;
                assert!(way.avail <= way.bytes.len(), "simulation: more arrived than was sent");
                return self.arrived(link, dir);
            }
            Ev::Fin { link, dir } => {
                let way = &mut self.links[link].ways[dir];
                if way.reset || way.dead {
                    return None;
                }
                if way.avail < way.bytes.len() {
                    self.at(1, ev); // data on its way comes first
                    return None;
                }
                way.fin_here = true;
                return self.arrived(link, dir);
            }
            Ev::Rst { link, dir } => {
                let discards = self.discards_on_reset;
                let l = &mut self.links[link];
                if l.ways[dir].reset {
                    return None;
                }
                for d in [dir, 1 - dir] {
                    let way = &mut l.ways[d];
                    if d != dir || discards {
                        way.bytes.clear();
                        way.avail = 0;
                    } else {
                        let keep = way.avail;
                        let rest = way.bytes.front(keep).to_vec();
                        way.bytes.clear();
                        way.bytes.put(&rest);
                    }
                }
                l.ways[dir].reset = true;
                l.ways[1 - dir].dead = true;
                l.ways[1 - dir].blocked = false;
                if dir == TO_PROXY {
                    self.link_changed(link, true, true);
                    return None;
                }
                return Some(self.links[link].actor);
            }
            Ev::Arrive(link) => {
                let n = self.links[link].listener.expect("a client's link");
                let l = &mut self.listeners[n];
                if l.fd < 0 {
                    self.links[link].state = LinkState::Failed(IoError::Refused);
                    self.links[link].ways[TO_PEER].reset = true;
                    return Some(self.links[link].actor);
                }
                if l.queue.len() >= l.backlog {
                    self.at(50, ev); // the handshake is tried again
                    return None;
                }
                l.queue.push_back(link);
                // The client believes that it is connected.
                self.links[link].state = LinkState::Open;
                let fd = self.listeners[n].fd;
                self.changed(fd, true, false);
                return Some(self.links[link].actor);
            }
            Ev::Established(link) => {
                if self.links[link].proxy_closed {
                    return None;
                }
                self.links[link].state = LinkState::Open;
                self.link_changed(link, false, true);
                return Some(self.links[link].actor);
            }
            Ev::ConnectFails(link, why) => {
                self.links[link].state = LinkState::Failed(reason(why));
                self.link_changed(link, true, true);
            }
            Ev::Kick { fd, epoch, read } => {
                if let Some(Some(d)) = self.descs.get((fd - FD_BASE) as usize)
                    && d.epoch == epoch
                {
                    self.changed(fd, read, !read);
                }
            }
        }
        None
    }

    fn arrived(&mut self, link: usize, dir: usize) -> Option<usize> {
        if dir == TO_PROXY {
            self.link_changed(link, true, false);
            None
        } else {
            Some(self.links[link].actor)
        }
    }

    /// Reports what is ready.
    fn collect(&mut self, out: &mut Vec<Event>) {
        match self.style {
            Style::Poll => {
                for at in 0..self.descs.len() {
                    let Some(Some(Desc { watch: Some(w), .. })) = self.descs.get(at) else { continue };
                    let w = *w;
                    let fd = FD_BASE + at as Fd;
                    if !w.read && !w.write {
                        continue;
                    }
                    let (r, wr, _) = self.state(fd);
                    let kind = self.desc(fd).kind;
                    let failed = matches!(kind, Kind::Sock(l) if self.links[l].ways[TO_PROXY].reset || matches!(self.links[l].state, LinkState::Failed(_)));
                    let (readable, writable) = (failed || r && w.read, failed || wr && w.write);
                    if readable || writable {
                        out.push(Event { key: w.key, readable, writable, hangup: readable });
                        let d = self.desc(fd).watch.as_mut().expect("watched");
                        (d.read, d.write) = (false, false);
                    }
                }
            }
            style => {
                let mut ready = std::mem::take(&mut self.ready);
                for i in (1..ready.len()).rev() {
                    let j = self.rng.below(i + 1);
                    ready.swap(i, j);
                }
                while let Some(fd) = ready.pop() {
                    if out.len() >= self.batch {
                        ready.push(fd); // the rest stays for the next call
                        break;
                    }
                    // Closed, or its number is another descriptor's now, which is in the list itself.
                    let Some(Some(d)) = self.descs.get_mut((fd - FD_BASE) as usize) else { continue };
                    let Some(w) = d.watch.as_mut() else { continue };
                    let (key, changed) = (w.key, std::mem::take(&mut w.changed));
                    if changed == (false, false) {
                        continue;
                    }
                    let listener = matches!(d.kind, Kind::Listener(_));
                    let (r, wr, hup) = self.state(fd);
                    let e = if listener {
                        Event { key, readable: r, ..Event::default() }
                    } else if style == Style::Epoll {
                        Event { key, readable: r, writable: wr, hangup: hup }
                    } else {
                        let (r, wr) = (r && changed.0, wr && changed.1);
                        Event { key, readable: r, writable: wr || hup && !r && changed.1, hangup: r || hup }
                    };
                    if e.readable || e.writable || e.hangup {
                        out.push(e);
                    }
                }
                ready.append(&mut self.ready);
                self.ready = ready;
                // Listeners are level-triggered.
                for n in 0..self.listeners.len() {
                    let fd = self.listeners[n].fd;
                    if fd >= 0
                        && !self.listeners[n].queue.is_empty()
                        && let Some(w) = self.desc(fd).watch
                        && !out.iter().any(|e| e.key == w.key)
                    {
                        out.push(Event { key: w.key, readable: true, ..Event::default() });
                    }
                }
            }
        }
        for i in (1..out.len()).rev() {
            let j = self.rng.below(i + 1);
            out.swap(i, j);
        }
    }

    /// Events without a reason: of a connection that has nothing, or of one that is gone.
    fn spurious(&mut self, out: &mut Vec<Event>) {
        if !self.rng.permille(self.faults.spurious) {
            return;
        }
        self.tallies.injected += 1;
        if self.rng.percent(30) && !self.stale_keys.is_empty() {
            let key = self.rng.pick(&self.stale_keys);
            out.push(Event { key, readable: true, writable: true, hangup: true });
            return;
        }
        let n = self.descs.len();
        let fd = FD_BASE + self.rng.below(n) as Fd;
        let Some(Some(d)) = self.descs.get_mut((fd - FD_BASE) as usize) else { return };
        let (kind, Some(w)) = (d.kind, d.watch.as_mut()) else { return };
        let connecting = matches!(kind, Kind::Sock(l) if self.links[l].state == LinkState::Opening && self.links[l].listener.is_none());
        if connecting {
            return;
        }
        if self.style == Style::Poll {
            if !w.read && !w.write {
                return;
            }
            let (r, wr) = (w.read, w.write && !matches!(kind, Kind::Listener(_)));
            (w.read, w.write) = (false, false);
            out.push(Event { key: w.key, readable: r, writable: wr, hangup: r });
        } else {
            out.push(Event { key: w.key, readable: true, writable: true, hangup: self.style == Style::Kqueue });
        }
    }

    fn mail_waits(&self) -> Option<usize> {
        let (fd, key) = self.mailbox?;
        let mut b = [0u8; 1];
        // SAFETY: a live buffer of one byte; the descriptor is the mailbox of the worker that owns this kernel.
        let n = unsafe { libc::recv(fd, b.as_mut_ptr().cast(), 1, libc::MSG_PEEK | libc::MSG_DONTWAIT) };
        (n > 0).then_some(key)
    }

    fn call_made(&mut self) {
        self.tallies.calls += 1;
    }

    /// An injected reset of a connection that the proxy is using.
    fn maybe_reset(&mut self, link: usize) {
        if self.errors_at_will && self.rng.permille(self.faults.reset) && self.links[link].state == LinkState::Open {
            self.tallies.injected += 1;
            trace!(self, "  (network resets link {link})");
            self.happen(Ev::Rst { link, dir: TO_PROXY });
            self.at(1, Ev::Rst { link, dir: TO_PEER });
        }
    }
}

impl Sim {
    pub fn new(net: Net, world: World) -> Sim {
        Sim { net, actors: Vec::new(), world, batch: Vec::new() }
    }

    fn due(&mut self) {
        while let Some(Reverse((time, _, _))) = self.net.heap.peek() {
            if *time > self.net.now {
                return;
            }
            let Some(Reverse((_, _, ev))) = self.net.heap.pop() else { return };
            self.net.tallies.events += 1;
            self.net.acted = true;
            if let Some(a) = self.net.happen(ev) {
                let mut actor = std::mem::replace(&mut self.actors[a], Actor::Running);
                actor.run(a, &mut self.net, &mut self.world);
                self.actors[a] = actor;
            }
        }
    }

    fn collect(&mut self) {
        let mut batch = std::mem::take(&mut self.batch);
        batch.clear();
        if let Some(key) = self.net.mail_waits() {
            batch.push(Event { key, readable: true, ..Event::default() });
        }
        self.net.collect(&mut batch);
        self.net.spurious(&mut batch);
        self.batch = batch;
    }
}

impl Kernel for Sim {
    fn now_ms(&mut self) -> u64 {
        self.net.now
    }

    fn wall(&mut self) -> (i64, u32) {
        let ms = self.net.now as i64;
        (1_700_000_000 + ms / 1000, (ms % 1000) as u32 * 1000)
    }

    fn random(&mut self) -> u32 {
        self.net.rng.next() as u32
    }

    fn edge(&self) -> bool {
        self.net.style != Style::Poll
    }

    fn watch(&mut self, fd: Fd, key: usize) -> Result<(), IoError> {
        if fd < FD_BASE {
            self.net.mailbox = Some((fd, key));
            return Ok(());
        }
        self.net.call_made();
        if self.net.rng.permille(self.net.faults.watch) {
            self.net.tallies.injected += 1;
            return Err(IoError::NoMemory);
        }
        let d = self.net.desc(fd);
        assert!(d.watch.is_none(), "descriptor {fd} is watched twice");
        d.watch = Some(Watch { key, read: true, write: true, changed: (false, false) });
        let (r, w, h) = self.net.state(fd);
        if r || w || h {
            self.net.changed(fd, true, true);
        }
        Ok(())
    }

    fn watch_listener(&mut self, fd: Fd, key: usize) -> Result<(), IoError> {
        if self.net.rng.permille(self.net.faults.watch) {
            self.net.tallies.injected += 1;
            return Err(IoError::NoMemory);
        }
        let d = self.net.desc(fd);
        assert!(d.watch.is_none(), "listener {fd} is watched twice");
        d.watch = Some(Watch { key, read: true, write: false, changed: (false, false) });
        Ok(())
    }

    fn arm(&mut self, fd: Fd, _key: usize, read: bool, write: bool) {
        if fd < FD_BASE || self.edge() {
            return;
        }
        let w = self.net.desc(fd).watch.as_mut().expect("arm() of a descriptor that is not watched");
        (w.read, w.write) = (read, write);
    }

    fn unwatch(&mut self, fd: Fd) {
        self.net.desc(fd).watch = None;
    }

    fn wait(&mut self, timeout_ms: Option<u32>, each: &mut dyn FnMut(Event)) {
        self.net.tallies.rounds += 1;
        let before = self.net.now;
        let worked = std::mem::take(&mut self.net.acted);
        self.due();
        self.collect();
        if self.batch.is_empty() {
            let until = timeout_ms.map(|t| self.net.now + u64::from(t));
            loop {
                let next = self.net.heap.peek().map(|Reverse((t, _, _))| *t);
                match (next, until) {
                    (Some(t), u) if u.is_none_or(|u| t <= u) => {
                        self.net.now = self.net.now.max(t);
                        self.due();
                        self.collect();
                        if !self.batch.is_empty() {
                            break;
                        }
                    }
                    (_, Some(u)) => {
                        self.net.now = self.net.now.max(u);
                        break;
                    }
                    _ => {
                        self.net.out_of_events = true;
                        break;
                    }
                }
            }
        }
        if self.net.oversleeps && self.net.rng.percent(5) {
            self.net.now += self.net.rng.size(40) as u64; // the process did not get the processor at once
        }
        let idle = !worked && self.batch.is_empty();
        self.net.idle_rounds += u64::from(idle);
        self.net.idle_streak = if idle && before == self.net.now { self.net.idle_streak + 1 } else { 0 };
        assert!(self.net.idle_streak < 100, "busy loop: 100 rounds without event, time or progress");
        for e in std::mem::take(&mut self.batch) {
            trace!(
                self.net,
                "event {:?} r{} w{} h{}",
                key::parse(e.key),
                e.readable as u8,
                e.writable as u8,
                e.hangup as u8
            );
            each(e);
        }
    }

    fn accept(&mut self, listener: Fd) -> Result<(Fd, Addr), IoError> {
        self.net.call_made();
        let Kind::Listener(n) = self.net.desc(listener).kind else { panic!("accept on {listener}") };
        if self.net.rng.permille(self.net.faults.accept) {
            self.net.tallies.injected += 1;
            let e = self.net.rng.pick(&[
                IoError::NoDescriptor,
                IoError::NoMemory,
                IoError::Again,
                IoError::Closed,
                IoError::Other,
            ]);
            trace!(self.net, "accept -> {e:?}");
            return Err(e);
        }
        let Some(link) = self.net.listeners[n].queue.pop_front() else { return Err(IoError::Again) };
        let fd = self.net.open(Kind::Sock(link));
        self.net.links[link].fd = Some(fd);
        self.net.acted = true;
        self.net.tallies.accepted += 1;
        trace!(self.net, "accept -> fd {fd} link {link}");
        Ok((fd, self.net.links[link].addr))
    }

    fn local_addr(&mut self, fd: Fd) -> Addr {
        let l = self.net.link_of(fd);
        match self.net.links[l].listener {
            Some(n) => self.net.listeners[n].addr,
            None => Addr::V4([10, 0, 0, 1], 30_000 + (l % 30_000) as u16),
        }
    }

    fn connect(&mut self, to: &Target, _with: &ConnectOptions) -> Result<(Fd, bool), IoError> {
        self.net.call_made();
        self.net.acted = true;
        self.net.tallies.connects += 1;
        let Target::Inet(addr) = to else { panic!("no unix sockets here") };
        let origin = self.world.origin_at(*addr).unwrap_or_else(|| panic!("no server at {addr:?}"));
        let bad = self.net.faults.connect;
        if self.net.rng.permille(bad / 3) {
            self.net.tallies.injected += 1;
            let e = self.net.rng.pick(&[
                IoError::NoDescriptor,
                IoError::NoMemory,
                IoError::InUse,
                IoError::Unreachable,
                IoError::Refused,
            ]);
            trace!(self.net, "connect -> {e:?}");
            return Err(e);
        }
        let actor = self.actors.len();
        let link = self.net.new_link(actor, *addr, None);
        let fd = self.net.open(Kind::Sock(link));
        self.net.links[link].fd = Some(fd);
        let on = Actor::origin(&mut self.net, &self.world, origin, link);
        self.actors.push(on);
        let delay = self.net.delay(link) * 2;
        let down = self.world.origin_down(origin, self.net.now - self.net.epoch);
        let outcome = if down {
            1
        } else if self.net.rng.permille(bad) {
            self.net.tallies.injected += 1;
            self.net.rng.range(1, 3)
        } else {
            0
        };
        match outcome {
            0 if self.net.rng.percent(20) => {
                self.net.links[link].state = LinkState::Open;
                self.net.at(0, Ev::Actor(actor));
                trace!(self.net, "connect -> fd {fd} link {link} server {origin}, at once");
                return Ok((fd, true));
            }
            0 => self.net.at(delay, Ev::Established(link)),
            1 => self.net.at(delay, Ev::ConnectFails(link, 0)),
            2 => self.net.at(delay + 20, Ev::ConnectFails(link, 2)),
            // Packets are lost: the kernel gives up after two minutes, or it works after all.
            _ if self.net.rng.percent(50) => self.net.at(127_000, Ev::ConnectFails(link, 1)),
            _ => {
                let d = self.net.rng.range(900, 8000) as u64;
                self.net.at(d, Ev::Established(link));
            }
        }
        trace!(self.net, "connect -> fd {fd} link {link} server {origin}, outcome {outcome}");
        Ok((fd, false))
    }

    fn connected(&mut self, fd: Fd) -> Result<(), IoError> {
        self.net.call_made();
        let l = self.net.link_of(fd);
        match self.net.links[l].state {
            LinkState::Open => Ok(()),
            LinkState::Opening => Err(IoError::Again),
            LinkState::Failed(e) => Err(e),
        }
    }

    fn recv(&mut self, fd: Fd, buf: &mut [u8]) -> Result<usize, IoError> {
        self.net.call_made();
        assert!(!buf.is_empty(), "recv into no room");
        let link = self.net.link_of(fd);
        self.net.maybe_reset(link);
        let n = self.net.take_in(fd, link, buf.len())?;
        if n > 0 {
            let way = &mut self.net.links[link].ways[TO_PROXY];
            buf[..n].copy_from_slice(way.bytes.front(n));
            self.net.taken(link, n);
        }
        trace!(self.net, "recv fd {fd} link {link} -> {n}");
        Ok(n)
    }

    fn peek(&mut self, fd: Fd, buf: &mut [u8]) -> Result<usize, IoError> {
        let link = self.net.link_of(fd);
        let n = self.net.take_in(fd, link, buf.len())?;
        buf[..n].copy_from_slice(self.net.links[link].ways[TO_PROXY].bytes.front(n));
        Ok(n)
    }

    fn send(&mut self, fd: Fd, buf: &[u8], _more: bool) -> Result<usize, IoError> {
        self.net.call_made();
        assert!(!buf.is_empty(), "send of nothing");
        let link = self.net.link_of(fd);
        self.net.maybe_reset(link);
        let n = self.net.room_out(fd, link, buf.len())?;
        self.net.put_out(link, &buf[..n]);
        trace!(self.net, "send fd {fd} link {link} {} -> {n}", buf.len());
        Ok(n)
    }

    fn shutdown_write(&mut self, fd: Fd) {
        let link = self.net.link_of(fd);
        trace!(self.net, "shutdown fd {fd} link {link}");
        self.net.fin(link, TO_PEER);
    }

    fn set_reset_on_close(&mut self, fd: Fd) {
        let link = self.net.link_of(fd);
        self.net.links[link].linger0 = true;
    }

    fn set_nodelay(&mut self, fd: Fd) {
        self.net.link_of(fd);
    }

    fn delay_ack(&mut self, fd: Fd) {
        self.net.link_of(fd);
    }

    fn set_keepalive(&mut self, fd: Fd) {
        self.net.link_of(fd);
    }

    fn close(&mut self, fd: Fd) {
        self.net.call_made();
        self.net.acted = true;
        let d = self.net.desc(fd);
        let (kind, watch) = (d.kind, d.watch);
        if let Some(w) = watch
            && self.net.stale_keys.len() < 32
        {
            self.net.stale_keys.push(w.key);
        }
        self.net.descs[(fd - FD_BASE) as usize] = None;
        match kind {
            Kind::Listener(_) => panic!("a worker closes a listener"),
            Kind::PipeRead(p) | Kind::PipeWrite(p) => self.net.pipes[p].ends -= 1,
            Kind::Sock(link) => {
                let l = &mut self.net.links[link];
                l.fd = None;
                l.proxy_closed = true;
                let unread = l.ways[TO_PROXY].bytes.len() > 0 || l.linger0;
                trace!(self.net, "close fd {fd} link {link}{}", if unread { ", reset" } else { "" });
                if l.state == LinkState::Open && !l.ways[TO_PROXY].reset {
                    if unread {
                        self.net.rst(link, TO_PEER);
                    } else {
                        self.net.fin(link, TO_PEER);
                    }
                } else if l.listener.is_none() {
                    // Never established, or reset: the server sees the end of it at once.
                    self.net.happen(Ev::Rst { link, dir: TO_PEER });
                    let actor = self.net.links[link].actor;
                    self.net.at(0, Ev::Actor(actor));
                }
                let way = &mut self.net.links[link].ways[TO_PROXY];
                way.bytes.clear();
                way.avail = 0;
                if std::mem::take(&mut way.blocked) {
                    let actor = self.net.links[link].actor;
                    self.net.at(0, Ev::Actor(actor));
                }
            }
        }
    }

    fn pipe(&mut self, _size: u32) -> Result<Pipe, IoError> {
        self.net.call_made();
        if self.net.rng.permille(self.net.faults.pipe) {
            self.net.tallies.injected += 1;
            return Err(IoError::NoDescriptor);
        }
        let p = self.net.pipes.len();
        self.net.pipes.push(PipeBuf { bytes: Fifo::default(), ends: 2 });
        Ok(Pipe { read: self.net.open(Kind::PipeRead(p)), write: self.net.open(Kind::PipeWrite(p)) })
    }

    fn splice_in(&mut self, from: Fd, pipe: Pipe, max: usize) -> Result<usize, IoError> {
        self.net.call_made();
        let link = self.net.link_of(from);
        let Kind::PipeWrite(p) = self.net.desc(pipe.write).kind else { panic!("splice into no pipe") };
        if self.net.links[link].no_splice {
            return Err(IoError::Other);
        }
        self.net.maybe_reset(link);
        let room = self.net.pipe_cap - self.net.pipes[p].bytes.len();
        if room == 0 {
            return Err(IoError::Again);
        }
        let n = self.net.take_in(from, link, max.min(room))?;
        if n > 0 {
            let data = self.net.links[link].ways[TO_PROXY].bytes.front(n).to_vec();
            self.net.pipes[p].bytes.put(&data);
            self.net.taken(link, n);
        }
        self.net.tallies.spliced += n as u64;
        trace!(self.net, "splice in fd {from} link {link} -> {n}");
        Ok(n)
    }

    fn splice_out(&mut self, pipe: Pipe, to: Fd, max: usize, _more: bool) -> Result<usize, IoError> {
        self.net.call_made();
        let link = self.net.link_of(to);
        let Kind::PipeRead(p) = self.net.desc(pipe.read).kind else { panic!("splice out of no pipe") };
        let have = self.net.pipes[p].bytes.len().min(max);
        assert!(have > 0, "splice out of an empty pipe");
        self.net.maybe_reset(link);
        let n = self.net.room_out(to, link, have)?;
        let data = self.net.pipes[p].bytes.front(n).to_vec();
        self.net.pipes[p].bytes.skip(n);
        self.net.put_out(link, &data);
        trace!(self.net, "splice out fd {to} link {link} {have} -> {n}");
        Ok(n)
    }

    fn log_send(&mut self, sink: Fd, line: &[u8]) -> Result<(), IoError> {
        assert!(sink == LOG_FD && line.ends_with(b"\n"), "a log line: {:?}", String::from_utf8_lossy(line));
        self.net.tallies.log_lines += 1;
        trace!(self.net, "log {}", String::from_utf8_lossy(&line[..line.len() - 1]));
        if self.net.rng.permille(self.net.faults.again) { Err(IoError::Again) } else { Ok(()) }
    }
}

impl Net {
    /// How much of a connection's input a call gets.
    fn take_in(&mut self, fd: Fd, link: usize, max: usize) -> Result<usize, IoError> {
        let again = self.rng.permille(self.faults.again);
        let short = self.rng.permille(self.faults.short);
        let l = &mut self.links[link];
        match l.state {
            LinkState::Failed(_) => return Err(IoError::Closed),
            LinkState::Opening if l.listener.is_none() => return Err(IoError::Again),
            _ => {}
        }
        let way = &mut l.ways[TO_PROXY];
        if way.avail > 0 {
            if again {
                self.kick(fd, true);
                return Err(IoError::Again);
            }
            let mut n = way.avail.min(max);
            if short && n > 1 {
                n = self.rng.range(1, n - 1);
                self.kick(fd, true);
            }
            return Ok(n);
        }
        if way.reset && !way.reset_told {
            way.reset_told = true;
            trace!(self, "recv fd {fd} link {link} -> reset");
            return Err(IoError::Closed);
        }
        if way.reset || way.fin_here {
            return Ok(0);
        }
        trace!(self, "recv fd {fd} link {link} -> nothing");
        Err(IoError::Again)
    }

    fn taken(&mut self, link: usize, n: usize) {
        let l = &mut self.links[link];
        l.ways[TO_PROXY].bytes.skip(n);
        l.ways[TO_PROXY].avail -= n;
        let (actor, client) = (l.actor, l.listener.is_some_and(|n| self.listeners[n].counted));
        if std::mem::take(&mut l.ways[TO_PROXY].blocked) {
            self.at(0, Ev::Actor(actor));
        }
        if client {
            self.tallies.read_from_clients += n as u64;
        }
        self.acted = true;
    }

    fn room_out(&mut self, fd: Fd, link: usize, wanted: usize) -> Result<usize, IoError> {
        let l = &self.links[link];
        // A few bytes fit into any connection that carried none yet.
        let fresh = l.ways[TO_PEER].last_at == 0 && wanted < 110;
        let again = !fresh && self.rng.permille(self.faults.again);
        let short = !fresh && self.rng.permille(self.faults.short);
        let l = &mut self.links[link];
        match l.state {
            LinkState::Failed(_) => return Err(IoError::Closed),
            LinkState::Opening if l.listener.is_none() => return Err(IoError::Again),
            _ => {}
        }
        if l.ways[TO_PROXY].reset {
            l.ways[TO_PROXY].reset_told = true;
            trace!(self, "send fd {fd} link {link} -> reset");
            return Err(IoError::Closed);
        }
        assert!(!l.ways[TO_PEER].fin_sent, "the proxy sends on fd {fd} after it closed that direction");
        let way = &mut l.ways[TO_PEER];
        let room = way.cap.saturating_sub(way.bytes.len());
        if room == 0 || again {
            if room == 0 {
                way.blocked = true;
            } else {
                self.kick(fd, false);
            }
            return Err(IoError::Again);
        }
        let mut n = wanted.min(room);
        if n < wanted {
            way.blocked = true;
        } else if short && n > 1 {
            n = self.rng.range(1, n - 1);
            self.kick(fd, false);
        }
        Ok(n)
    }

    fn put_out(&mut self, link: usize, data: &[u8]) {
        self.acted = true;
        let l = &mut self.links[link];
        if l.listener.is_some_and(|n| self.listeners[n].counted) {
            self.tallies.sent_to_clients += data.len() as u64;
        }
        if l.peer_closed {
            self.rst(link, TO_PROXY);
            return;
        }
        l.ways[TO_PEER].bytes.put(data);
        self.fly(link, TO_PEER, data.len());
    }
}
