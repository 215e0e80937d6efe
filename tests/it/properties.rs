//! What must hold for any runs at all: one reference biller, windows that add up, an order that does not matter.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use plimsoll::analysis::{self, Analysis, Assessed, Policy};
use plimsoll::dataset::Dataset;
use plimsoll::dataset::scan::Scan;
use plimsoll::dataset::schema::{self, RunRow, SourceKind};
use plimsoll::demand::runs::{latest, rows};
use plimsoll::demand::{self, MeteredMs};
use plimsoll::import::{self, Outcome};
use plimsoll::model::units::{TaskSize, Usd, Window};
use plimsoll::model::workload::{
    Architecture, Configuration, Kind, Os, PurchaseOption, WorkloadKey,
};
use plimsoll::pricing::PriceBook;
use plimsoll::pricing::cost::Amount;
use plimsoll::report::result::{CoverageResult, Report};
use polars::prelude::{Column, DataFrame, NamedFrom, Series};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::reference;
use crate::support::{
    HOUR, MINUTE, SECOND, T0, World, build, definition, event, lines, metric, service, stamp, task,
    with,
};

pub(crate) static BOOK: LazyLock<PriceBook> =
    LazyLock::new(|| PriceBook::embedded().expect("the embedded tables parse"));

/// A run of few hours' length near T0: when it was asked for, waited, ran; `None` while it runs.
#[derive(Debug, Clone)]
struct AnyRun {
    is_build: bool,
    workload: u8,
    size: usize,
    asked: i64,
    wait: i64,
    length: Option<i64>,
    has_pull: bool,
}

const SIZES: [(u32, u32); 3] = [(256, 512), (1024, 2048), (4096, 30_720)];
/// Runs begin within this many milliseconds of T0.
const SPREAD: i64 = 4 * HOUR;

fn any_run() -> impl Strategy<Value = AnyRun> {
    // Lengths near the floors and steps matter most.
    let length = prop_oneof![
        4 => 0..400 * SECOND,
        2 => (0..6_i64, -2..=2_i64).prop_map(|(minutes, off)| (minutes * MINUTE + off).max(0)),
        2 => 0..3 * HOUR,
    ];
    (
        any::<bool>(),
        0..3_u8,
        0..SIZES.len(),
        0..SPREAD,
        0..30 * SECOND,
        prop::option::weighted(0.85, length),
        prop::bool::weighted(0.9),
    )
        .prop_map(
            |(is_build, workload, size, asked, wait, length, has_pull)| AnyRun {
                is_build,
                workload,
                size,
                asked: T0 + asked,
                wait,
                length,
                has_pull,
            },
        )
}

impl AnyRun {
    /// When the meter starts: pull or PROVISIONING, else what is known instead.
    fn start(&self) -> i64 {
        if self.has_pull || !self.is_build {
            self.asked + self.wait
        } else {
            self.asked
        }
    }

    fn end(&self) -> Option<i64> {
        self.length.map(|length| self.asked + self.wait + length)
    }

    fn key(&self) -> WorkloadKey {
        let (kind, cluster) = if self.is_build {
            (Kind::Build, "")
        } else {
            (Kind::Task, "batch")
        };
        let name = format!("w{}", self.workload);
        WorkloadKey {
            account: "123456789012".into(),
            region: "us-east-1".into(),
            kind,
            cluster: cluster.into(),
            name,
        }
    }

    fn row(&self, number: usize) -> RunRow {
        let metered_from = self.has_pull.then_some(self.asked + self.wait);
        RunRow {
            workload: Arc::new(self.key()),
            run_id: format!("run-{number}"),
            version: 1,
            task_definition: None,
            configuration: Configuration {
                cpu_units: Some(SIZES[self.size].0),
                memory_mib: Some(SIZES[self.size].1),
                launch_type: Some(
                    if self.is_build {
                        "CODEBUILD"
                    } else {
                        "FARGATE"
                    }
                    .to_owned(),
                ),
                ..Configuration::default()
            },
            created_ms: Some(self.asked),
            pull_started_ms: metered_from.filter(|_| !self.is_build),
            pull_stopped_ms: None,
            provisioning_ms: metered_from.filter(|_| self.is_build),
            started_ms: (!self.is_build).then_some(self.asked + self.wait),
            stopped_ms: self.end(),
            last_seen_ms: None,
            timeout_min: None,
            left_queue: None,
            stop_code: None,
            out_of_memory: false,
            killed: Vec::new(),
            source: if self.is_build {
                SourceKind::CodebuildApi
            } else {
                SourceKind::TaskEvents
            },
        }
    }

