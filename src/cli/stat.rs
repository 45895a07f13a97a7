//! `show stat`: the statistics as CSV.

use crate::applet::{Cursor, Progress, View, unit};
use crate::model::CliLevel;
use crate::stats::{Scope, csv};
use crate::util::fmt::Out;

/// `show stat [<iid|proxy> <type> <sid>] [up|no-maint]`; -1 = any.
pub fn show_stat(view: &View, args: &[&str], cur: &mut Cursor, out: &mut Out) -> Progress {
    if args.iter().any(|a| matches!(*a, "typed" | "json" | "desc")) {
        let written = unit(out, |o| o.put(b"'show stat typed', 'json' and 'desc' are not built yet.\n"));
        return if written { Progress::Done } else { Progress::More };
    }
    csv(view, &scope(args, view.level), cur, out)
}

fn scope<'a>(args: &[&'a str], level: CliLevel) -> Scope<'a> {
    let mut scope = Scope {
        legends: level >= CliLevel::Operator,
        no_maint: args.contains(&"no-maint"),
        only_up: args.contains(&"up"),
        ..Scope::default()
    };
    // Words that are not a filter are passed over, as HAProxy does.
    if let [proxy, kinds, sid, ..] = args {
        match proxy.parse::<i64>() {
            Ok(id) => scope.iid = u32::try_from(id).ok(),
            Err(_) => scope.name = Some(proxy),
        }
        scope.kinds = kinds.parse::<i64>().ok().and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
        scope.sid = sid.parse::<i64>().ok().and_then(|n| u32::try_from(n).ok());
    }
    scope
}
