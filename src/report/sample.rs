//! Small reports for tests.

pub(crate) mod packing;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::fleet_figures::{CommitmentResult, FleetFigures, FleetPurchaseResult};
use super::result::*;
use crate::model::finding::{Finding, ReasonCode};
use crate::model::units::Usd;
use crate::model::workload::{Architecture, InstancePurchase, Kind, Platform, PurchaseOption};
use crate::placement::effort::{Effort, Step};
use crate::pricing::cost::Certainty;

/// Names that were chosen to break an output.
pub(crate) const HOSTILE: &[&str] = &[
    "a|b",
    r"a\|b",
    "=cmd|'/c calc'!A0",
    "\u{1b}[2J\u{1b}]8;;https://evil.example\u{7}",
    "../../etc/passwd",
    "</script><img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "line\nbreak\r| cell |",
    "`` ` ``",
    "\u{202e}gnp.exe\u{200b}",
    "https://evil.example @root #1 **b**",
    "漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字",
    "",
];

/// Six workloads, one of each kind of outcome: 30 days of October.
pub(crate) fn report() -> Report {
    let workloads = vec![web(), image(), batch(), cron(), windows(), ledger()];
    Report {
        totals: totals(),
        workloads,
        fleets: vec![fleet()],
        clusters: vec![cluster()],
        ..empty()
    }
}

/// The same, the first of them seen on 7 of the 30 days.
pub(crate) fn partly_seen() -> Report {
    let mut report = report();
    report.totals.partly_seen = 1;
    let web = &mut report.workloads[0];
    (web.evidence.seen_days, web.evidence.window_days) = (Some(7), Some(30));
    for amount in [&mut web.current.measured_cost, &mut web.current.going_rate] {
        let amount = amount.as_mut().unwrap();
        (amount.certainty, amount.lower_usd) = (Certainty::AtLeast, Some(amount.usd));
    }
    web.savings_certainty = Some(Certainty::AtLeast);
    report
}

/// `number` services like the first one of [`report`].
pub(crate) fn many(number: usize) -> Report {
    let workloads = (0..number)
        .map(|at| WorkloadResult {
            name: format!("web-{at:04}"),
            ..web()
        })
        .collect();
    Report {
        totals: Totals {
            workloads: number,
            not_priced: 0,
            ..totals()
        },
        workloads,
        ..empty()
    }
}

/// The report with sums by a tag: each workload has a value of its own, the last has none.
pub(crate) fn grouped(mut report: Report) -> Report {
    let group = |workload: &WorkloadResult| GroupResult {
        value: Some(workload.name.clone()),
        workloads: 1,
        not_priced: usize::from(workload.current.going_rate.is_none()),
        measured_cost: or_nothing(workload.current.measured_cost.as_ref()),
        going_rate: or_nothing(workload.current.going_rate.as_ref()),
        monthly_savings_usd: workload.monthly_savings_usd.unwrap_or_default(),
    };
    let mut groups: Vec<GroupResult> = report.workloads.iter().map(group).collect();
    if let Some(last) = groups.last_mut() {
        last.value = None;
    }
    groups.sort_by_key(|group| Reverse(group.going_rate.usd));
    report.groups = Some(GroupsResult {
        by: "tag.service".into(),
        groups,
    });
    report
}

fn or_nothing(amount: Option<&AmountResult>) -> AmountResult {
    amount.cloned().unwrap_or_else(|| exact(Usd::ZERO))
}

