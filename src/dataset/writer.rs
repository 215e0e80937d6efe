//! Rows on their way into the dataset: buffered, ordered, written as parts, and committed together at the end.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use polars::prelude::{DataFrame, PolarsError};

use super::log::Committer;
use super::part::{self, Beside, Partition, SeriesSummary, Stretch, Summary};
use super::schema::{
    self, ConfigurationRow, CoverageRow, InstanceRow, METRIC_PERIOD_S, Metric, RunRow, SampleRow,
    State,
};
use super::{Dataset, Table};
use crate::dataset::batch::{Batch, SKEW_MS};
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::units::MS_PER_DAY;
use crate::model::workload::{Kind as WorkloadKind, WorkloadKey};

/// Rows held before they are written: what bounds memory.
const MOST_SAMPLES: usize = 400_000;
const MOST_RUNS: usize = 50_000;
/// Rows that a stretch of samples has to have, on average, to be worth a place in the footer.
const LONG: usize = 100;
/// Samples that take as much memory as a run.
const RUN_WEIGHT: usize = 6;
/// The scope of builds in the coverage table.
pub(crate) const BUILD_SCOPE: &str = "codebuild";

/// Collects the rows of one source.
pub(crate) struct Writer<'d> {
    dataset: &'d Dataset,
    configurations: Vec<ConfigurationRow>,
    runs: Vec<RunRow>,
    instances: Vec<InstanceRow>,
    seen: BTreeMap<(Arc<WorkloadKey>, String), RunRow>,
    samples: Vec<SampleRow>,
    workloads: HashMap<WorkloadKey, Arc<WorkloadKey>>,
    run_names: HashMap<String, Arc<str>>,
    written: BTreeMap<Partition, Share>,
    /// The latest time that a row may tell.
    limit_ms: i64,
}

/// What was written into one partition.
#[derive(Default)]
struct Share {
    parts: BTreeSet<String>,
    /// By scope, day and name of the workload.
    days: BTreeMap<(String, i64, String), Day>,
}

impl Share {
    /// What an import commits of a scope-day.
    fn row(
        &self,
        (scope, day): (&str, i64),
        source: &str,
        reason: Option<&str>,
        parts: &str,
    ) -> CoverageRow {
        let totals = self.totals(scope, day, None);
        // Configurations are dated to when they began: on such a day alone nothing was seen.
        let state = match reason {
            _ if !totals.is_seen => State::Snapshot,
            Some(_) => State::Partial,
            None => State::Complete,
        };
        CoverageRow {
            scope: scope.to_owned(),
            source: source.to_owned(),
            day: date(day),
            state: state.as_str().to_owned(),
            reason: reason.map(str::to_owned),
            rows: totals.rows,
            period_s: totals.period_s,
            collected_ms: None,
            parts: parts.to_owned(),
        }
    }

    /// What was written of a scope-day, or of one workload on it.
    fn totals(&self, scope: &str, day: i64, workload: Option<&str>) -> Day {
        if scope.starts_with('/') {
            // A log group, whose records are about any cluster.
            let of_day = self.days.iter().filter(|((_, on, _), _)| *on == day);
            return of_day.fold(Day::default(), |sum, (_, day)| sum.with(*day));
        }
        let from = (
            scope.to_owned(),
            day,
            workload.unwrap_or_default().to_owned(),
        );
        let of_day = self.days.range(from..).take_while(|((of, on, name), _)| {
            of == scope && *on == day && workload.is_none_or(|workload| workload == name)
        });
        of_day.fold(Day::default(), |sum, (_, day)| sum.with(*day))
    }
}

/// The parts of one source, written and waiting for their commit.
#[derive(Default)]
pub(crate) struct Written {
    partitions: BTreeMap<Partition, Share>,
}

