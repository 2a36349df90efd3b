//! The words: ids, markers, layers, property strings, lifecycle, secrets, facts.

use std::collections::BTreeMap;

use phoenix_core::{
    Evidence, Facts, FeatureUse, GuestId, LayerId, Lifecycle, Probe, ResourceId, SecretRef, Site, StepId,
    Vmid,
    layer::{features_id, identities},
    lifecycle::Vital,
    marker::Marker,
    property::{PropertyString, parse_size},
    resource::LayerSource,
};
use serde_json::json;

#[test]
fn ids_are_checked_and_come_back_from_their_text() {
    for text in ["lxc/950", "vm/9000"] {
        assert_eq!(text.parse::<GuestId>().expect("a guest").to_string(), text);
    }
    for text in ["lxc/99", "lxc/", "qemu/100", "950", "lxc/9x"] {
        assert!(text.parse::<GuestId>().is_err(), "{text}");
    }
    let id: ResourceId = "storage/local".parse().expect("a resource");
    assert_eq!((id.kind(), id.name(), id.guest()), ("storage", "local", None));
    assert_eq!("host/pve1".parse::<Site>().expect("a site").to_string(), "host/pve1");
    let step: StepId = "lxc/950:base-setup:packages".parse().expect("a step");
    assert_eq!((step.owner(), step.verb()), ("base-setup", "packages"));
    assert!("lxc/950:packages".parse::<StepId>().is_err());
}

#[test]
fn a_marker_comes_back_from_any_description_and_a_foreign_one_is_told_by_its_vmid() {
    let marker = Marker::new(Vmid(950), Some(LayerId("0123".into())));
    for text in ["", "two\nlines", "ends in blank \n\n"] {
        let (said, found) = Marker::parse(&marker.describe(text));
        assert_eq!((said.as_str(), found), (text.trim_end(), Some(marker.clone())));
    }
    assert_eq!(Marker::parse("<!-- phoenix {broken} -->").1, None);
    assert_eq!(Marker::parse("plain\n").0, "plain");
}

#[test]
fn a_layers_identity_changes_with_anything_below_it_and_with_nothing_else() {
    let id = |vmid| GuestId::lxc(vmid).resource();
    let source = |parent: Option<u32>, content| LayerSource { parent: parent.map(id), content };
    let layers = |base: &str, features: &[FeatureUse]| {
        identities(&BTreeMap::from([
            (id(100), (source(None, json!({"os": base})), features_id(features))),
            (id(101), (source(Some(100), json!({})), None)),
            (id(200), (source(None, json!({})), None)),
        ]))
    };
    let curl = FeatureUse::new("base-setup", json!({"packages": ["curl"]}));
    let git = FeatureUse::new("base-setup", json!({"packages": ["git"]}));
    let (before, os, feature) = (
        layers("a", std::slice::from_ref(&curl)),
        layers("b", std::slice::from_ref(&curl)),
        layers("a", &[git]),
    );
    for changed in [&os, &feature] {
        assert_ne!(before[&id(100)], changed[&id(100)]);
        assert_ne!(before[&id(101)], changed[&id(101)], "the clone stands on it");
        assert_eq!(before[&id(200)], changed[&id(200)]);
    }
    let docker = FeatureUse::new("docker", json!({}));
    assert_eq!(features_id(&[curl.clone(), docker.clone()]), features_id(&[docker, curl]));
}

#[test]
fn property_strings_ignore_order_and_keep_what_they_do_not_know() {
    let one = PropertyString::parse("name=eth0,bridge=vmbr0,new-key=7", "name");
    let other = PropertyString::parse(" bridge=vmbr0 , new-key=7,name=eth0", "name");
    assert_eq!(one, other);
    assert_eq!(one.printed_first(&["name", "bridge"]).to_string(), "name=eth0,bridge=vmbr0,new-key=7");
    assert_eq!(PropertyString::parse("local:8,size=4G", "volume").get("volume"), Some("local:8"));
    assert!(PropertyString::parse("firewall=yes", "x").is_set("firewall"));
    assert!(!PropertyString::parse("firewall=0", "x").is_set("firewall"));
}

