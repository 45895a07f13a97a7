"""Conditions: criteria, ways of comparing, patterns and their files, and how conditions are joined.

A configuration has many conditions, one in a rule each; a rule that holds adds its number to the request (`x-hit`), so one pair
compares all of them.
"""
import itertools
import random

from cases_http import OK, ask
from run import Case

FINE = [[("loop", [OK])]]
# What is looked at, wherever it stands: in a path, a field, a cookie, a parameter.
TEXTS = ("", "/", "a", "A", "/a", "/a/b", "/a/b/", "/img/a.png", "/IMG/A.PNG", "www.example.com", "example.com:80", ".example.com.", "a.b.c",
         "//a//b", "1.2.3.4", "aaa", "a/b.c:d", "x.a/y")
PATTERNS = {
    "str": ("/", "a", "/a /a/b", "/img/a.png", "www.example.com", "a.b.c aaa"),
    "beg": ("/", "/a", "/img/ www.", "a", "//", "/a/b/c a.b.c.d"),
    "end": (".png", "/", "a b", ".com", "example.com .c", "/a/b"),
    "sub": ("a", "/a", ".", "img example", "a/b", "ample.co", "zz"),
    "dir": ("a", "/a", "a/", "/a/b/", "img b", "a.png", "b?", "example.com"),
    "dom": ("example.com", "com", "www", ".example.com", "a", "b.c a.png", "/a/", "2.3", ":a.b.c/"),
    "len": ("0", "1", "3:6", "gt 3", "lt 2", "ge 7 eq 1", ":2", "5:", "1 4 11"),
    "reg": ("^/a", "a$", "^$", "[.]png$ ^www", "a|b", "^[^/]+$", "(a).*(b)", "/a/?$"),
    "found": ("",),
}
# Criterion, its derivatives' stem, what makes the request of a text.
PLACES = {
    "path": ("path", "path", lambda t: dict(target="/" + t.lstrip("/"))),
    "url": ("url", "url", lambda t: dict(target="/" + t.lstrip("/") + "?q=/a")),
    "absolute": ("url", "url", lambda t: dict(target="http://h.example/" + t.lstrip("/"))),
    "base": ("base", "base", lambda t: dict(target="/" + t.lstrip("/") + "?x", host="www.example.com")),
    "query": ("query", None, lambda t: dict(target="/p?" + t)),
    "host": ("hdr(host)", "hdr", lambda t: dict(host=t)),
    "hdr": ("req.hdr(x-a)", "hdr", lambda t: dict(more=f"X-A: {t}\r\nX-B: zz\r\n")),
    "hdrs": ("hdr(x-a)", "hdr", lambda t: dict(more=f"X-A: b, {t}\r\nx-a: c\r\n")),
    "last": ("req.hdr(x-a,-1)", "hdr", lambda t: dict(more=f"X-A: b, {t}\r\nx-a: c, {t}\r\n")),
    "second": ("req.hdr(x-a,2)", "hdr", lambda t: dict(more=f"X-A: b, {t}\r\nx-a: c\r\n")),
    "fhdr": ("req.fhdr(x-a)", None, lambda t: dict(more=f"X-A: {t},b\r\nX-A: {t}\r\n")),
    "cook": ("cook(sid)", "cook", lambda t: dict(more=f"Cookie: a=b; sid={t}; c=d\r\n")),
    "cooks": ("req.cook(sid)", "cook", lambda t: dict(more=f"Cookie: sid=0\r\nCookie: sid={t};sid2=1\r\n")),
    "urlp": ("urlp(q)", "urlp", lambda t: dict(target=f"/p?a=b&q={t}&c=d")),
    "urlp-delim": ("url_param(q,;)", "urlp", lambda t: dict(target=f"/p;a=b;q={t}")),
    "upper": ("path,upper", None, lambda t: dict(target="/" + t.lstrip("/"))),
    "method": ("method", None, lambda t: dict(method={"": "GET", "/": "POST", "a": "PUT"}.get(t, "DELETE"))),
}


def counted(conditions):
    return [f"http-request add-header x-hit {i} if {{ {c} }}" for i, c in enumerate(conditions)]


