//! Text to model: the configuration compiler.
//!
//! ```text
//! files → lexer (words, variables, .if) → sections (which table) → a row's function → drafts (state) → resolve → Config
//! ```
//!
//! Every keyword is one row of its family's table and one function; `manual::all_keywords` shows them all. Nothing stops at the
//! first error: each is recorded with its place in [`Diags`] and the next line goes on.
//!
//! - Text: `lexer`, `cond`, `diag`.
//! - Machinery: `row` (rows, words of a line), `values`, `address`, `state` (drafts), `sections` (from line to row).
//! - Tables: `global`, `tune`, `logs`, `proxy`, `options`, `timeouts`, `stats`, `balance`, `checks`, `bind`, `server_options`
//!   (with `server`), `accounts`, and `reserved` for what is not built yet; `listed` are names that are not of the file.
//! - End: `resolve` (names to indices), `advice` (warnings).

// A row's function is often one assignment, `Ok(field = value?)`.
#![allow(clippy::unit_arg)]

mod accounts;
mod address;
mod advice;
mod balance;
mod bind;
mod checks;
pub mod cond;
pub mod diag;
mod global;
pub mod lexer;
#[cfg(any(test, feature = "keywords"))]
mod listed;
mod logs;
#[cfg(any(test, feature = "keywords"))]
pub mod manual;
mod options;
mod proxy;
mod reserved;
mod resolve;
mod row;
mod rules;
mod sections;
mod server;
mod server_options;
mod state;
mod stats;
mod timeouts;
mod tune;
mod values;

use crate::model::{Config, Global};
use crate::rules::Rulebook;
use crate::util::map::Map;
use crate::util::words::Pos;
use cond::Facts;
use diag::Diags;
use lexer::Lexer;
pub use row::{Row, Status};
pub use state::Resolver;
use state::State;

/// The files of a configuration, in order.
#[derive(Default, Debug, Clone)]
pub struct Sources {
    /// Name and text of each.
    pub files: Vec<(String, String)>,
    /// Lines that are not UTF-8: the first such byte of each, and whether it stands in a comment.
    foreign: Vec<(Pos, bool)>,
}

impl Sources {
    /// Adds a file as it was read.
    pub fn add(&mut self, name: &str, bytes: &[u8]) {
        let file = self.files.len() as u16;
        for (n, line) in bytes.split(|b| *b == b'\n').enumerate() {
            let Err(e) = std::str::from_utf8(line) else { continue };
            let good = &line[..e.valid_up_to()];
            let pos = Pos { file, line: n as u32 + 1, column: good.len() as u32 + 1, len: 1 };
            self.foreign.push((pos, in_comment(good)));
        }
        self.files.push((name.to_owned(), String::from_utf8_lossy(bytes).into_owned()));
    }
}

/// Whether what follows the beginning of a line belongs to a comment.
fn in_comment(begin: &[u8]) -> bool {
    let (mut quote, mut escaped) = (None, false);
    for &b in begin {
        match (b, quote) {
            _ if escaped => escaped = false,
            (b'\\', None | Some(b'"')) => escaped = true,
            (b'"' | b'\'', None) => quote = Some(b),
            (b, Some(q)) if b == q => quote = None,
            (b'#', None) => return true,
            _ => {}
        }
    }
    false
}

/// A configuration that was read.
pub struct Loaded {
    /// Has a meaning when there are no errors, as have its rules.
    pub config: Config,
    pub rules: Rulebook,
    pub diags: Diags,
}

/// What the command line says over the files.
#[derive(Default, Debug, Clone)]
pub struct Overrides {
    /// `-n`: maxconn of the process.
    pub maxconn: Option<u32>,
    /// `-N`: maxconn of frontends that have none.
    pub proxy_maxconn: Option<u32>,
    /// `-D`
    pub daemon: bool,
    /// `-db`: neither `daemon` nor `master-worker`.
    pub foreground: bool,
    /// `-W`
    pub master_worker: bool,
    /// `-q`
    pub quiet: bool,
    /// `-de`
    pub noepoll: bool,
    /// `-dk`
    pub nokqueue: bool,
    /// `-dS`
    pub nosplice: bool,
    /// `-p`
    pub pidfile: Option<String>,
    /// `-dD`
    pub diagnostic: bool,
}

