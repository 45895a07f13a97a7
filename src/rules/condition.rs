//! `if` and `unless`: conditions joined by "and" (nothing between them), `or`, and `!` (manual 7.2).

use super::acl::{Acl, PREDEFINED};
use super::together::Acls;
use super::{Line, Op, Program};
use crate::model::Mode;
use crate::sample::{Compiler, needs};
use crate::util::words::{Args, Fault, Pos, Word, nearest};
use std::ops::Range;

/// The conditions known so far: all in one list, and the names that the proxy's own have.
#[derive(Default)]
pub struct Conditions {
    all: Vec<Acl>,
    /// Those of each former proxy.
    former: Vec<Range<usize>>,
    names: Vec<(String, usize)>,
    /// Those of the proxy's lines, for what is used too early.
    declared: Vec<(String, Pos)>,
}

impl Conditions {
    /// Another proxy begins: names are its own.
    pub fn begin(&mut self, lines: &[Line]) {
        self.names.clear();
        let acls = lines.iter().filter(|l| l.directive == "acl");
        self.declared = acls.filter_map(|l| l.words.first()).map(|w| (w.text.clone(), w.pos)).collect();
    }

    /// The proxy's lines are compiled.
    pub fn end(&mut self) {
        self.former.push(self.former.last().map_or(0, |f| f.end)..self.all.len());
    }

    /// All proxies are compiled.
    pub fn finish(self) -> Acls {
        Acls::new(self.all, &self.former)
    }

    fn known(&self, name: &str) -> Option<usize> {
        self.names.iter().find(|n| n.0 == name).map(|n| n.1)
    }

    fn keep(&mut self, acl: Acl) -> usize {
        let at = self.all.len();
        if !acl.name.is_empty() {
            self.names.push((acl.name.clone(), at));
        }
        self.all.push(acl);
        at
    }

    /// The condition of a name, made if it is new.
    pub fn named(&mut self, name: &str) -> &mut Acl {
        let at = self.known(name).unwrap_or_else(|| self.keep(Acl::new(name)));
        &mut self.all[at]
    }

    fn find(&mut self, cc: &mut Compiler, word: &Word, name: &str) -> Result<usize, Fault> {
        if let Some(known) = self.known(name) {
            return Ok(known);
        }
        if let Some((_, text)) = PREDEFINED.iter().find(|p| p.0 == name) {
            let words = text.split(' ').map(|t| Word { text: t.into(), pos: word.pos, quoted: false });
            let words: Vec<Word> = words.collect();
            let mut acl = Acl::new(name);
            acl.add(cc, &mut Args::new(&words, 0, name))?;
            return Ok(self.keep(acl));
        }
        let fault = Fault::new(word.pos, format!("there is no acl '{name}' before this line"));
        if let Some((_, later)) = self.declared.iter().find(|d| d.0 == name) {
            return Err(fault.hint(format!("it is declared in line {}: put that line before this one", later.line)));
        }
        let known = self.names.iter().map(|n| n.0.as_str()).chain(PREDEFINED.iter().map(|p| p.0));
        Err(match nearest(name, known) {
            Some(near) => fault.hint(format!("did you mean '{near}'?")),
            None => fault,
        })
    }

    /// Compiles `if ...` or `unless ...` into tests before an action, which is the next operation to be added to the program. Without a
    /// condition nothing is added.
    pub fn compile(&mut self, cc: &mut Compiler, args: &mut Args, program: &mut Program) -> Result<(), Fault> {
        let Some(word) = args.next() else { return Ok(()) };
        let unless = match word.text.as_str() {
            "if" => false,
            "unless" => true,
            other => {
                let fault =
                    Fault::new(word.pos, format!("'{}' cannot handle the unexpected argument '{other}'", args.name));
                return Err(fault.hint("conditions begin with 'if' or 'unless'"));
            }
        };
        let groups = self.groups(cc, args, word.pos)?;
        let first = program.ops.len();
        let tests: usize = groups.iter().map(Vec::len).sum();
        let action = (first + tests) as u32;
        let (holds, fails) = if unless { (action + 1, action) } else { (action, action + 1) };
        let mut at = first;
        for (n, group) in groups.iter().enumerate() {
            let next_group = if n + 1 == groups.len() { fails } else { (at + group.len()) as u32 };
            for (i, (acl, wanted)) in group.iter().enumerate() {
                let good = if i + 1 == group.len() { holds } else { at as u32 + 1 };
                let (yes, no) = if *wanted { (good, next_group) } else { (next_group, good) };
                program.ops.push(Op::Test { acl: *acl as u32, yes, no });
                program.needs |= self.all[*acl].needs;
                program.stores |= self.all[*acl].needs & needs::NOTES != 0;
                at += 1;
            }
        }
        Ok(())
    }

    /// The groups that are joined by `or`: each a list of conditions and what they should be.
    fn groups(&mut self, cc: &mut Compiler, args: &mut Args, pos: Pos) -> Result<Vec<Vec<(usize, bool)>>, Fault> {
        let (mut groups, mut group, mut wanted, mut last) = (Vec::new(), Vec::new(), true, pos);
        while let Some(word) = args.next() {
            last = word.pos;
            let mut name = word.text.as_str();
            if matches!(name, "or" | "||") && !word.quoted {
                if group.is_empty() || !wanted {
                    return Err(Fault::new(word.pos, format!("a condition is missing before '{name}'")));
                }
                groups.push(std::mem::take(&mut group));
                continue;
            }
            while let Some(rest) = name.strip_prefix('!') {
                wanted = !wanted;
                name = rest;
            }
            if name.is_empty() {
                continue; // "!" may stand alone
            }
            let acl = if name == "{" { self.braces(cc, args, word.pos)? } else { self.find(cc, word, name)? };
            self.look(cc, acl, word.pos);
            group.push((acl, wanted));
            wanted = true;
        }
        if group.is_empty() || !wanted {
            return Err(Fault::new(last, "a condition is missing after this"));
        }
        groups.push(group);
        Ok(groups)
    }

    /// Warns of a condition that looks at what is not there.
    fn look(&self, cc: &mut Compiler, acl: usize, pos: Pos) {
        let acl = &self.all[acl];
        if let Some(complaint) = acl.complaint(cc.place) {
            cc.warnings.push((pos, complaint));
        } else if acl.needs & needs::BYTES != 0 && cc.own().mode == Mode::Http {
            let says = match acl.parts.iter().map(|p| p.expr.fetch()).find(|f| f.counts_bytes()) {
                Some(fetch) => format!("in mode http '{}' counts what was read of the message", fetch.name),
                None => "in mode http there are no plain bytes to look at: this is never true".into(),
            };
            cc.warnings.push((pos, says));
        }
    }

    /// `{ criterion ... }`
    fn braces(&mut self, cc: &mut Compiler, args: &mut Args, pos: Pos) -> Result<usize, Fault> {
        let mut words = Vec::new();
        loop {
            match args.next() {
                Some(word) if word.text == "}" => break,
                Some(word) => words.push(word.clone()),
                None => return Err(Fault::new(pos, "'{' without '}'").hint("both stand between spaces")),
            }
        }
        if words.is_empty() {
            return Err(Fault::new(pos, "there is no condition between the braces"));
        }
        let mut acl = Acl::new("");
        acl.add(cc, &mut Args::new(&words, 0, "acl"))?;
        Ok(self.keep(acl))
    }
}
