//! What `GetMetricData` answered, page by page.

use std::collections::BTreeSet;

use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataOutput;
use aws_sdk_cloudwatch::types::{MessageData, MetricDataResult, StatusCode};
use aws_smithy_types::DateTime;

use super::flaws::Flaws;
use super::grid::Grid;
use crate::collect::call::Fault;
use crate::records::fields::code_word;

/// How often the points of a window may come again before the answer is taken to be without end.
const MOST_REPEATED: usize = 4;

/// How far a query was answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Status {
    /// Not a word about it.
    #[default]
    Missing,
    /// All points.
    Complete,
    /// A part of the points.
    Partial,
    /// AWS's side failed.
    Failed,
    /// The credentials may not read it.
    Forbidden,
    /// A status that is not AWS's.
    Unknown,
}

impl Status {
    fn of(code: Option<&StatusCode>) -> Self {
        match code {
            Some(StatusCode::Complete) => Self::Complete,
            Some(StatusCode::PartialData) => Self::Partial,
            Some(StatusCode::InternalError) => Self::Failed,
            Some(StatusCode::Forbidden) => Self::Forbidden,
            _ => Self::Unknown,
        }
    }

    /// Asking again may help.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Missing | Self::Partial | Self::Failed)
    }
}

/// The answer to one query.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Start of each period and the value; in no order, and maybe repeated, until [`Answer::finish`].
    points: Vec<(i64, f64)>,
    /// As the last page that speaks of it says.
    pub(super) status: Status,
    strays: usize,
    unpaired: usize,
    codes: BTreeSet<String>,
}

/// The answers to the queries of one call, in their order.
#[derive(Debug)]
pub(super) struct Answers {
    grid: Grid,
    /// One for each query.
    pub(super) each: Vec<Answer>,
    foreign: usize,
    codes: BTreeSet<String>,
}

/// The name of the query at `index`.
pub(super) fn id(index: usize) -> String {
    format!("q{index}")
}

fn index(id: &str) -> Option<usize> {
    id.strip_prefix('q')?.parse().ok()
}

impl Answers {
    /// No answer yet to any of `queries` queries.
    pub(super) fn new(queries: usize, grid: &Grid) -> Self {
        let each = (0..queries).map(|_| Answer::default()).collect();
        Self {
            grid: grid.clone(),
            each,
            foreign: 0,
            codes: BTreeSet::new(),
        }
    }

    /// Takes a page; returns whether it held no points.
    pub(super) fn take(&mut self, page: GetMetricDataOutput) -> Result<bool, Fault> {
        self.codes.extend(codes(page.messages));
        let mut is_empty = true;
        for result in page.metric_data_results.unwrap_or_default() {
            let answer = result
                .id
                .as_deref()
                .and_then(index)
                .and_then(|index| self.each.get_mut(index));
            let Some(answer) = answer else {
                self.foreign += 1;
                continue;
            };
            is_empty &= result.values.as_ref().is_none_or(Vec::is_empty);
            answer.take(result, &self.grid);
            if answer.points.len() > MOST_REPEATED * self.grid.points().max(1) {
                return Err(Fault::Protocol(
                    "cloudwatch:GetMetricData: the same points again and again".to_owned(),
                ));
            }
        }
        Ok(is_empty)
    }

    /// Puts the answers of a second attempt in the places of the first.
    pub(super) fn replace(&mut self, places: &[usize], second: Self) {
        for (&place, answer) in places.iter().zip(second.each) {
            self.each[place] = answer;
        }
        self.foreign += second.foreign;
        self.codes.extend(second.codes);
    }

    /// Which queries have a status that `is` true of.
    pub(super) fn which(&self, is: impl Fn(&Status) -> bool) -> Vec<usize> {
        (0..self.each.len())
            .filter(|&place| is(&self.each[place].status))
            .collect()
    }

    /// Tells what is wrong with the call as a whole and gives the answers away.
    pub(super) fn finish(self, flaws: &mut Flaws) -> Vec<Answer> {
        flaws.of_calls("answers that were not asked for", self.foreign);
        self.codes
            .iter()
            .for_each(|code| flaws.of_calls(&message(code), 1));
        self.each
    }
}

impl Answer {
    fn take(&mut self, result: MetricDataResult, grid: &Grid) {
        self.status = Status::of(result.status_code.as_ref());
        self.codes.extend(codes(result.messages));
        let (times, values) = (
            result.timestamps.unwrap_or_default(),
            result.values.unwrap_or_default(),
        );
        if times.len() != values.len() {
            self.unpaired += times.len().max(values.len());
            return;
        }
        for (time, value) in times.iter().zip(values) {
            match epoch_ms(time).filter(|&at_ms| grid.holds(at_ms)) {
                Some(at_ms) => self.points.push((at_ms, value)),
                None => self.strays += 1,
            }
        }
    }

