//! The program: what the command line asks for, in order.

#![deny(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)] // see `util::say`

use evenkeel::args::{self, Args};
use evenkeel::conf::cond::Facts;
use evenkeel::conf::diag::without_codes;
use evenkeel::conf::{self, Loaded, Sources};
#[cfg(feature = "demo")]
use evenkeel::demo;
use evenkeel::master;
use evenkeel::model::Config;
use evenkeel::reload::{self, Replaced, Sockets};
use evenkeel::rules::Rulebook;
use evenkeel::start::{self, Opened, Plan};
use evenkeel::sys::{process, signal, zone::Zone};
use evenkeel::util::say;
use evenkeel::voice::Voice;
use std::fs::File;
use std::io::Write;
use std::process::exit;
use std::sync::Arc;

#[cfg(feature = "alloc-guard")]
#[global_allocator]
static GATE: evenkeel::mem::guard::Gate = evenkeel::mem::guard::Gate;

/// The language level that `.if version_atleast(..)` sees.
const LEVEL: &str = "2.6.0";

/// What this build can do, for conditions and `-vv`.
struct Build;

const FEATURES: &[&str] = &["THREAD", "GETADDRINFO", "TFO", "NS"];

/// What a program may be built without (Cargo.toml), and whether it was.
const OPTIONAL: [(&str, bool); 7] = [
    ("REGEX", cfg!(feature = "regex")),
    ("STATS", cfg!(feature = "stats")),
    ("CLI", cfg!(feature = "cli")),
    ("CRYPT", cfg!(feature = "crypt")),
    ("CONVERTERS", cfg!(feature = "converters")),
    ("KEYWORDS", cfg!(feature = "keywords")),
    ("DEMO", cfg!(feature = "demo")),
];

impl Facts for Build {
    fn version(&self) -> &str {
        LEVEL
    }
    fn feature(&self, name: &str) -> bool {
        let linux = ["EPOLL", "LINUX_SPLICE", "LINUX_TPROXY", "ACCEPT4", "NETFILTER"];
        match name {
            "POLL" => true,
            "KQUEUE" => cfg!(any(target_os = "freebsd", target_os = "openbsd", target_os = "netbsd")),
            "EVPORTS" => cfg!(any(target_os = "solaris", target_os = "illumos")),
            n if OPTIONAL.contains(&(n, true)) => true,
            n => FEATURES[..3].contains(&n) || cfg!(target_os = "linux") && linux.contains(&n),
        }
    }
    fn enabled(&self, option: &str) -> bool {
        self.feature(option) || cfg!(target_os = "linux") && option == "SPLICE"
    }
}

fn main() {
    reload::keep_to_ourselves();
    let words: Vec<String> = std::env::args().skip(1).collect();
    let args = match args::parse(&words) {
        Ok(a) => a,
        Err(e) => {
            exit(fail(&format!("{e}\n  help: -h shows all options")));
        }
    };
    exit(if args.demo { run_demo() } else { run(&args, &words) });
}

fn run(args: &Args, words: &[String]) -> i32 {
    if args.help || words.is_empty() {
        say::out(format_args!("{}\n", version()));
        args::help().for_each(|line| say::out(format_args!("{line}\n")));
        return i32::from(!args.help);
    }
    if args.version > 0 {
        say::out(format_args!("{}", version()));
        if args.version > 1 {
            say::out(format_args!("{}", build_options()));
        }
        return 0;
    }
    if let Some(condition) = &args.condition {
        return evaluate(condition);
    }
    if let Some(kind) = &args.keywords {
        if let Some(dir) = kind.strip_prefix("docs").map(str::trim) {
            return write_reference(dir, words);
        }
        let code = show_keywords(kind);
        if code != 0 || args.files.is_empty() {
            return code;
        }
    }
    if args.files.is_empty() {
        return fail("no configuration file\n  help: name it with -f <file>; -h shows all options");
    }
    let role = master::role();
    // A child is there already, and what the first process said need not be said again.
    let first = role.is_empty();
    if let Some(dir) = args.directory.as_ref().filter(|_| first)
        && let Err(e) = std::env::set_current_dir(dir)
    {
        return fail(&format!("cannot change to '{dir}': {e}"));
    }
    if role == master::AGAIN && !args.check {
        // A master that became this program: its worker serves, whatever is wrong here.
        return master::run(words, &mut Files::new(args, None), Replaced::default());
    }
    let (loaded, said) = load(args, first);
    say::err(format_args!("{said}"));
    let Some((config, rules)) = loaded else { return 1 };
    if args.check {
        return check(args, &config, &rules, said.contains("[WARNING]"));
    }
    if args.no_poll && if cfg!(target_os = "linux") { config.global.noepoll } else { config.global.nokqueue } {
        return fail("no polling mechanism is left");
    }
    if first {
        args.without_effect.iter().for_each(|w| warn(args, w));
    }
    if args.transfer.is_some() && args.finish.is_empty() && args.terminate.is_empty() && first {
        warn(
            args,
            "-x takes over nothing: give the processes to replace with -sf or -st, their sockets come along without -x",
        );
    }
    if config.global.daemon && first {
        return master::daemonize(words);
    }
    if role == "daemon" {
        process::leave_session();
    }
    if config.global.master_worker && role != "worker" {
        let pidfile = open_pidfile(args, &config);
        let mut files = Files { daemon: role == "daemon", pidfile, ..Files::new(args, Some(config)) };
        return master::run(words, &mut files, replaced(args));
    }
    let code = work(args, (Arc::new(config), Arc::new(rules)), &role);
    if code > 128 {
        signal::die_of(code - 128); // as a process that does not catch it
    }
    code
}

