//! Runs, samples and configurations of one workload put together into its demand.

use std::collections::{BTreeMap, BTreeSet};

use super::concurrency;
use super::runs::Run;
use super::seen::Sight;
use super::sizes::{self, History};
use super::totals::{Totals, WorkloadTotals};
use super::usage::Resource;
use super::{Basis, Component, Demand, Evidence, MeteredMs, OutOfMemory, Pace, Runs, Slot, Span};
use crate::dataset::schema::{Metric, SourceKind};
use crate::model::units::{SLOT_MS, TaskSize, Window};
use crate::model::workload::{Configuration, Kind, WorkloadKey};

/// Runs are believed over `SampleCount` when they tell of at least this share of its task time, percent.
const RUNS_COMPLETE_PERCENT: i128 = 98;

/// Everything that demand is put together from, but the metered time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    /// Every run.
    pub(super) runs: &'a [Run],
    /// Configurations over time.
    pub(super) histories: &'a BTreeMap<WorkloadKey, History>,
    /// Account, region, cluster and family of what services were configured with.
    pub(super) families: &'a BTreeSet<[String; 4]>,
    /// What the samples add up to.
    pub(super) totals: &'a Totals,
    /// On which days who was seen.
    pub(super) sight: &'a Sight<'a>,
    /// What counts.
    pub(super) window: Window,
}

/// The demand of every workload, ordered.
pub(super) fn assemble(
    told: &Told<'_>,
    mut metered: BTreeMap<WorkloadKey, Vec<Component>>,
) -> Vec<Demand> {
    let Told {
        runs,
        histories,
        totals,
        ..
    } = *told;
    let mut by_workload: BTreeMap<&WorkloadKey, Vec<&Run>> = BTreeMap::new();
    for run in runs {
        by_workload.entry(&run.workload).or_default().push(run);
    }
    let keys: BTreeSet<&WorkloadKey> = by_workload
        .keys()
        .copied()
        .chain(histories.keys())
        .chain(totals.workloads.keys())
        .collect();
    let none = WorkloadTotals::default();
    let of_services = runs.iter().filter(|run| run.workload.kind == Kind::Service);
    let families_run: BTreeSet<&str> = of_services
        .filter_map(|run| run.task_definition.as_deref())
        .map(sizes::family)
        .collect();
    keys.into_iter()
        .map(|key| {
            let runs = by_workload.remove(key).unwrap_or_default();
            let samples = totals.workloads.get(key).unwrap_or(&none);
            demand(
                key,
                &runs,
                metered.remove(key).unwrap_or_default(),
                samples,
                told,
            )
        })
        .filter(|demand| !is_shadow(demand, told, &families_run))
        .collect()
}

/// Container Insights publishes a family's readings also when it only ever runs as a service, and CloudWatch lists it
/// long after the service went on to another family.
fn is_shadow(demand: &Demand, told: &Told<'_>, families_run: &BTreeSet<&str>) -> bool {
    let WorkloadKey {
        account,
        region,
        kind,
        cluster,
        name,
    } = &demand.workload;
    let is_of_service = || {
        families_run.contains(name.as_str())
            || told
                .families
                .contains(&[account, region, cluster, name].map(Clone::clone))
    };
    *kind == Kind::Task
        && demand.runs.count == 0
        && !told.histories.contains_key(&demand.workload)
        && is_of_service()
}

fn demand(
    key: &WorkloadKey,
    runs: &[&Run],
    from_runs: Vec<Component>,
    samples: &WorkloadTotals,
    told: &Told<'_>,
) -> Demand {
    let (history, window) = (told.histories.get(key), told.window);
    let (current, resized_ms) = history.map_or((None, None), sizes::newest);
    let counted = counted_tasks(samples);
    let from_samples: Vec<Component> = counted
        .iter()
        .map(|(size, slots)| component_from_samples(*size, slots, history, current.as_ref()))
        .collect();
    let elapsed = |components: &[Component]| {
        components
            .iter()
            .map(|b| i128::from(b.metered.best.elapsed))
            .sum::<i128>()
    };
    let runs_tell_all = elapsed(&from_runs) * 100 >= elapsed(&from_samples) * RUNS_COMPLETE_PERCENT;
    let (mut components, slots) = if runs_tell_all {
        let spans = runs
            .iter()
            .filter_map(|run| Some((run.start_ms?, run.end_ms)));
        (from_runs, concurrency::slots(spans, window))
    } else {
        (from_samples, merged_slots(counted.values(), window))
    };
    let usage = |resource| samples.usage.get(&resource).cloned();
    let mut sources = samples.sources.clone();
    sources.extend(runs.iter().map(|run| run.source.clone()));
    let basis = components.first().map(|component| component.basis);
    let seen = told.sight.days_of(key, basis, !counted.is_empty());
    for component in &mut components {
        component.more_unseen = seen.is_some();
    }
    let pace = (!components.is_empty()).then(|| Pace {
        since_ms: window.from_ms,
        observed_ms: window.ms(),
        components: components.clone(),
    });
    Demand {
        workload: key.clone(),
        ran: components,
        pace,
        current,
        resized_ms,
        cpu: usage(Resource::Cpu),
        memory: usage(Resource::Memory),
        slots,
        runs: Runs {
            only_glimpsed: counted.is_empty() && are_glimpses(runs),
            ..run_totals(runs, window)
        },
        out_of_memory: out_of_memory(runs, window),
        evidence: Evidence {
            seen,
            ..evidence(samples, &counted, sources)
        },
    }
}

/// True when snapshots of the ECS API are all that tells of tasks: any number came and went between them.
fn are_glimpses(runs: &[&Run]) -> bool {
    !runs.is_empty()
        && runs
            .iter()
            .all(|run| run.source == SourceKind::EcsApi.as_str())
}

