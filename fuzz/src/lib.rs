//! What the fuzz targets share. Each target is one file of `src/bin`; README.md says what it holds.

pub mod files;
pub mod naive;
pub mod seeds;

use evenkeel::conf::cond::Facts;
use evenkeel::conf::{Loaded, Overrides, Sources, load_using};
use evenkeel::sample::{Count, Live};

struct Level;

impl Facts for Level {
    fn version(&self) -> &str {
        "2.6.0"
    }
    fn feature(&self, name: &str) -> bool {
        name == "EPOLL"
    }
    fn enabled(&self, name: &str) -> bool {
        name == "EPOLL"
    }
}

/// Compiles a configuration, with all that `-dD` says. Of hosts it knows `localhost`: no name server is asked.
pub fn load(text: &str) -> Loaded {
    let mut sources = Sources::default();
    sources.add("fuzz.cfg", text.as_bytes());
    let overrides = Overrides { diagnostic: true, ..Overrides::default() };
    load_using(&sources, &Level, &overrides, |name, _| (name == "localhost").then(|| [127, 0, 0, 1].into()))
}

/// Compiles a configuration that has no error.
pub fn load_good(text: &str) -> Loaded {
    let loaded = load(text);
    let mut said = String::new();
    loaded.diags.list().iter().for_each(|d| loaded.diags.render(d, &mut said));
    assert_eq!(loaded.diags.errors(), 0, "{said}");
    loaded
}

/// A process in which nothing changes.
pub struct Still;

impl Live for Still {
    fn count(&self, _: Count, at: usize) -> i64 {
        at as i64 + 3
    }
    fn wall(&self) -> (i64, u32) {
        (784_111_777, 5)
    }
    fn random(&self) -> u32 {
        0x1234_5678
    }
    fn stopping(&self) -> bool {
        false
    }
}
