//! Use of one resource by one task or build: rows per day, and the sums that a window makes of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::histogram::{Bucket, Histogram};
use crate::dataset::schema::Metric;
use crate::model::units::TaskSize;

/// Which resource a sample is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// Processor.
    Cpu,
    /// Memory.
    Memory,
}

impl Resource {
    /// The resource that `metric` measures; `None` for what is not sized.
    pub const fn of(metric: Metric) -> Option<Self> {
        match metric {
            Metric::CpuPercent | Metric::CpuUnits | Metric::CpuVcpu => Some(Self::Cpu),
            Metric::MemoryPercent | Metric::MemoryMib => Some(Self::Memory),
            Metric::NetworkReceived | Metric::NetworkSent => None,
        }
    }
}

/// What one unit of `metric` makes in vCPU or MiB with `size` in force; `None` for a share of a size not known.
pub fn factor(metric: Metric, size: Option<TaskSize>) -> Option<f64> {
    match metric {
        Metric::CpuPercent => size.map(|size| size.vcpu() / 100.0),
        Metric::CpuUnits => Some(1.0 / 1024.0),
        Metric::CpuVcpu | Metric::MemoryMib | Metric::NetworkReceived | Metric::NetworkSent => {
            Some(1.0)
        }
        Metric::MemoryPercent => size.map(|size| f64::from(size.memory_mib) / 100.0),
    }
}

/// What was used on one UTC day, as one metric tells it, with one size in force.
#[derive(Debug, Clone, PartialEq)]
pub struct DayUsage {
    /// Days since the epoch.
    pub day: i32,
    /// What was measured.
    pub metric: Metric,
    /// The size in force; a day in which it changed has a row per size.
    pub size: Option<TaskSize>,
    /// What one unit of the metric makes in vCPU or MiB.
    pub factor: f64,
    /// Time by value, in the metric's own unit, ordered.
    pub buckets: Vec<Bucket>,
    /// Σ value × task-milliseconds of the periods' averages, in the metric's own unit.
    pub sum_ms: i64,
    /// Number of samples.
    pub samples: i64,
    /// Longest period among them, seconds.
    pub period_s: i64,
    /// Beginning of the first sample.
    pub first_ms: i64,
    /// Beginning of the last sample.
    pub last_ms: i64,
}

impl DayUsage {
    /// Task-milliseconds.
    pub fn weight_ms(&self) -> i64 {
        self.buckets.iter().map(|bucket| bucket.weight_ms).sum()
    }

    /// The highest sample, vCPU or MiB.
    pub fn max(&self) -> f64 {
        let max = self.buckets.last().map_or(0.0, |bucket| bucket.max);
        max * self.factor
    }

    /// Task-time-weighted mean, vCPU or MiB.
    pub fn mean(&self) -> Option<f64> {
        mean(std::slice::from_ref(self))
    }

    /// The day's time by value, vCPU or MiB.
    pub fn histogram(&self) -> Histogram {
        Histogram::of(self.buckets.iter().map(|bucket| (self.factor, *bucket)))
    }
}

/// What one run used on one UTC day.
#[derive(Debug, Clone, PartialEq)]
pub struct RunDay {
    /// Task id or build id.
    pub run: Arc<str>,
    /// Days since the epoch.
    pub day: i32,
    /// The highest sample, vCPU or MiB.
    pub max: f64,
    /// Task-milliseconds.
    pub weight_ms: i64,
    /// Σ value × task-milliseconds of the periods' averages, in thousandths of a vCPU or a MiB.
    pub used_ms: i64,
    /// Number of samples.
    pub samples: i64,
}

/// Use of one resource by one task or build: the sum of its days.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Usage {
    /// What was used on each day, in order.
    pub days: Vec<DayUsage>,
    /// What each run used on each day, by run; empty where samples are not of single runs.
    pub runs: Vec<RunDay>,
    /// Task-milliseconds by value.
    pub histogram: Histogram,
    /// The highest sample.
    pub max: f64,
    /// Task-time-weighted mean, from the periods' averages.
    pub mean: Option<f64>,
    /// The highest sample of each UTC day (days since the epoch).
    pub daily_max: BTreeMap<i32, f64>,
    /// Number of samples.
    pub samples: i64,
    /// Longest period among them, seconds.
    pub period_s: i64,
    /// Beginning of the first sample.
    pub first_ms: i64,
    /// Beginning of the last sample.
    pub last_ms: i64,
}

