"""The two ends of a proxy, scripted: clients, servers, and the reading of what they received.

A script is a list of steps, each a tuple. Clients know
    ("send", bytes)  ("resp", method)  ("read", n)  ("sleep", s)  ("eof",)  ("half",)  ("reset",)  ("go",)
and servers, for each connection they accept,
    ("req",)  ("head",)  ("read", n)  ("write", bytes)  ("sleep", s)  ("half",)  ("reset",)  ("close",)  ("drop",)  ("hold",)
    ("loop", [response, ...])   answers request after request, closing where the response says so
A wait that lasts longer than PATIENCE_S ends its script: both proxies are given the same, and what they did is compared.
"""
import asyncio
import socket
import struct
from dataclasses import dataclass, field

PATIENCE_S = 2.5
# After the last step: is the connection still open?
PROBE_S = 0.09


@dataclass
class Message:
    line: bytes = b""
    headers: list = field(default_factory=list)
    body: bytes = b""
    trailers: list = field(default_factory=list)
    framing: str = "none"
    whole: bool = True

    def values(self, name):
        return [v for n, v in self.headers if n.lower() == name and v is not None]

    def lists(self, name, token):
        return any(token == t.strip().lower() for v in self.values(name) for t in v.split(b","))

    @property
    def status(self):
        parts = self.line.split(b" ")
        return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else -1


def head_lines(data):
    out = []
    for line in data.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        out.append((name, value.strip(b" \t")) if colon else (line, None))
    return out


def chunks(data, pos, message):
    """Reads a chunked body at `pos`; its end, or None while it is incomplete or malformed."""
    while True:
        end = data.find(b"\r\n", pos)
        if end < 0:
            return None
        try:
            size = int(data[pos:end].split(b";")[0], 16)
        except ValueError:
            return None
        pos = end + 2
        if size == 0:
            break
        message.body += data[pos:pos + size]
        if len(data) < pos + size + 2:
            return None
        pos += size + 2
    end = data.find(b"\r\n\r\n", pos - 2)
    if end < 0:
        return None
    if end > pos - 2:
        message.trailers = head_lines(data[pos:end])
    return end + 4


def parse(data, pos, method, eof):
    """The message at `pos` (a request when `method` is None) and its end; the end is None while it is incomplete."""
    end = data.find(b"\r\n\r\n", pos)
    if end < 0:
        return Message(line=bytes(data[pos:]), whole=False), None
    line, _, rest = bytes(data[pos:end]).partition(b"\r\n")
    m = Message(line=line, headers=head_lines(rest) if rest else [])
    pos = end + 4
    status = m.status
    if method is not None and (method == "HEAD" or status in (204, 304) or 100 <= status < 200):
        return m, pos
    if method == "CONNECT" and 200 <= status < 300:
        return m, pos
    if m.lists(b"transfer-encoding", b"chunked"):
        m.framing = "chunked"
        end = chunks(data, pos, m)
        m.whole = end is not None
        return m, end
    length = m.values(b"content-length")
    if length and length[0].isdigit():
        m.framing = "length"
        m.body = bytes(data[pos:pos + int(length[0])])
        m.whole = len(m.body) == int(length[0])
        return m, pos + int(length[0]) if m.whole else None
    if method is None:
        return m, pos
    m.framing, m.body, m.whole = "close", bytes(data[pos:]), eof
    return m, len(data) if eof else None


def parse_all(data, methods, eof):
    """All messages of a stream, and the bytes that are none. `methods`: of the requests that responses belong to; None: requests."""
    out, pos, asked = [], 0, list(methods) if methods is not None else None
    while pos < len(data):
        method = None if asked is None else (asked[0] if asked else "GET")
        m, end = parse(data, pos, method, eof)
        if not looks_http(m, asked is None):
            return out, bytes(data[pos:])
        out.append(m)
        if end is None:
            return out, b""
        pos = end
        if asked is not None and m.status >= 200 or m.status == 101:
            asked and asked.pop(0)
        if asked is not None and (m.status == 101 or method == "CONNECT" and 200 <= m.status < 300):
            return out, bytes(data[pos:])
    return out, b""


def looks_http(m, request):
    return b" HTTP/" in m.line if request else m.line.startswith(b"HTTP/")


class Wire:
    """One end of a connection: keeps all that it received."""

    def __init__(self, sock):
        self.sock, self.raw, self.pos, self.end = sock, bytearray(), 0, None
        sock.setblocking(False)
        if sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def fill(self, timeout=PATIENCE_S):
        """More bytes: True; the end: False (`end` says how); TimeoutError."""
        if self.end:
            return False
        loop = asyncio.get_running_loop()
        try:
            data = await asyncio.wait_for(loop.sock_recv(self.sock, 1 << 18), timeout)
        except OSError as e:
            if isinstance(e, TimeoutError):
                raise
            self.end = "rst"
            return False
        if not data:
            self.end = "fin"
            return False
        self.raw += data
        return True

    async def message(self, method=None):
        """The next message (interim ones skipped); None when the connection ended before it was whole."""
        while True:
            m, end = parse(self.raw, self.pos, method, self.end is not None)
            if end is not None:
                self.pos = end
                if method is not None and 100 <= m.status < 200 and m.status != 101:
                    continue
                return m
            if not await self.fill():
                m, end = parse(self.raw, self.pos, method, True)
                self.pos = len(self.raw)
                return m if end is not None else None

    async def until(self, done):
        while not done():
            if not await self.fill():
                return False
        return True

    async def send(self, data):
        try:
            await asyncio.wait_for(asyncio.get_running_loop().sock_sendall(self.sock, data), PATIENCE_S)
        except OSError:
            pass

    async def common(self, step):
        """Steps that both sides know."""
        if step[0] == "sleep":
            await asyncio.sleep(step[1])
        elif step[0] == "read":
            await self.until(lambda: len(self.raw) - self.pos >= step[1])
            self.pos = min(self.pos + step[1], len(self.raw))
        elif step[0] == "half":
            try:
                self.sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        elif step[0] == "reset":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close()
            self.end = self.end or "mine"
        elif step[0] in ("hold", "eof"):
            await self.until(lambda: False)
        else:
            raise ValueError(step)

    def close(self):
        self.sock.close()


