//! Rows on their way into the dataset: buffered, ordered, written as parts, and committed together at the end.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use polars::prelude::{DataFrame, PolarsError};

use super::Tally;
use crate::dataset::part::{self, Partition, Summary};
use crate::dataset::schema::{self, ConfigurationRow, CoverageRow, Metric, RunRow, SampleRow};
use crate::dataset::{Dataset, Table, coverage};
use crate::error::{Error, Kind, Result};
use crate::units::MS_PER_DAY;
use crate::workload::{Kind as WorkloadKind, WorkloadKey};

/// Rows held before they are written: what bounds memory.
const MOST_SAMPLES: usize = 400_000;
const MOST_RUNS: usize = 100_000;
/// The resolution that Metric Streams are documented to have, for series seen only once.
const USUAL_PERIOD_S: i32 = 60;
/// The scope of builds in the coverage table.
const BUILD_SCOPE: &str = "codebuild";

/// Collects the rows of one source.
pub(super) struct Rows<'d> {
    dataset: &'d Dataset,
    configurations: Vec<ConfigurationRow>,
    runs: Vec<RunRow>,
    seen: BTreeMap<(Arc<WorkloadKey>, String), RunRow>,
    samples: Vec<SampleRow>,
    workloads: HashMap<WorkloadKey, Arc<WorkloadKey>>,
    run_names: HashMap<String, Arc<str>>,
    periods: Periods,
    written: BTreeMap<Partition, Written>,
}

/// What was written into one partition.
#[derive(Default)]
struct Written {
    parts: BTreeSet<String>,
    days: BTreeMap<(String, i64), Day>,
}

#[derive(Default, Clone, Copy)]
struct Day {
    rows: i64,
    period_s: Option<i64>,
}

impl<'d> Rows<'d> {
    pub(super) fn new(dataset: &'d Dataset) -> Self {
        Self {
            dataset,
            configurations: Vec::new(),
            runs: Vec::new(),
            seen: BTreeMap::new(),
            samples: Vec::new(),
            workloads: HashMap::new(),
            run_names: HashMap::new(),
            periods: Periods::default(),
            written: BTreeMap::new(),
        }
    }

