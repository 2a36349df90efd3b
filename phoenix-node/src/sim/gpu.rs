//! What worlds see of graphics cards: device nodes, what `/proc` shows of the kernel's driver, and the libraries, which
//! must be of the driver's version.

use std::collections::BTreeSet;

use crate::{
    gpus::{Gpu, Gpus},
    sim::{
        base, modules,
        programs::kernel::VERSION,
        world::{Body, Entry, World},
    },
};

/// What the kernel says of its driver.
pub(crate) const KERNEL: &str = "/proc/driver/nvidia/version";
/// The program that asks the driver.
pub(crate) const SMI: &str = "/usr/bin/nvidia-smi";
/// The node that is for all cards.
pub(crate) const CONTROL: &str = "/dev/nvidiactl";
/// The library that talks to the driver, and where it is.
const LIBRARY: &str = "libnvidia-ml.so";
const LIBRARIES: &str = "/usr/lib/x86_64-linux-gnu";
/// Nodes that all cards share.
const SHARED: [&str; 5] = [
    CONTROL,
    "/dev/nvidia-uvm",
    "/dev/nvidia-uvm-tools",
    "/dev/nvidia-caps/nvidia-cap1",
    "/dev/nvidia-caps/nvidia-cap2",
];
/// What the installer writes.
const KEEPS_AWAY: &str = "/usr/lib/modprobe.d/nvidia-installer-disable-nouveau.conf";
/// What a kernel numbers its devices by.
const DEVICES: &str = "/proc/devices";

/// Lets the node itself have cards; with a driver all of their nodes, and the libraries that come with it.
pub(crate) fn show_host(world: &mut World, gpus: &Gpus) {
    show_kernel(world, gpus);
    let driven = driven(world);
    if driven.is_empty() || gpus.driver.is_empty() {
        return;
    }
    for node in driven.cards.keys().map(node).chain(SHARED.map(str::to_owned)) {
        world.place(&node, device());
    }
    bring_libraries(world, &gpus.driver);
}

/// Gives the node itself cards as it has them from its installation on: with NVIDIA's driver, whose installer keeps the free one
/// away, or with the free one.
pub(crate) fn equip_host(world: &mut World, gpus: &Gpus) {
    show_host(world, gpus);
    if gpus.driver.is_empty() {
        let is_driven = !driven(world).is_empty();
        world.put_file(modules::NOUVEAU, is_driven.then(|| Entry::root(0o755, Body::Directory)));
    } else if !gpus.is_empty() {
        world.put_file(modules::NOUVEAU, None);
        world.write(KEEPS_AWAY, "blacklist nouveau\noptions nouveau modeset=0\n");
        modules::make_image(world);
    }
}

/// Lets a container see the node's kernel, and of its devices those that are let in.
pub(crate) fn show_container(world: &mut World, gpus: &Gpus, let_in: &BTreeSet<String>) {
    let is_device = |path: &&str| path.strip_prefix("/dev/").is_some_and(|name| !name.is_empty());
    let there: Vec<String> = world.files().into_keys().filter(is_device).map(str::to_owned).collect();
    for path in there.iter().filter(|path| !let_in.contains(*path)) {
        world.put_file(path, None);
    }
    for path in let_in {
        world.place(path, device());
    }
    show_kernel(world, gpus);
}

/// Gives a virtual machine cards of its own, which its kernel drives if it has a driver.
pub(crate) fn show_machine<'a>(world: &mut World, cards: impl IntoIterator<Item = &'a Gpu>) {
    let cards = (0..).zip(cards.into_iter().cloned()).collect();
    let old: Vec<String> = world.gpus().cards.keys().map(node).chain(SHARED.map(str::to_owned)).collect();
    for path in old {
        world.put_file(&path, None);
    }
    show_kernel(world, &Gpus { driver: String::new(), cards });
    load(world);
}

