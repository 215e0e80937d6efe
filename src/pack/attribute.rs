//! Who pays for a shared instance: AWS's split cost allocation.
//!
//! One vCPU is worth nine GiB. Each resource's part of the cost is divided in proportion to what each tenant was
//! allocated, the larger of reserved and used; what nobody was allocated is spread in the same proportion.
//! Source: AWS Data Exports user guide, "Example of split cost allocation data", read 2026-11.

use std::iter::Sum;
use std::ops::{Add, AddAssign};

use rust_decimal::{Decimal, RoundingStrategy};

use crate::model::units::{TaskSize, Usd};

/// What a vCPU is worth in GiB.
const GIB_PER_VCPU: i128 = 9;
/// Shares are cut to this many decimal places; what is cut goes to the largest share.
const SHARE_PLACES: u32 = 12;

/// Processor and memory over one span of time, in the same fraction of a vCPU and of a GiB: CPU units and MiB are
/// both one in 1,024.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Resources {
    /// Processor × time.
    pub(crate) cpu: i128,
    /// Memory × time.
    pub(crate) memory: i128,
}

impl Resources {
    /// `ms` milliseconds of `size`: CPU-unit-milliseconds and MiB-milliseconds.
    pub(crate) fn of(size: TaskSize, ms: i64) -> Self {
        Self {
            cpu: i128::from(size.cpu_units) * i128::from(ms),
            memory: i128::from(size.memory_mib) * i128::from(ms),
        }
    }

    fn max(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.max(other.cpu),
            memory: self.memory.max(other.memory),
        }
    }
}

impl Add for Resources {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_add(other.cpu),
            memory: self.memory.saturating_add(other.memory),
        }
    }
}

impl Sum for Resources {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

impl AddAssign for Resources {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// What one tenant asked for and took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Consumption {
    /// Asked for.
    pub(super) reserved: Resources,
    /// Taken.
    pub(super) used: Resources,
}

/// One tenant's cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitCost {
    /// For what it was allocated.
    pub split: Usd,
    /// Its part of what nobody was allocated.
    pub unused: Usd,
}

impl SplitCost {
    /// Both.
    pub fn total(self) -> Usd {
        self.split + self.unused
    }
}

/// Divides the `cost` of this `capacity` among those who `reserved` of it. The shares add up to `cost` exactly.
pub(crate) fn nine_to_one(
    cost: Usd,
    capacity: Resources,
    reserved: &[Resources],
) -> Vec<SplitCost> {
    let tenants: Vec<Consumption> = reserved
        .iter()
        .map(|&reserved| Consumption {
            reserved,
            used: reserved,
        })
        .collect();
    split_cost(cost, capacity, &tenants)
}

/// Divides the `cost` of this `capacity` among `tenants`, as AWS does. The totals add up to `cost` exactly.
pub(super) fn split_cost(
    cost: Usd,
    capacity: Resources,
    tenants: &[Consumption],
) -> Vec<SplitCost> {
    let allocated = tenants
        .iter()
        .map(|tenant| tenant.reserved.max(tenant.used));
    let (cpu, memory): (Vec<i128>, Vec<i128>) = allocated
        .map(|allocated| (allocated.cpu, allocated.memory))
        .unzip();
    let cpu_worth = capacity.cpu.saturating_mul(GIB_PER_VCPU);
    let cpu_cost = cut(cost.part(cpu_worth, cpu_worth.saturating_add(capacity.memory)));
    let by_cpu = split_one(cpu_cost, capacity.cpu, &cpu, &memory);
    let by_memory = split_one(cost - cpu_cost, capacity.memory, &memory, &cpu);
    let add = |(a, b): (SplitCost, SplitCost)| SplitCost {
        split: a.split + b.split,
        unused: a.unused + b.unused,
    };
    by_cpu.into_iter().zip(by_memory).map(add).collect()
}

/// Divides the cost of one resource. Where nobody was allocated any of it, all is unused and follows the `other` one.
fn split_one(cost: Usd, capacity: i128, allocated: &[i128], other: &[i128]) -> Vec<SplitCost> {
    let taken = allocated
        .iter()
        .fold(0, |sum: i128, &amount| sum.saturating_add(amount));
    let mut weights = allocated.to_vec();
    weights.push(capacity.saturating_sub(taken).max(0));
    let mut splits = proportional(cost, &weights);
    let unused = splits.pop().unwrap_or(Usd::ZERO);
    let unused = proportional(unused, if taken > 0 { allocated } else { other });
    splits
        .into_iter()
        .zip(unused)
        .map(|(split, unused)| SplitCost { split, unused })
        .collect()
}

