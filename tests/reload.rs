//! Processes: the command line, exit codes, daemons, masters, limits, privileges; and reloads under load that lose nothing.

mod common;

use common::*;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

// ---------------------------------------------------------------- what the tests share

/// An address that was free a moment ago.
fn free_addr() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[derive(Clone)]
enum To {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl To {
    fn connect(&self) -> io::Result<Client> {
        let stream = match self {
            To::Tcp(addr) => TcpStream::connect_timeout(addr, patience())?,
            To::Unix(path) => TcpStream::from(OwnedFd::from(UnixStream::connect(path)?)),
        };
        Ok(Client(Wire::new(stream, None)))
    }
}

/// Clients that ask all the time, over kept connections and with one for each request; any failure is one of the test.
struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<Result<(), String>>>,
}

impl Load {
    fn on(places: &[To]) -> Load {
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut threads = Vec::new();
        for (place, kept) in places.iter().flat_map(|p| [(p, true), (p, true), (p, false), (p, false)]) {
            let (place, stop, done) = (place.clone(), stop.clone(), done.clone());
            threads.push(std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let mut client = place.connect().map_err(|e| format!("connect: {e}"))?;
                    let last = if kept { "" } else { "Connection: close\r\n" };
                    loop {
                        client.send(format!("GET / HTTP/1.1\r\nHost: test\r\n{last}\r\n"));
                        let answer = client.try_response("GET").map_err(|e| format!("kept: {kept}: {e:?}"))?;
                        if answer.status() != 200 {
                            return Err(answer.line);
                        }
                        done.fetch_add(1, Ordering::Relaxed);
                        if answer.lists("connection", "close") || stop.load(Ordering::Relaxed) {
                            break;
                        }
                    }
                }
                Ok(())
            }));
        }
        let load = Load { stop, done, threads };
        load.more(50);
        load
    }

    /// Waits until so many more requests were answered.
    #[track_caller]
    fn more(&self, n: usize) {
        let goal = self.done.load(Ordering::Relaxed) + n;
        let ended = || self.threads.iter().any(JoinHandle::is_finished);
        eventually("requests answered", || (self.done.load(Ordering::Relaxed) >= goal || ended()).then_some(()));
    }

    /// Ends it; panics if any request failed.
    #[track_caller]
    fn end(self) {
        self.more(50);
        self.stop.store(true, Ordering::Relaxed);
        let failed: Vec<String> = self.threads.into_iter().filter_map(|t| t.join().unwrap().err()).collect();
        assert!(failed.is_empty(), "after {} requests: {failed:#?}", self.done.load(Ordering::Relaxed));
    }
}

/// A process that is not our child, ended with the test.
struct Stranger(i32);

impl Stranger {
    fn pid(&self) -> Pid {
        Pid::from_raw(self.0).unwrap()
    }

    /// Zombies count as gone: whoever adopted them may be slow.
    fn is_there(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).unwrap_or_default();
        test_kill_process(self.pid()).is_ok() && !stat.rsplit_once(") ").is_some_and(|(_, s)| s.starts_with('Z'))
    }

    #[track_caller]
    fn wait_end(&self) {
        eventually("the process' end", || (!self.is_there()).then_some(()));
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = kill_process(self.pid(), Signal::KILL);
    }
}

/// The children of a process.
fn children(pid: u32) -> Vec<i32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().map(|p| p.parse().unwrap()).collect()
}

/// The only child of a master, once it has only one and that one is not `old`.
#[track_caller]
fn worker_of(master: u32, old: i32) -> i32 {
    eventually("one worker", || match children(master)[..] {
        [one] if one != old => Some(one),
        _ => None,
    })
}

#[track_caller]
fn wait_pid(path: &Path) -> i32 {
    eventually("the pid file", || fs::read_to_string(path).ok()?.trim().parse().ok())
}

/// The value of a line of /proc/PID/status.
fn status(pid: i32, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':')).unwrap().trim().to_owned()
}

fn answer_of(place: &To) -> Option<String> {
    let mut client = place.connect().ok()?;
    client.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    Some(client.try_response("GET").ok()?.text())
}

#[track_caller]
fn wait_answer(place: &To, text: &str) {
    eventually(&format!("an answer of {text}"), || (answer_of(place)?.as_str() == text).then_some(()));
}

#[track_caller]
fn wait_refused(addr: SocketAddr) {
    let refused = |e: io::Error| (e.kind() == io::ErrorKind::ConnectionRefused).then_some(());
    eventually("a refusal", || TcpStream::connect(addr).err().and_then(refused));
}

