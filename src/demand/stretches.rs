//! Which rows of samples are of one series, and which of them are wanted: strings are looked at once per stretch of equal
//! ones, behind that everything is numbers.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use polars::prelude::{Column, DataFrame, PolarsResult, StringChunked};

use super::days::{Series, day_of};
use super::overlap::Reading;
use super::totals::Cuts;
use crate::dataset::part::Samples;
use crate::dataset::schema::Metric;
use crate::model::units::{MS_PER_DAY, Window};
use crate::model::workload::Kind;

/// What tells one series, and run, from the next.
pub const NAMES: [&str; 6] = ["kind", "cluster", "name", "run_id", "metric", "source"];

/// Which of the samples of some parts count, and how their days are cut.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Samples that begin in it.
    pub window: Window,
    /// The same sample may be there twice.
    pub overlapping: bool,
    /// Where days are cut into pieces.
    pub cuts: &'a Cuts,
    /// Only workloads whose day is cut, on that day.
    pub only_cut: bool,
}

/// Series, runs and things by number.
pub(super) struct Names<'a> {
    pub(super) account: &'a str,
    pub(super) region: &'a str,
    pub(super) cuts: &'a Cuts,
    pub(super) series: Vec<Series>,
    /// By series, the days that are cut.
    pub(super) days: Vec<Option<&'a BTreeMap<i32, Vec<i64>>>>,
    pub(super) series_numbers: HashMap<Series, u32>,
    pub(super) runs: Vec<Arc<str>>,
    pub(super) run_numbers: HashMap<Arc<str>, u32>,
    /// By series without its source, and run.
    pub(super) things: HashMap<(Kind, String, String, Metric, u32), u32>,
}

impl<'a> Names<'a> {
    pub(super) fn new((account, region): (&'a str, &'a str), cuts: &'a Cuts) -> Self {
        Self {
            account,
            region,
            cuts,
            series: Vec::new(),
            days: Vec::new(),
            series_numbers: HashMap::new(),
            runs: Vec::new(),
            run_numbers: HashMap::new(),
            things: HashMap::new(),
        }
    }

    pub(super) fn series(&mut self, series: Series) -> u32 {
        if let Some(&known) = self.series_numbers.get(&series) {
            return known;
        }
        let next = number(self.series.len());
        let workload = series.workload(self.account, self.region);
        self.days.push(self.cuts.of(&workload));
        self.series.push(series.clone());
        self.series_numbers.insert(series, next);
        next
    }

    /// The number of a run, one up: 0 for none.
    pub(super) fn run(&mut self, run: Option<&str>) -> u32 {
        let Some(run) = run else { return 0 };
        if let Some(&known) = self.run_numbers.get(run) {
            return known;
        }
        let run: Arc<str> = run.into();
        self.runs.push(run.clone());
        let up = number(self.runs.len());
        self.run_numbers.insert(run, up);
        up
    }

    pub(super) fn thing(&mut self, series: &Series, run: u32) -> u32 {
        let next = number(self.things.len());
        let Series {
            kind,
            cluster,
            name,
            metric,
            ..
        } = series;
        let key = (*kind, cluster.clone(), name.clone(), *metric, run);
        *self.things.entry(key).or_insert(next)
    }

    #[inline]
    pub(super) fn wants(&self, sample: &Reading, wanted: &Wanted<'_>) -> bool {
        let is_cut = || {
            self.days[sample.series as usize]
                .is_some_and(|days| days.contains_key(&day_of(sample.at_ms)))
        };
        wanted.window.from_ms <= sample.at_ms
            && sample.at_ms < wanted.window.to_ms
            && (!wanted.only_cut || is_cut())
    }

