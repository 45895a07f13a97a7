//! What a process does once: limits, user and group names, giving up privileges, its standard streams.

use super::Fd;
use super::sockopt::borrow;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Limits of this process and machine that shape `maxconn`.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Descriptors now, and as many as we may raise that to; `None` = no limit.
    pub descriptors: Option<u64>,
    pub descriptors_hard: Option<u64>,
    /// Address space (RLIMIT_AS) and data (RLIMIT_DATA), whichever is lower, bytes.
    pub address_space: Option<u64>,
    /// Memory of the machine or of the control group, bytes.
    pub memory: Option<u64>,
}

/// What limits the memory that a process may map. OpenBSD has no limit of the address space as a whole.
#[cfg(not(target_os = "openbsd"))]
const ADDRESS_SPACE: [Resource; 2] = [Resource::As, Resource::Data];
#[cfg(target_os = "openbsd")]
const ADDRESS_SPACE: [Resource; 1] = [Resource::Data];

/// Reads the limits.
pub fn limits() -> Limits {
    let files = getrlimit(Resource::Nofile);
    let space = ADDRESS_SPACE.iter().filter_map(|r| getrlimit(*r).current).min();
    let file = |path: &str| std::fs::read_to_string(path).ok();
    let group = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let group = group.iter().find_map(|p| file(p)?.trim().parse::<u64>().ok());
    let machine = file("/proc/meminfo").and_then(|t| {
        let line = t.lines().find(|l| l.starts_with("MemTotal:"))?.to_string();
        Some(line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
    });
    let memory = [group, machine].into_iter().flatten().min();
    Limits { descriptors: files.current, descriptors_hard: files.maximum, address_space: space, memory }
}

/// Raises the descriptor limit to `n` (as far as the hard limit allows, beyond it as root); returns what is in force.
pub fn raise_descriptors(n: u64) -> Option<u64> {
    let now = getrlimit(Resource::Nofile);
    if now.current.is_some_and(|c| c < n) {
        let wanted = Rlimit { current: Some(n), maximum: now.maximum.map(|m| m.max(n)) };
        if setrlimit(Resource::Nofile, wanted).is_err() {
            let _ =
                setrlimit(Resource::Nofile, Rlimit { current: now.maximum.map(|m| m.min(n)), maximum: now.maximum });
        }
    }
    getrlimit(Resource::Nofile).current
}

/// The name of this machine.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The processors this process may run on.
pub fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn look_up(file: &str, name: &str) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|l| l.split(':').next() == Some(name))?;
    Some(line.split(':').map(str::to_string).collect())
}

/// The number of a user of /etc/passwd.
pub fn user_id(name: &str) -> Option<u32> {
    look_up("/etc/passwd", name)?.get(2)?.parse().ok()
}

/// The number of a group of /etc/group.
pub fn group_id(name: &str) -> Option<u32> {
    look_up("/etc/group", name)?.get(2)?.parse().ok()
}

/// Gives up root: chroot first, then group, then user. Before any thread is started.
pub fn drop_privileges(chroot: Option<&str>, uid: Option<u32>, gid: Option<u32>) -> Result<(), String> {
    if let Some(dir) = chroot {
        rustix::process::chroot(dir).map_err(|e| format!("cannot chroot to '{dir}': {e}"))?;
        rustix::process::chdir("/").map_err(|e| format!("cannot change to the root of '{dir}': {e}"))?;
    }
    set_ids(uid, gid)
}

