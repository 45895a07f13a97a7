#!/usr/bin/env python3
"""Compares `show info` and `show stat` with HAProxy's, column by column, after the same traffic.

    stats_oracle.py --evenkeel target/release/evenkeel [--haproxy /usr/sbin/haproxy]

Each in its turn gets the same configuration and the same clients and servers. A column that differs and is not listed in
INFO or STAT, with the reason, is printed, and so is a reason that nothing needs any more; the exit code is the number of
both (0 = all as HAProxy has it). Times are compared roughly: both run on a machine that others use too.
"""
import argparse, os, re, shutil, socket, subprocess, sys, tempfile, threading, time

CONFIG = """
global
    stats socket {dir}/sock mode 600 level admin
    nbthread 2
    maxconn 100
    node here
    description the place
defaults
    mode http
    timeout connect 2s
    timeout client 5s
    timeout server 5s
    retries 1
frontend web
    bind 127.0.0.1:{web}
    maxconn 80
    option socket-stats
    default_backend farm
backend farm
    fullconn 40
    option httpchk GET /check
    server good 127.0.0.1:{a} check inter 200ms fastinter 100ms rise 2 fall 2 weight 10 maxconn 30
    server bad 127.0.0.1:{bad} check inter 200ms rise 2 fall 2
    server refused 127.0.0.1:{none} check inter 200ms rise 2 fall 2 backup
    server plain 127.0.0.1:{b} weight 5
    server away 127.0.0.1:{a} disabled
backend down
    server x 127.0.0.1:{none}
backend dead
    server x 127.0.0.1:{none} check inter 200ms rise 1 fall 1
frontend nobody
    bind 127.0.0.1:{nobody}
    use_backend down
frontend lost
    bind 127.0.0.1:{lost}
    default_backend dead
listen tcp
    mode tcp
    bind 127.0.0.1:{tcp}
    server t 127.0.0.1:{a} check inter 200ms rise 1 fall 1
listen page
    bind 127.0.0.1:{page}
    stats enable
    stats uri /
"""

# show info: why a line may differ.
INFO = {
    "Name": "ours", "Version": "ours", "Release_date": "ours", "Build info": "ours", "Pid": "ours", "Uptime": "time",
    "Uptime_sec": "time", "Start_time_sec": "time", "Ulimit-n": "our descriptors", "Maxsock": "our descriptors",
    "Tasks": "our tasks", "Idle_pct": "load", "PoolAlloc_bytes": "our pools", "PoolUsed_bytes": "our pools",
    "MemoryBound_bytes": "ours alone", "MaxCurrConns": "ours alone", "QueuedSessions": "ours alone", "CliConns": "ours alone",
    "MaxConnRate": "turn of a second", "MaxSessRate": "turn of a second", "ConnRate": "time", "SessRate": "time",
    "BytesOutRate": "time", "CumConns": "theirs counts checks too", "TotalBytesOut": "theirs counts operators too",
}
# These may be equal by chance.
CHANCE = {"time", "load", "turn of a second"}
# show stat: lines and columns that differ, and why.
STAT = [
    (r".*", r"bin|bout|h1_bytes_in|h1_bytes_out", "ours are bytes of the connection, as in 1.5; theirs are of its own form of messages"),
    (r".*FRONTEND", r"req_tot|h1_total_streams", "theirs counts what is no request too"),
    (r".*/sock-.*", r"bin|bout|dreq|dresp|ereq", "not counted for each listener"),
    (r"farm/(good|plain)", r"srv_icur|safe_conn_cur|idle_conn_cur", "how many idle connections are kept; ours are all of one kind"),
    (r".*", r"need_conn_est", "theirs counts checks too"),
    (r".*/BACKEND", r"h1_.*", "theirs counts checks too"),
    (r"down/x", r"stot", "theirs counts each attempt to connect"),
]
REASONS = {name: why for name, why in INFO.items() if why not in CHANCE} | {row: row[2] for row in STAT}


