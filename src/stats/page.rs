//! The page: one table for each proxy, readable without scripts, in our own design (`page/style.css`).

mod cells;

use super::fill::{algorithm, fill};
use super::{Cursor, Item, Progress, Scope, View, state, text, unit};
use crate::model::{Mode, StatsPage};
use crate::util::date::civil;
use crate::util::fmt::Out;
use cells::{bytes, duration, escape, table_row};
use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

const STYLE: &str = include_str!("page/style.css");
const LEGEND: &str = include_str!("page/legend.html");
const COLUMNS: &str = include_str!("page/columns.html");

/// Writes the page of a proxy's `stats` settings from `cur` on.
pub fn page(view: &View, proxy: usize, cur: &mut Cursor, out: &mut Out) -> Progress {
    let plain = StatsPage::default();
    let settings = view.shared.config.proxies[proxy].stats.as_ref().unwrap_or(&plain);
    let scope = Scope::of_page(&view.shared.config, proxy);
    loop {
        let written = match cur.stage {
            0 => unit(out, |o| head(view, settings, o)),
            1 => text(out, STYLE, &mut cur.a) == Progress::Done,
            2 => unit(out, |o| title(view, settings, o)),
            3 => unit(out, |o| facts(view, o)),
            4 => text(out, LEGEND, &mut cur.a) == Progress::Done,
            5 => links(view, &scope, cur, out),
            6 => sections(view, &scope, cur, out),
            7 => unit(out, |o| foot(view, settings, o)),
            _ => return Progress::Done,
        };
        if !written {
            return Progress::More;
        }
        cur.next_stage();
    }
}

fn node<'a>(view: &View<'a>, settings: &'a StatsPage) -> Option<&'a str> {
    let name = settings.show_node.as_deref()?;
    let configured = view.shared.config.global.node.as_deref().unwrap_or(view.host);
    Some(if name.is_empty() { configured } else { name })
}

fn head(view: &View, settings: &StatsPage, o: &mut Out) {
    o.put(b"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    o.put(b"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n");
    if settings.refresh_s > 0 {
        let _ = writeln!(o, "<meta http-equiv=\"refresh\" content=\"{}\">", settings.refresh_s);
    }
    o.put(b"<title>Statistics of evenkeel");
    if let Some(node) = node(view, settings) {
        o.put(b" on ");
        escape(node, o);
    }
    o.put(b"</title>\n<style>\n");
}

fn title(view: &View, settings: &StatsPage, o: &mut Out) {
    o.put(b"</style>\n</head>\n<body>\n<header>\n<h1>evenkeel");
    if !settings.hide_version {
        o.put(b" <small>");
        escape(view.version, o);
        o.put(b"</small>");
    }
    o.put(b"</h1>\n");
    if let Some(node) = node(view, settings) {
        o.put(b"<p>on <b>");
        escape(node, o);
        o.put(b"</b></p>\n");
    }
    let configured = view.shared.config.global.description.as_deref().unwrap_or("");
    let description = settings.show_desc.as_deref().map(|d| if d.is_empty() { configured } else { d });
    if let Some(description) = description.filter(|d| !d.is_empty()) {
        o.put(b"<p>");
        escape(description, o);
        o.put(b"</p>\n");
    }
    o.put(b"<p class=\"links\"><a href=\"");
    escape(&settings.uri, o);
    o.put(b"\">Refresh now</a> &middot; <a href=\"");
    escape(&settings.uri, o);
    o.put(b";csv\">CSV</a></p>\n</header>\n");
}

/// One fact about the process: a name, and whatever the closure writes.
fn fact(o: &mut Out, name: &str, value: impl FnOnce(&mut Out)) {
    let _ = write!(o, "<div><dt>{name}</dt><dd>");
    value(o);
    o.put(b"</dd></div>\n");
}

fn facts(view: &View, o: &mut Out) {
    let (process, limits) = (&view.shared.process, &view.shared.limits);
    let (mut touched, mut used) = (0, 0);
    for (_, u) in view.pools {
        touched += (u.touched * u.slot_bytes) as u64;
        used += (u.used * u.slot_bytes) as u64;
    }
    o.put(b"<dl>\n");
    fact(o, "Process", |o| {
        let stopping = if view.shared.stopping() { ", stopping" } else { "" };
        let _ = write!(o, "{} <small>{} worker(s){stopping}</small>", std::process::id(), limits.workers);
    });
    fact(o, "Uptime", |o| duration(view.now_ms.saturating_sub(process.started_ms) / 1000, o));
    fact(o, "Connections", |o| {
        let (now, max) = (process.connections.load(Relaxed), process.connections_max.load(Relaxed));
        let _ = write!(o, "{now} <small>of {}, peak {max}</small>", limits.maxconn);
    });
    fact(o, "Conn. / sessions per s", |o| {
        let _ = write!(o, "{} / {}", process.conn_rate.rate(view.now_ms), process.sess_rate.rate(view.now_ms));
        let _ = write!(o, " <small>peak {} / {}</small>", process.conn_rate.max(), process.sess_rate.max());
    });
    fact(o, "Memory bound", |o| {
        bytes(limits.memory_bound, o);
        o.put(b" <small>at worst</small>");
    });
    fact(o, "Memory", |o| {
        bytes(touched, o);
        o.put(b" <small>touched, ");
        bytes(used, o);
        o.put(b" used</small>");
    });
    fact(o, "Descriptors", |o| {
        let _ = write!(o, "{} <small>at most, limit {}</small>", limits.maxsock, limits.ulimit_n);
    });
    fact(o, "Pipes", |o| {
        let (used, free) = (process.pipes_used.load(Relaxed), process.pipes_free.load(Relaxed));
        let _ = write!(o, "{used} <small>of {}, {free} free</small>", limits.maxpipes);
    });
    fact(o, "Idle", |o| {
        let _ = write!(o, "{} %", process.idle_percent.load(Relaxed));
    });
    fact(o, "Log lines dropped", |o| o.num(crate::server::logs_dropped(&view.shared.figures)));
    o.put(b"</dl>\n");
}

/// The class that colours a line; none for frontends and listeners.
fn class(view: &View, item: Item) -> &'static str {
    let config = &view.shared.config;
    match item {
        Item::Server(s) => state::server(view.shared, s).class(config.servers[s].backup),
        Item::Backend(p) if config.proxies[p].server_count == 0 => "",
        Item::Backend(p) if !view.shared.is_backend_up(p) => "down",
        Item::Backend(p) if view.shared.proxies[p].active.load(Relaxed) == 0 => "bk",
        Item::Backend(_) => "up",
        Item::Frontend(_) | Item::Listener(_) => "",
    }
}

