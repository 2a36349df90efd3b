//! `llama-cpp`.

use phoenix_tests::lab::Lab;
use serde_json::{Value, json};

use super::{Harm, check_laws, first_plan, lab, mends, refusals};

fn server() -> Lab {
    let source = json!({"url": "https://example.com/m.gguf"});
    let model = json!({"name": "m", "version": "1", "source": source, "sha256": "cd".repeat(32)});
    let config = json!({
        "model": {"artifact": model}, "alias": "it's \"m\"", "context": 8192, "api_key": "cmd:echo secret",
    });
    lab(&[("llama-cpp", config)])
}

#[test]
fn the_first_plan_is_complete_and_keeps_the_laws() {
    let lab = server();
    insta::assert_json_snapshot!(first_plan(&lab, "llama-cpp"));
    check_laws(&lab);
}

#[test]
fn what_is_broken_is_mended_and_nothing_else() {
    let lab = server();
    let again = ["llama-cpp:restart-llama-cpp.service", "llama-cpp:await-health"];
    let behind = |first: &'static str| std::iter::once(first).chain(again).collect::<Vec<_>>();
    mends(&lab, &Harm::Edit("/etc/systemd/system/llama-cpp.service"), &behind("llama-cpp:write-unit"));
    mends(&lab, &Harm::Edit("/var/lib/llama-cpp/m.gguf"), &behind("llama-cpp:install-m"));
    mends(&lab, &Harm::Remove("/etc/llama-cpp/api-key"), &behind("llama-cpp:write-api-key"));
    mends(&lab, &Harm::Run("apt-get -y remove libgomp1"), &behind("llama-cpp:install-packages"));
    let started = ["llama-cpp:start-llama-cpp.service", "llama-cpp:await-health"];
    mends(&lab, &Harm::Stop("llama-cpp.service"), &started);
}

#[test]
fn what_has_no_model_or_a_secret_in_clear_is_refused() {
    let model = json!({"path": "/srv/m.gguf"});
    let with = |key: &str, value: Value| {
        let mut config = json!({"model": model});
        config[key] = value;
        refusals(&lab(&[("llama-cpp", config)]))
    };
    for (key, value, says) in [
        ("model", json!({}), "the model needs either `path` or `artifact`"),
        ("arguments", json!(["--api-key=x"]), "would have a secret in clear"),
        ("program", json!("../sh"), "`program` is no path in the archive"),
    ] {
        let messages = with(key, value);
        assert!(messages.iter().any(|message| message.contains(says)), "{says}: {messages:?}");
    }
}
