//! Processes around the workers: going to the background (`-D`), and the master that replaces its worker without losing a
//! connection (`-W`, SIGUSR2).
//!
//! Both start this program again with the listening sockets inherited, and wait for its "ready" on a pipe. The master binds the
//! sockets itself and keeps them, so that no reload ever closes one that is still wanted. A new worker that cannot start is reported,
//! and the old one goes on.
//!
//! ```text
//!               load fails                                        the worker died
//!                 +----+                                   +------------------------------+
//!                 |    v         ready                     |                              v
//! start --> [one starting] ------------------> [one serves, older ones finish] --> [all are ending] --> exit
//!                 ^                                        |        SIGTERM, SIGINT, SIGUSR1
//!                 +----------------------------------------+
//!                            SIGUSR2, SIGHUP
//! ```
//!
//! When the program's file was replaced meanwhile (an upgrade), a reload first has the new program check the configuration, and then
//! the master becomes the new program: same process, same children, the sockets inherited. That one starts the worker.

use crate::reload::{self, Child, Replaced, Sockets};
use crate::sys::{process, program, signal};
use rustix::event::{PollFd, PollFlags, poll};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Set for the process that a master or a starting daemon began.
pub const ROLE: &str = "EVENKEEL_ROLE";

/// The role of a master that became a new program, and its workers: the one that serves (0: none), then the others.
pub const AGAIN: &str = "master";
const WORKERS: &str = "EVENKEEL_WORKERS";

/// What this process was started as.
pub fn role() -> String {
    std::env::var(ROLE).unwrap_or_default()
}

/// Starts the background process and returns the exit code for the foreground.
pub fn daemonize(args: &[String]) -> i32 {
    let program = reload::program();
    match reload::spawn(&program, args, (ROLE, "daemon"), &reload::inherited(), &inherited_by_number()) {
        Ok(mut child) => i32::from(!child.wait_ready()),
        Err(e) => {
            crate::util::say::err(format_args!(
                "[ALERT]    ({}) : cannot start the background process: {e}\n",
                std::process::id()
            ));
            1
        }
    }
}

/// Descriptors from 3 on that we were given (`fd@N` in the configuration): passed on as they are.
fn inherited_by_number() -> Vec<i32> {
    let mut fds: Vec<i32> = Vec::new();
    for dir in ["/proc/self/fd", "/dev/fd"] {
        if let Ok(entries) = std::fs::read_dir(dir) {
            fds = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).filter(|n| *n > 2).collect();
            break;
        }
    }
    fds.retain(|n| process::is_passed_on(*n));
    fds
}

/// What the master asks of the program's main part.
pub trait Environment {
    /// Loads the configuration and opens its sockets, using those already open or of the processes `old`; None when that cannot be
    /// done (and was reported).
    fn load(&mut self, known: &Sockets, old: &[i32]) -> Option<Sockets>;
    /// The first worker serves.
    fn ready(&mut self);
    /// Tells the service manager, if it asks.
    fn notify(&self, state: &str);
    /// Says something to whoever reads what this process says.
    fn say(&mut self, level: &str, message: &str);
}

/// What a master catches.
const SIGNALS: [i32; 6] =
    [signal::SIGTERM, signal::SIGINT, signal::SIGUSR1, signal::SIGUSR2, signal::SIGHUP, signal::SIGCHLD];

/// The master's life. Returns its exit code.
pub fn run(args: &[String], env: &mut dyn Environment, replaced: Replaced) -> i32 {
    let Ok(signals) = signal::catch(&SIGNALS) else { return 1 };
    signal::let_in(&SIGNALS);
    let again = role() == AGAIN;
    let sockets = reload::inherited();
    let mut passed = inherited_by_number();
    passed.retain(|fd| !sockets.iter().any(|s| s.1 == *fd));
    let left = std::env::var(WORKERS).unwrap_or_default();
    let mut left = left.split(' ').filter_map(|pid| pid.parse::<i32>().ok()).filter(|_| again);
    let current = left.next().filter(|pid| *pid > 0);
    let program = reload::program();
    let mut master = Master {
        stamp: stamp(&program),
        program,
        args: without_old_pids(args),
        env,
        replaced: (!again).then_some(replaced),
        passed,
        sockets,
        starting: None,
        again: false,
        workers: current.into_iter().chain(left).collect(),
        current,
        lost: 1,
        ending: None,
    };
    master.reload();
    loop {
        master.look_after();
        if let Some(code) = master.ending.filter(|_| master.workers.is_empty() && master.starting.is_none()) {
            return code;
        }
        let mut fds = vec![PollFd::new(&signals, PollFlags::IN)];
        fds.extend(master.starting.iter().map(|(child, _)| PollFd::from_borrowed_fd(child.ready_fd(), PollFlags::IN)));
        let _ = poll(&mut fds, None);
        let started = fds.get(1).is_some_and(|fd| !fd.revents().is_empty());
        signal::take(signal::number(&signals), |s| master.signal(s));
        if started {
            master.started();
        }
    }
}

