//! What a report takes for more and more workloads: services with a sample an hour, in clusters of fifty, that follow
//! the day. Each number of them in a process of its own, whose seconds (by the clock, and of the processor) and whose
//! most memory are printed, stage by stage.
//!
//! `cargo bench --bench growth -- [WORKLOADS[xDAYS] …]` (Linux), by default 100 to 50,000 workloads and 500 over 30 days ·
//! environment: `PLIMSOLL_BENCH_DATASETS` (a folder to write the datasets to and to leave them in; made only where they
//! are not there yet).

#![allow(missing_docs, reason = "a benchmark")]
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and has nobody to hand an error to"
)]

mod process;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use plimsoll::analysis::{Policy, analyse};
use plimsoll::dataset::Dataset;
use plimsoll::dataset::scan::Scan;
use plimsoll::dataset::schema::{Metric, SampleRow, SourceKind};
use plimsoll::dataset::writer::add_samples;
use plimsoll::model::tags::TagKeys;
use plimsoll::model::workload::{Kind, WorkloadKey};
use plimsoll::pricing::PriceBook;
use plimsoll::report::result::{CoverageResult, Report};
use plimsoll::report::{Format, Style, render};
use plimsoll::{demand, import};
use process::{peak_mib, processor_s};

/// 2026-09-01T00:00:00Z.
const START_MS: i64 = 1_788_220_800_000;
const HOUR_MS: i64 = 3_600_000;
/// Days of samples, where it is not said how many.
const DAYS: i64 = 8;
const IN_CLUSTER: usize = 50;
/// CPU units and MiB.
const SIZES: [(u32, u32); 5] = [
    (256, 512),
    (512, 1024),
    (1024, 2048),
    (1024, 4096),
    (2048, 8192),
];
/// Tells a process of its own which dataset to report on.
const ALONE: &str = "PLIMSOLL_BENCH_ALONE";

fn main() {
    if let Some(root) = std::env::var_os(ALONE) {
        return report(&Dataset::at(root.to_str().unwrap()).unwrap());
    }
    let asked: Vec<(usize, i64)> = std::env::args()
        .skip(1)
        .filter_map(|text| how_many(&text))
        .collect();
    let usual = [100, 1_000, 10_000, 50_000].map(|workloads| (workloads, DAYS));
    let usual = [usual.as_slice(), &[(500, 30)]].concat();
    let folder = tempfile::tempdir().unwrap();
    let given = std::env::var_os("PLIMSOLL_BENCH_DATASETS").map(PathBuf::from);
    for (workloads, days) in if asked.is_empty() { usual } else { asked } {
        let folder = given.as_deref().unwrap_or(folder.path());
        let root = folder.join(format!("{workloads}x{days}"));
        if !root.exists() {
            generate(&root, workloads, days);
        }
        println!("{workloads} workloads over {days} days");
        let mut alone = Command::new(std::env::current_exe().unwrap());
        assert!(alone.env(ALONE, &root).status().unwrap().success());
        if given.is_none() {
            fs::remove_dir_all(&root).unwrap();
        }
    }
}

/// `500` or `500x30`.
fn how_many(text: &str) -> Option<(usize, i64)> {
    match text.split_once('x') {
        Some((workloads, days)) => Some((workloads.parse().ok()?, days.parse().ok()?)),
        None => Some((text.parse().ok()?, DAYS)),
    }
}

/// Reports on a dataset whose days were kept, and prints what each stage takes.
fn report(dataset: &Dataset) {
    let book = PriceBook::embedded().unwrap();
    let scan = Scan::new(dataset).unwrap();
    let reduced = timed("days kept", || demand::reduce(&scan, None, None).unwrap());
    let analysed = timed("analysed", || {
        analyse(reduced, &book, &Policy::default(), |_| true)
    });
    let report = timed("result", || Report::of(&analysed, &book, nothing_said()));
    drop(analysed);
    for format in [Format::Table, Format::Html, Format::Xlsx] {
        let name = format!("{format:?}").to_lowercase();
        let bytes = timed(&name, || render(&report, format, Style::default()).unwrap());
        assert!(!bytes.is_empty());
    }
}

fn nothing_said() -> CoverageResult {
    CoverageResult {
        sources: 0,
        complete_scope_days: 0,
        partial_scope_days: 0,
        missed_scope_days: 0,
        rows: 0,
        duplicate_rows: 0,
        conflicting_rows: 0,
        fingerprint: String::new(),
        notes: Vec::new(),
    }
}

/// What `work` makes; prints its seconds, and the most memory of this process so far.
fn timed<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let (start, before) = (Instant::now(), processor_s());
    let made = work();
    println!(
        "  {name:<10} {:>7.2} s {:>7.2} s of the processor, at most {:>5.0} MiB so far",
        start.elapsed().as_secs_f64(),
        processor_s() - before,
        peak_mib("self").unwrap_or(f64::NAN)
    );
    made
}

