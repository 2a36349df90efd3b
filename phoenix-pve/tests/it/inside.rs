//! Work inside guests: proofs, conditions, limits.

use std::time::Instant;

use phoenix_core::{
    Action, Backend, BackendError, Condition, ErrorKind, Evidence, Expect, GuestId, Phase, Probe, Site, Step,
    engine::Events,
};
use serde_json::json;

use crate::fake::Fake;

fn site() -> Site {
    Site::Guest(GuestId::lxc(950))
}

fn condition() -> Condition {
    let argv = vec!["nvidia-smi".to_owned()];
    Condition::new(Probe::Command { site: site(), argv }, Expect::Succeeds)
}

fn said(status: i32) -> Evidence {
    Evidence::Output { status, stdout: "no devices".to_owned(), stderr: String::new() }
}

async fn perform(fake: &Fake, action: Action) -> Result<(), BackendError> {
    let step = Step::new(&GuestId::lxc(950).resource(), "nvidia", "do", Phase::Provision, action, "test");
    fake.backend().perform(&step, &Events::silent()).await
}

#[tokio::test]
async fn a_command_is_done_only_when_its_proof_holds() {
    let run = Action::Run { site: site(), argv: vec!["install".to_owned()], stdin: None, proof: condition() };
    let fake = Fake::default();
    fake.state().said.push(said(0));
    perform(&fake, run.clone()).await.unwrap();
    assert_eq!(fake.writes(), ["POST act"]);
    fake.state().said.push(said(9));
    let error = perform(&fake, run).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Failed);
    assert_eq!(error.log, ["exit status 9", "no devices"]);
}

#[tokio::test]
async fn a_condition_is_waited_for() {
    let fake = Fake::default();
    fake.state().said.extend([said(0), said(9), Evidence::Unreachable { reason: "stopped".into() }]);
    perform(&fake, Action::Await { condition: condition(), timeout_s: 5 }).await.unwrap();
    assert_eq!(fake.state().calls.len(), 3);
}

#[tokio::test]
async fn a_condition_that_never_holds_ends_at_its_limit() {
    let fake = Fake::default();
    let begin = Instant::now();
    let error = perform(&fake, Action::Await { condition: condition(), timeout_s: 1 }).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert_eq!(error.log, ["it is not there"]);
    assert!((1..5).contains(&begin.elapsed().as_secs()));
}

#[tokio::test]
async fn a_guest_of_the_listing_can_be_waited_for() {
    let fake = Fake::default();
    fake.add(950, "lxc", json!({}));
    let guest = GuestId::lxc(950);
    let unlocked = Condition::new(Probe::Guests, Expect::Unlocked { guest });
    perform(&fake, Action::Await { condition: unlocked, timeout_s: 1 }).await.unwrap();
    fake.add(950, "lxc", json!({"lock": "backup"}));
    let unlocked = Condition::new(Probe::Guests, Expect::Unlocked { guest });
    assert!(perform(&fake, Action::Await { condition: unlocked, timeout_s: 1 }).await.is_err());
}