impl Usage {
    /// The sum of `days` and `runs`, in whatever order; rows of the same day, metric and size are added up.
    pub fn of(days: Vec<DayUsage>, mut runs: Vec<RunDay>) -> Self {
        let days = merged(days);
        runs.sort_by(|a, b| (&a.run, a.day).cmp(&(&b.run, b.day)));
        runs.dedup_by(|next, run| {
            let is_same = (&next.run, next.day) == (&run.run, run.day);
            if is_same {
                run.add(next);
            }
            is_same
        });
        let counts = days
            .iter()
            .flat_map(|day| day.buckets.iter().map(|bucket| (day.factor, *bucket)));
        let histogram = Histogram::of(counts);
        let mut daily_max = BTreeMap::new();
        for day in &days {
            let highest = daily_max.entry(day.day).or_insert(0.0_f64);
            *highest = highest.max(day.max());
        }
        Self {
            max: days.iter().map(DayUsage::max).fold(0.0, f64::max),
            mean: mean(&days),
            daily_max,
            samples: days.iter().map(|day| day.samples).sum(),
            period_s: days.iter().map(|day| day.period_s).max().unwrap_or(0),
            first_ms: days
                .iter()
                .map(|day| day.first_ms)
                .min()
                .unwrap_or(i64::MAX),
            last_ms: days.iter().map(|day| day.last_ms).max().unwrap_or(i64::MIN),
            histogram,
            days,
            runs,
        }
    }

    /// The use of the days from `first` to before `end` (days since the epoch).
    #[must_use]
    pub fn between(&self, first: i32, end: i32) -> Self {
        let is_in = |day: i32| (first..end).contains(&day);
        let days = self.days.iter().filter(|day| is_in(day.day)).cloned();
        let runs = self.runs.iter().filter(|run| is_in(run.day)).cloned();
        Self::of(days.collect(), runs.collect())
    }

    /// The mean of each run's samples, vCPU or MiB, by run; empty where samples are not of single runs.
    pub(super) fn means_of_runs(&self) -> impl Iterator<Item = (&str, f64)> {
        let runs = self.runs.chunk_by(|a, b| a.run == b.run);
        runs.map(|days| {
            let used_ms: i64 = days.iter().map(|day| day.used_ms).sum();
            let weight_ms: i64 = days.iter().map(|day| day.weight_ms).sum();
            let mean = used_ms as f64 / 1000.0 / weight_ms.max(1) as f64;
            (&*days[0].run, mean)
        })
    }

    /// The same of a whole that makes `factor`: shares of a machine as its vCPU.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        let scale = |day: DayUsage| DayUsage {
            factor: day.factor * factor,
            ..day
        };
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        let of_run = |run: RunDay| RunDay {
            max: run.max * factor,
            used_ms: (run.used_ms as f64 * factor).round() as i64,
            ..run
        };
        Self::of(
            self.days.into_iter().map(scale).collect(),
            self.runs.into_iter().map(of_run).collect(),
        )
    }
}

/// The days in order, those of the same metric and size as one.
fn merged(mut days: Vec<DayUsage>) -> Vec<DayUsage> {
    let key = |day: &DayUsage| (day.day, day.metric, day.size);
    // Rows that are merged are sums of integers and maxima: their order does not matter.
    days.sort_by_key(key);
    let mut merged: Vec<DayUsage> = Vec::with_capacity(days.len());
    for day in days {
        match merged.last_mut() {
            Some(known) if key(known) == key(&day) => known.add(day),
            _ => merged.push(day),
        }
    }
    merged
}

impl RunDay {
    /// Adds more of the same run.
    pub(super) fn add(&mut self, other: &Self) {
        self.max = self.max.max(other.max);
        self.weight_ms += other.weight_ms;
        self.used_ms += other.used_ms;
        self.samples += other.samples;
    }

    /// The mean of its samples, vCPU or MiB.
    pub(super) fn mean(&self) -> f64 {
        self.used_ms as f64 / 1000.0 / self.weight_ms.max(1) as f64
    }
}

impl DayUsage {
    /// Adds another row of the same day, metric and size.
    fn add(&mut self, other: Self) {
        self.buckets.extend(other.buckets);
        self.buckets.sort_by_key(|bucket| bucket.bucket);
        self.buckets.dedup_by(|next, bucket| {
            let is_same = next.bucket == bucket.bucket;
            if is_same {
                bucket.merge(next);
            }
            is_same
        });
        self.sum_ms += other.sum_ms;
        self.samples += other.samples;
        self.period_s = self.period_s.max(other.period_s);
        self.first_ms = self.first_ms.min(other.first_ms);
        self.last_ms = self.last_ms.max(other.last_ms);
    }
}

/// Sums over integers, one product per factor at the end.
fn mean(days: &[DayUsage]) -> Option<f64> {
    let mut sums: BTreeMap<u64, i128> = BTreeMap::new();
    for day in days {
        *sums.entry(day.factor.to_bits()).or_default() += i128::from(day.sum_ms);
    }
    let weight_ms: i128 = days.iter().map(|day| i128::from(day.weight_ms())).sum();
    let of_factor = |(factor, sum): (u64, i128)| sum as f64 * f64::from_bits(factor);
    (weight_ms > 0).then(|| sums.into_iter().map(of_factor).sum::<f64>() / weight_ms as f64)
}
