//! Who may set which option of a guest: every option has a privilege of its own, and some are for `root@pam` alone.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::GuestKind;

use crate::{
    api::{Call, reply::Refusal},
    state::{
        config::{self, property, split_index, volume_of},
        guest::Guest,
    },
    work::is_size,
};

/// A guest whose options are to change, and the pool that a new one is to be in.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) kind: GuestKind,
    pub(crate) vmid: u32,
    pub(crate) pool: Option<&'a str>,
    /// Whether a container is unprivileged.
    pub(crate) unprivileged: bool,
    /// The guest as it is; nothing of a new one.
    pub(crate) present: Option<&'a Guest>,
}

/// Refuses a caller who may not set or delete one of these options.
pub(crate) fn check(
    call: &Call<'_>,
    target: Target<'_>,
    set: &BTreeMap<String, String>,
    delete: &[String],
) -> Result<(), Refusal> {
    if call.caller.is_root() {
        return Ok(());
    }
    let new = set.iter().map(|(key, value)| (key.as_str(), Some(value.as_str())));
    let gone = delete.iter().map(|key| (key.as_str(), None));
    for (key, value) in new.chain(gone) {
        match target.kind {
            GuestKind::Lxc => of_container(call, target, key, value)?,
            GuestKind::Vm => of_machine(call, target, key, value)?,
        }
    }
    Ok(())
}

/// Refuses a caller who may not use the bridge of a network card.
pub(crate) fn check_bridge(call: &Call<'_>, net: &str) -> Result<(), Refusal> {
    let Some(bridge) = property(net, "bridge") else { return Ok(()) };
    let path = format!("/sdn/zones/localnetwork/{bridge}");
    let trunks = property(net, "trunks").unwrap_or_default();
    for tag in property(net, "tag").into_iter().chain(trunks.split(';').filter(|tag| !tag.is_empty())) {
        call.need(&format!("{path}/{tag}"), &["SDN.Use"])?;
    }
    match property(net, "tag").is_none() && trunks.is_empty() {
        true => call.need(&path, &["SDN.Use"]),
        false => Ok(()),
    }
}

/// Refuses a caller who may not use a volume, or what makes a new one, for a guest.
fn check_volume(call: &Call<'_>, target: Target<'_>, volume: &str) -> Result<(), Refusal> {
    let Some((storage, rest)) = volume.split_once(':') else {
        return Err(Refusal::failed("only root can pass arbitrary filesystem paths."));
    };
    let path = format!("/storage/{storage}");
    if is_size(rest) {
        return call.need(&path, &["Datastore.AllocateSpace"]);
    }
    if rest == "cloudinit" || call.may(&path, &["Datastore.Allocate"]) {
        return Ok(());
    }
    if ["iso/", "vztmpl/", "import/", "snippets/"].iter().any(|start| rest.starts_with(start)) {
        return call.need_any(&path, &["Datastore.AllocateSpace", "Datastore.Audit"]);
    }
    let owner = call.state.guests.values().find(|guest| guest.volumes.contains_key(volume));
    match owner.map(|guest| guest.vmid) {
        Some(owner) if owner == target.vmid => Ok(()),
        Some(owner) => {
            call.need(&path, &["Datastore.Audit"])?;
            call.need(&format!("/vms/{owner}"), &["VM.Config.Disk"])
        }
        None => Err(Refusal::failed(format!("missing privileges to access {volume}"))),
    }
}

fn of_container(call: &Call<'_>, target: Target<'_>, key: &str, value: Option<&str>) -> Result<(), Refusal> {
    let need = |name: &str| call.need_on_guest(target.vmid, target.pool, &[name]);
    let present = target.present.and_then(|guest| guest.get(key));
    match split_index(key) {
        ("cores" | "cpuunits" | "cpulimit", None) => need("VM.Config.CPU"),
        ("memory" | "swap", None) => need("VM.Config.Memory"),
        ("nameserver" | "searchdomain" | "hostname", None) => need("VM.Config.Network"),
        ("net", Some(_)) => {
            need("VM.Config.Network")?;
            present.into_iter().chain(value).try_for_each(|net| check_bridge(call, net))
        }
        ("rootfs", None) | ("mp", Some(_)) => {
            need("VM.Config.Disk")?;
            let Some(volume) = value.map(volume_of) else { return Ok(()) };
            match volume {
                path if path.starts_with("/dev/") => only_root("mount point type device is"),
                path if path.starts_with('/') => only_root("mount point type bind is"),
                // A size alone is one on the storage that the call names.
                size if !size.contains(':') => Ok(()),
                volume => check_volume(call, target, volume),
            }
        }
        ("dev", Some(_)) => only_root("configuring device passthrough is"),
        ("hookscript", None) => only_root("changing the hookscript is"),
        ("features", None) => {
            if !target.unprivileged {
                return only_root("changing feature flags for privileged container is");
            }
            let changed = changed_flags(present.unwrap_or_default(), value.unwrap_or_default());
            if changed.iter().any(|flag| *flag != "nesting") {
                return only_root("changing feature flags (except nesting) is");
            }
            if changed.is_empty() { Ok(()) } else { need("VM.Allocate") }
        }
        _ => need("VM.Config.Options"),
    }
}

