//! Recorded answers of a real Proxmox VE are read without loss.

use std::path::PathBuf;

use phoenix_pve::{error::classify, lenient};
use serde_json::Value;

/// Returns the recorded calls; nothing where the folder is absent.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn records() -> Vec<Value> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/pve-truth/records");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: {} is absent", folder.display());
        return Vec::new();
    };
    let texts = entries.filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok());
    texts
        .flat_map(|text| {
            text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect::<Vec<Value>>()
        })
        .collect()
}

/// Returns the data of the successful reads whose path ends so.
fn reads(records: &[Value], end: &str) -> Vec<Value> {
    let is_read = |record: &&Value| {
        record["request"]["method"] == "GET"
            && record["request"]["path"].as_str().is_some_and(|path| path.ends_with(end))
            && record["response"]["status"] == 200
    };
    records.iter().filter(is_read).map(|record| record["response"]["json"]["data"].clone()).collect()
}

#[test]
fn every_recorded_row_of_a_guest_is_read() {
    let records = records();
    for (end, kind) in
        [("/nodes/pve1/lxc", phoenix_core::GuestKind::Lxc), ("/nodes/pve1/qemu", phoenix_core::GuestKind::Vm)]
    {
        for data in reads(&records, end) {
            for item in lenient::items(&data) {
                let row = lenient::guest(item, Some("pve1"), Some(kind)).expect("a row");
                assert_eq!(row.guest.kind, kind);
            }
        }
    }
}

#[test]
fn every_recorded_config_keeps_all_its_keys() {
    let records = records();
    let mut seen = 0;
    for data in reads(&records, "/config") {
        let Some(object) = data.as_object().filter(|object| object.contains_key("digest")) else { continue };
        let config = lenient::config(&data);
        assert!(!config.digest.is_empty());
        let keys: Vec<&String> =
            object.keys().filter(|key| *key != "digest" && !object[*key].is_null()).collect();
        assert!(config.values.keys().eq(keys), "{object:?}");
        seen += 1;
    }
    assert!(seen > 0 || records.is_empty(), "no configuration was found");
}

#[test]
fn recorded_snapshots_stand_behind_their_parents() {
    for data in reads(&records(), "/snapshot") {
        let rows = lenient::snapshots(&data);
        for (index, row) in rows.iter().enumerate() {
            let parent = rows.iter().position(|other| Some(&other.name) == row.parent.as_ref());
            assert!(parent.is_none_or(|parent| parent < index), "{rows:?}");
        }
    }
}

#[test]
fn recorded_refusals_of_locks_and_digests_are_known() {
    use phoenix_core::ErrorKind;
    for record in records() {
        let reason = record["response"]["reason"].as_str().unwrap_or_default();
        let status = record["response"]["status"].as_u64().unwrap_or_default() as u16;
        if status == 500 && (reason.contains("is locked (") || reason.contains("got timeout")) {
            assert!(matches!(classify(status, reason), ErrorKind::Locked | ErrorKind::Timeout), "{reason}");
        }
        if status == 500 && reason.contains("by other user") || reason.contains("change by other") {
            assert_eq!(classify(status, reason), ErrorKind::Changed, "{reason}");
        }
    }
}
