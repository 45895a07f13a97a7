//! The row of a keyword table, and the search in the tables.
//!
//! A keyword is one function and one row. Rows are sorted by name, names are written with all their words
//! (`timeout http-request`), and the longest name that a line begins with is taken.

use super::state::State;
use crate::util::words::{Args, Fault, Pos, Word, nearest};
use crate::util::{ListText, ManualText, Release};

/// Sections in which a keyword is known, one bit each ([`Row::sections`]).
pub const GLOBAL: u16 = 1;
pub const DEFAULTS: u16 = 1 << 1;
pub const FRONTEND: u16 = 1 << 2;
pub const LISTEN: u16 = 1 << 3;
pub const BACKEND: u16 = 1 << 4;
pub const USERLIST: u16 = 1 << 5;
pub const RESOLVERS: u16 = 1 << 6;
pub const PEERS: u16 = 1 << 7;
/// A section that is none of the others.
pub const OTHER: u16 = 1 << 8;
/// Not a word of a file: the command line, the command socket, a column of the statistics.
pub const NO_SECTION: u16 = 0;
/// Not a section: in a proxy of the other side the keyword is an error, where others are ignored with a warning.
pub const STRICT: u16 = 1 << 15;
/// Not a section: `no` may stand before the keyword.
pub const NEGATABLE: u16 = 1 << 14;
/// Not a section: arguments that are too many are passed over with a warning.
pub const LENIENT: u16 = 1 << 13;
/// The usual combinations.
pub const PROXY: u16 = DEFAULTS | FRONTEND | LISTEN | BACKEND;
/// Own settings of a proxy, not allowed in `defaults`.
pub const OWN: u16 = FRONTEND | LISTEN | BACKEND;
pub const FRONT: u16 = DEFAULTS | FRONTEND | LISTEN;
pub const BACK: u16 = DEFAULTS | LISTEN | BACKEND;

/// Names of the section bits.
pub const SECTION_NAMES: [(u16, &str); 9] = [
    (GLOBAL, "global"),
    (DEFAULTS, "defaults"),
    (FRONTEND, "frontend"),
    (LISTEN, "listen"),
    (BACKEND, "backend"),
    (USERLIST, "userlist"),
    (RESOLVERS, "resolvers"),
    (PEERS, "peers"),
    (OTHER, "other"),
];

/// Reads the arguments of a keyword into the model.
pub type Parse = fn(&mut State, &mut Args) -> Result<(), Fault>;

