//! "What would this cost on EC2?", answered by packing the tasks that really ran at the same time.
//!
//! In: workloads at their requirements with their running tasks per slot, the instance types on offer, and the
//! rules of the fleet. Out: the cheapest fleet of one instance type, the floor under every packing, what binds,
//! and each workload's share.
//!
//! Every slot is packed afresh, so a task may change instance between slots, and an instance may serve any
//! Availability Zone. ECS does neither, so the modelled cost is slightly in favour of EC2.

pub mod attribute;
mod bound;
mod simulate;

use std::fmt;

use rust_decimal::Decimal;

use crate::demand::Slot;
use crate::model::units::{MS_PER_HOUR, TaskSize, Usd, Window};
use attribute::Resources;
use simulate::{Billed, Capacity, Moment, Timeline};

/// Prices above this are taken for a mistake; the arithmetic of the floor is exact up to here.
const MAX_USD_PER_HOUR: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

/// An EC2 instance type with its price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceType {
    /// As AWS spells it: `m6i.large`.
    pub name: String,
    /// CPU units; 1,024 make one vCPU.
    pub cpu_units: u32,
    /// Memory as advertised, MiB.
    pub memory_mib: u32,
    /// Tasks with a network interface of their own that it takes (`awsvpc` without trunking: interfaces − 1).
    pub task_slots: u32,
    /// Price of the instance, USD per hour.
    pub usd_per_hour: Decimal,
    /// Price of its root volume, USD per hour.
    pub root_usd_per_hour: Decimal,
}

/// One workload that would move onto the fleet.
#[derive(Debug, Clone, Copy)]
pub struct Tenant<'a> {
    /// What one of its tasks reserves.
    pub size: TaskSize,
    /// Its running tasks over time.
    pub slots: &'a [Slot],
}

/// How a fleet is run.
///
/// Source: Amazon ECS developer guide, "Container Instance Memory Management" and "Cluster auto scaling", 2023-06:
/// the agent registers 1.8–2.5 % less memory than advertised, and scale-in needs 15 one-minute datapoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// From launch until the first task can start, milliseconds.
    pub boot_ms: u32,
    /// From the last need of an instance until it is terminated, milliseconds.
    pub scale_in_ms: u32,
    /// Zones over which each workload is spread; 0 counts as 1.
    pub availability_zones: u8,
    /// Advertised memory that the operating system keeps, per mille.
    pub os_memory_permille: u32,
    /// Memory kept for the ECS agent and daemons, MiB.
    pub agent_memory_mib: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            boot_ms: 120_000,
            scale_in_ms: 900_000,
            availability_zones: 2,
            os_memory_permille: 25,
            agent_memory_mib: 256,
        }
    }
}

/// The cheapest fleet of one instance type that runs every tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Fleet {
    /// Its instance type.
    pub instance_type: InstanceType,
    /// Most instances needed in one slot.
    pub peak_instances: u32,
    /// Instance-milliseconds billed inside the window, boot and scale-in included.
    pub instance_ms: i64,
    /// What these cost, root volumes included.
    pub cost: Usd,
    /// No packing on any mix of the instance types on offer costs less. Rounded down.
    pub floor: Usd,
    /// What fills first.
    pub binds: Binds,
    /// Capacity paid for that no task reserved.
    pub stranded: Stranded,
    /// Each tenant's share of `cost` by AWS's split-cost rule, in the order of the tenants. Adds up to `cost`.
    pub shares: Vec<Usd>,
    /// Each tenant's share of `floor` at the floor's own resource prices, in the same order. Adds up to `floor`.
    pub floor_shares: Vec<Usd>,
}

/// The resource of which the largest part is reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binds {
    /// Processor.
    Cpu,
    /// Memory.
    Memory,
    /// Network interfaces: task slots of `awsvpc`.
    NetworkInterfaces,
}

impl Binds {
    /// As printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::NetworkInterfaces => "network_interfaces",
        }
    }
}

