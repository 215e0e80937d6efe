//! Which workloads belong on the fleet at all, each having somewhere else to go: what is cheapest in sum.
//!
//! A workload on the fleet makes it dearer by less than its size suggests where it fills gaps, and by more where it
//! opens an instance of its own, so the question is asked of all of them together: from several answers, single
//! workloads change sides as long as that lowers the sum.

use super::input::{Effort, InstanceType, Rules, Tenant};
use super::plan::{FleetPlan, Reason, Unpackable, check, plan};
use super::problem::Problem;
use super::search;
use crate::model::units::{Usd, Window};

/// Sums are told apart from here, as a share.
const DIFFERENT: f64 = 1e-9;
/// A fleet that is only compared with others is searched with this part of the effort.
const TRIAL: u64 = 10;
/// Among so many workloads that have a choice, every way is tried.
const FEW: usize = 6;

/// A workload that could be on the fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What it would bring.
    pub tenant: Tenant,
    /// The least it costs elsewhere in the same window; `None` where it can run nowhere else.
    pub elsewhere: Option<Usd>,
}

/// Who is on the fleet, and what that makes in sum.
#[derive(Debug, Clone, PartialEq)]
pub struct JointPlan {
    /// Whether each workload is on the fleet, in their order.
    pub on_fleet: Vec<bool>,
    /// The fleet; `None` where nobody is on it. Its shares are those of the workloads on it, in their order.
    pub fleet: Option<FleetPlan>,
    /// The fleet and what the others cost elsewhere.
    pub total: Usd,
    /// The same with all workloads on the fleet.
    pub all_on_fleet: Option<Usd>,
    /// The same with all workloads elsewhere; `None` where one can run nowhere else.
    pub all_elsewhere: Option<Usd>,
    /// How much more it would be in sum if this one workload changed sides; `None` where that cannot be or was not tried.
    pub if_changed: Vec<Option<Usd>>,
}

/// Decides who is on the fleet: never dearer in sum than everyone on it, everyone elsewhere, or each by its share.
///
/// # Errors
/// As [`super::plan`], where a workload that can run nowhere else cannot be packed either.
pub fn decide(
    candidates: &[Candidate],
    types: &[InstanceType],
    rules: &Rules,
    window: Window,
) -> Result<JointPlan, Unpackable> {
    let trial_rules = Rules {
        effort: Effort {
            steps: rules.effort.steps / TRIAL,
        },
        ..rules.clone()
    };
    let mut joint = Joint {
        candidates,
        types,
        rules: &trial_rules,
        window,
        left: rules.effort.steps,
    };
    let everyone = vec![true; candidates.len()];
    let all_on_fleet = joint.total(&everyone);
    let Some((total, on)) = joint.start(all_on_fleet) else {
        return Err(joint.why_not(rules));
    };
    let (total, on, if_changed) = joint.improve(total, on);
    joint.described(rules, total, on, if_changed, all_on_fleet)
}

struct Joint<'a> {
    candidates: &'a [Candidate],
    types: &'a [InstanceType],
    rules: &'a Rules,
    window: Window,
    left: u64,
}

