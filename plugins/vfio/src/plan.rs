//! The feature itself: the IOMMU, the modules, and each device bound before a driver of the host takes it: by its numbers where
//! no other device has the same, else by its address.

use std::collections::BTreeSet;

use phoenix_core::{
    Descriptor, Diagnostic, Draft, Feature, Place, Recipe,
    draft::{File, PciFunction},
    feature::SiteKind,
};
use schemars::schema_for;

use crate::{
    cmdline,
    config::{Config, owners},
};

const NAME: &str = "vfio";
const BINDINGS: &str = "/etc/modprobe.d/phoenix-vfio.conf";
const MODULES: &str = "/etc/modules-load.d/phoenix-vfio.conf";
/// Before `80-drivers.rules`, which loads the drivers.
const RULES: &str = "/etc/udev/rules.d/10-phoenix-vfio.rules";
const DRIVER: &str = "vfio-pci";
/// Drivers for NVIDIA's cards.
const NVIDIA: [&str; 2] = ["nouveau", "nvidia"];
const HEAD: &str = "# Written by Phoenix (feature vfio).\n";

/// Returns the feature for the registry.
pub fn feature() -> Box<dyn Feature> {
    let about = "keeps PCI devices that virtual machines have from the host's own drivers";
    let descriptor =
        Descriptor::new(NAME, about, schema_for!(Config)).after(["host-base"]).at([SiteKind::Host]);
    Box::new(Recipe::new(descriptor, draft).checked_by(Config::problems))
}

fn draft(draft: &mut Draft<'_>, config: &Config) {
    if config.devices.is_empty() {
        return;
    }
    let Some(all) = draft.pci() else {
        // What lists the devices is missing; the next round knows.
        draft.packages(["pciutils"], []);
        return;
    };
    let slots: BTreeSet<String> = config.devices.iter().map(crate::config::Device::slot).collect();
    let (given, kept): (Vec<&PciFunction>, Vec<&PciFunction>) =
        all.iter().partition(|function| slots.contains(function.slot()));
    let mut is_whole = true;
    for (at, device) in config.devices.iter().enumerate() {
        if !given.iter().any(|function| function.slot() == device.slot()) {
            let message = format!(
                "the host has no PCI device `{}`, which {} shall have",
                device.address,
                device.owners()
            );
            let place = Place { path: format!("/devices/{at}/address"), ..Place::default() };
            draft.find(
                Diagnostic::error("vfio-missing", message)
                    .with_hint("`lspci -D` lists the devices")
                    .at(place),
            );
            is_whole = false;
        }
    }
    if !is_whole || is_shared(draft, config, &given, &kept) {
        return;
    }
    companions(draft, config, &given, &kept);
    let (by_id, by_address): (Vec<&PciFunction>, Vec<&PciFunction>) =
        given.iter().copied().partition(|function| !kept.iter().any(|other| other.id == function.id));
    equals(draft, config, &by_address, &kept);
    let bindings = draft.write("write-bindings", File::text(BINDINGS, bindings(&by_id, &given)), []);
    let rules = match by_address.is_empty() {
        true => draft.removed("remove-rules", RULES, "no device is bound by its address any more", []),
        false => draft.write("write-rules", File::text(RULES, rules(&by_address)), []),
    };
    let modules = File::text(MODULES, format!("{HEAD}vfio\nvfio_iommu_type1\nvfio_pci\n"));
    let modules = draft.write("write-modules", modules, []);
    let reads: Vec<&str> = [BINDINGS].into_iter().chain((!by_address.is_empty()).then_some(RULES)).collect();
    let image = draft.initramfs(reads, [bindings.clone(), rules.clone()]);
    let (boot, lacking) = cmdline::iommu(draft);
    reboot(draft, &given, &lacking, [bindings, rules, modules, image, boot]);
}

/// Adds a reboot if something is not in force yet that only a boot brings.
fn reboot(
    draft: &mut Draft<'_>,
    given: &[&PciFunction],
    lacking: &[&str],
    after: [Option<phoenix_core::StepId>; 5],
) {
    let taken: Vec<String> = given
        .iter()
        .filter_map(|function| Some((function, function.driver.as_deref()?)))
        .filter(|(_, driver)| *driver != DRIVER)
        .map(|(function, driver)| format!("`{}` is driven by `{driver}`", function.address))
        .collect();
    let mut reasons: Vec<String> = Vec::new();
    if !lacking.is_empty() {
        reasons.push(format!("the kernel runs without `{}`", lacking.join(" ")));
    }
    reasons.extend(taken);
    if !reasons.is_empty() {
        draft.reboot(reasons.join(", "), after);
        return;
    }
    if given.iter().any(|function| function.group.is_none()) {
        let message = "the kernel was told to use the IOMMU, and there is none: no device can be given to a virtual machine";
        let hint = "switch it on in the firmware of the host: VT-d, or AMD-Vi";
        draft.find(Diagnostic::warning("vfio-no-iommu", message).with_hint(hint));
    }
}

