//! The margin that is earned: how large a size must be for a stated share of weeks to go beyond it.
//!
//! A need is read from four statistics of the days seen (see [`Statistics`]). For every risk the shipped table says how
//! they are combined and multiplied, so that no more than that share of workload-weeks was above the size. What a fleet's
//! own weeks say shifts the risk at which the table is read (see [`super::calibration`]).
//!
//! No statistic rises because an idle day is added, and all of them scale with the samples; so do the sizes.

use std::sync::LazyLock;

use serde::Deserialize;

use super::history::History;

/// Days of history for which the table has factors.
const SHORT_DAYS: f64 = 7.0;
const LONG_DAYS: f64 = 14.0;
/// Days that are recent.
const RECENT_DAYS: i32 = 3;
/// A day that is exceeded on at most six is a usual one; its rank does not change when an idle day is added.
const USUAL_DAY: usize = 7;
/// Peak over the median of a usual day: up to the first, memory is steady; from the second on it is not.
const STEADY: (f64, f64) = (1.3, 1.8);
/// A risk below this one never sizes memory below the highest sample seen.
pub const PEAK_KEPT_BELOW: f64 = 0.05;
/// A need above this share of the present size is not worth a change: the present size is kept.
pub const KEPT_SHARE: f64 = 0.9;

/// The shipped table.
static DEFAULTS: LazyLock<[Table; 2]> = LazyLock::new(|| {
    let text = include_str!("../../data/margins/defaults.csv");
    [Table::read(text, "cpu"), Table::read(text, "memory")]
});

/// Where a margin comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Margin {
    /// The fleet's own history: so many workload-weeks of it were replayed, and count beside the shipped table.
    Calibrated {
        /// Workload-weeks.
        weeks: usize,
    },
    /// The shipped table alone: no week of this fleet could be replayed.
    ShippedDefault,
    /// The user's.
    Fixed {
        /// Added to what was seen, percent.
        percent: f64,
    },
}

/// What is sized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// Running short of it slows a run.
    Cpu,
    /// Running short of it kills a run.
    Memory,
}

impl Resource {
    /// Share of a week's task time above the size from which on the week is a breach.
    pub const fn tolerated_share(self) -> f64 {
        match self {
            Self::Cpu => 0.01,
            Self::Memory => 0.0,
        }
    }

    /// Less than this is noise, vCPU or MiB.
    const fn least(self) -> f64 {
        match self {
            Self::Cpu => 1e-4,
            Self::Memory => 0.5,
        }
    }

    fn table(self) -> &'static Table {
        match self {
            Self::Cpu => &DEFAULTS[0],
            Self::Memory => &DEFAULTS[1],
        }
    }

    /// The least size that a week would not have breached.
    pub fn need_of(self, week: &History<'_>) -> Option<f64> {
        match self {
            Self::Cpu => week.percentile(100.0 * (1.0 - self.tolerated_share())),
            Self::Memory => week.max(),
        }
    }
}

/// What a need is read from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistics {
    resource: Resource,
    /// Natural logarithms of the peak and of three more: for CPU the highest of the days' P99.5, the P99.5 of all task time and
    /// that of the last three days; for memory the P99.9, the last three days' peak and the median.
    values: [f64; 4],
    days: f64,
    /// From 0, the peak hardly differs from what is used all day, to 1.
    unsteady: f64,
}

impl Statistics {
    /// `None` without samples, or when none is above 0.
    pub fn of(resource: Resource, history: &History<'_>) -> Option<Self> {
        let peak = history
            .max()
            .filter(|peak| peak.is_finite() && *peak > 0.0)?;
        let days = history.days().len();
        let recent = history.last_days(RECENT_DAYS, history.span()?.1.saturating_add(1));
        let (second, third, fourth) = match resource {
            Resource::Cpu => (
                history.highest_daily_percentile(99.5)?,
                history.percentile(99.5)?,
                recent.percentile(99.5)?,
            ),
            Resource::Memory => {
                let [nearly_all, median] = history.percentiles([99.9, 50.0])?;
                (nearly_all, recent.max()?, median)
            }
        };
        let ln = |value: f64| value.max(resource.least()).ln();
        let usual = ln(history.daily_median(USUAL_DAY)?);
        let (steady, unsteady) = (STEADY.0.ln(), STEADY.1.ln());
        Some(Self {
            resource,
            values: [ln(peak), ln(second), ln(third), ln(fourth)],
            days: days as f64,
            unsteady: ((ln(peak) - usual - steady) / (unsteady - steady)).clamp(0.0, 1.0),
        })
    }

