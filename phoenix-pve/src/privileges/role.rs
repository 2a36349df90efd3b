//! The least role: what a configuration needs in all, path by path, and the commands that grant it.

use std::collections::{BTreeMap, BTreeSet};

use super::Need;

/// A role, and where it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its privileges.
    pub privileges: BTreeSet<&'static str>,
    /// The paths that it is needed on.
    pub paths: Vec<String>,
}

/// Returns the least roles that meet all needs: paths that need the same share one.
pub fn least<'a>(needs: impl IntoIterator<Item = &'a Need>) -> Vec<Role> {
    let mut paths: BTreeMap<&str, BTreeSet<&'static str>> = BTreeMap::new();
    let (single, several): (Vec<_>, Vec<_>) = needs.into_iter().partition(|need| need.0.len() == 1);
    for grant in single.iter().flat_map(|need| &need.0) {
        paths.entry(&grant.path).or_default().extend(&grant.privileges);
    }
    for need in several {
        // What is needed anyway may be enough.
        let is_met = need
            .0
            .iter()
            .any(|grant| paths.get(grant.path.as_str()).is_some_and(|have| grant.privileges.is_subset(have)));
        if let Some(grant) = need.0.first().filter(|_| !is_met) {
            paths.entry(&grant.path).or_default().extend(&grant.privileges);
        }
    }
    let mut shared: BTreeMap<(&str, BTreeSet<&'static str>), Vec<String>> = BTreeMap::new();
    for (path, privileges) in paths {
        let area = path.split('/').find(|part| !part.is_empty()).unwrap_or("root");
        shared.entry((area, privileges)).or_default().push(path.to_owned());
    }
    let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
    shared
        .into_iter()
        .map(|((area, privileges), paths)| {
            let number = numbers.entry(area).or_default();
            *number += 1;
            let name = match number {
                1 => format!("phoenix-{area}"),
                more => format!("phoenix-{area}-{more}"),
            };
            Role { name, privileges, paths }
        })
        .collect()
}

impl Role {
    /// Returns the command that makes the role.
    pub fn command(&self) -> String {
        let privileges: Vec<_> = self.privileges.iter().copied().collect();
        format!("pveum role add {} --privs '{}'", self.name, privileges.join(","))
    }

    /// Returns the commands that give it to somebody: a user, or a token if there is a `!` in its name.
    pub fn grants(&self, who: &str) -> Vec<String> {
        self.paths.iter().map(|path| grant(path, who, &self.name)).collect()
    }
}

/// Returns the command that gives somebody a role on a path.
pub fn grant(path: &str, who: &str, role: &str) -> String {
    let sort = if who.contains('!') { "tokens" } else { "users" };
    format!("pveum acl modify {path} --{sort} '{who}' --roles {role}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_need_the_same_share_a_role_and_alternatives_take_the_least() {
        let needs = [
            Need::all("/vms/101", &["VM.Audit", "VM.Clone"]),
            Need::all("/vms/102", &["VM.Clone", "VM.Audit"]),
            Need::all("/vms/103", &["VM.Audit"]),
            Need::all("/storage/a", &["Datastore.AllocateSpace"]),
            Need::any("/storage/a", &["Datastore.Audit", "Datastore.AllocateSpace"]),
            Need::any("/storage/b", &["Datastore.Audit", "Datastore.AllocateSpace"]),
        ];
        let roles = least(&needs);
        let commands: Vec<_> = roles.iter().map(Role::command).collect();
        assert_eq!(
            commands,
            [
                "pveum role add phoenix-storage --privs 'Datastore.AllocateSpace'",
                "pveum role add phoenix-storage-2 --privs 'Datastore.Audit'",
                "pveum role add phoenix-vms --privs 'VM.Audit'",
                "pveum role add phoenix-vms-2 --privs 'VM.Audit,VM.Clone'",
            ]
        );
        assert_eq!(
            roles[3].grants("al@pve!ci"),
            [
                "pveum acl modify /vms/101 --tokens 'al@pve!ci' --roles phoenix-vms-2",
                "pveum acl modify /vms/102 --tokens 'al@pve!ci' --roles phoenix-vms-2",
            ]
        );
        assert_eq!(
            roles[2].grants("al@pve"),
            ["pveum acl modify /vms/103 --users 'al@pve' --roles phoenix-vms"]
        );
    }
}