/// Divides `amount` in proportion to the `weights`, evenly where they are all zero. Adds up to `amount` exactly, as long
/// as a decimal holds it to [`SHARE_PLACES`]: up to 10¹⁶ dollars.
pub(super) fn proportional(amount: Usd, weights: &[i128]) -> Vec<Usd> {
    let even = vec![1; weights.len()];
    let weights = if weights.iter().all(|&weight| weight == 0) {
        &even
    } else {
        weights
    };
    let whole = weights
        .iter()
        .fold(0, |sum: i128, &weight| sum.saturating_add(weight));
    let mut shares: Vec<Usd> = weights
        .iter()
        .map(|&weight| cut(amount.part(weight, whole)))
        .collect();
    let largest = weights
        .iter()
        .enumerate()
        .rev()
        .max_by_key(|&(_, weight)| weight);
    let missing = amount - shares.iter().copied().sum();
    if let Some((index, _)) = largest {
        shares[index] += missing;
    }
    shares
}

/// The same `shares` with none above the `most` that its tenant would pay: what is too much for one is borne by the
/// others, first by those that still pay less than their most, in proportion to how much less, then by those without
/// a most. Adds up to the same.
pub fn capped(shares: &[Usd], most: &[Option<Usd>]) -> Vec<Usd> {
    let cap = |(&share, most): (&Usd, &Option<Usd>)| most.map_or(share, |most| share.min(most));
    let mut paid: Vec<Usd> = shares.iter().zip(most).map(cap).collect();
    let excess = shares.iter().copied().sum::<Usd>() - paid.iter().copied().sum();
    let room: Vec<i128> = paid
        .iter()
        .zip(most)
        .map(|(&paid, most)| most.map_or(0, |most| whole(most - paid)))
        .collect();
    let free: Vec<i128> = shares
        .iter()
        .zip(most)
        .map(|(&share, most)| {
            if most.is_none() {
                whole(share).max(1)
            } else {
                0
            }
        })
        .collect();
    let in_room = most
        .iter()
        .zip(&paid)
        .filter_map(|(most, &paid)| Some((*most)? - paid));
    let by_room = excess.min(in_room.sum());
    let mut rest = excess - by_room;
    let mut spread = |amount: Usd, weights: &[i128]| {
        for (paid, more) in paid.iter_mut().zip(proportional(amount, weights)) {
            *paid += more;
        }
    };
    if by_room > Usd::ZERO {
        spread(by_room, &room);
    }
    if rest > Usd::ZERO && free.iter().any(|&weight| weight > 0) {
        spread(rest, &free);
        rest = Usd::ZERO;
    }
    if rest > Usd::ZERO {
        // All pay their most and it does not suffice: nobody is better off here, and nobody is spared.
        return shares.to_vec();
    }
    paid
}

/// An amount as an integer weight.
fn whole(amount: Usd) -> i128 {
    use rust_decimal::prelude::ToPrimitive;
    let scaled = amount
        .amount()
        .checked_mul(Decimal::from(1_000_000_000_i64));
    scaled
        .and_then(|scaled| scaled.to_i128())
        .unwrap_or(0)
        .max(0)
}

