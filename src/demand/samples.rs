//! Samples → rows per day. The one pass over what is big.
//!
//! The strings of a part are looked at once per stretch of equal ones; behind that, everything is numbers. What comes
//! out are sums of integers, maxima and minima, so neither the order of parts nor the number of threads can change it.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use polars::prelude::{
    Column, DataFrame, DataType, Float64Chunked, Int32Chunked, Int64Chunked, PolarsResult,
    StringChunked, polars_bail,
};

use super::days::{BucketRow, Cell, DayCount, DayRows, RunRow, Series, SlotRow, day_of};
use super::histogram::{BUCKETS, bucket};
use super::overlap::{self, Reading};
use super::totals::Cuts;
use crate::dataset::scan::Samples;
use crate::dataset::schema::{METRIC_PERIOD_S, Metric, SampleRow, SourceKind};
use crate::model::units::{MS_PER_DAY, SLOT_MS, Window};
use crate::model::workload::{Kind, WorkloadKey};

/// The columns this reads.
pub const COLUMNS: [&str; 12] = [
    "kind", "cluster", "name", "run_id", "metric", "period_s", "at_ms", "sample_s", "max", "sum",
    "count", "source",
];
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

/// Rows of days that are being made of the samples of one account and region.
pub struct Reduction<'a> {
    wanted: Wanted<'a>,
    names: Names<'a>,
    reducer: Reducer,
    /// Samples of which others may tell, too.
    held: Vec<Reading>,
}

impl<'a> Reduction<'a> {
    /// Of samples of `place`, an account and region.
    pub fn new(place: (&'a str, &'a str), wanted: Wanted<'a>) -> Self {
        Self {
            wanted,
            names: Names::new(place, wanted.cuts),
            reducer: Reducer::new(),
            held: Vec::new(),
        }
    }

    /// Adds samples with [`COLUMNS`], but for [`NAMES`] where their stretches tell them.
    pub fn add(&mut self, samples: &Samples) -> PolarsResult<()> {
        if self.wanted.overlapping {
            return hold(samples, &mut self.names, &self.wanted, &mut self.held);
        }
        let values = Values::of(&samples.frame)?;
        let rows = values.rows()?;
        for stretch in stretches(samples, &mut self.names)? {
            self.reducer.add(&self.names, &rows, &stretch, &self.wanted);
        }
        Ok(())
    }

    /// The rows that the samples amount to, in order.
    pub fn finish(self) -> DayRows {
        let Self {
            wanted,
            names,
            mut reducer,
            mut held,
        } = self;
        if !wanted.overlapping {
            reducer.count_kept();
            return reducer.finish(names);
        }
        for sample in &held {
            reducer.count(sample.at_ms).rows += 1;
        }
        for left in overlap::keep_finest(&mut held) {
            let counts = &mut reducer.rows.counts;
            let count = counts.entry(left.day).or_insert(DayCount::EMPTY);
            count.leave_out(left.contradicts);
        }
        let mut columns = Columns::default();
        for of_one in held.chunk_by(|a, b| (a.series, a.run) == (b.series, b.run)) {
            columns.fill(of_one);
            let stretch = Stretch {
                rows: 0..of_one.len(),
                series: of_one[0].series,
                run: of_one[0].run,
                thing: of_one[0].thing,
            };
            reducer.add(&names, &columns.rows(), &stretch, &wanted);
        }
        reducer.finish(names)
    }
}

/// Adds the wanted ones of `samples` to those that are held.
fn hold(
    samples: &Samples,
    names: &mut Names<'_>,
    wanted: &Wanted<'_>,
    held: &mut Vec<Reading>,
) -> PolarsResult<()> {
    let values = Values::of(&samples.frame)?;
    let rows = values.rows()?;
    for stretch in stretches(samples, names)? {
        let of_stretch = stretch.rows.clone().map(|row| rows.reading(row, &stretch));
        held.extend(of_stretch.filter(|sample| names.wants(sample, wanted)));
    }
    Ok(())
}

/// Samples that are read to be written again, each once.
pub struct Resolution<'a> {
    place: (&'a str, &'a str),
    wanted: Wanted<'a>,
    names: Names<'a>,
    held: Vec<Reading>,
}

impl<'a> Resolution<'a> {
    /// Of samples of `place`, an account and region.
    pub fn new(place: (&'a str, &'a str), wanted: Wanted<'a>) -> Self {
        Self {
            place,
            wanted,
            names: Names::new(place, wanted.cuts),
            held: Vec::new(),
        }
    }

