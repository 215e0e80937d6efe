//! A fleet over time: its instances, and what the tasks on it need of them.

use std::collections::{BTreeMap, BTreeSet};

use super::amounts::time;
use super::result::FleetSpan;
use crate::analysis::Analysis;
use crate::model::units::{SLOT_MS, TaskSize, Window};
use crate::model::workload::WorkloadKey;
use crate::pack::InstanceSpan;
use crate::pricing::PriceBook;
use crate::recommend::fleet::PackedFleet;

/// Spans that a reader can tell apart, and a page has room for.
const MOST_SPANS: i64 = 84;

/// Equal spans of whole slots.
struct Spans {
    window: Window,
    length_ms: i64,
}

/// What is there in one span, in milliseconds of it.
#[derive(Clone, Copy, Default)]
struct Held {
    instances: u32,
    instance_ms: i128,
    cpu_unit_ms: i128,
    mib_ms: i128,
}

/// The fleet of `analysis` in equal spans of its window.
pub(super) fn of(fleet: &PackedFleet, analysis: &Analysis, book: &PriceBook) -> Vec<FleetSpan> {
    let Some(spans) = Spans::of(analysis.window) else {
        return Vec::new();
    };
    let sizes = sizes(fleet, book);
    let offered = offered(fleet, &spans, &sizes);
    let needed = needed(fleet, analysis, &spans);
    let all_known = sizes.iter().all(Option::is_some);
    let each = (0..).zip(offered).zip(needed);
    each.map(|((at, offered), needed)| {
        let ms = spans.length_ms as f64;
        let vcpu = |held: Held| rounded(held.cpu_unit_ms as f64 / 1024.0 / ms);
        let gib = |held: Held| rounded(held.mib_ms as f64 / 1024.0 / ms);
        FleetSpan {
            from: time(spans.start_ms(at)),
            instances: offered.instances,
            mean_instances: rounded(offered.instance_ms as f64 / ms),
            vcpu: all_known.then(|| vcpu(offered)),
            vcpu_needed: vcpu(needed),
            memory_gib: all_known.then(|| gib(offered)),
            memory_gib_needed: gib(needed),
        }
    })
    .collect()
}

fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

impl Spans {
    fn of(window: Window) -> Option<Self> {
        let slots = (window.ms() + SLOT_MS - 1) / SLOT_MS;
        (slots > 0).then(|| Self {
            window,
            length_ms: (slots + MOST_SPANS - 1) / MOST_SPANS * SLOT_MS,
        })
    }

    fn count(&self) -> usize {
        let spans = (self.window.ms() + self.length_ms - 1) / self.length_ms;
        usize::try_from(spans).unwrap_or_default()
    }

    fn start_ms(&self, at: i64) -> i64 {
        self.window.from_ms + at * self.length_ms
    }

    /// How many slots from the one that begins at `from_ms` on lie in the same span; 0 where that one lies in none.
    fn slots_in_one(&self, from_ms: i64) -> i64 {
        if from_ms < self.window.from_ms || self.window.to_ms <= from_ms {
            return 0;
        }
        let at = (from_ms - self.window.from_ms) / self.length_ms;
        let in_span = (self.start_ms(at + 1) - from_ms) / SLOT_MS;
        let in_window = (self.window.to_ms - from_ms + SLOT_MS - 1) / SLOT_MS;
        in_span.min(in_window)
    }

    /// The spans that `from_ms..to_ms` touches, each with the milliseconds that it has in common with it.
    fn touched(&self, from_ms: i64, to_ms: i64) -> impl Iterator<Item = (usize, i64)> + '_ {
        let from_ms = from_ms.max(self.window.from_ms);
        let to_ms = to_ms.min(self.window.to_ms);
        let first = (from_ms - self.window.from_ms) / self.length_ms;
        (first..)
            .map_while(move |at| {
                let common = to_ms.min(self.start_ms(at + 1)) - from_ms.max(self.start_ms(at));
                (common > 0).then_some((usize::try_from(at).ok()?, common))
            })
            .take(self.count())
    }
}

/// CPU and memory of each instance type of the fleet, in its order.
fn sizes(fleet: &PackedFleet, book: &PriceBook) -> Vec<Option<TaskSize>> {
    let types = fleet.plan.types.iter();
    types
        .map(|of| {
            let found = book.instance_type(&fleet.region, &of.instance_type).ok()?;
            Some(TaskSize::new(found.cpu_units, found.memory_mib))
        })
        .collect()
}

fn offered(fleet: &PackedFleet, spans: &Spans, sizes: &[Option<TaskSize>]) -> Vec<Held> {
    let mut held = vec![Held::default(); spans.count()];
    for span in &fleet.plan.instances {
        let size = sizes.get(span.type_index).copied().flatten();
        let size = size.unwrap_or(TaskSize::new(0, 0));
        for (at, ms) in spans.touched(span.from_ms, span.to_ms) {
            let of = &mut held[at];
            let instance_ms = i128::from(span.instances) * i128::from(ms);
            of.instance_ms += instance_ms;
            of.cpu_unit_ms += instance_ms * i128::from(size.cpu_units);
            of.mib_ms += instance_ms * i128::from(size.memory_mib);
        }
    }
    for (held, most) in held
        .iter_mut()
        .zip(most_at_once(&fleet.plan.instances, spans))
    {
        held.instances = most;
    }
    held
}

