//! Reading a dataset: only parts that a commit names, each verified, samples in groups that may repeat each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use polars::prelude::{
    ChunkAgg, Column, DataFrame, IntoLazy, NamedFrom, PlSmallStr, PolarsResult, Series, UnionArgs,
    concat,
};

use super::batch::SKEW_MS;
use super::coverage::{self, Committed, is_import};
use super::log::Log;
use super::part::{self, Part, SeriesSummary};
use super::{Dataset, Table, source};
use crate::model::error::{Error, Kind, Result};
use crate::model::units::{MS_PER_DAY, Window};

/// The columns that tell a time, whatever the table.
const TIMES: [&str; 10] = [
    "at_ms",
    "created_ms",
    "from_ms",
    "last_seen_ms",
    "provisioning_ms",
    "pull_started_ms",
    "pull_stopped_ms",
    "seen_ms",
    "started_ms",
    "stopped_ms",
];

/// The commits of a dataset and the parts they name.
#[derive(Debug)]
pub struct Scan<'a> {
    dataset: &'a Dataset,
    /// Every commit that counts.
    pub commits: Vec<Committed>,
    /// What imports that broke off had committed; it does not count.
    pub unfinished: Vec<Committed>,
    samples: Vec<Named>,
    /// The latest time that a record can tell.
    limit_ms: i64,
    set_aside: SetAside,
}

/// Rows that tell a later time than can be.
#[derive(Debug)]
struct SetAside {
    rows: AtomicU64,
    latest_ms: AtomicI64,
}

/// Parts of samples that must be read together, because they may hold the same reading twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleGroup {
    /// Paths relative to the root.
    pub parts: Vec<String>,
    /// True when readings may repeat or contradict each other.
    pub overlapping: bool,
}

impl<'a> Scan<'a> {
    /// Reads the commit log and the summaries of the parts of samples.
    pub fn new(dataset: &'a Dataset) -> Result<Self> {
        Self::as_of(dataset, i64::MAX)
    }

    /// The same, of what can have been recorded until `now_ms`, with an hour for clocks that are apart: later rows are
    /// set aside and counted.
    pub fn as_of(dataset: &'a Dataset, now_ms: i64) -> Result<Self> {
        let Log {
            commits,
            unfinished,
            ..
        } = Log::of(dataset)?;
        let parts: Vec<String> = coverage::named_parts(&commits, Table::Samples)
            .into_iter()
            .collect();
        let mut samples = Vec::new();
        dataset.storage.read_each(&parts, |relative, bytes| {
            samples.push((
                relative.to_owned(),
                part::summary(&dataset.storage, relative, bytes)?,
            ));
            Ok(())
        })?;
        Ok(Self {
            dataset,
            commits,
            unfinished,
            samples,
            limit_ms: now_ms.saturating_add(SKEW_MS),
            set_aside: SetAside {
                rows: AtomicU64::new(0),
                latest_ms: AtomicI64::new(i64::MIN),
            },
        })
    }

    /// All rows of `table`, with `account` and `region` as columns; `None` when there are none.
    pub fn table(&self, table: Table) -> Result<Option<DataFrame>> {
        let parts: Vec<String> = coverage::named_parts(&self.commits, table)
            .into_iter()
            .collect();
        let mut frames = Vec::new();
        let storage = &self.dataset.storage;
        storage.read_each(&parts, |relative, bytes| {
            frames.push(with_partition(part::decode(storage, relative, bytes, None)?)?.lazy());
            Ok(())
        })?;
        if frames.is_empty() {
            return Ok(None);
        }
        let together =
            concat(frames, UnionArgs::default()).and_then(polars::prelude::LazyFrame::collect);
        together
            .and_then(|frame| self.until_now(frame))
            .map(Some)
            .map_err(|cause| unreadable(table, cause))
    }

    /// How many rows were set aside so far because they tell a later time than can be, and the latest of these times.
    pub fn set_aside(&self) -> Option<(u64, i64)> {
        let SetAside { rows, latest_ms } = &self.set_aside;
        let (rows, latest_ms) = (
            rows.load(Ordering::Relaxed),
            latest_ms.load(Ordering::Relaxed),
        );
        (rows > 0).then_some((rows, latest_ms))
    }