/// One frontend by address and unix socket.
const FARM: &str = "
global
    nbthread {threads}
    stats socket {sock} level admin
defaults
    mode http
    timeout connect 4s
    timeout client 20s
    timeout server 20s
frontend fe
    bind {addr}
    bind unix@{path} mode 600
    default_backend be
backend be
    server s {server:s}
";

struct Farm {
    addr: SocketAddr,
    /// Of the sockets; it outlives each of the proxies.
    dir: PathBuf,
    threads: usize,
}

impl Farm {
    fn new(name: &str, threads: usize) -> Farm {
        let dir = std::env::temp_dir().join(format!("evenkeel-farm-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        Farm { addr: free_addr(), dir, threads }
    }

    fn places(&self) -> [To; 2] {
        [To::Tcp(self.addr), To::Unix(self.dir.join("fe"))]
    }

    fn sock(&self) -> PathBuf {
        self.dir.join("stats")
    }

    fn builder(&self, server: &Server) -> Builder {
        let builder = Proxy::with().server("s", server.addr()).set("addr", self.addr).set("threads", self.threads);
        builder.set("path", self.dir.join("fe").display()).set("sock", self.sock().display())
    }

    fn text(&self, server: &Server) -> String {
        let words = [
            ("{threads}", self.threads.to_string()),
            ("{sock}", self.sock().display().to_string()),
            ("{addr}", self.addr.to_string()),
            ("{path}", self.dir.join("fe").display().to_string()),
            ("{server:s}", server.addr().to_string()),
        ];
        words.iter().fold(FARM.to_owned(), |text, (word, value)| text.replace(word, value))
    }

    /// Starts, and waits until it serves.
    fn start(&self, server: &Server, arguments: &[&str]) -> Proxy {
        let mut proxy = self.builder(server).launch(arguments, FARM);
        eventually("the first answer", || {
            assert!(proxy.exited().is_none(), "it ended: {}", proxy.stderr());
            answer_of(&self.places()[0])
        });
        proxy
    }
}

impl Drop for Farm {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

// ---------------------------------------------------------------- -sf and -st

fn replace_under_load(name: &str, threads: usize) {
    if skip_under_emulation() {
        return;
    }
    let servers = [Server::named("a"), Server::named("b"), Server::named("c"), Server::named("d")];
    let farm = Farm::new(name, threads);
    let mut old = farm.start(&servers[0], &["-db"]);
    let load = Load::on(&farm.places());
    for (server, answer) in servers[1..].iter().zip(["b", "c", "d"]) {
        let new = farm.start(server, &["-db", "-sf", &old.pid().to_string()]);
        for place in farm.places() {
            wait_answer(&place, answer);
        }
        load.more(100);
        assert!(old.wait_exit().success(), "the old process ends by itself: {}", old.stderr());
        assert_eq!(Cli(&farm.sock()).info("Pid"), new.pid().to_string(), "the command socket is the new process'");
        old = new;
    }
    load.end();
}

#[test]
fn replace_under_load_one_thread() {
    replace_under_load("one", 1);
}

#[test]
fn replace_under_load_two_threads() {
    replace_under_load("two", 2);
}

#[test]
fn a_new_process_that_cannot_start_disturbs_nothing() {
    if skip_under_emulation() {
        return;
    }
    let (server, other) = (Server::named("a"), Server::named("b"));
    let farm = Farm::new("undisturbed", 1);
    let mut old = farm.start(&server, &["-db"]);
    let pid = old.pid().to_string();
    let inode = fs::metadata(farm.dir.join("fe")).unwrap().ino();
    let load = Load::on(&farm.places());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let busy = format!("{FARM}\nlisten busy\n    bind {}\n    server s {{server:s}}\n", taken.local_addr().unwrap());
    for (config, why) in [(busy.as_str(), "in use"), (&format!("{FARM}\n    nonsense here\n"), "nonsense")] {
        for how in ["-sf", "-st"] {
            let output = farm.builder(&other).run(&["-db", how, &pid], config);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains(why) && said.contains("ALERT"), "{said}");
            load.more(50);
        }
    }
    // One that does not say that it replaces the old process gets neither its port nor its path.
    let output = farm.builder(&other).run(&["-db"], FARM);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.matches("in use").count(), 3, "{said}");
    load.end();
    assert!(old.exited().is_none());
    assert_eq!(fs::metadata(farm.dir.join("fe")).unwrap().ino(), inode, "the path is still the old socket's");
    assert_eq!(fs::read_dir(&farm.dir).unwrap().count(), 2, "nothing left behind");
    for place in farm.places() {
        assert_eq!(answer_of(&place).as_deref(), Some("a"));
    }
}

#[test]
fn st_stops_the_old_process_at_once() {
    if skip_under_emulation() {
        return;
    }
    let (a, b) = (Server::named("a"), Server::named("b"));
    let farm = Farm::new("st", 2);
    let mut old = farm.start(&a, &["-db"]);
    let mut idle = farm.places()[0].connect().unwrap();
    assert_eq!(idle.get("/").text(), "a");
    let _new = farm.start(&b, &["-db", "-st", &old.pid().to_string()]);
    assert_eq!(old.wait_exit().signal(), Some(15));
    idle.expect_close();
    for place in farm.places() {
        wait_answer(&place, "b");
    }
}

// ---------------------------------------------------------------- the end of a process

/// 4 MiB, sent in pieces over about half a second.
fn slow_server() -> Server {
    Server::start(|mut conn| {
        while conn.request().is_some() {
            let _ = conn.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 4 << 20));
            for _ in 0..64 {
                std::thread::sleep(ms(8));
                if conn.send(vec![b'x'; 1 << 16]).is_err() {
                    return;
                }
            }
        }
    })
}

