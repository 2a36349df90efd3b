//! The feature from outside: whole plans as goldens, no plan where the facts agree, one step a drift.

#[path = "../../../tests/settled.rs"]
mod settled;

use std::collections::BTreeSet;

use phoenix_base_setup::{Config, feature};
use phoenix_core::{Evidence, Facts, GuestId, Probe, Site, Step, evidence::FileState};
use serde_json::{Value, json};
use settled::{failed, file};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGk3 al@desk";

fn site() -> Site {
    Site::Guest(GuestId::lxc(950))
}

fn config() -> Value {
    json!({
        "timezone": "Europe/Berlin",
        "users": [{"name": "al", "groups": ["docker"], "ssh_keys": [KEY], "sudo": true}],
        "root_ssh_keys": [KEY],
    })
}

fn plan(config: &Value, facts: &Facts) -> Vec<Step> {
    feature().plan(&site(), config, facts).expect("the configuration is good")
}

fn at(path: &str) -> Probe {
    Probe::File { site: site(), path: path.to_owned() }
}

fn locales() -> Probe {
    Probe::Command { site: site(), argv: vec!["locale".to_owned(), "-a".to_owned()] }
}

/// Does what the steps say, to the facts alone.
fn apply(facts: &mut Facts, steps: &[Step]) {
    settled::settle(facts, steps, &[]);
}

/// Returns the facts of a guest that is as the configuration says.
fn settled() -> Facts {
    settled::settled(&*feature(), &site(), &config(), &Facts::new())
}

fn verbs(steps: &[Step]) -> Vec<&str> {
    steps.iter().map(|step| step.id.verb()).collect()
}

#[test]
fn a_fresh_guest_gets_everything() {
    insta::assert_json_snapshot!("fresh", plan(&config(), &Facts::new()));
}

#[test]
fn plan_is_empty_after_execution() {
    assert_eq!(plan(&config(), &settled()), Vec::new());
    let mut facts = Facts::new();
    let steps = plan(&json!({}), &facts);
    apply(&mut facts, &steps);
    assert_eq!(plan(&json!({}), &facts), Vec::new());
}

#[test]
fn every_step_waits_only_for_steps_of_the_plan() {
    let steps = plan(&config(), &Facts::new());
    let mut before = BTreeSet::new();
    for step in &steps {
        assert!(step.after.is_subset(&before), "{} waits for a later step", step.id);
        assert!(before.insert(step.id.clone()), "{} is there twice", step.id);
    }
}

#[test]
fn only_missing_packages_are_installed_and_named() {
    let mut facts = settled();
    facts.insert(Probe::Package { site: site(), name: "jq".to_owned() }, Evidence::Absent);
    let steps = plan(&config(), &facts);
    assert_eq!(verbs(&steps), ["install-packages"]);
    assert_eq!(steps[0].reason, "missing: `jq`");
}

#[test]
fn a_single_drift_is_a_single_step() {
    let user = Evidence::User {
        uid: 1000,
        shell: "/bin/bash".to_owned(),
        home: "/home/al".to_owned(),
        groups: BTreeSet::new(),
    };
    for (probe, evidence, verb) in [
        (at("/etc/locale.gen"), file("# en_US.UTF-8 UTF-8\n", 0o644, "root"), "write-locale-gen"),
        (locales(), failed(127, ""), "generate-locale"),
        (at("/etc/default/locale"), file("LANG=C\n", 0o644, "root"), "write-default-locale"),
        (at("/etc/localtime"), file("", 0o644, "root"), "link-localtime"),
        (at("/etc/timezone"), file("Etc/UTC\n", 0o644, "root"), "write-timezone"),
        (Probe::User { site: site(), name: "al".to_owned() }, user, "ensure-user-al"),
        (at("/home/al/.ssh"), Evidence::Absent, "make-ssh-directory-al"),
        (at("/root/.ssh/authorized_keys"), file("", 0o600, "root"), "authorize-keys-root"),
        (at("/etc/sudoers.d/phoenix-al"), Evidence::Absent, "allow-sudo-al"),
    ] {
        let mut facts = settled();
        facts.insert(probe, evidence);
        let steps = plan(&config(), &facts);
        assert_eq!(verbs(&steps), [verb]);
        assert!(steps[0].after.is_empty(), "{verb} waits for a step that is not there");
        apply(&mut facts, &steps);
        assert_eq!(plan(&config(), &facts), Vec::new(), "{verb} does not heal");
    }
}

#[test]
fn keys_of_others_stay_and_our_own_can_be_taken_away() {
    let mut facts = settled();
    let path = "/root/.ssh/authorized_keys";
    facts.insert(at(path), file("ssh-rsa AAAAtheirs they@there\n", 0o600, "root"));
    let steps = plan(&config(), &facts);
    apply(&mut facts, &steps);
    let text = |facts: &Facts| match facts.get(&at(path)) {
        Some(Evidence::File(state)) => state.text.clone().unwrap_or_default(),
        other => panic!("{other:?}"),
    };
    assert!(text(&facts).starts_with("ssh-rsa AAAAtheirs they@there\n"));
    assert!(text(&facts).contains(KEY));
    let mut without = config();
    without["root_ssh_keys"] = json!([]);
    let steps = plan(&without, &facts);
    apply(&mut facts, &steps);
    assert_eq!(text(&facts), "ssh-rsa AAAAtheirs they@there\n");
    assert_eq!(plan(&without, &facts), Vec::new());
}

