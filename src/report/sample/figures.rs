//! What small reports are made of.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::model::finding::Finding;
use crate::model::units::Usd;
use crate::model::workload::{Architecture, Kind, Platform, PurchaseOption};
use crate::placement::effort::{Effort, Step};
use crate::pricing::cost::Certainty;
use crate::report::result::*;

pub(super) fn usd(amount: &str) -> Usd {
    Usd::new(amount.parse().unwrap())
}

/// Cost in the window of what costs `monthly` in a month: 720 of 730 hours.
pub(super) fn in_window(monthly: &str) -> Usd {
    Usd::new(usd(monthly).amount() * Decimal::from(720) / Decimal::from(730))
}

pub(super) fn exact(usd: Usd) -> AmountResult {
    AmountResult {
        usd,
        certainty: Certainty::Exact,
        lower_usd: None,
        upper_usd: None,
        lines: Vec::new(),
    }
}

pub(super) fn step(step: Step, effort: Effort, monthly: &str) -> SavingsStep {
    SavingsStep {
        step,
        effort,
        monthly_savings_usd: usd(monthly),
    }
}

pub(super) fn size(name: &str, vcpu: f64, memory_gib: f64) -> Size {
    Size {
        name: name.into(),
        vcpu,
        memory_gib,
        ephemeral_gib: None,
    }
}

pub(super) fn current(platform: Platform, size: Size, monthly: &str) -> Current {
    Current {
        platform: Some(platform),
        size: Some(size),
        architecture: Some(Architecture::X86_64),
        purchase_option: PurchaseOption::OnDemand,
        measured_cost: Some(exact(in_window(monthly))),
        going_rate: Some(exact(usd(monthly))),
        not_priced: None,
        metered: None,
        basis: Some("runs"),
        narrowed_by: Vec::new(),
    }
}

pub(super) fn placement(platform: Platform, size: Size, monthly: &str) -> PlacementResult {
    PlacementResult {
        platform,
        size: Some(size),
        architecture: Architecture::X86_64,
        purchase_option: PurchaseOption::OnDemand,
        feasible: true,
        reasons: Vec::new(),
        effort: Some(Effort::VeryLow),
        going_rate: Some(exact(usd(monthly))),
        not_priced: None,
    }
}

pub(super) fn needs(vcpu: f64, memory_mib: f64) -> RequirementResult {
    let around = |target: f64| BoundsResult {
        lower: target * 0.9,
        target,
        upper: target * 1.5,
    };
    let risk = |margin, fixed_percent, risk_percent| RiskResult {
        margin,
        fixed_percent,
        workload_weeks: 0,
        risk_percent,
        risk_at_most_percent: None,
        confidence_percent: 95.0,
        lost_cpu_s_per_day: risk_percent.map(|_| 12.5),
        longer_percent: risk_percent.map(|_| 0.02),
        effective_days: 4.2,
        missing: Vec::new(),
    };
    RequirementResult {
        vcpu: around(vcpu),
        memory_mib: around(memory_mib),
        vcpu_risk: risk("shipped_default", None, Some(1.4)),
        memory_risk: risk("fixed", Some(20.0), None),
    }
}

/// A week of samples that ends at these peaks.
pub(super) fn used(vcpu: f64, mib: f64) -> UsageResult {
    let of = |unit, peak: f64, percentile| ResourceUsage {
        unit,
        mean: Some(peak / 2.0),
        percentile,
        at_percentile: Some(peak * 0.9),
        max: peak,
        samples: 43_200,
        period_s: 60,
        days: (1..=7)
            .map(|day| DayUsage {
                day: format!("2026-10-{day:02}"),
                max: peak * (0.3 + f64::from(day) / 10.0),
            })
            .collect(),
        histogram: [(0.25, 10.0), (0.5, 60.0), (0.75, 25.0), (1.0, 5.0)]
            .map(|(share, share_percent)| UsageBucket {
                up_to: peak * share,
                share_percent,
            })
            .to_vec(),
    };
    UsageResult {
        cpu: Some(of("vCPU", vcpu, 95.0)),
        memory: Some(of("MiB", mib, 100.0)),
    }
}

pub(super) fn workload(kind: Kind, name: &str, current: Current) -> WorkloadResult {
    WorkloadResult {
        account: "111122223333".into(),
        region: "eu-west-1".into(),
        kind,
        cluster: (kind != Kind::Build).then(|| "prod".into()),
        name: name.into(),
        tags: BTreeMap::new(),
        current,
        requirement: None,
        placements: Vec::new(),
        finding: Finding::Optimized,
        reason_codes: Vec::new(),
        reasons: Vec::new(),
        recommended: None,
        second_best: None,
        monthly_savings_usd: Some(Usd::ZERO),
        savings_certainty: Some(Certainty::Exact),
        savings_steps: Vec::new(),
        size_steps: Vec::new(),
        evidence: EvidenceResult {
            days: 30,
            samples: 86_400,
            period_s: Some(60),
            slots_seen_percent: 99.5,
            runs: 12,
            open_runs: 2,
            seen_days: None,
            window_days: None,
            sources: vec!["task_events".into()],
        },
        usage: UsageResult::default(),
        runs: RunsResult {
            count: 12,
            open: 2,
            median_s: Some(540.0),
            longest_s: Some(1_260.0),
            by_length: [
                (Some(300), 1),
                (Some(600), 8),
                (Some(1_200), 0),
                (Some(1_800), 1),
            ]
            .map(|(up_to_s, runs)| RunLengthClass { up_to_s, runs })
            .to_vec(),
        },
        out_of_memory: Vec::new(),
    }
}

pub(super) fn size_step(size: Size, is_larger: bool, holds: bool, monthly: &str) -> SizeStepResult {
    SizeStepResult {
        size,
        is_larger,
        holds: Some(holds),
        going_rate_usd: Some(usd(monthly)),
    }
}
