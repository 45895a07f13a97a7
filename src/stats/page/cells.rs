//! A row of a proxy's table, and how numbers look in it.

use crate::stats::{Field as F, Item};
use crate::stats::{Row, Value};
use crate::util::fmt::Out;
use std::fmt::Write;

/// Writes text so that a browser shows it as it is, in attributes too.
pub fn escape(text: &str, o: &mut Out) {
    for b in text.bytes() {
        match b {
            b'&' => o.put(b"&amp;"),
            b'<' => o.put(b"&lt;"),
            b'>' => o.put(b"&gt;"),
            b'"' => o.put(b"&quot;"),
            b'\'' => o.put(b"&#39;"),
            _ => o.byte(b),
        }
    }
}

/// Bytes with a unit and three digits: `1.25 MiB`.
pub fn bytes(n: u64, o: &mut Out) {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let at = if n == 0 { 0 } else { n.ilog2() as usize / 10 };
    let hundredths = (u128::from(n) * 100) >> (10 * at);
    let (whole, rest) = ((hundredths / 100) as u64, (hundredths % 100) as u64);
    o.num(whole);
    if at > 0 && whole < 100 {
        o.byte(b'.');
        if whole < 10 { o.zero_padded(rest, 2) } else { o.num(rest / 10) }
    }
    let _ = write!(o, " {}", UNITS[at]);
}

/// Seconds in the two greatest units: `3d4h`, `5m12s`.
pub fn duration(s: u64, o: &mut Out) {
    let _ = match s {
        0..60 => write!(o, "{s}s"),
        60..3600 => write!(o, "{}m{}s", s / 60, s % 60),
        3600..86_400 => write!(o, "{}h{}m", s / 3600, s / 60 % 60),
        _ => write!(o, "{}d{}h", s / 86_400, s / 3600 % 24),
    };
}

/// A number in groups of three.
fn grouped(n: u64, o: &mut Out) {
    let mut unit = 1u64;
    while n / unit >= 1000 {
        unit *= 1000;
    }
    o.num(n / unit);
    while unit > 1 {
        unit /= 1000;
        o.put(b"&#8239;");
        o.zero_padded(n / unit % 1000, 3);
    }
}

/// How the numbers of a column are shown.
#[derive(Clone, Copy)]
enum Look {
    Plain,
    /// Nothing for 0: no limit.
    Limit,
    /// Red unless 0.
    Bad,
    Bytes,
    Seconds,
    /// The time since, `never` for -1.
    Ago,
    /// `active` or `backup` of servers: a tick.
    Tick,
}

/// The columns from the queue on: field, looks, and whether a group begins.
const CELLS: [(F, Look, bool); 28] = [
    (F::Qcur, Look::Plain, true),
    (F::Qmax, Look::Plain, false),
    (F::Qlimit, Look::Limit, false),
    (F::Rate, Look::Plain, true),
    (F::RateMax, Look::Plain, false),
    (F::RateLim, Look::Limit, false),
    (F::Scur, Look::Plain, true),
    (F::Smax, Look::Plain, false),
    (F::Slim, Look::Limit, false),
    (F::Stot, Look::Plain, false),
    (F::Lbtot, Look::Plain, false),
    (F::Lastsess, Look::Ago, false),
    (F::Bin, Look::Bytes, true),
    (F::Bout, Look::Bytes, false),
    (F::Dreq, Look::Bad, true),
    (F::Dresp, Look::Bad, false),
    (F::Ereq, Look::Bad, true),
    (F::Econ, Look::Bad, false),
    (F::Eresp, Look::Bad, false),
    (F::Wretr, Look::Bad, true),
    (F::Wredis, Look::Bad, false),
    (F::Weight, Look::Plain, true),
    (F::Act, Look::Tick, false),
    (F::Bck, Look::Tick, false),
    (F::Chkfail, Look::Bad, false),
    (F::Chkdown, Look::Bad, false),
    (F::Downtime, Look::Seconds, false),
    (F::Ttime, Look::Plain, false),
];

/// Writes a row; `class` colours it, `legends` puts addresses and numbers into the name's tooltip.
pub fn table_row(row: &Row, item: Item, class: &str, legends: bool, o: &mut Out) {
    let kind = match item {
        Item::Frontend(_) => "fe",
        Item::Listener(_) => "li",
        Item::Server(_) => "sv",
        Item::Backend(_) => "be",
    };
    let mark = match (item, class) {
        (Item::Server(_), "down") => " bad",
        (Item::Server(_), "maint") => " off",
        _ => "",
    };
    let _ = write!(o, "<tr class=\"{kind}{mark}{}{class}\"><th scope=\"row\"", if class.is_empty() { "" } else { " " });
    if legends {
        legend(row, o);
    }
    o.byte(b'>');
    match item {
        Item::Frontend(_) => o.put(b"Frontend"),
        Item::Backend(_) => o.put(b"Backend"),
        _ => shown(row.get(F::Svname), o),
    }
    o.put(b"</th>");
    status(row, class, o);
    for (field, look, first) in CELLS {
        cell(row, item, field, look, first, o);
    }
    o.put(b"</tr>\n");
}