/// A report on nothing.
pub(crate) fn empty() -> Report {
    Report {
        version: REPORT_VERSION,
        generated_by: "plimsoll 0.1.0".into(),
        window: WindowResult {
            from: "2026-10-01T00:00:00Z".into(),
            to: "2026-10-31T00:00:00Z".into(),
            hours: 720.0,
        },
        totals: Totals {
            workloads: 0,
            not_priced: 0,
            partly_seen: 0,
            measured_cost: exact(Usd::ZERO),
            going_rate: exact(Usd::ZERO),
            monthly_savings_usd: Usd::ZERO,
            savings_steps: Vec::new(),
            purchase_options: Vec::new(),
            codebuild_free_tier_usd: Usd::ZERO,
            recommendations: 0,
            findings: FindingCounts::default(),
            by_platform: Vec::new(),
        },
        workloads: Vec::new(),
        fleets: Vec::new(),
        clusters: Vec::new(),
        coverage: CoverageResult {
            sources: 4,
            complete_scope_days: 58,
            partial_scope_days: 2,
            missed_scope_days: 0,
            rows: 1_234_567,
            duplicate_rows: 12,
            conflicting_rows: 0,
            fingerprint: "9f86d081884c7d65".into(),
            notes: vec!["2026-10-12: cluster batch was not readable (access denied)".into()],
        },
        prices: PricesResult {
            as_of: "2026-09-01 to 2026-10-15".into(),
            book: "e3b0c44298fc1c14".into(),
            kind: "list",
        },
        price_quality: PriceQualityResult::default(),
        policy: PolicyResult {
            risk_percent: 2.0,
            cpu_percentile: 95.0,
            cpu_headroom_percent: None,
            memory_headroom_percent: Some(20.0),
            min_days: 14,
            min_samples: 1000,
            min_savings_percent: 5.0,
        },
        selection: SelectionResult::default(),
        groups: None,
    }
}

fn usd(amount: &str) -> Usd {
    Usd::new(amount.parse().unwrap())
}

/// Cost in the window of what costs `monthly` in a month: 720 of 730 hours.
fn in_window(monthly: &str) -> Usd {
    Usd::new(usd(monthly).amount() * Decimal::from(720) / Decimal::from(730))
}

fn exact(usd: Usd) -> AmountResult {
    AmountResult {
        usd,
        certainty: Certainty::Exact,
        lower_usd: None,
        upper_usd: None,
        lines: Vec::new(),
    }
}

fn step(step: Step, effort: Effort, monthly: &str) -> SavingsStep {
    SavingsStep {
        step,
        effort,
        monthly_savings_usd: usd(monthly),
    }
}

fn size(name: &str, vcpu: f64, memory_gib: f64) -> Size {
    Size {
        name: name.into(),
        vcpu,
        memory_gib,
        ephemeral_gib: None,
    }
}

