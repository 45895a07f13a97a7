//! In place of `rare`, where the program is built without the feature `converters`: the names, which are refused.

use crate::sample::Converter;

pub static TABLES: &[&[Converter]] = &[];

/// Sorted.
pub const LEFT_OUT: &[&str] = &[
    "be2dec",
    "be2hex",
    "crc32c",
    "digest",
    "fix_is_valid",
    "fix_tag_value",
    "hmac",
    "json",
    "json_query",
    "jwt_header_query",
    "jwt_payload_query",
    "language",
    "le2dec",
    "ltime",
    "ms_ltime",
    "ms_utime",
    "protobuf",
    "sha1",
    "sha2",
    "ungrpc",
    "us_ltime",
    "us_utime",
    "utime",
    "xxh3",
    "xxh32",
    "xxh64",
];
