//! The list of permissions: on a path, who has which role, and whether it holds further down too.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::state::access::Access;

/// Roles with whether each holds further down.
pub(crate) type Roles = BTreeMap<String, bool>;

/// Roles by path and holder. A holder is `user@realm`, `user@realm!token` or `@group`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Acl(BTreeMap<String, BTreeMap<String, Roles>>);

impl Acl {
    /// Gives a role.
    pub(crate) fn grant(&mut self, path: &str, holder: &str, role: &str, propagate: bool) {
        let roles = self.0.entry(path.to_owned()).or_default().entry(holder.to_owned()).or_default();
        roles.insert(role.to_owned(), propagate);
    }

    /// Takes a role away.
    pub(crate) fn revoke(&mut self, path: &str, holder: &str, role: &str) {
        if let Some(roles) = self.0.get_mut(path).and_then(|holders| holders.get_mut(holder)) {
            roles.remove(role);
        }
        self.prune();
    }

    /// Tells whether there is an entry on exactly this path.
    pub(crate) fn has_path(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// Takes everything on a path away.
    pub(crate) fn forget_path(&mut self, path: &str) {
        self.0.remove(path);
    }

    /// Takes everything from holders away that are not wanted any more.
    pub(crate) fn retain_holders(&mut self, is_wanted: impl Fn(&str) -> bool) {
        for holders in self.0.values_mut() {
            holders.retain(|holder, _| is_wanted(holder));
        }
        self.prune();
    }

    /// Takes a role away everywhere.
    pub(crate) fn forget_role(&mut self, role: &str) {
        for roles in self.0.values_mut().flat_map(BTreeMap::values_mut) {
            roles.remove(role);
        }
        self.prune();
    }

    /// Returns every entry: path, holder, role, and whether it holds further down.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &str, &str, bool)> {
        self.0.iter().flat_map(|(path, holders)| {
            holders.iter().flat_map(move |(holder, roles)| {
                roles
                    .iter()
                    .map(move |(role, &propagate)| (path.as_str(), holder.as_str(), role.as_str(), propagate))
            })
        })
    }

    /// Returns the paths with an entry, and those above them.
    pub(crate) fn paths(&self) -> Vec<&str> {
        let mut paths: Vec<&str> = self.0.keys().flat_map(|path| steps(path)).collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }

    /// Returns the roles of somebody on a path. What stands further down replaces what stands above, and what a user
    /// has replaces what their groups have; `NoAccess` takes everything.
    pub(crate) fn roles<'a>(&'a self, access: &'a Access, who: &str, path: &str) -> BTreeMap<&'a str, bool> {
        let mut found: BTreeMap<&str, bool> = BTreeMap::new();
        for step in steps(path) {
            let Some(holders) = self.0.get(step) else { continue };
            let holds = |roles: &'a Roles| {
                roles
                    .iter()
                    .filter(|(_, propagate)| step == path || **propagate)
                    .map(|(role, propagate)| (role.as_str(), *propagate))
                    .collect::<BTreeMap<&str, bool>>()
            };
            let mut new = holders.get(who).map(holds).unwrap_or_default();
            if new.is_empty() {
                let groups = holders.iter().filter(|(holder, _)| {
                    let group = holder.strip_prefix('@').and_then(|name| access.groups.get(name));
                    group.is_some_and(|group| group.members.contains(who))
                });
                new = groups.flat_map(|(_, roles)| holds(roles)).collect();
            }
            if !new.is_empty() {
                found = new;
            }
        }
        if let Some((role, propagate)) = found.get_key_value(super::roles::NO_ACCESS) {
            return BTreeMap::from([(*role, *propagate)]);
        }
        found
    }

    fn prune(&mut self) {
        self.0.retain(|_, holders| {
            holders.retain(|_, roles| !roles.is_empty());
            !holders.is_empty()
        });
    }
}

/// Returns a path in the form that the list has; nothing of what can be none.
pub(crate) fn normal(path: &str) -> Option<String> {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    if path.is_empty() || !path.chars().all(is_fine) {
        return None;
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    Some(format!("/{}", parts.join("/")))
}

/// Tells whether there can be something at a path, so that permissions on it make sense.
pub(crate) fn is_sensible(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [] | ["access" | "nodes" | "pool" | "sdn" | "storage" | "vms" | "mapping"] => true,
        ["access", "groups" | "realm", rest @ ..] | ["nodes" | "storage", rest @ ..] => rest.len() <= 1,
        ["pool", rest @ ..] => rest.len() <= 3,
        ["vms", vmid] => vmid.len() >= 3 && !vmid.starts_with('0') && vmid.parse::<u32>().is_ok(),
        ["mapping", kind, rest @ ..] => matches!(*kind, "dir" | "pci" | "usb") && rest.len() <= 1,
        ["sdn", "zones", rest @ ..] => {
            rest.len() <= 3 && rest.get(2).is_none_or(|tag| tag.parse::<u16>().is_ok())
        }
        ["sdn", "controllers" | "dns" | "ipams" | "fabrics" | "prefix-lists" | "route-maps", rest @ ..] => {
            rest.len() <= 1
        }
        [..] => false,
    }
}

/// Returns a path and those above it, from the top.
fn steps(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.char_indices().skip(1).filter(|(_, c)| *c == '/').map(|(at, _)| at);
    let below = ends.chain((path.len() > 1).then_some(path.len()));
    std::iter::once("/").chain(below.map(|end| &path[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::access::Group;

    #[test]
    fn paths_are_walked_from_the_top() {
        assert_eq!(steps("/").collect::<Vec<_>>(), ["/"]);
        assert_eq!(steps("/vms/100").collect::<Vec<_>>(), ["/", "/vms", "/vms/100"]);
        assert_eq!(normal("vms//100/").as_deref(), Some("/vms/100"));
        assert_eq!(normal("/a b"), None);
        assert!(is_sensible("/pool/a/b/c") && !is_sensible("/pool/a/b/c/d") && !is_sensible("/vms/99"));
    }

    #[test]
    fn what_stands_deeper_and_nearer_to_the_user_wins() {
        let mut access = Access::default();
        access
            .groups
            .insert("g".to_owned(), Group { members: ["a@pve".to_owned()].into(), ..Group::default() });
        let mut acl = Acl::default();
        acl.grant("/", "@g", "PVEAuditor", true);
        acl.grant("/vms", "a@pve", "PVEVMUser", false);
        acl.grant("/vms/101", "@g", "NoAccess", true);
        acl.grant("/vms/101", "@g", "PVEVMAdmin", true);
        let roles = |path: &str| acl.roles(&access, "a@pve", path).into_keys().collect::<Vec<_>>();
        assert_eq!(roles("/"), ["PVEAuditor"]);
        assert_eq!(roles("/vms"), ["PVEVMUser"], "the user's own entry hides the group's");
        assert_eq!(roles("/vms/100"), ["PVEAuditor"], "an entry that does not go down hides nothing below");
        assert_eq!(roles("/vms/101"), ["NoAccess"]);
        assert!(acl.roles(&access, "b@pve", "/").is_empty());
        assert_eq!(acl.paths(), ["/", "/vms", "/vms/101"]);
        acl.retain_holders(|holder| holder != "@g");
        assert_eq!(acl.entries().count(), 1);
    }
}
