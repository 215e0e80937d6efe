//! What was seen of one resource, one row per UTC day: all that sizing and replaying look at, never samples.

use std::borrow::Cow;

use crate::demand::usage::DayUsage;
use crate::demand::{Usage, histogram};

/// How finely a workload was sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Period {
    /// At most a minute.
    #[default]
    Minute,
    /// At most five minutes.
    FiveMinutes,
    /// More.
    Longer,
}

impl Period {
    /// The class of the longest period among the samples.
    pub const fn of(seconds: i64) -> Self {
        match seconds {
            ..=60 => Self::Minute,
            61..=300 => Self::FiveMinutes,
            _ => Self::Longer,
        }
    }
}

/// Time spent between two values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Everything in it is above this.
    pub above: f64,
    /// The highest value in it.
    pub highest: f64,
    /// Task-milliseconds; for runs, one each.
    pub weight: i64,
}

/// One UTC day of one resource, in vCPU or MiB.
#[derive(Debug, Clone, PartialEq)]
pub struct Day {
    /// Days since the epoch.
    pub day: i32,
    /// Time by the periods' maxima.
    pub steps: Vec<Step>,
    /// Task-time-weighted mean, where the source has one.
    pub mean: Option<f64>,
    /// Number of samples.
    pub samples: i64,
    /// Some are maxima over so long that their median says little of what was used for half of the time.
    pub is_coarse: bool,
}

/// Consecutive or not, but in order and one row per day: days of its own, or some of another one's.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History<'a> {
    days: Cow<'a, [Day]>,
}

impl Day {
    /// A row of a usage's days; a day has one per metric and size.
    fn of_row(row: &DayUsage) -> Self {
        let step = |step: &histogram::Step| Step {
            above: step.above,
            highest: step.max,
            weight: step.weight_ms,
        };
        Self {
            day: row.day,
            steps: row.histogram().steps().iter().map(step).collect(),
            mean: row.mean(),
            samples: row.samples,
            is_coarse: Period::of(row.period_s) == Period::Longer,
        }
    }

    /// What the samples are at or above for half of the time, never more than finer samples would say.
    ///
    /// Of maxima over an hour the median is far above that of minutes. Mean and maximum of a day are the same either way,
    /// and values of that mean and maximum are at least `2 mean - max` for half of the time (Markov's inequality).
    fn median(&self) -> Option<f64> {
        let median = interpolated(&self.steps, 50.0)?;
        let least = self.mean.map_or(0.0, |mean| 2.0 * mean - self.max());
        Some(if self.is_coarse {
            median.min(least.max(0.0))
        } else {
            median
        })
    }

    /// Task time of the day, milliseconds.
    pub fn weight(&self) -> i64 {
        self.steps.iter().map(|step| step.weight).sum()
    }

    /// The highest sample; 0 without any.
    pub fn max(&self) -> f64 {
        let highest = self.steps.iter().map(|step| step.highest);
        highest.fold(0.0, f64::max)
    }

    /// Both parts of one day.
    fn merge(&mut self, other: &Self) {
        let (own, others) = (self.weight() as f64, other.weight() as f64);
        self.mean = match (self.mean, other.mean) {
            (Some(a), Some(b)) if own + others > 0.0 => {
                Some((a * own + b * others) / (own + others))
            }
            (a, b) => a.or(b),
        };
        self.steps = merged([&*self.steps, &*other.steps].concat());
        self.samples += other.samples;
        self.is_coarse |= other.is_coarse;
    }
}

/// Steps that begin at the same value added up, in order of their highest.
fn merged(steps: Vec<Step>) -> Vec<Step> {
    let ends = |step: &Step| (step.above, step.highest);
    histogram::added_up(steps, ends, |step, next| {
        step.highest = step.highest.max(next.highest);
        step.weight += next.weight;
    })
}

impl FromIterator<Day> for History<'_> {
    /// Rows in any order; several of one day are added up.
    fn from_iter<I: IntoIterator<Item = Day>>(rows: I) -> Self {
        let mut rows: Vec<Day> = rows.into_iter().collect();
        rows.sort_by_key(|row| row.day);
        let mut days: Vec<Day> = Vec::with_capacity(rows.len());
        for row in rows {
            match days.last_mut() {
                Some(last) if last.day == row.day => last.merge(&row),
                _ => days.push(row),
            }
        }
        Self { days: days.into() }
    }
}

