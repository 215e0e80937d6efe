//! The numbers of samples, column by column.

use std::ops::Range;

use polars::prelude::{
    DataFrame, DataType, Float64Chunked, Int32Chunked, Int64Chunked, PolarsResult,
};

use super::overlap::Reading;
use super::stretches::Stretch;
use crate::dataset::schema::METRIC_PERIOD_S;

/// The numbers of a frame.
pub(super) struct Values {
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
    pub(super) fn of(frame: &DataFrame, name: &str) -> PolarsResult<Self> {
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
    pub(super) fn of(frame: &DataFrame) -> PolarsResult<Self> {
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

    pub(super) fn rows(&self) -> PolarsResult<Rows<'_>> {
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
pub(super) struct Rows<'a> {
    pub(super) at_ms: &'a [i64],
    pub(super) max: &'a [f64],
    pub(super) sum: &'a [f64],
    pub(super) count: &'a [f64],
    pub(super) period_s: Stated<'a>,
    pub(super) sample_s: Stated<'a>,
}

#[derive(Clone, Copy)]
pub(super) enum Stated<'a> {
    All(&'a [i32]),
    Some(&'a [Option<i32>]),
    None,
}

impl Stated<'_> {
    /// Those of some rows.
    pub(super) fn of(&self, rows: Range<usize>) -> Self {
        match self {
            Self::All(all) => Self::All(&all[rows]),
            Self::Some(some) => Self::Some(&some[rows]),
            Self::None => Self::None,
        }
    }

    /// What all of them are, `usual` where none is stated; `None` where they differ.
    pub(super) fn same(&self, usual: i32) -> Option<i32> {
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
    pub(super) fn get(&self, row: usize) -> Option<i32> {
        match self {
            Self::All(all) => Some(all[row]),
            Self::Some(some) => some[row],
            Self::None => None,
        }
    }
}

impl Rows<'_> {
    /// Some of the rows.
    pub(super) fn of(&self, rows: Range<usize>) -> Self {
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
    pub(super) fn seconds(&self) -> Option<(i32, i32)> {
        let period_s = self.period_s.same(METRIC_PERIOD_S)?;
        Some((period_s, self.sample_s.same(period_s)?))
    }

    /// Period and length of one sample, seconds.
    #[inline]
    pub(super) fn seconds_of(&self, row: usize) -> (i32, i32) {
        let period_s = self.period_s.get(row).unwrap_or(METRIC_PERIOD_S);
        (period_s, self.sample_s.get(row).unwrap_or(period_s))
    }

    #[inline]
    pub(super) fn reading(&self, row: usize, stretch: &Stretch) -> Reading {
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
pub(super) struct Columns {
    at_ms: Vec<i64>,
    max: Vec<f64>,
    sum: Vec<f64>,
    count: Vec<f64>,
    period_s: Vec<i32>,
    sample_s: Vec<i32>,
}

impl Columns {
    pub(super) fn fill(&mut self, samples: &[Reading]) {
        *self = Self {
            at_ms: samples.iter().map(|sample| sample.at_ms).collect(),
            max: samples.iter().map(|sample| sample.max).collect(),
            sum: samples.iter().map(|sample| sample.sum).collect(),
            count: samples.iter().map(|sample| sample.count).collect(),
            period_s: samples.iter().map(|sample| sample.period_s).collect(),
            sample_s: samples.iter().map(|sample| sample.sample_s).collect(),
        };
    }

    pub(super) fn rows(&self) -> Rows<'_> {
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
