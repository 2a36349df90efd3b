//! The feature itself: a file for each profile, looked at before it takes its place, and loaded where the kernel has AppArmor.

use phoenix_core::{
    Condition, Descriptor, Diagnostic, Draft, Expect, Feature, Probe, Recipe,
    draft::{Command, File},
    feature::SiteKind,
};
use schemars::schema_for;

use crate::config::Config;

const NAME: &str = "apparmor-profiles";
const HEAD: &str = "# Written by Phoenix (feature apparmor-profiles). Changes are overwritten.\n";
const FOLDER: &str = "/etc/apparmor.d";
/// Says whether the kernel confines anybody.
const ENABLED: &str = "/sys/module/apparmor/parameters/enabled";
const PROGRAMS: &str = "/etc/phoenix/apparmor";
/// Loads a profile, and asks whether the one that is loaded is that of its file.
const LOAD: &str = "/etc/phoenix/apparmor/phoenix-apparmor-load";

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "loads the AppArmor profiles that containers name";
    let descriptor = Descriptor::new(NAME, about, schema_for!(Config));
    let descriptor = descriptor.after(["host-base", "base-setup"]).at([SiteKind::Host]);
    Box::new(Recipe::new(descriptor, draft).checked_by(Config::problems).leaving(leftovers))
}

fn path_of(name: &str) -> String {
    format!("{FOLDER}/phoenix.{name}")
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    if config.profiles.is_empty() {
        return;
    }
    let is_on =
        draft.file(ENABLED).and_then(|found| found.text.as_deref()).is_some_and(|text| text.starts_with('Y'));
    if !is_on {
        let message = "the kernel of this host has no AppArmor: its profiles are written and confine nobody";
        let hint = "boot it with `apparmor=1 security=apparmor` if they shall";
        draft.find(Diagnostic::note("no-apparmor", message).with_hint(hint));
        for (name, text) in &config.profiles {
            draft.write(&format!("write-{name}"), File::text(&path_of(name), format!("{HEAD}{text}")), []);
        }
        return;
    }
    let packages = draft.packages(["apparmor"], []);
    let folder = draft.directory("make-folder", PROGRAMS, (0o755, "root"), []);
    let loads =
        draft.write("write-load", File::text(LOAD, include_str!("load.sh")).with_mode(0o755), [folder]);
    for (name, text) in &config.profiles {
        let path = path_of(name);
        let file = File::text(&path, format!("{HEAD}{text}"));
        // Read as a whole, and neither given to the kernel nor kept for it.
        let file = file.checked_by(["apparmor_parser", "--skip-kernel-load", "--skip-cache", "{}"]);
        let written = draft.write(&format!("write-{name}"), file, [packages.clone()]);
        let is_loaded = draft.succeeds([LOAD, "ask", name, &path]);
        let load = Command::new(
            [LOAD, "load", name, &path],
            is_loaded,
            format!("the kernel does not have `{name}` as its file says"),
        );
        draft.run(&format!("load-{name}"), load.again(), [written, loads.clone(), packages.clone()]);
    }
}

/// Tells of files of ours that are declared no more.
fn leftovers(draft: &mut Draft<'_>, config: &Config) {
    let listed = draft.output(["ls", FOLDER]).unwrap_or_default();
    let names = listed.lines().filter_map(|name| name.strip_prefix("phoenix."));
    for name in names.filter(|name| !config.profiles.contains_key(*name)) {
        let path = path_of(name);
        if !draft
            .file(&path)
            .and_then(|found| found.text.as_deref())
            .is_some_and(|text| text.starts_with(HEAD))
        {
            continue;
        }
        let gone = Condition::new(Probe::file(draft.site(), path.as_str()), Expect::Absent);
        let message = format!("the AppArmor profile `{name}` is declared no more");
        let remove = Command::new(["rm", "-f", "--", path.as_str()], gone, message.clone());
        let note =
            Diagnostic::note("undeclared-profile", message).with_hint("the kernel has it until it boots");
        draft.leave(note, &format!("remove-{name}"), remove);
    }
}
