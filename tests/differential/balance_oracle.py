#!/usr/bin/env python3
"""Which server does each algorithm pick? Asks Debian's haproxy and evenkeel the same questions, and compares them with a table.

    balance_oracle.py --evenkeel target/release/evenkeel     both programs, and src/balance/oracle.tsv, must say the same
    balance_oracle.py --write > src/balance/oracle.tsv       write the table from haproxy; src/balance/tests.rs replays it

A question is a row of `questions`: to ask more, add to that, write the table, and look at what changed in it.
Columns of the table, tab separated (a `#` line is a comment):
    algorithm  hash-type  servers  kind  input  expected
servers: comma separated `weight[/id=N][/max=N][/down]`, or `NxW` for N servers of weight W; expected: server positions
from 0, comma separated, `rr` where the request had no key and went round robin, `-` where the session had to wait.
kinds: key (the bytes that are hashed), src, uri:ARGS, param, body, hdr, domain, rdp, seq (input picks, no load),
held (input connections that all stay open; `xN` closes the Nth), nokey (input requests without a key).
Input bytes are percent-encoded. Servers are addresses of 127.0.1.0/24, on a port that the kernel chooses.
"""
import argparse
import asyncio
import os
import random
import resource
import socket
import subprocess
import sys
import tempfile
from urllib.parse import quote, unquote_to_bytes

FARM = 251
# Questions at the same time: each has a proxy section of its own, or waits for its turn with it.
JOBS = 24
# Longer than `timeout queue`: who got no server by then does not get one.
WAITS_S = 0.5
# What differs is asked again: a busy machine shifts moments, and HAProxy 2.6 contradicts itself now and then where `use_domain_only`
# meets names like `a.b.`.
TRIES = 6
TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../src/balance/oracle.tsv")
HEAD = """global
    nbthread 1
    maxconn 2000
defaults
    timeout client 9s
    timeout server 9s
    timeout connect 5s
    timeout queue 300
"""
# evenkeel waits for the cookie by itself.
RDP_WAIT = "    tcp-request inspect-delay 200ms\n    tcp-request content accept if { req.rdp_cookie_cnt() gt 0 }\n"


def server_options(spec):
    if "x" in spec and "/" not in spec and "," not in spec:
        n, w = spec.split("x")
        return [f"weight {w}"] * int(n)
    words = {"id": "id", "max": "maxconn", "down": "disabled"}
    out = []
    for one in spec.split(","):
        weight, *rest = one.split("/")
        out.append(f"weight {weight} " + " ".join(" ".join([words[k], v]).strip() for k, _, v in (r.partition("=") for r in rest)))
    return out


class Farm:
    """Servers that say which one they are: in a header, or first thing in TCP."""

    def __init__(self):
        self.port = {}

    async def start(self):
        for mode, answer in (("http", self.http), ("tcp", self.tcp)):
            first = self.listener(0, 0)
            self.port[mode] = first.getsockname()[1]
            for i in range(FARM):
                await asyncio.start_server(lambda r, w, i=i, answer=answer: answer(r, w, i), sock=first if i == 0 else self.listener(i, self.port[mode]), backlog=99)

    @staticmethod
    def address(i):
        return f"127.0.1.{i + 1}"

    def listener(self, i, port):
        return socket.create_server((self.address(i), port))

    @staticmethod
    async def http(reader, writer, i):
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nX-S: %d\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % i)
            writer.write_eof()
            # A body that comes after the head must not be answered with a reset.
            await reader.read()
        except (OSError, asyncio.IncompleteReadError):
            pass
        writer.close()

    @staticmethod
    async def tcp(reader, writer, i):
        writer.write(b"%d\n" % i)
        try:
            await reader.read()
        except OSError:
            pass
        writer.close()


