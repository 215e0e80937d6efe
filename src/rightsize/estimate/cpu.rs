//! How much CPU one run needs.
//!
//! CPU can be squeezed: running short of it slows a run. A margin never lifts it above the present size: a size that holds
//! the percentile is kept until it is seen at its ceiling, so that a workload near a border does not flap.

use crate::demand::{Demand, Usage};
use crate::model::finding::ReasonCode;
use crate::model::units::TaskSize;
use crate::model::workload::Kind;

use super::ceiling::Ceiling;
use super::scaling::task_count_varies;
use super::sizing::{Floor, Sizing};
use crate::rightsize::assurance::Assurance;
use crate::rightsize::calibration::Calibrations;
use crate::rightsize::evidence::Seen;
use crate::rightsize::headroom::raised_by;
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
    let (kind, size) = (demand.workload.kind, seen.size.vcpu());
    let assurance = Assurance::under(policy, Resource::Cpu, seen.cpu, kind, fleet);
    let ceiling = Ceiling::reached(seen.cpu, size);
    let (short, busy) = match kind {
        Kind::Service => (ceiling, None),
        Kind::Task | Kind::Build => (None, ceiling),
    };
    let bounds = bounds(seen.cpu, size, short.is_some(), policy, &assurance);
    let floors: Vec<_> = short
        .map(|ceiling| short_of_cpu(&ceiling, seen.size, policy))
        .into_iter()
        .chain(task_count_varies(demand, seen.size))
        .collect();
    Sizing {
        bounds: bounds.above(&floors),
        assurance,
        holds: floors.into_iter().map(|floor| floor.reason).collect(),
        notes: busy.iter().map(busy_job).collect(),
    }
}

/// vCPU: half of the time, what the risk asks for, what half of it asks for.
///
/// The target passes `size` only where the policy's percentile itself does, or where the CPU `may_grow`.
fn bounds(
    usage: &Usage,
    size: f64,
    may_grow: bool,
    policy: &SizingPolicy,
    assurance: &Assurance,
) -> Bounds {
    let percentile = usage.percentile(policy.cpu_percentile).unwrap_or(usage.max);
    let (wanted, upper) = match assurance.margin {
        Margin::Fixed { percent } => (
            percentile * raised_by(percent),
            usage.max * raised_by(percent),
        ),
        Margin::Calibrated { .. } | Margin::ShippedDefault => assurance.needs(policy.risk.share()),
    };
    let target = if may_grow {
        wanted
    } else {
        wanted.min(size.max(percentile))
    };
    Bounds {
        lower: usage
            .histogram
            .percentile(50.0)
            .unwrap_or(usage.max)
            .min(target),
        target,
        upper: upper.max(target),
    }
}

/// A service at its ceiling may want more than it shows, as a limit that killed says "more than this".
fn short_of_cpu(ceiling: &Ceiling, size: TaskSize, policy: &SizingPolicy) -> Floor {
    Floor::new(
        size.vcpu() * raised_by(policy.oom_factor_percent),
        ReasonCode::CPUUnderprovisioned,
        format!("{ceiling}: it may need more than was seen"),
    )
}

/// A job at its ceiling is not short of CPU, it uses what is paid for; more would end it sooner.
fn busy_job(ceiling: &Ceiling) -> String {
    format!("{ceiling}: more CPU may shorten its runs, less would lengthen them")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rightsize::fixtures::{build, close, codes, service, task, with_cpu};

    #[test]
    fn five_busy_minutes_an_hour_are_not_ignored() {
        // 0.10 vCPU, but 0.80 for five minutes of each hour: a P90 rule with 15 % says 0.127.
        let need = with_cpu(service(), |minute| if minute % 60 < 5 { 0.8 } else { 0.1 });
        assert!(close(need.cpu.target, 0.92), "{:?}", need.cpu);
        assert!(need.cpu.lower < 0.1051);
    }

    #[test]
    fn a_rare_cpu_burst_widens_the_range_but_not_the_target() {
        let need = with_cpu(
            service(),
            |minute| if minute % 1440 == 0 { 0.8 } else { 0.1 },
        );
        assert!(
            need.cpu.target < 0.1051 * 1.15 && close(need.cpu.upper, 0.92),
            "{:?}",
            need.cpu
        );
    }

    #[test]
    fn a_percentile_is_at_most_one_bucket_high() {
        // 0.99 % of the minutes at 0.5, the rest at 0.2: P99 is 0.2 exactly, read as at most 0.21.
        let need = with_cpu(
            service(),
            |minute| if minute % 101 == 0 { 0.5 } else { 0.2 },
        );
        assert!(
            (0.2..=0.21).contains(&(need.cpu.target / 1.15)),
            "{:?}",
            need.cpu
        );
    }

    #[test]
    fn headroom_alone_does_not_ask_for_more_cpu() {
        let need = with_cpu(service(), |_| 0.95);
        assert!(
            close(need.cpu.target, 1.0) && need.holds.is_empty(),
            "{need:?}"
        );
    }

    #[test]
    fn a_service_at_its_cpu_ceiling_may_need_more() {
        let need = with_cpu(service(), |minute| if minute % 50 == 0 { 1.0 } else { 0.1 });
        assert_eq!(codes(&need), [ReasonCode::CPUUnderprovisioned]);
        assert!(
            close(need.cpu.target, 1.2) && need.cpu.upper >= need.cpu.target,
            "{:?}",
            need.cpu
        );
        assert_eq!(
            need.holds[0].text,
            "2.0% of the time above 96.1% of its CPU: it may need more than was seen"
        );
    }

    #[test]
    fn one_minute_in_two_hundred_at_the_ceiling_is_an_exception() {
        let need = with_cpu(
            service(),
            |minute| if minute % 200 == 0 { 1.0 } else { 0.1 },
        );
        assert!(need.holds.is_empty() && need.cpu.target < 0.13, "{need:?}");
    }

    #[test]
    fn use_near_the_ceiling_that_never_reaches_it_is_not_at_it() {
        assert!(with_cpu(service(), |_| 0.979).holds.is_empty());
        assert_eq!(
            codes(&with_cpu(service(), |_| 0.981)),
            [ReasonCode::CPUUnderprovisioned]
        );
    }

    #[test]
    fn use_beyond_the_reservation_is_sized_from_use() {
        // On EC2 a CPU size is a share: a task may use more.
        assert!(close(with_cpu(service(), |_| 3.0).cpu.target, 3.45));
        assert!(close(with_cpu(task(), |_| 3.0).cpu.target, 3.0));
    }

    #[test]
    fn a_job_at_its_ceiling_is_neither_short_nor_reducible() {
        let need = with_cpu(build(), |minute| if minute % 2 == 0 { 1.0 } else { 0.1 });
        assert!(close(need.cpu.target, 1.0) && need.holds.is_empty());
        assert_eq!(
            need.notes,
            [
                "50.0% of the time above 96.1% of its CPU: more CPU may shorten its runs, less would lengthen them"
            ]
        );
    }
}
