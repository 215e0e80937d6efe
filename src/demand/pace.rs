//! At which pace a workload ran since its present configuration is in force.

use std::collections::BTreeSet;

use super::bounds::Bounded;
use super::in_force;
use super::ran::Evidence;
use super::result::{Component, Pace};
use super::sources::Sources;
use crate::dataset::schema::SourceKind;
use crate::model::units::{MS_PER_DAY, Window};
use crate::model::workload::{Configuration, Kind, WorkloadKey};

/// The pace of `workload`, whose `components` ran in the whole window; `None` where nothing did.
pub(super) fn of(
    workload: &WorkloadKey,
    evidence: &Evidence<'_>,
    components: &[Component],
    sources: &Sources<'_>,
) -> Option<Pace> {
    if components.is_empty() {
        return None;
    }
    let (observed, window) = (sources.observed, sources.window);
    let is_counted = !evidence.counted.is_empty();
    let kinds: BTreeSet<SourceKind> = evidence.runs.iter().map(|run| run.run.source).collect();
    let span = observed
        .records()
        .span(workload, &kinds, is_counted)
        .unwrap_or(window);
    let changed_ms = changed_ms(workload, evidence).filter(|&at_ms| at_ms > window.from_ms);
    let is_service = workload.kind == Kind::Service;
    let first_ms = evidence.timeline.first().map(|entry| entry.from_ms);
    let since_ms = changed_ms
        .or(first_ms.filter(|_| is_service))
        .unwrap_or(i64::MIN);
    let seen = Window {
        from_ms: since_ms.max(span.from_ms).max(window.from_ms),
        to_ms: span.to_ms.min(window.to_ms),
    };
    let counted = if is_service {
        seen
    } else {
        Window {
            from_ms: since_ms.max(window.from_ms),
            to_ms: window.to_ms,
        }
    };
    let mut observed_ms = observed.seen_ms(workload, components, is_counted, seen);
    if !is_service {
        let longest_ms = if sources.is_asked {
            window.ms()
        } else {
            i64::MAX
        };
        observed_ms = observed_ms
            .max(cycle_ms(evidence.runs, counted))
            .min(longest_ms);
    }
    if observed_ms <= 0 {
        return None;
    }
    let present: Vec<Bounded<'_>>;
    let mut evidence = *evidence;
    if let Some(changed_ms) = changed_ms {
        present = of_present(evidence.runs, changed_ms);
        evidence.runs = &present;
    }
    let of_pace = if counted == window && changed_ms.is_none() {
        components.to_vec()
    } else {
        let more_unseen = components.iter().any(|component| component.more_unseen);
        let mut of_pace = evidence.components(counted);
        for component in &mut of_pace {
            component.more_unseen = more_unseen;
        }
        of_pace
    };
    (!of_pace.is_empty()).then_some(Pace {
        since_ms: counted.from_ms,
        observed_ms,
        components: of_pace,
    })
}

/// When the present configuration took over, if another was in force before.
fn changed_ms(workload: &WorkloadKey, evidence: &Evidence<'_>) -> Option<i64> {
    if workload.kind == Kind::Service && !evidence.timeline.is_empty() {
        return in_force::unchanged_since_ms(evidence.timeline);
    }
    in_force::mix_since_ms(evidence.runs.iter().map(|run| run.run))
}

/// The runs whose configuration was started since `changed_ms`: what is left of others is on its way out.
fn of_present<'a>(runs: &[Bounded<'a>], changed_ms: i64) -> Vec<Bounded<'a>> {
    let is_new = |run: &&Bounded<'_>| run.start_ms.is_some_and(|start_ms| start_ms >= changed_ms);
    let present: BTreeSet<&Configuration> = runs
        .iter()
        .filter(is_new)
        .map(|run| &*run.run.configuration)
        .collect();
    let is_present = |run: &&Bounded<'_>| present.contains(&*run.run.configuration);
    runs.iter().filter(is_present).cloned().collect()
}

/// The time that the starts of jobs in `window` stand for: each for as long as it is to the next, on the average, and
/// together for a day at least.
fn cycle_ms(runs: &[Bounded<'_>], window: Window) -> i64 {
    let starts = runs
        .iter()
        .filter_map(|run| run.start_ms)
        .filter(|&start_ms| window.from_ms <= start_ms && start_ms < window.to_ms);
    let (mut count, mut first, mut last) = (0i64, i64::MAX, i64::MIN);
    for start_ms in starts {
        count += 1;
        first = first.min(start_ms);
        last = last.max(start_ms);
    }
    if count < 2 {
        return MS_PER_DAY;
    }
    let between_ms = last - first;
    (between_ms + between_ms / (count - 1)).max(MS_PER_DAY)
}
