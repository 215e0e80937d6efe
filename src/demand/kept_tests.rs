//! Days that are kept, and parts that are compacted, change nothing but time.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;
use tempfile::TempDir;

use super::samples::{COLUMNS, NAMES, Reduction, Wanted};
use super::totals::Cuts;
use super::{Reduced, reduce, window};
use crate::dataset::Dataset;
use crate::dataset::batch::Batch;
use crate::dataset::compact::compact;
use crate::dataset::kept::SampleDay;
use crate::dataset::log::Committer;
use crate::dataset::part::Samples;
use crate::dataset::scan::Scan;
use crate::dataset::schema::{ConfigurationRow, Metric, SampleRow, SourceKind};
use crate::dataset::writer::{Writer, add_samples};
use crate::model::error::ErrorKind;
use crate::model::units::MS_PER_DAY;
use crate::model::workload::{Configuration, Kind, WorkloadKey};

/// 2026-10-01, days since the epoch.
const FIRST: i64 = 20_727;
pub(super) const T0: i64 = FIRST * MS_PER_DAY;
pub(super) const MINUTE: i64 = 60_000;

struct World {
    dataset: Dataset,
    root: PathBuf,
    _folder: TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("dataset");
        let dataset = Dataset::at(&root.to_string_lossy()).unwrap();
        Self {
            dataset,
            root,
            _folder: folder,
        }
    }

    fn with(parts: &[Vec<SampleRow>]) -> Self {
        let world = Self::new();
        for (number, rows) in parts.iter().enumerate() {
            add_samples(&world.dataset, &number.to_string(), rows.clone()).unwrap();
        }
        world
    }

    fn reduced(&self) -> Reduced {
        reduce(
            &Scan::new(&self.dataset).unwrap().keeping_days(),
            None,
            None,
        )
        .unwrap()
    }

    /// The days of which something was kept, counted from the first.
    fn kept(&self) -> Vec<i64> {
        let scan = Scan::new(&self.dataset).unwrap();
        let kept = scan.days.iter().filter(|day| day.kept.is_some());
        kept.map(|day| i64::from(day.day) - FIRST).collect()
    }

    fn forget(&self) {
        fs::remove_dir_all(self.root.join("demand")).unwrap();
    }

    fn files(&self, table: &str) -> Vec<PathBuf> {
        let mut folders = vec![self.root.join(table)];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(path);
                }
            }
        }
        files
    }
}

pub(super) fn service(number: usize) -> Arc<WorkloadKey> {
    let key = WorkloadKey {
        account: "012345678901".to_owned(),
        region: "eu-central-1".to_owned(),
        kind: Kind::Service,
        cluster: "prod".to_owned(),
        name: format!("web-{number}"),
    };
    Arc::new(key)
}

pub(super) fn sample(number: usize, minute: i64, period_s: Option<i32>, value: f64) -> SampleRow {
    SampleRow {
        workload: service(number),
        run_id: None,
        // Of what is no share of a size no configuration has to tell the size.
        metric: Metric::CpuUnits,
        period_s,
        at_ms: T0 + minute * MINUTE,
        sample_s: period_s.map(|_| 60),
        max: value,
        sum: value * 1.5,
        count: 2.0,
        source: SourceKind::Cloudwatch,
    }
}

/// Every minute of the days from `first` to before `end`.
fn minutes(number: usize, days: std::ops::Range<i64>) -> Vec<SampleRow> {
    let value = |minute: i64| f64::from(u32::try_from(minute * 7919 % 1000).unwrap());
    (days.start * 1440..days.end * 1440)
        .step_by(20)
        .map(|minute| sample(number, minute, Some(60), value(minute)))
        .collect()
}

fn same(a: &Reduced, b: &Reduced) -> bool {
    a.demands == b.demands
        && (a.window, a.rows, a.duplicates, a.conflicts)
            == (b.window, b.rows, b.duplicates, b.conflicts)
}

