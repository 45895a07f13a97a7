//! The section `global`, without `tune.*` and the log lines.

use super::bind;
use super::row::{GLOBAL, NEGATABLE, Parse, Row};
use super::state::State;
use super::values::{self, count, number};
use crate::rules::Line;
use crate::util::words::{Args, Fault, Pos};

const CLI: bool = cfg!(feature = "cli");
const NO_CLI: &str = "this program is built without the command socket (feature 'cli')";

const fn g(name: &'static str, args: &'static str, since: &'static str, doc: &'static str, parse: Parse) -> Row {
    Row::built("global", GLOBAL, name, args, since, doc, parse)
}

const fn on(name: &'static str, since: &'static str, doc: &'static str, parse: Parse) -> Row {
    Row::built("global", GLOBAL | NEGATABLE, name, "", since, doc, parse)
}

/// A TLS setting: it has no effect until TLS is built, which is said once a file.
pub const fn tls(name: &'static str, args: &'static str, since: &'static str) -> Row {
    g(
        name,
        args,
        since,
        "A setting of TLS. Accepted without effect, since TLS is not built yet in this version.",
        tls_setting,
    )
}

/// Sorted by name.
pub static TABLE: &[Row] = &[
    on("busy-polling", "1.9", "Polls without sleeping. Accepted without effect.", no_effect),
    tls("ca-base", "<dir>", "1.5"),
    g("chroot", "<dir>", "1.1", "Changes the root directory after the sockets are bound; needs root.", chroot),
    g("cluster-secret", "<secret>", "2.6", "Shared secret of a cluster (QUIC). Accepted without effect.", no_effect),
    g(
        "cpu-map",
        "<threads> <cpus>...",
        "1.5",
        "Binds threads to processors. Accepted without effect: the scheduler decides.",
        no_effect,
    ),
    g("cpu-policy", "<policy>", "3.2", "How threads are spread over processors. Accepted without effect.", no_effect),
    tls("crt-base", "<dir>", "1.5"),
    g("daemon", "", "1.1", "Goes to the background after the start.", |s, _| set(&mut s.global.daemon)),
    g("debug", "", "1.1", "Showed the traffic on the terminal, in old HAProxy. Accepted without effect.", debug),
    g("default-path", "<mode>", "2.5", "Where relative paths begin. Only 'current' is built.", default_path),
    g("description", "<text>", "1.4", "A text about this instance, shown on the statistics page.", description),
    g(
        "expose-experimental-directives",
        "",
        "2.5",
        "Permits experimental keywords. Accepted without effect.",
        no_effect,
    ),
    g(
        "fd-hard-limit",
        "<number>",
        "2.6",
        "The most descriptors that the process takes by itself, however many the system permits.",
        |s, a| Ok(s.global.fd_hard_limit = count(a)?),
    ),
    g("gid", "<number>", "1.1", "Group number to change to after the sockets are bound; needs root.", gid),
    g("grace", "<time>", "2.4", "Time between a graceful stop and the closing of the listening sockets.", |s, a| {
        Ok(s.global.grace_ms = values::time_ms(a)?)
    })
    .unit("ms"),
    g("group", "<name>", "1.1", "Group to change to after the sockets are bound; needs root.", group),
    on(
        "h1-accept-payload-with-any-method",
        "2.6",
        "Accepts a body with GET, HEAD and DELETE in HTTP/1.0, which is refused otherwise (413).",
        |s, _| set(&mut s.global.payload_with_any_method),
    ),
    g(
        "hard-stop-after",
        "<time>",
        "1.8",
        "After a graceful stop, sessions that are still there after this time are closed.",
        |s, a| Ok(s.global.hard_stop_after_ms = values::time_ms(a)?),
    )
    .unit("ms"),
    on("insecure-fork-wanted", "2.2", "Permits to start programs. Accepted without effect: none are started.", silent),
    on(
        "insecure-setuid-wanted",
        "2.2",
        "Permits programs with a set-uid bit. Accepted without effect: none are started.",
        silent,
    ),
    g(
        "localpeer",
        "<name>",
        "2.3",
        "Name of this process among the peers. Accepted without effect until peers are built.",
        no_effect,
    ),
    g(
        "master-worker",
        "[no-exit-on-failure]",
        "1.8",
        "A master process supervises the worker and reloads it without losing a connection.",
        master_worker,
    ),
    g("max-spread-checks", "<time>", "1.5", "The most by which checks are spread. Accepted without effect.", no_effect),
    g(
        "maxcompcpuusage",
        "<percent>",
        "1.5",
        "Processor use above which nothing is compressed. Accepted without effect until compression is built.",
        no_effect,
    ),
    g(
        "maxcomprate",
        "<number>",
        "1.5",
        "Compressed kilobytes a second. Accepted without effect until compression is built.",
        no_effect,
    ),
    g("maxconn", "<number>", "1.1", "The most client connections at once in the whole process.", |s, a| {
        Ok(s.global.maxconn = count(a)?)
    })
    .or("derived from the limits of memory and descriptors"),
    g("maxconnrate", "<number>", "1.5", "The most connections accepted a second in the whole process.", |s, a| {
        Ok(s.global.maxconnrate = count(a)?)
    }),
    g(
        "maxpipes",
        "<number>",
        "1.4",
        "The most pipes that splicing may take.",
        |s, a| Ok(s.global.maxpipes = count(a)?),
    )
    .or("a quarter of maxconn"),
    g("maxsessrate", "<number>", "1.5", "The most sessions begun a second in the whole process.", |s, a| {
        Ok(s.global.maxsessrate = count(a)?)
    }),
    tls("maxsslconn", "<number>", "1.2"),
    tls("maxsslrate", "<number>", "1.5"),
    g(
        "maxzlibmem",
        "<megabytes>",
        "1.5",
        "Memory for compression. Accepted without effect until compression is built.",
        no_effect,
    ),
    g(
        "mworker-max-reloads",
        "<number>",
        "2.2",
        "Reloads that an old worker may survive. Accepted without effect: hard-stop-after ends old workers.",
        no_effect,
    ),
    g(
        "nbproc",
        "<number>",
        "1.1",
        "Number of processes; there is one process now, and this sets its threads.",
        nbthread,
    )
    .removed("nbthread"),
    g("nbthread", "<number>", "1.8", "Number of worker threads.", nbthread).or("the processors of this process"),
    on("no-memory-trimming", "2.6", "Keeps freed memory. Accepted without effect.", silent),
    g("node", "<name>", "1.4", "Name of this instance on the statistics page.", node),
    on("noepoll", "1.1", "Does not use epoll.", |s, _| set(&mut s.global.noepoll)),
    on("noevports", "2.0", "Does not use event ports. Accepted without effect.", silent),
    on("nogetaddrinfo", "1.5", "Resolves names by gethostbyname. Accepted without effect.", silent),
    on("nokqueue", "1.1", "Does not use kqueue.", |s, _| set(&mut s.global.nokqueue)),
    on("nopoll", "1.1", "Does not use poll. Accepted without effect where another method is there.", silent),
    on(
        "noreuseport",
        "1.9",
        "Does not share ports between processes. Accepted: ports are never shared that way.",
        silent,
    ),
    g("nosepoll", "", "1.3", "Does not use speculative epoll, which is gone: the same as noepoll.", |s, _| {
        set(&mut s.global.noepoll)
    })
    .removed("noepoll"),
    on("nosplice", "1.4", "Does not use splice.", |s, _| set(&mut s.global.nosplice)),
    on("numa-cpu-mapping", "2.4", "Binds threads to one NUMA node. Accepted without effect.", silent),
    g("pidfile", "<path>", "1.1", "File that the process ids are written to.", |s, a| {
        Ok(s.global.pidfile = Some(a.need("a file name")?.text.clone()))
    }),
    on(
        "pp2-never-send-local",
        "2.6",
        "PROXY headers of checks name no LOCAL command. Accepted without effect.",
        silent,
    ),
    g(
        "presetenv",
        "<name> <value>",
        "1.6",
        "Sets an environment variable for the following lines unless it is set.",
        |s, a| env_set(s, a, false),
    ),
    g("profiling.tasks", "<state>", "1.9", "Measures tasks. Accepted without effect.", no_effect),
    g("quiet", "", "1.1", "Shows no message at the start.", |s, _| set(&mut s.global.quiet)),
    g(
        "resetenv",
        "[name]...",
        "1.6",
        "Forgets all environment variables except the named ones for the following lines.",
        env_reset,
    ),
    g(
        "server-state-base",
        "<dir>",
        "1.6",
        "Folder of state files. They are not built yet: servers start as configured.",
        not_yet,
    ),
    g(
        "server-state-file",
        "<file>",
        "1.6",
        "File of server states. It is not built yet: servers start as configured.",
        not_yet,
    ),
    on("set-dumpable", "2.0", "Permits core dumps after the change of user. Accepted without effect.", silent),
    g("set-var", "<name> <expression>", "2.4", "Sets a variable of the process (proc.) at the start.", |s, a| {
        variable(s, a, "set-var")
    }),
    g("set-var-fmt", "<name> <format>", "2.5", "Sets a variable of the process (proc.) to a text.", |s, a| {
        variable(s, a, "set-var-fmt")
    }),
    g("setenv", "<name> <value>", "1.6", "Sets an environment variable for the following lines.", |s, a| {
        env_set(s, a, true)
    }),
    g(
        "spread-checks",
        "<percent>",
        "1.3",
        "Varies the interval of checks by up to this many percent, 0 to 50.",
        |s, a| Ok(s.global.spread_checks = number(a, 0, 50)? as u32),
    )
    .or("0")
    .unit("percent"),
    tls("ssl-default-bind-ciphers", "<ciphers>", "1.5"),
    tls("ssl-default-bind-ciphersuites", "<suites>", "1.9"),
    tls("ssl-default-bind-client-sigalgs", "<names>", "2.8"),
    tls("ssl-default-bind-curves", "<curves>", "2.0"),
    tls("ssl-default-bind-options", "<option>...", "1.6"),
    tls("ssl-default-bind-sigalgs", "<names>", "2.8"),
    tls("ssl-default-server-ciphers", "<ciphers>", "1.5"),
    tls("ssl-default-server-ciphersuites", "<suites>", "1.9"),
    tls("ssl-default-server-curves", "<curves>", "2.9"),
    tls("ssl-default-server-options", "<option>...", "1.6"),
    tls("ssl-dh-param-file", "<file>", "1.6"),
    tls("ssl-engine", "<name>", "1.6"),
    tls("ssl-load-extra-del-ext", "", "2.3"),
    tls("ssl-load-extra-files", "<kind>...", "2.2"),
    tls("ssl-mode-async", "", "1.8"),
    tls("ssl-propquery", "<query>", "2.6"),
    tls("ssl-provider", "<name>", "2.6"),
    tls("ssl-provider-path", "<path>", "2.6"),
    tls("ssl-server-verify", "<mode>", "1.5"),
    tls("ssl-skip-self-issued-ca", "", "2.2"),
    g(
        "stats bind-process",
        "<set>",
        "1.5",
        "Processes that serve the command socket. Accepted without effect.",
        no_effect,
    ),
    g("stats maxconn", "<number>", "1.3", "Connections at once on all command sockets.", |s, a| {
        Ok(s.global.stats_maxconn = number(a, 1, 1_000_000)? as u32)
    })
    .or("10")
    .only_with(CLI, NO_CLI),
    g(
        "stats socket",
        "<address> [option]...",
        "1.3",
        "A command socket: a path, or an address and port, with options of bind.",
        bind::stats_socket,
    )
    .only_with(CLI, NO_CLI),
    g(
        "stats timeout",
        "<time>",
        "1.3",
        "Time without a command after which a command connection is closed.",
        stats_timeout,
    )
    .or("10s")
    .unit("ms")
    .only_with(CLI, NO_CLI),
    on(
        "strict-limits",
        "2.1",
        "Refuses to start when limits cannot be set. Accepted without effect: maxconn is adapted, with a warning.",
        silent,
    ),
    g("thread-groups", "<number>", "2.7", "Groups of threads. Accepted without effect.", no_effect),
    g("uid", "<number>", "1.1", "User number to change to after the sockets are bound; needs root.", uid),
    g("ulimit-n", "<number>", "1.1", "The most descriptors; found by itself from maxconn when not given.", |s, a| {
        Ok(s.global.ulimit_n = count(a)?)
    }),
    g(
        "unix-bind",
        "[prefix <path>] [mode <mode>] [user <user>] [uid <uid>] [group <group>] [gid <gid>]",
        "1.5",
        "Common settings of all unix sockets of 'bind' lines that follow.",
        unix_bind,
    ),
    g("unsetenv", "<name>...", "1.6", "Forgets environment variables for the following lines.", env_unset),
    g("user", "<name>", "1.1", "User to change to after the sockets are bound; needs root.", user),
    on("zero-warning", "2.3", "Refuses to start when there is a warning.", |s, _| set(&mut s.global.zero_warning)),
];

