//! Health checks of a backend: `option httpchk`, `option tcp-check`, `http-check`.

use super::global::unknown_option;
use super::row::{BACK, Parse, Row};
use super::state::{HttpCheck, State};
use crate::model::{Expect, ExpectWhat, opt};
use crate::util::words::{Args, Fault};

/// Name of the check type that sends an HTTP request (a row of `check::KINDS`).
pub const HTTP: &str = "httpchk";

const fn c(name: &'static str, args: &'static str, since: &'static str, doc: &'static str, parse: Parse) -> Row {
    Row::built("check", BACK, name, args, since, doc, parse)
}

const fn refused(name: &'static str, args: &'static str, since: &'static str, reason: &'static str) -> Row {
    c(name, args, since, "Recognised, and refused until it is built.", |_, _| Ok(())).not_built(reason)
}

const RULES: &str = "check scripts come later; 'option httpchk' with 'http-check send' and 'expect' is built";
const TCP_RULES: &str = "check scripts come later; 'option tcp-check' without rules tests the connection";

/// Sorted by name.
pub static TABLE: &[Row] = &[
    refused("external-check command", "<command>", "1.6", "checks by a program come later"),
    refused("external-check path", "<path>", "1.6", "checks by a program come later"),
    refused("http-check comment", "<text>", "2.2", RULES),
    refused("http-check connect", "[option]...", "2.2", RULES),
    c(
        "http-check disable-on-404",
        "",
        "1.3",
        "A check answered by 404 takes a server out softly: no new sessions, old ones stay.",
        |s, _| Ok(s.proxy().options |= opt::DISABLE_ON_404),
    ),
    c(
        "http-check expect",
        "[!] status <codes> | [!] string <text>",
        "1.4",
        "What the answer to an HTTP check must look like.",
        expect,
    ),
    c(
        "http-check send",
        "[meth <m>] [uri <u>] [ver <v>] [hdr <name> <value>]... [body <text>]",
        "2.2",
        "The request of an HTTP check.",
        send,
    ),
    refused("http-check send-state", "", "1.3", "the header X-Haproxy-Server-State is not built"),
    refused("http-check set-var", "<name> <expression>", "2.2", RULES),
    refused("http-check unset-var", "<name>", "2.2", RULES),
    refused("tcp-check comment", "<text>", "1.6", TCP_RULES),
    refused("tcp-check connect", "[option]...", "1.5", TCP_RULES),
    refused("tcp-check expect", "[!] <match> <pattern>", "1.5", TCP_RULES),
    refused("tcp-check send", "<data>", "1.5", TCP_RULES),
    refused("tcp-check send-binary", "<hex>", "1.5", TCP_RULES),
    refused("tcp-check send-binary-lf", "<format>", "2.2", TCP_RULES),
    refused("tcp-check send-lf", "<format>", "2.2", TCP_RULES),
    refused("tcp-check set-var", "<name> <expression>", "2.2", TCP_RULES),
    refused("tcp-check unset-var", "<name>", "2.2", TCP_RULES),
];

/// `option httpchk`, `option httpchk <uri>`, `option httpchk <method> <uri> [<version>]`. Headers may hide behind the
/// version, as was done before `http-check send`.
pub fn httpchk(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let pos = a.pos();
    let (first, second, third) = (a.next(), a.next(), a.next());
    let mut check = HttpCheck::default();
    match (first, second) {
        (Some(uri), None) => check.uri = uri.text.clone(),
        (Some(method), Some(uri)) => (check.method, check.uri) = (token(method)?, uri.text.clone()),
        _ => {}
    }
    if check.uri.bytes().any(|b| b <= b' ') {
        return Err(Fault::new(a.last_pos(), "'option httpchk': white space in the URI"));
    }
    if let Some(version) = third {
        let mut lines = version.text.split("\r\n");
        check.version = http_version(lines.next().unwrap_or(""), version.pos)?;
        let mut hidden = false;
        for line in lines.by_ref() {
            hidden = true;
            let Some((name, value)) = line.split_once(':') else {
                if line.is_empty() {
                    break;
                }
                return Err(Fault::new(version.pos, format!("'option httpchk': '{line}' is not a header line")));
            };
            check.headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
        check.body = lines.collect::<Vec<_>>().join("\r\n");
        if hidden {
            let message = "'option httpchk': headers behind the version are an old trick that works here";
            s.diags.warning_hint(version.pos, message, "today's spelling is 'http-check send hdr <name> <value>'");
        }
    }
    let draft = s.draft();
    // What 'http-check send' said before or will say counts more.
    if !draft.places.contains_key("http-check send") {
        draft.http_check = check;
    }
    draft.proxy.check.kind = HTTP;
    draft.places.insert("option httpchk", pos);
    Ok(())
}

fn token(word: &crate::util::words::Word) -> Result<String, Fault> {
    match word.text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)) {
        true => Ok(word.text.clone()),
        false => Err(Fault::new(word.pos, format!("'{}' is not an HTTP method", word.text))),
    }
}