def section(row, number):
    """(key, mode, lines) of the proxy that a question is put to; questions with the same key share it."""
    algorithm, hash_type, spec, kind, _ = row
    family, _, args = kind.partition(":")
    name, _, factor = algorithm.partition(" hash-balance-factor ")
    balance = {"key": "hdr(x-k)", "nokey": "url_param k", "src": "source", "uri": f"uri {args.replace('+', ' ')}", "param": "url_param id",
               "body": "url_param id check_post", "hdr": "hdr(x-k)", "domain": "hdr(x-k) use_domain_only", "rdp": "rdp-cookie"}.get(family, name)
    mode = "tcp" if family in ("rdp", "held") else "http"
    lines = f"    mode {mode}\n    balance {balance}\n" + (f"    hash-type {hash_type}\n" if hash_type != "-" else "")
    lines += f"    hash-balance-factor {factor}\n" if factor else ""
    # What remembers the questions before has a section for each.
    return (lines, spec) + ((number,) if family in ("seq", "nokey", "held", "rdp") else ()), mode, lines, family


class Side:
    """One program with all sections."""

    def __init__(self, program, rows, farm):
        self.program, self.rows, self.sections = program, rows, {}
        self.text, self.listeners, self.dir = HEAD, [], tempfile.TemporaryDirectory(prefix="balance-")
        self.process = None
        for n, row in enumerate(rows):
            key, mode, lines, family = section(row, n)
            if key in self.sections:
                self.sections[key][1].append(n)
                continue
            listener = socket.create_server(("127.0.0.1", 0), backlog=99)
            self.listeners.append(listener)
            self.sections[key] = (listener.getsockname(), [n])
            self.text += f"listen l{n}\n    bind fd@{listener.fileno()}{' accept-proxy' if mode == 'http' else ''}\n{lines}"
            self.text += RDP_WAIT if family == "rdp" and "haproxy" in program else ""
            self.text += "".join(f"    server s{i} {farm.address(i)}:{farm.port[mode]} {o}\n" for i, o in enumerate(server_options(row[2])))

    async def start(self):
        path = os.path.join(self.dir.name, "proxy.cfg")
        with open(path, "w") as f:
            f.write(self.text)
        self.err = os.path.join(self.dir.name, "err")
        with open(self.err, "w") as err:
            self.process = subprocess.Popen([self.program, "-db", "-f", path], pass_fds=[l.fileno() for l in self.listeners], stdout=err, stderr=err)

    async def answers(self):
        out, limit = [None] * len(self.rows), asyncio.Semaphore(JOBS)

        async def one_section(address, numbers):
            for n in numbers:
                async with limit:
                    out[n] = await asyncio.wait_for(answer(address, self.rows[n]), 60)
        await asyncio.gather(*[one_section(*s) for s in self.sections.values()])
        return out

    def stop(self):
        if self.process.poll() is not None:
            sys.exit(f"{self.program} ended with {self.process.returncode}:\n" + open(self.err).read()[-3000:])
        self.process.terminate()
        self.process.wait()
        for l in self.listeners:
            l.close()
        self.dir.cleanup()


async def ask(address, target=b"/", header=None, src="127.0.0.1", method=b"GET", body=b""):
    """One HTTP request; the server that answered it."""
    reader, writer = await asyncio.open_connection(*address)
    family, to = ("TCP6", "::1") if ":" in src else ("TCP4", "127.0.0.1")
    head = f"PROXY {family} {src} {to} 1000 80\r\n".encode() + method + b" " + target + b" HTTP/1.0\r\n"
    head += b"x-k: " + header + b"\r\n" if header is not None else b""
    head += b"Content-Length: %d\r\n" % len(body) if body else b""
    writer.write(head + b"\r\n" + body)
    data = await reader.read()
    writer.close()
    for line in data.split(b"\r\n"):
        if line.lower().startswith(b"x-s: "):
            return line[5:].decode()
    return "?" + data.split(b"\r\n")[0].decode("latin1")