/// Samples of two services over two days, some of them told twice, or otherwise, or by a coarser period.
fn any_samples() -> impl Strategy<Value = Vec<SampleRow>> {
    let row = (
        0_usize..2,
        0_i64..40,
        prop::sample::select(vec![None, Some(60), Some(300)]),
        0_u32..3,
    );
    let rows = prop::collection::vec(row, 1..60);
    rows.prop_map(|rows| {
        let sample = |(number, step, period_s, value): (usize, i64, Option<i32>, u32)| {
            let minute = step * 75 / 5 * 5;
            sample(number, minute, period_s, f64::from(value) * 37.5)
        };
        rows.into_iter().map(sample).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn neither_the_order_of_parts_nor_what_is_in_which_matters(
        rows in any_samples(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let whole = World::with(std::slice::from_ref(&rows)).reduced();
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(rows.len())).collect();
        ends.sort_unstable();
        let (mut parts, mut begin) = (Vec::new(), 0);
        for end in ends.into_iter().chain([rows.len()]) {
            parts.push(rows[begin..end].to_vec());
            begin = end;
        }
        parts.reverse();
        let split = World::with(&parts);
        let reduced = split.reduced();
        prop_assert_eq!(&whole.demands, &reduced.demands);
        // Days kept are days reduced afresh, and compacting changes nothing either.
        prop_assert!(same(&reduced, &split.reduced()));
        split.forget();
        prop_assert!(same(&reduced, &split.reduced()));
        compact(&split.dataset, window::resolved).unwrap();
        prop_assert!(same(&reduced, &split.reduced()));
        split.forget();
        prop_assert!(same(&reduced, &split.reduced()));
    }
}

#[test]
fn a_compaction_ends_where_a_sample_ended_that_it_leaves_out() {
    // Both are about one time, and the minute counts; five minutes were looked at all the same.
    let world = World::with(&[vec![
        sample(0, 600, None, 0.0),
        sample(0, 600, Some(300), 0.0),
        sample(0, 0, Some(60), 0.0),
    ]]);
    let reduced = world.reduced();
    assert_eq!(reduced.window.to_ms, T0 + 605 * MINUTE);
    compact(&world.dataset, window::resolved).unwrap();
    world.forget();
    assert!(same(&reduced, &world.reduced()));
    assert_eq!(compact(&world.dataset, window::resolved).unwrap().before, 0);
}

#[test]
fn a_sample_that_states_no_period_is_one_of_a_minute_wherever_it_is_read_from() {
    let world = World::with(&[vec![
        sample(1, 1050, Some(60), 0.0),
        sample(1, 1050, None, 0.0),
        sample(0, 0, None, 0.0),
        sample(0, 0, None, 0.0),
        sample(0, 0, Some(60), 0.0),
    ]]);
    let reduced = world.reduced();
    assert!(same(&reduced, &world.reduced()));
    compact(&world.dataset, window::resolved).unwrap();
    assert!(same(&reduced, &world.reduced()));
}

#[test]
fn stretches_that_a_part_states_are_those_that_its_rows_show() {
    let in_run = |row: SampleRow, run: &str| SampleRow {
        run_id: Some(run.into()),
        source: SourceKind::ContainerInsights,
        ..row
    };
    let long = minutes(0, 0..2).into_iter().chain(minutes(1, 0..2));
    let runs = minutes(1, 0..2).into_iter().map(|row| in_run(row, "a"));
    let world = World::with(&[long.chain(runs).collect(), minutes(0, 2..3)]);
    let scan = Scan::new(&world.dataset).unwrap();
    let groups = scan.sample_groups(None, window::always()).unwrap();
    let mut stated = Vec::new();
    for group in &groups {
        let read = |names: &[&str]| {
            let mut all = Vec::new();
            scan.each_samples(group, &COLUMNS, names, |samples| {
                all.push(samples);
                Ok(())
            })
            .unwrap();
            all
        };
        let parts = read(&NAMES);
        let mut by_row = read(&[]);
        for samples in &mut by_row {
            samples.summary = Arc::default();
        }
        let cuts = Cuts::default();
        let wanted = Wanted {
            window: group.window,
            overlapping: group.overlapping,
            cuts: &cuts,
            only_cut: false,
        };
        let reduced = |parts: &[Samples]| {
            let mut reduction = Reduction::new(group.place(), wanted);
            for samples in parts {
                reduction.add(samples).unwrap();
            }
            reduction.finish()
        };
        assert_eq!(reduced(&parts), reduced(&by_row));
        stated.extend(parts.iter().map(|part| part.summary.stretches.len()));
    }
    // Of the second part the stretches are too short to be worth it.
    assert_eq!(stated, [3, 0]);
}

#[test]
fn a_newer_part_makes_exactly_its_days_stale() {
    let world = World::with(&[minutes(0, 0..2), minutes(0, 2..4)]);
    assert!(world.kept().is_empty());
    world.reduced();
    assert_eq!(world.kept(), [0, 1, 2, 3]);
    add_samples(&world.dataset, "more", minutes(1, 1..2)).unwrap();
    assert_eq!(world.kept(), [0, 2, 3]);
    let reduced = world.reduced();
    assert_eq!(world.kept(), [0, 1, 2, 3]);
    let afresh = World::with(&[minutes(0, 0..4), minutes(1, 1..2)]).reduced();
    assert_eq!(reduced.demands, afresh.demands);
}

#[test]
fn a_flipped_bit_in_a_kept_day_is_refused_and_the_day_reduced_again() {
    let world = World::with(&[minutes(0, 0..2)]);
    let reduced = world.reduced();
    for path in world.files("demand") {
        let mut bytes = fs::read(&path).unwrap();
        bytes[40] ^= 1;
        fs::write(&path, bytes).unwrap();
    }
    assert!(same(&reduced, &world.reduced()));
    // What was written again is whole.
    assert!(same(&reduced, &world.reduced()));
}

#[test]
fn a_day_that_was_kept_again_in_another_part_after_the_first_was_deleted_is_found() {
    let world = World::with(&[minutes(0, 0..3)]);
    let of_first_day = |scan: &Scan<'_>| reduce(scan, Some(T0), Some(T0 + MS_PER_DAY)).unwrap();
    of_first_day(&Scan::new(&world.dataset).unwrap().keeping_days());
    assert_eq!(world.kept(), [0]);
    world.forget();
    let reduced = world.reduced();
    assert_eq!(world.kept(), [0, 1, 2]);
    assert!(same(&reduced, &world.reduced()));
}

#[test]
fn a_kept_day_whose_commit_or_part_is_gone_is_reduced_again() {
    let world = World::with(&[minutes(0, 0..2)]);
    let before = world.files("coverage");
    let reduced = world.reduced();
    world.forget();
    assert!(same(&reduced, &world.reduced()));
    // Killed between the parts and their commit.
    for path in world.files("coverage") {
        if !before.contains(&path) {
            fs::remove_file(path).unwrap();
        }
    }
    assert!(world.kept().is_empty());
    assert!(same(&reduced, &world.reduced()));
}

#[test]
fn days_that_an_older_version_kept_are_left_alone() {
    let world = World::with(&[minutes(0, 0..2)]);
    let scan = Scan::new(&world.dataset).unwrap();
    // Had they counted, there would have been no samples on these days.
    let older = |day: &SampleDay| SampleDay {
        source: day.source.replace("demand:2:", "demand:1:"),
        ..day.clone()
    };
    let days: Vec<SampleDay> = scan.days.iter().map(older).collect();
    let days: Vec<_> = days.iter().map(|day| (day, BTreeSet::new())).collect();
    assert!(
        days.iter()
            .all(|(day, _)| day.source.starts_with("demand:1:"))
    );
    scan.commit_days(&days).unwrap();
    assert!(world.kept().is_empty());
    assert_eq!(world.reduced().rows, 2 * 72);
    assert_eq!(world.kept(), [0, 1]);
}

#[test]
fn a_dataset_that_cannot_be_written_is_read_all_the_same() {
    let (writable, world) = (
        World::with(&[minutes(0, 0..2)]),
        World::with(&[minutes(0, 0..2)]),
    );
    // Root may write everywhere, but not below a file.
    fs::write(world.root.join("demand"), "in the way").unwrap();
    assert!(same(&writable.reduced(), &world.reduced()));
    assert!(world.kept().is_empty());
}

#[test]
fn a_window_that_cuts_a_day_reads_it_and_keeps_nothing_of_it() {
    let world = World::with(&[minutes(0, 0..3)]);
    let noon = |day: i64| T0 + day * MS_PER_DAY + MS_PER_DAY / 2;
    let cut = |world: &World| {
        let scan = Scan::new(&world.dataset).unwrap().keeping_days();
        reduce(&scan, Some(noon(0)), Some(noon(2))).unwrap()
    };
    let reduced = cut(&world);
    assert_eq!(reduced.rows, 2 * 72);
    assert_eq!(world.kept(), [1]);
    world.reduced();
    assert!(same(&reduced, &cut(&world)));
}

#[test]
fn a_service_that_was_resized_at_noon_is_read_with_both_sizes_from_kept_days_too() {
    let world = World::new();
    let mut writer = Writer::new(&world.dataset);
    let configured = |from_ms, cpu_units| {
        let configuration = Configuration {
            cpu_units: Some(cpu_units),
            memory_mib: Some(2048),
            ..Configuration::default()
        };
        ConfigurationRow::new(service(0), from_ms, None, configuration, SourceKind::EcsApi)
    };
    let rows = minutes(0, 0..2).into_iter().map(|row| SampleRow {
        metric: Metric::CpuPercent,
        max: 50.0,
        sum: 100.0,
        ..row
    });
    let batch = Batch {
        configurations: vec![
            configured(T0 - MS_PER_DAY, 256),
            configured(T0 + MS_PER_DAY / 2, 1024),
        ],
        samples: rows.collect(),
        ..Batch::default()
    };
    writer.add(batch).unwrap();
    let written = writer.finish(&BTreeSet::new()).unwrap();
    let mut log = Committer::new(&world.dataset);
    written.commit(&mut log, "import:a", None).unwrap();
    let reduced = world.reduced();
    assert!(same(&reduced, &world.reduced()), "from kept days");
    let cpu = reduced.demands[0].cpu.as_ref().unwrap();
    let half_days: Vec<(i32, f64, i64)> = cpu
        .days
        .iter()
        .map(|day| (day.day - 20_727, day.max(), day.weight_ms()))
        .collect();
    let half = 36 * 2 * MINUTE;
    assert_eq!(
        half_days,
        [(0, 0.125, half), (0, 0.5, half), (1, 0.5, 2 * half)]
    );
}

#[test]
fn a_compaction_is_left_alone_once_a_part_that_it_stands_for_does_not_count() {
    let world = World::with(&[minutes(0, 0..1), minutes(0, 1..2), minutes(1, 1..2)]);
    let reduced = world.reduced();
    let compacted = compact(&world.dataset, window::resolved).unwrap();
    assert!(compacted.before > compacted.after);
    let scan = Scan::new(&world.dataset).unwrap().keeping_days();
    assert_eq!(scan.parts_without_overlap().unwrap().len(), 1);
    assert!(same(&reduced, &world.reduced()));
    assert_eq!(
        compact(&world.dataset, window::resolved).unwrap().before,
        0,
        "nothing is left to do"
    );
}

#[test]
fn sums_that_leave_their_range_are_refused() {
    let mut row = sample(0, 0, Some(60), 1.0);
    row.count = 1e18;
    let world = World::with(&[vec![row]]);
    let scan = Scan::new(&world.dataset).unwrap().keeping_days();
    assert_eq!(
        reduce(&scan, None, None).unwrap_err().kind(),
        ErrorKind::Input
    );
}
