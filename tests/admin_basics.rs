//! What an operator sees first: the statistics page and its CSV, the command socket, `-c`, exit codes, inherited sockets.

mod common;

use common::*;
use std::process::{Command, Stdio};

fn with_stats(server: &Server) -> Proxy {
    Proxy::in_front_of(
        server,
        &format!(
            "global
    stats socket {{dir}}/sock mode 600 level admin
{HTTP}
frontend fe
    bind {{bind:fe}}
    default_backend be
backend be
    server s1 {{server:a}}
    server s2 {{server:a}} backup
    server s3 {{server:a}} disabled
listen stats
    bind {{bind:stats}}
    stats enable
    stats uri /stats
    stats auth admin:secret
"
        ),
    )
}

/// admin:secret
const AUTH: &str = "Authorization: Basic YWRtaW46c2VjcmV0\r\n";

#[test]
fn show_info() {
    let server = Server::named("a");
    let proxy = with_stats(&server);
    let path = proxy.dir().join("sock");
    let cli = Cli(&path);
    assert_eq!(cli.info("Pid"), proxy.pid().to_string());
    assert_eq!(cli.info("Maxconn"), "400");
    assert!(!cli.info("Version").is_empty() && !cli.info("Name").is_empty());
    let before: u32 = cli.info("CumReq").parse().unwrap();
    get(proxy.addr("fe"), "/");
    eventually("a request counted", || (cli.info("CumReq").parse::<u32>().unwrap() > before).then_some(()));
}

#[test]
fn show_stat_counts() {
    let server = Server::http(|request| if request.target() == "/bad" { Vec::new() } else { ok("x") });
    let proxy = with_stats(&server);
    let path = proxy.dir().join("sock");
    let cli = Cli(&path);
    for target in ["/", "/", "/", "/bad"] {
        get(proxy.addr("fe"), target);
    }
    eventually("the sessions' end", || (cli.stat("fe", "FRONTEND", "scur") == "0").then_some(()));
    assert_eq!(cli.stat("fe", "FRONTEND", "stot"), "4");
    assert_eq!(cli.stat("fe", "FRONTEND", "hrsp_2xx"), "3");
    assert_eq!(cli.stat("fe", "FRONTEND", "hrsp_5xx"), "1");
    assert_eq!(cli.stat("fe", "FRONTEND", "req_tot"), "4");
    assert_eq!(cli.stat("be", "BACKEND", "hrsp_2xx"), "3");
    assert_eq!(cli.stat("be", "s1", "hrsp_2xx"), "3");
    assert_eq!(cli.stat("be", "s1", "status"), "no check");
    assert_eq!(cli.stat("be", "s2", "bck"), "1");
    assert_eq!(cli.stat("be", "s3", "status"), "MAINT");
    assert_eq!(cli.stat("be", "BACKEND", "act"), "1");
    let csv = cli.ask("show stat");
    assert!(csv.ends_with("\n\n"), "no empty line at the end");
}

#[test]
fn csv_columns_of_1_5() {
    let server = Server::named("a");
    let proxy = with_stats(&server);
    let csv = Cli(&proxy.dir().join("sock")).ask("show stat");
    let start = "# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,\
        weight,act,bck,chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked,type,rate,rate_lim,\
        rate_max,check_status,check_code,check_duration,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,\
        hanafail,req_rate,req_rate_max,req_tot,cli_abrt,srv_abrt,comp_in,comp_out,comp_byp,comp_rsp,lastsess,last_chk,\
        last_agt,qtime,ctime,rtime,ttime,";
    assert!(csv.starts_with(start), "{csv}");
    let commas = start.matches(',').count();
    for line in csv.lines().filter(|line| !line.is_empty()) {
        assert!(line.matches(',').count() >= commas, "{line}");
    }
}

#[test]
fn several_commands_and_an_unknown_one() {
    let server = Server::named("a");
    let proxy = with_stats(&server);
    let path = proxy.dir().join("sock");
    let cli = Cli(&path);
    let both = cli.ask("show info; show stat");
    assert!(both.contains("Pid: ") && both.contains("# pxname"), "{both}");
    assert!(cli.ask("no such thing").starts_with("Unknown command"));
    let help = cli.ask("help");
    assert!(help.contains("show stat") && help.contains("show info"), "{help}");
}