#[test]
fn a_key_file_that_cannot_be_read_is_an_error_and_not_overwritten() {
    let mut facts = settled();
    let Evidence::File(state) = file("", 0o600, "root") else { unreachable!() };
    facts.insert(at("/root/.ssh/authorized_keys"), Evidence::File(FileState { text: None, ..state }));
    let findings = feature().plan(&site(), &config(), &facts).expect_err("it cannot be read");
    assert_eq!(&*findings.0[0].code, "unreadable-keys");
}

#[test]
fn sudo_is_taken_away_again() {
    let mut without = config();
    without["users"][0]["sudo"] = json!(false);
    assert_eq!(verbs(&plan(&without, &settled())), ["forbid-sudo-al"]);
}

#[test]
fn a_relative_link_to_the_zone_is_as_good() {
    let mut facts = settled();
    let Evidence::File(state) = file("", 0o644, "root") else { unreachable!() };
    let link = Some("../usr/share/zoneinfo/Europe/Berlin".to_owned());
    facts.insert(at("/etc/localtime"), Evidence::File(FileState { link, text: None, ..state }));
    assert_eq!(plan(&config(), &facts), Vec::new());
}

#[test]
fn files_of_a_user_are_asked_about_where_its_home_is() {
    let mut known = Facts::new();
    // Where it is if nobody said otherwise: so one round is enough for most.
    let first = feature().probes(&site(), &config(), &known).expect("good");
    assert!(first.contains(&at("/home/al/.ssh")));
    let home = "/srv/al".to_owned();
    let user = Evidence::User { uid: 1000, shell: "/bin/bash".to_owned(), home, groups: BTreeSet::new() };
    known.insert(Probe::User { site: site(), name: "al".to_owned() }, user);
    let second = feature().probes(&site(), &config(), &known).expect("good");
    assert!(second.contains(&at("/srv/al/.ssh/authorized_keys")));
    assert!(!second.contains(&at("/home/al/.ssh")));
}

#[test]
fn every_file_that_a_plan_touches_was_asked_about() {
    let known = settled();
    let probes = feature().probes(&site(), &config(), &known).expect("good");
    for (probe, _) in known.iter() {
        assert!(probes.contains(probe), "{probe:?} is not asked");
    }
}

#[test]
fn bad_values_are_refused_with_their_place() {
    for (config, path, message) in [
        (json!({"locales": "x"}), "", "unknown field `locales`"),
        (json!({"locale": "en_US"}), "/locale", "`en_US` is not a locale"),
        (json!({"timezone": "../etc/passwd"}), "/timezone", "is not a time zone"),
        (json!({"packages": ["vim", "rm -rf"]}), "/packages/1", "is not the name of a Debian package"),
        (json!({"users": [{"name": "Al:x"}]}), "/users/0/name", "is not a name of a user"),
        (
            json!({"users": [{"name": "al", "password_hash": "$6$x"}]}),
            "/users/0/password_hash",
            "reference to a secret",
        ),
        (json!({"root_ssh_keys": ["ssh-rsa"]}), "/root_ssh_keys/0", "is not a public SSH key"),
    ] {
        let findings = feature().claims(&config).expect_err("it is bad");
        assert!(findings.0[0].message.contains(message), "{}", findings.0[0].message);
        let place = findings.0[0].place.as_ref().map_or("", |place| &place.path);
        assert!(place.starts_with(path), "{place} instead of {path}");
    }
}

