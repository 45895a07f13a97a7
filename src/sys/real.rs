//! The operating system as a [`Kernel`].

use super::poller::{Backend, Poller};
use super::sockopt::{bind_to_device, borrow, error, from_any, set_int, unix_addr};
use super::{Addr, ConnectOptions, Event, Fd, IoError, Kernel, Pipe, Target};
use rustix::fd::{AsRawFd, IntoRawFd, OwnedFd};
use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::time::{ClockId, clock_gettime};

/// Sockets, poller and clocks of one worker.
pub struct Real {
    poller: Poller,
    seed: u64,
}

#[cfg(target_os = "linux")]
const MORE: SendFlags = SendFlags::MORE;
#[cfg(not(target_os = "linux"))]
const MORE: SendFlags = SendFlags::empty();

impl Real {
    /// A kernel with a poller that hands out up to `batch` events a round; descriptors stay below `fd_limit`.
    pub fn new(backend: Backend, batch: usize, fd_limit: usize) -> std::io::Result<Real> {
        let mut poller = Poller::new(backend, batch)?;
        if let Poller::Poll(p) = &mut poller {
            p.reserve(fd_limit);
        }
        let mut seed = [0u8; 8];
        let t = clock_gettime(ClockId::Realtime);
        if getrandom(&mut seed).is_err() {
            seed = (t.tv_nsec as u64 ^ (t.tv_sec as u64) << 20).to_ne_bytes();
        }
        Ok(Real { poller, seed: u64::from_ne_bytes(seed) | 1 })
    }

    fn prepare(fd: &OwnedFd, to: &Target, with: &ConnectOptions) -> Result<(), IoError> {
        if let Target::Inet(_) = to {
            net::sockopt::set_tcp_nodelay(fd, true).map_err(error)?;
            if with.keepalive {
                net::sockopt::set_socket_keepalive(fd, true).map_err(error)?;
            }
            #[cfg(target_os = "linux")]
            if with.user_timeout_ms > 0 {
                net::sockopt::set_tcp_user_timeout(fd, with.user_timeout_ms).map_err(error)?;
            }
            if let Some(device) = &with.interface {
                bind_to_device(fd.as_raw_fd(), device)?;
            }
            if let Some(source) = with.source.and_then(Addr::socket_addr) {
                net::sockopt::set_socket_reuseaddr(fd, true).map_err(error)?;
                #[cfg(target_os = "linux")]
                if source.port() == 0 {
                    // The kernel picks the port at connect, when it knows the other end: 28,000 ports for each server.
                    let _ = super::sockopt::set_int(fd.as_raw_fd(), libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1);
                }
                net::bind(fd, &source).map_err(error)?;
            }
        }
        if with.rcvbuf > 0 {
            let _ = net::sockopt::set_socket_recv_buffer_size(fd, with.rcvbuf as usize);
        }
        if with.sndbuf > 0 {
            let _ = net::sockopt::set_socket_send_buffer_size(fd, with.sndbuf as usize);
        }
        Ok(())
    }
}

#[cfg(target_os = "linux")]
fn getrandom(buf: &mut [u8]) -> Result<(), ()> {
    rustix::rand::getrandom(buf, rustix::rand::GetRandomFlags::NONBLOCK).map(|_| ()).map_err(|_| ())
}

#[cfg(not(target_os = "linux"))]
fn getrandom(buf: &mut [u8]) -> Result<(), ()> {
    use std::io::Read;
    std::fs::File::open("/dev/urandom").and_then(|mut f| f.read_exact(buf)).map_err(|_| ())
}

impl Kernel for Real {
    fn now_ms(&mut self) -> u64 {
        let t = clock_gettime(ClockId::Monotonic);
        t.tv_sec as u64 * 1000 + t.tv_nsec as u64 / 1_000_000
    }

    fn wall(&mut self) -> (i64, u32) {
        let t = clock_gettime(ClockId::Realtime);
        (t.tv_sec, (t.tv_nsec / 1000) as u32)
    }

    fn random(&mut self) -> u32 {
        // xorshift64*: for spreading load, not for secrets.
        self.seed ^= self.seed >> 12;
        self.seed ^= self.seed << 25;
        self.seed ^= self.seed >> 27;
        (self.seed.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) as u32
    }

    fn secret(&mut self, out: &mut [u8]) {
        if getrandom(out).is_err() {
            out.chunks_mut(4).for_each(|c| c.copy_from_slice(&self.random().to_ne_bytes()[..c.len()]));
        }
    }

