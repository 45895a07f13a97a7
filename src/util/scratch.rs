//! Space for texts that live as long as one evaluation: taken piece by piece from one buffer, given back all at once.

use super::fmt::Out;

/// What is left of a buffer.
pub struct Scratch<'a> {
    free: &'a mut [u8],
}

impl<'a> Scratch<'a> {
    /// Hands out pieces of `space`.
    pub fn new(space: &'a mut [u8]) -> Scratch<'a> {
        Scratch { free: space }
    }

    /// What `write` wrote; none when there was no room for all of it.
    pub fn write(&mut self, write: impl FnOnce(&mut Out)) -> Option<&'a [u8]> {
        let space = std::mem::take(&mut self.free);
        let mut out = Out::new(space);
        write(&mut out);
        let (len, cut) = (out.len(), out.overflow());
        let (used, free) = space.split_at_mut(if cut { 0 } else { len });
        self.free = free;
        (!cut).then_some(used)
    }

    /// A copy that may be changed; none when there was no room.
    pub fn copy(&mut self, bytes: &[u8]) -> Option<&'a mut [u8]> {
        let space = std::mem::take(&mut self.free);
        let len = if bytes.len() <= space.len() { bytes.len() } else { 0 };
        let (used, free) = space.split_at_mut(len);
        self.free = free;
        used.copy_from_slice(&bytes[..len]);
        (len == bytes.len()).then_some(used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_stay_and_what_does_not_fit_takes_nothing() {
        let mut space = [0; 8];
        let mut s = Scratch::new(&mut space);
        let one = s.write(|o| o.put(b"abc")).unwrap();
        assert!(s.write(|o| o.put(b"123456")).is_none() && s.copy(b"123456").is_none());
        let two = s.copy(b"12345").unwrap();
        assert_eq!((one, &*two), (&b"abc"[..], &b"12345"[..]));
        assert!(s.write(|o| o.byte(b'x')).is_none());
        assert_eq!(s.write(|_| {}), Some(&b""[..]));
    }
}
