//! Listening sockets, made at start-up: bound, inherited (`fd@N`), or taken over from the process that is replaced.

use super::sockopt::{bind_to_device, borrow, set_int, unix_addr};
use super::{Addr, Fd, Target};
use rustix::fd::{AsRawFd, IntoRawFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SocketFlags, SocketType};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};

/// Where to listen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    At(Target),
    /// A descriptor inherited from the parent process, already bound (and usually listening).
    Inherited(Fd),
}

/// What a `bind` line asks of its sockets.
#[derive(Clone, Debug, Default)]
pub struct ListenOptions {
    /// Length of the kernel's accept queue; 0 = derived from maxconn.
    pub backlog: u32,
    /// `interface`: SO_BINDTODEVICE.
    pub interface: Option<String>,
    /// `mss`: TCP_MAXSEG, 0 = the system's.
    pub mss: i32,
    /// `defer-accept` (Linux): the kernel reports a connection when its first data came.
    pub defer_accept: bool,
    /// `tfo`: TCP fast open.
    pub tfo: bool,
    /// `v6only` / `v4v6`: whether an IPv6 socket leaves IPv4 alone.
    pub v6only: Option<bool>,
    /// `transparent`: foreign addresses may be bound.
    pub transparent: bool,
    /// `mode`, `uid`/`user`, `gid`/`group` of a unix socket.
    pub mode: Option<u32>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub rcvbuf: u32,
    pub sndbuf: u32,
}

/// A socket that is bound, while others are still being bound: so far nobody else noticed, and dropping it leaves no trace.
pub struct Bound {
    fd: Fd,
    /// Not ours alone (inherited, or kept over a reload): stays open when we give up.
    kept: bool,
    /// A unix socket's present name, and the name that clients know.
    rename: Option<(String, String)>,
}

impl Bound {
    /// A socket that this process has already, for the same place.
    pub fn kept(fd: Fd, place: &Place, with: &ListenOptions) -> Result<Bound, String> {
        Bound { fd, kept: true, rename: None }.with_owner(place, with)
    }

    fn with_owner(self, place: &Place, with: &ListenOptions) -> Result<Bound, String> {
        if let Place::At(Target::Unix(path)) = place {
            set_owner(path, with)?;
        }
        Ok(self)
    }

    /// Lets clients come; also on a socket that listens already: it sets the new backlog.
    pub fn listen(&self, with: &ListenOptions) -> Result<(), String> {
        let fd = borrow(self.fd);
        let backlog = if with.backlog == 0 { 1024 } else { with.backlog.min(65_535) };
        net::listen(fd, backlog as i32).map_err(|e| format!("cannot listen: {e}"))?;
        // Inherited by what is accepted, here as on the BSDs: no call for each connection. Unix sockets refuse it.
        let _ = net::sockopt::set_tcp_nodelay(fd, true);
        rustix::fs::fcntl_setfl(fd, rustix::fs::OFlags::NONBLOCK).map_err(|e| e.to_string())?;
        rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::CLOEXEC).map_err(|e| e.to_string())
    }

    /// Gives a unix socket its name, and the descriptor to the caller. The last step: from here on it cannot be undone.
    pub fn publish(mut self) -> Result<Fd, String> {
        if let Some((from, to)) = &self.rename {
            std::fs::rename(from, to).map_err(|e| format!("cannot rename into place: {e}"))?;
        }
        self.rename = None;
        self.kept = true;
        Ok(self.fd)
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        if let Some((from, _)) = &self.rename {
            let _ = std::fs::remove_file(from);
        }
        if !self.kept {
            super::process::close(self.fd);
        }
    }
}

/// Binds a socket, or takes it over from one of the processes `old` that this one replaces; or says why not.
pub fn bind(place: &Place, with: &ListenOptions, old: &[i32]) -> Result<Bound, String> {
    if let Some(fd) = take_over(place, old) {
        return Bound { fd, kept: false, rename: None }.with_owner(place, with);
    }
    match place {
        Place::Inherited(n) => Bound::kept(inherited(*n)?, place, with),
        Place::At(Target::Inet(a)) => inet(*a, with, !old.is_empty()),
        Place::At(t) => unix(t, with, !old.is_empty()),
    }
}

fn inherited(n: Fd) -> Result<Fd, String> {
    if n < 0 || rustix::io::fcntl_getfd(borrow(n)).is_err() {
        return Err(format!("descriptor {n} is not open"));
    }
    net::sockopt::socket_type(borrow(n)).map_err(|_| format!("descriptor {n} is not a socket"))?;
    Ok(n)
}

fn owned(fd: OwnedFd) -> Bound {
    Bound { fd: fd.into_raw_fd(), kept: false, rename: None }
}

