//! When records were made: what was observed begins with the first of them and ends with the last.
//!
//! How old a task is does not count, nor a billed minute behind its end: at neither was anything looked at.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{Column, DataFrame, IntoLazy, PolarsResult, coalesce, col};

use super::columns::integers;
use super::runs::Run;
use crate::dataset::scan::SampleSpan;
use crate::dataset::schema::SourceKind;
use crate::model::units::{MS_PER_HOUR, MS_PER_MINUTE, Window};
use crate::model::workload::WorkloadKey;

/// The record of the stop of a run that was no longer than this tells of all of it. Tasks that are replaced daily are.
const SHORT_MS: i64 = 25 * MS_PER_HOUR;

/// Account, region, cluster and source.
type Place = (String, String, String, SourceKind);

/// The time from the first record of each source to its last.
#[derive(Debug, Default)]
pub struct Records {
    runs: BTreeMap<Place, Window>,
    /// When the ECS API was asked for the tasks of a cluster, in order.
    snapshots: BTreeMap<(String, String, String), Vec<i64>>,
    /// Of what counts the tasks of services, by account and region.
    counts: BTreeMap<(String, String), Window>,
    samples: Option<Window>,
    /// End of the billed time of the last run, as far as it was seen.
    billed_ms: Option<i64>,
}

impl Records {
    /// What the `runs` table, the runs that it amounts to, and the series of samples tell.
    pub fn of(
        table: Option<&DataFrame>,
        runs: &[Run],
        samples: &[SampleSpan],
    ) -> PolarsResult<Self> {
        let mut records = Self::default();
        if let Some(table) = table {
            records.add_table(table)?;
        }
        for run in runs {
            records.add_run(run);
        }
        for snapshots in records.snapshots.values_mut() {
            snapshots.sort_unstable();
            snapshots.dedup();
        }
        for span in samples {
            records.add_samples(span);
        }
        Ok(records)
    }

    fn add_table(&mut self, table: &DataFrame) -> PolarsResult<()> {
        let keys = ["account", "region", "cluster", "source"];
        let times = [
            "last_seen_ms",
            "stopped_ms",
            "started_ms",
            "pull_started_ms",
            "provisioning_ms",
            "created_ms",
        ];
        let made = coalesce(&times.map(col));
        let frame = table
            .clone()
            .lazy()
            .group_by(keys.map(col))
            .agg([
                made.clone().min().alias("first"),
                made.max().alias("last"),
                col("last_seen_ms").min().alias("first_seen"),
            ])
            .collect()?;
        let [first, last, seen] =
            ["first", "last", "first_seen"].map(|name| integers(&frame, name));
        let (first, last, seen) = (first?, last?, seen?);
        let text = |name: &str| frame.column(name).and_then(Column::str);
        let (accounts, regions) = (text("account")?, text("region")?);
        let (clusters, sources) = (text("cluster")?, text("source")?);
        for i in 0..frame.height() {
            let (Some(source), Some(last_ms)) =
                (sources.get(i).and_then(SourceKind::parse), last[i])
            else {
                continue;
            };
            // A description that does not tell when it was made is as young as the newest time in it.
            let first_ms = match source {
                SourceKind::EcsApi => seen[i].unwrap_or(last_ms),
                _ => first[i].unwrap_or(last_ms),
            };
            let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
            let place = (
                owned(accounts.get(i)),
                owned(regions.get(i)),
                owned(clusters.get(i)),
                source,
            );
            extend(self.runs.entry(place), first_ms, last_ms.max(first_ms));
        }
        Ok(())
    }

