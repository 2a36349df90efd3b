//! The feature itself: what it claims, and in which order its parts come.

mod host;
mod libraries;
mod toolkit;

use std::collections::BTreeSet;

use phoenix_core::{
    Claim, Condition, Descriptor, Draft, Evidence, Expect, Feature, GuestKind, Probe, Recipe, StepId,
};
use schemars::schema_for;

use crate::config::{Config, Libraries, Passthrough};

const NAME: &str = "gpu";
/// How long a driver may take to answer, in seconds: the first question after a boot initialises the cards.
const PATIENCE: u32 = 60;

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "gives a guest graphics cards of its node, with libraries that match the driver";
    let descriptor = Descriptor::new(NAME, about, schema_for!(Config));
    let descriptor = descriptor.after(["base-setup", "trusted-ca"]);
    Box::new(Recipe::new(descriptor, draft).claiming(claims))
}

fn claims(config: &Config) -> Vec<Claim> {
    let cards = config.pci.iter().map(|device| Claim::Pci { device: device.clone() });
    cards.chain(devices(config)).collect()
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    let guest = draft.site().guest().map(|guest| guest.kind);
    let driver = match guest {
        Some(GuestKind::Lxc) => {
            if !config.pci.is_empty() {
                draft.refuse("/pci", "a container cannot have a PCI device", "name the cards in `devices`");
            }
            host::check(draft, config)
        }
        Some(GuestKind::Vm) => {
            machine(draft, config);
            host::Driver { version: config.driver_version.clone(), ..host::Driver::default() }
        }
        None => return,
    };
    if config.devices.is_empty() && config.pci.is_empty() {
        draft.refuse("", "no card is named", "name them in `devices` (containers) or `pci` (machines)");
    }
    if driver.version.is_none() && config.libraries == Libraries::Packages && config.packages.is_empty() {
        // The version says which packages they are, and the container will see it: the next round has the rest.
        let seen = Condition::new(Probe::file(draft.site(), host::KERNEL), Expect::Present);
        draft.wait("find-driver", seen, PATIENCE, "the version of the driver is not known yet", []);
        return;
    }
    let libraries = libraries::draft(draft, config, driver.version.as_deref());
    let proofs = proofs(draft, &driver, libraries);
    if config.docker {
        toolkit::draft(draft, guest, proofs);
    }
}

fn devices(config: &Config) -> Vec<Claim> {
    let raw = |key: &str, value: String| Claim::RawKey { key: key.to_owned(), value };
    let nodes = config.nodes();
    match config.passthrough {
        // Programs of the guest do not run as root, and the node's own rights mean nothing to its users.
        Passthrough::Devices => {
            nodes.into_iter().map(|path| Claim::Device { path, mode: Some(0o666) }).collect()
        }
        Passthrough::RawKeys if nodes.is_empty() => Vec::new(),
        Passthrough::RawKeys => {
            let allow = |major: &u32| raw("lxc.cgroup2.devices.allow", format!("c {major}:* rwm"));
            let entry = |path: &String| {
                let inside = path.trim_start_matches('/');
                raw("lxc.mount.entry", format!("{path} {inside} none bind,optional,create=file"))
            };
            let majors: BTreeSet<&u32> =
                config.drivers().iter().filter_map(|driver| config.majors.get(*driver)).collect();
            majors.into_iter().map(allow).chain(nodes.iter().map(entry)).collect()
        }
    }
}

fn machine(draft: &mut Draft<'_>, config: &Config) {
    if !config.devices.is_empty() {
        let hint = "name mappings or PCI addresses of the cards in `pci`";
        draft.refuse("/devices", "a virtual machine cannot share the node's driver", hint);
    }
    if config.passthrough == Passthrough::RawKeys {
        draft.refuse("/passthrough", "raw keys are for containers", "take it out");
    }
    match config.libraries {
        Libraries::Runfile => {
            let hint = "use `libraries: packages`, which bring the kernel module as well";
            draft.refuse("/libraries", "the installer brings no kernel module for a machine", hint);
        }
        Libraries::Packages if config.driver_version.is_none() => {
            let hint = "write the driver's branch or version, for instance \"driver_version\": \"580\"";
            draft.refuse(
                "/driver_version",
                "a virtual machine has a driver of its own, and none is named",
                hint,
            );
        }
        Libraries::Packages | Libraries::None => {}
    }
}

/// The guest sees its cards: each that the node has told of, or at least one.
fn proofs(draft: &mut Draft<'_>, driver: &host::Driver, after: Vec<StepId>) -> Vec<StepId> {
    let site = draft.site();
    let list = draft.succeeds(["nvidia-smi", "-L"]);
    let kept_out: Vec<u32> =
        driver.cards.keys().copied().filter(|number| is_kept_out(draft, *number)).collect();
    let restart =
        format!("it runs without its cards, which come in at its next start: `phoenix restart {site}`");
    let reason = if kept_out.is_empty() { "the driver has not answered from inside" } else { &restart };
    let waits = draft.wait("see-driver", list, PATIENCE, reason, after.iter().cloned().map(Some));
    let mut steps = after;
    steps.extend(waits.clone());
    for (number, uuid) in &driver.cards {
        let ask = Probe::command(site, ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]);
        let seen = Condition::new(ask, Expect::SaysLine { line: uuid.clone() });
        let reason = match kept_out.contains(number) {
            true => restart.clone(),
            false => format!("GPU {number} (`{uuid}`) has not shown itself inside"),
        };
        steps.extend(draft.wait(&format!("see-gpu-{number}"), seen, PATIENCE, reason, [waits.clone()]));
    }
    steps
}

/// Tells whether a container runs on the node's kernel without a card's node: Proxmox VE lets devices in at a start.
fn is_kept_out(draft: &Draft<'_>, number: u32) -> bool {
    let node = Probe::file(draft.site(), format!("/dev/nvidia{number}"));
    draft.file(host::KERNEL).is_some() && matches!(draft.ask(node), Some(Evidence::Absent))
}