fn links(view: &View, scope: &Scope, cur: &mut Cursor, out: &mut Out) -> bool {
    let config = &view.shared.config;
    if cur.b == 0 {
        if !unit(out, |o| o.put(b"<nav>\n")) {
            return false;
        }
        cur.b = 1;
    }
    while let Some(p) = config.proxies.get(cur.a as usize) {
        let at = cur.a as usize;
        let written = !scope.has_proxy(config, at)
            || unit(out, |o| {
                let class = if p.is_backend { class(view, Item::Backend(at)) } else { "" };
                let _ = write!(o, "<a href=\"#p{at}\" class=\"{class}\">");
                if !class.is_empty() {
                    o.put(b"<i></i>");
                }
                escape(&p.name, o);
                o.put(b"</a>\n");
            });
        if !written {
            return false;
        }
        cur.a += 1;
    }
    unit(out, |o| o.put(b"</nav>\n<main>\n"))
}

fn sections(view: &View, scope: &Scope, cur: &mut Cursor, out: &mut Out) -> bool {
    let config = &view.shared.config;
    while (cur.a as usize) < config.proxies.len() {
        let proxy = cur.a as usize;
        if scope.has_proxy(config, proxy) {
            // b: 0 = the heading is to be written, n = the line at position n - 1.
            if cur.b == 0 {
                if !unit(out, |o| heading(view, proxy, o)) {
                    return false;
                }
                cur.b = 1;
            }
            let mut at = cur.b - 1;
            while let Some(item) = scope.item(view, proxy, &mut at) {
                let row = fill(view, item, scope.legends);
                if !unit(out, |o| table_row(&row, item, class(view, item), scope.legends, o)) {
                    return false;
                }
                at += 1;
                cur.b = at + 1;
            }
            if !unit(out, |o| o.put(b"</tbody>\n</table></div>\n</section>\n")) {
                return false;
            }
        }
        (cur.a, cur.b) = (cur.a + 1, 0);
    }
    unit(out, |o| o.put(b"</main>\n"))
}

fn heading(view: &View, proxy: usize, o: &mut Out) {
    let p = &view.shared.config.proxies[proxy];
    let _ = write!(o, "<section id=\"p{proxy}\">\n<h2>");
    escape(&p.name, o);
    o.put(b"<small>");
    o.put(match p.mode {
        Mode::Tcp => &b"TCP"[..],
        Mode::Http => b"HTTP",
        Mode::Health => b"health",
    });
    if p.is_backend && p.server_count > 0 {
        let _ = write!(o, ", {}", algorithm(p));
    }
    o.put(b"</small>");
    if let Some(description) = &p.description {
        o.put(b"<small>");
        escape(description, o);
        o.put(b"</small>");
    }
    o.put(b"</h2>\n");
    o.put(COLUMNS.as_bytes());
}

fn foot(view: &View, settings: &StatsPage, o: &mut Out) {
    o.put(b"<footer>As of ");
    civil(view.wall.0).put_iso(o);
    o.put(b"Z");
    if settings.refresh_s > 0 {
        let _ = write!(o, ", again every {} s", settings.refresh_s);
    }
    o.put(
        b". Averages are over all sessions since the start: queue/connect/response/total.</footer>\n</body>\n</html>\n",
    );
}
