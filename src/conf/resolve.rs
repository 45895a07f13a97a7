//! Drafts to the model: names become indices, numbers are given, what does not fit the mode is taken out.

use super::Overrides;
use super::accounts;
use super::advice;
use super::checks;
use super::rules::{self, Kept};
use super::state::{Draft, LogEntry, State};
use super::stats;
use super::tune;
use crate::model::{Audience, CloseMode, Config, KeySource, LogShape, Mode, SinkFormat};
use crate::rules::Rulebook;
use crate::server::{frontends_of, tenth_of_frontends};
use crate::util::map::Map;
use crate::util::words::{Fault, Pos, Word, nearest};

/// Number of the first proxy without `id`, as in HAProxy.
const FIRST_PROXY_ID: u32 = 2;

/// Makes the configuration. Errors and warnings go to the state's diagnostics.
pub fn resolve(s: &mut State, overrides: &Overrides) -> (Config, Rulebook) {
    tune::check(s);
    overrides.apply(&mut s.global);
    let mut drafts = std::mem::take(&mut s.drafts);
    names(s, &drafts);
    proxy_ids(s, &mut drafts);
    for draft in &mut drafts {
        fit_mode(s, draft);
        stats::check(s, draft);
        check_kind(draft);
    }
    link(s, &mut drafts);
    let userlists = accounts::userlists(s);
    for draft in &mut drafts {
        number_servers(s, draft);
        number_sockets(s, draft);
    }
    if s.diags.errors() == 0 {
        advice::advise(s, &drafts);
    }
    let mut config = Config { userlists, ..Config::default() };
    for (sink, defaulted) in s.sinks.iter_mut().zip(&s.sink_defaulted) {
        if *defaulted && s.global.log_send_hostname.is_some() {
            sink.format = SinkFormat::Rfc3164;
        }
    }
    config.listeners.append(&mut s.sockets);
    let mut kept = Kept::default();
    for mut draft in drafts {
        kept.take(s, &mut draft);
        flatten(s, draft, overrides, &mut config);
    }
    config.sinks = std::mem::take(&mut s.sinks);
    config.global = s.global.clone();
    full_connections(&mut config);
    let rules = rules::rulebook(s, &config, &kept);
    (config, rules)
}

/// Two frontends, or two backends, of one name.
fn names(s: &mut State, drafts: &[Draft]) {
    let mut seen: Map<(&str, bool), (&Draft, String)> = Map::new();
    for draft in drafts {
        let origin = draft.proxy.place.clone();
        for (side, front) in [(draft.proxy.is_frontend, true), (draft.proxy.is_backend, false)] {
            if !side {
                continue;
            }
            if let Some((first, place)) = seen.get(&(draft.proxy.name.as_str(), front)) {
                let message = format!("{} has the same name as {} declared at {place}", draft.title(), first.title());
                s.diags.error(draft.pos, message);
                break;
            }
            seen.insert((&draft.proxy.name, front), (draft, origin.clone()));
        }
    }
}

/// Gives numbers to those that have none: the next free one, counted on by each, whether it has one or not.
fn number(ids: &mut [(u32, Pos)], first: u32, mut clash: impl FnMut(usize)) {
    let mut used = Map::new();
    for (at, (id, _)) in ids.iter().enumerate() {
        if *id != 0 && used.insert(*id, ()).is_some() {
            clash(at);
        }
    }
    let mut next = first;
    for (id, _) in ids {
        if *id == 0 {
            while used.contains_key(&next) {
                next += 1;
            }
            used.insert(next, ());
            *id = next;
        }
        next += 1;
    }
}

fn proxy_ids(s: &mut State, drafts: &mut [Draft]) {
    let mut ids: Vec<(u32, Pos)> = drafts.iter().map(|d| (d.proxy.id, d.id_pos)).collect();
    let places: Vec<Pos> = ids.iter().map(|i| i.1).collect();
    number(&mut ids, FIRST_PROXY_ID, |at| {
        s.diags.error(places[at], format!("{} reuses the id of another proxy", drafts[at].title()));
    });
    for (draft, id) in drafts.iter_mut().zip(ids) {
        draft.proxy.id = id.0;
    }
}