fn replaced(args: &Args) -> Replaced {
    Replaced { finish: args.finish.clone(), terminate: args.terminate.clone() }
}

/// Reads and compiles the configuration, and what is to be said about it. No configuration when it cannot be used.
fn load(args: &Args, speak: bool) -> (Option<(Config, Rulebook)>, String) {
    let sources = match read_files(&args.files) {
        Ok(sources) => sources,
        Err(e) => return (None, alert(&e)),
    };
    let Loaded { config, rules, diags } = conf::load_with(&sources, &Build, &overrides(args));
    let mut text = String::new();
    for d in diags.list() {
        diags.render(d, &mut text);
    }
    // Errors are shown even with -q, as HAProxy does.
    if diags.errors() > 0 {
        let names: Vec<&str> = sources.files.iter().map(|f| f.0.as_str()).collect();
        text += &alert(&format!("config : Error(s) found in configuration file : {}", names.join(", ")));
        return (None, text);
    }
    if !speak || args.quiet {
        text.clear();
    }
    if (args.zero_warning || config.global.zero_warning) && diags.warnings() > 0 {
        text += &alert("warnings were found, and zero-warning (-dW) treats them as errors");
        return (None, text);
    }
    (Some((config, rules)), text)
}

fn read_files(names: &[String]) -> Result<Sources, String> {
    let mut sources = Sources::default();
    for path in conf::expand_paths(names)? {
        let bytes = std::fs::read(&path).map_err(|e| format!("cannot read '{path}': {e}"))?;
        sources.add(&path, &bytes);
    }
    Ok(sources)
}

fn overrides(args: &Args) -> conf::Overrides {
    conf::Overrides {
        maxconn: args.maxconn,
        proxy_maxconn: args.proxy_maxconn,
        daemon: args.daemon,
        foreground: args.foreground,
        master_worker: args.master,
        quiet: args.quiet,
        noepoll: args.no_epoll,
        nokqueue: args.no_kqueue,
        nosplice: args.no_splice,
        pidfile: args.pidfile.clone(),
        diagnostic: args.diagnostics,
    }
}

fn make_plan(args: &Args, config: &Config, rules: &Rulebook) -> Plan {
    start::plan(config, rules, args.memory_mib, &process::limits())
}

fn check(args: &Args, config: &Config, rules: &Rulebook, warned: bool) -> i32 {
    let plan = make_plan(args, config, rules);
    plan.warnings.iter().for_each(|w| warn(args, w));
    if !args.quiet && (warned || !plan.warnings.is_empty()) {
        say::err(format_args!("Warnings were found.\n"));
    }
    let serves = !config.listeners.is_empty();
    if args.verbose || !args.quiet {
        say::out(format_args!(
            "{}\n",
            if serves {
                "Configuration file is valid"
            } else {
                "Configuration file has no error but will not start (no listener)"
            }
        ));
    }
    if args.verbose {
        // In integers: printing a float takes 15 kB of program.
        let tenths = (plan.sizes.memory_bound * 10 + (1 << 19)) >> 20;
        say::out(format_args!(
            "memory bound: {}.{} MiB at maxconn {} ({} worker{}, {} descriptors)\n",
            tenths / 10,
            tenths % 10,
            plan.sizes.maxconn,
            plan.sizes.workers,
            if plan.sizes.workers == 1 { "" } else { "s" },
            plan.sizes.maxsock
        ));
    }
    if serves { 0 } else { 2 }
}

