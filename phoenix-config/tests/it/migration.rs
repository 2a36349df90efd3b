//! Migration of the predecessor's real files.

use std::{collections::BTreeSet, fs};

use phoenix_config::{ConfigError, load, migrate, render};
use phoenix_core::Severity;

use crate::predecessor::real_dir;

#[test]
fn the_real_files_migrate_to_fifteen_guests_without_errors() {
    let Some(old) = real_dir() else { return };
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("clean");
    let changes = migrate(&old, &out).unwrap_or_else(|error| panic!("{error}: {error:?}"));
    let loaded = load(&out, &BTreeSet::from(["base-setup".to_owned()]));
    let unwanted: Vec<&str> = loaded
        .findings
        .iter()
        .filter(|finding| finding.severity != Severity::Note && &*finding.code != "feature-unavailable")
        .map(|finding| &*finding.code)
        .collect();
    // The real files share folders with a user whose password stands nowhere; nobody but its owner can give it.
    assert_eq!(unwanted, ["samba-password"], "{}", render(&loaded.findings, &loaded.sources, false));
    let guests = loaded
        .desired
        .resources
        .keys()
        .filter(|id| id.to_string().starts_with("lxc/") || id.to_string().starts_with("vm/"));
    assert_eq!(guests.count(), 15);
    assert!(changes.iter().all(|change| !change.why.is_empty() && change.place.line > 0), "{changes:#?}");
    let texts: String = fs::read_dir(&out)
        .unwrap()
        .filter_map(|entry| fs::read_to_string(entry.unwrap().path()).ok())
        .collect();
    assert!(!texts.contains("Redact@") && !texts.contains("SECRET_PASSWORD"));
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1, "nothing is left beside the result");
}

#[test]
fn a_migration_replaces_only_its_own_result() {
    let Some(old) = real_dir() else { return };
    let parent = tempfile::tempdir().unwrap();
    let out = parent.path().join("clean");
    migrate(&old, &out).unwrap();
    migrate(&old, &out).unwrap();
    let foreign = parent.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("notes.txt"), "mine").unwrap();
    assert!(matches!(migrate(&old, &foreign), Err(ConfigError::Occupied { .. })));
    assert_eq!(fs::read_to_string(foreign.join("notes.txt")).unwrap(), "mine");
}
