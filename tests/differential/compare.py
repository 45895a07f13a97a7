"""What a case looked like through two proxies, made comparable, and where they differ."""
import re

from run import TIMERS
from wire import parse_all, proxy_header_len

# Longer than any hiccup of a busy machine, shorter than any delay of a script.
LONG_MS = 60
PORTS = {"cp", "bp", "fp", "sp"}
NUMBERS = {"ac", "rt", "pid", "ms", "Ts"}
# The target of what no server may ever see as a request: it is sent as a body, or as a part of a malformed request.
SMUGGLED = b"/smuggled"
HTTP_LINE = re.compile(
    r'(?P<ci>\S+):(?P<cp>\d+) \[(?P<tr>[^]]+)\] (?P<ft>\S+) (?P<b>[^ /]+)/(?P<s>\S+) '
    r'(?P<TR>[+-]?\d+)/(?P<Tw>[+-]?\d+)/(?P<Tc>[+-]?\d+)/(?P<Tr>[+-]?\d+)/(?P<Ta>[+-]?\d+) (?P<ST>-?\d+) (?P<B>\+?\d+) '
    r'(?P<CC>\S+) (?P<CS>\S+) (?P<tsc>\S+) (?P<ac>\d+)/(?P<fc>\d+)/(?P<bc>\d+)/(?P<sc>\d+)/(?P<rc>\+?\d+) '
    r'(?P<sq>\d+)/(?P<bq>\d+) (?P<captures>(?:\{[^}]*\} )*)(?P<r>".*"?)$')
CLF_LINE = re.compile(
    r'(?P<ci>\S+) - - \[(?P<trg>[^]]+)\] (?P<r>"[^"]*") (?P<ST>-?\d+) (?P<B>\+?\d+) "" "" (?P<cp>\d+) (?P<ms>\d+) '
    r'"(?P<f>[^"]*)" "(?P<b>[^"]*)" "(?P<s>[^"]*)" (?P<TR>\S+) (?P<Tw>\S+) (?P<Tc>\S+) (?P<Tr>\S+) (?P<Ta>\S+) (?P<tsc>\S+) '
    r'(?P<ac>\d+) (?P<fc>\d+) (?P<bc>\d+) (?P<sc>\d+) (?P<rc>\+?\d+) (?P<sq>\d+) (?P<bq>\d+) (?P<rest>.*)$')
TCP_LINE = re.compile(
    r'(?P<ci>\S+):(?P<cp>\d+) \[(?P<t>[^]]+)\] (?P<ft>\S+) (?P<b>[^ /]+)/(?P<s>\S+) (?P<Tw>[+-]?\d+)/(?P<Tc>[+-]?\d+)/'
    r'(?P<Tt>[+-]?\d+) (?P<B>\+?\d+) (?P<ts>\S+) (?P<ac>\d+)/(?P<fc>\d+)/(?P<bc>\d+)/(?P<sc>\d+)/(?P<rc>\+?\d+) '
    r'(?P<sq>\d+)/(?P<bq>\d+)$')
CONNECT_LINE = re.compile(r'Connect from (?P<ci>\S+):(?P<cp>\d+) to (?P<fi>\S+):(?P<fp>\d+) \((?P<f>\S+)/(?P<mode>\S+)\)$')
LINES = {"http": HTTP_LINE, "clf": CLF_LINE, "tcp": TCP_LINE, "connect": CONNECT_LINE}


def number_class(text):
    plus, digits = ("+", text[1:]) if text.startswith("+") else ("", text)
    if not re.fullmatch(r"-?\d+", digits):
        return text
    n = int(digits)
    return plus + ("-1" if n < 0 else "0" if n < LONG_MS else ">0")


def field_class(name, value, shape):
    """A value with what cannot be the same twice taken out of it: dates to their shape, timers to a class."""
    if shape == "hex" and name in PORTS | NUMBERS | {"B", "U", "lc"}:
        return "hex" if re.fullmatch("[0-9A-F]+", value) else value
    if name in TIMERS:
        return number_class(value)
    if name in PORTS:
        return "port" if re.fullmatch(r"[1-9]\d*", value) else value
    if name in NUMBERS:
        return re.sub(r"\d+", "n", value)
    if name in {"t", "tr", "T", "Tl", "trg", "trl"}:
        return re.sub(r"[A-Z][a-z][a-z]", "Mon", re.sub(r"\d", "0", value))
    return value


def log_line(text, shape):
    """(level, fields) of a line as it came."""
    head = re.match(r"<(\d+)>(.{15}) (?:(\S+) )?t\[\d+\]: (.*)$", text, re.S)
    if not head:
        return "?", [("?", text)]
    level, message = f"{head[1]} {head[3] or ''}", head[4]
    if shape in LINES:
        found = LINES[shape].match(message)
        fields = list(found.groupdict().items()) if found else [("line", message)]
    elif shape == "spaced":
        fields = [("line", message)]
    else:
        fields = [tuple(f.split("=", 1)) if "=" in f else (f, "") for f in message.split("@@")]
    return level, [(n, field_class(n, v or "", shape)) for n, v in fields]


def raw_fields(text):
    """The fields of a line in one of the custom shapes, as they came."""
    message = text.partition("]: ")[2]
    return dict(f.split("=", 1) for f in message.split("@@") if "=" in f)


