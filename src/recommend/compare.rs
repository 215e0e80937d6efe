//! Where should a job run? Every placement of one job with its cost, and where the order of the platforms turns.
//!
//! In: what one run needs, how long and how often it runs, and the price book; no history. Every placement is a
//! rate and a meter, and both its cost and its break-even come from these two.

mod break_even;
mod codebuild;
mod curves;
mod ec2;
mod fargate;
mod job;
mod offer;
mod terms;

pub use break_even::{BreakEven, Contender, RunLength, RunsPerDay};
pub use curves::{Curve, CurvePoint};
pub use job::{Job, Load};
pub use offer::Offer;

use std::cmp::Reverse;

use crate::model::workload::Architecture;
use crate::pricing::PriceBook;

/// Where a job could run.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The job.
    pub job: Job,
    /// Every placement, cheapest first; then those without a price, then those that cannot be, with their reasons.
    pub offers: Vec<Offer>,
    /// Between the best of each two platforms, on demand, on the architecture of the cheapest.
    pub break_even: Vec<BreakEven>,
    /// What the same placements cost as runs get longer or more.
    pub curves: Vec<Curve>,
}

/// Where `job` could run and what that costs by `book`.
///
/// Fargate: the cheapest size that holds a run, on demand and in every other way that has a price. CodeBuild: every
/// compute type that holds it, with a GPU only where nothing else does. EC2, on demand with a gp3 root volume of
/// 30 GiB and the storage of its runs: the cheapest instance type launched for each run and terminated after it, and
/// the cheapest always on, as many as the runs that overlap on average need. Data transfer, public addresses and
/// logs are the same everywhere and left out.
pub fn compare(job: &Job, book: &PriceBook) -> Comparison {
    let mut offers: Vec<Offer> = job
        .architectures
        .iter()
        .flat_map(|&architecture| of_architecture(job, book, architecture))
        .collect();
    offers.sort_by_key(|offer| {
        (
            offer.cost.is_none(),
            offer.usd(),
            Reverse(offer.placement.is_feasible()),
        )
    });
    Comparison {
        job: job.clone(),
        break_even: break_even::between_platforms(&offers, job.load),
        curves: curves::of_best(&offers, job.load),
        offers,
    }
}