fn of_machine(call: &Call<'_>, target: Target<'_>, key: &str, value: Option<&str>) -> Result<(), Refusal> {
    let need = |name: &str| call.need_on_guest(target.vmid, target.pool, &[name]);
    let present = target.present.and_then(|guest| guest.get(key));
    let real = || Err(Refusal::failed(format!("only root can set '{key}' config for real devices")));
    match split_index(key) {
        _ if config::is_disk(GuestKind::Vm, key) => {
            let drive = value.or(present).unwrap_or_default();
            match (drive.contains("cloudinit"), property(drive, "media") == Some("cdrom")) {
                (true, _) => {
                    need("VM.Config.Cloudinit")?;
                    need("VM.Config.CDROM")?;
                }
                (false, true) => need("VM.Config.CDROM")?,
                (false, false) => need("VM.Config.Disk")?,
            }
            match value.map(volume_of) {
                None | Some("none" | "") => Ok(()),
                Some("cdrom") => call.need("/", &["Sys.Console"]),
                Some(volume) => check_volume(call, target, volume),
            }
        }
        ("cores" | "cpu" | "cpulimit" | "cpuunits" | "numa" | "smp" | "sockets" | "vcpus", _) => {
            need("VM.Config.CPU")
        }
        ("memory" | "balloon" | "shares" | "allow-ksm", None) => need("VM.Config.Memory"),
        ("acpi" | "hotplug" | "kvm" | "machine" | "scsihw" | "tablet" | "vga" | "watchdog", None)
        | ("audio" | "efidisk" | "rng" | "smbios" | "tpmstate", Some(_)) => need("VM.Config.HWType"),
        ("serial", Some(_)) => match value.or(present) {
            Some("socket") | None => need("VM.Config.HWType"),
            Some(_) => real(),
        },
        ("usb", Some(_)) => {
            need("VM.Config.HWType")?;
            let device = value.or(present).unwrap_or_default();
            match (property(device, "mapping"), property(device, "host").or(property(device, ""))) {
                (Some(name), _) => call.need(&format!("/mapping/usb/{name}"), &["Mapping.Use"]),
                (None, Some("spice") | None) => Ok(()),
                (None, Some(_)) => real(),
            }
        }
        ("hostpci", Some(_)) => match property(value.or(present).unwrap_or_default(), "mapping") {
            Some(name) => {
                call.need(&format!("/mapping/pci/{name}"), &["Mapping.Use"])?;
                need("VM.Config.HWType")
            }
            None => Err(Refusal::failed(format!("only root can set '{key}' config for non-mapped devices"))),
        },
        (
            "agent" | "autostart" | "bios" | "description" | "keyboard" | "localtime" | "migrate_downtime"
            | "migrate_speed" | "name" | "onboot" | "ostype" | "protection" | "reboot" | "startdate" | "tags"
            | "tdf" | "template" | "vmgenid",
            None,
        ) => need("VM.Config.Options"),
        ("startup", None) => {
            need("VM.Config.Options")?;
            call.need("/", &["Sys.Modify"])
        }
        ("freeze", None) => need("VM.PowerMgmt"),
        ("boot" | "bootdisk", None) | ("virtiofs", Some(_)) => need("VM.Config.Disk"),
        ("vmstatestorage", None) => {
            need("VM.Config.Disk")?;
            let storage = value.into_iter();
            storage
                .map(|name| format!("/storage/{name}"))
                .try_for_each(|path| call.need(&path, &["Datastore.AllocateSpace"]))
        }
        ("net", Some(_)) => {
            need("VM.Config.Network")?;
            present.into_iter().chain(value).try_for_each(|net| check_bridge(call, net))
        }
        ("ipconfig", Some(_))
        | (
            "cicustom" | "cipassword" | "citype" | "ciuser" | "ciupgrade" | "nameserver" | "searchdomain"
            | "sshkeys",
            None,
        ) => {
            let privs = ["VM.Config.Cloudinit", "VM.Config.Network"];
            let by_pool = target.pool.is_some_and(|pool| call.may_any(&format!("/pool/{pool}"), &privs));
            if by_pool { Ok(()) } else { call.need_any(&format!("/vms/{}", target.vmid), &privs) }
        }
        _ => Err(Refusal::failed(format!("only root can set '{key}' config"))),
    }
}

fn only_root(what: &str) -> Result<(), Refusal> {
    Err(Refusal::forbidden(&format!("{what} only allowed for root@pam")))
}

/// Returns the flags of a container that two property strings differ in.
fn changed_flags<'a>(old: &'a str, new: &'a str) -> BTreeSet<&'a str> {
    let (old, new): (BTreeMap<_, _>, BTreeMap<_, _>) =
        (config::pairs(old).into_iter().collect(), config::pairs(new).into_iter().collect());
    let is_changed = |key: &&&str| {
        let value = |flags: &BTreeMap<&str, &'a str>| flags.get(**key).copied().filter(|text| *text != "0");
        value(&old) != value(&new)
    };
    old.keys().chain(new.keys()).filter(is_changed).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_stay_are_no_change() {
        assert!(changed_flags("nesting=1", "nesting=1,fuse=0").is_empty());
        assert_eq!(changed_flags("nesting=1", "fuse=1"), ["fuse", "nesting"].into());
    }
}
