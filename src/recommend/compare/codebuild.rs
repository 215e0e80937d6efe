//! The job as a CodeBuild build: every compute type that holds it.

use super::job::{Job, Load};
use super::offer::{Draft, Offer};
use super::terms::{BilledTime, MONTH_MS, Terms};
use crate::model::units::MS_PER_HOUR;
use crate::model::workload::{Architecture, Platform, PurchaseOption};
use crate::placement::feasibility::LONGEST_BUILD_MS;
use crate::placement::{Size, codebuild};
use crate::pricing::metering::is_codebuild_free_tier;
use crate::pricing::{CodebuildType, PriceBook};

/// Source: AWS CodeBuild user guide, "Run builds on AWS Lambda compute", read 2026-11.
const LONGEST_LAMBDA_BUILD_MS: i64 = MS_PER_HOUR / 4;

/// Every compute type that holds the job, and why Lambda compute is none of them.
pub(super) fn offers(job: &Job, book: &PriceBook, architecture: Architecture) -> Vec<Offer> {
    let draft = || Draft::new(Platform::Codebuild, architecture, PurchaseOption::OnDemand);
    if job.load.duration_ms > LONGEST_BUILD_MS {
        return vec![draft().infeasible("a build runs for 36 hours at most")];
    }
    let known = book
        .codebuild_types()
        .iter()
        .filter(|kind| kind.architecture == architecture && kind.os == job.os);
    let (lambda, builders): (Vec<_>, Vec<_>) = known.partition(|kind| kind.lambda);
    let (gpu, plain): (Vec<_>, Vec<_>) = builders
        .into_iter()
        .filter(|kind| holds(kind, job))
        .partition(|kind| kind.gpu);
    let holding = if plain.is_empty() { gpu } else { plain };
    let mut offers: Vec<Offer> = holding
        .into_iter()
        .map(|kind| build(job, book, kind, draft()))
        .collect();
    if offers.is_empty() {
        offers.push(draft().infeasible("larger than every CodeBuild compute type"));
    }
    offers.extend((!lambda.is_empty()).then(|| draft().infeasible(why_not_lambda(job, &lambda))));
    offers
}

fn holds(kind: &CodebuildType, job: &Job) -> bool {
    kind.size().is_some_and(|size| size.holds(job.need))
        && codebuild::has_disk_for(kind, job.ephemeral_gib)
}

fn build(job: &Job, book: &PriceBook, kind: &CodebuildType, draft: Draft) -> Offer {
    let CodebuildType {
        environment_type,
        compute_type,
        ..
    } = kind;
    let is_plain = matches!(
        environment_type.as_str(),
        "LINUX_CONTAINER" | "ARM_CONTAINER"
    );
    let name = if is_plain {
        compute_type.clone()
    } else {
        format!("{environment_type} {compute_type}")
    };
    let draft = draft.sized(Size::named(kind.size().unwrap_or(job.need), name));
    let price = match book.codebuild(&job.region, environment_type, compute_type) {
        Ok(price) => price,
        Err(reason) => return draft.unpriced(reason),
    };
    let draft = draft.minding(price.quality);
    let is_free = job.free_tier && is_codebuild_free_tier(environment_type, compute_type);
    let (free_ms, draft) = match is_free.then(|| book.codebuild_free_minutes(&job.region)) {
        None => (0, draft),
        Some(Ok(minutes)) => (
            free_ms(minutes, job.load),
            draft.because("true if no other build uses the free minutes"),
        ),
        Some(Err(reason)) => (0, draft.because(reason.to_string())),
    };
    let time = BilledTime::PerRun {
        rule: price.unit.metering(),
        boot_ms: 0,
        free_ms,
    };
    draft.priced(
        Terms {
            tariff: codebuild::tariff(price, false),
            time,
        },
        job.load,
    )
}

/// Free build time of the period, by months of 730 hours.
fn free_ms(minutes_per_month: u32, load: Load) -> i64 {
    let free = i128::from(minutes_per_month) * 60_000 * i128::from(load.period_ms())
        / i128::from(MONTH_MS);
    i64::try_from(free).unwrap_or(i64::MAX)
}

