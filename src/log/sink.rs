//! Heads of log lines and their way out.

use super::FACILITIES;
use crate::format::{Lines, Record};
use crate::model::{Config, Logger, SinkFormat, SinkPlace};
use crate::pattern::RegexCache;
use crate::rules::Rulebook;
use crate::sample::Scene;
use crate::sys::zone::Zone;
use crate::sys::{Fd, IoError, Kernel, NO_FD, Target};
use crate::util::date;
use crate::util::fmt::Out;
use std::sync::Arc;

/// Everything a worker needs to log.
pub struct Logs {
    config: Arc<Config>,
    /// Descriptor of each sink of the configuration, `NO_FD` when it could not be opened.
    fds: Vec<Fd>,
    /// Where each sink is, as far as one can connect to it, and the last second (of the wall clock) in which that was tried anew.
    places: Vec<(Option<Target>, i64)>,
    rules: Arc<Rulebook>,
    /// Frontends whose lines are complete when a session begins.
    early: Vec<bool>,
    zone: Arc<Zone>,
    host: Arc<str>,
    pid: u32,
    line: Box<[u8]>,
    head: Box<[u8]>,
    /// Lines so far for each logger of each proxy that samples.
    samples: Vec<u32>,
    /// Lines that a sink did not take.
    pub dropped: u64,
    /// Where whoever started us reads, while we are in the foreground.
    pub aloud: Option<fn(&[u8])>,
}

/// What the samples of a format look at, and work with.
pub struct Sampled<'a> {
    pub scene: &'a Scene<'a>,
    pub space: &'a mut [u8],
    pub regexes: &'a mut RegexCache,
}

/// Longest line of all sinks, bytes (HAProxy's largest `len`).
const MAX_LINE: usize = 65_535;
/// Room for the head of a line.
const MAX_HEAD: usize = 512;

/// What the socket of a sink is connected to.
fn target(place: &SinkPlace) -> Option<Target> {
    match place {
        SinkPlace::Udp(to) => Some(Target::Inet((*to).into())),
        SinkPlace::Unix(path) => Some(Target::Unix(path.clone())),
        SinkPlace::Fd(_) => None,
    }
}

impl Logs {
    /// Logs in the formats of a rulebook.
    pub fn new(
        config: Arc<Config>,
        rules: Arc<Rulebook>,
        fds: Vec<Fd>,
        zone: Arc<Zone>,
        host: Arc<str>,
        pid: u32,
    ) -> Logs {
        let longest = config.sinks.iter().map(|s| s.max_len as usize).max().unwrap_or(0).min(MAX_LINE);
        Logs {
            early: rules.logs.iter().map(Lines::known_at_start).collect(),
            rules,
            samples: vec![0; config.proxies.iter().map(|p| p.loggers.len()).max().unwrap_or(0)],
            places: config.sinks.iter().map(|s| (target(&s.place), 0)).collect(),
            config,
            fds,
            zone,
            host,
            pid,
            line: vec![0; longest.max(1024)].into(),
            head: vec![0; MAX_HEAD + longest.max(1024)].into(),
            dropped: 0,
            aloud: None,
        }
    }

    /// True when a traffic line of this frontend would go anywhere.
    pub fn wanted(&self, proxy: usize) -> bool {
        !self.config.proxies[proxy].loggers.is_empty()
    }

    /// True when the traffic lines of a frontend show one of these variables.
    pub fn shows(&self, proxy: usize, names: &[&str]) -> bool {
        self.wanted(proxy) && self.rules.logs[proxy].shows(names)
    }

    /// True when the traffic lines of this frontend say nothing that is not known when a session begins.
    pub fn is_early(&self, proxy: usize) -> bool {
        self.early[proxy]
    }

    /// Seconds east of UTC at a time.
    pub fn zone_offset(&self, unix_s: i64) -> i32 {
        self.zone.offset(unix_s)
    }

    /// This machine's name, and the process id.
    pub fn identity(&self) -> (&Arc<str>, u32) {
        (&self.host, self.pid)
    }

    /// Sends the traffic line of a session.
    pub fn traffic<K: Kernel>(&mut self, sys: &mut K, proxy: usize, level: u8, record: &Record, sampled: Sampled) {
        let config = Arc::clone(&self.config);
        let mut line = std::mem::take(&mut self.line);
        let lines = &self.rules.logs[proxy];
        let format = lines.failed.as_ref().filter(|_| record.failed).unwrap_or(&lines.line);
        let (scene, space, regexes) = (sampled.scene, sampled.space, sampled.regexes);
        let mut out = Out::new(&mut line);
        format.write(record, scene, space, regexes, &mut out);
        let len = out.len();
        let (text, rest) = line.split_at_mut(len);
        // Data that does not fit is left out: a part of it would be none.
        let mut data = Out::new(rest);
        if let Some(format) = &lines.data {
            format.write(record, scene, space, regexes, &mut data);
        }
        let data = if data.overflow() { b"" } else { data.bytes() };
        let p = &config.proxies[proxy];
        let tag = p.log_tag.as_deref().unwrap_or(&config.global.log_tag);
        for (i, logger) in p.loggers.iter().enumerate() {
            if self.sampled(i, logger) {
                self.send(sys, logger, (level, tag, record.end), text, data);
            }
        }
        self.line = line;
    }

    /// Sends a message to the loggers of a proxy (or to the global ones).
    pub fn message<K: Kernel>(&mut self, sys: &mut K, proxy: Option<usize>, level: u8, text: &[u8]) {
        let config = Arc::clone(&self.config);
        let loggers = proxy.map_or(&config.global.loggers, |p| &config.proxies[p].loggers);
        let now = sys.wall();
        for logger in loggers {
            self.send(sys, logger, (level, &config.global.log_tag, now), text, b"");
        }
    }

