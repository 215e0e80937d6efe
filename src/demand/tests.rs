//! From coverage and rows, as `collect` and `import` write them, to demand: what was not seen bounds, and is never
//! counted twice.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use tempfile::TempDir;

use super::{Basis, Demand, Reduced, SeenDays, reduce};
use crate::analysis::{self, Policy};
use crate::dataset::Dataset;
use crate::dataset::batch::Batch;
use crate::dataset::log::Committer;
use crate::dataset::scan::Scan;
use crate::dataset::schema::{ConfigurationRow, Metric, RunRow, SampleRow, SourceKind, State};
use crate::dataset::source::OPEN_DAY;
use crate::dataset::writer::Writer;
use crate::dataset::written::ScopeDay;
use crate::model::units::{MS_PER_DAY, MS_PER_HOUR, Usd, Window};
use crate::model::workload::{Architecture, Configuration, Kind, WorkloadKey};
use crate::pricing::PriceBook;
use crate::report::result::{CoverageResult, Report};

const ACCOUNT: &str = "123456789012";
const REGION: &str = "us-east-1";
/// 2026-10-01, days since the epoch.
const FIRST: i64 = 20_727;
const T0: i64 = FIRST * MS_PER_DAY;
const MINUTE: i64 = 60_000;
const ALL_TASKS: &str = "/aws/events/ecs/all-tasks";

/// A dataset that collections and imports are written into.
struct World {
    dataset: Dataset,
    _folder: TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            dataset: Dataset::at(folder.path().to_str().unwrap()).unwrap(),
            _folder: folder,
        }
    }

    /// Collects `batch` on the day `on`, with what is said of it.
    fn collect(&self, on: i64, batch: Batch, verdicts: &[ScopeDay]) {
        let mut writer = Writer::new(&self.dataset);
        writer.add(batch).unwrap();
        let written = writer.finish(&BTreeSet::new()).unwrap();
        written
            .commit_scope_days(
                &mut Committer::new(&self.dataset),
                ACCOUNT,
                REGION,
                T0 + on * MS_PER_DAY + MS_PER_HOUR,
                verdicts,
            )
            .unwrap();
    }

    fn import(&self, hash: &str, batch: Batch) {
        let mut writer = Writer::new(&self.dataset);
        writer.add(batch).unwrap();
        writer
            .finish(&BTreeSet::new())
            .unwrap()
            .commit(
                &mut Committer::new(&self.dataset),
                &format!("import:{hash}"),
                None,
            )
            .unwrap();
    }

    fn reduced(&self, window: Option<Range<i64>>) -> Reduced {
        let scan = Scan::new(&self.dataset).unwrap();
        let at = |day: i64| T0 + day * MS_PER_DAY;
        let (from_ms, to_ms) = window.map(|days| (at(days.start), at(days.end))).unzip();
        reduce(&scan, from_ms, to_ms).unwrap()
    }

    fn demand(&self, name: &str) -> Demand {
        self.reduced(None)
            .demands
            .into_iter()
            .find(|demand| demand.workload.name == name)
            .unwrap()
    }

    fn report(&self) -> Report {
        let coverage = CoverageResult {
            sources: 1,
            complete_scope_days: 1,
            partial_scope_days: 0,
            missed_scope_days: 0,
            rows: 0,
            duplicate_rows: 0,
            conflicting_rows: 0,
            fingerprint: String::new(),
            notes: Vec::new(),
        };
        let book = PriceBook::embedded().unwrap();
        let analysis = analysis::analyse(self.reduced(None), &book, &Policy::default(), |_| true);
        Report::of(&analysis, &book, coverage)
    }
}

/// What a collection says of `days` of one source.
fn verdicts(scope: &str, source: &str, days: Range<i64>, state: State) -> Vec<ScopeDay> {
    let reason = (state == State::Partial).then(|| OPEN_DAY.to_owned());
    let of_day = |day| ScopeDay {
        scope: scope.to_owned(),
        workload: None,
        source: source.to_owned(),
        day: FIRST + day,
        state,
        reason: reason.clone(),
    };
    days.map(of_day).collect()
}

