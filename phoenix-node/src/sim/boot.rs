//! Boots of the simulated host: a new number of the boot, units that begin afresh, and what only a boot brings into force.

use crate::sim::{
    loader, modules,
    world::{Body, Entry, World},
};

/// What the kernel calls the boot that runs.
const ID: &str = "/proc/sys/kernel/random/boot_id";
/// What the kernel was started with.
const CMDLINE: &str = "/proc/cmdline";
/// What says who made the processor.
const PROCESSOR: &str = "/proc/cpuinfo";

/// Returns what the kernel calls the boot that runs.
pub(crate) fn id(world: &World) -> String {
    world.text(ID).unwrap_or_default().trim().to_owned()
}

/// Shows what a kernel shows of the boot that runs, if it does not yet.
pub(crate) fn show(world: &mut World) {
    if world.file(ID).is_none() {
        number(world, 1);
        started(world);
        let vendor = "processor\t: 0\nvendor_id\t: AuthenticAMD\n".to_owned();
        world.place(PROCESSOR, Entry::root(0o444, Body::Text(vendor)));
        loader::update_grub(world);
    }
    modules::show(world);
}

/// Does what a boot does.
pub(crate) fn boot(world: &mut World) {
    let last = id(world);
    let last = last.rsplit('-').next().and_then(|text| u64::from_str_radix(text, 16).ok());
    number(world, last.unwrap_or(1) + 1);
    started(world);
    world.boot();
    modules::take(world);
}

/// Tells whether the kernel uses the IOMMU: AMD's by itself, Intel's if it is told to.
pub(crate) fn has_iommu(world: &World) -> bool {
    let has = |path: &str, word: &str| world.text(path).is_some_and(|text| text.contains(word));
    has(CMDLINE, "intel_iommu=on") || !has(PROCESSOR, "GenuineIntel")
}

fn started(world: &mut World) {
    let cmdline = format!("{}\n", loader::words(world));
    world.place(CMDLINE, Entry::root(0o444, Body::Text(cmdline)));
}

fn number(world: &mut World, number: u64) {
    let id = format!("5e1f0000-0000-4000-8000-{number:012x}\n");
    world.place(ID, Entry::root(0o444, Body::Text(id)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_has_a_number_of_its_own_and_the_words_that_were_written_for_it() {
        let mut world = World::of_host();
        show(&mut world);
        let first = id(&world);
        world.write(
            "/etc/default/grub.d/a.cfg",
            "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT iommu=pt\"\n",
        );
        assert!(!world.text(CMDLINE).unwrap().contains("iommu"));
        boot(&mut world);
        assert_ne!(id(&world), first);
        assert!(!world.text(CMDLINE).unwrap().contains("iommu"), "GRUB does not know");
        loader::update_grub(&mut world);
        boot(&mut world);
        assert!(world.text(CMDLINE).unwrap().ends_with("quiet iommu=pt\n"));
        show(&mut world);
        assert_ne!(id(&world), first);
    }
}
