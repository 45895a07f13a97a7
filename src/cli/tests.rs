use super::*;
use crate::stats::tests::{Sample, stream};

fn ask(sample: &Sample, line: &str, size: usize) -> String {
    stream(size, |cur, out| answer(&sample.view(), line, cur, out))
}

fn ask_as(sample: &Sample, level: CliLevel, line: &str) -> String {
    stream(1 << 14, |cur, out| answer(&View { level, ..sample.view() }, line, cur, out))
}

#[test]
fn commands_are_sorted_unique_and_documented() {
    assert!(COMMANDS.windows(2).all(|w| w[0].name < w[1].name));
    for c in COMMANDS {
        assert!(!c.doc.is_empty() && c.doc.len() < 60 && c.name.split(' ').all(|w| !w.is_empty()), "{}", c.name);
        let (found, args) = find(c.name, c.level).unwrap();
        assert_eq!((found.name, args.as_slice().len()), (c.name, 0));
    }
}

#[test]
fn lines_are_taken_apart() {
    let (c, args) = find("  show \t stat  4 -1 x ", CliLevel::User).unwrap();
    assert_eq!((c.name, args.as_slice()), ("show stat", &["4", "-1", "x"][..]));
    let many = format!("help{}", " x".repeat(40));
    assert_eq!(find(&many, CliLevel::User).unwrap().1.as_slice().len(), MAX_WORDS - 1);
    assert_eq!(find("show sess", CliLevel::User).err(), Some(Refusal::Denied));
    assert_eq!(find("show", CliLevel::Admin).err(), Some(Refusal::Unknown("show")));
}

#[test]
fn what_is_no_command_gets_help() {
    let sample = Sample::new();
    let near = ask(&sample, "shwo info", 4096);
    assert!(near.starts_with("Unknown command: 'shwo info', but maybe one of"), "{near}");
    assert!(
        near.contains("\n  show info [desc]                                    : ") && !near.contains("show pools"),
        "{near}"
    );
    assert!(ask(&sample, "show", 4096).contains("show pools"));
    let far = ask(&sample, "bogus\x1b[2J\u{9b}2J", 4096);
    assert!(
        far.starts_with("Unknown command: 'bogus.[2J.2J'. Please enter one of the following commands only:\n"),
        "{far}"
    );
    assert_eq!(far.lines().count(), COMMANDS.len() + 1);
    assert_eq!(ask(&sample, "show table t", 4096), "The command 'show table' is not built in this version.\n");
    // All descriptions begin in one column.
    let columns: Vec<_> = ask(&sample, "help", 4096).lines().skip(1).map(|l| l.find(" : ")).collect();
    assert!(columns.iter().all(|c| c.is_some() && *c == columns[0]), "{columns:?}");
    assert_eq!(ask_as(&sample, CliLevel::User, "show sess"), "Permission denied\n");
    assert!(!ask_as(&sample, CliLevel::User, "help").contains("show sess"));
    assert_eq!(ask(&sample, "help show p", 4096).lines().count(), 2);
}

#[test]
fn small_buffers_give_the_same_bytes() {
    let sample = Sample::new();
    for line in [
        "help",
        "nonsense",
        "show info",
        "show info desc",
        "show pools",
        "show sess",
        "show sess all",
        "show stat",
        "show version",
    ] {
        assert!(ask(&sample, line, 1500) == ask(&sample, line, 1 << 16), "{line}");
    }
}

#[test]
fn info_has_the_lines_of_haproxy_in_order() {
    let sample = Sample::new();
    let text = ask(&sample, "show info", 15_000);
    let names: Vec<&str> = text.lines().map(|l| l.split(": ").next().unwrap()).collect();
    let theirs = "Name Version Release_date Nbthread Nbproc Process_num Pid Uptime Uptime_sec Memmax_MB PoolAlloc_MB PoolUsed_MB \
        PoolFailed Ulimit-n Maxsock Maxconn Hard_maxconn CurrConns CumConns CumReq MaxSslConns CurrSslConns CumSslConns Maxpipes \
        PipesUsed PipesFree ConnRate ConnRateLimit MaxConnRate SessRate SessRateLimit MaxSessRate SslRate SslRateLimit MaxSslRate \
        SslFrontendKeyRate SslFrontendMaxKeyRate SslFrontendSessionReuse_pct SslBackendKeyRate SslBackendMaxKeyRate \
        SslCacheLookups SslCacheMisses CompressBpsIn CompressBpsOut CompressBpsRateLim Tasks Run_queue Idle_pct node description \
        Stopping Jobs Unstoppable_Jobs Listeners ActivePeers ConnectedPeers DroppedLogs BusyPolling FailedResolutions \
        TotalBytesOut TotalSplicdedBytesOut BytesOutRate DebugCommandsIssued CumRecvLogs Build_info Memmax_bytes \
        PoolAlloc_bytes PoolUsed_bytes Start_time_sec Tainted";
    for (ours, theirs) in names.iter().zip(theirs.split_ascii_whitespace()) {
        assert_eq!(ours.replace(' ', "_"), theirs);
    }
    for line in
        ["Uptime: 0d 1h23m19s", "Uptime_sec: 4999", "MemoryBound_bytes: 11953766", "node: mynode", "Maxconn: 500"]
    {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    assert!(ask(&sample, "show info desc", 15_000).lines().all(|l| l.ends_with('"')));
    assert_eq!(ask(&sample, "show version", 64), "0.1.0\n");
}

#[test]
fn sessions_are_shown_and_found() {
    let sample = Sample::new();
    let text = ask(&sample, "show sess", 15_000);
    assert_eq!(text.lines().count(), 3);
    let second = text.lines().nth(1).unwrap();
    let (id, rest) = second.split_once(": ").unwrap();
    assert!(id.starts_with("0x1"), "{second}");
    assert!(
        rest.starts_with("proto=tcpv4 src=192.0.2.1:40000 fe=fe1 be=be1 srv=s1 ts=00 epoch=0 age=1m15s calls=0"),
        "{rest}"
    );
    assert!(rest.ends_with("exp=47s rc=0 c_exp="), "{rest}");
    let detail = ask(&sample, &format!("show sess {id}"), 15_000);
    assert!(detail.starts_with(&format!("{id}: [21/Nov/2026:10:15:50.000042] id=2 ")), "{detail}");
    assert!(detail.contains("\n  backend=be1 (id=4 mode=http)\n  server=s1 (id=1) addr=127.0.0.1:17101\n"), "{detail}");
    assert_eq!(ask(&sample, "show sess 0x123", 64), "Session not found.\n");
    assert!(ask(&sample, "show sess all", 15_000).contains(&detail));
}

#[test]
fn pools_and_statistics() {
    let sample = Sample::new();
    let text = ask(&sample, "show pools", 15_000);
    assert!(
        text.contains("\n  connection ") && text.ends_with("Memory bound of the process: 11953766 bytes.\n"),
        "{text}"
    );
    assert_eq!(ask(&sample, "show stat 4 4 1", 15_000).lines().count(), 2);
    assert_eq!(ask(&sample, "show stat be1 -1 -1", 15_000).lines().count(), 9);
    assert!(ask(&sample, "show stat", 1 << 16).contains("17101"));
    assert!(!ask_as(&sample, CliLevel::User, "show stat be1 -1 -1").contains("17101"));
}
