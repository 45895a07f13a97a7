//! Samples: what rules, conditions and formats look at (manual 7.3), and the converters that change it on the way (7.3.1).
//!
//! ```text
//! text  "hdr(host),lower"  --compile (start-up)-->  Expr { fetch, converters }  --evaluate (traffic)-->  Value
//! ```
//!
//! A fetch or a converter is one function and one row of its family's table. Values borrow from the message or from the worker's
//! scratch space: evaluating allocates nothing, and copies only what a converter changes.

mod absent;
mod args;
mod auth;
mod convert;
mod drafts;
mod expr;
mod fields;
mod http;
mod internal;
mod l4;
mod l6;
mod notes;
mod process;
mod scene;
mod tcp;
mod tls;

pub use args::{Arg, Compiler, Outside, parse_args};
pub use auth::is_settled;
pub use convert::{CONDITIONS, REFUSED, may_store};
pub use drafts::Drafts;
pub use expr::{Expr, call, unknown_fetch};
pub use notes::{Beside, Layout, Note, Notes, Scope, UNIQUE_ID};
pub use process::ProcessNotes;
#[cfg(test)]
pub use scene::quiet;
pub use scene::{Count, Flow, Live, Message, OwnTimeouts, Scene, Setting, Stream};

use crate::pattern::{Kind, RegexCache, Value};
use crate::util::scratch::Scratch;
use crate::util::{ManualText, Release};

/// Where a fetch works, and what must be there for it, one bit each: what a place that uses it must offer.
pub mod needs {
    /// `tcp-request connection` and `session`.
    pub const AT_CONNECTION: u32 = 1;
    /// Rules of the frontend on a request.
    pub const AT_FRONTEND: u32 = 1 << 1;
    /// Those of the backend.
    pub const AT_BACKEND: u32 = 1 << 2;
    /// Rules on a response.
    pub const AT_RESPONSE: u32 = 1 << 3;
    /// The log line.
    pub const AT_LOG: u32 = 1 << 4;
    /// All of them.
    pub const ANYWHERE: u32 = (1 << 5) - 1;

    /// The address that the client connected to: costs a system call.
    pub const DESTINATION: u32 = 1 << 5;
    /// Our address towards the server: costs a system call.
    pub const SOURCE: u32 = 1 << 6;
    /// What the kernel knows of the client's connection: costs a system call.
    pub const TCP_INFO: u32 = 1 << 7;
    /// The head of an HTTP request, also of one that passes through a proxy in TCP mode.
    pub const HEAD: u32 = 1 << 8;
    /// Bytes as they came: what HTTP proxies do not have.
    pub const BYTES: u32 = 1 << 9;
    /// The line of the request, kept until the session ends.
    pub const LINE: u32 = 1 << 10;
    /// The time as it is now, not as it was when the request began: costs a system call on some machines.
    pub const CLOCK: u32 = 1 << 11;
    /// The body, as far as it is in the buffer: several chunks are put together.
    pub const BODY: u32 = 1 << 12;
    /// Notes to write to.
    pub const NOTES: u32 = 1 << 13;
    /// Its values are the same as long as nobody changes the first line of the head; without this bit and the next two they may
    /// be others at any time.
    pub const IN_LINE: u32 = 1 << 14;
    /// The same of the fields.
    pub const IN_FIELDS: u32 = 1 << 15;
    /// The same of the client's addresses.
    pub const ADDRESSES: u32 = 1 << 16;
    /// What a condition is compared with stands in files that rules may change.
    pub const FILES: u32 = 1 << 17;
    /// All of what rules change and a condition may rest on.
    pub const CHANGES: u32 = IN_LINE | IN_FIELDS | ADDRESSES | FILES;

    /// Nothing but the process and its configuration.
    pub const INTERNAL: u32 = ANYWHERE;
    /// The client's connection.
    pub const CLIENT: u32 = ANYWHERE;
    /// The backend that was chosen.
    pub const BACKEND: u32 = AT_BACKEND | AT_RESPONSE | AT_LOG;
    /// The server that was chosen, and the connection to it.
    pub const SERVER: u32 = AT_RESPONSE | AT_LOG;
    /// The head of the request.
    pub const REQUEST: u32 = AT_FRONTEND | AT_BACKEND | HEAD;
    /// What is known of the request for as long as the session lasts.
    pub const REQUEST_KEPT: u32 = AT_FRONTEND | AT_BACKEND | AT_RESPONSE | AT_LOG;
    /// The head of the response.
    pub const RESPONSE: u32 = AT_RESPONSE;
    /// What is known of the response for as long as the session lasts.
    pub const RESPONSE_KEPT: u32 = AT_RESPONSE | AT_LOG;
    /// Either head, whichever is looked at.
    pub const MESSAGE: u32 = REQUEST | RESPONSE;
    /// Bytes of the request, before they are forwarded.
    pub const REQUEST_BYTES: u32 = AT_FRONTEND | AT_BACKEND | BYTES;
    /// Bytes of the response.
    pub const RESPONSE_BYTES: u32 = AT_RESPONSE | BYTES;

