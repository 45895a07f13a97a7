#![deny(unsafe_code)]
pub mod util;
pub mod mem;
pub mod sys;
pub mod sched;
