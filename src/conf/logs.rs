//! `log` lines of `global` and of proxies, and what belongs to them.

use super::address::{self, Port, Written};
use super::row::{FRONT, GLOBAL, NEGATABLE, PROXY, Parse, Row};
use super::state::{Current, LogEntry, State};
use super::values::{number, number_of};
use crate::log::{FACILITIES, LEVELS};
use crate::model::{LogShape, LogSink, Logger, SinkFormat, SinkPlace};
use crate::util::words::{Args, Fault, Word};

const fn l(name: &'static str, args: &'static str, since: &'static str, doc: &'static str, parse: Parse) -> Row {
    Row::built("log", PROXY, name, args, since, doc, parse)
}

/// Keywords of proxies, sorted by name.
pub static PROXY_TABLE: &[Row] = &[
    Row {
        sections: FRONT,
        ..l(
            "error-log-format",
            "<text>",
            "2.5",
            "The shape of the lines of connections that ended before there was a request.",
            |s, a| Ok(s.draft().log_texts.failed = Some(one_word(a)?)),
        )
    },
    Row {
        sections: PROXY | NEGATABLE,
        ..l(
            "log",
            "global | <address> [len <n>] [format <f>] [sample <ranges>:<n>] <facility> [<level> [<min>]]",
            "1.1",
            "Where the lines of this proxy go; 'global' stands for the log lines of the section global, 'no log' forgets all.",
            log,
        )
    },
    Row {
        sections: FRONT,
        ..l("log-format", "<text>", "1.5", "The shape of the traffic lines, with variables such as %ci.", log_format)
    },
    Row {
        sections: FRONT,
        ..l(
            "log-format-sd",
            "<text>",
            "1.7",
            "The structured data of lines in the format rfc5424; '-' when it does not fit the line.",
            |s, a| Ok(s.draft().log_texts.data = Some(one_word(a)?)),
        )
    },
    l("log-tag", "<text>", "1.5", "The tag that lines of this proxy begin with.", log_tag),
];

/// Keywords of the section `global`, sorted by name.
pub static GLOBAL_TABLE: &[Row] = &[
    Row {
        sections: GLOBAL | NEGATABLE,
        ..l(
            "log",
            "<address> [len <n>] [format <f>] [sample <ranges>:<n>] <facility> [<level> [<min>]]",
            "1.1",
            "A log destination: host, path, stdout, stderr or fd@N, with facility, level and least level.",
            log,
        )
    },
    Row {
        sections: GLOBAL,
        ..l("log-send-hostname", "[<name>]", "1.5", "Puts the host name into the head of log lines.", |s, a| {
            Ok(s.global.log_send_hostname = Some(a.rest().first().map_or(String::new(), |w| w.text.clone())))
        })
    },
    Row {
        sections: GLOBAL,
        ..l("log-tag", "<text>", "1.5", "The tag that log lines begin with.", |s, a| {
            s.global.log_tag = a.need("a tag")?.text.clone();
            a.rest();
            Ok(())
        })
        .or("evenkeel")
    },
];

const FORMATS: [(&str, SinkFormat); 8] = [
    ("iso", SinkFormat::Iso),
    ("local", SinkFormat::Local),
    ("priority", SinkFormat::Priority),
    ("raw", SinkFormat::Raw),
    ("rfc3164", SinkFormat::Rfc3164),
    ("rfc5424", SinkFormat::Rfc5424),
    ("short", SinkFormat::Short),
    ("timed", SinkFormat::Timed),
];

fn log(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let global = s.current == Current::Global;
    if a.no {
        match global {
            true => s.global.loggers.clear(),
            false => s.draft().logs.clear(),
        }
        return Ok(());
    }
    if !global && a.peek() == Some("global") {
        a.next();
        s.draft().logs.push(LogEntry::Global);
        return a.finish();
    }
    if let Some(logger) = logger(s, a)? {
        match global {
            true => s.global.loggers.push(logger),
            false => s.draft().logs.push(LogEntry::Own(logger)),
        }
    }
    Ok(())
}

/// Reads a `log` line; none when its host is not known, which is only warned about.
fn logger(s: &mut State, a: &mut Args) -> Result<Option<Logger>, Fault> {
    let word = a.need("an address and a facility")?;
    let place = sink_place(s, &word.text, word.pos);
    let (mut max_len, mut format, mut sample) = (1024, None, None);
    loop {
        match a.peek() {
            Some("len") => {
                a.next();
                a.name = "log len".into();
                max_len = number(a, 80, 65_535)? as u32;
            }
            Some("format") => {
                a.next();
                a.name = "log format".into();
                format = Some(super::values::one_of(a, &FORMATS)?.0);
            }
            Some("sample") => {
                a.next();
                sample = Some(samples(a)?);
            }
            _ => break,
        }
    }
    a.name = "log".into();
    let facility = choice(a, &FACILITIES, "facility")?;
    let level = if a.peek().is_some() { choice(a, &LEVELS, "level")? } else { 7 };
    let min_level = if a.peek().is_some() { choice(a, &LEVELS, "level")? } else { 0 };
    if let Err(fault) = &place
        && fault.message.contains(address::UNKNOWN_HOST)
    {
        s.diags.warning(fault.pos, format!("{}: nothing is logged there", fault.message));
        return Ok(None);
    }
    let place = place?;
    let sink = s.sink(LogSink { place, format: format.unwrap_or(SinkFormat::Local), max_len }, format.is_none());
    Ok(Some(Logger { sink, facility, level, min_level, sample }))
}

