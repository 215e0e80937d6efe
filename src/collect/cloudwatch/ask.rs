//! One call of `GetMetricData`: all its pages, and asked again where that may help.

use std::sync::atomic::Ordering;

use aws_sdk_cloudwatch::types::ScanBy;
use aws_smithy_types::DateTime;
use tokio::sync::Semaphore;

use super::answers::{self, Answer, Answers, Status};
use super::grid::Grid;
use super::series::{Series, Statistic};
use crate::collect::call::{Fault, Pages, Place, is_stale_token};
use crate::collect::rates::Class;

/// Answers that are being received at once in the whole process: what bounds memory, at a few MB for each.
static RECEIVING: Semaphore = Semaphore::const_new(12);
/// Times that a query is asked again when it was not answered in full.
const MOST_REPEATS: usize = 3;

/// One statistic of one series.
pub(super) type Query<'a> = (&'a Series, Statistic);

/// The answers to one call's queries, asked again where that may help.
pub(super) async fn answered(
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
