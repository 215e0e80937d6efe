//! Samples → rows per day. The one pass over what is big.
//!
//! The strings of a part are looked at once per stretch of equal ones; behind that, everything is numbers. What comes
//! out are sums of integers, maxima and minima, so neither the order of parts nor the number of threads can change it.

use std::collections::BTreeMap;
use std::sync::Arc;

use polars::prelude::{PolarsResult, polars_bail};

use super::days::{DayCount, DayRows, Series};
use super::overlap::{self, Reading};
use super::reducer::Reducer;
pub use super::stretches::{NAMES, Wanted};
use super::stretches::{Names, Stretch, stretches};
use super::values::{Columns, Values};
use crate::dataset::part::Samples;
use crate::dataset::schema::{SampleRow, SourceKind};
use crate::model::workload::WorkloadKey;

/// The columns this reads.
pub const COLUMNS: [&str; 12] = [
    "kind", "cluster", "name", "run_id", "metric", "period_s", "at_ms", "sample_s", "max", "sum",
    "count", "source",
];
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