impl Joint<'_> {
    fn tenants(&self, on: &[bool]) -> Vec<Tenant> {
        let chosen = self.candidates.iter().zip(on).filter(|(_, on)| **on);
        chosen
            .map(|(candidate, _)| candidate.tenant.clone())
            .collect()
    }

    /// What those who are not on the fleet cost; `None` where one of them can run nowhere else.
    fn elsewhere(&self, on: &[bool]) -> Option<Usd> {
        let off = self.candidates.iter().zip(on).filter(|(_, on)| !**on);
        off.map(|(candidate, _)| candidate.elsewhere).sum()
    }

    /// The sum with these on the fleet.
    fn total(&mut self, on: &[bool]) -> Option<Usd> {
        let elsewhere = self.elsewhere(on)?;
        if !on.contains(&true) {
            return Some(elsewhere);
        }
        let tenants = self.tenants(on);
        match Problem::new(&tenants, self.types, self.rules, self.window) {
            Ok(problem) => {
                let found = search::modelled(&problem, self.rules.effort.steps / 2);
                self.left = self.left.saturating_sub(found.steps + 1000);
                check(&problem, &found.fleet).ok()?;
                Some(elsewhere + found.fleet.cost(self.types))
            }
            Err(unpackable) if unpackable.reason == Reason::NothingRan => Some(elsewhere),
            Err(_) => None,
        }
    }

    /// The best of the simple answers: everyone on the fleet, everyone elsewhere, each by its share; among few
    /// workloads, of all answers.
    fn start(&mut self, all_on_fleet: Option<Usd>) -> Option<(Usd, Vec<bool>)> {
        let everyone = vec![true; self.candidates.len()];
        let nobody: Vec<bool> = self
            .candidates
            .iter()
            .map(|candidate| candidate.elsewhere.is_none())
            .collect();
        let all_elsewhere = self.total(&nobody);
        let mut best = [(all_on_fleet, everyone.clone()), (all_elsewhere, nobody)]
            .into_iter()
            .filter_map(|(total, on)| Some((total?, on)))
            .min_by_key(|(total, _)| *total);
        let by_shares = self.by_shares(&everyone);
        for (tried, on) in by_shares.into_iter().chain(self.every_way()).enumerate() {
            if tried > 0 && self.left == 0 {
                break;
            }
            if let Some(total) = self.total(&on)
                && best.as_ref().is_none_or(|(least, _)| total < *least)
            {
                best = Some((total, on));
            }
        }
        best
    }

    /// Nothing was found: the reason is that of those who can run nowhere else.
    fn why_not(&self, rules: &Rules) -> Unpackable {
        let bound: Vec<Tenant> = self
            .candidates
            .iter()
            .filter(|candidate| candidate.elsewhere.is_none())
            .map(|candidate| candidate.tenant.clone())
            .collect();
        plan(&bound, self.types, rules, self.window)
            .err()
            .unwrap_or(Unpackable::because(Reason::NothingRan))
    }

    /// Each by its share: whoever is cheaper elsewhere leaves, and again, until nobody wants to.
    fn by_shares(&mut self, everyone: &[bool]) -> Vec<Vec<bool>> {
        let mut found = Vec::new();
        let mut on = everyone.to_vec();
        while on.contains(&true) && (found.is_empty() || self.left > 0) {
            let Ok(planned) = plan(&self.tenants(&on), self.types, self.rules, self.window) else {
                break;
            };
            self.left = self.left.saturating_sub(self.rules.effort.steps.max(1) * 2);
            let mut shares = planned.shares.iter();
            let mut next = on.clone();
            for (at, candidate) in self.candidates.iter().enumerate().filter(|(at, _)| on[*at]) {
                let Some(share) = shares.next() else { break };
                next[at] = candidate
                    .elsewhere
                    .is_none_or(|elsewhere| share.cost() < elsewhere);
            }
            if next == on {
                break;
            }
            found.push(next.clone());
            on = next;
        }
        found
    }

    /// Every way to divide the workloads that have a choice, where these are few and effort is left.
    fn every_way(&self) -> Vec<Vec<bool>> {
        let movable: Vec<usize> = (0..self.candidates.len())
            .filter(|&at| self.candidates[at].elsewhere.is_some())
            .collect();
        if movable.len() > FEW || self.left == 0 {
            return Vec::new();
        }
        let way = |choice: u32| {
            let mut on = vec![true; self.candidates.len()];
            for (bit, &at) in movable.iter().enumerate() {
                on[at] = choice >> bit & 1 == 1;
            }
            on
        };
        (0..1 << movable.len()).map(way).collect()
    }

    /// Lets one workload after another change sides, those with most at stake first, as long as effort is left.
    fn improve(&mut self, mut total: Usd, mut on: Vec<bool>) -> (Usd, Vec<bool>, Vec<Option<Usd>>) {
        let count = on.len();
        let mut order: Vec<usize> = (0..count)
            .filter(|&at| self.candidates[at].elsewhere.is_some())
            .collect();
        order.sort_by_key(|&at| (std::cmp::Reverse(self.candidates[at].elsewhere), at));
        let mut if_changed = vec![None; count];
        let mut unchanged = 0;
        for &at in order.iter().cycle() {
            if unchanged >= order.len() || self.left == 0 {
                break;
            }
            unchanged += 1;
            on[at] = !on[at];
            let changed = self.total(&on);
            match changed {
                Some(changed) if changed.as_f64() < total.as_f64() * (1.0 - DIFFERENT) => {
                    total = changed;
                    if_changed = vec![None; count];
                    unchanged = 0;
                }
                _ => {
                    on[at] = !on[at];
                    if_changed[at] = changed.map(|changed| changed - total);
                }
            }
        }
        (total, on, if_changed)
    }

    fn described(
        &self,
        rules: &Rules,
        total: Usd,
        on: Vec<bool>,
        if_changed: Vec<Option<Usd>>,
        all_on_fleet: Option<Usd>,
    ) -> Result<JointPlan, Unpackable> {
        let elsewhere = self.elsewhere(&on).unwrap_or(Usd::ZERO);
        let cost = |planned: &Option<FleetPlan>| {
            elsewhere
                + planned
                    .as_ref()
                    .map_or(Usd::ZERO, |planned| planned.modelled)
        };
        let mut planned = self.planned(rules, &on)?;
        if cost(&planned) > total {
            planned = self.planned(self.rules, &on)?;
        }
        self.tell_marginal(&mut planned, &on, &if_changed);
        Ok(JointPlan {
            all_elsewhere: self.elsewhere(&vec![false; on.len()]),
            on_fleet: on,
            total: cost(&planned),
            fleet: planned,
            all_on_fleet,
            if_changed,
        })
    }

    /// What each workload on the fleet makes it cost more: what it would cost elsewhere, less what leaving would add.
    fn tell_marginal(
        &self,
        planned: &mut Option<FleetPlan>,
        on: &[bool],
        if_changed: &[Option<Usd>],
    ) {
        let shares = planned.iter_mut().flat_map(|planned| &mut planned.shares);
        let on = (0..on.len()).filter(|&at| on[at]);
        for (share, at) in shares.zip(on) {
            let leaving = self.candidates[at].elsewhere.zip(if_changed[at]);
            share.marginal = leaving.map(|(elsewhere, more)| elsewhere - more);
        }
    }

    /// The fleet of those who are on it; `None` where none of them ran.
    fn planned(&self, rules: &Rules, on: &[bool]) -> Result<Option<FleetPlan>, Unpackable> {
        if !on.contains(&true) {
            return Ok(None);
        }
        match plan(&self.tenants(on), self.types, rules, self.window) {
            Ok(planned) => Ok(Some(planned)),
            Err(unpackable) if unpackable.reason == Reason::NothingRan => Ok(None),
            Err(unpackable) => Err(unpackable),
        }
    }
}
