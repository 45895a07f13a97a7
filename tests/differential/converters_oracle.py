#!/usr/bin/env python3
"""What does each converter make of what? Puts the same chains and inputs to Debian's haproxy and to evenkeel, and compares.

    converters_oracle.py --evenkeel target/release/evenkeel [--haproxy /usr/sbin/haproxy] [--only WORD]

A chain is asked about with each input of its family: the input comes percent-encoded in a header, the answers of one family to one
input in one body. Of a text or bytes the answer is in hexadecimal digits; behind every answer stands a dot, so that an empty value is
not taken for none. EXPRESSIONS are compiled only: both programs must take them or both refuse them.
Fails on a difference that has no reason in KNOWN, and on a reason that nothing needs any more.
"""
import argparse
import asyncio
import os
import re
import socket
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from converters_cases import EXPRESSIONS, FAMILIES, KNOWN, KNOWN_EXPRESSIONS, VARIABLES

# Answers in one body.
CHUNK = 20
HEAD = """global
    nbthread 1
    maxconn 50
    tune.bufsize 400000
defaults
    mode http
    timeout client 9s
    timeout server 9s
    timeout connect 5s
"""
# A zone that had several rules, with summer time.
ENVIRONMENT = {**os.environ, "TZ": "Europe/Paris"}


def output_types(haproxy):
    """Converter -> type of what it makes."""
    listed = subprocess.run([haproxy, "-dKcnv", "-q", "-c", "-f", "/dev/null"], capture_output=True, text=True).stdout
    return {m[1]: m[2] for m in re.finditer(r"^([\w-]+)(?:\(.*\))?: (\w+) => \w+$", listed, re.MULTILINE)}


def calls(chain):
    """The converters of a chain."""
    out, depth, quoted, last = [""], 0, "", ""
    for c in chain:
        if quoted or (c in "'\"" and last != "\\"):
            quoted = "" if c == quoted else quoted or c
        elif last != "\\":
            depth += (c == "(") - (c == ")")
        if c == "," and not depth and not quoted:
            out.append("")
        else:
            out[-1] += c
        last = c
    return out


def answered(chain, types):
    """The format that shows what a chain makes."""
    kind = types[calls(chain)[-1].partition("(")[0]]
    return f"%[req.hdr(x-in),url_dec,{chain}{'' if kind in ('sint', 'bool', 'ipv4', 'addr') else ',hex'},concat(.)]"


def weak(text):
    """A word of the configuration."""
    return '"' + re.sub(r'([\\"$])', r"\\\1", text) + '"'


class Side:
    """One program with all chains."""

    def __init__(self, program, chunks):
        self.dir = tempfile.TemporaryDirectory(prefix="converters-")
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=99)
        self.program = program
        rules = "".join(f'    http-request return status 200 content-type text/plain lf-string {weak("|".join(c))} if {{ path /{i} }}\n' for i, c in enumerate(chunks))
        self.path = os.path.join(self.dir.name, "proxy.cfg")
        with open(self.path, "w") as f:
            f.write(HEAD + f"listen l\n    bind fd@{self.listener.fileno()}\n" + "".join(f"    {v}\n" for v in VARIABLES) + rules
                    + "backend b\n    server s 127.0.0.1:1\n    server t 127.0.0.1:1\n    server d 127.0.0.1:1 disabled\n")
        self.err = os.path.join(self.dir.name, "err")
        with open(self.err, "w") as err:
            self.process = subprocess.Popen([program, "-db", "-f", self.path], env=ENVIRONMENT, pass_fds=[self.listener.fileno()], stdout=err, stderr=err)

    async def answers(self, questions):
        limit = asyncio.Semaphore(8)

        async def one(path, given):
            async with limit:
                reader, writer = await asyncio.open_connection(*self.listener.getsockname())
                writer.write(b"GET /%d HTTP/1.0\r\nx-in: %s\r\n\r\n" % (path, quote(given, safe="").encode()))
                data = await asyncio.wait_for(reader.read(), 20)
                writer.close()
                head, _, body = data.partition(b"\r\n\r\n")
                if b" 200 " not in head.split(b"\r\n")[0]:
                    sys.exit(f"{self.program}: /{path} {given}: {data[:200]}")
                return body.decode("latin1").split("|")
        return await asyncio.gather(*[one(*q) for q in questions])

    def stop(self):
        if self.process.poll() is not None:
            with open(self.err) as f:
                sys.exit(f"{self.program} ended with {self.process.returncode}:\n" + f.read()[-6000:])
        self.process.terminate()
        self.process.wait()
        self.listener.close()
        self.dir.cleanup()


