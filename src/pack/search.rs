//! Which instance types: tried by letting ECS run the tasks on them.

use super::floor::{Offer, undominated};
use super::input::{Amount, INTERFACES};
use super::problem::Problem;
use super::simulate::{Needs, Placement, Simulated, simulate};
use super::timeline::Task;
use super::verify::{Fleet, Instance};

/// Placing a task, its stop included, is about this many steps of effort.
const STEPS_PER_TASK: u64 = 60;
/// Looking at the demand in one span is about this many.
const STEPS_PER_SPAN: u64 = 8;
/// Capacity providers of one cluster's strategy; ECS takes six.
const MOST_GROUPS: usize = 6;

/// A fleet and how ECS was told to place tasks.
pub(super) struct Found {
    pub(super) fleet: Fleet,
    pub(super) placement: Placement,
    /// Effort that it took, steps.
    pub(super) steps: u64,
}

/// More tenants than this are not asked one by one which capacity provider suits them.
const MOST_REGROUPED: usize = 64;
/// Costs are told apart from here, as a share.
const DIFFERENT: f64 = 1e-9;

/// Tenants that share a capacity provider.
#[derive(Clone)]
struct Group {
    tenants: Vec<usize>,
    tasks: Vec<u32>,
    offer: Offer,
    usd: f64,
}

/// The cheapest fleet found with about `steps` of effort, as ECS would run it: one capacity provider, or a few.
pub(super) fn modelled(problem: &Problem<'_>, steps: u64) -> Found {
    let mut search = Search::new(problem, steps);
    let everyone: Vec<usize> = (0..problem.items.len()).collect();
    let mut best = search.groups(&[everyone]);
    for parts in search.ways_to_part() {
        if search.left == 0 {
            break;
        }
        let tried = search.groups(&parts);
        if cost(&tried) < cost(&best) {
            best = tried;
        }
    }
    search.regroup(&mut best);
    search.placed_best(&best)
}

fn cost(groups: &[Group]) -> f64 {
    groups.iter().map(|group| group.usd).sum()
}

struct Search<'a> {
    problem: &'a Problem<'a>,
    offers: Vec<Offer>,
    needs: Needs,
    begun: u64,
    left: u64,
}

impl<'a> Search<'a> {
    fn new(problem: &'a Problem<'a>, steps: u64) -> Self {
        Self {
            problem,
            offers: undominated(&problem.offers),
            needs: Needs::new(&problem.items, &problem.ports),
            begun: steps,
            left: steps,
        }
    }

    /// Each part of the tenants on the type that suits it best. A part that no type holds is parted further.
    fn groups(&mut self, parts: &[Vec<usize>]) -> Vec<Group> {
        let mut groups = Vec::new();
        let mut waiting: Vec<Vec<usize>> = parts.to_vec();
        while let Some(part) = waiting.pop() {
            if self.holding(&part).is_empty() {
                waiting.extend(self.parted(&part));
            } else {
                groups.extend(self.group(part));
            }
        }
        groups
    }

    /// These tenants on the type that suits them best; `None` where none holds all of them, or nothing of them ran.
    fn group(&mut self, tenants: Vec<usize>) -> Option<Group> {
        let holding = self.holding(&tenants);
        let tasks = self.tasks_of(&tenants);
        self.cheapest(tenants, tasks, &holding)
    }

    /// The types that hold each of these tenants.
    fn holding(&self, tenants: &[usize]) -> Vec<Offer> {
        let holds_all = |offer: &&Offer| {
            tenants
                .iter()
                .all(|&tenant| offer.capacity.holds(self.problem.items[tenant]))
        };
        self.offers.iter().filter(holds_all).copied().collect()
    }

    /// Lets one tenant after another change its capacity provider, or have one of its own, as long as that is cheaper.
    fn regroup(&mut self, groups: &mut Vec<Group>) {
        let tenants = self.problem.items.len();
        if !(2..=MOST_REGROUPED).contains(&tenants) {
            return;
        }
        let mut unchanged = 0;
        for tenant in (0..tenants).cycle() {
            if unchanged >= tenants || self.left == 0 {
                return;
            }
            unchanged += 1;
            if let Some(better) = self.moved(groups, tenant) {
                *groups = better;
                unchanged = 0;
            }
        }
    }

