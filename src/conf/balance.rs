//! `balance`, `hash-type` and what tunes them.

use super::global::unknown_option;
use super::row::{BACK, Parse, Row, Status, named, suggest};
use super::state::State;
use super::values::{number, number_of, one_of};
use crate::model::{Balance, KeySource};
use crate::util::words::{Args, Fault};

const fn row(name: &'static str, args: &'static str, since: &'static str, doc: &'static str, parse: Parse) -> Row {
    Row::built("balance", BACK, name, args, since, doc, parse)
}

/// Algorithms as `balance` names them, sorted by name; what stands in parentheses is read by their functions.
pub static ALGORITHMS: &[Row] = &[
    row("first", "", "1.5", "The first server with room, so that the last ones can be switched off.", |s, _| {
        plain(s, "first")
    }),
    row("hash", "<expression>", "2.6", "A hash of any sample.", |_, _| Ok(()))
        .not_built("hashes of samples are not built; hdr, uri and url_param are"),
    row("hdr", "(<name>) [use_domain_only]", "1.3", "A hash of a request header.", hdr),
    row("leastconn", "", "1.3", "The server with the fewest connections for its weight.", |s, _| plain(s, "leastconn")),
    row("log-hash", "<converters>", "2.9", "For log backends.", |_, _| Ok(())).not_built("log backends are not built"),
    row("random", "[(<draws>)]", "1.9", "The less loaded of a few servers drawn by lot.", random),
    row("rdp-cookie", "[(<name>)]", "1.4", "A hash of the RDP cookie, mstshash by default.", rdp_cookie),
    row("roundrobin", "", "1.1", "Each in turn, by weight; weights may change at run time.", |s, _| {
        plain(s, "roundrobin")
    }),
    row("source", "", "1.1", "A hash of the client's address.", |s, _| hashed(s, KeySource::Source)),
    row("static-rr", "", "1.3", "Each in turn, by weights that do not change.", |s, _| plain(s, "static-rr")),
    row("sticky", "", "2.9", "For log backends.", |_, _| Ok(())).not_built("log backends are not built"),
    row("uri", "[len <n>] [depth <n>] [whole] [path-only]", "1.3", "A hash of the URI, up to the question mark.", uri),
    row(
        "url_param",
        "<name> [check_post]",
        "1.3",
        "A hash of a parameter of the query, or of a POST's form.",
        url_param,
    ),
];

/// Proxy keywords, sorted by name.
pub static TABLE: &[Row] = &[
    Row::built("proxy", BACK, "balance", "<algorithm> [argument]...", "1.1", "How servers are chosen.", balance)
        .or("roundrobin"),
    Row::built(
        "proxy",
        BACK,
        "hash-balance-factor",
        "<percent>",
        "1.7",
        "With consistent hashing, no server gets more than this share of the average load; 0 = no limit.",
        factor,
    )
    .or("0")
    .unit("percent"),
    Row::built(
        "proxy",
        BACK,
        "hash-type",
        "<method> [<function> [avalanche]]",
        "1.4",
        "How hashes choose a server: map-based or consistent, with sdbm, djb2, wt6 or crc32.",
        hash_type,
    )
    .or("map-based sdbm"),
];

fn plain(s: &mut State, name: &'static str) -> Result<(), Fault> {
    choose(s, name, KeySource::None)
}

fn hashed(s: &mut State, key: KeySource) -> Result<(), Fault> {
    choose(s, "hash", key)
}

/// The other keywords of the family stay as they are.
fn choose(s: &mut State, algorithm: &'static str, key: KeySource) -> Result<(), Fault> {
    let balance = &mut s.proxy().balance;
    *balance = Balance { algorithm, key, draws: 2, ..balance.clone() };
    Ok(())
}

