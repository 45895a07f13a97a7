"""Rules: which of them decide, in which order, and where a session goes; and what is looked at when it is not there, or not yet."""
import itertools
import random

from cases_http import OK, ask, request
from run import Case

FINE = [("loop", [OK])]
CONDITIONS = ("", "", " if TRUE", " if { hdr(x-a) -m found }", " unless { hdr(x-a) 1 }", " if { path_beg /a }", " if METH_POST or { path /b }", " if { var(txn.v) -m str 1 }", " if !{ path /a } { hdr(x-a) 1 2 }")
EARLY = ("", " if TRUE", " if { src 127.0.0.0/8 }", " unless { src 127.0.0.0/8 }", " if FALSE")
# Decisions are rare among rules that only leave a mark, so that later ones are reached.
ACTIONS = {
    "tcp-request connection": ("accept", "set-var(sess.v) str(1)", "reject{rare}"),
    "tcp-request session": ("accept", "set-var(sess.v) str(2)", "reject{rare}"),
    "tcp-request content": ("accept", "set-var(txn.v) str(1)", "set-var(txn.v) req.hdr(x-a)", "reject{rare}"),
    "http-request": ("add-header x-step {n}", "add-header x-step {n}", "add-header x-step {n}", "set-var(txn.v) str({n})", "allow", "set-path /b", "del-header x-a", "set-header x-a 1", "deny{rare}", "deny deny_status 404{rare}",
                     "redirect location /r{n}{rare}", "return status 200 content-type text/plain string r{n}{rare}", "reject{rare}", "set-log-level err", "set-log-level silent{rare}"),
    "redirect": ("location /R{n}{rare}", "prefix /R{n} code 301{rare}"),
    "use_backend": ("{name}x{rare}", "%[req.hdr(x-to)]", "{name}x{rare}"),
    "http-response": ("add-header x-done {n}", "add-header x-done {n}", "allow", "set-status 201", "deny{rare}", "set-header x-v %[var(txn.v)]", "set-log-level notice", "redirect location /S{n}{rare}"),
}
IN_BACKENDS = ("tcp-request content", "http-request", "redirect", "http-response")
PATHS = {"a": dict(target="/a"), "b": dict(target="/b", more="X-A: 1\r\n"), "c": dict(target="/c", more="X-A: 2\r\n"), "post": dict(method="POST", target="/a/b", more="X-A: 1\r\nContent-Length: 2\r\n", body=b"hi"), "head": dict(method="HEAD", target="/b"),
         "to": dict(target="/d", more="X-To: nobody\r\nX-A: 3\r\n")}


def rules(rnd, families, count):
    lines = []
    for n in range(count):
        family = rnd.choice(families)
        action = rnd.choice(ACTIONS[family]).replace("{n}", str(n))
        condition = rnd.choice(EARLY if family in ("tcp-request connection", "tcp-request session") else CONDITIONS)
        if family == "http-response":
            condition = rnd.choice(("", " if { status 200 }", " if { var(txn.v) -m found }", " unless { res.hdr(x-s) 1 }"))
        if "{rare}" in action:
            action = action.replace("{rare}", "")
            condition = rnd.choice((" if { src 10.0.0.1 }", " unless { src 127.0.0.1 }")) if family.endswith(("connection", "session")) else rnd.choice((" if { path /c }", " if METH_POST", " if { hdr(x-a) 2 }")) \
                if family != "http-response" else rnd.choice((" if { var(txn.v) -m str 1 }", " if { status 404 }"))
        lines.append(f"{family} {action}{condition}")
    return lines


def programs(rnd):
    """Random rules of all kinds, in any order of lines."""
    for n in range(110):
        families = [*ACTIONS]
        fe = rules(rnd, rnd.sample(families, rnd.randrange(2, 6)) + ["http-request"], rnd.randrange(3, 10))
        be = rules(rnd, [*rnd.sample(IN_BACKENDS, 2), "http-request"], rnd.randrange(0, 6))
        other = [f"backend {{name}}x", "    mode http", *("    " + l for l in rules(rnd, ["http-request", "http-response"], 3)), "    server x 127.0.0.1:{port1}"]
        for r in rnd.sample(sorted(PATHS), 5):
            yield Case(f"flow/program/{n}/{r}", [ask(**PATHS[r]) + ask(target="/a")], [[FINE], [FINE]], fe, be, ["", "backup"], more=other, shape=rnd.choice(("custom", "http")))


