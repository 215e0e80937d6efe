//! The `workloads` table row by row: how a workload was configured, as one source saw it.

use polars::prelude::{Column, DataFrame, PolarsResult};

use super::columns::{integers, texts};
use super::in_force::InForce;
use super::runs::{self, workload_keys};
use crate::model::tags::Tags;
use crate::model::workload::{Configuration, ContainerLimit, Kind, WorkloadKey};

/// One row of the `workloads` table.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) workload: WorkloadKey,
    pub(super) entry: InForce,
    pub(super) running: Option<i64>,
    pub(super) running_before: Option<i64>,
    pub(super) containers: Vec<ContainerLimit>,
    pub(super) tagged: Option<Tagged>,
}

/// Tags as told at one time; what was told later, or else of later, is greater.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tagged {
    pub(super) seen_ms: Option<i64>,
    pub(super) from_ms: i64,
    pub(super) tags: Tags,
}

impl Row {
    pub(super) fn all(table: &DataFrame) -> PolarsResult<Vec<Self>> {
        let (workloads, configurations) = (workload_keys(table)?, runs::configurations(table)?);
        let [from, running, running_before, resolution, seen] = [
            "from_ms",
            "running",
            "running_before",
            "resolution_s",
            "seen_ms",
        ]
        .map(|name| integers(table, name));
        let (from, running, running_before) = (from?, running?, running_before?);
        let (resolution, seen, definitions) =
            (resolution?, seen?, texts(table, "task_definition")?);
        let text = |name: &str| table.column(name).and_then(Column::str);
        let (strategy, containers, tags) = (text("strategy")?, text("containers")?, text("tags")?);
        let tagged = |i: usize| {
            Some(Tagged {
                seen_ms: seen[i],
                from_ms: from[i].unwrap_or_default(),
                tags: serde_json::from_str(tags.get(i)?).ok()?,
            })
        };
        let row = |(i, (workload, configuration)): (usize, (WorkloadKey, Configuration))| Self {
            workload,
            entry: InForce {
                from_ms: from[i].unwrap_or_default(),
                task_definition: definitions[i].clone(),
                configuration,
                strategy: runs::list(strategy.get(i)),
                resolution_s: resolution[i].and_then(|seconds| i32::try_from(seconds).ok()),
            },
            running: running[i],
            running_before: running_before[i],
            containers: runs::list(containers.get(i)),
            tagged: tagged(i),
        };
        let rows = workloads.into_iter().zip(configurations).enumerate();
        Ok(rows.map(row).collect())
    }

    pub(super) fn is_definition(&self) -> bool {
        self.workload.kind == Kind::Task && self.workload.cluster.is_empty()
    }

    /// Account, region, cluster and family of what a service was configured with.
    pub(super) fn family(&self) -> Option<[String; 4]> {
        family_of_service(&self.workload, self.entry.task_definition.as_deref())
    }
}

/// The family in `family:revision`.
fn family(definition: &str) -> &str {
    definition.split(':').next().unwrap_or_default()
}

/// Account, region, cluster and family of what a service runs.
pub(super) fn family_of_service(
    workload: &WorkloadKey,
    definition: Option<&str>,
) -> Option<[String; 4]> {
    let WorkloadKey {
        account,
        region,
        kind,
        cluster,
        ..
    } = workload;
    let family = family(definition?).to_owned();
    (*kind == Kind::Service).then(|| [account.clone(), region.clone(), cluster.clone(), family])
}
