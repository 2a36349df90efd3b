//! Boot loaders of the simulated host: what `update-grub` and `proxmox-boot-tool` hand to them is what a kernel is started with,
//! and nothing else is.

use crate::sim::world::{Body, World};

/// The menu of GRUB, which `update-grub` writes.
const MENU: &str = "/boot/grub/grub.cfg";
/// Where GRUB's words stand: a file, and others beside it that are read behind it.
const GRUB: &str = "/etc/default/grub";
const GRUB_MORE: &str = "/etc/default/grub.d/";
/// The variable that they set.
const VARIABLE: &str = "GRUB_CMDLINE_LINUX_DEFAULT";
/// The words for systemd-boot.
const CMDLINE: &str = "/etc/kernel/cmdline";
/// Which partitions of the firmware `proxmox-boot-tool` looks after; where the file is missing, it does nothing.
const PARTITIONS: &str = "/etc/kernel/proxmox-boot-uuids";
/// What systemd-boot starts. A real one lies on a partition that is not mounted.
const ENTRY: &str = "/boot/efi/loader/entries/proxmox.conf";
/// Only firmware that is UEFI shows this, and without Secure Boot `proxmox-boot-tool` gives that systemd-boot.
const UEFI: &str = "/sys/firmware/efi";
/// What every kernel is started with.
const PLAIN: &str = "/boot/vmlinuz root=/dev/mapper/pve-root ro";

/// Returns what the kernel is started with at the next boot.
pub(crate) fn words(world: &World) -> String {
    let line = |path: &str, key: &str| {
        let text = world.text(path)?;
        text.lines().find_map(|line| line.trim().strip_prefix(key)).map(|rest| rest.trim().to_owned())
    };
    let entry = line(ENTRY, "options ").filter(|_| world.file(UEFI).is_some());
    entry.unwrap_or_else(|| {
        let menu = line(MENU, "linux ").unwrap_or_else(|| format!("{PLAIN} quiet"));
        format!("BOOT_IMAGE={menu}")
    })
}

/// Writes the menu of GRUB from the files that are there.
pub(crate) fn update_grub(world: &mut World) {
    let mut files: Vec<String> = world
        .files()
        .into_keys()
        .filter(|path| path.starts_with(GRUB_MORE) && path.ends_with(".cfg"))
        .map(str::to_owned)
        .collect();
    files.insert(0, GRUB.to_owned());
    let mut words = String::from("quiet");
    for text in files.iter().filter_map(|path| world.text(path)) {
        for line in text.lines().filter_map(|line| line.trim().strip_prefix(VARIABLE)) {
            let Some(value) = line.strip_prefix('=') else { continue };
            words = value.trim_matches('"').replace(&format!("${VARIABLE}"), &words);
        }
    }
    world.write(MENU, format!("menuentry 'Proxmox VE GNU/Linux' {{\n\tlinux {PLAIN} {words}\n}}\n"));
}

/// Hands the words to what starts the kernel, where `proxmox-boot-tool` is used. Tells whether it is.
pub(crate) fn refresh(world: &mut World) -> bool {
    if world.file(PARTITIONS).is_none() {
        return false;
    }
    match world.file(UEFI).map(|entry| &entry.body) {
        Some(Body::Directory | Body::Tree | Body::Text(_) | Body::Opaque { .. } | Body::Link(_)) => {
            let words = world.text(CMDLINE).unwrap_or_default().trim().to_owned();
            world.write(ENTRY, format!("title Proxmox Virtual Environment\noptions {words}\n"));
        }
        None => update_grub(world),
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grub(world: &mut World, words: &str) {
        world.write("/etc/default/grub.d/a.cfg", format!("{VARIABLE}=\"${VARIABLE} {words}\"\n"));
    }

    #[test]
    fn grub_starts_what_its_menu_says() {
        let mut world = World::of_host();
        grub(&mut world, "iommu=pt");
        assert!(words(&world).ends_with("ro quiet"));
        assert!(!refresh(&mut world), "nobody uses `proxmox-boot-tool`");
        update_grub(&mut world);
        assert!(words(&world).ends_with("ro quiet iommu=pt"), "{}", words(&world));
        world.put_file("/etc/default/grub.d/a.cfg", None);
        assert!(words(&world).ends_with("iommu=pt"));
        update_grub(&mut world);
        assert!(words(&world).ends_with("ro quiet"));
    }

    #[test]
    fn what_the_tool_of_proxmox_hands_over_depends_on_the_firmware() {
        let mut world = World::of_host();
        world.write(PARTITIONS, "ABCD-0123\n");
        world.write(CMDLINE, "root=ZFS=rpool/ROOT/pve-1 boot=zfs iommu=pt\n");
        assert!(refresh(&mut world));
        assert!(words(&world).ends_with("ro quiet"), "GRUB reads other files");
        world.write(UEFI, "");
        assert!(words(&world).ends_with("ro quiet"));
        refresh(&mut world);
        assert_eq!(words(&world), "root=ZFS=rpool/ROOT/pve-1 boot=zfs iommu=pt");
    }
}