/// `beside`: the address may be that of a process which we replace, and whose socket we could not take.
fn inet(a: Addr, with: &ListenOptions, beside: bool) -> Result<Bound, String> {
    let addr = a.socket_addr().ok_or("no address")?;
    let family = if addr.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let fd = net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)
        .map_err(|e| format!("cannot create a socket: {e}"))?;
    let fail = |what: &str, e: &dyn std::fmt::Display| format!("{what}: {e}");
    net::sockopt::set_socket_reuseaddr(&fd, true).map_err(|e| fail("SO_REUSEADDR", &e))?;
    if addr.is_ipv6()
        && let Some(only) = with.v6only
    {
        net::sockopt::set_ipv6_v6only(&fd, only).map_err(|e| fail("IPV6_V6ONLY", &e))?;
    }
    if let Some(device) = &with.interface {
        bind_to_device(fd.as_raw_fd(), device)
            .map_err(|e| format!("cannot bind to interface '{device}': {}", e.text()))?;
    }
    tcp_options(&fd, addr.is_ipv6(), with)?;
    // The port is shared only with the process that we replace: another one that runs by mistake is told that it is in use.
    let mut bound = net::bind(&fd, &addr);
    share_port(&fd);
    if bound == Err(Errno::ADDRINUSE) && beside {
        bound = net::bind(&fd, &addr);
    }
    bound.map_err(|e| format!("cannot bind socket: {e}"))?;
    Ok(owned(fd))
}

/// Lets a later process of the same user bind the address beside us, if it asks for that.
#[cfg(not(any(target_os = "solaris", target_os = "illumos")))]
fn share_port(fd: &OwnedFd) {
    let _ = net::sockopt::set_socket_reuseport(fd, true); // Linux before 3.9 has none
}

#[cfg(any(target_os = "solaris", target_os = "illumos"))]
fn share_port(_fd: &OwnedFd) {}

fn tcp_options(fd: &OwnedFd, v6: bool, with: &ListenOptions) -> Result<(), String> {
    let raw = fd.as_raw_fd();
    if with.mss != 0 {
        set_int(raw, libc::IPPROTO_TCP, libc::TCP_MAXSEG, with.mss).map_err(|e| format!("mss: {}", e.text()))?;
    }
    #[cfg(target_os = "linux")]
    {
        if with.defer_accept {
            set_int(raw, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, 1)
                .map_err(|e| format!("defer-accept: {}", e.text()))?;
        }
        if with.tfo {
            set_int(raw, libc::IPPROTO_TCP, libc::TCP_FASTOPEN, 1024).map_err(|e| format!("tfo: {}", e.text()))?;
        }
        if with.transparent {
            let (level, name) = if v6 {
                (libc::IPPROTO_IPV6, libc::IPV6_TRANSPARENT)
            } else {
                (libc::IPPROTO_IP, libc::IP_TRANSPARENT)
            };
            set_int(raw, level, name, 1).map_err(|e| format!("transparent: {} (it needs CAP_NET_ADMIN)", e.text()))?;
        }
    }
    #[cfg(not(target_os = "linux"))]
    if with.defer_accept || with.tfo || with.transparent {
        let _ = v6;
        return Err("defer-accept, tfo and transparent are built for Linux only".into());
    }
    if with.rcvbuf > 0 {
        let _ = net::sockopt::set_socket_recv_buffer_size(fd, with.rcvbuf as usize);
    }
    if with.sndbuf > 0 {
        let _ = net::sockopt::set_socket_send_buffer_size(fd, with.sndbuf as usize);
    }
    Ok(())
}

/// A unix socket: bound under a temporary name, to be renamed when it listens, so that clients always find one that does.
fn unix(t: &Target, with: &ListenOptions, replaces: bool) -> Result<Bound, String> {
    let fd = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
        .map_err(|e| format!("cannot create a socket: {e}"))?;
    let Target::Unix(path) = t else {
        let addr = unix_addr(t).map_err(|e| format!("bad abstract name: {e}"))?;
        net::bind(&fd, &addr).map_err(|e| format!("cannot bind socket: {e}"))?;
        return Ok(owned(fd));
    };
    // What a dead process left is replaced; anything else is not ours to take.
    if std::fs::symlink_metadata(path).is_ok_and(|m| !m.file_type().is_socket()) {
        return Err("cannot bind socket: the path exists and is not a socket".into());
    }
    if !replaces {
        let probe = net::socket_with(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            None,
        )
        .map_err(|e| format!("cannot create a socket: {e}"))?;
        let addr = unix_addr(t).map_err(|e| format!("path too long: {e}"))?;
        if matches!(net::connect(&probe, &addr), Ok(()) | Err(Errno::AGAIN)) {
            return Err(format!("cannot bind socket: {}", Errno::ADDRINUSE));
        }
    }
    let temporary = format!("{path}.{}.tmp", std::process::id());
    let _ = std::fs::remove_file(&temporary);
    let addr = unix_addr(&Target::Unix(temporary.clone())).map_err(|e| format!("path too long: {e}"))?;
    net::bind(&fd, &addr).map_err(|e| format!("cannot bind socket: {e}"))?;
    let bound = Bound { fd: fd.into_raw_fd(), kept: false, rename: Some((temporary.clone(), path.clone())) };
    set_owner(&temporary, with)?;
    Ok(bound)
}