    /// What a fetch looks at, in words.
    pub fn what(needs: u32) -> &'static str {
        match needs & ANYWHERE {
            BACKEND => "the backend",
            SERVER => "the server or its response",
            RESPONSE => "the response",
            _ => "the request",
        }
    }

    /// Where something is used, in words.
    pub fn place(at: u32) -> &'static str {
        match at {
            AT_CONNECTION => "rules on connections",
            AT_RESPONSE => "rules on responses",
            AT_LOG => "log lines",
            AT_FRONTEND => "a frontend's rules on requests",
            _ => "rules on requests",
        }
    }

    /// The places where a fetch may be used, in words.
    pub fn places(needs: u32) -> String {
        if needs & ANYWHERE == ANYWHERE {
            return "all rules, log lines".into();
        }
        let requests = AT_FRONTEND | AT_BACKEND;
        let all = [
            (AT_CONNECTION, place(AT_CONNECTION)),
            (requests, if needs & requests == AT_BACKEND { "a backend's rules on requests" } else { place(requests) }),
            (AT_RESPONSE, place(AT_RESPONSE)),
            (AT_LOG, place(AT_LOG)),
        ];
        all.iter().filter(|p| needs & p.0 != 0).map(|p| p.1).collect::<Vec<_>>().join(", ")
    }
}

/// What a fetch found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Got<'a> {
    Value(Value<'a>),
    /// There is none.
    Nothing,
    /// It may come with more data.
    Later,
}

impl<'a> From<Option<Value<'a>>> for Got<'a> {
    fn from(value: Option<Value<'a>>) -> Got<'a> {
        value.map_or(Got::Nothing, Got::Value)
    }
}

impl Got<'_> {
    /// A truth value.
    pub fn bool(b: bool) -> Got<'static> {
        Got::Value(Value::Bool(b))
    }

    /// A number.
    pub fn int(n: impl Into<i64>) -> Got<'static> {
        Got::Value(Value::Int(n.into()))
    }
}

/// Which of several values a fetch is to find, one at a call.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Walk {
    /// Where the next one is looked for; its meaning is the fetch's. From there, not from the start: lists may be long.
    pub place: (u32, u32),
    /// There may be another value: call again.
    pub more: bool,
    /// The caller wants each of them; else the fetch picks the one that is wanted by default.
    pub each: bool,
    /// With more data the value may be another one.
    pub unsure: bool,
}

/// What evaluating works with.
pub struct Tools<'a, 't> {
    pub scratch: Scratch<'a>,
    pub regexes: &'t mut RegexCache,
}

/// Finds a value.
pub type Run = for<'a> fn(&Scene<'a>, &[Arg], &mut Walk, &mut Tools<'a, '_>) -> Got<'a>;

/// A sample fetch.
pub struct Fetch {
    pub name: &'static str,
    /// Its arguments, `name:type` with `?` behind optional ones, separated by commas ([`parse_args`]).
    pub args: &'static str,
    pub kind: Kind,
    pub needs: u32,
    pub since: Release,
    pub doc: ManualText,
    pub run: Run,
}

impl Fetch {
    /// It counts bytes, whatever they are: also those that were read as HTTP.
    pub fn counts_bytes(&self) -> bool {
        self.needs & needs::BYTES != 0 && self.name.ends_with("len")
    }
}

/// Changes a value. None: it cannot be changed so, and there is no value.
pub type Change = for<'a> fn(Value<'a>, &[Arg], &Scene<'a>, &mut Tools<'a, '_>) -> Option<Value<'a>>;

/// A converter.
pub struct Converter {
    pub name: &'static str,
    pub args: &'static str,
    pub input: Kind,
    pub output: Kind,
    pub since: Release,
    pub doc: ManualText,
    pub run: Change,
    prepare: Prepare,
    /// It writes to the notes ([`Drafts`]).
    writes: bool,
}

/// Checks the arguments of a converter at start-up, and makes of them what its function wants; why not.
pub type Prepare = fn(&mut [Arg]) -> Result<(), String>;

impl Converter {
    const fn writing(mut self) -> Converter {
        self.writes = true;
        self
    }

    /// With more to check of its arguments than their shapes say.
    const fn prepared(mut self, prepare: Prepare) -> Converter {
        self.prepare = prepare;
        self
    }
}

const fn fetch(
    name: &'static str,
    args: &'static str,
    kind: Kind,
    needs: u32,
    since: &'static str,
    doc: &'static str,
    run: Run,
) -> Fetch {
    Fetch { name, args, kind, needs, since: Release::of(since), doc: ManualText::new(doc), run }
}

const fn converter(
    name: &'static str,
    args: &'static str,
    (input, output): (Kind, Kind),
    since: &'static str,
    doc: &'static str,
    run: Change,
) -> Converter {
    Converter {
        name,
        args,
        input,
        output,
        since: Release::of(since),
        doc: ManualText::new(doc),
        run,
        prepare: |_| Ok(()),
        writes: false,
    }
}

/// The tables of fetches, each sorted by name.
pub static FETCHES: [&[Fetch]; 8] =
    [internal::TABLE, l4::TABLE, tcp::TABLE, l6::TABLE, tls::TABLE, http::TABLE, fields::TABLE, auth::TABLE];

/// The tables of converters, each sorted by name.
pub use convert::tables as converter_tables;

/// The fetch of a name.
pub fn find_fetch(name: &str) -> Option<&'static Fetch> {
    FETCHES.iter().find_map(|t| t.binary_search_by(|f| f.name.cmp(name)).ok().map(|at| &t[at]))
}

/// The converter of a name.
pub fn find_converter(name: &str) -> Option<&'static Converter> {
    converter_tables().find_map(|t| t.binary_search_by(|c| c.name.cmp(name)).ok().map(|at| &t[at]))
}

#[cfg(test)]
mod tests;
