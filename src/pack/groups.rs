//! Tenants that share a capacity provider, on the instance type that suits them best, as ECS would run them.
//!
//! What a group costs depends on its tenants and the rules alone: not on who else there is, what was asked before, or
//! how much of a search is left. So the answers for two sets of tenants are also an answer for both of them.

use std::collections::HashMap;
use std::rc::Rc;

use super::coarse::Load;
use super::floor::{Offer, undominated};
use super::input::{CPU, InstanceType, MEMORY, Placement};
use super::problem::Problem;
use super::simulate::{Simulated, simulate};
use super::timeline::Task;
use super::verify::{self, Fleet, Instance};
use super::zone::Needs;
use crate::model::units::Usd;

/// Placing a task, its stop included, is about this many steps of effort.
const STEPS_PER_TASK: u64 = 60;
/// Looking at the demand in one span is about this many.
const STEPS_PER_SPAN: u64 = 8;
/// Looking a group up is about this many for each of its tenants.
const STEPS_PER_TENANT: u64 = 4;
/// So many simulations of a group should find room in the effort allowed.
const SIMULATIONS: u64 = 24;
/// No more instance types than this are simulated for one group.
const MOST_TYPES: u64 = 8;

/// What ECS fills best on such instances with such a load.
fn likely_placement(load: &Load, offer: &Offer) -> Placement {
    if load.is_cpu_scarcer(offer) {
        Placement::BinpackCpu
    } else {
        Placement::BinpackMemory
    }
}

fn other(placement: Placement) -> Placement {
    match placement {
        Placement::BinpackCpu => Placement::BinpackMemory,
        _ => Placement::BinpackCpu,
    }
}

/// Tenants that share a capacity provider.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    /// In order; each of them ran.
    pub(super) tenants: Vec<u32>,
    pub(super) offer: Offer,
    pub(super) placement: Placement,
    billed_ms: i128,
    run: Simulated,
}

impl Group {
    /// Price × milliseconds.
    pub(super) fn usd_ms(&self) -> f64 {
        self.billed_ms as f64 * self.offer.usd_per_hour
    }

    /// The same where there are only these tenants, in order.
    pub(super) fn among(&self, tenants: &[usize]) -> Rc<Self> {
        let place = |one: &u32| tenants.partition_point(|other| *other < *one as usize);
        let places = self.tenants.iter().map(place);
        Rc::new(Self {
            tenants: places
                .filter_map(|place| u32::try_from(place).ok())
                .collect(),
            ..self.clone()
        })
    }
}

/// What these groups cost, exactly: as their fleet.
pub(super) fn cost(groups: &[Rc<Group>], types: &[InstanceType]) -> Usd {
    let mut billed_ms = vec![0_i128; types.len()];
    for group in groups {
        billed_ms[group.offer.index] += group.billed_ms;
    }
    verify::cost(billed_ms, types)
}

/// Groups as they are asked for, each simulated once.
pub(super) struct Groups<'a> {
    problem: &'a Problem<'a>,
    offers: Vec<Offer>,
    needs: Needs,
    /// The tasks of each tenant, by their place among all tasks.
    tasks_of: Vec<Vec<u32>>,
    known: HashMap<Vec<u32>, Option<Rc<Group>>>,
    /// Steps of effort that were taken.
    pub(super) spent: u64,
}

impl<'a> Groups<'a> {
    pub(super) fn new(problem: &'a Problem<'a>) -> Self {
        let mut tasks_of = vec![Vec::new(); problem.items.len()];
        for (task, index) in problem.tasks.iter().zip(0..) {
            tasks_of[task.tenant as usize].push(index);
        }
        Self {
            problem,
            offers: undominated(&problem.offers),
            needs: Needs::new(&problem.items, &problem.ports),
            tasks_of,
            known: HashMap::new(),
            spent: 0,
        }
    }

    /// The tenants of whom a task ran.
    pub(super) fn running(&self) -> Vec<u32> {
        let tenants = (0..).zip(&self.tasks_of);
        let running = tenants.filter(|(_, tasks)| !tasks.is_empty());
        running.map(|(tenant, _)| tenant).collect()
    }

