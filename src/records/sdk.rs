//! The SDK's types → the records of this module: the same fields, so the same rules, as files.
//!
//! Each conversion takes the SDK's value whole and drops it: what is not named here (environment, commands,
//! overrides, messages, sources) goes no further.

use aws_sdk_codebuild::types as codebuild;
use aws_sdk_ecs::types as ecs;
use aws_smithy_types::DateTime;

use super::builds::{Build, DockerServer, Environment, Fleet, Phase, Project};
use super::fields::{Tag, Time};
use super::services::{
    ContainerDefinition, Deployment, Launch, MetricConfiguration, Monitoring, ResourceRequirement,
    Revision, RuntimePlatform, Service, StrategyItem, TaskDefinition,
};
use super::tasks::{Attribute, Container, EphemeralStorage, Task};

/// To the nearest millisecond, as times in files are read: the SDK's own conversion cuts off.
pub(crate) fn time(time: DateTime) -> Time {
    let ms = (i64::from(time.subsec_nanos()) + 500_000) / 1_000_000;
    Time(time.secs().saturating_mul(1_000).saturating_add(ms))
}

fn gib(size: i32) -> EphemeralStorage {
    EphemeralStorage {
        size_in_gib: u32::try_from(size).ok().filter(|&size| size > 0),
    }
}

impl From<ecs::Task> for Task {
    fn from(task: ecs::Task) -> Self {
        let attribute = |attribute: ecs::Attribute| Attribute {
            name: Some(attribute.name),
            value: attribute.value,
        };
        Self {
            task_arn: task.task_arn,
            cluster_arn: task.cluster_arn,
            task_definition_arn: task.task_definition_arn,
            group: task.group,
            cpu: task.cpu,
            memory: task.memory,
            launch_type: task.launch_type.map(|word| word.as_str().to_owned()),
            capacity_provider_name: task.capacity_provider_name,
            platform_family: task.platform_family,
            ephemeral_storage: task
                .ephemeral_storage
                .map(|storage| gib(storage.size_in_gib)),
            fargate_ephemeral_storage: task
                .fargate_ephemeral_storage
                .map(|storage| gib(storage.size_in_gib)),
            attributes: task
                .attributes
                .unwrap_or_default()
                .into_iter()
                .map(attribute)
                .collect(),
            containers: task
                .containers
                .unwrap_or_default()
                .into_iter()
                .map(|c| Container {
                    name: c.name,
                    memory: c.memory,
                    reason: c.reason,
                })
                .collect(),
            last_status: task.last_status,
            created_at: task.created_at.map(time),
            pull_started_at: task.pull_started_at.map(time),
            pull_stopped_at: task.pull_stopped_at.map(time),
            started_at: task.started_at.map(time),
            stopping_at: task.stopping_at.map(time),
            execution_stopped_at: task.execution_stopped_at.map(time),
            stopped_at: task.stopped_at.map(time),
            updated_at: None,
            stop_code: task.stop_code.map(|word| word.as_str().to_owned()),
            version: task.version,
        }
    }
}

fn launch(
    task_definition: Option<String>,
    launch_type: Option<ecs::LaunchType>,
    strategy: Option<Vec<ecs::CapacityProviderStrategyItem>>,
    platform_family: Option<String>,
) -> Launch {
    let item = |item: ecs::CapacityProviderStrategyItem| StrategyItem {
        capacity_provider: Some(item.capacity_provider),
        base: count(item.base),
        weight: count(item.weight),
    };
    Launch {
        task_definition,
        launch_type: launch_type.map(|word| word.as_str().to_owned()),
        capacity_provider_strategy: strategy.unwrap_or_default().into_iter().map(item).collect(),
        platform_family,
        monitoring: None,
    }
}

/// A number of AWS's that is never below zero.
fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

/// The launch of an SDK type: services, deployments, task sets and revisions name its fields alike.
macro_rules! launch_of {
    ($from:ident) => {
        launch(
            $from.task_definition,
            $from.launch_type,
            $from.capacity_provider_strategy,
            $from.platform_family,
        )
    };
}

impl From<ecs::Service> for Service {
    fn from(service: ecs::Service) -> Self {
        let deployment = |d: ecs::Deployment| Deployment {
            created_at: d.created_at.map(time),
            running_count: Some(i64::from(d.running_count)),
            launch: launch_of!(d),
        };
        let task_set = |t: ecs::TaskSet| Deployment {
            created_at: t.created_at.map(time),
            running_count: Some(i64::from(t.running_count)),
            launch: launch_of!(t),
        };
        Self {
            service_arn: service.service_arn.unwrap_or_default(),
            service_name: service.service_name.unwrap_or_default(),
            cluster_arn: service.cluster_arn,
            deployments: service
                .deployments
                .unwrap_or_default()
                .into_iter()
                .map(deployment)
                .collect(),
            task_sets: service
                .task_sets
                .unwrap_or_default()
                .into_iter()
                .map(task_set)
                .collect(),
            created_at: service.created_at.map(time),
            scheduling_strategy: service
                .scheduling_strategy
                .map(|word| word.as_str().to_owned()),
            tags: service.tags.map(ecs_tags),
            launch: launch_of!(service),
        }
    }
}

