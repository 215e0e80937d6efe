//! Whole bills, from AWS's files to dollars, against figures worked out by hand.

use plimsoll::dataset::Dataset;
use plimsoll::dataset::scan::Scan;
use plimsoll::demand;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{
    DAY, HOUR, MINUTE, SECOND, T0, World, assert_usd, build, cost, definition, event, finished,
    lines, parsed, readings, readings_every, service, sighting, task, with, workload,
};

/// One workload of one run, and its bill.
#[derive(Deserialize)]
struct Bill {
    name: String,
    elapsed_s: i64,
    region: String,
    launch_type: String,
    capacity_provider: String,
    os: String,
    architecture: String,
    cpu: String,
    memory: String,
    ephemeral_gib: Option<u32>,
    environment_type: String,
    compute_type: String,
    expected_amount: Option<f64>,
    expected_unit: String,
    expected_usd: Option<f64>,
    not_priced: String,
}

/// `text`, or no field where it is empty.
fn field(text: &str) -> Value {
    if text.is_empty() {
        Value::Null
    } else {
        json!(text)
    }
}

impl Bill {
    fn record(&self) -> Value {
        let to = T0 + self.elapsed_s * SECOND;
        let record = if self.compute_type.is_empty() {
            self.task(to)
        } else {
            self.build(to)
        };
        serde_json::from_str(
            &record
                .to_string()
                .replace(":us-east-1:", &format!(":{}:", self.region)),
        )
        .expect("JSON")
    }

    fn task(&self, to: i64) -> Value {
        let change = json!({
            "launchType": field(&self.launch_type), "capacityProviderName": field(&self.capacity_provider), "platformFamily": field(&self.os),
            "cpu": field(&self.cpu), "memory": field(&self.memory),
            "attributes": [{ "name": "ecs.cpu-architecture", "value": self.architecture }],
            "ephemeralStorage": self.ephemeral_gib.map(|gib| json!({ "sizeInGiB": gib })),
        });
        event(&with(
            task(&self.name, &format!("id-{}", self.name), T0, Some(to)),
            change,
        ))
    }

    fn build(&self, to: i64) -> Value {
        let environment =
            json!({ "type": self.environment_type, "computeType": self.compute_type });
        with(
            build(&self.name, &format!("id-{}", self.name), T0, to),
            json!({ "environment": environment }),
        )
    }
}

#[test]
fn every_bill_is_what_hand_arithmetic_says_or_withheld_with_a_reason() {
    let text = include_str!("../cases/end_to_end/bills.csv");
    let bills: Vec<Bill> = csv::Reader::from_reader(text.as_bytes())
        .deserialize()
        .map(|bill| bill.expect("a case"))
        .collect();
    let report = World::with(&bills.iter().map(Bill::record).collect::<Vec<_>>()).json();
    for bill in &bills {
        let current = &workload(&report, &bill.name)["current"];
        match bill.expected_usd {
            Some(expected) => assert_usd(current["measured_cost"]["usd"].as_f64(), expected),
            None => assert_eq!(
                current["measured_cost"]["usd"],
                Value::Null,
                "{}",
                bill.name
            ),
        }
        let reason = current["not_priced"].as_str().unwrap_or_default();
        assert!(
            reason.contains(&bill.not_priced) && reason.is_empty() == bill.not_priced.is_empty(),
            "{}: {reason}",
            bill.name
        );
        let metered = bill
            .expected_amount
            .map(|amount| json!({ "amount": amount, "unit": bill.expected_unit }));
        assert_eq!(current["metered"], json!(metered), "{}", bill.name);
    }
    let withheld = bills
        .iter()
        .filter(|bill| bill.expected_usd.is_none())
        .count();
    assert_eq!(
        (
            &report["totals"]["workloads"],
            &report["totals"]["not_priced"]
        ),
        (&json!(bills.len()), &json!(withheld))
    );
    assert_usd(
        report["totals"]["measured_cost"]["usd"].as_f64(),
        report["workloads"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|w| w["current"]["measured_cost"]["usd"].as_f64())
            .sum(),
    );
}

