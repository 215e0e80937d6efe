//! Import and demand side by side with a bare polars scan of the same columns. Prints ratios: machines differ.
//!
//! `cargo bench` · environment: `PLIMSOLL_BENCH_RECORDS` (metric-stream records to import, default 1,000,000),
//! `PLIMSOLL_BENCH_SAMPLES` (samples to reduce, default 10,000,000).

#![allow(missing_docs, reason = "a benchmark")]
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and has nobody to hand an error to"
)]

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use plimsoll::dataset::Dataset;
use plimsoll::dataset::scan::Scan;
use plimsoll::{demand, import};
use polars::prelude::{LazyFrame, PlRefPath, ScanArgsParquet, col};

/// 2026-10-01T00:00:00Z.
const START_MS: i64 = 1_790_812_800_000;
const PER_FILE: usize = 500_000;

fn main() {
    let records = from_environment("PLIMSOLL_BENCH_RECORDS", 1_000_000);
    let samples = from_environment("PLIMSOLL_BENCH_SAMPLES", 10_000_000);
    let folder = tempfile::tempdir().unwrap();

    let few = folder.path().join("few");
    let bytes = write_records(&few, records);
    let (dataset, took) = imported(&few, &folder.path().join("few.dataset"));
    println!(
        "import   {records:>11} records  {:>7.2} s  {:>9.0} records/s  {:>6.1} MB/s",
        took.as_secs_f64(),
        rate(records, took),
        bytes as f64 / 1e6 / took.as_secs_f64()
    );
    drop(dataset);

    let many = folder.path().join("many");
    write_records(&many, samples);
    let root = folder.path().join("many.dataset");
    let (dataset, _) = imported(&many, &root);
    fs::remove_dir_all(&many).unwrap();
    for round in 1..=3 {
        let bare = timed(|| bare_scan(&root));
        let reduced = timed(|| {
            let scan = Scan::new(&dataset).unwrap();
            assert_eq!(
                demand::reduce(&scan, None, None).unwrap().rows,
                i64::try_from(samples).unwrap()
            );
        });
        println!(
            "demand   {samples:>11} samples  {:>7.2} s  {:>9.0} samples/s  bare scan {:.2} s  ratio {:.1} (round {round})",
            reduced.as_secs_f64(),
            rate(samples, reduced),
            bare.as_secs_f64(),
            reduced.as_secs_f64() / bare.as_secs_f64()
        );
    }
}

fn from_environment(name: &str, default: usize) -> usize {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Metric-stream records of services at one-minute resolution, a month at the most per service.
fn write_records(folder: &Path, count: usize) -> u64 {
    const MINUTES: usize = 30 * 24 * 60;
    fs::create_dir_all(folder).unwrap();
    fs::write(
        folder.join("services.json"),
        services(count.div_ceil(2 * MINUTES)),
    )
    .unwrap();
    let mut bytes = 0;
    for (file, first) in (0..count).step_by(PER_FILE).enumerate() {
        let mut text = String::new();
        for record in first..(first + PER_FILE).min(count) {
            let (service, of_service) = (record / (2 * MINUTES), record % (2 * MINUTES));
            let (metric, minute) = if of_service < MINUTES {
                ("CPUUtilization", of_service)
            } else {
                ("MemoryUtilization", of_service - MINUTES)
            };
            let (value, at) = (
                (record.wrapping_mul(2_654_435_761) % 10_000) as f64 / 100.0,
                START_MS + 60_000 * i64::try_from(minute).unwrap(),
            );
            let _ = writeln!(
                text,
                r#"{{"metric_stream_name":"s","account_id":"123456789012","region":"us-east-1","namespace":"AWS/ECS","metric_name":"{metric}","dimensions":{{"ClusterName":"prod","ServiceName":"service-{service:05}"}},"timestamp":{at},"value":{{"max":{value},"min":0.0,"sum":{},"count":2.0}},"unit":"Percent"}}"#,
                value * 1.5,
            );
        }
        let mut out = fs::File::create(folder.join(format!("records-{file:04}.jsonl"))).unwrap();
        out.write_all(text.as_bytes()).unwrap();
        bytes += text.len() as u64;
    }
    bytes
}

fn services(count: usize) -> String {
    let service = |i: usize| {
        format!(
            r#"{{"serviceArn":"arn:aws:ecs:us-east-1:123456789012:service/prod/service-{i:05}","serviceName":"service-{i:05}","clusterArn":"arn:aws:ecs:us-east-1:123456789012:cluster/prod","launchType":"FARGATE","taskDefinition":"arn:aws:ecs:us-east-1:123456789012:task-definition/app:1","createdAt":"2026-01-01T00:00:00Z"}}"#
        )
    };
    let services: Vec<String> = (0..count).map(service).collect();
    let definition = r#"{"taskDefinition":{"taskDefinitionArn":"arn:aws:ecs:us-east-1:123456789012:task-definition/app:1","cpu":"1024","memory":"2048"}}"#;
    format!("{{\"services\":[{}]}}\n{definition}\n", services.join(","))
}

fn imported(folder: &Path, root: &Path) -> (Dataset, Duration) {
    let dataset = Dataset::at(&root.to_string_lossy()).unwrap();
    let inputs = import::inputs(&[folder.to_path_buf()], &dataset).unwrap();
    let took = timed(|| {
        let files = import::import(
            &inputs,
            &dataset,
            i64::MAX,
            &plimsoll::model::tags::TagKeys::default(),
            &|_| {},
        )
        .unwrap();
        assert!(
            files
                .iter()
                .all(|file| matches!(file.outcome, import::Outcome::Imported(_)))
        );
    });
    (dataset, took)
}

/// What reading the columns costs when nothing is done with them but a sum.
fn bare_scan(root: &Path) {
    let glob = root.join("samples/**/*.parquet");
    let scan = LazyFrame::scan_parquet(
        PlRefPath::new(glob.to_str().unwrap()),
        ScanArgsParquet::default(),
    )
    .unwrap();
    let columns =
        ["max", "sum", "count", "at_ms", "period_s", "sample_s"].map(|name| col(name).sum());
    let names =
        ["kind", "cluster", "name", "run_id", "metric", "source"].map(|name| col(name).count());
    scan.select([columns.as_slice(), names.as_slice()].concat())
        .collect()
        .unwrap();
}
