//! What holds for any history of runs and counts, against references that are right at sight.

use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::bounds::Bounded;
use super::in_force::{InForce, placed};
use super::observed::Observed;
use super::ran::{Counted, Evidence};
use super::records::Records;
use super::result::Component;
use super::runs::Run;
use super::slots::Slot;
use crate::dataset::schema::SourceKind;
use crate::model::span::Span;
use crate::model::units::{MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE, SLOT_MS, TaskSize, Window};
use crate::model::workload::{Configuration, Kind, StrategyItem, WorkloadKey};
use crate::pricing::metering::MeteredMs;

const DAYS: i64 = 3;
const WINDOW: Window = Window {
    from_ms: 20_727 * MS_PER_DAY,
    to_ms: (20_727 + DAYS) * MS_PER_DAY,
};
const SIZES: [(u32, u32); 2] = [(256, 512), (1024, 2048)];

/// What of a run its records tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Stop,
    NoStop,
    Sightings,
}

#[derive(Debug, Clone)]
struct AnyRun {
    from_ms: i64,
    length_ms: i64,
    size: usize,
    told: Told,
    /// How much of its life its last sign of life comes after, percent.
    signed: i64,
}

fn any_run() -> impl Strategy<Value = AnyRun> {
    (
        -MS_PER_DAY..DAYS * MS_PER_DAY,
        0..30 * MS_PER_HOUR,
        0..SIZES.len(),
        prop::sample::select(vec![Told::Stop, Told::Stop, Told::NoStop, Told::Sightings]),
        0..=100i64,
    )
        .prop_map(|(from, length_ms, size, told, signed)| AnyRun {
            from_ms: WINDOW.from_ms + from,
            length_ms,
            size,
            told,
            signed,
        })
}

impl AnyRun {
    fn end_ms(&self) -> i64 {
        self.from_ms + self.length_ms
    }

    /// The run as it is known, when sightings come every minute.
    fn run(&self, kind: Kind, number: usize) -> Run {
        let source = match self.told {
            Told::Sightings => SourceKind::ContainerInsights,
            _ => SourceKind::TaskEvents,
        };
        let last_seen_ms = match self.told {
            Told::Stop => self.end_ms(),
            Told::NoStop => self.from_ms + self.length_ms * self.signed / 100,
            Told::Sightings => self.from_ms + self.length_ms / MS_PER_MINUTE * MS_PER_MINUTE,
        };
        let (cpu_units, memory_mib) = SIZES[self.size];
        Run {
            workload: workload(kind),
            run_id: format!("run-{number}"),
            source,
            task_definition: None,
            configuration: Arc::new(Configuration {
                launch_type: Some("FARGATE".to_owned()),
                cpu_units: Some(cpu_units),
                memory_mib: Some(memory_mib),
                ..Configuration::default()
            }),
            created_ms: Some(self.from_ms),
            metered_from_ms: Some(self.from_ms),
            running_ms: Some(self.from_ms),
            stopped_ms: (self.told == Told::Stop).then(|| self.end_ms()),
            last_seen_ms: Some(last_seen_ms),
            timeout_min: None,
            left_queue: None,
            out_of_memory: false,
            killed: Vec::new(),
        }
    }
}

fn workload(kind: Kind) -> Arc<WorkloadKey> {
    Arc::new(WorkloadKey {
        account: "123456789012".into(),
        region: "us-east-1".into(),
        kind,
        cluster: "prod".into(),
        name: "web".into(),
    })
}

/// What ran in each of `windows`, all from the same records.
fn ran(
    runs: &[Run],
    counted: &[Counted],
    timeline: &[InForce],
    windows: &[Window],
) -> Vec<Vec<Component>> {
    let records = Records::of(None, runs, &[]).unwrap();
    let observed = Observed::of(&[], &records, WINDOW);
    let bounded = Bounded::all(runs, &observed);
    let evidence = Evidence {
        runs: &bounded,
        counted,
        timeline,
        cpu: &HashMap::new(),
    };
    let components = |window: &Window| evidence.components(*window);
    windows.iter().map(components).collect()
}

fn fields(metered: MeteredMs) -> [i64; 6] {
    let MeteredMs {
        elapsed,
        second_floor_60,
        second_floor_300,
        minute,
        minute_with_queue,
        second,
    } = metered;
    [
        elapsed,
        second_floor_60,
        second_floor_300,
        minute,
        minute_with_queue,
        second,
    ]
}

fn total(components: &[Component]) -> Span<MeteredMs> {
    let mut sum = Span::<MeteredMs>::default();
    for component in components {
        sum.low += component.metered.low;
        sum.best += component.metered.best;
        sum.high += component.metered.high;
    }
    sum
}

fn counted(tasks: &[u32]) -> Vec<Counted> {
    let first = WINDOW.from_ms / SLOT_MS;
    let slot = |(number, &tasks): (i64, &u32)| Counted {
        size: Some(TaskSize::new(256, 512)),
        slot: Slot {
            slot: first + 12 * number,
            task_ms: i64::from(tasks) * SLOT_MS,
            peak: tasks,
        },
    };
    (0..).zip(tasks).map(slot).collect()
}

