//! What the host's file says of the host itself, as features of its parts.

use std::collections::BTreeSet;

use phoenix_config::load;
use serde_json::{Value, json};

use crate::kit::Config;

const NAMES: [&str; 7] = [
    "apparmor-profiles",
    "base-setup",
    "host-base",
    "nfs-server",
    "phoenix-program",
    "samba",
    "volume-directories",
];

/// Returns the configuration of a feature of a part of the host, and the codes that are reported.
fn feature(host: &Value, part: &str, name: &str) -> (Value, Vec<String>) {
    let config = Config::new().host(&host.to_string()).lxc("{}");
    let loaded = load(config.path(), &BTreeSet::from(NAMES.map(str::to_owned)));
    let declared = loaded.desired.resources.iter().find(|(id, _)| id.as_str() == part);
    let features = declared.into_iter().flat_map(|(_, declared)| &declared.features);
    let found = features.filter(|one| one.name == name).map(|one| one.config.clone()).next();
    (found.unwrap_or_default(), loaded.findings.iter().map(|one| one.code.to_string()).collect())
}

fn network() -> Value {
    json!({"hostname": "pve1", "workgroup": "HOME", "interfaces": {"name": "vmbr0", "address": "10.0.0.13/24"}})
}

#[test]
fn exports_are_the_grounds_and_options_that_are_not_taken_over_are_told() {
    let exports = json!([
        {"path": "/tank/data", "clients": ["10.0.0.0/24"], "options": ["rw", "sync", "no_root_squash"]},
        {"path": "/srv/other/", "clients": ["10.0.0.5", "10.0.0.6"], "options": ["ro", "async"]},
    ]);
    let pools = json!([{"name": "tank", "raid_level": "single", "disks": []}]);
    let host = json!({"network": network(), "nfs": {"exports": exports}, "zfs": {"pools": pools}});
    let (server, codes) = feature(&host, "host/pve1", "nfs-server");
    let client = |address: &str, read_only: bool, no_root_squash: bool| json!({"address": address, "read_only": read_only, "no_root_squash": no_root_squash});
    let expected = json!({"address": "10.0.0.13", "exports": [
        {"path": "/tank/data", "clients": [client("10.0.0.0/24", false, true)]},
        {"path": "/srv/other", "clients": [client("10.0.0.5", true, false), client("10.0.0.6", true, false)]},
    ]});
    assert_eq!(server, expected);
    assert!(codes.contains(&"export-option".to_owned()), "{codes:?}");
    // What is below a pool is there when that is mounted.
    let (directories, _) = feature(&host, "host/pve1", "volume-directories");
    assert_eq!(directories, json!({"directories": [{"path": "/srv/other", "once": true}]}));
}

#[test]
fn shares_have_paths_owners_and_users_with_references() {
    let samba = json!({
        "user": "heads", "password": "env:P",
        "users": [{"name": "admin", "password": "file:/root/p"}, {"name": "other"}],
        "shares": [{"name": "data", "path": "tank/data", "valid_users": ["heads"]}],
    });
    let users = json!({"username": "admin", "sudo_access": true, "password_hash": "env:HASH"});
    let host = json!({"network": network(), "samba": samba, "users": users, "timezone": "Europe/Vienna"});
    let (config, codes) = feature(&host, "host/pve1/setup", "samba");
    let expected = json!({
        "address": "10.0.0.13", "workgroup": "HOME",
        "users": [
            {"name": "heads", "password": "env:P"},
            {"name": "admin", "has_account": true, "password": "file:/root/p"},
            {"name": "other"},
        ],
        "shares": [{
            "name": "data", "path": "/tank/data", "browsable": true, "read_only": false, "guest_ok": false,
            "valid_users": ["heads"], "owner": "heads",
        }],
    });
    assert_eq!(config, expected);
    assert!(codes.contains(&"samba-password".to_owned()), "{codes:?}");
    let (base, _) = feature(&host, "host/pve1/setup", "base-setup");
    let user = json!({"name": "admin", "sudo": true, "ssh_keys": [], "password_hash": "env:HASH"});
    assert_eq!(base, json!({"timezone": "Europe/Vienna", "packages": [], "users": [user]}));
}
