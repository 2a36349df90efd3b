//! What Proxmox VE keeps by its API: what becomes of the host's file, and what is wrong in it.

use phoenix_core::Desired;
use serde_json::{Value, json};

use crate::kit::Config;

const PLAIN: &str = "{ \"lxc_configs\": {} }";

fn host(text: &str) -> Config {
    Config::new().lxc(PLAIN).host(text)
}

fn desired(value: &Value) -> Desired {
    let loaded = host(&value.to_string()).load();
    assert!(!loaded.findings.has_errors(), "{}", loaded.findings);
    loaded.desired
}

fn spec(desired: &Desired, id: &str) -> Value {
    desired.resources.get(&id.parse().expect("an id")).unwrap_or_else(|| panic!("no {id}")).spec.clone()
}

#[test]
fn storages_are_defined_where_the_file_says_how() {
    let desired = desired(&json!({
        "zfs": {
            "pools": [{"name": "tank", "raid_level": "single", "disks": ["/dev/disk/by-id/x_1TB_y"]}],
            "datasets": [
                {"name": "cts", "pool": "tank", "proxmox_storage_type": "zfspool", "proxmox_content_type": "rootdir,images"},
                {"name": "iso", "pool": "tank", "proxmox_storage_type": "dir", "proxmox_content_type": "iso"},
                {"name": "bare", "pool": "tank"},
            ],
        },
        "storages": [
            {"name": "there", "plugin": "lvmthin", "content": "images"},
            {"name": "nas", "plugin": "nfs", "content": "backup", "server": "10.0.0.9", "export": "/b", "nodes": ["pve1", "pve2"],
             "properties": {"options": "vers=4.2"}},
            {"name": "vault", "plugin": "pbs", "content": "backup", "server": "b", "datastore": "d", "username": "u@pbs",
             "password": "env:PBS_PASSWORD", "adopt": true},
        ],
    }));
    let zfs = spec(&desired, "storage/tank-cts");
    assert_eq!(zfs["values"], json!({"type": "zfspool", "pool": "tank/cts", "content": "images,rootdir"}));
    assert_eq!(
        spec(&desired, "storage/tank-iso")["values"],
        json!({"type": "dir", "path": "/tank/iso", "content": "iso"})
    );
    let nas = json!({
        "type": "nfs", "server": "10.0.0.9", "export": "/b", "nodes": "pve1,pve2", "options": "vers=4.2", "content": "backup",
    });
    assert_eq!(spec(&desired, "storage/nas")["values"], nas);
    let vault = spec(&desired, "storage/vault");
    assert_eq!(
        (&vault["adopt"], &vault["secrets"]),
        (&json!(true), &json!({"password": "env:PBS_PASSWORD"}))
    );
    assert!(!vault["values"].to_string().contains("PBS_PASSWORD"));
    assert!(!desired.resources.contains_key(&"storage/there".parse().unwrap()), "it is only named");
    let declared = &spec(&desired, "inventory/phoenix")["storages"];
    assert_eq!(*declared, json!(["nas", "tank-cts", "tank-iso", "there", "vault"]));
}

#[test]
fn the_administrator_of_the_host_is_one_of_proxmox_ve() {
    let desired = desired(&json!({"users": {"username": "phoenix_admin", "sudo_access": true}}));
    assert_eq!(spec(&desired, "user/phoenix_admin@pam")["values"], json!({"enable": "1"}));
    let grant = json!({
        "path": "/", "type": "user", "name": "phoenix_admin@pam", "role": "Administrator", "propagate": true,
    });
    assert_eq!(spec(&desired, "acl/cluster")["grants"], json!([grant]));
}

