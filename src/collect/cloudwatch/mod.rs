//! CloudWatch metrics → samples: `AWS/ECS` of services, `ECS/ContainerInsights` of families, `AWS/CodeBuild` of builds.
//!
//! Each sample is made of three statistics, asked for as three queries: maximum, sum and sample count. A query may be
//! answered in pages, in part or not at all; what is missing makes its days partial.

mod answers;
mod listing;
mod packing;
mod readings;
mod series;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::Ordering;

use aws_sdk_cloudwatch::types::ScanBy;
use aws_smithy_types::DateTime;
use futures::StreamExt;
use futures::stream;
use tokio::sync::Semaphore;

pub(crate) use listing::{BuildDimensions, ByCluster, build_dimensions, families, services};
pub(crate) use packing::{Chunk, Resolution, chunks, estimate};
pub(crate) use series::{SERIES_PER_WORKLOAD, Series};

use super::call::{Fault, Pages, Place, is_stale_token};
use super::codebuild::BuildFact;
use super::commit::{Sink, Unit};
use super::plan::{self, Day, Known};
use super::rates::Class;
use super::{OPEN_DAY, source};
use crate::dataset::batch::Batch;
use crate::dataset::schema::{Metric, SampleRow, State};
use crate::dataset::written::{BUILD_SCOPE, ScopeDay};
use crate::model::workload::Kind;
use answers::{Answer, Answers, Flaws, Grid, Status};
use series::{BUILD_METRICS, STATISTICS, Statistic};

/// Calls of one unit under way at once.
const CALLS: usize = 3;
/// Answers that are being received at once in the whole process: what bounds memory, at a few MB for each.
static RECEIVING: Semaphore = Semaphore::const_new(12);
/// Times that a query is asked again when it was not answered in full.
const MOST_REPEATS: usize = 3;

/// A service whose CPU and memory stay below this share of its size may be idle. Source: AWS Compute Optimizer user guide,
/// idle resource recommendations, read 2026-11.
const QUIET_PERCENT: f64 = 1.0;

/// A build's last sample may come so much after its end.
const LAST_READING_MS: i64 = 5 * 60 * 1000;

/// One statistic of one series.
type Query<'a> = (&'a Series, Statistic);

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

    /// Fetches and commits it; as [`fetch`] in all else.
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
        let (state, reason) = outcome.scope_day(self.day, plan::is_over(self.day, now_ms));
        let (scope, source) = (BUILD_SCOPE.to_owned(), source::BUILD_METRICS.to_owned());
        unit.commit(
            place,
            vec![ScopeDay {
                scope,
                workload: None,
                source,
                day: self.day,
                state,
                reason,
            }],
            known,
        )
        .await
    }
}

/// Makes `calls`, each some of the `queries` in their order over one window, and sends the samples. Fails only when
/// everything is to stop.
async fn gather(
    place: &Place,
    queries: &[Query<'_>],
    calls: Vec<(&[Query<'_>], Grid)>,
    now_ms: i64,
    unit: &Unit,
) -> Result<Outcome, Fault> {
    let mut outcome = Outcome::default();
    let period_s = calls.first().map_or(0, |(_, grid)| grid.period_s);
    let first_ms = calls
        .iter()
        .map(|(_, grid)| grid.window_ms.start)
        .min()
        .unwrap_or(now_ms);
    let answers: Vec<_> = calls
        .into_iter()
        .map(|(queries, grid)| answered(place, queries, grid, now_ms))
        .collect();
    let mut answers = stream::iter(answers).buffered(CALLS);
    let mut assembly = Assembly::of(queries);
    while let Some(answers) = answers.next().await {
        let answers = match answers {
            Ok(answers) => answers.finish(&mut outcome.flaws),
            Err(fault @ Fault::Stopped(_)) => return Err(fault),
            Err(fault) => {
                outcome.fault = Some(fault);
                break;
            }
        };
        let mut batch = Batch::default();
        for (series, answers) in assembly.add(answers) {
            let samples = readings::samples(series, answers, period_s, &mut outcome.flaws);
            outcome.note_peak(series, &samples);
            batch.samples.extend(samples);
        }
        outcome.rows += batch.samples.len();
        if !batch.samples.is_empty() {
            unit.rows(batch).await?;
        }
    }
    drop(answers);
    if outcome.fault.is_none() {
        outcome.flaws.account_for(queries.len());
        let took_ms = i64::try_from(place.begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        let is_late = packing::expires_ms(first_ms, period_s) <= now_ms.saturating_add(took_ms);
        outcome.flaws.of_calls(
            "CloudWatch began to forget before it was asked",
            usize::from(is_late && !queries.is_empty()),
        );
    }
    Ok(outcome)
}

fn queries(series: &[Series]) -> Vec<Query<'_>> {
    series
        .iter()
        .filter(|series| series.is_known())
        .flat_map(|series| STATISTICS.map(|statistic| (series, statistic)))
        .collect()
}

/// Puts the answers together series by series: the three statistics of one may come with neighbouring calls.
struct Assembly<'a> {
    /// Queries of the series that are not whole yet, in order.
    queries: &'a [Query<'a>],
    /// Answers to the first of them, fewer than a series has.
    waiting: Vec<Answer>,
}

impl<'a> Assembly<'a> {
    fn of(queries: &'a [Query<'a>]) -> Self {
        Self {
            queries,
            waiting: Vec::new(),
        }
    }

    /// Takes the answers to the next queries; returns the series that have all their statistics now.
    fn add(&mut self, answers: Vec<Answer>) -> Vec<(&'a Series, [Answer; STATISTICS.len()])> {
        let mut whole = Vec::new();
        for answer in answers {
            self.waiting.push(answer);
            match std::mem::take(&mut self.waiting).try_into() {
                Ok(answers) => {
                    let (of_series, rest) = self
                        .queries
                        .split_at(STATISTICS.len().min(self.queries.len()));
                    self.queries = rest;
                    whole.extend(of_series.first().map(|(series, _)| (*series, answers)));
                }
                Err(waiting) => self.waiting = waiting,
            }
        }
        whole
    }
}