fn of_architecture(job: &Job, book: &PriceBook, architecture: Architecture) -> Vec<Offer> {
    let platforms = [fargate::offers, codebuild::offers, ec2::offers];
    platforms
        .into_iter()
        .flat_map(|offers| offers(job, book, architecture))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::units::{TaskSize, Usd};
    use crate::model::workload::{Os, Platform, PurchaseOption};
    use crate::placement::Size;
    use crate::pricing::Metering;
    use crate::pricing::Tables;
    use crate::pricing::metering::fargate_cost;
    use rust_decimal::Decimal;

    pub(super) fn book() -> PriceBook {
        PriceBook::embedded().expect("the embedded tables parse")
    }

    /// A Linux job on both architectures: vCPU, GiB, seconds, runs per day for 30 days.
    pub(super) fn job(vcpu: u32, gib: u32, seconds: i64, runs_per_day: u32) -> Job {
        Job {
            region: "us-east-1".to_owned(),
            os: Os::Linux,
            architectures: Architecture::ALL.to_vec(),
            need: TaskSize::new(vcpu * 1024, gib * 1024),
            ephemeral_gib: None,
            load: Load {
                duration_ms: seconds * 1000,
                runs_per_day,
                days: 30,
            },
            free_tier: false,
        }
    }

    /// The example of the AWS Fargate pricing page: five runs of ten minutes a day, 30 GiB of storage.
    fn page_example() -> Comparison {
        compare(
            &Job {
                ephemeral_gib: Some(30),
                ..job(1, 2, 600, 5)
            },
            &book(),
        )
    }

    pub(super) fn usd(text: &str) -> Usd {
        Usd::new(text.parse().expect("a decimal"))
    }

    pub(super) fn find<'a>(
        comparison: &'a Comparison,
        platform: Platform,
        architecture: Architecture,
        size: &str,
    ) -> &'a Offer {
        let is_it = |offer: &&Offer| {
            let found = &offer.placement;
            let named = found.size.as_ref().is_some_and(|found| found.name == size);
            let place = (found.platform, found.architecture, found.purchase_option);
            named && place == (platform, architecture, PurchaseOption::OnDemand)
        };
        comparison.offers.iter().find(is_it).expect("listed")
    }

    fn priced(comparison: &Comparison) -> impl Iterator<Item = &Offer> {
        comparison
            .offers
            .iter()
            .filter(|offer| offer.cost.is_some())
    }

    fn cheapest_on_demand(comparison: &Comparison) -> Option<Usd> {
        let is_on_demand =
            |offer: &&Offer| offer.placement.purchase_option == PurchaseOption::OnDemand;
        priced(comparison).find(is_on_demand).map(cost)
    }

    /// To a millionth of a cent.
    pub(super) fn cost(offer: &Offer) -> Usd {
        let usd = offer.usd().expect("priced");
        Usd::new(usd.amount().round_dp(8).normalize())
    }

    #[test]
    fn the_example_of_the_pricing_page_costs_what_the_page_says() {
        // 25 h × (0.04048 + 2 × 0.004445 + 10 × 0.000111) and 25 h × (0.03238 + 2 × 0.00356 + 10 × 0.000111).
        let comparison = page_example();
        let fargate = |architecture| {
            cost(find(
                &comparison,
                Platform::Fargate,
                architecture,
                "1 vCPU / 2 GiB",
            ))
        };
        assert_eq!(fargate(Architecture::X86_64), usd("1.262"));
        assert_eq!(fargate(Architecture::Arm64), usd("1.01525"));
        assert_eq!(cheapest_on_demand(&comparison), Some(usd("1.01525")));
    }

    #[test]
    fn the_same_job_costs_by_hand_what_it_costs_elsewhere() {
        let comparison = page_example();
        let arm = |platform, size| cost(find(&comparison, platform, Architecture::Arm64, size));
        // 1,500 minutes at 0.0034; 30 h and 720 h of m6g.medium at 0.0385, with 60 GiB at 0.08 for 730 h.
        assert_eq!(arm(Platform::Codebuild, "BUILD_GENERAL1_SMALL"), usd("5.1"));
        assert_eq!(
            arm(Platform::Ec2, "m6g.medium, launched per run"),
            usd("1.35226027")
        );
        assert_eq!(
            arm(Platform::Ec2, "m6g.medium, always on"),
            usd("32.45424658")
        );
    }

    #[test]
    fn the_cheapest_come_first_then_the_unpriced_then_the_impossible() {
        // CodeBuild is not sold there.
        let comparison = compare(
            &Job {
                region: "ca-west-1".to_owned(),
                ephemeral_gib: Some(30),
                ..job(1, 2, 600, 5)
            },
            &book(),
        );
        let rank = |offer: &Offer| {
            (
                offer.cost.is_none(),
                offer.usd(),
                !offer.placement.is_feasible(),
            )
        };
        assert!(comparison.offers.is_sorted_by_key(rank));
        let refused: Vec<&Offer> = comparison
            .offers
            .iter()
            .filter(|offer| offer.cost.is_none())
            .collect();
        assert!(
            refused.iter().all(|offer| offer.reasons().next().is_some())
                && refused.iter().any(|offer| offer.placement.is_feasible())
        );
        assert!(
            comparison
                .offers
                .iter()
                .filter(|offer| offer.cost.is_some())
                .all(|offer| offer.placement.is_feasible() && offer.placement.size.is_some())
        );
    }

    #[test]
    fn conditions_of_a_price_are_said() {
        let comparison = page_example();
        let reasons = |option| {
            priced(&comparison)
                .find(|found| found.placement.purchase_option == option)
                .map(|found| found.reasons().collect::<Vec<_>>().join("; "))
        };
        assert_eq!(
            reasons(PurchaseOption::Spot).as_deref(),
            Some("needs an arm64 image; can be interrupted, and its price floats")
        );
        assert!(
            reasons(PurchaseOption::SavingsPlan1yrNoUpfront)
                .is_some_and(|reasons| reasons.contains("Savings Plan"))
        );
        assert_eq!(reasons(PurchaseOption::SavingsPlan1yrAllUpfront), None);
    }

    #[test]
    fn a_region_without_prices_is_listed_with_reasons() {
        let comparison = compare(
            &Job {
                region: "eu-nowhere-1".to_owned(),
                ..job(1, 2, 600, 5)
            },
            &book(),
        );
        assert!(priced(&comparison).next().is_none() && comparison.break_even.is_empty());
        let reasons: Vec<_> = comparison.offers.iter().flat_map(Offer::reasons).collect();
        assert!(reasons.contains(
            &"no Fargate arm64 on_demand price for eu-nowhere-1 in the price book".to_owned()
        ));
        assert!(
            reasons.contains(&"no EC2 x86_64 price for eu-nowhere-1 in the price book".to_owned())
        );
    }

    #[test]
    fn windows_is_billed_five_minutes_at_least() {
        let windows = Job {
            os: Os::Windows,
            architectures: vec![Architecture::X86_64],
            ..job(1, 2, 60, 1)
        };
        let comparison = compare(&windows, &book());
        let fargate = find(
            &comparison,
            Platform::Fargate,
            Architecture::X86_64,
            "1 vCPU / 2 GiB",
        );
        // 30 × 300 s = 2.5 h × (0.046552 + 0.046 + 2 × 0.00511175).
        assert_eq!(cost(fargate), usd("0.25693875"));
        assert!(fargate.placement.cautions.is_empty());
    }

    #[test]
    fn more_storage_than_fargate_gives_is_not_possible_there() {
        let refused = compare(
            &Job {
                ephemeral_gib: Some(201),
                ..job(1, 2, 600, 5)
            },
            &book(),
        );
        assert!(
            refused
                .offers
                .iter()
                .map(|offer| &offer.placement)
                .filter(|found| found.platform == Platform::Fargate)
                .all(|found| !found.is_feasible())
        );
        assert!(priced(&refused).any(|found| found.placement.platform == Platform::Ec2));
    }

    #[test]
    fn storage_without_a_price_is_not_priced() {
        let no_storage = PriceBook::from_tables(&Tables {
            fargate: "region,os,architecture,purchase_option,component,usd,as_of,source,quality\n\
                      us-east-1,linux,x86_64,on_demand,vcpu_hour,0.04,2026,a test,exact\n\
                      us-east-1,linux,x86_64,on_demand,gib_hour,0.004,2026,a test,exact\n",
            ..Tables::default()
        });
        let comparison = compare(
            &Job {
                ephemeral_gib: Some(30),
                ..job(1, 2, 600, 5)
            },
            &no_storage.expect("well-formed"),
        );
        let fargate = find(
            &comparison,
            Platform::Fargate,
            Architecture::X86_64,
            "1 vCPU / 2 GiB",
        );
        assert!(
            fargate.cost.is_none()
                && fargate.placement.is_feasible()
                && fargate
                    .reasons()
                    .next()
                    .is_some_and(|reason| reason.contains("ephemeral storage price"))
        );
    }

    #[test]
    fn what_cannot_be_counted_is_no_number() {
        let forever = Job {
            load: Load {
                duration_ms: i64::MAX,
                runs_per_day: u32::MAX,
                days: u32::MAX,
            },
            ..job(1, 2, 1, 1)
        };
        let comparison = compare(&forever, &book());
        assert!(
            priced(&comparison)
                .filter_map(Offer::usd)
                .all(|usd| usd.amount() < Decimal::MAX)
        );
        let nothing = Job {
            load: Load {
                duration_ms: -1,
                runs_per_day: 0,
                days: 0,
            },
            ..job(0, 0, 0, 0)
        };
        let unpriced = PriceBook::from_tables(&Tables::default()).expect("empty");
        assert_eq!(cheapest_on_demand(&compare(&nothing, &unpriced)), None);
        assert_eq!(
            cheapest_on_demand(&compare(&nothing, &book())),
            Some(Usd::ZERO)
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_rate_and_a_meter_cost_what_the_pricing_rules_say(
            cpu in 1_u32..40_000, mib in 1_u32..300_000, ms in 1_i64..200_000_000, runs_per_day in 1_u32..1000, days in 1_u32..400,
        ) {
            let load = Load { duration_ms: ms, runs_per_day, days };
            let job = Job { need: TaskSize::new(cpu, mib), ephemeral_gib: Some(50), load, ..job(1, 1, 1, 1) };
            let book = book();
            let prices = book.fargate(&job.region, job.os, Architecture::X86_64, PurchaseOption::OnDemand).expect("priced");
            let metered = i64::from(runs_per_day * days) * Metering::FARGATE_LINUX.billed_ms(ms);
            let comparison = compare(&job, &book);
            let place = (Platform::Fargate, Architecture::X86_64, PurchaseOption::OnDemand);
            let is_it = |offer: &&Offer| {
                let found = &offer.placement;
                (found.platform, found.architecture, found.purchase_option) == place
            };
            let found = priced(&comparison).find(is_it);
            if let Some(size) = found.and_then(|found| found.placement.size.as_ref()).map(|size| size.task) {
                prop_assert!(size.holds(job.need));
                let direct = fargate_cost(prices, size, Some(50), metered).expect("priced").amount().round_dp(8);
                prop_assert_eq!(found.map(cost), Some(Usd::new(direct.normalize())));
            }
        }

        #[test]
        fn every_placement_with_a_price_holds_the_job(cpu in 1_u32..80_000, mib in 1_u32..300_000) {
            let need = TaskSize::new(cpu, mib);
            let comparison = compare(&Job { need, ..job(1, 1, 60, 1) }, &book());
            let holds = |size: &Size| size.task.holds(need);
            prop_assert!(priced(&comparison).all(|offer| offer.placement.size.as_ref().is_some_and(holds)));
        }
    }
}
