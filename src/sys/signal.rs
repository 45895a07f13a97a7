//! Signals as bytes in a pipe: handlers only write, the worker or master reads.

use super::Fd;
use rustix::fd::{AsRawFd, OwnedFd};
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

pub use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2};

/// What arrived, as a bit for each signal number below 32.
static PENDING: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

/// Catches the signals and returns the descriptor that becomes readable when one arrives.
pub fn catch(signals: &[i32]) -> std::io::Result<OwnedFd> {
    let (read, write) = std::os::unix::net::UnixStream::pair()?;
    read.set_nonblocking(true)?;
    write.set_nonblocking(true)?;
    let pending = PENDING.get_or_init(Arc::default);
    // A signal between the installation of its handler and the entry of its action would be lost: it waits meanwhile.
    let before = block(signals);
    let registered = signals.iter().try_for_each(|&s| {
        let (flags, bit) = (Arc::clone(pending), 1usize << s);
        let wake: OwnedFd = write.try_clone()?.into();
        register(s, flags, bit, wake)
    });
    restore(&before);
    registered.map(|()| read.into())
}

/// Keeps the signals waiting, also over an exec, until [`let_in`].
pub fn keep_out(signals: &[i32]) {
    block(signals);
}

/// Lets signals in that [`keep_out`] kept waiting, in this process or in the one that it was before an exec.
#[allow(unsafe_code)]
pub fn let_in(signals: &[i32]) {
    let mut set = MaybeUninit::uninit();
    // SAFETY: the set is ours, and initialised by the first call.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        signals.iter().for_each(|s| _ = libc::sigaddset(set.as_mut_ptr(), *s));
        libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), std::ptr::null_mut());
    }
}

/// Blocks the signals in this thread; returns what was blocked before.
#[allow(unsafe_code)]
fn block(signals: &[i32]) -> libc::sigset_t {
    let (mut set, mut before) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    // SAFETY: both sets are ours; sigemptyset initialises the first, and the second before it is given out.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigemptyset(before.as_mut_ptr());
        signals.iter().for_each(|s| _ = libc::sigaddset(set.as_mut_ptr(), *s));
        libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), before.as_mut_ptr());
        before.assume_init()
    }
}

#[allow(unsafe_code)]
fn restore(before: &libc::sigset_t) {
    // SAFETY: a set that `block` read.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before, std::ptr::null_mut()) };
}

#[allow(unsafe_code)]
fn register(signal: i32, flags: Arc<AtomicUsize>, bit: usize, wake: OwnedFd) -> std::io::Result<()> {
    let action = move || {
        flags.fetch_or(bit, Ordering::SeqCst);
        let _ = rustix::net::send(&wake, b"s", rustix::net::SendFlags::DONTWAIT);
    };
    // SAFETY: the action is async-signal-safe: one atomic operation and one send(2); it neither locks nor allocates.
    unsafe { signal_hook::low_level::register(signal, action) }.map(|_| ())
}

/// Empties the pipe and calls `each` for every signal that arrived since.
pub fn take(pipe: Fd, mut each: impl FnMut(i32)) {
    let mut sink = [0u8; 64];
    while let Ok((1.., _)) = rustix::net::recv(super::sockopt::borrow(pipe), &mut sink, rustix::net::RecvFlags::empty())
    {
    }
    let bits = PENDING.get().map_or(0, |p| p.swap(0, Ordering::SeqCst));
    for s in 1..32 {
        if bits & 1 << s != 0 {
            each(s);
        }
    }
}

/// The descriptor's number, for the poller.
pub fn number(pipe: &OwnedFd) -> Fd {
    pipe.as_raw_fd()
}

/// Ends the process by a signal's default action.
pub fn die_of(signal: i32) {
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}
