//! Converters of HAProxy that are recognised and not built, and why.

use super::rare::LEFT_OUT;

const TABLES: &str = "stick tables come later";
const DEVICES: &str = "device detection is not built";
const PACKETS: &str = "the headers of packets are not looked at";
const CERTIFICATES: &str = "certificates come with TLS";

const NO_RARE: &str = "this program has only those that most rules use (feature 'converters')";

/// Names, `*` at their end for all that begin so, and the reason. Sorted by the first name, but for those that are left out here.
pub const REFUSED: [(&[&str], &str); 12] = [
    (&["51d.single", "da-csv-conv", "wurfl-get", "wurfl-get-all"], DEVICES),
    (&["aes_cbc_dec", "aes_cbc_enc", "aes_gcm_dec", "aes_gcm_enc"], "ciphers come with TLS"),
    (&["eth.*", "ip.*", "tcp.*"], PACKETS),
    (&["in_table", "table_*"], TABLES),
    (&["jwt_decrypt*"], "ciphers come with TLS"),
    (&["jwt_verify", "jwt_verify_cert"], CERTIFICATES),
    (&["lua.*"], "there is no Lua"),
    (&["mqtt_field_value", "mqtt_is_valid"], "MQTT is not built"),
    (&["rfc7239_*"], "the header 'forwarded' is not built"),
    (&["when"], "not built"),
    (&["x509_v_err_str"], CERTIFICATES),
    (LEFT_OUT, NO_RARE),
];

/// The names of all converters that this program has, or could have with the feature.
pub fn names() -> impl Iterator<Item = &'static str> {
    super::tables().flatten().map(|c| c.name).chain(LEFT_OUT.iter().copied())
}

/// Why a converter is refused, if it is one of these.
pub fn refusal(name: &str) -> Option<&'static str> {
    let is = |known: &&str| known.strip_suffix('*').map_or(name == *known, |begin| name.starts_with(begin));
    REFUSED.iter().find(|r| r.0.iter().any(is)).map(|r| r.1)
}
