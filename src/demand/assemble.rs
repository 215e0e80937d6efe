//! Runs, samples and configurations of one workload put together into its demand.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use super::bounds::Bounded;
use super::concurrency;
use super::in_force::{InForce, in_force, resized_ms};
use super::pace;
use super::ran::{self, Counted};
use super::result::{Basis, Component, Demand, Evidence, OutOfMemory, RUN_LENGTHS_S, RunCpu, Runs};
use super::runs::Run;
use super::slots::{Slot, Slots};
use super::sources::Sources;
use super::totals::WorkloadTotals;
use super::usage::{Resource, Usage};
use crate::dataset::schema::{Metric, SourceKind};
use crate::model::error::Result;
use crate::model::units::{MS_PER_MINUTE, SLOT_MS, Window};
use crate::model::workload::{KilledContainer, Kind, WorkloadKey};
use crate::workers;

/// The demand of every workload, ordered, from what the samples of `workloads` add up to.
pub(super) fn assemble(
    sources: &Sources<'_>,
    workloads: BTreeMap<WorkloadKey, WorkloadTotals>,
) -> Result<Vec<Demand>> {
    let by_workload: BTreeMap<&WorkloadKey, &[Run]> = sources
        .runs
        .chunk_by(|a, b| a.workload == b.workload)
        .map(|runs| (&*runs[0].workload, runs))
        .collect();
    let keys: BTreeSet<WorkloadKey> = by_workload
        .keys()
        .copied()
        .chain(sources.configurations.workloads())
        .chain(workloads.keys())
        .cloned()
        .collect();
    let runs_of = |key: &WorkloadKey| by_workload.get(key).copied().unwrap_or_default();
    let keys = keys.into_iter();
    let keys: Vec<WorkloadKey> = keys
        .filter(|key| !is_shadow(key, runs_of(key), sources))
        .collect();
    // What was put together is not held twice.
    let workloads = Mutex::new(workloads);
    let totals = |key: &WorkloadKey| {
        let mut workloads = workloads.lock().unwrap_or_else(PoisonError::into_inner);
        workloads.remove(key).unwrap_or_default()
    };
    let mut demands = Vec::with_capacity(keys.len());
    workers::in_order(
        &keys,
        |key| Ok(demand(key, runs_of(key), totals(key), sources)),
        |_, demand| {
            demands.push(demand);
            Ok(())
        },
    )?;
    Ok(demands)
}

/// Container Insights publishes a family's samples also when it only ever runs as a service of the cluster, and
/// CloudWatch lists it long after the service went on to another family.
fn is_shadow(key: &WorkloadKey, runs: &[Run], sources: &Sources<'_>) -> bool {
    key.kind == Kind::Task
        && runs.is_empty()
        && sources.configurations.timeline(key).is_empty()
        && sources.configurations.is_of_service(key)
}

fn demand(
    key: &WorkloadKey,
    runs: &[Run],
    mut samples: WorkloadTotals,
    sources: &Sources<'_>,
) -> Demand {
    let (observed, window) = (sources.observed, sources.window);
    let timeline = sources.configurations.timeline(key);
    let counted = counted_tasks(&samples, timeline);
    let runs = Bounded::all(runs, observed);
    let timeline = in_force_by(timeline, last_evidence_ms(&runs, &counted, window));
    let cpu = cpu_of_runs(&samples);
    let evidence = ran::Evidence {
        cpu: &cpu,
        runs: &runs,
        counted: &counted,
        timeline,
    };
    let mut components = evidence.components(window);
    let basis = components.iter().map(|component| component.basis).max();
    let seen = observed.days_of(key, basis, !counted.is_empty());
    mark_unseen(&mut components, &runs, &counted, seen.is_some());
    let pace = pace::of(key, &evidence, &components, sources);
    let is_counted = components.iter().any(|c| c.basis == Basis::SampleCount);
    let spans = if is_counted {
        Vec::new()
    } else {
        spans(&runs, window)
    };
    let slots = if is_counted {
        merged_slots(&counted, window)
    } else {
        concurrency::slots(spans.iter().copied(), window)
    };
    let mut kinds = samples.sources.clone();
    kinds.extend(runs.iter().map(|run| run.run.source.as_str().to_owned()));
    let seen_samples = evidence_of_samples(&samples, &counted, kinds);
    Demand {
        workload: key.clone(),
        tags: sources.configurations.tags(key),
        ran: components,
        pace,
        current: timeline.last().map(|entry| entry.configuration.clone()),
        resized_ms: resized_ms(timeline),
        cpu: samples.usage.remove(&Resource::Cpu),
        cpu_share: samples.cpu_share,
        memory: samples.usage.remove(&Resource::Memory),
        network_peak: samples.network_peak,
        slots,
        spans,
        runs: Runs {
            only_glimpsed: counted.is_empty() && are_glimpses(&runs),
            ..run_totals(&runs, window)
        },
        out_of_memory: out_of_memory(&runs, window),
        evidence: Evidence {
            seen,
            ..seen_samples
        },
    }
}

