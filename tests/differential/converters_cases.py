"""What converters_oracle.py asks: families of inputs and chains, expressions to compile, and the differences that are intended."""
import itertools
import random

rnd = random.Random(4)

# Set before each question.
VARIABLES = [
    "http-request set-var(txn.seven) int(7)",
    "http-request set-var(txn.zero) int(0)",
    "http-request set-var(txn.text) str(hello)",
    "http-request set-var(txn.digits) str(12)",
    "http-request set-var(txn.bytes) str(/v8B),b64dec",
    "http-request set-var(txn.nul) str(AAEC),b64dec",
    "http-request set-var(txn.ip) src",
    "http-request set-var(txn.yes) bool(true)",
    "http-request set-var(txn.key) str(c2VjcmV0)",
]

NUMBERS = [str(n).encode() for n in (0, 1, -1, 2, 7, -8, 42, 255, 256, 65535, 2**31 - 1, 2**31, 2**32 + 5, 2**63 - 1, -2**63, 2**63, 10**25)]
NUMBERS += [b"", b"x", b"12x", b" 3", b"+4", b"-", b"0x10", b"1.9", b"007"]
ARITHMETIC = [f"{op}({n})" for op in "add sub mul div mod and or xor".split() for n in ("0", "1", "-1", "7", "-3", "255", "9223372036854775807", "txn.seven", "txn.zero", "txn.none", "txn.digits", "txn.text", "txn.yes")]
UNARY = ["bool", "not", "neg", "cpl", "even", "odd", "htonl", "hex", "base64", "lower", "length", "iif(a,b)", "ipmask(24)", "bool,not", "even,iif(x,)", "crc32", "bytes(4)", "be2hex", "be2dec(:,4)"]

BYTES = [b"", b"a", b"ab", b"abc", b"hello world", b"\x00", b"\x00\xff\x80", bytes(range(16)), bytes(range(256)), b"x" * 55, b"x" * 56, b"x" * 63, b"x" * 64, b"y" * 65,
         b"z" * 111, b"z" * 112, b"z" * 127, b"z" * 128, b"z" * 129, b"w" * 240, b"w" * 241, rnd.randbytes(8), rnd.randbytes(17), rnd.randbytes(31), rnd.randbytes(32), rnd.randbytes(33),
         rnd.randbytes(130), rnd.randbytes(239), rnd.randbytes(500), rnd.randbytes(1023), rnd.randbytes(1024), rnd.randbytes(1025), rnd.randbytes(1100), rnd.randbytes(2050)]
HASHES = [f"{h}{a}" for h in "crc32 crc32c djb2 sdbm wt6".split() for a in ("", "(0)", "(1)", "(2)")]
HASHES += [f"{h}{a}" for h in "xxh32 xxh64 xxh3".split() for a in ("", "(0)", "(1)", "(4294967295)", "(-5)", "(81985529216486895)")]
DIGESTS = ["sha1", "sha2", "sha2(224)", "sha2(256)", "sha2(384)", "sha2(512)"] + [f"digest({d})" for d in "md5 sha1 SHA224 sha256 sha384 sha512 SHA2-256".split()]
DIGESTS += [f"hmac({d},{k})" for d in "md5 sha1 sha224 sha256 sha384 sha512".split() for k in ("a2V5", "txn.key", "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4")]

DUMPS = ["hex", "base64", "ub64enc", "b64dec,base64", "base64,b64dec", "ub64enc,ub64dec", "url_enc", "url_enc(query)", "url_enc,url_dec", "hex,upper", "sha1,hex,lower", "length", "cut_crlf"]
DUMPS += [f"be2hex{a}" for a in ("", "(:,2)", "(--,2,1)", "(,3,1)", "(.,300)", "(.,300,1)", "(:,2,0)")]
DUMPS += [f"be2dec{a}" for a in ("(:,2)", "(-,2,1)", "(,2,1)", "(.,1)", "(:,8)", "(:,3)", "(:,7,1)", "(:,2,0)")]
DUMPS += [f"bytes({a})" for a in ("0", "1", "2", "0,1", "1,2", "3,0", "0,1000", "16", "300", "1,-1")]
DUMPS += [f"json{a}" for a in ("(ascii)", "(utf8)", "(utf8s)", "(utf8p)", "(utf8ps)")] + ["lower", "upper", "hex2i", "b64dec", "ub64dec", "url_dec", "host_only", "port_only"]

