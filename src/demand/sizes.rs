//! Which configuration was in force when: task definitions, deployments and runs put in order of time.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{DataFrame, PolarsResult};

use super::columns::{integers, texts};
use super::runs::{Run, configurations, workload_keys};
use crate::model::units::TaskSize;
use crate::model::workload::{Configuration, Kind, WorkloadKey};

/// The configurations of one workload, each from its time on, in order of time.
pub type History = Vec<(i64, Configuration)>;

/// Every workload's configurations over time.
pub fn histories(
    table: Option<&DataFrame>,
    runs: &[Run],
) -> PolarsResult<BTreeMap<WorkloadKey, History>> {
    let mut histories: BTreeMap<WorkloadKey, History> = BTreeMap::new();
    if let Some(table) = table {
        for (workload, from_ms, configuration) in deployments(table)? {
            histories
                .entry(workload)
                .or_default()
                .push((from_ms, configuration));
        }
    }
    for run in runs {
        let known = histories.entry(run.workload.clone()).or_default();
        known.push((run.created_ms, run.configuration.clone()));
    }
    for history in histories.values_mut() {
        history.sort();
        fill_gaps(history);
        history.dedup_by(|later, earlier| later.1 == earlier.1);
    }
    Ok(histories)
}

/// Account, region, cluster and family of every task definition that a service was ever configured with.
pub fn families_of_services(table: &DataFrame) -> PolarsResult<BTreeSet<[String; 4]>> {
    let services = workload_keys(table)?
        .into_iter()
        .zip(texts(table, "task_definition")?);
    let family_of = |(service, definition): (WorkloadKey, Option<String>)| {
        let WorkloadKey {
            account,
            region,
            kind,
            cluster,
            ..
        } = service;
        let family = family(definition.as_deref()?).to_owned();
        (kind == Kind::Service).then_some([account, region, cluster, family])
    };
    Ok(services.filter_map(family_of).collect())
}

/// The family in `family:revision`.
pub fn family(definition: &str) -> &str {
    definition.split(':').next().unwrap_or_default()
}

/// What one source leaves open another of the same size may tell; sizes themselves are never carried over.
fn fill_gaps(history: &mut History) {
    let mut before: Option<Configuration> = None;
    for (_, now) in history.iter_mut() {
        if let Some(before) = before.filter(|before| before.size() == now.size()) {
            now.launch_type = now.launch_type.take().or(before.launch_type);
            now.architecture = now.architecture.or(before.architecture);
            now.os = now.os.or(before.os);
            now.ephemeral_gib = now.ephemeral_gib.or(before.ephemeral_gib);
        }
        before = Some(now.clone());
    }
}

/// Services from each deployment on, with the size of the task definition it names.
fn deployments(table: &DataFrame) -> PolarsResult<Vec<(WorkloadKey, i64, Configuration)>> {
    let (workloads, configurations) = (workload_keys(table)?, configurations(table)?);
    let (from, definitions) = (
        integers(table, "from_ms")?,
        texts(table, "task_definition")?,
    );
    let is_definition =
        |i: usize| workloads[i].kind == Kind::Task && workloads[i].cluster.is_empty();
    let named = |i: usize| {
        let name = definitions[i].as_deref()?;
        Some((
            workloads[i].account.as_str(),
            workloads[i].region.as_str(),
            name,
        ))
    };
    let known: BTreeMap<_, &Configuration> = (0..workloads.len())
        .filter(|&i| is_definition(i))
        .filter_map(|i| Some((named(i)?, &configurations[i])))
        .collect();
    let mut deployments = Vec::new();
    for i in (0..workloads.len()).filter(|&i| !is_definition(i)) {
        let mut configuration = configurations[i].clone();
        if let Some(definition) = named(i).and_then(|name| known.get(&name)) {
            configuration.cpu_units = definition.cpu_units;
            configuration.memory_mib = definition.memory_mib;
            configuration.ephemeral_gib = definition.ephemeral_gib;
            configuration.architecture = definition.architecture;
            configuration.os = configuration.os.or(definition.os);
        }
        deployments.push((
            workloads[i].clone(),
            from[i].unwrap_or_default(),
            configuration,
        ));
    }
    Ok(deployments)
}

