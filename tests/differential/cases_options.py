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


def all_cases(seed):
    rnd = random.Random(seed + 6)
    for family in (cookies, failures, tls_lines):
        yield from family(rnd)
