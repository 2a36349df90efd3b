//! A Rust plugin for the tests: it plans a file, and panics or overflows its stack where its configuration says so.

use phoenix_plugin::{
    Manifest,
    core::{
        Feature, Recipe,
        draft::{Draft, File},
    },
};
use serde_json::Value;

const MANIFEST: &str = r#"{
    "protocol": 1, "name": "nervous", "version": "1.0.0", "phoenix": "^0.1",
    "capabilities": { "files": ["/etc/motd"] },
    "features": [{ "name": "nervous", "summary": "panics", "sites": ["lxc"], "config_schema": {} }]
}"#;

phoenix_plugin::export! {
    manifest: MANIFEST,
    features: [feature()],
}

fn feature() -> Box<dyn Feature> {
    let manifest = Manifest::from_json(MANIFEST).expect("the manifest above is one");
    Box::new(Recipe::new(manifest.descriptor("nervous").expect("it has the feature"), draft))
}

fn draft(draft: &mut Draft<'_>, config: &Value) {
    match config["do"].as_str() {
        Some("panic") => panic!("no plan\nfor {}", draft.site()),
        Some("overflow") => drop(deeper(1)),
        _ => drop(draft.write("write", File::text("/etc/motd", "hello\n"), [])),
    }
}

/// Goes on until the stack is full.
fn deeper(level: u64) -> u64 {
    let room = std::hint::black_box([level; 1024]);
    if room[0] == u64::MAX {
        return 0;
    }
    room[0] + deeper(room[1] + 1) + room[2]
}