#[test]
fn a_graceful_end_waits_for_transfers_and_for_idle_clients() {
    let (slow, quick) = (slow_server(), Server::named("a"));
    let config = format!(
        "{HTTP}\nfrontend slow\n    bind {{bind:slow}}\n    default_backend slow\nbackend slow\n    server s {{server:slow}}\n\
         frontend quick\n    bind {{bind:quick}}\n    default_backend quick\nbackend quick\n    server s {{server:quick}}\n"
    );
    for threads in ["nbthread 1", "nbthread 2"] {
        let config = config.replace("nbthread 1", threads);
        let builder = Proxy::with().server("slow", slow.addr()).server("quick", quick.addr());
        let mut proxy = builder.start(&config);
        let mut idle = Client::connect(proxy.addr("quick"));
        assert_eq!(idle.get("/").text(), "a");
        let mut transfer = Client::connect(proxy.addr("slow"));
        transfer.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        assert_eq!(transfer.read_n(1 << 16).unwrap().len(), 1 << 16);
        proxy.sigusr1();
        wait_refused(proxy.addr("quick"));
        assert!(proxy.exited().is_none());
        // An idle client may ask once more, and learns that it was the last time.
        let last = idle.get("/");
        assert_eq!(last.text(), "a");
        assert!(last.lists("connection", "close"), "{last:?}");
        idle.expect_close();
        assert!(proxy.exited().is_none(), "a transfer goes on");
        let rest = transfer.rest();
        assert!(rest.len() + (1 << 16) > 4 << 20, "the whole body arrives: {}", rest.len());
        assert!(proxy.wait_exit().success());
    }
}

#[test]
fn hard_stop_after_ends_what_takes_longer() {
    let server = Server::script(vec![Step::ReadRequest, Step::Hold]);
    let config = format!(
        "global\n    hard-stop-after 300ms\n{HTTP}\nlisten fe\n    bind {{bind:fe}}\n    server s {{server:a}}\n"
    );
    let mut proxy = Proxy::in_front_of(&server, &config);
    let mut client = Client::connect(proxy.addr("fe"));
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    eventually("the request", || (server.connections() > 0).then_some(()));
    proxy.sigusr1();
    wait_refused(proxy.addr("fe"));
    assert!(proxy.exited().is_none());
    assert!(proxy.wait_exit().success());
    client.expect_close();
}

// ---------------------------------------------------------------- -W

#[test]
fn a_master_reloads_under_load() {
    if skip_under_emulation() {
        return;
    }
    for threads in [1, 2] {
        let servers = [Server::named("a"), Server::named("b"), Server::named("c")];
        let farm = Farm::new(&format!("master{threads}"), threads);
        let master = farm.start(&servers[0], &["-W", "-db"]);
        let mut worker = worker_of(master.pid(), 0);
        let load = Load::on(&farm.places());
        for (server, answer) in servers[1..].iter().zip(["b", "c"]) {
            fs::write(master.config(), farm.text(server)).unwrap();
            master.sigusr2();
            farm.places().iter().for_each(|place| wait_answer(place, answer));
            load.more(100);
            worker = worker_of(master.pid(), worker);
            assert_eq!(Cli(&farm.sock()).info("Pid"), worker.to_string());
        }
        // A broken file: the worker stays, and the reason is told.
        fs::write(master.config(), "frontend x\n    nonsense here\n").unwrap();
        master.sigusr2();
        eventually("a report", || master.stderr().contains("the old one goes on").then_some(()));
        assert!(master.stderr().contains("nonsense"), "{}", master.stderr());
        load.more(50);
        assert_eq!(children(master.pid()), [worker]);
        load.end();
    }
}

