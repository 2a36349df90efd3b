//! What can be wrong with the directory and the files themselves, and how it is shown.

use std::collections::BTreeSet;

use phoenix_config::{Kind, load, render, schema, summary, to_json};

use crate::kit::Config;

#[test]
fn a_missing_directory_is_named() {
    let loaded = load("/nonexistent/phoenix".as_ref(), &BTreeSet::new());
    let text = render(&loaded.findings, &loaded.sources, false);
    assert!(text.starts_with("error[no-directory]: there is no directory `/nonexistent/phoenix`"), "{text}");
    assert!(text.contains("--config-dir"), "{text}");
}

#[test]
fn a_file_instead_of_a_directory_is_named() {
    let config = Config::new();
    let file = config.path().join("phoenix_hypervisor_config.json");
    let loaded = load(&file, &BTreeSet::new());
    assert!(loaded.findings.iter().any(|finding| finding.message.ends_with("is not a directory")));
}

#[test]
fn an_empty_directory_is_an_error_that_says_what_is_expected() {
    let dir = tempfile::tempdir().unwrap();
    let loaded = load(dir.path(), &BTreeSet::new());
    let finding = &loaded.findings.0[0];
    assert_eq!(&*finding.code, "no-configuration");
    assert!(finding.message.contains(&dir.path().display().to_string()));
    assert!(finding.hint.as_ref().unwrap().contains("phoenix_lxc_configs.json"));
}

#[test]
fn one_of_the_guests_files_is_enough() {
    let config = Config::new().lxc("{}");
    config.has_only_notes();
    let loaded = Config::new().load();
    assert!(loaded.findings.has_errors(), "neither file is there");
}

#[test]
fn malformed_json_has_line_column_and_what_was_expected() {
    let config = Config::new().lxc("{\n  \"lxc_configs\": {\n    \"100\" { }\n  }\n}");
    let finding = config.error("malformed-json", 3);
    assert!(finding.message.contains("expected `:` after the key"), "{}", finding.message);
    Config::new().lxc("").error("malformed-json", 1);
    Config::new().lxc("{ \"a\": 1 \"b\": 2 }").error("malformed-json", 1);
    Config::new().lxc("{ \"a\": tru }").error("malformed-json", 1);
    Config::new().lxc("{ \"a\": [1, 2 }").error("malformed-json", 1);
    Config::new().lxc("{ \"lxc_configs\": {},\n\"lxc_configs\": {} }").error("duplicate-key", 2);
}

#[test]
fn references_into_a_file_that_cannot_be_read_are_not_held_against_the_others() {
    let vms = r#"{ "vms": [{ "vmid": 1001, "name": "one", "dependencies": [101] }] }"#;
    let dangling = |config: Config| {
        config.load().findings.iter().filter(|finding| &*finding.code == "dangling-dependency").count()
    };
    assert_eq!(dangling(Config::new().vm(vms).lxc("{}")), 1);
    assert_eq!(dangling(Config::new().vm(vms).lxc("{")), 0);
    assert_eq!(dangling(Config::new().vm(vms).lxc("")), 0);
}

#[test]
fn a_malformed_file_shows_no_secret() {
    let config = Config::new().lxc("{}").host("{\n  \"admin_password\": \"hunter2\" x\n}");
    let loaded = config.load();
    assert!(loaded.findings.has_errors());
    assert!(!render(&loaded.findings, &loaded.sources, false).contains("hunter2"));
}

#[test]
fn comments_and_trailing_commas_are_accepted() {
    Config::new().lxc("{ // none yet\n \"lxc_configs\": { /* none */ },\n}").has_only_notes();
}

#[test]
fn findings_show_excerpt_and_hint_and_a_summary() {
    let lxc = "{\n  \"lxc_configs\": {\n    \"100\": { \"name\": \"a\", \"os_template\": \"d\", \"storage_pool\": \"local\", \"memroy_mb\": 5 }\n  }\n}";
    let loaded = Config::new().lxc(lxc).load();
    let errors: phoenix_core::Diagnostics =
        loaded.findings.iter().filter(|finding| &*finding.code == "unknown-key").cloned().collect();
    let wanted = "\
error[unknown-key]: unknown key `memroy_mb`
 --> phoenix_lxc_configs.json:3:72
  |
3 |     \"100\": { \"name\": \"a\", \"os_template\": \"d\", \"storage_pool\": \"local\", \"memroy_mb\": 5 }
  |                                                                        ^^^^^^^^^^^
  |
  = help: did you mean `memory_mb`?

1 error
";
    assert_eq!(render(&errors, &loaded.sources, false), wanted);
    assert!(render(&errors, &loaded.sources, true).contains("\u{1b}["));
    let record = &to_json(&errors)[0];
    assert_eq!(
        (&record["code"], &record["line"], &record["column"]),
        (&"unknown-key".into(), &3.into(), &72.into())
    );
    assert_eq!(record["path"], "/lxc_configs/100/memroy_mb");
    assert_eq!(summary(&phoenix_core::Diagnostics::new()), "no findings");
}

#[test]
fn later_findings_get_their_lines_from_the_sources() {
    let loaded = Config::new().lxc("{\n  \"lxc_configs\": {\n    \"100\": {}\n  }\n}").load();
    let finding = phoenix_core::Diagnostic::error("feature-config", "x")
        .at_path(&"phoenix_lxc_configs.json".into(), "/lxc_configs/100/features/0");
    let mut findings = phoenix_core::Diagnostics::from(finding);
    loaded.sources.locate(&mut findings);
    let place = findings.0[0].place.as_ref().unwrap();
    assert_eq!((place.line, place.column), (3, 5), "the nearest parent that exists");
}

#[test]
fn schemas_describe_every_key_and_refuse_others() {
    for kind in Kind::ALL {
        let schema = schema(kind);
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{}", kind.as_str());
        undescribed(&schema, kind.as_str());
    }
    assert_eq!(schema(Kind::Lxc)["additionalProperties"], false);
    assert!("hypervisor".parse::<Kind>().is_ok());
    assert!("host".parse::<Kind>().unwrap_err().to_string().contains("hypervisor"));
}

/// Every property says what it means, itself or by the type that it refers to.
fn undescribed(schema: &serde_json::Value, path: &str) {
    for keyword in ["properties", "$defs"] {
        for (key, child) in schema.get(keyword).and_then(serde_json::Value::as_object).into_iter().flatten() {
            assert!(
                keyword == "$defs" || child.get("description").is_some(),
                "{path}/{key} has no description"
            );
            undescribed(child, &format!("{path}/{key}"));
        }
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(child) = schema.get(keyword) {
            undescribed(child, &format!("{path}/{keyword}"));
        }
    }
}