/// Runs as the process that serves.
fn work(args: &Args, loaded: (Arc<Config>, Arc<Rulebook>), role: &str) -> i32 {
    let config = Arc::clone(&loaded.0);
    let plan = make_plan(args, &config, &loaded.1);
    plan.warnings.iter().for_each(|w| warn(args, w));
    if config.listeners.is_empty() {
        return fail("no listener: nothing to do (a frontend needs a 'bind' line)");
    }
    if args.verbose {
        say::out(format_args!("Using {} as the polling mechanism.\n", start::backend(&config).name()));
    }
    let allowed = process::raise_descriptors(plan.sizes.ulimit_n);
    if allowed.is_some_and(|n| n < plan.sizes.ulimit_n) {
        warn(args, &format!("{} descriptors were wanted, {} are allowed", plan.sizes.ulimit_n, allowed.unwrap_or(0)));
    }
    let old = replaced(args);
    let listeners = match reload::open_all(&config, &reload::inherited(), &old.pids()) {
        Ok(fds) => fds,
        Err(errors) => {
            errors.iter().for_each(|e| _ = fail(e));
            return 1;
        }
    };
    let listeners = match reload::separate(listeners) {
        Ok(fds) => fds,
        Err(e) => return fail(&format!("cannot duplicate a listening socket: {e}")),
    };
    let sinks = start::open_sinks(&config, &mut |w| warn(args, &w));
    let zone = Arc::new(Zone::local());
    let pidfile = (role != "worker").then(|| open_pidfile(args, &config)).flatten();
    let g = &config.global;
    // Nearly all that can fail is behind us; who has given up root cannot signal other users' processes.
    old.tell(|pid| g.uid.is_some() && process::user_of(pid) != g.uid);
    if let Err(e) = process::drop_privileges(g.chroot.as_deref(), g.uid, g.gid) {
        return fail(&e);
    }
    if role == "worker" {
        process::end_with_parent();
    }
    let ready = || {
        old.tell(|_| true);
        write_pid(pidfile);
        if g.daemon {
            process::silence();
        }
        reload::say_ready();
        if args.notify && role.is_empty() {
            reload::notify_systemd("READY=1");
        }
    };
    let opened = Opened { listeners, sinks, zone, ends_on_hangup: role == "demo" };
    match start::serve(loaded, &plan, opened, ready) {
        Ok(code) => code,
        Err(e) => fail(&e),
    }
}

/// What the master needs of the program.
struct Files<'a> {
    args: &'a Args,
    daemon: bool,
    pidfile: Option<File>,
    /// For the first worker: loaded to know that there is to be a master.
    loaded: Option<Config>,
    /// Where to say what standard error does not show, which leads to /dev/null in the background.
    voice: Option<Voice>,
}

impl<'a> Files<'a> {
    fn new(args: &'a Args, loaded: Option<Config>) -> Files<'a> {
        Files { args, daemon: false, pidfile: None, loaded, voice: None }
    }

    /// Says lines to standard error, and to the logs of the last good configuration when nobody sees that.
    fn tell(&mut self, lines: &str) {
        say::err(format_args!("{lines}"));
        if let Some(voice) = self.voice.as_mut().filter(|_| process::is_silent()) {
            lines.lines().for_each(|line| voice.say(line));
        }
    }
}

impl master::Environment for Files<'_> {
    fn load(&mut self, known: &Sockets, old: &[i32]) -> Option<Sockets> {
        let config = match self.loaded.take() {
            Some(config) => config,
            None => {
                let (loaded, said) = load(self.args, true);
                self.tell(&said);
                loaded?.0
            }
        };
        let opened = reload::open_all(&config, known, old);
        let sockets = opened.as_ref().map(|fds| reload::named(&config, fds)).ok();
        self.voice = Some(Voice::of(config));
        if let Err(errors) = opened {
            errors.iter().for_each(|e| self.tell(&alert(e)));
        }
        sockets
    }

    fn say(&mut self, level: &str, message: &str) {
        let message = without_codes(message);
        match level {
            "" => self.tell(&format!("{message}\n")),
            _ => self.tell(&format!("{:10} ({}) : {message}\n", format!("[{level}]"), std::process::id())),
        }
    }

    fn ready(&mut self) {
        write_pid(self.pidfile.take());
        if self.daemon {
            process::silence();
        }
        reload::say_ready();
    }

    fn notify(&self, state: &str) {
        if self.args.notify {
            reload::notify_systemd(state);
        }
    }
}

/// Opens the pid file, which may be impossible later; it is written when the old process is no longer the one that it should name.
fn open_pidfile(args: &Args, config: &Config) -> Option<File> {
    let path = config.global.pidfile.as_ref()?;
    let file = File::options().write(true).create(true).truncate(false).open(path);
    file.inspect_err(|e| warn(args, &format!("cannot write the pid file '{path}': {e}"))).ok()
}

fn write_pid(pidfile: Option<File>) {
    if let Some(mut file) = pidfile {
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    }
}

#[cfg(not(feature = "demo"))]
fn run_demo() -> i32 {
    fail("this program is built without the demonstration (feature 'demo')")
}

