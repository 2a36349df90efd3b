//! The feature itself: a unit for each mount, which the boot does not wait for, and which is mounted now.

use phoenix_core::{
    Condition, Descriptor, Draft, Expect, Feature, Probe, Recipe, StepId,
    draft::{File, Service},
    feature::SiteKind,
};
use schemars::schema_for;

use crate::config::{Config, Mount};

const NAME: &str = "nfs-mounts";

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "mounts directories of an NFS server";
    let descriptor = Descriptor::new(NAME, about, schema_for!(Config));
    let descriptor = descriptor.after(["base-setup"]).at([SiteKind::Vm]);
    Box::new(Recipe::new(descriptor, draft).checked_by(Config::problems))
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    if config.mounts.is_empty() {
        return;
    }
    let packages = draft.packages(["nfs-common"], []);
    for mount in &config.mounts {
        attach(draft, mount, packages.clone());
    }
}

fn attach(draft: &mut Draft<'_>, mount: &Mount, packages: Option<StepId>) {
    let name = unit_name(&mount.target);
    let file = format!("/etc/systemd/system/{name}");
    let written = draft.write(&format!("write-{name}"), File::text(&file, unit(mount)), [packages.clone()]);
    let up = draft.service(&Service::new(&name, [file.as_str()]), [written, packages]);
    // A unit of a mount is active while it is mounted, by whomever.
    let probe =
        Probe::Unit { site: draft.site().clone(), name: name.clone(), reads: [file].into_iter().collect() };
    let mounted = Condition::new(probe, Expect::Active);
    let reason = format!("`{}` is mounted at `{}`", mount.source(), mount.target);
    draft.wait(&format!("mounted-{name}"), mounted, 60, reason, [up]);
}

/// Returns the unit. Without its server, the guest boots all the same, and programs wait rather than lose what they write.
fn unit(mount: &Mount) -> String {
    let access = if mount.read_only { "ro" } else { "rw" };
    format!(
        "# Written by Phoenix (feature nfs-mounts).
[Unit]
Description={source}
Wants=network-online.target
After=network-online.target

[Mount]
What={source}
Where={target}
Type=nfs4
Options={access},hard,nosuid,nodev,_netdev,nofail
TimeoutSec=30

[Install]
WantedBy=remote-fs.target
",
        source = mount.source(),
        target = mount.target,
    )
}

/// Returns the name that systemd has for a mount there.
fn unit_name(target: &str) -> String {
    let mut name = String::new();
    for (at, letter) in target.trim_start_matches('/').chars().enumerate() {
        match letter {
            '/' => name.push('-'),
            '.' if at == 0 => name.push_str("\\x2e"),
            letter if letter.is_ascii_alphanumeric() || "_.:".contains(letter) => name.push(letter),
            letter => name.push_str(&format!("\\x{:02x}", u32::from(letter))),
        }
    }
    name + ".mount"
}

#[cfg(test)]
mod tests {
    use super::unit_name;

    #[test]
    fn a_mount_is_called_as_systemd_calls_it() {
        for (target, name) in [
            ("/srv/data", "srv-data.mount"),
            ("/var/lib/my-app", "var-lib-my\\x2dapp.mount"),
            ("/.hidden", "\\x2ehidden.mount"),
            ("/srv/a.b+c", "srv-a.b\\x2bc.mount"),
        ] {
            assert_eq!(unit_name(target), name);
        }
    }
}
