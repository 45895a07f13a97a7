use super::*;
use proptest::prelude::*;
use regex_automata::nfa::thompson::{self, pikevm::PikeVM};
use regex_automata::{Input, util::primitives::NonMaxUsize, util::syntax};
use std::hint::black_box;

/// What users write.
const REAL: &[&str] = &[
    "^/api/",
    r"\.(jpe?g|png|gif|css|js)$",
    r"(?i)^(www\.)?example\.(com|org)$",
    r"^/([^/]+)/(.*)$",
    r"^([^ :]*)\ /(.*)",
    r"^(.*)\.example\.com(:[0-9]+)?$",
    r"^/static/(img|css|js)/v\d{1,3}/",
    r"^(GET|HEAD|POST)$",
    r"(^|\.)internal\.",
    r"^[\w.+-]+@[\w-]+\.[\w.-]+$",
    r"^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$",
    r"/\.\./|/\.(git|svn|env)(/|$)",
    r"^/wp-(admin|login|content)/?",
    r"(?i)(union.*select|insert\s+into|drop\s+table)",
    r"^Basic\s+(\S+)$",
    r"(?i)\b(bot|crawler|spider)\b",
    r"^(?P<lang>[a-z]{2})(?:-(?P<country>[A-Z]{2}))?",
    r"session=([[:xdigit:]]{8,32});?",
    r"(.*?)/+(.*)",
    r"(?x) ^/ ( [a-z]+ )  # the first part
      / ( \d+ ) $",
    r"(?s)^(.*)$",
    r"^https?://[^/]+(/.*)?$",
    r"[?&]id=([^&]*)",
    r"(a*)*b|(a|ab)(c|bcd)(d*)",
    r"(?U)<(.+)>(.+?)<",
];

const TEXTS: &[&str] = &[
    "",
    "/api/v1/users",
    "/",
    "/a/b",
    "/static/img/v12/logo.jpeg",
    "GET /index.html",
    "GET",
    "www.example.com",
    "EXAMPLE.org",
    "a.b.example.com:8080",
    "db.internal.lan",
    "someone@mail.example.com",
    "192.168.1.254",
    "/x/../etc/passwd",
    "/.git/config",
    "/wp-login.php",
    "q=1 UNION ALL SELECT password",
    "Basic dXNlcjpwYXNz",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "en-GB,en;q=0.8",
    "x=1; session=00ffEEdd11223344; y",
    "/users/42",
    "https://host/path?x&id=7&y",
    "aaaaaaab",
    "abcd",
    "<one>two<three>four<",
    "line\nbreak\n",
];

/// A list of robots, as they circulate.
fn bots() -> String {
    let names: Vec<String> =
        (0..60).map(|n| format!("{}{}bot", ["mega", "Sem", "crawl-", "x"][n % 4], n * 7919 % 1000)).collect();
    format!("(?i)({})", names.join("|"))
}

/// What was looked at where a search gave up is looked at anew where it goes on.
#[test]
fn a_search_that_goes_on_further_behind_forgets() {
    for pattern in [r"(?:|-)\B(?i)a", r"-?\Ba", r"(?:-|)\Ba", r"(?:a|)\bb"] {
        agrees(pattern, false, &[b"-bA", b"-ba", b"-baa", b"ac b", b"--ba"]);
    }
}

type Places = Vec<Option<(usize, usize)>>;

fn places(get: impl Fn(usize) -> Option<(usize, usize)>) -> Places {
    (0..GROUPS).map(get).collect()
}

/// The same by `regex-automata`; none for a pattern that it does not take.
fn oracle(pattern: &str, fold: bool) -> Option<PikeVM> {
    let syntax = syntax::Config::new().unicode(false).utf8(false).case_insensitive(fold);
    let config = thompson::Config::new().utf8(false);
    let nfa = thompson::Compiler::new().syntax(syntax).configure(config).build(pattern).ok()?;
    PikeVM::new_from_nfa(nfa).ok()
}

fn expected(vm: &PikeVM, text: &[u8], from: usize) -> Option<Places> {
    let mut slots = [None; GROUPS * 2];
    let count = vm.get_nfa().group_info().slot_len().min(GROUPS * 2);
    vm.search_slots(&mut vm.create_cache(), &Input::new(text).range(from..), &mut slots[..count])?;
    let at = |n: usize| slots[n].map(NonMaxUsize::get);
    Some(places(|n| Some((at(n * 2)?, at(n * 2 + 1)?))))
}

