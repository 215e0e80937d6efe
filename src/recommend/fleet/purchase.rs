//! What a fleet would cost if its instances were bought otherwise: a commitment or a risk, never advice. No verdict rests
//! on it, and a way without a price for every instance type of the fleet is withheld.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::candidate::{Asked, fleet_pace};
use super::result::{
    Bought, FamilyCommitment, FleetPurchase, MOST_INTERRUPTED_PERCENT, Site, Terms,
};
use super::site::Planner;
use crate::model::units::{HOURS_PER_MONTH, MS_PER_HOUR, Usd, Window};
use crate::model::workload::{InstancePurchase, Kind};
use crate::pack::{FleetPlan, InstanceSpan};
use crate::pricing::savings_plan::{self, Commitment, Hour, Rate};
use crate::pricing::{NotPriced, Price, Quality};

const MONTH_MS: i128 = (HOURS_PER_MONTH * MS_PER_HOUR) as i128;

impl Planner<'_> {
    /// The fleet bought in every other way.
    pub(super) fn purchases(
        &self,
        site: &Site,
        plan: &FleetPlan,
        asked: &Asked<'_>,
    ) -> Vec<FleetPurchase> {
        let ways = InstancePurchase::ALL.iter();
        ways.map(|&option| FleetPurchase {
            option,
            bought: self.bought(site, plan, asked, option),
        })
        .collect()
    }

    fn bought(
        &self,
        site: &Site,
        plan: &FleetPlan,
        asked: &Asked<'_>,
        option: InstancePurchase,
    ) -> Result<Bought, NotPriced> {
        let book = self.prices.book;
        let names: Vec<&str> = plan
            .types
            .iter()
            .map(|of| of.instance_type.as_str())
            .collect();
        let prices = book.instances_otherwise(&site.region, &names, option)?;
        let on_demand = |name: &&str| Ok(book.instance_type(&site.region, name)?.usd_per_hour);
        let on_demand = names.iter().map(on_demand).collect::<Result<Vec<_>, _>>()?;
        let rates: Vec<Rate> = on_demand
            .into_iter()
            .zip(&prices)
            .map(|(on_demand, price)| Rate {
                on_demand,
                plan: price.usd,
            })
            .collect();
        let (least, most, terms) = match option {
            InstancePurchase::Spot => {
                let lengths = asked.work.lengths();
                let lengths =
                    lengths.ok_or_else(|| NotPriced::new("more tasks than can be followed"))?;
                let tenants = asked.candidates.iter().zip(lengths);
                let lost = tenants.zip(&plan.shares).map(|((tenant, ran), share)| {
                    let is_job = tenant.key().kind != Kind::Service;
                    lost_by_interruptions(share.cost(), ran, is_job, self.rules.boot_ms.into())
                });
                on_spot(plan, &rates, lost.sum())
            }
            InstancePurchase::ComputePlan1yr | InstancePurchase::ComputePlan3yr => {
                on_plan(plan, &rates, self.window, |_| None)
            }
            InstancePurchase::InstancePlan1yr | InstancePurchase::InstancePlan3yr => {
                on_plan(plan, &rates, self.window, |name| Some(family(name)))
            }
        };
        let pace = fleet_pace(self.window);
        Ok(Bought {
            least: pace.month_of(least),
            most: pace.month_of(most),
            terms,
            as_of: oldest(&prices),
            quality: prices
                .iter()
                .map(|price| price.quality)
                .max()
                .unwrap_or(Quality::Exact),
        })
    }
}

fn family(name: &str) -> &str {
    name.split_once('.').map_or(name, |(family, _)| family)
}

/// The oldest date; `None` if a price is undated.
fn oldest(prices: &[&Price]) -> Option<String> {
    let dates = prices.iter().map(|price| price.as_of.as_deref());
    dates.min().flatten().map(str::to_owned)
}

/// A month of a tenant's cost that is lost, in the window, if every instance is interrupted once a month: of a job half of
/// the run, since the interruption may come at any time of it and all is done again; of a service the start of the task
/// that replaces the other one. `ran` is the sum of its tasks' milliseconds, and that of their squares.
fn lost_by_interruptions(cost: Usd, ran: (i128, i128), is_job: bool, boot_ms: i64) -> Usd {
    let (ms, squared) = ran;
    if is_job {
        cost.part(squared, ms.saturating_mul(2).saturating_mul(MONTH_MS))
    } else {
        cost.part(boot_ms.into(), MONTH_MS)
    }
}

/// Least and most cost in the window, and the terms; `lost` is what one interruption per instance and month would lose on
/// demand.
fn on_spot(plan: &FleetPlan, rates: &[Rate], lost: Usd) -> (Usd, Usd, Terms) {
    let cost_at = |price: fn(&Rate) -> Decimal| -> Usd {
        let types = plan.types.iter().zip(rates);
        types
            .map(|(of, rate)| Usd::of(of.instance_ms.into(), price(rate), MS_PER_HOUR))
            .sum()
    };
    let less = cost_at(|rate| rate.on_demand) - cost_at(|rate| rate.plan);
    let least = plan.modelled - less;
    // Work that is done again is paid for at Spot prices.
    let again = lost
        .amount()
        .checked_mul(least.amount())
        .and_then(|product| product.checked_div(plan.modelled.amount()))
        .map_or(Usd::ZERO, Usd::new);
    let most = least + again.part(MOST_INTERRUPTED_PERCENT.into(), 100);
    let break_even_interruptions =
        (again > Usd::ZERO).then(|| (less.as_f64() / again.as_f64()).max(0.0));
    let terms = Terms::Spot {
        break_even_interruptions,
    };
    (least, most, terms)
}

