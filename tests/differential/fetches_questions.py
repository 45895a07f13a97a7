"""The questions of fetches_oracle.py. To ask more, add a fetch or an input: every fetch of a kind is asked of every input."""
from urllib.parse import quote


def http(line, *fields, body=""):
    """A request or response, percent-encoded."""
    return quote("\r\n".join([line, *fields, "", body]), safe="")


def hexa(text):
    return "".join(f"%{int(b, 16):02X}" for b in text.split())


H = "Host: h.example"
REQUEST_FETCHES = """
base base32 base32+src baseq method,upper path pathq query url url32 url32+src url_ip url_port req.ver req_ver req.proto_http req_proto_http
urlp(a) urlp(b) urlp() urlp urlp(a,;) urlp(a,&) url_param(a) url_param() urlp_val(a) urlp_val(b) urlp_val() url_param(a,/)
hdr(x-a) hdr(x-a,1) hdr(x-a,2) hdr(x-a,-1) hdr(x-a,-2) hdr(x-a,9) hdr(x-a,-9) hdr() hdr(x-none) hdr_cnt(x-a) hdr_cnt() hdr_cnt
hdr_ip(x-a) hdr_ip(x-a,1) hdr_ip(x-a,-2) hdr_val(x-a) hdr_val(x-a,1) hdr_val(x-none)
req.hdr(x-a) req.hdr(x-a,1) req.hdr(x-a,2) req.hdr(x-a,-1) req.hdr(x-a,-2) req.hdr(X-A,-3) req.hdr(host) req.hdr_cnt(x-a) req.hdr_cnt()
req.hdr_ip(x-a) req.hdr_ip(x-a,1) req.hdr_ip(x-a,2) req.hdr_ip(x-none) req.hdr_val(x-a) req.hdr_val(x-a,-2) req.hdr_val(x-a,9)
req.fhdr(x-a) req.fhdr(x-a,1) req.fhdr(x-a,2) req.fhdr(x-a,-1) req.fhdr(x-a,-2) req.fhdr(x-none) req.fhdr_cnt(x-a) req.fhdr_cnt()
req.hdr_names req.hdr_names(;) req.hdrs req.hdrs_bin
cook(c) cook() cook_cnt(c) cook_cnt() cook_val(c) cook_val() cookie(c) cookie() req.cook(c) req.cook(d) req.cook(C) req.cook()
req.cook_cnt(c) req.cook_cnt(d) req.cook_cnt() req.cook_val(c) req.cook_val(d)
req.body req.body_len req.body_size req.body_param(a) req.body_param() req.body_param(b)
capture.req.method capture.req.uri capture.req.ver capture.req.hdr(0) capture.req.hdr(1) capture.res.ver
http_auth_bearer http_auth_bearer(x-a) http_auth_bearer(x-token) http_auth_type http_auth_user http_auth_pass http_first_req
payload(0,3) payload(0,0) payload_lv(0,1) req.payload(0,3) req.payload_lv(0,1) req.ssl_sni req.ssl_ver req.ssl_hello_type req.ssl_alpn
req.ssl_ec_ext req.ssl_st_ext req_ssl_sni req_ssl_ver req_ssl_hello_type req.rdp_cookie() rdp_cookie_cnt() wait_end

always_true always_false avg_queue be_conn be_conn_free be_id be_name be_sess_rate be_server_timeout be_tunnel_timeout
cur_server_timeout cur_tunnel_timeout connslots bin(0aFf) bool(true) bool(0) date date(-5) date(3600,ms) date(7,us) date_us
dst dst_conn dst_port dst_is_local env(HOME) env(NOT_SET_ANYWHERE) fc_dst fc_dst_is_local fc_dst_port fc_http_major fc_rcvd_proxy
fc_src fc_src_is_local fc_src_port fc_rtt fc_rtt(us) fc_rttvar(ms) fc_rttvar fc_lost fc_retrans fc_reordering fc_sacked fc_unacked fc_fackets
fe_client_timeout fe_conn fe_defbe fe_id fe_name fe_req_rate fe_sess_rate hostname int(-12) int(0) ipv4(1.2.3.4) ipv6(2001:db8::1) meth(PUT)
nbproc nbsrv prio_class prio_offset proc queue rand rand(1) rand(10) so_id so_name src src_is_local src_port srv_conn(one)
srv_conn_free(one) srv_is_up(one) srv_iweight(one) srv_queue(one) srv_sess_rate(one) srv_uweight(one) srv_weight(one)
be_conn(request0) fe_conn(request0) nbsrv(request0) queue(request0) srv_conn(request0/one) connslots(request0) avg_queue(request0)
be_conn_free(request0) be_sess_rate(request0) fe_req_rate(request0) fe_sess_rate(request0)
stopping str() thread uuid uuid(4) var(txn.none) var(txn.none,else) var(txn.v0) ssl_fc
""".split()
RANDOM_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
# Values that no two runs have in common.
SHAPES = {
    **dict.fromkeys(["uuid", "uuid(4)"], RANDOM_UUID),
    **dict.fromkeys(["src_port", "fc_src_port", "dst_port", "fc_dst_port", "bc_src_port"], "[1-9][0-9]{3,4}"),
    **dict.fromkeys(["date", "date(-5)"], "[0-9]{10}"),
    "date(3600,ms)": "[0-9]{13}",
    "date(7,us)": "[0-9]{16}",
    "date_us": "[0-9]{1,6}",
    "rand": "[0-9]{1,10}",
    "rand(10)": "[0-9]",
    **dict.fromkeys(["fc_rtt", "fc_rttvar", "fc_rttvar(ms)"], "[0-9]{1,2}"),
    "fc_rtt(us)": "[0-9]{1,5}",
    **dict.fromkeys(["fc_unacked", "fc_sacked", "fc_lost", "fc_retrans", "fc_fackets"], "0|1"),
    **{f"{f}{a}": "[0-9]{1,3}" for f in ("be_conn", "fe_conn", "dst_conn", "be_sess_rate", "fe_req_rate", "fe_sess_rate", "srv_conn(one)", "srv_sess_rate(one)") for a in ("", "(request0)")},
    **dict.fromkeys(["srv_conn(request0/one)"], "[0-9]{1,3}"),
}
REQUESTS = [
    http("GET / HTTP/1.1", H),
    http("GET /a/b.html?a=1&b=two HTTP/1.1", H, "X-A: 1.2.3.4", "Cookie: c=1; d=2"),
    http("GET /p?a=&b HTTP/1.1", H, "X-A:", "Cookie:"),
    http("GET /p? HTTP/1.1", H, "X-A: a,b,,c", "Cookie: c=; d"),
    http("GET /p?b=7&a=x;a=y HTTP/1.1", H, "X-A: 10, 20", "X-A: 30", "Cookie: c=a; c=b", "Cookie: c=12x"),
    http("GET /p;a=5;b=6?a=1 HTTP/1.1", H, 'X-A: "q,r", s', "Cookie: c = spaced ; d=\"x;y\""),
    http("GET //double//p?x?a=3&a=4 HTTP/1.1", H, "X-A:   ::1  ", "Cookie: $Version=1; c=5"),
    http("GET /p?xa=1&a=2 HTTP/1.1", H, "x-a: [2001:db8::1]:80", "cookie: cc=1;c=2"),
    http("GET /p?a HTTP/1.1", H, "X-A: 1.2.3.4:8080", "Cookie: c"),
    http("GET /p?a=%41&b=-5 HTTP/1.1", H, "X-A: 300.1.1.1", "X-A: 1.2.3.4:99999", "Cookie: c=-3"),
    http("GET /p?&&a=9&a=8 HTTP/1.1", H, "X-A: 5x", "Cookie: c=1,c=2"),
    http("GET http://10.1.2.3:8080/abs?a=1 HTTP/1.1", "Host: 10.1.2.3:8080", "X-A: ,"),
    http("GET http://10.1.2.3/abs HTTP/1.1", "Host: 10.1.2.3", "X-A: , ,x"),
    http("GET http://h.example/abs?q HTTP/1.1", H, "X-A: 18446744073709551617"),
    http("GET http://h.example HTTP/1.1", H, "X-A: -12abc"),
    http("GET /two HTTP/1.1", H, "X-A: 1.2.3.4 , 5.6.7.8"),
    http("OPTIONS * HTTP/1.1", H, "X-A: 0x10"),
    http("PATCH /h?a=1 HTTP/1.1", H, "Content-Length: 0", "X-A: a", "X-B: b", "X-A: c", "X-A: d,e"),
    http("GET / HTTP/1.0"),
    http("GET /old HTTP/1.0", "X-A: \"open, never closed", "Cookie: c=\"quo;ted\"; d=3"),
    http("DELETE /d HTTP/1.1", H, "X-A: a\\,b"),
    http("FOO /d?a=1 HTTP/1.1", H, 'X-A: "a\\",b",c', "Cookie: ;;c=1;;"),
    http("POST /form?a=u HTTP/1.1", H, "Content-Length: 7", body="a=1&b=2"),
    http("POST /form HTTP/1.1", H, "Content-Length: 9", body="b=&a&c=3;"),
    http("POST /form HTTP/1.1", H, "Content-Length: 0"),
    http("POST /form HTTP/1.1", H, "Transfer-Encoding: chunked", body="5\r\na=1&b\r\n3\r\n=22\r\n0\r\n\r\n"),
    http("POST /form HTTP/1.1", H, "Transfer-Encoding: chunked", body="7\r\na=1&b=2\r\n0\r\n\r\n"),
    http("PUT /bin HTTP/1.1", H, "Content-Length: 4", body="\0\1\x02\x7f"),
    http("GET /auth HTTP/1.1", H, "Authorization: Basic am9lOnNlY3JldA=="),
    http("GET /auth HTTP/1.1", H, "Authorization: basic am9lOg=="),
    http("GET /auth HTTP/1.1", H, "Authorization: Bearer abc.def-1~ ", "X-Token: bearer  two words", "X-A: Basic am9lOg=="),
    http("GET /auth HTTP/1.1", H, "Authorization: Bearer", "X-Token: BEARER x", "X-A: Token y"),
    http("GET /auth HTTP/1.1", H, "Authorization: Bearer ", "X-Token:Bearer\tx", "X-A: bearer"),
    http("GET /auth HTTP/1.1", H, "Authorization: Basic am9l"),
    http("GET /auth HTTP/1.1", H, "Authorization: Bearer abc.def"),
    http("GET /auth HTTP/1.1", H, "Authorization: Basic"),
    http("GET /auth HTTP/1.1", H, "Authorization: Basic @@@"),
    http("GET /cap?x=1 HTTP/1.1", H, "X-Captured: 0123456789abcdef"),
    http("GET /long HTTP/1.1", H, "X-Long: " + "l" * 100, "X-A: 1"),
    http("GET /a,b;c=d?e=f,g HTTP/1.1", H, "Cookie: c=1", "Cookie: c=2", "X-A: 2001:db8::7, 9.9.9.9"),
    http("GET /?a=1?a=2 HTTP/1.1", "Host: H.Example:80", "X-A: \t tab\t "),
]

