"""Options and keywords of proxies that are no rules of their own."""
import itertools
import random

from cases_http import OK, ask
from run import Case

CACHE = ("", "Cache-Control: private\r\n", "Cache-Control: max-age=0\r\n", "Cache-Control: max-age=60\r\n", "Cache-Control: foo, No-Store\r\n", 'Cache-Control: no-cache="set-cookie, x"\r\n', "Cache-Control: private, public\r\n",
         "Cache-Control: public\r\nCache-Control: private\r\n", "Cache-Control: s-maxage=0, max-age=60\r\n", "Pragma: no-cache\r\n", "Pragma: x, no-cache\r\n", "Cache-Control: public\r\nPragma: no-cache\r\n", 'Cache-Control: x="private, no-store"\r\n')


def cookies(rnd):
    """`option checkcache`. HAProxy wants a validator, too."""
    for (n, cache), (method, status) in itertools.product(enumerate(CACHE), (("GET", 200), ("HEAD", 200), ("POST", 200), ("OPTIONS", 404), ("GET", 302), ("PUT", 501), ("GET", 503))):
        cookie = rnd.choice(("Set-Cookie: a=b\r\n",) * 4 + ("Set-Cookie2: a=b\r\n", ""))
        response = f"HTTP/1.1 {status} Some\r\n{cookie}Last-Modified: Mon, 07 Nov 1994 08:49:37 GMT\r\n{cache}Content-Length: 0\r\n\r\n".encode()
        more = "Content-Length: 0\r\n" if method in ("POST", "PUT") else ""
        yield Case(f"checkcache/{n}/{method}/{status}", [ask(method, more=more)], [[[("loop", [response])]]], [], ["option checkcache"])


ERRORS = "error-log-format 'failed=%f@@ci=%ci@@cp=%cp@@tr=%tr@@b=%b@@s=%s@@r=%{+Q}r@@HM=%HM@@ST=%ST@@TR=%TR@@Tw=%Tw@@Tc=%Tc@@Tr=%Tr@@Ta=%Ta@@ac=%ac@@fc=%fc@@bc=%bc@@sc=%sc@@rc=%rc@@src=%[src]@@ts=%ts@@hr=%hr'"


