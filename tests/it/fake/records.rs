//! What is in a world's log groups: Container Insights performance records and task events.

use serde_json::{Value, json};

use super::pattern::Pattern;
use super::random::hash;
use super::series::insights_since;
use super::task_json::{cluster_arn, launch, task_arn, task_json};
use super::tasks::{Measure, Of, Task, Workload, told};
use super::world::{Cluster, DAY, HOUR, MINUTE, Place, SECOND, family};

/// A log group.
#[derive(Debug, Clone)]
pub(crate) struct Group<'w> {
    pub(crate) name: String,
    pub(crate) kind: GroupKind,
    pub(crate) created_ms: i64,
    pub(crate) cluster_no: usize,
    pub(crate) cluster: &'w Cluster,
}

/// What a group holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupKind {
    Performance,
    Events,
}

/// One log event.
#[derive(Debug, Clone)]
pub(crate) struct Record<'w> {
    pub(crate) at_ms: i64,
    what: What<'w>,
}

#[derive(Debug, Clone)]
enum What<'w> {
    /// A task as it was then changed.
    TaskChange(Task<'w>),
    /// A new revision of a service is out.
    Deployment(Workload<'w>),
    Task(Task<'w>),
    Container(Task<'w>),
    Service(Workload<'w>, usize),
}

impl<'w> Place<'w> {
    /// Every log group, by name.
    pub(crate) fn log_groups(&self) -> Vec<Group<'w>> {
        let mut groups = Vec::new();
        for (cluster_no, cluster) in self.region.clusters.iter().enumerate() {
            let group = |prefix: &str, kind, created_ms| {
                let name = format!(
                    "{prefix}/ecs/containerinsights/{}/performance",
                    cluster.name
                );
                Group {
                    name,
                    kind,
                    created_ms,
                    cluster_no,
                    cluster,
                }
            };
            groups.extend(
                insights_since(cluster)
                    .map(|since_ms| group("/aws", GroupKind::Performance, since_ms)),
            );
            groups.extend(
                cluster
                    .events_since_ms
                    .map(|since_ms| group("/aws/events", GroupKind::Events, since_ms)),
            );
        }
        groups.retain(|group| group.created_ms <= self.world.now_ms);
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        groups
    }
}

impl<'w> Group<'w> {
    /// Time that is put together at once.
    pub(crate) const fn chunk_ms(&self) -> i64 {
        match self.kind {
            GroupKind::Performance => MINUTE,
            GroupKind::Events => HOUR,
        }
    }

    /// What was logged within `[from_ms, to_ms)`, is still kept and matches `pattern`, in order of time.
    pub(crate) fn records(
        &self,
        place: &Place<'w>,
        pattern: &Pattern,
        (from_ms, to_ms): (i64, i64),
    ) -> Vec<Record<'w>> {
        let now_ms = place.world.now_ms;
        let kept_from_ms = self
            .cluster
            .retention_days
            .map_or(i64::MIN, |days| now_ms - days * DAY);
        let (from_ms, to_ms) = (
            from_ms.max(self.created_ms).max(kept_from_ms),
            to_ms.min(now_ms + 1),
        );
        let mut records = Vec::new();
        for workload in self.cluster.workloads(self.cluster_no) {
            match self.kind {
                // A minute of a large cluster is much: what nobody asks for is not even put together.
                GroupKind::Performance if !is_asked_for(workload, pattern) => {}
                GroupKind::Performance => {
                    performance(place, workload, from_ms, to_ms, &mut records);
                }
                GroupKind::Events => changes(place, workload, from_ms, to_ms, &mut records),
            }
        }
        records.retain(|record| pattern.matches(|name| record.field(name)));
        records.sort_by_key(|record| record.at_ms);
        records
    }
}

/// False where no performance record of a workload, whatever its type, matches `pattern`.
fn is_asked_for(workload: Workload<'_>, pattern: &Pattern) -> bool {
    ["Task", "Container", "Service"].iter().any(|record_type| {
        pattern.matches(|name| match name {
            "Type" => Some(record_type),
            "ServiceName" => workload.service(),
            "ClusterName" => Some(&workload.cluster.name),
            _ => None,
        })
    })
}

/// A record a minute for each task and container, and for each service.
fn performance<'w>(
    place: &Place<'w>,
    workload: Workload<'w>,
    from_ms: i64,
    to_ms: i64,
    records: &mut Vec<Record<'w>>,
) {
    // A minute is told of when it is over.
    let to_ms = to_ms.min(place.world.now_ms.div_euclid(MINUTE) * MINUTE);
    let mut running = std::collections::BTreeMap::new();
    for task in workload.tasks(place, from_ms, to_ms) {
        for at_ms in task.minutes(from_ms, to_ms) {
            *running.entry(at_ms).or_default() += 1;
            records.push(Record {
                at_ms,
                what: What::Task(task),
            });
            records.push(Record {
                at_ms,
                what: What::Container(task),
            });
        }
    }
    if matches!(workload.of, Of::Service(_)) {
        records.extend(running.into_iter().map(|(at_ms, running)| Record {
            at_ms,
            what: What::Service(workload, running),
        }));
    }
}

/// An event for each change of a task, and for each deployment.
fn changes<'w>(
    place: &Place<'w>,
    workload: Workload<'w>,
    from_ms: i64,
    to_ms: i64,
    records: &mut Vec<Record<'w>>,
) {
    for task in workload.tasks(place, from_ms, to_ms) {
        let within = task
            .changes()
            .filter(|(at_ms, _, _)| (from_ms..to_ms).contains(at_ms));
        records.extend(within.filter_map(|(at_ms, _, _)| {
            Some(Record {
                at_ms,
                what: What::TaskChange(task.seen_at(at_ms)?),
            })
        }));
    }
    if let Of::Service(service) = workload.of {
        let done = service
            .revisions
            .iter()
            .map(|revision| revision.from_ms + MINUTE)
            .filter(|at_ms| (from_ms..to_ms).contains(at_ms));
        records.extend(done.map(|at_ms| Record {
            at_ms,
            what: What::Deployment(workload),
        }));
    }
}

