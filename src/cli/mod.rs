//! The command socket: what an operator can ask. One row of [`COMMANDS`] and one function for each command.
//!
//! What only each worker knows of itself (`show sess`) is asked of one worker after the other, over `server::Desk`.
//!
//! Commands are stateless: the session keeps the line and a [`Cursor`] and calls again while the answer is [`Progress::More`].
//! [`converse`] splits lines at `;`, writes the empty line after each answer, and acts on `prompt` and `quit`.

mod absent;
mod help;
mod info;
mod pools;
mod sess;
#[cfg(feature = "stats")]
mod stat;
#[cfg(all(test, feature = "stats"))]
mod tests;
mod vars;

use crate::applet::{Cursor, Progress, View};
use crate::model::CliLevel;
use crate::server::{Asker, Reply};
use crate::session::AppletState;
use crate::util::fmt::Out;

pub use absent::NOT_BUILT;
pub use help::write_refusal;

/// A command.
pub struct Command {
    /// Its words: `show info`.
    pub name: &'static str,
    /// Its arguments for the help.
    pub args: &'static str,
    /// Who may use it.
    pub level: CliLevel,
    /// What it does, in a few words.
    pub doc: &'static str,
    /// Each worker answers for itself, one after the other.
    pub everywhere: bool,
    /// Writes the answer from the cursor on.
    pub run: fn(&View, args: &[&str], cur: &mut Cursor, out: &mut Out) -> Progress,
}

/// All commands, sorted by name.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "get var",
        args: "<name>",
        level: CliLevel::User,
        doc: "what a variable of the process (proc.) holds",
        everywhere: false,
        run: vars::get_var,
    },
    Command {
        name: "help",
        args: "[<command>]",
        level: CliLevel::User,
        doc: "this list, or the part of it that begins so",
        everywhere: false,
        run: help::help,
    },
    Command {
        name: "prompt",
        args: "",
        level: CliLevel::User,
        doc: "stay connected and show a prompt (again: stop)",
        everywhere: false,
        run: nothing,
    },
    Command {
        name: "quit",
        args: "",
        level: CliLevel::User,
        doc: "close the connection",
        everywhere: false,
        run: nothing,
    },
    Command {
        name: "show info",
        args: "[desc]",
        level: CliLevel::User,
        doc: "the process: limits, counts, rates, memory",
        everywhere: false,
        run: info::show_info,
    },
    Command {
        name: "show pools",
        args: "",
        level: CliLevel::User,
        doc: "memory pools: size, use, peak, failures, bound",
        everywhere: false,
        run: pools::show_pools,
    },
    Command {
        name: "show sess",
        args: "[all|<id>]",
        level: CliLevel::Operator,
        doc: "sessions now, or all about each or one",
        everywhere: true,
        run: sess::show_sess,
    },
    #[cfg(feature = "stats")]
    Command {
        name: "show stat",
        args: "[<iid|proxy> <type> <sid>] [up|no-maint]",
        level: CliLevel::User,
        doc: "counters of proxies and servers as CSV",
        everywhere: false,
        run: stat::show_stat,
    },
    Command {
        name: "show version",
        args: "",
        level: CliLevel::User,
        doc: "the version of this process",
        everywhere: false,
        run: info::show_version,
    },
];

/// `prompt` and `quit`: [`converse`] acts on them.
fn nothing(_: &View, _: &[&str], _: &mut Cursor, _: &mut Out) -> Progress {
    Progress::Done
}

/// Most words of a line that are looked at.
const MAX_WORDS: usize = 16;

/// The words after a command's name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Args<'a> {
    words: [&'a str; MAX_WORDS],
    first: usize,
    len: usize,
}

