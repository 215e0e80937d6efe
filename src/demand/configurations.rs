//! What was in force when: task definitions, deployments and runs put in order of time.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use polars::prelude::{Column, DataFrame, PolarsResult};

use super::columns::{integers, texts};
use super::runs::{self, Run, workload_keys};
use crate::dataset::schema::SourceKind;
use crate::model::tags::Tags;
use crate::model::workload::{Configuration, ContainerLimit, Kind, StrategyItem, WorkloadKey};
use crate::pricing::metering::INCLUDED_EPHEMERAL_GIB;

/// The configurations of one workload, each from its time on, in order of time.
pub type History = Vec<(i64, Configuration)>;

/// A new deployment has its tasks running after this, if they run at all.
const SETTLED_MS: i64 = 1_800_000;

/// How a workload was configured from one time on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InForce {
    /// Its beginning.
    pub from_ms: i64,
    /// `family:revision`, where known.
    pub task_definition: Option<String>,
    /// The configuration; without a capacity provider where there are several, or none is known.
    pub configuration: Configuration,
    /// How tasks are spread over several capacity providers.
    pub strategy: Vec<StrategyItem>,
    /// Seconds between the samples of one task, where the service says so.
    pub resolution_s: Option<i32>,
}

impl InForce {
    /// What a going rate depends on: two of these that are equal are one configuration to it.
    fn rate_key(&self) -> (Configuration, &[StrategyItem]) {
        (rated(&self.configuration), &self.strategy)
    }
}

/// A configuration without what no price depends on.
fn rated(configuration: &Configuration) -> Configuration {
    Configuration {
        network_mode: None,
        scheduling_strategy: None,
        requires_ec2: None,
        privileged: None,
        ..configuration.clone()
    }
}

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
        families.extend(runs.iter().filter_map(family_of_service));
        definitions.learn(runs);
        let mut tags = BTreeMap::new();
        for (key, rows) in &services {
            let newest = rows.iter().filter_map(|row| row.tagged.as_ref()).max();
            tags.extend(newest.map(|newest| (key.clone(), newest.tags.clone())));
        }
        let mut timelines: BTreeMap<WorkloadKey, Vec<InForce>> = services
            .into_iter()
            .map(|(key, rows)| (key, timeline_of_rows(rows, &definitions)))
            .collect();
        for of_workload in runs.chunk_by_mut(|a, b| Arc::ptr_eq(&a.workload, &b.workload)) {
            let key = of_workload[0].workload.clone();
            definitions.complete(of_workload, timelines.get(&*key).map_or(&[], Vec::as_slice));
            let told = timelines.entry((*key).clone()).or_default();
            *told = with_runs(std::mem::take(told), of_workload, key.kind);
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

/// The family in `family:revision`.
pub fn family(definition: &str) -> &str {
    definition.split(':').next().unwrap_or_default()
}

fn family_of_service(run: &Run) -> Option<[String; 4]> {
    let WorkloadKey {
        account,
        region,
        kind,
        cluster,
        ..
    } = &*run.workload;
    let family = family(run.task_definition.as_deref()?).to_owned();
    (*kind == Kind::Service).then(|| [account.clone(), region.clone(), cluster.clone(), family])
}

/// One row of the `workloads` table.
#[derive(Debug)]
struct Row {
    workload: WorkloadKey,
    entry: InForce,
    running: Option<i64>,
    running_before: Option<i64>,
    containers: Vec<ContainerLimit>,
    tagged: Option<Tagged>,
}

/// Tags as told at one time; what was told later, or else of later, is greater.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Tagged {
    seen_ms: Option<i64>,
    from_ms: i64,
    tags: Tags,
}

