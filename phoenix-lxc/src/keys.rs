//! A container's configuration keys: the wishes for mount points, devices, features and network cards. Mount points
//! and devices are known by their places, not by their numbers.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use phoenix_core::{
    guest::{
        form::Form,
        wish::{Fields, Wish, Wishes},
    },
    property::PropertyString,
};

use crate::{Device, Mount, MountSource, Spec};

/// Adds what only containers have.
pub(crate) fn add(spec: &Spec, have: &BTreeMap<String, String>, wishes: &mut Wishes) {
    let guest = &spec.guest;
    wishes.push(("cores".into(), Wish::text(guest.cores.to_string())));
    wishes.push(("swap".into(), Wish::number(spec.swap_mib, "512")));
    let features = spec
        .features
        .iter()
        .fold(Fields::closed(), |all, (name, value)| all.with(name.clone(), Some(value.clone()), "0"));
    wishes.push(("features".into(), Wish::Fields(features)));
    for (index, nic) in guest.networks.iter().enumerate() {
        wishes.push((format!("net{index}").into(), nic.lxc_wish(index)));
    }
    mounts(spec, have, wishes);
    devices(spec, have, wishes);
}

/// Returns the keys of the root disk and of the volumes that are there, with the sizes they shall have.
pub(crate) fn disks(spec: &Spec, have: &BTreeMap<String, String>) -> Vec<(String, u64)> {
    let mut disks = vec![("rootfs".to_owned(), spec.guest.disk_gib)];
    disks.extend(volumes(spec, have).into_iter().map(|(key, _, gib)| (key, gib)));
    disks
}

/// Returns the keys of the root disk and of the volumes that are there, with the storages they shall be on.
pub(crate) fn homes(spec: &Spec, have: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let mut homes = vec![("rootfs".to_owned(), spec.guest.storage.clone())];
    homes.extend(volumes(spec, have).into_iter().map(|(key, storage, _)| (key, storage.to_owned())));
    homes
}

/// Returns the wanted volumes that are there: key, storage and size.
fn volumes<'a>(spec: &'a Spec, have: &BTreeMap<String, String>) -> Vec<(String, &'a str, u64)> {
    let found = numbered(have, "mp", &spec.guest.options);
    let volume = |mount: &'a Mount| {
        let MountSource::Volume { storage, gib } = &mount.source else { return None };
        let (key, value) = find_mount(&found, &mount.target)?;
        (!is_bind(value)).then(|| ((*key).clone(), storage.as_str(), *gib))
    };
    spec.mounts.iter().filter_map(volume).collect()
}

/// Tells whether two paths inside a container are the same place.
pub(crate) fn is_same_path(one: &str, other: &str) -> bool {
    let parts = |path: &'_ str| -> Vec<String> {
        path.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect()
    };
    one == other || parts(one) == parts(other)
}

type Numbered<'a> = Vec<(&'a String, PropertyString)>;

/// Returns the values of a numbered key, those left out that the options give.
fn numbered<'a>(
    have: &'a BTreeMap<String, String>,
    stem: &str,
    options: &BTreeMap<String, String>,
) -> Numbered<'a> {
    let form = if stem == "mp" { Form::Volume("volume") } else { Form::Property("path") };
    have.range(stem.to_owned()..)
        .take_while(|(key, _)| key.starts_with(stem))
        .filter(|(key, _)| is_numbered(key, stem) && !options.contains_key(*key))
        .map(|(key, value)| (key, form.parse(value)))
        .collect()
}

fn is_numbered(key: &str, stem: &str) -> bool {
    key.strip_prefix(stem).is_some_and(|number| number.parse::<u16>().is_ok())
}

fn find_mount<'a>(found: &'a Numbered<'a>, target: &str) -> Option<&'a (&'a String, PropertyString)> {
    found.iter().find(|(_, value)| value.get("mp").is_some_and(|place| is_same_path(place, target)))
}

fn is_bind(value: &PropertyString) -> bool {
    value.get("volume").is_some_and(|volume| volume.starts_with('/'))
}

/// Gives out the lowest numbers that nothing has.
struct Free<'a> {
    stem: &'static str,
    taken: BTreeSet<&'a str>,
    next: u16,
}

