//! The predecessor's real files: everything that its strict-validator report holds against them and that a reader of
//! the files alone can see, each at its line.

use std::{collections::BTreeSet, path::PathBuf};

use phoenix_config::{Loaded, load, render, to_json};

#[allow(clippy::print_stdout, reason = "a skipped test says so")]
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

const HOST: &str = "phoenix_hypervisor_config.json";
const LXC: &str = "phoenix_lxc_configs.json";
const VM: &str = "phoenix_vm_configs.json";
const STACKS: &str = "phoenix_stacks_config.json";

/// What the host's own part of the real files declares.
const HOST_PARTS: &[&str] = &[
    "acl/cluster",
    "host/phoenix/setup",
    "inventory/phoenix",
    "network/phoenix",
    "storage/fastData-shared-backups",
    "storage/fastData-shared-bulk-data",
    "storage/fastData-shared-iso",
    "storage/fastData-shared-test-data",
    "storage/fastData-shared-test-data-sync",
    "storage/quickOS-lxc-disks",
    "storage/quickOS-lxc-persistent-data",
    "storage/quickOS-shared-prod-data",
    "storage/quickOS-shared-prod-data-sync",
    "storage/quickOS-vm-disks",
    "storage/quickOS-vm-persistent-data",
    "user/phoenix_admin@pam",
];

/// Code, file and line of everything that the report names.
const REPORT: &[(&str, &str, u32)] = &[
    // What the shipped schemas refuse: 8, 3, 1, twice 3 and 4.
    ("schema-mismatch", LXC, 456),
    ("schema-mismatch", LXC, 802),
    ("schema-mismatch", LXC, 44),
    ("schema-mismatch", LXC, 283),
    ("schema-mismatch", LXC, 146),
    ("schema-mismatch", LXC, 197),
    ("schema-mismatch", VM, 74),
    ("schema-mismatch", VM, 150),
    ("schema-mismatch", VM, 151),
    ("schema-mismatch", STACKS, 2),
    ("schema-mismatch", "stacks/portainer_service/phoenix.json", 1),
    ("schema-mismatch", "stacks/portainer_service/phoenix.json", 20),
    ("schema-mismatch", "stacks/qdrant_service/phoenix.json", 1),
    ("schema-mismatch", "stacks/qdrant_service/phoenix.json", 19),
    ("schema-mismatch", "stacks/thinkheads_ai_app/phoenix.json", 1),
    ("schema-mismatch", "stacks/thinkheads_ai_app/phoenix.json", 5),
    ("schema-mismatch", HOST, 1),
    ("schema-mismatch", HOST, 44),
    ("schema-mismatch", HOST, 217),
    ("schema-undescribed", HOST, 1),
    // Keys that the schemas do not know.
    ("schema-undescribed", LXC, 272),
    ("schema-undescribed", LXC, 444),
    ("schema-undescribed", LXC, 806),
    ("schema-undescribed", LXC, 542),
    ("schema-undescribed", LXC, 543),
    ("schema-undescribed", LXC, 46),
    ("schema-undescribed", VM, 115),
    ("schema-undescribed", VM, 116),
    ("mistyped-key", HOST, 244),
    // Firewall rules.
    ("duplicate-rule", LXC, 724),
    ("duplicate-rule", LXC, 732),
    ("duplicate-rule", VM, 173),
    ("duplicate-rule", LXC, 504),
    ("subsumed-rule", LXC, 829),
    ("duplicate-rule", VM, 189),
    ("duplicate-rule", VM, 196),
    ("firewall-total", HOST, 307),
    ("misplaced-key", HOST, 303),
    ("no-management-rule", HOST, 307),
    ("any-source", HOST, 308),
    ("any-source", HOST, 315),
    ("any-source", VM, 189),
    ("any-source", VM, 196),
    ("any-source", "stacks/thinkheads_ai_app/phoenix.json", 6),
    // Dangling.
    ("dangling-mount", HOST, 267),
    ("dangling-mount", HOST, 269),
    ("dangling-mount", HOST, 275),
    ("dangling-mount", HOST, 281),
    ("dangling-mount", HOST, 287),
    ("dangling-mount", HOST, 293),
    ("dangling-mount", HOST, 299),
    ("dangling-mount", HOST, 300),
    ("dangling-script", LXC, 580),
    ("dangling-script", LXC, 635),
    ("dangling-file", STACKS, 6),
    ("dangling-file", STACKS, 28),
    ("dangling-file", STACKS, 68),
    ("dangling-file", STACKS, 90),
    ("dangling-file", STACKS, 112),
    ("stacks-disagree", STACKS, 35),
    ("stacks-disagree", STACKS, 52),
    ("stacks-disagree", STACKS, 73),
    ("stacks-disagree", STACKS, 95),
    ("undefined-entrypoint", "stacks/portainer_service/phoenix.json", 12),
    ("undefined-entrypoint", "stacks/qdrant_service/phoenix.json", 12),
    ("undefined-resolver", "stacks/portainer_service/phoenix.json", 14),
    ("undefined-resolver", "stacks/qdrant_service/phoenix.json", 14),
    // Dependencies, types, names.
    ("template-dependency", LXC, 83),
    ("boot-order", LXC, 62),
    ("mixed-id-types", LXC, 83),
    ("name-clash", VM, 46),
    ("no-dns-server", HOST, 32),
    ("outside-nameserver", LXC, 22),
    ("no-nameserver", LXC, 59),
    ("no-nameserver", LXC, 93),
    ("no-nameserver", LXC, 146),
    ("no-nameserver", LXC, 197),
    // Capacity and storages.
    ("storage-overcommitted", HOST, 138),
    ("pool-overcommitted", HOST, 111),
    ("pool-overcommitted", HOST, 119),
    ("gpu-overcommitted", LXC, 127),
    ("storage-key", HOST, 218),
    ("storage-key", HOST, 219),
    ("storage-key", HOST, 222),
    ("dir-rootdir", HOST, 196),
    ("unserved-path", HOST, 265),
    ("unserved-path", LXC, 540),
    // Secrets.
    ("plaintext-secret", HOST, 362),
    ("plaintext-secret", STACKS, 59),
    ("plaintext-secret", STACKS, 81),
    ("plaintext-secret", STACKS, 103),
];

