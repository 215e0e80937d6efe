//! Who shares a capacity provider with whom, and who runs elsewhere: a division of the tenants that costs least.
//!
//! From several answers (everyone together, nobody, those who pay their share, each alone, …) tenants change places as
//! long as that lowers the sum: one at a time, all of a group, or two at once. Effort is counted in steps, so that the
//! answer does not depend on the machine.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::groups::{Group, Groups};
use super::input::Placement;
use super::problem::Problem;
use super::verify::Fleet;

/// Capacity providers of one cluster's strategy; ECS takes six.
const MOST_GROUPS: usize = 6;
/// More tenants than this are not moved two at a time.
pub(super) const MOST_PAIRED: usize = 24;
/// Among so many tenants every way is tried, where the effort allows it.
const FEW: usize = 8;
/// So many leading parts of the tenants, by what they gain, are tried together.
const PREFIXES: usize = 16;
/// Costs are told apart from here, as a share.
const DIFFERENT: f64 = 1e-9;

/// A fleet and how ECS was told to place tasks.
pub(super) struct Found {
    pub(super) fleet: Fleet,
    /// Each once, that of the dearest capacity provider first.
    pub(super) placements: Vec<Placement>,
}

/// The cheapest fleet of all tenants found with about `steps` of effort: one capacity provider, or a few.
pub(super) fn modelled(problem: &Problem<'_>, steps: u64) -> Found {
    let nowhere = vec![None; problem.items.len()];
    let mut search = Search::new(problem, nowhere);
    let everyone = search.groups.running();
    let division = search.divide(&everyone, Vec::new(), steps);
    let groups = division.map_or_else(Vec::new, |division| division.groups);
    found(&search.groups, &groups)
}

/// These groups as a fleet.
pub(super) fn found(groups: &Groups<'_>, of: &[Rc<Group>]) -> Found {
    let mut by_cost: Vec<&Rc<Group>> = of.iter().collect();
    by_cost.sort_by(|a, b| b.usd_ms().total_cmp(&a.usd_ms()));
    let mut placements: Vec<Placement> = Vec::new();
    for group in by_cost {
        if !placements.contains(&group.placement) {
            placements.push(group.placement);
        }
    }
    Found {
        fleet: groups.fleet(of),
        placements,
    }
}

/// Where every tenant is.
#[derive(Debug, Clone)]
pub(super) struct Division {
    /// Who shares a capacity provider.
    pub(super) groups: Vec<Rc<Group>>,
    /// Who runs elsewhere.
    pub(super) off: Vec<u32>,
    /// Price × milliseconds, of groups and elsewhere.
    pub(super) usd_ms: f64,
}

impl Division {
    /// Both, where their tenants are different ones.
    pub(super) fn with(mut self, other: Self) -> Self {
        self.groups.extend(other.groups);
        self.off.extend(other.off);
        self.usd_ms += other.usd_ms;
        self
    }

    pub(super) const fn nobody() -> Self {
        Self {
            groups: Vec::new(),
            off: Vec::new(),
            usd_ms: 0.0,
        }
    }

    fn is_cheaper_than(&self, other: &Self) -> bool {
        self.usd_ms < other.usd_ms - other.usd_ms.abs() * DIFFERENT
    }
}

/// Where a tenant can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Elsewhere,
    /// In the group at this place; one after the last group is a new one.
    Group(usize),
}

/// Tenants that change places together, and what that may save.
#[derive(Debug, Clone)]
struct Move {
    hope: f64,
    tenants: Vec<u32>,
    to: Vec<Place>,
}

pub(super) struct Search<'a> {
    pub(super) groups: Groups<'a>,
    /// What each tenant costs elsewhere, price × milliseconds; `None` where it can run nowhere else.
    elsewhere: Vec<Option<f64>>,
    /// What each tenant's tasks are worth, in no unit.
    worth: Vec<f64>,
}

impl<'a> Search<'a> {
    pub(super) fn new(problem: &'a Problem<'a>, elsewhere: Vec<Option<f64>>) -> Self {
        let groups = Groups::new(problem);
        Self {
            elsewhere,
            worth: groups.worths(),
            groups,
        }
    }

