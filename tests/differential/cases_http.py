"""Cases in which nothing fails: connections, methods, bodies, headers, addresses, log shapes."""
import itertools
import random

from run import Case

CLOSE_MODES = {
    "ka": [],
    "sc": ["option http-server-close"],
    "close": ["option httpclose"],
    "sc-pretend": ["option http-server-close", "option http-pretend-keepalive"],
    "close-pretend": ["option httpclose", "option http-pretend-keepalive"],
}
# What a client says about its connection.
CLIENTS = {
    "11": ("1.1", ""),
    "11close": ("1.1", "Connection: close\r\n"),
    "11CLOSE": ("1.1", "CONNECTION: CLOSE\r\n"),
    "11ka": ("1.1", "Connection: keep-alive\r\n"),
    "11ka-params": ("1.1", "Connection: Keep-Alive\r\nKeep-Alive: timeout=5, max=100\r\n"),
    "11named": ("1.1", "Connection: close, X-Foo\r\nX-Foo: 1\r\n"),
    "11foo": ("1.1", "Connection: X-Foo\r\nX-Foo: 1\r\n"),
    "11two": ("1.1", "Connection: keep-alive\r\nX-A: 1\r\nConnection: close\r\n"),
    "11both": ("1.1", "Connection: keep-alive, close\r\n"),
    "11te": ("1.1", "Connection: TE\r\nTE: trailers\r\n"),
    "11proxy": ("1.1", "Proxy-Connection: keep-alive\r\n"),
    "11proxyclose": ("1.1", "Proxy-Connection: close\r\n"),
    "10": ("1.0", ""),
    "10ka": ("1.0", "Connection: keep-alive\r\n"),
    "10close": ("1.0", "Connection: close\r\n"),
    "10proxyka": ("1.0", "Proxy-Connection: keep-alive\r\n"),
}
# What a server answers.
RESPONSES = {
    "len": b"HTTP/1.1 200 OK\r\nX-S: 1\r\nContent-Length: 5\r\n\r\nhello",
    "len0": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-S: 1\r\n\r\n",
    "lenclose": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\nX-S: 1\r\n\r\nhello",
    "lenka": b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=9\r\nContent-Length: 5\r\n\r\nhello",
    "lenfoo": b"HTTP/1.1 200 OK\r\nConnection: X-Foo\r\nX-Foo: 2\r\nContent-Length: 5\r\n\r\nhello",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-S: 1\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
    "chunkedclose": b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "trailer": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n5;x=y\r\nhello\r\n0\r\nX-T: 7\r\n\r\n",
    "close": b"HTTP/1.1 200 OK\r\nX-S: 1\r\n\r\nhello",
    "closeclose": b"HTTP/1.1 200 OK\r\nX-S: 1\r\nConnection: close\r\n\r\nhello",
    "10len": b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nX-S: 1\r\n\r\nhello",
    "10lenka": b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello",
    "10close": b"HTTP/1.0 200 OK\r\nX-S: 1\r\n\r\nhello",
    "204": b"HTTP/1.1 204 No Content\r\nX-S: 1\r\n\r\n",
    "304": b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n",
    "304len": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\nETag: \"a\"\r\n\r\n",
    "404": b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\nX-S: 1\r\n\r\nno!",
    "503": b"HTTP/1.1 503 Busy\r\nContent-Length: 3\r\nX-S: 1\r\n\r\nno!",
}
OK = RESPONSES["len"]


def request(method="GET", target="/p", version="1.1", more="", body=b"", host="a.example"):
    head = f"{method} {target} HTTP/{version}\r\n" + (f"Host: {host}\r\n" if host is not None else "") + more + "\r\n"
    return head.encode("latin1") + body


def ask(method="GET", *args, **kw):
    return [("send", request(method, *args, **kw)), ("resp", method)]


def place(rnd, lines):
    """Options that are valid on both sides, put on one of them or on both."""
    where = rnd.choice(("fe", "be", "both"))
    # This one exists in backends only.
    pretend = [l for l in lines if "pretend" in l]
    lines = [l for l in lines if "pretend" not in l]
    return (lines if where != "be" else [], (lines if where != "fe" else []) + pretend)