/// Takes out what only HTTP can do, with a warning for each, as HAProxy does.
fn fit_mode(s: &mut State, draft: &mut Draft) {
    if draft.proxy.mode == Mode::Http {
        return;
    }
    let title = draft.title();
    let mut ignored = |what: &str, pos: Pos| {
        s.diags.warning(pos, format!("'{what}' is ignored in {title}: it needs 'mode http'"));
    };
    let proxy = &draft.proxy;
    if proxy.forward_for.is_some() {
        ignored("option forwardfor", draft.place("option forwardfor"));
    }
    if proxy.original_to.is_some() {
        ignored("option originalto", draft.place("option originalto"));
    }
    if proxy.monitor_uri.is_some() && proxy.is_frontend {
        ignored("monitor-uri", draft.place("monitor-uri"));
    }
    if proxy.stats.is_some() {
        ignored("stats", draft.pos);
    }
    let layer7 =
        matches!(proxy.balance.key, KeySource::Uri { .. } | KeySource::UrlParam { .. } | KeySource::Hdr { .. });
    if layer7 && proxy.is_backend {
        let message =
            format!("hashes of a request are not possible in {title}, which needs 'mode http': round robin is used");
        s.diags.warning(draft.place("balance"), message);
    }
    if matches!(proxy.log_shape, LogShape::Http | LogShape::Https | LogShape::Clf) && proxy.is_frontend {
        let name = if proxy.log_shape == LogShape::Https { "option httpslog" } else { "option httplog" };
        let message = format!("'{name}' is not usable in {title}, which needs 'mode http': 'option tcplog' is used");
        s.diags.warning(draft.place("option httplog"), message);
        draft.proxy.log_shape = LogShape::Tcp;
    }
    let proxy = &mut draft.proxy;
    (proxy.forward_for, proxy.original_to, proxy.monitor_uri, proxy.stats) = (None, None, None, None);
    proxy.close_mode = CloseMode::KeepAlive;
    if layer7 {
        (proxy.balance.algorithm, proxy.balance.key) = ("roundrobin", KeySource::None);
    }
}

fn check_kind(draft: &mut Draft) {
    let check = &mut draft.proxy.check;
    if check.kind == checks::HTTP {
        check.request = checks::request(&draft.http_check);
    } else {
        check.expect = None;
    }
}

/// `default_backend`, and the names in `use_backend` (those that are wrong are reported when the rules are compiled).
fn link(s: &mut State, drafts: &mut [Draft]) {
    for at in 0..drafts.len() {
        if !drafts[at].proxy.is_frontend {
            continue;
        }
        let rules = drafts[at].rules.iter().filter(|l| l.directive == "use_backend");
        let named = rules.filter_map(|l| {
            let name = &l.words.first()?.text;
            drafts.iter().position(|d| d.proxy.is_backend && d.proxy.name == *name)
        });
        drafts[at].proxy.use_backends = named.collect();
        let Some(word) = drafts[at].default_backend.clone() else { continue };
        match target(drafts, at, &word) {
            Ok(found) => drafts[at].proxy.default_backend = Some(found),
            Err(fault) => s.fault(fault),
        }
    }
}

fn target(drafts: &[Draft], from: usize, word: &Word) -> Result<usize, Fault> {
    let front = &drafts[from];
    let Some(found) = drafts.iter().position(|d| d.proxy.is_backend && d.proxy.name == word.text) else {
        let message = format!("{}: unable to find the required default_backend '{}'", front.title(), word.text);
        let fault = Fault::new(word.pos, message);
        let known = drafts.iter().filter(|d| d.proxy.is_backend).map(|d| d.proxy.name.as_str());
        return Err(match nearest(&word.text, known) {
            Some(near) => fault.hint(format!("did you mean '{near}'?")),
            None if drafts.iter().any(|d| d.proxy.name == word.text) => {
                fault.hint("a frontend of this name cannot be its target")
            }
            None => fault,
        });
    };
    if found == from {
        return Err(Fault::new(word.pos, format!("{}: 'default_backend' leads to itself", front.title())));
    }
    if front.proxy.mode == Mode::Http && drafts[found].proxy.mode != Mode::Http {
        let message = format!(
            "{} is in mode http and cannot lead to {} ({}), which is in mode tcp",
            front.title(),
            drafts[found].title(),
            drafts[found].proxy.place
        );
        return Err(Fault::new(word.pos, message).hint("give both the same mode"));
    }
    Ok(found)
}

