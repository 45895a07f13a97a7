"""Rules: what they change in messages, what they answer, what they remember and what of it is logged."""
import itertools
import random

from cases_http import OK, ask, request
from run import Case

FINE = [("loop", [OK])]
RICH = (b"HTTP/1.1 200 OK\r\nServer: x/1.0\r\nX-A: one\r\nx-a: two, three\r\nSet-Cookie: sid=abc; path=/\r\nSet-Cookie: lang=en\r\nX-Empty:\r\nX-List: a, b,c ,a\r\n"
        b"Location: http://in.example/x?y\r\nContent-Length: 5\r\n\r\nhello")
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nX-A: gone\r\nContent-Length: 2\r\n\r\nno"
EMPTY = b"HTTP/1.1 204 No Content\r\nX-List: z\r\n\r\n"
RESPONSES = {"rich": RICH, "404": NOT_FOUND, "204": EMPTY}
FIELDS = "X-A: one\r\nx-a: two, three\r\nCookie: sid=abc; lang=en\r\nX-Empty:\r\nX-List: a, b,c ,a\r\nUser-Agent: curl/7.0 (x; y)\r\nX-Quoted: \"a, b\", c\r\nReferer: http://r.example/?a=b\r\n"
REQUESTS = {
    "rich": dict(target="/a/b.png?x=1&y=2", more=FIELDS),
    "bare": dict(),
    "absolute": dict(target="http://www.example.com/a?b", more=FIELDS, host="www.example.com"),
    "star": dict(method="OPTIONS", target="*", more="X-A: 1\r\n"),
    "head": dict(method="HEAD", target="/h?", more="X-A: 1\r\nX-List: a\r\n"),
    "post": dict(method="POST", target="/a/", more="X-List: a,a,a\r\nContent-Length: 3\r\n", body=b"a=1"),
    "1.0": dict(version="1.0", target="//x//", more="X-A:\r\nX-A: z\r\n"),
    "ka": dict(version="1.0", target="/%41%20?%3f", more="Connection: keep-alive\r\nX-A: one\r\n", host=None),
}
# Values of fields.
TEXTS = ("v", "%[path]", "%[src]", "%[req.hdr(x-a)]", "%[req.fhdr(x-a)]", "%[req.hdr(x-none)]", '"a b  c"', '"%[path] and %[query]"', "100%%", "%ci", "%HM", "%[method]%[req.ver]",
         "%[hdr(host),lower,upper]", "%[url_param(x)]", "%[cook(sid)]", "%[req.hdr(x-list,2)]", "%[req.hdr(x-list,-1)]", "a\\,b", '"say \\"x\\""', "'single %[path]'", "%[str(a),concat(b,,c)]",
         "%[req.hdr_cnt(x-a)]", "%[int(5),add(3)]", "%[always_true]", "%{+X}[int(255)]", "%[base]", "%[url]", "%[pathq]", "%[dst]", "%f", "%[var(txn.none)]", "%[req.hdr(user-agent),word(1,/)]",
         "%[req.hdr(x-quoted)]", "%[path,regsub(a,A,g)]", "%[path,field(2,/)]", "%[query,length]")
REQUEST_ONLY = ("%[path]", '"%[path] and %[query]"', "%[method]%[req.ver]", "'single %[path]'", "%[base]", "%[url]", "%[pathq]", "%[path,regsub(a,A,g)]", "%[path,field(2,/)]", "%[query,length]",
                "%[url_param(x)]", "%[cook(sid)]")


# What of a field or of a member becomes what.
WHOLE = [f"{a} {b}" for a in ("(.*)\\ (.*)", "^one$", "a", "(a)(,|;)?", "^$", ".*", "[^a-z]") for b in ("z", "x-\\1", "\\2=\\1", "%[src]-\\0", "[\\1]")]
MEMBER = [f"{a} {b}" for a in ("^a$", "(.)", "b|c", "^(.*)$", "^$", "\\ ") for b in ("z", "<\\1>", "\\0\\0", "%[src]")]


