//! Which days are fetched together, at which resolution, and how many calls and metrics that takes.
//!
//! One call of `GetMetricData` answers at most [`MOST_QUERIES`] queries and [`MOST_POINTS`] points, and all its
//! queries share one window. So the length of the windows decides how full the calls are.

use std::collections::BTreeMap;
use std::ops::Range;

use super::STATISTICS;
use crate::collect::plan::{self, Day};
use crate::units::MS_PER_DAY;

/// Queries in one call. Source: `GetMetricData` API reference, read 2026-11.
const MOST_QUERIES: usize = 500;
/// Points in one call, counted over the window asked for. Source: as above.
const MOST_POINTS: usize = 100_800;
/// Samples of one chunk, about: what an interruption can lose.
const MOST_SAMPLES: usize = 2_000_000;
/// How many days each period is kept, finest first. Source: `GetMetricData` API reference, read 2026-11.
const KEPT: [(i32, i64); 3] = [(60, 15), (300, 63), (3_600, 455)];
/// A day that is about to lose its fine points is asked for coarser ones: it may lose them before its turn comes.
const MARGIN_MS: i64 = 60 * 60 * 1000;

/// How fine metrics are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// As fine as AWS still keeps them.
    Auto,
    /// A period of 60, 300 or 3,600 seconds; where AWS no longer keeps it, the finest that it keeps.
    Seconds(i32),
}

impl Resolution {
    /// The period of a UTC day, judged by its start; `None` where AWS keeps nothing any more.
    fn period_s(self, day: Day, now_ms: i64) -> Option<i32> {
        let age_ms = now_ms + MARGIN_MS - day * MS_PER_DAY;
        let (finest, _) = *KEPT.iter().find(|(_, days)| age_ms < days * MS_PER_DAY)?;
        Some(match self {
            Self::Auto => finest,
            Self::Seconds(period) => period.max(finest),
        })
    }
}

/// Days of one month and one period, fetched and committed together for all series of a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// UTC days.
    pub(crate) days: Range<Day>,
    /// Seconds from one point to the next.
    pub(crate) period_s: i32,
    /// Queries (a statistic of a series) that fit into one call.
    pub(crate) queries_per_call: usize,
}

/// The chunks for `series_count` series over the missing `days`, in order of time. Days that AWS no longer keeps are
/// in none of them.
pub(crate) fn chunks(series_count: usize, days: &[Day], resolution: Resolution, now_ms: i64) -> Vec<Chunk> {
    // A day that is not over will be fetched again: in a part of its own, it can be replaced without leaving rows behind.
    let mut alike: BTreeMap<(i32, bool), Vec<Day>> = BTreeMap::new();
    for &day in days {
        if let Some(period_s) = resolution.period_s(day, now_ms) {
            alike.entry((period_s, plan::is_over(day, now_ms))).or_default().push(day);
        }
    }
    let mut chunks = Vec::new();
    for ((period_s, _), days) in alike {
        for span in plan::spans(&days) {
            let mut start = span.start;
            for length in cut(length(&span), series_count, period_s) {
                let days = start..start + i64::try_from(length).unwrap_or(i64::MAX);
                start = days.end;
                chunks.push(Chunk { days, period_s, queries_per_call: queries_per_call(length, period_s) });
            }
        }
    }
    chunks.sort_by_key(|chunk| chunk.days.start);
    chunks
}

/// What chunks cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Estimate {
    /// Calls of `GetMetricData`, when each is answered in one page.
    pub(crate) calls: u64,
    /// Metrics requested: each statistic of a series is one, in each call. 1,000 of them cost USD 0.01.
    pub(crate) metrics: u64,
}

/// What `chunks` cost for `series_count` series.
pub(crate) fn estimate(chunks: &[Chunk], series_count: usize) -> Estimate {
    let queries = series_count * STATISTICS.len();
    let calls: usize = chunks.iter().map(|chunk| queries.div_ceil(chunk.queries_per_call)).sum();
    Estimate { calls: calls as u64, metrics: (queries * chunks.len()) as u64 }
}

fn length(days: &Range<Day>) -> usize {
    usize::try_from(days.end - days.start).unwrap_or_default()
}

const fn points_per_day(period_s: i32) -> usize {
    86_400 / period_s.unsigned_abs() as usize
}

fn queries_per_call(days: usize, period_s: i32) -> usize {
    (MOST_POINTS / (days * points_per_day(period_s)).max(1)).clamp(1, MOST_QUERIES)
}

/// Cuts `days` neighbouring days into the lengths that take the fewest calls, and of those the fewest chunks: every
/// chunk requests every metric once more.
fn cut(days: usize, series_count: usize, period_s: i32) -> Vec<usize> {
    let queries = series_count * STATISTICS.len();
    let longest = longest(series_count, period_s);
    // For each number of days: (calls, chunks, length of the last chunk).
    let mut best: Vec<(usize, usize, usize)> = vec![(0, 0, 0)];
    for end in 1..=days {
        let ways = (1..=end.min(longest)).map(|length| {
            let (calls, chunks, _) = best[end - length];
            (calls + queries.div_ceil(queries_per_call(length, period_s)), chunks + 1, length)
        });
        best.push(ways.min().unwrap_or_default());
    }
    let mut lengths = Vec::new();
    let mut left = days;
    while left > 0 {
        let length = best[left].2.max(1);
        lengths.push(length);
        left -= length;
    }
    lengths.reverse();
    lengths
}

