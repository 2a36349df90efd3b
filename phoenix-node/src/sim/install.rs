//! Installing packages into a world.

use std::collections::BTreeSet;

use crate::sim::{
    catalog,
    world::{Unit, World},
};

/// What each package adds to a disk, in bytes.
pub(crate) const PACKAGE_BYTES: u64 = 4 << 20;

/// Returns the packages that are missing, or apt's complaint about those that do not exist.
pub(crate) fn missing(world: &World, names: &BTreeSet<String>) -> Result<Vec<String>, String> {
    let unknown: Vec<String> = names
        .iter()
        .filter(|name| world.package(name).is_none() && !catalog::exists(name))
        .map(|name| format!("E: Unable to locate package {name}"))
        .collect();
    if !unknown.is_empty() {
        return Err(unknown.join("\n"));
    }
    Ok(names.iter().filter(|name| world.package(name).is_none()).cloned().collect())
}

/// Installs packages with the units that they bring, which Debian starts at once.
pub(crate) fn install(world: &mut World, names: &[String]) {
    let family = world.base.clone();
    for name in names {
        world.put_package(name, Some(catalog::version(name, &family)));
        for unit in catalog::units(name) {
            if world.known_unit(unit).is_none() {
                world.put_unit(unit, Some(Unit { active: true, enabled: true }));
            }
        }
    }
}
