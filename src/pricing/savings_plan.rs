//! Savings Plans: what an hourly commitment covers, and which commitment costs least.
//!
//! In: usage hour by hour, and what each kind of it costs on demand and under the plan. Out: a [`Commitment`]. In every
//! hour the commitment is paid, used or not; it covers the usage with the highest savings percentage first, of equal
//! ones that with the lower rate, and what it does not cover is charged on demand.
//!
//! Sources: Savings Plans user guide, "Understanding how Savings Plans apply to your AWS usage"; Savings Plans API
//! reference, `CreateSavingsPlan` (from 0.001 USD, five digits after the point); both read 2026-11.

use std::cmp::Ordering;

use rust_decimal::{Decimal, RoundingStrategy};

use crate::model::units::{MS_PER_HOUR, Usd};

/// Digits after the point that a commitment may have.
const COMMITMENT_DIGITS: u32 = 5;
/// The least commitment that is sold, USD per hour.
const LEAST_COMMITMENT: Decimal = Decimal::from_parts(1, 0, 0, false, 3);

/// What an hour of one kind of usage costs, USD; both are above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// On demand.
    pub on_demand: Decimal,
    /// Under the plan.
    pub plan: Decimal,
}

/// Usage in one hour of the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hour {
    /// How much of the hour was seen, milliseconds; above zero.
    pub ms: i64,
    /// Milliseconds of each kind, in the order of the rates.
    pub usage_ms: Vec<i64>,
}

/// A commitment and what became of it over all hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commitment {
    /// What is committed to, USD per hour.
    pub usd_per_hour: Usd,
    /// The largest commitment that is used whole in every hour, USD per hour: zero where an hour has no usage.
    pub base_load_usd_per_hour: Usd,
    /// What it costs.
    pub paid: Usd,
    /// What of that was used.
    pub used: Usd,
    /// What the covered usage would cost on demand.
    pub covered: Usd,
    /// What all usage would cost on demand.
    pub on_demand: Usd,
}

impl Commitment {
    /// Two commitments side by side, each for usage of its own.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            usd_per_hour: self.usd_per_hour + other.usd_per_hour,
            base_load_usd_per_hour: self.base_load_usd_per_hour + other.base_load_usd_per_hour,
            paid: self.paid + other.paid,
            used: self.used + other.used,
            covered: self.covered + other.covered,
            on_demand: self.on_demand + other.on_demand,
        }
    }

    /// What it saves; below zero where it costs more than it covers.
    pub fn saved(&self) -> Usd {
        self.covered - self.paid
    }

    /// Share of the on-demand cost that is covered.
    pub fn coverage(&self) -> Option<f64> {
        ratio(self.covered, self.on_demand)
    }

    /// Share of the commitment that is used.
    pub fn utilization(&self) -> Option<f64> {
        ratio(self.used, self.paid)
    }

    /// The utilization below which it would cost more than on demand.
    pub fn break_even_utilization(&self) -> Option<f64> {
        ratio(self.used, self.covered)
    }
}

fn ratio(part: Usd, whole: Usd) -> Option<f64> {
    (whole > Usd::ZERO).then(|| part.as_f64() / whole.as_f64())
}

/// The commitment that costs least over all `hours`; the smallest of several, and zero where none saves.
///
/// The cost is piecewise linear and convex in the commitment, since what saves most is covered first. So it is least
/// where an hour's usage of a kind is covered whole; of what can be bought, on one side of that.
pub fn cheapest(rates: &[Rate], hours: &[Hour]) -> Commitment {
    let least = least_cost(rates, hours);
    let (below, above) = if least < LEAST_COMMITMENT {
        (Decimal::ZERO, LEAST_COMMITMENT)
    } else {
        let to = |strategy| least.round_dp_with_strategy(COMMITMENT_DIGITS, strategy);
        (
            to(RoundingStrategy::ToZero),
            to(RoundingStrategy::AwayFromZero),
        )
    };
    let [below, above] = [below, above].map(|usd| of(usd, rates, hours));
    if above.saved() > below.saved() {
        above
    } else {
        below
    }
}

