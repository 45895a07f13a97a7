//! The local time zone from its TZif file (RFC 8536), so that log dates need no C library and no allocation.

/// The offsets of a time zone, loaded at start-up.
#[derive(Default, Debug)]
pub struct Zone {
    /// From this second on (ascending) the offset east of UTC holds.
    changes: Vec<(i64, i32)>,
    first: i32,
}

impl Zone {
    /// The zone of `TZ` or of /etc/localtime; UTC when neither can be read. Rules beyond the table of the file (the POSIX
    /// footer) are not used: the last entry goes on, so a file made with "fat" data (Debian's) is right until 2037.
    pub fn local() -> Zone {
        let path = match std::env::var("TZ") {
            Ok(tz) if tz.trim_start_matches(':').is_empty() => return Zone::default(),
            Ok(tz) if tz.trim_start_matches(':').starts_with('/') => tz.trim_start_matches(':').to_string(),
            Ok(tz) => format!("/usr/share/zoneinfo/{}", tz.trim_start_matches(':')),
            Err(_) => "/etc/localtime".to_string(),
        };
        std::fs::read(path).ok().and_then(|d| Zone::parse(&d)).unwrap_or_default()
    }

    fn parse(data: &[u8]) -> Option<Zone> {
        let count = |at: usize, i: usize| {
            Some(u32::from_be_bytes(data.get(at + 20 + 4 * i..at + 24 + 4 * i)?.try_into().ok()?) as usize)
        };
        if data.get(..4)? != b"TZif" {
            return None;
        }
        let (mut at, mut width) = (0, 4);
        if *data.get(4)? >= b'2' {
            // Skip the version 1 block: header 44, then its tables.
            at = 44
                + count(0, 3)? * 5
                + count(0, 4)? * 6
                + count(0, 5)?
                + count(0, 2)? * 8
                + count(0, 1)?
                + count(0, 0)?;
            width = 8;
        }
        let (times, types) = (count(at, 3)?, count(at, 4)?);
        let body = at + 44;
        let offset = |i: usize| {
            let t = body + times * (width + 1) + i * 6;
            Some(i32::from_be_bytes(data.get(t..t + 4)?.try_into().ok()?))
        };
        let mut changes = Vec::with_capacity(times);
        for i in 0..times {
            let raw = data.get(body + i * width..body + (i + 1) * width)?;
            let when = if width == 8 {
                i64::from_be_bytes(raw.try_into().ok()?)
            } else {
                i32::from_be_bytes(raw.try_into().ok()?).into()
            };
            changes.push((when, offset((*data.get(body + times * width + i)?).into())?));
        }
        Some(Zone { changes, first: if types > 0 { offset(0)? } else { 0 } })
    }

    /// Seconds east of UTC at a time.
    pub fn offset(&self, unix_s: i64) -> i32 {
        match self.changes.partition_point(|c| c.0 <= unix_s) {
            0 => self.first,
            n => self.changes[n - 1].1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_zone() {
        let mut f = b"TZif\0".to_vec();
        f.extend([0; 15]);
        for n in [0u32, 0, 0, 2, 2, 4] {
            f.extend(n.to_be_bytes());
        }
        f.extend(1000i32.to_be_bytes());
        f.extend(2000i32.to_be_bytes());
        f.extend([1, 0]);
        f.extend(3600i32.to_be_bytes());
        f.extend([0, 0]);
        f.extend(7200i32.to_be_bytes());
        f.extend([1, 0]);
        let z = Zone::parse(&f).unwrap();
        assert_eq!([999, 1000, 1999, 2000].map(|t| z.offset(t)), [3600, 7200, 7200, 3600]);
        assert!(Zone::parse(b"TZif2").is_none() && Zone::parse(b"").is_none());
    }
}