    /// The same run as AWS writes it.
    fn record(&self, number: usize) -> Value {
        let (name, id, pulled) = (
            format!("w{}", self.workload),
            format!("run-{number}"),
            self.asked + self.wait,
        );
        if self.is_build {
            let record = build(&name, &id, pulled, self.end().unwrap_or(pulled));
            let record = with(record, json!({ "startTime": stamp(self.asked) }));
            let record = if self.has_pull {
                record
            } else {
                with(record, json!({ "phases": [] }))
            };
            return match self.length {
                Some(_) => record,
                None => with(
                    record,
                    json!({ "endTime": null, "buildComplete": false, "phases": record_phases(self, pulled) }),
                ),
            };
        }
        let (cpu, memory) = SIZES[self.size];
        let change = json!({ "cpu": cpu.to_string(), "memory": memory.to_string(), "createdAt": stamp(self.asked), "startedAt": stamp(pulled) });
        let record = with(task(&name, &id, pulled, self.end()), change);
        event(&if self.has_pull {
            record
        } else {
            with(record, json!({ "pullStartedAt": null }))
        })
    }

    /// What the plain biller takes for the run if it ended at `end_ms`.
    fn usd(&self, end_ms: i64, window: Window) -> Decimal {
        let metered = self.metered(end_ms, window);
        if self.is_build {
            return Decimal::from(metered.minute) * Decimal::new(5, 3) / Decimal::from(MINUTE);
        }
        let (cpu, memory) = SIZES[self.size];
        let fargate = BOOK
            .fargate(
                "us-east-1",
                Os::Linux,
                Architecture::X86_64,
                PurchaseOption::OnDemand,
            )
            .expect("priced");
        // Billed per second, so a part of one at a border costs its share.
        let second = reference::fargate_usd(fargate, TaskSize::new(cpu, memory), 20, 1);
        second * Decimal::from(metered.second_floor_60) / Decimal::from(SECOND)
    }

    /// Billed time under every rule, second by second and minute by minute; without an end, up to that of the window.
    fn reference(&self, window: Window) -> MeteredMs {
        self.metered(self.end().unwrap_or(window.to_ms), window)
    }

    fn metered(&self, end_ms: i64, window: Window) -> MeteredMs {
        let end = end_ms.max(self.start());
        let inside = |from: i64, billed_ms: i64| window.overlap_ms(from, from + billed_ms);
        let seconds = |at_least| {
            inside(
                self.start(),
                reference::billed_seconds(end - self.start(), at_least) * SECOND,
            )
        };
        let minutes = |from: i64| inside(from, reference::billed_minutes(end - from) * MINUTE);
        MeteredMs {
            elapsed: inside(self.start(), end - self.start()),
            second_floor_60: seconds(60),
            second_floor_300: seconds(300),
            minute: minutes(self.start()),
            minute_with_queue: minutes(if self.is_build {
                self.asked
            } else {
                self.start()
            }),
            second: seconds(1),
        }
    }
}

fn record_phases(run: &AnyRun, pulled: i64) -> Value {
    if run.has_pull {
        json!([{ "phaseType": "PROVISIONING", "startTime": stamp(pulled) }])
    } else {
        json!([])
    }
}

fn plus(a: MeteredMs, b: MeteredMs) -> MeteredMs {
    MeteredMs {
        elapsed: a.elapsed + b.elapsed,
        second_floor_60: a.second_floor_60 + b.second_floor_60,
        second_floor_300: a.second_floor_300 + b.second_floor_300,
        minute: a.minute + b.minute,
        minute_with_queue: a.minute_with_queue + b.minute_with_queue,
        second: a.second + b.second,
    }
}

type Metered = BTreeMap<(WorkloadKey, Option<u32>), MeteredMs>;

