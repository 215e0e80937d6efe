//! A cluster as AWS answers it, through the SDK into a dataset.

use std::collections::BTreeMap;

use polars::prelude::DataFrame;
use serde_json::{Value, json};

use super::*;
use crate::collect::wire::{ACCOUNT, Collected, REGION, collect, place};
use crate::dataset::Table;
use crate::dataset::scan::Scan;
use crate::dataset::schema::State;

/// 2026-11-20T12:00:00Z.
const NOW: i64 = 1_795_176_000_000;
const CANARY: &str = "CANARY-must-never-be-kept";

fn arn(resource: &str) -> String {
    format!("arn:aws:ecs:{REGION}:{ACCOUNT}:{resource}")
}

/// Seconds since the epoch, `minutes` before now.
fn ago(minutes: i64) -> i64 {
    NOW / 1_000 - minutes * 60
}

fn task(id: &str, group: &str, definition: &str) -> Value {
    json!({
        "taskArn": arn(&format!("task/prod/{id}")),
        "clusterArn": arn("cluster/prod"),
        "taskDefinitionArn": arn(&format!("task-definition/{definition}")),
        "group": group,
        "cpu": "256", "memory": "512", "launchType": "FARGATE", "version": 3,
        "createdAt": ago(50), "pullStartedAt": ago(49), "startedAt": ago(48),
        "lastStatus": "RUNNING", "desiredStatus": "RUNNING",
        "overrides": { "containerOverrides": [{ "name": "c", "environment": [{ "name": "S", "value": CANARY }], "command": [CANARY] }] },
        "stoppedReason": CANARY,
        "tags": [{ "key": "k", "value": CANARY }],
    })
}

fn stopped(mut task: Value) -> Value {
    for (name, value) in [
        ("version", json!(5)),
        ("lastStatus", json!("STOPPED")),
        ("stoppedAt", json!(ago(10))),
    ] {
        task[name] = value;
    }
    task
}

fn definition(name: &str, cpu: &str, memory: &str) -> Value {
    json!({ "taskDefinition": {
        "taskDefinitionArn": arn(&format!("task-definition/{name}")),
        "cpu": cpu, "memory": memory,
        "runtimePlatform": { "cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX" },
        "containerDefinitions": [{ "name": "c", "environment": [{ "name": "S", "value": CANARY }], "command": [CANARY] }],
    } })
}

/// The items of `all` whose `name` is among `asked`, and a failure for each other.
fn found(all: &[Value], name: &str, asked: &Value) -> (Vec<Value>, Vec<Value>) {
    let is_asked = |asked: &&Value| all.iter().any(|item| item[name] == **asked);
    let (here, missing): (Vec<&Value>, Vec<&Value>) =
        asked.as_array().unwrap().iter().partition(is_asked);
    let here = all
        .iter()
        .filter(|item| here.contains(&&item[name]))
        .cloned()
        .collect();
    (
        here,
        missing
            .into_iter()
            .map(|arn| json!({ "arn": arn, "reason": "MISSING", "detail": CANARY }))
            .collect(),
    )
}

