//! Amazon ECS: clusters, services and their history, tasks, task definitions, container instances.

use serde_json::{Value, json};

use super::answer::{Answer, Ask, Page, Problem, epoch};
use super::random::hash;
use super::task_json::{cluster_arn, definition_arn, launch, put, task_arn, task_json};
use super::tasks::REMEMBERED_MS;
use super::world::{
    Cluster, DAY, Definition, Insights, Instance, Launch, MINUTE, Place, Revision, Service, family,
};

/// Items of one describing call. Source: ECS API reference, read 2026-11.
const MOST_DESCRIBED: usize = 100;
const MOST_SERVICES: usize = 10;
const MOST_REVISIONS: usize = 20;
/// Deployments are listed for so long. Source: `ListServiceDeployments` API reference, read 2026-11.
const DEPLOYMENTS_MS: i64 = 90 * DAY;

pub(crate) fn answer(ask: &Ask<'_>) -> Result<Answer, Problem> {
    let answer = match ask.op {
        "ecs:ListClusters" => list_clusters(ask),
        "ecs:DescribeClusters" => describe_clusters(ask),
        "ecs:ListServices" => list_services(ask),
        "ecs:DescribeServices" => describe_services(ask),
        "ecs:ListServiceDeployments" => list_service_deployments(ask),
        "ecs:DescribeServiceRevisions" => describe_service_revisions(ask),
        "ecs:ListTasks" => list_tasks(ask),
        "ecs:DescribeTasks" => describe_tasks(ask),
        "ecs:DescribeTaskDefinition" => describe_task_definition(ask),
        "ecs:ListContainerInstances" => list_container_instances(ask),
        "ecs:DescribeContainerInstances" => describe_container_instances(ask),
        other => Err(Problem::unexpected(other)),
    };
    answer.map(Answer::Json)
}

fn invalid(message: impl Into<String>) -> Problem {
    Problem::new(400, "InvalidParameterException", message)
}

/// `maxResults`, 100 where it is not said.
fn page_size(ask: &Ask<'_>) -> Result<usize, Problem> {
    let size = ask.number("maxResults").unwrap_or(100);
    usize::try_from(size)
        .ok()
        .filter(|size| (1..=100).contains(size))
        .ok_or_else(|| invalid("maxResults must be between 1 and 100"))
}

/// The cluster meant, `default` where none is named.
fn cluster<'w>(ask: &Ask<'w>) -> Result<(usize, &'w Cluster), Problem> {
    let name = ask.text("cluster").unwrap_or("default");
    ask.place
        .cluster(name)
        .ok_or_else(|| Problem::new(400, "ClusterNotFoundException", "Cluster not found."))
}

/// The texts of a list that may hold between 1 and `most`.
fn described<'a>(ask: &'a Ask<'_>, name: &str, most: usize) -> Result<Vec<&'a str>, Problem> {
    let texts = ask.texts(name);
    if texts.is_empty() || texts.len() > most {
        return Err(invalid(format!(
            "{name} must have between 1 and {most} members"
        )));
    }
    Ok(texts)
}

/// What was found, and a failure for each that was not.
fn found_or_missing(
    ask: &Ask<'_>,
    items_name: &str,
    resource: &str,
    asked: &[&str],
    find: impl Fn(&str) -> Option<Value>,
) -> Value {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for asked in asked {
        if let Some(item) = find(asked) {
            found.push(item);
            continue;
        }
        let is_arn = asked.starts_with("arn:");
        let arn = if is_arn {
            (*asked).to_owned()
        } else {
            ask.place.arn("ecs", &format!("{resource}/{asked}"))
        };
        failures.push(json!({ "arn": arn, "reason": "MISSING" }));
    }
    json!({ items_name: found, "failures": failures })
}

// ------------------------------------------------------------------------------------------------- clusters

fn list_clusters(ask: &Ask<'_>) -> Result<Value, Problem> {
    let arns = ask
        .place
        .region
        .clusters
        .iter()
        .map(|cluster| cluster_arn(&ask.place, cluster));
    Ok(ask
        .page(arns, page_size(ask)?)?
        .named("clusterArns", "nextToken"))
}