/// RFC 3339, as `EventBridge` writes it.
fn stamp(ms: i64) -> Value {
    jiff::Timestamp::from_millisecond(ms)
        .expect("a time of this century")
        .to_string()
        .into()
}

impl Record<'_> {
    /// The text in a top-level field, for filter patterns.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let is_event = matches!(self.what, What::TaskChange(_) | What::Deployment(_));
        match (name, &self.what) {
            ("source", _) => is_event.then_some("aws.ecs"),
            ("detail-type", What::TaskChange(_)) => Some("ECS Task State Change"),
            ("detail-type", What::Deployment(_)) => Some("ECS Deployment State Change"),
            ("Type", What::Task(_)) => Some("Task"),
            ("Type", What::Container(_)) => Some("Container"),
            ("Type", What::Service(..)) => Some("Service"),
            ("ServiceName", What::Task(task) | What::Container(task)) => task.workload.service(),
            ("ServiceName", What::Service(workload, _)) => workload.service(),
            ("ClusterName", What::Task(task) | What::Container(task)) => {
                Some(&task.workload.cluster.name)
            }
            ("ClusterName", What::Service(workload, _)) => Some(&workload.cluster.name),
            _ => None,
        }
    }

    /// The text of the log event.
    pub(crate) fn message(&self, place: &Place<'_>) -> String {
        match &self.what {
            What::TaskChange(task) => {
                let mut detail = task_json(place, task, stamp);
                detail["updatedAt"] = stamp(self.at_ms);
                let arn = task_arn(place, task);
                self.event(place, "ECS Task State Change", &arn, &detail)
            }
            What::Deployment(workload) => {
                let arn = place.arn("ecs", &format!("service/{}/{}", workload.cluster.name, workload.name()));
                let detail =
                    json!({ "eventName": "SERVICE_DEPLOYMENT_COMPLETED", "clusterArn": cluster_arn(place, workload.cluster) });
                self.event(place, "ECS Deployment State Change", &arn, &detail)
            }
            What::Task(task) => self.measured(place, task, "Task"),
            What::Container(task) => self.measured(place, task, "Container"),
            What::Service(workload, running) => json!({
                "Version": "0", "Type": "Service", "ServiceName": workload.name(), "ClusterName": workload.cluster.name,
                "Timestamp": self.at_ms, "DesiredTaskCount": running, "RunningTaskCount": running, "PendingTaskCount": 0,
            })
            .to_string(),
        }
    }

    fn event(&self, place: &Place<'_>, detail_type: &str, arn: &str, detail: &Value) -> String {
        let id = place.id_of(hash(
            self.at_ms.unsigned_abs(),
            super::random::hash_bytes(arn.as_bytes()),
        ));
        json!({
            "version": "0", "id": id, "detail-type": detail_type, "source": "aws.ecs", "account": place.account.id, "region": place.name,
            // Events are stamped to the second.
            "time": stamp(self.at_ms.div_euclid(SECOND) * SECOND), "resources": [arn], "detail": detail,
        })
        .to_string()
    }

    fn measured(&self, place: &Place<'_>, task: &Task<'_>, record_type: &str) -> String {
        let (family, revision) = (
            family(&task.definition.name),
            task.definition.name.rsplit(':').next(),
        );
        let reading = |measure| told(task.reading(place, measure, self.at_ms));
        let mut record = json!({
            "Version": "0", "Type": record_type, "TaskId": place.id_of(task.key), "TaskDefinitionFamily": family,
            "TaskDefinitionRevision": revision, "ClusterName": task.workload.cluster.name, "Timestamp": self.at_ms,
            "CpuUtilized": reading(Measure::CpuUnits), "MemoryUtilized": reading(Measure::MemoryMib) as i64,
            "CpuReserved": task.definition.cpu_units, "MemoryReserved": task.definition.memory_mib,
        });
        if let Some(service) = task.workload.service() {
            record["ServiceName"] = json!(service);
        }
        if record_type == "Container" {
            record["ContainerName"] = json!("app");
            record["Image"] = json!("app:CANARY-image-tag");
            record["ContainerKnownStatus"] = json!("RUNNING");
            return record.to_string();
        }
        record["AccountID"] = json!(place.account.id);
        record["Region"] = json!(place.name);
        record["AvailabilityZone"] = json!(format!("{}a", place.name));
        record["KnownStatus"] = json!("RUNNING");
        record["LaunchType"] = json!(launch(task.workload.launch()).0);
        record["CreatedAt"] = json!(task.created_ms);
        record["PullStartedAt"] = json!(task.pull_started_ms);
        record["PullStoppedAt"] = json!(task.pull_stopped_ms);
        record["StartedAt"] = json!(task.started_ms);
        record.to_string()
    }
}