#[test]
fn a_user_that_is_there_twice_and_root_are_refused_together() {
    let config = json!({"users": [{"name": "al"}, {"name": "al"}, {"name": "root"}]});
    let found = settled::refused(&*feature(), &site(), &config, &Facts::new());
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn the_schema_agrees_with_the_configuration() {
    let schema = feature().descriptor().config_schema.clone();
    let default = serde_json::to_value(Config::default()).expect("it is JSON");
    let user = serde_json::to_value(
        serde_json::from_value::<Config>(json!({"users": [{"name": "al"}]})).expect("good").users.remove(0),
    )
    .expect("it is JSON");
    let source = json!({"apt_sources": [{"name": "lab", "uris": ["file:/m"], "suites": ["./"]}]});
    let source =
        serde_json::to_value(serde_json::from_value::<Config>(source).expect("good").apt_sources.remove(0))
            .expect("it is JSON");
    for (schema, value, required) in [
        (&schema, &default, &[][..]),
        (&schema["properties"]["users"]["items"], &user, &["name"]),
        (&schema["properties"]["apt_sources"]["items"], &source, &["name", "uris", "suites"]),
    ] {
        let properties = schema["properties"].as_object().expect("an object");
        let fields = value.as_object().expect("an object");
        assert!(properties.keys().eq(fields.keys()), "{properties:?} against {fields:?}");
        for (key, field) in fields.iter().filter(|(key, _)| !required.contains(&key.as_str())) {
            assert_eq!(&properties[key]["default"], field, "default of `{key}`");
        }
        assert_eq!(schema["additionalProperties"], json!(false));
    }
}

fn with_sources() -> Value {
    let key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQIN\n=x\n-----END PGP PUBLIC KEY BLOCK-----\n";
    json!({
        "apt_sources": [
            {"name": "lab", "uris": ["file:/srv/mirror"], "suites": ["./"], "trusted": true},
            {
                "name": "vendor",
                "uris": ["https://apt.example/debian"],
                "suites": ["noble", "noble-updates"],
                "components": ["main"],
                "signed_by": key,
            },
        ],
        "apt_proxy": "http://cache.example:3142",
    })
}

#[test]
fn sources_are_files_that_installing_waits_for() {
    let mut facts = Facts::new();
    let steps = plan(&with_sources(), &facts);
    let install =
        steps.iter().find(|step| step.id.verb() == "install-packages").expect("packages are missing");
    let waits: Vec<&str> = install.after.iter().map(phoenix_core::StepId::verb).collect();
    assert_eq!(waits, ["write-apt-proxy", "write-apt-source-lab", "write-apt-source-vendor"]);
    apply(&mut facts, &steps);
    assert_eq!(plan(&with_sources(), &facts), Vec::new());
    let text = |path: &str| match facts.get(&at(path)) {
        Some(Evidence::File(state)) => state.text.clone().unwrap_or_default(),
        other => panic!("{path}: {other:?}"),
    };
    let owned = "Written by Phoenix: base-setup. Changes are overwritten.\n";
    assert_eq!(
        text("/etc/apt/sources.list.d/lab.sources"),
        format!("# {owned}Types: deb\nURIs: file:/srv/mirror\nSuites: ./\nTrusted: yes\n")
    );
    assert_eq!(
        text("/etc/apt/sources.list.d/vendor.sources"),
        format!(
            "# {owned}Types: deb\nURIs: https://apt.example/debian\nSuites: noble noble-updates\nComponents: main\n\
             Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQIN\n =x\n -----END PGP PUBLIC KEY BLOCK-----\n"
        )
    );
    let proxy = "http://cache.example:3142";
    assert_eq!(
        text("/etc/apt/apt.conf.d/90phoenix-proxy"),
        format!("// {owned}Acquire::http::Proxy \"{proxy}\";\nAcquire::https::Proxy \"{proxy}\";\n")
    );
}

#[test]
fn a_source_that_was_edited_is_written_again_and_a_proxy_is_taken_away() {
    let mut facts = Facts::new();
    let steps = plan(&with_sources(), &facts);
    apply(&mut facts, &steps);
    facts.insert(at("/etc/apt/sources.list.d/lab.sources"), file("Types: deb\n", 0o644, "root"));
    assert_eq!(verbs(&plan(&with_sources(), &facts)), ["write-apt-source-lab"]);
    let mut without = with_sources();
    without.as_object_mut().expect("an object").remove("apt_proxy");
    let steps = plan(&without, &facts);
    assert_eq!(verbs(&steps), ["write-apt-source-lab", "remove-apt-proxy"]);
    apply(&mut facts, &steps);
    assert_eq!(plan(&without, &facts), Vec::new());
}

#[test]
fn a_source_that_apt_would_not_take_is_refused_with_its_place() {
    let good = json!({"name": "lab", "uris": ["file:/m"], "suites": ["./"]});
    for (key, value, place) in [
        ("suites", json!([]), "suites"),
        ("uris", json!([]), "uris"),
        ("suites", json!(["noble"]), "components"),
        ("components", json!(["main"]), "components"),
        ("signed_by", json!("AAAA"), "signed_by"),
    ] {
        let mut source = good.clone();
        source[key] = value;
        source["name"] = json!("other");
        let config = json!({"apt_sources": [good, source]});
        let findings = feature().plan(&site(), &config, &Facts::new()).expect_err("it is bad");
        let found = findings.0[0].place.as_ref().expect("a place").path.clone();
        assert_eq!(found, format!("/apt_sources/1/{place}"), "{}", findings.0[0].message);
    }
    let twice = json!({"apt_sources": [good, good]});
    assert!(feature().plan(&site(), &twice, &Facts::new()).is_err());
    for (key, value) in [("name", "../x"), ("uris", "ftp:x"), ("suites", "a b")] {
        let mut config = json!({"apt_sources": [good]});
        config["apt_sources"][0][key] = if key == "name" { json!(value) } else { json!([value]) };
        let findings = feature().claims(&config).expect_err("it is bad");
        let place = findings.0[0].place.as_ref().map_or("", |place| &place.path);
        assert!(place.starts_with("/apt_sources/0"), "{place}");
    }
}