def switching(rnd):
    """use_backend and use-server, to names that are there and to some that are not, to servers that are up and down."""
    backends = ["backend {name}x", "    mode http", "    server x 127.0.0.1:{port1}", "backend {name}empty", "    mode http", "backend {name}down", "    mode http", "    server d 127.0.0.1:{port1} disabled"]
    lines = ("use_backend {name}x if { path /a }", "use_backend {name}x unless { path /a }", "use_backend {name}%[path,field(2,/)] if TRUE", "use_backend {name}%[req.hdr(x-to)]", "use_backend %[req.hdr(x-to)] if { req.hdr(x-to) -m found }",
             "use_backend {name}down if { path /down }", "use_backend {name}empty if { path /empty }", "use_backend {name}%[path,lower,word(1,/)]x if { path /X }", "use_backend {name}%[path,field(2,/)] if { path_beg /e }")
    requests = [dict(target=t, more=m) for t in ("/a", "/x", "/down", "/empty", "/", "/no/x") for m in ("", "X-To: x\r\n", "X-To: nobody\r\n")]
    for n in range(22):
        chosen = rnd.sample(lines, rnd.randrange(1, 4))
        for i in rnd.sample(range(len(requests)), 5):
            yield Case(f"flow/backend/{n}/{i}", [ask(**requests[i])], [[FINE], [FINE]], chosen, ["timeout queue 80ms"], ["", "backup"], more=["    # others", *backends], shape=rnd.choice(("custom", "http")))
    servers = ("use-server s1 if { path /a }", "use-server s0 if { hdr(x-a) 1 }", "use-server s2 if { path /down }", "use-server s1 unless { hdr(x-a) 1 }", "use-server %[req.hdr(x-to)] if { req.hdr(x-to) -m found }", "use-server s%[req.hdr(x-n)] if { req.hdr(x-n) -m found }")
    for n in range(16):
        chosen = rnd.sample(servers[:4], rnd.randrange(1, 4))
        for i, r in enumerate((dict(target="/a"), dict(target="/down"), dict(more="X-A: 1\r\n"), dict(target="/a", more="X-A: 1\r\n"), dict(target="/z", more="X-To: s1\r\n"))):
            yield Case(f"flow/server/{n}/{i}", [ask(**r) + ask(target="/a") + ask()], [[FINE], [FINE], [FINE]], [], [*chosen, "balance roundrobin"], ["", "", rnd.choice(("disabled", "weight 0", "backup"))])


def monitors(rnd):
    groups = {
        "plain": ["monitor-uri /m"], "fail": ["monitor-uri /m", "monitor fail if { hdr(x-down) -m found }"], "two": ["monitor-uri /m", "acl a hdr(x-down) 1", "acl b hdr(x-down) 2", "monitor fail if a or b"],
        "denied": ["monitor-uri /m", "http-request deny"], "unless": ["monitor-uri /m", "monitor fail unless { hdr(x-up) 1 }"], "captured": ["monitor-uri /m", "capture request header X-Down len 5", "http-request set-header x-a 1"],
        "redirect": ["monitor-uri /m", "redirect location /x"], "tcp": ["monitor-uri /m", "tcp-request content reject if { path /m }"], "empty": ["monitor-uri /m", "monitor fail if { nbsrv({name}none) lt 1 }"],
    }
    none = ["backend {name}none", "    mode http"]
    requests = [dict(target="/m"), dict(target="/m?x"), dict(target="/m/"), dict(target="/M"), dict(target="/m", more="X-Down: 1\r\n"), dict(target="/m", more="X-Down: 2\r\n"), dict(target="/m", more="X-Up: 1\r\n"), dict(method="HEAD", target="/m"),
                dict(target="/m", version="1.0"), dict(target="http://h/m", host="h"), dict(method="POST", target="/m", more="Content-Length: 1\r\n", body=b"x"), dict(target="/m", more="Connection: close\r\n")]
    for (g, lines), (i, r) in itertools.product(groups.items(), enumerate(requests)):
        if rnd.random() < 0.6:
            yield Case(f"flow/monitor/{g}/{i}", [ask(**r) + ask(target="/after")], [[FINE]], lines, more=none if g == "empty" else [], shape=rnd.choice(("custom", "http")))


