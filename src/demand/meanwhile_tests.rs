//! Compactions while others collect, compact and report: whatever comes between which two steps of which of them, what a
//! report sees is what it would see without compactions.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use tempfile::TempDir;

use super::instances::ClusterInstances;
use super::kept_tests::{MINUTE, T0, sample, service};
use super::tests::run as run_of_etl;
use super::{Demand, reduce, window};
use crate::dataset::batch::Batch;
use crate::dataset::compact::{Sizes, compact, compact_by};
use crate::dataset::coverage::Committed;
use crate::dataset::log::Committer;
use crate::dataset::scan::Scan;
use crate::dataset::schema::{ConfigurationRow, InstanceRow, RunRow, SourceKind, State};
use crate::dataset::writer::Writer;
use crate::dataset::written::ScopeDay;
use crate::dataset::{Dataset, source, stepwise};
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::units::{MS_PER_DAY, Window};
use crate::model::workload::{Configuration, Kind, WorkloadKey};

const HOUR: i64 = 60 * MINUTE;

/// So small that a few collections make compactions of several parts, some of them left alone by the next one.
const SMALL: Sizes = Sizes {
    large: 200,
    at_once: 150,
};

/// A folder that holds a dataset.
struct World(TempDir);

impl World {
    /// In memory where there is such a place: each of the tests makes hundreds.
    fn new() -> Self {
        let in_memory = TempDir::new_in("/dev/shm");
        Self(in_memory.or_else(|_| TempDir::new()).unwrap())
    }

    /// Another one that holds the same.
    fn copy(&self) -> Self {
        let copy = Self::new();
        copy_into(self.0.path(), copy.0.path());
        copy
    }

    /// Lives as long as the tests: a collector may be at work on it at any time.
    fn dataset(&self) -> &'static Dataset {
        let dataset = Dataset::at(&self.0.path().to_string_lossy()).unwrap();
        Box::leak(Box::new(dataset))
    }

    /// With the first `count` collections.
    fn collected(count: i64) -> Self {
        let world = Self::new();
        for number in 0..count {
            world.collect(number);
        }
        world
    }

    fn collect(&self, number: i64) {
        let mut collector = Collector::begin(self.dataset(), number);
        collector.commit(usize::MAX);
        collector.end();
    }

    fn compact(&self, sizes: Sizes) {
        compact_by(sizes, self.dataset(), window::resolved).unwrap();
    }

    fn seen(&self) -> Seen {
        seen(self.dataset(), None)
    }
}

