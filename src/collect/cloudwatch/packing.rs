//! Which days are fetched together, at which resolution, and how many calls and metrics that takes.
//!
//! One call of `GetMetricData` answers at most [`MOST_QUERIES`] queries and [`MOST_POINTS`] points, and all its
//! queries share one window. So the length of the windows decides how full the calls are.

use std::collections::BTreeMap;
use std::ops::Range;

use super::series::{BUILD_METRICS, SERIES_PER_WORKLOAD, STATISTICS};
use crate::collect::plan::{self, Day};
use crate::model::units::MS_PER_DAY;

/// Queries in one call. Source: `GetMetricData` API reference, read 2026-11.
const MOST_QUERIES: usize = 500;
/// Points in one call, counted over the window asked for. Source: as above.
const MOST_POINTS: usize = 100_800;
/// What may be wasted of the calls of a piece, so that pieces can be small: one part in so many.
const LEAST_WASTE: usize = 50;
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
    pub(crate) fn period_s(self, day: Day, now_ms: i64) -> Option<i32> {
        let age_ms = now_ms + MARGIN_MS - day * MS_PER_DAY;
        let (finest, _) = *KEPT.iter().find(|(_, days)| age_ms < days * MS_PER_DAY)?;
        Some(match self {
            Self::Auto => finest,
            Self::Seconds(period) => period.max(finest),
        })
    }
}

/// When CloudWatch begins to forget points of `period_s` from `from_ms` on.
pub(crate) fn expires_ms(from_ms: i64, period_s: i32) -> i64 {
    let kept = KEPT
        .iter()
        .find(|(period, _)| *period >= period_s)
        .map_or(0, |(_, days)| *days);
    from_ms.saturating_add(kept * MS_PER_DAY)
}

/// Days of one period, fetched over one window, in pieces of a few workloads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// UTC days.
    pub(crate) days: Range<Day>,
    /// Seconds from one point to the next.
    pub(crate) period_s: i32,
    /// Queries (a statistic of a series) that fit into one call.
    pub(crate) queries_per_call: usize,
}

impl Chunk {
    fn of(days: Range<Day>, period_s: i32) -> Self {
        let queries_per_call = queries_per_call(length(&days), period_s);
        Self {
            days,
            period_s,
            queries_per_call,
        }
    }

    /// When CloudWatch begins to forget it.
    pub(crate) fn expires_ms(&self) -> i64 {
        expires_ms(self.days.start * MS_PER_DAY, self.period_s)
    }

    /// The workloads that are fetched and committed together, of so many: as few as fill their calls.
    pub(crate) fn pieces(&self, workloads: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let each = workloads_per_piece(self.queries_per_call);
        (0..workloads)
            .step_by(each)
            .map(move |start| start..(start + each).min(workloads))
    }
}

