//! Counts over fixed exponential buckets: mergeable over days, accounts and engines, and read with a known error.
//!
//! Bucket 0 holds everything up to `FIRST`; bucket `b ≥ 1` holds `(FIRST × 1.05^(b-1), FIRST × 1.05^b]`
//! up to floating-point rounding at the border. A percentile is reported as the upper end of its bucket,
//! so it is never too low and at most 5 % too high.

use std::collections::BTreeMap;

/// Each bucket ends 5 % above the one before.
pub const GROWTH: f64 = 1.05;
/// Upper end of the lowest CPU bucket, vCPU. Off round numbers, so that usual values do not sit on a border.
pub const FIRST_CPU_VCPU: f64 = 0.000_973;
/// Upper end of the lowest memory bucket, MiB.
pub const FIRST_MEMORY_MIB: f64 = 0.973;

/// Weighted counts per bucket. The weight is task-milliseconds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Histogram {
    first: f64,
    counts: BTreeMap<i32, i64>,
}

impl Histogram {
    /// An empty histogram whose lowest bucket ends at `first`.
    pub const fn new(first: f64) -> Self {
        Self {
            first,
            counts: BTreeMap::new(),
        }
    }

    /// Adds `weight` to `bucket`.
    pub fn add(&mut self, bucket: i32, weight: i64) {
        *self.counts.entry(bucket).or_default() += weight;
    }

    /// Adds `weight` at `value`.
    pub fn add_value(&mut self, value: f64, weight: i64) {
        self.add(self.bucket(value), weight);
    }

    /// Adds every count of `other`, which has the same buckets.
    pub fn merge(&mut self, other: &Self) {
        for (&bucket, &weight) in &other.counts {
            self.add(bucket, weight);
        }
    }

    /// The bucket of `value`.
    pub fn bucket(&self, value: f64) -> i32 {
        if value <= self.first {
            return 0;
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a logarithm of a finite number is small"
        )]
        let bucket = ((value / self.first).ln() / GROWTH.ln()).ceil() as i32;
        bucket
    }

    /// Upper end of `bucket`.
    pub fn upper_end(&self, bucket: i32) -> f64 {
        self.first * GROWTH.powi(bucket)
    }

    /// Sum of all weights.
    pub fn total(&self) -> i64 {
        self.counts.values().sum()
    }

    /// Upper end of the first bucket at which `percentile` (0–100) of the weight is reached; `None` when empty.
    pub fn percentile(&self, percentile: f64) -> Option<f64> {
        let total = self.total();
        if total <= 0 {
            return None;
        }
        let wanted = percentile / 100.0 * total as f64;
        let mut seen = 0;
        for (&bucket, &weight) in &self.counts {
            seen += weight;
            if seen as f64 >= wanted {
                return Some(self.upper_end(bucket));
            }
        }
        self.counts
            .keys()
            .next_back()
            .map(|&bucket| self.upper_end(bucket))
    }

    /// Counts by bucket, lowest first.
    pub fn counts(&self) -> impl Iterator<Item = (i32, i64)> + '_ {
        self.counts
            .iter()
            .map(|(&bucket, &weight)| (bucket, weight))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_never_low_and_at_most_five_percent_high() {
        let mut histogram = Histogram::new(FIRST_CPU_VCPU);
        (1..=1000).for_each(|i| histogram.add_value(f64::from(i) / 100.0, 1));
        for percentile in [1.0, 50.0, 90.0, 99.0, 100.0] {
            let exact = percentile / 10.0;
            let read = histogram.percentile(percentile).unwrap();
            assert!(
                read >= exact * 0.999_999 && read <= exact * 1.050_001,
                "{percentile}: {read} for {exact}"
            );
        }
    }

    #[test]
    fn merging_equals_counting_together() {
        let (mut whole, mut left, mut right) = (
            Histogram::new(1.0),
            Histogram::new(1.0),
            Histogram::new(1.0),
        );
        for i in 0..100 {
            whole.add_value(f64::from(i), 3);
            if i % 2 == 0 {
                left.add_value(f64::from(i), 3);
            } else {
                right.add_value(f64::from(i), 3);
            }
        }
        left.merge(&right);
        assert_eq!(left, whole);
    }

    #[test]
    fn an_empty_histogram_has_no_percentile() {
        assert_eq!(Histogram::new(1.0).percentile(99.0), None);
    }
}