    /// Memory that is much the same all day.
    pub fn is_steady(&self) -> bool {
        self.resource == Resource::Memory && self.unsteady < 0.5
    }
}

/// Sizes of one workload by risk: the smaller the risk, the larger the size.
#[derive(Debug, Clone, PartialEq)]
pub struct Sizes {
    /// (ln risk, ln size), risks rising, sizes never rising.
    points: Vec<(f64, f64)>,
}

impl Sizes {
    /// By the shipped table.
    pub fn of(statistics: &Statistics) -> Self {
        let table = statistics.resource.table();
        let mut least = f64::INFINITY;
        let points = table.rows.iter().map(|row| {
            least = least.min(row.size(statistics));
            (row.ln_risk, least)
        });
        Self {
            points: points.collect(),
        }
    }

    /// Each multiplied by what `factor` says for its risk.
    #[must_use]
    pub(super) fn widened(self, factor: impl Fn(f64) -> f64) -> Self {
        let points = self.points.into_iter();
        Self {
            points: points
                .map(|(ln_risk, ln_size)| (ln_risk, ln_size + factor(ln_risk.exp()).ln()))
                .collect(),
        }
    }

    /// The size that no more than this share (0–1) of weeks goes beyond, by the table; the ends of the table for risks
    /// outside of it.
    pub fn at(&self, risk: f64) -> f64 {
        let ln_risk = risk.max(f64::MIN_POSITIVE).ln();
        let after = self.points.partition_point(|(at, _)| *at < ln_risk);
        let ln_size = match (
            self.points.get(after.wrapping_sub(1)),
            self.points.get(after),
        ) {
            (Some(&(low, larger)), Some(&(high, smaller))) => {
                larger + (smaller - larger) * (ln_risk - low) / (high - low)
            }
            (Some(&(_, size)), None) | (None, Some(&(_, size))) => size,
            (None, None) => f64::INFINITY,
        };
        ln_size.exp()
    }

    /// The smallest risk that the table knows a size for.
    pub fn least_risk(&self) -> f64 {
        self.points
            .first()
            .map_or(0.0, |(ln_risk, _)| ln_risk.exp())
    }

    /// The largest risk at which the size is not below `size`: 0 where the strictest is, 1 where none is.
    pub fn risk_of(&self, size: f64) -> f64 {
        let ln_size = size.ln() - 1e-12;
        let below = self.points.partition_point(|(_, at)| *at >= ln_size);
        match (
            self.points.get(below.wrapping_sub(1)),
            self.points.get(below),
        ) {
            (Some(&(low, larger)), Some(&(high, smaller))) => {
                (low + (high - low) * (larger - ln_size) / (larger - smaller)).exp()
            }
            (None, Some(_)) => 0.0,
            (_, None) => 1.0,
        }
    }
}

/// The risk that a next week like this one shows: the least risk at which it would have breached the size, given that a size
/// near or above `current` is `current`.
///
/// Shares of at most `r` should be seen with probability `r`; what a fleet's weeks show instead is what it is calibrated by.
pub fn risk_shown(sizes: &Sizes, next_week: f64, current: f64) -> f64 {
    sizes.risk_of(next_week.min(KEPT_SHARE * current))
}

/// The size that is really set: a need near or above the present size keeps it.
pub fn applied(need: f64, current: f64) -> f64 {
    if need > KEPT_SHARE * current {
        current
    } else {
        need
    }
}

struct Table {
    /// Risks rising.
    rows: Vec<Row>,
}

struct Row {
    ln_risk: f64,
    coefficients: [f64; 4],
    /// ln of the factor after seven and after fourteen days.
    ln_factor: [f64; 2],
    /// ln of the factor on the peak of what is steady.
    ln_steady: Option<f64>,
}

