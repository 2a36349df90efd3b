//! The feature from outside: the whole plan as a golden, no plan where the facts agree, one step for each thing broken,
//! and what is refused.

#[path = "../../../tests/mended.rs"]
mod mended;
#[path = "../../../tests/settled.rs"]
mod settled;

use mended::{mends, refuses};
use phoenix_core::{Claim, Facts, GuestId, Probe, Site};
use phoenix_ollama::feature;
use serde_json::{Value, json};
use settled::{failed, file, said, settled, verbs};

fn site() -> Site {
    Site::Guest(GuestId::lxc(914))
}

fn config() -> Value {
    json!({
        "models": ["llama3.2:3b"], "gpus": [0], "gpu_memory_percent": 40,
        "environment": {"OLLAMA_KEEP_ALIVE": "5m $HOME \"%\""},
    })
}

#[test]
fn the_first_plan_is_complete() {
    insta::assert_json_snapshot!(feature().plan(&site(), &config(), &Facts::new()).expect("a plan"));
    let claims = feature().claims(&config()).expect("claims");
    assert_eq!(claims, [Claim::GpuMemory { gpu: 0, percent: 40 }]);
}

#[test]
fn what_is_broken_is_mended_and_nothing_else() {
    let client = |verb: &str| {
        let home = ["env", "HOME=/var/lib/ollama", "OLLAMA_HOST=127.0.0.1:11434", "/opt/ollama/bin/ollama"];
        Probe::command(&site(), home.into_iter().chain([verb, "llama3.2:3b"]))
    };
    let at = |path: &str| Probe::file(&site(), path);
    let tags = Probe::command(&site(), ["curl", "-fsS", "http://127.0.0.1:11434/api/tags"]);
    let served = ["restart-ollama.service", "await-answer"];
    let broken = [
        (
            at("/etc/systemd/system/ollama.service"),
            file("", 0o644, "root"),
            vec!["write-unit", served[0], served[1]],
        ),
        (
            at("/var/lib/phoenix/artifacts/ollama"),
            file("other -\n", 0o644, "root"),
            vec!["install-ollama", served[0], served[1]],
        ),
        (tags, failed(7, "connection refused"), vec!["await-answer"]),
        (client("show"), failed(1, "Error: model not found"), vec!["pull-llama3.2-3b"]),
    ];
    mends(&*feature(), &site(), &config(), broken);
    // What somebody else pulled stays.
    let mut facts = settled(&*feature(), &site(), &config(), &Facts::new());
    facts.insert(client("list"), said("NAME\nother:1b\n"));
    assert_eq!(verbs(&*feature(), &site(), &config(), &facts), Vec::<String>::new());
}

#[test]
fn a_release_of_the_site_is_taken_instead() {
    let own = json!({"name": "ollama", "version": "0.32.7", "source": {"file": "/srv/ollama.tar"}, "sha256": "ab", "unpack": {"format": "tar"}});
    let plan =
        feature().plan(&site(), &json!({"artifacts": {"ollama": own}}), &Facts::new()).expect("a plan");
    let step = plan.iter().find(|step| step.id.verb() == "install-ollama").expect("it is installed");
    assert_eq!(step.reason, "`/opt/ollama` of ollama 0.32.7 is missing");
}

#[test]
fn what_cannot_be_is_refused() {
    let wrong = [
        (json!({"models": ["--all"]}), "`--all` is no name of a model"),
        (json!({"models": ["a/b", "a:b"]}), "cannot be told apart"),
        (json!({"host": "a b"}), "`a b` is no address"),
        (json!({"gpu_memory_percent": 101}), "outside 1 to 100"),
        (json!({"environment": {"A B": "c"}}), "`A B` cannot be a variable"),
        (json!({"model": "x"}), "unknown field `model`"),
    ];
    refuses(&*feature(), &site(), wrong);
}
