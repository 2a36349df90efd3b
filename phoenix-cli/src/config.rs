//! The configuration as a verb needs it: loaded, checked, decoded by the managers, and its findings shown.

use std::collections::BTreeSet;

use phoenix_config::{Files, Loaded, Sources};
use phoenix_core::{Desired, Diagnostic, Diagnostics, Registry, Severity, planner::Resolved};

use crate::{
    args::{Engine, HostChoice},
    context::Context,
    error::Error,
    plugins::{self, Listed},
};

/// A configuration without errors.
pub(crate) struct Config {
    /// What was loaded.
    pub(crate) loaded: Loaded,
    /// What is desired, decoded and in order.
    pub(crate) resolved: Resolved,
}

/// A configuration with all that was found in it, errors included.
pub(crate) struct Inspected {
    /// What was loaded.
    pub(crate) loaded: Loaded,
    /// What is desired, if it could be decoded.
    pub(crate) resolved: Option<Resolved>,
    /// Everything that was found, each at its place.
    pub(crate) findings: Diagnostics,
}

/// The files of the configuration, and the registry with the features of the plugins that they list.
pub(crate) struct Assembly {
    /// The files.
    pub(crate) files: Files,
    /// All managers and features.
    pub(crate) registry: Registry,
    /// The plugins.
    pub(crate) plugins: Vec<Listed>,
    /// What was found about the plugins.
    pub(crate) findings: Diagnostics,
}

/// Reads the files of the configuration and registers the features of the plugins that they list.
pub(crate) fn assemble(context: &Context) -> Assembly {
    let files = Files::read(&context.global.config_dir);
    let (mut registry, mut findings) = (context.registry(), Diagnostics::new());
    let plugins = plugins::register(&files.plugins(), &mut registry, &mut findings);
    Assembly { files, registry, plugins, findings }
}

/// Loads the configuration and shows what was found in it. Errors end here.
pub(crate) fn load(context: &Context) -> Result<Config, Error> {
    load_with(context, |_| ())
}

/// As [`load`], with what the command line adds to what is desired.
pub(crate) fn load_with(context: &Context, add: impl FnOnce(&mut Desired)) -> Result<Config, Error> {
    let Inspected { loaded, resolved, findings } = inspect_with(context, add);
    // What is merely worth knowing is told by `validate`, not on every run: but that a file is not there may be why what
    // it would declare is missed.
    let is_missed = findings.iter().any(|finding| finding.code.starts_with("dangling-"));
    let is_told = |finding: &Diagnostic| {
        finding.severity != Severity::Note || (is_missed && &*finding.code == "missing-file")
    };
    let findings: Diagnostics = findings.into_iter().filter(is_told).collect();
    match resolved.filter(|_| !findings.has_errors()) {
        Some(resolved) => {
            context.ui.findings(&findings, &loaded.sources);
            Ok(Config { loaded, resolved })
        }
        None => Err(Error::findings(findings, &loaded.sources)),
    }
}

/// Loads the configuration and decodes it with the managers, so that all findings come in one run.
pub(crate) fn inspect(context: &Context) -> Inspected {
    inspect_with(context, |_| ())
}

fn inspect_with(context: &Context, add: impl FnOnce(&mut Desired)) -> Inspected {
    let Assembly { files, registry, findings: mut faults, .. } = assemble(context);
    let features: BTreeSet<String> =
        registry.features().map(|feature| feature.descriptor().name.clone()).collect();
    let mut loaded = files.load(&features);
    let mut findings = std::mem::take(&mut loaded.findings);
    if let Err(fault) = add_artifacts(context, &mut loaded.desired) {
        findings.push(fault);
    }
    if let Err(fault) = crate::program::name_it(&mut loaded.desired) {
        findings.push(fault);
    }
    add(&mut loaded.desired);
    let woven = phoenix_net::weave(&registry, &mut loaded.desired);
    findings.extend(news(woven, &findings, &loaded.sources));
    if faults.has_errors() {
        // It may be the plugin's.
        findings.0.retain(|finding| &*finding.code != "unknown-feature");
        faults = news(faults, &findings, &loaded.sources);
        findings.0.splice(..0, faults);
    }
    let resolved = match Resolved::new(&registry, &loaded.desired) {
        Ok(resolved) => Some(resolved),
        Err(found) => {
            findings.extend(news(found, &findings, &loaded.sources));
            None
        }
    };
    Inspected { loaded, resolved, findings }
}

/// Adds the artifacts of this machine, where the embedded node's containers could fetch no others.
fn add_artifacts(context: &Context, desired: &mut Desired) -> Result<(), Diagnostic> {
    let global = &context.global;
    let is_embedded = matches!(global.host, None | Some(HostChoice::Embedded));
    let is_closed = is_embedded && global.node_engine == Engine::Lxc && !global.node_uplink;
    if is_closed && global.artifact_index.exists() {
        desired.artifacts.offered.extend(phoenix_config::read_artifacts(&global.artifact_index)?);
    }
    Ok(())
}

/// Returns those findings of the managers that say something new. A guest that could not be read is missing to those
/// that require it, and what the loader has said at a place it has said better.
fn news(mut found: Diagnostics, known: &Diagnostics, sources: &Sources) -> Diagnostics {
    sources.locate(&mut found);
    // What follows from a value has a path of its own below it, where the file has nothing.
    let place = |finding: &Diagnostic| {
        let place = finding.place.as_ref()?;
        Some((place.file.clone(), place.line, place.column))
    };
    let is_follow_up = |finding: &Diagnostic| match &*finding.code {
        "unknown-requirement" | "cycle" => known.has_errors(),
        _ => known.iter().any(|other| {
            other.severity == Severity::Error && place(other).is_some() && place(other) == place(finding)
        }),
    };
    found.into_iter().filter(|finding| !is_follow_up(finding)).collect()
}