#[derive(Deserialize)]
struct Line {
    resource: String,
    risk: f64,
    peak: f64,
    second: f64,
    third: f64,
    fourth: f64,
    margin_7_days: f64,
    margin_14_days: f64,
    margin_steady: Option<f64>,
}

impl Table {
    /// The rows of `resource`.
    #[expect(clippy::expect_used, reason = "the table is part of the program")]
    fn read(text: &str, resource: &str) -> Self {
        let lines: Vec<Line> = csv::Reader::from_reader(text.as_bytes())
            .into_deserialize()
            .collect::<Result<_, _>>()
            .expect("data/margins/defaults.csv is well formed");
        let own = lines.into_iter().filter(|line| line.resource == resource);
        Self {
            rows: own.map(|line| Row::of(&line)).collect(),
        }
    }
}

impl Row {
    fn of(line: &Line) -> Self {
        Self {
            ln_risk: line.risk.ln(),
            coefficients: [line.peak, line.second, line.third, line.fourth],
            ln_factor: [line.margin_7_days.ln(), line.margin_14_days.ln()],
            ln_steady: line.margin_steady.map(f64::ln),
        }
    }

    /// ln of the size: the statistics, each to its power, times the factor; of steady memory no more than its peak with a
    /// factor of its own.
    fn size(&self, statistics: &Statistics) -> f64 {
        let terms = self.coefficients.iter().zip(statistics.values);
        let base: f64 = terms.map(|(power, value)| power * value).sum();
        let along = ((statistics.days - SHORT_DAYS) / (LONG_DAYS - SHORT_DAYS)).clamp(0.0, 1.0);
        let [short, long] = self.ln_factor;
        let usual = base + short + (long - short) * along;
        match self.ln_steady.map(|factor| statistics.values[0] + factor) {
            Some(steady) if steady < usual => steady + (usual - steady) * statistics.unsteady,
            _ => usual,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::history::tests::{coarser, day, days};
    use super::*;

    fn sizes(resource: Resource, history: &History) -> Sizes {
        Sizes::of(&Statistics::of(resource, history).unwrap())
    }

    const BOTH: [Resource; 2] = [Resource::Cpu, Resource::Memory];

    #[test]
    fn a_fortnight_at_two_percent_is_the_row_of_the_table() {
        // 0.02 is a row for memory: P99.9 to the power of 0.75, the last three days' peak to that of 0.25, times 3.9645.
        // Hours at 10 and one a day at 100: P99.9 is within 5 % below the peak, which is that of every day.
        let hours: Vec<f64> = (0..24)
            .map(|at| if at == 12 { 100.0 } else { 10.0 })
            .collect();
        let rows: Vec<&[f64]> = vec![hours.as_slice(); 14];
        let size = sizes(Resource::Memory, &days(&rows)).at(0.02);
        let ratio = size / (3.9645 * 100.0);
        assert!((0.96..=1.0).contains(&ratio), "{size}");
    }

    #[test]
    fn steady_memory_needs_little_more_than_its_peak() {
        // The table's factor for 2 % is 1.15 on the peak.
        let row: &[f64] = &[300.0; 24];
        let size = sizes(Resource::Memory, &days(&[row; 14])).at(0.02);
        assert!((size / (300.0 * 1.15) - 1.0).abs() < 1e-9, "{size}");
    }

    #[test]
    fn the_risk_of_a_size_is_the_largest_that_asks_for_it() {
        let history = days(&[
            &[100.0, 20.0],
            &[300.0],
            &[50.0],
            &[60.0],
            &[61.0],
            &[62.0],
            &[63.0],
        ]);
        for resource in BOTH {
            let sizes = sizes(resource, &history);
            for risk in [0.006, 0.01, 0.03] {
                let size = sizes.at(risk);
                let shown = sizes.risk_of(size);
                assert!(shown >= risk * (1.0 - 1e-9), "{resource:?} {risk}: {shown}");
                assert!((sizes.at(shown) / size - 1.0).abs() < 1e-9);
                assert!(sizes.at(shown * 1.001) < size);
            }
            assert!(sizes.risk_of(1e9) < 1e-12 && sizes.risk_of(1e-9) > 0.999);
        }
    }

    #[test]
    fn a_size_that_is_hardly_smaller_is_not_set() {
        let set: Vec<f64> = [0.5, 0.89, 0.91, 1.5].map(|need| applied(need, 1.0)).into();
        assert_eq!(set, [0.5, 0.89, 1.0, 1.0]);
    }

    #[test]
    fn nothing_but_zeros_has_no_statistics() {
        assert_eq!(Statistics::of(Resource::Cpu, &days(&[&[0.0, 0.0]])), None);
        assert_eq!(Statistics::of(Resource::Memory, &History::default()), None);
    }

    fn some_week() -> impl Strategy<Value = Vec<Vec<f64>>> {
        prop::collection::vec(prop::collection::vec(1.0..5000.0_f64, 1..12), 7..20)
    }

    fn history(values: &[Vec<f64>], factor: f64) -> History<'static> {
        let scaled = |values: &Vec<f64>| {
            values
                .iter()
                .map(|value| value * factor)
                .collect::<Vec<_>>()
        };
        let rows = (0..)
            .zip(values)
            .map(|(at, values)| day(at, &scaled(values)));
        rows.collect()
    }

    proptest! {
        #[test]
        fn more_risk_never_asks_for_more(values in some_week(), a in 0.003..0.7_f64, b in 0.003..0.7_f64) {
            for resource in BOTH {
                let sizes = sizes(resource, &history(&values, 1.0));
                prop_assert!(sizes.at(a.min(b)) >= sizes.at(a.max(b)));
            }
        }

        #[test]
        fn coarser_maxima_of_the_same_samples_never_ask_for_less(
            values in prop::collection::vec(prop::collection::vec(1.0..5000.0_f64, 24..49), 7..16),
            calm in 0.0..1.0_f64, many in 2_usize..13, risk in 0.003..0.6_f64,
        ) {
            // The calmer, the nearer all samples are to one value, but for the first of each day.
            let calmed = |(at, value): (usize, &f64)| if at == 0 { *value } else { calm * 2500.0 + (1.0 - calm) * value };
            let values: Vec<Vec<f64>> =
                values.iter().map(|day| day.iter().enumerate().map(calmed).collect()).collect();
            let coarse: History = (0..).zip(&values).map(|(at, day)| coarser(at, day, many)).collect();
            for resource in BOTH {
                let fine = sizes(resource, &history(&values, 1.0)).at(risk);
                let coarse = sizes(resource, &coarse).at(risk);
                // Percentiles are told to within a bucket.
                prop_assert!(coarse >= fine / 1.05, "{resource:?}: {fine}, {coarse}");
            }
        }

        #[test]
        fn scaled_samples_scale_the_size(values in some_week(), steps in -20..20_i32, risk in 0.005..0.3_f64) {
            // A whole number of buckets, so that no sample falls into another part of its bucket.
            let factor = 1.05_f64.powi(steps);
            for resource in BOTH {
                let one = sizes(resource, &history(&values, 1.0)).at(risk);
                let other = sizes(resource, &history(&values, factor)).at(risk);
                let off = (other / (one * factor)).ln().abs();
                // Below the first bucket everything is one bucket; MiB of 0.4 and more are above it.
                prop_assert!(off < 0.11, "{resource:?}: {one} x {factor} = {other}");
            }
        }

        #[test]
        fn more_days_like_those_seen_never_ask_for_more(values in some_week(), risk in 0.005..0.3_f64) {
            let twice = [values.clone(), values.clone()].concat();
            for resource in BOTH {
                let (once, again) = (sizes(resource, &history(&values, 1.0)), sizes(resource, &history(&twice, 1.0)));
                for risk in [risk, risk / 2.0] {
                    let (before, after) = (once.at(risk), again.at(risk));
                    prop_assert!(after <= before * (1.0 + 1e-9), "{resource:?}: {before}, {after}");
                }
            }
        }

        #[test]
        fn an_idle_day_never_raises_a_size(values in some_week(), risk in 0.005..0.3_f64) {
            let mut longer = values.clone();
            longer.push(vec![0.0; 12]);
            for resource in BOTH {
                let before = sizes(resource, &history(&values, 1.0)).at(risk);
                let after = sizes(resource, &history(&longer, 1.0)).at(risk);
                prop_assert!(after <= before * (1.0 + 1e-9), "{resource:?}: {before}, {after}");
            }
        }
    }
}