ENCODED = [b"", b"a", b"YQ==", b"YWI=", b"YWJj", b"YQ", b"YWI", b"YWJjZA", b"YW Jj", b"YWJj\n", b"YQ==YQ==", b"====", b"=", b"Y===", b"Y=Jj", b"YWJ=", b"YWJ=YWJj", b"YW==", b"YR==", b"YWI=x", b"-_-_", b"+/+/", b"-_==", b"-_", b"+/", b"A", b"AA", b"AAA", b"AAAAA", b"A===",
           b"%", b"%4", b"%41", b"%4g", b"%zz", b"a+b", b"a?b+c", b"%41%42%", b"a%00b", b"%3f+", b"+?+", b"a%2", b"%2541", "é%C3%A9".encode(), b"0f", b"0F0a", b"xyz", b"ff ff", b"ffffffffffffffff", b"10000000000000000", b"7fffffffffffffff", b"0x1f", b" 1f", b"-1f", b"1g", b"f", b"0", b"00", b"deadBEEF"]
DECODERS = ["b64dec", "ub64dec", "hex2i", "url_dec", "url_dec(0)", "url_dec(1)", "url_dec(5)", "hex2i,add(1)", "b64dec,length", "b64dec,json(utf8s)"]

TEXTS = [b"", b"f1_f2_f3__f5", b"_", b"__", b"_a", b"a_", b"_a__b_", b"a", b"a/b_c/d__e", b"/f1/f2/f3/f4", b"  padded  ", b"Hello, World!", b"ABCxyz\xe9\xc0", b"a=1&b=2&c", b"\t\r\n", b"aaa", b"banana", b"foo123bar", b"/////a///b/c/xzxyz/", b"?a;b&c", "grüße".encode(), b"hello", b"hellp", b"hell", b"helloo", b"12", b"1", b"\x00\x01\x02",
         b"line\r\nnext", b"line\nnext", b"\rx", b"x\x00y\nz"]
PIECES = [f"{c}({n},{d}{k})" for c in ("field", "word") for n in (1, 2, 3, 4, 5, 9, -1, -2, -3, -4, -9) for d in ("_", "/_") for k in ("", ",0", ",1", ",2", ",3", ",50", ",-1", ",9223372036854775807")]
EDITS = ["lower", "upper", "length", "ltrim(a)", "rtrim(a)", "ltrim(' ')", "rtrim(' ')", "ltrim(_a)", "rtrim(_/)", "ltrim(xyz),rtrim(_)", "cut_crlf", "concat()", "concat(x)", "concat(<,txn.text,>)", "concat(,txn.none,>)", "concat(<ip=,txn.ip,>)", "concat(-,txn.bytes)", "concat(-,txn.nul)",
         "concat(-,txn.seven)", "concat(-,txn.yes)", "concat(',',txn.text,')')", "add_item(-,txn.text)", "add_item(-,txn.none)", "add_item(-,txn.none,x)", "add_item(-,txn.text,x)", "add_item(-,,x)", "add_item(-,txn.seven)", "add_item(\",\",txn.digits,\"(s)\")",
         "strcmp(txn.text)", "strcmp(txn.none)", "strcmp(txn.digits)", "strcmp(txn.seven)", "strcmp(txn.bytes)", "secure_memcmp(txn.text)", "secure_memcmp(txn.none)", "secure_memcmp(txn.bytes)", "secure_memcmp(txn.seven)", "debug", "debug(x)", "bytes(1),lower", "bytes(1,3),upper"]
REGEXES = ["regsub(a,b)", "regsub(a,b,g)", "regsub(A,b,i)", "regsub(A,b,gi)", "regsub('/+','/','g')", "regsub([?;&]*,'')", "regsub('(foo|bar)([0-9]+)?','<\\2\\1>')", "regsub('(foo|bar)([0-9]+)?','<\\2\\1>',g)", "regsub('^','>')", "regsub('$','<')", "regsub('b*','-',g)", "regsub('x*','-')", "regsub('a$','z')",
           "regsub('^a','z',g)", "regsub('[^a-z]','',g)", "regsub('(a)(n)','\\2\\1',g)", "regsub('.','\\0\\0',g)", "regsub(a,)", "regsub('n','\\\\',g)", "regsub('an','&',g)", "regsub('\\\\d+','#')", "regsub(\\\\d+,N,g)", 'regsub("(a)(n)","\\\\2\\\\1",g)', "regsub(\\\\.,_,g)"]