    /// One shared key per workload.
    pub(super) fn workload(
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
    pub(super) fn run_name(&mut self, run: &str) -> Arc<str> {
        if let Some(known) = self.run_names.get(run) {
            return known.clone();
        }
        let shared: Arc<str> = run.into();
        self.run_names.insert(run.to_owned(), shared.clone());
        shared
    }

    pub(super) fn configuration(&mut self, row: ConfigurationRow) -> Result<()> {
        self.configurations.push(row);
        if self.configurations.len() >= MOST_RUNS { self.write_configurations() } else { Ok(()) }
    }

    pub(super) fn run(&mut self, row: RunRow) -> Result<()> {
        self.runs.push(row);
        if self.runs.len() >= MOST_RUNS { self.write_runs() } else { Ok(()) }
    }

    /// A run told minute by minute: only its last sighting is kept.
    pub(super) fn seen(&mut self, row: RunRow) {
        let key = (row.workload.clone(), row.run_id.clone());
        match self.seen.get_mut(&key) {
            Some(known) if known.last_seen_ms >= row.last_seen_ms => {}
            Some(known) => *known = row,
            None => drop(self.seen.insert(key, row)),
        }
    }

    pub(super) fn sample(&mut self, row: SampleRow) -> Result<()> {
        self.samples.push(row);
        if self.samples.len() >= MOST_SAMPLES { self.write_samples() } else { Ok(()) }
    }

    /// Writes what is left and commits everything under `source`.
    pub(super) fn commit(mut self, source: &str, tally: &Tally) -> Result<()> {
        let seen = std::mem::take(&mut self.seen);
        self.runs.extend(seen.into_values());
        self.write_configurations()?;
        self.write_runs()?;
        self.write_samples()?;
        let rejected = tally.rejected_total();
        let reason =
            (rejected + tally.missing > 0).then(|| format!("{rejected} records rejected, {} not returned by AWS", tally.missing));
        for (partition, written) in &self.written {
            let parts: Vec<&str> = written.parts.iter().map(String::as_str).collect();
            let row = |(scope, day): &(String, i64), totals: &Day| CoverageRow {
                scope: scope.clone(),
                source: source.to_owned(),
                day: date(*day),
                state: if reason.is_some() { "partial" } else { "complete" }.to_owned(),
                reason: reason.clone(),
                rows: totals.rows,
                period_s: totals.period_s,
                collected_ms: None,
                parts: parts.join(";"),
            };
            let rows: Vec<CoverageRow> = written.days.iter().map(|(key, totals)| row(key, totals)).collect();
            coverage::commit(self.dataset, partition, &rows)?;
        }
        Ok(())
    }

    fn write_configurations(&mut self) -> Result<()> {
        let mut rows = std::mem::take(&mut self.configurations);
        rows.sort();
        rows.dedup();
        for (partition, rows) in by_partition(rows, |row| (&row.workload, row.from_ms)) {
            let days = rows.iter().map(|row| (scope(&row.workload), day(row.from_ms), None));
            self.write(
                Table::Workloads,
                &partition,
                &days.collect::<Vec<_>>(),
                schema::configurations(&rows),
                &Summary::default(),
            )?;
        }
        Ok(())
    }

    fn write_runs(&mut self) -> Result<()> {
        let mut rows = std::mem::take(&mut self.runs);
        rows.sort();
        rows.dedup();
        for (partition, rows) in by_partition(rows, |row| (&row.workload, begin_ms(row))) {
            let days = rows.iter().map(|row| (scope(&row.workload), day(begin_ms(row)), None));
            self.write(Table::Runs, &partition, &days.collect::<Vec<_>>(), schema::runs(&rows), &Summary::default())?;
        }
        Ok(())
    }

    fn write_samples(&mut self) -> Result<()> {
        let mut rows = std::mem::take(&mut self.samples);
        rows.sort_by(SampleRow::order);
        self.periods.settle(&mut rows);
        rows.sort_by(SampleRow::order);
        rows.dedup_by(|later, earlier| earlier.same_reading(later));
        for (partition, rows) in by_partition(rows, |row| (&row.workload, row.at_ms)) {
            let days = rows.iter().map(|row| (scope(&row.workload), day(row.at_ms), Some(i64::from(row.period_s))));
            let summary = summary(&rows);
            self.write(Table::Samples, &partition, &days.collect::<Vec<_>>(), schema::samples(&rows), &summary)?;
        }
        Ok(())
    }

    fn write(
        &mut self,
        table: Table,
        partition: &Partition,
        days: &[(&str, i64, Option<i64>)],
        frame: Result<DataFrame, PolarsError>,
        summary: &Summary,
    ) -> Result<()> {
        let mut frame = frame.map_err(|cause| Error::new(Kind::Failure, "cannot build a part").cause(cause))?;
        let (Some(first), Some(last)) = (days.iter().map(|day| day.1).min(), days.iter().map(|day| day.1).max()) else {
            return Ok(());
        };
        let part = part::write(self.dataset.root(), table, partition, (&date(first), &date(last)), &mut frame, summary)?;
        let written = self.written.entry(partition.clone()).or_default();
        written.parts.insert(part);
        // Neighbouring rows mostly share their day: look it up once per stretch.
        for stretch in days.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let (scope, day, _) = stretch[0];
            let totals = written.days.entry((scope.to_owned(), day)).or_default();
            totals.rows += i64::try_from(stretch.len()).unwrap_or(i64::MAX);
            totals.period_s = totals.period_s.max(stretch.iter().filter_map(|(_, _, period)| *period).max());
        }
        Ok(())
    }
}

/// The time that decides in which month a run is stored.
fn begin_ms(run: &RunRow) -> i64 {
    let times = [run.created_ms, run.pull_started_ms, run.started_ms, run.stopped_ms, run.last_seen_ms];
    times.into_iter().flatten().next().unwrap_or_default()
}

fn scope(workload: &WorkloadKey) -> &str {
    if workload.kind == WorkloadKind::Build { BUILD_SCOPE } else { &workload.cluster }
}

const fn day(ms: i64) -> i64 {
    ms.div_euclid(MS_PER_DAY)
}

fn date(day: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(day.saturating_mul(MS_PER_DAY)).unwrap_or_default();
    time.strftime("%Y-%m-%d").to_string()
}