fn copy_into(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy_into(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// All that a report is made of.
#[derive(Debug, PartialEq)]
struct Seen {
    window: Window,
    left_out_from_ms: Option<i64>,
    demands: Vec<Demand>,
    instances: ClusterInstances,
    rows: i64,
    duplicates: i64,
    conflicts: i64,
    commits: Vec<Committed>,
    unfinished: Vec<Committed>,
}

fn seen_by(scan: &Scan<'_>, window: Option<Window>) -> Seen {
    let (from_ms, to_ms) = (window.map(|of| of.from_ms), window.map(|of| of.to_ms));
    let reduced = reduce(scan, from_ms, to_ms).unwrap();
    Seen {
        window: reduced.window,
        left_out_from_ms: reduced.left_out_from_ms,
        demands: reduced.demands,
        instances: reduced.instances,
        rows: reduced.rows,
        duplicates: reduced.duplicates,
        conflicts: reduced.conflicts,
        commits: scan.commits.clone(),
        unfinished: scan.unfinished.clone(),
    }
}

fn seen(dataset: &Dataset, window: Option<Window>) -> Seen {
    seen_by(&Scan::new(dataset).unwrap(), window)
}

#[track_caller]
fn same(found: &Seen, expected: &Seen, when: &str) {
    assert!(
        found == expected,
        "{when}: {} rows of {} workloads instead of {} of {}, {} duplicates instead of {}, and more",
        found.rows,
        found.demands.len(),
        expected.rows,
        expected.demands.len(),
        found.duplicates,
        expected.duplicates
    );
}

/// What a collection commits at once.
struct Unit {
    rows: Batch,
    scope_days: Vec<ScopeDay>,
}

/// A collection at work: it commits one unit after the other, and then ends its chain of commits.
struct Collector {
    dataset: &'static Dataset,
    log: Committer<'static>,
    units: std::vec::IntoIter<Unit>,
    now_ms: i64,
}

/// Units of a collection.
const UNITS: usize = 5;

impl Collector {
    /// The one of this number: there is one every morning. Each collects again what was not over before.
    fn begin(dataset: &'static Dataset, number: i64) -> Self {
        let now_ms = T0 + (number + 1) * MS_PER_DAY + 6 * HOUR + 30 * MINUTE;
        let units = vec![
            snapshot(now_ms),
            metrics(0, now_ms),
            again(1, now_ms),
            runs(now_ms),
            metrics(1, now_ms),
        ];
        assert_eq!(units.len(), UNITS);
        Self {
            dataset,
            log: Committer::new(dataset),
            units: units.into_iter(),
            now_ms,
        }
    }

    /// Commits the next `count` units, or as many as there are left.
    fn commit(&mut self, count: usize) {
        for Unit { rows, scope_days } in self.units.by_ref().take(count) {
            let mut writer = Writer::new(self.dataset);
            writer.add(rows).unwrap();
            let open = scope_days
                .iter()
                .filter(|day| day.state != State::Complete)
                .map(|day| day.day);
            let written = writer.finish(&open.collect()).unwrap();
            let WorkloadKey {
                account, region, ..
            } = &*service(0);
            written
                .commit_scope_days(&mut self.log, account, region, self.now_ms, &scope_days)
                .unwrap();
        }
    }

    fn end(self) {
        self.log.close().unwrap();
    }
}

/// The days that a collection asks for: yesterday, which had not been over, and today.
fn days(now_ms: i64) -> [i64; 2] {
    let today = now_ms / MS_PER_DAY;
    [today - 1, today]
}

fn scope_days(now_ms: i64, workload: Option<&str>, source: &str) -> Vec<ScopeDay> {
    let scope_day = |day: i64| {
        let is_over = (day + 1) * MS_PER_DAY <= now_ms;
        ScopeDay {
            scope: service(0).cluster.clone(),
            workload: workload.map(str::to_owned),
            source: source.to_owned(),
            day,
            state: if is_over {
                State::Complete
            } else {
                State::Partial
            },
            reason: (!is_over).then(|| source::OPEN_DAY.to_owned()),
        }
    };
    days(now_ms).into_iter().map(scope_day).collect()
}

/// Three samples an hour of a service; the last one tells more of the hour than it did when it was not over.
fn metrics(number: usize, now_ms: i64) -> Unit {
    let (first, last) = (days(now_ms)[0], now_ms - 15 * MINUTE);
    let minutes = (first * MS_PER_DAY - T0) / MINUTE..(last - T0) / MINUTE;
    let value = |minute: i64| f64::from(u32::try_from(minute * 7919 % 1000).unwrap());
    let samples = minutes
        .step_by(20)
        .map(|minute| sample(number, minute, Some(60), value(minute)));
    let name = &service(number).name;
    Unit {
        rows: Batch {
            samples: samples.collect(),
            ..Batch::default()
        },
        scope_days: scope_days(now_ms, Some(name), &source::of(source::METRICS, name)),
    }
}

/// The second day, which was whole before, collected again by the fourth collection: finer, and with other values.
fn again(number: usize, now_ms: i64) -> Unit {
    let day = now_ms / MS_PER_DAY - 3;
    if day * MS_PER_DAY != T0 + MS_PER_DAY {
        return Unit {
            rows: Batch::default(),
            scope_days: Vec::new(),
        };
    }
    let first = (day * MS_PER_DAY - T0) / MINUTE;
    let minutes = (first..first + 24 * 60).step_by(10);
    let name = &service(number).name;
    Unit {
        rows: Batch {
            samples: minutes
                .map(|minute| sample(number, minute, Some(60), 2000.0))
                .collect(),
            ..Batch::default()
        },
        scope_days: vec![ScopeDay {
            scope: service(number).cluster.clone(),
            workload: Some(name.clone()),
            source: source::of(source::METRICS, name),
            day,
            state: State::Complete,
            reason: None,
        }],
    }
}

/// A task every six hours that runs for seven.
fn runs(now_ms: i64) -> Unit {
    let key = Arc::new(WorkloadKey {
        kind: Kind::Task,
        name: "etl".to_owned(),
        ..(*service(0)).clone()
    });
    let run = |number: i64, version: i64, stopped_ms: Option<i64>| {
        let created_ms = T0 + number * 6 * HOUR;
        RunRow {
            workload: key.clone(),
            version,
            configuration: size(),
            started_ms: Some(created_ms + MINUTE),
            last_seen_ms: stopped_ms.or(Some(created_ms + MINUTE)),
            ..run_of_etl(&format!("run-{number}"), created_ms, stopped_ms)
        }
    };
    let from_ms = days(now_ms)[0] * MS_PER_DAY;
    let is_told = |at_ms: i64| from_ms <= at_ms && at_ms + 15 * MINUTE < now_ms;
    let mut rows = Vec::new();
    for number in 0..(now_ms - T0) / (6 * HOUR) {
        let created_ms = T0 + number * 6 * HOUR;
        let stopped_ms = created_ms + 7 * HOUR;
        rows.extend(is_told(created_ms).then(|| run(number, 3, None)));
        rows.extend(is_told(stopped_ms).then(|| run(number, 5, Some(stopped_ms))));
    }
    Unit {
        rows: Batch {
            runs: rows,
            ..Batch::default()
        },
        scope_days: scope_days(now_ms, None, source::TASK_EVENTS),
    }
}

/// Instances, the sizes of services, and a task definition, which holds at any time.
fn snapshot(now_ms: i64) -> Unit {
    let WorkloadKey {
        account,
        region,
        cluster,
        ..
    } = (*service(0)).clone();
    let instance = |number: i64| InstanceRow {
        account: account.clone(),
        region: region.clone(),
        cluster: cluster.clone(),
        instance_id: format!("i-{number}"),
        instance_type: Some("m6i.large".to_owned()),
        availability_zone: Some("eu-central-1a".to_owned()),
        capacity_provider: None,
        cpu_units: Some(2048),
        memory_mib: Some(7720),
        registered_ms: Some(T0),
        seen_ms: now_ms,
    };
    let definition = WorkloadKey {
        kind: Kind::Task,
        cluster: String::new(),
        name: "etl".to_owned(),
        ..(*service(0)).clone()
    };
    let configured = |workload, from_ms, definition: String| {
        ConfigurationRow::new(
            workload,
            from_ms,
            Some(definition),
            size(),
            SourceKind::EcsApi,
        )
    };
    let configurations = vec![
        configured(service(0), T0, "web-0:1".to_owned()),
        configured(service(1), now_ms, "web-1:1".to_owned()),
        configured(Arc::new(definition), 0, format!("etl:{}", now_ms / HOUR)),
    ];
    let at = source::snapshot(now_ms);
    Unit {
        rows: Batch {
            configurations,
            instances: (0..3).map(instance).collect(),
            ..Batch::default()
        },
        scope_days: vec![ScopeDay {
            scope: cluster.clone(),
            workload: None,
            source: at,
            day: now_ms / MS_PER_DAY,
            state: State::Snapshot,
            reason: None,
        }],
    }
}

fn size() -> Configuration {
    Configuration {
        launch_type: Some("FARGATE".to_owned()),
        cpu_units: Some(512),
        memory_mib: Some(1024),
        ..Configuration::default()
    }
}

/// What is seen of `world` after each unit of the next collection, of this number, without compactions.
fn unit_by_unit(world: &World, number: i64) -> Vec<Seen> {
    let world = world.copy();
    let mut collector = Collector::begin(world.dataset(), number);
    let mut all = vec![world.seen()];
    for _ in 0..UNITS {
        collector.commit(1);
        all.push(world.seen());
    }
    all
}

/// What becomes of `run` when `between` is done once, before the step of this number; `None` where it has fewer steps.
fn with_at<T>(step: usize, between: impl FnOnce() + 'static, run: impl FnOnce() -> T) -> Option<T> {
    let mut between = Some(between);
    let before = move |number| {
        if number == step {
            between.take().into_iter().for_each(|between| between());
        }
        Ok(())
    };
    let (done, steps) = stepwise(before, run);
    (step < steps).then_some(done)
}

/// A dataset of three collections, once as it is, and once with a compaction of the first two, which is of several parts
/// and large enough to be left alone.
fn compacted() -> (World, World) {
    let (plain, world) = (World::new(), World::new());
    for number in 0..3 {
        for world in [&plain, &world] {
            world.collect(number);
        }
        if number == 1 {
            world.compact(SMALL);
        }
    }
    (plain, world)
}

#[test]
fn compactions_of_compactions_change_nothing() {
    for sizes in [SMALL, Sizes::USUAL] {
        let (plain, world) = (World::new(), World::new());
        for number in 0..7 {
            for world in [&plain, &world] {
                world.collect(number);
            }
            world.compact(sizes);
            same(&world.seen(), &plain.seen(), &format!("{number} {sizes:?}"));
        }
        for day in 0..8 {
            let window = Window {
                from_ms: T0 + day * MS_PER_DAY,
                to_ms: T0 + (day + 1) * MS_PER_DAY,
            };
            let of_day = |world: &World| seen(world.dataset(), Some(window));
            same(&of_day(&world), &of_day(&plain), &format!("day {day}"));
        }
    }
}

#[test]
fn what_stands_for_days_that_are_over_still_counts_when_today_is_collected_again() {
    let parts = |world: &World| {
        let scan = Scan::new(world.dataset()).unwrap();
        scan.parts_without_overlap().unwrap().len()
    };
    let (plain, world) = compacted();
    // Of two services three whole days each, and the day that is not over; the first two days are in a part each.
    assert_eq!((parts(&plain), parts(&world)), (8, 2 + 4));
}

#[test]
fn once_all_is_compacted_there_is_nothing_to_do() {
    for sizes in [SMALL, Sizes::USUAL] {
        let world = World::collected(6);
        let rewritten = || {
            let compacted = compact_by(sizes, world.dataset(), window::resolved).unwrap();
            compacted.before
        };
        assert!(rewritten() > 0);
        let again = (0..4).map(|_| rewritten()).position(|before| before == 0);
        assert!(again.is_some(), "{sizes:?}");
    }
}

#[test]
fn a_collector_that_commits_between_any_two_steps_of_a_compaction_loses_nothing() {
    let (plain, world) = compacted();
    let expected = unit_by_unit(&plain, 3);
    for step in 0.. {
        let before = 1 + step % UNITS;
        let copy = world.copy();
        let collector = Rc::new(RefCell::new(Collector::begin(copy.dataset(), 3)));
        let at_work = collector.clone();
        let between = move || at_work.borrow_mut().commit(before);
        if with_at(step, between, || copy.compact(SMALL)).is_none() {
            assert!(step > 40, "{step} steps");
            break;
        }
        let when = |what: &str| format!("step {step}, {before} units, {what}");
        same(&copy.seen(), &expected[before], &when("compacted"));
        collector.borrow_mut().commit(usize::MAX);
        same(&copy.seen(), &expected[UNITS], &when("collected"));
        copy.compact(SMALL);
        same(&copy.seen(), &expected[UNITS], &when("compacted again"));
    }
}

#[test]
fn a_compaction_between_any_two_steps_of_a_collector_changes_nothing() {
    let (plain, world) = compacted();
    let expected = unit_by_unit(&plain, 3);
    let next = {
        let plain = plain.copy();
        plain.collect(3);
        plain.collect(4);
        plain.seen()
    };
    for step in 0.. {
        let copy = world.copy();
        let mut collector = Collector::begin(copy.dataset(), 3);
        let dataset = copy.dataset();
        let between = move || {
            compact_by(SMALL, dataset, window::resolved).unwrap();
        };
        let collected = with_at(step, between, || {
            collector.commit(usize::MAX);
            collector.end();
        });
        if collected.is_none() {
            assert!(step > 8, "{step} steps");
            break;
        }
        same(&copy.seen(), &expected[UNITS], &format!("step {step}"));
        copy.collect(4);
        same(&copy.seen(), &next, &format!("step {step}, and once more"));
    }
}

#[test]
fn two_compactions_at_once_change_nothing() {
    let (plain, world) = compacted();
    let expected = unit_by_unit(&plain, 3);
    for step in 0.. {
        let copy = world.copy();
        let dataset = copy.dataset();
        // The second one sees a collection that the first one does not, or all that it does.
        let collects = step % 2 == 0;
        let between = move || {
            if collects {
                Collector::begin(dataset, 3).commit(usize::MAX);
            }
            compact_by(SMALL, dataset, window::resolved).unwrap();
        };
        if with_at(step, between, || copy.compact(SMALL)).is_none() {
            break;
        }
        let expected = &expected[if collects { UNITS } else { 0 }];
        same(&copy.seen(), expected, &format!("step {step}"));
        copy.compact(SMALL);
        same(&copy.seen(), expected, &format!("step {step}, again"));
    }
}

#[test]
fn a_compaction_that_ends_at_any_step_changes_nothing_and_is_done_by_the_next() {
    let (plain, world) = compacted();
    let (before, after) = (plain.seen(), unit_by_unit(&plain, 3).pop().unwrap());
    for step in 0.. {
        let copy = world.copy();
        let killed = move |number| {
            if number < step {
                return Ok(());
            }
            Err(Error::new(ErrorKind::Failure, "killed"))
        };
        let run = || compact_by(SMALL, copy.dataset(), window::resolved);
        let (done, _) = stepwise(killed, run);
        same(&copy.seen(), &before, &format!("killed at step {step}"));
        copy.compact(SMALL);
        same(&copy.seen(), &before, &format!("step {step}, done"));
        copy.collect(3);
        same(&copy.seen(), &after, &format!("step {step}, collected"));
        if done.is_ok() {
            break;
        }
    }
}

/// A report that reads while a collector and a compaction are at work sees what was committed up to some moment, and
/// keeps days of which the next report says the same.
#[test]
fn a_report_between_whose_steps_others_write_sees_what_was_committed_until_some_moment() {
    let (plain, world) = compacted();
    let expected = unit_by_unit(&plain, 3);
    let moments = Rc::new(Cell::new(0_usize));
    let mut seen_units = BTreeSet::new();
    for step in 0.. {
        let copy = world.copy();
        let dataset = copy.dataset();
        let count = moments.clone();
        let between = move || {
            count.set(count.get() + 1);
            let mut collector = Collector::begin(dataset, 3);
            collector.commit(1 + step % UNITS);
            compact_by(SMALL, dataset, window::resolved).unwrap();
            collector.commit(usize::MAX);
            compact(dataset, window::resolved).unwrap();
        };
        let report = || seen_by(&Scan::new(dataset).unwrap().keeping_days(), None);
        let Some(found) = with_at(step, between, report) else {
            break;
        };
        let units = expected.iter().position(|expected| *expected == found);
        assert!(units.is_some(), "step {step}: {} rows", found.rows);
        seen_units.extend(units);
        same(
            &copy.seen(),
            &expected[UNITS],
            &format!("after step {step}"),
        );
    }
    assert!(moments.get() > 20, "{} steps", moments.get());
    assert!(
        seen_units.contains(&0) && seen_units.contains(&UNITS),
        "{seen_units:?}"
    );
}

/// Every commit of many collections is repeated in a checkpoint, or read by itself: whoever commits meanwhile.
#[test]
fn a_checkpoint_between_whose_steps_a_collector_commits_hides_nothing() {
    let (plain, world) = compacted();
    for world in [&plain, &world] {
        world.collect(3);
    }
    let expected = unit_by_unit(&plain, 4);
    // With nothing to rewrite, listing and reading the commits is most of it.
    world.compact(SMALL);
    let checkpoints = |world: &World| world.0.path().join("checkpoints");
    fs::remove_dir_all(checkpoints(&world)).unwrap();
    for step in 0.. {
        let copy = world.copy();
        let dataset = copy.dataset();
        let units = 1 + step % UNITS;
        let between = move || Collector::begin(dataset, 4).commit(units);
        let done = with_at(step, between, || copy.compact(SMALL));
        assert!(checkpoints(&copy).is_dir(), "step {step}");
        if done.is_none() {
            break;
        }
        same(&copy.seen(), &expected[units], &format!("step {step}"));
    }
}

/// What the tests above rest on: a step that fails is what becomes of the run.
#[test]
fn a_step_that_fails_ends_a_compaction() {
    let world = World::collected(2);
    let fail = |_| -> Result<()> { Err(Error::new(ErrorKind::Failure, "killed")) };
    let run = || compact(world.dataset(), window::resolved);
    assert!(stepwise(fail, run).0.is_err());
}
