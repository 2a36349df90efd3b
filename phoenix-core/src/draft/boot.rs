//! What of a host is only so after a boot: the initial RAM disk that the kernel is started with, and the boot itself.

use super::Draft;
use crate::{action::Action, condition::Condition, draft::Command, id::StepId};

/// What the kernel calls the boot that runs.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

impl Draft<'_> {
    /// Adds a reboot of the host, which all that stands behind it waits for. Where nobody has asked for reboots, it is held
    /// with all of that. The reboots of all features of a host are one.
    pub fn reboot(
        &mut self,
        reason: impl Into<String>,
        after: impl IntoIterator<Item = Option<StepId>>,
    ) -> StepId {
        let boot = self.output(["cat", BOOT_ID]).map(|text| text.trim().to_owned());
        let boot = boot.filter(|boot| !boot.is_empty());
        self.add("reboot", Action::Reboot { site: self.site.clone(), boot }, reason, after)
    }

    /// Returns the version of the kernel that runs.
    pub fn kernel(&self) -> Option<String> {
        let text = self.output(["uname", "-r"])?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// Adds a step that makes the initial RAM disk of the kernel that runs anew, if one of these files is newer than it.
    /// `after` are the steps of this draft that change them.
    pub fn initramfs<'p>(
        &mut self,
        reads: impl IntoIterator<Item = &'p str>,
        after: impl IntoIterator<Item = Option<StepId>>,
    ) -> Option<StepId> {
        let image = format!("/boot/initrd.img-{}", self.kernel()?);
        let newer = |path: &str| self.succeeds(["test", image.as_str(), "-nt", path]);
        let proofs: Vec<(&str, Condition)> = reads.into_iter().map(|path| (path, newer(path))).collect();
        let after: Vec<Option<StepId>> = after.into_iter().filter(Option::is_some).collect();
        let old: Vec<&(&str, Condition)> = proofs.iter().filter(|(_, proof)| !self.holds(proof)).collect();
        let (path, proof) = match (old.first(), proofs.first()) {
            (Some(first), _) => (*first).clone(),
            (None, Some(first)) if !after.is_empty() => first.clone(),
            (None, _) => return None,
        };
        let reason = format!("`{image}` is older than `{path}`");
        let command = Command::new(["update-initramfs", "-u"], proof, reason).again();
        self.run("make-initramfs", command, after)
    }
}