class Server:
    """A scripted server; `scripts` holds one script for each connection, the last one is for all further ones."""

    def __init__(self, scripts):
        self.scripts, self.conns, self.tasks = scripts, [], []
        self.sock = socket.socket()
        self.sock.bind(("127.0.0.1", 0))
        self.filler = []
        if scripts == "refused":
            return
        self.sock.setblocking(False)
        self.sock.listen(0 if scripts == "hole" else 64)
        if scripts == "hole":
            self.fill_backlog()

    def fill_backlog(self):
        """Linux drops the SYN once the backlog is full: neither accepted nor refused."""
        for _ in range(3):
            s = socket.socket()
            s.settimeout(0.02)
            self.filler.append(s)
            try:
                s.connect(self.sock.getsockname())
            except OSError:
                return

    @property
    def port(self):
        return self.sock.getsockname()[1]

    def start(self):
        if not isinstance(self.scripts, str):
            self.tasks.append(asyncio.create_task(self.accept()))

    async def accept(self):
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(self.sock)
            wire = Wire(sock)
            self.conns.append(wire)
            script = self.scripts[min(len(self.conns), len(self.scripts)) - 1]
            self.tasks.append(asyncio.create_task(self.serve(wire, script)))

    async def serve(self, wire, script):
        try:
            for step in script:
                if step[0] == "req":
                    if await self.request(wire) is None:
                        break
                elif step[0] == "head":
                    if not await wire.until(lambda: b"\r\n\r\n" in wire.raw[wire.pos:]):
                        break
                elif step[0] == "write":
                    await wire.send(step[1])
                elif step[0] == "loop":
                    await self.loop(wire, step[1])
                elif step[0] == "close":
                    break
                elif step[0] == "drop":
                    return
                else:
                    await wire.common(step)
            # What still comes is recorded: a server that closes with input unread would reset the connection.
            if wire.end is None:
                await wire.common(("half",))
                await wire.common(("hold",))
        except TimeoutError:
            pass
        finally:
            wire.close()

    @staticmethod
    async def request(wire):
        """A PROXY header is no part of the request."""
        if wire.pos == 0:
            await wire.until(lambda: len(wire.raw) >= 12)
            wire.pos = proxy_header_len(wire.raw)
        return await wire.message()

    async def loop(self, wire, responses):
        for i in range(99):
            m = await self.request(wire)
            if m is None:
                return
            response = responses[min(i, len(responses) - 1)]
            if m.line.startswith(b"HEAD "):
                response = response[:response.find(b"\r\n\r\n") + 4]
            await wire.send(response)
            parsed, _ = parse(response, 0, "GET", True)
            old = parsed.line.startswith(b"HTTP/1.0") and not parsed.lists(b"connection", b"keep-alive")
            if old or parsed.lists(b"connection", b"close") or parsed.framing == "close" or m.lists(b"connection", b"close"):
                return

    async def stop(self):
        for t in self.tasks:
            t.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for s in [self.sock, *self.filler, *[c.sock for c in self.conns]]:
            s.close()


def proxy_header_len(raw):
    if raw.startswith(b"PROXY "):
        end = raw.find(b"\r\n")
        return end + 2 if end >= 0 else 0
    if raw.startswith(b"\r\n\r\n\0\r\nQUIT\n"):
        return 16 + int.from_bytes(raw[14:16], "big")
    return 0


async def client(address, script, shared):
    """Runs one client; its wire, with `methods` of what it asked and `open` at the end."""
    sock = socket.socket()
    sock.setblocking(False)
    wire = Wire(sock)
    wire.methods, wire.open = [], False
    try:
        await asyncio.get_running_loop().sock_connect(sock, address)
        for step in script:
            if step[0] == "send":
                await wire.send(step[1])
            elif step[0] == "resp":
                wire.methods.append(step[1])
                m = await wire.message(step[1])
                if m is None:
                    break
            elif step[0] == "go":
                shared.set()
            elif step[0] == "await":
                await asyncio.wait_for(shared.wait(), PATIENCE_S)
            else:
                await wire.common(step)
    except ConnectionError:
        # Refused before it was seen here that it is connected.
        wire.end = "rst"
    except TimeoutError:
        pass
    try:
        while wire.end is None and await wire.fill(PROBE_S):
            pass
    except TimeoutError:
        wire.open = True
    return wire
