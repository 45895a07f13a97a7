#![deny(unsafe_code)]
pub mod util;
pub mod mem;
pub mod sys;
pub mod sched;
pub mod model;
pub mod http;
pub mod balance;
pub mod server;
pub mod log;
