//! Workloads that could be on a fleet: what they bring, what they cost elsewhere, and the pace at which they run.

use std::collections::BTreeSet;

use crate::demand::{Alike, Slot};
use crate::model::units::{HOURS_PER_MONTH, MS_PER_HOUR, SLOT_MS, TaskSize, Usd, Window};
use crate::model::workload::{Configuration, Kind, Platform, WorkloadKey};
use crate::pack::{AlikeSlots, Item, Load, Step, Tenant, Unpackable, Work};
use crate::placement::Need;
use crate::recommend::choose::cheapest;
use crate::recommend::{Assessed, Policy};

/// A sample of a service holds for so many slots at most: a quarter of an hour.
const HELD_SLOTS: i64 = 3;

/// How a workload's time in the window compares with a month at its present pace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    window_ms: i64,
    month_ms: i64,
}

impl Pace {
    /// A month of what costs this in the window.
    pub(super) fn month_of(self, in_window: Usd) -> Usd {
        in_window.part(self.month_ms.into(), self.window_ms.into())
    }

    /// The window's part of what costs this in a month.
    pub(super) fn window_of(self, month: Usd) -> Usd {
        month.part(self.window_ms.into(), self.month_ms.into())
    }
}

/// The pace of a fleet: it is there all through the window.
pub(super) fn fleet_pace(window: Window) -> Pace {
    Pace {
        window_ms: window.ms(),
        month_ms: HOURS_PER_MONTH * MS_PER_HOUR,
    }
}

/// The pace of a workload whose tasks are packed for `packed_ms`, against a month at the rate at which it ran since it is
/// configured as it is: so an hour of a task on the fleet is held against an hour elsewhere, also where nobody looked on
/// some days or readings are few. `None` where nothing ran.
fn pace_of(workload: &Assessed, packed_ms: i64) -> Option<Pace> {
    let pace = workload.demand.pace.as_ref()?;
    let components = pace.components.iter();
    let ran_ms: i64 = components
        .map(|component| component.metered.best.elapsed)
        .sum();
    let month = i128::from(ran_ms) * i128::from(HOURS_PER_MONTH * MS_PER_HOUR)
        / i128::from(pace.observed_ms.max(1));
    let pace = Pace {
        window_ms: packed_ms,
        month_ms: i64::try_from(month).ok()?,
    };
    (pace.window_ms > 0 && pace.month_ms > 0).then_some(pace)
}

/// A workload that could be a tenant.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) workload: &'a Assessed,
    pub(super) choice: Choice,
    pub(super) pace: Option<Pace>,
    /// The least that it costs without the fleet, in the window.
    pub(super) least_elsewhere: Option<Usd>,
}

/// What a workload may do, amounts in the window.
#[derive(Debug, Clone, Copy)]
pub(super) enum Choice {
    /// On the fleet if that is cheaper than this, which is what it costs elsewhere less what a change must save.
    Below(Usd),
    /// It runs on EC2 already and can, or is advised to, go nowhere else.
    Bound,
    /// Nothing is advised: its need or its cost is not known.
    None,
}

impl<'a> Candidate<'a> {
    /// Its tasks are packed for `packed_ms`.
    fn of(workload: &'a Assessed, packed_ms: i64, policy: &Policy) -> Self {
        let pace = pace_of(workload, packed_ms);
        let is_on_ec2 = workload.configuration.platform() == Some(Platform::Ec2);
        let known = elsewhere(workload).zip(pace);
        let choice = match known.filter(|_| workload.requirement.is_ok()) {
            Some((month, pace)) if is_on_ec2 => {
                Choice::Below(pace.window_of(month + policy.least_move_saving(month)))
            }
            Some((month, pace)) => {
                let limit = month - policy.least_move_saving(month);
                Choice::Below(pace.window_of(limit.max(Usd::ZERO)))
            }
            None if is_on_ec2 => Choice::Bound,
            None => Choice::None,
        };
        Self {
            workload,
            choice,
            pace,
            least_elsewhere: known.map(|(month, pace)| pace.window_of(month)),
        }
    }

    /// A month of what costs this in the window, at its own pace; `None` where nothing ran.
    pub(super) fn month_of(&self, in_window: Usd) -> Option<Usd> {
        self.pace.map(|pace| pace.month_of(in_window))
    }

    pub(super) fn key(&self) -> &WorkloadKey {
        &self.workload.demand.workload
    }

