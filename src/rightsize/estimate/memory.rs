//! How much memory one run needs.
//!
//! Memory cannot be squeezed: running short of it kills a run. A kill for want of memory is a sample of at least the limit it
//! hit.

use crate::demand::{Demand, Usage};

use super::kills::{self, Kill};
use super::scaling::task_count_follows_memory;
use super::sizing::Sizing;
use crate::rightsize::assurance::Assurance;
use crate::rightsize::calibration::Calibrations;
use crate::rightsize::evidence::Seen;
use crate::rightsize::headroom::{USUAL_PERCENT, raised_by};
use crate::rightsize::margin::{Margin, Resource};
use crate::rightsize::need::Bounds;
use crate::rightsize::policy::SizingPolicy;

/// What one run needs of it.
pub(super) fn sizing(
    demand: &Demand,
    seen: &Seen,
    policy: &SizingPolicy,
    fleet: &Calibrations,
) -> Sizing {
    let (kind, size) = (demand.workload.kind, f64::from(seen.size.memory_mib));
    let assurance = Assurance::under(policy, Resource::Memory, seen.memory, kind, fleet);
    let kill = Kill::of_task(&demand.out_of_memory);
    let bounds = bounds(seen.memory, size, kill, &assurance);
    let floors: Vec<_> = kill
        .map(|kill| kill.floor(policy))
        .into_iter()
        .chain(task_count_follows_memory(demand, seen))
        .collect();
    Sizing {
        bounds: bounds.above(&floors),
        assurance,
        holds: floors.into_iter().map(|floor| floor.reason).collect(),
        notes: kills::of_containers(&demand.out_of_memory).collect(),
    }
}

/// MiB: the highest sample, what the risk asks for, what half of it asks for.
fn bounds(usage: &Usage, size: f64, kill: Option<Kill>, assurance: &Assurance) -> Bounds {
    let peak = kill.map_or(usage.max, |kill| usage.max.max(f64::from(kill.limit_mib)));
    if let Margin::Fixed { percent } = assurance.margin {
        return Bounds {
            lower: peak,
            target: peak * raised_by(percent),
            upper: peak * raised_by(2.0 * percent),
        };
    }
    let (wanted, upper) = assurance.needs(assurance.asked().share());
    // What never went beyond its size is no reason to buy more, but for the usual headroom.
    let most = size.max(peak * raised_by(USUAL_PERCENT));
    let target = wanted.max(assurance.floor()).min(most);
    Bounds {
        lower: peak.min(target),
        target,
        upper: upper.max(target),
    }
}

#[cfg(test)]
mod tests {
    use crate::rightsize::fixtures::{close, need, with_peaks};

    #[test]
    fn memory_holds_a_peak_of_six_days_ago() {
        // Daily peaks on which a P90 of decayed peaks says 422 MiB.
        let need = need(&with_peaks(&[
            300.0, 900.0, 310.0, 320.0, 330.0, 340.0, 350.0, 360.0,
        ]));
        assert!(close(need.memory.target, 1035.0), "{:?}", need.memory);
    }

    #[test]
    fn headroom_alone_does_ask_for_more_memory() {
        let need = need(&with_peaks(&[1900.0; 8]));
        assert!(close(need.memory.target, 2185.0) && need.memory.target > 2048.0);
    }
}
