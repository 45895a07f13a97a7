//! The program: what the command line asks for, in order.

use evenkeel::{args, conf, start};
use std::sync::Arc;

#[cfg(feature = "alloc-guard")]
#[global_allocator]
static GATE: evenkeel::mem::guard::Gate = evenkeel::mem::guard::Gate;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let a = args::parse(&words).unwrap();
    let files = a.files.iter().map(|f| (f.clone(), std::fs::read_to_string(f).unwrap())).collect();
    let config = Arc::new(conf::load(&conf::Sources { files }));
    let limits = evenkeel::sys::process::limits();
    let plan = start::plan(&config, a.memory_mib, &limits);
    evenkeel::sys::process::raise_descriptors(plan.sizes.ulimit_n);
    let listeners = evenkeel::reload::open_all(&config, &evenkeel::reload::inherited(), &a.finish).unwrap();
    let sinks = start::open_sinks(&config, &mut |w| eprintln!("{w}"));
    start::serve(Arc::clone(&config), &plan, start::Opened { listeners, sinks }, || {}).map_err(|e| eprintln!("{e}")).ok();
}
