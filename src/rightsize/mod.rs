//! Demand in, safe requirement out, or a finding withheld with every reason.
//!
//! [`requirement`] first asks whether enough was seen (`evidence`), then how much one run needs
//! (`estimate`). CPU and memory are judged differently: too little CPU slows a run, too little memory
//! kills it. [`sizes`] turns a need into the cheapest size that holds it; [`assess`] compares that size
//! with the present one. Prices come in as a function; nothing here knows one.

pub mod assurance;
pub mod backtest;
pub mod baselines;
pub mod calibration;
mod estimate;
mod evidence;
pub mod history;
pub mod margin;
mod resolution;
pub mod risk;
pub mod run_time;
pub mod sizes;
pub mod trend;
pub mod vpa;

use crate::demand::Demand;
use crate::model::finding::{Finding, Reason, ReasonCode};
use crate::model::units::{Mib, TaskSize, Vcpu, Window};
use assurance::Assurance;
use calibration::Calibrations;
use risk::Risk;

/// How much evidence is asked for, and how often a size may be exceeded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SizingPolicy {
    /// Share of workload-weeks that may go beyond a size.
    pub risk: Risk,
    /// Percentile (0–100) of the CPU maxima (by task time, by the clock, by run: the highest) that a headroom of the user's is added to. 99: what Crane sizes for.
    pub cpu_percentile: f64,
    /// Added to that percentile instead of a margin that is calibrated, percent.
    pub cpu_headroom_percent: Option<f64>,
    /// Added to the memory peak instead of a margin that is calibrated, percent.
    pub memory_headroom_percent: Option<f64>,
    /// Days with samples, per resource. 7: every day of the week once.
    pub min_days: i64,
    /// Samples, per resource. 100: as KRR asks.
    pub min_samples: i64,
    /// Added to a size that was seen to be too small (a memory kill, a service at its CPU ceiling), percent.
    /// 20: the bump of Vertical Pod Autoscaler and Crane after a kill.
    pub oom_factor_percent: f64,
    /// Added to a memory limit that killed, at the least, MiB. 100: as above.
    pub oom_extra_mib: f64,
}

impl Default for SizingPolicy {
    fn default() -> Self {
        Self {
            risk: Risk::default(),
            cpu_percentile: 99.0,
            cpu_headroom_percent: None,
            memory_headroom_percent: None,
            min_days: 7,
            min_samples: 100,
            oom_factor_percent: 20.0,
            oom_extra_mib: 100.0,
        }
    }
}

/// A range with the value to size for; `lower ≤ target ≤ upper`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// Less than this was exceeded often (CPU: half of the time), or at least once (memory).
    pub lower: f64,
    /// What to size for.
    pub target: f64,
    /// More than this is not explained by anything seen.
    pub upper: f64,
}

/// The safe need of one task or build.
#[derive(Debug, Clone, PartialEq)]
pub struct Requirement {
    /// vCPU: the median, the smallest size whose risk holds, and what half of that risk would ask for. With a headroom of the
    /// user's: the median, the policy's percentile with headroom, and the highest sample with headroom.
    ///
    /// A margin alone does not lift the target above the present size. A service that spends more than 1 %
    /// of its time at the ceiling of its size may need more than it shows: its target is above the size.
    /// A job there is not short of CPU; its target is the size, or what it used beyond it.
    pub cpu: Bounds,
    /// MiB: the highest sample (a kill counts as one of its limit), the smallest size whose risk holds, and what half of that
    /// risk would ask for. With a headroom of the user's: the sample with headroom, and with twice the headroom.
    ///
    /// A margin alone lifts the target above the present size by no more than other tools' 15 % over the highest sample.
    pub memory: Bounds,
    /// How sure the CPU target is.
    pub cpu_assurance: Assurance,
    /// How sure the memory target is.
    pub memory_assurance: Assurance,
    /// What puts a floor under a target: a resource that must grow, or must not shrink.
    pub holds: Vec<Reason>,
    /// What a reader should know before trusting the figures, one sentence each.
    pub notes: Vec<String>,
}

/// What one run needs, as far as placing it goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Need {
    /// Processor.
    pub cpu: Vcpu,
    /// Memory.
    pub memory: Mib,
    /// It was measured: a machine must have it for the run. Else it is a size, which machines are called by.
    pub is_measured: bool,
}

