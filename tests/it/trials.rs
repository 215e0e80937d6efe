//! Imports that are killed, and datasets that are spoilt, from a seed: `PLIMSOLL_KILLS=1000 PLIMSOLL_SPOILT=1000` tries
//! more of them, from `PLIMSOLL_FIRST_SEED` on.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::chance::{chance, trials};
use crate::s3_server::S3;
use crate::spoilt::spoil;
use crate::support::{DAY, HOUR, Run, T0, World, command, copy_into, finished, lines, parsed};

const FILE: &str = "year.jsonl";
const IN_A_BUCKET: &str = "s3://bucket/ds";

/// Tasks of twelve months in four accounts.
fn year() -> String {
    let task = |no: i64| -> Value {
        let account = format!("{}", 100_000_000_000 + no % 4);
        let from = T0 + (no / 4) * DAY * 365 / 24;
        let text = finished("etl", &format!("a{no}"), from, from + HOUR + no * 1_000).to_string();
        parsed(&text.replace("123456789012", &account))
    };
    lines(&(0..96).map(task).collect::<Vec<_>>())
}

/// What an undisturbed import comes to.
struct Undisturbed {
    world: World,
    parts: BTreeSet<String>,
    report: String,
    took: Duration,
}

static UNDISTURBED: LazyLock<Undisturbed> = LazyLock::new(|| {
    let world = World::new();
    world.write(FILE, year());
    let begun = Instant::now();
    world.import(&[FILE]).exits(0);
    let took = begun.elapsed();
    Undisturbed {
        parts: world.parts("dataset"),
        report: reported(&world, &["--dataset", "dataset"]).exits(0).stdout,
        took,
        world,
    }
});

fn reported(world: &World, dataset: &[&str]) -> Run {
    world.run(&[&["report", "--format", "json", "--strict"], dataset].concat())
}

/// Starts the import and kills it after a time of chance.
fn kill(mut import: Command, seed: u64) {
    let took = UNDISTURBED.took.as_micros().max(1);
    let after = u128::from(chance(seed, 7)) % (took * 11 / 10);
    import.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = import.spawn().expect("the binary starts");
    std::thread::sleep(Duration::from_micros(
        u64::try_from(after).unwrap_or_default(),
    ));
    child.kill().expect("killed");
    child.wait().expect("it ended");
}

/// Holds that a report on what is left does not pass for one on everything.
fn holds_no_false_whole(run: &Run) {
    if run.code == Some(0) {
        assert_eq!(run.stdout, UNDISTURBED.report);
    }
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
}

fn killed(seed: u64) {
    let world = World::new();
    world.write(FILE, year());
    let mut import = command(&["import", "--dataset", "dataset", FILE]);
    import.current_dir(world.path(""));
    kill(import, seed);
    let dataset = ["--dataset", "dataset"];
    holds_no_false_whole(&reported(&world, &dataset));
    world.import(&[FILE]).exits(0);
    let parts: BTreeSet<String> = world
        .parts("dataset")
        .into_iter()
        .filter(|part| part.ends_with(".parquet"))
        .collect();
    assert_eq!(parts, UNDISTURBED.parts);
    assert_eq!(
        reported(&world, &dataset).exits(0).stdout,
        UNDISTURBED.report
    );
}

fn killed_in_a_bucket(seed: u64) {
    let (world, s3) = (World::new(), S3::start());
    world.write(FILE, year());
    let run = |args: &[&str]| {
        let mut command = command(args);
        command
            .current_dir(world.path(""))
            .env("AWS_ENDPOINT_URL_S3", s3.url())
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "AKIDTEST")
            .env("AWS_SECRET_ACCESS_KEY", "x")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command
    };
    let report = || {
        let args = [
            "report",
            "--format",
            "json",
            "--strict",
            "--dataset",
            IN_A_BUCKET,
        ];
        Run::of(&run(&args).output().expect("the binary runs"))
    };
    let import = ["import", "--dataset", IN_A_BUCKET, FILE];
    kill(run(&import), seed);
    holds_no_false_whole(&report());
    Run::of(&run(&import).output().expect("the binary runs")).exits(0);
    let parts: BTreeSet<String> = s3
        .objects()
        .keys()
        .filter_map(|key| Some(key.strip_prefix("ds/")?.to_owned()))
        .filter(|part| part.ends_with(".parquet"))
        .collect();
    assert_eq!(parts, UNDISTURBED.parts);
    assert_eq!(report().exits(0).stdout, UNDISTURBED.report);
}

fn kills(part: u64) {
    trials("PLIMSOLL_KILLS", 20, (part, 2), |seed| {
        // As many of the slower ones in either part.
        if seed / 2 % 4 == 3 {
            killed_in_a_bucket(seed);
        } else {
            killed(seed);
        }
    });
}

#[test]
fn killed_at_any_time_an_import_counts_whole_or_not_at_all_0() {
    kills(0);
}

#[test]
fn killed_at_any_time_an_import_counts_whole_or_not_at_all_1() {
    kills(1);
}

/// A dataset with one thing wrong reports the same, or not at all.
fn spoilt(seed: u64) {
    let world = World::new();
    copy_into(&UNDISTURBED.world.path("dataset"), &world.path("dataset"));
    let what = spoil(&world.path("dataset"), seed);
    let run = reported(&world, &["--dataset", "dataset"]);
    assert!(!run.stderr.contains("panicked"), "{what}: {}", run.stderr);
    match run.code {
        Some(0) => assert_eq!(run.stdout, UNDISTURBED.report, "{what}"),
        code => assert_eq!(code, Some(5), "{what}: {}", run.said()),
    }
}

#[test]
fn a_dataset_with_one_thing_wrong_reports_the_same_or_not_at_all_0() {
    trials("PLIMSOLL_SPOILT", 60, (0, 2), spoilt);
}

#[test]
fn a_dataset_with_one_thing_wrong_reports_the_same_or_not_at_all_1() {
    trials("PLIMSOLL_SPOILT", 60, (1, 2), spoilt);
}
