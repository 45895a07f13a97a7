//! Dates: counts of seconds, or smaller units, since 1970.

use super::{Arg, Converter, Tools, converter};
use super::{INT_STR, int, written};
use crate::pattern::Value;
use crate::util::date::civil;
use crate::util::fmt::Out;

/// The years 0 to 9999.
const KNOWN: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;

/// A moment in parts of a second.
pub struct Moment {
    pub seconds: i64,
    pub parts: u64,
    /// Digits of a part; 0 = whole seconds.
    pub digits: usize,
}

impl Moment {
    /// So many units, of which a second has `10^digits`, shifted. None: in no year from 0 to 9999.
    pub fn new(units: i64, shift: i64, digits: usize) -> Option<Moment> {
        let (units, whole) = (units.saturating_add(shift), 10i64.pow(digits as u32));
        let (seconds, parts) = (units.div_euclid(whole), units.rem_euclid(whole) as u64);
        KNOWN.contains(&seconds).then_some(Moment { seconds, parts, digits })
    }
}

fn unit(args: &mut [Arg]) -> Result<(), String> {
    args[1] = Arg::Int(match args[1].text() {
        b"" | b"s" => 0,
        b"ms" => 3,
        b"us" => 6,
        other => return Err(format!("the unit is 's', 'ms' or 'us', not '{}'", String::from_utf8_lossy(other))),
    });
    Ok(())
}

fn http_date<'a>(value: Value, args: &[Arg], t: &mut Tools<'a, '_>) -> Option<Value<'a>> {
    let moment = Moment::new(int(value), args[0].int_or(0), args[1].int_or(0) as usize)?;
    let write = |o: &mut Out| {
        civil(moment.seconds).put_http(o);
        if moment.digits > 0 && !o.overflow() {
            o.truncate(o.len() - b" GMT".len());
            o.byte(b'.');
            o.zero_padded(moment.parts, moment.digits);
            o.put(b" GMT");
        }
    };
    written(t, write).map(Value::Str)
}

/// Sorted by name.
pub static TABLE: &[Converter] =
    &[converter("http_date", "offset:int?,unit?", INT_STR, "1.5", "The date of HTTP headers.", |v, a, _, t| {
        http_date(v, a, t)
    })
    .prepared(unit)];
