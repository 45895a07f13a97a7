//! The rewriting language of HAProxy 1.x: regular expressions on whole lines of a head, the first line among them (manual 1.5: `reqrep`
//! and its kin). A field is looked at as `Name: value`, with one space, however it came.

use super::message::regex;
use super::{Action, ActionRow, Family, Parts, Reply, Stage, Verdict, row};
use crate::http::line_parts;
use crate::pattern::{Regex, expand};
use crate::sample::Compiler;
use crate::util::fmt::Out;
use crate::util::words::{Args, Fault};

/// What becomes of a line that matches, or of the whole message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// No later line is a reason to refuse.
    Allow,
    Deny,
    Tarpit,
    /// The rest of these rules is left out.
    Pass,
    Delete,
    /// The line becomes the text, with `\\1` for the groups.
    Replace,
    Backend(usize),
}

/// A rule on lines.
struct Lines {
    regex: Regex,
    then: Then,
    text: Box<[u8]>,
}

impl Lines {
    /// Holds line `n` (0 = the first line) against the expression; the text that it becomes is behind the line in `out`. None: it does
    /// not match.
    fn line(&self, stage: &mut Stage, n: usize) -> Option<(usize, usize)> {
        let response = stage.setting.is_response;
        let Stage { head: Some(head), out, regexes, .. } = stage else { return None };
        let mut line = Out::new(out);
        if n == 0 {
            head.write_first_line(response, &mut line)
        } else {
            head.write_line(n - 1, &mut line)
        }
        let len = line.len();
        let (line, space) = out.split_at_mut(len);
        if self.then != Then::Replace {
            return self.regex.is_match(regexes, line).then_some((len, len));
        }
        let found = self.regex.captures(regexes, line, 0)?;
        let mut text = Out::new(space);
        expand(&mut text, &self.text, line, &found);
        // What does not fit leaves the line as it was.
        (!text.overflow()).then(|| (len, len + text.len()))
    }

    /// Does what is to be done with line `n`, which matched.
    fn act(&self, stage: &mut Stage, n: usize, (from, to): (usize, usize)) -> Verdict {
        let response = stage.setting.is_response;
        let Stage { head: Some(head), out, .. } = stage else { return Verdict::Continue };
        match self.then {
            Then::Replace if n == 0 => {
                // A first line that is none would be no message.
                if head.set_first_line(response, &out[from..to]).is_err() {
                    let status = if response { 502 } else { 400 };
                    return Verdict::Reply(Reply { status, len: None, denies: true });
                }
            }
            Then::Replace if head.is_free(n - 1) => _ = head.set_line(n - 1, &out[from..to]),
            Then::Delete if n > 0 && head.is_free(n - 1) => head.remove_line(n - 1),
            Then::Replace | Then::Delete => {}
            Then::Allow => stage.effects.allowed = true,
            Then::Pass => return Verdict::Stop,
            Then::Deny => {
                let status = if response { 502 } else { 403 };
                return Verdict::Reply(Reply { status, len: None, denies: true });
            }
            Then::Tarpit => return Verdict::Tarpit(Reply { status: 500, len: None, denies: true }),
            Then::Backend(be) => _ = stage.effects.backend.get_or_insert(be),
        }
        Verdict::Continue
    }
}

impl Action for Lines {
    fn run(&self, stage: &mut Stage) -> Verdict {
        if stage.effects.allowed && !matches!(self.then, Then::Delete | Then::Replace | Then::Backend(_)) {
            return Verdict::Continue;
        }
        let count = |stage: &Stage| stage.head.as_ref().map_or(0, |h| h.count());
        let (mut n, mut before) = (0, count(stage));
        while stage.head.is_some() && n <= before {
            if let Some(text) = self.line(stage, n) {
                let verdict = self.act(stage, n, text);
                if verdict != Verdict::Continue {
                    return verdict;
                }
            }
            // Where a line is gone, the next one has its number.
            let after = count(stage);
            n += 1 + after - before;
            before = after;
        }
        Verdict::Continue
    }

    fn parts(&self) -> Parts<'_> {
        Parts { regexes: vec![&self.regex], ..Parts::default() }
    }
}

/// `reqadd`, `rspadd`
struct Add(Box<[u8]>, Box<[u8]>);

