"""The differences that are intended, each with its reason. What users would notice is in docs/migrating.md too."""
import re
from dataclasses import dataclass
from typing import Callable, Optional


@dataclass
class Known:
    name: str
    reason: str
    # Names of cases, and places of differences (`log0.B`, `client0.response0.headers`), as regular expressions.
    cases: str = ".*"
    where: str = ".*"
    # (mine, theirs) of the difference.
    values: Optional[Callable] = None
    # (my view, their view) of the case: what exactly must have happened.
    views: Optional[Callable] = None
    # (place, mine, theirs, my view, their view): where one place of a case is to be told from another.
    at: Optional[Callable] = None

    def matches(self, case, difference, mine, theirs):
        where, value, other = difference
        return bool(re.search(self.cases, case.name) and re.fullmatch(self.where, where)
                    and (self.values is None or self.values(value, other))
                    and (self.views is None or self.views(mine, theirs))
                    and (self.at is None or self.at(where, value, other, mine, theirs)))


# Fields that say something about one connection only (RFC 9110 section 7.6.1).
HOP_BY_HOP = {b"connection", b"keep-alive", b"proxy-connection", b"upgrade", b"te", b"http2-settings"}
SPOKEN = {b"close", b"keep-alive", b"upgrade"}
STRICT_RESPONSE = r"^bad(head|line|eol)/"


def says(headers):
    """What is said about the connection itself."""
    return {t.strip().lower() for n, v in headers if n == b"connection" for t in v.split(b",")} & SPOKEN


def hop_by_hop(a, b):
    """Only hop-by-hop fields differ, and the same is said about the connection itself."""
    rest = [[h for h in headers if h[0] not in HOP_BY_HOP] for headers in (a, b)]
    dropped = any(n == b"upgrade" for n, _ in b) and not any(n == b"upgrade" for n, _ in a)
    return rest[0] == rest[1] and says(a) == says(b) - ({b"upgrade"} if dropped else set())


def without(*names):
    return lambda a, b: [h for h in a if h[0] not in names] == [h for h in b if h[0] not in names]


def refused(*statuses):
    """Mine is answered with one of these, and no server sees the request; theirs is another."""
    return lambda m, t: m.status() in statuses and m.requests() == 0 and (t.status() not in statuses or t.requests() > 0)


def answered(mine, *theirs):
    """The first answers; None = none."""
    return lambda m, t: m.status() == mine and t.status() in theirs


def last(status):
    return lambda m, t: bool(m.statuses()) and m.statuses()[-1] == status


def hinted(view):
    """The fields of all 103, and the lines of the other responses."""
    responses = view.clients[0][0]
    return [(n.lower(), v) for r in responses if b" 103 " in r.line for n, v in r.headers], [r.line for r in responses if b" 103 " not in r.line]


def number(where):
    """Which exchange of a case's only client a place belongs to."""
    found = re.match(r"client0\.response(\d+)\.|log(\d+)\.", where)
    return int(found[1] or found[2]) if found else None


def unmade(offends):
    """Requests that HAProxy changed to something that `offends` (their number, the request) get 500 here; the server sees the others as it does there."""
    def at(where, a, b, m, t):
        theirs = [r for conn in t.servers[0] for r in conn[1]]
        gone = [i for i, r in enumerate(theirs) if offends(i, r)]
        kept = [r.line for i, r in enumerate(theirs) if i not in gone]
        same = [r.line for conn in m.servers[0] for r in conn[1]] == kept and all(m.status(0, i) == 500 for i in gone)
        return bool(gone) and same and (number(where) in gone or bool(re.fullmatch(r"server0\.(connections|conn0\.(count|request\d\.(line|headers|body|framing)))", where)))
    return at


def is_target(r):
    """A path, a whole URI of the host that is meant, or what OPTIONS has (RFC 9112 3.2)."""
    method, target = r.line.split(b" ")[:2]
    whole = re.match(rb"[a-z]+://([^/?]*)", target)
    return target[:1] == b"/" or bool(whole) and [whole[1]] == r.values(b"host") or (method, target) == (b"OPTIONS", b"*")


def status_with_body(where, a, b, m, t):
    """A status that has no body is not made of a response with one, or the empty body of one that had none is framed otherwise."""
    mine, theirs = (v.clients[0][0][number(where)] for v in (m, t))
    stays = theirs.status in (204, 304) and bool(mine.body) and not theirs.body
    empty = mine.status == theirs.status and mine.body == theirs.body == b"" and (mine.framing, theirs.framing) == ("length", "chunked")
    changed = (b"content-length", b"transfer-encoding", b"x-saw")
    return (stays or empty) and (not where.endswith("headers") or without(*changed)(a, b))


