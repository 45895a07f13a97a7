use super::compile::compile;
use super::*;
use crate::http::{Edit, Head};
use crate::model::{Config, Mode, Proxy};
use crate::sample::{Beside, Flow, Outside, quiet};
use crate::util::words::{Pos, Word};

fn config() -> Config {
    let proxy = |name: &str| Proxy {
        name: name.into(),
        mode: Mode::Http,
        is_frontend: true,
        is_backend: true,
        ..Proxy::default()
    };
    Config { proxies: vec![proxy("l"), proxy("other")], ..Config::default() }
}

/// Words of a line at columns of their own; a word in quotes may hold spaces.
fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let column = (text.len() - rest.len()) as u32;
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap(),
            None => rest.split_at(rest.find(' ').unwrap_or(rest.len())),
        };
        words.push(Word {
            text: word.into(),
            pos: Pos { file: 0, line: 1, column, len: word.len() as u32 },
            quoted: false,
        });
        rest = after.trim_start();
    }
    words
}

fn lines(text: &str) -> Vec<Line> {
    let directive = |line: &str| {
        let all = DIRECTIVES.iter().map(|d| d.name).chain(["acl", "capture request header"]);
        all.filter(|d| line.starts_with(d)).max_by_key(|d| d.len()).unwrap_or_else(|| panic!("{line}"))
    };
    let line = |l: &str| {
        let directive = directive(l);
        Line { directive, words: words(l[directive.len()..].trim()), pos: Pos::default() }
    };
    text.lines().map(str::trim).filter(|l| !l.is_empty()).map(line).collect()
}

/// What a request becomes under rules: the verdict, and the head as it is then.
fn request(text: &str, head: &str) -> (Verdict, String, Effects) {
    let config = config();
    let done = compile(&config, Outside::NOTHING, &[lines(text), Vec::new()], &[]);
    assert!(done.errors.is_empty(), "{:?}", done.errors);
    let book = done.book;
    let head = head.replace('\n', "\r\n");
    let mut index = Head::new(300);
    index.parse_request(head.as_bytes(), false).unwrap();
    let (mut text, mut space, mut out) = (vec![0; 16384], vec![0; 4096], vec![0; 4096]);
    text[..head.len()].copy_from_slice(head.as_bytes());
    let (mut session, mut transaction) =
        (vec![0; book.layout.session_bytes()], vec![0; book.layout.transaction_bytes()]);
    book.layout.begin_session(&mut session);
    book.layout.begin_transaction(&mut transaction);
    let drafts = crate::sample::Drafts::new(&book.layout);
    let mut effects = Effects::default();
    let mut flow = Flow { client: crate::sys::Addr::V4([10, 0, 0, 7], 5000), ..Flow::default() };
    let record = crate::format::Record::default();
    let (mut regexes, mut memo) = (book.regex_cache(), book.memo());
    memo.begin();
    let setting = quiet::setting(&config);
    let beside = Beside { drafts: Some(&drafts), ..Beside::default() };
    let mut stage = Stage {
        book: &book,
        setting: &setting,
        flow: &mut flow,
        head: Some(Edit::new(&mut index, &mut text, head.len())),
        body: b"a=1&b=2",
        arrived: true,
        session_notes: &mut session,
        transaction_notes: &mut transaction,
        beside: &beside,
        space: &mut space,
        out: &mut out,
        hints: crate::util::fmt::Out::new(&mut []),
        regexes: &mut regexes,
        memo: &mut memo,
        record: &record,
        effects: &mut effects,
    };
    let mut verdict = Verdict::Continue;
    for family in [Family::CaptureRequest, Family::Block, Family::HttpRequest, Family::Redirect, Family::UseBackend] {
        verdict = book.program(0, family).run(&mut stage, 0).0;
        if !matches!(verdict, Verdict::Continue | Verdict::Stop) {
            break;
        }
    }
    if let Verdict::Reply(Reply { len, .. }) = verdict {
        let answer = String::from_utf8_lossy(&stage.out[..len.unwrap_or(0)]).replace("\r\n", "\n");
        return (verdict, answer, effects);
    }
    let mut sent = [0; 8192];
    let mut o = crate::util::fmt::Out::new(&mut sent);
    crate::http::write_request(&mut o, &index, &text, crate::http::Keep::Alive, &[]);
    (verdict, String::from_utf8_lossy(o.bytes()).replace("\r\n", "\n"), effects)
}