#[test]
fn listeners_come_and_go_with_reloads() {
    if skip_under_emulation() {
        return;
    }
    let server = Server::named("a");
    let farm = Farm::new("listeners", 1);
    let master = farm.start(&server, &["-W", "-db"]);
    let worker = worker_of(master.pid(), 0);
    let load = Load::on(&farm.places());
    let more = free_addr();
    let plain = farm.text(&server);
    let added = format!("{plain}listen more\n    bind {more}\n    server s {}\n", server.addr());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let busy =
        format!("{added}listen busy\n    bind {}\n    server s {}\n", taken.local_addr().unwrap(), server.addr());
    wait_refused(more);
    fs::write(master.config(), &added).unwrap();
    master.sigusr2();
    wait_answer(&To::Tcp(more), "a");
    let second = worker_of(master.pid(), worker);
    // A listener that cannot be had: all stays as it was, several times over.
    fs::write(master.config(), &busy).unwrap();
    for n in 1..=3 {
        master.sigusr2();
        eventually("a report", || (master.stderr().matches("in use").count() == n).then_some(()));
        assert_eq!(answer_of(&To::Tcp(more)).as_deref(), Some("a"));
    }
    assert_eq!(children(master.pid()), [second]);
    fs::write(master.config(), &plain).unwrap();
    master.sigusr2();
    wait_refused(more);
    worker_of(master.pid(), second);
    load.end();
}

#[test]
fn how_a_master_ends() {
    if skip_under_emulation() {
        return;
    }
    let server = Server::named("a");
    let farm = Farm::new("ends", 1);
    let begin = || {
        let pidfile = farm.dir.join("pid");
        let _ = fs::remove_file(&pidfile);
        let master = farm.start(&server, &["-W", "-db", "-p", pidfile.to_str().unwrap()]);
        assert_eq!(wait_pid(&pidfile), master.pid() as i32, "written when its worker is ready");
        let worker = Stranger(worker_of(master.pid(), 0));
        (master, worker)
    };
    // SIGTERM: all end.
    let (mut master, worker) = begin();
    master.sigterm();
    assert_eq!(master.wait_exit().code(), Some(0));
    assert!(!worker.is_there(), "the worker ended before the master");
    // Also while another worker is starting, at any point of that.
    for wait in 0..8 {
        let (mut master, _worker) = begin();
        master.sigusr2();
        std::thread::sleep(ms(wait));
        master.sigterm();
        assert_eq!(master.wait_exit().code(), Some(0), "{}", master.stderr());
        wait_refused(farm.addr);
    }
    // The worker is killed: the master ends, and its code says how.
    let (mut master, worker) = begin();
    kill_process(worker.pid(), Signal::KILL).unwrap();
    assert_eq!(master.wait_exit().code(), Some(137), "{}", master.stderr());
    assert!(master.stderr().contains("unexpectedly"));
    // SIGUSR1: idle clients are served once more.
    let (mut master, worker) = begin();
    let mut idle = Client::connect(farm.addr);
    assert_eq!(idle.get("/").text(), "a");
    master.signal(Signal::USR1);
    wait_refused(farm.addr);
    assert!(worker.is_there() && master.exited().is_none());
    assert!(idle.get("/").lists("connection", "close"));
    assert_eq!(master.wait_exit().code(), Some(0));
    assert!(!worker.is_there());
    // The master is killed: the worker does not stay behind.
    let (mut master, worker) = begin();
    master.signal(Signal::KILL);
    master.wait_exit();
    worker.wait_end();
    wait_refused(farm.addr);
}

