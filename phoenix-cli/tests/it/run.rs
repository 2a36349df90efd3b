//! The way of a lab: up, nothing to do, changed by somebody else, mended, down.

use serde_json::{Value, json};
use snapbox::{assert_data_eq, str};

use crate::lab::{LXC, Lab, on_each_engine};

#[test]
fn letsgo_brings_the_lab_up_and_has_nothing_to_do_then() {
    on_each_engine(|lab| {
        assert_data_eq!(
            lab.says(&["letsgo"]),
            str![[r#"
exit: 0
--- stdout
done: 12 steps in 1 round, [TIME] s
--- stderr
12 steps to do

"#]]
        );
        assert_data_eq!(
            lab.says(&["LetsGo"]),
            str![[r#"
exit: 0
--- stdout
nothing to do
--- stderr

"#]]
        );
        assert_data_eq!(
            lab.says(&["plan", "--detailed-exitcode"]),
            str![[r#"
exit: 0
--- stdout
nothing to do
--- stderr

"#]]
        );
        assert_data_eq!(
            lab.says(&["status"]),
            str![[r#"
exit: 0
--- stdout
ID       NAME     KIND       LIFECYCLE  NODE  POWER     STEPS  LAYER  CERTIFICATE
lxc/900  base     container  template   pve1  template  0      -      -
lxc/101  gateway  container  healthy    pve1  running   0      -      -
lxc/102  web      container  healthy    pve1  running   0      -      -
--- stderr

"#]]
        );
    });
}

#[test]
fn the_first_plan_is_complete() {
    let lab = Lab::new();
    assert_data_eq!(
        lab.says(&["plan"]),
        str![[r#"
exit: 0
--- stdout
+ storage/local:guest:fetch-ubuntu-24.04-standard  (`ubuntu-24.04-standard` is not on `local`)
+ lxc/900:guest:create  cores: 1, hostname: base, net0: name=eth0,bridge=vmbr0,ip=dhcp, rootfs: tank:4, swap: 0, tags: phoenix, unprivileged: 1  (it is not there; it is made from the OS template `ubuntu-24.04-standard`)
~ lxc/900:guest:seal  marker: 2b980c512ba90cae  (its notes shall say that it is complete)
~ lxc/900:guest:template  (it is complete and shall be a template)
+ lxc/101:guest:clone  (it is not there; it is cloned from `lxc/900`)
~ lxc/101:guest:configure  net0.ip: dhcp -> 10.0.0.101/24, net0.gw: 10.0.0.1  (`net0` differs from the source)
> lxc/101:guest:start  (it should run)
~ lxc/101:guest:seal  marker: e89b8db1ed4b3900  (its notes shall say that it is complete)
+ lxc/102:guest:clone  (it is not there; it is cloned from `lxc/900`)
~ lxc/102:guest:configure  net0.ip: dhcp -> 10.0.0.102/24, net0.gw: 10.0.0.1  (`net0` differs from the source)
> lxc/102:guest:start  (it should run)
~ lxc/102:guest:seal  marker: e89b8db1ed4b3900  (its notes shall say that it is complete)

Plan: 3 to create, 0 to change, 0 to delete (12 steps)
--- stderr

"#]]
    );
}

#[test]
fn a_foreign_change_is_named_and_mended() {
    on_each_engine(|lab| {
        lab.does(&["letsgo"]);
        lab.does(&["node", "api", "put", "/nodes/pve1/lxc/101/config", "memory=2048"]);
        assert_data_eq!(
            lab.says(&["plan", "--detailed-exitcode"]),
            str![[r#"
exit: 2
--- stdout
~ lxc/101:guest:configure  memory: 2048 -> 512  (`memory` differs)

Plan: 0 to create, 1 to change, 0 to delete (1 step)
--- stderr

"#]]
        );
        lab.does(&["node", "api", "post", "/nodes/pve1/lxc/102/status/stop"]);
        assert_data_eq!(
            lab.says(&["plan", "--detailed-exitcode"]),
            str![[r#"
exit: 2
--- stdout
~ lxc/101:guest:configure  memory: 2048 -> 512  (`memory` differs)
> lxc/102:guest:start  (it should run and does not)

Plan: 0 to create, 2 to change, 0 to delete (2 steps)
--- stderr

"#]]
        );
        lab.does(&["letsgo"]);
        assert_data_eq!(
            lab.says(&["plan", "--detailed-exitcode"]),
            str![[r#"
exit: 0
--- stdout
nothing to do
--- stderr

"#]]
        );
    });
}

#[test]
fn create_makes_the_target_and_what_it_requires_only() {
    let lab = Lab::new();
    lab.does(&["create", "gateway"]);
    assert_data_eq!(
        lab.says(&["status"]),
        str![[r#"
exit: 0
--- stdout
ID       NAME     KIND       LIFECYCLE  NODE  POWER     STEPS  LAYER  CERTIFICATE
lxc/900  base     container  template   pve1  template  0      -      -
lxc/101  gateway  container  healthy    pve1  running   0      -      -
lxc/102  web      container  absent     -     -         4      -      -
--- stderr

"#]]
    );
}

#[test]
fn stop_stops_only_what_is_named_unless_told_otherwise() {
    let lab = Lab::new();
    lab.does(&["letsgo"]);
    lab.does(&["stop", "gateway"]);
    assert_data_eq!(
        lab.says(&["status"]),
        str![[r#"
exit: 0
--- stdout
ID       NAME     KIND       LIFECYCLE    NODE  POWER     STEPS  LAYER  CERTIFICATE
lxc/900  base     container  template     pve1  template  0      -      -
lxc/101  gateway  container  provisioned  pve1  stopped   1      -      -
lxc/102  web      container  healthy      pve1  running   0      -      -
--- stderr

"#]]
    );
    lab.does(&["start", "101"]);
    lab.does(&["stop", "gateway", "--with-dependents"]);
    assert_data_eq!(
        lab.says(&["status"]),
        str![[r#"
exit: 0
--- stdout
ID       NAME     KIND       LIFECYCLE    NODE  POWER     STEPS  LAYER  CERTIFICATE
lxc/900  base     container  template     pve1  template  0      -      -
lxc/101  gateway  container  provisioned  pve1  stopped   1      -      -
lxc/102  web      container  provisioned  pve1  stopped   1      -      -
--- stderr

"#]]
    );
    lab.does(&["restart", "lxc/101"]);
    assert_data_eq!(
        lab.says(&["status", "101"]),
        str![[r#"
exit: 0
--- stdout
ID       NAME     KIND       LIFECYCLE  NODE  POWER     STEPS  LAYER  CERTIFICATE
lxc/900  base     container  template   pve1  template  0      -      -
lxc/101  gateway  container  healthy    pve1  running   0      -      -
--- stderr

"#]]
    );
}

#[test]
fn delete_takes_dependents_along_when_told() {
    on_each_engine(|lab| {
        lab.does(&["letsgo"]);
        lab.does(&["delete", "base", "--with-dependents", "--yes"]);
        assert_data_eq!(
            lab.says(&["status"]),
            str![[r#"
exit: 0
--- stdout
ID       NAME     KIND       LIFECYCLE  NODE  POWER  STEPS  LAYER  CERTIFICATE
lxc/900  base     container  absent     -     -      3      -      -
lxc/101  gateway  container  absent     -     -      4      -      -
lxc/102  web      container  absent     -     -      4      -      -
--- stderr

"#]]
        );
        assert_data_eq!(
            lab.says(&["delete", "base", "--yes"]),
            str![[r#"
exit: 0
--- stdout
nothing to do
--- stderr

"#]]
        );
    });
}

#[test]
fn a_full_storage_fails_with_its_cause_and_skips_what_stands_on_it() {
    let lab = Lab::new();
    lab.set(LXC, "/lxc_configs/101/storage_pool", json!("small"));
    lab.set(LXC, "/lxc_configs/101/storage_size_gb", json!(8));
    lab.does(&["create", "900"]);
    let volumes = lab.does(&["node", "api", "get", "/nodes/pve1/storage/local/content"]);
    let volumes: Value = serde_json::from_str(&volumes).unwrap();
    let template = format!("ostemplate={}", volumes[0]["volid"].as_str().unwrap());
    lab.does(&["node", "api", "post", "/nodes/pve1/lxc", "vmid=999", &template, "rootfs=small:18"]);
    assert_data_eq!(
        lab.says(&["letsgo"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
9 steps to do
error: `lxc/101:guest:clone` failed: task `vzclone` of `900` on node `pve1` failed: out of space on storage 'small': No space left on device (needs 4294967296 bytes, 2147483648 are free)
  | creating a clone of container 900 with ID 101
  | create full clone of mountpoint rootfs (tank:basevol-900-disk-0)
  | TASK ERROR: out of space on storage 'small': No space left on device (needs 4294967296 bytes, 2147483648 are free)
  skipped because of it: `lxc/101:guest:configure`, `lxc/101:guest:resize-rootfs`, `lxc/101:guest:start`, `lxc/101:guest:seal` and 2 more
  hint: free space on the storage, or name another one in the configuration
error: 1 step failed, 6 skipped because of that, 2 done in [TIME] s

"#]]
    );
}

#[test]
fn a_new_spec_of_a_template_is_reported_and_rebuilt_when_told() {
    let lab = Lab::new();
    lab.does(&["letsgo"]);
    lab.set(LXC, "/lxc_configs/900/features", json!([{ "name": "base-setup", "packages": ["curl"] }]));
    assert_data_eq!(
        lab.says(&["plan"]),
        str![[r#"
exit: 0
--- stdout
nothing to do
--- stderr
warning[outdated-layer]: `lxc/101` was cloned from an older `lxc/900`
 |
 = help: `phoenix converge --rebuild 101` makes it anew

warning[outdated-layer]: `lxc/102` was cloned from an older `lxc/900`
 |
 = help: `phoenix converge --rebuild 102` makes it anew

warning[outdated-layer]: `lxc/900` has other features than are wanted now
 |
 = help: `phoenix converge --rebuild 900` makes it anew

3 warnings

"#]]
    );
    lab.does(&["converge", "--rebuild"]);
    assert_data_eq!(
        lab.says(&["plan", "--detailed-exitcode"]),
        str![[r#"
exit: 0
--- stdout
nothing to do
--- stderr

"#]]
    );
}

#[test]
fn explain_tells_what_a_guest_is_and_what_is_planned_for_it() {
    let lab = Lab::new();
    assert_data_eq!(
        lab.says(&["explain", "web"]),
        str![[r#"
exit: 0
--- stdout
lxc/102  web  container, absent
declared at: phoenix_lxc_configs.json/lxc_configs/102
comes from: a full clone of 900
requires: lxc/900 (base) before it is made, lxc/101 (gateway) before it is started
planned:
  + lxc/102:guest:clone  (it is not there; it is cloned from `lxc/900`)
  ~ lxc/102:guest:configure  net0.ip: dhcp -> 10.0.0.102/24, net0.gw: 10.0.0.1  (`net0` differs from the source)
  > lxc/102:guest:start  (it should run)
  ~ lxc/102:guest:seal  marker: e89b8db1ed4b3900  (its notes shall say that it is complete)
--- stderr

"#]]
    );
    assert_data_eq!(
        lab.says(&["explain", "lxc/102:guest:start"]),
        str![[r#"
exit: 0
--- stdout
> lxc/102:guest:start  (it should run)
waits for: lxc/101:guest:seal, lxc/102:guest:configure
does: {
  "action": "start",
  "guest": "lxc/102"
}
--- stderr

"#]]
    );
    assert_data_eq!(
        lab.says(&["explain", "base-setup"]),
        str![[r#"
exit: 0
--- stdout
base-setup 0.1.0: installs basic packages and sets locale, time zone, users and their keys
lives in: containers, virtual machines, nodes
goes after: host-base

KEY            TYPE            DEFAULT                                                            MEANING
apt_proxy      string          null                                                               The proxy through which packages come, for instance http://cache.example:3142; directly if not given.
apt_sources    list of object  []                                                                 Sources of packages beside those that the guest has, each in a file of Phoenix's own under /etc/apt/sources.list.d. They are written before packages are installed. One that is taken out of this list is not removed from guests that have it.
locale         string          "en_US.UTF-8"                                                      The locale of the system, with its character set.
packages       list of string  ["curl","git","gnupg","htop","jq","locales","rsync","vim","wget"]  Debian packages to install.
root_ssh_keys  list of string  []                                                                 Keys that may log in as root. Keys that others have put there stay.
timezone       string          null                                                               The time zone of the system, for instance Europe/Berlin; the image's if not given.
users          list of object  []                                                                 User accounts beside root.
--- stderr

"#]]
    );
}
