//! What the process tells about itself: the CSV of `show stat` and `;csv`, and the page.
//!
//! Everything streams: a producer is called again and again with a buffer and a [`Cursor`], writes whole units (a line, a
//! table row) and stops before the unit that does not fit. Between two calls things may change; each unit is consistent.
//!
//! ```text
//! Shared, Tally --fill--> Row --> csv   (one line)
//!                             \-> page  (one table row)
//! ```

mod csv;
mod fill;
mod page;
mod row;
mod state;
#[cfg(test)]
pub(crate) mod tests;

pub use csv::csv;
pub use page::page;
pub use row::{FIELDS, Field, NAMES, Row};

use crate::applet::{Cursor, Progress, Value, View, unit};
use crate::model::{Audience, Config, opt};
use crate::util::fmt::Out;

/// Which lines of the statistics are wanted, and how much of each.
#[derive(Clone, Copy, Default, Debug)]
pub struct Scope<'a> {
    /// Only the proxy with this number.
    pub iid: Option<u32>,
    /// Only the proxy of this name.
    pub name: Option<&'a str>,
    /// Bits of the kinds wanted: 1 = frontends, 2 = backends, 4 = servers, 8 = listeners; 0 = all.
    pub kinds: u32,
    /// Only the server or listener with this number.
    pub sid: Option<u32>,
    /// `stats scope`: only these proxies; none = all. `.` is `own`.
    pub names: &'a [String],
    pub own: Option<usize>,
    /// Also addresses, cookies and algorithms (`stats show-legends`, operators).
    pub legends: bool,
    /// Leave out servers in maintenance, or all that are not up.
    pub no_maint: bool,
    pub only_up: bool,
}

/// What a line is about: indices into the configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Item {
    Frontend(usize),
    Listener(usize),
    Server(usize),
    Backend(usize),
}

impl Scope<'_> {
    /// What the page and the CSV of a proxy's `stats` settings show.
    pub fn of_page(config: &Config, proxy: usize) -> Scope<'_> {
        let page = config.proxies[proxy].stats.as_ref();
        Scope {
            names: page.map_or(&[], |p| &p.scopes),
            own: Some(proxy),
            legends: page.is_some_and(|p| p.show_legends),
            ..Scope::default()
        }
    }

    /// True when anything of a proxy is wanted.
    pub fn has_proxy(&self, config: &Config, proxy: usize) -> bool {
        let p = &config.proxies[proxy];
        let scoped = |s: &String| *s == p.name || (s == "." && self.own == Some(proxy));
        !p.disabled
            && (p.is_frontend || p.is_backend)
            && self.iid.is_none_or(|id| id == p.id)
            && self.name.is_none_or(|n| n == p.name)
            && (self.names.is_empty() || self.names.iter().any(scoped))
    }

    fn has(&self, view: &View, item: Item) -> bool {
        let config = &view.shared.config;
        let (kind, sid) = match item {
            Item::Frontend(_) => (1, 0),
            Item::Backend(_) => (2, 0),
            Item::Server(s) => (4, config.servers[s].id),
            Item::Listener(l) => (8, config.listeners[l].id),
        };
        let hidden = match item {
            Item::Server(s) => {
                let state = state::server(view.shared, s);
                self.no_maint && state.is_maintained() || self.only_up && !state.is_up()
            }
            _ => false,
        };
        (self.kinds == 0 || self.kinds & kind != 0) && self.sid.is_none_or(|id| id == sid) && !hidden
    }

    /// The line at a position or the next after it, as far as it belongs to the same proxy; the position moves there.
    /// Positions: the frontend, all listeners of the process (those of others are passed over), servers, the backend.
    fn item(&self, view: &View, proxy: usize, at: &mut u32) -> Option<Item> {
        let config = &view.shared.config;
        let p = &config.proxies[proxy];
        let listeners = if p.has(opt::SOCKET_STATS) { config.listeners.len() } else { 0 };
        loop {
            let n = *at as usize;
            let (item, there) = match n.checked_sub(1) {
                None => (Item::Frontend(proxy), p.is_frontend),
                Some(l) if l < listeners => {
                    (Item::Listener(l), config.listeners[l].audience == Audience::Frontend(proxy))
                }
                Some(n) if n - listeners < p.server_count => (Item::Server(p.first_server + n - listeners), true),
                Some(n) if n - listeners == p.server_count => (Item::Backend(proxy), p.is_backend),
                Some(_) => return None,
            };
            if there && self.has(view, item) {
                return Some(item);
            }
            *at += 1;
        }
    }
}

/// Writes a long constant text from `at` on, as much as fits.
pub fn text(out: &mut Out, all: &str, at: &mut u32) -> Progress {
    let rest = &all.as_bytes()[*at as usize..];
    let n = rest.len().min(out.room());
    out.put(&rest[..n]);
    *at += n as u32;
    if n == rest.len() { Progress::Done } else { Progress::More }
}
