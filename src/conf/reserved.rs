//! Keywords of HAProxy that are recognised and not built.
//!
//! Made once from shared/compat; a row goes away when its function comes.

use super::row::{BACKEND, DEFAULTS, FRONTEND, GLOBAL, LISTEN, PROXY, Row, STRICT, Status};
use crate::util::{ManualText, Release};

const fn refused(
    name: &'static str,
    sections: u16,
    args: &'static str,
    since: &'static str,
    doc: &'static str,
    why: &'static str,
) -> Row {
    let family = if sections == GLOBAL { "global" } else { "proxy" };
    Row::new(family, sections, name, args, Release::of(since), ManualText::new(doc), Status::NotBuilt(why))
}

/// Keywords of the section `global`, sorted by name.
#[rustfmt::skip]
pub static GLOBAL_TABLE: &[Row] = &[
    refused("51degrees-cache-size", GLOBAL, "<number>", "1.7", "Recognised, and refused until it is built.", "device detection is not built"),
    refused("51degrees-data-file", GLOBAL, "<file>", "1.6", "Recognised, and refused until it is built.", "device detection is not built"),
    refused("51degrees-property-name-list", GLOBAL, "<name>...", "1.6", "Recognised, and refused until it is built.", "device detection is not built"),
    refused("51degrees-property-separator", GLOBAL, "<char>", "1.6", "Recognised, and refused until it is built.", "device detection is not built"),
    refused("deviceatlas-json-file", GLOBAL, "<file>", "1.6", "Recognised, and refused until it is built.", "device detection is not built"),
    refused("deviceatlas-log-level", GLOBAL, "<level>", "1.6", "Recognised, and refused until it is built.", "device detection is not built"),
    refused("deviceatlas-properties-cookie", GLOBAL, "<name>", "1.7", "Recognised, and refused until it is built.", "device detection is not built"),
    refused("deviceatlas-separator", GLOBAL, "<char>", "1.6", "Recognised, and refused until it is built.", "device detection is not built"),
    refused("external-check", GLOBAL, "", "1.6", "Recognised, and refused until it is built.", "checks by a program come later"),
    refused("h1-case-adjust", GLOBAL, "<from> <to>", "2.1", "Recognised, and refused until it is built.", "header names are sent as they came"),
    refused("h1-case-adjust-file", GLOBAL, "<file>", "2.1", "Recognised, and refused until it is built.", "header names are sent as they came"),
    refused("h2-workaround-bogus-websocket-clients", GLOBAL, "", "2.5", "Recognised, and refused until it is built.", "HTTP/2 is not built"),
    refused("httpclient.resolvers.id", GLOBAL, "<name>", "2.6", "Recognised, and refused until it is built.", "there is no HTTP client"),
    refused("httpclient.resolvers.prefer", GLOBAL, "<family>", "2.6", "Recognised, and refused until it is built.", "there is no HTTP client"),
    refused("httpclient.ssl.ca-file", GLOBAL, "<file>", "2.6", "Recognised, and refused until it is built.", "there is no HTTP client"),
    refused("httpclient.ssl.verify", GLOBAL, "<mode>", "2.6", "Recognised, and refused until it is built.", "there is no HTTP client"),
    refused("issuers-chain-path", GLOBAL, "<dir>", "2.3", "Recognised, and refused until it is built.", "certificates come with TLS"),
    refused("lua-load", GLOBAL, "<file>", "1.6", "Recognised, and refused until it is built.", "there is no Lua"),
    refused("lua-load-per-thread", GLOBAL, "<file>", "2.4", "Recognised, and refused until it is built.", "there is no Lua"),
    refused("lua-prepend-path", GLOBAL, "<path>", "2.0", "Recognised, and refused until it is built.", "there is no Lua"),
    refused("wurfl-cache-size", GLOBAL, "<size>", "1.7", "Recognised, and refused until it is built.", "device detection is not built"),
    refused("wurfl-data-file", GLOBAL, "<file>", "1.7", "Recognised, and refused until it is built.", "device detection is not built"),
    refused("wurfl-information-list", GLOBAL, "<name>...", "1.7", "Recognised, and refused until it is built.", "device detection is not built"),
    refused("wurfl-information-list-separator", GLOBAL, "<char>", "1.7", "Recognised, and refused until it is built.", "device detection is not built"),
];

