//! Basic authentication (RFC 7617).

/// Decodes the credentials of an `Authorization: Basic ...` value into `out`; `user:password`, or none when malformed or
/// longer than `out`.
pub fn basic_credentials<'a>(value: &[u8], out: &'a mut [u8]) -> Option<&'a [u8]> {
    let (scheme, rest) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let (mut bits, mut have, mut len) = (0u32, 0, 0);
    for &b in super::trim(rest) {
        let six = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => continue,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        have += 6;
        if have >= 8 {
            have -= 8;
            *out.get_mut(len)? = (bits >> have) as u8;
            len += 1;
        }
    }
    Some(&out[..len])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes() {
        let mut b = [0; 16];
        assert_eq!(basic_credentials(b"Basic YWRtaW46c2VjcmV0", &mut b), Some(&b"admin:secret"[..]));
        assert_eq!(basic_credentials(b"basic YTpi", &mut b), Some(&b"a:b"[..]));
        assert_eq!(basic_credentials(b"Basic YTo=", &mut b), Some(&b"a:"[..]));
        assert_eq!(basic_credentials(b"Bearer YTo=", &mut b), None);
        assert_eq!(basic_credentials(b"Basic !!", &mut b), None);
    }
}
