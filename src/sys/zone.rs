//! The local time zone from its TZif file (RFC 8536), so that log dates need no C library and no allocation.

mod rule;

use rule::Rule;

/// The offsets of a time zone, loaded at start-up.
#[derive(Default, Debug)]
pub struct Zone {
    /// From this second on (ascending) the offset east of UTC holds.
    changes: Vec<(i64, i32)>,
    first: i32,
    /// What holds after the last of them.
    rule: Option<Rule>,
}

/// Where the files of zones are.
const FILES: &str = "/usr/share/zoneinfo/";

impl Zone {
    /// The zone of `TZ` (a file, a name, or a rule such as `CET-1CEST,M3.5.0,M10.5.0/3`) or of /etc/localtime; UTC when there is none.
    pub fn local() -> Zone {
        match std::env::var("TZ") {
            Ok(tz) => Zone::named(tz.trim_start_matches(':')),
            Err(_) => Zone::read("/etc/localtime").unwrap_or_default(),
        }
    }

    fn named(tz: &str) -> Zone {
        if tz.is_empty() {
            return Zone::default();
        }
        let path = if tz.starts_with('/') { tz.to_owned() } else { format!("{FILES}{tz}") };
        let by_rule = || Some(Zone { rule: Some(Rule::parse(tz)?), ..Zone::default() });
        Zone::read(&path).or_else(by_rule).unwrap_or_default()
    }

    fn read(path: &str) -> Option<Zone> {
        std::fs::read(path).ok().and_then(|d| Zone::parse(&d))
    }

    fn parse(data: &[u8]) -> Option<Zone> {
        let count = |at: usize, i: usize| {
            Some(u32::from_be_bytes(data.get(at + 20 + 4 * i..at + 24 + 4 * i)?.try_into().ok()?) as usize)
        };
        if data.get(..4)? != b"TZif" {
            return None;
        }
        // A header of 44 bytes, then its tables: times, types, names, leap seconds, two of flags.
        let length = |at: usize, width: usize| {
            let tables = count(at, 3)? * (width + 1) + count(at, 4)? * 6 + count(at, 5)? + count(at, 2)? * (width + 4);
            Some(44 + tables + count(at, 1)? + count(at, 0)?)
        };
        // From version 2 on, all of it comes again with times of 64 bits, and the rule.
        let (at, width) = if *data.get(4)? >= b'2' { (length(0, 4)?, 8) } else { (0, 4) };
        let (times, types) = (count(at, 3)?, count(at, 4)?);
        let body = at + 44;
        let offset = |i: usize| {
            let t = body + times * (width + 1) + i * 6;
            Some(i32::from_be_bytes(data.get(t..t + 4)?.try_into().ok()?))
        };
        let mut changes = Vec::with_capacity(times.min(data.len()));
        for i in 0..times {
            let raw = data.get(body + i * width..body + (i + 1) * width)?;
            let when = if width == 8 {
                i64::from_be_bytes(raw.try_into().ok()?)
            } else {
                i32::from_be_bytes(raw.try_into().ok()?).into()
            };
            changes.push((when, offset((*data.get(body + times * width + i)?).into())?));
        }
        let rule = if width == 8 { footer(data.get(at + length(at, 8)?..)?) } else { None };
        Some(Zone { changes, first: if types > 0 { offset(0)? } else { 0 }, rule })
    }

    /// Seconds east of UTC at a time.
    pub fn offset(&self, unix_s: i64) -> i32 {
        let n = self.changes.partition_point(|c| c.0 <= unix_s);
        match (n, &self.rule) {
            (n, Some(rule)) if n == self.changes.len() => rule.offset(unix_s),
            (0, _) => self.first,
            (n, _) => self.changes[n - 1].1,
        }
    }
}

