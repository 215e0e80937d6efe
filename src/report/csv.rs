//! The workloads as CSV for spreadsheets: one row each, plain numbers, empty where unknown.
//!
//! Quoting as RFC 4180, lines end in a plain newline. Money has up to six decimals; nothing else is rounded.

use rust_decimal::Decimal;

use super::escape;
use super::result::{AmountResult, PlacementResult, Report, Size, WorkloadResult};
use crate::model::units::Usd;
use crate::model::workload::Platform;

/// A column: its name, and its cell for a workload.
type Column = (&'static str, fn(&WorkloadResult, &Report) -> String);

const COLUMNS: &[Column] = &[
    ("account", |w, _| text(&w.account)),
    ("region", |w, _| text(&w.region)),
    ("kind", |w, _| w.kind.as_str().to_owned()),
    ("cluster", |w, _| {
        known(w.cluster.as_ref(), |cluster| text(cluster))
    }),
    ("name", |w, _| text(&w.name)),
    ("finding", |w, _| w.finding.as_str().to_owned()),
    ("reason_codes", |w, _| reason_codes(w)),
    ("current_platform", |w, _| spelt(w.current.platform)),
    ("current_size", |w, _| {
        known(w.current.size.as_ref(), |size| text(&size.name))
    }),
    ("current_vcpu", |w, _| {
        known(w.current.size.as_ref(), |size| number(size.vcpu))
    }),
    ("current_memory_gib", |w, _| {
        known(w.current.size.as_ref(), |size| number(size.memory_gib))
    }),
    ("current_architecture", |w, _| spelt(w.current.architecture)),
    ("current_purchase_option", |w, _| {
        w.current.purchase_option.to_string()
    }),
    ("measured_cost_usd", |w, _| {
        amount(w.current.measured_cost.as_ref())
    }),
    ("measured_cost_certainty", |w, _| {
        certainty(w.current.measured_cost.as_ref())
    }),
    ("going_rate_usd", |w, _| {
        amount(w.current.going_rate.as_ref())
    }),
    ("going_rate_certainty", |w, _| {
        certainty(w.current.going_rate.as_ref())
    }),
    ("going_rate_lower_usd", |w, _| {
        money(
            w.current
                .going_rate
                .as_ref()
                .and_then(|rate| rate.lower_usd),
        )
    }),
    ("going_rate_upper_usd", |w, _| {
        money(
            w.current
                .going_rate
                .as_ref()
                .and_then(|rate| rate.upper_usd),
        )
    }),
    ("not_priced", |w, _| {
        known(w.current.not_priced.as_ref(), |reason| text(reason))
    }),
    ("basis", |w, _| spelt(w.current.basis)),
    ("recommended_platform", |w, _| {
        spelt(w.recommended.as_ref().map(|there| there.platform))
    }),
    ("recommended_size", |w, _| {
        known(recommended_size(w), |size| text(&size.name))
    }),
    ("recommended_vcpu", |w, _| {
        known(recommended_size(w), |size| number(size.vcpu))
    }),
    ("recommended_memory_gib", |w, _| {
        known(recommended_size(w), |size| number(size.memory_gib))
    }),
    ("recommended_architecture", |w, _| {
        spelt(w.recommended.as_ref().map(|there| there.architecture))
    }),
    ("recommended_purchase_option", |w, _| {
        spelt(w.recommended.as_ref().map(|there| there.purchase_option))
    }),
    ("recommended_going_rate_usd", |w, _| {
        amount(
            w.recommended
                .as_ref()
                .and_then(|there| there.going_rate.as_ref()),
        )
    }),
    ("monthly_savings_usd", |w, _| money(w.monthly_savings_usd)),
    ("requirement_vcpu", |w, _| {
        known(w.requirement.as_ref(), |needs| number(needs.vcpu.target))
    }),
    ("requirement_memory_mib", |w, _| {
        known(w.requirement.as_ref(), |needs| {
            number(needs.memory_mib.target)
        })
    }),
    ("fargate_going_rate_usd", |w, _| {
        money(cheapest(w, Platform::Fargate))
    }),
    ("codebuild_going_rate_usd", |w, _| {
        money(cheapest(w, Platform::Codebuild))
    }),
    ("ec2_going_rate_usd", |w, _| {
        money(cheapest(w, Platform::Ec2))
    }),
    ("days", |w, _| w.evidence.days.to_string()),
    ("samples", |w, _| w.evidence.samples.to_string()),
    ("period_s", |w, _| spelt(w.evidence.period_s)),
    ("runs", |w, _| w.evidence.runs.to_string()),
    ("window_from", |_, report| text(&report.window.from)),
    ("window_to", |_, report| text(&report.window.to)),
];

/// Only there where some workload was not seen on every day: its cost and savings are lower bounds.
const BOUNDS: &[Column] = &[
    ("seen_days", |w, _| spelt(w.evidence.seen_days)),
    ("window_days", |w, _| spelt(w.evidence.window_days)),
];

/// A header row and one row per workload.
pub(super) fn render(report: &Report) -> String {
    let is_bounded = report
        .workloads
        .iter()
        .any(|workload| workload.evidence.seen_days.is_some());
    let columns: Vec<&Column> = COLUMNS
        .iter()
        .chain(BOUNDS.iter().filter(|_| is_bounded))
        .collect();
    let rows = report.workloads.iter().map(|workload| {
        columns
            .iter()
            .map(|(_, cell)| cell(workload, report))
            .collect()
    });
    table(&columns, rows).expect("rows of one length always fit into memory as UTF-8")
}

fn table(columns: &[&Column], rows: impl Iterator<Item = Vec<String>>) -> Option<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(columns.iter().map(|(name, _)| name))
        .ok()?;
    for row in rows {
        writer.write_record(row).ok()?;
    }
    String::from_utf8(writer.into_inner().ok()?).ok()
}

