//! ECS services and task definitions: `aws ecs describe-services` and `describe-task-definition` output.

use std::sync::Arc;

use serde::Deserialize;

use super::Refusal;
use super::fields::{Arn, Time, code_word, cpu_units, is_name, memory_mib};
use super::tasks::{EphemeralStorage, architecture_of, launch_type_of, os_of};
use crate::dataset::batch::Batch;
use crate::dataset::schema::{ConfigurationRow, SourceKind};
use crate::model::workload::{Configuration, Kind, WorkloadKey};

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
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Deployment {
    #[serde(flatten)]
    pub(super) launch: Launch,
    pub(super) created_at: Option<Time>,
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
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StrategyItem {
    pub(super) capacity_provider: Option<String>,
}

/// The fields of a service revision that plimsoll keeps.
pub(crate) struct Revision {
    /// ARN.
    pub(crate) arn: String,
    pub(super) launch: Launch,
}

/// The fields of a task definition that plimsoll keeps; containers, with their environment, are not among them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaskDefinition {
    pub(super) task_definition_arn: String,
    pub(super) cpu: Option<String>,
    pub(super) memory: Option<String>,
    pub(super) runtime_platform: Option<RuntimePlatform>,
    pub(super) ephemeral_storage: Option<EphemeralStorage>,
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
        let own = [(self.created_at, &self.launch)];
        let deployments = self.deployments.iter().chain(&self.task_sets);
        let deployments: Vec<_> = deployments
            .map(|deployment| (deployment.created_at, &deployment.launch))
            .collect();
        let seen: &[_] = if deployments.is_empty() {
            &own
        } else {
            &deployments
        };
        if seen
            .iter()
            .any(|(from, _)| from.is_some_and(|from| !from.is_plausible()))
        {
            return Err(Refusal::Rejected("time before 2010 or after 2100"));
        }
        Ok(seen
            .iter()
            .map(|(from, launch)| launch.row(&key, from.map_or(0, |from| from.0)))
            .collect())
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
        ConfigurationRow {
            workload: service.clone(),
            from_ms,
            task_definition: self
                .task_definition
                .as_deref()
                .and_then(Arn::parse)
                .map(|arn| arn.last().to_owned()),
            configuration: self.configuration(),
            source: SourceKind::EcsApi,
        }
    }

    fn configuration(&self) -> Configuration {
        let mut providers: Vec<String> = self
            .capacity_provider_strategy
            .iter()
            .filter_map(|item| code_word(item.capacity_provider.clone()))
            .collect();
        providers.sort();
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

/// One task definition.
pub(crate) fn take_task_definition(text: &str, batch: &mut Batch) -> Result<(), Refusal> {
    let Ok(definition) = serde_json::from_str::<TaskDefinition>(text) else {
        return Err(Refusal::Rejected("task definition with a malformed field"));
    };
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
        let platform = self.runtime_platform.as_ref();
        let configuration = Configuration {
            cpu_units: self.cpu.as_deref().and_then(cpu_units),
            memory_mib: self.memory.as_deref().and_then(memory_mib),
            ephemeral_gib: self
                .ephemeral_storage
                .as_ref()
                .and_then(|storage| storage.size_in_gib),
            architecture: platform
                .and_then(|platform| architecture_of(platform.cpu_architecture.as_deref()?)),
            os: platform.and_then(|platform| os_of(platform.operating_system_family.as_deref()?)),
            ..Configuration::default()
        };
        let key = WorkloadKey {
            account: arn.account.to_owned(),
            region: arn.region.to_owned(),
            kind: Kind::Task,
            cluster: String::new(),
            name: family.to_owned(),
        };
        Ok(ConfigurationRow {
            workload: key.into(),
            from_ms: 0,
            task_definition: Some(revision.to_owned()),
            configuration,
            source: SourceKind::EcsApi,
        })
    }
}
