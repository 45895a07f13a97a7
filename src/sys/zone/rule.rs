//! The rule at the end of a time zone file, or in `TZ`: what holds after the last entry of the table (POSIX, 8.3, with the extensions
//! of RFC 8536, 3.3.1): `CET-1CEST,M3.5.0,M10.5.0/3`.

use crate::util::date::{civil, days};

/// When the offset changes, every year alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Seconds east of UTC in winter.
    standard_s: i32,
    summer: Option<Summer>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Summer {
    offset_s: i32,
    begin: Moment,
    end: Moment,
}

/// A day of the year, and seconds after its midnight (also negative, or beyond the day).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Moment {
    day: Day,
    after_s: i32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Day {
    /// 1 to 365, the 29th of February is never counted.
    Julian(i64),
    /// 0 to 365.
    Nth(i64),
    /// Month, week 1 to 5 (5 = the last), day of the week from Sunday = 0.
    Weekday(u32, i64, i64),
}

impl Rule {
    /// Reads a rule; none when it is not one.
    pub fn parse(text: &str) -> Option<Rule> {
        let mut r = Reader { rest: text.as_bytes() };
        r.name()?;
        let standard_s = -r.time(24)?;
        if r.rest.is_empty() {
            return Some(Rule { standard_s, summer: None });
        }
        r.name()?;
        let offset_s = if matches!(r.rest.first(), None | Some(b',')) { standard_s + 3600 } else { -r.time(24)? };
        // Without dates, those of the United States, as everywhere.
        let (begin, end) = if r.rest.is_empty() {
            let at = |day| Moment { day, after_s: 7200 };
            (at(Day::Weekday(3, 2, 0)), at(Day::Weekday(11, 1, 0)))
        } else {
            (r.moment()?, r.moment()?)
        };
        r.rest.is_empty().then_some(Rule { standard_s, summer: Some(Summer { offset_s, begin, end }) })
    }

    /// Seconds east of UTC at a time: those since the last change. A rule may change at the very end of a year, or a little beyond it.
    pub fn offset(&self, unix_s: i64) -> i32 {
        let Some(summer) = self.summer else { return self.standard_s };
        let year = civil(unix_s + i64::from(self.standard_s)).year;
        let mut last = (i64::MIN, self.standard_s);
        for y in year - 1..=year + 1 {
            // Where a summer ends at the moment at which the next one begins, it is always summer.
            for (moment, before, after) in
                [(summer.end, summer.offset_s, self.standard_s), (summer.begin, self.standard_s, summer.offset_s)]
            {
                let at = moment.seconds(y) - i64::from(before);
                if at <= unix_s && at >= last.0 {
                    last = (at, after);
                }
            }
        }
        last.1
    }
}