def texts(rnd):
    """Each criterion with each way of comparing texts, by flag and by derivative, with and without -i."""
    for (place, (criterion, stem, make)), (method, patterns) in itertools.product(PLACES.items(), PATTERNS.items()):
        if place == "method" and method in ("len", "dir", "dom"):
            continue
        conditions = []
        for p in patterns:
            flag = "" if method == "found" else rnd.choice(("", "", "-i "))
            conditions.append(f"{criterion} {flag}-m {method} {p}")
            if stem and method not in ("str", "found") and "," not in criterion:
                name = stem + "_" + method + criterion[criterion.index("("):] if "(" in criterion else stem + "_" + method
                conditions.append(f"{name} {rnd.choice(('', '-i ', '-- '))}{p}")
        lines = counted(conditions)
        for i, t in enumerate(TEXTS):
            if rnd.random() < 0.55 or place == "method" and i > 3 or place == "host" and "/" in t:
                continue
            yield Case(f"acl/{place}/{method}/{i}", [ask(**make(t))], [FINE], lines, shape="custom" if i % 4 == 0 else "http")


NUMBERS = ("0", "1", "2", "1 2", "gt 1", "ge 1", "lt 2", "le 2", "eq 2", "1:3", ":2", "2:", "lt 0", "1 3 5", "gt 1 lt 1", "eq 0 1 2", "ge 3", "4294967296",
           "0:4294967295", "1000:")
NUMBER_TEXTS = ("", "0", "1", "2", "3", "-1", "-4", "5", "+2", "007", "2x", "x2", "12", "1000", "4294967", "1,2", "2, 3", "99999999999999999999")


def numbers(rnd):
    places = {
        "hdr_val": ("hdr_val(x-a)", lambda t: dict(more=f"X-A: {t}\r\n")),
        "hdr-int": ("req.hdr(x-a) -m int", lambda t: dict(more=f"X-A: {t}\r\n")),
        "req.hdr_val": ("req.hdr_val(x-a,-1)", lambda t: dict(more=f"X-A: 1\r\nX-A: {t}\r\n")),
        "urlp_val": ("urlp_val(n)", lambda t: dict(target=f"/p?n={t}")),
        "cook_val": ("cook_val(n)", lambda t: dict(more=f"Cookie: n={t}\r\n")),
        "hdr_cnt": ("hdr_cnt(x-a)", lambda t: dict(more=f"X-A: {t}\r\n" + "X-A: b, c\r\n" * (len(t) % 3))),
        "fhdr_cnt": ("req.fhdr_cnt(x-a)", lambda t: dict(more=f"X-A: {t},1\r\n" * (len(t) % 4))),
        "cook_cnt": ("cook_cnt(n)", lambda t: dict(more="Cookie: n=1; m=2\r\n" * (len(t) % 3))),
        "all_cnt": ("hdr_cnt", lambda t: dict(more="X-A: b, c\r\n" * (len(t) % 3))),
        "body_len": ("req.body_len", lambda t: dict(method="POST", more=f"Content-Length: {len(t)}\r\n", body=t.encode())),
        "sum": ("req.hdr(x-a),add(1)", lambda t: dict(more=f"X-A: {t}\r\n")),
        "length": ("req.hdr(x-a),length", lambda t: dict(more=f"X-A: {t}\r\n")),
        "var": ("var(txn.n)", lambda t: dict(more=f"X-A: {t}\r\n")),
    }
    for place, (criterion, make) in places.items():
        lines = (["http-request set-var(txn.n) req.hdr(x-a)"] if place == "var" else []) + counted(
            [f"{criterion} {'-m int ' if place == 'var' else ''}{n}" for n in NUMBERS])
        for i, t in enumerate(NUMBER_TEXTS):
            # What is no number, or a large one, has values of its own in haproxy's *_val.
            if rnd.random() < 0.7 and not ("val" in place and (len(t) > 9 or "," in t and "hdr" not in place or t in ("2x", "+2"))):
                yield Case(f"acl/{place}/int/{i}", [ask(**make(t))], [FINE], lines, shape=rnd.choice(("custom", "http")))


