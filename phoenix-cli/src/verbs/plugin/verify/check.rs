//! The checks of one process: schemas, examples, and configurations made from the schemas.

use std::{sync::Arc, time::Duration};

use phoenix_core::{Diagnostics, Feature, GuestId, Site, feature::SiteKind};
use phoenix_plugin::{
    FeatureManifest, Manifest,
    host::{Launcher, Library, Mode, Options, Plugin},
    trial::Trial,
};
use serde_json::{Value, json};

use super::{Checked, sample::Sampler};
use crate::{plugins, ui::number};

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How many rounds a guest may take until nothing is left to do.
const ROUNDS: usize = 5;
/// How many faults are told.
const TOLD: usize = 5;
/// How much of a configuration is shown.
const SHOWN: usize = 200;
/// Findings that say that the plugin failed, rather than that it refused.
const FAILURES: [&str; 6] =
    ["plugin-answer", "plugin-contract", "plugin-died", "plugin-finding", "plugin-panic", "plugin-slow"];

/// Returns the plugin in a process of its own, granted what it declares.
pub(super) fn start(library: &Library, launcher: Launcher) -> Arc<Plugin> {
    let allowed = library.manifest.capabilities.clone();
    Plugin::new(library.clone(), Options { mode: Mode::Child(launcher), timeout: TIMEOUT, allowed })
}

/// Goes through the features with their examples, at each site that they know; without an example, `{}` is one.
pub(super) fn cases(manifest: &Manifest) -> Vec<(&FeatureManifest, Site, Value)> {
    let mut cases = Vec::new();
    for feature in &manifest.features {
        for kind in &feature.sites {
            let site = match kind {
                SiteKind::Lxc => Site::Guest(GuestId::lxc(101)),
                SiteKind::Vm => Site::Guest(GuestId::vm(101)),
                SiteKind::Host => Site::Host("pve1".into()),
            };
            let examples = match feature.examples.is_empty() {
                true => vec![json!({})],
                false => feature.examples.clone(),
            };
            cases.extend(examples.into_iter().map(|example| (feature, site.clone(), example)));
        }
    }
    cases
}

/// Each schema is one, and the examples fit it.
pub(super) fn schemas(manifest: &Manifest) -> Checked {
    let mut faults = Vec::new();
    let mut examples = 0;
    for feature in &manifest.features {
        let name = &feature.name;
        if let Err(error) = jsonschema::meta::validate(&feature.config_schema) {
            faults.push(format!("the schema of `{name}` is none: {error} at `{}`", error.instance_path()));
            continue;
        }
        let validator = match jsonschema::validator_for(&feature.config_schema) {
            Ok(validator) => validator,
            Err(error) => {
                faults.push(format!("the schema of `{name}` cannot be used: {error}"));
                continue;
            }
        };
        if feature.examples.is_empty() {
            faults.push(format!("`{name}` has no example: add `examples` to the manifest"));
        }
        examples += feature.examples.len();
        for example in &feature.examples {
            if let Err(error) = validator.validate(example) {
                faults.push(format!(
                    "an example of `{name}` does not fit its schema: {error}: {}",
                    shown(example)
                ));
            }
        }
    }
    let schemas = number(manifest.features.len(), "schema");
    Checked::new("schema", format!("{schemas}, {}", number(examples, "example")), faults)
}

/// Each example is answered, and nothing beyond what is declared.
pub(super) fn answers(library: &Library) -> Checked {
    let mut faults = Vec::new();
    let cases = cases(&library.manifest);
    for (feature, site, example) in &cases {
        let plugin = start(library, plugins::launcher());
        let asked = own(&plugin, &feature.name).map_or_else(
            || Err(Diagnostics::new()),
            |feature| feature.claims(example).and_then(|_| Trial::at(site.clone()).plan(&*feature, example)),
        );
        match asked {
            Ok(steps) if steps.is_empty() => faults.push(format!(
                "`{}` plans nothing for a guest with nothing in it: {}",
                feature.name,
                shown(example)
            )),
            Ok(_) => {}
            Err(findings) => faults.push(format!("{}: {}", told(&findings), shown(example))),
        }
    }
    faults.truncate(TOLD);
    Checked::new("answers", format!("{}: claims, probes and a plan", number(cases.len(), "case")), faults)
}

/// After its own steps each example has nothing left to do.
pub(super) fn settles(library: &Library) -> Checked {
    let mut faults = Vec::new();
    let plugin = start(library, plugins::launcher());
    let cases = cases(&library.manifest);
    for (feature, site, example) in &cases {
        let Some(own) = own(&plugin, &feature.name) else { continue };
        let mut trial = Trial::at(site.clone());
        let mut left = None;
        for _ in 0..ROUNDS {
            match trial.converge(&*own, example) {
                Ok(steps) => left = steps.first().map(|step| format!("`{}`: {}", step.id, step.reason)),
                Err(findings) => left = Some(told(&findings)),
            }
            if left.is_none() {
                break;
            }
        }
        if let Some(left) = left {
            faults.push(format!("after {ROUNDS} rounds there still is {left}: {}", shown(example)));
        }
    }
    faults.truncate(TOLD);
    let what = format!("{}: after its own steps nothing is left to do", number(cases.len(), "case"));
    Checked::new("settles", what, faults)
}

/// Whatever the configuration is, the answer is a plan or a finding.
pub(super) fn samples(library: &Library, count: u32) -> Checked {
    let (mut planned, mut refused, mut faults) = (0, 0, Vec::new());
    for manifest in &library.manifest.features {
        let mut sampler = Sampler::new(&manifest.config_schema, 1);
        let mut plugin = start(library, plugins::launcher());
        for index in 0..count {
            let config = if index % 2 == 0 { sampler.fitting() } else { sampler.broken() };
            let Some(feature) = own(&plugin, &manifest.name) else { continue };
            let asked = feature.claims(&config).and_then(|_| Trial::new().plan(&*feature, &config));
            match asked {
                Ok(_) => planned += 1,
                Err(findings) if findings.iter().any(|finding| FAILURES.contains(&&*finding.code)) => {
                    faults.push(format!("{}: {}", told(&findings), shown(&config)));
                    // One that has failed is not to be left alone: the next may fail otherwise.
                    plugin = start(library, plugins::launcher());
                }
                Err(_) => refused += 1,
            }
            if faults.len() >= TOLD {
                break;
            }
        }
    }
    let all = number(planned + refused + faults.len(), "configuration");
    Checked::new(
        "samples",
        format!("{all} made from the schema: {planned} planned, {refused} refused"),
        faults,
    )
}

fn own(plugin: &Arc<Plugin>, name: &str) -> Option<Box<dyn Feature>> {
    plugin.features().into_iter().find(|feature| feature.descriptor().name == name)
}

fn told(findings: &Diagnostics) -> String {
    let all: Vec<_> = findings.iter().map(|finding| format!("{finding}")).collect();
    all.join(", ")
}

/// Returns a configuration as text that is not too long.
fn shown(config: &Value) -> String {
    let text = config.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