/// Every engine that can run a pattern, each alone.
fn engines(pattern: &str, fold: bool) -> Vec<Regex> {
    let program = |keep| parse::parse(pattern.as_bytes(), fold, keep).unwrap();
    let plain = [Engine::Vm(program(true), None), Engine::Vm(program(false), None)].map(Regex);
    let made = [Regex::new(pattern, fold).unwrap(), Regex::matcher(pattern, fold).unwrap()];
    plain.into_iter().chain(made).collect()
}

fn agrees(pattern: &str, fold: bool, texts: &[&[u8]]) {
    let Some(vm) = oracle(pattern, fold) else { panic!("the oracle does not take '{pattern}'") };
    let engines = engines(pattern, fold);
    let mut cache = RegexCache::new(engines.iter());
    for text in texts {
        let want: Vec<_> = [0, text.len() / 2, text.len()].map(|from| (from, expected(&vm, text, from))).into();
        for (n, regex) in engines.iter().enumerate() {
            let about = || format!("'{pattern}' {} engine {n}", text.escape_ascii());
            assert_eq!(regex.is_match(&mut cache, text), want[0].1.is_some(), "{}", about());
            for (from, want) in &want {
                let found = regex.captures(&mut cache, text, *from).map(|c| places(|n| c.get(n)));
                // The second and the fourth were made without groups.
                if n % 2 == 0 {
                    assert_eq!(&found, want, "{} from {from}", about());
                }
            }
        }
    }
}

fn patterns() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "a",
        "b",
        "ab",
        "A",
        ".",
        "[ab]",
        "[^a]",
        r"\w",
        r"\W",
        r"\b",
        r"\B",
        "^",
        "$",
        r"\A",
        r"\z",
        "-",
        "(?i)a",
        "(?s).",
        "",
        r"[\d-]",
        "[[:upper:]b]",
        r"\x61",
        r"\s",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(4, 24, 4, |inner| {
        let repeat = prop::sample::select(vec!["*", "+", "?", "*?", "+?", "??", "{2}", "{0,2}", "{1,}?", "{2,3}", "{0}", "{2,}"]);
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 1..4).prop_map(|all| all.concat()),
            2 => prop::collection::vec(inner.clone(), 2..4).prop_map(|all| format!("(?:{})", all.join("|"))),
            2 => inner.clone().prop_map(|one| format!("({one})")),
            3 => (inner.clone(), repeat, any::<bool>()).prop_map(|(one, repeat, keep)| {
                format!("({}{one}){repeat}", if keep { "" } else { "?:" })
            }),
            1 => (inner, prop::sample::select(vec!["i", "m", "s", "U", "im-s"])).prop_map(|(one, f)| format!("(?{f}:{one})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn as_regex_automata(pattern in patterns(), fold: bool, texts in prop::collection::vec("[abAB\n-]{0,10}", 8)) {
        let texts: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
        agrees(&pattern, fold, &texts);
    }

    #[test]
    fn anything_is_taken_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40), fold: bool, text: Vec<u8>) {
        taken_or_refused(&bytes, fold, &text);
    }

    #[test]
    fn what_looks_like_a_pattern_is_taken_or_refused(pattern in r"[\[\](){}?*+|^$.\\,:<>=!aAbdwxQE0-9 iP-]{0,24}", text in "[ab09]{0,8}") {
        taken_or_refused(pattern.as_bytes(), false, text.as_bytes());
    }
}

fn taken_or_refused(pattern: &[u8], fold: bool, text: &[u8]) {
    for keep in [false, true] {
        match parse::parse(pattern, fold, keep) {
            Err(e) => assert!(e.at <= pattern.len()),
            Ok(program) => {
                let dfa = Dfa::new(&program);
                let one_pass = OnePass::new(&program).filter(|_| keep);
                let vm = Regex(Engine::Vm(program, None));
                let mut cache = RegexCache::new([&vm].into_iter());
                let found = vm.captures(&mut cache, text, 0);
                assert_eq!(vm.is_match(&mut cache, text), found.is_some());
                assert!(dfa.is_none_or(|d| d.is_match(text) == found.is_some()));
                if let Some(one_pass) = one_pass {
                    let regex = Regex(Engine::OnePass(one_pass));
                    assert_eq!(regex.captures(&mut cache, text, 0), found);
                }
            }
        }
    }
}