    /// The rows of `frame` that tell no time after now.
    fn until_now(&self, frame: DataFrame) -> PolarsResult<DataFrame> {
        let mut late: Vec<bool> = Vec::new();
        for name in TIMES {
            if frame.get_column_index(name).is_none() {
                continue;
            }
            let times = frame.column(name)?.i64()?;
            let Some(latest_ms) = times.max().filter(|latest_ms| *latest_ms > self.limit_ms) else {
                continue;
            };
            self.set_aside
                .latest_ms
                .fetch_max(latest_ms, Ordering::Relaxed);
            late.resize(frame.height(), false);
            for (late, at_ms) in late.iter_mut().zip(times.iter()) {
                *late |= at_ms > Some(self.limit_ms);
            }
        }
        if late.is_empty() {
            return Ok(frame);
        }
        let rows = late.iter().filter(|late| **late).count();
        self.set_aside
            .rows
            .fetch_add(rows as u64, Ordering::Relaxed);
        frame.filter(&late.into_iter().map(|late| !late).collect())
    }

    /// First time of any sample and the instant after the last.
    pub fn sample_span(&self) -> Option<(i64, i64)> {
        let series = self.samples.iter().flat_map(|(_, summary)| &summary.series);
        series
            .filter(|series| series.first_ms <= self.limit_ms)
            .map(|series| (series.first_ms, series.last_ms.min(self.limit_ms) + 1))
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// The time that collections were asked for, up to the newest one: its unfinished day is left out where there is
    /// another. `None` without collections.
    pub fn collected_span(&self) -> Option<(i64, i64)> {
        let collected = || {
            self.commits.iter().filter_map(|commit| {
                Some((
                    midnight(commit.row.day.parse().ok()?),
                    commit.row.collected_ms?,
                ))
            })
        };
        let first = collected().map(|(day, _)| day).min()?;
        let newest = collected().map(|(_, at)| at).max()?;
        let last = collected()
            .map(|(day, _)| day + MS_PER_DAY)
            .max()?
            .min(newest);
        let whole_days = last.div_euclid(MS_PER_DAY) * MS_PER_DAY;
        Some((first, if whole_days > first { whole_days } else { last }))
    }

    /// The days of runs and samples that were imported; `None` where none were.
    pub fn imported_span(&self) -> Option<(i64, i64)> {
        let imports = self.commits.iter().filter(|commit| is_import(&commit.row));
        // Configurations hold at times at which nothing was seen.
        let is_seen = |part: &&str| {
            [Table::Runs, Table::Samples]
                .iter()
                .any(|table| part.split('/').next() == Some(table.name()))
        };
        let parts: BTreeSet<&str> = imports
            .flat_map(|commit| commit.row.parts.split(';'))
            .filter(is_seen)
            .collect();
        parts
            .into_iter()
            .filter_map(span_of_days)
            .filter(|(from_ms, _)| *from_ms <= self.limit_ms)
            .map(|(from_ms, to_ms)| (from_ms, to_ms.min(self.end_of_days())))
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// The end of the last day on which something can have been recorded.
    fn end_of_days(&self) -> i64 {
        let last = self.limit_ms.div_euclid(MS_PER_DAY);
        last.saturating_add(1).saturating_mul(MS_PER_DAY)
    }

    /// Every series of every part of samples, with account and region.
    pub fn series(&self) -> impl Iterator<Item = (&str, &str, &SeriesSummary)> {
        self.samples.iter().flat_map(|(relative, summary)| {
            let (account, region) = part::account_and_region(relative);
            summary
                .series
                .iter()
                .map(move |series| (account, region, series))
        })
    }

    /// The parts of samples that touch `window`, grouped so that only readings within a group can collide.
    pub fn sample_groups(&self, window: Window) -> Vec<SampleGroup> {
        let parts: Vec<&Named> = self
            .samples
            .iter()
            .filter(|(relative, _)| days_touch(relative, window))
            .collect();
        group(&parts)
    }

    /// Reads `columns` of the parts of one group.
    pub fn samples(&self, group: &SampleGroup, columns: &[&str]) -> Result<Part> {
        let mut together: Option<Part> = None;
        let storage = &self.dataset.storage;
        storage.read_each(&group.parts, |relative, bytes| {
            let part = part::decode(storage, relative, bytes, Some(columns))?;
            match &mut together {
                None => together = Some(part),
                Some(together) => {
                    together
                        .frame
                        .vstack_mut(&part.frame)
                        .map_err(|cause| unreadable(Table::Samples, cause))?;
                }
            }
            Ok(())
        })?;
        let mut part = together.ok_or_else(|| Error::new(Kind::Failure, "a group of no parts"))?;
        part.frame = self
            .until_now(part.frame)
            .map_err(|cause| unreadable(Table::Samples, cause))?;
        Ok(part)
    }
}

/// Tells `found` the account, region and name of every task definition that the commits stand on.
pub(crate) fn definitions(
    dataset: &Dataset,
    commits: &[Committed],
    mut found: impl FnMut(&str, &str, &str),
) -> Result<()> {
    // They hold at any time, so they are stored at its beginning.
    let parts = coverage::named_parts(commits, Table::Workloads);
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|part| part.contains("/month=1970-01/"))
        .collect();
    dataset.storage.read_each(&parts, |relative, bytes| {
        let part = part::decode(
            &dataset.storage,
            relative,
            bytes,
            Some(&["cluster", "task_definition"]),
        )?;
        let texts = |name: &str| {
            part.frame
                .column(name)
                .and_then(Column::str)
                .map_err(|cause| unreadable(Table::Workloads, cause))
        };
        for (cluster, definition) in texts("cluster")?
            .iter()
            .zip(texts("task_definition")?.iter())
        {
            if let (Some(""), Some(definition)) = (cluster, definition) {
                found(&part.account, &part.region, definition);
            }
        }
        Ok(())
    })
}

/// A build that a collection told of.
pub(crate) struct CollectedBuild<'a> {
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    pub(crate) id: &'a str,
    pub(crate) created_ms: i64,
    pub(crate) stopped_ms: Option<i64>,
}

