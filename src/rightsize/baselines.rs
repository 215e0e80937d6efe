//! The sizes that other tools would give, by their published rules: what a back-test holds ours against.
//!
//! The rules are written for samples of one container; they are fed here from the days' histograms, so a
//! percentile is read to within a bucket (5 %). Where a rule needs what a day table does not hold, its
//! documentation says what stands in for it.

use super::history::{Day, History, Step};
use super::vpa;

/// vCPU and MiB.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Need {
    /// vCPU.
    pub vcpu: f64,
    /// MiB.
    pub mib: f64,
}

impl Need {
    /// No more than `limit` of either.
    #[must_use]
    pub const fn at_most(self, limit: Self) -> Self {
        Self {
            vcpu: self.vcpu.min(limit.vcpu),
            mib: self.mib.min(limit.mib),
        }
    }
}

/// What a rule may look at.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// CPU of one task, vCPU.
    pub cpu: &'a History<'a>,
    /// Memory of one task, MiB.
    pub memory: &'a History<'a>,
    /// The present size.
    pub current: Need,
}

/// A published rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Baseline {
    /// KRR `simple`: P95 of CPU; the memory peak and 15 %.
    KrrSimple,
    /// KRR `simple_limit`: its CPU limit, P96; memory as `simple`.
    KrrSimpleLimit,
    /// The target of Kubernetes Vertical Pod Autoscaler.
    VpaTarget,
    /// Crane: decaying P99 and 15 %.
    Crane,
    /// Stands in for Compute Optimizer, whose rule for ECS is unpublished: its EC2 defaults, P99.5 of CPU and 20 %, the
    /// memory peak and 20 %.
    ComputeOptimizerProxy,
    /// `CloudFix`: the highest hourly P99 and 20 %, if both are below 80 %. The highest sample stands in for the hourly P99.
    CloudFix,
    /// Kruize, cost model: the highest sample below one core, else P60; the memory peak and 20 %.
    KruizeCost,
    /// Kruize, performance model: the highest sample below one core, else P98; the memory peak and 20 %.
    KruizePerformance,
    /// Kubecost: the highest sample at 70 % utilization.
    Kubecost,
    /// Nothing is changed.
    Current,
    /// Twice the CPU peak and one and a half times the memory peak.
    TwicePeak,
    /// Vantage: the mean at 80 % utilization.
    Vantage,
}

impl Baseline {
    /// Every one, in the order in which they are shown.
    pub const ALL: [Self; 12] = [
        Self::KrrSimple,
        Self::KrrSimpleLimit,
        Self::VpaTarget,
        Self::Crane,
        Self::ComputeOptimizerProxy,
        Self::CloudFix,
        Self::KruizeCost,
        Self::KruizePerformance,
        Self::Kubecost,
        Self::Current,
        Self::TwicePeak,
        Self::Vantage,
    ];

    /// As printed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::KrrSimple => "KRR simple",
            Self::KrrSimpleLimit => "KRR simple_limit",
            Self::VpaTarget => "VPA target",
            Self::Crane => "Crane",
            Self::ComputeOptimizerProxy => "Compute Optimizer (proxy)",
            Self::CloudFix => "CloudFix",
            Self::KruizeCost => "Kruize cost",
            Self::KruizePerformance => "Kruize performance",
            Self::Kubecost => "Kubecost",
            Self::Current => "current size",
            Self::TwicePeak => "2 x CPU, 1.5 x memory peak",
            Self::Vantage => "Vantage",
        }
    }

    /// The size by this rule; `None` where it gives none.
    pub fn size(self, seen: &Observed) -> Option<Need> {
        let (cpu, memory) = (seen.cpu, seen.memory);
        match self {
            Self::KrrSimple => krr(seen, 95.0),
            Self::KrrSimpleLimit => krr(seen, 96.0),
            Self::VpaTarget => vpa_target(seen),
            Self::Crane => crane(seen),
            Self::ComputeOptimizerProxy => need(cpu.percentile(99.5)? * 1.2, memory.max()? * 1.2),
            Self::CloudFix => cloudfix(seen),
            Self::KruizeCost => kruize(seen, 60.0),
            Self::KruizePerformance => kruize(seen, 98.0),
            Self::Kubecost => need(
                (cpu.max()? / 0.7).max(0.01),
                (memory.max()? / 0.7).max(20.0),
            ),
            Self::Current => Some(seen.current),
            Self::TwicePeak => need(cpu.max()? * 2.0, memory.max()? * 1.5),
            Self::Vantage => vantage(seen),
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "rules end in it")]
const fn need(vcpu: f64, mib: f64) -> Option<Need> {
    Some(Need { vcpu, mib })
}

