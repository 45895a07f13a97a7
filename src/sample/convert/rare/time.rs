//! Dates in formats of strftime(3), and in local time.

use super::date::Moment;
use super::{Arg, Converter, Tools, converter};
use super::{INT_STR, int, written};
use crate::pattern::Value;
use crate::sys::zone::Zone;
use crate::util::date::{Civil, civil, days};
use crate::util::fmt::Out;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// How a number is filled up to its width; none: not at all.
type Fill = Option<u8>;

/// What stands behind a '%': the fill or the capital letters that it asks for, and the conversion.
struct Conversion {
    fill: Option<Fill>,
    capital: bool,
    letter: u8,
}

/// Splits a conversion off; `E` and `O` (other calendars and digits) change nothing here.
fn conversion(text: &[u8]) -> Option<(Conversion, &[u8])> {
    let mut found = Conversion { fill: None, capital: false, letter: 0 };
    let mut rest = text;
    loop {
        let [first, tail @ ..] = rest else { return None };
        rest = tail;
        match first {
            b'-' => found.fill = Some(None),
            b'_' => found.fill = Some(Some(b' ')),
            b'0' => found.fill = Some(Some(b'0')),
            b'^' => found.capital = true,
            b'E' | b'O' => {}
            letter => {
                found.letter = *letter;
                return Some((found, rest));
            }
        }
    }
}

/// A date to be written, with its offset from UTC.
struct Writer<'a> {
    moment: &'a Moment,
    date: Civil,
    offset_s: i32,
}

impl Writer<'_> {
    fn write(&self, format: &[u8], out: &mut Out) {
        let mut rest = format;
        while let [first, tail @ ..] = rest {
            rest = tail;
            if *first != b'%' {
                out.byte(*first);
            } else if let Some((found, tail)) = conversion(tail) {
                rest = tail;
                self.convert(&found, out);
            }
        }
    }

    /// Days since the first of January.
    fn day_of_year(&self) -> i64 {
        days(self.date.year, self.date.month, self.date.day) - days(self.date.year, 1, 1)
    }

    /// The year and the number of the week of ISO 8601: that of its Thursday.
    fn iso_week(&self) -> (i64, i64) {
        let thursday = self.day_of_year() + 3 - i64::from((self.date.weekday + 6) % 7);
        let this = days(self.date.year, 1, 1);
        let year = civil((this + thursday) * 86_400).year;
        (year, (this + thursday - days(year, 1, 1)) / 7 + 1)
    }

    fn convert(&self, found: &Conversion, out: &mut Out) {
        let d = &self.date;
        let weekday = i64::from(d.weekday);
        let hour_12 = i64::from((d.hour + 11) % 12 + 1);
        let half = if d.hour < 12 { ["am", "AM"] } else { ["pm", "PM"] };
        let mut text =
            |t: &str| t.bytes().for_each(|b| out.byte(if found.capital { b.to_ascii_uppercase() } else { b }));
        // A number: its value, its width and what it is filled up with.
        let (n, width, fill) = match found.letter {
            b'a' => return text(&DAYS[d.weekday as usize][..3]),
            b'A' => return text(DAYS[d.weekday as usize]),
            b'b' | b'h' => return text(&MONTHS[d.month as usize - 1][..3]),
            b'B' => return text(MONTHS[d.month as usize - 1]),
            b'p' => return text(half[1]),
            b'P' => return text(half[0]),
            b'Z' => return text("GMT"),
            b'c' => return self.write(b"%a %b %e %H:%M:%S %Y", out),
            b'D' | b'x' => return self.write(b"%m/%d/%y", out),
            b'F' => return self.write(b"%Y-%m-%d", out),
            b'r' => return self.write(b"%I:%M:%S %p", out),
            b'R' => return self.write(b"%H:%M", out),
            b'T' | b'X' => return self.write(b"%H:%M:%S", out),
            b'n' => return out.byte(b'\n'),
            b't' => return out.byte(b'\t'),
            b'z' => return crate::util::date::put_zone(out, self.offset_s, false),
            b'N' => return out.zero_padded(self.moment.parts, self.moment.digits),
            b'C' => (d.year / 100, 2, b'0'),
            b'd' => (d.day.into(), 2, b'0'),
            b'e' => (d.day.into(), 2, b' '),
            b'g' => (self.iso_week().0 % 100, 2, b'0'),
            b'G' => (self.iso_week().0, 1, b'0'),
            b'H' => (d.hour.into(), 2, b'0'),
            b'I' => (hour_12, 2, b'0'),
            b'j' => (self.day_of_year() + 1, 3, b'0'),
            b'k' => (d.hour.into(), 2, b' '),
            b'l' => (hour_12, 2, b' '),
            b'm' => (d.month.into(), 2, b'0'),
            b'M' => (d.minute.into(), 2, b'0'),
            b's' => (self.moment.seconds, 1, b'0'),
            b'S' => (d.second.into(), 2, b'0'),
            b'u' => ((weekday + 6) % 7 + 1, 1, b'0'),
            b'U' => ((self.day_of_year() + 7 - weekday) / 7, 2, b'0'),
            b'V' => (self.iso_week().1, 2, b'0'),
            b'w' => (weekday, 1, b'0'),
            b'W' => ((self.day_of_year() + 7 - (weekday + 6) % 7) / 7, 2, b'0'),
            b'y' => (d.year % 100, 2, b'0'),
            b'Y' => (d.year, 1, b'0'),
            other => return out.byte(other),
        };
        if let Some(fill) = found.fill.unwrap_or(Some(fill)) {
            let digits = n.unsigned_abs().checked_ilog10().unwrap_or(0) as usize + 1;
            (digits..width).for_each(|_| out.byte(fill));
        }
        out.int(n);
    }
}