fn describe_clusters(ask: &Ask<'_>) -> Result<Value, Problem> {
    let asked = ask.texts("clusters");
    let asked = if asked.is_empty() {
        vec!["default"]
    } else {
        asked
    };
    if asked.len() > MOST_DESCRIBED {
        return Err(invalid("Clusters can have at most 100 items."));
    }
    let include = ask.texts("include");
    let describe = |name: &str| {
        let (no, cluster) = ask.place.cluster(name)?;
        let (place, now_ms) = (&ask.place, ask.place.world.now_ms);
        let tasks = cluster
            .workloads(no)
            .flat_map(|workload| workload.tasks(place, now_ms, now_ms + 1));
        let (running, pending): (Vec<_>, Vec<_>) = tasks
            .filter_map(|task| task.seen_at(now_ms))
            .filter(|task| task.stopping_ms.is_none())
            .partition(|task| task.started_ms.is_some());
        let mut described = json!({
            "clusterArn": cluster_arn(place, cluster), "clusterName": cluster.name, "status": "ACTIVE",
            "registeredContainerInstancesCount": cluster.instances.iter().filter(|instance| instance.is_there(now_ms)).count(),
            "runningTasksCount": running.len(), "pendingTasksCount": pending.len(), "activeServicesCount": cluster.services.len(),
            "statistics": [], "tags": [], "settings": [], "capacityProviders": [], "defaultCapacityProviderStrategy": [],
        });
        if include.contains(&"SETTINGS") {
            let value = match cluster.insights {
                Insights::Disabled => "disabled",
                Insights::Enabled => "enabled",
                Insights::Enhanced => "enhanced",
            };
            described["settings"] = json!([{ "name": "containerInsights", "value": value }]);
        }
        if include.contains(&"TAGS") {
            described["tags"] = json!([{ "key": "note", "value": "CANARY-cluster-tag" }]);
        }
        Some(described)
    };
    Ok(found_or_missing(
        ask, "clusters", "cluster", &asked, describe,
    ))
}

// ------------------------------------------------------------------------------------------------- services

fn service_arn(place: &Place<'_>, cluster: &Cluster, service: &Service) -> String {
    place.arn("ecs", &format!("service/{}/{}", cluster.name, service.name))
}

/// The service of a cluster that a name or an ARN means.
fn service<'w>(place: &Place<'w>, cluster: &'w Cluster, name_or_arn: &str) -> Option<&'w Service> {
    let prefix = place.arn("ecs", &format!("service/{}/", cluster.name));
    let name = name_or_arn.strip_prefix(&prefix).unwrap_or(name_or_arn);
    cluster
        .services
        .iter()
        .find(|service| service.name == name && is_created(service, place.world.now_ms))
}

fn is_created(service: &Service, now_ms: i64) -> bool {
    service
        .revisions
        .first()
        .is_some_and(|first| first.from_ms <= now_ms)
}

fn list_services(ask: &Ask<'_>) -> Result<Value, Problem> {
    let (_, cluster) = cluster(ask)?;
    let wanted = ask.text("launchType");
    let services = cluster
        .services
        .iter()
        .filter(|service| is_created(service, ask.place.world.now_ms));
    let services =
        services.filter(|service| wanted.is_none_or(|wanted| launch(&service.launch).0 == wanted));
    let size = if ask.number("maxResults").is_some() {
        page_size(ask)?
    } else {
        10
    };
    Ok(ask
        .page(
            services.map(|service| service_arn(&ask.place, cluster, service)),
            size,
        )?
        .named("serviceArns", "nextToken"))
}

/// Revisions in force by now, with their numbers.
fn revisions(
    service: &Service,
    now_ms: i64,
) -> impl DoubleEndedIterator<Item = (usize, &Revision)> {
    service
        .revisions
        .iter()
        .enumerate()
        .filter(move |(_, revision)| revision.from_ms <= now_ms)
}

/// A number of 19 digits.
fn number(place: &Place<'_>, service: &Service, what: u64, revision_no: usize) -> String {
    let from_ms = service.revisions[revision_no].from_ms.unsigned_abs();
    format!(
        "{:019}",
        hash(hash(place.seed, from_ms), what + revision_no as u64) >> 2
    )
}

