//! `explain --privileges`: the least roles, and the commands that grant them.

use serde_json::{Value, json};

use crate::lab::{LXC, Lab};

#[test]
fn the_least_roles_are_printed_with_the_commands_that_grant_them() {
    let lab = Lab::new();
    let said = lab.does(&["explain", "--privileges"]);
    for line in [
        "pveum user add phoenix@pve",
        "pveum user token add phoenix@pve phoenix --privsep 0",
        "pveum role add phoenix-sdn --privs 'SDN.Use'",
        "pveum acl modify /sdn/zones/localnetwork/vmbr0 --users 'phoenix@pve' --roles phoenix-sdn",
        "pveum acl modify /vms/900 --users 'phoenix@pve' --roles phoenix-vms",
    ] {
        assert!(said.lines().any(|said| said == line), "{line} is not in\n{said}");
    }
    assert!(!said.contains("root@pam"), "{said}");
    assert!(!lab.path("node").exists(), "it looks at no host");
}

#[test]
fn what_only_root_may_do_is_named_with_what_to_type_on_the_host() {
    let lab = Lab::new();
    let mount = json!([{"host_path": "/srv/data", "container_path": "/data"}]);
    lab.set(LXC, "/lxc_configs/102/mount_points", mount);
    let said = lab.does(&["--json", "explain", "--privileges", "102", "--for", "al@pve!ci"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    let root = json!([{"what": "the bind mount `mp0`", "instead": "pct set 102 --mp0 '/srv/data,mp=/data'"}]);
    assert_eq!(said["root_only"], root);
    assert_eq!(said["who"], "al@pve!ci");
    let command = "pveum acl modify /vms/102 --tokens 'al@pve!ci' --roles phoenix-vms";
    let commands: Vec<_> = said["commands"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(commands.iter().any(|said| said.starts_with(command)), "{commands:?}");
    assert!(commands.iter().all(|said| !said.starts_with("pveum user")), "{commands:?}");
}

#[test]
fn what_the_host_itself_needs_is_told_apart() {
    let lab = Lab::new();
    let users = json!({"users": {"alice@pve": {}}, "acl": [{"path": "/vms", "to": "alice@pve", "role": "PVEAuditor"}]});
    lab.set("phoenix_hypervisor_config.json", "/access", users);
    let said = lab.does(&["explain", "--privileges", "setup"]);
    for line in ["acl modify /access/realm/pve", "acl modify /access/groups", "Permissions.Modify"] {
        assert!(said.contains(line), "{line} is not in\n{said}");
    }
    assert!(!lab.does(&["explain", "--privileges"]).contains("Permissions.Modify"));
}
