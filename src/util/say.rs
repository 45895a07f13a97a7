//! What is said to whoever started the program. When nobody reads it any more, that is no reason to end: `println!` panics then.

use std::fmt::Arguments;
use std::io::{Write, stderr, stdout};

/// To standard output.
pub fn out(text: Arguments) {
    let _ = stdout().write_fmt(text);
}

/// To standard error.
pub fn err(text: Arguments) {
    let _ = stderr().write_fmt(text);
}