fn complete(scope: &str, source: &str, days: Range<i64>) -> Vec<ScopeDay> {
    verdicts(scope, source, days, State::Complete)
}

fn key(kind: Kind, cluster: &str, name: &str) -> Arc<WorkloadKey> {
    let (account, region) = (ACCOUNT.to_owned(), REGION.to_owned());
    Arc::new(WorkloadKey {
        account,
        region,
        kind,
        cluster: cluster.to_owned(),
        name: name.to_owned(),
    })
}

/// A Fargate task of family `etl`, 0.25 vCPU and 0.5 GiB, as an event tells of it.
pub(super) fn run(id: &str, from_ms: i64, to_ms: Option<i64>) -> RunRow {
    RunRow {
        workload: key(Kind::Task, "batch", "etl"),
        run_id: id.to_owned(),
        version: 1,
        task_definition: Some("etl:1".to_owned()),
        configuration: Configuration {
            launch_type: Some("FARGATE".to_owned()),
            cpu_units: Some(256),
            memory_mib: Some(512),
            architecture: Some(Architecture::X86_64),
            ..Configuration::default()
        },
        created_ms: Some(from_ms),
        pull_started_ms: Some(from_ms),
        pull_stopped_ms: None,
        provisioning_ms: None,
        started_ms: Some(from_ms),
        stopped_ms: to_ms,
        last_seen_ms: None,
        timeout_min: None,
        left_queue: None,
        stop_code: None,
        out_of_memory: false,
        killed: Vec::new(),
        source: SourceKind::TaskEvents,
    }
}

/// An hour of `etl` in each night of `days`.
fn nightly(days: Range<i64>) -> Batch {
    let night = |day| {
        run(
            &format!("night-{day}"),
            T0 + day * MS_PER_DAY,
            Some(T0 + day * MS_PER_DAY + MS_PER_HOUR),
        )
    };
    Batch {
        runs: days.map(night).collect(),
        ..Batch::default()
    }
}

/// CPU of two running tasks of `web`, a reading every `step_s` over the first `hours` of the first day.
fn readings(step_s: i32, period_s: Option<i32>, hours: i64) -> Batch {
    let spacing_ms = i64::from(step_s) * 1000;
    let count = 2.0 * f64::from(step_s) / 60.0;
    let reading = |no: i64| SampleRow {
        workload: key(Kind::Service, "prod", "web"),
        run_id: None,
        metric: Metric::CpuPercent,
        period_s,
        at_ms: T0 + no * spacing_ms,
        sample_s: period_s.map(|_| 60),
        max: 30.0,
        sum: 30.0 * count,
        count,
        source: if period_s.is_some() {
            SourceKind::Cloudwatch
        } else {
            SourceKind::MetricStream
        },
    };
    Batch {
        samples: (0..hours * MS_PER_HOUR / spacing_ms).map(reading).collect(),
        ..Batch::default()
    }
}

fn elapsed_s(demand: &Demand) -> i64 {
    demand
        .ran
        .iter()
        .map(|component| component.metered.best.elapsed)
        .sum::<i64>()
        / 1000
}

#[test]
fn a_nightly_job_whose_events_are_kept_for_a_week_costs_at_least_what_that_week_shows() {
    let world = World::new();
    // CloudWatch keeps its metrics for longer, but these do not tell how long tasks ran.
    world.collect(
        30,
        Batch::default(),
        &complete("batch", "collect:family-metrics:etl", 0..30),
    );
    world.collect(
        30,
        nightly(23..30),
        &complete("batch", "collect:task-events", 23..30),
    );
    let etl = world.demand("etl");
    assert_eq!(
        etl.evidence.seen,
        Some(SeenDays {
            seen: 7,
            of_window: 30
        })
    );
    let report = world.report();
    let etl = &report.workloads[0];
    // 7 hours at 0.25 × $0.04048 + 0.5 × $0.004445.
    assert_eq!(
        etl.current.measured_cost.as_ref().map(|cost| cost.usd),
        Some(Usd::new("0.0863975".parse().unwrap()))
    );
    assert!(
        etl.reasons
            .contains(&"seen on 7 of 30 days: its cost is at least this".to_owned()),
        "{:?}",
        etl.reasons
    );
    assert_eq!(report.totals.partly_seen, 1);
    assert!(
        report
            .coverage
            .notes
            .iter()
            .any(|note| note.starts_with("1 workloads were not seen on every day"))
    );
}

