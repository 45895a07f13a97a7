//! A hash of a password as crypt(3) writes it.

use super::sha::{self, Width};
use super::{Unusable, bcrypt, des, digit_value, md5};
use Unusable::{Broken, NotBuilt};

/// What passwords are compared with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stored {
    /// All thirteen digits.
    Des([u8; des::DIGITS]),
    Md5 {
        salt: Box<[u8]>,
        digits: Box<[u8]>,
    },
    Sha {
        width: Width,
        rounds: u32,
        salt: Box<[u8]>,
        digits: Box<[u8]>,
    },
    Bcrypt {
        cost: u32,
        salt: [u8; 16],
        digits: Box<[u8]>,
    },
}

const KNOWN: &str =
    "known are $1$ (MD5), $5$ (SHA-256), $6$ (SHA-512), $2a$, $2b$, $2y$ (bcrypt) and the traditional DES";

impl Stored {
    /// Reads it, as it stands in a userlist.
    pub fn parse(text: &str) -> Result<Stored, Unusable> {
        let Some((method, rest)) = text.strip_prefix('$').and_then(|t| t.split_once('$')) else {
            return traditional(text);
        };
        match method {
            "1" => {
                let [salt, digits] = parts(rest, md5::SALT_MAX, md5::DIGITS)?;
                Ok(Stored::Md5 { salt, digits })
            }
            "5" | "6" => {
                let (rounds, rest) = rounds(rest)?;
                let width = if method == "6" { Width::Sha512 } else { Width::Sha256 };
                let [salt, digits] = parts(rest, sha::SALT_MAX, width.digits())?;
                Ok(Stored::Sha { width, rounds, salt, digits })
            }
            "2a" | "2b" | "2y" => blowfish(rest),
            "2x" => Err(NotBuilt("hashes of the kind $2x$ come from a faulty bcrypt".into(), "set the password again")),
            "y" | "gy" => Err(NotBuilt(format!("yescrypt (${method}$) is not built"), YESCRYPT)),
            "7" => Err(NotBuilt("scrypt ($7$) is not built".into(), YESCRYPT)),
            "apr1" => Err(Broken("$apr1$ is Apache's own kind, which crypt(3) does not know".into(), KNOWN)),
            other => Err(NotBuilt(format!("the hash method ${other}$ is not known"), KNOWN)),
        }
    }
}

const YESCRYPT: &str = "it wants megabytes for each password: use another one, such as 'mkpasswd -m sha-512' gives";

fn traditional(text: &str) -> Result<Stored, Unusable> {
    if text.starts_with('_') {
        return Err(NotBuilt("the extended DES of BSD (_) is not built".into(), KNOWN));
    }
    match text.as_bytes().try_into() {
        Ok(digits) if text.bytes().all(|d| digit_value(d).is_some()) => Ok(Stored::Des(digits)),
        _ => Err(Broken("this is no password hash".into(), "a password as it is stands after 'insecure-password'")),
    }
}

/// Salt and digits of `salt$digits`.
fn parts(text: &str, longest: usize, len: usize) -> Result<[Box<[u8]>; 2], Unusable> {
    let cut = "was it cut off? A '$' in double quotes begins a variable: use single quotes";
    let Some((salt, digits)) = text.split_once('$') else {
        return Err(Broken("the hash ends after its salt".into(), cut));
    };
    if salt.len() > longest {
        return Err(Broken(format!("the salt has {} characters, more than {longest}", salt.len()), cut));
    }
    if digits.len() != len || !digits.bytes().all(|d| digit_value(d).is_some()) {
        return Err(Broken(
            format!("the hash should end with {len} of the characters ./0-9A-Za-z after its salt"),
            cut,
        ));
    }
    Ok([salt.as_bytes().into(), digits.as_bytes().into()])
}

fn rounds(text: &str) -> Result<(u32, &str), Unusable> {
    let Some(rest) = text.strip_prefix("rounds=") else { return Ok((sha::USUAL_ROUNDS, text)) };
    let (number, rest) = rest.split_once('$').unwrap_or((rest, ""));
    match number.parse() {
        Ok(n @ 1000..=999_999_999) if !number.starts_with(['0', '+']) => Ok((n, rest)),
        _ => Err(Broken(format!("'{number}' rounds are not possible"), "from 1000 to 999999999 are")),
    }
}

fn blowfish(text: &str) -> Result<Stored, Unusable> {
    let wrong = || Broken("the hash is not of the form $2b$<cost>$<22 digits of salt><31 digits>".into(), KNOWN);
    let (cost, rest) = text.split_once('$').ok_or_else(wrong)?;
    let cost = cost.parse().ok().filter(|n| cost.len() == 2 && (4..=31).contains(n));
    let cost = cost.ok_or_else(|| Broken("the cost of a bcrypt hash is from 04 to 31".to_owned(), KNOWN))?;
    let (salt, digits) = rest.split_at_checked(bcrypt::SALT_DIGITS).ok_or_else(wrong)?;
    let salt = bcrypt::salt(salt.as_bytes()).ok_or_else(wrong)?;
    if digits.len() != bcrypt::DIGITS {
        return Err(wrong());
    }
    Ok(Stored::Bcrypt { cost, salt, digits: digits.as_bytes().into() })
}