#[test]
fn what_users_write_is_as_regex_automata_says() {
    let texts: Vec<&[u8]> = TEXTS.iter().map(|t| t.as_bytes()).collect();
    for pattern in REAL.iter().copied().chain([bots().as_str()]) {
        agrees(pattern, false, &texts);
        agrees(pattern, true, &texts);
    }
}

fn whole(pattern: &str, text: &str) -> Option<(usize, usize)> {
    let regex = Regex::new(pattern, false).unwrap_or_else(|e| panic!("{}", e.about(pattern)));
    regex.captures(&mut RegexCache::new([&regex].into_iter()), text.as_bytes(), 0)?.get(0)
}

/// PCRE's syntax where `regex-automata` has another one, or none.
#[test]
fn as_pcre() {
    for (pattern, text, want) in [
        (r"\<a\>", "<a>", Some((0, 3))),
        ("a{,2}", "a{,2}", Some((0, 5))),
        ("a{", "xa{", Some((1, 3))),
        ("{x}", "{x}", Some((0, 3))),
        ("[[a]]", "[]", Some((0, 2))),
        ("[a&&b]+", "a&b", Some((0, 3))),
        ("[]a]+", "]a[", Some((0, 2))),
        ("[^]a]", "]ab", Some((2, 3))),
        (r"[\w-.]+", "a-.", Some((0, 3))),
        (r"[a-\d]+", "a-1b", Some((0, 3))),
        ("[a-]+", "-a", Some((0, 2))),
        ("[[:^alpha:]]", "a1", Some((1, 2))),
        ("[[:x]", "x", Some((0, 1))),
        (r"[\b]", "\u{8}", Some((0, 1))),
        (r"[\Qa]-z\E]+", "]-za", Some((0, 4))),
        (r"\Q.*\E+", "..**", Some((1, 4))),
        (r"\Qa|b", "a|b", Some((0, 3))),
        (r"a\Z", "a\n", Some((0, 1))),
        (r"a\Z", "a\n\n", None),
        (r"a\z", "a\n", None),
        ("a$", "a\n", None),
        (r"\h\v\H\V\N", " \nxx.", Some((0, 5))),
        (r"\0\012\x9\x{0041}\e\a", "\0\n\tA\u{1b}\u{7}", Some((0, 6))),
        (r"(?#comment)a(?# another)+", "aa", Some((0, 2))),
        ("(?x)a b\\ c[ ] # d\n+ e", "ab c  e", Some((0, 7))),
        ("(?'one'a)(?<two>b)(?P<three>c)", "abc", Some((0, 3))),
        ("(a(?i)b|c)d", "aBd", Some((0, 3))),
        ("(a(?i)b|c)d", "Cd", Some((0, 2))),
        ("(a(?i)b|c)d", "aBD", None),
        ("(?i-s:A.)b", "axb", Some((0, 3))),
        ("(?i)[^a]", "aAb", Some((2, 3))),
        ("(?U)a+", "aaa", Some((0, 1))),
        ("(?U)a+?", "aaa", Some((0, 3))),
        ("é+", "éé", Some((0, 2))),
        ("a||b", "b", Some((0, 0))),
        (r"[^\s\S]", "a", None),
    ] {
        assert_eq!(whole(pattern, text), want, "'{pattern}' in '{}'", text.escape_default());
    }
}

