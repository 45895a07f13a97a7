#!/usr/bin/env python3
"""What does each sample fetch find? Asks Debian's haproxy and evenkeel the same questions.

    fetches_oracle.py --evenkeel target/release/evenkeel [--haproxy /usr/sbin/haproxy] [--verbose]

Four kinds of questions, each a list of expressions and a list of inputs, all of one with all of the other:
    request   rules on a request store each value in a variable; an answer of ours tells them
    response  rules on a response do; header fields tell them
    tcp       rules on the first bytes of a TCP client do, after it has closed its direction; the log line tells them
    moment    `tcp-request content accept if { ... }` on bytes after which the client is silent: accepted or rejected, at once or late
A value that differs by nature (times, ports, random numbers) is compared by its shape: SHAPES. What differs for a reason is in REASONS,
and a reason that nothing needs any more is an error.
"""
import argparse
import asyncio
import os
import re
import socket
import subprocess
import sys
import tempfile
from urllib.parse import quote, unquote_to_bytes

from fetches_questions import MOMENTS, REASONS, REQUESTS, REQUEST_FETCHES, RESPONSES, RESPONSE_FETCHES, SHAPES, SOMETIMES, TCP_FETCHES, TCP_INPUTS

# One proxy section has so many fetches.
BATCH = 40
DELAY_MS = 600
# Answers before this are "at once".
SOON_S = 0.35
JOBS = 24
NONE = "<none>"
TRIES = 4
HEAD = """global
    nbthread 1
    maxconn 500
    stats timeout 5s
defaults
    timeout client 8s
    timeout server 7s
    timeout tunnel 6s
    timeout connect 5s
"""


def batches(fetches):
    return [fetches[n : n + BATCH] for n in range(0, len(fetches), BATCH)]


def stores(rule, fetches, condition=""):
    return "".join(f"    {rule} set-var(txn.v{n}) {quoted(f)}{condition}\n" for n, f in enumerate(fetches))


def readable(digits):
    """What was told in hexadecimal digits; numbers are eight bytes."""
    if digits == "-":  # a text without characters
        return ""
    if not re.fullmatch("([0-9A-F]{2})*", digits):
        return "?" + digits
    data = bytes.fromhex(digits)
    return str(int.from_bytes(data, "big", signed=True)) if len(data) == 8 and data[:1] in b"\0\xff" else data.decode("latin1")


def quoted(expression):
    return "'" + expression + "'" if re.search(r"[ ;#'\"\\]", expression) else expression


