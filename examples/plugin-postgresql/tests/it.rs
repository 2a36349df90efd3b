//! What the feature does, tried out in a guest in miniature.

use phoenix_plugin::{
    Manifest,
    core::{Action, Content, Evidence, Probe, SecretRef, Step},
    trial::Trial,
};
use phoenix_postgresql::{MANIFEST, feature};
use serde_json::{Value, json};

const SETTINGS: &str = "/etc/postgresql/16/main/conf.d/phoenix.conf";
const RULES: &str = "/etc/postgresql/16/main/pg_hba.conf";

fn examples() -> Vec<Value> {
    Manifest::from_json(MANIFEST).unwrap().features.remove(0).examples
}

fn verbs(steps: &[Step]) -> Vec<&str> {
    steps.iter().map(|step| step.id.verb()).collect()
}

/// Returns a guest that has all of the second example.
fn converged() -> (Trial, Value) {
    let (mut guest, config) = (Trial::new(), examples().remove(1));
    guest.converge(&*feature(), &config).unwrap();
    (guest, config)
}

#[test]
fn the_manifest_is_one_and_has_the_version_of_the_crate() {
    let manifest = Manifest::from_json(MANIFEST).unwrap();
    assert_eq!(manifest.version.to_string(), env!("CARGO_PKG_VERSION"));
}

#[test]
fn every_example_converges_and_then_nothing_is_left_to_do() {
    for example in examples() {
        let mut guest = Trial::new();
        assert!(!guest.converge(&*feature(), &example).unwrap().is_empty());
        assert_eq!(guest.plan(&*feature(), &example).unwrap(), []);
    }
}

#[test]
fn a_fresh_guest_gets_everything_in_an_order_that_can_work() {
    let steps = Trial::new().plan(&*feature(), &examples()[1]).unwrap();
    assert_eq!(
        verbs(&steps),
        [
            "install-packages",
            "write-settings",
            "write-rules",
            "restart-postgresql@16-main.service",
            "await-server",
            "make-role-app",
            "write-password-app",
            "set-password-app",
            "make-role-reader",
            "make-database-app",
        ]
    );
    for pair in steps.windows(2).skip(2) {
        let waits = pair[1].after.contains(&pair[0].id) || pair[1].id.verb() == "write-rules";
        assert!(waits, "`{}` does not wait for `{}`", pair[1].id, pair[0].id);
    }
}

#[test]
fn files_hold_what_the_configuration_says_byte_for_byte() {
    let (guest, _) = converged();
    let settings = "# Written by Phoenix.\nlisten_addresses = '*'\nport = '5432'\nmax_connections = '200'\nshared_buffers = '256MB'\n";
    assert_eq!(guest.text(SETTINGS), Some(settings));
    let rule = "# BEGIN phoenix postgresql\nhost \"app\" \"app\" 10.0.0.0/24 scram-sha-256\n# END phoenix postgresql\n";
    assert_eq!(guest.text(RULES), Some(rule));
    let mut guest = Trial::new();
    let odd = json!({ "settings": { "search_path": "it's \\ $(here) \u{e4}" } });
    guest.converge(&*feature(), &odd).unwrap();
    assert!(guest.text(SETTINGS).unwrap().contains("search_path = 'it''s \\\\ $(here) \u{e4}'\n"));
}

#[test]
fn the_packages_own_rules_stay_before_those_of_the_configuration() {
    let mut guest = Trial::new();
    guest.write(RULES, "local all postgres peer\n");
    guest.converge(&*feature(), &examples()[1]).unwrap();
    assert!(guest.text(RULES).unwrap().starts_with("local all postgres peer\n# BEGIN phoenix"));
}

#[test]
fn a_password_is_handed_over_by_reference_alone() {
    let steps = Trial::new().plan(&*feature(), &examples()[1]).unwrap();
    let set = steps.iter().find(|step| step.id.verb() == "set-password-app").unwrap();
    let Action::Run { stdin, argv, .. } = &set.action else { panic!("{set:?}") };
    assert_eq!(stdin, &Some(Content::Secret(SecretRef::Env("APP_DB_PASSWORD".to_owned()))));
    assert!(!argv.iter().any(|word| word.contains("APP_DB_PASSWORD")));
}

#[test]
fn what_somebody_broke_is_mended_and_nothing_else() {
    let (mut guest, config) = converged();
    guest.write(SETTINGS, "port = 1\n");
    let steps = guest.converge(&*feature(), &config).unwrap();
    assert_eq!(verbs(&steps), ["write-settings", "restart-postgresql@16-main.service", "await-server"]);

    let (mut guest, config) = converged();
    let silent = Evidence::Output { status: 2, stdout: String::new(), stderr: String::new() };
    guest.set(Probe::command(&guest.site().clone(), ["pg_isready", "-q", "-p", "5432"]), Some(silent));
    let stopped = Evidence::Unit { active: false, enabled: true, stale: [].into() };
    guest.set(Probe::unit(&guest.site().clone(), "postgresql@16-main.service"), Some(stopped));
    let steps = guest.converge(&*feature(), &config).unwrap();
    assert_eq!(verbs(&steps), ["start-postgresql@16-main.service", "await-server"]);
    assert_eq!(guest.plan(&*feature(), &config).unwrap(), []);

    let (mut guest, config) = converged();
    guest.set(Probe::package(&guest.site().clone(), "postgresql-16"), None);
    let steps = guest.converge(&*feature(), &config).unwrap();
    assert_eq!(verbs(&steps), ["install-packages", "restart-postgresql@16-main.service", "await-server"]);
    assert_eq!(guest.plan(&*feature(), &config).unwrap(), []);
}

#[test]
fn what_could_become_sql_or_a_second_line_is_a_finding_at_its_place() {
    for (config, path) in [
        (json!({ "roles": [{ "name": "a\"; DROP ROLE b" }] }), "/roles/0/name"),
        (json!({ "settings": { "port = 1\nfsync": "off" } }), "/settings"),
        (json!({ "settings": { "fsync": "off\nport = 1" } }), "/settings/fsync"),
        (json!({ "databases": [{ "name": "a'b", "owner": "a" }] }), "/databases/0/name"),
        (json!({ "allow": [{ "database": "a", "role": "a", "from": "all trust" }] }), "/allow/0/from"),
        (json!({ "port": 0 }), "/port"),
    ] {
        let findings = Trial::new().plan(&*feature(), &config).unwrap_err();
        let place = findings.0[0].place.clone().expect("a place");
        assert!(place.path.starts_with(path), "{config}: {findings} at {}", place.path);
    }
}