impl<'a> Args<'a> {
    /// The words of a line; further ones than [`MAX_WORDS`] are left out.
    fn of(line: &'a str) -> Args<'a> {
        let mut args = Args::default();
        for word in line.split_ascii_whitespace().take(MAX_WORDS) {
            args.words[args.len] = word;
            args.len += 1;
        }
        args
    }

    /// As a slice, for [`Command::run`].
    pub fn as_slice(&self) -> &[&'a str] {
        &self.words[self.first..self.len]
    }
}

/// Why a line is not a command; [`write_refusal`] says it to the user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal<'a> {
    Unknown(&'a str),
    /// The socket's `level` is too low.
    Denied,
}

/// The command of a line and its arguments.
pub fn find(line: &str, level: CliLevel) -> Result<(&'static Command, Args<'_>), Refusal<'_>> {
    let mut args = Args::of(line);
    let named = |c: &&Command| {
        let words = c.name.split(' ');
        let n = words.clone().count();
        n <= args.len && words.eq(args.words[..n].iter().copied())
    };
    let command = COMMANDS.iter().find(named).ok_or(Refusal::Unknown(line))?;
    if level < command.level {
        return Err(Refusal::Denied);
    }
    args.first = command.name.split(' ').count();
    Ok((command, args))
}

/// Kept free for an empty line and the prompt, bytes.
const TAIL: usize = 8;

/// One step of the dialogue: the command at the start of `input` is answered, in pieces; when it is done `taken` says how many bytes
/// it had, and [`Progress::Done`] that its line is finished too.
pub fn converse(view: &View, input: &[u8], state: &mut AppletState, taken: &mut usize, out: &mut Out) -> Progress {
    let end = input.iter().position(|b| matches!(b, b'\n' | b';')).unwrap_or(input.len());
    let Ok(line) = std::str::from_utf8(&input[..end]) else {
        *taken = input.len();
        out.put(b"The line is not UTF-8.\n\n");
        return Progress::Done;
    };
    let line = line.trim();
    let quits = line == "quit";
    if line == "prompt" {
        state.interactive = !state.interactive;
    } else if !line.is_empty() && !quits {
        let progress = out.within(TAIL, |out| answer_of_all(view, line, &mut state.cursor, out));
        if progress != Progress::Done {
            return progress;
        }
    }
    let last = end >= input.len() || input[end] == b'\n' || quits;
    *taken = if quits { input.len() } else { (end + 1).min(input.len()) };
    if !line.is_empty() && line != "prompt" && !quits {
        out.byte(b'\n');
    }
    state.interactive &= !quits;
    state.cursor = Cursor::default();
    if state.interactive && last {
        out.put(b"> ");
    }
    if last { Progress::Done } else { Progress::More }
}

/// Answers a line from the cursor on: also with what only other workers know.
fn answer_of_all(view: &View, line: &str, cur: &mut Cursor, out: &mut Out) -> Progress {
    if !find(line, view.level).is_ok_and(|(command, _)| command.everywhere) {
        return answer(view, line, cur, out);
    }
    let who = Asker { worker: view.worker, session: (view.asker.index(), view.asker.generation()) };
    let worker = usize::from(cur.worker);
    let progress = if worker == view.worker {
        answer(view, line, cur, out)
    } else {
        match view.shared.ask(who, worker, (line, view.level), cur, out) {
            Reply::Wait => Progress::Elsewhere,
            Reply::Part(progress) => progress,
        }
    };
    if progress != Progress::Done {
        return progress;
    }
    *cur = Cursor { worker: cur.worker + 1, ..Cursor::default() };
    // The next worker has a whole buffer for its part.
    if worker + 1 < view.shared.limits.workers { Progress::More } else { Progress::Done }
}

/// Answers a line from the cursor on, as far as this worker knows.
pub fn answer(view: &View, line: &str, cur: &mut Cursor, out: &mut Out) -> Progress {
    match find(line, view.level) {
        Ok((command, args)) => (command.run)(view, args.as_slice(), cur, out),
        Err(refusal) => write_refusal(refusal, view.level, cur, out),
    }
}
