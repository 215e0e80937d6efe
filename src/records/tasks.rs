//! ECS tasks: `EventBridge` "ECS Task State Change" events and `aws ecs describe-tasks` output.

use serde::Deserialize;

use super::Refusal;
use super::fields::{Arn, Time, code_word, cpu_units, is_name, memory_mib};
use crate::dataset::batch::Batch;
use crate::dataset::limits::MOST_STORAGE_GIB;
use crate::dataset::schema::{RunRow, SourceKind};
use crate::model::workload::{Architecture, Configuration, KilledContainer, Kind, Os, WorkloadKey};

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "detail-type")]
    detail_type: String,
    time: Option<Time>,
    #[serde(borrow)]
    detail: Option<&'a serde_json::value::RawValue>,
}

/// The fields of an ECS task that plimsoll keeps; overrides, environment and messages are not among them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Task {
    pub(super) task_arn: Option<String>,
    pub(super) cluster_arn: Option<String>,
    pub(super) task_definition_arn: Option<String>,
    pub(super) group: Option<String>,
    pub(super) cpu: Option<String>,
    pub(super) memory: Option<String>,
    pub(super) launch_type: Option<String>,
    pub(super) capacity_provider_name: Option<String>,
    pub(super) platform_family: Option<String>,
    pub(super) ephemeral_storage: Option<EphemeralStorage>,
    pub(super) fargate_ephemeral_storage: Option<EphemeralStorage>,
    #[serde(default)]
    pub(super) attributes: Vec<Attribute>,
    #[serde(default)]
    pub(super) containers: Vec<Container>,
    pub(super) last_status: Option<String>,
    pub(super) created_at: Option<Time>,
    pub(super) pull_started_at: Option<Time>,
    pub(super) pull_stopped_at: Option<Time>,
    pub(super) started_at: Option<Time>,
    pub(super) stopping_at: Option<Time>,
    pub(super) execution_stopped_at: Option<Time>,
    pub(super) stopped_at: Option<Time>,
    pub(super) updated_at: Option<Time>,
    pub(super) stop_code: Option<String>,
    #[serde(default)]
    pub(super) version: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EphemeralStorage {
    #[serde(rename = "sizeInGiB")]
    pub(crate) size_in_gib: Option<u32>,
}

impl EphemeralStorage {
    /// Refuses what cannot be.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        match self.size_in_gib {
            Some(gib) if gib > MOST_STORAGE_GIB => {
                Err(Refusal::Rejected("more ephemeral storage than can be"))
            }
            _ => Ok(()),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Attribute {
    pub(super) name: Option<String>,
    pub(super) value: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Container {
    pub(super) name: Option<String>,
    pub(super) memory: Option<String>,
    pub(super) reason: Option<String>,
}

impl Container {
    /// What is kept of a container that ran out of memory.
    fn killed(&self) -> Option<KilledContainer> {
        self.reason
            .as_deref()
            .filter(|reason| is_out_of_memory(reason))?;
        Some(KilledContainer {
            name: code_word(self.name.clone())?,
            memory_mib: self.memory.as_deref().and_then(memory_mib),
        })
    }
}

/// One `EventBridge` event.
pub(crate) fn take_event(text: &str, batch: &mut Batch) -> Result<(), Refusal> {
    let Ok(event) = serde_json::from_str::<Event<'_>>(text) else {
        return Err(Refusal::Rejected("event with a malformed field"));
    };
    if event.detail_type != "ECS Task State Change" {
        return Err(Refusal::Unused("event that is not about a task's state"));
    }
    let Some(detail) = event.detail else {
        return Err(Refusal::Rejected("task event without detail"));
    };
    take(detail.get(), event.time, SourceKind::TaskEvents, batch)
}

/// One task of `aws ecs describe-tasks`.
pub(crate) fn take_described(text: &str, batch: &mut Batch) -> Result<(), Refusal> {
    take(text, None, SourceKind::EcsApi, batch)
}

fn take(
    text: &str,
    seen: Option<Time>,
    source: SourceKind,
    batch: &mut Batch,
) -> Result<(), Refusal> {
    if seen.is_some_and(|seen| !seen.is_plausible()) {
        return Err(Refusal::Rejected("time before 2010 or after 2100"));
    }
    let Ok(task) = serde_json::from_str::<Task>(text) else {
        return Err(Refusal::Rejected("task with a malformed field"));
    };
    batch.runs.push(task.into_row(seen, source)?);
    Ok(())
}

impl Task {
    /// The run that it is, as of `seen`.
    pub(crate) fn into_row(
        self,
        seen: Option<Time>,
        source: SourceKind,
    ) -> Result<RunRow, Refusal> {
        self.check_times()?;
        self.storage().map_or(Ok(()), EphemeralStorage::check)?;
        let arn = self
            .task_arn
            .as_deref()
            .ok_or(Refusal::Rejected("task without an ARN, so of no account"))?;
        let arn = Arn::parse(arn).ok_or(Refusal::Rejected("task ARN without account or region"))?;
        let definition = self
            .task_definition_arn
            .as_deref()
            .and_then(Arn::parse)
            .map(|arn| arn.last().to_owned());
        let cluster = self
            .cluster_arn
            .as_deref()
            .and_then(Arn::parse)
            .map(|arn| arn.last().to_owned());
        let (kind, name) = match self
            .group
            .as_deref()
            .and_then(|group| group.strip_prefix("service:"))
        {
            Some(service) => (Kind::Service, service.to_owned()),
            None => (
                Kind::Task,
                definition
                    .as_deref()
                    .map(family)
                    .or(self.family_of_group())
                    .unwrap_or_default()
                    .to_owned(),
            ),
        };
        let cluster = cluster.ok_or(Refusal::Rejected("task without a cluster"))?;
        if !is_name(&name) || !is_name(&cluster) {
            return Err(Refusal::Rejected("task of no service or family"));
        }
        let workload = WorkloadKey {
            account: arn.account.to_owned(),
            region: arn.region.to_owned(),
            kind,
            cluster,
            name,
        };
        let stopped = self
            .stopped_at
            .or(self.execution_stopped_at)
            .or(self.stopping_at.filter(|_| self.has_stopped()));
        Ok(RunRow {
            workload: workload.into(),
            run_id: arn.last().to_owned(),
            version: self.version,
            task_definition: definition,
            created_ms: self.created_at.map(|t| t.0),
            pull_started_ms: self.pull_started_at.map(|t| t.0),
            pull_stopped_ms: self.pull_stopped_at.map(|t| t.0),
            provisioning_ms: None,
            started_ms: self.started_at.map(|t| t.0),
            stopped_ms: stopped.map(|t| t.0),
            last_seen_ms: self.updated_at.or(seen).map(|t| t.0),
            timeout_min: None,
            left_queue: None,
            killed: self
                .containers
                .iter()
                .filter_map(Container::killed)
                .collect(),
            out_of_memory: self
                .containers
                .iter()
                .any(|c| c.reason.as_deref().is_some_and(is_out_of_memory)),
            configuration: self.configuration(),
            stop_code: code_word(self.stop_code),
            source,
        })
    }