#[test]
fn every_item_of_the_strict_validator_report_is_found_at_its_line() {
    let Some(loaded) = load_real() else { return };
    let found: BTreeSet<(String, String, u32)> = loaded
        .findings
        .iter()
        .filter_map(|finding| {
            let place = finding.place.as_ref()?;
            Some((finding.code.to_string(), place.file.to_string(), place.line))
        })
        .collect();
    let missing: Vec<_> = REPORT
        .iter()
        .filter(|(code, file, line)| !found.contains(&((*code).to_owned(), (*file).to_owned(), *line)))
        .collect();
    let near: Vec<_> =
        found.iter().filter(|(code, ..)| missing.iter().any(|(missing, ..)| missing == code)).collect();
    assert!(missing.is_empty(), "missing: {missing:#?}\nfound instead: {near:#?}");
}

#[test]
fn shipped_schemas_refuse_exactly_what_the_report_counts() {
    let Some(loaded) = load_real() else { return };
    let count = |file: &str| {
        loaded
            .findings
            .iter()
            .filter(|finding| &*finding.code == "schema-mismatch")
            .filter(|finding| finding.place.as_ref().is_some_and(|place| &*place.file == file))
            .count()
    };
    assert_eq!([LXC, VM, STACKS, HOST].map(count), [8, 3, 1, 4]);
    for stack in ["portainer_service", "qdrant_service", "thinkheads_ai_app"] {
        assert_eq!(count(&format!("stacks/{stack}/phoenix.json")), 2, "{stack}");
    }
}

#[test]
fn the_aggregated_firewall_has_44_rules_of_which_33_are_distinct() {
    let Some(loaded) = load_real() else { return };
    let total = loaded.findings.iter().find(|finding| &*finding.code == "firewall-total").unwrap();
    assert!(total.message.starts_with("44 firewall rules"), "{}", total.message);
    assert!(total.message.contains("33 of them distinct"), "{}", total.message);
}

#[test]
fn all_fifteen_guests_are_desired() {
    let Some(loaded) = load_real() else { return };
    let (guests, others): (Vec<String>, Vec<String>) = loaded
        .desired
        .resources
        .keys()
        .map(ToString::to_string)
        .partition(|id| ["lxc/", "vm/"].iter().any(|kind| id.starts_with(kind)));
    assert_eq!(guests.len(), 15, "{guests:?}");
    assert_eq!(others, HOST_PARTS);
    let base = &loaded.desired.resources[&phoenix_core::GuestId::lxc(900).resource()];
    assert_eq!(base.spec["guest"]["origin"]["storage"], "fastData-shared-iso");
    assert_eq!(base.spec["guest"]["template"], true);
    assert_eq!(base.features[0].config["timezone"], "America/New_York");
    let machine = &loaded.desired.resources[&phoenix_core::GuestId::vm(9000).resource()];
    let url = "https://cloud-images.ubuntu.com/noble/current/noble-server-cloudimg-amd64.img";
    assert_eq!(machine.spec["guest"]["origin"]["url"], url);
}

#[test]
fn no_secret_is_shown_anywhere() {
    let Some(loaded) = load_real() else { return };
    let text = render(&loaded.findings, &loaded.sources, false);
    let all = format!(
        "{text}{}{}{}",
        to_json(&loaded.findings),
        serde_json::to_string(&loaded.desired).unwrap(),
        serde_json::to_string(&loaded.host).unwrap()
    );
    for secret in ["Redact@", "SECRET_PASSWORD"] {
        assert!(!all.contains(secret), "{secret} is shown");
    }
    assert!(text.contains("\"admin_password\": \"********\""), "{text}");
}