def server(answer):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", 0))
    s.listen(50)

    def one(c):
        with c:
            data = b""
            try:
                while True:
                    b = c.recv(65536)
                    if not b:
                        return
                    data += b
                    while b"\r\n\r\n" in data:
                        head, data = data.split(b"\r\n\r\n", 1)
                        c.sendall(answer(head.split(b" ")[1]))
            except OSError:
                pass

    def loop():
        while True:
            c, _ = s.accept()
            threading.Thread(target=one, args=(c,), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()
    return s.getsockname()[1]


def port():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    p = s.getsockname()[1]
    s.close()
    return p


def page(path):
    body = b"x" * 100
    status = {b"/404": b"404 Not Found", b"/500": b"500 Oops", b"/302": b"302 Found"}.get(path, b"200 OK")
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def failing(path):
    return b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"


def ask(path, command):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(command.encode() + b"\n")
        data = b""
        while True:
            b = s.recv(65536)
            if not b:
                return data.decode()
            data += b


def pause():
    """Until the proxy has seen the end of a connection, so that two do not overlap."""
    time.sleep(0.05)


def fetch(p, text):
    with socket.create_connection(("127.0.0.1", p)) as s:
        s.settimeout(6)
        s.sendall(text.encode())
        data = b""
        try:
            while b := s.recv(65536):
                data += b
        except OSError:
            pass
    pause()
    return data


def traffic(ports):
    close = "Host: a\r\nConnection: close\r\n\r\n"
    for path in ["/", "/", "/404", "/500", "/302", "/"]:
        fetch(ports["web"], f"GET {path} HTTP/1.1\r\n{close}")
    # Four requests of one connection, the last one malformed.
    fetch(ports["web"], "".join("GET /k HTTP/1.1\r\nHost: a\r\n\r\n" for _ in range(3)) + "GET /\x01 HTTP/1.1\r\n\r\n")
    fetch(ports["web"], f"GET / HTTP/1.1\r\nCookie: SRV=g\r\n{close}")
    fetch(ports["nobody"], f"GET / HTTP/1.1\r\n{close}")
    fetch(ports["lost"], f"GET / HTTP/1.1\r\n{close}")
    with socket.create_connection(("127.0.0.1", ports["tcp"])) as s:
        s.sendall(b"GET / HTTP/1.1\r\n\r\n")
        s.recv(65536)
    # An operator's page, twice.
    fetch(ports["page"], f"GET /;csv HTTP/1.1\r\n{close}")
    # A client that leaves before it said anything, one in the middle of its request.
    socket.create_connection(("127.0.0.1", ports["web"])).close()
    pause()
    with socket.create_connection(("127.0.0.1", ports["web"])) as s:
        s.sendall(b"GET / HT")
    time.sleep(0.3)


def run(binary, servers):
    work = tempfile.mkdtemp(prefix="stats-oracle-")
    ports = dict(servers)
    for name in ["web", "nobody", "lost", "tcp", "page", "none"]:
        ports[name] = port()
    file = os.path.join(work, "cfg")
    with open(file, "w") as f:
        f.write(CONFIG.format(dir=work, **ports))
    p = subprocess.Popen([binary, "-db", "-f", file], stderr=open(os.path.join(work, 'err'), 'w'), stdout=subprocess.DEVNULL)
    try:
        sock = os.path.join(work, "sock")
        for _ in range(100):
            if os.path.exists(sock):
                break
            time.sleep(0.05)
        else:
            sys.exit(f"{binary} does not start:\n" + open(os.path.join(work, "err")).read())
        time.sleep(2.2)  # checks find what is down, and seconds pass
        traffic(ports)
        stat, info = ask(sock, "show stat"), ask(sock, "show info")
    finally:
        p.terminate()
        p.wait()
        shutil.rmtree(work)
    text = stat
    for name, n in ports.items():
        text = text.replace(f":{n}", f":<{name}>")
    lines = {}
    rows = text.strip().splitlines()
    names = rows[0][2:].split(",")
    for r in rows[1:]:
        values = r.split(",")
        lines["/".join(values[:2])] = dict(zip(names, values))
    for key in list(lines):
        m = re.sub(r"\d{4,5}", "", key)
        if m != key:
            lines[m] = lines.pop(key)
    return dict(l.split(": ", 1) if ": " in l else (l.rstrip(":"), "") for l in info.strip().splitlines()), names, lines


def near(a, b, within):
    try:
        return abs(int(a) - int(b)) <= within
    except ValueError:
        return False


def compare(ours, theirs, servers):
    """One run: what differs without a reason, by place, and how many values were compared."""
    (info, names, lines), (oinfo, onames, olines) = run(ours, servers), run(theirs, servers)
    found, needed = {}, set()
    for name in dict.fromkeys(list(oinfo) + list(info)):
        a, b = info.get(name), oinfo.get(name)
        if a != b and name in INFO:
            needed.add(name)
        elif a != b:
            found[f"info {name}"] = f"{a} for {b}"
    if names != onames:
        found["columns"] = str(set(names) ^ set(onames))
    for key in dict.fromkeys(list(olines) + list(lines)):
        if key not in lines or key not in olines:
            found[f"stat {key}"] = f"only {'haproxy' if key in olines else 'evenkeel'} has it"
            continue
        for name in names:
            a, b = lines[key].get(name, ""), olines[key].get(name, "")
            if a != b and not expected(key, name, a, b, needed):
                found[f"stat {key} {name}"] = f"{a!r} for {b!r}"
    for row in REASONS.keys() - needed:
        found[f"reason {row}"] = f"nothing differs by it any more: {REASONS[row]}"
    return found, len(info) + sum(len(l) for l in lines.values())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--evenkeel", required=True)
    parser.add_argument("--haproxy", default="/usr/sbin/haproxy")
    options = parser.parse_args()
    ours, theirs = options.evenkeel, options.haproxy
    if not os.path.exists(theirs):
        sys.exit(f"{theirs} is not there")
    servers = {"a": server(page), "b": server(page), "bad": server(failing)}
    left, compared = compare(ours, theirs, servers)
    for _ in range(2):
        if left:
            # A busy machine shifts moments: what differs counts when it does so again.
            print("run again, as these differed at first:", *left, sep="\n    ")
            again, _ = compare(ours, theirs, servers)
            left = {place: what for place, what in again.items() if place in left}
    for place, what in left.items():
        print(f"{place}: {what}")
    print(f"{compared} values compared, {len(left)} differences that have no reason here, {len(REASONS)} reasons")
    return min(len(left), 100)


def expected(key, name, a, b, needed):
    """True when a column of a line may differ, with the reason beside it."""
    if name in ("qtime", "ctime", "rtime", "ttime", "qtime_max", "ctime_max", "rtime_max", "ttime_max", "check_duration"):
        return a != "" and b != "" and near(a, b, 150)  # milliseconds of a busy machine
    if name in ("lastchg", "downtime", "lastsess", "chkfail"):
        return a != "" and b != "" and near(a, b, 3 if name != "chkfail" else 30)  # moments
    if name == "check_status":
        return a.removeprefix("* ") == b.removeprefix("* ")  # one is under way
    if name == "smax":
        return near(a, b, 1)  # whether the end of one connection is seen before the next one comes
    if name in ("rate", "rate_max", "req_rate", "req_rate_max", "conn_rate", "conn_rate_max"):
        return a != "" and b != "" and near(a, b, 12)  # turn of a second
    rows = [row for row in STAT if re.fullmatch(row[0], key) and re.fullmatch(row[1], name)]
    needed.update(rows)
    return bool(rows)


sys.exit(main())
