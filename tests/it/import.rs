//! Every shape in which AWS writes the same facts, alone and in the envelopes it comes in.

use serde_json::{Value, json};

use crate::support::{
    HOUR, MINUTE, Run, SECOND, T0, World, assert_usd, build, cost, definition, event, finished,
    gzipped, lines, metric, parsed, readings, service, sighting, stamp, task, with, workload,
};

/// Two tasks of one family: 90 s and 7 s.
fn two_events() -> [Value; 2] {
    [
        finished("etl", "a1", T0 + HOUR, T0 + HOUR + 90 * SECOND),
        finished("etl", "a2", T0 + 2 * HOUR, T0 + 2 * HOUR + 7 * SECOND),
    ]
}

/// Imports one file and holds that `accepted` records came of it, nothing else.
#[track_caller]
fn accepts(file: &str, content: impl AsRef<[u8]>, accepted: u32) -> World {
    let world = World::new();
    world.write(file, content);
    let counted = format!("{accepted} read = {accepted} accepted + 0 unused + 0 rejected");
    world.import(&[file]).exits(0).says(&[file, &counted]);
    world
}

/// Holds that both tasks of [`two_events`] arrived, billed 90 s and 60 s.
#[track_caller]
fn holds_two_tasks(world: &World) {
    let report = world.json();
    let etl = workload(&report, "etl");
    assert_eq!(
        (&etl["kind"], &etl["cluster"]),
        (&json!("task"), &json!("batch"))
    );
    assert_eq!(
        (&etl["evidence"]["runs"], &etl["current"]["metered"]),
        (&json!(2), &json!({ "amount": 150.0, "unit": "second" }))
    );
}

#[test]
fn events_are_read_as_json_lines() {
    holds_two_tasks(&accepts("events.jsonl", lines(&two_events()), 2));
}

#[test]
fn events_are_read_as_one_array_on_one_line() {
    holds_two_tasks(&accepts("events.json", json!(two_events()).to_string(), 2));
}

#[test]
fn events_are_read_as_a_pretty_array() {
    holds_two_tasks(&accepts(
        "events.json",
        serde_json::to_string_pretty(&two_events()).expect("JSON"),
        2,
    ));
}

#[test]
fn events_are_read_as_pretty_documents_one_after_the_other() {
    let documents = two_events().map(|event| serde_json::to_string_pretty(&event).expect("JSON"));
    holds_two_tasks(&accepts("events.json", documents.join("\n"), 2));
}

#[test]
fn events_are_read_from_an_export_of_cloudwatch_logs() {
    let exported = two_events()
        .map(|event| format!("2026-10-05T01:02:03.456Z {event}\n"))
        .concat();
    holds_two_tasks(&accepts("000000.gz", gzipped(exported), 2));
}

#[test]
fn events_are_read_from_filter_log_events() {
    let logged = |event: &Value| json!({ "logStreamName": "s", "timestamp": T0, "ingestionTime": T0, "eventId": "3", "message": event.to_string() });
    let output = json!({ "events": two_events().iter().map(logged).collect::<Vec<_>>(), "searchedLogStreams": [], "nextToken": "x" });
    holds_two_tasks(&accepts(
        "logs.json",
        serde_json::to_string_pretty(&output).expect("JSON"),
        2,
    ));
    holds_two_tasks(&accepts("logs.json", output.to_string(), 2));
}

#[test]
fn events_are_read_from_a_subscription_envelope() {
    let logged =
        |event: &Value| json!({ "id": "1", "timestamp": T0, "message": event.to_string() });
    let envelope = json!({
        "messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "/aws/events/ecs", "logStream": "s",
        "subscriptionFilters": ["all"], "logEvents": two_events().iter().map(logged).collect::<Vec<_>>(),
    });
    holds_two_tasks(&accepts("firehose.gz", gzipped(envelope.to_string()), 2));
}

#[test]
fn events_are_read_as_firehose_joins_them_on_one_line() {
    holds_two_tasks(&accepts(
        "firehose",
        two_events().map(|event| event.to_string()).concat(),
        2,
    ));
}

#[test]
fn gzip_of_several_members_is_read_whole() {
    let members = two_events().map(|event| gzipped(lines(&[event]))).concat();
    holds_two_tasks(&accepts("events.jsonl.gz", members, 2));
}

