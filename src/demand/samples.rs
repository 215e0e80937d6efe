//! Samples → histograms, daily maxima and running tasks. The one pass over what is big.
//!
//! A group of parts goes in as one frame, ordered series by series; small, mergeable totals come out. Counts are
//! integers, so neither the order of groups nor the number of threads can change a result.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{
    ChunkCompareEq, ChunkShift, DataFrame, DataType, Expr, IntoColumn, IntoLazy, JoinArgs,
    JoinType, LazyFrame, NamedFrom, PlSmallStr, PolarsResult, Series, SortMultipleOptions,
    UniqueKeepStrategy, coalesce, col, cols, len, lit, when,
};

use super::columns::{floats, integers, texts};
use super::configurations::History;
use super::histogram::{FIRST_CPU_VCPU, FIRST_MEMORY_MIB, GROWTH, Histogram};
use super::overlap;
use super::periods::Periods;
use super::{Slot, Usage};
use crate::dataset::schema::Metric;
use crate::dataset::spacing::{self, Spacings};
use crate::model::units::{MS_PER_DAY, SLOT_MS, TaskSize, Window};
use crate::model::workload::{Kind, WorkloadKey};

/// The columns this reads.
pub const COLUMNS: [&str; 12] = [
    "kind", "cluster", "name", "run_id", "metric", "period_s", "at_ms", "sample_s", "max", "sum",
    "count", "source",
];
/// What identifies a reading within an account and region.
const KEY: [&str; 7] = [
    "kind", "cluster", "name", "run_id", "metric", "period_s", "at_ms",
];
/// Millionths: means are summed as integers.
const MICRO: f64 = 1e6;

/// Which resource a reading is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// Processor.
    Cpu,
    /// Memory.
    Memory,
}

impl Resource {
    /// `None` for what is not sized.
    const fn of(metric: Metric) -> Option<Self> {
        match metric {
            Metric::CpuPercent | Metric::CpuUnits | Metric::CpuVcpu => Some(Self::Cpu),
            Metric::MemoryPercent | Metric::MemoryMib => Some(Self::Memory),
            Metric::NetworkReceived | Metric::NetworkSent => None,
        }
    }

    const fn first(self) -> f64 {
        match self {
            Self::Cpu => FIRST_CPU_VCPU,
            Self::Memory => FIRST_MEMORY_MIB,
        }
    }
}

/// What the samples of all groups add up to.
#[derive(Debug, Default)]
pub struct Totals {
    /// Per workload.
    pub workloads: BTreeMap<WorkloadKey, WorkloadTotals>,
    /// Rows read, inside the window or not.
    pub rows: i64,
    /// Rows that said what another said, or what finer ones say of the same time.
    pub duplicates: i64,
    /// Rows that contradicted another and lost: to the higher maximum, or to the source that states its period.
    pub conflicts: i64,
}

/// What the samples of one workload add up to.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct WorkloadTotals {
    /// Use of each resource.
    pub usage: BTreeMap<Resource, UsageTotals>,
    /// Running tasks by metric, size in force and slot.
    pub running: BTreeMap<(&'static str, Option<TaskSize>), BTreeMap<i64, Slot>>,
    /// Readings in percent of a size that no source tells.
    pub without_size: i64,
    /// Kinds of source.
    pub sources: BTreeSet<String>,
}

/// Use of one resource, mergeable.
#[derive(Debug, Clone, PartialEq)]
pub struct UsageTotals {
    usage: Usage,
    /// Σ mean × weight, in millionths of a unit × seconds.
    mean_micro_s: i128,
    weight_ms: i64,
    /// First and last reading.
    pub span_ms: (i64, i64),
}

impl UsageTotals {
    fn new(resource: Resource) -> Self {
        let usage = Usage {
            histogram: Histogram::new(resource.first()),
            max: 0.0,
            mean: None,
            daily_max: BTreeMap::new(),
            samples: 0,
            period_s: 0,
        };
        Self {
            usage,
            mean_micro_s: 0,
            weight_ms: 0,
            span_ms: (i64::MAX, i64::MIN),
        }
    }

    /// The usage these totals amount to.
    pub fn usage(&self) -> Usage {
        let mean = (self.weight_ms > 0)
            .then(|| self.mean_micro_s as f64 / (self.weight_ms as f64 / 1000.0) / MICRO);
        Usage {
            mean,
            ..self.usage.clone()
        }
    }
}

/// What every group of samples is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The sizes in force over time.
    pub histories: &'a BTreeMap<WorkloadKey, History>,
    /// The periods of series that do not tell them.
    pub periods: &'a Periods,
    /// What counts.
    pub window: Window,
}