/// Shares (0 to 1) of the schedulable capacity paid for that no task reserved: the other resource was full,
/// tasks did not add up to an instance, or an instance booted or waited for scale-in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stranded {
    /// Of the processors.
    pub cpu: f64,
    /// Of the memory.
    pub memory: f64,
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
    /// Every tenant fits some type, but none holds all; these do not fit the type that holds most.
    NoCommonType,
    /// No task ran inside the window.
    NothingRan,
    /// More instances than can be counted.
    TooMany,
}

impl fmt::Display for Unpackable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.reason {
            Reason::NoInstanceType => "no instance type with a price and room for a task",
            Reason::TooLarge => "larger than every instance type",
            Reason::NoCommonType => "no instance type holds all workloads",
            Reason::NothingRan => "no task ran in the window",
            Reason::TooMany => "more instances than can be counted",
        })
    }
}

impl std::error::Error for Unpackable {}

/// Whether a task of this `size` fits an empty instance of one of the `types`.
pub fn fits(size: TaskSize, types: &[InstanceType], rules: &Rules) -> bool {
    types
        .iter()
        .filter_map(|instance_type| Offer::new(instance_type, rules))
        .any(|offer| offer.capacity.holds(size))
}

/// The cheapest fleet of one of the `types` that runs all `tenants` inside `window`; at the same cost, the first by name.
///
/// Types without a price, or without room for a task beside the operating system and the agent, are left out.
/// A tenant counts for the choice of the type even where it ran nothing.
///
/// # Errors
/// [`Unpackable`] where a tenant fits no type, no type holds all tenants, nothing ran, or the numbers overflow.
pub fn plan(
    tenants: &[Tenant<'_>],
    types: &[InstanceType],
    rules: &Rules,
    window: Window,
) -> Result<Fleet, Unpackable> {
    let offers: Vec<Offer> = types
        .iter()
        .filter_map(|instance_type| Offer::new(instance_type, rules))
        .collect();
    let candidates = holding_all(tenants, &offers)?;
    let moments = simulate::moments(tenants, window);
    if moments.is_empty() {
        return Err(Unpackable {
            tenants: Vec::new(),
            reason: Reason::NothingRan,
        });
    }
    let timeline = Timeline::new(tenants, &moments, rules.availability_zones);
    cheapest(candidates, &timeline, rules, window)
        .map(|bill| bill.fleet(tenants, &moments, &offers))
        .ok_or(Unpackable {
            tenants: Vec::new(),
            reason: Reason::TooMany,
        })
}

/// An instance type that can take tasks, with what it leaves for them and what an hour of it costs.
#[derive(Debug, Clone, Copy)]
struct Offer<'a> {
    instance_type: &'a InstanceType,
    capacity: Capacity,
    usd_per_hour: Decimal,
}

impl<'a> Offer<'a> {
    fn new(instance_type: &'a InstanceType, rules: &Rules) -> Option<Self> {
        let kept_permille = 1000_u64.saturating_sub(rules.os_memory_permille.into());
        let registered = u64::from(instance_type.memory_mib) * kept_permille / 1000;
        let capacity = Capacity {
            cpu: instance_type.cpu_units.into(),
            memory: registered.saturating_sub(rules.agent_memory_mib.into()),
            slots: instance_type.task_slots.into(),
        };
        let usd_per_hour = instance_type
            .usd_per_hour
            .checked_add(instance_type.root_usd_per_hour)?;
        let has_room = capacity.cpu > 0 && capacity.memory > 0 && capacity.slots > 0;
        let has_price = instance_type.usd_per_hour > Decimal::ZERO
            && instance_type.root_usd_per_hour >= Decimal::ZERO
            && usd_per_hour <= MAX_USD_PER_HOUR;
        (has_room && has_price).then_some(Self {
            instance_type,
            capacity,
            usd_per_hour,
        })
    }

