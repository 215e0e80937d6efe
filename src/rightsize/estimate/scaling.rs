//! A service that scales out and in by itself keeps tasks × utilization constant: on a smaller size it runs more tasks at
//! the same utilization, and would be called too large again. What it scales by is not reduced.

use crate::demand::{Demand, Slots};
use crate::model::finding::ReasonCode;
use crate::model::units::{SLOT_MS, TaskSize};
use crate::model::workload::Kind;

use super::sizing::Floor;
use crate::rightsize::evidence::Seen;
use crate::rightsize::wording::figure;

/// A memory utilisation below this is not what anybody lets a service scale by.
const LEAST_TRACKED: f64 = 0.4;

/// A service whose task count follows load: by CPU, as far as is known.
pub(super) fn task_count_varies(demand: &Demand, size: TaskSize) -> Option<Floor> {
    let (low, high) =
        task_range(&demand.slots).filter(|_| demand.workload.kind == Kind::Service)?;
    let varies = i128::from(high) * 10 >= i128::from(low) * 13 && high - low >= SLOT_MS;
    let tasks = |task_ms: i64| figure(task_ms as f64 / SLOT_MS as f64);
    let text = || {
        format!(
            "{} to {} tasks run at most times: CPU per task is not reduced",
            tasks(low),
            tasks(high)
        )
    };
    varies.then(|| Floor::new(size.vcpu(), ReasonCode::TaskCountVaries, text()))
}

/// A service that may as well scale by memory: with less of it per task it would run more of them.
pub(super) fn task_count_follows_memory(demand: &Demand, seen: &Seen) -> Option<Floor> {
    task_count_varies(demand, seen.size)?;
    let memory_mib = f64::from(seen.size.memory_mib);
    let of_memory = seen.memory.mean? / memory_mib;
    let of_cpu = seen.cpu.mean? / seen.size.vcpu();
    let text = || {
        format!(
            "its task count varies while {:.0}% of each task's memory is used: memory per task is not reduced",
            of_memory * 100.0
        )
    };
    (of_memory >= LEAST_TRACKED && of_memory >= of_cpu)
        .then(|| Floor::new(memory_mib, ReasonCode::TaskCountFollowsMemory, text()))
}

/// The 5th and 95th percentile (nearest rank) of the slots' task-milliseconds.
fn task_range(slots: &Slots) -> Option<(i64, i64)> {
    let alike = slots.alike().iter();
    let mut task_ms: Vec<(i64, u64)> = alike
        .map(|alike| (alike.first.task_ms, u64::from(alike.count)))
        .collect();
    task_ms.sort_unstable();
    let count: u64 = task_ms.iter().map(|(_, count)| count).sum();
    let rank = |percent: u64| {
        let mut wanted = (count * percent).div_ceil(100).max(1);
        let mut sorted = task_ms.iter();
        let of_rank = sorted.find(|(_, count)| {
            let is_here = wanted <= *count;
            wanted = wanted.saturating_sub(*count);
            is_here
        });
        of_rank.map(|(task_ms, _)| *task_ms)
    };
    Some((rank(5)?, rank(95)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rightsize::fixtures::{close, codes, need, service, slots, task};

    #[test]
    fn cpu_of_a_service_that_scales_stays_and_memory_may_shrink() {
        let need = need(&Demand {
            slots: slots(|slot| if slot % 288 < 144 { 2 } else { 6 }),
            ..service()
        });
        assert_eq!(codes(&need), [ReasonCode::TaskCountVaries]);
        assert_eq!(
            need.holds[0].text,
            "2 to 6 tasks run at most times: CPU per task is not reduced"
        );
        assert!(close(need.cpu.target, 1.0) && close(need.memory.target, 345.0));
    }

    #[test]
    fn a_count_within_thirty_percent_or_rarely_left_is_steady() {
        let holds = |slots| need(&Demand { slots, ..service() }).holds;
        assert!(
            holds(slots(|slot| if slot % 2 == 0 { 10 } else { 12 })).is_empty(),
            "20 % more"
        );
        assert!(
            holds(slots(|slot| if slot % 50 == 0 { 4 } else { 2 })).is_empty(),
            "deployments"
        );
        assert!(
            !holds(slots(|slot| if slot % 2 == 0 { 10 } else { 13 })).is_empty(),
            "30 % more"
        );
        let mut part_time: Vec<_> = slots(|_| 1).iter().collect();
        part_time
            .iter_mut()
            .step_by(2)
            .for_each(|slot| slot.task_ms /= 2);
        assert!(
            holds(part_time.into_iter().collect()).is_empty(),
            "half a task more"
        );
    }

    #[test]
    fn the_number_of_parallel_jobs_says_nothing_about_one_of_them() {
        let need = need(&Demand {
            slots: slots(|slot| if slot % 2 == 0 { 1 } else { 9 }),
            ..task()
        });
        assert!(need.holds.is_empty());
    }
}
