#!/usr/bin/env python3
"""Asks a real haproxy which server it picks, and prints the answers as a table.

    balance_oracle.py > src/balance/oracle.tsv      write the fixture that src/balance/tests.rs replays
    balance_oracle.py --check src/balance/oracle.tsv  compare it with the haproxy installed here

Columns, tab separated (a `#` line is a comment):
    algorithm  hash-type  servers  kind  input  expected
servers: comma separated `weight[/id=N][/max=N][/down]`, or `NxW` for N servers of weight W; expected: server positions
from 0, comma separated, `rr` where the request had no key and went round robin, `-` where the session had to wait.
kinds: key (the bytes that are hashed), src, uri:ARGS, param, body, hdr, domain, rdp, seq (input picks, no load),
held (input connections that all stay open; `xN` closes the Nth), nokey (input requests without a key).
Input bytes are percent-encoded. Listens on 127.0.0.1 only.
"""
import os, random, select, socket, subprocess, sys, tempfile, time
from urllib.parse import quote, unquote_to_bytes

PORT = int(os.environ.get("BALANCE_ORACLE_PORT", "18700"))
DIR = tempfile.mkdtemp(prefix="balance-oracle-")


def servers(spec):
    if "x" in spec and "/" not in spec and "," not in spec:
        n, w = spec.split("x")
        return [f"weight {w}"] * int(n)
    out = []
    for one in spec.split(","):
        parts = one.split("/")
        line = f"weight {parts[0]}"
        for p in parts[1:]:
            line += {"id": " id ", "max": " maxconn ", "do": " disabled"}[p.split("=")[0][:3 if p[0] == "m" else 2]] + p.partition("=")[2]
        out.append(line)
    return out


class Haproxy:
    def __init__(self, text):
        path = f"{DIR}/h.cfg"
        open(path, "w").write(text)
        self.p = subprocess.Popen(["haproxy", "-f", path, "-db"], stdout=subprocess.DEVNULL, stderr=open(f"{DIR}/err", "w"))
        for _ in range(200):
            time.sleep(0.02)
            try:
                socket.create_connection(("127.0.0.1", PORT)).close()
                return
            except OSError:
                if self.p.poll() is not None:
                    sys.exit(open(f"{DIR}/err").read())

    def stop(self):
        self.p.terminate()
        self.p.wait()


HEAD = """global
  nbthread 1
defaults
  timeout client 9s
  timeout server 9s
  timeout connect 5s
  timeout queue 300
"""


def ask(be, target=b"/", headers=(), src="127.0.0.1", method=b"GET", body=b""):
    c = socket.create_connection(("127.0.0.1", PORT))
    fam, dst = ("TCP6", "::1") if ":" in src else ("TCP4", "127.0.0.1")
    b = f"PROXY {fam} {src} {dst} 1000 80\r\n".encode() + method + b" " + target + b" HTTP/1.1\r\nx-be: " + be.encode()
    b += b"\r\nconnection: close\r\n" + b"".join(h + b"\r\n" for h in headers)
    if body:
        b += b"content-length: %d\r\n" % len(body)
    c.sendall(b + b"\r\n" + body)
    d = b""
    while x := c.recv(65536):
        d += x
    c.close()
    for line in d.split(b"\r\n"):
        if line.startswith(b"x-s: "):
            return line[5:].decode()
    return "?" + d.split(b"\r\n")[0].decode()


