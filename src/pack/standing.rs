//! Instances that are there all the time: whether they have room for every task whenever it runs.
//!
//! Tasks are placed as in [`super::simulate`]: in the zone where their workload runs fewest tasks if there is a choice,
//! then where least is left of one resource (`binpack`). Nothing moves, no instance starts or stops. A fleet that is
//! found to have room passes the same check as every other packing.

use super::floor::Offer;
use super::input::{Amount, CPU, INTERFACES, InstanceType, MEMORY, Placement, Rules};
use super::packed::Packed;
use super::plan::check;
use super::problem::Problem;
use super::result::Resource;
use super::simulate::{Lease, by_end};
use super::timeline::Work;
use super::unpackable::Unpackable;
use super::verify::{Fleet, Instance};
use super::zone::{Needs, Zone};

/// Tasks ready to be tried on one set of instances after another.
pub struct Standing<'a> {
    problem: Problem<'a>,
    /// By type; `None` for one without a price or without room for a task.
    offers: Vec<Option<Offer>>,
    /// What the daemons of an instance take.
    daemons: [u64; 4],
    needs: Needs,
    by_end: Vec<u32>,
    /// The most that tasks reserve of each resource at one moment.
    peak: [u64; 4],
}

/// What instances have in use that have room for everything.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Held {
    /// The most that tasks reserve at one moment of the processors left to them, 0 to 1.
    pub cpu: f64,
    /// The same of the memory.
    pub memory: f64,
    /// The same of the network interfaces; `None` where there is no end of them, or no task takes one.
    pub network_interfaces: Option<f64>,
    /// Of which of these it is the largest share.
    pub binds: Resource,
    /// Daemons take at least as much of that resource as tasks do at their peak.
    pub is_mostly_daemons: bool,
}

impl<'a> Standing<'a> {
    /// Makes the work ready.
    ///
    /// # Errors
    /// As [`super::plan`].
    pub fn new(
        work: &'a Work,
        types: &[InstanceType],
        rules: &'a Rules,
    ) -> Result<Self, Unpackable> {
        let problem = Problem::new(work, types, rules)?;
        let mut offers = vec![None; types.len()];
        for offer in &problem.offers {
            offers[offer.index] = Some(*offer);
        }
        let mut daemons = [0_u64; 4];
        for daemon in &rules.daemons {
            for (sum, amount) in daemons.iter_mut().zip(daemon.amount().0) {
                *sum += u64::from(amount);
            }
        }
        let by_end = by_end(problem.tasks);
        Ok(Self {
            offers,
            daemons,
            needs: Needs::new(&problem.items, &problem.ports),
            peak: peak(&problem, &by_end),
            by_end,
            problem,
        })
    }

    /// Tasks to place.
    pub fn tasks(&self) -> usize {
        self.problem.tasks.len()
    }

    /// Fewer instances of the type at `index` alone have no room when most is reserved; `None` where one of that type
    /// does not hold every task, or has no price.
    pub fn least(&self, index: usize) -> Option<u32> {
        let offer = self.offers.get(index)?.as_ref()?;
        let holds = |item: &Amount| offer.capacity.holds(*item);
        if !self.problem.items.iter().all(holds) {
            return None;
        }
        let each = offer.capacity.0.map(u64::from);
        let least = self.peak.iter().zip(each);
        let least = least.map(|(&peak, each)| if peak == 0 { 0 } else { peak.div_ceil(each) });
        least.max().and_then(|least| u32::try_from(least).ok())
    }

    /// What so many instances of each type have in use; `None` where a task once finds no room on them.
    ///
    /// # Errors
    /// Where the packing does not pass its check.
    pub fn held(&self, counts: &[u32]) -> Result<Option<Held>, Unpackable> {
        let whole = self.whole(counts);
        if self
            .peak
            .iter()
            .zip(whole)
            .any(|(&peak, whole)| peak > whole)
        {
            return Ok(None);
        }
        let is_cpu_scarcer = self.share(whole, CPU) > self.share(whole, MEMORY);
        let placements = if is_cpu_scarcer {
            [Placement::BinpackCpu, Placement::BinpackMemory]
        } else {
            [Placement::BinpackMemory, Placement::BinpackCpu]
        };
        for placement in placements {
            if let Some(fleet) = self.placed(counts, placement) {
                check(&self.problem, &fleet)?;
                return Ok(Some(self.described(counts, whole)));
            }
        }
        Ok(None)
    }