    fn edge(&self) -> bool {
        self.poller.edge()
    }

    fn watch(&mut self, fd: Fd, key: usize) -> Result<(), IoError> {
        self.poller.watch(fd, key)
    }

    fn watch_listener(&mut self, fd: Fd, key: usize) -> Result<(), IoError> {
        self.poller.watch_listener(fd, key)
    }

    fn arm(&mut self, fd: Fd, key: usize, read: bool, write: bool) {
        self.poller.arm(fd, key, read, write);
    }

    fn unwatch(&mut self, fd: Fd) {
        self.poller.unwatch(fd);
    }

    fn wait(&mut self, timeout_ms: Option<u32>, each: &mut dyn FnMut(Event)) {
        self.poller.wait(timeout_ms, each);
    }

    fn accept(&mut self, listener: Fd) -> Result<(Fd, Addr), IoError> {
        let (fd, from) =
            net::acceptfrom_with(borrow(listener), SocketFlags::NONBLOCK | SocketFlags::CLOEXEC).map_err(error)?;
        Ok((fd.into_raw_fd(), from_any(from)))
    }

    fn local_addr(&mut self, fd: Fd) -> Addr {
        net::getsockname(borrow(fd)).map_or(Addr::None, |a| from_any(Some(a)))
    }

    #[cfg(target_os = "linux")]
    fn tcp_info(&mut self, fd: Fd) -> Option<super::TcpInfo> {
        super::sockopt::tcp_info(fd)
    }

    fn connect(&mut self, to: &Target, with: &ConnectOptions) -> Result<(Fd, bool), IoError> {
        let family = match to {
            Target::Inet(Addr::V6(..)) => AddressFamily::INET6,
            Target::Inet(_) => AddressFamily::INET,
            _ => AddressFamily::UNIX,
        };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let fd = net::socket_with(family, SocketType::STREAM, flags, None).map_err(error)?;
        Self::prepare(&fd, to, with)?;
        let done = match to {
            Target::Inet(a) => net::connect(&fd, &a.socket_addr().ok_or(IoError::Unreachable)?),
            other => net::connect(&fd, &unix_addr(other).map_err(error)?),
        };
        match done {
            Ok(()) => Ok((fd.into_raw_fd(), true)),
            Err(rustix::io::Errno::INPROGRESS) => Ok((fd.into_raw_fd(), false)),
            // A unix socket whose backlog is full says EAGAIN: there is no connection in progress to wait for.
            Err(rustix::io::Errno::AGAIN) => Err(IoError::Refused),
            Err(e) => Err(error(e)),
        }
    }

    fn connected(&mut self, fd: Fd) -> Result<(), IoError> {
        match net::getpeername(borrow(fd)) {
            Ok(_) => Ok(()),
            // Not (yet): what reading says is why. SO_ERROR would too, but under qemu-user it is the host's number.
            Err(rustix::io::Errno::NOTCONN) => Err(self.peek(fd, &mut [0]).err().unwrap_or(IoError::Closed)),
            Err(e) => Err(error(e)),
        }
    }

    #[inline]
    fn recv(&mut self, fd: Fd, buf: &mut [u8]) -> Result<usize, IoError> {
        net::recv(borrow(fd), buf, RecvFlags::empty()).map(|(n, _)| n).map_err(error)
    }

    fn peek(&mut self, fd: Fd, buf: &mut [u8]) -> Result<usize, IoError> {
        net::recv(borrow(fd), buf, RecvFlags::PEEK).map(|(n, _)| n).map_err(error)
    }

    #[inline]
    fn send(&mut self, fd: Fd, buf: &[u8], more: bool) -> Result<usize, IoError> {
        let flags = if more { SendFlags::NOSIGNAL | MORE } else { SendFlags::NOSIGNAL };
        net::send(borrow(fd), buf, flags).map_err(error)
    }

    fn shutdown_write(&mut self, fd: Fd) {
        let _ = net::shutdown(borrow(fd), net::Shutdown::Write);
    }

    fn set_reset_on_close(&mut self, fd: Fd) {
        let _ = net::sockopt::set_socket_linger(borrow(fd), Some(std::time::Duration::ZERO));
    }