/// One cluster: a service that was resized, a task of it, tasks of two jobs, one instance.
fn ecs(operation: &str, asked: &Value) -> (u16, Value) {
    let web = |no: u32| arn(&format!("service-revision/prod/web/{no}"));
    let tasks = [
        task("aa01", "service:web", "web:2"),
        stopped(task("aa02", "family:job", "job:7")),
        stopped(task("aa03", "family:nightly", "nightly:1")),
    ];
    let service = json!({
        "serviceArn": arn("service/prod/web"), "serviceName": "web", "clusterArn": arn("cluster/prod"),
        "taskDefinition": arn("task-definition/web:2"), "launchType": "FARGATE", "createdAt": ago(100_000),
        "deployments": [{ "status": "PRIMARY", "taskDefinition": arn("task-definition/web:2"), "launchType": "FARGATE",
            "platformFamily": "Linux", "createdAt": ago(3_001) }],
        "events": [{ "message": CANARY }],
    });
    let answer = match operation {
        "ListClusters" => json!({ "clusterArns": [arn("cluster/prod")] }),
        "DescribeClusters" => {
            assert_eq!(asked["include"], json!(["SETTINGS"]));
            let prod = json!({ "clusterArn": arn("cluster/prod"), "clusterName": "prod", "status": "ACTIVE",
                "registeredContainerInstancesCount": 1, "runningTasksCount": 1,
                "settings": [{ "name": "containerInsights", "value": "enhanced" }] });
            let (here, failures): (Vec<&Value>, Vec<&Value>) = asked["clusters"]
                .as_array()
                .unwrap()
                .iter()
                .partition(|name| name.as_str().unwrap().ends_with("prod"));
            let failures = failures
                .iter()
                .map(|name| json!({ "arn": arn(&format!("cluster/{}", name.as_str().unwrap())), "reason": "MISSING" }));
            json!({ "clusters": here.iter().map(|_| &prod).collect::<Vec<_>>(), "failures": failures.collect::<Vec<_>>() })
        }
        "ListServices" => json!({ "serviceArns": [arn("service/prod/web")] }),
        "DescribeServices" => {
            let (services, failures) = found(&[service], "serviceArn", &asked["services"]);
            json!({ "services": services, "failures": failures })
        }
        "ListTasks" => {
            let (arns, token) = match (
                asked["desiredStatus"].as_str().unwrap(),
                asked["nextToken"].as_str(),
            ) {
                ("RUNNING", None) => (vec!["aa01"], Some("1")),
                ("RUNNING", Some("1")) => (vec!["aa01", "aa02"], None),
                // Stopped an hour ago: gone before it can be described.
                ("STOPPED", None) => (vec!["aa02", "aa03", "aaff"], None),
                other => panic!("{other:?}"),
            };
            let arns: Vec<String> = arns
                .into_iter()
                .map(|id| arn(&format!("task/prod/{id}")))
                .collect();
            json!({ "taskArns": arns, "nextToken": token })
        }
        "DescribeTasks" => {
            let (tasks, failures) = found(&tasks, "taskArn", &asked["tasks"]);
            json!({ "tasks": tasks, "failures": failures })
        }
        "ListServiceDeployments" => json!({ "serviceDeployments": [
            { "serviceDeploymentArn": "d2", "startedAt": ago(3_000), "finishedAt": ago(2_990), "status": "SUCCESSFUL",
                "targetServiceRevisionArn": web(2), "statusReason": CANARY },
            { "serviceDeploymentArn": "d1", "startedAt": ago(9_000), "finishedAt": ago(8_990), "status": "SUCCESSFUL",
                "targetServiceRevisionArn": web(1) },
        ] }),
        "DescribeServiceRevisions" => {
            let revision = |no: u32| {
                json!({ "serviceRevisionArn": web(no), "taskDefinition": arn(&format!("task-definition/web:{no}")),
                    "launchType": "FARGATE", "platformFamily": "Linux" })
            };
            let (revisions, failures) = found(
                &[revision(1), revision(2)],
                "serviceRevisionArn",
                &asked["serviceRevisionArns"],
            );
            json!({ "serviceRevisions": revisions, "failures": failures })
        }
        "ListContainerInstances" => {
            json!({ "containerInstanceArns": [arn("container-instance/prod/bb01")] })
        }
        "DescribeContainerInstances" => json!({ "containerInstances": [{
            "containerInstanceArn": arn("container-instance/prod/bb01"), "ec2InstanceId": "i-0123456789abcdef0",
            "capacityProviderName": "fleet", "registeredAt": ago(5_000),
            "attributes": [{ "name": "ecs.instance-type", "value": "m7g.large" },
                { "name": "ecs.availability-zone", "value": "eu-central-1a" }],
            "registeredResources": [{ "name": "CPU", "type": "INTEGER", "integerValue": 2_048 },
                { "name": "MEMORY", "type": "INTEGER", "integerValue": 7_680 }],
        }] }),
        "DescribeTaskDefinition" => match asked["taskDefinition"].as_str().unwrap() {
            "web:1" => definition("web:1", "512", "1024"),
            "web:2" => definition("web:2", "256", "512"),
            "job:7" => definition("job:7", "1024", "2048"),
            // Deleted for good.
            "nightly:1" => {
                return (
                    400,
                    json!({ "__type": "ClientException", "message": "Unable to describe" }),
                );
            }
            other => panic!("{other}"),
        },
        other => panic!("{other} is not of ECS"),
    };
    (200, answer)
}

struct Seen {
    discovered: Vec<Cluster>,
    missing: Vec<String>,
    definitions: BTreeSet<String>,
}

