//! The statistics as CSV: the body of `<uri>;csv` and of `show stat`.

use super::fill::fill;
use super::{Cursor, Item, NAMES, Progress, Scope, View, unit};
use crate::util::fmt::Out;

/// Writes the CSV from `cur` on: `a` is the proxy, `b` the position within it.
pub fn csv(view: &View, scope: &Scope, cur: &mut Cursor, out: &mut Out) -> Progress {
    if cur.stage == 0 {
        if !unit(out, header) {
            return Progress::More;
        }
        cur.next_stage();
    }
    let config = &view.shared.config;
    while (cur.a as usize) < config.proxies.len() {
        let proxy = cur.a as usize;
        if scope.has_proxy(config, proxy) {
            while let Some(item) = scope.item(view, proxy, &mut cur.b) {
                if !unit(out, |o| line(view, scope, item, o)) {
                    return Progress::More;
                }
                cur.b += 1;
            }
        }
        (cur.a, cur.b) = (cur.a + 1, 0);
    }
    Progress::Done
}

fn header(out: &mut Out) {
    out.put(b"# ");
    for name in NAMES {
        out.put(name.as_bytes());
        out.byte(b',');
    }
    out.byte(b'\n');
}

fn line(view: &View, scope: &Scope, item: Item, out: &mut Out) {
    let row = fill(view, item, scope.legends);
    for value in row.values() {
        value.put_csv(out);
        out.byte(b',');
    }
    out.byte(b'\n');
}
