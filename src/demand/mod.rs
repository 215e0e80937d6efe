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

use std::collections::BTreeSet;
use std::sync::Arc;

use polars::prelude::PolarsError;

use crate::dataset::Table;
use crate::dataset::scan::Scan;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::tags::Tags;
use crate::model::units::{MS_PER_DAY, TaskSize, Window};
use crate::model::workload::{Configuration, WorkloadKey};
pub use slots::{Alike, Slots};
pub use usage::Usage;

pub use crate::model::span::Span;
pub use crate::pricing::metering::MeteredMs;

/// The longest window that is not asked for from end to end, days: a little more than CloudWatch keeps its coarsest data.
const LONGEST_WINDOW_DAYS: i64 = 460;

/// What one workload was seen to need in a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    /// Whose demand it is.
    pub workload: WorkloadKey,
    /// Its tags, as last told.
    pub tags: Tags,
    /// What ran in the window, one per configuration, ordered by configuration: measured cost stands on this.
    pub ran: Vec<Component>,
    /// At which pace it ran since its present configuration is in force: the going rate stands on this. `None` where
    /// nothing ran, or no time was observed.
    pub pace: Option<Pace>,
    /// The configuration that runs today: the one last seen running.
    pub current: Option<Configuration>,
    /// When the present size came into force, if another was seen before it.
    pub resized_ms: Option<i64>,
    /// CPU used by one task or build, vCPU.
    pub cpu: Option<Usage>,
    /// CPU used by one build, as a share of its machine; `None` of anything else, and where it was not measured.
    pub cpu_share: Option<Usage>,
    /// Memory used by one task or build, MiB.
    pub memory: Option<Usage>,
    /// The most bytes a second that came in or went out; `None` where that was not measured.
    pub network_peak: Option<f64>,
    /// Running tasks over time, ordered, only slots with a task.
    pub slots: Slots,
    /// Start and stop of every run that touches the window, where runs are known one by one; else empty.
    pub spans: Vec<(i64, i64)>,
    /// What is known of its runs.
    pub runs: Runs,
    /// Out-of-memory kills.
    pub out_of_memory: Vec<OutOfMemory>,
    /// How much history stands behind all this.
    pub evidence: Evidence,
}

/// How the component milliseconds were measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// Start and stop of every run: exact.
    Runs,
    /// Running tasks counted by `SampleCount`: whole sampling periods, image pulls not seen.
    SampleCount,
    /// Records made while a run was alive: its end lies behind the last of them.
    Sightings,
}

/// Time run in one configuration, as every metering rule counts it. Milliseconds inside the window.
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    /// How these runs were configured; what is `None` in it is not known.
    pub configuration: Configuration,
    /// How the time was measured.
    pub basis: Basis,
    /// Runs that touch the window; 0 when only counted by `SampleCount`.
    pub runs: i64,
    /// Of these, not seen to stop.
    pub open: i64,
    /// Time as metered: what is known to have run, the best figure, and the most that can have run.
    pub metered: Span<MeteredMs>,
    /// Days of the window were not looked at: more may have run than the upper end says.
    pub more_unseen: bool,
    /// Its runs whose start and stop are known; none of services, which run all the time.
    pub finished: Arc<[FinishedRun]>,
}

/// A run of a job, from start to stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FinishedRun {
    /// How long it ran, milliseconds.
    pub elapsed_ms: i64,
    /// What CPU it used, on the average of its samples; `None` where it has none.
    pub cpu: Option<RunCpu>,
}

/// CPU that a run used, on the average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RunCpu {
    /// So many vCPU.
    Vcpu(f64),
    /// So large a share of its machine.
    Share(f64),
}

impl Component {
    /// True where start and stop of every run are known.
    pub fn is_exact(&self) -> bool {
        self.basis == Basis::Runs && self.open == 0
    }

    /// Counted tasks of which no source tells how large they were.
    pub fn is_of_unknown_size(&self) -> bool {
        self.basis == Basis::SampleCount && self.configuration.size().is_none()
    }
}

/// What ran since the present configuration is in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Pace {
    /// The present configuration is in force since, inside the window.
    pub since_ms: i64,
    /// Time that was really observed since then: a rate divides by this.
    pub observed_ms: i64,
    /// What ran in that time, the mix of sizes and purchase options kept.
    pub components: Vec<Component>,
}

