//! Task definitions, and what only they tell of runs and deployments.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::in_force::{InForce, in_force};
use super::runs::Run;
use super::workload_rows::{Row, Tagged};
use crate::dataset::schema::SourceKind;
use crate::model::tags::Tags;
use crate::model::workload::{Configuration, ContainerLimit, WorkloadKey};
use crate::pricing::metering::INCLUDED_EPHEMERAL_GIB;

/// Task definitions by account, region and `family:revision`: they never change.
#[derive(Debug, Default)]
pub(super) struct Definitions(HashMap<[String; 3], Definition>);

#[derive(Debug)]
pub(super) struct Definition {
    pub(super) configuration: Configuration,
    containers: Vec<ContainerLimit>,
    tagged: Option<Tagged>,
    /// It was read itself; else a run of it tells.
    is_read: bool,
}

impl Definitions {
    pub(super) fn add(&mut self, row: Row) {
        let Some(name) = row.entry.task_definition else {
            return;
        };
        let definition = Definition {
            configuration: row.entry.configuration,
            containers: row.containers,
            tagged: row.tagged,
            is_read: true,
        };
        let key = [row.workload.account, row.workload.region, name];
        let Some(known) = self.0.get_mut(&key) else {
            self.0.insert(key, definition);
            return;
        };
        // All but its tags is the same for ever.
        let tagged = known.tagged.take().max(definition.tagged.clone());
        // Rows of older versions of plimsoll do not tell of containers.
        if known.containers.is_empty() {
            *known = definition;
        }
        known.tagged = tagged;
    }

    /// The newest revision of each family, by account, region and name, of which tags were told, and these.
    pub(super) fn tags(&self) -> HashMap<[&str; 3], (u64, &Tags)> {
        let mut newest: HashMap<[&str; 3], (u64, &Tags)> = HashMap::new();
        for ([account, region, name], definition) in &self.0 {
            let Some(tagged) = &definition.tagged else {
                continue;
            };
            let (family, revision) = name.rsplit_once(':').unwrap_or((name, ""));
            let told = (revision.parse().unwrap_or_default(), &tagged.tags);
            let known = newest.entry([account, region, family]).or_insert(told);
            *known = told.max(*known);
        }
        newest
    }

    /// What the runs of a definition tell, where it was not read itself.
    pub(super) fn learn(&mut self, runs: &[Run]) {
        for run in runs {
            let Some(name) = &run.task_definition else {
                continue;
            };
            if self.get(&run.workload, name).is_some() || run.configuration.size().is_none() {
                continue;
            }
            let definition = Definition {
                configuration: Configuration {
                    capacity_provider: None,
                    launch_type: None,
                    ..(*run.configuration).clone()
                },
                containers: Vec::new(),
                tagged: None,
                is_read: false,
            };
            let key = [
                run.workload.account.clone(),
                run.workload.region.clone(),
                (**name).to_owned(),
            ];
            self.0.insert(key, definition);
        }
    }

    pub(super) fn get(&self, workload: &WorkloadKey, name: &str) -> Option<&Definition> {
        let key = [
            workload.account.clone(),
            workload.region.clone(),
            name.to_owned(),
        ];
        self.0.get(&key)
    }

    /// Puts into the runs of one workload what only their definitions and their service's deployments tell.
    pub(super) fn complete(&self, runs: &mut [Run], timeline: &[InForce]) {
        let mut known: HashMap<Completed, Arc<Configuration>> = HashMap::new();
        let mut shared: HashSet<Arc<Configuration>> = HashSet::new();
        for run in runs {
            let definition = run
                .task_definition
                .as_deref()
                .and_then(|name| self.get(&run.workload, name))
                .filter(|definition| definition.is_read);
            for killed in &mut run.killed {
                let of_definition = definition.into_iter().flat_map(|d| &d.containers);
                let mut limit = of_definition.filter(|limit| limit.name == killed.name);
                killed.memory_mib = killed
                    .memory_mib
                    .or_else(|| limit.find_map(|limit| limit.memory_mib));
            }
            let service = in_force(timeline, run.known_ms());
            let completed = Completed {
                definition: run.task_definition.clone(),
                source: run.source,
                from_ms: service.map(|entry| entry.from_ms),
                configuration: run.configuration.clone(),
            };
            let of_run = known.entry(completed).or_insert_with(|| {
                let mut configuration = (*run.configuration).clone();
                if let Some(definition) = definition {
                    fill(&mut configuration, &definition.configuration);
                }
                fill_from_service(&mut configuration, service);
                fill_provider(&mut configuration, run.source);
                match shared.get(&configuration) {
                    Some(same) => same.clone(),
                    None => Arc::new(configuration),
                }
            });
            shared.insert(of_run.clone());
            run.configuration = of_run.clone();
        }
    }
}

/// What the completion of a run depends on.
#[derive(PartialEq, Eq, Hash)]
struct Completed {
    definition: Option<Arc<str>>,
    source: SourceKind,
    from_ms: Option<i64>,
    configuration: Arc<Configuration>,
}

/// What a run or a deployment leaves open its definition tells.
pub(super) fn fill(configuration: &mut Configuration, definition: &Configuration) {
    let now = configuration;
    now.cpu_units = now.cpu_units.or(definition.cpu_units);
    now.memory_mib = now.memory_mib.or(definition.memory_mib);
    now.ephemeral_gib = now.ephemeral_gib.or(definition.ephemeral_gib);
    now.architecture = now.architecture.or(definition.architecture);
    now.os = now.os.or(definition.os);
    now.privileged = now.privileged.or(definition.privileged);
    now.gpus = now.gpus.or(definition.gpus);
    now.requires_ec2 = now.requires_ec2.or(definition.requires_ec2);
    if now.network_mode.is_none() {
        now.network_mode.clone_from(&definition.network_mode);
    }
    if now.launch_type.as_deref() == Some("FARGATE") {
        now.ephemeral_gib = now.ephemeral_gib.or(Some(INCLUDED_EPHEMERAL_GIB));
    }
}

/// What the service tells of all its tasks.
fn fill_from_service(configuration: &mut Configuration, service: Option<&InForce>) {
    let Some(service) = service else { return };
    let (now, service) = (configuration, &service.configuration);
    if now.scheduling_strategy.is_none() {
        now.scheduling_strategy
            .clone_from(&service.scheduling_strategy);
    }
    if now.launch_type.is_none() || now.launch_type == service.launch_type {
        now.launch_type.clone_from(&service.launch_type);
        if now.capacity_provider.is_none() {
            now.capacity_provider.clone_from(&service.capacity_provider);
        }
    }
}

/// A Fargate task that names no capacity provider, where one would be named, was launched without: on demand.
/// Source: ECS API reference, `Task.capacityProviderName`, read 2026-11.
pub(super) fn fill_provider(configuration: &mut Configuration, source: SourceKind) {
    let names_provider = matches!(source, SourceKind::TaskEvents | SourceKind::EcsApi);
    if names_provider
        && configuration.capacity_provider.is_none()
        && configuration.launch_type.as_deref() == Some("FARGATE")
    {
        configuration.capacity_provider = Some("FARGATE".to_owned());
    }
}