JSON_TEXTS = [b"", b"plain", b'quote" slash/ back\\', b"\x00\x01\x1f\x7f", b"\b\f\n\r\t", "é".encode(), "€".encode(), "\U0001f600".encode(), b"\xff", b"\xc3", b"\xc3\x28", b"\xe2\x82", b"\xe2\x28\xa1", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\xaf", b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xef\xbf\xbe",
              b"\xef\xbf\xbf", b"\xf0\x80\x80\x80", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80", b"\xfe\xff", b"a\x80b", b"a\xc3\xa9\x80b", "Very \"Ugly\" UA 1/2".encode(), b"\xc2\x80", b"\xc2\x9f", b"\xe2\x80\xa8", b"'<>&", "日本".encode(), b"\xf0\x9f\x98"]
JSON_MODES = [f"json({m})" for m in ("ascii", "utf8", "utf8s", "utf8p", "utf8ps")] + ["json()", "json"]

DOCUMENTS = [b"", b"{}", b"[]", b'{"integer":4}', b'{"integer":-4}', b'{"integer":4.75}', b'{"integer":1e3}', b'{"integer":"12"}', b'{"integer":"x"}', b'{"integer":9223372036854775807}', b'{"integer":1234567890123}', b'{"integer":99999999999999999999}', b'{"integer":0.1}', b'{"integer":null}',
             b'{"my.key":"myvalue"}', b'{"boolean":false}', b'{"boolean":true}', b'{ "a" : { "b" : [ 1 , "two", {"c":3} ] } , "iss":"me" }', b'{"iss":"q\\"u\\\\o\\/t\\u0041e\\n\\t\\u00e9"}', b'{"iss":"caf\xc3\xa9"}', b'{"iss":""}', b'{"iss":[1,2]}', b'{"iss":{"x":1}}', b'{"iss":tru}', b'{"iss":"open', b'{"iss"', b'{"iss":}', b'{"a":{"b":[[5,6],[7]]}}',
             b'[10,20,30]', b'[{"a":1},{"a":2}]', b'"just text"', b'42', b'true', b'null', b'{"x":1,"iss":"later"}', b'{"iss":"one","iss":"two"}', b'{"iss":"trailing"} garbage', b'  {"iss":"spaces"}', b'{"a":{"iss":"inner"},"iss":"outer"}', b'{"iss":"\\u0001\\ud83d"}', b'{"isss":1,"is":2,"ISS":3}', b'{"":5,"iss":"after empty"}', b"{'iss':'single'}", b'{"iss":01}', b'{"iss":+1}', b'{"iss":-}', b'{"iss":.5}', b'{"iss":"a\nb"}', b'{"iss":1.50}', b'{"iss":100000}', b'{"iss":1234567}', b'{"iss":0.000012345}', b'{"iss":123456.789}', b'{"iss":1e21}', b'{"integer":12}  ', b'{"integer" :13 , "boolean": true}',
             b'{"integer":-0}', b'{"integer":2147483648}', b'{"integer":4.0}', b'{"integer":1e400}', b'{"integer":true}', b'{"integer":[4]}']
PATHS = ["$.integer", "$.iss", "$.my\\\\.key", "$.boolean", "$.a", "$.a.b", "$.a.b[0]", "$.a.b[1]", "$.a.b[2].c", "$.a.b[0][1]", "$[0]", "$[1]", "$[9]", "$[1].a", "$", "$.none", "$.a.iss"]
QUERIES = [f"json_query('{p}'{t})" for p in PATHS for t in ("", ",'int'")]