    /// The cheapest division found of the tenants `who`, who ran, never dearer than one of the `known` ones.
    pub(super) fn divide(
        &mut self,
        who: &[u32],
        known: Vec<Division>,
        steps: u64,
    ) -> Option<Division> {
        let until = self.groups.spent + steps;
        if let Some(best) = self.every_way(who, steps) {
            return Some(best);
        }
        let mut starts = known;
        self.starts(who, until, &mut starts);
        starts.sort_by(|a, b| a.usd_ms.total_cmp(&b.usd_ms));
        let mut best: Option<Division> = None;
        for start in starts {
            let reached = self.improve(start, until);
            if best
                .as_ref()
                .is_none_or(|best| reached.is_cheaper_than(best))
            {
                best = Some(reached);
            }
            if self.groups.spent >= until {
                break;
            }
        }
        best
    }

    /// These groups, and all others of `who` elsewhere; `None` where one of them can run nowhere else.
    pub(super) fn division(&self, who: &[u32], groups: Vec<Rc<Group>>) -> Option<Division> {
        let is_on = |tenant: &u32| {
            let mut groups = groups.iter();
            groups.any(|group| group.tenants.binary_search(tenant).is_ok())
        };
        let off: Vec<u32> = who.iter().copied().filter(|one| !is_on(one)).collect();
        self.divided(groups, off)
    }

    /// These groups, and these tenants elsewhere; `None` where one of them can run nowhere else.
    fn divided(&self, groups: Vec<Rc<Group>>, off: Vec<u32>) -> Option<Division> {
        let elsewhere = off.iter().map(|&tenant| self.elsewhere[tenant as usize]);
        let elsewhere: f64 = elsewhere.sum::<Option<f64>>()?;
        let on: f64 = groups.iter().map(|group| group.usd_ms()).sum();
        Some(Division {
            groups,
            off,
            usd_ms: on + elsewhere,
        })
    }

    /// The division with these of `who` on one fleet, in as few groups as can be.
    pub(super) fn with_on_fleet(&mut self, who: &[u32], on: &[u32]) -> Option<Division> {
        let groups = self.groups.together(on);
        self.division(who, groups)
    }

    /// The cheapest groups found in which all of `who` are, the groups of `other` without anybody else among them.
    pub(super) fn all_of(
        &mut self,
        who: &[u32],
        other: &Division,
        steps: u64,
    ) -> Option<Vec<Rc<Group>>> {
        let nowhere = vec![None; self.elsewhere.len()];
        let elsewhere = std::mem::replace(&mut self.elsewhere, nowhere);
        let start = self.only(who, other);
        let found = self.divide(who, start.into_iter().collect(), steps);
        self.elsewhere = elsewhere;
        found.map(|found| found.groups)
    }

    /// The groups of `other` with these tenants, in order, alone, and those of them who are in none of these in others.
    fn only(&mut self, who: &[u32], other: &Division) -> Option<Division> {
        let mut rest = who.to_vec();
        let mut groups = Vec::with_capacity(MOST_GROUPS);
        for group in &other.groups {
            let mut tenants = group.tenants.clone();
            tenants.retain(|one| who.binary_search(one).is_ok());
            rest.retain(|one| tenants.binary_search(one).is_err());
            if !tenants.is_empty() {
                groups.push(self.groups.of(tenants)?);
            }
        }
        groups.extend(self.groups.together(&rest));
        if groups.len() > MOST_GROUPS {
            return None;
        }
        self.division(who, groups)
    }

    fn bound(&self, who: &[u32]) -> Vec<u32> {
        let is_bound = |tenant: &u32| self.elsewhere[*tenant as usize].is_none();
        who.iter().copied().filter(is_bound).collect()
    }

    /// Simple answers, in the order of what they tell for their effort; the first two are always there.
    fn starts(&mut self, who: &[u32], until: u64, starts: &mut Vec<Division>) {
        let bound = self.bound(who);
        starts.extend(self.with_on_fleet(who, who));
        if bound.len() == who.len() {
            return self.starts_by_memory(who, until, starts);
        }
        starts.extend(self.with_on_fleet(who, &bound));
        self.starts_by_share(who, until, starts);
        self.starts_by_gain(who, until, starts);
        if self.groups.spent < until {
            let alone = self.alone(who, &bound);
            starts.extend(alone);
        }
        self.starts_by_memory(who, until, starts);
    }

