//! `collect` from a fake AWS on this machine, at a tenth, a third and the whole of a size: how fast it is, and how its
//! memory grows with what there is to collect. Prints ratios: machines differ.
//!
//! The whole is about 100,000 tasks that run or stopped within the hour, 50,000 builds, and 20,000 series of services
//! besides those of the builds, in two accounts with two regions each. Nothing slows the calls down but the fake, which
//! runs on the same cores: the rates are those of both together.
//!
//! `cargo bench --bench collect` · environment: `PLIMSOLL_BENCH_COLLECT` (share of the whole, default 1),
//! `PLIMSOLL_BENCH_DAYS` (days over which builds and metrics are spread, default 2; time and temporary files grow with
//! them). Peak memory is read from `/proc`: Linux only.

#![allow(missing_docs, reason = "a benchmark")]
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and has nobody to hand an error to"
)]

#[allow(
    unused_imports,
    reason = "an instrument of the tests: a benchmark plays a part of it"
)]
#[path = "../tests/it/fake/mod.rs"]
mod fake;
mod process;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use fake::world::Insights;
use fake::{Fake, Scale, World};
use plimsoll::dataset::log::Log;
use plimsoll::dataset::{Dataset, Table, coverage};
use polars::prelude::{DataType, Expr, LazyFrame, PlRefPath, ScanArgsParquet, col, lit};
use process::peak_mib;

/// Sizes that are compared, as shares of the whole.
const SHARES: [f64; 3] = [0.1, 1.0 / 3.0, 1.0];
/// So many times faster than AWS allows that no call ever waits for its turn.
const PACE: &str = "1000000";
/// USD that the calls would cost at AWS; more than they do.
const MOST_USD: &str = "1000";
/// Time between two looks at the collector's memory. The kernel keeps the peak: only what comes after the last look is missed.
const LOOK: Duration = Duration::from_millis(20);

fn main() {
    let whole = from_environment("PLIMSOLL_BENCH_COLLECT", 1.0_f64);
    let days = from_environment("PLIMSOLL_BENCH_DAYS", 2_i64).max(1);
    println!(
        "collect  {whole} of 100,000 tasks, 50,000 builds and 20,000 series over {days} days, by tenth, third and whole"
    );
    let outcomes = SHARES.map(|share| {
        let outcome = collected(world(share * whole, days), days);
        outcome.print();
        outcome
    });
    let [small, middle, large] = &outcomes;
    for (less, more) in [(small, middle), (middle, large), (small, large)] {
        println!(
            "ratio    {:>5.2} tasks  {:>5.2} builds  {:>5.2} datapoints  {:>5.2} calls  {:>5.2} time  {:>5.2} peak memory",
            more.tasks as f64 / less.tasks as f64,
            more.builds as f64 / less.builds as f64,
            more.datapoints as f64 / less.datapoints as f64,
            more.calls as f64 / less.calls as f64,
            more.took.as_secs_f64() / less.took.as_secs_f64(),
            more.peak_mib / less.peak_mib,
        );
    }
}

