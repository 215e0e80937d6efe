//! AWS's published rates, per account and region, as token buckets.

use std::collections::HashMap;
use std::time::Instant;

use serde_json::Value;

/// How strictly the rates are kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Quotas {
    /// 1 for AWS's own rates; more for tests that cannot wait.
    pub(crate) factor: f64,
    /// The share that somebody else in the account uses all the time.
    pub(crate) neighbour: f64,
}

/// Burst and calls per second of the bucket that an operation draws from.
///
/// Sources, read 2026-11: ECS developer guide, request throttling; CloudWatch user guide, service quotas; CloudWatch Logs
/// user guide, quotas. AWS publishes none for CodeBuild, Price List and STS: these are guesses.
fn bucket(op: &str) -> (&'static str, f64, f64) {
    match op {
        "ecs:DescribeTasks"
        | "ecs:ListTasks"
        | "ecs:DescribeContainerInstances"
        | "ecs:ListContainerInstances" => ("ecs cluster resources", 100.0, 20.0),
        "ecs:DescribeServices"
        | "ecs:ListServices"
        | "ecs:ListServiceDeployments"
        | "ecs:DescribeServiceRevisions" => ("ecs services", 100.0, 20.0),
        "ecs:DescribeClusters" | "ecs:ListClusters" => ("ecs clusters", 50.0, 20.0),
        "ecs:DescribeTaskDefinition" => ("ecs task definitions", 50.0, 20.0),
        "cloudwatch:GetMetricData" => ("metric data", 50.0, 50.0),
        "cloudwatch:ListMetrics" => ("metrics", 25.0, 25.0),
        "logs:FilterLogEvents" => ("log events", 25.0, 25.0),
        "logs:DescribeLogGroups" => ("log groups", 10.0, 10.0),
        op if op.starts_with("codebuild:") => ("codebuild", 20.0, 10.0),
        op if op.starts_with("s3:") => ("s3", 3_500.0, 3_500.0),
        op if op.starts_with("sts:") => ("sts", 100.0, 100.0),
        _ => ("other", 10.0, 10.0),
    }
}

/// Points per second of `GetMetricData`, for windows that begin up to three hours ago and for older ones, counted as
/// asked for.
const POINTS: [f64; 2] = [180_000.0, 396_000.0];

/// How full each bucket is.
#[derive(Debug, Default)]
pub(crate) struct Buckets(HashMap<(String, String, &'static str), (f64, Instant)>);

impl Buckets {
    /// Draws for one call; false where AWS would throttle it.
    pub(crate) fn allow(
        &mut self,
        quotas: Quotas,
        place: (&str, &str),
        op: &str,
        input: &Value,
        now_ms: i64,
    ) -> bool {
        let (name, burst, rate) = bucket(op);
        if !self.draw(quotas, place, name, (burst, rate), 1.0) {
            return false;
        }
        if op != "cloudwatch:GetMetricData" {
            return true;
        }
        let (points, is_old) = points(input, now_ms);
        let rate = POINTS[usize::from(is_old)];
        self.draw(
            quotas,
            place,
            if is_old {
                "old points"
            } else {
                "recent points"
            },
            (rate, rate),
            points,
        )
    }

    fn draw(
        &mut self,
        quotas: Quotas,
        place: (&str, &str),
        name: &'static str,
        (burst, rate): (f64, f64),
        cost: f64,
    ) -> bool {
        let (now, burst) = (Instant::now(), burst * quotas.factor);
        let key = (place.0.to_owned(), place.1.to_owned(), name);
        let (tokens, at) = self.0.entry(key).or_insert((burst, now));
        let gained =
            now.duration_since(*at).as_secs_f64() * rate * quotas.factor * (1.0 - quotas.neighbour);
        *tokens = (*tokens + gained).min(burst);
        *at = now;
        let cost = cost.min(burst);
        let is_enough = *tokens >= cost;
        if is_enough {
            *tokens -= cost;
        }
        is_enough
    }
}

/// Points that a call of `GetMetricData` asks for, and whether they are older than three hours.
fn points(input: &Value, now_ms: i64) -> (f64, bool) {
    let time = |name: &str| input.get(name).and_then(Value::as_f64).unwrap_or(0.0);
    let (start_s, end_s) = (time("StartTime"), time("EndTime"));
    let queries = input
        .get("MetricDataQueries")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let periods = queries.filter_map(|query| query["MetricStat"]["Period"].as_f64());
    let points = periods
        .map(|period_s| ((end_s - start_s) / period_s).max(1.0))
        .sum();
    (points, now_ms as f64 / 1_000.0 - start_s > 3.0 * 3_600.0)
}