NETS = ("10.1/16", "127.1", "2002::/16", "10.0.0.0/8", "10.0.0.1", "10.0.0.0/255.255.0.0", "10.0.0.1/31 1.2.3.4", "0.0.0.0/0", "::/0", "::1", "2001:db8::/32", "2001:DB8::5", "::ffff:10.0.0.0/104",
        "::ffff:0:0/96", "1.2.3.4 ::1 10.255.0.1", "2001:db8::/33", "127.0.0.1", "127.0.0.0/30")
ADDRESSES = ("2002:a00:1::", "::10.0.0.1", "10.0.0.1x", "10.0.0.1:", "10.0.0.1:99999", "10.0.0.1 x", "", "10.0.0.1", "10.0.0.0", "10.255.0.1", "1.2.3.4", "::1", "2001:db8::5", "2001:db8:8000::", "::ffff:10.0.0.1", "::", "10.0.0.1:80", "[::1]", "junk", "1.2.3",
             "1.2.3.4.5", "1.2.3.4, 10.0.0.1", "10.0.0.1,", " 10.0.0.1 ", "010.000.000.001", "256.1.1.1", "localhost")


def addresses(rnd):
    places = {"hdr_ip": "hdr_ip(x-a)", "first": "req.hdr_ip(x-a,1)", "last": "req.hdr_ip(x-a,-1)", "text": "req.hdr(x-a) -m ip", "src": "src", "dst": "dst",
              "mask": "req.hdr_ip(x-a,1),ipmask(8,32)", "masked": "src,ipmask(30)"}
    for place, criterion in places.items():
        lines = counted([f"{criterion} {n}" for n in NETS])
        for i, a in enumerate(ADDRESSES):
            if place in ("src", "dst", "masked") and i > 1:
                continue
            yield Case(f"acl/{place}/ip/{i}", [ask(more=f"X-A: {a}\r\n")], [FINE], lines, shape=rnd.choice(("custom", "http")))


def kinds(rnd):
    """Samples that are compared as something else than what they are."""
    groups = {
        "bool": ["always_true", "always_false", "always_true -m bool", "req.hdr_cnt(x-a) -m bool", "req.hdr(x-a) -m bool", "int(0) -m bool", "int(5) -m bool", "int(-1) -m bool",
                 "req.hdr(x-a),length,bool", "req.hdr_val(x-a),not", "req.hdr_val(x-a),odd", "req.hdr_val(x-a),even", "always_true 1", "always_true 0", "wait_end", "req.proto_http"],
        "bin": ["req.hdr(x-a) -m bin 31", "req.hdr(x-a) -m bin 3132 61", "path -m bin 2f70", "req.hdr(x-a),hex -m str 31 3132", "req.hdr(x-a) -m bin 2F 7a7A", "str(ab) -m bin 6162"],
        "found": ["req.hdr(x-a) -m found", "req.hdr(x-b) -m found", "hdr(x-a) -m found", "cook(x) -m found", "urlp(x) -m found", "var(txn.nothing) -m found", "src -m found",
                  "query -m found", "req.body -m found", "req.hdr_ip(x-a) -m found", "req.hdr_val(x-a) -m found", "req.hdr(x-a,3) -m found", "req.hdr(host) -m found"],
        "str": ["req.hdr_cnt(x-a) -m str 1", "src -m str 127.0.0.1", "always_true -m str 1", "int(12) -m beg 1", "req.hdr_val(x-a) -m sub 1 2", "method -m beg G", "method -m str GET PUT",
                "src -m beg 127.", "req.ver 1.1", "req_ver 1.0", "src,ipmask(8) -m str 127.0.0.0", "method GET", "method get", "method POST HEAD"],
        "predefined": ["TRUE", "FALSE"],
    }
    for group, conditions in groups.items():
        lines = counted(conditions)
        if group == "predefined":
            names = ("TRUE FALSE HTTP HTTP_1.0 HTTP_1.1 HTTP_CONTENT HTTP_URL_ABS HTTP_URL_SLASH HTTP_URL_STAR LOCALHOST METH_CONNECT METH_DELETE METH_GET METH_HEAD METH_OPTIONS METH_POST "
                     "METH_PUT METH_TRACE REQ_CONTENT WAIT_END").split()
            lines = [f"http-request add-header x-hit {n} if {n}" for n in names]
        requests = [dict(more=f"X-A: {v}\r\n") for v in ("", "0", "1", "12", "a", "zz", "-3")] + [
            dict(method="POST", more="Content-Length: 2\r\n", body=b"ab"), dict(method="HEAD"), dict(method="PUT", version="1.0", more="Content-Length: 0\r\n"), dict(method="OPTIONS", target="*"),
            dict(method="GET", target="http://x.example/a"), dict(method="DELETE", more="X-A: 1\r\nX-A: 2\r\n"), dict(method="TRACE", target="/p?x="), dict(method="get")]
        for i, r in enumerate(requests):
            yield Case(f"acl/kind/{group}/{i}", [ask(**r)], [FINE], lines)


