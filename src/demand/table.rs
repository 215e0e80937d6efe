//! The table of days as a frame: one declaration each way. Any engine that counts alike may have made it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use polars::prelude::{
    Column, DataFrame, DataType, Float64Chunked, Int64Chunked, IntoColumn, NamedFrom, PlSmallStr,
    PolarsResult, Series as Values, StaticArray, StringChunked, polars_bail, polars_err,
};

use super::days::{BucketRow, Cell, DayRows, RunRow, Series, SlotRow, day_of};
use super::histogram::LAST;
use super::stretches::stretches_of;
use crate::dataset::schema::Metric;
use crate::model::units::{MS_PER_DAY, SLOT_MS};
use crate::model::workload::Kind;

/// Its columns, but for account and region.
///
/// A row has one of `bucket` (edges below the value), `slot` (five minutes since the epoch) and `run_id`, and tells what
/// the samples of `metric` of that day (since the epoch) and bucket, slot or run add up to: `weight_ms`
/// (task-milliseconds), `sum_ms` (average value × task-milliseconds), `max`, `samples`, `period_s` (the longest), `peak`
/// (most tasks at once), `first_ms` and `last_ms`. What a kind of row has no use for is null.
pub const COLUMNS: [&str; 17] = [
    "kind",
    "cluster",
    "name",
    "metric",
    "source",
    "day",
    "bucket",
    "slot",
    "run_id",
    "weight_ms",
    "sum_ms",
    "max",
    "samples",
    "period_s",
    "peak",
    "first_ms",
    "last_ms",
];

/// One more column of days that are kept: how many slots, one after the other, a row tells the same of.
const SLOTS: &str = "slots";

/// The columns being filled.
#[derive(Default)]
struct Builder<'a> {
    /// Slots that are alike share a row.
    joins: bool,
    slots: Vec<Option<i64>>,
    texts: [Vec<&'a str>; 5],
    run: Vec<Option<&'a str>>,
    day: Vec<i64>,
    bucket: Vec<Option<i64>>,
    slot: Vec<Option<i64>>,
    weight_ms: Vec<i64>,
    sum_ms: Vec<Option<i64>>,
    max: Vec<Option<f64>>,
    samples: Vec<i64>,
    period_s: Vec<i64>,
    peak: Vec<Option<i64>>,
    first_ms: Vec<Option<i64>>,
    last_ms: Vec<Option<i64>>,
}

impl<'a> Builder<'a> {
    fn series(&mut self, rows: &'a DayRows, series: u32) {
        let Some(series) = rows.series.get(series as usize) else {
            return;
        };
        let texts = [
            series.kind.as_str(),
            &series.cluster,
            &series.name,
            series.metric.as_str(),
            &series.source,
        ];
        for (column, text) in self.texts.iter_mut().zip(texts) {
            column.push(text);
        }
    }

    fn cell(&mut self, cell: &Cell) {
        self.weight_ms.push(cell.weight_ms);
        self.sum_ms.push(Some(cell.sum_ms));
        self.max.push(Some(cell.max));
        self.samples.push(cell.samples);
        self.period_s.push(cell.period_s.into());
        self.peak.push(None);
        self.first_ms.push(Some(cell.first_ms));
        self.last_ms.push(Some(cell.last_ms));
    }

    fn add(&mut self, rows: &'a DayRows) {
        for row in &rows.buckets {
            self.series(rows, row.series);
            self.day.push(row.day().into());
            self.bucket.push(Some(row.bucket.into()));
            self.slot.push(None);
            self.slots.push(None);
            self.run.push(None);
            self.cell(&row.cell);
        }
        for row in &rows.slots {
            if self.joins {
                self.add_slots(rows, row);
            } else {
                row.single().for_each(|row| self.add_slots(rows, &row));
            }
        }
        for row in &rows.run_days {
            self.series(rows, row.series);
            self.day.push(row.day.into());
            self.bucket.push(None);
            self.slot.push(None);
            self.slots.push(None);
            self.run
                .push(rows.runs.get(row.run as usize).map(|run| &**run));
            self.cell(&row.cell);
        }
    }

    fn add_slots(&mut self, rows: &'a DayRows, row: &SlotRow) {
        self.series(rows, row.series);
        self.slots.push(Some(row.slots));
        self.day.push(day_of(row.from_ms).into());
        self.bucket.push(None);
        self.slot.push(Some(row.slot));
        self.run.push(None);
        self.weight_ms.push(row.weight_ms);
        self.sum_ms.push(None);
        self.max.push(None);
        self.samples.push(row.samples);
        self.period_s.push(row.period_s.into());
        self.peak.push(Some(row.peak));
        self.first_ms.push(None);
        self.last_ms.push(None);
    }

