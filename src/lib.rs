//! evenkeel: a TCP and HTTP load balancer that speaks HAProxy's configuration language and fits in a router.
//!
//! A module uses only those above it in this list; `docs/architecture.md` walks through the house.

#![deny(unsafe_code)]
// They panic when nobody reads: `util::say` does not.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod util;

pub mod mem;

pub mod sys;

pub mod sched;

pub mod auth;

pub mod model;

pub mod http;

pub mod pattern;

pub mod sample;

pub mod format;

pub mod rules;

pub mod balance;

pub mod server;

pub mod check;

pub mod log;

pub mod session;

pub mod listener;

pub mod applet;

#[cfg(feature = "stats")]
pub mod stats;

#[cfg(not(feature = "stats"))]
#[path = "no_stats.rs"]
pub mod stats;

#[cfg(feature = "cli")]
pub mod cli;

#[cfg(not(feature = "cli"))]
#[path = "no_cli.rs"]
pub mod cli;

pub mod worker;

pub mod args;

pub mod conf;

pub mod reload;

pub mod master;

#[cfg(feature = "demo")]
pub mod demo;

pub mod start;

pub mod voice;
