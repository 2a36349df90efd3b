//! The simulated package archive as a site sees it: which versions of a package it offers, and which of them preferences
//! let in. Drivers of graphics cards come in the branches that are known, and in the version of the node's own.

use crate::sim::{
    catalog, gpu,
    world::{Body, World},
};

/// Branches of NVIDIA's driver, with the newest version of each.
const DRIVERS: &[(&str, &str)] = &[
    ("470", "470.256.02"),
    ("535", "535.274.02"),
    ("550", "550.163.01"),
    ("570", "570.195.03"),
    ("575", "575.64.03"),
    ("580", "580.95.05"),
];
/// Debian's names, which have no branch in them, and the branch that they come from.
const BRANCHLESS: &[&str] = &["libcuda1", "libnvidia-ml1", "nvidia-smi"];
const DEBIAN_BRANCH: &str = "550";
const PREFERENCES: &str = "/etc/apt/preferences.d/";

/// Returns the versions of a package that the archive offers, the newest first; none if there is no such package.
pub(crate) fn offers(world: &World, name: &str) -> Vec<String> {
    if !catalog::exists(name) {
        return Vec::new();
    }
    let Some(branch) = branch(name) else { return vec![catalog::version(name, &world.base)] };
    let own = &world.gpus().driver;
    let is_own = own.split('.').next() == Some(branch);
    let newest = DRIVERS.iter().find(|(known, _)| *known == branch).map(|(_, version)| (*version).to_owned());
    let mut versions: Vec<String> = newest.into_iter().chain(is_own.then(|| own.clone())).collect();
    versions.sort_by_key(|version| std::cmp::Reverse(parts(version)));
    versions.dedup();
    let revision = if world.base.starts_with("ubuntu") { "-0ubuntu0.24.04.1" } else { "-1" };
    versions.into_iter().map(|version| version + revision).collect()
}

/// Returns the version that is installed if nobody names one: the newest, unless preferences say otherwise.
pub(crate) fn candidate(world: &World, name: &str) -> Option<String> {
    let offers = offers(world, name);
    match pins(world, name).as_slice() {
        [] => offers.into_iter().next(),
        pins => {
            let priority =
                |offer: &String| pins.iter().find(|pin| pin.is_for(offer)).map_or(500, |pin| pin.priority);
            // The first of the highest priority, as it is the newest.
            let best = offers.iter().map(priority).max().filter(|best| *best >= 0)?;
            offers.iter().find(|offer| priority(offer) == best).cloned()
        }
    }
}

/// Puts a package into a world in a version, or takes it away, with the files that are known of it.
pub(crate) fn put(world: &mut World, name: &str, version: Option<String>) {
    if name.starts_with("libnvidia-compute-") || name == "libnvidia-ml1" {
        gpu::put_library(world, version.as_deref().map(gpu::upstream));
    }
    if name.starts_with("nvidia-utils-") || name == "nvidia-smi" {
        gpu::put_program(world, version.is_some());
    }
    world.put_package(name, version);
}

/// A line of preferences about some versions.
struct Pin {
    version: String,
    priority: i32,
}

impl Pin {
    fn is_for(&self, version: &str) -> bool {
        match self.version.strip_suffix('*') {
            Some(stem) => version.starts_with(stem),
            None => version == self.version,
        }
    }
}

/// Returns what preferences say of a package, in their order: the first that is for a version holds.
fn pins(world: &World, name: &str) -> Vec<Pin> {
    let texts = world.files().into_iter().filter(|(path, _)| path.starts_with(PREFERENCES)).filter_map(
        |(_, entry)| match &entry.body {
            Body::Text(text) => Some(text),
            Body::Directory | Body::Tree | Body::Opaque { .. } | Body::Link(_) => None,
        },
    );
    let records = texts.flat_map(|text| text.split("\n\n"));
    records.filter_map(|record| pin(record, name)).collect()
}

fn pin(record: &str, name: &str) -> Option<Pin> {
    let field =
        |key: &str| record.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).map(str::trim);
    let is_for = field("Package")?.split_whitespace().any(|package| package == name || package == "*");
    let version = field("Pin")?.strip_prefix("version")?.trim().to_owned();
    let priority = field("Pin-Priority")?.parse().ok()?;
    is_for.then_some(Pin { version, priority })
}

/// Returns the driver's branch that a package belongs to, if its versions are the driver's. Modules for kernels have the
/// kernel's.
fn branch(name: &str) -> Option<&str> {
    if BRANCHLESS.contains(&name) {
        return Some(DEBIAN_BRANCH);
    }
    if !name.contains("nvidia") || name.starts_with("linux-") {
        return None;
    }
    name.split('-').find(|part| part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit()))
}

fn parts(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{gpus::Gpus, sim::gpu::show_container};

    #[test]
    fn drivers_come_in_the_newest_version_unless_preferences_hold_the_nodes() {
        let mut world = World::of_image("ubuntu-24.04");
        let (name, held) = ("nvidia-utils-580", "580.76.05-0ubuntu0.24.04.1");
        assert_eq!(offers(&world, name), ["580.95.05-0ubuntu0.24.04.1"]);
        show_container(&mut world, &Gpus::new("580.76.05", [("A", 1)]), &Default::default());
        assert_eq!(offers(&world, name), ["580.95.05-0ubuntu0.24.04.1", held]);
        assert_eq!(candidate(&world, name).as_deref(), Some("580.95.05-0ubuntu0.24.04.1"));
        let pin = |version: &str| {
            format!(
                "Package: x {name}\nPin: version {version}-*\nPin-Priority: 1001\n\nPackage: x {name}\nPin: version *\nPin-Priority: -1\n"
            )
        };
        world.write("/etc/apt/preferences.d/gpu", pin("580.76.05"));
        assert_eq!(candidate(&world, name).as_deref(), Some(held));
        world.write("/etc/apt/preferences.d/gpu", pin("580.11"));
        assert_eq!(candidate(&world, name), None);
        assert!(offers(&world, "nvidia-utils-999").is_empty() && !offers(&world, "curl").is_empty());
    }
}