#[test]
fn the_same_job_is_exact_where_every_day_was_seen_by_some_source_that_tells_of_runs() {
    for (scope, source) in [
        (ALL_TASKS, "collect:task-events"),
        ("batch", "collect:task-logs"),
    ] {
        let world = World::new();
        world.collect(30, nightly(0..20), &complete(scope, source, 0..20));
        world.collect(
            30,
            nightly(20..30),
            &complete("batch", "collect:task-events", 20..30),
        );
        assert_eq!(world.demand("etl").evidence.seen, None, "{scope}");
        assert_eq!(world.report().totals.partly_seen, 0);
    }
}

#[test]
fn an_import_fills_the_days_that_a_collection_came_too_late_for() {
    let world = World::new();
    world.collect(
        30,
        Batch::default(),
        &complete("prod", "collect:metrics:web", 0..30),
    );
    world.collect(
        30,
        nightly(23..30),
        &complete("batch", "collect:task-events", 23..30),
    );
    world.import("a", nightly(0..20));
    assert_eq!(
        world.demand("etl").evidence.seen,
        Some(SeenDays {
            seen: 27,
            of_window: 30
        })
    );
    world.import("b", nightly(20..23));
    assert_eq!(world.demand("etl").evidence.seen, None);
}

#[test]
fn what_was_imported_alone_is_taken_to_be_all_there_is() {
    let world = World::new();
    let mut nights = nightly(0..1);
    nights.runs.extend(nightly(29..30).runs);
    world.import("a", nights);
    let etl = world.demand("etl");
    assert_eq!((elapsed_s(&etl), etl.evidence.seen), (2 * 3600, None));
}

#[test]
fn a_day_that_is_not_over_is_seen_as_far_as_the_window_goes() {
    let world = World::new();
    let events = "collect:task-events";
    world.collect(1, nightly(0..1), &complete("batch", events, 0..1));
    world.collect(
        1,
        nightly(1..2),
        &verdicts("batch", events, 1..2, State::Partial),
    );
    let seen = |window| world.reduced(Some(window)).demands[0].evidence.seen;
    assert_eq!(world.demand("etl").evidence.seen, None, "today is left out");
    assert_eq!(
        seen(0..2),
        Some(SeenDays {
            seen: 1,
            of_window: 2
        }),
        "most of the second day is still to come"
    );
}

#[test]
fn a_task_that_events_show_running_runs_no_longer_than_the_events_go() {
    let world = World::new();
    world.collect(
        30,
        Batch::default(),
        &complete("prod", "collect:metrics:web", 0..30),
    );
    let runs = vec![run("open", T0 + 5 * MS_PER_DAY, None)];
    world.collect(
        30,
        Batch {
            runs,
            ..Batch::default()
        },
        &complete("batch", "collect:task-events", 0..7),
    );
    let etl = world.demand("etl");
    assert_eq!(
        (elapsed_s(&etl), etl.runs.open, etl.runs.out_of_sight),
        (2 * 86_400, 1, 1)
    );
    assert_eq!(
        etl.evidence.seen,
        Some(SeenDays {
            seen: 7,
            of_window: 30
        })
    );
    // Other events of the place go on to the quarter of an hour before the last collection, at one o'clock.
    world.collect(
        10,
        Batch::default(),
        &verdicts(ALL_TASKS, "collect:task-events", 10..11, State::Partial),
    );
    assert_eq!(elapsed_s(&world.demand("etl")), 5 * 86_400 + 45 * 60);
}

#[test]
fn a_task_that_events_show_running_may_run_to_the_last_event_that_was_imported() {
    let world = World::new();
    let mut batch = nightly(9..10);
    batch.runs.push(run("open", T0 + 5 * MS_PER_DAY, None));
    world.import("a", batch);
    let etl = world.demand("etl");
    let elapsed = etl.ran[0].metered;
    let elapsed_s = [elapsed.low, elapsed.best, elapsed.high].map(|m| m.elapsed / 1000);
    // One night of an hour is known; the open one ends as its like, and not behind the last event.
    assert_eq!(elapsed_s, [3600, 2 * 3600, 4 * 86_400 + 2 * 3600]);
    assert_eq!((etl.runs.open, etl.runs.out_of_sight), (1, 0));
}

