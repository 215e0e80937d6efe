//! Kills for want of memory: of a whole task, and of a container at a limit of its own.

use crate::demand::OutOfMemory;
use crate::model::finding::ReasonCode;

use super::sizing::Floor;
use crate::rightsize::headroom::raised_by;
use crate::rightsize::policy::SizingPolicy;
use crate::rightsize::wording::{figure, times};

/// Kills at the memory of the task.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kill {
    count: i64,
    /// The largest limit that was not enough.
    pub(super) limit_mib: u32,
}

impl Kill {
    /// A container that was killed at a limit of its own says nothing of the task's memory.
    pub(super) fn of_task(kills: &[OutOfMemory]) -> Option<Self> {
        let of_kill = |kill: &OutOfMemory| {
            Some(Self {
                count: kill.count,
                limit_mib: kill.limit_mib?,
            })
        };
        let of_task = kills.iter().filter(|kill| kill.is_of_task);
        of_task.filter_map(of_kill).reduce(|a, b| Self {
            count: a.count + b.count,
            limit_mib: a.limit_mib.max(b.limit_mib),
        })
    }

    /// A limit that killed was too small: [`SizingPolicy::oom_factor_percent`] and at least [`SizingPolicy::oom_extra_mib`] more.
    pub(super) fn floor(self, policy: &SizingPolicy) -> Floor {
        let limit = f64::from(self.limit_mib);
        let floor =
            (limit * raised_by(policy.oom_factor_percent)).max(limit + policy.oom_extra_mib);
        let text = format!(
            "killed {} for want of memory at a limit of {limit} MiB: at least {} MiB",
            times(self.count),
            figure(floor)
        );
        Floor::new(floor, ReasonCode::OutOfMemory, text)
    }
}

/// What to do about the containers that were killed at limits of their own: such a limit is too small, whatever the task's
/// memory.
pub(super) fn of_containers(kills: &[OutOfMemory]) -> impl Iterator<Item = String> {
    kills
        .iter()
        .filter(|kill| !kill.is_of_task)
        .filter_map(of_container)
}

fn of_container(kill: &OutOfMemory) -> Option<String> {
    let (name, limit_mib) = (kill.container.as_deref()?, kill.limit_mib?);
    Some(format!(
        "container {name} ran out of memory {} at its own limit of {limit_mib} MiB: raise that limit, not the task's size",
        times(kill.count)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demand::Demand;
    use crate::rightsize::fixtures::{close, need, service};

    #[test]
    fn a_kill_is_a_floor_twenty_percent_or_a_hundred_mib_above_its_limit() {
        let killed_at = |limit_mib, count| {
            need(&Demand {
                out_of_memory: vec![OutOfMemory {
                    container: None,
                    limit_mib: Some(limit_mib),
                    is_of_task: true,
                    count,
                }],
                ..service()
            })
        };
        assert!(close(killed_at(1024, 2).memory.target, 1228.8));
        assert!(close(killed_at(1024, 2).memory.lower, 1024.0));
        let small = killed_at(300, 1);
        assert!(close(small.memory.target, 400.0) && close(small.memory.upper, 400.0));
        assert_eq!(small.holds[0].code, ReasonCode::OutOfMemory);
        assert_eq!(
            small.holds[0].text,
            "killed once for want of memory at a limit of 300 MiB: at least 400 MiB"
        );
        assert!(
            close(killed_at(100, 1).memory.target, 345.0),
            "the samples ask for more than the kill"
        );
    }
}
