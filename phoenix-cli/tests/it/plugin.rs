//! Plugins as users meet them: listed, granted, converged, and refused when they are not what was listed.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use crate::lab::{HYPERVISOR, LXC, Lab};

/// Builds the fixture of `phoenix-plugin` into the lab, with these macros. Tells whether there is a compiler.
#[expect(clippy::print_stdout, reason = "a test that skips something says so")]
fn build(lab: &Lab, name: &str, macros: &[&str]) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../phoenix-plugin");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-I"])
        .arg(root.join("include"))
        .args(macros.iter().map(|definition| format!("-D{definition}")))
        .arg("-o")
        .arg(lab.config().join(name))
        .arg(root.join("tests/it/fixture.c"))
        .output();
    match built {
        Ok(built) => assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr)),
        Err(error) => {
            println!("skipped: no C compiler `cc`: {error}");
            return false;
        }
    }
    true
}

/// Returns the entry of a built plugin, as `plugin explain` proposes it.
fn entry(lab: &Lab, name: &str) -> Value {
    let path = lab.config().join(name);
    let explained = lab.does(&["--json", "plugin", "explain", path.to_str().expect("a path")]);
    let explained: Value = serde_json::from_str(&explained).expect("JSON");
    let mut entry = explained["entry"].clone();
    entry["path"] = name.into();
    entry
}

/// Lets the container 101 have the plugin's feature, configured so.
fn ask_for(lab: &Lab, entry: &Value, config: Value) {
    lab.set(HYPERVISOR, "/plugins", json!([entry]));
    let mut feature = config;
    feature["name"] = "fixture".into();
    lab.set(LXC, "/lxc_configs/101/features", json!([feature]));
}

#[test]
fn a_plugins_feature_converges_once_and_mends_what_is_broken_in_both_modes() {
    for in_process in [false, true] {
        let lab = Lab::new();
        if !build(&lab, "fixture.so", &[]) {
            return;
        }
        let mut entry = entry(&lab, "fixture.so");
        entry["in_process"] = in_process.into();
        ask_for(&lab, &entry, json!({}));
        assert!(lab.does(&["plan"]).contains("lxc/101:fixture:write"));
        lab.does(&["letsgo"]);
        assert_eq!(lab.does(&["plan"]), "nothing to do\n");
        assert!(lab.does(&["letsgo"]).contains("nothing to do"));
        assert!(lab.does(&["explain", "fixture"]).starts_with("fixture 1.0.0: tries things"));
        assert!(lab.does(&["plugin", "list"]).contains(if in_process { "in-process" } else { "apart" }));
    }
}