#[test]
fn a_master_that_cannot_start_ends() {
    if skip_under_emulation() {
        return;
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = format!("{HTTP}\nlisten l\n    bind {}\n    server s 127.0.0.1:1\n", taken.local_addr().unwrap());
    for arguments in [&["-W", "-db"][..], &["-W", "-D"]] {
        let output = Proxy::with().run(arguments, &config);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(said.matches("in use").count(), 1, "{said}");
    }
}

#[test]
fn a_master_replaces_a_plain_process() {
    if skip_under_emulation() {
        return;
    }
    let (a, b) = (Server::named("a"), Server::named("b"));
    let farm = Farm::new("takeover", 1);
    let mut old = farm.start(&a, &["-db"]);
    let load = Load::on(&farm.places());
    let master = farm.start(&b, &["-W", "-db", "-sf", &old.pid().to_string()]);
    farm.places().iter().for_each(|place| wait_answer(place, "b"));
    assert!(old.wait_exit().success());
    worker_of(master.pid(), 0);
    load.end();
}

// ---------------------------------------------------------------- -D

#[test]
fn a_daemon_is_ready_when_its_parent_returns() {
    if skip_under_emulation() {
        return;
    }
    let server = Server::named("a");
    for master in [false, true] {
        let farm = Farm::new(&format!("daemon{master}"), 2);
        let pidfile = farm.dir.join("pid");
        let path = pidfile.to_str().unwrap();
        let mut arguments = vec!["-D", "-p", path];
        if master {
            arguments.push("-W");
        }
        // Its end is seen at the pipes only because the daemon let go of them.
        let output = farm.builder(&server).run(&arguments, FARM);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let daemon = Stranger(wait_pid(&pidfile));
        for place in farm.places() {
            assert_eq!(answer_of(&place).as_deref(), Some("a"), "at once");
        }
        let worker = if master { worker_of(daemon.0 as u32, 0) } else { daemon.0 };
        assert_eq!(Cli(&farm.sock()).info("Pid"), worker.to_string());
        for (pid, fd) in [daemon.0, worker].into_iter().flat_map(|pid| (0..3).map(move |fd| (pid, fd))) {
            assert_eq!(fs::read_link(format!("/proc/{pid}/fd/{fd}")).unwrap(), Path::new("/dev/null"));
        }
        let session = |pid| rustix::process::getsid(Pid::from_raw(pid)).unwrap();
        assert_eq!(session(worker), daemon.pid());
        // One that fails says so, returns 1, and leaves the pid file of the one that runs.
        let output = farm.builder(&server).run(&arguments, FARM);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), said.contains("in use")), (Some(1), true), "{said}");
        assert_eq!(wait_pid(&pidfile), daemon.0);
        // Its successor.
        let load = Load::on(&farm.places());
        let old = daemon.0.to_string();
        let output = farm.builder(&server).run(&[&arguments[..], &["-sf", &old]].concat(), FARM);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let next = Stranger(wait_pid(&pidfile));
        load.end();
        assert_ne!(next.0, daemon.0);
        daemon.wait_end();
        kill_process(next.pid(), Signal::TERM).unwrap();
        next.wait_end();
    }
}

#[test]
fn inherited_listeners_reach_the_background() {
    if skip_under_emulation() {
        return;
    }
    let server = Server::named("a");
    let config = format!(
        "global\n    pidfile {{dir}}/pid\n{HTTP}\nlisten fe\n    bind {{bind:fe}}\n    server s {{server:a}}\n"
    );
    for arguments in [&["-D"][..], &["-W", "-db"], &["-W", "-D"]] {
        let mut proxy = Proxy::with().server("a", server.addr()).launch(arguments, &config);
        let pid = wait_pid(&proxy.dir().join("pid"));
        let daemon = arguments.contains(&"-D").then(|| Stranger(pid));
        assert_eq!(get(proxy.addr("fe"), "/").text(), "a");
        if arguments[0] == "-W" {
            for _ in 0..2 {
                let worker = worker_of(pid as u32, 0);
                kill_process(Pid::from_raw(pid).unwrap(), Signal::USR2).unwrap();
                worker_of(pid as u32, worker);
                assert_eq!(get(proxy.addr("fe"), "/").text(), "a");
            }
        }
        match daemon {
            Some(_) => assert!(proxy.wait_exit().success()),
            None => _ = proxy.stop(),
        }
    }
}

// ---------------------------------------------------------------- the command line

