//! Keywords of HAProxy that are recognised and not built, and the lists of what is not a keyword of the file, for `-dK`.
//!
//! Made once from shared/compat; a row goes away when its function comes. Longer than other files because it is a list.

use super::row::{BACKEND, DEFAULTS, FRONTEND, GLOBAL, LISTEN, NO_SECTION, PROXY, Row, STRICT, Status};
use crate::util::manual_text;

const fn refused(
    name: &'static str,
    sections: u16,
    args: &'static str,
    since: &'static str,
    doc: &'static str,
    why: &'static str,
) -> Row {
    let family = if sections == GLOBAL { "global" } else { "proxy" };
    let doc = manual_text(doc);
    let status = Status::NotBuilt(why);
    Row { name, family, sections, args, default: "", unit: "", since, doc, without_effect: false, status }
}

const fn listed(
    family: &'static str,
    doc: &'static str,
    name: &'static str,
    args: &'static str,
    since: &'static str,
    built: bool,
) -> Row {
    let (doc, status) = (manual_text(doc), Status::Listed(built));
    Row { name, family, sections: NO_SECTION, args, default: "", unit: "", since, doc, without_effect: false, status }
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

#[rustfmt::skip]
static ACL_DERIVATIVE: &[Row] = &[
    acl_derivative("base", "", "1.5", false),
    acl_derivative("base_beg", "", "1.5", false),
    acl_derivative("base_dir", "", "1.5", false),
    acl_derivative("base_dom", "", "1.5", false),
    acl_derivative("base_end", "", "1.5", false),
    acl_derivative("base_len", "", "1.5", false),
    acl_derivative("base_reg", "", "1.5", false),
    acl_derivative("base_sub", "", "1.5", false),
    acl_derivative("cook", "([<name>])", "1.5", false),
    acl_derivative("cook_beg", "([<name>])", "1.5", false),
    acl_derivative("cook_dir", "([<name>])", "1.5", false),
    acl_derivative("cook_dom", "([<name>])", "1.5", false),
    acl_derivative("cook_end", "([<name>])", "1.5", false),
    acl_derivative("cook_len", "([<name>])", "1.5", false),
    acl_derivative("cook_reg", "([<name>])", "1.5", false),
    acl_derivative("cook_sub", "([<name>])", "1.5", false),
    acl_derivative("hdr", "([<name>[,<occ>]])", "1.4", false),
    acl_derivative("hdr_beg", "([<name>[,<occ>]])", "1.4", false),
    acl_derivative("hdr_dir", "([<name>[,<occ>]])", "1.4", false),
    acl_derivative("hdr_dom", "([<name>[,<occ>]])", "1.4", false),
    acl_derivative("hdr_end", "([<name>[,<occ>]])", "1.4", false),
    acl_derivative("hdr_len", "([<name>[,<occ>]])", "1.4", false),
    acl_derivative("hdr_reg", "([<name>[,<occ>]])", "1.4", false),
    acl_derivative("hdr_sub", "([<name>[,<occ>]])", "1.4", false),
    acl_derivative("path", "", "1.4", false),
    acl_derivative("path_beg", "", "1.4", false),
    acl_derivative("path_dir", "", "1.4", false),
    acl_derivative("path_dom", "", "1.4", false),
    acl_derivative("path_end", "", "1.4", false),
    acl_derivative("path_len", "", "1.4", false),
    acl_derivative("path_reg", "", "1.4", false),
    acl_derivative("path_sub", "", "1.4", false),
    acl_derivative("payload", "(<offset>,<length>)", "1.5", false),
    acl_derivative("payload_lv", "(<offset1>,<length>[,<offset2>])", "1.5", false),
    acl_derivative("req_rdp_cookie", "([<name>])", "1.4", false),
    acl_derivative("req_rdp_cookie_cnt", "([<name>])", "1.4", false),
    acl_derivative("req_ssl_sni", "", "1.5", false),
    acl_derivative("req_ver", "", "1.4", false),
    acl_derivative("resp_ver", "", "1.5", false),
    acl_derivative("shdr", "([<name>[,<occ>]])", "1.5", false),
    acl_derivative("shdr_beg", "([<name>[,<occ>]])", "1.5", false),
    acl_derivative("shdr_dir", "([<name>[,<occ>]])", "1.5", false),
    acl_derivative("shdr_dom", "([<name>[,<occ>]])", "1.5", false),
    acl_derivative("shdr_end", "([<name>[,<occ>]])", "1.5", false),
    acl_derivative("shdr_len", "([<name>[,<occ>]])", "1.4", false),
    acl_derivative("shdr_reg", "([<name>[,<occ>]])", "1.5", false),
    acl_derivative("shdr_sub", "([<name>[,<occ>]])", "1.5", false),
    acl_derivative("ssl_c_i_dn", "([<entry>[,<occ>]])", "1.5", false),
    acl_derivative("ssl_c_key_alg", "", "1.5", false),
    acl_derivative("ssl_c_notafter", "", "1.5", false),
    acl_derivative("ssl_c_notbefore", "", "1.5", false),
    acl_derivative("ssl_c_s_dn", "([<entry>[,<occ>]])", "1.5", false),
    acl_derivative("ssl_c_serial", "", "1.5", false),
    acl_derivative("ssl_c_sig_alg", "", "1.5", false),
    acl_derivative("ssl_f_i_dn", "([<entry>[,<occ>]])", "1.5", false),
    acl_derivative("ssl_f_key_alg", "", "1.5", false),
    acl_derivative("ssl_f_notafter", "", "1.5", false),
    acl_derivative("ssl_f_notbefore", "", "1.5", false),
    acl_derivative("ssl_f_s_dn", "([<entry>[,<occ>]])", "1.5", false),
    acl_derivative("ssl_f_serial", "", "1.5", false),
    acl_derivative("ssl_f_sig_alg", "", "1.5", false),
    acl_derivative("ssl_fc_alpn", "", "1.5", false),
    acl_derivative("ssl_fc_cipher", "", "1.5", false),
    acl_derivative("ssl_fc_npn", "", "1.5", false),
    acl_derivative("ssl_fc_protocol", "", "1.5", false),
    acl_derivative("ssl_fc_sni", "", "1.5", false),
    acl_derivative("ssl_fc_sni_end", "", "1.5", false),
    acl_derivative("ssl_fc_sni_reg", "", "1.5", false),
    acl_derivative("url", "", "1.4", false),
    acl_derivative("url_beg", "", "1.4", false),
    acl_derivative("url_dir", "", "1.4", false),
    acl_derivative("url_dom", "", "1.4", false),
    acl_derivative("url_end", "", "1.4", false),
    acl_derivative("url_len", "", "1.4", false),
    acl_derivative("url_reg", "", "1.4", false),
    acl_derivative("url_sub", "", "1.4", false),
    acl_derivative("urlp", "(<name>[,<delim>])", "1.5", false),
    acl_derivative("urlp_beg", "(<name>[,<delim>])", "1.5", false),
    acl_derivative("urlp_dir", "(<name>[,<delim>])", "1.5", false),
    acl_derivative("urlp_dom", "(<name>[,<delim>])", "1.5", false),
    acl_derivative("urlp_end", "(<name>[,<delim>])", "1.5", false),
    acl_derivative("urlp_len", "(<name>[,<delim>])", "1.5", false),
    acl_derivative("urlp_reg", "(<name>[,<delim>])", "1.5", false),
    acl_derivative("urlp_sub", "(<name>[,<delim>])", "1.5", false),
];

const fn acl_derivative(name: &'static str, args: &'static str, since: &'static str, built: bool) -> Row {
    listed("ACL derivative", "A sample with its way of matching, for acl.", name, args, since, built)
}

#[rustfmt::skip]
static ACL_FLAG: &[Row] = &[
    acl_flag("--", "", "1.4", false),
    acl_flag("-M", "", "1.5", false),
    acl_flag("-f", "", "1.4", false),
    acl_flag("-i", "", "1.4", false),
    acl_flag("-m", "", "1.5", false),
    acl_flag("-n", "", "1.5", false),
    acl_flag("-u", "", "1.5", false),
];

const fn acl_flag(name: &'static str, args: &'static str, since: &'static str, built: bool) -> Row {
    listed("ACL flag", "A flag of acl.", name, args, since, built)
}

#[rustfmt::skip]
static ACL_OPERATOR: &[Row] = &[
    acl_operator("eq", "", "1.4", false),
    acl_operator("ge", "", "1.4", false),
    acl_operator("gt", "", "1.4", false),
    acl_operator("le", "", "1.4", false),
    acl_operator("lt", "", "1.4", false),
];

const fn acl_operator(name: &'static str, args: &'static str, since: &'static str, built: bool) -> Row {
    listed("ACL operator", "Compares numbers in acl.", name, args, since, built)
}

#[rustfmt::skip]
static CSV_FIELD: &[Row] = &[
    csv_field("act", "field 19", "1.4", false),
    csv_field("bck", "field 20", "1.4", false),
    csv_field("bin", "field 8", "1.4", false),
    csv_field("bout", "field 9", "1.4", false),
    csv_field("check_code", "field 37", "1.4", false),
    csv_field("check_duration", "field 38", "1.4", false),
    csv_field("check_status", "field 36", "1.4", false),
    csv_field("chkdown", "field 22", "1.4", false),
    csv_field("chkfail", "field 21", "1.4", false),
    csv_field("cli_abrt", "field 49", "1.4", false),
    csv_field("comp_byp", "field 53", "1.5", false),
    csv_field("comp_in", "field 51", "1.5", false),
    csv_field("comp_out", "field 52", "1.5", false),
    csv_field("comp_rsp", "field 54", "1.5", false),
    csv_field("downtime", "field 24", "1.4", false),
    csv_field("dreq", "field 10", "1.4", false),
    csv_field("dresp", "field 11", "1.4", false),
    csv_field("econ", "field 13", "1.4", false),
    csv_field("ereq", "field 12", "1.4", false),
    csv_field("eresp", "field 14", "1.4", false),
    csv_field("hanafail", "field 45", "1.4", false),
    csv_field("hrsp_1xx", "field 39", "1.4", false),
    csv_field("hrsp_2xx", "field 40", "1.4", false),
    csv_field("hrsp_3xx", "field 41", "1.4", false),
    csv_field("hrsp_4xx", "field 42", "1.4", false),
    csv_field("hrsp_5xx", "field 43", "1.4", false),
    csv_field("hrsp_other", "field 44", "1.4", false),
    csv_field("iid", "field 27", "1.4", false),
    csv_field("lastchg", "field 23", "1.4", false),
    csv_field("lastsess", "field 55", "1.5", false),
    csv_field("lbtot", "field 30", "1.4", false),
    csv_field("pid", "field 26", "1.4", false),
    csv_field("pxname", "field 0", "1.4", false),
    csv_field("qcur", "field 2", "1.4", false),
    csv_field("qlimit", "field 25", "1.4", false),
    csv_field("qmax", "field 3", "1.4", false),
    csv_field("rate", "field 33", "1.4", false),
    csv_field("rate_lim", "field 34", "1.4", false),
    csv_field("rate_max", "field 35", "1.4", false),
    csv_field("req_rate", "field 46", "1.4", false),
    csv_field("req_rate_max", "field 47", "1.4", false),
    csv_field("req_tot", "field 48", "1.4", false),
    csv_field("scur", "field 4", "1.4", false),
    csv_field("sid", "field 28", "1.4", false),
    csv_field("slim", "field 6", "1.4", false),
    csv_field("smax", "field 5", "1.4", false),
    csv_field("srv_abrt", "field 50", "1.4", false),
    csv_field("status", "field 17", "1.4", false),
    csv_field("stot", "field 7", "1.4", false),
    csv_field("svname", "field 1", "1.4", false),
    csv_field("throttle", "field 29", "1.4", false),
    csv_field("tracked", "field 31", "1.4", false),
    csv_field("type", "field 32", "1.4", false),
    csv_field("weight", "field 18", "1.4", false),
    csv_field("wredis", "field 16", "1.4", false),
    csv_field("wretr", "field 15", "1.4", false),
];

const fn csv_field(name: &'static str, args: &'static str, since: &'static str, built: bool) -> Row {
    listed("CSV field", "A column of the statistics.", name, args, since, built)
}

#[rustfmt::skip]
static APPSESSION_OPTION: &[Row] = &[
    appsession_option("len", "", "1.4", false),
    appsession_option("mode path-parameters|query-string", "", "1.4", false),
    appsession_option("prefix", "", "1.4", false),
    appsession_option("request-learn", "", "1.4", false),
    appsession_option("timeout", "", "1.4", false),
];

const fn appsession_option(name: &'static str, args: &'static str, since: &'static str, built: bool) -> Row {
    listed("appsession option", "Belongs to a rule or keyword that is not built yet.", name, args, since, built)
}

#[rustfmt::skip]
static COMMAND_LINE_OPTION: &[Row] = &[
    command_line_option("-C", "<dir>", "1.5", false),
    command_line_option("-D", "", "1.4", false),
    command_line_option("-Ds", "", "1.5", false),
    command_line_option("-L", "<peername>", "1.5", false),
    command_line_option("-N", "<maxconn>", "1.4", false),
    command_line_option("-V", "", "1.4", false),
    command_line_option("-c", "", "1.4", false),
    command_line_option("-d", "", "1.4", false),
    command_line_option("-dG", "", "1.5", false),
    command_line_option("-dM", "[<byte>]", "1.5", false),
    command_line_option("-dS", "", "1.4", false),
    command_line_option("-dV", "", "1.5", false),
    command_line_option("-db", "", "1.4", false),
    command_line_option("-de", "", "1.4", false),
    command_line_option("-dk", "", "1.4", false),
    command_line_option("-dp", "", "1.4", false),
    command_line_option("-ds", "", "1.4", false),
    command_line_option("-f", "<cfgfile>", "1.4", false),
    command_line_option("-m", "<MB>", "1.4", false),
    command_line_option("-n", "<maxconn>", "1.4", false),
    command_line_option("-p", "<pidfile>", "1.4", false),
    command_line_option("-q", "", "1.4", false),
    command_line_option("-sf", "<pid>...", "1.4", false),
    command_line_option("-st", "<pid>...", "1.4", false),
    command_line_option("-v", "", "1.4", false),
    command_line_option("-vv", "", "1.4", false),
];

const fn command_line_option(name: &'static str, args: &'static str, since: &'static str, built: bool) -> Row {
    listed("command-line option", "An option of the command line.", name, args, since, built)
}

#[rustfmt::skip]
static COMPRESSION_OPTION: &[Row] = &[
    compression_option("algo deflate", "", "1.5", false),
    compression_option("algo gzip", "", "1.5", false),
    compression_option("algo identity", "", "1.5", false),
    compression_option("offload", "", "1.5", false),
    compression_option("type", "<mime>", "1.5", false),
];

const fn compression_option(name: &'static str, args: &'static str, since: &'static str, built: bool) -> Row {
    listed("compression option", "Belongs to a rule or keyword that is not built yet.", name, args, since, built)
}

#[rustfmt::skip]
static CONVERTER: &[Row] = &[
    converter("jwt_verify", "", "2.5", false),
];

const fn converter(name: &'static str, args: &'static str, since: &'static str, built: bool) -> Row {
    listed("converter", "Changes a sample.", name, args, since, built)
}

#[rustfmt::skip]
static COOKIE_OPTION: &[Row] = &[
    cookie_option("domain", "", "1.4", false),
    cookie_option("httponly", "", "1.4", false),
    cookie_option("indirect", "", "1.4", false),
    cookie_option("insert", "", "1.4", false),
    cookie_option("maxidle", "", "1.4", false),
    cookie_option("maxlife", "", "1.4", false),
    cookie_option("nocache", "", "1.4", false),
    cookie_option("postonly", "", "1.4", false),
    cookie_option("prefix", "", "1.4", false),
    cookie_option("preserve", "", "1.4", false),
    cookie_option("rewrite", "", "1.4", false),
    cookie_option("secure", "", "1.4", false),
];

const fn cookie_option(name: &'static str, args: &'static str, since: &'static str, built: bool) -> Row {
    listed("cookie option", "Belongs to a rule or keyword that is not built yet.", name, args, since, built)
}

#[rustfmt::skip]
static HTTP_REQUEST_ACTION: &[Row] = &[
    http_request_action("do-resolve", "", "2.0", false),
    http_request_action("sc-inc-gpc0", "", "1.6", false),
    http_request_action("sc-set-gpt0", "", "1.6", false),
    http_request_action("track-sc0", "", "1.6", false),
    http_request_action("track-sc1", "", "1.6", false),
    http_request_action("track-sc2", "", "1.6", false),
    http_request_action("use-service", "", "1.6", false),
];

const fn http_request_action(name: &'static str, args: &'static str, since: &'static str, built: bool) -> Row {
    listed("http-request action", "An action of http-request.", name, args, since, built)
}

#[rustfmt::skip]
static LOG_FORMAT_FLAG: &[Row] = &[
    log_format_flag("Q", "quote", "1.5", true),
    log_format_flag("X", "hex", "1.5", true),
];

const fn log_format_flag(name: &'static str, args: &'static str, since: &'static str, built: bool) -> Row {
    listed("log-format flag", "A flag of log variables.", name, args, since, built)
}

#[rustfmt::skip]
static MATCH_METHOD: &[Row] = &[
    match_method("beg", "", "1.5", false),
    match_method("bin", "", "1.5", false),
    match_method("bool", "", "1.5", false),
    match_method("dir", "", "1.5", false),
    match_method("dom", "", "1.5", false),
    match_method("end", "", "1.5", false),
    match_method("found", "", "1.5", false),
    match_method("int", "", "1.5", false),
    match_method("ip", "", "1.5", false),
    match_method("len", "", "1.5", false),
    match_method("reg", "", "1.5", false),
    match_method("str", "", "1.5", false),
    match_method("sub", "", "1.5", false),
];

const fn match_method(name: &'static str, args: &'static str, since: &'static str, built: bool) -> Row {
    listed("match method", "How acl compares.", name, args, since, built)
}

#[rustfmt::skip]
static PEERS: &[Row] = &[
    peers("peer", "<peername> <ip>:<port>", "1.5", false),
    peers("peers", "<peersect>", "1.5", false),
];

const fn peers(name: &'static str, args: &'static str, since: &'static str, built: bool) -> Row {
    listed("peers", "A line of the section peers, which is not built yet.", name, args, since, built)
}

#[rustfmt::skip]
static PREDEFINED_ACL: &[Row] = &[
    predefined_acl("FALSE", "always_false", "1.4", false),
    predefined_acl("HTTP", "req_proto_http", "1.4", false),
    predefined_acl("HTTP_1.0", "req_ver 1.0", "1.4", false),
    predefined_acl("HTTP_1.1", "req_ver 1.1", "1.4", false),
    predefined_acl("HTTP_CONTENT", "hdr_val(content-length) gt 0", "1.4", false),
    predefined_acl("HTTP_URL_ABS", "url_reg ^[^/:]*://", "1.4", false),
    predefined_acl("HTTP_URL_SLASH", "url_beg /", "1.4", false),
    predefined_acl("HTTP_URL_STAR", "url", "1.4", false),
    predefined_acl("LOCALHOST", "src 127.0.0.1/8", "1.4", false),
    predefined_acl("METH_CONNECT", "method", "1.4", false),
    predefined_acl("METH_GET", "method", "1.4", false),
    predefined_acl("METH_HEAD", "method", "1.4", false),
    predefined_acl("METH_OPTIONS", "method", "1.4", false),
    predefined_acl("METH_POST", "method", "1.4", false),
    predefined_acl("METH_TRACE", "method", "1.4", false),
    predefined_acl("RDP_COOKIE", "req_rdp_cookie_cnt gt 0", "1.4", false),
    predefined_acl("REQ_CONTENT", "req_len gt 0", "1.4", false),
    predefined_acl("TRUE", "always_true", "1.4", false),
    predefined_acl("WAIT_END", "wait_end", "1.4", false),
];

const fn predefined_acl(name: &'static str, args: &'static str, since: &'static str, built: bool) -> Row {
    listed("predefined ACL", "A condition that is always there.", name, args, since, built)
}

#[rustfmt::skip]
static REDIRECT_OPTION: &[Row] = &[
    redirect_option("append-slash", "", "1.4", false),
    redirect_option("clear-cookie NAME[=]", "", "1.4", false),
    redirect_option("code 301|302|303|307|308", "", "1.4", false),
    redirect_option("drop-query", "", "1.4", false),
    redirect_option("location", "", "1.4", false),
    redirect_option("prefix", "", "1.4", false),
    redirect_option("scheme", "", "1.4", false),
    redirect_option("set-cookie NAME[=value]", "", "1.4", false),
];

const fn redirect_option(name: &'static str, args: &'static str, since: &'static str, built: bool) -> Row {
    listed("redirect option", "An option of redirect.", name, args, since, built)
}

#[rustfmt::skip]
static SAMPLE_FETCH: &[Row] = &[
    sample_fetch("always_false", "", "1.4", false),
    sample_fetch("always_true", "", "1.4", false),
    sample_fetch("avg_queue", "([<backend>])", "1.4", false),
    sample_fetch("base", "", "1.5", false),
    sample_fetch("base32", "", "1.5", false),
    sample_fetch("be_conn", "([<backend>])", "1.4", false),
    sample_fetch("be_id", "", "1.4", false),
    sample_fetch("be_sess_rate", "([<backend>])", "1.4", false),
    sample_fetch("capture.req.hdr", "(<idx>)", "1.5", false),
    sample_fetch("capture.req.method", "", "1.5", false),
    sample_fetch("capture.req.uri", "", "1.5", false),
    sample_fetch("capture.res.hdr", "(<idx>)", "1.5", false),
    sample_fetch("connslots", "([<backend>])", "1.4", false),
    sample_fetch("cook", "([<name>])", "1.5", false),
    sample_fetch("cook_cnt", "([<name>])", "1.5", false),
    sample_fetch("cook_val", "([<name>])", "1.5", false),
    sample_fetch("cookie", "([<name>])", "1.5", false),
    sample_fetch("date", "([<offset>])", "1.5", false),
    sample_fetch("dst", "", "1.4", false),
    sample_fetch("dst_conn", "", "1.4", false),
    sample_fetch("dst_port", "", "1.4", false),
    sample_fetch("env", "(<name>)", "1.5", false),
    sample_fetch("fe_conn", "([<frontend>])", "1.4", false),
    sample_fetch("fe_id", "", "1.4", false),
    sample_fetch("fe_sess_rate", "([<frontend>])", "1.4", false),
    sample_fetch("hdr", "([<name>[,<occ>]])", "1.4", false),
    sample_fetch("hdr_cnt", "([<header>])", "1.4", false),
    sample_fetch("hdr_ip", "([<name>[,<occ>]])", "1.4", false),
    sample_fetch("hdr_val", "([<name>[,<occ>]])", "1.4", false),
    sample_fetch("hostname", "", "1.6", false),
    sample_fetch("http_auth", "(<userlist>)", "1.4", false),
    sample_fetch("http_auth_group", "(<userlist>)", "1.4", false),
    sample_fetch("http_first_req", "", "1.4", false),
    sample_fetch("int", "", "1.6", false),
    sample_fetch("method", "", "1.4", false),
    sample_fetch("nbsrv", "([<backend>])", "1.4", false),
    sample_fetch("path", "", "1.4", false),
    sample_fetch("pathq", "", "1.6", false),
    sample_fetch("payload", "(<offset>,<length>)", "1.5", false),
    sample_fetch("payload_lv", "(<offset1>,<length>[,<offset2>])", "1.5", false),
    sample_fetch("queue", "([<backend>])", "1.4", false),
    sample_fetch("rand", "([<range>])", "1.5", false),
    sample_fetch("rdp_cookie", "([<name>])", "1.5", false),
    sample_fetch("rdp_cookie_cnt", "([name])", "1.5", false),
    sample_fetch("rep_ssl_hello_type", "", "1.5", false),
    sample_fetch("req.body", "", "1.6", false),
    sample_fetch("req.cook", "([<name>])", "1.5", false),
    sample_fetch("req.cook_cnt", "([<name>])", "1.5", false),
    sample_fetch("req.cook_val", "([<name>])", "1.5", false),
    sample_fetch("req.fhdr", "(<name>[,<occ>])", "1.5", false),
    sample_fetch("req.fhdr_cnt", "([<name>])", "1.5", false),
    sample_fetch("req.hdr", "([<name>[,<occ>]])", "1.5", false),
    sample_fetch("req.hdr_cnt", "([<name>])", "1.5", false),
    sample_fetch("req.hdr_ip", "([<name>[,<occ>]])", "1.5", false),
    sample_fetch("req.hdr_val", "([<name>[,<occ>]])", "1.5", false),
    sample_fetch("req.hdrs", "", "1.6", false),
    sample_fetch("req.len", "", "1.5", false),
    sample_fetch("req.payload", "(<offset>,<length>)", "1.5", false),
    sample_fetch("req.payload_lv", "(<offset1>,<length>[,<offset2>])", "1.5", false),
    sample_fetch("req.proto_http", "", "1.5", false),
    sample_fetch("req.rdp_cookie", "([<name>])", "1.5", false),
    sample_fetch("req.rdp_cookie_cnt", "([name])", "1.5", false),
    sample_fetch("req.ssl_hello_type", "", "1.5", false),
    sample_fetch("req.ssl_sni", "", "1.5", false),
    sample_fetch("req.ssl_ver", "", "1.5", false),
    sample_fetch("req.ver", "", "1.5", false),
    sample_fetch("req_len", "", "1.4", false),
    sample_fetch("req_proto_http", "", "1.4", false),
    sample_fetch("req_ssl_hello_type", "", "1.5", false),
    sample_fetch("req_ssl_sni", "", "1.5", false),
    sample_fetch("req_ssl_ver", "", "1.4", false),
    sample_fetch("req_ver", "", "1.4", false),
    sample_fetch("res.comp", "", "1.5", false),
    sample_fetch("res.comp_algo", "", "1.5", false),
    sample_fetch("res.cook", "([<name>])", "1.5", false),
    sample_fetch("res.cook_cnt", "([<name>])", "1.5", false),
    sample_fetch("res.cook_val", "([<name>])", "1.5", false),
    sample_fetch("res.fhdr", "([<name>[,<occ>]])", "1.5", false),
    sample_fetch("res.fhdr_cnt", "([<name>])", "1.5", false),
    sample_fetch("res.hdr", "([<name>[,<occ>]])", "1.5", false),
    sample_fetch("res.hdr_cnt", "([<name>])", "1.5", false),
    sample_fetch("res.hdr_ip", "([<name>[,<occ>]])", "1.5", false),
    sample_fetch("res.hdr_val", "([<name>[,<occ>]])", "1.5", false),
    sample_fetch("res.len", "", "1.5", false),
    sample_fetch("res.payload", "(<offset>,<length>)", "1.5", false),
    sample_fetch("res.payload_lv", "(<offset1>,<length>[,<offset2>])", "1.5", false),
    sample_fetch("res.ssl_hello_type", "", "1.5", false),
    sample_fetch("res.ver", "", "1.5", false),
    sample_fetch("resp_ver", "", "1.5", false),
    sample_fetch("sc0_bytes_in_rate", "([<table>])", "1.5", false),
    sample_fetch("sc0_bytes_out_rate", "([<table>])", "1.5", false),
    sample_fetch("sc0_clr_gpc0", "([<table>])", "1.5", false),
    sample_fetch("sc0_conn_cnt", "([<table>])", "1.5", false),
    sample_fetch("sc0_conn_cur", "([<table>])", "1.5", false),
    sample_fetch("sc0_conn_rate", "([<table>])", "1.5", false),
    sample_fetch("sc0_get_gpc0", "([<table>])", "1.5", false),
    sample_fetch("sc0_gpc0_rate", "([<table>])", "1.5", false),
    sample_fetch("sc0_http_err_cnt", "([<table>])", "1.5", false),
    sample_fetch("sc0_http_err_rate", "([<table>])", "1.5", false),
    sample_fetch("sc0_http_req_cnt", "([<table>])", "1.5", false),
    sample_fetch("sc0_http_req_rate", "([<table>])", "1.5", false),
    sample_fetch("sc0_inc_gpc0", "([<table>])", "1.5", false),
    sample_fetch("sc0_kbytes_in", "([<table>])", "1.5", false),
    sample_fetch("sc0_kbytes_out", "([<table>])", "1.5", false),
    sample_fetch("sc0_sess_cnt", "([<table>])", "1.5", false),
    sample_fetch("sc0_sess_rate", "([<table>])", "1.5", false),
    sample_fetch("sc0_tracked", "([<table>])", "1.5", false),
    sample_fetch("sc0_trackers", "([<table>])", "1.5", false),
    sample_fetch("sc1_bytes_in_rate", "([<table>])", "1.5", false),
    sample_fetch("sc1_bytes_out_rate", "([<table>])", "1.5", false),
    sample_fetch("sc1_clr_gpc0", "([<table>])", "1.5", false),
    sample_fetch("sc1_conn_cnt", "([<table>])", "1.5", false),
    sample_fetch("sc1_conn_cur", "([<table>])", "1.5", false),
    sample_fetch("sc1_conn_rate", "([<table>])", "1.5", false),
    sample_fetch("sc1_get_gpc0", "([<table>])", "1.5", false),
    sample_fetch("sc1_gpc0_rate", "([<table>])", "1.5", false),
    sample_fetch("sc1_http_err_cnt", "([<table>])", "1.5", false),
    sample_fetch("sc1_http_err_rate", "([<table>])", "1.5", false),
    sample_fetch("sc1_http_req_cnt", "([<table>])", "1.5", false),
    sample_fetch("sc1_http_req_rate", "([<table>])", "1.5", false),
    sample_fetch("sc1_inc_gpc0", "([<table>])", "1.5", false),
    sample_fetch("sc1_kbytes_in", "([<table>])", "1.5", false),
    sample_fetch("sc1_kbytes_out", "([<table>])", "1.5", false),
    sample_fetch("sc1_sess_cnt", "([<table>])", "1.5", false),
    sample_fetch("sc1_sess_rate", "([<table>])", "1.5", false),
    sample_fetch("sc1_tracked", "([<table>])", "1.5", false),
    sample_fetch("sc1_trackers", "([<table>])", "1.5", false),
    sample_fetch("sc2_bytes_in_rate", "([<table>])", "1.5", false),
    sample_fetch("sc2_bytes_out_rate", "([<table>])", "1.5", false),
    sample_fetch("sc2_clr_gpc0", "([<table>])", "1.5", false),
    sample_fetch("sc2_conn_cnt", "([<table>])", "1.5", false),
    sample_fetch("sc2_conn_cur", "([<table>])", "1.5", false),
    sample_fetch("sc2_conn_rate", "([<table>])", "1.5", false),
    sample_fetch("sc2_get_gpc0", "([<table>])", "1.5", false),
    sample_fetch("sc2_gpc0_rate", "([<table>])", "1.5", false),
    sample_fetch("sc2_http_err_cnt", "([<table>])", "1.5", false),
    sample_fetch("sc2_http_err_rate", "([<table>])", "1.5", false),
    sample_fetch("sc2_http_req_cnt", "([<table>])", "1.5", false),
    sample_fetch("sc2_http_req_rate", "([<table>])", "1.5", false),
    sample_fetch("sc2_inc_gpc0", "([<table>])", "1.5", false),
    sample_fetch("sc2_kbytes_in", "([<table>])", "1.5", false),
    sample_fetch("sc2_kbytes_out", "([<table>])", "1.5", false),
    sample_fetch("sc2_sess_cnt", "([<table>])", "1.5", false),
    sample_fetch("sc2_sess_rate", "([<table>])", "1.5", false),
    sample_fetch("sc2_tracked", "([<table>])", "1.5", false),
    sample_fetch("sc2_trackers", "([<table>])", "1.5", false),
    sample_fetch("sc_bytes_in_rate", "(<ctr>[,<table>])", "1.5", false),
    sample_fetch("sc_bytes_out_rate", "(<ctr>[,<table>])", "1.5", false),
    sample_fetch("sc_clr_gpc0", "(<ctr>[,<table>])", "1.5", false),
    sample_fetch("sc_conn_cnt", "(<ctr>[,<table>])", "1.5", false),
    sample_fetch("sc_conn_cur", "(<ctr>[,<table>])", "1.5", false),
    sample_fetch("sc_conn_rate", "(<ctr>[,<table>])", "1.5", false),
    sample_fetch("sc_get_gpc0", "(<ctr>[,<table>])", "1.5", false),
    sample_fetch("sc_gpc0_rate", "(<ctr>[,<table>])", "1.5", false),
    sample_fetch("sc_http_err_cnt", "(<ctr>[,<table>])", "1.5", false),
    sample_fetch("sc_http_err_rate", "(<ctr>[,<table>])", "1.5", false),
    sample_fetch("sc_http_req_cnt", "(<ctr>[,<table>])", "1.5", false),
    sample_fetch("sc_http_req_rate", "(<ctr>[,<table>])", "1.5", false),
    sample_fetch("sc_inc_gpc0", "(<ctr>[,<table>])", "1.5", false),
    sample_fetch("sc_kbytes_in", "(<ctr>[,<table>])", "1.5", false),
    sample_fetch("sc_kbytes_out", "(<ctr>[,<table>])", "1.5", false),
    sample_fetch("sc_sess_cnt", "(<ctr>[,<table>])", "1.5", false),
    sample_fetch("sc_sess_rate", "(<ctr>[,<table>])", "1.5", false),
    sample_fetch("sc_tracked", "(<ctr>[,<table>])", "1.5", false),
    sample_fetch("sc_trackers", "(<ctr>[,<table>])", "1.5", false),
    sample_fetch("scook", "([<name>])", "1.5", false),
    sample_fetch("scook_cnt", "([<name>])", "1.5", false),
    sample_fetch("scook_val", "([<name>])", "1.5", false),
    sample_fetch("shdr", "([<name>[,<occ>]])", "1.5", false),
    sample_fetch("shdr_cnt", "([<name>])", "1.5", false),
    sample_fetch("shdr_ip", "([<name>[,<occ>]])", "1.4", false),
    sample_fetch("shdr_val", "([<name>[,<occ>]])", "1.5", false),
    sample_fetch("so_id", "", "1.4", false),
    sample_fetch("src", "", "1.4", false),
    sample_fetch("src_bytes_in_rate", "([<table>])", "1.5", false),
    sample_fetch("src_bytes_out_rate", "([<table>])", "1.5", false),
    sample_fetch("src_clr_gpc0", "([<table>])", "1.5", false),
    sample_fetch("src_conn_cnt", "([<table>])", "1.5", false),
    sample_fetch("src_conn_cur", "([<table>])", "1.5", false),
    sample_fetch("src_conn_rate", "([<table>])", "1.5", false),
    sample_fetch("src_get_gpc0", "([<table>])", "1.5", false),
    sample_fetch("src_gpc0_rate", "([<table>])", "1.5", false),
    sample_fetch("src_http_err_cnt", "([<table>])", "1.5", false),
    sample_fetch("src_http_err_rate", "([<table>])", "1.5", false),
    sample_fetch("src_http_req_cnt", "([<table>])", "1.5", false),
    sample_fetch("src_http_req_rate", "([<table>])", "1.5", false),
    sample_fetch("src_inc_gpc0", "([<table>])", "1.5", false),
    sample_fetch("src_is_local", "", "1.6", false),
    sample_fetch("src_kbytes_in", "([<table>])", "1.5", false),
    sample_fetch("src_kbytes_out", "([<table>])", "1.5", false),
    sample_fetch("src_port", "", "1.4", false),
    sample_fetch("src_sess_cnt", "([<table>])", "1.5", false),
    sample_fetch("src_sess_rate", "([<table>])", "1.5", false),
    sample_fetch("src_updt_conn_cnt", "([<table>])", "1.5", false),
    sample_fetch("srv_conn", "([<backend>/]<server>)", "1.5", false),
    sample_fetch("srv_id", "", "1.4", false),
    sample_fetch("srv_is_up", "([<backend>/]<server>)", "1.4", false),
    sample_fetch("srv_sess_rate", "([<backend>/]<server>)", "1.5", false),
    sample_fetch("ssl_c_ca_err", "", "1.5", false),
    sample_fetch("ssl_c_ca_err_depth", "", "1.5", false),
    sample_fetch("ssl_c_err", "", "1.5", false),
    sample_fetch("ssl_c_i_dn", "([<entry>[,<occ>]])", "1.5", false),
    sample_fetch("ssl_c_key_alg", "", "1.5", false),
    sample_fetch("ssl_c_notafter", "", "1.5", false),
    sample_fetch("ssl_c_notbefore", "", "1.5", false),
    sample_fetch("ssl_c_s_dn", "([<entry>[,<occ>]])", "1.5", false),
    sample_fetch("ssl_c_serial", "", "1.5", false),
    sample_fetch("ssl_c_sha1", "", "1.5", false),
    sample_fetch("ssl_c_sig_alg", "", "1.5", false),
    sample_fetch("ssl_c_used", "", "1.5", false),
    sample_fetch("ssl_c_verify", "", "1.5", false),
    sample_fetch("ssl_c_version", "", "1.5", false),
    sample_fetch("ssl_f_i_dn", "([<entry>[,<occ>]])", "1.5", false),
    sample_fetch("ssl_f_key_alg", "", "1.5", false),
    sample_fetch("ssl_f_notafter", "", "1.5", false),
    sample_fetch("ssl_f_notbefore", "", "1.5", false),
    sample_fetch("ssl_f_s_dn", "([<entry>[,<occ>]])", "1.5", false),
    sample_fetch("ssl_f_serial", "", "1.5", false),
    sample_fetch("ssl_f_sig_alg", "", "1.5", false),
    sample_fetch("ssl_f_version", "", "1.5", false),
    sample_fetch("ssl_fc", "", "1.5", false),
    sample_fetch("ssl_fc_alg_keysize", "", "1.5", false),
    sample_fetch("ssl_fc_alpn", "", "1.5", false),
    sample_fetch("ssl_fc_cipher", "", "1.5", false),
    sample_fetch("ssl_fc_has_crt", "", "1.5", false),
    sample_fetch("ssl_fc_has_sni", "", "1.5", false),
    sample_fetch("ssl_fc_npn", "", "1.5", false),
    sample_fetch("ssl_fc_protocol", "", "1.5", false),
    sample_fetch("ssl_fc_session_id", "", "1.5", false),
    sample_fetch("ssl_fc_sni", "", "1.5", false),
    sample_fetch("ssl_fc_unique_id", "", "1.5", false),
    sample_fetch("ssl_fc_use_keysize", "", "1.5", false),
    sample_fetch("status", "", "1.4", false),
    sample_fetch("str", "", "1.6", false),
    sample_fetch("table_avl", "([<table>])", "1.5", false),
    sample_fetch("table_cnt", "([<table>])", "1.5", false),
    sample_fetch("url", "", "1.4", false),
    sample_fetch("url_ip", "", "1.4", false),
    sample_fetch("url_param", "(<name>[,<delim>])", "1.4", false),
    sample_fetch("url_port", "", "1.4", false),
    sample_fetch("urlp", "(<name>[,<delim>])", "1.5", false),
    sample_fetch("urlp_val", "(<name>[,<delim>])", "1.5", false),
    sample_fetch("uuid", "", "1.6", false),
    sample_fetch("var", "", "1.6", false),
    sample_fetch("wait_end", "", "1.4", false),
];

const fn sample_fetch(name: &'static str, args: &'static str, since: &'static str, built: bool) -> Row {
    listed("sample fetch", "A value of the connection or the message, for rules.", name, args, since, built)
}

#[rustfmt::skip]
static STATS_HTTP_REQUEST_ACTION: &[Row] = &[
    stats_http_request_action("allow", "", "1.4", false),
    stats_http_request_action("auth", "[realm <r>]", "1.4", false),
    stats_http_request_action("deny", "", "1.4", false),
];

const fn stats_http_request_action(name: &'static str, args: &'static str, since: &'static str, built: bool) -> Row {
    listed("stats http-request action", "Belongs to a rule or keyword that is not built yet.", name, args, since, built)
}

#[rustfmt::skip]
static STICK_TABLE_DATA: &[Row] = &[
    stick_table_data("bytes_in_cnt", "", "1.5", false),
    stick_table_data("bytes_in_rate(<period>)", "", "1.5", false),
    stick_table_data("bytes_out_cnt", "", "1.5", false),
    stick_table_data("bytes_out_rate(<period>)", "", "1.5", false),
    stick_table_data("conn_cnt", "", "1.5", false),
    stick_table_data("conn_cur", "", "1.5", false),
    stick_table_data("conn_rate(<period>)", "", "1.5", false),
    stick_table_data("gpc0", "", "1.5", false),
    stick_table_data("gpc0_rate(<period>)", "", "1.5", false),
    stick_table_data("http_err_cnt", "", "1.5", false),
    stick_table_data("http_err_rate(<period>)", "", "1.5", false),
    stick_table_data("http_req_cnt", "", "1.5", false),
    stick_table_data("http_req_rate(<period>)", "", "1.5", false),
    stick_table_data("server_id", "", "1.5", false),
    stick_table_data("sess_cnt", "", "1.5", false),
    stick_table_data("sess_rate(<period>)", "", "1.5", false),
];

const fn stick_table_data(name: &'static str, args: &'static str, since: &'static str, built: bool) -> Row {
    listed("stick-table data", "Belongs to a rule or keyword that is not built yet.", name, args, since, built)
}

#[rustfmt::skip]
static STICK_TABLE_PARAMETER: &[Row] = &[
    stick_table_parameter("expire", "", "1.4", false),
    stick_table_parameter("nopurge", "", "1.4", false),
    stick_table_parameter("peers", "", "1.5", false),
    stick_table_parameter("size", "", "1.4", false),
    stick_table_parameter("store", "", "1.5", false),
    stick_table_parameter("type binary", "[len <n>]", "1.5", false),
    stick_table_parameter("type integer", "", "1.4", false),
    stick_table_parameter("type ip", "", "1.4", false),
    stick_table_parameter("type ipv6", "", "1.5", false),
    stick_table_parameter("type string", "[len <n>]", "1.4", false),
];

const fn stick_table_parameter(name: &'static str, args: &'static str, since: &'static str, built: bool) -> Row {
    listed("stick-table parameter", "Belongs to a rule or keyword that is not built yet.", name, args, since, built)
}

#[rustfmt::skip]
static TCP_CHECK_MATCH: &[Row] = &[
    tcp_check_match("! (negation)", "", "1.5", false),
    tcp_check_match("binary", "", "1.5", false),
    tcp_check_match("rstring", "", "1.5", false),
    tcp_check_match("string", "", "1.5", false),
];

const fn tcp_check_match(name: &'static str, args: &'static str, since: &'static str, built: bool) -> Row {
    listed("tcp-check match", "Belongs to a rule or keyword that is not built yet.", name, args, since, built)
}

#[rustfmt::skip]
static TCP_CHECK_PARAMETER: &[Row] = &[
    tcp_check_parameter("port", "<port>", "1.5", false),
    tcp_check_parameter("send-proxy", "", "1.5", false),
    tcp_check_parameter("ssl", "", "1.5", false),
];

const fn tcp_check_parameter(name: &'static str, args: &'static str, since: &'static str, built: bool) -> Row {
    listed("tcp-check parameter", "Belongs to a rule or keyword that is not built yet.", name, args, since, built)
}

#[rustfmt::skip]
static TCP_REQUEST_CONNECTION_ACTION: &[Row] = &[
    tcp_request_connection_action("accept", "", "1.5", false),
    tcp_request_connection_action("expect-proxy layer4", "", "1.5", false),
    tcp_request_connection_action("reject", "", "1.5", false),
    tcp_request_connection_action("track-sc0", "", "1.5", false),
    tcp_request_connection_action("track-sc1", "", "1.5", false),
    tcp_request_connection_action("track-sc2", "", "1.5", false),
];

const fn tcp_request_connection_action(
    name: &'static str,
    args: &'static str,
    since: &'static str,
    built: bool,
) -> Row {
    listed(
        "tcp-request connection action",
        "Belongs to a rule or keyword that is not built yet.",
        name,
        args,
        since,
        built,
    )
}

#[rustfmt::skip]
static TCP_REQUEST_CONTENT_ACTION: &[Row] = &[
    tcp_request_content_action("accept", "", "1.4", false),
    tcp_request_content_action("reject", "", "1.4", false),
    tcp_request_content_action("track-sc0", "", "1.5", false),
    tcp_request_content_action("track-sc1", "", "1.5", false),
    tcp_request_content_action("track-sc2", "", "1.5", false),
];

const fn tcp_request_content_action(name: &'static str, args: &'static str, since: &'static str, built: bool) -> Row {
    listed(
        "tcp-request content action",
        "Belongs to a rule or keyword that is not built yet.",
        name,
        args,
        since,
        built,
    )
}

#[rustfmt::skip]
static TCP_RESPONSE_CONTENT_ACTION: &[Row] = &[
    tcp_response_content_action("accept", "", "1.5", false),
    tcp_response_content_action("close", "", "1.5", false),
    tcp_response_content_action("reject", "", "1.5", false),
];

const fn tcp_response_content_action(name: &'static str, args: &'static str, since: &'static str, built: bool) -> Row {
    listed(
        "tcp-response content action",
        "Belongs to a rule or keyword that is not built yet.",
        name,
        args,
        since,
        built,
    )
}

/// What is not a keyword of the file, one list a family.
pub static LISTS: &[&[Row]] = &[
    ACL_DERIVATIVE,
    ACL_FLAG,
    ACL_OPERATOR,
    CSV_FIELD,
    APPSESSION_OPTION,
    COMMAND_LINE_OPTION,
    COMPRESSION_OPTION,
    CONVERTER,
    COOKIE_OPTION,
    HTTP_REQUEST_ACTION,
    LOG_FORMAT_FLAG,
    MATCH_METHOD,
    PEERS,
    PREDEFINED_ACL,
    REDIRECT_OPTION,
    SAMPLE_FETCH,
    STATS_HTTP_REQUEST_ACTION,
    STICK_TABLE_DATA,
    STICK_TABLE_PARAMETER,
    TCP_CHECK_MATCH,
    TCP_CHECK_PARAMETER,
    TCP_REQUEST_CONNECTION_ACTION,
    TCP_REQUEST_CONTENT_ACTION,
    TCP_RESPONSE_CONTENT_ACTION,
];
