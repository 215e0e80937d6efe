//! Faults in the content of an answer.

use serde_json::{Value, json};

use super::answer::{AGAIN, Answer, Ask};
use super::faults::Kind;
use super::metric_data::{MetricData, MetricResult};
use super::world::{DAY, MINUTE};

/// Where the items of an operation's answer are: their list, the list of what is missing, the token.
fn fields(op: &str) -> Option<(&'static str, &'static str, &'static str)> {
    Some(match op {
        "ecs:ListClusters" => ("clusterArns", "", "nextToken"),
        "ecs:DescribeClusters" => ("clusters", "failures", ""),
        "ecs:ListServices" => ("serviceArns", "", "nextToken"),
        "ecs:DescribeServices" => ("services", "failures", ""),
        "ecs:ListServiceDeployments" => ("serviceDeployments", "", "nextToken"),
        "ecs:DescribeServiceRevisions" => ("serviceRevisions", "failures", ""),
        "ecs:ListTasks" => ("taskArns", "", "nextToken"),
        "ecs:DescribeTasks" => ("tasks", "failures", ""),
        "ecs:ListContainerInstances" => ("containerInstanceArns", "", "nextToken"),
        "ecs:DescribeContainerInstances" => ("containerInstances", "failures", ""),
        "codebuild:ListBuilds" => ("ids", "", "nextToken"),
        "codebuild:BatchGetBuilds" => ("builds", "buildsNotFound", ""),
        "codebuild:ListProjects" => ("projects", "", "nextToken"),
        "codebuild:BatchGetProjects" => ("projects", "projectsNotFound", ""),
        "logs:DescribeLogGroups" => ("logGroups", "", "nextToken"),
        "logs:FilterLogEvents" => ("events", "", "nextToken"),
        "cloudwatch:ListMetrics" => ("Metrics", "", "NextToken"),
        "pricing:GetProducts" => ("PriceList", "", "NextToken"),
        _ => return None,
    })
}

/// Puts the fault of `ask` into its answer.
pub(crate) fn spoil(ask: &Ask<'_>, answer: Answer) -> Answer {
    let Some(kind) = ask.fault else { return answer };
    match answer {
        Answer::Json(value) => Answer::Json(spoilt(ask, kind, value)),
        Answer::Cbor(value) => Answer::Cbor(spoilt(ask, kind, value)),
        Answer::Metrics(data) => Answer::Metrics(spoilt_metrics(ask, kind, data)),
        other => other,
    }
}

/// The token of a fault that leads in circles or nowhere, if `kind` is one.
fn endless_token(ask: &Ask<'_>, kind: &Kind) -> Option<String> {
    let number = ask
        .token
        .as_deref()
        .and_then(|token| token.strip_prefix(AGAIN))
        .and_then(|number| number.parse().ok());
    match kind {
        Kind::RepeatedToken => Some(ask.token.clone().unwrap_or_else(|| format!("{AGAIN}0"))),
        Kind::TokenLoop => Some(format!("{AGAIN}{}", u8::from(number == Some(0_u64)))),
        Kind::EndlessEmptyPages => {
            Some(format!("{AGAIN}{}", number.map_or(0, |number| number + 1)))
        }
        _ => None,
    }
}

fn spoilt(ask: &Ask<'_>, kind: &Kind, mut value: Value) -> Value {
    let Some((items_name, missing_name, token_name)) = fields(ask.op) else {
        return value;
    };
    if let Some(token) = endless_token(ask, kind).filter(|_| !token_name.is_empty()) {
        value[token_name] = token.into();
    }
    let items = value[items_name]
        .as_array_mut()
        .map(std::mem::take)
        .unwrap_or_default();
    let mut missing = None;
    let items = changed(kind, items, &ask.place.account.id, &mut missing);
    value[items_name] = items.into();
    if let (Some(missing), false) = (missing, missing_name.is_empty())
        && let Some(list) = value[missing_name].as_array_mut()
    {
        list.push(if missing_name == "failures" {
            json!({ "arn": identity(&missing), "reason": "MISSING" })
        } else {
            identity(&missing).into()
        });
    }
    value
}

/// The items with the fault; what is to be listed as missing goes to `missing`.
fn changed(
    kind: &Kind,
    mut items: Vec<Value>,
    account: &str,
    missing: &mut Option<Value>,
) -> Vec<Value> {
    match kind {
        Kind::MissingListed => *missing = items.pop(),
        Kind::MissingSilently => drop(items.pop()),
        Kind::DuplicateItem => items.extend(items.first().cloned()),
        Kind::ForeignItem => items.extend(items.first().map(|item| foreign(item, account))),
        Kind::EndlessEmptyPages => items.clear(),
        Kind::BadTimestamps => items.iter_mut().for_each(to_1970),
        _ => {}
    }
    items
}