def connections(rnd):
    """Client's words, server's words, and the mode: two requests on one connection where it stays."""
    modes = list(CLOSE_MODES.items())
    for i, ((c, (version, more)), (s, response)) in enumerate(itertools.product(CLIENTS.items(), RESPONSES.items())):
        for m, lines in (modes[0], modes[1 + i % 4]):
            fe, be = place(rnd, lines)
            script = ask(version=version, more=more) + ask(version=version, more=more, target="/second?x=1")
            shape = rnd.choice(("custom", "custom", "http", "clf"))
            yield Case(f"conn/{m}/{c}/{s}", [script], [[[("loop", [response])]]], fe, be, shape=shape)


def methods(rnd):
    names = "GET HEAD POST PUT DELETE OPTIONS TRACE PATCH PROPFIND get M-SEARCH QUERY".split()
    for method, (s, response), version in itertools.product(names, RESPONSES.items(), ("1.1", "1.0")):
        if s in ("lenka", "lenfoo", "404", "trailer", "10lenka") or version == "1.0" and rnd.random() < 0.6:
            continue
        _, lines = rnd.choice(list(CLOSE_MODES.items()))
        fe, be = place(rnd, lines)
        more, body = ("Content-Length: 4\r\n", b"body") if method in ("POST", "PUT", "PATCH") else ("", b"")
        script = ask(method, version=version, more=more, body=body) + ask(method, version=version, more=more, body=body)
        yield Case(f"method/{method}/{version}/{s}", [script], [[[("loop", [response])]]], fe, be)


def bodies(rnd):
    big = bytes(rnd.randrange(256) for _ in range(1000)) * 150
    cut = [big[i:i + 7000] for i in range(0, len(big), 7000)]
    forms = {
        "len": ("Content-Length: 10\r\n", b"0123456789"),
        "len0": ("Content-Length: 0\r\n", b""),
        "lenplus": ("Content-Length: 0005\r\n", b"12345"),
        "len2": ("Content-Length: 5\r\nX-A: 1\r\nContent-Length: 5\r\n", b"12345"),
        "lenlist": ("Content-Length: 5, 5\r\n", b"12345"),
        "big": (f"Content-Length: {len(big)}\r\n", big),
        "chunked": ("Transfer-Encoding: chunked\r\n", b"5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n"),
        "chunkedCASE": ("transfer-encoding: CHUNKED\r\n", b"A\r\n0123456789\r\n00\r\n\r\n"),
        "chunkedext": ("Transfer-Encoding: chunked\r\n", b"5;a=b;c\r\n01234\r\n0;last\r\n\r\n"),
        "trailers": ("Transfer-Encoding: chunked\r\nTrailer: X-T\r\n", b"5\r\n01234\r\n0\r\nX-T: v\r\nX-U:  w \r\n\r\n"),
        "bigchunks": ("Transfer-Encoding: chunked\r\n", b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in cut) + b"0\r\n\r\n"),
        "tinychunks": ("Transfer-Encoding: chunked\r\n", b"".join(b"1\r\n%c\r\n" % c for c in b"hello world") + b"0\r\n\r\n"),
    }
    for (f, (more, body)), method, (m, lines) in itertools.product(forms.items(), ("POST", "GET", "PUT"), CLOSE_MODES.items()):
        if method != "POST" and m not in ("ka", "close"):
            continue
        fe, be = place(rnd, lines)
        full = request(method, more=more, body=body)
        response = RESPONSES[rnd.choice(("len", "chunked", "close", "204"))]
        for pieces in ("whole", "split", "piped"):
            if pieces == "whole":
                send = [("send", full)]
            elif pieces == "split":
                head = full.index(b"\r\n\r\n") + 4
                send = [("send", full[:head - 9]), ("sleep", 0.015), ("send", full[head - 9:head + 3]), ("sleep", 0.015), ("send", full[head + 3:])]
            else:
                send = [("send", full + request(target="/next"))]
            script = send + [("resp", method)] + ([("resp", "GET")] if pieces == "piped" else ask(target="/next"))
            yield Case(f"body/{f}/{method}/{m}/{pieces}", [script], [[[("loop", [response])]]], fe, be)
    sizes = {"resp100k": b"HTTP/1.1 200 OK\r\nContent-Length: 150000\r\n\r\n" + big,
             "resp-chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + forms["bigchunks"][1],
             "resp-close": b"HTTP/1.1 200 OK\r\n\r\n" + big}
    for (s, response), (c, (version, more)), (m, lines) in itertools.product(sizes.items(), CLIENTS.items(), CLOSE_MODES.items()):
        if c in ("11", "11close", "10", "10ka") and "pretend" not in m:
            fe, be = place(rnd, lines)
            yield Case(f"body/{s}/{c}/{m}", [ask(version=version, more=more) * 2], [[[("loop", [response])]]], fe, be)


