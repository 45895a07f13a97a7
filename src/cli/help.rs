//! `help`, and what a line that is no command is answered.

use super::absent::not_built;
use super::{COMMANDS, Command, Refusal};
use crate::applet::{Cursor, Progress, View, unit};
use crate::model::CliLevel;
use crate::util::fmt::Out;
use std::fmt::Write;

/// `help [<command>]`
pub fn help(view: &View, args: &[&str], cur: &mut Cursor, out: &mut Out) -> Progress {
    let begins = |c: &Command| c.name.split(' ').zip(args).all(|(a, b)| a.starts_with(b));
    list("The following commands are valid at this level:\n", begins, view.level, cur, out)
}

/// Says why a line is not a command, and which ones are meant perhaps.
pub fn write_refusal(refusal: Refusal, level: CliLevel, cur: &mut Cursor, out: &mut Out) -> Progress {
    let Refusal::Unknown(line) = refusal else {
        return if unit(out, |o| o.put(b"Permission denied\n")) { Progress::Done } else { Progress::More };
    };
    if let Some(name) = not_built(line) {
        let written = unit(out, |o| {
            let _ = writeln!(o, "The command '{name}' is not built in this version.");
        });
        return if written { Progress::Done } else { Progress::More };
    }
    if cur.stage == 0 {
        let written = unit(out, |o| {
            o.put(b"Unknown command: '");
            // As it came, but no control characters: it may go to a terminal.
            for c in line.chars().take(80) {
                let c = if c.is_control() { '.' } else { c };
                o.put(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            o.put(b"'");
        });
        if !written {
            return Progress::More;
        }
        cur.next_stage();
    }
    // All words fit, or else the first one does.
    let Some(words) = [usize::MAX, 1].into_iter().find(|n| COMMANDS.iter().any(|c| is_near(c.name, line, *n))) else {
        return list(". Please enter one of the following commands only:\n", |_| true, level, cur, out);
    };
    let near = |c: &Command| is_near(c.name, line, words) || !c.name.contains(' ');
    list(", but maybe one of the following ones is a better match:\n", near, level, cur, out)
}

/// The heading, then a line for each command of this level that is wanted: `a` counts both.
fn list(
    heading: &str,
    wanted: impl Fn(&Command) -> bool,
    level: CliLevel,
    cur: &mut Cursor,
    out: &mut Out,
) -> Progress {
    if cur.a == 0 {
        if !unit(out, |o| o.put(heading.as_bytes())) {
            return Progress::More;
        }
        cur.a = 1;
    }
    while let Some(c) = COMMANDS.get(cur.a as usize - 1) {
        if level >= c.level && wanted(c) && !unit(out, |o| line(c, o)) {
            return Progress::More;
        }
        cur.a += 1;
    }
    Progress::Done
}

/// Columns before the descriptions: one more than the longest command has.
const WIDTH: usize = 54;

fn line(c: &Command, o: &mut Out) {
    let begin = o.len();
    let space = if c.args.is_empty() { "" } else { " " };
    let _ = write!(o, "  {}{space}{}", c.name, c.args);
    for _ in o.len() - begin..WIDTH {
        o.byte(b' ');
    }
    let _ = writeln!(o, ": {}", c.doc);
}

/// Most bytes of a word that are compared.
const WORD: usize = 24;

/// True when the first words of a line are, or nearly are, those of a command.
fn is_near(name: &str, line: &str, words: usize) -> bool {
    let near =
        |(meant, given): (&str, &str)| meant.starts_with(given) || distance(meant, given) <= 1 + meant.len() as u32 / 4;
    !line.trim_ascii().is_empty() && name.split(' ').zip(line.split_ascii_whitespace()).take(words).all(near)
}

/// Characters to insert, delete, replace or swap to make one word of another (optimal string alignment).
fn distance(a: &str, b: &str) -> u32 {
    let a = &a.as_bytes()[..a.len().min(WORD)];
    let b = &b.as_bytes()[..b.len().min(WORD)];
    let mut rows = [[0u32; WORD + 1]; 3];
    for (i, n) in rows[0].iter_mut().enumerate() {
        *n = i as u32;
    }
    for i in 1..=a.len() {
        let (now, last, before) = (i % 3, (i + 2) % 3, (i + 1) % 3);
        rows[now][0] = i as u32;
        for j in 1..=b.len() {
            let replaced = rows[last][j - 1] + u32::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[last][j] + 1).min(rows[now][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[before][j - 2] + 1);
            }
            rows[now][j] = least;
        }
    }
    rows[a.len() % 3][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words() {
        assert_eq!((distance("show", "shwo"), distance("show", "how"), distance("", "abc")), (1, 1, 3));
        let all = usize::MAX;
        assert!(["shwo info", "show", "sho in", "show inof x"].iter().all(|l| is_near("show info", l, all)));
        assert!(!is_near("show info", "bogus", all) && !is_near("help", "show", all) && !is_near("help", " ", all));
        assert!(!is_near("show info", "show nosuch", all) && is_near("show info", "show nosuch", 1));
    }
}