fn launched(described: &mut Value, service: &Service) {
    let object = described.as_object_mut().expect("an object");
    match &service.launch {
        Launch::Provider(name) => {
            put(
                object,
                "capacityProviderStrategy",
                Some(json!([{ "capacityProvider": name, "weight": 1, "base": 0 }])),
            );
        }
        other => put(object, "launchType", Some(launch(other).0.into())),
    }
    if launch(&service.launch).0 == "FARGATE" {
        put(object, "platformFamily", Some("Linux".into()));
        put(object, "platformVersion", Some("1.4.0".into()));
    }
}

fn describe_services(ask: &Ask<'_>) -> Result<Value, Problem> {
    let (cluster_no, cluster) = cluster(ask)?;
    let asked = described(ask, "services", MOST_SERVICES)?;
    let with_tags = ask.texts("include").contains(&"TAGS");
    let describe = |name: &str| {
        let (place, now_ms) = (&ask.place, ask.place.world.now_ms);
        let service = service(place, cluster, name)?;
        let workload = cluster
            .workloads(cluster_no)
            .find(|workload| workload.service() == Some(service.name.as_str()))?;
        let tasks = workload
            .tasks(place, now_ms, now_ms + 1)
            .filter_map(|task| task.seen_at(now_ms));
        let running = tasks
            .filter(|task| task.started_ms.is_some() && task.stopping_ms.is_none())
            .count();
        let deployment = |(no, revision): (usize, &Revision), status: &str| {
            let mut deployment = json!({
                "id": format!("ecs-svc/{}", number(place, service, 1, no)), "status": status,
                "taskDefinition": definition_arn(place, &revision.definition), "desiredCount": service.base, "pendingCount": 0,
                "runningCount": running, "failedTasks": 0, "createdAt": epoch(revision.from_ms), "updatedAt": epoch(revision.from_ms + MINUTE),
                "rolloutState": "COMPLETED", "rolloutStateReason": "ECS deployment completed.",
            });
            launched(&mut deployment, service);
            deployment
        };
        let mut history = revisions(service, now_ms).rev();
        let (current_no, current) = history.next()?;
        let mut deployments = vec![deployment((current_no, current), "PRIMARY")];
        // The deployment before is drained within minutes.
        deployments.extend(
            history
                .next()
                .filter(|_| now_ms - current.from_ms < 10 * MINUTE)
                .map(|before| deployment(before, "ACTIVE")),
        );
        let mut described = json!({
            "serviceArn": service_arn(place, cluster, service), "serviceName": service.name, "clusterArn": cluster_arn(place, cluster),
            "status": "ACTIVE", "desiredCount": running, "runningCount": running, "pendingCount": 0, "loadBalancers": [],
            "taskDefinition": definition_arn(place, &current.definition), "deployments": deployments,
            "createdAt": epoch(service.revisions[0].from_ms), "schedulingStrategy": "REPLICA", "deploymentController": { "type": "ECS" },
            "events": [{ "id": "1", "createdAt": epoch(current.from_ms), "message": "(service) CANARY-service-event" }],
        });
        if with_tags {
            described["tags"] = json!([
                { "key": "note", "value": "CANARY-service-tag" }, { "key": "Team", "value": cluster.name },
            ]);
        }
        launched(&mut described, service);
        Some(described)
    };
    Ok(found_or_missing(
        ask,
        "services",
        &format!("service/{}", cluster.name),
        &asked,
        describe,
    ))
}

fn revision_arn(place: &Place<'_>, cluster: &Cluster, service: &Service, no: usize) -> String {
    place.arn(
        "ecs",
        &format!(
            "service-revision/{}/{}/{}",
            cluster.name,
            service.name,
            number(place, service, 1_000, no)
        ),
    )
}