    fn family_of_group(&self) -> Option<&str> {
        self.group.as_deref()?.strip_prefix("family:")
    }

    fn has_stopped(&self) -> bool {
        self.last_status.as_deref() == Some("STOPPED")
    }

    /// Fargate tells the storage it really gave beside what was asked for.
    fn storage(&self) -> Option<&EphemeralStorage> {
        self.ephemeral_storage
            .as_ref()
            .or(self.fargate_ephemeral_storage.as_ref())
    }

    fn check_times(&self) -> Result<(), Refusal> {
        let times = [
            self.created_at,
            self.pull_started_at,
            self.pull_stopped_at,
            self.started_at,
            self.stopping_at,
            self.stopped_at,
        ];
        if times
            .iter()
            .chain(&[self.execution_stopped_at, self.updated_at])
            .flatten()
            .any(|time| !time.is_plausible())
        {
            return Err(Refusal::Rejected("time before 2010 or after 2100"));
        }
        let start = self.pull_started_at.or(self.started_at);
        if let (Some(start), Some(stop)) = (start, self.stopped_at.or(self.execution_stopped_at))
            && stop < start
        {
            return Err(Refusal::Rejected("stopped before it started"));
        }
        if times.iter().all(Option::is_none) {
            return Err(Refusal::Rejected("task without any time"));
        }
        Ok(())
    }

    fn configuration(&self) -> Configuration {
        let provider = code_word(self.capacity_provider_name.clone());
        let launch_type = code_word(self.launch_type.clone())
            .or_else(|| provider.as_deref().map(launch_type_of).map(str::to_owned));
        let architecture = self
            .attributes
            .iter()
            .find(|attribute| attribute.name.as_deref() == Some("ecs.cpu-architecture"));
        Configuration {
            launch_type,
            capacity_provider: provider,
            cpu_units: self.cpu.as_deref().and_then(cpu_units),
            memory_mib: self.memory.as_deref().and_then(memory_mib),
            ephemeral_gib: self.storage().and_then(|storage| storage.size_in_gib),
            architecture: architecture
                .and_then(|attribute| architecture_of(attribute.value.as_deref()?)),
            os: self.platform_family.as_deref().and_then(os_of),
            ..Configuration::default()
        }
    }
}

/// `family` of `family:revision`.
pub(crate) fn family(definition: &str) -> &str {
    definition
        .rsplit_once(':')
        .map_or(definition, |(family, _)| family)
}

/// A capacity provider that is not Fargate's stands for EC2 instances.
pub(crate) fn launch_type_of(capacity_provider: &str) -> &'static str {
    if matches!(capacity_provider, "FARGATE" | "FARGATE_SPOT") {
        "FARGATE"
    } else {
        "EC2"
    }
}

/// ECS's spellings of an architecture.
pub(crate) fn architecture_of(text: &str) -> Option<Architecture> {
    match text.to_ascii_lowercase().as_str() {
        "x86_64" | "amd64" => Some(Architecture::X86_64),
        "arm64" => Some(Architecture::Arm64),
        _ => None,
    }
}

/// ECS's spellings of an operating system family.
pub(crate) fn os_of(text: &str) -> Option<Os> {
    let lower = text.to_ascii_lowercase();
    if lower.starts_with("linux") {
        Some(Os::Linux)
    } else {
        lower.starts_with("windows").then_some(Os::Windows)
    }
}

/// The agent's words vary in case and spacing; exit code 137 alone may be a plain kill.
fn is_out_of_memory(reason: &str) -> bool {
    reason
        .to_ascii_lowercase()
        .replace([' ', '-'], "")
        .contains("outofmemory")
}