fn from_environment<T: FromStr>(name: &str, default: T) -> T {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

/// `share` of the whole, all of it begun `days` ago.
///
/// Twenty clusters, forty projects: only what is in them is more or less.
fn world(share: f64, days: i64) -> World {
    let scale = Scale {
        accounts: 2,
        regions: 2,
        clusters: 5,
        services: usize::try_from(scaled(500, share)).unwrap(),
        families: 10,
        // One in twenty of a day's runs now or stopped within the hour.
        jobs_per_family: scaled(7_000 * days, share),
        projects: 10,
        builds: scaled(1_250, share),
        days,
        ..Scale::SMALL
    };
    let mut world = World::seeded(1, scale);
    for region in world
        .accounts
        .iter_mut()
        .flat_map(|account| &mut account.regions)
    {
        for cluster in &mut region.clusters {
            // Logs tell of every task minute by minute; nothing else would be measured.
            cluster.insights = Insights::Disabled;
            cluster.events_since_ms = None;
        }
    }
    world
}

#[expect(clippy::cast_possible_truncation, reason = "small numbers")]
fn scaled(whole: i64, share: f64) -> i64 {
    ((whole as f64 * share).round() as i64).max(1)
}

/// What a collection came to.
struct Outcome {
    tasks: i64,
    builds: i64,
    /// Samples; AWS tells each of them as three values.
    datapoints: i64,
    calls: usize,
    took: Duration,
    peak_mib: f64,
    bytes: u64,
}

impl Outcome {
    fn print(&self) {
        let seconds = self.took.as_secs_f64();
        println!(
            "collect  {:>7} tasks    {:>6} builds    {:>10} datapoints    {:>6} calls  {seconds:>6.1} s  {:>5.0} MiB peak  {:>7.1} MB on disk",
            self.tasks,
            self.builds,
            self.datapoints,
            self.calls,
            self.peak_mib,
            self.bytes as f64 / 1e6,
        );
        println!(
            "         {:>7.0} tasks/s  {:>6.0} builds/s  {:>10.0} datapoints/s  {:>6.0} calls/s",
            self.tasks as f64 / seconds,
            self.builds as f64 / seconds,
            self.datapoints as f64 / seconds,
            self.calls as f64 / seconds,
        );
    }
}

/// Collects all of `world` into a dataset that is thrown away.
fn collected(world: World, days: i64) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::start(world);
    fs::create_dir(folder.path().join(".aws")).unwrap();
    fs::write(folder.path().join(".aws/config"), fake.profiles()).unwrap();
    let (took, peak_mib) = watched(&mut collecting(&fake, folder.path(), days));
    let dataset = folder.path().join("dataset");
    Outcome {
        tasks: rows(&dataset, Table::Runs, &col("kind").neq(lit("build"))),
        builds: rows(&dataset, Table::Runs, &col("kind").eq(lit("build"))),
        datapoints: rows(&dataset, Table::Samples, &lit(true)),
        calls: fake.calls().len(),
        took,
        peak_mib,
        bytes: bytes_below(&dataset),
    }
}

/// The shipped binary with nothing of this machine's environment, as of the fake's present.
fn collecting(fake: &Fake, home: &Path, days: i64) -> Command {
    let (now_ms, accounts) = fake.look(|world| {
        let accounts: Vec<String> = world
            .accounts
            .iter()
            .map(|account| account.id.clone())
            .collect();
        (world.now_ms, accounts)
    });
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command
        .env_clear()
        .env("LC_ALL", "C")
        .env("TMPDIR", std::env::temp_dir())
        .env("HOME", home)
        .current_dir(home);
    command
        .env("AWS_ENDPOINT_URL", fake.endpoint())
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command.args([
        "--quiet",
        "collect",
        "--dataset",
        "dataset",
        "--pace",
        PACE,
        "--max-api-cost",
        MOST_USD,
    ]);
    command.args([
        "--now",
        &jiff::Timestamp::from_millisecond(now_ms)
            .unwrap()
            .to_string(),
    ]);
    command.args([
        "--days",
        &days.to_string(),
        "--region",
        "us-east-1,eu-west-1",
    ]);
    command.args(
        accounts
            .iter()
            .flat_map(|account| ["--profile", account.as_str()]),
    );
    command
}

/// How long `command` took and its peak memory in MiB. Holds that it saw everything.
fn watched(command: &mut Command) -> (Duration, f64) {
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut peak = 0.0;
    while child.try_wait().unwrap().is_none() {
        peak = peak_mib(child.id()).unwrap_or(peak);
        thread::sleep(LOOK);
    }
    let took = start.elapsed();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{}: {}",
        output.status,
        String::from_utf8_lossy(&said)
    );
    (took, peak)
}

/// Committed rows of `table` that are `wanted`.
fn rows(dataset: &Path, table: Table, wanted: &Expr) -> i64 {
    let commits = Log::of(&Dataset::open(&dataset.to_string_lossy()).unwrap())
        .unwrap()
        .commits;
    let count = |part: &String| {
        let path = dataset.join(part);
        let scan = LazyFrame::scan_parquet(
            PlRefPath::new(path.to_str().unwrap()),
            ScanArgsParquet::default(),
        )
        .unwrap();
        let counted = scan
            .filter(wanted.clone())
            .select([col("kind").count().cast(DataType::Int64)])
            .collect()
            .unwrap();
        counted
            .column("kind")
            .unwrap()
            .i64()
            .unwrap()
            .get(0)
            .unwrap()
    };
    coverage::named_parts(&commits, table)
        .iter()
        .map(count)
        .sum()
}

fn bytes_below(folder: &Path) -> u64 {
    let bytes = |entry: fs::DirEntry| {
        let about = entry.metadata().unwrap();
        if about.is_dir() {
            bytes_below(&entry.path())
        } else {
            about.len()
        }
    };
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| bytes(entry.unwrap()))
        .sum()
}