fn by_partition<R>(rows: Vec<R>, key: impl Fn(&R) -> (&Arc<WorkloadKey>, i64)) -> BTreeMap<Partition, Vec<R>> {
    let mut partitions: BTreeMap<Partition, Vec<R>> = BTreeMap::new();
    let mut months: HashMap<i64, String> = HashMap::new();
    for row in rows {
        let (workload, at_ms) = key(&row);
        let month = months.entry(day(at_ms)).or_insert_with_key(|&day| date(day)[..7].to_owned()).clone();
        let partition = Partition { account: workload.account.clone(), region: workload.region.clone(), month };
        partitions.entry(partition).or_default().push(row);
    }
    partitions
}

fn summary(rows: &[SampleRow]) -> Summary {
    let mut series: BTreeMap<(&WorkloadKey, Metric), (i64, i64)> = BTreeMap::new();
    for stretch in
        rows.chunk_by(|a, b| a.metric == b.metric && (Arc::ptr_eq(&a.workload, &b.workload) || a.workload == b.workload))
    {
        let span = series.entry((&stretch[0].workload, stretch[0].metric)).or_insert((i64::MAX, i64::MIN));
        for row in stretch {
            *span = (span.0.min(row.at_ms), span.1.max(row.at_ms));
        }
    }
    let named = series.into_iter().map(|((workload, metric), (first, last))| {
        let kind = workload.kind.as_str().to_owned();
        (kind, workload.cluster.clone(), workload.name.clone(), metric.as_str().to_owned(), first, last)
    });
    Summary { series: named.collect(), conflicts: rows.windows(2).any(|pair| pair[0].same_key(&pair[1])) }
}

type SeriesKey = (Arc<WorkloadKey>, Option<Arc<str>>, Metric);

/// The period of each series that does not tell it, inferred from its spacing.
#[derive(Default)]
struct Periods {
    series: HashMap<SeriesKey, i32>,
    by_metric: BTreeMap<Metric, BTreeMap<i32, usize>>,
}

impl Periods {
    /// Sets the period of ordered `rows` that have none: the most frequent spacing of their series, else of their
    /// metric in this source, else one minute.
    fn settle(&mut self, rows: &mut [SampleRow]) {
        let same = |a: &SampleRow, b: &SampleRow| a.metric == b.metric && a.run_id == b.run_id && a.workload == b.workload;
        for series in rows.chunk_by(same).filter(|series| series[0].period_s == 0) {
            if let (false, Some(period)) = (self.series.contains_key(&key(&series[0])), most_frequent_spacing(series)) {
                self.series.insert(key(&series[0]), period);
                *self.by_metric.entry(series[0].metric).or_default().entry(period).or_default() += 1;
            }
        }
        for series in rows.chunk_by_mut(same).filter(|series| series[0].period_s == 0) {
            let metric = self.by_metric.get(&series[0].metric).and_then(most_frequent);
            let period = self.series.get(&key(&series[0])).copied().or(metric).unwrap_or(USUAL_PERIOD_S);
            for row in series {
                // A streamed record's count is the number of values of that record, so each stands for all of it.
                (row.period_s, row.sample_s) = (period, period);
            }
        }
    }
}

fn key(row: &SampleRow) -> SeriesKey {
    (row.workload.clone(), row.run_id.clone(), row.metric)
}

fn most_frequent_spacing(series: &[SampleRow]) -> Option<i32> {
    let mut spacings: BTreeMap<i32, usize> = BTreeMap::new();
    for pair in series.windows(2) {
        let seconds = i32::try_from((pair[1].at_ms - pair[0].at_ms) / 1000).unwrap_or(0);
        if seconds > 0 {
            *spacings.entry(seconds).or_default() += 1;
        }
    }
    most_frequent(&spacings)
}

/// The key with the highest count, the smallest of equals.
fn most_frequent(counts: &BTreeMap<i32, usize>) -> Option<i32> {
    counts.iter().rev().max_by_key(|(_, count)| **count).map(|(&value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_of_equally_frequent_spacings_is_the_period() {
        assert_eq!(most_frequent(&BTreeMap::from([(60, 2), (300, 2), (600, 1)])), Some(60));
        assert_eq!(most_frequent(&BTreeMap::from([(60, 1), (300, 5), (600, 1)])), Some(300));
    }
}
