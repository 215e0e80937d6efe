//! What ran in a time: finished runs first, then counted tasks, then sightings, reconciled day by day.
//!
//! Runs whose stop was seen are exact. Where the tasks that `SampleCount` counts are more than those, it is the count
//! that tells how long tasks ran; where they are not, it bounds the runs that were not seen to stop.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::bounds::Bounded;
use super::in_force::{InForce, bought_by, in_force, placed};
use super::result::{Basis, Component, FinishedRun, RunCpu};
use super::slots::Slot;
use crate::dataset::schema::SourceKind;
use crate::model::span::Span;
use crate::model::units::{MS_PER_DAY, MS_PER_MINUTE, SLOT_MS, TaskSize, Window};
use crate::model::workload::{Configuration, Kind};
use crate::pricing::metering::MeteredMs;

/// Finished runs are all that ran when they make up this share of the counted time, percent.
const COMPLETE_PERCENT: i64 = 98;
/// The count of a run's minutes may be off by this at its start and its end: images are pulled before a task counts.
const UNCOUNTED_MS: i64 = MS_PER_MINUTE;

/// Tasks counted in one slot, of the size that was in force.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    /// The size, where it is known.
    pub(super) size: Option<TaskSize>,
    /// The count.
    pub(super) slot: Slot,
}

/// What tells of one workload's running time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence<'a> {
    /// Its runs.
    pub(super) runs: &'a [Bounded<'a>],
    /// Its counted tasks, in order of time.
    pub(super) counted: &'a [Counted],
    /// Its configurations over time.
    pub(super) timeline: &'a [InForce],
    /// The CPU that its runs used, where samples are of single runs.
    pub(super) cpu: &'a HashMap<&'a str, RunCpu>,
}

/// Sums per configuration and basis.
type Sums = BTreeMap<(Arc<Configuration>, Basis), Sum>;

/// Runs, those of them that were not seen to stop, and their time.
#[derive(Debug, Clone, Default)]
struct Sum {
    runs: i64,
    open: i64,
    metered: Span<MeteredMs>,
    finished: Vec<FinishedRun>,
}