const GET: &str = "GET /img/a.png?x=1&y=2 HTTP/1.1\nHost: www.example.com\nX-Forwarded-For: 1.2.3.4, 5.6.7.8\nCookie: a=1; sid=abc\n\n";

fn status(rules: &str) -> Option<u16> {
    match request(rules, GET).0 {
        Verdict::Reply(r) | Verdict::Tarpit(r) => Some(r.status),
        _ => None,
    }
}

#[test]
fn conditions() {
    for (condition, holds) in [
        ("TRUE", true),
        ("FALSE", false),
        ("!FALSE", true),
        ("TRUE FALSE", false),
        ("FALSE or TRUE", true),
        ("FALSE TRUE || TRUE !FALSE", true),
        ("{ path /img/a.png }", true),
        ("{ path_beg /img/ } { path_end .png .jpg }", true),
        ("{ path_end -i .PNG }", true),
        ("! { path_end .gif }", true),
        ("{ hdr(host) www.example.com }", true),
        ("{ hdr_dom(host) example.com }", true),
        ("{ hdr(x-forwarded-for) 1.2.3.4 }", true),
        ("{ hdr_ip(x-forwarded-for) 5.6.0.0/16 }", true),
        ("{ hdr_cnt(x-forwarded-for) 2 }", true),
        ("{ hdr_cnt(x-forwarded-for) gt 2 }", false),
        ("{ req.fhdr(x-forwarded-for) -m sub \"4, 5\" }", true),
        ("{ req.hdr(x-forwarded-for,1) 1.2.3.4 }", true),
        ("{ req.hdr(x-forwarded-for,-1) 5.6.7.8 }", true),
        ("{ hdr(nothing) -m found }", false),
        ("{ cook(sid) abc }", true),
        ("{ src 10.0.0.0/8 }", true),
        ("{ src 11.0.0.0/8 10.0.0.8 }", false),
        ("{ method GET }", true),
        ("METH_POST", false),
        ("{ url_param(y) 2 }", true),
        ("{ urlp_val(y) ge 2 }", true),
        ("{ path_reg ^/img/[a-z]+ }", true),
        ("{ path,lower,field(2,/) img }", true),
        ("{ req.body_param(b) 2 }", true),
        ("{ nbsrv(other) eq 3 }", true),
        ("{ str(a),length 1 }", true),
        ("{ int(5),add(2),mul(3) 21 }", true),
        ("{ always_true }", true),
        ("HTTP_1.1", true),
        ("LOCALHOST", false),
    ] {
        assert_eq!(status(&format!("http-request deny if {condition}")).is_some(), holds, "if {condition}");
        assert_eq!(status(&format!("http-request deny unless {condition}")).is_some(), !holds, "unless {condition}");
    }
}

#[test]
fn what_was_found_is_found_again() {
    // Two conditions on each sample: the second one asks the memo; the fields have one value, several, none.
    for (sample, wrong, right) in [
        ("path", "/", "/img/a.png"),
        ("method", "PUT", "GET"),
        ("hdr(host)", "host", "www.example.com"),
        ("hdr(x-forwarded-for)", "1", "5.6.7.8"),
        ("req.hdr(x-forwarded-for,-1)", "1.2.3.4", "5.6.7.8"),
        ("cook(sid)", "1", "abc"),
        ("url_param(y)", "1", "2"),
        ("base", "www", "www.example.com/img/a.png"),
    ] {
        for (condition, holds) in [
            (format!("{{ {sample} {wrong} }} or {{ {sample} {right} }}"), true),
            (format!("!{{ {sample} {wrong} }} {{ {sample} {right} }}"), true),
            (format!("{{ {sample} {wrong} }} or {{ {sample} {wrong} {wrong} }}"), false),
        ] {
            assert_eq!(status(&format!("http-request deny if {condition}")).is_some(), holds, "{condition}");
        }
    }
    let none = "{ hdr(nothing) -m str x } or { hdr(nothing) -m found } or { hdr(nothing) -m len 0 }";
    assert_eq!(status(&format!("http-request deny if {none}")), None);
    // More samples than are remembered.
    let many: Vec<_> = (0..12).map(|n| format!("!{{ hdr(x-{n}) a }} !{{ hdr(x-{n}) b }}")).collect();
    let many = format!("http-request set-header X-11 b\nhttp-request deny if {}", many.join(" "));
    assert_eq!((status(&many), status(&many.replace("X-11 b", "X-11 c"))), (None, Some(403)));
    // What is changed is looked at anew.
    let changed = "http-request set-header X-A 1 if !{ hdr(x-a) 1 } !{ hdr(x-a) 2 }
                   http-request set-path /new if { path /img/a.png }
                   http-request deny if { path /img/a.png } or !{ path /new } or !{ hdr(x-a) 1 }";
    assert_eq!(status(changed), None);
}