    /// The same for a change of state, which is also said aloud.
    pub fn announce<K: Kernel>(&mut self, sys: &mut K, proxy: usize, level: u8, text: &[u8]) {
        self.message(sys, Some(proxy), level, text);
        let Some(say) = self.aloud else { return };
        let mut out = Out::new(&mut self.head);
        out.put(if level == 0 { b"[ALERT]    (" } else { b"[WARNING]  (" });
        out.num(self.pid.into());
        out.put(b") : ");
        out.put(text);
        out.byte(b'\n');
        say(out.bytes());
    }

    fn sampled(&mut self, i: usize, logger: &Logger) -> bool {
        let Some((ranges, size)) = &logger.sample else { return true };
        let n = self.samples[i] % size + 1;
        self.samples[i] = n;
        ranges.iter().any(|r| (r.0..=r.1).contains(&n))
    }

    /// Sends a line to one logger; `data`: its structured data, where the sink takes that.
    fn send<K: Kernel>(
        &mut self,
        sys: &mut K,
        logger: &Logger,
        (level, tag, at): (u8, &str, (i64, u32)),
        text: &[u8],
        data: &[u8],
    ) {
        let (sink, fd) = (&self.config.sinks[logger.sink], self.fds[logger.sink]);
        if level > logger.level {
            return;
        }
        if fd == NO_FD {
            self.dropped += 1;
            return;
        }
        let level = level.max(logger.min_level);
        let config_host = self.config.global.log_send_hostname.as_deref();
        let host = config_host.map(|name| if name.is_empty() { &*self.host } else { name });
        let heading = Heading { host, tag, pid: self.pid, at, zone_s: self.zone.offset(at.0), data };
        let mut out = Out::new(&mut self.head);
        heading.put(&mut out, sink.format, logger.facility, level);
        // The configured length counts the line as a whole; the line feed comes last.
        let room = (sink.max_len as usize).saturating_sub(out.len() + 1);
        out.put(&text[..text.len().min(room)]);
        out.byte(b'\n');
        let len = out.len();
        if let Err(e) = sys.log_send(fd, &self.head[..len])
            && !self.send_again(sys, e, logger.sink, at.0, len)
        {
            self.dropped += 1;
        }
    }

    /// After an error: a syslog that was restarted has another socket, to which ours is connected anew, at most once a second.
    fn send_again<K: Kernel>(&mut self, sys: &mut K, e: IoError, sink: usize, now_s: i64, len: usize) -> bool {
        let fd = self.fds[sink];
        let (Some(to), tried_s) = &mut self.places[sink] else { return false };
        let worth_it = match (e, &to) {
            (IoError::Again, _) => false, // it is there, and full
            // What UDP tells is about an earlier line. This one was not sent.
            (IoError::Refused, Target::Inet(_)) => true,
            _ => std::mem::replace(tried_s, now_s) != now_s && sys.log_connect(fd, to).is_ok(),
        };
        worth_it && sys.log_send(fd, &self.head[..len]).is_ok()
    }
}

/// What stands before the text of a line.
struct Heading<'a> {
    /// The name of this host, where it is to be sent.
    host: Option<&'a str>,
    tag: &'a str,
    pid: u32,
    at: (i64, u32),
    /// Seconds between local time and UTC.
    zone_s: i32,
    /// For the format that has a place for it; empty = none.
    data: &'a [u8],
}

impl Heading<'_> {
    fn put(&self, out: &mut Out, format: SinkFormat, facility: u8, level: u8) {
        let priority = u64::from(facility.min(FACILITIES.len() as u8 - 1)) * 8 + u64::from(level);
        let local = date::civil(self.at.0 + i64::from(self.zone_s));
        let host = |default| self.host.unwrap_or(default).as_bytes();
        match format {
            SinkFormat::Rfc3164 | SinkFormat::Local => {
                bracket(out, priority);
                local.put_syslog(out);
                out.byte(b' ');
                if format == SinkFormat::Rfc3164 {
                    out.put(host("localhost"));
                    out.byte(b' ');
                }
                out.put(self.tag.as_bytes());
                out.byte(b'[');
                out.num(self.pid.into());
                out.put(b"]: ");
            }
            SinkFormat::Rfc5424 => {
                bracket(out, priority);
                out.put(b"1 ");
                self.put_time(out, &local);
                out.put(host("-"));
                out.byte(b' ');
                out.put(self.tag.as_bytes());
                out.byte(b' ');
                out.num(self.pid.into());
                out.put(b" - ");
                out.put(if self.data.is_empty() { b"-" } else { self.data });
                out.byte(b' ');
            }
            SinkFormat::Priority => bracket(out, priority),
            SinkFormat::Short => bracket(out, level.into()),
            SinkFormat::Timed => {
                bracket(out, level.into());
                self.put_time(out, &local);
            }
            SinkFormat::Iso => self.put_time(out, &local),
            SinkFormat::Raw => {}
        }
    }

    fn put_time(&self, out: &mut Out, local: &date::Civil) {
        local.put_iso(out);
        out.byte(b'.');
        out.zero_padded(self.at.1.into(), 6);
        date::put_zone(out, self.zone_s, true);
        out.byte(b' ');
    }
}

fn bracket(out: &mut Out, n: u64) {
    out.byte(b'<');
    out.num(n);
    out.byte(b'>');
}