def field_action(rnd, response):
    """A random change of a field."""
    texts = [t for t in TEXTS if not response or t not in REQUEST_ONLY and "req.hdr" not in t and "hdr(host)" not in t and "req.fhdr" not in t]
    name = rnd.choice(("X-A", "x-list", "X-New", "X-Empty", "Set-Cookie" if response else "Cookie", "Server" if response else "User-Agent"))
    text = rnd.choice(texts)
    names = rnd.choice(("x- -m beg", "a -m end", "x-a -m str", "st -m sub", "^x-[al] -m reg"))
    return rnd.choice((
        f"set-header {name} {text}", f"set-header {name} {text}", f"add-header {name} {text}", f"add-header {name} {text}", f"del-header {name}", f"del-header {names}",
        f"replace-header {name} {rnd.choice(WHOLE)}", f"replace-value {name} {rnd.choice(MEMBER)}",
    ))


TARGETS = (
    "set-path /new", "set-path %[path,upper]", "set-path /pre%[path]", "set-path new", "set-path '/a?b'", "set-path /%[req.hdr(x-a)]", "set-pathq /q?r=1", "set-pathq /only", "set-pathq ?only", "set-pathq /p%[path]?%[query]",
    "set-query z=1", "set-query %[query]&more", "set-query ?x", "set-uri /uri", "set-uri /uri?q", "set-uri http://other.example/u", "set-uri *", "set-uri %[path]",
    "replace-path /a(.*) /z\\1", "replace-path (.*) /p\\1", "replace-path ^/$ /index", "replace-path b /", "replace-path \\? x", "replace-pathq (.*)\\?(.*) \\1?n&\\2", "replace-pathq x=1 x=2", "replace-pathq ^/ /api/",
    "replace-uri ^http://([^/]*)/(.*) https://\\1:8080/\\2", "replace-uri ^/ /u/", "replace-uri (.*) /all", "replace-uri ^([^?]*).* \\1", "set-method PUT", "set-method %[method,lower]", "set-method PURGE",
)


# Those that make a valid target of a valid one.
SOUND = [t for t in TARGETS if t not in ("set-uri *", "set-path new", "set-pathq ?only", "replace-path b /", "replace-path \\? x")]


def edits(rnd):
    """Sequences of changes to requests and responses, in the frontend and then in the backend."""
    for n in range(70):
        fe, be = [], []
        for _ in range(rnd.randrange(2, 7)):
            rnd.choice((fe, be)).append("http-request " + (field_action(rnd, False) if rnd.random() < 0.7 else rnd.choice(SOUND)))
        for _ in range(rnd.randrange(0, 5)):
            rnd.choice((fe, be)).append("http-response " + field_action(rnd, True))
        for r in rnd.sample(sorted(set(REQUESTS) - {"star"}), 5):
            response = rnd.choice(sorted(RESPONSES))
            yield Case(f"rule/edit/{n}/{r}/{response}", [ask(**REQUESTS[r]) + ask(**REQUESTS["bare"])], [[[("loop", [RESPONSES[response]])]]], fe, be, shape=rnd.choice(("custom", "http")))


def targets(rnd):
    """Each change of the first line alone."""
    for (n, action), r in itertools.product(enumerate(TARGETS), sorted(REQUESTS)):
        if rnd.random() < 0.75:
            yield Case(f"rule/target/{n}/{r}", [ask(**REQUESTS[r]) + ask(**REQUESTS["bare"])], [[FINE]], ["http-request add-header x-was %[url]", f"http-request {action}", "http-request add-header x-is %[url]|%[path]|%[query]"],
                       shape=rnd.choice(("custom", "http", "clf")))


# Samples that are gone when the line is written: haproxy does not take them in formats of logs.
ONLY_BEFORE = ("path", "query", "url", "base", "req.", "hdr", "cook", "method")


