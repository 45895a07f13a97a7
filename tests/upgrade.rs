//! A master whose program is replaced on disk becomes the new one with its next reload, and loses nothing; what a master in the
//! background has to say reaches the logs.

mod common;

use common::*;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

fn free_addr() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn children(pid: u32) -> Vec<i32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().map(|p| p.parse().unwrap()).collect()
}

#[track_caller]
fn worker_of(master: u32, old: i32) -> i32 {
    eventually("one worker", || match children(master)[..] {
        [one] if one != old => Some(one),
        _ => None,
    })
}

/// What a process runs; a file that was replaced is `(deleted)`.
fn program_of(pid: u32) -> String {
    fs::read_link(format!("/proc/{pid}/exe")).unwrap().to_string_lossy().into_owned()
}

/// Puts another file in the place of a program, as packages do.
fn replace(program: &Path, with: impl FnOnce(&Path)) {
    let new = program.with_extension("new");
    with(&new);
    fs::rename(new, program).unwrap();
}

/// Copies a file by another process: a program that is still open for writing somewhere cannot be run, and this process starts others
/// all the time, which for a moment have all that is open here.
fn copy(from: &Path, to: &Path) {
    assert!(std::process::Command::new("cp").arg("-p").arg(from).arg(to).status().unwrap().success());
}

fn copy_of_ours(to: &Path) {
    copy(&binary(), to);
}

struct Temp(PathBuf);

