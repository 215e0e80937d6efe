//! Weighted counts over fixed exponential buckets: mergeable over days, accounts and engines, and read with a known
//! error.
//!
//! Bucket 0 holds everything up to the first of [`EDGES`]; bucket `b` holds what is above edge `b - 1` and not above
//! edge `b`; the last bucket holds everything above the last edge. So a bucket is the number of edges below the value,
//! which every engine counts alike; a logarithm is not rounded alike everywhere. Values are bucketed in the unit in
//! which they were measured.

/// Edges of the buckets.
pub const EDGE_COUNT: usize = 512;
/// The bucket above the last edge.
pub const LAST: u16 = 512;
/// Number of buckets.
pub const BUCKETS: usize = EDGE_COUNT + 1;
/// Each edge is this much above the one before.
const GROWTH: f64 = 1.05;
/// The first edge. Chosen so that one edge lies just below 99: time above 99 % is counted exactly.
const FIRST: f64 = 0.000_988_46;

/// Upper ends of the buckets but the last: a running product in double precision, the same on every machine.
pub const EDGES: [f64; EDGE_COUNT] = {
    let mut edges = [FIRST; EDGE_COUNT];
    let mut i = 1;
    while i < EDGE_COUNT {
        edges[i] = edges[i - 1] * GROWTH;
        i += 1;
    }
    edges
};

/// Mantissa bits that are looked at: a cell is then at most 3.2 % wide, so at most one edge lies in it.
const CELL_BITS: u32 = 5;
const SHIFT: u32 = 52 - CELL_BITS;
const FIRST_CELL: u64 = FIRST.to_bits() >> SHIFT;
#[expect(
    clippy::cast_possible_truncation,
    reason = "the first bits of a number are few"
)]
const CELLS: usize = (EDGES[EDGE_COUNT - 1].to_bits() >> SHIFT) as usize - FIRST_CELL as usize + 1;

/// Edges below the beginning of each cell.
#[expect(clippy::cast_possible_truncation, reason = "there are 512 edges")]
const BELOW: [u16; CELLS] = {
    let mut below = [0; CELLS];
    let (mut cell, mut edges) = (0, 0);
    while cell < CELLS {
        let begin = f64::from_bits((FIRST_CELL + cell as u64) << SHIFT);
        while edges < EDGE_COUNT && EDGES[edges] < begin {
            edges += 1;
        }
        below[cell] = edges as u16;
        cell += 1;
    }
    below
};

/// The bucket of `value`: how many edges are below it.
#[inline]
pub fn bucket(value: f64) -> u16 {
    if value.is_nan() || value <= FIRST {
        return 0;
    }
    let cell = (value.to_bits() >> SHIFT) - FIRST_CELL;
    let below = usize::try_from(cell).ok().and_then(|cell| BELOW.get(cell));
    let Some(&below) = below else {
        return LAST;
    };
    let is_above = EDGES
        .get(usize::from(below))
        .is_some_and(|edge| *edge < value);
    below + u16::from(is_above)
}

/// The value that all of `bucket` is above; 0 for the first one.
pub fn lower_end(bucket: u16) -> f64 {
    usize::from(bucket)
        .checked_sub(1)
        .and_then(|below| EDGES.get(below))
        .copied()
        .unwrap_or(0.0)
}

/// The time spent in one bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Everything in it is above this.
    pub above: f64,
    /// The highest value in it.
    pub max: f64,
    /// Task-milliseconds.
    pub weight_ms: i64,
    /// Milliseconds by the clock.
    pub clock_ms: i64,
}

/// Time by value, in the unit that sizes have: vCPU or MiB. Buckets of several sizes stand beside each other, each
/// with its own ends.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Histogram {
    /// Ordered by their highest values.
    steps: Vec<Step>,
}

/// Steps that begin at the same value added up, in order of their highest; `ends` has both of a step.
pub fn added_up<S>(
    mut steps: Vec<S>,
    ends: impl Fn(&S) -> (f64, f64),
    add: impl Fn(&mut S, &S),
) -> Vec<S> {
    let (begins, highest) = (|step: &S| ends(step).0, |step: &S| ends(step).1);
    // Each day is in order: sorting finds its steps together, and only merges the days.
    steps.sort_by(|a, b| begins(a).total_cmp(&begins(b)));
    steps.dedup_by(|next, step| {
        let is_same = begins(next).to_bits() == begins(step).to_bits();
        if is_same {
            add(step, next);
        }
        is_same
    });
    steps.sort_by(|a, b| highest(a).total_cmp(&highest(b)));
    steps
}

impl Histogram {
    /// Of counts per bucket in a unit of which one makes `factor`.
    pub fn of(counts: impl IntoIterator<Item = (f64, Bucket)>) -> Self {
        let step = |(factor, bucket): (f64, Bucket)| Step {
            above: lower_end(bucket.bucket) * factor,
            max: bucket.max * factor,
            weight_ms: bucket.weight_ms,
            clock_ms: bucket.clock_ms(),
        };
        Self::of_steps(counts.into_iter().map(step))
    }

    /// Steps of the same bucket and size have the same lower end: they are added up.
    fn of_steps(steps: impl Iterator<Item = Step>) -> Self {
        let ends = |step: &Step| (step.above, step.max);
        let mut steps = added_up(steps.collect(), ends, |step, next| {
            step.max = step.max.max(next.max);
            step.weight_ms += next.weight_ms;
            step.clock_ms += next.clock_ms;
        });
        steps.shrink_to_fit();
        Self { steps }
    }

    /// Adds the time of another one.
    pub fn merge(&mut self, other: &Self) {
        *self = Self::of_steps(self.steps.iter().chain(&other.steps).copied());
    }

