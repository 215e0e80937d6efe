//! How much one run needs, as a range, and what keeps a resource from being reduced.
//!
//! Both are sized for the share of weeks that may go beyond the size, with a margin that the fleet's own weeks earned
//! ([`super::calibration`]); a headroom of the user's takes its place.
//!
//! **CPU** can be squeezed: running short of it slows a run. A margin never lifts it above the present size: a size that
//! holds the percentile is kept until it is seen at its ceiling, so that a workload near a border does not flap.
//!
//! **Memory** cannot: running short of it kills a run. A kill for want of memory is a sample of at least the limit it hit.
//! Memory that grows without a plateau has no size that holds, and none is given.

use std::collections::BTreeMap;

use crate::demand::percentile::{Counted, TimeAbove};
use crate::demand::{Demand, OutOfMemory, Slots, Usage};
use crate::model::finding::{Reason, ReasonCode};
use crate::model::units::{SLOT_MS, TaskSize};
use crate::model::workload::Kind;

use super::assurance::Assurance;
use super::calibration::{Calibrations, Group};
use super::evidence::Seen;
use super::margin::{Margin, Resource};
use super::trend::{between_restarts, theil_sen, trend};
use super::{Bounds, Requirement, SizingPolicy, figure};

/// A sample at or above this share of the size is at the ceiling: use cannot show more than is there.
const CEILING: f64 = 0.98;
/// More than this share of the time at the ceiling is not an exception.
const CEILING_TIME: f64 = 0.01;
/// Peaks that would grow by more than this share of the last one within [`PROJECTION_DAYS`] are rising.
const RISING_SHARE: f64 = 0.1;
/// How far a trend is carried on.
const PROJECTION_DAYS: f64 = 30.0;
/// A trend less likely than this by chance is one.
const SIGNIFICANCE: f64 = 0.05;
/// Growth is over when the peaks of so many newest days rise by less than this share of the slope before.
const PLATEAU_DAYS: usize = 4;
const PLATEAU_SLOPE: f64 = 0.25;
/// Headroom that is usual, percent: that of KRR, Vertical Pod Autoscaler and Crane.
const USUAL_HEADROOM_PERCENT: f64 = 15.0;
/// Samples over more seconds than this hide bursts that one-minute samples would show.
const FINE_PERIOD_S: i64 = 60;

/// A service whose peaks stay below this share of its size, percent, does nothing.
const IDLE_PERCENT: f64 = 1.0;
/// More bytes a second than this are more than somebody asking now and then whether it is alive: a check every few
/// seconds from a few places, each of some hundred bytes. A rule of our own: of idle ECS services Compute Optimizer counts
/// no bytes.
const QUIET_BYTES_PER_S: f64 = 1_000.0;
/// A memory utilisation below this is not what anybody lets a service scale by.
const LEAST_TRACKED: f64 = 0.4;

/// A floor under a target, with its reason.
type Hold = (f64, Reason);

/// What one run needs.
///
/// # Errors
/// Withheld: memory that grows and grows.
pub(super) fn estimate(
    demand: &Demand,
    seen: &Seen,
    policy: &SizingPolicy,
    fleet: &Calibrations,
) -> Result<Requirement, Vec<Reason>> {
    if let Some(leak) = memory_rises(seen.memory) {
        return Err(vec![leak]);
    }
    let ceiling = at_ceiling(seen.cpu, seen.size.vcpu());
    let is_service = demand.workload.kind == Kind::Service;
    let short_of_cpu = ceiling
        .as_ref()
        .filter(|_| is_service)
        .map(|ceiling| short_of_cpu(ceiling, seen.size, policy));
    let cpu_holds: Vec<_> = short_of_cpu
        .into_iter()
        .chain(task_count_varies(demand, seen.size))
        .collect();
    let kill = kill_of_task(demand);
    let memory_holds: Vec<_> = kill
        .map(|kill| killed(kill, policy))
        .into_iter()
        .chain(task_count_follows_memory(demand, seen))
        .collect();

    let [cpu_assurance, memory_assurance] = assurances(demand, seen, policy, fleet);
    let may_grow = is_service && ceiling.is_some();
    let size = seen.size.vcpu();
    let cpu = cpu(seen.cpu, size, may_grow, policy, &cpu_assurance).held(&cpu_holds);
    let size = f64::from(seen.size.memory_mib);
    let memory = memory(seen.memory, size, kill, &memory_assurance).held(&memory_holds);
    let holds = cpu_holds
        .into_iter()
        .chain(memory_holds)
        .map(|(_, reason)| reason)
        .chain(idle(demand, seen))
        .collect();
    let busy_job = ceiling
        .filter(|_| !is_service)
        .map(|ceiling| busy_job(&ceiling));
    Ok(Requirement {
        cpu,
        memory,
        cpu_assurance,
        memory_assurance,
        holds,
        notes: busy_job.into_iter().chain(notes(demand, seen)).collect(),
    })
}

