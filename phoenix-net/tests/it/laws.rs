//! The laws on made-up lists of rules.

use phoenix_core::firewall::Rule;
use phoenix_net::FirewallSpec;
use proptest::prelude::*;

use crate::pve::{Pve, rule, spec};

/// Returns a rule in words; few enough that the same comes more than once.
fn words() -> impl Strategy<Value = String> {
    let action = prop::sample::select(vec!["ACCEPT", "ACCEPT", "ACCEPT", "DROP", "REJECT"]);
    let more = prop::sample::select(vec![
        "",
        " dport=22",
        " dport=443",
        " dport=443 source=10.0.0.0/24",
        " source=10.1.0.0/16",
        " comment=x",
        " dport=53 proto=udp",
        " enable=0",
        " macro=SSH",
    ]);
    (prop::sample::select(vec!["in", "out"]), action, more)
        .prop_map(|(direction, action, more)| format!("{direction} {action}{more}"))
}

fn lists(most: usize) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(words(), 0..most)
}

fn of(words: &[String]) -> FirewallSpec {
    spec(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

fn rules(words: &[String]) -> Vec<Rule> {
    words.iter().map(|text| rule(text)).collect()
}

/// Puts rules of others between those that are there.
fn mix(pve: &mut Pve, others: &[(usize, String)]) {
    for (at, text) in others {
        let at = at % (pve.state.rules.len() + 1);
        pve.state.rules.insert(at, rule(text));
    }
}

/// Returns how many of a permutation must move at least.
fn least_moves(order: &[usize]) -> usize {
    let mut ends: Vec<usize> = Vec::new();
    for number in order {
        let at = ends.partition_point(|end| end < number);
        ends.truncate(ends.len().max(at));
        match ends.get_mut(at) {
            Some(end) => *end = *number,
            None => ends.push(*number),
        }
    }
    order.len() - ends.len()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_brings_the_rules_about_leaves_nothing_to_do_and_others_alone(
        first in lists(8),
        second in lists(8),
        others in prop::collection::vec((0..12usize, words()), 0..4),
    ) {
        let mut pve = Pve::default();
        pve.apply(&pve.plan(&of(&first)).expect("a plan"));
        prop_assert_eq!(pve.own(), rules(&first));
        mix(&mut pve, &others);
        let before = pve.others();
        pve.apply(&pve.plan(&of(&second)).expect("a plan"));
        prop_assert_eq!(pve.own(), rules(&second));
        prop_assert_eq!(pve.others(), before);
        prop_assert_eq!(pve.plan(&of(&second)).expect("a plan").steps, []);
    }

    #[test]
    fn an_abandoned_plan_is_finished_by_the_next(
        first in lists(6),
        second in lists(6),
        cut in 0..12usize,
    ) {
        let mut pve = Pve::default();
        pve.apply(&pve.plan(&of(&first)).expect("a plan"));
        let mut planned = pve.plan(&of(&second)).expect("a plan");
        planned.steps.truncate(cut);
        pve.apply(&planned);
        pve.apply(&pve.plan(&of(&second)).expect("a plan"));
        prop_assert_eq!(pve.own(), rules(&second));
        prop_assert_eq!(pve.plan(&of(&second)).expect("a plan").steps, []);
    }

    #[test]
    fn another_order_costs_the_fewest_moves_and_nothing_else(order in Just((0..7usize).collect::<Vec<_>>()).prop_shuffle()) {
        let words: Vec<String> = (0..7).map(|port| format!("in ACCEPT dport={}", 100 + port)).collect();
        let mut pve = Pve::default();
        pve.apply(&pve.plan(&of(&words)).expect("a plan"));
        mix(&mut pve, &[(2, "in DROP".to_owned()), (5, "out DROP".to_owned())]);
        pve.writes = 0;
        let shuffled: Vec<String> = order.iter().map(|at| words[*at].clone()).collect();
        let planned = pve.plan(&of(&shuffled)).expect("a plan");
        prop_assert!(Pve::verbs(&planned).iter().all(|verb| verb.starts_with("move-")));
        pve.apply(&planned);
        prop_assert_eq!(pve.own(), rules(&shuffled));
        prop_assert_eq!(pve.writes, least_moves(&order));
    }
}