impl Need {
    /// All of a size.
    pub fn of_size(size: TaskSize) -> Self {
        Self {
            is_measured: false,
            cpu: Vcpu::from_units(size.cpu_units),
            memory: Mib::new(f64::from(size.memory_mib)),
        }
    }

    /// The smallest whole CPU units and MiB that hold it.
    pub fn size(self) -> TaskSize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "float-to-int casts saturate; needs are not negative"
        )]
        let whole = |amount: f64| (amount - 1e-9).ceil().max(1.0) as u32;
        TaskSize::new(whole(self.cpu.get() * 1024.0), whole(self.memory.get()))
    }
}

impl Requirement {
    /// What to place.
    pub fn need(&self) -> Need {
        Need {
            cpu: Vcpu::new(self.cpu.target),
            memory: Mib::new(self.memory.target),
            is_measured: true,
        }
    }
}

/// What one task or build of this workload safely needs.
///
/// `window` is the span that `demand` was reduced from, `fleet` what the weeks of all workloads say about margins.
///
/// # Errors
/// Withheld: every check of the evidence that failed, each with its figures.
pub fn requirement(
    demand: &Demand,
    policy: &SizingPolicy,
    fleet: &Calibrations,
    window: Window,
) -> Result<Requirement, Vec<Reason>> {
    let seen = evidence::sufficient(demand, policy, window)?;
    estimate::estimate(demand, &seen, policy, fleet)
}

/// Compares the present size with the need and with the size `chosen` for it, which holds the need.
///
/// A resource is underprovisioned when its target exceeds the present size; for CPU, thin headroom is not
/// enough for that (see [`Requirement::cpu`]). It is overprovisioned when the chosen size has less of it.
/// Underprovisioned in one resource outweighs overprovisioned in the other; both codes are given.
pub fn assess(
    current: TaskSize,
    chosen: TaskSize,
    requirement: &Requirement,
) -> (Finding, Vec<ReasonCode>) {
    use ReasonCode::{
        CPUOverprovisioned, CPUUnderprovisioned, MemoryOverprovisioned, MemoryUnderprovisioned,
    };
    let cpu_short = requirement.cpu.target > current.vcpu();
    let memory_short = requirement.memory.target > f64::from(current.memory_mib);
    let claims = [
        (cpu_short, CPUUnderprovisioned),
        (memory_short, MemoryUnderprovisioned),
        (chosen.cpu_units < current.cpu_units, CPUOverprovisioned),
        (
            chosen.memory_mib < current.memory_mib,
            MemoryOverprovisioned,
        ),
    ];
    let codes: Vec<_> = claims
        .into_iter()
        .filter_map(|(holds, code)| holds.then_some(code))
        .collect();
    let finding = match codes.first() {
        None => Finding::Optimized,
        Some(CPUUnderprovisioned | MemoryUnderprovisioned) => Finding::Underprovisioned,
        Some(_) => Finding::Overprovisioned,
    };
    (finding, codes)
}

