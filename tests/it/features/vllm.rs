//! `vllm`, from packages and from an image, on a node with simulated cards.

use phoenix_node::Gpus;
use phoenix_tests::lab::Lab;
use serde_json::{Value, json};

use super::{Harm, check_laws, findings, first_plan, lab, mends};

fn on_cards(features: &[(&str, Value)]) -> Lab {
    let card = ("NVIDIA GeForce RTX 5060 Ti", 16_311);
    lab(features).with_gpus(Gpus::new("580.76.05", [card, card]))
}

fn packaged() -> Lab {
    let engine = json!({
        "ModelConfig": {"model": "Qwen/Qwen2.5-7B-Instruct-AWQ", "max_model_len": 8192},
        "ParallelConfig": {"tensor_parallel_size": 2},
        "CacheConfig": {"gpu_memory_utilization": 0.9},
    });
    let config = json!({"engine": engine, "gpus": [0, 1], "hf_token": "cmd:echo secret"});
    on_cards(&[("gpu", json!({"devices": [0, 1]})), ("vllm", config)])
}

fn imaged() -> Lab {
    let image = format!("vllm/vllm-openai:v0.33.0@sha256:{}", "ab".repeat(32));
    let config = json!({"engine": {"model": "Qwen/Qwen3-4B"}, "gpus": [0], "image": image});
    on_cards(&[("docker", json!({})), ("gpu", json!({"devices": [0], "docker": true})), ("vllm", config)])
}

#[test]
fn the_first_plan_is_complete_and_keeps_the_laws() {
    for lab in [packaged(), imaged()] {
        insta::assert_json_snapshot!(first_plan(&lab, "vllm"));
        check_laws(&lab);
    }
}

#[test]
fn what_is_broken_is_mended_and_nothing_else() {
    let lab = packaged();
    let again = ["vllm:restart-vllm.service", "vllm:await-health"];
    let behind = |first: &[&'static str]| [first, &again].concat();
    mends(&lab, &Harm::Edit("/etc/systemd/system/vllm.service"), &behind(&["vllm:write-unit"]));
    mends(&lab, &Harm::Run("apt-get -y remove build-essential"), &behind(&["vllm:install-packages"]));
    mends(&lab, &Harm::Remove("/etc/vllm/hf-token"), &behind(&["vllm:write-hf-token"]));
    mends(&lab, &Harm::Stop("vllm.service"), &["vllm:start-vllm.service", "vllm:await-health"]);
    mends(&imaged(), &Harm::Edit("/etc/systemd/system/vllm.service"), &behind(&["vllm:write-unit"]));
}

#[test]
fn cards_that_it_has_not_and_memory_that_is_taken_are_refused() {
    let engine = |more: Value| {
        let mut engine = json!({"model": "m"});
        engine.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        json!({"engine": engine, "gpus": [0]})
    };
    let two = engine(json!({"tensor_parallel_size": 2}));
    let found = findings(&on_cards(&[("vllm", two)]));
    assert!(
        found.iter().any(|(_, text)| text.contains("computes on 2 cards, and the guest has 1")),
        "{found:?}"
    );
    // Two engines of one guest share its card.
    let llama = json!({"models": [], "gpus": [0], "gpu_memory_percent": 20});
    let features = [("vllm", engine(json!({"gpu_memory_utilization": 0.9}))), ("ollama", llama)];
    let found = findings(&on_cards(&features));
    let says = "110 % of the memory of GPU 0 are taken: `lxc/100` 110 %";
    assert_eq!(found, [("gpu-memory".to_owned(), says.to_owned())]);
}