def proxy_header(raw):
    """The PROXY header at the start of a stream, its ports made equal, and its length."""
    n = proxy_header_len(raw)
    head = bytes(raw[:n])
    if head.startswith(b"PROXY "):
        return re.sub(rb"\d+ \d+\r\n$", b"P P\r\n", head), n
    if n and len(head) >= 28 and head[13] == 0x11:
        return head[:24] + b"PPPP" + head[28:], n
    return head, n


def is_own(m):
    """An answer of the proxy itself: its words are its own. Servers of the cases never say Cache-Control."""
    return b"no-cache" in m.values(b"cache-control") and not m.values(b"location")


class View:
    """One side of a case, parsed."""

    def __init__(self, case, seen):
        self.case, self.seen = case, seen
        self.clients = []
        for c in seen.clients:
            http = case.mode == "http"
            messages, tail = parse_all(c.raw, c.methods, c.end is not None) if http else ([], bytes(c.raw))
            self.clients.append((messages, tail, "open" if c.open else "closed"))
        self.servers = [[self.connection(c, end) for c, end in conns] for conns in seen.servers]
        self.logs = [log_line(l, case.shape) for l in seen.logs]

    def connection(self, wire, end):
        proxy, n = proxy_header(wire.raw)
        rest = wire.raw[n:]
        messages, tail = parse_all(rest, None, True) if self.case.mode == "http" else ([], bytes(rest))
        return proxy, messages, tail, "closed" if end else "open"

    def status(self, client=0, n=0):
        messages = self.clients[client][0]
        return messages[n].status if len(messages) > n else None

    def statuses(self):
        return [m.status for messages, *_ in self.clients for m in messages]

    def requests(self):
        return sum(len(messages) for conns in self.servers for _, messages, *_ in conns)

    def field(self, name, line=0):
        return dict(self.logs[line][1]).get(name) if len(self.logs) > line else None


def own_words(m):
    """Of an answer of the proxy itself, what must be the same: its words are its own."""
    said = {t.strip().lower() for v in m.values(b"connection") for t in v.split(b",")}
    return {"own-status": m.status, "own-connection": sorted(said), "own-framing": m.framing, "own-body": bool(m.body), "own-whole": m.whole}


def lower(fields):
    return [(n.lower(), v) for n, v in fields]


def message_places(where, mine, theirs):
    if is_own(mine) and is_own(theirs):
        other = own_words(theirs)
        for name, value in own_words(mine).items():
            yield f"{where}.{name}", value, other[name]
        return
    yield f"{where}.line", mine.line, theirs.line
    yield f"{where}.headers", lower(mine.headers), lower(theirs.headers)
    if lower(mine.headers) == lower(theirs.headers):
        yield f"{where}.header-case", mine.headers, theirs.headers
    yield f"{where}.framing", mine.framing, theirs.framing
    yield f"{where}.body", mine.body, theirs.body
    yield f"{where}.trailers", lower(mine.trailers), lower(theirs.trailers)
    yield f"{where}.whole", mine.whole, theirs.whole


def stream_places(where, kind, mine, theirs):
    (messages, tail, end), (other_messages, other_tail, other_end) = mine, theirs
    if len(messages) != len(other_messages):
        yield f"{where}.count", [m.line for m in messages], [m.line for m in other_messages]
    for i, pair in enumerate(zip(messages, other_messages)):
        yield from message_places(f"{where}.{kind}{i}", *pair)
    yield f"{where}.tail", tail, other_tail
    yield f"{where}.end", end, other_end


def log_places(mine, theirs):
    if len(mine.logs) != len(theirs.logs):
        yield "log.count", mine.seen.logs, theirs.seen.logs
        return
    for i, ((level, fields), (other_level, other_fields)) in enumerate(zip(mine.logs, theirs.logs)):
        yield f"log{i}.level", level, other_level
        if [n for n, _ in fields] != [n for n, _ in other_fields]:
            yield f"log{i}.shape", fields, other_fields
            continue
        for (name, value), (_, other) in zip(fields, other_fields):
            yield f"log{i}.{name}", value, other


def places(mine, theirs):
    """(place, mine, theirs) for each place where two views are compared."""
    for i, pair in enumerate(zip(mine.clients, theirs.clients)):
        yield from stream_places(f"client{i}", "response", *pair)
    for i, (conns, others) in enumerate(zip(mine.servers, theirs.servers)):
        yield f"server{i}.connections", len(conns), len(others)
        for j, (c, o) in enumerate(zip(conns, others)):
            yield f"server{i}.conn{j}.proxy", c[0], o[0]
            yield from stream_places(f"server{i}.conn{j}", "request", c[1:], o[1:])
    yield from log_places(mine, theirs)
    yield from own_places(mine)


def own_places(view):
    """What is held against what should be, not against haproxy."""
    yield "own.smuggled", [m.line for conns in view.servers for _, messages, *_ in conns for m in messages if SMUGGLED in m.line], []
    # HAProxy 2.6 counts bytes of an inner form: ours are held against what the client got.
    plain = view.case.shape == "custom" and len(view.clients) == 1 and view.seen.logs and not re.match("abort|own/(200-monitor|408)|flow/monitor", view.case.name)
    if not plain or "log" in " ".join(view.case.fe):
        return
    yield "own.B", sum(int(raw_fields(l).get("B", 0)) for l in view.seen.logs), len(view.seen.clients[0].raw)