/// How sure CPU and memory are: the user's headroom where there is one, else what the fleet's weeks say.
fn assurances(
    demand: &Demand,
    seen: &Seen,
    policy: &SizingPolicy,
    fleet: &Calibrations,
) -> [Assurance; 2] {
    let of = |resource, usage: &Usage, headroom: Option<f64>| {
        let group = Group::of(demand.workload.kind, usage);
        let calibrated = || Assurance::of(resource, usage, group, fleet, policy.risk);
        let fixed = || Assurance::fixed(usage, USUAL_HEADROOM_PERCENT, policy.risk);
        match headroom {
            Some(percent) => Assurance::fixed(usage, percent, policy.risk),
            None => calibrated().unwrap_or_else(fixed),
        }
    };
    [
        of(Resource::Cpu, seen.cpu, policy.cpu_headroom_percent),
        of(
            Resource::Memory,
            seen.memory,
            policy.memory_headroom_percent,
        ),
    ]
}

/// vCPU: half of the time, what the risk asks for, what half of it asks for.
///
/// The target passes `size` only where the policy's percentile itself does, or where the CPU `may_grow`.
fn cpu(
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
        Margin::Calibrated { .. } | Margin::ShippedDefault => needs(assurance, policy.risk.share()),
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

/// What the risk asks for, and what half of it does.
fn needs(assurance: &Assurance, risk: f64) -> (f64, f64) {
    let need = |risk| assurance.need(risk).unwrap_or(f64::INFINITY);
    (need(risk), need(risk / 2.0))
}

/// Kills at the memory of the task.
#[derive(Debug, Clone, Copy)]
struct Kill {
    count: i64,
    /// The largest limit that was not enough.
    limit_mib: u32,
}

/// A container that was killed at a limit of its own says nothing of the task's memory.
fn kill_of_task(demand: &Demand) -> Option<Kill> {
    let kills = demand.out_of_memory.iter().filter(|kill| kill.is_of_task);
    let of_kill = |kill: &OutOfMemory| {
        Some(Kill {
            count: kill.count,
            limit_mib: kill.limit_mib?,
        })
    };
    kills.filter_map(of_kill).reduce(|a, b| Kill {
        count: a.count + b.count,
        limit_mib: a.limit_mib.max(b.limit_mib),
    })
}

/// MiB: the highest sample, what the risk asks for, what half of it asks for.
fn memory(usage: &Usage, size: f64, kill: Option<Kill>, assurance: &Assurance) -> Bounds {
    let peak = kill.map_or(usage.max, |kill| usage.max.max(f64::from(kill.limit_mib)));
    if let Margin::Fixed { percent } = assurance.margin {
        return Bounds {
            lower: peak,
            target: peak * raised_by(percent),
            upper: peak * raised_by(2.0 * percent),
        };
    }
    let (wanted, upper) = needs(assurance, assurance.asked().share());
    // What never went beyond its size is no reason to buy more, but for the usual headroom.
    let most = size.max(peak * raised_by(USUAL_HEADROOM_PERCENT));
    let target = wanted.max(assurance.floor()).min(most);
    Bounds {
        lower: peak.min(target),
        target,
        upper: upper.max(target),
    }
}

impl Bounds {
    /// These bounds, with the target on or above every floor.
    #[must_use]
    fn held(self, holds: &[Hold]) -> Self {
        let target = holds
            .iter()
            .fold(self.target, |target, (floor, _)| target.max(*floor));
        Self {
            target,
            upper: self.upper.max(target),
            ..self
        }
    }
}

fn raised_by(percent: f64) -> f64 {
    1.0 + percent / 100.0
}

/// Time spent at the CPU ceiling.
struct Ceiling {
    time: TimeAbove,
    /// Share of the size above which that time was spent: as near to [`CEILING`] as the buckets allow.
    above: f64,
}

/// More than [`CEILING_TIME`] of the time at the CPU ceiling: how much more is wanted cannot be seen.
fn at_ceiling(usage: &Usage, size: f64) -> Option<Ceiling> {
    let time = usage.reaches(CEILING * size, CEILING_TIME)?;
    Some(Ceiling {
        time,
        above: time.above / size,
    })
}

impl Ceiling {
    fn text(&self) -> String {
        let of = match self.time.counted {
            Counted::TaskTime => "of the time".to_owned(),
            Counted::Clock => "of the time by the clock".to_owned(),
            Counted::OfRuns(count, all) => format!("of the time of {count} of its {all} runs"),
        };
        format!(
            "{:.1}% {of} above {:.1}% of its CPU",
            self.time.share * 100.0,
            self.above * 100.0
        )
    }
}

/// A service at its ceiling may want more than it shows, as a limit that killed says "more than this".
fn short_of_cpu(ceiling: &Ceiling, size: TaskSize, policy: &SizingPolicy) -> Hold {
    let text = format!("{}: it may need more than was seen", ceiling.text());
    (
        size.vcpu() * raised_by(policy.oom_factor_percent),
        Reason::new(ReasonCode::CPUUnderprovisioned, text),
    )
}

/// A job at its ceiling is not short of CPU, it uses what is paid for; more would end it sooner.
fn busy_job(ceiling: &Ceiling) -> String {
    format!(
        "{}: more CPU may shorten its runs, less would lengthen them",
        ceiling.text()
    )
}

/// A service whose task count follows load keeps tasks × utilization constant: on a smaller size it runs
/// more tasks at the same utilization, and would be called too large again.
fn task_count_varies(demand: &Demand, size: TaskSize) -> Option<Hold> {
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
    varies.then(|| {
        (
            size.vcpu(),
            Reason::new(ReasonCode::TaskCountVaries, text()),
        )
    })
}

/// A service that scales by memory keeps tasks × memory constant as one that scales by CPU does: with less memory per
/// task it would run more of them.
fn task_count_follows_memory(demand: &Demand, seen: &Seen) -> Option<Hold> {
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
    (of_memory >= LEAST_TRACKED && of_memory >= of_cpu).then(|| {
        (
            memory_mib,
            Reason::new(ReasonCode::TaskCountFollowsMemory, text()),
        )
    })
}

/// A service that does nothing: a smaller size is not the advice. Where bytes were counted, none to speak of may flow.
///
/// Source: AWS Compute Optimizer user guide, idle resource recommendations (ECS services on Fargate: peak CPU and
/// memory utilisation below 1 %), read 2026-11.
fn idle(demand: &Demand, seen: &Seen) -> Option<Reason> {
    let of_cpu = seen.cpu.max / seen.size.vcpu() * 100.0;
    let of_memory = seen.memory.max / f64::from(seen.size.memory_mib) * 100.0;
    let is_quiet = demand
        .network_peak
        .is_none_or(|peak| peak <= QUIET_BYTES_PER_S);
    let is_idle = demand.workload.kind == Kind::Service
        && of_cpu < IDLE_PERCENT
        && of_memory < IDLE_PERCENT
        && is_quiet;
    is_idle.then(|| {
        let network = demand.network_peak.map(|peak| {
            format!(", and no more than {} bytes a second went in or out", figure(peak))
        });
        let text = format!(
            "idle: at its peak it used {}% of its CPU and {}% of its memory{}; remove it if nobody needs it",
            figure(of_cpu),
            figure(of_memory),
            network.unwrap_or_default()
        );
        Reason::new(ReasonCode::Idle, text)
    })
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

/// A limit that killed was too small: [`SizingPolicy::oom_factor_percent`] and at least [`SizingPolicy::oom_extra_mib`] more.
fn killed(kill: Kill, policy: &SizingPolicy) -> Hold {
    let limit = f64::from(kill.limit_mib);
    let floor = (limit * raised_by(policy.oom_factor_percent)).max(limit + policy.oom_extra_mib);
    let times = if kill.count == 1 {
        "once".to_owned()
    } else {
        format!("{} times", kill.count)
    };
    let text = format!(
        "killed {times} for want of memory at a limit of {limit} MiB: at least {} MiB",
        figure(floor)
    );
    (floor, Reason::new(ReasonCode::OutOfMemory, text))
}

/// Daily peaks that rise steadily, were still rising at the end, and would outgrow the highest one with the usual headroom:
/// a leak, or growth that is not over. There is no size that holds it.
fn memory_rises(memory: &Usage) -> Option<Reason> {
    let days = between_restarts(&memory.daily_max);
    let trend = trend(&days)?;
    let last = *memory.daily_max.values().next_back()?;
    let growth = trend.slope_per_day * PROJECTION_DAYS;
    let outgrows = last + growth > memory.max * raised_by(USUAL_HEADROOM_PERCENT);
    let rises = trend.p < SIGNIFICANCE && growth > RISING_SHARE * last && outgrows;
    let text = || {
        format!(
            "memory peaks rise by {} MiB a day between restarts and did not level off: a size would only delay the end",
            figure(trend.slope_per_day)
        )
    };
    (rises && !levels_off(&days, trend.slope_per_day))
        .then(|| Reason::new(ReasonCode::MemoryRising, text()))
}

/// The newest days hardly rise any more, compared with all of them.
fn levels_off(days: &BTreeMap<i32, f64>, slope_per_day: f64) -> bool {
    let newest = days.iter().rev().take(PLATEAU_DAYS);
    let points: Vec<(f64, f64)> = newest
        .rev()
        .map(|(&day, &peak)| (f64::from(day), peak))
        .collect();
    theil_sen(&points).is_some_and(|slope| slope < PLATEAU_SLOPE * slope_per_day)
}

/// What the figures do not show.
fn notes(demand: &Demand, seen: &Seen) -> impl Iterator<Item = String> {
    let period_s = seen.cpu.period_s.max(seen.memory.period_s);
    let coarse = (period_s > FINE_PERIOD_S).then(|| {
        format!("samples cover up to {period_s} s each: bursts shorter than that may be hidden")
    });
    let left_out = demand.evidence.samples_without_size;
    let partial = (left_out > 0).then(|| {
        format!("{left_out} samples are left out: no source tells the size at their time")
    });
    let uncounted = (demand.workload.kind == Kind::Service && demand.slots.is_empty()).then(|| {
        "running tasks were not counted: whether their number follows load is not known".to_owned()
    });
    let kills = demand.out_of_memory.iter().filter(|kill| !kill.is_of_task);
    [coarse, partial, uncounted]
        .into_iter()
        .flatten()
        .chain(kills.filter_map(killed_container))
}

/// A limit of a container's own is too small, whatever the task's memory.
fn killed_container(kill: &OutOfMemory) -> Option<String> {
    let (name, limit_mib) = (kill.container.as_deref()?, kill.limit_mib?);
    let times = match kill.count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    };
    Some(format!(
        "container {name} ran out of memory {times} at its own limit of {limit_mib} MiB: raise that limit, not the task's size"
    ))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{
        build, close, minutes, reasons, required, service, slots, task, usage_of,
    };
    use super::*;
    use crate::dataset::schema::Metric;

    const DAYS: i64 = 14;

    /// The need of `demand` with these CPU samples, one per minute.
    fn with_cpu(demand: Demand, vcpu: impl Fn(i64) -> f64) -> Requirement {
        let samples = minutes(0..DAYS * 1440)
            .enumerate()
            .map(|(i, at)| (at, vcpu(i64::try_from(i).unwrap())));
        need(&Demand {
            cpu: Some(usage_of(Metric::CpuVcpu, samples)),
            ..demand
        })
    }

    /// The service with these daily memory peaks, MiB.
    fn with_peaks(peaks: &[f64]) -> Demand {
        let days = i64::try_from(peaks.len()).unwrap();
        let samples = minutes(0..days * 1440)
            .enumerate()
            .map(|(i, at)| (at, peaks[i / 1440]));
        let mut demand = Demand {
            memory: Some(usage_of(Metric::MemoryMib, samples)),
            ..service()
        };
        demand.cpu = Some(usage_of(
            Metric::CpuVcpu,
            minutes(0..days * 1440).map(|at| (at, 0.1)),
        ));
        demand
    }

    fn need(demand: &Demand) -> Requirement {
        required(demand).unwrap()
    }

    fn codes(need: &Requirement) -> Vec<ReasonCode> {
        need.holds.iter().map(|hold| hold.code).collect()
    }

    #[test]
    fn a_steady_tenth_of_a_vcpu_needs_fifteen_percent_more() {
        let need = need(&service());
        assert!(
            close(need.cpu.lower, 0.1)
                && close(need.cpu.target, 0.115)
                && close(need.cpu.upper, 0.115)
        );
        assert!(
            close(need.memory.lower, 300.0)
                && close(need.memory.target, 345.0)
                && close(need.memory.upper, 390.0)
        );
        assert_eq!((need.holds, need.notes), (vec![], vec![]));
    }

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
    fn memory_holds_a_peak_of_six_days_ago() {
        // Daily peaks on which a P90 of decayed peaks says 422 MiB.
        let need = need(&with_peaks(&[
            300.0, 900.0, 310.0, 320.0, 330.0, 340.0, 350.0, 360.0,
        ]));
        assert!(close(need.memory.target, 1035.0), "{:?}", need.memory);
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
    fn headroom_alone_does_ask_for_more_memory() {
        let need = need(&with_peaks(&[1900.0; 8]));
        assert!(close(need.memory.target, 2185.0) && need.memory.target > 2048.0);
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

    #[test]
    fn a_leak_has_no_size() {
        let leak = with_peaks(&[400.0, 410.0, 422.0, 429.0, 441.0, 450.0, 460.0, 471.0]);
        let text = "memory peaks rise by 10 MiB a day between restarts and did not level off: a size would only delay the end";
        assert_eq!(
            reasons(required(&leak)),
            [(ReasonCode::MemoryRising, text.to_owned())]
        );
    }

    #[test]
    fn growth_that_came_to_its_plateau_is_sized() {
        let grown = with_peaks(&[400.0, 410.0, 422.0, 433.0, 441.0, 441.0, 442.0, 442.0]);
        assert!(close(need(&grown).memory.target, 442.0 * 1.15));
    }

    #[test]
    fn slow_growth_and_noise_are_not_a_leak() {
        // 1 MiB a day on 400 is 7.5 % in 30 days.
        assert!(
            need(&with_peaks(&[
                400.0, 401.0, 402.0, 403.0, 404.0, 405.0, 406.0, 407.0
            ]))
            .holds
            .is_empty()
        );
        assert!(
            need(&with_peaks(&[
                400.0, 600.0, 380.0, 650.0, 410.0, 590.0, 395.0, 640.0
            ]))
            .holds
            .is_empty()
        );
        assert!(
            need(&with_peaks(&[
                471.0, 460.0, 450.0, 441.0, 429.0, 422.0, 410.0, 400.0
            ]))
            .holds
            .is_empty()
        );
    }

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

    #[test]
    fn what_is_not_seen_is_noted() {
        let mut demand = Demand {
            slots: Slots::default(),
            ..service()
        };
        demand.cpu.as_mut().unwrap().period_s = 300;
        demand.evidence.samples_without_size = 12;
        assert_eq!(
            need(&demand).notes,
            [
                "samples cover up to 300 s each: bursts shorter than that may be hidden",
                "12 samples are left out: no source tells the size at their time",
                "running tasks were not counted: whether their number follows load is not known",
            ]
        );
    }

    #[test]
    fn a_service_through_which_bytes_flow_is_not_idle() {
        let memory = usage_of(
            Metric::MemoryMib,
            minutes(0..DAYS * 1440).map(|at| (at, 10.0)),
        );
        let still = Demand {
            memory: Some(memory),
            ..service()
        };
        let with_network = |network_peak| {
            let cpu = usage_of(
                Metric::CpuVcpu,
                minutes(0..DAYS * 1440).map(|at| (at, 0.005)),
            );
            let demand = Demand {
                cpu: Some(cpu),
                network_peak,
                ..still.clone()
            };
            codes(&need(&demand)).contains(&ReasonCode::Idle)
        };
        assert!(with_network(None) && with_network(Some(0.0)) && with_network(Some(200.0)));
        assert!(!with_network(Some(50_000.0)));
    }
}
