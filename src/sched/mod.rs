//! When things run: the timer wheel and the run queue, both over task numbers in fixed arrays.
//!
//! A task is anything with a deadline or something to do: a connection, a session, a check. The worker numbers them; here
//! they are only numbers.

mod run_queue;
mod wheel;

pub use run_queue::RunQueue;
pub use wheel::Wheel;