impl Action for Add {
    fn run(&self, stage: &mut Stage) -> Verdict {
        if let Some(head) = &mut stage.head {
            let _ = head.add(&self.0, &self.1);
        }
        Verdict::Continue
    }
}

fn add(_: &mut Compiler, args: &mut Args) -> Result<Box<dyn Action>, Fault> {
    let word = args.need("a line of a head")?;
    match line_parts(word.text.as_bytes()) {
        Some((name, value)) => Ok(Box::new(Add(name.into(), value.into()))),
        None => Err(Fault::new(word.pos, format!("'{}' is no line of a head: a name, a colon and a value", word.text))),
    }
}

fn lines(cc: &mut Compiler, args: &mut Args, fold: bool, mut then: Then) -> Result<Box<dyn Action>, Fault> {
    let regex = regex(cc, args, fold)?;
    let mut text = Box::default();
    match then {
        Then::Replace => text = args.need("the text that the line becomes")?.text.as_bytes().into(),
        Then::Backend(_) => {
            let word = args.need("the name of a backend")?;
            cc.pos = word.pos;
            then = Then::Backend(cc.backend(&word.text)?);
        }
        _ => {}
    }
    Ok(Box::new(Lines { regex, then, text }))
}

/// A row of the table.
macro_rules! on_lines {
    ($name:literal, $family:ident, $args:literal, $fold:literal, $then:expr, $doc:literal) => {
        row($name, $args, Family::$family.bit(), "1.0", $doc, |cc, a| lines(cc, a, $fold, $then))
    };
}

/// Sorted by name.
pub static TABLE: &[ActionRow] = &[
    row("reqadd", "<name>:<value>", Family::RequestAdd.bit(), "1.0", "Adds a field.", add),
    on_lines!("reqallow", RequestLines, "<regex>", false, Then::Allow, "No later line refuses the request."),
    on_lines!("reqdel", RequestLines, "<regex>", false, Then::Delete, "Removes fields."),
    on_lines!("reqdeny", RequestLines, "<regex>", false, Then::Deny, "Refuses the request."),
    on_lines!("reqiallow", RequestLines, "<regex>", true, Then::Allow, "As reqallow, whatever the case."),
    on_lines!("reqidel", RequestLines, "<regex>", true, Then::Delete, "As reqdel, whatever the case."),
    on_lines!("reqideny", RequestLines, "<regex>", true, Then::Deny, "As reqdeny, whatever the case."),
    on_lines!("reqipass", RequestLines, "<regex>", true, Then::Pass, "As reqpass, whatever the case."),
    on_lines!("reqirep", RequestLines, "<regex> <text>", true, Then::Replace, "As reqrep, whatever the case."),
    on_lines!(
        "reqisetbe",
        RequestLines,
        "<regex> <backend>",
        true,
        Then::Backend(0),
        "As reqsetbe, whatever the case."
    ),
    on_lines!("reqitarpit", RequestLines, "<regex>", true, Then::Tarpit, "As reqtarpit, whatever the case."),
    on_lines!("reqpass", RequestLines, "<regex>", false, Then::Pass, "Leaves the rest of these rules out."),
    on_lines!("reqrep", RequestLines, "<regex> <text>", false, Then::Replace, "Replaces whole lines."),
    on_lines!("reqsetbe", RequestLines, "<regex> <backend>", false, Then::Backend(0), "Chooses a backend."),
    on_lines!("reqtarpit", RequestLines, "<regex>", false, Then::Tarpit, "Refuses the request after a while."),
    row("rspadd", "<name>:<value>", Family::ResponseAdd.bit(), "1.0", "Adds a field.", add),
    on_lines!("rspdel", ResponseLines, "<regex>", false, Then::Delete, "Removes fields."),
    on_lines!("rspdeny", ResponseLines, "<regex>", false, Then::Deny, "Refuses the response."),
    on_lines!("rspidel", ResponseLines, "<regex>", true, Then::Delete, "As rspdel, whatever the case."),
    on_lines!("rspideny", ResponseLines, "<regex>", true, Then::Deny, "As rspdeny, whatever the case."),
    on_lines!("rspirep", ResponseLines, "<regex> <text>", true, Then::Replace, "As rsprep, whatever the case."),
    on_lines!("rsprep", ResponseLines, "<regex> <text>", false, Then::Replace, "Replaces whole lines."),
];