/// What an item is called.
fn identity(item: &Value) -> String {
    let names = [
        "taskArn",
        "serviceArn",
        "serviceRevisionArn",
        "containerInstanceArn",
        "clusterArn",
        "id",
        "name",
    ];
    let name = names
        .iter()
        .find_map(|name| item[name].as_str())
        .or(item.as_str());
    name.unwrap_or_default().to_owned()
}

/// Something of the same kind, but of another name and of an account that is not in the world.
fn foreign(item: &Value, account: &str) -> Value {
    let name = identity(item);
    let last = name.rsplit(['/', ':']).next().unwrap_or_default();
    let renamed: String = last.chars().rev().collect();
    let text = item.to_string();
    let text = if last.is_empty() {
        text
    } else {
        text.replace(last, &renamed)
    };
    serde_json::from_str(&text.replace(account, "999999999999")).expect("still JSON")
}

/// Sets every time to the first second of 1970, also within texts that hold JSON.
fn to_1970(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(to_1970),
        Value::Object(fields) => {
            for (name, value) in fields {
                let is_time = name.ends_with("At")
                    || name.ends_with("Time")
                    || name.eq_ignore_ascii_case("timestamp");
                if value.is_number() && is_time {
                    *value = json!(1);
                } else if value.is_string() && is_time {
                    *value = json!("1970-01-01T00:00:01Z");
                } else if let (Some(text), "message") = (value.as_str(), name.as_str())
                    && let Ok(mut record) = serde_json::from_str(text)
                {
                    to_1970(&mut record);
                    *value = record.to_string().into();
                } else {
                    to_1970(value);
                }
            }
        }
        _ => {}
    }
}

fn spoilt_metrics(ask: &Ask<'_>, kind: &Kind, mut data: MetricData) -> MetricData {
    if let Some(token) = endless_token(ask, kind) {
        data.token = Some(token);
    }
    let third = |results: &mut Vec<MetricResult>, status| {
        for result in results.iter_mut().step_by(3) {
            *result = MetricResult {
                id: result.id.clone(),
                label: result.label.clone(),
                status,
                ..MetricResult::default()
            };
        }
    };
    match kind {
        Kind::MetricInternalError => third(&mut data.results, "InternalError"),
        Kind::MetricForbidden => third(&mut data.results, "Forbidden"),
        Kind::TopLevelMessages => {
            data.messages.push((
                "MaxMetricsExceeded",
                "The maximum number of metrics was exceeded and some were left out.",
            ));
        }
        Kind::MissingSilently | Kind::MissingListed => drop(data.results.pop()),
        Kind::DuplicateItem => data.results.extend(data.results.first().cloned()),
        Kind::ForeignItem => {
            data.results
                .extend(data.results.first().map(|first| MetricResult {
                    id: "foreign".to_owned(),
                    ..first.clone()
                }));
        }
        _ => data
            .results
            .iter_mut()
            .for_each(|result| spoil_points(kind, result)),
    }
    data
}

fn spoil_points(kind: &Kind, result: &mut MetricResult) {
    let MetricResult {
        times_ms,
        values,
        status,
        ..
    } = result;
    match kind {
        Kind::PartialDataNoToken => {
            let half = times_ms.len().div_ceil(2);
            times_ms.truncate(half);
            values.truncate(half);
            *status = "PartialData";
        }
        Kind::EndlessEmptyPages => {
            times_ms.clear();
            values.clear();
        }
        Kind::UnequalLengths => drop(times_ms.pop()),
        Kind::DuplicatePoints => {
            times_ms.extend(times_ms.first().copied());
            values.extend(values.first().copied());
        }
        Kind::PointsOutsideWindow => {
            if let (Some(first), Some(last)) = (
                times_ms.iter().min().copied(),
                times_ms.iter().max().copied(),
            ) {
                times_ms.extend([first - 400 * DAY, last + 400 * DAY]);
                values.extend([1.0, 1.0]);
            }
        }
        Kind::ShuffledPoints => {
            let middle = times_ms.len() / 2;
            times_ms.rotate_left(middle);
            values.rotate_left(middle);
            if times_ms.len() > 2 {
                times_ms.swap(0, 1);
                values.swap(0, 1);
            }
        }
        Kind::NanValue => values
            .iter_mut()
            .take(1)
            .for_each(|value| *value = f64::NAN),
        Kind::NegativeValue => values.iter_mut().take(1).for_each(|value| *value = -1.0),
        Kind::BadTimestamps => times_ms.iter_mut().for_each(|at_ms| *at_ms %= MINUTE),
        _ => {}
    }
}