proptest! {
    #[test]
    fn the_best_figure_lies_between_the_ends_and_the_parts_of_a_window_add_up(
        runs in prop::collection::vec(any_run(), 0..12),
        tasks in prop::collection::vec(0u32..4, 0..72),
        is_service: bool,
    ) {
        let kind = if is_service { Kind::Service } else { Kind::Task };
        let runs: Vec<Run> = runs.iter().enumerate().map(|(i, run)| run.run(kind, i)).collect();
        let days = (0..DAYS).map(|day| Window {
            from_ms: WINDOW.from_ms + day * MS_PER_DAY,
            to_ms: WINDOW.from_ms + (day + 1) * MS_PER_DAY,
        });
        let windows: Vec<Window> = [WINDOW].into_iter().chain(days).collect();
        let counted = if is_service { counted(&tasks) } else { Vec::new() };
        let ran = ran(&runs, &counted, &[], &windows);
        for component in ran.iter().flatten() {
            let Span { low, best, high } = component.metered;
            for ((low, best), high) in fields(low).into_iter().zip(fields(best)).zip(fields(high)) {
                prop_assert!(low <= best && best <= high, "{component:?}");
            }
        }
        let parts: Vec<Component> = ran[1..].concat();
        prop_assert_eq!(total(&ran[0]), total(&parts));
    }

    #[test]
    fn finished_runs_are_exact_and_what_every_second_of_them_adds_up_to(
        runs in prop::collection::vec(any_run(), 1..8),
    ) {
        let all: Vec<AnyRun> = runs.into_iter().map(|run| AnyRun { told: Told::Stop, ..run }).collect();
        let runs: Vec<Run> = all.iter().enumerate().map(|(i, run)| run.run(Kind::Task, i)).collect();
        let span = total(&ran(&runs, &[], &[], &[WINDOW])[0]);
        let inside = |run: &AnyRun| {
            let at = |minute: i64| run.from_ms + minute * MS_PER_MINUTE;
            let is_billed = |minute: &i64| *minute == 0 || at(*minute) < run.end_ms();
            (0..100_000).take_while(is_billed)
                .map(|minute| (at(minute + 1).min(WINDOW.to_ms) - at(minute).max(WINDOW.from_ms)).max(0))
                .sum::<i64>()
        };
        prop_assert!(span.is_exact());
        prop_assert_eq!(span.best.minute, all.iter().map(inside).sum::<i64>());
    }

    #[test]
    fn an_interval_holds_what_ran_and_a_later_sign_of_life_never_widens_it(
        runs in prop::collection::vec(any_run(), 1..8),
        lost in any_run(),
        later in 0..=100i64,
    ) {
        // Something of the cluster goes on behind every run, so that its events do, too.
        let last = AnyRun { from_ms: WINDOW.to_ms + 40 * MS_PER_HOUR, length_ms: 0, size: 0, told: Told::Stop, signed: 0 };
        let rows = |lost: &AnyRun| -> Vec<Run> {
            runs.iter().map(|run| AnyRun { told: Told::Stop, ..run.clone() })
                .chain([last.clone(), lost.clone()])
                .enumerate().map(|(i, run)| run.run(Kind::Task, i)).collect()
        };
        let of = |lost: &AnyRun| total(&ran(&rows(lost), &[], &[], &[WINDOW])[0]);
        let truth = of(&AnyRun { told: Told::Stop, ..lost.clone() });
        let without = of(&AnyRun { told: Told::NoStop, ..lost.clone() });
        let signed = lost.signed + (100 - lost.signed) * later / 100;
        let with_more = of(&AnyRun { told: Told::NoStop, signed, ..lost.clone() });
        let sighted = of(&AnyRun { told: Told::Sightings, ..lost.clone() });
        prop_assert!(truth.is_exact());
        for interval in [without, with_more, sighted] {
            for ((low, truth), high) in fields(interval.low).into_iter().zip(fields(truth.best)).zip(fields(interval.high)) {
                prop_assert!(low <= truth && truth <= high, "{lost:?}");
            }
        }
        for (before, after) in [(without, with_more), (with_more, truth)] {
            for (low, less) in fields(after.low).into_iter().zip(fields(before.low)) {
                prop_assert!(low >= less);
            }
            for (high, more) in fields(after.high).into_iter().zip(fields(before.high)) {
                prop_assert!(high <= more);
            }
        }
    }

    #[test]
    fn a_strategy_places_what_one_task_after_the_other_would_be_placed_as(
        tasks in 0i64..60,
        base in 0u32..8,
        weights in prop::collection::vec(0u32..10, 1..4),
    ) {
        let strategy: Vec<StrategyItem> = (0u32..).zip(&weights).map(|(i, &weight)| StrategyItem {
            provider: format!("provider-{i}"),
            base: if i == 0 { base } else { 0 },
            weight,
        }).collect();
        prop_assume!(weights.iter().any(|&weight| weight > 0));
        let mut placed_tasks = vec![0i64; strategy.len()];
        for task in 0..tasks {
            let next = if task < i64::from(base) { 0 } else {
                // Whoever lacks most of its share of the tasks beyond the base.
                let beyond = |i: usize| placed_tasks[i] - if i == 0 { i64::from(base) } else { 0 };
                (0..strategy.len()).filter(|&i| weights[i] > 0)
                    .min_by_key(|&i| (beyond(i) + 1) * 1_000_000 / i64::from(weights[i])).unwrap()
            };
            placed_tasks[next] += 1;
        }
        let placed = placed(&strategy, tasks * SLOT_MS, SLOT_MS);
        prop_assert_eq!(placed.iter().map(|(_, ms)| ms).sum::<i64>(), tasks * SLOT_MS);
        for ((_, ms), tasks) in placed.iter().zip(placed_tasks) {
            prop_assert!((ms - tasks * SLOT_MS).abs() < 2 * SLOT_MS, "{ms} {tasks}");
        }
    }
}
