//! Reading a dataset: only parts that a commit names, each verified, samples in groups that may repeat each other.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use polars::prelude::{
    ChunkAgg, Column, DataFrame, Int64Chunked, IntoLazy, NamedFrom, PlSmallStr, PolarsResult,
    Series, UnionArgs, concat,
};

use super::batch::SKEW_MS;
use super::compact::{Compactions, LARGE, stack};
use super::coverage::{self, Committed, is_import};
use super::given::Given;
use super::kept::{self, SampleDay};
use super::log::Log;
use super::part::{self, DaySummary, Part, SeriesSummary};
use super::schema::{CoverageRow, Metric};
use super::{Dataset, Table, source};
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::units::{MS_PER_DAY, Window};
use crate::model::workload;

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
    pub(super) dataset: &'a Dataset,
    /// Every commit that counts.
    pub commits: Vec<Committed>,
    /// What imports that broke off had committed; it does not count.
    pub unfinished: Vec<Committed>,
    /// Days of samples, and what was kept of them.
    pub days: Vec<SampleDay>,
    /// Parts of samples to read.
    samples: Vec<String>,
    /// A table of days that is taken instead of samples.
    pub given: Option<Given>,
    /// Days that were reduced are kept beside the samples.
    pub keeps_days: bool,
    /// Parts that are read instead of others.
    pub(super) compactions: Compactions,
    /// What the footers that were read say.
    footers: Mutex<HashMap<String, Arc<Named>>>,
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

/// Samples that must be read together, because they may be there twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleGroup {
    /// Paths relative to the root, all of one account and region.
    pub parts: Vec<String>,
    /// True when samples may repeat or contradict each other.
    pub overlapping: bool,
    /// The time whose samples are wanted, of whatever else the parts hold.
    pub window: Window,
}

impl SampleGroup {
    /// Account and region of its parts.
    pub fn place(&self) -> (&str, &str) {
        self.parts
            .first()
            .map_or(("", ""), |part| part::account_and_region(part))
    }
}

/// The time that samples cover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleSpan {
    /// AWS account id.
    pub account: String,
    /// AWS region.
    pub region: String,
    /// Their number counts the running tasks of services.
    pub counts_tasks: bool,
    /// From the first of them to the last end of a period.
    pub window: Window,
}

/// Samples of a part that lie beside each other.
#[derive(Debug, Default)]
pub struct Samples {
    /// The rows, without the names where the stretches tell them.
    pub frame: DataFrame,
    /// How many of the part's rows come before.
    pub first_row: usize,
    /// Series of the part and, perhaps, its stretches.
    pub summary: Arc<part::Summary>,
}

/// A part of samples and what its footer tells.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) path: String,
    pub(super) rows: usize,
    pub(super) summary: part::Summary,
}