/// What became of a chunk.
#[derive(Debug, Default)]
struct Outcome {
    rows: usize,
    flaws: Flaws,
    /// Why not everything was asked for.
    fault: Option<Fault>,
    /// The highest samples of services, by name and metric, percent.
    peaks: BTreeMap<(String, Metric), f64>,
}

impl Outcome {
    fn note_peak(&mut self, series: &Series, samples: &[SampleRow]) {
        if series.workload.kind != Kind::Service {
            return;
        }
        let key = (series.workload.name.clone(), series.metric);
        for sample in samples {
            let peak = self.peaks.entry(key.clone()).or_insert(sample.max);
            *peak = peak.max(sample.max);
        }
    }

    /// One of the series of each service that did next to nothing: only of those it matters whether bytes flow through
    /// them, and only where Container Insights counts those.
    fn quiet<'s>(&self, series: &'s [Series]) -> impl Iterator<Item = &'s Series> {
        let is_low = |series: &Series| {
            let key = (series.workload.name.clone(), series.metric);
            let peak = self.peaks.get(&key);
            peak.is_some_and(|&peak| peak < QUIET_PERCENT)
        };
        series
            .chunks(SERIES_PER_WORKLOAD)
            .filter(move |of_workload| of_workload.iter().all(is_low))
            .filter_map(<[Series]>::first)
    }

    fn scope_day(&self, day: plan::Day, is_over: bool) -> (State, Option<String>) {
        let flaws = self.flaws.reason(day);
        match &self.fault {
            Some(fault) if self.rows == 0 => (fault.state(), Some(fault.reason())),
            Some(fault) => (
                State::Partial,
                Some(
                    [Some(fault.reason()), flaws]
                        .into_iter()
                        .flatten()
                        .collect::<Vec<_>>()
                        .join("; "),
                ),
            ),
            None if self.flaws.is_denied() => (State::Denied, flaws),
            None if flaws.is_some() => (State::Partial, flaws),
            None if is_over => (State::Complete, None),
            None => (State::Partial, Some(OPEN_DAY.to_owned())),
        }
    }
}

