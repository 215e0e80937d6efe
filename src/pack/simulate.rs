//! What ECS does with the tasks: an event-driven simulation of one capacity provider, a group of instances of one type.
//!
//! A task goes to an instance that has room for it, in the zone where its workload runs fewest tasks if there is a
//! choice; without room an instance is started, a boot ahead of the task. Nothing moves. An instance that is empty
//! for as long as scale-in takes is terminated.
//! Source: Amazon ECS developer guide, "Task placement strategies" and "Cluster auto scaling", read 2026-11.

use std::cmp::Reverse;
use std::collections::VecDeque;

use super::input::{Amount, Placement, Rules};
use super::packed::Packed;
use super::timeline::Task;
use super::zone::{Needs, Slot, Zone};
use crate::model::units::Window;

/// EC2 bills at least this much per start.
/// Source: AWS EC2 API reference, `StartInstances`, read 2026-11.
pub(super) const MINIMUM_BILLED_MS: i64 = 60_000;

/// The life of one instance, cut to the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lease {
    /// Launch.
    pub(super) from_ms: i64,
    /// Termination.
    pub(super) to_ms: i64,
    /// Time in which it held a task.
    pub(super) busy_ms: i64,
    /// Time in which it booted.
    pub(super) boot_ms: i64,
}

impl Lease {
    /// What is billed for it.
    pub(super) const fn billed_ms(&self) -> i64 {
        let ms = self.to_ms - self.from_ms;
        if ms < MINIMUM_BILLED_MS {
            MINIMUM_BILLED_MS
        } else {
            ms
        }
    }
}

/// How the tasks were run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Simulated {
    pub(super) leases: Vec<Lease>,
    /// The lease of each task, in the order of the tasks.
    pub(super) lease_of: Vec<u32>,
}

impl Simulated {
    pub(super) fn billed_ms(&self) -> i128 {
        self.leases
            .iter()
            .map(|lease| i128::from(lease.billed_ms()))
            .sum()
    }
}

/// Runs the `tasks`, ordered by start, on instances of this `capacity`, which holds each of them.
pub(super) fn simulate(
    tasks: &[Task],
    needs: &Needs,
    capacity: Amount,
    rules: &Rules,
    placement: Placement,
    window: Window,
) -> Simulated {
    let mut cluster = Cluster::new(needs, capacity, rules, placement, window);
    let mut lease_of = vec![0_u32; tasks.len()];
    let mut place_of = vec![(0_u32, 0_u32); tasks.len()];
    let stops = by_end(tasks);
    let mut stopped = 0;
    for (index, task) in tasks.iter().enumerate() {
        while let Some(&stop) = stops
            .get(stopped)
            .filter(|&&stop| tasks[stop as usize].end_ms <= task.start_ms)
        {
            let ended = &tasks[stop as usize];
            cluster.stop(place_of[stop as usize], ended);
            stopped += 1;
        }
        cluster.expire(task.start_ms);
        place_of[index] = cluster.start(task);
        let (zone, slot) = place_of[index];
        lease_of[index] = cluster.zones[zone as usize].slots[slot as usize].lease;
    }
    for &stop in &stops[stopped..] {
        cluster.stop(place_of[stop as usize], &tasks[stop as usize]);
    }
    cluster.expire(i64::MAX);
    Simulated {
        leases: cluster.leases,
        lease_of,
    }
}

/// The tasks by their end, in one word each while end and place fit into one.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // fewer tasks than 2³²; ends are after the first
pub(super) fn by_end(tasks: &[Task]) -> Vec<u32> {
    let ends = || tasks.iter().map(|task| task.end_ms);
    let (first, last) = (ends().min().unwrap_or(0), ends().max().unwrap_or(0));
    if last.saturating_sub(first) >= 1 << 36 || tasks.len() >= 1 << 28 {
        let mut order: Vec<u32> = (0..tasks.len() as u32).collect();
        order.sort_unstable_by_key(|&index| (tasks[index as usize].end_ms, index));
        return order;
    }
    let mut keyed: Vec<u64> = ends()
        .zip(0_u64..)
        .map(|(end_ms, index)| ((end_ms - first) as u64) << 28 | index)
        .collect();
    keyed.sort_unstable();
    let index = |key: u64| (key & ((1 << 28) - 1)) as u32;
    keyed.into_iter().map(index).collect()
}