    /// The groups with this tenant where it costs least, if that is not where it is.
    fn moved(&mut self, groups: &[Group], tenant: usize) -> Option<Vec<Group>> {
        let from = groups
            .iter()
            .position(|group| group.tenants.contains(&tenant))?;
        let mut rest = groups[from].tenants.clone();
        rest.retain(|&other| other != tenant);
        let is_alone = rest.is_empty();
        let rest = if is_alone {
            None
        } else {
            Some(self.group(rest)?)
        };
        let rest_usd = rest.as_ref().map_or(0.0, |group| group.usd);
        let mut most_saved = groups[from].usd * DIFFERENT;
        let mut best = None;
        for to in (0..=groups.len()).filter(|&to| to != from) {
            let is_new = to == groups.len();
            if is_new && (is_alone || groups.len() >= MOST_GROUPS) || self.left == 0 {
                continue;
            }
            let mut tenants = groups
                .get(to)
                .map_or_else(Vec::new, |to| to.tenants.clone());
            tenants.push(tenant);
            let Some(joined) = self.group(tenants) else {
                continue;
            };
            let before = groups[from].usd + groups.get(to).map_or(0.0, |to| to.usd);
            let saved = before - joined.usd - rest_usd;
            if saved > most_saved {
                (most_saved, best) = (saved, Some((to, joined)));
            }
        }
        let (to, joined) = best?;
        let kept = groups.iter().enumerate();
        let kept = kept.filter(|&(at, _)| at != from && at != to);
        let kept = kept.map(|(_, group)| group.clone());
        Some(kept.chain(rest).chain([joined]).collect())
    }

    /// What the type that holds most of these tenants holds, and the rest.
    fn parted(&self, part: &[usize]) -> [Vec<usize>; 2] {
        let held = |offer: &Offer| -> (Vec<usize>, Vec<usize>) {
            part.iter()
                .partition(|&&tenant| offer.capacity.holds(self.problem.items[tenant]))
        };
        let most = self
            .offers
            .iter()
            .map(held)
            .max_by_key(|(held, _)| held.len());
        most.map_or([Vec::new(), Vec::new()], |(held, rest)| [held, rest])
    }

    /// The tasks of these tenants, by their place among all tasks.
    fn tasks_of(&self, part: &[usize]) -> Vec<u32> {
        let mut is_in = vec![false; self.problem.items.len()];
        for &tenant in part {
            is_in[tenant] = true;
        }
        let tasks = self.problem.tasks.iter().zip(0..);
        tasks
            .filter(|(task, _)| is_in[task.tenant as usize])
            .map(|(_, index)| index)
            .collect()
    }

    fn cheapest(
        &mut self,
        tenants: Vec<usize>,
        indices: Vec<u32>,
        offers: &[Offer],
    ) -> Option<Group> {
        if indices.is_empty() {
            return None;
        }
        let tasks: Vec<Task> = indices
            .iter()
            .map(|&index| self.problem.tasks[index as usize])
            .collect();
        let load = Load::of(&tasks, self.problem);
        let asked = load.spans.len() * (offers.len() + 1);
        self.left = self.left.saturating_sub(asked as u64 * STEPS_PER_SPAN);
        let mut hopes: Vec<(f64, f64, &Offer)> = offers
            .iter()
            .map(|offer| (load.likely(offer), load.least(offer), offer))
            .collect();
        hopes.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.2.index.cmp(&b.2.index)));
        let mut best: Option<(Offer, f64)> = None;
        for (_, least, &offer) in hopes {
            let is_hopeless = best.is_some_and(|(_, usd)| usd <= least);
            let is_spent = self.left == 0 && best.is_some();
            if is_hopeless || is_spent {
                continue;
            }
            let run = self.simulate(&tasks, &offer, Placement::FirstFit);
            let usd = billed(&run, &offer);
            if best.is_none_or(|(_, least)| usd < least) {
                best = Some((offer, usd));
            }
        }
        let (offer, usd) = best?;
        Some(Group {
            tenants,
            tasks: indices,
            offer,
            usd,
        })
    }

    fn simulate(&mut self, tasks: &[Task], offer: &Offer, placement: Placement) -> Simulated {
        self.left = self
            .left
            .saturating_sub(tasks.len() as u64 * STEPS_PER_TASK);
        simulate(
            tasks,
            &self.needs,
            offer.capacity,
            self.problem.rules,
            placement,
            self.problem.window,
        )
    }

    /// Ways to part the tenants into capacity providers: by how much memory goes with a vCPU.
    fn ways_to_part(&self) -> Vec<Vec<Vec<usize>>> {
        let ratio = |item: &Amount| f64::from(item.0[1]) / f64::from(item.0[0].max(1));
        let part = |limits: &[f64]| {
            let mut parts = vec![Vec::new(); limits.len() + 1];
            for (tenant, item) in self.problem.items.iter().enumerate() {
                parts[limits.partition_point(|&limit| limit < ratio(item))].push(tenant);
            }
            parts.retain(|part| !part.is_empty());
            parts
        };
        let mut ways: Vec<Vec<Vec<usize>>> = [&[3.0][..], &[5.5], &[2.5, 5.5]]
            .into_iter()
            .map(part)
            .collect();
        ways.retain(|parts| parts.len() > 1 && parts.len() <= MOST_GROUPS);
        ways.dedup();
        ways
    }

    /// The groups with the placement that suits them best, as one fleet.
    fn placed_best(&mut self, groups: &[Group]) -> Found {
        let mut best = (cost(groups), Placement::FirstFit, Vec::new());
        for placement in [Placement::BinpackMemory, Placement::BinpackCpu] {
            let run = |group: &Group| {
                let tasks: Vec<Task> = group
                    .tasks
                    .iter()
                    .map(|&index| self.problem.tasks[index as usize])
                    .collect();
                simulate(
                    &tasks,
                    &self.needs,
                    group.offer.capacity,
                    self.problem.rules,
                    placement,
                    self.problem.window,
                )
            };
            let runs: Vec<Simulated> = groups.iter().map(run).collect();
            let usd = runs
                .iter()
                .zip(groups)
                .map(|(run, group)| billed(run, &group.offer))
                .sum();
            if best.2.is_empty() || usd < best.0 {
                best = (usd, placement, runs);
            }
        }
        let (_, placement, runs) = best;
        let mut fleet = Fleet {
            instances: Vec::new(),
            instance_of: vec![u32::MAX; self.problem.tasks.len()],
        };
        for (group, run) in groups.iter().zip(runs) {
            let base = u32::try_from(fleet.instances.len()).unwrap_or(u32::MAX);
            for (&task, lease) in group.tasks.iter().zip(&run.lease_of) {
                fleet.instance_of[task as usize] = base + lease;
            }
            let type_index = group.offer.index;
            fleet.instances.extend(
                run.leases
                    .into_iter()
                    .map(|lease| Instance { type_index, lease }),
            );
        }
        let steps = self.begun - self.left;
        Found {
            fleet,
            placement,
            steps,
        }
    }
}

