//! What a workload used and how it ran, as the result carries it.

use super::result::{
    DayUsage, OutOfMemoryResult, ResourceUsage, RunsResult, UsageBucket, UsageResult,
};
use crate::demand::histogram::Histogram;
use crate::demand::{Demand, Runs, Usage};
use crate::model::units::MS_PER_DAY;

/// Ranges of a histogram that a reader can tell apart.
const MOST_BUCKETS: i32 = 24;

/// Both resources; CPU is read at `cpu_percentile`, memory at its peak.
pub(super) fn of_usage(demand: &Demand, cpu_percentile: f64) -> UsageResult {
    let of = |usage: &Option<Usage>, unit, percentile| {
        usage
            .as_ref()
            .map(|usage| of_resource(usage, unit, percentile))
    };
    UsageResult {
        cpu: of(&demand.cpu, "vCPU", cpu_percentile),
        memory: of(&demand.memory, "MiB", 100.0),
    }
}

fn of_resource(usage: &Usage, unit: &'static str, percentile: f64) -> ResourceUsage {
    let at_percentile = usage.histogram.percentile(percentile);
    ResourceUsage {
        unit,
        mean: usage.mean.map(rounded),
        percentile,
        at_percentile: at_percentile.map(|value| rounded(value.min(usage.max))),
        max: rounded(usage.max),
        samples: usage.samples,
        period_s: usage.period_s,
        days: usage.daily_max.iter().map(of_day).collect(),
        histogram: buckets(&usage.histogram, usage.max),
    }
}

fn of_day((day, max): (&i32, &f64)) -> DayUsage {
    DayUsage {
        day: day_name(*day),
        max: rounded(*max),
    }
}

/// Days since the epoch as a date.
fn day_name(day: i32) -> String {
    jiff::Timestamp::from_millisecond(i64::from(day) * MS_PER_DAY)
        .unwrap_or_default()
        .strftime("%Y-%m-%d")
        .to_string()
}

/// Neighbouring buckets joined until few enough are left; the last one ends at the highest sample.
fn buckets(histogram: &Histogram, max: f64) -> Vec<UsageBucket> {
    let total = histogram.total();
    let indices = || histogram.counts().map(|(bucket, _)| bucket);
    let (Some(first), Some(last)) = (indices().min(), indices().max()) else {
        return Vec::new();
    };
    if total <= 0 {
        return Vec::new();
    }
    let joined = (last - first) / MOST_BUCKETS + 1;
    let mut weights = vec![0_i64; usize::try_from((last - first) / joined).unwrap_or(0) + 1];
    for (bucket, weight) in histogram.counts() {
        let at = usize::try_from((bucket - first) / joined).unwrap_or(0);
        if let Some(sum) = weights.get_mut(at) {
            *sum += weight;
        }
    }
    (0..)
        .zip(weights)
        .map(|(at, weight)| UsageBucket {
            up_to: rounded(
                histogram
                    .upper_end(first + (at + 1) * joined - 1)
                    .min(max.max(histogram.upper_end(first))),
            ),
            share_percent: rounded(weight as f64 / total as f64 * 100.0),
        })
        .collect()
}

/// What is known of the runs.
pub(super) fn of_runs(runs: &Runs) -> RunsResult {
    let seconds = |ms: Option<i64>| ms.map(|ms| ms as f64 / 1000.0);
    RunsResult {
        count: runs.count,
        open: runs.open,
        median_s: seconds(runs.median_ms),
        longest_s: seconds(runs.longest_ms),
    }
}

/// Kills at the memory of the task, if there were any; those at a container's own limit are told apart.
pub(super) fn of_kills(demand: &Demand) -> Option<OutOfMemoryResult> {
    let of_task = || demand.out_of_memory.iter().filter(|kill| kill.is_of_task);
    Some(OutOfMemoryResult {
        kills: of_task().map(|kill| kill.count).sum(),
        limit_mib: of_task().filter_map(|kill| kill.limit_mib).max()?,
    })
}

fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demand::histogram::FIRST_CPU_VCPU;

    #[test]
    fn a_long_histogram_is_joined_and_its_shares_add_up() {
        let mut histogram = Histogram::new(FIRST_CPU_VCPU);
        (1..=4000).for_each(|step| histogram.add_value(f64::from(step) / 1000.0, 60_000));
        let joined = buckets(&histogram, 4.0);
        assert!(joined.len() <= 25, "{}", joined.len());
        let sum: f64 = joined.iter().map(|bucket| bucket.share_percent).sum();
        assert!((sum - 100.0).abs() < 0.001, "{sum}");
        assert!(joined.windows(2).all(|pair| pair[0].up_to < pair[1].up_to));
        assert!(
            joined
                .last()
                .is_some_and(|last| (last.up_to - 4.0).abs() < 1e-9)
        );
    }

    #[test]
    fn one_value_is_one_bucket_and_nothing_is_none() {
        let mut histogram = Histogram::new(FIRST_CPU_VCPU);
        assert!(buckets(&histogram, 0.0).is_empty());
        histogram.add_value(0.5, 1);
        assert_eq!(buckets(&histogram, 0.5).len(), 1);
        assert_eq!(day_name(20_000), "2024-10-04");
    }
}