def rejected(where, a, b, m, t):
    """A field of the line of a request that was rejected: HAProxy has not looked at it."""
    states = {v.field(n, number(where)) for v in (m, t) for n in ("ts", "tsc")} - {None}
    return states <= {"PR", "PR--"} and ("<BADREQ>" in b or (a, b) == ("0", "-1"))


def waited(where, a, b, m, t):
    """What HAProxy counts elsewhere."""
    of_body = m.case.name.startswith("flow/body/") and (a, b) == ((">0", "0") if where.endswith("Tw") else ("0", ">0"))
    return of_body or m.case.mode == "tcp" and where.endswith("Tw") and (a, b) == ("0", ">0")


KNOWN = [
    # What is sent on.
    Known("header names", "sent as they came, HAProxy 2.6 writes them in lower case", where=r".*\.header-case",
          values=lambda a, b: [n.lower() for n, _ in a] == [n.lower() for n, _ in b]),
    Known("hop-by-hop fields", "Keep-Alive, Proxy-Connection, unasked Upgrade and other connection options end here (RFC 9110 7.6.1)",
          where=r".*\.headers", values=hop_by_hop),
    Known("one Content-Length", "written anew as one number", cases=r"lenplus|two-lengths|length-list", where=r".*\.headers",
          values=lambda a, b: [(n, v.lstrip(b"0")) for n, v in a] == [(n, v.lstrip(b"0")) for n, v in b]),
    Known("default port in authority", "HAProxy takes :80 and :443 out of targets and Host fields", cases=r"^interim/connect|^target/20/",
          where=r".*\.(headers|line|HP|HU|r)", values=lambda a, b: b":80" in str(a).encode() and b":80" not in str(b).encode()),
    Known("reason phrases", "bytes outside of ASCII leave it empty, tabs stay", cases=r"^status/(4|10)$", where=r".*\.line"),
    Known("chunks to HTTP/1.0", "a client of HTTP/1.0 knows no chunks: it gets the bytes and the end of the connection",
          cases=r"/10(ka|close|proxyka)?(/|$)|/1\.0/", where=r"client\d.*|server\d.*|log\.count",
          views=lambda m, t: any(r.framing == "chunked" and r.line.startswith(b"HTTP/1.1") for r in t.clients[0][0])
          and all(r.framing != "chunked" for r in m.clients[0][0])),
    Known("1xx to HTTP/1.0", "a client of HTTP/1.0 knows no interim responses", cases=r"/10(ka)?(/|$)|/1\.0/", where=r"client0.*",
          views=lambda m, t: 100 <= (t.status() or 0) < 200 and (m.status() or 0) >= 200),
    Known("101 to HTTP/1.0", "HTTP/1.0 has no Upgrade (RFC 9110 7.8)", cases=r"^interim/101-10$", views=answered(502, 101)),
    Known("101 that nobody asked for", "a server that switches by itself is refused", cases=r"^interim/101-unasked$|^bad/upgrade-te", views=answered(502, 101, 502)),
    # Log fields.
    Known("bytes in HTTP mode", "HAProxy 2.6 counts bytes of its inner form, evenkeel those of the wire (and of 1.5)", where=r"log\d\.[BU]"),
    # Strict framing.
    Known("strict requests", "ambiguous or malformed requests are refused before a server sees them", cases=r"^(bad|own/400)/", views=refused(400, 414, 431)),
    Known("strict requests, on their way", "a malformed chunk or trailer ends the request also when its start was sent on",
          cases=r"^bad/(chunk-space|chunk-lf|trailer-cl|trailer-bad)/later$|^own/400/chunk-bad-trailer/.*/later$", views=lambda m, t: m.status() == 400 and t.status() in (200, 504)),
    Known("strict responses", "malformed responses are not sent on", cases=STRICT_RESPONSE, views=answered(502, 200, 99, 600, None)),
    Known("codings of a response", "beside chunked go to a client of HTTP/1.1 (RFC 9112 6.1); HAProxy answers 502", cases=r"^badhead/coded/1\.1$", views=answered(200, 502)),
    Known("lenient target", "http://host?query is a valid target (RFC 3986 3.3)", cases=r"^target/19/", views=answered(200, 400)),
    Known("number of fields", "tune.http.maxhdr counts the fields, HAProxy two more", cases=r"^bad(head)?/101", views=lambda m, t: m.status() == 200 and t.status() in (400, 502)),
    Known("bytes without a line end", "are judged when the line is there, or time is up", cases=r"^bad/cr-only/", views=answered(408, 400)),
    Known("414 and 431", "say what is too large, HAProxy says 400", cases=r"^(bad|own/400)/(huge|many|long-line)/", where=r".*own-status|log0\.ST",
          values=lambda a, b: str(a) in ("414", "431") and str(b) == "400"),
    Known("a bad first chunk", "HAProxy takes request and chunk for one thing and logs <BADREQ>; here the line of the request is logged",
          cases=r"^bad/(chunk-.*|trailer-bad)/at-once$|^own/400/chunk-.*/with$", where=r"log0\..*", views=lambda m, t: m.status() == t.status() == 400),
    # Errors.
    Known("page of HTTP/1.0", "an errorfile is sent as it was written", cases=r"file|^rule/answer/29/", where=r".*\.headers", values=without(b"connection")),
    Known("a later request that fails", "over a new connection is answered (over a kept one sent again, when that is safe); HAProxy closes without a word",
          cases=r"^(server|dead/hole|badhead|badline|badeol|retry|own/50[234].*)/", where=r"client0\..*|server0\..*|log\.count",
          views=lambda m, t: len(m.statuses()) > len(t.statuses()) > 0 and t.clients[0][2] == "closed"),
    Known("no second POST", "requests that may not be repeated are sent once, whatever retry-on says", cases=r"^retry/.*/POST$",
          views=lambda m, t: t.status() == 200 and m.status() != 200 and m.requests() == 1),
    Known("part of a response", "is junk and no empty response (as the manual has it)", cases=r"^retry/(empty|junk)-response/half-head-close/GET$"),
    Known("PD", "a malformed chunk of a response is P as the manual says (HAProxy 2.6 logs S)", cases=r"^server/chunk-bad-later/", where=r"log\d\.tsc?",
          values=lambda a, b: a.startswith("PD") and b.startswith("SD")),
    # Answers of the proxy itself, and the client's connection after them.
    Known("closing is said", "with Connection: close; HAProxy 2.6 closes after 401 and 413 without a word", where=r"client0\.response0\.own-connection",
          values=lambda a, b: a == [b"close"] and b in ([], [b"keep-alive"]), views=lambda m, t: m.clients[0][2] == t.clients[0][2] == "closed"),
    Known("body still under way", "the connection is closed after an answer that came before the request's body; HAProxy reads on", cases=r"^own/(200|503-hole|500-tarpit)",
          where=r"client0\.(end|count|response0\.own-connection)|server0\.connections|log\.count|log0\.T.",
          views=lambda m, t: m.status() == t.status() and m.clients[0][2] == "closed" and m.requests() == 0 and len(m.statuses()) == 1),
    Known("redirect of a request with a body", "leaves the connection open when the body is here; HAProxy closes it", cases=r"^own/302|^rule/(redirect|answer)/|^flow/(program|hint)/.*/post$",
          views=lambda m, t: m.status() == t.status() and (m.clients[0][2], t.clients[0][2]) == ("open", "closed")),
    Known("response that a rule denies", "is not read to its end: the connection to the server is closed", cases=r"^own/502-deny/|^rule/(redirect|answer)-response/|^flow/program/", where=r"server[01]\..*"),
    Known("TR of a tarpit", "is told, HAProxy 2.6 logs -1", cases=r"^own/(500-)?tarpit/|^rule/answer/", where=r"log0\.T[Rq]", values=lambda a, b: (a, b) == ("0", "-1")),
    Known("HEAD that is refused", "gets no body; HAProxy 2.6 sends one with 413", cases=r"/HEAD/10", where=r"client0\.tail",
          values=lambda a, b: a == b"" and b"413" in b),
    Known("cookies that caches would share", "502 as the manual says, and the connection to the server is closed; HAProxy 2.6 answers with its page for the server's status", cases=r"^checkcache/",
          where=r"client0\.response0\.own-status|server0\.conn0\.end|log1\.ST", views=lambda m, t: m.status() == 502 and m.field("tsc", 1) == t.field("tsc", 1) == "PH--"),
    Known("words about blocked cookies", "are our own", cases=r"^checkcache/", where=r"log0\.shape", values=lambda a, b: "cacheable cookie" in str(a) and "cacheable cookie" in str(b)),
    # Clients that leave or wait.
    Known("client leaves in its request's body", "400 and CH as in 1.5; HAProxy 2.6 logs no status, CD, and does not answer",
          cases=r"^abort/(body|chunks)/(half|reset)/|^failed/body/", where=r"client0\.count|log0\.(ST|tsc?)", values=lambda a, b: str(a) in ("400", "CH", "CH--") or b == []),
    Known("client stops in its request's body", "408 and cH after timeout client; HAProxy 2.6 waits for the server's timeout", cases=r"^abort/(body|chunks)/stay/|^own/408/body",
          where=r"client0\..*own-status|log0\.(ST|tsc?)", views=answered(408, 504)),
    Known("reset with abortonclose", "CH as for any client that leaves; HAProxy 2.6 logs CD", cases=r"^abort/(waiting|10)/reset/abortonclose$", where=r"log0\..*|server0.*"),
    Known("response for a client that is gone", "the connection to the server is closed, HAProxy keeps it for others", cases=r"^abort/(waiting|10)/reset/plain$", where=r"server0\.conn0\.end"),
    Known("how much of a large body came", "depends on buffers", cases=r"^abort/big/", where=r"client0\.response0\.body"),
    Known("response before the request's end", "a server that closes ends the request with it, and the client is told at once; HAProxy reads the rest",
          cases=r"^(upload|interim/expect)/.*(early-close|early-drop|refused)", views=lambda m, t: m.status() == t.status()),
    Known("server closes after 101", "a tunnel stays until both sides have closed", cases=r"^interim/101-close-by-server$", where=r"server0\.conn0\.end"),
    # Queues and connections.
    Known("slots", "are handed over at once: the next session is counted already", cases=r"^queue/", where=r"log\d\.sc"),
    Known("max-reuse", "holds for all requests; HAProxy 2.6 forgets it while one client uses a connection of HTTP/1", cases=r"^reuse/server/max-reuse", where=r"server0.*"),
    Known("nolinger", "resets a connection when it is closed, not when one direction ends", cases=r"^tcp/half-then-answer/option nolinger$", where=r"client0\.tail"),
    # The statistics page.
    Known("POST to the page", "gets the page, like GET; HAProxy takes it for a form of `stats admin`, which is not built, and redirects", cases=r"^own/200-stats/POST/|^stats-rules/.*/post/",
          views=lambda m, t: m.status() == 200 and 303 in t.statuses()),
    Known("100 before the page", "HAProxy asks for the body before it answers itself", cases=r"^own/200-stats/.*/expect/", views=answered(200, 100)),
    Known("status of a refused page", "as it was sent, HAProxy 2.6 logs 400", cases=r"^stats/(auth|realm)/|^own/401-stats/|^stats-rules/", where=r"log0\.ST",
          values=lambda a, b: a in ("401", "403", "404") and b == "400"),
    Known("connection after a refused page", "stays; HAProxy closes it", cases=r"^stats-rules/", where=r"client0\.end", values=lambda a, b: (a, b) == ("open", "closed"),
          views=lambda m, t: m.status() == t.status() in (401, 403, 404)),
    # PROXY protocol.
    Known("words about PROXY headers", "are our own", cases=r"^proxy/", where=r"log0\.shape", values=lambda a, b: "PROXY" in str(a) and "PROXY" in str(b)),
    Known("PROXY headers that are valid", "UNKNOWN with addresses, UNSPEC, and headers that come in pieces are accepted", cases=r"^proxy/(v1-unknown-long|v2-unspec|split)/",
          views=lambda m, t: len(t.servers[0]) == 0 and len(m.servers[0]) == 1),
    Known("PROXY header with port 99999", "is refused", cases=r"^proxy/bad-port/", views=lambda m, t: len(m.servers[0]) == 0 and len(t.servers[0]) == 1),
    Known("who ends the wait for a PROXY header", "the client, or the time; HAProxy 2.6 logs PR for all", cases=r"^failed/proxy/(nothing|none)$", where=r"log0\.ts", values=lambda a, b: (a, b) in (("CR", "PR"), ("cR", "PR"))),
    # Conditions.
    Known("empty patterns", "are patterns; HAProxy takes one for the end of the line", cases=r"^acl/empty/", where=r"server0\.conn0\.request0\.headers",
          values=lambda a, b: [h for h in a if h[0] != b"x-hit"] == [h for h in b if h[0] != b"x-hit"] and len(a) > len(b)),
    Known("texts that begin with an address", "are none; HAProxy's `-m ip` looks no further", cases=r"^acl/text/ip/[2-5]$", where=r"server0\.conn0\.request0\.headers",
          values=lambda a, b: not any(n == b"x-hit" for n, _ in a)),
    # Rules.
    Known("connections that depend on addresses that rules set", "(send-proxy, a server at 0.0.0.0) serve one request; HAProxy keeps some for each pair of addresses",
          cases=r"^flow/address/", where=r"server[01]\.conn0\.end", values=lambda a, b: (a, b) == ("closed", "open")),
    Known("TR of a request that normalize-uri refuses", "is told, HAProxy 2.6 logs -1", cases=r"^rule/normalize/", where=r"log0\.T[Rq]", values=lambda a, b: (a, b) == ("0", "-1")),
    Known("hints", "that rules of a section make are one response 103; HAProxy begins another one where a rule has a condition", cases=r"^flow/hint/(condition|set)/", where=r"client0\..*",
          views=lambda m, t: hinted(m) == hinted(t) and len(m.clients[0][0]) < len(t.clients[0][0])),
    Known("addresses that tcp-request session sets", "are the connection's, fc_src and fc_dst say them, too", cases=r"^flow/address/\d", where=r"server\d\.conn0.*headers",
          values=lambda a, b: [h for h in a if h[0] != b"x-conn"] == [h for h in b if h[0] != b"x-conn"]),
    Known("HEAD stays HEAD", "the client would wait for a body, or take one for the next response", cases=r"^rule/(edit|target)/.*/head(/|$)", at=unmade(lambda i, r: i == 0 and not r.line.startswith(b"HEAD "))),
    Known("targets that are none", "are not made: a target is a path or a whole URI, whose host a path does not change (RFC 9112 3.2)", cases=r"^rule/(edit|target)/", at=unmade(lambda i, r: not is_target(r))),
    Known("set-status and bodies", "204 and 304 are not made of a response with a body; what had none has the length 0", cases=r"^rule/status/", where=r"client0\.response\d\.(line|headers|framing|body)|log\d\.ST", at=status_with_body),
    Known("ignore-empty and prefix", "an empty prefix is ignored, too; HAProxy redirects to the same path", cases=r"^rule/redirect/12/.*/8/"),
    Known("reason of 302", "Found (RFC 9110 15.4.3); HAProxy says Moved Temporarily, in redirects Found", cases=r"^rule/answer/", where=r".*\.line",
          values=lambda a, b: (a, b) == (b"HTTP/1.1 302 Found", b"HTTP/1.1 302 Moved Temporarily")),
    Known("status in the answer to a response", "is the response's; HAProxy looks for it in the request", cases=r"^rule/answer-response/[23]/", where=r"client0.*|log.*|server0.*",
          views=lambda m, t: t.statuses() == [] or t.clients[0][0][0].body == b"was " or m.clients[0][0][-1].body[:4] == b"was "),
    Known("line of a request that tcp-request content rejects", "is logged: it was read", cases=r"^flow/(program|tcp-http)/", where=r"log\d\.(H[MPQUV]O?|r|T[Rq])", at=rejected),
    Known("rewriting that does not fit", "is left out and the rest goes on (docs/limits.md), or 431; HAProxy answers 500", cases=r"^flow/(large|body/big)/", views=lambda m, t: 500 in t.statuses() or t.field("ST") == "500"),
    Known("monitors and tcp-request content", "a monitor's request is answered first", cases=r"^flow/monitor/tcp/", views=lambda m, t: t.statuses() == [] or m.status() == 200),
    Known("req.len in HTTP", "is the request as it came; HAProxy counts bytes of its inner form", cases=r"^flow/absent/", where=r"server0.*headers",
          values=lambda a, b: [n for n, _ in a] == [n for n, _ in b]),
    Known("append-slash behind a query", "has no place there: a slash is added to a path", cases=r"^rule/redirect/.*/2/", where=r".*\.headers",
          values=lambda a, b: any(n == b"location" and b"?" in v and v.endswith(b"/") for n, v in b)),
    Known("time spent in rules", "HAProxy counts what tcp-request content waits for in Tw, and what a body is waited for in TR", cases=r"^flow/(tcp|body)/", where=r"log0\.(T[wRq])", at=waited),
]