impl<'a> Scan<'a> {
    /// Reads the commit log.
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
        let is_of = |what| move |commit: &Committed| commit.row.source.starts_with(what);
        let (kept, commits): (Vec<_>, Vec<_>) =
            commits.into_iter().partition(is_of(source::DEMAND_KIND));
        let (compactions, commits): (Vec<_>, Vec<_>) =
            commits.into_iter().partition(is_of(source::COMPACTION));
        let named = coverage::all_parts(&commits);
        let compactions = Compactions::of(dataset, &compactions, &named)?;
        let samples = coverage::named_parts(&commits, Table::Samples);
        let mut scan = Self {
            dataset,
            commits,
            unfinished,
            limit_ms: now_ms.saturating_add(SKEW_MS),
            set_aside: SetAside {
                rows: AtomicU64::new(0),
                latest_ms: AtomicI64::new(i64::MIN),
            },
            days: kept::days(&samples, &kept),
            samples: compactions.instead_of(samples).into_iter().collect(),
            given: None,
            keeps_days: false,
            compactions,
            footers: Mutex::default(),
        };
        scan.forget_lost_days();
        Ok(scan)
    }

    /// Days of which a kept part is not there, or tells nothing, were not kept.
    fn forget_lost_days(&mut self) {
        let limit_ms = self.limit_ms;
        for day in &mut self.days {
            day.is_over = i64::from(day.day + 1) * MS_PER_DAY <= limit_ms;
            day.kept = day.kept.take().filter(|_| day.is_over);
        }
        let kept = self.days.iter().flat_map(|day| day.kept.iter().flatten());
        if self.footers(kept).is_ok() {
            return;
        }
        let all = self.days.iter().filter(|day| day.kept.is_some());
        let parts: BTreeSet<String> = all
            .flat_map(|day| day.kept.iter().chain(&day.others).flatten().cloned())
            .collect();
        let is_lost = |part: &&String| self.footers([*part]).is_err();
        let lost: BTreeSet<&String> = parts.iter().filter(is_lost).collect();
        for day in &mut self.days {
            let is_whole = |parts: &Vec<String>| !parts.iter().any(|part| lost.contains(part));
            let kept = day.kept.take().into_iter();
            day.kept = kept.chain(day.others.drain(..)).find(is_whole);
        }
    }

    /// Keeps the days that are reduced beside the samples.
    #[must_use]
    pub fn keeping_days(self) -> Self {
        Self {
            keeps_days: true,
            ..self
        }
    }

    /// Takes the days of a table that was made before, here or by another engine, instead of samples.
    #[must_use]
    pub fn with_given(self, given: Given) -> Self {
        Self {
            given: Some(given),
            ..self
        }
    }

    /// What the footers of `parts` say, in order; each is read once.
    pub(super) fn footers<'p>(
        &self,
        parts: impl IntoIterator<Item = &'p String>,
    ) -> Result<Vec<Arc<Named>>> {
        let mut known = self.footers.lock().unwrap_or_else(PoisonError::into_inner);
        let parts: Vec<&String> = parts.into_iter().collect();
        let unknown: Vec<String> = parts
            .iter()
            .filter(|part| !known.contains_key(**part))
            .map(|part| (*part).clone())
            .collect();
        self.dataset.storage.read_tails(&unknown, |path, tail| {
            let (rows, summary) = part::summary(&self.dataset.storage, path, &tail)
                .map_err(|error| why_unreadable(self.dataset, path, error))?;
            let named = Named {
                path: path.to_owned(),
                rows,
                summary,
            };
            known.insert(path.to_owned(), Arc::new(named));
            Ok(())
        })?;
        let footers = parts.into_iter().filter_map(|part| known.get(part));
        Ok(footers.cloned().collect())
    }

    /// All rows of `table`, with `account` and `region` as columns; `None` when there are none.
    pub fn table(&self, table: Table) -> Result<Option<DataFrame>> {
        let parts = self.parts(table);
        let mut frames = Vec::new();
        let storage = &self.dataset.storage;
        storage.read_each(&parts, |relative, bytes| {
            frames.push(with_partition(part::decode(storage, relative, &bytes, None)?)?.lazy());
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
        match self.late(&frame)? {
            Some(late) => frame.filter(&late.into_iter().map(|late| !late).collect()),
            None => Ok(frame),
        }
    }

    /// Which rows of `frame` tell a time after now, where any does; they are counted.
    fn late(&self, frame: &DataFrame) -> PolarsResult<Option<Vec<bool>>> {
        let mut late: Vec<bool> = Vec::new();
        for name in TIMES {
            if frame.get_column_index(name).is_none() {
                continue;
            }
            let times = frame.column(name)?.i64()?;
            if !may_be_late(times, self.limit_ms) {
                continue;
            }
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
        let rows = late.iter().filter(|late| **late).count();
        self.set_aside
            .rows
            .fetch_add(rows as u64, Ordering::Relaxed);
        Ok((!late.is_empty()).then_some(late))
    }

    /// The parts of a table to read.
    fn parts(&self, table: Table) -> Vec<String> {
        let named = coverage::named_parts(&self.commits, table);
        self.compactions.instead_of(named).into_iter().collect()
    }

    /// By folder, the parts of a table that are worth rewriting: small ones, of samples also those that overlap.
    pub(super) fn small_parts(&self, table: Table) -> Result<Vec<(String, Vec<String>)>> {
        let parts = self.footers(&self.parts(table))?;
        let mut overlapping = BTreeSet::new();
        for members in group(&parts) {
            if members.len() > 1 || members.iter().any(|part| part.summary.conflicts) {
                overlapping.extend(members.iter().map(|part| &part.path));
            }
        }
        let mut folders: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for part in &parts {
            if part.rows < LARGE || overlapping.contains(&part.path) {
                let folder = part.path.rsplit_once('/').map_or("", |(folder, _)| folder);
                folders.entry(folder).or_default().push(part.path.clone());
            }
        }
        let is_worth_it = |parts: &[String]| parts.len() > 1 || overlapping.contains(&parts[0]);
        let worth_it = folders.into_iter().filter(|(_, parts)| is_worth_it(parts));
        Ok(worth_it
            .map(|(folder, parts)| (folder.to_owned(), parts))
            .collect())
    }

    /// The rows of parts of one table.
    pub(super) fn stacked(&self, table: Table, parts: &[String]) -> Result<DataFrame> {
        let mut frames = Vec::new();
        let storage = &self.dataset.storage;
        storage.read_each(parts, |relative, bytes| {
            let frame = part::decode(storage, relative, &bytes, None)?.frame;
            frames.push(frame);
            Ok(())
        })?;
        stack(frames).map_err(|cause| unreadable(table, cause))
    }

    /// The samples of `parts`, some days at a time.
    pub(super) fn days_of(&self, parts: &[String]) -> Result<Vec<SampleGroup>> {
        let parts = self.footers(parts)?;
        let parts: Vec<&Named> = parts.iter().map(|part| &**part).collect();
        let always = Window {
            from_ms: i64::MIN,
            to_ms: i64::MAX,
        };
        Ok(by_days(&parts, always))
    }

    /// How many samples of each day were left out of compacted parts.
    pub fn left_out(&self, group: &SampleGroup) -> Result<Vec<DaySummary>> {
        let footers = self.footers(&group.parts)?;
        let days = footers.iter().flat_map(|part| part.summary.days.clone());
        let in_window = |day: &DaySummary| {
            let at_ms = i64::from(day.day) * MS_PER_DAY;
            group.window.from_ms <= at_ms && at_ms < group.window.to_ms
        };
        Ok(days.filter(in_window).collect())
    }

    /// The time that samples cover, by account and region, those that count running tasks by themselves.
    ///
    /// From the samples themselves, also where their days are kept: what is kept must change nothing.
    pub fn sample_spans(&self) -> Result<Vec<SampleSpan>> {
        let mut spans: BTreeMap<(&str, &str, bool), Window> = BTreeMap::new();
        let footers = self.footers(&self.samples)?;
        for named in &footers {
            let (account, region) = part::account_and_region(&named.path);
            for series in &named.summary.series {
                let counts_tasks = series.kind == workload::Kind::Service.as_str()
                    && series.metric == Metric::CpuPercent.as_str();
                let covered = series.covered();
                let is_seen = series.first_ms <= series.last_ms && covered.from_ms <= self.limit_ms;
                if is_seen {
                    let span = spans
                        .entry((account, region, counts_tasks))
                        .or_insert(covered);
                    span.from_ms = span.from_ms.min(covered.from_ms);
                    span.to_ms = span.to_ms.max(covered.to_ms);
                }
            }
        }
        let span =
            |((account, region, counts_tasks), window): ((&str, &str, bool), Window)| SampleSpan {
                account: account.to_owned(),
                region: region.to_owned(),
                counts_tasks,
                window: Window {
                    from_ms: window.from_ms,
                    to_ms: window.to_ms.min(self.limit_ms),
                },
            };
        Ok(spans.into_iter().map(span).collect())
    }

    /// The time that collections were asked for, up to the newest one: its unfinished day is left out where there is
    /// another. `None` without collections.
    pub fn collected_span(&self) -> Option<(i64, i64)> {
        // That clusters could be listed tells of no day that anything of it was asked for.
        let is_asked = |row: &CoverageRow| {
            row.scope != source::EVERY_CLUSTER
                || coverage::is_failure(&row.state, row.reason.as_deref())
        };
        let collected = || {
            let rows = self.commits.iter().map(|commit| &commit.row);
            rows.filter(|row| is_asked(row))
                .filter_map(|row| Some((midnight(row.day.parse().ok()?), row.collected_ms?)))
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

    /// The samples of `window`, of one account and region or of all, grouped so that only samples within a group can
    /// collide.
    pub fn sample_groups(
        &self,
        place: Option<(&str, &str)>,
        window: Window,
    ) -> Result<Vec<SampleGroup>> {
        let is_wanted = |part: &&String| {
            days_touch(part, window)
                && place.is_none_or(|place| part::account_and_region(part) == place)
        };
        let parts = self.footers(self.samples.iter().filter(is_wanted))?;
        let mut groups = Vec::new();
        for members in group(&parts) {
            let overlapping =
                members.len() > 1 || members.iter().any(|part| part.summary.conflicts);
            if overlapping {
                groups.extend(by_days(&members, window));
            } else {
                groups.extend(members.iter().map(|part| SampleGroup {
                    parts: vec![part.path.clone()],
                    overlapping,
                    window,
                }));
            }
        }
        Ok(groups)
    }

    /// The parts of samples, where none of them may hold what another one holds.
    pub fn parts_without_overlap(&self) -> Result<Vec<String>> {
        let always = Window {
            from_ms: i64::MIN,
            to_ms: i64::MAX,
        };
        let groups = self.sample_groups(None, always)?;
        if let Some(group) = groups.iter().find(|group| group.overlapping) {
            let first = group.parts.first().map_or("", String::as_str);
            return Err(Error::new(
                ErrorKind::Usage,
                format!(
                    "{} parts may tell the same samples, `{first}` among them: no single statement can tell which count",
                    group.parts.len()
                ),
            )
            .hint("run `plimsoll compact` first: it leaves each sample once"));
        }
        Ok(self.samples.clone())
    }

    /// Hands over `columns` of the parts of one group, some rows at a time, but for the `names` among them where a part
    /// tells them by stretches. Later rows than can be are counted, but are among them: see [`Self::recorded`].
    pub fn each_samples(
        &self,
        group: &SampleGroup,
        columns: &[&str],
        names: &[&str],
        mut take: impl FnMut(Samples) -> Result<()>,
    ) -> Result<()> {
        let storage = &self.dataset.storage;
        storage.read_each(&group.parts, |relative, bytes| {
            part::decode_samples(storage, relative, &bytes, (columns, names), |samples| {
                self.late(&samples.frame)
                    .map_err(|cause| unreadable(Table::Samples, cause))?;
                take(samples)
            })
        })
    }

    /// The part of `window` in which something can have been recorded.
    pub fn recorded(&self, window: Window) -> Window {
        Window {
            to_ms: window.to_ms.min(self.limit_ms.saturating_add(1)),
            ..window
        }
    }
}

/// True where a time may be later than `limit_ms`.
fn may_be_late(times: &Int64Chunked, limit_ms: i64) -> bool {
    // No time is below zero: the sign of a difference says which is less, and many differences are formed at once.
    let is_late = |times: &[i64]| {
        times
            .iter()
            .fold(0, |signs, at_ms| signs | limit_ms.wrapping_sub(*at_ms))
            < 0
    };
    times.downcast_iter().any(|times| is_late(times.values()))
}

/// What is wrong with a part whose footer says nothing: its bytes, where they are not those that its name promises.
fn why_unreadable(dataset: &Dataset, relative: &str, of_footer: Error) -> Error {
    let storage = &dataset.storage;
    let verify =
        |relative: &str, bytes: Vec<u8>| part::decode(storage, relative, &bytes, None).map(drop);
    storage
        .read_each(&[relative.to_owned()], verify)
        .err()
        .unwrap_or(of_footer)
}

/// Rows of one group that are held at once.
const MOST_AT_ONCE: usize = 2_000_000;

/// Parts that overlap are read some days at a time: no sample of one day is about another.
fn by_days(parts: &[&Named], window: Window) -> Vec<SampleGroup> {
    let spans = parts.iter().filter_map(|part| span_of_days(&part.path));
    let whole = spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    let (from_ms, to_ms) = whole.map_or((window.from_ms, window.to_ms), |(from_ms, to_ms)| {
        (from_ms.max(window.from_ms), to_ms.min(window.to_ms))
    });
    let rows: usize = parts.iter().map(|part| part.rows).sum();
    let times = i64::try_from(rows.div_ceil(MOST_AT_ONCE)).unwrap_or(i64::MAX);
    let days = ((to_ms - from_ms - 1).div_euclid(MS_PER_DAY) + 1).max(1);
    let step = ((days - 1) / times.max(1) + 1) * MS_PER_DAY;
    let mut groups = Vec::new();
    let mut begin = from_ms;
    while begin < to_ms {
        let end = (begin.div_euclid(MS_PER_DAY) * MS_PER_DAY + step).min(to_ms);
        let window = Window {
            from_ms: begin,
            to_ms: end,
        };
        let of_days = parts.iter().filter(|part| days_touch(&part.path, window));
        let parts: Vec<String> = of_days.map(|part| part.path.clone()).collect();
        if !parts.is_empty() {
            groups.push(SampleGroup {
                parts,
                overlapping: true,
                window,
            });
        }
        begin = end;
    }
    groups
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
            &bytes,
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
            &bytes,
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
        ErrorKind::Input,
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
            Error::new(ErrorKind::Failure, "cannot add a partition column").cause(cause)
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
pub(super) fn span_of_days(relative: &str) -> Option<(i64, i64)> {
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

/// Joins parts that hold the same series at overlapping times.
fn group(parts: &[Arc<Named>]) -> Vec<Vec<&Named>> {
    type Spans = Vec<(i64, i64, usize)>;
    let mut spans: BTreeMap<(&str, &str, &str, &str, &str), Spans> = BTreeMap::new();
    for (index, part) in parts.iter().enumerate() {
        let partition = part
            .path
            .rsplit_once("/month=")
            .map_or(part.path.as_str(), |(before, _)| before);
        for series in &part.summary.series {
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
    let mut groups: BTreeMap<usize, Vec<&Named>> = BTreeMap::new();
    for (index, part) in parts.iter().enumerate() {
        groups.entry(find(&mut root, index)).or_default().push(part);
    }
    groups.into_values().collect()
}

/// The last instant that a sample may be about: the longest periods reach far into what finer ones tell.
fn last_covered_ms(series: &SeriesSummary) -> i64 {
    series.last_ms + (i64::from(series.longest_s) * 1000 - 1).max(0)
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

    fn named(path: &str, workload: &str, first: i64, last: i64) -> Arc<Named> {
        let series = SeriesSummary {
            kind: "service".into(),
            cluster: "prod".into(),
            name: workload.into(),
            metric: "cpu_percent".into(),
            first_ms: first,
            last_ms: last,
            longest_s: 0,
            covered_ms: None,
        };
        Named {
            path: format!("samples/account=1/region=r/month=2026-10/{path}"),
            rows: 1,
            summary: Summary {
                series: vec![series],
                ..Summary::default()
            },
        }
        .into()
    }

    #[test]
    fn only_parts_of_one_series_at_one_time_are_read_together() {
        let parts = [
            named("a", "web", 0, 10),
            named("b", "web", 10, 20),
            named("c", "web", 21, 30),
            named("d", "api", 0, 30),
        ];
        let groups = group(&parts);
        let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 1, 1]);
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