def failures(rnd):
    """`error-log-format`: which connections it is for."""
    scripts = {"good": ask(), "no-server": ask(target="/dead"), "denied": ask(target="/deny"), "garbage": [("send", b"GARBAGE\r\n\r\n"), ("eof",)], "second": ask() + [("send", b"GARBAGE\r\n\r\n"), ("eof",)],
               "nothing": [("half",), ("eof",)], "some": [("send", b"GET /x HTTP/1.1\r\nHo"), ("half",), ("eof",)], "late": [("send", b"GET /x HTTP/1.1\r\nHo"), ("eof",)], "no-byte": [("eof",)], "body": [("send", b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab"), ("sleep", 0.05), ("reset",)]}
    dead = ["backend {name}dead", "    mode http", "    retries 0", "    server d 127.0.0.1:1"]
    lines = ["timeout http-request 300ms", "http-request deny if { path /deny }", "use_backend {name}dead if { path /dead }"]
    for (s, script), options in itertools.product(scripts.items(), ([], ["option dontlognull"], ["option log-separate-errors"])):
        yield Case(f"failed/{s}/{len(options) and options[0]}", [script], [[[("loop", [OK])]]], [ERRORS, *lines, *options], more=dead, linger=0.4 if s in ("late", "no-byte") else 0)
    for s, script in {"garbage": [("send", b"GARBAGE\r\n\r\n"), ("eof",)], "nothing": [("half",), ("eof",)], "none": [("eof",)], "good": [("send", b"PROXY UNKNOWN\r\n"), *ask()]}.items():
        yield Case(f"failed/proxy/{s}", [script], [[[("loop", [OK])]]], [ERRORS, "timeout client 400ms"], bind="accept-proxy", linger=0.5)


def tls_lines(rnd):
    for n, (method, more) in enumerate((("GET", ""), ("HEAD", ""), ("GET", "Connection: close\r\n"))):
        yield Case(f"httpslog/{n}", [ask(method, more=more) + ask()], [[[("loop", [OK])]]], ["option httpslog", "capture request header Host len 9"], shape="http")


def statistics(rnd):
    """`stats http-request`: who sees the page, and what comes before it."""
    groups = {
        "auth": ["stats http-request auth unless { http_auth({name}) }"], "allow": ["stats http-request allow if { http_auth({name}) }", "stats http-request auth realm My\\ Realm"], "deny": ["stats http-request deny if { hdr(x-a) 1 }"],
        "deny-status": ["stats http-request deny deny_status 404 if METH_POST", "stats http-request allow"], "none": ["stats http-request deny if FALSE"], "before": ["http-request deny if { hdr(x-a) 1 }", "stats http-request auth if { hdr(x-a) 1 }"],
        "redirect": ["stats http-request auth if { hdr(x-a) 1 }", "redirect location /r"], "changed": ["http-request set-path /p if { path /q }", "stats http-request deny if { path /p }"], "order": ["stats http-request auth if { hdr(x-a) 1 }", "stats http-request deny"],
        "scheme": ["redirect scheme https", "stats http-request allow"],
    }
    requests = {"plain": dict(), "a": dict(more="X-A: 1\r\n"), "right": dict(more="Authorization: Basic am9lOnNlY3JldA==\r\n"), "wrong": dict(more="Authorization: Basic am9lOndyb25n\r\n"), "post": dict(method="POST", more="Content-Length: 0\r\n"), "head": dict(method="HEAD", more="X-A: 1\r\n"),
                "put": dict(method="PUT", more="X-A: 1\r\nContent-Length: 0\r\n"), "other": dict(target="/o", more="X-A: 1\r\n"), "q": dict(target="/q")}
    users = ["userlist {name}", "    user joe insecure-password secret"]
    for (g, lines), (r, kw), side in itertools.product(groups.items(), requests.items(), ("fe", "be")):
        lines = ["stats uri /p", "stats scope .", *lines]
        yield Case(f"stats-rules/{g}/{r}/{side}", [ask(**{"target": "/p", **kw})], [[[("loop", [OK])]]], lines if side == "fe" else [], lines if side == "be" else [], more=users, shape=rnd.choice(("custom", "http")))


def persistence(rnd):
    """use-server to servers that are down, where persistence is forced or not."""
    groups = {"forced": ["force-persist if { hdr(x-a) 1 }"], "unless": ["force-persist unless { hdr(x-a) 1 }"], "ignored": ["ignore-persist if { path /i }", "force-persist if TRUE"], "option": ["option persist"],
              "both": ["option persist", "ignore-persist if { path /i }"], "redispatch": ["option persist", "option redispatch", "retries 1"], "late": ["http-request set-header x-a 1", "force-persist if { hdr(x-a) 1 }"], "none": []}
    requests = {"plain": dict(), "a": dict(more="X-A: 1\r\n"), "i": dict(target="/i"), "post": dict(method="POST", more="X-A: 1\r\nContent-Length: 2\r\n", body=b"hi")}
    for (g, lines), (r, kw), state in itertools.product(groups.items(), requests.items(), ("disabled", "weight 0", "")):
        yield Case(f"persist/{g}/{r}/{state}", [ask(**kw) + ask(**kw)], [[[("loop", [OK])]], [[("loop", [OK])]]], [], [*lines, "use-server s0 unless { path /other }"], [state, ""])
    for (g, lines), state in itertools.product({"forced": ["force-persist if { src 127.0.0.1 }"], "not": ["force-persist if { src 10.0.0.1 }"], "option": ["option persist"]}.items(), ("disabled", "")):
        server = [("read", 1), ("write", b"hello"), ("hold",)]
        yield Case(f"persist/tcp/{g}/{state}", [[("send", b"x"), ("read", 5), ("half",), ("eof",)]], [[server], [server]], [], [*lines, "use-server s0 if TRUE"], [state, ""], mode="tcp", shape="customtcp")


def all_cases(seed):
    rnd = random.Random(seed + 6)
    for family in (cookies, failures, tls_lines, statistics, persistence):
        yield from family(rnd)