    /// Of these tenants, in order, those without whom the others were asked for before, and what these cost, price ×
    /// milliseconds; nobody costs nothing.
    pub(super) fn without_one(&self, tenants: &[u32]) -> Vec<(u32, f64)> {
        if let [only] = tenants {
            return vec![(*only, 0.0)];
        }
        let fewer = self.known.iter();
        let fewer = fewer.filter(|(known, _)| known.len() + 1 == tenants.len());
        let without = fewer.filter_map(|(known, group)| {
            let same = known.iter().zip(tenants).take_while(|(a, b)| a == b);
            let at = same.count();
            let is_without = known[at..] == tenants[at + 1..];
            is_without.then_some((tenants[at], group.as_ref()?.usd_ms()))
        });
        without.collect()
    }

    /// Tasks of these tenants.
    fn tasks(&self, tenants: &[u32]) -> u64 {
        let tasks = |&tenant: &u32| self.tasks_of[tenant as usize].len() as u64;
        tenants.iter().map(tasks).sum()
    }

    /// Effort of one simulation of these tenants.
    pub(super) fn steps(&self, tenants: &[u32]) -> u64 {
        self.tasks(tenants) * STEPS_PER_TASK
    }

    /// These tenants on the type that suits them best; `None` where no type holds all of them.
    pub(super) fn of(&mut self, mut tenants: Vec<u32>) -> Option<Rc<Group>> {
        tenants.sort_unstable();
        self.spent += tenants.len() as u64 * STEPS_PER_TENANT;
        if let Some(known) = self.known.get(&tenants) {
            return known.clone();
        }
        let group = self.simulated(&tenants).map(Rc::new);
        self.known.insert(tenants, group.clone());
        group
    }

    /// These tenants in as few groups as types that hold them allow.
    pub(super) fn together(&mut self, tenants: &[u32]) -> Vec<Rc<Group>> {
        let mut groups = Vec::new();
        let mut waiting = vec![tenants.to_vec()];
        while let Some(part) = waiting.pop().filter(|part| !part.is_empty()) {
            if self.holding(&part).is_empty() {
                waiting.extend(self.parted(&part));
            } else {
                groups.extend(self.of(part));
            }
        }
        groups
    }

    /// The types that hold each of these tenants.
    fn holding(&self, tenants: &[u32]) -> Vec<Offer> {
        let holds_all = |offer: &&Offer| {
            let items = tenants
                .iter()
                .map(|&tenant| self.problem.items[tenant as usize]);
            items.into_iter().all(|item| offer.capacity.holds(item))
        };
        self.offers.iter().filter(holds_all).copied().collect()
    }

    /// The rest, and what the type that holds most of these tenants holds.
    fn parted(&self, part: &[u32]) -> [Vec<u32>; 2] {
        let held = |offer: &Offer| -> (Vec<u32>, Vec<u32>) {
            let holds = |tenant: &u32| offer.capacity.holds(self.problem.items[*tenant as usize]);
            part.iter().partition(|tenant| holds(tenant))
        };
        let ways = self.offers.iter().map(held);
        let most = ways.max_by_key(|(held, _)| held.len());
        most.map_or([Vec::new(), Vec::new()], |(held, rest)| [rest, held])
    }