/// What a collection says of one scope on one UTC day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScopeDay {
    /// Cluster name, log group, or [`BUILD_SCOPE`].
    pub(crate) scope: String,
    /// The one workload of the scope that it is about; `None` for all of the scope.
    pub(crate) workload: Option<String>,
    /// What was read, as the coverage table names it.
    pub(crate) source: String,
    /// Days since the epoch.
    pub(crate) day: i64,
    /// How much of it was seen.
    pub(crate) state: State,
    /// Why it is not complete.
    pub(crate) reason: Option<String>,
}

impl Written {
    /// Rows written.
    pub(crate) fn rows(&self) -> i64 {
        self.partitions
            .values()
            .flat_map(|share| share.days.values())
            .map(|day| day.rows)
            .sum()
    }

    /// Rows of what a scope-day is about.
    pub(crate) fn rows_of(&self, account: &str, region: &str, scope_day: &ScopeDay) -> i64 {
        let month = date(scope_day.day)[..7].to_owned();
        let partition = Partition {
            account: account.to_owned(),
            region: region.to_owned(),
            month,
        };
        let share = self.partitions.get(&partition);
        share.map_or(0, |share| {
            share
                .totals(
                    &scope_day.scope,
                    scope_day.day,
                    scope_day.workload.as_deref(),
                )
                .rows
        })
    }

    /// Commits every scope-day that has rows under `source`, partial when there is a reason: all of them or none.
    pub(crate) fn commit(
        &self,
        committer: &mut Committer<'_>,
        source: &str,
        reason: Option<&str>,
    ) -> Result<()> {
        let rows_of = |share: &Share| -> Vec<CoverageRow> {
            let parts: Vec<&str> = share.parts.iter().map(String::as_str).collect();
            let parts = parts.join(";");
            let scope_days: BTreeSet<(&str, i64)> = share
                .days
                .keys()
                .map(|(scope, day, _)| (scope.as_str(), *day))
                .collect();
            scope_days
                .into_iter()
                .map(|of| share.row(of, source, reason, &parts))
                .collect()
        };
        let partitions = self
            .partitions
            .iter()
            .map(|(partition, share)| (partition.clone(), rows_of(share)));
        committer.append_whole(&partitions.collect())
    }

    /// Commits what a collection says of each of its days, with rows or without, in one account and region.
    ///
    /// A day stands on the parts of its month, and on those of months that no scope-day is about: definitions that
    /// hold always, runs that began long ago.
    pub(crate) fn commit_scope_days(
        &self,
        committer: &mut Committer<'_>,
        account: &str,
        region: &str,
        collected_ms: i64,
        scope_days: &[ScopeDay],
    ) -> Result<()> {
        let mut months: BTreeMap<String, Vec<&ScopeDay>> = BTreeMap::new();
        for scope_day in scope_days {
            months
                .entry(date(scope_day.day)[..7].to_owned())
                .or_default()
                .push(scope_day);
        }
        let elsewhere = self
            .partitions
            .iter()
            .filter(|(partition, _)| !months.contains_key(&partition.month));
        let elsewhere: Vec<&str> = elsewhere
            .flat_map(|(_, share)| share.parts.iter().map(String::as_str))
            .collect();
        for (month, scope_days) in &months {
            let partition = Partition {
                account: account.to_owned(),
                region: region.to_owned(),
                month: month.clone(),
            };
            let share = self.partitions.get(&partition);
            let parts = |day: &str| {
                let own = share
                    .into_iter()
                    .flat_map(|share| share.parts.iter().map(String::as_str));
                own.filter(|part| may_hold(part, day))
                    .chain(elsewhere.iter().copied())
                    .collect::<Vec<_>>()
                    .join(";")
            };
            let row = |scope_day: &&ScopeDay| {
                let totals = share.map(|share| {
                    share.totals(
                        &scope_day.scope,
                        scope_day.day,
                        scope_day.workload.as_deref(),
                    )
                });
                let totals = totals.unwrap_or_default();
                CoverageRow {
                    scope: scope_day.scope.clone(),
                    source: scope_day.source.clone(),
                    day: date(scope_day.day),
                    state: scope_day.state.as_str().to_owned(),
                    reason: scope_day.reason.clone(),
                    rows: totals.rows,
                    period_s: totals.period_s,
                    collected_ms: Some(collected_ms),
                    parts: parts(&date(scope_day.day)),
                }
            };
            committer.append(&partition, &scope_days.iter().map(row).collect::<Vec<_>>())?;
        }
        Ok(())
    }
}