    /// Whoever is cheaper elsewhere than its share leaves, and again, until nobody wants to.
    fn starts_by_share(&mut self, who: &[u32], until: u64, starts: &mut Vec<Division>) {
        let mut on = who.to_vec();
        let mut is_first = true;
        while is_first || self.groups.spent < until {
            is_first = false;
            let next = self.gaining(&on);
            if next.len() == on.len() || next.is_empty() {
                return;
            }
            starts.extend(self.with_on_fleet(who, &next));
            on = next;
        }
    }

    /// All of `who` on one fleet, all elsewhere who can be, and each where it is cheapest by itself; where there are
    /// such answers.
    pub(super) fn simple(&mut self, who: &[u32]) -> Vec<Division> {
        let bound = self.bound(who);
        let ways = [
            self.with_on_fleet(who, who),
            self.with_on_fleet(who, &bound),
            self.alone(who, &bound),
        ];
        ways.into_iter().flatten().collect()
    }

    /// Those whose share of a fleet of all of `who` is less than what they cost elsewhere.
    pub(super) fn gaining(&mut self, who: &[u32]) -> Vec<u32> {
        let groups = self.groups.together(who);
        let usd: f64 = groups.iter().map(|group| group.usd_ms()).sum();
        let worth: f64 = who.iter().map(|&one| self.worth[one as usize]).sum();
        let gains = |one: &u32| {
            let share = usd * self.worth[*one as usize] / worth;
            self.elsewhere[*one as usize].is_none_or(|elsewhere| share < elsewhere)
        };
        who.iter().copied().filter(gains).collect()
    }

    /// Those who gain most by the fleet, more and more of them.
    fn starts_by_gain(&mut self, who: &[u32], until: u64, starts: &mut Vec<Division>) {
        let gain = |one: &u32| {
            let elsewhere = self.elsewhere[*one as usize];
            elsewhere.map_or(f64::INFINITY, |usd| usd / self.worth[*one as usize])
        };
        let mut order = who.to_vec();
        order.sort_by(|a, b| gain(b).total_cmp(&gain(a)).then(a.cmp(b)));
        let parts = order.len().min(PREFIXES);
        for part in (1..parts).rev() {
            if self.groups.spent >= until {
                return;
            }
            let on = &order[..order.len() * part / parts];
            starts.extend(self.with_on_fleet(who, on));
        }
    }

    /// Each on a capacity provider of its own, where that is cheaper; those without a choice together.
    fn alone(&mut self, who: &[u32], bound: &[u32]) -> Option<Division> {
        let mut groups = self.groups.together(bound);
        for &one in who {
            let Some(elsewhere) = self.elsewhere[one as usize] else {
                continue;
            };
            let group = self.groups.of(vec![one]);
            groups.extend(group.filter(|group| group.usd_ms() < elsewhere));
        }
        self.division(who, groups)
    }

    /// Everyone, in capacity providers by how much memory goes with a vCPU.
    fn starts_by_memory(&mut self, who: &[u32], until: u64, starts: &mut Vec<Division>) {
        for limits in [&[3.0][..], &[5.5], &[2.5, 5.5]] {
            if self.groups.spent >= until {
                return;
            }
            let mut parts = vec![Vec::new(); limits.len() + 1];
            for &one in who {
                let ratio = self.groups.memory_per_cpu(one);
                parts[limits.partition_point(|&limit| limit < ratio)].push(one);
            }
            parts.retain(|part| !part.is_empty());
            if parts.len() > 1 {
                let groups = parts.iter().flat_map(|part| self.groups.together(part));
                let groups = groups.collect();
                starts.extend(self.division(who, groups));
            }
        }
    }

    /// Lets tenants change places as long as that is cheaper and effort is left.
    fn improve(&mut self, start: Division, until: u64) -> Division {
        let mut best = start;
        while self.groups.spent < until {
            let mut better = self.first_better(&best, self.single_moves(&best), until);
            if better.is_none() {
                better = self.first_better(&best, self.double_moves(&best), until);
            }
            match better {
                Some(better) => best = better,
                None => break,
            }
        }
        best
    }

