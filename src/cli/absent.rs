//! HAProxy's commands that are not built: an operator is told so, and the manual lists them.

/// Name, arguments, and the first release of HAProxy that has it (empty: not noted). Sorted by name.
#[rustfmt::skip]
pub static NOT_BUILT: &[(&str, &str, &str)] = &[
    ("abort ssl cert", "", ""),
    ("add acl", "<acl> <pattern>", "1.5"),
    ("add map", "<map> <key> <value>", "1.5"),
    ("add server", "", "2.4"),
    ("add ssl crt-list", "", ""),
    ("clear acl", "<acl>", "1.5"),
    ("clear counters", "", "1.4"),
    ("clear counters all", "", "1.4"),
    ("clear map", "<map>", "1.5"),
    ("clear table", "<table> [ data.<type> <operator> <value> ] | [ key <key> ]", "1.5"),
    ("commit acl", "<acl>", ""),
    ("commit map", "<map>", ""),
    ("commit ssl cert", "", "2.2"),
    ("del acl", "<acl> [<key>|#<ref>]", "1.5"),
    ("del map", "<map> [<key>|#<ref>]", "1.5"),
    ("del server", "", "2.4"),
    ("del ssl cert", "", "2.2"),
    ("del ssl crt-list", "", ""),
    ("disable agent", "<backend>/<server>", "1.5"),
    ("disable dynamic-cookie backend", "<backend>", ""),
    ("disable frontend", "<frontend>", "1.5"),
    ("disable health", "<backend>/<server>", ""),
    ("disable server", "<backend>/<server>", "1.4"),
    ("enable agent", "<backend>/<server>", "1.5"),
    ("enable dynamic-cookie backend", "<backend>", ""),
    ("enable frontend", "<frontend>", "1.5"),
    ("enable health", "<backend>/<server>", ""),
    ("enable server", "<backend>/<server>", "1.4"),
    ("experimental-mode", "on|off", ""),
    ("expert-mode", "on|off", ""),
    ("get acl", "<acl> <value>", "1.5"),
    ("get map", "<map> <value>", "1.5"),
    ("get weight", "<backend>/<server>", "1.4"),
    ("new ssl cert", "", "2.2"),
    ("operator", "", ""),
    ("prepare acl", "<acl>", ""),
    ("prepare map", "<map>", ""),
    ("set dynamic-cookie-key backend", "<backend> <key>", ""),
    ("set map", "<map> [<key>|#<ref>] <value>", "1.5"),
    ("set maxconn frontend", "<frontend> <value>", "1.5"),
    ("set maxconn global", "<maxconn>", "1.5"),
    ("set rate-limit connections global", "<value>", "1.5"),
    ("set rate-limit http-compression global", "<value>", "1.5"),
    ("set rate-limit sessions global", "<value>", "1.5"),
    ("set rate-limit ssl-sessions global", "<value>", "1.5"),
    ("set server", "", "1.5"),
    ("set severity-output", "none|number|string", ""),
    ("set ssl cert", "", "2.2"),
    ("set table", "<table> key <key> [data.<data_type> <value>]*", "1.5"),
    ("set timeout cli", "<delay>", "1.4"),
    ("set var", "<name> <expression>", ""),
    ("set weight", "<backend>/<server> <weight>[%]", "1.4"),
    ("show acl", "[<acl>]", "1.5"),
    ("show activity", "", ""),
    ("show backend", "", ""),
    ("show cache", "", ""),
    ("show cli level", "", ""),
    ("show cli sockets", "", ""),
    ("show env", "", ""),
    ("show errors", "[<iid>]", "1.4"),
    ("show events", "", ""),
    ("show fd", "", ""),
    ("show libs", "", ""),
    ("show map", "[<map>]", "1.5"),
    ("show peers", "", ""),
    ("show resolvers", "", ""),
    ("show schema json", "", "1.7"),
    ("show servers conn", "", ""),
    ("show servers state", "[<backend>]", ""),
    ("show ssl ca-file", "", ""),
    ("show ssl cert", "", "2.2"),
    ("show startup-logs", "", ""),
    #[cfg(not(feature = "stats"))]
    ("show stat", "", "1.3"),
    ("show stat json", "", "1.7"),
    ("show stat typed", "", "1.7"),
    ("show table", "<name> [ data.<type> <operator> <value> ] | [ key <key> ]", "1.5"),
    ("show tasks", "", ""),
    ("show threads", "", ""),
    ("show trace", "", ""),
    ("shutdown frontend", "<frontend>", "1.5"),
    ("shutdown session", "<id>", "1.5"),
    ("shutdown sessions", "<backend>/<server>", "1.5"),
    ("trace", "", ""),
    ("user", "", ""),
];

/// The command that a line begins with, if it is one of them.
pub fn not_built(line: &str) -> Option<&'static str> {
    let begins = |name: &str| {
        let mut given = line.split_ascii_whitespace();
        name.split(' ').all(|word| given.next() == Some(word))
    };
    NOT_BUILT.iter().map(|c| c.0).rfind(|name| begins(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::COMMANDS;

    #[test]
    fn what_is_not_built_is_no_command() {
        assert!(NOT_BUILT.windows(2).all(|w| w[0].0 < w[1].0));
        assert!(NOT_BUILT.iter().all(|n| COMMANDS.iter().all(|c| c.name != n.0)));
        assert_eq!(not_built("clear counters all"), Some("clear counters all"));
        assert_eq!(not_built(" show  table t1"), Some("show table"));
        assert_eq!(not_built("show tab"), None);
    }
}
