//! Sizing as a whole: what is needed, the size that holds it, and what is said of the present one.

use proptest::prelude::*;

use super::fixtures::*;
use super::sizes::cheapest_fargate;
use super::*;
use crate::dataset::schema::Metric;
use crate::demand::{Evidence, OutOfMemory, Usage};
use crate::model::finding::{Finding, ReasonCode};
use crate::model::units::{MS_PER_DAY, TaskSize};
use crate::model::workload::{Kind, Os};

fn chosen(demand: &Demand) -> TaskSize {
    let need = required(demand).unwrap();
    cheapest_fargate(need.cpu.target, need.memory.target, Os::Linux, virginia).unwrap()
}

#[test]
fn a_steady_tenth_of_a_vcpu_needs_fifteen_percent_more() {
    let need = need(&service());
    assert!(
        close(need.cpu.lower, 0.1) && close(need.cpu.target, 0.115) && close(need.cpu.upper, 0.115)
    );
    assert!(
        close(need.memory.lower, 300.0)
            && close(need.memory.target, 345.0)
            && close(need.memory.upper, 390.0)
    );
    assert_eq!((need.holds, need.notes), (vec![], vec![]));
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
    (vcpu, mib, kind, kill, any::<bool>()).prop_map(move |(vcpu, mib, kind, kill, scales)| Demand {
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
