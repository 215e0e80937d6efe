//! Samples to days, side by side with bare scans of the same files and with `DuckDB` on them, in turn, in one run. Prints
//! ratios: machines differ. The processor's own seconds are printed beside those of the clock (Linux): neighbours change
//! them less.
//!
//! `cargo bench --bench demand` · environment: `PLIMSOLL_BENCH_SAMPLES` (default 10,000,000), `PLIMSOLL_BENCH_ROUNDS`
//! (default 5, of which medians are taken), `PLIMSOLL_BENCH_DATASET` (a folder to write the generated dataset to and to
//! leave it in; made only where it is not there yet), `PLIMSOLL_BENCH_PYTHON` (a Python that has `duckdb`; otherwise a
//! virtual environment is made and it is installed).

#![allow(missing_docs, reason = "a benchmark")]
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and has nobody to hand an error to"
)]

mod process;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use plimsoll::dataset::Dataset;
use plimsoll::dataset::scan::Scan;
use plimsoll::dataset::schema::{Metric, SampleRow, SourceKind};
use plimsoll::dataset::writer::add_samples;
use plimsoll::demand;
use plimsoll::model::workload::{Kind, WorkloadKey};
use polars::prelude::{LazyFrame, PlRefPath, ScanArgsParquet, col};
use process::{peak_mib, processor_s};

/// 2026-08-01T00:00:00Z.
const START_MS: i64 = 1_785_542_400_000;
const SERVICES: usize = 500;
const PER_DAY: usize = SERVICES * 2 * 1440;
/// Tells a process of its own, whose memory is looked at, that it is to reduce this dataset and nothing else.
const ALONE: &str = "PLIMSOLL_BENCH_ALONE";
/// Files that a bare scan reads at once.
const SCANNED_AT_ONCE: usize = 32;
/// What is read of a sample.
const READ: [&str; 12] = [
    "kind", "cluster", "name", "run_id", "metric", "period_s", "at_ms", "sample_s", "max", "sum",
    "count", "source",
];

fn from_environment(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |number| number.parse().unwrap())
}

fn main() {
    if let Some(root) = std::env::var_os(ALONE) {
        reduce(&Dataset::at(root.to_str().unwrap()).unwrap(), false);
        println!("{}", peak_mib("self").unwrap_or(f64::NAN));
        return;
    }
    let samples = from_environment("PLIMSOLL_BENCH_SAMPLES", 10_000_000);
    let rounds = from_environment("PLIMSOLL_BENCH_ROUNDS", 5);
    let folder = tempfile::tempdir().unwrap();
    let root = std::env::var_os("PLIMSOLL_BENCH_DATASET")
        .map_or_else(|| folder.path().join("dataset"), PathBuf::from);
    if !root.exists() {
        generate(&root, samples);
    }
    let mut duckdb = DuckDb::start(folder.path(), &root);
    let dataset = Dataset::at(&root.to_string_lossy()).unwrap();
    let mut seconds: Vec<[Vec<f64>; 2]> = vec![Default::default(); 7];
    for _ in 0..rounds {
        let days = root.join("demand");
        if days.exists() {
            fs::remove_dir_all(&days).unwrap();
        }
        let mut took = vec![
            timed(|| bare_scan(&root, &READ[6..11])),
            timed(|| bare_scan(&root, &READ)),
            timed(|| reduce(&dataset, false)),
            timed(|| reduce(&dataset, true)),
            timed(|| reduce(&dataset, true)),
        ];
        if let Some(duckdb) = &mut duckdb {
            took.extend([duckdb.run("quantiles"), duckdb.run("counts")]);
        }
        for (all, one) in seconds.iter_mut().zip(took) {
            all[0].push(one.0);
            all[1].push(one.1);
        }
    }
    println!(
        "{samples} samples, {} processors, medians of {rounds}:",
        processors()
    );
    let medians: Vec<[f64; 2]> = seconds.into_iter().map(|of| of.map(median)).collect();
    let names = [
        "bare scan of the numbers",
        "bare scan of all that is read",
        "samples to days",
        "samples to days, and kept",
        "from the days that were kept",
        "DuckDB, approx_quantile at four",
        "DuckDB, buckets per day",
    ];
    for (name, seconds) in names
        .iter()
        .zip(&medians)
        .filter(|(_, seconds)| seconds[0].is_finite())
    {
        let [clock, processor] = seconds;
        println!(
            "  {name:<32} {clock:>8.3} s  {:>6.2} × samples to days, {processor:>8.2} s of the processor  {:>6.2} ×",
            clock / medians[2][0],
            processor / medians[2][1]
        );
    }
    println!("  most memory of samples to days  {:>8} MiB", alone(&root));
}

/// The most memory, MiB, of a process that does nothing else.
fn alone(root: &Path) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command.env(ALONE, root).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim()
        .parse::<f64>()
        .map_or(text, |mib| format!("{mib:.0}"))
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Not a number of nothing.
fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Seconds by the clock, and of the processor.
fn timed(work: impl FnOnce()) -> (f64, f64) {
    let (start, before) = (Instant::now(), processor_s());
    work();
    (start.elapsed().as_secs_f64(), processor_s() - before)
}

fn reduce(dataset: &Dataset, keeps: bool) {
    let scan = Scan::new(dataset).unwrap();
    let scan = if keeps { scan.keeping_days() } else { scan };
    let reduced = demand::reduce(&scan, None, None).unwrap();
    assert!(!reduced.demands.is_empty());
}