#[test]
fn access_is_what_the_file_says_in_the_order_of_its_parts() {
    let desired = desired(&json!({"access": {
        "groups": {"ops": {"comment": "on call"}},
        "roles": {"Starter": {"privileges": ["VM.PowerMgmt", "VM.Audit"]}},
        "users": {"alice@pve": {"groups": ["ops", "others"], "enabled": false, "password": "file:/root/a"}},
        "tokens": {"alice@pve!ci": {"file": "/root/ci", "privsep": false}},
        "acl": [
            {"path": "/vms", "to": "@ops", "role": "Starter"},
            {"path": "/", "to": "alice@pve!ci", "role": "PVEAuditor", "propagate": false},
        ],
    }}));
    assert_eq!(spec(&desired, "role/Starter")["values"], json!({"privs": "VM.Audit,VM.PowerMgmt"}));
    let alice = spec(&desired, "user/alice@pve");
    assert_eq!(alice["values"], json!({"groups": "ops,others", "enable": "0"}));
    assert_eq!(alice["dependencies"], json!(["group/ops"]));
    let token = spec(&desired, "token/alice@pve!ci");
    assert_eq!((&token["values"], &token["file"]), (&json!({"privsep": "0"}), &json!("/root/ci")));
    assert_eq!(token["dependencies"], json!(["user/alice@pve"]));
    let acl = spec(&desired, "acl/cluster");
    assert_eq!(acl["grants"][0]["type"], "group");
    assert_eq!(acl["grants"][1]["type"], "token");
    assert_eq!(acl["dependencies"], json!(["group/ops", "role/Starter", "token/alice@pve!ci"]));
}

#[test]
fn interfaces_are_in_the_words_of_proxmox_ve() {
    let desired = desired(&json!({"network": {"hostname": "pve1", "interfaces": {
        "name": "vmbr0", "address": "10.0.0.13/24", "gateway": "10.0.0.1", "ports": ["bond0"], "vlan_aware": true,
        "bonds": {"bond0": {"slaves": ["eth0", "eth1"], "mode": "802.3ad", "hash_policy": "layer3+4"}},
        "bridges": {"vmbr1": {"ports": []}},
        "vlans": {"vmbr0.20": {"address": "fd00::1/64"}, "storage0": {"device": "eth2", "tag": 30}},
    }}}));
    let wanted = json!({
        "vmbr0": {"type": "bridge", "autostart": "1", "cidr": "10.0.0.13/24", "gateway": "10.0.0.1", "bridge_ports": "bond0",
                  "bridge_vlan_aware": "1"},
        "bond0": {"type": "bond", "autostart": "1", "slaves": "eth0 eth1", "bond_mode": "802.3ad",
                  "bond_xmit_hash_policy": "layer3+4"},
        "vmbr1": {"type": "bridge", "autostart": "1", "bridge_ports": ""},
        "vmbr0.20": {"type": "vlan", "autostart": "1", "cidr6": "fd00::1/64"},
        "storage0": {"type": "vlan", "autostart": "1", "vlan-raw-device": "eth2", "vlan-id": "30"},
    });
    assert_eq!(spec(&desired, "network/pve1")["interfaces"], wanted);
}

#[test]
fn what_proxmox_ve_has_nothing_for_is_told_with_its_place() {
    for (text, says) in [
        (
            "{ \"storages\": [\n{ \"name\": \"nas\", \"plugin\": \"nfs\", \"content\": \"iso\", \"server\": \"a\" }] }",
            "lacks `export`",
        ),
        ("{ \"access\": { \"users\": {\n\"alice\": {} } } }", "a realm is missing"),
        ("{ \"access\": { \"tokens\": {\n\"alice@pve\": { \"file\": \"/root/a\" } } } }", "is no token"),
        (
            "{ \"access\": { \"acl\": [\n{ \"path\": \"/\", \"to\": \"alice\", \"role\": \"R\" }] } }",
            "is nobody who can have a role",
        ),
        (
            "{ \"network\": { \"interfaces\": { \"name\": \"vmbr0\", \"vlans\": {\n\"x\": { \"tag\": 7 } } } } }",
            "`device` and `tag` are not both known",
        ),
    ] {
        let found = host(text).error("bad-object", 2);
        assert!(found.message.contains(says), "{}", found.message);
        assert!(found.hint.is_some());
    }
    let twice = "{ \"storages\": [\n{ \"name\": \"aa\", \"plugin\": \"dir\", \"content\": \"iso\", \"path\": \"/a\" },\n\
                 { \"name\": \"aa\", \"plugin\": \"dir\", \"content\": \"iso\", \"path\": \"/b\" }] }";
    assert!(host(twice).error("bad-object", 3).message.contains("declared twice"));
    let clear = "{ \"access\": { \"users\": { \"a@pve\": {\n\"password\": \"hunter2\" } } } }";
    host(clear).error("plaintext-secret", 2);
}
