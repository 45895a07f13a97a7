//! A connection that is established is a server that lives.

use super::{Kind, Verdict};
use crate::util::ManualText;

pub(super) const ROW: Kind = Kind {
    name: "tcp",
    doc: ManualText::new("connects to the server and closes"),
    connect_only: true,
    request: |_| &[],
    judge: |_, _, _| Verdict::Pass("L4OK", 0),
    timed_out: "L4TOUT",
};
