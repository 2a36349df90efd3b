//! Datasets: made where they are missing, and given their properties one by one. None is ever destroyed.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::{Condition, Diagnostic, Draft, Expect, Probe, StepId, draft::Command};

use super::pool::Coming;
use crate::{
    config::Config,
    datasets::Datasets,
    pools::Found,
    property::{self, Kind},
};

/// Has the datasets of pools that are there, or will be.
pub(super) fn datasets(
    draft: &mut Draft<'_>,
    config: &Config,
    (pools, found): (&BTreeMap<String, Found>, &Datasets),
    coming: &BTreeMap<String, Coming>,
) {
    // A parent is made before its children, whatever their order in the file.
    let mut wanted: Vec<(String, &BTreeMap<String, String>)> =
        config.datasets.iter().map(|dataset| (dataset.path(), &dataset.properties)).collect();
    wanted.sort();
    let mut steps: BTreeMap<String, StepId> = BTreeMap::new();
    let mut missing: BTreeSet<&str> = BTreeSet::new();
    for (path, properties) in &wanted {
        let pool = path.split('/').next().unwrap_or_default();
        match (pools.contains_key(pool), coming.get(pool)) {
            (_, Some(Coming::Imported)) => {}
            (_, Some(Coming::Made(step))) => {
                let after = parent(path, &steps).or(Some(step)).cloned();
                drop(steps.insert(path.clone(), create(draft, path, properties, [after])));
            }
            (true, None) => match found.get(path) {
                Some(state) => change(draft, path, state, properties),
                None => {
                    let after = parent(path, &steps).cloned();
                    drop(steps.insert(path.clone(), create(draft, path, properties, [after])));
                }
            },
            (false, None) => drop(missing.insert(pool)),
        }
    }
    let declared: BTreeSet<&str> = config.pools.iter().map(|pool| pool.name.as_str()).collect();
    for pool in missing.difference(&declared) {
        let message =
            format!("there is no pool `{pool}` on the host, and none is declared: its datasets are left out");
        draft.find(
            Diagnostic::warning("zfs-no-pool", message)
                .with_hint("declare it under `zfs.pools`, or take its datasets out"),
        );
    }
}

/// Sets what of a file system differs, one property a step.
pub(super) fn change(
    draft: &mut Draft<'_>,
    path: &str,
    state: &BTreeMap<String, String>,
    wanted: &BTreeMap<String, String>,
) {
    for (name, value) in wanted.iter().filter(|(name, _)| property::kind(name) == Some(Kind::Dataset)) {
        let Some(value) = property::canonical(name, value) else { continue };
        let now = state.get(name).map_or("-", String::as_str);
        if now == value {
            continue;
        }
        if is_too_small(draft, path, name, &value, state) {
            continue;
        }
        let reason = format!(
            "`{name}` of `{path}`: {} -> {}",
            property::shown(name, now),
            property::shown(name, &value)
        );
        let probe = Probe::command(draft.site(), ["zfs", "get", "-H", "-p", "-o", "value", name, path]);
        let proof = Condition::new(probe, Expect::SaysLine { line: value.clone() });
        let verb = format!("set-{}-{name}", path.replace('/', "-"));
        draft.run(&verb, Command::new(["zfs", "set", &format!("{name}={value}"), path], proof, reason), []);
    }
}

/// Refuses a limit that is below what is used already.
fn is_too_small(
    draft: &mut Draft<'_>,
    path: &str,
    name: &str,
    value: &str,
    state: &BTreeMap<String, String>,
) -> bool {
    let used = match name {
        "quota" => state.get("used"),
        "refquota" => state.get("referenced"),
        _ => return false,
    };
    let (Some(used), Ok(limit)) = (used.and_then(|used| used.parse::<u64>().ok()), value.parse::<u64>())
    else {
        return false;
    };
    if limit == 0 || limit >= used {
        return false;
    }
    let message = format!(
        "`{path}` holds {} already, more than its `{name}` of {} shall be",
        property::size(used),
        property::shown(name, value)
    );
    let hint =
        format!("raise `{name}` in `zfs.datasets`, or remove something: `zfs list -o space -r {path}`");
    draft.find(Diagnostic::error("zfs-quota", message).with_hint(hint));
    true
}

fn create(
    draft: &mut Draft<'_>,
    path: &str,
    properties: &BTreeMap<String, String>,
    after: [Option<StepId>; 1],
) -> StepId {
    // With those above it; and one that is there by now is no failure.
    let mut argv = ["zfs", "create", "-p"].map(str::to_owned).to_vec();
    for (name, value) in properties {
        if let Some(value) = property::canonical(name, value) {
            argv.extend(["-o".to_owned(), format!("{name}={value}")]);
        }
    }
    argv.push(path.to_owned());
    let probe = Probe::command(draft.site(), ["zfs", "list", "-H", "-o", "name", path]);
    let proof = Condition::new(probe, Expect::SaysLine { line: path.to_owned() });
    let told: Vec<String> = properties.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let with = if told.is_empty() { String::new() } else { format!(" ({})", told.join(", ")) };
    let action = phoenix_core::Action::Run { site: draft.site().clone(), argv, stdin: None, proof };
    draft.add(
        &format!("make-{}", path.replace('/', "-")),
        action,
        format!("the dataset `{path}` is missing{with}"),
        after,
    )
}

/// Returns the step that makes the next file system above one.
fn parent<'a>(path: &str, steps: &'a BTreeMap<String, StepId>) -> Option<&'a StepId> {
    let (above, _) = path.rsplit_once('/')?;
    steps.get(above).or_else(|| parent(above, steps))
}
