//! The schedule: which step may begin next. A step is ready when all that it waits for is done; of the ready ones
//! the one with the longest way to the end goes first; and it begins if the locks that it demands are free. What is
//! locked by what is the backend's data. The schedule does nothing by itself.

use std::{
    collections::{BTreeMap, BinaryHeap},
    time::Duration,
};

use crate::{id::StepId, plan::Plan, port::Demand};

/// Which step may begin next.
pub(crate) struct Schedule {
    dependents: Vec<Vec<usize>>,
    waiting: Vec<usize>,
    /// For each step: the locks that it takes, as (lock, units).
    demands: Vec<Vec<(usize, u32)>>,
    /// For each step: how long the longest chain from its begin to the end is.
    ways: Vec<Duration>,
    locks: Vec<LockState>,
    /// Ready, and not yet held against the locks.
    candidates: BinaryHeap<Candidate>,
    /// Locks of which units came free since the parked ones were last looked at.
    freed: Vec<usize>,
}

struct LockState {
    free: u32,
    parked: BinaryHeap<Candidate>,
}

/// A ready step. The longest way is the greatest; the earlier step wins a tie, so that runs are alike.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    way: Duration,
    early: std::cmp::Reverse<usize>,
}

impl Schedule {
    /// Returns the schedule of a plan, given what each of its steps demands.
    pub(crate) fn new(plan: &Plan, demands: &[Demand]) -> Self {
        let index: BTreeMap<&StepId, usize> =
            plan.steps.iter().enumerate().map(|(i, step)| (&step.id, i)).collect();
        let mut dependents = vec![Vec::new(); plan.steps.len()];
        let mut waiting = vec![0; plan.steps.len()];
        for (own, step) in plan.steps.iter().enumerate() {
            for other in step.after.iter().filter_map(|after| index.get(after)) {
                dependents[*other].push(own);
                waiting[own] += 1;
            }
        }
        let mut ways = vec![Duration::ZERO; plan.steps.len()];
        // Steps stand behind those that they wait for, so the last ones' ways are known first.
        for own in (0..plan.steps.len()).rev() {
            let rest = dependents[own].iter().map(|&other| ways[other]).max().unwrap_or_default();
            ways[own] = demands[own].estimate + rest;
        }
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        let mut locks: Vec<LockState> = Vec::new();
        let mut taken = Vec::with_capacity(demands.len());
        for demand in demands {
            let mut own: Vec<(usize, u32)> = Vec::with_capacity(demand.locks.len());
            for lock in &demand.locks {
                let id = *names.entry(&lock.name).or_insert_with(|| {
                    locks.push(LockState { free: lock.capacity.max(1), parked: BinaryHeap::new() });
                    locks.len() - 1
                });
                // More than there is would wait for ever: it then means all there is.
                own.push((id, lock.units.clamp(1, lock.capacity.max(1))));
            }
            taken.push(own);
        }
        let mut schedule = Self {
            dependents,
            waiting,
            demands: taken,
            ways,
            locks,
            candidates: BinaryHeap::new(),
            freed: Vec::new(),
        };
        for step in (0..plan.steps.len()).filter(|&step| schedule.waiting[step] == 0).collect::<Vec<_>>() {
            schedule.offer(step);
        }
        schedule
    }

    /// Returns the next step that may begin, and takes its locks for it.
    pub(crate) fn begin(&mut self) -> Option<usize> {
        loop {
            while let Some(candidate) = self.candidates.pop() {
                let step = candidate.early.0;
                let blocking =
                    self.demands[step].iter().find(|&&(lock, units)| self.locks[lock].free < units);
                match blocking {
                    Some(&(lock, _)) => self.locks[lock].parked.push(candidate),
                    None => {
                        for &(lock, units) in &self.demands[step] {
                            self.locks[lock].free -= units;
                        }
                        return Some(step);
                    }
                }
            }
            self.unpark()?;
        }
    }

    /// Gives a step's locks back, and makes ready those that only waited for it.
    pub(crate) fn finish(&mut self, step: usize) {
        self.release(step);
        for other in std::mem::take(&mut self.dependents[step]) {
            self.waiting[other] -= 1;
            if self.waiting[other] == 0 {
                self.offer(other);
            }
        }
    }

    /// Gives a step's locks back, and returns every step that now cannot be done, each with the step it waited for.
    pub(crate) fn fail(&mut self, step: usize) -> Vec<(usize, usize)> {
        self.release(step);
        let mut skipped = Vec::new();
        let mut left = vec![step];
        while let Some(cause) = left.pop() {
            for other in std::mem::take(&mut self.dependents[cause]) {
                // Never ready again: it can be skipped only once, whoever else it waits for.
                if self.waiting[other] != usize::MAX {
                    self.waiting[other] = usize::MAX;
                    skipped.push((other, step));
                    left.push(other);
                }
            }
        }
        skipped
    }

    fn offer(&mut self, step: usize) {
        self.candidates.push(Candidate { way: self.ways[step], early: std::cmp::Reverse(step) });
    }