impl Evidence<'_> {
    /// What ran in `window`, one per configuration and basis, in order.
    pub(super) fn components(&self, window: Window) -> Vec<Component> {
        let mut sums = Sums::new();
        for part in self.parts(window) {
            match part {
                Part::Counted(window) => self.add_reconciled(window, &mut sums),
                Part::Uncounted(window) => {
                    let runs = self.runs.iter();
                    runs.for_each(|run| add(&mut sums, run, run.metered(window)));
                }
            }
        }
        self.count_runs(window, &mut sums);
        let is_something = |sum: &Sum| sum.metered.high != MeteredMs::default();
        if sums.values().any(is_something) {
            sums.retain(|_, sum| is_something(sum));
        }
        let component = |((configuration, basis), sum): ((Arc<Configuration>, _), Sum)| Component {
            configuration: (*configuration).clone(),
            basis,
            runs: sum.runs,
            open: sum.open,
            metered: sum.metered,
            more_unseen: false,
            finished: sum.finished.into(),
        };
        sums.into_iter().map(component).collect()
    }

    /// The days of the counted time, and what lies before and behind it.
    fn parts(&self, window: Window) -> Vec<Part> {
        let (Some(first), Some(last)) = (self.counted.first(), self.counted.last()) else {
            return vec![Part::Uncounted(window)];
        };
        let from_ms = (first.slot.slot * SLOT_MS).clamp(window.from_ms, window.to_ms);
        let to_ms = ((last.slot.slot + 1) * SLOT_MS).clamp(from_ms, window.to_ms);
        let mut parts = Vec::new();
        let mut begin_ms = from_ms;
        while begin_ms < to_ms {
            let midnight_ms = (begin_ms.div_euclid(MS_PER_DAY) + 1) * MS_PER_DAY;
            let end_ms = midnight_ms.min(to_ms);
            parts.push(Part::Counted(Window {
                from_ms: begin_ms,
                to_ms: end_ms,
            }));
            begin_ms = end_ms;
        }
        for (from_ms, to_ms) in [(window.from_ms, from_ms), (to_ms, window.to_ms)] {
            if from_ms < to_ms {
                parts.push(Part::Uncounted(Window { from_ms, to_ms }));
            }
        }
        parts
    }

    /// Adds a part of a day in which tasks were counted.
    fn add_reconciled(&self, window: Window, sums: &mut Sums) {
        let slots = self.slots_in(window);
        let counted_ms: i64 = slots.iter().map(|counted| counted.slot.task_ms).sum();
        let there = |run: &&Bounded<'_>| run.touches(window);
        let runs: Vec<(&Bounded<'_>, Span<MeteredMs>)> = self
            .runs
            .iter()
            .filter(there)
            .map(|run| (run, run.metered(window)))
            .collect();
        let finished = || runs.iter().filter(|(run, _)| run.is_finished());
        let finished_ms: i64 = finished().map(|(_, metered)| metered.best.elapsed).sum();
        let off_ms = 2 * UNCOUNTED_MS * i64::try_from(finished().count()).unwrap_or(i64::MAX);
        let missing_ms = counted_ms - finished_ms;
        let is_complete = finished_ms > 0
            && (finished_ms * 100 >= counted_ms * COMPLETE_PERCENT || missing_ms <= off_ms);
        if !is_complete && counted_ms > 0 {
            self.add_counted(&slots, sums);
            return;
        }
        for (run, metered) in finished() {
            add(sums, run, *metered);
        }
        let open: Vec<_> = runs.iter().filter(|(run, _)| !run.is_finished()).collect();
        let elapsed = |of: fn(&Span<MeteredMs>) -> &MeteredMs| {
            open.iter().map(|(_, metered)| of(metered).elapsed).sum()
        };
        let (low, high) = (elapsed(|m| &m.low), elapsed(|m| &m.high));
        let best_ms = missing_ms.max(0).clamp(low, high);
        let most_ms = (missing_ms.max(0) + off_ms + UNCOUNTED_MS).clamp(low, high);
        for (run, metered) in &open {
            let share = |ms: i64| between(metered.low, metered.high, ms - low, high - low);
            let metered = Span {
                low: metered.low,
                best: share(best_ms),
                high: share(most_ms),
            };
            add(sums, run, metered);
        }
    }

    /// The counts of slots that begin in `window`.
    fn slots_in(&self, window: Window) -> Vec<Counted> {
        let begin = |at_ms: i64| {
            let is_before = |counted: &Counted| counted.slot.slot * SLOT_MS < at_ms;
            self.counted.partition_point(is_before)
        };
        let from_ms = window.from_ms.div_euclid(SLOT_MS) * SLOT_MS;
        self.counted[begin(from_ms)..begin(window.to_ms)].to_vec()
    }

    fn add_counted(&self, slots: &[Counted], sums: &mut Sums) {
        let is_alike = |a: &Counted, b: &Counted| {
            let entry = |counted: &Counted| self.in_force(counted);
            a.size == b.size && entry(a).map(std::ptr::from_ref) == entry(b).map(std::ptr::from_ref)
        };
        for alike in slots.chunk_by(is_alike) {
            let entry = self.in_force(&alike[0]);
            let mut configuration = entry.map(|e| e.configuration.clone()).unwrap_or_default();
            configuration.cpu_units = alike[0].size.map(|size| size.cpu_units);
            configuration.memory_mib = alike[0].size.map(|size| size.memory_mib);
            let strategy = entry.map_or(&[][..], |entry| &entry.strategy);
            if strategy.len() < 2 {
                let task_ms = alike.iter().map(|counted| counted.slot.task_ms).sum();
                add_time(sums, configuration, task_ms);
                continue;
            }
            let mut by_provider: BTreeMap<&str, i64> = BTreeMap::new();
            for Counted { slot, .. } in alike {
                for (provider, ms) in placed(strategy, slot.task_ms, SLOT_MS) {
                    *by_provider.entry(provider).or_default() += ms;
                }
            }
            for (provider, ms) in by_provider.into_iter().filter(|(_, ms)| *ms > 0) {
                add_time(sums, bought_by(&configuration, provider), ms);
            }
        }
    }

    /// The configuration that was in force when these were counted, and of their size.
    fn in_force(&self, counted: &Counted) -> Option<&InForce> {
        let (at_ms, size) = (counted.slot.slot * SLOT_MS, counted.size);
        let is_of_size = |entry: &&InForce| entry.configuration.size() == size;
        let then = in_force(self.timeline, at_ms);
        let in_slot = || {
            let is_in_slot =
                |entry: &&InForce| entry.from_ms >= at_ms && entry.from_ms < at_ms + SLOT_MS;
            let mut in_slot = self.timeline.iter().filter(is_in_slot);
            in_slot.rfind(is_of_size)
        };
        then.filter(is_of_size)
            .or_else(in_slot)
            .or_else(|| self.timeline.iter().rev().find(is_of_size))
            .or(then)
    }

    /// Puts the number of runs that touch the window to their configurations.
    fn count_runs(&self, window: Window, sums: &mut Sums) {
        for run in self.runs.iter().filter(|run| run.touches(window)) {
            let key = (run.run.configuration.clone(), basis_of(run));
            if let Some(sum) = sums.get_mut(&key) {
                sum.runs += i64::from(run.start_ms.is_some());
                sum.open += i64::from(!run.is_finished());
                sum.finished.extend(self.finished(run));
            }
        }
    }
}

