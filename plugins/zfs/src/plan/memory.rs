//! The most memory that ZFS takes for its cache: said to the module for every boot, and to the one that runs.

use phoenix_core::{
    Condition, Content, Draft, Expect, Probe, StepId,
    draft::{Command, File},
};

const FILE: &str = "/etc/modprobe.d/zfs.conf";
const LIVE: &str = "/sys/module/zfs/parameters/zfs_arc_max";

/// Limits the memory.
pub(super) fn limit(draft: &mut Draft<'_>, gib: Option<u64>, packages: &Option<StepId>) {
    let Some(bytes) = gib.map(|gib| gib << 30) else { return };
    // The installer of Proxmox VE has a line of its own there; the last one holds.
    let lines = vec![format!("options zfs zfs_arc_max={bytes}")];
    let content = Content::Block { owner: super::NAME.to_owned(), lines };
    let written = draft.write("limit-memory", File::text(FILE, "").holding(content), [packages.clone()]);
    // From the initial RAM disk the module is loaded where the root is on ZFS, with what stands there.
    if draft.output(["findmnt", "-n", "-o", "FSTYPE", "/"]).is_some_and(|kind| kind.trim() == "zfs") {
        draft.initramfs([FILE], [written]);
    }
    let probe = Probe::command(draft.site(), ["cat", LIVE]);
    // Before the module is loaded there is nothing to say it to.
    if let Some(now) = draft.output(["cat", LIVE]) {
        let now = now.trim();
        let reason = format!("`zfs_arc_max`: {now} -> {bytes} ({gib} GiB)", gib = bytes >> 30);
        let proof = Condition::new(probe, Expect::SaysLine { line: bytes.to_string() });
        let tell = Command::new(["tee", LIVE], proof, reason).reading(Content::Text(format!("{bytes}\n")));
        draft.run("limit-memory-now", tell, []);
    }
}