#[test]
fn what_is_not_priced_is_never_zero_dollars_in_any_format() {
    let external = with(
        task("onprem", "x1", T0, Some(T0 + HOUR)),
        json!({ "launchType": "EXTERNAL" }),
    );
    let world = World::with(&[event(&external)]);
    assert_eq!(cost(&world.json(), "onprem"), None);
    for format in ["table", "markdown", "csv"] {
        let text = world.report(&["--format", format]).exits(0).stdout;
        let row = text
            .lines()
            .find(|line| line.contains("onprem"))
            .expect("its row");
        assert!(
            !row.contains("$0") && text.contains("EXTERNAL"),
            "{format}: {row}"
        );
    }
    let text = world.report(&["--format", "csv"]).exits(0).stdout;
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    let at = rows
        .headers()
        .expect("a header")
        .iter()
        .position(|name| name == "ListCost")
        .expect("a column");
    assert_eq!(&rows.records().next().expect("a row").expect("CSV")[at], "");
}

#[test]
fn a_task_over_two_windows_is_billed_once() {
    let (from, border, to) = (T0 + HOUR, T0 + HOUR + 20 * SECOND, T0 + HOUR + 50 * SECOND);
    let world = World::with(&[finished("etl", "a1", from, to)]);
    let whole = cost(&world.json(), "etl").expect("priced");
    assert_usd(Some(whole), 0.000_205_71);
    let first = workload(&world.json_of(T0, border), "etl")["current"].clone();
    let second = workload(&world.json_of(border, T0 + 2 * HOUR), "etl")["current"].clone();
    assert_eq!(
        (&first["metered"]["amount"], &second["metered"]["amount"]),
        (&json!(20.0), &json!(40.0)),
        "60 s billed from its pull on"
    );
    assert!(
        (first["measured_cost"]["usd"].as_f64().expect("priced")
            + second["measured_cost"]["usd"].as_f64().expect("priced")
            - whole)
            .abs()
            <= 1.5e-8
    );
}

#[test]
fn a_task_still_running_lies_between_its_last_sign_and_the_last_record_of_its_cluster() {
    let begun = T0 + 23 * HOUR;
    let world = World::with(&[
        event(&task("etl", "a1", begun, None)),
        finished("other", "b1", begun, T0 + 24 * HOUR),
    ]);
    // A quarter of a vCPU and half a GiB: $0.0123425 an hour; a minute at least, an hour at most.
    let hourly = 0.012_342_5;
    let bounds = |report: &Value| {
        let etl = workload(report, "etl");
        let cost = &etl["current"]["measured_cost"];
        assert_eq!(etl["evidence"]["open_runs"], 1);
        assert_eq!(cost["certainty"], "between");
        (cost["lower_usd"].as_f64(), cost["upper_usd"].as_f64())
    };
    let (lower, upper) = bounds(&world.json());
    assert_usd(lower, hourly / 60.0);
    assert_usd(upper, hourly);
    let (lower, upper) = bounds(&world.json_of(T0, begun + 10 * MINUTE));
    assert_usd(lower, hourly / 60.0);
    assert_usd(upper, hourly / 6.0);
}

#[test]
fn a_task_still_running_behind_the_last_record_is_at_least_what_was_seen() {
    let world = World::with(&[event(&task("etl", "a1", T0 + 23 * HOUR, None))]);
    let report = world.json_of(T0, T0 + 24 * HOUR);
    let etl = workload(&report, "etl");
    assert_eq!(etl["evidence"]["open_runs"], 1);
    let cost = &etl["current"]["measured_cost"];
    assert_usd(cost["usd"].as_f64(), 0.012_342_5 / 60.0);
    assert!(
        cost["certainty"] != "exact" && cost["upper_usd"].as_f64().is_none_or(|usd| usd > 0.0123),
        "{cost}"
    );
}