#[test]
fn what_is_refused_and_where() {
    for (pattern, at, reason) in [
        (r"(a)\1", 3, "back-references"),
        (r"(a)\g{1}", 3, "back-references"),
        (r"(?<n>a)\k<n>", 7, "back-references"),
        ("(?<n>a)(?P=n)", 7, "back-references"),
        ("a(?=b)", 1, "look-ahead"),
        ("a(?!b)", 1, "look-ahead"),
        ("(?<=a)b", 0, "look-behind"),
        ("(?<!a)b", 0, "look-behind"),
        ("x(?>a)", 1, "atomic"),
        ("a*+", 2, "possessive"),
        ("a++", 2, "possessive"),
        ("a?+", 2, "possessive"),
        ("a{2}+", 4, "possessive"),
        ("(a(?R))", 2, "recursion"),
        ("(a)(?1)", 3, "recursion"),
        ("(a)(?-1)", 3, "recursion"),
        ("(?<n>a)(?&n)", 7, "recursion"),
        ("(?<n>a)(?P>n)", 7, "recursion"),
        ("(a)(?(1)b|c)", 3, "conditions"),
        ("(?|(a)|(b))", 0, "same number"),
        ("(?C1)", 0, "callouts"),
        ("(*ACCEPT)", 0, "verbs"),
        (r"\p{Lu}", 0, "Unicode"),
        (r"a\Gb", 1, "no such escape"),
        (r"a\Kb", 1, "no such escape"),
        (r"\y", 0, "no such escape"),
        ("ab\\", 2, "nothing follows"),
        ("a(b", 1, "'(' without ')'"),
        ("a)b", 1, "')' without '('"),
        ("a[b", 1, "'[' without ']'"),
        ("a[]", 1, "'[' without ']'"),
        ("*a", 0, "nothing to repeat"),
        ("a**", 2, "nothing to repeat"),
        ("a|{2}", 2, "nothing to repeat"),
        ("(?i)*", 4, "nothing to repeat"),
        ("a{3,2}", 1, "out of order"),
        ("[b-a]", 1, "out of order"),
        ("[[:nope:]]", 1, "no class of this name"),
        ("[[.a.]]", 1, "no class of this name"),
        ("(?k)", 2, "no such option"),
        ("(?i", 3, "no such option"),
        ("(?<1>a)", 3, "no name"),
        ("(?<n>a)(?<n>b)", 10, "another group"),
        ("(?#a", 0, "comment"),
        (r"\x{100}", 0, "hexadecimal"),
        (r"\xg", 0, "hexadecimal"),
        ("ab{99999}", 8, "too large"),
        ("((a{500}){500}){500}", 13, "too large"),
        ("(((((x{2,99}){2,99}){2,99}){2,99}){2,99})", 18, "too large"),
    ] {
        let refused = Regex::new(pattern, false).err().unwrap_or_else(|| panic!("'{pattern}' is taken"));
        assert!(refused.reason.contains(reason), "'{pattern}': {}", refused.reason);
        assert_eq!(refused.at, at, "'{pattern}': {}", refused.reason);
        assert!(Regex::matcher(pattern, true).is_err());
    }
    let refused = Regex::new(&"a".repeat(program::MAX_PROGRAM + 1), false).err().unwrap();
    assert!(refused.reason.contains(&program::MAX_PROGRAM.to_string()));
}

#[test]
fn depth_is_limited() {
    let deep = |n: usize| Regex::new(&("(".repeat(n) + &")".repeat(n)), false);
    assert!(deep(100).is_ok());
    assert_eq!(deep(101).err().map(|e| e.at), Some(100));
    assert!(deep(100_000).is_err());
}

#[test]
fn the_largest_programs_fit() {
    let text = "ab".repeat(20_000);
    for (pattern, want) in
        [(".{0,8000}b$", true), ("(?:a|b){3000}", false), ("(((a|b|ab|ba)*)*)*c", false), ("(a?){2500}b$", true)]
    {
        let regex = Regex::new(pattern, false).unwrap();
        let mut cache = RegexCache::new([&regex].into_iter());
        let memory = cache.memory_bytes();
        assert_eq!(regex.is_match(&mut cache, &text.as_bytes()[..2000]), want, "'{pattern}'");
        assert_eq!(regex.captures(&mut cache, &text.as_bytes()[..2000], 1).is_some(), want, "'{pattern}'");
        assert_eq!(cache.memory_bytes(), memory, "matching allocates nothing");
    }
}

/// Patterns that take a backtracking engine time exponential or of a high power: each byte costs each instruction at most once here.
#[test]
fn time_is_linear() {
    for pattern in [
        "(a+)+$",
        "(a|aa)+$",
        "(a*)*b",
        "(.*)*x",
        "^(a?){20}a{20}$",
        "(a|a|a|a)*b",
        "(x+x+)+y",
        ".*.*.*.*=.*",
        r"^(([a-z])+.)+[A-Z]([a-z])+$",
        r"(\w+\s?)*$",
    ] {
        let program = parse::parse(pattern.as_bytes(), false, true).unwrap();
        let len = program.code.len();
        let mut space = Space::default();
        space.grow(&program);
        let mut most = 0;
        for text in [vec![b'a'; 20_000], b"aA ".repeat(5000), b"x=".repeat(10_000)] {
            space.steps = 0;
            let mut found = [NOWHERE; SLOTS];
            space.search(&program, &text, 0, &mut found[..program.slots]);
            assert!(space.steps <= len * (text.len() + 1), "'{pattern}': {} steps", space.steps);
            most = most.max(space.steps);
        }
        // The counter does count.
        assert!(most > 1000, "'{pattern}': {most} steps");
    }
}

