//! Sums over all workloads; what is not priced is counted, never added.

use std::collections::BTreeMap;

use super::{Analysis, Case, current};
use crate::model::units::Usd;
use crate::model::workload::{Architecture, Platform, PurchaseOption};
use crate::pricing::CodebuildPrice;
use crate::pricing::metering::{codebuild_free_ms, codebuild_free_value, is_codebuild_free_tier};
use crate::report::result::{
    Finding, FindingCounts, PlatformTotal, SavingsSteps, Totals, WorkloadResult,
};

/// The totals of a report.
pub(super) fn of(
    analysis: &Analysis<'_>,
    cases: &[Case<'_>],
    workloads: &[WorkloadResult],
) -> Totals {
    let cost: Usd = workloads
        .iter()
        .filter_map(|workload| workload.current.cost_usd)
        .sum();
    let monthly = |amount: Usd| amount.per_month(analysis.window.ms()).unwrap_or_default();
    Totals {
        workloads: workloads.len(),
        not_priced: workloads
            .iter()
            .filter(|workload| workload.current.cost_usd.is_none())
            .count(),
        partly_seen: cases.iter().filter(|case| case.bound().is_some()).count(),
        cost_usd: cost,
        monthly_cost_usd: monthly(cost),
        monthly_savings_usd: workloads
            .iter()
            .filter_map(|workload| workload.monthly_savings_usd)
            .sum(),
        savings_steps: SavingsSteps {
            rightsize_usd: workloads
                .iter()
                .map(|workload| workload.savings_steps.rightsize_usd)
                .sum(),
            move_usd: workloads
                .iter()
                .map(|workload| workload.savings_steps.move_usd)
                .sum(),
        },
        codebuild_free_tier_usd: free_tier(analysis, cases),
        findings: findings(workloads),
        by_platform: Platform::ALL
            .iter()
            .filter_map(|&platform| in_one_home(platform, workloads))
            .collect(),
    }
}

fn findings(workloads: &[WorkloadResult]) -> FindingCounts {
    let count = |finding| {
        workloads
            .iter()
            .filter(|workload| workload.finding == finding)
            .count()
    };
    FindingCounts {
        overprovisioned: count(Finding::Overprovisioned),
        underprovisioned: count(Finding::Underprovisioned),
        optimized: count(Finding::Optimized),
        not_enough_data: count(Finding::NotEnoughData),
    }
}

/// What the workloads that can live on `platform` would cost there, and what the same ones cost today.
fn in_one_home(platform: Platform, workloads: &[WorkloadResult]) -> Option<PlatformTotal> {
    let mut total = PlatformTotal {
        platform,
        workloads: 0,
        cost_usd: Usd::ZERO,
        current_cost_usd: Usd::ZERO,
    };
    for workload in workloads {
        let architecture = workload
            .current
            .architecture
            .unwrap_or(Architecture::X86_64);
        let there = workload.placements.iter().find(|placement| {
            placement.platform == platform
                && placement.feasible
                && placement.architecture == architecture
                && placement.purchase_option == PurchaseOption::OnDemand
        });
        if let (Some(cost), Some(today)) = (
            there.and_then(|placement| placement.cost_usd),
            workload.current.cost_usd,
        ) {
            total.workloads += 1;
            total.cost_usd += cost;
            total.current_cost_usd += today;
        }
    }
    (total.workloads > 0).then_some(total)
}

/// CodeBuild's free minutes. AWS gives them once per payer; one account is taken for one payer here.
fn free_tier(analysis: &Analysis<'_>, cases: &[Case<'_>]) -> Usd {
    let mut builds: BTreeMap<&str, Vec<(&CodebuildPrice, i64)>> = BTreeMap::new();
    let mut minutes = BTreeMap::new();
    for case in cases {
        let workload = &case.demand.workload;
        for component in &case.demand.ran {
            let (Some(environment), Some(compute)) = (
                &component.configuration.environment_type,
                &component.configuration.compute_type,
            ) else {
                continue;
            };
            let price = analysis
                .book
                .codebuild(&workload.region, environment, compute);
            let (Ok(price), true) = (price, is_codebuild_free_tier(environment, compute)) else {
                continue;
            };
            builds.entry(&workload.account).or_default().push((
                price,
                current::codebuild_ms(analysis, price.unit, component),
            ));
            if let Ok(free) = analysis.book.codebuild_free_minutes(&workload.region) {
                minutes.insert(&workload.account, free);
            }
        }
    }
    let value = |(account, builds): (&&str, &Vec<(&CodebuildPrice, i64)>)| {
        let free = minutes
            .iter()
            .find(|(of, _)| of.as_str() == *account)
            .map_or(0, |(_, free)| *free);
        codebuild_free_value(builds, codebuild_free_ms(free, analysis.window))
    };
    builds.iter().map(value).sum()
}