RESPONSE_FETCHES = """
res.hdr(x-a) res.hdr(x-a,1) res.hdr(x-a,2) res.hdr(x-a,-1) res.hdr(x-a,-2) res.hdr() res.hdr(x-none) res.hdr_cnt(x-a) res.hdr_cnt()
res.hdr_ip(x-a) res.hdr_ip(x-a,1) res.hdr_val(x-a) res.hdr_val(x-a,1) res.fhdr(x-a) res.fhdr(x-a,1) res.fhdr(x-a,-2) res.fhdr_cnt(x-a)
res.fhdr_cnt() res.hdr_names res.hdr_names(;) res.hdrs res.hdrs_bin hdr(x-a) hdr(x-a,1) shdr(x-a) shdr(x-a,1) shdr_cnt(x-a) shdr_ip(x-a)
shdr_val(x-a) res.cook(c) res.cook() res.cook_cnt(c) res.cook_cnt() res.cook_val(c) scook(c) scook() scook_cnt(c) scook_cnt()
scook_val(c) cookie(c) cookie() res.ver resp_ver status res.body res.body_len res.body_size
capture.req.method capture.req.uri capture.req.ver capture.req.hdr(0) capture.res.hdr(0) capture.res.hdr(7) capture.res.ver
method,upper req.proto_http http_first_req srv_id srv_name be_id be_name fe_id bc_dst bc_dst_port bc_src bc_src_port bc_http_major src
payload(0,1) res.payload(0,1) res.payload_lv(0,1) res.ssl_hello_type rep_ssl_hello_type wait_end
""".split()
RESPONSES = [
    http("HTTP/1.1 200 OK", "Content-Length: 2", body="ab"),
    http("HTTP/1.1 200 OK", "Content-Length: 0", "X-A: 1.2.3.4", "Set-Cookie: c=1; path=/"),
    http("HTTP/1.0 404 Not Found", "X-A: a, b", "X-A: c", "Set-Cookie: c=1", "Set-Cookie: c=2; d=3", body="x"),
    http("HTTP/1.1 204 No Content", "X-A:", "Set-Cookie:"),
    http("HTTP/1.1 301 Moved", "Content-Length: 0", "X-A: ::1", "Set-Cookie: d=5; c=6", "X-Captured: 0123456789abc"),
    http("HTTP/1.1 500 Oh no", "Content-Length: 0", "X-A: 12abc,-7", "Set-Cookie: c=\"a;b\"; x"),
    http("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "X-A: \"q,r\",s", "Set-Cookie: c = 9 ; Secure", body="3\r\nabc\r\n0\r\n\r\n"),
    http("HTTP/1.1 200", "Content-Length: 0", "Set-Cookie: c", "Set-Cookie2: c=4"),
    http("HTTP/1.1 599 Far", "Content-Length: 0", "X-A: , ,", "set-cookie: C=1, c=2"),
]