type Counted<'a> = BTreeMap<Option<TaskSize>, &'a [Slot]>;

/// Running tasks by size in force, from the service's own metric where it is there.
fn counted_tasks(samples: &WorkloadTotals) -> Counted<'_> {
    let of = |metric: Metric| -> Counted<'_> {
        samples
            .running
            .iter()
            .filter(|((name, _), _)| *name == metric.as_str())
            .map(|((_, size), slots)| (*size, slots.as_slice()))
            .collect()
    };
    let by_percent = of(Metric::CpuPercent);
    if by_percent.is_empty() {
        of(Metric::CpuUnits)
    } else {
        by_percent
    }
}

fn component_from_samples(
    size: Option<TaskSize>,
    slots: &[Slot],
    history: Option<&History>,
    current: Option<&Configuration>,
) -> Component {
    let task_ms = slots.iter().map(|slot| slot.task_ms).sum();
    let of_size = history
        .into_iter()
        .flatten()
        .rev()
        .map(|(_, configuration)| configuration)
        .find(|c| c.size() == size);
    let mut configuration = of_size.or(current).cloned().unwrap_or_default();
    configuration.cpu_units = size.map(|size| size.cpu_units);
    configuration.memory_mib = size.map(|size| size.memory_mib);
    let metered = MeteredMs {
        elapsed: task_ms,
        second_floor_60: task_ms,
        second_floor_300: task_ms,
        minute: task_ms,
        minute_with_queue: task_ms,
        second: task_ms,
    };
    Component {
        configuration,
        basis: Basis::SampleCount,
        runs: 0,
        metered: Span::exact(metered),
        more_unseen: false,
    }
}

fn merged_slots<'a>(by_size: impl Iterator<Item = &'a &'a [Slot]>, window: Window) -> Vec<Slot> {
    let mut merged: BTreeMap<i64, Slot> = BTreeMap::new();
    for slot in by_size
        .flat_map(|slots| slots.iter())
        .filter(|slot| slot.slot * SLOT_MS < window.to_ms)
    {
        let sum = merged.entry(slot.slot).or_insert(Slot {
            slot: slot.slot,
            task_ms: 0,
            peak: 0,
        });
        sum.task_ms += slot.task_ms;
        sum.peak += slot.peak;
    }
    merged.into_values().collect()
}

fn run_totals(runs: &[&Run], window: Window) -> Runs {
    let inside = |run: &&&Run| match run.start_ms {
        Some(start) => {
            start < window.to_ms && (run.end_ms > window.from_ms || start >= window.from_ms)
        }
        None => run.created_ms >= window.from_ms && run.created_ms < window.to_ms,
    };
    let runs: Vec<&&Run> = runs.iter().filter(inside).collect();
    let started: Vec<&&&Run> = runs.iter().filter(|run| run.start_ms.is_some()).collect();
    let count = |is: &dyn Fn(&Run) -> bool| {
        i64::try_from(started.iter().filter(|run| is(run)).count()).unwrap_or(i64::MAX)
    };
    let mut lengths: Vec<i64> = started
        .iter()
        .filter(|run| !run.open)
        .filter_map(|run| Some(run.end_ms - run.start_ms?))
        .collect();
    lengths.sort_unstable();
    Runs {
        count: count(&|_| true),
        open: count(&|run| run.open),
        out_of_sight: count(&|run| run.out_of_sight),
        never_started: i64::try_from(runs.len() - started.len()).unwrap_or(i64::MAX),
        start_assumed: count(&|run| run.start_assumed),
        end_assumed: count(&|run| run.end_assumed),
        only_glimpsed: false,
        median_ms: lengths.get(lengths.len().saturating_sub(1) / 2).copied(),
        longest_ms: lengths.last().copied(),
    }
}

fn out_of_memory(runs: &[&Run], window: Window) -> Option<OutOfMemory> {
    let killed: Vec<&&Run> = runs
        .iter()
        .filter(|run| {
            run.out_of_memory && run.end_ms >= window.from_ms && run.created_ms < window.to_ms
        })
        .collect();
    let limit_mib = killed
        .iter()
        .filter_map(|run| run.configuration.memory_mib)
        .max()?;
    Some(OutOfMemory {
        count: i64::try_from(killed.len()).unwrap_or(i64::MAX),
        limit_mib,
    })
}

fn evidence(
    samples: &WorkloadTotals,
    counted: &Counted<'_>,
    sources: BTreeSet<String>,
) -> Evidence {
    let spans = || {
        samples
            .usage
            .values()
            .map(|usage| (usage.first_ms, usage.last_ms))
    };
    let days: BTreeSet<i32> = samples
        .usage
        .values()
        .flat_map(|usage| usage.daily_max.keys().copied())
        .collect();
    let seen: BTreeSet<i64> = counted
        .values()
        .flat_map(|slots| slots.iter().map(|slot| slot.slot))
        .collect();
    let asked = match (seen.first(), seen.last()) {
        (Some(first), Some(last)) => last - first + 1,
        _ => 0,
    };
    let permille = if asked == 0 {
        0
    } else {
        i64::try_from(seen.len())
            .unwrap_or(i64::MAX)
            .saturating_mul(1000)
            / asked
    };
    Evidence {
        first_ms: spans().map(|span| span.0).min().unwrap_or_default(),
        last_ms: spans().map(|span| span.1).max().unwrap_or_default(),
        days: i64::try_from(days.len()).unwrap_or(i64::MAX),
        slots_seen_permille: permille,
        samples_without_size: samples.without_size,
        seen: None,
        sources,
    }
}