    /// What is left for tasks on so many of each type, together.
    fn whole(&self, counts: &[u32]) -> [u64; 4] {
        let mut whole = [0_u64; 4];
        for (offer, &count) in self.offers.iter().zip(counts) {
            let Some(offer) = offer else { continue };
            for (whole, amount) in whole.iter_mut().zip(offer.capacity.0) {
                *whole += u64::from(amount) * u64::from(count);
            }
        }
        whole
    }

    fn share(&self, whole: [u64; 4], resource: usize) -> f64 {
        self.peak[resource] as f64 / whole[resource].max(1) as f64
    }

    fn described(&self, counts: &[u32], whole: [u64; 4]) -> Held {
        let (cpu, memory) = (self.share(whole, CPU), self.share(whole, MEMORY));
        let endless = u64::from(u32::MAX);
        let has_end = self.peak[INTERFACES] > 0 && whole[INTERFACES] < endless;
        let interfaces = has_end.then(|| self.share(whole, INTERFACES));
        let mut binds = (Resource::Cpu, CPU, cpu);
        if memory > binds.2 {
            binds = (Resource::Memory, MEMORY, memory);
        }
        if let Some(share) = interfaces.filter(|share| *share > binds.2) {
            binds = (Resource::NetworkInterfaces, INTERFACES, share);
        }
        let instances: u64 = counts.iter().map(|&count| u64::from(count)).sum();
        let of_daemons = self.daemons[binds.1] * instances;
        Held {
            cpu,
            memory,
            network_interfaces: interfaces,
            binds: binds.0,
            is_mostly_daemons: of_daemons > 0 && of_daemons >= self.peak[binds.1],
        }
    }

    /// Every task on one of these instances; `None` where one finds no room.
    fn placed(&self, counts: &[u32], placement: Placement) -> Option<Fleet> {
        let mut cluster = Cluster::new(self, counts, placement)?;
        let tasks = self.problem.tasks;
        let mut place_of = vec![(0_usize, 0_u32); tasks.len()];
        let mut instance_of = vec![0_u32; tasks.len()];
        let mut stops = self.by_end.iter().map(|&stop| stop as usize).peekable();
        for (index, task) in tasks.iter().enumerate() {
            while let Some(stop) = stops.next_if(|&stop| tasks[stop].end_ms <= task.start_ms) {
                cluster.stop(place_of[stop], tasks[stop].tenant as usize);
            }
            let place = cluster.start(task.tenant as usize)?;
            place_of[index] = place;
            instance_of[index] = cluster.instance_at[place.0][place.1 as usize];
        }
        Some(Fleet {
            instances: cluster.instances,
            instance_of,
        })
    }
}

/// The most that tasks reserve of each resource at one moment.
fn peak(problem: &Problem<'_>, by_end: &[u32]) -> [u64; 4] {
    let (mut now, mut peak) = ([0_u64; 4], [0_u64; 4]);
    let amounts = |tenant: u32| problem.items[tenant as usize].0.map(u64::from);
    let mut stops = by_end.iter().map(|&stop| problem.tasks[stop as usize]);
    let mut next = stops.next();
    for task in problem.tasks {
        while let Some(stop) = next.filter(|stop| stop.end_ms <= task.start_ms) {
            for (now, amount) in now.iter_mut().zip(amounts(stop.tenant)) {
                *now -= amount;
            }
            next = stops.next();
        }
        for ((now, peak), amount) in now.iter_mut().zip(&mut peak).zip(amounts(task.tenant)) {
            *now += amount;
            *peak = (*peak).max(*now);
        }
    }
    peak
}

/// The instances, by zone, with what is free on them.
struct Cluster<'a> {
    needs: &'a Needs,
    zones: Vec<Zone>,
    /// By zone and place there.
    instance_at: Vec<Vec<u32>>,
    instances: Vec<Instance>,
    /// Running tasks of each tenant in each zone, zones of a tenant side by side.
    spread: Vec<u32>,
}

