//! Warnings where users lose days: what is allowed and hardly meant.

use super::checks;
use super::state::{Draft, LogEntry, State};
use crate::model::{LogShape, Mode};
use crate::rules::Line;

/// Looks at all proxies of a configuration without errors.
pub fn advise(s: &mut State, drafts: &[Draft]) {
    for (at, draft) in drafts.iter().enumerate() {
        if draft.proxy.disabled {
            continue;
        }
        timeouts(s, draft);
        if draft.proxy.is_frontend {
            frontend(s, draft);
        }
        if draft.proxy.is_backend {
            backend(s, draft, reached(drafts, at));
        }
    }
    for defaults in &s.defaults {
        if defaults.used_by_name && defaults.used_as_last {
            let message = "this 'defaults' section is used by name and, being the last one, by proxies without 'from'";
            s.diags.warning_hint(defaults.pos, message, "name it in each 'from', or put another one behind it");
        }
    }
}

fn reached(drafts: &[Draft], at: usize) -> bool {
    let leads = |d: &Draft| {
        let (p, mut rules) = (&d.proxy, d.rules.iter());
        let by_name = |l: &Line| l.directive == "use_backend" && l.words.first().is_some_and(|w| w.text.contains('%'));
        p.is_frontend && (p.default_backend == Some(at) || p.use_backends.contains(&at) || rules.any(by_name))
    };
    drafts[at].proxy.is_frontend || drafts.iter().any(leads)
}

fn timeouts(s: &mut State, draft: &Draft) {
    let (p, t) = (&draft.proxy, &draft.proxy.timeouts);
    let mut missing = Vec::new();
    if p.is_frontend && t.client == 0 {
        missing.push("client");
    }
    if p.is_backend && !draft.servers.is_empty() {
        if t.connect == 0 {
            missing.push("connect");
        }
        if t.server == 0 {
            missing.push("server");
        }
    }
    if !missing.is_empty() {
        let message = format!("missing timeouts for {}: {} without a limit", draft.title(), missing.join(", "));
        let hint = format!(
            "connections that go dead stay for ever and use up maxconn; write for example 'timeout {} 30s'",
            missing[0]
        );
        s.diags.warning_hint(draft.pos, message, hint);
    }
}

fn frontend(s: &mut State, draft: &Draft) {
    let title = draft.title();
    if draft.binds.is_empty() {
        let message = format!("{title} has no 'bind' line, so nothing can reach it");
        s.diags.warning_hint(draft.pos, message, "declare it as a backend if that is meant");
    }
    let p = &draft.proxy;
    let answers = p.stats.is_some() || p.mode == Mode::Health || p.monitor_uri.is_some();
    let ruled = draft.rules.iter().any(|l| matches!(l.directive, "use_backend" | "redirect" | "http-request"));
    if !p.is_backend && p.default_backend.is_none() && !answers && !ruled {
        let message = format!("{title} has no 'default_backend': every request gets an error");
        s.diags.warning(draft.pos, message);
    }
    let logs = draft.logs.iter().any(|l| matches!(l, LogEntry::Own(_)) || !s.global.loggers.is_empty());
    if p.log_shape != LogShape::Connect && !logs {
        let message = format!("the log format of {title} has no effect, since it has no log address");
        s.diags.warning_hint(
            draft.place("option httplog"),
            message,
            "write 'log global', and a 'log' line in the section global",
        );
    }
}

fn backend(s: &mut State, draft: &Draft, reached: bool) {
    let (p, title) = (&draft.proxy, draft.title());
    if !reached {
        s.diags.warning(draft.pos, format!("{title} is never reached: no frontend leads to it"));
    }
    let checked = draft.servers.iter().any(|d| d.check);
    let own_line =
        |key: &str| draft.places.get(key).filter(|pos| pos.file == draft.pos.file && pos.line >= draft.pos.line);
    let http_check = own_line("option httpchk").filter(|_| p.check.kind == checks::HTTP && !draft.servers.is_empty());
    match http_check {
        Some(pos) if !checked => {
            s.diags.warning_hint(*pos, format!("no server of {title} is checked"), "add 'check' to the server lines");
        }
        Some(pos) if p.mode == Mode::Tcp => {
            s.diags.notice(*pos, format!("{title} is in mode tcp and its checks speak HTTP"));
        }
        _ => {}
    }
    for key in ["http-check expect", "http-check send"] {
        if let (Some(pos), true) = (own_line(key), p.check.kind != checks::HTTP) {
            s.diags.warning(*pos, format!("'{key}' has no effect without 'option httpchk'"));
        }
    }
    for server in draft.servers.iter().filter(|d| !d.check) {
        if let Some(pos) = server.check_option {
            let message = format!("server '{}' has check settings and is not checked", server.server.name);
            s.diags.warning_hint(pos, message, "add 'check' to the line");
        }
    }
    if p.dispatch.is_some() && (!draft.servers.is_empty() || draft.places.contains_key("balance")) {
        s.diags.warning(
            draft.place("dispatch"),
            format!("the 'dispatch' address of {title} is not used: it has servers or 'balance'"),
        );
    }
    if p.balance.factor > 0 && !p.balance.consistent {
        s.diags.warning(draft.pos, format!("'hash-balance-factor' of {title} needs 'hash-type consistent'"));
    }
    if !draft.servers.is_empty() && draft.servers.iter().all(|d| d.server.weight == 0) {
        s.diags.warning(draft.pos, format!("all servers of {title} have weight 0 and take no traffic"));
    }
}
