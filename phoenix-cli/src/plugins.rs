//! The plugins that the configuration lists: checked, and their features registered. None of them is opened here.

use std::{collections::BTreeMap, sync::Arc};

use phoenix_config::PluginUse;
use phoenix_core::{Diagnostic, Diagnostics, Registry};
use phoenix_plugin::host::{Launcher, Library, Mode, Options, Plugin, PluginError};

/// The words behind which this program serves a plugin.
const SERVE: [&str; 2] = ["plugin", "serve"];

/// A plugin that the configuration lists.
pub(crate) struct Listed {
    /// Its entry.
    pub(crate) entry: PluginUse,
    /// It, if it can be used.
    pub(crate) plugin: Result<Arc<Plugin>, PluginError>,
}

/// Checks plugins and adds their features to the registry.
pub(crate) fn register(
    entries: &[PluginUse],
    registry: &mut Registry,
    findings: &mut Diagnostics,
) -> Vec<Listed> {
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    let mut listed = Vec::with_capacity(entries.len());
    for entry in entries {
        let plugin = Library::read(&entry.path, Some(&entry.sha256)).map(|library| {
            let mode = if entry.in_process { Mode::InProcess } else { Mode::Child(launcher()) };
            Plugin::new(library, Options { mode, timeout: entry.timeout, allowed: entry.grant.clone() })
        });
        match &plugin {
            Ok(plugin) => add(plugin, entry, registry, &mut owners, findings),
            Err(error) => {
                let key = if matches!(error, PluginError::Hash { .. }) { "sha256" } else { "path" };
                findings.push(entry.put(error.finding(), key));
            }
        }
        listed.push(Listed { entry: entry.clone(), plugin });
    }
    listed
}

/// Returns how this program starts the process of a plugin: as itself, even if its file has been replaced.
pub(crate) fn launcher() -> Launcher {
    Launcher::new("/proc/self/exe", &SERVE)
}

fn add(
    plugin: &Arc<Plugin>,
    entry: &PluginUse,
    registry: &mut Registry,
    owners: &mut BTreeMap<String, String>,
    findings: &mut Diagnostics,
) {
    let own = &plugin.library().manifest.name;
    for feature in plugin.features() {
        let name = feature.descriptor().name.clone();
        if registry.try_add_feature(feature).is_ok() {
            owners.insert(name, own.clone());
            continue;
        }
        let other =
            owners.get(&name).map_or_else(|| "Phoenix".to_owned(), |owner| format!("the plugin `{owner}`"));
        let text = format!("the plugin `{own}` has a feature `{name}`, and so has {other}");
        let finding = Diagnostic::error("plugin-clash", text).with_hint(
            "two features cannot have one name: take the plugin out, or get a build of it with another name",
        );
        findings.push(entry.put(finding, "path"));
    }
}
