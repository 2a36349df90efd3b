//! Programs that ask the kernel and its devices, and that have it started otherwise: `uname`, `lspci`, `modinfo`, `tee`,
//! `update-initramfs`, `update-grub`, `proxmox-boot-tool`.

use crate::sim::{
    boot, gpu, loader, modules,
    programs::{Ran, Run},
};

/// The kernel that every simulated host runs.
pub(crate) const VERSION: &str = "6.14.8-2-pve";

pub(super) fn uname(run: Run<'_>) -> Ran {
    match run.words()[..] {
        ["-r"] => Ran::said(format!("{VERSION}\n")),
        ["-m"] => Ran::said("x86_64\n"),
        _ => Ran::said("Linux\n"),
    }
}

pub(super) fn tee(run: Run<'_>) -> Ran {
    let text = String::from_utf8_lossy(run.stdin.unwrap_or_default()).into_owned();
    for path in run.words() {
        if path.starts_with("/sys/") && run.world.file(path).is_none() {
            return Ran::failed(1, format!("tee: {path}: No such file or directory"));
        }
        run.world.write(path, text.clone());
        run.world.touch(path);
    }
    Ran::said(text)
}

pub(super) fn update_initramfs(run: Run<'_>) -> Ran {
    let image = modules::make_image(run.world);
    Ran::said(format!("update-initramfs: Generating {image}\n"))
}

pub(super) fn update_grub(run: Run<'_>) -> Ran {
    loader::update_grub(run.world);
    Ran::said("Generating grub configuration file ...\ndone\n")
}

pub(super) fn boot_tool(run: Run<'_>) -> Ran {
    if run.words()[..] != ["refresh"] {
        return Ran::failed(1, "proxmox-boot-tool: only `refresh` is simulated");
    }
    match loader::refresh(run.world) {
        true => Ran::said("Copying and configuring kernels\n"),
        false => Ran::said("No /etc/kernel/proxmox-boot-uuids found, skipping ESP sync.\n"),
    }
}

/// Says which driver there is on the disk.
pub(super) fn modinfo(run: Run<'_>) -> Ran {
    match (&run.words()[..], gpu::library(run.world)) {
        (["-F", "version", "nvidia"], Some(version)) => Ran::said(format!("{version}\n")),
        (["-F", "version", "nvidia"], None) => Ran::failed(1, "modinfo: ERROR: Module nvidia not found."),
        (..) => Ran::failed(1, "modinfo: only the version of `nvidia` is simulated"),
    }
}

/// Returns the number that all cards of a name have.
pub(crate) fn device_id(name: &str) -> String {
    format!("{:04x}", name.bytes().fold(0x2d04u16, |sum, byte| sum.rotate_left(3) ^ u16::from(byte)))
}

/// Lists the graphics cards, each with the sound that comes out of it.
pub(super) fn lspci(run: Run<'_>) -> Ran {
    if run.words()[..] != ["-D", "-vmm", "-nn", "-k"] {
        return Ran::failed(1, "lspci: only `lspci -D -vmm -nn -k` is simulated");
    }
    let (has_iommu, gpus) = (boot::has_iommu(run.world), run.world.gpus());
    let own = match (gpus.driver.is_empty(), run.world.file(modules::NOUVEAU)) {
        (false, _) => Some("nvidia"),
        (true, Some(_)) => Some("nouveau"),
        (true, None) => None,
    };
    // Which modules there are for a device is what is on the disk.
    let brought = gpu::library(run.world).map(|_| "nvidia");
    let mut text = String::new();
    for (number, card) in &gpus.cards {
        let classes = ["VGA compatible controller [0300]", "Audio device [0403]"];
        let names = [card.name.as_str(), "Audio"];
        for (at, (address, id)) in modules::functions(card).into_iter().enumerate() {
            let (class, name) = (classes[at], names[at]);
            text.push_str(&format!(
                "Slot:\t{address}\nClass:\t{class}\nVendor:\tNVIDIA Corporation [10de]\nDevice:\t{name} [{id}]\n"
            ));
            let driver = match (modules::is_bound(run.world, &address), at) {
                (true, _) => Some("vfio-pci"),
                (false, 0) => own,
                (false, _) => Some("snd_hda_intel"),
            };
            text.extend(driver.map(|driver| format!("Driver:\t{driver}\n")));
            let found: &[&str] = if at == 0 { &["nvidiafb", "nouveau"] } else { &["snd_hda_intel"] };
            for module in found.iter().copied().chain(brought.filter(|_| at == 0)) {
                text.push_str(&format!("Module:\t{module}\n"));
            }
            if has_iommu {
                text.push_str(&format!("IOMMUGroup:\t{}\n", number + 10));
            }
            text.push('\n');
        }
    }
    Ran::said(text)
}
