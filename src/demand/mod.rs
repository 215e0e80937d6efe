//! What each workload was seen to need, reduced from its history into a small, mergeable value.
//!
//! In: the verified parts of a dataset and a window. Out: one [`Demand`] per workload. Everything after this
//! works on demand, never on samples.

mod assemble;
mod bounds;
mod columns;
mod concurrency;
pub mod configurations;
pub mod days;
mod definitions;
pub mod export;
pub mod histogram;
pub mod in_force;
pub mod instances;
mod keep;
#[cfg(test)]
mod kept_tests;
#[cfg(test)]
mod meanwhile_tests;
pub mod observed;
mod overlap;
mod pace;
pub mod percentile;
#[cfg(test)]
mod properties;
mod ran;
pub mod records;
mod reducer;
mod result;
pub mod runs;
pub mod samples;
mod slots;
mod sources;
pub mod sql;
mod stretches;
pub mod table;
#[cfg(test)]
mod tests;
mod timeline;
pub mod totals;
pub mod usage;
mod values;
pub mod window;
mod workload_rows;

pub use result::{
    Basis, Component, Demand, Evidence, FinishedRun, OutOfMemory, Pace, RUN_LENGTHS_S, RunCpu,
    Runs, SeenDays,
};
pub use slots::{Alike, Slot, Slots};
pub use usage::Usage;

pub use crate::model::span::Span;
pub use crate::pricing::metering::MeteredMs;

use crate::dataset::Table;
use crate::dataset::scan::Scan;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::units::{MS_PER_DAY, Window};
use columns::unfit;

/// The longest window that is not asked for from end to end, days: a little more than CloudWatch keeps its coarsest data.
const LONGEST_WINDOW_DAYS: i64 = 460;

/// The demand of a whole dataset in a window.
#[derive(Debug)]
pub struct Reduced {
    /// The window asked for, or what was observed.
    pub window: Window,
    /// From when on there is more that was left out, because nobody asked for a window of that length.
    pub left_out_from_ms: Option<i64>,
    /// One per workload, ordered.
    pub demands: Vec<Demand>,
    /// The EC2 instances of clusters whenever somebody looked.
    pub instances: instances::ClusterInstances,
    /// Runs and samples read.
    pub rows: i64,
    /// Rows that said what another said, or what finer ones say of the same time.
    pub duplicates: i64,
    /// Rows that contradicted another and lost.
    pub conflicts: i64,
}

/// Reduces the dataset behind `scan` from `from_ms` to `to_ms`; where one is not given, from or to the end of the days
/// that were collected, or of the time in which the records were made where all of it was imported.
pub fn reduce(scan: &Scan<'_>, from_ms: Option<i64>, to_ms: Option<i64>) -> Result<Reduced> {
    let table = tracing::debug_span!("runs").in_scope(|| scan.table(Table::Runs))?;
    let latest = table.clone().map(runs::latest).transpose().map_err(unfit)?;
    let rows = latest.as_ref().map(|latest| runs::rows(&latest.frame));
    let mut runs = rows.transpose().map_err(unfit)?.unwrap_or_default();
    let configurations = scan.table(Table::Workloads)?;
    let configurations =
        configurations::Configurations::of(configurations.as_ref(), &mut runs).map_err(unfit)?;
    let spans = scan.sample_spans()?;
    let records = records::Records::of(table.as_ref(), &runs, &spans).map_err(unfit)?;
    let data = records.extent().ok_or_else(nothing)?;
    let (window, left_out_from_ms) = asked_window(scan, data, from_ms, to_ms)?;
    let observed = observed::Observed::of(&scan.commits, &records, window);
    let totals = window::totals(scan, &configurations.histories(), window, records.sampled())?;
    let (rows, duplicates, conflicts) = (totals.rows, totals.duplicates, totals.conflicts);
    let sources = sources::Sources {
        runs: &runs,
        configurations: &configurations,
        observed: &observed,
        window,
        is_asked: from_ms.is_some() || to_ms.is_some() || left_out_from_ms.is_some(),
    };
    let run_rows = table.map_or(0, |table| i64::try_from(table.height()).unwrap_or(i64::MAX));
    let seen = scan.table(Table::Instances)?;
    let seen = seen.as_ref().map(instances::snapshots).transpose();
    Ok(Reduced {
        window,
        left_out_from_ms,
        instances: seen.map_err(unfit)?.unwrap_or_default(),
        demands: tracing::debug_span!("workloads")
            .in_scope(|| assemble::assemble(&sources, totals.workloads))?,
        rows: run_rows + rows,
        duplicates: duplicates + latest.as_ref().map_or(0, |latest| latest.duplicates),
        conflicts: conflicts + latest.as_ref().map_or(0, |latest| latest.conflicts),
    })
}

/// The window to be reduced, of a dataset whose records were made in `data`; and from when on there is more that is left
/// out, because nobody asked for a window of that length.
fn asked_window(
    scan: &Scan<'_>,
    data: Window,
    from_ms: Option<i64>,
    to_ms: Option<i64>,
) -> Result<(Window, Option<i64>)> {
    // A long-running task began long before the days that were collected: those are what was asked for.
    let collected = scan.collected_span().map(|collected| {
        scan.imported_span().map_or(collected, |imported| {
            (collected.0.min(imported.0), collected.1.max(imported.1))
        })
    });
    let usual = collected.map_or(data, |(from_ms, to_ms)| Window { from_ms, to_ms });
    let mut window = Window {
        from_ms: from_ms.unwrap_or(usual.from_ms),
        to_ms: to_ms.unwrap_or(usual.to_ms),
    };
    // Old snapshots and wrong clocks stretch the data over years in which nothing was seen: nobody asked for those.
    let longest_ms = LONGEST_WINDOW_DAYS * MS_PER_DAY;
    let left_out_from_ms =
        (from_ms.is_none() && window.ms() > longest_ms).then_some(window.from_ms);
    if left_out_from_ms.is_some() {
        window.from_ms = window.to_ms - longest_ms;
    }
    if data.overlap_ms(window.from_ms, window.to_ms) == 0 {
        return Err(nothing_in(window, data));
    }
    Ok((window, left_out_from_ms))
}

fn nothing() -> Error {
    Error::new(ErrorKind::Nothing, "the dataset has no runs and no samples")
        .hint("import task events, metric streams or builds into it: `plimsoll import --help`")
}

fn nothing_in(window: Window, data: Window) -> Error {
    let time = |ms| jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    let (from, to) = (time(window.from_ms), time(window.to_ms));
    Error::new(
        ErrorKind::Nothing,
        format!("nothing was seen from {from} to {to}"),
    )
    .hint(format!(
        "the dataset holds {} to {}",
        time(data.from_ms),
        time(data.to_ms)
    ))
}