/// Discovers, then takes the snapshot and the histories of each cluster; `known` definitions are in the dataset.
fn seen_knowing(
    known: &[&str],
    only: &[&str],
    answer: impl Fn(&str, &Value) -> (u16, Value) + Send + Sync + 'static,
) -> (Collected<Result<Seen, Fault>>, Vec<String>) {
    let (place, calls) = place(answer);
    let only: Vec<String> = only.iter().map(ToString::to_string).collect();
    let definitions = Mutex::new(known.iter().map(ToString::to_string).collect());
    let collected = collect(NOW, async move |sink| {
        let Discovered { clusters, missing } = discover(&place, &only).await?;
        let known = Known::default();
        for cluster in &clusters {
            snapshot(&place, cluster, NOW, &definitions, &known, &sink).await?;
            let services: Vec<&Service> = cluster.services.iter().collect();
            if !services.is_empty() {
                history(&place, cluster, &services, NOW, &definitions, &known, &sink).await?;
            }
        }
        Ok(Seen {
            discovered: clusters,
            missing,
            definitions: definitions.into_inner().unwrap(),
        })
    });
    let calls = calls.lock().unwrap().clone();
    (collected, calls)
}

fn seen(
    only: &[&str],
    answer: impl Fn(&str, &Value) -> (u16, Value) + Send + Sync + 'static,
) -> (Collected<Result<Seen, Fault>>, Vec<String>) {
    seen_knowing(&[], only, answer)
}

fn table(collected: &Collected<Result<Seen, Fault>>, table: Table) -> DataFrame {
    Scan::new(&collected.dataset)
        .unwrap()
        .table(table)
        .unwrap()
        .unwrap()
}

fn texts(frame: &DataFrame, column: &str) -> Vec<String> {
    let column = frame.column(column).unwrap().str().unwrap();
    column
        .iter()
        .map(|text| text.unwrap_or("-").to_owned())
        .collect()
}

/// State and reason of the snapshot and of the history of the one service.
fn scope_days(collected: &Collected<Result<Seen, Fault>>) -> [(String, String); 2] {
    let commits = collected.commits();
    [
        "collect:ecs:2026-11-20T12:00:00Z",
        "collect:history:web:2026-11-20T12:00:00Z",
    ]
    .map(|source| {
        let commit = commits.iter().find(|commit| commit.row.source == source);
        commit.map_or_else(Default::default, |commit| {
            assert_eq!(
                (commit.row.scope.as_str(), commit.row.day.as_str()),
                ("prod", "2026-11-20")
            );
            (
                commit.row.state.clone(),
                commit.row.reason.clone().unwrap_or_default(),
            )
        })
    })
}

/// `ecs`, but with `code` for one operation.
fn refusing(
    operation: &'static str,
    code: &'static str,
) -> impl Fn(&str, &Value) -> (u16, Value) + Send + Sync + 'static {
    move |called, asked| {
        if called == operation {
            return (400, json!({ "__type": code, "message": CANARY }));
        }
        ecs(called, asked)
    }
}