    /// The day of an instant, or the piece of it, for a series; and whether it is cut.
    pub(super) fn piece(&self, series: u32, at_ms: i64) -> (Range<i64>, bool) {
        let day = day_of(at_ms);
        let from_ms = i64::from(day) * MS_PER_DAY;
        let cuts = self.days[series as usize].and_then(|days| days.get(&day));
        let Some(cuts) = cuts else {
            return (from_ms..from_ms + MS_PER_DAY, false);
        };
        let behind = cuts.partition_point(|cut_ms| *cut_ms <= at_ms);
        let begin = behind.checked_sub(1).and_then(|before| cuts.get(before));
        let end = cuts.get(behind).copied();
        let piece = begin.copied().unwrap_or(from_ms)..end.unwrap_or(from_ms + MS_PER_DAY);
        (piece, true)
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Rows beside each other that are of one series and run.
pub(super) struct Stretch {
    pub(super) rows: Range<usize>,
    pub(super) series: u32,
    pub(super) run: u32,
    pub(super) thing: u32,
}

/// The stretches of `samples` whose metric is known.
pub(super) fn stretches(samples: &Samples, names: &mut Names<'_>) -> PolarsResult<Vec<Stretch>> {
    if samples.summary.stretches.is_empty() {
        found(&samples.frame, names)
    } else {
        Ok(stated(samples, names))
    }
}

/// The stretches that the part states, as far as they are about these rows of it.
fn stated(samples: &Samples, names: &mut Names<'_>) -> Vec<Stretch> {
    let (first, height) = (samples.first_row, samples.frame.height());
    let (mut stretches, mut behind) = (Vec::new(), 0);
    for stretch in &samples.summary.stretches {
        let begin = behind;
        behind += stretch.rows;
        let rows = begin.max(first) - first..behind.min(first + height).saturating_sub(first);
        if rows.is_empty() {
            continue;
        }
        let of = samples.summary.series.get(stretch.series);
        let Some((of, metric)) = of.and_then(|of| Some((of, Metric::parse(&of.metric)?))) else {
            continue;
        };
        let series = Series {
            kind: Kind::parse(&of.kind).unwrap_or(Kind::Task),
            cluster: of.cluster.clone(),
            name: of.name.clone(),
            metric,
            source: stretch.source.clone(),
        };
        let run = names.run(stretch.run.as_deref());
        stretches.push(Stretch {
            rows,
            thing: names.thing(&series, run),
            series: names.series(series),
            run,
        });
    }
    stretches
}

/// The stretches whose names are read row by row.
fn found(frame: &DataFrame, names: &mut Names<'_>) -> PolarsResult<Vec<Stretch>> {
    let columns = NAMES.map(|name| frame.column(name).and_then(Column::str));
    let [kind, cluster, name, run, metric, source] = columns;
    let (kind, cluster, name, run) = (kind?, cluster?, name?, run?);
    let (metric, source) = (metric?, source?);
    let text = |column: &StringChunked, row: usize| column.get(row).unwrap_or_default().to_owned();
    let mut stretches = Vec::new();
    let columns = [kind, cluster, name, run, metric, source];
    for rows in stretches_of(&columns, frame.height()) {
        let first = rows.start;
        let Some(metric) = metric.get(first).and_then(Metric::parse) else {
            continue;
        };
        let series = Series {
            kind: kind.get(first).and_then(Kind::parse).unwrap_or(Kind::Task),
            cluster: text(cluster, first),
            name: text(name, first),
            metric,
            source: text(source, first),
        };
        let run = names.run(run.get(first));
        stretches.push(Stretch {
            rows,
            thing: names.thing(&series, run),
            series: names.series(series),
            run,
        });
    }
    Ok(stretches)
}

/// Rows beside each other in which all of `columns` stay the same.
pub(super) fn stretches_of(columns: &[&StringChunked], rows: usize) -> Vec<Range<usize>> {
    let mut begins = vec![false; rows];
    if let Some(first) = begins.first_mut() {
        *first = true;
    }
    for column in columns {
        mark_changes(column, &mut begins);
    }
    let firsts: Vec<usize> = (0..rows).filter(|&row| begins[row]).collect();
    let ends = firsts.iter().skip(1).copied().chain([rows]);
    firsts
        .iter()
        .zip(ends)
        .map(|(&first, end)| first..end)
        .collect()
}

/// Marks each row whose string differs from the one before.
fn mark_changes(column: &StringChunked, begins: &mut [bool]) {
    if column.null_count() == column.len() {
        return;
    }
    if column.null_count() > 0 {
        let mut before = None;
        for (begins, value) in begins.iter_mut().zip(column.iter()) {
            *begins |= before != value;
            before = value;
        }
        return;
    }
    let (mut row, mut last) = (0, None);
    for array in column.downcast_iter() {
        let views = array.views();
        for i in 0..views.len() {
            // Equal views of one array show the same bytes; strings of a dictionary are compared without being read.
            let is_same = if i == 0 {
                last == Some(array.value(0))
            } else {
                let (a, b) = (&views[i - 1], &views[i]);
                (a.length, a.prefix, a.buffer_idx, a.offset)
                    == (b.length, b.prefix, b.buffer_idx, b.offset)
                    || array.value(i - 1) == array.value(i)
            };
            begins[row] |= !is_same;
            row += 1;
        }
        last = views.len().checked_sub(1).map(|end| array.value(end));
    }
}