#[cfg(feature = "demo")]
fn run_demo() -> i32 {
    let ports = match demo::start_servers() {
        Ok(p) => p,
        Err(e) => return fail(&format!("cannot start the sample servers: {e}")),
    };
    let wanted = std::env::var("EVENKEEL_DEMO_BIND").ok();
    let free = |p: u16| std::net::TcpListener::bind(("127.0.0.1", p)).is_ok();
    let bind = wanted.unwrap_or_else(|| format!("127.0.0.1:{}", (8080..8180).find(|p| free(*p)).unwrap_or(8080)));
    let text = demo::configuration(ports, &bind);
    let mut sources = Sources::default();
    sources.add("demo", text.as_bytes());
    let Loaded { config, rules, diags } = conf::load(&sources, &Build);
    if diags.errors() > 0 {
        let mut out = String::new();
        diags.list().iter().for_each(|d| diags.render(d, &mut out));
        return fail(&out);
    }
    say::out(format_args!("The configuration of this demonstration:\n\n{text}\n"));
    say::out(format_args!("Open http://{bind}/ and reload: two sample servers answer in turn.\n"));
    say::out(format_args!("Statistics: http://{bind}/stats    From a shell: curl http://{bind}/\n"));
    say::out(format_args!("Stop with Ctrl-C.\n"));
    let args = Args { quiet: true, ..Args::default() };
    match work(&args, (Arc::new(config), Arc::new(rules)), "demo") {
        129 => 0, // the terminal is gone
        130 | 143 => {
            say::out(format_args!("\nStopped.\n"));
            0
        }
        code => code,
    }
}

/// The environment of this process, for `-cc`.
struct Environment;

impl conf::lexer::Env for Environment {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}

fn evaluate(condition: &str) -> i32 {
    match conf::cond::evaluate(condition, &Environment, &Build) {
        Ok(value) => i32::from(!value),
        Err(e) => 1 + fail(&format!("-cc: {} (at offset {})", e.message, e.offset)),
    }
}

#[cfg(not(feature = "keywords"))]
fn show_keywords(_: &str) -> i32 {
    fail("this program is built without the list of keywords (feature 'keywords')")
}

/// `-dK<kind>`
#[cfg(feature = "keywords")]
fn show_keywords(kind: &str) -> i32 {
    let Some(list) = conf::manual::keyword_list(kind) else {
        return fail(&format!(
            "-dK knows no keywords of kind '{kind}'\n  help: -dKall lists all; the first column has the kinds"
        ));
    };
    say::out(format_args!("{list}"));
    0
}

#[cfg(not(feature = "manual"))]
fn write_reference(_: &str, _: &[String]) -> i32 {
    fail("this program is built without the texts of the manual (feature 'manual')")
}

/// `-dKdocs <folder>`: writes the reference manual.
#[cfg(feature = "manual")]
fn write_reference(inline: &str, words: &[String]) -> i32 {
    let dir = if inline.is_empty() { words.last().map_or("", String::as_str) } else { inline };
    for (name, text) in conf::manual::pages() {
        let path = std::path::Path::new(dir).join(name);
        if let Err(e) = std::fs::write(&path, text) {
            return fail(&format!("cannot write '{}': {e}", path.display()));
        }
    }
    0
}

fn alert(message: &str) -> String {
    format!("[ALERT]    ({}) : {}\n", std::process::id(), without_codes(message))
}

fn fail(message: &str) -> i32 {
    say::err(format_args!("{}", alert(message)));
    1
}

fn warn(args: &Args, message: &str) {
    if !args.quiet {
        say::err(format_args!("[WARNING]  ({}) : {}\n", std::process::id(), without_codes(message)));
    }
}

fn version() -> String {
    format!("evenkeel version {} - language of HAProxy 1.5 to {LEVEL}\n", env!("CARGO_PKG_VERSION"))
}

fn build_options() -> String {
    let on = |f: &&str| Build.feature(f) || Build.enabled(f);
    let system = ["EPOLL", "KQUEUE", "EVPORTS", "POLL", "LINUX_SPLICE", "LINUX_TPROXY", "TFO", "THREAD"];
    let all = system.into_iter().chain(OPTIONAL.map(|o| o.0)).chain(["OPENSSL", "LUA", "ZLIB"]);
    let list: Vec<String> = all.map(|f| format!("{}{f}", if on(&f) { '+' } else { '-' })).collect();
    let backend = start::backend(&Config::default()).name();
    format!(
        "Running on: {} {}\nTarget: {}-{}\nFeature list : {}\nAvailable polling systems : {backend}, polling, poll\n\
         Default settings : bufsize = 16384, maxrewrite = 1024, maxpollevents = 200\n",
        std::env::consts::OS,
        std::env::consts::ARCH,
        std::env::consts::ARCH,
        std::env::consts::OS,
        list.join(" "),
    )
}