/// What the rows of the runs are metered as, when those without an end go on.
fn fast(runs: &[AnyRun], window: Window) -> Metered {
    let table: Vec<RunRow> = runs
        .iter()
        .enumerate()
        .map(|(number, run)| run.row(number))
        .collect();
    let mut frame: DataFrame = schema::runs(&table).expect("a frame");
    for (name, value) in [("account", "123456789012"), ("region", "us-east-1")] {
        let column: Column = Series::new(name.into(), vec![value; table.len()]).into();
        frame.with_column(column).expect("a column");
    }
    let mut sums = Metered::new();
    for run in rows(&latest(frame).expect("reduced").frame).expect("rows") {
        let start_ms = run.start_ms().expect("every one started");
        let end_ms = run.stopped_ms.unwrap_or(window.to_ms).max(start_ms);
        let key = ((*run.workload).clone(), run.configuration.cpu_units);
        *sums.entry(key).or_default() += MeteredMs::of(start_ms, end_ms, run.queued_ms(), window);
    }
    without_zeros(sums)
}

/// Nothing billed under any rule is the same as not listed.
fn without_zeros(mut sums: Metered) -> Metered {
    sums.retain(|_, metered| *metered != MeteredMs::default());
    sums
}

/// What the plain biller makes of them.
fn slow(runs: &[AnyRun], window: Window) -> Metered {
    let mut sums = Metered::new();
    for run in runs {
        let sum = sums
            .entry((run.key(), Some(SIZES[run.size].0)))
            .or_default();
        *sum = plus(*sum, run.reference(window));
    }
    without_zeros(sums)
}

fn window_within(from: i64, length: i64) -> Window {
    Window {
        from_ms: T0 + from,
        to_ms: T0 + from + length,
    }
}