    /// Adds samples with [`COLUMNS`], but for [`NAMES`] where their stretches tell them.
    pub fn add(&mut self, samples: &Samples) -> PolarsResult<()> {
        hold(samples, &mut self.names, &self.wanted, &mut self.held)
    }

    /// The samples, each once, and how many were left out by day.
    pub fn finish(self) -> PolarsResult<(Vec<SampleRow>, BTreeMap<i32, DayCount>)> {
        let Self {
            place,
            names,
            mut held,
            ..
        } = self;
        let mut left_out = BTreeMap::new();
        for left in overlap::keep_finest(&mut held) {
            let count = left_out.entry(left.day).or_insert(DayCount::EMPTY);
            count.rows += 1;
            count.leave_out(left.contradicts);
        }
        let workload = |series: &Series| Arc::new(series.workload(place.0, place.1));
        let workloads: Vec<Arc<WorkloadKey>> = names.series.iter().map(workload).collect();
        let mut rows = Vec::with_capacity(held.len());
        for sample in held {
            let series = &names.series[sample.series as usize];
            let Some(source) = SourceKind::parse(&series.source) else {
                polars_bail!(ComputeError: "`{}` is no kind of source", series.source);
            };
            let run = sample.run.checked_sub(1);
            rows.push(SampleRow {
                workload: workloads[sample.series as usize].clone(),
                run_id: run.map(|run| names.runs[run as usize].clone()),
                metric: series.metric,
                period_s: sample.is_stated.then_some(sample.period_s),
                at_ms: sample.at_ms,
                sample_s: Some(sample.sample_s),
                max: sample.max,
                sum: sample.sum,
                count: sample.count,
                source,
            });
        }
        Ok((rows, left_out))
    }
}

/// Series, runs and things by number.
struct Names<'a> {
    account: &'a str,
    region: &'a str,
    cuts: &'a Cuts,
    series: Vec<Series>,
    /// By series, the days that are cut.
    days: Vec<Option<&'a BTreeMap<i32, Vec<i64>>>>,
    series_numbers: HashMap<Series, u32>,
    runs: Vec<Arc<str>>,
    run_numbers: HashMap<Arc<str>, u32>,
    /// By series without its source, and run.
    things: HashMap<(Kind, String, String, Metric, u32), u32>,
}

