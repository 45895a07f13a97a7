use super::*;
use proptest::prelude::*;
use std::net::IpAddr;

fn find(method: Method, fold: bool, patterns: &[&str], value: Value) -> Option<usize> {
    let mut space = [0; 512];
    let mut scratch = Scratch::new(&mut space);
    let set = Set::new(method, fold, patterns.iter().copied()).unwrap();
    let mut cache = RegexCache::new(set.regexes().iter());
    let found = set.find(value, &mut scratch, &mut cache);
    assert_eq!(set.holds(value, &mut scratch, &mut cache), found.is_some());
    found
}

fn text(method: Method, fold: bool, patterns: &[&str], value: &str) -> Option<usize> {
    find(method, fold, patterns, Value::Str(value.as_bytes()))
}

#[test]
fn each_method() {
    for (method, fold, patterns, value, want) in [
        (Method::Str, false, &["b", "a"][..], "a", Some(1)),
        (Method::Str, false, &["b", "a"], "A", None),
        (Method::Str, true, &["b", "a"], "A", Some(1)),
        (Method::Beg, false, &["/a", "/a/b", "/x"], "/a/b/c", Some(1)),
        (Method::Beg, false, &["/a", "/a/b", "/x"], "/a/a", Some(0)),
        (Method::Beg, false, &["/a/b"], "/a", None),
        (Method::End, true, &[".jpg", ".JPEG"], "x.Jpeg", Some(1)),
        (Method::End, false, &[".jpg"], "jpg", None),
        (Method::Sub, false, &["bc"], "abcd", Some(0)),
        (Method::Sub, true, &["bC"], "aBcd", Some(0)),
        (Method::Dir, false, &["img"], "/a/img/b", Some(0)),
        (Method::Dir, false, &["/img/"], "/a/img", Some(0)),
        (Method::Dir, false, &["img"], "/imgs/b", None),
        (Method::Dom, false, &["example"], "www.example.com", Some(0)),
        (Method::Dom, false, &["example.com"], "www.example.com:80", Some(0)),
        (Method::Dom, false, &["ample"], "www.example.com", None),
        (Method::Len, false, &["3"], "abc", Some(0)),
        (Method::Len, false, &["4:"], "abc", None),
        (Method::Int, false, &["1:5", "7"], "7", Some(1)),
        (Method::Int, false, &["lt 5"], "5", None),
        (Method::Int, false, &["ge 5"], "5", Some(0)),
        (Method::Ip, false, &["10.0.0.0/8", "10.1.0.0/255.255.0.0"], "10.1.2.3", Some(1)),
        (Method::Ip, false, &["10.0.0.0/8", "10.1.0.0/16"], "10.2.2.3", Some(0)),
        (Method::Ip, false, &["10.0.0.0/8"], "::ffff:10.0.0.1", Some(0)),
        (Method::Ip, false, &["2001:db8::/32", "0.0.0.0/0"], "2001:db8::1", Some(0)),
        (Method::Found, false, &[], "", Some(0)),
        (Method::Reg, true, &["^/A[0-9]+$"], "/a12", Some(0)),
    ] {
        assert_eq!(text(method, fold, patterns, value), want, "{method:?} {patterns:?} {value}");
    }
    assert_eq!(find(Method::Bin, false, &["00ff"], Value::Bin(&[0, 255])), Some(0));
    assert_eq!(find(Method::Bool, false, &[], Value::Int(0)), None);
}

#[test]
fn what_cannot_be_read_is_named() {
    for (method, bad) in [
        (Method::Int, "x"),
        (Method::Int, "9:1"),
        (Method::Int, ":"),
        (Method::Int, "zz 5"),
        (Method::Ip, "10.0.0.x"),
        (Method::Ip, "10.0.0.0/33"),
        (Method::Ip, "10.0.0.0/255.0.255.0"),
        (Method::Bin, "0"),
        (Method::Bin, "0g"),
        (Method::Reg, "a("),
        (Method::Reg, r"(a)\1"),
        (Method::Reg, "(?=a)"),
    ] {
        let set = Set::new(method, false, ["1", bad].into_iter().skip(usize::from(method != Method::Int)));
        let at = usize::from(method == Method::Int);
        assert_eq!(set.err().map(|e| e.number), Some(at), "{method:?} {bad}");
    }
}

proptest! {
    #[test]
    fn texts_as_a_list(patterns in prop::collection::vec("[ab]{0,4}", 0..20), value in "[abAB]{0,6}", fold: bool) {
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let f = |s: &str| if fold { s.to_ascii_lowercase() } else { s.to_owned() };
        let longest = |fits: fn(&str, &str) -> bool| {
            let fitting = patterns.iter().enumerate().filter(|(_, p)| fits(&f(&value), p));
            fitting.max_by_key(|(n, p)| (p.len(), std::cmp::Reverse(*n))).map(|(n, _)| n)
        };
        prop_assert_eq!(text(Method::Str, fold, &patterns, &value), longest(|v, p| v == p));
        prop_assert_eq!(text(Method::Beg, fold, &patterns, &value), longest(|v, p| v.starts_with(p)));
        let ends = |p: &&str| f(&value).ends_with(&f(p));
        prop_assert_eq!(text(Method::End, fold, &patterns, &value), patterns.iter().position(ends));
    }

    #[test]
    fn ranges_as_a_list(patterns in prop::collection::vec((-20i64..20, 0i64..8), 0..8), n in -25i64..30) {
        let texts: Vec<String> = patterns.iter().map(|(low, len)| format!("{low}:{}", low + len)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let want = patterns.iter().position(|(low, len)| *low <= n && n <= low + len);
        prop_assert_eq!(find(Method::Int, false, &texts, Value::Int(n)), want);
    }

    #[test]
    fn networks_as_a_list(patterns in prop::collection::vec((any::<u16>(), 0u8..=16), 0..20), host: u16) {
        let ip = |low: u16| std::net::Ipv4Addr::from(u32::from(low) | 0x0a00_0000);
        let texts: Vec<String> = patterns.iter().map(|(low, bits)| format!("{}/{}", ip(*low), bits + 16)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let holds = |(low, bits): &(u16, u8)| *bits == 0 || (low ^ host) >> (16 - bits) == 0;
        let fitting = patterns.iter().enumerate().filter(|(_, p)| holds(p));
        let want = fitting.max_by_key(|(n, p)| (p.1, std::cmp::Reverse(*n))).map(|(n, _)| n);
        prop_assert_eq!(find(Method::Ip, false, &texts, Value::Ip(IpAddr::V4(ip(host)))), want);
    }
}
