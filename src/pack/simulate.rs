//! A fleet of one instance type over time: how many instances each slot needs, and for how long each is billed.

use std::collections::BTreeMap;

use super::{Rules, Tenant};
use crate::demand::Slot;
use crate::model::units::{SLOT_MS, TaskSize, Window};

/// EC2 bills at least this much per start. An instance is needed for a slot or longer, so the minimum is always met.
/// Source: AWS EC2 API reference, `StartInstances`, read 2026-11.
const MINIMUM_BILLED_MS: i64 = 60_000;
const _: () = assert!(
    SLOT_MS >= MINIMUM_BILLED_MS,
    "a slot shorter than the billing minimum needs the minimum applied"
);

/// One slot in which tasks ran, cut to the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
    pub(super) loads: Vec<Load>,
}

/// The tasks of one tenant in one slot. `task_ms` is at most `tasks` times the length of the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) tenant: usize,
    pub(super) tasks: u64,
    pub(super) task_ms: i64,
}

/// The slots inside `window` in which a task ran, in order of time.
pub(super) fn moments(tenants: &[Tenant<'_>], window: Window) -> Vec<Moment> {
    let inside = window.from_ms.div_euclid(SLOT_MS)..=window.to_ms.div_euclid(SLOT_MS);
    let mut moments: BTreeMap<i64, Moment> = BTreeMap::new();
    for (tenant, slots) in tenants.iter().map(|tenant| tenant.slots).enumerate() {
        for slot in slots.iter().filter(|slot| inside.contains(&slot.slot)) {
            let start_ms = slot.slot.saturating_mul(SLOT_MS);
            let (from_ms, to_ms) = (
                start_ms.max(window.from_ms),
                start_ms.saturating_add(SLOT_MS).min(window.to_ms),
            );
            if let Some(load) = Load::new(tenant, slot, to_ms.saturating_sub(from_ms)) {
                let moment = moments.entry(slot.slot).or_insert_with(|| Moment {
                    from_ms,
                    to_ms,
                    loads: Vec::new(),
                });
                moment.loads.push(load);
            }
        }
    }
    moments.into_values().collect()
}

impl Load {
    /// The load of a `slot` of which `inside_ms` lie in the window; `None` without a task.
    ///
    /// A peak below the mean contradicts itself; the mean is then believed, so that nothing is packed too tightly.
    fn new(tenant: usize, slot: &Slot, inside_ms: i64) -> Option<Self> {
        let task_ms = slot.task_ms.max(0);
        let tasks = i64::from(slot.peak).max(task_ms / SLOT_MS + i64::from(task_ms % SLOT_MS > 0));
        let most_ms = tasks.saturating_mul(inside_ms);
        (tasks > 0 && inside_ms > 0).then_some(Self {
            tenant,
            tasks: tasks.unsigned_abs(),
            task_ms: task_ms.min(most_ms),
        })
    }
}

/// What one instance of a type leaves for tasks, or what is left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Capacity {
    pub(super) cpu: u64,
    pub(super) memory: u64,
    pub(super) slots: u64,
}

impl Capacity {
    pub(super) fn holds(self, size: TaskSize) -> bool {
        self.fit(size) > 0
    }

    /// How many tasks of this `size` fit.
    fn fit(self, size: TaskSize) -> u64 {
        let by_cpu = self
            .cpu
            .checked_div(u64::from(size.cpu_units))
            .unwrap_or(u64::MAX);
        let by_memory = self
            .memory
            .checked_div(u64::from(size.memory_mib))
            .unwrap_or(u64::MAX);
        by_cpu.min(by_memory).min(self.slots)
    }

    /// What is left beside `tasks` that fit.
    fn less(self, size: TaskSize, tasks: u64) -> Self {
        Self {
            cpu: self.cpu - tasks * u64::from(size.cpu_units),
            memory: self.memory - tasks * u64::from(size.memory_mib),
            slots: self.slots - tasks,
        }
    }
}

/// What a fleet is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Billed {
    pub(super) peak_instances: u32,
    pub(super) instance_ms: i64,
}

/// Tasks to pack together: how many of each size, by the size's index, ascending.
type Crowd = Vec<(usize, u64)>;

