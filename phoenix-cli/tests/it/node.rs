//! The embedded node itself: its directory, its API and its reset.

use std::fs;

use snapbox::{assert_data_eq, str};

use crate::lab::{Lab, is_empty};

#[test]
fn reset_asks_first() {
    let lab = Lab::new();
    lab.does(&["create", "900"]);
    assert_data_eq!(
        lab.says(&["node", "reset"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error: this needs your consent, and there is no terminal to ask at
  hint: say `--yes` to go ahead without being asked

"#]]
    );
    assert!(!is_empty(&lab.path("node")));
}

#[test]
fn reset_makes_the_node_empty() {
    let lab = Lab::new();
    lab.does(&["create", "900"]);
    assert_data_eq!(
        lab.says(&["node", "reset", "--yes"]),
        str![[r#"
exit: 0
--- stdout
the node in `[LAB]/node` is gone; the next run starts with an empty one
--- stderr

"#]]
    );
    assert_data_eq!(
        lab.says(&["status"]),
        str![[r#"
exit: 0
--- stdout
ID       NAME     KIND       LIFECYCLE  NODE  POWER  STEPS  LAYER  CERTIFICATE
lxc/900  base     container  absent     -     -      4      -      -
lxc/101  gateway  container  absent     -     -      4      -      -
lxc/102  web      container  absent     -     -      4      -      -
--- stderr

"#]]
    );
}

#[test]
fn reset_leaves_a_foreign_directory_alone() {
    let lab = Lab::new();
    fs::create_dir(lab.path("node")).unwrap();
    fs::write(lab.path("node/thesis.tex"), "three years of work").unwrap();
    assert_data_eq!(
        lab.says(&["node", "reset", "--yes"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error: `[LAB]/node` is not a node directory of Phoenix (it has no `phoenix-node.json`), so it is left alone; give an empty or new directory with `--node-dir`

"#]]
    );
    assert_data_eq!(
        lab.says(&["letsgo"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error: `[LAB]/node` is not a node directory of Phoenix (it has no `phoenix-node.json`), so it is left alone; give an empty or new directory with `--node-dir`

"#]]
    );
    assert_eq!(fs::read_to_string(lab.path("node/thesis.tex")).unwrap(), "three years of work");
}

#[test]
fn status_tells_what_the_node_has() {
    let lab = Lab::new();
    lab.does(&["letsgo"]);
    assert_data_eq!(
        lab.says(&["node", "status"]),
        str![[r#"
exit: 0
--- stdout
node `pve1` in `[LAB]/node`
3 guests: 2 running, 1 template, 0 stopped
0 tasks under way
--- stderr

"#]]
    );
}

#[test]
fn a_call_is_answered_as_on_a_host() {
    let lab = Lab::new();
    assert_data_eq!(
        lab.says(&["node", "api", "get", "/nodes/pve1/lxc"]),
        str![[r#"
exit: 0
--- stdout
[]
--- stderr

"#]]
    );
    assert_data_eq!(
        lab.says(&["node", "api", "get", "/nodes/pve1/lxc/555/config"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error: GET /nodes/pve1/lxc/555/config was refused with 500: Configuration file 'nodes/pve1/lxc/555.conf' does not exist

"#]]
    );
    assert_data_eq!(
        lab.says(&["node", "api", "put", "/nodes/pve1/lxc/101/config", "memory"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error: `memory` is not a parameter
  hint: parameters are written `key=value`, for instance `memory=2048`

"#]]
    );
}
