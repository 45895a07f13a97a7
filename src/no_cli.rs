//! In place of `cli`, where the program is built without the feature of that name: the configuration refuses command sockets.

use crate::applet::{Cursor, Progress, View};
use crate::session::AppletState;
use crate::util::fmt::Out;

pub struct Command {
    pub name: &'static str,
    pub args: &'static str,
    pub doc: &'static str,
}

pub static COMMANDS: &[Command] = &[];
pub static NOT_BUILT: &[(&str, &str, &str)] = &[];

pub fn converse(_: &View, input: &[u8], _: &mut AppletState, taken: &mut usize, _: &mut Out) -> Progress {
    *taken = input.len();
    Progress::Done
}

pub fn answer(_: &View, _: &str, _: &mut Cursor, _: &mut Out) -> Progress {
    Progress::Done
}