    fn simulated(&mut self, tenants: &[u32]) -> Option<Group> {
        let holding = self.holding(tenants);
        let tasks = self.tasks_in_order(tenants);
        if tasks.is_empty() || holding.is_empty() {
            return None;
        }
        let load = Load::of(&tasks, self.problem);
        self.spent += load.spans() as u64 * (holding.len() as u64 + 1) * STEPS_PER_SPAN;
        let mut hopes: Vec<(f64, f64, &Offer)> = holding
            .iter()
            .map(|offer| (load.likely(offer), load.least(offer), offer))
            .collect();
        hopes.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.2.index.cmp(&b.2.index)));
        let fits = self.problem.rules.effort.steps / self.steps(tenants).max(1) / SIMULATIONS;
        let mut best: Option<Group> = None;
        let tried = usize::try_from(fits.clamp(1, MOST_TYPES)).unwrap_or(1);
        let tries_all = fits >= 2 * MOST_TYPES;
        for (_, least, &offer) in hopes.into_iter().take(tried) {
            if best.as_ref().is_some_and(|best| best.usd_ms() <= least) {
                continue;
            }
            let likely = likely_placement(&load, &offer);
            self.better(&mut best, tenants, &tasks, (offer, likely));
            if tries_all {
                self.better(&mut best, tenants, &tasks, (offer, other(likely)));
            }
        }
        let (offer, placement) = best.as_ref().map(|best| (best.offer, best.placement))?;
        if fits > 0 && !tries_all {
            self.better(&mut best, tenants, &tasks, (offer, other(placement)));
        }
        best
    }

    /// Simulates another way, and takes it if it is cheaper.
    fn better(
        &mut self,
        best: &mut Option<Group>,
        tenants: &[u32],
        tasks: &[Task],
        (offer, placement): (Offer, Placement),
    ) {
        self.spent += tasks.len() as u64 * STEPS_PER_TASK;
        let problem = self.problem;
        let run = simulate(
            tasks,
            &self.needs,
            offer.capacity,
            problem.rules,
            placement,
            problem.window,
        );
        let group = Group {
            tenants: tenants.to_vec(),
            offer,
            placement,
            billed_ms: run.billed_ms(),
            run,
        };
        if best
            .as_ref()
            .is_none_or(|best| group.usd_ms() < best.usd_ms())
        {
            *best = Some(group);
        }
    }

    /// The tasks of these tenants, by start.
    fn tasks_in_order(&self, tenants: &[u32]) -> Vec<Task> {
        let all = self.problem.tasks;
        self.places(tenants)
            .into_iter()
            .map(|place| all[place as usize])
            .collect()
    }

    fn places(&self, tenants: &[u32]) -> Vec<u32> {
        let all = self.problem.tasks;
        let count = self.tasks(tenants);
        if count * 8 < all.len() as u64 {
            let of = |&tenant: &u32| self.tasks_of[tenant as usize].iter().copied();
            let mut places: Vec<u32> = tenants.iter().flat_map(of).collect();
            places.sort_unstable();
            return places;
        }
        let mut is_in = vec![false; self.tasks_of.len()];
        for &tenant in tenants {
            is_in[tenant as usize] = true;
        }
        let places = (0..).zip(all);
        let wanted = places.filter(|(_, task)| is_in[task.tenant as usize]);
        wanted.map(|(place, _)| place).collect()
    }

    /// These groups as one fleet, which runs every task of theirs.
    pub(super) fn fleet(&self, groups: &[Rc<Group>]) -> Fleet {
        let mut fleet = Fleet {
            instances: Vec::new(),
            instance_of: vec![u32::MAX; self.problem.tasks.len()],
        };
        for group in groups {
            let places = self.places(&group.tenants);
            let base = u32::try_from(fleet.instances.len()).unwrap_or(u32::MAX);
            for (&place, lease) in places.iter().zip(&group.run.lease_of) {
                fleet.instance_of[place as usize] = base + lease;
            }
            let type_index = group.offer.index;
            let instance = |&lease| Instance { type_index, lease };
            fleet
                .instances
                .extend(group.run.leases.iter().map(instance));
        }
        fleet
    }

    /// MiB that go with a CPU unit of a tenant.
    pub(super) fn memory_per_cpu(&self, tenant: u32) -> f64 {
        let item = self.problem.items[tenant as usize].0;
        f64::from(item[MEMORY]) / f64::from(item[CPU].max(1))
    }

    /// What the tasks of each tenant are worth, in no unit: shares of a fleet before it is known.
    pub(super) fn worths(&self) -> Vec<f64> {
        let mut busy_ms = vec![0.0; self.tasks_of.len()];
        let mut whole = [0.0; 4];
        for task in self.problem.tasks {
            let item = self.problem.items[task.tenant as usize];
            busy_ms[task.tenant as usize] += task.ms() as f64;
            for (whole, amount) in whole.iter_mut().zip(item.0) {
                *whole += f64::from(amount) * task.ms() as f64;
            }
        }
        // A unit of a resource is worth the more the less of it there is to the others on the cheapest offers.
        let prices = super::floor::resource_prices(&self.offers, false);
        let worth = |prices: &[f64; 4], amounts: [f64; 4]| -> f64 {
            prices.iter().zip(amounts).map(|(a, b)| a * b).sum()
        };
        let best = prices
            .iter()
            .max_by(|a, b| worth(a, whole).total_cmp(&worth(b, whole)));
        let flat = [1.0, 0.1, 0.0, 0.0];
        let prices = best.unwrap_or(&flat);
        let items = self.problem.items.iter().zip(busy_ms);
        items
            .map(|(item, ms)| worth(prices, item.0.map(f64::from)) * ms)
            .collect()
    }
}