/// The answers to one call's queries, asked again where that may help.
async fn answered(
    place: &Place,
    queries: &[Query<'_>],
    grid: Grid,
    now_ms: i64,
) -> Result<Answers, Fault> {
    let mut answers = ask(place, queries, &grid, now_ms).await?;
    for _ in 0..MOST_REPEATS {
        let open = answers.which(Status::is_open);
        if open.is_empty() {
            break;
        }
        let again: Vec<Query<'_>> = open.iter().map(|&index| queries[index]).collect();
        answers.replace(&open, ask(place, &again, &grid, now_ms).await?);
    }
    for index in answers.which(|status| *status == Status::Partial) {
        let mut halves = Vec::new();
        for half in grid.halves().iter().filter(|half| !half.is_empty()) {
            halves.extend(
                ask(place, &queries[index..=index], half, now_ms)
                    .await?
                    .each,
            );
        }
        if let Some(whole) = halves.into_iter().reduce(Answer::joined) {
            answers.each[index] = whole;
        }
    }
    Ok(answers)
}

/// One call, all its pages.
async fn ask(
    place: &Place,
    queries: &[Query<'_>],
    grid: &Grid,
    now_ms: i64,
) -> Result<Answers, Fault> {
    let named = (0..).zip(queries).map(|(index, (series, statistic))| {
        series.query(answers::id(index), *statistic, grid.period_s)
    });
    let named: Vec<_> = named.collect();
    let request = |token: &Option<String>| {
        place
            .tally
            .metrics
            .fetch_add(queries.len() as u64, Ordering::Relaxed);
        let request = place
            .clients
            .cloudwatch
            .get_metric_data()
            .set_metric_data_queries(Some(named.clone()));
        let request = request
            .start_time(DateTime::from_millis(grid.window_ms.start))
            .end_time(DateTime::from_millis(grid.window_ms.end));
        let request = request
            .scan_by(ScanBy::TimestampAscending)
            .set_next_token(token.clone());
        // Not while waiting for its turn: a place that is slowed down must not hold up the others.
        async move {
            let _receiving = RECEIVING.acquire().await;
            request.send().await
        }
    };
    let (mut answers, mut pages, mut token) =
        (Answers::new(queries.len(), grid), Pages::default(), None);
    let (class, points) = grid.points_asked(queries.len(), now_ms);
    loop {
        place
            .unless_stopped(place.rates.turns(class, points))
            .await?;
        let metrics = queries.len() as u64;
        place.spending.take(metrics)?;
        let page = match place
            .call(Class::MetricData, "cloudwatch:GetMetricData", || {
                request(&token)
            })
            .await
        {
            Err(fault) if token.is_some() && is_stale_token(&fault) && pages.may_restart() => {
                answers = Answers::new(queries.len(), grid);
                token = None;
                continue;
            }
            page => page.inspect_err(|_| place.spending.give_back(metrics))?,
        };
        let next = page.next_token.clone();
        let is_empty = answers.take(page)?;
        token = pages.next(next, is_empty)?;
        if token.is_none() {
            return Ok(answers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: plan::Day = 20_770;

    fn outcome(change: impl FnOnce(&mut Outcome)) -> (State, Option<String>) {
        let mut outcome = Outcome::default();
        change(&mut outcome);
        outcome.scope_day(DAY, true)
    }

    #[test]
    fn every_series_gets_its_own_answers_however_they_are_spread_over_calls() {
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        let series = names.map(|name| {
            let [cpu, _] = Series::of_service("123456789012", "us-east-1", "prod", name);
            cpu
        });
        let queries = queries(&series);
        for per_call in 1..=queries.len() {
            let mut assembly = Assembly::of(&queries);
            let mut told = Vec::new();
            for call in queries.chunks(per_call) {
                let answers = call.iter().map(|(series, statistic)| {
                    Answer::named(&format!("{}{statistic:?}", series.workload.name))
                });
                for (series, answers) in assembly.add(answers.collect()) {
                    told.push((
                        series.workload.name.clone(),
                        answers.map(|answer| answer.name()),
                    ));
                }
            }
            let expected = names.map(|name| {
                (
                    name.to_owned(),
                    ["Maximum", "Sum", "SampleCount"].map(|statistic| format!("{name}{statistic}")),
                )
            });
            assert_eq!(told, expected, "{per_call} queries per call");
        }
    }

    #[test]
    fn a_day_without_points_is_complete() {
        assert_eq!(outcome(|_| ()), (State::Complete, None));
    }

    #[test]
    fn a_day_that_is_not_over_is_partial_for_that_reason_alone() {
        let outcome = Outcome::default();
        assert_eq!(
            outcome.scope_day(DAY, false),
            (State::Partial, Some(OPEN_DAY.to_owned()))
        );
    }

    #[test]
    fn a_refused_call_without_rows_is_denied() {
        let denied = || Some(Fault::Denied("cloudwatch:GetMetricData".to_owned()));
        assert_eq!(outcome(|outcome| outcome.fault = denied()).0, State::Denied);
        let (state, reason) = outcome(|outcome| {
            outcome.fault = denied();
            outcome.rows = 1;
        });
        assert_eq!(
            (state, reason.as_deref()),
            (
                State::Partial,
                Some("access denied: cloudwatch:GetMetricData")
            )
        );
    }

    #[test]
    fn a_flaw_of_one_day_leaves_the_others_complete() {
        let mut outcome = Outcome::default();
        outcome
            .flaws
            .of_day(DAY * crate::model::units::MS_PER_DAY, "negative");
        assert_eq!(outcome.scope_day(DAY, true).0, State::Partial);
        assert_eq!(outcome.scope_day(DAY + 1, true), (State::Complete, None));
    }

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
