//! Workloads to size, and what is asked of them, for the tests.

use std::ops::Range;

use rust_decimal::Decimal;

use super::calibration::Calibrations;
use super::need::Requirement;
use super::policy::SizingPolicy;
use super::requirement;
use crate::dataset::schema::Metric;
use crate::demand::histogram::{Bucket, bucket};
use crate::demand::usage::DayUsage;
use crate::demand::{Demand, Evidence, Runs, Slot, Slots, Usage};
use crate::model::finding::{Reason, ReasonCode};
use crate::model::units::{MS_PER_DAY, SLOT_MS, TaskSize, Usd, Window};
use crate::model::workload::{Configuration, Kind, WorkloadKey};

/// Fourteen days.
pub(super) const WINDOW: Window = Window {
    from_ms: 20_000 * MS_PER_DAY,
    to_ms: 20_014 * MS_PER_DAY,
};
/// What the workloads of these tests run on.
pub(super) const ONE_VCPU: TaskSize = TaskSize::new(1024, 2048);

/// 1 vCPU and 2 GiB; 0.1 vCPU and 300 MiB used in every minute of [`WINDOW`] by each of two tasks.
pub(super) fn service() -> Demand {
    steady(Kind::Service)
}

pub(super) fn task() -> Demand {
    steady(Kind::Task)
}

pub(super) fn build() -> Demand {
    steady(Kind::Build)
}

pub(super) fn steady(kind: Kind) -> Demand {
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

pub(super) fn sized(size: TaskSize) -> Configuration {
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

/// The service with these daily memory peaks, MiB.
pub(super) fn with_peaks(peaks: &[f64]) -> Demand {
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

/// The need of `demand` with these CPU samples, one per minute.
pub(super) fn with_cpu(demand: Demand, vcpu: impl Fn(i64) -> f64) -> Requirement {
    let samples = minutes(0..14 * 1440)
        .enumerate()
        .map(|(i, at)| (at, vcpu(i64::try_from(i).unwrap())));
    need(&Demand {
        cpu: Some(usage_of(Metric::CpuVcpu, samples)),
        ..demand
    })
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

pub(super) fn need(demand: &Demand) -> Requirement {
    required(demand).unwrap()
}

pub(super) fn reasons(outcome: Result<Requirement, Vec<Reason>>) -> Vec<(ReasonCode, String)> {
    outcome
        .err()
        .unwrap_or_default()
        .into_iter()
        .map(|reason| (reason.code, reason.text))
        .collect()
}

pub(super) fn codes(need: &Requirement) -> Vec<ReasonCode> {
    need.holds.iter().map(|hold| hold.code).collect()
}

pub(super) fn virginia(size: TaskSize) -> Usd {
    let vcpu = Usd::of(size.cpu_units.into(), Decimal::new(4048, 5), 1024);
    vcpu + Usd::of(size.memory_mib.into(), Decimal::new(4445, 6), 1024)
}

pub(super) fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}
