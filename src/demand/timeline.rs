//! The configurations of one workload in order of time, as deployments and runs tell them.

use std::collections::BTreeMap;

use super::definitions::{Definitions, fill, fill_provider};
use super::in_force::InForce;
use super::runs::Run;
use super::workload_rows::Row;
use crate::dataset::schema::SourceKind;
use crate::model::workload::Kind;

/// A new deployment has its tasks running after this, if they run at all.
const SETTLED_MS: i64 = 1_800_000;

/// The deployments of a service that ran something, or the configurations of a project, in order of time.
pub(super) fn of_rows(rows: Vec<Row>, definitions: &Definitions) -> Vec<InForce> {
    let mut by_deployment: BTreeMap<(i64, Option<String>), Vec<Row>> = BTreeMap::new();
    for row in rows {
        let key = (row.entry.from_ms, row.entry.task_definition.clone());
        by_deployment.entry(key).or_default().push(row);
    }
    let mut timeline: Vec<InForce> = by_deployment
        .into_values()
        .filter(|rows| !never_ran(rows))
        .filter_map(|rows| merged(rows, definitions))
        .collect();
    timeline.sort();
    fill_gaps(&mut timeline);
    timeline
}

/// A deployment that was only ever seen without a task beside older ones that ran some.
fn never_ran(rows: &[Row]) -> bool {
    let is_idle = |row: &Row| row.running == Some(0) && row.running_before.is_some_and(|n| n > 0);
    !rows.is_empty() && rows.iter().all(is_idle)
}

/// What several readings of one deployment tell together.
fn merged(rows: Vec<Row>, definitions: &Definitions) -> Option<InForce> {
    let mut rows = rows;
    rows.sort_by(|a, b| a.entry.cmp(&b.entry));
    let workload = rows.first()?.workload.clone();
    let mut entries = rows.into_iter().map(|row| row.entry);
    let mut entry = entries.next()?;
    for other in entries {
        let scheduling = &other.configuration.scheduling_strategy;
        if entry.configuration.scheduling_strategy.is_none() {
            entry
                .configuration
                .scheduling_strategy
                .clone_from(scheduling);
        }
        let launch_type = &other.configuration.launch_type;
        if entry.configuration.launch_type.is_none() {
            entry.configuration.launch_type.clone_from(launch_type);
        }
        entry.resolution_s = entry.resolution_s.or(other.resolution_s);
        if entry.strategy.is_empty() {
            entry.strategy = other.strategy;
            entry.configuration.capacity_provider = other.configuration.capacity_provider;
        }
    }
    let definition = entry.task_definition.as_deref();
    if let Some(definition) = definition.and_then(|name| definitions.get(&workload, name)) {
        fill(&mut entry.configuration, &definition.configuration);
    }
    if entry.strategy.is_empty() {
        fill_provider(&mut entry.configuration, SourceKind::EcsApi);
    }
    Some(entry)
}

/// What one source leaves open another of the same size may tell; sizes themselves are never carried over.
fn fill_gaps(timeline: &mut [InForce]) {
    for i in 1..timeline.len() {
        let (before, now) = timeline.split_at_mut(i);
        let (Some(before), Some(now)) = (before.last(), now.first_mut()) else {
            continue;
        };
        let (before, now) = (&before.configuration, &mut now.configuration);
        if now.size().is_some() && before.size() == now.size() {
            if now.launch_type.is_none() {
                now.launch_type.clone_from(&before.launch_type);
            }
            now.architecture = now.architecture.or(before.architecture);
            now.os = now.os.or(before.os);
            now.ephemeral_gib = now.ephemeral_gib.or(before.ephemeral_gib);
        }
    }
}

/// The timeline with what the runs of the workload add to it.
pub(super) fn with_runs(told: Vec<InForce>, runs: &[Run], kind: Kind) -> Vec<InForce> {
    let mut started: Vec<&Run> = runs.iter().filter(|run| run.start_ms().is_some()).collect();
    if started.is_empty() {
        if !told.is_empty() {
            return told;
        }
        started = runs.iter().collect();
    }
    started.sort_by_key(|run| (run.known_ms(), &run.run_id));
    if kind != Kind::Service {
        return of_jobs(&started);
    }
    if told.is_empty() {
        return of_tasks(&started);
    }
    let mut timeline: Vec<InForce> = told
        .iter()
        .filter(|entry| !is_contradicted(entry, &told, &started))
        .cloned()
        .collect();
    // A deployment of unknown size has the size of its tasks.
    let of_unknown = |run: &&&Run| {
        let behind = timeline.partition_point(|entry| entry.from_ms <= run.known_ms());
        let entry = behind.checked_sub(1).and_then(|i| timeline.get(i));
        entry.is_none_or(|entry| entry.configuration.size().is_none())
    };
    let unknown: Vec<&Run> = started.iter().filter(of_unknown).copied().collect();
    let tasks = of_tasks(&unknown);
    timeline.extend(
        tasks
            .into_iter()
            .filter(|e| e.configuration.size().is_some()),
    );
    timeline.sort();
    timeline.dedup_by(|later, earlier| {
        later.rate_key() == earlier.rate_key()
            && later.task_definition == earlier.task_definition
            && later.resolution_s == earlier.resolution_s
    });
    timeline
}

/// Tasks of an older deployment were started long after this one, and none of its own ever was.
fn is_contradicted(entry: &InForce, told: &[InForce], started: &[&Run]) -> bool {
    let Some(definition) = entry.task_definition.as_deref() else {
        return false;
    };
    let is_of = |run: &Run, name: &str| run.task_definition.as_deref() == Some(name);
    if started.iter().any(|run| is_of(run, definition)) {
        return false;
    }
    let is_older = |run: &Run| {
        told.iter()
            .filter(|other| other.from_ms < entry.from_ms)
            .filter_map(|other| other.task_definition.as_deref())
            .any(|name| is_of(run, name))
    };
    started
        .iter()
        .any(|run| run.known_ms() > entry.from_ms + SETTLED_MS && is_older(run))
}

fn entry_of(run: &Run) -> InForce {
    InForce {
        from_ms: run.known_ms(),
        task_definition: run.task_definition.as_deref().map(str::to_owned),
        configuration: (*run.configuration).clone(),
        strategy: Vec::new(),
        resolution_s: None,
    }
}

/// Each job brings its own configuration.
fn of_jobs(started: &[&Run]) -> Vec<InForce> {
    let mut timeline: Vec<InForce> = Vec::new();
    for run in started {
        let is_same = |before: &InForce| {
            before.configuration == *run.configuration
                && before.task_definition.as_deref() == run.task_definition.as_deref()
        };
        if !timeline.last().is_some_and(is_same) {
            timeline.push(entry_of(run));
        }
    }
    timeline
}

/// The tasks of a service are alike until another definition or size comes; their providers may differ.
fn of_tasks(started: &[&Run]) -> Vec<InForce> {
    let mut timeline: Vec<InForce> = Vec::new();
    for run in started {
        let now = entry_of(run);
        let is_same = |before: &InForce| {
            before.task_definition == now.task_definition
                && before.configuration.size() == now.configuration.size()
        };
        match timeline.last_mut() {
            Some(before) if is_same(before) => {
                let provider = &mut before.configuration.capacity_provider;
                if *provider != now.configuration.capacity_provider {
                    *provider = None;
                }
            }
            _ => timeline.push(now),
        }
    }
    timeline
}
