//! Amazon ECS: what there is, what a cluster runs now and ran in the last hour, and how its services were configured.
//!
//! AWS forgets a stopped task after about an hour, so every snapshot is a source of its own and snapshots add up. The
//! history of a service is taken when it has changed, in a unit of its own.

mod clusters;
mod definitions;
mod history;
mod instances;
mod tasks;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::call::{Fault, Place};
use super::commit::{Sink, Unit};
use super::plan::Known;
use super::reckoning::Reckoning;
use crate::dataset::batch::Batch;
use crate::dataset::schema::{ConfigurationRow, State};
use crate::dataset::source;
use crate::dataset::written::ScopeDay;
use crate::model::units::MS_PER_DAY;
use crate::model::workload::Kind;
use crate::records::tasks::family;

pub(crate) use clusters::discover;

/// Calls of one kind under way at once; the pace is the rates' business.
const AT_ONCE: usize = 4;
/// What a snapshot shows when nothing is missing.
const SNAPSHOT: &str = "tasks that ran then or had stopped within the hour";
/// What a history shows when nothing is missing.
const HISTORY: &str = "deployments that AWS still lists";

/// How much Container Insights measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Insights {
    /// Nothing.
    Disabled,
    /// Clusters, services and task definition families.
    Standard,
    /// Tasks and containers as well.
    Enhanced,
}

/// A cluster, as discovered.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// Name.
    pub(crate) name: String,
    /// ARN.
    pub(crate) arn: String,
    /// Container Insights.
    pub(crate) insights: Insights,
    /// Services, by name.
    pub(crate) services: Vec<Service>,
    /// Has container instances, or may have.
    pub(crate) instances: bool,
    /// Tasks that run now, as AWS counts them; 0 where it does not tell.
    pub(crate) running_tasks: u64,
    /// What could not be discovered of it.
    pub(crate) faults: Vec<String>,
    /// Why not all of its services and their families are known: a family may then be a service's without our knowing.
    pub(crate) unknown_services: Option<Fault>,
}

/// A service, as discovered.
#[derive(Debug)]
pub(crate) struct Service {
    /// ARN.
    pub(crate) arn: String,
    /// Name.
    pub(crate) name: String,
    /// When it last changed; `None` while it is changing, or where it could not be described.
    pub(crate) settled_ms: Option<i64>,
    /// Its configurations; empty where it could not be described.
    pub(crate) configurations: Vec<ConfigurationRow>,
    /// Hash of those of its tags that are kept; none where it has none.
    pub(crate) tags: Option<String>,
}

impl Service {
    /// Families of the task definitions of all its deployments.
    pub(crate) fn families(&self) -> impl Iterator<Item = &str> {
        self.definitions().map(family)
    }

    /// What its history, as told at `now_ms`, is called as a source.
    pub(crate) fn history(&self, now_ms: i64) -> String {
        source::history(&self.name, now_ms, self.tags.as_deref())
    }

    /// Task definitions of all its deployments.
    pub(crate) fn definitions(&self) -> impl Iterator<Item = &str> {
        self.configurations
            .iter()
            .filter_map(|row| row.task_definition.as_deref())
    }
}

/// What there is in one place.
#[derive(Debug, Default)]
pub(crate) struct Discovered {
    /// Clusters, by name.
    pub(crate) clusters: Vec<Cluster>,
    /// Clusters asked for that are not there, and listed ones that were not described: each with its reason.
    pub(crate) missing: Vec<String>,
}

/// Takes and commits the snapshot of one cluster: its tasks, their definitions, its container instances.
///
/// A task definition among `definitions` (`family:revision`) is not asked for again; those committed here are added.
/// Fails only when everything is to stop: what is missing for any other reason is told of the scope-day.
pub(crate) async fn snapshot(
    place: &Place,
    cluster: &Cluster,
    now_ms: i64,
    definitions: &Mutex<BTreeSet<String>>,
    known: &Known,
    sink: &Sink,
) -> Result<(), Fault> {
    let mut snapshot = Snapshot::new(place, cluster, now_ms, sink);
    snapshot.report.faults.clone_from(&cluster.faults);
    snapshot.tasks().await?;
    if cluster.instances {
        snapshot.instances().await?;
    }
    let scope_day = |state, reason| {
        vec![scope_day(
            cluster,
            None,
            source::snapshot(now_ms),
            now_ms,
            state,
            reason,
        )]
    };
    snapshot
        .finish(SNAPSHOT, scope_day, definitions, known)
        .await
}

/// Takes and commits the configurations of some services of a cluster over time, with their task definitions.
///
/// As [`snapshot`] in all else.
pub(crate) async fn history(
    place: &Place,
    cluster: &Cluster,
    services: &[&Service],
    now_ms: i64,
    definitions: &Mutex<BTreeSet<String>>,
    known: &Known,
    sink: &Sink,
) -> Result<(), Fault> {
    let mut snapshot = Snapshot::new(place, cluster, now_ms, sink);
    let configurations = services
        .iter()
        .flat_map(|service| service.configurations.iter().cloned())
        .map(|row| row.told_at(now_ms, &place.tags))
        .collect();
    snapshot
        .send(Batch {
            configurations,
            ..Batch::default()
        })
        .await?;
    snapshot.history(services).await?;
    let scope_days = |state: State, reason: String| {
        let of = |service: &&Service| {
            scope_day(
                cluster,
                Some(&service.name),
                service.history(now_ms),
                now_ms,
                state,
                reason.clone(),
            )
        };
        services.iter().map(of).collect()
    };
    snapshot
        .finish(HISTORY, scope_days, definitions, known)
        .await
}

