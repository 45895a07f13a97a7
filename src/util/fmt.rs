//! Text into fixed buffers: a writer that never allocates and says when it was full.

use std::fmt::{self, Write};
use std::net::IpAddr;

/// A position in an answer that is produced piece by piece; its meaning is the producer's.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub stage: u16,
    /// Whose turn it is, where each worker answers for itself.
    pub worker: u16,
    pub a: u32,
    pub b: u32,
}

impl Cursor {
    /// Goes to the beginning of the next part.
    pub fn next_stage(&mut self) {
        *self = Cursor { stage: self.stage + 1, worker: self.worker, a: 0, b: 0 };
    }
}

/// What a producer says after it filled a buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// The buffer is full: call again with room.
    More,
    /// Another worker is asked: call again when it has answered.
    Elsewhere,
    Done,
}

/// Appends to a byte slice; what does not fit is cut and `overflow` is set.
pub struct Out<'a> {
    buf: &'a mut [u8],
    len: usize,
    overflow: bool,
}

impl<'a> Out<'a> {
    /// Writes from the start of `buf`.
    pub fn new(buf: &'a mut [u8]) -> Out<'a> {
        Out { buf, len: 0, overflow: false }
    }

    /// Bytes written.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True when nothing was written.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes that still fit.
    pub fn room(&self) -> usize {
        self.buf.len() - self.len
    }

    /// True when something was cut.
    pub fn overflow(&self) -> bool {
        self.overflow
    }

    /// Takes everything written after `len` back, and the overflow with it.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
        self.overflow = false;
    }

    /// Lets `write` append, all but the last `tail` bytes being its whole buffer.
    pub fn within<R>(&mut self, tail: usize, write: impl FnOnce(&mut Out) -> R) -> R {
        let end = self.buf.len().saturating_sub(tail).max(self.len);
        let mut inner = Out::new(&mut self.buf[self.len..end]);
        let result = write(&mut inner);
        self.len += inner.len;
        result
    }

    /// What was written.
    pub fn bytes(&self) -> &[u8] {
        &self.buf[..self.len]
    }

    /// Appends bytes.
    #[inline]
    pub fn put(&mut self, bytes: &[u8]) {
        let n = bytes.len().min(self.room());
        self.buf[self.len..self.len + n].copy_from_slice(&bytes[..n]);
        self.len += n;
        self.overflow |= n < bytes.len();
    }

    /// Appends one byte.
    #[inline]
    pub fn byte(&mut self, b: u8) {
        match self.buf.get_mut(self.len) {
            Some(place) => {
                *place = b;
                self.len += 1;
            }
            None => self.overflow = true,
        }
    }

    /// Appends a decimal number.
    pub fn num(&mut self, mut n: u64) {
        let mut digits = [0u8; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (n % 10) as u8;
            n /= 10;
            if n == 0 {
                break;
            }
        }
        self.put(&digits[at..]);
    }

    /// Appends a signed decimal number.
    pub fn int(&mut self, n: i64) {
        if n < 0 {
            self.byte(b'-');
        }
        self.num(n.unsigned_abs());
    }

    /// Appends an address.
    pub fn ip(&mut self, ip: IpAddr) {
        match ip {
            IpAddr::V4(v4) => {
                let mut text = [b'.'; "255.255.255.255".len()];
                let mut at = 0;
                for octet in v4.octets() {
                    for (least, digit) in [(100, octet / 100), (10, octet / 10 % 10), (0, octet % 10)] {
                        if octet >= least {
                            text[at] = b'0' + digit;
                            at += 1;
                        }
                    }
                    at += 1; // the dot
                }
                self.put(&text[..at - 1]);
            }
            IpAddr::V6(v6) => _ = write!(self, "{v6}"),
        }
    }

    /// Appends a number with leading zeros to a width of up to 20.
    pub fn zero_padded(&mut self, n: u64, width: usize) {
        let mut limit = 10u64;
        for _ in 1..width {
            if n < limit {
                self.put(&b"00000000000000000000"[..width - digits(n)]);
                break;
            }
            limit = limit.saturating_mul(10);
        }
        self.num(n);
    }
}

fn digits(mut n: u64) -> usize {
    let mut d = 1;
    while n >= 10 {
        n /= 10;
        d += 1;
    }
    d
}

impl fmt::Write for Out<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.put(s.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let mut b = [0; 64];
        let mut o = Out::new(&mut b);
        o.num(0);
        o.int(-12);
        o.zero_padded(7, 3);
        o.zero_padded(123, 3);
        o.zero_padded(1234, 3);
        o.num(u64::MAX);
        assert_eq!(o.bytes(), b"0-12007123123418446744073709551615");
    }

    #[test]
    fn addresses() {
        for text in ["0.0.0.0", "1.10.100.255", "255.255.255.255", "99.9.109.200", "::1", "2001:db8::ffff"] {
            let mut b = [0; 64];
            let mut o = Out::new(&mut b);
            o.ip(text.parse().unwrap());
            assert_eq!(o.bytes(), text.as_bytes());
        }
    }

    #[test]
    fn cuts_and_says_so() {
        let mut b = [0; 3];
        let mut o = Out::new(&mut b);
        o.put(b"abcd");
        assert!(o.overflow() && o.bytes() == b"abc" && o.room() == 0);
        o.truncate(1);
        assert!(!o.overflow() && o.bytes() == b"a");
    }
}
