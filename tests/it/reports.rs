//! The sample reports in `reports/` are what `demo` makes today.
//!
//! `PLIMSOLL_BLESS=1 cargo test --release --test it reports` writes them anew.

use std::path::Path;
use std::{env, fs};

use serde_json::Value;

use crate::support::{World, parsed, plimsoll, workload};

/// Format and file.
const REPORTS: [(&str, &str); 8] = [
    ("table", "report.txt"),
    ("markdown", "report.md"),
    ("html", "report.html"),
    ("xlsx", "report.xlsx"),
    ("json", "report.json"),
    ("csv", "report.csv"),
    ("parquet", "report.parquet"),
    ("focus", "report.focus.csv"),
];

/// What else is kept there: the arguments that make it, and the file.
const OTHERS: [(&[&str], &str); 6] = [
    (&["schema", "report"], "report.schema.json"),
    (&["schema", "comparison"], "comparison.schema.json"),
    (&["schema", "pack"], "pack.schema.json"),
    (&["explain", "checkout-api", "--demo"], "explain.txt"),
    (&["pack", "--demo"], "pack.txt"),
    (
        &[
            "compare",
            "--vcpu",
            "2",
            "--memory",
            "4GiB",
            "--duration",
            "10m",
            "--runs-per-day",
            "20",
            "--region",
            "us-east-1",
            "--format",
            "html",
        ],
        "compare.html",
    ),
];

/// All forms in one run, in a folder.
fn exported() -> World {
    let world = World::new();
    let files = REPORTS.map(|(_, file)| world.path(file).display().to_string());
    let mut args = vec!["demo"];
    for file in &files {
        args.extend(["--export", file]);
    }
    let shown = world.run(&args).exits(0).stdout;
    let kept = fs::read_to_string(world.path("report.txt")).expect("written");
    assert_eq!(shown, kept, "what is printed is what is exported");
    world
}

#[test]
fn the_sample_reports_are_what_the_demo_makes() {
    let world = exported();
    for (_, file) in REPORTS {
        is_current(file, &fs::read(world.path(file)).expect("written"));
    }
    for (args, file) in OTHERS {
        is_current(file, plimsoll(args).exits(0).stdout.as_bytes());
    }
}

fn is_current(file: &str, made: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("reports")
        .join(file);
    if env::var_os("PLIMSOLL_BLESS").is_some() {
        fs::write(&path, made).expect("written");
    }
    let kept = fs::read(&path).unwrap_or_default();
    let place = made.iter().zip(&kept).position(|(made, kept)| made != kept);
    let line = place.map_or(0, |at| String::from_utf8_lossy(&made[..at]).lines().count());
    assert!(
        kept == made,
        "reports/{file} is stale at line {line}; refresh it: PLIMSOLL_BLESS=1 cargo test --release --test it reports"
    );
}

#[test]
fn the_demo_makes_the_same_bytes_each_time() {
    let (one, other) = (exported(), exported());
    for (_, file) in REPORTS {
        let bytes = |world: &World| fs::read(world.path(file)).expect("written");
        assert!(bytes(&one) == bytes(&other), "{file}");
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
    let (mut held, mut exact) = (0, 0);
    for row in csv::Reader::from_reader(text.as_bytes()).into_records() {
        let row = row.expect("CSV");
        let (kind, name, billed, unit) = (&row[0], &row[2], &row[4], &row[5]);
        if !matches!((kind, unit), ("task", "seconds") | ("build", "minutes")) {
            continue;
        }
        let found = &workload(&report, name)["current"];
        let billed = billed.parse::<f64>().expect("a number");
        let metered = amount(&found["metered"]["amount"]);
        let cost = &found["measured_cost"];
        if cost["certainty"] == "exact" {
            assert!(
                (metered - billed).abs() < 1e-6,
                "{name}: {metered} {unit}, in truth {billed}"
            );
            exact += 1;
        } else {
            // A run was not seen to stop: what it really cost lies between the ends, at the price of what was metered. The
            // second or minute that had begun is whole in the truth, and ends with the window here.
            let unit_usd = amount(&cost["usd"]) / metered;
            let truth = unit_usd * billed;
            let end = |name: &str| cost[name].as_f64().unwrap_or(amount(&cost["usd"]));
            let (lower, upper) = (end("lower_usd"), end("upper_usd"));
            assert!(
                lower <= truth + 1e-8 && truth < upper + unit_usd,
                "{name}: {lower} to {upper}, in truth {truth}"
            );
        }
        held += 1;
    }
    assert_eq!(held, 9, "six families and three projects");
    // A run of `nightly-etl` and one of `app-ci` were going on when the data ends.
    assert_eq!(exact, 7, "all but what was still running");
}

#[test]
fn the_demo_bills_the_task_time_of_its_services() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample/truth.csv"))
            .expect("there");
    let report = parsed(&plimsoll(&["demo", "--format", "json"]).exits(0).stdout);
    let mut held = 0;
    for row in csv::Reader::from_reader(text.as_bytes()).into_records() {
        let row = row.expect("CSV");
        // Tasks on EC2 instances are not metered.
        if (&row[0], &row[5]) == ("service", "task_seconds") && &row[2] != "search" {
            let found = workload(&report, &row[2]);
            let metered = amount(&found["current"]["metered"]["amount"]);
            let truth: f64 = row[4].parse().expect("a number");
            assert!(
                (metered - truth).abs() < 1e-6,
                "{}: {metered} for {truth}",
                &row[2]
            );
            held += 1;
        }
    }
    assert_eq!(held, 12, "every service on Fargate");
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
