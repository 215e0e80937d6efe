//! The samples of some series, gathered call by call, and what became of them.

use std::collections::BTreeMap;

use futures::StreamExt;
use futures::stream;

use super::answers::Answer;
use super::ask::{Query, answered};
use super::flaws::Flaws;
use super::grid::Grid;
use super::series::{SERIES_PER_WORKLOAD, STATISTICS, Series};
use super::{packing, readings};
use crate::collect::call::{Fault, Place};
use crate::collect::commit::Unit;
use crate::collect::plan::Day;
use crate::dataset::batch::Batch;
use crate::dataset::schema::{Metric, SampleRow, State};
use crate::dataset::source::OPEN_DAY;
use crate::model::workload::Kind;

/// Calls of one unit under way at once.
const CALLS: usize = 3;
/// A service whose CPU and memory stay below this share of its size may be idle. Source: AWS Compute Optimizer user guide,
/// idle resource recommendations, read 2026-11.
const QUIET_PERCENT: f64 = 1.0;

/// Makes `calls`, each some of the `queries` in their order over one window, and sends the samples. Fails only when
/// everything is to stop.
pub(super) async fn gather(
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

/// The queries of these series, each statistic of each.
pub(super) fn queries(series: &[Series]) -> Vec<Query<'_>> {
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
pub(super) struct Outcome {
    rows: usize,
    pub(super) flaws: Flaws,
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
    pub(super) fn quiet<'s>(&self, series: &'s [Series]) -> impl Iterator<Item = &'s Series> {
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

    pub(super) fn scope_day(&self, day: Day, is_over: bool) -> (State, Option<String>) {
        let flaws = self.flaws.reason(day);
        match &self.fault {
            Some(fault) => fault.broke_off(self.rows == 0, flaws),
            None if self.flaws.is_denied() => (State::Denied, flaws),
            None if flaws.is_some() => (State::Partial, flaws),
            None if is_over => (State::Complete, None),
            None => (State::Partial, Some(OPEN_DAY.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Day = 20_770;

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
}
