//! Programs that ask the kernel, and that make it be started otherwise: `uname`, `tee`, `update-initramfs`.

use crate::sim::programs::{Ran, Run};

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
