//! `set-var` and `set-var-fmt` of the section `global`: variables that the process has before there is a session.

use super::Rulebook;
use super::compile::Line;
use super::flow::{expression, format};
use crate::format::{Format, Record};
use crate::model::Config;
use crate::pattern::{RegexCache, Value};
use crate::sample::{
    Beside, Compiler, Count, Expr, Flow, Live, Note, Notes, Outside, ProcessNotes, Scene, Scope, Setting, Tools,
};
use crate::util::fmt::Out;
use crate::util::scratch::Scratch;
use crate::util::words::{Args, Fault};

/// Fetches that look at nothing but their arguments, and at other variables.
const KNOWN: [&str; 11] =
    ["always_false", "always_true", "bin", "bool", "env", "int", "ipv4", "ipv6", "meth", "str", "var"];
/// Bytes for the values of one line.
const SPACE: usize = 64 * 1024;

/// A process in which nothing happens yet.
struct Quiet;

impl Live for Quiet {
    fn count(&self, _: Count, _: usize) -> i64 {
        0
    }
    fn wall(&self) -> (i64, u32) {
        (0, 0)
    }
    fn random(&self) -> u32 {
        0
    }
    fn stopping(&self) -> bool {
        false
    }
}

enum Source {
    Sample(Expr),
    Text(Format),
}

fn compile(cc: &mut Compiler, line: &Line) -> Result<(Note, Source), Fault> {
    let mut args = Args::after(&line.words, line.pos, line.directive);
    let name = args.need("the name of a variable")?;
    cc.pos = name.pos;
    let note = cc.variable(&name.text)?;
    if note.scope != Scope::Process {
        return Err(cc
            .fault(format!("'{}' is not a variable of the process", name.text))
            .hint("their names begin with 'proc.'"));
    }
    let text = line.directive == "set-var-fmt";
    let source = if text {
        Source::Text(format(cc, &mut args, "a format")?)
    } else {
        Source::Sample(expression(cc, &mut args)?)
    };
    args.finish()?;
    let (used, plain): (Vec<&Expr>, bool) = match &source {
        Source::Sample(expr) => (vec![expr], true),
        Source::Text(format) => (format.exprs().collect(), format.is_plain()),
    };
    if let Some(expr) = used.iter().find(|e| !KNOWN.contains(&e.fetch().name)) {
        return Err(cc.fault(format!("'{}' has no value at the start", expr.fetch().name)));
    }
    if !plain {
        return Err(cc.fault("variables of the log have no value at the start"));
    }
    Ok((note, source))
}

impl Source {
    fn store(&self, note: Note, config: &Config, process: &ProcessNotes) -> bool {
        let (mut space, mut made) = (vec![0; SPACE], vec![0; SPACE]);
        let mut all = Vec::new();
        match self {
            Source::Sample(expr) => expr.regexes(&mut all),
            Source::Text(format) => format.regexes(&mut all),
        }
        let mut regexes = RegexCache::new(all.into_iter());
        let flow = Flow::default();
        let beside = Beside { process: Some(process), ..Beside::default() };
        let (setting, notes) = (Setting::of_session(config, &Quiet), Notes { beside: &beside, ..Notes::default() });
        let scene = Scene { setting: &setting, flow: &flow, message: None, notes };
        match self {
            Source::Sample(expr) => {
                let mut tools = Tools { scratch: Scratch::new(&mut space), regexes: &mut regexes };
                expr.now(&scene, &mut tools).is_some_and(|v| process.change(|slab| note.set(slab, v)))
            }
            Source::Text(format) => {
                let mut out = Out::new(&mut made);
                format.write(&Record::default(), &scene, &mut space, &mut regexes, &mut out);
                process.change(|slab| note.set(slab, Value::Str(out.bytes())))
            }
        }
    }
}

/// Sets variables of the process, in the order of their lines; what is wrong with some.
pub fn set_at_start(config: &Config, outside: Outside, book: &mut Rulebook, lines: &[Line]) -> Vec<Fault> {
    let mut cc = Compiler::new(config, outside);
    cc.layout = std::mem::take(&mut book.layout);
    let (mut faults, mut found) = (Vec::new(), Vec::new());
    for line in lines {
        match compile(&mut cc, line) {
            Ok((note, source)) => found.push((note, source, cc.pos)),
            Err(fault) => faults.push(fault),
        }
    }
    book.process = ProcessNotes::new(&cc.layout);
    book.layout = cc.layout;
    for (note, source, pos) in found {
        if !source.store(note, config, &book.process) {
            faults.push(Fault::new(pos, "there is no value, or it is too long for a variable"));
        }
    }
    faults
}