/// The newest configuration, and when its size took over from another one.
pub fn newest(history: &History) -> (Option<Configuration>, Option<i64>) {
    let Some((_, current)) = history.last() else {
        return (None, None);
    };
    let size = current.size();
    let other = |configuration: &Configuration| {
        configuration.size().is_some() && configuration.size() != size
    };
    let resized = history
        .iter()
        .rposition(|(_, configuration)| other(configuration));
    let resized_ms = size
        .and_then(|_: TaskSize| history.get(resized? + 1))
        .map(|(from_ms, _)| *from_ms);
    (Some(current.clone()), resized_ms)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use polars::prelude::Column;

    use super::*;
    use crate::dataset::schema::{self, ConfigurationRow, SourceKind};

    fn sized(cpu_units: u32, memory_mib: u32) -> Configuration {
        Configuration {
            cpu_units: Some(cpu_units),
            memory_mib: Some(memory_mib),
            ..Configuration::default()
        }
    }

    #[test]
    fn a_resize_is_dated_by_the_first_sight_of_the_new_size() {
        let history = vec![
            (0, sized(256, 512)),
            (10, sized(512, 1024)),
            (
                20,
                Configuration {
                    os: None,
                    ..sized(512, 1024)
                },
            ),
        ];
        assert_eq!(newest(&history), (Some(sized(512, 1024)), Some(10)));
        assert_eq!(
            newest(&vec![(5, sized(256, 512))]),
            (Some(sized(256, 512)), None)
        );
        assert_eq!(newest(&Vec::new()), (None, None));
    }

    #[test]
    fn a_service_has_the_size_of_each_deployment_and_none_where_its_revision_is_not_known() {
        let key = |kind, cluster: &str, name: &str| -> Arc<WorkloadKey> {
            let (account, region) = ("123456789012".to_owned(), "eu-central-1".to_owned());
            WorkloadKey {
                account,
                region,
                kind,
                cluster: cluster.to_owned(),
                name: name.to_owned(),
            }
            .into()
        };
        let row = |workload: Arc<WorkloadKey>, from_ms, definition: Option<&str>, configuration| {
            ConfigurationRow::new(
                workload,
                from_ms,
                definition.map(str::to_owned),
                configuration,
                SourceKind::EcsApi,
            )
        };
        let service = || key(Kind::Service, "prod", "web");
        let rows = [
            row(service(), 30, Some("web:3"), Configuration::default()),
            row(service(), 10, Some("web:1"), Configuration::default()),
            row(service(), 20, None, Configuration::default()),
            row(service(), 40, Some("web:1"), Configuration::default()),
            row(
                key(Kind::Task, "", "web"),
                0,
                Some("web:1"),
                sized(256, 512),
            ),
            row(
                key(Kind::Task, "", "web"),
                0,
                Some("web:3"),
                sized(512, 1024),
            ),
        ];
        let mut table = schema::configurations(&rows).unwrap();
        for (name, value) in [("account", "123456789012"), ("region", "eu-central-1")] {
            table
                .with_column(Column::new(name.into(), vec![value; rows.len()]))
                .unwrap();
        }
        let histories = histories(Some(&table), &[]).unwrap();
        assert_eq!(histories.len(), 1, "a definition is no workload");
        let of_service = &histories[&*service()];
        let sizes: Vec<_> = of_service
            .iter()
            .map(|(from_ms, now)| (*from_ms, now.size()))
            .collect();
        let size = |cpu_units, memory_mib| Some(TaskSize::new(cpu_units, memory_mib));
        assert_eq!(
            sizes,
            [
                (10, size(256, 512)),
                (20, None),
                (30, size(512, 1024)),
                (40, size(256, 512))
            ]
        );
        assert_eq!(newest(of_service).1, Some(40));
    }
}