/// Tells `found` every build of the commits' collections.
pub(crate) fn builds(
    dataset: &Dataset,
    commits: &[Committed],
    mut found: impl FnMut(CollectedBuild<'_>),
) -> Result<()> {
    let of_builds = commits
        .iter()
        .filter(|commit| commit.row.source == source::BUILDS);
    let parts: Vec<String> = coverage::named_parts(of_builds, Table::Runs)
        .into_iter()
        .collect();
    dataset.storage.read_each(&parts, |relative, bytes| {
        let part = part::decode(
            &dataset.storage,
            relative,
            bytes,
            Some(&["run_id", "created_ms", "stopped_ms"]),
        )?;
        let unfit = |cause| unreadable(Table::Runs, cause);
        let times = |name: &str| part.frame.column(name).and_then(Column::i64).map_err(unfit);
        let ids = part
            .frame
            .column("run_id")
            .and_then(Column::str)
            .map_err(unfit)?;
        let times = times("created_ms")?.iter().zip(times("stopped_ms")?.iter());
        for (id, (created_ms, stopped_ms)) in ids.iter().zip(times) {
            if let (Some(id), Some(created_ms)) = (id, created_ms) {
                found(CollectedBuild {
                    account: &part.account,
                    region: &part.region,
                    id,
                    created_ms,
                    stopped_ms,
                });
            }
        }
        Ok(())
    })
}

fn unreadable(table: Table, cause: polars::prelude::PolarsError) -> Error {
    Error::new(
        Kind::Input,
        format!("the parts of table `{}` do not fit together", table.name()),
    )
    .cause(cause)
}

fn with_partition(part: Part) -> Result<DataFrame> {
    let Part {
        mut frame,
        account,
        region,
    } = part;
    let rows = frame.height();
    for (name, value) in [("account", account), ("region", region)] {
        let column = Series::new(PlSmallStr::from_static(name), vec![value; rows]);
        frame.with_column(column.into()).map_err(|cause| {
            Error::new(Kind::Failure, "cannot add a partition column").cause(cause)
        })?;
    }
    Ok(frame)
}

/// Whether the days in a part's name touch the window; a name that does not tell is read.
fn days_touch(relative: &str, window: Window) -> bool {
    span_of_days(relative)
        .is_none_or(|(from_ms, to_ms)| from_ms < window.to_ms && to_ms > window.from_ms)
}

/// The days in a part's name.
fn span_of_days(relative: &str) -> Option<(i64, i64)> {
    let name = relative.rsplit('/').next().unwrap_or_default();
    let mut days = name
        .split('_')
        .map(|day| day.parse::<jiff::civil::Date>().ok());
    Some((
        midnight(days.next()??),
        midnight(days.next()??) + MS_PER_DAY,
    ))
}

/// The first instant of a UTC day.
pub(crate) fn midnight(day: jiff::civil::Date) -> i64 {
    day.to_zoned(jiff::tz::TimeZone::UTC)
        .map_or(0, |zoned| zoned.timestamp().as_millisecond())
}

type Named = (String, part::Summary);

/// Joins parts that hold the same series at overlapping times.
fn group(parts: &[&Named]) -> Vec<SampleGroup> {
    type Spans = Vec<(i64, i64, usize)>;
    let mut spans: BTreeMap<(&str, &str, &str, &str, &str), Spans> = BTreeMap::new();
    for (index, (relative, summary)) in parts.iter().enumerate() {
        let partition = relative
            .rsplit_once("/month=")
            .map_or(relative.as_str(), |(before, _)| before);
        for series in &summary.series {
            let key = (
                partition,
                series.kind.as_str(),
                series.cluster.as_str(),
                series.name.as_str(),
                series.metric.as_str(),
            );
            spans
                .entry(key)
                .or_default()
                .push((series.first_ms, last_covered_ms(series), index));
        }
    }
    let mut root: Vec<usize> = (0..parts.len()).collect();
    for spans in spans.values_mut() {
        spans.sort_unstable();
        let mut reach: Option<(i64, usize)> = None;
        for &(first, last, index) in spans.iter() {
            match reach {
                Some((until, other)) if first <= until => {
                    let (a, b) = (find(&mut root, other), find(&mut root, index));
                    root[a.max(b)] = a.min(b);
                    reach = Some((until.max(last), other));
                }
                _ => reach = Some((last, index)),
            }
        }
    }
    let mut groups: BTreeMap<usize, SampleGroup> = BTreeMap::new();
    for (index, (relative, summary)) in parts.iter().enumerate() {
        let group = groups.entry(find(&mut root, index)).or_insert(SampleGroup {
            parts: Vec::new(),
            overlapping: false,
        });
        group.overlapping |= summary.conflicts || !group.parts.is_empty();
        group.parts.push(relative.clone());
    }
    groups.into_values().collect()
}

/// The last instant that a reading is known to be about: the longest periods reach far into what finer ones tell.
fn last_covered_ms(series: &SeriesSummary) -> i64 {
    let period_s = series
        .spacings
        .first()
        .filter(|_| !series.is_spaced)
        .map_or(0, |(seconds, _)| i64::from(*seconds));
    series.last_ms + (period_s * 1000 - 1).max(0)
}

fn find(root: &mut [usize], mut index: usize) -> usize {
    while root[index] != index {
        root[index] = root[root[index]];
        index = root[index];
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::part::Summary;

    fn named(path: &str, workload: &str, first: i64, last: i64) -> Named {
        let series = SeriesSummary {
            kind: "service".into(),
            cluster: "prod".into(),
            name: workload.into(),
            metric: "cpu_percent".into(),
            first_ms: first,
            last_ms: last,
            is_spaced: false,
            spacings: Vec::new(),
        };
        let series = vec![series];
        (
            format!("samples/account=1/region=r/month=2026-10/{path}"),
            Summary {
                series,
                conflicts: false,
            },
        )
    }

    #[test]
    fn only_parts_of_one_series_at_one_time_are_read_together() {
        let groups = group(&[
            &named("a", "web", 0, 10),
            &named("b", "web", 10, 20),
            &named("c", "web", 21, 30),
            &named("d", "api", 0, 30),
        ]);
        let sizes: Vec<(usize, bool)> = groups
            .iter()
            .map(|group| (group.parts.len(), group.overlapping))
            .collect();
        assert_eq!(sizes, [(2, true), (1, false), (1, false)]);
    }

    #[test]
    fn days_in_a_part_name_prune_it() {
        let name = "samples/account=1/region=r/month=2026-10/2026-10-02_2026-10-03_0123456789abcdef.parquet";
        let day = |day: i64| 1_759_276_800_000 + 365 * MS_PER_DAY + day * MS_PER_DAY; // 2026-10-01
        assert!(days_touch(
            name,
            Window {
                from_ms: day(2),
                to_ms: day(3)
            }
        ));
        assert!(!days_touch(
            name,
            Window {
                from_ms: day(3),
                to_ms: day(4)
            }
        ));
        assert!(!days_touch(
            name,
            Window {
                from_ms: day(0),
                to_ms: day(1)
            }
        ));
    }
}
