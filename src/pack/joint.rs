//! Which workloads belong on the fleet at all, each having somewhere else to go: what is cheapest in sum.
//!
//! A workload on the fleet makes it dearer by less than its size suggests where it fills gaps, and by more where it
//! opens an instance of its own, so the question is asked of all of them together. It is asked of every part of them
//! as well, by what they have in common: separate fleets are an answer too, so whoever is decided together never costs
//! more than the same parts decided apart.

use std::collections::{BTreeMap, HashMap};

use super::groups::{Groups, cost};
use super::input::{InstanceType, Rules};
use super::plan::CheckedFleet;
use super::problem::Problem;
use super::result::FleetPlan;
use super::search::{self, Division, MOST_PAIRED, Search};
use super::timeline::Work;
use super::unpackable::{Reason, Unpackable};
use crate::model::units::{MS_PER_HOUR, Usd};

/// More workloads than this are not decided in parts.
const MOST_IN_PARTS: usize = 64;
/// So many workloads get the whole effort; fewer get a part of it.
const WHOLE_EFFORT: u64 = 8;

/// Among many workloads, ways that cost less than this more are as good, as a share: changes that save less of a
/// workload's cost are not proposed either.
const WORTH_A_CHANGE: f64 = 0.05;

/// What a tenant could do instead of being on the fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The least it costs elsewhere in the same window; `None` where it can run nowhere else.
    pub elsewhere: Option<Usd>,
    /// What it has in common with others: those who are alike in one of these are decided by themselves as well.
    pub marks: Vec<String>,
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
    pub all_on_fleet: Usd,
    /// The same with all workloads elsewhere; `None` where one can run nowhere else.
    pub all_elsewhere: Option<Usd>,
}

/// Decides which tenants of the `work` are on the fleet, given what each could do instead: never dearer in sum than
/// everyone on it, everyone elsewhere, each by itself, or the parts that have a mark in common decided apart. Among more
/// than [`MOST_PAIRED`] it may be dearer than the best found, for advice that is the same a day later.
///
/// # Errors
/// As [`super::plan`] for all of them.
pub fn decide(
    work: &Work,
    candidates: &[Candidate],
    types: &[InstanceType],
    rules: &Rules,
) -> Result<JointPlan, Unpackable> {
    let problem = match Problem::new(work, types, rules) {
        Ok(problem) => problem,
        Err(unpackable) if unpackable.reason == Reason::NothingRan => {
            return Ok(JointPlan::of_nothing(candidates.len()));
        }
        Err(unpackable) => return Err(unpackable),
    };
    let mut joint = Joint::new(candidates, &problem);
    let everyone = joint.search.groups.running();
    let together = joint.search.with_on_fleet(&everyone, &everyone);
    let simple = joint.simple(&everyone);
    // To the last digit, of sums that the search holds for equal.
    let ways = joint.decided(&everyone).into_iter().chain(simple);
    let best = ways.min_by_key(|division| joint.cost(division, types));
    let best = best.ok_or(Unpackable::because(Reason::NothingRan))?;
    let best = joint.steadied(&everyone, best);
    let marginal = joint.marginal(&best);
    let mut on_fleet = vec![true; candidates.len()];
    for &one in &best.off {
        on_fleet[one as usize] = false;
    }
    let all_elsewhere = candidates.iter().map(|candidate| candidate.elsewhere).sum();
    let all_on_fleet = together.map_or(Usd::ZERO, |all| joint.cost(&all, types));
    let mut fleet = joint.fleet(work, &on_fleet, &best, types)?;
    let shares = fleet.iter_mut().flat_map(|fleet| &mut fleet.shares);
    let on = (0..on_fleet.len()).filter(|&at| on_fleet[at]);
    for (share, at) in shares.zip(on) {
        share.marginal = marginal.get(&at).copied();
    }
    Ok(JointPlan {
        total: joint.cost(&best, types),
        fleet,
        on_fleet,
        all_on_fleet,
        all_elsewhere,
    })
}

impl JointPlan {
    /// Where no task ran, everyone may be on a fleet that costs nothing.
    fn of_nothing(candidates: usize) -> Self {
        Self {
            on_fleet: vec![true; candidates],
            fleet: None,
            total: Usd::ZERO,
            all_on_fleet: Usd::ZERO,
            all_elsewhere: None,
        }
    }
}

struct Joint<'a> {
    candidates: &'a [Candidate],
    problem: &'a Problem<'a>,
    search: Search<'a>,
    known: HashMap<Vec<u32>, Option<Division>>,
}

impl<'a> Joint<'a> {
    fn new(candidates: &'a [Candidate], problem: &'a Problem<'a>) -> Self {
        let usd_ms = |usd: Usd| usd.as_f64() * MS_PER_HOUR as f64;
        let elsewhere = candidates.iter().map(|one| one.elsewhere.map(usd_ms));
        Self {
            candidates,
            problem,
            search: Search::new(problem, elsewhere.collect()),
            known: HashMap::new(),
        }
    }