/// Adds one group of samples to the totals.
///
/// `frame` has [`COLUMNS`], all of one account and region; `overlapping` tells that readings may repeat.
pub fn reduce(
    mut frame: DataFrame,
    partition: (&str, &str),
    overlapping: bool,
    context: &Context<'_>,
    totals: &mut Totals,
) -> PolarsResult<()> {
    totals.rows += count(frame.height());
    if overlapping {
        let (resolved, duplicates, conflicts) = resolve(frame)?;
        totals.duplicates += duplicates;
        totals.conflicts += conflicts;
        frame = resolved;
    }
    let series = SeriesTable::number(&mut frame, partition)?;
    // Parts that overlap may each hold every second reading: only together do they show the spacing.
    let spacings = if overlapping {
        series.spacings(&frame)?
    } else {
        vec![None; series.keys.len()]
    };
    let usual = series.usual(&spacings, context.periods);
    if overlapping {
        let kept = overlap::finest(frame, &series.things, &usual)?;
        totals.duplicates += kept.duplicates;
        totals.conflicts += kept.conflicts;
        frame = kept.frame;
    }
    let sizes = size_table(&series, &usual, context)?;
    let readings = readings(frame.lazy(), sizes, context.window).collect()?;
    add_usage(&readings, &series, totals)?;
    add_running(&readings, &series, totals)?;
    add_sizeless(&readings, &series, totals)
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// One reading per key: equal ones once, of contradicting ones the highest, in order.
fn resolve(frame: DataFrame) -> PolarsResult<(DataFrame, i64, i64)> {
    let rows = frame.height();
    let mut order: Vec<&str> = KEY.to_vec();
    order.extend(["max", "sum", "count", "sample_s", "source"]);
    let said: Vec<&str> = order[..order.len() - 1].to_vec();
    let distinct = frame
        .lazy()
        .sort(order, SortMultipleOptions::default())
        .unique_stable(Some(cols(said)), UniqueKeepStrategy::Last)
        .collect()?;
    let distinct_rows = distinct.height();
    let resolved = distinct
        .lazy()
        .unique_stable(Some(cols(KEY)), UniqueKeepStrategy::Last)
        .collect()?;
    let kept = resolved.height();
    Ok((
        resolved,
        count(rows - distinct_rows),
        count(distinct_rows - kept),
    ))
}

/// The series of a frame: stretches of rows of one workload, run, metric and source.
struct SeriesTable {
    keys: Vec<WorkloadKey>,
    metrics: Vec<Option<Metric>>,
    /// The same number where workload, run and metric are the same: sources may tell of one thing twice.
    things: Vec<usize>,
    of_run: Vec<bool>,
    sources: Vec<String>,
}

impl SeriesTable {
    /// Numbers the stretches of equal series in a new column `series` and drops the strings that told them apart.
    fn number(frame: &mut DataFrame, (account, region): (&str, &str)) -> PolarsResult<Self> {
        let names = ["kind", "cluster", "name", "run_id", "metric", "source"];
        let mut begins = vec![false; frame.height()];
        for name in names {
            let column = frame.column(name)?.str()?;
            let before = column.shift(1);
            for (begins, differs) in begins
                .iter_mut()
                .zip(column.not_equal_missing(&before).iter())
            {
                *begins |= differs.unwrap_or(true);
            }
        }
        if let Some(first) = begins.first_mut() {
            *first = true;
        }
        let mut number: i32 = -1;
        let numbers: Vec<i32> = begins
            .iter()
            .map(|&begins| {
                number += i32::from(begins);
                number
            })
            .collect();
        let firsts: Vec<u32> = (0u32..)
            .zip(&begins)
            .filter_map(|(row, &begins)| begins.then_some(row))
            .collect();
        let heads = frame
            .select(names)?
            .take(&polars::prelude::IdxCa::new(PlSmallStr::EMPTY, firsts))?;
        frame.with_column(Series::new("series".into(), numbers).into_column())?;
        for name in names {
            frame.drop_in_place(name)?;
        }
        let [kind, cluster, name, run, metric, source] = names.map(|name| texts(&heads, name));
        let (kind, cluster, name, run, metric, source) =
            (kind?, cluster?, name?, run?, metric?, source?);
        let mut thing = 0;
        let things = (0..heads.height()).map(|i| {
            let differs = |of: &[Option<String>]| i > 0 && of[i] != of[i - 1];
            thing += usize::from(
                [&kind, &cluster, &name, &run, &metric]
                    .into_iter()
                    .any(|of| differs(of)),
            );
            thing
        });
        let things = things.collect();
        let key = |i: usize| WorkloadKey {
            account: account.to_owned(),
            region: region.to_owned(),
            kind: kind[i]
                .as_deref()
                .and_then(Kind::parse)
                .unwrap_or(Kind::Task),
            cluster: cluster[i].clone().unwrap_or_default(),
            name: name[i].clone().unwrap_or_default(),
        };
        Ok(Self {
            keys: (0..heads.height()).map(key).collect(),
            metrics: metric
                .iter()
                .map(|text| {
                    Metric::ALL
                        .into_iter()
                        .find(|metric| Some(metric.as_str()) == text.as_deref())
                })
                .collect(),
            things,
            of_run: run.iter().map(Option::is_some).collect(),
            sources: source.into_iter().map(Option::unwrap_or_default).collect(),
        })
    }

    /// The most frequent spacing of the rows of each series.
    fn spacings(&self, frame: &DataFrame) -> PolarsResult<Vec<Option<i32>>> {
        let mut spacings = vec![Spacings::new(); self.keys.len()];
        let (number, at) = (integers(frame, "series")?, integers(frame, "at_ms")?);
        for row in 1..number.len() {
            if let (Some(series), true, Some(before), Some(now)) = (
                number[row],
                number[row] == number[row - 1],
                at[row - 1],
                at[row],
            ) {
                spacing::count(
                    &mut spacings[usize::try_from(series).unwrap_or_default()],
                    now - before,
                );
            }
        }
        Ok(spacings.iter().map(spacing::most_frequent).collect())
    }

    /// The period of each series where its readings do not tell, seconds.
    fn usual(&self, spacings: &[Option<i32>], periods: &Periods) -> Vec<i32> {
        let inferred = |i: usize| {
            self.metrics[i].map_or(0, |metric| periods.get(&self.keys[i], metric.as_str()))
        };
        spacings
            .iter()
            .enumerate()
            .map(|(i, spacing)| spacing.unwrap_or_else(|| inferred(i)))
            .collect()
    }
}

/// Per series and stretch of time: how a stored value becomes vCPU or MiB, and the size in force.
fn size_table(
    series: &SeriesTable,
    periods_s: &[i32],
    context: &Context<'_>,
) -> PolarsResult<LazyFrame> {
    let (mut number, mut from, mut to) = (Vec::new(), Vec::new(), Vec::new());
    let (mut factor, mut first, mut cpu, mut memory, mut usual) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for ((i, period), (key, metric)) in (0i32..)
        .zip(periods_s)
        .zip(series.keys.iter().zip(&series.metrics))
    {
        let Some((metric, resource)) = metric.and_then(|m| Some((m, Resource::of(m)?))) else {
            continue;
        };
        for (begins, ends, size) in in_force(context.histories.get(key), context.window) {
            usual.push(*period);
            number.push(i);
            from.push(begins);
            to.push(ends);
            factor.push(factor_of(metric, size));
            first.push(resource.first());
            cpu.push(size.map(|size| size.cpu_units));
            memory.push(size.map(|size| size.memory_mib));
        }
    }
    let column = |name: &'static str, values: Series| {
        values
            .with_name(PlSmallStr::from_static(name))
            .into_column()
    };
    let rows = number.len();
    let columns = vec![
        column("series", Series::new(PlSmallStr::EMPTY, number)),
        column("from", Series::new(PlSmallStr::EMPTY, from)),
        column("to", Series::new(PlSmallStr::EMPTY, to)),
        column("factor", Series::new(PlSmallStr::EMPTY, factor)),
        column("first", Series::new(PlSmallStr::EMPTY, first)),
        column("cpu_units", Series::new(PlSmallStr::EMPTY, cpu)),
        column("memory_mib", Series::new(PlSmallStr::EMPTY, memory)),
        column("usual_s", Series::new(PlSmallStr::EMPTY, usual)),
    ];
    Ok(DataFrame::new(rows, columns)?.lazy())
}

