//! Amazon CloudWatch Logs: `DescribeLogGroups` and `FilterLogEvents`.

use serde_json::{Value, json};

use super::answer::{Answer, Ask, Page, Problem};
use super::pattern::Pattern;
use super::random::hash;
use super::world::SECOND;

/// Events and bytes of one page. Source: `FilterLogEvents` API reference, read 2026-11.
const MOST_EVENTS: usize = 10_000;
const MOST_BYTES: usize = 1 << 20;
/// Log groups of one page. Source: `DescribeLogGroups` API reference, read 2026-11.
const GROUP_PAGE: i64 = 50;

pub(crate) fn answer(ask: &Ask<'_>) -> Result<Answer, Problem> {
    match ask.op {
        "logs:DescribeLogGroups" => describe_log_groups(ask).map(Answer::Json),
        "logs:FilterLogEvents" => filter_log_events(ask).map(Answer::Json),
        other => Err(Problem::unexpected(other)),
    }
}

fn invalid(message: impl Into<String>) -> Problem {
    Problem::new(400, "InvalidParameterException", message)
}

fn describe_log_groups(ask: &Ask<'_>) -> Result<Value, Problem> {
    let limit = ask.number("limit").unwrap_or(GROUP_PAGE);
    if !(1..=GROUP_PAGE).contains(&limit) {
        return Err(invalid("limit must be between 1 and 50"));
    }
    let prefix = ask.text("logGroupNamePrefix").unwrap_or_default();
    let groups = ask
        .place
        .log_groups()
        .into_iter()
        .filter(|group| group.name.starts_with(prefix));
    let described = groups.map(|group| {
        let arn = ask.place.arn("logs", &format!("log-group:{}", group.name));
        let mut described = json!({
            "logGroupName": group.name, "creationTime": group.created_ms, "metricFilterCount": 0, "arn": format!("{arn}:*"),
            "logGroupArn": arn, "storedBytes": 1_000, "logGroupClass": "STANDARD",
        });
        if let Some(days) = group.cluster.retention_days {
            described["retentionInDays"] = json!(days);
        }
        described
    });
    Ok(ask
        .page(described, usize::try_from(limit).expect("checked"))?
        .named("logGroups", "nextToken"))
}

/// Looks through one stretch of time after the other; a page ends when it is full, or when enough was looked at.
fn filter_log_events(ask: &Ask<'_>) -> Result<Value, Problem> {
    let (place, now_ms) = (&ask.place, ask.place.world.now_ms);
    let name = ask
        .text("logGroupName")
        .or_else(|| ask.text("logGroupIdentifier"))
        .ok_or_else(|| invalid("logGroupName is required"))?;
    let group = place
        .log_groups()
        .into_iter()
        .find(|group| group.name == name);
    let group = group.ok_or_else(|| {
        Problem::new(
            400,
            "ResourceNotFoundException",
            "The specified log group does not exist.",
        )
    })?;
    let pattern = Pattern::parse(ask.text("filterPattern").unwrap_or_default())
        .ok_or_else(|| invalid("Invalid filter pattern"))?;
    let limit = ask
        .number("limit")
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(MOST_EVENTS);
    if !(1..=MOST_EVENTS).contains(&limit) {
        return Err(invalid("limit must be between 1 and 10000"));
    }
    // Both ends are inclusive.
    let from_ms = ask.number("startTime").unwrap_or(0).max(group.created_ms);
    let end_ms = ask
        .number("endTime")
        .map_or(now_ms, |last_ms| last_ms.min(now_ms))
        + 1;
    let chunk_ms = group.chunk_ms();
    let (mut chunk, mut sent) = match ask.position()? {
        None => (from_ms.div_euclid(chunk_ms), 0),
        Some(position) => {
            let numbers = position
                .split_once(',')
                .and_then(|(chunk, sent)| chunk.parse().ok().zip(sent.parse().ok()));
            numbers.ok_or_else(|| ask.stale_token())?
        }
    };
    let most_chunks = (place.world.log_scan_ms / chunk_ms).max(1);
    let last_chunk = chunk + most_chunks;
    let (mut events, mut bytes, mut token) = (Vec::new(), 0, None);
    'page: while chunk * chunk_ms < end_ms {
        if chunk == last_chunk {
            token = Some((chunk, 0));
            break;
        }
        let of_chunk = (
            from_ms.max(chunk * chunk_ms),
            end_ms.min((chunk + 1) * chunk_ms),
        );
        let matching = group.records(place, &pattern, of_chunk);
        for record in matching.into_iter().skip(sent) {
            let message = record.message(place);
            bytes += message.len();
            if events.len() == limit || bytes > MOST_BYTES && !events.is_empty() {
                token = Some((chunk, sent));
                break 'page;
            }
            sent += 1;
            events.push(json!({
                "logStreamName": "FargateTelemetry-1", "timestamp": record.at_ms, "message": message,
                "ingestionTime": record.at_ms + 2 * SECOND, "eventId": format!("{:020}", hash(record.at_ms.unsigned_abs(), sent as u64)),
            }));
        }
        (chunk, sent) = (chunk + 1, 0);
    }
    let token = token.map(|(chunk, sent)| ask.token_at(&format!("{chunk},{sent}")));
    let mut page = Page {
        items: events,
        token,
    }
    .named("events", "nextToken");
    page["searchedLogStreams"] = json!([]);
    Ok(page)
}
