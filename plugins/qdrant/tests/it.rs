//! The feature from outside: the whole plan as a golden, no plan where the facts agree, one step for each thing broken,
//! and what is refused.

#[path = "../../../tests/mended.rs"]
mod mended;
#[path = "../../../tests/settled.rs"]
mod settled;

use mended::{mends, refuses};
use phoenix_core::{Action, Content, Evidence, Facts, GuestId, Probe, Site};
use phoenix_qdrant::feature;
use serde_json::{Value, json};
use settled::{failed, file, said, settled, verbs};

fn site() -> Site {
    Site::Guest(GuestId::lxc(952))
}

fn config() -> Value {
    json!({
        "api_key": "env:QDRANT_KEY",
        "settings": {"service": {"http_port": 1, "max_request_size_mb": 64}, "log_level": "WARN"},
    })
}

#[test]
fn the_first_plan_is_complete() {
    insta::assert_json_snapshot!(feature().plan(&site(), &config(), &Facts::new()).expect("a plan"));
}

#[test]
fn settings_of_the_user_are_kept_beside_those_that_the_feature_stands_for() {
    let plan = feature().plan(&site(), &config(), &Facts::new()).expect("a plan");
    let step = plan.into_iter().find(|step| step.id.verb() == "write-settings").expect("settings");
    let Action::WriteFile { content: Content::Text(text), .. } = step.action else { panic!("a text") };
    let settings: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(settings["service"]["http_port"], 6333);
    assert_eq!(settings["service"]["max_request_size_mb"], 64);
    assert_eq!(settings["log_level"], "WARN");
    assert!(!text.contains("api_key"), "{text}");
}

#[test]
fn what_is_broken_is_mended_and_nothing_else() {
    let at = |path: &str| Probe::file(&site(), path);
    let ready = Probe::command(&site(), ["curl", "-fsS", "http://127.0.0.1:6333/readyz"]);
    let served = ["restart-qdrant.service", "await-ready"];
    let key = "/etc/qdrant/qdrant--service--api-key";
    let broken = [
        (
            at("/etc/qdrant/config.yaml"),
            file("", 0o644, "root"),
            vec!["write-settings", served[0], served[1]],
        ),
        (
            at("/etc/systemd/system/qdrant.service"),
            file("", 0o644, "root"),
            vec!["write-unit", served[0], served[1]],
        ),
        (at(key), Evidence::Absent, vec!["write-qdrant--service--api-key", served[0], served[1]]),
        (
            at("/usr/local/bin/qdrant"),
            file("other", 0o755, "root"),
            vec!["install-qdrant", served[0], served[1]],
        ),
        (ready, failed(22, "503"), vec!["await-ready"]),
    ];
    mends(&*feature(), &site(), &config(), broken);
    let mut facts = settled(&*feature(), &site(), &config(), &Facts::new());
    facts.insert(Probe::command(&site(), ["ps"]), said("others\n"));
    assert_eq!(verbs(&*feature(), &site(), &config(), &facts), Vec::<String>::new());
}

#[test]
fn what_cannot_be_is_refused() {
    let wrong = [
        (json!({"settings": {"service": {"api_key": "s"}}}), "`service.api_key` would stand in clear"),
        (json!({"storage_dir": "data"}), "`data` is no absolute path"),
        (json!({"host": "everywhere"}), "`everywhere` is no address"),
        (json!({"api_key": "s3cret"}), "is not a reference to a secret"),
        (json!({"port": 1}), "unknown field `port`"),
    ];
    refuses(&*feature(), &site(), wrong);
}
