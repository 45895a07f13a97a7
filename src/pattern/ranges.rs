//! Numbers and ranges of numbers: `5`, `5:10`, `:10`, `5:`, `lt 5`.

use super::{Hit, Wrong};

/// Inclusive ranges, and where each stood in the list.
pub struct Ranges {
    list: Vec<(i64, i64, u32)>,
    /// They do not overlap: the one that begins last before a number is the only one that can hold it.
    sorted: bool,
}

/// Reads a range; the operator that may stand before patterns of numbers is written into the word: `lt 5`.
pub fn parse(text: &str) -> Result<(i64, i64), Wrong<'_>> {
    let wrong = |why| Wrong(text, why);
    let number = |t: &str| t.parse::<i64>().map_err(|_| wrong("is neither a number nor a range of numbers"));
    if let Some((operator, n)) = text.split_once(' ') {
        let n = number(n)?;
        return Ok(match operator {
            "eq" => (n, n),
            "le" => (i64::MIN, n),
            "lt" => (i64::MIN, n.checked_sub(1).ok_or(wrong("holds no number"))?),
            "ge" => (n, i64::MAX),
            "gt" => (n.checked_add(1).ok_or(wrong("holds no number"))?, i64::MAX),
            _ => return Err(Wrong(operator, "is none of eq, ge, gt, le, lt")),
        });
    }
    match text.split_once(':') {
        None => number(text).map(|n| (n, n)),
        Some(("", "")) => Err(wrong("has no end")),
        Some(("", high)) => Ok((i64::MIN, number(high)?)),
        Some((low, "")) => Ok((number(low)?, i64::MAX)),
        Some((low, high)) => {
            let (low, high) = (number(low)?, number(high)?);
            if low <= high { Ok((low, high)) } else { Err(wrong("begins behind its end")) }
        }
    }
}

impl Ranges {
    pub fn new(ranges: Vec<(i64, i64)>) -> Ranges {
        let mut list: Vec<(i64, i64, u32)> =
            ranges.into_iter().enumerate().map(|(n, (low, high))| (low, high, n as u32)).collect();
        let mut ordered = list.clone();
        ordered.sort_unstable();
        let sorted = ordered.windows(2).all(|w| w[0].1 < w[1].0);
        if sorted {
            list = ordered;
        }
        Ranges { list, sorted }
    }

    /// The (first) range that holds `n`, of those that count.
    pub fn find(&self, n: i64, counts: &dyn Fn(usize) -> bool) -> Option<Hit> {
        let holds = |r: &&(i64, i64, u32)| r.0 <= n && n <= r.1 && counts(r.2 as usize);
        let found = if self.sorted {
            let after = self.list.partition_point(|r| r.0 <= n);
            self.list[..after].last().filter(holds)
        } else {
            self.list.iter().find(holds)
        };
        found.map(|r| Hit::of(r.2))
    }

    pub fn memory_bytes(&self) -> usize {
        self.list.capacity() * size_of::<(i64, i64, u32)>()
    }
}