fn list_service_deployments(ask: &Ask<'_>) -> Result<Value, Problem> {
    let (place, now_ms) = (&ask.place, ask.place.world.now_ms);
    let asked = ask
        .text("service")
        .ok_or_else(|| invalid("service is required"))?;
    // An ARN tells its cluster.
    let of_arn = asked
        .starts_with("arn:")
        .then(|| asked.rsplit('/').nth(1))
        .flatten();
    let (_, cluster) = match of_arn.filter(|_| ask.text("cluster").is_none()) {
        Some(name) => place
            .cluster(name)
            .ok_or_else(|| Problem::new(400, "ClusterNotFoundException", "Cluster not found."))?,
        None => cluster(ask)?,
    };
    let service = service(place, cluster, asked)
        .ok_or_else(|| Problem::new(400, "ServiceNotFoundException", "Service not found."))?;
    let bound = |name: &str| {
        ask.input
            .get("createdAt")
            .and_then(|created| created.get(name))
            .and_then(Value::as_f64)
    };
    let (after, before) = (bound("after"), bound("before"));
    let recent = revisions(service, now_ms).rev().filter(|(_, revision)| {
        let from_s = revision.from_ms as f64 / 1_000.0;
        now_ms - revision.from_ms <= DEPLOYMENTS_MS
            && after.is_none_or(|after| from_s > after)
            && before.is_none_or(|before| from_s < before)
    });
    let briefs = recent.map(|(no, revision)| {
        let arn = place.arn("ecs", &format!("service-deployment/{}/{}/{}", cluster.name, service.name, number(place, service, 2_000, no)));
        json!({
            "serviceDeploymentArn": arn, "serviceArn": service_arn(place, cluster, service), "clusterArn": cluster_arn(place, cluster),
            "targetServiceRevisionArn": revision_arn(place, cluster, service, no), "status": "SUCCESSFUL",
            "createdAt": epoch(revision.from_ms), "startedAt": epoch(revision.from_ms + 1_000), "finishedAt": epoch(revision.from_ms + MINUTE),
        })
    });
    Ok(ask
        .page(briefs, page_size(ask)?)?
        .named("serviceDeployments", "nextToken"))
}

fn describe_service_revisions(ask: &Ask<'_>) -> Result<Value, Problem> {
    let (place, now_ms) = (&ask.place, ask.place.world.now_ms);
    let asked = described(ask, "serviceRevisionArns", MOST_REVISIONS)?;
    let describe = |arn: &str| {
        let mut names = arn
            .strip_prefix(&place.arn("ecs", "service-revision/"))?
            .split('/');
        let (_, cluster) = place.cluster(names.next()?)?;
        let service = service(place, cluster, names.next()?)?;
        let (no, revision) = revisions(service, now_ms)
            .find(|(no, _)| revision_arn(place, cluster, service, *no) == arn)?;
        let mut described = json!({
            "serviceRevisionArn": revision_arn(place, cluster, service, no), "serviceArn": service_arn(place, cluster, service),
            "clusterArn": cluster_arn(place, cluster), "taskDefinition": definition_arn(place, &revision.definition),
            "createdAt": epoch(revision.from_ms), "containerImages": [], "guardDutyEnabled": false,
            "serviceConnectConfiguration": {
                "enabled": true, "logConfiguration": { "logDriver": "splunk", "options": { "splunk-token": "CANARY-connect-log-option" } },
            },
        });
        launched(&mut described, service);
        Some(described)
    };
    Ok(found_or_missing(
        ask,
        "serviceRevisions",
        "service-revision",
        &asked,
        describe,
    ))
}

// ---------------------------------------------------------------------------------------------------- tasks