/// Two windows side by side.
fn any_split() -> impl Strategy<Value = (i64, i64, i64)> {
    (0..SPREAD, 1..2 * HOUR, 1..2 * HOUR).prop_map(|(from, first, second)| {
        (T0 + from, T0 + from + first, T0 + from + first + second)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn runs_are_metered_as_by_the_plain_biller(runs in prop::collection::vec(any_run(), 1..20), from in -HOUR..SPREAD, length in 1..8 * HOUR) {
        let window = window_within(from, length);
        prop_assert_eq!(fast(&runs, window), slow(&runs, window));
    }

    #[test]
    fn a_split_window_meters_the_whole(runs in prop::collection::vec(any_run(), 1..20), (from, border, to) in any_split()) {
        let of = |from_ms, to_ms| fast(&runs, Window { from_ms, to_ms });
        let mut sums = of(from, border);
        for (key, metered) in of(border, to) {
            let sum = sums.entry(key).or_default();
            *sum = plus(*sum, metered);
        }
        prop_assert_eq!(sums, of(from, to));
    }

    #[test]
    fn the_order_of_runs_does_not_matter([runs, shuffled] in any_order(prop::collection::vec(any_run(), 1..12))) {
        let window = window_within(0, 8 * HOUR);
        prop_assert_eq!(fast(&runs, window), fast(&shuffled, window));
    }
}

/// Items in their order and in another one.
fn any_order<T: Clone + std::fmt::Debug + 'static>(
    items: impl Strategy<Value = Vec<T>>,
) -> impl Strategy<Value = [Vec<T>; 2]> {
    items
        .prop_flat_map(|items| (Just(items.clone()), Just(items).prop_shuffle()))
        .prop_map(|(items, shuffled)| [items, shuffled])
}

/// The library's way from files of records to what an analysis finds, imported in their order; the window is what the
/// dataset holds unless given.
pub(crate) fn analysed(
    files: &[&[Value]],
    window: Option<(i64, i64)>,
    book: &PriceBook,
) -> Option<Analysis> {
    let world = World::new();
    let dataset = Dataset::at(&world.path("dataset").display().to_string()).expect("a folder");
    for (number, records) in files.iter().enumerate() {
        let name = format!("records-{number}.jsonl");
        world.write(&name, lines(records));
        let inputs = import::inputs(&[world.path(&name)], &dataset).expect("there");
        for file in import::import(
            &inputs,
            &dataset,
            i64::MAX,
            &plimsoll::model::tags::TagKeys::default(),
            &|_| {},
        )
        .expect("imported")
        {
            let Outcome::Imported(tally) = file.outcome else {
                panic!("{:?}", file.outcome)
            };
            assert_eq!(
                (tally.read, tally.rejected_total()),
                (tally.accepted, 0),
                "{:?}",
                tally.rejected
            );
        }
    }
    let scan = Scan::new(&dataset).expect("a dataset");
    let reduced = demand::reduce(
        &scan,
        window.map(|(from, _)| from),
        window.map(|(_, to)| to),
    )
    .ok()?;
    let mut policy = Policy::default();
    policy.rightsize.min_days = 1;
    policy.rightsize.min_samples = 1;
    Some(analysis::analyse(reduced, book, &policy, |_| true))
}

fn report(records: &[Value], window: Option<(i64, i64)>) -> Option<Report> {
    reported(records, window, &BOOK).map(|(_, report)| report)
}

/// What an analysis finds in one file of records, and the same as a report.
pub(crate) fn reported(
    records: &[Value],
    window: Option<(i64, i64)>,
    book: &PriceBook,
) -> Option<(Analysis, Report)> {
    let analysis = analysed(&[records], window, book)?;
    let coverage = CoverageResult {
        sources: 1,
        complete_scope_days: 1,
        partial_scope_days: 0,
        missed_scope_days: 0,
        rows: analysis.rows,
        duplicate_rows: analysis.duplicates,
        conflicting_rows: analysis.conflicts,
        fingerprint: String::new(),
        notes: Vec::new(),
    };
    let report = Report::of(&analysis, book, coverage);
    Some((analysis, report))
}

/// Measured cost per workload; nothing where nothing ran.
fn amounts(records: &[Value], window: (i64, i64)) -> BTreeMap<String, Amount> {
    amounts_seen(records, window).unwrap_or_default()
}

/// Measured cost per workload; `None` where the window is refused because nothing was seen in it.
fn amounts_seen(records: &[Value], window: (i64, i64)) -> Option<BTreeMap<String, Amount>> {
    let analysis = analysed(&[records], Some(window), &BOOK)?;
    let of = |workload: Assessed| {
        let key = &workload.demand.workload;
        let name = format!("{:?} {}", key.kind, key.name);
        (
            name,
            workload.measured_cost.unwrap_or_else(|_| Amount::zero()),
        )
    };
    Some(analysis.workloads.into_iter().map(of).collect())
}

/// Random readings of a service that was resized once.
fn any_readings() -> impl Strategy<Value = Vec<Value>> {
    let reading = (0.0..120.0_f64, 0.0..110.0_f64, 1..5_u32);
    (prop::collection::vec(reading, 10..60), 0..4 * HOUR).prop_map(|(readings, resized)| {
        let mut records = vec![json!({ "services": [service("web", &[(T0 + resized, "web:2"), (T0 - HOUR, "web:1")])] })];
        records.extend([definition("web:1", 1024, 4096), definition("web:2", 512, 2048)]);
        for (at, (cpu, memory, tasks)) in (0..).map(|i| T0 + i * 5 * MINUTE).zip(readings) {
            records.push(metric("web", "CPUUtilization", at, (cpu * 100.0).round() / 100.0, tasks));
            records.push(metric("web", "MemoryUtilization", at, (memory * 100.0).round() / 100.0, tasks));
        }
        records
    })
}

pub(crate) fn any_records() -> impl Strategy<Value = Vec<Value>> {
    (prop::collection::vec(any_run(), 1..15), any_readings()).prop_map(|(runs, readings)| {
        runs.iter()
            .enumerate()
            .map(|(number, run)| run.record(number))
            .chain(readings)
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_split_window_costs_the_whole(records in any_records(), (from, border, to) in any_split()) {
        // Readings belong to the window in which they begin, so that a border between them splits nothing.
        let (first, second, whole) = (amounts_seen(&records, (from, border)), amounts_seen(&records, (border, to)), amounts(&records, (from, to)));
        // A part in which nothing was seen is refused, and one in which nothing of a workload was seen tells no more than that
        // it cost something or nothing: what may have gone on in it is in the whole alone.
        let is_unseen = |part: Option<&Amount>| part.is_some_and(|cost| cost.usd == Usd::ZERO && cost.high.is_none());
        for (name, whole) in whole {
            let parts_seen = [&first, &second].map(|part| part.as_ref().is_some_and(|part| !is_unseen(part.get(&name))));
            let compared = if parts_seen == [true; 2] { 3 } else { 1 };
            let parts: Amount = [&first, &second].into_iter().flatten().filter_map(|part| part.get(&name)).cloned().sum();
            let ends = |amount: &Amount| [Some(amount.low), Some(amount.usd), amount.high].map(|usd| usd.map(Usd::amount));
            for (parts, whole) in ends(&parts).into_iter().zip(ends(&whole)).take(compared) {
                let off = parts.zip(whole).map_or(Decimal::ZERO, |(parts, whole)| (parts - whole).abs());
                prop_assert!(off <= Decimal::new(1, 8) && parts.is_some() == whole.is_some(), "{}: {:?} is not {:?}", name, parts, whole);
            }
        }
    }

    #[test]
    fn the_order_of_lines_does_not_matter([records, shuffled] in any_order(any_records())) {
        let json = |records: &[Value]| serde_json::to_string(&report(records, None).expect("something ran")).expect("JSON");
        prop_assert_eq!(json(&records), json(&shuffled));
    }

    #[test]
    fn savings_never_exceed_the_cost_and_no_cost_is_negative(records in any_records()) {
        let report = report(&records, None).expect("something ran");
        prop_assert!(report.totals.monthly_savings_usd <= report.totals.going_rate.usd);
        prop_assert!(report.totals.measured_cost.usd >= Usd::ZERO);
        for workload in &report.workloads {
            let paid = workload.current.going_rate.as_ref().map_or(Usd::ZERO, |rate| rate.usd);
            prop_assert!(paid >= Usd::ZERO && workload.monthly_savings_usd.is_none_or(|saved| saved <= paid), "{}", workload.name);
            prop_assert!(workload.placements.iter().filter_map(|placement| placement.going_rate.as_ref()).all(|rate| rate.usd >= Usd::ZERO));
        }
    }

    #[test]
    fn the_whole_way_bills_like_the_plain_biller(runs in prop::collection::vec(any_run(), 1..15), from in -HOUR..SPREAD, length in 1..8 * HOUR) {
        let window = window_within(from, length);
        let records: Vec<Value> = runs.iter().enumerate().map(|(number, run)| run.record(number)).collect();
        let found = amounts(&records, (window.from_ms, window.to_ms));
        let mut expected: BTreeMap<String, [Decimal; 2]> = BTreeMap::new();
        let last_ms = last_event_ms(&runs);
        // Little time between the last event and the end of the window need be without one; else nobody knows.
        let seen_ms = if last_ms + 5 * MINUTE < window.to_ms { last_ms } else { last_ms.max(window.to_ms) };
        for run in &runs {
            // The record of a build without an end tells nothing behind its start; CodeBuild ends it after 36 hours.
            let last_ms = if run.is_build { run.start() + 36 * HOUR } else { seen_ms };
            let sum = expected.entry(format!("{:?} w{}", run.key().kind, run.workload)).or_default();
            sum[0] += run.usd(run.end().unwrap_or(run.asked + run.wait), window);
            sum[1] += run.usd(run.end().unwrap_or(last_ms), window);
        }
        for (name, cost) in found {
            let [low, high] = expected[&name];
            let is_near = |a: Decimal, b: Decimal| (a - b).abs() <= Decimal::new(1, 10);
            prop_assert!(is_near(cost.low.amount(), low), "{}: at least {}, not {:?}", name, low, cost.low);
            prop_assert!(cost.high.is_none_or(|most| is_near(most.amount(), high)), "{}: at most {}, not {:?}", name, high, cost.high);
            prop_assert!(cost.low <= cost.usd && cost.high.is_none_or(|most| cost.usd <= most), "{}: {:?}", name, cost);
            if low == high {
                prop_assert!(is_near(cost.usd.amount(), low), "{}: {:?} is not {}", name, cost.usd, low);
            }
        }
    }
}

/// The last time in the events about tasks.
fn last_event_ms(runs: &[AnyRun]) -> i64 {
    let tasks = runs.iter().filter(|run| !run.is_build);
    let last = tasks.map(|run| run.end().unwrap_or(run.asked + run.wait));
    last.max().unwrap_or_default()
}
