"""Answers of the proxy itself, and what becomes of the client's connection after them: no byte of a request may be read as another one.

Every request names `/smuggled` only where a body is, so a server that sees it as a request is a defect, whatever haproxy does.
"""
import itertools
import random

from cases_http import OK, ask, request
from run import Case

INNER = b"GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n"
AFTER = ask(target="/after")
# Who answers: lines of the frontend, lines of the backend, servers. All of them answer `/p`.
MUTE, HOLD = [("head",), ("sleep", 0.03), ("drop",)], [("head",), ("hold",)]
JUNK, LATE_JUNK = [("head",), ("write", b"junk\r\n\r\n"), ("hold",)], [("head",), ("sleep", 0.06), ("write", b"junk\r\n\r\n"), ("hold",)]
FINE = [("loop", [OK])]
SOURCES = {
    "503-none": ([], [], []),
    "503-refused": ([], ["retries 0"], ["refused"]),
    "503-hole": ([], ["timeout connect 60ms", "retries 0"], ["hole"]),
    "502-mute": ([], [], [[MUTE]]),
    "502-junk": ([], [], [[JUNK]]),
    "502-late": ([], [], [[LATE_JUNK]]),
    "504": ([], ["timeout server 150ms"], [[HOLD]]),
    "200-monitor": (["monitor-uri /p"], [], [[FINE]]),
    "200-stats": ([], ["stats enable", "stats uri /p", "stats scope ."], [[FINE]]),
    "401-stats": ([], ["stats enable", "stats uri /p", "stats scope .", "stats auth a:b"], [[FINE]]),
}
# Rules that answer.
RULES = {
    "403": (["http-request deny if { path /p }"], [], [[FINE]]),
    "413": ([], ["http-request deny deny_status 413 if { path /p }"], [[FINE]]),
    "500-tarpit": (["timeout tarpit 60ms", "http-request tarpit if { path /p }"], [], [[FINE]]),
    "401-auth": (["http-request auth realm here if { path /p }"], [], [[FINE]]),
    "302": (["http-request redirect location /x if { path /p }"], [], [[FINE]]),
    "302-prefix": (["redirect prefix http://x.example code 303 if { path /p }"], [], [[FINE]]),
    "502-deny": ([], ["http-response deny if { status 200 }"], [[FINE]]),
}
SOURCES.update(RULES)
MODES = {"ka": [], "sc": ["option http-server-close"], "close": ["option httpclose"]}
VERSIONS = {"11": ("1.1", ""), "11close": ("1.1", "Connection: close\r\n"), "10": ("1.0", ""), "10ka": ("1.0", "Connection: keep-alive\r\n")}


def scripts(method, version, more):
    """What the client does: a body that comes with the head, after it, after the answer, in part, or never."""
    length = f"Content-Length: {len(INNER)}\r\n" + more
    head = request(method, version=version, more=length)
    pause, answer = [("sleep", 0.02)], [("resp", method)]
    yield "no-body", [("send", request(method, version=version, more=more)), *answer, *AFTER]
    yield "piped", [("send", request(method, version=version, more=more) + request(target="/after")), *answer, ("resp", "GET")]
    yield "with", [("send", head + INNER), *answer, *AFTER]
    yield "with-piped", [("send", head + INNER + request(target="/after")), *answer, ("resp", "GET")]
    yield "after-head", [("send", head), *pause, ("send", INNER), *answer, *AFTER]
    yield "in-pieces", [("send", head + INNER[:9]), *pause, ("send", INNER[9:]), *answer, *AFTER]
    yield "after-answer", [("send", head), *answer, ("send", INNER), *AFTER]
    yield "rest-after-answer", [("send", head + INNER[:9]), *answer, ("send", INNER[9:] + request(target="/after")), ("resp", "GET")]
    yield "part", [("send", head + INNER[:9]), *answer, ("eof",)]
    yield "short", [("send", request(method, version=version, more="Content-Length: 3\r\n" + more) + b"xyz" + request(target="/after")), *answer, ("resp", "GET")]
    if version == "1.0":
        return
    chunked = request(method, more="Transfer-Encoding: chunked\r\n" + more)
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(INNER), INNER)
    yield "chunked", [("send", chunked + body), *answer, *AFTER]
    yield "chunked-piped", [("send", chunked + body + request(target="/after")), *answer, ("resp", "GET")]
    yield "chunked-after-answer", [("send", chunked), *answer, ("send", body), *AFTER]
    yield "chunked-in-pieces", [("send", chunked + body[:20]), *answer, ("send", body[20:]), *AFTER]
    # The last line end of a body is the place where a wrong count shows.
    yield "chunked-open-end", [("send", chunked + body[:-2]), *answer, ("send", b"\r\n" + request(target="/after")), ("resp", "GET")]
    yield "expect", [("send", request(method, more="Expect: 100-continue\r\n" + length)), *answer, ("send", INNER), *AFTER]
    yield "upgrade", [("send", request(method, more="Connection: upgrade\r\nUpgrade: chat\r\n") + INNER.replace(b"smuggled", b"after")), *answer, ("resp", "GET")]


