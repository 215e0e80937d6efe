//! Builds as AWS answers them, through the SDK into a dataset.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::collect::wire::{ACCOUNT, Collected, REGION, collect, place};
use crate::dataset::Table;
use crate::dataset::scan::Scan;
use crate::dataset::schema::State;

const HOUR: i64 = 3_600_000;
/// 2026-11-20T12:00:00Z.
const NOW: i64 = 1_795_176_000_000;
const TODAY: Day = NOW / MS_PER_DAY;

/// A build that began `hours` before now and took `length` hours; `None` while it runs.
fn build(no: i64, hours: i64, length: Option<i64>) -> Value {
    let start_ms = NOW - hours * HOUR;
    let seconds = |ms: i64| ms as f64 / 1_000.0;
    let mut build = json!({
        "id": format!("app:{no:04}"),
        "arn": format!("arn:aws:codebuild:{REGION}:{ACCOUNT}:build/app:{no:04}"),
        "projectName": "app",
        "buildNumber": no,
        "startTime": seconds(start_ms),
        "buildComplete": length.is_some(),
        "buildStatus": if length.is_some() { "SUCCEEDED" } else { "IN_PROGRESS" },
        "environment": {
            "type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL", "privilegedMode": false,
            "environmentVariables": [{ "name": "PASSWORD", "value": "hunter2" }],
        },
        "phases": [{ "phaseType": "PROVISIONING", "startTime": seconds(start_ms + 1_000) }],
    });
    if let Some(length) = length {
        build["endTime"] = json!(seconds(start_ms + length * HOUR));
    }
    build
}

/// CodeBuild with these builds, newest first, in pages of `page`.
fn codebuild(
    builds: Vec<Value>,
    page: usize,
) -> impl Fn(&str, &Value) -> (u16, Value) + Send + Sync + 'static {
    move |operation, asked| match operation {
        "ListBuilds" => {
            assert_eq!(asked["sortOrder"], "DESCENDING");
            let from: usize = asked["nextToken"]
                .as_str()
                .map_or(0, |token| token.parse().unwrap());
            let ids: Vec<&Value> = builds
                .iter()
                .skip(from)
                .take(page)
                .map(|build| &build["id"])
                .collect();
            let next = (from + page < builds.len()).then(|| (from + page).to_string());
            (200, json!({ "ids": ids, "nextToken": next }))
        }
        "BatchGetBuilds" => {
            let is_asked = |build: &&Value| asked["ids"].as_array().unwrap().contains(&build["id"]);
            let (gone, found): (Vec<&Value>, Vec<&Value>) = builds
                .iter()
                .filter(is_asked)
                .partition(|build| build["projectName"] == "gone");
            let gone: Vec<&Value> = gone.into_iter().map(|build| &build["id"]).collect();
            (200, json!({ "builds": found, "buildsNotFound": gone }))
        }
        other => panic!("{other} is not of CodeBuild"),
    }
}

type Outcome = Result<Vec<BuildFact>, Fault>;

fn collected(
    wanted: Range<Day>,
    answer: impl Fn(&str, &Value) -> (u16, Value) + Send + Sync + 'static,
) -> (Collected<Outcome>, Vec<String>) {
    let (place, calls) = place(answer);
    let collected = collect(NOW, async move |sink| {
        let missing: Vec<Day> = wanted.clone().collect();
        let known = Known::default();
        let mut builds = Builds::new(&place, wanted, &missing, NOW, &known, &sink);
        let mut facts: Vec<BuildFact> = Vec::new();
        while builds.next().await?.is_some() {
            let new = builds
                .facts()
                .iter()
                .filter(|fact| !facts.contains(fact))
                .cloned();
            facts.extend(new.collect::<Vec<_>>());
        }
        Ok(facts)
    });
    let calls = calls.lock().unwrap().clone();
    (collected, calls)
}

/// Rows, state and reason by day, counted from today.
fn days(collected: &Collected<Outcome>) -> BTreeMap<Day, (i64, String, Option<String>)> {
    let midnight = |day: &str| {
        day.parse::<jiff::civil::Date>()
            .unwrap()
            .to_zoned(jiff::tz::TimeZone::UTC)
            .unwrap()
    };
    let commits = collected.commits();
    let of_day = |commit: &crate::dataset::coverage::Committed| {
        let row = &commit.row;
        assert_eq!(
            (row.source.as_str(), row.scope.as_str()),
            ("collect:builds", "codebuild")
        );
        let day = midnight(&row.day).timestamp().as_millisecond() / MS_PER_DAY - TODAY;
        (day, (row.rows, row.state.clone(), row.reason.clone()))
    };
    commits.iter().map(of_day).collect()
}

