//! Disks: they only grow.

use std::collections::BTreeMap;

use super::form;
use crate::{
    action::Action,
    diagnostic::{Diagnostic, Diagnostics},
    id::{GuestId, GuestKind},
    plan::{Change, Phase, Step},
    property::parse_size,
};

const GIB: u64 = 1 << 30;

/// Returns the bytes of the disk that a configuration value names: its `size`, or what it asks to allocate.
pub fn bytes(kind: GuestKind, key: &str, value: &str) -> Option<u64> {
    let value = form::of(kind, key).parse(value);
    if let Some(size) = value.get("size") {
        return parse_size(size);
    }
    let volume = value.get("volume").or_else(|| value.get("file"))?;
    let gib: f64 = volume.split_once(':')?.1.parse().ok()?;
    (gib > 0.0).then_some((gib * GIB as f64) as u64)
}

/// Adds the steps that grow the disks which are smaller than they shall be. A disk whose size is not known is
/// left alone.
pub fn grow(
    guest: GuestId,
    wanted: &[(String, u64)],
    have: &BTreeMap<String, String>,
    steps: &mut Vec<Step>,
) -> Result<(), Diagnostics> {
    let mut findings = Diagnostics::new();
    for (key, gib) in wanted {
        let Some(now) = have.get(key).and_then(|value| bytes(guest.kind, key, value)) else { continue };
        let wish = gib * GIB;
        if wish < now {
            findings.push(
                Diagnostic::error(
                    "disk-shrink",
                    format!("the disk `{key}` of `{guest}` has {}, and {gib} GiB are wanted", print(now)),
                )
                .with_hint(format!("disks only grow: ask for at least {} GiB", now.div_ceil(GIB))),
            );
        } else if wish > now {
            steps.push(resize(guest, key, *gib, Some(now)));
        }
    }
    findings.into_result(())
}

/// Returns a warning for each disk that is on another storage than it shall be: moving it is left to the user, since
/// it takes the guest off line or takes hours.
pub fn misplaced<'a>(
    guest: GuestId,
    homes: &'a [(String, String)],
    have: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = Diagnostic> + 'a {
    homes.iter().filter_map(move |(key, wanted)| {
        let value = form::of(guest.kind, key).parse(have.get(key)?);
        let (storage, _) = value.get("volume").or_else(|| value.get("file"))?.split_once(':')?;
        let tool = match guest.kind {
            GuestKind::Lxc => "pct move-volume",
            GuestKind::Vm => "qm disk move",
        };
        let message = format!("the disk `{key}` of `{guest}` is on `{storage}`, and shall be on `{wanted}`");
        (storage != wanted).then(|| {
            Diagnostic::warning("disk-elsewhere", message)
                .with_hint(format!("`{tool} {} {key} {wanted}` on its node moves it", guest.vmid))
        })
    })
}

/// Returns the step that grows a disk.
pub fn resize(guest: GuestId, key: &str, gib: u64, now: Option<u64>) -> Step {
    let reason = match now {
        Some(now) => format!("its disk has {}, and {gib} GiB are wanted", print(now)),
        None => format!("its disk is as large as the image, and {gib} GiB are wanted"),
    };
    let action = Action::Resize { guest, disk: key.to_owned(), gib };
    let verb = format!("resize-{key}");
    Step::new(&guest.resource(), "guest", &verb, Phase::Configure, action, reason)
        .with_changes([Change::new(format!("{key}.size"), now.map(print), Some(format!("{gib} GiB")))])
}

fn print(bytes: u64) -> String {
    match bytes {
        whole if whole % GIB == 0 => format!("{} GiB", whole / GIB),
        other => format!("{} MiB", other >> 20),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_grow_and_never_shrink() {
        let have = BTreeMap::from([("rootfs".to_owned(), "a:subvol-100-disk-0,size=8G".to_owned())]);
        let plan = |gib| {
            let mut steps = Vec::new();
            grow(GuestId::lxc(100), &[("rootfs".to_owned(), gib)], &have, &mut steps).map(|()| steps)
        };
        assert_eq!(plan(8).unwrap(), []);
        let grown = plan(9).unwrap();
        assert_eq!(grown[0].id.as_str(), "lxc/100:guest:resize-rootfs");
        let refused = plan(7).unwrap_err();
        assert_eq!(&*refused.0[0].code, "disk-shrink");
        assert_eq!(refused.0[0].message, "the disk `rootfs` of `lxc/100` has 8 GiB, and 7 GiB are wanted");
    }

    #[test]
    fn a_disk_elsewhere_is_told_and_a_directory_of_the_host_is_nowhere() {
        let have = BTreeMap::from([
            ("scsi0".to_owned(), "slow:vm-100-disk-0,size=8G".to_owned()),
            ("scsi1".to_owned(), "/dev/sdb".to_owned()),
        ]);
        let told = |storage: &str| -> Vec<_> {
            let homes = ["scsi0", "scsi1", "scsi2"].map(|key| (key.to_owned(), storage.to_owned()));
            misplaced(GuestId::vm(100), &homes, &have).map(|note| (note.message, note.hint)).collect()
        };
        assert_eq!(told("slow"), []);
        let message = "the disk `scsi0` of `vm/100` is on `slow`, and shall be on `fast`".to_owned();
        let hint = "`qm disk move 100 scsi0 fast` on its node moves it".to_owned();
        assert_eq!(told("fast"), [(message, Some(hint))]);
    }

    #[test]
    fn sizes_are_read_from_either_form() {
        assert_eq!(bytes(GuestKind::Vm, "scsi0", "a:vm-1-disk-0,size=2252M"), Some(2252 << 20));
        assert_eq!(bytes(GuestKind::Lxc, "mp0", "a:4,mp=/data"), Some(4 * GIB));
        assert_eq!(bytes(GuestKind::Vm, "scsi0", "a:0,import-from=b:import/x.qcow2"), None);
    }
}
