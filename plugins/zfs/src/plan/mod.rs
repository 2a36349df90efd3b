//! The feature itself: pools, then datasets, then the memory that ZFS takes.

mod dataset;
mod memory;
mod pool;

use std::collections::BTreeSet;

use phoenix_core::{Descriptor, Diagnostic, Draft, Feature, Recipe, feature::SiteKind};
use schemars::schema_for;

use crate::{
    config::Config,
    datasets, pools,
    property::{self, Kind},
};

const NAME: &str = "zfs";

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "has pools and datasets of ZFS, made on disks that are proven empty and on no others";
    let descriptor =
        Descriptor::new(NAME, about, schema_for!(Config)).after(["host-base"]).at([SiteKind::Host]);
    Box::new(Recipe::new(descriptor, draft).checked_by(Config::problems))
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    if config.allow_destructive_operations {
        let message = "`allow_destructive_operations` allows nothing: no disk that holds anything is touched because of it";
        let hint = "take it out; `phoenix setup --wipe-disks DISK` names each disk that may be wiped";
        draft.find(Diagnostic::note("zfs-nothing-allowed", message).with_hint(hint));
    }
    if !can_load(draft) {
        let message = "the kernel of this host cannot load `zfs`: its pools and datasets are left out";
        let hint = "a kernel of Proxmox VE has it; `modprobe zfs` says more";
        draft.find(Diagnostic::warning("zfs-unavailable", message).with_hint(hint));
        return;
    }
    let packages = draft.packages(["zfsutils-linux"], []);
    memory::limit(draft, config.arc_max_gb, &packages);
    if packages.is_some() {
        // Nothing can be known of pools yet; the next round knows.
        return;
    }
    let Some(found) = pools::imported(draft, &properties(config, Kind::Pool)) else {
        unreadable(draft, "zpool list", config.pools.is_empty());
        return;
    };
    let Some(datasets) = datasets::read(draft, &properties(config, Kind::Dataset)) else {
        unreadable(draft, "zfs list", config.pools.is_empty() && config.datasets.is_empty());
        return;
    };
    let made = pool::pools(draft, config, &found, &datasets);
    dataset::datasets(draft, config, (&found, &datasets), &made);
}

/// Tells whether the kernel has ZFS, or could have it.
fn can_load(draft: &Draft<'_>) -> bool {
    let loaded = draft.succeeds(["test", "-d", "/sys/module/zfs"]);
    let loadable = draft.succeeds(["modprobe", "--dry-run", "--quiet", "zfs"]);
    draft.holds(&loaded) || draft.holds(&loadable)
}

/// Says that a question about pools has no answer, once it has been put.
fn unreadable(draft: &mut Draft<'_>, command: &str, is_nothing_wanted: bool) {
    let is_asked =
        draft.ask(phoenix_core::Probe::command(draft.site(), ["test", "-d", "/sys/module/zfs"])).is_some();
    if is_nothing_wanted || !is_asked {
        return;
    }
    let message = format!("`{command}` does not tell what there is, so nothing is made");
    draft.find(
        Diagnostic::warning("zfs-unreadable", message)
            .with_hint(format!("run `{command}` on the host and look at what it says")),
    );
}

/// Returns the properties of a kind that the configuration names anywhere.
fn properties(config: &Config, kind: Kind) -> Vec<String> {
    let of_pools = config.pools.iter().flat_map(|pool| pool.properties.keys());
    let all = of_pools.chain(config.datasets.iter().flat_map(|dataset| dataset.properties.keys()));
    let names: BTreeSet<&String> = all.filter(|name| property::kind(name) == Some(kind)).collect();
    names.into_iter().cloned().collect()
}