impl Evidence<'_> {
    /// A run as one that was seen from start to stop; `None` where it was not, and of a service.
    fn finished(&self, run: &Bounded<'_>) -> Option<FinishedRun> {
        let is_job = run.run.workload.kind != Kind::Service;
        let start_ms = run.start_ms.filter(|_| is_job && run.is_finished())?;
        Some(FinishedRun {
            elapsed_ms: run.end_ms.best - start_ms,
            cpu: self.cpu.get(run.run.run_id.as_str()).copied(),
        })
    }
}

enum Part {
    Counted(Window),
    Uncounted(Window),
}

/// How what is known of a run was learnt.
fn basis_of(run: &Bounded<'_>) -> Basis {
    match run.run.source {
        SourceKind::ContainerInsights | SourceKind::EcsApi if !run.is_finished() => {
            Basis::Sightings
        }
        _ => Basis::Runs,
    }
}

fn add(sums: &mut Sums, run: &Bounded<'_>, metered: Span<MeteredMs>) {
    let key = (run.run.configuration.clone(), basis_of(run));
    let sum = &mut sums.entry(key).or_default().metered;
    sum.low += metered.low;
    sum.best += metered.best;
    sum.high += metered.high;
}

fn add_time(sums: &mut Sums, configuration: Configuration, task_ms: i64) {
    let sum = &mut sums
        .entry((Arc::new(configuration), Basis::SampleCount))
        .or_default()
        .metered;
    let metered = MeteredMs::counted(task_ms);
    sum.low += metered;
    sum.best += metered;
    sum.high += metered;
}

/// The point that lies `part` of `whole` on the way from `low` to `high`.
fn between(low: MeteredMs, high: MeteredMs, part: i64, whole: i64) -> MeteredMs {
    if whole <= 0 {
        return low;
    }
    let point = |low: i64, high: i64| {
        let way = i128::from(high - low) * i128::from(part) / i128::from(whole);
        low + i64::try_from(way).unwrap_or(i64::MAX)
    };
    MeteredMs {
        elapsed: point(low.elapsed, high.elapsed),
        second_floor_60: point(low.second_floor_60, high.second_floor_60),
        second_floor_300: point(low.second_floor_300, high.second_floor_300),
        minute: point(low.minute, high.minute),
        minute_with_queue: point(low.minute_with_queue, high.minute_with_queue),
        second: point(low.second, high.second),
    }
}
