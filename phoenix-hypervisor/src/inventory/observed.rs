//! What is there and not declared, and what is known of it.

use std::collections::BTreeSet;

use phoenix_core::{
    Facts, ObjectKind, Probe,
    object::{Values, is_marked, record_probe},
};

use super::InventorySpec;
use crate::{
    access::{ROOT, acl, is_built_in, is_recorded},
    storage::{is_ours, is_shipped},
};

/// The lists that are looked through; what is removed first stands first.
pub(crate) const LISTS: [ObjectKind; 5] =
    [ObjectKind::Token, ObjectKind::User, ObjectKind::Group, ObjectKind::Role, ObjectKind::Storage];
/// What guests and backups leave on a storage.
const HELD: [&str; 3] = ["backup", "images", "rootdir"];

/// The lists are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observed;

/// Returns everything that is not declared, with what it is.
pub(crate) fn undeclared<'a>(
    want: &'a InventorySpec,
    of: &'a ObjectKind,
    facts: &'a Facts,
) -> impl Iterator<Item = (&'a String, &'a Values)> {
    let rows = facts.objects(of).into_iter().flat_map(|objects| &objects.rows);
    rows.filter(|(name, _)| !want.declares(of, name) && !is_proxmox(of, name))
}

/// Tells whether an object came with Proxmox VE.
fn is_proxmox(of: &ObjectKind, name: &str) -> bool {
    match of {
        ObjectKind::Storage => is_shipped(name),
        ObjectKind::Role => is_built_in(name),
        ObjectKind::User => name == ROOT,
        ObjectKind::Token => name.split('!').next() == Some(ROOT),
        ObjectKind::Group => false,
        ObjectKind::Acl | ObjectKind::Interface { .. } | ObjectKind::Volume { .. } => true,
    }
}

/// Tells whether the facts prove that an object is Phoenix's.
pub(crate) fn is_proven(
    want: &InventorySpec,
    of: &ObjectKind,
    (name, row): (&str, &Values),
    facts: &Facts,
) -> bool {
    match of {
        ObjectKind::Storage => is_ours(&want.node, name, row, facts),
        ObjectKind::Role => is_recorded(&want.node, name, facts),
        ObjectKind::User | ObjectKind::Group | ObjectKind::Token => {
            row.get("comment").is_some_and(|comment| is_marked(comment))
        }
        ObjectKind::Acl | ObjectKind::Interface { .. } | ObjectKind::Volume { .. } => false,
    }
}

/// Returns what must be known, given what is known.
pub(crate) fn probes(want: &InventorySpec, known: &Facts) -> Vec<Probe> {
    let mut probes: Vec<Probe> = LISTS.iter().map(ObjectKind::probe).collect();
    probes.extend([ObjectKind::Acl.probe(), acl::record_probe(&want.node)]);
    for of in [ObjectKind::Storage, ObjectKind::Role] {
        probes.extend(undeclared(want, &of, known).map(|(name, _)| record_probe(&want.node, &of, name)));
    }
    let ours = undeclared(want, &ObjectKind::Storage, known)
        .filter(|(name, row)| is_ours(&want.node, name, row, known) && is_here(want, row));
    probes.extend(ours.map(|(name, _)| contents(want, name).probe()));
    probes
}

/// Returns why an object that is Phoenix's must stay, if it must.
pub(crate) fn keeps(
    want: &InventorySpec,
    of: &ObjectKind,
    (name, row): (&str, &Values),
    facts: &Facts,
) -> Option<String> {
    match of {
        ObjectKind::Storage => held(want, (name, row), facts),
        ObjectKind::User | ObjectKind::Group | ObjectKind::Role | ObjectKind::Token => {
            granted(want, of, name, facts)
                .or_else(|| members(want, of, (name, row), facts))
                .or_else(|| tokens(want, of, name, facts))
        }
        ObjectKind::Acl | ObjectKind::Interface { .. } | ObjectKind::Volume { .. } => {
            Some("it is not of that sort".to_owned())
        }
    }
}

fn contents(want: &InventorySpec, storage: &str) -> ObjectKind {
    ObjectKind::Volume { node: want.node.as_str().into(), storage: storage.to_owned() }
}

/// Tells whether the node can look into a storage.
fn is_here(want: &InventorySpec, row: &Values) -> bool {
    let is_enabled = row.get("disable").is_none_or(|disable| disable != "1");
    let nodes = row.get("nodes").filter(|nodes| !nodes.is_empty());
    is_enabled && nodes.is_none_or(|nodes| nodes.split(',').all(|node| node.trim() == want.node))
}

/// Only what is seen to be empty is empty: what another node alone could look into stays.
fn held(want: &InventorySpec, (name, row): (&str, &Values), facts: &Facts) -> Option<String> {
    if !is_here(want, row) {
        return Some("this node cannot see whether it is empty".to_owned());
    }
    let Some(objects) = facts.objects(&contents(want, name)) else {
        return Some("what lies on it is not known".to_owned());
    };
    let is_held = |row: &&Values| row.get("content").is_none_or(|content| HELD.contains(&content.as_str()));
    match objects.rows.values().filter(is_held).count() {
        0 => None,
        count => Some(format!("it holds {count} of guests' volumes and backups")),
    }
}

/// With a holder or a role goes every entry of the access control list that names it.
fn granted(want: &InventorySpec, of: &ObjectKind, name: &str, facts: &Facts) -> Option<String> {
    let ours = acl::recorded(&want.node, facts);
    let Some(list) = facts.objects(&ObjectKind::Acl) else {
        return Some("the access control list is not known".to_owned());
    };
    let names = |row: &Values| {
        let is = |key: &str, text: &str| row.get(key).is_some_and(|value| value == text);
        match of {
            ObjectKind::Role => is("roleid", name),
            // The permissions of a user's tokens go with the user.
            ObjectKind::User => {
                is("ugid", name) || row.get("ugid").is_some_and(|id| id.starts_with(&format!("{name}!")))
            }
            ObjectKind::Group | ObjectKind::Token => is("type", of.noun()) && is("ugid", name),
            ObjectKind::Storage
            | ObjectKind::Acl
            | ObjectKind::Interface { .. }
            | ObjectKind::Volume { .. } => true,
        }
    };
    let foreign = list.rows.iter().find(|(key, row)| names(row) && !ours.contains(*key));
    foreign.map(|(_, row)| {
        let path = row.get("path").map_or("", String::as_str);
        format!("somebody has granted a permission at `{path}` by it")
    })
}

fn members(want: &InventorySpec, of: &ObjectKind, (_, row): (&str, &Values), _: &Facts) -> Option<String> {
    if *of != ObjectKind::Group {
        return None;
    }
    let users: BTreeSet<&str> = row.get("users")?.split(',').filter(|user| !user.is_empty()).collect();
    let other = users.into_iter().find(|user| !want.users.contains(*user))?;
    Some(format!("`{other}` is in it, who is not declared"))
}

/// A user's tokens go with the user: somebody else's stay.
fn tokens(want: &InventorySpec, of: &ObjectKind, name: &str, facts: &Facts) -> Option<String> {
    if *of != ObjectKind::User {
        return None;
    }
    let list = facts.objects(&ObjectKind::Token)?;
    let is_foreign = |(token, row): &(&String, &Values)| {
        token.starts_with(&format!("{name}!")) && !is_proven(want, &ObjectKind::Token, (token, row), facts)
    };
    list.rows.iter().find(is_foreign).map(|(token, _)| format!("it has the token `{token}` of somebody else"))
}