/// Which of the conditions of one criterion each, or of two, hold for a request.
fn those_that_hold(conditions: &[Vec<String>], head: &str) -> Vec<bool> {
    let lines = conditions.iter().enumerate().flat_map(|(n, all)| all.iter().map(move |c| format!("acl a{n} {c}\n")));
    let lines: String = lines.collect();
    let mut holds = Vec::new();
    // There is room for 300 fields.
    for some in (0..conditions.len()).collect::<Vec<_>>().chunks(280) {
        let rules = some.iter().map(|n| format!("http-request add-header X-A{n} y if a{n}\n"));
        let (_, sent, _) = request(&rules.fold(lines.clone(), |all, rule| all + &rule), head);
        holds.extend(some.iter().map(|n| sent.contains(&format!("\nX-A{n}: y\n"))));
    }
    holds
}

#[test]
fn criteria_that_are_asked_together() {
    let host = "www.Example.com";
    let head = GET.replace("www.example.com", host);
    type Holds = fn(&str, &str) -> bool;
    let texts =
        ["/img/a.png", "/img/", "/i", "/img/b", ".png", "g", "/IMG/", "w", "www.example.com", "com", ".Example.com"];
    let methods: [(&str, Holds); 3] =
        [("str", |a, b| a == b), ("beg", |a, b| a.starts_with(b)), ("end", |a, b| a.ends_with(b))];
    // With few texts in all, and with so many that they are searched for.
    for times in [1, 3] {
        let (mut conditions, mut want) = (Vec::new(), Vec::new());
        for (n, text) in texts.iter().cycle().take(texts.len() * times).enumerate() {
            for (sample, value) in [("path", "/img/a.png"), ("hdr(host)", host)] {
                for (method, holds) in methods {
                    for (flag, fold) in [("", false), ("-i ", true)] {
                        let small = |t: &str| if fold { t.to_lowercase() } else { t.to_owned() };
                        let one = |t: &str| holds(&small(value), &small(t));
                        let second = texts[n % 3];
                        conditions.push(vec![format!("{sample} -m {method} {flag}{text} {second}{n}")]);
                        want.push(one(text));
                        conditions.push(vec![
                            format!("{sample} -m {method} {flag}{text}"),
                            "method PUT".into(),
                            format!("{sample} -m {method} {flag}{second}"),
                        ]);
                        want.push(one(text) || one(second));
                    }
                }
            }
        }
        assert_eq!(those_that_hold(&conditions, &head), want);
    }
}