def record(body, kind=22, version=0x0301):
    return bytes([kind]) + version.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body


def vec(data, width):
    return len(data).to_bytes(width, "big") + data


def hello(extensions=None, version=0x0303, kind=1, session=b"", ciphers=b"\x13\x01", tail=b""):
    body = version.to_bytes(2, "big") + bytes(range(32)) + vec(session, 1) + vec(ciphers, 2) + vec(b"\0", 1)
    if extensions is not None:
        body += vec(b"".join(n.to_bytes(2, "big") + vec(content, 2) for n, content in extensions), 2)
    return bytes([kind]) + vec(body + tail, 3)


def sni(name, kind=0):
    return (0, vec(bytes([kind]) + vec(name, 2), 2))


ALPN = (16, vec(vec(b"h2", 1) + vec(b"http/1.1", 1), 2))
CURVES = (10, vec(b"\0\x1d\0\x17", 2))
FULL = record(hello([sni(b"www.example.com"), CURVES, ALPN, (35, b"")]))


def rdp(value, length=None, head=None):
    body = value + b"\r\n"
    return (head or b"\x03\0" + (11 + len(body)).to_bytes(2, "big") + bytes([(length or 6 + len(body)) & 255]) + b"\xe0\0\0\0\0\0") + body


# Not asked: haproxy 2.6 crashes on payload(-1,1) and, in mode tcp, on http_first_req.
TCP_FETCHES = """
req.len req_len payload(0,0) payload(0,1) payload(1,2) payload(2,0) payload(500,1) payload(0,20000) req.payload(0,3) req.payload(1,0)
payload_lv(0,1) payload_lv(0,2) payload_lv(1,1) payload_lv(0,1,3) payload_lv(1,1,+1) payload_lv(1,1,-1) req.payload_lv(0,1) payload_lv(0,4)
payload_lv(0,1,0)
req.ssl_sni req_ssl_sni req.ssl_ver req_ssl_ver req.ssl_hello_type req_ssl_hello_type req.ssl_alpn req.ssl_ec_ext req.ssl_st_ext
req.rdp_cookie() req.rdp_cookie(mstshash) req.rdp_cookie(MSTSHASH) req.rdp_cookie(other) req.rdp_cookie_cnt() req.rdp_cookie_cnt(mstshash)
req.rdp_cookie_cnt(other) rdp_cookie(mstshash) rdp_cookie_cnt(mstshash) wait_end
req.proto_http req_proto_http method,upper path url query req.hdr(host) req.hdr_cnt() req.ver base urlp(a) req.cook(c) req.body req.body_len hdr(x-a)
src dst fe_name be_name so_id fc_rcvd_proxy capture.req.method capture.req.uri capture.req.ver src_is_local dst_is_local
""".split()
TCP_INPUTS = [
    quote(b, safe="")
    for b in [
        b"",
        b"a",
        b"\0",
        b"\x03abcdef",
        b"\0\x02xyz",
        b"\x05\x01z",
        b"\0\0\0\x02hi",
        b"hello world\r\n",
        FULL,
        FULL + b"more",
        record(hello([sni(b"a"), (35, b"ticket")], version=0x0301)),
        record(hello([ALPN])),
        record(hello([])),
        record(hello(None)),
        record(hello([sni(b"other", kind=1)])),
        record(hello([sni(b"")])),
        record(hello([(10, b"")])),
        record(hello([sni(b"sess")], session=b"s" * 32)),
        record(hello([sni(b"x")], kind=2)),
        record(hello([sni(b"x")]), kind=23),
        record(hello([sni(b"x")]), version=0x0200),
        record(hello([sni(b"x")], version=0x0200)),
        record(hello([sni(b"x")], tail=b"tail")),
        record(hello([sni(b"split.example")])[:60]),
        record(b"\x01\0\0"),
        record(b"\x01\0\0\0"),
        record(b"\x02\0\0\x02\x03\x03"),
        b"\x80\x2e\x01\x03\x01" + b"\0" * 41,
        b"\x80\x2e\x01\x00\x02\0\x15\0\0\0\x10" + b"\0" * 37,
        *[FULL[:n] for n in (1, 2, 3, 5, 6, 9, 10, 11, 43, 44, 50)],
        rdp(b"Cookie: mstshash=joe"),
        rdp(b"cookie: MSTSHASH=DOM\\joe"),
        rdp(b"Cookie: msts=3640205228.15629.0000"),
        rdp(b"Cookie: mstshash="),
        rdp(b"Cookie: mstshash"),
        rdp(b"Cooky: mstshash=joe"),
        rdp(b"Cookie: mstshash=joe")[:-2],
        rdp(b"Cookie: mstshash=joe")[:15],
        rdp(b"Cookie: mstshash=joe")[:8],
        rdp(b"Cookie: mstshash=joe", length=9),
        rdp(b"Cookie: mstshash=joe") + b"\x01\0\x08\0\x03\0\0\0",
        b"\x02" + rdp(b"Cookie: mstshash=joe")[1:],
        b"GET /p?a=1 HTTP/1.1\r\nHost: h\r\nX-A: b\r\nCookie: c=d\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nHost: h\r\n",
        b"GET /",
        b"GET / HTTP/1.1\r\nbad field\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"EHLO x\r\n\r\n",
    ]
]