fn balance(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let Some(word) = a.next() else {
        return plain(s, "roundrobin");
    };
    let pos = word.pos;
    let (name, inner) = split(&word.text);
    let Some(row) = named(ALGORITHMS, name).filter(|_| inner.is_none_or(|i| i.ends_with(')'))) else {
        let fault = Fault::new(pos, format!("'balance' does not know the algorithm '{}'", word.text));
        let hint = suggest(&[ALGORITHMS], name);
        return Err(fault.hint(hint.unwrap_or_else(|| {
            "it knows roundrobin, static-rr, leastconn, first, source, uri, url_param, hdr(name), rdp-cookie and random".into()
        })));
    };
    a.name = format!("balance {}", word.text);
    s.draft().places.insert("balance", pos);
    match row.status {
        Status::NotBuilt(reason) => {
            Err(Fault::new(pos, format!("'balance {name}' is not built yet in this version")).hint(reason))
        }
        Status::Built(parse) => {
            parse(s, a)?;
            // HAProxy does not look at what follows a complete algorithm.
            if let Some(extra) = a.rest().first() {
                s.diags.warning(extra.pos, format!("'{}' ignores the argument '{}'", a.name, extra.text));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// `hdr(host)` as `hdr` and `host)`.
fn split(text: &str) -> (&str, Option<&str>) {
    match text.split_once('(') {
        Some((name, inner)) => (name, Some(inner)),
        None => (text, None),
    }
}

/// What stands in the parentheses of the algorithm's word.
fn inner(a: &Args) -> String {
    split(&a.name).1.and_then(|i| i.strip_suffix(')')).unwrap_or("").to_owned()
}

fn hdr(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let name = inner(a);
    if name.is_empty() {
        return Err(
            Fault::new(a.last_pos(), "'balance hdr' needs a header name in parentheses").hint("such as hdr(Host)")
        );
    }
    let domain_only = match a.next() {
        None => false,
        Some(word) if word.text == "use_domain_only" => true,
        Some(word) => return Err(unknown_option(word.pos, &a.name, &word.text, "use_domain_only")),
    };
    hashed(s, KeySource::Hdr { name, domain_only })
}

fn random(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let draws = match inner(a).as_str() {
        "" => 2,
        text => text
            .parse::<u32>()
            .ok()
            .filter(|n| *n > 0)
            .ok_or_else(|| Fault::new(a.last_pos(), "'balance random': the number of draws must be at least 1"))?,
    };
    plain(s, "random")?;
    s.proxy().balance.draws = draws;
    Ok(())
}

fn rdp_cookie(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let name = match inner(a) {
        name if name.is_empty() => "mstshash".to_owned(),
        name => name,
    };
    hashed(s, KeySource::RdpCookie { name })
}

fn uri(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let (mut len, mut depth, mut whole, mut path_only) = (0, 0, false, false);
    while let Some(word) = a.next() {
        a.name = format!("balance uri {}", word.text);
        match word.text.as_str() {
            "len" => len = number(a, 1, i64::from(i32::MAX))? as u32,
            "depth" => depth = number(a, 1, i64::from(i32::MAX))? as u32,
            "whole" => whole = true,
            "path-only" => path_only = true,
            other => return Err(unknown_option(word.pos, "balance uri", other, "len, depth, whole and path-only")),
        }
    }
    hashed(s, KeySource::Uri { len, depth, whole, path_only })
}

fn url_param(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let name = a.need("the name of a parameter")?.text.clone();
    let check_post = match a.accept("check_post") {
        false => None,
        // The number of bytes to wait for was an argument once; today there is a fixed amount.
        true => Some(match a.next() {
            None => 48,
            Some(word) => {
                number_of(word, "balance url_param check_post", 0, i64::from(i32::MAX)).map_or(48, |n| n as u32)
            }
        }),
    };
    hashed(s, KeySource::UrlParam { name, check_post })
}

fn factor(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let value = number(a, 0, 100_000)?;
    if value > 0 && value <= 100 {
        return Err(Fault::new(
            a.last_pos(),
            format!("'hash-balance-factor' must be 0 or greater than 100, got {value}"),
        ));
    }
    s.proxy().balance.factor = value as u32;
    Ok(())
}

fn hash_type(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    if a.peek() == Some("avalanche") {
        a.next();
        let fault = Fault::new(a.last_pos(), "'hash-type avalanche' was an experiment and is gone");
        return Err(fault.hint("write 'hash-type map-based sdbm avalanche'"));
    }
    let (consistent, _) = one_of(a, &[("consistent", true), ("map-based", false)])?;
    let names: Vec<(&str, &'static str)> = crate::balance::FUNCTIONS.iter().map(|f| (f.name, f.name)).collect();
    let function = if a.peek().is_some() { one_of(a, &names)?.0 } else { "" };
    let avalanche = match a.peek() {
        None => None,
        Some(_) => one_of(a, &[("avalanche", Some(true))])?.0,
    };
    let balance = &mut s.proxy().balance;
    (balance.consistent, balance.function, balance.avalanche) = (consistent, function, avalanche);
    Ok(())
}