    /// The answer to the same query over two windows.
    pub(super) fn joined(mut self, other: Self) -> Self {
        self.points.extend(other.points);
        self.status = if self.status == Status::Complete {
            other.status
        } else {
            self.status
        };
        self.strays += other.strays;
        self.unpaired += other.unpaired;
        self.codes.extend(other.codes);
        self
    }

    /// Tells what is wrong with it and returns its points in order, each once. Points that contradict each other
    /// have no value: they are NaN.
    pub(super) fn finish(mut self, flaws: &mut Flaws) -> Vec<(i64, f64)> {
        flaws.count_query();
        match self.status {
            Status::Complete => {}
            Status::Forbidden => flaws.refuse_query(),
            Status::Missing => flaws.of_queries("not answered"),
            Status::Partial => flaws.of_queries("partial data"),
            Status::Failed => flaws.of_queries("internal error"),
            Status::Unknown => flaws.of_queries("unknown status"),
        }
        self.codes
            .iter()
            .for_each(|code| flaws.of_queries(&message(code)));
        flaws.of_calls("points outside the window or off its grid", self.strays);
        flaws.of_calls(
            "times without values or values without times",
            self.unpaired,
        );
        self.points
            .sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        self.points.dedup_by(|later, earlier| {
            let same_time = later.0 == earlier.0;
            if same_time && later.1.to_bits() != earlier.1.to_bits() {
                earlier.1 = f64::NAN;
            }
            same_time
        });
        self.points
    }
}

fn message(code: &str) -> String {
    format!("message {code}")
}

/// The codes of messages; their texts are free and are not kept.
fn codes(messages: Option<Vec<MessageData>>) -> impl Iterator<Item = String> {
    let messages = messages.unwrap_or_default().into_iter();
    messages.map(|message| code_word(message.code).unwrap_or_else(|| "without a code".to_owned()))
}

/// Epoch milliseconds, to the nearest.
fn epoch_ms(time: &DateTime) -> Option<i64> {
    time.secs()
        .checked_mul(1000)?
        .checked_add((i64::from(time.subsec_nanos()) + 500_000) / 1_000_000)
}

#[cfg(test)]
impl Answer {
    /// An answer that can be told from others.
    pub(super) fn named(name: &str) -> Self {
        Self {
            codes: BTreeSet::from([name.to_owned()]),
            ..Self::default()
        }
    }

    pub(super) fn name(&self) -> String {
        self.codes.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        Grid {
            window_ms: 0..300_000,
            period_s: 60,
        }
    }

    fn result(id: &str, status: StatusCode, points: &[(i64, f64)]) -> MetricDataResult {
        let times = points
            .iter()
            .map(|(seconds, _)| DateTime::from_secs(*seconds))
            .collect();
        let values = points.iter().map(|(_, value)| *value).collect();
        MetricDataResult::builder()
            .id(id)
            .status_code(status)
            .set_timestamps(Some(times))
            .set_values(Some(values))
            .build()
    }

    fn page(results: Vec<MetricDataResult>) -> GetMetricDataOutput {
        GetMetricDataOutput::builder()
            .set_metric_data_results(Some(results))
            .build()
    }

    fn only(results: Vec<MetricDataResult>) -> (Vec<(i64, f64)>, Option<String>) {
        let mut answers = Answers::new(1, &grid());
        let mut flaws = Flaws::default();
        for result in results {
            answers.take(page(vec![result])).unwrap();
        }
        let answer = answers.finish(&mut flaws).remove(0).finish(&mut flaws);
        (answer, flaws.reason(0))
    }

    #[test]
    fn pages_add_up_and_the_last_one_tells_the_status() {
        let first = result("q0", StatusCode::PartialData, &[(60, 2.0), (0, 1.0)]);
        let last = result("q0", StatusCode::Complete, &[(60, 2.0), (120, 3.0)]);
        assert_eq!(
            only(vec![first, last]),
            (vec![(0, 1.0), (60_000, 2.0), (120_000, 3.0)], None)
        );
    }

    #[test]
    fn a_query_without_an_answer_is_counted() {
        assert_eq!(only(vec![]).1.unwrap(), "not answered for 1 of 1 metrics");
    }

    #[test]
    fn metrics_asked_for_are_answered_or_counted() {
        let mut flaws = Flaws::default();
        for answer in Answers::new(2, &grid()).finish(&mut flaws) {
            answer.finish(&mut flaws);
        }
        flaws.account_for(2);
        assert!(!flaws.reason(0).unwrap().contains("lost"));
        flaws.account_for(5);
        assert!(
            flaws
                .reason(0)
                .unwrap()
                .contains("metrics that were lost on the way: 3")
        );
    }

