//! The predecessor's real files.

use std::{collections::BTreeSet, path::PathBuf};

use phoenix_config::{Loaded, load};

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
    for f in loaded.findings.iter() {
        let p = f.place.clone().unwrap_or_default();
        println!(
            "@{} {} {}:{} {} | {} | {}",
            f.severity,
            f.code,
            p.file,
            p.line,
            p.path,
            f.message,
            f.hint.clone().unwrap_or_default()
        );
    }
    assert_eq!(loaded.desired.resources.len(), 15);
}