impl From<ecs::ServiceRevision> for Revision {
    fn from(revision: ecs::ServiceRevision) -> Self {
        let metric = |metric: ecs::MetricConfiguration| MetricConfiguration {
            metric_names: metric.metric_names,
            resolution_seconds: Some(metric.resolution_seconds),
        };
        let monitoring = |monitoring: ecs::MonitoringConfiguration| Monitoring {
            metric_configurations: monitoring
                .metric_configurations
                .unwrap_or_default()
                .into_iter()
                .map(metric)
                .collect(),
        };
        Self {
            arn: revision.service_revision_arn.unwrap_or_default(),
            launch: Launch {
                monitoring: revision.monitoring.map(monitoring),
                ..launch_of!(revision)
            },
        }
    }
}

impl From<ecs::TaskDefinition> for TaskDefinition {
    fn from(definition: ecs::TaskDefinition) -> Self {
        let platform = |platform: ecs::RuntimePlatform| RuntimePlatform {
            cpu_architecture: platform
                .cpu_architecture
                .map(|word| word.as_str().to_owned()),
            operating_system_family: platform
                .operating_system_family
                .map(|word| word.as_str().to_owned()),
        };
        Self {
            network_mode: definition.network_mode.map(|word| word.as_str().to_owned()),
            compatibilities: words(definition.compatibilities),
            requires_compatibilities: words(definition.requires_compatibilities),
            container_definitions: definition
                .container_definitions
                .unwrap_or_default()
                .into_iter()
                .map(ContainerDefinition::from)
                .collect(),
            task_definition_arn: definition.task_definition_arn.unwrap_or_default(),
            cpu: definition.cpu,
            memory: definition.memory,
            runtime_platform: definition.runtime_platform.map(platform),
            ephemeral_storage: definition
                .ephemeral_storage
                .map(|storage| gib(storage.size_in_gib)),
            tags: None,
        }
    }
}

impl TaskDefinition {
    /// With the tags that AWS tells beside it.
    pub(crate) fn tagged(self, tags: Option<Vec<ecs::Tag>>) -> Self {
        Self {
            tags: tags.map(ecs_tags),
            ..self
        }
    }
}

fn ecs_tags(tags: Vec<ecs::Tag>) -> Vec<Tag> {
    let tag = |tag: ecs::Tag| Tag {
        key: tag.key,
        value: tag.value,
    };
    tags.into_iter().map(tag).collect()
}

fn words(launch_types: Option<Vec<ecs::Compatibility>>) -> Vec<String> {
    let launch_types = launch_types.unwrap_or_default();
    launch_types
        .iter()
        .map(|word| word.as_str().to_owned())
        .collect()
}

