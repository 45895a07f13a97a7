//! Userlists: who is let in, and that nobody waits for another's password. With EVENKEEL_BIN=/usr/sbin/haproxy the same tests ask
//! haproxy.

mod common;

use common::*;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

/// Each user but `plain` has the password "open sesame"; a hash each.
const USERS: &str = "
userlist L
    group staff users six,bcrypt
    group others
    user plain insecure-password 'p:w'
    user empty insecure-password ''
    user des password 'ab/G8gtZdMwak' groups others
    user one password '$1$abcdefgh$9qMkHazuSy1Q8myEum7yb/' groups others,staff
    user five password '$5$saltsalt$yrhPKxCqiWcCE9h0g86j6Ugz7SDFdFm.BjU.d8RaQnC'
    user six password '$6$saltsalt$e/5XKibXPLqVcfjpD.ouauaJrAOL5V0uo80Lt7n7EbRdRiCx3HbQ90yjOHr.G0T.mx79PEMRy8nmtr0qSYhQp1'
    user bcrypt password '$2b$05$CCCCCCCCCCCCCCCCCCCCC.vTdnMkpWk2uFGdD13bbQkt9V3Bbgxl.'
    user slow password '$2b$07$CCCCCCCCCCCCCCCCCCCCC.SvkqjhS6moendoHor8l.BjAheojRriu'
    user locked password *
";

fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in text.as_bytes().chunks(3) {
        let bits = three.iter().fold(0, |bits, b| bits << 8 | u32::from(*b)) << (8 * (3 - three.len()));
        let digits = (0..4).map(|n| char::from(DIGITS[(bits >> (18 - 6 * n)) as usize & 63]));
        out.extend(digits.take(three.len() + 1));
        out.extend(std::iter::repeat_n('=', 3 - three.len()));
    }
    out
}

fn request(path: &str, who: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\nAuthorization: Basic {}\r\n\r\n", base64(who))
}

fn proxy(server: &Server, lines: &str) -> Proxy {
    let config =
        format!("{HTTP}{USERS}\nlisten l\n    bind {{bind:l}}\n    {}\n    server a {{server:a}}\n", lines.trim());
    Proxy::in_front_of(server, &config)
}

fn status(addr: SocketAddr, path: &str, who: &str) -> u16 {
    Client::connect(addr).ask(request(path, who)).status()
}

#[test]
fn each_kind_of_password() {
    let server = Server::named("a");
    let proxy = proxy(&server, "http-request auth realm L unless { http_auth(L) }");
    let addr = proxy.addr("l");
    let answer = get(addr, "/");
    assert_eq!((answer.status(), answer.header("www-authenticate")), (401, Some("Basic realm=\"L\"")));
    for (who, want) in [
        ("plain:p:w", 200),
        ("plain:p:v", 401),
        ("plain:p", 401),
        ("plain:", 401),
        ("plain", 401),
        ("empty:", 200),
        ("empty:x", 401),
        ("nobody:open sesame", 401),
        ("locked:", 401),
        ("locked:*", 401),
        ("", 401),
        // Only eight characters count.
        ("des:open sesamE", 200),
    ] {
        assert_eq!(status(addr, "/", who), want, "{who}");
    }
    for user in ["des", "one", "five", "six", "bcrypt"] {
        for (password, want) in [("open sesame", 200), ("Open sesame", 401), ("", 401), ("open sesame", 200)] {
            assert_eq!(status(addr, "/", &format!("{user}:{password}")), want, "{user}:{password}");
        }
        assert_eq!(status(addr, "/", &format!("{user}x:open sesame")), 401, "{user}x");
    }
    // On one connection, one after the other, and all at once.
    let mut client = Client::connect(addr);
    for (password, want) in [("wrong", 401), ("open sesame", 200), ("worse", 401)] {
        assert_eq!(client.ask(request("/", &format!("six:{password}"))).status(), want, "{password}");
    }
    let all = [request("/", "five:open sesame"), request("/", "five:no"), request("/", "one:open sesame")].concat();
    assert_eq!(statuses_on_one_connection(addr, all), [200, 401, 200]);
}

