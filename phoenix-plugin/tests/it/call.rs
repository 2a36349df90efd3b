//! Calls: what a good plugin answers goes on, what a bad one does is one finding and no damage.

use phoenix_core::{Evidence, Facts, Probe, evidence::FileState};
use serde_json::json;

use crate::kit::{Fixture, Where, feature, has_compiler, one, plan, site};

const BOTH: [Where; 2] = [Where::Child, Where::InProcess];

#[test]
fn a_good_plugin_answers_all_questions_in_both_modes() {
    if !has_compiler() {
        return;
    }
    let fixture = Fixture::new(&[]);
    let answers = BOTH.map(|place| {
        let plugin = fixture.plugin(place);
        let feature = feature(&plugin);
        let probes = feature.probes(&site(), &json!({}), &Facts::new()).expect("probes");
        let steps = plan(&plugin, "good").expect("a plan");
        assert!(feature.claims(&json!({})).expect("claims").is_empty());
        assert_eq!((probes.len(), steps.len()), (1, 1));
        assert_eq!(plan(&plugin, "print").expect("what is printed disturbs nothing"), steps);
        (probes, steps)
    });
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn an_answer_that_is_none_is_one_finding_in_both_modes_and_the_next_call_works() {
    if !has_compiler() {
        return;
    }
    let fixture = Fixture::new(&[]);
    for place in BOTH {
        let plugin = fixture.plugin(place);
        for (what, text) in [
            ("garbage", "not the JSON of an answer"),
            ("other", "answers with `claims` where `steps` are asked for"),
            ("fault", "returned 7"),
            ("nothing", "returned no answer"),
            ("large", "16777216 are the most"),
        ] {
            let (code, message, hint) = one(plan(&plugin, what));
            assert_eq!(code, "plugin-answer");
            assert!(
                message.contains(text) && hint.contains("fault of the plugin"),
                "{place:?} {what}: {message}"
            );
            assert_eq!(plan(&plugin, "good").expect("a plan").len(), 1);
        }
    }
}

#[test]
fn a_plugin_that_ends_its_process_is_one_finding_and_is_started_again() {
    if !has_compiler() {
        return;
    }
    for (what, text) in [("abort", "SIGABRT"), ("exit", "exit status: 0"), ("segfault", "SIGSEGV")] {
        let plugin = Fixture::new(&[]).plugin(Where::Child);
        let (code, message, hint) = one(plan(&plugin, what));
        assert!(code == "plugin-died" && message.contains(text), "{message}");
        assert!(what != "abort" || hint.ends_with("it said last: something [31mbroke"), "{hint}");
        assert_eq!(plan(&plugin, "good").expect("a plan").len(), 1);
    }
}

#[test]
fn a_plugin_that_keeps_failing_is_left_alone() {
    if !has_compiler() {
        return;
    }
    let plugin = Fixture::new(&[]).plugin(Where::Child);
    for _ in 0..3 {
        assert!(one(plan(&plugin, "abort")).1.contains("died in a call"));
    }
    for what in ["abort", "good"] {
        let (code, message, _) = one(plan(&plugin, what));
        assert!(code == "plugin-died" && message.contains("failed 3 times"), "{message}");
    }
}

#[test]
fn a_plugin_that_hangs_is_ended_when_its_time_is_over() {
    if !has_compiler() {
        return;
    }
    for what in ["hang", "spin"] {
        let plugin = Fixture::new(&[]).plugin(Where::Child);
        let (code, message, _) = one(plan(&plugin, what));
        assert!(code == "plugin-slow" && message.contains("within 2 s"), "{message}");
        assert_eq!(plan(&plugin, "good").expect("a plan").len(), 1);
    }
}

#[test]
fn the_process_has_no_environment_few_files_and_a_directory_of_its_own() {
    if !has_compiler() {
        return;
    }
    let (code, message, _) = one(plan(&Fixture::new(&[]).plugin(Where::Child), "confess"));
    assert_eq!(code, "confession");
    assert!(message.starts_with("environment empty, directory own, files 64"), "{message}");
    // Landlock keeps it from the rest; an old kernel has none.
    assert!(!has_landlock() || message.ends_with("passwd refused, writing refused"), "{message}");
}

/// Tells whether this kernel has Landlock. What is made here restricts nobody before it is put into force.
fn has_landlock() -> bool {
    use landlock::{ABI, Access as _, AccessFs, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _};
    let rules = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    rules.handle_access(AccessFs::from_all(ABI::V1)).and_then(Ruleset::create).is_ok()
}

#[test]
fn what_no_plugin_may_do_is_refused_and_nothing_is_granted_for_it() {
    if !has_compiler() {
        return;
    }
    let fixture = Fixture::new(&[]);
    for place in BOTH {
        let plugin = fixture.plugin_with(place, json!({"files": ["/"]}));
        for (what, text) in [
            ("outside", "changes a guest, a firewall or the cluster from outside"),
            ("elsewhere", "outside its own site"),
        ] {
            let (code, message, _) = one(plan(&plugin, what));
            assert!(code == "plugin-refused" && message.contains(text), "{message}");
        }
        let (code, message, hint) = one(plan(&plugin, "shadow"));
        assert!(code == "plugin-undeclared" && message.contains("to write `/etc/shadow`"), "{message}");
        assert!(hint.ends_with(r#"{"files":["/etc/shadow"]}"#), "{hint}");
    }
}

#[test]
fn what_is_declared_and_not_granted_says_what_to_add() {
    if !has_compiler() {
        return;
    }
    let fixture = Fixture::new(&[r#"CAPABILITIES="{\"files\":[\"/etc\"],\"claims\":[\"nesting\"]}""#]);
    let plugin = fixture.plugin_with(Where::Child, json!({"files": ["/etc/mo"]}));
    let (code, message, hint) = one(plan(&plugin, "good"));
    assert_eq!(code, "plugin-not-granted");
    assert_eq!(
        message,
        "the plugin `fixture` wants to write `/etc/motd` in `lxc/101`, which it is not granted"
    );
    assert!(hint.ends_with(r#"{"files":["/etc/motd"]}"#), "{hint}");
    let refused = feature(&plugin).claims(&json!({"do": "claim"})).expect_err("not granted").0;
    assert!(refused[0].hint.as_ref().is_some_and(|hint| hint.ends_with(r#"{"claims":["nesting"]}"#)));
    let granted = fixture.plugin_with(Where::Child, json!({"claims": ["nest*"]}));
    assert_eq!(feature(&granted).claims(&json!({"do": "claim"})).expect("granted").len(), 1);
}

#[test]
fn a_plugin_sees_only_the_answers_that_it_may_ask_for() {
    if !has_compiler() {
        return;
    }
    let plugin = Fixture::new(&[]).plugin(Where::Child);
    let there = |path: &str| {
        let probe = Probe::File { site: site(), path: path.to_owned() };
        let state = FileState {
            directory: false,
            sha256: String::new(),
            mode: 0o644,
            owner: "root".to_owned(),
            group: "root".to_owned(),
            link: None,
            text: None,
        };
        Facts::from_iter([(probe, Evidence::File(state))])
    };
    // The fixture plans its step wherever no file is known.
    let steps = |facts: &Facts| feature(&plugin).plan(&site(), &json!({}), facts).expect("a plan").len();
    assert_eq!((steps(&there("/etc/motd")), steps(&there("/etc/shadow"))), (0, 1));
}
