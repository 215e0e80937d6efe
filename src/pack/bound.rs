//! The floor: no packing of the same tasks, on any mix of the instance types on offer, costs less.
//!
//! Give each CPU-unit-hour and each MiB-hour a price such that no instance type's whole capacity is worth more than
//! the type costs. Whatever carries the demand then costs at least what the demand is worth. The best such prices for
//! a demand are a vertex of the polygon `{π ≥ 0 : π·capacity ≤ price for every type}`: linear programming duality.
//! Task slots, whole instances, boot and scale-in are left out, which can only lower the floor.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::attribute::{Resources, proportional};
use super::simulate::Moment;
use super::{Offer, Tenant};
use crate::model::units::{MS_PER_HOUR, Usd};

/// Instance prices are taken in this fraction of a dollar, rounded down.
const PRICE_SCALE: u32 = 12;
/// Resource prices are finer by this factor.
const FINER: i128 = 100_000_000;

/// The floor and how it divides.
pub(super) struct Floor {
    pub(super) total: Usd,
    pub(super) shares: Vec<Usd>,
}

/// Prices of a CPU-unit-hour and a MiB-hour, in 10⁻²⁰ USD. Rounded down, so that they stay within every type's price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ResourcePrices {
    cpu: i128,
    memory: i128,
}

impl ResourcePrices {
    /// What this demand is worth, saturating: too low is still a floor.
    fn worth(self, demand: Resources) -> i128 {
        demand
            .cpu
            .saturating_mul(self.cpu)
            .saturating_add(demand.memory.saturating_mul(self.memory))
    }
}

/// `cpu × π₁ + memory × π₂ = price`: an edge of the polygon of resource prices.
#[derive(Debug, Clone, Copy)]
struct Edge {
    cpu: i128,
    memory: i128,
    price: i128,
}

