//! CloudWatch metrics → samples: `AWS/ECS` of services, `ECS/ContainerInsights` of families, `AWS/CodeBuild` of builds.
//!
//! Each sample is made of three statistics, asked for as three queries: maximum, sum and sample count. A query may be
//! answered in pages, in part or not at all; what is missing makes its days partial.

mod answers;
mod ask;
mod builds;
mod flaws;
mod gather;
mod grid;
mod listing;
mod packing;
mod readings;
mod series;

pub(crate) use builds::BuildDay;
pub(crate) use listing::{BuildDimensions, ByCluster, build_dimensions, families, services};
pub(crate) use packing::{Chunk, Resolution, chunks, estimate};
pub(crate) use series::{SERIES_PER_WORKLOAD, Series};

use super::call::{Fault, Place};
use super::commit::Sink;
use super::plan::{self, Day, Known};
use crate::dataset::schema::State;
use crate::dataset::source::{self, OPEN_DAY};
use crate::dataset::written::ScopeDay;
use gather::{gather, queries};
use grid::Grid;

/// Some workloads of a scope over one chunk of days: what is fetched and committed together.
#[derive(Debug)]
pub(crate) struct Piece<'a> {
    /// Cluster.
    pub(crate) scope: &'a str,
    /// Source.
    pub(crate) source: &'static str,
    /// CPU and memory of each workload.
    pub(crate) series: &'a [Series],
    /// Days.
    pub(crate) chunk: &'a Chunk,
}

/// Fetches and commits a piece.
///
/// Fails only when everything is to stop; any other failure is committed as the scope-day on its workloads and days.
pub(crate) async fn fetch(
    place: &Place,
    piece: &Piece<'_>,
    now_ms: i64,
    known: &Known,
    sink: &Sink,
) -> Result<(), Fault> {
    let Piece {
        scope,
        source,
        series,
        chunk,
    } = *piece;
    let grid = Grid::within(&plan::window_ms(&chunk.days, now_ms), chunk.period_s);
    let unit = sink.unit();
    let of = async |series: &[Series]| {
        let queries = if grid.is_empty() {
            Vec::new()
        } else {
            queries(series)
        };
        let calls = queries
            .chunks(chunk.queries_per_call.max(1))
            .map(|queries| (queries, grid.clone()));
        gather(place, &queries, calls.collect(), now_ms, &unit).await
    };
    let outcome = of(series).await?;
    let network: Vec<Series> = outcome.quiet(series).flat_map(Series::network).collect();
    let network = of(&network).await?;
    let scope_day = |workload: &str, day: Day| {
        let (state, reason) = [&outcome, &network]
            .map(|outcome| outcome.scope_day(day, plan::is_over(day, now_ms)))
            .into_iter()
            .max_by_key(|(state, reason)| (*state, reason.as_deref() != Some(OPEN_DAY)))
            .unwrap_or((State::Complete, None));
        let (scope, source) = (scope.to_owned(), source::of(source, workload));
        ScopeDay {
            scope,
            workload: Some(workload.to_owned()),
            source,
            day,
            state,
            reason,
        }
    };
    let workloads = series
        .chunks(SERIES_PER_WORKLOAD)
        .filter_map(|of_workload| of_workload.first());
    let scope_days = workloads.flat_map(|first| {
        chunk
            .days
            .clone()
            .map(|day| scope_day(&first.workload.name, day))
    });
    unit.commit(place, scope_days.collect(), known).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetch_may_move_between_threads() {
        fn is_send<F: Future + Send>(
            _: impl FnOnce(&'static Place, &'static Known, &'static Sink) -> F,
        ) {
        }
        static CHUNK: Chunk = Chunk {
            days: 0..1,
            period_s: 60,
            queries_per_call: 1,
        };
        static PIECE: Piece<'static> = Piece {
            scope: "prod",
            source: "collect:metrics",
            series: &[],
            chunk: &CHUNK,
        };
        is_send(|place, known, sink| fetch(place, &PIECE, 0, known, sink));
        is_send(|place, _, _| build_dimensions(place));
    }
}