#[test]
fn gzip_is_known_by_its_content_not_its_name() {
    holds_two_tasks(&accepts("events.jsonl", gzipped(lines(&two_events())), 2));
}

#[test]
fn standard_input_is_a_file_like_any_other() {
    let world = World::new();
    let run = world.run_fed(
        &["import", "-", "--dataset", "dataset"],
        lines(&two_events()),
    );
    run.exits(0).says(&["standard input: 2 read = 2 accepted"]);
    holds_two_tasks(&world);
    let again = world.run_fed(
        &["import", "-", "--dataset", "dataset"],
        lines(&two_events()),
    );
    again
        .exits(0)
        .says(&["standard input: already in the dataset"]);
}

#[test]
fn described_tasks_are_read_with_epoch_seconds_and_text_times() {
    let epoch = json!({ "pullStartedAt": (T0 + HOUR) / 1000, "createdAt": (T0 + HOUR) / 1000, "stoppedAt": (T0 + HOUR + 90 * SECOND) / 1000 });
    let tasks = [
        with(task("etl", "a1", T0 + HOUR, Some(T0 + HOUR)), epoch),
        with(
            task("etl", "a2", T0 + 2 * HOUR, None),
            json!({ "stoppedAt": "2026-10-05T04:00:07.000000+02:00", "lastStatus": "STOPPED" }),
        ),
    ];
    let output = json!({ "tasks": tasks, "failures": [] });
    holds_two_tasks(&accepts(
        "tasks.json",
        serde_json::to_string_pretty(&output).expect("JSON"),
        2,
    ));
}

#[test]
fn a_list_of_outputs_is_read_as_each_of_them() {
    let outputs: Vec<Value> = two_events()
        .iter()
        .map(|event| json!({ "tasks": [event["detail"]], "failures": [] }))
        .collect();
    holds_two_tasks(&accepts(
        "tasks.json",
        serde_json::to_string_pretty(&outputs).expect("JSON"),
        2,
    ));
    holds_two_tasks(&accepts("tasks.json", json!(outputs).to_string(), 2));
}

#[test]
fn services_and_their_definitions_tell_the_size_of_a_metric_stream() {
    let world = World::new();
    world.write(
        "services.json",
        json!({ "services": [service("web", &[(T0, "web:1")])], "failures": [] }).to_string(),
    );
    world.write(
        "definition.json",
        serde_json::to_string_pretty(&definition("web:1", 512, 1024)).expect("JSON"),
    );
    world.write(
        "stream.json",
        lines(&readings("web", T0 + HOUR, T0 + 2 * HOUR, 40.0, 2)),
    );
    let counted = "122 read = 122 accepted + 0 unused + 0 rejected";
    world
        .import(&["services.json", "definition.json", "stream.json"])
        .exits(0)
        .says(&[counted]);
    let report = world.json();
    let web = workload(&report, "web");
    assert_eq!(web["current"]["size"]["name"], "0.5 vCPU / 1 GiB");
    assert_eq!(web["evidence"]["period_s"], 60);
    assert_eq!(
        web["current"]["metered"],
        json!({ "amount": 7200.0, "unit": "second" }),
        "2 tasks for an hour"
    );
    assert_eq!(web["current"]["basis"], "sample_count");
}

#[test]
fn builds_are_read_from_batch_get_builds() {
    let output = json!({ "builds": [build("ci", "b1", T0, T0 + 61 * SECOND), build("ci", "b2", T0 + HOUR, T0 + HOUR + MINUTE)], "buildsNotFound": [] });
    for content in [
        output.to_string(),
        serde_json::to_string_pretty(&output).expect("JSON"),
    ] {
        let world = accepts("builds.json", content, 2);
        let report = world.json();
        let ci = workload(&report, "ci");
        assert_eq!(
            (&ci["kind"], &ci["cluster"], &ci["current"]["size"]["name"]),
            (
                &json!("build"),
                &Value::Null,
                &json!("BUILD_GENERAL1_SMALL")
            )
        );
        assert_eq!(
            ci["current"]["metered"],
            json!({ "amount": 3.0, "unit": "minute" })
        );
    }
}

