//! A fleet described: instances by type over time, what was paid for and not reserved, and who causes it.

use std::collections::BTreeMap;

use super::attribute::{self, Resources};
use super::floor::{Floor, Offer};
use super::input::{Amount, CPU, GPUS, INTERFACES, InstanceType, MEMORY, Network};
use super::problem::Problem;
use super::result::{
    Causes, FleetPlan, InstanceSpan, PerResource, Resource, Share, Stranded, TypeUse,
};
use super::search::Found;
use super::simulate::Lease;
use super::verify::{self, Fleet};
use crate::model::units::{TaskSize, Usd};

/// A fleet about to be described.
pub(super) struct Described<'a> {
    pub(super) types: &'a [InstanceType],
    pub(super) problem: &'a Problem<'a>,
    pub(super) found: &'a Found,
    pub(super) floor: &'a Floor,
    pub(super) modelled: Usd,
}

impl Described<'_> {
    pub(super) fn plan(&self, achievable: Usd, without_trunking: Option<Usd>) -> FleetPlan {
        let (fleet, floor) = (&self.found.fleet, self.floor);
        let (types, instances) = over_time(fleet, self.types);
        let paid = Paid::of(fleet, self.problem);
        let utilization = paid.utilization(self.problem);
        FleetPlan {
            network: self.problem.rules.network,
            placements: self.found.placements.clone(),
            peak_instances: peak(fleet),
            instance_ms: types
                .iter()
                .fold(0, |sum: i64, of| sum.saturating_add(of.instance_ms)),
            types,
            instances,
            floor: down(floor.usd).min(self.modelled),
            floor_resources: down(floor.resources_usd).min(self.modelled),
            achievable: achievable.min(self.modelled),
            modelled: self.modelled,
            without_trunking,
            unpacked: unpacked(self.problem, self.types),
            binds: utilization.fullest(),
            stranded: paid.stranded(&utilization),
            utilization,
            shares: self.shares_of(&paid),
        }
    }

    /// Each tenant's part.
    pub(super) fn shares(&self) -> Vec<Share> {
        self.shares_of(&Paid::of(&self.found.fleet, self.problem))
    }

    fn shares_of(&self, paid: &Paid) -> Vec<Share> {
        let floor = self.floor;
        let weights: Vec<i128> = floor.by_tenant.iter().map(|&worth| weight(worth)).collect();
        let least = down(floor.usd).min(self.modelled);
        let idle = self
            .modelled
            .part(paid.idle_weight, paid.weight)
            .min(self.modelled - least);
        let lost = self.modelled - least - idle;
        let floors = attribute::proportional(least, &weights);
        let losts = attribute::proportional(lost, &weights);
        let idles = attribute::proportional(idle, &weights);
        let splits = attribute::nine_to_one(self.modelled, paid.owned, &reserved(self.problem));
        let parts = floors.into_iter().zip(losts).zip(idles).zip(splits);
        let share = |(((floor, lost), idle), split_cost)| Share {
            floor,
            lost,
            idle,
            split_cost,
            marginal: None,
        };
        parts.map(share).collect()
    }
}

/// A worth as an integer weight.
#[allow(clippy::cast_possible_truncation)] // worths are below 10¹⁸ dollars
fn weight(worth: f64) -> i128 {
    (worth * 1e12) as i128
}

/// Dollars, rounded down.
pub(super) fn down(usd: f64) -> Usd {
    use rust_decimal::Decimal;
    use rust_decimal::RoundingStrategy;
    let exact = Decimal::try_from(usd).unwrap_or(Decimal::ZERO);
    Usd::new(exact.round_dp_with_strategy(12, RoundingStrategy::ToZero))
}

/// What each tenant reserved over time.
fn reserved(problem: &Problem<'_>) -> Vec<Resources> {
    let mut reserved = vec![Resources::default(); problem.items.len()];
    for task in problem.tasks {
        let [cpu, memory, ..] = problem.items[task.tenant as usize].0;
        reserved[task.tenant as usize] += Resources::of(TaskSize::new(cpu, memory), task.ms());
    }
    reserved
}