fn http_version(text: &str, pos: crate::util::words::Pos) -> Result<String, Fault> {
    match text {
        "HTTP/1.0" | "HTTP/1.1" => Ok(text.to_owned()),
        other => Err(Fault::new(pos, format!("'{other}' is not HTTP/1.0 or HTTP/1.1"))),
    }
}

/// `option tcp-check`
pub fn tcp_check(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let pos = a.pos();
    let draft = s.draft();
    draft.proxy.check.kind = "";
    draft.places.remove("option httpchk");
    draft.places.insert("option tcp-check", pos);
    Ok(())
}

fn send(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let pos = a.pos();
    let mut check = s.draft().http_check.clone();
    // Its own headers and body, those of 'option httpchk' stay below them.
    if s.draft().places.insert("http-check send", pos).is_some() {
        (check.headers, check.body) = (Vec::new(), String::new());
    }
    while let Some(word) = a.next() {
        a.name = format!("http-check send {}", word.text);
        match word.text.as_str() {
            "meth" => check.method = token(a.need("a method")?)?,
            "uri" => check.uri = a.need("a URI")?.text.clone(),
            "ver" => {
                let version = a.need("a version")?;
                check.version = http_version(&version.text, version.pos)?;
            }
            "hdr" => {
                let name = a.need("a name and a value")?;
                let value = a.need("a name and a value")?;
                let clean = |b: u8| b >= b' ' && b != 0x7f;
                if name.text.contains([':', ' ']) || !name.text.bytes().chain(value.text.bytes()).all(clean) {
                    return Err(Fault::new(
                        name.pos,
                        "'http-check send hdr': control characters, ':' or ' ' in a header",
                    ));
                }
                if value.text.contains('%') {
                    return Err(Fault::new(
                        value.pos,
                        "formats ('%') in headers of checks are not built yet in this version",
                    ));
                }
                check.headers.push((name.text.to_ascii_lowercase(), value.text.clone()));
            }
            "body" => check.body = a.need("a text")?.text.clone(),
            "comment" => drop(a.need("a text")?),
            "uri-lf" | "body-lf" => {
                return Err(Fault::new(word.pos, format!("'{}' is not built yet in this version", a.name)));
            }
            other => {
                return Err(unknown_option(
                    word.pos,
                    "http-check send",
                    other,
                    "meth, uri, ver, hdr, body and comment",
                ));
            }
        }
    }
    s.draft().http_check = check;
    Ok(())
}

fn expect(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let pos = a.pos();
    let word = a.need("status or string and what to look for")?;
    let (mut negate, mut kind, mut at) = (false, word.text.as_str(), word.pos);
    if let Some(rest) = kind.strip_prefix('!') {
        (negate, kind) = (true, rest);
        if kind.is_empty() {
            let next = a.need("status or string after '!'")?;
            (kind, at) = (next.text.as_str(), next.pos);
        }
    }
    let what = match kind {
        "status" => ExpectWhat::Status(codes(a)?),
        "string" => ExpectWhat::String(a.need("a text")?.text.clone().into_bytes()),
        "rstatus" | "rstring" | "hdr" | "fhdr" | "string-lf" | "min-recv" | "comment" | "ok-status"
        | "error-status" | "tout-status" | "on-success" | "on-error" | "status-code" => {
            let fault = Fault::new(at, format!("'http-check expect {kind}' is not built yet in this version"));
            return Err(fault.hint("'http-check expect status 200-399' and 'string <text>' are built"));
        }
        other => return Err(unknown_option(at, "http-check expect", other, "status and string")),
    };
    let draft = s.draft();
    if draft.places.contains_key("http-check expect") {
        return Err(Fault::new(pos, "several 'http-check expect' are not built yet in this version"));
    }
    draft.proxy.check.expect = Some(Expect { negate, what });
    draft.places.insert("http-check expect", pos);
    Ok(())
}

/// `200,301-302`
fn codes(a: &mut Args) -> Result<Vec<(u16, u16)>, Fault> {
    let word = a.need("status codes such as 200 or 200-399")?;
    let fail = || {
        Fault::new(
            word.pos,
            format!("'http-check expect status' expects codes such as 200,300-399, got '{}'", word.text),
        )
    };
    let mut ranges = Vec::new();
    for part in word.text.split([',', ' ']) {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let (low, high): (u16, u16) = (low.parse().map_err(|_| fail())?, high.parse().map_err(|_| fail())?);
        if low > high || high > 999 {
            return Err(fail());
        }
        ranges.push((low, high));
    }
    Ok(ranges)
}

/// The bytes of a check's request, as HAProxy 2.6 writes them.
pub fn request(check: &HttpCheck) -> Vec<u8> {
    let mut text = format!("{} {} {}\r\n", check.method, check.uri, check.version);
    for (name, value) in &check.headers {
        if !matches!(name.as_str(), "connection" | "content-length" | "transfer-encoding") {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    if !check.body.is_empty() {
        text.push_str(&format!("content-length: {}\r\n", check.body.len()));
    }
    if check.version == "HTTP/1.1" {
        text.push_str("connection: close\r\n");
    }
    text.push_str("\r\n");
    text.push_str(&check.body);
    text.into_bytes()
}