/// What it costs to decode columns and to do next to nothing with them: of some files at a time, because all of them
/// are in memory at once.
fn bare_scan(root: &Path, columns: &[&str]) {
    let columns: Vec<_> = columns.iter().map(|name| col(*name).null_count()).collect();
    for files in files_of(&root.join("samples")).chunks(SCANNED_AT_ONCE) {
        LazyFrame::scan_parquet_files(files.to_vec().into(), ScanArgsParquet::default())
            .unwrap()
            .select(columns.clone())
            .collect()
            .unwrap();
    }
}

/// The files below a folder.
fn files_of(folder: &Path) -> Vec<PlRefPath> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_of(&path));
        } else {
            files.push(PlRefPath::new(path.to_str().unwrap()));
        }
    }
    files
}

/// A month of services at one-minute resolution, day by day, the same for the same number of samples.
fn generate(root: &Path, samples: usize) {
    let dataset = Dataset::at(&root.to_string_lossy()).unwrap();
    let mut random = fastrand::Rng::with_seed(1876);
    let levels: Vec<(f64, f64)> = (0..SERVICES)
        .map(|_| (5.0 + 40.0 * random.f64(), 20.0 + 50.0 * random.f64()))
        .collect();
    let workloads: Vec<Arc<WorkloadKey>> = (0..SERVICES).map(workload).collect();
    for day in 0..samples.div_ceil(PER_DAY) {
        let of_day = (samples - day * PER_DAY).min(PER_DAY);
        let mut rows = Vec::with_capacity(of_day);
        for at in 0..of_day {
            let (service, minute) = (at / 2880, at % 1440);
            let (metric, level) = if at % 2880 < 1440 {
                (Metric::CpuPercent, levels[service].0)
            } else {
                (Metric::MemoryPercent, levels[service].1)
            };
            let wave = 1.0 + 0.5 * (minute as f64 / 1440.0 * std::f64::consts::TAU).sin();
            let tasks = 2.0 + f64::from(u8::from(minute > 540 && minute < 1080)) * 2.0;
            let mean = (level * wave * (0.9 + 0.2 * random.f64()) * 1e4).round() / 1e4;
            rows.push(SampleRow {
                workload: workloads[service].clone(),
                run_id: None,
                metric,
                period_s: Some(60),
                at_ms: START_MS + 60_000 * i64::try_from(day * 1440 + minute).unwrap(),
                sample_s: Some(60),
                max: (mean * (1.0 + random.f64() * 0.3) * 1e4).round() / 1e4,
                sum: mean * tasks,
                count: tasks,
                source: SourceKind::Cloudwatch,
            });
        }
        add_samples(&dataset, &format!("bench-{day}"), rows).unwrap();
    }
}

fn workload(number: usize) -> Arc<WorkloadKey> {
    let key = WorkloadKey {
        account: "123456789012".to_owned(),
        region: "eu-central-1".to_owned(),
        kind: Kind::Service,
        cluster: format!("cluster-{:02}", number % 20),
        name: format!("service-{number:05}"),
    };
    Arc::new(key)
}

/// `DuckDB` in a process of its own, which runs a query when it is told to.
struct DuckDb {
    process: Child,
    answers: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

const SCRIPT: &str = r#"
import duckdb, sys, time
files = f"read_parquet('{sys.argv[1]}/samples/**/*.parquet', hive_partitioning=true)"
queries = {
    "quantiles": f"SELECT cluster, name, metric, approx_quantile(max, [0.5, 0.9, 0.99, 0.999]) FROM {files} GROUP BY ALL",
    "counts": f"SELECT cluster, name, metric, at_ms // 86400000, cast(ceil(ln(max / 0.00098846) / ln(1.05e0)) AS INT), sum(count), max(max) FROM {files} GROUP BY ALL",
}
connection = duckdb.connect(); connection.execute("SET enable_progress_bar=false")
for line in sys.stdin:
    start, before = time.perf_counter(), time.process_time()
    connection.execute(queries[line.strip()]).fetchall()
    print(time.perf_counter() - start, time.process_time() - before, flush=True)
"#;

impl DuckDb {
    fn start(folder: &Path, root: &Path) -> Option<Self> {
        let python = std::env::var_os("PLIMSOLL_BENCH_PYTHON").map(PathBuf::from);
        let python = python.or_else(|| environment(folder))?;
        let mut process = Command::new(python)
            .args(["-c", SCRIPT, root.to_str().unwrap()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap()).lines();
        Some(Self { process, answers })
    }

    fn run(&mut self, query: &str) -> (f64, f64) {
        let stdin = self.process.stdin.as_mut().unwrap();
        writeln!(stdin, "{query}").unwrap();
        let answer = self.answers.next().unwrap().unwrap();
        let (clock, processor) = answer.split_once(' ').unwrap();
        (clock.parse().unwrap(), processor.parse().unwrap())
    }
}

/// A virtual environment with `DuckDB`; `None` where none can be made.
fn environment(folder: &Path) -> Option<PathBuf> {
    let venv = folder.join("venv");
    let python = venv.join("bin/python");
    let make = Command::new("python3")
        .args(["-m", "venv"])
        .arg(&venv)
        .status();
    let install = |_| {
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "duckdb"])
            .status()
    };
    let is_there = make.and_then(install).is_ok_and(|status| status.success());
    if !is_there {
        println!("DuckDB cannot be installed here; it is left out");
    }
    is_there.then_some(python)
}
