//! Secrets never enter: what AWS would carry in variables, commands and messages is in no part, report or log.

use std::fs::{self, File};
use std::path::Path;

use polars::prelude::{DataFrame, ParquetReader, SerReader};
use serde_json::{Value, json};

use crate::support::{
    CANARY, HOUR, MINUTE, T0, World, build, definition, event, files_below, finished, lines,
    metric, service, sighting, task, unpacked, with,
};

/// Every string of every part, decoded, and every byte, raw.
fn assert_clean(dataset: &Path) {
    let parts = files_below(dataset);
    assert!(!parts.is_empty());
    for part in parts {
        let bytes = fs::read(&part).expect("there");
        assert!(
            !bytes.windows(6).any(|six| six == b"CANARY"),
            "{}",
            part.display()
        );
        let frame: DataFrame = ParquetReader::new(File::open(&part).expect("there"))
            .finish()
            .expect("Parquet");
        for column in frame
            .columns()
            .iter()
            .filter_map(|column| column.str().ok())
        {
            assert!(
                column.iter().flatten().all(|text| !text.contains("CANARY")),
                "{} {}",
                part.display(),
                column.name()
            );
        }
    }
}

/// Imports and reports in every format, as talkative as can be, and holds that the canary is nowhere.
fn assert_never_kept(world: &World, paths: &[&str], code: i32) {
    let import = world
        .run(&[&["-vvv", "import", "--dataset", "dataset"], paths].concat())
        .exits(code);
    assert!(!import.said().contains("CANARY"), "{}", import.said());
    if code == 5 {
        return;
    }
    assert_clean(&world.path("dataset"));
    for format in ["table", "markdown", "json", "csv"] {
        let report = world
            .run(&["-vvv", "report", "--dataset", "dataset", "--format", format])
            .exits(0);
        assert!(!report.said().contains("CANARY"), "{format}");
    }
}

#[test]
fn the_canaries_of_the_sample_are_kept_nowhere() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample");
    let planted = files_below(&sample)
        .iter()
        .filter(|file| String::from_utf8_lossy(&unpacked(file)).contains(CANARY))
        .count();
    assert!(
        planted >= 3,
        "task events, task definitions and builds carry it"
    );
    assert_never_kept(&World::new(), &[&sample.display().to_string()], 0);
}

/// Every shape, with the canary wherever AWS lets people write what they like.
fn planted() -> Vec<Value> {
    let variables = json!([{ "name": "KEY", "value": CANARY }, { "name": CANARY, "value": "x" }]);
    let overrides = json!({ "containerOverrides": [{ "name": "app", "command": [CANARY], "environment": variables }], "cpu": CANARY });
    let reason =
        "Essential container exited: CANARY-must-never-be-kept, OutOfMemoryError: container killed";
    let in_task = json!({
        "overrides": overrides, "tags": [{ "key": CANARY, "value": CANARY }], "stoppedReason": reason, "startedBy": CANARY,
        "containers": [{ "name": "app", "reason": reason, "image": CANARY }], "attachments": [{ "details": [{ "value": CANARY }] }],
        "attributes": [{ "name": CANARY, "value": CANARY }, { "name": "ecs.cpu-architecture", "value": CANARY }],
    });
    let in_build = json!({
        "environment": { "environmentVariables": variables, "registryCredential": { "credential": CANARY }, "image": CANARY },
        "source": { "buildspec": CANARY, "location": CANARY, "auth": { "resource": CANARY } }, "initiator": CANARY, "logs": { "deepLink": CANARY },
        "phases": [{ "phaseType": "PROVISIONING", "startTime": T0 / 1000, "contexts": [{ "message": CANARY }] }],
    });
    let in_definition = json!({ "taskDefinition": { "containerDefinitions": [{ "environment": variables, "secrets": variables, "command": [CANARY] }] } });
    vec![
        event(&with(task("etl", "a1", T0, Some(T0 + HOUR)), in_task)),
        with(build("ci", "b1", T0, T0 + HOUR), in_build),
        with(
            service("web", &[(T0, "web:1")]),
            json!({ "events": [{ "message": CANARY }], "tags": [{ "key": CANARY }], "createdBy": CANARY }),
        ),
        with(definition("web:1", 256, 512), in_definition),
        with(
            metric("web", "CPUUtilization", T0, 10.0, 1),
            json!({ "metric_stream_name": CANARY, "unit": CANARY }),
        ),
        with(
            sighting("etl", "a1", T0, T0 + MINUTE),
            json!({ "Image": CANARY, "InstanceId": CANARY }),
        ),
        json!({ "timestamp": T0, "message": format!("login with {CANARY}") }),
    ]
}