#[test]
fn answers_are_forgotten_when_a_rule_changes_what_they_rest_on() {
    let path = std::env::temp_dir().join(format!("evenkeel-memo-{}", std::process::id()));
    std::fs::write(&path, "10.0.0.7\n").unwrap();
    let file = path.display();
    let rules = format!(
        "acl host hdr(host) www.example.com
         acl host hdr(host) www.example.org
         acl other hdr(host) other
         acl ours src 10.0.0.0/8
         acl listed src -f {file}
         acl get method GET
         http-request deny deny_status 401 if other or !host or !ours or !listed or !get
         http-request set-header Host other
         http-request deny deny_status 402 if !other or host or !ours or !listed or !get
         http-request set-src str(192.168.0.1)
         http-request deny deny_status 403 if !other or ours or listed or !get
         http-request set-src str(10.0.0.7)
         http-request del-acl({file}) 10.0.0.7
         http-request deny deny_status 404 if !other or !ours or listed
         http-request set-method PUT
         http-request deny deny_status 405 if get or !other or !ours"
    );
    assert_eq!(status(&rules), None);
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn rules_change_the_request() {
    let (verdict, sent, _) = request(
        "acl png path_end .png
         http-request set-header X-One \"%[path] of %[src]\"
         http-request add-header X-Two %[hdr(host),upper]
         http-request del-header Cookie if png
         http-request del-header X-Two if !png
         http-request replace-header Host (.*)\\.com \\1.org
         http-request replace-value X-Forwarded-For ^1\\.(.*) 9.\\1
         http-request set-path /new%[path]
         http-request set-query %[query]&z=3
         http-request set-var(txn.a) str(hello)
         http-request set-header X-Var %[var(txn.a),upper]
         http-request set-method PUT",
        GET,
    );
    assert_eq!(verdict, Verdict::Continue);
    assert_eq!(
        sent,
        "PUT /new/img/a.png?x=1&y=2&z=3 HTTP/1.1\nHost: www.example.org\nX-Forwarded-For: 9.2.3.4, 5.6.7.8\n\
         X-One: /img/a.png of 10.0.0.7\nX-Two: WWW.EXAMPLE.COM\nX-Var: HELLO\n\n"
    );
}

#[test]
fn fields_are_removed_by_pattern() {
    let (_, sent, _) = request("http-request del-header x- -m beg\nhttp-request del-header ^cook -m reg", GET);
    assert_eq!(sent, "GET /img/a.png?x=1&y=2 HTTP/1.1\nHost: www.example.com\n\n");
}

#[test]
fn the_first_verdict_counts() {
    assert_eq!(status("http-request allow if TRUE\nhttp-request deny"), None);
    assert_eq!(status("http-request deny status 429"), Some(429));
    assert_eq!(status("http-request tarpit"), Some(500));
    assert_eq!(status("block if { path /img/a.png }"), Some(403));
    let (verdict, ..) = request("http-request reject", GET);
    assert_eq!(verdict, Verdict::Reject);
    assert_eq!(request("use_backend other if FALSE", GET).2.backend, None);
    assert_eq!(request("use_backend other if { path_beg /img }", GET).2.backend, Some(1));
    assert_eq!(
        request("use_backend %[req.hdr(host),map_name] if FALSE\n".replace(",map_name", "").as_str(), GET).2.backend,
        None
    );
    assert_eq!(request("use_backend %[str(other)]", GET).2.backend, Some(1));
}

#[test]
fn answers() {
    let (_, answer, _) = request("http-request redirect prefix https://%[hdr(host)] code 301 if TRUE", GET);
    let want = "HTTP/1.1 301 Moved Permanently\nconnection: close\ncontent-length: 0\n\
                location: https://www.example.com/img/a.png?x=1&y=2\n\n";
    assert_eq!(answer, want);
    let (_, answer, _) = request("http-request redirect scheme https drop-query set-cookie A=1", GET);
    assert!(
        answer.contains("\nlocation: https://www.example.com/img/a.png\n")
            && answer.contains("\nset-cookie: A=1; path=/;\n")
    );
    let (_, answer, _) =
        request("http-request return status 200 content-type text/plain lf-string \"it is %[path]\" hdr X-A b", GET);
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\nX-A: b\ncontent-length: 16\n") && answer.ends_with("\n\nit is /img/a.png")
    );
    let (_, answer, _) = request("http-request auth realm Private unless FALSE", GET);
    assert!(answer.starts_with("HTTP/1.1 401 Unauthorized\nWWW-Authenticate: Basic realm=\"Private\"\n"));
}

#[test]
fn fields_of_framing_and_connection_are_ours_in_answers() {
    for name in ["Content-Length", "transfer-encoding", "Connection", "keep-alive", "Content-Type"] {
        let rule = format!("http-request return hdr {name} x");
        let (_, answer, _) = request(&rule, GET);
        assert!(!answer.contains(&format!("{name}: x")), "{answer}");
        let warnings = compile(&config(), Outside::NOTHING, &[lines(&rule), Vec::new()], &[]).warnings;
        assert!(warnings[0].1.contains(&format!("'hdr {name}' has no effect")), "{warnings:?}");
    }
    let (_, answer, _) = request("http-request return status 304", GET);
    assert_eq!(answer, "HTTP/1.1 304 Not Modified\nconnection: close\n\n");
}

