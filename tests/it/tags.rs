//! Tags: kept by key, asked for by key.

use serde_json::{Value, json};

use crate::support::{
    DAY, HOUR, T0, World, definition, finished, lines, readings, service, with, workload,
};

/// Two services and a task family; of the tags of `web` two are usual ones.
fn records() -> Vec<Value> {
    let tagged = |tags: Value| json!({ "tags": tags });
    let mut records = vec![
        with(
            service("web", &[(T0 - DAY, "web:1")]),
            tagged(json!([
                { "key": "team", "value": "shop" }, { "key": "CostCenter", "value": "47, 11" }, { "key": "secret", "value": "s3cret" },
            ])),
        ),
        with(
            service("api", &[(T0 - DAY, "web:1")]),
            tagged(json!([{ "key": "team", "value": "data" }])),
        ),
        with(
            definition("web:1", 1024, 2048),
            tagged(json!([{ "key": "team", "value": "nobody" }])),
        ),
        with(
            definition("etl:1", 1024, 2048),
            tagged(json!([{ "key": "team", "value": "data" }])),
        ),
        finished("etl", "a1", T0, T0 + HOUR),
    ];
    for name in ["web", "api"] {
        records.extend(readings(name, T0, T0 + HOUR, 10.0, 1));
    }
    records
}

#[test]
fn a_service_has_its_own_tags_and_a_family_those_of_its_definition() {
    let world = World::with(&records());
    let report = world.json();
    assert_eq!(
        workload(&report, "web")["tags"],
        json!({ "CostCenter": "47, 11", "team": "shop" })
    );
    assert_eq!(workload(&report, "api")["tags"], json!({ "team": "data" }));
    assert_eq!(workload(&report, "etl")["tags"], json!({ "team": "data" }));
}

#[test]
fn a_report_is_of_the_workloads_with_a_tag_and_sums_by_it() {
    let world = World::with(&records());
    let names = |condition: &str| -> Vec<String> {
        let run = world
            .report(&["--where", condition, "--format", "json"])
            .exits(0);
        let report: Value = serde_json::from_str(&run.stdout).expect("JSON");
        let workloads = report["workloads"].as_array().expect("a list");
        let names = workloads.iter().map(|one| one["name"].as_str());
        let mut names: Vec<String> = names.map(|name| name.expect("a name").to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names("tag.team=data"), ["api", "etl"]);
    assert_eq!(names("tag.team=data and kind=task"), ["etl"]);
    assert_eq!(names("tag.CostCenter='47, 11'"), ["web"]);
    assert_eq!(names("tag.CostCenter!='47, 11'"), ["api", "etl"]);
    let run = world
        .report(&["--group-by", "tag.team", "--format", "json"])
        .exits(0);
    let report: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(report["groups"]["by"], "tag.team");
    let groups = report["groups"]["groups"].as_array().expect("a list");
    let mut counts: Vec<(&str, &Value)> = groups
        .iter()
        .map(|group| (group["value"].as_str().unwrap_or("-"), &group["workloads"]))
        .collect();
    counts.sort_by_key(|(value, _)| *value);
    assert_eq!(counts, [("data", &json!(2)), ("shop", &json!(1))]);
    world
        .report(&["--group-by", "tag.team"])
        .exits(0)
        .says(&["tag.team", "data"]);
    world
        .report(&["--group-by", "colour"])
        .exits(2)
        .says(&["tag.KEY"]);
}

#[test]
fn tags_of_other_keys_are_kept_only_when_asked_for() {
    let world = World::new();
    world.write("lines.jsonl", lines(&records()));
    let args = [
        "import",
        "--dataset",
        "dataset",
        "--tags",
        "Secret,cost-center",
        "lines.jsonl",
    ];
    world.run(&args).exits(0);
    let report = world.json();
    let tags = &workload(&report, "web")["tags"];
    assert_eq!(*tags, json!({ "CostCenter": "47, 11", "secret": "s3cret" }));
}

#[test]
fn what_was_tagged_when_the_newest_deployment_was_described_counts() {
    let later = with(
        service("web", &[(T0 + HOUR / 2, "web:1")]),
        json!({ "tags": [{ "key": "team", "value": "web" }] }),
    );
    let mut all = records();
    all.push(later);
    let world = World::with(&all);
    assert_eq!(
        workload(&world.json(), "web")["tags"],
        json!({ "team": "web" })
    );
}