def values(rnd):
    """Each text of a format, as a value of a field and in the log."""
    for (n, text), r in itertools.product(enumerate(TEXTS), ("rich", "bare", "absolute", "head", "1.0", "ka")):
        if rnd.random() < 0.6:
            inner = text.strip("'\"")
            log = "f=%f@@v=" + (inner if not any(w in inner for w in ("'", '"', "\\", *ONLY_BEFORE)) else "%[var(txn.v)]")
            yield Case(f"rule/value/{n}/{r}", [ask(**REQUESTS[r])], [[FINE]], [f"http-request set-header x-v {text}", f"http-request set-var-fmt(txn.v) {text}", f"log-format '{log}@@s=%ST'"], shape="own")


STATUSES = (200, 201, 204, 301, 304, 404, 500, 599)


def statuses(rnd):
    for status, reason, (r, response) in itertools.product(STATUSES, ("", ' reason "All Mine"'), RESPONSES.items()):
        if rnd.random() < 0.6:
            yield Case(f"rule/status/{status}/{bool(reason)}/{r}", [ask() + ask()], [[[("loop", [response])]]], ["http-response add-header x-saw %[status]"] if rnd.random() < 0.5 else [],
                       [f"http-response set-status {status}{reason}" + rnd.choice(("", " if { status 200 }", " unless { status 404 }"))])


TO = ("location /x", "location http://o.example/y?z", "location '/at%[path]'", "location '/q?%[query]'", "location %[req.hdr(x-to)]", "prefix /pre", "prefix /", "prefix http://o.example", "prefix https://%[hdr(host)]",
      "prefix http://o.example/", "scheme https", "scheme http%[req.hdr(x-s)]", "prefix %[req.hdr(x-to)]")
OPTIONS = ("", "drop-query", "append-slash", "drop-query append-slash", "set-cookie SEEN=1", "set-cookie A", "clear-cookie USERID=", "clear-cookie B", "ignore-empty", "drop-query set-cookie X=y;z")
GONE = {
    "get": dict(target="/p?x=1"), "slash": dict(target="/dir/"), "dir": dict(target="/dir"), "root": dict(target="/"), "absolute": dict(target="http://h.example/a?b", host="h.example"), "head": dict(method="HEAD", target="/p?x"),
    "post": dict(method="POST", target="/p", more="Content-Length: 3\r\n", body=b"a=1"), "1.0": dict(version="1.0", target="/p?"), "ka": dict(version="1.0", more="Connection: keep-alive\r\n"), "nohost": dict(version="1.0", host=None),
    "close": dict(more="Connection: close\r\n"), "to": dict(more="X-To: /there?q\r\nX-S: s\r\n"), "odd": dict(target="/a%20b/%c3%a9?q=%00&\"'"), "star": dict(method="OPTIONS", target="*"),
}


def redirects(rnd):
    for (t, to), code, (o, option) in itertools.product(enumerate(TO), ("", " code 301", " code 302", " code 303", " code 307", " code 308"), enumerate(OPTIONS)):
        if rnd.random() < 0.5:
            continue
        directive = rnd.choice(("redirect", "http-request redirect", "http-request redirect"))
        line = f"{directive} {to}{code} {option} if !{{ path /after }}"
        side = rnd.choice(("fe", "be"))
        r = rnd.choice(sorted(GONE))
        yield Case(f"rule/redirect/{t}/{code[6:] or '-'}/{o}/{r}", [ask(**GONE[r]) + ask(target="/after")], [[FINE]], [line] if side == "fe" else [], [line] if side == "be" else [], shape=rnd.choice(("custom", "http")))
    for (t, to), (r, response) in itertools.product(enumerate(("location /x", "location http://o.example/%[status] code 303", "location %[res.hdr(location)] code 301 if { status 200 }",
                                                               "location %[res.hdr(x-none)] ignore-empty")), RESPONSES.items()):
        yield Case(f"rule/redirect-response/{t}/{r}", [ask() + ask()], [[[("loop", [response])]]], [], [f"http-response redirect {to}"])


