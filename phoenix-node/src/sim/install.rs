//! Installing packages into a world.

use std::collections::BTreeSet;

use crate::sim::{
    archive, catalog,
    world::{Unit, World},
};

/// What each package adds to a disk, in bytes.
pub(crate) const PACKAGE_BYTES: u64 = 4 << 20;

/// Returns the packages that are missing, or apt's complaint about those that cannot be had.
pub(crate) fn missing(world: &World, names: &BTreeSet<String>) -> Result<Vec<String>, String> {
    let missing: Vec<String> = names.iter().filter(|name| world.package(name).is_none()).cloned().collect();
    let complaints: Vec<String> = missing.iter().filter_map(|name| complaint(world, name)).collect();
    if complaints.is_empty() { Ok(missing) } else { Err(complaints.join("\n")) }
}

/// Returns what apt says of a package that cannot be had.
pub(crate) fn complaint(world: &World, name: &str) -> Option<String> {
    if archive::offers(world, name).is_empty() {
        return Some(format!("E: Unable to locate package {name}"));
    }
    archive::candidate(world, name)
        .is_none()
        .then(|| format!("E: Package '{name}' has no installation candidate"))
}

/// Installs packages with the units that they bring, which Debian starts at once.
pub(crate) fn install(world: &mut World, names: &[String]) {
    for name in names {
        if let Some(version) = archive::candidate(world, name) {
            put(world, name, version);
        }
    }
}

/// Puts a package into a world in a version, with the units that it brings.
pub(crate) fn put(world: &mut World, name: &str, version: String) {
    archive::put(world, name, Some(version));
    for unit in catalog::units(name) {
        if world.known_unit(unit).is_none() {
            world.put_unit(unit, Some(Unit { active: true, enabled: true }));
        }
    }
}