    fn set_silent_close(&mut self, fd: Fd) {
        // In repair mode (a privilege) a close sends nothing at all.
        #[cfg(target_os = "linux")]
        if set_int(fd, libc::IPPROTO_TCP, libc::TCP_REPAIR, 1).is_ok() {
            return;
        }
        // Else the reset that the close sends goes no further than the first router. A socket of IPv6 may talk IPv4: one of both takes effect.
        let _ = set_int(fd, libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS, 1);
        let _ = set_int(fd, libc::IPPROTO_IP, libc::IP_TTL, 1);
        self.set_reset_on_close(fd);
    }

    fn set_tos(&mut self, fd: Fd, tos: u8) {
        let _ = set_int(fd, libc::IPPROTO_IPV6, libc::IPV6_TCLASS, tos.into());
        let _ = set_int(fd, libc::IPPROTO_IP, libc::IP_TOS, tos.into());
    }

    #[cfg(target_os = "linux")]
    fn set_mark(&mut self, fd: Fd, mark: u32) {
        let _ = set_int(fd, libc::SOL_SOCKET, libc::SO_MARK, mark as i32);
    }

    fn set_nodelay(&mut self, fd: Fd) {
        let _ = net::sockopt::set_tcp_nodelay(borrow(fd), true);
    }

    fn delay_ack(&mut self, fd: Fd) {
        #[cfg(target_os = "linux")]
        let _ = net::sockopt::set_tcp_quickack(borrow(fd), false);
        #[cfg(not(target_os = "linux"))]
        let _ = fd;
    }

    fn set_keepalive(&mut self, fd: Fd) {
        let _ = net::sockopt::set_socket_keepalive(borrow(fd), true);
    }

    #[allow(unsafe_code)]
    fn close(&mut self, fd: Fd) {
        if !self.poller.forgets_on_close() {
            self.poller.unwatch(fd);
        }
        // SAFETY: the caller owns the descriptor and forgets its number with this call.
        unsafe { rustix::io::close(fd) };
    }

    fn pipe(&mut self, size: u32) -> Result<Pipe, IoError> {
        use rustix::pipe::{PipeFlags, pipe_with};
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).map_err(error)?;
        #[cfg(target_os = "linux")]
        if size > 0 {
            let _ = rustix::pipe::fcntl_setpipe_size(&read, size as usize);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = size;
        Ok(Pipe { read: read.into_raw_fd(), write: write.into_raw_fd() })
    }

    #[cfg(target_os = "linux")]
    fn splice_in(&mut self, from: Fd, pipe: Pipe, max: usize) -> Result<usize, IoError> {
        use rustix::pipe::{SpliceFlags, splice};
        let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
        splice(borrow(from), None, borrow(pipe.write), None, max, flags).map_err(error)
    }

    #[cfg(target_os = "linux")]
    fn splice_out(&mut self, pipe: Pipe, to: Fd, max: usize, more: bool) -> Result<usize, IoError> {
        use rustix::pipe::{SpliceFlags, splice};
        let flags =
            SpliceFlags::MOVE | SpliceFlags::NONBLOCK | if more { SpliceFlags::MORE } else { SpliceFlags::empty() };
        splice(borrow(pipe.read), None, borrow(to), None, max, flags).map_err(error)
    }

    #[cfg(not(target_os = "linux"))]
    fn splice_in(&mut self, _from: Fd, _pipe: Pipe, _max: usize) -> Result<usize, IoError> {
        Err(IoError::Other)
    }

    #[cfg(not(target_os = "linux"))]
    fn splice_out(&mut self, _pipe: Pipe, _to: Fd, _max: usize, _more: bool) -> Result<usize, IoError> {
        Err(IoError::Other)
    }

    fn log_send(&mut self, sink: Fd, line: &[u8]) -> Result<(), IoError> {
        match net::send(borrow(sink), line, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            // Not a socket: a pipe, a terminal or a file behind fd@N, stdout or stderr.
            Err(rustix::io::Errno::NOTSOCK) => rustix::io::write(borrow(sink), line).map(|_| ()).map_err(error),
            r => r.map(|_| ()).map_err(error),
        }
    }

    fn log_connect(&mut self, sink: Fd, to: &Target) -> Result<(), IoError> {
        // Of datagram sockets: it never waits, and the number that all workers share stays the same.
        match to {
            Target::Inet(a) => net::connect(borrow(sink), &a.socket_addr().ok_or(IoError::Unreachable)?),
            other => net::connect(borrow(sink), &unix_addr(other).map_err(error)?),
        }
        .map_err(error)
    }
}