impl From<ecs::ContainerDefinition> for ContainerDefinition {
    fn from(container: ecs::ContainerDefinition) -> Self {
        let mib = |limit: Option<i32>| limit.and_then(|mib| u32::try_from(mib).ok());
        let requirement = |asked: ecs::ResourceRequirement| ResourceRequirement {
            kind: Some(asked.r#type.as_str().to_owned()),
            value: Some(asked.value),
        };
        Self {
            name: container.name,
            cpu: u32::try_from(container.cpu).ok(),
            memory: mib(container.memory),
            memory_reservation: mib(container.memory_reservation),
            privileged: container.privileged,
            resource_requirements: container
                .resource_requirements
                .unwrap_or_default()
                .into_iter()
                .map(requirement)
                .collect(),
        }
    }
}

impl From<codebuild::ProjectEnvironment> for Environment {
    fn from(environment: codebuild::ProjectEnvironment) -> Self {
        Self {
            environment_type: Some(environment.r#type.as_str().to_owned()),
            compute_type: Some(environment.compute_type.as_str().to_owned()),
            privileged_mode: environment.privileged_mode,
            fleet: environment.fleet.map(|fleet| Fleet {
                fleet_arn: fleet.fleet_arn,
            }),
            docker_server: environment.docker_server.map(|server| DockerServer {
                compute_type: Some(server.compute_type.as_str().to_owned()),
            }),
        }
    }
}

impl From<codebuild::Project> for Project {
    fn from(project: codebuild::Project) -> Self {
        let tag = |tag: codebuild::Tag| Tag {
            key: tag.key,
            value: tag.value,
        };
        Self {
            arn: project.arn,
            name: project.name.unwrap_or_default(),
            last_modified: project.last_modified.map(time),
            environment: project.environment.map(Environment::from),
            tags: project.tags.map(|tags| tags.into_iter().map(tag).collect()),
        }
    }
}

impl From<codebuild::Build> for Build {
    fn from(build: codebuild::Build) -> Self {
        let phase = |phase: codebuild::BuildPhase| Phase {
            phase_type: phase.phase_type.map(|word| word.as_str().to_owned()),
            start_time: phase.start_time.map(time),
            end_time: phase.end_time.map(time),
        };
        Self {
            arn: build.arn,
            id: build.id,
            project_name: build.project_name.unwrap_or_default(),
            start_time: build.start_time.map(time),
            end_time: build.end_time.map(time),
            timeout_in_minutes: build.timeout_in_minutes.map(i64::from),
            build_complete: build.build_complete,
            build_status: build.build_status.map(|word| word.as_str().to_owned()),
            environment: build.environment.map(Environment::from),
            phases: build
                .phases
                .unwrap_or_default()
                .into_iter()
                .map(phase)
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::dataset::schema::SourceKind;

    /// 2026-11-20T12:00:00.0416Z, as AWS tells it: in seconds.
    const AT: f64 = 1_795_176_000.041_6;

    fn at() -> DateTime {
        DateTime::from_secs_f64(AT)
    }

    #[test]
    fn times_are_rounded_to_the_nearest_millisecond() {
        assert_eq!(time(at()), Time(1_795_176_000_042));
        assert_eq!(
            time(DateTime::from_secs_and_nanos(1, 999_600_000)),
            Time(2_000)
        );
        assert_eq!(time(DateTime::from_secs(i64::MAX)), Time(i64::MAX));
    }

    #[test]
    fn a_task_is_the_same_row_from_the_api_as_from_a_file() {
        let arn = |resource: &str| format!("arn:aws:ecs:eu-central-1:123456789012:{resource}");
        let file = json!({
            "taskArn": arn("task/prod/aa01"), "clusterArn": arn("cluster/prod"),
            "taskDefinitionArn": arn("task-definition/web:2"), "group": "service:web",
            "cpu": "256", "memory": "512", "capacityProviderName": "FARGATE_SPOT", "platformFamily": "Linux",
            "ephemeralStorage": { "sizeInGiB": 30 }, "fargateEphemeralStorage": { "sizeInGiB": 30 },
            "attributes": [{ "name": "ecs.cpu-architecture", "value": "arm64" }],
            "containers": [{ "reason": "OutOfMemoryError: Container killed due to memory usage" }],
            "createdAt": AT, "pullStartedAt": AT, "startedAt": AT, "stoppedAt": AT,
            "lastStatus": "STOPPED", "stopCode": "EssentialContainerExited", "version": 5,
        });
        let attribute = ecs::Attribute::builder()
            .name("ecs.cpu-architecture")
            .value("arm64")
            .build()
            .unwrap();
        let reason = "OutOfMemoryError: Container killed due to memory usage";
        let api = ecs::Task::builder()
            .task_arn(arn("task/prod/aa01"))
            .cluster_arn(arn("cluster/prod"))
            .task_definition_arn(arn("task-definition/web:2"))
            .group("service:web")
            .cpu("256")
            .memory("512")
            .capacity_provider_name("FARGATE_SPOT")
            .platform_family("Linux")
            .fargate_ephemeral_storage(ecs::TaskEphemeralStorage::builder().size_in_gib(30).build())
            .attributes(attribute)
            .containers(ecs::Container::builder().reason(reason).build())
            .created_at(at())
            .pull_started_at(at())
            .started_at(at())
            .stopped_at(at())
            .last_status("STOPPED")
            .stop_code(ecs::TaskStopCode::EssentialContainerExited)
            .version(5)
            .build();
        let from_file: Task = serde_json::from_value(file).unwrap();
        let from_file = from_file.into_row(None, SourceKind::EcsApi).unwrap();
        assert_eq!(
            Task::from(api).into_row(None, SourceKind::EcsApi).unwrap(),
            from_file
        );
        assert_eq!(
            (
                from_file.out_of_memory,
                from_file.configuration.ephemeral_gib
            ),
            (true, Some(30))
        );
    }

    #[test]
    fn a_build_is_the_same_row_from_the_api_as_from_a_file() {
        let arn = "arn:aws:codebuild:eu-central-1:123456789012:build/app:01";
        let file = json!({
            "arn": arn, "id": "app:01", "projectName": "app", "startTime": AT, "endTime": AT + 60.0,
            "buildComplete": true, "buildStatus": "FAILED",
            "environment": { "type": "ARM_CONTAINER", "computeType": "BUILD_GENERAL1_LARGE", "privilegedMode": true },
            "phases": [{ "phaseType": "PROVISIONING", "startTime": AT + 2.0 }],
        });
        let environment = codebuild::ProjectEnvironment::builder()
            .r#type(codebuild::EnvironmentType::ArmContainer)
            .image("image")
            .compute_type(codebuild::ComputeType::BuildGeneral1Large)
            .privileged_mode(true);
        let phase = codebuild::BuildPhase::builder()
            .phase_type(codebuild::BuildPhaseType::Provisioning)
            .start_time(DateTime::from_secs_f64(AT + 2.0));
        let api = codebuild::Build::builder()
            .arn(arn)
            .id("app:01")
            .project_name("app")
            .start_time(at())
            .end_time(DateTime::from_secs_f64(AT + 60.0))
            .build_complete(true)
            .build_status(codebuild::StatusType::Failed)
            .environment(environment.build().unwrap())
            .phases(phase.build())
            .build();
        let from_file: Build = serde_json::from_value(file).unwrap();
        assert_eq!(
            Build::from(api).into_row().unwrap(),
            from_file.into_row().unwrap()
        );
    }
}
