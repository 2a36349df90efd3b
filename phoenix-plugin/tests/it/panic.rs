//! A Rust plugin: calls as bytes, without a library, and one that panics, in both modes.

use std::path::Path;

use phoenix_core::{
    Descriptor, Diagnostics, Facts, Feature, GuestId, Probe, Site, Step, TypedFeature,
    feature::{Lifted, SiteKind},
};
use phoenix_plugin::{Answer, Call, Question, export, host::Library};
use serde_json::{Value, json};

use crate::kit::{Where, one, plan, plugin};

struct Nervous(Descriptor);

impl TypedFeature for Nervous {
    type Config = Value;

    fn descriptor(&self) -> &Descriptor {
        &self.0
    }

    fn probes(&self, site: &Site, _: &Value, _: &Facts) -> Vec<Probe> {
        vec![Probe::File { site: site.clone(), path: "/a".to_owned() }]
    }

    fn plan(&self, _: &Site, config: &Value, _: &Facts) -> Result<Vec<Step>, Diagnostics> {
        panic!("no plan\nfor {config}");
    }
}

fn ask(feature: &str, question: Question) -> Answer {
    let descriptor = Descriptor {
        name: "nervous".to_owned(),
        version: semver::Version::new(1, 0, 0),
        summary: String::new(),
        config_schema: json!({}),
        sites: [SiteKind::Lxc].into(),
        after: [].into(),
        artifacts: Vec::new(),
    };
    let features: [Box<dyn Feature>; 1] = [Box::new(Lifted(Nervous(descriptor)))];
    let call = Call { feature: feature.to_owned(), config: json!({"a": 1}), question };
    let request = serde_json::to_vec(&call).expect("JSON");
    serde_json::from_slice(&export::answer(&request, || &features)).expect("an answer")
}

fn site() -> Site {
    Site::Guest(GuestId::lxc(101))
}

#[test]
fn a_panic_is_a_finding_in_one_line_with_its_place() {
    for _ in 0..2 {
        let Answer::Findings(findings) = ask("nervous", Question::Plan { site: site(), facts: Facts::new() })
        else {
            panic!("no findings");
        };
        let finding = &findings.0[0];
        assert_eq!(&*finding.code, "plugin-panic");
        assert!(
            finding.message.contains("panic.rs:") && finding.message.ends_with("no plan for {\"a\":1}"),
            "{finding}"
        );
    }
}

#[test]
fn a_feature_answers_and_one_that_is_not_there_is_a_finding() {
    let facts = Facts::from_iter([(
        Probe::Package { site: site(), name: "a".into() },
        phoenix_core::Evidence::Absent,
    )]);
    let answer = ask("nervous", Question::Probes { site: site(), facts });
    assert!(matches!(answer, Answer::Probes(probes) if probes.len() == 1));
    assert!(matches!(ask("other", Question::Claims), Answer::Findings(_)));
    let features: [Box<dyn Feature>; 0] = [];
    let answer = export::answer(b"no JSON", || &features);
    assert!(String::from_utf8(answer).expect("text").contains("does not understand"));
}

/// Returns the library of `examples/nervous.rs`, which cargo builds with these tests.
fn nervous() -> Library {
    let programs = Path::new(env!("CARGO_BIN_EXE_phoenix-plugin-serve")).parent().expect("a directory");
    Library::read(&programs.join("examples/libnervous.so"), None).expect("a plugin")
}

#[test]
fn a_panic_in_a_library_is_one_finding_in_both_modes_and_the_next_call_works() {
    for place in [Where::Child, Where::InProcess] {
        let plugin = plugin(nervous(), place, json!({"files": ["/etc/motd"]}));
        for _ in 0..5 {
            let (code, message, _) = one(plan(&plugin, "panic"));
            assert_eq!(code, "plugin-panic");
            assert!(message.contains("nervous.rs:") && message.ends_with("no plan for lxc/101"), "{message}");
            assert_eq!(plan(&plugin, "good").expect("a plan").len(), 1);
        }
    }
}

#[test]
fn a_full_stack_is_the_end_of_the_process_and_one_finding() {
    let plugin = plugin(nervous(), Where::Child, json!({"files": ["/etc/motd"]}));
    let (code, message, hint) = one(plan(&plugin, "overflow"));
    assert!(code == "plugin-died" && message.contains("signal"), "{message}");
    assert!(hint.contains("overflow"), "{hint}");
    assert_eq!(plan(&plugin, "good").expect("a plan").len(), 1);
}
