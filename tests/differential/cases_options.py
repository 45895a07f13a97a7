"""Options and keywords of proxies that are no rules of their own."""
import itertools
import random

from cases_http import ask
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


def all_cases(seed):
    rnd = random.Random(seed + 6)
    for family in (cookies,):
        yield from family(rnd)
