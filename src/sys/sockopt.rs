//! Socket options that rustix does not name, and the conversion of errors and addresses.

#[cfg(target_os = "linux")]
use super::TcpInfo;
use super::{Addr, Fd, IoError, Target};
use rustix::fd::BorrowedFd;
use rustix::io::Errno;
use rustix::net::{SocketAddrAny, SocketAddrUnix};
use std::net::SocketAddr;

/// A descriptor number as rustix wants it.
#[allow(unsafe_code)]
pub fn borrow<'a>(fd: Fd) -> BorrowedFd<'a> {
    debug_assert!(fd >= 0);
    // SAFETY: `fd` is not -1, and is open while its owner (a pool slot or listener) holds the number; a number used after its
    // close would give an error from the kernel, never a memory fault.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

/// The error as the proxy distinguishes it.
#[cold]
pub fn error(e: Errno) -> IoError {
    match e {
        Errno::AGAIN | Errno::INTR | Errno::INPROGRESS | Errno::ALREADY => IoError::Again,
        Errno::CONNRESET | Errno::PIPE | Errno::NOTCONN | Errno::CONNABORTED | Errno::SHUTDOWN => IoError::Closed,
        Errno::CONNREFUSED | Errno::NOENT => IoError::Refused,
        Errno::TIMEDOUT => IoError::TimedOut,
        Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::NETDOWN | Errno::HOSTDOWN => IoError::Unreachable,
        Errno::MFILE | Errno::NFILE => IoError::NoDescriptor,
        Errno::NOMEM | Errno::NOBUFS => IoError::NoMemory,
        Errno::ADDRINUSE | Errno::ADDRNOTAVAIL => IoError::InUse,
        Errno::ACCESS | Errno::PERM => IoError::Denied,
        _ => IoError::Other,
    }
}

/// TCP_INFO (Linux, tcp(7)): none for other sockets.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
pub fn tcp_info(fd: Fd) -> Option<TcpInfo> {
    // As <linux/tcp.h> has it: eight bytes, then words of 32 bits.
    let mut words = [0u32; 26];
    let mut len = size_of_val(&words) as libc::socklen_t;
    let (level, option) = (libc::IPPROTO_TCP, libc::TCP_INFO);
    // SAFETY: the kernel writes at most `len` bytes, the size of `words`, any of which are numbers.
    let done = unsafe { libc::getsockopt(fd, level, option, words.as_mut_ptr().cast(), &mut len) };
    (done == 0 && len as usize >= 23 * size_of::<u32>()).then(|| TcpInfo {
        unacked: words[6],
        sacked: words[7],
        lost: words[8],
        retrans: words[9],
        fackets: words[10],
        rtt_us: words[17],
        rttvar_us: words[18],
        reordering: words[22],
    })
}

/// An address as the kernel gave it.
pub fn from_any(a: Option<SocketAddrAny>) -> Addr {
    match a {
        Some(a) => match SocketAddr::try_from(a) {
            Ok(inet) => Addr::from(inet),
            Err(_) => Addr::Unix,
        },
        None => Addr::Unix,
    }
}

/// The unix address of a target that is one.
pub fn unix_addr(t: &Target) -> Result<SocketAddrUnix, Errno> {
    match t {
        Target::Unix(path) => SocketAddrUnix::new(path.as_str()),
        #[cfg(target_os = "linux")]
        Target::Abstract(name) => {
            // HAProxy fills the name with zeros to the full length, so that both ends agree.
            let mut full = [0u8; 107];
            let n = name.len().min(full.len());
            full[..n].copy_from_slice(&name.as_bytes()[..n]);
            SocketAddrUnix::new_abstract_name(&full)
        }
        _ => Err(Errno::AFNOSUPPORT),
    }
}

/// Sets an integer option by its numbers.
#[allow(unsafe_code)]
pub fn set_int(fd: Fd, level: i32, name: i32, value: i32) -> Result<(), IoError> {
    // SAFETY: passes a pointer to a live i32 and its size.
    let r =
        unsafe { libc::setsockopt(fd, level, name, (&raw const value).cast(), size_of::<i32>() as libc::socklen_t) };
    if r == 0 { Ok(()) } else { Err(last_error()) }
}

/// SO_BINDTODEVICE.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
pub fn bind_to_device(fd: Fd, interface: &str) -> Result<(), IoError> {
    // SAFETY: passes a pointer to the bytes of a live string and their number.
    let r = unsafe {
        let len = interface.len() as libc::socklen_t;
        libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, interface.as_ptr().cast(), len)
    };
    if r == 0 { Ok(()) } else { Err(last_error()) }
}

/// SO_BINDTODEVICE exists on Linux only.
#[cfg(not(target_os = "linux"))]
pub fn bind_to_device(_fd: Fd, _interface: &str) -> Result<(), IoError> {
    Err(IoError::Other)
}

fn last_error() -> IoError {
    error(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO))
}