ANSWERS = ["deny", *(f"deny deny_status {s}" for s in (200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 425, 429, 500, 501, 502, 503, 504)), "deny status 404 content-type text/plain string 'not here'", "deny status 429 hdr retry-after 5",
           "deny deny_status 403 content-type text/html lf-string '<%[path]>' hdr x-a %[src] hdr x-b 'c d'", "tarpit", "tarpit deny_status 429", "return status 200 content-type text/plain string pong", "return status 204", "return",
           "return status 302 hdr location /there hdr x-y %[method]", "return status 200 content-type text/plain lf-string '%[path] %[req.hdr(x-a)]'", "return status 503 content-type application/json string '{}' hdr x-a b",
           "return status 200 errorfile {dir}/503.http", "return status 200 content-type text/plain file {dir}/answer.txt", "return status 200 content-type text/plain lf-file {dir}/answer.lf", "return status 404 default-errorfiles", "reject",
           "auth", "auth realm 'My Place'", "auth realm x%y"]
ANSWER_FILES = {"answer.txt": b"line one\nline %[path] two\n", "answer.lf": b"you asked for %[path]\nfrom %[src]\n"}


def answers(rnd):
    for (n, answer), r, side in itertools.product(enumerate(ANSWERS), sorted(GONE), ("fe", "be")):
        if rnd.random() < 0.75:
            continue
        lines = [f"http-request {answer} if !{{ path /after }}"]
        more = ["timeout tarpit 80ms"] if answer.startswith("tarpit") else []
        yield Case(f"rule/answer/{n}/{r}/{side}", [ask(**GONE[r]) + ask(target="/after")], [[FINE]], more + (lines if side == "fe" else []), lines if side == "be" else [], files=ANSWER_FILES, shape=rnd.choice(("custom", "http")))
    denied = ["deny", "deny deny_status 404", "deny status 500 content-type text/plain string oops hdr x-a %[status]", "return status 200 content-type text/plain lf-string 'was %[status]'", "return status 404 hdr x-b c"]
    for (n, answer), (r, response), side in itertools.product(enumerate(denied), RESPONSES.items(), ("fe", "be")):
        line = [f"http-response {answer} if {rnd.choice(('TRUE', '{ status 200 }', '{ res.hdr(x-a) -m found }', '!{ status 404 }'))}"]
        yield Case(f"rule/answer-response/{n}/{r}/{side}", [ask() + ask()], [[[("loop", [response])]]], line if side == "fe" else [], line if side == "be" else [])


def variables(rnd):
    """Variables of all scopes, over two requests of a connection."""
    names = ("sess.a", "txn.a", "req.a", "res.a", "txn.b", "sess.n")
    shown = " ".join(f"%[var({n})]" for n in names)
    for n in range(60):
        fe, be = [], []
        for _ in range(rnd.randrange(3, 9)):
            name = rnd.choice(names)
            side = rnd.choice((fe, be))
            when = rnd.choice(("", "", " if { path /p }", " if { hdr(x-a) -m found }", " unless { var(sess.a) -m found }", " if { var(txn.b) -m str x }"))
            request_side = not name.startswith("res.") and rnd.random() < 0.7
            if request_side and rnd.random() < 0.12:
                fe.append(f"tcp-request {rnd.choice(('connection', 'session', 'content'))} set-var(sess.{rnd.choice('an')}) {rnd.choice(('src', 'int(7)', 'str(t)'))}")
                continue
            what = rnd.choice(("req.hdr(x-a)", "path", "str(x)", "int(4)", "src", "var(txn.a)", "var(sess.n),add(1)", "always_true", "req.hdr(x-none)", "method")) if request_side else rnd.choice(
                ("status", "str(y)", "res.hdr(x-a)", "var(req.a)", "var(txn.a)", "var(sess.n),add(2)", "res.hdr(x-none)"))
            family = "http-request" if request_side else "http-response"
            if not request_side:
                when = rnd.choice(("", "", " if { status 200 }", " if { var(txn.a) -m found }"))
            action = rnd.choice((f"set-var({name}) {what}",) * 4 + (f"unset-var({name})", f"set-var-fmt({name}) '<%[{what}]>'"))
            side.append(f"{family} {action}{when}")
        for side, tag in ((fe, "f"), (be, "b")):
            side += [f"http-request add-header x-{tag} '{shown}'", f"http-response add-header x-{tag} '{shown}'"]
        log = "f=%f@@" + "@@".join(f"{v}=%[var({v})]" for v in names)
        for i, script in enumerate((ask() + ask(target="/q", more="X-A: 1\r\n"), ask(more="X-A: zz, y\r\n") + ask() + ask(target="/q"), ask(method="POST", target="/q", more="Content-Length: 1\r\n", body=b"x") + ask(method="HEAD"))):
            yield Case(f"rule/var/{n}/{i}", [script], [[[("loop", [RICH, NOT_FOUND, RICH])]]], fe + ["log-format '%s'" % log], be, shape="own")