impl<'a> Cluster<'a> {
    /// All of them empty, the zones filled in turn; `None` where one of a type is asked for that has no room at all.
    fn new(standing: &'a Standing<'_>, counts: &[u32], placement: Placement) -> Option<Self> {
        let rules = standing.problem.rules;
        let zones = usize::from(rules.availability_zones.max(1));
        let needs = &standing.needs;
        let mut cluster = Self {
            needs,
            zones: (0..zones).map(|_| Zone::new(needs, placement)).collect(),
            instance_at: vec![Vec::new(); zones],
            instances: Vec::new(),
            spread: vec![0; needs.words.len() * zones],
        };
        let window = standing.problem.window;
        let lease = Lease {
            from_ms: window.from_ms,
            to_ms: window.to_ms,
            busy_ms: 0,
            boot_ms: 0,
        };
        for (index, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let capacity = standing.offers.get(index)?.as_ref()?.capacity;
            for _ in 0..count {
                cluster.add(
                    capacity,
                    Instance {
                        type_index: index,
                        lease,
                    },
                )?;
            }
        }
        Some(cluster)
    }

    fn add(&mut self, capacity: Amount, instance: Instance) -> Option<()> {
        let number = self.instances.len();
        let zone = number % self.zones.len();
        self.instance_at[zone].push(u32::try_from(number).ok()?);
        self.instances.push(instance);
        let pool = &mut self.zones[zone];
        let at = u32::try_from(pool.free.len()).ok()?;
        pool.free.push(Packed::NONE);
        pool.ports.push(0);
        pool.set_free(at, Some(Packed::capacity(capacity)));
        Some(())
    }

    /// Places a task of this tenant: its zone and place there; `None` without room.
    fn start(&mut self, tenant: usize) -> Option<(usize, u32)> {
        let zones = self.zones.len();
        let counts = &self.spread[tenant * zones..(tenant + 1) * zones];
        let mut order: Vec<usize> = (0..zones).collect();
        order.sort_by_key(|&zone| counts[zone]);
        let (need, ports) = (self.needs.words[tenant], self.needs.ports[tenant]);
        let found = order.into_iter().find_map(|zone| {
            let slot = self.zones[zone].best_fit(need, ports)?;
            Some((zone, slot))
        });
        let (zone, slot) = found?;
        let pool = &mut self.zones[zone];
        let at = slot as usize;
        pool.set_free(slot, Some(Packed(pool.free[at].0 - need.0)));
        pool.ports[at] |= ports;
        self.spread[tenant * zones + zone] += 1;
        Some((zone, slot))
    }