    /// The tenants that do not fit.
    fn left_out(&self, tenants: &[Tenant<'_>]) -> Vec<usize> {
        (0..tenants.len())
            .filter(|&tenant| !self.capacity.holds(tenants[tenant].size))
            .collect()
    }
}

/// The offers that hold a task of every tenant.
fn holding_all<'o, 'a>(
    tenants: &[Tenant<'_>],
    offers: &'o [Offer<'a>],
) -> Result<Vec<&'o Offer<'a>>, Unpackable> {
    let too_large: Vec<usize> = (0..tenants.len())
        .filter(|&tenant| {
            !offers
                .iter()
                .any(|offer| offer.capacity.holds(tenants[tenant].size))
        })
        .collect();
    let candidates: Vec<&Offer> = offers
        .iter()
        .filter(|offer| offer.left_out(tenants).is_empty())
        .collect();
    let unpackable = |tenants, reason| Err(Unpackable { tenants, reason });
    if offers.is_empty() {
        unpackable(Vec::new(), Reason::NoInstanceType)
    } else if !too_large.is_empty() {
        unpackable(too_large, Reason::TooLarge)
    } else if candidates.is_empty() {
        let left_out = offers
            .iter()
            .map(|offer| (offer.left_out(tenants), &offer.instance_type.name));
        let fewest =
            left_out.min_by(|(a, name_a), (b, name_b)| (a.len(), name_a).cmp(&(b.len(), name_b)));
        unpackable(
            fewest.map(|(tenants, _)| tenants).unwrap_or_default(),
            Reason::NoCommonType,
        )
    } else {
        Ok(candidates)
    }
}

/// The cheapest of the offers. Those that cost more than the best one even where nothing is stranded are not packed.
fn cheapest<'o, 'a>(
    offers: Vec<&'o Offer<'a>>,
    timeline: &Timeline,
    rules: &Rules,
    window: Window,
) -> Option<Bill<'o, 'a>> {
    let least =
        |offer: &'o Offer<'a>| Bill::new(offer, timeline.least(offer.capacity, rules, window)?);
    let mut hopes: Vec<Bill> = offers.into_iter().filter_map(least).collect();
    hopes.sort_by(|a, b| a.rank().cmp(&b.rank()));
    let mut best: Option<Bill> = None;
    for hope in hopes {
        if best.as_ref().is_some_and(|best| best.rank() < hope.rank()) {
            break;
        }
        let packed = timeline
            .packed(hope.offer.capacity, rules, window)
            .and_then(|billed| Bill::new(hope.offer, billed));
        best = best
            .into_iter()
            .chain(packed)
            .min_by(|a, b| a.rank().cmp(&b.rank()));
    }
    best
}

/// What a fleet of one type is billed.
struct Bill<'o, 'a> {
    offer: &'o Offer<'a>,
    billed: Billed,
    cost: Usd,
}

impl<'o, 'a> Bill<'o, 'a> {
    fn new(offer: &'o Offer<'a>, billed: Billed) -> Option<Self> {
        let cost = Usd::of(billed.instance_ms.into(), offer.usd_per_hour, MS_PER_HOUR);
        (cost.amount() < Decimal::MAX).then_some(Self {
            offer,
            billed,
            cost,
        })
    }

    fn rank(&self) -> (Usd, &str) {
        (self.cost, &self.offer.instance_type.name)
    }