#[test]
fn what_aws_did_not_return_is_counted_and_marks_the_import_incomplete() {
    let world = World::new();
    let missing = json!([{ "arn": "arn:aws:ecs:us-east-1:123456789012:task/batch/gone", "reason": "MISSING" }]);
    world.write(
        "tasks.json",
        json!({ "tasks": [task("etl", "a1", T0, Some(T0 + MINUTE))], "failures": missing })
            .to_string(),
    );
    world.write(
        "builds.json",
        json!({ "builds": [build("ci", "b1", T0, T0 + MINUTE)], "buildsNotFound": ["ci:x", "ci:y"] }).to_string(),
    );
    world
        .import(&["tasks.json"])
        .exits(3)
        .says(&["1  asked for, but not returned by AWS"]);
    world
        .import(&["builds.json"])
        .exits(3)
        .says(&["2  asked for, but not returned by AWS"]);
    world.report(&["--strict"]).exits(3);
}

#[test]
fn performance_log_events_tell_of_tasks_and_their_use() {
    let (begun, ended) = (T0 + HOUR, T0 + HOUR + 30 * MINUTE);
    let times = std::iter::successors(Some(begun + MINUTE), |at| Some(at + MINUTE))
        .take_while(|at| *at <= ended);
    let records: Vec<Value> = times.map(|at| sighting("etl", "a1", begun, at)).collect();
    let world = accepts("performance.jsonl", lines(&records), 30);
    world.write(
        "later.jsonl",
        lines(&[finished("other", "b1", T0 + 9 * HOUR, T0 + 10 * HOUR)]),
    );
    world.import(&["later.jsonl"]).exits(0);
    let report = world.json();
    let etl = workload(&report, "etl");
    assert_eq!(
        (&etl["evidence"]["runs"], &etl["evidence"]["samples"]),
        (&json!(1), &json!(60))
    );
    assert_eq!(etl["current"]["size"]["name"], "0.25 vCPU / 0.5 GiB");
    // The window begins with the first record, a minute after the pull. The task was there in the record of minute 30,
    // and not in that of minute 31, though the window goes on: it ran for 29 to 30 minutes of the window, and what is
    // half way between is the estimate.
    let (least_s, most_s) = (29.0 * 60.0, 30.0 * 60.0);
    assert_eq!(
        etl["current"]["metered"]["amount"].as_f64(),
        Some(f64::midpoint(least_s, most_s))
    );
    let cost = &etl["current"]["measured_cost"];
    let usd_per_s = (0.25 * 0.04048 + 0.5 * 0.004_445) / 3600.0;
    assert_eq!(cost["certainty"], "between");
    assert_usd(cost["upper_usd"].as_f64(), most_s * usd_per_s);
    // The records tell neither architecture nor Spot, which may each have been cheaper.
    assert!(
        cost["lower_usd"]
            .as_f64()
            .is_some_and(|usd| usd < least_s * usd_per_s)
    );
}

#[test]
fn performance_log_events_are_read_from_logs_envelopes_too() {
    let logged =
        |at| json!({ "timestamp": at, "message": sighting("etl", "a1", T0, at).to_string() });
    accepts(
        "logs.json",
        json!({ "events": [logged(T0 + MINUTE), logged(T0 + 2 * MINUTE)] }).to_string(),
        2,
    );
}

#[test]
fn records_of_other_things_are_left_and_counted() {
    let world = World::new();
    let instance = with(
        finished("etl", "a1", T0, T0 + MINUTE),
        json!({ "detail-type": "ECS Container Instance State Change" }),
    );
    let container = with(
        sighting("etl", "a1", T0, T0 + MINUTE),
        json!({ "Type": "Container" }),
    );
    let network = with(
        metric("web", "CPUUtilization", T0, 1.0, 1),
        json!({ "metric_name": "NetworkRxBytes" }),
    );
    world.write(
        "mixed.jsonl",
        lines(&[
            instance,
            container,
            network,
            finished("etl", "a2", T0, T0 + MINUTE),
        ]),
    );
    world
        .import(&["mixed.jsonl"])
        .exits(0)
        .says(&["4 read = 1 accepted + 3 unused + 0 rejected"]);
}