def interim(rnd):
    """1xx, Expect, 101, CONNECT."""
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    cont = b"HTTP/1.1 100 Continue\r\n\r\n"
    firsts = {"103": hints, "102": b"HTTP/1.1 102 Processing\r\n\r\n", "100": cont, "103x3": hints * 3, "100+103": cont + hints,
              "199": b"HTTP/1.1 199 Own\r\nX-I: 1\r\n\r\n"}
    for (f, first), (c, (version, more)), s in itertools.product(firsts.items(), CLIENTS.items(), ("len", "chunked", "204", "close")):
        if c in ("11", "11close", "10", "10ka"):
            for apart in ("at-once", "apart"):
                steps = [("write", first + RESPONSES[s])] if apart == "at-once" else [("write", first), ("sleep", 0.015), ("write", RESPONSES[s])]
                yield Case(f"interim/{f}/{c}/{s}/{apart}", [ask(version=version, more=more)], [[[("req",), *steps, ("hold",)]]], *place(rnd, []))
    expect = "Expect: 100-continue\r\nContent-Length: 4\r\n"
    for version, ways in itertools.product(("1.1", "1.0"), ("waits", "at-once", "refused", "unanswered", "chunked")):
        head, body, response = request("POST", version=version, more=expect), b"body", OK
        serve = [("head",), ("sleep", 0.015), ("write", cont), ("read", 99), ("write", response)]
        if ways == "chunked":
            head, body = request("POST", version="1.1", more="Expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n"), b"4\r\nbody\r\n0\r\n\r\n"
        serve = [("head",), ("sleep", 0.015), ("write", cont), ("req",), ("write", response)]
        script = [("send", head), ("read", len(cont)), ("send", body), ("resp", "POST")] if version == "1.1" else [("send", head), ("sleep", 0.1), ("send", body), ("resp", "POST")]
        if ways == "at-once":
            script = [("send", head + body), ("resp", "POST")]
        elif ways == "refused":
            serve = [("head",), ("write", b"HTTP/1.1 417 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"), ("close",)]
            script = [("send", head), ("resp", "POST")]
        elif ways == "unanswered":
            serve = [("req",), ("write", response)]
            script = [("send", head), ("sleep", 0.08), ("send", body), ("resp", "POST")]
        yield Case(f"interim/expect/{version}/{ways}", [script], [[serve]])
    switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n"
    wants = "Connection: Upgrade\r\nUpgrade: chat\r\n"
    talk = [("send", b"ping"), ("read", 4), ("half",), ("eof",)]
    serve = [("req",), ("write", switch), ("read", 4), ("write", b"pong"), ("hold",)]
    for m, lines in CLOSE_MODES.items():
        fe, be = place(rnd, lines)
        yield Case(f"interim/101/{m}", [[("send", request(more=wants)), ("resp", "GET"), *talk]], [[serve]], fe, be)
        yield Case(f"interim/101-refused/{m}", [ask(more=wants) * 2], [[[("loop", [OK])]]], fe, be)
        yield Case(f"interim/connect/{m}", [[("send", request("CONNECT", "a.example:80", host="a.example:80")), ("resp", "CONNECT"), *talk]],
                   [[[("head",), ("write", b"HTTP/1.1 200 Fine\r\n\r\n"), ("sleep", 0.1), ("write", b"pong"), ("hold",)]]], fe, be)
        yield Case(f"interim/connect-refused/{m}", [ask("CONNECT", "a.example:80", host="a.example:80") * 2],
                   [[[("loop", [RESPONSES["404"]])]]], fe, be)
    yield Case("interim/101-close-by-server", [[("send", request(more=wants)), ("resp", "GET"), ("eof",)]],
               [[[("req",), ("write", switch + b"early"), ("close",)]]])
    yield Case("interim/101-keepalive-upgrade", [[("send", request(more="Connection: keep-alive, Upgrade\r\nUpgrade: chat\r\n")), ("resp", "GET"), *talk]], [[serve]])
    yield Case("interim/101-10", [[("send", request(version="1.0", more=wants)), ("resp", "GET")]], [[serve]])
    yield Case("interim/101-unasked", [ask()], [[serve]])