#[test]
fn a_cluster_is_seen_with_all_that_belongs_to_it() {
    let (collected, calls) = seen(&[], ecs);
    let seen = collected.outcome.as_ref().unwrap();
    let cluster = &seen.discovered[0];
    assert_eq!(
        (
            cluster.name.as_str(),
            cluster.insights,
            cluster.instances,
            cluster.running_tasks
        ),
        ("prod", Insights::Enhanced, true, 1)
    );
    assert_eq!(cluster.services[0].name, "web");
    assert_eq!(cluster.services[0].families().collect::<Vec<_>>(), ["web"]);
    assert!(
        cluster.faults.is_empty() && cluster.unknown_services.is_none() && seen.missing.is_empty()
    );
    let [(state, reason), history] = scope_days(&collected);
    assert_eq!(state, "snapshot");
    assert_eq!(
        reason,
        "tasks that ran then or had stopped within the hour; 1 of 5 tasks not returned: MISSING; \
         1 of 2 task definitions not returned: MISSING"
    );
    assert_eq!(
        history,
        (
            "snapshot".to_owned(),
            "deployments that AWS still lists".to_owned()
        )
    );
    let runs = table(&collected, Table::Runs);
    let mut told: Vec<_> = texts(&runs, "run_id")
        .into_iter()
        .zip(texts(&runs, "name"))
        .collect();
    told.sort();
    told.dedup();
    assert_eq!(
        told,
        [("aa01", "web"), ("aa02", "job"), ("aa03", "nightly")]
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
    let instances = table(&collected, Table::Instances);
    assert_eq!(texts(&instances, "instance_type"), ["m7g.large"]);
    assert_eq!(texts(&instances, "instance_id"), ["i-0123456789abcdef0"]);
    assert_eq!(
        instances
            .column("memory_mib")
            .unwrap()
            .i64()
            .unwrap()
            .get(0),
        Some(7_680)
    );
    assert_eq!(
        seen.definitions.iter().collect::<Vec<_>>(),
        ["job:7", "web:1", "web:2"]
    );
    assert_eq!(
        calls
            .iter()
            .filter(|call| *call == "DescribeTaskDefinition")
            .count(),
        4,
        "each once"
    );
}

#[test]
fn a_running_task_is_seen_alive_now_and_a_stopped_one_at_its_end() {
    let (collected, _) = seen(&[], ecs);
    let runs = table(&collected, Table::Runs);
    let times = |column: &str| -> Vec<Option<i64>> {
        runs.column(column).unwrap().i64().unwrap().iter().collect()
    };
    let told: BTreeMap<String, _> = texts(&runs, "run_id")
        .into_iter()
        .zip(times("last_seen_ms").into_iter().zip(times("stopped_ms")))
        .collect();
    assert_eq!(told["aa01"], (Some(NOW), None));
    assert_eq!(told["aa02"], (None, Some(NOW - 600_000)));
}

#[test]
fn the_history_of_a_service_names_each_size_from_its_deployment_on() {
    let (collected, _) = seen(&[], ecs);
    let rows = table(&collected, Table::Workloads);
    let from: Vec<i64> = rows
        .column("from_ms")
        .unwrap()
        .i64()
        .unwrap()
        .into_no_null_iter()
        .collect();
    let mut told: Vec<(i64, String)> = from
        .into_iter()
        .zip(texts(&rows, "task_definition"))
        .collect();
    told.sort();
    told.retain(|(_, name)| name.starts_with("web"));
    let at = |minutes: i64| ago(minutes) * 1_000;
    let expected = [
        (0, "web:1"),
        (0, "web:2"),
        (at(9_000), "web:1"),
        (at(3_001), "web:2"),
        (at(3_000), "web:2"),
    ];
    assert_eq!(told, expected.map(|(from, name)| (from, name.to_owned())));
}

#[test]
fn no_secret_gets_into_the_dataset() {
    let (collected, _) = seen(&[], ecs);
    let mut told = 0;
    for frame in
        [Table::Workloads, Table::Runs, Table::Instances].map(|name| table(&collected, name))
    {
        for column in frame.columns().iter().filter(|column| column.str().is_ok()) {
            let texts = texts(&frame, column.name());
            told += texts.len();
            assert!(
                !texts.iter().any(|text| text.contains(CANARY)),
                "{}",
                column.name()
            );
        }
    }
    assert!(told > 50);
    assert!(
        scope_days(&collected)
            .iter()
            .all(|(_, reason)| !reason.contains(CANARY))
    );
}

#[test]
fn a_definition_that_is_in_the_dataset_is_not_asked_for_again() {
    let (collected, calls) = seen_knowing(&["web:1", "web:2", "job:7"], &[], ecs);
    assert!(collected.outcome.is_ok());
    assert_eq!(
        calls
            .iter()
            .filter(|call| *call == "DescribeTaskDefinition")
            .count(),
        1,
        "only the one that was deleted"
    );
}

#[test]
fn a_denied_operation_only_takes_away_what_it_feeds() {
    // Rows left of configurations, tasks and instances; in all there are 6, 3 and 1.
    for (operation, rows) in [
        ("ListServices", [1, 3, 1]),
        ("DescribeServices", [5, 3, 1]),
        ("ListTasks", [5, 0, 1]),
        ("DescribeTasks", [5, 0, 1]),
        ("ListServiceDeployments", [3, 3, 1]),
        ("DescribeServiceRevisions", [3, 3, 1]),
        ("ListContainerInstances", [6, 3, 0]),
        ("DescribeContainerInstances", [6, 3, 0]),
        ("DescribeTaskDefinition", [3, 3, 1]),
        ("DescribeClusters", [6, 3, 1]),
    ] {
        let (collected, _) = seen(&[], refusing(operation, "AccessDeniedException"));
        assert!(collected.outcome.is_ok(), "{operation}");
        let told = scope_days(&collected);
        let blamed = format!("access denied: ecs:{operation}");
        assert!(
            told.iter()
                .any(|(state, reason)| state == "partial" && reason.starts_with(&blamed)),
            "{told:?}"
        );
        assert!(!told.iter().any(|(_, reason)| reason.contains(CANARY)));
        let unknown = collected.outcome.as_ref().unwrap().discovered[0]
            .unknown_services
            .is_some();
        assert_eq!(
            unknown,
            ["ListServices", "DescribeServices"].contains(&operation),
            "{operation}"
        );
        let scan = Scan::new(&collected.dataset).unwrap();
        let left = [Table::Workloads, Table::Runs, Table::Instances]
            .map(|table| scan.table(table).unwrap());
        assert_eq!(
            left.map(|frame| frame.map_or(0, |frame| frame.height())),
            rows,
            "{operation}"
        );
    }
}

#[test]
fn without_clusters_there_is_nothing_to_go_on_with() {
    let (collected, calls) = seen(&[], refusing("ListClusters", "AccessDeniedException"));
    assert_eq!(
        collected.outcome.err(),
        Some(Fault::Denied("ecs:ListClusters".to_owned()))
    );
    assert_eq!(calls, ["ListClusters"]);
}

#[test]
fn a_cluster_asked_for_by_name_need_not_be_listed_but_must_be_there() {
    let (collected, calls) = seen(&["prod", "typo"], ecs);
    let seen = collected.outcome.as_ref().unwrap();
    assert_eq!(seen.discovered.len(), 1);
    assert_eq!(seen.missing, ["cluster typo not returned: MISSING"]);
    assert!(!calls.contains(&"ListClusters".to_owned()));
}

#[test]
fn a_cluster_deleted_meanwhile_is_partial_and_is_not_asked_about_any_further() {
    let (collected, calls) = seen(&[], |called, asked| {
        if [
            "ListTasks",
            "ListServiceDeployments",
            "ListContainerInstances",
        ]
        .contains(&called)
        {
            return (
                400,
                json!({ "__type": "ClusterNotFoundException", "message": "Cluster not found." }),
            );
        }
        ecs(called, asked)
    });
    let [(state, reason), (of_history, _)] = scope_days(&collected);
    assert_eq!(
        (state.as_str(), of_history.as_str()),
        ("partial", "partial")
    );
    assert!(
        reason.starts_with("gone: ecs:ListTasks: ClusterNotFoundException"),
        "{reason}"
    );
    assert_eq!(calls.iter().filter(|call| *call == "ListTasks").count(), 1);
}

#[test]
fn a_service_of_another_controller_still_has_its_own_deployments() {
    let (collected, _) = seen(
        &[],
        refusing("ListServiceDeployments", "UnsupportedFeatureException"),
    );
    let [_, (state, reason)] = scope_days(&collected);
    assert_eq!(state, "snapshot");
    assert!(
        reason.contains("1 services without a deployment history"),
        "{reason}"
    );
    assert!(
        texts(&table(&collected, Table::Workloads), "task_definition")
            .contains(&"web:2".to_owned())
    );
}

#[test]
fn tasks_passed_over_in_silence_make_the_snapshot_partial() {
    let (collected, _) = seen(&[], |called, asked| {
        let (status, mut answer) = ecs(called, asked);
        if called == "DescribeTasks" {
            answer["failures"] = json!([]);
            answer["tasks"]
                .as_array_mut()
                .unwrap()
                .retain(|task| task["taskArn"] != arn("task/prod/aa03"));
        }
        (status, answer)
    });
    let [(state, reason), _] = scope_days(&collected);
    assert_eq!(state, "partial");
    assert!(reason.starts_with("AWS returned 3 of 5 tasks"), "{reason}");
}

#[test]
fn a_task_that_vanished_is_told_but_is_no_failure() {
    let mut reckoning = Reckoning::default();
    let missing = (Some("a".to_owned()), Some("MISSING".to_owned()));
    reckoning.sort(
        &["a".to_owned()],
        None::<Vec<String>>,
        |name| Some(name),
        [missing],
    );
    let mut report = Report::default();
    report.reckon(&reckoning, "tasks");
    let told =
        "tasks that ran then or had stopped within the hour; 1 of 1 tasks not returned: MISSING";
    assert_eq!(
        report.scope_day(SNAPSHOT, 0),
        (State::Snapshot, told.to_owned())
    );
}

#[test]
fn what_is_denied_is_partial_beside_what_was_seen() {
    let denied = || {
        let mut report = Report::default();
        report
            .fault(Fault::Denied("ecs:ListTasks".to_owned()))
            .unwrap();
        report
            .fault(Fault::Denied("ecs:ListTasks".to_owned()))
            .unwrap();
        report
    };
    assert_eq!(
        denied().scope_day(SNAPSHOT, 3),
        (State::Partial, "access denied: ecs:ListTasks".to_owned())
    );
    assert_eq!(denied().scope_day(SNAPSHOT, 0).0, State::Denied);
    assert!(
        Report::default()
            .fault(Fault::Stopped("interrupted"))
            .is_err()
    );
}