    /// The most that it may cost here in the window to be worth it; `None` where it has no choice.
    pub(super) fn elsewhere(&self) -> Option<Usd> {
        match self.choice {
            Choice::Below(usd) => Some(usd),
            Choice::Bound | Choice::None => None,
        }
    }

    /// What it may have in common with others.
    pub(super) fn marks(&self) -> Vec<String> {
        let key = self.key();
        vec![key.kind.as_str().to_owned(), key.cluster.clone()]
    }
}

fn tenant(workload: &Assessed, need: Need) -> Tenant {
    Tenant {
        item: item(need.size(), &workload.configuration),
        load: load(workload),
    }
}

/// What a task of this size takes of an instance: in `bridge` and `host` mode no network interface of its own.
pub(in crate::recommend) fn item(size: TaskSize, configuration: &Configuration) -> Item {
    let shares_interface = matches!(
        configuration.network_mode.as_deref(),
        Some("bridge" | "host" | "none")
    );
    Item {
        interfaces: u32::from(!shares_interface),
        ..Item::of(size)
    }
}

/// Every run from start to stop, where runs are known; else the number of running tasks over time.
pub(in crate::recommend) fn load(workload: &Assessed) -> Load {
    let demand = &workload.demand;
    if !demand.spans.is_empty() {
        return Load::Runs(demand.spans.clone());
    }
    let alike = demand.slots.alike();
    if demand.workload.kind == Kind::Service && is_thin(alike) {
        return Load::Tasks(held(alike));
    }
    let slots = alike.iter().map(|alike| AlikeSlots {
        from_ms: alike.first.slot.saturating_mul(SLOT_MS),
        slots: alike.count,
        peak: alike.first.peak,
        task_ms: alike.first.task_ms,
    });
    Load::of_slots(SLOT_MS, slots)
}

/// As [`load`], with as many tasks all through a slot as there were at one time in it: where only slots are known,
/// nobody knows whether the peaks of two workloads met, so they are taken to have met.
pub(in crate::recommend) fn load_at_peak(workload: &Assessed) -> Load {
    let demand = &workload.demand;
    let slots = demand.slots.alike();
    let is_service = demand.workload.kind == Kind::Service;
    if !demand.spans.is_empty() || is_service && is_thin(slots) {
        return load(workload);
    }
    Load::Tasks(at_peak(slots))
}

fn at_peak(slots: &[Alike]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for alike in slots.iter().filter(|alike| alike.first.peak > 0) {
        let from_ms = alike.first.slot.saturating_mul(SLOT_MS);
        let to_ms = alike.next().saturating_mul(SLOT_MS);
        let tasks = alike.first.peak;
        match steps.last_mut() {
            Some(last) if last.to_ms == from_ms && last.tasks == tasks => last.to_ms = to_ms,
            _ => steps.push(Step {
                from_ms,
                to_ms,
                tasks,
            }),
        }
    }
    steps
}

/// Whether the samples of a service come more rarely than once a minute: its tasks did not stop between two of them, and
/// the count of one says of how many minutes it is no more than of how many tasks.
fn is_thin(slots: &[Alike]) -> bool {
    let (mut thin, mut all) = (0_u64, 0_u64);
    for Alike { first, count } in slots {
        let permille = first.task_ms * 1000 / (i64::from(first.peak.max(1)) * SLOT_MS);
        thin += if permille < 500 { u64::from(*count) } else { 0 };
        all += u64::from(*count);
    }
    thin > all / 2
}

/// The tasks of a service over time: as many as run for the counted time, in whole tasks, until the next sample.
fn held(slots: &[Alike]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let tasks_in = |slot: &Slot| {
        let tasks = (slot.task_ms + SLOT_MS - 1) / SLOT_MS;
        u32::try_from(tasks).unwrap_or(slot.peak).min(slot.peak)
    };
    for (at, alike) in slots.iter().enumerate() {
        let (from, behind) = (alike.first.slot, alike.next());
        let next = slots.get(at + 1).map(|next| next.first.slot - (behind - 1));
        let lasting = next.filter(|&slots| slots <= HELD_SLOTS).unwrap_or(1);
        let from_ms = from.saturating_mul(SLOT_MS);
        let to_ms = (behind - 1)
            .saturating_mul(SLOT_MS)
            .saturating_add(lasting * SLOT_MS);
        let tasks = tasks_in(&alike.first);
        match steps.last_mut() {
            Some(last) if last.to_ms == from_ms && last.tasks == tasks => {
                last.to_ms = to_ms;
            }
            _ => steps.push(Step {
                from_ms,
                to_ms,
                tasks,
            }),
        }
    }
    steps
}

