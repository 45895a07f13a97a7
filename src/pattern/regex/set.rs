//! Sets of bytes, and those that have names.

/// A set of bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ByteSet([u32; 8]);

impl ByteSet {
    /// Those for which `is` holds.
    pub fn of(is: impl Fn(u8) -> bool) -> ByteSet {
        let mut set = ByteSet::default();
        (0..=u8::MAX).filter(|b| is(*b)).for_each(|b| set.insert(b));
        set
    }

    pub fn insert(&mut self, byte: u8) {
        self.0[usize::from(byte >> 5)] |= 1 << (byte & 31);
    }

    pub fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 5)] >> (byte & 31) & 1 != 0
    }

    /// Adds what is in `other`.
    pub fn add(&mut self, other: &ByteSet) {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a |= b);
    }

    /// All others.
    pub fn inverted(&self) -> ByteSet {
        ByteSet(self.0.map(|bits| !bits))
    }

    /// With each ASCII letter in both cases.
    pub fn folded(&self) -> ByteSet {
        ByteSet::of(|b| {
            self.contains(b.to_ascii_lowercase()) || self.contains(b.to_ascii_uppercase()) || self.contains(b)
        })
    }
}

/// A letter, a digit or `_`.
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | b' ')
}

/// The set of an escape (`\d`), if it is one of a set; that of a capital letter is what its small one leaves.
pub fn escaped(letter: u8) -> Option<ByteSet> {
    let set = match letter.to_ascii_lowercase() {
        b'd' => ByteSet::of(|b| b.is_ascii_digit()),
        b'w' => ByteSet::of(is_word),
        b's' => ByteSet::of(is_space),
        b'h' => ByteSet::of(|b| b == b'\t' || b == b' '),
        b'v' => ByteSet::of(|b| matches!(b, b'\n'..=b'\r')),
        // There is no `\n` here: it is a byte.
        b'n' if letter == b'N' => ByteSet::of(|b| b == b'\n'),
        _ => return None,
    };
    Some(if letter.is_ascii_uppercase() { set.inverted() } else { set })
}

/// The set of a POSIX name (`[:alpha:]`).
pub fn posix(name: &[u8]) -> Option<ByteSet> {
    let is: fn(u8) -> bool = match name {
        b"alnum" => |b| b.is_ascii_alphanumeric(),
        b"alpha" => |b| b.is_ascii_alphabetic(),
        b"ascii" => |b| b.is_ascii(),
        b"blank" => |b| b == b'\t' || b == b' ',
        b"cntrl" => |b| b.is_ascii_control(),
        b"digit" => |b| b.is_ascii_digit(),
        b"graph" => |b| b.is_ascii_graphic(),
        b"lower" => |b| b.is_ascii_lowercase(),
        b"print" => |b| b.is_ascii_graphic() || b == b' ',
        b"punct" => |b| b.is_ascii_punctuation(),
        b"space" => is_space,
        b"upper" => |b| b.is_ascii_uppercase(),
        b"word" => is_word,
        b"xdigit" => |b| b.is_ascii_hexdigit(),
        _ => return None,
    };
    Some(ByteSet::of(is))
}

/// Bytes that no set of a program can tell from each other.
pub struct Classes {
    of: Box<[u8; 256]>,
    /// One byte of each.
    pub samples: Box<[u8]>,
}

impl Classes {
    pub fn new(sets: &[ByteSet]) -> Classes {
        let (mut of, mut samples) = (Box::new([0; 256]), vec![0]);
        for set in sets {
            // A class with bytes inside and outside of the set becomes two.
            let mut parts = [[None; 2]; 256];
            samples.clear();
            for byte in 0..=u8::MAX {
                let class = &mut of[usize::from(byte)];
                *class = *parts[usize::from(*class)][usize::from(set.contains(byte))].get_or_insert_with(|| {
                    samples.push(byte);
                    (samples.len() - 1) as u8
                });
            }
        }
        Classes { of, samples: samples.into() }
    }

    pub fn of(&self, byte: u8) -> usize {
        self.of[usize::from(byte)].into()
    }

    pub fn memory_bytes(&self) -> usize {
        size_of_val(&*self.of) + self.samples.len()
    }
}
