//! Handing listening sockets from process to process, and telling the parent when one is ready.
//!
//! A process finds its sockets, in this order: inherited from the master (environment), taken from the processes that it replaces
//! (`-sf`, `-st`; Linux 5.6), or bound anew, beside a replaced process whose socket it may not take. Only when all are there, and its
//! workers run, does it tell the old ones to finish: a new process that cannot start disturbs nothing.

use crate::model::{Config, Listener};
use crate::sys::listen::{self, Bound, Place};
use crate::sys::{Fd, process, program, signal};
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};

/// `address=descriptor` pairs, separated by spaces.
const SOCKETS: &str = "EVENKEEL_SOCKETS";
/// The descriptor on which a child says that it is ready.
const READY: &str = "EVENKEEL_READY_FD";

/// Listening sockets by what they are bound to.
pub type Sockets = Vec<(String, Fd)>;

/// What names a socket across a reload: its address and what cannot be changed later.
fn name(l: &Listener) -> Option<String> {
    match &l.place {
        Place::Inherited(_) => None,
        Place::At(t) => Some(format!("{t}|{}", l.options.interface.as_deref().unwrap_or("")).replace(' ', "_")),
    }
}

/// The sockets that the parent left us; forgotten by our own children.
pub fn inherited() -> Sockets {
    let list = std::env::var(SOCKETS).unwrap_or_default();
    list.split(' ')
        .filter_map(|pair| pair.rsplit_once('='))
        .filter_map(|(n, fd)| Some((n.to_string(), fd.parse().ok()?)))
        .collect()
}

/// Opens the sockets of all listeners, in their order. All failures are reported, and then nothing stays open that was not before,
/// no client was let in, and no path of a unix socket was touched: first all are bound, then all listen, then paths change.
pub fn open_all(config: &Config, known: &Sockets, old: &[i32]) -> Result<Vec<Fd>, Vec<String>> {
    let listeners = &config.listeners;
    let bound = each(listeners, listeners, |l, _| {
        let kept = name(l).and_then(|n| known.iter().find(|k| k.0 == n));
        match kept {
            Some((_, fd)) => Bound::kept(*fd, &l.place, &l.options),
            None => listen::bind(&l.place, &l.options, old),
        }
    })?;
    each(listeners, &bound, |l, b| b.listen(&l.options))?;
    each(listeners, bound, |_, b| b.publish())
}

/// Does one step for every listener; all failures are reported.
fn each<T, U>(
    listeners: &[Listener],
    with: impl IntoIterator<Item = T>,
    step: impl Fn(&Listener, T) -> Result<U, String>,
) -> Result<Vec<U>, Vec<String>> {
    let (mut done, mut errors) = (Vec::new(), Vec::new());
    for (l, item) in listeners.iter().zip(with) {
        match step(l, item) {
            Ok(value) => done.push(value),
            Err(e) => errors.push(format!("[{}] : starting listener {}: {e}", l.origin, l.shown)),
        }
    }
    if errors.is_empty() { Ok(done) } else { Err(errors) }
}

/// Gives each listener a descriptor of its own: `fd@N` may be named twice, and each is watched and closed for itself.
pub fn separate(mut fds: Vec<Fd>) -> std::io::Result<Vec<Fd>> {
    for i in 1..fds.len() {
        if fds[..i].contains(&fds[i]) {
            fds[i] = process::duplicate(fds[i])?;
        }
    }
    Ok(fds)
}

/// The sockets of a configuration by name, to be inherited.
pub fn named(config: &Config, fds: &[Fd]) -> Sockets {
    config.listeners.iter().zip(fds).filter_map(|(l, fd)| Some((name(l)?, *fd))).collect()
}

/// The processes that this one replaces: to be told to finish (`-sf`), or to stop (`-st`).
#[derive(Clone, Debug, Default)]
pub struct Replaced {
    pub finish: Vec<i32>,
    pub terminate: Vec<i32>,
}

impl Replaced {
    /// All of them.
    pub fn pids(&self) -> Vec<i32> {
        [&self.finish[..], &self.terminate].concat()
    }