#[test]
fn what_a_plugin_does_wrong_is_one_finding_and_nothing_is_done() {
    let lab = Lab::new();
    if !build(&lab, "fixture.so", &[]) {
        return;
    }
    let entry = entry(&lab, "fixture.so");
    lab.does(&["letsgo"]);
    for (what, code) in [
        ("abort", "plugin-died"),
        ("garbage", "plugin-answer"),
        ("outside", "plugin-refused"),
        ("shadow", "plugin-undeclared"),
    ] {
        ask_for(&lab, &entry, json!({"do": what}));
        let said = lab.says(&["letsgo"]);
        assert!(said.starts_with("exit: 1"), "{said}");
        assert_eq!(said.matches("error[").count(), 1, "{said}");
        assert!(
            said.contains(&format!("error[{code}]")) && said.contains("phoenix_lxc_configs.json"),
            "{said}"
        );
    }
    ask_for(&lab, &entry, json!({}));
    lab.set(HYPERVISOR, "/plugins/0/grant", json!({}));
    let said = lab.says(&["plan"]);
    assert!(
        said.contains("error[plugin-not-granted]") && said.contains(r#"{"reads":["/etc/motd"]}"#),
        "{said}"
    );
}

#[test]
fn a_file_that_cannot_be_used_is_one_finding_at_its_entry() {
    let lab = Lab::new();
    if !build(&lab, "fixture.so", &[]) || !build(&lab, "new.so", &["PHOENIX=\"^9\""]) {
        return;
    }
    let entry = entry(&lab, "fixture.so");
    let one = |code: &str| {
        let said = lab.says(&["plan"]);
        assert!(said.contains(&format!("error[{code}]")) && said.contains(HYPERVISOR), "{said}");
        assert_eq!(said.matches("error[").count(), 1, "{said}");
        let list = lab.says(&["plugin", "list"]);
        assert!(list.contains("cannot be used") && list.contains(code), "{list}");
    };
    ask_for(&lab, &entry, json!({}));
    lab.set(HYPERVISOR, "/plugins/0/sha256", "0".repeat(64).into());
    one("plugin-hash");
    lab.set(HYPERVISOR, "/plugins/0/path", "missing.so".into());
    one("plugin-file");
    fs::write(lab.config().join("text.so"), "text").expect("the lab takes files");
    ask_for(&lab, &json!({"path": "text.so", "sha256": sha256("text")}), json!({}));
    one("plugin-library");
}

/// Returns the SHA-256 of a text, as the system's tool tells it.
fn sha256(text: &str) -> String {
    let command = format!("printf %s '{text}' | sha256sum");
    let output = Command::new("sh").args(["-c", &command]).output().expect("a shell");
    String::from_utf8(output.stdout).expect("text").split(' ').next().unwrap_or_default().to_owned()
}

#[test]
fn two_features_of_one_name_are_a_finding_and_no_panic() {
    let lab = Lab::new();
    if !build(&lab, "fixture.so", &["FEATURE=\"base-setup\""]) {
        return;
    }
    lab.set(HYPERVISOR, "/plugins", json!([entry(&lab, "fixture.so")]));
    let said = lab.says(&["validate"]);
    assert!(said.starts_with("exit: 1") && said.contains("error[plugin-clash]"), "{said}");
    assert!(said.contains("and so has Phoenix"), "{said}");
}

#[test]
fn explain_shows_what_a_plugin_wants_and_never_opens_it() {
    let lab = Lab::new();
    // Opening it would fail: it needs a function that nobody has.
    if !build(&lab, "fixture.so", &["MISSING"]) {
        return;
    }
    let path = lab.config().join("fixture.so");
    let text = lab.does(&["plugin", "explain", path.to_str().expect("a path")]);
    assert!(text.contains("feature fixture: tries things") && text.contains("files: /etc/motd"), "{text}");
    let said = lab.says(&["plugin", "explain", "fixture"]);
    assert!(said.contains("neither a file nor a listed plugin `fixture`"), "{said}");
    lab.set(HYPERVISOR, "/plugins", json!([entry(&lab, "fixture.so")]));
    assert!(lab.does(&["plugin", "explain", "fixture"]).contains("it is granted:\n  files: /etc/motd"));
}

#[test]
fn verify_tells_a_good_plugin_from_bad_ones() {
    let lab = Lab::new();
    let verify = |macros: &[&str]| {
        build(&lab, "fixture.so", macros).then(|| {
            let path = lab.config().join("fixture.so");
            lab.says(&["plugin", "verify", path.to_str().expect("a path")])
        })
    };
    let Some(said) = verify(&[]) else { return };
    assert!(said.starts_with("exit: 0") && !said.contains("bad"), "{said}");
    let sampled = r#"SCHEMA="{\"type\":\"object\",\"required\":[\"do\"],\"properties\":{\"do\":{\"enum\":[\"good\",\"abort\"]}}}""#;
    for (fault, check, text) in [
        ("IMPURE", "purity", "another process, later and elsewhere answers differently"),
        (r#"SCHEMA="{\"type\":\"objekt\"}""#, "schema", "the schema of `fixture` is none"),
        (r#"SCHEMA="{\"type\":\"object\",\"required\":[\"a\"]}""#, "schema", "does not fit its schema"),
        (r#"CAPABILITIES="{}""#, "answers", "error[plugin-undeclared]"),
        (sampled, "samples", "error[plugin-died]"),
    ] {
        let said = verify(&[fault]).expect("there is a compiler");
        let is_told = said.lines().any(|line| line.starts_with(check) && line.contains(" bad "));
        assert!(said.starts_with("exit: 1") && is_told && said.contains(text), "{said}");
    }
    let said = lab.says(&["plugin", "verify", "missing.so"]);
    assert!(said.starts_with("exit: 1") && said.contains("could not read the plugin `missing.so`"), "{said}");
}

#[test]
fn a_new_plugin_is_a_crate_with_its_name_in_it_and_never_overwrites_one() {
    let lab = Lab::new();
    let dir = lab.path("new");
    let at = ["--dir", dir.to_str().expect("a path")];
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    lab.does(&["plugin", "new", "say-hello", "--phoenix", root, at[0], at[1]]);
    let file = |name: &str| fs::read_to_string(dir.join(name)).expect("the crate has the file");
    assert!(
        file("Cargo.toml").contains("name = \"say-hello\"")
            && file("tests/it.rs").contains("use say_hello::")
    );
    let manifest = phoenix_plugin::Manifest::from_json(&file("plugin.json")).expect("a manifest");
    assert_eq!(manifest.features[0].name, "say-hello");
    for name in [".gitignore", "Cargo.toml", "README.md", "plugin.json", "src/lib.rs", "tests/it.rs"] {
        assert!(!file(name).contains("{{"), "{name}");
    }
    for (name, text) in [
        ("say-hello", "the directory is not empty"),
        ("Say_Hello", "cannot have the name `Say_Hello`"),
        ("base-setup", "has a feature of that name itself"),
    ] {
        let said = lab.says(&["plugin", "new", name, at[0], at[1]]);
        assert!(said.starts_with("exit: 1") && said.contains(text), "{said}");
    }
}