/// What the tasks cost each on an instance of its own, from boot to stop.
fn unpacked(problem: &Problem<'_>, types: &[InstanceType]) -> Usd {
    let cheapest = |item: &Amount| {
        let fitting = problem
            .offers
            .iter()
            .filter(|offer| offer.capacity.holds(*item));
        fitting
            .min_by(|a, b| a.usd_per_hour.total_cmp(&b.usd_per_hour))
            .map_or(0, |offer| offer.index)
    };
    let chosen: Vec<usize> = problem.items.iter().map(cheapest).collect();
    let mut billed_ms = vec![0_i128; types.len()];
    for task in problem.tasks {
        let from_ms = task
            .start_ms
            .saturating_sub(problem.rules.boot_ms.into())
            .max(problem.window.from_ms);
        let lease = Lease {
            from_ms,
            to_ms: task.end_ms,
            busy_ms: task.ms(),
            boot_ms: task.start_ms - from_ms,
        };
        billed_ms[chosen[task.tenant as usize]] += i128::from(lease.billed_ms());
    }
    verify::cost(billed_ms, types)
}

/// Most instances at one time.
fn peak(fleet: &Fleet) -> u32 {
    let leases = fleet
        .instances
        .iter()
        .map(|instance| (instance.lease.from_ms, instance.lease.to_ms));
    steps(leases)
        .into_iter()
        .map(|(_, _, instances)| instances)
        .max()
        .unwrap_or(0)
}

/// How many spans lie over one another, from when to when; only where there is one.
fn steps(spans: impl Iterator<Item = (i64, i64)>) -> Vec<(i64, i64, u32)> {
    let mut changes: BTreeMap<i64, i64> = BTreeMap::new();
    for (from_ms, to_ms) in spans.filter(|(from_ms, to_ms)| from_ms < to_ms) {
        *changes.entry(from_ms).or_default() += 1;
        *changes.entry(to_ms).or_default() -= 1;
    }
    let mut steps = Vec::new();
    let mut now = 0;
    let mut since = 0;
    for (at, change) in changes.into_iter().filter(|&(_, change)| change != 0) {
        if now > 0 {
            steps.push((since, at, u32::try_from(now).unwrap_or(u32::MAX)));
        }
        now += change;
        since = at;
    }
    steps
}

/// How many ran from when to when.
type Steps = Vec<(i64, i64, u32)>;

fn over_time(fleet: &Fleet, types: &[InstanceType]) -> (Vec<TypeUse>, Vec<InstanceSpan>) {
    let mut by_type: BTreeMap<usize, Vec<&super::verify::Instance>> = BTreeMap::new();
    for instance in &fleet.instances {
        by_type
            .entry(instance.type_index)
            .or_default()
            .push(instance);
    }
    let mut used: Vec<(TypeUse, Steps)> = Vec::new();
    for (index, instances) in by_type {
        let leases = instances.iter().map(|instance| instance.lease);
        let steps = steps(leases.clone().map(|lease| (lease.from_ms, lease.to_ms)));
        let alone = Fleet {
            instances: instances.iter().map(|&&instance| instance).collect(),
            instance_of: Vec::new(),
        };
        let instance_ms: i128 = leases.map(|lease| i128::from(lease.billed_ms())).sum();
        let of = TypeUse {
            instance_type: types[index].name.clone(),
            peak_instances: steps
                .iter()
                .map(|&(_, _, instances)| instances)
                .max()
                .unwrap_or(0),
            starts: u32::try_from(instances.len()).unwrap_or(u32::MAX),
            instance_ms: i64::try_from(instance_ms).unwrap_or(i64::MAX),
            cost: alone.cost(types),
        };
        used.push((of, steps));
    }
    used.sort_by(|(a, _), (b, _)| (b.cost, &a.instance_type).cmp(&(a.cost, &b.instance_type)));
    let spans = used
        .iter()
        .enumerate()
        .flat_map(|(type_index, (_, steps))| {
            steps
                .iter()
                .map(move |&(from_ms, to_ms, instances)| InstanceSpan {
                    type_index,
                    from_ms,
                    to_ms,
                    instances,
                })
        });
    let spans = spans.collect();
    (used.into_iter().map(|(of, _)| of).collect(), spans)
}

