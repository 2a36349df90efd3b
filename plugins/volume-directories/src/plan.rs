//! The feature itself: each directory with its owner by number, for the host knows no name for a guest's user.

use phoenix_core::{
    Condition, Descriptor, Draft, Expect, Feature, Probe, Recipe, draft::Command, feature::SiteKind,
};
use schemars::schema_for;

use crate::config::{Config, Directory};

const NAME: &str = "volume-directories";

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "has directories for guests, each with one owner";
    let descriptor = Descriptor::new(NAME, about, schema_for!(Config)).at([SiteKind::Host]);
    Box::new(Recipe::new(descriptor, draft).checked_by(Config::problems))
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    for directory in &config.directories {
        make(draft, directory);
    }
}

/// Makes the directory, or gives it its owner and mode. What is in it is left alone.
fn make(draft: &mut Draft<'_>, directory: &Directory) {
    let Directory { path, uid, gid, .. } = directory;
    if directory.once && draft.file(path).is_some_and(|found| found.directory) {
        return;
    }
    let Some(bits) = directory.bits() else { return };
    let look = Probe::command(draft.site(), ["stat", "-c", "%u:%g %a %F", path]);
    let wanted = format!("{uid}:{gid} {bits:o} directory");
    let reason = match draft.output(["stat", "-c", "%u:%g %a %F", path]) {
        None => format!("`{path}` is missing"),
        Some(found) => format!("`{path}` is `{}` instead of `{wanted}`", found.trim()),
    };
    let proof = Condition::new(look, Expect::SaysLine { line: wanted });
    let (mode, uid, gid) = (format!("{bits:04o}"), uid.to_string(), gid.to_string());
    let argv = ["install", "-d", "-m", &mode, "-o", &uid, "-g", &gid, "--", path];
    let verb = format!("make{}", path.replace('/', "-"));
    draft.run(&verb, Command::new(argv, proof, reason), []);
}