/// The size in force over the whole window, unknown before the first configuration.
fn in_force(history: Option<&History>, window: Window) -> Vec<(i64, i64, Option<TaskSize>)> {
    let mut stretches = Vec::new();
    let mut since = (i64::MIN, None);
    for (from_ms, configuration) in history.into_iter().flatten() {
        if configuration.size() != since.1 || since.0 == i64::MIN {
            stretches.push((since.0, *from_ms, since.1));
            since = (*from_ms, configuration.size());
        }
    }
    stretches.push((since.0, i64::MAX, since.1));
    stretches.retain(|(from, to, _)| from < to && *from < window.to_ms && *to > window.from_ms);
    stretches
}

fn factor_of(metric: Metric, size: Option<TaskSize>) -> Option<f64> {
    match metric {
        Metric::CpuPercent => size.map(|size| size.vcpu() / 100.0),
        Metric::CpuUnits => Some(1.0 / 1024.0),
        Metric::CpuVcpu | Metric::MemoryMib | Metric::NetworkReceived | Metric::NetworkSent => {
            Some(1.0)
        }
        Metric::MemoryPercent => size.map(|size| f64::from(size.memory_mib) / 100.0),
    }
}

/// Each reading inside the window with its unit, weight and bucket.
fn readings(samples: LazyFrame, sizes: LazyFrame, window: Window) -> LazyFrame {
    let ratio = col("value") / col("first");
    let bucket = when(ratio.clone().gt(lit(1.0)))
        .then((ratio.log(lit(std::f64::consts::E)) / lit(GROWTH.ln())).ceil())
        .otherwise(lit(0.0));
    samples
        .filter(
            col("at_ms")
                .gt_eq(lit(window.from_ms))
                .and(col("at_ms").lt(lit(window.to_ms))),
        )
        .join(
            sizes,
            [col("series")],
            [col("series")],
            JoinArgs::new(JoinType::Inner),
        )
        .filter(
            col("at_ms")
                .gt_eq(col("from"))
                .and(col("at_ms").lt(col("to"))),
        )
        .with_columns([coalesce(&[col("period_s"), col("usual_s")]).alias("period_s")])
        .with_columns([coalesce(&[col("sample_s"), col("period_s")]).alias("sample_s")])
        .with_columns([
            (col("max") * col("factor")).alias("value"),
            (col("count") * col("sample_s").cast(DataType::Float64) * lit(1000.0))
                .round(0, polars::prelude::RoundMode::HalfAwayFromZero)
                .cast(DataType::Int64)
                .alias("weight_ms"),
        ])
        .with_columns([
            bucket.cast(DataType::Int32).alias("bucket"),
            (col("sum") * col("factor") * col("sample_s").cast(DataType::Float64) * lit(MICRO))
                .round(0, polars::prelude::RoundMode::HalfAwayFromZero)
                .cast(DataType::Int64)
                .alias("mean_micro_s"),
        ])
}