#[derive(Default, Clone, Copy)]
struct Day {
    rows: i64,
    period_s: Option<i64>,
    /// Some of the rows are runs or samples.
    is_seen: bool,
}

impl Day {
    fn with(self, other: Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            period_s: self.period_s.max(other.period_s),
            is_seen: self.is_seen || other.is_seen,
        }
    }
}

impl<'d> Writer<'d> {
    pub(crate) fn new(dataset: &'d Dataset) -> Self {
        Self {
            dataset,
            configurations: Vec::new(),
            runs: Vec::new(),
            instances: Vec::new(),
            seen: BTreeMap::new(),
            samples: Vec::new(),
            workloads: HashMap::new(),
            run_names: HashMap::new(),
            written: BTreeMap::new(),
            limit_ms: i64::MAX,
        }
    }

    /// The same, for records made until `now_ms`.
    pub(crate) fn until(self, now_ms: i64) -> Self {
        Self {
            limit_ms: now_ms.saturating_add(SKEW_MS),
            ..self
        }
    }

    /// True for a time that no record made until now can tell.
    pub(crate) const fn is_too_late(&self, at_ms: i64) -> bool {
        at_ms > self.limit_ms
    }

    /// One shared key per workload.
    pub(crate) fn workload(
        &mut self,
        account: &str,
        region: &str,
        kind: WorkloadKind,
        cluster: &str,
        name: &str,
    ) -> Arc<WorkloadKey> {
        let key = WorkloadKey {
            account: account.to_owned(),
            region: region.to_owned(),
            kind,
            cluster: cluster.to_owned(),
            name: name.to_owned(),
        };
        if let Some(known) = self.workloads.get(&key) {
            return known.clone();
        }
        let shared = Arc::new(key.clone());
        self.workloads.insert(key, shared.clone());
        shared
    }

    /// One shared name per run.
    pub(crate) fn run_name(&mut self, run: &str) -> Arc<str> {
        if let Some(known) = self.run_names.get(run) {
            return known.clone();
        }
        let shared: Arc<str> = run.into();
        self.run_names.insert(run.to_owned(), shared.clone());
        shared
    }

    /// Takes the rows of `batch`; of a run told minute by minute only the last sighting is kept.
    pub(crate) fn add(&mut self, batch: Batch) -> Result<()> {
        let Batch {
            configurations,
            runs,
            sightings,
            samples,
            instances,
        } = batch;
        self.configurations.extend(configurations);
        self.runs.extend(runs);
        self.instances.extend(instances);
        for row in sightings {
            self.seen(row);
        }
        self.samples.extend(samples);
        if self.configurations.len() >= MOST_RUNS {
            self.write_configurations()?;
        }
        if self.runs.len() >= MOST_RUNS {
            self.write_runs()?;
        }
        if self.samples.len() >= MOST_SAMPLES {
            self.write_samples()
        } else {
            Ok(())
        }
    }

    /// What is held in memory, in samples: a run weighs as much as several.
    pub(crate) fn held(&self) -> usize {
        self.samples.len() + RUN_WEIGHT * self.runs.len()
    }

    /// Writes what is held in memory, but for sightings, of which more may come.
    pub(crate) fn write_held(&mut self) -> Result<()> {
        self.write_runs()?;
        self.write_samples()
    }

