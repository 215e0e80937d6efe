//! The recommendations as rows of FOCUS's Recommendation dataset, for platforms that ingest it.
//!
//! The dataset is a draft: columns and their rules stand in this one file. A withheld finding is no recommendation
//! and has no row; neither has a workload that is right as it is. One row per workload; a resize together with a move
//! is the move's category, the saving of each step is in the details.
//!
//! Source: FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec, specification/datasets/recommendation, commit 05d0b772 of 2026-09.

use serde_json::{Map, Value, json};

use super::columns::{resource_type, service_name};
use super::escape;
use super::phrases;
use super::result::{PlacementResult, Report, WorkloadResult};
use crate::model::finding::{Finding, ReasonCode};
use crate::model::units::Usd;
use crate::model::workload::Kind;
use crate::placement::effort::{Effort, Step};
use crate::pricing::cost::Certainty;

const COLUMNS: [&str; 32] = [
    "BillingAccountId",
    "BillingAccountName",
    "SubAccountId",
    "SubAccountName",
    "RecommendationId",
    "RecommendationProviderName",
    "RecommendationCategory",
    "RecommendationSubcategory",
    "RecommendationStatus",
    "RecommendationCreated",
    "RecommendationLastUpdated",
    "RecommendationDescription",
    "RecommendationDetails",
    "EstimatedMonthlyCostImpact",
    "Currency",
    "EvaluationPeriodStart",
    "EvaluationPeriodEnd",
    "ImplementationEffort",
    "ImplementationRisk",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "RegionId",
    "RegionName",
    "ServiceProviderName",
    "ServiceName",
    "ServiceCategory",
    "ServiceSubcategory",
    "x_CostCertainty",
    "x_Finding",
    "x_ReasonCodes",
    "x_Tags",
];

/// A header row, and one row per recommendation.
pub(super) fn render(report: &Report) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = writer.write_record(COLUMNS).and_then(|()| {
        report
            .workloads
            .iter()
            .filter_map(|workload| row(workload, report))
            .try_for_each(|row| writer.write_record(row))
    });
    written
        .ok()
        .and_then(|()| writer.into_inner().ok())
        .expect("rows of one length always fit into memory")
}

fn row(workload: &WorkloadResult, report: &Report) -> Option<[String; COLUMNS.len()]> {
    let there = workload
        .recommended
        .as_ref()
        .filter(|_| workload.finding != Finding::NotEnoughData)?;
    let null = String::new;
    let (category, subcategory) = category(workload);
    let impact = workload.monthly_savings_usd.map(|saved| Usd::ZERO - saved);
    // Cost advice without a cost is none.
    if category == "Cost" && impact.is_none() {
        return None;
    }
    let end = instant(&report.window.to);
    let id = resource_id(workload);
    let has_id = id.is_some();
    Some([
        null(),
        null(),
        escape::csv(&workload.account),
        null(),
        escape::csv(&recommendation_id(workload, subcategory)),
        "plimsoll".to_owned(),
        category.to_owned(),
        subcategory.to_owned(),
        "Open".to_owned(),
        end.clone(),
        end.clone(),
        escape::csv(&description(workload, there)),
        escape::json(&details(workload, there).to_string()),
        impact.map_or_else(null, decimal),
        impact.map_or_else(null, |_| "USD".to_owned()),
        instant(&report.window.from),
        end,
        effort(there.effort).to_owned(),
        risk(workload).to_owned(),
        id.as_deref().map_or_else(null, escape::csv),
        escape::csv(&workload.name),
        if has_id {
            resource_type(workload).to_owned()
        } else {
            null()
        },
        escape::csv(&workload.region),
        null(),
        "AWS".to_owned(),
        service_name(workload).to_owned(),
        service_category(workload).to_owned(),
        null(),
        certainty(workload.savings_certainty),
        workload.finding.as_str().to_owned(),
        super::columns::reason_codes(workload),
        super::columns::tags_json(workload).map_or_else(null, |tags| escape::json(&tags)),
    ])
}

/// What kind of advice it is: too small is about performance, whatever else changes.
fn category(workload: &WorkloadResult) -> (&'static str, &'static str) {
    let moves = workload
        .savings_steps
        .iter()
        .any(|step| step.step == Step::Move && step.monthly_savings_usd != Usd::ZERO);
    if workload.finding == Finding::Underprovisioned {
        ("Performance", "Other (Performance)")
    } else if workload.reason_codes.contains(&ReasonCode::Idle) {
        ("Cost", "Idle Resource Removal")
    } else if moves {
        ("Cost", "Modernization")
    } else {
        ("Cost", "Rightsizing")
    }
}

