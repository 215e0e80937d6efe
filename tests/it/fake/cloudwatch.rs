//! Amazon CloudWatch: `GetMetricData` and `ListMetrics`.

use serde_json::{Value, json};

use super::answer::{Answer, Ask, Page, Problem};
use super::faults::Kind;
use super::metric_data::{MetricData, MetricResult};
use super::series::{Dimensions, Point};
use super::world::{DAY, HOUR, MINUTE};

/// Queries of one call. Source: `GetMetricData` API reference, read 2026-11.
const MOST_QUERIES: usize = 500;
/// Metrics of one page. Source: `ListMetrics` API reference, read 2026-11.
const LIST_PAGE: usize = 500;
/// Where the second half of every result begins, for the fault that splits them.
const SECOND_HALVES: &str = "halves";

pub(crate) fn answer(ask: &Ask<'_>) -> Result<Answer, Problem> {
    match ask.op {
        "cloudwatch:GetMetricData" => get_metric_data(ask).map(Answer::Metrics),
        "cloudwatch:ListMetrics" => list_metrics(ask).map(Answer::Cbor),
        other => Err(Problem::unexpected(other)),
    }
}

fn invalid(message: impl Into<String>) -> Problem {
    Problem::new(400, "ValidationError", message)
}

/// One metric asked for.
#[derive(Debug)]
struct Query {
    id: String,
    namespace: String,
    metric: String,
    dimensions: Dimensions,
    period_ms: i64,
    stat: String,
}

impl Query {
    fn parse(query: &Value) -> Result<Self, Problem> {
        let text =
            |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let id =
            text(query, "Id").filter(|id| id.starts_with(|first: char| first.is_ascii_lowercase()));
        let id = id.ok_or_else(|| {
            invalid("The value for parameter Id must begin with a lower-case letter")
        })?;
        let stat = query
            .get("MetricStat")
            .ok_or_else(|| invalid(format!("expressions are not played, as in {id}")))?;
        let metric = stat
            .get("Metric")
            .ok_or_else(|| invalid("Metric is required"))?;
        let period_s = stat.get("Period").and_then(Value::as_i64).unwrap_or(0);
        if period_s < 60 || period_s % 60 != 0 {
            return Err(invalid("Period must be a multiple of 60"));
        }
        let known = ["Maximum", "Minimum", "Sum", "SampleCount", "Average"];
        let stat_name = text(stat, "Stat").filter(|stat| known.contains(&stat.as_str()));
        Ok(Self {
            id,
            namespace: text(metric, "Namespace").unwrap_or_default(),
            metric: text(metric, "MetricName").unwrap_or_default(),
            dimensions: dimensions(metric),
            period_ms: period_s * 1_000,
            stat: stat_name
                .ok_or_else(|| invalid("The value for parameter Stat is not one that is played"))?,
        })
    }
}