DECLARED = "declare capture response len 12"
CAPTURES = ("capture request header Host len 15", "capture request header X-A len 8", "capture request header X-None len 8", "capture request header User-Agent len 200", "capture request header X-List len 3",
            "capture response header Server len 20", "capture response header Location len 10", "capture response header X-A len 5", "capture response header X-None len 5", "capture response header Set-Cookie len 40",
            "http-request capture path len 20", "http-request capture req.hdr(x-a) len 4", "http-request capture src len 20", "http-request capture int(5) len 8", "http-request capture req.hdr(x-none) len 8",
            "tcp-request content capture src len 10", "declare capture request len 12", DECLARED, "http-request capture method len 3 if { path /p }")


def captures(rnd):
    """Captures of headers, samples and cookies, in httplog and in formats."""
    formats = ("f=%f@@hr=%hr@@hs=%hs@@CC=%CC@@CS=%CS", "f=%f@@hr=%{+Q}hr@@hs=%{+Q}hs", "f=%f@@hrl=%hrl@@hsl=%hsl", "f=%f@@hrl=%{+Q}hrl@@hsl=%{+Q}hsl", 
               "f=%f@@e=%{+E}hr@@es=%{+E}hs@@x=%{+X}hr")
    odd = "X-A: a\"b\\c|d{e}f]g\r\nUser-Agent: \xe9\t#x%41\r\nCookie: sid=q\"r|s; SIDX=2\r\nX-List: {}|\r\n"
    for n in range(60):
        lines = rnd.sample(CAPTURES, rnd.randrange(1, 6))
        places = [l for l in lines if "capture response" in l]
        if DECLARED in places and rnd.random() < 0.8:
            lines.append(f"http-response capture res.hdr(x-a) id {places.index(DECLARED)}")
        shape = rnd.choice(("http", "http", "custom", "quoted", "escaped", "own", "own", "own"))
        if shape == "own":
            lines.append("log-format '%s'" % rnd.choice(formats))
        for r, kw in (("rich", REQUESTS["rich"]), ("odd", dict(more=odd)), ("bare", {}), ("two", dict(more="X-A: 1\r\nX-A: 2\r\nUser-Agent:\r\nCookie: a=b\r\nCookie: sid=z\r\n"))):
            yield Case(f"rule/capture/{n}/{r}", [ask(**kw) + ask()], [[[("loop", [rnd.choice((RICH, NOT_FOUND)), EMPTY])]]], lines, shape=shape)


SAMPLES = ("int(255)", "int(-1)", "src", "str(a b)", "var(txn.b)", "var(txn.path)", "var(txn.n)", "var(txn.none)", "var(txn.s),length", "always_true", "dst", "var(txn.b),hex", "var(txn.b),lower", "status")
FLAGS = ("", "{+Q}", "{+X}", "{+E}", "{+Q,+E}", "{+Q,+X}", "{-Q}", "{+X,+E}")


