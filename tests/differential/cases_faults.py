"""Cases in which something fails: servers, clients, messages; and TCP, PROXY headers, queues."""
import itertools
import random

from cases_http import CLOSE_MODES, OK, RESPONSES, ask, place, request
from run import Case

OWN_PAGES = {
    "file": ["errorfile 502 {dir}/502.http", "errorfile 503 {dir}/503.http"],
    "loc": ["errorloc 502 http://x.example/a?b", "errorloc 503 http://x.example/a?b"],
    "loc302": ["errorloc302 502 /sorry", "errorloc302 503 /sorry"],
    "loc303": ["errorloc303 502 /sorry", "errorloc303 503 /sorry"],
}


def bad_responses(rnd):
    """What a server may do wrong, with each of three clients."""
    h = b"HTTP/1.1 200 OK\r\nX-S: 1\r\n"
    scripts = {
        "mute-close": [("req",), ("close",)],
        "mute-reset": [("req",), ("reset",)],
        "mute-hold": [("req",), ("hold",)],
        "close-at-once": [("drop",)],
        "half-head-close": [("req",), ("write", h), ("close",)],
        "half-head-reset": [("req",), ("write", h), ("sleep", 0.02), ("reset",)],
        "half-head-hold": [("req",), ("write", h), ("hold",)],
        "half-line-close": [("req",), ("write", b"HTTP/1."), ("close",)],
        "garbage": [("req",), ("write", b"garbage\r\n\r\n"), ("hold",)],
        "garbage-close": [("req",), ("write", b"\x00\x01\x02"), ("close",)],
        "ssh": [("write", b"SSH-2.0-x\r\n"), ("hold",)],
        "body-close": [("req",), ("write", h + b"Content-Length: 100\r\n\r\npart"), ("close",)],
        "body-reset": [("req",), ("write", h + b"Content-Length: 100\r\n\r\npart"), ("sleep", 0.02), ("reset",)],
        "body-hold": [("req",), ("write", h + b"Content-Length: 100\r\n\r\npart"), ("hold",)],
        "body-none": [("req",), ("write", h + b"Content-Length: 100\r\n\r\n"), ("close",)],
        "chunk-close": [("req",), ("write", h + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), ("close",)],
        "chunk-hold": [("req",), ("write", h + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), ("hold",)],
        "chunk-bad-later": [("req",), ("write", h + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), ("sleep", 0.02), ("write", b"zz\r\n"), ("hold",)],
        "chunk-bad-now": [("req",), ("write", h + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n"), ("hold",)],
        "excess": [("req",), ("write", OK + b"excess"), ("hold",)],
        "two-responses": [("req",), ("write", OK + OK), ("hold",)],
        "early": [("write", OK), ("sleep", 0.02), ("req",), ("hold",)],
        "until-close-reset": [("req",), ("write", h + b"\r\nsome"), ("sleep", 0.02), ("reset",)],
        "slow-head": [("req",), ("write", h[:9]), ("sleep", 0.1), ("write", h[9:] + b"Content-Length: 2\r\n\r\nok"), ("hold",)],
        "slow-body": [("req",), ("write", h + b"Content-Length: 4\r\n\r\nok"), ("sleep", 0.12), ("write", b"ok"), ("hold",)],
        "slow-answer": [("req",), ("sleep", 0.15), ("write", OK), ("hold",)],
        "close-after": [("req",), ("write", OK), ("close",)],
        "reset-after": [("req",), ("write", OK), ("sleep", 0.02), ("reset",)],
        "100-only": [("req",), ("write", b"HTTP/1.1 100 Continue\r\n\r\n"), ("hold",)],
        "100-close": [("req",), ("write", b"HTTP/1.1 100 Continue\r\n\r\n"), ("close",)],
    }
    for (name, script), (client, sends) in itertools.product(scripts.items(), {
            "get": ask(), "post": ask("POST", more="Content-Length: 4\r\n", body=b"body"), "head": ask("HEAD"),
            "10": ask(version="1.0"), "close": ask(more="Connection: close\r\n")}.items()):
        shape = rnd.choice(("custom", "custom", "http"))
        yield Case(f"server/{name}/{client}", [sends + ask(target="/again")], [[script]], [], ["timeout server 300ms"], shape=shape)
    for name, (option, lines) in itertools.product(("mute-close", "mute-hold", "garbage", "body-close", "half-head-close"), {
            "logasap": ["option logasap"], "dontlog-normal": ["option dontlog-normal"], "separate": ["option log-separate-errors"],
            "httpclose": ["option httpclose"], **OWN_PAGES}.items()):
        yield Case(f"server/{name}/with-{option}", [ask() + ask(target="/again")], [[scripts[name]]], lines, ["timeout server 300ms"])
    for name, retry in itertools.product(("mute-close", "mute-hold", "garbage", "half-head-close", "mute-reset"), (
            "all-retryable-errors", "empty-response", "junk-response", "response-timeout", "conn-failure", "none")):
        for method in ("GET", "POST"):
            more, body = ("Content-Length: 4\r\n", b"body") if method == "POST" else ("", b"")
            yield Case(f"retry/{retry}/{name}/{method}", [ask(method, more=more, body=body)], [[scripts[name], [("loop", [OK])]]],
                       [], ["timeout server 300ms", f"retry-on {retry}"])
    for status, method in itertools.product((503, 404, 500, 504), ("GET", "POST")):
        more, body = ("Content-Length: 4\r\n", b"body") if method == "POST" else ("", b"")
        response = f"HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nno".encode()
        yield Case(f"retry/{status}/{method}", [ask(method, more=more, body=body)], [[[("req",), ("write", response), ("close",)], [("loop", [OK])]]], [],
                   [f"retry-on {status}"])


def bad_heads(rnd):
    """Responses that are not what they should be."""
    heads = {
        "two-lengths": "Content-Length: 5\r\nContent-Length: 5\r\n", "other-lengths": "Content-Length: 5\r\nContent-Length: 6\r\n",
        "length-list": "Content-Length: 5, 5\r\n", "length-neg": "Content-Length: -1\r\n", "length-junk": "Content-Length: 5x\r\n",
        "length-empty": "Content-Length:\r\n", "te-cl": "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "te-junk": "Transfer-Encoding: gzip\r\n", "te-two": "Transfer-Encoding: gzip, chunked\r\n", "no-colon": "Junk\r\nContent-Length: 5\r\n",
        "space-name": "X Y: 1\r\nContent-Length: 5\r\n", "space-colon": "X-Y : 1\r\nContent-Length: 5\r\n", "fold": "X-Y: 1\r\n two\r\nContent-Length: 5\r\n",
        "nul": "X-Y: a\0b\r\nContent-Length: 5\r\n", "ctl": "X-Y: a\x01b\r\nContent-Length: 5\r\n", "cr": "X-Y: a\rb\r\nContent-Length: 5\r\n",
        "empty-name": ": x\r\nContent-Length: 5\r\n", "huge": "X-Y: " + "v" * 17000 + "\r\nContent-Length: 5\r\n",
        "large": "X-Y: " + "v" * 14000 + "\r\nContent-Length: 5\r\n",
        "many": "".join(f"X-{i}: 1\r\n" for i in range(120)) + "Content-Length: 5\r\n",
        "101": "".join(f"X-{i}: 1\r\n" for i in range(100)) + "Content-Length: 5\r\n",
        "100": "".join(f"X-{i}: 1\r\n" for i in range(98)) + "Content-Length: 5\r\n",
    }
    for name, fields in heads.items():
        response = b"HTTP/1.1 200 OK\r\n" + fields.encode("latin1") + b"\r\nhello"
        yield Case(f"badhead/{name}", [ask() + ask()], [[[("req",), ("write", response), ("sleep", 0.1), ("close",)]]], [], ["timeout server 300ms"])
    coded = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    for version in ("1.1", "1.0"):
        yield Case(f"badhead/coded/{version}", [ask(version=version)], [[[("req",), ("write", coded), ("sleep", 0.1), ("close",)]]])
    for i, line in enumerate(["HTTP/1.1 99 Low", "HTTP/1.1 600 High", "HTTP/1.1 2000 Long", "HTTP/1.1 abc X", "HTTP/1.1", "HTTP/2.0 200 OK", "HTTP/1.2 200 OK",
                              "http/1.1 200 OK", "HTTP/1.1  200 OK", "HTTP/0.9 200 OK", "ICY 200 OK", "HTTP/1.1 200 a\x01b", "\r\nHTTP/1.1 200 OK", "HTTP/1.10 200 OK"]):
        response = line.encode() + b"\r\nContent-Length: 5\r\n\r\nhello"
        yield Case(f"badline/{i}", [ask() + ask()], [[[("req",), ("write", response), ("sleep", 0.1), ("close",)]]], [], ["timeout server 300ms"])
    for i, response in enumerate([b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", b"HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\nhello", b"\n", b"HTTP/1.1 200 OK\r\r\n\r\n"]):
        yield Case(f"badeol/{i}", [ask() + ask()], [[[("req",), ("write", response), ("sleep", 0.1), ("close",)]]], [], ["timeout server 300ms"])


def bad_requests(rnd):
    """Requests that are not what they should be; a subset of tests/corpus, with what it means for logs and connections."""
    good = "Host: a.example\r\n"
    lines = {
        "garbage": b"garbage\r\n\r\n", "empty-lines": b"\r\n\r\n\r\n" + request(), "one-lf": b"\n" + request(), "09": b"GET /\r\n\r\n", "09-long": b"GET /x y\r\n\r\n",
        "binary": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 40, "version-2": b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "version-x": b"GET / HTTX/1.1\r\nHost: a\r\n\r\n",
        "version-12": b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", "preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "spaces": b"GET  /  HTTP/1.1\r\nHost: a\r\n\r\n",
        "lead-space": b" GET / HTTP/1.1\r\nHost: a\r\n\r\n", "bad-method": b"G@T / HTTP/1.1\r\nHost: a\r\n\r\n", "no-method": b"/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "rel-target": b"GET x HTTP/1.1\r\nHost: a\r\n\r\n", "hash": b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", "utf8": b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",
        "ctl": b"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", "nul": b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", "star": b"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
        "no-host": b"GET / HTTP/1.1\r\n\r\n", "two-hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "same-hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "empty-host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n", "bad-host": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "other-host": b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "bare-lf": b"GET / HTTP/1.1\nHost: a\n\n", "cr-only": b"GET / HTTP/1.1\rHost: a\r\r", "lf-in-head": b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
        "connect-path": b"CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", "connect-noport": b"CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n",
    }
    fields = {
        "no-colon": "Junk\r\n", "space-name": "X Y: 1\r\n", "space-colon": "X-Y : 1\r\n", "fold": "X-Y: 1\r\n two\r\n", "nul": "X: a\0b\r\n", "ctl": "X: a\x01b\r\n",
        "del": "X: a\x7fb\r\n", "cr": "X: a\rb\r\n", "empty-name": ": x\r\n", "te-cl": "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "cl-cl": "Content-Length: 5\r\nContent-Length: 6\r\n", "cl-neg": "Content-Length: -1\r\n", "cl-plus": "Content-Length: +5\r\n", "cl-hex": "Content-Length: 0x5\r\n",
        "cl-empty": "Content-Length:\r\n", "cl-huge": "Content-Length: 99999999999999999999\r\n", "te-gzip": "Transfer-Encoding: gzip\r\n", "te-identity": "Transfer-Encoding: identity\r\n",
        "te-gzip-chunked": "Transfer-Encoding: gzip, chunked\r\n", "te-chunked-gzip": "Transfer-Encoding: chunked, gzip\r\n", "te-twice": "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "h2c": "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        "huge": "X: " + "v" * 17000 + "\r\n", "large": "X: " + "v" * 14000 + "\r\n", "many": "".join(f"X-{i}: 1\r\n" for i in range(120)),
        "101": "".join(f"X-{i}: 1\r\n" for i in range(100)), "99": "".join(f"X-{i}: 1\r\n" for i in range(98)), "upgrade-te": "Transfer-Encoding: chunked\r\nConnection: Upgrade\r\nUpgrade: chat\r\n",
    }
    more = {n: (b"POST / HTTP/1.1\r\n" + good.encode() + f.encode("latin1") + b"\r\n5\r\nhello\r\n0\r\n\r\n") for n, f in fields.items()}
    bodies = {"chunk-hex": b"g\r\nhello\r\n", "chunk-space": b"5 \r\nhello\r\n0\r\n\r\n", "chunk-lf": b"5\nhello\r\n0\r\n\r\n", "chunk-neg": b"-5\r\nhello\r\n", "chunk-huge": b"fffffffffffffffff\r\nhello",
              "chunk-long": b"5\r\nhelloworld\r\n0\r\n\r\n", "chunk-nocrlf": b"5\r\nhello5\r\n", "trailer-bad": b"5\r\nhello\r\n0\r\nX Y: 1\r\n\r\n", "trailer-cl": b"5\r\nhello\r\n0\r\nContent-Length: 1\r\n\r\n"}
    late = {n: (b"POST / HTTP/1.1\r\n" + good.encode() + b"Transfer-Encoding: chunked\r\n\r\n", b) for n, b in bodies.items()}
    for name, raw in {**lines, **more}.items():
        for shape in ("custom", "http"):
            if shape == "http" and rnd.random() < 0.6:
                continue
            yield Case(f"bad/{name}/{shape}", [[("send", raw), ("resp", "GET"), *ask(target="/after")]], [[[("loop", [OK])]]],
                       ["timeout http-request 400ms"], ["timeout server 400ms"], shape=shape)
        if name in ("hash", "utf8", "ctl", "fold", "space-colon", "te-cl", "no-host", "nul", "bad-method", "lead-space"):
            yield Case(f"bad/{name}/lax", [[("send", raw), ("resp", "GET")]], [[[("loop", [OK])]]],
                       ["timeout http-request 400ms", "option accept-invalid-http-request"], ["timeout server 400ms"])
    for name, (head, body) in late.items():
        yield Case(f"bad/{name}/at-once", [[("send", head + body), ("resp", "POST")]], [[[("loop", [OK])]]], [], ["timeout server 400ms"])
        yield Case(f"bad/{name}/later", [[("send", head), ("sleep", 0.02), ("send", body), ("resp", "POST")]], [[[("loop", [OK])]]], [], ["timeout server 400ms"])
    for n in (15000, 16000, 17000, 40000):
        yield Case(f"bad/long-line/{n}", [[("send", request(target="/" + "a" * n)), ("resp", "GET")]], [[[("loop", [OK])]]], shape="http")


def unreachable(rnd):
    """Servers that refuse, do not answer, are disabled or backups; redispatch; queues."""
    modes = {"refused": (["refused"], []), "hole": (["hole"], []), "none": ([], []), "disabled": ([[[("loop", [OK])]]], ["disabled"]),
             "weight0": ([[[("loop", [OK])]]], ["weight 0"])}
    extras = {"plain": [], "retries0": ["retries 0"], "retries2": ["retries 2"], "redispatch": ["option redispatch"], "redispatch1": ["option redispatch 1", "retries 2"],
              **{f"page-{k}": v for k, v in OWN_PAGES.items()}}
    for (m, (servers, options)), (e, lines) in itertools.product(modes.items(), extras.items()):
        if m not in ("refused", "hole") and e.startswith("re"):
            continue
        for c, sends in {"get": ask() + ask(target="/again"), "close": ask(more="Connection: close\r\n"), "post": ask("POST", more="Content-Length: 4\r\n", body=b"body") + ask(),
                         "head": ask("HEAD"), "10": ask(version="1.0")}.items():
            if c != "get" and e not in ("plain", "page-file"):
                continue
            fe = [] if e.startswith("re") or rnd.random() < 0.5 else lines
            yield Case(f"dead/{m}/{e}/{c}", [sends], servers, fe, ["timeout connect 200ms"] + ([] if fe else lines), options, shape=rnd.choice(("custom", "http")))
        if e in ("plain", "redispatch", "redispatch1"):
            yield Case(f"dead/tcp/{m}/{e}", [[("eof",)]], servers, [], ["timeout connect 200ms"] + lines, options, mode="tcp", shape=rnd.choice(("customtcp", "tcp")))
            live = [[("loop", [OK])]]
            yield Case(f"dead/second/{m}/{e}", [ask()], servers + [live], [], ["timeout connect 200ms", "balance roundrobin"] + lines, options or [""])
            yield Case(f"dead/backup/{m}/{e}", [ask()], servers + [live, live], [], ["timeout connect 200ms"] + lines, (options or ([""] if servers else [])) + ["backup", "backup"])
    yield Case("dead/no-backend", [ask() + ask()], [], ["option httpclose"], ["option httpclose"])
    first, second = ask() + [("sleep", 0.1)], [("sleep", 0.12)] + ask(target="/queued") + ask(target="/later")
    slow = [("req",), ("sleep", 0.7), ("write", OK), ("hold",)]
    quick = [("req",), ("sleep", 0.3), ("write", OK), ("req",), ("write", OK), ("hold",)]
    for name, (server, options, lines) in {
            "timeout": (slow, "maxconn 1", ["timeout queue 200ms"]), "served": (quick, "maxconn 1", ["timeout queue 2s"]),
            "full": (slow, "maxconn 1 maxqueue 1", ["timeout queue 200ms"]), "connect-timeout": (slow, "maxconn 1", ["timeout queue 0", "timeout connect 250ms"])}.items():
        for shape in ("custom", "http"):
            yield Case(f"queue/{name}/{shape}", [first, second], [[server]], [], lines, [options], shape=shape)
        yield Case(f"queue/{name}/tcp", [[("send", b"x"), ("sleep", 0.9)], [("sleep", 0.12), ("send", b"y"), ("eof",)]],
                   [[[("read", 1), ("sleep", 0.5), ("write", b"z"), ("close",)]]], [], lines, [options], mode="tcp", shape="customtcp", linger=0.2)
    yield Case("queue/abort-half", [first, [("sleep", 0.12), ("send", request()), ("sleep", 0.1), ("half",), ("eof",)]], [[slow]], [], ["option abortonclose", "timeout queue 2s"],
               ["maxconn 1"], linger=0.4, listen=True)
    yield Case("queue/abort", [first, [("sleep", 0.12), ("send", request()), ("sleep", 0.1), ("reset",)]], [[slow]], [], ["option abortonclose", "timeout queue 2s"], ["maxconn 1"], linger=0.4, listen=True)
    third = [("sleep", 0.16)] + ask(target="/third")
    for name, lines in {"source": ["balance source"], "uri": ["balance uri"], "roundrobin": ["balance roundrobin"]}.items():
        yield Case(f"queue/two-servers/{name}", [first, [("sleep", 0.05), *ask()], second, third], [[quick], [quick]], [], ["timeout queue 2s", *lines], ["maxconn 1", "maxconn 1"])
    yield Case("queue/three", [first, second, third], [[quick]], [], ["timeout queue 2s"], ["maxconn 1 maxqueue 1"], shape="http")


def aborts(rnd):
    """Clients that leave, or do not go on."""
    hold, late = [("req",), ("hold",)], [("req",), ("sleep", 0.25), ("write", OK), ("hold",)]
    big = b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 9000000
    post = request("POST", more="Content-Length: 100\r\n", body=b"some")
    chunked = request("POST", more="Transfer-Encoding: chunked\r\n", body=b"4\r\nsome\r\n")
    points = {
        "nothing": [], "crlf": [("send", b"\r\n")], "one-byte": [("send", b"G")], "line": [("send", b"GET /x HTTP/1.1\r\n")], "head": [("send", request()[:-2])],
        "waiting": [("send", request())], "body": [("send", post)], "chunks": [("send", chunked)],
        "second-head": [*ask(), ("send", b"GET /y HTT")], "idle": [*ask()], "10": [("send", request(version="1.0"))],
    }
    for (p, steps), how, (o, lines) in itertools.product(points.items(), ("half", "reset", "stay"), {
            "plain": [], "dontlognull": ["option dontlognull"], "probes": ["option http-ignore-probes"], "abortonclose": ["option abortonclose"]}.items()):
        server = [("loop", [OK])] if p in ("second-head", "idle", "nothing", "crlf", "one-byte", "line", "head") else late
        if o != "plain" and p not in (("waiting", "body", "10") if o == "abortonclose" else ("nothing", "crlf", "one-byte", "line", "idle", "second-head")):
            continue
        fe, be = (lines, []) if o != "abortonclose" else ([], lines)
        end = [("eof",)] if how == "stay" else [("sleep", 0.02), (how,), ("sleep", 0.02)] + ([("eof",)] if how == "half" else [])
        yield Case(f"abort/{p}/{how}/{o}", [steps + end], [[server]], fe + ["timeout http-request 300ms", "timeout http-keep-alive 250ms", "timeout client 400ms"],
                   be + ["timeout server 700ms"], linger=0.35 if how == "reset" else 0.1, listen=o == "abortonclose")
    for how in ("reset", "half", "stay"):
        script = [("send", request()), ("read", 1000), ("sleep", 0.02), *([] if how == "stay" else [(how,)]), ("sleep", 0.7)]
        yield Case(f"abort/big/{how}", [script], [[[("req",), ("write", big), ("hold",)]]], ["timeout client 300ms"], ["timeout server 400ms"], linger=0.2)
    yield Case("abort/no-read-then-read", [[("send", request()), ("sleep", 0.15), ("resp", "GET")]], [[[("req",), ("write", big[:3000000 - 9000000]), ("close",)]]])
    early = [("head",), ("write", RESPONSES["404"]), ("hold",)]
    closing = [("head",), ("write", RESPONSES["lenclose"]), ("close",)]
    dropping = [("head",), ("write", RESPONSES["lenclose"]), ("drop",)]
    for name, server in {"early": early, "early-close": closing, "early-drop": dropping}.items():
        yield Case(f"upload/{name}", [[("send", post), ("resp", "POST"), ("send", b"y" * 96), *ask(target="/n")]], [[server]], ["timeout client 400ms"], ["timeout server 400ms"])
        yield Case(f"upload/{name}/unfinished", [[("send", post), ("resp", "POST"), ("eof",)]], [[server]], ["timeout client 400ms"], ["timeout server 400ms"])
    # A line end after a body, which old browsers send, is no beginning of a request.
    sloppy = request("POST", more="Content-Length: 4\r\n", body=b"body\r\n")
    for name, steps in {"half": [("half",), ("eof",)], "reset": [("sleep", 0.02), ("reset",)], "stay": [("eof",)], "next": ask(target="/next") + [("half",), ("eof",)]}.items():
        for lines in ([], ["option dontlognull"], ["option http-ignore-probes"]):
            yield Case(f"keepalive/line-after-body/{name}/{lines[0][7:] if lines else '-'}", [[("send", sloppy), ("resp", "POST"), *steps]], [[[("loop", [OK])]]],
                       lines + ["timeout http-keep-alive 200ms", "timeout http-request 300ms"], linger=0.1)
    yield Case("keepalive/timeout", [ask() + [("eof",)]], [[[("loop", [OK])]]], ["timeout http-keep-alive 150ms"])
    yield Case("keepalive/request-timeout", [ask() + [("eof",)]], [[[("loop", [OK])]]], ["timeout http-request 150ms"])
    yield Case("keepalive/client-timeout", [ask() + [("eof",)]], [[[("loop", [OK])]]], ["timeout client 150ms"])
    yield Case("keepalive/slow-second", [ask() + [("sleep", 0.12), ("send", b"GET /b HT"), ("sleep", 0.12), ("send", b"TP/1.1\r\nHost: a\r\n\r\n"), ("resp", "GET")]], [[[("loop", [OK])]]])


def tcp(rnd):
    """Mode tcp: who speaks, who closes, how; and the three log shapes."""
    echo = [("read", 4), ("write", b"pong"), ("hold",)]
    talks = {
        "client-first": ([("send", b"ping"), ("read", 4), ("half",), ("eof",)], echo),
        "server-first": ([("read", 5), ("send", b"bye"), ("half",), ("eof",)], [("write", b"hello"), ("hold",)]),
        "server-closes": ([("send", b"ping"), ("eof",)], [("read", 4), ("write", b"pong"), ("close",)]),
        "client-resets": ([("send", b"ping"), ("read", 4), ("sleep", 0.02), ("reset",)], echo),
        "server-resets": ([("send", b"ping"), ("eof",)], [("read", 4), ("write", b"pong"), ("sleep", 0.02), ("reset",)]),
        "half-then-answer": ([("send", b"ping"), ("half",), ("eof",)], [("hold",), ("write", b"late"), ("close",)]),
        "server-half": ([("read", 3), ("send", b"more"), ("sleep", 0.02), ("half",), ("eof",)], [("write", b"eof"), ("half",), ("hold",)]),
        "nothing": ([("half",), ("eof",)], [("hold",)]),
        "silent": ([("eof",)], [("hold",)]),
        "silent-after": ([("send", b"ping"), ("read", 4), ("eof",)], echo),
        "big-up": ([("send", b"u" * 600000), ("half",), ("eof",)], [("hold",), ("write", b"ok"), ("close",)]),
        "big-down": ([("send", b"ping"), ("eof",)], [("read", 4), ("write", b"d" * 600000), ("close",)]),
        "http": ([("send", request()), ("eof",)], [("head",), ("write", OK), ("close",)]),
    }
    for (name, (c, s)), shape, (o, lines) in itertools.product(talks.items(), ("customtcp", "tcp", "connect"), {
            "plain": [], "logasap": ["option logasap"], "dontlognull": ["option dontlognull"], "dontlog-normal": ["option dontlog-normal"]}.items()):
        if shape != "customtcp" and o in ("dontlognull", "dontlog-normal") and rnd.random() < 0.5:
            continue
        yield Case(f"tcp/{name}/{shape}/{o}", [c], [[s]], lines + ["timeout client 300ms"], ["timeout server 350ms"], mode="tcp", shape=shape, linger=0.05)
    for name in ("client-first", "half-then-answer", "silent-after"):
        for lines in (["timeout tunnel 200ms"], ["timeout server-fin 100ms"], ["option nolinger"], ["option independent-streams"]):
            yield Case(f"tcp/{name}/{lines[0]}", [talks[name][0]], [[talks[name][1]]], ["timeout client 300ms"], ["timeout server 350ms"] + lines, mode="tcp", shape="customtcp")


def proxy_protocol(rnd):
    v2 = b"\r\n\r\n\0\r\nQUIT\n"
    v4 = bytes([1, 2, 3, 4, 5, 6, 7, 8, 0x12, 0x34, 0, 80])
    heads = {
        "v1": b"PROXY TCP4 1.2.3.4 5.6.7.8 4660 80\r\n", "v1-6": b"PROXY TCP6 2001:db8::1 ::1 4660 80\r\n", "v1-unknown": b"PROXY UNKNOWN\r\n",
        "v1-unknown-long": b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", "v2": v2 + b"\x21\x11\0\x0c" + v4, "v2-local": v2 + b"\x20\0\0\0",
        "v2-unspec": v2 + b"\x21\0\0\0", "v2-tlv": v2 + b"\x21\x11\0\x13" + v4 + b"\x04\0\x04abcd",
        "v2-6": v2 + b"\x21\x21\0\x24" + bytes(range(32)) + b"\x12\x34\0\x50", "v2-local-addr": v2 + b"\x20\x11\0\x0c" + v4,
        "none": b"", "bad": b"PROXY TCP9 1 2\r\n", "bad-port": b"PROXY TCP4 1.2.3.4 5.6.7.8 99999 80\r\n", "bad-mixed": b"PROXY TCP4 1.2.3.4 ::1 1 2\r\n",
        "bad-v2": v2 + b"\x31\x11\0\0", "bad-v2-short": v2 + b"\x21\x11\0\4abcd", "long": b"PROXY " + b"x" * 200, "lf": b"PROXY UNKNOWN\n", "extra-space": b"PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
    }
    for (name, head), mode in itertools.product(heads.items(), ("http", "tcp")):
        for send in ("", "send-proxy", "send-proxy-v2"):
            if send and (name.startswith("bad") or name in ("none", "long", "lf")):
                continue
            body = request() if mode == "http" else b"ping"
            steps = [("send", head + body), ("resp", "GET")] if mode == "http" else [("send", head + body), ("read", 4), ("half",), ("eof",)]
            server = [("loop", [OK])] if mode == "http" else [("read", 4), ("write", b"pong"), ("hold",)]
            yield Case(f"proxy/{name}/{mode}/{send or '-'}", [steps], [[server]], ["option forwardfor", "option originalto"] if mode == "http" else [], [], [send], mode=mode,
                       shape="custom" if mode == "http" else "customtcp", bind="accept-proxy")
    for mode, send in itertools.product(("http", "tcp"), ("send-proxy", "send-proxy-v2")):
        steps = ask() + ask() if mode == "http" else [("send", b"ping"), ("read", 4), ("half",), ("eof",)]
        server = [("loop", [OK])] if mode == "http" else [("read", 4), ("write", b"pong"), ("hold",)]
        yield Case(f"proxy/plain/{mode}/{send}", [steps], [[server]], [], [], [send], mode=mode, shape="custom" if mode == "http" else "customtcp")
    for name, steps in {"split": [("send", heads["v1"][:9]), ("sleep", 0.02), ("send", heads["v1"][9:]), ("sleep", 0.02), *ask()],
                        "half": [("send", heads["v1"][:9]), ("half",), ("eof",)], "nothing": [("half",), ("eof",)], "silent": [("eof",)], "part-silent": [("send", heads["v1"][:9]), ("eof",)]}.items():
        for lines in ([], ["option dontlognull"]):
            yield Case(f"proxy/{name}/{'null' if lines else '-'}", [steps], [[[("loop", [OK])]]], lines + ["timeout client 300ms"], [], bind="accept-proxy")


def served_here(rnd):
    for path, (c, kw) in itertools.product(("/mon", "/mon?x", "/monitor", "/"), {"11": {}, "10": {"version": "1.0"}, "close": {"more": "Connection: close\r\n"}}.items()):
        for method in ("GET", "HEAD", "POST"):
            yield Case(f"monitor{path}/{c}/{method}", [ask(method, path, **kw) * 2], [[[("loop", [OK])]]], ["monitor-uri /mon"])
    stats = ["stats enable", "stats uri /st"]
    for name, lines in {"open": stats, "auth": stats + ["stats auth a:b"], "realm": stats + ["stats auth a:b", "stats realm My\\ Own"], "scope": stats + ["stats scope ."]}.items():
        for target, more in (("/st", ""), ("/st;csv", ""), ("/st", "Authorization: Basic YTpi\r\n"), ("/st", "Authorization: Basic YTpj\r\n"), ("/other", ""), ("/st", "Connection: close\r\n")):
            yield Case(f"stats/{name}{target}/{more.strip() or '-'}", [ask(target=target, more=more)], [[[("loop", [OK])]]], [], lines, shape=rnd.choice(("custom", "http")))


def all_cases(seed):
    rnd = random.Random(seed + 1)
    for family in (bad_responses, bad_heads, bad_requests, unreachable, aborts, tcp, proxy_protocol, served_here):
        yield from family(rnd)
