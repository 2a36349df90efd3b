//! The side that a Rust plugin links, without a library: calls as bytes, and a panic among them.

use phoenix_core::{
    Descriptor, Diagnostics, Facts, Feature, GuestId, Probe, Site, Step, TypedFeature,
    feature::{Lifted, SiteKind},
};
use phoenix_plugin::{Answer, Call, Question, export};
use serde_json::{Value, json};

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