#[test]
fn a_variable_never_keeps_a_value_that_is_not_its_last() {
    // A quarter of a buffer holds all long texts of a transaction, each with six bytes more.
    let long = "x".repeat(4091);
    for set in [
        format!("http-request set-var(txn.a) str({long})"),
        format!("http-request set-var-fmt(txn.a) {long}"),
        format!("http-request set-header Y %[str({long}),set-var(txn.a)]"),
        format!("http-request set-var-fmt(txn.a) {}", "x".repeat(5000)),
    ] {
        let rules = format!("http-request set-var(txn.a) str(old)\n{set}\nhttp-request set-header X <%[var(txn.a)]>");
        let lax = format!("http-request strict-mode off\n{rules}");
        assert!(request(&lax, GET).1.contains("\nX: <>\n"), "{set}");
        // What is lost is an error; a converter says that there is no value.
        assert_eq!(request(&rules, GET).0 == Verdict::Fail, !set.contains(",set-var"), "{set}");
    }
    let fits =
        format!("http-request set-var(txn.a) str({})\nhttp-request deny if {{ var(txn.a) -m len 4090 }}", &long[1..]);
    assert_eq!(status(&fits), Some(403));
}

#[test]
fn a_tab_stays_in_a_value() {
    let (_, head, _) = request("http-request set-header X %[str(a\tb\x7f)]", GET);
    assert!(head.contains("\nX: a\tb%7F\n"), "{head}");
}

#[test]
fn a_file_that_no_buffer_holds_is_refused() {
    let path = std::env::temp_dir().join(format!("evenkeel-{}", std::process::id()));
    let path = path.to_str().unwrap();
    for (len, errors, warnings) in [(15_000, 0, 0), (16_384, 0, 1), (16_385, 1, 0)] {
        let head = b"HTTP/1.1 404 X\r\nConnection: close\r\n\r\n";
        std::fs::write(path, [&head[..], &vec![b'x'; len - head.len()]].concat()).unwrap();
        for option in ["content-type a/b file", "content-type a/b lf-file", "errorfile"] {
            let done = compile(
                &config(),
                Outside::NOTHING,
                &[lines(&format!("http-request return {option} {path}")), Vec::new()],
                &[],
            );
            assert_eq!((done.errors.len(), done.warnings.len()), (errors, warnings), "{option} {len}");
        }
    }
    // Made ready to be sent, it has 19 bytes more.
    std::fs::write(path, [&b"HTTP/1.1 404 X\r\n\r\n"[..], &[b'x'; 16_360]].concat()).unwrap();
    let done =
        compile(&config(), Outside::NOTHING, &[lines(&format!("http-request deny errorfile {path}")), Vec::new()], &[]);
    assert!(done.errors[0].message.contains("does not fit a buffer"), "{}", done.errors[0].message);
    std::fs::write(path, b"HTTP/1.1 404 X\r\nFoo bar\r\n\r\n").unwrap();
    let done =
        compile(&config(), Outside::NOTHING, &[lines(&format!("http-request deny errorfile {path}")), Vec::new()], &[]);
    let fault = &done.errors[0];
    assert!(fault.message.contains("line 2: this is no header field") && fault.pos.column == 15, "{}", fault.message);
    std::fs::remove_file(path).unwrap();
}

