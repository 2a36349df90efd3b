//! What is wrong with a configuration, as the user reads it.

use serde_json::json;
use snapbox::{assert_data_eq, str};

use crate::lab::{HYPERVISOR, LXC, Lab};

#[test]
fn a_good_configuration_is_valid() {
    assert_data_eq!(
        Lab::new().says(&["validate"]),
        str![[r#"
exit: 0
--- stdout
valid: 3 guests, 1 note
--- stderr
note[missing-file]: `[LAB]/config` has no `phoenix_vm_configs.json`, so there are no virtual machines

1 note

"#]]
    );
}

#[test]
fn malformed_json_is_shown_at_its_place() {
    let lab = Lab::new();
    lab.write(LXC, "{\n  \"lxc_configs\": {\n    \"101\": { \"name\": \"web\" \"cores\": 2 }\n  }\n}\n");
    assert_data_eq!(
        lab.says(&["validate"]),
        str![[r#"
exit: 1
--- stdout
invalid: 0 guests, 1 error, 1 note
--- stderr
note[missing-file]: `[LAB]/config` has no `phoenix_vm_configs.json`, so there are no virtual machines

error[malformed-json]: `phoenix_lxc_configs.json` is not JSON: expected `,` or the closing bracket
 --> phoenix_lxc_configs.json:3:27
  |
3 |     "101": { "name": "web" "cores": 2 }
  |                           ^
  |
  = help: separate values with `,`

1 error, 1 note

"#]]
    );
}

#[test]
fn errors_stop_letsgo_before_anything_is_done() {
    let lab = Lab::new();
    lab.write(LXC, "{ \"lxc_configs\": [ }\n");
    assert_data_eq!(
        lab.says(&["letsgo"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error[malformed-json]: `phoenix_lxc_configs.json` is not JSON: unexpected `}`
 --> phoenix_lxc_configs.json:1:20
  |
1 | { "lxc_configs": [ }
  |                    ^
  |
  = help: remove it, or add the `{` that it closes

1 error

"#]]
    );
    assert!(crate::lab::is_empty(&lab.path("node")), "the node was not even made");
}

#[test]
fn a_wrong_id_is_shown_at_its_place() {
    let lab = Lab::new();
    lab.set(LXC, "/lxc_configs/7", json!({ "name": "seven", "clone": { "from": 900 } }));
    assert_data_eq!(
        lab.says(&["validate"]),
        str![[r#"
exit: 1
--- stdout
invalid: 3 guests, 1 error, 1 note
--- stderr
note[missing-file]: `[LAB]/config` has no `phoenix_vm_configs.json`, so there are no virtual machines

error[bad-vmid]: `7` is not a vmid
  --> phoenix_lxc_configs.json:30:5
   |
30 |     "7": {
   |     ^^^
   |
   = help: write a number from 100 to 999999999

1 error, 1 note

"#]]
    );
}

#[test]
fn a_file_that_is_not_there_is_named_where_its_guests_are_missed() {
    let lab = Lab::new();
    lab.set(LXC, "/lxc_configs/102/dependencies", json!([1001]));
    let said = lab.says(&["plan"]);
    assert!(said.contains("`web` depends on 1001, which no file declares"), "{said}");
    assert!(said.contains("note[missing-file]") && said.contains("phoenix_vm_configs.json"), "{said}");
}

#[test]
fn a_dangling_dependency_is_shown_at_its_place() {
    let lab = Lab::new();
    lab.set(LXC, "/lxc_configs/102/dependencies", json!([110]));
    assert_data_eq!(
        lab.says(&["validate"]),
        str![[r#"
exit: 1
--- stdout
invalid: 3 guests, 1 error, 1 note
--- stderr
note[missing-file]: `[LAB]/config` has no `phoenix_vm_configs.json`, so there are no virtual machines

error[dangling-dependency]: `web` depends on 110, which no file declares
  --> phoenix_lxc_configs.json:20:9
   |
20 |         110
   |         ^^^
   |
   = help: remove it, or declare that guest

1 error, 1 note

"#]]
    );
}

#[test]
fn a_cycle_names_everyone_in_it() {
    let lab = Lab::new();
    lab.set(LXC, "/lxc_configs/101/dependencies", json!([102]));
    assert_data_eq!(
        lab.says(&["validate"]),
        str![[r#"
exit: 1
--- stdout
invalid: 3 guests, 1 error, 1 note
--- stderr
note[missing-file]: `[LAB]/config` has no `phoenix_vm_configs.json`, so there are no virtual machines

error[cycle]: these guests wait for each other: 101 → 102 → 101
  --> phoenix_lxc_configs.json:23:9
   |
23 |         101
   |         ^^^
   |
   = help: remove one of these dependencies

1 error, 1 note

"#]]
    );
}

#[test]
fn a_clash_of_addresses_names_both() {
    let lab = Lab::new();
    lab.set(LXC, "/lxc_configs/102/network_config/ip", json!("10.0.0.101/24"));
    assert_data_eq!(
        lab.says(&["validate"]),
        str![[r#"
exit: 1
--- stdout
invalid: 3 guests, 1 error, 1 note
--- stderr
note[missing-file]: `[LAB]/config` has no `phoenix_vm_configs.json`, so there are no virtual machines

error[duplicate-ip]: `10.0.0.101` is the address of 101 too
  --> phoenix_lxc_configs.json:26:15
   |
26 |         "ip": "10.0.0.101/24",
   |               ^^^^^^^^^^^^^^^
   |
   = help: phoenix_lxc_configs.json:11 has it first; choose a free one

1 error, 1 note

"#]]
    );
}

#[test]
fn a_vmid_that_is_declared_twice_names_both() {
    let lab = Lab::new();
    lab.write(
        "phoenix_vm_configs.json",
        r#"{ "vms": [{ "vmid": 101, "name": "twin", "template_image": "noble.img", "image_url": "https://example.com/noble.img" }] }"#,
    );
    assert_data_eq!(
        lab.says(&["validate"]),
        str![[r#"
exit: 1
--- stdout
invalid: 3 guests, 2 errors
--- stderr
error[missing-key]: `twin` has no storage for its root disk
 --> phoenix_vm_configs.json:1:11
  |
1 | { "vms": [{ "vmid": 101, "name": "twin", "template_image": "noble.img", "image_url": "https://example.com/noble.img" }] }
  |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: add `storage_pool`, or give one in the defaults of the file

error[duplicate-vmid]: the vmid 101 is given twice
 --> phoenix_vm_configs.json:1:21
  |
1 | { "vms": [{ "vmid": 101, "name": "twin", "template_image": "noble.img", "image_url": "https://example.com/noble.img" }] }
  |                     ^^^
  |
  = help: phoenix_lxc_configs.json:3 has it first; give one of them another number

2 errors

"#]]
    );
}

#[test]
fn an_unknown_key_suggests_the_nearest() {
    let lab = Lab::new();
    lab.set(LXC, "/lxc_configs/101/memroy_mb", json!(1024));
    assert_data_eq!(
        lab.says(&["validate"]),
        str![[r#"
exit: 1
--- stdout
invalid: 3 guests, 1 error, 1 note
--- stderr
note[missing-file]: `[LAB]/config` has no `phoenix_vm_configs.json`, so there are no virtual machines

error[unknown-key]: unknown key `memroy_mb`
 --> phoenix_lxc_configs.json:7:7
  |
7 |       "memroy_mb": 1024,
  |       ^^^^^^^^^^^
  |
  = help: did you mean `memory_mb`?

1 error, 1 note

"#]]
    );
}

#[test]
fn a_key_that_a_feature_does_not_know_is_shown_at_its_place() {
    let lab = Lab::new();
    let feature = json!([{ "name": "base-setup", "pakages": ["curl"] }]);
    lab.set(LXC, "/lxc_configs/101/features", feature);
    assert_data_eq!(
        lab.says(&["validate"]),
        str![[r#"
exit: 1
--- stdout
invalid: 3 guests, 1 error, 1 note
--- stderr
note[missing-file]: `[LAB]/config` has no `phoenix_vm_configs.json`, so there are no virtual machines

error[feature-config]: feature `base-setup`: unknown field `pakages`, expected one of `locale`, `timezone`, `apt_sources`, `apt_proxy`, `packages`, `users`, `root_ssh_keys`
  --> phoenix_lxc_configs.json:10:11
   |
10 |           "pakages": [
   |           ^^^^^^^^^
   |
   = help: `phoenix explain base-setup` shows every key that it knows

1 error, 1 note

"#]]
    );
}

#[test]
fn all_errors_come_in_one_run() {
    let lab = Lab::new();
    lab.set(LXC, "/lxc_configs/101/memory_mb", json!("plenty"));
    lab.set(LXC, "/lxc_configs/102/cores", json!(0));
    lab.set(HYPERVISOR, "/timezone", json!("Europe/Wien am Rhein"));
    assert_data_eq!(
        lab.says(&["validate"]),
        str![[r#"
exit: 1
--- stdout
invalid: 3 guests, 3 errors, 1 note
--- stderr
note[missing-file]: `[LAB]/config` has no `phoenix_vm_configs.json`, so there are no virtual machines

error[bad-value]: `timezone` is `Europe/Wien am Rhein`, which is not a time zone
  --> phoenix_hypervisor_config.json:28:15
   |
28 |   "timezone": "Europe/Wien am Rhein"
   |               ^^^^^^^^^^^^^^^^^^^^^^
   |
   = help: write one such as `Europe/Berlin` or `UTC`

error[wrong-type]: `memory_mb` wants an integer, not a string
 --> phoenix_lxc_configs.json:7:20
  |
7 |       "memory_mb": "plenty",
  |                    ^^^^^^^^

error[out-of-range]: `cores` is 0, outside 1 to 8192
  --> phoenix_lxc_configs.json:20:16
   |
20 |       "cores": 0,
   |                ^
   |
   = help: write a number: 1 to 8192

3 errors, 1 note

"#]]
    );
}