    fn add_run(&mut self, run: &Run) {
        let key = &run.workload;
        let cluster = (key.account.clone(), key.region.clone(), key.cluster.clone());
        if run.source == SourceKind::EcsApi
            && let Some(seen_ms) = run.last_seen_ms
        {
            self.snapshots
                .entry(cluster.clone())
                .or_default()
                .push(seen_ms);
        }
        let begun_ms = run.known_ms();
        if let Some(stopped_ms) = run.stopped_ms
            && stopped_ms - begun_ms <= SHORT_MS
        {
            let (account, region, cluster) = cluster;
            let place = (account, region, cluster, run.source);
            extend(self.runs.entry(place), begun_ms, stopped_ms.max(begun_ms));
        }
        // What was seen of a run is billed, whether it went on or not.
        let seen_ms = run.stopped_ms.unwrap_or_else(|| run.last_sign_ms());
        for begin_ms in [run.start_ms(), run.queued_ms()].into_iter().flatten() {
            let billed_ms = begin_ms + run.billed_ms(seen_ms - begin_ms);
            self.billed_ms = self.billed_ms.max(Some(billed_ms));
        }
    }

    fn add_samples(&mut self, span: &SampleSpan) {
        let SampleSpan { window, .. } = *span;
        self.samples = Some(self.samples.map_or(window, |known| union(known, window)));
        if span.counts_tasks {
            let place = (span.account.clone(), span.region.clone());
            extend(self.counts.entry(place), window.from_ms, window.to_ms);
        }
    }

    /// The time that samples cover.
    pub fn sampled(&self) -> Option<Window> {
        self.samples
    }

    /// From the first record to the last one; the last billed minute stays whole. `None` without any.
    pub fn extent(&self) -> Option<Window> {
        let all = self.runs.values().copied().chain(self.samples);
        let all = all.reduce(union)?;
        let to_ms = match self.billed_ms {
            Some(billed_ms) if billed_ms - all.to_ms < MAX_ROUNDING_MS => all.to_ms.max(billed_ms),
            _ => all.to_ms,
        };
        // A single record was made in an instant; a window is longer than that.
        let to_ms = to_ms.max(all.from_ms + 1);
        Some(Window { to_ms, ..all })
    }

    /// The instant behind the last record.
    pub fn end_ms(&self) -> i64 {
        let all = self.runs.values().copied().chain(self.samples);
        all.map(|window| window.to_ms).max().unwrap_or_default()
    }

    /// The last record that a source made of the cluster of `workload`.
    pub fn last_ms(&self, workload: &WorkloadKey, source: SourceKind) -> Option<i64> {
        let place = (
            workload.account.clone(),
            workload.region.clone(),
            workload.cluster.clone(),
            source,
        );
        self.runs.get(&place).map(|window| window.to_ms)
    }

    /// The first snapshot of the cluster of `workload` behind `at_ms`.
    pub fn next_snapshot_ms(&self, workload: &WorkloadKey, at_ms: i64) -> Option<i64> {
        let cluster = (
            workload.account.clone(),
            workload.region.clone(),
            workload.cluster.clone(),
        );
        let snapshots = self.snapshots.get(&cluster)?;
        let behind = snapshots.partition_point(|&taken_ms| taken_ms <= at_ms);
        snapshots.get(behind).copied()
    }

    /// When what tells of `workload` made records: the sources of its runs, and what counts its tasks.
    pub fn span(
        &self,
        workload: &WorkloadKey,
        sources: &BTreeSet<SourceKind>,
        is_counted: bool,
    ) -> Option<Window> {
        let of_source = |&source: &SourceKind| {
            let place = (
                workload.account.clone(),
                workload.region.clone(),
                workload.cluster.clone(),
                source,
            );
            self.runs.get(&place).copied()
        };
        let place = (workload.account.clone(), workload.region.clone());
        let counts = self.counts.get(&place).filter(|_| is_counted).copied();
        sources
            .iter()
            .filter_map(of_source)
            .chain(counts)
            .reduce(union)
    }
}

/// Billed time behind the end of a run is no longer than the longest floor: five minutes, of Windows.
const MAX_ROUNDING_MS: i64 = 5 * MS_PER_MINUTE;

fn union(a: Window, b: Window) -> Window {
    Window {
        from_ms: a.from_ms.min(b.from_ms),
        to_ms: a.to_ms.max(b.to_ms),
    }
}

fn extend<K: Ord>(
    entry: std::collections::btree_map::Entry<'_, K, Window>,
    from_ms: i64,
    to_ms: i64,
) {
    let window = Window { from_ms, to_ms };
    entry
        .and_modify(|known| *known = union(*known, window))
        .or_insert(window);
}