def answers(rnd):
    for (source, (fe, be, servers)), (v, (version, more)), method in itertools.product(SOURCES.items(), VERSIONS.items(), ("POST", "GET", "HEAD")):
        for i, (name, script) in enumerate(scripts(method, version, more)):
            # POST with each way of sending the body; the other methods and the closing modes with some.
            if method != "POST" and rnd.random() < 0.7:
                continue
            m, lines = rnd.choice((("ka", MODES["ka"]), rnd.choice(list(MODES.items()))))
            where = rnd.choice(("fe", "be"))
            yield Case(f"own/{source}/{method}/{v}/{name}/{m}-{where}", [script], servers, fe + (lines if where == "fe" else []), be + (lines if where == "be" else []),
                       shape=rnd.choice(("custom", "custom", "http")))


def refusals(rnd):
    """Requests that are refused or given up while a body, or what looks like the next request, comes along or later."""
    bad = {
        "no-colon": "Junk\r\n", "cl-cl": "Content-Length: 5\r\nContent-Length: 6\r\n", "cl-junk": "Content-Length: 5x\r\n", "te-cl": "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "te-junk": "Transfer-Encoding: xchunked\r\n", "huge": "X: " + "v" * 17000 + "\r\n", "space-colon": f"Content-Length : {len(INNER)}\r\n",
    }
    for (name, field), (v, (version, more)) in itertools.product(bad.items(), VERSIONS.items()):
        head = request("POST", version=version, more=more + field)
        yield Case(f"own/400/{name}/{v}/with", [[("send", head + INNER), ("resp", "POST"), *AFTER]], [[FINE]])
        yield Case(f"own/400/{name}/{v}/later", [[("send", head), ("resp", "POST"), ("send", INNER), *AFTER]], [[FINE]])
    chunked = request("POST", more="Transfer-Encoding: chunked\r\n")
    for name, body in {"bad-size": b"zz\r\n" + INNER, "bad-end": b"1\r\nxx\r\n" + INNER, "bad-trailer": b"0\r\nX Y: 1\r\n\r\n" + INNER}.items():
        for server in (HOLD, FINE):
            which = "hold" if server is HOLD else "fine"
            yield Case(f"own/400/chunk-{name}/{which}/with", [[("send", chunked + body), ("resp", "POST"), *AFTER]], [[server]], [], ["timeout server 300ms"])
            yield Case(f"own/400/chunk-{name}/{which}/later", [[("send", chunked), ("sleep", 0.02), ("send", body), ("resp", "POST"), *AFTER]], [[server]], [], ["timeout server 300ms"])
    post = request("POST", more=f"Content-Length: {len(INNER)}\r\n")
    for (name, sent), (v, (version, more)) in itertools.product({"head": b"", "part": INNER[:9]}.items(), VERSIONS.items()):
        slow = request("POST", version=version, more=more + f"Content-Length: {len(INNER)}\r\n") + sent
        yield Case(f"own/408/body-{name}/{v}", [[("send", slow), ("resp", "POST"), ("send", INNER), *AFTER]], [[HOLD]], ["timeout client 150ms"], ["timeout server 400ms"])
        yield Case(f"own/408/head-{name}/{v}", [[("send", b"POST /p HTTP/1.1\r\nHost: a\r\n"), ("resp", "POST"), ("send", b"\r\n" + INNER), *AFTER]], [[FINE]],
                   ["timeout http-request 150ms"] + MODES[("ka", "sc", "close")[len(v) % 3]])
    # The response is complete before the request: what follows is its body.
    early = {"early": [("head",), ("write", OK), ("hold",)], "early-503": [("head",), ("write", b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"), ("hold",)]}
    for (name, server), (m, lines) in itertools.product(early.items(), MODES.items()):
        yield Case(f"own/{name}/body-later/{m}", [[("send", post), ("resp", "POST"), ("send", INNER), *AFTER]], [[server, FINE]], lines, ["timeout server 300ms"])
        yield Case(f"own/{name}/part/{m}", [[("send", post + INNER[:9]), ("resp", "POST"), ("send", INNER[9:] + request(target="/after")), ("resp", "GET")]], [[server, FINE]],
                   lines, ["timeout server 300ms"])


def odd_payloads(rnd):
    """Bodies in HTTP/1.0 with methods that have none by custom: a server that does not read one takes it for the next request."""
    for method, (v, (version, more)), (b, length) in itertools.product(("GET", "HEAD", "DELETE", "OPTIONS", "PUT", "TRACE", "get"), VERSIONS.items(),
                                                                      {"0": b"", "1": b"x", "request": INNER}.items()):
        for globals in ("", "    h1-accept-payload-with-any-method"):
            if globals and (not length or v in ("11", "11close")):
                continue
            head = request(method, version=version, more=f"Content-Length: {len(length)}\r\n" + more)
            yield Case(f"own/payload/{method}/{v}/{b}/{'accepted' if globals else '-'}", [[("send", head + length), ("resp", method), *AFTER]], [[FINE]], globals=globals)


def tarpits(rnd):
    """Clients that do not wait for the end of it."""
    fe = ["timeout tarpit 400ms", "http-request tarpit if { path /p }"]
    for how, steps in {"half": [("half",), ("eof",)], "reset": [("reset",)], "stay": [("eof",)], "next": [("send", request(target="/after")), ("eof",)]}.items():
        for shape in ("custom", "http"):
            yield Case(f"own/tarpit/{how}/{shape}", [[("send", request()), ("sleep", 0.1), *steps]], [[FINE]], fe, shape=shape, linger=0.6 if how == "reset" else 0)


def all_cases(seed):
    rnd = random.Random(seed + 2)
    for family in (answers, refusals, odd_payloads, tarpits):
        yield from family(rnd)