#[test]
fn a_folder_is_searched_and_what_is_unknown_in_it_is_skipped_and_listed() {
    let world = World::new();
    let [first, second] = two_events();
    world.write("input/a/events.jsonl", lines(&[first]));
    world.write("input/b/events.jsonl.gz", gzipped(lines(&[second])));
    world.write("input/notes.txt", "nothing of interest\n");
    world.write("input/other.json", "{\"some\": \"thing\"}");
    world.write("input/empty.json", "");
    world.write("input/.hidden.json", "not even looked at");
    let run = world.import(&["input"]).exits(0);
    let run = run.says(&[
        "input/notes.txt: skipped",
        "input/other.json: skipped",
        "input/empty.json: skipped",
        "2 of 5 files imported",
    ]);
    assert!(!run.stdout.contains(".hidden"));
    holds_two_tasks(&world);
}

#[test]
fn an_unknown_file_that_is_named_is_an_error() {
    let world = World::new();
    world.write("other.json", "{\"some\": \"thing\"}\n");
    world
        .import(&["other.json"])
        .exits(5)
        .says(&["other.json", "not a shape of AWS output"]);
    assert!(!world.path("dataset").exists(), "nothing was begun");
}

/// One run as told by its events of versions 1 to 6; the last one counts.
fn life() -> Vec<Value> {
    let ended = task("etl", "a1", T0, Some(T0 + 100 * SECOND));
    let at = |version: i64, task: &Value| event(&with(task.clone(), json!({ "version": version })));
    let pending = with(
        ended.clone(),
        json!({ "pullStartedAt": null, "stoppedAt": null, "stopCode": null, "lastStatus": "PENDING" }),
    );
    let running = with(
        ended.clone(),
        json!({ "stoppedAt": null, "stopCode": null, "lastStatus": "RUNNING" }),
    );
    let stopping = with(
        running.clone(),
        json!({ "stoppingAt": stamp(T0 + 80 * SECOND), "lastStatus": "DEPROVISIONING" }),
    );
    vec![
        at(1, &pending),
        at(2, &pending),
        at(3, &running),
        at(4, &stopping),
        at(6, &ended),
    ]
}

#[test]
fn the_highest_version_of_an_event_wins_in_whatever_order() {
    let (forth, mut back) = (life(), life());
    back.reverse();
    let shuffled: Vec<Value> = [3, 0, 4, 1, 2].map(|i| forth[i].clone()).to_vec();
    for order in [forth, back, shuffled] {
        let report = World::with(&order).json();
        let etl = workload(&report, "etl");
        assert_eq!(
            (&etl["evidence"]["runs"], &etl["evidence"]["open_runs"]),
            (&json!(1), &json!(0))
        );
        assert_eq!(etl["current"]["metered"]["amount"], 100.0);
        assert_eq!(
            report["coverage"]["conflicting_rows"], 0,
            "an older version contradicts nothing"
        );
    }
}

#[test]
fn a_later_sighting_of_lower_version_does_not_reopen_a_run() {
    let world = World::with(&[life()[4].clone()]);
    world.write("late.jsonl", lines(&[life()[2].clone()]));
    world.import(&["late.jsonl"]).exits(0);
    let report = world.json();
    assert_eq!(
        workload(&report, "etl")["current"]["metered"]["amount"],
        100.0
    );
    assert_eq!(workload(&report, "etl")["evidence"]["open_runs"], 0);
}

#[test]
fn duplicates_and_contradictions_are_counted() {
    let first = finished("etl", "a1", T0, T0 + 100 * SECOND);
    let other = finished("etl", "a1", T0, T0 + 200 * SECOND);
    let world = World::with(&[first.clone(), first.clone(), other]);
    world.write("again.json", json!([first]).to_string());
    world.import(&["again.json"]).exits(0);
    let report = world.json();
    assert_eq!(
        (
            &report["coverage"]["duplicate_rows"],
            &report["coverage"]["conflicting_rows"]
        ),
        (&json!(1), &json!(1))
    );
    assert_eq!(workload(&report, "etl")["evidence"]["runs"], 1);
}