/// The services and their samples, with the days already reduced and kept.
fn generate(root: &Path, workloads: usize, days: i64) {
    let dataset = Dataset::at(&root.to_string_lossy()).unwrap();
    let told = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    fs::write(told.path(), services(workloads)).unwrap();
    let inputs = import::inputs(&[told.path().to_path_buf()], &dataset).unwrap();
    import::import(&inputs, &dataset, i64::MAX, &TagKeys::default(), &|_| {}).unwrap();
    let mut random = fastrand::Rng::with_seed(1876);
    let services: Vec<Service> = (0..workloads)
        .map(|number| Service::new(number, &mut random))
        .collect();
    for day in 0..days {
        let hours = day * 24..(day + 1) * 24;
        let of_service = services.iter();
        let rows = of_service.flat_map(|service| service.samples(hours.clone(), &mut random));
        add_samples(&dataset, &format!("bench-{day}"), rows.collect()).unwrap();
    }
    let scan = Scan::new(&dataset).unwrap().keeping_days();
    demand::reduce(&scan, None, None).unwrap();
}

/// A service that is generated.
struct Service {
    key: Arc<WorkloadKey>,
    /// Mean use of a task, percent.
    cpu: f64,
    memory: f64,
    /// Tasks by night, and how many more by day.
    tasks: u32,
    more: u32,
}

impl Service {
    fn new(number: usize, random: &mut fastrand::Rng) -> Self {
        Self {
            key: Arc::new(WorkloadKey {
                account: "123456789012".to_owned(),
                region: "us-east-1".to_owned(),
                kind: Kind::Service,
                cluster: cluster(number),
                name: name(number),
            }),
            cpu: 5.0 + 40.0 * random.f64(),
            memory: 20.0 + 50.0 * random.f64(),
            tasks: random.u32(1..5),
            more: random.u32(0..5),
        }
    }

    /// CPU and memory of these hours.
    fn samples(&self, hours: std::ops::Range<i64>, random: &mut fastrand::Rng) -> Vec<SampleRow> {
        let both = [
            (Metric::CpuPercent, self.cpu),
            (Metric::MemoryPercent, self.memory),
        ];
        let mut rows = Vec::new();
        for (metric, level) in both {
            for hour in hours.clone() {
                let by_day = (8..20).contains(&(hour % 24));
                let wave = 1.0 + 0.3 * (hour as f64 / 24.0 * std::f64::consts::TAU).sin();
                let mean = (level * wave * (0.9 + 0.2 * random.f64()) * 1e4).round() / 1e4;
                let tasks = self.tasks + if by_day { self.more } else { 0 };
                let count = f64::from(60 * tasks);
                rows.push(SampleRow {
                    workload: self.key.clone(),
                    run_id: None,
                    metric,
                    period_s: Some(3600),
                    at_ms: START_MS + hour * HOUR_MS,
                    sample_s: Some(60),
                    max: (mean * (1.0 + random.f64() * 0.3) * 1e4).round() / 1e4,
                    sum: mean * count,
                    count,
                    source: SourceKind::Cloudwatch,
                });
            }
        }
        rows
    }
}

fn cluster(number: usize) -> String {
    format!("cluster-{:04}", number / IN_CLUSTER)
}

fn name(number: usize) -> String {
    format!("service-{number:05}")
}

/// What ECS tells of the services and of their task definitions.
fn services(count: usize) -> String {
    let arn = |kind: &str, name: &str| format!("arn:aws:ecs:us-east-1:123456789012:{kind}/{name}");
    let definition = |size: usize| arn("task-definition", &format!("app-{size}:1"));
    let service = |number: usize| {
        let (cluster, name) = (cluster(number), name(number));
        let (of_service, of_cluster) = (
            arn("service", &format!("{cluster}/{name}")),
            arn("cluster", &cluster),
        );
        let definition = definition(number % SIZES.len());
        format!(
            r#"{{"serviceArn":"{of_service}","serviceName":"{name}","clusterArn":"{of_cluster}","launchType":"FARGATE","taskDefinition":"{definition}","createdAt":"2026-01-01T00:00:00Z"}}"#
        )
    };
    let services: Vec<String> = (0..count).map(service).collect();
    let mut text = format!("{{\"services\":[{}]}}\n", services.join(","));
    for (size, (cpu, memory)) in SIZES.iter().enumerate() {
        let definition = definition(size);
        let _ = writeln!(
            text,
            "{{\"taskDefinition\":{{\"taskDefinitionArn\":\"{definition}\",\"cpu\":\"{cpu}\",\"memory\":\"{memory}\"}}}}"
        );
    }
    text
}
