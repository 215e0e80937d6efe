//! A fleet over time: which instances ran from when to when, and which task ran on which.

use rust_decimal::Decimal;

use super::input::{Amount, InstanceType};
use super::simulate::Lease;
use super::timeline::Task;
use crate::model::units::{MS_PER_HOUR, Usd};

/// Instances over time with their tasks. Every instance names its type by its place among the types given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Fleet {
    pub(super) instances: Vec<Instance>,
    /// The instance of each task, in the order of the tasks.
    pub(super) instance_of: Vec<u32>,
}

/// One instance from launch to termination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Instance {
    pub(super) type_index: usize,
    pub(super) lease: Lease,
}

impl Fleet {
    /// Instance-milliseconds billed, by type.
    pub(super) fn billed_ms(&self, types: usize) -> Vec<i128> {
        let mut billed = vec![0_i128; types];
        for instance in &self.instances {
            billed[instance.type_index] += i128::from(instance.lease.billed_ms());
        }
        billed
    }

    /// What it costs, exactly.
    pub(super) fn cost(&self, types: &[InstanceType]) -> Usd {
        cost(self.billed_ms(types.len()), types)
    }
}

/// What so many milliseconds of each type cost, exactly.
pub(super) fn cost(billed_ms: Vec<i128>, types: &[InstanceType]) -> Usd {
    let billed = billed_ms.into_iter().zip(types).filter(|(ms, _)| *ms > 0);
    billed
        .map(|(ms, of)| Usd::of(ms, of.usd_per_hour().unwrap_or(Decimal::MAX), MS_PER_HOUR))
        .sum()
}

/// What is wrong with a fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A task is on no instance.
    NotPlaced { task: usize },
    /// A task runs while its instance does not, or while it boots.
    OutsideInstance { task: usize },
    /// Tasks reserve more than the instance has, or the same port.
    TooFull { instance: usize, at_ms: i64 },
}

/// Checks a fleet against nothing but the tasks and the capacities: every task is on one instance that runs while it
/// does, and at no instant is an instance too full.
pub(super) fn verify(
    fleet: &Fleet,
    tasks: &[Task],
    items: &[Amount],
    ports: &[u64],
    capacity: impl Fn(usize) -> Option<Amount>,
) -> Result<(), Fault> {
    if fleet.instance_of.len() != tasks.len() {
        let task = fleet.instance_of.len().min(tasks.len());
        return Err(Fault::NotPlaced { task });
    }
    let mut tasks_on: Vec<Vec<u32>> = vec![Vec::new(); fleet.instances.len()];
    for ((index, task), &on) in (0..).zip(tasks).zip(&fleet.instance_of) {
        let place = fleet.instances.get(on as usize);
        let lease = place
            .ok_or(Fault::NotPlaced {
                task: index as usize,
            })?
            .lease;
        if task.start_ms < lease.from_ms + lease.boot_ms || task.end_ms > lease.to_ms {
            return Err(Fault::OutsideInstance {
                task: index as usize,
            });
        }
        tasks_on[on as usize].push(index);
    }
    let mut events: Vec<(i64, bool, u32)> = Vec::new();
    for (instance, (of, on)) in fleet.instances.iter().zip(tasks_on).enumerate() {
        let too_full = |at_ms| Fault::TooFull { instance, at_ms };
        let most = capacity(of.type_index).ok_or(too_full(of.lease.from_ms))?;
        events.clear();
        for task in on.into_iter().map(|index| &tasks[index as usize]) {
            events.push((task.start_ms, true, task.tenant));
            events.push((task.end_ms, false, task.tenant));
        }
        events.sort_unstable();
        never_too_full(&events, items, ports, most).map_err(too_full)?;
    }
    Ok(())
}

/// Follows the tasks of one instance, stops before starts of the same moment; when it is too full, if it ever is.
fn never_too_full(
    events: &[(i64, bool, u32)],
    items: &[Amount],
    ports: &[u64],
    most: Amount,
) -> Result<(), i64> {
    let most = most.0.map(u64::from);
    let mut used = [0_u64; 4];
    let mut taken = [0_u32; 64];
    for &(at_ms, starts, tenant) in events {
        let item = items[tenant as usize];
        for ((used, most), amount) in used.iter_mut().zip(most).zip(item.0) {
            let amount = u64::from(amount);
            *used = if starts {
                *used + amount
            } else {
                *used - amount
            };
            if *used > most {
                return Err(at_ms);
            }
        }
        let mut own = ports[tenant as usize];
        while own != 0 {
            let taken = &mut taken[own.trailing_zeros() as usize];
            *taken = if starts { *taken + 1 } else { *taken - 1 };
            if *taken > 1 {
                return Err(at_ms);
            }
            own &= own - 1;
        }
    }
    Ok(())
}