/// Refuses that a card is given away which containers use through the host's driver. Those are numbered anew without the cards
/// that are given away.
fn is_shared(draft: &mut Draft<'_>, config: &Config, given: &[&PciFunction], kept: &[&PciFunction]) -> bool {
    let left = kept.iter().filter(|function| function.is_nvidia_card()).count();
    let cards: Vec<&PciFunction> =
        given.iter().copied().filter(|function| function.is_nvidia_card()).collect();
    if cards.is_empty() {
        return false;
    }
    let mut is_shared = false;
    for (number, by) in &config.shared {
        if number.parse::<usize>().is_ok_and(|number| number < left) {
            continue;
        }
        let given: Vec<String> = cards.iter().map(|card| given_to(config, card)).collect();
        let message = format!(
            "GPU {number} is used by {} through the host's driver, which has {left} left: {} is not the driver's",
            owners(by),
            given.join(", "),
        );
        let hint =
            "a card is either a virtual machine's or the host's driver's: take it away from one of them";
        draft.find(Diagnostic::error("vfio-shared-card", message).with_hint(hint));
        is_shared = true;
    }
    is_shared
}

fn given_to(config: &Config, function: &PciFunction) -> String {
    let device = config.devices.iter().find(|device| device.slot() == function.slot());
    let owners = device.map_or_else(|| "a virtual machine".to_owned(), |device| device.owners());
    format!("`{}` ({}), which {owners} has,", function.address, function.name)
}

/// Tells of devices that are alike: to bind by numbers would take both.
fn equals(draft: &mut Draft<'_>, config: &Config, by_address: &[&PciFunction], kept: &[&PciFunction]) {
    for function in by_address {
        let Some(other) = kept.iter().find(|other| other.id == function.id) else { continue };
        let driver =
            other.driver.as_deref().map_or_else(String::new, |driver| format!(", driven by `{driver}`"));
        let message = format!(
            "{} is of the same sort ({}) as `{}`{driver}: it is bound by its address, and the other one stays",
            given_to(config, function),
            function.id,
            other.address,
        );
        draft.find(
            Diagnostic::note("vfio-equal-devices", message)
                .with_hint("nothing is to be done; addresses change when cards are moved"),
        );
    }
}

/// Warns of devices that go to the machine too because they stand in one group with one that it has.
fn companions(draft: &mut Draft<'_>, config: &Config, given: &[&PciFunction], kept: &[&PciFunction]) {
    for other in kept.iter().filter(|other| !other.class.starts_with("06")) {
        let Some(function) =
            given.iter().find(|function| function.group.is_some() && function.group == other.group)
        else {
            continue;
        };
        let message = format!(
            "{} stands in one group of the IOMMU with `{}` ({}), which the host loses when the machine starts",
            given_to(config, function),
            other.address,
            other.name,
        );
        draft.find(
            Diagnostic::warning("vfio-group", message)
                .with_hint("put the card into another slot of the board"),
        );
    }
}

fn bindings(by_id: &[&PciFunction], given: &[&PciFunction]) -> String {
    let mut text = HEAD.to_owned();
    let ids: BTreeSet<&str> = by_id.iter().map(|function| function.id.as_str()).collect();
    if !ids.is_empty() {
        text.push_str(&format!("options {DRIVER} ids={}\n", ids.into_iter().collect::<Vec<_>>().join(",")));
    }
    // Those that are there now, and those that NVIDIA's installer brings: else a driver that comes later comes first at a boot.
    let brought =
        given.iter().any(|function| function.is_nvidia_card()).then_some(NVIDIA).into_iter().flatten();
    let modules: BTreeSet<&str> = given
        .iter()
        .flat_map(|function| function.modules.iter().chain(&function.driver))
        .map(String::as_str)
        .chain(brought)
        .collect();
    for module in modules.into_iter().filter(|module| *module != DRIVER && *module != "vfio_pci") {
        text.push_str(&format!("softdep {module} pre: {DRIVER}\n"));
    }
    text
}

fn rules(by_address: &[&PciFunction]) -> String {
    let rule = |function: &&PciFunction| {
        format!(
            "ACTION==\"add\", SUBSYSTEM==\"pci\", KERNEL==\"{}\", ATTR{{driver_override}}=\"{DRIVER}\"\n",
            function.address
        )
    };
    format!("{HEAD}{}", by_address.iter().map(rule).collect::<String>())
}