#[test]
fn groups_and_names() {
    let (one, two) = (Server::named("one"), Server::named("two"));
    let config = format!(
        "{HTTP}{USERS}
frontend f
    bind {{bind:l}}
    acl staff http_auth_group(L) staff
    http-request set-header X-User %[http_auth_group(L)] if {{ path /named }}
    http-request deny if {{ path /both }} !{{ http_auth_group(L) staff others }}
    http-request auth if {{ path /staff }} !staff
    use_backend two if staff
    default_backend one
backend one
    server one {{server:one}}
backend two
    server two {{server:two}}
"
    );
    let proxy = Proxy::with().server("one", one.addr()).server("two", two.addr()).start(&config);
    let addr = proxy.addr("l");
    // The first thing that asks for the password is an action: it waits too.
    assert_eq!(status(addr, "/named", "six:open sesame"), 200);
    assert_eq!(two.last().header("x-user"), Some("six"));
    assert_eq!(status(addr, "/named", "six:wrong"), 200);
    assert_eq!(one.last().header("x-user").unwrap_or_default(), "");
    for (path, who, want) in [
        ("/staff", "bcrypt:open sesame", 200),
        ("/staff", "one:open sesame", 200),
        ("/staff", "des:open sesame", 401),
        ("/staff", "plain:p:w", 401),
        ("/staff", "six:wrong", 401),
        ("/both", "des:open sesame", 200),
        ("/both", "des:wrong", 403),
        ("/both", "five:open sesame", 403),
    ] {
        assert_eq!(status(addr, path, who), want, "{path} {who}");
    }
    let before = two.requests().len();
    assert_eq!(status(addr, "/", "one:open sesame"), 200);
    assert_eq!(two.requests().len(), before + 1);
}

/// haproxy makes everybody wait while a password is hashed.
#[test]
fn others_are_answered_while_a_password_is_hashed() {
    if is_oracle() {
        return;
    }
    let server = Server::named("a");
    let proxy = proxy(&server, "http-request auth if { path /private } !{ http_auth(L) }");
    let (addr, answered) = (proxy.addr("l"), AtomicBool::new(false));
    let mut meanwhile = 0;
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| {
            // Several at once, so that the last one ends long after the first began.
            let mut clients: Vec<Client> = (0..4).map(|_| Client::connect(addr)).collect();
            for (n, client) in clients.iter_mut().enumerate() {
                client.send(request("/private", &format!("slow:wrong{n}")));
            }
            let statuses: Vec<u16> = clients.iter_mut().map(|c| c.response().status()).collect();
            answered.store(true, Ordering::SeqCst);
            statuses
        });
        let mut client = Client::connect(addr);
        while !answered.load(Ordering::SeqCst) {
            assert_eq!(client.get("/public").status(), 200);
            meanwhile += 1;
        }
        assert_eq!(slow.join().unwrap(), [401; 4]);
    });
    assert!(meanwhile > 5, "{meanwhile} requests were answered meanwhile");
}

/// More passwords at once than are hashed at a time, some asked for twice, some by clients that leave: all are answered rightly.
#[test]
fn many_passwords_at_once() {
    let server = Server::named("a");
    let proxy = proxy(&server, "http-request auth unless { http_auth(L) }");
    let addr = proxy.addr("l");
    let mut clients: Vec<(Client, u16)> = Vec::new();
    for n in 0..60 {
        let (user, mut client) = (["six", "five", "bcrypt", "one"][n % 4], Client::connect(addr));
        let right = n % 5 == 0;
        let password = if right { "open sesame".to_owned() } else { format!("wrong{}", n / 8) };
        client.send(request("/", &format!("{user}:{password}")));
        match n % 7 {
            3 => client.reset(),
            _ => clients.push((client, if right { 200 } else { 401 })),
        }
    }
    for (n, (client, want)) in clients.iter_mut().enumerate() {
        assert_eq!(client.response().status(), *want, "{n}");
    }
}
