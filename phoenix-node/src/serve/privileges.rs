//! Privileges: those that there are, and which of them a client shows what for.

use serde_json::{Map, Value, json};

/// Every privilege.
const ALL: &[&str] = &[
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

/// The paths that the administrator's permissions are told for.
const PATHS: &[&str] = &["/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms"];

/// Returns what the administrator may, path by path.
pub(super) fn permissions() -> Value {
    let all = granted(|_| true);
    PATHS.iter().map(|&path| (path.to_owned(), all.clone())).collect::<Map<_, _>>().into()
}

/// Returns what the administrator's ticket is told to be good for: what the web interface shows or hides.
pub(super) fn capabilities() -> Value {
    let area =
        |prefix: &'static str| granted(move |name| name.starts_with(prefix) || name == "Permissions.Modify");
    json!({
        "access": granted(|name| matches!(name, "Group.Allocate" | "User.Modify" | "Permissions.Modify")),
        "dc": granted(|name| name.starts_with("SDN.") || matches!(name, "Sys.Audit" | "Sys.Modify")),
        "mapping": area("Mapping."),
        "nodes": area("Sys."),
        "sdn": area("SDN."),
        "storage": area("Datastore."),
        "vms": area("VM."),
    })
}

fn granted(is_meant: impl Fn(&str) -> bool) -> Value {
    let names = ALL.iter().filter(|name| is_meant(name));
    names.map(|&name| (name.to_owned(), Value::from(1))).collect::<Map<_, _>>().into()
}