/// Loads the driver that is on the disk: the host's, or a virtual machine's own, as its kernel does at boot. Tells whether it
/// could.
pub(crate) fn load(world: &mut World) -> bool {
    if world.base == base::HOST {
        if !world.gpus().driver.is_empty() {
            return true;
        }
        let version = library(world).filter(|_| world.file(modules::NOUVEAU).is_none());
        let Some(driver) = version.filter(|_| !driven(world).is_empty()) else { return false };
        let gpus = Gpus { driver, ..world.gpus().clone() };
        show_host(world, &gpus);
        return true;
    }
    let packages = world.packages();
    let has_module = packages.keys().any(|name| name.starts_with("linux-modules-nvidia-"));
    let version = packages.iter().find(|(name, _)| name.starts_with("nvidia-headless-"));
    let Some(version) = version.filter(|_| has_module).map(|(_, version)| upstream(version).to_owned())
    else {
        return false;
    };
    let mut gpus = world.gpus().clone();
    if gpus.is_empty() {
        return false;
    }
    gpus.driver = version;
    show_kernel(world, &gpus);
    for path in gpus.cards.keys().map(node).chain(SHARED.map(str::to_owned)) {
        world.place(&path, device());
    }
    true
}

/// Returns the version that upstream calls a package's.
pub(crate) fn upstream(version: &str) -> &str {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    version.rsplit_once('-').map_or(version, |(upstream, _)| upstream)
}

/// Returns why NVIDIA's installer refuses to install a driver for the kernel, in its own words; nothing for other commands.
pub(crate) fn refusal(world: &World, call: &[String]) -> Option<String> {
    let has = |option: &str| call.iter().any(|word| word == option);
    let is_installer = call.first().is_some_and(|word| word == "sh")
        && call.get(1).is_some_and(|path| path.ends_with(".run"))
        && has("--silent");
    if !is_installer || has("--no-kernel-module") || has("--no-kernel-modules") {
        return None;
    }
    if world.file(modules::NOUVEAU).is_some() {
        return Some("ERROR: The Nouveau kernel driver is currently in use by your system.".to_owned());
    }
    if !world.gpus().driver.is_empty() && !has("--allow-installation-with-running-driver") {
        let text = "ERROR: An NVIDIA kernel module 'nvidia' appears to already be loaded in your kernel.";
        return Some(text.to_owned());
    }
    let headers = format!("-headers-{VERSION}");
    let has_tools = ["gcc", "make"].iter().all(|name| world.package(name).is_some());
    let has_source = world.packages().keys().any(|name| name.ends_with(&headers));
    (!has_tools || !has_source)
        .then(|| "ERROR: Unable to find the kernel source tree for the currently running kernel.".to_owned())
}

/// Puts the driver's libraries of a version and its program in place, as NVIDIA's installer does.
pub(crate) fn bring_libraries(world: &mut World, version: &str) {
    put_library(world, Some(version));
    put_program(world, true);
}

/// Puts the library of a version in place, or takes it away.
pub(crate) fn put_library(world: &mut World, version: Option<&str>) {
    let link = format!("{LIBRARIES}/{LIBRARY}.1");
    if let Some(old) = library(world).map(|old| format!("{LIBRARIES}/{LIBRARY}.{old}")) {
        world.put_file(&old, None);
    }
    let Some(version) = version else { return world.put_file(&link, None) };
    let name = format!("{LIBRARY}.{version}");
    world.place(&format!("{LIBRARIES}/{name}"), program());
    world.place(&link, Entry::root(0o777, Body::Link(name)));
}

/// Puts the program that asks the driver in place, or takes it away.
pub(crate) fn put_program(world: &mut World, is_there: bool) {
    match is_there {
        true => world.place(SMI, program()),
        false => world.put_file(SMI, None),
    }
}

/// Returns the version of the library that programs load.
pub(crate) fn library(world: &World) -> Option<String> {
    let path = format!("{LIBRARIES}/{LIBRARY}.1");
    match &world.file(&path)?.body {
        Body::Link(name) => {
            world.follow(&path)?;
            Some(name.strip_prefix(LIBRARY)?.strip_prefix('.')?.to_owned())
        }
        Body::Directory | Body::Tree | Body::Text(_) | Body::Opaque { .. } => None,
    }
}

/// Returns the cards that a kernel drives itself: without those that it keeps for virtual machines, and then numbered anew.
pub(crate) fn driven(world: &World) -> Gpus {
    let gpus = world.gpus();
    let is_kept = |card: &Gpu| modules::is_bound(world, &format!("{}.0", card.slot()));
    if !gpus.cards.values().any(is_kept) {
        return gpus.clone();
    }
    let own = gpus.cards.values().filter(|card| !is_kept(card)).cloned();
    Gpus { driver: gpus.driver.clone(), cards: (0..).zip(own).collect() }
}

