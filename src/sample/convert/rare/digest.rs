//! Digests, and the hashes that balancing does not know.

use super::{Arg, Converter, Tools, converter, encode, hash};
use super::{BIN, BIN_INT, bytes, given, number, tried, written};
use crate::pattern::Value;
use crate::util::fmt::Out;
use crate::util::hash::digest::{Algorithm, Digest, NAMES, digest, hmac};
use crate::util::hash::{crc32c, xxh};

const SEED: &str = "seed:int?";

fn put<'a>(digest: &Digest, t: &mut Tools<'a, '_>) -> Option<Value<'a>> {
    written(t, |o| o.put(digest)).map(Value::Bin)
}

/// The algorithm that the first argument names.
fn named(args: &mut [Arg]) -> Result<(), String> {
    let name = String::from_utf8_lossy(args[0].text()).into_owned();
    let known = || NAMES.map(|n| n.0).join(", ");
    let algorithm = Algorithm::named(&name);
    args[0] = Arg::Digest(algorithm.ok_or_else(|| format!("'{name}' is not a digest that is built: {}", known()))?);
    Ok(())
}

/// Standard base64 decoded at start-up.
fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut space = vec![0; text.len()];
    let mut out = Out::new(&mut space);
    encode::decode(text, encode::Alphabet::Standard, &mut out)?;
    Some(out.bytes().to_vec())
}

/// Its key, too, when it is written there.
fn keyed(args: &mut [Arg]) -> Result<(), String> {
    named(args)?;
    if let Arg::Str(key) = &args[1] {
        let decoded = decoded(key).ok_or("the key must be written in base64, or be the name of a variable")?;
        args[1] = Arg::Str(decoded.into());
    }
    Ok(())
}

fn sha2(args: &mut [Arg]) -> Result<(), String> {
    args[0] = Arg::Digest(match args[0].int_or(256) {
        224 => Algorithm::Sha224,
        256 => Algorithm::Sha256,
        384 => Algorithm::Sha384,
        512 => Algorithm::Sha512,
        n => return Err(format!("there is no SHA-2 of {n} bits, but of 224, 256, 384 and 512")),
    });
    Ok(())
}

fn digested<'a>(value: Value<'a>, args: &[Arg], t: &mut Tools<'a, '_>) -> Option<Value<'a>> {
    let Arg::Digest(algorithm) = args[0] else { return None };
    put(&digest(algorithm, bytes(value)), t)
}

/// Sorted by name.
pub static TABLE: &[Converter] = &[
    converter("crc32c", hash::AVALANCHE, BIN_INT, "1.9", "CRC-32C.", |v, a, _, _| hash::hashed(v, a, crc32c)),
    converter("digest", "algorithm", BIN, "2.4", "A message digest.", |v, a, _, t| digested(v, a, t)).prepared(named),
    converter("hmac", "algorithm,key:textvar", BIN, "2.4", "A message digest with a key.", |v, a, s, t| {
        let Arg::Digest(algorithm) = a[0] else { return None };
        let key = match given(&a[1], s, t) {
            Some(value) => {
                let text = value.text(&mut t.scratch)?;
                tried(t, |o| encode::decode(text, encode::Alphabet::Standard, o))?
            }
            None if matches!(a[1], Arg::Note(_)) => return None,
            None => return put(&hmac(algorithm, a[1].text(), bytes(v)), t),
        };
        put(&hmac(algorithm, key, bytes(v)), t)
    })
    .prepared(keyed),
    converter("sha1", "", BIN, "1.7", "The digest SHA-1.", |v, _, _, t| put(&digest(Algorithm::Sha1, bytes(v)), t)),
    converter("sha2", "bits:int?", BIN, "2.1", "A digest of SHA-2: of 224, 256, 384 or 512 bits.", |v, a, _, t| {
        digested(v, a, t)
    })
    .prepared(sha2),
    converter("xxh3", SEED, BIN_INT, "2.4", "The hash XXH3, 64 bits.", |v, a, _, _| {
        number(xxh::xxh3(bytes(v), a[0].int_or(0) as u64) as i64)
    }),
    converter("xxh32", SEED, BIN_INT, "1.6", "The hash XXH32.", |v, a, _, _| {
        number(xxh::xxh32(bytes(v), a[0].int_or(0) as u32).into())
    }),
    converter("xxh64", SEED, BIN_INT, "1.6", "The hash XXH64.", |v, a, _, _| {
        number(xxh::xxh64(bytes(v), a[0].int_or(0) as u64) as i64)
    }),
];
