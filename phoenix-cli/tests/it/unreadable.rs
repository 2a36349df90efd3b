//! A configuration that is not there, or cannot be read.

use snapbox::{assert_data_eq, str};

use crate::lab::{LXC, Lab};

#[test]
fn a_missing_directory_is_named() {
    let lab = Lab::new();
    assert_data_eq!(
        lab.says(&["--config-dir", "/nowhere/phoenix", "plan"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error[no-directory]: there is no directory `/nowhere/phoenix`
 |
 = help: name the one that holds `phoenix_hypervisor_config.json` with `--config-dir DIR` or PHOENIX_CONFIG_DIR

1 error

"#]]
    );
}

#[test]
fn a_directory_without_configuration_is_named() {
    let lab = Lab::new();
    std::fs::create_dir(lab.path("empty")).unwrap();
    let empty = lab.path("empty");
    assert_data_eq!(
        lab.says(&["--config-dir", empty.to_str().unwrap(), "plan"]),
        str![[r#"
exit: 1
--- stdout
--- stderr
error[no-configuration]: `[LAB]/empty` holds no configuration
 |
 = help: it should hold `phoenix_hypervisor_config.json` and `phoenix_lxc_configs.json` or `phoenix_vm_configs.json`; name another with `--config-dir DIR`

1 error

"#]]
    );
}

#[test]
fn a_missing_file_is_named() {
    let lab = Lab::new();
    std::fs::remove_file(lab.config().join(LXC)).unwrap();
    assert_data_eq!(
        lab.says(&["validate"]),
        str![[r#"
exit: 1
--- stdout
invalid: 0 guests, 1 error
--- stderr
error[missing-file]: `[LAB]/config` has neither `phoenix_lxc_configs.json` nor `phoenix_vm_configs.json`
 |
 = help: at least one of them must be there

1 error

"#]]
    );
}

#[test]
fn a_directory_that_cannot_be_read_is_named_with_the_cause() {
    let lab = Lab::new();
    // A loop of links cannot be read by root either.
    let dir = lab.path("loop");
    std::os::unix::fs::symlink(&dir, &dir).unwrap();
    assert_data_eq!(
        lab.says(&["--config-dir", dir.to_str().unwrap(), "validate"]),
        str![[r#"
exit: 1
--- stdout
invalid: 0 guests, 1 error
--- stderr
error[unreadable-directory]: could not read the directory `[LAB]/loop`: Too many levels of symbolic links (os error 40)
 |
 = help: try `ls -ld [LAB]/loop`

1 error

"#]]
    );
}