fn cut(amount: Usd) -> Usd {
    Usd::new(
        amount
            .amount()
            .round_dp_with_strategy(SHARE_PLACES, RoundingStrategy::ToZero),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use rust_decimal::prelude::ToPrimitive;

    use super::*;

    const AWS_EXAMPLE: &str = include_str!("../../tests/cases/split_cost.csv");
    /// m5.xlarge in thousandths of a vCPU and of a GiB, as AWS's example takes it.
    const M5_XLARGE: Resources = Resources {
        cpu: 4000,
        memory: 16_000,
    };

    fn totals(cost: Usd, capacity: Resources, reserved: &[Resources]) -> Vec<Usd> {
        let costs = nine_to_one(cost, capacity, reserved);
        costs.into_iter().map(SplitCost::total).collect()
    }

    fn usd(text: &str) -> Usd {
        Usd::new(text.parse().unwrap())
    }

    fn thousandths(text: &str) -> i128 {
        (text.parse::<Decimal>().unwrap() * Decimal::from(1000))
            .to_i128()
            .unwrap()
    }

    fn cents(amount: Usd) -> Usd {
        Usd::new(
            amount
                .amount()
                .round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero),
        )
    }

    fn took(cpu: i128, memory: i128) -> Consumption {
        let reserved = Resources { cpu, memory };
        Consumption {
            reserved,
            used: reserved,
        }
    }

    #[test]
    fn nobody_pays_more_than_elsewhere_while_others_have_room() {
        let usd = |amount: i64| Usd::new(Decimal::from(amount));
        // The first would pay 3 too much; the second has room for 2, the third for 6: they bear a and three quarters.
        let most = [Some(usd(7)), Some(usd(7)), Some(usd(11))];
        let paid = capped(&[usd(10), usd(5), usd(5)], &most);
        let cents = |amount: i64| Usd::new(Decimal::new(amount, 2));
        assert_eq!(paid, [usd(7), cents(575), cents(725)]);
        // Whoever can run nowhere else bears what is left.
        let most = [Some(usd(7)), None, Some(usd(6))];
        let paid = capped(&[usd(10), usd(5), usd(5)], &most);
        assert_eq!(paid, [usd(7), usd(7), usd(6)]);
        // Where nobody has room, everyone pays its share.
        let most = [Some(usd(7)), Some(usd(5))];
        assert_eq!(capped(&[usd(10), usd(5)], &most), [usd(10), usd(5)]);
    }

    #[test]
    fn the_worked_example_of_aws_comes_out_to_the_cent() {
        let mut reader = csv::Reader::from_reader(AWS_EXAMPLE.as_bytes());
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let tenants: Vec<Consumption> = rows
            .iter()
            .map(|row| Consumption {
                reserved: Resources {
                    cpu: thousandths(&row[2]),
                    memory: thousandths(&row[4]),
                },
                used: Resources {
                    cpu: thousandths(&row[3]),
                    memory: thousandths(&row[5]),
                },
            })
            .collect();
        let costs = split_cost(usd("1"), M5_XLARGE, &tenants);
        let mut namespaces: BTreeMap<&str, Usd> = BTreeMap::new();
        for (row, cost) in rows.iter().zip(&costs) {
            let printed = [cents(cost.split), cents(cost.unused), cents(cost.total())];
            assert_eq!(
                printed,
                [usd(&row[6]), usd(&row[7]), usd(&row[8])],
                "{}",
                &row[0]
            );
            *namespaces.entry(&row[1]).or_default() += cents(cost.total());
        }
        // The example adds up what it printed.
        assert_eq!(
            namespaces,
            BTreeMap::from([("ns1", usd("0.42")), ("ns2", usd("0.59"))])
        );
        assert_eq!(
            costs.into_iter().map(SplitCost::total).sum::<Usd>(),
            usd("1")
        );
    }

    #[test]
    fn a_vcpu_hour_of_the_example_is_nine_gib_hours() {
        let costs = split_cost(usd("1"), M5_XLARGE, &[took(1000, 0), took(0, 1000)]);
        let printed: Vec<String> = costs
            .iter()
            .map(|cost| cost.split.amount().round_dp(4).to_string())
            .collect();
        assert_eq!(printed, ["0.1731", "0.0192"]);
    }

    #[test]
    fn memory_that_nobody_reserved_follows_the_processor() {
        let capacity = Resources { cpu: 1, memory: 9 };
        let shares = totals(
            usd("8"),
            capacity,
            &[
                Resources { cpu: 3, memory: 0 },
                Resources { cpu: 1, memory: 0 },
            ],
        );
        assert_eq!(shares, [usd("6"), usd("2")]);
    }

    #[test]
    fn a_cost_that_nobody_caused_is_divided_evenly() {
        let capacity = Resources { cpu: 1, memory: 9 };
        assert_eq!(
            totals(usd("8"), capacity, &[Resources::default(); 2]),
            [usd("4"), usd("4")]
        );
        assert!(nine_to_one(usd("8"), M5_XLARGE, &[]).is_empty());
    }

    #[test]
    fn who_ran_nothing_pays_nothing() {
        let shares = totals(
            usd("8"),
            M5_XLARGE,
            &[Resources { cpu: 1, memory: 1 }, Resources::default()],
        );
        assert_eq!(shares, [usd("8"), Usd::ZERO]);
    }

    proptest! {
        #[test]
        fn shares_add_up_to_the_last_digit(
            units in 1_i64..i64::MAX, scale in 3_u32..28, cpu in 1_i128..1 << 70, memory in 1_i128..1 << 70,
            reserved in prop::collection::vec((0_i128..1 << 66, 0_i128..1 << 66), 1..12),
        ) {
            let cost = Usd::new(Decimal::new(units, scale));
            let reserved: Vec<Resources> = reserved.into_iter().map(|(cpu, memory)| Resources { cpu, memory }).collect();
            let shares = totals(cost, Resources { cpu, memory }, &reserved);
            prop_assert_eq!(shares.iter().copied().sum::<Usd>(), cost);
            prop_assert!(shares.iter().all(|share| *share >= Usd::ZERO));
        }
    }
}
