//! Actions that remember: variables and captures.

use super::flow::{HTTP, MESSAGE, TCP, expression, format};
use super::{Action, ActionRow, Family, Parts, Stage, Verdict, row};
use crate::format::Format;
use crate::pattern::Value;
use crate::sample::{CONDITIONS, Compiler, Expr, Note, Notes, may_store};
use crate::util::scratch::Scratch;
use crate::util::words::{Args, Fault};

/// A variable for whose value there is no room would let a later rule decide on nothing: the request or response fails, unless
/// `strict-mode off`.
fn lost_is_an_error(stage: &Stage, stored: bool) -> Verdict {
    stage.verdict(stored || stage.head.is_none())
}

/// A variable, and the conditions that have to hold for it to be set.
pub struct Target {
    pub note: Note,
    conditions: Vec<Box<[u8]>>,
}

impl Target {
    /// True when all conditions hold for a value.
    pub fn takes<'a>(&self, value: Value, notes: &Notes<'a>, scratch: &mut Scratch<'a>) -> bool {
        may_store(self.conditions.iter().map(|c| &**c), value, self.note, notes, scratch)
    }
}

/// `set-var`: without a value the variable is left as it was.
struct SetVar(Target, Expr);

impl Action for SetVar {
    fn run(&self, stage: &mut Stage) -> Verdict {
        let stored = stage.store(&self.0, &self.1);
        lost_is_an_error(stage, stored)
    }

    fn parts(&self) -> Parts<'_> {
        Parts { exprs: vec![&self.1], stores: true, ..Parts::default() }
    }
}

/// `set-var-fmt`
struct SetVarFormat(Target, Format);

impl Action for SetVarFormat {
    fn run(&self, stage: &mut Stage) -> Verdict {
        let stored = stage.store_text(&self.0, &self.1);
        lost_is_an_error(stage, stored)
    }

    fn parts(&self) -> Parts<'_> {
        Parts { formats: vec![&self.1], stores: true, ..Parts::default() }
    }
}

/// `unset-var`
struct UnsetVar(Note);

impl Action for UnsetVar {
    fn run(&self, stage: &mut Stage) -> Verdict {
        stage.unset(self.0);
        Verdict::Continue
    }
}

/// `capture`: a text for the log, cut to its length.
pub struct Capture(pub Note, pub Expr);

impl Action for Capture {
    fn run(&self, stage: &mut Stage) -> Verdict {
        if let Some(len) = stage.text(&self.1) {
            stage.capture(self.0, len);
        }
        Verdict::Continue
    }

    fn parts(&self) -> Parts<'_> {
        Parts { exprs: vec![&self.1], stores: true, ..Parts::default() }
    }
}

/// `capture` with `id`: into a place of the session's frontend, if that has so many.
struct CaptureById {
    place: usize,
    response: bool,
    expr: Expr,
}

impl Action for CaptureById {
    fn run(&self, stage: &mut Stage) -> Verdict {
        if let Some(note) = stage.beside.captures[usize::from(self.response)].get(self.place)
            && let Some(len) = stage.text(&self.expr)
        {
            stage.capture(*note, len);
        }
        Verdict::Continue
    }

    fn parts(&self) -> Parts<'_> {
        Parts { exprs: vec![&self.expr], stores: true, ..Parts::default() }
    }
}

/// `unique-id-format`
pub struct UniqueId(pub Note, pub Format);

impl Action for UniqueId {
    fn run(&self, stage: &mut Stage) -> Verdict {
        if let Some(len) = stage.format(0, &self.1) {
            stage.capture(self.0, len);
        }
        Verdict::Continue
    }

    fn parts(&self) -> Parts<'_> {
        Parts { formats: vec![&self.1], stores: true, ..Parts::default() }
    }
}

/// `capture cookie`: the first cookie whose pair begins with the text.
pub struct CaptureCookie(pub Note, pub Box<[u8]>);

impl Action for CaptureCookie {
    fn run(&self, stage: &mut Stage) -> Verdict {
        let response = stage.setting.is_response;
        let Some(head) = &stage.head else { return Verdict::Continue };
        let mut pairs = head.index.cookies(head.text, response);
        if let Some(pair) = pairs.find(|p| p.starts_with(&self.1)) {
            self.0.capture(stage.transaction_notes, pair);
        }
        Verdict::Continue
    }