    /// Sum of all weights, task-milliseconds.
    pub fn total(&self) -> i64 {
        self.steps.iter().map(|step| step.weight_ms).sum()
    }

    /// Sum of all time by the clock, milliseconds.
    pub fn total_clock(&self) -> i64 {
        self.steps.iter().map(|step| step.clock_ms).sum()
    }

    /// The value that `percentile` (0–100) of the task time does not exceed; `None` when empty.
    ///
    /// It is the highest value of a bucket, so never too low, and at most 5 % too high.
    pub fn percentile(&self, percentile: f64) -> Option<f64> {
        self.percentile_of(percentile, |step| step.weight_ms)
    }

    /// The same of the time by the clock, in which a minute counts once, however many tasks run.
    pub fn percentile_by_clock(&self, percentile: f64) -> Option<f64> {
        self.percentile_of(percentile, |step| step.clock_ms)
    }

    fn percentile_of(&self, percentile: f64, time_ms: fn(&Step) -> i64) -> Option<f64> {
        let total: i64 = self.steps.iter().map(time_ms).sum();
        let wanted = percentile / 100.0 * total as f64;
        let mut seen_ms = 0;
        self.steps
            .iter()
            .find(|step| {
                seen_ms += time_ms(step);
                seen_ms as f64 >= wanted
            })
            .or(self.steps.last())
            .map(|step| step.max)
    }

    /// Of the buckets that reach `value`: their time, and what all of it is above.
    pub fn reaching(&self, value: f64) -> Option<Step> {
        let first = self.steps.partition_point(|step| step.max < value);
        let reaching = &self.steps[first..];
        Some(Step {
            above: reaching.iter().map(|step| step.above).reduce(f64::min)?,
            max: reaching.last()?.max,
            weight_ms: reaching.iter().map(|step| step.weight_ms).sum(),
            clock_ms: reaching.iter().map(|step| step.clock_ms).sum(),
        })
    }

    /// The time by value, lowest first.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

/// Time in one bucket, in the unit in which it was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// How many of [`EDGES`] are below the values in it.
    pub bucket: u16,
    /// Task-milliseconds.
    pub weight_ms: i64,
    /// Number of samples.
    pub samples: i64,
    /// The longest of their periods, seconds.
    pub period_s: i32,
    /// The highest value in it.
    pub max: f64,
}

impl Bucket {
    /// How long its samples are by the clock, one after the other, milliseconds.
    pub fn clock_ms(&self) -> i64 {
        self.samples
            .saturating_mul(i64::from(self.period_s))
            .saturating_mul(1000)
    }

    /// Adds what another one of the same bucket has.
    pub fn merge(&mut self, other: &Self) {
        self.weight_ms += other.weight_ms;
        self.samples += other.samples;
        self.period_s = self.period_s.max(other.period_s);
        self.max = self.max.max(other.max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(values: impl Iterator<Item = f64>) -> Histogram {
        Histogram::of(values.map(|max| {
            (
                1.0,
                Bucket {
                    bucket: bucket(max),
                    weight_ms: 1,
                    samples: 1,
                    period_s: 1,
                    max,
                },
            )
        }))
    }

    #[test]
    fn a_percentile_is_never_low_and_at_most_five_percent_high() {
        let histogram = counted((1..=1000).map(|i| f64::from(i) / 100.0));
        for percentile in [1.0, 50.0, 90.0, 99.0, 100.0] {
            let exact = percentile / 10.0;
            let read = histogram.percentile(percentile).unwrap();
            assert!(
                read >= exact * 0.999_999 && read <= exact * 1.05,
                "{percentile}: {read} for {exact}"
            );
        }
    }

    #[test]
    fn a_bucket_is_the_number_of_edges_below_the_value() {
        let slow = |value: f64| EDGES.iter().filter(|edge| **edge < value).count();
        let near = EDGES
            .iter()
            .flat_map(|edge| [edge.next_down(), *edge, edge.next_up()]);
        let odd = [
            0.0,
            -0.0,
            -1.0,
            5e-324,
            f64::MIN_POSITIVE,
            1e300,
            f64::MAX,
            f64::INFINITY,
        ];
        let mut random = fastrand::Rng::with_seed(7);
        let some = std::iter::repeat_with(|| 1e-4 * 1e13_f64.powf(random.f64()));
        for value in near.chain(odd).chain(some.take(100_000)) {
            assert_eq!(usize::from(bucket(value)), slow(value), "{value:e}");
        }
    }

    #[test]
    fn one_edge_lies_just_below_ninety_nine() {
        let end = lower_end(bucket(99.0));
        assert!(end < 99.0 && end > 98.999, "{end}");
    }

    #[test]
    fn sizes_stand_beside_each_other_without_new_buckets() {
        let bucket = |value: f64| Bucket {
            bucket: bucket(value),
            weight_ms: 60_000,
            samples: 1,
            period_s: 60,
            max: value,
        };
        // Half an hour at 80 % of 0.5 vCPU, and at 30 % of 2 vCPU.
        let histogram = Histogram::of([(0.005, bucket(80.0)), (0.02, bucket(30.0))]);
        assert_eq!(histogram.percentile(50.0), Some(0.4));
        assert_eq!(histogram.percentile(51.0), Some(0.6));
    }

    #[test]
    fn merging_equals_counting_together() {
        let values = || (1..=300).map(|i| f64::from(i * i % 97));
        let mut merged = counted(values().take(100));
        merged.merge(&counted(values().skip(100)));
        assert_eq!(merged, counted(values()));
    }

    #[test]
    fn an_empty_histogram_has_no_percentile() {
        assert_eq!(Histogram::default().percentile(99.0), None);
    }
}
