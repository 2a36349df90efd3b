//! The words that the kernel is started with, where GRUB starts it and where `proxmox-boot-tool` does.

use phoenix_core::{
    Action, Condition, Content, Draft, Expect, Probe, StepId,
    draft::{Command, File},
};

/// What the kernel was started with.
const CMDLINE: &str = "/proc/cmdline";
/// What it is started with where systemd-boot does it.
const KERNEL: &str = "/etc/kernel/cmdline";
/// What was handed to systemd-boot last: its own copies lie where nobody mounts them.
const HANDED: &str = "/var/lib/phoenix/boot/cmdline";
/// A file of Phoenix's own beside that of GRUB.
const GRUB: &str = "/etc/default/grub.d/phoenix-iommu.cfg";
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
    let step = match draft.file(KERNEL).and_then(|file| file.text.as_deref()) {
        Some(text) => systemd_boot(draft, text.trim(), wanted),
        None => grub(draft, wanted),
    };
    (step, lacking)
}

fn grub(draft: &mut Draft<'_>, wanted: &[&str]) -> Option<StepId> {
    let words = wanted.join(" ");
    let text = format!(
        "# Written by Phoenix (feature vfio).\nGRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT {words}\"\n"
    );
    let written = draft.write("write-cmdline", File::text(GRUB, text), []);
    let proof = draft.succeeds(["grep", "-q", "-F", "-e", &words, GRUB_MENU]);
    let reason = format!("`{GRUB_MENU}` does not start the kernel with `{words}`");
    draft
        .run("update-grub", Command::new(["update-grub"], proof, reason).again(), [written.clone()])
        .or(written)
}

fn systemd_boot(draft: &mut Draft<'_>, text: &str, wanted: &[&str]) -> Option<StepId> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    words.extend(wanted.iter().filter(|word| !text.split_whitespace().any(|other| other == **word)));
    let line = format!("{}\n", words.join(" "));
    let is_right = text == line.trim();
    // Lines of others are left as they are, with what is missing behind them.
    let written = match is_right {
        true => None,
        false => draft.write("write-cmdline", File::text(KERNEL, line.clone()), []),
    };
    let is_handed = draft.file(HANDED).is_some_and(|file| file.text.as_deref() == Some(line.as_str()));
    if is_handed && written.is_none() {
        return None;
    }
    let proof = Condition::new(
        Probe::command(draft.site(), ["cat", KERNEL]),
        Expect::SaysLine { line: line.trim().to_owned() },
    );
    let argv = ["proxmox-boot-tool", "refresh"].map(str::to_owned).to_vec();
    let action = Action::Run { site: draft.site().clone(), argv, stdin: None, proof };
    let reason = format!("systemd-boot does not know that `{KERNEL}` is `{}`", line.trim());
    let refreshed = draft.add("refresh-boot", action, reason, [written]);
    let handed = File::text(HANDED, "").holding(Content::Text(line));
    draft.write("note-boot", handed, [Some(refreshed.clone())]).or(Some(refreshed))
}