impl Pace {
    /// The sizes that run side by side.
    pub fn sizes(&self) -> BTreeSet<TaskSize> {
        self.components
            .iter()
            .filter(|component| component.metered.high.elapsed > 0)
            .filter_map(|component| component.configuration.size())
            .collect()
    }
}

/// Running tasks in one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Slots since the epoch.
    pub slot: i64,
    /// Task-milliseconds in the slot (mean tasks × slot length).
    pub task_ms: i64,
    /// Most tasks at once.
    pub peak: u32,
}

/// Upper ends of the classes of run length, seconds; one more class has no end.
pub const RUN_LENGTHS_S: [i64; 13] = [
    10, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400,
];

/// What is known of a workload's runs in the window.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Runs {
    /// Runs that touch the window.
    pub count: i64,
    /// Of these, still running when last seen: counted up to the end of the window.
    pub open: i64,
    /// Of the open ones, those that are only counted to where the collected events of their cluster end.
    pub out_of_sight: i64,
    /// Runs that never pulled their image: not billed.
    pub never_started: i64,
    /// Runs with no image-pull time: counted from their start instead.
    pub start_assumed: i64,
    /// Runs that only sightings tell of: ended by the minute of the last one.
    pub end_assumed: i64,
    /// Only snapshots tell of them, and no count of running tasks says that these are all.
    pub only_glimpsed: bool,
    /// Median elapsed time of finished runs, milliseconds.
    pub median_ms: Option<i64>,
    /// Longest elapsed time of a finished run, milliseconds.
    pub longest_ms: Option<i64>,
    /// Finished runs by elapsed time: one class per entry of [`RUN_LENGTHS_S`], then all that are longer.
    pub by_length: [i64; RUN_LENGTHS_S.len() + 1],
}

/// Out-of-memory kills of one container in the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfMemory {
    /// Its name, where the record tells it.
    pub container: Option<String>,
    /// The limit that was not enough, MiB, where it is known.
    pub limit_mib: Option<u32>,
    /// The limit is the task's: the container has none of its own, or none below it.
    pub is_of_task: bool,
    /// Kills.
    pub count: i64,
}

/// How much history stands behind a demand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    /// First instant with data.
    pub first_ms: i64,
    /// Last instant with data.
    pub last_ms: i64,
    /// UTC days with utilisation samples.
    pub days: i64,
    /// Share of the slots between the first and last sample that have one, per mille.
    pub slots_seen_permille: i64,
    /// Samples left out because no source tells the size in force at their time.
    pub samples_without_size: i64,
    /// The days on which it was looked at, where these are not all: what it ran is then at least what was seen.
    pub seen: Option<SeenDays>,
    /// Kinds of source that fed it (`task_events`, `metric_stream`, …).
    pub sources: BTreeSet<String>,
}

/// The days of a window on which a workload was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenDays {
    /// Days on which a source that tells of its running time was read whole.
    pub seen: i64,
    /// UTC days that the window touches.
    pub of_window: i64,
}

impl Demand {
    /// Takes the CPU of builds from the share of their machine that they used, where that was measured and the machine
    /// was always the same: in which unit CodeBuild reports `CPUUtilized` is written nowhere, a share has none.
    pub fn prefer_cpu_share(&mut self) {
        let sizes: BTreeSet<Option<TaskSize>> = self
            .ran
            .iter()
            .map(|component| component.configuration.size())
            .collect();
        let only = (sizes.len() == 1).then(|| sizes.first().copied().flatten());
        if let Some((size, share)) = only.flatten().zip(self.cpu_share.as_ref()) {
            self.cpu = Some(share.clone().scaled(size.vcpu()));
        }
    }

    /// Task time that was counted before anything tells how large its tasks were, milliseconds.
    pub fn unsized_ms(&self) -> i64 {
        self.ran
            .iter()
            .filter(|component| component.is_of_unknown_size())
            .map(|component| component.metered.best.elapsed)
            .sum()
    }

    /// The size of the newest configuration, where known.
    pub fn current_size(&self) -> Option<TaskSize> {
        self.current.as_ref().and_then(Configuration::size)
    }
}

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

fn unfit(cause: PolarsError) -> Error {
    Error::new(
        ErrorKind::Input,
        "the tables of the dataset cannot be reduced",
    )
    .cause(cause)
}
