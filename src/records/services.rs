//! ECS services and task definitions: `aws ecs describe-services` and `describe-task-definition` output.

use serde::Deserialize;

use super::fields::{Arn, Time, code_word, cpu_units, is_name, memory_mib};
use super::tasks::{EphemeralStorage, architecture_of, launch_type_of, os_of};
use super::{Batch, Refusal};
use crate::dataset::schema::{ConfigurationRow, SourceKind};
use crate::workload::{Configuration, Kind, WorkloadKey};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Service {
    service_arn: String,
    service_name: String,
    cluster_arn: Option<String>,
    #[serde(flatten)]
    launch: Launch,
    #[serde(default)]
    deployments: Vec<Deployment>,
    created_at: Option<Time>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deployment {
    #[serde(flatten)]
    launch: Launch,
    created_at: Option<Time>,
}

/// What a service and each of its deployments say alike.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Launch {
    task_definition: Option<String>,
    launch_type: Option<String>,
    #[serde(default)]
    capacity_provider_strategy: Vec<StrategyItem>,
    platform_family: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StrategyItem {
    capacity_provider: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaskDefinition {
    task_definition_arn: String,
    cpu: Option<String>,
    memory: Option<String>,
    runtime_platform: Option<RuntimePlatform>,
    ephemeral_storage: Option<EphemeralStorage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuntimePlatform {
    cpu_architecture: Option<String>,
    operating_system_family: Option<String>,
}

/// One service: a configuration from each deployment on, or from its creation where none is listed.
pub(crate) fn take_service(text: &str, batch: &mut Batch) -> Result<(), Refusal> {
    let Ok(service) = serde_json::from_str::<Service>(text) else {
        return Err(Refusal::Rejected("service with a malformed field"));
    };
    let Some(arn) = Arn::parse(&service.service_arn) else {
        return Err(Refusal::Rejected("service ARN without account or region"));
    };
    let Some(cluster) = service.cluster_arn.as_deref().and_then(Arn::parse).map(|arn| arn.last().to_owned()) else {
        return Err(Refusal::Rejected("service without a cluster"));
    };
    if !is_name(&service.service_name) || !is_name(&cluster) {
        return Err(Refusal::Rejected("name that is empty or longer than 255 bytes"));
    }
    let (account, region) = (arn.account.to_owned(), arn.region.to_owned());
    let key: std::sync::Arc<WorkloadKey> =
        WorkloadKey { account, region, kind: Kind::Service, cluster, name: service.service_name.clone() }.into();
    let own = [(service.created_at, &service.launch)];
    let deployments: Vec<_> = service.deployments.iter().map(|deployment| (deployment.created_at, &deployment.launch)).collect();
    let seen: &[_] = if deployments.is_empty() { &own } else { &deployments };
    if seen.iter().any(|(from, _)| from.is_some_and(|from| !from.is_plausible())) {
        return Err(Refusal::Rejected("time before 2010 or after 2100"));
    }
    for (from, launch) in seen {
        batch.configurations.push(ConfigurationRow {
            workload: key.clone(),
            from_ms: from.map_or(0, |from| from.0),
            task_definition: launch.task_definition.as_deref().and_then(Arn::parse).map(|arn| arn.last().to_owned()),
            configuration: launch.configuration(),
            source: SourceKind::EcsApi,
        });
    }
    Ok(())
}

impl Launch {
    fn configuration(&self) -> Configuration {
        let mut providers: Vec<String> =
            self.capacity_provider_strategy.iter().filter_map(|item| code_word(item.capacity_provider.clone())).collect();
        providers.sort();
        providers.dedup();
        let launch_type =
            code_word(self.launch_type.clone()).or_else(|| providers.first().map(|provider| launch_type_of(provider).to_owned()));
        Configuration {
            launch_type,
            // A mix of providers says nothing about a single task: its events do.
            capacity_provider: (providers.len() == 1).then(|| providers.remove(0)),
            os: self.platform_family.as_deref().and_then(os_of),
            ..Configuration::default()
        }
    }
}

/// One task definition: immutable, so it holds at any time.
pub(crate) fn take_task_definition(text: &str, batch: &mut Batch) -> Result<(), Refusal> {
    let Ok(definition) = serde_json::from_str::<TaskDefinition>(text) else {
        return Err(Refusal::Rejected("task definition with a malformed field"));
    };
    let Some(arn) = Arn::parse(&definition.task_definition_arn) else {
        return Err(Refusal::Rejected("task definition ARN without account or region"));
    };
    let revision = arn.last();
    let Some((family, _)) = revision.rsplit_once(':').filter(|(family, _)| is_name(family)) else {
        return Err(Refusal::Rejected("task definition without a revision"));
    };
    let platform = definition.runtime_platform.as_ref();
    let configuration = Configuration {
        cpu_units: definition.cpu.as_deref().and_then(cpu_units),
        memory_mib: definition.memory.as_deref().and_then(memory_mib),
        ephemeral_gib: definition.ephemeral_storage.as_ref().and_then(|storage| storage.size_in_gib),
        architecture: platform.and_then(|platform| architecture_of(platform.cpu_architecture.as_deref()?)),
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
    batch.configurations.push(ConfigurationRow {
        workload: key.into(),
        from_ms: 0,
        task_definition: Some(revision.to_owned()),
        configuration,
        source: SourceKind::EcsApi,
    });
    Ok(())
}