async def compare_values(programs, chunks, questions):
    sides = [Side(p, chunks) for p in programs]
    try:
        await asyncio.sleep(0.5)
        return await asyncio.gather(*[s.answers(questions) for s in sides])
    finally:
        for s in sides:
            s.stop()


def refusal(program, expression):
    """Why a program does not take an expression; none when it does."""
    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as f:
        f.write(HEAD + f"listen l\n    bind 127.0.0.1:1\n    http-request set-header a {weak('%[' + expression + ']')}\n")
        f.flush()
        ended = subprocess.run([program, "-c", "-f", f.name], env=ENVIRONMENT, capture_output=True, text=True)
    lines = [line for line in ended.stderr.splitlines() if "error detected" in line or "rror:" in line]
    return (lines or [ended.stderr])[0][-300:] if ended.returncode else None


def refused(program, expressions):
    """Those that a program does not take, with what it says."""
    with ThreadPoolExecutor(2) as threads:
        found = zip(expressions, threads.map(lambda e: refusal(program, e), expressions))
        return {e: why for e, why in found if why is not None}


class Reasons:
    """Differences that are intended, and which of them were met."""

    def __init__(self, rows):
        self.rows, self.met = rows, set()

    def explain(self, *places):
        for row in self.rows:
            if all(re.fullmatch(pattern, place, re.DOTALL) for pattern, place in zip(row, places)):
                self.met.add(row)
                return True
        return False

    def unmet(self):
        return [row for row in self.rows if row not in self.met]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evenkeel", default=os.environ.get("EVENKEEL_BIN", "target/release/evenkeel"))
    parser.add_argument("--haproxy", default="/usr/sbin/haproxy")
    parser.add_argument("--only", default="", help="only chains with this in them")
    options = parser.parse_args()
    types = output_types(options.haproxy)
    chunks, questions, asked = [], [], []
    for inputs, chains in FAMILIES:
        chains = [c for c in chains if options.only in c]
        for at in range(0, len(chains), CHUNK):
            part = chains[at:at + CHUNK]
            chunks.append([answered(c, types) for c in part])
            questions += [(len(chunks) - 1, i) for i in inputs]
            asked += [(i, part) for i in inputs]
    theirs, ours = asyncio.run(compare_values([options.haproxy, options.evenkeel], chunks, questions))
    known, total, bad, explained = Reasons(KNOWN), 0, 0, 0
    for (given, part), a, b in zip(asked, theirs, ours):
        assert len(a) == len(part), (part, a)
        for chain, x, y in zip(part, a, b + [""] * (len(a) - len(b))):
            total += 1
            if x == y:
                continue
            if known.explain(chain, given.decode("latin1")):
                explained += 1
                continue
            bad += 1
            print(f"differs: {chain}  of {given[:200]!r}\n  haproxy  {x[:300]}\n  evenkeel {y[:300]}")
    expressions = [e for e in EXPRESSIONS if options.only in e]
    no, nein = (refused(p, expressions) for p in (options.haproxy, options.evenkeel))
    known_expressions = Reasons(KNOWN_EXPRESSIONS)
    for e in expressions:
        if (e in no) != (e in nein) and not known_expressions.explain(e):
            bad += 1
            print(f"differs: {e}\n  haproxy  {no.get(e, 'takes it')}\n  evenkeel {nein.get(e, 'takes it')}")
    if not options.only:
        for row in known.unmet() + known_expressions.unmet():
            bad += 1
            print("this reason is not needed any more:", row)
    version = subprocess.run([options.haproxy, "-v"], capture_output=True, text=True).stdout.split("\n")[0].split(" 20")[0]
    print(f"{total} pairs of a chain and an input, {explained} differ for a known reason; {len(expressions)} expressions, {len(no)} refused; {bad} differ, against {version}")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
