//! Privileges, and the roles that a node has from the beginning.

use std::collections::BTreeSet;

/// Every privilege.
pub(crate) const PRIVILEGES: &[&str] = &[
    "Datastore.Allocate",
    "Datastore.AllocateSpace",
    "Datastore.AllocateTemplate",
    "Datastore.Audit",
    "Group.Allocate",
    "Mapping.Audit",
    "Mapping.Modify",
    "Mapping.Use",
    "Permissions.Modify",
    "Pool.Allocate",
    "Pool.Audit",
    "Realm.Allocate",
    "Realm.AllocateUser",
    "SDN.Allocate",
    "SDN.Audit",
    "SDN.Use",
    "Sys.AccessNetwork",
    "Sys.Audit",
    "Sys.Console",
    "Sys.Incoming",
    "Sys.Modify",
    "Sys.PowerMgmt",
    "Sys.Syslog",
    "User.Modify",
    "VM.Allocate",
    "VM.Audit",
    "VM.Backup",
    "VM.Clone",
    "VM.Config.CDROM",
    "VM.Config.CPU",
    "VM.Config.Cloudinit",
    "VM.Config.Disk",
    "VM.Config.HWType",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.Config.Options",
    "VM.Console",
    "VM.GuestAgent.Audit",
    "VM.GuestAgent.FileRead",
    "VM.GuestAgent.FileSystemMgmt",
    "VM.GuestAgent.FileWrite",
    "VM.GuestAgent.Unrestricted",
    "VM.Migrate",
    "VM.PowerMgmt",
    "VM.Replicate",
    "VM.Snapshot",
    "VM.Snapshot.Rollback",
];

/// The role that may everything.
pub(crate) const ADMINISTRATOR: &str = "Administrator";
/// The role that takes away what is given from above.
pub(crate) const NO_ACCESS: &str = "NoAccess";

/// The roles from the beginning: their privileges in patterns, where `*` stands for anything and `-` takes away.
const BUILT_IN: &[(&str, &str)] = &[
    (ADMINISTRATOR, "*"),
    (NO_ACCESS, ""),
    (
        "PVEAdmin",
        "* -Mapping.Modify -Permissions.Modify -Realm.Allocate -Sys.AccessNetwork -Sys.Incoming -Sys.Modify -Sys.PowerMgmt",
    ),
    ("PVEAuditor", "*.Audit"),
    ("PVEDatastoreAdmin", "Datastore.*"),
    ("PVEDatastoreUser", "Datastore.AllocateSpace Datastore.Audit"),
    ("PVEMappingAdmin", "Mapping.*"),
    ("PVEMappingUser", "Mapping.Audit Mapping.Use"),
    ("PVEPoolAdmin", "Pool.*"),
    ("PVEPoolUser", "Pool.Audit"),
    ("PVESDNAdmin", "SDN.*"),
    ("PVESDNUser", "SDN.Audit SDN.Use"),
    ("PVESysAdmin", "Sys.Audit Sys.Console Sys.Syslog"),
    ("PVETemplateUser", "VM.Audit VM.Clone"),
    ("PVEUserAdmin", "Group.Allocate Realm.AllocateUser User.Modify"),
    ("PVEVMAdmin", "VM.*"),
    (
        "PVEVMUser",
        "VM.Audit VM.Backup VM.Config.CDROM VM.Config.Cloudinit VM.Console VM.GuestAgent.* -VM.GuestAgent.Unrestricted VM.PowerMgmt",
    ),
];

/// Returns the names of the roles from the beginning.
pub(crate) fn built_in() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// Returns the privileges of a role from the beginning; nothing if it is none of them.
pub(crate) fn privileges(role: &str) -> Option<BTreeSet<&'static str>> {
    let (_, patterns) = BUILT_IN.iter().find(|(name, _)| *name == role)?;
    let mut found = BTreeSet::new();
    for pattern in patterns.split_whitespace() {
        let (pattern, adds) = match pattern.strip_prefix('-') {
            Some(pattern) => (pattern, false),
            None => (pattern, true),
        };
        for name in PRIVILEGES.iter().filter(|name| is_like(name, pattern)) {
            if adds {
                found.insert(*name);
            } else {
                found.remove(name);
            }
        }
    }
    Some(found)
}

fn is_like(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        Some((start, end)) => {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_have_what_their_patterns_say() {
        let count = |role: &str| privileges(role).map(|found| found.len());
        assert_eq!(count(ADMINISTRATOR), Some(PRIVILEGES.len()));
        assert_eq!(count(NO_ACCESS), Some(0));
        assert_eq!(count("PVEAdmin"), Some(PRIVILEGES.len() - 7));
        assert_eq!(count("PVEAuditor"), Some(7));
        assert_eq!((count("PVEVMAdmin"), count("PVEVMUser")), (Some(23), Some(10)));
        assert_eq!(count("Own"), None);
    }
}
