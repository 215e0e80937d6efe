//! What a workload used and how it ran, as the result carries it.

use super::result::{
    DayUsage, OutOfMemoryResult, ResourceUsage, RunLengthClass, RunsResult, UsageBucket,
    UsageResult,
};
use crate::demand::histogram::Histogram;
use crate::demand::{Demand, RUN_LENGTHS_S, Runs, Usage};
use crate::model::units::MS_PER_DAY;

/// Ranges of a histogram that a reader can tell apart.
const MOST_BUCKETS: usize = 24;

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
    let at_percentile = usage.percentile(percentile);
    ResourceUsage {
        unit,
        mean: usage.mean.map(rounded),
        percentile,
        at_percentile: at_percentile.map(|value| rounded(value.min(usage.max))),
        max: rounded(usage.max),
        samples: usage.samples,
        period_s: usage.period_s,
        days: usage.daily_max.iter().map(of_day).collect(),
        histogram: buckets(&usage.histogram),
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
fn buckets(histogram: &Histogram) -> Vec<UsageBucket> {
    let total = histogram.total();
    if total <= 0 {
        return Vec::new();
    }
    let steps = histogram.steps();
    let joined = steps.chunks(steps.len().div_ceil(MOST_BUCKETS));
    joined
        .filter_map(|steps| {
            let weight_ms: i64 = steps.iter().map(|step| step.weight_ms).sum();
            Some(UsageBucket {
                up_to: rounded(steps.last()?.max),
                share_percent: rounded(weight_ms as f64 / total as f64 * 100.0),
            })
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
        by_length: by_length(runs),
    }
}

/// From the first class with a run to the last.
fn by_length(runs: &Runs) -> Vec<RunLengthClass> {
    let ends = RUN_LENGTHS_S.iter().copied().map(Some).chain([None]);
    let classes = ends
        .zip(runs.by_length)
        .map(|(up_to_s, runs)| RunLengthClass { up_to_s, runs });
    let mut classes: Vec<RunLengthClass> = classes.skip_while(|class| class.runs == 0).collect();
    while classes.pop_if(|class| class.runs == 0).is_some() {}
    classes
}

/// Kills, one entry per container and limit.
pub(super) fn of_kills(demand: &Demand) -> Vec<OutOfMemoryResult> {
    let kills = demand.out_of_memory.iter();
    kills
        .map(|kills| OutOfMemoryResult {
            container: kills.container.clone(),
            kills: kills.count,
            limit_mib: kills.limit_mib,
            is_of_task: kills.is_of_task,
        })
        .collect()
}

fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demand::histogram::{Bucket, EDGES};

    fn histogram(values: impl Iterator<Item = f64>) -> Histogram {
        Histogram::of(values.map(|max| {
            let bucket = EDGES.partition_point(|edge| *edge < max);
            let bucket = Bucket {
                bucket: u16::try_from(bucket).unwrap(),
                weight_ms: 60_000,
                samples: 1,
                period_s: 60,
                max,
            };
            (1.0, bucket)
        }))
    }

    #[test]
    fn a_long_histogram_is_joined_and_its_shares_add_up() {
        let joined = buckets(&histogram((1..=4000).map(|step| f64::from(step) / 1000.0)));
        assert!(joined.len() <= 24, "{}", joined.len());
        let sum: f64 = joined.iter().map(|bucket| bucket.share_percent).sum();
        assert!((sum - 100.0).abs() < 0.001, "{sum}");
        assert!(joined.windows(2).all(|pair| pair[0].up_to < pair[1].up_to));
        let last = joined.last().map(|last| last.up_to);
        assert!(last.is_some_and(|last| (last - 4.0).abs() < 1e-9));
    }

    #[test]
    fn one_value_is_one_bucket_and_nothing_is_none() {
        assert!(buckets(&histogram(std::iter::empty())).is_empty());
        assert_eq!(buckets(&histogram(std::iter::once(0.5))).len(), 1);
        assert_eq!(day_name(20_000), "2024-10-04");
    }
}
