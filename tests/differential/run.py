"""Runs cases through the two proxies: one process of each for a batch, a frontend, a backend and servers for each case."""
import asyncio
import os
import re
import signal
import socket
import subprocess
import tempfile
from dataclasses import dataclass, field

from wire import Server, client

TIMERS = "TR Ta Tc Td Th Ti Tq Tr Tt Tu Tw".split()
# All log variables that both know, without those of sections that are not built (captures, unique ids).
HTTP_VARIABLES = ("B CC CS H HM HP HPO HQ HU HV ID ST T TR Ta Tc Td Th Ti Tl Tq Tr Ts Tt Tu Tw U ac b bc bi bp bq ci cp f fc fi fp ft hr hrl hs "
                  "hsl lc ms pid r rc rt s sc si sp sq sslc sslv t tr trg trl ts tsc").split()
TCP_VARIABLES = "B H ID T Tc Td Th Tl Ts Tt Tu Tw U ac b bc bi bp bq ci cp f fc fi fp ft lc ms pid rc rt s sc si sp sq t ts".split()
SHAPES = {
    "http": "option httplog",
    "clf": "option httplog clf",
    "tcp": "option tcplog",
    "connect": "",
    "custom": 'log-format "%s"' % "@@".join(f"{v}=%{v}" for v in HTTP_VARIABLES),
    "customtcp": 'log-format "%s"' % "@@".join(f"{v}=%{v}" for v in TCP_VARIABLES),
    "quoted": "log-format '%{+Q}o x@@" + "@@".join(f"{v}=%{v}" for v in HTTP_VARIABLES) + "'",
    "hex": "log-format '" + "@@".join(f"{v}=%{{+X}}{v}" for v in HTTP_VARIABLES) + "'",
    "escaped": "log-format '" + "@@".join(f"{v}=%{{+E}}{v}" for v in HTTP_VARIABLES) + "'",
    # The case has a log-format of its own, with `@@` between its fields.
    "own": "",
    "spaced": "log-format 'f=%f a %hr b %hs  c %CC %{+Q}hr d%hrl e %{+Q}CC %{+Q}ID %ID %% x'",
}
DEFAULTS = """global
    log-tag t
    nbthread 1
    maxconn 5000
{globals}
defaults
    log 127.0.0.1:{log} len 65535 local0
    timeout connect 300ms
    timeout client 6s
    timeout server 6s
    timeout queue 300ms
    retries 1
"""


@dataclass
class Case:
    """One triple of configuration, request and response; both proxies get the same."""
    name: str
    clients: list
    servers: list
    fe: list = field(default_factory=list)
    be: list = field(default_factory=list)
    options: list = field(default_factory=list)
    mode: str = "http"
    shape: str = "custom"
    bind: str = ""
    globals: str = ""
    # After the last client: sessions that end by a timeout of theirs are waited for.
    linger: float = 0.0
    # One section in place of two.
    listen: bool = False
    # Lines of further sections, after these two.
    more: list = field(default_factory=list)
    # What stands in files of these names, in `{dir}`.
    files: dict = field(default_factory=dict)

    def text(self, name, fd, ports):
        """The sections; `{name}` in any line is the frontend's name, `{port0}` the port of the first server."""
        lines = [f"frontend {name}", f"    bind fd@{fd} {self.bind}", f"    mode {self.mode}", "    " + SHAPES[self.shape]]
        lines += ["    " + l for l in self.fe]
        if self.listen:
            lines[0] = f"listen {name}"
        else:
            lines += [f"    default_backend b{name}", f"backend b{name}", f"    mode {self.mode}"]
        lines += ["    " + l for l in self.be]
        for i, port in enumerate(ports):
            option = self.options[i] if i < len(self.options) else ""
            lines.append(f"    server s{i} 127.0.0.1:{port} {option}")
        text = "\n".join(lines + self.more).replace("{name}", name) + "\n"
        for i, port in enumerate(ports):
            text = text.replace("{port%d}" % i, str(port))
        return text


@dataclass
class Seen:
    """What became of a case through one proxy."""
    clients: list = field(default_factory=list)
    servers: list = field(default_factory=list)
    logs: list = field(default_factory=list)