/// The chunks for `workloads` over the missing `days`, in order of time. Days that AWS no longer keeps are in none of
/// them.
pub(crate) fn chunks(
    workloads: usize,
    days: &[Day],
    resolution: Resolution,
    now_ms: i64,
) -> Vec<Chunk> {
    // A day that is not over will be fetched again: in a part of its own, it can be replaced without leaving rows behind.
    let mut alike: BTreeMap<(i32, bool), Vec<Day>> = BTreeMap::new();
    for &day in days {
        if let Some(period_s) = resolution.period_s(day, now_ms) {
            alike
                .entry((period_s, plan::is_over(day, now_ms)))
                .or_default()
                .push(day);
        }
    }
    let mut chunks = Vec::new();
    for ((period_s, _), days) in alike {
        for span in plan::spans(&days) {
            let mut start = span.start;
            for length in cut(length(&span), workloads, period_s) {
                let days = start..start + i64::try_from(length).unwrap_or(i64::MAX);
                start = days.end;
                chunks.push(Chunk::of(days, period_s));
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
    /// Points asked for, there or not.
    pub(crate) points: u64,
}

/// What `chunks` cost for so many workloads.
pub(crate) fn estimate(chunks: &[Chunk], workloads: usize) -> Estimate {
    let queries = queries(workloads);
    let calls: usize = chunks
        .iter()
        .map(|chunk| calls(workloads, chunk.queries_per_call))
        .sum();
    let points: usize = chunks
        .iter()
        .map(|chunk| queries * length(&chunk.days) * points_per_day(chunk.period_s))
        .sum();
    Estimate {
        calls: calls as u64,
        metrics: (queries * chunks.len()) as u64,
        points: points as u64,
    }
}

/// Queries of so many workloads.
const fn queries(workloads: usize) -> usize {
    workloads * SERIES_PER_WORKLOAD * STATISTICS.len()
}

/// Calls of so many workloads over one window, piece by piece.
fn calls(workloads: usize, queries_per_call: usize) -> usize {
    let each = workloads_per_piece(queries_per_call);
    let of = |workloads| queries(workloads).div_ceil(queries_per_call);
    workloads / each * of(each) + of(workloads % each)
}

/// The fewest workloads whose calls are full, all but one part in [`LEAST_WASTE`].
fn workloads_per_piece(queries_per_call: usize) -> usize {
    // So many fill whole calls exactly.
    let fills = |workloads: &usize| {
        let queries = queries(*workloads);
        let places = queries.div_ceil(queries_per_call) * queries_per_call;
        (places - queries) * LEAST_WASTE <= places
    };
    (1..queries_per_call)
        .find(fills)
        .unwrap_or(queries_per_call)
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
fn cut(days: usize, workloads: usize, period_s: i32) -> Vec<usize> {
    let longest = MOST_POINTS / points_per_day(period_s);
    // For each number of days: (calls, chunks, length of the last chunk).
    let mut best: Vec<(usize, usize, usize)> = vec![(0, 0, 0)];
    for end in 1..=days {
        let ways = (1..=end.min(longest)).map(|length| {
            let (before, chunks, _) = best[end - length];
            (
                before + calls(workloads, queries_per_call(length, period_s)),
                chunks + 1,
                length,
            )
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

/// Spans of time, each with as many queries as a build has, put together into calls: the spans of each call, and the
/// window that holds them. `spans` are in order of their starts and on the grid of `period_s`.
pub(super) fn windows(spans: &[Range<i64>], period_s: i32) -> Vec<(Range<usize>, Range<i64>)> {
    let step_ms = i64::from(period_s) * 1000;
    let mut calls: Vec<(Range<usize>, Range<i64>)> = Vec::new();
    for (index, span) in spans.iter().enumerate() {
        if let Some((of, window)) = calls.last_mut() {
            let wider = window.start..window.end.max(span.end);
            let points = usize::try_from((wider.end - wider.start) / step_ms).unwrap_or(usize::MAX);
            let queries = (of.len() + 1) * BUILD_METRICS.len() * STATISTICS.len();
            if queries <= MOST_QUERIES && queries.saturating_mul(points) <= MOST_POINTS {
                (of.end, *window) = (index + 1, wider);
                continue;
            }
        }
        calls.push((index..index + 1, span.clone()));
    }
    calls
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-11-20T12:00:00Z.
    const NOW_MS: i64 = 1_795_176_000_000;
    const TODAY: Day = 20_777;

    fn calls_of(lengths: &[usize], workloads: usize, period_s: i32) -> usize {
        lengths
            .iter()
            .map(|&days| calls(workloads, queries_per_call(days, period_s)))
            .sum()
    }

    #[test]
    fn five_queries_over_fourteen_minute_days_are_exactly_one_call() {
        assert_eq!(queries_per_call(14, 60), 5);
        assert_eq!(5 * 14 * 1_440, MOST_POINTS);
        // Five workloads have two series of three statistics each: six calls, and all of them full.
        let chunk = Chunk::of(0..14, 60);
        assert_eq!(
            estimate(std::slice::from_ref(&chunk), 5),
            Estimate {
                calls: 6,
                metrics: 30,
                points: 30 * 14 * 1_440
            }
        );
        assert_eq!(chunk.pieces(12).collect::<Vec<_>>(), [0..5, 5..10, 10..12]);
    }

    #[test]
    fn windows_are_cut_where_whole_windows_would_leave_calls_half_empty() {
        // 50 workloads over 13 days: 60 calls of five queries in one window; 10 + 2 + 1 days take 43 + 9 + 5.
        let lengths = cut(13, 50, 60);
        assert_eq!(lengths.iter().sum::<usize>(), 13);
        assert!(calls_of(&lengths, 50, 60) <= 58, "{lengths:?}");
    }

    #[test]
    fn of_equally_many_calls_the_fewest_metrics_are_requested() {
        assert_eq!(
            cut(14, 5, 60),
            [14],
            "six calls; any two chunks would request each metric twice"
        );
    }

    #[test]
    fn a_piece_is_a_few_calls_and_they_are_full() {
        for queries_per_call in 1..=MOST_QUERIES {
            let each = workloads_per_piece(queries_per_call);
            let (queries, calls) = (queries(each), calls(each, queries_per_call));
            assert!(calls <= 6, "{queries_per_call}: {calls} calls");
            assert!(
                (calls * queries_per_call - queries) * LEAST_WASTE <= calls * queries_per_call,
                "{queries_per_call}"
            );
        }
    }

    #[test]
    fn each_day_has_the_finest_period_that_is_kept() {
        let period = |resolution: Resolution, age| resolution.period_s(TODAY - age, NOW_MS);
        for (age, kept) in [
            (0, Some(60)),
            (14, Some(60)),
            (15, Some(300)),
            (62, Some(300)),
            (63, Some(3_600)),
            (455, None),
        ] {
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
        assert_eq!(
            Resolution::Auto.period_s(day, lost_ms - MARGIN_MS - 1),
            Some(60)
        );
        assert_eq!(
            Resolution::Auto.period_s(day, lost_ms - MARGIN_MS),
            Some(300)
        );
    }

    #[test]
    fn no_chunk_spans_a_retention_step_or_a_gap_or_the_start_of_today() {
        let days: Vec<Day> = (TODAY - 69..=TODAY)
            .filter(|day| *day != TODAY - 3)
            .collect();
        let chunks = chunks(1, &days, Resolution::Auto, NOW_MS);
        let covered: Vec<Day> = chunks.iter().flat_map(|chunk| chunk.days.clone()).collect();
        assert_eq!(covered, days);
        for chunk in &chunks {
            for day in chunk.days.clone() {
                assert_eq!(Some(chunk.period_s), Resolution::Auto.period_s(day, NOW_MS));
            }
        }
        // 12–18 September by the hour, to 5 November by five minutes, then minutes, with a gap, and today.
        assert_eq!(chunks.len(), 5, "{chunks:?}");
        assert_eq!(
            chunks.last().map(|chunk| chunk.days.clone()),
            Some(TODAY..TODAY + 1)
        );
    }

    #[test]
    fn the_samples_of_a_piece_are_bounded() {
        for chunk in chunks(
            500,
            &(TODAY - 69..=TODAY).collect::<Vec<_>>(),
            Resolution::Auto,
            NOW_MS,
        ) {
            let workloads = chunk.pieces(500).next().unwrap().len();
            let samples = workloads
                * SERIES_PER_WORKLOAD
                * length(&chunk.days)
                * points_per_day(chunk.period_s);
            assert!(samples <= 2 * MOST_POINTS, "{chunk:?}");
        }
    }

    #[test]
    fn short_spans_share_a_call_until_it_is_full() {
        const MINUTE: i64 = 60_000;
        let span = |from: i64, to: i64| from * MINUTE..to * MINUTE;
        assert_eq!(
            windows(&[span(0, 10), span(5, 8), span(20, 30)], 60),
            [(0..3, span(0, 30))]
        );
        // 55 builds have 495 queries.
        let many: Vec<_> = (0..100).map(|_| span(0, 10)).collect();
        assert_eq!(
            windows(&many, 60),
            [(0..55, span(0, 10)), (55..100, span(0, 10))]
        );
        // Eighteen queries over a week and a bit are too many points.
        assert_eq!(
            windows(&[span(0, 10), span(8_400, 8_401)], 60),
            [(0..1, span(0, 10)), (1..2, span(8_400, 8_401))]
        );
        assert_eq!(windows(&[], 60), []);
    }

    #[test]
    fn no_workloads_take_no_calls() {
        let chunks = chunks(0, &[TODAY], Resolution::Auto, NOW_MS);
        assert_eq!(estimate(&chunks, 0), Estimate::default());
    }

    proptest! {
        #[test]
        fn calls_are_within_five_percent_of_what_no_packing_can_beat(
            workloads in 1_usize..10_000,
            days in 1_usize..=31,
            period_s in prop::sample::select(vec![60, 300, 3_600]),
        ) {
            let points = queries(workloads) * days * (86_400 / usize::try_from(period_s).unwrap());
            let bound = points.div_ceil(100_800).max(queries(workloads).div_ceil(500));
            let lengths = cut(days, workloads, period_s);
            prop_assert_eq!(lengths.iter().sum::<usize>(), days);
            let calls = calls_of(&lengths, workloads, period_s);
            prop_assert!(calls as f64 <= (1.05 * bound as f64).max(bound as f64 + 1.0), "{} calls, {} at least: {:?}", calls, bound, lengths);
        }

        #[test]
        fn a_whole_plan_is_within_five_percent_and_a_call_for_each_chunk(workloads in 1_usize..5_000, days in 1_i64..=90) {
            let wanted: Vec<Day> = (TODAY - days..=TODAY).collect();
            let chunks = chunks(workloads, &wanted, Resolution::Auto, NOW_MS);
            let Estimate { calls, points, metrics } = estimate(&chunks, workloads);
            // No call answers more points or more queries, and every metric is asked for at least once.
            let bound = points.div_ceil(100_800).max((queries(workloads) as u64).div_ceil(500));
            prop_assert!(calls as f64 <= 1.05 * bound as f64 + chunks.len() as f64, "{calls} calls, {bound} at least: {chunks:?}");
            prop_assert_eq!(metrics, (queries(workloads) * chunks.len()) as u64);
        }

        #[test]
        fn no_call_is_asked_for_more_than_aws_answers(days in 1_usize..=31, period_s in prop::sample::select(vec![60, 300, 3_600])) {
            let queries = queries_per_call(days, period_s);
            prop_assert!(queries <= 500);
            prop_assert!(queries * days * (86_400 / usize::try_from(period_s).unwrap()) <= 100_800);
        }
    }
}
