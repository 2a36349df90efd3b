//! What the program refuses, and what it tells the user to type instead.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    process::Command,
};

use serde_json::json;
use snapbox::{assert_data_eq, str};

use crate::lab::{LXC, Lab};

/// The user that may do nothing.
const NOBODY: u32 = 65_534;

#[test]
fn an_unknown_verb_suggests_the_nearest() {
    assert_data_eq!(
        Lab::new().says(&["letgso"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error: unrecognized subcommand 'letgso'

  tip: some similar subcommands exist: 'LetsGo', 'letsgo'

Usage: phoenix [OPTIONS] <COMMAND>

For more information, try '--help'.

"#]]
    );
}

#[test]
fn all_unknown_targets_are_named_at_once() {
    assert_data_eq!(
        Lab::new().says(&["create", "gatevay", "103", "web"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error: nothing in the configuration is called `gatevay`; did you mean `gateway`?
error: nothing in the configuration is called `103`; did you mean `102`?
  hint: `phoenix status` lists every guest of the configuration

"#]]
    );
}

#[test]
fn a_verb_that_needs_a_target_says_so() {
    assert_data_eq!(
        Lab::new().says(&["stop"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error: the following required arguments were not provided:
  <TARGET>...

Usage: phoenix stop --config-dir <DIR> --host <HOST> --node-dir <DIR> --node-engine <ENGINE> --node-speed <FACTOR> <TARGET>...

For more information, try '--help'.

"#]]
    );
}

#[test]
fn a_host_without_a_way_to_it_is_refused_honestly() {
    let lab = Lab::new();
    assert_data_eq!(
        lab.says(&["--host", "local", "plan"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error: this machine is no Proxmox VE host: there is no `/etc/pve/local`
  hint: `--host https://HOST:8006` reaches one over its API and ssh; `--host embedded` works on the embedded node

"#]]
    );
    assert_data_eq!(
        lab.says(&["--host", "https://pve1:8006", "plan"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error: there is neither a token nor a password for `https://pve1:8006`
  hint: set `PHOENIX_TOKEN` to `user@realm!name=secret`, or `PHOENIX_PASSWORD` (and `PHOENIX_USER`); `PHOENIX_TOKEN_FILE` and `PHOENIX_PASSWORD_FILE` name a file instead

"#]]
    );
    assert_data_eq!(
        lab.says(&["--host", "https://pve1:8006", "--ssh=-oProxyCommand=id", "plan"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error: invalid value '-oProxyCommand=id' for '--ssh <USER@HOST[:PORT]>': `-oProxyCommand=id` is not `USER@HOST` or `USER@HOST:PORT`

For more information, try '--help'.

"#]]
    );
    assert_data_eq!(
        lab.says(&["--host", "pve1", "plan"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error: invalid value 'pve1' for '--host <HOST>': a host is `embedded`, `local` or a URL such as `https://pve.example.com:8006`

For more information, try '--help'.

"#]]
    );
}

#[test]
fn the_verbs_of_real_containers_are_refused_without_their_engine() {
    for verb in [["node", "start"], ["node", "stop"], ["node", "shell"]] {
        assert_data_eq!(
            Lab::new().says(&verb),
            str![[r#"
exit: 1
--- stdout
--- stderr
error: the engine `sim` has nothing to start, to stop or to look into
  hint: say `--node-engine lxc`, or set `PHOENIX_NODE_ENGINE`

"#]]
        );
    }
}

#[test]
fn a_node_keeps_the_engine_that_its_guests_are_of() {
    let lab = Lab::new();
    lab.does(&["letsgo"]);
    assert_data_eq!(
        lab.says(&["--node-engine", "lxc", "plan"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error: the guests in `[LAB]/node` are those of the engine `sim`; say `--node-engine sim`, or give another directory with `--node-dir`

"#]]
    );
}

#[test]
fn real_containers_without_root_are_refused_with_what_is_missing() {
    let lab = Lab::new();
    let all_may_read = fs::Permissions::from_mode(0o755);
    fs::set_permissions(lab.path(""), all_may_read).expect("the directory is the test's own");
    // A copy, because that user may not be allowed to enter the directory of the crate.
    let copy = lab.path("phoenix");
    let shown = lab.command(&["--node-engine", "lxc", "plan"]);
    fs::copy(shown.get_program(), &copy).expect("the directory is the test's own");
    let mut command = Command::new(copy);
    command.args(shown.get_args()).current_dir("/");
    command.envs(shown.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if fs::metadata("/proc/self").expect("has itself").uid() == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().expect("the program may be run by anyone");
    let said = lab.transcript(&output);
    assert!(
        said.starts_with("exit: 1\n--- stdout\n--- stderr\nerror: this machine cannot run real"),
        "{said}"
    );
    assert!(said.contains("real containers need root: run the command with `sudo`"), "{said}");
    assert!(said.contains("hint: bring what is missing, or leave `--node-engine` at `sim`"), "{said}");
    assert!(!lab.path("node").exists(), "nothing was begun");
}

#[test]
fn delete_refuses_what_others_stand_on() {
    let lab = Lab::new();
    lab.does(&["letsgo"]);
    assert_data_eq!(
        lab.says(&["delete", "base", "gateway", "--yes"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error: `lxc/101` is not deleted: `lxc/102` would be left without it
error: `lxc/900` is not deleted: `lxc/102` would be left without it
  hint: `phoenix delete base gateway --with-dependents` takes them along

"#]]
    );
}

#[test]
fn delete_does_nothing_where_nobody_can_be_asked() {
    let lab = Lab::new();
    lab.does(&["letsgo"]);
    assert_data_eq!(
        lab.says(&["delete", "web"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
these are destroyed, with their disks and snapshots:
  lxc/102  web  healthy
error: this needs your consent, and there is no terminal to ask at
  hint: say `--yes` to go ahead without being asked

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
}

#[test]
fn delete_refuses_a_guest_that_phoenix_did_not_make() {
    let lab = Lab::new();
    lab.does(&["create", "900"]);
    lab.does(&["node", "api", "post", "/nodes/pve1/lxc/900/clone", "newid=101", "full=1", "hostname=theirs"]);
    assert_data_eq!(
        lab.says(&["delete", "101", "--yes"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error: `lxc/101` is not deleted: it was not made by Phoenix
  hint: delete it with `pct destroy` or `qm destroy`, or give the guest of the configuration another vmid

"#]]
    );
    assert_data_eq!(
        lab.says(&["plan"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error[foreign-guest]: `lxc/101` is there and was not made by Phoenix: it is a copy of `lxc/900`
 --> phoenix_lxc_configs.json:3:5
  |
3 |     "101": {
  |     ^^^^^
  |
  = help: give the guest of the configuration another vmid, or remove the one on the host

1 error

"#]]
    );
    assert_data_eq!(
        lab.says(&["status"]),
        str![[r#"
exit: 1
--- stdout
ID       NAME     KIND       LIFECYCLE  NODE  POWER     STEPS  LAYER  CERTIFICATE
lxc/900  base     container  template   pve1  template  -      -      -
lxc/101  gateway  container  foreign    pve1  stopped   -      -      -
lxc/102  web      container  absent     -     -         -      -      -
--- stderr
error[foreign-guest]: `lxc/101` is there and was not made by Phoenix: it is a copy of `lxc/900`
 --> phoenix_lxc_configs.json:3:5
  |
3 |     "101": {
  |     ^^^^^
  |
  = help: give the guest of the configuration another vmid, or remove the one on the host

1 error

"#]]
    );
}

#[test]
fn explain_suggests_the_nearest_subject() {
    assert_data_eq!(
        Lab::new().says(&["explain", "base-stup"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error: there is nothing to explain about `base-stup`
  hint: `phoenix explain base-setup` is the nearest

"#]]
    );
}

#[test]
fn a_step_that_is_not_planned_is_not_explained() {
    assert_data_eq!(
        Lab::new().says(&["explain", "lxc/101:guest:nothing"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error: the step `lxc/101:guest:nothing` is not in the plan now
  hint: `phoenix plan` lists the steps that are

"#]]
    );
}

#[test]
fn an_unknown_schema_is_refused() {
    assert_data_eq!(
        Lab::new().says(&["schema", "lcx"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error: `lcx` is neither a sort of file nor a feature
  hint: known are `hypervisor`, `lxc`, `vm`, `stack`, `stacks`, `certificates`, `apparmor-profiles`, `base-setup`, [..]

"#]]
    );
}

#[test]
fn a_model_that_carries_no_traffic_says_so_where_hops_fail() {
    let lab = Lab::new();
    lab.set(LXC, "/lxc_configs/102/services", json!({"web": {"port": 80, "reach": "direct"}}));
    let told = lab.says(&["health-check"]);
    assert!(told.contains("exit: 1") && told.contains("FAILS"), "{told}");
    assert!(told.contains("the simulated node carries no traffic"), "{told}");
}