    fn finish(self) -> PolarsResult<DataFrame> {
        let rows = self.day.len();
        let [kind, cluster, name, metric, source] = self.texts;
        let values = [
            Values::new(PlSmallStr::EMPTY, kind),
            Values::new(PlSmallStr::EMPTY, cluster),
            Values::new(PlSmallStr::EMPTY, name),
            Values::new(PlSmallStr::EMPTY, metric),
            Values::new(PlSmallStr::EMPTY, source),
            Values::new(PlSmallStr::EMPTY, self.day),
            Values::new(PlSmallStr::EMPTY, self.bucket),
            Values::new(PlSmallStr::EMPTY, self.slot),
            Values::new(PlSmallStr::EMPTY, self.run),
            Values::new(PlSmallStr::EMPTY, self.weight_ms),
            Values::new(PlSmallStr::EMPTY, self.sum_ms),
            Values::new(PlSmallStr::EMPTY, self.max),
            Values::new(PlSmallStr::EMPTY, self.samples),
            Values::new(PlSmallStr::EMPTY, self.period_s),
            Values::new(PlSmallStr::EMPTY, self.peak),
            Values::new(PlSmallStr::EMPTY, self.first_ms),
            Values::new(PlSmallStr::EMPTY, self.last_ms),
        ];
        let named = |(values, name): (Values, &&'static str)| {
            values
                .with_name(PlSmallStr::from_static(name))
                .into_column()
        };
        let mut columns: Vec<Column> = values.into_iter().zip(&COLUMNS).map(named).collect();
        if self.joins {
            columns.push(Values::new(PlSmallStr::from_static(SLOTS), self.slots).into_column());
        }
        DataFrame::new(rows, columns)
    }
}

/// The rows of whole days as a frame with [`COLUMNS`].
pub fn frame(rows: &DayRows) -> PolarsResult<DataFrame> {
    let mut builder = Builder::default();
    builder.add(rows);
    builder.finish()
}

/// The same for days that are kept, with slots that are alike in one row.
pub(super) fn kept_frame(rows: &DayRows) -> PolarsResult<DataFrame> {
    let mut builder = Builder {
        joins: true,
        ..Builder::default()
    };
    builder.add(rows);
    builder.finish()
}

/// The rows of a frame with [`COLUMNS`], all of one account and region, of the days that `is_wanted` names.
pub fn rows(frame: &DataFrame, is_wanted: impl Fn(i32) -> bool) -> PolarsResult<DayRows> {
    let columns = Columns::of(frame)?;
    let mut rows = DayRows::default();
    let (mut series, mut runs) = (HashMap::new(), HashMap::new());
    for stretch in stretches_of(&columns.texts, frame.height()) {
        let next = number(rows.series.len());
        let series = *series
            .entry(columns.series(stretch.start)?)
            .or_insert_with_key(|key: &Series| {
                rows.series.push(key.clone());
                next
            });
        for at in stretch {
            let day = columns.day(at)?;
            if is_wanted(day) {
                columns.add(at, day, series, &mut rows, &mut runs)?;
            }
        }
    }
    rows.count_buckets();
    rows.normalize();
    Ok(rows)
}