/// At least 100 samples, else "Not enough data". CPU up to the next thousandth of a core, at least 10; memory up to the
/// next MiB, at least 100.
///
/// Source: KRR, `robusta_krr/strategies/simple.py` and `core/runner.py`.
fn krr(seen: &Observed, percentile: f64) -> Option<Need> {
    if seen.cpu.samples() < 100 || seen.memory.samples() < 100 {
        return None;
    }
    let vcpu = (seen.cpu.percentile(percentile)? * 1000.0).ceil() / 1000.0;
    let mib = (seen.memory.max()? * 1.15).ceil();
    need(vcpu.max(0.01), mib.max(100.0))
}

/// CPU: every sample. Memory: the peak of each of the last eight days.
///
/// Source: kubernetes/autoscaler, `vertical-pod-autoscaler/pkg/recommender`.
fn vpa_target(seen: &Observed) -> Option<Need> {
    let cpu = decayed(
        vpa::Histogram::cpu(),
        seen.cpu.days().iter().flat_map(samples_of),
    );
    let last = seen.memory.span()?.1;
    let peaks = seen.memory.last_days(8, last + 1);
    let peaks = peaks
        .days()
        .iter()
        .map(|row| (f64::from(row.day), row.max() * vpa::BYTES_PER_MIB, 1.0));
    let memory = decayed(vpa::Histogram::memory(), peaks);
    let mib = memory.target(vpa::MEMORY_FLOOR_BYTES)? / vpa::BYTES_PER_MIB;
    need(cpu.target(vpa::CPU_FLOOR_CORES)?, mib)
}

/// P99 and 15 % over the last seven days, CPU with a half-life of a day, memory of two.
///
/// Source: gocrane/crane, `pkg/recommendation/recommender/resource`, `pkg/prediction/percentile`.
fn crane(seen: &Observed) -> Option<Need> {
    let (cpu, memory) = (last_week(seen.cpu)?, last_week(seen.memory)?);
    let mut cores = vpa::Histogram::linear(0.1, 1000, 1.0);
    for (day, vcpu, weight) in cpu.days().iter().flat_map(samples_of) {
        cores.add(day, vcpu, weight);
    }
    let mut bytes = vpa::Histogram::linear(100.0 * vpa::BYTES_PER_MIB, 1000, 2.0);
    for (day, mib, weight) in memory.days().iter().flat_map(samples_of) {
        bytes.add(day, mib * vpa::BYTES_PER_MIB, weight);
    }
    let mib = bytes.percentile(0.99)? / vpa::BYTES_PER_MIB;
    need(cores.percentile(0.99)? * 1.15, mib * 1.15)
}

/// The last seven days, with or without samples.
fn last_week<'a>(history: &'a History<'_>) -> Option<History<'a>> {
    Some(history.last_days(7, history.span()?.1 + 1))
}

/// Nothing for means that are no amounts.
fn vantage(seen: &Observed) -> Option<Need> {
    let mean = |history: &History<'_>| history.mean().filter(|mean| *mean > 0.0);
    need(mean(seen.cpu)? / 0.8, mean(seen.memory)? / 0.8)
}

/// Source: `CloudFix`, article 132615.
fn cloudfix(seen: &Observed) -> Option<Need> {
    let (vcpu, mib) = (seen.cpu.max()?, seen.memory.max()?);
    let Need {
        vcpu: has_vcpu,
        mib: has_mib,
    } = seen.current;
    if vcpu >= 0.8 * has_vcpu || mib >= 0.8 * has_mib {
        return Some(seen.current);
    }
    need(vcpu * 1.2, mib * 1.2)
}

/// Nothing for CPU at or below a thousandth of a core.
///
/// Its cap on memory by the largest spike within a quarter of an hour is left out: the day table has no minimum.
/// Source: kruize/autotune, `GenericRecommendationModel.java`.
fn kruize(seen: &Observed, percentile: f64) -> Option<Need> {
    let peak = seen.cpu.max()?;
    let vcpu = if peak < 1.0 {
        peak
    } else {
        seen.cpu.percentile(percentile)?
    };
    if vcpu <= 0.001 {
        return None;
    }
    need(vcpu, seen.memory.max()? * 1.2)
}

/// The steps of a day as samples: (day, highest value, weight in minutes).
fn samples_of(row: &Day) -> impl Iterator<Item = (f64, f64, f64)> + '_ {
    let sample = |step: &Step| {
        (
            f64::from(row.day),
            step.highest,
            step.weight as f64 / 60_000.0,
        )
    };
    row.steps.iter().map(sample)
}