/// The moments, ready to be packed on one instance type after another: equal sizes are counted together, tasks are
/// dealt to their zones, and crowds that occur again are kept once.
pub(super) struct Timeline {
    sizes: Vec<TaskSize>,
    crowds: Vec<Crowd>,
    totals: Vec<Total>,
    spans: Vec<Span>,
}

/// A moment with the crowd of each zone that has one, by the crowd's index.
struct Span {
    from_ms: i64,
    to_ms: i64,
    crowds: Vec<usize>,
}

impl Timeline {
    pub(super) fn new(tenants: &[Tenant<'_>], moments: &[Moment], zones: u8) -> Self {
        let mut sizes: Vec<TaskSize> = tenants.iter().map(|tenant| tenant.size).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        sizes.dedup();
        let size_of: Vec<usize> = tenants
            .iter()
            .map(|tenant| sizes.partition_point(|&size| size > tenant.size))
            .collect();
        let mut known: BTreeMap<Crowd, usize> = BTreeMap::new();
        let mut spans = Vec::with_capacity(moments.len());
        for moment in moments {
            let dealt = deal(&together(moment, &size_of), zones.max(1).into());
            let mut index = |crowd| {
                let next = known.len();
                *known.entry(crowd).or_insert(next)
            };
            let crowds = dealt
                .into_iter()
                .filter(|crowd| !crowd.is_empty())
                .map(&mut index)
                .collect();
            spans.push(Span {
                from_ms: moment.from_ms,
                to_ms: moment.to_ms,
                crowds,
            });
        }
        let mut crowds = vec![Crowd::new(); known.len()];
        for (crowd, index) in known {
            crowds[index] = crowd;
        }
        let totals = crowds
            .iter()
            .map(|crowd| Total::of(crowd, &sizes))
            .collect();
        Self {
            sizes,
            crowds,
            totals,
            spans,
        }
    }

    /// What a fleet of instances of this `capacity`, which holds every size, is billed; `None` beyond what can be counted.
    pub(super) fn packed(
        &self,
        capacity: Capacity,
        rules: &Rules,
        window: Window,
    ) -> Option<Billed> {
        self.billed(&self.pack_all(capacity), rules, window)
    }

    /// The same if tasks could be cut to fill every instance: never more than [`Self::packed`], and quickly known.
    pub(super) fn least(
        &self,
        capacity: Capacity,
        rules: &Rules,
        window: Window,
    ) -> Option<Billed> {
        let needed: Vec<u64> = self
            .totals
            .iter()
            .map(|total| total.instances(capacity))
            .collect();
        self.billed(&needed, rules, window)
    }

    fn billed(&self, instances: &[u64], rules: &Rules, window: Window) -> Option<Billed> {
        let needed = |span: &Span| {
            span.crowds
                .iter()
                .fold(0_u64, |sum, &crowd| sum.saturating_add(instances[crowd]))
        };
        let peak = self.spans.iter().map(needed).max().unwrap_or(0);
        let instance_ms = billed_ms(
            self.spans
                .iter()
                .map(|span| (span.from_ms, span.to_ms, needed(span))),
            rules,
            window,
        );
        Some(Billed {
            peak_instances: peak.try_into().ok()?,
            instance_ms: instance_ms.try_into().ok()?,
        })
    }

    /// Instances of this `capacity` that each crowd needs.
    fn pack_all(&self, capacity: Capacity) -> Vec<u64> {
        // The larger of cpu ÷ C and memory ÷ M, both times C × M to stay in integers.
        let share = |size: &TaskSize| {
            (u64::from(size.cpu_units) * capacity.memory)
                .max(u64::from(size.memory_mib) * capacity.cpu)
        };
        let mut order: Vec<usize> = (0..self.sizes.len()).collect();
        order.sort_by_key(|&size| std::cmp::Reverse(share(&self.sizes[size])));
        let mut rank = vec![0; order.len()];
        for (place, &size) in order.iter().enumerate() {
            rank[size] = place;
        }
        let least = TaskSize::new(
            self.sizes
                .iter()
                .map(|size| size.cpu_units)
                .min()
                .unwrap_or(0),
            self.sizes
                .iter()
                .map(|size| size.memory_mib)
                .min()
                .unwrap_or(0),
        );
        let sorted = |crowd: &Crowd| {
            let mut crowd = crowd.clone();
            crowd.sort_unstable_by_key(|&(size, _)| rank[size]);
            crowd
        };
        let tasks = |crowd: &Crowd| {
            sorted(crowd)
                .into_iter()
                .map(|(size, tasks)| (self.sizes[size], tasks))
        };
        self.crowds
            .iter()
            .map(|crowd| first_fit(tasks(crowd), capacity, least))
            .collect()
    }
}

/// What a crowd reserves.
struct Total {
    cpu: u128,
    memory: u128,
    tasks: u128,
}

impl Total {
    fn of(crowd: &Crowd, sizes: &[TaskSize]) -> Self {
        let sum = |each: fn(TaskSize) -> u32| {
            crowd
                .iter()
                .map(|&(size, tasks)| u128::from(tasks) * u128::from(each(sizes[size])))
                .sum()
        };
        Self {
            cpu: sum(|size| size.cpu_units),
            memory: sum(|size| size.memory_mib),
            tasks: sum(|_| 1),
        }
    }