impl<'a> Names<'a> {
    fn new((account, region): (&'a str, &'a str), cuts: &'a Cuts) -> Self {
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

    fn series(&mut self, series: Series) -> u32 {
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
    fn run(&mut self, run: Option<&str>) -> u32 {
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

    fn thing(&mut self, series: &Series, run: u32) -> u32 {
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
    fn wants(&self, sample: &Reading, wanted: &Wanted<'_>) -> bool {
        let is_cut = || {
            self.days[sample.series as usize]
                .is_some_and(|days| days.contains_key(&day_of(sample.at_ms)))
        };
        wanted.window.from_ms <= sample.at_ms
            && sample.at_ms < wanted.window.to_ms
            && (!wanted.only_cut || is_cut())
    }

    /// The day of an instant, or the piece of it, for a series; and whether it is cut.
    fn piece(&self, series: u32, at_ms: i64) -> (Range<i64>, bool) {
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
struct Stretch {
    rows: Range<usize>,
    series: u32,
    run: u32,
    thing: u32,
}

/// The stretches of `samples` whose metric is known.
fn stretches(samples: &Samples, names: &mut Names<'_>) -> PolarsResult<Vec<Stretch>> {
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

/// The numbers of a frame.
struct Values {
    at_ms: Int64Chunked,
    max: Float64Chunked,
    sum: Float64Chunked,
    count: Float64Chunked,
    period_s: Seconds,
    sample_s: Seconds,
}

/// Seconds that records may state.
enum Seconds {
    All(Int32Chunked),
    Some(Vec<Option<i32>>),
    None,
}

impl Seconds {
    fn of(frame: &DataFrame, name: &str) -> PolarsResult<Self> {
        let column = frame.column(name)?.cast(&DataType::Int32)?;
        let column = column.i32()?;
        Ok(match column.null_count() {
            0 => Self::All(column.rechunk().into_owned()),
            nulls if nulls == column.len() => Self::None,
            _ => Self::Some(column.iter().collect()),
        })
    }

    fn values(&self) -> PolarsResult<Stated<'_>> {
        Ok(match self {
            Self::All(all) => Stated::All(all.cont_slice()?),
            Self::Some(some) => Stated::Some(some),
            Self::None => Stated::None,
        })
    }
}

impl Values {
    fn of(frame: &DataFrame) -> PolarsResult<Self> {
        let float = |name: &str| -> PolarsResult<Float64Chunked> {
            Ok(frame.column(name)?.f64()?.rechunk().into_owned())
        };
        Ok(Self {
            at_ms: frame.column("at_ms")?.i64()?.rechunk().into_owned(),
            max: float("max")?,
            sum: float("sum")?,
            count: float("count")?,
            period_s: Seconds::of(frame, "period_s")?,
            sample_s: Seconds::of(frame, "sample_s")?,
        })
    }

    fn rows(&self) -> PolarsResult<Rows<'_>> {
        Ok(Rows {
            at_ms: self.at_ms.cont_slice()?,
            max: self.max.cont_slice()?,
            sum: self.sum.cont_slice()?,
            count: self.count.cont_slice()?,
            period_s: self.period_s.values()?,
            sample_s: self.sample_s.values()?,
        })
    }
}

/// The numbers of a frame, row by row.
struct Rows<'a> {
    at_ms: &'a [i64],
    max: &'a [f64],
    sum: &'a [f64],
    count: &'a [f64],
    period_s: Stated<'a>,
    sample_s: Stated<'a>,
}

#[derive(Clone, Copy)]
enum Stated<'a> {
    All(&'a [i32]),
    Some(&'a [Option<i32>]),
    None,
}

impl Stated<'_> {
    /// Those of some rows.
    fn of(&self, rows: Range<usize>) -> Self {
        match self {
            Self::All(all) => Self::All(&all[rows]),
            Self::Some(some) => Self::Some(&some[rows]),
            Self::None => Self::None,
        }
    }

    /// What all of them are, `usual` where none is stated; `None` where they differ.
    fn same(&self, usual: i32) -> Option<i32> {
        match self {
            Self::All(all) => {
                let first = *all.first()?;
                let differ = all.iter().fold(0, |differ, value| differ | (value ^ first));
                (differ == 0).then_some(first)
            }
            Self::Some(some) => {
                let first = some.first()?;
                let are_same = some.iter().all(|value| value == first);
                are_same.then_some(first.unwrap_or(usual))
            }
            Self::None => Some(usual),
        }
    }

    #[inline]
    fn get(&self, row: usize) -> Option<i32> {
        match self {
            Self::All(all) => Some(all[row]),
            Self::Some(some) => some[row],
            Self::None => None,
        }
    }
}

impl Rows<'_> {
    /// Some of the rows.
    fn of(&self, rows: Range<usize>) -> Self {
        Self {
            at_ms: &self.at_ms[rows.clone()],
            max: &self.max[rows.clone()],
            sum: &self.sum[rows.clone()],
            count: &self.count[rows.clone()],
            period_s: self.period_s.of(rows.clone()),
            sample_s: self.sample_s.of(rows),
        }
    }

    /// Period and length of the samples, seconds, where all are the same.
    fn seconds(&self) -> Option<(i32, i32)> {
        let period_s = self.period_s.same(METRIC_PERIOD_S)?;
        Some((period_s, self.sample_s.same(period_s)?))
    }

    /// Period and length of one sample, seconds.
    #[inline]
    fn seconds_of(&self, row: usize) -> (i32, i32) {
        let period_s = self.period_s.get(row).unwrap_or(METRIC_PERIOD_S);
        (period_s, self.sample_s.get(row).unwrap_or(period_s))
    }

    #[inline]
    fn reading(&self, row: usize, stretch: &Stretch) -> Reading {
        let (period_s, sample_s) = self.seconds_of(row);
        Reading {
            thing: stretch.thing,
            series: stretch.series,
            run: stretch.run,
            period_s,
            sample_s,
            is_stated: self.period_s.get(row).is_some(),
            at_ms: self.at_ms[row],
            max: self.max[row],
            sum: self.sum[row],
            count: self.count[row],
        }
    }
}

/// The numbers of samples that are held, by column.
#[derive(Default)]
struct Columns {
    at_ms: Vec<i64>,
    max: Vec<f64>,
    sum: Vec<f64>,
    count: Vec<f64>,
    period_s: Vec<i32>,
    sample_s: Vec<i32>,
}

impl Columns {
    fn fill(&mut self, samples: &[Reading]) {
        *self = Self {
            at_ms: samples.iter().map(|sample| sample.at_ms).collect(),
            max: samples.iter().map(|sample| sample.max).collect(),
            sum: samples.iter().map(|sample| sample.sum).collect(),
            count: samples.iter().map(|sample| sample.count).collect(),
            period_s: samples.iter().map(|sample| sample.period_s).collect(),
            sample_s: samples.iter().map(|sample| sample.sample_s).collect(),
        };
    }

    fn rows(&self) -> Rows<'_> {
        Rows {
            at_ms: &self.at_ms,
            max: &self.max,
            sum: &self.sum,
            count: &self.count,
            period_s: Stated::All(&self.period_s),
            sample_s: Stated::All(&self.sample_s),
        }
    }
}

/// Half up, as every engine computes it; what a dataset holds is never below zero.
#[inline]
fn rounded(value: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "saturates, which is found")]
    let whole = (value + 0.5) as i64;
    whole
}

