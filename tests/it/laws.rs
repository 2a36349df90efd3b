//! The laws on fixed and made-up labs.

use phoenix_tests::{
    lab::{Lab, base_setup, cloned, container, machine, template},
    laws,
    strategy::labs,
    way::Way,
};
use proptest::prelude::*;
use serde_json::json;

use crate::{block_on, on_each_way, on_the_real_way};

#[test]
fn laws_hold_for_a_single_container() {
    on_each_way(async |way| laws::check_all(way, &Lab::new().with("lxc", container(100), vec![])).await);
}

#[test]
fn laws_hold_for_a_single_machine() {
    on_each_way(async |way| {
        laws::check_all(way, &Lab::new().with("vm", machine(100), vec![])).await;
    });
}

#[test]
fn laws_hold_for_base_setup() {
    let config = json!({
        "timezone": "America/New_York",
        "packages": ["curl", "git", "locales"],
        "users": [{"name": "phoenix_admin", "sudo": true, "ssh_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 a@b"]}],
    });
    let lab = Lab::new().with("lxc", container(100), vec![base_setup(config.clone())]).with(
        "vm",
        machine(101),
        vec![base_setup(config)],
    );
    on_each_way(async |way| laws::check_all(way, &lab).await);
}

#[test]
fn laws_hold_for_a_hierarchy_of_templates() {
    let lab = Lab::new()
        .with("lxc", template(container(900)), vec![base_setup(json!({"locale": "C.UTF-8"}))])
        .with("lxc", template(cloned(container(901), 900, "full")), vec![])
        .with("lxc", cloned(container(101), 901, "linked"), vec![])
        .with("lxc", cloned(container(102), 900, "full"), vec![])
        .with("vm", template(machine(9000)), vec![])
        .with(
            "vm",
            cloned(machine(1001), 9000, "linked"),
            vec![base_setup(json!({"locale": "C.UTF-8", "packages": ["jq"]}))],
        );
    on_each_way(async |way| laws::check_all(way, &lab).await);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn laws_hold_for_made_up_labs(lab in labs(6)) {
        block_on(async {
            let expected = laws::plan_is_empty_after_execution(Way::InProcess, &lab).await;
            laws::permuted_input_gives_the_same_plan(Way::InProcess, &lab).await;
            laws::repeats_are_harmless(Way::InProcess, &lab, &expected).await;
            laws::the_most_hostile_legal_order_works(Way::InProcess, &lab, &expected).await;
            laws::plans_and_facts_survive_json(Way::InProcess, &lab, &expected).await;
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn laws_hold_for_made_up_labs_over_https(lab in labs(4)) {
        Way::Https.block_on(async {
            let expected = laws::plan_is_empty_after_execution(Way::Https, &lab).await;
            laws::repeats_are_harmless(Way::Https, &lab, &expected).await;
            laws::the_most_hostile_legal_order_works(Way::Https, &lab, &expected).await;
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn failures_heal_in_made_up_labs(lab in labs(3)) {
        block_on(async {
            let expected = laws::plan_is_empty_after_execution(Way::InProcess, &lab).await;
            laws::failure_at_each_step_then_again_ends_in_the_same_world(Way::InProcess, &lab, &expected).await;
        });
    }
}

proptest! {
    // Each case takes half a minute, so it is not made smaller: the lab that fails is shown as it is.
    #![proptest_config(ProptestConfig {
        cases: 1, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn laws_hold_for_made_up_labs_that_are_real(lab in labs(2)) {
        on_the_real_way(async |way| {
            let expected = laws::plan_is_empty_after_execution(way, &lab).await;
            laws::repeats_are_harmless(way, &lab, &expected).await;
            laws::the_most_hostile_legal_order_works(way, &lab, &expected).await;
        });
    }
}