    fn seen(&mut self, row: RunRow) {
        let key = (row.workload.clone(), row.run_id.clone());
        match self.seen.get_mut(&key) {
            Some(known) if known.last_seen_ms >= row.last_seen_ms => {}
            Some(known) => *known = row,
            None => drop(self.seen.insert(key, row)),
        }
    }

    pub(crate) fn sample(&mut self, row: SampleRow) -> Result<()> {
        self.samples.push(row);
        if self.samples.len() >= MOST_SAMPLES {
            self.write_samples()
        } else {
            Ok(())
        }
    }

    /// Writes what is left; nothing counts before it is committed. Samples of the days `apart` get parts of their own:
    /// when such a day is collected again, nothing of it stays behind in a part that other days stand on.
    pub(crate) fn finish(mut self, apart: &BTreeSet<i64>) -> Result<Written> {
        let seen = std::mem::take(&mut self.seen);
        self.runs.extend(seen.into_values());
        self.write_configurations()?;
        self.write_runs()?;
        self.write_instances()?;
        let mut samples: BTreeMap<Option<i64>, Vec<SampleRow>> = BTreeMap::new();
        for row in std::mem::take(&mut self.samples) {
            samples
                .entry(Some(day(row.at_ms)).filter(|day| apart.contains(day)))
                .or_default()
                .push(row);
        }
        for samples in samples.into_values() {
            self.samples = samples;
            self.write_samples()?;
        }
        Ok(Written {
            partitions: self.written,
        })
    }

    fn write_configurations(&mut self) -> Result<()> {
        let mut rows = std::mem::take(&mut self.configurations);
        rows.sort();
        rows.dedup();
        for (partition, rows) in by_partition(rows, |row| (&row.workload, row.from_ms)) {
            let days = rows
                .iter()
                .map(|row| RowDay::of(&row.workload, row.from_ms, None));
            self.write(
                Table::Workloads,
                &partition,
                &days.collect::<Vec<_>>(),
                schema::configurations(&rows),
                Beside::Nothing,
            )?;
        }
        Ok(())
    }

    fn write_runs(&mut self) -> Result<()> {
        let mut rows = std::mem::take(&mut self.runs);
        rows.sort();
        rows.dedup();
        for (partition, rows) in by_partition(rows, |row| (&row.workload, begin_ms(row))) {
            let days = rows
                .iter()
                .map(|row| RowDay::of(&row.workload, begin_ms(row), None));
            self.write(
                Table::Runs,
                &partition,
                &days.collect::<Vec<_>>(),
                schema::runs(&rows),
                Beside::Nothing,
            )?;
        }
        Ok(())
    }

    fn write_instances(&mut self) -> Result<()> {
        let mut rows = std::mem::take(&mut self.instances);
        rows.sort();
        rows.dedup();
        let mut partitions: BTreeMap<Partition, Vec<InstanceRow>> = BTreeMap::new();
        for row in rows {
            let month = date(day(row.seen_ms))[..7].to_owned();
            let partition = Partition {
                account: row.account.clone(),
                region: row.region.clone(),
                month,
            };
            partitions.entry(partition).or_default().push(row);
        }
        for (partition, rows) in partitions {
            let days: Vec<_> = rows
                .iter()
                .map(|row| RowDay {
                    scope: &row.cluster,
                    workload: "",
                    day: day(row.seen_ms),
                    period_s: None,
                })
                .collect();
            self.write(
                Table::Instances,
                &partition,
                &days,
                schema::instances(&rows),
                Beside::Nothing,
            )?;
        }
        Ok(())
    }

    fn write_samples(&mut self) -> Result<()> {
        let mut rows = std::mem::take(&mut self.samples);
        rows.sort_by(SampleRow::order);
        rows.dedup_by(|later, earlier| earlier.same_reading(later));
        for (partition, rows) in by_partition(rows, |row| (&row.workload, row.at_ms)) {
            let days = rows
                .iter()
                .map(|row| RowDay::of(&row.workload, row.at_ms, row.period_s.map(i64::from)));
            let summary = summary(&rows);
            self.write(
                Table::Samples,
                &partition,
                &days.collect::<Vec<_>>(),
                schema::samples(&rows),
                Beside::Summary(&summary),
            )?;
        }
        Ok(())
    }

