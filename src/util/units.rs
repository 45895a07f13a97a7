//! Numbers, times and sizes as arguments.

use super::words::{Args, Fault, Word};

/// Longest time, HAProxy's limit: ticks are 32 bits and half of the circle is the past.
pub const MAX_MS: u64 = 0x7fff_ffff;

/// A time in `text`; `unit_us` is the unit of a number without one, in microseconds. The result is in `unit_us` too,
/// rounded up.
pub fn time_units(word: &Word, name: &str, unit_us: u64) -> Result<u64, Fault> {
    let text = word.text.as_str();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        let message = format!("'{name}' expects a time such as 500ms, 5s, 10m or 1h, got '{text}'");
        return Err(Fault::new(word.pos, message));
    }
    let scale = match &text[digits..] {
        "" => unit_us,
        "us" => 1,
        "ms" => 1000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        other => {
            let fault = Fault::new(word.pos, format!("unknown unit '{other}' in '{text}' for '{name}'"));
            return Err(fault.hint("the units of time are us, ms, s, m, h and d; milliseconds without one"));
        }
    };
    let value = text[..digits].parse::<u64>().ok().and_then(|n| n.checked_mul(scale));
    match value.map(|us| us.div_ceil(unit_us)) {
        Some(n) if n <= MAX_MS => Ok(n),
        _ => Err(Fault::new(word.pos, format!("'{text}' for '{name}' is too long: at most 2147483647 ms (24.8 days)"))),
    }
}

/// A time in milliseconds.
pub fn time_ms(args: &mut Args) -> Result<u32, Fault> {
    let word = args.need("a time (such as 500ms, 5s or 10m)")?;
    time_units(word, &args.name, 1000).map(|ms| ms as u32)
}

/// A time in seconds.
pub fn time_s(args: &mut Args) -> Result<u32, Fault> {
    let word = args.need("a time (such as 30s)")?;
    time_units(word, &args.name, 1_000_000).map(|s| s as u32)
}

/// A whole number within limits.
pub fn number_of(word: &Word, name: &str, min: i64, max: i64) -> Result<i64, Fault> {
    let parsed = word.text.strip_prefix('+').unwrap_or(&word.text).parse::<i64>();
    match parsed {
        Ok(n) if (min..=max).contains(&n) => Ok(n),
        Ok(n) => Err(Fault::new(word.pos, format!("'{name}' must be from {min} to {max}, got {n}"))),
        Err(_) => Err(Fault::new(word.pos, format!("'{name}' expects a whole number, got '{}'", word.text))),
    }
}

/// The next word as a whole number within limits.
pub fn number(args: &mut Args, min: i64, max: i64) -> Result<i64, Fault> {
    let word = args.need("a whole number")?;
    number_of(word, &args.name, min, max)
}

/// A count from 0 on.
pub fn count(args: &mut Args) -> Result<u32, Fault> {
    number(args, 0, i64::from(i32::MAX)).map(|n| n as u32)
}

/// A size in bytes: `16384`, `16k`, `1m`.
pub fn size(args: &mut Args, min: u64, max: u64) -> Result<u32, Fault> {
    let word = args.need("a size in bytes (such as 16384 or 16k)")?;
    let text = word.text.as_str();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let scale: u64 = match text[digits..].to_ascii_lowercase().as_str() {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => 0,
    };
    if digits == 0 || scale == 0 {
        let fault = Fault::new(word.pos, format!("'{}' expects a size in bytes, got '{text}'", args.name));
        return Err(fault.hint("the units of size are k, m and g"));
    }
    match text[..digits].parse::<u64>().ok().and_then(|n| n.checked_mul(scale)) {
        Some(n) if n >= min && n <= max => Ok(n as u32),
        _ => Err(Fault::new(word.pos, format!("'{}' must be from {min} to {max} bytes, got '{text}'", args.name))),
    }
}