/// Runs with a configuration that has one listener, in a folder of its own; returns the exit code and what it said.
fn run(arguments: &[&str], config: &str) -> (Option<i32>, String, String) {
    let output = Proxy::with().run(arguments, config);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

const ONE: &str = "
defaults
    mode http
    timeout connect 4s
    timeout client 20s
    timeout server 20s
frontend fe
    bind 127.0.0.1:8009
    default_backend be
backend be
    server s 127.0.0.1:1
";

#[test]
fn checks_and_their_exit_codes() {
    let (code, out, err) = run(&["-c"], ONE);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(out.contains("Configuration file is valid"), "{out}");
    let (code, out, _) = run(&["-c", "-q"], ONE);
    assert_eq!((code, out.as_str()), (Some(0), ""));
    let (code, out, _) = run(&["-c", "-V"], ONE);
    assert!(code == Some(0) && out.contains("memory bound:"), "{out}");
    let (code, out, _) = run(&["-c"], HTTP);
    assert!(code == Some(2) && out.contains("no listener"), "{out}");
    let (code, _, err) = run(&["-db"], HTTP);
    assert!(code == Some(1) && err.contains("no listener"), "{err}");
    let (code, out, err) = run(&["-c", "-q"], "frontend f\n    nonsense\n");
    assert_eq!((code, out.as_str()), (Some(1), ""), "errors are shown even when quiet");
    assert!(err.contains("nonsense") && err.contains("Error(s) found in configuration file : "), "{err}");
    let warned = ONE.replace("timeout connect 4s", "contimeout 4s");
    assert_eq!(run(&["-c", "-dW"], &warned).0, Some(1));
    assert_eq!(run(&["-c", "-dW"], ONE).0, Some(0));
    let (code, _, err) = run(&["-c"], &warned);
    assert!(code == Some(0) && err.contains("WARNING") && err.ends_with("\nWarnings were found.\n"), "{err}");
    assert_eq!(run(&["-c", "-q"], &warned).2, "");
}

#[test]
fn questions_that_need_no_file() {
    for (condition, code) in [("1", 0), ("0", 1), ("version_atleast(1.5)", 0), ("version_atleast(9.9)", 1), ("bad(", 2)]
    {
        let (got, _, err) = run(&["-cc", condition], "");
        assert_eq!(got, Some(code), "{condition}: {err}");
    }
    let (code, out, _) = run(&["-v"], "");
    assert!(code == Some(0) && out.starts_with("evenkeel version "), "{out}");
    let (code, out, _) = run(&["-vv"], "");
    assert!(code == Some(0) && out.contains("Feature list") && out.contains("Available polling systems"), "{out}");
    let (code, out, _) = run(&["-dKall", "-q", "-c"], ONE);
    assert!(code == Some(0) && out.contains("maxconn") && out.contains("forwardfor"), "{out}");
}

#[test]
fn a_command_line_that_makes_no_sense() {
    let (code, _, err) = run(&["-zz"], ONE);
    assert!(code == Some(1) && err.contains("'-zz'") && err.contains("-h shows all options"), "{err}");
    assert_eq!(err.lines().count(), 2, "{err}");
    let (code, _, err) = run(&["-c", "-f", "/nonexistent/x.cfg"], ONE);
    assert!(code == Some(1) && err.contains("/nonexistent/x.cfg") && err.contains("ALERT"), "{err}");
    assert!(err.contains("No such file or directory") && !err.contains("os error"), "{err}");
    let (code, _, err) = run(&["-c", "-C", "/nonexistent"], ONE);
    assert!(code == Some(1) && err.contains("/nonexistent"), "{err}");
    assert_eq!(run(&["-db", "-de", "-dp"], ONE).0, Some(1), "no poller is left");
}

#[test]
fn files_folders_and_the_working_folder() {
    let dir = std::env::temp_dir().join(format!("evenkeel-files-{}", std::process::id()));
    fs::create_dir_all(dir.join("parts")).unwrap();
    let (defaults, rest) = ONE.split_once("frontend").unwrap();
    fs::write(dir.join("parts/1.cfg"), defaults).unwrap();
    fs::write(dir.join("parts/2.cfg"), format!("frontend{rest}")).unwrap();
    fs::write(dir.join("parts/3.txt"), "nonsense").unwrap();
    let parts = dir.join("parts");
    let empty = "defaults\n";
    assert_eq!(run(&["-c", "-f", parts.to_str().unwrap()], empty).0, Some(0));
    assert_eq!(run(&["-c", "-C", dir.to_str().unwrap(), "-f", "parts/1.cfg", "-f", "parts/2.cfg"], empty).0, Some(0));
    assert_eq!(run(&["-c", "-C", parts.to_str().unwrap(), "-f", "2.cfg"], defaults).0, Some(0), "in the order given");
    let (code, _, err) = run(&["-c", "-f", parts.join("3.txt").to_str().unwrap()], empty);
    assert!(code == Some(1) && err.contains("3.txt:1"), "{err}");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_relative_folder_is_entered_once() {
    if skip_under_emulation() {
        return;
    }
    let server = Server::named("a");
    let farm = Farm::new("relative", 1);
    let from_here = |to: &Path| {
        let depth = std::env::current_dir().unwrap().components().count() - 1;
        format!("{}{}", "../".repeat(depth), to.strip_prefix("/").unwrap().display())
    };
    let folder = from_here(&farm.dir);
    let output = farm.builder(&server).run(&["-W", "-D", "-p", "pid", "-C", &folder], FARM);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let daemon = Stranger(wait_pid(&farm.dir.join("pid")));
    assert_eq!(answer_of(&farm.places()[0]).as_deref(), Some("a"));
    drop(daemon);
}

#[test]
fn numbers_of_the_command_line() {
    let server = Server::named("a");
    let config = format!(
        "global\n    stats socket {{dir}}/sock level admin\n{}\nfrontend fe\n    bind {{bind:fe}}\n    default_backend be\n\
         backend be\n    server s {{server:a}}\n",
        HTTP.replace("maxconn 400", "")
    );
    let builder = || Proxy::with().server("a", server.addr()).arg("-V");
    let pidfile = std::env::temp_dir().join(format!("evenkeel-pid-{}", std::process::id()));
    let started = |builder: Builder| {
        let proxy = builder.start(&config);
        assert_eq!(get(proxy.addr("fe"), "/").text(), "a");
        (proxy.dir().join("sock"), proxy)
    };
    let with = builder().arg("-n").arg("123").arg("-N").arg("45").arg("-p").arg(pidfile.to_str().unwrap());
    let (sock, proxy) = started(with);
    assert_eq!(Cli(&sock).info("Maxconn"), "123");
    assert_eq!(Cli(&sock).stat("fe", "FRONTEND", "slim"), "45");
    assert_eq!(wait_pid(&pidfile), proxy.pid() as i32);
    fs::remove_file(&pidfile).unwrap();
    let (sock, proxy) = started(builder().arg("-n").arg("4000").arg("-m").arg("8"));
    let maxconn: u32 = Cli(&sock).info("Maxconn").parse().unwrap();
    assert!((10..1000).contains(&maxconn), "{maxconn} connections in 8 MiB");
    assert!(proxy.stderr().contains("maxconn 4000"), "{}", proxy.stderr());
    if std::env::var_os("EVENKEEL_POLLER").is_some() {
        return;
    }
    let (_, proxy) = started(builder().arg("-de"));
    assert!(!proxy.stdout().contains("Using epoll"), "{}", proxy.stdout());
    let (_, proxy) = started(builder().arg("-dp"));
    assert!(!proxy.stdout().contains("Using poll"), "{}", proxy.stdout());
}

// ---------------------------------------------------------------- limits and privileges

#[test]
fn small_limits_shape_maxconn() {
    let server = Server::named("a");
    let config = |maxconn: &str| {
        format!(
            "global\n    stats socket {{dir}}/sock level admin\n{}\nlisten fe\n    bind {{bind:fe}}\n    server s {{server:a}}\n",
            HTTP.replace("maxconn 400", maxconn)
        )
    };
    let of = |builder: Builder, maxconn: &str| {
        let proxy = builder.server("a", server.addr()).start(&config(maxconn));
        let clients: Vec<Message> = (0..20).map(|_| get(proxy.addr("fe"), "/")).collect();
        assert!(clients.iter().all(|c| c.text() == "a"));
        let granted: u32 = Cli(&proxy.dir().join("sock")).info("Maxconn").parse().unwrap();
        (granted, proxy.stderr())
    };
    let (granted, said) = of(Proxy::with().descriptor_limit(256), "maxconn 5000");
    assert!((50..128).contains(&granted) && said.contains("WARNING"), "{granted}: {said}");
    let (granted, said) = of(Proxy::with().descriptor_limit(256), "");
    assert!((50..128).contains(&granted) && !said.contains("WARNING"), "what was not asked for is not missed: {said}");
    if skip_under_emulation() {
        return; // the emulator needs more address space than that
    }
    let (granted, said) = of(Proxy::with().address_space_mib(96), "maxconn 20000");
    assert!((100..5000).contains(&granted) && said.contains("WARNING"), "{granted}: {said}");
    let (granted, _) = of(Proxy::with().address_space_mib(96), "");
    assert!((100..5000).contains(&granted), "{granted}");
}

#[test]
fn root_is_given_up() {
    if skip_under_emulation() {
        return;
    }
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can give up root");
        return;
    }
    let (a, b) = (Server::named("a"), Server::named("b"));
    for arguments in [&["-db"][..], &["-W", "-db"]] {
        let mut farm = Farm::new(&format!("root{}", arguments.len()), 2);
        let config = FARM.replace(
            "global\n",
            &format!("global\n    chroot {}\n    user nobody\n    group nogroup\n", farm.dir.display()),
        );
        let begin = |server: &Server, arguments: &[&str], answer: &str| {
            let proxy = farm.builder(server).launch(arguments, &config);
            farm.places().iter().for_each(|place| wait_answer(place, answer));
            proxy
        };
        let mut proxy = begin(&a, arguments, "a");
        let pid = if arguments[0] == "-W" { worker_of(proxy.pid(), 0) } else { proxy.pid() as i32 };
        let uid = rustix_uid("nobody");
        for task in fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
            let tid: i32 = task.unwrap().file_name().to_str().unwrap().parse().unwrap();
            assert_eq!(status(tid, "Uid"), [uid.as_str(); 4].join("\t"));
            assert!(status(tid, "Gid").split('\t').all(|g| g != "0"));
            assert_eq!((status(tid, "Groups").as_str(), status(tid, "CapEff").trim_matches('0')), ("", ""));
        }
        assert_eq!(fs::read_link(format!("/proc/{pid}/root")).unwrap(), farm.dir);
        // Reloads, to another user too.
        let load = Load::on(&farm.places());
        if arguments[0] == "-W" {
            proxy.sigusr2();
            worker_of(proxy.pid(), pid);
        } else {
            let mut second = begin(&b, &["-db", "-sf", &pid.to_string()], "b");
            assert!(proxy.wait_exit().success());
            let other = config.replace("user nobody", "uid 12345");
            let third = farm.builder(&a).launch(&["-db", "-sf", &second.pid().to_string()], &other);
            farm.places().iter().for_each(|place| wait_answer(place, "a"));
            assert!(second.wait_exit().success());
            proxy = third;
        }
        load.end();
        proxy.sigterm();
        proxy.wait_exit();
        farm.threads = 1;
    }
}