/// A figure for a sentence: at most three decimals, no trailing zeros.
fn figure(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::sizes::cheapest_fargate;
    use super::*;
    use crate::dataset::schema::Metric;
    use crate::demand::histogram::{Bucket, bucket};
    use crate::demand::usage::DayUsage;
    use crate::demand::{Evidence, OutOfMemory, Runs, Slot, Slots, Usage};
    use crate::model::units::{MS_PER_DAY, SLOT_MS, Usd};
    use crate::model::workload::{Configuration, Kind, Os, WorkloadKey};

    /// Fourteen days.
    pub(super) const WINDOW: Window = Window {
        from_ms: 20_000 * MS_PER_DAY,
        to_ms: 20_014 * MS_PER_DAY,
    };
    const ONE_VCPU: TaskSize = TaskSize::new(1024, 2048);

    /// 1 vCPU and 2 GiB; 0.1 vCPU and 300 MiB used in every minute of [`WINDOW`] by each of two tasks.
    pub(super) fn service() -> Demand {
        steady(Kind::Service)
    }

    /// The margins of other tools: 15 % on both.
    pub(super) fn fixed() -> SizingPolicy {
        SizingPolicy {
            cpu_headroom_percent: Some(15.0),
            memory_headroom_percent: Some(15.0),
            ..SizingPolicy::default()
        }
    }

    /// What is needed with those.
    pub(super) fn required(demand: &Demand) -> Result<Requirement, Vec<Reason>> {
        requirement(demand, &fixed(), &Calibrations::default(), WINDOW)
    }

    pub(super) fn task() -> Demand {
        steady(Kind::Task)
    }

    pub(super) fn build() -> Demand {
        steady(Kind::Build)
    }

    fn steady(kind: Kind) -> Demand {
        let all = || minutes(0..14 * 1440);
        Demand {
            workload: WorkloadKey {
                account: "111122223333".into(),
                region: "eu-west-1".into(),
                kind,
                cluster: "shop".into(),
                name: "cart".into(),
            },
            tags: std::collections::BTreeMap::new(),
            ran: vec![],
            pace: None,
            current: Some(sized(ONE_VCPU)),
            resized_ms: None,
            cpu: Some(usage_of(Metric::CpuVcpu, all().map(|at| (at, 0.1)))),
            cpu_share: None,
            memory: Some(usage_of(Metric::MemoryMib, all().map(|at| (at, 300.0)))),
            network_peak: None,
            slots: slots(|_| 2),
            spans: Vec::new(),
            runs: Runs::default(),
            out_of_memory: Vec::new(),
            evidence: Evidence {
                first_ms: WINDOW.from_ms,
                last_ms: WINDOW.to_ms - 60_000,
                days: 14,
                ..Evidence::default()
            },
        }
    }

    fn sized(size: TaskSize) -> Configuration {
        Configuration {
            cpu_units: Some(size.cpu_units),
            memory_mib: Some(size.memory_mib),
            ..Configuration::default()
        }
    }

    /// The instants at which these minutes of [`WINDOW`] begin.
    pub(super) fn minutes(span: Range<i64>) -> impl Iterator<Item = i64> {
        span.map(|minute| WINDOW.from_ms + minute * 60_000)
    }

    /// One-minute samples at these instants.
    pub(super) fn usage_of(metric: Metric, samples: impl Iterator<Item = (i64, f64)>) -> Usage {
        let day = |(at_ms, max): (i64, f64)| DayUsage {
            day: i32::try_from(at_ms / MS_PER_DAY).unwrap(),
            metric,
            size: None,
            factor: 1.0,
            buckets: vec![Bucket {
                bucket: bucket(max),
                weight_ms: 60_000,
                samples: 1,
                period_s: 60,
                max,
            }],
            sum_ms: 0,
            samples: 1,
            period_s: 60,
            first_ms: at_ms,
            last_ms: at_ms,
        };
        Usage::of(samples.map(day).collect(), Vec::new())
    }

    /// So many running tasks in each slot of [`WINDOW`], numbered from 0.
    pub(super) fn slots(tasks: impl Fn(i64) -> u32) -> Slots {
        let first = WINDOW.from_ms / SLOT_MS;
        let slot = |i| Slot {
            slot: first + i,
            task_ms: i64::from(tasks(i)) * SLOT_MS,
            peak: tasks(i),
        };
        (0..14 * 288).map(slot).collect()
    }

    pub(super) fn reasons(outcome: Result<Requirement, Vec<Reason>>) -> Vec<(ReasonCode, String)> {
        outcome
            .err()
            .unwrap_or_default()
            .into_iter()
            .map(|reason| (reason.code, reason.text))
            .collect()
    }

    pub(super) fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    fn need(cpu: f64, memory: f64) -> Requirement {
        let bounds = |target| Bounds {
            lower: target,
            target,
            upper: target,
        };
        Requirement {
            cpu: bounds(cpu),
            memory: bounds(memory),
            cpu_assurance: Assurance::fixed(&Usage::default(), 15.0, Risk::MEDIUM),
            memory_assurance: Assurance::fixed(&Usage::default(), 15.0, Risk::MEDIUM),
            holds: vec![],
            notes: vec![],
        }
    }

    fn virginia(size: TaskSize) -> Usd {
        let vcpu = Usd::of(size.cpu_units.into(), Decimal::new(4048, 5), 1024);
        vcpu + Usd::of(size.memory_mib.into(), Decimal::new(4445, 6), 1024)
    }

    fn chosen(demand: &Demand) -> TaskSize {
        let need = required(demand).unwrap();
        cheapest_fargate(need.cpu.target, need.memory.target, Os::Linux, virginia).unwrap()
    }

    #[test]
    fn an_idle_service_is_overprovisioned_in_both() {
        let need = required(&service()).unwrap();
        let chosen = chosen(&service());
        assert_eq!(chosen, TaskSize::new(256, 512));
        let codes = vec![
            ReasonCode::CPUOverprovisioned,
            ReasonCode::MemoryOverprovisioned,
        ];
        assert_eq!(
            assess(ONE_VCPU, chosen, &need),
            (Finding::Overprovisioned, codes)
        );
    }

    #[test]
    fn the_size_that_is_chosen_is_optimized() {
        assert_eq!(
            assess(ONE_VCPU, ONE_VCPU, &need(1.0, 2048.0)),
            (Finding::Optimized, vec![])
        );
    }

    #[test]
    fn a_shortage_outweighs_a_surplus_and_both_are_told() {
        let (finding, codes) = assess(
            TaskSize::new(1024, 8192),
            TaskSize::new(2048, 4096),
            &need(1.2, 3000.0),
        );
        assert_eq!(finding, Finding::Underprovisioned);
        assert_eq!(
            codes,
            [
                ReasonCode::CPUUnderprovisioned,
                ReasonCode::MemoryOverprovisioned
            ]
        );
        let (finding, codes) = assess(
            TaskSize::new(1024, 2048),
            TaskSize::new(256, 2048),
            &need(0.1, 2049.0),
        );
        assert_eq!(finding, Finding::Underprovisioned);
        assert_eq!(
            codes,
            [
                ReasonCode::MemoryUnderprovisioned,
                ReasonCode::CPUOverprovisioned
            ]
        );
    }

    #[test]
    fn cpu_that_only_comes_with_the_memory_is_not_a_shortage() {
        // 0.25 vCPU on EC2 with 4 GiB: Fargate sells no 4 GiB below 0.5 vCPU.
        let need = need(0.2, 4000.0);
        let chosen = cheapest_fargate(0.2, 4000.0, Os::Linux, virginia).unwrap();
        assert_eq!(chosen, TaskSize::new(512, 4096));
        assert_eq!(
            assess(TaskSize::new(256, 4096), chosen, &need),
            (Finding::Optimized, vec![])
        );
    }

    /// A service on `size` that follows a daily load: as many tasks as keep each at 40 % of its CPU.
    fn autoscaled(size: TaskSize) -> Demand {
        let load = |slot: i64| if slot % 288 < 144 { 1.0 } else { 4.0 };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a few tasks"
        )]
        let tasks = |slot| (load(slot) / (0.4 * size.vcpu())).ceil() as u32;
        let cpu = minutes(0..14 * 1440).enumerate().map(|(minute, at)| {
            let slot = i64::try_from(minute / 5).unwrap();
            (at, load(slot) / f64::from(tasks(slot)))
        });
        Demand {
            cpu: Some(usage_of(Metric::CpuVcpu, cpu)),
            slots: slots(tasks),
            current: Some(sized(size)),
            ..service()
        }
    }

    #[test]
    fn an_autoscaled_service_is_not_shrunk_twice() {
        let first = chosen(&autoscaled(TaskSize::new(2048, 8192)));
        assert_eq!(
            first,
            TaskSize::new(2048, 4096),
            "memory shrinks, CPU stays"
        );
        assert_eq!(chosen(&autoscaled(first)), first);
    }

    #[test]
    fn without_the_guard_an_autoscaled_service_would_spiral() {
        let blind = |size| {
            chosen(&Demand {
                slots: slots(|_| 2),
                ..autoscaled(size)
            })
        };
        let first = blind(TaskSize::new(2048, 8192));
        assert_eq!(first, TaskSize::new(1024, 2048));
        assert_eq!(blind(first), TaskSize::new(512, 1024));
    }

    #[test]
    fn a_size_at_its_ceiling_grows_by_one_step() {
        let cpu = usage_of(Metric::CpuVcpu, minutes(0..14 * 1440).map(|at| (at, 1.0)));
        let demand = Demand {
            cpu: Some(cpu),
            ..service()
        };
        let need = required(&demand).unwrap();
        assert_eq!(chosen(&demand), TaskSize::new(2048, 4096));
        assert_eq!(
            assess(ONE_VCPU, chosen(&demand), &need),
            (
                Finding::Underprovisioned,
                vec![ReasonCode::CPUUnderprovisioned]
            )
        );
    }

    /// The same sample for every hour of a day.
    fn hourly(metric: Metric, by_day: &[f64]) -> Usage {
        let hours = (0..14 * 24).map(|hour| WINDOW.from_ms + hour * 3_600_000);
        usage_of(
            metric,
            hours.enumerate().map(|(hour, at)| (at, by_day[hour / 24])),
        )
    }

    fn any_demand() -> impl Strategy<Value = Demand> {
        let vcpu = prop::collection::vec(0.001..4.0_f64, 14);
        let mib = prop::collection::vec(1.0..20_000.0_f64, 14);
        let kind = prop::sample::select(vec![Kind::Service, Kind::Task, Kind::Build]);
        let kill = prop::option::of(1..20_000_u32);
        // No build uses more than its machine has.
        let within = |vcpu: Vec<f64>, kind| {
            let most = if kind == Kind::Build { 1.0 } else { 4.0 };
            vcpu.into_iter()
                .map(move |vcpu| vcpu.min(most))
                .collect::<Vec<_>>()
        };
        (vcpu, mib, kind, kill, any::<bool>()).prop_map(move |(vcpu, mib, kind, kill, scales)| {
            Demand {
                cpu: Some(hourly(Metric::CpuVcpu, &within(vcpu, kind))),
                memory: Some(hourly(Metric::MemoryMib, &mib)),
                out_of_memory: kill
                    .map(|limit_mib| OutOfMemory {
                        container: None,
                        limit_mib: Some(limit_mib),
                        is_of_task: true,
                        count: 1,
                    })
                    .into_iter()
                    .collect(),
                slots: slots(|slot| if scales && slot % 2 == 0 { 4 } else { 2 }),
                ..steady(kind)
            }
        })
    }

    fn earned(demand: &Demand) -> Result<Requirement, Vec<Reason>> {
        requirement(
            demand,
            &SizingPolicy::default(),
            &Calibrations::default(),
            WINDOW,
        )
    }

    /// The service with these samples, CPU in vCPU and memory a thousandfold in MiB.
    fn seen(samples: &[(i64, f64)]) -> Demand {
        let of = |factor: f64| samples.iter().map(move |&(at, value)| (at, value * factor));
        Demand {
            cpu: Some(usage_of(Metric::CpuVcpu, of(1.0))),
            memory: Some(usage_of(Metric::MemoryMib, of(1000.0))),
            ..service()
        }
    }

    #[test]
    fn bad_series_get_a_size_with_a_risk_or_a_reason() {
        let each = |value: fn(i64) -> f64| -> Vec<(i64, f64)> {
            minutes(0..14 * 1440)
                .zip(0..)
                .map(|(at, i)| (at, value(i)))
                .collect()
        };
        let gaps: Vec<_> = each(|_| 0.3)
            .into_iter()
            .enumerate()
            .filter(|(i, _)| i / 1440 % 3 != 0)
            .map(|(_, at)| at)
            .collect();
        let coarse = |mut demand: Demand| {
            demand.cpu.as_mut().unwrap().period_s = 3600;
            demand
        };
        let resized = Demand {
            resized_ms: Some(WINDOW.to_ms - MS_PER_DAY),
            ..service()
        };
        let cases = [
            ("a third of the days missing", seen(&gaps), true),
            ("one sample", seen(&[(WINDOW.from_ms, 0.3)]), false),
            ("all zero", seen(&each(|_| 0.0)), false),
            ("all equal", seen(&each(|_| 0.3)), true),
            ("mixed periods", coarse(seen(&each(|_| 0.3))), true),
            ("resized the day before", resized, false),
            (
                "restarted daily",
                seen(&each(|i| (i % 1440) as f64 / 1440.0 + 0.01)),
                true,
            ),
            ("always at the ceiling", seen(&each(|_| 1.0)), true),
            (
                "below zero",
                seen(&each(|i| if i % 2 == 0 { -0.5 } else { 0.3 })),
                true,
            ),
            (
                "beyond the size",
                seen(&each(|i| if i % 2 == 0 { 1.14 } else { 0.3 })),
                true,
            ),
            (
                "every sample twice",
                seen(&[each(|_| 0.3), each(|_| 0.3)].concat()),
                true,
            ),
        ];
        for (name, demand, is_sized) in cases {
            match earned(&demand) {
                Ok(need) => {
                    assert!(is_sized, "{name}");
                    for (bounds, assurance) in [
                        (need.cpu, need.cpu_assurance),
                        (need.memory, need.memory_assurance),
                    ] {
                        assert!(bounds.target.is_finite() && bounds.target > 0.0, "{name}");
                        let risk = assurance.risk_of(bounds.target).unwrap();
                        assert!(risk > 0.0 && risk <= 1.0, "{name}: {risk}");
                    }
                }
                Err(reasons) => assert!(!is_sized && !reasons.is_empty(), "{name}: {reasons:?}"),
            }
        }
    }

    /// A number of chance between 0 and 1.
    fn chance(seed: i64, at: i64) -> f64 {
        let mixed = (seed * 1_000_003 + at)
            .unsigned_abs()
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed >> 40) as f64 / f64::from(1 << 24)
    }

    /// What is done on a day about `demand`, of which the 14 days before it are known: its size from then on.
    fn followed(demand: &Demand, day: i32) -> TaskSize {
        let first = i32::try_from(WINDOW.from_ms / MS_PER_DAY).unwrap() + day - 14;
        let known =
            |usage: &Option<Usage>| usage.as_ref().map(|usage| usage.between(first, first + 14));
        let window = Window {
            from_ms: i64::from(first) * MS_PER_DAY,
            to_ms: i64::from(first + 14) * MS_PER_DAY,
        };
        let known = Demand {
            cpu: known(&demand.cpu),
            memory: known(&demand.memory),
            evidence: Evidence {
                first_ms: window.from_ms,
                last_ms: window.to_ms - 60_000,
                ..demand.evidence.clone()
            },
            ..demand.clone()
        };
        let (policy, fleet) = (SizingPolicy::default(), Calibrations::default());
        let need = requirement(&known, &policy, &fleet, window).unwrap();
        let (now, os) = (demand.current_size().unwrap(), Os::Linux);
        let chosen = cheapest_fargate(need.cpu.target, need.memory.target, os, virginia).unwrap();
        let is_worth_it = virginia(chosen).as_f64() <= 0.95 * virginia(now).as_f64();
        let must_grow = assess(now, chosen, &need).0 == Finding::Underprovisioned;
        if must_grow || is_worth_it {
            chosen
        } else {
            now
        }
    }

    #[test]
    fn advice_that_was_followed_is_not_taken_back_when_run_a_day_later() {
        for seed in 1..=20 {
            let times = || minutes(0..28 * 1440).step_by(5);
            // Twice as much by day as by night; CPU with a wide scatter, memory with a small one.
            let by_day = |at: i64| if at / 3_600_000 % 24 >= 8 { 1.0 } else { 0.5 };
            let cpu = |at| 0.07 * seed as f64 * by_day(at) * (0.4 + 0.6 * chance(seed, at));
            let memory = |at| 190.0 * seed as f64 * (0.9 + 0.1 * chance(-seed, at));
            let mut demand = Demand {
                cpu: Some(usage_of(Metric::CpuVcpu, times().map(|at| (at, cpu(at))))),
                memory: Some(usage_of(
                    Metric::MemoryMib,
                    times().map(|at| (at, memory(at))),
                )),
                ..service()
            };
            let mut sizes = vec![TaskSize::new(4096, 16_384)];
            for day in 14..28 {
                demand.current = Some(sized(sizes[sizes.len() - 1]));
                sizes.push(followed(&demand, day));
            }
            sizes.dedup();
            assert_eq!(sizes.len(), 2, "{seed}: resized once, not {sizes:?}");
        }
    }

    #[test]
    fn a_stated_risk_does_not_shrink_what_follows_load() {
        let size = TaskSize::new(2048, 8192);
        let first = earned(&autoscaled(size)).unwrap();
        assert!(close(first.cpu.target, 2.0), "{:?}", first.cpu);
    }

    /// Random peaks may happen to rise day after day.
    fn is_a_leak(outcome: &Result<Requirement, Vec<Reason>>) -> bool {
        let leaks = |reasons: &Vec<Reason>| {
            reasons
                .iter()
                .all(|reason| reason.code == ReasonCode::MemoryRising)
        };
        outcome.as_ref().is_err_and(leaks)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn bounds_are_ordered_and_memory_is_never_below_its_peak(demand in any_demand()) {
            let need = required(&demand);
            prop_assume!(!is_a_leak(&need));
            let need = need.unwrap();
            for bounds in [need.cpu, need.memory] {
                prop_assert!(0.0 < bounds.lower && bounds.lower <= bounds.target && bounds.target <= bounds.upper);
            }
            prop_assert!(need.memory.target >= demand.memory.unwrap().max * 1.15);
        }

        #[test]
        fn the_recommended_size_is_recommended_again(demand in any_demand()) {
            prop_assume!(!is_a_leak(&required(&demand)));
            let first = chosen(&demand);
            prop_assert_eq!(chosen(&Demand { current: Some(sized(first)), ..demand }), first);
        }
    }
}