DATES = [str(n).encode() for n in (0, 1, -1, 784111777, 951782400, 1404995030, 1700000000, 1711846799, 1711846800, 1729990799, 1729990800, 2**31, 2**32, 253402300799, 4102444800, 1735603200, 1609459199, 1293836400, -86400)]
TIMES = [f"{c}({f}{o})" for c in ("ltime", "utime") for f in ("%Y%m%d%H%M%S", "%a-%A-%b-%B-%h", "%C-%d-%e-%g-%G", "%D-%F-%T-%R-%r", "%I-%j-%k-%l-%p-%P", "%m-%M-%n-%t-%%", "%s-%S-%u-%w-%y", "%U-%V-%W", "%z", "%c-%x-%X", "%Ey-%Od", "plain", "%d/%b/%Y:%H:%M:%S %z", "%-d-%_H-%0e-%^a") for o in ("", ",3600", ",-90000")]
# Without all of its arguments 2.6.12 refuses `http_date` in a file where other converters stand without theirs: only EXPRESSIONS has it so.
TIMES += ["utime(%Z)", "http_date(3600,s)", "http_date(-7200,s)", "http_date(0,s)", "http_date(0,ms)", "http_date(1000,ms)", "http_date(0,us)", "http_date(-5,us)"]

LANGUAGES = [b"", b"es", b"fr;q=0.5,en;q=0.8", b"fr-FR,fr;q=0.9", b"en-US", b"da, en-gb;q=0.8, en;q=0.7", b"en;q=0", b"en;q=0,fr;q=0.1", b"en;q=1.000,fr", b"fr;q=0.001,en;q=0.002", b"*", b"EN", b"en ;q=0.5 , fr ; q=0.6", b"fr;q=2,en", b"fr;q=abc,en;q=0.3", b"fr;q=,en", b"fr;q=0.5;x=1,en;q=0.4", b"x,y,z", b",,en", b"en,,fr", b"en;level=1,fr", b"fr;q=.5,en;q=0.4",
             b"pt-BR,pt;q=0.9,en;q=0.8", b"pt", b"zh-Hant-TW", b"fr;q=0.55555,en;q=0.5556", b"fr; q=0.3, en; q=0.4", b"en-", b"-en", b"fr\t;q=0.9,\ten"]
LANGUAGE = ["language(es;fr;en)", "language(es;fr;en,de)", "language(fr-FR;fr)", "language(pt;pt-BR)", "language(en)", "language(en-US;en)", "language(zh;zh-Hant)", "language(*,x)", "language('en;fr','')"]

HOSTS = [b"", b"example.com", b"Example.COM:80", b"127.0.0.1", b"127.0.0.1:8080", b"[::1]", b"[::1]:443", b"[2001:DB8::A]:1", b"::1", b"a:b", b"a:", b":80", b"a:99999999999", b"a:80x", b"[::1", b"]:80", b"a:1:2", b"host:065", b"[]:5", b"a:-1", b"a:+1", b"[::1]x:3", b"b", b"b/s", b"b/d", b"b/none", b"nope", b"l", b"/s", b"s", b"nope/s"]
HOST = ["host_only", "port_only", "nbsrv", "srv_queue"]

ADDRESSES = [b"10.1.2.3", b"255.255.255.255", b"0.0.0.0", b"2001:db8:1:2:3:4:5:6", b"::1", b"::ffff:10.1.2.3", b"10.1.2", b"x", b"", b"1.2.3.4 ", b"fe80::1%eth0", b"1.2.3.256", b"2002:a01:203::", b"167838211"]
NETWORKS = [f"ipmask({m})" for m in ("24", "32", "0", "8", "31", "255.255.255.0", "255.0.0.0", "24,64", "0,0", "32,128", "8,ffff:ffff::", "16,63", "16,65")]


def fix(*fields, check=None):
    body = "".join(f"{t}={v}\x01" for t, v in fields[2:])
    text = "".join(f"{t}={v}\x01" for t, v in fields[:1]) + (f"9={fields[1][1] if fields[1][1] is not None else len(body)}\x01") + body
    return (text + f"10={check or '%03d' % (sum(text.encode()) % 256)}\x01").encode()


def varint(n):
    n &= 2**64 - 1
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, wire, data):
    return varint(number << 3 | wire) + (varint(len(data)) + data if wire == 2 else data)


