//! What placements cost as runs get longer or more: the lines that cross at the break-even points.

use schemars::JsonSchema;
use serde::Serialize;

use super::break_even::Contender;
use super::job::Load;
use super::offer::Offer;
use super::terms::{BilledTime, Terms};
use crate::model::units::Usd;
use crate::model::workload::{Platform, PurchaseOption};

/// Run lengths looked at, seconds: evenly spread on a logarithmic scale, up to the longest build.
const RUN_LENGTHS_S: [u32; 25] = [
    10, 20, 30, 45, 60, 90, 120, 180, 240, 300, 450, 600, 900, 1_200, 1_800, 2_700, 3_600, 5_400,
    7_200, 10_800, 21_600, 43_200, 64_800, 86_400, 129_600,
];
/// Runs per day looked at.
const RUNS_PER_DAY: [u32; 16] = [
    1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200, 500, 1_000, 2_000, 5_000,
];

/// What one placement costs for the period as the job changes.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Curve {
    /// Which placement, at the size that holds the job, on demand.
    pub of: Contender,
    /// Whether instances run all the time instead of for each run.
    pub always_on: bool,
    /// At the given runs per day, by run length in seconds.
    pub by_run_length: Vec<CurvePoint>,
    /// At the given run length, by runs per day.
    pub by_runs_per_day: Vec<CurvePoint>,
}

/// A cost at a run length or a number of runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct CurvePoint {
    /// Seconds, or runs per day.
    pub at: u32,
    /// What the period costs.
    pub usd: Usd,
}

/// The best placement of each platform on the architecture of the cheapest, and always-on instances beside those that
/// are launched per run. `offers` are sorted by cost.
pub(super) fn of_best(offers: &[Offer], load: Load) -> Vec<Curve> {
    let on_demand: Vec<(&Offer, &Terms)> = offers
        .iter()
        .filter(|offer| offer.placement.purchase_option == PurchaseOption::OnDemand)
        .filter_map(|offer| Some((offer, offer.terms.as_ref()?)))
        .collect();
    let Some((first, _)) = on_demand.first() else {
        return Vec::new();
    };
    let architecture = first.placement.architecture;
    let mut seen: Vec<(Platform, bool)> = Vec::new();
    let mut curves = Vec::new();
    for (offer, terms) in on_demand {
        let always_on = matches!(terms.time, BilledTime::AlwaysOn { .. });
        let which = (offer.placement.platform, always_on);
        if offer.placement.architecture == architecture && !seen.contains(&which) {
            seen.push(which);
            curves.push(curve(offer, terms, always_on, load));
        }
    }
    curves
}

fn curve(offer: &Offer, terms: &Terms, always_on: bool, load: Load) -> Curve {
    let placement = &offer.placement;
    let point = |at: u32, load: Load| {
        Some(CurvePoint {
            at,
            usd: terms.cost(load)?.usd,
        })
    };
    let by_length = |&at: &u32| {
        let duration_ms = i64::from(at) * 1_000;
        point(
            at,
            Load {
                duration_ms,
                ..load
            },
        )
    };
    let by_runs = |&at: &u32| {
        let runs_per_day = at;
        point(
            at,
            Load {
                runs_per_day,
                ..load
            },
        )
    };
    Curve {
        of: Contender {
            platform: placement.platform,
            size: placement
                .size
                .as_ref()
                .map_or_else(String::new, |size| size.name.clone()),
            architecture: placement.architecture,
        },
        always_on,
        by_run_length: RUN_LENGTHS_S.iter().filter_map(by_length).collect(),
        by_runs_per_day: RUNS_PER_DAY.iter().filter_map(by_runs).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::compare;
    use super::super::tests::{book, job};
    use super::*;

    #[test]
    fn longer_and_more_never_costs_less_and_the_given_job_lies_on_its_curve() {
        let job = job(1, 2, 600, 5);
        let comparison = compare(&job, &book());
        assert!(comparison.curves.len() >= 3);
        for curve in &comparison.curves {
            for points in [&curve.by_run_length, &curve.by_runs_per_day] {
                assert!(points.windows(2).all(|pair| pair[0].usd <= pair[1].usd));
            }
        }
        let fargate = comparison
            .curves
            .iter()
            .find(|curve| curve.of.platform == Platform::Fargate)
            .unwrap();
        let at =
            |points: &[CurvePoint], at| points.iter().find(|point| point.at == at).unwrap().usd;
        let cost = comparison
            .offers
            .iter()
            .find(|offer| {
                offer.placement.platform == Platform::Fargate
                    && offer.placement.architecture == fargate.of.architecture
                    && offer.placement.purchase_option == PurchaseOption::OnDemand
            })
            .and_then(|offer| offer.cost.as_ref())
            .unwrap();
        assert_eq!(at(&fargate.by_run_length, 600), cost.usd);
        assert_eq!(at(&fargate.by_runs_per_day, 5), cost.usd);
    }
}