/// The least a month costs without the fleet: resized where it is, or on the other platform, on demand.
fn elsewhere(workload: &Assessed) -> Option<Usd> {
    let stay = workload
        .resized
        .as_ref()
        .filter(|placement| placement.platform != Platform::Ec2)
        .and_then(|placement| Some(placement.rate()?.usd));
    let go = cheapest(workload, |placement| placement.platform != Platform::Ec2);
    stay.into_iter().chain(go.map(|(_, usd)| usd)).min()
}

/// Workloads, and what they do.
pub(super) struct Asked<'a> {
    pub(super) candidates: Vec<Candidate<'a>>,
    pub(super) work: Work,
}

impl<'a> Asked<'a> {
    /// These workloads with their needs, in `window`. What each of them does is looked at one after the other.
    pub(super) fn of(workloads: &[(&'a Assessed, Need)], policy: &Policy, window: Window) -> Self {
        let tenants = workloads.iter();
        let tenants = tenants.map(|&(workload, need)| tenant(workload, need));
        let work = Work::new(tenants, window);
        let packed = workloads.iter().zip(work.task_ms());
        let candidate = |(&(workload, _), packed_ms): (&(&'a Assessed, Need), i64)| {
            Candidate::of(workload, packed_ms, policy)
        };
        Self {
            candidates: packed.map(candidate).collect(),
            work,
        }
    }

    /// Those that are `wanted`.
    pub(super) fn among(&self, mut wanted: impl FnMut(&Candidate<'a>) -> bool) -> Self {
        let places = 0..self.candidates.len();
        let places: Vec<usize> = places.filter(|&at| wanted(&self.candidates[at])).collect();
        Self {
            candidates: places.iter().map(|&at| self.candidates[at]).collect(),
            work: self.work.of(&places),
        }
    }

    /// Takes those out that are in the way: these, or all where it is not about single ones.
    pub(super) fn leave_out(&mut self, unpackable: &Unpackable) -> Vec<(Candidate<'a>, String)> {
        let named: BTreeSet<usize> = unpackable.tenants.iter().copied().collect();
        let is_out = |at: &usize| named.is_empty() || named.contains(at);
        let out = (0..self.candidates.len()).filter(is_out);
        let out = out.map(|at| (self.candidates[at], unpackable.to_string()));
        let out = out.collect();
        let mut at = 0..;
        *self = self.among(|_| at.next().is_some_and(|at| !is_out(&at)));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(slot: i64, count: u32, task_ms: i64, peak: u32) -> Alike {
        let first = Slot {
            slot,
            task_ms,
            peak,
        };
        Alike { first, count }
    }

    #[test]
    fn the_peak_of_a_slot_is_taken_to_last_all_through_it() {
        // Three tasks at one time and one in the mean; then three all the time; after a gap, two.
        let slots = [(0, SLOT_MS, 3), (1, 3 * SLOT_MS, 3), (4, SLOT_MS, 2)];
        let slots = slots.map(|(at, task_ms, peak)| alike(at, 1, task_ms, peak));
        let step = |from: i64, to: i64, tasks| Step {
            from_ms: from * SLOT_MS,
            to_ms: to * SLOT_MS,
            tasks,
        };
        assert_eq!(at_peak(&slots), [step(0, 2, 3), step(4, 5, 2)]);
    }

    #[test]
    fn tasks_of_a_service_do_not_stop_between_two_readings() {
        // Five minutes of two tasks in one record, counted as ten samples; then a quarter of an hour without one, and more.
        let slots = [(0, 2), (4, 1), (9, 1)].map(|(at, count)| alike(at, count, 600_000, 10));
        assert!(is_thin(&slots));
        let step = |from: i64, to: i64| Step {
            from_ms: from * SLOT_MS,
            to_ms: to * SLOT_MS,
            tasks: 2,
        };
        assert_eq!(held(&slots), [step(0, 5), step(9, 10)]);
        let window = Window {
            from_ms: 0,
            to_ms: 2 * SLOT_MS,
        };
        let tenant = Tenant {
            item: Item::default(),
            load: Load::Tasks(held(&slots)),
        };
        assert_eq!(Work::new([tenant], window).task_ms(), [4 * SLOT_MS]);
        assert!(!is_thin(&[alike(0, 3, 600_000, 2)]));
    }
}