/// The same from one report to the next, without figures.
fn recommendation_id(workload: &WorkloadResult, subcategory: &str) -> String {
    format!(
        "plimsoll/{}/{}/{}/{}/{}/{}",
        workload.account,
        workload.region,
        workload.kind.as_str(),
        workload.cluster.as_deref().unwrap_or("-"),
        workload.name,
        subcategory
            .to_lowercase()
            .replace(|char: char| !char.is_ascii_alphanumeric(), "-")
            .trim_matches('-')
    )
}

/// The workload's ARN; task-definition families have none without a revision.
fn resource_id(workload: &WorkloadResult) -> Option<String> {
    let arn = |service: &str, resource: &str| {
        format!(
            "arn:{}:{service}:{}:{}:{resource}",
            partition(&workload.region),
            workload.region,
            workload.account
        )
    };
    match workload.kind {
        Kind::Service => {
            let cluster = workload.cluster.as_deref()?;
            Some(arn("ecs", &format!("service/{cluster}/{}", workload.name)))
        }
        Kind::Build => Some(arn("codebuild", &format!("project/{}", workload.name))),
        Kind::Task => None,
    }
}

/// Source: AWS General Reference, partitions, read 2026-11.
fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

fn description(workload: &WorkloadResult, there: &PlacementResult) -> String {
    let (platform, size) = phrases::today(&workload.current);
    format!(
        "From {platform} {size} to {} {}. {}.",
        phrases::platform_there(there, &workload.current),
        there.size.as_ref().map_or_else(String::new, phrases::size),
        phrases::finding(workload)
    )
}

/// Flat: strings, numbers, booleans, null. Keys without a prefix are FOCUS's own.
fn details(workload: &WorkloadResult, there: &PlacementResult) -> Value {
    let mut details = Map::new();
    let mut put = |key: String, value: Value| {
        details.insert(key, value);
    };
    if let Some(size) = &there.size {
        put("CoreCount".into(), json!(size.vcpu));
        put("MemorySize".into(), json!(size.memory_gib));
    }
    let size = workload.current.size.as_ref();
    let usage = &workload.usage;
    let percent = |of: Option<f64>, whole: Option<f64>| {
        let share = of? / whole.filter(|whole| *whole > 0.0)? * 100.0;
        Some(json!((share * 100.0).round() / 100.0))
    };
    let mib = size.map(|size| size.memory_gib * 1024.0);
    let vcpu = size.map(|size| size.vcpu);
    for (key, value) in [
        (
            "CpuUtilizationMax",
            percent(usage.cpu.as_ref().map(|cpu| cpu.max), vcpu),
        ),
        (
            "CpuUtilizationAverage",
            percent(usage.cpu.as_ref().and_then(|cpu| cpu.mean), vcpu),
        ),
        (
            "MemoryUtilizationMax",
            percent(usage.memory.as_ref().map(|memory| memory.max), mib),
        ),
        (
            "MemoryUtilizationAverage",
            percent(usage.memory.as_ref().and_then(|memory| memory.mean), mib),
        ),
    ] {
        if let Some(value) = value {
            put(key.into(), value);
        }
    }
    let rate = |placement: Option<&super::result::AmountResult>| {
        placement.map_or(Value::Null, |rate| json!(rate.usd))
    };
    put("x_CurrentPlatform".into(), json!(workload.current.platform));
    put("x_CurrentSize".into(), json!(size.map(|size| &size.name)));
    put(
        "x_CurrentMonthlyCost".into(),
        rate(workload.current.going_rate.as_ref()),
    );
    put("x_ProposedPlatform".into(), json!(there.platform));
    put(
        "x_ProposedSize".into(),
        json!(there.size.as_ref().map(|size| &size.name)),
    );
    put("x_ProposedArchitecture".into(), json!(there.architecture));
    put(
        "x_ProposedPurchaseOption".into(),
        json!(there.purchase_option),
    );
    put(
        "x_ProposedMonthlyCost".into(),
        rate(there.going_rate.as_ref()),
    );
    for step in &workload.savings_steps {
        let name = match step.step {
            Step::Rightsize => "x_RightsizeMonthlyCostImpact",
            Step::Move => "x_MoveMonthlyCostImpact",
        };
        put(name.into(), json!(Usd::ZERO - step.monthly_savings_usd));
    }
    for (at, line) in (1..).zip(there.going_rate.iter().flat_map(|rate| &rate.lines)) {
        let said = format!(
            "{} {}: {} {} at {} USD as of {} = {} USD",
            line.of,
            line.component,
            line.quantity,
            line.unit,
            line.price_usd,
            line.as_of.as_deref().unwrap_or("no date"),
            decimal(line.usd)
        );
        put(
            format!("x_ProposedCostLine{at}"),
            json!(escape::terminal(&said)),
        );
    }
    Value::Object(details)
}

