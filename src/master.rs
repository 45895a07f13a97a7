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

use crate::reload::{self, Child, Replaced, Sockets};
use crate::sys::{process, signal};
use rustix::event::{PollFd, PollFlags, poll};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;

/// Set for the process that a master or a starting daemon began.
pub const ROLE: &str = "EVENKEEL_ROLE";

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
            eprintln!("[ALERT]    ({}) : cannot start the background process: {e}", std::process::id());
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
}

/// The master's life. Returns its exit code.
pub fn run(args: &[String], env: &mut dyn Environment, replaced: Replaced) -> i32 {
    let wanted = [signal::SIGTERM, signal::SIGINT, signal::SIGUSR1, signal::SIGUSR2, signal::SIGHUP, signal::SIGCHLD];
    let Ok(signals) = signal::catch(&wanted) else { return 1 };
    let mut master = Master {
        program: reload::program(),
        args: without_old_pids(args),
        env,
        replaced: Some(replaced),
        passed: inherited_by_number(),
        sockets: reload::inherited(),
        starting: None,
        again: false,
        workers: Vec::new(),
        current: None,
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

struct Master<'a> {
    program: PathBuf,
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
    workers: Vec<Child>,
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
                say("ALERT", &format!("cannot start a worker: {e}"));
                self.keep_old(&sockets);
            }
        }
    }

    /// The new worker is ready, and the one before is told to finish; or it has given up.
    fn started(&mut self) {
        let Some((mut child, sockets)) = self.starting.take() else { return };
        if !child.wait_ready() {
            if let (Ok(status), None) = (child.process.wait(), self.current) {
                self.lost = code(status);
            }
            self.keep_old(&sockets);
        } else if self.ending.is_some() {
            self.workers.push(child); // was told already
        } else {
            self.tell(signal::SIGUSR1);
            let dropped = self.sockets.iter().filter(|s| !sockets.iter().any(|new| new.1 == s.1));
            dropped.for_each(|s| process::close(s.1));
            self.sockets = sockets;
            self.current = Some(child.pid());
            self.workers.push(child);
            self.env.notify("READY=1");
            match self.replaced.take() {
                Some(replaced) => {
                    replaced.tell(|_| true);
                    self.env.ready();
                }
                None => say("NOTICE", &format!("reloaded, the new worker is {}", self.current.unwrap_or(0))),
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
            say("WARNING", "the new worker could not start, the old one goes on");
            self.env.notify("READY=1");
        }
    }

    fn signal(&mut self, s: i32) {
        match s {
            signal::SIGUSR2 | signal::SIGHUP if self.ending.is_some() => {}
            signal::SIGUSR2 | signal::SIGHUP if self.starting.is_some() => self.again = true,
            signal::SIGUSR2 | signal::SIGHUP => {
                self.env.notify("RELOADING=1");
                self.reload();
            }
            signal::SIGCHLD => {} // looked after in every round: it may have come before a worker was counted
            signal::SIGUSR1 => self.end(0, signal::SIGUSR1),
            _ => self.end(0, signal::SIGTERM),
        }
    }

    /// Ends all workers; the master follows the last of them.
    fn end(&mut self, code: i32, s: i32) {
        self.env.notify("STOPPING=1");
        self.ending.get_or_insert(code);
        if let Some((child, sockets)) = &mut self.starting {
            process::kill(child.pid(), signal::SIGTERM);
            let given = std::mem::take(sockets);
            self.keep_old(&given);
        }
        self.sockets.drain(..).for_each(|s| process::close(s.1));
        self.tell(s);
    }

    fn tell(&self, s: i32) {
        self.workers.iter().for_each(|w| _ = process::kill(w.pid(), s));
    }

    fn reap(&mut self) {
        let (current, lost) = (&mut self.current, &mut self.lost);
        self.workers.retain_mut(|w| {
            let Ok(Some(status)) = w.process.try_wait() else { return true };
            if *current == Some(w.pid()) {
                *current = None;
                *lost = code(status);
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
            say("ALERT", &format!("the worker ended unexpectedly (code {}), so does the master", self.lost));
        }
        self.end(self.lost, signal::SIGTERM);
    }
}

/// As a shell shows it: a signal as 128 and its number.
fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

fn say(level: &str, message: &str) {
    eprintln!("{:10} ({}) : {message}", format!("[{level}]"), std::process::id());
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
