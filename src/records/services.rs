//! ECS services and task definitions: `aws ecs describe-services` and `describe-task-definition` output.

use std::sync::Arc;

use serde::Deserialize;

use super::Refusal;
use super::fields::{Arn, Tag, Time, code_word, cpu_units, is_name, memory_mib, tags};
use super::tasks::{EphemeralStorage, architecture_of, launch_type_of, os_of};
use crate::dataset::batch::Batch;
use crate::dataset::schema::{ConfigurationRow, SourceKind};
use crate::model::workload::{
    Architecture, Configuration, ContainerLimit, Kind, Os, StrategyItem as Share, WorkloadKey,
};
use crate::pricing::metering::INCLUDED_EPHEMERAL_GIB;

/// The fields of a service that plimsoll keeps.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Service {
    pub(super) service_arn: String,
    pub(super) service_name: String,
    pub(super) cluster_arn: Option<String>,
    #[serde(flatten)]
    pub(super) launch: Launch,
    #[serde(default)]
    pub(super) deployments: Vec<Deployment>,
    /// Deployments by a controller other than ECS.
    #[serde(default)]
    pub(super) task_sets: Vec<Deployment>,
    pub(super) created_at: Option<Time>,
    pub(super) scheduling_strategy: Option<String>,
    pub(super) tags: Option<Vec<Tag>>,
}

/// A deployment or a task set.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Deployment {
    #[serde(flatten)]
    pub(super) launch: Launch,
    pub(super) created_at: Option<Time>,
    pub(super) running_count: Option<i64>,
}