    /// The cheapest division found of these: from simple answers, and from those of their parts. How much is searched
    /// depends on them alone.
    fn decided(&mut self, who: &[u32]) -> Option<Division> {
        if let Some(known) = self.known.get(who) {
            return known.clone();
        }
        let mut starts = Vec::new();
        for mark in self.marks(who) {
            starts.extend(self.in_parts(who, mark));
        }
        let whole = self.problem.rules.effort.steps;
        let steps = whole.min(whole / WHOLE_EFFORT * who.len() as u64);
        let found = self.search.divide(who, starts, steps);
        self.known.insert(who.to_vec(), found.clone());
        found
    }

    /// Among many workloads many ways cost nearly the same, and which of them is found changes with the last MiB of a
    /// need: a day later an eighth of them would be told something else. Then those are on the fleet whose share of a
    /// fleet of everyone is less than what they cost elsewhere, unless that is dearer than a simple answer, than parts
    /// that are decided so apart, or than the `best` found by what is worth a change.
    fn steadied(&mut self, who: &[u32], best: Division) -> Division {
        if who.len() <= MOST_PAIRED {
            return best;
        }
        let on = self.search.gaining(who);
        let steps = self.problem.rules.effort.steps / 2;
        let groups = self.search.all_of(&on, &best, steps);
        let steady = groups.and_then(|groups| self.search.division(who, groups));
        let most = best.usd_ms * (1.0 + WORTH_A_CHANGE);
        match steady {
            Some(steady)
                if !on.is_empty()
                    && steady.usd_ms <= most
                    && steady.usd_ms <= self.least_otherwise(who) =>
            {
                steady
            }
            _ => best,
        }
    }

    /// What simple answers cost at least, and parts that are decided apart.
    fn least_otherwise(&mut self, who: &[u32]) -> f64 {
        let simple = self.simple(who);
        let mut least = simple
            .iter()
            .map(|way| way.usd_ms)
            .fold(f64::INFINITY, f64::min);
        for mark in self.marks(who) {
            let parts = self.parts(who, mark);
            if parts.len() > 1 {
                let apart = parts.iter().map(|part| {
                    let best = self.decided(part)?;
                    Some(self.steadied(part, best).usd_ms)
                });
                least = least.min(apart.sum::<Option<f64>>().unwrap_or(f64::INFINITY));
            }
        }
        least
    }

    /// Simple answers; for very many workloads not that of each by itself.
    fn simple(&mut self, who: &[u32]) -> Vec<Division> {
        if who.len() <= MOST_IN_PARTS {
            return self.search.simple(who);
        }
        let ways = [who, &[]].map(|on| self.search.with_on_fleet(who, on));
        ways.into_iter().flatten().collect()
    }

    /// The marks that parts are made by.
    fn marks(&self, who: &[u32]) -> std::ops::Range<usize> {
        let most = who
            .iter()
            .map(|&one| self.candidates[one as usize].marks.len());
        let is_asked = who.len() <= MOST_IN_PARTS;
        0..most.max().filter(|_| is_asked).unwrap_or(0)
    }

    /// Those with the same mark.
    fn parts(&self, who: &[u32], mark: usize) -> Vec<Vec<u32>> {
        let mut parts: BTreeMap<Option<&String>, Vec<u32>> = BTreeMap::new();
        for &one in who {
            let marks = &self.candidates[one as usize].marks;
            parts.entry(marks.get(mark)).or_default().push(one);
        }
        parts.into_values().collect()
    }

    /// Those with the same mark by themselves, and all these answers together; `None` where all have the same.
    fn in_parts(&mut self, who: &[u32], mark: usize) -> Option<Division> {
        let parts = self.parts(who, mark);
        if parts.len() < 2 {
            return None;
        }
        let mut whole = Division::nobody();
        for part in &parts {
            whole = whole.with(self.decided(part)?);
        }
        Some(whole)
    }

    /// The fleet and what the others cost elsewhere.
    fn cost(&self, division: &Division, types: &[InstanceType]) -> Usd {
        let off = division.off.iter();
        let elsewhere =
            off.map(|&one| self.candidates[one as usize].elsewhere.unwrap_or(Usd::ZERO));
        cost(&division.groups, types) + elsewhere.sum()
    }

    /// What each workload on the fleet makes it cost more, by its place, where that was tried.
    fn marginal(&self, division: &Division) -> BTreeMap<usize, Usd> {
        let mut marginal = BTreeMap::new();
        for group in &division.groups {
            for (one, rest) in self.search.groups.without_one(&group.tenants) {
                let usd = (group.usd_ms() - rest) / MS_PER_HOUR as f64;
                marginal.insert(one as usize, super::describe::down(usd));
            }
        }
        marginal
    }

    /// The fleet of those who are on it, described; `None` where none of them ran.
    fn fleet(
        &self,
        work: &Work,
        on_fleet: &[bool],
        division: &Division,
        types: &[InstanceType],
    ) -> Result<Option<FleetPlan>, Unpackable> {
        if division.groups.is_empty() {
            return Ok(None);
        }
        let places: Vec<usize> = (0..on_fleet.len()).filter(|&at| on_fleet[at]).collect();
        let work = work.of(&places);
        let problem = Problem::new(&work, types, self.problem.rules)?;
        let groups = Groups::new(&problem);
        let of_stayers: Vec<_> = division
            .groups
            .iter()
            .map(|group| group.among(&places))
            .collect();
        let found = search::found(&groups, &of_stayers);
        drop(groups);
        CheckedFleet::new(&work, types, problem, found)?
            .plan()
            .map(Some)
    }
}
