//! Listening sockets, made at start-up: bound, inherited (`fd@N`), or taken over from the process that is replaced.

use super::sockopt::{bind_to_device, borrow, set_int, unix_addr};
use super::{Addr, Fd, Target};
use rustix::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use rustix::net::{self, AddressFamily, SocketFlags, SocketType};

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

/// Opens the listening socket, or the reason why not.
pub fn open(place: &Place, with: &ListenOptions) -> Result<Fd, String> {
    let fd = match place {
        Place::Inherited(n) => inherited(*n)?,
        Place::At(Target::Inet(a)) => inet(*a, with)?,
        Place::At(t) => unix(t, with)?,
    };
    let backlog = if with.backlog == 0 { 1024 } else { with.backlog.min(65_535) };
    // Also on a socket that listens already: it sets the new backlog.
    net::listen(&fd, backlog as i32).map_err(|e| format!("cannot listen: {e}"))?;
    rustix::fs::fcntl_setfl(&fd, rustix::fs::OFlags::NONBLOCK).map_err(|e| e.to_string())?;
    rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC).map_err(|e| e.to_string())?;
    Ok(fd.into_raw_fd())
}

#[allow(unsafe_code)]
fn inherited(n: Fd) -> Result<OwnedFd, String> {
    if n < 0 || rustix::io::fcntl_getfd(borrow(n)).is_err() {
        return Err(format!("descriptor {n} is not open"));
    }
    net::sockopt::socket_type(borrow(n)).map_err(|_| format!("descriptor {n} is not a socket"))?;
    // SAFETY: open (just checked) and given to this process for this purpose; the configuration names it once.
    Ok(unsafe { OwnedFd::from_raw_fd(n) })
}

fn inet(a: Addr, with: &ListenOptions) -> Result<OwnedFd, String> {
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
    net::bind(&fd, &addr).map_err(|e| format!("cannot bind socket: {e}"))?;
    Ok(fd)
}

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

/// A unix socket: bound under a temporary name and renamed into place, so that clients always find one that listens.
fn unix(t: &Target, with: &ListenOptions) -> Result<OwnedFd, String> {
    let fd = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
        .map_err(|e| format!("cannot create a socket: {e}"))?;
    let Target::Unix(path) = t else {
        let addr = unix_addr(t).map_err(|e| format!("bad abstract name: {e}"))?;
        net::bind(&fd, &addr).map_err(|e| format!("cannot bind socket: {e}"))?;
        return Ok(fd);
    };
    let temporary = format!("{path}.{}.tmp", std::process::id());
    let _ = std::fs::remove_file(&temporary);
    let addr = unix_addr(&Target::Unix(temporary.clone())).map_err(|e| format!("path too long: {e}"))?;
    net::bind(&fd, &addr).map_err(|e| format!("cannot bind socket: {e}"))?;
    let prepared = (|| {
        if let Some(mode) = with.mode {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&temporary, std::fs::Permissions::from_mode(mode))
                .map_err(|e| format!("mode: {e}"))?;
        }
        if with.uid.is_some() || with.gid.is_some() {
            std::os::unix::fs::chown(&temporary, with.uid, with.gid).map_err(|e| format!("owner: {e}"))?;
        }
        // Listening before it has its name: no client meets a socket that refuses.
        net::listen(&fd, if with.backlog == 0 { 1024 } else { with.backlog.min(65_535) as i32 })
            .map_err(|e| e.to_string())?;
        std::fs::rename(&temporary, path).map_err(|e| format!("cannot rename into place: {e}"))
    })();
    if let Err(e) = prepared {
        let _ = std::fs::remove_file(&temporary);
        return Err(e);
    }
    Ok(fd)
}

/// The address that a listening socket is bound to (useful for port 0 and inherited sockets).
pub fn bound_addr(fd: Fd) -> Addr {
    net::getsockname(borrow(fd)).map_or(Addr::None, |a| super::sockopt::from_any(Some(a)))
}

/// The listening socket of the processes to be replaced that is bound where `place` wants, if we may take it (Linux 5.6:
/// pidfd_getfd; the same user or root). The old process keeps its own reference until it lets go of it.
#[cfg(target_os = "linux")]
pub fn take_over(place: &Place, pids: &[i32]) -> Option<Fd> {
    let Place::At(wanted) = place else { return None };
    pids.iter().find_map(|&pid| take_from(pid, wanted))
}

/// Only Linux can take a descriptor out of another process.
#[cfg(not(target_os = "linux"))]
pub fn take_over(_place: &Place, _pids: &[i32]) -> Option<Fd> {
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
            // A path is replaced by rename, never shared: its name in the old process is the temporary one.
            Target::Unix(_) => false,
            other => unix_addr(other).is_ok_and(|u| rustix::net::SocketAddrUnix::try_from(bound).is_ok_and(|b| b == u)),
        };
        same.then(|| fd.into_raw_fd())
    })
}