/// Writes a value as text of the page.
fn shown(value: Value, o: &mut Out) {
    match value {
        Value::Text(t) => escape(t, o),
        other => other.put(o),
    }
}

fn legend(row: &Row, o: &mut Out) {
    o.put(b" title=\"id ");
    let id = if matches!(row.num(F::Sid), None | Some(0)) { F::Iid } else { F::Sid };
    shown(row.get(id), o);
    for (field, name) in [(F::Addr, ", "), (F::Cookie, ", cookie "), (F::Algo, ", ")] {
        if !matches!(row.get(field), Value::Empty) {
            o.put(name.as_bytes());
            shown(row.get(field), o);
        }
    }
    o.byte(b'"');
}

fn status(row: &Row, class: &str, o: &mut Out) {
    o.put(b"<td class=\"g l\">");
    if !class.is_empty() {
        o.put(b"<i></i>");
    }
    shown(row.get(F::Status), o);
    if let Some(since) = row.num(F::Lastchg) {
        o.put(b" for ");
        duration(since, o);
    }
    o.put(b"</td><td class=\"l\"");
    if let Value::Text(meaning) = row.get(F::CheckDesc) {
        o.put(b" title=\"");
        escape(meaning, o);
        if let Value::CheckInfo(last) = row.get(F::LastChk) {
            let last = last.lock().unwrap_or_else(|e| e.into_inner()).info;
            if !last.text().is_empty() {
                o.put(b": ");
                escape(last.text(), o);
            }
        }
        o.byte(b'"');
    }
    o.byte(b'>');
    if let Value::CheckStatus(result, _) = row.get(F::CheckStatus) {
        escape(result, o);
        if let Some(code) = row.num(F::CheckCode) {
            let _ = write!(o, "/{code}");
        }
        if let Some(ms) = row.num(F::CheckDuration) {
            let _ = write!(o, " in {ms} ms");
        }
    }
    o.put(b"</td>");
}

fn cell(row: &Row, item: Item, field: F, look: Look, first: bool, o: &mut Out) {
    let n = row.num(field);
    let tone = match (look, n) {
        (Look::Bad, Some(1..)) => "hot",
        (_, Some(0)) => "z",
        _ => "",
    };
    let _ = match (first, tone) {
        (false, "") => write!(o, "<td>"),
        (true, "") => write!(o, "<td class=\"g\">"),
        (false, tone) => write!(o, "<td class={tone}>"),
        (true, tone) => write!(o, "<td class=\"g {tone}\">"),
    };
    match (look, n) {
        (Look::Ago, None) if matches!(row.get(field), Value::Int(_)) => o.put(b"never"),
        (_, None) | (Look::Limit, Some(0)) => {}
        (Look::Bytes, Some(n)) => bytes(n, o),
        (Look::Seconds | Look::Ago, Some(n)) => duration(n, o),
        (Look::Tick, Some(n)) if matches!(item, Item::Server(_)) => o.put(if n > 0 { &b"&#10003;"[..] } else { b"" }),
        (_, Some(_)) if field == F::Ttime => averages(row, o),
        (_, Some(n)) => grouped(n, o),
    }
    o.put(b"</td>");
}

fn averages(row: &Row, o: &mut Out) {
    for (i, field) in [F::Qtime, F::Ctime, F::Rtime, F::Ttime].into_iter().enumerate() {
        if i > 0 {
            o.byte(b'/');
        }
        row.get(field).put(o);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(f: impl FnOnce(&mut Out)) -> String {
        let mut b = [0; 128];
        let mut o = Out::new(&mut b);
        f(&mut o);
        String::from_utf8(o.bytes().to_vec()).unwrap()
    }

    #[test]
    fn numbers_for_people() {
        assert_eq!(text(|o| bytes(0, o)), "0 B");
        assert_eq!(text(|o| bytes(1023, o)), "1023 B");
        assert_eq!(text(|o| bytes(1024, o)), "1.00 KiB");
        assert_eq!(text(|o| bytes(25 * 1024 * 1024 + 600_000, o)), "25.5 MiB");
        assert_eq!(text(|o| bytes(u64::MAX, o)), "15.9 EiB");
        assert_eq!(text(|o| grouped(1_002_345, o)), "1&#8239;002&#8239;345");
        assert_eq!(text(|o| grouped(u64::MAX, o)).matches("&#8239;").count(), 6);
        assert_eq!(text(|o| grouped(7, o)), "7");
        assert_eq!(text(|o| duration(93_784, o)), "1d2h");
    }

    #[test]
    fn names_cannot_become_markup() {
        assert_eq!(text(|o| escape("<b a=\"'&", o)), "&lt;b a=&quot;&#39;&amp;");
    }
}