impl Row {
    fn all(table: &DataFrame) -> PolarsResult<Vec<Self>> {
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

    fn is_definition(&self) -> bool {
        self.workload.kind == Kind::Task && self.workload.cluster.is_empty()
    }

    fn family(&self) -> Option<[String; 4]> {
        let WorkloadKey {
            account,
            region,
            kind,
            cluster,
            ..
        } = &self.workload;
        let family = family(self.entry.task_definition.as_deref()?).to_owned();
        (*kind == Kind::Service).then(|| [account.clone(), region.clone(), cluster.clone(), family])
    }
}

/// Task definitions by account, region and `family:revision`: they never change.
#[derive(Debug, Default)]
struct Definitions(HashMap<[String; 3], Definition>);

#[derive(Debug)]
struct Definition {
    configuration: Configuration,
    containers: Vec<ContainerLimit>,
    tagged: Option<Tagged>,
    /// It was read itself; else a run of it tells.
    is_read: bool,
}

impl Definitions {
    fn add(&mut self, row: Row) {
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
    fn tags(&self) -> HashMap<[&str; 3], (u64, &Tags)> {
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
    fn learn(&mut self, runs: &[Run]) {
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

    fn get(&self, workload: &WorkloadKey, name: &str) -> Option<&Definition> {
        let key = [
            workload.account.clone(),
            workload.region.clone(),
            name.to_owned(),
        ];
        self.0.get(&key)
    }

    /// Puts into the runs of one workload what only their definitions and their service's deployments tell.
    fn complete(&self, runs: &mut [Run], timeline: &[InForce]) {
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
fn fill(configuration: &mut Configuration, definition: &Configuration) {
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
fn fill_provider(configuration: &mut Configuration, source: SourceKind) {
    let names_provider = matches!(source, SourceKind::TaskEvents | SourceKind::EcsApi);
    if names_provider
        && configuration.capacity_provider.is_none()
        && configuration.launch_type.as_deref() == Some("FARGATE")
    {
        configuration.capacity_provider = Some("FARGATE".to_owned());
    }
}

/// What is in force at `at_ms`; before the first, the first.
pub fn in_force(timeline: &[InForce], at_ms: i64) -> Option<&InForce> {
    let behind = timeline.partition_point(|entry| entry.from_ms <= at_ms);
    timeline.get(behind.saturating_sub(1))
}

/// The deployments of a service that ran something, or the configurations of a project, in order of time.
fn timeline_of_rows(rows: Vec<Row>, definitions: &Definitions) -> Vec<InForce> {
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
fn with_runs(told: Vec<InForce>, runs: &[Run], kind: Kind) -> Vec<InForce> {
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

/// When the size in force at the end took over from another one.
pub fn resized_ms(timeline: &[InForce]) -> Option<i64> {
    let size = timeline.last()?.configuration.size()?;
    let other = |entry: &InForce| entry.configuration.size().is_some_and(|s| s != size);
    let last_other = timeline.iter().rposition(other)?;
    timeline.get(last_other + 1).map(|entry| entry.from_ms)
}

/// Since when a service is configured as it is at the end of its timeline; `None` where it always was.
pub fn unchanged_since_ms(timeline: &[InForce]) -> Option<i64> {
    let now = timeline.last()?.rate_key();
    let last_other = timeline.iter().rposition(|entry| entry.rate_key() != now)?;
    timeline.get(last_other + 1).map(|entry| entry.from_ms)
}

/// The configurations that jobs run in today, and since when; `None` where that was always so.
///
/// Those that ran side by side are one mix: of all that were started later than the first run of the newest one.
pub fn mix_since_ms<'a>(runs: impl Iterator<Item = &'a Run>) -> Option<i64> {
    let mut starts: HashMap<&Arc<Configuration>, (i64, i64)> = HashMap::new();
    for run in runs {
        if let Some(start_ms) = run.start_ms() {
            let (first, last) = starts
                .entry(&run.configuration)
                .or_insert((start_ms, start_ms));
            *first = start_ms.min(*first);
            *last = start_ms.max(*last);
        }
    }
    let mut spans: BTreeMap<Configuration, (i64, i64)> = BTreeMap::new();
    for (configuration, (first, last)) in starts {
        let span = spans.entry(rated(configuration)).or_insert((first, last));
        *span = (first.min(span.0), last.max(span.1));
    }
    let mut spans: Vec<(i64, i64)> = spans.into_values().collect();
    spans.sort_by_key(|(_, last)| std::cmp::Reverse(*last));
    let mut since_ms = spans.first()?.0;
    for (first, last) in spans {
        if last < since_ms {
            return Some(since_ms);
        }
        since_ms = since_ms.min(first);
    }
    None
}

/// How `task_ms` of running tasks in a time of `length_ms` lie on the providers of a strategy: the base first, the
/// rest by weight. Empty where the strategy places nothing.
/// Source: ECS API reference, `CapacityProviderStrategyItem`, read 2026-11.
pub fn placed(strategy: &[StrategyItem], task_ms: i64, length_ms: i64) -> Vec<(&str, i64)> {
    let mut rest = task_ms;
    let mut placed: Vec<(&str, i64)> = Vec::with_capacity(strategy.len());
    for item in strategy {
        let base_ms = i64::from(item.base).saturating_mul(length_ms).min(rest);
        rest -= base_ms;
        placed.push((item.provider.as_str(), base_ms));
    }
    let weights: i128 = strategy.iter().map(|item| i128::from(item.weight)).sum();
    if weights == 0 {
        // Only bases: what exceeds them is placed nowhere else.
        if let Some((_, last)) = placed.last_mut() {
            *last += rest;
        }
        return placed;
    }
    let (mut weight, mut given) = (0i128, 0i64);
    for (item, (_, ms)) in strategy.iter().zip(&mut placed) {
        weight += i128::from(item.weight);
        let up_to = i64::try_from(i128::from(rest) * weight / weights).unwrap_or(rest);
        *ms += up_to - given;
        given = up_to;
    }
    placed
}

/// The configuration with another capacity provider.
pub fn bought_by(configuration: &Configuration, provider: &str) -> Configuration {
    Configuration {
        capacity_provider: Some(provider.to_owned()),
        launch_type: Some(crate::records::tasks::launch_type_of(provider).to_owned()),
        ..configuration.clone()
    }
}
