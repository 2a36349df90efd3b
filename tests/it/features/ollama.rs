//! `ollama`, on a node with a simulated card.

use phoenix_node::Gpus;
use phoenix_tests::lab::Lab;
use serde_json::{Value, json};

use super::{Harm, check_laws, first_plan, lab, mends, refusals};

fn models() -> Lab {
    let config = json!({
        "models": ["llama3.2:3b", "nomic-embed-text"], "environment": {"OLLAMA_KEEP_ALIVE": "24h"},
        "gpus": [0], "gpu_memory_percent": 40,
    });
    let uses = [("gpu", json!({"devices": [0]})), ("ollama", config)];
    lab(&uses).with_gpus(Gpus::new("580.76.05", [("NVIDIA GeForce RTX 5060 Ti", 16_311)]))
}

#[test]
fn the_first_plan_is_complete_and_keeps_the_laws() {
    let lab = models();
    insta::assert_json_snapshot!(first_plan(&lab, "ollama"));
    check_laws(&lab);
}

#[test]
fn what_is_broken_is_mended_and_nothing_else() {
    let lab = models();
    let again = ["ollama:restart-ollama.service", "ollama:await-answer"];
    let behind = |first: &'static str| std::iter::once(first).chain(again).collect::<Vec<_>>();
    mends(&lab, &Harm::Edit("/etc/systemd/system/ollama.service"), &behind("ollama:write-unit"));
    mends(&lab, &Harm::Remove("/opt/ollama"), &behind("ollama:install-ollama"));
    mends(&lab, &Harm::Run("apt-get -y remove zstd"), &behind("ollama:install-packages"));
    mends(&lab, &Harm::Stop("ollama.service"), &["ollama:start-ollama.service", "ollama:await-answer"]);
}

#[test]
fn what_cannot_be_is_refused() {
    let with = |key: &str, value: Value| refusals(&lab(&[("ollama", json!({ key: value }))]));
    for (key, value, says) in [
        ("models", json!(["--help"]), "`--help` is no name of a model"),
        ("models", json!(["a/b", "a:b"]), "`a/b` and `a:b` cannot be told apart"),
        ("gpu_memory_percent", json!(101), "`gpu_memory_percent` is outside 1 to 100"),
    ] {
        let messages = with(key, value);
        assert!(messages.iter().any(|message| message.contains(says)), "{says}: {messages:?}");
    }
}