    /// Tells those for which `which` holds.
    pub fn tell(&self, which: impl Fn(i32) -> bool) {
        for (pids, signal) in [(&self.finish, signal::SIGUSR1), (&self.terminate, signal::SIGTERM)] {
            pids.iter().filter(|pid| which(**pid)).for_each(|pid| _ = process::kill(*pid, signal));
        }
    }
}

/// This program's file, so that it can be started again: asked for early, since an upgrade may replace the file under its name.
pub fn program() -> PathBuf {
    let called = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    if called.is_absolute() { called } else { in_path(std::env::current_exe().unwrap_or(called)) }
}

/// Where a name without a folder is found, as shells look for it: not every system knows a program's file.
fn in_path(name: PathBuf) -> PathBuf {
    if name.parent() != Some(Path::new("")) {
        return name;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(&name)).find(|file| file.is_file()).unwrap_or(name)
}

/// A child process that was started, and the pipe on which it says that it is ready.
pub struct Child {
    pub pid: i32,
    ready: std::io::PipeReader,
}

/// Starts this program again with our arguments, the role that the child plays, and the sockets.
pub fn spawn(
    program: &Path,
    args: &[String],
    (name, role): (&'static str, &str),
    sockets: &Sockets,
    others: &[Fd],
) -> std::io::Result<Child> {
    let (ready, write) = std::io::pipe()?;
    let fds = || sockets.iter().map(|s| s.1).chain(others.iter().copied()).chain([write.as_raw_fd()]);
    let env = [(name, role.to_string()), (SOCKETS, list(sockets)), (READY, write.as_raw_fd().to_string())];
    // This process has one thread, so nobody else can start a program in between.
    fds().for_each(|fd| process::keep_over_exec(fd, true));
    let child = program::start(program, args, &env, None);
    fds().for_each(|fd| process::keep_over_exec(fd, false));
    Ok(Child { pid: child?, ready })
}

/// What a program finds its sockets by, and that nobody waits for it.
pub fn hand_over(sockets: &Sockets) -> Vec<(&'static str, String)> {
    vec![(SOCKETS, list(sockets)), (READY, String::new())]
}

fn list(sockets: &Sockets) -> String {
    let pairs: Vec<String> = sockets.iter().map(|(n, fd)| format!("{n}={fd}")).collect();
    pairs.join(" ")
}

impl Child {
    /// Becomes readable when the child is ready or has given up.
    pub fn ready_fd(&self) -> BorrowedFd<'_> {
        self.ready.as_fd()
    }

    /// Waits until the child is ready (true) or has given up.
    pub fn wait_ready(&mut self) -> bool {
        let mut byte = [0];
        matches!(self.ready.read(&mut byte), Ok(1))
    }
}

fn ready_fd() -> Option<Fd> {
    std::env::var(READY).ok()?.parse().ok()
}

/// To be called first: what the parent waits on is not for our own children.
pub fn keep_to_ourselves() {
    if let Some(fd) = ready_fd() {
        process::keep_over_exec(fd, false);
    }
}

/// Tells the parent, if there is one that waits, that we are ready.
pub fn say_ready() {
    if let Some(fd) = ready_fd() {
        let _ = process::own_file(fd).write_all(b"1");
    }
}

/// Tells systemd how we are (`sd_notify`), if it asks.
pub fn notify_systemd(state: &str) {
    let Ok(path) = std::env::var("NOTIFY_SOCKET") else { return };
    let Ok(socket) = std::os::unix::net::UnixDatagram::unbound() else { return };
    #[cfg(target_os = "linux")]
    if let Some(name) = path.strip_prefix('@') {
        use std::os::linux::net::SocketAddrExt;
        if let Ok(addr) = std::os::unix::net::SocketAddr::from_abstract_name(name) {
            let _ = socket.send_to_addr(state.as_bytes(), &addr);
        }
        return;
    }
    let _ = socket.send_to(state.as_bytes(), path);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_without_a_folder_is_looked_for() {
        let found = in_path("sh".into());
        assert!(found.is_absolute() && found.ends_with("sh") && found.is_file(), "{found:?}");
        for name in ["./sh", "/no/sh", "no such program"] {
            assert_eq!(in_path(name.into()), Path::new(name));
        }
    }
}
