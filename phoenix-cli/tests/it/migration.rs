//! What `migrate` tells, and what it refuses.

use serde_json::json;
use snapbox::{assert_data_eq, str};

use crate::lab::{LXC, Lab};

#[test]
fn a_migration_explains_each_change_and_its_result_is_valid() {
    let lab = Lab::new();
    lab.set(LXC, "/lxc_configs/101/health_check", json!({ "command": "true" }));
    let (old, new) = (lab.config(), lab.path("new"));
    let (old, new) = (old.to_str().unwrap(), new.to_str().unwrap());
    assert_data_eq!(
        lab.says(&["migrate", old, "--out", new]),
        str![[r#"
exit: 0
--- stdout
phoenix_lxc_configs.json:7: removed `health_check` (it is shell text of the predecessor; write `health` with a list of arguments)
phoenix_lxc_configs.json:11: wrote `network_config` as `networks` (a guest may have several interfaces)
phoenix_lxc_configs.json:26: wrote `network_config` as `networks` (a guest may have several interfaces)
phoenix_lxc_configs.json:36: wrote `network_config` as `networks` (a guest may have several interfaces)
4 changes; the clean files are in `[LAB]/new`
--- stderr
`phoenix --config-dir [LAB]/new validate` checks them

"#]]
    );
    lab.does(&["--config-dir", new, "validate"]);
    assert_data_eq!(
        lab.says(&["migrate", old, "--out", old]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error: `[LAB]/config` is not empty and was not written by `phoenix migrate`

"#]]
    );
}