/// What tells one file from another that took its place.
type Stamp = (u64, u64, i64, i64, u64);

fn stamp(file: &Path) -> Option<Stamp> {
    std::fs::metadata(file).ok().map(|m| (m.dev(), m.ino(), m.mtime(), m.mtime_nsec(), m.size()))
}

struct Master<'a> {
    program: PathBuf,
    /// Of the program's file when this process began.
    stamp: Option<Stamp>,
    args: Vec<String>,
    env: &'a mut dyn Environment,
    /// The processes to end when the first worker serves.
    replaced: Option<Replaced>,
    passed: Vec<i32>,
    sockets: Sockets,
    /// The worker that is not ready yet, and the sockets that it was given.
    starting: Option<(Child, Sockets)>,
    /// Another reload was asked for meanwhile.
    again: bool,
    /// The one that serves, and those that finish.
    workers: Vec<i32>,
    current: Option<i32>,
    /// How the one that served ended.
    lost: i32,
    /// Set when all are to end: the exit code.
    ending: Option<i32>,
}

impl Master<'_> {
    /// Begins to start a worker with the present configuration.
    fn reload(&mut self) {
        let old = self.replaced.as_ref().map(Replaced::pids).unwrap_or_default();
        let Some(sockets) = self.env.load(&self.sockets, &old) else { return self.keep_old(&Vec::new()) };
        match reload::spawn(&self.program, &self.args, (ROLE, "worker"), &sockets, &self.passed) {
            Ok(child) => self.starting = Some((child, sockets)),
            Err(e) => {
                self.env.say("ALERT", &format!("cannot start a worker: {e}"));
                self.keep_old(&sockets);
            }
        }
    }

    /// The new worker is ready, and the one before is told to finish; or it has given up.
    fn started(&mut self) {
        let Some((mut child, sockets)) = self.starting.take() else { return };
        if !child.wait_ready() {
            let code = program::wait(child.pid);
            if self.current.is_none() {
                self.lost = code;
            }
            self.keep_old(&sockets);
        } else if self.ending.is_some() {
            self.workers.push(child.pid); // was told already
        } else {
            self.tell(signal::SIGUSR1);
            let dropped = self.sockets.iter().filter(|s| !sockets.iter().any(|new| new.1 == s.1));
            dropped.for_each(|s| process::close(s.1));
            self.sockets = sockets;
            self.current = Some(child.pid);
            self.workers.push(child.pid);
            self.env.notify("READY=1");
            match self.replaced.take() {
                Some(replaced) => {
                    replaced.tell(|_| true);
                    self.env.ready();
                }
                None => self.env.say("NOTICE", &format!("reloaded, the new worker is {}", self.current.unwrap_or(0))),
            }
        }
        if std::mem::take(&mut self.again) && self.ending.is_none() {
            self.reload();
        }
    }

    /// Closes what was opened for a worker that did not start.
    fn keep_old(&mut self, new: &Sockets) {
        new.iter().filter(|s| !self.sockets.iter().any(|old| old.1 == s.1)).for_each(|s| process::close(s.1));
        if self.current.is_some() && self.ending.is_none() {
            self.env.say("WARNING", "the new worker could not start, the old one goes on");
            self.env.notify("READY=1");
        }
    }

    fn signal(&mut self, s: i32) {
        match s {
            signal::SIGUSR2 | signal::SIGHUP if self.ending.is_some() => {}
            signal::SIGUSR2 | signal::SIGHUP if self.starting.is_some() => self.again = true,
            signal::SIGUSR2 | signal::SIGHUP => {
                self.env.notify("RELOADING=1");
                if self.is_replaced() && !self.become_new() {
                    self.keep_old(&Vec::new());
                } else {
                    self.reload();
                }
            }
            signal::SIGCHLD => {} // looked after in every round: it may have come before a worker was counted
            signal::SIGUSR1 => self.end(0, signal::SIGUSR1),
            _ => self.end(0, signal::SIGTERM),
        }
    }

    /// Another file has the name of our program.
    fn is_replaced(&self) -> bool {
        let now = stamp(&self.program);
        now.is_some() && now != self.stamp
    }

    /// Becomes the program that is under our name now, once it has found the configuration right: it starts the worker. False when
    /// it does not want to or cannot; whether it returns true, nobody knows.
    fn become_new(&mut self) -> bool {
        match self.check_new() {
            Ok((0, _)) => {}
            Ok((code, said)) => {
                said.lines().for_each(|l| self.env.say("", l));
                self.env.say("ALERT", &format!("the new program does not take the configuration (code {code})"));
                return false;
            }
            Err(e) => {
                self.env.say("ALERT", &format!("the new program cannot be started: {e}"));
                return false;
            }
        }
        self.env.say("NOTICE", "the program was replaced, the master becomes the new one");
        let others = self.workers.iter().filter(|pid| Some(**pid) != self.current);
        let workers: Vec<String> = [self.current.unwrap_or(0)].iter().chain(others).map(i32::to_string).collect();
        let mut env = reload::hand_over(&self.sockets);
        env.push((ROLE, AGAIN.into()));
        env.push((WORKERS, workers.join(" ")));
        let fds = || self.sockets.iter().map(|s| s.1).chain(self.passed.iter().copied());
        // Signals that come now are for the new program.
        signal::keep_out(&SIGNALS);
        fds().for_each(|fd| process::keep_over_exec(fd, true));
        let e = program::become_program(&self.program, &self.args, &env);
        fds().for_each(|fd| process::keep_over_exec(fd, false));
        signal::let_in(&SIGNALS);
        self.env.say("ALERT", &format!("the new program cannot be started: {e}"));
        false
    }

    /// Has the program that is under our name now check the configuration: its exit code, and what it said.
    fn check_new(&self) -> std::io::Result<(i32, String)> {
        let (mut errors, write) = std::io::pipe()?;
        let args = [&self.args[..], &["-c".to_string()]].concat();
        let pid = program::start(&self.program, &args, &[(ROLE, AGAIN.into())], Some(write.as_raw_fd()))?;
        drop(write);
        let mut said = Vec::new();
        let _ = errors.read_to_end(&mut said);
        Ok((program::wait(pid), String::from_utf8_lossy(&said).into_owned()))
    }

    /// Ends all workers; the master follows the last of them.
    fn end(&mut self, code: i32, s: i32) {
        self.env.notify("STOPPING=1");
        self.ending.get_or_insert(code);
        if let Some((child, sockets)) = &mut self.starting {
            process::kill(child.pid, signal::SIGTERM);
            let given = std::mem::take(sockets);
            self.keep_old(&given);
        }
        self.sockets.drain(..).for_each(|s| process::close(s.1));
        self.tell(s);
    }

    fn tell(&self, s: i32) {
        self.workers.iter().for_each(|pid| _ = process::kill(*pid, s));
    }

    fn reap(&mut self) {
        let (current, lost) = (&mut self.current, &mut self.lost);
        self.workers.retain(|pid| {
            let Some(code) = program::reap(*pid) else { return true };
            if *current == Some(*pid) {
                *current = None;
                *lost = code;
            }
            false
        });
    }

    /// Without a worker there is no service, and whoever watches us must know.
    fn look_after(&mut self) {
        self.reap();
        if self.current.is_some() || self.starting.is_some() || self.ending.is_some() {
            return;
        }
        if self.replaced.is_none() {
            self.env.say("ALERT", &format!("the worker ended unexpectedly (code {}), so does the master", self.lost));
        }
        self.end(self.lost, signal::SIGTERM);
    }
}

/// The arguments for a worker: the processes to replace are the master's business.
fn without_old_pids(args: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut skipping = false;
    for a in args {
        if a == "-sf" || a == "-st" {
            skipping = true;
        } else if !(skipping && a.parse::<i32>().is_ok()) {
            skipping = false;
            kept.push(a.clone());
        }
    }
    kept
}