/// Lambda compute is never known to hold a job: AWS does not publish its vCPU.
fn why_not_lambda(job: &Job, types: &[&CodebuildType]) -> String {
    let smallest = types
        .iter()
        .filter(|kind| kind.memory_mib >= job.need.memory_mib)
        .min_by_key(|kind| kind.memory_mib);
    match smallest {
        _ if job.load.duration_ms > LONGEST_LAMBDA_BUILD_MS => {
            "a build on Lambda compute runs for 15 minutes at most".to_owned()
        }
        Some(kind) => format!(
            "AWS does not publish the vCPU of Lambda compute; {} has the memory",
            kind.compute_type
        ),
        None => "larger than every Lambda compute type".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{book, cost, find, job, usd};
    use super::super::{Comparison, compare};
    use super::*;

    fn x86<'a>(comparison: &'a Comparison, size: &str) -> &'a Offer {
        find(comparison, Platform::Codebuild, Architecture::X86_64, size)
    }

    fn names(comparison: &Comparison) -> Vec<&str> {
        let builds = comparison
            .offers
            .iter()
            .map(|offer| &offer.placement)
            .filter(|found| found.platform == Platform::Codebuild);
        builds
            .filter(|found| found.architecture == Architecture::X86_64)
            .filter_map(|found| Some(found.size.as_ref()?.name.as_str()))
            .collect()
    }

    fn refusals(comparison: &Comparison) -> Vec<&str> {
        let refused = comparison
            .offers
            .iter()
            .map(|offer| &offer.placement)
            .filter(|found| found.platform == Platform::Codebuild && !found.is_feasible());
        refused
            .flat_map(|found| &found.obstacles)
            .map(String::as_str)
            .collect()
    }

    #[test]
    fn sixty_one_second_build_is_billed_two_minutes() {
        let once = |seconds| Job {
            load: Load {
                days: 1,
                ..job(1, 2, seconds, 1).load
            },
            ..job(1, 2, seconds, 1)
        };
        assert_eq!(
            cost(x86(&compare(&once(61), &book()), "BUILD_GENERAL1_SMALL")),
            usd("0.01")
        );
        assert_eq!(
            cost(x86(&compare(&once(60), &book()), "BUILD_GENERAL1_SMALL")),
            usd("0.005")
        );
    }

    #[test]
    fn every_type_that_holds_the_job_is_listed() {
        let comparison = compare(&job(3, 5, 600, 1), &book());
        let general =
            ["MEDIUM", "LARGE", "XLARGE", "2XLARGE"].map(|size| format!("BUILD_GENERAL1_{size}"));
        assert_eq!(names(&comparison), general);
    }

    #[test]
    fn a_gpu_is_offered_only_where_nothing_else_holds_the_job() {
        assert_eq!(
            names(&compare(&job(32, 200, 600, 1), &book())),
            ["LINUX_GPU_CONTAINER BUILD_GENERAL1_LARGE"]
        );
        assert!(
            refusals(&compare(&job(73, 1, 600, 1), &book()))
                .contains(&"larger than every CodeBuild compute type")
        );
    }

    #[test]
    fn a_build_of_more_than_36_hours_is_not_possible() {
        assert!(
            x86(
                &compare(&job(1, 2, 129_600, 1), &book()),
                "BUILD_GENERAL1_SMALL"
            )
            .placement
            .is_feasible()
        );
        assert_eq!(
            refusals(&compare(&job(1, 2, 129_601, 1), &book())),
            ["a build runs for 36 hours at most"; 2]
        );
    }

    #[test]
    fn lambda_compute_is_never_silently_feasible() {
        let reasons =
            |gib, seconds| refusals(&compare(&job(1, gib, seconds, 1), &book())).join(" | ");
        let unknown =
            "AWS does not publish the vCPU of Lambda compute; BUILD_LAMBDA_4GB has the memory";
        assert_eq!(reasons(3, 900), format!("{unknown} | {unknown}"));
        assert!(
            reasons(3, 901).starts_with("a build on Lambda compute runs for 15 minutes at most")
        );
        assert!(reasons(11, 600).starts_with("larger than every Lambda compute type"));
    }

    #[test]
    fn a_disk_too_small_is_not_offered() {
        // 64 GB are 59.6 GiB, 128 GB are 119.2 GiB.
        let smallest = |gib| {
            names(&compare(
                &Job {
                    ephemeral_gib: Some(gib),
                    ..job(1, 2, 600, 1)
                },
                &book(),
            ))[0]
                .to_owned()
        };
        assert_eq!(
            [59, 60, 119, 120].map(smallest),
            ["SMALL", "MEDIUM", "MEDIUM", "XLARGE"].map(|size| format!("BUILD_GENERAL1_{size}"))
        );
    }

    #[test]
    fn free_minutes_are_taken_off_only_when_asked_and_only_from_small_types() {
        let paid = job(1, 2, 900, 20);
        let free = compare(
            &Job {
                free_tier: true,
                ..paid.clone()
            },
            &book(),
        );
        // 9,000 minutes less 100 × 720 ÷ 730, at 0.005.
        assert_eq!(
            cost(x86(&free, "BUILD_GENERAL1_SMALL"))
                .amount()
                .round_dp(6),
            usd("44.506849").amount()
        );
        assert_eq!(cost(x86(&free, "BUILD_GENERAL1_MEDIUM")), usd("90"));
        assert_eq!(
            cost(x86(&compare(&paid, &book()), "BUILD_GENERAL1_SMALL")),
            usd("45")
        );
    }
}