    fn parts(&self) -> Parts<'_> {
        Parts { stores: true, ..Parts::default() }
    }
}

/// The variable between the brackets of the action's name.
fn variable(cc: &mut Compiler, args: &mut Args) -> Result<Note, Fault> {
    let word = args.need("the name of a variable in brackets")?;
    cc.pos = word.pos;
    cc.variable(&word.text)
}

/// The variable and the conditions between the brackets of `set-var`.
fn target(cc: &mut Compiler, args: &mut Args) -> Result<Target, Fault> {
    let word = args.need("the name of a variable in brackets")?;
    cc.pos = word.pos;
    let mut parts = word.text.split(',');
    let note = cc.variable(parts.next().unwrap_or_default())?;
    let known = |name: &str| match CONDITIONS.contains(&name) {
        true => Ok(name.as_bytes().into()),
        false => {
            let fault = cc.fault(format!("'{name}' is no condition of '{}'", args.name));
            Err(fault.hint(format!("known are {}", CONDITIONS.join(", "))))
        }
    };
    Ok(Target { note, conditions: parts.map(known).collect::<Result<_, _>>()? })
}

fn capture(cc: &mut Compiler, args: &mut Args) -> Result<Box<dyn Action>, Fault> {
    let expr = expression(cc, args)?;
    let word = args.need("'len' and a length, or 'id' and the number of a place")?;
    let number = args.need("a number")?;
    cc.pos = number.pos;
    let response = cc.response;
    if word.text == "len" && response {
        let fault = Fault::new(word.pos, format!("'{}' knows only 'id'", args.name));
        return Err(fault.hint("'declare capture response len <length>' makes a place, whose number is its id"));
    }
    if word.text == "len" && !cc.own().is_frontend {
        let fault =
            Fault::new(word.pos, format!("'{}' with 'len' is for frontends: they keep what is captured", args.name));
        return Err(fault.hint("'declare capture' makes a place in a frontend; a variable ('set-var') needs none"));
    }
    let n: u16 = number.text.parse().map_err(|_| cc.fault(format!("'{}' is not a number", number.text)))?;
    match word.text.as_str() {
        "len" if n > 0 => {
            let place = cc.layout.capture(cc.proxy, response, n);
            Ok(Box::new(Capture(cc.layout.captures[cc.proxy][usize::from(response)][place], expr)))
        }
        "id" => {
            let place = usize::from(n);
            // A backend does not know which frontend's places they will be.
            if cc.own().is_frontend && place >= cc.layout.captures[cc.proxy][usize::from(response)].len() {
                let fault = cc.fault(format!("there is no place {n} to capture to"));
                return Err(fault.hint("'declare capture' makes places"));
            }
            Ok(Box::new(CaptureById { place, response, expr }))
        }
        other => Err(Fault::new(word.pos, format!("'{}' does not know '{other}'", args.name))),
    }
}

/// Sorted by name.
pub static TABLE: &[ActionRow] = &[
    row(
        "capture",
        "<expression> { len <length> | id <id> }",
        HTTP | Family::TcpRequest.bit(),
        "1.6",
        "Keeps a value for the log.",
        capture,
    ),
    row(
        "set-var",
        "(<variable>[,<condition>]...) <expression>",
        MESSAGE | TCP,
        "1.6",
        "Sets a variable, if there is a value and all conditions (2.6), those of the converter `set-var`, hold.",
        |cc, a| Ok(Box::new(SetVar(target(cc, a)?, expression(cc, a)?))),
    ),
    row(
        "set-var-fmt",
        "(<variable>[,<condition>]...) <format>",
        MESSAGE | TCP,
        "2.5",
        "Sets a variable to a text, if all conditions (2.6), those of the converter `set-var`, hold.",
        |cc, a| Ok(Box::new(SetVarFormat(target(cc, a)?, format(cc, a, "a format")?))),
    ),
    row("unset-var", "(<variable>)", MESSAGE | TCP, "1.6", "Forgets a variable.", |cc, a| {
        Ok(Box::new(UnsetVar(variable(cc, a)?)))
    }),
];
