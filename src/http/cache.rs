//! Whether a shared cache may store a response that sets a cookie (manual, `option checkcache`).

use super::{Head, Method, pieces, trim};

/// Statuses that a cache stores without being asked to.
const STORED: [u16; 11] = [200, 203, 204, 206, 300, 301, 404, 405, 410, 414, 501];

/// What a member of Cache-Control says about storing; none = nothing.
fn says(member: &[u8]) -> Option<bool> {
    const FORBIDS: [&[u8]; 6] =
        [b"private", b"no-cache", b"no-store", b"max-age=0", b"s-maxage=0", b"no-cache=\"set-cookie\""];
    const FORBIDS_COOKIES_FIRST: &[u8] = b"no-cache=\"set-cookie,";
    let begins = |with: &[u8]| member.get(..with.len()).is_some_and(|m| m.eq_ignore_ascii_case(with));
    match member {
        m if m.eq_ignore_ascii_case(b"public") => Some(true),
        m if FORBIDS.iter().any(|f| m.eq_ignore_ascii_case(f)) || begins(FORBIDS_COOKIES_FIRST) => Some(false),
        _ => None,
    }
}

/// True for a response with a cookie that a cache might give to others. `status`: as the server sent it. What Cache-Control says last
/// counts, as in HAProxy.
pub fn shares_cookie(response: &Head, text: &[u8], method: Method, status: u16) -> bool {
    let fields = |name: &'static [u8]| response.fields_named(text, name);
    if fields(b"set-cookie").next().is_none() && fields(b"set-cookie2").next().is_none() {
        return false;
    }
    if fields(b"pragma").next().is_some_and(|v| v.eq_ignore_ascii_case(b"no-cache")) {
        return false;
    }
    let asked = matches!(method, Method::Get | Method::Head | Method::Options | Method::Trace);
    let said = fields(b"cache-control").flat_map(pieces).filter_map(|m| says(trim(m))).last();
    said.unwrap_or(asked && STORED.contains(&status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_manual_lists() {
        let shares = |method, status: u16, fields: &str| {
            let text = format!("HTTP/1.1 {status} x\r\nSet-Cookie: a=b\r\n{fields}\r\n");
            let mut head = Head::new(20);
            head.parse_response(text.as_bytes(), method, false).unwrap();
            shares_cookie(&head, text.as_bytes(), method, status)
        };
        for fields in [
            "",
            "Cache-Control: max-age=00\r\n",
            "Cache-Control: no-cache=\"x, set-cookie\"\r\n",
            "Cache-Control: no-cache=\"set-cookies\"\r\n",
            "Cache-Control: no-store, public\r\n",
            "Cache-Control: x=\"no-cache, private\"\r\n",
            "Pragma: x, no-cache\r\n",
        ] {
            assert!(shares(Method::Get, 200, fields), "{fields}");
            let public = fields.contains("public");
            assert_eq!(shares(Method::Post, 200, fields), public, "{fields}");
            assert_eq!(shares(Method::Get, 302, fields), public, "{fields}");
        }
        for fields in [
            "Cache-Control: PRIVATE\r\n",
            "Cache-Control: x, s-maxage=0\r\n",
            "Cache-Control: public\r\nCache-Control: no-store\r\n",
            "Cache-Control: no-cache=\"Set-Cookie, x\"\r\n",
            "Cache-Control: public\r\nPragma: No-Cache\r\n",
        ] {
            assert!(!shares(Method::Get, 200, fields), "{fields}");
        }
    }
}
