//! The fleet that would carry the tenants: what it costs, how far that is from the best possible, and who causes it.

use std::collections::BTreeMap;
use std::fmt;

use super::attribute::{self, Resources, SplitCost};
use super::floor::{self, Floor, Offer};
use super::input::{
    Amount, CPU, GPUS, INTERFACES, InstanceType, Item, MEMORY, Network, Rules, Tenant,
};
use super::planner;
use super::search::{self, Found};
use super::simulate::Placement;
use super::timeline::{self, Task};
use super::verify::{Fleet, verify};
use crate::model::units::{TaskSize, Usd, Window};

/// A fleet that runs every tenant, over time.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetPlan {
    /// How tasks are connected: a choice that was made, not an outcome.
    pub network: Network,
    /// How ECS is told to place tasks.
    pub placement: Placement,
    /// The instance types used, in order of cost, dearest first.
    pub types: Vec<TypeUse>,
    /// Instances over time, by type in the order of `types`, then by time; only spans with an instance.
    pub instances: Vec<InstanceSpan>,
    /// Most instances at one time.
    pub peak_instances: u32,
    /// Instance-milliseconds billed inside the window.
    pub instance_ms: i64,
    /// No fleet costs less. Rounded down.
    pub floor: Usd,
    /// The part of the floor that is resources over time alone: as if tasks could move at any moment and nothing booted.
    pub floor_resources: Usd,
    /// What a good planner reaches who knows when every task starts and stops: same boot time, no wait before scale-in.
    pub achievable: Usd,
    /// What ECS does with it. Verdicts rest on this one.
    pub modelled: Usd,
    /// What ECS would do with tasks in mode `awsvpc` without trunking, where `network` is with it.
    pub without_trunking: Option<Usd>,
    /// The same tasks, each on an instance of its own, of the cheapest type that holds it.
    pub unpacked: Usd,
    /// What fills first.
    pub binds: Resource,
    /// Share (0 to 1) of what was paid for that tasks reserved.
    pub utilization: PerResource,
    /// Why the rest was paid for.
    pub stranded: Stranded,
    /// Each tenant's part, in the order of the tenants.
    pub shares: Vec<Share>,
}

/// One instance type of a fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeUse {
    /// As AWS spells it.
    pub instance_type: String,
    /// Most of them at one time.
    pub peak_instances: u32,
    /// Starts.
    pub starts: u32,
    /// Instance-milliseconds billed.
    pub instance_ms: i64,
    /// What these cost, root volumes and fees included.
    pub cost: Usd,
}

/// A number of instances of one type from when to when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstanceSpan {
    /// Place in [`FleetPlan::types`].
    pub type_index: usize,
    /// First millisecond inside.
    pub from_ms: i64,
    /// First millisecond after.
    pub to_ms: i64,
    /// Instances, booting ones included.
    pub instances: u32,
}

/// A resource of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Processor.
    Cpu,
    /// Memory.
    Memory,
    /// Network interfaces: task slots of `awsvpc`.
    NetworkInterfaces,
    /// GPUs.
    Gpus,
}

impl Resource {
    /// As printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::NetworkInterfaces => "network_interfaces",
            Self::Gpus => "gpus",
        }
    }
}

/// A number for each resource; `None` where the instances have no end of it, or none of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PerResource {
    /// Processor.
    pub cpu: f64,
    /// Memory.
    pub memory: f64,
    /// Network interfaces.
    pub network_interfaces: Option<f64>,
    /// GPUs.
    pub gpus: Option<f64>,
}

/// Shares (0 to 1) of the capacity paid for that no task reserved, by cause. With the utilization they add up to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stranded {
    /// Of the processors.
    pub cpu: Causes,
    /// Of the memory.
    pub memory: Causes,
}

/// Why capacity was paid for that no task reserved.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Causes {
    /// Instances booted.
    pub boot: f64,
    /// Instances without a task: waiting for scale-in, or kept as spares.
    pub empty: f64,
    /// Another resource was the fuller one: the instance types do not have the tasks' proportions.
    pub imbalance: f64,
    /// Tasks did not add up to whole instances.
    pub fragmentation: f64,
}

/// One tenant's part in the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Its part of the floor, at the floor's own resource prices: the same in whatever order tenants come.
    pub floor: Usd,
    /// Its part of what packing loses, in proportion to `floor`.
    pub lost: Usd,
    /// Its part of instances that boot or are empty, in proportion to `floor`.
    pub idle: Usd,
    /// The same cost by AWS's split-cost rule. Adds up to the cost of the fleet as well.
    pub split_cost: SplitCost,
    /// What the fleet would cost less without this tenant, where that was tried.
    pub marginal: Option<Usd>,
}