fn set(flag: &mut bool) -> Result<(), Fault> {
    *flag = true;
    Ok(())
}

/// Accepted, with a notice that nothing comes of it.
pub fn no_effect(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let pos = a.pos();
    a.rest();
    s.diags.notice(pos, format!("'{}' is accepted without effect", a.name));
    Ok(())
}

/// Accepted: what it asks for holds anyway, or is of no consequence.
pub fn silent(_: &mut State, a: &mut Args) -> Result<(), Fault> {
    a.rest();
    Ok(())
}

/// Accepted with a warning, since users expect something of it.
pub fn not_yet(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let pos = a.pos();
    a.rest();
    s.diags.warning(pos, format!("'{}' is not built yet in this version: it is ignored", a.name));
    Ok(())
}

/// Accepted, with one warning a file.
pub fn tls_setting(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let pos = a.pos();
    a.rest();
    if s.tls_warned != Some(pos.file) {
        s.tls_warned = Some(pos.file);
        s.diags.warning(
            pos,
            format!("TLS is not built yet in this version: '{}' and other TLS settings have no effect", a.name),
        );
    }
    Ok(())
}

fn chroot(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let dir = a.need("a directory")?;
    if s.once("chroot", dir.pos) {
        s.global.chroot = Some(dir.text.clone());
    }
    Ok(())
}