/// The most days of one chunk: about [`MOST_SAMPLES`], but so many that any longer span can be cut into chunks whose
/// calls are full of points, not of queries.
fn longest(series_count: usize, period_s: i32) -> usize {
    let shortest_full = MOST_POINTS.div_ceil(MOST_QUERIES * points_per_day(period_s));
    let full = 2 * shortest_full - 1;
    (MOST_SAMPLES / (series_count * points_per_day(period_s)).max(1)).clamp(full, MOST_POINTS / points_per_day(period_s))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-11-20T12:00:00Z.
    const NOW_MS: i64 = 1_795_176_000_000;
    const TODAY: Day = 20_777;

    fn calls(lengths: &[usize], queries: usize, period_s: i32) -> usize {
        lengths.iter().map(|&days| queries.div_ceil(queries_per_call(days, period_s))).sum()
    }

    #[test]
    fn five_queries_over_fourteen_minute_days_are_exactly_one_call() {
        assert_eq!(queries_per_call(14, 60), 5);
        assert_eq!(5 * 14 * 1_440, MOST_POINTS);
        assert_eq!(calls(&[14], 5, 60), 1);
        // Five series have three statistics each.
        let chunk = Chunk { days: 0..14, period_s: 60, queries_per_call: 5 };
        assert_eq!(estimate(&[chunk], 5), Estimate { calls: 3, metrics: 15 });
    }

    #[test]
    fn windows_are_cut_where_whole_windows_would_leave_calls_half_empty() {
        // 300 queries over 13 days: 60 calls of five in one window; 10 + 2 + 1 days take 43 + 9 + 5.
        let lengths = cut(13, 100, 60);
        assert_eq!(lengths.iter().sum::<usize>(), 13);
        assert!(calls(&lengths, 300, 60) <= 57, "{lengths:?}");
    }

    #[test]
    fn of_equally_many_calls_the_fewest_metrics_are_requested() {
        assert_eq!(cut(14, 1, 60), [14], "one call either way, but one chunk requests three metrics and two request six");
        assert_eq!(cut(14, 5, 60), [14]);
    }

    #[test]
    fn each_day_has_the_finest_period_that_is_kept() {
        let period = |resolution: Resolution, age| resolution.period_s(TODAY - age, NOW_MS);
        for (age, kept) in [(0, Some(60)), (14, Some(60)), (15, Some(300)), (62, Some(300)), (63, Some(3_600)), (455, None)] {
            assert_eq!(period(Resolution::Auto, age), kept, "{age} days ago");
        }
        assert_eq!(period(Resolution::Seconds(300), 1), Some(300));
        assert_eq!(period(Resolution::Seconds(60), 20), Some(300));
        assert_eq!(period(Resolution::Seconds(3_600), 20), Some(3_600));
    }

    #[test]
    fn a_day_about_to_lose_its_minutes_is_asked_for_coarser_points() {
        let day = TODAY - 15;
        let lost_ms = (day + 15) * MS_PER_DAY;
        assert_eq!(Resolution::Auto.period_s(day, lost_ms - MARGIN_MS - 1), Some(60));
        assert_eq!(Resolution::Auto.period_s(day, lost_ms - MARGIN_MS), Some(300));
    }

    #[test]
    fn no_chunk_spans_a_months_end_or_a_retention_step_or_a_gap_or_the_start_of_today() {
        let days: Vec<Day> = (TODAY - 69..=TODAY).filter(|day| *day != TODAY - 3).collect();
        let chunks = chunks(1, &days, Resolution::Auto, NOW_MS);
        let covered: Vec<Day> = chunks.iter().flat_map(|chunk| chunk.days.clone()).collect();
        assert_eq!(covered, days);
        for chunk in &chunks {
            assert_eq!(plan::spans(&chunk.days.clone().collect::<Vec<_>>()).len(), 1, "{chunk:?} spans two months");
            for day in chunk.days.clone() {
                assert_eq!(Some(chunk.period_s), Resolution::Auto.period_s(day, NOW_MS));
            }
        }
        // 12–18 September by the hour, to 30 September, October and 1–5 November by five minutes, then minutes, with a gap,
        // and today.
        assert_eq!(chunks.len(), 7, "{chunks:?}");
        assert_eq!(chunks.last().map(|chunk| chunk.days.clone()), Some(TODAY..TODAY + 1));
    }

    #[test]
    fn the_samples_of_a_chunk_are_bounded() {
        for chunk in chunks(500, &(TODAY - 13..=TODAY).collect::<Vec<_>>(), Resolution::Auto, NOW_MS) {
            assert!(500 * length(&chunk.days) * 1_440 <= MOST_SAMPLES, "{chunk:?}");
        }
    }

    #[test]
    fn no_series_take_no_calls() {
        let chunks = chunks(0, &[TODAY], Resolution::Auto, NOW_MS);
        assert_eq!(estimate(&chunks, 0), Estimate::default());
    }

    proptest! {
        #[test]
        fn calls_are_within_five_percent_of_what_no_packing_can_beat(
            series in 1_usize..20_000,
            days in 1_usize..=31,
            period_s in prop::sample::select(vec![60, 300, 3_600]),
        ) {
            let queries = series * 3;
            let points = queries * days * (86_400 / usize::try_from(period_s).unwrap());
            let bound = points.div_ceil(100_800).max(queries.div_ceil(500));
            let lengths = cut(days, series, period_s);
            prop_assert_eq!(lengths.iter().sum::<usize>(), days);
            let calls = calls(&lengths, queries, period_s);
            prop_assert!(calls as f64 <= (1.05 * bound as f64).max(bound as f64 + 1.0), "{} calls, {} at least: {:?}", calls, bound, lengths);
        }

        #[test]
        fn no_call_is_asked_for_more_than_aws_answers(days in 1_usize..=31, period_s in prop::sample::select(vec![60, 300, 3_600])) {
            let queries = queries_per_call(days, period_s);
            prop_assert!(queries <= 500);
            prop_assert!(queries * days * (86_400 / usize::try_from(period_s).unwrap()) <= 100_800);
        }
    }
}
