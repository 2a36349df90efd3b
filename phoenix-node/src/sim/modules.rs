//! Modules of the simulated kernel: which of the host's drivers takes each of its graphics cards at a boot.
//!
//! Some modules are loaded from the initial RAM disk and some later. So what keeps a driver away or gives it options counts
//! only if it stands in both: in files, and in the image that `update-initramfs` has made of them.

use std::collections::BTreeSet;

use crate::{
    gpus::{Gpu, Gpus},
    sim::{
        gpu,
        programs::kernel::{VERSION, device_id},
        world::{Body, Entry, World},
    },
};

/// Which devices the driver of virtual machines has.
const BOUND: &str = "/sys/bus/pci/drivers/vfio-pci/";
/// What is there while the free driver is loaded.
pub(crate) const NOUVEAU: &str = "/sys/module/nouveau";
/// Where options of modules stand, rules for devices, and what is loaded at a boot.
const OPTIONS: [&str; 2] = ["/etc/modprobe.d/", "/usr/lib/modprobe.d/"];
const RULES: &str = "/etc/udev/rules.d/";
const LOADED: &str = "/etc/modules-load.d/";
/// The number of the sound that comes out of a card.
const AUDIO: &str = "22eb";

/// Returns the functions of a card, with the numbers of what they are.
pub(crate) fn functions(card: &Gpu) -> [(String, String); 2] {
    let slot = card.slot();
    [(format!("{slot}.0"), device_id(&card.name)), (format!("{slot}.1"), AUDIO.to_owned())]
}

/// Tells whether the driver of virtual machines has a device.
pub(crate) fn is_bound(world: &World, address: &str) -> bool {
    world.file(&format!("{BOUND}{address}")).is_some()
}

/// Makes the initial RAM disk of what files say now; returns its path.
pub(crate) fn make_image(world: &mut World) -> String {
    let path = image();
    let text = lines(world, &OPTIONS, ".conf").into_iter().map(|line| line + "\n").collect::<String>();
    world.write(&path, text);
    world.touch(&path);
    path
}

/// Makes an initial RAM disk if there is none yet.
pub(crate) fn show(world: &mut World) {
    if world.file(&image()).is_none() {
        make_image(world);
    }
}

/// Lets the drivers take the cards, as they do at a boot.
pub(crate) fn take(world: &mut World) {
    forget(world, BOUND);
    forget(world, "/dev/nvidia");
    world.put_file(NOUVEAU, None);
    let cards: Vec<Gpu> = world.gpus().cards.values().cloned().collect();
    for (at, (address, id)) in cards.iter().flat_map(|card| functions(card).into_iter().enumerate()) {
        if is_kept(world, &address, &id, &rivals(world, at == 0)) {
            world.place(&format!("{BOUND}{address}"), Entry::root(0o644, Body::Text(String::new())));
        }
    }
    let has_cards = !gpu::driven(world).is_empty();
    let is_free = has_cards && !settings(world).contains("blacklist nouveau");
    if is_free {
        world.place(NOUVEAU, Entry::root(0o755, Body::Directory));
    }
    // What is on the disk is what the kernel loads.
    let driver = gpu::library(world).filter(|_| has_cards && !is_free).unwrap_or_default();
    let gpus = Gpus { driver, ..world.gpus().clone() };
    gpu::show_host(world, &gpus);
}

/// Returns the modules that are loaded for a card, or for the sound of one.
fn rivals(world: &World, is_card: bool) -> Vec<&'static str> {
    let settings = settings(world);
    let known: &[&str] = if is_card { &["nouveau", "nvidia"] } else { &["snd_hda_intel"] };
    let is_there = |name: &&str| *name != "nvidia" || gpu::library(world).is_some();
    known
        .iter()
        .copied()
        .filter(is_there)
        .filter(|name| !settings.contains(&format!("blacklist {name}")))
        .collect()
}