impl History<'_> {
    /// All days of a usage.
    pub fn of(usage: &Usage) -> Self {
        usage.days.iter().map(Day::of_row).collect()
    }

    /// How many independent days these are worth: fewer where a day's peak resembles the day's before.
    ///
    /// `n / (1 + 2 Σ ρ)` over the autocorrelations of the daily peaks up to the first that is not positive.
    pub fn effective_days(&self) -> f64 {
        let peaks: Vec<f64> = self.days.iter().map(Day::max).collect();
        let count = peaks.len() as f64;
        let mean = peaks.iter().sum::<f64>() / count;
        let product = |lag: usize| -> f64 {
            let later = peaks.iter().skip(lag);
            let pairs = peaks.iter().zip(later);
            pairs.map(|(a, b)| (a - mean) * (b - mean)).sum()
        };
        let variance = product(0);
        if variance <= 0.0 || !variance.is_finite() {
            return count;
        }
        let correlations = (1..peaks.len()).map(|lag| product(lag) / variance);
        let sum: f64 = correlations.take_while(|rho| *rho > 0.0).sum();
        (count / (1.0 + 2.0 * sum)).clamp(1.0_f64.min(count), count)
    }

    /// The rows, in order of days.
    pub fn days(&self) -> &[Day] {
        &self.days
    }

    /// The rows from day `from` up to, not including, day `to`.
    #[must_use]
    pub fn between(&self, from: i32, to: i32) -> History<'_> {
        let first = self.days.partition_point(|row| row.day < from);
        let end = self.days.partition_point(|row| row.day < to);
        History {
            days: self.days.get(first..end).unwrap_or_default().into(),
        }
    }

    /// The last `count` days before `to`, with or without samples.
    #[must_use]
    pub fn last_days(&self, count: i32, to: i32) -> History<'_> {
        self.between(to.saturating_sub(count), to)
    }

    /// Both histories, days added up.
    #[must_use]
    pub fn merge(&self, other: &History<'_>) -> History<'static> {
        self.days.iter().chain(&*other.days).cloned().collect()
    }

    /// First and last day with samples.
    pub fn span(&self) -> Option<(i32, i32)> {
        Some((self.days.first()?.day, self.days.last()?.day))
    }

    /// Samples of all days.
    pub fn samples(&self) -> i64 {
        self.days.iter().map(|row| row.samples).sum()
    }

    /// Task-milliseconds of all days.
    pub fn weight(&self) -> i64 {
        self.days.iter().map(Day::weight).sum()
    }

    /// The highest sample; `None` without any.
    pub fn max(&self) -> Option<f64> {
        self.daily_max(1)
    }

    /// The `nth` largest (from 1) of the days' highest samples, the smallest of them where there are fewer days.
    pub fn daily_max(&self, nth: usize) -> Option<f64> {
        nth_largest(self.days.iter().map(Day::max).collect(), nth)
    }

    /// The mean over all task time, where every day has one.
    pub fn mean(&self) -> Option<f64> {
        let weight = self.weight();
        let sums: Option<f64> = self
            .days
            .iter()
            .map(|row| Some(row.mean? * row.weight() as f64))
            .sum();
        sums.filter(|_| weight > 0).map(|sum| sum / weight as f64)
    }

    /// The `percentile` (0–100) over all task time, interpolated within its step.
    pub fn percentile(&self, percentile: f64) -> Option<f64> {
        let [value] = self.percentiles([percentile])?;
        Some(value)
    }

    /// The same for several ones at once.
    pub fn percentiles<const N: usize>(&self, percentiles: [f64; N]) -> Option<[f64; N]> {
        let steps: Vec<&[Step]> = self.days.iter().map(|row| &*row.steps).collect();
        let steps = merged(steps.concat());
        let mut values = [0.0; N];
        for (value, percentile) in values.iter_mut().zip(percentiles) {
            *value = interpolated(&steps, percentile)?;
        }
        Some(values)
    }

    /// The largest of the days' own percentiles.
    pub fn highest_daily_percentile(&self, percentile: f64) -> Option<f64> {
        self.daily_percentile(percentile, 1)
    }

    /// The `nth` largest (from 1) of the days' own percentiles, the smallest of them where there are fewer days.
    pub fn daily_percentile(&self, percentile: f64, nth: usize) -> Option<f64> {
        let each = self
            .days
            .iter()
            .filter_map(|row| interpolated(&row.steps, percentile));
        nth_largest(each.collect(), nth)
    }

    /// The `nth` largest (from 1) of the days' medians, the smallest of them where there are fewer days.
    pub fn daily_median(&self, nth: usize) -> Option<f64> {
        nth_largest(self.days.iter().filter_map(Day::median).collect(), nth)
    }

    /// What is used above `size`: amount times task-milliseconds; of a step that `size` cuts, the part above it.
    pub fn amount_above(&self, size: f64) -> f64 {
        let steps = self.days.iter().flat_map(|row| &row.steps);
        let above = steps.map(|step| {
            let middle = f64::midpoint(step.highest, step.above.max(size));
            step.part_above(size) * step.weight as f64 * (middle - size)
        });
        above.sum()
    }

    /// Share (0–1) of the task time with a sample above `size`; of a step that `size` cuts, the part above it.
    pub fn share_above(&self, size: f64) -> f64 {
        let total = self.weight();
        if total <= 0 {
            return 0.0;
        }
        let steps = self.days.iter().flat_map(|row| &row.steps);
        let above: f64 = steps
            .map(|step| step.part_above(size) * step.weight as f64)
            .sum();
        above / total as f64
    }
}