/// Keywords of proxies, sorted by name.
#[rustfmt::skip]
pub static PROXY_TABLE: &[Row] = &[
    refused("appsession", LISTEN | BACKEND, "<cookie> len <length> timeout <holdtime>", "1.4", "Follows an application's cookie.", "cookies and stick tables come later; today's spelling: stick-table + stick on/store-response (or cookie)"),
    refused("compression", DEFAULTS | FRONTEND | LISTEN | BACKEND, "algo <algorithm> ... || type <mime type> ... || offload", "1.5", "Compresses responses.", "compression comes later"),
    refused("cookie", DEFAULTS | LISTEN | BACKEND, "<name> [ rewrite | insert | prefix ] [ indirect ] [ nocache ]", "1.4", "Keeps a client on its server by a cookie.", "cookies come later"),
    refused("dynamic-cookie-key", DEFAULTS | LISTEN | BACKEND, "<key>", "1.8", "Secret of cookies that are computed.", "cookies come later"),
    refused("email-alert from", PROXY, "<address>", "1.6", "Mail alerts.", "mail alerts come later"),
    refused("email-alert level", PROXY, "<level>", "1.6", "Mail alerts.", "mail alerts come later"),
    refused("email-alert mailers", PROXY, "<name>", "1.6", "Mail alerts.", "mail alerts come later"),
    refused("email-alert myhostname", PROXY, "<name>", "1.6", "Mail alerts.", "mail alerts come later"),
    refused("email-alert to", PROXY, "<address>", "1.6", "Mail alerts.", "mail alerts come later"),
    refused("errorfiles", PROXY, "<name> [<code>]...", "2.2", "Replies of a section http-errors.", "errorfile is built"),
    refused("filter", FRONTEND | LISTEN | BACKEND, "<name> [option]...", "1.7", "A filter of the traffic.", "filters are not built"),
    refused("force-be-switch", FRONTEND | LISTEN, "{ if | unless } <condition>", "3.2", "Uses disabled backends, by a condition.", "a backend that is disabled serves nobody"),
    refused("guid", PROXY, "<name>", "2.9", "A name for good in the statistics.", "id is built"),
    refused("hash-preserve-affinity", DEFAULTS | LISTEN | BACKEND, "<mode>", "3.2", "Where queued requests of a hash go.", "not built"),
    refused("http-error", PROXY, "status <code> [option]...", "2.2", "An error reply with headers of its own.", "errorfile is built"),
    refused("log-steps", DEFAULTS | FRONTEND | LISTEN, "<steps>", "3.1", "When lines are written.", "option logasap is built"),
    refused("persist rdp-cookie", DEFAULTS | LISTEN | BACKEND, " || (<name>)", "1.4", "Persistence by the RDP cookie.", "persistence comes later"),
    refused("quic-initial", DEFAULTS | FRONTEND | LISTEN, "<action>", "3.1", "Rules on QUIC.", "QUIC is not built"),
    refused("stick match", LISTEN | BACKEND, "<pattern> [table <table>] [{if | unless} <cond>]", "1.4", "Enters into and looks up in stick tables.", "stick tables come later"),
    refused("stick on", LISTEN | BACKEND, "<pattern> [table <table>] [{if | unless} <condition>]", "1.4", "Enters into and looks up in stick tables.", "stick tables come later"),
    refused("stick store-request", LISTEN | BACKEND, "<pattern> [table <table>] [{if | unless} <condition>]", "1.4", "Enters into and looks up in stick tables.", "stick tables come later"),
    refused("stick store-response", LISTEN | BACKEND, "<pattern> [table <table>] [{if | unless} <condition>]", "1.5", "Enters into and looks up in stick tables.", "stick tables come later"),
    refused("stick-table", FRONTEND | LISTEN | BACKEND, "type {ip | integer | string [len <length>] | binary [len <length>]}", "1.4", "A table of clients and their counters.", "stick tables come later"),
    refused("use-fcgi-app", STRICT | LISTEN | BACKEND, "<name>", "2.1", "FastCGI servers.", "FastCGI is not built"),
];