/// Automata that would have 2^n states are not made.
#[test]
fn automata_are_bounded() {
    for pattern in ["(a|b)*a(a|b){14}", r"\b.{40}x.{40}", "(?i)(foo.*bar.{30}){9}"] {
        let program = parse::parse(pattern.as_bytes(), false, false).unwrap();
        assert!(Dfa::new(&program).is_none(), "'{pattern}'");
    }
    for pattern in REAL.iter().copied().chain([bots().as_str()]) {
        let regex = Regex::matcher(pattern, false).unwrap();
        assert!(matches!(regex.0, Engine::Dfa(_)), "'{pattern}'");
        assert!(regex.memory_bytes() < 80_000, "'{pattern}': {}", regex.memory_bytes());
    }
    for pattern in [r"^/([^/]+)/(.*)$", r"^(\d+)\.(\d+)$", "^(a|b)*c"] {
        assert!(matches!(Regex::new(pattern, false).unwrap().0, Engine::OnePass(_)), "'{pattern}'");
    }
}

/// Nanoseconds a match, beside regex-automata as it was used before: `cargo test --release --lib -- --ignored --nocapture speed`.
#[test]
#[ignore = "a measurement"]
fn speed() {
    const AGENT: &str =
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36";
    let bots = bots();
    for (pattern, text) in [
        ("^/api/", "/api/v1/users/42"),
        (REAL[1], "/static/pictures/2024/06/holiday-in-the-mountains.jpeg"),
        (REAL[2], "www.example.org"),
        (bots.as_str(), AGENT),
        (REAL[3], "/static/pictures/2024/06/holiday.jpeg"),
        (REAL[22], "https://host/path/to/something?first=1&second=22&id=7&y"),
        (REAL[0], "/static/pictures"),
    ] {
        let (regex, matcher) = (Regex::new(pattern, false).unwrap(), Regex::matcher(pattern, false).unwrap());
        let mut cache = RegexCache::new([&regex, &matcher].into_iter());
        let old = before::Regex::new(pattern);
        let mut old_cache = before::Cache::new(&old);
        let text = text.as_bytes();
        let mut slots = [None; SLOTS];
        let ns = [
            time(|| matcher.is_match(&mut cache, black_box(text))),
            time(|| old.search(&mut old_cache, black_box(text), &mut [])),
            time(|| regex.captures(&mut cache, black_box(text), 0).is_some()),
            time(|| old.search(&mut old_cache, black_box(text), &mut slots)),
        ];
        println!("{ns:5?} ns (match, before; groups, before)  {:.40}", pattern);
    }
}

fn time(mut one: impl FnMut() -> bool) -> u128 {
    let begun = std::time::Instant::now();
    for _ in 0..20_000 {
        black_box(one());
    }
    begun.elapsed().as_nanos() / 20_000
}

/// How `regex-automata` was used.
mod before {
    use super::*;
    use regex_automata::{Anchored, dfa::onepass};

    pub struct Regex(PikeVM, Option<onepass::DFA>);

    pub struct Cache(thompson::pikevm::Cache, Option<onepass::Cache>);

    impl Regex {
        pub fn new(pattern: &str) -> Regex {
            let vm = oracle(pattern, false).unwrap();
            let nfa = vm.get_nfa().clone();
            let one_pass = nfa.is_always_start_anchored().then(|| onepass::DFA::new_from_nfa(nfa).ok()).flatten();
            Regex(vm, one_pass)
        }

        pub fn search(&self, cache: &mut Cache, text: &[u8], slots: &mut [Option<NonMaxUsize>]) -> bool {
            let input = Input::new(text).earliest(slots.is_empty());
            let count = self.0.get_nfa().group_info().slot_len().min(slots.len());
            match (&self.1, &mut cache.1) {
                (Some(dfa), Some(cache)) => {
                    let found = dfa.try_search_slots(cache, &input.anchored(Anchored::Yes), &mut slots[..count]);
                    found.is_ok_and(|f| f.is_some())
                }
                _ => self.0.search_slots(&mut cache.0, &input, &mut slots[..count]).is_some(),
            }
        }
    }

    impl Cache {
        pub fn new(regex: &Regex) -> Cache {
            Cache(regex.0.create_cache(), regex.1.as_ref().map(onepass::DFA::create_cache))
        }
    }
}