/// What becomes of a commitment to `usd_per_hour` over all `hours`.
pub fn of(usd_per_hour: Decimal, rates: &[Rate], hours: &[Hour]) -> Commitment {
    let order = order(rates);
    let mut sums = Sums::default();
    for hour in hours {
        let committed = times(usd_per_hour, Decimal::from(hour.ms));
        sums.paid = plus(sums.paid, committed);
        let mut left = committed;
        for &kind in &order {
            let (Rate { on_demand, plan }, ms) = (rates[kind], usage(hour, kind));
            let (at_plan, at_list) = (times(plan, ms), times(on_demand, ms));
            let used = at_plan.min(left);
            let covered = if used == at_plan {
                at_list
            } else {
                times(used, over(on_demand, plan))
            };
            left = left.saturating_sub(used);
            sums.used = plus(sums.used, used);
            sums.covered = plus(sums.covered, covered);
            sums.on_demand = plus(sums.on_demand, at_list);
        }
    }
    let base_load = hours.iter().map(|hour| spend(hour, rates)).min();
    let usd = |usd_ms| Usd::new(over(usd_ms, Decimal::from(MS_PER_HOUR)));
    Commitment {
        usd_per_hour: Usd::new(usd_per_hour),
        base_load_usd_per_hour: Usd::new(base_load.unwrap_or_default()),
        paid: usd(sums.paid),
        used: usd(sums.used),
        covered: usd(sums.covered),
        on_demand: usd(sums.on_demand),
    }
}

/// USD × milliseconds.
#[derive(Default)]
struct Sums {
    paid: Decimal,
    used: Decimal,
    covered: Decimal,
    on_demand: Decimal,
}

/// Where the slope of the cost turns from falling to level or rising, USD per hour.
fn least_cost(rates: &[Rate], hours: &[Hour]) -> Decimal {
    let order = order(rates);
    // What a dollar of the commitment saves while it covers a kind, and nothing once all is covered.
    let worth: Vec<Decimal> = order
        .iter()
        .map(|&kind| over(rates[kind].on_demand, rates[kind].plan))
        .chain([Decimal::ZERO])
        .collect();
    let mut slope = Decimal::ZERO;
    let mut turns: Vec<(Decimal, Decimal)> = Vec::new();
    for hour in hours {
        let ms = Decimal::from(hour.ms);
        slope = plus(slope, times(ms, Decimal::ONE.saturating_sub(worth[0])));
        let mut until = Decimal::ZERO;
        for (at, &kind) in order.iter().enumerate() {
            until = plus(until, over(times(rates[kind].plan, usage(hour, kind)), ms));
            turns.push((until, times(ms, worth[at].saturating_sub(worth[at + 1]))));
        }
    }
    turns.sort_unstable();
    let mut least = Decimal::ZERO;
    for (until, steeper) in turns {
        if slope >= Decimal::ZERO {
            break;
        }
        least = until;
        slope = plus(slope, steeper);
    }
    least
}

/// The kinds of usage as a plan covers them: the highest savings percentage first, then the lower rate.
fn order(rates: &[Rate]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rates.len()).collect();
    order.sort_by(|&one, &other| covered_before(&rates[one], &rates[other]));
    order
}

fn covered_before(one: &Rate, other: &Rate) -> Ordering {
    let saves_more = times(one.plan, other.on_demand).cmp(&times(other.plan, one.on_demand));
    saves_more.then(one.plan.cmp(&other.plan))
}

/// What an hour's usage costs at the plan's rates, USD per hour.
fn spend(hour: &Hour, rates: &[Rate]) -> Decimal {
    let kinds = rates.iter().enumerate();
    let usd_ms = kinds.fold(Decimal::ZERO, |sum, (kind, rate)| {
        plus(sum, times(rate.plan, usage(hour, kind)))
    });
    over(usd_ms, Decimal::from(hour.ms))
}

fn usage(hour: &Hour, kind: usize) -> Decimal {
    Decimal::from(hour.usage_ms.get(kind).copied().unwrap_or(0))
}