/// The CPU that each run used: as a share of its machine where that was measured.
fn cpu_of_runs(samples: &WorkloadTotals) -> HashMap<&str, RunCpu> {
    let vcpu = samples.usage.get(&Resource::Cpu).into_iter();
    let vcpu = vcpu.flat_map(Usage::means_of_runs);
    let shares = samples.cpu_share.iter();
    let shares = shares.flat_map(Usage::means_of_runs);
    vcpu.map(|(run, mean)| (run, RunCpu::Vcpu(mean)))
        .chain(shares.map(|(run, mean)| (run, RunCpu::Share(mean))))
        .collect()
}

/// True when snapshots of the ECS API are all that tells of tasks: any number came and went between them.
fn are_glimpses(runs: &[Bounded<'_>]) -> bool {
    !runs.is_empty() && runs.iter().all(|run| run.run.source == SourceKind::EcsApi)
}

/// When the workload was last seen running.
fn last_evidence_ms(runs: &[Bounded<'_>], counted: &[Counted], window: Window) -> Option<i64> {
    let of_runs = runs
        .iter()
        .filter(|run| run.start_ms.is_some_and(|start_ms| start_ms < window.to_ms))
        .map(|run| run.end_ms.low);
    let of_counts = counted
        .last()
        .map(|last| (last.slot.slot + 1) * SLOT_MS - 1);
    of_runs.chain(of_counts).max()
}

/// The timeline up to what was in force at `at_ms`: what came later was not seen running.
fn in_force_by(timeline: &[InForce], at_ms: Option<i64>) -> &[InForce] {
    let Some(at_ms) = at_ms else { return timeline };
    let behind = timeline.partition_point(|entry| entry.from_ms <= at_ms);
    &timeline[..behind.max(1).min(timeline.len())]
}

/// Marks what has no upper end: days were not looked at, or an open run's source ends before the data does.
fn mark_unseen(
    components: &mut [Component],
    runs: &[Bounded<'_>],
    counted: &[Counted],
    is_unseen: bool,
) {
    for component in components.iter_mut() {
        let is_of_it = |run: &&Bounded<'_>| *run.run.configuration == component.configuration;
        component.more_unseen = is_unseen
            || counted.is_empty()
                && component.basis != Basis::SampleCount
                && runs.iter().filter(is_of_it).any(|run| run.is_out_of_sight);
    }
}

/// Running tasks per slot, from the service's own metric where it is there.
fn counted_tasks(samples: &WorkloadTotals, timeline: &[InForce]) -> Vec<Counted> {
    let of = |metric: Metric| -> Vec<Counted> {
        let running = samples.running.iter();
        running
            .filter(|((name, _), _)| *name == metric.as_str())
            .flat_map(|((_, size), slots)| slots.iter().map(|slot| Counted { size: *size, slot }))
            .collect()
    };
    let mut counted = of(Metric::CpuPercent);
    if counted.is_empty() {
        counted = of(Metric::CpuUnits);
    }
    counted.sort_by_key(|counted| (counted.slot.slot, counted.size));
    for Counted { slot, .. } in &mut counted {
        // Samples of 20 seconds are three a minute.
        let entry = in_force(timeline, slot.slot * SLOT_MS);
        if let Some(sample_s) = entry.and_then(|entry| entry.resolution_s) {
            slot.task_ms = slot.task_ms * i64::from(sample_s) * 1000 / MS_PER_MINUTE;
            let peak = i64::from(slot.peak) * i64::from(sample_s) * 1000;
            slot.peak =
                u32::try_from((peak + MS_PER_MINUTE - 1) / MS_PER_MINUTE).unwrap_or(u32::MAX);
        }
    }
    counted
}

/// Start and stop, as far as known, of every run that touches the window.
fn spans(runs: &[Bounded<'_>], window: Window) -> Vec<(i64, i64)> {
    let span = |run: &Bounded<'_>| Some((run.start_ms?, run.end_ms.best));
    let touches = |&(from_ms, to_ms): &(i64, i64)| window.overlap_ms(from_ms, to_ms) > 0;
    runs.iter().filter_map(span).filter(touches).collect()
}

fn merged_slots(counted: &[Counted], window: Window) -> Slots {
    let mut merged: Vec<Slot> = Vec::new();
    let inside = |counted: &&Counted| counted.slot.slot * SLOT_MS < window.to_ms;
    for Counted { slot, .. } in counted.iter().filter(inside) {
        match merged.last_mut() {
            Some(sum) if sum.slot == slot.slot => {
                sum.task_ms += slot.task_ms;
                sum.peak += slot.peak;
            }
            _ => merged.push(*slot),
        }
    }
    merged.into_iter().collect()
}

fn run_totals(runs: &[Bounded<'_>], window: Window) -> Runs {
    let runs: Vec<&Bounded<'_>> = runs.iter().filter(|run| run.touches(window)).collect();
    let started = || runs.iter().filter(|run| run.start_ms.is_some());
    let count = |is: &dyn Fn(&Bounded<'_>) -> bool| {
        i64::try_from(started().filter(|run| is(run)).count()).unwrap_or(i64::MAX)
    };
    let mut lengths: Vec<i64> = started()
        .filter(|run| !run.is_open)
        .filter_map(|run| Some(run.end_ms.best - run.start_ms?))
        .collect();
    lengths.sort_unstable();
    let never_started = runs.iter().filter(|run| run.start_ms.is_none()).count();
    Runs {
        count: count(&|_| true),
        open: count(&|run| run.is_open),
        out_of_sight: count(&|run| run.is_out_of_sight),
        never_started: i64::try_from(never_started).unwrap_or(i64::MAX),
        start_assumed: count(&|run| run.run.is_start_assumed()),
        end_assumed: count(&|run| run.is_end_assumed),
        only_glimpsed: false,
        median_ms: lengths.get(lengths.len().saturating_sub(1) / 2).copied(),
        longest_ms: lengths.last().copied(),
        by_length: by_length(&lengths),
    }
}

/// How many of these run lengths, milliseconds, are in each class.
fn by_length(lengths: &[i64]) -> [i64; RUN_LENGTHS_S.len() + 1] {
    let mut classes = [0; RUN_LENGTHS_S.len() + 1];
    for length in lengths {
        classes[RUN_LENGTHS_S.partition_point(|end_s| end_s * 1000 < *length)] += 1;
    }
    classes
}

/// Kills in the window, one entry per container and limit.
fn out_of_memory(runs: &[Bounded<'_>], window: Window) -> Vec<OutOfMemory> {
    let mut kills: BTreeMap<(Option<&str>, Option<u32>, bool), i64> = BTreeMap::new();
    let inside = |run: &&Bounded<'_>| {
        run.run.out_of_memory
            && run.end_ms.best >= window.from_ms
            && run.run.known_ms() < window.to_ms
    };
    for run in runs.iter().filter(inside) {
        let of_task = run.run.configuration.memory_mib;
        if run.run.killed.is_empty() {
            *kills.entry((None, of_task, true)).or_default() += 1;
        }
        for KilledContainer { name, memory_mib } in &run.run.killed {
            // A container without a limit below the task's was killed because the task ran out of memory.
            let own = memory_mib.filter(|own| of_task.is_none_or(|of_task| *own < of_task));
            let limit = own.or(of_task);
            *kills
                .entry((Some(name.as_str()), limit, own.is_none()))
                .or_default() += 1;
        }
    }
    let kill =
        |((container, limit_mib, is_of_task), count): ((Option<&str>, _, _), _)| OutOfMemory {
            container: container.map(str::to_owned),
            limit_mib,
            is_of_task,
            count,
        };
    kills.into_iter().map(kill).collect()
}

fn evidence_of_samples(
    samples: &WorkloadTotals,
    counted: &[Counted],
    sources: BTreeSet<String>,
) -> Evidence {
    let usages = || samples.usage.values().chain(&samples.cpu_share);
    let spans = || usages().map(|usage| (usage.first_ms, usage.last_ms));
    let days: BTreeSet<i32> = usages()
        .flat_map(|usage| usage.daily_max.keys().copied())
        .collect();
    // They are in order of time.
    let seen = counted.chunk_by(|a, b| a.slot.slot == b.slot.slot).count();
    let asked = match (counted.first(), counted.last()) {
        (Some(first), Some(last)) => last.slot.slot - first.slot.slot + 1,
        _ => 0,
    };
    let permille = if asked == 0 {
        0
    } else {
        i64::try_from(seen).unwrap_or(i64::MAX).saturating_mul(1000) / asked
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_in_the_class_that_its_length_ends_in() {
        let classes = by_length(&[1, 10_000, 10_001, 60_000, 86_400_000, 86_400_001]);
        assert_eq!(classes, [2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(by_length(&[]), [0; RUN_LENGTHS_S.len() + 1]);
    }
}