/// The next whole number, of one above zero.
#[inline]
fn ceiling(value: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    let below = value as i64;
    below + i64::from((below as f64) < value)
}

/// Task-milliseconds of a sample, and in the same way value × task-milliseconds.
#[inline]
fn in_ms(count: f64, sample_s: i32) -> i64 {
    rounded(count * f64::from(sample_s) * 1000.0)
}

/// Adds samples up, one series and day after the other.
struct Reducer {
    rows: DayRows,
    /// The cells of the present series and day.
    cells: Vec<Cell>,
    /// Which of them are not empty.
    touched: Vec<u16>,
    present: Option<Present>,
    slot: Option<SlotRow>,
}

/// What is being added up.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Present {
    series: u32,
    run: u32,
    /// Where the day, or the piece of it, begins.
    from_ms: i64,
}

impl Reducer {
    fn new() -> Self {
        Self {
            rows: DayRows::default(),
            cells: vec![Cell::EMPTY; BUCKETS],
            touched: Vec::new(),
            present: None,
            slot: None,
        }
    }

    fn count(&mut self, at_ms: i64) -> &mut DayCount {
        let count = self
            .rows
            .counts
            .entry(day_of(at_ms))
            .or_insert(DayCount::EMPTY);
        count.first_ms = count.first_ms.min(at_ms);
        count.last_ms = count.last_ms.max(at_ms);
        count
    }

    /// Every sample was kept: what was read is what was added.
    fn count_kept(&mut self) {
        self.flush();
        for row in &self.rows.buckets {
            let count = self.rows.counts.entry(row.day()).or_insert(DayCount::EMPTY);
            count.rows += row.cell.samples;
            count.first_ms = count.first_ms.min(row.cell.first_ms);
            count.last_ms = count.last_ms.max(row.cell.last_ms);
        }
    }

    /// Adds the wanted ones of a stretch, those beside each other in one piece of a day at once.
    fn add(&mut self, names: &Names<'_>, rows: &Rows<'_>, stretch: &Stretch, wanted: &Wanted<'_>) {
        let counts_tasks = names.series[stretch.series as usize].counts_tasks(stretch.run > 0);
        let mut begin = stretch.rows.start;
        while begin < stretch.rows.end {
            let first_ms = rows.at_ms[begin];
            let (piece, is_cut) = names.piece(stretch.series, first_ms);
            let window = wanted.window.from_ms..wanted.window.to_ms;
            let is_wanted = window.contains(&first_ms) && (is_cut || !wanted.only_cut);
            let rest = &rows.at_ms[begin..stretch.rows.end];
            let is_like_first = |at_ms: &&i64| {
                piece.contains(at_ms) && window.contains(at_ms) == window.contains(&first_ms)
            };
            let of_piece = begin..begin + rest.iter().take_while(is_like_first).count();
            begin = of_piece.end;
            if !is_wanted {
                continue;
            }
            let present = Present {
                series: stretch.series,
                run: stretch.run,
                from_ms: piece.start,
            };
            if self.present != Some(present) {
                self.flush();
                self.present = Some(present);
            }
            self.add_piece(&present, &rows.of(of_piece), counts_tasks);
        }
    }