/// The days that the rows of a frame are of.
pub fn days(frame: &DataFrame) -> PolarsResult<BTreeSet<i32>> {
    let days = Numbers::of(frame, "day")?;
    let narrow = |at| days.get(at).and_then(|day| i32::try_from(day).ok());
    Ok((0..frame.height()).filter_map(narrow).collect())
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The columns of a frame.
struct Columns<'f> {
    /// Kind, cluster, name, metric and source.
    texts: [&'f StringChunked; 5],
    run: &'f StringChunked,
    day: Numbers,
    bucket: Numbers,
    slot: Numbers,
    /// How many slots are alike, where rows tell.
    slots: Option<Numbers>,
    weight_ms: Numbers,
    sum_ms: Numbers,
    max: Float64Chunked,
    samples: Numbers,
    period_s: Numbers,
    peak: Numbers,
    first_ms: Numbers,
    last_ms: Numbers,
}

impl<'f> Columns<'f> {
    fn of(frame: &'f DataFrame) -> PolarsResult<Self> {
        let text = |name: &str| frame.column(name).and_then(Column::str);
        let numbers = |name: &str| Numbers::of(frame, name);
        Ok(Self {
            texts: [
                text("kind")?,
                text("cluster")?,
                text("name")?,
                text("metric")?,
                text("source")?,
            ],
            run: text("run_id")?,
            day: numbers("day")?,
            bucket: numbers("bucket")?,
            slot: numbers("slot")?,
            slots: frame
                .get_column_index(SLOTS)
                .map(|_| numbers(SLOTS))
                .transpose()?,
            weight_ms: numbers("weight_ms")?,
            sum_ms: numbers("sum_ms")?,
            max: frame.column("max")?.f64()?.rechunk().into_owned(),
            samples: numbers("samples")?,
            period_s: numbers("period_s")?,
            peak: numbers("peak")?,
            first_ms: numbers("first_ms")?,
            last_ms: numbers("last_ms")?,
        })
    }

    fn series(&self, at: usize) -> PolarsResult<Series> {
        let [kind, cluster, name, metric, source] = self.texts.map(|column| column.get(at));
        let (Some(kind), Some(metric)) =
            (kind.and_then(Kind::parse), metric.and_then(Metric::parse))
        else {
            polars_bail!(ComputeError: "a kind of workload or a metric that is not known");
        };
        Ok(Series {
            kind,
            cluster: cluster.unwrap_or_default().to_owned(),
            name: name.unwrap_or_default().to_owned(),
            metric,
            source: source.unwrap_or_default().to_owned(),
        })
    }

    fn day(&self, at: usize) -> PolarsResult<i32> {
        let day = self.day.get(at).and_then(|day| i32::try_from(day).ok());
        day.ok_or_else(|| polars_err!(ComputeError: "a row without its day"))
    }

    fn cell(&self, at: usize) -> Cell {
        let period_s = self.period_s.get(at);
        Cell {
            weight_ms: self.weight_ms.get(at).unwrap_or_default(),
            sum_ms: self.sum_ms.get(at).unwrap_or_default(),
            samples: self.samples.get(at).unwrap_or_default(),
            max: self.max.get(at).unwrap_or_default(),
            period_s: period_s
                .and_then(|period_s| i32::try_from(period_s).ok())
                .unwrap_or_default(),
            first_ms: self.first_ms.get(at).unwrap_or(i64::MAX),
            last_ms: self.last_ms.get(at).unwrap_or(i64::MIN),
        }
    }

    /// How many slots a row tells of.
    fn slots_from(&self, at: usize) -> i64 {
        let stated = self.slots.as_ref().and_then(|slots| slots.get(at));
        stated.unwrap_or(1)
    }

    /// True where the slots of a row, of which `slot` is the first, are of the day.
    fn is_of_day(&self, at: usize, slot: i64, day: i32) -> bool {
        let last = slot.saturating_add(self.slots_from(at)).saturating_sub(1);
        last >= slot
            && day_of(slot.saturating_mul(SLOT_MS)) == day
            && day_of(last.saturating_mul(SLOT_MS)) == day
    }

    fn add(
        &self,
        at: usize,
        day: i32,
        series: u32,
        rows: &mut DayRows,
        runs: &mut HashMap<String, u32>,
    ) -> PolarsResult<()> {
        let (cell, from_ms) = (self.cell(at), i64::from(day) * MS_PER_DAY);
        match (self.bucket.get(at), self.slot.get(at), self.run.get(at)) {
            (Some(bucket), None, None) if (0..=i64::from(LAST)).contains(&bucket) => {
                rows.buckets.push(BucketRow {
                    series,
                    from_ms,
                    bucket: u16::try_from(bucket).unwrap_or_default(),
                    cell,
                });
            }
            (None, Some(slot), None) if self.is_of_day(at, slot, day) => {
                rows.slots.push(SlotRow {
                    series,
                    from_ms,
                    slot,
                    slots: self.slots_from(at),
                    period_s: cell.period_s,
                    weight_ms: cell.weight_ms,
                    peak: self.peak.get(at).unwrap_or_default(),
                    samples: cell.samples,
                });
            }
            (None, None, Some(run)) => {
                let next = number(rows.runs.len());
                let run = *runs.entry(run.to_owned()).or_insert_with_key(|run| {
                    rows.runs.push(Arc::from(run.as_str()));
                    next
                });
                rows.run_days.push(RunRow {
                    series,
                    run,
                    day,
                    cell,
                });
            }
            _ => polars_bail!(
                ComputeError: "a row is of a bucket, of a slot of its day, or of a run"
            ),
        }
        Ok(())
    }
}

/// A column of integers.
struct Numbers(Int64Chunked);

impl Numbers {
    fn of(frame: &DataFrame, name: &str) -> PolarsResult<Self> {
        let column = frame.column(name)?.cast(&DataType::Int64)?;
        Ok(Self(column.i64()?.rechunk().into_owned()))
    }

    fn get(&self, row: usize) -> Option<i64> {
        self.0.downcast_as_array().get(row)
    }
}
