//! Small reports for tests.

mod figures;
mod fleets;
pub(crate) mod packing;
mod workloads;

use std::cmp::Reverse;

use super::result::*;
use crate::model::units::Usd;
use crate::model::workload::{Platform, PurchaseOption};
use crate::placement::effort::{Effort, Step};
use crate::pricing::cost::Certainty;
use figures::*;
use fleets::{cluster, fleet};
use workloads::{batch, cron, image, ledger, web, windows};

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
