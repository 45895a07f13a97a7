//! Choosing the server: one file an algorithm, one row of [`ALGORITHMS`] each (keyword `balance`), and what a request is
//! hashed on ([`key`]). Owned by a backend, under the one short mutex of its balancing order.
//!
//! A [`Policy`] never knows a server: it sees positions in a [`Farm`], the active servers or the backup ones, as the
//! caller decides. All memory is taken by [`Algorithm::make`]; `rebuild` and `pick` do not allocate.
//!
//! Limits: `map-based` and `static-rr` build their map in O(total weight x servers), picks are O(1); the consistent ring
//! holds 8 bytes for each 1/16 of weight (32 KiB a server of weight 256, see [`Options::max_weight`]); `leastconn` and
//! `first` look at every server, O(n) a pick; `roundrobin` is O(log n).

pub mod chash;
pub mod first;
pub mod key;
pub mod leastconn;
pub mod map;
pub mod random;
pub mod roundrobin;
pub mod static_rr;

use crate::util::{ManualText, hash};

/// Effective weight of one unit of the user's `weight` (0..=256), so that a slow start has values in between.
pub const WEIGHT_SCALE: u32 = 16;
/// The greatest user weight.
pub const WEIGHT_MAX: u32 = 256;

/// What an algorithm sees of the servers of a backend. Positions are in configuration order.
pub trait Farm {
    fn len(&self) -> usize;
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Effective weight, 0..=4096; 0 takes no new traffic.
    fn weight(&self, server: usize) -> u32;
    /// Up, and of the set (active or backup) in use.
    fn eligible(&self, server: usize) -> bool;
    /// Sessions served and queued.
    fn load(&self, server: usize) -> u32;
    /// A session given to it now would not wait (below its maxconn, nothing queued).
    fn has_room(&self, server: usize) -> bool;
    /// The server's `id`, from 1.
    fn id(&self, server: usize) -> u32;
}

/// One backend's balancing state.
pub trait Policy: Send {
    /// Called at start and whenever a weight or a state changed. Does not allocate.
    fn rebuild(&mut self, farm: &dyn Farm);

    /// Picks a server, or `None` where the session has to wait in the backend's queue (or no server is left).
    ///
    /// `key`: the hash, `None` where the request has none (round robin then). `avoid`: the server a redispatch wants to
    /// leave, taken only if no other is possible; `map-based` hashes ignore it, as haproxy does. `random`: fresh.
    /// A hash may name a server without room: the session queues on that server.
    fn pick(&mut self, farm: &dyn Farm, key: Option<u32>, avoid: Option<usize>, random: u32) -> Option<usize>;

    /// True when `load_changed` is to be called.
    fn follows_load(&self) -> bool {
        false
    }

    /// A session left `server`.
    fn load_changed(&mut self, _server: usize) {}
}

/// Keyword `hash-type`, its method.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    MapBased,
    Consistent,
}

/// Keyword `hash-type`, one of its functions.
pub struct Function {
    pub name: &'static str,
    pub doc: ManualText,
    pub since: ManualText,
    pub run: fn(&[u8]) -> u32,
}

/// Sorted by name.
pub static FUNCTIONS: &[Function] = &[
    Function {
        name: "crc32",
        doc: ManualText::new("CRC-32 as in Ethernet and gzip; slower, good on strings"),
        since: ManualText::new("1.6"),
        run: hash::crc32,
    },
    Function {
        name: "djb2",
        doc: ManualText::new("times 33; good on text, poor on digits without avalanche"),
        since: ManualText::new("1.5"),
        run: hash::djb2,
    },
    Function {
        name: "sdbm",
        doc: ManualText::new("the default; smooth, poor where the total weight is a multiple of 64"),
        since: ManualText::new("1.5"),
        run: hash::sdbm,
    },
    Function {
        name: "wt6",
        doc: ManualText::new("least sensitive to the keys; good on numbers"),
        since: ManualText::new("1.5"),
        run: hash::wt6,
    },
];

/// What the configuration says beside the algorithm's name.
#[derive(Clone, Copy)]
pub struct Options {
    pub method: Method,
    pub function: fn(&[u8]) -> u32,
    pub avalanche: bool,
    /// Argument of `balance random`, 1 or more, default 2.
    pub random_draws: u32,
    /// Keyword `hash-balance-factor`: percent of the average load, over 100; 0, the default, is none. Consistent only.
    pub hash_balance_factor: u32,
    /// The greatest user weight that any server can ever get; it sizes the maps and rings. [`WEIGHT_MAX`] unless the
    /// caller can promise less. A greater weight counts as this one.
    pub max_weight: u32,
}

impl Options {
    /// The meaning of `hash-type <method> [<function> [avalanche]]`: without a function, `consistent` implies `avalanche`.
    pub fn new(method: Method, function: Option<fn(&[u8]) -> u32>, avalanche: bool) -> Options {
        Options {
            method,
            function: function.unwrap_or(hash::sdbm),
            avalanche: avalanche || (function.is_none() && method == Method::Consistent),
            random_draws: 2,
            hash_balance_factor: 0,
            max_weight: WEIGHT_MAX,
        }
    }
}

impl Default for Options {
    fn default() -> Options {
        Options::new(Method::MapBased, None, false)
    }
}

/// A row of the table of `balance`.
pub struct Algorithm {
    pub name: &'static str,
    pub doc: ManualText,
    pub since: ManualText,
    /// Weights may be changed at run time and slow start works. For `hash` see [`Algorithm::takes_weight_changes`].
    pub dynamic_weights: bool,
    /// Takes all memory for `servers` servers of any weight up to `options.max_weight`.
    pub make: fn(servers: usize, options: &Options) -> Box<dyn Policy>,
}

impl Algorithm {
    pub fn takes_weight_changes(&self, options: &Options) -> bool {
        self.dynamic_weights || (self.name == "hash" && options.method == Method::Consistent)
    }
}

/// Sorted by name. `hash` is also the target of `source`, `uri`, `url_param`, `hdr` and `rdp-cookie`, which differ only
/// in their [`key`].
pub static ALGORITHMS: &[Algorithm] = &[first::ROW, HASH, leastconn::ROW, random::ROW, roundrobin::ROW, static_rr::ROW];

const HASH: Algorithm = Algorithm {
    name: "hash",
    doc: ManualText::new("the server is a function of a hash of the request; without a key, round robin"),
    since: ManualText::new("1.3"),
    dynamic_weights: false,
    make: |servers, options| match options.method {
        Method::MapBased => Box::new(map::MapHash::new(servers, options)),
        Method::Consistent => Box::new(chash::Consistent::new(servers, options)),
    },
};

/// Finds a row by name.
pub fn algorithm(name: &str) -> Option<&'static Algorithm> {
    ALGORITHMS.iter().find(|row| row.name == name)
}

/// The weight at which new traffic may come, 0 if none may.
fn usable_weight(farm: &dyn Farm, server: usize) -> u32 {
    if farm.eligible(server) { farm.weight(server) } else { 0 }
}

#[cfg(test)]
mod tests;
