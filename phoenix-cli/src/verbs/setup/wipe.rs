//! `setup --wipe-disks`: disks that may lose what is on them, each named, shown and asked about.

use std::collections::BTreeSet;

use clap::Args;
use phoenix_core::{Desired, Plan, Step};
use serde_json::Value;

use crate::{context::Context, error::Error, ui};

/// Where disks have names that stay.
const BY_ID: &str = "/dev/disk/by-id/";
/// The feature that makes pools, and what its steps that wipe a disk are called.
const FEATURE: &str = "zfs";
const VERB: &str = "wipe-";

/// Which disks may be wiped.
#[derive(Clone, Debug, Args)]
pub(crate) struct Wipe {
    /// A disk that a pool is to be made on and that may lose what it holds, by its whole path under `/dev/disk/by-id/`. May be
    /// given several times. What is on it is shown, and its serial number or name has to be typed. A disk that is mounted, that
    /// the system stands on or that is part of a pool in use is refused all the same.
    #[arg(long = "wipe-disks", value_name = "DISK", value_parser = disk)]
    disks: Vec<String>,
    /// Do not ask.
    #[arg(short, long, requires = "disks")]
    yes: bool,
}

impl Wipe {
    /// Tells whether any disk may be wiped.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.disks.is_empty()
    }

    /// Has the feature that makes pools know the disks that may be wiped.
    pub(crate) fn tell(&self, desired: &mut Desired) {
        let disks: BTreeSet<&String> = self.disks.iter().collect();
        let features = desired.resources.values_mut().flat_map(|declared| &mut declared.features);
        for one in features.filter(|one| one.name == FEATURE) {
            if let Some(config) = one.config.as_object_mut() {
                config.insert(
                    "wipe_disks".to_owned(),
                    disks.iter().map(|disk| Value::from(disk.as_str())).collect(),
                );
            }
        }
    }

    /// Shows what a plan wipes, and asks for each disk, unless the user does not want to be asked.
    pub(crate) fn consent(&self, context: &Context, plan: &Plan) -> Result<(), Error> {
        let is_wipe = |step: &&Step| step.id.owner() == FEATURE && step.id.verb().starts_with(VERB);
        for step in plan.steps.iter().chain(&plan.held).filter(is_wipe) {
            context.ui.say(&ui::step(step));
            if self.yes {
                continue;
            }
            let name = step.id.verb().trim_start_matches(VERB);
            let serial = name.rsplit('_').next().unwrap_or(name);
            let question = format!("all of it will be lost. Type `{serial}` or `{name}` to wipe this disk:");
            context.ui.ask_for(&question, &[serial, name])?;
        }
        Ok(())
    }
}

fn disk(text: &str) -> Result<String, String> {
    let name = text.strip_prefix(BY_ID).unwrap_or_default();
    let is_name = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:+=@".contains(&byte));
    if !is_name {
        return Err(format!("`{text}` is no path under `{BY_ID}`: `ls -l {BY_ID}` shows them"));
    }
    if name.rsplit_once("-part").is_some_and(|(_, number)| number.parse::<u32>().is_ok()) {
        return Err(format!("`{text}` is a partition; name the whole disk"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::disk;

    #[test]
    fn a_disk_is_named_by_its_whole_path_that_stays() {
        assert!(disk("/dev/disk/by-id/nvme-Samsung_SSD_990_EVO_Plus_2TB_A").is_ok());
        for text in [
            "/dev/sda",
            "nvme-A",
            "/dev/disk/by-id/",
            "/dev/disk/by-id/a/../b",
            "/dev/disk/by-id/nvme-A-part1",
        ] {
            assert!(disk(text).is_err(), "{text}");
        }
    }
}