impl Step {
    /// How much of it (0–1) is above `size`, its values taken as evenly spread.
    fn part_above(&self, size: f64) -> f64 {
        if size >= self.highest {
            0.0
        } else if size <= self.above {
            1.0
        } else {
            (self.highest - size) / (self.highest - self.above)
        }
    }
}

/// A percentile of steps ordered by their highest value, its place within its step taken as even.
fn interpolated(steps: &[Step], percentile: f64) -> Option<f64> {
    let total: i64 = steps.iter().map(|step| step.weight).sum();
    let wanted = percentile / 100.0 * total as f64;
    let mut below = 0.0;
    for step in steps.iter().filter(|step| step.weight > 0) {
        let weight = step.weight as f64;
        if below + weight >= wanted {
            let along = ((wanted - below) / weight).clamp(0.0, 1.0);
            return Some(step.above + (step.highest - step.above) * along);
        }
        below += weight;
    }
    steps.last().map(|step| step.highest)
}

fn nth_largest(mut values: Vec<f64>, nth: usize) -> Option<f64> {
    values.sort_by(|a, b| b.total_cmp(a));
    values.get(nth.max(1) - 1).or(values.last()).copied()
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use crate::dataset::schema::Metric;

    use super::*;

    /// The steps' ends are this much apart.
    const GROWTH: f64 = 1.05;

    /// One day of samples of five minutes each.
    pub(crate) fn day(day: i32, values: &[f64]) -> Day {
        let step = |&value: &f64| {
            let above = if value > 0.001 {
                0.001 * GROWTH.powf((value / 0.001).log(GROWTH).ceil() - 1.0)
            } else {
                0.0
            };
            Step {
                above: above.min(value),
                highest: value,
                weight: 300_000,
            }
        };
        let steps: Vec<Step> = values.iter().map(step).collect();
        Day {
            day,
            steps: merged(steps),
            mean: Some(values.iter().sum::<f64>() / values.len() as f64),
            samples: i64::try_from(values.len()).unwrap(),
            is_coarse: false,
        }
    }

    /// The same day as maxima over `many` samples each.
    pub(crate) fn coarser(day: i32, values: &[f64], many: usize) -> Day {
        let maxima: Vec<f64> = values
            .chunks(many)
            .map(|chunk| chunk.iter().copied().fold(0.0, f64::max))
            .collect();
        Day {
            mean: Some(values.iter().sum::<f64>() / values.len() as f64),
            is_coarse: true,
            ..self::day(day, &maxima)
        }
    }

    pub(crate) fn days(values: &[&[f64]]) -> History<'static> {
        let rows = (0..).zip(values).map(|(at, values)| day(at, values));
        rows.collect()
    }

    #[test]
    fn the_nth_largest_day_counts_days_not_samples() {
        let history = days(&[&[10.0, 90.0, 95.0], &[50.0], &[70.0, 1.0]]);
        let highest: Vec<_> = (1..=4).filter_map(|nth| history.daily_max(nth)).collect();
        assert_eq!(highest, [95.0, 70.0, 50.0, 50.0]);
    }

    #[test]
    fn a_percentile_is_within_a_bucket_of_the_exact_one() {
        let values: Vec<f64> = (1..=1000).map(f64::from).collect();
        let history = days(&[&values]);
        for percentile in [1.0, 50.0, 95.0, 99.0, 99.5, 100.0] {
            let (exact, read) = (percentile * 10.0, history.percentile(percentile).unwrap());
            assert!((read / exact).ln().abs() < 0.05, "{percentile}: {read}");
        }
    }

    #[test]
    fn nothing_is_above_the_highest_sample_and_everything_above_nothing() {
        let history = days(&[&[10.0, 20.0, 30.0, 40.0]]);
        assert!(history.share_above(40.0) < 1e-12);
        assert!((history.share_above(0.0) - 1.0).abs() < 1e-12);
        assert!((history.share_above(25.0) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn what_is_used_above_a_size_is_postponed() {
        // Two samples of five minutes at 3 and 5, size 2: (1 + 3) x 300,000; a bucket is 5 % wide, its middle up to 2.5 % low.
        let above = days(&[&[1.0, 3.0, 5.0]]).amount_above(2.0);
        assert!((0.9..=1.0).contains(&(above / 1_200_000.0)), "{above}");
        assert!(days(&[&[1.0, 3.0]]).amount_above(3.0).abs() < 1e-9);
    }

    #[test]
    fn days_that_resemble_each_other_are_worth_fewer() {
        // Peaks 1 1 1 1 3 3 3 3: mean 2, deviations of 1; lag 1: (3 + 3 - 1) / 8, lag 2: (2 + 2 - 2) / 8, lag 3: -1 / 8.
        let blocks = [1.0, 1.0, 1.0, 1.0, 3.0, 3.0, 3.0, 3.0].map(|peak| vec![peak]);
        let rows: Vec<&[f64]> = blocks.iter().map(Vec::as_slice).collect();
        let expected = 8.0 / (1.0 + 2.0 * (5.0 / 8.0 + 2.0 / 8.0));
        assert!((days(&rows).effective_days() - expected).abs() < 1e-9);
        let row: &[f64] = &[2.0];
        assert!((days(&[row; 14]).effective_days() - 14.0).abs() < 1e-12);
    }

    #[test]
    fn an_empty_history_knows_nothing() {
        let none = History::default();
        assert_eq!(
            (none.max(), none.percentile(99.0), none.mean()),
            (None, None, None)
        );
        assert!(none.share_above(1.0).abs() < 1e-12);
    }

    fn some_days() -> impl Strategy<Value = History<'static>> {
        let samples = prop::collection::vec(1.0..9999.0_f64, 1..20);
        let row = (0..20, samples).prop_map(|(at, values)| day(at, &values));
        prop::collection::vec(row, 1..12).prop_map(|rows| rows.into_iter().collect())
    }

    /// Days of minutes as a reduction makes them.
    fn reduced(minutes: &[(i64, f64)]) -> Usage {
        let at = |(minute, value): &(i64, f64)| (minute * 60_000, *value);
        super::super::fixtures::usage_of(Metric::CpuVcpu, minutes.iter().map(at))
    }

    fn some_minutes() -> impl Strategy<Value = Vec<(i64, f64)>> {
        prop::collection::vec((0..6 * 1440_i64, 0.01..8.0_f64), 1..60)
    }

    proptest! {
        #[test]
        fn the_history_of_a_union_is_the_merge_of_the_histories(a in some_minutes(), b in some_minutes()) {
            let both = History::of(&reduced(&[a.clone(), b.clone()].concat()));
            let merged = History::of(&reduced(&a)).merge(&History::of(&reduced(&b)));
            for percentile in [50.0, 99.5, 100.0] {
                prop_assert_eq!(both.percentile(percentile), merged.percentile(percentile));
            }
            prop_assert_eq!((both.weight(), both.samples(), both.max()), (merged.weight(), merged.samples(), merged.max()));
        }

        #[test]
        fn merging_does_not_depend_on_the_order(a in some_days(), b in some_days()) {
            let (ab, ba) = (a.merge(&b), b.merge(&a));
            prop_assert_eq!(ab.max(), ba.max());
            prop_assert_eq!(ab.percentile(99.0), ba.percentile(99.0));
            prop_assert_eq!((ab.samples(), ab.weight()), (ba.samples(), ba.weight()));
        }

        #[test]
        fn a_bucket_above_a_percentile_no_more_than_the_rest_remains(history in some_days(), percentile in 1.0..99.0_f64) {
            let size = history.percentile(percentile).unwrap();
            let share = history.share_above(size * GROWTH * (1.0 + 1e-9));
            prop_assert!(share <= 1.0 - percentile / 100.0 + 1e-9, "{share}");
            prop_assert!(history.share_above(size * 2.0) <= share);
        }
    }
}
