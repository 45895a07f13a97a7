//! What a process in the background says to its logs, when nobody reads its standard error.

use crate::log::{self, Logs};
use crate::model::{Config, SinkPlace};
use crate::start;
use crate::sys::real::Real;
use crate::sys::zone::Zone;
use crate::sys::{Backend, NO_FD, process};
use std::sync::Arc;

/// The global log sinks of a configuration.
pub struct Voice {
    sink: Option<(Logs, Real)>,
    /// Descriptors that were opened for it.
    opened: Vec<i32>,
}

impl Voice {
    /// Opens the sinks; those that cannot be opened hear nothing.
    pub fn of(config: Config) -> Voice {
        let fds = start::open_sinks(&config, &mut |_| {});
        let own = config.sinks.iter().zip(&fds).filter(|(s, fd)| !matches!(s.place, SinkPlace::Fd(_)) && **fd != NO_FD);
        let opened = own.map(|(_, fd)| *fd).collect();
        let logs = Logs::new(
            Arc::new(config),
            Arc::default(),
            fds,
            Arc::new(Zone::local()),
            crate::sys::process::host_name().into(),
            std::process::id(),
        );
        Voice { sink: Real::new(Backend::Poll, 1, 0).ok().map(|sys| (logs, sys)), opened }
    }

    /// Says a line as it is written to standard error; lines that only point with a caret say nothing here.
    pub fn say(&mut self, line: &str) {
        let Some((logs, sys)) = &mut self.sink else { return };
        let (level, text) = split(line);
        if !text.is_empty() {
            logs.message(sys, None, level, text.as_bytes());
        }
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        self.opened.iter().for_each(|fd| process::close(*fd));
    }
}

/// The level of a line, and what it says without its head: `[ALERT]    (12) : what`.
fn split(line: &str) -> (u8, &str) {
    let levels = [("[ALERT]", log::ALERT), ("[WARNING]", log::WARNING), ("[NOTICE]", log::NOTICE)];
    match levels.iter().find(|l| line.starts_with(l.0)) {
        Some((_, level)) => (*level, line.split_once(" : ").map_or(line, |(_, text)| text)),
        None => (log::NOTICE, line.trim_matches([' ', '^', '~'])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_and_carets() {
        assert_eq!(split("[ALERT]    (7) : config : bad"), (log::ALERT, "config : bad"));
        assert_eq!(split("[WARNING]  (7) : hm"), (log::WARNING, "hm"));
        assert_eq!(split("      maxcon 5"), (log::NOTICE, "maxcon 5"));
        assert_eq!(split("      ^~~~~~"), (log::NOTICE, ""));
    }
}
