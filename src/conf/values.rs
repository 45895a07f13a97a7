//! Numbers, times, sizes, modes and names as arguments.

use crate::model::Net;
use crate::util::words::{Args, Fault, Pos, Word};
use std::net::IpAddr;

pub use crate::util::units::{count, number, number_of, size, time_ms, time_s};

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

/// The rest of a line: a text of one word at least.
pub fn text(args: &mut Args) -> Result<String, Fault> {
    let first = args.need("a text")?.text.clone();
    Ok(args.rest().iter().fold(first, |text, word| text + " " + &word.text))
}
