//! Locale and time zone.

use phoenix_core::{Action, Condition, Expect};

use super::{Draft, File};
use crate::{
    config::{Config, Locale, Timezone},
    lines::with_line,
    probes::{self, DEFAULT_LOCALE, LOCALE_GEN, LOCALTIME, TIMEZONE},
};

const ZONES: &str = "/usr/share/zoneinfo";

pub(super) fn plan(draft: &mut Draft<'_>, config: &Config) {
    locale(draft, &config.locale);
    if let Some(timezone) = &config.timezone {
        zone(draft, timezone);
    }
}

fn locale(draft: &mut Draft<'_>, locale: &Locale) {
    let mut generated = None;
    if locale.is_generated() {
        let line = locale.line();
        // Debian ships every locale as a comment, so the line is taken out of its comment where it stands.
        let text = with_line(old(draft, LOCALE_GEN), &line, |old| {
            let words: Vec<&str> = old.trim_start_matches('#').split_whitespace().collect();
            words.join(" ") == line
        });
        let file = File { path: LOCALE_GEN, text, mode: 0o644, owner: "root" };
        let install = draft.install.clone();
        let listed = draft.write("write-locale-gen", file, [install.clone()]);
        generated = generate(draft, locale, [install, listed]);
    }
    let text = with_line(old(draft, DEFAULT_LOCALE), &format!("LANG={locale}"), |old| {
        old.trim().starts_with("LANG=")
    });
    let file = File { path: DEFAULT_LOCALE, text, mode: 0o644, owner: "root" };
    let install = draft.install.clone();
    draft.write("write-default-locale", file, [install, generated]);
}

fn generate(
    draft: &mut Draft<'_>,
    locale: &Locale,
    after: [Option<phoenix_core::StepId>; 2],
) -> Option<phoenix_core::StepId> {
    let probe = probes::locales(draft.site);
    let proof = Condition::new(probe, Expect::SaysLine { line: locale.normal_form() });
    if draft.facts.get(&proof.probe).is_some_and(|said| proof.holds(said)) {
        return None;
    }
    let action =
        Action::Run { site: draft.site.clone(), argv: vec!["locale-gen".to_owned()], stdin: None, proof };
    Some(draft.add("generate-locale", action, format!("the locale `{locale}` is not generated"), after))
}

fn zone(draft: &mut Draft<'_>, timezone: &Timezone) {
    let target = format!("{ZONES}/{timezone}");
    let found = probes::state(draft.site, LOCALTIME, draft.facts).and_then(|state| state.link.as_deref());
    let install = draft.install.clone();
    // systemd makes the link relative; both say the same.
    if found.is_none_or(|link| link.trim_start_matches("..") != target) {
        let reason = match found {
            Some(link) => format!("`{LOCALTIME}` points to `{link}` instead of `{target}`"),
            None => format!("`{LOCALTIME}` is no link to `{target}`"),
        };
        let action = Action::Symlink { site: draft.site.clone(), path: LOCALTIME.to_owned(), target };
        draft.add("link-localtime", action, reason, [install.clone()]);
    }
    let file = File { path: TIMEZONE, text: format!("{timezone}\n"), mode: 0o644, owner: "root" };
    draft.write("write-timezone", file, [install]);
}

/// Returns what a file holds; nothing if it is not there or is no text.
fn old<'a>(draft: &Draft<'a>, path: &str) -> &'a str {
    probes::state(draft.site, path, draft.facts).and_then(|state| state.text.as_deref()).unwrap_or("")
}