fn decayed(
    mut histogram: vpa::Histogram,
    samples: impl Iterator<Item = (f64, f64, f64)>,
) -> vpa::Histogram {
    for (day, value, weight) in samples {
        histogram.add(day, value, weight);
    }
    histogram
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::{day, days};
    use super::*;

    const CURRENT: Need = Need {
        vcpu: 4.0,
        mib: 4096.0,
    };

    fn sized(rule: Baseline, cpu: &History, memory: &History) -> Option<Need> {
        rule.size(&Observed {
            cpu,
            memory,
            current: CURRENT,
        })
    }

    /// Two weeks of 288 samples: 0.5 vCPU, and 2 vCPU in every twentieth; 1,000 MiB.
    fn fortnight() -> (History<'static>, History<'static>) {
        let cpu: Vec<f64> = (0..288)
            .map(|i| if i % 20 == 0 { 2.0 } else { 0.5 })
            .collect();
        let both = (0..14).map(|at| (day(at, &cpu), day(at, &[1000.0; 288])));
        let (cpu, memory): (Vec<_>, Vec<_>) = both.unzip();
        (cpu.into_iter().collect(), memory.into_iter().collect())
    }

    /// Within a bucket of what the exact samples give, and never more than `exact` when that is a peak.
    fn about(read: f64, exact: f64) {
        assert!((read / exact).ln().abs() < 0.051, "{read} for {exact}");
    }

    #[test]
    fn peak_rules_are_exact() {
        let (cpu, memory) = fortnight();
        let expected = [
            (Baseline::Kubecost, 2.0 / 0.7, 1000.0 / 0.7),
            (Baseline::TwicePeak, 4.0, 1500.0),
            (Baseline::CloudFix, 2.4, 1200.0),
            (Baseline::Current, 4.0, 4096.0),
        ];
        for (rule, vcpu, mib) in expected {
            let need = sized(rule, &cpu, &memory).unwrap();
            let same = (need.vcpu - vcpu).abs() < 1e-9 && (need.mib - mib).abs() < 1e-9;
            assert!(same, "{rule:?}: {need:?}");
        }
    }

    #[test]
    fn percentile_rules_are_within_a_bucket() {
        let (cpu, memory) = fortnight();
        // A twentieth and a little of the time is at 2 vCPU: above P95 and P96, not above P60.
        let expected = [
            (Baseline::KrrSimple, 2.0, 1150.0),
            (Baseline::KrrSimpleLimit, 2.0, 1150.0),
            (Baseline::KruizeCost, 0.5, 1200.0),
            (Baseline::KruizePerformance, 2.0, 1200.0),
            (Baseline::ComputeOptimizerProxy, 2.4, 1200.0),
            (
                Baseline::Vantage,
                (273.0 * 0.5 + 15.0 * 2.0) / 288.0 / 0.8,
                1250.0,
            ),
        ];
        for (rule, vcpu, mib) in expected {
            let need = sized(rule, &cpu, &memory).unwrap();
            about(need.vcpu, vcpu);
            assert!((need.mib - mib).abs() < 1e-9, "{rule:?}: {need:?}");
        }
    }

    #[test]
    fn kruize_takes_the_peak_of_less_than_a_core() {
        let memory = days(&[&[100.0; 200]]);
        let mut samples = [0.1; 200];
        samples[7] = 0.9;
        let need = sized(Baseline::KruizeCost, &days(&[&samples]), &memory).unwrap();
        assert!((need.vcpu - 0.9).abs() < 1e-9);
    }

    #[test]
    fn krr_asks_for_a_hundred_samples_and_keeps_its_floors() {
        let few = days(&[&[0.001; 99]]);
        assert_eq!(sized(Baseline::KrrSimple, &few, &few), None);
        let enough = days(&[&[0.001; 100]]);
        assert_eq!(
            sized(Baseline::KrrSimple, &enough, &enough),
            Some(Need {
                vcpu: 0.01,
                mib: 100.0
            })
        );
    }

    #[test]
    fn cloudfix_leaves_a_busy_workload_alone() {
        let busy = days(&[&[3.3; 200]]);
        let memory = days(&[&[100.0; 200]]);
        assert_eq!(sized(Baseline::CloudFix, &busy, &memory), Some(CURRENT));
    }

    #[test]
    fn vpa_and_crane_read_the_ends_of_their_buckets() {
        let (cpu, memory) = fortnight();
        // 0.5 lies in the bucket that ends at 0.511135.
        let vpa = sized(Baseline::VpaTarget, &cpu, &memory).unwrap();
        assert!((vpa.vcpu - 0.511_135 * 1.15).abs() < 1e-5, "{vpa:?}");
        // 1,000 MiB = 1.048576e9 bytes lie in bucket 37, which ends at 1,077,095,458 bytes.
        let mib = 1_077_095_458.0 / vpa::BYTES_PER_MIB * 1.15;
        assert!((vpa.mib - mib).abs() < 1e-3, "{vpa:?}");
        // Linear buckets of 0.1 core and 100 MiB: 2.0 falls into the one that ends at 2.1, 1,000 at 1,100.
        let crane = sized(Baseline::Crane, &cpu, &memory).unwrap();
        assert!((crane.vcpu - 2.1 * 1.15).abs() < 1e-6, "{crane:?}");
        assert!((crane.mib - 1100.0 * 1.15).abs() < 1e-6, "{crane:?}");
    }

    #[test]
    fn nothing_seen_gives_no_size() {
        let none = History::default();
        for rule in Baseline::ALL {
            let size = sized(rule, &none, &none);
            assert_eq!(size.is_some(), rule == Baseline::Current, "{rule:?}");
        }
    }
}
