//! The samples of builds, day by day.

use std::ops::Range;

use super::ask::Query;
use super::gather::{gather, queries};
use super::grid::Grid;
use super::listing::BuildDimensions;
use super::packing::{self, Resolution};
use super::series::{BUILD_METRICS, STATISTICS, Series};
use crate::collect::call::{Fault, Place};
use crate::collect::codebuild::BuildFact;
use crate::collect::commit::Sink;
use crate::collect::plan::{self, Day, Known};
use crate::dataset::source;
use crate::dataset::written::{BUILD_SCOPE, ScopeDay};

/// A build's last sample may come so much after its end.
const LAST_READING_MS: i64 = 5 * 60 * 1000;

/// The samples of builds on one day, as far as AWS still keeps them: how many metrics that requests, and the way to
/// fetch them.
#[derive(Debug)]
pub(crate) struct BuildDay {
    day: Day,
    period_s: i32,
    series: Vec<Series>,
    /// The calls: which of the series, over which window.
    calls: Vec<(Range<usize>, Range<i64>)>,
}

impl BuildDay {
    /// Of the `builds` that ran on `day`; `None` where AWS keeps nothing any more.
    pub(crate) fn of(
        place: &Place,
        day: Day,
        builds: &[&BuildFact],
        dimensions: &BuildDimensions,
        resolution: Resolution,
        now_ms: i64,
    ) -> Option<Self> {
        let period_s = resolution.period_s(day, now_ms)?;
        let grid = Grid::within(&plan::window_ms(&(day..day + 1), now_ms), period_s);
        let step_ms = i64::from(period_s) * 1000;
        let span = |build: &BuildFact| {
            let end_ms = build
                .end_ms
                .map_or(grid.window_ms.end, |end_ms| end_ms + LAST_READING_MS);
            let start_ms = build.start_ms.div_euclid(step_ms) * step_ms;
            let end_ms = end_ms.div_euclid(step_ms) * step_ms + step_ms;
            start_ms.max(grid.window_ms.start)..end_ms.min(grid.window_ms.end)
        };
        let mut spans: Vec<(Range<i64>, &BuildFact)> =
            builds.iter().map(|build| (span(build), *build)).collect();
        spans.retain(|(span, _)| !span.is_empty());
        spans.sort_by(|(a, one), (b, other)| {
            (a.start, a.end, &one.id).cmp(&(b.start, b.end, &other.id))
        });
        let series = spans.iter().flat_map(|(_, build)| {
            let build = (build.project.as_str(), build.id.as_str(), build.number);
            BUILD_METRICS.map(|metric| {
                Series::build(&place.account, &place.region, build, dimensions, metric)
            })
        });
        let series = series.collect();
        let spans: Vec<Range<i64>> = spans.into_iter().map(|(span, _)| span).collect();
        let calls = packing::windows(&spans, period_s)
            .into_iter()
            .map(|(builds, window_ms)| {
                let each = BUILD_METRICS.len();
                (builds.start * each..builds.end * each, window_ms)
            });
        Some(Self {
            day,
            period_s,
            series,
            calls: calls.collect(),
        })
    }

    /// Metrics that it requests.
    pub(crate) fn metrics(&self) -> u64 {
        (self.series.len() * STATISTICS.len()) as u64
    }

    /// Fetches and commits it; as [`super::fetch`] in all else.
    pub(crate) async fn fetch(
        &self,
        place: &Place,
        now_ms: i64,
        known: &Known,
        sink: &Sink,
    ) -> Result<(), Fault> {
        let of_calls: Vec<_> = self
            .calls
            .iter()
            .map(|(series, window_ms)| (queries(&self.series[series.clone()]), window_ms))
            .collect();
        let queries: Vec<Query<'_>> = of_calls
            .iter()
            .flat_map(|(queries, _)| queries.iter().copied())
            .collect();
        let grid = |window_ms: &Range<i64>| Grid {
            window_ms: window_ms.clone(),
            period_s: self.period_s,
        };
        let calls = of_calls.iter().filter(|(queries, _)| !queries.is_empty());
        let calls = calls.map(|(queries, window_ms)| (queries.as_slice(), grid(window_ms)));
        let unit = sink.unit();
        let mut outcome = gather(place, &queries, calls.collect(), now_ms, &unit).await?;
        outcome.flaws.of_calls(
            "builds without a number",
            self.series
                .iter()
                .filter(|series| !series.is_known())
                .count(),
        );
        let told = outcome.scope_day(self.day, plan::is_over(self.day, now_ms));
        let scope_day = ScopeDay::of_scope(BUILD_SCOPE, source::BUILD_METRICS, self.day, told);
        unit.commit(place, vec![scope_day], known).await
    }
}
