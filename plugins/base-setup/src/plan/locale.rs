//! Locale and time zone.

use phoenix_core::{Action, Condition, Content, Expect};

use super::{Draft, File, block};
use crate::{
    config::{Config, Locale, Timezone},
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
        // A block, not the commented line that Debian ships: so a guest that is there and one that is only planned end
        // up with the same file.
        let content = block([locale.line()]);
        let file = File { path: LOCALE_GEN, content, mode: 0o644, owner: "root" };
        let install = draft.install.clone();
        let listed = draft.write("write-locale-gen", file, [install.clone()]);
        generated = generate(draft, locale, [install, listed]);
    }
    // The last assignment is the one that counts.
    let content = block([format!("LANG={locale}")]);
    let file = File { path: DEFAULT_LOCALE, content, mode: 0o644, owner: "root" };
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
    let file =
        File { path: TIMEZONE, content: Content::Text(format!("{timezone}\n")), mode: 0o644, owner: "root" };
    draft.write("write-timezone", file, [install]);
}