    fn stop(&mut self, (zone, slot): (usize, u32), tenant: usize) {
        let zones = self.zones.len();
        let pool = &mut self.zones[zone];
        let at = slot as usize;
        pool.set_free(
            slot,
            Some(Packed(pool.free[at].0 + self.needs.words[tenant].0)),
        );
        pool.ports[at] &= !self.needs.ports[tenant];
        self.spread[tenant * zones + zone] -= 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{DAY, family, tenant};
    use super::super::{Item, Tenant};
    use super::*;
    use crate::model::units::TaskSize;

    const HOUR: i64 = 3_600_000;

    /// Of the types of [`family`], the one with 2 vCPU and 8 GiB.
    const LARGE: [u32; 4] = [1, 0, 0, 0];

    fn rules(zones: u8) -> Rules {
        Rules {
            availability_zones: zones,
            ..Rules::default()
        }
    }

    fn times(count: u32) -> [u32; 4] {
        LARGE.map(|one| one * count)
    }

    #[test]
    fn instances_that_are_full_hold_and_one_less_does_not() {
        // Six tasks of one vCPU at once on machines of two.
        let work = Work::new([tenant(1024, 1024, &[(0, 24 * HOUR); 6])], DAY);
        let (types, rules) = (family(), rules(1));
        let standing = Standing::new(&work, &types, &rules).unwrap();
        assert_eq!(standing.least(0), Some(3));
        assert_eq!(standing.held(&times(2)).unwrap(), None);
        let held = standing.held(&times(3)).unwrap().expect("room");
        assert_eq!((held.cpu, held.binds), (1.0, Resource::Cpu));
    }

    #[test]
    fn tasks_that_never_meet_share_the_room() {
        let runs: Vec<(i64, i64)> = (0..24)
            .map(|hour| (hour * HOUR, (hour + 1) * HOUR))
            .collect();
        let work = Work::new([tenant(2048, 1024, &runs)], DAY);
        let (types, rules) = (family(), rules(1));
        let standing = Standing::new(&work, &types, &rules).unwrap();
        assert!(standing.held(&times(1)).unwrap().is_some());
    }

    #[test]
    fn spare_room_in_pieces_holds_no_large_task() {
        // Two tasks of 1.5 vCPU are on one machine each; half a vCPU is left of both, and no room for a whole one.
        let small = tenant(1536, 1024, &[(0, 24 * HOUR); 2]);
        let large = tenant(1024, 1024, &[(HOUR, 2 * HOUR)]);
        let work = Work::new([small, large], DAY);
        let (types, rules) = (family(), rules(1));
        let standing = Standing::new(&work, &types, &rules).unwrap();
        assert_eq!(standing.least(0), Some(2));
        assert_eq!(standing.held(&times(2)).unwrap(), None);
        assert!(standing.held(&times(3)).unwrap().is_some());
    }

    #[test]
    fn daemons_take_their_part_of_every_instance() {
        let work = Work::new([tenant(1024, 1024, &[(0, 24 * HOUR); 4])], DAY);
        let rules = Rules {
            daemons: vec![Item {
                interfaces: 0,
                ..Item::of(TaskSize::new(1024, 256))
            }],
            ..rules(1)
        };
        let types = family();
        let standing = Standing::new(&work, &types, &rules).unwrap();
        assert_eq!(standing.least(0), Some(4));
        let held = standing.held(&times(4)).unwrap().expect("room");
        assert!(held.is_mostly_daemons, "{held:?}");
    }

    /// At every moment at which a task starts, what runs on each instance is summed up by itself.
    fn is_sound(standing: &Standing<'_>, fleet: &Fleet) -> bool {
        let problem = &standing.problem;
        problem.tasks.iter().all(|moment| {
            let mut used = vec![[0_u64; 4]; fleet.instances.len()];
            for (task, &on) in problem.tasks.iter().zip(&fleet.instance_of) {
                if task.start_ms <= moment.start_ms && moment.start_ms < task.end_ms {
                    let item = problem.items[task.tenant as usize].0;
                    for (used, amount) in used[on as usize].iter_mut().zip(item) {
                        *used += u64::from(amount);
                    }
                }
            }
            used.iter().zip(&fleet.instances).all(|(used, instance)| {
                let capacity = standing.offers[instance.type_index]
                    .expect("an offer")
                    .capacity;
                used.iter()
                    .zip(capacity.0)
                    .all(|(&used, most)| used <= u64::from(most))
            })
        })
    }

    prop_compose! {
        fn a_tenant()(
            size in (1_u32..2048, 1_u32..7000),
            runs in prop::collection::vec((0_i64..24, 1_i64..6), 1..8),
        ) -> Tenant {
            let runs = runs.into_iter().map(|(from, long)| (from * HOUR, (from + long).min(24) * HOUR));
            tenant(size.0, size.1, &runs.collect::<Vec<_>>())
        }
    }

    proptest! {
        #[test]
        fn what_is_said_to_have_room_has_room_by_an_independent_count(
            tenants in prop::collection::vec(a_tenant(), 1..6),
            counts in prop::collection::vec(0_u32..5, 4),
            zones in 1_u8..4,
        ) {
            let work = Work::new(tenants, DAY);
            let (types, rules) = (family(), rules(zones));
            let standing = Standing::new(&work, &types, &rules).unwrap();
            for placement in [Placement::BinpackCpu, Placement::BinpackMemory] {
                if let Some(fleet) = standing.placed(&counts, placement) {
                    prop_assert!(is_sound(&standing, &fleet));
                    prop_assert_eq!(fleet.instances.len(), counts.iter().sum::<u32>() as usize);
                    prop_assert!(standing.held(&counts).unwrap().is_some());
                }
            }
            for index in 0..4 {
                let alone = |count: u32| {
                    let mut counts = [0; 4];
                    counts[index] = count;
                    standing.held(&counts).unwrap().is_some()
                };
                if let Some(least) = standing.least(index) {
                    prop_assert!(least == 0 || !alone(least - 1));
                }
            }
        }
    }
}