impl Moment {
    /// Local seconds since 1970.
    fn seconds(self, year: i64) -> i64 {
        let first = days(year, 1, 1);
        let day = match self.day {
            Day::Nth(n) => first + n,
            Day::Julian(n) => {
                let leap = days(year, 3, 1) - days(year, 2, 28) == 2;
                first + n - 1 + i64::from(leap && n >= 60)
            }
            Day::Weekday(month, week, weekday) => {
                let begin = days(year, month, 1);
                let next = if month == 12 { days(year + 1, 1, 1) } else { days(year, month + 1, 1) };
                // 1970 began on a Thursday.
                let wait = (weekday - (begin + 4)).rem_euclid(7);
                let day = begin + wait + (week - 1) * 7;
                if day >= next { day - 7 } else { day }
            }
        };
        day * 86_400 + i64::from(self.after_s)
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn accept(&mut self, b: u8) -> bool {
        let found = self.rest.first() == Some(&b);
        self.rest = &self.rest[usize::from(found)..];
        found
    }

    /// A name of three letters or more, or anything between angles.
    fn name(&mut self) -> Option<()> {
        let len = if self.accept(b'<') {
            self.rest.iter().position(|b| *b == b'>')? + 1
        } else {
            let len = self.rest.iter().take_while(|b| b.is_ascii_alphabetic()).count();
            (len >= 3).then_some(len)?
        };
        self.rest = &self.rest[len..];
        Some(())
    }

    fn number(&mut self, max: i32) -> Option<i32> {
        let len = self.rest.iter().take_while(|b| b.is_ascii_digit()).count();
        if !(1..=3).contains(&len) {
            return None;
        }
        let n = self.rest[..len].iter().fold(0, |n, b| n * 10 + i32::from(b - b'0'));
        self.rest = &self.rest[len..];
        (n <= max).then_some(n)
    }

    /// `[+-]hh[:mm[:ss]]` in seconds.
    fn time(&mut self, max_hours: i32) -> Option<i32> {
        let negative = self.accept(b'-');
        if !negative {
            self.accept(b'+');
        }
        let mut seconds = self.number(max_hours)? * 3600;
        for unit in [60, 1] {
            if !self.accept(b':') {
                break;
            }
            seconds += self.number(59)? * unit;
        }
        Some(if negative { -seconds } else { seconds })
    }

    /// `,Mm.w.d`, `,Jn` or `,n`, and perhaps `/time`; 2 o'clock without.
    fn moment(&mut self) -> Option<Moment> {
        if !self.accept(b',') {
            return None;
        }
        let day = if self.accept(b'M') {
            let month = self.number(12).filter(|n| *n >= 1)? as u32;
            let week = self.accept(b'.').then(|| self.number(5))?.filter(|n| *n >= 1)?;
            let weekday = self.accept(b'.').then(|| self.number(6))??;
            Day::Weekday(month, week.into(), weekday.into())
        } else if self.accept(b'J') {
            Day::Julian(self.number(365).filter(|n| *n >= 1)?.into())
        } else {
            Day::Nth(self.number(365)?.into())
        };
        let after_s = if self.accept(b'/') { self.time(167)? } else { 7200 };
        Some(Moment { day, after_s })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hours east of UTC at a UTC date of a zone.
    fn at(rule: &str, (y, m, d): (i64, u32, u32), h: f64) -> f64 {
        let seconds = days(y, m, d) * 86_400 + (h * 3600.0) as i64;
        f64::from(Rule::parse(rule).unwrap().offset(seconds)) / 3600.0
    }

    #[test]
    fn both_halves_of_the_earth() {
        const PARIS: &str = "CET-1CEST,M3.5.0,M10.5.0/3";
        // The last Sunday of March 2050 is the 27th, of October the 30th; both changes are at 1:00 UTC.
        for (month, day, hour, offset) in
            [(3, 27, 0.99, 1.0), (3, 27, 1.0, 2.0), (10, 30, 0.99, 2.0), (10, 30, 1.0, 1.0)]
        {
            assert_eq!(at(PARIS, (2050, month, day), hour), offset, "{month}/{day} {hour}");
        }
        const NEW_YORK: &str = "EST5EDT,M3.2.0,M11.1.0";
        for (month, day, hour, offset) in
            [(3, 13, 6.99, -5.0), (3, 13, 7.0, -4.0), (11, 6, 5.99, -4.0), (11, 6, 6.0, -5.0)]
        {
            assert_eq!(at(NEW_YORK, (2050, month, day), hour), offset, "{month}/{day} {hour}");
        }
        const SYDNEY: &str = "AEST-10AEDT,M10.1.0,M4.1.0/3";
        for (month, day, offset) in
            [(1, 1, 11.0), (4, 2, 11.0), (4, 3, 10.0), (10, 1, 10.0), (10, 2, 11.0), (12, 31, 11.0)]
        {
            assert_eq!(at(SYDNEY, (2050, month, day), 18.0 - 24.0), offset, "{month}/{day}");
        }
        assert_eq!(at("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", (2050, 1, 1), 0.0), 11.0);
        assert_eq!(at("<+0530>-5:30", (2050, 6, 1), 0.0), 5.5);
        // Dublin: the summer is the standard, and the winter saves.
        assert_eq!(at("IST-1GMT0,M10.5.0,M3.5.0/1", (2050, 7, 1), 0.0), 1.0);
        assert_eq!(at("IST-1GMT0,M10.5.0,M3.5.0/1", (2050, 1, 1), 0.0), 0.0);
        // Always summer.
        for (month, hour) in [(1, 4.0), (7, 0.0), (12, 23.9)] {
            assert_eq!(at("XXX3EDT4,0/0,J365/23", (2050, month, 1), hour), -4.0);
        }
        // Leap years: day 60 is the 1st of March for J, the 29th of February or 1st of March without.
        assert_eq!(at("AAA0BBB,J60/0,J300/0", (2048, 2, 29), 12.0), 0.0);
        assert_eq!(at("AAA0BBB,J60/0,J300/0", (2048, 3, 1), 0.0), 1.0);
        assert_eq!(at("AAA0BBB,59/0,300/0", (2048, 2, 29), 0.0), 1.0);
    }

    #[test]
    fn what_is_no_rule() {
        for text in [
            "",
            "C",
            "CET",
            "CE-1",
            "CET-1CEST,",
            "CET-1CEST,M3.5.0",
            "CET-1CEST,M13.5.0,M10.5.0",
            "CET-25",
            "CET-1 ",
            "CET-1CEST,M3.6.0,M10.5.0",
            "CET-1CEST,M3.5.7,M10.5.0",
            "<+01-1",
            "CET-1CEST,J0,J9",
            "CET-1CEST,M3.5.0,M10.5.0/3x",
        ] {
            assert_eq!(Rule::parse(text), None, "{text}");
        }
        assert!(Rule::parse("EST5EDT").is_some());
    }
}