/// Text that others chose.
fn text(text: &str) -> String {
    escape::csv(text)
}

/// The cell of a value, empty when there is none.
fn known<T>(value: Option<T>, cell: impl FnOnce(T) -> String) -> String {
    value.map(cell).unwrap_or_default()
}

/// A word or a whole number as it prints.
fn spelt(value: Option<impl ToString>) -> String {
    known(value, |value| value.to_string())
}

/// The shortest text that reads back as the same number.
fn number(value: f64) -> String {
    if value.is_finite() {
        value.to_string()
    } else {
        String::new()
    }
}

fn money(amount: Option<Usd>) -> String {
    known(amount, |amount| {
        let rounded = amount.amount().round_dp(6).normalize();
        if rounded.is_zero() {
            Decimal::ZERO.to_string()
        } else {
            rounded.to_string()
        }
    })
}

fn amount(amount: Option<&AmountResult>) -> String {
    money(amount.map(|amount| amount.usd))
}

fn certainty(amount: Option<&AmountResult>) -> String {
    spelt(amount.map(|amount| amount.certainty.as_str()))
}

/// Compute Optimizer's spelling, which is the variants' own.
fn reason_codes(workload: &WorkloadResult) -> String {
    workload
        .reason_codes
        .iter()
        .map(|code| format!("{code:?}"))
        .collect::<Vec<_>>()
        .join(";")
}

fn recommended_size(workload: &WorkloadResult) -> Option<&Size> {
    workload.recommended.as_ref()?.size.as_ref()
}