/// Returns the cards that a world can use: those of its kernel whose nodes it has.
pub(crate) fn usable(world: &World) -> Vec<Gpu> {
    let cards = driven(world).cards.into_iter();
    cards.filter(|(number, _)| world.file(&node(number)).is_some()).map(|(_, card)| card).collect()
}

fn node(number: &u32) -> String {
    format!("/dev/nvidia{number}")
}

fn device() -> Entry {
    Entry::root(0o666, Body::Text(String::new()))
}

fn program() -> Entry {
    Entry::root(0o755, Body::Opaque { sha256: String::new() })
}

/// Shows what the kernel says of its cards; nothing where it has none.
fn show_kernel(world: &mut World, gpus: &Gpus) {
    if world.gpus().is_empty() && gpus.is_empty() {
        return;
    }
    let about = |card: &Gpu| format!("/proc/driver/nvidia/gpus/{}/information", card.address);
    let old: Vec<String> = world.gpus().cards.values().map(about).collect();
    for path in old {
        world.put_file(&path, None);
    }
    world.set_gpus(gpus);
    let gpus = &driven(world);
    let driver = &gpus.driver;
    let is_driven = !gpus.is_empty() && !driver.is_empty();
    world.write(DEVICES, devices(is_driven));
    if !is_driven {
        return world.put_file(KERNEL, None);
    }
    let version = format!(
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {driver}  Release Build  (root@node)\n\
         GCC version:  gcc version 14.2.0 (Debian 14.2.0-19)\n"
    );
    world.place(KERNEL, Entry::root(0o444, Body::Text(version)));
    for (number, card) in &gpus.cards {
        let text = format!(
            "Model: \t\t {}\nGPU UUID: \t {}\nBus Type: \t PCIe\nBus Location: \t {}\nDevice Minor: \t {number}\n",
            card.name, card.uuid, card.address
        );
        world.place(&about(card), Entry::root(0o444, Body::Text(text)));
    }
}

/// Returns the list of numbers that a kernel has for its devices.
pub(crate) fn devices(has_driver: bool) -> String {
    let own = match has_driver {
        true => "195 nvidia\n195 nvidiactl\n195 nvidia-modeset\n508 nvidia-caps\n509 nvidia-uvm\n",
        false => "",
    };
    format!(
        "Character devices:\n  1 mem\n  5 /dev/tty\n 10 misc\n136 pts\n{own}\nBlock devices:\n  7 loop\n253 virtblk\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn let_in(paths: &[&str]) -> BTreeSet<String> {
        paths.iter().map(|path| (*path).to_owned()).collect()
    }

    #[test]
    fn a_container_sees_the_kernel_and_what_is_let_in() {
        let gpus = Gpus::new("580.76.05", [("A", 1000), ("B", 1000)]);
        let mut world = World::of_image("ubuntu-24.04");
        show_container(&mut world, &gpus, &let_in(&["/dev/nvidia1", CONTROL]));
        assert!(world.text(KERNEL).is_some_and(|text| text.contains("580.76.05")));
        assert!(world.text(DEVICES).is_some_and(|text| text.contains("195 nvidia\n")));
        let names = |world: &World| usable(world).into_iter().map(|card| card.name).collect::<Vec<_>>();
        assert_eq!(names(&world), ["B"]);
        // Devices are new at every start, also those of what it was cloned from.
        show_container(&mut world, &gpus, &let_in(&["/dev/nvidia0"]));
        assert_eq!(names(&world), ["A"]);
        assert!(world.file(CONTROL).is_none());
        show_container(&mut world, &Gpus::default(), &let_in(&[]));
        assert!(world.file(KERNEL).is_none() && usable(&world).is_empty());
    }

    #[test]
    fn a_machine_needs_a_driver_of_its_own() {
        let gpus = Gpus::new("580.76.05", [("A", 1000)]);
        let mut world = World::of_image("noble-server-cloudimg");
        show_machine(&mut world, gpus.cards.values());
        assert!(world.file(KERNEL).is_none() && !load(&mut world));
        world.put_package("linux-modules-nvidia-580-open-generic", Some("6.8.0-88.89".to_owned()));
        world.put_package("nvidia-headless-no-dkms-580-open", Some("580.95.05-0ubuntu0.24.04.1".to_owned()));
        assert!(load(&mut world));
        assert!(world.text(KERNEL).is_some_and(|text| text.contains("580.95.05")));
        show_machine(&mut world, []);
        assert!(world.file(KERNEL).is_none() && world.file(CONTROL).is_none());
    }
}