impl Overrides {
    fn apply(&self, global: &mut Global) {
        if let Some(maxconn) = self.maxconn {
            global.maxconn = maxconn;
        }
        if self.pidfile.is_some() {
            global.pidfile.clone_from(&self.pidfile);
        }
        global.daemon = (global.daemon || self.daemon) && !self.foreground;
        global.master_worker = (global.master_worker && !self.foreground) || self.master_worker;
        global.quiet |= self.quiet;
        global.noepoll |= self.noepoll;
        global.nokqueue |= self.nokqueue;
        global.nosplice |= self.nosplice;
    }
}

/// Reads a configuration.
pub fn load(sources: &Sources, facts: &dyn Facts) -> Loaded {
    load_with(sources, facts, &Overrides::default())
}

/// Reads a configuration under the options of the command line.
pub fn load_with(sources: &Sources, facts: &dyn Facts, overrides: &Overrides) -> Loaded {
    load_using(sources, facts, overrides, address::system_resolver)
}

/// The same with another way to look up host names.
pub fn load_using(sources: &Sources, facts: &dyn Facts, overrides: &Overrides, resolver: Resolver) -> Loaded {
    let mut state = State::new(resolver, environment(sources));
    state.diags.set_diagnostic_mode(overrides.diagnostic);
    for (name, text) in &sources.files {
        let file = state.diags.add_file(name, text.clone());
        let text = state.diags.text(file);
        for (pos, comment) in sources.foreign.iter().filter(|f| f.0.file == file) {
            let (message, hint) = ("this character is not UTF-8", "convert the file: iconv -f latin1 -t utf8");
            match comment {
                true => state.diags.warning_hint(*pos, message, hint),
                false => state.diags.error_hint(*pos, message, hint),
            }
        }
        let mut lexer = Lexer::new(file, &text);
        while let Some(line) = lexer.next_line(&state.vars, facts, &mut state.diags) {
            let errors = state.diags.errors();
            if let Some(section) = sections::line(&mut state, &line) {
                lexer.set_section(&section);
            }
            if let Some(name) = lexer.unset().filter(|_| state.diags.errors() > errors) {
                state.diags.explain(&format!("the variable '{name}' is not set"));
            }
        }
        // A section does not go on in the next file.
        state.current = state::Current::None;
    }
    let (config, rules) = resolve::resolve(&mut state, overrides);
    Loaded { config, rules, diags: state.diags }
}

/// The environment of the process and the variables that HAProxy sets.
fn environment(sources: &Sources) -> Map<String, String> {
    let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    let mut vars: Map<String, String> = std::env::vars_os().map(|(k, v)| (lossy(k), lossy(v))).collect();
    let names: Vec<&str> = sources.files.iter().map(|f| f.0.as_str()).collect();
    vars.insert("HAPROXY_CFGFILES".into(), names.join(";"));
    vars.insert("HAPROXY_LOCALPEER".into(), crate::sys::process::host_name());
    vars.insert("HAPROXY_HTTP_LOG_FMT".into(), crate::format::HTTP_LOG.into());
    vars.insert("HAPROXY_TCP_LOG_FMT".into(), crate::format::TCP_LOG.into());
    vars
}

/// The files that `-f` names: a folder stands for its files `*.cfg` in lexical order, hidden ones left out.
pub fn expand_paths(args: &[String]) -> Result<Vec<String>, String> {
    let mut paths = Vec::new();
    for arg in args {
        let is_folder = std::fs::metadata(arg)
            .map_err(|e| format!("cannot open configuration file/directory {arg}: {e}"))?
            .is_dir();
        if !is_folder {
            paths.push(arg.clone());
            continue;
        }
        let entries = std::fs::read_dir(arg).map_err(|e| format!("cannot open configuration directory {arg}: {e}"))?;
        let mut found: Vec<String> = entries
            .flatten()
            .filter(|e| e.path().is_file())
            .filter_map(|e| e.file_name().into_string().ok())
            .filter(|name| name.ends_with(".cfg") && !name.starts_with('.'))
            .collect();
        found.sort();
        paths.extend(found.iter().map(|name| format!("{}/{name}", arg.trim_end_matches('/'))));
    }
    Ok(paths)
}

/// All tables, by family.
pub fn tables() -> impl Iterator<Item = &'static [Row]> {
    let own: [&'static [Row]; 3] = [sections::SECTIONS, bind::TABLE, server_options::TABLE];
    let sets = [sections::GLOBAL_TABLES, sections::PROXY_TABLES, sections::USERLIST_TABLES, sections::RESOLVERS_TABLES];
    own.into_iter().chain(sets.into_iter().flat_map(|set| set.iter().copied())).chain([balance::ALGORITHMS])
}

#[cfg(test)]
mod tests;