#[test]
fn whatever_people_write_is_kept_nowhere() {
    let world = World::new();
    world.write("lines.jsonl", lines(&planted()));
    world.write(
        "pretty.json",
        serde_json::to_string_pretty(&planted()).expect("JSON"),
    );
    assert_never_kept(&world, &["lines.jsonl", "pretty.json"], 0);
}

#[test]
fn a_field_that_should_be_something_else_is_not_quoted() {
    let task_with = |change: Value| event(&with(task("etl", "a1", T0, Some(T0 + HOUR)), change));
    let reading_with = |change: Value| with(metric("web", "CPUUtilization", T0, 10.0, 1), change);
    let malformed = [
        task_with(json!({ "createdAt": CANARY })),
        task_with(json!({ "version": CANARY })),
        task_with(json!({ "ephemeralStorage": { "sizeInGiB": CANARY } })),
        task_with(json!({ "containers": CANARY })),
        task_with(json!({ "taskArn": CANARY })),
        reading_with(json!({ "timestamp": CANARY })),
        reading_with(json!({ "value": { "max": CANARY } })),
        reading_with(json!({ "value": CANARY })),
        reading_with(json!({ "account_id": CANARY })),
        reading_with(json!({ "dimensions": { "ClusterName": { "x": CANARY } } })),
        with(
            build("ci", "b1", T0, T0 + HOUR),
            json!({ "startTime": CANARY }),
        ),
        with(
            build("ci", "b1", T0, T0 + HOUR),
            json!({ "phases": CANARY }),
        ),
        with(
            build("ci", "b1", T0, T0 + HOUR),
            json!({ "environment": { "privilegedMode": CANARY } }),
        ),
        with(
            service("web", &[(T0, "web:1")]),
            json!({ "deployments": CANARY }),
        ),
        with(
            sighting("etl", "a1", T0, T0 + MINUTE),
            json!({ "CpuUtilized": CANARY }),
        ),
        with(
            sighting("etl", "a1", T0, T0 + MINUTE),
            json!({ "AccountID": CANARY }),
        ),
    ];
    let world = World::new();
    let good = finished("good", "g1", T0, T0 + HOUR);
    world.write(
        "lines.jsonl",
        lines(&[malformed.as_slice(), &[good]].concat()),
    );
    assert_never_kept(&world, &["lines.jsonl"], 3);
}

#[test]
fn a_size_that_is_no_size_is_not_kept() {
    let world = World::new();
    let odd = [
        event(&with(
            task("etl", "a1", T0, Some(T0 + HOUR)),
            json!({ "cpu": CANARY, "memory": CANARY, "platformFamily": CANARY }),
        )),
        with(
            definition("web:1", 256, 512),
            json!({ "taskDefinition": { "cpu": CANARY, "memory": CANARY } }),
        ),
    ];
    world.write("lines.jsonl", lines(&odd));
    assert_never_kept(&world, &["lines.jsonl"], 0);
}

#[test]
fn text_that_is_not_json_is_not_quoted() {
    let world = World::new();
    world.write(
        "line.jsonl",
        format!(
            "{}\n{{\"detail\": {CANARY}}}\nTOKEN={CANARY}\n",
            finished("etl", "a1", T0, T0 + HOUR)
        ),
    );
    assert_never_kept(&world, &["line.jsonl"], 3);
    world.write(
        "document.json",
        format!("{{\n\"{CANARY}\": \"{CANARY}\",\n{CANARY}"),
    );
    assert_never_kept(&world, &["document.json"], 5);
    world.write(
        "cut.json",
        format!("{{\n\"tasks\": [{{\"secret\": \"{CANARY}"),
    );
    assert_never_kept(&world, &["cut.json"], 5);
}