def absent(rnd):
    """Samples at a time at which they have no value, and conditions over them."""
    samples = ("res.hdr(x-a)", "status", "res.ver", "res.cook(a)", "req.body", "req.body_len", "req.body_param(a)", "srv_id", "srv_name", "be_name", "fe_name", "path", "req.hdr(x-a)", "method", "var(res.x)", "url_ip", "http_auth_user", "req.len", "src_port")
    for n, s in enumerate(samples):
        needs_request = s in ("path", "req.hdr(x-a)", "method", "url_ip", "http_auth_user") or s.startswith("req.")
        needs_response = s.startswith("res.") or s in ("status", "srv_id", "srv_name")
        fe = [] if needs_response else [f"http-request add-header x-there yes if {{ {s} -m found }}", f"http-request set-header x-v <%[{s}]>"]
        be = [] if needs_request else [f"http-response add-header x-there yes if {{ {s} -m found }}", f"http-response set-header x-v <%[{s}]>"]
        if s == "src_port":
            fe, be = [f"http-request add-header x-there yes if {{ {s} gt 0 }}"], []
        fe = [l for l in fe if "be_" not in s]
        for i, r in enumerate((dict(more="X-A: 1\r\n"), dict(method="POST", more="Content-Length: 3\r\n", body=b"a=b"), dict(method="HEAD"))):
            yield Case(f"flow/absent/{n}/{i}", [ask(**r) + ask()], [[FINE]], fe, be)


def bodies(rnd):
    """Bodies that rules look at, with and without `option http-buffer-request`."""
    forms = {
        "len": ("Content-Length: 7\r\n", [b"a=1&b=x"]), "late": ("Content-Length: 7\r\n", [b"", b"a=1&", b"b=x"]), "chunked": ("Transfer-Encoding: chunked\r\n", [b"3\r\na=1\r\n4\r\n&b=x\r\n0\r\n\r\n"]),
        "pieces": ("Transfer-Encoding: chunked\r\n", [b"3\r\na=1\r\n", b"4\r\n&b", b"=x\r\n0\r\n\r\n"]), "none": ("", [b""]), "empty": ("Content-Length: 0\r\n", [b""]),
        "big": ("Content-Length: 15009\r\n", [b"a=" + b"z" * 15000 + b"&b=q"[:7]]), "form": ("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 11\r\n", [b"b=%78+y&a=1"]),
    }
    lines = ["http-request set-header x-len %[req.body_len]", "http-request set-header x-size %[req.body_size]", "http-request set-header x-a <%[req.body_param(a)]>", "http-request add-header x-hit b if { req.body_param(b) -m str x }",
             "http-request add-header x-hit s if { req.body -m sub b=x }", "http-request set-header x-sum %[req.body,crc32]"]
    for (f, (more, pieces)), mode, method in itertools.product(forms.items(), ("buffer", "wait"), ("POST", "PUT", "GET")):
        first = {"buffer": ["option http-buffer-request"], "wait": ["http-request wait-for-body time 500ms"]}[mode]
        if f == "none" and method != "GET":
            continue
        script = [("send", request(method, more=more) + pieces[0])]
        for p in pieces[1:]:
            script += [("sleep", 0.03), ("send", p)]
        yield Case(f"flow/body/{f}/{mode}/{method}", [script + [("resp", method)] + ask()], [[FINE]], first + lines if rnd.random() < 0.5 or f == "big" else first, [] if f == "big" else lines if rnd.random() < 0.5 else [])


def large(rnd):
    """Rewriting up to what fits, and beyond."""
    for size, count in itertools.product((100, 4000, 14000), (1, 3)):
        for action in ("http-request add-header x-more %[req.hdr(x-big)]", "http-request set-path /%[req.hdr(x-big)]", "http-request replace-header x-big (.*) \\1\\1", "http-request set-header x-short %[req.hdr(x-big),length]", "http-request capture req.hdr(x-big) len 8000",
                       "http-response set-header x-back %[var(txn.s)]", "http-request redirect location /%[req.hdr(x-big)]", "http-request deny hdr x-big %[req.hdr(x-big)]"):
            fe = ["http-request set-var(txn.s) req.hdr(x-big),bytes(0,200)"] + [action] * count
            yield Case(f"flow/large/{size}/{count}/{action.split()[1]}-{len(action)}", [ask(more=f"X-Big: {'v' * size}\r\n")], [[FINE]], fe, shape="http")