fn list_tasks(ask: &Ask<'_>) -> Result<Value, Problem> {
    let (cluster_no, cluster) = cluster(ask)?;
    let (place, now_ms) = (&ask.place, ask.place.world.now_ms);
    let desired = ask.text("desiredStatus").unwrap_or("RUNNING");
    if !["RUNNING", "PENDING", "STOPPED"].contains(&desired) {
        return Err(invalid("desiredStatus must be RUNNING, PENDING or STOPPED"));
    }
    let wants =
        |name: &str, known: Option<&str>| ask.text(name).is_none_or(|wanted| known == Some(wanted));
    if let Some(name) = ask.text("serviceName")
        && service(place, cluster, name).is_none()
    {
        return Err(Problem::new(
            400,
            "ServiceNotFoundException",
            "Service not found.",
        ));
    }
    // No task is ever wanted PENDING; AWS answers an empty list.
    let is_wanted = |is_stopping: bool| match desired {
        "RUNNING" => !is_stopping,
        "STOPPED" => is_stopping,
        _ => false,
    };
    // A token names the workload and the last task of the page before.
    let position = ask.position()?;
    let after = position
        .as_deref()
        .and_then(|position| position.split_once(','));
    let after: Option<(usize, u64)> = match (&position, after) {
        (None, _) => None,
        (_, Some((no, key))) => no.parse().ok().zip(key.parse().ok()),
        _ => return Err(ask.stale_token()),
    };
    let workloads = cluster
        .workloads(cluster_no)
        .enumerate()
        .skip(after.map_or(0, |(no, _)| no));
    let tasks = workloads.flat_map(|(no, workload)| {
        let last = after
            .filter(|(last_no, _)| *last_no == no)
            .map(|(_, key)| key);
        let tasks = workload.tasks(place, now_ms - REMEMBERED_MS, now_ms + 1);
        tasks
            .filter(move |task| last.is_none_or(|last| task.key > last))
            .map(move |task| (no, task))
    });
    let mut tasks = tasks.filter(|(_, task)| {
        let seen = task
            .is_remembered(now_ms)
            .then(|| task.seen_at(now_ms))
            .flatten();
        let workload = &task.workload;
        seen.is_some_and(|seen| is_wanted(seen.stopping_ms.is_some()))
            && wants("serviceName", workload.service())
            && wants("family", Some(family(&task.definition.name)))
            && wants("launchType", Some(launch(workload.launch()).0))
            && wants("startedBy", None)
    });
    let page: Vec<_> = tasks.by_ref().take(page_size(ask)?).collect();
    let token = page
        .last()
        .filter(|_| tasks.next().is_some())
        .map(|(no, task)| ask.token_at(&format!("{no},{}", task.key)));
    let arns = page.iter().map(|(_, task)| task_arn(place, task)).collect();
    Ok(Page { items: arns, token }.named("taskArns", "nextToken"))
}

fn describe_tasks(ask: &Ask<'_>) -> Result<Value, Problem> {
    let (_, cluster) = cluster(ask)?;
    let (place, now_ms) = (&ask.place, ask.place.world.now_ms);
    let asked = described(ask, "tasks", MOST_DESCRIBED)?;
    let with_tags = ask.texts("include").contains(&"TAGS");
    let describe = |id: &str| {
        let id = id
            .strip_prefix(&place.arn("ecs", &format!("task/{}/", cluster.name)))
            .unwrap_or(id);
        let task = place.task(id).filter(|task| {
            task.workload.cluster.name == cluster.name && task.is_remembered(now_ms)
        })?;
        let mut described = task_json(place, &task.seen_at(now_ms)?, epoch);
        if !with_tags {
            described["tags"] = json!([]);
        }
        Some(described)
    };
    Ok(found_or_missing(
        ask,
        "tasks",
        &format!("task/{}", cluster.name),
        &asked,
        describe,
    ))
}

fn describe_task_definition(ask: &Ask<'_>) -> Result<Value, Problem> {
    let place = &ask.place;
    let asked = ask
        .text("taskDefinition")
        .ok_or_else(|| invalid("taskDefinition is required"))?;
    let name = asked
        .strip_prefix(&definition_arn(place, ""))
        .unwrap_or(asked);
    // A family alone means its newest revision.
    let newest = || {
        place
            .region
            .definitions
            .iter()
            .rfind(|definition| family(&definition.name) == name)
    };
    let unknown = || {
        Problem::new(
            400,
            "ClientException",
            "Unable to describe task definition.",
        )
    };
    let definition = place.definition(name).or_else(newest).ok_or_else(unknown)?;
    let mut described = json!({ "taskDefinition": definition_json(place, definition) });
    if ask.texts("include").contains(&"TAGS") {
        described["tags"] = json!([
            { "key": "note", "value": "CANARY-definition-tag" }, { "key": "Team", "value": family(&definition.name) },
        ]);
    }
    Ok(described)
}