    fn write(
        &mut self,
        table: Table,
        partition: &Partition,
        days: &[RowDay<'_>],
        frame: Result<DataFrame, PolarsError>,
        beside: Beside<'_>,
    ) -> Result<()> {
        let mut frame = frame
            .map_err(|cause| Error::new(ErrorKind::Failure, "cannot build a part").cause(cause))?;
        let (Some(first), Some(last)) = (
            days.iter().map(|told| told.day).min(),
            days.iter().map(|told| told.day).max(),
        ) else {
            return Ok(());
        };
        let part = part::write(
            &self.dataset.storage,
            table,
            partition,
            (&date(first), &date(last)),
            &mut frame,
            beside,
        )?;
        let written = self.written.entry(partition.clone()).or_default();
        written.parts.insert(part);
        // Neighbouring rows mostly share their day: look it up once per stretch.
        for stretch in
            days.chunk_by(|a, b| (a.day, a.workload, a.scope) == (b.day, b.workload, b.scope))
        {
            let RowDay {
                scope,
                workload,
                day,
                ..
            } = stretch[0];
            let totals = written
                .days
                .entry((scope.to_owned(), day, workload.to_owned()))
                .or_default();
            let rows = i64::try_from(stretch.len()).unwrap_or(i64::MAX);
            *totals = totals.with(Day {
                rows,
                period_s: stretch.iter().filter_map(|told| told.period_s).max(),
                is_seen: matches!(table, Table::Runs | Table::Samples),
            });
        }
        Ok(())
    }
}

/// Adds samples that no file of AWS holds, as the import of a content called `name`.
pub fn add_samples(dataset: &Dataset, name: &str, rows: Vec<SampleRow>) -> Result<()> {
    let mut writer = Writer::new(dataset);
    for row in rows {
        writer.sample(row)?;
    }
    let written = writer.finish(&BTreeSet::new())?;
    let mut log = Committer::new(dataset);
    written.commit(&mut log, &format!("import:{name}"), None)?;
    log.close()
}

/// What the totals need to know of a row.
struct RowDay<'r> {
    scope: &'r str,
    workload: &'r str,
    day: i64,
    period_s: Option<i64>,
}

impl<'r> RowDay<'r> {
    fn of(workload: &'r WorkloadKey, at_ms: i64, period_s: Option<i64>) -> Self {
        Self {
            scope: scope(workload),
            workload: &workload.name,
            day: day(at_ms),
            period_s,
        }
    }
}

/// False for a part of samples whose name tells that the day is not in it.
fn may_hold(part: &str, day: &str) -> bool {
    let name = part
        .strip_prefix("samples/")
        .and_then(|part| part.rsplit('/').next())
        .unwrap_or_default();
    match name.split('_').collect::<Vec<_>>()[..] {
        [first, last, _] => (first..=last).contains(&day),
        _ => true,
    }
}

/// The time that decides in which month a run is stored.
fn begin_ms(run: &RunRow) -> i64 {
    let times = [
        run.created_ms,
        run.pull_started_ms,
        run.started_ms,
        run.stopped_ms,
        run.last_seen_ms,
    ];
    times.into_iter().flatten().next().unwrap_or_default()
}

fn scope(workload: &WorkloadKey) -> &str {
    if workload.kind == WorkloadKind::Build {
        BUILD_SCOPE
    } else {
        &workload.cluster
    }
}

const fn day(ms: i64) -> i64 {
    ms.div_euclid(MS_PER_DAY)
}

/// `YYYY-MM-DD` of a day since the epoch.
pub(crate) fn date(day: i64) -> String {
    let time =
        jiff::Timestamp::from_millisecond(day.saturating_mul(MS_PER_DAY)).unwrap_or_default();
    time.strftime("%Y-%m-%d").to_string()
}