struct Cluster<'a> {
    needs: &'a Needs,
    rules: &'a Rules,
    placement: Placement,
    window: Window,
    empty: Packed,
    zones: Vec<Zone>,
    leases: Vec<Lease>,
    /// Running tasks of each tenant in each zone, zones of a tenant side by side; only kept with several zones.
    spread: Vec<u32>,
    /// Empty instances in the order in which they became so: (terminated at, zone, slot, its lease's busy time then).
    idle: VecDeque<Idle>,
    running: u32,
    in_use: u32,
}

#[derive(Debug, Clone, Copy)]
struct Idle {
    until_ms: i64,
    zone: u32,
    slot: u32,
    since_ms: i64,
    lease: u32,
}

impl<'a> Cluster<'a> {
    fn new(
        needs: &'a Needs,
        capacity: Amount,
        rules: &'a Rules,
        placement: Placement,
        window: Window,
    ) -> Self {
        let zones = usize::from(rules.availability_zones.max(1));
        let tenants = needs.words.len();
        Self {
            needs,
            rules,
            placement,
            window,
            empty: Packed::capacity(capacity),
            zones: (0..zones).map(|_| Zone::new(needs, placement)).collect(),
            leases: Vec::new(),
            spread: if zones > 1 {
                vec![0; tenants * zones]
            } else {
                Vec::new()
            },
            idle: VecDeque::new(),
            running: 0,
            in_use: 0,
        }
    }

    /// Places a task, on a new instance if none has room: its zone and slot.
    fn start(&mut self, task: &Task) -> (u32, u32) {
        let place = self
            .find(task.tenant as usize)
            .unwrap_or_else(|| self.scale_out(task.start_ms));
        self.occupy(place, task);
        if self.rules.target_capacity_percent < 100 {
            self.keep_spare(task.start_ms);
        }
        place
    }

    fn find(&mut self, tenant: usize) -> Option<(u32, u32)> {
        if self.zones.len() == 1 {
            return self.find_in(0, tenant);
        }
        let zones = self.zones.len();
        let mut tried = 0_u64;
        for _ in 0..zones {
            let counts = &self.spread[tenant * zones..(tenant + 1) * zones];
            let left = (0..zones).filter(|zone| tried >> zone & 1 == 0);
            let zone = left.min_by_key(|&zone| counts[zone])?;
            if let Some(place) = self.find_in(zone, tenant) {
                return Some(place);
            }
            tried |= 1 << zone;
        }
        None
    }

    #[allow(clippy::cast_possible_truncation)]
    fn find_in(&mut self, zone: usize, tenant: usize) -> Option<(u32, u32)> {
        let (need, ports) = (self.needs.words[tenant], self.needs.ports[tenant]);
        let kind = self.needs.kind_of[tenant] as usize;
        let pool = &mut self.zones[zone];
        let slot = match self.placement {
            Placement::FirstFit if ports == 0 => pool.first_fit(kind, need),
            Placement::FirstFit => pool.first_fit_with_ports(need, ports),
            Placement::BinpackCpu | Placement::BinpackMemory => pool.best_fit(need, ports),
        };
        slot.map(|slot| (zone as u32, slot))
    }

    /// Starts what is missing: one instance, or as many as a cluster without any starts with. The first one's place.
    fn scale_out(&mut self, now_ms: i64) -> (u32, u32) {
        let more = if self.running == 0 {
            self.rules.from_zero.max(1) - 1
        } else {
            0
        };
        let place = self.launch(now_ms);
        for _ in 0..more {
            let spare = self.launch(now_ms);
            self.rest(spare, now_ms);
        }
        place
    }

    /// Starts an instance that is ready at `now_ms`, in the zone with the fewest.
    #[allow(clippy::cast_possible_truncation)] // fewer instances than 2³²
    fn launch(&mut self, now_ms: i64) -> (u32, u32) {
        let zone = (0..self.zones.len())
            .min_by_key(|&zone| self.zones[zone].running)
            .unwrap_or(0);
        let from_ms = now_ms
            .saturating_sub(self.rules.boot_ms.into())
            .max(self.window.from_ms);
        let lease = Lease {
            from_ms,
            to_ms: now_ms,
            busy_ms: 0,
            boot_ms: now_ms - from_ms,
        };
        let slot = Slot {
            lease: self.leases.len() as u32,
            tasks: 0,
            since_ms: now_ms,
        };
        self.leases.push(lease);
        self.running += 1;
        let pool = &mut self.zones[zone];
        pool.running += 1;
        let at = if let Some(Reverse(at)) = pool.vacant.pop() {
            pool.slots[at as usize] = slot;
            at
        } else {
            pool.free.push(Packed::NONE);
            pool.ports.push(0);
            pool.slots.push(slot);
            pool.slots.len() as u32 - 1
        };
        pool.set_free(at, Some(self.empty));
        pool.made_room.push(at);
        (zone as u32, at)
    }