class Side:
    """One program with all sections."""

    def __init__(self, program, server):
        self.program, self.server, self.listeners, self.text = program, server, [], HEAD
        self.dir = tempfile.TemporaryDirectory(prefix="fetches-")
        self.logs = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.logs.bind(("127.0.0.1", 0))
        self.logs.setblocking(False)
        # haproxy keeps the request line where it is logged.
        self.unread = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.unread.bind(("127.0.0.1", 0))
        self.logged = f"    log 127.0.0.1:{self.unread.getsockname()[1]} local0\n    option httplog\n"
        self.request, self.response, self.tcp, self.moments = {}, {}, {}, {}
        for n, fetches in enumerate(batches(REQUEST_FETCHES)):
            body = "".join(f"\\n--{k}--%[var(txn.v{k},{NONE}),hex]" for k in range(len(fetches)))
            lines = self.logged + "    capture request header x-captured len 9\n" + stores("http-request", fetches)
            lines += f'    http-request return status 200 content-type text/plain lf-string "{body}\\n----"\n'
            self.request[n] = self.section(f"request{n}", "http", lines)
        for n, fetches in enumerate(batches(RESPONSE_FETCHES)):
            lines = self.logged + "    capture request header x-captured len 9\n    capture response header x-captured len 9\n"
            lines += stores("http-response", fetches)
            lines += "".join(f"    http-response set-header x-v{k} %[var(txn.v{k},{NONE}),hex]\n" for k in range(len(fetches)))
            self.response[n] = self.section(f"response{n}", "http", lines)
        for n, fetches in enumerate(batches(TCP_FETCHES)):
            show = "".join(f"\\n--{k}--%[var(txn.v{k},{NONE}),hex]" for k in range(len(fetches)))
            lines = f"    tcp-request inspect-delay {DELAY_MS}ms\n    tcp-request content reject if !WAIT_END\n{stores('tcp-request content', fetches)}"
            lines += f'    log 127.0.0.1:{self.logs.getsockname()[1]} len 60000 format raw local0\n    log-format "%cp{show}\\n----"\n'
            self.tcp[n] = self.section(f"tcp{n}", "tcp", lines)
        for n, (condition, _) in enumerate(MOMENTS):
            lines = f"    tcp-request inspect-delay {DELAY_MS}ms\n    tcp-request content accept if {condition}\n    tcp-request content reject\n"
            self.moments[n] = self.section(f"moment{n}", "tcp", lines)

    def section(self, name, mode, lines):
        listener = socket.create_server(("127.0.0.1", 0), backlog=99)
        self.listeners.append(listener)
        self.text += f"listen {name}\n    mode {mode}\n    bind fd@{listener.fileno()} name door\n{lines}"
        port = self.server.http_port if mode == "http" else self.server.tcp_port
        self.text += f"    server one 127.0.0.1:{port} weight 7 maxconn 50 maxqueue 20\n"
        return listener.getsockname()

    async def start(self):
        path, self.err = (os.path.join(self.dir.name, name) for name in ("proxy.cfg", "err"))
        with open(path, "w") as f:
            f.write(self.text)
        with open(self.err, "w") as err:
            fds = [l.fileno() for l in self.listeners]
            self.process = subprocess.Popen([self.program, "-db", "-f", path], pass_fds=fds, stdout=err, stderr=err)

    def stop(self):
        if self.process.poll() is not None:
            sys.exit(f"{self.program} ended with {self.process.returncode}:\n" + open(self.err).read()[-6000:])
        self.process.terminate()
        self.process.wait()
        for l in self.listeners:
            l.close()
        self.logs.close()
        self.unread.close()
        self.dir.cleanup()

    async def answers(self):
        """{(kind, fetch, input): what was found}"""
        self.found, self.lines = {}, {}
        reader = asyncio.create_task(self.read_logs())
        limit = asyncio.Semaphore(JOBS)

        async def one(job):
            async with limit:
                await asyncio.wait_for(job, 30)
        jobs = [self.ask_request(n, f, i) for n, f in enumerate(batches(REQUEST_FETCHES)) for i in REQUESTS]
        jobs += [self.ask_response(n, f, i) for n, f in enumerate(batches(RESPONSE_FETCHES)) for i in RESPONSES]
        jobs += [self.ask_moment(n, c, i) for n, (c, inputs) in enumerate(MOMENTS) for i in inputs]
        jobs += [self.ask_tcp(n, f, i) for n, f in enumerate(batches(TCP_FETCHES)) for i in TCP_INPUTS]
        await asyncio.gather(*[one(j) for j in jobs])
        reader.cancel()
        return self.found

    def told(self, kind, fetches, given, text):
        for n, fetch in enumerate(fetches):
            begin = text.find(f"--{n}--")
            end = max(text.find(f"\n--{n + 1}--"), text.find("\n----")) if n + 1 == len(fetches) else text.find(f"\n--{n + 1}--")
            self.found[kind, fetch, given] = readable(text[begin + len(f"--{n}--") : end]) if begin >= 0 else "?" + text[:30]

    async def ask_request(self, n, fetches, given):
        data = await talk(self.request[n], unquote_to_bytes(given), b"\n----")
        head, _, body = data.partition(b"\r\n\r\n")
        self.told("request", fetches, given, body.decode("latin1") if b" 200 " in head[:20] else head.decode("latin1"))

    async def ask_response(self, n, fetches, given):
        request = b"GET /" + quote(given, safe="").encode() + b" HTTP/1.1\r\nHost: h\r\nX-Captured: request-field\r\n\r\n"
        data = await talk(self.response[n], request, b"\r\n\r\n")
        values = dict(re.findall(rb"\r\nx-v([0-9]+): ?([^\r]*)", data))
        for k, fetch in enumerate(fetches):
            value = values.get(b"%d" % k)
            self.found["response", fetch, given] = "?" + data[:30].decode("latin1") if value is None else readable(value.decode("latin1"))

    async def ask_tcp(self, n, fetches, given):
        reader, writer = await asyncio.open_connection(*self.tcp[n])
        port = writer.get_extra_info("sockname")[1]
        try:
            writer.write(unquote_to_bytes(given))
            writer.write_eof()
            await asyncio.wait_for(reader.read(), 6)
        except OSError:
            pass
        writer.close()
        for _ in range(300):
            if port in self.lines:
                break
            await asyncio.sleep(0.01)
        self.told("tcp", fetches, given, self.lines.pop(port, "no line"))

    async def read_logs(self):
        """Lines begin with the port of the client."""
        loop = asyncio.get_running_loop()
        while True:
            line = (await loop.sock_recv(self.logs, 65536)).decode("latin1")
            port, _, rest = line.partition("\n")
            self.lines[int(port)] = "\n" + rest

    async def ask_moment(self, n, condition, given):
        begun = asyncio.get_running_loop().time()
        reader, writer = await asyncio.open_connection(*self.moments[n])
        writer.write(unquote_to_bytes(given))
        try:
            data = await asyncio.wait_for(reader.read(1), 5)
        except OSError:
            data = b""
        took = asyncio.get_running_loop().time() - begun
        writer.close()
        self.found["moment", condition, given] = ("accepted" if data else "rejected") + (" at once" if took < SOON_S else " late")