fn choice(a: &mut Args, names: &[&str], what: &str) -> Result<u8, Fault> {
    let word = a.need(&format!("a {what}"))?;
    match names.iter().position(|n| *n == word.text) {
        Some(at) => Ok(at as u8),
        None => {
            let fault = Fault::new(word.pos, format!("'log': unknown {what} '{}'", word.text));
            Err(fault.hint(format!("one of {}", names.join(", "))))
        }
    }
}

fn sink_place(s: &State, text: &str, pos: crate::util::words::Pos) -> Result<SinkPlace, Fault> {
    match text {
        "stdout" => return Ok(SinkPlace::Fd(1)),
        "stderr" => return Ok(SinkPlace::Fd(2)),
        "global" => {
            return Err(Fault::new(pos, "'log global' is for proxies: the section global is where it points to"));
        }
        _ => {}
    }
    match address::parse(text, pos, "log")? {
        Written::Unix(path) => Ok(SinkPlace::Unix(path)),
        Written::Fd(fd) => Ok(SinkPlace::Fd(fd)),
        Written::Abstract(_) => Err(Fault::new(pos, "'log': abstract sockets are not built yet in this version")),
        Written::Inet(at) => {
            let port = match at.port {
                Port::Absent => 514,
                Port::Range(first, last) if first == last => first,
                _ => return Err(Fault::new(pos, format!("'log': a single port is needed in '{text}'"))),
            };
            let mut socket = at.socket(s.resolver, pos, "log")?;
            if at.is_wildcard() {
                // HAProxy sends to the address "any", which the kernel takes for this machine.
                socket.set_ip(if socket.is_ipv4() {
                    [127, 0, 0, 1].into()
                } else {
                    std::net::Ipv6Addr::LOCALHOST.into()
                });
            }
            socket.set_port(port);
            Ok(SinkPlace::Udp(socket))
        }
    }
}

/// `1,3-5:10`
fn samples(a: &mut Args) -> Result<(Vec<(u32, u32)>, u32), Fault> {
    a.name = "log sample".into();
    let word = a.need("ranges and a size, such as 1:10")?;
    let fail = || {
        Fault::new(word.pos, format!("'log sample' expects ranges and a size such as 1,3-5:10, got '{}'", word.text))
    };
    let (list, size) = word.text.split_once(':').ok_or_else(fail)?;
    let size: u32 = size.parse().map_err(|_| fail())?;
    let mut ranges = Vec::new();
    for part in list.split(',') {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let (low, high): (u32, u32) = (low.parse().map_err(|_| fail())?, high.parse().map_err(|_| fail())?);
        if low == 0 || low > high || high > size {
            return Err(fail());
        }
        ranges.push((low, high));
    }
    ranges.sort_unstable();
    if ranges.windows(2).any(|w| w[0].1 >= w[1].0) {
        return Err(Fault::new(word.pos, "'log sample': the ranges overlap"));
    }
    Ok((ranges, size))
}

fn log_tag(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    s.proxy().log_tag = Some(a.need("a tag")?.text.clone());
    a.rest();
    Ok(())
}

/// A format, which is one word.
fn one_word(a: &mut Args) -> Result<Word, Fault> {
    let word = a.need("a format")?.clone();
    if let Some(extra) = a.peek() {
        let fault = Fault::new(word.pos, format!("'{}' expects only one argument, '{extra}' is left", a.name));
        return Err(fault.hint("put the format into quotes, or escape its spaces"));
    }
    Ok(word)
}

fn log_format(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let word = one_word(a)?;
    s.proxy().log_shape = LogShape::Custom(word.text.clone());
    let pos = word.pos;
    s.draft().log_texts.line = Some(word);
    s.draft().places.insert("log-format", pos);
    s.draft().places.remove("option httplog");
    s.draft().places.remove("option tcplog");
    Ok(())
}

/// A positive number of a rate; shared with `rate-limit`.
pub fn rate(a: &mut Args) -> Result<u32, Fault> {
    let word = a.need("a number of sessions a second")?;
    number_of(word, &a.name, 0, i64::from(i32::MAX)).map(|n| n as u32)
}