FIX = [b"", b"8", b"8=", b"8=FIX.4.4\x01", fix((8, "FIX.4.4"), (9, None), (35, "A"), (49, "me"), (56, "you")), fix((8, "FIX.4.4"), (9, None), (35, "A"), (49, "me"), (56, "you"), check="000"), fix((8, "FIX.9.9"), (9, None), (35, "A")), fix((8, "FIXT.1.1"), (9, None), (35, "0")), fix((8, "FIX.4.2"), (9, 3), (35, "A")),
       fix((8, "FIX.4.0"), (9, None), (34, "1"), (35, "A")), fix((8, "FIX.5.0"), (9, None), (35, "A"), ("x", "y")), fix((8, "FIX.4.1"), (9, None), (35, "")), fix((8, "FIX.4.3"), (9, None), (35, "D"), (49, "a=b")), fix((8, "FIX.4.4"), (9, None), (35, "A"))[:-1], fix((8, "FIX.4.4"), (9, None), (35, "A"))[:-8], fix((8, "FIX.4.4"), (9, None), (35, "A")) + b"more", b"35=A\x018=FIX.4.4\x01",
       fix((8, "FIX.4.4"), (9, None), (35, "A"), (58, "x" * 300)), fix((8, "FIX.5.0SP1"), (9, None), (35, "A")), fix((8, "FIX.4.4"), (9, None)), b"=A\x01", b"8=FIX.4.4\x019=5\x0135=A\x0110=5\x01"]
FIXES = ["fix_is_valid"] + [f"fix_tag_value({t})" for t in ("35", "MsgType", "49", "SenderCompID", "TargetCompID", "BodyLength", "CheckSum", "BeginString", "58", "999")]

POINT = field(1, 0, varint(5)) + field(2, 0, varint(-7))
MESSAGES = [b"", POINT, field(48, 2, field(59, 2, POINT)) + field(49, 2, field(59, 2, field(1, 0, varint(300)))), field(1, 1, bytes(range(8))) + field(2, 5, bytes([0, 0, 128, 63])), field(1, 2, b"text") + field(2, 2, b""), field(1, 0, varint(1)) + field(1, 0, varint(2)), b"\x08", b"\x0a\x05ab", b"\xff" * 12, field(3, 3, b"") + field(1, 0, varint(9)), field(1, 0, varint(2**64 - 1)), field(1, 0, varint(2**31)), field(1, 5, b"\xff\xff\xff\xff"), field(1, 1, b"\xff" * 8)]
PROTOBUF = ["protobuf(1)", "protobuf(2)", "protobuf(48)", "protobuf(48.59)", "protobuf(48.59.1,int32)", "protobuf(48.59.2,int32)", "protobuf(49.59.1,int64)", "protobuf(48),protobuf(59),protobuf(1,int32)"] + [f"protobuf({n},{t})" for n in (1, 2) for t in "int32 uint32 sint32 int64 uint64 sint64 bool enum fixed64 sfixed64 fixed32 sfixed32".split()]
GRPC = [b"\0" + len(m).to_bytes(4, "big") + m for m in MESSAGES] + [b"\0\0\0", b"\1\0\0\0\2\x08\x05", b"\0\0\0\0\x09" + POINT]
UNGRPC = ["ungrpc(1)", "ungrpc(48.59)", "ungrpc(48.59.1,int32)", "ungrpc(1,int32)", "ungrpc(2,sint64)", "ungrpc(48),protobuf(59.1,int32)"]

