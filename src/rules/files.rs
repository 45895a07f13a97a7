//! Actions that change files of patterns and maps while the process runs; the files themselves stay as they are.

use super::flow::{MESSAGE, format};
use super::{Action, ActionRow, Parts, Stage, Verdict, row};
use crate::format::Format;
use crate::pattern::Source;
use crate::sample::{Compiler, needs};
use crate::util::scratch::Scratch;
use crate::util::words::{Args, Fault};
use std::sync::Arc;

/// What becomes of a pattern.
enum Change {
    Remove,
    /// It is there, and its value is this one, where there are values.
    Set(Option<Format>),
}

struct Edit {
    source: Arc<Source>,
    key: Format,
    change: Change,
}

impl Edit {
    /// None: the texts do not fit.
    fn apply(&self, stage: &mut Stage) -> Option<()> {
        let key = stage.format(0, &self.key)?;
        let end = match &self.change {
            Change::Set(Some(value)) => stage.format(key, value)?,
            _ => key,
        };
        let Stage { out, space, regexes, .. } = stage;
        let (key, value) = out[..end].split_at(key);
        let mut scratch = Scratch::new(space);
        match self.change {
            Change::Remove => self.source.remove(key, &mut scratch, regexes),
            Change::Set(_) => _ = self.source.set(key, value, &mut scratch, regexes),
        }
        stage.memo.change(needs::FILES);
        Some(())
    }
}

impl Action for Edit {
    fn run(&self, stage: &mut Stage) -> Verdict {
        if self.apply(stage).is_none() {
            self.source.leave_out();
        }
        Verdict::Continue
    }

    fn parts(&self) -> Parts<'_> {
        let value = if let Change::Set(Some(value)) = &self.change { Some(value) } else { None };
        Parts { formats: std::iter::once(&self.key).chain(value).collect(), ..Parts::default() }
    }
}

fn edit(cc: &mut Compiler, args: &mut Args, map: bool, remove: bool) -> Result<Box<dyn Action>, Fault> {
    let path = args.need("the name of a file in brackets")?;
    cc.pos = path.pos;
    let source = cc.changed(&path.text, map)?;
    let key = format(cc, args, "a key")?;
    let change = match (remove, map) {
        (true, _) => Change::Remove,
        (false, true) => Change::Set(Some(format(cc, args, "a value")?)),
        (false, false) => Change::Set(None),
    };
    Ok(Box::new(Edit { source, key, change }))
}

/// Sorted by name.
pub static TABLE: &[ActionRow] = &[
    row("add-acl", "(<file>) <key>", MESSAGE, "1.5", "Adds a pattern to a file of an acl.", |cc, a| {
        edit(cc, a, false, false)
    }),
    row("del-acl", "(<file>) <key>", MESSAGE, "1.5", "Takes a pattern out.", |cc, a| edit(cc, a, false, true)),
    row("del-map", "(<file>) <key>", MESSAGE, "1.5", "Takes a key out of a map.", |cc, a| edit(cc, a, true, true)),
    row("set-map", "(<file>) <key> <value>", MESSAGE, "1.5", "Sets the value of a key in a map.", |cc, a| {
        edit(cc, a, true, false)
    }),
];