def addresses(rnd):
    """forwardfor and originalto."""
    options = ["", "header X-Client", "except 127.0.0.0/8", "except 127.0.0.1", "except 10.0.0.0/8", "if-none", "if-none header X-Client",
               "except 192.0.2.0/24 if-none"]
    headers = {"none": "", "one": "X-Forwarded-For: 1.2.3.4\r\n", "two": "X-Forwarded-For: 1.2.3.4, 5.6.7.8\r\nx-forwarded-for: 9.9.9.9\r\n",
               "client": "X-Client: 7.7.7.7\r\n", "orig": "X-Original-To: 7.7.7.7\r\n"}
    for name, option, (h, more), where in itertools.product(("forwardfor", "originalto"), options, headers.items(), ("fe", "be")):
        if name == "originalto" and "if-none" in option:
            continue
        lines = [f"option {name} {option}".strip()]
        yield Case(f"fwd/{name}/{option or '-'}/{h}/{where}", [ask(more=more) * 2], [[[("loop", [OK])]]],
                   lines if where == "fe" else [], lines if where == "be" else [])
    for a, b in (("", "header X-B"), ("if-none", ""), ("", "if-none"), ("except 127.0.0.1", ""), ("", "except 127.0.0.1"), ("header X-A if-none", "header X-B")):
        for more in ("", "X-Forwarded-For: 1.2.3.4\r\n", "X-A: 1\r\n"):
            yield Case(f"fwd/two/{a or '-'}/{b or '-'}/{more.strip() or '-'}", [ask(more=more)], [[[("loop", [OK])]]],
                       [f"option forwardfor {a}".strip(), "option originalto"], [f"option forwardfor {b}".strip()])