/// The rule between two line feeds.
fn footer(data: &[u8]) -> Option<Rule> {
    let text = data.strip_prefix(b"\n")?;
    let end = text.iter().position(|b| *b == b'\n')?;
    Rule::parse(std::str::from_utf8(&text[..end]).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(version: u8, counts: [u32; 6]) -> Vec<u8> {
        let mut f = b"TZif".to_vec();
        f.push(version);
        f.extend([0; 15]);
        counts.iter().for_each(|n| f.extend(n.to_be_bytes()));
        f
    }

    fn types() -> Vec<u8> {
        [&3600i32.to_be_bytes()[..], &[0, 0], &7200i32.to_be_bytes(), &[1, 0]].concat()
    }

    #[test]
    fn a_made_up_zone() {
        let mut f = header(0, [0, 0, 0, 2, 2, 4]);
        f.extend(1000i32.to_be_bytes());
        f.extend(2000i32.to_be_bytes());
        f.extend([1, 0]);
        f.extend(types());
        let z = Zone::parse(&f).unwrap();
        assert_eq!([999, 1000, 1999, 2000].map(|t| z.offset(t)), [3600, 7200, 7200, 3600]);
        assert!(Zone::parse(b"TZif2").is_none() && Zone::parse(b"").is_none());
    }

    #[test]
    fn the_rule_holds_after_the_table() {
        let mut f = header(b'2', [0; 6]);
        f.extend(header(b'2', [0, 0, 1, 2, 2, 4]));
        f.extend(1000i64.to_be_bytes());
        f.extend(2000i64.to_be_bytes());
        f.extend([1, 0]);
        f.extend(types());
        f.extend(b"ABC\0");
        f.extend([0; 12]); // a leap second
        let without = f.clone();
        f.extend(b"\nABC-5\n");
        let z = Zone::parse(&f).unwrap();
        assert_eq!([999, 1000, 1999, 2000, 1 << 40].map(|t| z.offset(t)), [3600, 7200, 7200, 18_000, 18_000]);
        assert_eq!(Zone::parse(&without).unwrap().offset(2000), 3600);
        assert_eq!(Zone::named("ABC-5").offset(0), 18_000);
        assert_eq!(Zone::named("no such zone").offset(0), 0);
    }

    /// The C library agrees, for dates in the table of a file and far beyond it.
    #[test]
    fn as_date_says() {
        for name in [
            "Europe/Paris",
            "America/New_York",
            "Australia/Sydney",
            "America/Santiago",
            "Australia/Lord_Howe",
            "Europe/Dublin",
            "Asia/Gaza",
            "America/Nuuk",
            "Pacific/Chatham",
            "Asia/Tokyo",
            "Africa/Casablanca",
        ] {
            let Some(zone) = Zone::read(&format!("{FILES}{name}")) else {
                eprintln!("SKIPPED: no zone {name} here");
                continue;
            };
            // Every 11 days and some hours from 1999 to 2120.
            let times: Vec<i64> = (0..4000).map(|n| 920_000_000 + n * 961_237).collect();
            let list: String = times.iter().map(|t| format!("@{t}\n")).collect();
            let file =
                std::env::temp_dir().join(format!("evenkeel-dates-{}-{}", std::process::id(), name.replace('/', "-")));
            std::fs::write(&file, list).unwrap();
            let said = std::process::Command::new("date").env("TZ", name).args(["+%z", "-f"]).arg(&file).output();
            let _ = std::fs::remove_file(&file);
            let Some(said) = said.ok().filter(|o| o.status.success()) else {
                eprintln!("SKIPPED: date -f does not work here");
                return;
            };
            for (t, theirs) in times.iter().zip(String::from_utf8_lossy(&said.stdout).lines()) {
                let ours = zone.offset(*t) / 60;
                let sign = if ours < 0 { '-' } else { '+' };
                let ours = format!("{sign}{:02}{:02}", ours.abs() / 60, ours.abs() % 60);
                assert_eq!(ours, theirs, "{name} at {t}");
            }
        }
    }
}
