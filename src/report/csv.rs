//! The workloads as CSV: one row each, plain numbers, empty where unknown.
//!
//! Quoting as RFC 4180, lines end in a plain newline. Money has up to six decimals; nothing else is rounded.

use rust_decimal::Decimal;

use super::columns::{WorkloadRow, workload_rows};
use super::escape;
use super::flat::{Column, Value};
use super::result::Report;

/// A header row and one row per workload.
pub(super) fn render(report: &Report) -> Vec<u8> {
    table(&WorkloadRow::columns(), workload_rows(report))
        .expect("rows of one length always fit into memory as UTF-8")
}

/// A header row and one row for each of `rows`.
pub(super) fn table<R>(columns: &[Column<R>], rows: impl Iterator<Item = R>) -> Option<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let names = columns.iter().map(|column| column.name);
    writer.write_record(names).ok()?;
    for row in rows {
        let cells = columns.iter().map(|column| cell(&column.value(&row)));
        writer.write_record(cells).ok()?;
    }
    writer.into_inner().ok()
}

/// Every table, one below the other.
#[cfg(test)]
pub(super) fn sheets(report: &Report) -> String {
    use super::cluster_columns::{ClusterRow, cluster_rows};
    use super::columns::{LineRow, PlacementRow, line_rows, placement_rows};
    let tables = [
        table(&WorkloadRow::columns(), workload_rows(report)),
        table(&PlacementRow::columns(), placement_rows(report)),
        table(&LineRow::columns(), line_rows(report)),
        table(&ClusterRow::columns(), cluster_rows(report)),
    ];
    let texts = tables.map(|bytes| String::from_utf8_lossy(&bytes.unwrap()).into_owned());
    texts.join("\n")
}

fn cell(value: &Value<'_>) -> String {
    match value {
        Value::Null => String::new(),
        Value::Text(text) => escape::csv(text),
        // It begins with a brace, so it is no formula.
        Value::Json(text) => escape::json(text),
        Value::Integer(number) => number.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Usd(usd) => {
            let rounded = usd.amount().round_dp(6).normalize();
            if rounded.is_zero() {
                Decimal::ZERO.to_string()
            } else {
                rounded.to_string()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::sample;
    use super::*;

    /// The rows read back, each as (column, cell) pairs.
    fn rows(report: &Report) -> Vec<BTreeMap<String, String>> {
        csv::Reader::from_reader(render(report).as_slice())
            .deserialize()
            .map(Result::unwrap)
            .collect()
    }

    #[test]
    fn a_workload_is_one_row_of_plain_numbers() {
        let web = &rows(&sample::report())[0];
        for (column, cell) in [
            ("ResourceName", "web"),
            ("ResourceType", "ECS Service"),
            ("x_Cluster", "prod"),
            ("x_Finding", "Overprovisioned"),
            ("x_ReasonCodes", "CPUOverprovisioned;MemoryOverprovisioned"),
            ("x_Size", "2 vCPU / 4 GiB"),
            ("x_MemoryGib", "4"),
            ("ListCost", "1422.019726"),
            ("x_GoingRate", "1441.77"),
            ("x_RecommendedVcpu", "0.5"),
            ("x_MonthlySavings", "1081.33"),
            ("x_RequirementMemoryMib", "812.4"),
            ("x_FargateGoingRate", "360.44"),
            ("x_CodebuildGoingRate", ""),
            ("x_SeenDays", ""),
            ("ChargePeriodStart", "2026-10-01T00:00:00Z"),
        ] {
            assert_eq!(web[column], cell, "{column}");
        }
    }

    #[test]
    fn unknown_is_empty_and_known_nothing_is_zero() {
        let rows = rows(&sample::report());
        let cell = |at: usize, column: &str| rows[at][column].clone();
        assert_eq!(
            (cell(3, "ResourceName"), cell(3, "x_MonthlySavings")),
            ("cron".into(), String::new())
        );
        assert_eq!(
            (cell(4, "ResourceName"), cell(4, "ListCost")),
            ("report".into(), String::new())
        );
        assert_eq!(cell(4, "x_MonthlySavings"), "");
        assert_eq!(
            cell(4, "x_NotPriced"),
            "no Fargate price for Windows in eu-west-1"
        );
        assert_eq!(
            (cell(5, "ResourceName"), cell(5, "x_MonthlySavings")),
            ("ledger".into(), "0".into())
        );
        assert_eq!(
            cell(2, "x_MonthlySavings"),
            "-8.97",
            "negative numbers are numbers"
        );
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
            let shown = &rows[0]["ResourceName"];
            assert_eq!(
                shown.strip_prefix('\'').unwrap_or(shown),
                escape::terminal(name)
            );
            assert!(!shown.starts_with(['=', '@', '-']));
        }
    }

    #[test]
    fn a_report_without_workloads_is_a_header() {
        let mut report = sample::report();
        report.workloads.clear();
        let text = String::from_utf8(render(&report)).unwrap();
        assert_eq!(text.lines().count(), 1);
    }
}