/// The vertices of the polygon of resource prices.
pub(super) fn resource_prices(offers: &[Offer<'_>]) -> Vec<ResourcePrices> {
    let types: Vec<Edge> = offers.iter().map(Edge::new).collect();
    let axes = [
        Edge {
            cpu: 1,
            memory: 0,
            price: 0,
        },
        Edge {
            cpu: 0,
            memory: 1,
            price: 0,
        },
    ];
    let edges: Vec<Edge> = types.iter().copied().chain(axes).collect();
    let pairs = edges
        .iter()
        .enumerate()
        .flat_map(|(i, &a)| edges[..i].iter().map(move |&b| (a, b)));
    let vertices: BTreeSet<ResourcePrices> =
        pairs.filter_map(|(a, b)| a.meets(b, &types)).collect();
    vertices.into_iter().collect()
}

impl Edge {
    fn new(offer: &Offer<'_>) -> Self {
        let scaled = offer
            .usd_per_hour
            .checked_mul(Decimal::from(10_i64.pow(PRICE_SCALE)));
        Self {
            cpu: offer.capacity.cpu.into(),
            memory: offer.capacity.memory.into(),
            price: scaled
                .and_then(|price| price.trunc().to_i128())
                .unwrap_or(0),
        }
    }

    /// Where two edges meet, if that is within the price of all `types`. Exact: with prices up to a million dollars
    /// and capacities of 32 bits, no product leaves 127 bits.
    fn meets(self, other: Self, types: &[Self]) -> Option<ResourcePrices> {
        let whole = self.cpu * other.memory - other.cpu * self.memory;
        let sign = whole.signum();
        let cpu = sign * (self.price * other.memory - other.price * self.memory);
        let memory = sign * (self.cpu * other.price - other.cpu * self.price);
        let whole = whole.abs();
        let within = |edge: &Self| edge.cpu * cpu + edge.memory * memory <= edge.price * whole;
        let is_vertex = whole > 0 && cpu >= 0 && memory >= 0 && types.iter().all(within);
        is_vertex.then(|| ResourcePrices {
            cpu: cpu * FINER / whole,
            memory: memory * FINER / whole,
        })
    }
}

/// What the demand of each moment is worth at the resource prices that suit it best.
pub(super) fn floor(
    tenants: &[Tenant<'_>],
    moments: &[Moment],
    prices: &[ResourcePrices],
) -> Floor {
    let mut worth = vec![0_i128; tenants.len()];
    for moment in moments {
        let demands = moment.loads.iter().map(|load| {
            (
                load.tenant,
                Resources::of(tenants[load.tenant].size, load.task_ms),
            )
        });
        let demand = demands
            .clone()
            .fold(Resources::default(), |sum, (_, demand)| sum + demand);
        let Some(best) = prices.iter().max_by_key(|prices| prices.worth(demand)) else {
            continue;
        };
        for (tenant, demand) in demands {
            worth[tenant] = worth[tenant].saturating_add(best.worth(demand));
        }
    }
    let total = usd(worth
        .iter()
        .fold(0, |sum: i128, &worth| sum.saturating_add(worth)));
    Floor {
        total,
        shares: proportional(total, &worth),
    }
}

/// Dollars of an amount in 10⁻²⁰ USD × milliseconds ÷ hours, rounded down.
fn usd(worth: i128) -> Usd {
    let scaled = worth / (FINER * i128::from(MS_PER_HOUR));
    Usd::new(Decimal::try_from_i128_with_scale(scaled, PRICE_SCALE).unwrap_or(Decimal::ZERO))
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::demand::Slot;
    use crate::model::units::{SLOT_MS, TaskSize};
    use crate::pack::tests::{WINDOW, close, planned};
    use crate::pack::{InstanceType, Rules, simulate};

    /// CPU units, MiB, and by slot the most tasks and the share of the slot they ran, percent.
    type AnyTenant = (u32, u32, BTreeMap<i64, (u32, u8)>);

    pub(in crate::pack) fn slot(slot: i64, peak: u32) -> Slot {
        Slot {
            slot,
            task_ms: SLOT_MS * i64::from(peak),
            peak,
        }
    }

    pub(in crate::pack) fn any_tenants() -> impl Strategy<Value = Vec<AnyTenant>> {
        let slots = prop::collection::btree_map(0_i64..30, (1_u32..6, 0_u8..=100), 0..12);
        prop::collection::vec((1_u32..1024, 0_u32..1700, slots), 1..7)
    }

    pub(in crate::pack) fn slots_of(tenants: &[AnyTenant]) -> Vec<Vec<Slot>> {
        let ran = |peak: u32, percent: u8| i64::from(peak) * i64::from(percent) * SLOT_MS / 100;
        let to_slot = |(&slot, &(peak, percent)): (&i64, &(u32, u8))| Slot {
            slot,
            task_ms: ran(peak, percent),
            peak,
        };
        tenants
            .iter()
            .map(|(_, _, slots)| slots.iter().map(to_slot).collect())
            .collect()
    }

    pub(in crate::pack) fn tenants_of<'a>(
        tenants: &[AnyTenant],
        slots: &'a [Vec<Slot>],
    ) -> Vec<Tenant<'a>> {
        let sizes = tenants
            .iter()
            .map(|&(cpu, memory, _)| TaskSize::new(cpu, memory));
        sizes
            .zip(slots)
            .map(|(size, slots)| Tenant { size, slots })
            .collect()
    }

    /// CPU units, MiB and thousandths of a dollar per hour; each takes any of [`any_tenants`].
    pub(in crate::pack) fn any_types() -> impl Strategy<Value = Vec<(u32, u32, i64)>> {
        prop::collection::vec((1024_u32..16_384, 2048_u32..65_536, 10_i64..2000), 1..8)
    }

    pub(in crate::pack) fn types_of(types: &[(u32, u32, i64)]) -> Vec<InstanceType> {
        let named =
            |(index, &(cpu_units, memory_mib, mills)): (usize, &(u32, u32, i64))| InstanceType {
                name: format!("type{index}"),
                cpu_units,
                memory_mib,
                task_slots: 2 + cpu_units / 2048,
                usd_per_hour: Decimal::new(mills, 3),
                root_usd_per_hour: Decimal::ZERO,
            };
        types.iter().enumerate().map(named).collect()
    }

    fn offers<'a>(types: &'a [InstanceType], rules: &Rules) -> Vec<Offer<'a>> {
        types
            .iter()
            .filter_map(|instance_type| Offer::new(instance_type, rules))
            .collect()
    }

    /// The floor of one full slot with one task of this size.
    fn floor_of(size: TaskSize, offers: &[Offer<'_>]) -> f64 {
        let slots = [slot(10, 1)];
        let tenants = [Tenant {
            size,
            slots: &slots,
        }];
        floor(
            &tenants,
            &simulate::moments(&tenants, WINDOW),
            &resource_prices(offers),
        )
        .total
        .as_f64()
    }

    /// The primal problem by enumeration: the cheapest cover of `size` by parts of one or of two types, per hour.
    fn cheapest_cover(size: TaskSize, offers: &[Offer<'_>]) -> f64 {
        let (c, m) = (f64::from(size.cpu_units), f64::from(size.memory_mib));
        let types: Vec<(f64, f64, f64)> = offers
            .iter()
            .map(|offer| {
                (
                    offer.capacity.cpu as f64,
                    offer.capacity.memory as f64,
                    offer.usd_per_hour.to_f64().unwrap(),
                )
            })
            .collect();
        let single = types
            .iter()
            .map(|&(cpu, memory, price)| price * (c / cpu).max(m / memory));
        let pairs = types
            .iter()
            .flat_map(|a| types.iter().map(move |b| (a, b)))
            .filter_map(|(a, b)| {
                let whole = a.0 * b.1 - b.0 * a.1;
                let (x, y) = ((c * b.1 - b.0 * m) / whole, (a.0 * m - c * a.1) / whole);
                (whole.abs() > 0.5 && x >= 0.0 && y >= 0.0).then_some(x * a.2 + y * b.2)
            });
        single.chain(pairs).fold(f64::INFINITY, f64::min)
    }

    /// The dual problem on a fine grid: the most that `size` is worth at prices within every type's price, per hour.
    fn dearest_prices(size: TaskSize, offers: &[Offer<'_>]) -> f64 {
        let directions =
            (0..=2000).map(|step| f64::from(step) / 2000.0 * std::f64::consts::FRAC_PI_2);
        let worth = directions.map(|angle| {
            let (cpu, memory) = (angle.cos(), angle.sin());
            let within = offers
                .iter()
                .map(|offer| {
                    let whole =
                        cpu * offer.capacity.cpu as f64 + memory * offer.capacity.memory as f64;
                    offer.usd_per_hour.to_f64().unwrap() / whole
                })
                .fold(f64::INFINITY, f64::min);
            within * (cpu * f64::from(size.cpu_units) + memory * f64::from(size.memory_mib))
        });
        worth.fold(0.0, f64::max)
    }

    #[test]
    fn resource_prices_of_two_types_are_where_they_agree() {
        // 1024 a + 1024 b = 3 and 1024 a + 4096 b = 6 USD: a = 2/1024, b = 1/1024; on the axes 3/1024 and 6/4096.
        let types = types_of(&[(1024, 1024, 3), (1024, 4096, 6)]);
        let rules = Rules {
            os_memory_permille: 0,
            agent_memory_mib: 0,
            ..Rules::default()
        };
        let found = resource_prices(&offers(&types, &rules));
        let part = |parts: i128| parts * 10_i128.pow(17) / 1024;
        let expected = [(0, 0), (0, part(6) / 4), (part(2), part(1)), (part(3), 0)];
        let expected = expected.map(|(cpu, memory)| ResourcePrices { cpu, memory });
        assert_eq!(found, expected);
    }

    #[test]
    fn a_dear_type_leaves_the_floor_as_it_is() {
        let cheap = types_of(&[(2048, 8192, 96), (2048, 4096, 85)]);
        let all = types_of(&[(2048, 8192, 96), (2048, 4096, 85), (2048, 8192, 500)]);
        let rules = Rules::default();
        let prices = |types| resource_prices(&offers(types, &rules));
        assert_eq!(prices(&cheap), prices(&all));
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let mut types = types_of(&[
            (u32::MAX, 1024, 1),
            (1024, u32::MAX, 1),
            (u32::MAX, u32::MAX, 1),
            (1, 300, 1),
        ]);
        for instance_type in &mut types {
            instance_type.usd_per_hour = Decimal::from(1_000_000);
        }
        let rules = Rules::default();
        let floor = floor_of(TaskSize::new(u32::MAX, u32::MAX), &offers(&types, &rules));
        assert!(floor > 0.0 && floor.is_finite());
    }

    proptest! {
        #[test]
        fn the_floor_solves_the_linear_programme(types in any_types(), cpu in 0_u32..4096, memory in 0_u32..9000) {
            let (types, rules, size) = (types_of(&types), Rules::default(), TaskSize::new(cpu, memory));
            let offers = offers(&types, &rules);
            let per_hour = floor_of(size, &offers) * MS_PER_HOUR as f64 / SLOT_MS as f64;
            let primal = cheapest_cover(size, &offers);
            let dual = dearest_prices(size, &offers);
            prop_assert!((per_hour - primal).abs() <= 1e-9 * primal + 1e-10, "{} for {}", per_hour, primal);
            prop_assert!(dual <= per_hour * (1.0 + 1e-9) + 1e-10, "{} above {}", dual, per_hour);
            prop_assert!(dual >= per_hour * 0.995 - 1e-10, "{} far below {}", dual, per_hour);
        }

        #[test]
        fn the_floor_is_below_every_fleet_of_one_type(tenants in any_tenants(), types in any_types()) {
            let (slots, types) = (slots_of(&tenants), types_of(&types));
            let tenants = tenants_of(&tenants, &slots);
            if let Ok(best) = planned(&tenants, &types) {
                for instance_type in &types {
                    let single = planned(&tenants, std::slice::from_ref(instance_type)).unwrap();
                    prop_assert!(best.floor <= single.floor && single.floor <= single.cost && best.cost <= single.cost);
                }
                prop_assert_eq!(best.shares.iter().copied().sum::<Usd>(), best.cost);
                prop_assert_eq!(best.floor_shares.iter().copied().sum::<Usd>(), best.floor);
            }
        }

        #[test]
        fn doubled_prices_double_cost_and_floor(tenants in any_tenants(), types in any_types()) {
            let (slots, types) = (slots_of(&tenants), types_of(&types));
            let tenants = tenants_of(&tenants, &slots);
            let twice = |one: &InstanceType| InstanceType { usd_per_hour: one.usd_per_hour * Decimal::TWO, ..one.clone() };
            let doubled: Vec<InstanceType> = types.iter().map(twice).collect();
            if let (Ok(once), Ok(twice)) = (planned(&tenants, &types), planned(&tenants, &doubled)) {
                prop_assert!(close(once.cost + once.cost, twice.cost) && close(once.floor + once.floor, twice.floor));
                prop_assert_eq!(once.instance_type.name, twice.instance_type.name);
            }
        }

        #[test]
        fn another_tenant_never_lowers_the_floor(tenants in any_tenants(), types in any_types()) {
            let (slots, types) = (slots_of(&tenants), types_of(&types));
            let tenants = tenants_of(&tenants, &slots);
            if let (Ok(fewer), Ok(all)) = (planned(&tenants[1..], &types), planned(&tenants, &types)) {
                prop_assert!(fewer.floor <= all.floor);
            }
        }
    }
}