fn add_usage(readings: &DataFrame, series: &SeriesTable, totals: &mut Totals) -> PolarsResult<()> {
    let day: Expr = col("at_ms").floor_div(lit(MS_PER_DAY)).alias("day");
    let frame = readings
        .clone()
        .lazy()
        .filter(col("value").is_not_null())
        .group_by([col("series"), day, col("bucket")])
        .agg([
            col("weight_ms").sum(),
            col("mean_micro_s").sum(),
            col("value").max(),
            len().alias("samples"),
            col("period_s").max(),
            col("at_ms").min().alias("first_ms"),
            col("at_ms").max().alias("last_ms"),
        ])
        .collect()?;
    let [
        number,
        day,
        bucket,
        weight,
        mean,
        samples,
        period,
        first,
        last,
    ] = [
        "series",
        "day",
        "bucket",
        "weight_ms",
        "mean_micro_s",
        "samples",
        "period_s",
        "first_ms",
        "last_ms",
    ]
    .map(|name| integers(&frame, name));
    let (number, day, bucket, weight, mean) = (number?, day?, bucket?, weight?, mean?);
    let (samples, period, first, last) = (samples?, period?, first?, last?);
    let value = floats(&frame, "value")?;
    for row in 0..frame.height() {
        let Some(i) = number[row].and_then(|number| usize::try_from(number).ok()) else {
            continue;
        };
        let Some(resource) = series.metrics[i].and_then(Resource::of) else {
            continue;
        };
        let of = totals.workloads.entry(series.keys[i].clone()).or_default();
        of.sources.insert(series.sources[i].clone());
        let total = of
            .usage
            .entry(resource)
            .or_insert_with(|| UsageTotals::new(resource));
        let (weight, value) = (
            weight[row].unwrap_or_default(),
            value[row].unwrap_or_default(),
        );
        let narrow = |number: Option<i64>| {
            number
                .and_then(|number| i32::try_from(number).ok())
                .unwrap_or_default()
        };
        total.usage.histogram.add(narrow(bucket[row]), weight);
        total.usage.max = total.usage.max.max(value);
        total.usage.samples += samples[row].unwrap_or_default();
        total.usage.period_s = total.usage.period_s.max(period[row].unwrap_or_default());
        let highest = total.usage.daily_max.entry(narrow(day[row])).or_insert(0.0);
        *highest = highest.max(value);
        total.mean_micro_s += i128::from(mean[row].unwrap_or_default());
        total.weight_ms += weight;
        total.span_ms.0 = total.span_ms.0.min(first[row].unwrap_or(i64::MAX));
        total.span_ms.1 = total.span_ms.1.max(last[row].unwrap_or(i64::MIN));
    }
    Ok(())
}