fn complete(rows: i64) -> (i64, String, Option<String>) {
    (rows, State::Complete.as_str().to_owned(), None)
}

fn partial(rows: i64, reason: &str) -> (i64, String, Option<String>) {
    (
        rows,
        State::Partial.as_str().to_owned(),
        Some(reason.to_owned()),
    )
}

fn runs(collected: &Collected<Outcome>) -> usize {
    Scan::new(&collected.dataset)
        .unwrap()
        .table(Table::Runs)
        .unwrap()
        .map_or(0, |runs| runs.height())
}

#[test]
fn every_day_has_its_builds_and_the_listing_ends_where_nothing_reaches_in() {
    // One an hour for ten days, in pages of ten.
    let every_hour = (0..240).map(|no| build(no, no, Some(1))).collect();
    let (collected, calls) = collected(TODAY - 2..TODAY + 1, codebuild(every_hour, 10));
    let facts = collected.outcome.as_ref().unwrap();
    assert_eq!(
        days(&collected),
        BTreeMap::from([
            (0, partial(13, "the day is not over")),
            (-1, complete(24)),
            (-2, complete(24))
        ])
    );
    assert_eq!(runs(&collected), 61);
    assert_eq!(
        facts.len(),
        61,
        "the build of the hour before ended at midnight"
    );
    assert_eq!(
        (facts[0].number, facts[0].start_ms, facts[0].end_ms),
        (Some(0), NOW, Some(NOW + HOUR))
    );
    // Noon to midnight two days ago is 60 hours; a build of 36 hours and some slack more: 97 builds.
    assert_eq!(
        calls.iter().filter(|call| *call == "ListBuilds").count(),
        10
    );
    assert_eq!(calls.len(), 20);
}

#[test]
fn a_build_that_runs_past_midnight_is_told_to_both_days() {
    let builds = vec![build(1, 30, Some(1)), build(2, 40, Some(10))];
    let (collected, _) = collected(TODAY - 1..TODAY, codebuild(builds, 100));
    assert_eq!(days(&collected), BTreeMap::from([(-1, complete(1))]));
    let facts = collected.outcome.unwrap();
    assert_eq!(
        facts
            .iter()
            .map(|fact| fact.id.as_str())
            .collect::<Vec<_>>(),
        ["app:0001", "app:0002"]
    );
}

#[test]
fn days_without_builds_are_whole_too() {
    let (collected, calls) = collected(TODAY - 40..TODAY, codebuild(Vec::new(), 100));
    assert_eq!(
        days(&collected),
        (-40..0).map(|day| (day, complete(0))).collect()
    );
    assert_eq!(calls, ["ListBuilds"]);
}

#[test]
fn running_builds_and_builds_gone_leave_their_days_partial() {
    let mut gone = build(3, 70, Some(1));
    gone["projectName"] = json!("gone");
    let builds = vec![
        build(1, 20, None),
        build(2, 60, Some(1)),
        gone,
        build(4, 75, Some(1)),
    ];
    let (collected, _) = collected(TODAY - 4..TODAY, codebuild(builds, 100));
    let gone = "1 listed builds were gone when asked for";
    assert_eq!(
        days(&collected),
        BTreeMap::from([
            (-1, partial(1, "1 builds were still running")),
            (-2, partial(1, gone)),
            (-3, partial(1, gone)),
            (-4, complete(0)),
        ])
    );
}

#[test]
fn a_fault_in_the_middle_keeps_the_days_before_it() {
    let every_hour: Vec<Value> = (0..240).map(|no| build(no, no, Some(1))).collect();
    let answer = codebuild(every_hour, 10);
    let (collected, _) = collected(TODAY - 4..TODAY + 1, move |operation, asked| {
        if operation == "ListBuilds" && asked["nextToken"] == "50" {
            return (
                400,
                json!({ "__type": "AccessDeniedException", "message": "no" }),
            );
        }
        answer(operation, asked)
    });
    assert_eq!(
        collected.outcome,
        Err(Fault::Denied("codebuild:ListBuilds".to_owned()))
    );
    let denied = |rows| {
        (
            rows,
            "denied".to_owned(),
            Some("access denied: codebuild:ListBuilds".to_owned()),
        )
    };
    assert_eq!(
        days(&collected),
        BTreeMap::from([
            (0, partial(13, "the day is not over")),
            (-1, complete(24)),
            (-2, denied(13)),
            (-3, denied(0)),
            (-4, denied(0)),
        ])
    );
    assert_eq!(runs(&collected), 50);
}
