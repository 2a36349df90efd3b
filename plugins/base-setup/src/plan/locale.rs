//! Locale and time zone.

use phoenix_core::{
    Condition, Draft, Expect, Probe, StepId,
    draft::{Command, File},
};

use super::block;
use crate::config::{Config, Locale, Timezone};

const LOCALE_GEN: &str = "/etc/locale.gen";
const DEFAULT_LOCALE: &str = "/etc/default/locale";
const LOCALTIME: &str = "/etc/localtime";
const TIMEZONE: &str = "/etc/timezone";
const ZONES: &str = "/usr/share/zoneinfo";

pub(super) fn draft(draft: &mut Draft<'_>, config: &Config, installed: Option<&StepId>) {
    locale(draft, &config.locale, installed);
    if let Some(timezone) = &config.timezone {
        zone(draft, timezone, installed);
    }
}

fn locale(draft: &mut Draft<'_>, locale: &Locale, installed: Option<&StepId>) {
    let mut generated = None;
    if locale.is_generated() {
        // A block, not the commented line that Debian ships: so a guest that is there and one that is only planned end
        // up with the same file.
        let file = File::text(LOCALE_GEN, "").holding(block([locale.line()]));
        let listed = draft.write("write-locale-gen", file, [installed.cloned()]);
        let known = Probe::command(draft.site(), ["locale", "-a"]);
        let proof = Condition::new(known, Expect::SaysLine { line: locale.normal_form() });
        let generate = Command::new(["locale-gen"], proof, format!("the locale `{locale}` is not generated"));
        generated = draft.run("generate-locale", generate, [installed.cloned(), listed]);
    }
    // The last assignment is the one that counts.
    let file = File::text(DEFAULT_LOCALE, "").holding(block([format!("LANG={locale}")]));
    draft.write("write-default-locale", file, [installed.cloned(), generated]);
}

fn zone(draft: &mut Draft<'_>, timezone: &Timezone, installed: Option<&StepId>) {
    draft.link("link-localtime", LOCALTIME, &format!("{ZONES}/{timezone}"), [installed.cloned()]);
    let file = File::text(TIMEZONE, format!("{timezone}\n"));
    draft.write("write-timezone", file, [installed.cloned()]);
}