    fn occupy(&mut self, (zone, slot): (u32, u32), task: &Task) {
        let tenant = task.tenant as usize;
        let zones = self.zones.len();
        let pool = &mut self.zones[zone as usize];
        let at = slot as usize;
        let left = pool.free[at].0 - self.needs.words[tenant].0;
        pool.set_free(slot, Some(Packed(left)));
        pool.ports[at] |= self.needs.ports[tenant];
        if pool.slots[at].tasks == 0 {
            pool.slots[at].since_ms = task.start_ms;
            self.in_use += 1;
        }
        pool.slots[at].tasks += 1;
        if zones > 1 {
            self.spread[tenant * zones + zone as usize] += 1;
        }
    }

    fn stop(&mut self, (zone, slot): (u32, u32), task: &Task) {
        let tenant = task.tenant as usize;
        self.expire(task.end_ms);
        let zones = self.zones.len();
        let pool = &mut self.zones[zone as usize];
        let at = slot as usize;
        let left = pool.free[at].0 + self.needs.words[tenant].0;
        pool.set_free(slot, Some(Packed(left)));
        pool.ports[at] &= !self.needs.ports[tenant];
        pool.made_room.push(slot);
        let place = &mut pool.slots[at];
        place.tasks -= 1;
        if place.tasks == 0 {
            self.leases[place.lease as usize].busy_ms += task.end_ms - place.since_ms;
            self.in_use -= 1;
            self.rest((zone, slot), task.end_ms);
        }
        if zones > 1 {
            self.spread[tenant * zones + zone as usize] -= 1;
        }
    }

    /// An instance has become empty.
    fn rest(&mut self, (zone, slot): (u32, u32), now_ms: i64) {
        let place = &mut self.zones[zone as usize].slots[slot as usize];
        place.since_ms = now_ms;
        self.idle.push_back(Idle {
            until_ms: now_ms.saturating_add(self.rules.scale_in_ms.into()),
            zone,
            slot,
            since_ms: now_ms,
            lease: place.lease,
        });
    }

    /// Terminates what was empty for long enough, unless it is to be kept as a spare.
    fn expire(&mut self, now_ms: i64) {
        while let Some(idle) = self
            .idle
            .front()
            .copied()
            .filter(|idle| idle.until_ms <= now_ms)
        {
            self.idle.pop_front();
            let place = self.zones[idle.zone as usize].slots[idle.slot as usize];
            let is_same =
                place.lease == idle.lease && place.tasks == 0 && place.since_ms == idle.since_ms;
            if !is_same {
                continue;
            }
            let is_spare = self.running <= self.wanted() && idle.until_ms < self.window.to_ms;
            if is_spare {
                // Looked at again a minute later: scale-in goes by one-minute datapoints.
                let until_ms = idle.until_ms.saturating_add(60_000);
                let at = self
                    .idle
                    .partition_point(|other| other.until_ms <= until_ms);
                self.idle.insert(at, Idle { until_ms, ..idle });
            } else {
                self.terminate(idle);
            }
        }
    }

    fn terminate(&mut self, idle: Idle) {
        let lease = &mut self.leases[idle.lease as usize];
        lease.to_ms = idle.until_ms.min(self.window.to_ms).max(lease.from_ms);
        self.running -= 1;
        let pool = &mut self.zones[idle.zone as usize];
        pool.running -= 1;
        pool.set_free(idle.slot, None);
        pool.slots[idle.slot as usize].lease = u32::MAX;
        pool.vacant.push(Reverse(idle.slot));
    }

    /// Instances that are to run so that no more than the target share of them is in use.
    fn wanted(&self) -> u32 {
        let percent = u64::from(self.rules.target_capacity_percent.clamp(1, 100));
        let wanted = (u64::from(self.in_use) * 100).div_ceil(percent);
        u32::try_from(wanted).unwrap_or(u32::MAX)
    }

    fn keep_spare(&mut self, now_ms: i64) {
        while self.running < self.wanted() {
            let spare = self.launch(now_ms);
            self.rest(spare, now_ms);
        }
    }
}
