mod common;
use common::*;
#[test]
fn keep_alive_on_both_sides() {
    let server = Server::named("a");
    let proxy = Proxy::in_front_of(&server, &format!("{HTTP}
listen l
    bind {{bind:l}}
    server a {{server:a}}
"));
    let mut c = Client::connect(proxy.addr("l"));
    for _ in 0..5 { assert_eq!(c.get("/").text(), "a"); }
    assert_eq!(server.connections(), 1);
}