    fn fleet(self, tenants: &[Tenant<'_>], moments: &[Moment], offers: &[Offer<'_>]) -> Fleet {
        let Billed {
            instance_ms,
            peak_instances,
        } = self.billed;
        let instance_type = self.offer.instance_type.clone();
        let reserved = reserved(tenants, moments);
        let owned = Resources::of(
            TaskSize::new(instance_type.cpu_units, instance_type.memory_mib),
            instance_ms,
        );
        let (binds, stranded) = fill(self.offer.capacity, instance_ms, moments, &reserved);
        let floor = bound::floor(tenants, moments, &bound::resource_prices(offers));
        Fleet {
            peak_instances,
            instance_ms,
            cost: self.cost,
            floor: floor.total,
            binds,
            stranded,
            shares: attribute::nine_to_one(self.cost, owned, &reserved),
            floor_shares: floor.shares,
            instance_type,
        }
    }
}

/// What each tenant reserved over time.
fn reserved(tenants: &[Tenant<'_>], moments: &[Moment]) -> Vec<Resources> {
    let mut reserved = vec![Resources::default(); tenants.len()];
    for load in moments.iter().flat_map(|moment| &moment.loads) {
        reserved[load.tenant] += Resources::of(tenants[load.tenant].size, load.task_ms);
    }
    reserved
}

/// What binds and what is stranded when `instance_ms` of this `capacity` carry what is `reserved`.
fn fill(
    capacity: Capacity,
    instance_ms: i64,
    moments: &[Moment],
    reserved: &[Resources],
) -> (Binds, Stranded) {
    let task_ms: i128 = moments
        .iter()
        .flat_map(|moment| &moment.loads)
        .map(|load| i128::from(load.task_ms))
        .sum();
    let part = |used: i128, each: u64| used as f64 / (each as f64 * instance_ms as f64);
    let cpu = part(
        reserved.iter().map(|reserved| reserved.cpu).sum(),
        capacity.cpu,
    );
    let memory = part(
        reserved.iter().map(|reserved| reserved.memory).sum(),
        capacity.memory,
    );
    let slots = part(task_ms, capacity.slots);
    let binds = if slots > cpu.max(memory) {
        Binds::NetworkInterfaces
    } else if memory > cpu {
        Binds::Memory
    } else {
        Binds::Cpu
    };
    (
        binds,
        Stranded {
            cpu: (1.0 - cpu).max(0.0),
            memory: (1.0 - memory).max(0.0),
        },
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::bound::tests::{any_tenants, any_types, slot, slots_of, tenants_of, types_of};
    use super::*;
    use crate::model::units::SLOT_MS;

    pub(super) const WINDOW: Window = Window {
        from_ms: 0,
        to_ms: 100 * SLOT_MS,
    };

    fn m5_large() -> InstanceType {
        InstanceType {
            name: "m5.large".to_owned(),
            cpu_units: 2048,
            memory_mib: 8192,
            task_slots: 2,
            usd_per_hour: Decimal::new(96, 3),
            root_usd_per_hour: Decimal::new(329, 5),
        }
    }

    pub(super) fn planned(
        tenants: &[Tenant<'_>],
        types: &[InstanceType],
    ) -> Result<Fleet, Unpackable> {
        plan(tenants, types, &Rules::default(), WINDOW)
    }

    fn unpackable(tenants: &[usize], reason: Reason) -> Unpackable {
        Unpackable {
            tenants: tenants.to_vec(),
            reason,
        }
    }

    pub(super) fn close(a: Usd, b: Usd) -> bool {
        (a.as_f64() - b.as_f64()).abs() <= 1e-9
    }

    #[test]
    fn an_m5_large_leaves_7731_mib() {
        // 8,192 − 2.5 % = 7,987; less 256 for the agent.
        let types = [m5_large()];
        assert!(fits(TaskSize::new(2048, 7731), &types, &Rules::default()));
        assert!(!fits(TaskSize::new(2048, 7732), &types, &Rules::default()));
        assert!(!fits(TaskSize::new(2049, 1), &types, &Rules::default()));
    }

    #[test]
    fn three_tasks_for_five_minutes_cost_two_instances_for_twenty_two() {
        let slots = [slot(10, 3)];
        let fleet = planned(
            &[Tenant {
                size: TaskSize::new(1024, 2048),
                slots: &slots,
            }],
            &[m5_large()],
        )
        .unwrap();
        assert_eq!(
            (fleet.peak_instances, fleet.instance_ms),
            (2, 2 * 22 * 60_000)
        );
        // 2 × 22/60 h × $0.09929; and 1.5 instances' worth of CPU for 5/60 h.
        assert_eq!(
            fleet.cost.amount().round_dp(12).to_string(),
            "0.072812666667"
        );
        let floor: Decimal = "0.01241125".parse().unwrap();
        assert!(
            fleet.floor.amount() <= floor && floor - fleet.floor.amount() < Decimal::new(1, 11)
        );
        assert_eq!(fleet.shares, [fleet.cost]);
        assert_eq!(fleet.floor_shares, [fleet.floor]);
    }

    #[test]
    fn what_fills_first_binds() {
        let slots: Vec<Slot> = (0..50).map(|at| slot(at, 20)).collect();
        let binds = |cpu, memory| {
            planned(
                &[Tenant {
                    size: TaskSize::new(cpu, memory),
                    slots: &slots,
                }],
                &[m5_large()],
            )
            .unwrap()
        };
        assert_eq!(binds(2048, 1024).binds, Binds::Cpu);
        assert_eq!(binds(256, 7000).binds, Binds::Memory);
        assert_eq!(binds(256, 512).binds, Binds::NetworkInterfaces);
        let fleet = binds(1024, 1024);
        // 50 slots of use, 3 more of scale-in; the boot lies before the window.
        assert!((fleet.stranded.cpu - 3.0 / 53.0).abs() < 1e-12);
        assert!((fleet.stranded.memory - (1.0 - 2048.0 / 7731.0 * 50.0 / 53.0)).abs() < 1e-12);
    }

    #[test]
    fn of_types_that_cost_the_same_the_first_by_name_is_taken() {
        let slots = [slot(10, 1)];
        let tenants = [Tenant {
            size: TaskSize::new(256, 512),
            slots: &slots,
        }];
        let named = |name: &str| InstanceType {
            name: name.to_owned(),
            ..m5_large()
        };
        let fleet = planned(
            &tenants,
            &[named("m5.large"), named("m5a.large"), named("a1.large")],
        )
        .unwrap();
        assert_eq!(fleet.instance_type.name, "a1.large");
    }

    #[test]
    fn a_type_without_price_or_room_is_left_out() {
        let slots = [slot(10, 1)];
        let tenants = [Tenant {
            size: TaskSize::new(256, 0),
            slots: &slots,
        }];
        let unusable = [
            InstanceType {
                usd_per_hour: Decimal::ZERO,
                ..m5_large()
            },
            InstanceType {
                usd_per_hour: Decimal::new(-96, 3),
                ..m5_large()
            },
            InstanceType {
                root_usd_per_hour: Decimal::NEGATIVE_ONE,
                ..m5_large()
            },
            InstanceType {
                usd_per_hour: Decimal::MAX,
                root_usd_per_hour: Decimal::MAX,
                ..m5_large()
            },
            InstanceType {
                memory_mib: 256,
                ..m5_large()
            },
            InstanceType {
                cpu_units: 0,
                ..m5_large()
            },
            InstanceType {
                task_slots: 0,
                ..m5_large()
            },
        ];
        assert_eq!(
            planned(&tenants, &unusable),
            Err(unpackable(&[], Reason::NoInstanceType))
        );
        assert_eq!(
            planned(&tenants, &[]),
            Err(unpackable(&[], Reason::NoInstanceType))
        );
        assert!(!fits(TaskSize::new(256, 0), &unusable, &Rules::default()));
    }

    #[test]
    fn tenants_that_fit_no_type_are_named() {
        let slots = [slot(10, 1)];
        let tenant = |cpu, memory| Tenant {
            size: TaskSize::new(cpu, memory),
            slots: &slots,
        };
        let tenants = [tenant(256, 512), tenant(4096, 512), tenant(256, 8192)];
        assert_eq!(
            planned(&tenants, &[m5_large()]),
            Err(unpackable(&[1, 2], Reason::TooLarge))
        );
    }

    #[test]
    fn tenants_that_share_no_type_are_named() {
        let slots = [slot(10, 1)];
        let tenant = |cpu, memory| Tenant {
            size: TaskSize::new(cpu, memory),
            slots: &slots,
        };
        let tenants = [tenant(4096, 512), tenant(256, 7000), tenant(256, 7001)];
        let wide = InstanceType {
            name: "c5.xlarge".to_owned(),
            cpu_units: 4096,
            memory_mib: 4096,
            ..m5_large()
        };
        assert_eq!(
            planned(&tenants, &[wide, m5_large()]),
            Err(unpackable(&[0], Reason::NoCommonType))
        );
    }

    #[test]
    fn nothing_that_ran_is_no_fleet() {
        let size = TaskSize::new(256, 512);
        let nothing = Err(unpackable(&[], Reason::NothingRan));
        assert_eq!(planned(&[], &[m5_large()]), nothing);
        assert_eq!(
            planned(&[Tenant { size, slots: &[] }], &[m5_large()]),
            nothing
        );
        assert_eq!(
            planned(
                &[Tenant {
                    size,
                    slots: &[slot(200, 1)]
                }],
                &[m5_large()]
            ),
            nothing
        );
    }

    #[test]
    fn a_tenant_that_ran_nothing_pays_nothing() {
        let size = TaskSize::new(256, 512);
        let fleet = planned(
            &[
                Tenant { size, slots: &[] },
                Tenant {
                    size,
                    slots: &[slot(10, 1)],
                },
            ],
            &[m5_large()],
        )
        .unwrap();
        assert_eq!(fleet.shares, [Usd::ZERO, fleet.cost]);
        assert_eq!(fleet.floor_shares, [Usd::ZERO, fleet.floor]);
    }

    #[test]
    fn tasks_without_memory_or_size_are_packed_by_what_they_have() {
        let slots = [slot(10, 5)];
        let run = |cpu| {
            planned(
                &[Tenant {
                    size: TaskSize::new(cpu, 0),
                    slots: &slots,
                }],
                &[m5_large()],
            )
            .unwrap()
        };
        assert_eq!((run(2048).peak_instances, run(0).peak_instances), (5, 3));
        assert_eq!(
            (run(0).floor, run(0).shares),
            (Usd::ZERO, vec![run(0).cost])
        );
    }

    #[test]
    fn more_tasks_than_can_be_counted_are_no_number() {
        let slots: Vec<Slot> = (0..90)
            .map(|at| Slot {
                slot: at,
                task_ms: i64::MAX,
                peak: u32::MAX,
            })
            .collect();
        let tenants = [Tenant {
            size: TaskSize::new(2048, 512),
            slots: &slots,
        }];
        assert_eq!(
            planned(&tenants, &[m5_large()]),
            Err(unpackable(&[], Reason::TooMany))
        );
    }

    proptest! {
        #[test]
        fn the_order_of_tenants_and_types_changes_only_the_order_of_shares(tenants in any_tenants(), types in any_types()) {
            let (slots, mut types) = (slots_of(&tenants), types_of(&types));
            let mut tenants = tenants_of(&tenants, &slots);
            let forward = planned(&tenants, &types);
            tenants.reverse();
            types.reverse();
            let backward = planned(&tenants, &types).map(|mut fleet| {
                fleet.shares.reverse();
                fleet.floor_shares.reverse();
                fleet
            });
            // Whose share takes the last digit is settled by order where two are the same.
            if let (Ok(forward), Ok(backward)) = (&forward, &backward) {
                let pairs = forward.shares.iter().zip(&backward.shares);
                let floors = forward.floor_shares.iter().zip(&backward.floor_shares);
                prop_assert!(pairs.chain(floors).all(|(&a, &b)| close(a, b)));
            }
            let without_shares = |fleet: Fleet| Fleet { shares: Vec::new(), floor_shares: Vec::new(), ..fleet };
            prop_assert_eq!(forward.map(without_shares), backward.map(without_shares));
        }
    }
}