/// Most instances at one time in each span, all types together.
fn most_at_once(instances: &[InstanceSpan], spans: &Spans) -> Vec<u32> {
    let mut changes: BTreeMap<i64, i64> = BTreeMap::new();
    for span in instances {
        *changes.entry(span.from_ms).or_default() += i64::from(span.instances);
        *changes.entry(span.to_ms).or_default() -= i64::from(span.instances);
    }
    let mut most = vec![0; spans.count()];
    let mut now = 0;
    let mut since = None;
    for (at_ms, change) in changes {
        if let Some(since) = since {
            for (at, _) in spans.touched(since, at_ms) {
                most[at] = now.max(most[at]);
            }
        }
        now += change;
        since = Some(at_ms);
    }
    most.into_iter()
        .map(|most| u32::try_from(most).unwrap_or_default())
        .collect()
}

/// What the tasks on the fleet need, by their own slots.
fn needed(fleet: &PackedFleet, analysis: &Analysis, spans: &Spans) -> Vec<Held> {
    let tenants: BTreeSet<&WorkloadKey> = fleet
        .tenants
        .iter()
        .map(|tenant| &tenant.workload)
        .collect();
    let mut held = vec![Held::default(); spans.count()];
    let on_it = analysis
        .workloads
        .iter()
        .filter(|workload| tenants.contains(&workload.demand.workload));
    for (workload, need) in on_it.filter_map(|workload| Some((workload, workload.need?.size()))) {
        for alike in workload.demand.slots.alike() {
            let mut slot = alike.first.slot;
            while slot < alike.next() {
                let from_ms = slot * SLOT_MS;
                // Slots lie in one span, but for those at the ends of a window that begins within a slot.
                let slots = spans.slots_in_one(from_ms).clamp(1, alike.next() - slot);
                let touched = || spans.touched(from_ms, from_ms + slots * SLOT_MS);
                let whole: i64 = touched().map(|(_, ms)| ms).sum();
                let task_ms = i128::from(alike.first.task_ms) * i128::from(slots);
                for (at, ms) in touched() {
                    let task_ms = task_ms * i128::from(ms) / i128::from(whole);
                    held[at].cpu_unit_ms += task_ms * i128::from(need.cpu_units);
                    held[at].mib_ms += task_ms * i128::from(need.memory_mib);
                }
                slot += slots;
            }
        }
    }
    held
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::units::MS_PER_HOUR;

    fn span(from_h: i64, to_h: i64, instances: u32) -> InstanceSpan {
        InstanceSpan {
            type_index: 0,
            from_ms: from_h * MS_PER_HOUR,
            to_ms: to_h * MS_PER_HOUR,
            instances,
        }
    }

    #[test]
    fn a_window_is_cut_into_equal_spans_and_time_falls_where_it_belongs() {
        let week = Window {
            from_ms: 0,
            to_ms: 7 * 24 * MS_PER_HOUR,
        };
        let spans = Spans::of(week).unwrap();
        let length_ms = 2 * MS_PER_HOUR;
        assert_eq!((spans.count(), spans.length_ms), (84, length_ms));
        let touched: Vec<(usize, i64)> = spans.touched(length_ms / 2, 2 * length_ms + 1).collect();
        assert_eq!(touched, [(0, length_ms / 2), (1, length_ms), (2, 1)]);
        assert_eq!(spans.touched(-5, 0).count(), 0);
        assert_eq!(spans.touched(week.to_ms, i64::MAX).count(), 0);
    }

    #[test]
    fn slots_of_one_span_are_looked_at_together_and_one_that_two_spans_cut_is_not() {
        let window = Window {
            from_ms: SLOT_MS / 2,
            to_ms: 5 * SLOT_MS,
        };
        let spans = Spans {
            window,
            length_ms: 3 * SLOT_MS,
        };
        let together = [0, 1, 2, 3, 4, 5].map(|slot| spans.slots_in_one(slot * SLOT_MS));
        // The first span ends half way through the slot 3, the window with the slot 4.
        assert_eq!(together, [0, 2, 1, 0, 1, 0]);
    }

    #[test]
    fn instances_of_two_types_at_once_are_counted_together() {
        let day = Window {
            from_ms: 0,
            to_ms: 3 * MS_PER_HOUR,
        };
        let spans = Spans {
            window: day,
            length_ms: MS_PER_HOUR,
        };
        let instances = [span(0, 2, 2), span(1, 3, 3)];
        assert_eq!(most_at_once(&instances, &spans), [2, 5, 3]);
    }
}
