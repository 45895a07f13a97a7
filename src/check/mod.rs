//! Health checks: one file a type, one row each in [`KINDS`]; the mechanism that runs them is in `runner`.
//!
//! ```text
//! waiting --timer--> connecting --established--> talking --verdict--> waiting
//!                        | refused, timeout          | timeout, closed
//!                        +-----------> failed <------+
//! ```

mod http;
mod runner;
mod tcp;

pub use http::http_request;
pub use runner::{Change, Runner};

use crate::model::CheckKind;
use crate::util::ManualText;

/// What a type of check says about the bytes that came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    More,
    /// HAProxy's short status (`L7OK`), and the code.
    Pass(&'static str, u16),
    Fail(&'static str, u16, Why),
}

/// What is known about a failure beside its status.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    Unknown,
    Text(&'static str),
    /// These bytes of the answer: from, to.
    Answer(usize, usize),
}

/// A row of the table of check types.
pub struct Kind {
    pub name: &'static str,
    pub doc: ManualText,
    /// True when an established connection is all that is asked.
    pub connect_only: bool,
    /// What is sent once connected.
    pub request: fn(&CheckKind) -> &[u8],
    /// Looks at what came so far; `eof` = the server closed.
    pub judge: fn(&CheckKind, &[u8], bool) -> Verdict,
    /// The status of a timeout in this type.
    pub timed_out: &'static str,
}

/// All types, sorted by name.
pub static KINDS: &[Kind] = &[http::ROW, tcp::ROW];

/// Finds a row; the empty name is a TCP connect.
pub fn kind(name: &str) -> &'static Kind {
    KINDS.iter().find(|k| k.name == name).unwrap_or(&tcp::ROW)
}

/// The long text of a status, for logs.
pub fn describe(status: &str) -> &'static str {
    match status {
        "L4OK" => "Layer4 check passed",
        "L4TOUT" => "Layer4 timeout",
        "L4CON" => "Layer4 connection problem",
        "L7OK" => "Layer7 check passed",
        "L7TOUT" => "Layer7 timeout",
        "L7RSP" => "Layer7 invalid response",
        "L7STS" => "Layer7 wrong status",
        "SOCKERR" => "Socket error",
        "L7OKC" => "Layer7 check conditionally passed",
        _ => "Unknown",
    }
}