fn by_partition<R>(
    rows: Vec<R>,
    key: impl Fn(&R) -> (&Arc<WorkloadKey>, i64),
) -> BTreeMap<Partition, Vec<R>> {
    let mut partitions: BTreeMap<Partition, Vec<R>> = BTreeMap::new();
    let mut months: HashMap<i64, String> = HashMap::new();
    for row in rows {
        let (workload, at_ms) = key(&row);
        let month = months
            .entry(day(at_ms))
            .or_insert_with_key(|&day| date(day)[..7].to_owned())
            .clone();
        let partition = Partition {
            account: workload.account.clone(),
            region: workload.region.clone(),
            month,
        };
        partitions.entry(partition).or_default().push(row);
    }
    partitions
}

/// What a reader may know of `rows`, in order, without decoding them.
pub(super) fn summary(rows: &[SampleRow]) -> Summary {
    // Rows of several periods, or with and without a stated one, may be about the same time.
    let are_of_two_periods = |a: &SampleRow, b: &SampleRow| {
        a.period_s != b.period_s
            && (a.metric, &a.run_id, &a.workload) == (b.metric, &b.run_id, &b.workload)
    };
    let conflicts = rows
        .windows(2)
        .any(|pair| pair[0].same_key(&pair[1]) || are_of_two_periods(&pair[0], &pair[1]));
    let same = |a: &SampleRow, b: &SampleRow| {
        a.metric == b.metric && (Arc::ptr_eq(&a.workload, &b.workload) || a.workload == b.workload)
    };
    let mut series: BTreeMap<(&WorkloadKey, Metric), SeriesSummary> = BTreeMap::new();
    let mut stretches: Vec<(&SampleRow, usize)> = Vec::new();
    for stretch in rows.chunk_by(same) {
        let first = &stretch[0];
        let summary = series
            .entry((&first.workload, first.metric))
            .or_insert_with(|| empty_summary(first));
        for row in stretch {
            summary.first_ms = summary.first_ms.min(row.at_ms);
            summary.last_ms = summary.last_ms.max(row.at_ms);
            let period_s = row.period_s.unwrap_or(METRIC_PERIOD_S);
            summary.longest_s = summary.longest_s.max(period_s);
            let end_ms = row.at_ms.saturating_add(i64::from(period_s) * 1000);
            let (from_ms, to_ms) = summary.covered_ms.unwrap_or((row.at_ms, end_ms));
            summary.covered_ms = Some((from_ms.min(row.at_ms), to_ms.max(end_ms)));
        }
        let of_one = |a: &SampleRow, b: &SampleRow| a.run_id == b.run_id && a.source == b.source;
        stretches.extend(stretch.chunk_by(of_one).map(|rows| (&rows[0], rows.len())));
    }
    let places: BTreeMap<(&WorkloadKey, Metric), usize> = series.keys().copied().zip(0..).collect();
    let stretch = |(first, rows): &(&SampleRow, usize)| Stretch {
        rows: *rows,
        series: places[&(&*first.workload, first.metric)],
        source: first.source.as_str().to_owned(),
        run: first.run_id.as_deref().map(str::to_owned),
    };
    let are_long = rows.len() >= LONG * stretches.len();
    Summary {
        stretches: stretches.iter().filter(|_| are_long).map(stretch).collect(),
        series: series.into_values().collect(),
        conflicts,
        ..Summary::default()
    }
}

fn empty_summary(row: &SampleRow) -> SeriesSummary {
    SeriesSummary {
        kind: row.workload.kind.as_str().to_owned(),
        cluster: row.workload.cluster.clone(),
        name: row.workload.name.clone(),
        metric: row.metric.as_str().to_owned(),
        first_ms: i64::MAX,
        last_ms: i64::MIN,
        longest_s: 0,
        covered_ms: None,
    }
}
