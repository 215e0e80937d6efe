//! Which workloads belong on the fleet at all, each having somewhere else to go: what is cheapest in sum.
//!
//! A workload on the fleet makes it dearer by less than its size suggests where it fills gaps, and by more where it
//! opens an instance of its own, so the question is asked of all of them together: from several answers, single
//! workloads change sides as long as that lowers the sum.

use super::input::{Effort, InstanceType, Rules, Tenant};
use super::plan::{FleetPlan, Problem, Reason, Unpackable, check, plan};
use super::search;
use crate::model::units::{Usd, Window};

/// Sums are told apart from here, as a share.
const DIFFERENT: f64 = 1e-9;
/// A fleet that is only compared with others is searched with this part of the effort.
const TRIAL: u64 = 10;

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
    let nobody: Vec<bool> = candidates
        .iter()
        .map(|candidate| candidate.elsewhere.is_none())
        .collect();
    let all_on_fleet = joint.total(&everyone);
    let elsewhere = joint.total(&nobody);
    let mut best = [(all_on_fleet, everyone.clone()), (elsewhere, nobody)]
        .into_iter()
        .filter_map(|(total, on)| Some((total?, on)))
        .min_by_key(|(total, _)| *total);
    for on in joint.by_shares(&everyone) {
        if let Some(total) = joint.total(&on)
            && best.as_ref().is_none_or(|(least, _)| total < *least)
        {
            best = Some((total, on));
        }
    }
    let Some((total, on)) = best else {
        // Nothing was found: the reason is that of those who can run nowhere else.
        let bound: Vec<Tenant> = candidates
            .iter()
            .filter(|candidate| candidate.elsewhere.is_none())
            .map(|candidate| candidate.tenant.clone())
            .collect();
        return Err(plan(&bound, types, rules, window)
            .err()
            .unwrap_or(Unpackable {
                tenants: Vec::new(),
                reason: Reason::NothingRan,
            }));
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

    /// Each by its share: whoever is cheaper elsewhere leaves, and again, until nobody wants to.
    fn by_shares(&mut self, everyone: &[bool]) -> Vec<Vec<bool>> {
        let mut found = Vec::new();
        let mut on = everyone.to_vec();
        while on.contains(&true) && self.left > 0 {
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
        Ok(JointPlan {
            all_elsewhere: self.elsewhere(&vec![false; on.len()]),
            on_fleet: on,
            total: cost(&planned),
            fleet: planned,
            all_on_fleet,
            if_changed,
        })
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
