//! Traffic logs and messages: how a line is headed and where it goes.
//!
//! A line is written into one fixed buffer of the worker and sent without waiting; what a sink does not take at once is
//! dropped and counted (`show info`: DroppedLogs).

mod sink;

pub use sink::{Logs, Sampled};

/// Syslog levels by name, most severe first.
pub const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// Syslog facilities by name.
pub const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2", "ftp", "ntp", "audit",
    "alert", "cron2", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

/// Levels used in the code.
pub const ALERT: u8 = 1;
pub const ERR: u8 = 3;
pub const WARNING: u8 = 4;
pub const NOTICE: u8 = 5;
pub const INFO: u8 = 6;