# What conditions say before all has come.
_SOME = [quote(b, safe="") for b in (b"a", b"hello world", FULL, FULL[:20], rdp(b"Cookie: mstshash=joe"), b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"GET / HT", b"\x16")]
MOMENTS = [
    (c, _SOME)
    for c in [
        "{ req.len gt 0 }",
        "{ req.len gt 5000 }",
        "!{ req.len gt 5000 }",
        "{ payload(0,5) -m bin 68656c6c6f }",
        "{ payload(0,0) -m found }",
        "{ payload(0,0) -m sub 9999 }",
        "{ payload(500,5) -m found }",
        "{ payload_lv(0,1) -m found }",
        "{ req.ssl_hello_type 1 }",
        "!{ req.ssl_hello_type 1 }",
        "{ req.ssl_sni www.example.com }",
        "{ req.ssl_sni -m found }",
        "{ req.ssl_alpn h2 }",
        "{ req.ssl_ver 3.3 }",
        "{ req.rdp_cookie(mstshash) -m found }",
        "{ req.rdp_cookie_cnt() gt 0 }",
        "HTTP",
        "!HTTP",
        "{ path / }",
        "{ method GET }",
        "{ req.hdr(host) h }",
        "WAIT_END",
        "{ wait_end } { req.len gt 3 }",
        "TRUE",
        "{ src 127.0.0.1 }",
        "REQ_CONTENT",
        "RDP_COOKIE",
    ]
]

# kinds, fetches (a pattern of the whole expression), inputs (a pattern), why
REASONS = [
    ("request response", r".*_val\(.*", "X-A%3A|%22|a%3D%25", "haproxy 2.6 takes bytes below '0' for negative digits, and lets large numbers overflow"),
    ("request", r"http_auth_bearer\(.*\)", "", "where a field is named that has no token, haproxy 2.6 finds an empty one"),
    ("tcp", r"payload_lv\(0,1,3\)", "", "haproxy 2.6 takes an odd third argument for a relative one (the manual: those with a sign are)"),
    ("tcp", r"req\.hdr_cnt\(\)", "^(GET|POST)", "where haproxy 2.6 parses HTTP in mode tcp, it counts two parts of the start line as fields"),
    ("tcp", "method,upper", "^(GET|POST)", "where haproxy 2.6 parses HTTP in mode tcp, the method is a condition's only"),
    ("response", r"(scook|res\.cook)_cnt\(\)", "", "haproxy 2.6 counts the attributes of a cookie as cookies"),
]
# What differs in some runs only.
SOMETIMES = [
    ("tcp", r"payload\(0,0\)", "^$", "haproxy 2.6 finds nothing, or an empty text when it tried to read before the client closed"),
]