fn debug(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let pos = a.pos();
    let hint = "'log stdout format raw local0' shows a line for each request";
    s.diags.warning_hint(pos, "'debug' is accepted without effect: no traffic is shown", hint);
    Ok(())
}

fn default_path(_: &mut State, a: &mut Args) -> Result<(), Fault> {
    let word = a.need("a mode")?;
    match word.text.as_str() {
        "current" => Ok(()),
        other => Err(Fault::new(word.pos, format!("'default-path {other}' is not built yet in this version"))),
    }
}

fn description(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    s.global.description = Some(values::text(a)?);
    Ok(())
}

fn user(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let id = values::user(a)?;
    set_owner(s, a, "user/uid", id)
}

fn uid(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let id = values::owner_id(a)?;
    set_owner(s, a, "user/uid", id)
}

fn group(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let id = values::group(a)?;
    set_owner(s, a, "group/gid", id)
}

fn gid(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let id = values::owner_id(a)?;
    set_owner(s, a, "group/gid", id)
}

fn set_owner(s: &mut State, a: &Args, which: &'static str, id: u32) -> Result<(), Fault> {
    if s.once(which, a.pos()) {
        let field = if which == "user/uid" { &mut s.global.uid } else { &mut s.global.gid };
        *field = Some(id);
    }
    Ok(())
}

