//! Rules of half of the proxies: such as change heads, remember, wait for bytes and bodies, and let everything arrive as it was sent.

use crate::rng::Rng;
use evenkeel::model::{Config, Mode};
use evenkeel::rules::{Line, Rulebook, compile};
use evenkeel::util::words::{Pos, Word};

/// Directive and words.
type Text = (&'static str, &'static str);

const HTTP: &[Text] = &[
    ("http-request", "set-header X-Sim %[src]"),
    (
        "http-request",
        "set-header X-Sim-Long aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa if { method POST }",
    ),
    ("http-request", "del-header X-Sim"),
    ("http-request", "set-var(txn.path) path,upper"),
    ("http-request", "set-var(sess.last) path"),
    ("http-request", "add-header X-Last %[var(sess.last)] if { var(sess.last) -m found }"),
    ("http-request", "wait-for-body time 20s if !{ req.hdr(expect) -m found }"),
    ("http-request", "wait-for-body time 20s at-least 100 if !{ req.hdr(expect) -m found }"),
    ("http-request", "replace-header Host (.*) \\1"),
    ("http-response", "set-header X-Path %[var(txn.path)]"),
    ("http-response", "replace-header X-Path ^/(.*)$ \\1"),
    ("http-after-response", "set-header X-After %[status]"),
    ("http-after-response", "del-header X-After if { status 500:599 }"),
    ("capture request header", "Host len 20"),
    ("capture cookie", "SID len 10"),
    ("reqadd", "X-Old:1"),
    ("reqidel", "^x-last:"),
    ("rspadd", "X-Old:1"),
    ("tcp-request content", "accept"),
];
const TCP: &[Text] = &[
    ("tcp-request content", "accept if { req.len gt 3 }"),
    ("tcp-request content", "accept if WAIT_END"),
    ("tcp-response content", "accept if { res.len gt 3 }"),
    ("tcp-response content", "accept if WAIT_END"),
    ("tcp-request connection", "accept"),
];

fn line(&(directive, words): &Text) -> Line {
    let word = |text: &str| Word { text: text.into(), pos: Pos::default(), quoted: false };
    Line { directive, words: words.split(' ').map(word).collect(), pos: Pos::default() }
}

/// The rules of a seed, drawn apart from all else: what else a seed does is the same without them.
pub fn rulebook(seed: u64, config: &Config) -> Rulebook {
    let mut r = Rng::new(seed ^ 0x5275_6c65_7300);
    let mut lines = Vec::new();
    for proxy in &config.proxies {
        let texts = if proxy.mode == Mode::Http { HTTP } else { TCP };
        let mut own: Vec<Line> = Vec::new();
        if r.percent(50) {
            own.extend(texts.iter().filter(|_| r.percent(20)).map(line));
        }
        // Where a section has no such rules.
        own.retain(|l| match l.directive {
            "capture request header" | "capture cookie" | "tcp-request connection" => proxy.is_frontend,
            "tcp-response content" => proxy.is_backend,
            _ => true,
        });
        lines.push(own);
    }
    let done = compile(config, evenkeel::sample::Outside::NOTHING, &lines, &[]);
    assert!(done.errors.is_empty(), "{:?}", done.errors);
    let mut book = done.book;
    for proxy in &mut book.proxies {
        proxy.inspect_delay_ms = [r.pick(&[0, 5, 100]), r.pick(&[0, 5, 100])];
    }
    book
}