fn definition_json(place: &Place<'_>, definition: &Definition) -> Value {
    let (family, revision) = definition.name.split_once(':').expect("family:revision");
    let mut described = json!({
        "taskDefinitionArn": definition_arn(place, &definition.name), "family": family, "revision": revision.parse::<u32>().unwrap_or(1),
        "status": "ACTIVE", "networkMode": "awsvpc", "volumes": [], "placementConstraints": [], "requiresCompatibilities": ["FARGATE"],
        "cpu": definition.cpu_units.to_string(), "memory": definition.memory_mib.to_string(),
        "runtimePlatform": { "cpuArchitecture": definition.architecture, "operatingSystemFamily": "LINUX" },
        "containerDefinitions": [{
            "name": "app", "image": "app:latest", "cpu": 0, "essential": true,
            "entryPoint": ["sh", "CANARY-entry-point"], "command": ["--token", "CANARY-command"],
            "environment": [{ "name": "DATABASE_PASSWORD", "value": "CANARY-environment" }],
            "secrets": [{ "name": "KEY", "valueFrom": "arn:aws:secretsmanager:CANARY-secret" }],
            "dockerLabels": { "label": "CANARY-docker-label" },
            "healthCheck": { "command": ["CMD", "CANARY-health-check"] },
            "logConfiguration": { "logDriver": "splunk", "options": { "splunk-token": "CANARY-log-option" } },
        }],
    });
    if let Some(gib) = definition.ephemeral_gib {
        described["ephemeralStorage"] = json!({ "sizeInGiB": gib });
    }
    described
}

// ---------------------------------------------------------------------------------------- container instances

fn instance_arn(place: &Place<'_>, cluster: &Cluster, instance: &Instance) -> String {
    place.arn(
        "ecs",
        &format!("container-instance/{}/{}", cluster.name, instance.id),
    )
}

fn list_container_instances(ask: &Ask<'_>) -> Result<Value, Problem> {
    let (_, cluster) = cluster(ask)?;
    let there = cluster
        .instances
        .iter()
        .filter(|instance| instance.is_there(ask.place.world.now_ms));
    let wanted = there.filter(|_| ask.text("status").is_none_or(|status| status == "ACTIVE"));
    let arns = wanted.map(|instance| instance_arn(&ask.place, cluster, instance));
    Ok(ask
        .page(arns, page_size(ask)?)?
        .named("containerInstanceArns", "nextToken"))
}

fn describe_container_instances(ask: &Ask<'_>) -> Result<Value, Problem> {
    let (_, cluster) = cluster(ask)?;
    let place = &ask.place;
    let asked = described(ask, "containerInstances", MOST_DESCRIBED)?;
    let resources = |cpu: i64, memory: i64| {
        let whole = |name: &str, value: i64| json!({ "name": name, "type": "INTEGER", "doubleValue": 0.0, "longValue": 0, "integerValue": value });
        json!([whole("CPU", cpu), whole("MEMORY", memory), { "name": "PORTS", "type": "STRINGSET", "stringSetValue": ["22", "2375"] }])
    };
    let describe = |id: &str| {
        let there = cluster
            .instances
            .iter()
            .filter(|instance| instance.is_there(place.world.now_ms));
        let instance = there
            .into_iter()
            .find(|instance| instance.id == id || instance_arn(place, cluster, instance) == id)?;
        let mut described = json!({
            "containerInstanceArn": instance_arn(place, cluster, instance), "ec2InstanceId": instance.ec2_id, "status": "ACTIVE",
            "version": 7, "agentConnected": true, "runningTasksCount": 1, "pendingTasksCount": 0, "registeredAt": epoch(instance.registered_ms),
            "registeredResources": resources(instance.cpu_units, instance.memory_mib),
            "remainingResources": resources(instance.cpu_units / 2, instance.memory_mib / 2),
            "attributes": [
                { "name": "ecs.capability.task-eni" },
                { "name": "ecs.instance-type", "value": instance.instance_type },
                { "name": "ecs.availability-zone", "value": instance.zone },
                { "name": "ecs.cpu-architecture", "value": instance.architecture },
                { "name": "ecs.os-type", "value": "linux" },
            ],
            "tags": [{ "key": "note", "value": "CANARY-instance-tag" }], "attachments": [],
        });
        if let Some(provider) = &instance.capacity_provider {
            described["capacityProviderName"] = json!(provider);
        }
        Some(described)
    };
    Ok(found_or_missing(
        ask,
        "containerInstances",
        &format!("container-instance/{}", cluster.name),
        &asked,
        describe,
    ))
}
