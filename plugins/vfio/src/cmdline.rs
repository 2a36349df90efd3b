//! The words that the kernel is started with, where GRUB starts it and where `proxmox-boot-tool` does.

use phoenix_core::{
    Action, Condition, Content, Draft, Expect, Probe, StepId,
    draft::{Command, File},
};

/// What the kernel was started with.
const CMDLINE: &str = "/proc/cmdline";
/// What it is started with where systemd-boot does it.
const KERNEL: &str = "/etc/kernel/cmdline";
/// Which partitions `proxmox-boot-tool` looks after. Without it, it does nothing.
const PARTITIONS: &str = "/etc/kernel/proxmox-boot-uuids";
/// What was handed to `proxmox-boot-tool` last: its copies lie where nobody mounts them.
const HANDED: &str = "/var/lib/phoenix/boot/cmdline";
/// A file of Phoenix's own beside that of GRUB.
const GRUB: &str = "/etc/default/grub.d/phoenix-iommu.cfg";
/// What is there wherever GRUB is.
const GRUB_DEFAULTS: &str = "/etc/default/grub";
const GRUB_MENU: &str = "/boot/grub/grub.cfg";

/// Has the kernel be started with the IOMMU on. Returns the last step, and the words that are not in force yet.
pub(crate) fn iommu(draft: &mut Draft<'_>) -> (Option<StepId>, Vec<&'static str>) {
    // AMD's is on by itself; Intel's has to be asked for by older kernels.
    let vendor = draft.output(["grep", "-m", "1", "vendor_id", "/proc/cpuinfo"]).unwrap_or_default();
    let wanted: &[&str] =
        if vendor.contains("GenuineIntel") { &["intel_iommu=on", "iommu=pt"] } else { &["iommu=pt"] };
    let has = |text: &str, word: &str| text.split_whitespace().any(|other| other == word);
    let now = draft.output(["cat", CMDLINE]).unwrap_or_default();
    let lacking = wanted.iter().copied().filter(|word| !has(now, word)).collect();
    // The installer writes the words for systemd-boot on hosts that GRUB starts too, so those tell nothing.
    let step = match draft.file(PARTITIONS) {
        Some(_) => boot_tool(draft, wanted),
        None => grub(draft, wanted),
    };
    (step, lacking)
}

fn grub(draft: &mut Draft<'_>, wanted: &[&str]) -> Option<StepId> {
    let words = wanted.join(" ");
    let written = draft.write("write-cmdline", added(&words), []);
    let proof = draft.succeeds(["grep", "-q", "-F", "-e", &words, GRUB_MENU]);
    let reason = format!("`{GRUB_MENU}` does not start the kernel with `{words}`");
    draft
        .run("update-grub", Command::new(["update-grub"], proof, reason).again(), [written.clone()])
        .or(written)
}

/// Tells both loaders where `proxmox-boot-tool` looks after them: which one it gives the kernel to is the firmware's affair.
fn boot_tool(draft: &mut Draft<'_>, wanted: &[&str]) -> Option<StepId> {
    let words = wanted.join(" ");
    let has_grub = draft.file(GRUB_DEFAULTS).is_some();
    let grub = if has_grub { draft.write("write-cmdline", added(&words), []) } else { None };
    let (line, kernel) = match draft.file(KERNEL).and_then(|file| file.text.as_deref()) {
        None => (words.clone(), None),
        Some(text) => {
            // Lines of others are left as they are, with what is missing behind them.
            let mut line: Vec<&str> = text.split_whitespace().collect();
            line.extend(wanted.iter().filter(|word| !text.split_whitespace().any(|other| other == **word)));
            let line = line.join(" ");
            let is_right = text.trim() == line;
            let file = File::text(KERNEL, format!("{line}\n"));
            let kernel = if is_right { None } else { draft.write("write-kernel-cmdline", file, []) };
            (line, kernel)
        }
    };
    let note = format!("{line}\n");
    let is_handed = draft.file(HANDED).is_some_and(|file| file.text.as_deref() == Some(note.as_str()));
    if is_handed && grub.is_none() && kernel.is_none() {
        return None;
    }
    let (path, said) = match draft.file(KERNEL) {
        Some(_) => (KERNEL, line.clone()),
        None => (GRUB, assignment(&words)),
    };
    let proof = Condition::new(Probe::command(draft.site(), ["cat", path]), Expect::SaysLine { line: said });
    let argv = ["proxmox-boot-tool", "refresh"].map(str::to_owned).to_vec();
    let action = Action::Run { site: draft.site().clone(), argv, stdin: None, proof };
    let reason = format!("the boot loader does not know that the kernel is started with `{line}`");
    let refreshed = draft.add("refresh-boot", action, reason, [grub, kernel]);
    let handed = File::text(HANDED, "").holding(Content::Text(note));
    draft.write("note-boot", handed, [Some(refreshed.clone())]).or(Some(refreshed))
}

/// Returns the file beside GRUB's own.
fn added(words: &str) -> File<'static> {
    File::text(GRUB, format!("# Written by Phoenix (feature vfio).\n{}\n", assignment(words)))
}

fn assignment(words: &str) -> String {
    format!("GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT {words}\"")
}
