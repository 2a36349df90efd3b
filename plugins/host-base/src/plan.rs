//! The feature itself: sources of packages first, for the rest may need what they have; then the name and the clock.

use phoenix_core::{
    Condition, Descriptor, Diagnostic, Draft, Expect, Feature, Probe, Recipe, StepId,
    draft::{Command, File},
    feature::SiteKind,
};
use schemars::schema_for;

use crate::{
    config::{Config, Repository, Source},
    known::{self, Known},
    name,
    sources::Text,
    time,
};

const NAME: &str = "host-base";
/// The first line of a file that is ours.
const HEAD: &str = "# Written by Phoenix (feature host-base). Changes are overwritten.\n";
const FOLDER: &str = "/etc/apt/sources.list.d";
const RELEASE: &str = "/etc/os-release";

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "sets where the host's packages come from, what it is called and whom it has the time from";
    let descriptor = Descriptor::new(NAME, about, schema_for!(Config)).at([SiteKind::Host]);
    let recipe = Recipe::new(descriptor, draft).checked_by(Config::problems);
    Box::new(recipe.installing(Config::keyrings).leaving(leftovers))
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    let ready = repositories(draft, config);
    name::draft(draft, config);
    time::draft(draft, config, ready);
}

/// A file of sources that is there.
struct Found {
    path: String,
    text: String,
    mode: u32,
}

/// Returns the files of sources that are there.
fn found(draft: &Draft<'_>) -> Vec<Found> {
    let listed = draft.output(["ls", FOLDER]).unwrap_or_default();
    let names = listed.lines().filter(|name| name.ends_with(".sources") || name.ends_with(".list"));
    let paths = names.map(|name| format!("{FOLDER}/{name}")).chain(["/etc/apt/sources.list".to_owned()]);
    let read = |path: String| {
        let found = draft.file(&path)?;
        Some(Found { text: found.text.clone()?, mode: found.mode & 0o7777, path })
    };
    paths.filter_map(read).collect()
}

fn path_of(name: &str) -> String {
    format!("{FOLDER}/{name}.sources")
}

fn name_of(repository: &Repository) -> &str {
    match repository {
        Repository::Known(name) => name,
        Repository::Other(source) => &source.name,
    }
}

/// Has the sources be what is declared; returns the steps after which packages can be had.
fn repositories(draft: &mut Draft<'_>, config: &Config) -> Vec<Option<StepId>> {
    if config.repositories.is_empty() {
        return Vec::new();
    }
    let Some(codename) = codename(draft) else {
        let problem = format!("`{RELEASE}` does not say which release of Debian this is");
        draft.refuse("/repositories", problem, "sources of packages are for Debian and Proxmox VE");
        return Vec::new();
    };
    let there = found(draft);
    let mut steps = Vec::new();
    // Files whose content is somebody's wish: they are not switched off.
    let mut wanted: Vec<String> = config.repositories.iter().map(|one| path_of(name_of(one))).collect();
    for repository in &config.repositories {
        let (path, verb) = (path_of(name_of(repository)), format!("write-source-{}", name_of(repository)));
        let (text, key) = match repository {
            Repository::Other(source) => {
                let key =
                    source.keyring().and_then(|key| draft.artifact(&key, &source.keyring_path(), 0o644, []));
                (other(source, &codename), key)
            }
            Repository::Known(name) => {
                let Some(known) = known::find(name) else { continue };
                let uri = known.uri.split("//").nth(1).unwrap_or(known.uri);
                let says = |one: &&Found| Text::new(&one.path, &one.text).offers(uri, known.component);
                if let Some(by) = there.iter().filter(|one| one.path != path).find(says) {
                    // Twice would be a complaint of apt's at every turn.
                    wanted.push(by.path.clone());
                    continue;
                }
                let keyring = known::keyring(&codename);
                if draft.file(&keyring).is_none() {
                    let message = format!("`{keyring}`, with which `{name}` is checked, is not on this host");
                    let hint = "it comes with Proxmox VE: is this such a host?";
                    draft.find(Diagnostic::warning("no-keyring", message).with_hint(hint));
                }
                (of_proxmox(known, &codename, &keyring), None)
            }
        };
        steps.push(draft.write(&verb, File::text(&path, text), [key]));
    }
    for one in there.iter().filter(|one| !wanted.contains(&one.path)) {
        let Some(text) = Text::new(&one.path, &one.text).without(known::ENTERPRISE) else { continue };
        let file = one.path.rsplit('/').next().unwrap_or(&one.path);
        let reason = format!(
            "`{file}` fetches from `{}`, which is for subscribers, and nobody declares it",
            known::ENTERPRISE
        );
        let verb = format!("switch-off-{}", file.replace('.', "-"));
        let file = File::text(&one.path, text).with_mode(one.mode);
        steps.push(draft.write_when(&verb, file, Some(reason), []));
    }
    steps
}

/// Tells of files of ours that are declared no more.
fn leftovers(draft: &mut Draft<'_>, config: &Config) {
    let wanted: Vec<String> = config.repositories.iter().map(|one| path_of(name_of(one))).collect();
    for one in found(draft) {
        if !one.text.starts_with(HEAD) || wanted.contains(&one.path) {
            continue;
        }
        let name = one.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".sources").to_owned();
        let gone = Condition::new(Probe::file(draft.site(), one.path.as_str()), Expect::Absent);
        let message = format!("the source of packages `{name}` is declared no more");
        let remove = Command::new(["rm", "-f", "--", one.path.as_str()], gone, message.clone());
        let note = Diagnostic::note("undeclared-source", message);
        draft.leave(note, &format!("remove-source-{name}"), remove);
    }
}

fn codename(draft: &Draft<'_>) -> Option<String> {
    let text = draft.file(RELEASE)?.text.as_deref()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="))?;
    Some(line.trim().trim_matches('"').to_owned())
}

fn of_proxmox(known: Known, codename: &str, keyring: &str) -> String {
    let Known { uri, component, .. } = known;
    format!(
        "{HEAD}Types: deb\nURIs: {uri}\nSuites: {codename}\nComponents: {component}\nSigned-By: {keyring}\n"
    )
}

fn other(source: &Source, codename: &str) -> String {
    let suites = if source.suites.is_empty() { codename.to_owned() } else { source.suites.join(" ") };
    let mut text = format!("{HEAD}Types: deb\nURIs: {}\nSuites: {suites}\n", source.uris.join(" "));
    if !source.components.is_empty() {
        text.push_str(&format!("Components: {}\n", source.components.join(" ")));
    }
    match &source.signed_by {
        None => text.push_str(&format!("Signed-By: {}\n", source.keyring_path())),
        Some(path) if path.starts_with('/') => text.push_str(&format!("Signed-By: {path}\n")),
        // An empty line of the key is a dot, or it would end the stanza.
        Some(key) => {
            text.push_str("Signed-By:\n");
            for line in key.trim().lines().map(str::trim_end) {
                text.push_str(&format!(" {}\n", if line.is_empty() { "." } else { line }));
            }
        }
    }
    text
}
