//! The family `stats` of proxies: the statistics page.

use super::row::{LENIENT, OWN, PROXY, Parse, Row};
use super::rules;
use super::state::{Draft, State};
use super::values::time_s;
use crate::model::StatsPage;
use crate::util::words::{Args, Fault};

const NO_STATS: &str = "this program is built without the statistics (feature 'stats')";

const fn p(name: &'static str, args: &'static str, since: &'static str, doc: &'static str, parse: Parse) -> Row {
    Row::built("stats", PROXY | LENIENT, name, args, since, doc, parse).only_with(cfg!(feature = "stats"), NO_STATS)
}

const REALM: &str = "HAProxy Statistics";

/// Sorted by name.
pub static TABLE: &[Row] = &[
    Row {
        sections: OWN,
        ..p(
            "stats admin",
            "{ if | unless } <condition>",
            "1.4",
            "Recognised, and refused until it is built.",
            |_, _| Ok(()),
        )
        .not_built("the page only shows; nothing can be changed at run time yet")
    },
    p("stats auth", "<user>:<password>", "1.1", "Only this user sees the page; may be given several times.", |s, a| {
        let text = a.need("a user and a password, joined by ':'")?.text.clone();
        if !text.contains(':') {
            s.diags.warning(a.last_pos(), "'stats auth' without ':' has an empty password");
        }
        let text = if text.contains(':') { text } else { format!("{text}:") };
        Ok(page(s).auth.push(text))
    }),
    p("stats enable", "", "1.1", "Shows the statistics page in this proxy.", |s, _| {
        page(s);
        Ok(())
    }),
    p("stats hide-version", "", "1.1", "The page does not tell the version.", |s, _| Ok(page(s).hide_version = true)),
    Row {
        sections: OWN,
        ..p(
            "stats http-request",
            "{ allow | deny | auth [realm <text>] } [{ if | unless } <condition>]",
            "1.5",
            "Who sees the page: the first rule whose condition is met decides.",
            |s, a| {
                page(s);
                rules::keep(s, a, "stats http-request")
            },
        )
    },
    p("stats realm", "<text>", "1.1", "What the browser shows when it asks for a password.", |s, a| {
        let text = a.need("a text (with its spaces escaped)")?.text.clone();
        Ok(page(s).realm = text)
    })
    .or(REALM),
    p("stats refresh", "<time>", "1.1", "The page reloads itself after this time.", |s, a| {
        let seconds = time_s(a)?;
        Ok(page(s).refresh_s = seconds)
    })
    .unit("s"),
    p(
        "stats scope",
        "<name>",
        "1.1",
        "The page shows only this proxy ('.' = the one that serves it); may be given several times.",
        |s, a| {
            let name = a.need("the name of a proxy, or '.'")?.text.clone();
            Ok(page(s).scopes.push(name))
        },
    ),
    p(
        "stats show-desc",
        "[<text>]",
        "1.4",
        "The page shows this description, or that of the section global.",
        |s, a| {
            let words: Vec<&str> = a.rest().iter().map(|w| w.text.as_str()).collect();
            let text = match words.is_empty() {
                true => s.global.description.clone(),
                false => Some(words.join(" ")),
            };
            Ok(page(s).show_desc = text)
        },
    ),
    p("stats show-legends", "", "1.4", "The page shows addresses, settings and the like.", |s, _| {
        Ok(page(s).show_legends = true)
    }),
    p("stats show-modules", "", "2.5", "Statistics of modules, of which there are none.", |s, _| {
        page(s);
        Ok(())
    }),
    p("stats show-node", "[<name>]", "1.4", "The page shows this name, or that of the section global.", |s, a| {
        let name = a.next().map(|w| w.text.clone()).or_else(|| s.global.node.clone()).unwrap_or_default();
        Ok(page(s).show_node = Some(name))
    }),
    p("stats uri", "<path>", "1.1", "The path under which the page is.", |s, a| {
        let text = a.need("a path")?.text.clone();
        Ok(page(s).uri = text)
    })
    .or("/haproxy?stats"),
];

/// The page of the current proxy. The first line of a proxy forgets what its `defaults` said.
fn page(s: &mut State) -> &mut StatsPage {
    let draft = s.draft();
    if std::mem::take(&mut draft.stats_inherited) {
        draft.proxy.stats = None;
    }
    draft.proxy.stats.get_or_insert_with(|| StatsPage {
        uri: "/haproxy?stats".into(),
        realm: REALM.into(),
        ..StatsPage::default()
    })
}

/// Rules and `stats auth` both say who sees the page: with both, one of them would not be heard.
pub fn check(s: &mut State, draft: &Draft) {
    let Some(page) = &draft.proxy.stats else { return };
    let Some(rule) = draft.rules.iter().find(|l| l.directive == "stats http-request") else { return };
    if !page.auth.is_empty() || page.realm != REALM {
        let message = "'stats http-request' cannot stand beside 'stats auth' or 'stats realm'";
        s.fault(Fault::new(rule.pos, message).hint("a userlist, and rules with http_auth, say the same"));
    }
}

/// HAProxy does not look at further words of `stats` lines.
pub fn extra(s: &mut State, a: &mut Args) -> Result<(), Fault> {
    if let Some(word) = a.rest().first() {
        s.diags.warning(word.pos, format!("'{}' ignores the argument '{}'", a.name, word.text));
    }
    Ok(())
}