    fn release(&mut self, step: usize) {
        for &(lock, units) in &self.demands[step] {
            self.locks[lock].free += units;
            self.freed.push(lock);
        }
    }

    /// Makes the first of those parked at a freed lock a candidate again. One at a time: it may be held up by
    /// another lock, and then the next one of this lock must get its chance.
    fn unpark(&mut self) -> Option<()> {
        while let Some(&lock) = self.freed.last() {
            let state = &mut self.locks[lock];
            if state.free > 0
                && let Some(candidate) = state.parked.pop()
            {
                self.candidates.push(candidate);
                // If it asks this very lock for more than is free it would be parked here again, without end.
                let units = self.demands[candidate.early.0]
                    .iter()
                    .find(|&&(own, _)| own == lock)
                    .map_or(0, |&(_, units)| units);
                if units > state.free {
                    self.freed.pop();
                }
                return Some(());
            }
            self.freed.pop();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, GuestId, Lock, Phase, Step};

    fn step(vmid: u32, after: &[u32]) -> Step {
        let guest = GuestId::lxc(vmid);
        let id = |vmid: u32| StepId::new(&GuestId::lxc(vmid).resource(), "guest", "start");
        let mut step =
            Step::new(&guest.resource(), "guest", "start", Phase::Power, Action::Start { guest }, "");
        step.after = after.iter().map(|&vmid| id(vmid)).collect();
        step
    }

    fn demand(locks: &[(&str, u32, u32)], millis: u64) -> Demand {
        let lock = |&(name, capacity, units): &(&str, u32, u32)| Lock { name: name.into(), capacity, units };
        Demand { locks: locks.iter().map(lock).collect(), estimate: Duration::from_millis(millis) }
    }

    fn plan(steps: Vec<Step>) -> Plan {
        Plan { steps, ..Plan::default() }
    }

    #[test]
    fn an_exclusive_lock_lets_one_step_run_at_a_time() {
        let plan = plan(vec![step(101, &[]), step(102, &[])]);
        let mut schedule =
            Schedule::new(&plan, &[demand(&[("source", 1, 1)], 1), demand(&[("source", 1, 1)], 1)]);
        assert_eq!(schedule.begin(), Some(0));
        assert_eq!(schedule.begin(), None);
        schedule.finish(0);
        assert_eq!(schedule.begin(), Some(1));
    }

    #[test]
    fn sharers_run_together_and_keep_an_exclusive_holder_out() {
        let plan = plan(vec![step(101, &[]), step(102, &[]), step(103, &[])]);
        let shared = demand(&[("source", 9, 1)], 2);
        let mut schedule = Schedule::new(&plan, &[shared.clone(), shared, demand(&[("source", 9, 9)], 1)]);
        assert_eq!((schedule.begin(), schedule.begin(), schedule.begin()), (Some(0), Some(1), None));
        schedule.finish(0);
        assert_eq!(schedule.begin(), None);
        schedule.finish(1);
        assert_eq!(schedule.begin(), Some(2));
    }

    #[test]
    fn the_step_with_the_longest_way_to_the_end_goes_first() {
        let plan = plan(vec![step(101, &[]), step(102, &[]), step(103, &[102])]);
        let one = [("node", 1, 1)];
        let mut schedule = Schedule::new(&plan, &[demand(&one, 5), demand(&one, 2), demand(&one, 9)]);
        assert_eq!(schedule.begin(), Some(1));
        schedule.finish(1);
        assert_eq!(schedule.begin(), Some(2));
    }

    #[test]
    fn a_step_parked_at_a_second_lock_does_not_hold_up_those_behind_it() {
        let plan = plan(vec![step(101, &[]), step(102, &[]), step(103, &[]), step(104, &[])]);
        let mut schedule = Schedule::new(
            &plan,
            &[
                demand(&[("a", 1, 1)], 9),
                demand(&[("b", 1, 1)], 9),
                demand(&[("a", 1, 1), ("b", 1, 1)], 5),
                demand(&[("a", 1, 1)], 1),
            ],
        );
        assert_eq!((schedule.begin(), schedule.begin(), schedule.begin()), (Some(0), Some(1), None));
        schedule.finish(0);
        assert_eq!(schedule.begin(), Some(3), "the third still waits for b, the fourth needs only a");
    }

    #[test]
    fn what_waits_for_a_failed_step_is_skipped_once_with_its_root_cause() {
        let plan = plan(vec![step(101, &[]), step(102, &[101]), step(103, &[101, 102]), step(104, &[])]);
        let mut schedule = Schedule::new(&plan, &vec![Demand::default(); 4]);
        assert_eq!(schedule.begin(), Some(0));
        let mut skipped = schedule.fail(0);
        skipped.sort_unstable();
        assert_eq!(skipped, [(1, 0), (2, 0)]);
        assert_eq!((schedule.begin(), schedule.begin()), (Some(3), None));
    }
}