/// What was paid for over time, of each resource: while booting, empty, and in use.
struct Paid {
    whole: [f64; 4],
    boot: [f64; 4],
    empty: [f64; 4],
    /// Processor and memory, as split cost wants them.
    owned: Resources,
    /// Price × time, and the part of it spent booting or empty.
    weight: i128,
    idle_weight: i128,
}

impl Paid {
    fn of(fleet: &Fleet, problem: &Problem<'_>) -> Self {
        let mut paid = Self {
            whole: [0.0; 4],
            boot: [0.0; 4],
            empty: [0.0; 4],
            owned: Resources::default(),
            weight: 0,
            idle_weight: 0,
        };
        let by_index: BTreeMap<usize, &Offer> = problem
            .offers
            .iter()
            .map(|offer| (offer.index, offer))
            .collect();
        for instance in &fleet.instances {
            let Some(offer) = by_index.get(&instance.type_index) else {
                continue;
            };
            let lease = instance.lease;
            let (billed, boot) = (lease.billed_ms(), lease.boot_ms);
            let empty = billed - boot - lease.busy_ms;
            for (resource, capacity) in offer.capacity.0.into_iter().enumerate() {
                paid.whole[resource] += f64::from(capacity) * billed as f64;
                paid.boot[resource] += f64::from(capacity) * boot as f64;
                paid.empty[resource] += f64::from(capacity) * empty as f64;
            }
            let [cpu, memory, ..] = offer.capacity.0;
            paid.owned += Resources::of(TaskSize::new(cpu, memory), billed);
            let price = weight(offer.usd_per_hour) / 1_000_000;
            paid.weight += price * i128::from(billed);
            paid.idle_weight += price * i128::from(boot + empty);
        }
        paid
    }

    fn utilization(&self, problem: &Problem<'_>) -> PerResource {
        let mut used = [0.0; 4];
        for task in problem.tasks {
            for (used, amount) in used.iter_mut().zip(problem.items[task.tenant as usize].0) {
                *used += f64::from(amount) * task.ms() as f64;
            }
        }
        let part = |resource: usize| {
            (self.whole[resource] > 0.0).then(|| used[resource] / self.whole[resource])
        };
        let has_limit = problem.rules.network != Network::BridgeOrHost;
        PerResource {
            cpu: part(CPU).unwrap_or(0.0),
            memory: part(MEMORY).unwrap_or(0.0),
            network_interfaces: part(INTERFACES).filter(|_| has_limit),
            gpus: part(GPUS),
        }
    }

    fn stranded(&self, utilization: &PerResource) -> Stranded {
        let part = |of: &[f64; 4], resource: usize| {
            if self.whole[resource] > 0.0 {
                of[resource] / self.whole[resource]
            } else {
                0.0
            }
        };
        let fullest = utilization.largest();
        let causes = |resource: usize, used: f64| {
            let (boot, empty) = (part(&self.boot, resource), part(&self.empty, resource));
            let unused = (1.0 - used - boot - empty).max(0.0);
            let imbalance = (fullest - used).clamp(0.0, unused);
            Causes {
                boot,
                empty,
                imbalance,
                fragmentation: unused - imbalance,
            }
        };
        Stranded {
            cpu: causes(CPU, utilization.cpu),
            memory: causes(MEMORY, utilization.memory),
        }
    }
}

impl PerResource {
    fn largest(&self) -> f64 {
        let rest = self
            .network_interfaces
            .unwrap_or(0.0)
            .max(self.gpus.unwrap_or(0.0));
        self.cpu.max(self.memory).max(rest)
    }

    /// The resource of which the largest part is reserved.
    fn fullest(&self) -> Resource {
        let of = [
            (Resource::Cpu, Some(self.cpu)),
            (Resource::Memory, Some(self.memory)),
            (Resource::NetworkInterfaces, self.network_interfaces),
            (Resource::Gpus, self.gpus),
        ];
        let mut fullest = (Resource::Cpu, self.cpu);
        for (resource, part) in of {
            if part.is_some_and(|part| part > fullest.1) {
                fullest = (resource, part.unwrap_or(0.0));
            }
        }
        fullest.0
    }
}