/// The cost in the window, twice, and the terms, with a commitment for each family that `family` tells apart.
fn on_plan<'p>(
    plan: &'p FleetPlan,
    rates: &[Rate],
    window: Window,
    family: impl Fn(&'p str) -> Option<&'p str>,
) -> (Usd, Usd, Terms) {
    let mut families: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
    for (at, of) in plan.types.iter().enumerate() {
        families
            .entry(family(&of.instance_type))
            .or_default()
            .push(at);
    }
    let mut commitments = Vec::new();
    let mut sum: Option<Commitment> = None;
    for (family, kinds) in families {
        let rates: Vec<Rate> = kinds.iter().map(|&at| rates[at]).collect();
        let best = savings_plan::cheapest(&rates, &hours(&plan.instances, &kinds, window));
        commitments.push(FamilyCommitment {
            family: family.map(str::to_owned),
            usd_per_hour: best.usd_per_hour,
            base_load_usd_per_hour: best.base_load_usd_per_hour,
        });
        sum = Some(sum.map_or(best, |sum| sum.plus(&best)));
    }
    let cost = plan.modelled - sum.map_or(Usd::ZERO, |sum| sum.saved());
    let terms = Terms::Plan {
        commitments,
        coverage: sum.and_then(|sum| sum.coverage()),
        utilization: sum.and_then(|sum| sum.utilization()),
        break_even_utilization: sum.and_then(|sum| sum.break_even_utilization()),
    };
    (cost, cost, terms)
}

/// The usage of these types hour by hour of the clock; hours without any are one at the end.
fn hours(instances: &[InstanceSpan], kinds: &[usize], window: Window) -> Vec<Hour> {
    let mut by_hour: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for span in instances {
        let Some(kind) = kinds.iter().position(|&kind| kind == span.type_index) else {
            continue;
        };
        for hour in span.from_ms.div_euclid(MS_PER_HOUR)..=(span.to_ms - 1).div_euclid(MS_PER_HOUR)
        {
            let ms = of_hour(hour, window).overlap_ms(span.from_ms, span.to_ms);
            let usage_ms = by_hour.entry(hour).or_insert_with(|| vec![0; kinds.len()]);
            usage_ms[kind] += ms * i64::from(span.instances);
        }
    }
    let hours = by_hour.into_iter().map(|(hour, usage_ms)| Hour {
        ms: of_hour(hour, window).ms(),
        usage_ms,
    });
    let mut hours: Vec<Hour> = hours.filter(|hour| hour.ms > 0).collect();
    let empty_ms = window.ms() - hours.iter().map(|hour| hour.ms).sum::<i64>();
    if empty_ms > 0 {
        hours.push(Hour {
            ms: empty_ms,
            usage_ms: vec![0; kinds.len()],
        });
    }
    hours
}

/// What of an hour of the clock is in the window.
fn of_hour(hour: i64, window: Window) -> Window {
    let from_ms = hour.saturating_mul(MS_PER_HOUR);
    Window {
        from_ms: from_ms.max(window.from_ms),
        to_ms: from_ms.saturating_add(MS_PER_HOUR).min(window.to_ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = MS_PER_HOUR;

    fn span(type_index: usize, from_ms: i64, to_ms: i64, instances: u32) -> InstanceSpan {
        InstanceSpan {
            type_index,
            from_ms,
            to_ms,
            instances,
        }
    }

    #[test]
    fn instances_are_counted_by_the_hour_of_the_clock_and_empty_hours_are_not_forgotten() {
        let window = Window {
            from_ms: HOUR / 2,
            to_ms: 10 * HOUR,
        };
        let spans = [
            span(0, HOUR / 2, 2 * HOUR, 2),
            span(1, 0, 10 * HOUR, 9),
            span(2, HOUR, HOUR + 60_000, 1),
        ];
        let found = hours(&spans, &[0, 2], window);
        let expected = [
            (HOUR / 2, vec![HOUR, 0]),
            (HOUR, vec![2 * HOUR, 60_000]),
            (8 * HOUR, vec![0, 0]),
        ];
        let expected = expected.map(|(ms, usage_ms)| Hour { ms, usage_ms });
        assert_eq!(found, expected);
    }

    #[test]
    fn an_interrupted_job_loses_half_of_its_run_and_a_service_one_start() {
        let month = Usd::new("730".parse().expect("a decimal"));
        // Ten runs of two hours: an interruption a month hits 2 of 730 hours, and loses one of the two.
        let (ms, squared) = (20 * HOUR, 10 * 4 * HOUR * HOUR);
        let job = lost_by_interruptions(month, (ms.into(), squared.into()), true, 180_000);
        assert!((job.as_f64() - 1.0).abs() < 1e-9, "{job:?}");
        // Three minutes of 730 hours.
        let service = lost_by_interruptions(month, (ms.into(), squared.into()), false, 180_000);
        assert!((service.as_f64() - 0.05).abs() < 1e-9, "{service:?}");
        assert_eq!(lost_by_interruptions(month, (0, 0), true, 1), Usd::ZERO);
    }

    #[test]
    fn a_price_without_a_date_makes_the_date_unknown() {
        let price = |as_of: Option<&str>| Price {
            usd: Decimal::ONE,
            unit: crate::pricing::PriceUnit::Hour,
            as_of: as_of.map(Into::into),
            quality: Quality::Snapshot,
            source: "".into(),
        };
        let (old, new, undated) = (
            price(Some("2026-01")),
            price(Some("2026-11-02")),
            price(None),
        );
        assert_eq!(oldest(&[&new, &old]).as_deref(), Some("2026-01"));
        assert_eq!(oldest(&[&new, &undated]), None);
    }
}
