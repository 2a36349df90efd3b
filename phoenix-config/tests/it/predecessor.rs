//! The predecessor's real files.

use std::{collections::BTreeSet, path::PathBuf};

use phoenix_config::{Loaded, load, render};

pub(crate) fn real_dir() -> Option<PathBuf> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/phoenix-config");
    if dir.is_dir() {
        return Some(dir);
    }
    println!("skipped: {} is not there", dir.display());
    None
}

fn load_real() -> Option<Loaded> {
    Some(load(&real_dir()?, &BTreeSet::from(["base-setup".to_owned()])))
}

#[test]
fn all_fifteen_guests_are_desired() {
    let Some(loaded) = load_real() else { return };
    println!("{}", render(&loaded.findings, &loaded.sources, false));
    println!("{}", serde_json::to_string_pretty(&loaded.desired).unwrap());
    assert_eq!(loaded.desired.resources.len(), 15);
}
