//! One running proxy: its configuration, its inherited listening sockets, its folder and its output.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use rustix::process::{Pid, Resource, Signal, kill_process};

use super::{HTTP, eventually, patience};

/// The binary under test.
pub fn binary() -> PathBuf {
    std::env::var_os("EVENKEEL_BIN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_evenkeel")), PathBuf::from)
}

/// Words to put before the binary.
pub fn runner() -> Vec<String> {
    std::env::var("EVENKEEL_RUNNER").unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

/// Inherited descriptors are numbered from here: above the standard ones, and low enough for small descriptor limits.
const FIRST_INHERITED: RawFd = 20;

/// What a configuration's placeholders stand for; ends in [`Builder::start`].
///
/// In the text, `{bind:NAME}` becomes `fd@N` of a listening socket made here (its address: [`Proxy::addr`]), `{dir}` a
/// temporary folder, `{server:NAME}` and `{NAME}` what [`Builder::server`] and [`Builder::set`] gave.
#[derive(Default)]
pub struct Builder {
    words: Vec<(String, String)>,
    args: Vec<String>,
    keep_listeners: bool,
    limits: Vec<(Resource, u64)>,
    program: Option<PathBuf>,
}

/// A running proxy; killed when dropped, its folder removed. A test that fails shows its output.
pub struct Proxy {
    child: Child,
    addrs: BTreeMap<String, SocketAddr>,
    inherited: Vec<(TcpListener, OwnedFd)>,
    dir: PathBuf,
    exited: Option<ExitStatus>,
}

impl Builder {
    /// `{server:NAME}` becomes `address` (a [`super::Server`]'s `addr()`, or any text that a `server` line takes).
    pub fn server(mut self, name: &str, address: impl ToString) -> Self {
        self.words.push((format!("{{server:{name}}}"), address.to_string()));
        self
    }

    /// `{NAME}` becomes `value`.
    pub fn set(mut self, name: &str, value: impl ToString) -> Self {
        self.words.push((format!("{{{name}}}"), value.to_string()));
        self
    }

    /// Another argument of the command line, before `-f`.
    pub fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Keeps the harness' own copies of the listening sockets, so that connections wait in their backlog while no proxy runs.
    pub fn keep_listeners(mut self) -> Self {
        self.keep_listeners = true;
        self
    }

    /// Starts with `RLIMIT_NOFILE` lowered to `limit`.
    pub fn descriptor_limit(mut self, limit: u64) -> Self {
        self.limits.push((Resource::Nofile, limit));
        self
    }

    /// Starts with `RLIMIT_AS` (`ulimit -v`) lowered to so many MiB.
    pub fn address_space_mib(mut self, limit: u64) -> Self {
        self.limits.push((Resource::As, limit << 20));
        self
    }

    /// Starts another program than [`binary`]: a copy of it.
    pub fn program(mut self, path: PathBuf) -> Self {
        self.program = Some(path);
        self
    }

    /// Writes the configuration and starts the proxy. Its sockets listen already, so clients may connect at once.
    pub fn start(self, config: &str) -> Proxy {
        self.launch(&["-db"], config)
    }

    /// The same with other `arguments` than `-db`; it may go to the background.
    pub fn launch(self, arguments: &[&str], config: &str) -> Proxy {
        let prepared = self.prepare(config);
        let mut command = prepared.command(arguments);
        let out = fs::File::create(prepared.dir.join("stdout")).unwrap();
        let err = fs::File::create(prepared.dir.join("stderr")).unwrap();
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        let child = command.spawn().unwrap_or_else(|e| panic!("cannot start {:?}: {e}", binary()));
        let Prepared { addrs, mut inherited, dir, keep_listeners, .. } = prepared;
        if !keep_listeners {
            inherited.clear();
        }
        Proxy { child, addrs, inherited, dir, exited: None }
    }

    /// Runs to the end with `arguments` instead of `-db` (`-c` for a check) and returns what it said.
    pub fn run(self, arguments: &[&str], config: &str) -> Output {
        let prepared = self.prepare(config);
        let output = prepared.command(arguments).stdin(Stdio::null()).output().unwrap();
        let _ = fs::remove_dir_all(&prepared.dir);
        output
    }

    fn prepare(self, config: &str) -> Prepared {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let dir = std::env::temp_dir().join(format!(
            "evenkeel-test-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        ));
        fs::create_dir_all(&dir).unwrap();
        let mut text = config.to_owned();
        let mut addrs = BTreeMap::new();
        let mut inherited = Vec::new();
        while let Some(start) = text.find("{bind:") {
            let end = start + text[start..].find('}').expect("an unclosed {bind:");
            let name = text[start + 6..end].to_owned();
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            addrs.insert(name.clone(), listener.local_addr().unwrap());
            // The number is agreed by holding it: this process keeps a close-on-exec copy under it until the child runs.
            let copy = fcntl_dupfd_cloexec(listener.as_fd(), FIRST_INHERITED).unwrap();
            // Wherever it is named.
            text = text.replace(&format!("{{bind:{name}}}"), &format!("fd@{}", copy.as_raw_fd()));
            inherited.push((listener, copy));
        }
        for (word, value) in &self.words {
            text = text.replace(word, value);
        }
        text = text.replace("{dir}", dir.to_str().unwrap());
        if let Ok(lines) = std::env::var("EVENKEEL_TEST_GLOBAL") {
            // After the test's own sections, so that it has the last word.
            text = format!("{text}\nglobal\n    {}\n", lines.replace(';', "\n    "));
        }
        let file = dir.join("evenkeel.cfg");
        fs::write(&file, text).unwrap();
        let mut args = self.args;
        if let Ok(more) = std::env::var("EVENKEEL_TEST_ARGS") {
            args.extend(more.split_whitespace().map(str::to_owned));
        }
        let program = self.program.unwrap_or_else(binary);
        Prepared {
            addrs,
            inherited,
            dir,
            file,
            args,
            keep_listeners: self.keep_listeners,
            limits: self.limits,
            program,
        }
    }
}

struct Prepared {
    addrs: BTreeMap<String, SocketAddr>,
    inherited: Vec<(TcpListener, OwnedFd)>,
    dir: PathBuf,
    file: PathBuf,
    args: Vec<String>,
    keep_listeners: bool,
    limits: Vec<(Resource, u64)>,
    program: PathBuf,
}

impl Prepared {
    #[allow(unsafe_code)]
    fn command(&self, first: &[&str]) -> Command {
        let mut words = runner();
        words.push(self.program.clone().into_os_string().into_string().unwrap());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(first).args(&self.args).arg("-f").arg(&self.file);
        let numbers: Vec<RawFd> = self.inherited.iter().map(|(_, copy)| copy.as_raw_fd()).collect();
        let limits = self.limits.clone();
        // SAFETY: the closure runs between fork and exec: it makes system calls only, and allocates nothing. The
        // descriptors it borrows were open at the fork, and stay so: nothing closes them before exec.
        unsafe {
            command.pre_exec(move || {
                for &number in &numbers {
                    fcntl_setfd(BorrowedFd::borrow_raw(number), FdFlags::empty())?;
                }
                for (resource, most) in &limits {
                    let most = rustix::process::Rlimit { current: Some(*most), maximum: Some(*most) };
                    rustix::process::setrlimit(*resource, most)?;
                }
                Ok(())
            });
        }
        command
    }
}

impl Proxy {
    /// Starts with a configuration that needs no servers; see [`Builder`] for the placeholders.
    pub fn start(config: &str) -> Proxy {
        Builder::default().start(config)
    }

    pub fn with() -> Builder {
        Builder::default()
    }

    /// The usual case: one `{server:a}`.
    pub fn in_front_of(server: &super::Server, config: &str) -> Proxy {
        Builder::default().server("a", server.addr()).start(config)
    }

    /// A proxy section `l` in front of one server, with a log and more lines.
    pub fn logging(server: &super::Server, logs: &super::LogSink, lines: &str) -> Proxy {
        let config = format!(
            "{HTTP}\nlisten l\n    bind {{bind:l}}\n    log {{log}} local0\n{lines}\n    server a {{server:a}}\n"
        );
        Proxy::with().set("log", logs.addr()).server("a", server.addr()).start(&config)
    }

    /// The address of `{bind:NAME}`.
    #[track_caller]
    pub fn addr(&self, name: &str) -> SocketAddr {
        *self.addrs.get(name).unwrap_or_else(|| panic!("no {{bind:{name}}} in the configuration"))
    }

    /// The temporary folder, `{dir}` in the configuration.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The configuration file, to be changed before a reload (without placeholders).
    pub fn config(&self) -> PathBuf {
        self.dir.join("evenkeel.cfg")
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.dir.join("stdout")).unwrap_or_default()).into_owned()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.dir.join("stderr")).unwrap_or_default()).into_owned()
    }

    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.child.id() as i32).filter(|_| self.exited.is_none()) {
            let _ = kill_process(pid, signal);
        }
    }

    pub fn sigterm(&self) {
        self.signal(Signal::TERM);
    }

    /// Graceful: no new connections, the present ones end by themselves.
    pub fn sigusr1(&self) {
        self.signal(Signal::USR1);
    }

    /// Reload, of a master.
    pub fn sigusr2(&self) {
        self.signal(Signal::USR2);
    }

    /// How it ended, if it did.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        if self.exited.is_none() {
            self.exited = self.child.try_wait().unwrap();
        }
        self.exited
    }

    /// Waits for it to end by itself.
    #[track_caller]
    pub fn wait_exit(&mut self) -> ExitStatus {
        eventually("the proxy's end", || self.exited())
    }

    /// SIGTERM, then waits for its end (SIGKILL past [`patience`]); returns how it ended.
    pub fn stop(&mut self) -> ExitStatus {
        self.sigterm();
        let start = Instant::now();
        loop {
            if let Some(status) = self.exited() {
                return status;
            }
            if start.elapsed() > patience() {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    /// Resident memory in KiB.
    pub fn rss_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("no VmRSS");
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// CPU time used so far, in clock ticks (10 ms): user, system.
    pub fn cpu_ticks(&self) -> (u64, u64) {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        let after_name = stat.rsplit_once(") ").unwrap().1;
        let mut fields = after_name.split(' ').skip(11).map(|field| field.parse().unwrap());
        (fields.next().unwrap(), fields.next().unwrap())
    }

    /// Descriptors that it holds open.
    pub fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid())).map_or(0, Iterator::count)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let crashed = self.exited().filter(|status| !status.success());
        if std::thread::panicking() {
            let config = fs::read_to_string(self.dir.join("evenkeel.cfg")).unwrap_or_default();
            eprintln!("--- configuration:\n{config}\n--- stdout:\n{}\n--- stderr:\n{}", self.stdout(), self.stderr());
            if let Some(status) = crashed {
                eprintln!("--- the proxy had ended: {status}");
            }
        }
        if self.exited.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}