/// Checks the format of a date, and keeps the zone of this place where it asks for it.
fn format(args: &mut [Arg], local: bool, digits: usize) -> Result<(), String> {
    let mut rest = args[0].text();
    while let Some(at) = rest.iter().position(|b| *b == b'%') {
        let Some((found, tail)) = conversion(&rest[at + 1..]) else {
            return Err("the format ends in the middle of a conversion".into());
        };
        match found.letter {
            b'Z' if local => {
                return Err("'%Z' is not built: the name of the zone is not known; '%z' is its offset".into());
            }
            b'N' if digits > 0 => {}
            letter if b"aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYzZ%".contains(&letter) => {}
            letter => return Err(format!("the format has no conversion '%{}'", char::from(letter))),
        }
        rest = tail;
    }
    args[1] = Arg::Zone(Box::new(if local { Zone::local() } else { Zone::default() }), args[1].int_or(0));
    Ok(())
}

/// Writes a date in the format of the first argument, moved, in the zone that was kept.
fn dated<'a>(value: Value, args: &[Arg], t: &mut Tools<'a, '_>, digits: usize) -> Option<Value<'a>> {
    let Arg::Zone(zone, shift) = &args[1] else { return None };
    let moment = Moment::new(int(value), *shift, digits)?;
    let offset_s = zone.offset(moment.seconds);
    let writer = Writer { moment: &moment, date: civil(moment.seconds + i64::from(offset_s)), offset_s };
    written(t, |o| writer.write(args[0].text(), o)).map(Value::Str)
}

/// A row for units of which a second has `10^DIGITS`, in local time or in UTC.
const fn row<const LOCAL: bool, const DIGITS: usize>(
    name: &'static str,
    since: &'static str,
    doc: &'static str,
) -> Converter {
    let shape = "format:text,offset:int?";
    converter(name, shape, INT_STR, since, doc, |v, a, _, t| dated(v, a, t, DIGITS))
        .prepared(|a| format(a, LOCAL, DIGITS))
}

/// Sorted by name.
pub static TABLE: &[Converter] = &[
    row::<true, 0>("ltime", "1.6", "A date in local time, by a format of strftime(3)."),
    row::<true, 3>("ms_ltime", "2.9", "As ltime, of milliseconds; %N are those."),
    row::<false, 3>("ms_utime", "2.9", "As utime, of milliseconds; %N are those."),
    row::<true, 6>("us_ltime", "2.9", "As ltime, of microseconds; %N are those."),
    row::<false, 6>("us_utime", "2.9", "As utime, of microseconds; %N are those."),
    row::<false, 0>("utime", "1.6", "A date in UTC, by a format of strftime(3)."),
];
