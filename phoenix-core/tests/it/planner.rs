//! Planning: order, closures, claims, checks.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_core::{
    Action, Condition, Content, Desired, Diagnostics, Evidence, Expect, Facts, FeatureUse, GuestId, Phase,
    Plan, Probe, ResourceId, SecretRef, Site, Step,
    planner::{self, Intent, Request, Resolved},
};
use serde_json::json;

use crate::toy::{desired, registry, toy};

fn nothing() -> Facts {
    [(Probe::Guests, Evidence::Guests { rows: BTreeMap::new() })].into_iter().collect()
}

fn resolve(desired: &Desired) -> Result<Resolved, Diagnostics> {
    Resolved::new(&registry(), desired)
}

fn plan_all(desired: &Desired) -> Plan {
    let resolved = resolve(desired).unwrap_or_else(|found| panic!("{found}"));
    planner::plan(&resolved, &Request::converge_all(), &nothing()).unwrap_or_else(|found| panic!("{found}"))
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

fn id(vmid: u32) -> ResourceId {
    GuestId::lxc(vmid).resource()
}

fn code<T>(result: Result<T, Diagnostics>) -> String {
    match result {
        Ok(_) => "fine".to_owned(),
        Err(found) => {
            found.iter().map(|d| format!("{}: {}", d.code, d.message)).collect::<Vec<_>>().join("\n")
        }
    }
}

#[test]
fn a_clone_waits_for_its_source_and_a_dependent_only_starts_after_what_it_needs() {
    let plan = plan_all(&desired(&[
        (toy(100, None, &[]), vec![]),
        (toy(101, Some(100), &[]), vec![]),
        (toy(102, None, &[100]), vec![]),
    ]));
    let after = |step: &str| -> Vec<String> {
        let step = plan.steps.iter().find(|one| one.id.as_str() == step).expect("planned");
        step.after.iter().map(ToString::to_string).collect()
    };
    assert_eq!(after("lxc/101:guest:create"), ["lxc/100:guest:start"]);
    assert!(after("lxc/102:guest:create").is_empty(), "it can be made while the other one starts");
    assert_eq!(after("lxc/102:guest:start"), ["lxc/100:guest:start", "lxc/102:guest:create"]);
}

#[test]
fn features_follow_each_other_in_the_order_of_their_descriptors() {
    let features = vec![
        FeatureUse::new("motd", json!({"text": "a"})),
        FeatureUse::new("aaa-late", json!({"text": "b"})),
    ];
    let plan = plan_all(&desired(&[(toy(100, None, &[]), features)]));
    assert_eq!(
        ids(&plan),
        ["lxc/100:guest:create", "lxc/100:guest:start", "lxc/100:aaa-late:write", "lxc/100:motd:write"]
    );
    assert!(plan.steps[3].after.contains(&plan.steps[2].id));
}

#[test]
fn a_cycle_is_named_whole() {
    let found = resolve(&desired(&[
        (toy(100, Some(102), &[]), vec![]),
        (toy(101, None, &[100]), vec![]),
        (toy(102, None, &[101]), vec![]),
    ]));
    assert_eq!(code(found), "cycle: these require each other: `lxc/100` → `lxc/102` → `lxc/101` → `lxc/100`");
}

#[test]
fn everything_wrong_is_said_at_once() {
    let found = resolve(&desired(&[
        (toy(100, None, &[]), vec![FeatureUse::new("motd", json!({"text": "a", "memory": 4096}))]),
        (toy(103, Some(999), &[]), vec![]),
        (toy(101, None, &[]), vec![FeatureUse::new("nope", json!({}))]),
        (toy(102, None, &[]), vec![FeatureUse::new("motd", json!({"txt": "a"}))]),
    ]));
    let found = code(found);
    assert!(found.contains("unknown-requirement: `lxc/103` requires `lxc/999`"), "{found}");
    assert!(found.contains("too-small: `motd` needs 4096 MiB"), "{found}");
    assert!(found.contains("unknown-feature: `lxc/101` asks for the feature `nope`"), "{found}");
    assert!(found.contains("feature-config: feature `motd`: unknown field `txt`"), "{found}");
}

#[test]
fn a_dangling_requirement_is_an_error() {
    let found = code(resolve(&desired(&[(toy(100, Some(999), &[]), vec![])])));
    assert_eq!(found, "unknown-requirement: `lxc/100` requires `lxc/999`, which is not declared");
}

#[test]
fn a_target_brings_what_it_requires_and_nothing_else() {
    let resolved = resolve(&desired(&[
        (toy(100, None, &[]), vec![]),
        (toy(101, Some(100), &[]), vec![]),
        (toy(102, None, &[101]), vec![]),
        (toy(103, None, &[]), vec![]),
    ]))
    .unwrap_or_else(|found| panic!("{found}"));
    let request = Request::new([id(101)], Intent::Converge);
    assert_eq!(request.scope(&resolved).expect("known"), BTreeSet::from([id(100), id(101)]));
    assert_eq!(
        resolved.with_dependents(&BTreeSet::from([id(100)])),
        BTreeSet::from([id(100), id(101), id(102)])
    );
    let unknown = Request::new([id(555)], Intent::Converge);
    assert_eq!(code(unknown.scope(&resolved)), "unknown-resource: `lxc/555` is not in the configuration");
}

#[test]
fn removal_goes_from_the_top_down() {
    let toys = desired(&[(toy(100, None, &[]), vec![]), (toy(101, Some(100), &[]), vec![])]);
    let resolved = resolve(&toys).unwrap_or_else(|found| panic!("{found}"));
    let mut facts = nothing();
    let rows = [100, 101].map(|vmid| {
        let row = phoenix_core::evidence::GuestRow {
            guest: GuestId::lxc(vmid),
            node: "n".into(),
            name: None,
            running: false,
            template: false,
            lock: None,
            tags: BTreeSet::new(),
            task: None,
        };
        (phoenix_core::Vmid(vmid), row)
    });
    facts.insert(Probe::Guests, Evidence::Guests { rows: rows.into_iter().collect() });
    let request = Request::new([id(100), id(101)], Intent::Remove);
    let plan = planner::plan(&resolved, &request, &facts).unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(ids(&plan), ["lxc/101:guest:delete", "lxc/100:guest:delete"]);
}

fn write(vmid: u32, verb: &str, path: &str) -> Step {
    let guest = GuestId::lxc(vmid);
    let action = Action::RemoveFile { site: phoenix_core::Site::Guest(guest), path: path.to_owned() };
    Step::new(&guest.resource(), "toy", verb, Phase::Provision, action, "")
}

fn codes(steps: Vec<Step>) -> Vec<String> {
    planner::check(&Plan { steps, ..Plan::default() }).iter().map(|d| d.code.to_string()).collect()
}

#[test]
fn two_writers_of_one_file_must_be_ordered() {
    let (one, other) = (write(100, "one", "/etc/x"), write(100, "other", "/etc/x"));
    assert_eq!(codes(vec![one.clone(), other.clone()]), ["two-writers"]);
    assert!(codes(vec![one.clone(), other.after(&one.id)]).is_empty());
    assert!(codes(vec![write(100, "one", "/etc/x"), write(101, "one", "/etc/x")]).is_empty());
}

#[test]
fn a_step_may_not_work_outside_its_own_resource_or_carry_a_secret() {
    let mut step = write(100, "one", "/etc/x");
    step.resource = id(101);
    assert_eq!(codes(vec![step]), ["foreign-site"]);
    let guest = GuestId::vm(100);
    let action = Action::Configure {
        guest,
        set: BTreeMap::from([("cipassword".to_owned(), "hunter2".to_owned())]),
        delete: BTreeSet::new(),
        digest: None,
    };
    let found = codes(vec![Step::new(&guest.resource(), "guest", "configure", Phase::Configure, action, "")]);
    assert_eq!(found, ["secret-in-plan"]);
    // What a command is told to answer it may stand in its process, and at another site.
    let site = Site::Guest(GuestId::lxc(103));
    let told = |input: Content| {
        let stdin = Some(Content::answer(&site, ["sign"]).to(Content::answer(&site, ["cat"]).to(input)));
        let proof = Condition::new(Probe::file(&site, "/"), Expect::Present);
        let action = Action::Run { site: site.clone(), argv: vec!["cat".to_owned()], stdin, proof };
        Step::new(&id(103), "toy", "run", Phase::Provision, action, "")
    };
    let secret = Content::Secret(SecretRef::Env("KEY".to_owned()));
    assert_eq!(codes(vec![told(secret)]), ["secret-in-plan"]);
    assert!(codes(vec![told(Content::Text("plain".to_owned()))]).is_empty());
}

#[test]
fn a_guest_that_is_not_declared_any_more_is_told_of_and_left_alone() {
    let resolved =
        resolve(&desired(&[(toy(100, None, &[]), vec![])])).unwrap_or_else(|found| panic!("{found}"));
    let row = |vmid, tags: &[&str]| {
        let row = phoenix_core::evidence::GuestRow {
            guest: GuestId::lxc(vmid),
            node: "n".into(),
            name: Some("old".into()),
            running: true,
            template: false,
            lock: None,
            tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
            task: None,
        };
        (phoenix_core::Vmid(vmid), row)
    };
    let rows = [row(100, &["phoenix"]), row(101, &["phoenix"]), row(102, &["web"])].into_iter().collect();
    let facts: Facts = [(Probe::Guests, Evidence::Guests { rows })].into_iter().collect();
    let plan =
        planner::plan(&resolved, &Request::converge_all(), &facts).unwrap_or_else(|found| panic!("{found}"));
    assert!(plan.is_empty());
    let said: Vec<_> = plan.notes.iter().map(|note| note.message.as_str()).collect();
    assert_eq!(said, ["`lxc/101` (`old`) carries Phoenix's tag and is not in the configuration"]);
}

#[test]
fn nobody_can_have_more_of_a_graphics_card_than_there_is() {
    let share =
        |gpu: u32, percent: u32| vec![FeatureUse::new("motd", json!({"text": "a", "gpu": [gpu, percent]}))];
    let with = |third: Vec<FeatureUse>| {
        desired(&[
            (toy(100, None, &[]), share(0, 60)),
            (toy(101, None, &[]), share(1, 90)),
            (toy(102, None, &[]), third),
        ])
    };
    assert!(resolve(&with(share(0, 40))).is_ok());
    assert_eq!(
        code(resolve(&with(share(0, 41)))),
        "gpu-memory: 101 % of the memory of GPU 0 are taken: `lxc/100` 60 %, `lxc/102` 41 %"
    );
}