class Side:
    """One proxy process that carries a batch of cases."""

    def __init__(self, program, cases, names):
        self.program, self.cases, self.names = program, cases, names
        self.numbers = {name: i for i, name in enumerate(names)}
        self.seen = [Seen() for _ in cases]
        self.log = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.log.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.log.bind(("127.0.0.1", 0))
        self.log.setblocking(False)
        self.dir = tempfile.TemporaryDirectory(prefix="matrix-")
        self.process, self.listeners, self.last_log = None, [], 0.0

    def start(self):
        text = DEFAULTS.format(globals=self.cases[0].globals, log=self.log.getsockname()[1])
        self.servers = []
        for case, name in zip(self.cases, self.names):
            listener = socket.create_server(("127.0.0.1", 0), backlog=64)
            self.listeners.append(listener)
            servers = [Server(s) for s in case.servers]
            self.servers.append(servers)
            text += case.text(name, listener.fileno(), [s.port for s in servers])
        path = os.path.join(self.dir.name, "proxy.cfg")
        for file in ("503.http", "502.http"):
            with open(os.path.join(self.dir.name, file), "w", newline="") as f:
                f.write(f"HTTP/1.0 {file[:3]} My Own\r\nX-Mine: yes\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmine")
        for name, content in {n: c for case in self.cases for n, c in case.files.items()}.items():
            with open(os.path.join(self.dir.name, name), "wb") as f:
                f.write(content)
        with open(path, "w") as f:
            f.write(text.replace("{dir}", self.dir.name))
        with open(os.path.join(self.dir.name, "err"), "w") as err:
            fds = [l.fileno() for l in self.listeners]
            self.process = subprocess.Popen([self.program, "-db", "-f", path], pass_fds=fds, stdout=err, stderr=err)
        self.addresses = [l.getsockname() for l in self.listeners]
        asyncio.get_running_loop().add_reader(self.log, self.read_logs)

    def errors(self):
        return open(os.path.join(self.dir.name, "err")).read()

    def read_logs(self):
        while True:
            try:
                line = self.log.recv(1 << 16).decode("latin1").rstrip("\n")
            except OSError:
                return
            self.last_log = asyncio.get_running_loop().time()
            found = re.search(r"\bb?(c\d{4})\b", line)
            if found and found[1] in self.numbers:
                self.seen[self.numbers[found[1]]].logs.append(line)

    async def run(self, i, limit):
        async with limit:
            case, seen = self.cases[i], self.seen[i]
            for s in self.servers[i]:
                s.start()
            shared = asyncio.Event()
            seen.clients = await asyncio.gather(*[client(self.addresses[i], c, shared) for c in case.clients])
            # What the proxy did to the servers in the same moment has to arrive.
            await asyncio.sleep(max(case.linger, 0.03))
            seen.servers = [[(c, c.end) for c in s.conns] for s in self.servers[i]]
            for c in seen.clients:
                c.close()
            # Servers stop only once the proxy had the time to end its sessions.
            await asyncio.sleep(0.1)
            for s in self.servers[i]:
                await s.stop()

    async def quiet(self):
        """Until no log line has come for a while."""
        loop = asyncio.get_running_loop()
        end = loop.time() + 0.3
        while loop.time() < max(end, self.last_log + 0.3):
            await asyncio.sleep(0.05)

    def stop(self):
        asyncio.get_running_loop().remove_reader(self.log)
        status = self.process.poll()
        if status is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
        for s in [self.log, *self.listeners]:
            s.close()
        errors = self.errors()
        self.dir.cleanup()
        if status is not None:
            raise SystemExit(f"{self.program} ended with {status}:\n{errors[-4000:]}")


async def run_batch(cases, programs, jobs):
    """A (Seen, Seen) for each case, in order. All cases of a batch have the same `globals`."""
    names = [f"c{i:04}" for i in range(len(cases))]
    sides = [Side(p, cases, names) for p in programs]
    for s in sides:
        s.start()
    await asyncio.sleep(0.25)
    for s in sides:
        if s.process.poll() is not None:
            raise SystemExit(f"{s.program} does not start:\n{s.errors()[-4000:]}")
    limit = asyncio.Semaphore(jobs)
    await asyncio.gather(*[s.run(i, limit) for i in range(len(cases)) for s in sides])
    for s in sides:
        await s.quiet()
    for s in sides:
        s.stop()
    return list(zip(sides[0].seen, sides[1].seen))