#[test]
fn tasks_that_a_metric_stream_and_a_collection_count_are_counted_once() {
    let world = World::new();
    world.import("a", readings(60, None, 1));
    world.collect(
        1,
        readings(60, Some(60), 1),
        &complete("prod", "collect:metrics:web", 0..1),
    );
    let reduced = world.reduced(None);
    let web = &reduced.demands[0];
    // Two tasks for an hour.
    assert_eq!(
        (web.ran[0].basis, elapsed_s(web)),
        (Basis::SampleCount, 2 * 3600)
    );
    assert!(
        web.slots.iter().count() == 12
            && web
                .slots
                .iter()
                .all(|slot| (slot.task_ms, slot.peak) == (10 * MINUTE, 2))
    );
    assert_eq!(
        (reduced.rows, reduced.duplicates, reduced.conflicts),
        (120, 60, 0)
    );
}

#[test]
fn of_two_periods_over_the_same_time_the_finest_counts() {
    let world = World::new();
    let mut coarse = readings(300, Some(300), 2);
    // The second day keeps the coarse part in the dataset when the first is collected again.
    let second_day = SampleRow {
        at_ms: T0 + MS_PER_DAY,
        ..coarse.samples[0].clone()
    };
    coarse.samples.push(second_day);
    world.collect(2, coarse, &complete("prod", "collect:metrics:web", 0..2));
    world.collect(
        3,
        readings(60, Some(60), 1),
        &complete("prod", "collect:metrics:web", 0..1),
    );
    let reduced = world.reduced(None);
    // Two tasks for two hours, the first told by the minute and the second by five, and five minutes of the second day.
    assert_eq!(elapsed_s(&reduced.demands[0]), 2 * (2 * 3600 + 300));
    assert_eq!(
        (reduced.rows, reduced.duplicates, reduced.conflicts),
        (24 + 1 + 60, 12, 0)
    );
}

#[test]
fn a_family_that_a_service_once_ran_is_no_workload_of_its_own() {
    let world = World::new();
    let of_family = |name: &str| {
        let mut samples = readings(60, Some(60), 1).samples;
        for sample in &mut samples {
            sample.workload = key(Kind::Task, "prod", name);
            sample.metric = Metric::CpuUnits;
        }
        samples
    };
    let configuration = |from_ms, definition: &str| {
        ConfigurationRow::new(
            key(Kind::Service, "prod", "web"),
            from_ms,
            Some(definition.to_owned()),
            Configuration::default(),
            SourceKind::EcsApi,
        )
    };
    let batch = Batch {
        configurations: vec![
            configuration(T0 - MS_PER_DAY, "web-old:7"),
            configuration(T0, "web:1"),
        ],
        samples: ["web-old", "web", "etl"]
            .into_iter()
            .flat_map(of_family)
            .collect(),
        ..Batch::default()
    };
    world.collect(
        1,
        batch,
        &complete("prod", "collect:family-metrics:web", 0..1),
    );
    let demands = world.reduced(None).demands;
    let tasks: Vec<&str> = demands
        .iter()
        .filter(|demand| demand.workload.kind == Kind::Task)
        .map(|demand| demand.workload.name.as_str())
        .collect();
    assert_eq!(tasks, ["etl"]);
}

#[test]
fn a_small_collection_does_not_hide_what_was_imported() {
    let world = World::new();
    world.import("a", nightly(0..60));
    world.collect(
        62,
        nightly(60..62),
        &complete("batch", "collect:task-events", 60..62),
    );
    let whole = Window {
        from_ms: T0,
        to_ms: T0 + 62 * MS_PER_DAY,
    };
    assert_eq!(world.reduced(None).window, whole);
    assert_eq!(
        (
            elapsed_s(&world.demand("etl")),
            world.demand("etl").evidence.seen
        ),
        (62 * 3600, None)
    );
}
