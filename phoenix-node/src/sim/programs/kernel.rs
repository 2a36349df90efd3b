//! Programs that ask the kernel and its devices, and that have it started otherwise: `uname`, `lspci`, `modinfo`, `tee`.

use crate::sim::{
    boot, gpu,
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
    let image = format!("/boot/initrd.img-{VERSION}");
    run.world.write(&image, "");
    run.world.touch(&image);
    Ran::said(format!("update-initramfs: Generating {image}\n"))
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
    let has_iommu = run.world.text("/proc/cmdline").is_some_and(|text| text.contains("iommu=pt"));
    let mut text = String::new();
    for (number, card) in &run.world.gpus().cards {
        let slot = card.address.split('.').next().unwrap_or_default();
        let id = device_id(&card.name);
        let own = if run.world.gpus().driver.is_empty() { None } else { Some("nvidia") };
        let display = (0, "VGA compatible controller [0300]", format!("{} [{id}]", card.name), own);
        let audio = (1, "Audio device [0403]", "Audio [22eb]".to_owned(), Some("snd_hda_intel"));
        for (function, class, device, driver) in [display, audio] {
            let address = format!("{slot}.{function}");
            let bound = run.world.file(&format!("{}{address}", boot::BOUND)).map(|_| "vfio-pci");
            text.push_str(&format!(
                "Slot:\t{address}\nClass:\t{class}\nVendor:\tNVIDIA Corporation [10de]\nDevice:\t{device}\n"
            ));
            text.extend(bound.or(driver).map(|driver| format!("Driver:\t{driver}\n")));
            let module = if function == 0 { "nvidia" } else { "snd_hda_intel" };
            text.push_str(&format!("Module:\t{module}\n"));
            if has_iommu {
                text.push_str(&format!("IOMMUGroup:\t{}\n", number + 10));
            }
            text.push('\n');
        }
    }
    Ran::said(text)
}
