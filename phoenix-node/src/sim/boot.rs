//! Boots of the simulated host: a new number of the boot, units that begin afresh, and what only a boot brings into force.

use crate::{
    gpus::Gpus,
    sim::{
        gpu,
        programs::kernel::device_id,
        world::{Body, Entry, World},
    },
};

/// What the kernel calls the boot that runs.
const ID: &str = "/proc/sys/kernel/random/boot_id";
/// What the kernel was started with.
const CMDLINE: &str = "/proc/cmdline";
/// What it is started with where `proxmox-boot-tool` says so.
const KERNEL_CMDLINE: &str = "/etc/kernel/cmdline";
/// Where GRUB's own words are added to.
const GRUB: &str = "/etc/default/grub.d/";
/// Which are to be kept, by their numbers and by their addresses.
const BINDINGS: &str = "/etc/modprobe.d/phoenix-vfio.conf";
const RULES: &str = "/etc/udev/rules.d/10-phoenix-vfio.rules";
/// Which devices are kept for virtual machines.
pub(crate) const BOUND: &str = "/sys/bus/pci/drivers/vfio-pci/";
/// What every kernel is started with.
const PLAIN: &str = "BOOT_IMAGE=/boot/vmlinuz root=/dev/mapper/pve-root ro quiet";

/// Returns what the kernel calls the boot that runs.
pub(crate) fn id(world: &World) -> String {
    world.text(ID).unwrap_or_default().trim().to_owned()
}

/// Shows what a kernel shows of the boot that runs, if it does not yet.
pub(crate) fn show(world: &mut World) {
    if world.file(ID).is_none() {
        number(world, 1);
        world.place(CMDLINE, Entry::root(0o444, Body::Text(format!("{PLAIN}\n"))));
    }
}

/// Does what a boot does.
pub(crate) fn boot(world: &mut World) {
    let last = id(world);
    let last = last.rsplit('-').next().and_then(|text| u64::from_str_radix(text, 16).ok());
    number(world, last.unwrap_or(1) + 1);
    let cmdline = match world.text(KERNEL_CMDLINE) {
        Some(text) => text.trim().to_owned(),
        None => format!("{PLAIN}{}", grub_words(world)),
    };
    world.place(CMDLINE, Entry::root(0o444, Body::Text(format!("{cmdline}\n"))));
    world.boot();
    bind(world);
    // What is on the disk is what the kernel loads.
    if let Some(version) = gpu::library(world) {
        let gpus = Gpus { driver: version, ..world.gpus().clone() };
        gpu::show_host(world, &gpus);
    }
}

/// Binds the devices that files tell to keep: by their numbers, or by their addresses.
fn bind(world: &mut World) {
    let says = |world: &World, path: &str| world.text(path).unwrap_or_default().to_owned();
    let (ids, rules) = (says(world, BINDINGS), says(world, RULES));
    let cards: Vec<(String, String)> =
        world.gpus().cards.values().map(|card| (card.address.clone(), device_id(&card.name))).collect();
    for (card, id) in cards {
        let slot = card.split('.').next().unwrap_or_default();
        for (address, id) in [(format!("{slot}.0"), id), (format!("{slot}.1"), "22eb".to_owned())] {
            if rules.contains(&address) || ids.contains(&format!("10de:{id}")) {
                world.place(&format!("{BOUND}{address}"), Entry::root(0o644, Body::Text(String::new())));
            }
        }
    }
}

fn number(world: &mut World, number: u64) {
    let id = format!("5e1f0000-0000-4000-8000-{number:012x}\n");
    world.place(ID, Entry::root(0o444, Body::Text(id)));
}

/// Returns the words that files beside GRUB's own add.
fn grub_words(world: &World) -> String {
    let texts = world.files().into_iter().filter(|(path, _)| path.starts_with(GRUB));
    let mut words = String::new();
    for (_, entry) in texts {
        let Body::Text(text) = &entry.body else { continue };
        for line in text.lines() {
            let Some((_, value)) = line.split_once("=\"$GRUB_CMDLINE_LINUX_DEFAULT ") else { continue };
            words.push(' ');
            words.push_str(value.trim_end_matches('"'));
        }
    }
    words
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
        assert!(world.text(CMDLINE).unwrap().ends_with("quiet iommu=pt\n"));
        show(&mut world);
        assert_ne!(id(&world), first);
    }
}