async def talk(address, request, end):
    """What is answered, up to these bytes or to the end."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(request)
    try:
        data = await asyncio.wait_for(reader.readuntil(end), 6)
    except asyncio.IncompleteReadError as e:
        data = e.partial
    except TimeoutError:
        data = b"nothing in time"
    writer.close()
    return data


class Server:
    """Answers HTTP with the response that the target asks for, and TCP with a byte."""

    async def start(self):
        http = await asyncio.start_server(self.http, "127.0.0.1", 0)
        tcp = await asyncio.start_server(self.tcp, "127.0.0.1", 0)
        self.http_port, self.tcp_port = (s.sockets[0].getsockname()[1] for s in (http, tcp))

    @staticmethod
    async def http(reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            target = head.split(b" ")[1][1:]
            writer.write(unquote_to_bytes(unquote_to_bytes(target)))
            writer.write_eof()
            await reader.read()
        except (OSError, asyncio.IncompleteReadError):
            pass
        writer.close()

    @staticmethod
    async def tcp(reader, writer):
        try:
            writer.write(b"+")
            await reader.read()
        except OSError:
            pass
        writer.close()


async def all_answers(programs):
    server = Server()
    await server.start()
    out = []
    for program in programs:
        side = Side(program, server)
        await side.start()
        try:
            out.append(await side.answers())
        finally:
            side.stop()
    return out


def reason_for(kind, fetch, given):
    """The number of the reason why the two may differ here."""
    for n, (kinds, fetches, inputs, _) in enumerate(REASONS + SOMETIMES):
        if kind in kinds.split() and re.fullmatch(fetches, fetch) and re.search(inputs, given, re.S):
            return n
    return None


def equal(key, a, b):
    shape = SHAPES.get(key[1])
    return bool(re.fullmatch(shape, a) and re.fullmatch(shape, b)) if shape else a == b


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--evenkeel", required=True)
    parser.add_argument("--haproxy", default="/usr/sbin/haproxy")
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    ours, theirs = asyncio.run(all_answers([args.evenkeel, args.haproxy]))
    assert ours.keys() == theirs.keys()
    again = [key for key in ours if not equal(key, ours[key], theirs[key]) and reason_for(*key) is None]
    for _ in range(TRIES - 1):
        if not again:
            break
        # On a loaded machine a byte may come late, to either program: what differs is what always differs.
        print("asked again, as they differed:", *(f"{key[0]} {key[1]} of {key[2]!r}: evenkeel {ours[key]!r}, haproxy {theirs[key]!r}" for key in again), sep="\n  ")
        anew = asyncio.run(all_answers([args.evenkeel, args.haproxy]))
        for key in again:
            ours[key], theirs[key] = anew[0][key], anew[1][key]
        again = [key for key in again if not equal(key, ours[key], theirs[key])]
    bad, used, values = 0, set(), 0
    for key in ours:
        a, b = ours[key], theirs[key]
        values += b != NONE
        same = equal(key, a, b)
        reason = None if same else reason_for(*key)
        if reason is not None:
            used.add(reason)
        if not same and reason is None:
            bad += 1
        if args.verbose and not same or not same and reason is None:
            print(f"{key[0]} {key[1]}\n    of {key[2]!r}\n    evenkeel {a!r}\n    haproxy  {b!r}" + (f"\n    because {(REASONS + SOMETIMES)[reason][3]}" if reason is not None else ""))
    idle = [r[3] for n, r in enumerate(REASONS) if n not in used]
    for text in idle:
        print(f"nothing differs any more because {text}")
    fetches = {re.match(r"[^(, ]*", k[1]).group() for k in ours if k[0] != "moment"}
    print(f"{len(ours)} pairs of {len(fetches)} fetches, {values} with a value: {bad} differ, {len([n for n in used if n < len(REASONS)])} reasons used, {len(idle)} not")
    sys.exit(bool(bad or idle))


if __name__ == "__main__":
    main()
