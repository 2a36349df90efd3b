//! The feature from outside: whole plans as goldens, no plan where the facts agree, one step for each thing broken, and
//! what is refused.

#[path = "../../../tests/mended.rs"]
mod mended;
#[path = "../../../tests/settled.rs"]
mod settled;

use mended::{mends, refuses};
use phoenix_core::{Action, Claim, Content, Evidence, Facts, GuestId, Probe, Site};
use phoenix_vllm::feature;
use serde_json::{Value, json};
use settled::{failed, file, refused, said, settled, verbs};

fn site() -> Site {
    Site::Guest(GuestId::lxc(910))
}

/// The predecessor's own configuration of a guest with two cards.
fn engine() -> Value {
    json!({
        "ModelConfig": {"model": "Qwen/Qwen2.5-7B-Instruct-AWQ", "trust_remote_code": true, "dtype": "auto", "max_model_len": 4096},
        "CacheConfig": {"quantization": "awq_marlin", "gpu_memory_utilization": 0.5},
        "ParallelConfig": {"tensor_parallel_size": 2},
        "ServerConfig": {"host": "0.0.0.0", "port": 8000, "served_model_name": "qwen2.5-7b-awq"},
    })
}

fn config() -> Value {
    json!({"engine": engine(), "gpus": [0, 1], "hf_token": "env:HF_TOKEN", "memory_mib": 16384})
}

fn plan(config: &Value) -> Vec<phoenix_core::Step> {
    feature().plan(&site(), config, &Facts::new()).expect("a plan")
}

/// Returns the line of the unit that starts the server.
fn command(config: &Value) -> String {
    let unit = plan(config).into_iter().find(|step| step.id.verb() == "write-unit").expect("a unit");
    let Action::WriteFile { content: Content::Text(text), .. } = unit.action else { panic!("a text") };
    text.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("a command").to_owned()
}

fn finds(config: &Value) -> String {
    refused(&*feature(), &site(), config, &Facts::new()).join("\n")
}

#[test]
fn the_first_plan_is_complete() {
    insta::assert_json_snapshot!(plan(&config()));
}

#[test]
fn an_image_is_run_by_docker_with_the_same_options() {
    let image = format!("vllm/vllm-openai:v0.33.0@sha256:{}", "ab".repeat(32));
    let mut config = config();
    config["image"] = json!(image);
    insta::assert_json_snapshot!(plan(&config));
    let facts = settled(&*feature(), &site(), &config, &Facts::new());
    assert_eq!(verbs(&*feature(), &site(), &config, &facts), Vec::<String>::new());
    config["image"] = json!("vllm/vllm-openai:latest");
    assert!(finds(&config).contains("an image without a digest"), "{}", finds(&config));
}

#[test]
fn it_takes_its_share_of_each_card_that_it_computes_on() {
    let half = |gpu| Claim::GpuMemory { gpu, percent: 50 };
    assert_eq!(
        feature().claims(&config()).expect("claims"),
        [half(0), half(1), Claim::Memory { mib: 16384 }]
    );
    let one = json!({"engine": {"model": "m"}, "gpus": [1]});
    assert_eq!(feature().claims(&one).expect("claims"), [Claim::GpuMemory { gpu: 1, percent: 92 }]);
}

#[test]
fn options_become_flags_in_the_form_that_each_has() {
    let engine = json!({
        "model": "m", "enable_prefix_caching": false, "enforce-eager": true, "disable_log_stats": true,
        "served_model_name": ["a", "b c"], "max_num_seqs": 16, "gpu_memory_utilization": 0.85,
        "speculative_config": {"method": "ngram", "num_speculative_tokens": 3}, "chat_template": "/srv/$x\"%.jinja",
        "revision": null,
    });
    let flags = [
        "\"/opt/vllm/0.33.0/bin/vllm\" \"serve\" \"m\" \"--port=8000\"",
        "\"--chat-template=/srv/$$x\\\"%%.jinja\" \"--disable-log-stats\" \"--no-enable-prefix-caching\"",
        "\"--enforce-eager\" \"--gpu-memory-utilization=0.85\" \"--max-num-seqs=16\"",
        "\"--served-model-name\" \"a\" \"b c\"",
        "\"--speculative-config={\\\"method\\\":\\\"ngram\\\",\\\"num_speculative_tokens\\\":3}\"",
    ];
    assert_eq!(command(&json!({"engine": engine})), flags.join(" "));
}

#[test]
fn what_vllm_would_not_take_is_refused_with_what_to_write() {
    let wrong = [
        (json!({}), "no model is named"),
        (json!({"model": "m", "max_model_length": 1}), "has no option `max_model_length`"),
        (json!({"model": "m", "swap_space": 4}), "has no option `swap_space`"),
        (json!({"model": "m", "enforce_eager": "yes"}), "`enforce_eager` takes true or false"),
        (json!({"model": "m", "hf_token": "hf_abc"}), "`hf_token` would stand in clear"),
        (json!({"ModelConfig": {"model": "m"}, "model": "n"}), "`model` is given twice"),
        (json!({"model": "m", "data_parallel_rank": true}), "`data_parallel_rank` takes a text or a number"),
        (json!({"model": "m", "served_model_name": ["--port"]}), "words that do not begin with a dash"),
    ];
    let engines = wrong.map(|(engine, says)| (json!({"engine": engine}), says));
    refuses(&*feature(), &site(), engines);
    let found =
        feature().plan(&site(), &json!({"engine": {"model": "m", "max_model_length": 1}}), &Facts::new());
    let hint = found.expect_err("refused").iter().find_map(|finding| finding.hint.clone());
    assert_eq!(hint.as_deref(), Some("did you mean `max_model_len`?"));
    let few = json!({"engine": engine(), "gpus": [0]});
    assert!(finds(&few).contains("computes on 2 cards, and the guest has 1"), "{}", finds(&few));
    // Another version than the known one says itself what it has.
    let other = json!({"engine": {"model": "m", "enable_dbo": true}, "version": "0.10.2"});
    let help = Probe::command(&site(), ["/opt/vllm/0.10.2/bin/vllm", "serve", "--help=all"]);
    let facts = Facts::from_iter([(help, said("  --port PORT\n  --enable-dbo-x\n"))]);
    let found = refused(&*feature(), &site(), &other, &facts).join("\n");
    assert!(found.contains("vLLM 0.10.2 has no option `--enable-dbo`"), "{found}");
}

#[test]
fn what_is_broken_is_mended_and_nothing_else() {
    let at = |path: &str| Probe::file(&site(), path);
    let ask = "import importlib.metadata as m; print(m.version('vllm'))";
    let served = ["restart-vllm.service", "await-health"];
    let broken = [
        (
            at("/etc/systemd/system/vllm.service"),
            file("", 0o644, "root"),
            vec!["write-unit", served[0], served[1]],
        ),
        (at("/etc/vllm/hf-token"), Evidence::Absent, vec!["write-hf-token", served[0], served[1]]),
        (at("/var/lib/vllm"), Evidence::Absent, vec!["make-model-dir", served[0], served[1]]),
        (
            Probe::command(&site(), ["/opt/vllm/0.33.0/bin/python", "-c", ask]),
            said("0.32.0\n"),
            vec!["install-vllm", served[0], served[1]],
        ),
        (
            Probe::command(&site(), ["curl", "-fsS", "http://127.0.0.1:8000/health"]),
            failed(7, "connection refused"),
            vec!["await-health"],
        ),
    ];
    mends(&*feature(), &site(), &config(), broken);
}