/// `SampleCount` of a service's CPU metric is its number of running tasks.
fn add_running(
    readings: &DataFrame,
    series: &SeriesTable,
    totals: &mut Totals,
) -> PolarsResult<()> {
    let tasks = (col("weight_ms").cast(DataType::Float64)
        / (col("period_s").cast(DataType::Float64) * lit(1000.0)))
    .ceil();
    let counts: Vec<bool> = (0..series.keys.len())
        .map(|i| {
            series.keys[i].kind == Kind::Service
                && !series.of_run[i]
                && series.metrics[i].and_then(Resource::of) == Some(Resource::Cpu)
        })
        .collect();
    let counted: Vec<i32> = (0i32..)
        .zip(&counts)
        .filter_map(|(i, &counts)| counts.then_some(i))
        .collect();
    let counted = DataFrame::new(
        counted.len(),
        vec![Series::new("series".into(), counted).into_column()],
    )?;
    let slot: Expr = col("at_ms").floor_div(lit(SLOT_MS)).alias("slot");
    let frame = readings
        .clone()
        .lazy()
        .join(
            counted.lazy(),
            [col("series")],
            [col("series")],
            JoinArgs::new(JoinType::Semi),
        )
        .group_by([
            col("series"),
            slot,
            col("period_s"),
            col("cpu_units"),
            col("memory_mib"),
        ])
        .agg([
            col("weight_ms").sum(),
            tasks.max().cast(DataType::Int64).alias("peak"),
        ])
        .collect()?;
    let [number, slot, period, cpu, memory, weight, peak] = [
        "series",
        "slot",
        "period_s",
        "cpu_units",
        "memory_mib",
        "weight_ms",
        "peak",
    ]
    .map(|name| integers(&frame, name));
    let (number, slot, period, cpu, memory, weight, peak) =
        (number?, slot?, period?, cpu?, memory?, weight?, peak?);
    for row in 0..frame.height() {
        let Some(i) = number[row].and_then(|number| usize::try_from(number).ok()) else {
            continue;
        };
        let Some(metric) = series.metrics[i] else {
            continue;
        };
        let small = |value: Option<i64>| value.and_then(|value| u32::try_from(value).ok());
        let size = small(cpu[row])
            .zip(small(memory[row]))
            .map(|(cpu, memory)| TaskSize::new(cpu, memory));
        let of = totals.workloads.entry(series.keys[i].clone()).or_default();
        let slots = of.running.entry((metric.as_str(), size)).or_default();
        let (first, weight) = (
            slot[row].unwrap_or_default(),
            weight[row].unwrap_or_default(),
        );
        // A period longer than a slot is spread evenly over the slots it covers.
        let spread = (period[row].unwrap_or_default() * 1000 / SLOT_MS).max(1);
        for part in 0..spread {
            let task_ms = weight * (part + 1) / spread - weight * part / spread;
            let slot = slots.entry(first + part).or_insert(Slot {
                slot: first + part,
                task_ms: 0,
                peak: 0,
            });
            slot.task_ms += task_ms;
            slot.peak = slot.peak.max(small(peak[row]).unwrap_or_default());
        }
    }
    Ok(())
}

fn add_sizeless(
    readings: &DataFrame,
    series: &SeriesTable,
    totals: &mut Totals,
) -> PolarsResult<()> {
    let frame = readings
        .clone()
        .lazy()
        .filter(col("value").is_null())
        .group_by([col("series")])
        .agg([len().alias("samples")])
        .collect()?;
    for (number, samples) in integers(&frame, "series")?
        .into_iter()
        .zip(integers(&frame, "samples")?)
    {
        if let Some(i) = number.and_then(|number| usize::try_from(number).ok()) {
            let of = totals.workloads.entry(series.keys[i].clone()).or_default();
            of.without_size += samples.unwrap_or_default();
            of.sources.insert(series.sources[i].clone());
        }
    }
    Ok(())
}
