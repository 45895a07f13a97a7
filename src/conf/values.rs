//! Numbers, times, sizes, modes and names as arguments.

use crate::model::Net;
use crate::util::words::{Args, Fault, Pos, Word};
use std::net::IpAddr;

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

/// An octal file mode.
pub fn file_mode(args: &mut Args) -> Result<u32, Fault> {
    let word = args.need("a file mode (octal, such as 660)")?;
    match u32::from_str_radix(&word.text, 8) {
        Ok(mode) if mode <= 0o7777 => Ok(mode),
        _ => {
            Err(Fault::new(word.pos, format!("'{}' expects an octal mode such as 660, got '{}'", args.name, word.text)))
        }
    }
}

/// The number of a user by name.
pub fn user(args: &mut Args) -> Result<u32, Fault> {
    let word = args.need("a user name")?;
    crate::sys::process::user_id(&word.text)
        .ok_or_else(|| Fault::new(word.pos, format!("unknown user name '{}'", word.text)))
}

/// The number of a group by name.
pub fn group(args: &mut Args) -> Result<u32, Fault> {
    let word = args.need("a group name")?;
    crate::sys::process::group_id(&word.text)
        .ok_or_else(|| Fault::new(word.pos, format!("unknown group name '{}'", word.text)))
}

/// A user or group number.
pub fn owner_id(args: &mut Args) -> Result<u32, Fault> {
    number(args, 0, i64::from(u32::MAX - 1)).map(|n| n as u32)
}

/// `address[/mask]`, the mask as a length or, in IPv4, as an address.
pub fn net(word: &Word, name: &str) -> Result<Net, Fault> {
    let fail =
        || Fault::new(word.pos, format!("'{name}' expects an address with an optional mask, got '{}'", word.text));
    let (host, mask) = match word.text.split_once('/') {
        Some((host, mask)) => (host, Some(mask)),
        None => (word.text.as_str(), None),
    };
    let addr: IpAddr = host.parse().map_err(|_| fail())?;
    let most = if addr.is_ipv4() { 32 } else { 128 };
    let bits = match mask {
        None => most,
        Some(mask) => match (mask.parse::<u8>(), mask.parse::<std::net::Ipv4Addr>()) {
            (Ok(bits), _) if bits <= most => bits,
            (_, Ok(dotted))
                if addr.is_ipv4() && u32::from(dotted).leading_ones() + u32::from(dotted).trailing_zeros() >= 32 =>
            {
                u32::from(dotted).leading_ones() as u8
            }
            _ => return Err(fail()),
        },
    };
    Ok(Net { addr, bits })
}

/// The name of a proxy or server: letters, digits and `-_.:`.
pub fn check_name(word: &Word, what: &str) -> Result<(), Fault> {
    let bad = word.text.chars().find(|c| !(c.is_ascii_alphanumeric() || "-_.:".contains(*c)));
    match bad {
        None => Ok(()),
        Some(c) => {
            let message = format!("character '{c}' is not permitted in the {what} '{}'", word.text);
            Err(Fault::new(word.pos, message).hint("use letters, digits, '-', '_', '.' and ':'"))
        }
    }
}

/// One of a list of words.
pub fn one_of<T: Copy>(args: &mut Args, choices: &[(&str, T)]) -> Result<(T, Pos), Fault> {
    let names: Vec<String> = choices.iter().map(|c| format!("'{}'", c.0)).collect();
    let names = names.join(", ");
    let word = args.need(&format!("one of {names}"))?;
    match choices.iter().find(|c| c.0 == word.text) {
        Some(choice) => Ok((choice.1, word.pos)),
        None => Err(Fault::new(word.pos, format!("'{}' only supports {names}, got '{}'", args.name, word.text))),
    }
}
