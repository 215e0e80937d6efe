//! Reading a dataset: only parts that a commit names, each verified, samples in groups that may repeat each other.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use polars::prelude::{
    DataFrame, IntoLazy, NamedFrom, PlSmallStr, PolarsResult, Series, UnionArgs, concat,
};

use super::batch::SKEW_MS;
use super::compactions::Compactions;
use super::coverage::{self, Committed, is_import};
use super::given::Given;
use super::groups::{MOST_AT_ONCE, SampleGroup, by_days, group};
use super::kept::{self, SampleDay};
use super::late::Late;
use super::log::Log;
use super::name::{account_and_region, days_touch, folder, midnight, span_of_days};
use super::part::{self, Named, Part, Samples};
use super::schema::{CoverageRow, Metric};
use super::summary::DaySummary;
use super::{Dataset, Table, source};
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::units::{MS_PER_DAY, Window};
use crate::model::workload;

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
    /// Rows that tell a later time than can be.
    late: Late,
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
            late: Late::than(now_ms.saturating_add(SKEW_MS)),
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
        let limit_ms = self.late.limit_ms;
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
            .and_then(|frame| self.late.until_now(frame))
            .map(Some)
            .map_err(|cause| unreadable(table, cause))
    }

    /// How many rows were set aside so far because they tell a later time than can be, and the latest of these times.
    pub fn set_aside(&self) -> Option<(u64, i64)> {
        self.late.set_aside()
    }

    /// The parts of a table to read.
    fn parts(&self, table: Table) -> Vec<String> {
        let named = coverage::named_parts(&self.commits, table);
        self.compactions.instead_of(named).into_iter().collect()
    }

    /// By folder, the parts of a table that are worth rewriting: those of less than `large` rows, of samples also those
    /// that overlap. Parts that are read together are rewritten together. What is of a day that is not over is left until
    /// it is: the next collection replaces it, and nothing that stands for it, too, would count any more.
    pub(super) fn small_parts(
        &self,
        table: Table,
        large: usize,
    ) -> Result<Vec<(String, Vec<String>)>> {
        let parts = self.footers(&self.parts(table))?;
        let mut overlapping = BTreeSet::new();
        for members in group(&parts) {
            if members.len() > 1 || members.iter().any(|part| part.summary.conflicts) {
                overlapping.extend(members.iter().map(|part| &part.path));
            }
        }
        let rows: HashMap<&String, usize> =
            parts.iter().map(|part| (&part.path, part.rows)).collect();
        let (open, over): (Vec<_>, Vec<_>) =
            self.commits.iter().partition(|commit| commit.is_open());
        let over = coverage::named_parts(over, table);
        let mut open = coverage::named_parts(open, table);
        open.retain(|part| !over.contains(part));
        let is_worth = |together: &[String]| {
            let rows = together.iter().filter_map(|part| rows.get(part));
            let is_small = rows.sum::<usize>() < large;
            let is_open = together.iter().any(|part| open.contains(part));
            let is_overlapping = together.iter().any(|part| overlapping.contains(part));
            is_overlapping || is_small && !is_open
        };
        let mut folders: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for part in &parts {
            if is_worth(&self.compactions.together_with(&part.path)) {
                folders
                    .entry(folder(&part.path))
                    .or_default()
                    .push(part.path.clone());
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

    /// The samples of `parts`, some days, about `most_at_once` rows, at a time.
    pub(super) fn days_of(
        &self,
        parts: &[String],
        most_at_once: usize,
    ) -> Result<Vec<SampleGroup>> {
        let parts = self.footers(parts)?;
        let parts: Vec<&Named> = parts.iter().map(|part| &**part).collect();
        let always = Window {
            from_ms: i64::MIN,
            to_ms: i64::MAX,
        };
        Ok(by_days(&parts, always, most_at_once))
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
            let (account, region) = account_and_region(&named.path);
            for series in &named.summary.series {
                let counts_tasks = series.kind == workload::Kind::Service.as_str()
                    && series.metric == Metric::CpuPercent.as_str();
                let covered = series.covered();
                let is_seen =
                    series.first_ms <= series.last_ms && covered.from_ms <= self.late.limit_ms;
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
                    to_ms: window.to_ms.min(self.late.limit_ms),
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
            .filter(|(from_ms, _)| *from_ms <= self.late.limit_ms)
            .map(|(from_ms, to_ms)| (from_ms, to_ms.min(self.end_of_days())))
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// The end of the last day on which something can have been recorded.
    fn end_of_days(&self) -> i64 {
        let last = self.late.limit_ms.div_euclid(MS_PER_DAY);
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
            days_touch(part, window) && place.is_none_or(|place| account_and_region(part) == place)
        };
        let parts = self.footers(self.samples.iter().filter(is_wanted))?;
        let mut groups = Vec::new();
        for members in group(&parts) {
            let overlapping =
                members.len() > 1 || members.iter().any(|part| part.summary.conflicts);
            if overlapping {
                groups.extend(by_days(&members, window, MOST_AT_ONCE));
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
                self.late
                    .late(&samples.frame)
                    .map_err(|cause| unreadable(Table::Samples, cause))?;
                take(samples)
            })
        })
    }

    /// The part of `window` in which something can have been recorded.
    pub fn recorded(&self, window: Window) -> Window {
        Window {
            to_ms: window.to_ms.min(self.late.limit_ms.saturating_add(1)),
            ..window
        }
    }
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

pub(super) fn unreadable(table: Table, cause: polars::prelude::PolarsError) -> Error {
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

/// The rows of all of `frames`.
fn stack(frames: Vec<DataFrame>) -> PolarsResult<DataFrame> {
    let mut all = DataFrame::empty();
    for frame in frames {
        if all.width() == 0 {
            all = frame;
        } else {
            all.vstack_mut(&frame)?;
        }
    }
    all.rechunk_mut();
    Ok(all)
}