/// What `name` is metered in two windows side by side and in both at once.
fn split(world: &World, name: &str, [from, border, to]: [i64; 3]) -> (f64, f64) {
    let metered = |from, to| {
        workload(&world.json_of(from, to), name)["current"]["metered"]["amount"]
            .as_f64()
            .unwrap_or_default()
    };
    (
        metered(from, border) + metered(border, to),
        metered(from, to),
    )
}

#[test]
fn the_last_minute_of_a_build_is_billed_on_both_sides_of_a_border() {
    let (from, to) = (T0 + HOUR, T0 + HOUR + 605 * SECOND);
    let world = World::with(&[
        build("ci", "b1", from, to),
        finished("other", "a1", from, T0 + 2 * HOUR),
    ]);
    let (parts, whole) = split(&world, "ci", [from, to, T0 + 2 * HOUR]);
    assert!(
        (parts - 11.0).abs() < 1e-6 && (whole - 11.0).abs() < 1e-6,
        "{parts} {whole}"
    );
}

#[test]
fn a_window_that_ends_in_silence_bills_no_more_than_the_one_after_it() {
    let seen = |minutes| sighting("etl", "a1", T0, T0 + minutes * MINUTE);
    let world = World::with(&[
        seen(1),
        seen(2),
        seen(10),
        finished("other", "b1", T0, T0 + 2 * HOUR),
    ]);
    // Last seen at 10 minutes; the border lies in the silence behind.
    let (parts, whole) = split(&world, "etl", [T0, T0 + 13 * MINUTE, T0 + 2 * HOUR]);
    assert!(
        (parts - whole).abs() < 1e-6,
        "{parts} s in two windows, {whole} s in one"
    );
}

#[test]
fn events_that_begin_half_way_make_only_their_half_exact() {
    let own = json!({ "group": "service:web", "clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/prod" });
    let begun = T0 + 2 * HOUR;
    let mut records = readings("web", T0, T0 + 4 * HOUR, 30.0, 1);
    records.push(event(&with(
        task("web", "a1", begun + 20 * SECOND, Some(T0 + 4 * HOUR)),
        own,
    )));
    let world = World::with(&records);
    let told = |from, to| {
        let report = world.json_of(from, to);
        let current = &workload(&report, "web")["current"];
        (
            current["basis"].clone(),
            current["metered"]["amount"].clone(),
        )
    };
    assert_eq!(told(T0, begun), (json!("sample_count"), json!(7200.0)));
    assert_eq!(
        told(begun, T0 + 4 * HOUR),
        (json!("runs"), json!(7180.0)),
        "exact: the image pull began 20 s late"
    );
    assert_eq!(
        told(T0, T0 + 4 * HOUR),
        (json!("sample_count"), json!(14400.0)),
        "the events tell of half the time only"
    );
}

#[test]
fn readings_are_taken_at_the_size_in_force_at_their_time() {
    let resized = T0 + 2 * HOUR;
    let mut records = readings("web", T0, T0 + 4 * HOUR, 50.0, 1);
    records.extend([
        json!({ "services": [service("web", &[(resized, "web:2"), (T0 - HOUR, "web:1")])] }),
        definition("web:1", 1024, 2048),
        definition("web:2", 256, 1024),
    ]);
    let world = World::with(&records);
    // Two hours of 1 vCPU / 2 GiB and two of 0.25 vCPU / 1 GiB.
    assert_usd(
        cost(&world.json(), "web"),
        2.0 * (0.04048 + 2.0 * 0.004_445) + 2.0 * (0.25 * 0.04048 + 0.004_445),
    );
    let used = |from, to| {
        let dataset =
            Dataset::open(&world.path("dataset").display().to_string()).expect("a dataset");
        let reduced = demand::reduce(
            &Scan::new(&dataset).expect("readable"),
            Some(from),
            Some(to),
        )
        .expect("reduced");
        let web = reduced
            .demands
            .into_iter()
            .find(|demand| demand.workload.name == "web")
            .expect("there");
        (web.cpu.expect("CPU").max, web.memory.expect("memory").max)
    };
    // 50 % of each size, in vCPU and MiB.
    assert_eq!(format!("{:?}", used(T0, resized)), "(0.5, 1024.0)");
    assert_eq!(
        format!("{:?}", used(resized, T0 + 4 * HOUR)),
        "(0.125, 512.0)"
    );
    assert_eq!(format!("{:?}", used(T0, T0 + 4 * HOUR)), "(0.5, 1024.0)");
}

