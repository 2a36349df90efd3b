//! `apparmor-profiles` on the host.

use phoenix_core::{Evidence, Facts, FeatureUse, Probe, Site, evidence::FileState};
use phoenix_tests::lab::Lab;
use serde_json::{Value, json};

use super::{check_laws, first_plan, refusals};

const TEXT: &str =
    "profile lab-nesting flags=(attach_disconnected) {\n  #include <abstractions/lxc/container-base>\n}\n";

fn on_host(config: Value) -> Lab {
    Lab::new().with_host("phoenix", vec![FeatureUse::new("apparmor-profiles", config)])
}

fn profiles() -> Value {
    json!({"profiles": {"lab-nesting": TEXT}})
}

#[test]
fn without_apparmor_profiles_are_written_alone() {
    let lab = on_host(profiles());
    insta::assert_json_snapshot!(first_plan(&lab, "apparmor-profiles"));
    check_laws(&lab);
}

#[test]
fn with_apparmor_profiles_are_looked_at_and_loaded() {
    let site = Site::Host("phoenix".into());
    let enabled = FileState {
        directory: false,
        sha256: String::new(),
        mode: 0o400,
        owner: "root".into(),
        group: "root".into(),
        link: None,
        text: Some("Y\n".into()),
    };
    let mut facts = Facts::new();
    facts.insert(Probe::file(&site, "/sys/module/apparmor/parameters/enabled"), Evidence::File(enabled));
    let feature = phoenix_apparmor_profiles::feature();
    insta::assert_json_snapshot!(feature.plan(&site, &profiles(), &facts).expect("a good configuration"));
}

#[test]
fn a_text_that_describes_another_profile_is_refused() {
    let messages = refusals(&on_host(json!({"profiles": {"other": TEXT}})));
    assert!(messages[0].contains("the text of `other` describes another profile"), "{messages:?}");
    let messages = refusals(&on_host(json!({"profiles": {"../x": TEXT}})));
    assert!(messages[0].contains("no plain name"), "{messages:?}");
}