impl Drop for Temp {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn temp(name: &str) -> Temp {
    let dir = std::env::temp_dir().join(format!("evenkeel-upgrade-{}-{name}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    Temp(dir)
}

const FARM: &str = "
global
    nbthread 2
    maxconn 400
defaults
    mode http
    timeout connect 4s
    timeout client 20s
    timeout server 20s
frontend fe
    bind {bind:fe}
    bind {port}
    default_backend be
backend be
    server s {server:a}
";

#[test]
fn a_master_becomes_the_new_program() {
    if skip_under_emulation() || is_oracle() {
        return;
    }
    let dir = temp("new");
    let program = dir.0.join("evenkeel");
    copy_of_ours(&program);
    let server = Server::named("a");
    let port = free_addr();
    let mut master = Proxy::with()
        .server("a", server.addr())
        .set("port", port)
        .program(program.clone())
        .launch(&["-W", "-db"], FARM);
    let mut worker = worker_of(master.pid(), 0);
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let load: Vec<_> = [master.addr("fe"), port]
        .map(|addr| {
            let (stop, done) = (stop.clone(), done.clone());
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    assert_eq!(get(addr, "/").status(), 200);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .into();
    let more = || {
        let before = done.load(Ordering::Relaxed);
        eventually("traffic", || (done.load(Ordering::Relaxed) > before + 20).then_some(()));
    };
    more();
    for round in 0..2 {
        replace(&program, copy_of_ours);
        assert!(program_of(master.pid()).ends_with("(deleted)"));
        master.sigusr2();
        worker = worker_of(master.pid(), worker);
        assert_eq!(program_of(master.pid()), program.to_string_lossy(), "round {round}");
        assert_eq!(program_of(worker as u32), program.to_string_lossy());
        more();
        // The same file again: another worker, and that is all.
        master.sigusr2();
        worker = worker_of(master.pid(), worker);
        more();
    }
    // A program that does not run, one that refuses, and a configuration that is wrong: all goes on as it was.
    for (what, text) in [
        ("cannot be started", "no program"),
        ("wrong", "#!/bin/sh\necho said; echo wrong >&2\nexit 3\n"),
        ("does not take the configuration (code 3)", "#!/bin/sh\nexit 3\n"),
        ("does not take the configuration (code 137)", "#!/bin/sh\nkill -9 $$\n"),
    ] {
        replace(&program, |new| {
            let source = dir.0.join("source");
            fs::write(&source, text).unwrap();
            fs::set_permissions(&source, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
            copy(&source, new);
        });
        master.sigusr2();
        eventually(what, || master.stderr().contains(what).then_some(()));
        more();
        assert_eq!(children(master.pid()), [worker]);
    }
    replace(&program, copy_of_ours);
    let good = fs::read_to_string(master.config()).unwrap();
    fs::write(master.config(), "frontend x\n    nonsense here\n").unwrap();
    master.sigusr2();
    eventually("the reason", || master.stderr().contains("nonsense").then_some(()));
    more();
    assert_eq!(children(master.pid()), [worker]);
    fs::write(master.config(), good).unwrap();
    master.sigusr2();
    worker = worker_of(master.pid(), worker);
    assert_eq!(program_of(master.pid()), program.to_string_lossy());
    more();
    stop.store(true, Ordering::Relaxed);
    load.into_iter().for_each(|t| t.join().unwrap());
    // It still looks after a worker that it did not start itself.
    kill_process(Pid::from_raw(worker).unwrap(), Signal::KILL).unwrap();
    assert_eq!(master.wait_exit().code(), Some(128 + 9), "{}", master.stderr());
}

#[test]
fn a_new_master_ends_as_the_old_one() {
    if skip_under_emulation() || is_oracle() {
        return;
    }
    let dir = temp("end");
    let program = dir.0.join("evenkeel");
    copy_of_ours(&program);
    let server = Server::start(|mut conn| {
        conn.request();
        std::thread::sleep(ms(600));
        let _ = conn.send(ok("late"));
    });
    let mut master = Proxy::with()
        .server("a", server.addr())
        .set("port", free_addr())
        .program(program.clone())
        .launch(&["-W", "-db"], FARM);
    let first = worker_of(master.pid(), 0);
    // The first worker is still busy when the master becomes the new program, and again when that is told to finish.
    let mut client = Client::connect(master.addr("fe"));
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    eventually("the request", || (server.connections() == 1).then_some(()));
    replace(&program, copy_of_ours);
    master.sigusr2();
    eventually("two workers", || match &children(master.pid())[..] {
        [a, b] if *a == first || *b == first => Some(()),
        _ => None,
    });
    eventually("a new master", || (!program_of(master.pid()).ends_with("(deleted)")).then_some(()));
    // Once the new one serves.
    eventually("the old one's end begins", || master.stderr().contains("reloaded").then_some(()));
    master.sigusr1();
    assert_eq!(client.response().text(), "late");
    assert_eq!(master.wait_exit().code(), Some(0), "{}", master.stderr());
    assert!(!Path::new(&format!("/proc/{first}/stat")).exists());
}

#[test]
fn what_a_master_in_the_background_says_reaches_the_logs() {
    if skip_under_emulation() || is_oracle() {
        return;
    }
    let logs = LogSink::start();
    let server = Server::named("a");
    let dir = temp("say");
    let (pidfile, file) = (dir.0.join("pid"), dir.0.join("cfg"));
    let text = format!(
        "global\n nbthread 1\n pidfile {}\n log {} local0\n{HTTP}\nlisten l\n bind {}\n server a {}\n",
        pidfile.display(),
        logs.addr(),
        free_addr(),
        server.addr()
    );
    fs::write(&file, &text).unwrap();
    let status = std::process::Command::new(binary()).args(["-W", "-D", "-f"]).arg(&file).status().unwrap();
    assert!(status.success());
    let pid: i32 = eventually("the pid file", || fs::read_to_string(&pidfile).ok()?.trim().parse().ok());
    let worker = worker_of(pid as u32, 0);
    let master = Pid::from_raw(pid).unwrap();
    fs::write(&file, text.replace(" mode http", " mode htp")).unwrap();
    kill_process(master, Signal::USR2).unwrap();
    logs.find("the error", |m| (m.contains("mode") && m.contains("htp")).then_some(()));
    logs.find("what follows", |m| m.contains("the old one goes on").then_some(()));
    assert_eq!(children(pid as u32), [worker]);
    fs::write(&file, text).unwrap();
    kill_process(master, Signal::USR2).unwrap();
    logs.find("success", |m| m.starts_with("reloaded, the new worker is ").then_some(()));
    kill_process(master, Signal::TERM).unwrap();
    eventually("its end", || kill_process(master, Signal::CONT).is_err().then_some(()));
}
