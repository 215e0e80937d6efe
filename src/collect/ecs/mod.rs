//! Amazon ECS: what there is, and what a cluster runs now and ran in the last hour.
//!
//! AWS forgets a stopped task after about an hour, so every snapshot is a source of its own and snapshots add up.

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
use crate::dataset::schema::State;
use crate::dataset::writer::Verdict;
use crate::records::Batch;
use crate::units::MS_PER_DAY;

pub(crate) use clusters::discover;

/// Calls of one kind under way at once; the pace is the rates' business.
const AT_ONCE: usize = 4;
/// What a snapshot shows when nothing is missing.
const SNAPSHOT: &str = "tasks that ran then or had stopped within the hour";

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
}

/// A service, as discovered.
#[derive(Debug)]
pub(crate) struct Service {
    /// ARN.
    pub(crate) arn: String,
    /// Name.
    pub(crate) name: String,
    /// Families of the task definitions of all its deployments; empty where it could not be described.
    pub(crate) families: BTreeSet<String>,
}

/// What there is in one place.
#[derive(Debug, Default)]
pub(crate) struct Discovered {
    /// Clusters, by name.
    pub(crate) clusters: Vec<Cluster>,
    /// Clusters asked for that are not there, and listed ones that were not described: each with its reason.
    pub(crate) missing: Vec<String>,
    /// The services' configurations, of all clusters.
    pub(crate) batch: Batch,
}

/// What a snapshot saw.
#[derive(Debug, Default)]
pub(crate) struct SnapshotFacts {
    /// Task definition families of tasks that belong to no service.
    pub(crate) families: BTreeSet<String>,
    /// Tasks described; one that stopped meanwhile counts twice.
    pub(crate) tasks: usize,
}

/// The source of the snapshots taken at `now_ms`, as the coverage table names it.
pub(crate) fn snapshot_source(now_ms: i64) -> String {
    let now = jiff::Timestamp::from_millisecond(now_ms).unwrap_or_default();
    format!("collect:ecs:{}", now.strftime("%Y-%m-%dT%H:%M:%SZ"))
}

/// Takes and commits the snapshot of one cluster: tasks, task definitions, the services' history, container instances.
///
/// `services` are the configurations of its services, as discovered. A definition in `known_definitions`
/// (`family:revision`) is not asked for again; those committed here are added. Fails only when everything is to stop:
/// what is missing for any other reason is in the verdict.
pub(crate) async fn snapshot(
    place: &Place,
    cluster: &Cluster,
    services: Batch,
    now_ms: i64,
    known_definitions: &Mutex<BTreeSet<String>>,
    known: &Known,
    sink: &Sink,
) -> Result<SnapshotFacts, Fault> {
    let mut snapshot = Snapshot {
        place,
        cluster,
        now_ms,
        unit: sink.unit(),
        definitions: BTreeSet::new(),
        facts: SnapshotFacts::default(),
        rows: 0,
        report: Report { faults: cluster.faults.clone(), ..Report::default() },
    };
    snapshot.send(services).await?;
    snapshot.tasks().await?;
    snapshot.history().await?;
    if cluster.instances {
        snapshot.instances().await?;
    }
    let asked_before = known_definitions.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let described = snapshot.definitions(&asked_before).await?;
    let Snapshot { unit, facts, rows, report, .. } = snapshot;
    let day = now_ms.div_euclid(MS_PER_DAY);
    let verdict = report.verdict(&cluster.name, day, rows);
    unit.commit(place, &snapshot_source(now_ms), vec![verdict], known).await?;
    // Only now: what an abandoned snapshot described is in no commit.
    known_definitions.lock().unwrap_or_else(PoisonError::into_inner).extend(described);
    Ok(facts)
}

/// A snapshot in the making.
struct Snapshot<'a> {
    place: &'a Place,
    cluster: &'a Cluster,
    now_ms: i64,
    unit: Unit,
    /// Every task definition that a row names.
    definitions: BTreeSet<String>,
    facts: SnapshotFacts,
    rows: usize,
    report: Report,
}

impl Snapshot<'_> {
    /// Sends rows and notes the task definitions that they name.
    async fn send(&mut self, batch: Batch) -> Result<(), Fault> {
        let configured = batch.configurations.iter().filter_map(|row| row.task_definition.as_ref());
        let ran = batch.runs.iter().filter_map(|row| row.task_definition.as_ref());
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

    fn verdict(self, cluster: &str, day: i64, rows: usize) -> Verdict {
        let Self { faults, notes, first } = self;
        let state = match (faults.is_empty(), first) {
            (true, _) => State::Snapshot,
            (false, Some(first)) if rows == 0 => first,
            (false, _) => State::Partial,
        };
        let mut reasons = if faults.is_empty() { vec![SNAPSHOT.to_owned()] } else { faults };
        reasons.extend(notes);
        Verdict { scope: cluster.to_owned(), day, state, reason: Some(reasons.join("; ")) }
    }
}

/// True when asking the same operation about something else of the cluster would end the same way.
fn is_final(fault: &Fault) -> bool {
    match fault {
        Fault::Denied(_) | Fault::Credentials(_) | Fault::OptedOut | Fault::Stopped(_) => true,
        Fault::Gone(what) => what.contains("ClusterNotFoundException"),
        Fault::Throttled(_) | Fault::Failed(_) | Fault::Protocol(_) => false,
    }
}

/// The name and reason of a failure; its detail may quote what was sent.
fn failures(failures: Option<Vec<aws_sdk_ecs::types::Failure>>) -> impl Iterator<Item = super::reckoning::Failure> {
    failures.unwrap_or_default().into_iter().map(|failure| (failure.arn, failure.reason))
}
