//! Processes around the workers: going to the background (`-D`), and the master that replaces its worker without losing a
//! connection (`-W`, SIGUSR2).
//!
//! Both start this program again with the listening sockets inherited, and wait for its "ready" on a pipe. The master binds the
//! sockets itself and keeps them, so that no reload ever closes one that is still wanted. A new worker that cannot start is reported,
//! and the old one goes on.

use crate::reload::{self, Child, Sockets};
use crate::sys::{process, signal};
use rustix::event::{PollFd, PollFlags, poll};

/// Set for the process that a master or a starting daemon began.
pub const ROLE: &str = "EVENKEEL_ROLE";

/// What this process was started as.
pub fn role() -> String {
    std::env::var(ROLE).unwrap_or_default()
}

/// Starts the background process and returns the exit code for the foreground.
pub fn daemonize(args: &[String]) -> i32 {
    match reload::spawn(args, &[(ROLE, "daemon")], &reload::inherited(), &inherited_by_number()) {
        Ok(mut child) => i32::from(!child.wait_ready()),
        Err(e) => {
            eprintln!("cannot start the background process: {e}");
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

/// What the master asks of the program's main part: the configuration's sockets, opened, or what is wrong with it (reported).
pub trait Loader {
    /// Loads the configuration and opens its sockets, using those already open.
    fn load(&mut self, known: &Sockets) -> Option<Sockets>;
}

/// The master's life. Returns its exit code.
pub fn run(args: &[String], loader: &mut dyn Loader, notify: bool, old: &[i32]) -> i32 {
    let wanted = [signal::SIGTERM, signal::SIGINT, signal::SIGUSR1, signal::SIGUSR2, signal::SIGHUP, signal::SIGCHLD];
    let Ok(signals) = signal::catch(&wanted) else { return 1 };
    let passed = inherited_by_number();
    let mut master = Master { args, loader, passed, sockets: reload::inherited(), workers: Vec::new() };
    if !master.reload() {
        return 1;
    }
    old.iter().for_each(|pid| _ = process::kill(*pid, signal::SIGUSR1));
    reload::say_ready();
    if notify {
        reload::notify_systemd("READY=1");
    }
    loop {
        let mut fds = [PollFd::new(&signals, PollFlags::IN)];
        let _ = poll(&mut fds, None);
        let mut got = Vec::new();
        signal::take(signal::number(&signals), |s| got.push(s));
        for s in got {
            if let Some(code) = master.signal(s, notify) {
                return code;
            }
        }
    }
}

struct Master<'a> {
    args: &'a [String],
    loader: &'a mut dyn Loader,
    passed: Vec<i32>,
    sockets: Sockets,
    /// The newest last; the others are finishing.
    workers: Vec<Child>,
}

impl Master<'_> {
    /// Starts a worker with the present configuration; the one before is told to finish once the new one is ready.
    fn reload(&mut self) -> bool {
        let Some(sockets) = self.loader.load(&self.sockets) else { return false };
        let args: Vec<String> = without_old_pids(self.args);
        let mut child = match reload::spawn(&args, &[(ROLE, "worker")], &sockets, &self.passed) {
            Ok(child) => child,
            Err(e) => {
                eprintln!("cannot start a worker: {e}");
                return self.keep_old(&sockets);
            }
        };
        if !child.wait_ready() {
            let _ = child.process.wait();
            eprintln!("[WARNING]  ({}) : the new worker could not start, the old one goes on", std::process::id());
            return self.keep_old(&sockets);
        }
        for old in &self.workers {
            process::kill(old.process.id() as i32, signal::SIGUSR1);
        }
        for (name, fd) in std::mem::take(&mut self.sockets) {
            if !sockets.iter().any(|s| s.1 == fd) {
                let _ = name;
                process::close(fd);
            }
        }
        self.sockets = sockets;
        self.workers.push(child);
        true
    }

    /// Closes what was opened for a worker that did not start.
    fn keep_old(&mut self, new: &Sockets) -> bool {
        for (_, fd) in new {
            if !self.sockets.iter().any(|s| s.1 == *fd) {
                process::close(*fd);
            }
        }
        false
    }

    /// Returns the exit code when the master is to end.
    fn signal(&mut self, s: i32, notify: bool) -> Option<i32> {
        match s {
            signal::SIGUSR2 | signal::SIGHUP => {
                if notify {
                    reload::notify_systemd("RELOADING=1");
                }
                self.reload();
                if notify {
                    reload::notify_systemd("READY=1");
                }
                None
            }
            signal::SIGCHLD => self.reap(),
            signal::SIGUSR1 => {
                self.sockets.drain(..).for_each(|s| process::close(s.1));
                self.tell(signal::SIGUSR1);
                None
            }
            _ => {
                self.tell(signal::SIGTERM);
                for w in &mut self.workers {
                    let _ = w.process.wait();
                }
                Some(0)
            }
        }
    }

    fn tell(&self, s: i32) {
        for w in &self.workers {
            process::kill(w.process.id() as i32, s);
        }
    }

    /// A worker ended: an old one was expected to; without the newest there is no service, and whoever watches us must know.
    fn reap(&mut self) -> Option<i32> {
        let newest = self.workers.last().map(|w| w.process.id());
        let mut lost = None;
        self.workers.retain_mut(|w| match w.process.try_wait() {
            Ok(Some(status)) => {
                if Some(w.process.id()) == newest {
                    lost = Some(status);
                }
                false
            }
            _ => true,
        });
        let status = lost?;
        self.tell(signal::SIGTERM);
        if status.success() {
            return Some(0);
        }
        eprintln!("[ALERT]    ({}) : the worker ended unexpectedly ({status}), so does the master", std::process::id());
        Some(status.code().unwrap_or(1))
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