    #[test]
    fn answers_that_were_not_asked_for_are_refused() {
        for id in ["q1", "m1", "", "q99999999999999999999999"] {
            let mut answers = Answers::new(1, &grid());
            assert!(
                answers
                    .take(page(vec![result(id, StatusCode::Complete, &[(0, 1.0)])]))
                    .unwrap(),
                "{id} has no points for us"
            );
            let mut flaws = Flaws::default();
            let answer = answers.finish(&mut flaws).remove(0);
            assert_eq!(answer.finish(&mut flaws), []);
            assert!(
                flaws
                    .reason(0)
                    .unwrap()
                    .contains("answers that were not asked for: 1")
            );
        }
    }

    #[test]
    fn points_outside_the_window_or_off_the_grid_are_not_kept() {
        let points = [(-60, 1.0), (0, 1.0), (30, 1.0), (300, 1.0)];
        let (kept, reason) = only(vec![result("q0", StatusCode::Complete, &points)]);
        assert_eq!(kept, [(0, 1.0)]);
        assert_eq!(
            reason.unwrap(),
            "points outside the window or off its grid: 3"
        );
    }

    #[test]
    fn lists_of_unequal_length_are_not_paired() {
        let unequal = MetricDataResult::builder()
            .id("q0")
            .status_code(StatusCode::Complete)
            .timestamps(DateTime::from_secs(0));
        let (kept, reason) = only(vec![unequal.build()]);
        assert_eq!(kept, []);
        assert_eq!(
            reason.unwrap(),
            "times without values or values without times: 1"
        );
    }

    #[test]
    fn points_that_contradict_each_other_have_no_value() {
        let (kept, _) = only(vec![result(
            "q0",
            StatusCode::Complete,
            &[(0, 1.0), (0, 2.0), (0, 2.0), (60, 5.0)],
        )]);
        assert!(kept[0].1.is_nan());
        assert_eq!(kept[1..], [(60_000, 5.0)]);
    }

    #[test]
    fn messages_are_told_by_their_code_only() {
        let message = MessageData::builder()
            .code("ArithmeticError")
            .value("free text")
            .build();
        let odd = MessageData::builder().code("free text").build();
        let with = MetricDataResult::builder()
            .id("q0")
            .status_code(StatusCode::Complete)
            .messages(message)
            .messages(odd);
        assert_eq!(
            only(vec![with.build()]).1.unwrap(),
            "message ArithmeticError for 1 of 1 metrics; message without a code for 1 of 1 metrics"
        );
    }

    #[test]
    fn only_when_every_metric_is_forbidden_is_the_chunk_denied() {
        let mut answers = Answers::new(2, &grid());
        answers
            .take(page(vec![
                result("q0", StatusCode::Forbidden, &[]),
                result("q1", StatusCode::Complete, &[]),
            ]))
            .unwrap();
        let mut flaws = Flaws::default();
        for answer in answers.finish(&mut flaws) {
            answer.finish(&mut flaws);
        }
        assert!(!flaws.is_denied());
        assert_eq!(flaws.reason(0).unwrap(), "access denied for 1 of 2 metrics");
    }

    #[test]
    fn the_same_points_without_end_are_an_error() {
        let mut answers = Answers::new(1, &grid());
        let again = || {
            page(vec![result(
                "q0",
                StatusCode::PartialData,
                &[(0, 1.0), (60, 1.0), (120, 1.0), (180, 1.0), (240, 1.0)],
            )])
        };
        let pages = (0..10)
            .map(|_| answers.take(again()))
            .take_while(Result::is_ok)
            .count();
        assert_eq!(pages, 4);
    }

    #[test]
    fn a_second_attempt_takes_the_place_of_the_first() {
        let mut answers = Answers::new(2, &grid());
        answers
            .take(page(vec![
                result("q0", StatusCode::Complete, &[]),
                result("q1", StatusCode::InternalError, &[]),
            ]))
            .unwrap();
        let open = answers.which(Status::is_open);
        assert_eq!(open, [1]);
        let mut second = Answers::new(1, &grid());
        second
            .take(page(vec![result("q0", StatusCode::Complete, &[(0, 7.0)])]))
            .unwrap();
        answers.replace(&open, second);
        assert!(answers.which(Status::is_open).is_empty());
        assert_eq!(answers.each[1].points, [(0, 7.0)]);
    }

    #[test]
    fn times_are_rounded_to_the_millisecond() {
        assert_eq!(
            epoch_ms(&DateTime::from_secs_and_nanos(1, 999_999_999)),
            Some(2_000)
        );
        assert_eq!(epoch_ms(&DateTime::from_secs(i64::MAX)), None);
    }
}