JWT = [b"", b"a.b.c", b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJtZSIsIm4iOjV9.c2ln", b"eyJhbGciOiJIUzI1NiJ9", b"eyJhbGciOiJIUzI1NiJ9.", b"eyJhbGciOiJIUzI1NiJ9.eyJuIjo1fQ", b".eyJuIjo1fQ.", b"!!.!!.!!", b"eyJhbGciOiJIUzI1NiJ9.eyJuIjo1fQ.x.y"]
JWTS = ["jwt_header_query", "jwt_payload_query", "jwt_header_query('$.alg')", "jwt_payload_query('$.iss')", "jwt_payload_query('$.n','int')", "jwt_payload_query('$.none')"]

FAMILIES = [
    (NUMBERS, ARITHMETIC + UNARY),
    (BYTES, HASHES + DIGESTS + DUMPS),
    (ENCODED, DECODERS),
    (TEXTS, PIECES + EDITS + REGEXES),
    (JSON_TEXTS, JSON_MODES),
    (DOCUMENTS, QUERIES),
    (DATES, TIMES),
    (LANGUAGES, LANGUAGE),
    (HOSTS, HOST),
    (ADDRESSES, NETWORKS),
    (FIX, FIXES),
    (MESSAGES, PROTOBUF),
    (GRPC, UNGRPC),
    (JWT, JWTS),
]

# Arguments, their number, and types.
ARGUMENTS = """
add add() add(x) add(1,2) add(txn.a) add(req.b) add(1x) add(-1) add(+1) add(9223372036854775808) div() mod() and(0x10) bool(1) not() neg(1) cpl(x)
sha1(1) sha2(1) sha2(257) sha2(x) sha2() digest digest() digest(nope) digest(sha256,1) hmac hmac(sha256) hmac(nope,a2V5) hmac(sha256,!!) hmac(sha256,a2V) hmac(sha256,) crc32(x) crc32() crc32(1,2) xxh32(x) xxh64(1,2) xxh3()
be2dec be2dec() be2dec(:) be2dec(:,0) be2dec(:,9) be2dec(:,-1) be2dec(:,8) be2dec(:,2,2) be2dec(,2) be2hex(:,-1) be2hex(:,1,5) be2hex(:,2,x) be2hex(:,1,1,1)
bytes bytes() bytes(x) bytes(-1) bytes(1,x) bytes(1,2,3) bytes(1,-1) bytes(0) hex(1) hex2i(1) base64(1) b64dec(1) ub64enc() ub64dec(1)
url_enc(query) url_enc(path) url_enc(1) url_enc() url_enc url_dec(x) url_dec(-1) url_dec(2)
field field() field(1) field(1,) field(0,_) field(x,_) field(1,_,x) field(1,_,-1) field(-1,_,-1) field(1,_,2,3) word word() word(1) word(0,_) word(1,_,-1) word(1,/)
ltrim ltrim() ltrim(a,b) rtrim rtrim() rtrim('') lower(1) upper() length(1) cut_crlf(1)
concat concat() concat(a) concat(a,b) concat(a,txn.b,c,d) concat(a,,c) concat(,txn.a) concat(a,txn.) concat(a,foo.b) add_item add_item() add_item(a) add_item(a,) add_item(a,txn.b) add_item(a,,b) add_item(a,b) add_item(,txn.b) add_item(a,,)
strcmp strcmp() strcmp(a) strcmp(txn.a) secure_memcmp secure_memcmp(x) secure_memcmp(txn.a)
regsub regsub() regsub(a) regsub(a,b) regsub(a,b,x) regsub(a,b,g,i) regsub('(',b) regsub(a,b,gg) regsub('[a-z]',b,ig) regsub(,b) regsub(a,)
iif iif() iif(a) iif(a,b) iif(,b) iif(a,) iif(,) iif(a,b,c)
json json() json(x) json(utf8) json(UTF8) json(utf8,1) json_query json_query() json_query('$.a') json_query('a') json_query('$.a','int') json_query('$.a','str') json_query('$.a','INT') json_query('$.a',x) json_query('') json_query('$') json_query('$.') json_query('$[') json_query('$[a]') json_query('$..a')
ltime ltime() ltime(%Y) ltime(%Y,x) ltime(%Y,-1) ltime(%Y,1,2) utime() utime(%H) http_date() http_date(x) http_date(1,s) http_date(1,x) http_date(1,S) http_date(1,ms,2)
language language() language(a) language(a,b) language(a,b,c) language(;) language('',b)
ipmask ipmask() ipmask(24) ipmask(33) ipmask(-1) ipmask(x) ipmask(255.255.0.255) ipmask(24,129) ipmask(24,x) ipmask(24,64) ipmask(24,64,1) ipmask(0) ipmask(ffff::) ipmask(24,255.255.0.0)
host_only(1) port_only() htonl(1) nbsrv(1) nbsrv() srv_queue(1) even(1) odd()
fix_is_valid(1) fix_tag_value fix_tag_value() fix_tag_value(35) fix_tag_value(MsgType) fix_tag_value(msgtype) fix_tag_value(x) fix_tag_value(-1) fix_tag_value(35,1)
protobuf protobuf() protobuf(1) protobuf(1,int32) protobuf(1,string) protobuf(1.2.3) protobuf(x) protobuf(1.) protobuf(0) protobuf(1,x) protobuf(1,int32,2) ungrpc() ungrpc(1) ungrpc(1,double)
jwt_header_query jwt_header_query() jwt_header_query('$.a') jwt_header_query('a') jwt_payload_query('$.a','int') jwt_payload_query('$.a','x')
debug debug() debug(x) debug(x,stderr) debug(x,stdout) debug(x,nope) debug(x,stderr,1)
nope lowr str hexx
""".split()
EXPRESSIONS = [f"req.hdr(x),{a}" for a in ARGUMENTS]
# From which types to which.
SOURCES = ["int(1)", "bool(true)", "src", "str(a)", "str(YQ==),b64dec", "method", "always_true", "date", "var(txn.x)"]
TAKERS = ["add(1)", "bool", "not", "hex", "base64", "lower", "length", "ipmask(24)", "crc32", "sha1", "iif(a,b)", "json(utf8)", "http_date", "htonl", "b64dec", "nbsrv", "even", "debug", "bytes(0)", "hex2i"]
EXPRESSIONS += [f"{s},{t}" for s, t in itertools.product(SOURCES, TAKERS)]

# What converters differ in: patterns of a chain and of an input, and the reason.
KNOWN = [
    (r"(add|sub)\(.*", r"-[18]", "haproxy takes a sum of two negative numbers for an overflow"),
    (r"url_dec", r".*\x00.*", "haproxy ends a text at a byte 0"),
    (r"concat\(-,txn.nul\)", r".*", "bytes made a text keep all of them; haproxy's end at a byte 0"),
    (r"ub64dec", r".*=.*", "haproxy makes bytes of '=', which is no digit"),
    (r"port_only", r".*:([^:\]]*[^\d:\]][^:\]]*|\d{6,})", "haproxy calculates with letters and signs, and wraps around at 2^32; a port that is none is 0 here"),
    (r"regsub\('\$','<'\)", r".*\n", "PCRE's $ matches before the last line feed, too"),
    (r"language\(.*", r"en;q=0,fr;q=0.1", "haproxy stops at a quality of 0; its manual says that such languages are dropped"),
    (r"ipmask\(.*", r"1\.2\.3\.4 ", "a blank behind an address"),
    (r"(protobuf|ungrpc)\(1.*", r".*\x08", "a message that ends in the middle of a number has no such field"),
    (r"jwt_(header|payload)_query", r".+", "2.6 finds nothing without a path; its manual says that it is the whole part"),
    (r"json_query\('\$\.(iss|integer)'\)", r".*:-?[\d.].*", "numbers keep their digits; haproxy writes six of them, as %g"),
    (r"json_query\('\$\.iss'.*", r".*:-\}", "a minus without digits is no number"),
    (r"json_query\(.*", r".*\[.*", "arrays are values, as in later versions of haproxy"),
    (r"json_query\('\$\.iss'.*", r".*\\u.*", "haproxy knows some escapes only"),
    (r"(ltime|utime|http_date)\(.*", r"-\d+", "dates before 1970; haproxy takes their seconds for unsigned ones"),
    (r"(ltime|utime)\(.*,-90000\)|http_date\(-.*", r"[01]", "the same by an offset"),
    (r"(ltime|utime|http_date)\(.*3600.*", r"253402300799", "no years beyond 9999"),
    (r"utime\(%s.*", r"\d+", "%s is the moment; haproxy takes the time in UTC for local time"),
    (r"http_date\(.*[mu]s\)", r"\d+", "the fraction has its zeros: .030, not .30"),
]
# The same for expressions.
KNOWN_EXPRESSIONS = [
    (r".*,(add|div|mod|ltrim|rtrim|language|ltime|utime)(\(\))?", "an argument that is missing is an error"),
    (r".*,rtrim\(''\)|.*,language\('',b\)", "so is one that is empty"),
    (r".*,add\(9223372036854775808\)", "a number that is too large is an error"),
    (r".*,j\w+_query\('(a|\$\.|\$\[|\$\[a\]|\$\.\.a)'\)", "a path that leads nowhere is an error"),
]
