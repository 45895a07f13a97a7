//! Handing listening sockets from process to process, and telling the parent when one is ready.
//!
//! A process finds its sockets, in this order: inherited from the master (environment), taken from the processes that it replaces
//! (`-sf`, `-st`; Linux), or bound anew. Only when all are there, and its workers run, does it tell the old ones to finish: a new
//! process that cannot start disturbs nothing.

use crate::model::{Config, Listener};
use crate::sys::listen::{Place, open, take_over};
use crate::sys::{Fd, process};
use std::io::{Read, Write};

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

/// Opens the sockets of all listeners, in their order; all failures are reported, and then nothing stays open that was not before.
pub fn open_all(config: &Config, known: &Sockets, old: &[i32]) -> Result<Vec<Fd>, Vec<String>> {
    let (mut fds, mut errors, mut opened) = (Vec::new(), Vec::new(), Vec::new());
    for l in &config.listeners {
        let kept = name(l).and_then(|n| known.iter().find(|k| k.0 == n)).map(|k| k.1);
        let found = kept.or_else(|| take_over(&l.place, old).inspect(|fd| opened.push(*fd)));
        let fd = match found {
            Some(fd) => Ok(fd),
            None => open(&l.place, &l.options).inspect(|fd| opened.push(*fd)),
        };
        match fd {
            Ok(fd) => {
                process::keep_over_exec(fd, false);
                fds.push(fd);
            }
            Err(e) => errors.push(format!("[{}] : starting listener {}: {e}", l.origin, l.shown)),
        }
    }
    if errors.is_empty() {
        return Ok(fds);
    }
    opened.into_iter().for_each(process::close);
    Err(errors)
}

/// The sockets of a configuration by name, to be inherited.
pub fn named(config: &Config, fds: &[Fd]) -> Sockets {
    config.listeners.iter().zip(fds).filter_map(|(l, fd)| Some((name(l)?, *fd))).collect()
}

/// A child process that was started, and the pipe on which it says that it is ready.
pub struct Child {
    pub process: std::process::Child,
    ready: std::io::PipeReader,
}

/// Starts this program again with our arguments, more environment, and the sockets.
pub fn spawn(
    args: &[String],
    environment: &[(&str, &str)],
    sockets: &Sockets,
    others: &[Fd],
) -> std::io::Result<Child> {
    use std::os::fd::AsRawFd;
    let (ready, write) = std::io::pipe()?;
    let fds = || sockets.iter().map(|s| s.1).chain(others.iter().copied()).chain([write.as_raw_fd()]);
    let list: Vec<String> = sockets.iter().map(|(n, fd)| format!("{n}={fd}")).collect();
    let mut command = std::process::Command::new(std::env::current_exe()?);
    command.args(args).env(SOCKETS, list.join(" ")).env(READY, write.as_raw_fd().to_string());
    command.envs(environment.iter().copied());
    // This process has one thread, so nobody else can start a program in between.
    fds().for_each(|fd| process::keep_over_exec(fd, true));
    let child = command.spawn();
    fds().for_each(|fd| process::keep_over_exec(fd, false));
    Ok(Child { process: child?, ready })
}

impl Child {
    /// Waits until the child is ready (true) or has given up.
    pub fn wait_ready(&mut self) -> bool {
        let mut byte = [0];
        matches!(self.ready.read(&mut byte), Ok(1))
    }
}

/// Tells the parent, if there is one that waits, that we are ready.
pub fn say_ready() {
    let Ok(fd) = std::env::var(READY) else { return };
    let Ok(fd) = fd.parse::<Fd>() else { return };
    let mut pipe = process::own_file(fd);
    let _ = pipe.write_all(b"1");
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
