//! `phoenix-program` on the host.

use phoenix_core::FeatureUse;
use phoenix_tests::lab::Lab;
use serde_json::{Value, json};

use super::{check_laws, first_plan, refusals};

fn on_host(config: Value) -> Lab {
    Lab::new().with_host("phoenix", vec![FeatureUse::new("phoenix-program", config)])
}

#[test]
fn the_first_plan_is_complete_and_keeps_the_laws() {
    let program = json!({"file": "/usr/local/bin/phoenix", "version": "1.2.3", "sha256": "a".repeat(64)});
    insta::assert_json_snapshot!(first_plan(&on_host(json!({ "program": program })), "phoenix-program"));
    // What is installed is a file that is there.
    let dir = tempfile::tempdir().expect("a place for temporary files");
    let file = dir.path().join("phoenix");
    std::fs::write(&file, "hello").expect("the directory is ours");
    let sha256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    check_laws(&on_host(json!({"program": {"file": file, "version": "1.2.3", "sha256": sha256}})));
}

#[test]
fn a_program_that_nobody_knows_is_refused() {
    let messages = refusals(&on_host(json!({})));
    assert!(messages[0].contains("nobody says which program it is"), "{messages:?}");
    let program = json!({"file": "phoenix", "version": "1", "sha256": "b"});
    assert_eq!(refusals(&on_host(json!({ "program": program }))).len(), 2);
}