def formats(rnd):
    """Flags of log-format over samples and variables, with bytes that would break a line."""
    texts = ('plain', 'a"b', "a\\b", "a]b[c", "a{b|c}d", "\xe9\xff", "tab\there", "#sharp%41", "", "'", "a,b")
    for n in range(40):
        chosen = rnd.sample(SAMPLES, 6)
        base = rnd.choice(("", "", "%{+Q}o ", "%{+E}o ", "%{+X}o "))
        log = base + "f=%f@@" + "@@".join(f"{i}=%{rnd.choice(FLAGS)}[{s}]" for i, s in enumerate(chosen)) + "@@" + "@@".join(f"{v}=%{rnd.choice(FLAGS)}{v}" for v in rnd.sample(("HM", "HP", "HQ", "HU", "HV", "ST", "r", "s", "tsc", "hr", "hs", "b"), 5))
        for i in rnd.sample(range(len(texts)), 5):
            t = texts[i]
            target = "/" + "".join(c for c in t if c.isalnum() and ord(c) < 128 or c in "\"\\[]{}|'#%,") + "?q=" + ("%22" if i % 2 else "x\"|")
            yield Case(f"rule/format/{n}/{i}", [ask(target=target.replace("#", ""), more=f"X-A: {t}\r\nUser-Agent: u{t}v\r\nCookie: sid={t}\r\n")], [[[("loop", [RICH])]]],
                       ["capture request header X-A len 20", "capture response header Location len 30", "http-request set-var(txn.b) req.hdr(x-a),upper", "http-request set-var(txn.path) path", "http-request set-var(txn.n) req.hdr_cnt(x-a)",
                        "http-request set-var(txn.s) src", "log-format '%s'" % log.replace("'", "")], shape="own")


PROCESS = """
    set-var proc.s str(primary)
    set-var proc.n int(100)
    set-var proc.t int(200),sub(proc.n)
    set-var-fmt proc.f "a %[var(proc.n)] <%[var(proc.s),upper]>"
    set-var proc.b bool(true)
    set-var proc.i ipv4(192.0.2.7)
    set-var proc.x bin(00ff)
"""


def of_process(rnd):
    """Variables of the process: read wherever samples are, and set by rules."""
    shown = "%[var(proc.s)]|%[var(proc.n)]|%[var(proc.t)]|%[var(proc.f)]|%[var(proc.b)]|%[var(proc.i)]|%[var(proc.x),hex]|%[int(7),add(proc.n)]|%[str(a),concat(<,proc.s,>)]"
    for n, condition in enumerate(("", " if { var(proc.n) -m int 100 }", " if { var(proc.s) -m beg prim }", " if { var(proc.i) -m ip 192.0.2.0/24 }", " if { var(proc.b) -m bool }", " if { var(proc.x) -m found }", " if { var(proc.n) -m int 1 }")):
        yield Case(f"rule/process/read/{n}", [ask() + ask()], [[FINE]], [f"http-request add-header x-all '{shown}'{condition}", "log-format 'f=%f@@s=%[var(proc.s)]@@n=%[var(proc.n)]'"], ["http-response set-header x-all '%[var(proc.f)]'"], shape="own", globals=PROCESS.strip())
    # Names of their own: cases of a batch share a process.
    for n, way in enumerate(("set-var(proc.v{i}) path", "set-var(proc.v{i}) var(proc.v{i}),add(1)", "set-var-fmt(proc.v{i}) '%[path] %[var(proc.v{i})]'", "unset-var(proc.v{i})", "add-header x-way %[path,set-var(proc.v{i})]", "set-var(txn.c) int(5),set-var(proc.v{i},ifexists)", "set-var(txn.c) int(6),set-var(proc.v{i},ifnotset)")):
        for start in ("int(1)", "str(old)"):
            line = way.replace("{i}", f"{n}{start[0]}")
            yield Case(f"rule/process/set/{n}/{start[0]}", [ask(target="/a") + ask(target="/b") + ask(target="/c")], [[FINE]], [f"http-request {line}", f"http-request add-header x-v '%[var(proc.v{n}{start[0]})]'"],
                       globals=PROCESS.strip() + "".join(f"\n    set-var proc.v{i}{s[0]} {s}" for i in range(7) for s in ("int(1)", "str(old)")))


CONDITIONS = ("ifexists", "ifnotexists", "ifempty", "ifnotempty", "ifset", "ifnotset", "ifgt", "iflt")