#[cfg(target_os = "linux")]
fn set_ids(uid: Option<u32>, gid: Option<u32>) -> Result<(), String> {
    use rustix::process::{Gid, Uid, geteuid};
    use rustix::thread::{set_thread_gid, set_thread_groups, set_thread_uid};
    // The only thread so far: the workers inherit what it has.
    if let Some(gid) = gid.filter(|g| *g != 0) {
        if geteuid().is_root() {
            set_thread_groups(&[]).map_err(|e| format!("cannot drop supplementary groups: {e}"))?;
        }
        set_thread_gid(Gid::from_raw(gid)).map_err(|e| format!("cannot set gid {gid}: {e}"))?;
    }
    if let Some(uid) = uid.filter(|u| *u != 0) {
        set_thread_uid(Uid::from_raw(uid)).map_err(|e| format!("cannot set uid {uid}: {e}"))?;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
#[allow(unsafe_code)]
fn set_ids(uid: Option<u32>, gid: Option<u32>) -> Result<(), String> {
    let check = |r: i32, what: &str, n: u32| {
        if r == 0 { Ok(()) } else { Err(format!("cannot set {what} {n}: {}", std::io::Error::last_os_error())) }
    };
    if let Some(gid) = gid.filter(|g| *g != 0) {
        // SAFETY: plain numbers; the list is empty.
        unsafe {
            libc::setgroups(0, std::ptr::null());
            check(libc::setgid(gid), "gid", gid)?;
        }
    }
    if let Some(uid) = uid.filter(|u| *u != 0) {
        // SAFETY: a plain number.
        check(unsafe { libc::setuid(uid) }, "uid", uid)?;
    }
    Ok(())
}

/// True when this process runs as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Sends a signal by number; false when there is no such process.
pub fn kill(pid: i32, signal: i32) -> bool {
    use rustix::process::{Pid, Signal, kill_process};
    let (Some(pid), Some(signal)) = (Pid::from_raw(pid), Signal::from_named_raw(signal)) else { return false };
    kill_process(pid, signal).is_ok()
}

/// Lets a descriptor survive exec (true) or not.
pub fn keep_over_exec(fd: Fd, keep: bool) {
    let flags = if keep { rustix::io::FdFlags::empty() } else { rustix::io::FdFlags::CLOEXEC };
    let _ = rustix::io::fcntl_setfd(borrow(fd), flags);
}

/// Leaves the terminal and the job of whoever started us.
pub fn leave_session() {
    let _ = rustix::process::setsid();
}

/// Lets go of what the standard descriptors are: they become /dev/null.
pub fn silence() {
    if let Ok(null) = null_device() {
        let _ = rustix::stdio::dup2_stdin(&null);
        let _ = rustix::stdio::dup2_stdout(&null);
        let _ = rustix::stdio::dup2_stderr(&null);
    }
}

/// Where nothing is to be read, and what is written is forgotten.
pub fn null_device() -> std::io::Result<std::fs::File> {
    let file = std::fs::File::options().read(true).write(true).open("/dev/null");
    file.map_err(|e| std::io::Error::new(e.kind(), format!("/dev/null: {e}")))
}

/// True when nobody can read what goes to standard error: it is /dev/null.
pub fn is_silent() -> bool {
    let ours = rustix::fs::fstat(borrow(2));
    let null = rustix::fs::stat("/dev/null");
    matches!((ours, null), (Ok(ours), Ok(null)) if ours.st_rdev == null.st_rdev && ours.st_rdev != 0)
}

/// The user that a process runs as, where the system tells (Linux).
pub fn user_of(pid: i32) -> Option<u32> {
    // Not the owner of the folder: that is root for a process that gave up its privileges.
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|l| l.strip_prefix("Uid:"))?.split_ascii_whitespace().next()?.parse().ok()
}

/// Finishes gracefully when the parent (our master) is gone (Linux): nobody else would look after us.
pub fn end_with_parent() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::USR1));
}

/// Another descriptor for the same thing, not passed on.
pub fn duplicate(fd: Fd) -> std::io::Result<Fd> {
    use rustix::fd::IntoRawFd;
    Ok(rustix::io::fcntl_dupfd_cloexec(borrow(fd), 3)?.into_raw_fd())
}

/// Closes a descriptor that this process owns.
#[allow(unsafe_code)]
pub fn close(fd: Fd) {
    // SAFETY: the caller owns the number and forgets it.
    unsafe { rustix::io::close(fd) };
}

/// A descriptor that this process was given, as a file that owns it.
#[allow(unsafe_code)]
pub fn own_file(fd: Fd) -> std::fs::File {
    use std::os::fd::FromRawFd;
    // SAFETY: the number was given to this process by its parent for this one use.
    unsafe { std::fs::File::from_raw_fd(fd) }
}

/// Makes reads and writes on a descriptor return at once.
pub fn set_nonblocking(fd: Fd) -> std::io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(borrow(fd))?;
    Ok(rustix::fs::fcntl_setfl(borrow(fd), flags | rustix::fs::OFlags::NONBLOCK)?)
}

/// Writes a line to standard error without the standard library's buffers and locks.
pub fn write_stderr(line: &[u8]) {
    write_line(2, line);
}

/// Writes whole lines to standard error, unless that would wait for who reads there.
pub fn say(lines: &[u8]) {
    let to = borrow(2);
    let mut ready = [rustix::event::PollFd::from_borrowed_fd(to, rustix::event::PollFlags::OUT)];
    if rustix::event::poll(&mut ready, Some(&rustix::event::Timespec::default())) == Ok(1) {
        let _ = rustix::io::write(to, lines);
    }
}

/// As [`write_stderr`], to standard output.
pub fn write_stdout(line: &[u8]) {
    write_line(1, line);
}

fn write_line(fd: Fd, line: &[u8]) {
    let to = borrow(fd);
    let _ = rustix::io::write(to, line);
    let _ = rustix::io::write(to, b"\n");
}

/// True for a descriptor that was given to us to be passed on: open, and not closed on exec.
pub fn is_passed_on(fd: Fd) -> bool {
    rustix::io::fcntl_getfd(borrow(fd)).is_ok_and(|f| !f.contains(rustix::io::FdFlags::CLOEXEC))
}
