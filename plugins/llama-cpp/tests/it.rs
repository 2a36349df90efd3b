//! The feature from outside: the whole plan as a golden, no plan where the facts agree, one step for each thing broken,
//! and what is refused.

#[path = "../../../tests/mended.rs"]
mod mended;
#[path = "../../../tests/settled.rs"]
mod settled;

use mended::{mends, refuses};
use phoenix_core::{Claim, Evidence, Facts, GuestId, Probe, Site};
use phoenix_llama_cpp::feature;
use serde_json::{Value, json};
use settled::{failed, file, said, settled, verbs};

fn site() -> Site {
    Site::Guest(GuestId::lxc(917))
}

fn config() -> Value {
    let source = json!({"url": "https://models.example/qwen3-4b-q4.gguf"});
    let artifact = json!({"name": "qwen3-4b", "version": "q4", "source": source, "sha256": "cd".repeat(32)});
    json!({
        "model": {"artifact": artifact}, "alias": "small $one", "context": 8192, "gpu_layers": 99, "api_key": "env:LLAMA_KEY",
        "gpus": [0], "gpu_memory_percent": 20, "arguments": ["--flash-attn", "on"],
    })
}

#[test]
fn the_first_plan_is_complete() {
    insta::assert_json_snapshot!(feature().plan(&site(), &config(), &Facts::new()).expect("a plan"));
    let claims = feature().claims(&config()).expect("claims");
    assert_eq!(claims, [Claim::GpuMemory { gpu: 0, percent: 20 }]);
}

#[test]
fn what_is_broken_is_mended_and_nothing_else() {
    let at = |path: &str| Probe::file(&site(), path);
    let health = Probe::command(&site(), ["curl", "-fsS", "http://127.0.0.1:8081/health"]);
    let served = ["restart-llama-cpp.service", "await-health"];
    let broken = [
        (
            at("/etc/systemd/system/llama-cpp.service"),
            file("", 0o644, "root"),
            vec!["write-unit", served[0], served[1]],
        ),
        (
            at("/etc/llama-cpp/api-key"),
            file("key", 0o644, "llama-cpp"),
            vec!["write-api-key", served[0], served[1]],
        ),
        (at("/opt/llama-cpp"), Evidence::Absent, vec!["install-llama-cpp", served[0], served[1]]),
        (
            at("/var/lib/llama-cpp/qwen3-4b.gguf"),
            file("cut off", 0o644, "root"),
            vec!["install-qwen3-4b", served[0], served[1]],
        ),
        (health, failed(22, "503 loading model"), vec!["await-health"]),
    ];
    mends(&*feature(), &site(), &config(), broken);
    let mut facts = settled(&*feature(), &site(), &config(), &Facts::new());
    facts.insert(Probe::command(&site(), ["ps"]), said("others\n"));
    assert_eq!(verbs(&*feature(), &site(), &config(), &facts), Vec::<String>::new());
}

#[test]
fn a_model_that_is_there_is_not_fetched_and_not_touched() {
    let config = json!({"model": {"path": "/mnt/models/a b.gguf"}});
    let wanted = ["ensure-user-llama-cpp", "install-llama-cpp", "install-packages", "write-unit"];
    let mut planned = verbs(&*feature(), &site(), &config, &Facts::new());
    planned.truncate(4);
    planned.sort();
    assert_eq!(planned, wanted);
}

#[test]
fn what_cannot_be_is_refused() {
    let wrong = [
        (json!({}), "the model needs either `path` or `artifact`"),
        (json!({"model": {"path": "x.gguf"}}), "`x.gguf` is no absolute path"),
        (json!({"model": {"path": "/x"}, "arguments": ["--api-key", "s"]}), "would have a secret in clear"),
        (json!({"model": {"path": "/x"}, "program": "../sh"}), "`program` is no path in the archive"),
        (json!({"model": {"path": "/x"}, "gpu_memory_percent": 0}), "outside 1 to 100"),
        (json!({"model": {"path": "/x"}, "ctx": 1}), "unknown field `ctx`"),
    ];
    refuses(&*feature(), &site(), wrong);
}