async def connect(address, first=b"x"):
    """One TCP connection, kept open, and the server that got it; `-` where it has to wait."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(first)
    try:
        line = await asyncio.wait_for(reader.readline(), WAITS_S)
    except (TimeoutError, ConnectionResetError):
        line = b"-"
    return (reader, writer), line.strip().decode() or "-"


async def hang_up(connection):
    reader, writer = connection
    try:
        writer.write_eof()
        await reader.read()
    except OSError:
        pass
    writer.close()


async def held(address, operations):
    connections, out = [], []
    for op in operations.split(","):
        if op[0] == "x":
            await hang_up(connections[int(op[1:])])
            await asyncio.sleep(0.05)
            continue
        for _ in range(int(op)):
            connection, server = await connect(address)
            connections.append(connection)
            out.append(server)
    for _, writer in connections:
        writer.close()
    return ",".join(out)


def rdp_packet(value):
    body = b"Cookie: mstshash=" + value + b"\r\n" + b"\x01\0\x08\0\x03\0\0\0"
    return b"\x03\0" + (11 + len(body)).to_bytes(2, "big") + bytes([6 + len(body)]) + b"\xe0\0\0\0\0\0" + body


async def answer(address, row):
    family, given = row[3].partition(":")[0], row[4]
    raw = unquote_to_bytes(given)
    if family == "held":
        return await held(address, given)
    if family in ("seq", "nokey"):
        return ",".join([await ask(address) for _ in range(int(given))])
    if family == "rdp":
        picks = []
        for _ in range(2):
            connection, server = await connect(address, rdp_packet(raw))
            picks.append(server)
            await hang_up(connection)
    else:
        how = {"src": {"src": given}, "body": {"method": b"POST", "body": raw}}.get(family)
        how = how or ({"header": raw} if family in ("key", "hdr", "domain") else {"target": raw})
        if raw == b"*":
            how["method"] = b"OPTIONS"
        picks = [await ask(address, **how), await ask(address, **how)]
    return picks[0] if picks[0] == picks[1] else "rr"


async def all_answers(programs, rows):
    farm = Farm()
    await farm.start()
    sides = [Side(p, rows, farm) for p in programs]
    for s in sides:
        await s.start()
    try:
        return await asyncio.gather(*[s.answers() for s in sides])
    finally:
        for s in sides:
            s.stop()


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


def table(path):
    with open(path) as f:
        cells = [l.rstrip("\n").split("\t") for l in f if not l.startswith("#")]
    return {tuple(c[:5]): c[5] for c in cells}


def same_shares(a, b):
    """The known difference: with uneven weights, `roundrobin` gives the same shares, spread more evenly (src/balance/roundrobin.rs)."""
    a, b = a.split(","), b.split(",")
    return len(a) == len(b) and all(abs(a.count(s) - b.count(s)) <= 1 for s in {*a, *b})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evenkeel", default=os.environ.get("EVENKEEL_BIN", "target/release/evenkeel"))
    parser.add_argument("--haproxy", default="/usr/sbin/haproxy")
    parser.add_argument("--write", action="store_true", help="print the table")
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    rows = list(questions())
    version = subprocess.run([options.haproxy, "-v"], capture_output=True, text=True).stdout.split("\n")[0].split(" 20")[0]
    programs = [options.haproxy] if options.write else [options.haproxy, options.evenkeel]
    if options.write:
        theirs, = asyncio.run(all_answers(programs, rows))
        print(f"# written by tests/differential/balance_oracle.py with {version}; algorithm, hash-type, servers, kind, input, expected")
        print(*["\t".join(r + (a,)) for r, a in zip(rows, theirs)], sep="\n")
        return
    known = table(TABLE)
    missing = len(known.keys() - set(rows))
    asked, differ, picks, reordered = rows, [], 0, 0
    for _ in range(TRIES):
        differ = []
        for r, a, b in zip(asked, *asyncio.run(all_answers(programs, asked))):
            other_order = r[0] == "roundrobin" and a != b and same_shares(a, b)
            reordered += other_order
            picks += len(a.split(","))
            if known.get(r) != a or a != b and not other_order:
                differ.append((r, a, b))
        if not differ:
            break
        asked = [r for r, _, _ in differ]
        print("asked again:", *[f"{' '.join(r)}: haproxy {a}, evenkeel {b}" for r, a, b in differ], sep="\n  ")
    for r, a, b in differ:
        print("differs:", *r, "\n  haproxy ", a, "\n  evenkeel", b, "\n  table   ", known.get(r))
    bad = len(differ)
    print(f"{len(rows)} questions, {picks} picks, {bad} differ, {missing} rows of the table are not asked, {reordered} of roundrobin in another order, against {version}")
    if not reordered:
        print("no sequence of roundrobin is in another order any more: remove `same_shares`")
        bad += 1
    sys.exit(bool(bad or missing))


if __name__ == "__main__":
    main()