/// `mode`, `user`, `group` of a unix socket.
fn set_owner(path: &str, with: &ListenOptions) -> Result<(), String> {
    if let Some(mode) = with.mode {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(|e| format!("mode: {e}"))?;
    }
    if with.uid.is_some() || with.gid.is_some() {
        std::os::unix::fs::chown(path, with.uid, with.gid).map_err(|e| format!("owner: {e}"))?;
    }
    Ok(())
}

/// The address that a listening socket is bound to (useful for port 0 and inherited sockets).
pub fn bound_addr(fd: Fd) -> Addr {
    net::getsockname(borrow(fd)).map_or(Addr::None, |a| super::sockopt::from_any(Some(a)))
}

/// The listening socket of the processes to be replaced that is bound where `place` wants, if we may take it (Linux 5.6:
/// pidfd_getfd; the same user or root). The old process keeps its own reference until it lets go of it.
#[cfg(target_os = "linux")]
fn take_over(place: &Place, pids: &[i32]) -> Option<Fd> {
    let Place::At(wanted) = place else { return None };
    pids.iter().find_map(|&pid| take_from(pid, wanted))
}

/// Only Linux can take a descriptor out of another process.
#[cfg(not(target_os = "linux"))]
fn take_over(_place: &Place, _pids: &[i32]) -> Option<Fd> {
    None
}

#[cfg(target_os = "linux")]
fn take_from(pid: i32, wanted: &Target) -> Option<Fd> {
    use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
    let process = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
    let mut numbers: Vec<Fd> = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .ok()?
        .flatten()
        .filter(|e| std::fs::read_link(e.path()).is_ok_and(|l| l.to_string_lossy().starts_with("socket:")))
        .filter_map(|e| e.file_name().to_str()?.parse().ok())
        .collect();
    numbers.sort_unstable(); // listeners are opened first
    numbers.into_iter().find_map(|n| {
        let fd = pidfd_getfd(&process, n, PidfdGetfdFlags::empty()).ok()?;
        if !net::sockopt::socket_acceptconn(&fd).ok()? {
            return None;
        }
        let bound = net::getsockname(&fd).ok()?;
        let same = match wanted {
            Target::Inet(a) => super::sockopt::from_any(Some(bound)) == *a && a.port() != 0,
            Target::Unix(path) => is_named(bound, path),
            other => unix_addr(other).is_ok_and(|u| rustix::net::SocketAddrUnix::try_from(bound).is_ok_and(|b| b == u)),
        };
        same.then(|| fd.into_raw_fd())
    })
}

/// Whether a unix socket is the one that clients find at `path`: it still goes by the temporary name that it was bound under.
#[cfg(target_os = "linux")]
fn is_named(bound: net::SocketAddrAny, path: &str) -> bool {
    let Ok(bound) = net::SocketAddrUnix::try_from(bound) else { return false };
    let Some(name) = bound.path() else { return false };
    let Ok(name) = name.to_str() else { return false };
    let pid =
        name.strip_prefix(path).and_then(|rest| rest.strip_prefix('.')).and_then(|rest| rest.strip_suffix(".tmp"));
    let ours = name == path || pid.is_some_and(|pid| pid.parse::<u32>().is_ok());
    ours && std::fs::metadata(path).is_ok_and(|m| m.file_type().is_socket())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any() -> Place {
        Place::At(Target::Inet("127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()))
    }

    #[test]
    fn a_port_is_shared_only_with_who_replaces_us() {
        let with = ListenOptions::default();
        let first = bind(&any(), &with, &[]).unwrap();
        first.listen(&with).unwrap();
        let place = Place::At(Target::Inet(bound_addr(first.fd)));
        assert!(bind(&place, &with, &[]).err().unwrap().contains("in use"));
        // No process has this number: nothing can be taken over, the port is bound beside.
        let second = bind(&place, &with, &[i32::MAX]).unwrap();
        second.listen(&with).unwrap();
        drop(first);
        let addr = bound_addr(second.fd).socket_addr().unwrap();
        assert!(std::net::TcpStream::connect(addr).is_ok());
    }

    #[test]
    fn a_path_in_use_or_not_a_socket_is_left_alone() {
        let with = ListenOptions { mode: Some(0o600), ..ListenOptions::default() };
        let dir = std::env::temp_dir().join(format!("evenkeel-listen-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("s").to_str().unwrap().to_string();
        let place = Place::At(Target::Unix(path.clone()));
        std::fs::write(&path, "precious").unwrap();
        assert!(bind(&place, &with, &[]).err().unwrap().contains("not a socket"));
        std::fs::remove_file(&path).unwrap();
        drop(bind(&place, &with, &[]).unwrap());
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0, "a socket given up leaves nothing");
        let first = bind(&place, &with, &[]).unwrap();
        first.listen(&with).unwrap();
        let first = first.publish().unwrap();
        assert!(bind(&place, &with, &[]).err().unwrap().contains("in use"));
        super::super::process::close(first);
        // Dead: its path is free to take.
        drop(bind(&place, &with, &[]).unwrap());
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