/// FOCUS's grades.
fn effort(effort: Option<Effort>) -> &'static str {
    match effort {
        None | Some(Effort::VeryLow) => "Very Low",
        Some(Effort::Low) => "Low",
        Some(Effort::High) => "High",
    }
}

/// The risk of acting, by what is changed and what was seen.
fn risk(workload: &WorkloadResult) -> &'static str {
    let shrinks_memory = workload
        .reason_codes
        .contains(&ReasonCode::MemoryOverprovisioned);
    let is_killed = workload.out_of_memory.iter().any(|kills| kills.is_of_task);
    match (workload.finding, is_killed) {
        (Finding::Underprovisioned, _) => "Very Low",
        (_, true) => "High",
        _ if shrinks_memory => "Medium",
        _ => "Low",
    }
}

fn service_category(workload: &WorkloadResult) -> &'static str {
    match workload.kind {
        Kind::Service | Kind::Task => "Compute",
        Kind::Build => "Developer Tools",
    }
}

fn certainty(certainty: Option<Certainty>) -> String {
    certainty.map_or_else(String::new, |sure| sure.as_str().to_owned())
}

/// `2026-10-01T00:00:00Z`: whole seconds.
fn instant(text: &str) -> String {
    text.parse::<jiff::Timestamp>().map_or_else(
        |_| String::new(),
        |instant| instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    )
}

/// A plain decimal: no exponent, no separators.
fn decimal(usd: Usd) -> String {
    usd.amount().round_dp(6).normalize().to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::sample;
    use super::*;

    fn rows(report: &Report) -> Vec<BTreeMap<String, String>> {
        csv::Reader::from_reader(render(report).as_slice())
            .deserialize()
            .map(Result::unwrap)
            .collect()
    }

    #[test]
    fn savings_are_negative_and_safety_is_dearer() {
        let rows = rows(&sample::report());
        let impact = |name: &str| {
            rows.iter()
                .find(|row| row["ResourceName"] == name)
                .map(|row| {
                    (
                        row["RecommendationCategory"].clone(),
                        row["EstimatedMonthlyCostImpact"].clone(),
                    )
                })
        };
        assert_eq!(impact("web"), Some(("Cost".into(), "-1081.33".into())));
        assert_eq!(impact("batch"), Some(("Performance".into(), "8.97".into())));
        assert_eq!(impact("cron"), None, "withheld");
        assert_eq!(impact("ledger"), None, "right as it is");
    }

    #[test]
    fn every_row_keeps_the_rules_of_the_draft() {
        let rows = rows(&sample::report());
        for row in &rows {
            assert_eq!(
                row["EstimatedMonthlyCostImpact"].is_empty(),
                row["Currency"].is_empty()
            );
            assert_eq!(row["ResourceId"].is_empty(), row["ResourceType"].is_empty());
            assert!(row["RecommendationLastUpdated"] >= row["RecommendationCreated"]);
            assert!(row["EvaluationPeriodEnd"] <= row["RecommendationCreated"]);
            assert_eq!(
                row["RecommendationCreated"].len(),
                "2026-10-31T00:00:00Z".len()
            );
            let details: Map<String, Value> =
                serde_json::from_str(&row["RecommendationDetails"]).unwrap();
            for (key, value) in details {
                assert!(!value.is_object() && !value.is_array(), "{key}");
                assert!(key.len() <= 50 && !row.contains_key(&key), "{key}");
            }
            for column in [
                "RecommendationId",
                "RecommendationProviderName",
                "ServiceName",
            ] {
                assert!(!row[column].is_empty(), "{column}");
            }
        }
        let mut ids: Vec<&String> = rows.iter().map(|row| &row["RecommendationId"]).collect();
        ids.dedup();
        assert_eq!(ids.len(), rows.len());
    }

    #[test]
    fn a_service_has_its_arn() {
        let rows = rows(&sample::report());
        assert_eq!(
            rows[0]["ResourceId"],
            "arn:aws:ecs:eu-west-1:111122223333:service/prod/web"
        );
        assert_eq!(partition("cn-north-1"), "aws-cn");
        assert_eq!(partition("us-gov-west-1"), "aws-us-gov");
    }
}
