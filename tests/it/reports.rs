//! The sample reports in `reports/` are what `demo` makes today.
//!
//! `PLIMSOLL_BLESS=1 cargo test --release --test it reports` writes them anew.

use std::path::Path;
use std::{env, fs};

use serde_json::Value;

use crate::support::{World, parsed, plimsoll, workload};

/// Format and file.
const REPORTS: [(&str, &str); 4] = [
    ("table", "report.txt"),
    ("markdown", "report.md"),
    ("json", "report.json"),
    ("csv", "report.csv"),
];

#[test]
fn the_sample_reports_are_what_the_demo_makes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports");
    for (format, file) in REPORTS {
        let made = plimsoll(&["demo", "--format", format]).exits(0).stdout;
        if env::var_os("PLIMSOLL_BLESS").is_some() {
            fs::write(folder.join(file), &made).expect("written");
        }
        let kept = fs::read_to_string(folder.join(file)).unwrap_or_default();
        let place = made
            .lines()
            .zip(kept.lines())
            .position(|(made, kept)| made != kept)
            .map_or_else(|| "its end".to_owned(), |at| format!("line {}", at + 1));
        assert!(
            kept == made,
            "reports/{file} is stale at {place}; refresh it: PLIMSOLL_BLESS=1 cargo test --release --test it reports"
        );
    }
}

#[test]
fn the_demo_makes_the_same_bytes_each_time() {
    for (format, _) in REPORTS {
        let make = || plimsoll(&["demo", "--format", format]).exits(0).stdout;
        assert_eq!(make(), make(), "{format}");
    }
}

#[test]
fn the_demo_is_the_sample_imported_and_reported() {
    let world = World::new();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("data/sample")
        .display()
        .to_string();
    world
        .import(&[&sample])
        .exits(0)
        .says(&["truth.csv: skipped"]);
    assert_eq!(
        world.json_text("dataset"),
        plimsoll(&["demo", "--format", "json"]).exits(0).stdout
    );
}

#[test]
fn the_demo_bills_what_went_into_its_sample() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample/truth.csv"))
            .expect("there");
    let report = parsed(&plimsoll(&["demo", "--format", "json"]).exits(0).stdout);
    let mut held = 0;
    for row in csv::Reader::from_reader(text.as_bytes()).into_records() {
        let row = row.expect("CSV");
        let (kind, name, billed, unit) = (&row[0], &row[2], &row[4], &row[5]);
        if !matches!((kind, unit), ("task", "seconds") | ("build", "minutes")) {
            continue;
        }
        let found = workload(&report, name);
        let off = amount(&found["current"]["metered"]["amount"])
            - billed.parse::<f64>().expect("a number");
        // An open run has begun its last unit, but is billed to the window's end only.
        let slack = if found["evidence"]["open_runs"] == 0 {
            0.0
        } else {
            1.0
        };
        assert!(off.abs() <= slack, "{name}: off by {off} {unit}");
        held += 1;
    }
    assert_eq!(held, 9, "six families and three projects");
}

fn amount(value: &Value) -> f64 {
    value.as_f64().unwrap_or_default()
}

#[test]
fn savings_of_the_demo_are_differences_that_never_exceed_the_cost() {
    let report = parsed(&plimsoll(&["demo", "--format", "json"]).exits(0).stdout);
    let totals = &report["totals"];
    assert!(amount(&totals["monthly_savings_usd"]) <= amount(&totals["going_rate"]["usd"]));
    let workloads = report["workloads"].as_array().expect("a list");
    let sum = |of: fn(&Value) -> &Value| {
        workloads
            .iter()
            .map(|workload| amount(of(workload)))
            .sum::<f64>()
    };
    assert!(
        (sum(|w| &w["monthly_savings_usd"]) - amount(&totals["monthly_savings_usd"])).abs() < 1e-6
    );
    assert!(
        (sum(|w| &w["current"]["measured_cost"]["usd"]) - amount(&totals["measured_cost"]["usd"]))
            .abs()
            < 1e-6
    );
    for workload in workloads {
        assert!(
            amount(&workload["monthly_savings_usd"])
                <= amount(&workload["current"]["going_rate"]["usd"]) + 1e-8,
            "{}",
            workload["name"]
        );
        assert!(
            workload["placements"]
                .as_array()
                .expect("a list")
                .iter()
                .all(|placement| amount(&placement["going_rate"]["usd"]) >= 0.0)
        );
    }
}