#[test]
fn contradicting_readings_are_counted_and_the_higher_one_counts() {
    let mut records = readings("web", T0, T0 + HOUR, 40.0, 1);
    records.push(metric("web", "CPUUtilization", T0, 70.0, 1));
    records.push(metric("web", "CPUUtilization", T0 + MINUTE, 40.0, 1));
    let report = World::with(&records).json();
    assert_eq!(report["coverage"]["conflicting_rows"], 1);
}

/// Every kind of fact, one file each.
fn files() -> Vec<(&'static str, String)> {
    vec![
        ("services.json", json!({ "services": [service("web", &[(T0 + 2 * HOUR, "web:2"), (T0 - HOUR, "web:1")])] }).to_string()),
        ("definitions.json", json!([definition("web:1", 256, 512), definition("web:2", 1024, 2048)]).to_string()),
        ("stream.jsonl", lines(&readings("web", T0, T0 + 4 * HOUR, 50.0, 3))),
        ("events.jsonl", lines(&life())),
        ("more.jsonl", lines(&[life()[2].clone(), finished("etl", "a2", T0 + HOUR, T0 + 2 * HOUR)])),
        ("builds.json", json!({ "builds": [build("ci", "b1", T0, T0 + 61 * SECOND)] }).to_string()),
        ("insights.jsonl", lines(&[sighting("etl", "a2", T0 + HOUR, T0 + HOUR + MINUTE)])),
    ]
}

#[test]
fn the_order_of_files_does_not_matter() {
    let world = World::new();
    for (name, content) in files() {
        world.write(name, content);
    }
    let names: Vec<&str> = files().iter().map(|(name, _)| *name).collect();
    world.import_into("forth", &names).exits(0);
    for turn in 1..names.len() {
        let mut order = names.clone();
        order.rotate_left(turn);
        order.swap(0, 3);
        let dataset = format!("turn-{turn}");
        for name in &order {
            world.import_into(&dataset, &[name]).exits(0);
        }
        assert_eq!(
            world.json_text(&dataset),
            world.json_text("forth"),
            "{order:?}"
        );
        assert_eq!(world.parts(&dataset), world.parts("forth"), "{order:?}");
    }
    let report = parsed(&world.json_text("forth"));
    assert!(
        cost(&report, "web").is_some()
            && cost(&report, "etl").is_some()
            && cost(&report, "ci").is_some()
    );
}

#[test]
fn readings_mean_the_same_in_one_file_and_in_many() {
    let records = readings("web", T0, T0 + HOUR, 40.0, 1);
    let described = [
        json!({ "services": [service("web", &[(T0, "web:1")])] }),
        definition("web:1", 512, 1024),
    ];
    let metered = |files: &[Vec<Value>]| {
        let world = World::with(&described);
        for (number, records) in files.iter().enumerate() {
            let name = format!("{number}.jsonl");
            world.write(&name, lines(records));
            world.import(&[&name]).exits(0);
        }
        workload(&world.json(), "web")["current"]["metered"].clone()
    };
    // Late records make a delivery skip minutes, and the next one bring them.
    let minute = |record: &Value| record["timestamp"].as_i64().expect("a time") / MINUTE;
    let (even, odd) = records
        .iter()
        .cloned()
        .partition(|record| minute(record) % 2 == 0);
    assert_eq!(
        metered(&[records]),
        json!({ "amount": 3600.0, "unit": "second" })
    );
    assert_eq!(
        metered(&[even, odd]),
        json!({ "amount": 3600.0, "unit": "second" })
    );
}

#[test]
fn a_file_imported_twice_changes_nothing() {
    let world = World::new();
    for (name, content) in files() {
        world.write(&format!("input/{name}"), content);
    }
    world.import(&["input"]).exits(0);
    // A report keeps its days, once.
    let report = world.json_text("dataset");
    let parts = world.parts("dataset");
    let again: Run = world.import(&["input"]).exits(0);
    for (name, _) in files() {
        assert!(
            again
                .stdout
                .contains(&format!("input/{name}: already in the dataset")),
            "{}",
            again.stdout
        );
    }
    world
        .import(&["input/events.jsonl", "input/events.jsonl"])
        .exits(0);
    assert_eq!(
        (world.parts("dataset"), world.json_text("dataset")),
        (parts, report)
    );
}