FILES = {
    "plain.lst": b"/a\n/b\n/img/\n",
    "comments.lst": b"# first\n/a\n\n   \n  # indented\n/b # no comment here\n#\n/img/\n",
    "spaces.lst": b"  /a\n\t/b\n/c  \n/d\t\n /e /f \n",
    "crlf.lst": b"/a\r\n/b\r\n\r\n# c\r\n/img/\r\n",
    "no-end.lst": b"/a\n/b",
    "empty.lst": b"",
    "nothing.lst": b"# nothing\n\n",
    "twice.lst": b"/a\n/a\n/A\n/a\n",
    "ints.lst": b"# n\n1\n3:5\n:0\n1000:\n",
    "ips.lst": b"10.0.0.0/8\n1.2.3.4\n\n# v6\n2001:db8::/32\n::1\n10.1.0.0/16\n",
    "regs.lst": b"^/a$\n[.]png$\n# ^/b\n^/x y$\n",
    "hosts.lst": b"example.com\n.org\nwww.example.net\n",
    "map-s.lst": b"  /a one\n\t/b\n/c  \n/d\tfour \n /e /f \n# /x y\n\n",
    "map-p.lst": b"/a 1\n/b 2\n/img/ 3 4\n",
    "odd.lst": b"-i\n--\n/q\"uote\n/back\\slash\n/sp\\ ace\n",
}


def empties(rnd):
    """Empty patterns, which haproxy takes in named conditions only, and conditions without any."""
    named = {m: [f"acl e path -m {m} \"\" /q", f"acl f req.hdr(x-a) -m {m} \"\""] for m in ("str", "beg", "dom", "reg")}
    named.update({f"none-{m}": [f"acl e path -m {m} /q", f"acl f req.hdr(x-a) -m {m}"] for m in ("str", "beg", "sub", "int", "ip", "reg", "len")})
    for (n, acls), (i, t) in itertools.product(named.items(), enumerate(("", "a", "/q", "q/"))):
        if not n.endswith(("int", "ip", "len")):
            yield Case(f"acl/empty/{n}/{i}", [ask(target="/" + t.strip("/"), more=f"X-A: {t}\r\n")], [FINE], [*acls, *(f"http-request add-header x-hit {a} if {a}" for a in "ef")])