fn plus(one: Decimal, other: Decimal) -> Decimal {
    one.saturating_add(other)
}

fn times(one: Decimal, other: Decimal) -> Decimal {
    one.saturating_mul(other)
}

/// Nothing where divided by nothing.
fn over(one: Decimal, other: Decimal) -> Decimal {
    if other.is_zero() {
        return Decimal::ZERO;
    }
    one.checked_div(other).unwrap_or(Decimal::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usd(text: &str) -> Decimal {
        text.parse().expect("a decimal")
    }

    fn rate(on_demand: &str, plan: &str) -> Rate {
        Rate {
            on_demand: usd(on_demand),
            plan: usd(plan),
        }
    }

    /// A whole hour in which so many of each kind ran.
    fn hour(running: &[i64]) -> Hour {
        Hour {
            ms: MS_PER_HOUR,
            usage_ms: running.iter().map(|count| count * MS_PER_HOUR).collect(),
        }
    }

    /// c5.9xlarge, Fargate vCPU and Fargate memory of the worked example of the Savings Plans user guide.
    fn of_the_guide() -> (Vec<Rate>, Vec<Hour>) {
        let rates = vec![
            rate("4.00", "2.00"),
            rate("1.50", "1.00"),
            rate("2.00", "1.00"),
        ];
        (rates, vec![hour(&[1, 10, 5])])
    }

    #[test]
    fn a_commitment_above_all_usage_of_the_guide_is_paid_whole() {
        // All usage at the plan's rates: 2 + 10 × 1 + 5 × 1; on demand 4 + 15 + 10.
        let (rates, hours) = of_the_guide();
        let all = of(usd("25"), &rates, &hours);
        assert_eq!(all.paid, Usd::new(usd("25")));
        assert_eq!(all.used, Usd::new(usd("17")));
        assert_eq!(
            (all.covered, all.on_demand),
            (all.on_demand, Usd::new(usd("29")))
        );
    }

    #[test]
    fn a_small_commitment_covers_what_saves_most_and_of_equals_the_cheaper_first() {
        // Memory and c5.9xlarge both save 50 %; memory has the lower rate. Two dollars cover two of five GB.
        let (rates, hours) = of_the_guide();
        let two = of(usd("2"), &rates, &hours);
        assert_eq!(
            (two.used, two.covered),
            (Usd::new(usd("2")), Usd::new(usd("4")))
        );
        // Six dollars: 5 GB (10 on demand), then half of the c5.9xlarge (2 on demand).
        let six = of(usd("6"), &rates, &hours);
        assert_eq!(six.covered, Usd::new(usd("12")));
        // Eight: 5 GB, the c5.9xlarge, and one vCPU.
        let eight = of(usd("8"), &rates, &hours);
        assert_eq!(eight.covered, Usd::new(usd("15.5")));
    }

    #[test]
    fn four_instances_half_covered_pay_the_rest_on_demand() {
        // The guide's newer example: r5.4xlarge at 1.00 on demand and 0.70 under the plan, four of them, 2 USD committed:
        // 2 ÷ 0.70 = 2.857 instances are covered, the other 1.143 cost 1.14.
        let two = of(usd("2"), &[rate("1.00", "0.70")], &[hour(&[4])]);
        let rest = two.on_demand - two.covered;
        assert!((rest.as_f64() - 1.142_857).abs() < 1e-6, "{rest:?}");
        assert!((two.break_even_utilization().expect("used") - 0.7).abs() < 1e-12);
    }

    #[test]
    fn a_constant_fleet_is_covered_whole() {
        let hours = vec![hour(&[3]); 48];
        let best = cheapest(&[rate("0.096", "0.0604")], &hours);
        assert_eq!(best.usd_per_hour, Usd::new(usd("0.1812")));
        assert_eq!(best.base_load_usd_per_hour, best.usd_per_hour);
        assert_eq!(
            (best.coverage(), best.utilization()),
            (Some(1.0), Some(1.0))
        );
        // 48 h × 3 × (0.096 − 0.0604).
        assert_eq!(best.saved(), Usd::new(usd("5.1264")));
    }

    #[test]
    fn an_hour_without_instances_leaves_no_base_load() {
        let mut hours = vec![hour(&[2]); 47];
        hours.push(hour(&[0]));
        let best = cheapest(&[rate("0.1", "0.06")], &hours);
        assert_eq!(best.base_load_usd_per_hour, Usd::ZERO);
        // It is empty for less than the 40 % that the plan saves, so both instances are worth it all the same.
        assert_eq!(best.usd_per_hour, Usd::new(usd("0.12")));
    }

    #[test]
    fn what_runs_less_than_the_plan_s_share_of_the_price_is_left_on_demand() {
        // At 0.6 of the price, an instance must run more than 60 % of the hours.
        let of_hours = |busy: usize| {
            let mut hours = vec![hour(&[1]); busy];
            hours.extend(vec![hour(&[0]); 100 - busy]);
            cheapest(&[rate("0.1", "0.06")], &hours).usd_per_hour
        };
        assert_eq!(of_hours(60), Usd::ZERO, "it saves nothing");
        assert_eq!(of_hours(61), Usd::new(usd("0.06")));
    }

    #[test]
    fn a_commitment_can_be_bought() {
        let best = cheapest(&[rate("1", "0.3333333333")], &[hour(&[1])]);
        assert_eq!(best.usd_per_hour, Usd::new(usd("0.33333")));
        let tiny = cheapest(&[rate("0.001", "0.0002")], &[hour(&[1])]);
        assert_eq!(
            tiny.usd_per_hour,
            Usd::ZERO,
            "0.001 would cost what it covers"
        );
        assert_eq!(cheapest(&[], &[]).usd_per_hour, Usd::ZERO);
        assert_eq!(
            cheapest(&[rate("1", "2")], &[hour(&[1])]).usd_per_hour,
            Usd::ZERO
        );
    }

    #[test]
    fn part_of_an_hour_is_paid_in_part() {
        let half = Hour {
            ms: MS_PER_HOUR / 2,
            usage_ms: vec![MS_PER_HOUR / 2],
        };
        let best = cheapest(&[rate("0.1", "0.06")], &[half]);
        assert_eq!(best.usd_per_hour, Usd::new(usd("0.06")));
        assert_eq!(
            (best.paid, best.saved()),
            (Usd::new(usd("0.03")), Usd::new(usd("0.02")))
        );
    }

    proptest! {
        #[test]
        fn no_commitment_costs_less_than_the_cheapest(
            rates in prop::collection::vec((1_u32..2000, 1_u32..2000), 1..4),
            running in prop::collection::vec(prop::collection::vec(0_i64..4, 3), 1..12),
        ) {
            // Rates in tenths of a cent and counts of whole hours: every breakpoint can be bought.
            let milli = |amount: u32| Decimal::new(amount.into(), 3);
            let rates: Vec<Rate> = rates
                .iter()
                .map(|&(on_demand, plan)| Rate { on_demand: milli(on_demand), plan: milli(plan) })
                .collect();
            let hours: Vec<Hour> = running.iter().map(|counts| hour(&counts[..rates.len()])).collect();
            let best = cheapest(&rates, &hours);
            // Sums of whole usage of any kinds: every breakpoint there can be, in whatever order kinds are covered.
            let mut points = vec![Decimal::ZERO];
            for counts in &running {
                let mut sums = vec![Decimal::ZERO];
                for (rate, count) in rates.iter().zip(counts) {
                    let more: Vec<Decimal> = sums.iter().map(|sum| sum + rate.plan * Decimal::from(*count)).collect();
                    sums.extend(more);
                }
                points.extend(sums);
            }
            for point in points {
                let tried = of(point, &rates, &hours);
                let gap = best.saved().as_f64() - tried.saved().as_f64();
                prop_assert!(gap > -1e-9, "{point} saves {:?}, {best:?} less", tried.saved());
            }
            prop_assert!(best.saved() >= Usd::ZERO);
            prop_assert!(best.used <= best.paid && best.covered <= best.on_demand);
        }
    }
}
