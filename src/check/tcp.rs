//! A connection that is established is a server that lives.

use super::{Kind, Verdict};

pub(super) const ROW: Kind = Kind {
    name: "tcp",
    doc: "connects to the server and closes",
    connect_only: true,
    request: |_| &[],
    judge: |_, _, _| Verdict::Pass("L4OK", 0),
    timed_out: "L4TOUT",
};