impl<'a> Free<'a> {
    fn new(
        stem: &'static str,
        have: &'a BTreeMap<String, String>,
        options: &'a BTreeMap<String, String>,
    ) -> Self {
        let taken = have.keys().chain(options.keys()).filter(|key| key.starts_with(stem)).map(String::as_str);
        Self { stem, taken: taken.collect(), next: 0 }
    }

    fn take(&mut self) -> String {
        loop {
            let key = format!("{}{}", self.stem, self.next);
            self.next += 1;
            if !self.taken.contains(key.as_str()) {
                return key;
            }
        }
    }
}

fn mounts(spec: &Spec, have: &BTreeMap<String, String>, wishes: &mut Wishes) {
    let options = &spec.guest.options;
    let found = numbered(have, "mp", options);
    let mut free = Free::new("mp", have, options);
    let mut kept = BTreeSet::new();
    for mount in &spec.mounts {
        let here = find_mount(&found, &mount.target);
        let wish = match here {
            Some((key, value)) => {
                kept.insert(*key);
                mount_again(mount, value)
            }
            None => Wish::text(mount_anew(mount)),
        };
        let key = here.map_or_else(|| free.take(), |(key, _)| (*key).clone());
        wishes.push((key.into(), wish));
    }
    for (key, _) in found.iter().filter(|(key, _)| !kept.contains(*key)) {
        wishes.push((Cow::Owned((*key).clone()), Wish::Absent));
    }
}

fn mount_anew(mount: &Mount) -> String {
    let mut text = match &mount.source {
        MountSource::Volume { storage, gib } => format!("{storage}:{gib}"),
        MountSource::Bind { path } => path.clone(),
    };
    text.push_str(",mp=");
    text.push_str(&mount.target);
    if mount.backup && matches!(mount.source, MountSource::Volume { .. }) {
        text.push_str(",backup=1");
    }
    if mount.read_only {
        text.push_str(",ro=1");
    }
    text
}

fn mount_again(mount: &Mount, value: &PropertyString) -> Wish {
    let fields = Fields::open().with_flag("ro", mount.read_only);
    match &mount.source {
        MountSource::Volume { .. } if is_bind(value) => Wish::text(mount_anew(mount)),
        MountSource::Volume { .. } => Wish::Fields(fields.with_flag("backup", mount.backup)),
        MountSource::Bind { .. } if !is_bind(value) => Wish::text(mount_anew(mount)),
        MountSource::Bind { path } => match value.get("volume") {
            Some(now) if is_same_path(now, path) => Wish::Fields(fields),
            _ => Wish::Fields(fields.with("volume", Some(path.clone()), "")),
        },
    }
}

fn devices(spec: &Spec, have: &BTreeMap<String, String>, wishes: &mut Wishes) {
    let options = &spec.guest.options;
    let found = numbered(have, "dev", options);
    let mut free = Free::new("dev", have, options);
    for (path, device) in &spec.devices {
        let here = found.iter().find(|(_, value)| value.get("path") == Some(path.as_str()));
        // Octal, so `0660` and `660` are one mode.
        let now = here.and_then(|(_, value)| value.get("mode"));
        let mode = match (device.mode, now) {
            (Some(mode), Some(now)) if u32::from_str_radix(now, 8) == Ok(mode) => Some(now.to_owned()),
            (Some(mode), _) => Some(format!("0{mode:o}")),
            (None, _) => None,
        };
        let Device { uid, gid, .. } = device;
        let fields = Fields::open()
            .with("path", Some(path.clone()), "")
            .with("mode", mode, "")
            .with("uid", uid.map(|uid| uid.to_string()), "0")
            .with("gid", gid.map(|gid| gid.to_string()), "0");
        let key = here.map_or_else(|| free.take(), |(key, _)| (*key).clone());
        wishes.push((key.into(), Wish::Fields(fields)));
    }
    let gone = found
        .iter()
        .filter(|(_, value)| !value.get("path").is_some_and(|path| spec.devices.contains_key(path)));
    wishes.extend(gone.map(|(key, _)| (Cow::Owned((*key).clone()), Wish::Absent)));
}