/// Tells whether the driver of virtual machines gets a device: the files say so, and it comes before the others.
fn is_kept(world: &World, address: &str, id: &str, rivals: &[&str]) -> bool {
    let settings = settings(world);
    let before = |name: &&str| settings.contains(&format!("softdep {name} pre: vfio-pci"));
    let is_loaded = rivals.iter().any(before)
        || lines(world, &[LOADED], ".conf").iter().any(|line| line.replace('_', "-") == "vfio-pci");
    let is_named = settings
        .iter()
        .filter_map(|line| line.strip_prefix("options vfio-pci ids="))
        .any(|ids| ids.split(',').any(|one| one == format!("10de:{id}")));
    let is_overridden = lines(world, &[RULES], ".rules").iter().any(|line| {
        line.contains(&format!("KERNEL==\"{address}\"")) && line.contains("driver_override}=\"vfio-pci\"")
    });
    is_loaded && (is_overridden || is_named && rivals.iter().all(before))
}

/// Returns what files and the initial RAM disk agree on.
fn settings(world: &World) -> BTreeSet<String> {
    let image: BTreeSet<&str> = world.text(&image()).unwrap_or_default().lines().collect();
    lines(world, &OPTIONS, ".conf").into_iter().filter(|line| image.contains(line.as_str())).collect()
}

/// Returns the lines of files in folders, without remarks.
fn lines(world: &World, folders: &[&str], end: &str) -> Vec<String> {
    let is_one = |path: &&str| path.ends_with(end) && folders.iter().any(|folder| path.starts_with(folder));
    let texts = world.files().into_keys().filter(is_one).filter_map(|path| world.text(path));
    let lines = texts.flat_map(str::lines).map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

/// Removes what lies below a path, as what only lives as long as a boot.
fn forget(world: &mut World, begin: &str) {
    let old: Vec<String> =
        world.files().into_keys().filter(|path| path.starts_with(begin)).map(str::to_owned).collect();
    for path in old {
        world.put_file(&path, None);
    }
}

fn image() -> String {
    format!("/boot/initrd.img-{VERSION}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: &str = "0000:02:00.0";

    /// Returns a host with two cards, of which files say that the second is kept.
    fn host(second: &str) -> World {
        let mut world = World::of_host();
        gpu::equip_host(&mut world, &Gpus::new("580.76.05", [("A", 1000), (second, 1000)]));
        make_image(&mut world);
        world
    }

    #[test]
    fn a_device_is_kept_by_its_number_if_the_image_knows_and_no_driver_comes_first() {
        let mut world = host("B");
        let ids = format!("options vfio-pci ids=10de:{}", device_id("B"));
        world.write("/etc/modprobe.d/vfio.conf", format!("{ids}\nsoftdep nvidia pre: vfio-pci\n"));
        take(&mut world);
        assert!(!is_bound(&world, CARD), "the image does not know");
        make_image(&mut world);
        take(&mut world);
        assert!(is_bound(&world, CARD) && !is_bound(&world, "0000:01:00.0"));
        assert_eq!(gpu::driven(&world).cards.len(), 1);
        world.write("/etc/modprobe.d/vfio.conf", format!("{ids}\n"));
        make_image(&mut world);
        take(&mut world);
        assert!(!is_bound(&world, CARD), "`nvidia` comes first");
    }

    #[test]
    fn of_equal_devices_one_is_kept_by_its_address() {
        let mut world = host("A");
        let rule = "ACTION==\"add\", SUBSYSTEM==\"pci\", KERNEL==\"0000:02:00.0\", ATTR{driver_override}=\"vfio-pci\"\n";
        world.write("/etc/udev/rules.d/10-vfio.rules", rule);
        take(&mut world);
        assert!(!is_bound(&world, CARD), "its driver is not loaded");
        world.write("/etc/modules-load.d/vfio.conf", "vfio_pci\n");
        take(&mut world);
        assert!(is_bound(&world, CARD) && !is_bound(&world, "0000:02:00.1"));
    }

    #[test]
    fn the_free_driver_is_there_until_a_boot_without_it() {
        let mut world = World::of_host();
        gpu::equip_host(&mut world, &Gpus::new("", [("A", 1000)]));
        make_image(&mut world);
        take(&mut world);
        assert!(world.file(NOUVEAU).is_some());
        gpu::bring_libraries(&mut world, "580.76.05");
        world.write("/etc/modprobe.d/own.conf", "blacklist nouveau\n");
        take(&mut world);
        assert!(world.file(NOUVEAU).is_some() && world.gpus().driver.is_empty());
        make_image(&mut world);
        take(&mut world);
        assert!(world.file(NOUVEAU).is_none() && world.gpus().driver == "580.76.05");
    }
}
