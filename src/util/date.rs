//! Calendar arithmetic without the C library's time zone code: civil dates from seconds, log and HTTP date strings.

use super::fmt::Out;

/// A date and time of the day in some zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    pub year: i64,
    /// 1..=12
    pub month: u32,
    /// 1..=31
    pub day: u32,
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
    /// 0 = Sunday
    pub weekday: u32,
}

/// English month names as HTTP (RFC 9110 section 5.6.7) and syslog (RFC 3164) write them.
pub const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// The civil date of a count of seconds since 1970 in the same zone (Howard Hinnant's algorithm).
pub fn civil(seconds: i64) -> Civil {
    let days = seconds.div_euclid(86_400);
    let rest = seconds.rem_euclid(86_400) as u32;
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 } as u32;
    Civil {
        year: yoe + era * 400 + i64::from(month <= 2),
        month,
        day: (doy - (153 * mp + 2) / 5 + 1) as u32,
        hour: rest / 3600,
        minute: rest / 60 % 60,
        second: rest % 60,
        weekday: (days + 4).rem_euclid(7) as u32,
    }
}

/// Days from 1970 to a date (of the same author).
pub fn days(year: i64, month: u32, day: u32) -> i64 {
    let y = year - i64::from(month <= 2);
    let (era, yoe) = (y.div_euclid(400), y.rem_euclid(400));
    let doy = (153 * i64::from((month + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

impl Civil {
    /// `21/Nov/2026:09:30:58`, the date of HAProxy's log lines.
    pub fn put_log(&self, out: &mut Out) {
        out.zero_padded(self.day.into(), 2);
        out.byte(b'/');
        out.put(MONTHS[self.month as usize - 1].as_bytes());
        out.byte(b'/');
        out.zero_padded(self.year as u64, 4);
        for part in [self.hour, self.minute, self.second] {
            out.byte(b':');
            out.zero_padded(part.into(), 2);
        }
    }

    /// `Nov 21 09:30:58`, the date of RFC 3164.
    pub fn put_syslog(&self, out: &mut Out) {
        out.put(MONTHS[self.month as usize - 1].as_bytes());
        out.byte(b' ');
        if self.day < 10 {
            out.byte(b' ');
        }
        out.num(self.day.into());
        out.byte(b' ');
        self.put_clock(out);
    }

    /// `2026-11-21T09:30:58`, the date of RFC 5424 and ISO 8601 without fraction and zone.
    pub fn put_iso(&self, out: &mut Out) {
        out.zero_padded(self.year as u64, 4);
        out.byte(b'-');
        out.zero_padded(self.month.into(), 2);
        out.byte(b'-');
        out.zero_padded(self.day.into(), 2);
        out.byte(b'T');
        self.put_clock(out);
    }

    /// `Sat, 21 Nov 2026 09:30:58 GMT`, the preferred form of RFC 9110 (the date must be in UTC).
    pub fn put_http(&self, out: &mut Out) {
        out.put(DAYS[self.weekday as usize].as_bytes());
        out.put(b", ");
        out.zero_padded(self.day.into(), 2);
        out.byte(b' ');
        out.put(MONTHS[self.month as usize - 1].as_bytes());
        out.byte(b' ');
        out.zero_padded(self.year as u64, 4);
        out.byte(b' ');
        self.put_clock(out);
        out.put(b" GMT");
    }

    fn put_clock(&self, out: &mut Out) {
        out.zero_padded(self.hour.into(), 2);
        out.byte(b':');
        out.zero_padded(self.minute.into(), 2);
        out.byte(b':');
        out.zero_padded(self.second.into(), 2);
    }
}

/// `+0100` or `+01:00` for an offset from UTC in seconds.
pub fn put_zone(out: &mut Out, offset_s: i32, colon: bool) {
    out.byte(if offset_s < 0 { b'-' } else { b'+' });
    let minutes = offset_s.unsigned_abs() / 60;
    out.zero_padded((minutes / 60).into(), 2);
    if colon {
        out.byte(b':');
    }
    out.zero_padded((minutes % 60).into(), 2);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(f: impl Fn(&mut Out)) -> String {
        let mut b = [0; 64];
        let mut o = Out::new(&mut b);
        f(&mut o);
        String::from_utf8(o.bytes().to_vec()).unwrap()
    }

    #[test]
    fn days_there_and_back() {
        for n in (-1_000_000..1_000_000).step_by(13) {
            let c = civil(n * 86_400);
            assert_eq!(days(c.year, c.month, c.day), n);
        }
    }

    #[test]
    fn known_dates() {
        let c = civil(784_111_777);
        assert_eq!(text(|o| c.put_http(o)), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(text(|o| c.put_log(o)), "06/Nov/1994:08:49:37");
        assert_eq!(text(|o| c.put_syslog(o)), "Nov  6 08:49:37");
        assert_eq!(text(|o| c.put_iso(o)), "1994-11-06T08:49:37");
        assert_eq!(text(|o| civil(951_782_400).put_iso(o)), "2000-02-29T00:00:00");
        assert_eq!(text(|o| put_zone(o, -5400, true)), "-01:30");
    }
}
