//! What a target begins with: from the repository's examples and tests, and the words of the program's own tables.
//!
//! `SEEDS=folder target` writes the seeds and a `dictionary` beside them, and ends.

use evenkeel::{cli, conf, format, rules, sample};
use std::collections::BTreeSet;
use std::path::Path;

/// Writes the seeds of a target if it was asked to.
pub fn write(seeds: impl FnOnce() -> Vec<Vec<u8>>, words: impl FnOnce() -> BTreeSet<String>) {
    let Ok(folder) = std::env::var("SEEDS") else { return };
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder).unwrap();
    for (n, seed) in seeds().iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{n:04}")), seed).unwrap();
    }
    // libFuzzer's dictionaries know no `\n`.
    let escaped = |w: &String| format!("\"{}\"\n", w.bytes().map(|b| format!("\\x{b:02x}")).collect::<String>());
    let words: String = words().iter().filter(|w| w.len() > 1 && w.len() < 60).map(escaped).collect();
    std::fs::write(folder.with_extension("dictionary"), words).unwrap();
    std::process::exit(0);
}

/// A file of the repository.
pub fn repository(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The files of a folder of the repository whose names end so.
fn files(folder: &str, end: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let entries = std::fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.filter(|n| n.ends_with(end)).collect();
    names.sort();
    names.iter().map(|n| repository(&format!("{folder}/{n}"))).collect()
}

/// The configurations of examples and tests; those in test sources are the strings that have a section.
pub fn configurations() -> Vec<String> {
    let mut all = files("examples", ".cfg");
    all.extend(files("src/conf/tests", ".cfg"));
    for source in files("tests", ".rs").iter().chain(&[repository("src/conf/tests.rs")]) {
        let strings = source.split('"').skip(1).step_by(2).map(|s| s.replace("\\n", "\n").replace("\\\n", ""));
        let sections = ["listen ", "frontend ", "backend ", "global\n", "defaults\n", "userlist "];
        all.extend(strings.filter(|s| s.contains('\n') && sections.iter().any(|n| s.contains(n))).map(ports));
    }
    all
}

/// With a port in place of each `{...}` of the tests.
fn ports(text: String) -> String {
    let mut out = String::new();
    for (n, part) in text.split('{').enumerate() {
        match part.split_once('}') {
            Some((name, rest)) if n > 0 && !name.contains(' ') => {
                out += "127.0.0.1:8080";
                out += rest;
            }
            _ if n > 0 => {
                out.push('{');
                out += part;
            }
            _ => out += part,
        }
    }
    out
}

/// Messages of the corpus of malformed ones: what clients send, and what servers answer.
pub fn messages() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    for text in [repository("tests/corpus/requests.txt"), repository("tests/corpus/responses.txt")] {
        for line in text.lines().map(str::trim_start) {
            if line.starts_with("case:") {
                all.push(Vec::new());
            } else if let Some(sent) = line.strip_prefix("send: ") {
                all.last_mut().unwrap().extend(unescape(sent));
            }
        }
    }
    all.retain(|m| m.len() < 4096);
    all
}

/// The corpus' escapes (tests/corpus/README.md).
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let (kind, tail) = rest.split_first().unwrap();
        rest = tail;
        match kind {
            b'r' => out.push(b'\r'),
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'0' => out.push(0),
            b'x' => {
                out.push(u8::from_str_radix(std::str::from_utf8(&rest[..2]).unwrap(), 16).unwrap());
                rest = &rest[2..];
            }
            b'{' => {
                let mut depth = 1;
                let is_end = |b: &u8| {
                    depth += i32::from(*b == b'{') - i32::from(*b == b'}');
                    depth == 0
                };
                let end = rest.iter().position(is_end).unwrap();
                let (count, what) = std::str::from_utf8(&rest[..end]).unwrap().split_once('*').unwrap();
                out.extend(unescape(what).repeat(count.parse().unwrap()));
                rest = &rest[end + 1..];
            }
            other => out.push(*other),
        }
    }
    out
}

/// Names of fetches and converters, and what separates them.
pub fn sample_words() -> BTreeSet<String> {
    let fetches = sample::FETCHES.iter().flat_map(|t| t.iter()).map(|f| f.name);
    let converters = sample::converter_tables().flatten().map(|c| c.name);
    let all = fetches.map(str::to_owned).chain(converters.map(|c| format!(",{c}")));
    let numbers = ["9223372036854775807", "-9223372036854775808", "4294967296", "2147483648", "65536", "-1", "0.5"];
    let more = ["hdr(host)", "txn.a", ",-1", "%[path]", "var(txn.a)"];
    all.chain(numbers.iter().chain(&more).map(|w| (*w).to_owned())).collect()
}

/// Every keyword of the configuration.
pub fn configuration_words() -> BTreeSet<String> {
    let mut all = sample_words();
    all.extend(conf::manual::all_keywords().map(|row| row.name.to_owned()));
    all.extend(rules::ACTIONS.iter().flat_map(|t| t.iter()).map(|a| a.name.to_owned()));
    all.extend(rules::DIRECTIVES.iter().map(|d| d.name.to_owned()));
    all.extend([format::HTTP_LOG.to_owned(), format::TCP_LOG.to_owned()]);
    all.extend([" if { ", " -m ", " -f x", " unless ", ".if ", ".endif", "${A[*]}", "\\x41"].map(str::to_owned));
    all
}

/// Names of header fields that mean something to the proxy, and the like.
pub fn message_words() -> BTreeSet<String> {
    let text = "GET |HEAD |POST |CONNECT |OPTIONS |PUT | HTTP/1.1\r\n| HTTP/1.0\r\n|\r\n\r\n|\r\nHost: a|\r\nContent-Length: 1|\
                \r\nTransfer-Encoding: chunked|\r\nConnection: close|keep-alive|\r\nUpgrade: h2c|\r\nExpect: 100-continue|\
                \r\nCookie: a=b; c=d|\r\nSet-Cookie: a=b; Path=/|\r\nX-Forwarded-For: 1.2.3.4|\r\nAuthorization: Basic YTpi|\
                http://a/|HTTP/1.1 200 OK\r\n|HTTP/1.1 204 No|HTTP/1.1 304 Not|HTTP/1.1 101 Switching|0\r\n\r\n|5\r\nhello\r\n|\
                PROXY TCP4 |PROXY TCP6 |\r\n\r\n\0\r\nQUIT\n|\r\nUser-Agent: x|\r\nReferer: http://a/b|?a=1&b=2";
    text.split('|').map(str::to_owned).collect()
}

/// Commands of the command socket.
pub fn command_words() -> BTreeSet<String> {
    let names = cli::COMMANDS.iter().map(|c| c.name.to_owned());
    names.chain([" all", " desc", " -1", " up", "no-maint", ";", "\n", "f", "b"].map(str::to_owned)).collect()
}