/// What a service, each of its deployments and each of its revisions say alike.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Launch {
    pub(super) task_definition: Option<String>,
    pub(super) launch_type: Option<String>,
    #[serde(default)]
    pub(super) capacity_provider_strategy: Vec<StrategyItem>,
    pub(super) platform_family: Option<String>,
    pub(super) monitoring: Option<Monitoring>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StrategyItem {
    pub(super) capacity_provider: Option<String>,
    #[serde(default)]
    pub(super) base: u32,
    #[serde(default)]
    pub(super) weight: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Monitoring {
    #[serde(default)]
    pub(super) metric_configurations: Vec<MetricConfiguration>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MetricConfiguration {
    #[serde(default)]
    pub(super) metric_names: Vec<String>,
    pub(super) resolution_seconds: Option<i32>,
}

/// The fields of a service revision that plimsoll keeps.
pub(crate) struct Revision {
    /// ARN.
    pub(crate) arn: String,
    pub(super) launch: Launch,
}

/// The fields of a task definition that plimsoll keeps; the environment of its containers is not among them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaskDefinition {
    pub(super) task_definition_arn: String,
    pub(super) cpu: Option<String>,
    pub(super) memory: Option<String>,
    pub(super) runtime_platform: Option<RuntimePlatform>,
    pub(super) ephemeral_storage: Option<EphemeralStorage>,
    pub(super) network_mode: Option<String>,
    #[serde(default)]
    pub(super) compatibilities: Vec<String>,
    #[serde(default)]
    pub(super) requires_compatibilities: Vec<String>,
    #[serde(default)]
    pub(super) container_definitions: Vec<ContainerDefinition>,
    /// AWS writes them beside the definition.
    #[serde(skip)]
    pub(super) tags: Option<Vec<Tag>>,
}

/// The fields of a container that plimsoll keeps.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContainerDefinition {
    pub(super) name: Option<String>,
    pub(super) cpu: Option<u32>,
    pub(super) memory: Option<u32>,
    pub(super) memory_reservation: Option<u32>,
    pub(super) privileged: Option<bool>,
    #[serde(default)]
    pub(super) resource_requirements: Vec<ResourceRequirement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResourceRequirement {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RuntimePlatform {
    pub(super) cpu_architecture: Option<String>,
    pub(super) operating_system_family: Option<String>,
}

/// One service.
pub(crate) fn take_service(text: &str, batch: &mut Batch) -> Result<(), Refusal> {
    let Ok(service) = serde_json::from_str::<Service>(text) else {
        return Err(Refusal::Rejected("service with a malformed field"));
    };
    batch.configurations.extend(service.into_rows()?);
    Ok(())
}

impl Service {
    /// A configuration from each deployment on, or from its creation where none is listed.
    pub(crate) fn into_rows(self) -> Result<Vec<ConfigurationRow>, Refusal> {
        let Some(arn) = Arn::parse(&self.service_arn) else {
            return Err(Refusal::Rejected("service ARN without account or region"));
        };
        let Some(cluster) = self
            .cluster_arn
            .as_deref()
            .and_then(Arn::parse)
            .map(|arn| arn.last().to_owned())
        else {
            return Err(Refusal::Rejected("service without a cluster"));
        };
        if !is_name(&self.service_name) || !is_name(&cluster) {
            return Err(Refusal::Rejected(
                "name that is empty or longer than 255 bytes",
            ));
        }
        let (account, region) = (arn.account.to_owned(), arn.region.to_owned());
        let key: Arc<WorkloadKey> = WorkloadKey {
            account,
            region,
            kind: Kind::Service,
            cluster,
            name: self.service_name.clone(),
        }
        .into();
        let deployments: Vec<&Deployment> =
            self.deployments.iter().chain(&self.task_sets).collect();
        let times = deployments.iter().map(|deployment| deployment.created_at);
        if times
            .chain([self.created_at])
            .flatten()
            .any(|from| !from.is_plausible())
        {
            return Err(Refusal::Rejected("time before 2010 or after 2100"));
        }
        let mut rows: Vec<ConfigurationRow> = deployments
            .iter()
            .map(|deployment| deployment.row(&key, &deployments))
            .collect();
        if rows.is_empty() {
            rows.push(self.launch.row(&key, from_ms(self.created_at)));
        }
        let tags = tags(self.tags);
        for row in &mut rows {
            row.tags.clone_from(&tags);
            row.configuration.scheduling_strategy = code_word(self.scheduling_strategy.clone());
            row.resolution_s = row.resolution_s.or_else(|| self.launch.resolution_s());
        }
        Ok(rows)
    }
}

/// The start of a configuration; 0, "always", where it is not known.
fn from_ms(created: Option<Time>) -> i64 {
    created.map_or(0, |time| time.0)
}

impl Deployment {
    /// Its configuration, and how many tasks of it ran beside those of older ones `of_service`.
    fn row(&self, service: &Arc<WorkloadKey>, of_service: &[&Self]) -> ConfigurationRow {
        let older = of_service
            .iter()
            .filter(|other| other.created_at < self.created_at);
        let running: Vec<i64> = older.filter_map(|other| other.running_count).collect();
        ConfigurationRow {
            running: self.running_count,
            running_before: (!running.is_empty()).then(|| running.iter().sum()),
            ..self.launch.row(service, from_ms(self.created_at))
        }
    }
}

impl Revision {
    /// The configuration of `service` from `from_ms` on.
    pub(crate) fn row(&self, service: &Arc<WorkloadKey>, from_ms: i64) -> ConfigurationRow {
        self.launch.row(service, from_ms)
    }
}

/// That nothing is known of `service` from `from_ms` on.
pub(crate) fn unknown_row(service: &Arc<WorkloadKey>, from_ms: i64) -> ConfigurationRow {
    Launch::default().row(service, from_ms)
}

impl Launch {
    fn row(&self, service: &Arc<WorkloadKey>, from_ms: i64) -> ConfigurationRow {
        let task_definition = self
            .task_definition
            .as_deref()
            .and_then(Arn::parse)
            .map(|arn| arn.last().to_owned());
        ConfigurationRow {
            strategy: self.strategy(),
            resolution_s: self.resolution_s(),
            ..ConfigurationRow::new(
                service.clone(),
                from_ms,
                task_definition,
                self.configuration(),
                SourceKind::EcsApi,
            )
        }
    }

    /// Who places how many of its tasks; without the providers that place none.
    fn strategy(&self) -> Vec<Share> {
        let share = |item: &StrategyItem| {
            Some(Share {
                provider: code_word(item.capacity_provider.clone())?,
                base: item.base,
                weight: item.weight,
            })
        };
        let items = self.capacity_provider_strategy.iter().filter_map(share);
        let mut shares: Vec<Share> = items.collect();
        // A strategy of which no weight is told places tasks all the same.
        if shares.iter().any(|share| share.base + share.weight > 0) {
            shares.retain(|share| share.base > 0 || share.weight > 0);
        }
        shares.sort();
        shares
    }

    /// Seconds between the samples of its CPU utilisation, where it says so.
    fn resolution_s(&self) -> Option<i32> {
        let metrics = self.monitoring.as_ref()?.metric_configurations.iter();
        let of_cpu = |metric: &&MetricConfiguration| {
            metric
                .metric_names
                .iter()
                .any(|name| name == "CPUUtilization")
        };
        metrics
            .filter(of_cpu)
            .find_map(|metric| metric.resolution_seconds)
    }

    fn configuration(&self) -> Configuration {
        let mut providers: Vec<String> = self
            .strategy()
            .into_iter()
            .map(|share| share.provider)
            .collect();
        providers.dedup();
        let launch_type = code_word(self.launch_type.clone()).or_else(|| {
            providers
                .first()
                .map(|provider| launch_type_of(provider).to_owned())
        });
        Configuration {
            launch_type,
            // A mix of providers says nothing about a single task: its events do.
            capacity_provider: (providers.len() == 1).then(|| providers.remove(0)),
            os: self.platform_family.as_deref().and_then(os_of),
            ..Configuration::default()
        }
    }
}

/// One task definition, with the tags that stand beside it.
pub(crate) fn take_task_definition(
    text: &str,
    tags: Option<&str>,
    batch: &mut Batch,
) -> Result<(), Refusal> {
    let Ok(mut definition) = serde_json::from_str::<TaskDefinition>(text) else {
        return Err(Refusal::Rejected("task definition with a malformed field"));
    };
    let Ok(tags) = tags.map_or(Ok(None), serde_json::from_str) else {
        return Err(Refusal::Rejected("task definition with malformed tags"));
    };
    definition.tags = tags;
    batch.configurations.push(definition.into_row()?);
    Ok(())
}

impl TaskDefinition {
    /// Its size: immutable, so it holds at any time.
    pub(crate) fn into_row(self) -> Result<ConfigurationRow, Refusal> {
        let Some(arn) = Arn::parse(&self.task_definition_arn) else {
            return Err(Refusal::Rejected(
                "task definition ARN without account or region",
            ));
        };
        let revision = arn.last();
        let Some((family, _)) = revision
            .rsplit_once(':')
            .filter(|(family, _)| is_name(family))
        else {
            return Err(Refusal::Rejected("task definition without a revision"));
        };
        self.ephemeral_storage
            .as_ref()
            .map_or(Ok(()), EphemeralStorage::check)?;
        let key = WorkloadKey {
            account: arn.account.to_owned(),
            region: arn.region.to_owned(),
            kind: Kind::Task,
            cluster: String::new(),
            name: family.to_owned(),
        };
        let row = ConfigurationRow {
            containers: self.limits(),
            ..ConfigurationRow::new(
                key.into(),
                0,
                Some(revision.to_owned()),
                self.configuration(),
                SourceKind::EcsApi,
            )
        };
        Ok(ConfigurationRow {
            tags: tags(self.tags),
            ..row
        })
    }

    /// What holds for every task of it.
    fn configuration(&self) -> Configuration {
        let requires_ec2 = self.requires_ec2();
        let containers = &self.container_definitions;
        let platform = self.runtime_platform.as_ref();
        // What a definition leaves open has ECS's defaults, unless the instance decides.
        // Source: ECS API reference, RuntimePlatform and EphemeralStorage, read 2026-11.
        let decided = requires_ec2 != Some(true);
        Configuration {
            cpu_units: self
                .cpu
                .as_deref()
                .and_then(cpu_units)
                .or_else(|| self.sum_of_cpu()),
            memory_mib: self
                .memory
                .as_deref()
                .and_then(memory_mib)
                .or_else(|| self.sum_of_memory()),
            ephemeral_gib: match &self.ephemeral_storage {
                Some(storage) => storage.size_in_gib,
                None => (requires_ec2 == Some(false)).then_some(INCLUDED_EPHEMERAL_GIB),
            },
            architecture: match platform.and_then(|platform| platform.cpu_architecture.as_deref()) {
                Some(text) => architecture_of(text),
                None => decided.then_some(Architecture::X86_64),
            },
            os: match platform.and_then(|platform| platform.operating_system_family.as_deref()) {
                Some(text) => os_of(text),
                None => decided.then_some(Os::Linux),
            },
            privileged: (!containers.is_empty())
                .then(|| containers.iter().any(|c| c.privileged == Some(true))),
            gpus: (!containers.is_empty())
                .then(|| containers.iter().map(ContainerDefinition::gpus).sum()),
            network_mode: code_word(self.network_mode.clone()),
            requires_ec2,
            ..Configuration::default()
        }
    }

    /// True where launch types are named, by AWS or by the user, and Fargate is not among them.
    fn requires_ec2(&self) -> Option<bool> {
        let mut named = self
            .compatibilities
            .iter()
            .chain(&self.requires_compatibilities)
            .peekable();
        named.peek()?;
        Some(named.all(|launch_type| launch_type != "FARGATE"))
    }

    /// The CPU of a definition without a size of its own: what is set aside for its containers.
    /// Source: ECS developer guide, "Amazon ECS service utilization metrics", read 2026-11.
    fn sum_of_cpu(&self) -> Option<u32> {
        let units = self.container_definitions.iter().filter_map(|c| c.cpu);
        Some(units.fold(0, u32::saturating_add)).filter(|&units| units > 0)
    }

    /// Its memory, alike: the soft limit of each container, or else the hard one.
    fn sum_of_memory(&self) -> Option<u32> {
        let containers = self.container_definitions.iter();
        let mib: Option<Vec<u32>> = containers
            .map(|c| c.memory_reservation.or(c.memory))
            .collect();
        Some(mib?.into_iter().fold(0, u32::saturating_add)).filter(|&mib| mib > 0)
    }

    fn limits(&self) -> Vec<ContainerLimit> {
        let limit = |container: &ContainerDefinition| {
            Some(ContainerLimit {
                name: code_word(container.name.clone())?,
                cpu_units: container.cpu.filter(|&units| units > 0),
                memory_mib: container.memory,
                reservation_mib: container.memory_reservation,
            })
        };
        self.container_definitions
            .iter()
            .filter_map(limit)
            .collect()
    }
}

impl ContainerDefinition {
    fn gpus(&self) -> u32 {
        let asked = self.resource_requirements.iter();
        asked
            .filter(|asked| asked.kind.as_deref() == Some("GPU"))
            .filter_map(|asked| asked.value.as_deref()?.parse::<u32>().ok())
            .fold(0, u32::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn arn(resource: &str) -> String {
        format!("arn:aws:ecs:us-east-1:123456789012:{resource}")
    }

    /// A task definition with these fields beside its name.
    fn defined(fields: Value) -> ConfigurationRow {
        let mut definition = json!({ "taskDefinitionArn": arn("task-definition/web:1") });
        if let (Value::Object(all), Value::Object(fields)) = (&mut definition, fields) {
            all.extend(fields);
        }
        let definition: TaskDefinition = serde_json::from_value(definition).unwrap();
        definition.into_row().unwrap()
    }

    #[test]
    fn a_definition_without_a_size_has_what_is_set_aside_for_its_containers() {
        let row = defined(
            json!({ "requiresCompatibilities": ["EC2"], "containerDefinitions": [
            { "name": "app", "cpu": 512, "memory": 2048 },
            { "name": "log", "cpu": 128, "memory": 512, "memoryReservation": 256 },
        ] }),
        );
        let size = (row.configuration.cpu_units, row.configuration.memory_mib);
        assert_eq!(size, (Some(640), Some(2304)));
        assert_eq!(row.containers[1].memory_mib, Some(512));
        let open = defined(json!({ "containerDefinitions": [
            { "name": "app", "cpu": 512, "memory": 2048 }, { "name": "log" },
        ] }));
        assert_eq!(open.configuration.memory_mib, None, "one has no limit");
    }

    #[test]
    fn what_a_definition_leaves_open_has_the_defaults_of_ecs_unless_the_instance_decides() {
        let known = |fields: Value| {
            let now = defined(fields).configuration;
            (
                now.architecture,
                now.os,
                now.ephemeral_gib,
                now.requires_ec2,
            )
        };
        let linux = (Some(Architecture::X86_64), Some(Os::Linux));
        assert_eq!(
            known(json!({ "requiresCompatibilities": ["FARGATE"] })),
            (linux.0, linux.1, Some(20), Some(false))
        );
        assert_eq!(known(json!({})), (linux.0, linux.1, None, None));
        assert_eq!(
            known(json!({ "compatibilities": ["EXTERNAL", "EC2"] })),
            (None, None, None, Some(true))
        );
        let arm = json!({ "cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX" });
        assert_eq!(
            known(json!({ "runtimePlatform": arm, "ephemeralStorage": { "sizeInGiB": 200 } })),
            (Some(Architecture::Arm64), Some(Os::Linux), Some(200), None)
        );
    }

    #[test]
    fn gpus_and_privileged_containers_are_read() {
        let now = defined(json!({ "networkMode": "host", "containerDefinitions": [
            { "name": "a", "resourceRequirements": [{ "type": "GPU", "value": "2" }] },
            { "name": "b", "privileged": true, "resourceRequirements": [{ "type": "InferenceAccelerator", "value": "x" }] },
        ] }))
        .configuration;
        assert_eq!((now.gpus, now.privileged), (Some(2), Some(true)));
        assert_eq!(now.network_mode.as_deref(), Some("host"));
        assert_eq!(defined(json!({})).configuration.gpus, None, "nothing tells");
    }

    #[test]
    fn tags_of_services_and_beside_definitions_are_read() {
        let listed = json!([{ "key": "team", "value": "data" }, { "key": "flag" }]);
        let service = json!({
            "serviceArn": arn("service/prod/web"), "serviceName": "web", "clusterArn": arn("cluster/prod"), "tags": listed,
        });
        let (mut batch, told) = (Batch::default(), |batch: &Batch| {
            let rows = batch.configurations.iter();
            let tags = |row: &ConfigurationRow| Some(Vec::from_iter(row.tags.clone()?));
            rows.map(tags).collect::<Vec<_>>()
        });
        take_service(&service.to_string(), &mut batch).ok().unwrap();
        let definition = json!({ "taskDefinitionArn": arn("task-definition/web:1") }).to_string();
        let listed = listed.to_string();
        for beside in [Some(listed.as_str()), Some("[]"), None] {
            take_task_definition(&definition, beside, &mut batch)
                .ok()
                .unwrap();
        }
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let both = Some(vec![pair("flag", ""), pair("team", "data")]);
        assert_eq!(told(&batch), [both.clone(), both, None, None]);
    }

    #[test]
    fn a_service_tells_its_strategy_and_how_many_tasks_of_each_deployment_ran() {
        let strategy = json!([
            { "capacityProvider": "FARGATE_SPOT", "weight": 9 },
            { "capacityProvider": "FARGATE", "weight": 1, "base": 1 },
            { "capacityProvider": "none", "weight": 0, "base": 0 },
        ]);
        let metric = json!({ "metricNames": ["CPUUtilization"], "resolutionSeconds": 20 });
        let deployment = |at: u32, running: u32| json!({ "createdAt": 1_795_000_000 + at, "runningCount": running, "capacityProviderStrategy": strategy });
        let service = json!({
            "serviceArn": arn("service/prod/web"), "serviceName": "web", "clusterArn": arn("cluster/prod"),
            "schedulingStrategy": "DAEMON", "monitoring": { "metricConfigurations": [metric] },
            "deployments": [deployment(2, 0), deployment(1, 3)],
        });
        let service: Service = serde_json::from_value(service).unwrap();
        let rows = service.into_rows().unwrap();
        let ran: Vec<_> = rows
            .iter()
            .map(|row| (row.running, row.running_before))
            .collect();
        assert_eq!(ran, [(Some(0), Some(3)), (Some(3), None)]);
        let shares: Vec<_> = rows[0]
            .strategy
            .iter()
            .map(|share| (share.provider.as_str(), share.base, share.weight))
            .collect();
        assert_eq!(shares, [("FARGATE", 1, 1), ("FARGATE_SPOT", 0, 9)]);
        assert_eq!(rows[0].configuration.capacity_provider, None, "a mix");
        assert_eq!(
            rows[0].configuration.scheduling_strategy.as_deref(),
            Some("DAEMON")
        );
        assert_eq!(rows[0].resolution_s, Some(20));
    }
}
