//! `qdrant`.

use phoenix_tests::lab::Lab;
use serde_json::{Value, json};

use super::{Harm, check_laws, first_plan, lab, mends, refusals};

fn database() -> Lab {
    let tls = json!({"certificate": "/etc/ssl/q.crt", "key": "/etc/ssl/q.key"});
    let settings = json!({"log_level": "INFO", "service": {"max_request_size_mb": 32}});
    lab(&[("qdrant", json!({"api_key": "cmd:echo secret", "tls": tls, "settings": settings}))])
}

#[test]
fn the_first_plan_is_complete_and_keeps_the_laws() {
    let lab = database();
    insta::assert_json_snapshot!(first_plan(&lab, "qdrant"));
    check_laws(&lab);
}

#[test]
fn what_is_broken_is_mended_and_nothing_else() {
    let lab = database();
    let again = ["qdrant:restart-qdrant.service", "qdrant:await-ready"];
    let behind = |first: &'static str| std::iter::once(first).chain(again).collect::<Vec<_>>();
    mends(&lab, &Harm::Edit("/etc/qdrant/config.yaml"), &behind("qdrant:write-settings"));
    mends(&lab, &Harm::Edit("/etc/systemd/system/qdrant.service"), &behind("qdrant:write-unit"));
    mends(&lab, &Harm::Edit("/usr/local/bin/qdrant"), &behind("qdrant:install-qdrant"));
    mends(&lab, &Harm::Run("apt-get -y remove curl"), &behind("qdrant:install-packages"));
    // A certificate that was renewed is a file that it has not read.
    mends(&lab, &Harm::Edit("/etc/ssl/q.crt"), &again);
    mends(&lab, &Harm::Stop("qdrant.service"), &["qdrant:start-qdrant.service", "qdrant:await-ready"]);
}

#[test]
fn a_key_in_clear_is_refused() {
    let with = |config: Value| refusals(&lab(&[("qdrant", config)]));
    for (config, says) in [
        (json!({"settings": {"service": {"api_key": "x"}}}), "`service.api_key` would stand in clear"),
        (json!({"host": "example.com"}), "`example.com` is no address"),
        (json!({"storage_dir": "data"}), "`data` is no absolute path"),
    ] {
        let messages = with(config);
        assert!(messages.iter().any(|message| message.contains(says)), "{says}: {messages:?}");
    }
}