#[test]
fn task_seconds_of_a_service_follow_from_sample_count() {
    let mut records = readings("web", T0, T0 + HOUR, 30.0, 2);
    records.extend(readings("web", T0 + HOUR, T0 + 2 * HOUR, 30.0, 5));
    records.extend([
        json!({ "services": [service("web", &[(T0 - HOUR, "web:1")])] }),
        definition("web:1", 256, 512),
    ]);
    let report = World::with(&records).json();
    let current = &workload(&report, "web")["current"];
    assert_eq!(
        (&current["basis"], &current["metered"]["amount"]),
        (&json!("sample_count"), &json!(7.0 * 3600.0))
    );
    assert_usd(current["measured_cost"]["usd"].as_f64(), 7.0 * 0.012_342_5);
}

#[test]
fn runs_are_believed_over_sample_count_where_they_tell_of_all_task_time() {
    let own = json!({ "group": "service:web", "clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/prod" });
    let mut records = readings("web", T0, T0 + HOUR, 30.0, 1);
    records.push(event(&with(
        task("web", "a1", T0 + 7 * SECOND, Some(T0 + HOUR + 9 * SECOND)),
        own,
    )));
    let report = World::with(&records).json();
    let current = &workload(&report, "web")["current"];
    assert_eq!(
        (&current["basis"], &current["metered"]["amount"]),
        (&json!("runs"), &json!(3602.0))
    );
}

#[test]
fn queue_time_is_billed_only_when_asked_for() {
    let queued = with(
        build("ci", "b1", T0 + 100 * SECOND, T0 + 160 * SECOND),
        json!({ "startTime": "2026-10-05T00:00:00Z" }),
    );
    let world = World::with(&[queued]);
    let metered = |args: &[&str]| {
        let report = parsed(
            &world
                .report(&[&["--format", "json"], args].concat())
                .exits(0)
                .stdout,
        );
        workload(&report, "ci")["current"]["metered"]["amount"].clone()
    };
    assert_eq!(
        (metered(&[]), metered(&["--codebuild-bill-queue"])),
        (json!(1.0), json!(3.0))
    );
}

#[test]
fn codebuild_free_minutes_are_one_line_of_the_totals_only() {
    let builds: Vec<Value> = (0..3)
        .map(|i| {
            build(
                "ci",
                &format!("b{i}"),
                T0 + i * HOUR,
                T0 + i * HOUR + 10 * MINUTE,
            )
        })
        .collect();
    let report = World::with(&builds).json();
    assert_usd(cost(&report, "ci"), 0.15);
    assert_usd(report["totals"]["measured_cost"]["usd"].as_f64(), 0.15);
    assert!(
        report["totals"]["codebuild_free_tier_usd"]
            .as_f64()
            .is_some_and(|usd| (0.0..=0.15).contains(&usd))
    );
}

#[test]
fn a_month_is_730_hours_at_the_pace_of_what_was_observed() {
    // One hour a day on ten days: $0.0123425 × 730 ÷ 24.
    let daily: Vec<Value> = (0..10)
        .map(|day| {
            let from = T0 + day * DAY;
            finished("etl", &format!("a{day}"), from, from + HOUR)
        })
        .collect();
    let month = 0.012_342_5 * 730.0 / 24.0;
    let rate = |report: &Value| workload(report, "etl")["current"]["going_rate"]["usd"].as_f64();
    assert_usd(rate(&World::with(&daily).json()), month);
    // Seen once, it is taken for a daily job; the window is the hour in which it was seen.
    let report = World::with(&daily[..1]).json();
    assert_usd(cost(&report, "etl"), 0.012_342_5);
    assert_usd(rate(&report), month);
    assert_eq!(
        report["window"],
        json!({ "from": "2026-10-05T00:00:00Z", "to": "2026-10-05T01:00:00Z", "hours": 1.0 })
    );
}