impl Share {
    /// The whole part; over all tenants it adds up to [`FleetPlan::modelled`].
    pub fn cost(&self) -> Usd {
        self.floor + self.lost + self.idle
    }
}

/// No fleet can be named, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpackable {
    /// The tenants in the way, by their place in the input; empty where it is not about single tenants.
    pub tenants: Vec<usize>,
    /// Why.
    pub reason: Reason,
}

/// Why no fleet can be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// No instance type on offer has a price and room for a task.
    NoInstanceType,
    /// These tenants fit no instance type on offer.
    TooLarge,
    /// No task ran inside the window.
    NothingRan,
    /// More tasks or instances than can be followed.
    TooMany,
    /// More ports of the instance than can be told apart.
    TooManyPorts,
    /// The fleet did not pass the check that follows every packing.
    CheckFailed,
}

impl fmt::Display for Unpackable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.reason {
            Reason::NoInstanceType => "no instance type with a price and room for a task",
            Reason::TooLarge => "larger than every instance type",
            Reason::NothingRan => "no task ran in the window",
            Reason::TooMany => "more tasks or instances than can be followed",
            Reason::TooManyPorts => "more host ports than can be told apart",
            Reason::CheckFailed => "the packing did not pass its check, so it is withheld",
        })
    }
}

impl std::error::Error for Unpackable {}

impl Unpackable {
    pub(super) const fn because(reason: Reason) -> Self {
        Self {
            tenants: Vec::new(),
            reason,
        }
    }
}

/// Whether a task of this `size`, with a network interface of its own, fits an empty instance of one of the `types`.
pub fn fits(size: TaskSize, types: &[InstanceType], rules: &Rules) -> bool {
    let item = Item::of(size).amount();
    offers(types, rules)
        .iter()
        .any(|offer| offer.capacity.holds(item))
}

/// The types that have a price and room for a task.
pub(super) fn offers(types: &[InstanceType], rules: &Rules) -> Vec<Offer> {
    use rust_decimal::prelude::ToPrimitive;
    let offer = |(index, of): (usize, &InstanceType)| {
        Some(Offer {
            index,
            capacity: of.capacity(rules)?,
            usd_per_hour: of.usd_per_hour()?.to_f64()?,
        })
    };
    types.iter().enumerate().filter_map(offer).collect()
}

/// What is to be packed, as every part of this room takes it.
pub(super) struct Problem<'a> {
    pub(super) rules: &'a Rules,
    pub(super) window: Window,
    /// By tenant.
    pub(super) items: Vec<Amount>,
    /// Ports of the instance as bits, by tenant.
    pub(super) ports: Vec<u64>,
    pub(super) tasks: Vec<Task>,
    pub(super) offers: Vec<Offer>,
}

impl<'a> Problem<'a> {
    pub(super) fn new(
        tenants: &[Tenant],
        types: &[InstanceType],
        rules: &'a Rules,
        window: Window,
    ) -> Result<Self, Unpackable> {
        let offers = offers(types, rules);
        let needs: Vec<&Item> = tenants.iter().map(|tenant| &tenant.item).collect();
        let (items, ports) = amounts(&needs, &offers, rules)?;
        let tasks = timeline::tasks(tenants, window).ok_or(Unpackable::because(Reason::TooMany))?;
        if tasks.is_empty() {
            return Err(Unpackable::because(Reason::NothingRan));
        }
        Ok(Self {
            rules,
            window,
            items,
            ports,
            tasks,
            offers,
        })
    }
}

/// What each item takes of an instance, and its ports as bits.
pub(super) fn amounts(
    items: &[&Item],
    offers: &[Offer],
    rules: &Rules,
) -> Result<(Vec<Amount>, Vec<u64>), Unpackable> {
    if offers.is_empty() {
        return Err(Unpackable::because(Reason::NoInstanceType));
    }
    let amounts: Vec<Amount> = items
        .iter()
        .map(|item| amount(item, rules.network))
        .collect();
    let is_too_large = |item: &Amount| !offers.iter().any(|offer| offer.capacity.holds(*item));
    let tenants: Vec<usize> = (0..amounts.len())
        .filter(|&place| is_too_large(&amounts[place]))
        .collect();
    if !tenants.is_empty() {
        let reason = Reason::TooLarge;
        return Err(Unpackable { tenants, reason });
    }
    let ports = port_bits(items).ok_or(Unpackable::because(Reason::TooManyPorts))?;
    Ok((amounts, ports))
}

/// What an item takes of an instance; sharing its network interface, it takes none.
fn amount(item: &Item, network: Network) -> Amount {
    let mut amount = item.amount();
    if network == Network::BridgeOrHost {
        amount.0[INTERFACES] = 0;
    }
    amount
}