/// Moves a draft into the configuration.
fn flatten(s: &State, mut draft: Draft, overrides: &Overrides, config: &mut Config) {
    let at = config.proxies.len();
    let mut proxy = std::mem::take(&mut draft.proxy);
    if let (0, Some(limit), true) = (proxy.maxconn, overrides.proxy_maxconn, proxy.is_frontend) {
        proxy.maxconn = limit;
    }
    if proxy.balance.algorithm.is_empty() {
        proxy.balance.algorithm = "roundrobin";
    }
    for entry in &draft.logs {
        match entry {
            LogEntry::Global => proxy.loggers.extend(s.global.loggers.iter().cloned()),
            LogEntry::Own(logger) => proxy.loggers.push(logger.clone()),
        }
    }
    (proxy.first_server, proxy.server_count) = (config.servers.len(), draft.servers.len());
    config.servers.extend(draft.servers.into_iter().map(|mut one| {
        one.server.proxy = at;
        one.server.check = one.check.then_some(one.settings);
        one.server
    }));
    config.listeners.extend(draft.binds.into_iter().map(|(mut listener, _)| {
        listener.audience = Audience::Frontend(at);
        let options = &mut listener.options;
        if options.backlog == 0 {
            options.backlog = proxy.backlog;
        }
        (options.rcvbuf, options.sndbuf) = (s.global.tune.rcvbuf_client, s.global.tune.sndbuf_client);
        listener
    }));
    config.proxies.push(proxy);
}

fn number_servers(s: &mut State, draft: &mut Draft) {
    let title = draft.title();
    let mut ids: Vec<(u32, Pos)> = draft.servers.iter().map(|d| (d.server.id, d.id_pos)).collect();
    number(&mut ids, 1, |at| {
        let one = &draft.servers[at];
        s.diags.error(one.id_pos, format!("{title}: another server has the id {}", one.server.id));
    });
    let mut seen: Map<&str, u32> = Map::new();
    for one in &draft.servers {
        if let Some(line) = seen.insert(&one.server.name, one.pos.line) {
            let message =
                format!("{title}: another server named '{}' was already defined in line {line}", one.server.name);
            s.diags.error(one.name_pos, message);
        }
    }
    for (one, id) in draft.servers.iter_mut().zip(ids) {
        one.server.id = id.0;
    }
}

fn number_sockets(s: &mut State, draft: &mut Draft) {
    let mut ids: Vec<(u32, Pos)> = draft.binds.iter().map(|(l, pos)| (l.id, *pos)).collect();
    let title = draft.title();
    number(&mut ids, 1, |at| s.diags.error(draft.binds[at].1, format!("{title}: another socket has the same id")));
    for ((listener, _), id) in draft.binds.iter_mut().zip(ids) {
        listener.id = id.0;
        if listener.name.is_empty() {
            listener.name = format!("sock-{}", id.0);
        }
    }
}

/// `fullconn` where it is not given: a tenth of what the frontends can bring, if they all have a limit; else it is known when the
/// limit of the process is (`ProxyState::fullconn`).
fn full_connections(config: &mut Config) {
    for at in 0..config.proxies.len() {
        if !config.proxies[at].is_backend || config.proxies[at].fullconn != 0 {
            continue;
        }
        if frontends_of(config, at).all(|p| p.maxconn > 0) {
            config.proxies[at].fullconn = tenth_of_frontends(config, at, 0);
        }
    }
}