#[test]
fn tasks_counted_before_the_first_known_deployment_leave_the_rest_of_the_cost_as_it_is() {
    let known = T0 + 2 * HOUR;
    let mut records = readings("web", T0, T0 + 6 * HOUR, 50.0, 2);
    records.extend([
        json!({ "services": [service("web", &[(known, "web:1")])] }),
        definition("web:1", 1024, 2048),
    ]);
    let report = World::with(&records).json();
    let current = &workload(&report, "web")["current"];
    // Four hours of two tasks of 1 vCPU / 2 GiB are known, two hours of two are not.
    assert_eq!(current["measured_cost"]["certainty"], "at_least");
    assert_usd(current["measured_cost"]["usd"].as_f64(), 8.0 * 0.049_37);
    assert_usd(
        current["going_rate"]["usd"].as_f64(),
        2.0 * 730.0 * 0.049_37,
    );
    let reasons = workload(&report, "web")["reasons"].to_string();
    assert!(reasons.contains("4.0 task-hours"), "{reasons}");
}

#[test]
fn tasks_that_never_pulled_their_image_are_not_billed() {
    let failed = json!({ "pullStartedAt": null, "stopCode": "TaskFailedToStart" });
    let failed = event(&with(task("etl", "bad", T0, Some(T0 + HOUR)), failed));
    let report = World::with(&[
        failed.clone(),
        finished("etl", "good", T0, T0 + 90 * SECOND),
    ])
    .json();
    assert_eq!(
        workload(&report, "etl")["current"]["metered"]["amount"],
        90.0
    );
    let alone = World::with(&[failed]);
    let report = alone.json();
    let etl = &workload(&report, "etl")["current"];
    assert_eq!(
        (&etl["measured_cost"]["usd"], &etl["not_priced"]),
        (&json!(0.0), &Value::Null),
        "that nothing was billed is known"
    );
}

#[test]
fn a_task_without_a_pull_time_is_billed_from_its_start_and_said_to_be() {
    let assumed = json!({ "pullStartedAt": null, "startedAt": "2026-10-05T00:00:05Z" });
    let world = World::with(&[event(&with(
        task("etl", "a1", T0, Some(T0 + 100 * SECOND)),
        assumed,
    ))]);
    assert_eq!(
        workload(&world.json(), "etl")["current"]["metered"]["amount"],
        95.0
    );
    let notes = world.json()["coverage"]["notes"].to_string();
    assert!(notes.contains("pull"), "{notes}");
}

#[test]
fn a_build_without_phases_is_billed_from_its_submission() {
    let bare = with(
        build("ci", "b1", T0, T0 + 59 * SECOND),
        json!({ "phases": [] }),
    );
    let world = World::with(&[bare]);
    assert_eq!(
        workload(&world.json(), "ci")["current"]["metered"]["amount"],
        2.0,
        "61 s from submission"
    );
}

#[test]
fn savings_never_exceed_the_cost() {
    let text = lines(&readings_every(5 * MINUTE, "web", T0, T0 + 9 * DAY, 1.0, 4));
    let world = World::with(&[
        json!({ "services": [service("web", &[(T0 - HOUR, "web:1")])] }),
        definition("web:1", 4096, 30_720),
    ]);
    world.write("stream.jsonl", text);
    world.import(&["stream.jsonl"]).exits(0);
    let report = world.json();
    let web = workload(&report, "web");
    let (saved, paid) = (
        web["monthly_savings_usd"].as_f64().expect("told"),
        web["current"]["going_rate"]["usd"]
            .as_f64()
            .expect("priced"),
    );
    assert!(saved > 0.9 * paid && saved <= paid, "{saved} of {paid}");
    let steps = web["savings_steps"].as_array().expect("a list");
    let by_step = |step: &Value| step["monthly_savings_usd"].as_f64().expect("a number");
    assert_usd(Some(steps.iter().map(by_step).sum()), saved);
}
