//! Rules and conditions, compiled at start-up to flat programs (manual 4.2: acl, block, http-request, redirect, tcp-request,
//! use_backend ...; 7.1: conditions).
//!
//! ```text
//! program:  test acl 3 [yes: 1, no: 2] | act 0 | test acl 4 [yes: 5, no: 3] | ...
//! ```
//!
//! A [`Program`] is all rules of one kind of a proxy, in order. Running it looks at a [`Stage`] (what the session shows and what rules
//! may change), allocates nothing, and ends with a [`Verdict`]. When a rule needs data that may still come, the program says where it
//! stopped and goes on there.
//!
//! An action is one row of its family's table and one type; conditions are [`Acl`]s: sets of patterns over samples.

mod acl;
mod address;
mod answer;
mod compile;
mod condition;
mod files;
mod flow;
mod lines;
mod memo;
mod message;
mod normalize;
mod process;
mod stage;
mod together;
mod vars;

pub use acl::{Acl, PREDEFINED, Truth};
pub use answer::ANSWER;
pub use compile::{DIRECTIVES, Directive, Line, LogTexts, compile};
pub use memo::Memo;
pub use message::field_name;
pub use process::set_at_start;
pub use stage::{Effects, Reply, Stage, Verdict};

use crate::format::{Format, Lines};
use crate::model::{Proxy, opt};
use crate::pattern::{Regex, RegexCache, Source};
use crate::sample::{Compiler, Expr, Layout, Note, ProcessNotes, needs};
use crate::util::words::{Args, Fault};
use crate::util::{ListText, ManualText, Release};
use std::sync::Arc;
use together::Acls;

/// The kinds of rules of a proxy, in the order in which a session comes by them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Debug)]
#[repr(usize)]
pub enum Family {
    TcpConnection,
    TcpSession,
    TcpRequest,
    CaptureRequest,
    Monitor,
    Block,
    HttpRequest,
    /// `reqrep` and its kin, then `reqadd`.
    RequestLines,
    RequestAdd,
    /// `stats http-request`, for requests to the page.
    Statistics,
    Redirect,
    UseBackend,
    /// `force-persist`, `ignore-persist`
    Persist,
    UseServer,
    TcpResponse,
    CaptureResponse,
    HttpResponse,
    ResponseLines,
    ResponseAdd,
    AfterResponse,
}

/// Number of kinds.
pub const FAMILIES: usize = Family::AfterResponse as usize + 1;

impl Family {
    /// The bit of a family in [`ActionRow::families`].
    pub const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// True for rules that look at responses.
    pub fn is_response(self) -> bool {
        self >= Family::TcpResponse
    }

    /// What there is to be looked at by rules of this kind of a proxy ([`needs`]).
    pub fn place(self, proxy: &Proxy) -> u32 {
        let sides = u32::from(proxy.is_frontend) * needs::AT_FRONTEND + u32::from(proxy.is_backend) * needs::AT_BACKEND;
        match self {
            Family::TcpConnection | Family::TcpSession => needs::AT_CONNECTION,
            Family::CaptureRequest | Family::Monitor | Family::UseBackend => needs::AT_FRONTEND,
            Family::Persist | Family::UseServer => needs::AT_BACKEND,
            _ if self.is_response() => needs::AT_RESPONSE,
            _ => sides,
        }
    }
}

/// Something that a rule does.
pub trait Action: Send + Sync {
    /// Does it.
    fn run(&self, stage: &mut Stage) -> Verdict;

    /// The expressions and formats in it, so that what they need is known before traffic comes.
    fn parts(&self) -> Parts<'_> {
        Parts::default()
    }
}

/// What an action is made of.
#[derive(Default)]
pub struct Parts<'a> {
    pub exprs: Vec<&'a Expr>,
    pub formats: Vec<&'a Format>,
    pub regexes: Vec<&'a Regex>,
    /// It stores in the session's notes.
    pub stores: bool,
    /// It writes to [`Stage::hints`].
    pub hints: bool,
}

/// Reads the arguments of an action.
pub type Parse = fn(&mut Compiler, &mut Args) -> Result<Box<dyn Action>, Fault>;

/// An action by name.
pub struct ActionRow {
    pub name: &'static str,
    pub args: ListText,
    /// Where it may be used, a bit for each family.
    pub families: u32,
    pub since: Release,
    pub doc: ManualText,
    pub parse: Parse,
}

const fn row(
    name: &'static str,
    args: &'static str,
    families: u32,
    since: &'static str,
    doc: &'static str,
    parse: Parse,
) -> ActionRow {
    ActionRow { name, args: ListText::new(args), families, since: Release::of(since), doc: ManualText::new(doc), parse }
}

/// The tables of actions, each sorted by name.
pub static ACTIONS: [&[ActionRow]; 8] = [
    address::TABLE,
    answer::TABLE,
    files::TABLE,
    flow::TABLE,
    lines::TABLE,
    message::TABLE,
    normalize::TABLE,
    vars::TABLE,
];

enum Op {
    /// Goes on at `yes` or `no` by what a condition says.
    Test { acl: u32, yes: u32, no: u32 },
    /// Does an action, and goes on with the next operation.
    Act(u32),
}

/// The rules of one kind of a proxy.
#[derive(Default)]
pub struct Program {
    ops: Vec<Op>,
    actions: Vec<Box<dyn Action>>,
    /// The userlists that each action asks.
    asked: Vec<Vec<usize>>,
    /// What it looks at ([`crate::sample::needs`]).
    pub needs: u32,
    /// It stores in the session's notes.
    pub stores: bool,
    /// Its formats show variables of the log.
    pub records: bool,
    hints: bool,
}

