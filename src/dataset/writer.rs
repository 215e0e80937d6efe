//! Rows on their way into the dataset: buffered, ordered, written as parts, and committed together at the end.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use polars::prelude::{DataFrame, PolarsError};

use super::log::Committer;
use super::name::{Partition, date, day};
use super::part;
use super::schema::{self, ConfigurationRow, InstanceRow, RunRow, SampleRow};
use super::summarize::summary;
use super::summary::Beside;
use super::written::{RowDay, Written};
use super::{Dataset, Table};
use crate::dataset::batch::{Batch, SKEW_MS};
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::workload::{Kind as WorkloadKind, WorkloadKey};

/// Rows held before they are written: what bounds memory.
const MOST_SAMPLES: usize = 400_000;
const MOST_RUNS: usize = 50_000;
/// Samples that take as much memory as a run.
const RUN_WEIGHT: usize = 6;
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
    written: Written,
    /// The latest time that a row may tell.
    limit_ms: i64,
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
            written: Written::default(),
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
        Ok(self.written)
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
        self.written.count(table, partition, part, days);
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