fn billed(run: &Simulated, offer: &Offer) -> f64 {
    run.billed_ms() as f64 * offer.usd_per_hour
}

/// Demand over time, coarsely: the mean of each resource in spans of equal length.
struct Load {
    spans: Vec<[f64; 4]>,
    span_ms: f64,
}

impl Load {
    const MOST_SPANS: i64 = 2048;

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_possible_wrap
    )] // spans are few
    fn of(tasks: &[Task], problem: &Problem<'_>) -> Self {
        let from_ms = problem.window.from_ms;
        let spans = (tasks.len() as i64 * 2).clamp(16, Self::MOST_SPANS);
        let span_ms = (problem.window.ms() / spans).max(1);
        let count = (problem.window.ms() / span_ms + 1) as usize;
        // Differences of a curve that is constant in each span: whole spans by their ends, the rest directly.
        let mut rise = vec![[0.0; 4]; count + 1];
        let mut spans = vec![[0.0; 4]; count];
        for task in tasks {
            let item = problem.items[task.tenant as usize].0.map(f64::from);
            let (start, end) = (task.start_ms - from_ms, task.end_ms - from_ms);
            let (first, last) = ((start / span_ms) as usize, ((end - 1) / span_ms) as usize);
            let part = |from: i64, to: i64| (to - from) as f64 / span_ms as f64;
            for (resource, amount) in item.into_iter().enumerate() {
                if first == last {
                    spans[first][resource] += amount * part(start, end);
                } else {
                    spans[first][resource] += amount * part(start, (first as i64 + 1) * span_ms);
                    spans[last][resource] += amount * part(last as i64 * span_ms, end);
                    rise[first + 1][resource] += amount;
                    rise[last][resource] -= amount;
                }
            }
        }
        let mut level = [0.0; 4];
        for (span, rise) in spans.iter_mut().zip(&rise) {
            for resource in 0..4 {
                level[resource] += rise[resource];
                span[resource] += level[resource];
            }
        }
        Self {
            spans,
            span_ms: span_ms as f64,
        }
    }

    /// Price × milliseconds that instances of this type cannot be below.
    fn least(&self, offer: &Offer) -> f64 {
        self.sum(offer, |instances| instances) * (1.0 - 1e-6)
    }

    /// Price × milliseconds of whole instances.
    fn likely(&self, offer: &Offer) -> f64 {
        self.sum(offer, |instances| (instances * 1.05).ceil())
    }

    fn sum(&self, offer: &Offer, whole: impl Fn(f64) -> f64) -> f64 {
        let capacity = offer.capacity.0;
        let needed = |span: &[f64; 4]| {
            let parts = span.iter().zip(capacity).enumerate();
            let limited = parts.filter(|&(resource, (_, capacity))| {
                capacity > 0 && (resource != INTERFACES || capacity < u32::MAX)
            });
            limited
                .map(|(_, (used, capacity))| used / f64::from(capacity))
                .fold(0.0, f64::max)
        };
        let instances: f64 = self.spans.iter().map(|span| whole(needed(span))).sum();
        instances * self.span_ms * offer.usd_per_hour
    }
}