/// A bit for every port; `None` beyond 64 of them.
fn port_bits(items: &[&Item]) -> Option<Vec<u64>> {
    let mut known: BTreeMap<u16, u32> = BTreeMap::new();
    let mut bits = Vec::with_capacity(items.len());
    for item in items {
        let mut own = 0_u64;
        for &port in &item.host_ports {
            let next = u32::try_from(known.len()).ok()?;
            own |= 1_u64.checked_shl(*known.entry(port).or_insert(next))?;
        }
        bits.push(own);
    }
    Some(bits)
}

/// The fleet of the `types` that runs all `tenants` inside `window`.
///
/// Types without a price, or without room for a task beside the operating system, the agent and the daemons, are left out.
///
/// # Errors
/// [`Unpackable`] where a tenant fits no type, nothing ran, or the numbers are beyond what can be followed.
pub fn plan(
    tenants: &[Tenant],
    types: &[InstanceType],
    rules: &Rules,
    window: Window,
) -> Result<FleetPlan, Unpackable> {
    let problem = Problem::new(tenants, types, rules, window)?;
    let changes = timeline::changes(&problem.tasks);
    let prices = floor::resource_prices(&problem.offers, rules.network == Network::Awsvpc);
    let floor = floor::floor(
        &problem.items,
        &changes,
        &problem.offers,
        &prices,
        rules.boot_ms.into(),
    );
    let found = search::modelled(&problem, rules.effort.steps / 2);
    check(&problem, &found.fleet)?;
    let modelled = found.fleet.cost(types);
    let achievable = achievable(&problem, types)?.map_or(modelled, |usd| usd.min(modelled));
    let without_trunking = without_trunking(tenants, types, rules, window);
    Ok(Described {
        types,
        problem: &problem,
        found: &found,
        modelled,
    }
    .plan(&floor, achievable, without_trunking))
}

/// What a good planner reaches; `None` where the effort allowed does not suffice for a plan.
fn achievable(problem: &Problem<'_>, types: &[InstanceType]) -> Result<Option<Usd>, Unpackable> {
    let Some(fleet) = planner::plan(
        problem,
        &floor::undominated(&problem.offers),
        problem.rules.effort.steps / 10 * 4,
    ) else {
        return Ok(None);
    };
    check(problem, &fleet)?;
    Ok(Some(fleet.cost(types)))
}

pub(super) fn check(problem: &Problem<'_>, fleet: &Fleet) -> Result<(), Unpackable> {
    let capacity = |index| {
        problem
            .offers
            .iter()
            .find(|offer| offer.index == index)
            .map(|offer| offer.capacity)
    };
    verify(
        fleet,
        &problem.tasks,
        &problem.items,
        &problem.ports,
        capacity,
    )
    .map_err(|_| Unpackable::because(Reason::CheckFailed))
}

fn without_trunking(
    tenants: &[Tenant],
    types: &[InstanceType],
    rules: &Rules,
    window: Window,
) -> Option<Usd> {
    if rules.network != Network::AwsvpcTrunking {
        return None;
    }
    let rules = Rules {
        network: Network::Awsvpc,
        ..rules.clone()
    };
    let problem = Problem::new(tenants, types, &rules, window).ok()?;
    let found = search::modelled(&problem, rules.effort.steps / 10);
    Some(found.fleet.cost(types))
}

/// A fleet about to be described.
struct Described<'a> {
    types: &'a [InstanceType],
    problem: &'a Problem<'a>,
    found: &'a Found,
    modelled: Usd,
}

impl Described<'_> {
    fn plan(&self, floor: &Floor, achievable: Usd, without_trunking: Option<Usd>) -> FleetPlan {
        let fleet = &self.found.fleet;
        let (types, instances) = over_time(fleet, self.types);
        let reserved = reserved(self.problem);
        let paid = Paid::of(fleet, self.problem);
        let utilization = paid.utilization(self.problem);
        FleetPlan {
            network: self.problem.rules.network,
            placement: self.found.placement,
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
            shares: self.shares(floor, &reserved, &paid),
        }
    }

    fn shares(&self, floor: &Floor, reserved: &[Resources], paid: &Paid) -> Vec<Share> {
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
        let splits = attribute::nine_to_one(self.modelled, paid.owned, reserved);
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
    for task in &problem.tasks {
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
    let mut alone = Fleet::default();
    for task in &problem.tasks {
        let from_ms = task
            .start_ms
            .saturating_sub(problem.rules.boot_ms.into())
            .max(problem.window.from_ms);
        let type_index = chosen[task.tenant as usize];
        let lease = super::simulate::Lease {
            from_ms,
            to_ms: task.end_ms,
            busy_ms: task.ms(),
            boot_ms: task.start_ms - from_ms,
        };
        alone
            .instances
            .push(super::verify::Instance { type_index, lease });
    }
    alone.cost(types)
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
        for task in &problem.tasks {
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