#[test]
fn what_is_wrong_is_said_where_it_is() {
    for (rules, column, message) in [
        ("http-request dny", 0, "'http-request' has no action 'dny'"),
        ("http-request deny if nope", 8, "there is no acl 'nope' before this line"),
        ("http-request deny if", 5, "a condition is missing"),
        ("http-request deny if TRUE or", 13, "a condition is missing"),
        ("http-request deny if { path", 8, "'{' without '}'"),
        ("http-request deny when TRUE", 5, "does not know 'when'"),
        ("acl a pth /x", 2, "unknown sample fetch 'pth'"),
        ("acl a path,lowr /x", 2, "unknown converter 'lowr'"),
        ("acl a src 10.0.0.x", 6, "'10.0.0.x' is neither an IP address"),
        ("acl a path -m nope /x", 10, "'nope' is no method"),
        ("acl a path_reg (", 11, "the regular expression '('"),
        ("acl a path_reg ^a(b", 13, "byte 3: '(' without ')'"),
        ("http-request replace-path /x(?=y) z", 15, "look-ahead cannot be matched in linear time"),
        ("http-request del-header x[ -m reg", 12, "'[' without ']'"),
        ("acl a dst_port x", 11, "'x' is neither a number"),
        ("acl a srv_is_up", 2, "needs an argument: server"),
        ("use_backend nope", 0, "there is no backend 'nope'"),
        ("use_backend l", 0, "leads to itself"),
        ("http-request set-header X", 12, "expects a format"),
        ("http-request set-header X %[pth]", 13, "unknown sample fetch 'pth'"),
        ("http-request set-var(x.y) str(a)", 0, "has no scope"),
        ("http-request set-query \"\" if TRUE", 10, "'http-request set-query' expects"),
        ("http-request disable-l7-retry", 0, "'disable-l7-retry' of 'http-request' is not built"),
        ("http-response wait-for-body time 1s", 0, "'wait-for-body' of 'http-response' is not built"),
        ("http-response tarpit", 0, "has no action 'tarpit'"),
        ("monitor fail", 0, "needs a condition"),
        ("http-request set-var(txn.y,ifset,if) str(a)", 0, "'if' is no condition of 'http-request set-var'"),
        ("redirect code 301", 0, "needs a 'location'"),
        ("redirect location /x code 300", 17, "is none of 301"),
        ("http-request return status 304 content-type a/b string x", 14, "a response with status 304 has no body"),
        ("http-request deny deny_status 204 lf-string x", 17, "a response with status 204 has no body"),
        ("http-request return hdr X\rY 1", 11, "cannot be the name of a header field"),
        ("http-request return content-type a\rb string x", 20, "a type has no control characters"),
    ] {
        let done = compile(&config(), Outside::NOTHING, &[lines(rules), Vec::new()], &[]);
        let fault = done.errors.first().unwrap_or_else(|| panic!("{rules}: no error"));
        assert!(fault.message.contains(message), "{rules}: {}", fault.message);
        assert_eq!(fault.pos.column, column, "{rules}: {}", fault.message);
    }
}

#[test]
fn mistakes_in_files_are_said_with_their_line() {
    let path = std::env::temp_dir().join(format!("evenkeel-lines-{}", std::process::id()));
    let path = path.to_str().unwrap();
    std::fs::write(path, "# a comment\n\na 1\n  b x(\n").unwrap();
    for (rule, message) in [
        (
            "http-request set-header X %[path,map_str_int(FILE)]",
            "'x(' in line 4 of 'FILE' cannot be the value of a map",
        ),
        ("http-request deny if { path_reg -f FILE }", "line 4 of 'FILE' cannot be used"),
    ] {
        let errors =
            compile(&config(), Outside::NOTHING, &[lines(&rule.replace("FILE", path)), Vec::new()], &[]).errors;
        let said: Vec<String> = errors.into_iter().map(|e| e.into_reason().message).collect();
        assert!(said.len() == 1 && said[0].contains(&message.replace("FILE", path)), "{said:?}");
    }
    std::fs::remove_file(path).unwrap();
}

#[test]
fn bytes_in_mode_http_are_counted_and_no_more() {
    for (rule, want) in [
        ("http-request deny if { req.len gt 3 }", "counts what was read"),
        ("http-response deny if { res.len gt 3 }", "counts what was read"),
        ("http-request set-header X %[req.len]", "counts what was read"),
        ("http-request deny if { req.payload(0,3) -m found }", "never true"),
    ] {
        let warnings = compile(&config(), Outside::NOTHING, &[lines(rule), Vec::new()], &[]).warnings;
        assert!(warnings.len() == 1 && warnings[0].1.contains(want), "{rule}: {warnings:?}");
    }
}

#[test]
fn the_tables_are_sorted_and_documented() {
    for table in ACTIONS {
        assert!(table.windows(2).all(|w| w[0].name < w[1].name));
        assert!(table.iter().all(|a| !a.doc.is_empty() && a.families != 0));
    }
    assert!(DIRECTIVES.windows(2).all(|w| w[0].name < w[1].name));
}
