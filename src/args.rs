//! The command line, as HAProxy reads it (management guide, section 3).
//!
//! Written by hand: options of several letters after one dash (`-db`, `-sf`) and options that swallow all that follows are not what
//! argument libraries read, and a shim before one would be longer than this.

/// What the command line asks for.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Args {
    pub files: Vec<String>,
    pub check: bool,
    pub verbose: bool,
    pub quiet: bool,
    pub daemon: bool,
    pub foreground: bool,
    pub master: bool,
    pub notify: bool,
    /// `-v` (1) or `-vv` (2)
    pub version: u8,
    pub help: bool,
    pub maxconn: Option<u32>,
    pub proxy_maxconn: Option<u32>,
    pub memory_mib: Option<u32>,
    pub pidfile: Option<String>,
    pub directory: Option<String>,
    pub no_epoll: bool,
    pub no_kqueue: bool,
    pub no_poll: bool,
    pub no_splice: bool,
    pub diagnostics: bool,
    pub zero_warning: bool,
    pub keywords: Option<String>,
    pub condition: Option<String>,
    /// Processes to be told to finish (`-sf`) or to stop (`-st`) once we are ready.
    pub finish: Vec<i32>,
    pub terminate: Vec<i32>,
    /// `-x`: accepted for compatibility; the sockets of `-sf` processes are taken over without it.
    pub transfer: Option<String>,
    /// What was asked for and has no effect here, each with the reason.
    pub without_effect: Vec<&'static str>,
    /// `evenkeel demo`
    pub demo: bool,
}

/// What `-h` shows: one line an option, without those that this program was built without.
pub fn help() -> impl Iterator<Item = &'static str> {
    let built = |line: &&str| {
        (cfg!(feature = "demo") || !line.contains("evenkeel demo"))
            && (cfg!(feature = "keywords") || !line.contains("-dK<kind>"))
    };
    HELP.lines().filter(built)
}

const HELP: &str = "\
Usage: evenkeel -f <file|folder> [-f ...] [options]
       evenkeel demo              two sample servers, balanced on a local port
  -f <file>      configuration file, or folder whose *.cfg are read in order; may be repeated; all after -- too
  -c             check the configuration and exit
  -cc <cond>     evaluate a condition as .if does; exit 0 if true, 1 if not
  -C <dir>       change to this folder before reading files
  -D             daemon: go to the background once ready
  -W, -Ws        master and worker: the master reloads on SIGUSR2 (-Ws: tells systemd when ready)
  -db            stay in the foreground, whatever the configuration says
  -d             the same; shows no traffic ('log stdout format raw local0' does)
  -dD            report what is suspicious though valid
  -dK<kind>      list all keywords (kind: all, cfg, smp, cnv, acl, log, cli)
  -dr            accepted without effect: servers whose names do not resolve always start in maintenance
  -dF -dG -dL -dM -dR -dV   accepted without effect: there is nothing to switch off
  -dW            treat warnings as errors
  -de -dk -dp -dS   do not use epoll, kqueue, poll, splice
  -m <MiB>       memory that all pools together may take
  -n <number>    maxconn of the process
  -N <number>    default maxconn of the proxies
  -p <file>      write the process id here
  -L <name>      accepted without effect: there are no peers yet
  -S <address>   accepted without effect: there is no master socket
  -q             quiet: no messages but errors
  -V             verbose
  -v, -vv        version; with build options
  -sf <pid>...   once ready, tell these processes to finish; their listening sockets are taken over
  -st <pid>...   the same, and they stop at once
  -x <socket>    accepted, not needed: -sf and -st take the sockets over
";

/// Reads the arguments after the program's name.
pub fn parse(args: &[String]) -> Result<Args, String> {
    let mut a = Args::default();
    let mut it = args.iter().peekable();
    while let Some(arg) = it.next() {
        let mut value = |what: &str| it.next().cloned().ok_or(format!("'{arg}' needs {what}"));
        match arg.as_str() {
            "demo" => a.demo = true,
            "-f" => a.files.push(value("a file")?),
            "-c" => a.check = true,
            "-cc" => a.condition = Some(value("a condition")?),
            "-C" => a.directory = Some(value("a folder")?),
            "-D" => a.daemon = true,
            "-Ds" | "-Ws" => (a.master, a.notify) = (true, true),
            "-W" => a.master = true,
            "-db" => a.foreground = true,
            "-d" => {
                a.foreground = true;
                a.without_effect
                    .push("-d shows no traffic: 'log stdout format raw local0' shows a line for each request");
            }
            "-dD" => a.diagnostics = true,
            "-dW" => a.zero_warning = true,
            "-de" | "-ds" => a.no_epoll = true,
            "-dk" => a.no_kqueue = true,
            "-dp" => a.no_poll = true,
            "-dS" => a.no_splice = true,
            // Unresolved names are no errors anyway. No getaddrinfo, no SSL verification, no SO_REUSEPORT, no locks' statistics:
            // nothing to switch off.
            "-dr" | "-dG" | "-dV" | "-dR" | "-dL" | "-dF" => {}
            "-m" => a.memory_mib = Some(number(&value("a number of MiB")?)?),
            "-n" => a.maxconn = Some(number(&value("a number")?)?),
            "-N" => a.proxy_maxconn = Some(number(&value("a number")?)?),
            "-p" => a.pidfile = Some(value("a file")?),
            "-L" => {
                value("a name")?;
                a.without_effect.push("-L has no effect: there are no peers yet in this version");
            }
            "-x" => a.transfer = Some(value("a socket")?),
            "-S" => {
                value("an address")?;
                a.without_effect.push("-S has no effect: there is no master socket in this version");
            }
            "-q" => a.quiet = true,
            "-V" => a.verbose = true,
            "-v" => a.version = 1,
            "-vv" => a.version = 2,
            "-h" | "--help" => a.help = true,
            "-sf" | "-st" => {
                let list = if arg == "-sf" { &mut a.finish } else { &mut a.terminate };
                while let Some(pid) = it.peek().and_then(|p| p.parse::<i32>().ok()).filter(|p| *p > 0) {
                    list.push(pid);
                    it.next();
                }
            }
            "--" => a.files.extend(it.by_ref().cloned()),
            "-dKdocs" => a.keywords = Some(format!("docs{}", value("a folder")?)),
            other if other.starts_with("-dK") => a.keywords = Some(other[3..].to_string()),
            // Fills memory that is taken anew: none is.
            other if other.starts_with("-dM") => {}
            other => return Err(format!("unknown argument '{other}'")),
        }
    }
    Ok(a)
}

fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("'{text}' is not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Args, String> {
        parse(&line.split_whitespace().map(str::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn as_init_scripts_write_it() {
        let a = read("-f /etc/a.cfg -D -p /run/x.pid -sf 12 345").unwrap();
        assert_eq!((a.files.len(), a.daemon, &a.finish[..]), (1, true, &[12, 345][..]));
        let a = read("-W -db -f a -f b -m 64 -n 100 -dM0x5a -de -- c d").unwrap();
        assert_eq!((a.files.len(), a.master, a.foreground, a.no_epoll), (4, true, true, true));
        let a = read("-d -L me -S sock").unwrap();
        assert_eq!((a.foreground, a.without_effect.len()), (true, 3));
        assert_eq!(read("-sf").unwrap().finish.len(), 0, "no old process: as `pidof` finds none");
        assert!(read("-f").is_err() && read("-n x").is_err() && read("-zz").is_err());
    }
}