fn current(platform: Platform, size: Size, monthly: &str) -> Current {
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

fn placement(platform: Platform, size: Size, monthly: &str) -> PlacementResult {
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

fn needs(vcpu: f64, memory_mib: f64) -> RequirementResult {
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
fn used(vcpu: f64, mib: f64) -> UsageResult {
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

fn workload(kind: Kind, name: &str, current: Current) -> WorkloadResult {
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

fn web() -> WorkloadResult {
    let smaller = placement(
        Platform::Fargate,
        size("0.5 vCPU / 1 GiB", 0.5, 1.0),
        "360.44",
    );
    let build = placement(
        Platform::Codebuild,
        size("BUILD_GENERAL1_SMALL", 2.0, 4.0),
        "1.00",
    );
    let build = PlacementResult {
        feasible: false,
        reasons: vec!["a service cannot be a build".into()],
        ..build
    };
    WorkloadResult {
        tags: [("team", "shop"), ("cost-center", "4711")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        requirement: Some(needs(0.31, 812.4)),
        size_steps: vec![
            size_step(size("0.25 vCPU / 2 GiB", 0.25, 2.0), false, false, "254.61"),
            size_step(size("0.5 vCPU / 2 GiB", 0.5, 2.0), true, true, "400.00"),
        ],
        usage: used(0.27, 706.4),
        placements: vec![smaller.clone(), build],
        finding: Finding::Overprovisioned,
        reason_codes: vec![
            ReasonCode::CPUOverprovisioned,
            ReasonCode::MemoryOverprovisioned,
        ],
        recommended: Some(smaller),
        monthly_savings_usd: Some(usd("1081.33")),
        ..workload(
            Kind::Service,
            "web",
            current(
                Platform::Fargate,
                size("2 vCPU / 4 GiB", 2.0, 4.0),
                "1441.77",
            ),
        )
    }
}

fn size_step(size: Size, is_larger: bool, holds: bool, monthly: &str) -> SizeStepResult {
    SizeStepResult {
        size,
        is_larger,
        holds: Some(holds),
        going_rate_usd: Some(usd(monthly)),
    }
}

fn image() -> WorkloadResult {
    WorkloadResult {
        requirement: Some(needs(2.9, 3_100.0)),
        finding: Finding::Overprovisioned,
        reason_codes: vec![ReasonCode::CPUOverprovisioned],
        recommended: Some(placement(
            Platform::Fargate,
            size("4 vCPU / 8 GiB", 4.0, 8.0),
            "42.42",
        )),
        monthly_savings_usd: Some(usd("42.42")),
        ..workload(
            Kind::Build,
            "image",
            current(
                Platform::Codebuild,
                size("BUILD_GENERAL1_LARGE", 8.0, 16.0),
                "84.84",
            ),
        )
    }
}

fn batch() -> WorkloadResult {
    WorkloadResult {
        requirement: Some(needs(0.2, 1_400.0)),
        finding: Finding::Underprovisioned,
        reason_codes: vec![ReasonCode::MemoryUnderprovisioned, ReasonCode::OutOfMemory],
        recommended: Some(placement(
            Platform::Fargate,
            size("0.25 vCPU / 2 GiB", 0.25, 2.0),
            "17.94",
        )),
        monthly_savings_usd: Some(usd("-8.97")),
        ..workload(
            Kind::Task,
            "batch",
            current(
                Platform::Fargate,
                size("0.25 vCPU / 0.5 GiB", 0.25, 0.5),
                "8.97",
            ),
        )
    }
}

fn cron() -> WorkloadResult {
    let estimated = Current {
        basis: Some("sample_count"),
        purchase_option: PurchaseOption::Spot,
        going_rate: Some(AmountResult {
            certainty: Certainty::Estimated,
            ..exact(usd("0.0021"))
        }),
        ..current(
            Platform::Fargate,
            size("0.25 vCPU / 0.5 GiB", 0.25, 0.5),
            "0.0021",
        )
    };
    WorkloadResult {
        finding: Finding::NotEnoughData,
        reason_codes: vec![ReasonCode::TooFewDays, ReasonCode::NoFullWeek],
        monthly_savings_usd: None,
        ..workload(Kind::Task, "cron", estimated)
    }
}

fn windows() -> WorkloadResult {
    let unpriced = Current {
        measured_cost: None,
        going_rate: None,
        not_priced: Some("no Fargate price for Windows in eu-west-1".into()),
        ..current(Platform::Fargate, size("1 vCPU / 2 GiB", 1.0, 2.0), "0")
    };
    WorkloadResult {
        requirement: Some(needs(0.004, 700.0)),
        finding: Finding::Overprovisioned,
        reason_codes: vec![ReasonCode::CPUOverprovisioned, ReasonCode::NotPriced],
        monthly_savings_usd: None,
        ..workload(Kind::Task, "report", unpriced)
    }
}

fn ledger() -> WorkloadResult {
    WorkloadResult {
        requirement: Some(needs(0.9, 1_900.0)),
        ..workload(
            Kind::Service,
            "ledger",
            current(Platform::Ec2, size("1 vCPU / 2 GiB", 1.0, 2.0), "169.71"),
        )
    }
}

fn totals() -> Totals {
    let on = |platform, workloads, there, today| PlatformTotal {
        platform,
        workloads,
        going_rate_usd: usd(there),
        current_going_rate_usd: usd(today),
    };
    Totals {
        workloads: 6,
        not_priced: 1,
        partly_seen: 0,
        measured_cost: exact(in_window("1705.2921")),
        going_rate: exact(usd("1705.2921")),
        monthly_savings_usd: usd("1114.78"),
        savings_steps: vec![
            step(Step::Rightsize, Effort::VeryLow, "1072.36"),
            step(Step::Move, Effort::High, "42.42"),
        ],
        purchase_options: vec![
            purchase(PurchaseOption::Spot, 2, "250.00"),
            purchase(PurchaseOption::SavingsPlan1yrNoUpfront, 2, "72.09"),
        ],
        codebuild_free_tier_usd: usd("0.50"),
        recommendations: 3,
        findings: FindingCounts {
            overprovisioned: 3,
            underprovisioned: 1,
            optimized: 1,
            not_enough_data: 1,
        },
        by_platform: vec![
            on(Platform::Fargate, 4, "590.51", "1705.29"),
            on(Platform::Codebuild, 1, "84.84", "84.84"),
            on(Platform::Ec2, 3, "520.00", "1620.45"),
        ],
    }
}

fn purchase(purchase_option: PurchaseOption, workloads: usize, monthly: &str) -> PurchaseResult {
    PurchaseResult {
        purchase_option,
        effort: Effort::Low,
        workloads,
        monthly_savings_usd: usd(monthly),
    }
}

/// Eight hours: three instances, six in the fifth hour.
fn course() -> Vec<FleetSpan> {
    let span = |hour| {
        let instances = if hour == 4 { 6 } else { 3 };
        FleetSpan {
            from: format!("2026-10-01T{hour:02}:00:00Z"),
            instances,
            mean_instances: f64::from(instances),
            vcpu: Some(f64::from(instances * 2)),
            vcpu_needed: f64::from(instances) * 1.5,
            memory_gib: Some(f64::from(instances * 8)),
            memory_gib_needed: f64::from(instances * 7),
        }
    };
    (0..8).map(span).collect()
}

fn cluster() -> ClusterResult {
    ClusterResult {
        account: "111122223333".into(),
        region: "eu-west-1".into(),
        cluster: "prod".into(),
        instances: vec![InstancesResult {
            instance_type: Some("m7i.large".into()),
            count: 4,
        }],
        going_rate: Some(AmountResult {
            certainty: Certainty::Between,
            lower_usd: Some(usd("248.25")),
            upper_usd: Some(usd("331.00")),
            ..exact(usd("331.00"))
        }),
        not_priced: None,
        reserved_cpu_percent: Some(50.0),
        reserved_memory_percent: Some(26.5),
        tenants: vec![ClusterTenantResult {
            kind: Kind::Service,
            name: "ledger".into(),
            share_usd: Some(usd("331.00")),
            not_priced: None,
        }],
        finding: Finding::Overprovisioned,
        reasons: vec![
            "2 of its 4 instances can go: the others hold all that ran at once, 100% of CPU, 53% of memory"
                .into(),
        ],
        monthly_savings_usd: Some(usd("165.50")),
        savings_certainty: Some(Certainty::Between),
        could_be: vec![fewer(), graviton()],
    }
}

fn fewer() -> ClusterWayResult {
    ClusterWayResult {
        change: "fewer_instances",
        sizes: "reserved",
        is_advised: true,
        condition: None,
        effort: Effort::VeryLow,
        instances: vec![InstancesResult {
            instance_type: Some("m7i.large".into()),
            count: 2,
        }],
        going_rate: AmountResult {
            certainty: Certainty::Estimated,
            ..exact(usd("165.50"))
        },
        monthly_savings: AmountResult {
            certainty: Certainty::Between,
            lower_usd: Some(usd("82.75")),
            upper_usd: Some(usd("165.50")),
            ..exact(usd("165.50"))
        },
        binds: "cpu",
        peak_cpu_percent: 100.0,
        peak_memory_percent: 53.0,
        scaled: Some(ClusterScaledResult {
            peak_instances: 2,
            mean_instances: 1.5,
            modelled_usd: usd("124.13"),
        }),
    }
}

fn graviton() -> ClusterWayResult {
    ClusterWayResult {
        change: "arm64",
        sizes: "needed",
        is_advised: false,
        condition: Some("the images of its workload are built for ARM".into()),
        effort: Effort::High,
        instances: vec![InstancesResult {
            instance_type: Some("m8g.large".into()),
            count: 2,
        }],
        going_rate: AmountResult {
            certainty: Certainty::Estimated,
            ..exact(usd("149.36"))
        },
        monthly_savings: AmountResult {
            certainty: Certainty::Between,
            lower_usd: Some(usd("98.89")),
            upper_usd: Some(usd("181.64")),
            ..exact(usd("181.64"))
        },
        scaled: None,
        ..fewer()
    }
}

fn fleet() -> FleetResult {
    FleetResult {
        figures: FleetFigures {
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            architecture: Architecture::X86_64,
            peak_instances: 6,
            modelled_usd: usd("520.00"),
            achievable_usd: usd("500.00"),
            floor_usd: usd("464.29"),
            gap_percent: 12.0,
            fargate_usd: Some(usd("548.09")),
            break_even_gap_percent: Some(18.05),
            binds: "memory",
            purchase_options: InstancePurchase::ALL
                .iter()
                .map(|option| bought(*option))
                .collect(),
        },
        instance_type: "m7i.large".into(),
        instance_hours: 4_180.5,
        workloads: 3,
        course: course(),
    }
}

/// Spot and a Compute Savings Plan of one year; the others are not priced.
fn bought(purchase_option: InstancePurchase) -> FleetPurchaseResult {
    let not_priced = FleetPurchaseResult {
        as_of: Some("2026-11-20".into()),
        ..FleetPurchaseResult::unknown(purchase_option)
    };
    match purchase_option {
        InstancePurchase::Spot => FleetPurchaseResult {
            cost_usd: Some(usd("210.00")),
            upper_usd: Some(usd("212.50")),
            monthly_savings_usd: Some(usd("307.50")),
            interruptions_percent: Some(20),
            break_even_interruptions_percent: Some(2_480.0),
            quality: Some("snapshot"),
            ..not_priced
        },
        InstancePurchase::ComputePlan1yr => FleetPurchaseResult {
            cost_usd: Some(usd("410.00")),
            upper_usd: Some(usd("410.00")),
            monthly_savings_usd: Some(usd("110.00")),
            commitments: vec![CommitmentResult {
                family: None,
                usd_per_hour: usd("0.4032"),
                base_load_usd_per_hour: usd("0.3024"),
            }],
            covered_percent: Some(91.3),
            utilization_percent: Some(97.2),
            break_even_utilization_percent: Some(72.0),
            quality: Some("exact"),
            ..not_priced
        },
        _ => FleetPurchaseResult {
            as_of: None,
            not_priced: Some(format!(
                "no EC2 m7i.large {purchase_option} price for eu-west-1 in the price book"
            )),
            ..not_priced
        },
    }
}

/// One workload of each certainty, each at 100 USD a month.
pub(crate) fn every_certainty() -> Report {
    let of = |certainty, lower: Option<&str>, upper: Option<&str>| {
        let amount = AmountResult {
            certainty,
            lower_usd: lower.map(usd),
            upper_usd: upper.map(usd),
            ..exact(usd("100"))
        };
        let mut workload = web();
        workload.name = certainty.as_str().into();
        workload.current.going_rate = Some(amount.clone());
        workload.current.measured_cost = Some(amount);
        workload.monthly_savings_usd = Some(usd("60"));
        workload.savings_certainty = Some(certainty);
        workload
    };
    let workloads = vec![
        of(Certainty::Exact, None, None),
        of(Certainty::Estimated, None, None),
        of(Certainty::AtLeast, Some("100"), None),
        of(Certainty::AtMost, None, Some("100")),
        of(Certainty::Between, Some("80"), Some("130")),
    ];
    let total = AmountResult {
        certainty: Certainty::AtLeast,
        lower_usd: Some(usd("380")),
        ..exact(usd("500"))
    };
    Report {
        totals: Totals {
            workloads: 5,
            not_priced: 0,
            measured_cost: total.clone(),
            going_rate: total,
            monthly_savings_usd: usd("300"),
            ..totals()
        },
        workloads,
        ..empty()
    }
}

/// Everything in a region of which no price is known.
pub(crate) fn unpriced() -> Report {
    let workloads = vec![windows(), windows()];
    let nothing = exact(Usd::ZERO);
    Report {
        totals: Totals {
            workloads: 2,
            not_priced: 2,
            measured_cost: nothing.clone(),
            going_rate: nothing,
            monthly_savings_usd: Usd::ZERO,
            savings_steps: Vec::new(),
            purchase_options: Vec::new(),
            codebuild_free_tier_usd: Usd::ZERO,
            by_platform: Vec::new(),
            ..totals()
        },
        workloads,
        ..empty()
    }
}
