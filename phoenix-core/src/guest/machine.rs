//! A machine: the spec of a guest, as far as containers and virtual machines differ. What they share is planned once,
//! in [`plan`](super::plan).

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use super::{
    GuestSpec, TAG,
    nic::drop_beyond,
    wish::{Fields, Wish, Wishes},
};
use crate::{
    action::Action,
    diagnostic::Diagnostics,
    id::GuestKind,
    resource::{Resource, Stamp},
};

/// The spec of a guest.
pub trait Machine: Resource {
    /// Which kind of guest it is.
    const GUEST: GuestKind;
    /// The key of its host name.
    const NAME_KEY: &'static str;
    /// The key of its root disk.
    const ROOT: &'static str;

    /// Returns what it has in common with the other kind.
    fn guest(&self) -> &GuestSpec;

    /// Returns its place in the hierarchy of layers.
    fn place(&self) -> &Stamp;

    /// Returns what its configuration shall hold, given what it holds: numbers of keys are kept where they can be.
    fn wishes(&self, have: &BTreeMap<String, String>) -> Wishes;

    /// Returns the keys of its disks with the sizes in GiB that they shall have, as far as they are there.
    fn disks(&self, have: &BTreeMap<String, String>) -> Vec<(String, u64)>;

    /// Returns the keys of its disks with the storages that they shall be on, as far as they are there.
    fn homes(&self, have: &BTreeMap<String, String>) -> Vec<(String, String)> {
        let _ = have;
        vec![(Self::ROOT.to_owned(), self.guest().storage.clone())]
    }

    /// Returns the action that creates it, given all parameters that follow from the wishes; `None` for a clone.
    fn creation(&self, params: BTreeMap<String, String>) -> Option<Action>;

    /// Returns the storages that it needs room on, with the content they must allow.
    fn storages(&self) -> Vec<(&str, &'static str)>;

    /// Returns the raw `lxc.*` lines that it shall have; `None` for a kind without such lines.
    fn raw_keys(&self) -> Option<&BTreeSet<(String, String)>> {
        None
    }

    /// Tells whether a directory of the host is mounted in it, which rules out snapshots and clones.
    fn has_bind_mounts(&self) -> bool {
        false
    }

    /// Returns what the user has to know when it is made.
    fn notes(&self) -> Diagnostics {
        Diagnostics::new()
    }

    /// Returns what stands in the way of this spec, where it is made from it in place.
    fn obstacle(&self, have: &BTreeMap<String, String>) -> Option<String> {
        let _ = have;
        None
    }
}

/// Returns the wishes that both kinds of guest share. The options go last and have the last word.
pub fn shared_wishes<M: Machine>(spec: &M) -> Wishes {
    let guest = spec.guest();
    let tags: BTreeSet<String> =
        guest.tags.iter().map(|tag| tag.to_lowercase()).chain([TAG.to_owned()]).collect();
    let seconds = |value: Option<u32>| value.map(|number| number.to_string());
    let mut startup = Fields::closed();
    if let Some(wanted) = guest.startup {
        startup = startup.with("order", seconds(wanted.order), "").with("up", seconds(wanted.up), "0").with(
            "down",
            seconds(wanted.down),
            "0",
        );
    }
    vec![
        (M::NAME_KEY.into(), Wish::text(guest.name.clone())),
        ("memory".into(), Wish::number(guest.memory_mib, "512")),
        ("nameserver".into(), Wish::text(guest.nameservers.join(" "))),
        ("searchdomain".into(), Wish::text(guest.search_domain.clone().unwrap_or_default())),
        ("tags".into(), Wish::text(tags.into_iter().collect::<Vec<_>>().join(";"))),
        ("protection".into(), Wish::flag(guest.protection)),
        ("onboot".into(), Wish::flag(guest.onboot)),
        ("startup".into(), Wish::Fields(startup)),
    ]
}

/// Adds the wishes for the options, which have the last word, and takes away network cards that nobody wants.
pub fn finish_wishes<M: Machine>(spec: &M, wishes: &mut Wishes, have: &BTreeMap<String, String>) {
    let guest = spec.guest();
    drop_beyond(wishes, have.keys(), "net", guest.networks.len(), |key| guest.options.contains_key(key));
    if !guest.options.is_empty() {
        wishes.retain(|(key, _)| !guest.options.contains_key(&**key));
        wishes.extend(
            guest.options.iter().map(|(key, value)| (Cow::Owned(key.clone()), Wish::text(value.clone()))),
        );
    }
}
