//! Plugins as the host's file lists them.

use std::time::Duration;

use phoenix_config::Files;
use phoenix_core::Diagnostic;

use crate::kit::Config;

const GUEST: &str = r#"{ "lxc_configs": {} }"#;

fn sha256(digit: char) -> String {
    digit.to_string().repeat(64)
}

#[test]
fn a_plugin_is_found_under_the_directory_and_is_granted_what_stands_there() {
    let text = format!(
        r#"{{ "plugins": [
            {{ "path": "plugins/a.so", "sha256": "{}", "grant": {{ "files": ["/etc/a"], "secrets": ["config"] }} }},
            {{ "path": "/b.so", "sha256": "{}", "in_process": true, "timeout_s": 3 }}
        ] }}"#,
        sha256('A'),
        sha256('0')
    );
    let config = Config::new().host(&text).lxc(GUEST);
    let plugins = Files::read(config.path()).plugins();
    let [first, second] = &plugins[..] else { panic!("not two: {plugins:?}") };
    assert_eq!((first.path.clone(), first.sha256.clone()), (config.path().join("plugins/a.so"), sha256('a')));
    assert!(first.grant.files.contains("/etc/a") && !first.in_process && second.grant.is_empty());
    assert_eq!((first.timeout, second.timeout), (Duration::from_secs(10), Duration::from_secs(3)));
    assert!(second.in_process && second.path.ends_with("b.so"));
    let finding = second.put(Diagnostic::error("x", "y"), "path");
    assert_eq!(finding.place.expect("a place").path, "/plugins/1/path");
    config.has_only_notes();
}

#[test]
fn what_is_wrong_with_an_entry_is_found_at_its_line() {
    let host = |entry: &str| Config::new().host(&format!("{{ \"plugins\": [\n{entry}\n] }}")).lxc(GUEST);
    host(r#"{ "path": "a.so", "sha256": "abc" }"#).error("bad-value", 2);
    host(r#"{ "path": "a.so" }"#).error("missing-key", 2);
    let sha = sha256('0');
    host(&format!(r#"{{ "path": "a.so", "sha256": "{sha}", "grants": {{}} }}"#)).error("unknown-key", 2);
    host(&format!(r#"{{ "path": "a.so", "sha256": "{sha}", "grant": {{ "file": [] }} }}"#))
        .error("unknown-key", 2);
    host(&format!(r#"{{ "path": "a.so", "sha256": "{sha}", "grant": {{ "files": ["etc"] }} }}"#))
        .error("bad-value", 2);
    host(&format!(r#"{{ "path": "a.so", "sha256": "{sha}", "timeout_s": 0 }}"#)).error("out-of-range", 2);
}