fn scope_day(
    cluster: &Cluster,
    service: Option<&str>,
    source: String,
    now_ms: i64,
    state: State,
    reason: String,
) -> ScopeDay {
    let (scope, workload, day) = (
        cluster.name.clone(),
        service.map(str::to_owned),
        now_ms.div_euclid(MS_PER_DAY),
    );
    ScopeDay {
        scope,
        workload,
        source,
        day,
        state,
        reason: Some(reason),
    }
}

/// A snapshot in the making.
struct Snapshot<'a> {
    place: &'a Place,
    cluster: &'a Cluster,
    now_ms: i64,
    unit: Unit,
    /// Every task definition that a row names.
    definitions: BTreeSet<String>,
    rows: usize,
    report: Report,
}

impl<'a> Snapshot<'a> {
    fn new(place: &'a Place, cluster: &'a Cluster, now_ms: i64, sink: &Sink) -> Self {
        let (definitions, report) = (BTreeSet::new(), Report::default());
        Self {
            place,
            cluster,
            now_ms,
            unit: sink.unit(),
            definitions,
            rows: 0,
            report,
        }
    }

    /// Describes the task definitions that are not known yet, and commits everything.
    async fn finish(
        mut self,
        whole: &str,
        scope_days: impl FnOnce(State, String) -> Vec<ScopeDay>,
        definitions: &Mutex<BTreeSet<String>>,
        known: &Known,
    ) -> Result<(), Fault> {
        let unknown = {
            let known = definitions.lock().unwrap_or_else(PoisonError::into_inner);
            self.definitions.difference(&known).cloned().collect()
        };
        let described = self.describe(unknown).await?;
        let (state, reason) = self.report.scope_day(whole, self.rows);
        self.unit
            .commit(self.place, scope_days(state, reason), known)
            .await?;
        // Only now: what an abandoned unit described is in no commit.
        definitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(described);
        Ok(())
    }
}

impl Snapshot<'_> {
    /// Sends rows and notes the task definitions that they name; those of services' tasks are named by the services, too.
    async fn send(&mut self, batch: Batch) -> Result<(), Fault> {
        let configured = batch
            .configurations
            .iter()
            .filter_map(|row| row.task_definition.as_ref());
        let standalone = batch
            .runs
            .iter()
            .filter(|row| row.workload.kind == Kind::Task);
        let ran = standalone.filter_map(|row| row.task_definition.as_ref());
        for definition in configured.chain(ran) {
            if !self.definitions.contains(definition) {
                self.definitions.insert(definition.clone());
            }
        }
        self.rows += batch.configurations.len() + batch.runs.len() + batch.instances.len();
        self.unit.rows(batch).await
    }
}

/// What a snapshot lacks, and what else is to be said of it.
#[derive(Debug, Default)]
struct Report {
    faults: Vec<String>,
    notes: Vec<String>,
    /// The state that the first fault would make of the whole.
    first: Option<State>,
}

impl Report {
    /// Takes note of a fault; fails when it says that everything is to stop.
    fn fault(&mut self, fault: Fault) -> Result<(), Fault> {
        if matches!(fault, Fault::Stopped(_)) {
            return Err(fault);
        }
        self.first.get_or_insert(fault.state());
        let reason = fault.reason();
        if !self.faults.contains(&reason) {
            self.faults.push(reason);
        }
        Ok(())
    }

    /// Takes note of what is missing of `noun`, a plural.
    fn reckon(&mut self, reckoning: &Reckoning, noun: &str) {
        self.faults.extend(reckoning.faults(noun));
        self.notes.extend(reckoning.gone_note(noun));
    }

    /// The state of the whole and why: `whole` where nothing is missing.
    fn scope_day(self, whole: &str, rows: usize) -> (State, String) {
        let Self {
            faults,
            notes,
            first,
        } = self;
        let state = match (faults.is_empty(), first) {
            (true, _) => State::Snapshot,
            (false, Some(first)) if rows == 0 => first,
            (false, _) => State::Partial,
        };
        let mut reasons = if faults.is_empty() {
            vec![whole.to_owned()]
        } else {
            faults
        };
        reasons.extend(notes);
        (state, reasons.join("; "))
    }
}

/// True when asking the same operation about something else of the cluster would end the same way.
fn is_final(fault: &Fault) -> bool {
    match fault {
        Fault::Denied(_)
        | Fault::Credentials(_)
        | Fault::Stranger(_)
        | Fault::OptedOut
        | Fault::Budget
        | Fault::Stopped(_) => true,
        Fault::Gone(what) => what.contains("ClusterNotFoundException"),
        Fault::Throttled(_) | Fault::Failed(_) | Fault::Protocol(_) => false,
    }
}

/// The name and reason of a failure; its detail may quote what was sent.
fn failures(
    failures: Option<Vec<aws_sdk_ecs::types::Failure>>,
) -> impl Iterator<Item = super::reckoning::Failure> {
    failures
        .unwrap_or_default()
        .into_iter()
        .map(|failure| (failure.arn, failure.reason))
}