#[test]
fn sizes_are_read_as_pve_writes_them() {
    assert_eq!(parse_size("8G"), Some(8 << 30));
    assert_eq!(parse_size("512M"), Some(512 << 20));
    assert_eq!(parse_size("1.5T"), Some(3 << 39));
    assert_eq!(parse_size("4096"), Some(4096));
    assert_eq!((parse_size(""), parse_size("x"), parse_size("-1G")), (None, None, None));
}

#[test]
fn every_lifecycle_state_follows_from_facts() {
    let whole = Vital {
        exists: true,
        is_owned: true,
        is_configured: true,
        is_running: true,
        should_run: true,
        is_sealed: true,
        was_sealed: true,
        is_settled: true,
        ..Vital::default()
    };
    let template =
        Vital { is_template: true, should_be_template: true, is_running: false, should_run: false, ..whole };
    let fresh = Vital { is_sealed: false, was_sealed: false, is_settled: false, ..whole };
    let cases = [
        (Vital::default(), Lifecycle::Absent),
        (Vital { is_being_made: true, ..fresh }, Lifecycle::Creating),
        (Vital { is_configured: false, is_running: false, ..fresh }, Lifecycle::Created),
        (Vital { is_running: false, ..fresh }, Lifecycle::Configured),
        (fresh, Lifecycle::Running),
        (Vital { is_running: false, ..whole }, Lifecycle::Provisioned),
        (whole, Lifecycle::Healthy),
        (template, Lifecycle::Template),
        (Vital { is_configured: false, ..whole }, Lifecycle::Drifted),
        (Vital { is_owned: false, ..whole }, Lifecycle::Foreign),
    ];
    let reached: Vec<_> = cases.iter().map(|(vital, _)| Lifecycle::derive(*vital)).collect();
    assert_eq!(reached, cases.iter().map(|(_, state)| *state).collect::<Vec<_>>());
    assert!(Lifecycle::ALL.iter().all(|state| reached.contains(state)));
}

#[test]
fn a_secret_that_is_no_reference_is_refused_and_not_repeated() {
    for text in ["env:TOKEN", "file:/run/secret", "cmd:pass show x"] {
        let secret = SecretRef::try_from(text.to_owned()).expect("a reference");
        assert_eq!(secret.to_string(), text);
    }
    let error = SecretRef::try_from("hunter2".to_owned()).expect_err("no reference").to_string();
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn facts_come_back_from_json() {
    let site = Site::Guest(GuestId::lxc(100));
    let facts: Facts = [
        (Probe::Guests, Evidence::Guests { rows: BTreeMap::new() }),
        (Probe::Package { site, name: "curl".into() }, Evidence::Package { version: "8".into() }),
    ]
    .into_iter()
    .collect();
    let text = serde_json::to_string(&facts).expect("facts are JSON");
    assert_eq!(serde_json::from_str::<Facts>(&text).expect("facts come back"), facts);
}

#[test]
fn a_listing_with_guests_comes_back_from_json() {
    let row = r#"{"guest":"lxc/100","node":"n","name":"a","running":true,"template":false,"tags":[]}"#;
    let text = format!(r#"{{"evidence":"guests","rows":{{"100":{row}}}}}"#);
    let Ok(Evidence::Guests { rows }) = serde_json::from_str(&text) else { panic!("{text} is a listing") };
    assert!(rows.contains_key(&Vmid(100)));
}

#[test]
fn facts_tell_all_that_was_asked_at_one_site_and_nothing_of_others() {
    let at = |vmid| {
        let site = || Site::Guest(GuestId::lxc(vmid));
        [
            Probe::File { site: site(), path: "/a".into() },
            Probe::File { site: site(), path: "/b".into() },
            Probe::Package { site: site(), name: "a".into() },
            Probe::unit(&site(), "a.service"),
            Probe::User { site: site(), name: "a".into() },
            Probe::Command { site: site(), argv: vec!["a".into()] },
        ]
    };
    let all = [100, 101, 102].into_iter().flat_map(at).chain([Probe::Guests, Probe::Nodes]);
    let facts: Facts = all.map(|probe| (probe, Evidence::Absent)).collect();
    let found: Vec<Probe> =
        facts.at_site(&Site::Guest(GuestId::lxc(101))).map(|(probe, _)| probe.clone()).collect();
    assert_eq!(found, at(101));
    assert_eq!(facts.at_site(&Site::Guest(GuestId::vm(101))).count(), 0);
}
