//! The demand of one workload: what everything after the reduction works on.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::slots::Slots;
use super::usage::Usage;
use crate::model::span::Span;
use crate::model::tags::Tags;
use crate::model::units::TaskSize;
use crate::model::workload::{Configuration, WorkloadKey};
use crate::pricing::metering::MeteredMs;

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