/// What becomes of a keyword.
#[derive(Clone, Copy)]
pub enum Status {
    Built(Parse),
    /// Recognised and refused; why, or what to use instead.
    NotBuilt(&'static str),
    /// The same where this program is built without a feature of Cargo.toml.
    LeftOut(&'static str),
    /// Gone from today's HAProxy; works here as it did, with a warning that names today's spelling.
    Removed {
        today: &'static str,
        parse: Parse,
    },
    /// Not a keyword of the file (a sample fetch, a command ...) whose function is in another table, or is missing.
    Listed(bool),
}

/// A keyword.
#[derive(Clone, Copy)]
pub struct Row {
    /// All its words.
    pub name: &'static str,
    /// The table: `global`, `proxy`, `option`, `timeout`, `bind option`, `sample fetch` ...
    pub family: ListText,
    /// Where it is valid: bits such as [`GLOBAL`].
    pub sections: u16,
    /// The shape of its arguments.
    pub args: ListText,
    /// How many words they take, counted there.
    pub arg_count: u8,
    /// Value without the keyword; empty = none.
    pub default: ManualText,
    /// Unit of a number without a suffix; empty = none.
    pub unit: ManualText,
    /// First HAProxy release that has it.
    pub since: Release,
    pub doc: ManualText,
    /// It is accepted and changes nothing.
    pub without_effect: bool,
    pub status: Status,
}

/// True when a text says so: looked for here, as most programs do not keep their texts.
const fn says_without_effect(doc: &str) -> bool {
    let (doc, words) = (doc.as_bytes(), b"ccepted without effect");
    let mut at = 0;
    while at + words.len() <= doc.len() {
        let mut same = 0;
        while same < words.len() && doc[at + same] == words[same] {
            same += 1;
        }
        if same == words.len() {
            return true;
        }
        at += 1;
    }
    false
}

/// How many words arguments of this shape take.
const fn count_of_args(shape: &str) -> u8 {
    let (shape, mut at, mut count) = (shape.as_bytes(), 0, 0);
    while at < shape.len() {
        count += (shape[at] == b'<') as u8;
        at += 1;
    }
    count
}

impl Row {
    /// A row without default and unit.
    pub const fn new(
        family: &'static str,
        sections: u16,
        name: &'static str,
        args: &'static str,
        since: Release,
        doc: ManualText,
        status: Status,
    ) -> Row {
        let none = ManualText::new("");
        let (family, arg_count, args) = (ListText::new(family), count_of_args(args), ListText::new(args));
        Row {
            name,
            family,
            sections,
            args,
            arg_count,
            default: none,
            unit: none,
            since,
            doc,
            without_effect: false,
            status,
        }
    }

    /// A keyword that is built.
    pub const fn built(
        family: &'static str,
        sections: u16,
        name: &'static str,
        args: &'static str,
        since: &'static str,
        doc: &'static str,
        parse: Parse,
    ) -> Row {
        let (without_effect, since, doc) = (says_without_effect(doc), Release::of(since), ManualText::new(doc));
        Row { without_effect, ..Row::new(family, sections, name, args, since, doc, Status::Built(parse)) }
    }

    /// Sets the default.
    pub const fn or(mut self, default: &'static str) -> Row {
        self.default = ManualText::new(default);
        self
    }

    /// Sets the unit.
    pub const fn unit(mut self, unit: &'static str) -> Row {
        self.unit = ManualText::new(unit);
        self
    }

    /// Marks a keyword that today's HAProxy no longer has.
    pub const fn removed(mut self, today: &'static str) -> Row {
        if let Status::Built(parse) = self.status {
            self.status = Status::Removed { today, parse };
        }
        self
    }

    /// Marks a keyword that is recognised and refused.
    pub const fn not_built(mut self, reason: &'static str) -> Row {
        self.status = Status::NotBuilt(reason);
        self
    }

    /// Refused for this reason where a feature of Cargo.toml is not built in.
    pub const fn only_with(mut self, built_in: bool, reason: &'static str) -> Row {
        if !built_in {
            self.status = Status::LeftOut(reason);
        }
        self
    }

    /// Why its keyword is refused, wherever it stands: none for those that are built.
    pub fn refusal(&self, pos: Pos) -> Option<Fault> {
        match self.status {
            Status::NotBuilt(reason) => {
                Some(Fault::new(pos, format!("'{}' is not built yet in this version", self.name)).hint(reason))
            }
            Status::LeftOut(reason) => Some(Fault::new(pos, format!("'{}': {reason}", self.name))),
            _ => None,
        }
    }

    /// The names of the sections where it is valid.
    pub fn section_names(&self) -> impl Iterator<Item = &'static str> {
        let mask = self.sections;
        SECTION_NAMES.iter().filter(move |s| mask & s.0 != 0).map(|s| s.1)
    }
}

/// The row with the longest name that `words` begins with, and how many words that is.
pub fn find(tables: &[&'static [Row]], words: &[Word]) -> Option<(&'static Row, usize)> {
    for count in (1..=words.len().min(3)).rev() {
        let name: Vec<&str> = words[..count].iter().map(|w| w.text.as_str()).collect();
        let name = name.join(" ");
        for table in tables {
            if let Some(row) = named(table, &name) {
                return Some((row, count));
            }
        }
    }
    None
}

/// The row of a name in a sorted table.
pub fn named(table: &'static [Row], name: &str) -> Option<&'static Row> {
    table.binary_search_by(|row| row.name.cmp(name)).ok().map(|at| &table[at])
}

/// "did you mean 'x'?" for a word that is in none of the tables.
pub fn suggest(tables: &[&'static [Row]], word: &str) -> Option<String> {
    let names = tables.iter().flat_map(|t| t.iter()).map(|row| row.name);
    nearest(word, names).map(|near| format!("did you mean '{near}'?"))
}