fn rustix_uid(name: &str) -> String {
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|l| l.starts_with(&format!("{name}:"))).unwrap();
    line.split(':').nth(2).unwrap().to_owned()
}

#[test]
fn sigttou_pauses_and_sigttin_resumes() {
    let server = Server::named("a");
    let config = format!(
        "global\n stats socket {{dir}}/sock level admin\n{}\nlisten l\n bind {{bind:l}}\n server a {{server:a}}\n",
        HTTP.replace("nbthread 1", "nbthread 2")
    );
    let proxy = Proxy::in_front_of(&server, &config);
    let mut kept = Client::connect(proxy.addr("l"));
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(kept.ask(request).status(), 200);
    for _ in 0..2 {
        proxy.signal(Signal::TTOU);
        // Whoever comes now waits; who is there already is served, and operators get in.
        std::thread::sleep(ms(100));
        let mut waiting = Client::connect(proxy.addr("l"));
        waiting.send(request);
        std::thread::sleep(ms(150));
        let connections = Cli(&proxy.dir().join("sock")).info("CurrConns");
        assert_eq!(connections, "1");
        assert_eq!(kept.ask(request).status(), 200);
        proxy.signal(Signal::TTIN);
        assert_eq!(waiting.response().status(), 200);
        drop(waiting);
        eventually("one client", || (Cli(&proxy.dir().join("sock")).info("CurrConns") == "1").then_some(()));
    }
    // A paused process ends as any other.
    proxy.signal(Signal::TTOU);
    std::thread::sleep(ms(50));
    drop(kept);
    let mut proxy = proxy;
    proxy.sigusr1();
    assert!(proxy.wait_exit().success());
}

#[test]
fn a_descriptor_may_be_named_twice() {
    let server = Server::named("a");
    let config = format!(
        "{}\nfrontend one\n bind {{bind:l}}\n default_backend b\nfrontend two\n bind {{bind:l}}\n default_backend b\nbackend b\n server a {{server:a}}\n",
        HTTP.replace("nbthread 1", "nbthread 2")
    );
    let mut proxy = Proxy::in_front_of(&server, &config);
    for _ in 0..10 {
        assert_eq!(get(proxy.addr("l"), "/").status(), 200);
    }
    proxy.sigusr1();
    assert!(proxy.wait_exit().success());
    assert!(!proxy.stderr().contains("ALERT"), "{}", proxy.stderr());
}

#[test]
fn the_socket_option_without_processes_is_said_to_do_nothing() {
    let good = format!("{HTTP}\nlisten l\n bind {{bind:l}}\n server a 127.0.0.1:1\n");
    let proxy = Proxy::with().arg("-x").arg("/run/nowhere.sock").start(&good);
    eventually("a warning", || proxy.stderr().contains("-x takes over nothing").then_some(()));
}