    fn first_better(
        &mut self,
        best: &Division,
        mut moves: Vec<Move>,
        until: u64,
    ) -> Option<Division> {
        moves.sort_by(|a, b| b.hope.partial_cmp(&a.hope).unwrap_or(Ordering::Equal));
        for change in moves {
            if self.groups.spent >= until {
                return None;
            }
            let changed = self.changed(best, &change);
            if let Some(changed) = changed.filter(|changed| changed.is_cheaper_than(best)) {
                return Some(changed);
            }
        }
        None
    }

    /// The division after a move; `None` where that cannot be.
    fn changed(&mut self, division: &Division, change: &Move) -> Option<Division> {
        let mut into: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        let moving: BTreeSet<u32> = change.tenants.iter().copied().collect();
        let mut off: Vec<u32> = division.off.clone();
        off.retain(|one| !moving.contains(one));
        for (&tenant, to) in change.tenants.iter().zip(&change.to) {
            match to {
                Place::Elsewhere => off.push(tenant),
                Place::Group(at) => into.entry(*at).or_default().push(tenant),
            }
        }
        let mut groups = Vec::with_capacity(division.groups.len() + 1);
        for at in 0..=division.groups.len() {
            let before = division.groups.get(at);
            let mut tenants = before.map_or_else(Vec::new, |group| group.tenants.clone());
            tenants.retain(|one| !moving.contains(one));
            tenants.extend(into.remove(&at).unwrap_or_default());
            match before {
                Some(group) if group.tenants == tenants => groups.push(Rc::clone(group)),
                _ if tenants.is_empty() => {}
                _ => groups.push(self.groups.of(tenants)?),
            }
        }
        self.divided(groups, off)
    }

    /// What a tenant costs at a place, about; `None` where it cannot be there. The groups are worth so much.
    fn about(
        &self,
        (division, worths): (&Division, &[f64]),
        tenant: u32,
        place: Place,
    ) -> Option<f64> {
        let worth = self.worth[tenant as usize];
        match place {
            Place::Elsewhere => self.elsewhere[tenant as usize],
            Place::Group(at) => {
                let group = division.groups.get(at).zip(worths.get(at));
                Some(group.map_or(worth * 1.5, |(group, whole)| {
                    group.usd_ms() * worth / whole.max(f64::MIN_POSITIVE)
                }))
            }
        }
    }

    /// What each group is worth.
    fn worths(&self, division: &Division) -> Vec<f64> {
        let worth = |group: &Rc<Group>| {
            let tenants = group.tenants.iter();
            tenants.map(|&one| self.worth[one as usize]).sum()
        };
        division.groups.iter().map(worth).collect()
    }

    /// Every tenant with its place.
    fn places(division: &Division) -> Vec<(u32, Place)> {
        let groups = division.groups.iter().enumerate();
        let on = groups.flat_map(|(at, group)| {
            let tenants = group.tenants.iter();
            tenants.map(move |&one| (one, Place::Group(at)))
        });
        let off = division.off.iter().map(|&one| (one, Place::Elsewhere));
        on.chain(off).collect()
    }

    /// One tenant to any other place, or a whole group.
    fn single_moves(&self, division: &Division) -> Vec<Move> {
        let count = division.groups.len();
        let new = usize::from(count < MOST_GROUPS);
        let worths = self.worths(division);
        let known = (division, worths.as_slice());
        let mut moves = Vec::new();
        for (tenant, from) in Self::places(division) {
            let Some(before) = self.about(known, tenant, from) else {
                continue;
            };
            let is_alone = match from {
                Place::Group(at) => division.groups[at].tenants.len() == 1,
                Place::Elsewhere => false,
            };
            let groups = (0..count + new).filter(|&at| at < count || !is_alone);
            let to = groups.map(Place::Group).chain([Place::Elsewhere]);
            for to in to.filter(|to| *to != from) {
                if let Some(after) = self.about(known, tenant, to) {
                    moves.push(Move {
                        hope: before - after,
                        tenants: vec![tenant],
                        to: vec![to],
                    });
                }
            }
        }
        moves.extend((0..count).flat_map(|at| self.whole_groups(division, at)));
        moves
    }