def bytes_first(rnd):
    """Rules on the first bytes of a TCP session, and what is waited for."""
    groups = {
        "accept": ["tcp-request inspect-delay 200ms", "tcp-request content accept if { req.len gt 3 }", "tcp-request content reject if WAIT_END"],
        "reject": ["tcp-request inspect-delay 200ms", "tcp-request content reject if { req.payload(0,2) -m bin 4142 }"],
        "wait": ["tcp-request inspect-delay 120ms", "tcp-request content accept if WAIT_END"],
        "switch": ["tcp-request inspect-delay 200ms", "tcp-request content accept if { req.len ge 2 }", "use_backend {name}x if { req.payload(0,2) -m bin 4142 }"],
        "connection": ["tcp-request connection reject if { src 127.0.0.1 }"], "connection-not": ["tcp-request connection reject unless { src 127.0.0.1 }"], "session": ["tcp-request session reject if { src 127.0.0.1 }"],
        "accepted": ["tcp-request connection accept", "tcp-request connection reject"], "http": ["tcp-request inspect-delay 200ms", "tcp-request content accept if HTTP", "tcp-request content reject"],
        "var": ["tcp-request inspect-delay 200ms", "tcp-request content set-var(sess.x) req.payload(0,3)", "tcp-request content accept if { req.len gt 2 }", "tcp-request content reject if { var(sess.x) -m str ABC }"],
        "ssl": ["tcp-request inspect-delay 100ms", "tcp-request content accept if { req.ssl_hello_type 1 }", "tcp-request content reject"],
    }
    other = ["backend {name}x", "    mode tcp", "    server x 127.0.0.1:{port1}"]
    sent = {"AB": [b"AB"], "ABCD": [b"ABCD"], "slow": [b"A", b"B", b"CDE"], "nothing": [], "http": [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"], "xy": [b"xyz"]}
    for (g, lines), (s, pieces) in itertools.product(groups.items(), sent.items()):
        steps = [x for p in pieces for x in (("send", p), ("sleep", 0.03))]
        server = [("read", 1), ("write", b"hello"), ("hold",)]
        yield Case(f"flow/tcp/{g}/{s}", [steps + [("sleep", 0.3), ("half",), ("eof",)]], [[server], [server]], lines, ["timeout server 500ms"], ["", "backup"], more=other, mode="tcp", shape=rnd.choice(("tcp", "customtcp")))
    in_http = {"content-path": ["tcp-request inspect-delay 200ms", "tcp-request content reject if { path /a }"], "content-late": ["tcp-request inspect-delay 200ms", "tcp-request content accept if HTTP", "tcp-request content reject"],
               "content-var": ["tcp-request inspect-delay 100ms", "tcp-request content set-var(txn.p) path", "http-request set-header x-p %[var(txn.p)]"], "content-wait": ["tcp-request inspect-delay 80ms", "tcp-request content accept if WAIT_END"],
               "connection": ["tcp-request connection reject if { src 127.0.0.1 }"], "session": ["tcp-request session reject if { dst 127.0.0.1 }"], "content-method": ["tcp-request content reject if METH_POST"]}
    for (g, lines), side, (r, kw) in itertools.product(in_http.items(), ("fe", "be"), PATHS.items()):
        if side == "be" and not g.startswith("content") or side == "be" and "http-request" in lines[-1]:
            continue
        yield Case(f"flow/tcp-http/{g}/{side}/{r}", [ask(**kw) + ask(target="/a")], [[FINE]], lines if side == "fe" else [], lines if side == "be" else [])

# Ports only where they are not the kernel's choice.
SEEN = ["http-request add-header x-seen '%[src] %[dst] %[src_is_local] %ci %fi'", "http-request add-header x-conn '%[fc_src] %[fc_dst]'", "http-request add-header x-from %[src_port]|%cp if { src_port lt 5000 } || { src_port 65535 }",
        "http-request add-header x-to %[dst_port]|%fp if { dst_port lt 5000 } || { dst_port 65535 }"]
ADDRESSES = ("src req.hdr(x-real)", "src str(2001:db8::7)", "src src,ipmask(24)", "src str(nowhere)", "src req.hdr(x-none)", "src-port int(4321)", "src-port req.hdr(x-port)", "src-port int(70000)", "dst str(192.0.2.9)", "dst dst,ipmask(16)",
             "dst str(::1)", "dst-port int(99)", "dst-port req.hdr(x-port)", "dst-port int(-1)")
EARLY_ADDRESSES = [a for a in ADDRESSES if "req." not in a]


def addresses(rnd):
    """set-src, set-dst and their ports at each stage: what samples, logs, fields and PROXY headers then say."""
    for n in range(60):
        fe, be = ["option forwardfor", "option originalto"] if rnd.random() < 0.6 else [], [*SEEN]
        for family in rnd.choices(("tcp-request connection", "tcp-request session", "tcp-request content", "http-request", "http-request"), k=rnd.randrange(1, 5)):
            late = family in ("tcp-request content", "http-request")
            condition = rnd.choice(("", "", " if { src 127.0.0.0/8 }", " if { path /a }" if family == "http-request" else ""))
            side = be if family == "http-request" and rnd.random() < 0.3 else fe
            side.append(f"{family} set-{rnd.choice(ADDRESSES if late and family == 'http-request' else EARLY_ADDRESSES)}{condition}")
        fe += SEEN
        several = rnd.random() < 0.3
        if several:
            be.append("balance source")
        send = "" if several else rnd.choice(("", "send-proxy"))
        script = ask(target="/a", more="X-Real: 198.51.100.7\r\nX-Port: 81\r\n")
        script += [] if send else ask(target="/b", more="X-Port: x\r\n")
        yield Case(f"flow/address/{n}", [script], [[FINE]] * (1 + several), fe, be, [send], shape=rnd.choice(("custom", "http", "hex")))
    other = ["backend {name}any", "    mode {mode}", "    server x 0.0.0.0:0"]
    for mode, (family, kind) in itertools.product(("http", "tcp"), (("tcp-request connection", ""), ("tcp-request session", ""), ("tcp-request content", ""), ("http-request", ""), ("tcp-request content", "port"))):
        if (mode, family) == ("tcp", "http-request"):
            continue
        lines = ([] if kind else [f"{family} set-dst str(127.0.0.1)"]) + [f"{family} set-dst-port int({{port1}})", "use_backend {name}any"]
        yield Case(f"flow/address/to/{mode}/{family.split()[-1]}{kind}", [ask() + [("half",), ("eof",)]], [[FINE], [FINE]], lines, more=[l.replace("{mode}", mode) for l in other], mode=mode,
                   shape="custom" if mode == "http" else "customtcp")


def timeouts(rnd):
    """set-timeout: of servers that say nothing, and of tunnels."""
    seen = ["http-request set-header x-seen '%[be_server_timeout] %[be_tunnel_timeout]'", "http-response set-header x-seen '%[cur_server_timeout] %[cur_tunnel_timeout]'"]
    for n, (lines, listen, silent) in enumerate(itertools.product(
            (["http-request set-timeout server 120ms"], ["http-request set-timeout server int(130)"], ["http-request set-timeout server req.hdr(x-t)"], ["http-request set-timeout server req.hdr(x-none)"],
             ["http-request set-timeout server 5s", "http-request set-timeout server 110"], ["http-request set-timeout tunnel 90ms", "http-request set-timeout server 1m"], ["http-request set-timeout server 140ms if { path /p }"]), (False, True), (False, True))):
        server = [("read", 1), ("hold",)] if silent else [("loop", [OK])]
        yield Case(f"flow/timeout/{n}", [ask(more="X-T: 150\r\n") + ([] if silent else ask(target="/q"))], [[server]], [], ["timeout server 400ms", *lines, *seen], listen=listen, shape=rnd.choice(("custom", "http")), linger=0.4)
    switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhi"
    for n, lines in enumerate(([], ["http-request set-timeout tunnel 100ms"], ["http-request set-timeout tunnel int(120)"], ["http-request set-timeout server 130ms"])):
        yield Case(f"flow/timeout/tunnel/{n}", [ask(more="Connection: upgrade\r\nUpgrade: x\r\n") + [("eof",)]], [[[("head",), ("write", switch), ("hold",)]]], [], ["timeout server 500ms", *lines], linger=0.4)


def hints(rnd):
    """early-hint: what goes before answers of servers, of rules, and before bodies that are waited for."""
    one, two, late = "http-request early-hint Link '</a.css>; rel=preload'", "http-request early-hint X-Path %[path]", "http-request early-hint x-b y if { path /p }"
    groups = {"one": [one], "two": [one, two], "condition": [one, late, two], "wait": ["http-request wait-for-body time 300ms", one], "deny": [one, "http-request deny if { path /p }"], "redirect": ["http-request redirect location /x if { path /p }", two],
              "set": ["http-request set-header x-a b", one, late], "none": ["http-request early-hint x-c d if { path /none }"]}
    for (g, lines), (r, kw) in itertools.product(groups.items(), {"get": {}, "head": dict(method="HEAD"), "post": dict(method="POST", more="Content-Length: 2\r\n", body=b"ab"), "10": dict(version="1.0"), "close": dict(more="Connection: close\r\n"), "q": dict(target="/q")}.items()):
        side = rnd.random() < 0.5
        yield Case(f"flow/hint/{g}/{r}", [ask(**kw) + ask(target="/after")], [[FINE]], lines if side else [], [] if side else lines, shape=rnd.choice(("custom", "http")))


def all_cases(seed):
    rnd = random.Random(seed + 5)
    for family in (programs, switching, monitors, absent, bodies, large, bytes_first, addresses, timeouts, hints):
        yield from family(rnd)
