//! Six workloads, one of each kind of outcome.

use super::figures::*;
use crate::model::finding::{Finding, ReasonCode};
use crate::model::workload::{Kind, Platform, PurchaseOption};
use crate::pricing::cost::Certainty;
use crate::report::result::*;

pub(super) fn web() -> WorkloadResult {
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

pub(super) fn image() -> WorkloadResult {
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

pub(super) fn batch() -> WorkloadResult {
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

pub(super) fn cron() -> WorkloadResult {
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

pub(super) fn windows() -> WorkloadResult {
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

pub(super) fn ledger() -> WorkloadResult {
    WorkloadResult {
        requirement: Some(needs(0.9, 1_900.0)),
        ..workload(
            Kind::Service,
            "ledger",
            current(Platform::Ec2, size("1 vCPU / 2 GiB", 1.0, 2.0), "169.71"),
        )
    }
}