def http_rows(rows):
    """All rows of one haproxy: a backend for each distinct (balance, hash-type, servers, sequence number)."""
    names, text = {}, HEAD + f"""  mode http
listen target
  bind 127.0.0.1:{PORT + 1}
  http-request return status 200 content-type text/plain string x
frontend f
  bind 127.0.0.1:{PORT} accept-proxy
  option http-buffer-request
  http-response set-header x-s %s
  use_backend %[req.hdr(x-be)]
"""
    plan = []
    for n, (alg, ht, spec, kind, inp) in enumerate(rows):
        family, _, args = kind.partition(":")
        balance = {"key": "hash req.fhdr(x-k)", "nokey": "hash url_param(k)", "src": "source", "uri": f"uri {args.replace('+', ' ')}",
                   "param": "url_param id", "body": "url_param id check_post", "hdr": "hdr(x-k)",
                   "domain": "hdr(x-k) use_domain_only", "seq": alg}[family]
        ident = (balance, ht, spec) + ((n,) if family in ("seq", "nokey") else ())
        if ident not in names:
            names[ident] = f"b{len(names)}"
            text += f"backend {names[ident]}\n  balance {balance}\n" + (f"  hash-type {ht}\n" if ht != "-" else "")
            text += "".join(f"  server {i} 127.0.0.1:{PORT + 1} {o}\n" for i, o in enumerate(servers(spec)))
        plan.append((names[ident], family, inp))
    h = Haproxy(text)
    out = []
    for be, family, inp in plan:
        raw = unquote_to_bytes(inp)
        if family in ("seq", "nokey"):
            out.append(",".join(ask(be) for _ in range(int(inp))))
            continue
        req = {"key": dict(headers=(b"x-k: " + raw,)), "src": dict(src=inp), "body": dict(method=b"POST", body=raw),
               "hdr": dict(headers=(b"x-k: " + raw,)), "domain": dict(headers=(b"x-k: " + raw,))}.get(family) or dict(target=raw)
        if raw == b"*":
            req["method"] = b"OPTIONS"
        a, b = ask(be, **req), ask(be, **req)
        out.append(a if a == b else "rr")
    h.stop()
    return out


def rdp_row(ht, spec, inp):
    l = socket.create_server(("127.0.0.1", PORT + 1))
    sock = f"{DIR}/s"
    text = HEAD.replace("nbthread 1", f"nbthread 1\n  stats socket {sock}") + f"""  mode tcp
listen l
  bind 127.0.0.1:{PORT}
  tcp-request inspect-delay 200ms
  tcp-request content accept if {{ req.rdp_cookie_cnt() gt 0 }}
  balance rdp-cookie
  hash-type {ht}
""" + "".join(f"  server {i} 127.0.0.1:{PORT + 1} {o}\n" for i, o in enumerate(servers(spec)))
    h = Haproxy(text)

    def stot():
        c = socket.socket(socket.AF_UNIX)
        c.connect(sock)
        c.sendall(b"show stat\n")
        d = b""
        while x := c.recv(65536):
            d += x
        return [int(x.split(b",")[7]) for x in d.splitlines() if x.startswith(b"l,") and x.split(b",")[1].isdigit()]
    got = []
    time.sleep(0.5)  # the probe connection of the start
    for _ in range(2):
        before = stot()
        c = socket.create_connection(("127.0.0.1", PORT))
        body = b"Cookie: mstshash=" + unquote_to_bytes(inp) + b"\r\n" + b"\x01\0\x08\0\x03\0\0\0"
        c.sendall(b"\x03\0" + (11 + len(body)).to_bytes(2, "big") + bytes([6 + len(body)]) + b"\xe0\0\0\0\0\0" + body)
        time.sleep(0.4)
        got += [str(i) for i, (x, y) in enumerate(zip(before, stot())) if y > x]
        c.close()
    h.stop()
    l.close()
    return got[0] if len(got) == 2 and got[0] == got[1] else "rr"