#[test]
fn statistics_page_wants_a_password() {
    let server = Server::named("a");
    let proxy = with_stats(&server);
    let addr = proxy.addr("stats");
    let response = get(addr, "/stats");
    assert_eq!(response.status(), 401);
    assert!(response.header("www-authenticate").unwrap().starts_with("Basic realm="));
    assert_eq!(get(addr, "/other").status(), 503);
    let ask = |path: &str| {
        Client::connect(addr).ask(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{AUTH}Connection: close\r\n\r\n"))
    };
    let page = ask("/stats");
    assert_eq!(page.status(), 200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert!(page.text().contains("</html>") && page.text().contains("s1"));
    let csv = ask("/stats;csv");
    assert_eq!(csv.header("content-type"), Some("text/plain"));
    assert!(csv.text().starts_with("# pxname,svname,"));
    assert!(csv.text().contains("\nbe,s1,"));
}

#[test]
fn statistics_are_answered_here_says_the_log() {
    let logs = LogSink::start();
    let config =
        format!("{HTTP}\nlisten l\n bind {{bind:l}}\n log {{log}} local0\n option httplog\n stats uri /stats\n");
    let proxy = Proxy::with().set("log", logs.addr()).start(&config);
    assert_eq!(get(proxy.addr("l"), "/stats;csv").status(), 200);
    let log = logs.http("/stats");
    assert_eq!((log.server.as_str(), log.termination.as_str(), log.status), ("<STATS>", "LR--", 200), "{log:?}");
}

#[test]
fn levels_of_the_command_socket() {
    let config = format!("global\n stats socket {{dir}}/user level user\n{HTTP}\nlisten l\n bind {{bind:l}}\n");
    let proxy = Proxy::start(&config);
    let answer = Cli(&proxy.dir().join("user")).ask("show sess");
    assert!(answer.starts_with("Permission denied"), "{answer}");
}

#[test]
fn the_command_socket_may_be_inherited() {
    let config = format!("global\n stats socket {{bind:cli}} level admin\n{HTTP}\nlisten l\n bind {{bind:l}}\n");
    let proxy = Proxy::start(&config);
    let answer = roundtrip(proxy.addr("cli"), "show info\n");
    assert!(String::from_utf8_lossy(&answer).contains("Pid: "), "{}", show(&answer));
}

#[test]
fn checking_a_configuration() {
    let good = format!("{HTTP}\nlisten l\n bind 127.0.0.1:1\n server a 127.0.0.1:1\n");
    let output = Proxy::with().run(&["-c"], &good);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("Configuration file is valid"), "{said}");
    let quiet = Proxy::with().run(&["-c", "-q"], &good);
    assert!(quiet.stdout.is_empty() && quiet.status.success(), "{quiet:?}");

    let bad = format!("{HTTP}\nlisten l\n bind 127.0.0.1:1\n balanse roundrobin\n server a 127.0.0.1:x\n");
    let output = Proxy::with().run(&["-c"], &bad);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("balanse") && said.contains("evenkeel.cfg:"), "{said}");
}

#[test]
fn a_file_that_cannot_be_read() {
    let output = Proxy::with().run(&["-c", "-f", "/nonexistent/evenkeel.cfg"], "");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[test]
fn descriptors_stay_flat() {
    let server = Server::named("a");
    let config = format!("{HTTP}\nlisten l\n bind {{bind:l}}\n option http-server-close\n server a {{server:a}}\n");
    let proxy = Proxy::in_front_of(&server, &config);
    get(proxy.addr("l"), "/");
    let before = eventually("its descriptors", || Some(proxy.descriptors()).filter(|n| *n > 0));
    for _ in 0..100 {
        get(proxy.addr("l"), "/");
    }
    eventually("the same number of descriptors", || (proxy.descriptors() <= before).then_some(()));
}

#[test]
fn nobody_has_to_read_what_is_said() {
    if is_oracle() || is_emulated() {
        return; // haproxy ends by SIGPIPE
    }
    for words in [&["-h"][..], &["-vv"], &["-dKall"], &["-nosuch"], &["-c", "-V", "-f", "/dev/null"]] {
        let run = |out: Stdio, err: Stdio| Command::new(binary()).args(words).stdout(out).stderr(err).status().unwrap();
        let unread = || std::io::pipe().unwrap().1;
        assert_eq!(run(unread().into(), unread().into()), run(Stdio::null(), Stdio::null()), "{words:?}");
    }
}
