//! The family `timeout` of proxies and its old spellings.

use super::row::{BACK, FRONT, PROXY, Parse, Row};
use super::state::State;
use super::values::time_ms;
use crate::model::Timeouts;
use crate::util::words::{Args, Fault};

const fn t(name: &'static str, sections: u16, since: &'static str, doc: &'static str, parse: Parse) -> Row {
    Row::built("timeout", sections, name, "<time>", since, doc, parse).unit("ms").or("none")
}

/// Sorted by name.
pub static TABLE: &[Row] = &[
    t("clitimeout", FRONT, "1.0", "Old spelling of 'timeout client'.", |s, a| set(s, a, |t| &mut t.client))
        .removed("timeout client"),
    t("contimeout", BACK, "1.0", "Old spelling of 'timeout connect'.", |s, a| set(s, a, |t| &mut t.connect))
        .removed("timeout connect"),
    t("srvtimeout", BACK, "1.0", "Old spelling of 'timeout server'.", |s, a| set(s, a, |t| &mut t.server))
        .removed("timeout server"),
    t("timeout check", BACK, "1.3", "How long a check may take after it is connected.", |s, a| {
        set(s, a, |t| &mut t.check)
    })
    .or("inter of the server"),
    t("timeout client", FRONT, "1.3", "How long a client may be silent.", |s, a| set(s, a, |t| &mut t.client)),
    t("timeout client-fin", FRONT, "1.5", "How long a client may be silent when its side is half closed.", |s, a| {
        set(s, a, |t| &mut t.client_fin)
    })
    .or("timeout client"),
    t("timeout clitimeout", FRONT, "1.3", "Old spelling of 'timeout client'.", |s, a| set(s, a, |t| &mut t.client))
        .removed("timeout client"),
    t("timeout connect", BACK, "1.3", "How long a connection to a server may take.", |s, a| {
        set(s, a, |t| &mut t.connect)
    }),
    t("timeout contimeout", BACK, "1.3", "Old spelling of 'timeout connect'.", |s, a| set(s, a, |t| &mut t.connect))
        .removed("timeout connect"),
    t("timeout http-keep-alive", PROXY, "1.4", "How long a connection may wait for its next request.", |s, a| {
        set(s, a, |t| &mut t.http_keep_alive)
    })
    .or("timeout http-request, then timeout client"),
    t("timeout http-request", PROXY, "1.3", "How long the head of a request may take.", |s, a| {
        set(s, a, |t| &mut t.http_request)
    })
    .or("timeout client"),
    t("timeout queue", BACK, "1.3", "How long a request may wait for a server.", |s, a| set(s, a, |t| &mut t.queue))
        .or("timeout connect"),
    t("timeout server", BACK, "1.3", "How long a server may be silent.", |s, a| set(s, a, |t| &mut t.server)),
    t("timeout server-fin", BACK, "1.5", "How long a server may be silent when its side is half closed.", |s, a| {
        set(s, a, |t| &mut t.server_fin)
    })
    .or("timeout server"),
    t("timeout srvtimeout", BACK, "1.3", "Old spelling of 'timeout server'.", |s, a| set(s, a, |t| &mut t.server))
        .removed("timeout server"),
    t("timeout tarpit", PROXY, "1.3", "How long a tarpitted client waits for its error.", |s, a| {
        set(s, a, |t| &mut t.tarpit)
    })
    .or("timeout connect"),
    t("timeout tunnel", BACK, "1.5", "How long both sides of a tunnel may be silent.", |s, a| {
        set(s, a, |t| &mut t.tunnel)
    })
    .or("timeout client and timeout server"),
];

fn set(s: &mut State, a: &mut Args, field: fn(&mut Timeouts) -> &mut u32) -> Result<(), Fault> {
    *field(&mut s.proxy().timeouts) = time_ms(a)?;
    Ok(())
}
