//! Probes: few calls, present statuses.

use phoenix_core::{Evidence, GuestId, Probe, Reader, Site, Vmid};
use serde_json::json;

use crate::fake::Fake;

#[tokio::test]
async fn the_listing_costs_as_many_calls_for_one_guest_as_for_forty() {
    let mut counts = Vec::new();
    for guests in [1, 40] {
        let fake = Fake::default();
        for vmid in 0..guests {
            fake.add(100 + vmid, "lxc", json!({"tags": "phoenix;web"}));
        }
        fake.state().guests.get_mut(&100).unwrap().running = true;
        let answers = fake.backend().read(&[Probe::Guests, Probe::Guests]).await;
        let Ok(Evidence::Guests { rows }) = &answers[1] else { panic!("{answers:?}") };
        assert_eq!(rows.len(), guests as usize);
        let row = &rows[&Vmid(100)];
        assert!(row.running, "the cluster's resources do not know yet that it runs");
        assert_eq!(row.name.as_deref(), Some("CT100"));
        assert!(row.tags.contains("web"));
        counts.push(fake.state().calls.len());
    }
    assert_eq!(counts, [4, 4]);
}

#[tokio::test]
async fn a_config_is_text_with_its_digest_apart_and_raw_lines_together() {
    let fake = Fake::default();
    let raw = json!([["lxc.cgroup2.devices.allow", "c 195:* rwm"], ["lxc.apparmor.profile", "unconfined"]]);
    fake.add(950, "lxc", json!({"memory": 512, "onboot": true, "digest": "d1", "lxc": raw}));
    let answers = fake.backend().read(&[Probe::Config { guest: GuestId::lxc(950) }]).await;
    let Ok(Evidence::Config(config)) = &answers[0] else { panic!("{answers:?}") };
    assert_eq!(config.digest, "d1");
    assert_eq!(config.values["memory"], "512");
    assert_eq!(config.values["onboot"], "1");
    assert_eq!(
        config.values["lxc"],
        "lxc.cgroup2.devices.allow: c 195:* rwm\nlxc.apparmor.profile: unconfined"
    );
    assert!(!config.values.contains_key("digest"));
}

#[tokio::test]
async fn a_missing_guest_is_absent_and_no_error() {
    let fake = Fake::default();
    fake.add(950, "lxc", json!({}));
    let backend = fake.backend();
    let probes = [
        Probe::Config { guest: GuestId::lxc(951) },
        Probe::Snapshots { guest: GuestId::vm(950) },
        Probe::Config { guest: GuestId::lxc(950) },
    ];
    let answers = backend.read(&probes).await;
    assert!(matches!(answers[0], Ok(Evidence::Absent)), "{:?}", answers[0]);
    assert!(matches!(answers[1], Ok(Evidence::Absent)), "{:?}", answers[1]);
    fake.state().guests.clear();
    let again = backend.read(&probes[2..]).await;
    assert!(matches!(again[0], Ok(Evidence::Absent)), "a removed guest is remembered: {:?}", again[0]);
}

#[tokio::test]
async fn one_site_is_one_round_trip() {
    let fake = Fake::default();
    let site = Site::Guest(GuestId::lxc(950));
    let probes: Vec<Probe> =
        (0..9).map(|n| Probe::Package { site: site.clone(), name: format!("p{n}") }).collect();
    let answers = fake.backend().read(&probes).await;
    assert_eq!(answers.len(), 9);
    assert_eq!(fake.state().calls.len(), 1);
}