def remembering(rnd):
    """Converters that set variables and captures on the way."""
    names = ("sess.a", "txn.a", "req.a", "txn.n", "sess.n")
    shown = " ".join(f"%[var({n})]" for n in names)
    for n in range(70):
        lines = ["declare capture request len 8", "declare capture response len 4"]
        for i in range(rnd.randrange(2, 7)):
            name = rnd.choice(names)
            what = rnd.choice(("int(5)", "req.hdr_cnt(x-a)", "int(-3)") if name.endswith("n") else ("req.hdr(x-a)", "path", "src", "str()", "req.hdr(x-none)", "str(abcdefghijkl)"))
            conditions = "".join("," + c for c in rnd.sample(CONDITIONS, rnd.choice((0, 0, 1, 1, 2))))
            way = rnd.choice((f"{what},set-var({name}{conditions})",) * 4 + (f"{what},unset-var({name})", f"{what},capture-req(0)", f"{what},set-var({name}),length,set-var(txn.n)", f"str(x),set-var(txn.a),concat(<,txn.a,>)"))
            lines.append(rnd.choice((f"http-request add-header x-{i} '<%[{way}]>'", f"http-request set-var(txn.x) {way}", f"http-request add-header x-{i} yes if {{ {way} -m found }}", f"http-request deny if {{ {way} -m str /no }}")))
        lines.append(f"http-request add-header x-all '{shown}'")
        lines.append("http-response set-header x-res '<%[res.hdr(x-a),capture-res(0),set-var(txn.a)]>'")
        lines.append("log-format 'f=%f@@hr=%hr@@hs=%hs@@a=%[var(txn.a)]@@n=%[var(sess.n)]'")
        for i, kw in enumerate((dict(more="X-A: one\r\n"), dict(target="/q", more="X-A: 3\r\nX-A: 4\r\n"))):
            yield Case(f"rule/way/{n}/{i}", [ask(**kw) + ask()], [[[("loop", [RICH])]]], lines, shape="own")


NORMALIZERS = ("fragment-encode", "fragment-strip", "path-merge-slashes", "path-strip-dot", "path-strip-dotdot", "path-strip-dotdot full", "percent-decode-unreserved", "percent-decode-unreserved strict", "percent-to-uppercase",
               "percent-to-uppercase strict", "query-sort-by-name")
SPELLINGS = ("/", "/a/b", "//a///b//", "/./a/./b/.", "/.", "/..", "/../", "/a/..", "/a/../../b", "/a/b/../../../c/..", "/a//../b", "/.../..a/a../.b", "/%61%7E%2f%2e%2E/%3F?%61=%41%26", "/%%36%36", "/%zz?x", "/%6f%c3%A9", "/a%", "/a%4", "/a?x=//../.&y=%2f",
             "/?c=3&a=1&b=2", "/?aaa=3&a=1&aa=2", "/?b&a&&c=&=d&a=0", "/?a=2&A=1&a=1", "/p?", "/p?&", "http://h.example//a/../b?z&y", "http://h.example", "*", "/..?b&a", "/a/.?%7e", "/a/..;x/../b")


def normalizing(rnd):
    """Each normalizer on other spellings of targets, and some in a row."""
    for (n, how), (t, target) in itertools.product(enumerate(NORMALIZERS), enumerate(SPELLINGS)):
        more = [f"http-request normalize-uri {rnd.choice(NORMALIZERS)}" for _ in range(rnd.choice((0, 0, 0, 1, 2)))]
        host = "h.example" if "://" in target else "a.example"
        yield Case(f"rule/normalize/{n}/{t}", [ask(method="OPTIONS" if target == "*" else "GET", target=target, host=host) + ask()], [[FINE]], [f"http-request normalize-uri {how}", *more, "http-request add-header x-is %[url]|%[path]|%[query]"],
                   shape=rnd.choice(("custom", "http")), globals="expose-experimental-directives")


def all_cases(seed):
    rnd = random.Random(seed + 4)
    for family in (edits, targets, values, statuses, redirects, answers, variables, captures, formats, normalizing, remembering, of_process):
        yield from family(rnd)