    /// A whole group into another one, or elsewhere as far as it can.
    fn whole_groups(&self, division: &Division, at: usize) -> Vec<Move> {
        let group = &division.groups[at];
        let (movable, bound): (Vec<u32>, Vec<u32>) = group
            .tenants
            .iter()
            .partition(|&&one| self.elsewhere[one as usize].is_some());
        let mut moves = Vec::new();
        if !movable.is_empty() {
            let elsewhere = movable.iter().map(|&one| self.elsewhere[one as usize]);
            let elsewhere: f64 = elsewhere.flatten().sum();
            let stays = if bound.is_empty() { 0.0 } else { 0.5 };
            moves.push(Move {
                hope: group.usd_ms() * (1.0 - stays) - elsewhere,
                to: vec![Place::Elsewhere; movable.len()],
                tenants: movable,
            });
        }
        for other in 0..at {
            moves.push(Move {
                hope: group.usd_ms() * 0.05,
                to: vec![Place::Group(other); group.tenants.len()],
                tenants: group.tenants.clone(),
            });
        }
        moves
    }

    /// Two tenants that both leave, both come, or change places.
    fn double_moves(&self, division: &Division) -> Vec<Move> {
        let places = Self::places(division);
        if places.len() > MOST_PAIRED {
            return Vec::new();
        }
        let worths = self.worths(division);
        let known = (division, worths.as_slice());
        let mut moves = Vec::new();
        for (at, &(one, from)) in places.iter().enumerate() {
            for &(other, other_from) in &places[..at] {
                for (to, other_to) in Self::double_goals(division, from, other_from) {
                    let saves = |tenant, from, to| {
                        Some(self.about(known, tenant, from)? - self.about(known, tenant, to)?)
                    };
                    let hopes = saves(one, from, to).zip(saves(other, other_from, other_to));
                    moves.extend(hopes.map(|(a, b)| Move {
                        hope: a + b,
                        tenants: vec![one, other],
                        to: vec![to, other_to],
                    }));
                }
            }
        }
        moves
    }

    fn double_goals(division: &Division, one: Place, other: Place) -> Vec<(Place, Place)> {
        if one != other {
            return vec![(other, one)];
        }
        let count = division.groups.len();
        let new = usize::from(count < MOST_GROUPS);
        let places = (0..count + new).map(Place::Group).chain([Place::Elsewhere]);
        let goals = places.filter(|to| *to != one);
        goals.map(|to| (to, to)).collect()
    }

    /// The best division of few tenants: every set of them as a group, every way to divide them into such sets. `None`
    /// where they are too many for the effort.
    fn every_way(&mut self, who: &[u32], steps: u64) -> Option<Division> {
        if who.len() > FEW || (self.groups.steps(who) << (who.len() + 1)) > steps {
            return None;
        }
        let sets = 1_usize << who.len();
        let mut best: Vec<Option<Division>> = vec![None; sets];
        best[0] = Some(Division::nobody());
        for set in 1..sets {
            let lowest = set & set.wrapping_neg();
            let rest = set ^ lowest;
            let tenant = who[lowest.trailing_zeros() as usize];
            let elsewhere = self.division(&[tenant], Vec::new());
            let mut found = elsewhere.zip(best[rest].clone()).map(|(a, b)| a.with(b));
            // Whoever comes with the first one: every part of the rest.
            let mut part = rest;
            loop {
                let others = (0..who.len()).filter(|&bit| part >> bit & 1 == 1);
                let tenants = others.map(|bit| who[bit]).chain([tenant]).collect();
                if let Some(group) = self.groups.of(tenants) {
                    let left = best[rest & !part].as_ref();
                    let on = self.division(&[], vec![group]).zip(left.cloned());
                    let on = on.map(|(on, left)| on.with(left));
                    if let Some(on) = on
                        && found.as_ref().is_none_or(|found| on.usd_ms < found.usd_ms)
                    {
                        found = Some(on);
                    }
                }
                if part == 0 {
                    break;
                }
                part = (part - 1) & rest;
            }
            best[set] = found;
        }
        best.pop().flatten()
    }
}