def targets(rnd):
    """Targets and header fields that are unusual, and well-formed."""
    for i, t in enumerate(["/", "/a?b=c&d", "//x//y", "/%41%2f%zz", "/a;b=c", "/~!$&'()*+,;=:@", "/?", "/a?b?c#".rstrip("#"), "/" + "a" * 3000,
                           "/[x]", "/a|b", "/a\"b", "/a{b}", "/a\\b", "/a^b`", "/<x>", "http://a.example/x", "http://a.example", "HTTP://a.example/X?y",
                           "http://a.example?q", "http://a.example:80/", "https://a.example/s", "ftp://a.example/f", "/..%2f../x", "/a/../b"]):
        yield Case(f"target/{i}/{t[:24]}", [ask(target=t)], [[[("loop", [OK])]]], shape=("custom", "http", "clf", "quoted")[i % 4])
    for i, t in enumerate(["/a?b", "/a", "http://a.example/x?y", "*"]):
        for shape in ("custom", "quoted", "hex", "escaped", "spaced", "http", "clf"):
            yield Case(f"target/options/{i}/{shape}", [ask("OPTIONS", target=t)], [[[("loop", [OK])]]], shape=shape)
    for i, h in enumerate(["a.example", "a.example:80", "A.Example", "127.0.0.1", "[::1]:80", "a_b", "a.example.", "xn--a"]):
        yield Case(f"host/{i}", [ask(host=h)], [[[("loop", [OK])]]])
        yield Case(f"host/10/{i}", [ask(host=h, version="1.0")], [[[("loop", [OK])]]])
    yield Case("host/10/none", [ask(host=None, version="1.0")], [[[("loop", [OK])]]])
    fields = ["X-Empty:\r\n", "X-Tab:\tv\t\r\n", "X-Spaces:    v   \r\n", "X-Colon: a:b:c\r\n", "X-Nospace:v\r\n", "X-Utf8: \xc3\xa9\r\n", "X-High: \xff\xfe\r\n",
              "X-A: 1\r\nX-B: 2\r\nX-A: 3\r\n", "x-lower: 1\r\nX-UPPER: 2\r\n", "X-Quote: \"a\\\"b\"\r\n", "X!#$%&'*+-.^_`|~: v\r\n", "X-In: a b\tc\r\n",
              "Cookie: a=b; c=d\r\nCookie: e=f\r\n", "Accept: */*\r\nUser-Agent: m/1\r\n", "X-Long: " + "v" * 5000 + "\r\n", "Authorization: Basic YTpi\r\n",
              "Date: x\r\nVia: 1.1 y\r\nMax-Forwards: 0\r\n", "TE: trailers, gzip\r\n", "Upgrade: chat\r\n", "Trailer: X-T\r\n", "Range: bytes=0-1\r\n",
              "Expect: something\r\n", "Connection:\r\n", "Keep-Alive: 5\r\n", "".join(f"X-{i}: {i}\r\n" for i in range(90))]
    for i, f in enumerate(fields):
        yield Case(f"field/request/{i}", [ask(more=f)], [[[("loop", [OK])]]])
        response = f"HTTP/1.1 200 OK\r\n{f}Content-Length: 2\r\n\r\nok".encode("latin1")
        yield Case(f"field/response/{i}", [ask() * 2], [[[("loop", [response])]]])
    for i, line in enumerate(["200 OK", "200 ", "200", "200 a b  c", "200 \xe9", "299 Own", "226 IM", "500 Oops", "599 x", "404 " + "long" * 200, "200 \t", "401 Auth", "407 Auth", "302 Found"]):
        response = f"HTTP/1.1 {line}\r\nContent-Length: 2\r\n\r\nok".encode("latin1")
        yield Case(f"status/{i}", [ask() * 2], [[[("loop", [response])]]], shape=("custom", "http", "clf")[i % 3])


def reuse(rnd):
    for mode, (m, lines), s in itertools.product(("never", "safe", "aggressive", "always"), CLOSE_MODES.items(), ("len", "chunked", "lenclose", "close", "10lenka")):
        script = ask() + ask(target="/2") + [("sleep", 0.12)]
        later = [("sleep", 0.35)] + ask(target="/3") + ask(target="/4")
        fe, be = place(rnd, lines)
        yield Case(f"reuse/{mode}/{m}/{s}", [script, later], [[[("loop", [RESPONSES[s]])]]], fe, be + [f"http-reuse {mode}"])
    for option in ("pool-max-conn 0", "max-reuse 1", "max-reuse 0", "pool-purge-delay 0", "maxconn 1", "minconn 1 maxconn 3", "weight 0", "pool-low-conn 5"):
        yield Case(f"reuse/server/{option}", [ask() + ask() + ask()], [[[("loop", [OK])]]], options=[option])


def shapes(rnd):
    """Every log shape over some traffic."""
    for shape, m, v in itertools.product(("custom", "quoted", "hex", "escaped", "spaced", "http", "clf", "connect", "tcp"), ("GET", "HEAD", "POST"), ("1.1", "1.0")):
        more, body = ("Content-Length: 4\r\n", b"body") if m == "POST" else ("", b"")
        yield Case(f"shape/{shape}/{m}/{v}", [ask(m, target='/x?y={"z"|}~\'', version=v, more=more, body=body)], [[[("loop", [OK])]]], shape=shape)
        options = rnd.choice((["option logasap"], ["option dontlog-normal"], ["option log-separate-errors"], ["option dontlognull", "option logasap"]))
        yield Case(f"shape/{shape}/{m}/{v}/{options[0][7:]}", [ask(m, version=v, more=more, body=body) * 2], [[[("loop", [OK, RESPONSES["503"]])]]],
                   options, shape=shape)


def all_cases(seed):
    rnd = random.Random(seed)
    for family in (connections, methods, bodies, interim, addresses, targets, reuse, shapes):
        yield from family(rnd)
