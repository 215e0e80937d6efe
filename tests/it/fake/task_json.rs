//! A task as AWS writes it: in answers with epoch seconds, in events with RFC 3339.

use serde_json::{Map, Value, json};

use super::random::hash;
use super::tasks::Task;
use super::world::{Cluster, Launch, Place, family};

/// A capacity provider's name, and the launch type that goes with it.
pub(crate) fn launch(launch: &Launch) -> (&'static str, Option<&str>) {
    match launch {
        Launch::Fargate => ("FARGATE", None),
        Launch::Ec2 => ("EC2", None),
        Launch::Provider(name) if name.starts_with("FARGATE") => ("FARGATE", Some(name)),
        Launch::Provider(name) => ("EC2", Some(name)),
    }
}

pub(crate) fn cluster_arn(place: &Place<'_>, cluster: &Cluster) -> String {
    place.arn("ecs", &format!("cluster/{}", cluster.name))
}

pub(crate) fn task_arn(place: &Place<'_>, task: &Task<'_>) -> String {
    place.arn(
        "ecs",
        &format!(
            "task/{}/{}",
            task.workload.cluster.name,
            place.id_of(task.key)
        ),
    )
}

pub(crate) fn definition_arn(place: &Place<'_>, name: &str) -> String {
    place.arn("ecs", &format!("task-definition/{name}"))
}

/// What is told of a task as it was [`Task::seen_at`] some time. Secrets stand where AWS has them.
pub(crate) fn task_json(place: &Place<'_>, task: &Task<'_>, time: impl Fn(i64) -> Value) -> Value {
    let (version, last_status) = task.state();
    let (launch_type, provider) = launch(task.workload.launch());
    let definition = task.definition;
    let arn = task_arn(place, task);
    let (cpu, memory) = (
        definition.cpu_units.to_string(),
        definition.memory_mib.to_string(),
    );
    let mut container = json!({
        "containerArn": place.arn("ecs", &format!("container/{}/{}/app", task.workload.cluster.name, place.id_of(task.key))),
        "taskArn": arn, "name": "app", "image": format!("{}.dkr.ecr/app:latest", place.account.id), "lastStatus": last_status,
        "cpu": "0", "networkInterfaces": [], "healthStatus": "UNKNOWN",
    });
    if task.stopping_ms.is_some() {
        container["exitCode"] = json!(if task.out_of_memory { 137 } else { 0 });
    }
    if task.out_of_memory {
        container["reason"] = json!("OutOfMemoryError: Container killed due to memory usage");
    }
    let mut fields = json!({
        "attachments": [], "attributes": [{ "name": "ecs.cpu-architecture", "value": definition.architecture.to_lowercase() }],
        "availabilityZone": format!("{}a", place.name), "clusterArn": cluster_arn(place, task.workload.cluster), "containers": [container],
        "cpu": cpu, "memory": memory, "desiredStatus": if task.stopping_ms.is_some() { "STOPPED" } else { "RUNNING" },
        "enableExecuteCommand": false, "lastStatus": last_status, "launchType": launch_type,
        "overrides": { "containerOverrides": [{
            "name": "app", "command": ["run", "--password=CANARY-override-command"],
            "environment": [{ "name": "TOKEN", "value": "CANARY-override-environment" }],
        }] },
        "tags": [{ "key": "note", "value": "CANARY-task-tag" }],
        "taskArn": arn, "taskDefinitionArn": definition_arn(place, &definition.name), "version": version,
    });
    let object = fields.as_object_mut().expect("an object");
    put(object, "capacityProviderName", provider.map(Value::from));
    match task.workload.service() {
        Some(service) => {
            put(object, "group", Some(format!("service:{service}").into()));
            put(
                object,
                "startedBy",
                Some(format!("ecs-svc/{:019}", hash(1, place.seed) >> 4).into()),
            );
        }
        None => put(
            object,
            "group",
            Some(format!("family:{}", family(&definition.name)).into()),
        ),
    }
    if launch_type == "FARGATE" {
        put(object, "platformFamily", Some("Linux".into()));
        put(object, "platformVersion", Some("1.4.0".into()));
        put(
            object,
            "ephemeralStorage",
            Some(json!({ "sizeInGiB": definition.ephemeral_gib.unwrap_or(20) })),
        );
    } else if let Some(instance) = task.workload.cluster.instances.first() {
        let instance = format!(
            "container-instance/{}/{}",
            task.workload.cluster.name, instance.id
        );
        put(
            object,
            "containerInstanceArn",
            Some(place.arn("ecs", &instance).into()),
        );
    }
    if task.stopping_ms.is_some() {
        put(object, "stopCode", Some(task.stop_code.into()));
        put(
            object,
            "stoppedReason",
            Some("Essential container in task exited: CANARY-stopped-reason".into()),
        );
    }
    let times = [
        ("createdAt", Some(task.created_ms)),
        ("connectivityAt", task.pull_started_ms),
        ("pullStartedAt", task.pull_started_ms),
        ("pullStoppedAt", task.pull_stopped_ms),
        ("startedAt", task.started_ms),
        ("executionStoppedAt", task.execution_stopped_ms),
        ("stoppingAt", task.stopping_ms),
        ("stoppedAt", task.stopped_ms),
    ];
    for (name, at_ms) in times {
        put(object, name, at_ms.map(&time));
    }
    fields
}

/// Puts a field that may be missing.
pub(crate) fn put(object: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    object.extend(value.map(|value| (name.to_owned(), value)));
}