impl Program {
    /// Without any rule.
    pub const fn new() -> Program {
        Program {
            ops: Vec::new(),
            actions: Vec::new(),
            asked: Vec::new(),
            needs: 0,
            stores: false,
            records: false,
            hints: false,
        }
    }

    /// Adds an action, whose conditions were added before; `needs`: what it looks at.
    fn push(&mut self, action: Box<dyn Action>, needs: u32) {
        self.push_asking(action, needs, Vec::new());
    }

    /// The same with the userlists that it asks.
    fn push_asking(&mut self, action: Box<dyn Action>, needs: u32, asked: Vec<usize>) {
        let parts = action.parts();
        self.needs |= needs;
        self.stores |= parts.stores || needs & needs::NOTES != 0;
        self.hints |= parts.hints;
        self.records |= parts.formats.iter().any(|f| !f.is_plain());
        self.ops.push(Op::Act(self.actions.len() as u32));
        self.actions.push(action);
        self.asked.push(asked);
    }

    /// True when there is no rule.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// Runs it from an operation on; gives the verdict and the operation where to go on.
    pub fn run(&self, stage: &mut Stage, from: usize) -> (Verdict, usize) {
        let mut at = from;
        while let Some(op) = self.ops.get(at) {
            match op {
                Op::Test { .. } => match stage.follow(&self.ops, at) {
                    Ok(next) => at = next,
                    Err(unknown) => return (Verdict::Later, unknown),
                },
                // An action is done once: a password in its formats must be checked before.
                Op::Act(n) if !stage.is_settled(&self.asked[*n as usize]) => return (Verdict::Later, at),
                Op::Act(n) => {
                    let verdict = self.actions[*n as usize].run(stage);
                    stage.note_changes();
                    match verdict {
                        Verdict::Continue => at += 1,
                        Verdict::Later => return (Verdict::Later, at),
                        verdict => return (verdict, at + 1),
                    }
                }
            }
        }
        (Verdict::Continue, at)
    }
}

/// The programs of a proxy.
#[derive(Default)]
pub struct ProxyRules {
    programs: [Program; FAMILIES],
    /// The kinds that have something to do, a bit each: there are rules, or there is more ([`ProxyRules::has_more`]).
    pub kinds: u32,
    more: u32,
    /// `tcp-request inspect-delay` and `tcp-response inspect-delay`, ms.
    pub inspect_delay_ms: [u32; 2],
}

impl ProxyRules {
    /// The rules of a kind.
    pub fn of(&self, family: Family) -> &Program {
        &self.programs[family as usize]
    }

    /// All rules of a proxy are there.
    fn complete(&mut self, proxy: &Proxy) {
        let bit = |(n, program): (usize, &Program)| u32::from(!program.is_empty()) << n;
        let more = |family: Family, is: bool| if is { family.bit() } else { 0 };
        let is = |family: Family| !self.of(family).is_empty();
        self.more = more(Family::Statistics, proxy.stats.is_some() || is(Family::Statistics))
            | more(Family::Block, proxy.has(opt::HTTP_BUFFER_REQUEST))
            | more(Family::UseBackend, is(Family::RequestLines));
        self.kinds = self.programs.iter().enumerate().map(bit).sum::<u32>() | self.more;
    }

    /// Something else has its turn with the rules of this kind: the page of statistics, `option http-buffer-request`, what `reqsetbe`
    /// decided.
    pub fn has_more(&self, family: Family) -> bool {
        self.more & family.bit() != 0
    }
}

/// Everything that was compiled.
#[derive(Default)]
pub struct Rulebook {
    acls: Acls,
    pub proxies: Vec<ProxyRules>,
    /// The formats of each proxy's traffic log.
    pub logs: Vec<Lines>,
    pub layout: Layout,
    /// Variables of the process.
    pub process: ProcessNotes,
    /// Files that rules change, each once.
    pub changed: Vec<Arc<Source>>,
    /// Bytes of memory that files of patterns hold.
    pub files_bytes: usize,
    /// There are rules at all.
    pub any: bool,
    /// Some of them make a response 103.
    pub hints: bool,
    /// Some of them look at the line of a request after its head is gone.
    pub keeps_line: bool,
}

impl Rulebook {
    /// The rules of a kind of a proxy.
    pub fn program(&self, proxy: usize, family: Family) -> &Program {
        self.proxies[proxy].of(family)
    }

    /// The places of a proxy's captures: of requests, of responses.
    pub fn captures(&self, proxy: usize) -> [&[Note]; 2] {
        self.layout.captures.get(proxy).map_or([&[], &[]], |c| [&c[0], &c[1]])
    }

    /// All regular expressions.
    fn regexes(&self) -> Vec<&Regex> {
        let mut all = Vec::new();
        self.acls.regexes(&mut all);
        for action in self.proxies.iter().flat_map(|p| &p.programs).flat_map(|p| &p.actions) {
            let parts = action.parts();
            parts.exprs.iter().for_each(|e| e.regexes(&mut all));
            parts.formats.iter().for_each(|f| f.regexes(&mut all));
            all.extend(parts.regexes);
        }
        self.logs.iter().for_each(|f| f.regexes(&mut all));
        all
    }

    /// A cache that never grows while these rules run.
    pub fn regex_cache(&self) -> RegexCache {
        RegexCache::new(self.regexes().into_iter())
    }

    /// What a worker remembers while these rules run.
    pub fn memo(&self) -> Memo {
        self.acls.memo()
    }

    /// Bytes of it.
    pub fn memo_bytes(&self) -> usize {
        self.acls.memo_bytes()
    }

    /// Bytes of memory that patterns hold.
    pub fn memory_bytes(&self) -> usize {
        self.files_bytes
            + self.acls.memory_bytes()
            + self.process.memory_bytes()
            + self.regexes().iter().map(|r| r.memory_bytes()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests;