/// The lowest known cost among the placements in which the workload can run.
fn cheapest(workload: &WorkloadResult, platform: Platform) -> Option<Usd> {
    let here = |placement: &&PlacementResult| placement.feasible && placement.platform == platform;
    workload
        .placements
        .iter()
        .filter(here)
        .filter_map(|placement| Some(placement.going_rate.as_ref()?.usd))
        .min()
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::model::finding::ReasonCode;

    /// The rows read back, each as (column, cell) pairs.
    fn rows(report: &Report) -> Vec<std::collections::BTreeMap<String, String>> {
        let text = render(report);
        csv::Reader::from_reader(text.as_bytes())
            .deserialize()
            .map(Result::unwrap)
            .collect()
    }

    #[test]
    fn a_workload_is_one_row_of_plain_numbers() {
        let web = &rows(&sample::report())[0];
        assert_eq!(web["name"], "web");
        assert_eq!(web["cluster"], "prod");
        assert_eq!(web["finding"], "Overprovisioned");
        assert_eq!(
            web["reason_codes"],
            "CPUOverprovisioned;MemoryOverprovisioned"
        );
        assert_eq!(web["current_size"], "2 vCPU / 4 GiB");
        assert_eq!(web["current_memory_gib"], "4");
        assert_eq!(web["measured_cost_usd"], "1422.019726");
        assert_eq!(web["going_rate_usd"], "1441.77");
        assert_eq!(web["recommended_vcpu"], "0.5");
        assert_eq!(web["monthly_savings_usd"], "1081.33");
        assert_eq!(web["requirement_memory_mib"], "812.4");
        assert_eq!(web["fargate_going_rate_usd"], "360.44");
        assert_eq!(web["codebuild_going_rate_usd"], "");
        assert_eq!(web["window_from"], "2026-10-01T00:00:00Z");
    }

    #[test]
    fn unknown_is_empty_and_known_nothing_is_zero() {
        let rows = rows(&sample::report());
        let (withheld, unpriced, right) = (&rows[3], &rows[4], &rows[5]);
        assert_eq!(
            (
                withheld["name"].as_str(),
                withheld["monthly_savings_usd"].as_str()
            ),
            ("cron", "")
        );
        assert_eq!(
            (
                unpriced["name"].as_str(),
                unpriced["measured_cost_usd"].as_str()
            ),
            ("report", "")
        );
        assert_eq!(unpriced["monthly_savings_usd"], "");
        assert_eq!(
            unpriced["not_priced"],
            "no Fargate price for Windows in eu-west-1"
        );
        assert_eq!(
            (
                right["name"].as_str(),
                right["monthly_savings_usd"].as_str()
            ),
            ("ledger", "0")
        );
    }

    #[test]
    fn days_have_columns_where_not_all_were_seen() {
        let bounded = rows(&sample::partly_seen());
        assert_eq!(
            (
                bounded[0]["seen_days"].as_str(),
                bounded[0]["window_days"].as_str()
            ),
            ("7", "30")
        );
        assert_eq!(bounded[1]["seen_days"], "");
        assert!(!rows(&sample::report())[0].contains_key("seen_days"));
    }

    #[test]
    fn hostile_names_stay_in_their_cell() {
        for name in [
            "=cmd|'/c calc'!A0",
            "a,b\"c\nd",
            "@x",
            "-1",
            "../../etc",
            "</script>",
        ] {
            let mut report = sample::report();
            report.workloads[0].name = name.to_owned();
            let rows = rows(&report);
            assert_eq!(rows.len(), report.workloads.len());
            let shown = escape::terminal(name);
            assert_eq!(
                rows[0]["name"]
                    .strip_prefix('\'')
                    .unwrap_or(&rows[0]["name"]),
                shown
            );
            assert!(!rows[0]["name"].starts_with(['=', '@', '-']));
        }
    }

    #[test]
    fn negative_numbers_are_numbers() {
        let batch = &rows(&sample::report())[2];
        assert_eq!(batch["name"], "batch");
        assert_eq!(batch["monthly_savings_usd"], "-8.97");
    }

    #[test]
    fn reason_codes_are_spelt_as_in_json() {
        for code in [
            ReasonCode::CPUOverprovisioned,
            ReasonCode::NoUtilizationData,
            ReasonCode::OutOfMemory,
        ] {
            assert_eq!(serde_json::to_value(code).unwrap(), format!("{code:?}"));
        }
    }

    #[test]
    fn a_report_without_workloads_is_a_header() {
        let mut report = sample::report();
        report.workloads.clear();
        assert_eq!(render(&report).lines().count(), 1);
    }
}