fn dimensions(metric: &Value) -> Dimensions {
    let text =
        |dimension: &Value, name: &str| dimension[name].as_str().unwrap_or_default().to_owned();
    let listed = metric
        .get("Dimensions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let mut dimensions: Dimensions = listed
        .map(|dimension| (text(dimension, "Name"), text(dimension, "Value")))
        .collect();
    dimensions.sort();
    dimensions
}

/// CloudWatch rounds the start down, the more coarsely the older it is.
fn rounded_start(start_ms: i64, now_ms: i64) -> i64 {
    let grain_ms = match now_ms - start_ms {
        age_ms if age_ms > 63 * DAY => HOUR,
        age_ms if age_ms > 15 * DAY => 5 * MINUTE,
        _ => MINUTE,
    };
    start_ms.div_euclid(grain_ms) * grain_ms
}

fn get_metric_data(ask: &Ask<'_>) -> Result<MetricData, Problem> {
    let queries = ask
        .input
        .get("MetricDataQueries")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    if queries.is_empty() || queries.len() > MOST_QUERIES {
        return Err(invalid(format!(
            "The collection MetricDataQueries must have between 1 and {MOST_QUERIES} members."
        )));
    }
    let queries: Vec<Query> = queries.iter().map(Query::parse).collect::<Result<_, _>>()?;
    let ids: std::collections::BTreeSet<&str> =
        queries.iter().map(|query| query.id.as_str()).collect();
    if ids.len() < queries.len() {
        return Err(invalid(
            "The values for parameter id in MetricDataQueries are not unique.",
        ));
    }
    let time = |name: &str| {
        ask.input
            .get(name)
            .and_then(Value::as_f64)
            .map(|seconds| (seconds * 1_000.0).round() as i64)
    };
    let (Some(start_ms), Some(end_ms)) = (time("StartTime"), time("EndTime")) else {
        return Err(invalid("StartTime and EndTime are required."));
    };
    if start_ms >= end_ms {
        return Err(invalid(
            "The parameter StartTime must be less than the parameter EndTime.",
        ));
    }
    let window_ms = (rounded_start(start_ms, ask.place.world.now_ms), end_ms);
    let is_ascending = ask.text("ScanBy") == Some("TimestampAscending");
    let position = ask.position()?;
    if position.is_none() && matches!(ask.fault, Some(Kind::PartialDataWithToken))
        || position.as_deref() == Some(SECOND_HALVES)
    {
        return Ok(half(
            ask,
            &queries,
            window_ms,
            is_ascending,
            position.is_none(),
        ));
    }
    let (mut query_no, mut point_no) = match position {
        None => (0, 0),
        Some(position) => position
            .split_once(',')
            .and_then(|(query, point)| Some((query.parse().ok()?, point.parse().ok()?)))
            .ok_or_else(|| ask.stale_token())?,
    };
    let most = ask
        .number("MaxDatapoints")
        .and_then(|most| usize::try_from(most).ok())
        .filter(|most| *most > 0);
    let mut room = most.map_or(ask.place.world.metric_page_points, |most| {
        most.min(ask.place.world.metric_page_points)
    });
    let mut data = MetricData::default();
    let mut points = Points::default();
    while let Some(query) = queries.get(query_no) {
        let told = points.of(ask, query, window_ms, is_ascending);
        let rest = told.get(point_no..).unwrap_or_default();
        let page = &rest[..rest.len().min(room)];
        room -= page.len();
        let status = if page.len() < rest.len() {
            "PartialData"
        } else {
            "Complete"
        };
        data.results.push(result(query, page, status));
        (query_no, point_no) = if page.len() < rest.len() {
            (query_no, point_no + page.len())
        } else {
            (query_no + 1, 0)
        };
        if room == 0 && query_no < queries.len() {
            data.token = Some(ask.token_at(&format!("{query_no},{point_no}")));
            break;
        }
    }
    Ok(data)
}

/// The first or the second half of the points of each query.
fn half(
    ask: &Ask<'_>,
    queries: &[Query],
    window_ms: (i64, i64),
    is_ascending: bool,
    is_first: bool,
) -> MetricData {
    let mut points = Points::default();
    let results = queries.iter().map(|query| {
        let told = points.of(ask, query, window_ms, is_ascending);
        let (first, second) = told.split_at(told.len().div_ceil(2));
        if is_first {
            result(query, first, "PartialData")
        } else {
            result(query, second, "Complete")
        }
    });
    MetricData {
        results: results.collect(),
        token: is_first.then(|| ask.token_at(SECOND_HALVES)),
        ..MetricData::default()
    }
}

fn result(query: &Query, points: &[(i64, Point)], status: &'static str) -> MetricResult {
    MetricResult {
        id: query.id.clone(),
        label: query.metric.clone(),
        times_ms: points.iter().map(|(at_ms, _)| *at_ms).collect(),
        values: points
            .iter()
            .map(|(_, point)| point.statistic(&query.stat).expect("a known statistic"))
            .collect(),
        status,
    }
}

/// The points of the series asked for last: its other statistics mostly come next.
#[derive(Debug, Default)]
struct Points {
    of: Option<(String, String, Dimensions, i64)>,
    points: Vec<(i64, Point)>,
}

impl Points {
    fn of(
        &mut self,
        ask: &Ask<'_>,
        query: &Query,
        (from_ms, to_ms): (i64, i64),
        is_ascending: bool,
    ) -> &[(i64, Point)] {
        let wanted = (
            query.namespace.clone(),
            query.metric.clone(),
            query.dimensions.clone(),
            query.period_ms,
        );
        if self.of.as_ref() != Some(&wanted) {
            let series = ask.place.series(&wanted.0, &wanted.1, &wanted.2);
            self.points = series.map_or_else(Vec::new, |series| {
                series.points(&ask.place, from_ms, to_ms, query.period_ms)
            });
            if !is_ascending {
                self.points.reverse();
            }
            self.of = Some(wanted);
        }
        &self.points
    }
}

fn list_metrics(ask: &Ask<'_>) -> Result<Value, Problem> {
    let (namespace, metric) = (ask.text("Namespace"), ask.text("MetricName"));
    let filters = ask
        .input
        .get("Dimensions")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    if filters.len() > 10 {
        return Err(Problem::new(
            400,
            "InvalidParameterValue",
            "The parameter Dimensions must have at most 10 members.",
        ));
    }
    let is_wanted = |known: &str, dimensions: &Dimensions| {
        let holds = |filter: &Value| {
            let value = filter["Value"].as_str();
            dimensions.iter().any(|(name, known)| {
                Some(name.as_str()) == filter["Name"].as_str()
                    && value.is_none_or(|value| value == known)
            })
        };
        namespace.is_none_or(|wanted| wanted == known) && filters.iter().all(holds)
    };
    let listed = ask
        .place
        .listed(is_wanted)
        .into_iter()
        .filter(|(_, name, _)| metric.is_none_or(|wanted| wanted == *name));
    let page = ask.page(listed, LIST_PAGE)?;
    let spelt = page
        .items
        .into_iter()
        .map(|(namespace, metric, dimensions)| {
            let dimensions: Vec<Value> = dimensions
                .into_iter()
                .map(|(name, value)| json!({ "Name": name, "Value": value }))
                .collect();
            json!({ "Namespace": namespace, "MetricName": metric, "Dimensions": dimensions })
        });
    Ok(Page {
        items: spelt.collect(),
        token: page.token,
    }
    .named("Metrics", "NextToken"))
}
