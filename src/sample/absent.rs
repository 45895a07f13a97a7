//! HAProxy's fetches that are not in the tables, and why: what a configuration that uses one is told.

/// Names that are prefixes end with `*`.
const REASONS: &[(&str, &[&str])] = &[
    ("it needs stick tables, which are not built yet", &["sc_*", "sc0_*", "sc1_*", "sc2_*", "table_*", "src_*"]),
    ("it needs TLS, which is not built yet", &["ssl_*"]),
    ("compression is not built yet", &["res.comp", "res.comp_algo"]),
    ("the cache is not built yet", &["res.cache_hit", "res.cache_name"]),
    ("there is no FastCGI in this program", &["fcgi.docroot", "fcgi.index"]),
    (
        "there is no HTTP/2 or QUIC in this program",
        &["quic_*", "bc_settings_streams_limit", "fc_settings_streams_limit"],
    ),
    ("it shows memory of HAProxy's own kind", &["internal.*"]),
    ("this program does not measure its tasks", &["cpu_*", "lat_*"]),
    ("the contents of distcc are not looked at in this program", &["distcc_*"]),
    (
        "it is not built yet",
        &[
            "bc_err",
            "bc_err_str",
            "fc_err",
            "fc_err_str",
            "fc_pp_authority",
            "fc_pp_unique_id",
            "last_rule_file",
            "last_rule_line",
        ],
    ),
];

/// Why a fetch of HAProxy is not there; none for names that are not HAProxy's.
pub fn reason(name: &str) -> Option<&'static str> {
    let is = |pattern: &&str| pattern.strip_suffix('*').map_or(*pattern == name, |prefix| name.starts_with(prefix));
    REASONS.iter().find(|r| r.1.iter().any(is)).map(|r| r.0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_built_has_no_reason_not_to_be() {
        for fetch in super::super::FETCHES.iter().flat_map(|t| t.iter()) {
            let known = ["src_port", "src_is_local", "ssl_fc"].contains(&fetch.name);
            assert!(known || super::reason(fetch.name).is_none(), "{}", fetch.name);
        }
        assert!(super::reason("sc0_conn_cnt").is_some() && super::reason("src_get_gpc0").is_some());
        assert_eq!(super::reason("scook2"), None);
    }
}