def files(rnd):
    """Patterns from files, alone, several, with flags and with patterns on the line."""
    groups = {
        "texts": [f"path -f {{dir}}/{f}" for f in FILES if f.split(".")[0] in ("plain", "comments", "spaces", "crlf", "no-end", "empty", "nothing", "twice", "odd")]
        + ["path_beg -f {dir}/plain.lst", "path -i -f {dir}/plain.lst", "path -f {dir}/no-end.lst -f {dir}/spaces.lst /z", "path -f {dir}/empty.lst -- -i /z", "path -m end -i -f {dir}/crlf.lst",
           "path_dir -f {dir}/plain.lst", "path -n -f {dir}/plain.lst", "path -f {dir}/plain.lst -i -f {dir}/no-end.lst /IMG/X", "path -m sub -f {dir}/comments.lst"],
        "ints": ["hdr_val(x-a) -f {dir}/ints.lst", "hdr_val(x-a) -f {dir}/ints.lst 7", "path_len -f {dir}/ints.lst", "path -m len -f {dir}/ints.lst"],
        "ips": ["hdr_ip(x-a) -f {dir}/ips.lst", "hdr_ip(x-a) -f {dir}/ips.lst 99.0.0.0/8", "req.hdr(x-a) -m ip -f {dir}/ips.lst"],
        "regs": ["path_reg -f {dir}/regs.lst", "path_reg -i -f {dir}/regs.lst", "path -m reg -f {dir}/regs.lst ^/z"],
        "hosts": ["hdr_dom(host) -f {dir}/hosts.lst", "hdr_end(host) -i -f {dir}/hosts.lst", "hdr(host) -f {dir}/hosts.lst"],
        "maps": ["path -M -f {dir}/map-s.lst", "path_beg -M -f {dir}/map-p.lst"],
    }
    paths = ("/a", "/A", "/b", "/b%20#", "/c", "/d", "/e", "/f", "/img/", "/IMG/", "/img/x", "/z", "-i", "/q%22uote", "/back\\slash", "/a.png", "/A.PNG", "/x", "/a/b", "/spaces")
    values = ("1", "2", "4", "-8", "51", "1000", "7", "x", "")
    ips = ("10.1.2.3", "1.2.3.4", "2001:db8::9", "::1", "99.1.1.1", "11.0.0.1", "x", "")
    hosts = ("example.com", "www.EXAMPLE.com", "a.org", "org", "www.example.net", "x.www.example.net", "example.com.evil")
    for group, conditions in groups.items():
        requests = {"ints": [dict(more=f"X-A: {v}\r\n") for v in values], "ips": [dict(more=f"X-A: {v}\r\n") for v in ips], "hosts": [dict(host=h) for h in hosts]}
        lines = counted(conditions)
        for i, r in enumerate(requests.get(group, [dict(target=p) for p in paths if p.startswith("/")])):
            yield Case(f"acl/file/{group}/{i}", [ask(**r)], [FINE], lines, files=FILES)


NAMED = {
    "a": ["hdr(x-a) 1"],
    "b": ["hdr(x-b) 1", "hdr(x-b) -i yes"],
    "c": ["path_beg /c", "hdr_cnt(x-c) gt 0", "src 10.0.0.0/8"],
    "A": ["hdr(x-a) 2 3"],
    "d-1.x:y": ["always_true"],
    "FALSE": ["hdr(x-f) 1"],
}


def expression(rnd, depth=0):
    """A random condition: groups joined by or, conditions joined by nothing, each perhaps turned round."""
    groups = []
    for _ in range(rnd.choice((1, 1, 2, 2, 3))):
        group = []
        for _ in range(rnd.choice((1, 1, 2, 2, 3))):
            term = rnd.choice([*NAMED, "TRUE", "METH_GET", "{ path /c }", "{ hdr(x-b) -m found }", "{ hdr_cnt(x-a) 2 }", "{ path_reg ^/[cd] }"])
            group.append(rnd.choice(("", "", "", "!", "! ", "!!")) + term)
        groups.append(" ".join(group))
    return rnd.choice((" or ", " || ")).join(groups)


def logic(rnd):
    """Random conditions, with if and unless."""
    acls = [f"acl {n} {line}" for n, lines in NAMED.items() for line in lines]
    rnd.shuffle(acls)
    requests = [dict(target=t, more="".join(f"{h}\r\n" for h in hs)) for t, hs in itertools.product(
        ("/c", "/d", "/"), ((), ("X-A: 1",), ("X-A: 2", "X-B: YES"), ("X-A: 1, 3", "X-F: 1"), ("X-B: 1", "X-C: 0"), ("X-A: 3", "X-A: 1", "X-B: no")))]
    for n in range(8):
        rules = [f"http-request add-header x-hit {i} {rnd.choice(('if', 'if', 'unless'))} {expression(rnd)}" for i in range(16)]
        for i, r in enumerate(requests):
            if rnd.random() < 0.7:
                yield Case(f"acl/logic/{n}/{i}", [ask(method=rnd.choice(("GET", "POST")), **r)], [FINE], acls + rules, shape=rnd.choice(("custom", "http")))


def all_cases(seed):
    rnd = random.Random(seed + 3)
    for family in (texts, numbers, addresses, kinds, empties, files, logic):
        yield from family(rnd)
