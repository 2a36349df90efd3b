//! The bound: how fast a plan could be executed at best, given how long its steps take, what waits for what, and what
//! excludes what.

use std::{collections::BTreeMap, time::Duration};

use phoenix_core::{Demand, Plan, StepId};

/// What limits a plan.
pub(crate) struct Bound {
    /// The longest way through the plan.
    pub(crate) path: Duration,
    /// The lock that keeps busy the longest.
    pub(crate) lock: Duration,
    /// The name of that lock.
    pub(crate) name: String,
}

struct Load {
    capacity: u32,
    work: Duration,
    head: Duration,
    tail: Duration,
}

/// Returns the bound of a plan whose steps took so long.
pub(crate) fn bound(plan: &Plan, demands: &[Demand], took: &BTreeMap<StepId, Duration>) -> Bound {
    let took: Vec<Duration> =
        plan.steps.iter().map(|step| took.get(&step.id).copied().unwrap_or_default()).collect();
    let places: BTreeMap<&StepId, usize> =
        plan.steps.iter().enumerate().map(|(place, step)| (&step.id, place)).collect();
    // A plan's steps stand behind those that they wait for, so one pass each way is enough.
    let mut heads = vec![Duration::ZERO; took.len()];
    let mut tails = vec![Duration::ZERO; took.len()];
    for (own, step) in plan.steps.iter().enumerate() {
        for other in step.after.iter().filter_map(|id| places.get(id)) {
            heads[own] = heads[own].max(heads[*other] + took[*other]);
        }
    }
    for (own, step) in plan.steps.iter().enumerate().rev() {
        for other in step.after.iter().filter_map(|id| places.get(id)) {
            tails[*other] = tails[*other].max(tails[own] + took[own]);
        }
    }
    let path = (0..took.len()).map(|own| heads[own] + took[own] + tails[own]).max().unwrap_or_default();
    let mut loads: BTreeMap<&str, Load> = BTreeMap::new();
    for (own, demand) in demands.iter().enumerate() {
        for lock in &demand.locks {
            let load = loads.entry(&lock.name).or_insert(Load {
                capacity: lock.capacity.max(1),
                work: Duration::ZERO,
                head: Duration::MAX,
                tail: Duration::MAX,
            });
            load.work += took[own] * lock.units;
            load.head = load.head.min(heads[own]);
            load.tail = load.tail.min(tails[own]);
        }
    }
    // All work under a lock comes after the earliest that it can begin and before the least that must follow.
    let busiest =
        loads.into_iter().map(|(name, load)| (load.head + load.work / load.capacity + load.tail, name)).max();
    let (lock, name) =
        busiest.map_or((Duration::ZERO, String::new()), |(lock, name)| (lock, name.to_owned()));
    Bound { path, lock, name }
}

impl Bound {
    /// Returns the time below which no execution can get.
    pub(crate) fn total(&self) -> Duration {
        self.path.max(self.lock)
    }
}

#[cfg(test)]
mod tests {
    use phoenix_core::{Action, GuestId, Lock, Phase, Step};

    use super::*;

    #[test]
    fn the_bound_is_the_longest_path_or_the_busiest_lock() {
        let step = |vmid: u32| {
            let guest = GuestId::lxc(vmid);
            Step::new(&guest.resource(), "guest", "start", Phase::Power, Action::Start { guest }, "")
        };
        let first = step(101);
        let steps = vec![first.clone(), step(102).after(&first.id), step(103).after(&first.id)];
        let took = steps.iter().map(|step| (step.id.clone(), Duration::from_secs(2))).collect();
        let plan = Plan { steps, ..Plan::default() };
        let free = vec![Demand::default(); 3];
        assert_eq!(bound(&plan, &free, &took).total(), Duration::from_secs(4));
        let lock = Lock { name: "one".to_owned(), capacity: 1, units: 1 };
        let alone = Demand { locks: vec![lock], ..Demand::default() };
        let held = bound(&plan, &[Demand::default(), alone.clone(), alone], &took);
        assert_eq!((held.total(), held.name.as_str()), (Duration::from_secs(6), "one"));
    }
}