fn master_worker(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    s.global.master_worker = true;
    a.accept("no-exit-on-failure");
    Ok(())
}

fn nbthread(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    s.global.nbthread = number(a, 1, 256)? as u32;
    Ok(())
}

fn node(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let word = a.need("a name")?;
    match word.text.chars().find(|c| !(c.is_ascii_alphanumeric() || "-_.".contains(*c))) {
        Some(c) => Err(Fault::new(word.pos, format!("'node': character '{c}' is not permitted in '{}'", word.text))),
        None => Ok(s.global.node = Some(word.text.clone())),
    }
}

fn stats_timeout(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    match values::time_ms(a)? {
        0 => Err(Fault::new(a.last_pos(), "'stats timeout' expects a positive value")),
        ms => Ok(s.global.stats_timeout_ms = ms),
    }
}

fn unix_bind(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    while let Some(word) = a.next() {
        a.name = format!("unix-bind {}", word.text);
        let unix = &mut s.global.unix_bind;
        match word.text.as_str() {
            "prefix" => unix.prefix = a.need("a path")?.text.clone(),
            "mode" => unix.mode = Some(values::file_mode(a)?),
            "user" => unix.uid = Some(values::user(a)?),
            "uid" => unix.uid = Some(values::owner_id(a)?),
            "group" => unix.gid = Some(values::group(a)?),
            "gid" => unix.gid = Some(values::owner_id(a)?),
            other => {
                return Err(unknown_option(word.pos, "unix-bind", other, "prefix, mode, user, uid, group and gid"));
            }
        }
    }
    Ok(())
}

/// The error for a word after a keyword that only takes certain words.
pub fn unknown_option(pos: Pos, name: &str, got: &str, known: &str) -> Fault {
    Fault::new(pos, format!("'{name}' does not know '{got}'")).hint(format!("it knows {known}"))
}

/// Keeps the line: values may refer to what comes later.
fn variable(s: &mut State, a: &mut Args, directive: &'static str) -> Result<(), Fault> {
    let (pos, words) = (a.pos(), a.rest().to_vec());
    s.variables.push(Line { directive, words, pos });
    Ok(())
}

fn env_set(s: &mut State, a: &mut Args, replace: bool) -> Result<(), Fault> {
    let name = a.need("a name and a value")?.text.clone();
    let Some(value) = a.next() else {
        return Err(Fault::new(a.pos(), format!("'{}' expects a name and a value", a.name)));
    };
    if replace || !s.vars.0.contains_key(&name) {
        s.vars.0.insert(name, value.text.clone());
    }
    Ok(())
}

fn env_unset(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let first = a.need("at least one variable name")?;
    s.vars.0.remove(&first.text);
    for word in a.rest() {
        s.vars.0.remove(&word.text);
    }
    Ok(())
}

fn env_reset(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    let keep = a.rest();
    s.vars.0.retain(|name| keep.iter().any(|w| w.text == *name));
    Ok(())
}