    /// Instances of this `capacity` that hold as much.
    fn instances(&self, capacity: Capacity) -> u64 {
        let by_cpu = self.cpu.div_ceil(capacity.cpu.into());
        let by_memory = self.memory.div_ceil(capacity.memory.into());
        let by_slots = self.tasks.div_ceil(capacity.slots.into());
        by_cpu
            .max(by_memory)
            .max(by_slots)
            .try_into()
            .unwrap_or(u64::MAX)
    }
}

/// The tasks of a moment, equal sizes counted together.
fn together(moment: &Moment, size_of: &[usize]) -> Crowd {
    let mut counts: BTreeMap<usize, u64> = BTreeMap::new();
    for load in &moment.loads {
        let count = counts.entry(size_of[load.tenant]).or_default();
        *count = count.saturating_add(load.tasks);
    }
    counts.into_iter().collect()
}

/// Deals the tasks to the `zones` in turn, as cards: of each workload, no zone gets more than one task above another.
fn deal(crowd: &Crowd, zones: u64) -> Vec<Crowd> {
    let mut next = 0;
    let mut dealt: Vec<Crowd> = (0..zones).map(|_| Crowd::new()).collect();
    for &(size, tasks) in crowd {
        for (zone, hand) in (0..zones).zip(&mut dealt) {
            let turn = (zone + zones - next) % zones;
            let count = tasks / zones + u64::from(turn < tasks % zones);
            if count > 0 {
                hand.push((size, count));
            }
        }
        next = (next + tasks % zones) % zones;
    }
    dealt
}

/// Instances that are filled alike.
#[derive(Debug, Clone, Copy)]
struct Alike {
    instances: u64,
    free: Capacity,
}

impl Alike {
    /// Places up to `tasks` on these instances, the first ones as full as they get: how many were placed, and the
    /// instances that were filled, begun and left as they were.
    fn take(self, size: TaskSize, tasks: u64) -> (u64, [Self; 3]) {
        let fit = self.free.fit(size);
        let filled = tasks.checked_div(fit).unwrap_or(0).min(self.instances);
        let rest = if filled < self.instances {
            (tasks - filled * fit).min(fit)
        } else {
            0
        };
        let begun = u64::from(rest > 0);
        let parts = [
            Self {
                instances: filled,
                free: self.free.less(size, fit),
            },
            Self {
                instances: begun,
                free: self.free.less(size, rest),
            },
            Self {
                instances: self.instances - filled - begun,
                free: self.free,
            },
        ];
        (filled * fit + rest, parts)
    }
}

/// Instances of the capacity `empty` that first fit fills with these tasks, taken in their order. Instances that not
/// even a task of size `least` fits are put aside.
fn first_fit(
    crowd: impl Iterator<Item = (TaskSize, u64)>,
    empty: Capacity,
    least: TaskSize,
) -> u64 {
    let mut full = 0_u64;
    let mut open: Vec<Alike> = Vec::new();
    let mut next = Vec::new();
    for (size, mut tasks) in crowd {
        let fresh = Alike {
            instances: tasks.div_ceil(empty.fit(size).max(1)),
            free: empty,
        };
        for alike in open.drain(..).chain([fresh]) {
            let (placed, parts) = alike.take(size, tasks);
            tasks -= placed;
            for part in parts
                .into_iter()
                .filter(|part| part.instances > 0 && part.free != empty)
            {
                if part.free.holds(least) {
                    next.push(part);
                } else {
                    full = part.instances.saturating_add(full);
                }
            }
        }
        std::mem::swap(&mut open, &mut next);
    }
    open.iter()
        .fold(full, |sum, alike| sum.saturating_add(alike.instances))
}

/// Instance-milliseconds inside `window` when `needed` gives, in order of time, the instances needed from and to.
///
/// An instance is billed from `boot_ms` before it is needed until `scale_in_ms` after it was last needed; needed again
/// before that, it simply stays.
fn billed_ms(needed: impl Iterator<Item = (i64, i64, u64)>, rules: &Rules, window: Window) -> i128 {
    let mut total = 0_i128;
    // Instances by the time until which they are paid for, the latest last.
    let mut paid: Vec<(u64, i64)> = Vec::new();
    for (from_ms, to_ms, instances) in needed {
        let start = from_ms
            .saturating_sub(rules.boot_ms.into())
            .max(window.from_ms);
        let stop = to_ms
            .saturating_add(rules.scale_in_ms.into())
            .min(window.to_ms);
        let mut missing = instances;
        while missing > 0 {
            let (running, until) = paid.pop().unwrap_or((missing, start));
            let kept = running.min(missing);
            total = total.saturating_add(i128::from(kept) * i128::from(stop - until.max(start)));
            missing -= kept;
            if running > kept {
                paid.push((running - kept, until));
            }
        }
        paid.push((instances, stop));
    }
    total
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pack::bound::tests::{any_tenants, slot, slots_of, tenants_of};
    use crate::pack::tests::WINDOW;

    const LARGE: Capacity = Capacity {
        cpu: 2048,
        memory: 7731,
        slots: 2,
    };
    const MINUTE: i64 = 60_000;

    fn pack(tasks: &[(TaskSize, u64)], empty: Capacity) -> u64 {
        first_fit(tasks.iter().copied(), empty, TaskSize::new(0, 0))
    }

    /// First fit, one task and one instance at a time.
    fn pack_one_by_one(tasks: &[TaskSize], empty: Capacity) -> u64 {
        let mut instances: Vec<Capacity> = Vec::new();
        for &size in tasks {
            match instances.iter_mut().find(|instance| instance.holds(size)) {
                Some(instance) => *instance = instance.less(size, 1),
                None => instances.push(empty.less(size, 1)),
            }
        }
        instances.len() as u64
    }

    /// Deals and packs every slot task by task.
    fn needed_one_by_one(tenants: &[Tenant<'_>], slot: i64, empty: Capacity) -> u64 {
        let mut tasks: Vec<TaskSize> = Vec::new();
        for tenant in tenants {
            let peak = tenant
                .slots
                .iter()
                .filter(|seen| seen.slot == slot)
                .map(|seen| seen.peak)
                .sum::<u32>();
            tasks.extend((0..peak).map(|_| tenant.size));
        }
        tasks.sort_by(|a, b| b.cmp(a));
        let share = |size: &TaskSize| {
            (u64::from(size.cpu_units) * empty.memory).max(u64::from(size.memory_mib) * empty.cpu)
        };
        let zone = |first: usize| {
            let mut zone: Vec<TaskSize> = tasks.iter().skip(first).step_by(2).copied().collect();
            zone.sort_by_key(|size| std::cmp::Reverse(share(size)));
            pack_one_by_one(&zone, empty)
        };
        zone(0) + zone(1)
    }

    /// Counts the instances minute by minute: the most that any slot needs whose lags reach this minute.
    fn billed_minute_by_minute(needed: &[(i64, i64, u64)], rules: &Rules, window: Window) -> i128 {
        let reaches = |minute: i64, from: i64, to: i64| {
            from - i64::from(rules.boot_ms) <= minute && minute < to + i64::from(rules.scale_in_ms)
        };
        (window.from_ms / MINUTE..window.to_ms / MINUTE)
            .map(|minute| minute * MINUTE)
            .map(|minute| {
                needed
                    .iter()
                    .filter(|(from, to, _)| reaches(minute, *from, *to))
                    .map(|slot| slot.2)
                    .max()
            })
            .map(|count| i128::from(count.unwrap_or(0)) * i128::from(MINUTE))
            .sum()
    }

    fn slots_needing(needed: &[(i64, u64)]) -> Vec<(i64, i64, u64)> {
        needed
            .iter()
            .map(|&(slot, count)| (slot * SLOT_MS, (slot + 1) * SLOT_MS, count))
            .collect()
    }

    fn billed(needed: &[(i64, u64)], window: Window) -> i128 {
        billed_ms(slots_needing(needed).into_iter(), &Rules::default(), window)
    }

    #[test]
    fn a_large_takes_two_tasks_for_want_of_interfaces() {
        let small = TaskSize::new(256, 512);
        assert_eq!(pack(&[(small, 5)], LARGE), 3);
        assert_eq!(pack(&[(small, 5)], Capacity { slots: 8, ..LARGE }), 1);
    }

    #[test]
    fn small_tasks_fill_what_large_ones_leave() {
        let empty = Capacity { slots: 10, ..LARGE };
        let tasks = [
            (TaskSize::new(1536, 1024), 3),
            (TaskSize::new(256, 1024), 6),
            (TaskSize::new(256, 512), 1),
        ];
        assert_eq!(pack(&tasks, empty), 4);
    }

    #[test]
    fn the_odd_tasks_of_two_workloads_go_to_different_zones() {
        assert_eq!(
            deal(&vec![(0, 3), (1, 1)], 2),
            [vec![(0, 2)], vec![(0, 1), (1, 1)]]
        );
        assert_eq!(
            deal(&vec![(0, 7)], 3),
            [vec![(0, 3)], vec![(0, 2)], vec![(0, 2)]]
        );
    }

    #[test]
    fn two_tasks_in_two_zones_need_two_instances() {
        let slots = [slot(10, 2)];
        let tenants = [Tenant {
            size: TaskSize::new(256, 512),
            slots: &slots,
        }];
        let run = |zones| {
            let timeline = Timeline::new(&tenants, &moments(&tenants, WINDOW), zones);
            timeline
                .packed(LARGE, &Rules::default(), WINDOW)
                .unwrap()
                .peak_instances
        };
        assert_eq!((run(0), run(1), run(2), run(3)), (1, 1, 2, 2));
    }

    #[test]
    fn one_slot_is_billed_with_boot_and_scale_in() {
        assert_eq!(billed(&[(10, 1)], WINDOW), 120_000 + 300_000 + 900_000);
    }

    #[test]
    fn an_instance_is_kept_over_a_gap_shorter_than_scale_in() {
        // From boot before slot 10 to scale-in after slot 13: 2 + 20 + 15 minutes.
        assert_eq!(billed(&[(10, 1), (13, 1)], WINDOW), i128::from(37 * MINUTE));
    }

    #[test]
    fn an_instance_is_started_anew_after_a_gap_longer_than_boot_and_scale_in() {
        assert_eq!(
            billed(&[(10, 1), (15, 1)], WINDOW),
            i128::from(2 * 22 * MINUTE)
        );
    }

    #[test]
    fn only_the_added_instances_of_a_rise_boot() {
        // One for 2 + 10 + 15 minutes, the second for 2 + 5 + 15 of them.
        assert_eq!(
            billed(&[(10, 1), (11, 2)], WINDOW),
            i128::from((27 + 22) * MINUTE)
        );
        assert_eq!(
            billed(&[(10, 2), (11, 1)], WINDOW),
            i128::from((27 + 22) * MINUTE)
        );
    }

    #[test]
    fn nothing_is_billed_outside_the_window() {
        let window = Window {
            from_ms: 10 * SLOT_MS,
            to_ms: 11 * SLOT_MS,
        };
        assert_eq!(billed(&[(10, 1)], window), i128::from(SLOT_MS));
    }

    #[test]
    fn a_slot_is_cut_to_the_window() {
        let slots = [
            slot(9, 1),
            slot(10, 2),
            slot(i64::MAX, 1),
            slot(i64::MIN, 1),
        ];
        let tenants = [Tenant {
            size: TaskSize::new(256, 512),
            slots: &slots,
        }];
        let window = Window {
            from_ms: 10 * SLOT_MS + 200_000,
            to_ms: 11 * SLOT_MS,
        };
        let seen = moments(&tenants, window);
        let load = Load {
            tenant: 0,
            tasks: 2,
            task_ms: 200_000,
        };
        assert_eq!(
            seen,
            [Moment {
                from_ms: window.from_ms,
                to_ms: window.to_ms,
                loads: vec![load]
            }]
        );
        assert!(
            moments(
                &tenants,
                Window {
                    from_ms: 5,
                    to_ms: 5
                }
            )
            .is_empty()
        );
    }

    #[test]
    fn a_peak_below_the_mean_is_not_believed() {
        let seen = Slot {
            slot: 10,
            task_ms: 2 * SLOT_MS + 1,
            peak: 1,
        };
        assert_eq!(Load::new(0, &seen, SLOT_MS).unwrap().tasks, 3);
        assert_eq!(
            Load::new(
                0,
                &Slot {
                    slot: 10,
                    task_ms: 0,
                    peak: 0
                },
                SLOT_MS
            ),
            None
        );
    }

    #[test]
    fn more_instances_than_can_be_counted_are_no_number() {
        let slots: Vec<Slot> = (10..13).map(|at| slot(at, u32::MAX)).collect();
        let tenants = [Tenant {
            size: TaskSize::new(2048, 512),
            slots: &slots,
        }; 2];
        let timeline = Timeline::new(&tenants, &moments(&tenants, WINDOW), 2);
        assert_eq!(timeline.packed(LARGE, &Rules::default(), WINDOW), None);
    }

    proptest! {
        #[test]
        fn counting_equals_placing_one_by_one(tenants in any_tenants(), cpu in 1024_u64..4096, memory in 1700_u64..9000, slots in 1_u64..9) {
            let empty = Capacity { cpu, memory, slots };
            let slot_lists = slots_of(&tenants);
            let tenants = tenants_of(&tenants, &slot_lists);
            let seen = moments(&tenants, WINDOW);
            let timeline = Timeline::new(&tenants, &seen, 2);
            let packed = timeline.pack_all(empty);
            for span in &timeline.spans {
                let needed: u64 = span.crowds.iter().map(|&crowd| packed[crowd]).sum();
                prop_assert_eq!(needed, needed_one_by_one(&tenants, span.from_ms / SLOT_MS, empty));
                let hoped: u64 = span.crowds.iter().map(|&crowd| timeline.totals[crowd].instances(empty)).sum();
                prop_assert!(hoped <= needed);
            }
        }

        #[test]
        fn billing_equals_counting_minute_by_minute(
            needed in prop::collection::btree_map(0_i64..40, 1_u64..9, 0..20),
            boot in 0_u32..20, scale_in in 0_u32..20, from in 0_i64..200, length in 0_i64..200,
        ) {
            let rules = Rules { boot_ms: boot * 60_000, scale_in_ms: scale_in * 60_000, ..Rules::default() };
            let window = Window { from_ms: from * MINUTE, to_ms: (from + length) * MINUTE };
            let needed: Vec<(i64, u64)> = needed.into_iter().collect();
            let inside: Vec<(i64, i64, u64)> = slots_needing(&needed)
                .into_iter()
                .map(|(a, b, count)| (a.max(window.from_ms), b.min(window.to_ms), count))
                .filter(|(a, b, _)| a < b)
                .collect();
            prop_assert_eq!(billed_ms(inside.iter().copied(), &rules, window), billed_minute_by_minute(&inside, &rules, window));
        }
    }
}
