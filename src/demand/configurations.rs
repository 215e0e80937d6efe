//! What was in force when: task definitions, deployments and runs put in order of time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use polars::prelude::{DataFrame, PolarsResult};

use super::definitions::Definitions;
use super::in_force::InForce;
use super::runs::Run;
use super::timeline;
use super::workload_rows::{Row, family_of_service};
use crate::model::tags::Tags;
use crate::model::workload::{Configuration, Kind, WorkloadKey};

/// The configurations of one workload, each from its time on, in order of time.
pub type History = Vec<(i64, Configuration)>;

/// Every workload's configurations over time.
#[derive(Debug, Default)]
pub struct Configurations {
    timelines: BTreeMap<WorkloadKey, Vec<InForce>>,
    tags: BTreeMap<WorkloadKey, Tags>,
    /// Account, region, cluster and family of what services were configured with.
    families: BTreeSet<[String; 4]>,
}

impl Configurations {
    /// What the `workloads` table and the runs tell; what only their definitions tell of runs is put into them.
    ///
    /// Runs of one workload stand together.
    pub fn of(table: Option<&DataFrame>, runs: &mut [Run]) -> PolarsResult<Self> {
        let rows = table.map(Row::all).transpose()?.unwrap_or_default();
        let mut definitions = Definitions::default();
        let mut services: BTreeMap<WorkloadKey, Vec<Row>> = BTreeMap::new();
        for row in rows {
            if row.is_definition() {
                definitions.add(row);
            } else {
                services.entry(row.workload.clone()).or_default().push(row);
            }
        }
        let families = services.values().flatten().filter_map(Row::family);
        let mut families: BTreeSet<[String; 4]> = families.collect();
        families
            .extend(runs.iter().filter_map(|run| {
                family_of_service(&run.workload, run.task_definition.as_deref())
            }));
        definitions.learn(runs);
        let mut tags = BTreeMap::new();
        for (key, rows) in &services {
            let newest = rows.iter().filter_map(|row| row.tagged.as_ref()).max();
            tags.extend(newest.map(|newest| (key.clone(), newest.tags.clone())));
        }
        let mut timelines: BTreeMap<WorkloadKey, Vec<InForce>> = services
            .into_iter()
            .map(|(key, rows)| (key, timeline::of_rows(rows, &definitions)))
            .collect();
        for of_workload in runs.chunk_by_mut(|a, b| Arc::ptr_eq(&a.workload, &b.workload)) {
            let key = of_workload[0].workload.clone();
            definitions.complete(of_workload, timelines.get(&*key).map_or(&[], Vec::as_slice));
            let told = timelines.entry((*key).clone()).or_default();
            *told = timeline::with_runs(std::mem::take(told), of_workload, key.kind);
        }
        let of_families = definitions.tags();
        for key in timelines.keys().filter(|key| key.kind == Kind::Task) {
            let newest =
                of_families.get(&[&key.account, &key.region, &key.name].map(String::as_str));
            tags.extend(newest.map(|(_, newest)| (key.clone(), (*newest).clone())));
        }
        Ok(Self {
            timelines,
            tags,
            families,
        })
    }

    /// The tags of one workload, as last told: a service's and a project's own, of a family those of its newest task
    /// definition that was described.
    pub fn tags(&self, workload: &WorkloadKey) -> Tags {
        self.tags.get(workload).cloned().unwrap_or_default()
    }

    /// The configurations of one workload over time.
    pub fn timeline(&self, workload: &WorkloadKey) -> &[InForce] {
        self.timelines.get(workload).map_or(&[], Vec::as_slice)
    }

    /// Every workload that is known, ordered.
    pub fn workloads(&self) -> impl Iterator<Item = &WorkloadKey> {
        self.timelines.keys()
    }

    /// True where services of the cluster were configured with the family.
    pub fn is_of_service(&self, family: &WorkloadKey) -> bool {
        let WorkloadKey {
            account,
            region,
            cluster,
            name,
            ..
        } = family;
        self.families
            .contains(&[account, region, cluster, name].map(Clone::clone))
    }

    /// Every workload's configurations over time, for what is measured in shares of a size.
    pub fn histories(&self) -> BTreeMap<WorkloadKey, History> {
        let history = |timeline: &Vec<InForce>| {
            let entries = timeline.iter();
            entries
                .map(|entry| (entry.from_ms, entry.configuration.clone()))
                .collect()
        };
        self.timelines
            .iter()
            .map(|(key, timeline)| (key.clone(), history(timeline)))
            .collect()
    }
}