    /// Adds samples of what is present.
    fn add_piece(&mut self, present: &Present, rows: &Rows<'_>, counts_tasks: bool) {
        let seconds = rows.seconds();
        if let Some((period_s, sample_s)) = seconds {
            self.add_cells(rows, |_| (period_s, sample_s));
        } else {
            self.add_cells(rows, |row| rows.seconds_of(row));
        }
        if counts_tasks {
            if let Some((period_s, sample_s)) = seconds {
                self.add_running(present, rows, |_| (period_s, sample_s));
            } else {
                self.add_running(present, rows, |row| rows.seconds_of(row));
            }
        }
    }

    /// Adds samples to their buckets, whose period and length in seconds `seconds` tells.
    #[inline]
    fn add_cells(&mut self, rows: &Rows<'_>, seconds: impl Fn(usize) -> (i32, i32)) {
        let values = rows
            .at_ms
            .iter()
            .zip(rows.max)
            .zip(rows.sum.iter().zip(rows.count));
        for (row, ((&at_ms, &max), (&sum, &count))) in values.enumerate() {
            let (period_s, sample_s) = seconds(row);
            let at = bucket(max);
            let cell = &mut self.cells[usize::from(at)];
            if cell.samples == 0 {
                self.touched.push(at);
            }
            cell.merge(&Cell {
                weight_ms: in_ms(count, sample_s),
                sum_ms: in_ms(sum, sample_s),
                samples: 1,
                max,
                period_s,
                first_ms: at_ms,
                last_ms: at_ms,
            });
        }
    }

    /// Adds samples, whose number is that of running tasks, to their slots.
    #[inline]
    fn add_running(
        &mut self,
        present: &Present,
        rows: &Rows<'_>,
        seconds: impl Fn(usize) -> (i32, i32),
    ) {
        let times = |slot: i64| slot * SLOT_MS..(slot + 1) * SLOT_MS;
        let mut of_slot = self.slot.map_or(0..0, |row| times(row.slot));
        for (row, (&at_ms, &count)) in rows.at_ms.iter().zip(rows.count).enumerate() {
            let (period_s, sample_s) = seconds(row);
            let weight_ms = in_ms(count, sample_s);
            let tasks = ceiling(weight_ms as f64 / (f64::from(period_s) * 1000.0));
            let is_present = self
                .slot
                .as_ref()
                .is_some_and(|slot| slot.period_s == period_s);
            match &mut self.slot {
                Some(slot) if is_present && of_slot.contains(&at_ms) => {
                    slot.weight_ms = slot.weight_ms.saturating_add(weight_ms);
                    slot.peak = slot.peak.max(tasks);
                    slot.samples += 1;
                }
                slot => {
                    let number = at_ms.div_euclid(SLOT_MS);
                    of_slot = times(number);
                    let before = slot.replace(SlotRow {
                        series: present.series,
                        from_ms: present.from_ms,
                        slot: number,
                        slots: 1,
                        period_s,
                        weight_ms,
                        peak: tasks,
                        samples: 1,
                    });
                    take_slot(&mut self.rows.slots, before);
                }
            }
        }
    }

    /// Hands over the cells of the present series and day.
    fn flush(&mut self) {
        take_slot(&mut self.rows.slots, self.slot.take());
        let Some(present) = self.present.take() else {
            return;
        };
        let mut whole = Cell::EMPTY;
        self.touched.sort_unstable();
        for at in self.touched.drain(..) {
            let cell = std::mem::replace(&mut self.cells[usize::from(at)], Cell::EMPTY);
            whole.merge(&cell);
            self.rows.buckets.push(BucketRow {
                series: present.series,
                from_ms: present.from_ms,
                bucket: at,
                cell,
            });
        }
        if let Some(run) = present.run.checked_sub(1) {
            self.rows.run_days.push(RunRow {
                series: present.series,
                run,
                day: day_of(present.from_ms),
                cell: whole,
            });
        }
    }

    fn finish(mut self, names: Names<'_>) -> DayRows {
        self.flush();
        self.rows.series = names.series;
        self.rows.runs = names.runs;
        self.rows.normalize();
        self.rows
    }
}

/// Adds a slot to those before it.
fn take_slot(slots: &mut Vec<SlotRow>, row: Option<SlotRow>) {
    let Some(row) = row else { return };
    if !slots.last_mut().is_some_and(|last| last.join(&row)) {
        slots.push(row);
    }
}