def held_row(alg, ht, spec, ops):
    """Ports of their own, so that the accepting socket tells the server; connections stay open."""
    srv = servers(spec)
    ls = [socket.create_server(("127.0.0.1", PORT + 2 + i), backlog=200) for i in range(len(srv))]
    alg, _, factor = alg.partition(" hash-balance-factor ")
    text = HEAD + f"  mode tcp\nlisten l\n  bind 127.0.0.1:{PORT}\n  balance {alg}\n"
    text += (f"  hash-type {ht}\n" if ht != "-" else "") + (f"  hash-balance-factor {factor}\n" if factor else "")
    text += "".join(f"  server s{i} 127.0.0.1:{PORT + 2 + i} {o}\n" for i, o in enumerate(srv))
    path = f"{DIR}/h.cfg"
    open(path, "w").write(text)
    p = subprocess.Popen(["haproxy", "-f", path, "-db"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.4)  # no probe connection: it would be a pick
    held, out = [], []
    for op in ops.split(","):
        if op[0] == "x":
            for s in held[int(op[1:])]:
                s and s.close()
            time.sleep(0.05)
            continue
        for _ in range(int(op)):
            c = socket.create_connection(("127.0.0.1", PORT))
            c.sendall(b"x")
            r = select.select(ls, [], [], 0.25)[0]
            held.append((c, r[0].accept()[0] if r else None))
            out.append(str(ls.index(r[0])) if r else "-")
    for pair in held:
        for s in pair:
            s and s.close()
    p.terminate()
    p.wait()
    for l in ls:
        l.close()
    return ",".join(out)


def questions():
    rnd = random.Random(20)
    farms = ["1,1,1", "1,2,3", "3,1,256,20", "2,4,0,6/down,5", "2/id=77,5/id=1000,0/id=3,1/id=4/down,1/id=9", "10,20,30,7", "5"]
    keys = ["", "abc", "1", "user-0042", "/a/b%2f", "%c3%a9"]
    for method in ("map-based", "consistent"):
        for fn in ("", " sdbm", " djb2", " wt6", " crc32"):
            for av in ("", " avalanche") if fn else ("",):
                for farm in farms:
                    for k in [k for k in keys if k] + [f"k{rnd.randrange(10**9)}" for _ in range(3)]:
                        yield ("hash", method + fn + av, farm, "key", k)
    tie = "16x256"  # keys exactly in the middle between two points of the ring that belong to different servers
    for k in "t208609 t272718 t333212 t638591 t744855 t795830 t799920 t974325".split():
        yield ("hash", "consistent", tie, "key", k)
    for ip in ["10.1.2.3", "192.168.77.200", "0.0.0.0", "255.255.255.255", "2001:db8::1:2", "::1", "fe80::1234:5678:9abc:def0"]:
        for ht in ("-", "map-based djb2", "map-based sdbm avalanche", "map-based crc32 avalanche"):
            yield ("hash", ht, "251x1", "src", ip)
        for ht in ("consistent", "consistent sdbm", "consistent wt6 avalanche"):
            yield ("hash", ht, "1,2,3,4", "src", ip)
    uris = ["/a/bc/def?x=/y", "/", "/abcdefg", "//a//b", "http://h.x/a/b/c?q", "http://h.x", "http://h.x?q/r", "*", "/?", "/a?b?c", "/a/b/", "/?x/y/z"]
    for args in ["", "len+5", "depth+1", "depth+2", "whole", "path-only", "whole+depth+2", "len+6+depth+2", "path-only+whole", "path-only+len+3"]:
        for u in uris:
            yield ("hash", "map-based djb2", "251x1", "uri:" + args if args else "uri", quote(u, safe="/?=&:;*"))
    for q in ["?id=abc", "?x=1&id=abc&y=2", "?id=", "?id", "?id&id=abc", "?id=&id=abc", "?id=abc;x=3", "?xid=q&id=abc", "?ID=abc", "?id=a%2520b", "?id=abc?z",
              "?id=abc=d", "?idx=q&id=abc", "?x=1;id=abc", ";id=abc", "?a?id=abc", "?&&id=abc", "", "?id=&", "?i", "?x=id=3", "?id=a&id=b"]:
        yield ("hash", "map-based djb2", "251x1", "param", "/p" + q)
    for b in ["id=abc", "x=1&id=abc&z=1", "id=abc\r\n", "id=abc def", "x=1 &id=abc", "x=1\nid=abc", "?id=abc", "id=", "id=&id=abc", "id=ab\x80c",
              "id=ab\x01c", "\r\nid=abc", "id=a?b", "\0id=a", "x y&id=abc", "id", "id&id=3", "\0&id=4"]:
        yield ("hash", "map-based djb2", "251x1", "body", quote(b.encode("latin1"), safe="=&?"))
    for v in ["abc", "abc,def", "", ",abc", "  a b  ", "\"a,b\",c", "q\"a,bcd\"e,c", "a\\,b", "\"a\\\",b\",c", "a;q=1,b", "abc , def", "\"open,x", " , x", "a\tb,c", "'a,b'"]:
        yield ("hash", "map-based djb2", "251x1", "hdr", quote(v))
    doms = ["haproxy.1wt.eu", "localhost", "a.b", "www.a.b.c:80", "1wt.eu:8080", "a.b.", ".", "..", "...", "a..b", ".b", "10.1.2.3", "[::1]:80",
            "a.co.uk", "x.yy.z,q.r", "www.abc.com:8.8", "abc.", "A.Bc.De", "a:80", "foo.bar-baz.com", "", "www.example.com.."]
    for v in doms + ["".join(rnd.choice("ab.:.") for _ in range(rnd.randint(2, 9))) for _ in range(40)]:
        yield ("hash", "map-based djb2", "251x1", "domain", quote(v))
    for v in ["user", "DOM%5Cuser", "a", "", "3640205228.15629.0000", "x y"]:
        yield ("hash", "map-based djb2", "251x1", "rdp", v)
    for alg in ("roundrobin", "static-rr", "leastconn", "first"):
        for farm, n in [("1,1,1", 9), ("1,2", 12), ("1,2,3", 18), ("1,1,1,5", 24), ("10,20,30,7", 134), ("256,1,100", 80), ("2,2,3,3", 30), ("5,1,1", 21),
                        ("13,1,1,1,6", 66), ("3,5", 24), ("7,3,2,9", 63), ("1/id=7,1/id=5/max=10,1/id=9", 9), ("4,0,2", 12), ("1/down,2,2", 12),
                        ("29,32,36", 97), ("6,4,4,2", 32)]:
            yield (alg, "-", farm, "seq", str(n))
    for farm in ("1,2,1", "1,1,1,1", "3,1/id=9,0,2/down"):
        yield ("hash", "map-based", farm, "nokey", "24")
        yield ("hash", "consistent", farm, "nokey", "90")
    for farm, ops in [("1,2,4", "28"), ("1,1,1", "6,x0,x4,x2,4"), ("1,1,1", "3,x2,x0,x1,4"), ("200,256", "20"), ("10,11", "30"), ("1/max=2,1/max=1", "5"),
                      ("3,1,2", "12,x0,x3,x4,6"), ("1,1,1", "5,x1,x0,3")]:
        yield ("leastconn", "-", farm, "held", ops)
    for farm, ops in [("1/max=2/id=9,1/max=1/id=3,1/max=2/id=5", "6"), ("1,1", "3"), ("1/max=1,1/max=1", "2,x0,1")]:
        yield ("first", "-", farm, "held", ops)
    for alg in ("roundrobin", "static-rr"):
        for farm, ops in [("1/max=2,1/max=1,1/max=4", "8"), ("1,3/max=1,1", "12,x0,6")]:
            yield (alg, "-", farm, "held", ops)
    for ht in ("map-based", "consistent"):
        yield ("source", ht, "1/max=2,1/max=2,1/max=4", "held", "5")
    for farm in ("1,1,1,1", "1,2,3,4", "1/max=1,1/max=1,1/max=1"):
        for factor in (101, 125, 150, 200, 300):
            yield (f"source hash-balance-factor {factor}", "consistent", farm, "held", "4" if "max" in farm else "24")


def main():
    check = sys.argv[2] if sys.argv[1:2] == ["--check"] else None
    rows = list(questions())
    if check:
        known = {tuple(l.rstrip("\n").split("\t")[:5]): l.rstrip("\n").split("\t")[5] for l in open(check) if not l.startswith("#")}
    web = [r for r in rows if r[3] not in ("rdp", "held")]
    answers = dict(zip(web, http_rows(web)))
    for r in rows:
        if r[3] == "rdp":
            answers[r] = rdp_row(r[1], r[2], r[4])
        elif r[3] == "held":
            answers[r] = held_row(r[0], r[1], r[2], r[4])
    bad = 0
    if not check:
        v = subprocess.run(["haproxy", "-v"], capture_output=True, text=True).stdout.split("\n")[0]
        print(f"# written by tests/differential/balance_oracle.py with {v.split(' 20')[0]}; algorithm, hash-type, servers, kind, input, expected")
    for r in rows:
        if not check:
            print("\t".join(r + (answers[r],)))
        elif known.get(r) != answers[r]:
            bad += 1
            print("differs:", r, "haproxy", answers[r], "table", known.get(r))
    if check:
        print(f"{len(rows)} rows, {bad} differ")
    sys.exit(bool(bad))


main()
