//! `get var`: the variables of the process.

use crate::applet::{Cursor, Progress, View, unit};
use crate::pattern::Value;
use crate::util::fmt::Out;
use crate::util::scratch::Scratch;
use std::fmt::Write;
use std::net::IpAddr;

/// The most that a variable holds as text.
const SPACE: usize = 1024;

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "bool",
        Value::Int(_) => "sint",
        Value::Ip(IpAddr::V4(_)) => "ipv4",
        Value::Ip(IpAddr::V6(_)) => "ipv6",
        Value::Str(_) => "str",
        Value::Bin(_) => "bin",
        Value::Method(_) => "meth",
    }
}

/// `get var <name>`
pub fn get_var(view: &View, args: &[&str], _: &mut Cursor, out: &mut Out) -> Progress {
    let rules = &view.shared.rules;
    let mut space = [0; SPACE];
    let mut scratch = Scratch::new(&mut space);
    let note = args.first().filter(|n| n.starts_with("proc.")).and_then(|n| rules.layout.find(n));
    let value = note.and_then(|n| rules.process.get(n, &mut scratch));
    let written = unit(out, |o| match (args.first(), value) {
        (None, _) => o.put(b"Missing process-wide variable identifier.\n"),
        (Some(_), None) => o.put(b"Variable not found.\n"),
        (Some(name), Some(value)) => {
            let _ = write!(o, "{name}: type={} value=<", kind(&value));
            // Bytes are no text.
            if !matches!(value, Value::Bin(_)) {
                value.write(o);
            }
            o.put(b">\n");
        }
    });
    if written { Progress::Done } else { Progress::More }
}
